/*
 * tls, before a plan is picked: a hello may be taken away unopened with every byte that was read, and a
 * connection may begin with bytes that were read behind a PROXY header.
 */
#include "io/sockduct.h"
#include "tlsconn_kit.h"

static struct peer peer;
static struct conn conn;
static unsigned hellos;
static uint8_t raw_seen[8192];
static size_t raw_n;
static char name_seen[HELLO_NAME];
static enum { SERVE, TAKE, FREE_IT, CLOSE_IT } answer;

static bool on_hello(struct tls *t, const struct hello *h, struct span raw)
{
	hellos++;
	raw_n = num_min(raw.n, sizeof raw_seen);
	memcpy(raw_seen, raw.p, raw_n);
	snprintf(name_seen, sizeof name_seen, "%s", h->name);
	CHECK(t == &conn.tls && t->state == TLS_HELLO);
	if (answer == FREE_IT)
		tls_free(t);
	if (answer == CLOSE_IT) {
		loop_close(t->src);
		tls_free(t);
	}
	return answer != SERVE;
}
static const struct tls_class hello_tls = {conn_opened, conn_failed, on_hello};

static const struct addr from = {.family = 4, .ip = {127, 0, 0, 1}};

/* A client that says hello to `name`; of its hello, the first `early` bytes were read before. */
static void start(const char *name, size_t early, const char *behind)
{
	static uint8_t before[TLS_BEFORE + 1];
	size_t n;

	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = name});
	hellos = 0;
	raw_n = 0;
	kit_sockets(&conn, &peer);
	CHECK_INT(loop_add(kit_loop, &conn.src), 0);
	peer.out_n = side_record(&peer.side, peer.out, sizeof peer.out);
	n = early = num_min(early, peer.out_n);
	memcpy(before, peer.out, n);
	peer.sent = early;
	memcpy(&before[n], behind, strlen(behind));
	n += strlen(behind);
	CHECK_INT(tls_accept_behind(&conn.tls, kit_world, &hello_tls, &conn.src, &from, span_of(before, n)), 0);
}

TEST(a_hello_that_is_not_taken_is_served)
{
	kit_open();
	answer = SERVE;
	start("a.example", 0, "");
	kit_run(&conn, &peer);
	CHECK(conn.opened == 1 && side_open(&peer.side) && hellos == 1);
	CHECK_STR(name_seen, "a.example");
	kit_drop(&conn, &peer);
	kit_close();
}

TEST(what_was_read_before_is_part_of_the_hello)
{
	for (size_t early = 1; early < 400; early += 7) { /* the whole hello, from some point on */
		kit_open();
		answer = SERVE;
		start("x.b.example", early, "");
		kit_run(&conn, &peer);
		CHECK(conn.opened == 1 && conn.failed == 0 && side_open(&peer.side) && hellos == 1);
		kit_drop(&conn, &peer);
		kit_close();
	}
}

TEST(a_hello_can_wait_for_its_key_process_too)
{
	kit_open_without_line();
	answer = SERVE;
	start("a.example", 100, "");
	for (unsigned i = 0; i < 5; i++) {
		peer_step(&peer);
		loop_turn(kit_loop, 0);
	}
	CHECK_INT(hellos, 1);
	kit_link(&kit_fake, 1);
	kit_run(&conn, &peer);
	CHECK(conn.opened == 1 && hellos == 1);
	kit_drop(&conn, &peer);
	kit_close();
}

/* All of it, exactly as the client sent it, whatever of it was read before. */
TEST(a_hello_that_is_taken_is_handed_over_whole)
{
	for (size_t early = 0; early < 400; early += 19) {
		uint8_t sent[8192];
		size_t n;

		kit_open();
		answer = TAKE;
		start("not.ours.example", early, "");
		n = peer.out_n;
		memcpy(sent, peer.out, n);
		for (unsigned i = 0; i < 5; i++) {
			peer_push(&peer);
			loop_turn(kit_loop, 0);
		}
		CHECK(hellos == 1 && raw_n == n && memcmp(raw_seen, sent, n) == 0);
		CHECK_STR(name_seen, "not.ours.example");
		CHECK(conn.opened == 0 && conn.failed == 0 && conn.tls.state == TLS_IDLE && tls_wants(&conn.tls) == 0);
		CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0);
		clock_fake_step(&kit_clock, 2 * KIT_SHAKE_MS * NS_PER_MS); /* no deadline is left */
		loop_turn(kit_loop, 0);
		CHECK_INT(conn.failed, 0);
		CHECK_INT(tls_world_stats(kit_world).accepted, 0);
		kit_drop(&conn, &peer);
		kit_close();
	}
}

