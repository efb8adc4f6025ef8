/* jrec: the bytes of a record are what docs/formats.md says, and nothing else is a record. */
#include "wire/jrec.h"

#include <stdlib.h>

#include "base/err.h"
#include "tests/unit/unit.h"

static struct span encode(void *mem, size_t cap, uint64_t seq, uint16_t type, const struct jtlv *t, size_t n)
{
	struct wr w = wr_of(mem, cap);
	struct jrec r = {.seq = seq, .type = type, .version = 1};
	int got = jrec_encode(&w, &r, t, n);

	CHECK(got > 0 && (size_t)got == w.n);
	return wr_span(&w);
}

static int decode(struct span s, struct jrec *r, enum jrec_fault *fault)
{
	return jrec_decode(s, r, fault);
}

TEST(bytes_are_the_documented_ones)
{
	/* 20 head and type + field (4 + 2) = 26; 4 of padding = 30; up to 32: 6 of padding. */
	static const uint8_t want[32] = {
		4, 0, 0xfb, 0xff, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0,
		0x34, 0x12, 1, 0, 7, 0, 2, 0, 'h', 'i', 6, 6, 6, 6, 6, 6};
	uint8_t mem[64];
	struct jtlv t = {7, SPAN_LIT("hi")};
	struct span s = encode(mem, sizeof mem, 9, 0x1234, &t, 1);

	CHECK_INT(s.n, 32);
	mem[4] = mem[5] = mem[6] = mem[7] = 0; /* the checksum has a test of its own */
	CHECK(memcmp(mem, want, sizeof want) == 0);
}

TEST(checksum_covers_length_then_the_rest)
{
	/* crc32c of the 4 length bytes and the 16 behind the checksum, by the polynomial bit by bit. */
	uint8_t mem[64], over[64];
	struct span s = encode(mem, sizeof mem, 1, 2, NULL, 0);
	uint32_t crc = ~0u, stored = (uint32_t)mem[4] | (uint32_t)mem[5] << 8 | (uint32_t)mem[6] << 16 |
				     (uint32_t)mem[7] << 24;

	NEED(s.n == JREC_MIN);
	memcpy(over, mem, 4);
	memcpy(over + 4, mem + 8, s.n - 8);
	for (size_t i = 0; i < (s.n - 4) * 8; i++) {
		uint32_t bit = (crc ^ (uint32_t)(over[i / 8] >> (i % 8))) & 1;

		crc = crc >> 1 ^ (bit ? 0x82f63b78u : 0);
	}
	CHECK(stored == ~crc);
}

TEST(fields_come_back)
{
	uint8_t mem[128];
	struct jtlv t[] = {{1, SPAN_LIT("a")}, {2, SPAN_NONE}, {1, SPAN_LIT("second")}, {3, SPAN_LIT("\1\2\3\4\5\6\7\10")}};
	struct span s = encode(mem, sizeof mem, 77, 5, t, 4), v, rest;
	enum jrec_fault f;
	struct jrec r;
	struct jtlv got;
	uint64_t n;
	size_t i = 0;

	NEED(decode(s, &r, &f) == (int)s.n);
	CHECK(f == JREC_OK && r.seq == 77 && r.type == 5 && r.version == 1);
	for (rest = r.tlvs; jtlv_next(&rest, &got); i++)
		CHECK(i < 4 && got.tag == t[i].tag && span_eq(got.value, t[i].value));
	CHECK_INT(i, 4);
	CHECK(jrec_find(&r, 1, &v) && span_eq_str(v, "a"));
	CHECK(jrec_find(&r, 2, &v) && v.n == 0);
	CHECK(!jrec_find(&r, 9, &v));
	CHECK(jrec_find_u64(&r, 3, &n) && n == 0x0807060504030201);
	CHECK(!jrec_find_u64(&r, 1, &n));
}

TEST(every_size_up_to_the_bound_round_trips)
{
	static uint8_t mem[JREC_MAX], zeros[JREC_MAX];

	for (size_t n = 0; n <= JREC_MAX - JREC_MIN - 4; n += n < 100 || n > JREC_MAX - 100 ? 1 : 997) {
		struct jtlv t = {1, span_of(zeros, n)};
		struct span s = encode(mem, sizeof mem, n + 1, 1, &t, 1);
		enum jrec_fault f;
		struct jrec r;

		NEED(s.n == jrec_size(&t, 1) && s.n % 8 == 0);
		NEED(decode(s, &r, &f) == (int)s.n && r.seq == n + 1 && r.tlvs.n == n + 4);
		/* why the padding exists: the last word is never zero, whatever the value is */
		NEED(s.p[s.n - 1] && s.p[s.n - 2] && s.p[s.n - 3] && s.p[s.n - 4]);
	}
}

