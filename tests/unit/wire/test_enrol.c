/* Messages of zt-enrol/1 there and back, each field and type spoiled in turn, and the proofs beside
 * what Python's hmac and hashlib make of the same. */
#include "tests/unit/unit.h"

#include "base/ct.h"
#include "base/num.h"
#include "wire/enrol.h"

static uint8_t nonce[32], bytes16[16], eight[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t certs[] = {0x30, 0x03, 0x02, 0x01, 0x01, 0x30, 0x00};

static struct span good(enum enrol_field f)
{
	static const uint8_t der[] = {0x30, 0x02, 0x05, 0x00}, one[] = {2};

	switch (f) {
	case ENF_TOKEN: case ENF_INSTANCE: return span_of(bytes16, 16);
	case ENF_NONCE: case ENF_PROOF: return span_of(nonce, 32);
	case ENF_ROLE: return span_of(one, 1);
	case ENF_CSR: case ENF_REGISTRY: return span_of(der, 4);
	case ENF_LABEL: case ENF_TEXT: return SPAN_LIT("nas, im Keller \xc3\xbc");
	case ENF_CHAIN: case ENF_INFRA: case ENF_DEVICE: case ENF_ACME: return span_of(certs, sizeof certs);
	case ENF_AFTER: return span_of(eight, 4);
	case ENF_CODE: return span_of(eight, 2);
	case ENF_EPOCH: case ENF_NUMBER: return span_of(eight, 8);
	case ENF_LIST: case ENF_SIGNATURE: case ENF_TRUST: return SPAN_LIT("any bytes");
	case ENF_COUNT: break;
	}
	return SPAN_NONE;
}

/* As docs/protocol.md has it; 1 must, 2 may. */
static const struct {
	enum enrol_type type;
	char from;
	struct {
		enum enrol_field f;
		int need;
	} field[8];
} types[] = {
	{ENROL_HELLO, 'j', {{ENF_TOKEN, 1}, {ENF_NONCE, 1}, {ENF_ROLE, 1}, {ENF_CSR, 1}, {ENF_LABEL, 2}}},
	{ENROL_PROOF_J, 'j', {{ENF_PROOF, 1}}},
	{ENROL_RENEW, 'j', {{ENF_CSR, 1}, {ENF_SIGNATURE, 1}}},
	{ENROL_WATCH, 'j', {{ENF_INSTANCE, 1}, {ENF_EPOCH, 1}, {ENF_NUMBER, 1}}},
	{ENROL_CHALLENGE, 'a', {{ENF_NONCE, 1}, {ENF_PROOF, 1}}},
	{ENROL_GRANTED, 'a', {{ENF_PROOF, 2}, {ENF_CHAIN, 1}, {ENF_INFRA, 1}, {ENF_DEVICE, 2}, {ENF_ACME, 2}, {ENF_REGISTRY, 1},
			       {ENF_TRUST, 1}}},
	{ENROL_PENDING, 'a', {{ENF_AFTER, 1}, {ENF_TEXT, 2}}},
	{ENROL_REFUSED, 'a', {{ENF_CODE, 1}, {ENF_TEXT, 2}}},
	{ENROL_LIST, 'a', {{ENF_LIST, 1}}},
	{ENROL_ANCHORS, 'a', {{ENF_INFRA, 1}, {ENF_DEVICE, 2}, {ENF_ACME, 2}, {ENF_TRUST, 1}}},
};

static int need_of(size_t t, enum enrol_field f)
{
	for (size_t i = 0; i < ARRAY_LEN(types[t].field); i++)
		if (types[t].field[i].f == f)
			return types[t].field[i].need;
	return 0;
}

static struct enrol full(size_t t)
{
	struct enrol m = {.type = types[t].type};

	for (enum enrol_field f = ENF_TOKEN; f < ENF_COUNT; f++)
		if (need_of(t, f)) {
			m.has[f] = true;
			m.field[f] = good(f);
		}
	return m;
}

/* Header and fields as they are told, whatever the type may have. */
static struct span raw(uint8_t *mem, size_t cap, const struct enrol *m)
{
	struct wr w = wr_of(mem, cap);

	wr_u8(&w, (uint8_t)m->type);
	wr_u8(&w, 0);
	wr_le16(&w, 0);
	wr_le32(&w, 0);
	for (unsigned f = 1; f < ENF_COUNT; f++)
		if (m->has[f]) {
			wr_le16(&w, (uint16_t)f);
			wr_le32(&w, (uint32_t)m->field[f].n);
			wr_put(&w, m->field[f]);
		}
	wr_patch_le32(&w, 4, (uint32_t)w.n - 8);
	return wr_span(&w);
}

static bool same(const struct enrol *a, const struct enrol *b)
{
	bool eq = a->type == b->type;

	for (unsigned f = 1; f < ENF_COUNT; f++)
		eq = eq && a->has[f] == b->has[f] && (!a->has[f] || span_eq(a->field[f], b->field[f]));
	return eq;
}

TEST(each_type_there_and_back)
{
	uint8_t mem[1024], mem2[1024];

	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		struct enrol m = full(t), got;
		struct wr w = wr_of(mem, sizeof mem);
		struct span bytes = raw(mem2, sizeof mem2, &m);

		enrol_write(&w, &m);
		CHECK(!w.full && span_eq(wr_span(&w), bytes));
		CHECK_INT(enrol_read(bytes, types[t].from, &got), bytes.n);
		CHECK(same(&m, &got));
		CHECK_INT(enrol_read(bytes, types[t].from == 'j' ? 'a' : 'j', &got), -ZT_E_UNKNOWN);
		CHECK(got.type == 0);
		for (size_t n = 0; n < bytes.n; n++)
			CHECK_INT(enrol_read(span_of(bytes.p, n), types[t].from, &got), ZT_MORE);
		mem2[bytes.n] = 0x55; /* the next frame is not looked at */
		CHECK_INT(enrol_read(span_of(bytes.p, bytes.n + 1), types[t].from, &got), bytes.n);
		w = wr_of(mem, bytes.n - 1);
		enrol_write(&w, &m);
		CHECK(w.full);
	}
	CHECK_STR(enrol_name(ENROL_HELLO), "ENROL_HELLO");
	CHECK_STR(enrol_name((enum enrol_type)99), "?");
}

