/* Certificates: issued and renewed, and everything that is refused. */
#include "issuer_kit.h"

#include "decide/renewal.h"

static struct kit k;

static const struct san lan[] = {{SAN_DNS, {(const uint8_t *)"nas.lan", 7}}, {SAN_IP, {(const uint8_t *)"\xc0\xa8\x01\x02", 4}}};

/* GeneralNames, contents. */
static struct span names_of(const struct san *sans, size_t n, uint8_t *mem, size_t cap)
{
	struct wr w = wr_of(mem, cap);

	for (size_t i = 0; i < n; i++)
		der_wr(&w, sans[i].kind == SAN_DNS ? DER_CTX(2) : sans[i].kind == SAN_IP ? DER_CTX(7) : DER_CTX(6), sans[i].value);
	return wr_span(&w);
}

static bool has_san(const struct x509 *c, enum san_kind kind, const char *value, size_t n)
{
	struct span rest = c->san;
	struct san s;

	while (x509_san_next(&rest, &s) > 0)
		if (s.kind == kind && span_eq(s.value, span_of(value, n)))
			return true;
	return false;
}

static unsigned count_sans(const struct x509 *c)
{
	struct span rest = c->san;
	struct san s;
	unsigned n = 0;

	while (x509_san_next(&rest, &s) > 0)
		n++;
	return n;
}

TEST(issued_signed_recorded_and_there_after_a_restart)
{
	uint8_t csr[1024], names[128], serial[CERT_SERIAL], before[2048];
	struct casign q, show = {.type = CA_SHOW};
	struct pair p;
	struct x509 c;
	size_t n;

	kit_open(&k);
	kit_pair(&p);
	q = issue_of(ROLE_SERVICE, "nas", csr_for(&p, csr, NULL, 0));
	casign_put(&q, CAF_SANS, names_of(lan, 2, names, sizeof names));
	put_str(&q, CAF_USER, "anna");
	NEED(kit_ask(&k, 'c', &q) == 0);
	NEED(x509_read(&c, k.out.field[CAF_CHAIN], &k.why) == 0);
	CHECK(span_eq(c.spki, p.spki) && span_eq(c.serial, k.out.field[CAF_SERIAL]) && !c.ca);
	CHECK_INT(x509_signed_by(&c, &(struct pk_public){.type = PK_P256, .point = span_of(k.anchor[ANCHOR_ACME][1].point, 65)}), 0);
	CHECK(has_san(&c, SAN_DNS, "nas.lan", 7) && has_san(&c, SAN_IP, "\xc0\xa8\x01\x02", 4) && count_sans(&c) == 3);
	CHECK_INT(c.not_after, kit_now(&k) + cert_role(ROLE_SERVICE)->lifetime);
	memcpy(serial, c.serial.p, sizeof serial);
	n = c.der.n;
	memcpy(before, c.der.p, n);
	kit_reopen(&k);
	casign_put(&show, CAF_SERIAL, span_of(serial, sizeof serial));
	NEED(kit_ask(&k, 'c', &show) == 0);
	CHECK(span_eq(k.out.field[CAF_CHAIN], span_of(before, n)));
	CHECK(kit_json(&k, "\"name\":\"nas\"") && kit_json(&k, "\"user\":\"anna\"") && kit_json(&k, "\"state\":\"good\"") &&
	      kit_json(&k, "\"role\":\"service\"") && kit_json(&k, "\"anchor\":\"acme\""));
	CHECK_INT(kit_name(&k, CA_SHOW, "nas"), 0);
	CHECK_INT(kit_name(&k, CA_SHOW, "nobody"), -ZT_E_NOTFOUND);
	CHECK_INT(kit_logged(&k, "event=issue", "name=nas"), 1);
	kit_close(&k);
}

/* A request that asks for CA:TRUE, a wildcard, another's name and certSign. */
static struct span greedy_csr(const struct pair *p, uint8_t *mem, size_t cap)
{
	static const uint8_t ca_true[] = {0x30, 0x03, 0x01, 0x01, 0xff}, cert_sign[] = {0x03, 0x02, 0x01, 0x06};
	static const struct san evil[] = {{SAN_DNS, {(const uint8_t *)"*.example.com", 13}},
					  {SAN_URI, {(const uint8_t *)"zt://0000000000000000/edge/000000000000000000000000", 51}}};
	struct wr w = wr_of(mem, cap);
	struct signer s = signer_of(&p->key);
	size_t info = der_open(&w, DER_SEQUENCE), list, attr, set, seq, mark, value;

