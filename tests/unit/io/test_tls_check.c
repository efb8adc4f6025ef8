/*
 * tls, the second look: as a client with every suite, names, addresses, pins, sessions; leaves that
 * BearSSL would take and zt does not; and a tlsd that lies about what happened.
 */
#include "tlsconn_kit.h"

static struct peer peer;
static struct conn conn;
static struct der_file shown;

static void meet(const struct tls_connect *req)
{
	CHECK_INT(kit_connect(&conn, &peer, req), 0);
	kit_run(&conn, &peer);
}

/* A server with this certificate, met as req says. */
static void visit(const char *cert, const struct tls_connect *req)
{
	memset(&peer, 0, sizeof peer);
	der_load(&shown, cert);
	side_serve(&peer.side, &(struct side_opts){.cert = &shown, .rsa = strcmp(cert, "server-rsa") == 0});
	meet(req);
}

TEST(servers_are_met_with_every_suite)
{
	for (size_t i = 0; i < ARRAY_LEN(side_suites); i++) {
		const char *cert = i % 2 ? "server-rsa" : "server-ec";

		kit_open();
		der_load(&shown, cert);
		memset(&peer, 0, sizeof peer);
		side_serve(&peer.side, &(struct side_opts){.cert = &shown, .rsa = i % 2, .suite = side_suites[i]});
		meet(&(struct tls_connect){0});
		CHECK_INT(conn.opened, 1);
		CHECK_STR(conn.words, "");
		CHECK(side_open(&peer.side));
		NEED(conn.tls.peer != NULL);
		CHECK_INT(conn.tls.peer->suite, side_suites[i]);
		CHECK_STR(conn.tls.peer->name, "a.example"); /* the plan's */
		CHECK_STR(conn.tls.peer->id, "a.example");
		CHECK(conn.tls.peer->has_cert && conn.chain_n == 1 && conn.leaf_n == shown.n);
		CHECK_INT(kit_fake.last_session, 0); /* the plan keeps none */
		CHECK_INT(tls_world_stats(kit_world).connected, 1);
		kit_drop(&conn, &peer);
		kit_close();
	}
}

static const struct addr home = {.family = 4, .ip = {127, 0, 0, 1}, .port = 443};
static const struct addr away = {.family = 4, .ip = {127, 0, 0, 2}, .port = 443};

static const struct {
	const char *cert, *name; /* "": none, and the plan has none either */
	const struct addr *ip;
	enum tls_fault fault;
	unsigned alert;
} servers[] = {
	{"server-ec", "a.example", NULL, TLSF_NONE, 0},
	{"server-ec", "A.example", NULL, TLSF_NONE, 0},
	{"server-ec", "x.b.example", NULL, TLSF_NONE, 0},
	{"server-ec", "a.example", &away, TLSF_NONE, 0}, /* a name goes before the address */
	{"server-ec", "b.example", NULL, TLSF_CERT_NAME, 42},
	{"server-ec", "x.y.b.example", NULL, TLSF_CERT_NAME, 42},
	{"server-ec", "", &home, TLSF_NONE, 0},
	{"server-ec", "", &away, TLSF_CERT_NAME, 42},
	{"server-ec", "", NULL, TLSF_CERT_NAME, 42}, /* nobody in particular is nobody */
	{"server-ec", "127.0.0.1", NULL, TLSF_CERT_NAME, 42},
	{"server-rsa", "a.example", NULL, TLSF_NONE, 0},
	{"server-expired", "a.example", NULL, TLSF_CERT_DATE, 45},
	{"server-early", "a.example", NULL, TLSF_CERT_DATE, 45},
	{"server-sha1", "a.example", NULL, TLSF_CERT_SIG, 42},
	{"server-eku-client", "a.example", NULL, TLSF_CERT_USE, 43},
	{"server-is-ca", "a.example", NULL, TLSF_CERT_USE, 43},
	{"server-no-sign", "a.example", NULL, TLSF_CERT_USE, 43},
	{"server-cn-only", "a.example", NULL, TLSF_CERT_NAME, 42},
	{"server-other-name", "a.example", NULL, TLSF_CERT_NAME, 42},
};

