/* What is written: its bytes where the RFC leaves no choice, its fields as read again, its
 * signature. tests/behaviour/openssl-accepts-our-certificates.sh shows it to others. */
#include "tests/unit/dertext.h"

#include "base/num.h"
#include "tests/unit/wire/keypair.h"
#include "wire/x509_build.h"

#define NOW 1732000000 /* 2024-11-19 */
#define DAY 86400

static struct span cn(const char *text, uint8_t *mem, size_t cap)
{
	struct x509_attr a = {OID_CN, span_str(text)};
	struct wr w = wr_of(mem, cap);

	CHECK_INT(x509_wr_name(&w, &a, 1), 0);
	return wr_span(&w);
}

static struct x509_make leaf_of(const struct pair *p, struct span subject, struct span issuer)
{
	return (struct x509_make){
		.subject = subject, .issuer = issuer, .serial = SPAN_LIT("\x80\x01"), .not_before = NOW,
		.not_after = NOW + 90 * DAY, .spki = p->spki, .path_len = -1, .ku = KU_SIGN, .eku = EKU_SERVER,
		.ski = span_of(p->id, X509_KEY_ID), .aki = span_of(p->id, X509_KEY_ID),
	};
}

TEST(a_leaf)
{
	static const struct san sans[] = {
		{SAN_DNS, {(const uint8_t *)"a.example", 9}}, {SAN_IP, {(const uint8_t *)"\xc0\0\2\1", 4}},
		{SAN_URI, {(const uint8_t *)"zt://x", 6}},    {SAN_MAIL, {(const uint8_t *)"a@b", 3}},
	};
	uint8_t mem[2048], n1[64], n2[64];
	struct wr w = wr_of(mem, sizeof mem);
	struct why why = {0};
	struct pair p, other;
	struct x509_make m;
	struct signer s;
	struct span rest;
	struct x509 c;
	struct san got;

	pair_make(&p, PK_P256);
	pair_make(&other, PK_P256);
	s = signer_of(&p.key);
	m = leaf_of(&p, cn("leaf", n1, sizeof n1), cn("ca", n2, sizeof n2));
	m.sans = sans;
	m.nsans = ARRAY_LEN(sans);
	CHECK_INT(x509_build(&w, &m, &s, &why), 0);
	NEED(x509_read(&c, wr_span(&w), &why) == 0);
	CHECK_INT(c.version, 3);
	CHECK(span_eq(c.serial, SPAN_LIT("\0\x80\x01"))); /* positive */
	CHECK(span_eq(c.subject, m.subject) && span_eq(c.issuer, m.issuer) && span_eq(c.spki, p.spki));
	CHECK(c.not_before == m.not_before && c.not_after == m.not_after);
	CHECK(c.has_basic && !c.ca && c.path_len == -1 && c.ku == KU_SIGN && c.eku == EKU_SERVER && !c.eku_critical);
	CHECK(span_eq(c.ski, m.ski) && span_eq(c.aki, m.aki) && !c.san_critical && c.unknown_critical.n == 0);
	rest = c.san;
	for (size_t i = 0; i < ARRAY_LEN(sans); i++)
		CHECK(x509_san_next(&rest, &got) == 1 && got.kind == sans[i].kind && span_eq(got.value, sans[i].value));
	CHECK_INT(x509_san_next(&rest, &got), 0);
	CHECK_INT(x509_signed_by(&c, &p.pub), 0);
	CHECK_INT(x509_signed_by(&c, &other.pub), -ZT_E_DENIED);
	mem[c.tbs.n - 3] ^= 1; /* in the AKI */
	NEED(x509_read(&c, wr_span(&w), &why) == 0);
	CHECK_INT(x509_signed_by(&c, &p.pub), -ZT_E_DENIED);
}

