/*
 * status: the rules of status.h. Owns nothing: the entries lie in the caller's memory, clocks and keys
 * are handed in. A list is looked at as a whole before the first entry is touched, so that a refused one
 * leaves no trace; and the state only goes forward.
 */
#include "status.h"

#include <string.h>

#include "base/num.h"

static const struct {
	const char *name, *text;
} refusals[STATUS_REFUSAL_COUNT] = {
#define X(id, name, text) [id] = {name, text},
	STATUS_REFUSALS(X)
#undef X
};

static const char *const verdicts[STATUS_VERDICT_COUNT] = {
#define X(id, text) [id] = text,
	STATUS_VERDICTS(X)
#undef X
};

const char *status_refusal_name(enum status_refusal r)
{
	return refusals[r].name;
}

const char *status_refusal_text(enum status_refusal r)
{
	return refusals[r].text;
}

const char *status_verdict_text(enum status_verdict v)
{
	return verdicts[v];
}

void status_init(struct status_view *v, struct status_entry *mem, size_t cap, const struct status_seen *seen)
{
	*v = (struct status_view){.entry = mem, .cap = cap, .seen = *seen};
}

/* ---- looking up --------------------------------------------------------------------------- */

/* Where e is, or belongs. */
static size_t place_of(const struct status_view *v, const struct status_entry *e, bool *found)
{
	size_t lo = 0, hi = v->n;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = status_entry_cmp(&v->entry[mid], e);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

unsigned status_of(const struct status_view *v, enum status_what what, const uint8_t key[static STATLIST_KEY])
{
	struct status_entry e = {.what = (uint8_t)what};
	bool found;
	size_t at;

	memcpy(e.key, key, STATLIST_KEY);
	at = place_of(v, &e, &found);
	return found ? v->entry[at].state : 0;
}

/* ---- may it be taken? --------------------------------------------------------------------- */

static bool fits_base(const struct status_view *v, const struct statlist *l)
{
	return l->kind == STATLIST_FULL ||
	       (v->known && l->epoch == v->seen.epoch && l->base == v->seen.number);
}

/* A difference that cannot be told is a long time. */
static int64_t since(int64_t then, int64_t now)
{
	int64_t d;

	return __builtin_sub_overflow(now, then, &d) ? INT64_MAX : d;
}

/* A wall clock that was set back does not undo what the authority said, and how long ago that was. */
static int64_t not_before(const struct status_view *v, struct status_now now)
{
	int64_t heard = since(v->heard, now.mono), at;

	if (!v->known || heard < 0 || __builtin_add_overflow(v->seen.issued, heard, &at))
		return now.wall;
	return at > now.wall ? at : now.wall;
}

/* A list that is signed: is it one to go on to from what was seen? */
static enum status_refusal check_order(const struct status_view *v, const struct statlist *l, int64_t wall)
{
	const struct status_seen *s = &v->seen;
	bool same = l->epoch == s->epoch && l->number == s->number;

	if (l->epoch < s->epoch)
		return STATUS_OLD_EPOCH;
	if (l->epoch == s->epoch && l->number < s->number)
		return STATUS_ROLLBACK;
	if (same && v->known)
		return STATUS_SAME;
	if (!fits_base(v, l))
		return STATUS_BASE;
	if (l->issued < s->issued)
		return STATUS_TIME_BACK;
	if (l->issued - STATUS_SKEW > wall) /* issued > 0: it cannot wrap */
		return STATUS_FUTURE;
	return STATUS_TAKEN;
}

/* How many entries a delta adds and takes away. */
static void count_delta(const struct status_view *v, const struct statlist *l, size_t *added, size_t *gone)
{
	struct status_entry e;
	bool found;

	*added = *gone = 0;
	for (uint32_t i = 0; i < l->n; i++) {
		statlist_entry(l, i, &e);
		place_of(v, &e, &found);
		*added += !found && e.state != STATUS_GONE;
		*gone += found && e.state == STATUS_GONE;
	}
}

static bool fits_room(const struct status_view *v, const struct statlist *l)
{
	size_t added, gone;

	if (l->kind == STATLIST_FULL)
		return l->n <= v->cap;
	count_delta(v, l, &added, &gone);
	return v->n - gone + added <= v->cap; /* gone <= n; both are below STATLIST_MOST + cap */
}

/* ---- telling what is new ------------------------------------------------------------------ */

struct telling {
	status_changed *changed;
	void *ctx;
};

static void tell(const struct telling *t, const struct status_entry *e, unsigned before)
{
	if (e->state != before && !(e->state == STATUS_GONE && before == 0))
		t->changed(t->ctx, e);
}

static void tell_gone(const struct telling *t, struct status_entry e)
{
	e.state = STATUS_GONE;
	t->changed(t->ctx, &e);
}

static void tell_delta(const struct status_view *v, const struct statlist *l, const struct telling *t)
{
	struct status_entry e;

	for (uint32_t i = 0; i < l->n; i++) {
		statlist_entry(l, i, &e);
		tell(t, &e, status_of(v, (enum status_what)e.what, e.key));
	}
}

/* Both are in order: one walk along both, and what only the old one has is gone. */
static void tell_full(const struct status_view *v, const struct statlist *l, const struct telling *t)
{
	struct status_entry e;
	size_t at = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		unsigned before = 0;

		statlist_entry(l, i, &e);
		for (; at < v->n && status_entry_cmp(&v->entry[at], &e) < 0; at++)
			tell_gone(t, v->entry[at]);
		if (at < v->n && status_entry_cmp(&v->entry[at], &e) == 0)
			before = v->entry[at++].state;
		tell(t, &e, before);
	}
	for (; at < v->n; at++)
		tell_gone(t, v->entry[at]);
}

