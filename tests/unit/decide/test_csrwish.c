/* Tests of decide/csrwish, with requests written by hand. */
#include "tests/unit/dertext.h"

#include "base/num.h"
#include "decide/csrwish.h"

#define CSR(name, exts)                                                                            \
	"30{ 30{ 02{00} " name SPKI_P256 "a0{ 30{ 06{2a864886f70d01090e} 31{ 30{ " exts "} } } } } " ECDSA_SHA256 SIGNATURE "}"
#define NOBODY "30{} "
#define CN(text) "30{ 31{ 30{ 06{550403} 0c{'" text "'} } } } "
#define SAN_EXT(names) EXT("551d11", "30{ " names "}")

static const struct san given[] = {{SAN_DNS, {(const uint8_t *)"nas.lan", 7}}, {SAN_IP, {(const uint8_t *)"\xc0\x00\x02\x01", 4}}};

static int check(const char *der, enum cert_role role, const char *name, const char *user, struct why *w)
{
	const struct csr_grant g = {role, span_str(name), span_str(user), given, ARRAY_LEN(given)};
	struct csr c;

	*w = (struct why){0};
	if (csr_form(&c, dertext(der), NULL) < 0) {
		unit_fail(__FILE__, __LINE__, "not a request: %s", der);
		return 1;
	}
	return csr_wish_check(&c, &g, w);
}

TEST(what_nobody_gets)
{
	static const struct {
		const char *der;
		int rc;
		const char *says;
	} rows[] = {
		{CSR(NOBODY, EXT("551d13", "30{01{ff}}")), -ZT_E_DENIED, "CA:TRUE"},
		{CSR(NOBODY, EXT_CRITICAL("551d13", "30{01{ff} 02{00}}")), -ZT_E_DENIED, "CA:TRUE"},
		{CSR(NOBODY, EXT("551d13", "30{}")), 0, NULL},
		{CSR(NOBODY, EXT("551d13", "05{}")), -ZT_E_SYNTAX, "basic constraints"},
		{CSR(NOBODY, EXT("551d0f", "03{02 04}")), -ZT_E_DENIED, "sign certificates"},      /* keyCertSign */
		{CSR(NOBODY, EXT("551d0f", "03{01 02}")), -ZT_E_DENIED, "sign certificates"},      /* cRLSign */
		{CSR(NOBODY, EXT("551d0f", "03{01 86}")), -ZT_E_DENIED, "sign certificates"},
		{CSR(NOBODY, EXT("551d0f", "03{05 a0}")), 0, NULL},                                 /* signature, key encipherment */
		{CSR(NOBODY, EXT("551d0f", "04{}")), -ZT_E_SYNTAX, "key usage"},
		{CSR(NOBODY, SAN_EXT("82{'*.example.org'}")), -ZT_E_DENIED, "*.example.org"},
		{CSR(NOBODY, SAN_EXT("82{'nas.lan'} 82{'www.*.org'}")), -ZT_E_DENIED, "wildcard"},
		{CSR(NOBODY, SAN_EXT("86{'zt://0011223344556677/edge/x'}")), -ZT_E_DENIED, "zt://0011223344556677/edge/x"},
		{CSR(NOBODY, SAN_EXT("86{'https://example.org'}")), 0, NULL},
		{CSR(NOBODY, SAN_EXT("81{'alice@example.org'}")), -ZT_E_DENIED, "alice@example.org"},
		{CSR(NOBODY, SAN_EXT("81{'Bob@example.org'}")), 0, NULL},
		{CSR(NOBODY, SAN_EXT("82{'other.lan'}")), 0, NULL},
		{CSR(NOBODY, EXT("551d11", "05{}")), -ZT_E_SYNTAX, "names"},
		{CSR(NOBODY, EXT("2a03", "05{}")), 0, NULL},
		{CSR(CN("anything"), EXT("2a03", "05{}")), 0, NULL},
	};
	struct why w;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc = check(rows[i].der, ROLE_SERVICE, "web", "bob@example.org", &w);

		if (rc != rows[i].rc || (rc && !strstr(w.text, rows[i].says)))
			unit_fail(__FILE__, __LINE__, "%s: %d \"%s\"", rows[i].der, rc, w.text);
	}
}

TEST(a_person_is_called_by_name)
{
	static const enum cert_role people[] = {ROLE_CLIENT, ROLE_DEVICE}, hosts[] = {ROLE_EDGE, ROLE_CONNECTOR, ROLE_SERVICE};
	struct why w;

	for (size_t i = 0; i < ARRAY_LEN(people); i++) {
		CHECK_INT(check(CSR(CN("alice"), EXT("2a03", "")), people[i], "laptop", "bob", &w), -ZT_E_DENIED);
		CHECK(strstr(w.text, "laptop"));
		CHECK_INT(check(CSR(CN("bob"), EXT("2a03", "")), people[i], "laptop", "bob", &w), 0);
		CHECK_INT(check(CSR(CN("Laptop"), EXT("2a03", "")), people[i], "laptop", "", &w), 0);
		CHECK_INT(check(CSR(NOBODY, EXT("2a03", "")), people[i], "laptop", "", &w), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		CHECK_INT(check(CSR(CN("nas.lan"), EXT("2a03", "")), hosts[i], "web", "", &w), 0);
}

TEST(what_is_left_out_is_told)
{
	const struct csr_grant g = {ROLE_SERVICE, SPAN_LIT("web"), SPAN_NONE, given, ARRAY_LEN(given)};
	struct span rest;
	struct csr c;
	struct san s;

	NEED(csr_form(&c, dertext(CSR(NOBODY, SAN_EXT("82{'NAS.lan'} 82{'other.lan'} 87{c0000201} 87{c0000202}"))), NULL) == 0);
	rest = csr_wished_san(&c);
	NEED(csr_wish_ungranted(&rest, &g, &s) == 1);
	CHECK(s.kind == SAN_DNS && span_eq_str(s.value, "other.lan"));
	NEED(csr_wish_ungranted(&rest, &g, &s) == 1);
	CHECK(s.kind == SAN_IP && s.value.n == 4 && s.value.p[3] == 2);
	CHECK_INT(csr_wish_ungranted(&rest, &g, &s), 0);
}
