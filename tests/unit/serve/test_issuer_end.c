/* How certificates end: revoked, suspended, copied; and how they are listed. */
#include "issuer_kit.h"

static struct kit k;

TEST(revoked_by_serial_is_that_one_and_says_what_is_left)
{
	uint8_t first[CERT_SERIAL], second[CERT_SERIAL];
	struct casign q = {.type = CA_REVOKE};
	struct pair p, next;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, first) == 0);
	kit_step(&k, 60 * DAY);
	kit_pair(&next);
	NEED(kit_renew(&k, first, &next) == 0);
	memcpy(second, k.out.field[CAF_SERIAL].p, sizeof second);
	casign_put(&q, CAF_SERIAL, span_of(second, sizeof second));
	put_num(&q, CAF_REASON, 9);
	NEED(kit_ask(&k, 'c', &q) == 0);
	CHECK(casign_u64(&k.out, CAF_COUNT) == 1 && casign_u64(&k.out, CAF_TOTAL) == 1 && k.out.has[CAF_TEXT]);
	CHECK(kit_state(&k, second) == CERT_REVOKED && kit_state(&k, first) == CERT_SUPERSEDED);
	NEED(kit_ask(&k, 'c', &q) == 0); /* again */
	CHECK(casign_u64(&k.out, CAF_COUNT) == 0 && casign_u64(&k.out, CAF_TOTAL) == 1);
	/* while the parent is in its grace the identity lives on, and so does its name */
	CHECK_INT(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, NULL), -ZT_E_EXISTS);
	NEED(kit_name(&k, CA_REVOKE, "attic") == 0);
	CHECK(casign_u64(&k.out, CAF_COUNT) == 1 && casign_u64(&k.out, CAF_TOTAL) == 2 && !k.out.has[CAF_TEXT]);
	CHECK_INT(kit_state(&k, first), CERT_REVOKED);
	CHECK_INT(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, NULL), 0);
	kit_close(&k);
}

TEST(revoked_by_name_are_all_of_an_identity)
{
	uint8_t first[CERT_SERIAL], second[CERT_SERIAL];
	struct pair p, next;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, first) == 0);
	kit_step(&k, 60 * DAY);
	kit_pair(&next);
	NEED(kit_renew(&k, first, &next) == 0);
	memcpy(second, k.out.field[CAF_SERIAL].p, sizeof second);
	NEED(kit_name(&k, CA_REVOKE, "attic") == 0);
	CHECK_INT(casign_u64(&k.out, CAF_COUNT), 2);
	CHECK(kit_state(&k, first) == CERT_REVOKED && kit_state(&k, second) == CERT_REVOKED);
	CHECK_INT(kit_name(&k, CA_REVOKE, "nobody"), -ZT_E_NOTFOUND);
	CHECK_INT(kit_logged(&k, "event=revoke", "name=attic"), 2);
	kit_close(&k);
}

TEST(revoked_by_user_is_everything_of_the_user)
{
	uint8_t csr[1024], token[TOKEN_ID];
	struct casign q, revoke = {.type = CA_REVOKE}, t = {.type = CA_TOKEN_NEW};
	struct pair p;

	kit_open(&k);
	for (unsigned i = 0; i < 5; i++) {
		char name[] = "machine-0";

		name[8] = (char)('0' + i);
		kit_pair(&p);
		q = issue_of(ROLE_CLIENT, name, csr_for(&p, csr, NULL, 0));
		put_str(&q, CAF_USER, i == 3 ? "bob" : "anna");
		NEED(kit_ask(&k, 'c', &q) == 0);
	}
	put_num(&t, CAF_ROLE, ROLE_CLIENT);
	put_str(&t, CAF_USER, "anna");
	NEED(kit_ask(&k, 'c', &t) == 0);
	memcpy(token, k.out.field[CAF_TOKEN].p, sizeof token);
	put_str(&revoke, CAF_USER, "anna");
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	CHECK(casign_u64(&k.out, CAF_COUNT) == 4 && casign_u64(&k.out, CAF_TOTAL) == 4);
	CHECK(registry_token(k.registry, token)->revoked); /* no way back in */
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_COUNT), 0);
	CHECK_INT(kit_name(&k, CA_SHOW, "machine-3"), 0);
	CHECK(kit_json(&k, "\"state\":\"good\""));
	kit_reopen(&k);
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_COUNT), 0);
	kit_close(&k);
}

TEST(only_reasons_of_certificates_and_one_of_serial_name_user)
{
	static const int good[] = {0, 1, 3, 4, 5, 9};
	struct casign q = {.type = CA_REVOKE};
	struct pair p;

	kit_open(&k);
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_USAGE);
	put_str(&q, CAF_NAME, "a");
	put_str(&q, CAF_USER, "b");
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_USAGE);
	q.has[CAF_USER] = false;
	for (int r = 0; r < 256; r++) {
		bool is_good = false;

		for (size_t i = 0; i < ARRAY_LEN(good); i++)
			is_good |= good[i] == r;
		if (is_good)
			NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL) == 0);
		put_num(&q, CAF_REASON, (uint64_t)r);
		CHECK_INT(kit_ask(&k, 'c', &q), is_good ? 0 : -ZT_E_RANGE);
	}
	kit_close(&k);
}