	der_wr_u64(&w, 0);
	x509_wr_name(&w, &(struct x509_attr){OID_CN, SPAN_LIT("root CA")}, 1);
	wr_put(&w, p->spki);
	list = der_open(&w, DER_CTXC(0));
	attr = der_open(&w, DER_SEQUENCE);
	der_wr_oid(&w, oid_bytes(OID_EXT_REQUEST));
	set = der_open(&w, DER_SET);
	seq = der_open(&w, DER_SEQUENCE);
	mark = x509_open_ext(&w, OID_BASIC, true, &value);
	wr_bytes(&w, ca_true, sizeof ca_true);
	x509_close_ext(&w, mark, value);
	mark = x509_open_ext(&w, OID_KEY_USAGE, true, &value);
	wr_bytes(&w, cert_sign, sizeof cert_sign);
	x509_close_ext(&w, mark, value);
	x509_wr_san(&w, evil, 2, false);
	der_close(&w, seq);
	der_close(&w, set);
	der_close(&w, attr);
	der_close(&w, list);
	der_close(&w, info);
	CHECK_INT(x509_seal(&w, 0, &s), 0);
	return wr_span(&w);
}

TEST(what_a_request_wishes_for_is_not_in_the_certificate)
{
	uint8_t csr[1024];
	struct casign q;
	struct csr read;
	struct pair p;
	struct x509 c;

	kit_open(&k);
	kit_pair(&p);
	q = issue_of(ROLE_CLIENT, "laptop", greedy_csr(&p, csr, sizeof csr));
	NEED(csr_read(&read, q.field[CAF_CSR], &k.why) == 0);
	CHECK(read.wish.extensions.n > 0 && csr_wished_san(&read).n > 0);
	NEED(kit_ask(&k, 'c', &q) == 0);
	NEED(x509_read(&c, k.out.field[CAF_CHAIN], &k.why) == 0);
	CHECK(c.has_basic && !c.ca && c.ku == KU_SIGN && c.eku == EKU_CLIENT && count_sans(&c) == 1);
	CHECK(!has_san(&c, SAN_DNS, "*.example.com", 13));
	CHECK(span_eq(x509_cn(c.subject), k.out.field[CAF_ID]));
	kit_close(&k);
}

TEST(bad_requests_to_issue_are_refused_in_words)
{
	static const struct san star[] = {{SAN_DNS, {(const uint8_t *)"*.lan", 5}}};
	static const struct san mail[] = {{SAN_URI, {(const uint8_t *)"zt://x", 6}}};
	uint8_t csr[1024], broken[1024], names[128];
	struct pair p;
	struct span good;
	const struct {
		enum cert_role role;
		const char *name, *user;
		const struct san *san;
		uint64_t lifetime;
		bool break_csr;
		int want;
		const char *says;
	} cases[] = {
		{ROLE_NONE, "a", NULL, NULL, 0, false, -ZT_E_UNKNOWN, "role"},
		{(enum cert_role)200, "a", NULL, NULL, 0, false, -ZT_E_UNKNOWN, "role"},
		{ROLE_EDGE, "-a", NULL, NULL, 0, false, -ZT_E_SYNTAX, "name"},
		{ROLE_EDGE, "a b", NULL, NULL, 0, false, -ZT_E_SYNTAX, "name"},
		{ROLE_EDGE, "0123456789abcdef01234567", NULL, NULL, 0, false, -ZT_E_SYNTAX, "id"},
		{ROLE_EDGE, "a", "b/c", NULL, 0, false, -ZT_E_SYNTAX, "--user"},
		{ROLE_EDGE, "a", NULL, star, 0, false, -ZT_E_DENIED, "wildcard"},
		{ROLE_CLIENT, "a", NULL, lan, 0, false, -ZT_E_DENIED, "--dns"},
		{ROLE_SERVICE, "a", NULL, NULL, 0, false, -ZT_E_DENIED, "--dns"},
		{ROLE_EDGE, "a", NULL, mail, 0, false, -ZT_E_DENIED, "DNS names and IP"},
		{ROLE_EDGE, "a", NULL, NULL, 59, false, -ZT_E_RANGE, "--lifetime"},
		{ROLE_EDGE, "a", NULL, NULL, 11 * 366 * (uint64_t)DAY, false, -ZT_E_RANGE, "--lifetime"},
		{ROLE_EDGE, "a", NULL, NULL, UINT64_MAX, false, -ZT_E_RANGE, "--lifetime"},
		{ROLE_EDGE, "a", NULL, NULL, 0, true, -ZT_E_DENIED, "not signed by its own key"},
	};

	kit_open(&k);
	kit_pair(&p);
	good = csr_for(&p, csr, NULL, 0);
	memcpy(broken, good.p, good.n);
	broken[good.n - 1] ^= 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct casign q = issue_of(cases[i].role, cases[i].name, cases[i].break_csr ? span_of(broken, good.n) : good);

		if (cases[i].user)
			put_str(&q, CAF_USER, cases[i].user);
		if (cases[i].san)
			casign_put(&q, CAF_SANS, names_of(cases[i].san, cases[i].san == lan ? 2 : 1, names, sizeof names));
		if (cases[i].lifetime)
			put_num(&q, CAF_LIFETIME, cases[i].lifetime);
		CHECK_INT(kit_ask(&k, 'c', &q), cases[i].want);
		CHECK(strstr(k.why.text, cases[i].says));
		CHECK_INT(registry_count(k.registry), 0);
	}
	kit_close(&k);
}

