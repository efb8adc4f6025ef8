/* The engine against BearSSL as it comes, in memory, in both roles. */
#include "tls_kit.h"

#include "wire/record.h"

static struct bounds bounds;
static struct clock_fake fake;
static struct sessions *cache;
static struct kit_id ca, other_ca, web, rsa, p384, client, client_rsa, client_late, client_other;
static bool made;

static void setup(void)
{
	bounds_init(&bounds);
	clock_fake_init(&fake, 1, KIT_NOW * 1000);
	NEED(sessions_new(&cache, &bounds, &fake.clock) == 0);
	if (made)
		return;
	made = true;
	kit_issue(&ca, NULL, &(struct kit_want){.cn = "ca", .ca = true});
	kit_issue(&other_ca, NULL, &(struct kit_want){.cn = "other", .ca = true});
	kit_issue(&web, &ca, &(struct kit_want){.cn = "web", .dns = "a.example", .eku = EKU_SERVER});
	kit_issue(&rsa, &ca, &(struct kit_want){.cn = "rsa", .dns = "a.example", .type = PK_RSA});
	kit_issue(&p384, &ca, &(struct kit_want){.cn = "384", .dns = "a.example", .type = PK_P384});
	kit_issue(&client, &ca, &(struct kit_want){.cn = "phone", .eku = EKU_CLIENT});
	kit_issue(&client_rsa, &ca, &(struct kit_want){.cn = "laptop", .type = PK_RSA});
	kit_issue(&client_late, &ca, &(struct kit_want){.cn = "old", .late = true});
	kit_issue(&client_other, &other_ca, &(struct kit_want){.cn = "stranger"});
}

static void teardown(void)
{
	sessions_free(cache);
	CHECK_INT(bounds.row[BOUND_TLS_ENGINES].used, 0);
}

struct serving {
	const struct kit_id *id;
	enum tls_ask ask;
	const char *name, *alpn; /* as the worker says */
	bool resume;
	uint16_t plan;
	uint32_t epoch;
};

static struct trust *trusted;
static struct cred *shown;

/* The client's hello is its first flight. *e is NULL when there was no room for it. */
static void serve(struct engine **e, struct peer *p, const struct serving *s)
{
	static uint8_t mem[TLSMSG_RECORDS];
	struct session_key key = {0};
	struct engine_opts o = {
		.cred = shown = kit_cred(s->id, NULL), .trust = trusted = kit_trust(&ca, TRUST_CLIENTS), .ask = s->ask,
		.name = span_str(s->name), .alpn = span_str(s->alpn), .sessions = s->resume ? cache : NULL,
		.key = &key, .now = KIT_NOW,
	};

	session_bind(key.bound, false, s->epoch, s->plan, o.name, o.alpn);
	o.hello = span_of(mem, peer_take(p, mem, sizeof mem));
	*e = NULL;
	if (engine_new(e, &bounds, &o) == 0)
		kit_run(*e, p);
}

static void serve_end(struct engine *e)
{
	engine_free(e);
	trust_free(trusted);
	cred_free(shown);
}

/* Keys, nonces and counters are right when the other side's records open and ours open there. */
static void check_records(struct tlsmsg_done *d, struct peer *p)
{
	uint8_t mem[RECORD_MAX] = {0};
	struct record in, out;
	struct record_plain plain;
	size_t n, head;
	uint8_t *at;

	record_init(&in, suite_aead(d->suite), &d->in);
	record_init(&out, suite_aead(d->suite), &d->out);
	for (int i = 0; i < 3; i++) {
		int len;

		head = record_head(&out);
		memcpy(mem + head, "from zt", 7);
		len = record_seal(&out, RECORD_DATA, mem, 7);
		NEED(len > 0);
		peer_feed(p, span_of(mem, (size_t)len));
		at = br_ssl_engine_recvapp_buf(&p->eng, &n);
		NEED(at && n == 7 && memcmp(at, "from zt", 7) == 0);
		br_ssl_engine_recvapp_ack(&p->eng, n);
		at = br_ssl_engine_sendapp_buf(&p->eng, &n);
		NEED(at && n > 7);
		memcpy(at, "to zt!!", 7);
		br_ssl_engine_sendapp_ack(&p->eng, 7);
		br_ssl_engine_flush(&p->eng, 0);
		n = peer_take(p, mem, sizeof mem);
		NEED(record_open(&in, mem, n, &plain) == (int)n);
		CHECK(plain.n == 7 && memcmp(plain.p, "to zt!!", 7) == 0);
	}
	record_wipe(&in);
	record_wipe(&out);
}

