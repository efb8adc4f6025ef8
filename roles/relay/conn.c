/*
 * conn: one relayed connection, top to bottom as it lives:
 *
 *   NEAR   the client's TLS handshake, when the near side is TLS
 *   DIAL   a connection to the far side
 *   FAR    our TLS handshake with it, when the far side is TLS
 *   OPEN   bytes both ways (io/couple)
 *   OVER   what was on its way at a clean end leaves; then the sockets close, keys are wiped
 *
 * Nothing is read from the client before the far side is open. Every end goes through
 * conn_close(): one line that says who ended it and why. The slot goes with its last socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "relay.h"

enum { NEAR, FAR }; /* sides of the couple too */

#define SWEEP_NS (NS_PER_S / 4) /* all are looked at no more often than so, however many end one after the other */

enum conn_state { CONN_NEAR, CONN_DIAL, CONN_FAR, CONN_OPEN, CONN_OVER };

struct conn {
	struct relay *w;
	struct source src[2];
	struct tls *tls[2]; /* NULL: plain */
	struct sockduct sock[2];
	struct couple couple;
	struct dial *dial;
	uint64_t began;
	struct addr peer;
	uint8_t state, watched; /* watched: how many of src the loop still knows */
	struct conn *prev, *next;
};

static const char *const side_names[] = {"client", "far side", [COUPLE_NEITHER] = "zt"};

/* Dead peers behind a router that forgot them are noticed after about three minutes. */
static const struct net_tune tune = {.nodelay = true, .idle_s = 120, .interval_s = 15, .probes = 4};

void conn_pool_init(struct relay *w)
{
	pool_init(&w->conns, &w->child.bounds, BOUND_RELAY_CONNS, sizeof(struct conn));
}

/* ---- the end ----------------------------------------------------------------------------- */

static void drop_tls(struct conn *k)
{
	for (unsigned i = 0; i < 2; i++) {
		if (k->tls[i])
			tls_free(k->tls[i]);
		free(k->tls[i]);
		k->tls[i] = NULL;
	}
}

/* err 0: what was put is still delivered. */
static void conn_end(struct conn *k, const char *by, const char *why, enum zt_err err)
{
	struct relay *w = k->w;
	bool open = k->state == CONN_OPEN;
	char peer[ADDR_TEXT];

	if (k->state == CONN_OVER)
		return;
	LOG(&w->child.log, LOG_INFO, open ? "closed" : "not opened", LF_STR("peer", addr_text(&k->peer, peer)),
	    LF_U64("from_client", k->sock[NEAR].d.in), LF_U64("to_client", k->sock[FAR].d.in),
	    LF_U64("ms", (loop_now(w->child.loop) - k->began) / NS_PER_MS), LF_STR("by", by), LF_STR("why", why));
	k->state = CONN_OVER;
	couple_stop(&k->couple);
	if (k->dial)
		dial_cancel(k->dial);
	if (!open)
		drop_tls(k); /* a handshake may run */
	for (unsigned i = 0; i < 2; i++) {
		if (open) {
			duct_close(&k->sock[i].d, err);
			sockduct_patience(&k->sock[i], k->couple.idle_ms * NS_PER_MS);
		} else {
			loop_close(&k->src[i]);
		}
	}
}

static void conn_close(struct conn *k, const char *by, const char *why)
{
	conn_end(k, by, why, ZT_E_CANCELLED);
}

static void conn_reap(struct conn *k)
{
	struct relay *w = k->w;

	if (--k->watched)
		return;
	for (unsigned i = 0; i < 2; i++)
		w->bytes[i] += k->sock[i].d.in;
	drop_tls(k);
	*(k->prev ? &k->prev->next : &w->first) = k->next;
	if (k->next)
		k->next->prev = k->prev;
	pool_put(&w->conns, k);
	relay_one_less(w);
}

void conn_end_all(struct relay *w)
{
	for (struct conn *k = w->first; k; k = k->next) {
		conn_close(k, "zt", "the relay is ending");
		for (unsigned i = 0; i < 2; i++)
			sockduct_stop(&k->sock[i]);
		drop_tls(k);
	}
}