TEST(servers_that_bearssl_would_take_are_looked_at_again)
{
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		kit_open();
		if (servers[i].name[0] == 0)
			kit_plan.client[0].name = "";
		visit(servers[i].cert, &(struct tls_connect){.name = span_str(servers[i].name), .ip = servers[i].ip});
		if (conn.fault != servers[i].fault || conn.opened != (servers[i].fault == TLSF_NONE))
			unit_fail(__FILE__, __LINE__, "row %zu, %s: %s", i, servers[i].cert, conn.words);
		/* The alert is sealed: the server's engine could read it, or it would complain otherwise. */
		if (servers[i].alert)
			CHECK_INT(br_ssl_engine_last_error(peer.side.eng), BR_ERR_RECV_FATAL_ALERT + (int)servers[i].alert);
		CHECK_INT(kit_fake.heard[TLSMSG_CANCEL], 0); /* tlsd was done with it */
		kit_drop(&conn, &peer);
		kit_close();
	}
}

static const struct {
	const char *cert;
	enum tls_fault fault;
	unsigned alert;
} clients[] = {
	{"client", TLSF_NONE, 0},		{"client-zt", TLSF_NONE, 0},
	{"client-eku-server", TLSF_CERT_USE, 43}, {"client-is-ca", TLSF_CERT_USE, 43},
	{"client-expired", TLSF_CERT_DATE, 45}, {"client-sha1", TLSF_CERT_SIG, 42},
	{"server-ec", TLSF_CERT_USE, 43},
};

TEST(clients_that_bearssl_would_take_are_looked_at_again)
{
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		for (enum tls_ask ask = TLS_ASK_OPTIONAL; ask <= TLS_ASK_REQUIRED; ask++) {
			kit_open();
			kit_plan.server[0].ask = kit_fake.serve.ask = ask;
			der_load(&shown, clients[i].cert);
			memset(&peer, 0, sizeof peer);
			side_connect(&peer.side, &(struct side_opts){.name = "a.example", .cert = &shown});
			CHECK_INT(kit_accept(&conn, &peer), 0);
			kit_run(&conn, &peer);
			if (!conn.opened || conn.fault) /* the client may see its end of it first */
				kit_run(&conn, &peer);
			if (conn.fault != clients[i].fault || conn.opened != (clients[i].fault == TLSF_NONE))
				unit_fail(__FILE__, __LINE__, "%s: %s", clients[i].cert, conn.words);
			if (clients[i].alert)
				CHECK_INT(br_ssl_engine_last_error(peer.side.eng), BR_ERR_RECV_FATAL_ALERT + (int)clients[i].alert);
			kit_drop(&conn, &peer);
			kit_close();
		}
}

static void say_own(struct fake *f, struct tlsmsg *m)
{
	static const uint8_t own[32] = {0xab, [31] = 0xcd};

	(void)f;
	if (m->type == TLSMSG_DONE)
		m->done.own = span_of(own, sizeof own);
}

/* Who proves something about the key that a client met has it from here. */
TEST(our_own_key_is_known_to_who_serves)
{
	kit_open();
	kit_fake.lie = say_own;
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example"});
	CHECK_INT(kit_accept(&conn, &peer), 0);
	kit_run(&conn, &peer);
	NEED(conn.opened);
	CHECK(conn.tls.peer->own[0] == 0xab && conn.tls.peer->own[31] == 0xcd && !conn.tls.peer->has_cert);
	kit_drop(&conn, &peer);
	kit_close();
}

/* ---- pins, and nothing at all ------------------------------------------------------------ */

static uint8_t verdict; /* of a tlsd that let a chain through */

static void tell_verdict(struct fake *f, struct tlsmsg *m)
{
	(void)f;
	if (m->type == TLSMSG_DONE)
		m->done.verdict = (enum tls_fault)verdict;
}

