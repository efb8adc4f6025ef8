/* What worker and tlsd say: the documented bytes, every message there and back, and nothing else. */
#include "wire/tlsmsg.h"

#include "base/num.h"
#include "tests/unit/unit.h"

static uint8_t mem[TLSMSG_MAX + 64];

/* Any numbers do, as long as they are the same each time. */
static uint32_t dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct span written(const struct tlsmsg *m)
{
	struct wr w = wr_of(mem, TLSMSG_MAX);

	tlsmsg_write(&w, m);
	CHECK(!w.full);
	return wr_span(&w);
}

static char from_of(enum tlsmsg_type t)
{
	return t < TLSMSG_RECORDS_OUT ? 'w' : 't';
}

static const uint8_t one_record[] = {22, 3, 3, 0, 2, 0xaa, 0xbb};
#define ONE_RECORD span_of(one_record, sizeof one_record)

/* The smallest message of each type that is whole. */
static struct tlsmsg sample(enum tlsmsg_type t)
{
	struct tlsmsg m = {.type = t, .id = TLSMSG_ID(3, 9)};

	if (t == TLSMSG_ACCEPT)
		m.accept = (struct tlsmsg_accept){.plan = 7, .name = SPAN_LIT("a.b"), .alpn = SPAN_LIT("h"),
						  .records = ONE_RECORD};
	else if (t == TLSMSG_CONNECT)
		m.connect = (struct tlsmsg_connect){.plan = 1, .want_chain = true, .name = SPAN_LIT("n")};
	else if (t == TLSMSG_RECORDS_IN || t == TLSMSG_RECORDS_OUT)
		m.records = ONE_RECORD;
	else if (t == TLSMSG_DONE)
		m.done = (struct tlsmsg_done){.suite = 0xc02b, .resumed = true, .verdict = TLSF_CERT_CA,
					      .chain = {SPAN_LIT("leaf"), SPAN_LIT("ca")}, .chain_n = 2};
	else if (t == TLSMSG_FAIL)
		m.fail = (struct tlsmsg_fail){.fault = TLSF_ALERT, .alert = 40, .engine = 296, .has_pin = true, .pin = {1, 2}};
	return m;
}

static const enum tlsmsg_type types[] = {
#define X(id, value, from, text) id,
	TLSMSG_TYPES(X)
#undef X
};

TEST(the_bytes_are_as_documented)
{
	static const uint8_t accept[] = {1, 0, 0, 0, 3, 0, 9, 0, 7, 0, 3, 'a', '.', 'b', 1, 'h',
					 22, 3, 3, 0, 2, 0xaa, 0xbb};
	static const uint8_t connect[] = {2, 0, 0, 0, 3, 0, 9, 0, 1, 0, 1, 1, 'n', 0, 0};
	static const uint8_t fail[13 + 32] = {18, 0, 0, 0, 3, 0, 9, 0, TLSF_ALERT, 40, 0x28, 1, 32, 1, 2};
	static const uint8_t cancel[] = {4, 0, 0, 0, 3, 0, 9, 0};
	struct tlsmsg m;

	m = sample(TLSMSG_ACCEPT);
	CHECK(span_eq(written(&m), span_of(accept, sizeof accept)));
	m = sample(TLSMSG_CONNECT);
	CHECK(span_eq(written(&m), span_of(connect, sizeof connect)));
	m = sample(TLSMSG_FAIL);
	CHECK(span_eq(written(&m), span_of(fail, sizeof fail)));
	m = sample(TLSMSG_CANCEL);
	CHECK(span_eq(written(&m), span_of(cancel, sizeof cancel)));
}