/* Ends those whose silence has lasted, and sets the timer for the first of the others. */
static void sweep(struct timer *t, uint64_t now)
{
	struct relay *w = CONTAINER_OF(t, struct relay, silence);
	uint64_t first = UINT64_MAX;

	for (struct conn *k = w->first; k; k = k->next) {
		couple_look(&k->couple, now);
		first = num_min64(first, couple_due(&k->couple));
	}
	if (first != UINT64_MAX && !loop_timer_by(w->child.loop, t, num_max64(first, now + SWEEP_NS)))
		LOG0(&w->child.log, LOG_ERROR, "no memory for a timer: connections may be silent for ever");
}

/* Every open one has the same time. */
static void look_at(struct relay *w)
{
	w->silence.fire = sweep;
	if (!loop_timer_by(w->child.loop, &w->silence, loop_now(w->child.loop) + w->child.conf->relay.idle_ms * NS_PER_MS))
		sweep(&w->silence, loop_now(w->child.loop));
}

void conn_reloaded(struct relay *w)
{
	for (struct conn *k = w->first; k; k = k->next)
		k->couple.idle_ms = (uint32_t)w->child.conf->relay.idle_ms;
	look_at(w);
}

uint64_t conn_bytes(const struct relay *w, unsigned side)
{
	uint64_t sum = w->bytes[side];

	for (const struct conn *k = w->first; k; k = k->next)
		sum += k->sock[side].d.in;
	return sum;
}

/* ---- open -------------------------------------------------------------------------------- */

static const char *why_over(const struct couple *c)
{
	if (c->why == ZT_OK)
		return "finished first";
	if (c->by == COUPLE_NEITHER)
		return "idle";
	if (c->why == ZT_E_CLOSED)
		return tls_end_text(TLS_TRUNCATED);
	return c->side[c->by]->end == DUCT_RESET ? "reset the connection" : duct_why(c->side[c->by]);
}

static void on_over(struct couple *c)
{
	conn_end(CONTAINER_OF(c, struct conn, couple), side_names[c->by], why_over(c), (enum zt_err)c->why);
}

static void near_bytes(struct duct *d, unsigned events)
{
	couple_event(&CONTAINER_OF(d, struct conn, sock[NEAR].d)->couple, NEAR, events);
}

static void far_bytes(struct duct *d, unsigned events)
{
	couple_event(&CONTAINER_OF(d, struct conn, sock[FAR].d)->couple, FAR, events);
}

static const struct duct_user users[] = {{near_bytes}, {far_bytes}};

static size_t tls_fields(const struct tls *t, unsigned side, struct log_field *f)
{
	static const char *const keys[2][4] = {{"name", "suite", "alpn", "resumed"},
					       {"far_name", "far_suite", "far_alpn", "far_resumed"}};
	size_t n = 0;

	if (t == NULL)
		return 0;
	f[n++] = (struct log_field)LF_STR(keys[side][0], t->peer->name);
	f[n++] = (struct log_field)LF_STR(keys[side][1], suite_name(t->peer->suite));
	if (t->peer->alpn[0])
		f[n++] = (struct log_field)LF_STR(keys[side][2], t->peer->alpn);
	f[n++] = (struct log_field)LF_BOOL(keys[side][3], t->peer->resumed);
	if (side == NEAR && t->peer->has_cert)
		f[n++] = (struct log_field)LF_STR("client", t->peer->id);
	if (side == FAR && t->peer->verdict != TLSF_NONE)
		f[n++] = (struct log_field)LF_STR("far_verdict", tls_fault_name(t->peer->verdict));
	return n;
}

static void log_open(struct conn *k)
{
	char peer[ADDR_TEXT], far[ADDR_TEXT];
	const struct addr to = net_peer(k->src[FAR].fd);
	struct log_field f[12] = {LF_STR("peer", addr_text(&k->peer, peer)), LF_STR("to", addr_text(&to, far))};
	size_t n = 2;

	n += tls_fields(k->tls[NEAR], NEAR, f + n);
	n += tls_fields(k->tls[FAR], FAR, f + n);
	log_line(&k->w->child.log, LOG_INFO, "open", f, n);
}

