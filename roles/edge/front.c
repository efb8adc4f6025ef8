/*
 * front: one connection of the public port, top to bottom as it lives:
 *
 *   SHAKE  the hello, read here and nowhere else: a connector's and what is passed on unopened leave with their
 *          descriptor; then the visitor's handshake
 *   IDLE   between requests: a timer, no buffer
 *   BUSY   an exchange has the duct
 *   OVER   what was put leaves, then the socket closes and the slot is reaped
 *
 * It is of one host for life, the section that its hello was served by, whatever a reload does to the places of
 * the others. Every end goes through front_close().
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "decide/share.h"
#include "exchange.h"
#include "io/sockduct.h"
#include "serve/accesslog.h"
#include "wire/x509.h"

enum front_state { FRONT_SHAKE, FRONT_IDLE, FRONT_BUSY, FRONT_OVER };

struct front {
	struct source src;
	struct tls tls;
	struct sockduct sock;
	struct timer idle;
	struct front *prev, *next;
	struct fronts *in;        /* the list it is in; NULL: none */
	struct exchange *x;
	struct upstream *kept;
	uint16_t *seat;
	struct site *site;        /* of.plan is of it */
	struct exchange_of of;
	struct access_tls shown;
	struct policy_cert cert;
	char ca[CERT_CA_ID + 1];  /* who issued it, by its zt:// name; "": it has none */
	uint8_t state;
	bool gone;                /* its host is not written any more: what runs is bounded by idle */
};

_Static_assert(sizeof(struct front) + 880 + 2 * (SHARE_WAY + 32) + 512 <= SHARE_VISITOR, "with its peer, request and way");

/* Visitors behind a router that forgot them are noticed after about three minutes. No more waits unsent than a window that is
 * small: of what one does not take the kernel would hold megabytes, which no bound of ours counts; and a buffer that fills
 * looks like somebody who reads fast, and the stream's window grows for nothing. */
static const struct net_tune tune = {.nodelay = true, .idle_s = 120, .interval_s = 15, .probes = 4, .notsent_lowat = 131072};

#define DRAIN_IDLE (2 * NS_PER_S) /* a connection that was still shaking hands when the end began may ask once */