TEST(a_name_and_a_key_belong_to_one_living_identity)
{
	uint8_t csr[1024], serial[CERT_SERIAL];
	struct casign q, revoke = {.type = CA_REVOKE};
	struct pair p, other;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, serial) == 0);
	CHECK_INT(kit_issue(&k, ROLE_CLIENT, "laptop", &other, NULL), -ZT_E_EXISTS);
	CHECK(strstr(k.why.text, "renew") && strstr(k.why.text, "revoke"));
	CHECK_INT(kit_issue(&k, ROLE_EDGE, "laptop", &other, NULL), -ZT_E_EXISTS); /* in another role as well */
	q = issue_of(ROLE_CLIENT, "second", csr_for(&p, csr, NULL, 0));
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_EXISTS);
	CHECK(strstr(k.why.text, "'laptop'"));
	/* suspended is alive */
	NEED(kit_suspend(&k, "laptop", true) == 0);
	CHECK_INT(kit_issue(&k, ROLE_CLIENT, "laptop", &other, NULL), -ZT_E_EXISTS);
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_EXISTS);
	/* ended, both are free again */
	NEED(kit_name(&k, CA_REVOKE, "laptop") == 0);
	CHECK_INT(kit_ask(&k, 'c', &q), 0);
	CHECK_INT(kit_issue(&k, ROLE_CLIENT, "laptop", &other, NULL), 0);
	/* but a key that was lost to somebody never */
	put_str(&revoke, CAF_NAME, "second");
	put_num(&revoke, CAF_REASON, 1);
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	q = issue_of(ROLE_CLIENT, "third", csr_for(&p, csr, NULL, 0));
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "compromised"));
	kit_close(&k);
}

static int asked_with(struct casign q, enum casign_field f, struct span value)
{
	q.has[f] = value.n > 0;
	q.field[f] = value;
	return kit_ask(&k, 'c', &q);
}

