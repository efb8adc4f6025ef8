/*
 * idkeep: `zt id keep`. One talk at a time (serve/enrolcall): a watch that lasts until the next renewal is
 * due, a renewal, a pause of random length after what failed.
 * Owns the view of the status list. What a list says is acted on when its number is on disk, so that no
 * older one is believed after a restart.
 */
#include "idkeep.h"

#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/log.h"
#include "base/num.h"
#include "decide/keeping.h"
#include "io/notify.h"
#include "serve/idrenew.h"

#define CHANGES 64         /* of one list get a line each, the rest one together */
#define SEEN_EVERY_S 60    /* a list that changes nothing is written down only so often: it wears the disk */

struct keeper {
	const struct idkeep *o;
	struct log log;
	struct notify notify;
	int lock;                   /* the directory, held locked */
	struct identity id;
	struct identity_where where;
	struct authority_pins pins;
	struct pk_public registry;
	struct status_view view;
	struct status_entry changed[CHANGES];
	size_t nchanged;            /* may be more than CHANGES */
	int64_t written;            /* mono seconds: when status.seen was */
	uint8_t instance[ENROL_INSTANCE];
	unsigned lost, failed;      /* connections, renewals since the last that worked */
	int64_t renew_at;           /* wall, seconds */
	bool ready, anew;           /* anew: ask for the whole list */
	bool signalled;
};

static int64_t wall_s(void)
{
	return clock_wall(&clock_real) / 1000;
}

static int64_t mono_s(void)
{
	return (int64_t)(clock_mono(&clock_real) / NS_PER_S);
}

static uint32_t dice(void)
{
	uint32_t d;

	random_bytes(&d, sizeof d);
	return d;
}

/* ---- lists --------------------------------------------------------------------------------------------- */

static const char *const what_names[] = {
	[STATUS_CERT] = "certificate", [STATUS_SESSION] = "session", [STATUS_USER] = "user", [STATUS_GRANT] = "grant"};
static const char *const state_names[] = {
	[STATUS_GOOD] = "good", [STATUS_SUSPENDED] = "suspended", [STATUS_REVOKED] = "revoked",
	[STATUS_SUPERSEDED] = "superseded", [STATUS_GONE] = "gone"};

static void note_change(void *ctx, const struct status_entry *e)
{
	struct keeper *k = ctx;

	if (k->nchanged < CHANGES)
		k->changed[k->nchanged] = *e;
	k->nchanged++;
}

static void log_changes(struct keeper *k, bool first)
{
	char key[2 * STATLIST_KEY + 1] = "";

	if (first) /* everything is new: one line, not one each */
		LOG(&k->log, LOG_INFO, "following the status list", LF_U64("epoch", k->view.seen.epoch),
		    LF_U64("number", k->view.seen.number), LF_U64("entries", k->view.n));
	for (size_t i = 0; !first && i < num_min(k->nchanged, CHANGES); i++) {
		ct_hex_encode(k->changed[i].key, STATLIST_KEY, key);
		LOG(&k->log, LOG_INFO, "status changed", LF_STR("what", what_names[k->changed[i].what]), LF_STR("key", key),
		    LF_STR("state", state_names[k->changed[i].state]));
	}
	if (!first && k->nchanged > CHANGES)
		LOG(&k->log, LOG_INFO, "status changed, and more", LF_U64("more", k->nchanged - CHANGES));
}

/* Our own certificate: does what lives by it have to end? */
static int judge_self(struct keeper *k, struct why *w)
{
	unsigned state = status_of(&k->view, STATUS_CERT, k->id.serial);

	if (state != STATUS_REVOKED && state != STATUS_SUSPENDED)
		return 0;
	LOG(&k->log, LOG_ERROR, "this identity may not be used any more", LF_STR("state", state_names[state]));
	return why_set(w, ZT_E_DENIED, "this identity (%s) is %s", k->o->dir, state_names[state]);
}

static int write_seen(struct keeper *k, bool must, struct why *w)
{
	if (!must && mono_s() - k->written < SEEN_EVERY_S)
		return 0;
	k->written = mono_s();
	return identity_write_seen(k->id.dirfd, k->o->dir, &k->view.seen, w);
}

