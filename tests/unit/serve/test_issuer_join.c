/* Enrolments and approvals: who gets in, who does not, and what either may learn. */
#include "joiner_kit.h"

TEST(one_string_lets_one_in_once)
{
	struct casign q = token_of(ROLE_CONNECTOR, "attic");
	struct joiner j, second;
	struct x509 c;

	kit_open(&k);
	put_str(&q, CAF_USER, "anna");
	NEED(make_token(&q, &j) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_TTL), 1800);
	NEED(hello(&j) == 0);
	CHECK(is_authority(&j));
	NEED(prove(&j) == 0);
	CHECK(is_grant(&j));
	NEED(x509_read(&c, k.out.field[CAF_CHAIN], &k.why) == 0);
	CHECK(span_eq(c.spki, j.key.spki));
	CHECK_INT(used(&j), 1);
	CHECK_INT(kit_name(&k, CA_SHOW, "attic"), 0);
	CHECK(kit_json(&k, "\"user\":\"anna\"") && kit_json(&k, "\"role\":\"connector\"") && kit_json(&k, "\"token\":\""));
	CHECK_INT(kit_logged(&k, "event=join", "name=attic"), 1);
	second = j;
	new_key(&second);
	CHECK_INT(join(&second), -ZT_E_TOKEN);
	CHECK_INT(registry_count(k.registry), 1);
	kit_close(&k);
}

TEST(the_same_key_gets_the_same_certificate_and_uses_nothing)
{
	struct casign q = token_of(ROLE_CONNECTOR, "attic"), revoke = {.type = CA_TOKEN_REVOKE};
	uint8_t serial[CERT_SERIAL];
	struct joiner j, other;

	kit_open(&k);
	NEED(make_token(&q, &j) == 0 && join(&j) == 0);
	memcpy(serial, k.out.field[CAF_SERIAL].p, sizeof serial);
	for (unsigned i = 0; i < 3; i++) {
		NEED(join(&j) == 0); /* another talk, other nonces */
		CHECK(is_grant(&j) && span_eq(k.out.field[CAF_SERIAL], span_of(serial, sizeof serial)));
		kit_reopen(&k);
	}
	kit_step(&k, 7200); /* also when the token is over by now */
	NEED(join(&j) == 0);
	CHECK(registry_count(k.registry) == 1 && used(&j) == 1);
	NEED(kit_name(&k, CA_REVOKE, "attic") == 0); /* but not when that certificate has ended */
	CHECK_INT(join(&j), -ZT_E_TOKEN);
	/* nor when the token was revoked, nor by another token */
	q = token_of(ROLE_CONNECTOR, "cellar");
	NEED(make_token(&q, &j) == 0 && join(&j) == 0);
	q = token_of(ROLE_CONNECTOR, NULL);
	NEED(make_token(&q, &other) == 0);
	other.key = j.key;
	other.key.key.scalar = span_of(other.key.scalar, 32);
	other.key.spki.p = other.key.mem;
	other.request = csr_for(&other.key, other.csr, NULL, 0);
	CHECK_INT(join(&other), -ZT_E_EXISTS);
	CHECK_INT(used(&other), 0);
	casign_put(&revoke, CAF_TOKEN, span_of(j.token, TOKEN_ID));
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	CHECK_INT(join(&j), -ZT_E_TOKEN);
	kit_close(&k);
}

TEST(each_instance_of_a_token_with_uses_has_its_own_name)
{
	static const char *const names[] = {"pod", "pod-2", "pod-3"};
	struct casign q = token_of(ROLE_CLIENT, "pod");
	struct joiner j;

	kit_open(&k);
	put_num(&q, CAF_USES, 3);
	NEED(make_token(&q, &j) == 0);
	for (unsigned i = 0; i < 3; i++) {
		new_key(&j);
		NEED(join(&j) == 0);
		CHECK_INT(kit_name(&k, CA_SHOW, names[i]), 0);
		kit_reopen(&k); /* uses are counted on the disk */
		CHECK_INT(used(&j), i + 1);
	}
	new_key(&j);
	CHECK_INT(join(&j), -ZT_E_TOKEN);
	q = token_of(ROLE_CLIENT, NULL); /* without a name it is the role's */
	NEED(make_token(&q, &j) == 0 && join(&j) == 0);
	CHECK_INT(kit_name(&k, CA_SHOW, "client"), 0);
	NEED(make_token(&q, &j) == 0 && join(&j) == 0);
	CHECK_INT(kit_name(&k, CA_SHOW, "client-2"), 0);
	kit_close(&k);
}

