/* The pump's buffers: lent while bytes flow, waited for in line, taken from who sits on them. */
#include "tests/unit/io/pump_kit.h"

#include <poll.h>

static void half_a_record(struct peer *p)
{
	uint8_t mem[RECORD_OVERHEAD + 16] = {0};

	record_seal(&p->out, RECORD_DATA, mem, 16);
	CHECK_INT(raw(p, mem, 10), 10);
}

TEST(an_incomplete_record_may_hold_a_buffer_for_twenty_seconds)
{
	struct rig *r;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	half_a_record(&r->peer[NEAR]);
	settle(r);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 1);
	for (unsigned s = 0; s < 19; s++) {
		clock_fake_step(&fake, NS_PER_S);
		turns(1);
	}
	CHECK_INT(r->overs, 0);
	clock_fake_step(&fake, 2 * NS_PER_S);
	turns(1);
	CHECK_INT(r->overs, 1);
	CHECK_INT(r->pump.cause, PUMP_PARTIAL_RECORD);
	CHECK_INT(r->pump.by, NEAR);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	rig_free(r);
	tear_down();
}

TEST(each_completed_record_begins_the_time_anew)
{
	struct rig *r;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	for (unsigned s = 0; s < 60; s++) {
		say_pattern(&r->peer[NEAR], s, 1);
		settle(r);
		clock_fake_step(&fake, NS_PER_S);
		turns(1);
	}
	CHECK_INT(r->overs, 0);
	CHECK_INT(r->peer[FAR].got, 60);
	rig_free(r);
	tear_down();
}

#define FEW 4

FLOODS(BOUND_RELAY_BUFS)
{
	struct rig *r[FEW + 2];

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, FEW);
	for (unsigned i = 0; i < FEW + 2; i++)
		r[i] = rig_new(1, AEAD_AES128_GCM);
	for (unsigned i = 0; i < FEW; i++) {
		half_a_record(&r[i]->peer[NEAR]);
		settle(r[i]);
		clock_fake_step(&fake, NS_PER_MS);
	}
	say_pattern(&r[FEW]->peer[NEAR], 0, 30);
	settle(r[FEW]);
	say_pattern(&r[FEW + 1]->peer[NEAR], 0, 30);
	settle(r[FEW + 1]);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, FEW);
	CHECK(bounds.row[BOUND_RELAY_BUFS].hits >= 1);
	CHECK_INT(r[FEW]->peer[FAR].got, 0); /* reading waits */
	CHECK_INT(pump_wants(&r[FEW]->pump, NEAR), 0);
	CHECK_INT(pump_wants(&r[FEW + 1]->pump, NEAR), 0);

	/* One comes back: the first in line is served, gives it on to the second. */
	pump_stop(&r[2]->pump);
	settle(r[FEW]);
	settle(r[FEW + 1]);
	CHECK_INT(r[FEW]->peer[FAR].got, 30);
	CHECK_INT(r[FEW + 1]->peer[FAR].got, 30);

	/* All taken again: while somebody waits, who has been still longest makes room. */
	half_a_record(&r[FEW + 1]->peer[NEAR]);
	settle(r[FEW + 1]);
	say_pattern(&r[FEW]->peer[NEAR], 30, 30);
	settle(r[FEW]);
	CHECK_INT(r[FEW]->peer[FAR].got, 30);
	for (unsigned s = 0; s < 5; s++) {
		clock_fake_step(&fake, NS_PER_S);
		settle(r[FEW]);
	}
	CHECK_INT(r[FEW]->peer[FAR].got, 60);
	CHECK_INT(r[0]->overs, 1);
	CHECK_INT(r[0]->pump.cause, PUMP_STALLED);
	CHECK_INT(r[0]->pump.by, NEAR);
	CHECK_INT(r[1]->overs + r[3]->overs + r[FEW + 1]->overs, 0);
	for (unsigned i = 0; i < FEW + 2; i++)
		rig_free(r[i]);
	tear_down();
}

/* Ends the record under way, if any, and begins the next: some record is always incomplete. */
static void trickle(struct peer *p, uint64_t from, uint8_t rest[static RECORD_OVERHEAD + 1], size_t *left)
{
	uint8_t *text = &rest[record_head(&p->out)], old[RECORD_OVERHEAD + 1];
	size_t n = *left;

	memcpy(old, rest, n);
	*text = byte_at(from);
	*left = (size_t)record_seal(&p->out, RECORD_DATA, rest, 1);
	memcpy(&old[n], rest, 1);
	CHECK_INT(raw(p, old, n + 1), n + 1);
	memmove(rest, &rest[1], --*left);
}

