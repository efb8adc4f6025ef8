/* Requests: made here and read again, broken by hand, and signed by the wrong key. */
#include "tests/unit/dertext.h"

#include "base/num.h"
#include "tests/unit/wire/keypair.h"
#include "wire/csr.h"

#define INFO(version, attrs) "30{ " version NAME_LEAF SPKI_P256 attrs "} "
#define CSR(version, attrs) "30{ " INFO(version, attrs) ECDSA_SHA256 SIGNATURE "}"
#define V1 "02{00} "
#define EXT_REQ(set) "30{ 06{2a864886f70d01090e} 31{ " set "} } "
#define CHALLENGE "30{ 06{2a864886f70d010907} 31{ 0c{'secret'} } } "

TEST(made_and_read)
{
	static const struct san sans[] = {{SAN_DNS, {(const uint8_t *)"a.example", 9}}};
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct csr_make m = {.subject = dertext(NAME_LEAF), .sans = sans, .nsans = 1};
	struct why why = {0};
	struct signer s;
	struct span names;
	struct pair p;
	struct san one;
	struct csr c;

	pair_make(&p, PK_P256);
	s = signer_of(&p.key);
	m.spki = p.spki;
	CHECK_INT(csr_build(&w, &m, &s, &why), 0);
	NEED(csr_read(&c, wr_span(&w), &why) == 0);
	CHECK(span_eq(c.spki, p.spki) && c.key.type == PK_P256 && c.key_alg == OID_P256 && c.sig_alg == OID_ECDSA_SHA256);
	CHECK(span_eq(c.wish.subject, m.subject) && c.wish.extensions.n > 0);
	names = csr_wished_san(&c);
	CHECK(x509_san_next(&names, &one) == 1 && one.kind == SAN_DNS && span_eq_str(one.value, "a.example"));
	CHECK_INT(x509_san_next(&names, &one), 0);
	/* without wishes */
	w = wr_of(mem, sizeof mem);
	m.nsans = 0;
	CHECK_INT(csr_build(&w, &m, &s, &why), 0);
	NEED(csr_read(&c, wr_span(&w), &why) == 0);
	CHECK(c.wish.extensions.n == 0 && csr_wished_san(&c).n == 0);
	w = wr_of(mem, 100);
	CHECK_INT(csr_build(&w, &m, &s, NULL), -ZT_E_FULL);
}

TEST(somebody_elses_key_is_refused)
{
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct csr_make m = {.subject = dertext(NAME_LEAF)};
	struct why why = {0};
	struct pair mine, other;
	struct signer s;
	struct csr c;

	pair_make(&mine, PK_P256);
	pair_make(&other, PK_P256);
	s = signer_of(&mine.key);
	m.spki = other.spki; /* the whole point of the signature */
	CHECK_INT(csr_build(&w, &m, &s, &why), -ZT_E_DENIED);
	CHECK_INT(csr_read(&c, wr_span(&w), &why), -ZT_E_DENIED);
	CHECK(c.der.n == 0 && c.spki.n == 0);
	CHECK(strstr(why.text, "not signed by its own key"));
	CHECK_INT(csr_form(&c, wr_span(&w), NULL), 0); /* well-formed all the same */
	/* a subject that brings another key along */
	w = wr_of(mem, sizeof mem);
	m.subject = dertext(NAME_LEAF SPKI_P256);
	CHECK(csr_build(&w, &m, &s, NULL) < 0);
	/* signed, then changed */
	w = wr_of(mem, sizeof mem);
	m = (struct csr_make){.subject = dertext(NAME_LEAF), .spki = mine.spki};
	NEED(csr_build(&w, &m, &s, NULL) == 0);
	mem[22] ^= 1; /* inside the subject */
	CHECK_INT(csr_read(&c, wr_span(&w), NULL), -ZT_E_DENIED);
}

TEST(keys_that_zt_does_not_use)
{
	struct why why = {0};
	struct csr c;

	CHECK_INT(csr_read(&c, dertext("30{ 30{" V1 NAME_LEAF "30{30{06{2a03}}03{00aa}} a0{}}" ECDSA_SHA256 SIGNATURE "}"), &why),
		  -ZT_E_KEY);
	why = (struct why){0};
	/* RSA of 16 bits */
	CHECK_INT(csr_read(&c, dertext("30{ 30{" V1 NAME_LEAF "30{30{06{2a864886f70d010101}05{}}03{00 30{02{00ff01}02{010001}}}}"
				       "a0{}}" RSA_SHA256 SIGNATURE "}"), &why), -ZT_E_KEY);
	CHECK(strstr(why.text, "rsaEncryption"));
}

