/*
 * upstream_local: a connection to a local origin: the dial, the PROXY header, TLS, until it is a duct. Owns all of them.
 * What was put leaves, and whoever it was for has gone meanwhile.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decide/service.h"
#include "upstream_int.h"
#include "wire/proxyhdr.h"

#define DIAL_NS (10 * NS_PER_S) /* it is near, or it is down */

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

void local_close(struct local *l, enum zt_err why)
{
	l->u = NULL;
	if (l->dial)
		dial_cancel(l->dial);
	if (l->src.cls == NULL) {
		pool_put(&l->e->locals, l);
		return;
	}
	if (l->sock.src) {
		duct_close(&l->sock.d, why);
		return;
	}
	if (l->shaking)
		tls_free(&l->tls);
	l->shaking = false;
	loop_close(&l->src);
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

/* ---- the way there -------------------------------------------------------------------------------- */

static void opened(struct upstream *u, struct tls *t)
{
	struct local *l = u->local;

	l->shaking = false;
	sockduct_start(&l->sock, u->e->bufs, &l->src, t, &upstream_idle, SPAN_NONE); /* without bytes before it cannot fail */
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
		upstream_fail(l->u, RESET_RULE, changed);
	else
		opened(l->u, t);
}

static void on_tls_failed(struct tls *t, enum tls_fault f, const char *words)
{
	struct local *l = CONTAINER_OF(t, struct local, tls);

	upstream_fail(l->u, f == TLSF_LATE ? RESET_TIMEOUT : RESET_TLS, words);
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
		if (site_host(now, (int)i) == u->local->host)
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
		upstream_fail(u, frame_reset_of(rc), plan < 0 ? changed : err_text((enum zt_err)-rc));
		return;
	}
	l->shaking = true;
	loop_touch(&l->src);
}

/* The first bytes of a new socket always fit. */
static bool say_visitor(const struct local *l)
{
	enum conf_proxy proxy = l->host ? l->host->proxy : l->service->proxy;
	const struct proxyhdr h = {.version = proxy == CONF_PROXY_V1 ? 1 : 2, .from = l->peer, .to = l->at};
	uint8_t mem[PROXYHDR_WRITE];
	struct wr w = wr_of(mem, sizeof mem);

	if (proxy == CONF_PROXY_NO)
		return true;
	proxyhdr_write(&w, &h);
	return send(l->src.fd, w.p, w.n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)w.n;
}

static bool watch(struct local *l, int fd)
{
	struct edge *e = l->e;

	l->src = (struct source){.cls = &local_class, .fd = fd};
	if (loop_add(e->child.loop, &l->src) < 0) {
		l->src = (struct source){0};
		return false;
	}
	l->next = e->first_local;
	if (l->next)
		l->next->prev = l;
	e->first_local = l;
	return true;
}

struct place {
	struct span host;
	uint16_t port;
	bool tls;
};

static struct place place_of(const struct local *l)
{
	struct service at = {0};
	struct why w = {0};

	if (l->service)
		return (struct place){span_str(l->service->origin.host), l->service->origin.port, false};
	service_read(span_str(l->host->origin), 0, &at, &w); /* the checks have read it */
	return (struct place){at.host, at.port, at.tls};
}

static void cannot_connect(struct upstream *u, int rc)
{
	struct place at = place_of(u->local);
	char text[400];

	snprintf(text, sizeof text, "%.*s port %u: %s", SPAN_ARG(at.host), at.port, err_text((enum zt_err)-rc));
	upstream_fail(u, frame_reset_of(rc), text);
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct upstream *u = owner;
	struct local *l = u->local;
	struct place at = place_of(l);

	l->dial = NULL;
	if (r->rc < 0) {
		cannot_connect(u, r->rc);
		return;
	}
	if (!watch(l, r->fd)) {
		close(r->fd);
		cannot_connect(u, -ZT_E_FULL);
		return;
	}
	net_tune(r->fd, &tune); /* a socket that cannot be tuned is about to say why by itself */
	if (!say_visitor(l))
		cannot_connect(u, -ZT_E_RESET);
	else if (at.tls)
		shake(u, at.host);
	else
		opened(u, NULL);
}

static bool may_dial(void *owner, const struct addr *to)
{
	const struct upstream *u = owner;

	return outside_may_dial(&u->e->out, place_of(u->local).host, to);
}

void upstream_dial(struct upstream *u, const struct upstream_to *to)
{
	struct dial_req req = {.timeout_ns = DIAL_NS, .tune = &tune, .allow = may_dial, .done = on_dialled, .owner = u};
	struct local *l = u->local = pool_get(&u->e->locals);
	struct place at;
	int rc;

	if (l == NULL) {
		upstream_fail(u, RESET_FULL, "there are too many connections to local origins");
		return;
	}
	l->e = u->e;
	l->u = u;
	l->host = to->host;
	l->service = to->service;
	l->peer = *to->peer;
	l->at = *to->local;
	at = place_of(l);
	req.host = at.host;
	req.port = at.port;
	rc = dial_start(u->e->out.dialer, &req, &l->dial);
	if (rc < 0)
		cannot_connect(u, rc);
}
