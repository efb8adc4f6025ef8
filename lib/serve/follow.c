/*
 * follow: see follow.h. Owns the view of the status list, one talk at a time (serve/enroltalk) and the moment
 * of the next thing to do:
 *
 *   follow_go() -> step: read the identity -> renewal due? renew : watch until it is
 *   a talk is over -> wait for a while of random length -> step
 *
 * Allocates itself, once: a view of BOUND_STATUS_ENTRIES, whose pages no list fills are never touched.
 */
#include "follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "decide/keeping.h"
#include "enroltalk.h"
#include "idrenew.h"
#include "wire/keepmsg.h"

#define CHANGES 64         /* of one list get a line each, the rest one together */
#define SEEN_EVERY_S 60    /* a list that changes nothing is written down only so often: it wears the disk */
#define LOOK_EVERY_S 3600  /* at the wall clock, which may be set, for the next renewal */

struct follow {
	struct follow_opts o;
	struct timer step, due;
	struct identity_where where;
	struct authority_pins pins;
	struct enrolee watch;
	struct idrenewal renewal;   /* its id is open: the identity as it was read last, without its key */
	struct enroltalk talk;
	struct pk_public registry;
	struct status_view view;
	struct status_entry changed[CHANGES];
	size_t nchanged;            /* may be more than CHANGES */
	int64_t written;            /* mono seconds: when status.seen was */
	uint8_t instance[ENROL_INSTANCE], serial[CERT_SERIAL];
	unsigned lost, failed;      /* connections, renewals since the last that worked */
	int64_t renew_at;           /* wall, seconds */
	bool renewing, anew, open;  /* anew: ask for the whole list; open: renewal.id is */
	struct follow_stats stats;
};

static int64_t wall_s(const struct follow *f)
{
	return clock_wall(loop_clock(f->o.loop)) / 1000;
}

static int64_t mono_s(const struct follow *f)
{
	return (int64_t)(clock_mono(loop_clock(f->o.loop)) / NS_PER_S);
}

static uint32_t dice(void)
{
	uint32_t d;

	random_bytes(&d, sizeof d);
	return d;
}

static void step_after(struct follow *f, uint64_t ms)
{
	if (!loop_timer(f->o.loop, &f->step, ms * NS_PER_MS))
		loop_stop(f->o.loop); /* no memory for one timer: let the supervisor try again */
}

static void stuck(struct follow *f, const struct why *why)
{
	step_after(f, FOLLOW_AGAIN_S * 1000);
	f->o.cls->stuck(f->o.ctx, why);
}

/* ---- lists ----------------------------------------------------------------------------------------- */

static const char *const what_names[] = {
	[STATUS_CERT] = "certificate", [STATUS_SESSION] = "session", [STATUS_USER] = "user", [STATUS_GRANT] = "grant"};
static const char *const state_names[] = {
	[STATUS_GOOD] = "good", [STATUS_SUSPENDED] = "suspended", [STATUS_REVOKED] = "revoked",
	[STATUS_SUPERSEDED] = "superseded", [STATUS_GONE] = "gone"};

static void note_change(void *ctx, const struct status_entry *e)
{
	struct follow *f = ctx;

	if (f->nchanged < CHANGES)
		f->changed[f->nchanged] = *e;
	f->nchanged++;
}

static void log_changes(struct follow *f, bool first)
{
	char key[2 * STATLIST_KEY + 1] = "";

	if (first) /* everything is new: one line, not one each */
		LOG(f->o.log, LOG_INFO, "following the status list", LF_U64("epoch", f->view.seen.epoch),
		    LF_U64("number", f->view.seen.number), LF_U64("entries", f->view.n));
	for (size_t i = 0; !first && i < num_min(f->nchanged, CHANGES); i++) {
		ct_hex_encode(f->changed[i].key, STATLIST_KEY, key);
		LOG(f->o.log, LOG_INFO, "status changed", LF_STR("what", what_names[f->changed[i].what]), LF_STR("key", key),
		    LF_STR("state", state_names[f->changed[i].state]));
	}
	if (!first && f->nchanged > CHANGES)
		LOG(f->o.log, LOG_INFO, "status changed, and more", LF_U64("more", f->nchanged - CHANGES));
}