TEST(the_bytes_of_done_are_as_documented)
{
	struct tlsmsg m = sample(TLSMSG_DONE);
	struct span s;
	struct rd r;

	memset(m.done.in.key, 0x11, 32);
	memset(m.done.in.iv, 0x22, 12);
	m.done.in.seq = 1;
	memset(m.done.out.key, 0x33, 32);
	memset(m.done.out.iv, 0x44, 12);
	m.done.out.seq = 0x0102030405060708;
	m.done.name = SPAN_LIT("n");
	s = written(&m);
	r = rd_of(span_sub(s, TLSMSG_HEADER, s.n));
	CHECK_INT(rd_le16(&r), 0xc02b);
	CHECK_INT(rd_u8(&r), 1);
	CHECK_INT(rd_u8(&r), TLSF_CERT_CA);
	CHECK_INT(rd_bytes(&r, 32).p[31], 0x11);
	CHECK_INT(rd_bytes(&r, 12).p[11], 0x22);
	CHECK(rd_le64(&r) == 1);
	CHECK_INT(rd_bytes(&r, 32).p[31], 0x33);
	CHECK_INT(rd_bytes(&r, 12).p[11], 0x44);
	CHECK(rd_le64(&r) == 0x0102030405060708);
	CHECK(span_eq_str(rd_rest(&r), "") == false);
	CHECK(span_eq(span_sub(s, TLSMSG_HEADER + 4 + 104, s.n),
		      span_of("\001n\0\0\2\4\0leaf\2\0ca", 15)));
}

static struct span text(uint8_t *at, size_t most, uint32_t *seed)
{
	size_t n = dice(seed) % (most + 1);

	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(0x21 + dice(seed) % (0x7f - 0x21));
	return span_of(at, n);
}

static struct span records(uint8_t *at, bool hello, uint32_t *seed)
{
	struct wr w = wr_of(at, TLSMSG_RECORDS);
	unsigned n = 1 + dice(seed) % 5;

	for (unsigned i = 0; i < n; i++) {
		size_t len = 1 + dice(seed) % 4000;

		wr_u8(&w, hello ? 22 : (uint8_t)(20 + dice(seed) % 3));
		wr_be16(&w, (uint16_t)(0x0300 + dice(seed) % 5));
		wr_be16(&w, (uint16_t)len);
		for (size_t k = 0; k < len; k++)
			wr_u8(&w, (uint8_t)dice(seed));
	}
	CHECK(!w.full);
	return wr_span(&w);
}

static uint8_t names[2][256], load[TLS_CHAIN_BYTES];

static void random_done(struct tlsmsg_done *d, uint32_t *seed)
{
	size_t at = 0;

	d->suite = (uint16_t)dice(seed);
	d->resumed = dice(seed) & 1;
	d->verdict = dice(seed) & 1 ? TLSF_NONE : TLSF_CERT_FORM + dice(seed) % 9;
	for (size_t i = 0; i < 32; i++) {
		d->in.key[i] = (uint8_t)dice(seed);
		d->out.key[i] = (uint8_t)dice(seed);
		d->in.iv[i % 12] = (uint8_t)dice(seed);
		d->out.iv[i % 12] = (uint8_t)dice(seed);
	}
	d->in.seq = (uint64_t)dice(seed) << 40 | dice(seed);
	d->out.seq = dice(seed);
	d->chain_n = dice(seed) % (TLS_CHAIN + 1);
	for (size_t i = 0; i < d->chain_n; i++) {
		d->chain[i] = span_of(load + at, 1 + dice(seed) % 4096);
		at += d->chain[i].n;
	}
}

static struct tlsmsg random_message(enum tlsmsg_type t, uint32_t *seed)
{
	struct tlsmsg m = {.type = t, .id = TLSMSG_ID(dice(seed) % 512, dice(seed) & 0xffff)};
	struct span name = text(names[0], 253, seed), alpn = text(names[1], 31, seed);

