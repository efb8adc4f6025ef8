/* Connections that share few buffers: who waits, who goes on, who is ended, and that none of it needs more. */
#include "tests/unit/io/duct_kit.h"

#include <poll.h>

TEST(who_no_longer_wants_leaves_the_line)
{
	struct end *a, *b;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 1);
	a = end_new(false);
	b = end_new(false);
	put_pattern(a, 0, 10); /* not flushed: a has it */
	CHECK_INT(duct_room(&b->sd.d), 0);
	duct_want(&b->sd.d, DUCT_OUT);
	CHECK(bufs_wanted(kit_bufs));
	duct_want(&b->sd.d, 0);
	CHECK(!bufs_wanted(kit_bufs) && b->sd.busy == NULL);
	duct_want(&b->sd.d, DUCT_OUT);
	duct_flush(&a->sd.d);
	turns(3);
	CHECK(b->calls > 0 && b->events == DUCT_OUT && duct_room(&b->sd.d) > 0);
	duct_want(&b->sd.d, 0);
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
	end_free(a);
	end_free(b);
	duct_tear_down();
}

/* It has made room itself, outside its event, but that is for those who stood in line before: it stands there, too. */
TEST(who_gives_its_buffer_to_others_waits_behind_them)
{
	for (unsigned tls = 0; tls < 2; tls++) {
		struct end *a, *b;

		duct_set_up();
		bounds_set(&bounds, BOUND_DUCT_BUFS, 1);
		narrow = true;
		a = end_new(tls);
		narrow = false;
		b = end_new(false);
		for (uint64_t put = 0; duct_room(&a->sd.d); duct_flush(&a->sd.d))
			put += put_pattern(a, put, SIZE_MAX);
		duct_want(&a->sd.d, DUCT_OUT);
		duct_want(&b->sd.d, DUCT_OUT);
		turns(5);
		CHECK(a->calls == 0 && b->calls == 0);
		for (unsigned i = 0; i < 200000 && bounds.row[BOUND_DUCT_BUFS].used; i++) { /* not a turn between */
			listen_to(&a->peer, SIZE_MAX);
			duct_flush(&a->sd.d);
		}
		turns(3);
		CHECK(a->calls == 0 && b->calls > 0);
		duct_want(&b->sd.d, 0);
		turns(3);
		CHECK(a->calls > 0 && a->events == DUCT_OUT);
		duct_want(&a->sd.d, 0);
		end_free(a);
		end_free(b);
		duct_tear_down();
	}
}

/* Its peer has begun a record, and says no more: that lies in the kernel, and reads well when the rest has come. */
TEST(part_of_a_record_takes_no_buffer_while_they_are_short)
{
	static uint8_t mem[RECORD_MAX];
	struct end *a;
	int n;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 4);
	bounds_take(&bounds, BOUND_DUCT_BUFS, 3); /* others': one is left */
	a = end_new(true);
	for (unsigned i = 0; i < 3000; i++)
		mem[record_head(&a->peer.out) + i] = byte_at(i);
	n = record_seal(&a->peer.out, RECORD_DATA, mem, 3000);
	duct_want(&a->sd.d, DUCT_IN);
	CHECK_INT(raw(&a->peer, mem, 3), 3); /* not even how long it is */
	turns(5);
	CHECK_INT(raw(&a->peer, mem + 3, 100), 100);
	turns(5);
	CHECK(a->events == 0 && bounds.row[BOUND_DUCT_BUFS].used == 3);
	CHECK_INT(raw(&a->peer, mem + 103, (size_t)n - 103), n - 103);
	turns(5);
	CHECK(a->events == DUCT_IN && duct_peek(&a->sd.d).n == 3000);
	duct_take(&a->sd.d, 3000);
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 3);
	bounds_give(&bounds, BOUND_DUCT_BUFS, 3);
	end_free(a);
	duct_tear_down();
}

/* Nobody is told any more; but who is closed may not sit on a buffer either. */
TEST(who_lingers_on_a_buffer_while_others_wait_is_stopped)
{
	struct end *a, *b;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 1);
	narrow = true;
	a = end_new(true);
	narrow = false;
	b = end_new(false);
	for (uint64_t put = 0; duct_room(&a->sd.d); duct_flush(&a->sd.d))
		put += put_pattern(a, put, SIZE_MAX);
	duct_close(&a->sd.d, ZT_OK);
	sockduct_patience(&a->sd, 3600 * NS_PER_S);
	duct_want(&b->sd.d, DUCT_OUT);
	for (unsigned i = 0; i < 5; i++) {
		clock_fake_step(&fake, NS_PER_S);
		turns(3);
	}
	CHECK(a->reaped == 1 && !sockduct_lingers(&a->sd));
	CHECK(b->calls > 0 && duct_room(&b->sd.d) > 0);
	end_free(a);
	end_free(b);
	duct_tear_down();
}

