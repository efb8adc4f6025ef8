/*
 * issuer_list: the status list, full and as deltas. Owns what was published last, the changes since, and the
 * signed bytes of the newest number. A number is taken when something changed or list_ms have passed; bytes
 * are made when somebody asks for them, once a number. What it publishes is compared with what was
 * published: nobody who changes something has to remember to say so for it to be right.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "issuer_int.h"
#include "wire/statlist.h"

#define DELTAS 4 /* of as many bases: receivers are at the newest number or one behind */

struct published {
	uint8_t serial[CERT_SERIAL];
	uint8_t state;        /* enum status_state; 0: not on the list */
};

struct change {
	uint64_t number;      /* of the list that first has it */
	uint8_t serial[CERT_SERIAL];
	uint8_t state;        /* STATUS_GONE: it left */
};

struct signed_list {
	uint64_t base;        /* 0: full */
	uint8_t *bytes;       /* NULL: not made */
	size_t n;
};

struct issuer_lists {
	struct published *pub; /* in the registry's order; BOUND_CA_CERTS, pages that are not used cost nothing */
	size_t n;
	struct change *ring;   /* BOUND_CA_CHANGES */
	size_t ring_cap, first, changes;
	uint64_t epoch, number, floor; /* all changes after number `floor` are in the ring */
	int64_t issued;
	uint64_t taken;        /* mono: when the number was */
	uint64_t endings;
	struct signed_list full, delta[DELTAS];
	unsigned next_delta;
};

static void drop(struct signed_list *s)
{
	free(s->bytes);
	*s = (struct signed_list){0};
}

static void drop_signed(struct issuer_lists *l)
{
	drop(&l->full);
	for (size_t i = 0; i < DELTAS; i++)
		drop(&l->delta[i]);
}

void issuer_lists_free(struct issuer *is)
{
	struct issuer_lists *l = is->lists;

	if (!l)
		return;
	bounds_give(is->o.bounds, BOUND_CA_CHANGES, l->changes);
	drop_signed(l);
	free(l->pub);
	free(l->ring);
	free(l);
	is->lists = NULL;
}

uint64_t issuer_lists_endings(const struct issuer *is)
{
	return is->lists ? is->lists->endings : 0;
}

/* ---- what has changed ---------------------------------------------------------------------------- */

static struct change *change_at(const struct issuer_lists *l, size_t i)
{
	return &l->ring[(l->first + i) % l->ring_cap];
}

/* The oldest goes when there is no room: who is behind it gets a full list. */
static void note_change(struct issuer *is, struct issuer_lists *l, const struct published *p)
{
	struct change *c;

	if (!bounds_take(is->o.bounds, BOUND_CA_CHANGES, 1)) {
		if (l->changes == 0) {
			l->floor = l->number;
			return;
		}
		l->floor = change_at(l, 0)->number;
		l->first = (l->first + 1) % l->ring_cap;
		l->changes--;
	}
	c = change_at(l, l->changes++);
	c->number = l->number;
	memcpy(c->serial, p->serial, CERT_SERIAL);
	c->state = p->state ? p->state : STATUS_GONE;
}

static void forget_changes(struct issuer *is, struct issuer_lists *l)
{
	bounds_give(is->o.bounds, BOUND_CA_CHANGES, l->changes);
	l->changes = 0;
	l->floor = l->number;
}

static uint8_t status_now(const struct issuer *is, const struct reg_cert *c, int64_t now)
{
	static const uint8_t states[] = {
		[CERT_GOOD] = STATUS_GOOD, [CERT_SUPERSEDED] = STATUS_SUPERSEDED, [CERT_SUSPENDED] = STATUS_SUSPENDED,
		[CERT_REVOKED] = STATUS_REVOKED, [CERT_EXPIRED] = 0,
	};
	struct issuer_worth worth;

	issuer_judge(is, c, now, &worth);
	return worth.expired ? 0 : states[worth.state];
}

static bool is_ended(uint8_t state)
{
	return state == STATUS_SUSPENDED || state == STATUS_REVOKED;
}