	if (t == TLSMSG_ACCEPT)
		m.accept = (struct tlsmsg_accept){(uint16_t)dice(seed), name, alpn, records(load, true, seed)};
	else if (t == TLSMSG_CONNECT)
		m.connect = (struct tlsmsg_connect){(uint16_t)dice(seed), dice(seed) & 1, name, alpn,
						    span_of(load, dice(seed) & 1 ? 32 : 0)};
	else if (t == TLSMSG_RECORDS_IN || t == TLSMSG_RECORDS_OUT)
		m.records = records(load, false, seed);
	else if (t == TLSMSG_FAIL) {
		m.fail = (struct tlsmsg_fail){1 + dice(seed) % (TLS_FAULT_COUNT - 1), (uint8_t)dice(seed),
					      (uint16_t)dice(seed), dice(seed) & 1, {0}};
		for (size_t i = 0; m.fail.has_pin && i < sizeof m.fail.pin; i++)
			m.fail.pin[i] = (uint8_t)dice(seed);
	} else if (t == TLSMSG_DONE) {
		random_done(&m.done, seed);
		m.done.name = name;
		m.done.alpn = alpn;
		m.done.own = span_of(load, dice(seed) & 1 ? 32 : 0);
	}
	return m;
}

static void check_done(const struct tlsmsg_done *a, const struct tlsmsg_done *b)
{
	CHECK(a->suite == b->suite && a->resumed == b->resumed && a->verdict == b->verdict);
	CHECK(memcmp(a->in.key, b->in.key, 32) == 0 && memcmp(a->in.iv, b->in.iv, 12) == 0 && a->in.seq == b->in.seq);
	CHECK(memcmp(a->out.key, b->out.key, 32) == 0 && memcmp(a->out.iv, b->out.iv, 12) == 0 &&
	      a->out.seq == b->out.seq);
	CHECK(span_eq(a->name, b->name) && span_eq(a->alpn, b->alpn) && span_eq(a->own, b->own));
	CHECK(a->chain_n == b->chain_n);
	for (size_t i = 0; i < a->chain_n && i < TLS_CHAIN; i++)
		CHECK(span_eq(a->chain[i], b->chain[i]));
}

static void check_same(const struct tlsmsg *a, const struct tlsmsg *b)
{
	CHECK(a->type == b->type && a->id == b->id);
	if (a->type == TLSMSG_ACCEPT)
		CHECK(a->accept.plan == b->accept.plan && span_eq(a->accept.name, b->accept.name) &&
		      span_eq(a->accept.alpn, b->accept.alpn) && span_eq(a->accept.records, b->accept.records));
	else if (a->type == TLSMSG_CONNECT)
		CHECK(a->connect.plan == b->connect.plan && a->connect.want_chain == b->connect.want_chain &&
		      span_eq(a->connect.name, b->connect.name) && span_eq(a->connect.alpn, b->connect.alpn) &&
		      span_eq(a->connect.session, b->connect.session));
	else if (a->type == TLSMSG_RECORDS_IN || a->type == TLSMSG_RECORDS_OUT)
		CHECK(span_eq(a->records, b->records));
	else if (a->type == TLSMSG_FAIL)
		CHECK(a->fail.fault == b->fail.fault && a->fail.alert == b->fail.alert &&
		      a->fail.engine == b->fail.engine && a->fail.has_pin == b->fail.has_pin &&
		      memcmp(a->fail.pin, b->fail.pin, sizeof a->fail.pin) == 0);
	else if (a->type == TLSMSG_DONE)
		check_done(&a->done, &b->done);
}

TEST(random_messages_come_back)
{
	uint32_t seed = 5246;

	for (size_t i = 0; i < sizeof load; i++)
		load[i] = (uint8_t)i;
	for (unsigned round = 0; round < 300; round++)
		for (size_t t = 0; t < ARRAY_LEN(types); t++) {
			struct tlsmsg m = random_message(types[t], &seed), got;
			struct span s = written(&m);

			CHECK_INT(tlsmsg_read(s, from_of(types[t]), &got), 0);
			check_same(&m, &got);
		}
}