static void check_fault(const struct engine *e, enum tls_fault f)
{
	NEED(e);
	CHECK_INT(engine_state(e), ENGINE_FAILED);
	CHECK_STR(tls_fault_name(engine_failure(e).fault), tls_fault_name(f));
}

static const struct {
	uint16_t suite;
	const struct kit_id *id;
} all[] = {
	{SUITE_ECDSA_AES128, &web}, {SUITE_ECDSA_AES256, &web}, {SUITE_ECDSA_CHACHA, &web},
	{SUITE_RSA_AES128, &rsa},   {SUITE_RSA_AES256, &rsa},   {SUITE_RSA_CHACHA, &rsa},
};

TEST(server_speaks_every_suite_fresh_and_resumed)
{
	setup();
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct serving s = {.id = all[i].id, .name = "a.example", .resume = true, .epoch = 1};
		br_ssl_session_parameters kept;

		for (int again = 0; again < 3; again++) {
			static struct peer p;
			struct tlsmsg_done d;
			struct engine *e;

			peer_client(&p, all[i].id);
			br_ssl_engine_set_suites(&p.eng, &all[i].suite, 1);
			if (again)
				br_ssl_engine_set_session_parameters(&p.eng, &kept);
			peer_go_client(&p, "a.example", again);
			serve(&e, &p, &s);
			NEED(e && engine_state(e) == ENGINE_DONE && peer_open(&p));
			br_ssl_engine_get_session_parameters(&p.eng, &kept);
			engine_done(e, &d);
			CHECK_INT(d.suite, all[i].suite);
			CHECK_INT(d.resumed, again > 0);
			CHECK(span_eq_str(d.name, "a.example") && d.alpn.n == 0 && d.chain_n == 0);
			CHECK_INT(d.in.seq, 1);
			CHECK_INT(d.out.seq, 1);
			check_records(&d, &p);
			serve_end(e);
		}
	}
	teardown();
}

struct dialling {
	const char *name, *alpn;
	bool let_through, resume;
	const struct kit_id *trust, *show;
};

/* p is a server that waits. */
static void dial(struct engine **e, struct peer *p, const struct dialling *c)
{
	struct session_key key = {.client = true, .key = {1}};
	struct engine_opts o = {
		.client = true, .trust = trusted = c->trust ? kit_trust(c->trust, TRUST_FILE) : NULL,
		.cred = shown = c->show ? kit_cred(c->show, NULL) : NULL, .let_through = c->let_through,
		.name = span_str(c->name), .alpn = span_str(c->alpn), .sessions = c->resume ? cache : NULL,
		.key = &key, .now = KIT_NOW,
	};

	session_bind(key.bound, true, 1, 0, o.name, o.alpn);
	*e = NULL;
	if (engine_new(e, &bounds, &o) == 0)
		kit_run(*e, p);
}

static void server_up(struct peer *p, struct cred *c)
{
	peer_server(p, c);
	if (!br_ssl_server_reset(&p->server))
		unit_fail(__FILE__, __LINE__, "BearSSL's server does not start");
}

