/*
 * resolve: the look-ups of resolve.h. Owns the cache, the copy of the hosts file and the
 * running queries; each query owns at most one dnsask. Allocates the hosts copy (bounded by
 * RESOLVE_HOSTS_BYTES) and itself; queries come from a pool of BOUND_DNS_QUERIES.
 */
#include "resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/pool.h"
#include "dnsask.h"
#include "dnscache.h"
#include "wire/hostsfile.h"

struct query {
	struct resolver *r;
	struct query *prev, *next;
	struct dns_name name;
	enum dns_type type;
	struct resolve_part *waiters;
	bool delivering; /* its waiters are being told; it goes when the last one knows */
	struct timer first;
	struct dnsask *ask;
	/* The servers as they were at the start, best first. */
	struct addr server[RESOLVCONF_SERVERS];
	uint8_t servers, tries, at; /* at: the next try; tries: servers * attempts */
	uint8_t spent;              /* bit i: server i answered, and its answer was no use */
	bool tcp, timed_out;
	uint64_t timeout_ns;
};

struct resolver {
	struct loop *loop;
	struct dnscache *cache;
	struct resolvconf conf;
	uint64_t sick_until[RESOLVCONF_SERVERS];
	uint8_t *hosts;
	size_t hosts_n;
	struct pool pool;
	struct query *running;
	struct resolver_stats stats;
};

int resolver_new(struct resolver **out, struct loop *l, struct bounds *b)
{
	struct resolver *r = calloc(1, sizeof *r);

	if (r == NULL)
		return -ZT_E_NOMEM;
	r->loop = l;
	if (dnscache_new(&r->cache, b) < 0) {
		free(r);
		return -ZT_E_NOMEM;
	}
	pool_init(&r->pool, b, BOUND_DNS_QUERIES, sizeof(struct query));
	*out = r;
	return 0;
}

struct resolver_stats resolver_stats(const struct resolver *r)
{
	return r->stats;
}

/* Whole lines only: a cut name would be another name. */
static struct span bounded_hosts(struct span text, bool *cut)
{
	bool long_text = text.n > RESOLVE_HOSTS_BYTES;

	if (long_text) {
		text = span_sub(text, 0, RESOLVE_HOSTS_BYTES);
		while (text.n && text.p[text.n - 1] != '\n')
			text.n--;
	}
	text = hosts_head(text, cut);
	*cut |= long_text;
	return text;
}

int resolver_configure(struct resolver *r, const struct resolvconf *conf, struct span hosts)
{
	bool cut;
	struct span kept = bounded_hosts(hosts, &cut);
	uint8_t *copy = malloc(kept.n + 1);

	ZT_ASSERT(conf->n <= RESOLVCONF_SERVERS);
	if (copy == NULL)
		return -ZT_E_NOMEM;
	if (kept.n)
		memcpy(copy, kept.p, kept.n);
	free(r->hosts);
	r->hosts = copy;
	r->hosts_n = kept.n;
	r->conf = *conf;
	memset(r->sick_until, 0, sizeof r->sick_until);
	dnscache_clear(r->cache);
	return cut;
}

/* ---- waiters -------------------------------------------------------------------------- */

static void join(struct query *q, struct resolve_part *p)
{
	p->query = q;
	p->prev = NULL;
	p->next = q->waiters;
	if (q->waiters)
		q->waiters->prev = p;
	q->waiters = p;
}

static void leave(struct resolve_part *p)
{
	ZT_ASSERT(p->query);
	if (p->prev)
		p->prev->next = p->next;
	else
		p->query->waiters = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->query = NULL;
}