static void real_pin(uint8_t out[static 32])
{
	struct x509 c;
	struct why w = {0};

	der_load(&shown, "server-ec");
	CHECK_INT(x509_read(&c, span_of(shown.der, shown.n), &w), 0);
	x509_pin(&c, out);
}

static const struct {
	const char *cert;
	bool pinned, right, any; /* right: the pin is that of the certificates' key */
	enum tls_fault verdict, fault, told;
} trusts[] = {
	{"server-ec", false, false, false, TLSF_CERT_CA, TLSF_CERT_CA, TLSF_NONE}, /* why did tlsd not refuse it? */
	{"server-ec", true, true, false, TLSF_NONE, TLSF_NONE, TLSF_NONE},
	{"server-ec", true, true, false, TLSF_CERT_CA, TLSF_NONE, TLSF_CERT_CA},
	{"server-other-name", true, true, false, TLSF_CERT_CA, TLSF_NONE, TLSF_CERT_CA},
	{"server-ec", true, false, false, TLSF_NONE, TLSF_CERT_PIN, TLSF_NONE},
	{"server-rsa", true, true, false, TLSF_NONE, TLSF_CERT_PIN, TLSF_NONE},
	{"server-ec", true, false, true, TLSF_NONE, TLSF_CERT_PIN, TLSF_NONE}, /* a pin goes before insecure_ */
	{"server-ec", false, false, true, TLSF_CERT_CA, TLSF_NONE, TLSF_CERT_CA},
	{"server-expired", false, false, true, TLSF_NONE, TLSF_NONE, TLSF_CERT_DATE},
	{"server-other-name", false, false, true, TLSF_NONE, TLSF_NONE, TLSF_CERT_NAME},
};

TEST(a_pin_is_what_counts_and_the_verdict_is_kept)
{
	for (size_t i = 0; i < ARRAY_LEN(trusts); i++) {
		struct tls_client_plan *p = &kit_plan.client[0];

		kit_open();
		p->npins = trusts[i].pinned;
		real_pin(p->pins[0]);
		p->pins[0][5] ^= !trusts[i].right;
		p->insecure_any = trusts[i].any;
		verdict = (uint8_t)trusts[i].verdict;
		kit_fake.lie = tell_verdict;
		visit(trusts[i].cert, &(struct tls_connect){0});
		if (conn.fault != trusts[i].fault || conn.opened != (trusts[i].fault == TLSF_NONE))
			unit_fail(__FILE__, __LINE__, "row %zu: %s", i, conn.words);
		else if (conn.opened)
			CHECK_INT(conn.tls.peer->verdict, trusts[i].told);
		kit_drop(&conn, &peer);
		kit_close();
	}
}

/* ---- sessions ---------------------------------------------------------------------------- */

static br_ssl_session_cache_lru servers_cache;
static uint8_t servers_mem[2000];

static void visit_with(const char *cert, const struct tls_connect *req)
{
	memset(&peer, 0, sizeof peer);
	der_load(&shown, cert);
	side_serve(&peer.side, &(struct side_opts){.cert = &shown, .cache = &servers_cache.vtable});
	meet(req);
}

static void visit_again(const struct tls_connect *req)
{
	visit_with("server-ec", req);
}

TEST(a_server_is_met_again_by_its_session_and_checked_again)
{
	kit_open();
	br_ssl_session_cache_lru_init(&servers_cache, servers_mem, sizeof servers_mem);
	kit_plan.client[0].resume = true;
	visit_again(&(struct tls_connect){0});
	CHECK(conn.opened && !conn.tls.peer->resumed);
	CHECK_INT(kit_fake.last_session, TLS_SESSION);
	kit_drop(&conn, &peer);
	visit_again(&(struct tls_connect){0});
	CHECK(conn.opened && conn.tls.peer->resumed && conn.tls.peer->has_cert);
	kit_drop(&conn, &peer);
	kit_clock.wall_ms += INT64_C(5) * 365 * 86400 * 1000; /* meanwhile its certificate has expired */
	visit_again(&(struct tls_connect){0});
	CHECK(conn.failed && conn.fault == TLSF_CERT_DATE);
	kit_drop(&conn, &peer);
	kit_close();
}

