/*
 * store: what all drivers share: checks what a caller asks, queues it, and hands the answer
 * back exactly once. It never remembers anything itself.
 */
#include "store.h"


void store_ring_init(struct store_op *ring)
{
	ring->prev = ring->next = ring;
}

bool store_ring_empty(const struct store_op *ring)
{
	return ring->next == ring;
}

void store_ring_add(struct store_op *ring, struct store_op *op)
{
	op->prev = ring->prev;
	op->next = ring;
	ring->prev->next = op;
	ring->prev = op;
}

struct store_op *store_ring_first(struct store_op *ring)
{
	return store_ring_empty(ring) ? NULL : ring->next;
}

void store_ring_remove(struct store_op *op)
{
	op->prev->next = op->next;
	op->next->prev = op->prev;
	op->prev = op->next = NULL;
}

void store_init(struct store *s, const struct store_class *cls, const struct clock *clock, struct bounds *bounds)
{
	*s = (struct store){.cls = cls, .clock = clock, .bounds = bounds};
	store_ring_init(&s->queue);
}

static int submit(struct store *s, struct store_op *op, enum store_call call)
{
	bool first = store_ring_empty(&s->queue);

	ZT_ASSERT(op->next == NULL && op->done != NULL); /* one question at a time */
	if (s->closed)
		return -ZT_E_CLOSED;
	if (!bounds_take(s->bounds, BOUND_STORE_OPS, 1))
		return -ZT_E_FULL;
	op->call = call;
	op->err = 0;
	op->changed = false;
	op->undo = NULL;
	store_ring_add(&s->queue, op);
	if (first && s->wake)
		s->wake(s->wake_ctx);
	return 0;
}

static int check_key(enum store_space space, struct span key)
{
	if (space < STORE_VALUE || space > STORE_ONCE || key.n == 0)
		return -ZT_E_RANGE;
	return key.n > STORE_KEY_MAX ? -ZT_E_TOOLONG : 0;
}

int store_append(struct store *s, struct store_op *op, struct span event, int64_t expires)
{
	if (event.n > STORE_VALUE_MAX)
		return -ZT_E_TOOLONG;
	op->space = STORE_EVENT;
	op->key = SPAN_NONE;
	op->value = event;
	op->expires = expires;
	return submit(s, op, STORE_CALL_APPEND);
}

int store_read(struct store *s, struct store_op *op, uint64_t after, unsigned most)
{
	op->space = STORE_EVENT;
	op->number = after;
	op->most = most;
	return submit(s, op, STORE_CALL_READ);
}

int store_count(struct store *s, struct store_op *op, struct span key, uint64_t by, int64_t expires)
{
	int err = check_key(STORE_COUNTER, key);

	if (err)
		return err;
	op->space = STORE_COUNTER;
	op->key = key;
	op->number = by;
	op->expires = expires;
	return submit(s, op, STORE_CALL_COUNT);
}

int store_once(struct store *s, struct store_op *op, struct span key, int64_t expires)
{
	int err = check_key(STORE_ONCE, key);

	if (err)
		return err;
	op->space = STORE_ONCE;
	op->key = key;
	op->value = SPAN_NONE;
	op->expires = expires;
	return submit(s, op, STORE_CALL_ONCE);
}

int store_put(struct store *s, struct store_op *op, struct span key, struct span value, int64_t expires)
{
	int err = check_key(STORE_VALUE, key);

	if (err)
		return err;
	if (value.n > STORE_VALUE_MAX)
		return -ZT_E_TOOLONG;
	op->space = STORE_VALUE;
	op->key = key;
	op->value = value;
	op->expires = expires;
	return submit(s, op, STORE_CALL_PUT);
}

static int by_key(struct store *s, struct store_op *op, enum store_call call, enum store_space space, struct span key)
{
	int err = check_key(space, key);

	if (err)
		return err;
	op->space = space;
	op->key = key;
	return submit(s, op, call);
}

int store_drop(struct store *s, struct store_op *op, enum store_space space, struct span key)
{
	return by_key(s, op, STORE_CALL_DROP, space, key);
}

int store_get(struct store *s, struct store_op *op, enum store_space space, struct span key)
{
	return by_key(s, op, STORE_CALL_GET, space, key);
}

int store_scan(struct store *s, struct store_op *op, enum store_space space, struct span prefix,
	       struct span after, unsigned most)
{
	if (space < STORE_VALUE || space > STORE_ONCE)
		return -ZT_E_RANGE;
	if (prefix.n > STORE_KEY_MAX || after.n > STORE_KEY_MAX)
		return -ZT_E_TOOLONG;
	op->space = space;
	op->key = after;
	op->value = prefix;
	op->most = most;
	return submit(s, op, STORE_CALL_SCAN);
}

int store_health(struct store *s, struct store_op *op)
{
	return submit(s, op, STORE_CALL_HEALTH);
}

static void release(struct store *s, struct store_op *op)
{
	store_ring_remove(op);
	bounds_give(s->bounds, BOUND_STORE_OPS, 1);
}

void store_cancel(struct store *s, struct store_op *op)
{
	if (op->next)
		release(s, op);
}

void store_reply(struct store *s, struct store_op *op, const struct store_answer *a)
{
	release(s, op);
	op->done(op, a); /* last: op may be gone now */
}

bool store_pending(const struct store *s)
{
	return !store_ring_empty(&s->queue);
}

void store_poll(struct store *s)
{
	ZT_ASSERT(!s->polling); /* from inside done(): the stack would grow with the queue */
	s->polling = true;
	s->cls->poll(s);
	s->polling = false;
}

void store_free(struct store *s)
{
	static const struct store_answer cancelled = {.err = -ZT_E_CANCELLED};
	struct store_op *op;

	if (s == NULL)
		return;
	ZT_ASSERT(!s->polling);
	s->closed = true;
	while ((op = store_ring_first(&s->queue)) != NULL)
		store_reply(s, op, &cancelled);
	s->cls->free(s);
}
