/*
 * enrolcall: see enrolcall.h. Owns the loop, the dialer and the handshake process of one talk
 * (serve/enroltalk, or serve/enrolwait), all of them gone when it returns.
 */
#include "enrolcall.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "dialkit.h"
#include "enrolwait.h"
#include "keyhelper.h"

#define CONF_ROOM 2048

/* Everything of one talk. */
struct run {
	struct enrolcall *c;
	struct why *why;
	struct keyhelper helper;
	struct dialkit kit;
	struct log log;
	struct tls_plan plan;
	struct tls_world *world;
	bool over;
	int rc;
	struct timer patience;
	struct enroltalk talk;
	struct enrolwait wait;
};

static void finish(struct run *r, int rc)
{
	if (r->over)
		return;
	r->over = true;
	r->rc = rc;
	loop_stop(r->kit.loop);
}

static int talk_said(struct enroltalk *t, enum enrolee_event ev, const struct enrol *m, struct why *w)
{
	const struct enrolcall *c = CONTAINER_OF(t, struct run, talk)->c;

	return c->on(c->ctx, ev, m, w);
}

static void talk_over(struct enroltalk *t, int rc)
{
	struct run *r = CONTAINER_OF(t, struct run, talk);

	*r->why = t->why;
	finish(r, rc);
}

static const struct enroltalk_class talk_class = {.said = talk_said, .over = talk_over};

static int wait_said(struct enrolwait *w, enum enrolee_event ev, const struct enrol *m, struct why *why)
{
	const struct enrolcall *c = CONTAINER_OF(w, struct run, wait)->c;

	return c->on(c->ctx, ev, m, why);
}

static void wait_missed(struct enrolwait *w, const struct why *why)
{
	const struct enrolcall *c = CONTAINER_OF(w, struct run, wait)->c;

	c->missed(c->ctx, why);
}

static void wait_over(struct enrolwait *w, int rc, const struct why *why)
{
	struct run *r = CONTAINER_OF(w, struct run, wait);

	*r->why = *why;
	finish(r, rc);
}

static const struct enrolwait_class wait_class = {wait_said, wait_missed, wait_over};

static void out_of_patience(struct timer *t, uint64_t now)
{
	struct run *r = CONTAINER_OF(t, struct run, patience);

	(void)now;
	finish(r, why_set(r->why, ZT_E_TIMEOUT, "the authority has not called within %llu seconds",
			  (unsigned long long)(r->c->wait_ms / 1000)));
}

/* ---- one talk ---------------------------------------------------------------------------------- */

/* A client that lets every certificate through to authority_met(), which knows better. */
int enrolcall_conf(struct conf **out, const char *dir, struct why *w)
{
	char mem[CONF_ROOM];
	struct wr text = wr_of(mem, sizeof mem);
	struct conf_faults faults;
	int rc;

	wr_str(&text, "[log]\nlevel = error\n[relay]\nlisten = 127.0.0.1:0\nto = 127.0.0.1:1\nconnect = tls\n"
		      "insecure_connect_any_cert = true\nconnect_alpn = " ENROL_ALPN "\n");
	for (int key = 0; dir && key < 2; key++) {
		wr_str(&text, key ? "connect_key = " : "connect_cert = ");
		wr_str(&text, dir);
		wr_str(&text, "/" IDENTITY_FILE "\n");
	}
	conf_faults_init(&faults);
	rc = text.full ? -ZT_E_TOOLONG : conf_parse_text(out, wr_span(&text), "the identity's path", &faults);
	if (rc < 0)
		why_set(w, (enum zt_err)-rc, "%s", faults.first ? faults.first->text : err_text((enum zt_err)-rc));
	conf_faults_free(&faults);
	return rc;
}

static int begin_talk(struct run *r)
{
	r->talk.cls = &talk_class;
	r->talk.loop = r->kit.loop;
	r->talk.dialer = r->kit.dialer;
	r->talk.world = r->world;
	r->talk.where = r->c->where;
	r->talk.e = r->c->e;
	r->talk.floor = r->c->floor;
	enroltalk_dial(&r->talk);
	return 0;
}

static int begin_wait(struct run *r)
{
	const size_t n = r->c->doors;

	r->patience.fire = out_of_patience;
	if (!loop_timer(r->kit.loop, &r->patience, r->c->wait_ms * NS_PER_MS))
		return -ZT_E_NOMEM;
	r->wait.cls = &wait_class;
	r->wait.loop = r->kit.loop;
	r->wait.world = r->world;
	r->wait.floor = r->c->floor;
	r->wait.e = r->c->e;
	r->c->doors = 0; /* they are the wait's now */
	return enrolwait_start(&r->wait, r->c->door, n);
}

static int start(struct run *r)
{
	const struct tls_world_opts o = {.loop = r->kit.loop, .bounds = &r->kit.bounds, .log = &r->log, .shake_ms = ENROLTALK_SHAKE_MS,
					 .rate = 1000, .burst = 1000};
	int rc = tls_world_new(&r->world, &o);

	if (rc < 0)
		return rc;
	tls_world_plan(r->world, &r->plan, KEYHELPER_EPOCH);
	tls_world_link(r->world, r->helper.line, KEYHELPER_EPOCH);
	r->helper.line = -1;
	rc = r->c->doors ? begin_wait(r) : begin_talk(r);
	return rc < 0 || r->over ? rc : loop_run(r->kit.loop);
}

static int run_with(struct run *r, const struct conf *c)
{
	int rc = keyhelper_start(&r->helper, c, r->why);

	if (rc < 0)
		return rc;
	tls_plan_of(c, &r->plan);
	rc = dialkit_open(&r->kit);
	if (rc == 0)
		rc = start(r);
	if (rc < 0)
		why_set(r->why, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc));
	enroltalk_end(&r->talk);
	enrolwait_end(&r->wait);
	tls_world_free(r->world);
	dialkit_close(&r->kit);
	keyhelper_stop(&r->helper);
	return rc < 0 ? rc : r->rc;
}

int enrolcall_run(struct enrolcall *c, struct why *w)
{
	struct run *r = calloc(1, sizeof *r);
	struct conf *conf;
	int rc;

	if (r == NULL)
		return why_set(w, ZT_E_NOMEM, "out of memory");
	r->c = c;
	r->why = w;
	r->kit.who = c->who;
	log_init(&r->log, &clock_real, "enrol", "call");
	rc = enrolcall_conf(&conf, c->identity, w);
	if (rc == 0) {
		rc = run_with(r, conf);
		conf_free(conf);
	}
	while (c->doors) /* it did not come to that */
		close(c->door[--c->doors]);
	free(r);
	return rc;
}