/* The extensions as RFC 5280 writes them, in order, byte by byte. */
TEST(extension_bytes)
{
	uint8_t mem[2048], n1[64];
	struct pair p;
	struct signer s;
	struct x509_make m;
	static const struct {
		bool ca;
		int path_len;
		uint32_t ku, eku;
		const char *want;
	} v[] = {
		{true, 0, KU_CERT_SIGN | KU_CRL_SIGN, 0,
		 "30{06{551d13}01{ff}04{30{01{ff}02{00}}}} 30{06{551d0f}01{ff}04{03{0106}}}"},
		{true, -1, KU_CERT_SIGN, 0, "30{06{551d13}01{ff}04{30{01{ff}}}} 30{06{551d0f}01{ff}04{03{0204}}}"},
		{false, -1, KU_SIGN | KU_KEY_ENC, EKU_CLIENT,
		 "30{06{551d13}01{ff}04{30{}}} 30{06{551d0f}01{ff}04{03{05a0}}} 30{06{551d25}04{30{06{2b06010505070302}}}}"},
		{false, -1, 1 << 8 | 1, EKU_CLIENT | EKU_SERVER,
		 "30{06{551d13}01{ff}04{30{}}} 30{06{551d0f}01{ff}04{03{078080}}}"
		 "30{06{551d25}04{30{06{2b06010505070301}06{2b06010505070302}}}}"},
		{false, -1, 0, 0, "30{06{551d13}01{ff}04{30{}}}"},
	};

	pair_make(&p, PK_P256);
	s = signer_of(&p.key);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct wr w = wr_of(mem, sizeof mem);
		struct span want = dertext(v[i].want), exts;
		struct x509 c;

		m = leaf_of(&p, cn("x", n1, sizeof n1), span_of(n1, 14));
		m.ca = v[i].ca;
		m.path_len = v[i].path_len;
		m.ku = v[i].ku;
		m.eku = v[i].eku;
		m.ski = m.aki = SPAN_NONE;
		CHECK_INT(x509_build(&w, &m, &s, NULL), 0);
		NEED(x509_read(&c, wr_span(&w), NULL) == 0);
		exts = span_sub(c.tbs, c.tbs.n - num_min(want.n, c.tbs.n), want.n);
		if (!span_eq(exts, want))
			unit_fail(__FILE__, __LINE__, "row %zu", i);
		CHECK_INT(c.ku, v[i].ku);
	}
}

TEST(a_name_that_is_only_in_the_san)
{
	static const struct san san = {SAN_DNS, {(const uint8_t *)"a.example", 9}};
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct span none = dertext("30{}");
	struct x509_make m;
	struct signer s;
	struct x509 c;
	struct pair p;

	pair_make(&p, PK_P256);
	s = signer_of(&p.key);
	m = leaf_of(&p, none, none);
	m.sans = &san;
	m.nsans = 1;
	CHECK_INT(x509_build(&w, &m, &s, NULL), 0);
	NEED(x509_read(&c, wr_span(&w), NULL) == 0);
	CHECK(c.san_critical); /* RFC 5280 4.2.1.6 */
}

TEST(every_curve_signs)
{
	static const struct {
		enum pk_type type;
		enum oid alg, key;
	} v[] = {{PK_P256, OID_ECDSA_SHA256, OID_P256}, {PK_P384, OID_ECDSA_SHA384, OID_P384},
		 {PK_P521, OID_ECDSA_SHA512, OID_P521}};
	uint8_t mem[2048], n1[64];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct wr w = wr_of(mem, sizeof mem);
		struct x509_make m;
		struct signer s;
		struct x509 c;
		struct pair p;

		pair_make(&p, v[i].type);
		s = signer_of(&p.key);
		m = leaf_of(&p, cn("x", n1, sizeof n1), span_of(n1, 14));
		CHECK_INT(x509_build(&w, &m, &s, NULL), 0);
		NEED(x509_read(&c, wr_span(&w), NULL) == 0);
		CHECK(c.sig_alg == v[i].alg && c.key_alg == v[i].key && c.key.type == v[i].type);
		CHECK_INT(x509_signed_by(&c, &p.pub), 0);
	}
}

