/*
 * front_peer: one connection of ca-front, from accept to close:
 *
 *   SHAKE -> READ -> THINK -> SEND -> READ | WATCH | LINGER -> gone
 *
 * It owns the socket, the state and the deadline of each state; what is said is front_http's and
 * front_enrol's. While ca-sign is asked nothing is read: one question at a time is all a peer gets.
 * Every end goes through peer_close().
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "front.h"

/* Watchers say nothing: dead ones behind a router that forgot them are noticed in about two minutes. */
static const struct net_tune tune = {.nodelay = true, .idle_s = 60, .interval_s = 15, .probes = 4};

static struct peer *peer_of(struct source *s)
{
	return CONTAINER_OF(s, struct peer, src);
}

const char *peer_text(const struct peer *c, char out[static ADDR_TEXT])
{
	struct wr w = wr_of(out, ADDR_TEXT - 1);

	addr_write_ip(&w, &c->peer);
	out[w.n] = 0;
	return out;
}

uint64_t peer_patience(const struct peer *c)
{
	const struct bounds *b = &c->f->child.bounds;

	return b->row[BOUND_CA_CONNS].used * 2 > b->row[BOUND_CA_CONNS].cap ? FRONT_CROWDED : FRONT_FIRST;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void forget_send(struct peer *c)
{
	free(c->send.head);
	cadoc_drop(c->send.doc);
	c->send = (struct outgoing){0};
}

static void leave_list(struct peer *c)
{
	if (!c->linked)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		c->f->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->linked = false;
}

static void leave_questions(struct peer *c)
{
	if (c->ask)
		caask_forget(c->ask);
	c->ask = NULL;
	cadocs_leave(&c->wait);
}

void peer_close(struct peer *c, const char *why)
{
	char peer[ADDR_TEXT];

	if (c->state == PEER_OVER)
		return;
	if (why)
		LOG(&c->f->child.log, LOG_INFO, "closed", LF_STR("peer", addr_text(&c->peer, peer)), LF_STR("why", why));
	c->state = PEER_OVER;
	leave_questions(c);
	enrol_leave(c);
	loop_timer_stop(c->f->child.loop, &c->limit);
	forget_send(c);
	io_free(c);
	if (c->secure)
		tls_free(&c->tls);
	loop_close(&c->src);
	leave_list(c);
}

static void peer_reap(struct source *s)
{
	struct peer *c = peer_of(s);
	struct front *f = c->f;

	pool_put(&f->conns, c);
	front_one_less(f);
}

void peer_end_all(struct front *f, const char *why)
{
	while (f->first)
		peer_close(f->first, why);
}

static void go_linger(struct peer *c);

void peer_drain(struct front *f)
{
	struct peer *next;

	for (struct peer *c = f->first; c; c = next) {
		next = c->next;
		if (c->state == PEER_WATCH)
			go_linger(c);
		else if (c->state == PEER_SEND && c->send.after == AFTER_WATCH)
			c->send.after = AFTER_CLOSE;
	}
}

/* ---- states -------------------------------------------------------------------------------- */

void peer_set(struct peer *c, enum peer_state s, uint64_t limit_ns)
{
	struct loop *l = c->f->child.loop;

	if (c->state == PEER_OVER)
		return;
	c->state = (uint8_t)s;
	if (limit_ns == 0)
		loop_timer_stop(l, &c->limit);
	else if (!loop_timer(l, &c->limit, limit_ns))
		peer_close(c, "out of memory");
	if (c->state != PEER_OVER)
		loop_touch(&c->src);
}

/* All is said; whatever is still on its way for it finds nobody. */
static void go_linger(struct peer *c)
{
	int rc = io_bye(c);

	leave_questions(c);
	if (rc < 0 && rc != -ZT_E_AGAIN)
		peer_close(c, NULL);
	else
		peer_set(c, PEER_LINGER, FRONT_LINGER);
}

void peer_send(struct peer *c, const struct message *m, enum peer_after after)
{
	size_t n = m->head.n + m->text.n, body = m->doc == NULL ? 0 : m->pem ? io_pem_bytes(m->doc->n, m->pem) : m->doc->n;
	uint8_t *mem = malloc(n);
	struct wr w = wr_of(mem, n);

	if (mem == NULL) {
		peer_close(c, "out of memory");
		return;
	}
	wr_put(&w, m->head);
	wr_put(&w, m->text);
	forget_send(c);
	c->send = (struct outgoing){.head = mem, .head_n = n, .total = n + body, .pem = m->pem,
				    .doc = m->doc ? cadoc_keep(m->doc) : NULL, .after = (uint8_t)after};
	peer_set(c, PEER_SEND, FRONT_SEND + c->send.total / FRONT_SLOWEST * NS_PER_S);
}

static void sent(struct peer *c)
{
	enum peer_after after = (enum peer_after)c->send.after;

	forget_send(c);
	if (after == AFTER_CLOSE) {
		go_linger(c);
	} else if (after == AFTER_READ) {
		peer_set(c, PEER_READ, peer_patience(c));
		loop_again(&c->src); /* what came too early waits in the inbox */
	} else {
		peer_set(c, PEER_WATCH, 0);
		watcher_go_on(c);
	}
	if (c->state != PEER_OVER && c->state != PEER_LINGER)
		io_idle(c);
}

static void heard(struct peer *c)
{
	if (c->enrolment)
		enrol_bytes(c);
	else
		http_bytes(c);
	if (c->state == PEER_WATCH)
		io_idle(c);
	if (c->state == PEER_READ && io_more(c))
		loop_again(&c->src);
}

static void ready_read(struct peer *c)
{
	int rc = io_read(c);

	if (rc == 1)
		heard(c);
	else if (rc == 0)
		peer_close(c, c->state == PEER_WATCH || io_span(c).n == 0 ? NULL : "the peer left in the middle of a request");
	else if (rc == -ZT_E_AGAIN)
		return;
	else if (rc == -ZT_E_RESET && c->secure && c->tls.end > TLS_CLEAN)
		peer_close(c, tls_end_text((enum tls_end)c->tls.end));
	else
		peer_close(c, err_text((enum zt_err)-rc));
}

static void ready_send(struct peer *c)
{
	int rc = io_send(c);

	if (rc == 0)
		sent(c);
	else if (rc != -ZT_E_AGAIN)
		peer_close(c, err_text((enum zt_err)-rc));
}

static void ready_linger(struct peer *c)
{
	int rc = c->out ? io_bye(c) : 0;

	if (rc == 0)
		rc = io_drain(c);
	if (rc != -ZT_E_AGAIN)
		peer_close(c, NULL);
}

static void on_limit(struct timer *t, uint64_t now)
{
	struct peer *c = CONTAINER_OF(t, struct peer, limit);

	(void)now;
	if (c->state == PEER_LINGER)
		peer_close(c, NULL);
	else if (c->state == PEER_THINK && c->enrolment == NULL)
		http_late(c);
	else
		peer_close(c, c->state == PEER_SEND ? "it takes too long to take what it asked for"
						    : "it did not say what it wants in time");
}

/* ---- on the loop --------------------------------------------------------------------------- */

static unsigned peer_wants(const struct source *s)
{
	const struct peer *c = CONTAINER_OF(s, const struct peer, src);

	switch ((enum peer_state)c->state) {
	case PEER_SHAKE:
		return tls_wants(&c->tls);
	case PEER_READ:
	case PEER_WATCH:
		return LOOP_IN;
	case PEER_SEND:
		return LOOP_OUT;
	case PEER_LINGER:
		return c->out ? LOOP_IN | LOOP_OUT : LOOP_IN;
	case PEER_THINK:
	case PEER_OVER:
		break;
	}
	return 0;
}

static void peer_ready(struct source *s, unsigned events)
{
	struct peer *c = peer_of(s);

	switch ((enum peer_state)c->state) {
	case PEER_SHAKE:
		tls_shake_ready(&c->tls, events);
		break;
	case PEER_READ:
	case PEER_WATCH:
		ready_read(c);
		break;
	case PEER_SEND:
		ready_send(c);
		break;
	case PEER_LINGER:
		ready_linger(c);
		break;
	case PEER_THINK:
		if (events & LOOP_HUP)
			peer_close(c, "the peer left before it was answered");
		break;
	case PEER_OVER:
		break;
	}
}

static const struct source_class peer_class = {"peer of the authority", peer_wants, peer_ready, peer_reap};

/* ---- the beginning ------------------------------------------------------------------------- */

static void on_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct peer *c = CONTAINER_OF(t, struct peer, tls);

	peer_set(c, PEER_READ, peer_patience(c));
	if (c->state != PEER_OVER && strcmp(t->peer->alpn, ENROL_ALPN) == 0)
		enrol_begin(c, chain, n);
}

