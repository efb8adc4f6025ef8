/* Revocation lists: made here and read again, and written by hand, whole and broken. */
#include "tests/unit/dertext.h"

#include "base/num.h"
#include "wire/crl.h"

#define V2 "02{01} "
#define THIS "17{'240101000000Z'} "
#define NEXT "17{'240201000000Z'} "
#define ENTRY "30{ 02{05} 17{'231224180000Z'} } "
#define ENTRY_OF(exts) "30{ 02{06} 17{'231224180000Z'} 30{ " exts "} } "
#define REASON(n) EXT("551d15", "0a{" n "}")
#define NUMBER EXT("551d14", "02{07}")
#define TAIL(list) "a0{ 30{ " list "} } "
#define CRL_OF(version, alg, dates, entries, tail)                                                 \
	"30{ 30{ " version alg NAME_CA dates entries tail "} " ECDSA_SHA256 SIGNATURE "}"
#define CRL(entries, tail) CRL_OF(V2, ECDSA_SHA256, THIS NEXT, entries, tail)

static bool is(struct span got, const char *text)
{
	return span_eq(got, dertext(text));
}

TEST(every_field)
{
	struct crl_entry e;
	struct span rest;
	struct crl c;

	NEED(crl_read(&c, dertext(CRL("30{" ENTRY ENTRY_OF(REASON("01")) "}",
				      TAIL(NUMBER EXT("551d23", "30{80{aabb}}")))), NULL) == 0);
	CHECK(c.version == 2 && c.sig_alg == OID_ECDSA_SHA256 && is(c.issuer, NAME_CA) && is(c.sig, "30{02{01}02{01}}"));
	CHECK_INT(c.this_update, 1704067200); /* date -u -d 2024-01-01 +%s */
	CHECK(c.has_next && c.next_update == 1706745600);
	CHECK(c.has_number && is(c.number, "07") && is(c.aki, "aabb"));
	CHECK(!c.delta && !c.scoped && c.unknown_critical.n == 0);
	CHECK_INT(c.count, 2);
	rest = c.entries;
	CHECK(crl_next(&rest, &e) == 1 && is(e.serial, "05") && e.when == 1703440800 && e.reason == -1);
	CHECK(crl_next(&rest, &e) == 1 && is(e.serial, "06") && e.reason == 1);
	CHECK(crl_next(&rest, &e) == 0 && e.serial.n == 0);
	CHECK(crl_has(&c, dertext("06"), &e) && e.reason == 1);
	CHECK(!crl_has(&c, dertext("07"), &e) && !crl_has(&c, dertext("0006"), &e) && !crl_has(&c, SPAN_NONE, &e));
}

TEST(other_forms)
{
	struct crl c;

	/* version 1, as openssl ca writes it unless told otherwise */
	NEED(crl_read(&c, dertext(CRL_OF("", ECDSA_SHA256, THIS NEXT, "30{" ENTRY "}", "")), NULL) == 0);
	CHECK(c.version == 1 && c.count == 1 && !c.has_number);
	/* nobody is revoked: the field is absent, or (not quite right) empty */
	NEED(crl_read(&c, dertext(CRL("", TAIL(NUMBER))), NULL) == 0);
	CHECK(c.count == 0 && c.entries.n == 0 && c.has_number);
	NEED(crl_read(&c, dertext(CRL("30{}", TAIL(NUMBER))), NULL) == 0);
	CHECK_INT(c.count, 0);
	NEED(crl_read(&c, dertext(CRL("", "")), NULL) == 0);
	CHECK(!c.has_number);
	/* no next update; times of both types */
	NEED(crl_read(&c, dertext(CRL_OF(V2, ECDSA_SHA256, THIS, "30{" ENTRY "}", TAIL(NUMBER))), NULL) == 0);
	CHECK(!c.has_next && c.next_update == 0);
	NEED(crl_read(&c, dertext(CRL_OF(V2, ECDSA_SHA256, THIS "18{'20500101000000Z'}", "", TAIL(NUMBER))), NULL) == 0);
	CHECK_INT(c.next_update, 2524608000);
	NEED(crl_read(&c, dertext(CRL("", TAIL(EXT("551d14", "02{00}")))), NULL) == 0);
	CHECK(c.has_number && c.number.n == 0); /* number 0 */
}

