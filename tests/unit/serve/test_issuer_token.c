/* Join tokens: which are made, and how they are listed and ended. */
#include "joiner_kit.h"

TEST(tokens_that_are_not_made)
{
	static const struct {
		enum cert_role role;
		enum casign_field field;
		uint64_t number;
		const char *text;
		int want;
		const char *says;
	} cases[] = {
		{ROLE_REGISTRY, CAF_ROLE, ROLE_REGISTRY, NULL, -ZT_E_DENIED, "zt ca issue"},
		{ROLE_NONE, CAF_ROLE, 0, NULL, -ZT_E_UNKNOWN, "role"},
		{ROLE_EDGE, CAF_USES, 0, NULL, -ZT_E_RANGE, "--uses"},
		{ROLE_EDGE, CAF_USES, ISSUER_TOKEN_USES + 1, NULL, -ZT_E_RANGE, "--uses"},
		{ROLE_EDGE, CAF_TTL, 0, NULL, -ZT_E_RANGE, "--ttl"},
		{ROLE_EDGE, CAF_TTL, 24 * 3600 + 1, NULL, -ZT_E_DENIED, "--cidr or --approve"},
		{ROLE_EDGE, CAF_TTL, UINT64_MAX, NULL, -ZT_E_RANGE, "--ttl"},
		{ROLE_EDGE, CAF_LIFETIME, 59, NULL, -ZT_E_RANGE, "--lifetime"},
		{ROLE_EDGE, CAF_LIFETIME, UINT64_MAX, NULL, -ZT_E_RANGE, "--lifetime"},
		{ROLE_EDGE, CAF_CIDR, 0, "192.168.1.1/24", -ZT_E_SYNTAX, "--cidr"},
		{ROLE_EDGE, CAF_CIDR, 0, "lan", -ZT_E_SYNTAX, "--cidr"},
		{ROLE_EDGE, CAF_CIDR, 0, "  ", -ZT_E_SYNTAX, "--cidr"},
		{ROLE_EDGE, CAF_CIDR, 0, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9",
		 -ZT_E_RANGE, "at most 8"},
		{ROLE_EDGE, CAF_NAME, 0, "a/b", -ZT_E_SYNTAX, "name"},
		{ROLE_EDGE, CAF_USER, 0, "a/b", -ZT_E_SYNTAX, "--user"},
		{ROLE_EDGE, CAF_NAME, 0, "taken", -ZT_E_EXISTS, "taken"},
		{ROLE_CLIENT, CAF_SANS, 0, "\x82\x05" "a.lan", -ZT_E_DENIED, "--dns"},
		{ROLE_SERVICE, CAF_SANS, 0, "\x82\x05" "*.lan", -ZT_E_DENIED, "wildcard"},
		{ROLE_SERVICE, CAF_USES, 1, NULL, -ZT_E_DENIED, "--dns"}, /* a service needs a name */
	};
	struct pair p;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_EDGE, "taken", &p, NULL) == 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct casign q = token_of(cases[i].role, NULL);

		if (cases[i].text)
			put_str(&q, cases[i].field, cases[i].text);
		else
			put_num(&q, cases[i].field, cases[i].number);
		CHECK_INT(kit_ask(&k, 'c', &q), cases[i].want);
		CHECK(strstr(k.why.text, cases[i].says));
	}
	CHECK(registry_token_at(k.registry, 0) == NULL);
	kit_close(&k);
}

TEST(longer_than_a_day_for_networks_or_with_a_yes)
{
	struct casign q = token_of(ROLE_EDGE, NULL);
	struct joiner j;

	kit_open(&k);
	put_num(&q, CAF_TTL, 24 * 3600);
	CHECK_INT(make_token(&q, &j), 0);
	put_num(&q, CAF_TTL, 30 * (uint64_t)DAY);
	CHECK_INT(make_token(&q, &j), -ZT_E_DENIED);
	put_num(&q, CAF_APPROVE, 1);
	CHECK_INT(make_token(&q, &j), 0);
	put_num(&q, CAF_APPROVE, 0);
	put_str(&q, CAF_CIDR, "192.168.0.0/16");
	CHECK_INT(make_token(&q, &j), 0);
	kit_close(&k);
}

