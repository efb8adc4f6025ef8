/*
 * store_journal: applies calls to memory and stages their records, commits, then answers; if
 * the commit fails it takes the changes back in reverse order, so memory is always what the
 * disk has acknowledged. It owns the journal; what is in memory is stock.c's.
 */
#include "store_journal.h"

#include <stdlib.h>

#include "base/num.h"
#include "io/stock.h"

enum { SWEEP = 16 }; /* entries looked at per change: dead ones go faster than new ones come */

struct sj {
	struct store store;
	struct journal *journal;
	struct stock stock;
	uint64_t snap_after; /* no snapshot before the file is this long: the last one failed */
	struct store_op work, run; /* rings: not yet looked at; applied but not committed */
	struct store_health health;
	struct why why;      /* of the last failure that was not "dead already" */
	const char *shown;
	struct why *loading; /* only while opening */
};

static struct sj *sj_of(struct store *s)
{
	return CONTAINER_OF(s, struct sj, store);
}

static struct span le64(struct stock_num *n, uint64_t v)
{
	struct wr w = wr_of(n->mem, sizeof n->mem);

	wr_le64(&w, v);
	return wr_span(&w);
}

/* ---- changes ------------------------------------------------------------------------------- */

struct change {
	struct span key, value;
	int64_t expires;
};

/* Stage the record, then change memory: the second step cannot fail. */
static int set_entry(struct sj *sj, struct store_op *op, const struct change *c)
{
	struct stock_key k;
	struct srec_fields f;
	struct sentry *old, *e;
	int err;

	stock_sweep(&sj->stock, SWEEP);
	old = smap_find(&sj->stock.map, stock_key(&k, op->space, c->key));
	e = sentry_new(&sj->stock.map, (uint8_t)op->space, c->key, c->value, c->expires);
	if (e == NULL)
		return -ZT_E_NOMEM;
	stock_record(e, &f);
	err = journal_dead(sj->journal) ? -ZT_E_DEAD : stock_exchange(&sj->stock, old, e) ? 0 : -ZT_E_FULL;
	if (err) {
		sentry_free(e);
		return err;
	}
	err = journal_stage(sj->journal, SREC_SET, SREC_VERSION, f.t, f.n);
	if (err) {
		if (old)
			(void)stock_exchange(&sj->stock, e, old);
		else
			stock_discharge(&sj->stock, e);
		sentry_free(e);
		return err;
	}
	op->undo = smap_swap(&sj->stock.map, k.s, e);
	op->changed = true;
	return 0;
}

static int do_append(struct sj *sj, struct store_op *op)
{
	struct stock_num id;
	struct change c = {stock_be64(&id, sj->stock.last_event + 1), op->value, op->expires};
	int err = set_entry(sj, op, &c);

	if (!err)
		op->number = ++sj->stock.last_event;
	return err;
}

static int do_count(struct sj *sj, struct store_op *op)
{
	struct stock_key k;
	struct sentry *old = stock_living(&sj->stock, stock_key(&k, STORE_COUNTER, op->key));
	struct stock_num sum;
	struct change c = {op->key, SPAN_NONE, old ? old->expires : op->expires};
	uint64_t value = num_add64_sat(old ? stock_counter(old) : 0, op->number);
	int err;

	c.value = le64(&sum, value);
	err = set_entry(sj, op, &c);
	if (!err)
		op->number = value;
	return err;
}

static int do_once(struct sj *sj, struct store_op *op)
{
	struct stock_key k;
	struct change c = {op->key, SPAN_NONE, op->expires};

	op->number = stock_living(&sj->stock, stock_key(&k, STORE_ONCE, op->key)) == NULL;
	return op->number ? set_entry(sj, op, &c) : 0;
}

static int do_put(struct sj *sj, struct store_op *op)
{
	struct change c = {op->key, op->value, op->expires};

	return set_entry(sj, op, &c);
}

static int do_drop(struct sj *sj, struct store_op *op)
{
	struct stock_key k;
	struct sentry *old = stock_living(&sj->stock, stock_key(&k, op->space, op->key));
	struct srec r = {.type = SREC_DROP, .space = op->space, .key = op->key};
	struct srec_fields f;
	int err;

	op->number = old != NULL;
	if (old == NULL)
		return 0;
	srec_encode(&r, &f);
	err = journal_stage(sj->journal, SREC_DROP, SREC_VERSION, f.t, f.n);
	if (err)
		return err;
	op->undo = smap_swap(&sj->stock.map, k.s, NULL);
	op->changed = true;
	stock_discharge(&sj->stock, old);
	return 0;
}

