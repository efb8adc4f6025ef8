/*
 * tlsworld: what the TLS connections of one process share: the slots of running handshakes and
 * their memory, budgets, counters, the plan. Owns no socket and starts nothing by itself. One
 * allocation for the process; everything that there can be many of comes from pools.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "tls_int.h"

/* ---- queues ------------------------------------------------------------------------------ */

void queue_push(struct shake_queue *q, struct tls_shake *sh)
{
	ZT_ASSERT(sh->queue == NULL);
	sh->queue = q;
	sh->next = NULL;
	*q->end = sh;
	q->end = &sh->next;
}

void queue_unshift(struct shake_queue *q, struct tls_shake *sh)
{
	ZT_ASSERT(sh->queue == NULL);
	sh->queue = q;
	sh->next = q->first;
	q->first = sh;
	if (sh->next == NULL)
		q->end = &sh->next;
}

void queue_leave(struct tls_shake *sh)
{
	struct shake_queue *q = sh->queue;
	struct tls_shake **at;

	if (q == NULL)
		return;
	for (at = &q->first; *at != sh; at = &(*at)->next)
		;
	*at = sh->next;
	if (q->end == &sh->next)
		q->end = at;
	sh->queue = NULL;
	sh->next = NULL;
}

struct tls_shake *queue_pop(struct shake_queue *q)
{
	struct tls_shake *sh = q->first;

	if (sh)
		queue_leave(sh);
	return sh;
}

/* ---- handshakes -------------------------------------------------------------------------- */

struct tls_shake *shake_new(struct tls_world *w, struct tls *t)
{
	struct tls_shake *sh = pool_get(&w->shakes);
	uint16_t slot;

	if (sh && w->nfree == 0) { /* a cap above the number of slots */
		pool_put(&w->shakes, sh);
		sh = NULL;
	}
	if (sh == NULL)
		return NULL;
	slot = w->free[--w->nfree];
	w->slot[slot] = sh;
	sh->id = TLSMSG_ID(slot, w->generation[slot]);
	sh->t = t;
	sh->world = w;
	sh->in = sh->small;
	sh->in_cap = sizeof sh->small;
	t->shake = sh;
	return sh;
}

static bool keeps_us_waiting(const struct tls_shake *sh, uint64_t now)
{
	return sh->t && !sh->hurried && sh->owed && now - sh->owed >= SHAKE_PATIENCE &&
	       (shake_reads(sh) || buf_len(&sh->out));
}

/* With the last quarter of the slots, so that who comes finds one: it is free a turn later. Else a
 * few addresses that say nothing would have them all, for the length of the deadline. */
void shakes_hurry(struct tls_world *w)
{
	uint64_t now = loop_now(w->loop), cap = w->shakes.bounds->row[BOUND_TLS_SHAKES].cap;
	struct tls_shake *worst = NULL;

	if (w->shakes.bounds->row[BOUND_TLS_SHAKES].used < cap - cap / 4)
		return;
	for (size_t i = 0; i < SHAKES; i++) {
		struct tls_shake *sh = w->slot[i];

		if (sh && keeps_us_waiting(sh, now) && (worst == NULL || sh->owed < worst->owed))
			worst = sh;
	}
	if (worst && loop_timer(w->loop, &worst->deadline, 0))
		worst->hurried = true;
}

bool shake_large(struct tls_shake *sh, struct buf *b)
{
	void *mem = pool_get(&sh->world->flights);

	if (mem)
		buf_attach(b, mem, SHAKE_LARGE);
	return mem != NULL;
}

void shake_small(struct tls_shake *sh, struct buf *b)
{
	void *mem = buf_drop(b);

	if (mem)
		pool_put(&sh->world->flights, mem);
}

void shake_delete(struct tls_shake *sh)
{
	struct tls_world *w = sh->world;
	uint16_t slot = (uint16_t)TLSMSG_SLOT(sh->id);

	queue_leave(sh);
	loop_timer_stop(w->loop, &sh->deadline);
	shake_small(sh, &sh->out);
	shake_small(sh, &sh->done);
	if (sh->in != sh->small)
		pool_put(&w->flights, sh->in);
	cas_drop(sh->cas);
	if (sh->line)
		line_leave(sh);
	if (sh->t)
		sh->t->shake = NULL;
	w->slot[slot] = NULL;
	w->generation[slot]++; /* what is still said to the old id is for nobody */
	w->free[w->nfree++] = slot;
	pool_put(&w->shakes, sh);
}

/* ---- the world --------------------------------------------------------------------------- */

int tls_world_new(struct tls_world **out, const struct tls_world_opts *o)
{
	struct tls_world *w = calloc(1, sizeof *w);
	uint8_t secret[16];

	if (w == NULL)
		return -ZT_E_NOMEM;
	w->loop = o->loop;
	w->log = o->log;
	w->floor = o->floor;
	w->shake_ns = o->shake_ms * NS_PER_MS;
	w->waiting.end = &w->waiting.first;
	pool_init(&w->shakes, o->bounds, BOUND_TLS_SHAKES, sizeof(struct tls_shake));
	pool_init(&w->flights, o->bounds, BOUND_TLS_FLIGHTS, SHAKE_LARGE);
	pool_init(&w->peers, o->bounds, BOUND_TLS_OPEN, sizeof(struct tls_peer));
	while (w->nfree < SHAKES) {
		w->free[w->nfree] = (uint16_t)(SHAKES - 1 - w->nfree);
		w->nfree++;
	}
	random_bytes(secret, sizeof secret);
	budget_init(&w->budget, o->rate, o->burst, secret);
	wipe(secret, sizeof secret);
	*out = w;
	return 0;
}

void tls_world_free(struct tls_world *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < SHAKES; i++)
		if (w->slot[i]) {
			ZT_ASSERT(w->slot[i]->t == NULL); /* only a CANCEL may be left */
			shake_delete(w->slot[i]);
		}
	line_close_all(w);
	pool_free(&w->shakes);
	pool_free(&w->flights);
	pool_free(&w->peers);
	wipe(w, sizeof *w);
	free(w);
}

void tls_world_limits(struct tls_world *w, uint32_t shake_ms, uint32_t rate, uint32_t burst)
{
	w->shake_ns = shake_ms * NS_PER_MS;
	budget_set(&w->budget, rate, burst);
}

void tls_world_plan(struct tls_world *w, const struct tls_plan *plan, uint32_t epoch)
{
	w->plan = plan;
	w->epoch = epoch;
	line_tidy(w);
	line_touch(w);
}

struct tls_stats tls_world_stats(const struct tls_world *w)
{
	struct tls_stats s = w->stats;

	for (size_t i = 0; i < SHAKES; i++) {
		const struct tls_shake *sh = w->slot[i];

		s.waiting += sh && sh->stage == SHAKE_WAITING;
		s.running += sh && sh->line != NULL && sh->t != NULL;
	}
	return s;
}
