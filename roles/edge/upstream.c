/*
 * upstream: see upstream.h. Owns the dial, the TLS and the socket of a local origin; a tunnel's stream it only
 * borrows. Between requests it is its own user. Reads and writes no byte but a PROXY header.
 *
 *   local:  DIALLING -> SHAKING (https) -> OPEN <-> KEPT        stream:  OPEN <-> KEPT
 */
#include "upstream.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "decide/service.h"
#include "decide/share.h"
#include "io/sockduct.h"
#include "tunnel.h"
#include "wire/proxyhdr.h"

#define DIAL_NS (10 * NS_PER_S) /* it is near, or it is down */
/* Many servers close what was idle for 5 s; who asks in that moment is never answered. */
#define LOCAL_KEEP_MS 4000
/* What nobody uses goes before room is scarce: a stream counts until the connector has heard of its end, and others come
 * meanwhile. One that was used a moment ago stays, and the next one is not kept: when more come in turn than can be
 * kept, the oldest is who asks next, and nobody would find his. */
#define ROOM_KEPT 5           /* eighths */
#define STALE (5 * NS_PER_S)

/* A connection of our own. It outlives its upstream until what was put has left. */
struct local {
	struct source src;
	struct sockduct sock;
	struct edge *e;
	struct upstream *u; /* NULL: closed */
	struct local *prev, *next;
	bool shaking;
	struct tls tls;
};

struct upstream {
	struct edge *e;
	const struct upstream_user *user;
	void *owner;
	struct duct *d;           /* NULL until it is open */
	struct stream *stream;    /* it is one of these two */
	struct local *local;
	struct dial *dial;
	/* where it leads */
	struct site *site;
	const struct conf_host *host;
	const struct conf_service *service;
	struct tunnel *tunnel;
	uint32_t epoch;
	uint16_t number;
	uint64_t response_ms, idle_ms, keep_ms;
	/* of a local one that is being opened */
	struct addr peer, at;
	/* while it is kept */
	struct upstream **slot;
	struct {
		struct upstream *older, *newer;
	} beside[2];              /* of all that are kept, of its tunnel's */
	uint64_t since;
	struct duct_user idle;
	struct timer timer;
};

_Static_assert(sizeof(struct upstream) + sizeof(struct local) <= SHARE_WAY, "what a visitor's share counts with");

static const struct net_tune tune = {.nodelay = true, .idle_s = 60, .interval_s = 15, .probes = 4, .notsent_lowat = 131072};

/* ---- the end -------------------------------------------------------------------------------------- */

static void leave_list(struct local *l)
{
	*(l->prev ? &l->prev->next : &l->e->first_local) = l->next;
	if (l->next)
		l->next->prev = l->prev;
}

static void local_reap(struct source *s)
{
	struct local *l = CONTAINER_OF(s, struct local, src);
	struct edge *e = l->e;

	leave_list(l);
	tls_free(&l->tls);
	pool_put(&e->locals, l);
	edge_one_less(e);
}

static void local_close(struct local *l, enum zt_err why)
{
	l->u = NULL;
	if (l->sock.src) {
		duct_close(&l->sock.d, why);
		return;
	}
	if (l->shaking)
		tls_free(&l->tls);
	l->shaking = false;
	loop_close(&l->src);
}

static struct kept *line_of(const struct upstream *u, size_t i)
{
	return i == 0 ? &u->e->kept : u->tunnel ? &u->tunnel->kept : NULL;
}

static void join_kept(struct upstream *u, struct upstream **slot)
{
	u->slot = slot;
	for (size_t i = 0; i < ARRAY_LEN(u->beside); i++) {
		struct kept *k = line_of(u, i);

		if (k == NULL)
			continue;
		u->beside[i].older = k->newest;
		*(k->newest ? &k->newest->beside[i].newer : &k->oldest) = u;
		k->newest = u;
	}
}

static void leave_kept(struct upstream *u)
{
	for (size_t i = 0; i < ARRAY_LEN(u->beside) && u->slot; i++) {
		struct kept *k = line_of(u, i);
		struct upstream *older = u->beside[i].older, *newer = u->beside[i].newer;

		if (k == NULL)
			continue;
		*(older ? &older->beside[i].newer : &k->oldest) = newer;
		*(newer ? &newer->beside[i].older : &k->newest) = older;
		u->beside[i].older = u->beside[i].newer = NULL;
	}
	u->slot = NULL;
}