/* Everything that is not as it was published. */
static void sweep(struct issuer *is, struct issuer_lists *l)
{
	int64_t now = issuer_now(is);
	const struct reg_cert *c;

	for (size_t i = 0; i < BOUND_CAP(BOUND_CA_CERTS) && (c = registry_at(is->o.registry, i)); i++) {
		struct published *p = &l->pub[i];
		uint8_t state = status_now(is, c, now);

		if (i == l->n) {
			memcpy(p->serial, c->serial, CERT_SERIAL);
			p->state = 0;
			l->n++;
		}
		if (p->state == state)
			continue;
		if (is_ended(p->state) || is_ended(state))
			l->endings++;
		p->state = state;
		note_change(is, l, p);
	}
}

/* NULL: no memory. */
static struct issuer_lists *lists_of(struct issuer *is)
{
	struct issuer_lists *l = is->lists;

	if (l)
		return l;
	l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->pub = calloc(BOUND_CAP(BOUND_CA_CERTS), sizeof *l->pub);
	l->ring_cap = (size_t)is->o.bounds->row[BOUND_CA_CHANGES].cap;
	l->ring = calloc(l->ring_cap, sizeof *l->ring);
	if (!l->pub || !l->ring) {
		free(l->pub);
		free(l->ring);
		free(l);
		return NULL;
	}
	is->lists = l;
	return l;
}

static bool is_due(const struct issuer *is, const struct issuer_lists *l)
{
	return l->number == 0 || is->dirty || l->epoch != registry_epoch(is->o.registry) ||
	       clock_mono(is->o.clock) - l->taken >= is->o.list_ms * NS_PER_MS;
}

int issuer_lists_refresh(struct issuer *is, struct why *w)
{
	struct issuer_lists *l = lists_of(is);
	uint64_t number = 0;
	bool anew;
	int rc;

	if (l && !is_due(is, l))
		return 0;
	if (!l)
		return why_set(w, ZT_E_NOMEM, "no memory for status lists");
	rc = registry_next_list(is->o.registry, &number, w);
	if (rc < 0)
		return rc;
	anew = l->number == 0 || l->epoch != registry_epoch(is->o.registry);
	l->number = number;
	l->epoch = registry_epoch(is->o.registry);
	l->taken = clock_mono(is->o.clock);
	if (issuer_now(is) > l->issued) /* never back, whatever the wall clock does: receivers would refuse it */
		l->issued = issuer_now(is);
	is->dirty = false;
	drop_signed(l);
	sweep(is, l);
	if (anew)
		forget_changes(is, l); /* nobody knows a list of this epoch from before */
	return 0;
}

/* ---- bytes --------------------------------------------------------------------------------------- */

struct ordered {
	struct status_entry e;
	uint32_t order;       /* of the change */
};

static int by_entry(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	int c = status_entry_cmp(&x->e, &y->e);

	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static struct ordered entry_of(const uint8_t serial[static CERT_SERIAL], uint8_t state, size_t order)
{
	struct ordered o = {.e = {.what = STATUS_CERT, .state = state}, .order = (uint32_t)order};

	memcpy(o.e.key, serial, STATLIST_KEY);
	return o;
}

static size_t collect_full(const struct issuer_lists *l, struct ordered *out)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->pub[i].state)
			out[n++] = entry_of(l->pub[i].serial, l->pub[i].state, 0);
	return n;
}

static size_t collect_delta(const struct issuer_lists *l, uint64_t base, struct ordered *out)
{
	size_t n = 0;

	for (size_t i = 0; i < l->changes; i++) {
		const struct change *c = change_at(l, i);

		if (c->number > base)
			out[n++] = entry_of(c->serial, c->state, i);
	}
	return n;
}

/* In order, and of several changes of one certificate the last. */
static uint32_t settle_order(struct ordered *e, size_t n)
{
	size_t out = 0;

	qsort(e, n, sizeof *e, by_entry);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || status_entry_cmp(&e[i].e, &e[i + 1].e) != 0)
			e[out++] = e[i];
	return (uint32_t)out;
}

static int write_list(const struct issuer *is, const struct issuer_lists *l, struct signed_list *s, const struct ordered *e,
		      uint32_t n, struct why *w)
{
	const struct pk_private *key = is->o.registry_key(is->o.ctx);
	struct statlist head = {.kind = s->base ? STATLIST_DELTA : STATLIST_FULL, .epoch = l->epoch, .number = l->number,
				.base = s->base, .issued = l->issued, .n = n};
	struct wr wr;
	int rc;

	if (!key)
		return why_set(w, ZT_E_KEY, "the registry's key is not on this machine: bring keys/registry.key back and reload");
	s->bytes = malloc(STATLIST_BYTES(n));
	if (!s->bytes)
		return why_set(w, ZT_E_NOMEM, "no memory for a status list");
	wr = wr_of(s->bytes, STATLIST_BYTES(n));
	statlist_write_head(&wr, &head);
	for (uint32_t i = 0; i < n; i++)
		statlist_write_entry(&wr, &e[i].e);
	rc = statlist_seal(&wr, 0, key);
	s->n = wr.n;
	if (rc < 0) {
		drop(s);
		return why_set(w, (enum zt_err)-rc, "the status list could not be signed: %s", err_text((enum zt_err)-rc));
	}
	return 0;
}