/* A command that was ended before it had heard the answer. */
TEST(the_same_key_for_the_same_gets_the_same_certificate)
{
	uint8_t csr[1024], again[1024], names[128], fewer[128], first[X509_MAX];
	struct casign q, other;
	struct pair p;
	size_t n;

	kit_open(&k);
	kit_pair(&p);
	q = issue_of(ROLE_SERVICE, "nas", csr_for(&p, csr, NULL, 0));
	put_str(&q, CAF_USER, "alice");
	put_num(&q, CAF_LIFETIME, 1000);
	casign_put(&q, CAF_SANS, names_of(lan, 2, names, sizeof names));
	NEED(kit_ask(&k, 'c', &q) == 0);
	n = k.out.field[CAF_CHAIN].n;
	NEED(n > 0 && n <= sizeof first);
	memcpy(first, k.out.field[CAF_CHAIN].p, n);
	kit_step(&k, 500); /* another request for the same key, some time later */
	q.field[CAF_CSR] = csr_for(&p, again, NULL, 0);
	CHECK_INT(kit_ask(&k, 'c', &q), 0);
	CHECK(span_eq(k.out.field[CAF_CHAIN], span_of(first, n)));
	CHECK_INT(registry_count(k.registry), 1);
	/* anything else is another matter */
	CHECK_INT(asked_with(q, CAF_NAME, SPAN_LIT("nas2")), -ZT_E_EXISTS);
	CHECK_INT(asked_with(q, CAF_USER, SPAN_LIT("bob")), -ZT_E_EXISTS);
	CHECK_INT(asked_with(q, CAF_USER, SPAN_NONE), -ZT_E_EXISTS);
	CHECK_INT(asked_with(q, CAF_SANS, SPAN_NONE), -ZT_E_EXISTS);
	CHECK_INT(asked_with(q, CAF_SANS, names_of(lan, 1, fewer, sizeof fewer)), -ZT_E_EXISTS);
	CHECK_INT(asked_with(q, CAF_SANS, names_of(&lan[1], 1, fewer, sizeof fewer)), -ZT_E_EXISTS);
	other = q;
	put_num(&other, CAF_ROLE, ROLE_EDGE);
	CHECK_INT(kit_ask(&k, 'c', &other), -ZT_E_EXISTS);
	other = q;
	put_num(&other, CAF_LIFETIME, 999);
	CHECK_INT(kit_ask(&k, 'c', &other), -ZT_E_EXISTS);
	NEED(kit_suspend(&k, "nas", true) == 0);
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_EXISTS);
	NEED(kit_suspend(&k, "nas", false) == 0);
	CHECK_INT(kit_ask(&k, 'c', &q), 0);
	CHECK_INT(registry_count(k.registry), 1);
	/* renewed or over, it is given to nobody anew */
	NEED(kit_name(&k, CA_REVOKE, "nas") == 0);
	CHECK_INT(kit_ask(&k, 'c', &q), 0);
	CHECK(!span_eq(k.out.field[CAF_CHAIN], span_of(first, n)));
	CHECK_INT(registry_count(k.registry), 2);
	kit_close(&k);
}

TEST(the_authoritys_own_keys_get_no_certificate)
{
	uint8_t csr[1024];
	struct casign q;

	kit_open(&k);
	q = issue_of(ROLE_CLIENT, "a", csr_for(&k.anchor[ANCHOR_INFRA][1], csr, NULL, 0));
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_DENIED);
	q = issue_of(ROLE_CLIENT, "a", csr_for(&k.anchor[ANCHOR_DEVICE][1], csr, NULL, 0)); /* of another anchor */
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_DENIED);
	q = issue_of(ROLE_CLIENT, "a", csr_for(&k.own, csr, NULL, 0));
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_DENIED);
	kit_close(&k);
}

TEST(without_its_key_an_anchor_signs_nothing_and_says_where_to_go)
{
	struct casign q = {.type = CA_FACTS};
	struct pair p;

	kit_open(&k);
	k.has[ANCHOR_INFRA][1] = false;
	CHECK_INT(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL), -ZT_E_KEY);
	CHECK(strstr(k.why.text, "the infra authority's key is not on this machine") && strstr(k.why.text, "keys/infra.1.key"));
	CHECK_INT(kit_issue(&k, ROLE_DEVICE, "phone", &p, NULL), 0);
	NEED(kit_ask(&k, 'c', &q) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_KEYS), CA_KEY_BIT(ANCHOR_DEVICE) | CA_KEY_BIT(ANCHOR_ACME) | CA_KEY_REGISTRY);
	CHECK(span_eq(k.out.field[CAF_REGISTRY], k.own.spki) && casign_u64(&k.out, CAF_EPOCH) == 1);
	CHECK(k.out.has[CAF_INFRA] && k.out.has[CAF_DEVICE] && k.out.has[CAF_ACME]);
	CHECK(kit_lines(&k) == 3 && kit_json(&k, "{\"anchor\":\"infra\",\"generation\":1,\"state\":\"signs\"") && kit_json(&k, "\"key\":false"));
	/* another key in its place makes no certificate that nobody believes */
	k.anchor[ANCHOR_INFRA][1].key = k.own.key;
	k.has[ANCHOR_INFRA][1] = true;
	CHECK_INT(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL), -ZT_E_KEY);
	CHECK_INT(registry_count(k.registry), 1);
	kit_close(&k);
}

