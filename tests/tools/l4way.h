/*
 * l4way: one direction of one connection of l4relay, from a byte that can be read to the same byte written, later, damaged,
 * or never. Owns what is held meanwhile. Its only user is l4relay.c.
 */
#ifndef ZT_TESTS_L4WAY_H
#define ZT_TESTS_L4WAY_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/span.h"
#include "base/timers.h"
#include "faultkit.h"
#include "io/net.h"
#include "wire/addr.h"

enum { UP, DOWN };

#define BIG 65536
#define SMALL 2048 /* what a chunk takes that holds no more */
#define HOLD (64u << 20)
#define BUDGET 8   /* chunks of one way in one turn */
#define LATE (20 * NS_PER_MS) /* a link that was woken late catches up so much */

enum kind { DATA, FIN, RST };

struct chunk {
	struct chunk *next;
	uint64_t due;
	uint32_t at, n;
	enum kind kind;
	uint8_t data[];
};

struct conn;
struct way { /* one direction of one connection: reads fd[dir], writes fd[!dir] */
	struct conn *conn;
	bool dir, can_read, can_write, broken;
	bool ended; /* its source has */
	bool done;  /* and the other side was told */
	bool lost;
	bool listed, waiting;
	struct chunk *head, **tail;
	size_t held;
	uint64_t passed;
	struct timer due;
	struct way *next_run, *next_wait;
};

struct end {
	struct conn *conn;
	bool side;
};

struct conn {
	unsigned id;
	int fd[2];
	struct end end[2];
	struct way way[2];
	bool closed;
	struct conn *prev, *next, *next_reaped;
};

struct link { /* one direction of all connections */
	uint64_t delay, cost_ns, free_at; /* cost_ns: of one piece */
	size_t piece;                     /* 0: no limit */
	uint64_t every, until, flips_left;
	bool stalled, lost;
	uint64_t bytes, flips, lost_bytes;
	struct way *first, **last; /* who waits for its turn */
	struct timer turn;
};

enum fresh { PASS, REFUSE, KEEP_WAITING, SILENT };

static struct {
	int epoll, timer, listener, fifo, buffer;
	bool verbose;
	struct addr listen, target;
	struct link link[2];
	struct timers timers;
	uint64_t now, armed, rng;
	struct way *run, **run_tail;
	struct conn *first, *last, *reaped;
	unsigned conns, made;
	enum fresh fresh;
	struct chunk *spare; /* a big one */
} all;

static void list(struct way *w)
{
	if (w->listed || w->conn->closed)
		return;
	w->listed = true;
	w->next_run = NULL;
	*all.run_tail = w;
	all.run_tail = &w->next_run;
}

static void list_all(void)
{
	for (struct conn *c = all.first; c; c = c->next) {
		list(&c->way[UP]);
		list(&c->way[DOWN]);
	}
}

static void drop_held(struct way *w)
{
	while (w->head) {
		struct chunk *k = w->head;

		w->head = k->next;
		free(k);
	}
	w->tail = &w->head;
	w->held = 0;
	timers_stop(&all.timers, &w->due);
}

static void unwait(struct way *w)
{
	struct link *l = &all.link[w->dir];
	struct way **at = &l->first;

	if (!w->waiting)
		return;
	while (*at != w)
		at = &(*at)->next_wait;
	*at = w->next_wait;
	if (*at == NULL)
		l->last = at;
	w->waiting = false;
}

static void conn_end(struct conn *c, bool reset, const char *why)
{
	struct linger now = {.l_onoff = 1};

	if (c->closed)
		return;
	c->closed = true;
	for (int i = 0; i < 2; i++) {
		drop_held(&c->way[i]);
		unwait(&c->way[i]);
		if (c->fd[i] < 0)
			continue;
		if (reset)
			setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(c->fd[i]);
	}
	if (all.verbose)
		printf("end %u: %s, %llu up, %llu down\n", c->id, why, (unsigned long long)c->way[UP].passed,
		       (unsigned long long)c->way[DOWN].passed);
	*(c->prev ? &c->prev->next : &all.first) = c->next;
	*(c->next ? &c->next->prev : &all.last) = c->prev;
	all.conns--;
	c->next_reaped = all.reaped;
	all.reaped = c;
}

/* ---- one direction ---------------------------------------------------------------------------- */

static void damage(struct link *l, uint8_t *p, size_t n)
{
	size_t at = 0;

	for (; l->flips_left && at < n; at++, l->flips_left--, l->flips++)
		p[at] ^= (uint8_t)(1u << (fault_random(&all.rng) & 7));
	for (at = 0; l->every && n - at >= l->until; l->flips++) {
		at += l->until;
		p[at - 1] ^= (uint8_t)(1u << (fault_random(&all.rng) & 7));
		l->until = 1 + fault_random(&all.rng) % (2 * l->every - 1); /* EVERY on the average */
	}
	if (l->every)
		l->until -= n - at;
}