TEST(each_field_is_there_as_the_table_says)
{
	uint8_t mem[1024], mem2[1024];

	for (size_t t = 0; t < ARRAY_LEN(types); t++)
		for (enum enrol_field f = ENF_TOKEN; f < ENF_COUNT; f++) {
			struct enrol m = full(t), got;
			struct wr w = wr_of(mem, sizeof mem);
			bool fine = need_of(t, f) == 2;

			m.has[f] = !m.has[f]; /* what is there is gone, what is not comes */
			m.field[f] = good(f);
			CHECK_INT(enrol_read(raw(mem2, sizeof mem2, &m), types[t].from, &got) > 0, fine);
			enrol_write(&w, &m);
			CHECK_INT(!w.full, fine);
			if (!fine)
				CHECK(w.n == 0 && got.type == 0);
		}
}

/* Lengths: none, one too few, one too many, and far too many. */
TEST(each_field_has_its_length)
{
	static uint8_t mem[65536], big[65536];

	for (size_t t = 0; t < ARRAY_LEN(types); t++)
		for (enum enrol_field f = ENF_TOKEN; f < ENF_COUNT; f++) {
			const size_t n = good(f).n;
			const bool any = f == ENF_LABEL || f == ENF_TEXT || f == ENF_LIST || f == ENF_SIGNATURE ||
					 f == ENF_TRUST;
			const size_t tries[] = {0, n - 1, n + 1};

			if (!need_of(t, f))
				continue;
			for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
				struct enrol m = full(t), got;
				bool fine = any && i >= 1;

				memset(big, 'x', sizeof big);
				m.field[f] = span_of(big, tries[i]);
				CHECK_INT(enrol_read(raw(mem, sizeof mem, &m), types[t].from, &got) > 0, fine);
			}
		}
}

struct spoil {
	size_t type;
	enum enrol_field f;
	struct span bytes;
};