static void go_open(struct conn *k)
{
	k->state = CONN_OPEN;
	if (k->w->child.log.level >= LOG_INFO)
		log_open(k);
	for (unsigned i = 0; i < 2; i++) {
		if (k->tls[i])
			tls_forget_peer(k->tls[i]);
		/* without bytes before it cannot fail */
		sockduct_start(&k->sock[i], k->w->bufs, &k->src[i], k->tls[i], &users[i], SPAN_NONE);
	}
	k->couple = (struct couple){.side = {&k->sock[NEAR].d, &k->sock[FAR].d}, .over = on_over, .loop = k->w->child.loop,
				    .idle_ms = (uint32_t)k->w->child.conf->relay.idle_ms};
	couple_start(&k->couple);
	look_at(k->w);
}

/* ---- the two sides on the loop ----------------------------------------------------------- */

/* Is it this side's handshake that runs? */
static bool shakes(const struct conn *k, unsigned side)
{
	return k->tls[side] && k->state == (side == NEAR ? CONN_NEAR : CONN_FAR);
}

static unsigned side_wants(const struct conn *k, unsigned side)
{
	if (k->state >= CONN_OPEN)
		return sockduct_wants(&k->sock[side]);
	return shakes(k, side) ? tls_wants(k->tls[side]) : 0;
}

static void side_ready(struct conn *k, unsigned side, unsigned events)
{
	if (k->state >= CONN_OPEN)
		sockduct_ready(&k->sock[side], events);
	else if (shakes(k, side))
		tls_shake_ready(k->tls[side], events);
	else if (events & LOOP_HUP)
		conn_close(k, side_names[side], "left before the connection was open");
}

static unsigned near_wants(const struct source *s) { return side_wants(CONTAINER_OF(s, struct conn, src[NEAR]), NEAR); }
static unsigned far_wants(const struct source *s) { return side_wants(CONTAINER_OF(s, struct conn, src[FAR]), FAR); }
static void near_ready(struct source *s, unsigned ev) { side_ready(CONTAINER_OF(s, struct conn, src[NEAR]), NEAR, ev); }
static void far_ready(struct source *s, unsigned ev) { side_ready(CONTAINER_OF(s, struct conn, src[FAR]), FAR, ev); }
static void near_reap(struct source *s) { conn_reap(CONTAINER_OF(s, struct conn, src[NEAR])); }
static void far_reap(struct source *s) { conn_reap(CONTAINER_OF(s, struct conn, src[FAR])); }

static const struct source_class near_class = {"relay client", near_wants, near_ready, near_reap};
static const struct source_class far_class = {"relay far side", far_wants, far_ready, far_reap};

static bool watch(struct conn *k, unsigned side, int fd)
{
	k->src[side] = (struct source){.cls = side == NEAR ? &near_class : &far_class, .fd = fd};
	if (loop_add(k->w->child.loop, &k->src[side]) < 0) {
		close(fd);
		return false;
	}
	k->watched++;
	return true;
}

/* At most two a connection, under BOUND_RELAY_CONNS; a plain side does without those bytes. */
static struct tls *tls_of(struct conn *k, unsigned side)
{
	k->tls[side] = calloc(1, sizeof(struct tls));
	return k->tls[side];
}

/* ---- towards the far side ---------------------------------------------------------------- */

/* Whoever reads the log must not look for our own troubles at the peer. */
static const char *who_failed(enum tls_fault f, unsigned side)
{
	return f == TLSF_INTERNAL || f == TLSF_BUSY || f == TLSF_LOST ? "zt" : side_names[side];
}

static void on_far_failed(struct tls *t, enum tls_fault f, const char *words)
{
	conn_close(CONTAINER_OF(t->src, struct conn, src[FAR]), who_failed(f, FAR), words);
}

static void on_far_opened(struct tls *t, const struct span *chain, size_t n)
{
	(void)chain;
	(void)n;
	go_open(CONTAINER_OF(t->src, struct conn, src[FAR]));
}

