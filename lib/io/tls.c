/*
 * tls: the life of one handshake, from the first byte of a socket to keys or a refusal. Owns no
 * descriptor: it reads and writes the owner's. It reads whole records and judges them before
 * tlsd sees a byte, and stops at the record that carries the peer's Finished: what stands behind
 * it stays in the socket.
 *
 * Functions that may end a handshake answer whether it is still there; whoever gets a false
 * touches neither it nor its connection again, because the owner may have freed them.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "tls_int.h"

#define SHAKE_READS 64  /* parts of records a turn */
#define ALERT_FATAL 2
#define WORDS 640       /* a struct why and a fault's text */

static void session_key(const struct tls_shake *sh, uint8_t out[static TLS_SESSION]);

/* ---- the end ----------------------------------------------------------------------------- */

static bool send_some(struct tls_shake *sh, struct span s, size_t *gone)
{
	ssize_t n = send(sh->t->src->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	*gone = n > 0 ? (size_t)n : 0;
	return n >= 0 || errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

/* In clear while nothing else is expected, sealed behind our ChangeCipherSpec; without keys
 * behind it there is no way to say it. Not when one was sent, nor into the middle of a record. */
static void last_words(struct tls_shake *sh, uint8_t alert)
{
	struct tls_world *w = sh->world;
	struct record *r = &sh->t->out;
	uint8_t mem[TLS_ALERT_BYTES] = {RECORD_ALERT, 3, 3, 0, 2, ALERT_FATAL, alert};
	size_t at = record_head(r), n = RECORD_HEADER + 2, gone;

	if (alert == 0 || sh->alert_out || buf_len(&sh->out) > 0)
		return;
	if (sh->ccs_out) {
		int rc;

		mem[at] = ALERT_FATAL;
		mem[at + 1] = alert;
		rc = record_seal(r, RECORD_ALERT, mem, 2); /* refuses without a key */
		if (rc < 0)
			return;
		n = (size_t)rc;
	}
	sh->alert_out = true;
	send_some(sh, span_of(mem, n), &gone);
	/* close() on unread bytes is a reset, which overtakes the alert: take what is there. */
	for (unsigned i = 0; i < 4; i++)
		if (recv(sh->t->src->fd, w->hello, sizeof w->hello, MSG_DONTWAIT) < (ssize_t)sizeof w->hello)
			return;
}

/* Nothing of it is wanted any more. tlsd is told unless it said so itself. */
static void shake_cancel(struct tls_shake *sh, bool told)
{
	const struct tlsmsg m = {.type = TLSMSG_CANCEL, .id = sh->id};

	if (sh->line == NULL || told || line_say(sh->line, &m) != -ZT_E_AGAIN) {
		shake_delete(sh);
		return;
	}
	queue_leave(sh);
	loop_timer_stop(sh->world->loop, &sh->deadline);
	shake_small(sh, &sh->out);
	shake_small(sh, &sh->done);
	sh->t->shake = NULL;
	sh->t = NULL;
	sh->stage = SHAKE_CANCEL;
	queue_push(&sh->line->blocked, sh);
	loop_touch(&sh->line->src);
}

/* words: a sentence; told: tlsd has ended it already. */
static bool end_with(struct tls_shake *sh, enum tls_fault f, uint8_t alert, bool told, const char *words)
{
	struct tls *t = sh->t;

	last_words(sh, alert);
	sh->world->stats.failed[f]++;
	t->state = TLS_FAILED;
	record_wipe(&t->in);
	record_wipe(&t->out);
	shake_cancel(sh, told);
	t->cls->failed(t, f, words);
	return false;
}

/* The fault's own sentence, and what more is known: NULL or "" for nothing. */
static const char *compose(char out[static WORDS], enum tls_fault f, const char *detail)
{
	struct wr w = wr_of(out, WORDS - 1);

	wr_str(&w, tls_fault_text(f));
	if (detail && detail[0]) {
		wr_str(&w, ": ");
		wr_str(&w, detail); /* all or nothing; a sentence without it is one still */
	}
	out[w.n] = 0;
	return out;
}

static bool fail(struct tls_shake *sh, enum tls_fault f, const char *detail)
{
	char words[WORDS];

	return end_with(sh, f, tls_fault_alert(f), false, compose(words, f, detail));
}

/* A sentence that hello_read() or flight_next() made about the peer. */
static bool fail_saying(struct tls_shake *sh, enum tls_fault f, const struct why *why)
{
	return end_with(sh, f, tls_fault_alert(f), false, why->text[0] ? why->text : tls_fault_text(f));
}

/* tlsd has ended it. */
static void end_told(struct tls_shake *sh, enum tls_fault f, uint8_t alert, const char *detail)
{
	char words[WORDS];

	end_with(sh, f, alert, true, compose(words, f, detail));
}

static void too_late(struct timer *timer, uint64_t now)
{
	struct tls_shake *sh = CONTAINER_OF(timer, struct tls_shake, deadline);

	(void)now;
	fail(sh, TLSF_LATE, sh->stage == SHAKE_WAITING ? "no key process was there" : NULL);
}

/* ---- to tlsd ----------------------------------------------------------------------------- */

/* What the peer is told says nothing about which names there are: no name, an unknown one and
 * an unknown protocol get the same bytes. */
static bool refuse_hello(struct tls_shake *sh, enum tls_fault f, const struct hello *h)
{
	char words[WORDS];

	compose(words, f, h->name[0] ? h->name : "it sent no name");
	return end_with(sh, f, tls_fault_alert(TLSF_NO_PLAN), false, words);
}

/* The hello is read again when it had to wait: the plan may be another one by now. Answers
 * whether sh is still there. */
static bool make_accept(struct tls_shake *sh, struct tlsmsg *m)
{
	const struct tls_plan *plan = sh->world->plan;
	struct span alpn = SPAN_NONE;
	unsigned fault = TLSF_NO_PLAN;
	struct why why = {0};
	struct hello h;
	int at;

	if (hello_read(span_of(sh->in, sh->ready), sh->world->hello, &h, &why) <= 0)
		return fail_saying(sh, TLSF_INTERNAL, &why);
	if (!h.offers_tls12)
		return fail(sh, TLSF_VERSION, NULL);
	at = tls_pick(plan, &h, &alpn, &fault);
	if (at < 0)
		return refuse_hello(sh, (enum tls_fault)fault, &h);
	if (h.fragment)
		sh->t->most = h.fragment;
	sh->plan = (uint16_t)at;
	sh->ask = (uint8_t)plan->server[at].ask;
	sh->resume = plan->server[at].resume;
	if (span_to_cstr(span_str(h.name), sh->name, sizeof sh->name) < 0 ||
	    span_to_cstr(alpn, sh->alpn, sizeof sh->alpn) < 0)
		return fail(sh, TLSF_INTERNAL, NULL);
	*m = (struct tlsmsg){.type = TLSMSG_ACCEPT, .id = sh->id};
	m->accept.plan = sh->plan;
	m->accept.name = span_str(sh->name);
	m->accept.alpn = span_str(sh->alpn);
	m->accept.records = span_of(sh->in, sh->ready);
	return true;
}

static bool make_connect(struct tls_shake *sh, uint8_t key[static TLS_SESSION], struct tlsmsg *m)
{
	const struct tls_plan *plan = sh->world->plan;
	const struct tls_client_plan *p = &plan->client[sh->plan];

	if (sh->plan >= plan->clients)
		return fail(sh, TLSF_NO_PLAN, NULL);
	if ((!sh->named && span_to_cstr(span_str(p->name), sh->name, sizeof sh->name) < 0) ||
	    span_to_cstr(span_str(p->alpn), sh->alpn, sizeof sh->alpn) < 0)
		return fail(sh, TLSF_INTERNAL, "a name in the configuration is too long");
	sh->npins = num_min(p->npins, TLS_PINS);
	memcpy(sh->pins, p->pins, sizeof sh->pins);
	sh->insecure = p->insecure_any;
	sh->resume = p->resume;
	session_key(sh, key);
	*m = (struct tlsmsg){.type = TLSMSG_CONNECT, .id = sh->id};
	m->connect.plan = sh->plan;
	m->connect.want_chain = sh->want_chain;
	m->connect.name = span_str(sh->name);
	m->connect.alpn = span_str(sh->alpn);
	m->connect.session = sh->resume ? span_of(key, TLS_SESSION) : SPAN_NONE;
	return true;
}

/* Where a session is kept. Whatever decides whether its server would be accepted is in it, so
 * that no session made under other rules is found. A tlsd knows one epoch only. */
static void session_key(const struct tls_shake *sh, uint8_t out[static TLS_SESSION])
{
	uint8_t mem[TLS_NAME + TLS_ALPN + TLS_PINS * 32 + 64];
	struct wr w = wr_of(mem, sizeof mem);

	wr_be16(&w, sh->plan);
	wr_be32(&w, sh->world->epoch);
	wr_u8(&w, sh->insecure);
	wr_u8(&w, sh->ip.family);
	wr_bytes(&w, sh->ip.ip, sizeof sh->ip.ip);
	wr_be16(&w, sh->ip.port);
	wr_bytes(&w, sh->name, sizeof sh->name); /* with the zeros behind it: fixed lengths cannot shift */
	wr_bytes(&w, sh->alpn, sizeof sh->alpn);
	wr_bytes(&w, sh->pins, sizeof sh->pins);
	ZT_ASSERT(!w.full);
	sha256(wr_span(&w), out);
}

int shake_hand_over(struct tls_shake *sh)
{
	struct tls_line *l = line_current(sh->world);
	uint8_t key[TLS_SESSION];
	struct tlsmsg m;
	int rc;

	if (l == NULL)
		return -ZT_E_AGAIN;
	if (!(sh->t->client ? make_connect(sh, key, &m) : make_accept(sh, &m)))
		return -ZT_E_CLOSED;
	rc = line_say(l, &m);
	if (rc == -ZT_E_BUG) {
		fail(sh, TLSF_INTERNAL, "the hello cannot be handed over");
		return -ZT_E_CLOSED;
	}
	if (rc < 0) /* a broken line has nothing of it: it goes to the next one */
		return -ZT_E_AGAIN;
	sh->line = l;
	l->users++;
	sh->have = sh->ready = 0;
	sh->stage = SHAKE_RUNNING;
	sh->t->state = TLS_SHAKING;
	loop_touch(sh->t->src);
	return 0;
}

/* The records that are ready, in one message. */
static int say_ready(struct tls_shake *sh)
{
	struct tlsmsg m = {.type = TLSMSG_RECORDS_IN, .id = sh->id};
	int rc;

	if (sh->ready == 0)
		return 0;
	m.records = span_of(sh->in, sh->ready);
	rc = line_say(sh->line, &m);
	if (rc == 0) {
		memmove(sh->in, &sh->in[sh->ready], sh->have - sh->ready);
		sh->have -= sh->ready;
		sh->ready = 0;
	}
	return rc;
}

/* Answers whether sh is still there. */
static bool hand_ready(struct tls_shake *sh)
{
	int rc = say_ready(sh);

	if (rc == 0)
		return true;
	if (rc == -ZT_E_BUG)
		return fail(sh, TLSF_BAD_RECORD, "it cannot be handed over");
	sh->stage = SHAKE_STUCK; /* of a dead line too: it ends this handshake from its own callback */
	queue_push(&sh->line->blocked, sh);
	loop_touch(&sh->line->src);
	return true;
}

int shake_resume(struct tls_shake *sh)
{
	int rc;

	if (sh->stage == SHAKE_CANCEL) {
		const struct tlsmsg m = {.type = TLSMSG_CANCEL, .id = sh->id};

		rc = line_say(sh->line, &m);
		if (rc == -ZT_E_AGAIN)
			return rc;
		shake_delete(sh);
		return -ZT_E_CLOSED;
	}
	rc = say_ready(sh);
	if (rc == 0) {
		sh->stage = SHAKE_RUNNING;
		loop_touch(sh->t->src);
	}
	return rc == 0 ? 0 : -ZT_E_AGAIN;
}

void shake_orphan(struct tls_shake *sh)
{
	queue_leave(sh);
	sh->line->users--;
	sh->line = NULL;
	if (sh->t == NULL)
		shake_delete(sh);
}

void shake_lost(struct tls_shake *sh)
{
	bool alive = sh->t != NULL;

	shake_orphan(sh);
	if (alive)
		fail(sh, TLSF_LOST, NULL);
}

/* ---- from the peer ----------------------------------------------------------------------- */

static bool reads(const struct tls_shake *sh)
{
	return sh->stage == SHAKE_HELLO || (sh->stage == SHAKE_RUNNING && sh->flight.state != FLIGHT_DONE);
}

static enum tls_fault fault_of(int err)
{
	static const struct {
		enum zt_err err;
		enum tls_fault fault;
	} rows[] = {
		{ZT_E_UNKNOWN, TLSF_NOT_TLS}, {ZT_E_VERSION, TLSF_VERSION}, {ZT_E_DENIED, TLSF_UNEXPECTED},
		{ZT_E_SYNTAX, TLSF_BAD_RECORD}, {ZT_E_TOOLONG, TLSF_BAD_RECORD},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (-(int)rows[i].err == err)
			return rows[i].fault;
	return TLSF_BAD_MESSAGE;
}

/* What hello_read() cannot read as TLS at all gets no answer; what it can, and refuses, an alert. */
static bool judge_hello(struct tls_shake *sh)
{
	struct why why = {0};
	struct hello h;
	int n = hello_read(span_of(sh->in, sh->have), sh->world->hello, &h, &why);

	if (n == ZT_MORE)
		return true;
	if (n < 0)
		return fail_saying(sh, n == -ZT_E_VERSION ? TLSF_NOT_TLS : TLSF_BAD_MESSAGE, &why);
	if ((size_t)n != sh->have)
		return fail(sh, TLSF_UNEXPECTED, NULL);
	sh->stage = SHAKE_WAITING;
	if (sh->world->waiting.first == NULL) {
		int rc = shake_hand_over(sh);

		if (rc != -ZT_E_AGAIN)
			return rc == 0;
	}
	queue_push(&sh->world->waiting, sh);
	line_touch(sh->world);
	return true;
}

static bool judge_flight(struct tls_shake *sh)
{
	bool sealed = sh->flight.state == FLIGHT_CCS;
	struct why why = {0};
	int n = flight_next(&sh->flight, span_of(&sh->in[sh->ready], sh->have - sh->ready), &why);

	if (n < 0)
		return fail_saying(sh, fault_of(n), &why);
	sh->ready += (size_t)n;
	sh->sealed_in += sealed && n > 0;
	return true;
}

/* Bytes up to the next place where something can be judged: the end of a header, of a record. */
static size_t next_part(const struct tls_shake *sh)
{
	size_t part = sh->have - sh->ready, need = record_need(&sh->in[sh->ready], part);

	if (part < RECORD_HEADER)
		return RECORD_HEADER - part;
	return need > part ? need - part : 0;
}

/* What is not is judged as soon as it can be recognised, whatever length it seems to announce. */
static bool looks_like_tls(const struct tls_shake *sh)
{
	return sh->in[0] >= RECORD_CCS && sh->in[0] <= RECORD_DATA;
}

/* The record under way fits from here on: large records want a large buffer. */
static bool make_room(struct tls_shake *sh, size_t part)
{
	struct buf large = {0};

	if (part <= sh->in_cap - sh->have)
		return true;
	if (sh->in == sh->small && shake_large(sh, &large)) {
		uint8_t *mem = large.mem;

		memcpy(mem, sh->in, sh->have);
		sh->in = mem;
		sh->in_cap = SHAKE_LARGE;
	}
	return part <= sh->in_cap - sh->have;
}

static int fail_reading(struct tls_shake *sh, enum tls_fault f, const char *detail)
{
	fail(sh, f, detail);
	return -1;
}

/* -1: sh is gone; 0: nothing more now; 1: go on. */
static int read_part(struct tls_shake *sh)
{
	size_t part = next_part(sh), whole;
	ssize_t n;

	/* hello_read() and flight_next() have seen the header, and neither lets such a length pass. */
	if (part == 0 || sh->ready + RECORD_MAX < sh->have + part)
		return fail_reading(sh, looks_like_tls(sh) ? TLSF_BAD_RECORD : TLSF_NOT_TLS, NULL);
	if (sh->have + part > TLSMSG_RECORDS) {
		if (sh->stage == SHAKE_HELLO)
			return fail_reading(sh, TLSF_BAD_MESSAGE, "the hello is too long");
		return hand_ready(sh) ? sh->stage == SHAKE_RUNNING : -1;
	}
	if (!make_room(sh, part))
		return fail_reading(sh, TLSF_BUSY, NULL);
	n = recv(sh->t->src->fd, &sh->in[sh->have], part, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return fail_reading(sh, TLSF_GONE, NULL);
	sh->have += (size_t)n;
	if ((size_t)n < part && looks_like_tls(sh))
		return 1;
	if (sh->stage != SHAKE_HELLO)
		return judge_flight(sh) ? 1 : -1;
	whole = record_need(&sh->in[sh->ready], sh->have - sh->ready);
	if (sh->have - sh->ready == whole)
		sh->ready = sh->have;
	return judge_hello(sh) ? 1 : -1;
}

static bool read_records(struct tls_shake *sh)
{
	int rc = 1;

	for (unsigned i = 0; rc > 0 && i < SHAKE_READS && reads(sh); i++)
		rc = read_part(sh);
	if (rc < 0)
		return false;
	return sh->stage != SHAKE_RUNNING || hand_ready(sh);
}

/* ---- from tlsd --------------------------------------------------------------------------- */

/* The flight may have to leave first: then DONE, with its keys and its chain, waits too. */
static void finish(struct tls_shake *sh, struct tlsmsg_done *d)
{
	struct tls_world *w = sh->world;
	struct tls *t = sh->t;
	struct tls_peer *peer = pool_get(&w->peers);
	struct why why = {0};
	enum tls_fault f;

	if (peer == NULL) {
		end_told(sh, TLSF_BUSY, tls_fault_alert(TLSF_BUSY), "too many connections are open");
		return;
	}
	f = check_claims(sh, d, &why);
	if (f == TLSF_NONE) {
		record_init(&t->in, suite_aead(d->suite), &d->in);
		record_init(&t->out, suite_aead(d->suite), &d->out);
		f = check_peer(sh, d, peer, &why);
	}
	if (f != TLSF_NONE) {
		pool_put(&w->peers, peer);
		end_told(sh, f, tls_fault_alert(f), why.text);
		return;
	}
	t->peer = peer;
	t->state = TLS_OPEN;
	w->stats.accepted += !t->client;
	w->stats.connected += t->client;
	w->stats.resumed += d->resumed;
	shake_cancel(sh, true);
	loop_touch(t->src);
	t->cls->opened(t, d->chain, d->chain_n);
}

static void finish_kept(struct tls_shake *sh)
{
	uint8_t mem[TLSMSG_MAX];
	struct tlsmsg m;
	size_t n = buf_len(&sh->done);

	memcpy(mem, buf_span(&sh->done).p, n); /* the shake, and its buffer, are gone when opened() is called */
	if (tlsmsg_read(span_of(mem, n), 't', &m) == 0)
		finish(sh, &m.done);
	else
		fail(sh, TLSF_INTERNAL, NULL);
	wipe(&m, sizeof m);
	wipe(mem, n);
}

/* What the socket does not take waits in a borrowed buffer. */
static bool send_records(struct tls_shake *sh, struct span s)
{
	size_t gone = 0;

	if (buf_len(&sh->out) == 0 && !send_some(sh, s, &gone))
		return fail(sh, TLSF_GONE, NULL);
	s = span_sub(s, gone, s.n);
	if (s.n == 0)
		return true;
	if ((!buf_attached(&sh->out) && !shake_large(sh, &sh->out)) || !buf_push(&sh->out, s))
		return fail(sh, TLSF_BUSY, "the peer does not take the handshake's bytes");
	loop_touch(sh->t->src);
	return true;
}

/* tlsmsg_read() has seen that these are whole records of a handshake. */
static void note_records(struct tls_shake *sh, struct span s)
{
	struct rd r = rd_of(s);

	while (rd_left(&r) > 0) {
		uint8_t type = rd_u8(&r);

		rd_be16(&r);
		rd_bytes(&r, rd_be16(&r));
		sh->sealed_out += sh->ccs_out;
		sh->alert_out |= type == RECORD_ALERT;
		sh->ccs_out |= type == RECORD_CCS;
	}
}

static void heard_done(struct tls_shake *sh, struct tlsmsg_done *d, struct span packet)
{
	if (buf_len(&sh->out) == 0) {
		finish(sh, d);
	} else if (shake_large(sh, &sh->done)) {
		buf_push(&sh->done, packet); /* as large as any message */
		queue_leave(sh);
		sh->stage = SHAKE_DONE;
	} else {
		end_told(sh, TLSF_BUSY, 0, NULL);
	}
}

static void heard_fail(struct tls_shake *sh, const struct tlsmsg_fail *m)
{
	uint8_t alert = m->alert ? 0 : tls_fault_alert(m->fault);
	char detail[96] = "";
	struct wr w = wr_of(detail, sizeof detail - 1);

	if (m->fault == TLSF_ALERT)
		wr_fmt(&w, "%s (%u)", tls_alert_text(m->alert), m->alert);
	else if (m->engine)
		wr_fmt(&w, "the TLS library's error %u", m->engine);
	end_told(sh, m->fault, alert, detail);
}

void shake_heard(struct tls_shake *sh, const struct tlsmsg *m, struct span packet)
{
	if (sh->stage == SHAKE_DONE) {
		end_told(sh, TLSF_INTERNAL, 0, "tlsd spoke on after the end");
	} else if (m->type == TLSMSG_RECORDS_OUT) {
		note_records(sh, m->records);
		send_records(sh, m->records);
	} else if (m->type == TLSMSG_DONE) {
		struct tlsmsg_done d = m->done;

		heard_done(sh, &d, packet);
		wipe(&d, sizeof d);
	} else {
		heard_fail(sh, &m->fail);
	}
}

/* ---- the owner's side -------------------------------------------------------------------- */

static bool flush(struct tls_shake *sh)
{
	size_t gone;

	if (buf_len(&sh->out) == 0)
		return true;
	if (!send_some(sh, buf_span(&sh->out), &gone))
		return fail(sh, TLSF_GONE, NULL);
	buf_take(&sh->out, gone);
	if (buf_len(&sh->out) > 0)
		return true;
	shake_small(sh, &sh->out);
	if (sh->stage != SHAKE_DONE)
		return true;
	finish_kept(sh);
	return false;
}

unsigned tls_wants(const struct tls *t)
{
	const struct tls_shake *sh = t->shake;
	unsigned want = 0;

	if (sh && reads(sh))
		want |= LOOP_IN;
	if (sh && buf_len(&sh->out))
		want |= LOOP_OUT;
	return want;
}

void tls_shake_ready(struct tls *t, unsigned events)
{
	struct tls_shake *sh = t->shake;

	if (sh == NULL || ((events & LOOP_OUT) && !flush(sh)))
		return;
	if (reads(sh) && (events & (LOOP_IN | LOOP_HUP)))
		read_records(sh);
	else if (events & LOOP_HUP) /* both directions are over: what tlsd has to say is for nobody */
		fail(sh, TLSF_GONE, NULL);
}

static int begin(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src)
{
	struct tls_shake *sh;

	*t = (struct tls){.cls = cls, .world = w, .src = src, .most = RECORD_PLAIN};
	sh = shake_new(w, t);
	if (sh == NULL)
		return -ZT_E_FULL;
	sh->deadline.fire = too_late;
	if (!loop_timer(w->loop, &sh->deadline, w->shake_ns)) {
		shake_delete(sh);
		return -ZT_E_NOMEM;
	}
	return 0;
}

int tls_accept(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
	       const struct addr *peer)
{
	int rc;

	*t = (struct tls){0};
	if (!budget_take(&w->budget, peer, loop_now(w->loop))) {
		w->stats.refused_budget++;
		return -ZT_E_DENIED;
	}
	rc = begin(t, w, cls, src);
	if (rc < 0)
		return rc;
	t->state = TLS_HELLO;
	return 0;
}

/* Handed over by the line's callback in the next turn: failed() is never called from in here. */
int tls_connect(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
		const struct tls_connect *req)
{
	struct tls_shake *sh;
	int rc;

	*t = (struct tls){0};
	if (req->name.n >= TLS_NAME)
		return -ZT_E_TOOLONG;
	rc = begin(t, w, cls, src);
	if (rc < 0)
		return rc;
	sh = t->shake;
	rc = span_to_cstr(req->name, sh->name, sizeof sh->name);
	if (rc < 0) {
		shake_delete(sh);
		return rc;
	}
	t->client = true;
	t->state = TLS_SHAKING;
	sh->stage = SHAKE_WAITING;
	sh->plan = req->plan;
	sh->named = req->name.n > 0;
	sh->want_chain = req->want_chain;
	if (req->ip)
		sh->ip = *req->ip;
	queue_push(&w->waiting, sh);
	line_touch(w);
	return 0;
}

void tls_free(struct tls *t)
{
	if (t->shake)
		shake_cancel(t->shake, false);
	if (t->peer)
		pool_put(&t->world->peers, t->peer);
	wipe(t, sizeof *t);
}