TEST(every_cut_and_every_byte_more_is_refused)
{
	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		struct tlsmsg m = sample(types[t]), got;
		struct span s = written(&m);

		for (size_t n = 0; n < s.n; n++)
			CHECK_INT(tlsmsg_read(span_sub(s, 0, n), from_of(types[t]), &got), -ZT_E_SYNTAX);
		mem[s.n] = 0;
		CHECK_INT(tlsmsg_read(span_of(mem, s.n + 1), from_of(types[t]), &got), -ZT_E_SYNTAX);
		CHECK(got.type == 0 && got.id == 0); /* nothing of it is left */
	}
}

TEST(who_may_say_it)
{
	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		struct tlsmsg m = sample(types[t]), got;
		struct span s = written(&m);

		CHECK_INT(tlsmsg_read(s, 'w', &got), from_of(types[t]) == 'w' ? 0 : -ZT_E_UNKNOWN);
		CHECK_INT(tlsmsg_read(s, 't', &got), from_of(types[t]) == 't' ? 0 : -ZT_E_UNKNOWN);
	}
}

TEST(header_is_strict)
{
	struct tlsmsg m = sample(TLSMSG_CANCEL), got;
	struct span s = written(&m);

	for (unsigned type = 0; type < 256; type++) {
		mem[0] = (uint8_t)type;
		if (type < 5 || (type > 15 && type < 19))
			continue;
		CHECK_INT(tlsmsg_read(s, 'w', &got), -ZT_E_UNKNOWN);
		CHECK_INT(tlsmsg_read(s, 't', &got), -ZT_E_UNKNOWN);
	}
	for (size_t i = 1; i < 4; i++) {
		s = written(&m);
		mem[i] = 1;
		CHECK_INT(tlsmsg_read(s, 'w', &got), -ZT_E_SYNTAX);
	}
}

TEST(ids_are_slot_and_generation)
{
	struct tlsmsg m = {.type = TLSMSG_CANCEL, .id = TLSMSG_ID(511, 0xffff)}, got;
	struct span s = written(&m);

	CHECK(m.id == 0xffff01ff && TLSMSG_SLOT(m.id) == 511);
	CHECK_INT(tlsmsg_read(s, 'w', &got), 0);
	CHECK(got.id == m.id);
	mem[4] = 0, mem[5] = 2; /* slot 512: there is none */
	CHECK_INT(tlsmsg_read(s, 'w', &got), -ZT_E_SYNTAX);
	mem[4] = 0xff, mem[5] = 0xff;
	CHECK_INT(tlsmsg_read(s, 'w', &got), -ZT_E_SYNTAX);
}

static void write_slot_512(void)
{
	struct tlsmsg m = {.type = TLSMSG_CANCEL, .id = 512};
	struct wr w = wr_of(mem, sizeof mem);

	tlsmsg_write(&w, &m);
}

TEST(a_slot_that_cannot_be_is_a_bug_of_ours)
{
	CHECK(unit_dies(write_slot_512));
}

/* Both halves: what would be refused is not written, and written by hand it is refused. */
static void refuses(const struct tlsmsg *m)
{
	struct wr w = wr_of(mem, TLSMSG_MAX);

	tlsmsg_write(&w, m);
	CHECK(w.full);
}

TEST(names_are_bounded_and_visible)
{
	static const uint8_t bad[] = {0, 1, '\n', ' ', 0x7f, 0x80, 0xff};
	uint8_t longest[254];
	struct tlsmsg m = sample(TLSMSG_ACCEPT), got;

	memset(longest, 'a', sizeof longest);
	m.accept.name = span_of(longest, 253);
	m.accept.alpn = span_of(longest, 31);
	CHECK_INT(tlsmsg_read(written(&m), 'w', &got), 0);
	m.accept.name = span_of(longest, 254);
	refuses(&m);
	m.accept.name = SPAN_NONE;
	m.accept.alpn = span_of(longest, 32);
	refuses(&m);
	for (size_t i = 0; i < sizeof bad; i++) {
		struct span s;

		m = sample(TLSMSG_ACCEPT);
		m.accept.name = span_of(&bad[i], 1);
		refuses(&m);
		m = sample(TLSMSG_ACCEPT);
		s = written(&m);
		mem[TLSMSG_HEADER + 3] = bad[i]; /* first byte of the name */
		CHECK_INT(tlsmsg_read(s, 'w', &got), -ZT_E_SYNTAX);
		s = written(&m);
		mem[TLSMSG_HEADER + 7] = bad[i]; /* of the protocol */
		CHECK_INT(tlsmsg_read(s, 'w', &got), -ZT_E_SYNTAX);
	}
}