TEST(the_longest_name_still_gets_its_number)
{
	char longest[CERT_NAME_MAX + 1] = {0};
	struct casign q;
	struct joiner j;

	kit_open(&k);
	memset(longest, 'n', CERT_NAME_MAX);
	q = token_of(ROLE_CLIENT, longest);
	put_num(&q, CAF_USES, 2);
	NEED(make_token(&q, &j) == 0 && join(&j) == 0);
	CHECK_INT(kit_name(&k, CA_SHOW, longest), 0);
	new_key(&j);
	CHECK_INT(join(&j), 0);
	memcpy(longest + CERT_NAME_MAX - 11, "-2", 3);
	CHECK_INT(kit_name(&k, CA_SHOW, longest), 0);
	kit_close(&k);
}

/* Whoever does not know the secret cannot tell which tokens there are, and whoever does cannot tell what
 * ended one. */
TEST(nothing_about_a_token_can_be_learned)
{
	struct casign q = token_of(ROLE_CONNECTOR, NULL), revoke = {.type = CA_TOKEN_REVOKE};
	struct joiner good, unknown, expired, over, revoked, other_role, wrong;
	struct {
		struct joiner *j;
		const char *log;
	} all[] = {{&unknown, "no such token"}, {&expired, "reason=expired"}, {&over, "reason=used"}, {&revoked, "reason=revoked"},
		   {&other_role, "for another role"}, {&wrong, "wrong proof"}};
	struct casign a;

	kit_open(&k);
	NEED(make_token(&q, &expired) == 0);
	kit_step(&k, 1800);
	NEED(make_token(&q, &good) == 0 && make_token(&q, &over) == 0 && make_token(&q, &revoked) == 0 &&
	     make_token(&q, &other_role) == 0 && make_token(&q, &wrong) == 0);
	unknown = good;
	random_bytes(unknown.token, TOKEN_ID);
	NEED(join(&over) == 0);
	new_key(&over);
	casign_put(&revoke, CAF_TOKEN, span_of(revoked.token, TOKEN_ID));
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	other_role.role = ROLE_EDGE;
	wrong.secret[3] ^= 0x10;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		NEED(hello(all[i].j) == 0); /* challenged like a good one */
		a = k.out;
		CHECK(is_authority(all[i].j) == (all[i].j != &unknown && all[i].j != &other_role && all[i].j != &wrong));
		CHECK(a.has[CAF_TALK] && a.has[CAF_NONCE] && a.has[CAF_PROOF]);
		CHECK_INT(prove(all[i].j), -ZT_E_TOKEN);
		CHECK_STR(k.why.text, "bad, used or expired token");
		CHECK_INT(kit_logged(&k, "event=join", all[i].log), 1);
		CHECK_INT(prove(all[i].j), -ZT_E_TOKEN); /* and not twice */
	}
	CHECK_INT(registry_count(k.registry), 1);
	NEED(hello(&unknown) == 0); /* the same question twice: two secrets, so nothing to compare */
	CHECK(!is_authority(&unknown));
	NEED(hello(&good) == 0);
	CHECK(is_authority(&good) && prove(&good) == 0);
	kit_close(&k);
}

