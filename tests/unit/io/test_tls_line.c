/*
 * tls, the line to tlsd: it dies before, in and after handshakes; a new one takes over; it is full;
 * it says too much, too late, or nonsense.
 */
#include "tls_many.h"

/* ---- death ------------------------------------------------------------------------------- */

TEST(without_a_line_handshakes_wait_in_order_for_the_first)
{
	open_world();
	for (unsigned i = 0; i < 3; i++)
		CHECK_INT(start(i), 0);
	run_all(3);
	for (unsigned i = 0; i < 3; i++)
		CHECK(!conns[i].opened && !conns[i].failed && tls_wants(&conns[i].tls) == 0);
	CHECK_INT(tls_world_stats(kit_world).waiting, 3);
	CHECK_INT(tls_world_stats(kit_world).running, 0);
	kit_link(&kit_fake, 1);
	run_all(3);
	for (unsigned i = 0; i < 3; i++)
		CHECK_INT(conns[i].opened, 1);
	drop_all(3);
	close_world();
}

TEST(a_dead_line_fails_the_handshakes_that_were_on_it_and_no_other)
{
	open_world();
	kit_link(&kit_fake, 1);
	kit_fake.deaf = true;
	CHECK_INT(start(0), 0); /* handed over, unread */
	CHECK_INT(start(1), 0);
	run_all(2);
	CHECK_INT(tls_world_stats(kit_world).running, 2);
	CHECK_INT(start(2), 0); /* has said nothing yet */
	fake_die(&kit_fake);
	run_all(2);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(conns[i].failed == 1 && conns[i].fault == TLSF_LOST);
		CHECK_INT(peer_alert(&peers[i]), 80);
	}
	CHECK_INT(start(3), 0); /* and one that comes while there is none */
	run_all(4);
	CHECK(!conns[2].failed && !conns[3].failed);
	kit_link(&second, 1);
	run_all(4);
	CHECK(conns[2].opened == 1 && conns[3].opened == 1);
	drop_all(4);
	close_world();
}

/* In the middle: between the server's flight and the client's. */
TEST(a_line_that_dies_in_the_middle_takes_only_that_handshake)
{
	open_world();
	kit_link(&kit_fake, 1);
	CHECK_INT(start(0), 0);
	CHECK_INT(start(1), 0);
	peers[0].cut = 140; /* inside the second flight */
	for (unsigned i = 0; i < 60; i++) {
		loop_turn(kit_loop, 0);
		fake_step(&kit_fake);
		if (peers[0].total < 140)
			peer_step(&peers[0]);
		peer_step(&peers[1]);
	}
	CHECK(conns[1].opened == 1 && conns[0].opened == 0 && conns[0].tls.state == TLS_SHAKING);
	fake_die(&kit_fake);
	kit_link(&second, 1);
	run_all(2);
	CHECK(conns[0].failed == 1 && conns[0].fault == TLSF_LOST);
	CHECK(conns[1].failed == 0 && conns[1].tls.state == TLS_OPEN); /* needs no tlsd any more */
	CHECK_INT(start(2), 0);
	run_all(3);
	CHECK_INT(conns[2].opened, 1);
	drop_all(3);
	close_world();
}

/* What it said before it died counts, though it died with our words unread: the kernel tells of
 * that first. */
TEST(the_last_answers_of_a_dead_line_are_heard)
{
	open_world();
	kit_link(&kit_fake, 1);
	CHECK_INT(start(1), 0);
	for (unsigned i = 0; i < 100 && kit_fake.heard[TLSMSG_ACCEPT] < 1; i++) {
		loop_turn(kit_loop, 0);
		peer_push(&peers[1]);
		fake_step(&kit_fake);
	}
	CHECK_INT(start(0), 0);
	for (unsigned i = 0; i < 100 && kit_fake.heard[TLSMSG_RECORDS_IN] < 1; i++) {
		loop_turn(kit_loop, 0);
		peer_step(&peers[0]);
		fake_step(&kit_fake);
	}
	CHECK_INT(conns[0].opened, 0); /* DONE is in the socket */
	tls_free(&conns[1].tls);       /* and this CANCEL is never read */
	fake_die(&kit_fake);
	run_all(1);
	CHECK(conns[0].opened == 1 && conns[0].failed == 0);
	drop_all(2);
	close_world();
}

