/*
 * idkeep: `zt id keep`: a loop of its own around serve/follow, with a handshake process that knows the
 * identity. Each renewal gets it another one. It ends with a signal, or when the identity itself does.
 */
#include "idkeep.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/num.h"
#include "io/notify.h"
#include "io/sigs.h"
#include "serve/dialkit.h"
#include "serve/enrolcall.h"
#include "serve/enroltalk.h"
#include "serve/follow.h"
#include "serve/keyhelper.h"

struct keep {
	const struct idkeep *o;
	struct why *why;
	struct log log;
	struct notify notify;
	int lock;                   /* the directory, held locked */
	struct dialkit kit;
	struct tls_world *world;
	struct tls_plan plan;
	struct conf *conf;          /* of the handshake process; the plan borrows from it */
	struct keyhelper helper;
	struct sigs sigs;
	struct follow *follow;
	bool ready;
	int rc;
};

static void end(struct keep *k, int rc)
{
	k->rc = rc;
	loop_stop(k->kit.loop);
}

/* The handshake process with the identity as it is now, in the place of the one before. */
static int use_identity(struct keep *k, struct why *w)
{
	struct keyhelper next;
	int rc = keyhelper_start(&next, k->conf, w);

	if (rc < 0)
		return rc;
	tls_world_link(k->world, next.line, KEYHELPER_EPOCH);
	next.line = -1;
	keyhelper_stop(&k->helper);
	k->helper = next;
	return 0;
}

/* ---- what follow tells ------------------------------------------------------------------------------ */

static void on_list(void *ctx, struct span list)
{
	struct keep *k = ctx;

	(void)list;
	if (!k->ready)
		notify_send(&k->notify, "READY=1\n");
	k->ready = true;
}

static void on_anchors(void *ctx)
{
	(void)ctx; /* they are in their files, and follow has said so */
}

static void on_renewed(void *ctx)
{
	struct keep *k = ctx;
	int rc = use_identity(k, k->why);

	if (rc < 0)
		end(k, rc);
}

static void on_stuck(void *ctx, const struct why *why)
{
	struct keep *k = ctx;

	*k->why = *why;
	end(k, -(int)why->err);
}

static const struct follow_class follow_class = {on_list, on_anchors, on_renewed, on_stuck, NULL};

static void on_signal(struct sigs *s, int signo)
{
	if (signo == SIGTERM || signo == SIGINT)
		end(CONTAINER_OF(s, struct keep, sigs), 0);
}

/* ---- start and end ---------------------------------------------------------------------------------- */

static int lock(struct keep *k, struct why *w)
{
	int rc = k->lock = identity_dir(k->o->dir, false, w);

	if (rc >= 0 && flock(k->lock, LOCK_EX | LOCK_NB) < 0)
		return why_set(w, ZT_E_LOCKED, "another 'zt id keep' keeps %s already", k->o->dir);
	return rc < 0 ? rc : 0;
}

static int make_parts(struct keep *k)
{
	int rc;

	k->kit.who = "zt id keep";
	rc = dialkit_open(&k->kit);
	if (rc == 0) {
		const struct tls_world_opts o = {.loop = k->kit.loop, .bounds = &k->kit.bounds, .log = &k->log,
						 .shake_ms = ENROLTALK_SHAKE_MS, .rate = 1000, .burst = 1000};

		rc = tls_world_new(&k->world, &o);
	}
	return rc == 0 ? sigs_open(&k->sigs, k->kit.loop, on_signal) : rc;
}

static int start(struct keep *k, struct why *w)
{
	struct follow_opts o = {.log = &k->log, .dirfd = k->lock, .shown = k->o->dir, .before_s = k->o->before_s,
				.cls = &follow_class, .ctx = k};
	struct identity id;
	int rc = identity_open_at(&id, k->lock, k->o->dir, w); /* says it better than the handshake process */

	if (rc < 0)
		return rc;
	identity_close(&id);
	rc = make_parts(k);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc));
	rc = enrolcall_conf(&k->conf, k->o->dir, w);
	if (rc == 0) {
		tls_plan_of(k->conf, &k->plan);
		tls_world_plan(k->world, &k->plan, KEYHELPER_EPOCH);
		rc = use_identity(k, w);
	}
	o.loop = k->kit.loop;
	o.dialer = k->kit.dialer;
	o.world = k->world;
	if (rc == 0)
		rc = follow_new(&k->follow, &o, w);
	return rc;
}

static int live(struct keep *k, struct why *w)
{
	int rc;

	follow_go(k->follow);
	rc = loop_run(k->kit.loop);
	return rc < 0 ? why_set(w, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc)) : k->rc;
}

int idkeep(const struct idkeep *o, struct why *w)
{
	struct keep *k = calloc(1, sizeof *k);
	int rc;

	if (k == NULL)
		return why_set(w, ZT_E_NOMEM, "out of memory");
	k->o = o;
	k->why = w;
	k->lock = -1;
	k->helper = (struct keyhelper){.child = {.orders = -1, .words = -1}, .line = -1};
	log_init(&k->log, &clock_real, "id", "keep");
	notify_open(&k->notify);
	rc = lock(k, w);
	if (rc == 0)
		rc = start(k, w);
	if (rc == 0)
		rc = live(k, w);
	follow_stop(k->follow);
	tls_world_free(k->world);
	dialkit_close(&k->kit);
	follow_free(k->follow);
	keyhelper_stop(&k->helper);
	conf_free(k->conf);
	if (k->lock >= 0)
		close(k->lock);
	free(k);
	return rc;
}