TEST(client_speaks_every_suite_fresh_and_resumed)
{
	static uint8_t store[4096];
	br_ssl_session_cache_lru lru;

	setup();
	br_ssl_session_cache_lru_init(&lru, store, sizeof store);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct dialling c = {.name = "a.example", .resume = true, .trust = &ca};
		struct cred *k = kit_cred(all[i].id, NULL);

		for (int again = 0; again < 3; again++) {
			static struct peer p;
			struct tlsmsg_done d;
			struct engine *e;

			peer_server(&p, k);
			br_ssl_engine_set_suites(&p.eng, &all[i].suite, 1);
			br_ssl_server_set_cache(&p.server, &lru.vtable);
			NEED(br_ssl_server_reset(&p.server));
			dial(&e, &p, &c);
			NEED(e && engine_state(e) == ENGINE_DONE && peer_open(&p));
			CHECK_STR(br_ssl_engine_get_server_name(&p.eng), "a.example");
			engine_done(e, &d);
			CHECK_INT(d.suite, all[i].suite);
			CHECK_INT(d.resumed, again > 0);
			CHECK_INT(d.verdict, TLSF_NONE);
			CHECK(d.chain_n == 1 && span_eq(d.chain[0], all[i].id->cert));
			check_records(&d, &p);
			serve_end(e);
		}
		/* a suite later the session of the earlier one is offered, and refused */
		sessions_drop(cache, &(struct session_key){.client = true, .key = {1}});
		cred_free(k);
	}
	teardown();
}

TEST(best_suite_first)
{
	static struct peer p;
	struct tlsmsg_done d;
	struct engine *e;

	setup();
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		peer_client(&p, all[i].id);
		peer_go_client(&p, "a.example", false);
		serve(&e, &p, &(struct serving){.id = all[i].id, .name = "a.example"});
		NEED(e && engine_state(e) == ENGINE_DONE);
		engine_done(e, &d);
		CHECK_INT(suite_aead(d.suite), aead_fast_aes() ? AEAD_AES128_GCM : AEAD_CHACHA20);
		serve_end(e);
	}
	teardown();
}

/* The peer offers one curve, and that of the certificate, without which it cannot verify. */
TEST(curves_and_key_types)
{
	static const int curves[] = {BR_EC_curve25519, BR_EC_secp256r1, BR_EC_secp384r1};
	static const struct {
		const struct kit_id *id;
		int own;
	} ids[] = {{&web, BR_EC_secp256r1}, {&rsa, 0}, {&p384, BR_EC_secp384r1}};
	static struct peer p;
	struct engine *e;

	setup();
	for (size_t c = 0; c < ARRAY_LEN(curves); c++)
		for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
			br_ec_impl only = *br_ec_get_default();
			int want = curves[c];

			only.supported_curves = 1u << curves[c] | (ids[i].own ? 1u << ids[i].own : 0);
			if (want == BR_EC_secp384r1 && ids[i].own == BR_EC_secp256r1)
				want = BR_EC_secp256r1;
			peer_client(&p, ids[i].id);
			br_ssl_engine_set_ec(&p.eng, &only);
			peer_go_client(&p, "a.example", false);
			serve(&e, &p, &(struct serving){.id = ids[i].id, .name = "a.example"});
			NEED(e);
			CHECK_INT(engine_state(e), ENGINE_DONE);
			CHECK_INT(br_ssl_engine_get_ecdhe_curve(&p.eng), want);
			serve_end(e);
		}
	teardown();
}

TEST(p521_key_exchange_is_not_ours)
{
	static struct peer p;
	br_ec_impl only = *br_ec_get_default();
	struct engine *e;

	setup();
	only.supported_curves = 1u << BR_EC_secp521r1;
	peer_client(&p, &web);
	br_ssl_engine_set_ec(&p.eng, &only);
	peer_go_client(&p, "a.example", false);
	serve(&e, &p, &(struct serving){.id = &web, .name = "a.example"});
	check_fault(e, TLSF_CURVE);
	CHECK_INT(engine_failure(e).alert, 40); /* it was sent */
	CHECK_INT(br_ssl_engine_last_error(&p.eng), BR_ERR_RECV_FATAL_ALERT + 40);
	serve_end(e);
	teardown();
}

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

		NEED(chain_init(&asks, &(struct chain_rule){t, LEAF_CLIENT, false, KIT_NOW}) == 0);
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