/* Another request, server key, role or nonce than the one that was proved about is not granted. */
TEST(a_proof_is_for_one_talk)
{
	struct casign q = token_of(ROLE_CONNECTOR, NULL);
	struct joiner j, moved;

	kit_open(&k);
	NEED(make_token(&q, &j) == 0);
	for (unsigned i = 0; i < 5; i++) {
		NEED(hello(&j) == 0);
		moved = j;
		switch (i) {
		case 0: moved.t.csr[0] ^= 1; break;
		case 1: moved.t.server[31] ^= 1; break;
		case 2: moved.t.role ^= 1; break;
		case 3: moved.t.nonce_a[5] ^= 1; break;
		default: moved.t.nonce_j[5] ^= 1; break;
		}
		CHECK_INT(prove(&moved), -ZT_E_TOKEN);
		CHECK_INT(prove(&j), -ZT_E_TOKEN); /* the talk is over */
		CHECK_STR(k.why.text, "the enrolment took too long: join again");
	}
	CHECK(used(&j) == 0 && registry_count(k.registry) == 0);
	CHECK_INT(join(&j), 0);
	kit_close(&k);
}

TEST(a_talk_ends_after_30_seconds)
{
	struct casign q = token_of(ROLE_CONNECTOR, NULL);
	struct joiner j;

	kit_open(&k);
	NEED(make_token(&q, &j) == 0 && hello(&j) == 0);
	kit_step(&k, ISSUER_TALK_S);
	CHECK_INT(prove(&j), -ZT_E_TOKEN);
	NEED(hello(&j) == 0);
	kit_step(&k, ISSUER_TALK_S - 1);
	CHECK_INT(prove(&j), 0);
	kit_close(&k);
}

FLOODS(BOUND_CA_TALKS) /* the enrolment begun longest ago is forgotten */
{
	struct casign q = token_of(ROLE_CONNECTOR, NULL);
	struct joiner first, second, other;

	kit_open(&k);
	NEED(make_token(&q, &first) == 0 && make_token(&q, &second) == 0 && make_token(&q, &other) == 0);
	NEED(hello(&first) == 0);
	kit_step(&k, 1);
	NEED(hello(&second) == 0);
	kit_step(&k, 1);
	for (unsigned i = 0; i < BOUND_CAP(BOUND_CA_TALKS) - 1; i++)
		NEED(hello(&other) == 0);
	CHECK_INT(k.bounds.row[BOUND_CA_TALKS].used, BOUND_CAP(BOUND_CA_TALKS));
	CHECK_INT(k.bounds.row[BOUND_CA_TALKS].hits, 1);
	CHECK_INT(prove(&first), -ZT_E_TOKEN);
	CHECK_INT(prove(&second), 0);
	CHECK_INT(k.bounds.row[BOUND_CA_TALKS].used, BOUND_CAP(BOUND_CA_TALKS) - 1);
	kit_step(&k, ISSUER_TALK_S); /* over, they give their places back */
	NEED(hello(&other) == 0);
	CHECK_INT(k.bounds.row[BOUND_CA_TALKS].used, 1);
	kit_close(&k);
	CHECK_INT(k.bounds.row[BOUND_CA_TALKS].used, 0);
}

TEST(a_bad_request_is_told_before_any_token_is_looked_at)
{
	struct casign q = token_of(ROLE_CONNECTOR, NULL);
	struct joiner j, unknown;
	uint8_t csr[1024];
	char said[480];

	kit_open(&k);
	NEED(make_token(&q, &j) == 0);
	memcpy(csr, j.request.p, j.request.n);
	csr[j.request.n - 1] ^= 1;
	j.request.p = csr;
	CHECK_INT(hello(&j), -ZT_E_DENIED);
	snprintf(said, sizeof said, "%s", k.why.text);
	unknown = j;
	unknown.token[0] ^= 1;
	CHECK_INT(hello(&unknown), -ZT_E_DENIED);
	CHECK_STR(k.why.text, said);
	kit_close(&k);
}