/* Our own certificate: does what lives by it have to end? */
static const char *own_end(const struct follow *f)
{
	unsigned state = f->view.known ? status_of(&f->view, STATUS_CERT, f->serial) : 0;

	return state == STATUS_REVOKED || state == STATUS_SUSPENDED ? state_names[state] : NULL;
}

static int judge_self(struct follow *f, struct why *w)
{
	const char *state = own_end(f);

	if (state == NULL)
		return 0;
	LOG(f->o.log, LOG_ERROR, "this identity may not be used any more", LF_STR("state", state));
	return why_set(w, ZT_E_DENIED, "this identity (%s) is %s", f->o.shown, state);
}

static int write_seen(struct follow *f, bool must, struct why *w)
{
	if (!must && mono_s(f) - f->written < SEEN_EVERY_S)
		return 0;
	f->written = mono_s(f);
	return identity_write_seen(f->o.dirfd, f->o.shown, &f->view.seen, w);
}

static int take(struct follow *f, struct span list, enum status_refusal *r, struct why *w)
{
	const struct status_now now = {wall_s(f), mono_s(f)};
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

static int take_list(struct follow *f, struct span list, struct why *w)
{
	enum status_refusal r;
	struct statlist l;
	int rc = take(f, list, &r, w);

	if (rc < 0)
		return rc;
	if (r == STATUS_SAME) {
		if (statlist_read(&l, list, NULL) == 0 && l.kind == STATLIST_FULL)
			f->o.cls->list(f->o.ctx, list);
		return 0;
	}
	if (r != STATUS_TAKEN) {
		f->anew = true;
		return refused(f, r, w);
	}
	f->lost = 0;
	return judge_self(f, w);
}

/* ---- lists that came another way --------------------------------------------------------------------- */

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
	const struct status_now now = {wall_s(f), mono_s(f)};
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
	if (n == 0 && !is_stray(said))
		rc = refused(f, said, w);
	if (n == 0 || is_before(&v.seen, &f->view.seen) || (rc = identity_write_seen(f->o.dirfd, f->o.shown, &v.seen, w)) < 0) {
		free(mem);
		return rc;
	}
	free(f->view.entry);
	f->view = v;
	f->written = mono_s(f);
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
		if (rc == 0 && s != STATUS_TAKEN && !is_stray(s))
			rc = refused(f, s, w);
	}
	return rc;
}

int follow_offer(struct follow *f, struct span lists, struct why *w)
{
	int rc;

	if (!f->open)
		return why_set(w, ZT_E_AGAIN, "no identity was read yet");
	rc = (f->view.known ? take_each : take_chain)(f, lists, w);
	if (rc == 0 && judge_self(f, w) < 0 && !f->renewing) {
		enroltalk_end(&f->talk);
		f->stats.connected = false;
		stuck(f, w);
	}
	return rc;
}

static int take_anchors(struct follow *f, const struct enrol *m, struct why *w)
{
	int rc = identity_store_anchors(f->o.dirfd, f->o.shown, m, w);

	if (rc <= 0)
		return rc;
	LOG(f->o.log, LOG_WARN, "whom to trust has changed", LF_STR("in", "trust/"));
	f->o.cls->anchors(f->o.ctx);
	return 0;
}

/* ---- a talk ------------------------------------------------------------------------------------------ */

static struct follow *of(struct enroltalk *t)
{
	return CONTAINER_OF(t, struct follow, talk);
}

static int talk_said(struct enroltalk *t, enum enrolee_event ev, const struct enrol *m, struct why *w)
{
	struct follow *f = of(t);

	if (f->renewing)
		return idrenewal_store(&f->renewal, ev, m, w);
	return ev == ENROLEE_LIST ? take_list(f, m->field[ENF_LIST], w) : take_anchors(f, m, w);
}

static void talk_met(struct enroltalk *t)
{
	struct follow *f = of(t);

	f->stats.connected = !f->renewing;
	LOG(f->o.log, LOG_INFO, "connected to the authority", LF_STR("at", enroltalk_addr(t)));
}