TEST(fields_that_are_not_what_they_say)
{
	static const uint8_t nine[] = {0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0};
	const struct spoil v[] = {
		{0, ENF_LABEL, SPAN_LIT("\xff")}, {6, ENF_TEXT, SPAN_LIT("\xc3")},
		{0, ENF_CSR, SPAN_LIT("\x30\x01")}, {0, ENF_CSR, SPAN_LIT("\x31\x00")},
		{0, ENF_CSR, span_of(certs, sizeof certs)}, /* two are one too many */
		{5, ENF_REGISTRY, SPAN_LIT("\x04\x00")}, {5, ENF_CHAIN, SPAN_LIT("\x30\x00\x05\x00")},
		{5, ENF_INFRA, SPAN_LIT("\x30\x00\x30")}, {5, ENF_CHAIN, span_of(nine, sizeof nine)},
		{9, ENF_INFRA, span_of(nine, sizeof nine)},
	};
	uint8_t mem[1024];
	struct enrol got;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct enrol m = full(v[i].type);

		m.field[v[i].f] = v[i].bytes;
		CHECK_INT(enrol_read(raw(mem, sizeof mem, &m), types[v[i].type].from, &got), -ZT_E_SYNTAX);
		CHECK(got.type == 0 && !got.has[v[i].f]);
	}
	struct enrol m = full(5);

	m.field[ENF_CHAIN] = span_of(nine, 16); /* eight are as many as may be */
	CHECK(enrol_read(raw(mem, sizeof mem, &m), 'a', &got) > 0);
}

TEST(frames_that_are_none)
{
	static const struct {
		const char *bytes;
		size_t n;
		int want;
	} v[] = {
		{"\2\1\0\0\0\0\0\0", 8, -ZT_E_SYNTAX}, {"\2\0\1\0\0\0\0\0", 8, -ZT_E_SYNTAX}, {"\2\0\0\1\0\0\0\0", 8, -ZT_E_SYNTAX},
		{"\0\0\0\0\0\0\0\0", 8, -ZT_E_UNKNOWN}, {"\5\0\0\0\0\0\0\0", 8, -ZT_E_UNKNOWN}, {"\x10\0\0\0\0\0\0\0", 8, -ZT_E_UNKNOWN},
		{"\2\0\0\0\0\0\0\0", 8, -ZT_E_SYNTAX}, /* nothing in it */
		{"\2\0\0\0\1\0\0\0\6", 9, -ZT_E_SYNTAX}, /* half a tag */
		{"\2\0\0\0\6\0\0\0\6\0\1\0\0\0", 14, -ZT_E_SYNTAX}, /* no value */
		{"\2\0\0\0\6\0\0\0\6\0\xff\xff\xff\xff", 14, -ZT_E_SYNTAX},
		{"\2\0\0\0\6\0\0\0\0\0\0\0\0\0", 14, -ZT_E_SYNTAX}, /* tag 0 */
		{"\2\0\0\0\6\0\0\0\x13\0\0\0\0\0", 14, -ZT_E_SYNTAX}, /* a tag that is not there yet */
		{"\2\0\0\0\6\0\0\0\0\x80\0\0\0\0", 14, -ZT_E_SYNTAX},
		{"\2\0\0\0\xf8\x7f\0\0", 8, ZT_MORE}, /* the longest but LIST: known from the header */
		{"\2\0\0\0\xf9\x7f\0\0", 8, -ZT_E_TOOLONG}, {"\2\0\0\0\xff\xff\xff\xff", 8, -ZT_E_TOOLONG},
	};
	struct enrol m;

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		if (enrol_read(span_of(v[i].bytes, v[i].n), 'j', &m) != v[i].want)
			unit_fail(__FILE__, __LINE__, "frame %zu: %d, not %d", i, enrol_read(span_of(v[i].bytes, v[i].n), 'j', &m),
				  v[i].want);
	CHECK_INT(enrol_read(SPAN_LIT("\x14\0\0\0\xf8\xff\x7f\0"), 'a', &m), ZT_MORE);
	CHECK_INT(enrol_read(SPAN_LIT("\x14\0\0\0\xf9\xff\x7f\0"), 'a', &m), -ZT_E_TOOLONG);
	CHECK_INT(enrol_read(SPAN_LIT("\x15\0\0\0\xf9\x7f\0\0"), 'a', &m), -ZT_E_TOOLONG);
}