/* ---- renewal ------------------------------------------------------------------------------------------ */

TEST(the_holder_renews_and_keeps_its_identity)
{
	uint8_t csr[1024], names[128], first[CERT_SERIAL], second[CERT_SERIAL], id[CERT_ID];
	struct casign q;
	struct pair p, next, third;
	struct x509 c;
	struct span der;

	kit_open(&k);
	kit_pair(&p);
	kit_pair(&next);
	kit_pair(&third);
	q = issue_of(ROLE_EDGE, "vps", csr_for(&p, csr, NULL, 0));
	casign_put(&q, CAF_SANS, names_of(lan, 2, names, sizeof names));
	put_str(&q, CAF_USER, "anna");
	put_num(&q, CAF_LIFETIME, 10 * (uint64_t)DAY);
	NEED(kit_ask(&k, 'c', &q) == 0);
	memcpy(first, k.out.field[CAF_SERIAL].p, sizeof first);
	memcpy(id, k.out.field[CAF_ID].p, sizeof id);
	CHECK_INT(kit_renew(&k, first, &next), -ZT_E_DENIED); /* an agent that loops fills no registry */
	CHECK(strstr(k.why.text, "first tenth"));
	kit_step(&k, 7 * DAY);
	NEED(kit_renew(&k, first, &next) == 0);
	memcpy(second, k.out.field[CAF_SERIAL].p, sizeof second);
	der = k.out.field[CAF_CHAIN];
	CHECK(span_eq(k.out.field[CAF_ID], span_of(id, sizeof id)) && k.out.has[CAF_INFRA] && k.out.has[CAF_REGISTRY]);
	NEED(x509_read(&c, der, &k.why) == 0);
	CHECK(span_eq(c.spki, next.spki) && has_san(&c, SAN_DNS, "nas.lan", 7) && count_sans(&c) == 3);
	CHECK_INT(c.not_after, kit_now(&k) + 10 * DAY); /* as long as the parent, not as the role */
	CHECK_INT(kit_state(&k, first), CERT_SUPERSEDED);
	CHECK_STR(registry_find(k.registry, second)->user, "anna");
	/* the answer was lost: the same child, also after a restart */
	kit_reopen(&k);
	CHECK_INT(kit_renew(&k, first, &next), 0);
	CHECK(span_eq(k.out.field[CAF_SERIAL], span_of(second, sizeof second)));
	CHECK_INT(registry_count(k.registry), 2);
	/* the time of grace ends */
	kit_step(&k, RENEWAL_GRACE);
	CHECK_INT(kit_renew(&k, first, &next), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "grace"));
	CHECK_INT(kit_seen(&k, first, 1), -ZT_E_DENIED);
	CHECK_INT(kit_seen(&k, second, 1), 0);
	/* the child goes on */
	kit_step(&k, 5 * DAY);
	CHECK_INT(kit_renew(&k, second, &third), 0);
	CHECK_INT(registry_count(k.registry), 3);
	kit_close(&k);
}

TEST(a_renewed_certificate_that_asks_with_another_key_was_copied)
{
	uint8_t first[CERT_SERIAL], second[CERT_SERIAL];
	struct pair p, child, thief;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, first) == 0);
	kit_step(&k, 60 * DAY);
	kit_pair(&child);
	kit_pair(&thief);
	NEED(kit_renew(&k, first, &child) == 0);
	memcpy(second, k.out.field[CAF_SERIAL].p, sizeof second);
	CHECK_INT(kit_renew(&k, first, &thief), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "alarm") && strstr(k.why.text, "'attic'"));
	CHECK_INT(kit_logged(&k, "event=alarm", "name=attic"), 1);
	CHECK(kit_logged(&k, "event=alarm", "peer=192.0.2.7") == 1 && kit_logged(&k, "ERROR", "event=alarm") + kit_logged(&k, "error", "event=alarm") >= 1);
	CHECK(kit_state(&k, first) == CERT_SUSPENDED && kit_state(&k, second) == CERT_SUSPENDED);
	CHECK_INT(kit_renew(&k, second, &thief), -ZT_E_DENIED); /* also the good one, until somebody has looked */
	CHECK_INT(kit_renew(&k, first, &thief), -ZT_E_DENIED);
	CHECK_INT(kit_logged(&k, "event=alarm", "name=attic"), 1); /* one alarm */
	kit_reopen(&k);
	CHECK(kit_state(&k, first) == CERT_SUSPENDED && kit_state(&k, second) == CERT_SUSPENDED);
	CHECK_INT(registry_count(k.registry), 2);
	/* and a thief who waited */
	NEED(kit_suspend(&k, "attic", false) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_COUNT), 2);
	kit_step(&k, 2 * DAY);
	CHECK_INT(kit_renew(&k, first, &thief), -ZT_E_DENIED);
	CHECK_INT(kit_logged(&k, "event=alarm", "name=attic"), 2);
	CHECK_INT(kit_state(&k, second), CERT_SUSPENDED);
	kit_close(&k);
}