TEST(wishes_are_only_wishes)
{
	struct csr c;

	/* asks to be a CA: read, kept apart, and in no other field */
	NEED(csr_form(&c, dertext(CSR(V1, "a0{ " CHALLENGE EXT_REQ("30{ " EXT_CRITICAL("551d13", "30{01{ff}}") "}") "}")), NULL) == 0);
	CHECK(span_eq(c.wish.extensions, dertext(EXT_CRITICAL("551d13", "30{01{ff}}"))));
	CHECK(csr_wished_san(&c).n == 0);
	/* a malformed name list is no list */
	NEED(csr_form(&c, dertext(CSR(V1, "a0{ " EXT_REQ("30{ " EXT("551d11", "30{82{00}}") "}") "}")), NULL) == 0);
	CHECK(csr_wished_san(&c).n == 0);
	NEED(csr_form(&c, dertext(CSR(V1, "a0{ " EXT_REQ("30{ " EXT("551d11", "30{} 05{}") "}") "}")), NULL) == 0);
	CHECK(csr_wished_san(&c).n == 0);
}

TEST(malformed_ones)
{
	static const struct {
		const char *text;
		enum zt_err err;
		const char *says;
	} v[] = {
		{"", ZT_E_SYNTAX, "one DER value"},
		{CSR(V1, "a0{}") "00", ZT_E_SYNTAX, "one DER value"},
		{CSR("02{01}", "a0{}"), ZT_E_SYNTAX, "version"},
		{CSR("", "a0{}"), ZT_E_SYNTAX, "version"},
		{CSR(V1, ""), ZT_E_SYNTAX, "attributes"}, /* RFC 2986: there, if empty */
		{CSR(V1, "a0{} 05{}"), ZT_E_SYNTAX, "attributes"},
		{CSR(V1, "a0{ 05{} }"), ZT_E_SYNTAX, "attributes"},
		{CSR(V1, "a0{ 30{06{2a03} 31{}} }"), ZT_E_SYNTAX, "attributes"},
		{CSR(V1, "a0{ 30{06{2a03} 30{05{}}} }"), ZT_E_SYNTAX, "attributes"},
		{CSR(V1, "a0{ 30{06{2a03} 31{05{}} 05{}} }"), ZT_E_SYNTAX, "attributes"},
		{CSR(V1, "a0{ " EXT_REQ("") "}"), ZT_E_SYNTAX, "requested extensions"},
		{CSR(V1, "a0{ " EXT_REQ("30{}") "}"), ZT_E_SYNTAX, "a requested extension"},
		{CSR(V1, "a0{ " EXT_REQ("30{" EXT("2a03", "") "} 30{" EXT("2a03", "") "}") "}"), ZT_E_SYNTAX, "requested extensions"},
		{CSR(V1, "a0{ " EXT_REQ("30{" EXT("2a03", "") EXT("2a03", "") "}") "}"), ZT_E_DUP, "an extension twice"},
		{CSR(V1, "a0{ " EXT_REQ("30{" EXT("2a03", "") "}") EXT_REQ("30{" EXT("2a04", "") "}") "}"), ZT_E_DUP,
		 "extensions twice"},
		{CSR(V1, "a0{ " EXT_REQ("30{ 05{} }") "}"), ZT_E_SYNTAX, "a requested extension"},
		{"30{ 30{" V1 "05{}" SPKI_P256 "a0{}}" ECDSA_SHA256 SIGNATURE "}", ZT_E_SYNTAX, "subject"},
		{"30{ 30{" V1 NAME_LEAF "30{} a0{}}" ECDSA_SHA256 SIGNATURE "}", ZT_E_SYNTAX, "public key"},
		{"30{ " INFO(V1, "a0{}") ECDSA_SHA256 "}", ZT_E_SYNTAX, "signature"},
		{"30{ " INFO(V1, "a0{}") ECDSA_SHA256 SIGNATURE "05{} }", ZT_E_SYNTAX, "signature"},
	};
	static uint8_t mem[CSR_MAX + 1];
	struct csr c;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct why why = {0};
		int rc = csr_form(&c, dertext(v[i].text), &why);

		if (rc != -(int)v[i].err || !strstr(why.text, v[i].says))
			unit_fail(__FILE__, __LINE__, "%s: %d \"%s\", not \"%s\"", v[i].text, rc, why.text, v[i].says);
		CHECK(c.der.n == 0);
	}
	CHECK_INT(csr_form(&c, span_of(mem, sizeof mem), NULL), -ZT_E_TOOLONG);
}
