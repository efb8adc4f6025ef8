/*
 * enrolcall: see enrolcall.h. Owns the loop, the dialer, the handshake process and the connection of
 * one talk, all of them gone when it returns. It says nothing to anybody who was not judged to be the
 * authority, and judges anew for every address.
 */
#include "enrolcall.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "dialkit.h"
#include "io/sigs.h"
#include "io/tls.h"
#include "keyhelper.h"

#define DIAL_S 10
#define SHAKE_MS 10000 /* the authority closes then, too */
#define IN_BYTES 65536
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
	struct source src;
	struct tls tls;
	struct timer deadline, until;
	size_t at;                 /* which address is tried */
	bool met, over, signalled;
	int rc;
	struct tls_in in;
	struct tls_out out;
	uint8_t *frame;            /* what came and is no whole frame yet */
	size_t have, room;
	uint8_t in_mem[IN_BYTES], out_mem[TLS_OUT_BYTES];
};

static void next_address(struct run *r);

static int64_t now_s(const struct run *r)
{
	return clock_wall(loop_clock(r->kit.loop)) / 1000;
}

static void finish(struct run *r, int rc)
{
	if (r->over)
		return;
	r->over = true;
	r->rc = rc;
	if (r->tls.cls && r->tls.state == TLS_OPEN) { /* so that nobody logs a connection that was cut */
		tls_bye(&r->tls, &r->out);
		tls_out_send(&r->tls, &r->out);
	}
	loop_stop(r->kit.loop);
}

