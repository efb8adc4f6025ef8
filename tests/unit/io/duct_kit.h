/*
 * duct_kit: sockducts on sockets of 127.0.0.1, plain or TLS, with the peers of peer_kit on their other ends: one
 * whose user does as the test says, or two that are coupled.
 */
#ifndef ZT_DUCT_KIT_H
#define ZT_DUCT_KIT_H

#include "io/couple.h"
#include "io/sockduct.h"
#include "tests/unit/io/peer_kit.h"

static struct bufs *kit_bufs;
static enum aead_kind kit_kind = AEAD_AES128_GCM; /* of the next connections */

/* One end. What its user saw: */
struct end {
	struct sockduct sd;
	struct source src;
	struct tls tls;
	struct peer peer;
	unsigned events, calls, turns, reaped; /* events: all that were told, ever; turns: of the socket */
	void (*on)(struct end *e, unsigned events); /* the user, if it does more than note them */
	struct two *two;
};

struct two {
	struct end end[2];
	struct couple couple;
	unsigned overs;
	char why[80]; /* of a failure */
	bool keep;    /* over() closes nothing */
};

static inline struct end *end_of(struct duct *d)
{
	return CONTAINER_OF(d, struct end, sd.d);
}

static inline void end_event(struct duct *d, unsigned events)
{
	struct end *e = end_of(d);

	e->events |= events;
	e->calls++;
	if (e->on)
		e->on(e, events);
}
static const struct duct_user end_user = {end_event};

static inline void couple_event_of(struct duct *d, unsigned events)
{
	struct end *e = end_of(d);

	e->events |= events;
	e->calls++;
	couple_event(&e->two->couple, e == &e->two->end[FAR], events);
}
static const struct duct_user couple_user = {couple_event_of};

static inline unsigned end_wants(const struct source *s)
{
	return sockduct_wants(&CONTAINER_OF(s, const struct end, src)->sd);
}
static inline void end_ready(struct source *s, unsigned events)
{
	struct end *e = CONTAINER_OF(s, struct end, src);

	e->turns++;
	sockduct_ready(&e->sd, events);
}
static inline void end_reap(struct source *s)
{
	CONTAINER_OF(s, struct end, src)->reaped++;
}
static const struct source_class end_class = {"end", end_wants, end_ready, end_reap};

static inline void duct_set_up(void)
{
	clock_fake_init(&fake, 100 * NS_PER_S, 0);
	bounds_init(&bounds);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &fake.clock), 0);
	CHECK_INT(bufs_new(&kit_bufs, loop, &bounds), 0);
}

static inline void duct_tear_down(void)
{
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
	bufs_free(kit_bufs);
	loop_free(loop);
}

static inline void end_tls(struct end *e, enum aead_kind kind)
{
	struct record_keys a = keys_of(1), b = keys_of(2), c = keys_of(1), d = keys_of(2);

	e->tls = (struct tls){.src = &e->src, .state = TLS_OPEN, .most = RECORD_PLAIN};
	record_init(&e->tls.in, kind, &a);
	record_init(&e->tls.out, kind, &b);
	record_init(&e->peer.out, kind, &c);
	record_init(&e->peer.in, kind, &d);
	e->peer.tls = true;
}

static inline int end_start(struct end *e, bool tls, const struct duct_user *u, struct span before)
{
	const int little = 4096;
	int ours = -1;

	tcp_pair(&ours, &e->peer.fd, narrow);
	if (narrow)
		CHECK(setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &little, sizeof little) == 0);
	e->src = (struct source){.cls = &end_class, .fd = ours};
	CHECK_INT(loop_add(loop, &e->src), 0);
	if (tls)
		end_tls(e, kit_kind);
	return sockduct_start(&e->sd, kit_bufs, &e->src, tls ? &e->tls : NULL, u, before);
}

static inline struct end *end_new(bool tls)
{
	struct end *e = calloc(1, sizeof *e);

	CHECK_INT(end_start(e, tls, &end_user, SPAN_NONE), 0);
	return e;
}

/* On a loop of its own, with whatever buffers there may be; end_done() ends all of it. */
static inline struct end *end_begin(bool tls)
{
	duct_set_up();
	return end_new(tls);
}

static inline struct end *end_begin_narrow(bool tls)
{
	struct end *e;

	narrow = true;
	e = end_begin(tls);
	narrow = false;
	return e;
}

static inline void end_over(struct end *e)
{
	sockduct_stop(&e->sd);
	if (e->peer.fd >= 0)
		close(e->peer.fd);
	turns(2);
}

static inline void end_free(struct end *e)
{
	end_over(e);
	free(e);
}

static inline void end_done(struct end *e)
{
	end_free(e);
	duct_tear_down();
}

