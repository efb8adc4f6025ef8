/*
 * site: a configuration made ready to be asked about each request. Owns one allocation and a hold on its
 * configuration; decides nothing.
 */
#include <stdlib.h>

#include "base/num.h"
#include "decide/namematch.h"
#include "io/cas.h"
#include "edge.h"
#include "wire/bundle.h"

static unsigned role_bits(const struct conf_list *roles)
{
	unsigned bits = 0;

	for (size_t i = 0; i < roles->n; i++)
		bits |= 1u << conf_role(roles, i);
	return bits;
}

static void add_hosts(struct site *s)
{
	size_t n = 0;

	for (const struct conf_host *h = conf_first_host(s->conf); h && n < ARRAY_LEN(s->host); h = conf_next_host(h)) {
		s->section[n] = h;
		s->host[n++] = (struct policy_host){.id = h->named.name, .names = &h->names, .access = h->access,
						    .roles = role_bits(&h->client_role), .max_body = h->max_body};
	}
	s->rules = (struct policy_rules){s->host, n};
}

static void add_grants(struct site *s)
{
	for (const struct conf_grant *g = conf_first_grant(s->conf); g && s->grants < ARRAY_LEN(s->grant); g = conf_next_grant(g))
		s->grant[s->grants++] = (struct grant){g->named.name, &g->connector, &g->names, &g->prefer, &g->weight};
}

static void add_proxies(struct site *s)
{
	const struct conf_list *l = &s->conf->edge.proxy_from;

	for (size_t i = 0; i < l->n && s->proxies < ARRAY_LEN(s->proxy); i++)
		cidr_parse(span_str(conf_text(l, i)), &s->proxy[s->proxies++]); /* refused: it holds no address */
}

int site_new(struct site **out, const struct conf *c)
{
	struct site *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -ZT_E_NOMEM;
	s->users = 1;
	s->conf = conf_hold(c);
	s->stale = (struct status_limits){(int64_t)(c->edge.max_stale_ms / 1000), (int64_t)(c->edge.cut_stale_ms / 1000)};
	add_hosts(s);
	add_grants(s);
	add_proxies(s);
	*out = s;
	return 0;
}

int site_trust(struct site *s, struct span pem, const char *file, struct why *w)
{
	struct cas *cas;
	int rc = cas_new(&cas, pem, file, w);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < cas->n && s->cas < SITE_CAS; i++)
		span_to_cstr(span_str(cas->ca[i].id), s->ca[s->cas++].id, sizeof s->ca[0].id);
	cas_drop(cas);
	return 0;
}

void site_demands(struct site *s, struct span bundle)
{
	struct span text;

	for (size_t i = 0; i < s->rules.hosts; i++)
		if (s->section[i]->client_ca[0] && bundle_find(bundle, s->section[i]->client_ca, &text) == 0)
			sha256(text, s->demand[i]);
}

bool site_same_cas(const struct site *now, int plan, const struct site *then, unsigned was)
{
	return span_eq(span_of(now->demand[plan], SHA256_LEN), span_of(then->demand[was], SHA256_LEN));
}

bool site_same_demands(const struct site *now, int plan, const struct site *then, unsigned was)
{
	return now->section[plan]->client_cert == then->section[was]->client_cert && now->host[plan].roles == then->host[was].roles;
}

bool site_lists(const struct site *s, struct span ca)
{
	for (size_t i = 0; i < s->cas; i++)
		if (span_eq_str(ca, s->ca[i].id))
			return true;
	return false;
}

struct site *site_hold(struct site *s)
{
	s->users++;
	return s;
}

void site_drop(struct site *s)
{
	if (s == NULL || --s->users)
		return;
	conf_free((struct conf *)(uintptr_t)s->conf);
	free(s);
}

const struct conf_host *site_host(const struct site *s, int host)
{
	return host >= 0 && (size_t)host < s->rules.hosts ? s->section[host] : NULL;
}