/* RFC 5280 5.2: a critical extension that is not understood makes the list useless. */
TEST(what_zt_does_not_understand)
{
	struct crl_entry e;
	struct crl c;

	NEED(crl_read(&c, dertext(CRL("", TAIL(NUMBER EXT_CRITICAL("551d1b", "02{01}")))), NULL) == 0);
	CHECK(c.delta && is(c.unknown_critical, "551d1b"));
	NEED(crl_read(&c, dertext(CRL("", TAIL(NUMBER EXT_CRITICAL("551d1c", "30{81{ff}}")))), NULL) == 0);
	CHECK(c.scoped && is(c.unknown_critical, "551d1c"));
	NEED(crl_read(&c, dertext(CRL("", TAIL(EXT("551d1c", "30{}") EXT_CRITICAL("2a03", "")))), NULL) == 0);
	CHECK(c.scoped && is(c.unknown_critical, "2a03"));
	/* an entry of another issuer (certificateIssuer): the entry says so, and the list too */
	NEED(crl_read(&c, dertext(CRL("30{" ENTRY ENTRY_OF(EXT_CRITICAL("551d1d", "30{}")) "}", TAIL(NUMBER))), NULL) == 0);
	CHECK(is(c.unknown_critical, "551d1d"));
	CHECK(crl_has(&c, dertext("06"), &e) && is(e.unknown_critical, "551d1d"));
	CHECK(crl_has(&c, dertext("05"), &e) && e.unknown_critical.n == 0);
	/* not critical: read over */
	NEED(crl_read(&c, dertext(CRL("30{" ENTRY_OF(EXT("551d18", "18{'20230101000000Z'}")) "}", TAIL(EXT("2a03", "")))), NULL) == 0);
	CHECK(c.unknown_critical.n == 0);
}

TEST(malformed_ones)
{
	static const struct {
		const char *text;
		enum zt_err err;
		const char *says;
	} v[] = {
		{"", ZT_E_SYNTAX, "one DER value"},
		{CRL("", "") "00", ZT_E_SYNTAX, "one DER value"},
		{"30{ " NAME_CA ECDSA_SHA256 "}", ZT_E_SYNTAX, "signature"},
		{CRL_OF("02{00}", ECDSA_SHA256, THIS NEXT, "", ""), ZT_E_SYNTAX, "version"},
		{CRL_OF("02{02}", ECDSA_SHA256, THIS NEXT, "", ""), ZT_E_SYNTAX, "version"},
		{CRL_OF(V2, RSA_SHA256, THIS NEXT, "", ""), ZT_E_SYNTAX, "two signature algorithms"},
		{CRL_OF(V2, ECDSA_SHA256, "", "", ""), ZT_E_SYNTAX, "dates"},
		{CRL_OF(V2, ECDSA_SHA256, THIS "17{'240230000000Z'}", "", ""), ZT_E_SYNTAX, "dates"},
		{CRL("30{ 05{} }", ""), ZT_E_SYNTAX, "entry 1"},
		{CRL("30{" ENTRY "30{ 02{0005} 17{'231224180000Z'} } }", ""), ZT_E_SYNTAX, "entry 2"},
		{CRL("30{" ENTRY "30{ 02{05} } }", ""), ZT_E_SYNTAX, "entry 2"},
		{CRL("30{" ENTRY_OF("") "}", ""), ZT_E_SYNTAX, "entry 1"}, /* SIZE (1..MAX) */
		{CRL("30{ 30{ 02{05} 17{'231224180000Z'} 05{} } }", ""), ZT_E_SYNTAX, "entry 1"},
		{CRL("30{" ENTRY_OF(REASON("07")) "}", ""), ZT_E_SYNTAX, "entry 1"}, /* not used */
		{CRL("30{" ENTRY_OF(REASON("0b")) "}", ""), ZT_E_SYNTAX, "entry 1"},
		{CRL("30{" ENTRY_OF(REASON("0001")) "}", ""), ZT_E_SYNTAX, "entry 1"},
		{CRL("30{" ENTRY_OF(REASON("01") REASON("01")) "}", ""), ZT_E_SYNTAX, "entry 1"},
		{CRL("30{" ENTRY_OF(EXT("551d15", "02{01}")) "}", ""), ZT_E_SYNTAX, "entry 1"},
		{CRL_OF("", ECDSA_SHA256, THIS NEXT, "30{" ENTRY_OF(REASON("01")) "}", ""), ZT_E_SYNTAX, "entries"},
		{CRL_OF("", ECDSA_SHA256, THIS NEXT, "", TAIL(NUMBER)), ZT_E_SYNTAX, "its extensions"},
		{CRL("", TAIL("")), ZT_E_SYNTAX, "its extensions"},
		{CRL("", TAIL(NUMBER) "05{}"), ZT_E_SYNTAX, "its extensions"},
		{CRL("", "05{}"), ZT_E_SYNTAX, "its extensions"},
		{CRL("", "a0{ 30{" NUMBER "} 05{} }"), ZT_E_SYNTAX, "its extensions"},
		{CRL("", TAIL(NUMBER NUMBER)), ZT_E_DUP, "twice"},
		{CRL("", TAIL("05{}")), ZT_E_SYNTAX, "an extension"},
		{CRL("", TAIL(EXT("551d14", "02{ff}"))), ZT_E_SYNTAX, "number"},
		{CRL("", TAIL(EXT("551d14", "02{01 0000000000 0000000000 0000000000 0000000000}"))), ZT_E_SYNTAX, "number"},
		{CRL("", TAIL(EXT("551d23", "05{}"))), ZT_E_SYNTAX, "authority key"},
	};
	static uint8_t big[CRL_MAX + 1];
	struct crl c;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct why why = {0};
		int rc = crl_read(&c, dertext(v[i].text), &why);

		if (rc != -(int)v[i].err || !strstr(why.text, v[i].says))
			unit_fail(__FILE__, __LINE__, "%s: %d \"%s\", not \"%s\"", v[i].text, rc, why.text, v[i].says);
		CHECK(c.der.n == 0 && c.entries.n == 0);
	}
	CHECK_INT(crl_read(&c, span_of(big, sizeof big), NULL), -ZT_E_TOOLONG);
}

