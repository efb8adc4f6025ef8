/*
 * cadocs: see cadocs.h. Owns the fetches under way and the newest document of each kind. What is in a
 * list it does not look at: the signature is for its readers.
 *
 * Allocates itself and documents of at most CADOC_MAX: one of each kind, those that are being fetched
 * (SLOTS in all), and what connections still send, which their deadline bounds.
 */
#include "cadocs.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* One for each anchor's list, the full status list and the anchors, whose document is kept. Those behind
 * them are for what is not: changes since some number, lists of former generations. */
enum { SLOT_STATUS = ANCHORS, SLOT_ANCHORS, SLOTS_KEPT, SLOTS = SLOTS_KEPT + 4 };
#define TRIES 5 /* lists that were replaced while they were fetched, before one gives up */

struct slot {
	struct cadocs *all;
	struct cadoc_key key;
	struct cadoc *doc;          /* the newest; only of SLOTS_KEPT */
	struct cadoc *coming;       /* bytes so far: have of its n */
	size_t have;
	unsigned tries;
	struct caask *ask;          /* NULL: nothing is under way */
	struct cadoc_wait *waiting, *told; /* told: those whose answer is being given out now */
};

struct cadocs {
	struct caline *line;
	struct slot slot[SLOTS];
	uint64_t fetches;
};

/* ---- documents ------------------------------------------------------------------------------ */

struct cadoc *cadoc_keep(struct cadoc *d)
{
	d->refs++;
	return d;
}

void cadoc_drop(struct cadoc *d)
{
	if (d && --d->refs == 0)
		free(d);
}

struct span cadoc_span(const struct cadoc *d)
{
	return span_of(d->bytes, d->n);
}

static struct span part_of(const struct cadoc *d, unsigned part)
{
	size_t at = 0;

	for (unsigned i = 0; i < part; i++)
		at += d->part[i];
	return span_sub(cadoc_span(d), at, d->part[part]);
}

struct span cadoc_anchors(const struct cadoc *d, enum cert_anchor a)
{
	return part_of(d, a);
}

struct span cadoc_trust(const struct cadoc *d)
{
	return part_of(d, ANCHORS);
}

static struct cadoc *doc_new(size_t n)
{
	struct cadoc *d = calloc(1, sizeof *d + n);

	if (d) {
		d->refs = 1;
		d->n = n;
	}
	return d;
}

/* ---- slots ---------------------------------------------------------------------------------- */

static bool same_key(const struct cadoc_key *a, const struct cadoc_key *b)
{
	return a->kind == b->kind && a->anchor == b->anchor && a->generation == b->generation && a->epoch == b->epoch &&
	       a->base == b->base;
}

static struct cadoc_key plain(struct cadoc_key k)
{
	if (k.kind != CADOC_CRL) {
		k.anchor = ANCHOR_INFRA;
		k.generation = 0;
	}
	if (k.kind != CADOC_STATUS || k.base == 0)
		k.epoch = k.base = 0;
	return k;
}

static size_t kept_at(const struct cadoc_key *k)
{
	if (k->kind == CADOC_CRL)
		return k->generation == 0 ? (size_t)k->anchor : SLOTS;
	if (k->kind == CADOC_ANCHORS)
		return SLOT_ANCHORS;
	return k->base == 0 ? SLOT_STATUS : SLOTS;
}

/* Where this is or may be fetched. With every place taken NULL for a revocation list; for changes of the
 * status list all of it, which serves their askers too. */
static struct slot *slot_for(struct cadocs *c, struct cadoc_key *k)
{
	struct slot *idle = NULL;

	if (kept_at(k) < SLOTS)
		return &c->slot[kept_at(k)];
	for (size_t i = SLOTS_KEPT; i < SLOTS; i++) {
		struct slot *s = &c->slot[i];

		if (s->ask && same_key(&s->key, k))
			return s;
		if (s->ask == NULL && idle == NULL)
			idle = s;
	}
	if (idle || k->kind == CADOC_CRL)
		return idle;
	k->epoch = k->base = 0;
	return &c->slot[SLOT_STATUS];
}