void upstream_close(struct upstream *u, enum zt_err why)
{
	struct edge *e = u->e;

	leave_kept(u);
	loop_timer_stop(e->child.loop, &u->timer);
	if (u->dial)
		dial_cancel(u->dial);
	if (u->local)
		local_close(u->local, why);
	else if (u->stream)
		duct_close(u->d, why);
	site_drop(u->site);
	pool_put(&e->upstreams, u);
}

static void drop_kept(struct upstream *u)
{
	*u->slot = NULL;
	upstream_close(u, ZT_OK);
}

void upstreams_end(struct edge *e)
{
	for (struct local *l = e->first_local, *next; l; l = next) {
		next = l->next;
		if (l->sock.src)
			sockduct_stop(&l->sock);
		else
			loop_close(&l->src);
		tls_forget_peer(&l->tls); /* its world ends before the loop */
	}
}

/* Told while it is still there, and closed behind it: the user may do anything with all others. */
static void fail(struct upstream *u, unsigned code, const char *text)
{
	u->user->failed(u, code, text);
	upstream_close(u, ZT_E_CANCELLED);
}

/* ---- a local origin ------------------------------------------------------------------------------- */

static void opened(struct upstream *u, struct tls *t)
{
	struct local *l = u->local;

	l->shaking = false;
	sockduct_start(&l->sock, u->e->bufs, &l->src, t, &u->idle, SPAN_NONE); /* without bytes before it cannot fail */
	u->d = &l->sock.d;
	u->user->open(u, u->d);
}

static const char changed[] = "the configuration was changed meanwhile";

static void on_tls_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct local *l = CONTAINER_OF(t, struct local, tls);

	(void)chain;
	(void)n;
	/* A handshake goes by the plans of the moment it is handed over: by another host's, maybe, when a reload came first. */
	if (l->u->site != l->u->e->site)
		fail(l->u, RESET_RULE, changed);
	else
		opened(l->u, t);
}

static void on_tls_failed(struct tls *t, enum tls_fault f, const char *words)
{
	struct local *l = CONTAINER_OF(t, struct local, tls);

	fail(l->u, f == TLSF_LATE ? RESET_TIMEOUT : RESET_TLS, words);
}

static const struct tls_class origin_tls = {on_tls_opened, on_tls_failed, NULL};

static unsigned local_wants(const struct source *s)
{
	const struct local *l = CONTAINER_OF(s, const struct local, src);

	return l->shaking ? tls_wants(&l->tls) : sockduct_wants(&l->sock);
}

static void local_ready(struct source *s, unsigned events)
{
	struct local *l = CONTAINER_OF(s, struct local, src);

	if (l->shaking)
		tls_shake_ready(&l->tls, events);
	else
		sockduct_ready(&l->sock, events);
}

static const struct source_class local_class = {"local origin", local_wants, local_ready, local_reap};

/* The index of its client plan; -1: the configuration is another one now. */
static int plan_of(const struct upstream *u)
{
	const struct site *now = u->e->site;

	for (size_t i = 0; u->site == now && i < now->rules.hosts; i++)
		if (site_host(now, (int)i) == u->host)
			return u->e->plan->server[i].origin;
	return -1;
}

static void shake(struct upstream *u, struct span name)
{
	struct local *l = u->local;
	struct addr ip;
	bool is_ip = addr_parse_ip(name, &ip) == 0;
	int plan = plan_of(u), rc;
	const struct tls_connect req = {.plan = (uint16_t)plan, .name = is_ip ? SPAN_NONE : name, .ip = is_ip ? &ip : NULL};

	rc = plan < 0 ? -ZT_E_CANCELLED : tls_connect(&l->tls, u->e->web, &origin_tls, &l->src, &req);
	if (rc < 0) {
		fail(u, frame_reset_of(rc), plan < 0 ? changed : err_text((enum zt_err)-rc));
		return;
	}
	l->shaking = true;
	loop_touch(&l->src);
}

/* The first bytes of a new socket always fit. */
static bool say_visitor(const struct upstream *u, int fd)
{
	enum conf_proxy proxy = u->host ? u->host->proxy : u->service->proxy;
	const struct proxyhdr h = {.version = proxy == CONF_PROXY_V1 ? 1 : 2, .from = u->peer, .to = u->at};
	uint8_t mem[PROXYHDR_WRITE];
	struct wr w = wr_of(mem, sizeof mem);

	if (proxy == CONF_PROXY_NO)
		return true;
	proxyhdr_write(&w, &h);
	return send(fd, w.p, w.n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)w.n;
}

static struct local *watch(struct upstream *u, int fd)
{
	struct edge *e = u->e;
	struct local *l = pool_get(&e->locals);

