/*
 * tlstalk: what is said to tlsd about one handshake, and what is heard from it: hello and records
 * there, records and the end back. Owns no line; a full one is waited for in its queue.
 */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "tls_int.h"

/* ---- to tlsd ----------------------------------------------------------------------------- */

/* What the peer is told says nothing about which names there are: no name, an unknown one and
 * an unknown protocol get the same bytes. */
static bool refuse_hello(struct tls_shake *sh, enum tls_fault f, const struct hello *h)
{
	char words[WORDS];

	fault_words(words, f, h->name[0] ? h->name : "it sent no name");
	return shake_end(sh, f, tls_fault_alert(TLSF_NO_PLAN), false, words);
}

/* By the plan that it is begun with: a reload may come before it is over. */
static void want_roles(struct tls_shake *sh, unsigned roles, struct cas *cas)
{
	cas_drop(sh->cas); /* of a try before, that had to wait */
	sh->cas = cas_hold(cas);
	sh->roles = roles;
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
		return shake_fail_saying(sh, TLSF_INTERNAL, &why);
	if (!h.offers_tls12)
		return shake_fail(sh, TLSF_VERSION, NULL);
	at = tls_pick(plan, &h, &alpn, &fault);
	if (at < 0)
		return refuse_hello(sh, (enum tls_fault)fault, &h);
	if (h.fragment)
		sh->t->most = h.fragment;
	sh->plan = (uint16_t)at;
	sh->ask = (uint8_t)plan->server[at].ask;
	sh->resume = plan->server[at].resume;
	sh->use = plan->server[at].members ? LEAF_MEMBER : LEAF_CLIENT;
	want_roles(sh, plan->server[at].roles, plan->server[at].cas);
	if (span_to_cstr(span_str(h.name), sh->name, sizeof sh->name) < 0 ||
	    span_to_cstr(alpn, sh->alpn, sizeof sh->alpn) < 0)
		return shake_fail(sh, TLSF_INTERNAL, NULL);
	*m = (struct tlsmsg){.type = TLSMSG_ACCEPT, .id = sh->id};
	m->accept.plan = sh->plan;
	m->accept.name = span_str(sh->name);
	m->accept.alpn = span_str(sh->alpn);
	m->accept.records = span_of(sh->in, sh->ready);
	return true;
}

/* Where a session is kept. Whatever decides whether its server would be accepted is in it, so
 * that no session made under other rules is found. A tlsd knows one epoch only. Nor is the session
 * of a server whose certificate we refused, which tlsd kept: its next certificate may be a better
 * one. Refusals are rare, so all sessions are lost to one. */
