/*
 * What a receiver makes of lists, signed by the right key: the input is a program of lists. Invariants
 * after each: the view is in order, without two the same, at most cap; what was seen never goes back; a
 * refused list changes nothing and tells nobody; what was told is what is different, each entry once.
 *
 * The input, until it ends: flags (1 delta, 2 restart before it, 4 wrong signature, 8 a byte is turned,
 * 16 base is what is known), epoch, number, base, time, count, then {key, state} so often.
 */
#include <stdlib.h>
#include <string.h>

#include "decide/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define CAP 12
#define KEYS 16
#define T0 INT64_C(1800000000)
#define LISTS 24 /* a signature and its check are dear here */

struct run {
	uint8_t bytes[STATLIST_BYTES(256)];
	struct status_entry mem[CAP];
	struct status_view v;
	uint8_t before[KEYS], told[KEYS]; /* states by key */
	struct status_now now;
};

static struct pk_private key;
static struct pk_public pub, other;

static void keys_once(void)
{
	static uint8_t scalar[32] = {[31] = 7}, point[2][65];
	static const uint8_t two[32] = {[31] = 2};
	struct pk_private second = {.type = PK_P256, .scalar = {two, 32}};

	key = (struct pk_private){.type = PK_P256, .scalar = {scalar, 32}};
	MUST(pk_point(&key, point[0], 65) == 65 && pk_point(&second, point[1], 65) == 65);
	pub = (struct pk_public){.type = PK_P256, .point = {point[0], 65}};
	other = (struct pk_public){.type = PK_P256, .point = {point[1], 65}};
}

static struct status_entry entry(uint8_t k, uint8_t state)
{
	struct status_entry e = {.what = STATUS_CERT, .state = state};

	e.key[15] = k;
	return e;
}

static void told(void *ctx, const struct status_entry *e)
{
	struct run *r = ctx;

	MUST(e->what == STATUS_CERT && e->key[15] < KEYS && e->state >= STATUS_GOOD && e->state <= STATUS_GONE);
	MUST(r->told[e->key[15]] == 0);
	r->told[e->key[15]] = e->state;
	MUST(status_of(&r->v, STATUS_CERT, e->key) == r->before[e->key[15]]); /* still the one before */
}

static void states(const struct run *r, uint8_t out[static KEYS])
{
	for (uint8_t k = 0; k < KEYS; k++)
		out[k] = (uint8_t)status_of(&r->v, STATUS_CERT, entry(k, 0).key);
}

static struct span make(struct run *r, struct rd *in, uint8_t flags, struct statlist *l)
{
	struct wr w = wr_of(r->bytes, sizeof r->bytes);
	const struct status_seen *s = &r->v.seen;

	l->kind = flags & 1 ? STATLIST_DELTA : STATLIST_FULL;
	l->epoch = s->epoch + rd_u8(in) % 4 - 1;
	l->number = s->number + rd_u8(in) % 8 - 2;
	l->base = rd_u8(in) % 4;
	l->base = !(flags & 1) ? 0 : flags & 16 ? s->number : l->base + s->number - 1;
	l->issued = r->now.wall + (int8_t)rd_u8(in);
	l->n = rd_u8(in) % (CAP + 4);
	statlist_write_head(&w, l);
	for (uint32_t i = 0; i < l->n; i++) {
		uint8_t k = rd_u8(in), state = rd_u8(in);
		struct status_entry e = entry(k % KEYS, state % 6);

		statlist_write_entry(&w, &e);
	}
	MUST(statlist_seal(&w, 0, &key) == 0);
	if (flags & 8)
		r->bytes[rd_u8(in) % w.n] ^= 1;
	return wr_span(&w);
}

static void check_view(const struct status_view *v)
{
	MUST(v->n <= v->cap && v->cap == CAP && (v->known || v->n == 0));
	for (size_t i = 0; i < v->n; i++) {
		MUST(v->entry[i].state >= STATUS_GOOD && v->entry[i].state < STATUS_GONE);
		MUST(i == 0 || status_entry_cmp(&v->entry[i - 1], &v->entry[i]) < 0);
	}
}

/* What the list says, by the rules and none of the code: a state for each key. */
static void expect(const struct run *r, const struct statlist *l, uint8_t out[static KEYS])
{
	struct status_entry e;

	memcpy(out, r->before, KEYS);
	if (l->kind == STATLIST_FULL)
		memset(out, 0, KEYS);
	for (uint32_t i = 0; i < l->n; i++) {
		statlist_entry(l, i, &e);
		out[e.key[15]] = e.state == STATUS_GONE ? 0 : e.state;
	}
}

static void one(struct run *r, struct rd *in)
{
	uint8_t flags = rd_u8(in), after[KEYS], want[KEYS];
	struct status_view was;
	struct status_entry mem[CAP];
	enum status_refusal f;
	struct statlist l, read;
	struct span list;

	if (flags & 2)
		status_init(&r->v, r->mem, CAP, &(struct status_seen){r->v.seen.epoch, r->v.seen.number, r->v.seen.issued});
	list = make(r, in, flags, &l);
	was = r->v;
	memcpy(mem, r->mem, sizeof mem);
	memset(r->told, 0, sizeof r->told);
	states(r, r->before);
	f = status_apply(&r->v, list, flags & 4 ? &other : &pub, r->now, told, r);
	check_view(&r->v);
	states(r, after);
	if (f != STATUS_TAKEN) {
		MUST(memcmp(&was, &r->v, sizeof was) == 0 && memcmp(mem, r->mem, sizeof mem) == 0);
		for (size_t k = 0; k < KEYS; k++)
			MUST(r->told[k] == 0);
		return;
	}
	MUST(!(flags & 12) && statlist_read(&read, list, NULL) == 0);
	MUST(r->v.seen.epoch > was.seen.epoch ||
	     (r->v.seen.epoch == was.seen.epoch && r->v.seen.number + !was.known > was.seen.number));
	MUST(r->v.seen.issued >= was.seen.issued && r->v.seen.issued <= r->now.wall + STATUS_SKEW);
	MUST(l.kind == STATLIST_FULL || (was.known && l.base == was.seen.number && l.epoch == was.seen.epoch));
	expect(r, &read, want);
	for (size_t k = 0; k < KEYS; k++) {
		uint8_t news = after[k] == r->before[k] ? 0 : after[k] ? after[k] : (uint8_t)STATUS_GONE;

		MUST(after[k] == want[k] && r->told[k] == news);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rd in = rd_of(span_of(data, n));
	static struct run r;

	if (key.type == PK_NONE)
		keys_once();
	r = (struct run){.now = {T0, 0}};
	status_init(&r.v, r.mem, CAP, &(struct status_seen){1, 1000, T0 - 100});
	for (size_t i = 0; i < LISTS && rd_left(&in) > 0; i++) {
		one(&r, &in);
		r.now.wall += 3;
		r.now.mono += 3;
	}
	return 0;
}