static void fill(struct resolve_part *p, int rc, const struct dns_answer *a)
{
	static const int meaning[] = {[DNS_ADDRS] = 0, [DNS_NODATA] = -ZT_E_NOADDR,
				      [DNS_NXDOMAIN] = -ZT_E_NONAME, [DNS_TRUNCATED] = -ZT_E_DNSFAIL,
				      [DNS_FAILED] = -ZT_E_DNSFAIL};

	p->done = true;
	p->rc = rc < 0 ? rc : meaning[a->kind];
	p->n = 0;
	if (p->rc == 0) {
		p->n = a->n;
		memcpy(p->addr, a->addr, sizeof p->addr);
	}
}

/* ---- queries -------------------------------------------------------------------------- */

/* Nobody may join it any more. */
static void query_hide(struct query *q)
{
	if (q->prev)
		q->prev->next = q->next;
	else
		q->r->running = q->next;
	if (q->next)
		q->next->prev = q->prev;
	loop_timer_stop(q->r->loop, &q->first);
	if (q->ask)
		dnsask_cancel(q->ask);
	q->ask = NULL;
}

static void query_drop(struct query *q)
{
	query_hide(q);
	while (q->waiters)
		leave(q->waiters);
	pool_put(&q->r->pool, q);
}

/* Tell everybody. Each update() may cancel other waiters or start look-ups: so take one at a
 * time off the list, and let nobody new find this query. */
static void query_finish(struct query *q, int rc, const struct dns_answer *a)
{
	query_hide(q);
	q->delivering = true;
	if (rc < 0)
		q->r->stats.failed++;
	while (q->waiters) {
		struct resolve_part *p = q->waiters;

		leave(p);
		fill(p, rc, a);
		p->owner->update(p->owner);
	}
	pool_put(&q->r->pool, q);
}

static void set_health(struct resolver *r, const struct addr *server, uint64_t sick_until)
{
	for (uint8_t i = 0; i < r->conf.n; i++)
		if (addr_eq(&r->conf.server[i], server))
			r->sick_until[i] = sick_until;
}

static void query_done(void *owner, int rc, const struct dns_answer *a);

static int query_ask(struct query *q, uint8_t server, bool tcp)
{
	struct dnsask_req req = {.name = &q->name, .type = q->type, .server = q->server[server],
				 .tcp = tcp, .timeout_ns = q->timeout_ns};
	int rc = dnsask_start(&q->ask, q->r->loop, &req, query_done, q);

	if (rc == 0) {
		q->tcp = tcp;
		q->r->stats.asked++;
		q->r->stats.tcp += tcp;
	} else {
		q->ask = NULL;
	}
	return rc;
}

/* The server just tried (at - 1) gave rc. */
static void note_failure(struct query *q, int rc)
{
	uint8_t server = (uint8_t)((q->at - 1) % q->servers);

	if (rc == -ZT_E_SYNTAX || rc == -ZT_E_DEPTH || rc == -ZT_E_TOOLONG || rc == -ZT_E_DNSFAIL) {
		q->spent |= (uint8_t)(1u << server);
		return;
	}
	if (rc == -ZT_E_TIMEOUT) {
		q->timed_out = true;
		q->r->stats.timeouts++;
	}
	set_health(q->r, &q->server[server], loop_now(q->r->loop) + RESOLVE_SICK);
}

static bool our_own_trouble(int rc)
{
	return rc == -ZT_E_NOMEM || rc == -ZT_E_NOFILES;
}

/* Ask the next server that has not had its say; out of tries, say why. */
static void query_next(struct query *q)
{
	while (q->at < q->tries) {
		uint8_t server = (uint8_t)(q->at++ % q->servers);
		int rc;

		if (q->spent >> server & 1)
			continue;
		rc = query_ask(q, server, false);
		if (rc == 0)
			return;
		if (our_own_trouble(rc)) {
			query_finish(q, rc, NULL);
			return;
		}
		note_failure(q, rc);
	}
	query_finish(q, q->timed_out && !q->spent ? -ZT_E_TIMEOUT : -ZT_E_DNSFAIL, NULL);
}