static void forget_coming(struct slot *s)
{
	cadoc_drop(s->coming);
	s->coming = NULL;
	s->have = 0;
}

/* Everybody who waits now; who begins to wait meanwhile waits for the next. */
static void tell(struct slot *s, struct cadoc *doc, const struct why *why)
{
	struct cadoc_wait *w;

	s->told = s->waiting;
	s->waiting = NULL;
	while ((w = s->told) != NULL) {
		s->told = w->next;
		w->at = NULL;
		w->done(w, doc, why);
	}
}

/* ---- asking --------------------------------------------------------------------------------- */

static void on_answer(void *owner, const struct casign *ok, const struct why *no);

static int ask_for(struct slot *s)
{
	const struct cadoc_key *k = &s->key;
	const struct caask_how how = {.done = on_answer, .owner = s};
	uint8_t num[6][8];
	struct casign m = {.type = k->kind == CADOC_ANCHORS ? CA_FACTS : CA_LIST};

	if (k->kind != CADOC_ANCHORS)
		casign_put_num(&m, CAF_KIND, k->kind == CADOC_CRL ? CA_LIST_CRL : CA_LIST_STATUS, num[0]);
	if (k->kind == CADOC_CRL)
		casign_put_num(&m, CAF_ANCHOR, k->anchor, num[1]);
	if (k->generation)
		casign_put_num(&m, CAF_GENERATION, k->generation, num[2]);
	if (k->base) {
		casign_put_num(&m, CAF_EPOCH, k->epoch, num[2]);
		casign_put_num(&m, CAF_BASE, k->base, num[3]);
	}
	if (s->coming) {
		casign_put_num(&m, CAF_NUMBER, s->coming->number, num[4]);
		casign_put_num(&m, CAF_OFFSET, s->have, num[5]);
	}
	return caline_ask(s->all->line, &m, &how, &s->ask);
}

static void fail(struct slot *s, enum zt_err e, const char *words)
{
	struct why why = {0};

	forget_coming(s);
	why_set(&why, e, "%s", words);
	tell(s, NULL, &why);
}

static void go_on(struct slot *s)
{
	int rc = ask_for(s);

	if (rc < 0)
		fail(s, (enum zt_err)-rc, "too many questions are waiting for the authority's signing process; try again");
}

/* ---- what comes ----------------------------------------------------------------------------- */

static void arrived(struct slot *s)
{
	struct cadoc *d = s->coming;
	bool kept = s < &s->all->slot[SLOTS_KEPT];

	s->coming = NULL;
	s->have = 0;
	s->all->fetches += d->n > 0;
	if (kept) {
		cadoc_drop(s->doc);
		s->doc = cadoc_keep(d);
	}
	tell(s, d, NULL);
	cadoc_drop(d);
}

/* The first part: is it another than the one that is known, and how long will it be? */
static bool begin(struct slot *s, const struct casign *ok)
{
	uint64_t number = casign_u64(ok, CAF_NUMBER), epoch = casign_u64(ok, CAF_EPOCH), n = casign_u64(ok, CAF_TOTAL);

	if (s->doc && s->doc->number == number && s->doc->epoch == epoch && s->doc->n == n) {
		struct cadoc *d = cadoc_keep(s->doc);

		tell(s, d, NULL);
		cadoc_drop(d);
		return false;
	}
	if (n > CADOC_MAX || (n == 0 && (number != s->key.base || number == 0))) {
		fail(s, n ? ZT_E_TOOLONG : ZT_E_BUG, "the authority's list cannot be kept here");
		return false;
	}
	s->coming = doc_new((size_t)n);
	if (s->coming == NULL) {
		fail(s, ZT_E_NOMEM, "out of memory");
		return false;
	}
	s->coming->number = number;
	s->coming->epoch = epoch;
	return true;
}