TEST(overlong_names_on_the_wire_are_refused)
{
	struct wr w = wr_of(mem, sizeof mem);
	struct tlsmsg got;

	wr_bytes(&w, "\2\0\0\0\0\0\0\0" "\0\0" "\0" "\xfe", 12); /* CONNECT, plan 0, no chain, 254 bytes follow */
	for (unsigned i = 0; i < 254; i++)
		wr_u8(&w, 'a');
	wr_bytes(&w, "\0\0", 2);
	CHECK_INT(tlsmsg_read(wr_span(&w), 'w', &got), -ZT_E_SYNTAX);
	mem[11] = 253;
	memmove(mem + 12 + 253, "\0", 2);
	CHECK_INT(tlsmsg_read(span_of(mem, w.n - 1), 'w', &got), 0);
}

TEST(records_are_whole_and_never_data)
{
	static const struct {
		uint8_t b[14];
		size_t n;
		int in, accept; /* as RECORDS_IN, and in ACCEPT */
	} cases[] = {
		{{22, 3, 1, 0, 1, 9}, 6, 0, 0},
		{{22, 3, 1, 0, 1, 9, 22, 3, 3, 0, 1, 9}, 12, 0, 0},
		{{20, 3, 3, 0, 1, 1}, 6, 0, -ZT_E_SYNTAX},                          /* ChangeCipherSpec is not hello */
		{{21, 3, 3, 0, 2, 2, 40}, 7, 0, -ZT_E_SYNTAX},
		{{23, 3, 3, 0, 1, 9}, 6, -ZT_E_SYNTAX, -ZT_E_SYNTAX},               /* application data */
		{{22, 3, 3, 0, 1, 9, 23, 3, 3, 0, 1, 9}, 12, -ZT_E_SYNTAX, -ZT_E_SYNTAX}, /* behind a good one */
		{{22, 3, 3, 0, 0}, 5, -ZT_E_SYNTAX, -ZT_E_SYNTAX},                  /* empty */
		{{22, 2, 3, 0, 1, 9}, 6, -ZT_E_SYNTAX, -ZT_E_SYNTAX},
		{{22, 3, 3, 0, 2, 9}, 6, -ZT_E_SYNTAX, -ZT_E_SYNTAX},               /* cut */
		{{22, 3, 3, 0, 1, 9, 22}, 7, -ZT_E_SYNTAX, -ZT_E_SYNTAX},           /* a header begun */
		{{0}, 0, -ZT_E_SYNTAX, -ZT_E_SYNTAX},
		{{24, 3, 3, 0, 1, 9}, 6, -ZT_E_SYNTAX, -ZT_E_SYNTAX},               /* heartbeat */
	};
	struct tlsmsg got;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w = wr_of(mem, sizeof mem);

		wr_bytes(&w, "\3\0\0\0\0\0\0\0", 8);
		wr_bytes(&w, cases[i].b, cases[i].n);
		CHECK_INT(tlsmsg_read(wr_span(&w), 'w', &got), cases[i].in);
		w = wr_of(mem, sizeof mem);
		wr_bytes(&w, "\1\0\0\0\0\0\0\0" "\0\0\0\0", 12);
		wr_bytes(&w, cases[i].b, cases[i].n);
		CHECK_INT(tlsmsg_read(wr_span(&w), 'w', &got), cases[i].accept);
	}
}