/* tlsd, which knows less, was content and keeps the session. The server's next certificate may be a
 * better one, and would not be seen for as long as the old session lives. */
TEST(the_session_of_a_refused_server_is_not_offered_again)
{
	kit_open();
	br_ssl_session_cache_lru_init(&servers_cache, servers_mem, sizeof servers_mem);
	kit_plan.client[0].resume = true;
	visit_with("server-eku-client", &(struct tls_connect){0});
	CHECK(conn.failed && conn.fault == TLSF_CERT_USE);
	kit_drop(&conn, &peer);
	visit_again(&(struct tls_connect){0});
	CHECK(conn.opened && !conn.tls.peer->resumed);
	kit_drop(&conn, &peer);
	visit_again(&(struct tls_connect){0});
	CHECK(conn.opened && conn.tls.peer->resumed);
	kit_drop(&conn, &peer);
	kit_close();
}

/* Whatever decides who is believed is in the place where a session is kept. */
TEST(a_session_is_not_found_under_other_rules)
{
	for (unsigned what = 0; what < 6; what++) {
		struct tls_connect req = {0};

		kit_open();
		br_ssl_session_cache_lru_init(&servers_cache, servers_mem, sizeof servers_mem);
		kit_plan.client[0].resume = true;
		visit_again(&req);
		CHECK_INT(conn.opened, 1);
		kit_drop(&conn, &peer);
		if (what == 1)
			req.name = SPAN_LIT("x.b.example");
		if (what == 2)
			req.ip = &home;
		if (what == 3)
			real_pin(kit_plan.client[0].pins[kit_plan.client[0].npins++]);
		if (what == 4)
			kit_plan.client[0].insecure_any = true;
		if (what == 5) {
			tls_world_plan(kit_world, &kit_plan, 2);
			fake_die(&kit_fake);
			kit_link(&kit_fake, 2);
		}
		visit_again(&req);
		CHECK_INT(conn.opened, 1);
		CHECK_INT(conn.opened && conn.tls.peer->resumed, what == 0);
		kit_drop(&conn, &peer);
		kit_close();
	}
}

/* ---- lies -------------------------------------------------------------------------------- */

static uint8_t junk[64];

static void lie_suite(struct fake *f, struct tlsmsg *m) { m->done.suite = f->suite; }
static void lie_name(struct fake *f, struct tlsmsg *m) { (void)f, m->done.name = SPAN_LIT("b.example"); }
static void lie_no_name(struct fake *f, struct tlsmsg *m) { (void)f, m->done.name = SPAN_NONE; }
static void lie_alpn(struct fake *f, struct tlsmsg *m) { (void)f, m->done.alpn = SPAN_LIT("h2"); }
static void lie_resumed(struct fake *f, struct tlsmsg *m) { (void)f, m->done.resumed = true; }
static void lie_seq_in(struct fake *f, struct tlsmsg *m) { (void)f, m->done.in.seq = 0; }
static void lie_seq_out(struct fake *f, struct tlsmsg *m) { (void)f, m->done.out.seq = 0; }
static void lie_seq_more(struct fake *f, struct tlsmsg *m) { (void)f, m->done.out.seq = 7; }
static void lie_verdict(struct fake *f, struct tlsmsg *m) { (void)f, m->done.verdict = TLSF_CERT_CA; }
static void lie_cert(struct fake *f, struct tlsmsg *m)
{
	(void)f;
	m->done.chain[0] = span_of(junk, sizeof junk);
	m->done.chain_n = 1;
}
static void lie_no_cert(struct fake *f, struct tlsmsg *m) { (void)f, m->done.chain_n = 0; }