/* The network side that fell into wrong hands can name any serial and bring a request of its own: without the key of
 * the certificate it gets none, raises no alarm and suspends nobody. */
TEST(only_the_holder_of_the_key_renews)
{
	uint8_t serial[CERT_SERIAL], second[CERT_SERIAL], wrong[CERT_SERIAL];
	uint8_t csr[1024], sig[PK_SIG_MAX];
	struct wr w = wr_of(sig, sizeof sig);
	struct casign q = {.type = CA_RENEW};
	struct pair p, other, thief;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, serial) == 0);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "cellar", &other, wrong) == 0);
	kit_pair(&thief);
	kit_step(&k, 20 * DAY);
	CHECK_INT(kit_renew_by(&k, serial, &thief, NULL), -ZT_E_DENIED);
	CHECK_INT(kit_renew_by(&k, serial, &thief, &thief.key), -ZT_E_DENIED);
	CHECK_INT(kit_renew_by(&k, serial, &thief, &other.key), -ZT_E_DENIED); /* somebody else's certificate */
	CHECK(strstr(k.why.text, "not signed by the key of the certificate"));
	/* signed by the right key, but another request, or for another certificate of it */
	casign_put(&q, CAF_SERIAL, span_of(serial, CERT_SERIAL));
	CHECK_INT(enrolsig_renewal(&w, &p.key, span_of(serial, CERT_SERIAL), csr_for(&p, csr, NULL, 0)), 0);
	casign_put(&q, CAF_SIGNATURE, wr_span(&w));
	casign_put(&q, CAF_CSR, csr_for(&thief, csr, NULL, 0));
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_DENIED);
	w.n = 0;
	CHECK_INT(enrolsig_renewal(&w, &p.key, span_of(wrong, CERT_SERIAL), q.field[CAF_CSR]), 0);
	casign_put(&q, CAF_SIGNATURE, wr_span(&w));
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_DENIED);
	CHECK_INT(registry_count(k.registry), 2);
	CHECK_INT(kit_renew_by(&k, serial, &other, &p.key), -ZT_E_EXISTS); /* signed, and another rule */
	CHECK_INT(kit_renew_by(&k, serial, &thief, &p.key), 0);
	memcpy(second, k.out.field[CAF_SERIAL].p, CERT_SERIAL);
	/* renewed already: without the key no alarm comes of it */
	CHECK_INT(kit_renew_by(&k, serial, &other, &other.key), -ZT_E_DENIED);
	CHECK_INT(kit_logged(&k, "event=alarm", ""), 0);
	CHECK_INT(kit_state(&k, second), CERT_GOOD);
	kit_close(&k);
}

TEST(who_may_not_renew)
{
	uint8_t serial[CERT_SERIAL], phone[CERT_SERIAL], unknown[CERT_SERIAL] = {1};
	uint8_t csr[1024];
	struct casign q = {.type = CA_RENEW};
	struct pair p, next, other;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, serial) == 0);
	NEED(kit_issue(&k, ROLE_DEVICE, "phone", &other, phone) == 0);
	kit_pair(&next);
	kit_step(&k, 20 * DAY);
	CHECK_INT(kit_renew(&k, unknown, &next), -ZT_E_NOTFOUND);
	CHECK_INT(kit_renew(&k, phone, &next), -ZT_E_DENIED); /* this role does not */
	CHECK_INT(kit_renew(&k, serial, &other), -ZT_E_EXISTS); /* with another identity's key */
	NEED(kit_suspend(&k, "laptop", true) == 0);
	CHECK_INT(kit_renew(&k, serial, &next), -ZT_E_DENIED);
	NEED(kit_suspend(&k, "laptop", false) == 0);
	casign_put(&q, CAF_CSR, csr_for(&next, csr, NULL, 0));
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_USAGE); /* neither serial nor name */
	put_str(&q, CAF_NAME, "laptop");
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_USAGE); /* a client shows a certificate, not a name */
	kit_step(&k, 10 * DAY);
	CHECK_INT(kit_renew(&k, serial, &next), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "expired"));
	NEED(kit_name(&k, CA_REVOKE, "laptop") == 0);
	CHECK_INT(kit_renew(&k, serial, &next), -ZT_E_DENIED);
	CHECK_INT(registry_count(k.registry), 2);
	kit_close(&k);
}

