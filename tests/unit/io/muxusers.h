/*
 * muxusers: two tunnels joined in memory, and users of their streams who do what a test tells them: take so much an
 * event, put so much in all, count what came.
 */
#ifndef ZT_MUXUSERS_H
#define ZT_MUXUSERS_H

#include "tests/unit/io/muxpair.h"

#include "tests/unit/unit.h"

/* A user that does what a test tells it: takes so much an event, puts so much in all. */
struct user {
	struct stream *s;
	bool takes, echo, close_at_end, closed;
	uint64_t to_put, put, got, events;
	uint32_t sum_in, sum_out;
	uint8_t end;
	uint16_t code;
	uint64_t delivered;
	char text[FRAME_TEXT];
};

static inline uint8_t byte_at(uint64_t at) { return (uint8_t)(at * 7 + at / 251); }

static inline void feed(struct user *u)
{
	static uint8_t mem[FRAME_PAYLOAD];
	struct duct *d = &u->s->d;
	size_t n;

	while (u->put < u->to_put && (n = num_min64(duct_room(d), u->to_put - u->put)) > 0) {
		n = num_min(n, sizeof mem);
		for (size_t i = 0; i < n; i++)
			mem[i] = byte_at(u->put + i);
		u->put += duct_put(d, span_of(mem, n));
	}
	if (u->to_put && u->put == u->to_put)
		duct_finish(d);
	duct_want(d, (u->takes ? DUCT_IN : 0) | (u->put < u->to_put ? DUCT_OUT : 0));
	duct_flush(d);
}

static unsigned wrong_bytes;

static inline void on_event(struct duct *d, unsigned events)
{
	struct user *u = ((struct stream *)(void *)d)->owner;
	struct span s;

	u->events++;
	while (u->takes && (events & DUCT_IN) && (s = duct_peek(d)).n) {
		for (size_t i = 0; i < s.n; i++)
			wrong_bytes += s.p[i] != byte_at(u->got + i);
		u->got += s.n;
		duct_take(d, s.n);
	}
	u->end = d->end;
	if (d->end == DUCT_RESET) {
		u->code = u->s->code;
		u->delivered = u->s->delivered;
		snprintf(u->text, sizeof u->text, "%s", duct_why(d));
		duct_close(d, 0);
		u->closed = true;
		return;
	}
	feed(u);
	if (u->close_at_end && duct_ended(d) && d->finished) {
		duct_close(d, 0);
		u->closed = true;
	}
}
static const struct duct_user user_class = {on_event};

#define USERS 10000
static struct user users[2][USERS]; /* who opened; who took */
static size_t opened, hellos, leavings, controls;
static struct user next_user;      /* a copy for each that is opened */
static bool refuse;
static struct span last_control;
static uint8_t control_mem[70000];
static struct frame_open last_open;

static inline void on_hello(struct mux *m, const struct frame_hello *h)
{
	(void)m;
	hellos += h->streams > 0;
}
static inline void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	struct user *u = &users[1][opened++];

	(void)m;
	last_open = *o;
	if (refuse) {
		stream_refuse(s, RESET_RULE, "no rule 7");
		return;
	}
	*u = next_user;
	u->s = s;
	s->owner = u;
	s->d.user = &user_class;
	feed(u);
}
static inline void on_control(struct mux *m, unsigned kind, struct span message)
{
	(void)m;
	controls += kind;
	memcpy(control_mem, message.p, num_min(message.n, sizeof control_mem));
	last_control = span_of(control_mem, message.n);
}
static inline void on_leaving(struct mux *m, const struct frame_goaway *g)
{
	(void)m;
	leavings += g->reason;
}
static const struct mux_class mux_class = {on_hello, on_opened, on_control, on_leaving, pipe_over};

static inline struct pair *start(void)
{
	struct pair *p = pair_new();

	opened = hellos = leavings = controls = wrong_bytes = 0;
	refuse = false;
	memset(users, 0, sizeof users);
	next_user = (struct user){.takes = true, .close_at_end = true};
	return p;
}

static inline struct pair *both_of(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(p, i, &mux_class);

		pair_start(p, i, &o);
	}
	pair_turns(p, 10);
	return p;
}
static inline struct pair *both(void) { return both_of(start()); }

/* What either holds, the other's need takes. */
static inline struct pair *both_kin(void)
{
	struct pair *p = start();

	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(p, i, &mux_class);

		o.kin = &p->kin;
		pair_start(p, i, &o);
	}
	pair_turns(p, 10);
	return p;
}

static inline struct user *opens(struct pair *p, unsigned side, size_t i, uint64_t to_put, int *rc)
{
	static const struct frame_open o = {.kind = FRAME_KIND_HTTP, .rule = 7, .epoch = 3, .name = "app.example"};
	struct user *u = &users[0][i];

	u->takes = u->close_at_end = true;
	u->to_put = to_put;
	u->s = stream_open(p->end[side].mux, &o, &user_class, u, rc);
	if (u->s)
		feed(u);
	return u;
}

#endif
