/*
 * tls when system calls fail: each recv(), send() and malloc() of a handshake in turn, once or in
 * rows. What only says "later" delays a handshake and never breaks it; what is final ends one
 * connection with its reason; and nothing is lost or leaked either way.
 */
#include "../wrapio.h"
#include "tlsconn_kit.h"

static struct peer peer;
static struct conn conn;
static struct der_file shown;

/* Faults only where zt runs, not in the peer or in the pretended tlsd. */
static enum wrap_call call;
static unsigned nth, seen;
static int err;
static unsigned times;

static void arm(void)
{
	wrap_reset();
	if (nth > seen)
		wrap_fail(call, nth - seen, err, times);
	else if (seen + 1 < nth + times)
		wrap_fail(call, 1, err, nth + times - 1 - seen);
}

static void disarm(void)
{
	seen += wrap_count(call);
	wrap_reset();
}

static void run(void)
{
	for (unsigned turn = 0, idle = 0; turn < 400 && idle < 3; turn++) {
		uint64_t before = loop_stats(kit_loop).events;
		bool did;

		arm();
		loop_turn(kit_loop, idle ? 1 : 0);
		disarm();
		did = fake_step(&kit_fake);
		did |= peer_step(&peer);
		idle = did || loop_stats(kit_loop).events != before ? 0 : idle + 1;
	}
}

enum shape { SERVER, SERVER_WITH_CERT, CLIENT, SHAPES };

static int begin(enum shape s)
{
	memset(&peer, 0, sizeof peer);
	if (s == CLIENT) {
		der_load(&shown, "server-ec");
		side_serve(&peer.side, &(struct side_opts){.cert = &shown});
		return kit_connect(&conn, &peer, &(struct tls_connect){0});
	}
	if (s == SERVER_WITH_CERT) {
		der_load(&shown, "client");
		kit_plan.server[0].ask = kit_fake.serve.ask = TLS_ASK_REQUIRED;
	}
	side_connect(&peer.side, &(struct side_opts){.name = "a.example", .cert = s == SERVER_WITH_CERT ? &shown : NULL});
	return kit_accept(&conn, &peer);
}

/* Answers whether the fault was reached at all. */
static bool one(enum shape s, bool final)
{
	bool reached;

	kit_open();
	seen = 0;
	CHECK_INT(begin(s), 0);
	run();
	reached = seen >= nth;
	/* The line died of it before the handshake was handed over, and so may the next ones. */
	for (unsigned i = 0; final && i < times && tls_world_stats(kit_world).waiting == 1; i++) {
		fake_die(&kit_fake);
		kit_link(&kit_fake, 1);
		run();
	}
	if (conn.opened + conn.failed != 1)
		unit_fail(__FILE__, __LINE__, "shape %d, call %u, errno %d: state %d", (int)s, nth, err, conn.tls.state);
	if (conn.failed && !(final && reached))
		unit_fail(__FILE__, __LINE__, "call %u, errno %d: %s", nth, err, conn.words);
	if (conn.failed)
		CHECK(conn.fault == TLSF_GONE || conn.fault == TLSF_LOST || conn.fault == TLSF_ALERT);
	kit_drop(&conn, &peer);
	kit_close();
	return reached;
}

static void each_in_turn(enum wrap_call c, int e, unsigned in_a_row, bool final)
{
	call = c;
	err = e;
	times = in_a_row;
	for (enum shape s = SERVER; s < SHAPES; s++) {
		nth = 1;
		while (one(s, final))
			nth++;
		CHECK(nth > 4 && nth < 100);
	}
}

TEST(later_is_never_an_end)
{
	static const int errors[] = {EAGAIN, EINTR, ENOBUFS};

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		each_in_turn(WRAP_SEND, errors[i], 1, false);
		each_in_turn(WRAP_SEND, errors[i], 5, false);
		if (errors[i] == ENOBUFS)
			continue;
		each_in_turn(WRAP_RECV, errors[i], 1, false);
		each_in_turn(WRAP_RECV, errors[i], 4, false);
	}
}

