/*
 * follow_lists: the status lists that follow.c is brought, by the authority or another way: what of them is believed,
 * written down, logged and told. Owns the view and what changed in it. Never asks for one, and ends nothing: it says
 * that this identity may not be used any more.
 */
#include <stdlib.h>

#include "base/ct.h"
#include "base/num.h"
#include "follow_int.h"
#include "wire/keepmsg.h"

#define SEEN_EVERY_S 60    /* a list that changes nothing is written down only so often: it wears the disk */

static const char *const what_names[] = {
	[STATUS_CERT] = "certificate", [STATUS_SESSION] = "session", [STATUS_USER] = "user", [STATUS_GRANT] = "grant"};
static const char *const state_names[] = {
	[STATUS_GOOD] = "good", [STATUS_SUSPENDED] = "suspended", [STATUS_REVOKED] = "revoked",
	[STATUS_SUPERSEDED] = "superseded", [STATUS_GONE] = "gone"};

static void note_change(void *ctx, const struct status_entry *e)
{
	struct follow *f = ctx;

	if (f->nchanged < FOLLOW_CHANGES)
		f->changed[f->nchanged] = *e;
	f->nchanged++;
}

static void log_changes(struct follow *f, bool first)
{
	char key[2 * STATLIST_KEY + 1] = "";

	if (first) /* everything is new: one line, not one each */
		LOG(f->o.log, LOG_INFO, "following the status list", LF_U64("epoch", f->view.seen.epoch),
		    LF_U64("number", f->view.seen.number), LF_U64("entries", f->view.n));
	for (size_t i = 0; !first && i < num_min(f->nchanged, FOLLOW_CHANGES); i++) {
		ct_hex_encode(f->changed[i].key, STATLIST_KEY, key);
		LOG(f->o.log, LOG_INFO, "status changed", LF_STR("what", what_names[f->changed[i].what]), LF_STR("key", key),
		    LF_STR("state", state_names[f->changed[i].state]));
	}
	if (!first && f->nchanged > FOLLOW_CHANGES)
		LOG(f->o.log, LOG_INFO, "status changed, and more", LF_U64("more", f->nchanged - FOLLOW_CHANGES));
}

/* Our own certificate: does what lives by it have to end? */
const char *lists_own_end(const struct follow *f)
{
	unsigned state = f->view.known ? status_of(&f->view, STATUS_CERT, f->serial) : 0;

	return state == STATUS_REVOKED || state == STATUS_SUSPENDED ? state_names[state] : NULL;
}

int lists_judge_self(struct follow *f, struct why *w)
{
	const char *state = lists_own_end(f);

	if (state == NULL)
		return 0;
	LOG(f->o.log, LOG_ERROR, "this identity may not be used any more", LF_STR("state", state));
	return why_set(w, ZT_E_DENIED, "this identity (%s) is %s", f->o.shown, state);
}

static int write_seen(struct follow *f, bool must, struct why *w)
{
	if (!must && follow_mono_s(f) - f->written < SEEN_EVERY_S)
		return 0;
	f->written = follow_mono_s(f);
	return identity_write_seen(f->o.dirfd, f->o.shown, &f->view.seen, w);
}

static int take(struct follow *f, struct span list, enum status_refusal *r, struct why *w)
{
	const struct status_now now = {follow_wall_s(f), follow_mono_s(f)};
	const struct status_seen before = f->view.seen;
	bool first = !f->view.known;
	int rc;

	f->nchanged = 0;
	*r = status_apply(&f->view, list, &f->registry, now, note_change, f);
	if (*r != STATUS_TAKEN)
		return 0;
	rc = write_seen(f, first || f->nchanged > 0, w);
	if (rc < 0) { /* nobody was told: it has to come again */
		f->view.seen = before;
		f->view.known = !first;
		f->written -= SEEN_EVERY_S; /* with its number, though its changes are none any more */
		return rc;
	}
	f->stats.lists++;
	log_changes(f, first);
	f->o.cls->list(f->o.ctx, list);
	return 0;
}

static int refused(struct follow *f, enum status_refusal r, struct why *w)
{
	f->stats.refused++;
	LOG(f->o.log, LOG_WARN, "a status list was refused", LF_STR("reason", status_refusal_name(r)),
	    LF_STR("why", status_refusal_text(r)));
	return why_set(w, ZT_E_DENIED, "a status list was refused: %s", status_refusal_text(r));
}