static void take_part(struct slot *s, const struct casign *ok)
{
	struct span part = ok->field[CAF_PART];

	if (s->coming == NULL && !begin(s, ok))
		return;
	if ((part.n == 0 && s->coming->n) || part.n > s->coming->n - s->have || casign_u64(ok, CAF_NUMBER) != s->coming->number) {
		fail(s, ZT_E_BUG, "ca-sign sent another part of a list than was asked for");
		return;
	}
	if (part.n)
		memcpy(&s->coming->bytes[s->have], part.p, part.n);
	s->have += part.n;
	if (s->have == s->coming->n)
		arrived(s);
	else
		go_on(s);
}

static void take_anchors(struct slot *s, const struct casign *ok)
{
	static const enum casign_field from[ANCHORS + 1] = {CAF_INFRA, CAF_DEVICE, CAF_ACME, CAF_TRUST};
	struct cadoc *d, *old = s->doc;
	struct wr w;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(from); i++)
		n += ok->field[from[i]].n;
	d = doc_new(n);
	if (d == NULL) {
		fail(s, ZT_E_NOMEM, "out of memory");
		return;
	}
	w = wr_of(d->bytes, n);
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		d->part[i] = ok->field[from[i]].n;
		wr_put(&w, ok->field[from[i]]);
	}
	d->epoch = casign_u64(ok, CAF_EPOCH);
	d->number = old ? old->number + 1 : 1;
	if (old && span_eq(cadoc_span(old), cadoc_span(d)) && memcmp(old->part, d->part, sizeof d->part) == 0)
		d->number--; /* the same ones */
	s->coming = d;
	arrived(s);
}

static void on_answer(void *owner, const struct casign *ok, const struct why *no)
{
	struct slot *s = owner;

	s->ask = NULL;
	if (ok && s->key.kind == CADOC_ANCHORS) {
		take_anchors(s, ok);
	} else if (ok) {
		take_part(s, ok);
	} else if (no->err == ZT_E_AGAIN && s->coming && ++s->tries < TRIES) {
		forget_coming(s); /* a newer one is there: from its start */
		go_on(s);
	} else {
		forget_coming(s);
		tell(s, NULL, no);
	}
}

/* ---- the whole ------------------------------------------------------------------------------ */

int cadocs_get(struct cadocs *c, const struct cadoc_key *key, struct cadoc_wait *w)
{
	struct cadoc_key k = plain(*key);
	struct slot *s = slot_for(c, &k);

	if (s == NULL)
		return -ZT_E_FULL;
	if (s->ask == NULL) {
		int rc;

		s->key = k;
		s->tries = 0;
		rc = ask_for(s);
		if (rc < 0)
			return rc;
	}
	w->at = s;
	w->next = s->waiting;
	s->waiting = w;
	return 0;
}

static bool leave(struct cadoc_wait **at, struct cadoc_wait *w)
{
	while (*at && *at != w)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*at = w->next;
	return true;
}

void cadocs_leave(struct cadoc_wait *w)
{
	struct slot *s = w->at;

	w->at = NULL;
	if (s && !leave(&s->waiting, w))
		leave(&s->told, w);
}

const struct cadoc *cadocs_known(const struct cadocs *c, const struct cadoc_key *key)
{
	const struct cadoc_key k = plain(*key);

	return kept_at(&k) < SLOTS ? c->slot[kept_at(&k)].doc : NULL;
}

uint64_t cadocs_fetches(const struct cadocs *c)
{
	return c->fetches;
}

int cadocs_new(struct cadocs **out, struct caline *line)
{
	struct cadocs *c = calloc(1, sizeof *c);

	if (c == NULL)
		return -ZT_E_NOMEM;
	c->line = line;
	for (size_t i = 0; i < SLOTS; i++)
		c->slot[i].all = c;
	*out = c;
	return 0;
}

void cadocs_free(struct cadocs *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		if (c->slot[i].ask)
			caask_forget(c->slot[i].ask);
		forget_coming(&c->slot[i]);
		cadoc_drop(c->slot[i].doc);
	}
	free(c);
}