static int take_list(struct keeper *k, struct span list, struct why *w)
{
	const struct status_now now = {wall_s(), mono_s()};
	bool first = !k->view.known;
	enum status_refusal r;
	int rc;

	k->nchanged = 0;
	r = status_apply(&k->view, list, &k->registry, now, note_change, k);
	if (r == STATUS_SAME)
		return 0;
	if (r != STATUS_TAKEN) {
		LOG(&k->log, LOG_WARN, "a status list was refused", LF_STR("reason", status_refusal_name(r)),
		    LF_STR("why", status_refusal_text(r)));
		k->anew = true;
		return why_set(w, ZT_E_DENIED, "a status list was refused: %s", status_refusal_text(r));
	}
	rc = write_seen(k, first || k->nchanged > 0, w);
	if (rc < 0)
		return rc;
	k->lost = 0;
	log_changes(k, first);
	if (!k->ready)
		notify_send(&k->notify, "READY=1\n");
	k->ready = true;
	return judge_self(k, w);
}

static int take_anchors(struct keeper *k, const struct enrol *m, struct why *w)
{
	int rc = identity_store_anchors(k->id.dirfd, k->o->dir, m, w);

	if (rc > 0)
		LOG(&k->log, LOG_WARN, "whom to trust has changed", LF_STR("in", "trust/"));
	return rc < 0 ? rc : 0;
}

static int on_event(void *ctx, enum enrolee_event ev, const struct enrol *m, struct why *w)
{
	return ev == ENROLEE_LIST ? take_list(ctx, m->field[ENF_LIST], w) : take_anchors(ctx, m, w);
}

static void on_opened(void *ctx, const char *addr)
{
	struct keeper *k = ctx;

	LOG(&k->log, LOG_INFO, "connected to the authority", LF_STR("at", addr));
}

/* ---- one certificate's life -------------------------------------------------------------------------------- */

static void plan_renewal(struct keeper *k, unsigned failures)
{
	const struct keeping_life l = {identity_renew_at(&k->id.cert), k->id.cert.not_after, k->o->before_s};

	k->renew_at = keeping_renew_at(&l, failures, wall_s(), dice());
}

/* The identity as it is on disk now: `zt id renew` may have changed it. */
static int reopen(struct keeper *k, struct why *w)
{
	uint8_t was[CERT_SERIAL];
	enum oid alg;
	int rc;

	memcpy(was, k->id.serial, sizeof was);
	if (k->id.dirfd >= 0)
		identity_close(&k->id);
	rc = identity_open(&k->id, k->o->dir, w);
	if (rc < 0)
		return rc;
	identity_forget_key(&k->id);
	rc = idrenew_role(k->id.role, w);
	if (rc == 0)
		rc = identity_read_where(k->id.dirfd, k->o->dir, &k->where, w);
	if (rc == 0)
		rc = authority_pins_of(&k->pins, k->id.infra, "this identity", w);
	if (rc == 0 && x509_spki(k->id.registry, &k->registry, &alg) < 0)
		rc = why_set(w, ZT_E_DAMAGED, "%.300s/registry.pem: its key cannot be used", k->o->dir);
	if (rc == 0 && !ct_eq(was, k->id.serial, sizeof was)) {
		k->failed = 0;
		plan_renewal(k, 0);
	}
	return rc;
}

/* *refused: the authority itself said no. */
static int watch(struct keeper *k, bool *refused, struct why *w)
{
	char path[IDENTITY_PATH];
	struct enrolee e = {.kind = ENROLEE_WATCH, .asked = {.pins = &k->pins, .registry = k->id.registry}};
	struct enrolcall call = {.who = "zt id keep", .where = &k->where, .identity = path, .e = &e, .on = on_event,
				 .opened = on_opened, .ctx = k, .floor = status_floor(&k->view, CLOCK_FLOOR_S)};
	int64_t left = k->renew_at - wall_s();
	int rc = identity_path(k->o->dir, path, w);

	*refused = false;
	if (rc < 0)
		return rc;
	memcpy(e.instance, k->instance, sizeof e.instance);
	if (k->view.known && !k->anew) {
		e.epoch = k->view.seen.epoch;
		e.number = k->view.seen.number;
	}
	k->anew = false;
	call.until_ns = clock_mono(&clock_real) + (left > 0 ? (uint64_t)left : 0) * NS_PER_S + 1;
	rc = enrolcall_run(&call, &k->signalled, w);
	*refused = e.refused;
	return rc;
}

