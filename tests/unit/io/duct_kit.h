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
	t->couple.idle_ns = idle_ns;
	couple_start(&t->couple);
	return t;
}

static inline struct two *two_new(unsigned tls)
{
	return two_new_idle(tls, 0);
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

/* n bytes of the pattern that peers expect, from `from`, put. */
static inline size_t put_pattern(struct end *e, uint64_t from, size_t n)
{
	static uint8_t text[BUFS_BYTES];

	n = num_min(n, sizeof text);
	for (size_t i = 0; i < n; i++)
		text[i] = byte_at(from + i);
	return duct_put(&e->sd.d, span_of(text, n));
}

#endif