int site_sni(const struct site *s, struct span name)
{
	if (name.n)
		return policy_host_of(&s->rules, name);
	for (size_t i = 0; i < s->rules.hosts; i++)
		if (s->section[i]->no_name)
			return (int)i;
	return -1;
}

int site_again(const struct site *now, const struct site *then, unsigned plan)
{
	if (plan >= then->rules.hosts)
		return -1;
	for (size_t i = 0; i < now->rules.hosts; i++)
		if (span_eq_str(span_str(then->host[plan].id), now->host[i].id))
			return (int)i;
	return -1;
}

/* For connections that are there: one to an address is of whoever listens to all of them, too. */
static bool listens(const struct conf_list *l, const struct addr *local)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct addr *at = conf_addr(l, i);

		if (addr_eq(at, local) || (at->port == local->port && at->family == local->family && addr_is_any(at)))
			return true;
	}
	return false;
}

/* ---- services -------------------------------------------------------------------------------- */

const struct conf_service *site_service(const struct site *s, struct span name)
{
	for (unsigned wildcard = 0; name.n && wildcard < 2; wildcard++)
		for (const struct conf_service *v = conf_first_service(s->conf); v; v = conf_next_service(v))
			if (names_match(&v->sni, name, wildcard))
				return v;
	return NULL;
}

/* Is what led somebody to it still written? */
static bool still_leads(const struct conf_service *v, const struct addr *local, struct span sni)
{
	if (local)
		return listens(&v->listen, local);
	return names_match(&v->sni, sni, false) || names_match(&v->sni, sni, true);
}

static bool same_text(const char *a, const char *b)
{
	return span_eq_str(span_str(a ? a : ""), b ? b : "");
}

const struct conf_service *site_service_again(const struct site *now, const struct conf_service *was, const struct addr *local,
					      struct span sni)
{
	const struct conf_service *v = conf_first_service(now->conf);

	while (v && !same_text(v->named.name, was->named.name))
		v = conf_next_service(v);
	if (v == NULL || !still_leads(v, local, sni))
		return NULL;
	return same_text(v->hostname, was->hostname) && same_text(v->origin.host, was->origin.host) &&
	       v->origin.port == was->origin.port && v->proxy == was->proxy ? v : NULL;
}

/* ---- doors ----------------------------------------------------------------------------------- */

static bool listed(const struct conf_list *l, const struct addr *at)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_eq(conf_addr(l, i), at))
			return true;
	return false;
}

bool site_listens(const struct site *s, const struct addr *local)
{
	return listens(&s->conf->edge.listen, local);
}

enum door_kind door_kind(const struct site *s, const struct addr *at, const struct conf_service **service)
{
	*service = NULL;
	if (listed(&s->conf->edge.listen, at))
		return DOOR_PUBLIC;
	if (listed(&s->conf->edge.http, at))
		return DOOR_HTTP;
	if (listed(&s->conf->edge.health, at))
		return DOOR_HEALTH;
	for (const struct conf_service *v = conf_first_service(s->conf); v; v = conf_next_service(v))
		if (listed(&v->listen, at)) {
			*service = v;
			return DOOR_SERVICE;
		}
	return DOOR_GONE;
}

struct listing {
	struct addr *out;
	size_t n;
};

static void add_list(struct listing *to, const struct conf_list *l)
{
	for (size_t i = 0; i < l->n && to->n < BOUND_CAP(BOUND_LISTENERS); i++)
		to->out[to->n++] = *conf_addr(l, i);
}

size_t edge_listen(const struct conf *c, struct addr out[static BOUND_CAP(BOUND_LISTENERS)])
{
	struct listing to = {out, 0};

	add_list(&to, &c->edge.listen);
	add_list(&to, &c->edge.http);
	add_list(&to, &c->edge.health);
	for (const struct conf_service *s = conf_first_service(c); s; s = conf_next_service(s))
		add_list(&to, &s->listen);
	return to.n;
}