	if (l == NULL)
		return NULL;
	l->e = e;
	l->u = u;
	l->src = (struct source){.cls = &local_class, .fd = fd};
	if (loop_add(e->child.loop, &l->src) < 0) {
		pool_put(&e->locals, l);
		return NULL;
	}
	l->next = e->first_local;
	if (l->next)
		l->next->prev = l;
	e->first_local = l;
	return l;
}

struct place {
	struct span host;
	uint16_t port;
	bool tls;
};

static struct place place_of(const struct upstream *u)
{
	struct service at = {0};
	struct why w = {0};

	if (u->service)
		return (struct place){span_str(u->service->origin.host), u->service->origin.port, false};
	service_read(span_str(u->host->origin), 0, &at, &w); /* the checks have read it */
	return (struct place){at.host, at.port, at.tls};
}

static void cannot_connect(struct upstream *u, int rc)
{
	struct place at = place_of(u);
	char text[400];

	snprintf(text, sizeof text, "%.*s port %u: %s", SPAN_ARG(at.host), at.port, err_text((enum zt_err)-rc));
	fail(u, frame_reset_of(rc), text);
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct upstream *u = owner;
	struct place at = place_of(u);

	u->dial = NULL;
	if (r->rc < 0) {
		cannot_connect(u, r->rc);
		return;
	}
	u->local = watch(u, r->fd);
	if (u->local == NULL) {
		close(r->fd);
		cannot_connect(u, -ZT_E_FULL);
		return;
	}
	net_tune(r->fd, &tune); /* a socket that cannot be tuned is about to say why by itself */
	if (!say_visitor(u, r->fd))
		cannot_connect(u, -ZT_E_RESET);
	else if (at.tls)
		shake(u, at.host);
	else
		opened(u, NULL);
}

static bool may_dial(void *owner, const struct addr *to)
{
	const struct upstream *u = owner;

	return outside_may_dial(&u->e->out, place_of(u).host, to);
}

static void dial_origin(struct upstream *u)
{
	struct place at = place_of(u);
	const struct dial_req req = {.host = at.host, .port = at.port, .timeout_ns = DIAL_NS, .tune = &tune,
				     .allow = may_dial, .done = on_dialled, .owner = u};
	int rc = dial_start(u->e->out.dialer, &req, &u->dial);

	if (rc < 0)
		cannot_connect(u, rc);
}

/* ---- a tunnel's stream ------------------------------------------------------------------------------ */

static void open_stream(struct upstream *u, const struct upstream_to *to)
{
	struct frame_open o = {.kind = to->kind, .peer = *to->peer, .local = *to->local};
	int rc;

	span_to_cstr(to->name, o.name, sizeof o.name);
	span_to_cstr(to->request, o.request, sizeof o.request);
	if (to->serial)
		memcpy(o.serial, to->serial, sizeof o.serial);
	u->stream = tunnel_open(&to->route, &o, &u->idle, u, &rc);
	if (u->stream == NULL) {
		fail(u, rc == -ZT_E_FULL || rc == -ZT_E_NOMEM ? RESET_FULL : RESET_LEAVING, err_text((enum zt_err)-rc));
		return;
	}
	u->d = &u->stream->d;
	u->user->open(u, u->d);
}

/* ---- its user --------------------------------------------------------------------------------------- */

static void on_idle(struct duct *d, unsigned events);
static void on_time(struct timer *t, uint64_t now);

static void note_times(struct upstream *u, const struct upstream_to *to)
{
	const struct rule *r = to->route.rule;

	u->response_ms = r && r->response_ms ? r->response_ms : to->response_ms;
	u->idle_ms = r && r->idle_ms ? r->idle_ms : to->idle_ms;
	u->keep_ms = r ? r->keepalive_ms : LOCAL_KEEP_MS;
	if (to->service && u->idle_ms == 0)
		u->idle_ms = to->service->idle_ms;
}

/* The one that is kept longest for nothing, where so much is taken; else NULL. */
static struct upstream *oldest_past(const struct edge *e, const struct tunnel *t, unsigned eighths)
{
	if (t && t->mux && room_is_past_in(t->mux, eighths))
		return t->kept.oldest;
	return room_is_past(e, eighths) ? e->kept.oldest : NULL;
}

static bool is_stale(const struct upstream *u)
{
	return loop_now(u->e->child.loop) - u->since > STALE;
}