static inline void two_over(struct couple *c)
{
	struct two *t = CONTAINER_OF(c, struct two, couple);

	t->overs++;
	if (c->why == ZT_E_RESET)
		snprintf(t->why, sizeof t->why, "%s", duct_why(c->side[c->by]));
	for (unsigned i = 0; i < 2 && !t->keep; i++)
		duct_close(c->side[i], c->why);
}

static inline void two_free(struct two *t)
{
	couple_stop(&t->couple);
	end_over(&t->end[NEAR]);
	end_over(&t->end[FAR]);
	free(t);
}

static inline void two_done(struct two *t)
{
	two_free(t);
	duct_tear_down();
}

/* tls: bit 1 for the near side, bit 2 for the far one. */
static inline struct two *two_new_idle(unsigned tls, uint64_t idle_ns)
{
	struct two *t = calloc(1, sizeof *t);

	for (unsigned i = 0; i < 2; i++) {
		t->end[i].two = t;
		t->couple.side[i] = &t->end[i].sd.d;
		CHECK_INT(end_start(&t->end[i], tls & (1u << i), &couple_user, SPAN_NONE), 0);
	}
	t->couple.over = two_over;
	t->couple.loop = loop;
	t->couple.idle_ms = (uint32_t)(idle_ns / NS_PER_MS);
	couple_start(&t->couple);
	return t;
}

static inline struct two *two_new(unsigned tls)
{
	return two_new_idle(tls, 0);
}

/* As end_begin(). */
static inline struct two *two_begin(unsigned tls)
{
	duct_set_up();
	return two_new(tls);
}

/* Everybody goes on until nothing changes any more. */
static inline void end_settle(struct end *e)
{
	for (unsigned i = 0; i < 20; i++) {
		turns(2);
		listen_to(&e->peer, SIZE_MAX);
	}
}

static inline void two_settle(struct two *t)
{
	for (unsigned i = 0; i < 20; i++) {
		turns(2);
		listen_to(&t->end[NEAR].peer, SIZE_MAX);
		listen_to(&t->end[FAR].peer, SIZE_MAX);
	}
}

/* Closing the peer's socket so that ours is reset. */
static inline void peer_resets(struct peer *p)
{
	const struct linger now = {.l_onoff = 1};

	CHECK(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	close(p->fd);
	p->fd = -1;
}

/* A reset too, when it has unread bytes. */
static inline void peer_leaves(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
}

/* n bytes of the pattern that peers expect, from `from`, put. */
static inline size_t put_pattern(struct end *e, uint64_t from, size_t n)
{
	static uint8_t text[BUFS_BYTES];

	n = num_min(n, sizeof text);
	for (size_t i = 0; i < n; i++)
		text[i] = byte_at(from + i);
	return duct_put(&e->sd.d, span_of(text, n));
}

/* The pattern, put and flushed until there is no room: how much that is. */
static inline uint64_t put_to_the_brim(struct end *e)
{
	uint64_t put = 0;

	for (; duct_room(&e->sd.d); duct_flush(&e->sd.d))
		put += put_pattern(e, put, SIZE_MAX);
	return put;
}

/* The pattern, said by the near side until nothing of it is taken any more: how much that is. */
static inline uint64_t say_to_the_brim(struct two *t)
{
	static uint8_t text[65536];
	uint64_t sent = 0, before;

	do {
		before = sent;
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = byte_at(sent + i);
		sent += raw(&t->end[NEAR].peer, text, sizeof text);
		turns(6);
	} while (sent != before && sent < (64u << 20));
	CHECK(sent < (64u << 20));
	CHECK_INT(sockduct_wants(&t->end[NEAR].sd), 0);
	return sent;
}

static uint8_t heard[200000];
static size_t heard_n;

/* A user that takes all there is, and wants no more at the end. */
static inline void take_all(struct end *e, unsigned events)
{
	struct duct *d = &e->sd.d;
	struct span s;

	if (!(events & DUCT_IN))
		return;
	while ((s = duct_peek(d)).n) {
		NEED(heard_n + s.n <= sizeof heard);
		memcpy(&heard[heard_n], s.p, s.n);
		heard_n += s.n;
		duct_take(d, s.n);
	}
	if (duct_ended(d))
		duct_want(d, 0);
}

static inline struct end *listener(bool tls)
{
	struct end *e = end_new(tls);

	heard_n = 0;
	e->on = take_all;
	duct_want(&e->sd.d, DUCT_IN);
	return e;
}

static inline struct end *listener_begin(bool tls)
{
	duct_set_up();
	return listener(tls);
}

static inline bool heard_right(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (heard[i] != byte_at(i))
			return false;
	return heard_n == n;
}

#endif
