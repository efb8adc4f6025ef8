/*
 * muxpair: multiplexers without TLS: a carrier in memory whose records are {u16 length, bytes}, between two of them,
 * or between one and a test that plays the peer byte by byte. Time is a fake clock.
 */
#ifndef ZT_MUXPAIR_H
#define ZT_MUXPAIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/num.h"
#include "io/mux_int.h"

#define PIPE_MOST 262144
struct pipe_end {
	struct source src;
	struct mux *mux;
	struct pipe_end *peer;
	size_t n, cap;          /* bytes for this end to read, and how many the other may leave there */
	bool closed, cut;       /* the other said bye; the connection went */
	bool over;
	enum mux_over why;
	char words[200];
	uint8_t bytes[PIPE_MOST];
};

static inline struct pipe_end *end_of(const struct mux *m) { return m->c.ctx; }

static ssize_t pipe_read(struct mux *m)
{
	struct pipe_end *e = end_of(m);
	size_t used = 0;

	m->in.first = m->in.pieces = 0;
	m->in.have = 0;
	while (e->n - used >= 2 && m->in.pieces < TLS_PIECES) {
		size_t n = e->bytes[used] + 256u * e->bytes[used + 1];

		if (e->n - used < 2 + n || m->in.cap - m->in.have < n)
			break;
		memcpy(&m->in.mem[m->in.have], &e->bytes[used + 2], n);
		if (n)
			m->in.piece[m->in.pieces++] = span_of(&m->in.mem[m->in.have], n);
		m->in.have += n;
		used += 2 + n;
	}
	memmove(e->bytes, &e->bytes[used], e->n - used);
	e->n -= used;
	if (m->in.have)
		return (ssize_t)m->in.have;
	return e->cut || (e->closed && e->n == 0) ? 0 : -ZT_E_AGAIN;
}

static int pipe_seal(struct mux *m, uint8_t *mem, size_t n)
{
	(void)m;
	mem[0] = (uint8_t)n;
	mem[1] = (uint8_t)(n >> 8);
	return (int)(2 + n);
}

static ssize_t pipe_send(struct mux *m)
{
	struct pipe_end *to = end_of(m)->peer;
	size_t n = num_min(m->out.tail - m->out.head, to->cap - to->n);

	if (end_of(m)->cut)
		return -ZT_E_RESET;
	if (m->out.head == m->out.tail)
		return 0;
	if (n == 0)
		return -ZT_E_AGAIN;
	memcpy(&to->bytes[to->n], &m->out.mem[m->out.head], n);
	to->n += n;
	m->out.head += n;
	if (m->out.head == m->out.tail)
		m->out.head = m->out.tail = 0;
	return (ssize_t)n;
}

static void pipe_bye(struct mux *m)
{
	if (end_of(m)->peer->cap)
		end_of(m)->peer->closed = true;
}

static const char *pipe_ended(const struct mux *m, bool *clean)
{
	*clean = !end_of(m)->cut;
	return end_of(m)->cut ? "cut" : "closed";
}

static const struct mux_carrier pipe_carrier = {pipe_read, pipe_seal, pipe_send, pipe_bye, pipe_ended, NULL, NULL};

static unsigned pipe_wants(const struct source *s)
{
	(void)s;
	return 0;
}
static void pipe_ready(struct source *s, unsigned events)
{
	struct pipe_end *e = CONTAINER_OF(s, struct pipe_end, src);

	if (e->mux)
		mux_ready(e->mux, events);
}
static const struct source_class pipe_class = {"pipe", pipe_wants, pipe_ready, NULL};

static inline void pipe_over(struct mux *m, enum mux_over why, const char *words)
{
	struct pipe_end *e = end_of(m);

	e->over = true;
	e->why = why;
	snprintf(e->words, sizeof e->words, "%s", words);
	e->mux = NULL;
	mux_free(m);
}

struct pair {
	struct clock_fake clock;
	struct loop *loop;
	struct bounds bounds;
	bool paced;
	struct mux *kin;        /* for tests that say so: both ends are of one process */
	struct pipe_end end[2]; /* the edge, the connector */
};

static inline struct mux_opts pair_opts(struct pair *p, unsigned i, const struct mux_class *cls)
{
	return (struct mux_opts){
		.cls = cls, .loop = p->loop, .bounds = &p->bounds, .src = &p->end[i].src, .opens_even = i == 0,
		.hello = {1, 1, (uint8_t)(1 + i), 0, 1, "instance", 0, 4096, 67108864, 65536, "test"},
		.ping_after_ns = 3000000000u, .dead_after_ns = 9000000000u, .window_most = WINDOW_MOST, .owner = p,
	};
}

static inline struct pair *pair_new(void)
{
	struct pair *p = calloc(1, sizeof *p);

	clock_fake_init(&p->clock, 1000000000, 0);
	bounds_init(&p->bounds);
	if (loop_open(&p->loop, LOOP_BEST, &p->clock.clock) < 0)
		abort();
	for (unsigned i = 0; i < 2; i++) {
		p->end[i].peer = &p->end[!i];
		p->end[i].cap = PIPE_MOST;
		p->end[i].src.cls = &pipe_class;
		p->end[i].src.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (loop_add(p->loop, &p->end[i].src) < 0)
			abort();
	}
	return p;
}

static unsigned paces; /* how often a carrier was told one */
static void pipe_paced(struct mux *m)
{
	(void)m;
	paces++;
}
/* As over a socket: a batch is no more than the path takes in a moment. */
static const struct mux_carrier pipe_pacing = {.read = pipe_read, .seal = pipe_seal, .send = pipe_send,
	.bye = pipe_bye, .end = pipe_ended, .pace = pipe_paced};

static inline void pair_start(struct pair *p, unsigned i, const struct mux_opts *o)
{
	const struct mux_carried c = {p->paced ? &pipe_pacing : &pipe_carrier, &p->end[i], 2, 16384};

	if (mux_new_over(&p->end[i].mux, o, &c) < 0)
		abort();
}

/* Until nothing moves; at most so many turns. */
static inline unsigned pair_turns(struct pair *p, unsigned most)
{
	unsigned turns = 0;
	size_t before;

	do {
		before = p->end[0].n + p->end[1].n;
		loop_turn(p->loop, 0);
		for (unsigned i = 0; i < 2; i++)
			if (p->end[i].mux && (p->end[i].n || p->end[i].closed || p->end[i].cut || p->end[i].mux->blocked))
				mux_ready(p->end[i].mux, LOOP_IN | LOOP_OUT);
	} while (++turns < most && (turns < 3 || before || p->end[0].n + p->end[1].n));
	return turns;
}

static inline void pair_free(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		mux_free(p->end[i].mux);
		p->end[i].mux = NULL;
		loop_close(&p->end[i].src);
	}
	loop_turn(p->loop, 0);
	loop_free(p->loop);
	free(p);
}

#endif
