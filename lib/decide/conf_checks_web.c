/* conf_checks_web: the checks of conf_checks.h for the edge, the connector and the tunnel between them. */
#include "conf_checks.h"

#include <string.h>

#include "base/bounds.h"
#include "base/num.h"
#include "conf_build.h"
#include "config.h"
#include "grant.h"
#include "ingress.h"
#include "leaf.h"
#include "service.h"
#include "tlsplan.h"

static void fault_at(struct conf_build *b, const void *section, const char *key, enum zt_err e, const char *text)
{
	struct conf_place at;

	conf_build_set(b, section, key, &at);
	conf_fault_add(conf_build_faults(b), at, e, "%s: %s", key, text);
}

static void warn_at(struct conf_build *b, const void *section, const char *key, const char *text)
{
	struct conf_place at;

	conf_build_set(b, section, key, &at);
	conf_warn_add(conf_build_faults(b), at, "%s: %s", key, text);
}

static void check_names_of(struct conf_build *b, const void *section, const char *key, const struct conf_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *wrong = conf_name_wrong(span_str(conf_text(l, i)));

		if (wrong)
			fault_at(b, section, key, ZT_E_SYNTAX, wrong);
	}
}

static void check_pins_of(struct conf_build *b, const void *section, const char *key, const struct conf_list *l)
{
	uint8_t pin[32];

	if (l->n > TLS_PINS)
		fault_at(b, section, key, ZT_E_FULL, "more than 8 pins");
	for (size_t i = 0; i < l->n; i++)
		if (tls_pin_read(span_str(conf_text(l, i)), pin) < 0)
			fault_at(b, section, key, ZT_E_SYNTAX, "a pin is sha256: and 64 hex digits");
}

static bool is_authority(const char *s)
{
	return s[0] == '/' || strcmp(s, "system") == 0;
}