TEST(a_field_twice_or_out_of_order)
{
	uint8_t mem[256];
	struct wr w = wr_of(mem, sizeof mem);
	struct enrol m;

	wr_bytes(&w, "\2\0\0\0\0\0\0\0", 8);
	for (int i = 0; i < 2; i++) {
		wr_le16(&w, ENF_PROOF);
		wr_le32(&w, 32);
		wr_bytes(&w, nonce, 32);
	}
	wr_patch_le32(&w, 4, (uint32_t)w.n - 8);
	CHECK_INT(enrol_read(wr_span(&w), 'j', &m), -ZT_E_SYNTAX);
	w = wr_of(mem, sizeof mem);
	wr_bytes(&w, "\x10\0\0\0\0\0\0\0", 8);
	for (int i = 0; i < 2; i++) {
		wr_le16(&w, i ? ENF_NONCE : ENF_PROOF);
		wr_le32(&w, 32);
		wr_bytes(&w, nonce, 32);
	}
	wr_patch_le32(&w, 4, (uint32_t)w.n - 8);
	CHECK_INT(enrol_read(wr_span(&w), 'a', &m), -ZT_E_SYNTAX);
}

/* Every field fits, all of them together do not: refused when it is written, not when it is read. */
TEST(a_grant_as_long_as_it_gets)
{
	static uint8_t mem[65536], chain[16384], infra[8192];
	struct enrol m = full(5), got;
	struct wr w = wr_of(chain, sizeof chain);

	wr_bytes(&w, "\x30\x82\x3f\xfc", 4);
	memset(&chain[4], 0, sizeof chain - 4);
	memcpy(infra, "\x30\x82\x1f\xfc", 4);
	m.field[ENF_CHAIN] = span_of(chain, sizeof chain);
	m.field[ENF_INFRA] = span_of(infra, sizeof infra);
	w = wr_of(mem, sizeof mem);
	enrol_write(&w, &m);
	CHECK(!w.full && w.n <= ENROL_MAX);
	CHECK_INT(enrol_read(wr_span(&w), 'a', &got), w.n);
	m.field[ENF_DEVICE] = m.field[ENF_INFRA];
	w = wr_of(mem, sizeof mem);
	enrol_write(&w, &m);
	CHECK(w.full);
}

TEST(numbers_and_certificates)
{
	struct enrol m = {.type = ENROL_WATCH};

	m.has[ENF_NUMBER] = true;
	m.field[ENF_NUMBER] = span_of(eight, 8);
	CHECK(enrol_u64(&m, ENF_NUMBER) == 0x0807060504030201);
	m.field[ENF_NUMBER].n = 2;
	CHECK(enrol_u64(&m, ENF_NUMBER) == 0x0201);
	CHECK(enrol_u64(&m, ENF_EPOCH) == 0);
	CHECK(span_eq(enrol_cert(span_of(certs, sizeof certs), 0), span_of(certs, 5)));
	CHECK(span_eq(enrol_cert(span_of(certs, sizeof certs), 1), span_of(&certs[5], 2)));
	CHECK(enrol_cert(span_of(certs, sizeof certs), 2).n == 0 && enrol_cert(SPAN_NONE, 0).n == 0);
	CHECK(enrol_cert(span_of(certs, 4), 0).n == 0 && enrol_cert(span_of(certs, 6), 1).n == 0);
}

/* ---- proofs --------------------------------------------------------------------------------- */

static struct enrol_talk talk_of(void)
{
	struct enrol_talk t = {.role = 2};

	for (size_t i = 0; i < TOKEN_ID; i++)
		t.token[i] = (uint8_t)i;
	memset(t.nonce_j, 0x11, sizeof t.nonce_j);
	memset(t.nonce_a, 0x22, sizeof t.nonce_a);
	memset(t.server, 0x33, sizeof t.server);
	memset(t.csr, 0x44, sizeof t.csr);
	return t;
}

static void is_hex(const uint8_t *got, const char *want)
{
	char hex[65] = "";

	ct_hex_encode(got, 32, hex);
	CHECK_STR(hex, want);
}

/* Made with:
 * T = sha256(b"".join(struct.pack("<I", len(x)) + x for x in (b"zt-enrol/1", b"\2", token, nj, na, server, csr)))
 * hmac.new(secret, b"authority" + T, sha256), and so on. */