TEST(bytes_behind_a_hello_are_handed_over_and_never_served)
{
	for (unsigned serve = 0; serve < 2; serve++) {
		kit_open();
		answer = serve ? SERVE : TAKE;
		start("a.example", SIZE_MAX, "early data");
		kit_run(&conn, NULL);
		CHECK_INT(hellos, 1);
		if (serve) {
			CHECK(conn.failed == 1 && conn.fault == TLSF_UNEXPECTED);
		} else {
			CHECK(conn.failed == 0 && raw_n == peer.out_n + 10);
			CHECK(memcmp(&raw_seen[raw_n - 10], "early data", 10) == 0);
		}
		kit_drop(&conn, &peer);
		kit_close();
	}
}

/* The owner may end it all from inside; what is left must not be touched: an AddressSanitizer build sees it. */
TEST(the_owner_may_free_it_meanwhile)
{
	for (unsigned how = FREE_IT; how <= CLOSE_IT; how++) {
		kit_open();
		answer = how;
		start("a.example", 0, "");
		for (unsigned i = 0; i < 5; i++) {
			peer_push(&peer);
			loop_turn(kit_loop, 0);
		}
		CHECK(hellos == 1 && conn.failed == 0 && conn.opened == 0);
		CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0);
		close(peer.fd);
		loop_close(&conn.src);
		loop_turn(kit_loop, 0);
		kit_close();
	}
}

TEST(what_is_no_hello_is_offered_to_nobody)
{
	kit_open();
	answer = TAKE;
	start("a.example", 0, "GET / HTTP/1.1\r\n\r\n");
	peer.sent = peer.out_n = 0;
	kit_run(&conn, NULL);
	CHECK(hellos == 0 && conn.failed == 1 && conn.fault == TLSF_NOT_TLS);
	kit_drop(&conn, &peer);
	kit_close();
}

TEST(too_much_before_is_refused)
{
	static const uint8_t many[TLS_BEFORE + 1];

	kit_open();
	memset(&peer, 0, sizeof peer);
	kit_sockets(&conn, &peer);
	CHECK_INT(loop_add(kit_loop, &conn.src), 0);
	CHECK_INT(tls_accept_behind(&conn.tls, kit_world, &hello_tls, &conn.src, &from, span_of(many, sizeof many)),
		  -ZT_E_TOOLONG);
	kit_drop(&conn, &peer);
	kit_close();
}

/* ---- passed through: the raw hello becomes the first bytes of a duct -------------------------- */

static struct bufs *pass_bufs;
static struct sockduct pass;
static size_t pass_n;
static uint8_t pass_got[8192];

static void pass_event(struct duct *d, unsigned events)
{
	struct span s = duct_peek(d);

	(void)events;
	NEED(pass_n + s.n <= sizeof pass_got);
	memcpy(&pass_got[pass_n], s.p, s.n);
	pass_n += s.n;
	duct_take(d, s.n);
}
static const struct duct_user pass_user = {pass_event};

static unsigned pass_wants(const struct source *s)
{
	return pass.src ? sockduct_wants(&pass) : tls_wants(&CONTAINER_OF(s, const struct conn, src)->tls);
}
static void pass_ready(struct source *s, unsigned events)
{
	if (pass.src)
		sockduct_ready(&pass, events);
	else
		tls_shake_ready(&CONTAINER_OF(s, struct conn, src)->tls, events);
}
static const struct source_class pass_class = {"pass", pass_wants, pass_ready, NULL};

static bool pass_on(struct tls *t, const struct hello *h, struct span raw)
{
	(void)h;
	CHECK_INT(sockduct_start(&pass, pass_bufs, t->src, NULL, &pass_user, raw), 0);
	duct_want(&pass.d, DUCT_IN);
	return true;
}
static const struct tls_class pass_tls = {conn_opened, conn_failed, pass_on};

TEST(a_connection_that_is_passed_through_goes_on_as_a_duct)
{
	size_t n;

	kit_open();
	CHECK_INT(bufs_new(&pass_bufs, kit_loop, &kit_bounds), 0);
	pass_n = 0;
	memset(&pass, 0, sizeof pass);
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "other.example"});
	kit_sockets(&conn, &peer);
	conn.src.cls = &pass_class;
	CHECK_INT(tls_accept(&conn.tls, kit_world, &pass_tls, &conn.src, &from), 0);
	CHECK_INT(loop_add(kit_loop, &conn.src), 0);
	n = peer.out_n = side_record(&peer.side, peer.out, sizeof peer.out);
	memcpy(raw_seen, peer.out, n);
	for (unsigned i = 0; i < 5; i++) {
		peer_push(&peer);
		loop_turn(kit_loop, 0);
	}
	CHECK_INT(send(peer.fd, "what follows", 12, 0), 12);
	for (unsigned i = 0; i < 5; i++)
		loop_turn(kit_loop, 0);
	CHECK(pass_n == n + 12 && memcmp(pass_got, raw_seen, n) == 0 && memcmp(&pass_got[n], "what follows", 12) == 0);
	duct_close(&pass.d, ZT_E_RESET);
	kit_drop(&conn, &peer);
	CHECK_INT(kit_bounds.row[BOUND_DUCT_BUFS].used, 0);
	bufs_free(pass_bufs);
	kit_close();
}