static void hang_up(struct run *r)
{
	loop_timer_stop(r->kit.loop, &r->deadline);
	if (r->tls.cls)
		tls_free(&r->tls);
	memset(&r->tls, 0, sizeof r->tls);
	if (r->src.loop)
		loop_close(&r->src);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

/* That somebody else answers is worse than that nobody does, and the last of equals is forgotten. */
static void keep_cause(struct run *r, const struct why *cause)
{
	if (r->why->err == ZT_OK || (r->why->err != ZT_E_DENIED && cause->err == ZT_E_DENIED))
		*r->why = *cause;
}

/* Before the authority was met: on to the next address. Afterwards it is the end. */
static void failed(struct run *r, const struct why *cause)
{
	if (r->over)
		return;
	keep_cause(r, cause);
	if (r->met)
		finish(r, -(int)r->why->err);
	else
		next_address(r);
}

static void deadline_fire(struct timer *t, uint64_t now)
{
	struct run *r = CONTAINER_OF(t, struct run, deadline);
	struct why cause = {0};

	(void)now;
	why_set(&cause, ZT_E_TIMEOUT, "%s: the authority did not answer in time", r->c->where->addr[r->at]);
	failed(r, &cause);
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

static void arm(struct run *r, uint64_t ms)
{
	r->deadline.fire = deadline_fire;
	if (!loop_timer(r->kit.loop, &r->deadline, ms * NS_PER_MS))
		finish(r, -ZT_E_NOMEM);
}

/* ---- frames ------------------------------------------------------------------------------------ */

static void say(struct run *r, struct span bytes)
{
	struct iovec iov[TLS_SLOTS];
	size_t n = tls_out_space(&r->tls, &r->out, iov, TLS_SLOTS), left = bytes.n;
	struct why cause = {0};

	for (size_t i = 0; i < n && left > 0; i++) {
		size_t m = num_min(left, iov[i].iov_len);

		memcpy(iov[i].iov_base, span_sub(bytes, bytes.n - left, m).p, m);
		left -= m;
	}
	/* One question at a time: the one before has left, or the other side answers what it did not read. */
	if (left > 0 || tls_out_seal(&r->tls, &r->out, bytes.n) < 0 || tls_out_send(&r->tls, &r->out) == -ZT_E_RESET) {
		why_set(&cause, ZT_E_RESET, "%s: the connection broke", r->c->where->addr[r->at]);
		failed(r, &cause);
	}
}

static void heard(struct run *r, enum enrolee_event ev, const struct enrol *m)
{
	int rc = r->c->on(r->c->ctx, ev, m, r->why);

	if (rc < 0)
		finish(r, rc);
	else if (ev == ENROLEE_GRANTED || ev == ENROLEE_PENDING)
		finish(r, 0);
	else
		arm(r, ENROLCALL_LIST_MS);
}

/* One frame; false when there is no whole one. */
static bool take_frame(struct run *r, size_t *taken)
{
	uint8_t mem[ENROL_MAX];
	struct wr out = wr_of(mem, sizeof mem);
	struct why cause = {0};
	struct enrol m;
	size_t used;
	enum enrolee_event ev;

	r->c->e->asked.at = (struct authority_now){now_s(r), r->c->floor};
	ev = enrolee_take(r->c->e, span_sub(span_of(r->frame, r->have), *taken, r->have), &used, &out, &m, &cause);
	*taken += used;
	if (ev == ENROLEE_MORE)
		return false;
	if (ev == ENROLEE_FAILED)
		failed(r, &cause);
	else if (ev == ENROLEE_SAY)
		say(r, wr_span(&out));
	else
		heard(r, ev, &m);
	return !r->over;
}

/* Room for the frame that has begun: most are small, a status list may have megabytes. */
static bool make_room(struct run *r, size_t more)
{
	size_t want = r->have + more;
	uint8_t *p;

	if (want <= r->room)
		return true;
	if (want > enrolee_room(r->c->e) + IN_BYTES)
		return false;
	want = num_min(want + want / 2, enrolee_room(r->c->e) + IN_BYTES);
	p = realloc(r->frame, want);
	if (p == NULL)
		return false;
	r->frame = p;
	r->room = want;
	return true;
}

static void take_pieces(struct run *r)
{
	size_t taken = 0;

	for (; r->in.first < r->in.pieces; ) {
		struct span s = r->in.piece[r->in.first];

		if (!make_room(r, s.n)) {
			why_set(r->why, ZT_E_NOMEM, "there is no memory for a frame of the authority");
			finish(r, -ZT_E_NOMEM);
			return;
		}
		memcpy(&r->frame[r->have], s.p, s.n);
		r->have += s.n;
		tls_in_take(&r->in, s.n);
	}
	while (!r->over && take_frame(r, &taken))
		;
	memmove(r->frame, &r->frame[taken], r->have - taken);
	r->have -= taken;
}

static void ended(struct run *r)
{
	struct why cause = {0};

	why_set(&cause, ZT_E_RESET, "%s: the authority ended the connection without an answer: %s", r->c->where->addr[r->at],
		tls_end_text((enum tls_end)r->tls.end));
	failed(r, &cause);
}

static void read_some(struct run *r)
{
	ssize_t n = tls_read(&r->tls, &r->in);

	if (n > 0)
		take_pieces(r);
	else if (n == 0)
		ended(r);
}

/* ---- the connection --------------------------------------------------------------------------- */

static unsigned sock_wants(const struct source *s)
{
	const struct run *r = CONTAINER_OF(s, struct run, src);

	if (r->tls.state != TLS_OPEN)
		return r->tls.shake ? tls_wants(&r->tls) : 0;
	return LOOP_IN | (r->out.head != r->out.tail ? LOOP_OUT : 0u);
}

static void sock_ready(struct source *s, unsigned events)
{
	struct run *r = CONTAINER_OF(s, struct run, src);

	if (r->tls.state != TLS_OPEN) {
		if (r->tls.shake)
			tls_shake_ready(&r->tls, events);
		return;
	}
	if (events & LOOP_OUT)
		tls_out_send(&r->tls, &r->out);
	if (!r->over && (events & (LOOP_IN | LOOP_HUP)))
		read_some(r);
}

static const struct source_class sock_class = {"enrolcall", sock_wants, sock_ready, NULL};

static void on_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct run *r = CONTAINER_OF(t, struct run, tls);
	const struct authority_now at = {now_s(r), r->c->floor};
	uint8_t mem[ENROL_MAX], server[SHA256_LEN];
	struct wr first = wr_of(mem, sizeof mem);
	struct why cause = {0}, named = {0};

	if (authority_met(chain, n, r->c->e->asked.pins, at, server, &cause) < 0) {
		why_set(&named, cause.err, "%s: %.440s", r->c->where->addr[r->at], cause.text);
		failed(r, &named);
		return;
	}
	r->met = true;
	*r->why = (struct why){0}; /* of addresses that were tried before */
	if (r->c->opened)
		r->c->opened(r->c->ctx, r->c->where->addr[r->at]);
	enrolee_begin(r->c->e, server, &first);
	arm(r, ENROLCALL_ANSWER_MS);
	say(r, wr_span(&first));
}

static void on_failed(struct tls *t, enum tls_fault f, const char *words)
{
	struct run *r = CONTAINER_OF(t, struct run, tls);
	struct why cause = {0};

	(void)f;
	why_set(&cause, ZT_E_UNREACHABLE, "%s: no TLS with whoever answers: %s", r->c->where->addr[r->at], words);
	failed(r, &cause);
}

static const struct tls_class talk_tls = {on_opened, on_failed, NULL};

static void on_dialled(void *owner, const struct dial_result *d)
{
	struct run *r = owner;
	struct tls_connect req = {.want_chain = true};
	struct span host;
	struct why cause = {0};
	struct addr ip;
	uint16_t port;
	int rc = d->rc;

	if (rc < 0) {
		why_set(&cause, (enum zt_err)-rc, "%s: not reachable: %s", r->c->where->addr[r->at], err_text((enum zt_err)-rc));
		failed(r, &cause);
		return;
	}
	addr_parse_hostport(span_str(r->c->where->addr[r->at]), &host, &port);
	if (addr_parse_ip(host, &ip) < 0)
		req.name = host; /* for an edge on the way; whose certificate it is says the pin */
	r->src = (struct source){.cls = &sock_class, .fd = d->fd};
	rc = loop_add(r->kit.loop, &r->src);
	if (rc == 0)
		rc = tls_connect(&r->tls, r->world, &talk_tls, &r->src, &req);
	if (rc < 0) {
		why_set(&cause, (enum zt_err)-rc, "%s: %s", r->c->where->addr[r->at], err_text((enum zt_err)-rc));
		failed(r, &cause);
	}
}

static int dial_this(struct run *r, const char *at)
{
	struct dial_req req = {.done = on_dialled, .owner = r, .timeout_ns = DIAL_S * NS_PER_S};
	struct dial *d;
	int rc = addr_parse_hostport(span_str(at), &req.host, &req.port);

	return rc < 0 ? rc : dial_start(r->kit.dialer, &req, &d);
}

static void next_address(struct run *r)
{
	const struct enrolcall *c = r->c;
	const struct why *last = r->why;
	struct why cause = {0};
	int rc;

	hang_up(r);
	r->at++;
	if (r->at >= c->where->n) {
		r->at = c->where->n - 1;
		finish(r, -(int)last->err);
		return;
	}
	rc = dial_this(r, c->where->addr[r->at]);
	if (rc < 0) {
		why_set(&cause, (enum zt_err)-rc, "%s: %s", c->where->addr[r->at], err_text((enum zt_err)-rc));
		failed(r, &cause);
	}
}

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
	const struct tls_world_opts o = {.loop = r->kit.loop, .bounds = &r->kit.bounds, .log = &r->log, .shake_ms = SHAKE_MS,
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
	if (rc == 0)
		rc = dial_this(r, r->c->where->addr[r->at]);
	return rc < 0 ? rc : loop_run(r->kit.loop);
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
	if (r->kit.loop)
		hang_up(r);
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
	r->in = (struct tls_in){.mem = r->in_mem, .cap = sizeof r->in_mem};
	r->out = (struct tls_out){.mem = r->out_mem, .cap = sizeof r->out_mem};
	log_init(&r->log, &clock_real, "enrol", "call");
	rc = make_conf(&conf, c->identity, w);
	if (rc == 0) {
		rc = run_with(r, conf, signalled != NULL);
		conf_free(conf);
	}
	if (signalled)
		*signalled = r->signalled;
	free(r->frame);
	free(r);
	return rc;
}
