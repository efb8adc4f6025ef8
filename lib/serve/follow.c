/*
 * follow: see follow.h. Owns one talk at a time (serve/enroltalk) and the moment of the next thing to do. Never
 * judges a list: follow_lists.c.
 *
 *   follow_go() -> step: read the identity -> renewal due? renew : watch until it is
 *   a talk is over -> wait for a while of random length -> step
 *
 * Allocates itself, once: a view of BOUND_STATUS_ENTRIES, whose pages no list fills are never touched.
 */
#include "follow_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "decide/keeping.h"

#define LOOK_EVERY_S 3600  /* at the wall clock, which may be set, for the next renewal */

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

int follow_offer(struct follow *f, struct span lists, struct why *w)
{
	int rc;

	if (!f->open)
		return why_set(w, ZT_E_AGAIN, "no identity was read yet");
	rc = lists_offer(f, lists, w);
	if (rc == 0 && lists_judge_self(f, w) < 0 && !f->renewing) {
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
	return ev == ENROLEE_LIST ? lists_take(f, m->field[ENF_LIST], w) : take_anchors(f, m, w);
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

	f->renew_at = keeping_renew_at(&l, failures, follow_wall_s(f), dice());
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
		LOG(f->o.log, LOG_WARN, "could not renew", LF_STR("why", why->text), LF_I64("again_in_s", f->renew_at - follow_wall_s(f)),
		    LF_I64("left_s", f->renewal.id.cert.not_after - follow_wall_s(f)));
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
	if (rc == -ZT_E_DENIED && (f->watch.refused || lists_own_end(f))) { /* nothing that trying soon could change */
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
	if (rc == 0 && follow_wall_s(f) > id->cert.not_after)
		rc = why_set(w, ZT_E_DENIED, "this identity (%s) has expired: join again, with a new token and --replace", f->o.shown);
	return rc;
}

static void begin_renewal(struct follow *f)
{
	struct why why = {0};
	int rc = idrenewal_begin(&f->renewal, false, follow_wall_s(f), &why);

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
	int64_t left = f->renew_at - follow_wall_s(f);

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
	} else if (follow_wall_s(f) >= f->renew_at) {
		begin_renewal(f);
	} else {
		arm_due(f);
		begin_watch(f);
	}
}

static void on_due(struct timer *t, uint64_t now)
{
	struct follow *f = CONTAINER_OF(t, struct follow, due);

	if (follow_wall_s(f) >= f->renew_at)
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
	out->heard_s = f->view.known ? follow_mono_s(f) - f->view.heard : 0;
	out->not_after = f->open ? f->renewal.id.cert.not_after : 0;
	out->renew_at = f->renew_at;
}