/* ---- protocols, names ------------------------------------------------------------------- */

static void alpn_case(const char *offer, const char *chosen, const char *name, const char *said, enum tls_fault want)
{
	static struct peer p;
	struct tlsmsg_done d;
	struct engine *e;

	peer_client(&p, &web);
	p.alpn[0] = "zz/9";
	p.alpn[1] = offer;
	if (offer)
		br_ssl_engine_set_protocol_names(&p.eng, p.alpn, 2);
	peer_go_client(&p, name, false);
	serve(&e, &p, &(struct serving){.id = &web, .name = said, .alpn = chosen});
	NEED(e);
	if (want == TLSF_NONE) {
		const char *got = br_ssl_engine_get_selected_protocol(&p.eng);

		NEED(engine_state(e) == ENGINE_DONE);
		engine_done(e, &d);
		CHECK(span_eq_str(d.alpn, chosen ? chosen : ""));
		CHECK_STR(got ? got : "", chosen ? chosen : "");
	} else {
		check_fault(e, want);
		CHECK_INT(peer_open(&p), 0);
	}
	serve_end(e);
}

TEST(both_readers_must_agree)
{
	setup();
	alpn_case("http/1.1", "http/1.1", "a.example", "a.example", TLSF_NONE);
	alpn_case("http/1.1", NULL, "a.example", "a.example", TLSF_NONE);
	alpn_case(NULL, NULL, "A.Example", "a.example", TLSF_NONE);
	alpn_case(NULL, NULL, NULL, "", TLSF_NONE);
	alpn_case("http/1.1", "zt-tunnel/1", "a.example", "a.example", TLSF_DISAGREE);
	alpn_case(NULL, "http/1.1", "a.example", "a.example", TLSF_DISAGREE);
	alpn_case(NULL, NULL, "a.example", "b.example", TLSF_DISAGREE);
	alpn_case(NULL, NULL, "a.example", "", TLSF_DISAGREE);
	alpn_case(NULL, NULL, NULL, "a.example", TLSF_DISAGREE);
	teardown();
}

/* A resumed hello without our protocol made BearSSL read past its table of names. */
TEST(resuming_without_the_protocol_is_refused)
{
	const struct serving s = {.id = &web, .name = "a.example", .alpn = "http/1.1", .resume = true};
	br_ssl_session_parameters kept;
	static struct peer p;
	struct engine *e;

	setup();
	for (int again = 0; again < 2; again++) {
		peer_client(&p, &web);
		p.alpn[0] = again ? "spdy/1" : "http/1.1";
		br_ssl_engine_set_protocol_names(&p.eng, p.alpn, 1);
		if (again)
			br_ssl_engine_set_session_parameters(&p.eng, &kept);
		peer_go_client(&p, "a.example", again);
		serve(&e, &p, &s);
		NEED(e);
		if (again)
			check_fault(e, TLSF_DISAGREE);
		else
			CHECK_INT(engine_state(e), ENGINE_DONE);
		br_ssl_engine_get_session_parameters(&p.eng, &kept);
		serve_end(e);
	}
	teardown();
}

