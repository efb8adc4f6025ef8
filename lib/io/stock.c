/*
 * stock: see stock.h. Entries are malloc()ed by smap.c; each is paid for under BOUND_STORE_KEYS and BOUND_STORE_BYTES
 * before it is in the map. Never touches the journal.
 */
#include "io/stock.h"

/* ---- keys, records, accounts --------------------------------------------------------------- */

struct span stock_key(struct stock_key *k, enum store_space space, struct span key)
{
	struct wr w = wr_of(k->mem, sizeof k->mem);

	wr_u8(&w, (uint8_t)space);
	wr_put(&w, key);
	k->s = wr_span(&w);
	return k->s;
}

struct span stock_be64(struct stock_num *n, uint64_t v)
{
	struct wr w = wr_of(n->mem, sizeof n->mem);

	wr_be64(&w, v);
	return wr_span(&w);
}

void stock_record(const struct sentry *e, struct srec_fields *f)
{
	struct span key = sentry_key(e);
	struct srec r = {.type = SREC_SET, .space = (enum store_space)key.p[0], .key = span_sub(key, 1, key.n),
			 .value = sentry_value(e), .expires = e->expires};

	srec_encode(&r, f);
}

static size_t record_bytes(const struct sentry *e)
{
	struct srec_fields f;

	stock_record(e, &f);
	return jrec_size(f.t, f.n);
}

bool stock_charge(struct stock *k, const struct sentry *e)
{
	struct bounds *b = k->bounds;

	if (!bounds_take(b, BOUND_STORE_KEYS, 1))
		return false;
	if (!bounds_take(b, BOUND_STORE_BYTES, sentry_bytes(e))) {
		bounds_give(b, BOUND_STORE_KEYS, 1);
		return false;
	}
	k->live += record_bytes(e);
	return true;
}

void stock_discharge(struct stock *k, const struct sentry *e)
{
	bounds_give(k->bounds, BOUND_STORE_KEYS, 1);
	bounds_give(k->bounds, BOUND_STORE_BYTES, sentry_bytes(e));
	k->live -= record_bytes(e);
}

bool stock_exchange(struct stock *k, const struct sentry *old, const struct sentry *e)
{
	if (old)
		stock_discharge(k, old);
	if (stock_charge(k, e))
		return true;
	if (old) {
		bool back = stock_charge(k, old); /* it was paid for a moment ago */

		ZT_ASSERT(back);
	}
	return false;
}

void stock_remove(struct stock *k, struct sentry *e)
{
	struct sentry *old = smap_swap(&k->map, sentry_key(e), NULL);

	ZT_ASSERT(old == e);
	stock_discharge(k, e);
	sentry_free(e);
}

/* Expired entries go without a record: time removes them again after every replay. */
void stock_sweep(struct stock *k, size_t most)
{
	struct sentry *e;

	while ((e = smap_sweep(&k->map, k->now, &most)) != NULL)
		stock_remove(k, e);
}

struct sentry *stock_living(struct stock *k, struct span key)
{
	struct sentry *e = smap_find(&k->map, key);

	return e && !sentry_expired(e, k->now) ? e : NULL;
}

uint64_t stock_counter(const struct sentry *e)
{
	struct rd r = rd_of(sentry_value(e));

	return rd_le64(&r);
}

int stock_replay(struct stock *k, const struct srec *r)
{
	struct stock_key key;
	struct sentry *e, *old;

	if (r->space == STORE_EVENT && r->id > k->last_event)
		k->last_event = r->id;
	stock_key(&key, r->space, r->key);
	e = sentry_new(&k->map, (uint8_t)r->space, r->key, r->value, r->expires);
	if (e == NULL)
		return -ZT_E_NOMEM;
	old = smap_find(&k->map, key.s);
	if (!stock_exchange(k, old, e)) {
		stock_sweep(k, k->map.n);
		old = smap_find(&k->map, key.s);
		if (!stock_exchange(k, old, e)) {
			sentry_free(e);
			return -ZT_E_FULL;
		}
	}
	sentry_free(smap_swap(&k->map, key.s, e));
	return 0;
}

/* ---- questions ----------------------------------------------------------------------------- */

static struct store_item item_of(const struct sentry *e, enum store_space space)
{
	struct span key = sentry_key(e);
	struct store_item i = {.key = span_sub(key, 1, key.n), .value = sentry_value(e), .expires = e->expires};
	struct rd r = rd_of(i.key);

	if (space == STORE_COUNTER) {
		i.number = stock_counter(e);
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
static void walk(struct stock *k, struct store_op *op, struct span from, struct span but, struct span prefix,
		 struct store_answer *a)
{
	size_t most = op->most && op->most < STORE_PAGE ? op->most : STORE_PAGE;
	struct sentry *e = smap_from(&k->map, from);

	for (; e && has_prefix(sentry_key(e), prefix); e = smap_next(e)) {
		if (sentry_expired(e, k->now) || span_eq(sentry_key(e), but))
			continue;
		if (a->n == most) {
			a->more = true;
			break;
		}
		k->items[a->n++] = item_of(e, op->space);
	}
	a->items = k->items;
}

void stock_scan(struct stock *k, struct store_op *op, struct store_answer *a)
{
	struct stock_key prefix, after;

	stock_key(&prefix, op->space, op->value);
	stock_key(&after, op->space, op->key);
	walk(k, op, span_cmp(after.s, prefix.s) > 0 ? after.s : prefix.s, after.s, prefix.s, a);
}

void stock_read(struct stock *k, struct store_op *op, struct store_answer *a)
{
	struct stock_key space, after;
	struct stock_num id;

	stock_key(&space, STORE_EVENT, SPAN_NONE);
	stock_key(&after, STORE_EVENT, stock_be64(&id, op->number));
	walk(k, op, after.s, after.s, space.s, a);
}

void stock_get(struct stock *k, struct store_op *op, struct store_answer *a)
{
	struct stock_key key;
	struct sentry *e = stock_living(k, stock_key(&key, op->space, op->key));

	if (e == NULL)
		return;
	k->items[0] = item_of(e, op->space);
	a->items = k->items;
	a->n = 1;
}