TEST(what_cannot_be_is_not_made)
{
	static const uint8_t zeros[20], ones[21] = {1};
	static const struct san bad = {SAN_DNS, {(const uint8_t *)"a\0b", 3}};
	uint8_t mem[2048], n1[64];
	struct x509_make good, m;
	struct signer s;
	struct pair p;

#define REFUSED(change, err)                                                                       \
	do {                                                                                       \
		struct wr w_ = wr_of(mem, sizeof mem);                                            \
		struct why why_ = {0};                                                            \
		m = good;                                                                         \
		change;                                                                           \
		CHECK_INT(x509_build(&w_, &m, &s, &why_), -(err));                                \
		CHECK(why_.text[0]);                                                              \
	} while (0)

	pair_make(&p, PK_P256);
	s = signer_of(&p.key);
	good = leaf_of(&p, cn("x", n1, sizeof n1), span_of(n1, 14));
	REFUSED(m.serial = SPAN_NONE, ZT_E_RANGE);
	REFUSED(m.serial = span_of(zeros, 20), ZT_E_RANGE);
	REFUSED(m.serial = span_of(ones, 21), ZT_E_SYNTAX); /* x509_read() says no */
	REFUSED(m.not_after = m.not_before - 1, ZT_E_RANGE);
	REFUSED(m.not_after = INT64_MAX, ZT_E_FULL);
	REFUSED(m.eku = EKU_ANY, ZT_E_RANGE);
	REFUSED(m.ku = 1 << 9, ZT_E_RANGE);
	REFUSED(m.path_len = 0, ZT_E_RANGE);
	REFUSED((m.sans = &bad, m.nsans = 1), ZT_E_SYNTAX);
	REFUSED(m.subject = SPAN_NONE, ZT_E_SYNTAX);
	REFUSED(m.issuer = dertext("05{}"), ZT_E_SYNTAX);
	REFUSED(m.spki = dertext("30{}"), ZT_E_SYNTAX);
	/* a subject that brings its own key along */
	REFUSED((m.subject = dertext("30{} " SPKI_P256), m.spki = SPAN_NONE), ZT_E_SYNTAX);
	s.alg = OID_ECDSA_SHA1;
	REFUSED((void)0, ZT_E_DENIED);
	s.alg = OID_RSA_MD5;
	REFUSED((void)0, ZT_E_DENIED);
}

static int no_key(const struct signer *s, enum pk_hash h, struct span message, uint8_t *sig)
{
	(void)h, (void)message, (void)sig;
	*(int *)(uintptr_t)s->arg += 1;
	return -ZT_E_KEY;
}

TEST(a_signer_may_refuse_and_a_buffer_may_end)
{
	int asked = 0;
	struct signer refuses = {OID_ECDSA_SHA256, no_key, &asked}, s;
	uint8_t mem[2048], n1[64];
	struct wr w = wr_of(mem, sizeof mem);
	struct x509_make m;
	struct pair p;
	size_t whole;

	pair_make(&p, PK_P256);
	s = signer_of(&p.key);
	m = leaf_of(&p, cn("x", n1, sizeof n1), span_of(n1, 14));
	CHECK_INT(x509_build(&w, &m, &refuses, NULL), -ZT_E_KEY);
	CHECK_INT(asked, 1);
	w = wr_of(mem, sizeof mem);
	wr_str(&w, "before"); /* it goes behind what is there */
	CHECK_INT(x509_build(&w, &m, &s, NULL), 0);
	whole = w.n;
	CHECK(span_starts(wr_span(&w), "before\x30\x82"));
	w = wr_of(mem, whole - 1); /* deterministic signatures: the same length again */
	wr_str(&w, "before");
	CHECK_INT(x509_build(&w, &m, &s, NULL), -ZT_E_FULL);
	asked = 0;
	w = wr_of(mem, 100);
	CHECK_INT(x509_build(&w, &m, &refuses, NULL), -ZT_E_FULL);
	CHECK_INT(asked, 0); /* nothing half is ever signed */
}