TEST(records_are_bounded)
{
	static uint8_t big[TLSMSG_RECORDS + 8];
	struct wr w = wr_of(big, sizeof big);
	struct tlsmsg m = {.type = TLSMSG_RECORDS_IN}, got;

	wr_bytes(&w, "\x16\3\3\x40\x18", 5); /* 16,408: the longest */
	w.n += 16408;
	m.records = wr_span(&w);
	CHECK_INT(tlsmsg_read(written(&m), 'w', &got), 0);
	big[4]++;
	w.n++;
	m.records = wr_span(&w);
	refuses(&m);
	big[4]--;
	w.n--;
	wr_bytes(&w, "\x16\3\3\x0f\xce", 5); /* 5 + 16408 + 5 + 4046 = 20,464 */
	w.n += 4046;
	wr_bytes(&w, "\x16\3\3\0\x0b" "abcdefghijk", 16);
	m.records = wr_span(&w);
	CHECK_INT(m.records.n, TLSMSG_RECORDS);
	CHECK_INT(tlsmsg_read(written(&m), 'w', &got), 0);
	big[m.records.n - 12]++; /* one byte more in the last record */
	m.records.n++;
	refuses(&m);
}

TEST(chains_are_bounded)
{
	static uint8_t der[TLS_CHAIN_BYTES + 1];
	struct tlsmsg m = sample(TLSMSG_DONE), got;
	struct span s;

	m.done.chain_n = 1;
	m.done.chain[0] = span_of(der, TLS_CHAIN_BYTES);
	CHECK_INT(tlsmsg_read(written(&m), 't', &got), 0);
	CHECK_INT(got.done.chain[0].n, TLS_CHAIN_BYTES);
	m.done.chain[0].n++;
	refuses(&m);
	m.done.chain_n = TLS_CHAIN;
	for (size_t i = 0; i < TLS_CHAIN; i++)
		m.done.chain[i] = span_of(der, TLS_CHAIN_BYTES / TLS_CHAIN);
	CHECK_INT(tlsmsg_read(written(&m), 't', &got), 0);
	CHECK_INT(got.done.chain_n, TLS_CHAIN);
	m.done.chain[TLS_CHAIN - 1].n++;
	refuses(&m);
	m.done.chain[TLS_CHAIN - 1].n = 0; /* an empty certificate */
	refuses(&m);
	m.done.chain_n = TLS_CHAIN + 1; /* refused before anybody looks at the ninth */
	refuses(&m);
	m = sample(TLSMSG_DONE);
	m.done.own = span_of(der, 31);
	refuses(&m);
	m = sample(TLSMSG_DONE);
	m.done.chain_n = 0;
	s = written(&m);
	mem[s.n - 1] = TLS_CHAIN + 1;
	CHECK_INT(tlsmsg_read(s, 't', &got), -ZT_E_SYNTAX);
	memset(mem + s.n, 0, 18); /* nine empty certificates */
	CHECK_INT(tlsmsg_read(span_of(mem, s.n + 18), 't', &got), -ZT_E_SYNTAX);
}

TEST(the_longest_message_fits)
{
	static uint8_t der[TLS_CHAIN_BYTES];
	uint8_t name[253];
	struct tlsmsg m = sample(TLSMSG_DONE), got;
	struct span s;

	memset(name, 'n', sizeof name);
	m.done.name = span_of(name, 253);
	m.done.alpn = span_of(name, 31);
	m.done.own = span_of(name, 32);
	m.done.chain_n = TLS_CHAIN;
	for (size_t i = 0; i < TLS_CHAIN; i++)
		m.done.chain[i] = span_of(der, TLS_CHAIN_BYTES / TLS_CHAIN);
	s = written(&m);
	CHECK_INT(s.n, 33220);
	CHECK_INT(tlsmsg_read(s, 't', &got), 0);
	CHECK_INT(tlsmsg_read(span_of(mem, TLSMSG_MAX + 1), 't', &got), -ZT_E_SYNTAX);
}