static void on_failed(struct tls *t, enum tls_fault f, const char *words)
{
	(void)f;
	peer_close(CONTAINER_OF(t, struct peer, tls), words);
}

static const struct tls_class tls_class = {on_opened, on_failed, NULL};

static void begin_tls(struct peer *c)
{
	int rc = tls_accept(&c->tls, c->f->tls, &tls_class, &c->src, &c->peer);

	if (rc == -ZT_E_DENIED)
		peer_close(c, "this address begins too many handshakes");
	else if (rc < 0)
		peer_close(c, rc == -ZT_E_FULL ? "too many handshakes are running" : err_text((enum zt_err)-rc));
	else
		loop_touch(&c->src);
}

void peer_accepted(struct front *f, int fd, const struct addr *peer, bool secure)
{
	struct peer *c = pool_get(&f->conns);

	if (c == NULL) { /* ca_conns is full; its metric counts this */
		close(fd);
		return;
	}
	c->f = f;
	c->peer = *peer;
	c->limit.fire = on_limit;
	c->state = secure ? PEER_SHAKE : PEER_READ;
	c->src = (struct source){.cls = &peer_class, .fd = fd};
	c->secure = secure;
	if (loop_add(f->child.loop, &c->src) < 0) {
		close(fd);
		pool_put(&f->conns, c);
		return;
	}
	f->stats.accepted++;
	c->linked = true;
	c->next = f->first;
	if (c->next)
		c->next->prev = c;
	f->first = c;
	net_tune(fd, &tune); /* a socket that cannot be tuned is about to say why by itself */
	if (secure)
		begin_tls(c);
	else
		peer_set(c, PEER_READ, peer_patience(c));
}