TEST(names_and_lifetime_of_a_token_are_those_of_its_certificates)
{
	static const uint8_t sans[] = "\x82\x05" "a.lan" "\x87\x04\x0a\x00\x00\x01";
	struct casign q = token_of(ROLE_SERVICE, "web");
	struct joiner j;
	struct x509 c;
	struct san s;
	unsigned n = 0;

	kit_open(&k);
	casign_put(&q, CAF_SANS, span_of(sans, sizeof sans - 1));
	put_num(&q, CAF_LIFETIME, 3 * (uint64_t)DAY);
	NEED(make_token(&q, &j) == 0);
	kit_reopen(&k);
	NEED(join(&j) == 0 && x509_read(&c, k.out.field[CAF_CHAIN], &k.why) == 0);
	CHECK_INT(c.not_after, kit_now(&k) + 3 * DAY);
	while (x509_san_next(&c.san, &s) > 0)
		n += (s.kind == SAN_DNS && span_eq_str(s.value, "a.lan")) || (s.kind == SAN_IP && s.value.n == 4);
	CHECK_INT(n, 2);
	kit_close(&k);
}

static void hex_of(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

TEST(the_list_of_tokens_has_no_secret)
{
	struct casign q = token_of(ROLE_EDGE, "vps"), list = {.type = CA_TOKENS}, revoke = {.type = CA_TOKEN_REVOKE};
	char secret[2 * TOKEN_SECRET + 1], id[2 * TOKEN_ID + 1], first[TOKEN_NAME];
	struct joiner j, other;

	kit_open(&k);
	put_str(&q, CAF_CIDR, "10.1.0.0/16 2001:db8::/32");
	NEED(make_token(&q, &j) == 0);
	q = token_of(ROLE_CLIENT, NULL);
	NEED(make_token(&q, &other) == 0);
	hex_of(j.secret, TOKEN_SECRET, secret);
	hex_of(j.token, TOKEN_ID, id);
	put_num(&list, CAF_INDEX, 0);
	NEED(kit_ask(&k, 'c', &list) == 0);
	CHECK(kit_lines(&k) == 2 && kit_json(&k, id) && !kit_json(&k, secret) && kit_json(&k, "\"state\":\"good\""));
	CHECK(kit_json(&k, "\"cidr\":[\"10.1.0.0/16\",\"2001:db8::/32\"]") && kit_json(&k, "\"name\":\"vps\""));
	CHECK(!kit_logged(&k, "", secret) && kit_logged(&k, "event=token", token_name(j.token, first)) == 1);
	/* by the digits that the list shows */
	put_str(&revoke, CAF_NAME, "0123");
	CHECK_INT(kit_ask(&k, 'c', &revoke), -ZT_E_SYNTAX);
	put_str(&revoke, CAF_NAME, token_name(j.token, first));
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	CHECK(casign_u64(&k.out, CAF_COUNT) == 1 && span_eq(k.out.field[CAF_TOKEN], span_of(j.token, TOKEN_ID)));
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_COUNT), 0);
	first[0] = first[0] == '0' ? '1' : '0';
	put_str(&revoke, CAF_NAME, first);
	CHECK_INT(kit_ask(&k, 'c', &revoke), -ZT_E_NOTFOUND);
	NEED(kit_ask(&k, 'c', &list) == 0);
	CHECK(kit_lines(&k) == 1 && !kit_json(&k, id));
	put_num(&list, CAF_RETIRED, 1);
	NEED(kit_ask(&k, 'c', &list) == 0);
	CHECK(kit_lines(&k) == 2 && kit_json(&k, "\"state\":\"revoked\""));
	kit_close(&k);
}