/* ---- taking it ---------------------------------------------------------------------------- */

static void take_full(struct status_view *v, const struct statlist *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		statlist_entry(l, i, &v->entry[i]);
	v->n = l->n;
}

/* New states in place; GONE is one, until drop_gone(). Answers how many are to be added. */
static size_t change_known(struct status_view *v, const struct statlist *l, bool *any_gone)
{
	struct status_entry e;
	size_t added = 0, at;
	bool found;

	*any_gone = false;
	for (uint32_t i = 0; i < l->n; i++) {
		statlist_entry(l, i, &e);
		at = place_of(v, &e, &found);
		if (found)
			v->entry[at].state = e.state;
		added += !found && e.state != STATUS_GONE;
		*any_gone |= found && e.state == STATUS_GONE;
	}
	return added;
}

static void drop_gone(struct status_view *v)
{
	size_t to = 0;

	for (size_t from = 0; from < v->n; from++)
		if (v->entry[from].state != STATUS_GONE)
			v->entry[to++] = v->entry[from];
	v->n = to;
}

/* From the back, so that each entry moves once; done when the last new one has its place. */
static void add_new(struct status_view *v, const struct statlist *l, size_t added)
{
	size_t from = v->n, to = v->n + added;
	struct status_entry e;

	v->n = to;
	for (uint32_t i = l->n; i > 0 && to > from; i--) {
		statlist_entry(l, i - 1, &e);
		while (from > 0 && status_entry_cmp(&v->entry[from - 1], &e) > 0)
			v->entry[--to] = v->entry[--from];
		if (e.state == STATUS_GONE || (from > 0 && status_entry_cmp(&v->entry[from - 1], &e) == 0))
			continue;
		v->entry[--to] = e;
	}
}

static void take_delta(struct status_view *v, const struct statlist *l)
{
	bool any_gone;
	size_t added = change_known(v, l, &any_gone);

	if (any_gone)
		drop_gone(v);
	if (added)
		add_new(v, l, added);
}

enum status_refusal status_apply(struct status_view *v, struct span list, const struct pk_public *registry,
				 struct status_now now, status_changed *changed, void *ctx)
{
	const struct telling t = {changed, ctx};
	enum status_refusal r;
	struct statlist l;
	int rc = statlist_read(&l, list, NULL);

	if (rc < 0)
		return rc == -ZT_E_TOOLONG ? STATUS_FULL : STATUS_MALFORMED;
	if (statlist_signed_by(&l, registry) < 0)
		return STATUS_UNSIGNED;
	r = check_order(v, &l, not_before(v, now));
	if (r != STATUS_TAKEN)
		return r;
	if (!fits_room(v, &l))
		return STATUS_FULL;
	if (changed)
		(l.kind == STATLIST_FULL ? tell_full : tell_delta)(v, &l, &t);
	(l.kind == STATLIST_FULL ? take_full : take_delta)(v, &l);
	v->seen = (struct status_seen){l.epoch, l.number, l.issued};
	v->heard = now.mono;
	v->known = true;
	return STATUS_TAKEN;
}

/* ---- believing it ------------------------------------------------------------------------- */

enum status_freshness status_fresh(const struct status_view *v, const struct status_limits *l, struct status_now now)
{
	int64_t by_wall = since(v->seen.issued, now.wall), by_mono = since(v->heard, now.mono);
	int64_t age = by_wall > by_mono ? by_wall : by_mono;

	if (!v->known || age > l->cut_stale)
		return STATUS_CUT;
	return age > l->max_stale ? STATUS_STALE : STATUS_FRESH;
}

int64_t status_floor(const struct status_view *v, int64_t version_floor)
{
	int64_t seen = since(STATUS_SKEW, v->seen.issued); /* the authority's clock may be ahead of ours by so much */

	return seen > version_floor ? seen : version_floor;
}

/* A state without a row is none to let somebody in. */
static enum status_verdict verdict_on(unsigned state)
{
	static const struct {
		enum status_state state;
		enum status_verdict verdict;
	} rows[] = {
		{STATUS_GOOD, STATUS_YES},
		{STATUS_SUPERSEDED, STATUS_YES},
		{STATUS_SUSPENDED, STATUS_IS_SUSPENDED},
		{STATUS_REVOKED, STATUS_IS_REVOKED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].state == state)
			return rows[i].verdict;
	return STATUS_NOT_KNOWN;
}

enum status_verdict status_may_begin(const struct status_view *v, const struct status_limits *l, struct status_now now,
				     const uint8_t serial[static STATLIST_KEY])
{
	if (!v->known)
		return STATUS_NO_LIST;
	if (status_fresh(v, l, now) != STATUS_FRESH)
		return STATUS_IS_STALE;
	return verdict_on(status_of(v, STATUS_CERT, serial));
}

bool status_must_end(const struct status_view *v, const struct status_limits *l, struct status_now now,
		     const uint8_t serial[static STATLIST_KEY])
{
	return status_fresh(v, l, now) == STATUS_CUT || verdict_on(status_of(v, STATUS_CERT, serial)) != STATUS_YES;
}