static void append(struct way *w, struct chunk *k, enum kind kind)
{
	k->next = NULL;
	k->kind = kind;
	k->due = all.now + all.link[w->dir].delay;
	*w->tail = k;
	w->tail = &k->next;
	w->held += k->n;
}

static void source_ended(struct way *w, enum kind how)
{
	struct way *other = &w->conn->way[!w->dir];

	w->ended = true;
	if (w->lost) {
		if (other->ended || other->done)
			conn_end(w->conn, false, "lost");
		return;
	}
	struct chunk *k = fault_alloc(sizeof *k);

	k->at = k->n = 0;
	append(w, k, how);
}

/* May it read now? If not because of the link's rate, it waits for its turn. */
static bool may_read(struct way *w)
{
	struct link *l = &all.link[w->dir];

	if (!w->can_read || w->ended || l->stalled || w->held >= HOLD)
		return false;
	if (l->piece == 0 || l->free_at <= all.now)
		return true;
	if (!w->waiting) {
		w->waiting = true;
		w->next_wait = NULL;
		*l->last = w;
		l->last = &w->next_wait;
	}
	if (!l->turn.pos)
		fault_timer(&all.timers, &l->turn, l->free_at);
	return false;
}

static void spend(struct link *l, size_t n)
{
	if (l->piece == 0)
		return;
	if (l->free_at + LATE < all.now)
		l->free_at = all.now - LATE;
	l->free_at += l->cost_ns * n / l->piece;
}

static void take(struct way *w)
{
	struct link *l = &all.link[w->dir];
	size_t most = l->piece && l->piece < BIG ? l->piece : BIG;
	struct chunk *k = all.spare ? all.spare : fault_alloc(sizeof *k + BIG);
	ssize_t n = read(w->conn->fd[w->dir], k->data, most);

	all.spare = k;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->can_read = errno == EINTR;
		return;
	}
	if (n <= 0) {
		source_ended(w, n == 0 && !w->broken ? FIN : RST);
		return;
	}
	spend(l, (size_t)n);
	if (w->lost) {
		l->lost_bytes += (size_t)n;
		return;
	}
	damage(l, k->data, (size_t)n);
	if (n <= SMALL) {
		k = fault_alloc(sizeof *k + (size_t)n);
		memcpy(k->data, all.spare->data, (size_t)n);
	} else {
		all.spare = NULL;
	}
	k->at = 0;
	k->n = (uint32_t)n;
	append(w, k, DATA);
}

static void tell_end(struct way *w, enum kind how)
{
	struct conn *c = w->conn;

	w->done = true;
	if (how == RST)
		conn_end(c, true, "reset");
	else if (c->way[!w->dir].done)
		conn_end(c, false, "both ended");
	else
		shutdown(c->fd[!w->dir], SHUT_WR);
}

static bool give(struct way *w) /* false: not now */
{
	struct chunk *k = w->head;

	if (k == NULL || all.link[w->dir].stalled)
		return false;
	if (k->due > all.now) {
		if (!w->due.pos)
			fault_timer(&all.timers, &w->due, k->due);
		return false;
	}
	if (k->kind != DATA) {
		tell_end(w, k->kind);
		if (!w->conn->closed)
			drop_held(w);
		return false;
	}
	if (!w->can_write)
		return false;
	ssize_t n = write(w->conn->fd[!w->dir], k->data + k->at, k->n);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->can_write = errno == EINTR;
		return false;
	}
	if (n < 0) { /* who is written to has gone: its own direction says so to the other side */
		w->lost = w->conn->way[!w->dir].broken = true;
		drop_held(w);
		list(&w->conn->way[!w->dir]);
		return false;
	}
	w->passed += (size_t)n;
	all.link[w->dir].bytes += (size_t)n;
	w->held -= (size_t)n;
	k->at += (uint32_t)n;
	k->n -= (uint32_t)n;
	if (k->n == 0) {
		w->head = k->next;
		if (w->head == NULL)
			w->tail = &w->head;
		if (all.spare == NULL && k->at > SMALL)
			all.spare = k;
		else
			free(k);
	}
	return true;
}

static void move(struct way *w)
{
	for (int i = 0; i < BUDGET; i++) {
		bool moved = false;

		if (may_read(w)) {
			take(w);
			moved = true;
		}
		if (!w->conn->closed)
			moved |= give(w);
		if (!moved || w->conn->closed)
			return;
	}
	list(w);
}

static void fire_due(struct timer *t, uint64_t now)
{
	(void)now;
	list(CONTAINER_OF(t, struct way, due));
}

static void fire_turn(struct timer *t, uint64_t now)
{
	struct link *l = CONTAINER_OF(t, struct link, turn);
	struct way *w = l->first;

	(void)now;
	if (w == NULL)
		return;
	unwait(w);
	list(w);
	if (l->first)
		fault_timer(&all.timers, t, l->free_at + 1);
}

#endif