static bool is_tls(const char *service)
{
	struct service s;

	return service[0] && service_read(span_str(service), 0, &s, NULL) == 0 && s.tls;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static void check_local_origin(const struct conf_host *h, struct conf_build *b)
{
	struct service s;
	struct why w = {0};

	check_pins_of(b, h, "origin_pin", &h->origin_pin);
	if (!is_authority(h->origin_ca))
		fault_at(b, h, "origin_ca", ZT_E_SYNTAX, "is neither system nor an absolute path");
	if (h->origin[0] == 0)
		return;
	if (service_read(span_str(h->origin), 0, &s, &w) < 0)
		fault_at(b, h, "origin", ZT_E_SYNTAX, w.text);
	else if (s.kind != RULE_HTTP || s.is_unix)
		fault_at(b, h, "origin", ZT_E_SYNTAX, "is http:// or https://, a host and a port");
	else if (!s.tls && (h->origin_pin.n || strcmp(h->origin_ca, "system") != 0))
		fault_at(b, h, h->origin_pin.n ? "origin_pin" : "origin_ca", ZT_E_CONFIG, "nothing would look at it without https");
}

/* Some grant holds this name, or a part of what a wildcard means. */
static bool is_granted(const struct conf *c, const char *name)
{
	struct span n = span_str(name);

	for (const struct conf_grant *g = conf_first_grant(c); g; g = conf_next_grant(g)) {
		if (names_match(&g->names, n, false) || names_match(&g->names, n, true))
			return true;
		for (size_t i = 0; name_is_wildcard(n) && i < g->names.n; i++)
			if (span_ends(span_str(conf_text(&g->names, i)), &name[1]))
				return true;
	}
	return false;
}

static void check_granted(const struct conf *c, const struct conf_host *h, struct conf_build *b)
{
	for (size_t i = 0; c->edge.listen.n && h->origin[0] == 0 && i < h->names.n; i++)
		if (!is_granted(c, conf_text(&h->names, i)))
			warn_at(b, h, "names", "one that no [grant] gives to a connector, and no origin is set: nobody may serve it");
}

static void check_access(const struct conf *c, const struct conf_host *h, struct conf_build *b)
{
	if (h->access == ACCESS_CERT && h->client_cert == TLS_ASK_NO)
		fault_at(b, h, "access", ZT_E_MISSING, "cert needs client_cert = required or optional, and client_ca");
	if (c->edge.listen.n == 0)
		return;
	if (h->access == ACCESS_PUBLIC)
		warn_at(b, h, "access", "public: everybody who finds it gets through to the origin");
	if (h->access == ACCESS_NONE)
		warn_at(b, h, "access", "none: every request for it is answered 403; set access = cert or public");
}

/* ---- the edge -------------------------------------------------------------------------------- */

/* What an edge binds, and which section and key say so. */
struct doorway {
	const void *section;
	const char *key;
	const struct conf_list *at;
};
#define DOORWAYS (3 + BOUND_CAP(BOUND_SERVICES))

static size_t doorways(const struct conf *c, struct doorway out[static DOORWAYS])
{
	const struct conf_edge *e = &c->edge;
	size_t n = 0;

	out[n++] = (struct doorway){e, "listen", &e->listen};
	out[n++] = (struct doorway){e, "http_listen", &e->http};
	out[n++] = (struct doorway){e, "health", &e->health};
	for (const struct conf_service *s = conf_first_service(c); s && n < DOORWAYS; s = conf_next_service(s))
		out[n++] = (struct doorway){s, "listen", &s->listen};
	return n;
}

/* Port 0 is another one each time, but nobody could tell which of two lists it is of. */
static bool same_door(const struct addr *a, const struct addr *b)
{
	return conf_collide(a, b) || (a->port == 0 && addr_eq(a, b));
}

static void check_two_doors(const struct doorway *one, const struct doorway *two, struct conf_build *b)
{
	struct conf_place at;
	char text[ADDR_TEXT];

	for (size_t i = 0; i < one->at->n; i++)
		for (size_t j = 0; j < two->at->n; j++)
			if (same_door(conf_addr(one->at, i), conf_addr(two->at, j))) {
				conf_build_set(b, two->section, two->key, &at);
				conf_fault_add(conf_build_faults(b), at, ZT_E_DUP, "%s: %s is listened on for something else "
					       "already; keep one", two->key, addr_text(conf_addr(two->at, j), text));
			}
}

static void check_doors(const struct conf *c, struct conf_build *b)
{
	struct doorway d[DOORWAYS];
	size_t n = doorways(c, d), all = 0;

	for (size_t i = 0; i < n; i++) {
		all += d[i].at->n;
		for (size_t j = 0; j < i; j++)
			check_two_doors(&d[j], &d[i], b);
	}
	if (all > BOUND_CAP(BOUND_LISTENERS))
		conf_fault_add(conf_build_faults(b), conf_build_place(b, "edge", "listen"), ZT_E_FULL,
			       "the edge would listen on %zu addresses, services and health counted; at most %u are allowed", all,
			       (unsigned)BOUND_CAP(BOUND_LISTENERS));
}

/* Each origin over TLS has a plan of its own in the key process. */
static void check_tls_origins(const struct conf *c, struct conf_build *b)
{
	size_t n = c->relay.connect == CONF_LEG_TLS;

	for (const struct conf_host *h = conf_first_host(c); h; h = conf_next_host(h))
		n += is_tls(h->origin);
	if (n > BOUND_CAP(BOUND_TLS_CLIENTS))
		conf_fault_add(conf_build_faults(b), conf_build_place(b, "", ""), ZT_E_FULL,
			       "%zu hosts have an origin over TLS, at most %u are allowed", n, (unsigned)BOUND_CAP(BOUND_TLS_CLIENTS));
}

/* Whoever agreed on another protocol would speak it. */
static void check_alpn(const struct conf *c, const struct conf_host *h, struct conf_build *b)
{
	for (size_t i = 0; c->edge.listen.n && c->relay.listen.n == 0 && i < h->alpn.n; i++)
		if (strcmp(conf_text(&h->alpn, i), "http/1.1") != 0)
			fault_at(b, h, "alpn", ZT_E_CONFIG, "the edge speaks http/1.1 to visitors and nothing else; leave alpn out, "
							    "or say that");
}

static void check_edge(const struct conf *c, struct conf_build *b)
{
	const struct conf_edge *e = &c->edge;
	struct cidr net;

	conf_check_listen(b, "edge", "listen", &e->listen);
	conf_check_listen(b, "edge", "http_listen", &e->http);
	conf_check_listen(b, "edge", "health", &e->health);
	for (size_t i = 0; i < e->proxy_from.n; i++)
		if (cidr_parse(span_str(conf_text(&e->proxy_from, i)), &net) < 0)
			fault_at(b, e, "proxy_from", ZT_E_SYNTAX, "a network is as in 10.0.0.0/8 or 2001:db8::/32, or one address");
	if (e->listen.n && c->hosts.n == 0 && c->services.n == 0)
		warn_at(b, e, "listen", "nobody is served yet: a section [host NAME] says a name, its certificate and who is let in");
	check_doors(c, b);
	check_tls_origins(c, b);
	if (e->enrol[0] && !name_is_dns(span_str(e->enrol)))
		fault_at(b, e, "enrol", ZT_E_SYNTAX, "is not a DNS name in ASCII, as in ca.example.org");
	if (e->http.n && e->listen.n == 0)
		fault_at(b, e, "http_listen", ZT_E_MISSING, "redirects to listen, which is not set");
	if (e->cut_stale_ms < e->max_stale_ms)
		fault_at(b, e, "cut_stale", ZT_E_CONFIG, "is not shorter than max_stale");
	if (c->tunnel.dead_ms <= c->tunnel.ping_ms)
		fault_at(b, &c->tunnel, "dead_after", ZT_E_CONFIG, "is longer than ping_after");
	if (c->tunnel.memory < c->tunnel.window)
		fault_at(b, &c->tunnel, "memory", ZT_E_CONFIG, "is not less than window");
}

static void check_service(const struct conf_service *s, struct conf_build *b)
{
	check_names_of(b, s, "sni", &s->sni);
	if (s->open != OPEN_UNAUTHENTICATED)
		fault_at(b, s, "public", ZT_E_MISSING, "nobody is asked who they are: write public = unauthenticated, if that is meant");
	else
		warn_at(b, s, "public", "unauthenticated: whoever knows the port or name gets through to the origin");
	if (s->listen.n == 0 && s->sni.n == 0)
		fault_at(b, s, "listen", ZT_E_MISSING, "needs an address, or names in sni");
	if (s->listen.n > BOUND_CAP(BOUND_LISTENERS))
		fault_at(b, s, "listen", ZT_E_FULL, "more than 16 addresses");
	if (s->origin.host && s->hostname[0])
		fault_at(b, s, "hostname", ZT_E_CONFIG, "excludes origin; remove one");
	if (s->listen.n && !s->origin.host && s->hostname[0] == 0)
		fault_at(b, s, "hostname", ZT_E_MISSING, "listen needs the name that a connector's rule has, or origin");
	if (s->hostname[0] && !name_is_dns(span_str(s->hostname)))
		fault_at(b, s, "hostname", ZT_E_SYNTAX, "is not a DNS name in ASCII, as in ssh.example.org");
	if (s->proxy != CONF_PROXY_NO && s->origin.host == NULL)
		fault_at(b, s, "proxy_protocol", ZT_E_CONFIG, "is for a local origin; a connector's rule has its own");
}

static bool is_id(const char *s)
{
	return s[0] && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == 0;
}

/* Whoever is meant by prefer or weight has to be one of those who may. */
static bool may_serve(const struct conf_grant *g, struct span id)
{
	for (size_t i = 0; i < g->connector.n; i++)
		if (strcmp(conf_text(&g->connector, i), "*") == 0 || span_eq_str(id, conf_text(&g->connector, i)))
			return true;
	return false;
}

static void check_shares(const struct conf_grant *g, struct conf_build *b)
{
	struct span id, other;
	uint32_t n;

	for (size_t i = 0; i < g->prefer.n; i++)
		if (!may_serve(g, span_str(conf_text(&g->prefer, i))))
			fault_at(b, g, "prefer", ZT_E_UNKNOWN, "names one that is not in connector");
	for (size_t i = 0; i < g->weight.n; i++) {
		if (grant_weight_read(span_str(conf_text(&g->weight, i)), &id, &n) < 0) {
			fault_at(b, g, "weight", ZT_E_SYNTAX, "is ID:N, an id of connector and a number from 0 to 1000");
			continue;
		}
		if (!may_serve(g, id))
			fault_at(b, g, "weight", ZT_E_UNKNOWN, "names one that is not in connector");
		for (size_t k = 0; k < i; k++)
			if (grant_weight_read(span_str(conf_text(&g->weight, k)), &other, &n) == 0 && span_eq(id, other))
				fault_at(b, g, "weight", ZT_E_DUP, "says two weights of one connector");
	}
}

static void check_grant(const struct conf_grant *g, struct conf_build *b)
{
	check_names_of(b, g, "names", &g->names);
	check_shares(g, b);
	for (size_t i = 0; i < g->connector.n; i++)
		if (!is_id(conf_text(&g->connector, i)) && strcmp(conf_text(&g->connector, i), "*") != 0)
			fault_at(b, g, "connector", ZT_E_SYNTAX, "an id is letters, digits, - _ and .; * is every connector");
}

/* ---- the connector ---------------------------------------------------------------------------- */

struct told {
	const struct conf *c;
	struct conf_build *b;
};

static void ingress_fault(void *ctx, size_t rule, const char *key, enum zt_err e, const char *text)
{
	const struct told *t = ctx;
	const struct conf_ingress *g = conf_first_ingress(t->c);

	for (size_t i = 0; i < rule && rule < RULES_MOST && conf_next_ingress(g); i++)
		g = conf_next_ingress(g);
	fault_at(t->b, g, key[0] ? key : "service", e, text);
}

/* It is sent as it stands, as the target of a request. */
static bool is_visible(const char *s)
{
	while (*s > ' ' && *s <= '~' && *s != '#')
		s++;
	return *s == 0;
}

static bool any_tls(const struct conf_ingress *g)
{
	return g->service.n && is_tls(conf_text(&g->service, 0));
}

static void check_origin_tls(const struct conf_ingress *g, struct conf_build *b)
{
	const struct {
		const char *key;
		bool used;
	} keys[] = {{"server_name", g->server_name[0] != 0}, {"ca", strcmp(g->ca, "system") != 0},
		    {"pin", g->pin.n != 0}, {"insecure_any_cert", g->insecure_any_cert}};
	bool tls = any_tls(g);

	for (size_t i = 0; !tls && i < ARRAY_LEN(keys); i++)
		if (keys[i].used)
			fault_at(b, g, keys[i].key, ZT_E_CONFIG, "nothing would look at it: the service is not spoken to over TLS");
	check_pins_of(b, g, "pin", &g->pin);
	if (!is_authority(g->ca))
		fault_at(b, g, "ca", ZT_E_SYNTAX, "is neither system nor an absolute path");
	if (g->server_name[0] && !name_is_dns(span_str(g->server_name)))
		fault_at(b, g, "server_name", ZT_E_SYNTAX, "is not a DNS name in ASCII, as in www.example.org");
	if (g->insecure_any_cert && g->pin.n)
		fault_at(b, g, "insecure_any_cert", ZT_E_CONFIG, "excludes pin; remove one");
	else if (g->insecure_any_cert && tls)
		warn_at(b, g, "insecure_any_cert", "whoever answers in the origin's place reads and changes everything");
	if (g->health_path[0] && (g->health_path[0] != '/' || !is_visible(g->health_path)))
		fault_at(b, g, "health_path", ZT_E_SYNTAX, "begins with / and is ASCII without blanks and #");
}

/* Behind the plans for the authority and the edges. */
static void check_tls_rules(const struct conf *c, struct conf_build *b)
{
	size_t n = TLS_PLAN_EDGE + 1;

	for (const struct conf_ingress *g = conf_first_ingress(c); g; g = conf_next_ingress(g))
		n += any_tls(g);
	if (n > BOUND_CAP(BOUND_TLS_CLIENTS))
		conf_fault_add(conf_build_faults(b), conf_build_place(b, "", ""), ZT_E_FULL,
			       "%zu rules have origins over TLS, at most %u are allowed", n - TLS_PLAN_EDGE - 1,
			       (unsigned)(BOUND_CAP(BOUND_TLS_CLIENTS) - TLS_PLAN_EDGE - 1));
}

/* One that never has a turn: an earlier one has the same name and takes all of its paths. */
static void check_reached(const struct conf *c, const struct conf_ingress *g, struct conf_build *b)
{
	for (const struct conf_ingress *o = conf_first_ingress(c); o != g; o = conf_next_ingress(o))
		if (strcmp(o->hostname, g->hostname) == 0 && (o->path[0] == 0 || strcmp(o->path, g->path) == 0)) {
			warn_at(b, g, g->hostname[0] ? "hostname" : "service", "never used: an earlier rule has the same hostname, "
				"and takes every path of this one");
			return;
		}
}

static void check_ingress(const struct conf *c, struct conf_build *b)
{
	struct told t = {c, b};
	const struct ingress_tell tell = {ingress_fault, &t};
	struct ingress_set set;
	struct arena mem;

	conf_check_listen(b, "connector", "health", &c->connector.health);
	if (c->ingress.n == 0 && c->connector.edge.n)
		fault_at(b, &c->connector, "edge", ZT_E_MISSING, "a connector needs rules: a section [ingress NAME], the last of which "
								"matches everything");
	if (c->ingress.n == 0)
		return;
	check_tls_rules(c, b);
	arena_init(&mem, INGRESS_MEM);
	ingress_of(&set, c, 1, &mem, &tell);
	arena_free(&mem);
	for (const struct conf_ingress *g = conf_first_ingress(c); g; g = conf_next_ingress(g)) {
		check_origin_tls(g, b);
		check_reached(c, g, b);
	}
}

static void check_count(struct conf_build *b, const struct conf_named_list *l, const char *kind, size_t most)
{
	if (l->n > most)
		conf_fault_add(conf_build_faults(b), conf_build_place(b, "", ""), ZT_E_FULL,
			       "%zu sections [%s NAME], at most %zu are allowed", l->n, kind, most);
}

void conf_check_web(const void *root, struct conf_build *b)
{
	const struct conf *c = root;

	if (conf_build_who(b) != CONF_FOR_ALL)
		return;
	check_count(b, &c->services, "service", BOUND_CAP(BOUND_SERVICES));
	check_count(b, &c->grants, "grant", BOUND_CAP(BOUND_GRANTS));
	check_edge(c, b);
	for (const struct conf_host *h = conf_first_host(c); h; h = conf_next_host(h)) {
		check_local_origin(h, b);
		check_access(c, h, b);
		check_granted(c, h, b);
		check_alpn(c, h, b);
	}
	for (const struct conf_service *s = conf_first_service(c); s; s = conf_next_service(s))
		check_service(s, b);
	for (const struct conf_grant *g = conf_first_grant(c); g; g = conf_next_grant(g))
		check_grant(g, b);
	check_ingress(c, b);
}