static const struct tls_class far_tls = {on_far_opened, on_far_failed, NULL};

static void shake_far(struct conn *k, const struct addr *to)
{
	const struct tls_connect req = {.plan = 0, .ip = to};
	struct tls *t = tls_of(k, FAR);
	int rc = t ? tls_connect(t, k->w->web.tls, &far_tls, &k->src[FAR], &req) : -ZT_E_NOMEM;

	k->state = CONN_FAR;
	if (rc < 0)
		conn_close(k, "zt", err_text((enum zt_err)-rc));
	else
		loop_touch(&k->src[FAR]);
}

static void cannot_connect(struct conn *k, const struct dial_result *r)
{
	const struct conf_relay *c = &k->w->child.conf->relay;
	char tried[ADDR_TEXT], why[400]; /* a name has at most 253 bytes */

	if (r->n)
		addr_text(&r->tried[0].to, tried);
	snprintf(why, sizeof why, "cannot connect to %s: %s", r->n ? tried : c->to.host, err_text((enum zt_err)-r->rc));
	conn_close(k, side_names[FAR], why);
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct conn *k = owner;

	k->dial = NULL;
	if (r->rc < 0) {
		cannot_connect(k, r);
		return;
	}
	if (!watch(k, FAR, r->fd)) {
		conn_close(k, "zt", "out of memory");
		return;
	}
	if (k->w->child.conf->relay.connect == CONF_LEG_TLS)
		shake_far(k, &r->peer);
	else
		go_open(k);
}

static void go_dial(struct conn *k)
{
	const struct conf_relay *c = &k->w->child.conf->relay;
	const struct dial_req req = {.host = span_str(c->to.host), .port = c->to.port, .tune = &tune,
				     .timeout_ns = c->connect_ms * NS_PER_MS, .done = on_dialled, .owner = k};
	int rc = dial_start(k->w->out.dialer, &req, &k->dial);

	k->state = CONN_DIAL;
	if (rc < 0)
		conn_close(k, "zt", rc == -ZT_E_FULL ? "too many connections are being opened" : err_text((enum zt_err)-rc));
}

/* ---- from the client --------------------------------------------------------------------- */

static void on_near_failed(struct tls *t, enum tls_fault f, const char *words)
{
	conn_close(CONTAINER_OF(t->src, struct conn, src[NEAR]), who_failed(f, NEAR), words);
}

static void on_near_opened(struct tls *t, const struct span *chain, size_t n)
{
	(void)chain;
	(void)n;
	go_dial(CONTAINER_OF(t->src, struct conn, src[NEAR]));
}

static const struct tls_class near_tls = {on_near_opened, on_near_failed, NULL};

static void shake_near(struct conn *k)
{
	struct tls *t = tls_of(k, NEAR);
	int rc = t ? tls_accept(t, k->w->web.tls, &near_tls, &k->src[NEAR], &k->peer) : -ZT_E_NOMEM;

	if (rc == -ZT_E_DENIED)
		conn_close(k, "zt", "this address begins too many handshakes");
	else if (rc < 0)
		conn_close(k, "zt", rc == -ZT_E_FULL ? "too many handshakes are running" : err_text((enum zt_err)-rc));
	else
		loop_touch(&k->src[NEAR]);
}

void conn_accepted(struct relay *w, int fd, const struct addr *peer)
{
	struct conn *k = pool_get(&w->conns);

	if (k == NULL) { /* relay_conns is full; its metric counts this */
		close(fd);
		return;
	}
	k->w = w;
	k->peer = *peer;
	k->began = loop_now(w->child.loop);
	if (!watch(k, NEAR, fd)) {
		pool_put(&w->conns, k);
		return;
	}
	w->accepted++;
	k->next = w->first;
	if (k->next)
		k->next->prev = k;
	w->first = k;
	net_tune(fd, &tune); /* a socket that cannot be tuned is about to say why by itself */
	if (w->child.conf->relay.accept == CONF_LEG_TLS)
		shake_near(k);
	else
		go_dial(k);
}
