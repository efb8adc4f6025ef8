/*
 * enroltalk: see enroltalk.h. Owns the connection of one talk, its handshake and its frames. It says nothing
 * to anybody who was not judged to be the authority, and judges anew for every address.
 *
 * Allocates the frame that is coming in: at most enrolee_room() and one buffer, freed with the talk.
 */
#include "enroltalk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

#define DIAL_S 10

static void next_address(struct enroltalk *t);

const char *enroltalk_addr(const struct enroltalk *t)
{
	return t->where->addr[t->at];
}

static int64_t now_s(const struct enroltalk *t)
{
	return clock_wall(loop_clock(t->loop)) / 1000;
}

static void hang_up(struct enroltalk *t)
{
	loop_timer_stop(t->loop, &t->deadline);
	if (t->dial)
		dial_cancel(t->dial);
	t->dial = NULL;
	if (t->tls.cls)
		tls_free(&t->tls);
	memset(&t->tls, 0, sizeof t->tls);
	if (t->src.loop)
		loop_close(&t->src);
	t->in.have = t->in.opened = t->in.first = t->in.pieces = 0;
	t->out.head = t->out.tail = 0;
	t->have = 0;
}

static void leave(struct enroltalk *t)
{
	t->busy = false;
	if (t->tls.cls && t->tls.state == TLS_OPEN) { /* so that nobody logs a connection that was cut */
		tls_bye(&t->tls, &t->out);
		tls_out_send(&t->tls, &t->out);
	}
	hang_up(t);
	free(t->frame);
	t->frame = NULL;
	t->room = 0;
}

static void finish(struct enroltalk *t, int rc)
{
	if (!t->busy)
		return;
	leave(t);
	t->cls->over(t, rc);
}

