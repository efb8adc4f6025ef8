/*
 * tls, what bounds handshakes: slots, buffers, deadline, budget. And owners that let go of
 * connections at any moment.
 */
#include "tls_many.h"

/* ---- bounds ------------------------------------------------------------------------------ */

TEST(a_handshake_has_a_deadline_that_trickling_does_not_move)
{
	open_world();
	kit_link(&kit_fake, 1);
	CHECK_INT(start(0), 0); /* says a byte now and then */
	peers[0].chunk = 1;
	CHECK_INT(start(1), 0); /* nothing */
	CHECK_INT(start(2), 0); /* has said hello, and waits with the rest */
	for (unsigned i = 0; i < 20; i++) {
		if (i < 2)
			peer_push(&peers[2]);
		peer_push(&peers[0]);
		loop_turn(kit_loop, 0);
		fake_step(&kit_fake);
		clock_fake_step(&kit_clock, KIT_SHAKE_MS / 20 * NS_PER_MS - 1);
		CHECK(!conns[0].failed && !conns[1].failed && !conns[2].failed);
	}
	clock_fake_step(&kit_clock, 40);
	run_all(0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(conns[i].failed == 1 && conns[i].fault == TLSF_LATE);
	CHECK_INT(kit_fake.heard[TLSMSG_CANCEL], 1);
	run_all(3);
	CHECK(peers[0].ended && peers[0].got_n == 0); /* silently: it said nothing that made sense */
	drop_all(3);
	close_world();
}

TEST(a_handshake_that_nobody_takes_ends_at_its_deadline_too)
{
	open_world();
	CHECK_INT(start(0), 0);
	CHECK_INT(kit_connect(&conns[1], &peers[1], &(struct tls_connect){0}), 0);
	run_all(1);
	clock_fake_step(&kit_clock, (KIT_SHAKE_MS + 1) * NS_PER_MS);
	run_all(1);
	for (unsigned i = 0; i < 2; i++)
		CHECK(conns[i].failed == 1 && conns[i].fault == TLSF_LATE && strstr(conns[i].words, "no key process"));
	drop_all(2);
	close_world();
}

TEST(an_address_has_a_budget)
{
	static const struct addr one = {.family = 4, .ip = {192, 0, 2, 1}}, two = {.family = 4, .ip = {192, 0, 2, 2}};
	struct conn *c = &conns[0];
	struct source src = {.fd = -1};

	open_world();
	tls_world_limits(kit_world, KIT_SHAKE_MS, 1, 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_INT(tls_accept(&c->tls, kit_world, &conn_tls, &src, &one), 0);
		tls_free(&c->tls);
	}
	CHECK_INT(tls_accept(&c->tls, kit_world, &conn_tls, &src, &one), -ZT_E_DENIED);
	CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0); /* before anything was taken */
	CHECK_INT(tls_world_stats(kit_world).refused_budget, 1);
	CHECK_INT(tls_accept(&c->tls, kit_world, &conn_tls, &src, &two), 0);
	tls_free(&c->tls);
	clock_fake_step(&kit_clock, 1100 * NS_PER_MS);
	run_all(0);
	CHECK_INT(tls_accept(&c->tls, kit_world, &conn_tls, &src, &one), 0);
	tls_free(&c->tls);
	close_world();
}

FLOODS(BOUND_TLS_SHAKES)
{
	static struct tls many[BOUND_CAP(BOUND_TLS_SHAKES) + 1];
	static const struct addr from = {.family = 4, .ip = {127, 0, 0, 1}};
	struct source src = {.fd = -1};

	open_world();
	for (size_t i = 0; i < BOUND_CAP(BOUND_TLS_SHAKES); i++)
		CHECK_INT(tls_accept(&many[i], kit_world, &conn_tls, &src, &from), 0);
	CHECK_INT(tls_accept(&many[BOUND_CAP(BOUND_TLS_SHAKES)], kit_world, &conn_tls, &src, &from), -ZT_E_FULL);
	CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].hits, 1);
	tls_free(&many[7]);
	CHECK_INT(tls_accept(&many[7], kit_world, &conn_tls, &src, &from), 0);
	for (size_t i = 0; i < BOUND_CAP(BOUND_TLS_SHAKES); i++)
		tls_free(&many[i]);
	close_world();
}

static const char long_record[] = "\x16\3\1\x3f\xff\1\0\x3f\xfb";

FLOODS(BOUND_TLS_FLIGHTS)
{
	open_world();
	bounds_set(&kit_bounds, BOUND_TLS_FLIGHTS, 2);
	for (unsigned i = 0; i < 3; i++) { /* hellos that are larger than most, and never end */
		memset(&peers[i], 0, sizeof peers[i]);
		peers[i].raw = true;
		CHECK_INT(kit_accept(&conns[i], &peers[i]), 0);
		peer_put(&peers[i], long_record, 9);
		run_all(i + 1);
		CHECK_INT(conns[i].failed, i == 2);
	}
	CHECK_INT(conns[2].fault, TLSF_BUSY);
	CHECK_INT(kit_bounds.row[BOUND_TLS_FLIGHTS].used, 2);
	drop_all(3);
	CHECK_INT(kit_bounds.row[BOUND_TLS_FLIGHTS].used, 0);
	close_world();
}

FLOODS(BOUND_TLS_OPEN)
{
	open_world();
	kit_link(&kit_fake, 1);
	bounds_set(&kit_bounds, BOUND_TLS_OPEN, 2);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_INT(start(i), 0);
		run_all(i + 1);
		CHECK_INT(conns[i].opened, i < 2);
	}
	CHECK_INT(conns[2].fault, TLSF_BUSY);
	drop_all(3);
	close_world();
}

/* ---- owners ------------------------------------------------------------------------------ */

static void free_the_other(struct conn *c)
{
	struct conn *other = c == &conns[0] ? &conns[1] : &conns[0];

	loop_close(&other->src);
	tls_free(&other->tls);
	loop_close(&c->src);
	tls_free(&c->tls);
}

TEST(an_owner_may_free_any_connection_when_one_is_lost)
{
	open_world();
	kit_link(&kit_fake, 1);
	kit_fake.deaf = true;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_INT(start(i), 0);
		conns[i].then = free_the_other;
	}
	run_all(2);
	fake_die(&kit_fake);
	run_all(2);
	CHECK_INT(conns[0].failed + conns[1].failed, 1);
	drop_all(2);
	close_world();
}

static void free_when_reaped(struct source *src)
{
	tls_free(&CONTAINER_OF(src, struct conn, src)->tls);
}

/* As a worker ends: the loop closes everything, in no order that anybody chose. */
TEST(a_loop_that_ends_first_takes_lines_and_handshakes_along)
{
	static const struct source_class ends = {"tls test", conn_wants, conn_ready, free_when_reaped};

	for (unsigned line_first = 0; line_first < 2; line_first++) {
		open_world();
		if (line_first)
			kit_link(&kit_fake, 1);
		CHECK_INT(start(0), 0);
		conns[0].src.cls = &ends;
		CHECK_INT(start(1), 0);
		conns[1].src.cls = &ends;
		if (!line_first)
			kit_link(&kit_fake, 1);
		kit_fake.deaf = true;
		peers[1].cut = 9;
		run_all(1);
		CHECK_INT(tls_world_stats(kit_world).running, 1);
		loop_free(kit_loop);
		tls_world_free(kit_world);
		close(peers[0].fd);
		close(peers[1].fd);
		fake_die(&kit_fake);
		CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0);
	}
}
