/* Who has shown which certificate, and T-01: that nobody gets round it with an old session. */
#include "engine_kit.h"

/* ---- client certificates ---------------------------------------------------------------- */

static void with_client(const struct kit_id *shows, enum tls_ask ask, enum tls_fault want)
{
	static struct peer p;
	struct cred *k = shows ? kit_cred(shows, NULL) : NULL;
	struct tlsmsg_done d;
	struct engine *e;

	peer_client(&p, &web);
	if (k)
		peer_show(&p, k);
	peer_go_client(&p, "a.example", false);
	serve(&e, &p, &(struct serving){.id = &web, .ask = ask, .name = "a.example"});
	NEED(e);
	if (want != TLSF_NONE) {
		check_fault(e, want);
		CHECK(!peer_open(&p));
	} else {
		NEED(engine_state(e) == ENGINE_DONE && peer_open(&p));
		engine_done(e, &d);
		CHECK_INT(d.verdict, TLSF_NONE);
		CHECK_INT(d.chain_n, shows && ask != TLS_ASK_NO ? 1 : 0);
		CHECK(d.chain_n == 0 || span_eq(d.chain[0], shows->cert));
		check_records(&d, &p);
	}
	serve_end(e);
	cred_free(k);
}

TEST(client_certificates_by_mode)
{
	setup();
	with_client(NULL, TLS_ASK_NO, TLSF_NONE);
	with_client(&client, TLS_ASK_NO, TLSF_NONE);
	with_client(NULL, TLS_ASK_OPTIONAL, TLSF_NONE);
	with_client(&client, TLS_ASK_OPTIONAL, TLSF_NONE);
	with_client(&client_rsa, TLS_ASK_OPTIONAL, TLSF_NONE);
	with_client(NULL, TLS_ASK_REQUIRED, TLSF_NO_CERT);
	with_client(&client, TLS_ASK_REQUIRED, TLSF_NONE);
	with_client(&client_rsa, TLS_ASK_REQUIRED, TLSF_NONE);
	teardown();
}

/* A certificate that does not verify is refused where none would have been fine: BearSSL would
 * go on, and not even look for the proof of the key. */
TEST(a_bad_client_certificate_is_refused_in_both_modes)
{
	setup();
	for (int ask = TLS_ASK_OPTIONAL; ask <= TLS_ASK_REQUIRED; ask++) {
		with_client(&client_other, (enum tls_ask)ask, TLSF_CERT_CA);
		with_client(&client_late, (enum tls_ask)ask, TLSF_CERT_DATE);
	}
	teardown();
}

TEST(somebody_elses_certificate_is_no_proof)
{
	struct kit_id thief;

	setup();
	for (int ask = TLS_ASK_OPTIONAL; ask <= TLS_ASK_REQUIRED; ask++) {
		static struct peer p;
		struct cred *k = kit_cred(&client, NULL), *mine;
		struct engine *e;

		kit_issue(&thief, NULL, &(struct kit_want){.cn = "thief"});
		mine = kit_cred(&thief, NULL);
		k->ec = mine->ec; /* the right certificate with another key */
		peer_client(&p, &web);
		peer_show(&p, k);
		peer_go_client(&p, "a.example", false);
		serve(&e, &p, &(struct serving){.id = &web, .ask = (enum tls_ask)ask, .name = "a.example"});
		check_fault(e, TLSF_CERT_PROOF);
		serve_end(e);
		cred_free(k);
		cred_free(mine);
	}
	teardown();
}

TEST(an_expired_authority_asks_nobody_so_nobody_enters)
{
	static struct peer p;
	struct kit_id late_ca;
	struct cred *k;
	struct engine *e = NULL;
	static uint8_t mem[TLSMSG_RECORDS];
	struct trust *t;

	setup();
	kit_issue(&late_ca, NULL, &(struct kit_want){.cn = "late", .ca = true, .late = true});
	t = kit_trust(&late_ca, TRUST_CLIENTS);
	k = kit_cred(&web, NULL);
	peer_client(&p, &web);
	peer_go_client(&p, "a.example", false);
	CHECK_INT(engine_new(&e, &bounds, &(struct engine_opts){
		.cred = k, .trust = t, .ask = TLS_ASK_REQUIRED, .name = SPAN_LIT("a.example"),
		.hello = span_of(mem, peer_take(&p, mem, sizeof mem)), .now = KIT_NOW}), 0);
	check_fault(e, TLSF_INTERNAL);
	engine_free(e);
	trust_free(t);
	cred_free(k);
	teardown();
}

static bool holds(struct span s, struct span what)
{
	for (size_t i = 0; i + what.n <= s.n; i++)
		if (span_eq(span_sub(s, i, what.n), what))
			return true;
	return false;
}