TEST(what_does_not_fit_is_refused_and_leaves_no_trace)
{
	static uint8_t mem[JREC_MAX + 64], big[JREC_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct jrec r = {.seq = 1, .type = 1};
	struct jtlv t[2] = {{1, span_of(big, 40000)}, {2, span_of(big, 40000)}};

	CHECK_INT(jrec_encode(&w, &r, t, 2), -ZT_E_TOOLONG);
	t[0].value.n = JREC_MAX; /* longer than a field's length can say */
	CHECK_INT(jrec_encode(&w, &r, t, 1), -ZT_E_TOOLONG);
	t[0].value.n = SIZE_MAX;
	CHECK_INT(jrec_encode(&w, &r, t, 1), -ZT_E_TOOLONG);
	w = wr_of(mem, JREC_MIN - 1);
	CHECK_INT(jrec_encode(&w, &r, NULL, 0), -ZT_E_TOOLONG);
	CHECK(w.n == 0 && !w.full);
	w = wr_of(mem, JREC_MIN);
	CHECK_INT(jrec_encode(&w, &r, NULL, 0), JREC_MIN);
}

TEST(every_prefix_wants_more)
{
	uint8_t mem[128];
	struct jtlv t = {1, SPAN_LIT("some value or other")};
	struct span s = encode(mem, sizeof mem, 3, 1, &t, 1);

	for (size_t n = 0; n < s.n; n++) {
		enum jrec_fault f;
		struct jrec r;

		CHECK_INT(decode(span_sub(s, 0, n), &r, &f), ZT_MORE);
		CHECK(f == JREC_SHORT);
	}
}

TEST(every_changed_byte_is_seen)
{
	uint8_t mem[128];
	struct jtlv t = {1, SPAN_LIT("some value or other")};
	struct span s = encode(mem, sizeof mem, 3, 1, &t, 1);

	for (size_t at = 0; at < s.n; at++) {
		for (unsigned x = 1; x < 256; x++) {
			enum jrec_fault f;
			struct jrec r;
			int n;

			mem[at] ^= (uint8_t)x;
			n = decode(s, &r, &f);
			mem[at] ^= (uint8_t)x;
			if (n != -ZT_E_DAMAGED || f != (at < 4 ? JREC_LENGTH : JREC_CHECKSUM))
				unit_fail(__FILE__, __LINE__, "offset %zu ^ %u: %d, %s", at, x, n, jrec_fault_text(f));
		}
	}
}

/* A record that a buggy writer would make: right checksum, wrong inside. */
static int decode_forged(uint8_t *mem, struct span s, enum jrec_fault *f)
{
	struct jrec r;
	uint32_t crc = ~0u;

	for (size_t i = 0; i < (s.n - 4) * 8; i++) {
		uint8_t byte = mem[i / 8 < 4 ? i / 8 : i / 8 + 4];
		uint32_t bit = (crc ^ (uint32_t)(byte >> (i % 8))) & 1;

		crc = crc >> 1 ^ (bit ? 0x82f63b78u : 0);
	}
	crc = ~crc;
	for (size_t i = 0; i < 4; i++)
		mem[4 + i] = (uint8_t)(crc >> (8 * i));
	return decode(s, &r, f);
}

TEST(a_right_checksum_does_not_excuse_a_wrong_inside)
{
	uint8_t mem[64];
	struct jtlv t = {1, SPAN_LIT("abcd")};
	enum jrec_fault f;
	struct span s = encode(mem, sizeof mem, 3, 1, &t, 1); /* 28 bytes and 4 of padding */

	CHECK_INT(decode_forged(mem, s, &f), (int)s.n);
	mem[22] = 5; /* the field is longer than what holds it */
	CHECK(decode_forged(mem, s, &f) == -ZT_E_DAMAGED && f == JREC_FORM);
	mem[22] = 2; /* two bytes are left, too few for a field */
	CHECK(decode_forged(mem, s, &f) == -ZT_E_DAMAGED && f == JREC_FORM);
	mem[22] = 4;
	mem[s.n - 1] = 3; /* padding that says 3, or 12, or does not repeat */
	CHECK(decode_forged(mem, s, &f) == -ZT_E_DAMAGED && f == JREC_FORM);
	mem[s.n - 1] = 12;
	CHECK(decode_forged(mem, s, &f) == -ZT_E_DAMAGED && f == JREC_FORM);
	mem[s.n - 1] = 4;
	mem[s.n - 4] = 5;
	CHECK(decode_forged(mem, s, &f) == -ZT_E_DAMAGED && f == JREC_FORM);
	mem[s.n - 4] = 4;
	memset(mem + 8, 0, 8); /* sequence number 0 */
	CHECK(decode_forged(mem, s, &f) == -ZT_E_DAMAGED && f == JREC_FORM);
}

TEST(lengths_that_no_record_has)
{
	static uint8_t mem[JREC_MAX + 8];
	static const uint16_t units[] = {0, 1, 2, JREC_MAX / 8 + 1, 0xffff};

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		struct wr w = wr_of(mem, sizeof mem);
		enum jrec_fault f;
		struct jrec r;

		wr_le16(&w, units[i]);
		wr_le16(&w, (uint16_t)~units[i]);
		CHECK(decode(span_of(mem, sizeof mem), &r, &f) == -ZT_E_DAMAGED && f == JREC_LENGTH);
	}
}

