/*
 * store_journal: applies calls to memory and stages their records, commits, then answers; if
 * the commit fails it takes the changes back in reverse order, so memory is always what the
 * disk has acknowledged. It owns the journal and the map; entries are malloc()ed by smap.c
 * under BOUND_STORE_KEYS and BOUND_STORE_BYTES.
 */
#include "store_journal.h"

#include <stdlib.h>

#include "base/num.h"
#include "io/smap.h"

enum { SWEEP = 16 }; /* entries looked at per change: dead ones go faster than new ones come */

struct sj {
	struct store store;
	struct journal *journal;
	struct smap map;
	uint64_t last_event;
	uint64_t live;       /* bytes that a snapshot's records would have */
	uint64_t snap_after; /* no snapshot before the file is this long: the last one failed */
	int64_t now;         /* wall time of this poll */
	struct store_op work, run; /* rings: not yet looked at; applied but not committed */
	struct store_health health;
	struct why why;      /* of the last failure that was not "dead already" */
	const char *shown;
	struct why *loading; /* only while opening */
	struct store_item items[STORE_PAGE];
};

static struct sj *sj_of(struct store *s)
{
	return CONTAINER_OF(s, struct sj, store);
}

/* ---- keys, records, accounts --------------------------------------------------------------- */

struct full_key {
	uint8_t mem[1 + STORE_KEY_MAX];
	struct span s;
};

static struct span full_key(struct full_key *k, enum store_space space, struct span key)
{
	struct wr w = wr_of(k->mem, sizeof k->mem);

	wr_u8(&w, (uint8_t)space);
	wr_put(&w, key);
	k->s = wr_span(&w);
	return k->s;
}

/* Eight bytes on their way into a record. */
struct num8 {
	uint8_t mem[8];
};

static struct span le64(struct num8 *n, uint64_t v)
{
	struct wr w = wr_of(n->mem, sizeof n->mem);

	wr_le64(&w, v);
	return wr_span(&w);
}

static struct span be64(struct num8 *n, uint64_t v)
{
	struct wr w = wr_of(n->mem, sizeof n->mem);

	wr_be64(&w, v);
	return wr_span(&w);
}

/* The fields of the record that brings e back. */
static void set_fields(const struct sentry *e, struct srec_fields *f)
{
	struct span key = sentry_key(e);
	struct srec r = {.type = SREC_SET, .space = (enum store_space)key.p[0], .key = span_sub(key, 1, key.n),
			 .value = sentry_value(e), .expires = e->expires};

	srec_encode(&r, f);
}

static size_t record_bytes(const struct sentry *e)
{
	struct srec_fields f;

	set_fields(e, &f);
	return jrec_size(f.t, f.n);
}

static bool charge(struct sj *sj, const struct sentry *e)
{
	struct bounds *b = sj->store.bounds;

	if (!bounds_take(b, BOUND_STORE_KEYS, 1))
		return false;
	if (!bounds_take(b, BOUND_STORE_BYTES, sentry_bytes(e))) {
		bounds_give(b, BOUND_STORE_KEYS, 1);
		return false;
	}
	sj->live += record_bytes(e);
	return true;
}

static void discharge(struct sj *sj, const struct sentry *e)
{
	bounds_give(sj->store.bounds, BOUND_STORE_KEYS, 1);
	bounds_give(sj->store.bounds, BOUND_STORE_BYTES, sentry_bytes(e));
	sj->live -= record_bytes(e);
}

/* Pay for e in the place of old; false and nothing has changed when that is over a bound. */
static bool exchange(struct sj *sj, const struct sentry *old, const struct sentry *e)
{
	if (old)
		discharge(sj, old);
	if (charge(sj, e))
		return true;
	if (old) {
		bool back = charge(sj, old); /* it was paid for a moment ago */

		ZT_ASSERT(back);
	}
	return false;
}