static void session_key(const struct tls_shake *sh, uint8_t out[static TLS_SESSION])
{
	uint8_t mem[TLS_NAME + TLS_ALPN + TLS_PINS * 32 + 64];
	struct wr w = wr_of(mem, sizeof mem);

	wr_be16(&w, sh->plan);
	wr_be32(&w, sh->world->epoch);
	wr_be32(&w, sh->world->refusals);
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

static bool make_connect(struct tls_shake *sh, uint8_t key[static TLS_SESSION], struct tlsmsg *m)
{
	const struct tls_plan *plan = sh->world->plan;
	const struct tls_client_plan *p = &plan->client[sh->plan];

	if (sh->plan >= plan->clients)
		return shake_fail(sh, TLSF_NO_PLAN, NULL);
	if ((!sh->named && span_to_cstr(span_str(p->name), sh->name, sizeof sh->name) < 0) ||
	    span_to_cstr(span_str(p->alpn), sh->alpn, sizeof sh->alpn) < 0)
		return shake_fail(sh, TLSF_INTERNAL, "a name in the configuration is too long");
	sh->npins = num_min(p->npins, TLS_PINS);
	memcpy(sh->pins, p->pins, sizeof sh->pins);
	sh->insecure = p->insecure_any;
	sh->resume = p->resume;
	sh->use = LEAF_SERVER;
	sh->role_is_name = p->role_is_name;
	want_roles(sh, p->roles, p->cas);
	session_key(sh, key);
	*m = (struct tlsmsg){.type = TLSMSG_CONNECT, .id = sh->id};
	m->connect.plan = sh->plan;
	m->connect.want_chain = sh->want_chain;
	m->connect.name = span_str(sh->name);
	m->connect.alpn = span_str(sh->alpn);
	m->connect.session = sh->resume ? span_of(key, TLS_SESSION) : SPAN_NONE;
	return true;
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
		shake_fail(sh, TLSF_INTERNAL, "the hello cannot be handed over");
		return -ZT_E_CLOSED;
	}
	if (rc < 0) /* a broken line has nothing of it: it goes to the next one */
		return -ZT_E_AGAIN;
	sh->line = l;
	l->users++;
	sh->have = sh->ready = 0;
	sh->owed = 0;
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
bool shake_hand_ready(struct tls_shake *sh)
{
	int rc = say_ready(sh);

	if (rc == 0)
		return true;
	if (rc == -ZT_E_BUG)
		return shake_fail(sh, TLSF_BAD_RECORD, "it cannot be handed over");
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
	line_leave(sh);
	if (sh->t == NULL)
		shake_delete(sh);
}

void shake_lost(struct tls_shake *sh)
{
	bool alive = sh->t != NULL;

	shake_orphan(sh);
	if (alive)
		shake_fail(sh, TLSF_LOST, NULL);
}

/* ---- from tlsd --------------------------------------------------------------------------- */

/* Of a server that was refused for what a pin would forgive: how to trust it. Behind what is in detail. */
static void hint_pin(const struct tls_shake *sh, enum tls_fault f, const uint8_t pin[static 32], char *detail, size_t cap)
{
	size_t n = strlen(detail);
	char hex[65] = ""; /* ct_hex_encode() ends it with nothing */

	if (!sh->t->client || f < TLSF_CERT_CA || f > TLSF_CERT_PIN || f == TLSF_CERT_KEY)
		return;
	ct_hex_encode(pin, 32, hex);
	snprintf(&detail[n], cap - n, "%sto trust exactly this key: pin = sha256:%s", n ? "; " : "", hex);
}

/* The flight may have to leave first: then DONE, with its keys and its chain, waits too. */
static void finish(struct tls_shake *sh, struct tlsmsg_done *d)
{
	struct tls_world *w = sh->world;
	struct tls *t = sh->t;
	struct tls_peer *peer = pool_get(&w->peers);
	struct why why = {0};
	enum tls_fault f;

	if (peer == NULL) {
		shake_told(sh, TLSF_BUSY, tls_fault_alert(TLSF_BUSY), "too many connections are open");
		return;
	}
	f = check_claims(sh, d, &why);
	if (f == TLSF_NONE) {
		record_init(&t->in, suite_aead(d->suite), &d->in);
		record_init(&t->out, suite_aead(d->suite), &d->out);
		f = check_peer(sh, d, peer, &why);
		w->refusals += f != TLSF_NONE && t->client;
	}
	if (f != TLSF_NONE) {
		if (peer->has_cert)
			hint_pin(sh, f, peer->pin, why.text, sizeof why.text);
		pool_put(&w->peers, peer);
		shake_told(sh, f, tls_fault_alert(f), why.text);
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

void shake_finish_kept(struct tls_shake *sh)
{
	uint8_t mem[TLSMSG_MAX];
	struct tlsmsg m;
	size_t n = buf_len(&sh->done);

	memcpy(mem, buf_span(&sh->done).p, n); /* the shake, and its buffer, are gone when opened() is called */
	if (tlsmsg_read(span_of(mem, n), 't', &m) == 0)
		finish(sh, &m.done);
	else
		shake_fail(sh, TLSF_INTERNAL, NULL);
	wipe(&m, sizeof m);
	wipe(mem, n);
}

/* What the socket does not take waits in a borrowed buffer. */
static bool send_records(struct tls_shake *sh, struct span s)
{
	size_t gone = 0;

	sh->owed = loop_now(sh->world->loop);
	if (buf_len(&sh->out) == 0 && !shake_send(sh, s, &gone))
		return shake_gone(sh);
	s = span_sub(s, gone, s.n);
	if (s.n == 0)
		return true;
	if ((!buf_attached(&sh->out) && !shake_large(sh, &sh->out)) || !buf_push(&sh->out, s))
		return shake_fail(sh, TLSF_BUSY, "the peer does not take the handshake's bytes");
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
		shake_told(sh, TLSF_BUSY, 0, NULL);
	}
}

/* Faults of which the sentence does not say all: the library's number helps who writes a report. */
static bool is_vague(enum tls_fault f)
{
	return f == TLSF_INTERNAL || f == TLSF_BAD_RECORD || f == TLSF_BAD_MESSAGE || f == TLSF_UNEXPECTED;
}

static void heard_fail(struct tls_shake *sh, const struct tlsmsg_fail *m)
{
	uint8_t alert = m->alert ? 0 : tls_fault_alert(m->fault);
	char detail[2 * ALERT_WORDS] = ""; /* or the hint, with its 64 digits */
	struct wr w = wr_of(detail, sizeof detail - 1);

	if (m->fault == TLSF_ALERT) {
		sh->t->alert = m->alert;
		alert_words(detail, m->alert);
	} else if (m->engine && is_vague(m->fault)) {
		wr_fmt(&w, "the TLS library's error %u", m->engine);
	} else if (m->has_pin) {
		hint_pin(sh, m->fault, m->pin, detail, sizeof detail);
	}
	shake_told(sh, m->fault, alert, detail);
}

void shake_heard(struct tls_shake *sh, const struct tlsmsg *m, struct span packet)
{
	if (sh->stage == SHAKE_DONE) {
		shake_told(sh, TLSF_INTERNAL, 0, "tlsd spoke on after the end");
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
