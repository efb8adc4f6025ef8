/*
 * tls as a server, the good ways: every suite, client certificates, names and protocols, cut at
 * every byte, trickled, a client that does not take its flight, resumption where it may be.
 */
#include "tlsconn_kit.h"

static struct peer peer;
static struct conn conn;

static void start(const struct side_opts *o)
{
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, o);
	CHECK_INT(kit_accept(&conn, &peer), 0);
}

static void expect_open(void)
{
	CHECK_INT(conn.opened, 1);
	CHECK_STR(conn.words, "");
	CHECK(side_open(&peer.side));
	CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0); /* nothing of the handshake is left */
	CHECK_INT(kit_bounds.row[BOUND_TLS_FLIGHTS].used, 0);
}

static void serve_suite(uint16_t suite, bool rsa)
{
	struct side_opts o = {.name = "a.example", .suite = suite};
	struct der_file cert;

	kit_open();
	if (rsa) {
		der_load(&cert, "server-rsa");
		kit_fake.serve.cert = &cert;
		kit_fake.serve.rsa = true;
	}
	start(&o);
	kit_run(&conn, &peer);
	expect_open();
	NEED(conn.tls.peer != NULL);
	CHECK_INT(conn.tls.peer->suite, suite);
	CHECK_STR(conn.tls.peer->name, "a.example");
	CHECK(!conn.tls.peer->has_cert && !conn.tls.peer->resumed && conn.chain_n == 0);
	CHECK_INT(tls_world_stats(kit_world).accepted, 1);
	kit_drop(&conn, &peer);
	kit_close();
}

TEST(clients_are_served_with_every_suite)
{
	for (size_t i = 0; i < ARRAY_LEN(side_suites); i++)
		serve_suite(side_suites[i], i % 2);
}

TEST(an_idle_connection_is_small)
{
	CHECK(sizeof(struct tls) <= 720);
	CHECK(sizeof(struct tls) + sizeof(struct tls_peer) <= 1280);
}

TEST(the_name_decides_the_plan)
{
	static const struct {
		const char *name, *alpn;
		int plan; /* -1: refused */
	} rows[] = {
		{"a.example", NULL, 0}, {"A.Example", NULL, 0}, {"x.b.example", NULL, 0}, {"c.example", "h2", 1},
		{"c.example", "http/1.1", 1}, {"x.y.b.example", NULL, -1}, {"b.example", NULL, -1},
		{"c.example", "zt-tunnel/1", -1}, {NULL, NULL, -1}, {"d.example", NULL, -1},
	};
	const char *names[] = {"c.example"}, *alpn[] = {"h2", "http/1.1"};
	struct conf_list name_list = {1, names}, alpn_list = {2, alpn};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kit_open();
		kit_plan.server[1] = (struct tls_server_plan){.id = "c", .names = &name_list, .alpn = &alpn_list};
		kit_plan.servers = 2;
		start(&(struct side_opts){.name = rows[i].name, .alpn = rows[i].alpn});
		kit_run(&conn, &peer);
		CHECK_INT(conn.opened, rows[i].plan >= 0);
		if (conn.opened) {
			CHECK_INT(kit_fake.last_plan, rows[i].plan);
			CHECK_INT(conn.tls.peer->plan, rows[i].plan);
			CHECK_STR(conn.tls.peer->alpn, rows[i].alpn ? rows[i].alpn : "");
		} else {
			CHECK_INT(kit_fake.heard[TLSMSG_ACCEPT], 0); /* tlsd never heard of it */
			CHECK(conn.fault == TLSF_NO_PLAN || conn.fault == TLSF_ALPN);
		}
		kit_drop(&conn, &peer);
		kit_close();
	}
}