static int renew_by_command(const char *name, const struct pair *p, uint64_t lifetime)
{
	uint8_t csr[1024];
	struct casign q = {.type = CA_RENEW};

	put_str(&q, CAF_NAME, name);
	casign_put(&q, CAF_CSR, csr_for(p, csr, NULL, 0));
	if (lifetime)
		put_num(&q, CAF_LIFETIME, lifetime);
	return kit_ask(&k, 'c', &q);
}

TEST(a_command_renews_any_role_at_any_time)
{
	uint8_t first[CERT_SERIAL], csr[1024];
	struct casign q = {.type = CA_RENEW};
	struct pair p, next, third;
	struct x509 c;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_DEVICE, "phone", &p, first) == 0);
	kit_pair(&next);
	kit_pair(&third);
	CHECK_INT(renew_by_command("phone", &next, 0), 0); /* at once */
	CHECK_INT(kit_state(&k, first), CERT_SUPERSEDED);
	casign_put(&q, CAF_SERIAL, span_of(first, sizeof first));
	casign_put(&q, CAF_CSR, csr_for(&third, csr, NULL, 0));
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_EXISTS); /* that is a mistake, and no alarm */
	CHECK_INT(kit_logged(&k, "event=alarm", ""), 0);
	kit_step(&k, 800 * DAY);
	CHECK_INT(renew_by_command("phone", &third, 30 * (uint64_t)DAY), 0); /* expired */
	NEED(x509_read(&c, k.out.field[CAF_CHAIN], &k.why) == 0);
	CHECK_INT(c.not_after, kit_now(&k) + 30 * DAY);
	CHECK_INT(renew_by_command("nobody", &third, 0), -ZT_E_NOTFOUND);
	NEED(kit_suspend(&k, "phone", true) == 0);
	CHECK_INT(renew_by_command("phone", &p, 0), -ZT_E_DENIED);
	NEED(kit_name(&k, CA_REVOKE, "phone") == 0);
	CHECK_INT(renew_by_command("phone", &p, 0), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "revoked"));
	/* the name has gone to another: the old one is not brought back */
	NEED(kit_issue(&k, ROLE_DEVICE, "phone", &next, first) == 0);
	kit_step(&k, 800 * DAY);
	NEED(kit_issue(&k, ROLE_DEVICE, "phone", &next, NULL) == 0);
	CHECK_INT(kit_ask(&k, 'c', &q), -ZT_E_EXISTS);
	CHECK(strstr(k.why.text, "another certificate"));
	kit_close(&k);
}

TEST(nothing_outlives_its_issuer)
{
	uint8_t serial[CERT_SERIAL];
	struct pair p, next;
	struct x509 c, ca;

	kit_open(&k);
	kit_step(&k, ANCHOR_LIFETIME - 60 * DAY);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, serial) == 0); /* 30 days fit */
	kit_step(&k, 20 * DAY);
	kit_pair(&next);
	NEED(kit_renew(&k, serial, &next) == 0);
	memcpy(serial, k.out.field[CAF_SERIAL].p, sizeof serial);
	kit_step(&k, 20 * DAY);
	kit_pair(&p);
	NEED(kit_renew(&k, serial, &p) == 0); /* 20 days are left */
	NEED(x509_read(&c, k.out.field[CAF_CHAIN], &k.why) == 0 && x509_read(&ca, k.out.field[CAF_INFRA], &k.why) == 0);
	CHECK_INT(c.not_after, ca.not_after);
	kit_step(&k, 20 * DAY);
	CHECK_INT(kit_issue(&k, ROLE_CLIENT, "late", &p, NULL), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "roll-over"));
	kit_close(&k);
}
