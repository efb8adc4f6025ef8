/* The engine against BearSSL as it comes, in memory, in both roles: suites, curves, protocols. */
#include "engine_kit.h"

static const struct {
	uint16_t suite;
	const struct kit_id *id;
} all[] = {
	{SUITE_ECDSA_AES128, &web}, {SUITE_ECDSA_AES256, &web}, {SUITE_ECDSA_CHACHA, &web},
	{SUITE_RSA_AES128, &rsa},   {SUITE_RSA_AES256, &rsa},   {SUITE_RSA_CHACHA, &rsa},
};

static bool is_key_of(struct span pin, struct span cert)
{
	struct why w = {0};
	uint8_t its[32];
	struct x509 c;

	if (x509_read(&c, cert, &w) < 0)
		return false;
	x509_pin(&c, its);
	return span_eq(pin, span_of(its, sizeof its));
}

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
			CHECK(is_key_of(d.own, all[i].id->cert));
			CHECK_INT(d.in.seq, 1);
			CHECK_INT(d.out.seq, 1);
			check_records(&d, &p);
			serve_end(e);
		}
	}
	teardown();
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
			CHECK(d.chain_n == 1 && span_eq(d.chain[0], all[i].id->cert) && d.own.n == 0);
			check_records(&d, &p);
			serve_end(e);
		}
		/* a suite later the session of the earlier one is offered, and refused */
		sessions_drop(cache, &(struct session_key){.client = true, .key = {1}});
		cred_free(k);
	}
	teardown();
}

/* A client that names ChaCha20 first has no AES in hardware: it gets what is fast for it. */
TEST(best_suite_for_both_first)
{
	static const struct {
		uint16_t order[3];
		const struct kit_id *id;
		enum aead_kind fast, slow; /* where this processor does AES, and where it does not */
	} offers[] = {
		{{SUITE_ECDSA_AES256, SUITE_ECDSA_AES128, SUITE_ECDSA_CHACHA}, &web, AEAD_AES128_GCM, AEAD_CHACHA20},
		{{SUITE_ECDSA_CHACHA, SUITE_ECDSA_AES128, SUITE_ECDSA_AES256}, &web, AEAD_CHACHA20, AEAD_CHACHA20},
		{{SUITE_RSA_AES128, SUITE_RSA_CHACHA, SUITE_RSA_AES256}, &rsa, AEAD_AES128_GCM, AEAD_CHACHA20},
		/* the other key's suites say nothing */
		{{SUITE_RSA_CHACHA, SUITE_ECDSA_AES256, SUITE_ECDSA_CHACHA}, &web, AEAD_AES256_GCM, AEAD_CHACHA20},
	};
	static struct peer p;
	struct tlsmsg_done d;
	struct engine *e;

	setup();
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		peer_client(&p, offers[i].id);
		br_ssl_engine_set_suites(&p.eng, offers[i].order, ARRAY_LEN(offers[i].order));
		peer_go_client(&p, "a.example", false);
		serve(&e, &p, &(struct serving){.id = offers[i].id, .name = "a.example"});
		NEED(e && engine_state(e) == ENGINE_DONE);
		engine_done(e, &d);
		CHECK_INT(suite_aead(d.suite), aead_fast_aes() ? offers[i].fast : offers[i].slow);
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