static void query_done(void *owner, int rc, const struct dns_answer *a)
{
	struct query *q = owner;
	uint8_t server = (uint8_t)((q->at - 1) % q->servers);

	q->ask = NULL;
	if (rc == 0 && a->kind == DNS_TRUNCATED && !q->tcp) {
		rc = query_ask(q, server, true);
		if (rc == 0)
			return;
	} else if (rc == 0 && a->kind != DNS_FAILED && a->kind != DNS_TRUNCATED) {
		set_health(q->r, &q->server[server], 0);
		dnscache_put(q->r->cache, &q->name, q->type, loop_now(q->r->loop), a);
		query_finish(q, 0, a);
		return;
	} else if (rc == 0) {
		rc = -ZT_E_DNSFAIL;
	}
	if (our_own_trouble(rc)) {
		query_finish(q, rc, NULL);
		return;
	}
	note_failure(q, rc);
	query_next(q);
}

static void query_first(struct timer *t, uint64_t now_ns)
{
	(void)now_ns;
	query_next(CONTAINER_OF(t, struct query, first));
}

/* Healthy servers in their order, then the sick ones in theirs. */
static void pick_servers(struct query *q)
{
	const struct resolver *r = q->r;
	uint64_t now = loop_now(r->loop);

	for (int sick = 0; sick < 2; sick++)
		for (uint8_t i = 0; i < r->conf.n; i++)
			if ((r->sick_until[i] > now) == sick)
				q->server[q->servers++] = r->conf.server[i];
	q->tries = (uint8_t)(q->servers * r->conf.attempts);
	q->timeout_ns = r->conf.timeout_s * NS_PER_S;
}

static struct query *query_find(struct resolver *r, const struct dns_name *name, enum dns_type type)
{
	struct query *q = r->running;

	while (q && !(q->type == type && dns_name_eq(&q->name, name)))
		q = q->next;
	return q;
}

/* The first question goes out from a timer that is due at once, so that whatever fails, the
 * answer never arrives inside resolve_start(). */
static int query_start(struct resolver *r, const struct dns_name *name, enum dns_type type,
		       struct query **out)
{
	struct query *q = pool_get(&r->pool);

	if (q == NULL)
		return -ZT_E_FULL;
	*q = (struct query){.r = r, .name = *name, .type = type, .first.fire = query_first};
	if (!loop_timer(r->loop, &q->first, 0)) {
		pool_put(&r->pool, q);
		return -ZT_E_NOMEM;
	}
	pick_servers(q);
	q->next = r->running;
	if (r->running)
		r->running->prev = q;
	r->running = q;
	*out = q;
	return 0;
}

/* ---- look-ups ------------------------------------------------------------------------- */

static void fill_list(struct resolve *q, const struct addr *list, size_t n)
{
	for (size_t f = 0; f < RESOLVE_FAMILIES; f++) {
		struct resolve_part *p = &q->part[f];

		p->done = true;
		for (size_t i = 0; i < n; i++)
			if (list[i].family == (f == RESOLVE_V6 ? 6 : 4) && p->n < ARRAY_LEN(p->addr))
				p->addr[p->n++] = list[i];
		p->rc = p->n ? 0 : -ZT_E_NOADDR;
	}
}

static bool name_in(struct span name, const char *zone)
{
	struct span z = span_str(zone), tail = span_sub(name, name.n - num_min(name.n, z.n), z.n);

	return span_ieq(tail, z) && (name.n == z.n || name.p[name.n - z.n - 1] == '.');
}

/* Never asked of a server: "localhost" is this machine whatever a server claims (RFC 6761
 * 6.3), "invalid" has no address (6.4), "onion" must not leak into the DNS (RFC 7686). */