TEST(client_asks_for_a_protocol)
{
	static struct peer p;
	struct cred *k;
	struct tlsmsg_done d;
	struct engine *e;

	setup();
	k = kit_cred(&web, NULL);
	for (int i = 0; i < 2; i++) {
		p.alpn[0] = i ? "other" : "zt-tunnel/1";
		peer_server(&p, k);
		p.alpn[0] = i ? "other" : "zt-tunnel/1";
		br_ssl_engine_set_protocol_names(&p.eng, p.alpn, 1);
		NEED(br_ssl_server_reset(&p.server));
		dial(&e, &p, &(struct dialling){.name = "a.example", .alpn = "zt-tunnel/1", .trust = &ca});
		NEED(e && engine_state(e) == ENGINE_DONE);
		engine_done(e, &d); /* a server that answers none leaves it empty: the worker decides */
		CHECK(span_eq_str(d.alpn, i ? "" : "zt-tunnel/1"));
		serve_end(e);
	}
	cred_free(k);
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

/* ---- faults -------------------------------------------------------------------------------- */

static void server_fault(struct peer *p, enum tls_fault want, uint8_t alert)
{
	struct engine *e;

	peer_go_client(p, "a.example", false);
	serve(&e, p, &(struct serving){.id = &web, .name = "a.example"});
	check_fault(e, want);
	CHECK_INT(engine_failure(e).alert, alert);
	serve_end(e);
}

TEST(clients_that_share_nothing)
{
	static const uint16_t cbc[] = {0xc013}, rsa_only[] = {SUITE_RSA_AES128}, ours[] = {SUITE_ECDSA_AES128};
	static struct peer p;

	setup();
	peer_client(&p, &web);
	br_ssl_engine_set_suites(&p.eng, cbc, 1);
	server_fault(&p, TLSF_SUITE, 40);
	peer_client(&p, &web);
	br_ssl_engine_set_suites(&p.eng, rsa_only, 1);
	server_fault(&p, TLSF_SUITE, 40);
	peer_client(&p, &web); /* only SHA-1 signatures */
	br_ssl_engine_set_suites(&p.eng, ours, 1);
	br_ssl_engine_set_hash(&p.eng, br_sha256_ID, NULL);
	br_ssl_engine_set_hash(&p.eng, br_sha384_ID, NULL);
	br_ssl_engine_set_hash(&p.eng, br_sha512_ID, NULL);
	br_ssl_engine_set_hash(&p.eng, br_sha224_ID, NULL);
	server_fault(&p, TLSF_CURVE, 40);
	peer_client(&p, &web);
	br_ssl_engine_set_versions(&p.eng, BR_TLS10, BR_TLS10);
	server_fault(&p, TLSF_VERSION, 0);
	teardown();
}

/* supported_versions says 1.3 and nothing else (RFC 8446 section 4.2.1). */
TEST(a_client_of_only_tls_1_3)
{
	static const uint8_t hello[] = {
		22, 3, 1, 0, 62, 1, 0, 0, 58, 3, 3,
		1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
		0, 0, 4, 0x13, 1, 0xc0, 0x2b, 1, 0,
		0, 13, 0, 43, 0, 3, 2, 3, 4, 0, 10, 0, 2, 0, 0,
	};
	struct cred *k;
	struct engine *e = NULL;

	setup();
	k = kit_cred(&web, NULL);
	CHECK_INT(engine_new(&e, &bounds, &(struct engine_opts){
		.cred = k, .hello = span_of(hello, sizeof hello), .now = KIT_NOW}), 0);
	check_fault(e, TLSF_VERSION);
	engine_free(e);
	cred_free(k);
	teardown();
}

TEST(a_hello_that_is_none)
{
	static const char *const junk[] = {"", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"};
	struct cred *k;

	setup();
	k = kit_cred(&web, NULL);
	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		struct engine *e = NULL;

		CHECK_INT(engine_new(&e, &bounds, &(struct engine_opts){
			.cred = k, .hello = span_of(junk[i], i == 2 ? 10 : strlen(junk[i])), .now = KIT_NOW}), 0);
		check_fault(e, TLSF_DISAGREE);
		engine_free(e);
	}
	cred_free(k);
	teardown();
}

static void client_fault(const struct kit_id *server, const struct dialling *c, enum tls_fault want)
{
	static struct peer p;
	struct cred *k = kit_cred(server, NULL);
	struct tlsmsg_done d;
	struct dialling let = *c;
	struct engine *e;

	server_up(&p, k);
	dial(&e, &p, c);
	check_fault(e, want);
	serve_end(e);
	server_up(&p, k); /* with a pin it goes on, and the worker is told what was wrong */
	let.let_through = true;
	dial(&e, &p, &let);
	NEED(e && engine_state(e) == ENGINE_DONE);
	engine_done(e, &d);
	CHECK_STR(tls_fault_name(d.verdict), tls_fault_name(want));
	CHECK(d.chain_n == 1 && span_eq(d.chain[0], server->cert));
	check_records(&d, &p);
	serve_end(e);
	cred_free(k);
}

TEST(servers_that_are_not_believed_unless_pinned)
{
	struct kit_id late, early, self, purpose;
	const struct dialling c = {.name = "a.example", .trust = &ca}, b = {.name = "b.example", .trust = &ca},
			      other = {.name = "a.example", .trust = &other_ca}, nobody = {.name = "a.example"};

	setup();
	kit_issue(&late, &ca, &(struct kit_want){.cn = "late", .dns = "a.example", .late = true});
	kit_issue(&early, &ca, &(struct kit_want){.cn = "early", .dns = "a.example", .early = true});
	kit_issue(&self, NULL, &(struct kit_want){.cn = "self", .dns = "a.example"});
	kit_issue(&purpose, &ca, &(struct kit_want){.cn = "use", .dns = "a.example", .ku = KU_AGREE});
	client_fault(&web, &other, TLSF_CERT_CA);
	client_fault(&web, &nobody, TLSF_CERT_CA);
	client_fault(&self, &c, TLSF_CERT_CA);
	client_fault(&late, &c, TLSF_CERT_DATE);
	client_fault(&early, &c, TLSF_CERT_DATE);
	client_fault(&web, &b, TLSF_CERT_NAME);
	teardown();
}

TEST(a_server_without_the_key_of_its_certificate)
{
	static struct peer p;
	struct kit_id thief;
	struct cred *k, *mine;
	struct engine *e;

	setup();
	kit_issue(&thief, NULL, &(struct kit_want){.cn = "thief"});
	k = kit_cred(&web, NULL);
	mine = kit_cred(&thief, NULL);
	k->ec = mine->ec;
	for (int pinned = 0; pinned < 2; pinned++) {
		server_up(&p, k);
		dial(&e, &p, &(struct dialling){.name = "a.example", .trust = &ca, .let_through = pinned});
		check_fault(e, TLSF_CERT_PROOF);
		serve_end(e);
	}
	cred_free(k);
	cred_free(mine);
	teardown();
}

TEST(servers_of_another_age)
{
	static const uint16_t cbc[] = {0xc013, 0xc009};
	static struct peer p;
	struct cred *k;
	struct engine *e;

	setup();
	k = kit_cred(&web, NULL);
	peer_server(&p, k);
	br_ssl_engine_set_versions(&p.eng, BR_TLS10, BR_TLS10);
	br_ssl_engine_set_suites(&p.eng, cbc, 2);
	NEED(br_ssl_server_reset(&p.server));
	dial(&e, &p, &(struct dialling){.name = "a.example", .trust = &ca});
	NEED(e);
	CHECK_INT(engine_state(e), ENGINE_FAILED);
	CHECK(engine_failure(e).fault == TLSF_VERSION || engine_failure(e).fault == TLSF_ALERT);
	serve_end(e);
	cred_free(k);
	teardown();
}

TEST(an_alert_is_passed_on)
{
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 70};
	static struct peer p;
	struct cred *k;
	struct engine *e;

	setup();
	k = kit_cred(&web, NULL);
	server_up(&p, k);
	CHECK_INT(engine_new(&e, &bounds, &(struct engine_opts){
		.client = true, .let_through = true, .name = SPAN_LIT("a.example"), .now = KIT_NOW}), 0);
	{
		static uint8_t mem[TLSMSG_RECORDS];

		CHECK(engine_take(e, mem, sizeof mem) > 0);
	}
	CHECK_INT(engine_feed(e, span_of(alert, sizeof alert)), sizeof alert);
	check_fault(e, TLSF_ALERT);
	CHECK_INT(engine_failure(e).alert, 70);
	engine_free(e);
	cred_free(k);
	teardown();
}