TEST(magic_and_its_versions)
{
	uint8_t m[JREC_MAGIC];

	memcpy(m, jrec_magic, sizeof m);
	CHECK_INT(jrec_check_magic(span_of(m, 16)), 0);
	CHECK_INT(jrec_check_magic(span_of(m, 15)), -ZT_E_DAMAGED);
	m[12] = '2';
	CHECK_INT(jrec_check_magic(span_of(m, 16)), -ZT_E_VERSION);
	m[12] = '0';
	CHECK_INT(jrec_check_magic(span_of(m, 16)), -ZT_E_DAMAGED);
	m[12] = '2';
	m[13] = '\n';
	CHECK_INT(jrec_check_magic(span_of(m, 16)), -ZT_E_DAMAGED);
}

/* ---- the tail rule, clause by clause ------------------------------------------------------- */

/* A record of 1,048 bytes whose value is zeros: the hardest one to tell from missing sectors. */
static struct span zeros_record(uint8_t *mem)
{
	static const uint8_t zeros[1020];
	struct jtlv t = {1, span_of(zeros, sizeof zeros)};

	return encode(mem, 2048, 9, 1, &t, 1);
}

TEST(a_cut_record_is_torn_and_a_whole_one_is_not)
{
	uint8_t mem[2048];
	struct span s = zeros_record(mem);

	for (uint64_t at = 16; at < 16 + 1024; at += 8) {
		for (size_t n = 1; n < s.n; n++)
			if (!jrec_torn(at, span_sub(s, 0, n), 9))
				unit_fail(__FILE__, __LINE__, "at %d, %zu bytes", (int)at, n);
		CHECK(!jrec_torn(at, s, 9)); /* whole: a reader asks only if it was found wrong */
	}
}

TEST(missing_sectors_are_torn)
{
	uint8_t mem[2048];
	struct span s = zeros_record(mem);

	/* at 400: sectors begin 112 and 624 and (past the end) 1136 bytes into it */
	memset(mem + 624, 0, s.n - 624);
	CHECK(jrec_torn(400, s, 9));
	memset(mem + 112, 0, s.n - 112);
	CHECK(jrec_torn(400, s, 9));
	memset(mem, 0, s.n);
	CHECK(jrec_torn(400, s, 9));
	mem[s.n - 1] = 4; /* the file's last byte was written: then its sector was */
	CHECK(!jrec_torn(400, s, 9));
}

TEST(a_missing_sector_may_hold_the_sequence_number)
{
	uint8_t mem[2048];
	struct span s = zeros_record(mem);

	memset(mem + 8, 0, s.n - 8); /* at 504 a sector ends behind length and checksum */
	CHECK(jrec_torn(504, s, 9));
	CHECK(jrec_torn(504, span_sub(s, 0, 20), 9));
	CHECK(!jrec_torn(496, s, 9)); /* here nothing can have ended at that byte */
}

TEST(a_wrong_byte_in_a_record_of_zeros_is_not_torn)
{
	uint8_t mem[2048];
	struct span s = zeros_record(mem);

	for (uint64_t at = 16; at < 16 + 512; at += 8) {
		for (size_t i = 0; i < s.n; i++) {
			mem[i] ^= 0x10;
			if (jrec_torn(at, s, 9))
				unit_fail(__FILE__, __LINE__, "at %d, byte %zu", (int)at, i);
			mem[i] ^= 0x10;
		}
	}
}

TEST(a_cut_record_with_a_wrong_head_is_not_torn)
{
	uint8_t mem[2048];
	struct span s = zeros_record(mem), cut = span_sub(s, 0, 100);

	CHECK(jrec_torn(16, cut, 9));
	CHECK(!jrec_torn(16, cut, 8));
	for (size_t i = 0; i < 4; i++) {
		for (unsigned x = 1; x < 256; x++) {
			mem[i] ^= (uint8_t)x;
			CHECK(!jrec_torn(16, cut, 9));
			mem[i] ^= (uint8_t)x;
		}
	}
}

TEST(no_write_is_as_long_as_that)
{
	uint8_t *mem = calloc(1, JREC_BATCH + 1);

	NEED(mem != NULL);
	CHECK(jrec_torn(16, span_of(mem, JREC_BATCH), 1));
	CHECK(!jrec_torn(16, span_of(mem, JREC_BATCH + 1), 1));
	free(mem);
}