/* Whose last record is never whole would keep a buffer as long as he likes, for a byte now and then. */
TEST(who_always_has_half_a_record_takes_turns_as_well)
{
	uint8_t rest[RECORD_OVERHEAD + 1];
	struct rig *busy, *b;
	size_t left = 0;

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, 1);
	busy = rig_new(1, AEAD_AES128_GCM);
	b = rig_new(1, AEAD_AES128_GCM);
	trickle(&busy->peer[NEAR], 0, rest, &left);
	settle(busy);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 1);
	say_pattern(&b->peer[NEAR], 0, 30);
	settle(b);
	CHECK_INT(b->peer[FAR].got, 0);
	for (unsigned s = 1; s < 6; s++) {
		clock_fake_step(&fake, 2 * NS_PER_S);
		trickle(&busy->peer[NEAR], s, rest, &left);
		settle(busy);
		settle(b);
	}
	CHECK_INT(b->peer[FAR].got, 30);
	CHECK_INT(busy->peer[FAR].got, 5);
	CHECK_INT(busy->overs, 0);
	rig_free(busy);
	rig_free(b);
	tear_down();
}

/* Reads until something of the pump's moves once more. */
static void take_a_little(struct rig *r)
{
	for (unsigned i = 0; i < 400 && r->pump.active < fake.mono_ns && r->overs == 0; i++) {
		listen_to(&r->peer[FAR], 1000);
		poll(&(struct pollfd){.fd = r->src[FAR].fd, .events = POLLOUT}, 1, 50); /* acknowledged late */
		turns(2);
	}
}

/* A few bytes now and then are no use of a buffer either. */
TEST(who_takes_next_to_nothing_makes_room_while_others_wait)
{
	const int small = 4096;
	struct rig *slow, *b;

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, 1);
	narrow = true;
	slow = rig_new(1, AEAD_AES128_GCM);
	narrow = false;
	b = rig_new(1, AEAD_AES128_GCM);
	CHECK(setsockopt(slow->src[FAR].fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
	for (uint64_t sent = 0; sent < 80000; sent += 16000) {
		say_pattern(&slow->peer[NEAR], sent, 16000);
		turns(4);
	}
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 1);
	say_pattern(&b->peer[NEAR], 0, 30);
	settle(b);
	CHECK_INT(b->peer[FAR].got, 0);
	for (unsigned s = 0; s < 10 && slow->overs == 0; s++) {
		clock_fake_step(&fake, NS_PER_S);
		take_a_little(slow);
		settle(b);
	}
	CHECK_INT(slow->overs, 1);
	CHECK_INT(slow->pump.cause, PUMP_STALLED);
	CHECK_INT(slow->pump.by, FAR);
	CHECK(slow->peer[FAR].got < 40000); /* or it was not slow */
	settle(b);
	CHECK_INT(b->peer[FAR].got, 30);
	rig_free(slow);
	rig_free(b);
	tear_down();
}

TEST(who_leaves_the_line_is_not_served)
{
	struct rig *r[4];

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, 1);
	for (unsigned i = 0; i < 4; i++)
		r[i] = rig_new(1, AEAD_AES128_GCM);
	half_a_record(&r[0]->peer[NEAR]);
	settle(r[0]);
	for (unsigned i = 1; i < 4; i++) {
		say_pattern(&r[i]->peer[NEAR], 0, 30);
		settle(r[i]);
	}
	rig_free(r[3]); /* the last, then the first in line */
	rig_free(r[1]);
	rig_free(r[0]);
	settle(r[2]);
	CHECK_INT(r[2]->peer[FAR].got, 30);
	rig_free(r[2]);
	tear_down();
}

/* Its end needs a buffer too: close_notify waits in line like bytes. */
TEST(an_end_waits_in_line_as_well)
{
	struct rig *a, *b;

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, 1);
	a = rig_new(1, AEAD_AES128_GCM);
	b = rig_new(2, AEAD_AES128_GCM);
	half_a_record(&a->peer[NEAR]);
	settle(a);
	say_bye(&b->peer[NEAR]);
	settle(b);
	CHECK(!b->peer[FAR].bye && !b->peer[FAR].eof);
	rig_free(a);
	settle(b);
	CHECK(b->peer[FAR].bye && b->peer[FAR].eof && !b->peer[FAR].reset);
	rig_free(b);
	tear_down();
}

TEST(a_pump_that_never_started_can_be_stopped)
{
	struct pump p = {0};

	pump_stop(&p);
	CHECK(!p.over);
}