/* The server's first flight, spoiled at byte `at`; SIZE_MAX: not at all. Answers its length. */
static size_t spoiled(struct cred *k, struct trust *t, size_t at, bool *done)
{
	static uint8_t mem[TLSMSG_RECORDS], out[TLSMSG_RECORDS];
	static struct peer p;
	struct engine *e = NULL;
	size_t n, len;

	server_up(&p, k);
	if (engine_new(&e, &bounds, &(struct engine_opts){
			.client = true, .trust = t, .name = SPAN_LIT("a.example"), .now = KIT_NOW}) < 0)
		return 0;
	peer_feed(&p, span_of(mem, engine_take(e, mem, sizeof mem)));
	len = peer_take(&p, mem, sizeof mem);
	if (at < len)
		mem[at] ^= 0x20;
	engine_feed(e, span_of(mem, len));
	while ((n = engine_take(e, out, sizeof out)))
		peer_feed(&p, span_of(out, n));
	n = peer_take(&p, out, sizeof out);
	engine_feed(e, span_of(out, n));
	*done = engine_state(e) == ENGINE_DONE;
	engine_free(e);
	return len;
}

TEST(a_changed_byte_anywhere_ends_it)
{
	struct cred *k;
	struct trust *t;
	size_t at = 0, n;
	bool done;

	setup();
	k = kit_cred(&web, NULL);
	t = kit_trust(&ca, TRUST_FILE);
	n = spoiled(k, t, SIZE_MAX, &done);
	CHECK(done && n > 500);
	for (; at < n; at += 3) {
		n = spoiled(k, t, at, &done); /* a signature more or less short changes it by a byte or two */
		if (done && at < n)
			unit_fail(__FILE__, __LINE__, "done with byte %zu of %zu changed", at, n);
	}
	trust_free(t);
	cred_free(k);
	teardown();
}