/* Put back what was there before op. Called in reverse order, so what was paid then fits now. */
static void take_back(struct sj *sj, struct store_op *op)
{
	struct stock_key k;
	struct stock_num id;
	struct sentry *old = op->undo, *e;
	bool event = op->space == STORE_EVENT;

	if (!op->changed)
		return;
	e = smap_swap(&sj->stock.map, stock_key(&k, op->space, event ? stock_be64(&id, op->number) : op->key), old);
	if (e)
		stock_discharge(&sj->stock, e);
	sentry_free(e);
	if (old) {
		bool back = stock_charge(&sj->stock, old);

		ZT_ASSERT(back);
	}
	if (event)
		sj->stock.last_event = op->number - 1;
	op->undo = NULL;
}

static void remember(struct sj *sj, const struct why *w)
{
	if (w->err != ZT_E_DEAD)
		sj->why = *w;
}

/* Make all of run durable or all of it undone, then answer in order. */
static void settle(struct sj *sj)
{
	uint64_t before = journal_last_seq(sj->journal);
	struct why w = {0};
	struct store_op *op;
	int err;

	if (store_ring_empty(&sj->run))
		return;
	err = journal_commit(sj->journal, &w);
	if (err) {
		remember(sj, &w);
		for (op = sj->run.prev; op != &sj->run; op = op->prev) {
			take_back(sj, op);
			op->err = op->err ? op->err : err;
		}
	}
	for (op = sj->run.next; op != &sj->run; op = op->next) {
		sentry_free(op->undo);
		op->undo = NULL;
	}
	sj->health.commits += journal_last_seq(sj->journal) != before;
	while ((op = store_ring_first(&sj->run)) != NULL) {
		struct store_answer a = {.err = op->err, .number = op->err ? 0 : op->number};

		store_reply(&sj->store, op, &a);
	}
}

static void ask_health(struct sj *sj, struct store_answer *a)
{
	sj->health.keys = sj->stock.map.n;
	sj->health.bytes = sj->store.bounds->row[BOUND_STORE_BYTES].used;
	sj->health.disk = journal_bytes(sj->journal);
	sj->health.dead = journal_dead(sj->journal);
	sj->health.why = sj->why.text;
	a->health = &sj->health;
}

/* ---- the poll ------------------------------------------------------------------------------ */

/* One of the two per call; HEALTH has neither. */
static const struct {
	int (*change)(struct sj *sj, struct store_op *op);
	void (*ask)(struct stock *k, struct store_op *op, struct store_answer *a);
} calls[STORE_CALLS] = {
	[STORE_CALL_APPEND] = {.change = do_append}, [STORE_CALL_READ] = {.ask = stock_read},
	[STORE_CALL_COUNT] = {.change = do_count},   [STORE_CALL_ONCE] = {.change = do_once},
	[STORE_CALL_PUT] = {.change = do_put},       [STORE_CALL_DROP] = {.change = do_drop},
	[STORE_CALL_GET] = {.ask = stock_get},       [STORE_CALL_SCAN] = {.ask = stock_scan},
	[STORE_CALL_HEALTH] = {.change = NULL},
};

static void answer(struct sj *sj, struct store_op *op)
{
	struct store_answer a = {0};

	if (calls[op->call].ask)
		calls[op->call].ask(&sj->stock, op, &a);
	else
		ask_health(sj, &a);
	store_reply(&sj->store, op, &a);
}

static int snapshot_fill(struct journal *j, void *ctx, struct why *w)
{
	struct sj *sj = ctx;
	struct srec last = {.type = SREC_LAST_EVENT, .id = sj->stock.last_event};
	struct srec_fields f;
	int err;

	srec_encode(&last, &f);
	err = journal_snapshot_add(j, SREC_LAST_EVENT, SREC_VERSION, f.t, f.n, w);
	for (struct sentry *e = smap_first(&sj->stock.map); e && !err; e = smap_next(e)) {
		if (sentry_expired(e, sj->stock.now))
			continue;
		stock_record(e, &f);
		err = journal_snapshot_add(j, SREC_SET, SREC_VERSION, f.t, f.n, w);
	}
	return err;
}