TEST(suspended_and_good_again)
{
	uint8_t serial[CERT_SERIAL];
	struct pair p;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, serial) == 0);
	CHECK_INT(kit_seen(&k, serial, 1), 0);
	NEED(kit_suspend(&k, "laptop", true) == 0 && casign_u64(&k.out, CAF_COUNT) == 1);
	NEED(kit_suspend(&k, "laptop", true) == 0 && casign_u64(&k.out, CAF_COUNT) == 0);
	CHECK_INT(kit_seen(&k, serial, 1), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "suspended"));
	NEED(kit_suspend(&k, "laptop", false) == 0 && casign_u64(&k.out, CAF_COUNT) == 1);
	CHECK_INT(kit_seen(&k, serial, 1), 0);
	NEED(kit_name(&k, CA_REVOKE, "laptop") == 0);
	NEED(kit_suspend(&k, "laptop", false) == 0); /* what is revoked stays so */
	CHECK_INT(kit_state(&k, serial), CERT_REVOKED);
	CHECK_INT(kit_seen(&k, serial, 1), -ZT_E_DENIED);
	kit_close(&k);
}

TEST(two_instances_at_once_are_a_copy)
{
	uint8_t serial[CERT_SERIAL], unknown[CERT_SERIAL] = {7};
	struct pair p;
	int rc = 0;

	kit_open(&k);
	CHECK_INT(kit_seen(&k, unknown, 1), -ZT_E_DENIED);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, serial) == 0);
	for (unsigned i = 0; i < 8; i++, kit_step(&k, 15))
		CHECK_INT(kit_seen(&k, serial, 1), 0);
	for (unsigned i = 0; i < 8; i++, kit_step(&k, 15)) /* a restart */
		CHECK_INT(kit_seen(&k, serial, 2), 0);
	for (unsigned i = 0; i < 8 && rc == 0; i++, kit_step(&k, 7))
		rc = kit_seen(&k, serial, i & 1 ? 3 : 2);
	CHECK_INT(rc, -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "alarm"));
	CHECK_INT(kit_logged(&k, "event=alarm", "name=attic"), 1);
	CHECK_INT(kit_state(&k, serial), CERT_SUSPENDED);
	CHECK_INT(kit_seen(&k, serial, 2), -ZT_E_DENIED);
	CHECK_INT(kit_logged(&k, "event=alarm", "name=attic"), 1);
	kit_close(&k);
}

TEST(entries_in_pages_by_role_and_user)
{
	struct casign q = {.type = CA_ENTRIES};
	uint8_t csr[1024];
	unsigned lines = 0, pages = 0;
	struct pair p;

	kit_open(&k);
	for (unsigned i = 0; i < 150; i++) {
		char name[] = "m-000";
		struct casign issue;

		snprintf(name, sizeof name, "m-%03u", i);
		kit_pair(&p);
		issue = issue_of(i % 2 ? ROLE_CLIENT : ROLE_DEVICE, name, csr_for(&p, csr, NULL, 0));
		if (i % 3 == 0)
			put_str(&issue, CAF_USER, "anna");
		NEED(kit_ask(&k, 'c', &issue) == 0);
	}
	NEED(kit_name(&k, CA_REVOKE, "m-001") == 0);
	put_num(&q, CAF_INDEX, 0);
	for (uint64_t next = 1; next; pages++) {
		NEED(kit_ask(&k, 'c', &q) == 0 && pages < 10);
		CHECK_INT(casign_u64(&k.out, CAF_TOTAL), 150);
		lines += kit_lines(&k);
		next = casign_u64(&k.out, CAF_INDEX);
		put_num(&q, CAF_INDEX, next);
	}
	CHECK(lines == 149 && pages > 1);
	put_num(&q, CAF_INDEX, 0);
	put_num(&q, CAF_ROLE, ROLE_CLIENT);
	put_str(&q, CAF_USER, "anna");
	NEED(kit_ask(&k, 'c', &q) == 0);
	CHECK_INT(kit_lines(&k), 25); /* 3, 9, 15 ... 147 */
	put_num(&q, CAF_RETIRED, 1);
	q.has[CAF_USER] = false;
	put_num(&q, CAF_INDEX, 0);
	NEED(kit_ask(&k, 'c', &q) == 0);
	CHECK(kit_json(&k, "\"name\":\"m-001\"") && kit_json(&k, "\"state\":\"revoked\""));
	put_num(&q, CAF_INDEX, UINT64_MAX); /* behind the end */
	NEED(kit_ask(&k, 'c', &q) == 0);
	CHECK(kit_lines(&k) == 0 && !k.out.has[CAF_INDEX]);
	kit_close(&k);
}