static const struct {
	const char *name;
	void (*lie)(struct fake *f, struct tlsmsg *m);
	uint16_t suite;
	enum tls_fault server, client; /* what comes of it; NONE: it is none there */
} lies[] = {
	{"a suite that is not ours", lie_suite, 0xc013, TLSF_INTERNAL, TLSF_INTERNAL},
	{"suite 0", lie_suite, 0, TLSF_INTERNAL, TLSF_INTERNAL},
	{"another name", lie_name, 0, TLSF_DISAGREE, TLSF_DISAGREE},
	{"no name", lie_no_name, 0, TLSF_DISAGREE, TLSF_DISAGREE},
	{"a protocol", lie_alpn, 0, TLSF_DISAGREE, TLSF_ALPN},
	{"resumed", lie_resumed, 0, TLSF_RESUME, TLSF_RESUME},
	{"a counter of 0, in", lie_seq_in, 0, TLSF_INTERNAL, TLSF_INTERNAL},
	{"a counter of 0, out", lie_seq_out, 0, TLSF_INTERNAL, TLSF_INTERNAL},
	{"a counter of 7", lie_seq_more, 0, TLSF_INTERNAL, TLSF_INTERNAL},
	{"a certificate of nothing", lie_cert, 0, TLSF_INTERNAL, TLSF_CERT_FORM},
	{"no certificate", lie_no_cert, 0, TLSF_NONE, TLSF_NO_CERT},
	{"a chain let through", lie_verdict, 0, TLSF_NONE, TLSF_CERT_CA},
};

static size_t lying;

static void tell_lie(struct fake *f, struct tlsmsg *m)
{
	if (m->type != TLSMSG_DONE)
		return;
	f->suite = lies[lying].suite;
	lies[lying].lie(f, m);
}

static void expect(enum tls_fault f, const char *side)
{
	if (conn.fault != f || conn.opened != (f == TLSF_NONE) || conn.failed != (f != TLSF_NONE))
		unit_fail(__FILE__, __LINE__, "%s, as a %s: %s %s", lies[lying].name, side, tls_fault_name(conn.fault),
			  conn.words);
}

TEST(a_tlsd_that_lies_is_not_believed)
{
	for (lying = 0; lying < ARRAY_LEN(lies); lying++) {
		kit_open();
		kit_fake.lie = tell_lie;
		memset(&peer, 0, sizeof peer);
		side_connect(&peer.side, &(struct side_opts){.name = "a.example"});
		CHECK_INT(kit_accept(&conn, &peer), 0);
		kit_run(&conn, &peer);
		expect(lies[lying].server, "server");
		kit_drop(&conn, &peer);
		visit("server-ec", &(struct tls_connect){0});
		expect(lies[lying].client, "client");
		kit_drop(&conn, &peer);
		kit_close();
	}
}

/* A server where a certificate is asked for: none in the message is none. */
TEST(a_tlsd_that_swallows_the_certificate_lets_nobody_in)
{
	lying = ARRAY_LEN(lies) - 2; /* "no certificate" */
	kit_open();
	kit_fake.lie = tell_lie;
	kit_plan.server[0].ask = kit_fake.serve.ask = TLS_ASK_REQUIRED;
	der_load(&shown, "client");
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example", .cert = &shown});
	CHECK_INT(kit_accept(&conn, &peer), 0);
	kit_run(&conn, &peer);
	expect(TLSF_NO_CERT, "server");
	kit_drop(&conn, &peer);
	kit_close();
}

TEST(a_server_must_speak_the_protocol_that_it_is_asked_for)
{
	for (unsigned does = 0; does < 2; does++) {
		kit_open();
		kit_plan.client[0].alpn = "zt-tunnel/1";
		der_load(&shown, "server-ec");
		memset(&peer, 0, sizeof peer);
		side_serve(&peer.side, &(struct side_opts){.cert = &shown, .alpn = does ? "zt-tunnel/1" : NULL});
		meet(&(struct tls_connect){0});
		CHECK_INT(conn.opened, does);
		CHECK_INT(conn.fault, does ? TLSF_NONE : TLSF_ALPN);
		kit_drop(&conn, &peer);
		kit_close();
	}
}