/* ---- a new generation -------------------------------------------------------------------- */

TEST(a_new_line_gets_what_is_new_and_the_old_one_drains)
{
	uint8_t c;

	open_world();
	kit_link(&kit_fake, 1);
	CHECK_INT(start(0), 0);
	peers[0].cut = 140;
	for (unsigned i = 0; i < 60 && peers[0].total < 140; i++) {
		loop_turn(kit_loop, 0);
		fake_step(&kit_fake);
		peer_step(&peers[0]);
	}
	kit_link(&second, 1);
	CHECK_INT(start(1), 0);
	run_all(0);
	CHECK_INT(recv(kit_fake.fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) != 0, 1); /* still connected */
	run_all(2);
	CHECK(conns[0].opened == 1 && conns[1].opened == 1);
	CHECK(kit_fake.heard[TLSMSG_ACCEPT] == 1 && second.heard[TLSMSG_ACCEPT] == 1);
	CHECK_INT(recv(kit_fake.fd, &c, 1, MSG_DONTWAIT), 0); /* closed: nobody is on it */
	CHECK(recv(second.fd, &c, 1, MSG_DONTWAIT) < 0);
	drop_all(2);
	close_world();
}

/* A plan is an index: it means something else in the tlsd of another configuration. */
TEST(a_plan_goes_only_to_a_tlsd_of_its_own_epoch)
{
	for (unsigned link_first = 0; link_first < 2; link_first++) {
		open_world();
		kit_link(&kit_fake, 1);
		if (link_first)
			kit_link(&second, 2);
		else
			tls_world_plan(kit_world, &kit_plan, 2);
		CHECK_INT(start(0), 0);
		run_all(1);
		/* Before the commit the old configuration serves; behind it nobody until the line is there. */
		CHECK_INT(conns[0].opened, link_first);
		if (link_first)
			tls_world_plan(kit_world, &kit_plan, 2);
		else
			kit_link(&second, 2);
		CHECK_INT(start(1), 0);
		run_all(2);
		CHECK(conns[0].opened == 1 && conns[1].opened == 1);
		CHECK_INT(kit_fake.heard[TLSMSG_ACCEPT], link_first);
		CHECK_INT(second.heard[TLSMSG_ACCEPT], 2 - link_first);
		drop_all(2);
		close_world();
	}
}

/* Said hello under one plan, handed over under the next: the choice is made again. */
TEST(what_waited_is_chosen_anew_when_the_plan_changes)
{
	static struct tls_plan next;
	const char *names[] = {"other.example"};
	struct conf_list list = {1, names};

	open_world();
	next = kit_plan;
	next.servers = 2;
	next.server[1] = kit_plan.server[0];
	next.server[0] = (struct tls_server_plan){.id = "o", .names = &list, .alpn = &kit_no_list};
	CHECK_INT(start(0), 0);
	run_all(1);
	tls_world_plan(kit_world, &next, 2);
	kit_link(&kit_fake, 2);
	run_all(1);
	CHECK_INT(conns[0].opened, 1);
	CHECK_INT(kit_fake.last_plan, 1);
	drop_all(1);
	/* And when nothing is configured for it any more. */
	fake_die(&kit_fake);
	CHECK_INT(start(0), 0);
	run_all(1);
	next.servers = 1;
	kit_link(&kit_fake, 2);
	run_all(1);
	CHECK(conns[0].failed == 1 && conns[0].fault == TLSF_NO_PLAN && peer_alert(&peers[0]) == 112);
	drop_all(1);
	close_world();
}

