/*
 * front_enrol: zt-enrol/1 on one connection: moves frames and questions between the peer, the state
 * machine (serve/enrold) and ca-sign, finds out whose certificate a peer showed, and says in the log what
 * became of it: peer and name of the token, never a secret.
 *
 * Allocates an enrolment for each such connection, the certificate that it showed until it is known whose
 * it is, a frame while it is written: one each under BOUND_CA_CONNS.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "decide/leaf.h"
#include "front.h"
#include "wire/token.h"

/* ---- what became of it --------------------------------------------------------------------- */

static const char *what_for(const struct enrold *d)
{
	return d->began == ENROL_RENEW ? "renewal" : d->began == ENROL_WATCH ? "watch" : "join";
}

static void log_end(struct peer *c, const struct enrold_out *o)
{
	const struct enrolment *e = c->enrolment;
	const struct enrold *d = &e->d;
	struct front *f = c->f;
	const struct cert_role_row *role = cert_role(d->began == ENROL_HELLO ? d->role : (unsigned)e->role);
	char token[TOKEN_NAME] = "-";

	if (d->began == ENROL_HELLO)
		token_name(d->token, token);
	if (d->code != ZT_OK) {
		f->stats.refused++;
		LOG(&f->child.log, LOG_WARN, "refused", LF_STR("what", what_for(d)), LF_STR("peer", d->peer), LF_STR("token", token),
		    LF_STR("role", role ? role->name : "-"), LF_ERR("code", d->code), LF_STR("why", o->text));
		return;
	}
	f->stats.joined += d->began == ENROL_HELLO && d->id[0];
	f->stats.renewed += d->began == ENROL_RENEW;
	f->stats.pending += d->began == ENROL_HELLO && !d->id[0];
	LOG(&f->child.log, LOG_INFO, d->began == ENROL_RENEW ? "renewed" : d->id[0] ? "joined" : "waits for approval",
	    LF_STR("peer", d->peer), LF_STR("token", token), LF_STR("role", role ? role->name : "-"),
	    LF_SPAN("id", span_of(d->id, d->id[0] ? sizeof d->id : 0)));
}

/* ---- whose certificate --------------------------------------------------------------------- */

/* The infra anchors that are trusted at this moment, the newest first. Answers how many. */
static size_t read_cas(const struct cadoc *anchors, struct leaf_ca out[static ENROL_CERTS])
{
	struct span list = cadoc_anchors(anchors, ANCHOR_INFRA), der;
	struct why why = {0};
	struct x509 a;
	size_t n = 0;

	for (size_t i = 0; n < ENROL_CERTS && (der = enrol_cert(list, i)).n; i++)
		if (x509_read(&a, der, &why) == 0)
			leaf_ca_of(&out[n++], &a);
	return n;
}

/* ROLE_NONE: none that renews itself, or not good. */
static enum cert_role role_of(const struct x509 *cert, const struct cadoc *anchors, int64_t now)
{
	struct leaf_ca cas[ENROL_CERTS];
	struct leaf_rule rule = {.now = now, .floor = CLOCK_FLOOR_S, .cas = cas};

	rule.ncas = read_cas(anchors, cas);
	for (unsigned r = ROLE_NONE + 1; r < CERT_ROLES; r++) {
		const struct cert_role_row *row = cert_role(r);

		rule.use = leaf_use_of(r);
		rule.roles = 1u << r;
		if (row->renews && row->anchor == ANCHOR_INFRA && leaf_check(cert, &rule) == LEAF_OK)
			return (enum cert_role)r;
	}
	return ROLE_NONE;
}

/* ca-tlsd has checked the chain, and the worker's side of TLS the leaf; here it is held against the
 * anchors and its role. What became of it since, ca-sign knows. */
static int identify(struct enrolment *e, const struct cadoc *anchors, uint8_t serial[static CERT_SERIAL], struct why *why)
{
	struct x509 cert;

	if (e->leaf == NULL)
		return why_set(why, ZT_E_DENIED, "this is for the holder of a certificate, and TLS was begun without one");
	if (x509_read(&cert, span_of(e->leaf, e->leaf_n), NULL) < 0 || cert.serial.n != CERT_SERIAL)
		return why_set(why, ZT_E_DENIED, "the certificate that was shown is none of this authority's");
	e->role = role_of(&cert, anchors, clock_wall(loop_clock(e->c->f->child.loop)) / 1000);
	if (e->role == ROLE_NONE)
		return why_set(why, ZT_E_DENIED, "the certificate that was shown is of no role that renews itself or watches");
	memcpy(serial, cert.serial.p, CERT_SERIAL);
	return 0;
}

static void on_anchors(struct cadoc_wait *w, struct cadoc *doc, const struct why *no)
{
	struct peer *c = CONTAINER_OF(w, struct peer, wait);
	struct enrolment *e = c->enrolment;
	uint8_t serial[CERT_SERIAL];
	struct why why = {0};
	struct enrold_out o;
	enum enrold_do d;
	int rc = doc ? identify(e, doc, serial, &why) : why_set(&why, no->err, "%s", no->text);

	d = enrold_known(&e->d, rc == 0 ? serial : NULL, &why, &o);
	free(e->leaf);
	e->leaf = NULL;
	if (d == ENROLD_MORE)
		enrol_bytes(c); /* the same frame again */
	else
		enrol_step(c, d, &o);
}