TEST(proofs_are_those_of_another_program)
{
	const struct enrol_talk t = talk_of();
	struct enrol g = {.type = ENROL_GRANTED};
	uint8_t secret[TOKEN_SECRET], out[ENROL_PROOF];

	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)(0x40 + i);
	enrol_proof(&t, secret, ENROL_BY_AUTHORITY, out);
	is_hex(out, "7628ae479cd28e826bda43c9e5e7d92c6b3fd238588e15b4a8ce724b36a764fe");
	enrol_proof(&t, secret, ENROL_BY_JOINER, out);
	is_hex(out, "7f28f33c97811804ef08cef48736c24801e197ab3b00a39a36f5815e9bfa11d9");
	g.has[ENF_CHAIN] = g.has[ENF_INFRA] = g.has[ENF_REGISTRY] = true;
	g.field[ENF_CHAIN] = SPAN_LIT("\x30\3\2\1\1");
	g.field[ENF_INFRA] = SPAN_LIT("\x30\0\x30\1\5");
	g.field[ENF_REGISTRY] = SPAN_LIT("\x30\2\5\0");
	enrol_grant_proof(&t, secret, &g, out);
	is_hex(out, "ebac2f9ed7d43a4c5ec54434a78a601169584e8a48924df1be8b8626c3cd27c4");
	g.has[ENF_PROOF] = true; /* where it will stand is no part of it */
	g.field[ENF_PROOF] = span_of(nonce, 32);
	enrol_grant_proof(&t, secret, &g, out);
	is_hex(out, "ebac2f9ed7d43a4c5ec54434a78a601169584e8a48924df1be8b8626c3cd27c4");
}

/* One bit of anything makes another proof: of the secret, of the talk, of what is granted. */
TEST(every_bit_is_covered)
{
	struct enrol_talk t = talk_of();
	struct enrol g = full(5);
	uint8_t secret[TOKEN_SECRET] = {1}, base[2][ENROL_PROOF], grant[ENROL_PROOF], out[ENROL_PROOF];
	uint8_t mem[64], *bytes = (uint8_t *)&t;

	enrol_proof(&t, secret, ENROL_BY_AUTHORITY, base[0]);
	enrol_proof(&t, secret, ENROL_BY_JOINER, base[1]);
	enrol_grant_proof(&t, secret, &g, grant);
	CHECK(!ct_eq(base[0], base[1], 32) && !ct_eq(base[0], grant, 32) && !ct_eq(base[1], grant, 32));
	for (size_t i = 0; i < 8 * sizeof t; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		for (int who = 0; who < 2; who++) {
			enrol_proof(&t, secret, who ? ENROL_BY_JOINER : ENROL_BY_AUTHORITY, out);
			CHECK(!ct_eq(out, base[who], 32));
		}
		enrol_grant_proof(&t, secret, &g, out);
		CHECK(!ct_eq(out, grant, 32));
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 8 * sizeof secret; i++) {
		secret[i / 8] ^= (uint8_t)(1 << i % 8);
		enrol_proof(&t, secret, ENROL_BY_AUTHORITY, out);
		CHECK(!ct_eq(out, base[0], 32));
		secret[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (unsigned f = 1; f < ENF_COUNT; f++) {
		if (!g.has[f] || f == ENF_PROOF)
			continue;
		struct span was = g.field[f];

		for (size_t i = 0; i < 8 * was.n; i++) {
			memcpy(mem, was.p, was.n);
			mem[i / 8] ^= (uint8_t)(1 << i % 8);
			g.field[f] = span_of(mem, was.n);
			enrol_grant_proof(&t, secret, &g, out);
			CHECK(!ct_eq(out, grant, 32));
		}
		g.field[f] = was;
		g.has[f] = false;
		enrol_grant_proof(&t, secret, &g, out);
		CHECK(!ct_eq(out, grant, 32));
		g.has[f] = true;
	}
	/* the same bytes under another tag */
	struct enrol moved = g;

	moved.field[ENF_DEVICE] = g.field[ENF_ACME] = SPAN_LIT("\x30\0");
	g.has[ENF_DEVICE] = moved.has[ENF_ACME] = false;
	enrol_grant_proof(&t, secret, &g, out);
	enrol_grant_proof(&t, secret, &moved, grant);
	CHECK(!ct_eq(out, grant, 32));
}
