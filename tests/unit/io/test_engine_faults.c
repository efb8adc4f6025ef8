/* Every way a handshake can fail, by a peer that makes it fail. */
#include "engine_kit.h"

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