TEST(made_signed_and_read)
{
	static uint8_t mem[1 << 20];
	static struct crl_entry many[10000];
	static uint8_t serials[ARRAY_LEN(many)][4];
	uint8_t scalar[32], point[133];
	struct pk_private key = {.type = PK_P256, .scalar = {scalar, 32}};
	struct pk_public pub = {.type = PK_P256};
	struct signer s = signer_of(&key);
	struct crl_make m = {.issuer = dertext(NAME_CA), .this_update = 1704067200, .next_update = 1706745600,
			     .number = SPAN_LIT("\1\0"), .aki = SPAN_LIT("id"), .entries = many, .nentries = ARRAY_LEN(many)};
	struct wr w = wr_of(mem, sizeof mem);
	struct crl_entry e;
	struct crl c;

	NEED(pk_generate(PK_P256, scalar, sizeof scalar) == 32);
	pub.point = span_of(point, (size_t)pk_point(&key, point, sizeof point));
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		struct wr b = wr_of(serials[i], sizeof serials[i]);

		wr_be32(&b, 0x01000000 + (uint32_t)i);
		many[i] = (struct crl_entry){wr_span(&b), 1700000000 + (int64_t)i, (int)(i % 7) - 1, SPAN_NONE};
	}
	CHECK_INT(crl_build(&w, &m, &s, NULL), 0);
	NEED(crl_read(&c, wr_span(&w), NULL) == 0);
	CHECK(c.version == 2 && c.count == ARRAY_LEN(many) && span_eq(c.number, m.number) && span_eq(c.aki, m.aki));
	CHECK(c.this_update == m.this_update && c.next_update == m.next_update);
	CHECK_INT(crl_signed_by(&c, &pub), 0);
	CHECK(crl_has(&c, many[9999].serial, &e) && e.when == many[9999].when && e.reason == many[9999].reason);
	CHECK(crl_has(&c, many[1].serial, &e) && e.reason == -1); /* 0, unspecified, is left out */
	mem[c.entries.p - mem + 7] ^= 1; /* 30 n 02 04 and the last byte of the first serial number */
	NEED(crl_read(&c, wr_span(&w), NULL) == 0);
	CHECK(!crl_has(&c, many[0].serial, &e));
	CHECK_INT(crl_signed_by(&c, &pub), -ZT_E_DENIED);

#define REFUSED(change, err)                                                                       \
	do {                                                                                       \
		struct crl_make good_ = m;                                                        \
		change;                                                                           \
		w = wr_of(mem, sizeof mem);                                                       \
		CHECK_INT(crl_build(&w, &m, &s, NULL), -(err));                                   \
		m = good_;                                                                        \
	} while (0)

	m.nentries = 1;
	REFUSED(m.next_update = m.this_update - 1, ZT_E_RANGE);
	REFUSED(m.issuer = dertext("05{}"), ZT_E_SYNTAX);
	REFUSED(m.issuer = dertext(NAME_CA "17{'240101000000Z'}"), ZT_E_SYNTAX);
	REFUSED(m.number = span_of(mem, 21), ZT_E_SYNTAX);
	many[0].reason = 11;
	REFUSED((void)0, ZT_E_RANGE);
	many[0].reason = 7;
	REFUSED((void)0, ZT_E_SYNTAX);
	many[0].reason = 1;
	many[0].serial = SPAN_NONE;
	REFUSED((void)0, ZT_E_RANGE);
	many[0].serial = SPAN_LIT("\0\5");
	REFUSED((void)0, ZT_E_SYNTAX);
}