TEST(what_is_refused_for_its_name_or_protocol_looks_the_same)
{
	static const struct side_opts rows[] = {{.name = "d.example"}, {.name = NULL}, {.name = "a.example", .alpn = "no/1"}};
	const char *alpn[] = {"http/1.1"};
	struct conf_list alpn_list = {1, alpn};
	uint8_t first[64];
	size_t first_n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kit_open();
		kit_plan.server[0].alpn = &alpn_list;
		start(&rows[i]);
		kit_run(&conn, &peer);
		CHECK_INT(conn.failed, 1);
		CHECK(peer.ended && !peer.reset && peer_alert(&peer) == 112);
		if (i == 0) {
			first_n = num_min(peer.got_n, sizeof first);
			memcpy(first, peer.got, first_n);
		}
		CHECK(peer.got_n == first_n && memcmp(peer.got, first, first_n) == 0);
		kit_drop(&conn, &peer);
		kit_close();
	}
}

TEST(client_certificates_are_asked_for_and_known)
{
	static const struct {
		enum tls_ask ask;
		const char *cert, *id; /* NULL: shows none */
		bool opens;
	} rows[] = {
		{TLS_ASK_REQUIRED, "client", "alice", true},   {TLS_ASK_OPTIONAL, "client", "alice", true},
		{TLS_ASK_OPTIONAL, NULL, "", true},            {TLS_ASK_REQUIRED, "client-zt", "bob", true},
		{TLS_ASK_NO, "client", "", true},              {TLS_ASK_REQUIRED, NULL, "", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct der_file cert;

		kit_open();
		kit_plan.server[0].ask = kit_fake.serve.ask = rows[i].ask;
		if (rows[i].cert)
			der_load(&cert, rows[i].cert);
		start(&(struct side_opts){.name = "a.example", .cert = rows[i].cert ? &cert : NULL});
		kit_run(&conn, &peer);
		CHECK_INT(conn.opened, rows[i].opens);
		CHECK_INT(conn.failed, !rows[i].opens);
		CHECK_STR(conn.opened == rows[i].opens ? "" : conn.words, "");
		if (conn.opened) {
			CHECK_INT(conn.tls.peer->has_cert, rows[i].id[0] != 0);
			CHECK_STR(conn.tls.peer->id, rows[i].id);
		}
		if (conn.opened && rows[i].id[0]) {
			CHECK_INT(conn.chain_n, 1);
			CHECK(conn.leaf_n == cert.n && memcmp(conn.leaf, cert.der, cert.n) == 0);
		}
		kit_drop(&conn, &peer);
		kit_close();
	}
}

/* ---- how the bytes arrive ---------------------------------------------------------------- */

TEST(a_handshake_cut_at_any_byte_is_the_same_handshake)
{
	size_t total = 2;

	kit_open();
	for (size_t cut = 1; cut < total; cut++) {
		start(&(struct side_opts){.name = "a.example", .suite = SUITE_ECDSA_AES128});
		peer.cut = cut;
		kit_run(&conn, &peer);
		expect_open();
		total = peer.total;
		kit_drop(&conn, &peer);
	}
	CHECK(total > 200 && total < 300); /* hello, key exchange, change of ciphers, Finished */
	CHECK_INT(kit_fake.heard[TLSMSG_ACCEPT], total - 1);
	kit_close();
}

TEST(a_trickled_handshake_is_the_same_handshake)
{
	struct der_file cert;

	kit_open();
	kit_plan.server[0].ask = kit_fake.serve.ask = TLS_ASK_REQUIRED;
	der_load(&cert, "client");
	for (size_t chunk = 1; chunk < 8; chunk += 3) {
		start(&(struct side_opts){.name = "a.example", .cert = &cert});
		peer.chunk = chunk;
		kit_run(&conn, &peer);
		expect_open();
		kit_drop(&conn, &peer);
	}
	kit_close();
}

TEST(many_records_of_one_flight_travel_together)
{
	kit_open();
	start(&(struct side_opts){.name = "a.example"});
	kit_run(&conn, &peer);
	expect_open();
	CHECK_INT(kit_fake.heard[TLSMSG_ACCEPT], 1);
	CHECK_INT(kit_fake.heard[TLSMSG_RECORDS_IN], 1); /* key exchange, change, Finished */
	CHECK_INT(kit_fake.heard[TLSMSG_CANCEL], 0);
	kit_drop(&conn, &peer);
	kit_close();
}

static void show_more(struct peer *p, unsigned at, size_t from)
{
	(void)from;
	if (at == 3)
		peer_put(p, "\x17\x03\x03\x00\x04wait", 9);
}

TEST(what_stands_behind_finished_stays_in_the_socket)
{
	uint8_t mem[16];

	kit_open();
	start(&(struct side_opts){.name = "a.example"});
	peer.edit = show_more;
	kit_run(&conn, &peer);
	expect_open();
	CHECK_INT(recv(conn.src.fd, mem, sizeof mem, 0), 9);
	CHECK(memcmp(mem, "\x17\x03\x03\x00\x04wait", 9) == 0);
	kit_drop(&conn, &peer);
	kit_close();
}

TEST(a_flight_that_is_not_taken_waits_in_a_borrowed_buffer)
{
	kit_narrow = true;
	kit_open();
	kit_fake.serve.more = 20; /* twenty certificates more, nine kilobytes */
	start(&(struct side_opts){.name = "a.example"});
	for (unsigned i = 0; i < 50; i++) { /* it says hello and does not listen */
		peer_push(&peer);
		loop_turn(kit_loop, 0);
		fake_step(&kit_fake);
	}
	CHECK_INT(kit_bounds.row[BOUND_TLS_FLIGHTS].used, 1);
	CHECK_INT(tls_wants(&conn.tls), LOOP_IN | LOOP_OUT);
	kit_run(&conn, &peer);
	expect_open();
	kit_drop(&conn, &peer);
	kit_close();
	kit_narrow = false;
}

/* ---- resumption -------------------------------------------------------------------------- */

static void one_visit(const br_ssl_session_parameters *old, br_ssl_session_parameters *out)
{
	start(&(struct side_opts){.name = "a.example", .resume = old});
	kit_run(&conn, &peer);
	if (conn.opened)
		br_ssl_engine_get_session_parameters(peer.side.eng, out);
}

TEST(a_session_is_resumed_where_the_plan_allows_it)
{
	br_ssl_session_parameters s = {0};

	kit_open();
	kit_fake.remembers = kit_plan.server[0].resume = true;
	one_visit(NULL, &s);
	expect_open();
	CHECK(!conn.tls.peer->resumed);
	kit_drop(&conn, &peer);
	one_visit(&s, &s);
	expect_open();
	CHECK(conn.tls.peer->resumed);
	CHECK_INT(tls_world_stats(kit_world).resumed, 1);
	kit_drop(&conn, &peer);
	kit_close();
}

TEST(a_session_that_the_plan_forbids_is_refused_whatever_tlsd_says)
{
	br_ssl_session_parameters s = {0};

	kit_open();
	kit_fake.remembers = true; /* though plan.resume is false */
	one_visit(NULL, &s);
	expect_open();
	kit_drop(&conn, &peer);
	one_visit(&s, &s);
	CHECK_INT(conn.opened, 0);
	CHECK_INT(conn.fault, TLSF_RESUME);
	kit_drop(&conn, &peer);
	kit_close();
}

/* Made without a certificate, brought to where one is asked for. */
TEST(a_session_without_a_certificate_does_not_enter_where_one_is_asked_for)
{
	for (enum tls_ask ask = TLS_ASK_OPTIONAL; ask <= TLS_ASK_REQUIRED; ask++) {
		br_ssl_session_parameters s = {0};

		kit_open();
		kit_fake.remembers = kit_plan.server[0].resume = true;
		one_visit(NULL, &s);
		expect_open();
		kit_drop(&conn, &peer);
		kit_plan.server[0].ask = kit_fake.serve.ask = ask;
		kit_plan.server[0].resume = false; /* as tls_plan_of() makes it */
		one_visit(&s, &s);
		CHECK_INT(conn.opened, 0);
		CHECK_INT(conn.fault, TLSF_RESUME);
		kit_drop(&conn, &peer);
		kit_close();
	}
}