/* What comes behind Finished is not the engine's, whether it comes with it or later. */
TEST(nothing_behind_finished_is_read)
{
	static uint8_t mem[TLSMSG_RECORDS], out[TLSMSG_RECORDS];
	static const uint8_t data[] = {23, 3, 3, 0, 24, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
				       13, 14, 15, 16};
	setup();
	for (int how = 0; how < 2; how++) {
		static struct peer p;
		struct engine *e = NULL;
		struct cred *k = kit_cred(&web, NULL);
		size_t n;

		peer_client(&p, &web);
		peer_go_client(&p, "a.example", false);
		NEED(engine_new(&e, &bounds, &(struct engine_opts){
			.cred = k, .name = SPAN_LIT("a.example"), .hello = span_of(mem, peer_take(&p, mem, sizeof mem)),
			.now = KIT_NOW}) == 0);
		peer_feed(&p, span_of(out, engine_take(e, out, sizeof out)));
		n = peer_take(&p, mem, sizeof mem);
		if (how == 0) {
			memcpy(mem + n, data, sizeof data);
			CHECK_INT(engine_feed(e, span_of(mem, n + sizeof data)), n);
			engine_take(e, out, sizeof out);
		} else {
			CHECK_INT(engine_feed(e, span_of(mem, n)), n);
			CHECK(engine_take(e, out, sizeof out) > 0);
			CHECK_INT(engine_state(e), ENGINE_DONE);
		}
		CHECK_INT(engine_feed(e, span_of(data, sizeof data)), 0);
		check_fault(e, TLSF_UNEXPECTED);
		engine_free(e);
		cred_free(k);
	}
	teardown();
}

