/* srec: what the store means survives its record, and nothing malformed is believed. */
#include "wire/srec.h"

#include "base/err.h"
#include "tests/unit/unit.h"

static int decode_fields(uint16_t type, uint16_t version, const struct jtlv *t, size_t n, struct srec *out)
{
	static uint8_t mem[JREC_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct jrec r = {.seq = 1, .type = type, .version = version};
	enum jrec_fault f;

	CHECK(jrec_encode(&w, &r, t, n) > 0);
	CHECK(jrec_decode(wr_span(&w), &r, &f) > 0);
	return srec_decode(&r, out);
}

static int through(const struct srec *in, struct srec *out)
{
	struct srec_fields f;

	srec_encode(in, &f);
	return decode_fields((uint16_t)in->type, SREC_VERSION, f.t, f.n, out);
}

TEST(all_three_types_come_back)
{
	struct srec in = {.type = SREC_SET, .space = STORE_VALUE, .key = SPAN_LIT("k"), .value = SPAN_LIT("v"), .expires = -5};
	struct srec out;

	NEED(through(&in, &out) == 0);
	CHECK(out.type == SREC_SET && out.space == STORE_VALUE && out.expires == -5);
	CHECK(span_eq_str(out.key, "k") && span_eq_str(out.value, "v"));
	in.expires = 0;
	NEED(through(&in, &out) == 0);
	CHECK(out.expires == 0);
	in = (struct srec){.type = SREC_DROP, .space = STORE_ONCE, .key = SPAN_LIT("gone")};
	NEED(through(&in, &out) == 0);
	CHECK(out.type == SREC_DROP && out.space == STORE_ONCE && span_eq_str(out.key, "gone"));
	in = (struct srec){.type = SREC_LAST_EVENT, .id = UINT64_MAX};
	NEED(through(&in, &out) == 0);
	CHECK(out.type == SREC_LAST_EVENT && out.id == UINT64_MAX);
	in = (struct srec){.type = SREC_SET, .space = STORE_EVENT, .key = SPAN_LIT("\0\0\0\0\0\0\1\2"), .value = SPAN_LIT("e")};
	NEED(through(&in, &out) == 0);
	CHECK(out.id == 0x102);
}

TEST(what_is_not_known_is_a_version_and_what_is_wrong_is_damage)
{
	static const uint8_t zeros[STORE_VALUE_MAX + 1];
	static const struct {
		const char *why;
		uint16_t type, version;
		struct jtlv t[4];
		size_t n;
		int want;
	} cases[] = {
		{"type 0", 0, 1, {{0}}, 0, -ZT_E_VERSION},
		{"type 4", 4, 1, {{0}}, 0, -ZT_E_VERSION},
		{"newer version", 1, 2, {{0}}, 0, -ZT_E_VERSION},
		{"space 5", 1, 1, {{1, SPAN_LIT("\5")}, {2, SPAN_LIT("k")}, {3, SPAN_NONE}}, 3, -ZT_E_VERSION},
		{"no space", 1, 1, {{2, SPAN_LIT("k")}, {3, SPAN_NONE}}, 2, -ZT_E_DAMAGED},
		{"space of two bytes", 1, 1, {{1, SPAN_LIT("\1\1")}, {2, SPAN_LIT("k")}, {3, SPAN_NONE}}, 3, -ZT_E_DAMAGED},
		{"no key", 1, 1, {{1, SPAN_LIT("\1")}, {3, SPAN_NONE}}, 2, -ZT_E_DAMAGED},
		{"empty key", 2, 1, {{1, SPAN_LIT("\1")}, {2, SPAN_NONE}}, 2, -ZT_E_DAMAGED},
		{"key of 256", 2, 1, {{1, SPAN_LIT("\1")}, {2, {zeros, 256}}}, 2, -ZT_E_DAMAGED},
		{"no value", 1, 1, {{1, SPAN_LIT("\1")}, {2, SPAN_LIT("k")}}, 2, -ZT_E_DAMAGED},
		{"value too long", 1, 1, {{1, SPAN_LIT("\1")}, {2, SPAN_LIT("k")}, {3, {zeros, STORE_VALUE_MAX + 1}}}, 3, -ZT_E_DAMAGED},
		{"expiry of 4 bytes", 1, 1, {{1, SPAN_LIT("\1")}, {2, SPAN_LIT("k")}, {3, SPAN_NONE}, {4, {zeros, 4}}}, 4, -ZT_E_DAMAGED},
		{"counter of 7 bytes", 1, 1, {{1, SPAN_LIT("\2")}, {2, SPAN_LIT("k")}, {3, {zeros, 7}}}, 3, -ZT_E_DAMAGED},
		{"event with a short id", 1, 1, {{1, SPAN_LIT("\4")}, {2, SPAN_LIT("k")}, {3, SPAN_NONE}}, 3, -ZT_E_DAMAGED},
		{"last event without id", 3, 1, {{0}}, 0, -ZT_E_DAMAGED},
		{"drop", 2, 1, {{1, SPAN_LIT("\1")}, {2, SPAN_LIT("k")}}, 2, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct srec out;
		int got = decode_fields(cases[i].type, cases[i].version, cases[i].t, cases[i].n, &out);

		if (got != cases[i].want)
			unit_fail(__FILE__, __LINE__, "%s: %d, not %d", cases[i].why, got, cases[i].want);
	}
}