static bool special_name(struct resolve *q, struct span name)
{
	static const struct addr here[] = {{.family = 6, .ip = {[15] = 1}},
					   {.family = 4, .ip = {127, 0, 0, 1}}};

	if (name_in(name, "localhost")) {
		fill_list(q, here, ARRAY_LEN(here));
		return true;
	}
	if (!name_in(name, "invalid") && !name_in(name, "onion"))
		return false;
	for (size_t f = 0; f < RESOLVE_FAMILIES; f++)
		fill(&q->part[f], -ZT_E_NONAME, NULL);
	return true;
}

/* A name in the hosts file is answered by it alone, for both families, as in every libc. As
 * with servers, 0.0.0.0 and :: are the block lists' way of saying no. */
static bool in_hosts(const struct resolver *r, struct resolve *q, struct span name)
{
	struct addr all[2 * BOUND_CAP(BOUND_DNS_ADDRS)];
	size_t n = hosts_find(span_of(r->hosts, r->hosts_n), name, all, ARRAY_LEN(all)), kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!addr_is_any(&all[i]))
			all[kept++] = all[i];
	if (n)
		fill_list(q, all, kept);
	return n > 0;
}

bool resolver_knows(const struct resolver *r, struct span name)
{
	struct resolve q = {0};

	if (span_ends(name, ".")) /* as resolve_start() */
		name.n--;
	return special_name(&q, name) || in_hosts(r, &q, name);
}

static int start_part(struct resolver *r, struct resolve_part *p, const struct dns_name *name,
		      enum dns_type type)
{
	struct dns_answer known;
	struct query *q;
	int rc;

	if (dnscache_get(r->cache, name, type, loop_now(r->loop), &known)) {
		r->stats.cached++;
		fill(p, 0, &known);
		return 0;
	}
	q = query_find(r, name, type);
	if (q) {
		r->stats.joined++;
	} else {
		rc = query_start(r, name, type, &q);
		if (rc < 0)
			return rc;
	}
	join(q, p);
	return 0;
}

int resolve_start(struct resolver *r, struct resolve *q, struct span name)
{
	struct dns_name wire;
	struct addr ip;
	int rc;

	resolve_cancel(q);
	memset(q->part, 0, sizeof q->part);
	for (size_t f = 0; f < RESOLVE_FAMILIES; f++)
		q->part[f].owner = q;
	if (addr_parse_ip(name, &ip) == 0) {
		fill_list(q, &ip, 1);
		return 0;
	}
	if (dns_name_parse(name, &wire) < 0)
		return -ZT_E_SYNTAX;
	if (name.p[name.n - 1] == '.')
		name.n--;
	if (special_name(q, name) || in_hosts(r, q, name))
		return 0;
	rc = start_part(r, &q->part[RESOLVE_V6], &wire, DNS_AAAA);
	if (rc == 0)
		rc = start_part(r, &q->part[RESOLVE_V4], &wire, DNS_A);
	if (rc < 0)
		resolve_cancel(q);
	return rc;
}

void resolve_cancel(struct resolve *q)
{
	for (size_t f = 0; f < RESOLVE_FAMILIES; f++) {
		struct query *from = q->part[f].query;

		if (from == NULL)
			continue;
		leave(&q->part[f]);
		if (from->waiters == NULL && !from->delivering)
			query_drop(from);
	}
}

bool resolve_finished(const struct resolve *q)
{
	return q->part[RESOLVE_V6].done && q->part[RESOLVE_V4].done;
}

/* A name that does not exist has neither kind of address; "no address" of one family says
 * less than trouble with the other, for there may be addresses. */
int resolve_verdict(const struct resolve *q)
{
	int a = q->part[RESOLVE_V6].rc, b = q->part[RESOLVE_V4].rc;

	if (a == 0 || b == 0)
		return 0;
	if (a == -ZT_E_NONAME || b == -ZT_E_NONAME)
		return -ZT_E_NONAME;
	return b == -ZT_E_NOADDR ? a : b;
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	while (r->running)
		query_drop(r->running);
	pool_free(&r->pool);
	dnscache_free(r->cache);
	free(r->hosts);
	free(r);
}