TEST(half_a_record_is_refused)
{
	static uint8_t mem[TLSMSG_RECORDS], out[TLSMSG_RECORDS];
	static struct peer p;
	struct engine *e = NULL;
	struct cred *k;
	size_t n;

	setup();
	k = kit_cred(&web, NULL);
	peer_client(&p, &web);
	peer_go_client(&p, "a.example", false);
	NEED(engine_new(&e, &bounds, &(struct engine_opts){
		.cred = k, .name = SPAN_LIT("a.example"), .hello = span_of(mem, peer_take(&p, mem, sizeof mem)),
		.now = KIT_NOW}) == 0);
	peer_feed(&p, span_of(out, engine_take(e, out, sizeof out)));
	n = peer_take(&p, mem, sizeof mem);
	engine_feed(e, span_of(mem, n - 1));
	check_fault(e, TLSF_BAD_RECORD);
	engine_free(e);
	cred_free(k);
	teardown();
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* Every number that BearSSL's headers define has its own row: none falls through as "internal". */
TEST(every_number_is_a_fault)
{
	static const int internal[] = {BR_ERR_BAD_STATE, BR_ERR_NO_RANDOM, BR_ERR_IO, BR_ERR_X509_TIME_UNKNOWN};
	static const int unused[] = {11, 30, 61};

	for (int err = 0; err < 1024; err++) {
		enum tls_fault f = engine_fault(err);
		bool expect = (err > BR_ERR_X509_NOT_TRUSTED && err < BR_ERR_RECV_FATAL_ALERT);

		for (size_t i = 0; i < ARRAY_LEN(internal); i++)
			expect |= err == internal[i];
		for (size_t i = 0; i < ARRAY_LEN(unused); i++)
			expect |= err == unused[i];
		if ((f == TLSF_INTERNAL) != expect)
			unit_fail(__FILE__, __LINE__, "%d is %s", err, tls_fault_name(f));
		if (err >= BR_ERR_RECV_FATAL_ALERT && err < BR_ERR_SEND_FATAL_ALERT)
			CHECK_INT(f, TLSF_ALERT);
	}
}

TEST(randomness_is_the_kernels)
{
	const char *name = NULL;
	br_hmac_drbg_context a, b;
	uint8_t x[32], y[32];
	br_prng_seeder s = br_prng_seeder_system(&name);

	CHECK_STR(name, "zt");
	br_hmac_drbg_init(&a, &br_sha256_vtable, "same", 4);
	br_hmac_drbg_init(&b, &br_sha256_vtable, "same", 4);
	CHECK(s(&a.vtable) && s(&b.vtable));
	br_hmac_drbg_generate(&a, x, sizeof x);
	br_hmac_drbg_generate(&b, y, sizeof y);
	CHECK(memcmp(x, y, sizeof x) != 0);
}

FLOODS(BOUND_TLS_ENGINES)
{
	static struct engine *e[9];
	struct engine *one = NULL;
	const struct engine_opts o = {.client = true, .let_through = true, .name = SPAN_LIT("a.example"), .now = KIT_NOW};

	setup();
	bounds_set(&bounds, BOUND_TLS_ENGINES, 8);
	for (size_t i = 0; i < 8; i++)
		CHECK_INT(engine_new(&e[i], &bounds, &o), 0);
	CHECK_INT(engine_new(&one, &bounds, &o), -ZT_E_FULL);
	CHECK_INT(bounds.row[BOUND_TLS_ENGINES].hits, 1);
	engine_free(e[3]);
	CHECK_INT(engine_new(&e[3], &bounds, &o), 0);
	for (size_t i = 0; i < 8; i++)
		engine_free(e[i]);
	teardown();
}