TEST(lines_are_few_and_the_oldest_gives_way)
{
	static struct fake extra[10];

	open_world();
	kit_link(&kit_fake, 1);
	kit_fake.deaf = true;
	CHECK_INT(start(0), 0);
	run_all(1); /* on the oldest for good */
	for (size_t i = 0; i < ARRAY_LEN(extra); i++) {
		fake_init(&extra[i], -1, &kit_cert);
		kit_link(&extra[i], 1);
		extra[i].deaf = true;
		if (i < 3) { /* and three that keep theirs busy too */
			CHECK_INT(start(1 + (unsigned)i), 0);
			run_all(2 + (unsigned)i);
		}
	}
	CHECK(conns[0].failed == 0); /* idle ones were closed, so there was room */
	drop_all(4);
	for (size_t i = 0; i < ARRAY_LEN(extra); i++)
		fake_die(&extra[i]);
	close_world();
}

/* ---- backpressure ------------------------------------------------------------------------ */

static void narrow_line(struct fake *f)
{
	int pair[2], least = 1;

	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	f->fd = pair[1];
	tls_world_link(kit_world, pair[0], 1);
}

TEST(a_full_line_holds_handshakes_up_and_loses_none)
{
	open_world();
	narrow_line(&kit_fake);
	kit_fake.deaf = true;
	for (unsigned i = 0; i < MANY; i++)
		CHECK_INT(start(i), 0);
	run_all(MANY);
	CHECK(tls_world_stats(kit_world).waiting > 0 && tls_world_stats(kit_world).running > 0);
	CHECK_INT(tls_world_stats(kit_world).waiting + tls_world_stats(kit_world).running, MANY);
	kit_fake.deaf = false;
	run_all(MANY);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_INT(conns[i].opened, 1);
	drop_all(MANY);
	close_world();
}

/* Part of a flight finds the line full, and more of it arrives meanwhile. */
TEST(records_wait_for_a_full_line_in_order)
{
	open_world();
	narrow_line(&kit_fake);
	CHECK_INT(start(0), 0);
	peers[0].cut = 135; /* in the key exchange */
	for (unsigned i = 0; i < 60 && peers[0].total < 135; i++) {
		loop_turn(kit_loop, 0);
		fake_step(&kit_fake);
		peer_step(&peers[0]);
	}
	kit_fake.deaf = true;
	for (unsigned i = 1; i < MANY; i++)
		CHECK_INT(start(i), 0);
	for (unsigned i = 0; i < 40; i++) {
		loop_turn(kit_loop, 0);
		for (unsigned k = 1; k < MANY; k++)
			peer_push(&peers[k]);
	}
	CHECK(tls_world_stats(kit_world).waiting > 0);
	peers[0].chunk = 20;
	for (unsigned i = 0; i < 40; i++) {
		loop_turn(kit_loop, 0);
		peer_push(&peers[0]);
	}
	CHECK(conns[0].tls.state == TLS_SHAKING && tls_wants(&conns[0].tls) == 0);
	kit_fake.deaf = false;
	run_all(MANY);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_INT(conns[i].opened, 1);
	drop_all(MANY);
	close_world();
}

TEST(a_cancel_waits_for_a_full_line_too)
{
	unsigned running;

	open_world();
	narrow_line(&kit_fake);
	kit_fake.deaf = true;
	for (unsigned i = 0; i < MANY; i++)
		CHECK_INT(start(i), 0);
	run_all(MANY);
	running = (unsigned)tls_world_stats(kit_world).running;
	drop_all(MANY);
	CHECK(kit_bounds.row[BOUND_TLS_SHAKES].used > 0); /* their slots wait for the word to get through */
	CHECK_INT(tls_world_stats(kit_world).running, 0);
	kit_fake.deaf = false;
	run_all(0);
	CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0);
	CHECK_INT(kit_fake.heard[TLSMSG_CANCEL], running);
	close_world();
}

/* ---- nonsense ---------------------------------------------------------------------------- */