/* It is no news, but short. */
static void is_known(struct follow *f, struct span list)
{
	struct statlist l;

	if (statlist_read(&l, list, NULL) == 0 && l.kind == STATLIST_FULL)
		f->o.cls->list(f->o.ctx, list);
}

int lists_take(struct follow *f, struct span list, struct why *w)
{
	enum status_refusal r;
	int rc = take(f, list, &r, w);

	if (rc < 0)
		return rc;
	if (r == STATUS_SAME) {
		is_known(f, list);
		return 0;
	}
	if (r != STATUS_TAKEN) {
		f->anew = true;
		return refused(f, r, w);
	}
	f->lost = 0;
	return lists_judge_self(f, w);
}

/* ---- those that came another way ------------------------------------------------------------------- */

static bool is_before(const struct status_seen *a, const struct status_seen *b)
{
	return a->epoch < b->epoch || (a->epoch == b->epoch && a->number < b->number) || a->issued < b->issued;
}

/* Several peers bring the same lists, and one of them may be behind. */
static bool is_stray(enum status_refusal r)
{
	return r == STATUS_SAME || r == STATUS_ROLLBACK || r == STATUS_OLD_EPOCH || r == STATUS_BASE;
}

/* How many of them fit on each other from the first on, and what was said of the last one that was asked about. */
static size_t apply_chain(struct follow *f, struct status_view *v, struct span lists, enum status_refusal *r)
{
	const struct status_now now = {follow_wall_s(f), follow_mono_s(f)};
	struct rd rest = rd_of(lists);
	struct span list;
	size_t n = 0;

	*r = STATUS_TAKEN;
	while (keepmsg_next_list(&rest, &list) > 0 && (*r = status_apply(v, list, &f->registry, now, NULL, NULL)) == STATUS_TAKEN)
		n++;
	return n;
}

/* Nothing is known since the start. Where the chain leads is as good as a full list of that number; what lies
 * before it is told to nobody until the number is on disk. */
static int take_chain(struct follow *f, struct span lists, struct why *w)
{
	struct status_entry *mem = calloc(STATLIST_MOST, sizeof *mem);
	struct rd r = rd_of(lists);
	enum status_refusal said;
	struct status_view v;
	struct span list;
	size_t n;
	int rc = 0;

	if (mem == NULL)
		return why_set(w, ZT_E_NOMEM, "there is no memory for the status list");
	status_init(&v, mem, STATLIST_MOST, &(struct status_seen){0});
	n = apply_chain(f, &v, lists, &said);
	if (n == 0 && said == STATUS_TAKEN) /* not one was read */
		rc = why_set(w, ZT_E_SYNTAX, "malformed lists");
	else if (n == 0 && !is_stray(said))
		rc = refused(f, said, w);
	if (n == 0 || is_before(&v.seen, &f->view.seen) || (rc = identity_write_seen(f->o.dirfd, f->o.shown, &v.seen, w)) < 0) {
		free(mem);
		return rc;
	}
	free(f->view.entry);
	f->view = v;
	f->written = follow_mono_s(f);
	f->stats.lists += n;
	log_changes(f, true);
	while (n-- && keepmsg_next_list(&r, &list) > 0)
		f->o.cls->list(f->o.ctx, list);
	return 0;
}

static int take_each(struct follow *f, struct span lists, struct why *w)
{
	enum status_refusal s = STATUS_TAKEN;
	struct rd r = rd_of(lists);
	struct span list;
	int rc = 0, more;

	while (rc == 0 && (more = keepmsg_next_list(&r, &list)) != 0) {
		rc = more < 0 ? why_set(w, ZT_E_SYNTAX, "malformed lists") : take(f, list, &s, w);
		if (rc == 0 && s == STATUS_SAME)
			is_known(f, list);
		else if (rc == 0 && s != STATUS_TAKEN && !is_stray(s))
			rc = refused(f, s, w);
	}
	return rc;
}

int lists_offer(struct follow *f, struct span lists, struct why *w)
{
	return (f->view.known ? take_each : take_chain)(f, lists, w);
}
