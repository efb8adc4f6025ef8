/*
 * enrolcall: see enrolcall.h. Owns the loop, the dialer and the handshake process of one talk
 * (serve/enroltalk), all of them gone when it returns.
 */
#include "enrolcall.h"

#include <signal.h>
#include <stdlib.h>

#include "base/num.h"
#include "dialkit.h"
#include "enroltalk.h"
#include "io/sigs.h"
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
	struct sigs sigs;
	struct timer until;
	bool over, signalled;
	int rc;
	struct enroltalk talk;
};

static void finish(struct run *r, int rc)
{
	if (r->over)
		return;
	r->over = true;
	r->rc = rc;
	loop_stop(r->kit.loop);
}

static void until_fire(struct timer *t, uint64_t now)
{
	(void)now;
	finish(CONTAINER_OF(t, struct run, until), -ZT_E_CANCELLED);
}

static void on_signal(struct sigs *s, int signo)
{
	struct run *r = CONTAINER_OF(s, struct run, sigs);

	if (signo != SIGTERM && signo != SIGINT)
		return;
	r->signalled = true;
	finish(r, -ZT_E_CANCELLED);
}

static int talk_said(struct enroltalk *t, enum enrolee_event ev, const struct enrol *m, struct why *w)
{
	const struct enrolcall *c = CONTAINER_OF(t, struct run, talk)->c;

	return c->on(c->ctx, ev, m, w);
}

static void talk_met(struct enroltalk *t)
{
	const struct enrolcall *c = CONTAINER_OF(t, struct run, talk)->c;

	if (c->opened)
		c->opened(c->ctx, enroltalk_addr(t));
}

static void talk_over(struct enroltalk *t, int rc)
{
	struct run *r = CONTAINER_OF(t, struct run, talk);

	*r->why = t->why;
	finish(r, rc);
}

static const struct enroltalk_class talk_class = {.said = talk_said, .met = talk_met, .over = talk_over};

/* ---- one talk ---------------------------------------------------------------------------------- */

/* A client that lets every certificate through to authority_met(), which knows better. */
static int make_conf(struct conf **out, const char *identity, struct why *w)
{
	char mem[CONF_ROOM];
	struct wr text = wr_of(mem, sizeof mem);
	struct conf_faults faults;
	int rc;

	wr_str(&text, "[log]\nlevel = error\n[relay]\nlisten = 127.0.0.1:0\nto = 127.0.0.1:1\nconnect = tls\n"
		      "insecure_connect_any_cert = true\nconnect_alpn = " ENROL_ALPN "\n");
	for (int key = 0; identity && key < 2; key++) {
		wr_str(&text, key ? "connect_key = " : "connect_cert = ");
		wr_str(&text, identity);
		wr_str(&text, "\n");
	}
	conf_faults_init(&faults);
	rc = text.full ? -ZT_E_TOOLONG : conf_parse_text(out, wr_span(&text), "the identity's path", &faults);
	if (rc < 0)
		why_set(w, (enum zt_err)-rc, "%s", faults.first ? faults.first->text : err_text((enum zt_err)-rc));
	conf_faults_free(&faults);
	return rc;
}

static int set_timers(struct run *r)
{
	uint64_t now = loop_now(r->kit.loop);

	r->until.fire = until_fire;
	if (r->c->until_ns == 0)
		return 0;
	return loop_timer(r->kit.loop, &r->until, r->c->until_ns > now ? r->c->until_ns - now : 0) ? 0 : -ZT_E_NOMEM;
}

static int start(struct run *r, bool signals)
{
	const struct tls_world_opts o = {.loop = r->kit.loop, .bounds = &r->kit.bounds, .log = &r->log, .shake_ms = ENROLTALK_SHAKE_MS,
					 .rate = 1000, .burst = 1000};
	int rc = tls_world_new(&r->world, &o);

	if (rc < 0)
		return rc;
	tls_world_plan(r->world, &r->plan, KEYHELPER_EPOCH);
	tls_world_link(r->world, r->helper.line, KEYHELPER_EPOCH);
	r->helper.line = -1;
	rc = signals ? sigs_open(&r->sigs, r->kit.loop, on_signal) : 0;
	if (rc == 0)
		rc = set_timers(r);
	if (rc < 0)
		return rc;
	r->talk.cls = &talk_class;
	r->talk.loop = r->kit.loop;
	r->talk.dialer = r->kit.dialer;
	r->talk.world = r->world;
	r->talk.where = r->c->where;
	r->talk.e = r->c->e;
	r->talk.floor = r->c->floor;
	enroltalk_dial(&r->talk);
	return r->over ? 0 : loop_run(r->kit.loop);
}

static int run_with(struct run *r, const struct conf *c, bool signals)
{
	int rc = keyhelper_start(&r->helper, c, r->why);

	if (rc < 0)
		return rc;
	tls_plan_of(c, &r->plan);
	rc = dialkit_open(&r->kit);
	if (rc == 0)
		rc = start(r, signals);
	if (rc < 0)
		why_set(r->why, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc));
	enroltalk_end(&r->talk);
	tls_world_free(r->world);
	dialkit_close(&r->kit);
	keyhelper_stop(&r->helper);
	return rc < 0 ? rc : r->rc;
}

/* ---- waiting between two ------------------------------------------------------------------------ */

struct pause {
	struct loop *loop;
	struct sigs sigs;
	struct timer timer;
	bool signalled;
};

static void pause_signal(struct sigs *s, int signo)
{
	struct pause *p = CONTAINER_OF(s, struct pause, sigs);

	p->signalled = p->signalled || signo == SIGTERM || signo == SIGINT;
	if (p->signalled)
		loop_stop(p->loop);
}

static void pause_fire(struct timer *t, uint64_t now)
{
	(void)now;
	loop_stop(CONTAINER_OF(t, struct pause, timer)->loop);
}

bool enrolcall_pause(uint64_t ms)
{
	struct pause p = {.timer.fire = pause_fire};

	if (loop_open(&p.loop, LOOP_BEST, &clock_real) < 0)
		return true; /* nothing else would work either */
	if (sigs_open(&p.sigs, p.loop, pause_signal) < 0 || !loop_timer(p.loop, &p.timer, ms * NS_PER_MS) ||
	    loop_run(p.loop) < 0)
		p.signalled = true;
	loop_free(p.loop);
	return p.signalled;
}

int enrolcall_run(struct enrolcall *c, bool *signalled, struct why *w)
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
	rc = make_conf(&conf, c->identity, w);
	if (rc == 0) {
		rc = run_with(r, conf, signalled != NULL);
		conf_free(conf);
	}
	if (signalled)
		*signalled = r->signalled;
	free(r);
	return rc;
}
