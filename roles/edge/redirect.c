/*
 * redirect: what the plain ports of an edge say. The one for visitors: the same thing by https for a host that is
 * served, and for anything else the same refusal. The one for health: whether visitors can be served, and counters.
 */
#include "edge.h"
#include "serve/answer.h"
#include "serve/monitor.h"

enum { TAG_REDIRECT, TAG_HEALTH };

static void refuse(struct answer *a, unsigned status, const char *reason, const char *words, struct wr *w)
{
	a->status = status;
	a->reason = reason;
	a->words = words;
	answer_write(a, w);
}

/* The port to say behind the name, 0: none. Where a visitor names the very port that is listened on, no router or
 * container stands between that says 80 and 443 for us: then the other one is what `listen` says, too. */
static unsigned port_of(const struct conf_edge *c, unsigned asked)
{
	for (size_t i = 0; asked && i < c->http.n; i++)
		if (conf_addr(&c->http, i)->port == asked)
			return conf_addr(&c->listen, 0)->port;
	return 0;
}

static void redirect(struct edge *e, const struct httpreq *q, struct answer *a, struct wr *w)
{
	bool safe = q->method == HTTP_METHOD_GET || a->head;
	struct span target = q->has_query ? span_of(q->path.p, q->path.n + 1 + q->query.n) : q->path;
	unsigned port = port_of(&e->site->conf->edge, q->host.port);
	uint8_t text[HTTPHOST_MAX + 8];
	struct wr to = wr_of(text, sizeof text);

	if (policy_host_of(&e->site->rules, a->host) < 0) {
		refuse(a, policy_status(POLICY_NO_HOST), policy_name(POLICY_NO_HOST), policy_text(POLICY_NO_HOST), w);
		return;
	}
	wr_put(&to, a->host);
	if (port && port != 443)
		wr_fmt(&to, ":%u", port);
	a->host = wr_span(&to);
	if (q->path.n == 0 || answer_https(a, target, safe, w) < 0)
		refuse(a, 400, http_refusal_name(HTTPBAD_TARGET), http_refusal_text(HTTPBAD_TARGET), w);
	else
		e->n.redirected++;
}

/* ---- health ---------------------------------------------------------------------------------- */

/* Without one nothing that is configured could be served: there are hosts or services that connectors have. */
static bool needs_tunnel(const struct conf *c)
{
	for (const struct conf_host *h = conf_first_host(c); h; h = conf_next_host(h))
		if (h->origin[0] == 0)
			return true;
	for (const struct conf_service *s = conf_first_service(c); s; s = conf_next_service(s))
		if (s->origin.host == NULL)
			return true;
	return false;
}

bool edge_works(const struct edge *e)
{
	return !e->child.draining && (tunnels_ready(e) || !needs_tunnel(e->site->conf));
}

static bool works(void *ctx)
{
	return peers_work(ctx, edge_works(ctx));
}

static size_t tunnels(void *ctx)
{
	return peers_tunnels(ctx, tunnels_ready(ctx));
}

static void health(struct edge *e, const struct httpreq *q, struct wr *w)
{
	static const struct monitor_class cls = {.works = works, .tunnels = tunnels};
	struct monitor_part part[CHILD_PEERS];
	const struct monitor m = {.cls = &cls, .ctx = e, .child = &e->child, .several = e->site->conf->edge.workers > 1,
				  .part = part, .parts = peers_parts(e, part)};

	monitor_answer(&m, q, w);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void on_request(struct plainport *p, unsigned tag, const struct httpreq *q, struct wr *w)
{
	struct edge *e = p->owner;
	char id[EDGE_ID] = "";
	struct answer a = {.minor = 1, .id = span_of(id, EDGE_ID - 1)};
	const struct httpfield *accept;
	enum http_refusal why = (enum http_refusal)q->refusal;

	if (tag == TAG_HEALTH) {
		health(e, q, w);
		return;
	}
	edge_request_id(e, id);
	if (why != HTTP_FINE) {
		refuse(&a, http_refusal_status(why), http_refusal_name(why), http_refusal_text(why), w);
		return;
	}
	accept = httpfields_named(&q->fields, "Accept");
	a.accept = accept ? accept->value : SPAN_NONE;
	a.minor = q->minor;
	a.head = q->method == HTTP_METHOD_HEAD;
	a.host = httphost_span(&q->host);
	redirect(e, q, &a, w);
}

static void on_gone(struct plainport *p)
{
	edge_one_less(p->owner);
}

static void accepted(struct edge *e, int fd, unsigned tag)
{
	struct plainport *p = &e->plain;

	if (p->loop == NULL) {
		*p = (struct plainport){.loop = e->child.loop, .bufs = e->bufs, .answer = on_request, .gone = on_gone, .owner = e};
		plainport_init(p, &e->child.bounds);
	}
	plainport_accepted(p, fd, tag, e->site->conf->edge.head_ms * NS_PER_MS);
}

void redirect_accepted(struct edge *e, int fd)
{
	accepted(e, fd, TAG_REDIRECT);
}

void health_serve(struct edge *e, int fd)
{
	accepted(e, fd, TAG_HEALTH);
}