TEST(a_final_error_ends_one_connection_or_one_line)
{
	each_in_turn(WRAP_SEND, ECONNRESET, 1, true);
	each_in_turn(WRAP_SEND, EPIPE, 3, true);
	each_in_turn(WRAP_RECV, ECONNRESET, 2, true);
	each_in_turn(WRAP_RECV, EIO, 1, true);
}

TEST(without_memory_nothing_begins_and_nothing_leaks)
{
	static const struct addr from = {.family = 4, .ip = {127, 0, 0, 1}};
	struct tls_world_opts o = {.bounds = &kit_bounds, .log = &kit_log, .shake_ms = 10, .rate = 9, .burst = 9};
	struct tls_world *w = NULL;
	struct source src = {.fd = -1};
	struct tls t;

	kit_open();
	o.loop = kit_loop;
	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK_INT(tls_world_new(&w, &o), -ZT_E_NOMEM);
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1); /* the first chunk of handshakes */
	CHECK_INT(tls_accept(&t, kit_world, &conn_tls, &src, &from), -ZT_E_FULL);
	CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0);
	wrap_reset();
	fake_die(&kit_fake);
	kit_run(NULL, NULL);
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1); /* a line */
	kit_link(&kit_fake, 1);
	CHECK(send(kit_fake.fd, "x", 1, MSG_NOSIGNAL) < 0); /* given up, and closed */
	wrap_reset();
	fake_die(&kit_fake);
	kit_link(&kit_fake, 1);
	CHECK_INT(begin(SERVER), 0);
	call = WRAP_MALLOC; /* the first chunk of peers */
	nth = 1;
	seen = 0;
	times = 1;
	err = ENOMEM;
	run();
	CHECK(conn.failed == 1 && conn.fault == TLSF_BUSY);
	kit_drop(&conn, &peer);
	kit_close();
}

/* The last flight waits in a buffer while DONE is here already: keys and chain wait with it. */
TEST(done_waits_for_the_flight_before_it)
{
	unsigned kept = 0;

	call = WRAP_SEND;
	err = EAGAIN;
	times = 1;
	for (nth = 1; nth < 30; nth++) {
		kit_open();
		seen = 0;
		CHECK_INT(begin(SERVER_WITH_CERT), 0);
		for (unsigned i = 0; i < 60; i++) {
			arm();
			loop_turn(kit_loop, 0);
			disarm();
			/* Finished is not on the wire, and nobody was told that it is open. */
			if (kit_bounds.row[BOUND_TLS_FLIGHTS].used == 2) {
				kept++;
				CHECK(conn.opened == 0 && tls_wants(&conn.tls) == LOOP_OUT);
			}
			fake_step(&kit_fake);
			peer_step(&peer);
		}
		CHECK_INT(conn.opened, 1);
		CHECK(conn.chain_n == 1 && conn.leaf_n == shown.n && memcmp(conn.leaf, shown.der, shown.n) == 0);
		CHECK_STR(conn.opened ? conn.tls.peer->id : "", "alice");
		kit_drop(&conn, &peer);
		kit_close();
	}
	CHECK(kept > 0);
}

/* What a line did not take was not on it: it goes to the next one, and is not lost with this one. */
TEST(a_hello_that_finds_its_line_dead_goes_to_the_next)
{
	for (enum shape s = SERVER; s < SHAPES; s++) {
		kit_open();
		call = WRAP_SEND;
		err = EPIPE;
		nth = times = 1;
		seen = 0;
		CHECK_INT(begin(s), 0);
		run();
		CHECK(seen > 0 && conn.failed == 0 && tls_world_stats(kit_world).waiting == 1);
		fake_die(&kit_fake);
		kit_link(&kit_fake, 1);
		run();
		CHECK_INT(conn.opened, 1);
		kit_drop(&conn, &peer);
		kit_close();
	}
}