static void remove_entry(struct sj *sj, struct sentry *e)
{
	struct sentry *old = smap_swap(&sj->map, sentry_key(e), NULL);

	ZT_ASSERT(old == e);
	discharge(sj, e);
	sentry_free(e);
}

/* Expired entries go without a record: time removes them again after every replay. */
static void sweep(struct sj *sj, size_t most)
{
	struct sentry *e;

	while ((e = smap_sweep(&sj->map, sj->now, &most)) != NULL)
		remove_entry(sj, e);
}

/* What lives under this key now, or NULL. */
static struct sentry *living(struct sj *sj, struct span key)
{
	struct sentry *e = smap_find(&sj->map, key);

	return e && !sentry_expired(e, sj->now) ? e : NULL;
}

static uint64_t counter_value(const struct sentry *e)
{
	struct rd r = rd_of(sentry_value(e));

	return rd_le64(&r);
}

/* ---- changes ------------------------------------------------------------------------------- */

struct change {
	struct span key, value;
	int64_t expires;
};

/* Stage the record, then change memory: the second step cannot fail. */
static int set_entry(struct sj *sj, struct store_op *op, const struct change *c)
{
	struct full_key k;
	struct srec_fields f;
	struct sentry *old, *e;
	int err;

	sweep(sj, SWEEP);
	old = smap_find(&sj->map, full_key(&k, op->space, c->key));
	e = sentry_new(&sj->map, (uint8_t)op->space, c->key, c->value, c->expires);
	if (e == NULL)
		return -ZT_E_NOMEM;
	set_fields(e, &f);
	err = journal_dead(sj->journal) ? -ZT_E_DEAD : exchange(sj, old, e) ? 0 : -ZT_E_FULL;
	if (err) {
		sentry_free(e);
		return err;
	}
	err = journal_stage(sj->journal, SREC_SET, SREC_VERSION, f.t, f.n);
	if (err) {
		if (old)
			(void)exchange(sj, e, old);
		else
			discharge(sj, e);
		sentry_free(e);
		return err;
	}
	op->undo = smap_swap(&sj->map, k.s, e);
	op->changed = true;
	return 0;
}

static int do_append(struct sj *sj, struct store_op *op)
{
	struct num8 id;
	struct change c = {be64(&id, sj->last_event + 1), op->value, op->expires};
	int err = set_entry(sj, op, &c);

	if (!err)
		op->number = ++sj->last_event;
	return err;
}

static int do_count(struct sj *sj, struct store_op *op)
{
	struct full_key k;
	struct sentry *old = living(sj, full_key(&k, STORE_COUNTER, op->key));
	struct num8 sum;
	struct change c = {op->key, SPAN_NONE, old ? old->expires : op->expires};
	uint64_t value = num_add64_sat(old ? counter_value(old) : 0, op->number);
	int err;

	c.value = le64(&sum, value);
	err = set_entry(sj, op, &c);
	if (!err)
		op->number = value;
	return err;
}

static int do_once(struct sj *sj, struct store_op *op)
{
	struct full_key k;
	struct change c = {op->key, SPAN_NONE, op->expires};

	op->number = living(sj, full_key(&k, STORE_ONCE, op->key)) == NULL;
	return op->number ? set_entry(sj, op, &c) : 0;
}

static int do_put(struct sj *sj, struct store_op *op)
{
	struct change c = {op->key, op->value, op->expires};

	return set_entry(sj, op, &c);
}

static int do_drop(struct sj *sj, struct store_op *op)
{
	struct full_key k;
	struct sentry *old = living(sj, full_key(&k, op->space, op->key));
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
	op->undo = smap_swap(&sj->map, k.s, NULL);
	op->changed = true;
	discharge(sj, old);
	return 0;
}