static void plan_renewal(struct follow *f, unsigned failures)
{
	const struct keeping_life l = {identity_renew_at(&f->renewal.id.cert), f->renewal.id.cert.not_after, f->o.before_s};

	f->renew_at = keeping_renew_at(&l, failures, wall_s(f), dice());
}

static void renewal_over(struct follow *f, int rc, const struct why *why)
{
	f->renewing = false;
	idrenewal_over(&f->renewal, rc);
	if (rc == 0) {
		f->stats.renewals++;
		LOG0(f->o.log, LOG_INFO, "renewed");
		f->o.cls->renewed(f->o.ctx);
	} else {
		f->failed++;
		f->stats.failed++;
		plan_renewal(f, f->failed);
		LOG(f->o.log, LOG_WARN, "could not renew", LF_STR("why", why->text), LF_I64("again_in_s", f->renew_at - wall_s(f)),
		    LF_I64("left_s", f->renewal.id.cert.not_after - wall_s(f)));
	}
	step_after(f, 0);
}

static void talk_over(struct enroltalk *t, int rc)
{
	struct follow *f = of(t);

	f->stats.connected = false;
	loop_timer_stop(f->o.loop, &f->due);
	if (f->renewing) {
		renewal_over(f, rc, &t->why);
		return;
	}
	if (rc == -ZT_E_DENIED && (f->watch.refused || own_end(f))) { /* nothing that trying soon could change */
		stuck(f, &t->why);
		return;
	}
	f->stats.lost++;
	LOG(f->o.log, LOG_WARN, "the authority was lost", LF_STR("why", t->why.text));
	step_after(f, keeping_reconnect_ms(f->lost++, dice()));
}

static const struct enroltalk_class talk_class = {.said = talk_said, .met = talk_met, .over = talk_over};

static void talk_about(struct follow *f, struct enrolee *e, const struct identity_where *where, int64_t floor)
{
	f->talk.e = e;
	f->talk.where = where;
	f->talk.floor = floor;
	enroltalk_dial(&f->talk);
}

/* ---- what is due --------------------------------------------------------------------------------------- */

/* The identity as it is on disk now: it may be another one than before. */
static int reopen(struct follow *f, struct why *w)
{
	struct identity *id = &f->renewal.id;
	enum oid alg;
	int rc;

	if (f->open)
		identity_close(id);
	f->open = false;
	rc = identity_open_at(id, f->o.dirfd, f->o.shown, w);
	if (rc < 0)
		return rc;
	f->open = true;
	rc = idrenew_role(id->role, w);
	if (rc == 0)
		rc = identity_read_where(f->o.dirfd, f->o.shown, &f->where, w);
	if (rc == 0)
		rc = authority_pins_of(&f->pins, id->infra, "this identity", w);
	if (rc == 0 && x509_spki(id->registry, &f->registry, &alg) < 0)
		rc = why_set(w, ZT_E_DAMAGED, "%.300s/registry.pem: its key cannot be used", f->o.shown);
	if (rc == 0 && !ct_eq(f->serial, id->serial, sizeof f->serial)) {
		memcpy(f->serial, id->serial, sizeof f->serial);
		f->failed = 0;
		plan_renewal(f, 0);
		if (f->o.cls->found)
			f->o.cls->found(f->o.ctx);
	}
	if (rc == 0 && wall_s(f) > id->cert.not_after)
		rc = why_set(w, ZT_E_DENIED, "this identity (%s) has expired: join again, with a new token and --replace", f->o.shown);
	return rc;
}

static void begin_renewal(struct follow *f)
{
	struct why why = {0};
	int rc = idrenewal_begin(&f->renewal, false, wall_s(f), &why);

	f->renewing = true;
	if (rc < 0)
		renewal_over(f, rc, &why);
	else
		talk_about(f, &f->renewal.e, &f->renewal.where, f->renewal.floor);
}