static void ask_who(struct peer *c)
{
	const struct cadoc_key key = {.kind = CADOC_ANCHORS};
	struct enrold_out o;

	c->wait.done = on_anchors;
	if (cadocs_get(c->f->docs, &key, &c->wait) < 0)
		enrol_step(c, enrold_refuse(&c->enrolment->d, ZT_E_FULL, "too many are asking; try again", &o), &o);
	else
		peer_set(c, PEER_THINK, 0);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void on_answer(void *owner, const struct casign *ok, const struct why *no)
{
	struct peer *c = owner;
	struct enrold_out o;

	c->ask = NULL;
	enrol_step(c, enrold_answered(&c->enrolment->d, ok, no, caline_number(c->f->line), &o), &o);
}

/* false: it could not be asked; *d and *failed say what is to be done instead. */
static bool ask(struct peer *c, const struct enrold_out *o, enum enrold_do *d, struct enrold_out *failed)
{
	struct enrold *e = &c->enrolment->d;
	const struct caask_how how = {.done = on_answer, .owner = c, .only = o->ask.type == CA_PROVE ? e->line : 0};
	int rc = caline_ask(c->f->line, &o->ask, &how, &c->ask);
	struct why why = {0};

	if (rc == 0)
		return true;
	why_set(&why, rc == -ZT_E_TOOLONG ? ZT_E_TOOLONG : ZT_E_AGAIN, rc == -ZT_E_AGAIN ? "the authority was started again meanwhile; try again"
										     : "the authority has too much to do; try again");
	*d = enrold_answered(e, NULL, &why, 0, failed);
	return false;
}

void enrol_frame(struct peer *c, const struct enrol *m, enum peer_after after)
{
	size_t cap = ENROL_HEADER;
	struct wr w;
	void *mem;

	for (size_t i = 0; i < ENF_COUNT; i++)
		cap += m->has[i] ? 6 + m->field[i].n : 0; /* tag, length */
	mem = malloc(cap);
	w = wr_of(mem, mem ? cap : 0);
	enrol_write(&w, m);
	if (w.full)
		peer_close(c, mem ? "what ca-sign answered is no answer in zt-enrol/1" : "out of memory");
	else
		peer_send(c, &(struct message){.head = wr_span(&w)}, after);
	free(mem);
}

/* Said when it may be said: not into the middle of a list. */
static void say_bye(struct peer *c, const struct enrold_out *o)
{
	log_end(c, o);
	cadocs_leave(&c->wait); /* no list comes behind it */
	if (c->state == PEER_SEND)
		c->enrolment->shut = true;
	else
		enrol_frame(c, &o->say, AFTER_CLOSE);
}

void enrol_step(struct peer *c, enum enrold_do d, struct enrold_out *o)
{
	struct enrold_out failed;

	if (d == ENROLD_ASK && !ask(c, o, &d, &failed))
		o = &failed;
	switch (d) {
	case ENROLD_MORE:
		if (c->state != PEER_READ)
			peer_set(c, PEER_READ, peer_patience(c));
		break;
	case ENROLD_WHO:
		ask_who(c);
		break;
	case ENROLD_ASK:
		if (!c->enrolment->watches)
			peer_set(c, PEER_THINK, 0); /* the line has a patience of its own */
		break;
	case ENROLD_SAY:
		enrol_frame(c, &o->say, AFTER_READ);
		break;
	case ENROLD_BYE:
		say_bye(c, o);
		break;
	case ENROLD_WATCH:
		if (!c->enrolment->watches)
			watcher_begin(c);
		break;
	}
}

void enrol_bytes(struct peer *c)
{
	struct enrolment *e = c->enrolment;
	struct enrold_out o;
	enum enrold_do d;
	size_t used;

	if (c->state == PEER_SEND)
		return;
	d = enrold_heard(&e->d, io_span(c), &used, &o);
	enrol_step(c, d, &o); /* what is asked or said points into the inbox */
	if (used && c->in)
		io_take(c, used);
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void keep_leaf(struct peer *c, struct span leaf)
{
	struct enrolment *e = c->enrolment;

	if (!c->tls.peer->has_cert || c->tls.peer->verdict != TLSF_NONE || leaf.n == 0 || leaf.n > X509_MAX)
		return;
	e->leaf = malloc(leaf.n);
	if (e->leaf == NULL)
		return; /* then it is as if it had shown none */
	memcpy(e->leaf, leaf.p, leaf.n);
	e->leaf_n = leaf.n;
}

void enrol_begin(struct peer *c, const struct span *chain, size_t n)
{
	struct enrolment *e = calloc(1, sizeof *e);
	char peer[ADDR_TEXT];
	struct enrold_out o;

	if (e == NULL) {
		peer_close(c, "out of memory");
		return;
	}
	c->enrolment = e;
	e->c = c;
	enrold_init(&e->d, peer_text(c, peer), c->tls.peer->own);
	if (n)
		keep_leaf(c, chain[0]);
	if (!budget_take(c->f->budget, &c->peer, loop_now(c->f->child.loop)))
		enrol_step(c, enrold_refuse(&e->d, ZT_E_AGAIN, "this address asks too often; try again later", &o), &o);
}

void enrol_leave(struct peer *c)
{
	struct enrolment *e = c->enrolment;

	if (e == NULL)
		return;
	watcher_leave(e);
	free(e->leaf);
	free(e);
	c->enrolment = NULL;
}