/* As many names of authorities as may be sent: more than one record and one packet of them. */
TEST(clients_are_told_whose_certificates_count)
{
	static uint8_t pem[1 << 20], mem[TLSMSG_RECORDS];
	static struct peer p;
	struct wr w = wr_of(pem, sizeof pem);
	struct cred *k, *show;
	struct trust *t;
	struct engine *e = NULL;
	struct tlsmsg_done d;
	size_t n;

	setup();
	kit_pem(&w, &ca);
	for (size_t names = ca.name.n + 2; names + other_ca.name.n + 2 <= TRUST_NAMES; names += other_ca.name.n + 2)
		if (names / (other_ca.name.n + 2) < BOUND_CAP(BOUND_TLS_ANCHORS) - 2)
			kit_pem(&w, &other_ca);
	NEED(trust_new(&t, wr_span(&w), "many.pem", TRUST_CLIENTS, NULL) == 0);
	k = kit_cred(&web, NULL);
	show = kit_cred(&client, NULL);
	peer_client(&p, &web);
	peer_show(&p, show);
	peer_go_client(&p, "a.example", false);
	NEED(engine_new(&e, &bounds, &(struct engine_opts){
		.cred = k, .trust = t, .ask = TLS_ASK_REQUIRED, .name = SPAN_LIT("a.example"),
		.hello = span_of(mem, peer_take(&p, mem, sizeof mem)), .now = KIT_NOW}) == 0);
	n = engine_take(e, mem, sizeof mem);
	CHECK(holds(span_of(mem, n), ca.name) && holds(span_of(mem, n), other_ca.name));
	peer_feed(&p, span_of(mem, n));
	kit_run(e, &p);
	NEED(engine_state(e) == ENGINE_DONE);
	engine_done(e, &d);
	CHECK(d.chain_n == 1 && span_eq(d.chain[0], client.cert));
	engine_free(e);
	trust_free(t);
	cred_free(k);
	cred_free(show);
	teardown();
}

TEST(client_shows_its_certificate_when_asked)
{
	static const struct kit_id *const ids[] = {&client, &client_rsa, NULL};

	setup();
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		static struct peer p;
		struct cred *k = kit_cred(&web, NULL);
		struct trust *t = kit_trust(&ca, TRUST_FILE);
		static struct chain asks;
		struct engine *e;

		NEED(chain_init(&asks, &(struct chain_rule){.trust = t, .use = LEAF_CLIENT, .now = KIT_NOW}) == 0);
		peer_server(&p, k);
		br_ssl_engine_set_x509(&p.eng, &asks.vtable);
		br_ssl_server_set_trust_anchor_names_alt(&p.server, asks.anchors, asks.anchors_n);
		NEED(br_ssl_server_reset(&p.server));
		dial(&e, &p, &(struct dialling){.name = "a.example", .trust = &ca, .show = ids[i]});
		NEED(e);
		if (ids[i]) {
			CHECK_INT(engine_state(e), ENGINE_DONE);
			CHECK(asks.n == 1 && span_eq(asks.cert[0], ids[i]->cert));
		} else {
			CHECK(engine_state(e) != ENGINE_DONE);
			CHECK_INT(br_ssl_engine_last_error(&p.eng), BR_ERR_NO_CLIENT_AUTH);
		}
		serve_end(e);
		chain_free(&asks);
		trust_free(t);
		cred_free(k);
	}
	teardown();
}

/* ---- T-01 ---------------------------------------------------------------------------------- */

static void t01(const struct serving *made_for, const struct serving *offered_to, bool may)
{
	br_ssl_session_parameters kept;
	static struct peer p;
	struct cred *k = kit_cred(&client, NULL);
	struct tlsmsg_done d;
	struct engine *e;

	peer_client(&p, &web);
	peer_go_client(&p, made_for->name, false);
	serve(&e, &p, made_for);
	NEED(e && engine_state(e) == ENGINE_DONE);
	br_ssl_engine_get_session_parameters(&p.eng, &kept);
	engine_done(e, &d);
	serve_end(e);

	peer_client(&p, &web);
	peer_show(&p, k);
	br_ssl_engine_set_session_parameters(&p.eng, &kept);
	peer_go_client(&p, offered_to->name, true);
	serve(&e, &p, offered_to);
	NEED(e && engine_state(e) == ENGINE_DONE);
	engine_done(e, &d);
	CHECK_INT(d.resumed, may);
	CHECK_INT(d.chain_n, offered_to->ask == TLS_ASK_NO ? 0 : 1);
	serve_end(e);
	cred_free(k);
}

/* A session enters only where it was made: not a listener that asks for certificates, not another
 * name, plan or epoch, not where there is no resumption. */
TEST(T01_a_session_never_changes_rooms)
{
	const struct serving home = {.id = &web, .name = "a.example", .resume = true, .plan = 1, .epoch = 7};
	struct serving s;

	setup();
	t01(&home, &home, true);
	s = home, s.ask = TLS_ASK_REQUIRED;
	t01(&home, &s, false);
	s.ask = TLS_ASK_OPTIONAL;
	t01(&home, &s, false);
	s = home, s.name = "b.example";
	t01(&home, &s, false);
	s = home, s.plan = 2;
	t01(&home, &s, false);
	s = home, s.epoch = 8;
	t01(&home, &s, false);
	s = home, s.resume = false;
	t01(&home, &s, false);
	t01(&s, &home, false);
	teardown();
}