/* Far more than there are buffers for: every one finishes, none is ended. */
TEST(two_buffers_carry_many_couples)
{
	enum { MANY = 40, BYTES = 30000 };
	struct two *t[MANY];
	uint64_t sent[MANY] = {0};
	unsigned done = 0;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 2);
	narrow = true; /* so that what leaves takes its time */
	for (unsigned i = 0; i < MANY; i++)
		t[i] = two_new(i % 4);
	for (unsigned round = 0; round < 20000 && done < MANY; round++) {
		done = 0;
		for (unsigned i = 0; i < MANY; i++) {
			size_t part = num_min(9000, (size_t)(BYTES - sent[i]));

			if (part && sent[i] - t[i]->end[FAR].peer.got < 30000) {
				say_pattern(&t[i]->end[NEAR].peer, sent[i], part);
				sent[i] += part;
			}
			listen_to(&t[i]->end[FAR].peer, SIZE_MAX);
			done += t[i]->end[FAR].peer.got == BYTES;
		}
		turns(1);
	}
	narrow = false;
	CHECK_INT(done, MANY);
	CHECK(bounds.row[BOUND_DUCT_BUFS].peak == 2 && bounds.row[BOUND_DUCT_BUFS].hits > 0);
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_INT(t[i]->overs, 0);
		two_free(t[i]);
	}
	duct_tear_down();
}

/* Its far peer takes nothing: until nothing moves any more. */
static void fill_up(struct two *t)
{
	const struct duct *d = &t->end[NEAR].sd.d;
	uint64_t sent = 0, was;
	unsigned quiet = 0;

	while (quiet < 10) {
		was = d->in;
		if (sent - d->in < 30000) {
			say_pattern(&t->end[NEAR].peer, sent, 9000);
			sent += 9000;
		}
		turns(1);
		quiet = d->in == was ? quiet + 1 : 0;
	}
}

/* They end up in the kernel's buffers, and ours go on to the next: one who comes behind them is served without a moment of
 * waiting, and nobody is ended for it. */
TEST(who_takes_nothing_sits_on_no_buffer_while_they_are_short)
{
	enum { MANY = 40, BUFS = 16 };
	struct two *t[MANY], *quick;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, BUFS);
	for (unsigned i = 0; i < MANY; i++)
		t[i] = two_new(i % 4);
	for (unsigned i = 0; i < MANY; i++)
		fill_up(t[i]);
	quick = two_new(3);
	say_pattern(&quick->end[NEAR].peer, 0, 3000);
	for (unsigned i = 0; i < 50 && quick->end[FAR].peer.got < 3000; i++) {
		turns(1);
		listen_to(&quick->end[FAR].peer, SIZE_MAX);
	}
	CHECK_INT(quick->end[FAR].peer.got, 3000);
	two_free(quick);
	for (unsigned i = 0; i < MANY; i++) {
		CHECK(t[i]->end[NEAR].sd.d.in > 50000); /* it has been carried as far as it goes */
		CHECK_INT(t[i]->overs, 0);
		two_free(t[i]);
	}
	duct_tear_down();
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
	struct two *busy, *b;
	size_t left = 0;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 2); /* one to read with */
	busy = two_new(1);
	b = two_new(1);
	trickle(&busy->end[NEAR].peer, 0, rest, &left);
	two_settle(busy);
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 1);
	say_pattern(&b->end[NEAR].peer, 0, 30);
	two_settle(b);
	CHECK_INT(b->end[FAR].peer.got, 0);
	for (unsigned i = 1; i < 6; i++) {
		clock_fake_step(&fake, 2 * NS_PER_S);
		trickle(&busy->end[NEAR].peer, i, rest, &left);
		two_settle(busy);
		two_settle(b);
	}
	CHECK_INT(b->end[FAR].peer.got, 30);
	CHECK_INT(busy->end[FAR].peer.got, 5);
	CHECK_INT(busy->overs, 0);
	two_free(busy);
	two_free(b);
	duct_tear_down();
}

/* A few bytes now and then are no use of a buffer either; and it is not the sender who is to blame. */
TEST(who_takes_next_to_nothing_makes_room_while_others_wait)
{
	struct two *slow, *b;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 2);
	narrow = true;
	slow = two_new(1);
	narrow = false;
	b = two_new(1);
	for (uint64_t sent = 0; sent < 160000; sent += 16000) {
		say_pattern(&slow->end[NEAR].peer, sent, 16000);
		turns(6);
	}
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 2);
	say_pattern(&b->end[NEAR].peer, 0, 30);
	two_settle(b);
	CHECK_INT(b->end[FAR].peer.got, 0);
	for (unsigned i = 0; i < 12 && slow->overs == 0; i++) {
		clock_fake_step(&fake, NS_PER_S);
		listen_to(&slow->end[FAR].peer, 1000);
		poll(&(struct pollfd){.fd = slow->end[FAR].src.fd, .events = POLLOUT}, 1, 10); /* acknowledged late */
		turns(4);
	}
	CHECK(slow->overs == 1 && slow->couple.why == ZT_E_RESET);
	CHECK(slow->couple.by == FAR || strstr(slow->why, "was not taken"));
	CHECK(slow->end[FAR].peer.got < 40000); /* or it was not slow */
	two_settle(b);
	CHECK_INT(b->end[FAR].peer.got, 30);
	two_free(slow);
	two_free(b);
	duct_tear_down();
}

/* It would have to wait for those who wait for it. */
TEST(an_end_needs_no_buffer)
{
	static const uint8_t part[] = {23, 3, 3, 0, 100};
	struct two *a, *b;

	duct_set_up();
	bounds_set(&bounds, BOUND_DUCT_BUFS, 1);
	a = two_new(1);
	b = two_new(2);
	raw(&a->end[NEAR].peer, part, sizeof part);
	two_settle(a);
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 1);
	duct_finish(b->couple.side[FAR]);
	duct_flush(b->couple.side[FAR]);
	two_settle(b);
	CHECK(b->end[FAR].peer.bye && b->end[FAR].peer.eof && !b->end[FAR].peer.reset);
	two_free(a);
	two_free(b);
	duct_tear_down();
}
