/* What worker and tlsd may not say: each is refused by who reads it, and not written by who says it. */
#include "tests/unit/wire/tlsmsg_kit.h"

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
	static const uint8_t bytes[64];
	struct tlsmsg m = sample(TLSMSG_CONNECT), got;

	for (size_t n = 0; n < 64; n++) {
		m.connect.session = span_of(bytes, n);
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