void enroltalk_end(struct enroltalk *t)
{
	if (t->busy)
		leave(t);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

/* That somebody else answers is worse than that nobody does, and the last of equals is forgotten. */
static void keep_cause(struct enroltalk *t, const struct why *cause)
{
	if (t->why.err == ZT_OK || (t->why.err != ZT_E_DENIED && cause->err == ZT_E_DENIED))
		t->why = *cause;
}

/* Before the authority was met: on to the next address. Afterwards it is the end. */
static void failed(struct enroltalk *t, const struct why *cause)
{
	if (!t->busy)
		return;
	keep_cause(t, cause);
	if (t->met)
		finish(t, -(int)t->why.err);
	else
		next_address(t);
}

static void deadline_fire(struct timer *timer, uint64_t now)
{
	struct enroltalk *t = CONTAINER_OF(timer, struct enroltalk, deadline);
	struct why cause = {0};

	(void)now;
	why_set(&cause, ZT_E_TIMEOUT, "%s: the authority did not answer in time", enroltalk_addr(t));
	failed(t, &cause);
}

static void arm(struct enroltalk *t, uint64_t ms)
{
	t->deadline.fire = deadline_fire;
	if (!loop_timer(t->loop, &t->deadline, ms * NS_PER_MS))
		finish(t, -ZT_E_NOMEM);
}

/* ---- frames ------------------------------------------------------------------------------------ */

static void say(struct enroltalk *t, struct span bytes)
{
	struct iovec iov[TLS_SLOTS];
	size_t n = tls_out_space(&t->tls, &t->out, iov, TLS_SLOTS), left = bytes.n;
	struct why cause = {0};

	for (size_t i = 0; i < n && left > 0; i++) {
		size_t m = num_min(left, iov[i].iov_len);

		memcpy(iov[i].iov_base, span_sub(bytes, bytes.n - left, m).p, m);
		left -= m;
	}
	/* One question at a time: the one before has left, or the other side answers what it did not read. */
	if (left > 0 || tls_out_seal(&t->tls, &t->out, bytes.n) < 0 || tls_out_send(&t->tls, &t->out) == -ZT_E_RESET) {
		why_set(&cause, ZT_E_RESET, "%s: the connection broke", enroltalk_addr(t));
		failed(t, &cause);
	}
}

static void heard(struct enroltalk *t, enum enrolee_event ev, const struct enrol *m)
{
	int rc = t->cls->said(t, ev, m, &t->why);

	if (rc < 0)
		finish(t, rc);
	else if (ev == ENROLEE_GRANTED || ev == ENROLEE_PENDING)
		finish(t, 0);
	else
		arm(t, ENROLTALK_LIST_MS);
}

/* One frame; false when there is no whole one. */
static bool take_frame(struct enroltalk *t, size_t *taken)
{
	uint8_t mem[ENROL_MAX];
	struct wr out = wr_of(mem, sizeof mem);
	struct why cause = {0};
	struct enrol m;
	size_t used;
	enum enrolee_event ev;

	t->e->asked.at = (struct authority_now){now_s(t), t->floor};
	ev = enrolee_take(t->e, span_sub(span_of(t->frame, t->have), *taken, t->have), &used, &out, &m, &cause);
	*taken += used;
	if (ev == ENROLEE_MORE)
		return false;
	if (ev == ENROLEE_FAILED)
		failed(t, &cause);
	else if (ev == ENROLEE_SAY)
		say(t, wr_span(&out));
	else
		heard(t, ev, &m);
	return t->busy;
}

/* Room for the frame that has begun: most are small, a status list may have megabytes. */
static bool make_room(struct enroltalk *t, size_t more)
{
	size_t want = t->have + more;
	uint8_t *p;

	if (want <= t->room)
		return true;
	if (want > enrolee_room(t->e) + ENROLTALK_IN)
		return false;
	want = num_min(want + want / 2, enrolee_room(t->e) + ENROLTALK_IN);
	p = realloc(t->frame, want);
	if (p == NULL)
		return false;
	t->frame = p;
	t->room = want;
	return true;
}

static void take_pieces(struct enroltalk *t)
{
	size_t taken = 0;

	for (; t->in.first < t->in.pieces; ) {
		struct span s = t->in.piece[t->in.first];

		if (!make_room(t, s.n)) {
			why_set(&t->why, ZT_E_NOMEM, "there is no memory for a frame of the authority");
			finish(t, -ZT_E_NOMEM);
			return;
		}
		memcpy(&t->frame[t->have], s.p, s.n);
		t->have += s.n;
		tls_in_take(&t->in, s.n);
	}
	while (take_frame(t, &taken))
		;
	if (!t->busy)
		return; /* over, and the frame with it */
	memmove(t->frame, &t->frame[taken], t->have - taken);
	t->have -= taken;
}

static void ended(struct enroltalk *t)
{
	struct why cause = {0};

	why_set(&cause, ZT_E_RESET, "%s: the authority ended the connection without an answer: %s", enroltalk_addr(t),
		tls_end_text((enum tls_end)t->tls.end));
	failed(t, &cause);
}

static void read_some(struct enroltalk *t)
{
	ssize_t n = tls_read(&t->tls, &t->in);

	if (n > 0)
		take_pieces(t);
	else if (n == 0)
		ended(t);
}

/* ---- the connection --------------------------------------------------------------------------- */

static unsigned sock_wants(const struct source *s)
{
	const struct enroltalk *t = CONTAINER_OF(s, const struct enroltalk, src);

	if (t->tls.state != TLS_OPEN)
		return t->tls.shake ? tls_wants(&t->tls) : 0;
	return LOOP_IN | (t->out.head != t->out.tail ? LOOP_OUT : 0u);
}

static void sock_ready(struct source *s, unsigned events)
{
	struct enroltalk *t = CONTAINER_OF(s, struct enroltalk, src);

	if (t->tls.state != TLS_OPEN) {
		if (t->tls.shake)
			tls_shake_ready(&t->tls, events);
		return;
	}
	if (events & LOOP_OUT)
		tls_out_send(&t->tls, &t->out);
	if (t->busy && (events & (LOOP_IN | LOOP_HUP)))
		read_some(t);
}

static void sock_reap(struct source *s)
{
	struct enroltalk *t = CONTAINER_OF(s, struct enroltalk, src);

	if (t->taken && t->cls->reaped)
		t->cls->reaped(t);
}

static const struct source_class sock_class = {"enrolment", sock_wants, sock_ready, sock_reap};

static void on_opened(struct tls *tls, const struct span *chain, size_t n)
{
	struct enroltalk *t = CONTAINER_OF(tls, struct enroltalk, tls);
	const struct authority_now at = {now_s(t), t->floor};
	uint8_t mem[ENROL_MAX], server[SHA256_LEN];
	struct wr first = wr_of(mem, sizeof mem);
	struct why cause = {0}, named = {0};

	if (authority_met(chain, n, t->e->asked.pins, at, server, &cause) < 0) {
		why_set(&named, cause.err, "%s: %.440s", enroltalk_addr(t), cause.text);
		failed(t, &named);
		return;
	}
	t->met = true;
	t->why = (struct why){0}; /* of addresses that were tried before */
	if (t->cls->met)
		t->cls->met(t);
	enrolee_begin(t->e, server, &first);
	arm(t, ENROLTALK_ANSWER_MS);
	if (t->busy)
		say(t, wr_span(&first));
}

static void on_failed(struct tls *tls, enum tls_fault f, const char *words)
{
	struct enroltalk *t = CONTAINER_OF(tls, struct enroltalk, tls);
	struct why cause = {0};

	(void)f;
	why_set(&cause, ZT_E_UNREACHABLE, "%s: no TLS with whoever answers: %s", enroltalk_addr(t), words);
	failed(t, &cause);
}

static const struct tls_class talk_tls = {on_opened, on_failed, NULL};

/* The talk's from here on, whatever comes of it. False: the loop never had it, so nothing will be reaped. */
static bool begin_tls(struct enroltalk *t, int fd, struct span name)
{
	const struct tls_connect req = {.plan = t->plan, .name = name, .want_chain = true};
	struct why cause = {0};
	bool watched;
	int rc;

	t->src = (struct source){.cls = &sock_class, .fd = fd};
	t->in.mem = t->in_mem;
	t->in.cap = sizeof t->in_mem;
	t->out.mem = t->out_mem;
	t->out.cap = sizeof t->out_mem;
	rc = loop_add(t->loop, &t->src);
	watched = rc == 0;
	if (watched)
		rc = tls_connect(&t->tls, t->world, &talk_tls, &t->src, &req);
	else
		close(fd);
	if (rc < 0) {
		why_set(&cause, (enum zt_err)-rc, "%s: %s", enroltalk_addr(t), err_text((enum zt_err)-rc));
		failed(t, &cause);
	}
	return watched;
}

static void on_dialled(void *owner, const struct dial_result *d)
{
	struct enroltalk *t = owner;
	struct span host = SPAN_NONE;
	struct why cause = {0};
	struct addr ip;
	uint16_t port;

	t->dial = NULL;
	if (d->rc < 0) {
		why_set(&cause, (enum zt_err)-d->rc, "%s: not reachable: %s", enroltalk_addr(t), err_text((enum zt_err)-d->rc));
		failed(t, &cause);
		return;
	}
	addr_parse_hostport(span_str(enroltalk_addr(t)), &host, &port);
	/* A name is for an edge on the way; whose certificate it is says the pin. */
	begin_tls(t, d->fd, addr_parse_ip(host, &ip) < 0 ? host : SPAN_NONE);
}

/* From this address on, until one can be dialled. */
static void try_from(struct enroltalk *t, size_t at)
{
	struct dial_req req = {.done = on_dialled, .owner = t, .timeout_ns = DIAL_S * NS_PER_S};
	int rc;

	for (t->at = at; t->at < t->where->n; t->at++) {
		struct why cause = {0};

		rc = addr_parse_hostport(span_str(enroltalk_addr(t)), &req.host, &req.port);
		if (rc == 0)
			rc = dial_start(t->dialer, &req, &t->dial);
		if (rc == 0)
			return;
		t->dial = NULL;
		why_set(&cause, (enum zt_err)-rc, "%s: %s", enroltalk_addr(t), err_text((enum zt_err)-rc));
		keep_cause(t, &cause);
	}
	t->at = t->where->n - 1;
	finish(t, -(int)t->why.err);
}

static void next_address(struct enroltalk *t)
{
	hang_up(t);
	if (t->taken)
		finish(t, -(int)t->why.err);
	else
		try_from(t, t->at + 1);
}

/* ---- begin ------------------------------------------------------------------------------------- */

static void begin(struct enroltalk *t, bool taken)
{
	t->busy = true;
	t->taken = taken;
	t->met = false;
	t->why = (struct why){0};
	t->at = 0;
}

void enroltalk_dial(struct enroltalk *t)
{
	begin(t, false);
	try_from(t, 0);
}

void enroltalk_take(struct enroltalk *t, int fd)
{
	begin(t, true);
	if (!begin_tls(t, fd, SPAN_NONE) && t->cls->reaped)
		t->cls->reaped(t);
}