TEST(a_message_that_does_not_fit_is_full)
{
	struct tlsmsg m = sample(TLSMSG_DONE);
	size_t n = written(&m).n;

	for (size_t cap = 0; cap < n; cap++) {
		struct wr w = wr_of(mem, cap);

		tlsmsg_write(&w, &m);
		CHECK(w.full);
	}
}

TEST(sessions_are_32_bytes_or_none)
{
	struct tlsmsg m = sample(TLSMSG_CONNECT), got;

	for (size_t n = 0; n < 64; n++) {
		m.connect.session = span_of(load, n);
		if (n != 0 && n != 32) {
			refuses(&m);
			continue;
		}
		CHECK_INT(tlsmsg_read(written(&m), 'w', &got), 0);
		CHECK_INT(got.connect.session.n, n);
	}
}

TEST(verdicts_and_faults_are_of_their_kind)
{
	for (unsigned v = 0; v < 256; v++) {
		struct tlsmsg m = sample(TLSMSG_DONE), got;
		struct span s = written(&m);
		bool cert = v >= TLSF_CERT_FORM && v < TLSF_CERT_PROOF;

		mem[TLSMSG_HEADER + 3] = (uint8_t)v;
		CHECK_INT(tlsmsg_read(s, 't', &got), v == 0 || cert ? 0 : -ZT_E_SYNTAX);
		m = sample(TLSMSG_FAIL);
		s = written(&m);
		mem[TLSMSG_HEADER] = (uint8_t)v;
		CHECK_INT(tlsmsg_read(s, 't', &got), v > 0 && v < TLS_FAULT_COUNT ? 0 : -ZT_E_SYNTAX);
	}
}

TEST(yes_is_one_and_no_is_zero)
{
	struct tlsmsg m = sample(TLSMSG_CONNECT), got;
	struct span s = written(&m);

	mem[TLSMSG_HEADER + 2] = 2;
	CHECK_INT(tlsmsg_read(s, 'w', &got), -ZT_E_SYNTAX);
	m = sample(TLSMSG_DONE);
	s = written(&m);
	mem[TLSMSG_HEADER + 2] = 2;
	CHECK_INT(tlsmsg_read(s, 't', &got), -ZT_E_SYNTAX);
}

TEST(every_fault_is_told)
{
	for (unsigned f = 0; f < TLS_FAULT_COUNT; f++) {
		CHECK(strlen(tls_fault_name(f)) > 1 && strlen(tls_fault_text(f)) > 5);
		for (unsigned g = 0; g < f; g++)
			CHECK(strcmp(tls_fault_name(f), tls_fault_name(g)) != 0);
		if (tls_fault_alert(f))
			CHECK(strcmp(tls_alert_text(tls_fault_alert(f)), "?") != 0);
	}
	CHECK_STR(tls_fault_name(TLSF_CERT_CA), "unknown-ca");
	CHECK_INT(tls_fault_alert(TLSF_CERT_CA), 48);
	CHECK_STR(tls_fault_name(TLS_FAULT_COUNT), "?");
	CHECK_STR(tls_fault_text(TLS_FAULT_COUNT), "?");
	CHECK_INT(tls_fault_alert(TLS_FAULT_COUNT), 80);
}

/* IANA, "TLS Alerts". */
TEST(alerts_have_their_registered_names)
{
	CHECK_STR(tls_alert_text(0), "close_notify");
	CHECK_STR(tls_alert_text(40), "handshake_failure");
	CHECK_STR(tls_alert_text(70), "protocol_version");
	CHECK_STR(tls_alert_text(112), "unrecognized_name");
	CHECK_STR(tls_alert_text(116), "certificate_required");
	CHECK_STR(tls_alert_text(120), "no_application_protocol");
	CHECK_STR(tls_alert_text(255), "?");
}

TEST(every_type_has_a_name)
{
	CHECK_STR(tlsmsg_name(TLSMSG_DONE), "TLSMSG_DONE");
	CHECK_STR(tlsmsg_name((enum tlsmsg_type)99), "?");
}