TEST(an_answer_for_a_slot_that_was_given_away_again_is_for_nobody)
{
	struct tlsmsg m = {.type = TLSMSG_FAIL, .fail = {.fault = TLSF_INTERNAL}};
	uint32_t old;

	open_world();
	kit_link(&kit_fake, 1);
	kit_fake.dumb = true;
	CHECK_INT(start(0), 0);
	run_all(1);
	old = kit_fake.last_id;
	drop_all(1);
	run_all(0);
	CHECK_INT(kit_fake.heard[TLSMSG_CANCEL], 1);
	CHECK_INT(start(0), 0);
	run_all(1);
	CHECK_INT(TLSMSG_SLOT(kit_fake.last_id), TLSMSG_SLOT(old));
	CHECK(kit_fake.last_id != old);
	kit_fake.dumb = false;
	m.id = old;
	fake_say(&kit_fake, &m);
	m.id = TLSMSG_ID(400, 0); /* never given out */
	fake_say(&kit_fake, &m);
	m.id = TLSMSG_ID(511, 9);
	fake_say(&kit_fake, &m);
	run_all(1);
	CHECK_INT(conns[0].failed, 0);
	CHECK_INT(tls_world_stats(kit_world).late, 3);
	m.id = kit_fake.last_id;
	fake_say(&kit_fake, &m);
	run_all(1);
	CHECK_INT(conns[0].failed, 1);
	drop_all(1);
	close_world();
}

static void say_twice(struct fake *f, struct tlsmsg *m)
{
	if (m->type == TLSMSG_DONE) {
		f->lie = NULL;
		fake_say(f, m);
	}
}

TEST(done_twice_is_done_once)
{
	open_world();
	kit_link(&kit_fake, 1);
	kit_fake.lie = say_twice;
	CHECK_INT(start(0), 0);
	run_all(1);
	CHECK(conns[0].opened == 1 && conns[0].failed == 0);
	CHECK_INT(tls_world_stats(kit_world).late, 1);
	drop_all(1);
	close_world();
}

static const struct {
	const char *name;
	size_t n;
	uint8_t bytes[16];
} packets[] = {
	{"one byte", 1, {17}},
	{"no such type", 8, {99}},
	{"a type of ours", 8, {TLSMSG_CANCEL}},
	{"a DONE of nothing", 8, {TLSMSG_DONE}},
	{"application data", 16, {TLSMSG_RECORDS_OUT, 0, 0, 0, 0, 0, 0, 0, 23, 3, 3, 0, 3, 1, 1, 1}},
	{"half a record", 14, {TLSMSG_RECORDS_OUT, 0, 0, 0, 0, 0, 0, 0, 22, 3, 3, 0, 3, 1}},
	{"no packet", 0, {0}},
	{"too long", TLSMSG_MAX + 1, {TLSMSG_FAIL}},
};

TEST(a_line_that_speaks_nonsense_is_dropped_with_its_handshakes)
{
	static uint8_t mem[TLSMSG_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		open_world();
		kit_link(&kit_fake, 1);
		kit_fake.dumb = true;
		CHECK_INT(start(0), 0);
		run_all(1);
		memcpy(mem, packets[i].bytes, sizeof packets[i].bytes);
		CHECK_INT(send(kit_fake.fd, mem, packets[i].n, MSG_NOSIGNAL), packets[i].n);
		run_all(1);
		if (conns[0].failed != 1 || conns[0].fault != TLSF_LOST)
			unit_fail(__FILE__, __LINE__, "%s is believed", packets[i].name);
		CHECK(send(kit_fake.fd, "x", 1, MSG_NOSIGNAL) < 0); /* closed */
		drop_all(1);
		close_world();
	}
}

static void empty_flight(struct fake *f, struct tlsmsg *m)
{
	if (m->type == TLSMSG_RECORDS_OUT && f->lie) { /* DONE before anything was said */
		*m = (struct tlsmsg){.type = TLSMSG_DONE, .id = m->id};
		m->done.suite = SUITE_ECDSA_AES128;
		m->done.name = SPAN_LIT("a.example");
	}
}

TEST(done_before_the_peer_has_finished_is_a_lie)
{
	open_world();
	kit_link(&kit_fake, 1);
	kit_fake.lie = empty_flight;
	CHECK_INT(start(0), 0);
	run_all(1);
	CHECK(conns[0].opened == 0 && conns[0].failed == 1 && conns[0].fault == TLSF_INTERNAL);
	CHECK_INT(peer_alert(&peers[0]), 80);
	drop_all(1);
	close_world();
}