static int make_list(const struct issuer *is, const struct issuer_lists *l, uint64_t base, struct signed_list *s, struct why *w)
{
	size_t most = (base ? l->changes : l->n) + 1, n;
	struct ordered *e = malloc(most * sizeof *e);
	int rc;

	if (!e)
		return why_set(w, ZT_E_NOMEM, "no memory for a status list");
	*s = (struct signed_list){.base = base};
	n = base ? collect_delta(l, base, e) : collect_full(l, e);
	rc = write_list(is, l, s, e, settle_order(e, n), w);
	free(e);
	return rc;
}

/* base 0: the full one. */
static int find_list(const struct issuer *is, struct issuer_lists *l, uint64_t base, struct signed_list **out, struct why *w)
{
	struct signed_list *s = &l->full;

	for (size_t i = 0; base && i < DELTAS; i++)
		if (l->delta[i].bytes && l->delta[i].base == base)
			s = &l->delta[i];
	if (base && s == &l->full) {
		s = &l->delta[l->next_delta++ % DELTAS];
		drop(s);
	}
	*out = s;
	return s->bytes ? 0 : make_list(is, l, base, s, w);
}

/* ---- the answer ----------------------------------------------------------------------------------- */

int issuer_put_part(const struct issuer_ask *ask, struct casign *out, struct span list, uint64_t number, struct why *w)
{
	uint64_t offset = casign_u64(ask->in, CAF_OFFSET);

	if (issuer_goes_on(ask->in) && casign_u64(ask->in, CAF_NUMBER) != number)
		return why_set(w, ZT_E_AGAIN, "this list was replaced meanwhile: begin with the new one");
	if (offset > list.n || (offset && !issuer_goes_on(ask->in)))
		return why_set(w, ZT_E_RANGE, "the list has no byte %llu", (unsigned long long)offset);
	issuer_put_num(ask, out, CAF_NUMBER, number);
	issuer_put_num(ask, out, CAF_TOTAL, list.n);
	casign_put(out, CAF_PART, span_sub(list, (size_t)offset, CASIGN_PART));
	return 0;
}

/* The delta that fits, else 0: full. */
static uint64_t base_for(const struct issuer_lists *l, const struct casign *in)
{
	uint64_t base = casign_u64(in, CAF_BASE);

	if (!in->has[CAF_EPOCH] || casign_u64(in, CAF_EPOCH) != l->epoch)
		return 0;
	return base >= l->floor && base <= l->number ? base : 0;
}

static int put_status(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	struct signed_list *s;
	struct issuer_lists *l;
	uint64_t base;
	int rc = issuer_goes_on(ask->in) && is->lists ? 0 : issuer_lists_refresh(is, w);

	l = is->lists;
	if (rc < 0 || !l)
		return rc;
	issuer_put_num(ask, out, CAF_EPOCH, l->epoch);
	base = base_for(l, ask->in);
	if (base == l->number) /* what the asker has is the newest */
		return issuer_put_part(ask, out, SPAN_NONE, l->number, w);
	if (issuer_goes_on(ask->in) && casign_u64(ask->in, CAF_NUMBER) != l->number)
		return issuer_put_part(ask, out, SPAN_NONE, l->number, w); /* says so, and signs nothing for it */
	rc = find_list(is, l, base, &s, w);
	return rc < 0 ? rc : issuer_put_part(ask, out, span_of(s->bytes, s->n), l->number, w);
}

int issuer_list(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t kind = casign_u64(ask->in, CAF_KIND);

	if (kind == CA_LIST_CRL)
		return issuer_crl(is, ask, out, w);
	if (kind == CA_LIST_STATUS)
		return put_status(is, ask, out, w);
	return why_set(w, ZT_E_UNKNOWN, "there is no list of kind %llu", (unsigned long long)kind);
}