static void renew(struct keeper *k)
{
	const struct idrenew o = {.who = "zt id keep", .dir = k->o->dir, .signalled = &k->signalled};
	struct why why = {0};
	int rc = idrenew(&o, &why);

	if (rc == 0) {
		LOG0(&k->log, LOG_INFO, "renewed");
		return; /* reopen() sees the new one */
	}
	if (k->signalled)
		return;
	k->failed++;
	plan_renewal(k, k->failed);
	LOG(&k->log, LOG_WARN, "could not renew", LF_STR("why", why.text), LF_I64("again_in_s", k->renew_at - wall_s()),
	    LF_I64("left_s", k->id.cert.not_after - wall_s()));
}

/* What has to end it all; everything else is tried again. */
static bool is_final(const struct keeper *k, int rc, bool refused)
{
	unsigned state = k->view.known ? status_of(&k->view, STATUS_CERT, k->id.serial) : 0;

	return rc == -ZT_E_DENIED && (refused || state == STATUS_REVOKED || state == STATUS_SUSPENDED);
}

static int check_expired(const struct keeper *k, struct why *w)
{
	return wall_s() <= k->id.cert.not_after ? 0 : why_set(w, ZT_E_DENIED, "this identity (%s) has expired: join again, with a new "
							       "token and --replace", k->o->dir);
}

static int live(struct keeper *k, struct why *w)
{
	while (!k->signalled) {
		struct why why = {0};
		bool refused;
		int rc = reopen(k, w);

		if (rc == 0)
			rc = check_expired(k, w);
		if (rc < 0)
			return rc;
		if (wall_s() >= k->renew_at) {
			renew(k);
			continue;
		}
		rc = watch(k, &refused, &why);
		if (k->signalled || rc == -ZT_E_CANCELLED)
			continue;
		if (is_final(k, rc, refused))
			return why_set(w, why.err, "%s", why.text);
		LOG(&k->log, LOG_WARN, "the authority was lost", LF_STR("why", why.text));
		k->signalled = enrolcall_pause(keeping_reconnect_ms(k->lost++, dice()));
	}
	return 0;
}

/* ---- start and end --------------------------------------------------------------------------------------------- */

static int start(struct keeper *k, struct why *w)
{
	struct status_seen seen;
	struct status_entry *mem;
	int rc = k->lock = identity_dir(k->o->dir, false, w);

	if (rc >= 0 && flock(k->lock, LOCK_EX | LOCK_NB) < 0)
		rc = why_set(w, ZT_E_LOCKED, "another 'zt id keep' keeps %s already", k->o->dir);
	if (rc >= 0)
		rc = identity_read_seen(k->lock, k->o->dir, &seen, w);
	if (rc < 0)
		return rc;
	mem = calloc(STATLIST_MOST, sizeof *mem); /* pages that no list fills are never touched */
	if (mem == NULL)
		return why_set(w, ZT_E_NOMEM, "there is no memory for the status list");
	status_init(&k->view, mem, STATLIST_MOST, &seen);
	random_bytes(k->instance, sizeof k->instance);
	return 0;
}

int idkeep(const struct idkeep *o, struct why *w)
{
	struct keeper *k = calloc(1, sizeof *k);
	int rc;

	if (k == NULL)
		return why_set(w, ZT_E_NOMEM, "out of memory");
	k->o = o;
	k->id.dirfd = k->lock = -1;
	log_init(&k->log, &clock_real, "id", "keep");
	notify_open(&k->notify);
	rc = start(k, w);
	if (rc == 0)
		rc = live(k, w);
	if (k->id.dirfd >= 0)
		identity_close(&k->id);
	if (k->lock >= 0)
		close(k->lock);
	free(k->view.entry);
	free(k);
	return rc;
}