TEST(only_from_the_networks_it_is_for)
{
	static const struct {
		const char *peer;
		int want;
	} cases[] = {{"192.168.1.77", 0}, {"192.168.2.1", -ZT_E_TOKEN}, {"2001:db8::5", 0}, {"2001:db9::5", -ZT_E_TOKEN},
		     {"10.0.0.1", 0}, {"10.0.0.2", -ZT_E_TOKEN}, {"nonsense", -ZT_E_TOKEN}, {NULL, -ZT_E_TOKEN}};
	struct casign q = token_of(ROLE_CONNECTOR, NULL);
	struct joiner j;

	kit_open(&k);
	put_str(&q, CAF_CIDR, "192.168.1.0/24  2001:db8::/32 10.0.0.1");
	put_num(&q, CAF_USES, 10);
	NEED(make_token(&q, &j) == 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		j.peer = cases[i].peer;
		new_key(&j);
		CHECK_INT(join(&j), cases[i].want);
	}
	CHECK(kit_logged(&k, "event=join", "another network") == 5 && used(&j) == 3);
	kit_reopen(&k); /* the networks are on the disk, too */
	j.peer = "192.168.2.1";
	CHECK_INT(join(&j), -ZT_E_TOKEN);
	kit_close(&k);
}

/* ---- with somebody's yes ------------------------------------------------------------------------------ */

static uint64_t first_pending(void)
{
	const struct reg_pending *p = registry_pending_at(k.registry, 0);

	return p ? p->number : 0;
}

static int settle(uint64_t number, bool yes)
{
	struct casign q = {.type = CA_SETTLE};

	put_num(&q, CAF_NUMBER, number);
	put_num(&q, CAF_ON, yes);
	return kit_ask(&k, 'c', &q);
}

static int approving_token(struct joiner *j)
{
	struct casign q = token_of(ROLE_EDGE, "vps");

	put_num(&q, CAF_APPROVE, 1);
	return make_token(&q, j);
}

TEST(a_join_that_needs_a_yes_waits_for_it)
{
	struct casign list = {.type = CA_PENDINGS};
	struct joiner j;

	kit_open(&k);
	NEED(approving_token(&j) == 0 && join(&j) == 0);
	CHECK(casign_u64(&k.out, CAF_PENDING) == ISSUER_ASK_AGAIN_S && !k.out.has[CAF_CHAIN]);
	for (unsigned i = 0; i < 3; i++) { /* asking again is the same join */
		NEED(join(&j) == 0);
		CHECK(k.out.has[CAF_PENDING]);
		kit_reopen(&k);
	}
	put_num(&list, CAF_INDEX, 0);
	NEED(kit_ask(&k, 'c', &list) == 0);
	CHECK(kit_lines(&k) == 1 && kit_json(&k, "\"label\":\"raspi\"") && kit_json(&k, "\"peer\":\"192.0.2.7\"") &&
	      kit_json(&k, "\"role\":\"edge\"") && kit_json(&k, "\"approved\":false"));
	CHECK(used(&j) == 0 && registry_count(k.registry) == 0);
	CHECK_INT(settle(first_pending() + 1, true), -ZT_E_NOTFOUND);
	NEED(settle(first_pending(), true) == 0);
	kit_reopen(&k);
	NEED(join(&j) == 0);
	CHECK(is_grant(&j) && used(&j) == 1 && first_pending() == 0);
	kit_close(&k);
}

TEST(a_yes_is_for_one_key_and_a_no_ends_it)
{
	struct joiner j, other;

	kit_open(&k);
	NEED(approving_token(&j) == 0 && join(&j) == 0);
	other = j;
	new_key(&other);
	NEED(settle(first_pending(), true) == 0);
	NEED(join(&other) == 0);
	CHECK(k.out.has[CAF_PENDING]); /* has to wait for its own */
	NEED(join(&j) == 0);
	CHECK(is_grant(&j));
	CHECK_INT(join(&other), -ZT_E_TOKEN); /* the only use has gone */
	NEED(settle(first_pending(), false) == 0);
	CHECK_INT(first_pending(), 0);
	kit_close(&k);
}

TEST(a_no_is_told_to_who_asks_again_and_is_for_one_key)
{
	struct joiner j, other;

	kit_open(&k);
	NEED(approving_token(&j) == 0 && join(&j) == 0);
	NEED(settle(first_pending(), false) == 0);
	CHECK_INT(join(&j), -ZT_E_TOKEN);
	CHECK_STR(k.why.text, "this join was rejected");
	CHECK_INT(first_pending(), 0); /* it does not queue again */
	CHECK_INT(used(&j), 0);
	other = j;
	new_key(&other);
	NEED(join(&other) == 0);
	CHECK(k.out.has[CAF_PENDING]);
	NEED(settle(first_pending(), true) == 0);
	NEED(join(&other) == 0);
	CHECK(is_grant(&other) && used(&j) == 1);
	kit_close(&k);
}