static void make_room(struct edge *e, const struct tunnel *t)
{
	struct upstream *u = oldest_past(e, t, ROOM_KEPT);

	if (u && (is_stale(u) || oldest_past(e, t, ROOM_SCARCE)))
		drop_kept(u);
}

int upstream_open(struct upstream **out, struct edge *e, const struct upstream_to *to, const struct upstream_user *user,
		  void *owner)
{
	struct upstream *u;

	make_room(e, to->route.t);
	if (e->upstreams.bounds == NULL) {
		pool_init(&e->upstreams, &e->child.bounds, BOUND_EDGE_UPSTREAMS, sizeof(struct upstream));
		pool_init(&e->locals, &e->child.bounds, BOUND_EDGE_ORIGINS, sizeof(struct local));
	}
	u = pool_get(&e->upstreams);
	if (u == NULL)
		return -ZT_E_FULL;
	*out = u;
	u->e = e;
	u->user = user;
	u->owner = owner;
	u->site = site_hold(to->site);
	u->host = to->host;
	u->service = to->service;
	u->tunnel = to->route.t;
	u->epoch = to->route.epoch;
	u->number = to->route.number;
	u->peer = *to->peer;
	u->at = *to->local;
	u->idle.event = on_idle;
	u->timer.fire = on_time;
	note_times(u, to);
	if (to->route.t)
		open_stream(u, to);
	else
		dial_origin(u);
	return 0;
}

void *upstream_owner(const struct upstream *u)
{
	return u->owner;
}

const struct stream *upstream_stream(const struct upstream *u)
{
	return u->stream;
}

bool upstream_is_local(const struct upstream *u)
{
	return u->tunnel == NULL;
}

bool upstream_overtaken(const struct upstream *u)
{
	return u->tunnel == NULL && u->site != u->e->site;
}

struct upstream *upstream_of(const struct duct *d)
{
	if (span_eq_str(span_str(d->cls->name), "stream"))
		return CONTAINER_OF(d, struct stream, d)->owner;
	return CONTAINER_OF(d, struct local, sock.d)->u;
}

unsigned upstream_reset(const struct upstream *u, const char **text, uint64_t *delivered)
{
	*text = u->d ? duct_why(u->d) : "";
	*delivered = UINT64_MAX;
	if (u->stream == NULL)
		return RESET_ORIGIN;
	*delivered = u->stream->reset.delivered;
	return u->stream->reset.code;
}

uint64_t upstream_response_ms(const struct upstream *u)
{
	return u->response_ms;
}

uint64_t upstream_idle_ms(const struct upstream *u)
{
	return u->idle_ms;
}

const struct tunnel *upstream_tunnel(const struct upstream *u)
{
	return u->tunnel;
}

/* ---- between requests -------------------------------------------------------------------------------- */

/* Nobody asked for anything: whatever it says now would be taken for the answer to the next request. */
static void on_idle(struct duct *d, unsigned events)
{
	struct upstream *u = CONTAINER_OF(d->user, struct upstream, idle);

	(void)events;
	if (u->slot)
		drop_kept(u);
}

static void on_time(struct timer *t, uint64_t now)
{
	(void)now;
	drop_kept(CONTAINER_OF(t, struct upstream, timer));
}

void upstream_keep(struct upstream *u, struct upstream **slot)
{
	struct upstream *oldest;

	*slot = u;
	join_kept(u, slot);
	u->owner = NULL;
	u->d->user = &u->idle;
	duct_want(u->d, DUCT_IN);
	u->since = loop_now(u->e->child.loop);
	oldest = oldest_past(u->e, u->tunnel, ROOM_KEPT);
	if (!loop_timer(u->e->child.loop, &u->timer, u->keep_ms * NS_PER_MS))
		drop_kept(u);
	else if (oldest)
		drop_kept(is_stale(oldest) ? oldest : u);
}

static bool leads_to(const struct upstream *u, const struct upstream_to *to)
{
	if (u->tunnel != to->route.t || u->host != to->host || u->service != to->service)
		return false;
	return u->tunnel ? u->epoch == to->route.epoch && u->number == to->route.number : u->site == to->site;
}

bool upstream_again(struct upstream *u, const struct upstream_to *to, const struct upstream_user *user, void *owner)
{
	leave_kept(u);
	if (!leads_to(u, to) || u->d->end != DUCT_GOING || duct_peek(u->d).n) {
		upstream_close(u, ZT_OK);
		return false;
	}
	loop_timer_stop(u->e->child.loop, &u->timer);
	u->user = user;
	u->owner = owner;
	note_times(u, to);
	user->open(u, u->d);
	return true;
}