TEST(names)
{
	static const struct x509_attr full[] = {
		{OID_C, {(const uint8_t *)"DE", 2}}, {OID_O, {(const uint8_t *)"M\xc3\xbcller", 7}},
		{OID_EMAIL, {(const uint8_t *)"a@b", 3}},
	};
	static const struct {
		struct x509_attr a;
		int rc;
	} bad[] = {
		{{OID_CN, {NULL, 0}}, -ZT_E_RANGE},
		{{OID_CN, {(const uint8_t *)"\xff", 1}}, -ZT_E_UTF8},
		{{OID_C, {(const uint8_t *)"DEU", 3}}, -ZT_E_RANGE},
		{{OID_C, {(const uint8_t *)"\xc3\xbc", 2}}, -ZT_E_UTF8},
		{{OID_DC, {(const uint8_t *)"\xc3\xbc", 2}}, -ZT_E_UTF8},
		{{OID_SAN, {(const uint8_t *)"a", 1}}, -ZT_E_RANGE},
	};
	uint8_t mem[256], text[130];
	struct wr w = wr_of(mem, sizeof mem);

	CHECK_INT(x509_wr_name(&w, full, ARRAY_LEN(full)), 0);
	CHECK(span_eq(wr_span(&w), dertext("30{ 31{30{06{550406}13{'DE'}}} 31{30{06{55040a}0c{'M'c3bc'ller'}}}"
					   "31{30{06{2a864886f70d010901}16{'a@b'}}} }")));
	w = wr_of(mem, sizeof mem);
	CHECK_INT(x509_wr_name(&w, NULL, 0), 0);
	CHECK(span_eq(wr_span(&w), dertext("30{}")));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(x509_wr_name(&w, &bad[i].a, 1), bad[i].rc);
	/* 64 characters, not bytes (ub-common-name) */
	for (size_t i = 0; i < 65; i++) {
		text[2 * i] = 0xc3;
		text[2 * i + 1] = 0xbc;
	}
	w = wr_of(mem, sizeof mem);
	CHECK_INT(x509_wr_name(&w, &(struct x509_attr){OID_CN, span_of(text, 128)}, 1), 0);
	CHECK_INT(x509_wr_name(&w, &(struct x509_attr){OID_CN, span_of(text, 130)}, 1), -ZT_E_RANGE);
}

/* The right key over the right bytes, under the name of another kind of signature. */
TEST(a_signature_is_of_the_kind_it_says)
{
	uint8_t mem[2048], name[64];
	struct wr w = wr_of(mem, sizeof mem);
	struct span issuer = cn("zt", name, sizeof name);
	struct signer liar;
	struct x509_make m;
	struct pair p;
	struct x509 c;

	pair_make(&p, PK_P256);
	m = leaf_of(&p, issuer, issuer);
	liar = signer_of(&p.key);
	liar.alg = OID_RSA_SHA256;
	NEED(x509_build(&w, &m, &liar, NULL) == 0 && x509_read(&c, wr_span(&w), NULL) == 0);
	CHECK_INT(pk_verify(&p.pub, PK_SHA256, c.tbs, c.sig), 0);
	CHECK_INT(x509_signed_by(&c, &p.pub), -ZT_E_DENIED);
}

TEST(keys_as_spki)
{
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	struct pk_public rsa = {.type = PK_RSA, .n = SPAN_LIT("\xff\x01"), .e = SPAN_LIT("\x01\0\x01")}, back;
	struct span point = dertext(P256_POINT);
	struct pk_public ec = {.type = PK_P256, .point = point};
	enum oid alg;

	x509_wr_spki(&w, &rsa);
	CHECK(span_eq(wr_span(&w), dertext("30{ 30{06{2a864886f70d010101}05{}} 03{00 30{02{00ff01}02{010001}}} }")));
	CHECK_INT(x509_spki(wr_span(&w), &back, &alg), 0);
	CHECK(back.type == PK_RSA && span_eq(back.n, rsa.n) && span_eq(back.e, rsa.e));
	w = wr_of(mem, sizeof mem);
	x509_wr_spki(&w, &ec);
	CHECK(span_eq(wr_span(&w), dertext(SPKI_P256)));
}