static void begin_watch(struct follow *f)
{
	identity_forget_key(&f->renewal.id);
	f->watch = (struct enrolee){.kind = ENROLEE_WATCH, .asked = {.pins = &f->pins, .registry = f->renewal.id.registry}};
	memcpy(f->watch.instance, f->instance, sizeof f->instance);
	if (f->view.known && !f->anew) {
		f->watch.epoch = f->view.seen.epoch;
		f->watch.number = f->view.seen.number;
	}
	f->anew = false;
	talk_about(f, &f->watch, &f->where, status_floor(&f->view, CLOCK_FLOOR_S));
}

/* Both clocks have a say: what is far away is looked at again every hour. */
static void arm_due(struct follow *f)
{
	int64_t left = f->renew_at - wall_s(f);

	if (!loop_timer(f->o.loop, &f->due, (uint64_t)(left < 1 ? 1 : left < LOOK_EVERY_S ? left : LOOK_EVERY_S) * NS_PER_S))
		loop_stop(f->o.loop);
}

static void on_step(struct timer *t, uint64_t now)
{
	struct follow *f = CONTAINER_OF(t, struct follow, step);
	struct why why = {0};

	(void)now;
	enroltalk_end(&f->talk);
	loop_timer_stop(f->o.loop, &f->due); /* of the watch before: it would cut a renewal off */
	f->stats.connected = f->renewing = false;
	if (reopen(f, &why) < 0) {
		identity_forget_key(&f->renewal.id);
		stuck(f, &why);
	} else if (wall_s(f) >= f->renew_at) {
		begin_renewal(f);
	} else {
		arm_due(f);
		begin_watch(f);
	}
}

static void on_due(struct timer *t, uint64_t now)
{
	struct follow *f = CONTAINER_OF(t, struct follow, due);

	if (wall_s(f) >= f->renew_at)
		on_step(&f->step, now);
	else
		arm_due(f);
}

/* ---- start and end ---------------------------------------------------------------------------------------- */

int follow_new(struct follow **out, const struct follow_opts *o, struct why *w)
{
	struct follow *f = calloc(1, sizeof *f);
	struct status_entry *mem = f ? calloc(STATLIST_MOST, sizeof *mem) : NULL;
	struct status_seen seen;
	int rc;

	if (mem == NULL) {
		free(f);
		return why_set(w, ZT_E_NOMEM, "there is no memory for the status list");
	}
	rc = identity_read_seen(o->dirfd, o->shown, &seen, w);
	if (rc < 0) {
		free(mem);
		free(f);
		return rc;
	}
	f->o = *o;
	status_init(&f->view, mem, STATLIST_MOST, &seen);
	random_bytes(f->instance, sizeof f->instance);
	f->step.fire = on_step;
	f->due.fire = on_due;
	f->talk.cls = &talk_class;
	f->talk.loop = o->loop;
	f->talk.dialer = o->dialer;
	f->talk.world = o->world;
	f->talk.plan = o->plan;
	*out = f;
	return 0;
}

void follow_go(struct follow *f)
{
	if (!f->renewing) /* that goes on: the next step sees what it made */
		step_after(f, 0);
}

void follow_whole(struct follow *f)
{
	f->anew = true;
	follow_go(f);
}

void follow_stop(struct follow *f)
{
	if (f == NULL)
		return;
	enroltalk_end(&f->talk);
	loop_timer_stop(f->o.loop, &f->step);
	loop_timer_stop(f->o.loop, &f->due);
	if (f->open)
		identity_close(&f->renewal.id);
	f->open = false;
}

void follow_free(struct follow *f)
{
	if (f)
		free(f->view.entry);
	free(f);
}

void follow_stats(const struct follow *f, struct follow_stats *out)
{
	*out = f->stats;
	memcpy(out->serial, f->serial, sizeof out->serial);
	out->known = f->view.known;
	out->epoch = f->view.seen.epoch;
	out->number = f->view.seen.number;
	out->issued = f->view.seen.issued;
	out->entries = f->view.n;
	out->heard_s = f->view.known ? mono_s(f) - f->view.heard : 0;
	out->not_after = f->open ? f->renewal.id.cert.not_after : 0;
	out->renew_at = f->renew_at;
}