static struct front *front_of(struct source *s)
{
	return CONTAINER_OF(s, struct front, src);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void leave_list(struct front *f)
{
	struct fronts *l = f->in;

	if (l == NULL)
		return;
	*(f->prev ? &f->prev->next : &l->first) = f->next;
	*(f->next ? &f->next->prev : &l->last) = f->prev;
	f->prev = f->next = NULL;
	f->in = NULL;
}

static void join_list(struct front *f, struct fronts *l)
{
	leave_list(f);
	f->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = f;
	l->last = f;
	f->in = l;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void set_state(struct front *f, enum front_state s)
{
	f->state = (uint8_t)s;
	loop_touch(&f->src);
}

/* err 0: tidily. The exchange is over already, or was never there. */
static void front_close(struct front *f, enum zt_err err)
{
	bool shaking = f->state == FRONT_SHAKE;

	if (f->state == FRONT_OVER)
		return;
	set_state(f, FRONT_OVER);
	loop_timer_stop(f->of.e->child.loop, &f->idle);
	join_list(f, &f->of.e->busy);
	if (f->kept)
		upstream_close(f->kept, ZT_OK);
	f->kept = NULL;
	if (!shaking) {
		duct_close(&f->sock.d, err);
		return;
	}
	tls_free(&f->tls);
	loop_close(&f->src);
}

static void front_end(struct front *f, enum zt_err err, const char *why)
{
	struct exchange *x = f->x;

	f->x = NULL;
	if (x)
		exchange_end(x, why);
	front_close(f, err);
}

static void front_reap(struct source *s)
{
	struct front *f = front_of(s);
	struct edge *e = f->of.e;

	leave_list(f);
	tls_free(&f->tls);
	site_drop(f->site);
	edge_leaves(f->seat);
	pool_put(&e->fronts, f);
	edge_one_less(e);
}

/* ---- between requests ------------------------------------------------------------------------ */

static bool ends(const struct front *f)
{
	const struct child *c = &f->of.e->child;

	/* Who was not told by his last answer that it ends may be asking already. */
	return f->of.last || (c->draining && !c->yields);
}

static void on_idle_event(struct duct *d, unsigned events);
static const struct duct_user idle_user = {on_idle_event};

static void go_idle(struct front *f, uint64_t for_ns)
{
	struct edge *e = f->of.e;

	f->sock.d.user = &idle_user;
	set_state(f, FRONT_IDLE);
	join_list(f, &e->idle);
	if (!loop_timer(e->child.loop, &f->idle, for_ns))
		front_close(f, ZT_E_NOMEM);
	else
		duct_want(&f->sock.d, DUCT_IN);
}

static void on_over(void *owner, bool keep)
{
	struct front *f = owner;

	f->x = NULL;
	if (f->state != FRONT_BUSY)
		return;
	if (!keep || ends(f) || duct_dead(&f->sock.d) || f->sock.d.deaf)
		front_close(f, ZT_OK);
	else
		go_idle(f, f->of.e->site->conf->edge.idle_ms * NS_PER_MS);
}

static void judge_cert(struct front *f)
{
	const struct edge *e = f->of.e;

	f->cert.listed = e->keep && f->ca[0] && site_lists(e->site, span_str(f->ca));
	f->cert.status = STATUS_YES;
	if (f->cert.listed)
		f->cert.status = status_may_begin(keepline_view(e->keep), &e->site->stale, keepline_now(e->keep), f->cert.serial);
}

static void begin(struct front *f)
{
	struct edge *e = f->of.e;

	loop_timer_stop(e->child.loop, &f->idle);
	join_list(f, &e->busy);
	set_state(f, FRONT_BUSY);
	judge_cert(f);
	if (exchange_start(&f->x, &f->of) < 0) {
		f->x = NULL;
		front_close(f, ZT_E_FULL);
	}
}

static void on_idle_event(struct duct *d, unsigned events)
{
	struct front *f = CONTAINER_OF(d, struct front, sock.d);

	(void)events;
	if (f->state != FRONT_IDLE)
		return;
	if (duct_dead(d) || duct_ended(d))
		front_close(f, ZT_OK);
	else if (duct_peek(d).n)
		begin(f);
}

static const char gone[] = "its host is gone, or asks for another certificate now";

static void on_idle_time(struct timer *t, uint64_t now)
{
	struct front *f = CONTAINER_OF(t, struct front, idle);

	(void)now;
	front_end(f, f->state == FRONT_BUSY ? ZT_E_DENIED : ZT_OK, gone);
}

/* ---- the handshake --------------------------------------------------------------------------- */

/* zt://<ca>/<role>/<id>, of a certificate that has passed leaf_check(). */
static void zt_name(struct front *f, const struct x509 *leaf, bool role_checked)
{
	struct span rest = leaf->san, uri, part;
	struct san s;
	enum cert_role role;

	while (x509_san_next(&rest, &s) > 0)
		if (s.kind == SAN_URI && span_starts(s.value, "zt://")) {
			uri = span_sub(s.value, 5, s.value.n);
			if (!span_cut(uri, '/', &part, &uri) || span_to_cstr(part, f->ca, sizeof f->ca) < 0)
				continue;
			if (role_checked && span_cut(uri, '/', &part, &uri) && cert_role_find(part, &role) == 0)
				f->cert.role = role;
			return;
		}
}

/* tls has judged chain, form, purpose, and the role where the host demands one. */
static void note_cert(struct front *f, struct span der)
{
	struct policy_cert *c = &f->cert;
	struct x509 leaf;

	c->presented = true;
	if (x509_read(&leaf, der, NULL) < 0)
		return;
	c->verified = f->tls.peer->verdict == TLSF_NONE;
	c->id = f->tls.peer->id;
	c->not_before = leaf.not_before;
	c->not_after = leaf.not_after;
	/* As the authority makes them; a foreign one of another length is not listed. */
	if (leaf.serial.n == sizeof c->serial)
		memcpy(c->serial, leaf.serial.p, sizeof c->serial);
	zt_name(f, &leaf, f->of.plan < f->site->rules.hosts && f->site->rules.host[f->of.plan].roles);
}

/* May it go on at all under the site in force? Demands on its certificate may be others now, and nobody asks for
 * one again: what is not exactly as it was ends after what runs, and at once when other authorities count now, because
 * which of them gave the certificate is not known any more. */
static bool may_stay(struct front *f)
{
	struct edge *e = f->of.e;
	const struct conf_host *h;
	struct addr at;
	bool same, asked;
	int plan;

	f->gone = false;
	if (f->site == e->site)
		return true;
	at = net_local(f->src.fd); /* not what a proxy said */
	f->of.last |= !site_listens(e->site, &at);
	if (f->x && exchange_unnamed(f->x)) {
		f->gone = f->of.last = true;
		return true;
	}
	plan = site_again(e->site, f->site, f->of.plan);
	h = site_host(e->site, plan);
	same = h && site_same_cas(e->site, plan, f->site, f->of.plan);
	asked = h && (f->cert.presented || h->client_cert != TLS_ASK_NO);
	f->of.last |= h == NULL || (asked && !(same && site_same_demands(e->site, plan, f->site, f->of.plan)));
	f->of.plan = plan < 0 ? UINT_MAX : (unsigned)plan;
	site_drop(f->site);
	f->site = site_hold(e->site);
	return h && (f->cert.presented ? same : h->client_cert != TLS_ASK_REQUIRED);
}

/* It is judged by what was in force at its hello: a reload may have overtaken the handshake. */
static void on_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct front *f = CONTAINER_OF(t, struct front, tls);
	struct edge *e = f->of.e;
	int plan = site_sni(f->site, span_str(t->peer->name));

	f->of.plan = plan < 0 ? UINT_MAX : (unsigned)plan;
	if (n)
		note_cert(f, chain[0]);
	if (!may_stay(f)) {
		front_close(f, ZT_E_DENIED);
		return;
	}
	f->shown = (struct access_tls){.on = true, .resumed = t->peer->resumed, .suite = t->peer->suite, .alpn = t->peer->alpn,
				       .name = t->peer->name, .client = t->peer->id};
	sockduct_start(&f->sock, e->bufs, &f->src, t, &idle_user, SPAN_NONE); /* without bytes before it cannot fail */
	f->of.d = &f->sock.d;
	go_idle(f, e->child.draining && !e->child.yields ? DRAIN_IDLE : e->site->conf->edge.idle_ms * NS_PER_MS);
}

static void on_failed(struct tls *t, enum tls_fault fault, const char *words)
{
	struct front *f = CONTAINER_OF(t, struct front, tls);
	char peer[ADDR_TEXT];

	(void)fault;
	LOG(&f->of.e->child.log, LOG_DEBUG, "no handshake", LF_STR("peer", addr_text(&f->of.user, peer)), LF_STR("why", words));
	front_close(f, ZT_OK);
}

/* The descriptor goes to another owner; what was read of it is his too. */
static int give_away(struct front *f)
{
	int fd = f->src.fd;

	f->src.keep_fd = true;
	loop_close(&f->src);
	f->state = FRONT_OVER;
	return fd;
}

static bool on_hello(struct tls *t, const struct hello *h, struct span raw)
{
	struct front *f = CONTAINER_OF(t, struct front, tls);
	struct edge *e = f->of.e;

	site_drop(f->site);
	f->site = site_hold(e->site);
	if (e->child.draining && !e->child.yields)
		return false;
	if (e->id && !e->child.yields && hello_wants(h, SPAN_LIT("zt-tunnel/1")))
		peers_arrived(e, give_away(f), &f->of.user, span_str(h->name), raw);
	else if (raw_passes(e, h))
		raw_passed(e, h, give_away(f), &f->of.user, raw);
	return f->state == FRONT_OVER;
}

static const struct tls_class tls_class = {on_opened, on_failed, on_hello};

static void shake(struct front *f)
{
	int rc = tls_accept(&f->tls, f->of.e->web, &tls_class, &f->src, &f->of.user);

	if (rc < 0)
		front_close(f, ZT_OK); /* counted by tls, or by its bound */
	else
		loop_touch(&f->src);
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static unsigned front_wants(const struct source *s)
{
	const struct front *f = CONTAINER_OF(s, const struct front, src);

	return f->state == FRONT_SHAKE ? tls_wants(&f->tls) : sockduct_wants(&f->sock);
}

static void front_ready(struct source *s, unsigned events)
{
	struct front *f = front_of(s);

	if (f->state == FRONT_SHAKE)
		tls_shake_ready(&f->tls, events);
	else
		sockduct_ready(&f->sock, events);
}

static const struct source_class front_class = {"visitor", front_wants, front_ready, front_reap};

/* With the last sixteenth of the slots, whoever has asked for nothing longest goes: who comes finds one. */
static void make_room(struct edge *e)
{
	const struct bounds *b = &e->child.bounds;
	uint64_t cap = b->row[BOUND_EDGE_CONNS].cap;
	struct front *f = e->idle.first;

	if (f == NULL || b->row[BOUND_EDGE_CONNS].used < cap - cap / 16)
		return;
	duct_finish(&f->sock.d);
	duct_flush(&f->sock.d);
	front_close(f, ZT_OK);
	sockduct_stop(&f->sock);
}

void fronts_init(struct edge *e)
{
	pool_init(&e->fronts, &e->child.bounds, BOUND_EDGE_CONNS, sizeof(struct front));
}

void front_accepted(struct edge *e, int fd, const struct arrival *a)
{
	struct front *f;
	uint16_t *seat;

	if (!edge_comes(e, &a->user, &seat)) {
		close(fd);
		return;
	}
	make_room(e);
	f = pool_get(&e->fronts);
	if (f == NULL) { /* edge_conns is full; its metric counts this */
		edge_leaves(seat);
		close(fd);
		return;
	}
	f->seat = seat;
	f->of = (struct exchange_of){.e = e, .peer = a->peer, .user = a->user, .local = a->local, .tls = &f->shown,
				     .plan = UINT_MAX, .cert = &f->cert, .kept = &f->kept, .over = on_over, .owner = f};
	f->idle.fire = on_idle_time;
	f->src = (struct source){.cls = &front_class, .fd = fd};
	if (loop_add(e->child.loop, &f->src) < 0) {
		edge_leaves(seat);
		close(fd);
		pool_put(&e->fronts, f);
		return;
	}
	net_tune(fd, &tune); /* a socket that cannot be tuned is about to say why by itself */
	join_list(f, &e->busy);
	shake(f);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void each(struct edge *e, void (*call)(struct front *f))
{
	struct fronts *lists[] = {&e->idle, &e->busy};
	struct front *next;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (struct front *f = lists[i]->first; f; f = next) {
			next = f->next;
			call(f);
		}
}

/* What lives outlasts a list that is too old to begin something new, until cut_stale. */
static void judge_live(struct front *f)
{
	const struct edge *e = f->of.e;

	judge_cert(f);
	if (f->cert.listed && (f->cert.status == STATUS_IS_STALE || f->cert.status == STATUS_NO_LIST) &&
	    !status_must_end(keepline_view(e->keep), &e->site->stale, keepline_now(e->keep), f->cert.serial))
		f->cert.status = STATUS_YES;
}

/* Nobody has taken anything from the visitor of a host that is gone: what runs may finish, for a time. */
static void bound(struct front *f)
{
	const struct edge *e = f->of.e;

	if (!f->gone)
		loop_timer_stop(e->child.loop, &f->idle);
	else if (f->idle.pos == 0 && !loop_timer(e->child.loop, &f->idle, e->site->conf->limits.drain_ms * NS_PER_MS))
		front_end(f, ZT_E_NOMEM, gone);
}

static void rejudge(struct front *f)
{
	if (f->state != FRONT_IDLE && f->state != FRONT_BUSY)
		return;
	if (!may_stay(f)) {
		front_end(f, ZT_E_DENIED, gone);
		return;
	}
	if (f->state == FRONT_IDLE && f->of.last) {
		front_close(f, ZT_OK);
		return;
	}
	if (f->x == NULL)
		return;
	judge_live(f);
	exchange_rejudge(f->x);
	judge_cert(f); /* what it has not decided yet is new */
	if (f->state == FRONT_BUSY)
		bound(f);
}

void fronts_rejudge(struct edge *e)
{
	each(e, rejudge);
}

static void look_again(struct front *f)
{
	if (f->x)
		exchange_look_again(f->x);
}

void fronts_look_again(struct edge *e)
{
	each(e, look_again);
}

static void drain(struct front *f)
{
	if (f->state == FRONT_IDLE)
		front_close(f, ZT_OK);
	else if (f->state == FRONT_BUSY && f->x && exchange_is_idle(f->x))
		front_end(f, ZT_OK, "zt is being stopped");
}

void fronts_drain(struct edge *e)
{
	each(e, drain);
}

static void stop(struct front *f)
{
	front_end(f, ZT_E_CANCELLED, "zt is being stopped");
	if (f->sock.src)
		sockduct_stop(&f->sock);
	tls_forget_peer(&f->tls); /* its world ends before the loop */
}

void fronts_end(struct edge *e)
{
	each(e, stop);
}