TEST(a_no_is_forgotten_when_more_have_come_than_are_kept)
{
	struct joiner j, other;

	kit_open(&k);
	NEED(approving_token(&j) == 0 && join(&j) == 0 && settle(first_pending(), false) == 0);
	other = j;
	for (unsigned i = 0; i < 64; i++) {
		CHECK_INT(join(&j), -ZT_E_TOKEN);
		new_key(&other);
		NEED(join(&other) == 0 && settle(first_pending(), false) == 0);
	}
	NEED(join(&j) == 0);
	CHECK(k.out.has[CAF_PENDING]); /* it waits for a yes, and has got nothing */
	kit_close(&k);
}

/* One who found a token for joins that are approved does not fill the table for the others, nor for long. */
TEST(one_token_does_not_take_every_place)
{
	struct joiner found, j;
	int rc = 0;
	unsigned n;

	kit_open(&k);
	NEED(approving_token(&j) == 0 && approving_token(&found) == 0);
	for (n = 0; rc == 0 && n < 300; n++) {
		new_key(&found);
		rc = join(&found);
	}
	CHECK_INT(rc, -ZT_E_FULL);
	CHECK_INT(n, 1 + ISSUER_PENDING_MORE + 1);
	CHECK(strstr(k.why.text, "by this token"));
	NEED(join(&j) == 0);
	CHECK(k.out.has[CAF_PENDING]);
	kit_close(&k);
}

TEST(who_comes_back_after_a_week_waits_anew)
{
	struct casign q = token_of(ROLE_EDGE, "vps");
	struct joiner j;

	kit_open(&k);
	put_num(&q, CAF_APPROVE, 1);
	put_num(&q, CAF_TTL, 30 * 86400);
	NEED(make_token(&q, &j) == 0 && join(&j) == 0);
	kit_step(&k, ISSUER_PENDING_S);
	NEED(join(&j) == 0);
	CHECK(k.out.has[CAF_PENDING]);
	CHECK_INT(first_pending(), 2); /* the one of a week ago is gone */
	NEED(settle(2, true) == 0);
	NEED(join(&j) == 0);
	CHECK(is_grant(&j));
	kit_close(&k);
}

TEST(before_its_clock_is_set_nothing_is_issued)
{
	struct casign q = token_of(ROLE_CONNECTOR, NULL);
	struct joiner j;
	int64_t right;

	kit_open(&k);
	NEED(make_token(&q, &j) == 0);
	right = k.clock.wall_ms;
	k.clock.wall_ms = 1000;
	CHECK_INT(join(&j), -ZT_E_AGAIN);
	k.clock.wall_ms = (CLOCK_FLOOR_S - 1) * 1000;
	CHECK_INT(join(&j), -ZT_E_AGAIN);
	CHECK(used(&j) == 0 && registry_count(k.registry) == 0);
	k.clock.wall_ms = right;
	NEED(join(&j) == 0);
	CHECK(is_grant(&j) && used(&j) == 1);
	kit_close(&k);
}

TEST(a_yes_may_come_after_the_end_of_the_token_and_not_after_a_week)
{
	struct joiner j, late, other;

	kit_open(&k);
	NEED(approving_token(&j) == 0 && join(&j) == 0);
	NEED(approving_token(&late) == 0 && join(&late) == 0);
	other = j;
	new_key(&other);
	kit_step(&k, 7200);
	CHECK_INT(join(&other), -ZT_E_TOKEN); /* nobody new */
	NEED(join(&j) == 0);
	CHECK(k.out.has[CAF_PENDING]);
	NEED(settle(first_pending(), true) == 0);
	NEED(join(&j) == 0);
	CHECK(is_grant(&j));
	kit_step(&k, ISSUER_PENDING_S);
	CHECK_INT(join(&late), -ZT_E_TOKEN);
	kit_close(&k);
}