/* Put back what was there before op. Called in reverse order, so what was paid then fits now. */
static void take_back(struct sj *sj, struct store_op *op)
{
	struct full_key k;
	struct num8 id;
	struct sentry *old = op->undo, *e;
	bool event = op->space == STORE_EVENT;

	if (!op->changed)
		return;
	e = smap_swap(&sj->map, full_key(&k, op->space, event ? be64(&id, op->number) : op->key), old);
	if (e)
		discharge(sj, e);
	sentry_free(e);
	if (old) {
		bool back = charge(sj, old);

		ZT_ASSERT(back);
	}
	if (event)
		sj->last_event = op->number - 1;
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

/* ---- questions ----------------------------------------------------------------------------- */

static struct store_item item_of(const struct sentry *e, enum store_space space)
{
	struct span key = sentry_key(e);
	struct store_item i = {.key = span_sub(key, 1, key.n), .value = sentry_value(e), .expires = e->expires};
	struct rd r = rd_of(i.key);

	if (space == STORE_COUNTER) {
		i.number = counter_value(e);
		i.value = SPAN_NONE;
	}
	if (space == STORE_EVENT) {
		i.number = rd_be64(&r);
		i.key = SPAN_NONE;
	}
	return i;
}

static bool has_prefix(struct span s, struct span prefix)
{
	return span_eq(span_sub(s, 0, prefix.n), prefix);
}

/* Living entries from `from` on whose key begins with prefix (space included), but not the key
 * `but`. */
static void walk(struct sj *sj, struct store_op *op, struct span from, struct span but, struct span prefix,
		 struct store_answer *a)
{
	size_t most = op->most && op->most < STORE_PAGE ? op->most : STORE_PAGE;
	struct sentry *e = smap_from(&sj->map, from);

	for (; e && has_prefix(sentry_key(e), prefix); e = smap_next(e)) {
		if (sentry_expired(e, sj->now) || span_eq(sentry_key(e), but))
			continue;
		if (a->n == most) {
			a->more = true;
			break;
		}
		sj->items[a->n++] = item_of(e, op->space);
	}
	a->items = sj->items;
}

static void ask_scan(struct sj *sj, struct store_op *op, struct store_answer *a)
{
	struct full_key prefix, after;

	full_key(&prefix, op->space, op->value);
	full_key(&after, op->space, op->key);
	walk(sj, op, span_cmp(after.s, prefix.s) > 0 ? after.s : prefix.s, after.s, prefix.s, a);
}

static void ask_read(struct sj *sj, struct store_op *op, struct store_answer *a)
{
	struct full_key space, after;
	struct num8 id;

	full_key(&space, STORE_EVENT, SPAN_NONE);
	full_key(&after, STORE_EVENT, be64(&id, op->number));
	walk(sj, op, after.s, after.s, space.s, a);
}

static void ask_get(struct sj *sj, struct store_op *op, struct store_answer *a)
{
	struct full_key k;
	struct sentry *e = living(sj, full_key(&k, op->space, op->key));

	if (e == NULL)
		return;
	sj->items[0] = item_of(e, op->space);
	a->items = sj->items;
	a->n = 1;
}

static void ask_health(struct sj *sj, struct store_op *op, struct store_answer *a)
{
	(void)op;
	sj->health.keys = sj->map.n;
	sj->health.bytes = sj->store.bounds->row[BOUND_STORE_BYTES].used;
	sj->health.disk = journal_bytes(sj->journal);
	sj->health.dead = journal_dead(sj->journal);
	sj->health.why = sj->why.text;
	a->health = &sj->health;
}

/* ---- the poll ------------------------------------------------------------------------------ */

/* One of the two per call. */
static const struct {
	int (*change)(struct sj *sj, struct store_op *op);
	void (*ask)(struct sj *sj, struct store_op *op, struct store_answer *a);
} calls[STORE_CALLS] = {
	[STORE_CALL_APPEND] = {.change = do_append}, [STORE_CALL_READ] = {.ask = ask_read},
	[STORE_CALL_COUNT] = {.change = do_count},   [STORE_CALL_ONCE] = {.change = do_once},
	[STORE_CALL_PUT] = {.change = do_put},       [STORE_CALL_DROP] = {.change = do_drop},
	[STORE_CALL_GET] = {.ask = ask_get},         [STORE_CALL_SCAN] = {.ask = ask_scan},
	[STORE_CALL_HEALTH] = {.ask = ask_health},
};

static int snapshot_fill(struct journal *j, void *ctx, struct why *w)
{
	struct sj *sj = ctx;
	struct srec last = {.type = SREC_LAST_EVENT, .id = sj->last_event};
	struct srec_fields f;
	int err;

	srec_encode(&last, &f);
	err = journal_snapshot_add(j, SREC_LAST_EVENT, SREC_VERSION, f.t, f.n, w);
	for (struct sentry *e = smap_first(&sj->map); e && !err; e = smap_next(e)) {
		if (sentry_expired(e, sj->now))
			continue;
		set_fields(e, &f);
		err = journal_snapshot_add(j, SREC_SET, SREC_VERSION, f.t, f.n, w);
	}
	return err;
}

static void snapshot_if_due(struct sj *sj)
{
	struct why w = {0};
	uint64_t bytes = journal_bytes(sj->journal);

	if (bytes <= STORE_SNAP_MIN || bytes / STORE_SNAP_RATIO <= sj->live || bytes < sj->snap_after ||
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

	sj->now = clock_wall(s->clock);
	while ((op = store_ring_first(&s->queue)) != NULL) {
		store_ring_remove(op);
		store_ring_add(&sj->work, op);
	}
	while ((op = store_ring_first(&sj->work)) != NULL) {
		/* settle() calls back, and op may be cancelled there: look at the ring again. */
		if (!store_ring_empty(&sj->run) &&
		    (calls[op->call].ask || journal_room(sj->journal) < JREC_MAX)) {
			settle(sj);
			continue;
		}
		if (calls[op->call].ask) {
			struct store_answer a = {0};

			calls[op->call].ask(sj, op, &a);
			store_reply(s, op, &a);
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

	for (struct sentry *e = smap_first(&sj->map); e; e = smap_next(e))
		discharge(sj, e);
	smap_free(&sj->map);
	journal_close(sj->journal);
	free(sj);
}

/* ---- replay -------------------------------------------------------------------------------- */

static int replay_set(struct sj *sj, const struct srec *r)
{
	struct full_key k;
	struct sentry *e, *old;

	if (r->space == STORE_EVENT && r->id > sj->last_event)
		sj->last_event = r->id;
	full_key(&k, r->space, r->key);
	e = sentry_new(&sj->map, (uint8_t)r->space, r->key, r->value, r->expires);
	if (e == NULL)
		return -ZT_E_NOMEM;
	old = smap_find(&sj->map, k.s);
	if (!exchange(sj, old, e)) {
		sweep(sj, sj->map.n);
		old = smap_find(&sj->map, k.s);
		if (!exchange(sj, old, e)) {
			sentry_free(e);
			return why_set(sj->loading, ZT_E_FULL, "%.200s: holds more than the bounds store_keys and "
				       "store_bytes allow: raise them", sj->shown);
		}
	}
	sentry_free(smap_swap(&sj->map, k.s, e));
	return 0;
}

static int replay(void *ctx, const struct jrec *jr, uint64_t offset)
{
	struct sj *sj = ctx;
	struct full_key k;
	struct sentry *e;
	struct srec r;
	int err = srec_decode(jr, &r);

	(void)offset;
	if (err)
		return err;
	if (r.type == SREC_SET)
		return replay_set(sj, &r);
	if (r.type == SREC_LAST_EVENT) {
		sj->last_event = r.id > sj->last_event ? r.id : sj->last_event;
		return 0;
	}
	e = smap_find(&sj->map, full_key(&k, r.space, r.key));
	if (e)
		remove_entry(sj, e);
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
	smap_init(&sj->map);
	sj->now = clock_wall(o->clock);
	err = journal_open(&sj->journal, &o->at, &jo, report, w);
	if (err) {
		sj_free(&sj->store);
		return err;
	}
	sj->loading = NULL;
	*out = &sj->store;
	return 0;
}