static void snapshot_if_due(struct sj *sj)
{
	struct why w = {0};
	uint64_t bytes = journal_bytes(sj->journal);

	if (bytes <= STORE_SNAP_MIN || bytes / STORE_SNAP_RATIO <= sj->stock.live || bytes < sj->snap_after ||
	    journal_dead(sj->journal))
		return;
	if (journal_snapshot(sj->journal, snapshot_fill, sj, &w) == 0) {
		sj->health.snapshots++;
		sj->snap_after = 0;
		return;
	}
	remember(sj, &w);
	/* A full disk, most likely: not again until the file has grown by as much once more. */
	sj->health.snapshots_failed++;
	sj->snap_after = bytes + STORE_SNAP_MIN;
}

static void sj_poll(struct store *s)
{
	struct sj *sj = sj_of(s);
	struct store_op *op;

	sj->stock.now = clock_wall(s->clock);
	while ((op = store_ring_first(&s->queue)) != NULL) {
		store_ring_remove(op);
		store_ring_add(&sj->work, op);
	}
	while ((op = store_ring_first(&sj->work)) != NULL) {
		/* settle() calls back, and op may be cancelled there: look at the ring again. */
		if (!store_ring_empty(&sj->run) &&
		    (calls[op->call].change == NULL || journal_room(sj->journal) < JREC_MAX)) {
			settle(sj);
			continue;
		}
		if (calls[op->call].change == NULL) {
			answer(sj, op);
			continue;
		}
		op->err = calls[op->call].change(sj, op);
		store_ring_remove(op);
		store_ring_add(&sj->run, op);
	}
	settle(sj);
	snapshot_if_due(sj);
}

static void sj_free(struct store *s)
{
	struct sj *sj = sj_of(s);

	for (struct sentry *e = smap_first(&sj->stock.map); e; e = smap_next(e))
		stock_discharge(&sj->stock, e);
	smap_free(&sj->stock.map);
	journal_close(sj->journal);
	free(sj);
}

/* ---- replay -------------------------------------------------------------------------------- */

static int replay(void *ctx, const struct jrec *jr, uint64_t offset)
{
	struct sj *sj = ctx;
	struct stock_key k;
	struct sentry *e;
	struct srec r;
	int err = srec_decode(jr, &r);

	(void)offset;
	if (err)
		return err;
	if (r.type == SREC_SET) {
		err = stock_replay(&sj->stock, &r);
		return err != -ZT_E_FULL ? err : why_set(sj->loading, ZT_E_FULL, "%.200s: holds more than the bounds store_keys "
							 "and store_bytes allow: raise them", sj->shown);
	}
	if (r.type == SREC_LAST_EVENT) {
		sj->stock.last_event = r.id > sj->stock.last_event ? r.id : sj->stock.last_event;
		return 0;
	}
	e = smap_find(&sj->stock.map, stock_key(&k, r.space, r.key));
	if (e)
		stock_remove(&sj->stock, e);
	return 0;
}

static const struct store_class journal_class = {"journal", sj_poll, sj_free};

int store_journal_open(struct store **out, const struct store_journal_opts *o, struct journal_report *report,
		       struct why *w)
{
	struct sj *sj = calloc(1, sizeof *sj);
	struct journal_opts jo = {.create = o->create, .bounds = o->bounds, .each = replay, .ctx = sj};
	int err;

	if (sj == NULL)
		return why_set(w, ZT_E_NOMEM, "%.200s: no memory to open it", o->at.name);
	store_init(&sj->store, &journal_class, o->clock, o->bounds);
	sj->store.wake = o->wake;
	sj->store.wake_ctx = o->wake_ctx;
	sj->shown = o->at.shown ? o->at.shown : o->at.name;
	sj->loading = w;
	store_ring_init(&sj->work);
	store_ring_init(&sj->run);
	sj->stock.bounds = o->bounds;
	smap_init(&sj->stock.map);
	sj->stock.now = clock_wall(o->clock);
	err = journal_open(&sj->journal, &o->at, &jo, report, w);
	if (err) {
		sj_free(&sj->store);
		return err;
	}
	sj->loading = NULL;
	*out = &sj->store;
	return 0;
}
