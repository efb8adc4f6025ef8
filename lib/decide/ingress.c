/*
 * ingress: compiles and matches tables of rules, and makes one from a configuration. The sentences are cloudflared's
 * where it has one, so that who knows them finds their way. It never dials and never answers a request.
 */
#include "ingress.h"

#include <string.h>

#include "base/num.h"
#include "wire/addr.h"

struct ingress {
	const struct rules *rules;
	const struct pathpat **pattern; /* rules->n of them; NULL: any path */
};

/* A table that is being judged: everything wrong is told, the first is kept. */
struct job {
	struct arena *mem;
	const struct ingress_tell *tell;
	int rc;
};

static void tell(struct job *j, size_t rule, const char *key, const struct why *w)
{
	if (j->rc == 0)
		j->rc = -(int)w->err;
	j->tell->fault(j->tell->ctx, rule, key, w->err, w->text);
}

static void say(struct job *j, size_t rule, const char *key, enum zt_err e, const char *text)
{
	struct why w = {0};

	why_set(&w, e, "%s", text);
	tell(j, rule, key, &w);
}

/* ---- hostnames ------------------------------------------------------------------------------- */

bool ingress_host_matches(struct span pattern, struct span host)
{
	struct span suffix = span_sub(pattern, 1, pattern.n);

	if (pattern.n == 0 || span_eq_str(pattern, "*"))
		return true;
	if (!span_starts(pattern, "*."))
		return span_eq(pattern, host);
	return host.n > suffix.n && span_eq(span_sub(host, host.n - suffix.n, suffix.n), suffix);
}

static const char *host_wrong(struct span host)
{
	static const char stars[] = "Hostname patterns can have at most one wildcard character (\"*\") and it can only be "
				    "used for subdomains, e.g. \"*.example.com\"";
	struct span name = span_starts(host, "*.") ? span_sub(host, 2, host.n) : host;
	struct addr ip;
	size_t at;

	if (host.n == 0 || span_eq_str(host, "*"))
		return NULL;
	if (span_find(name, '*', &at))
		return stars;
	if (addr_parse_ip(name, &ip) == 0)
		return name.n == host.n ? NULL : stars;
	if (span_find(name, ':', &at))
		return "Hostname cannot contain a port";
	for (at = 0; at < name.n; at++) {
		if (name.p[at] >= 0x80)
			return "a hostname is ASCII; write its A-labels, as in xn--bcher-kva.example";
		if (name.p[at] >= 'A' && name.p[at] <= 'Z')
			return "a hostname is announced in lower case";
	}
	return !addr_is_hostname(name) || span_ends(name, ".") ? "is not a DNS name, as in www.example.org" : NULL;
}

static bool catches_all(const struct rule *r)
{
	return (r->hostname.n == 0 || span_eq_str(r->hostname, "*")) && r->path.n == 0;
}

static void check_place(struct job *j, const struct rules *r, size_t i)
{
	bool last = i + 1u == r->n, all = catches_all(&r->rule[i]);
	struct why w = {0};

	if (last && !all)
		say(j, i, r->rule[i].path.n ? "path" : "hostname", ZT_E_SYNTAX,
		    "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)");
	if (last || !all)
		return;
	why_set(&w, ZT_E_SYNTAX, "Rule #%zu is matching the hostname '%.*s', but this will match every hostname, meaning "
				 "the rules which follow it will never be triggered", i + 1, SPAN_ARG(r->rule[i].hostname));
	tell(j, i, "hostname", &w);
}

/* ---- compiling ------------------------------------------------------------------------------- */

static void compile_path(struct job *j, const struct rules *r, size_t i, const struct pathpat **out)
{
	struct why cause = {0}, w = {0};
	struct pathpat *p;
	int rc;

	if (r->rule[i].path.n == 0)
		return;
	rc = pathpat_compile(&p, r->rule[i].path, j->mem, &cause);
	*out = p;
	if (rc == 0)
		return;
	why_set(&w, (enum zt_err)-rc, "Rule #%zu has an invalid regex: %s", i + 1,
		cause.err ? cause.text : err_text((enum zt_err)-rc));
	tell(j, i, "path", &w);
}

static struct ingress *new_ingress(const struct rules *rules, struct arena *mem)
{
	struct ingress *in = arena_get(mem, sizeof *in);
	const struct pathpat **pattern = arena_get(mem, (rules->n + 1u) * sizeof(void *));

	if (in == NULL || pattern == NULL)
		return NULL;
	*in = (struct ingress){rules, pattern};
	return in;
}

static struct ingress *compile(struct job *j, const struct rules *rules)
{
	struct ingress *in = new_ingress(rules, j->mem);
	size_t ops = 0;

	if (in == NULL) {
		say(j, RULES_MOST, "", ZT_E_NOMEM, err_text(ZT_E_NOMEM));
		return NULL;
	}
	for (size_t i = 0; i < rules->n; i++) {
		const char *wrong = host_wrong(rules->rule[i].hostname);

		if (wrong)
			say(j, i, "hostname", ZT_E_SYNTAX, wrong);
		compile_path(j, rules, i, &in->pattern[i]);
		ops += in->pattern[i] ? pathpat_ops(in->pattern[i]) : 0;
		check_place(j, rules, i);
	}
	if (ops > INGRESS_OPS)
		say(j, RULES_MOST, "path", ZT_E_TOOLONG, "the patterns of all rules together are too large; make them simpler");
	return in;
}

static void into_why(void *ctx, size_t rule, const char *key, enum zt_err e, const char *text)
{
	if (rule < RULES_MOST && !span_starts(span_str(text), "Rule #"))
		why_set(ctx, e, "Rule #%zu: %s: %s", rule + 1, key, text);
	else
		why_set(ctx, e, "%s", text);
}

int ingress_compile(struct ingress **out, const struct rules *rules, struct arena *mem, struct why *w)
{
	const struct ingress_tell t = {into_why, w};
	struct job j = {mem, &t, 0};

	*out = compile(&j, rules);
	if (j.rc < 0)
		*out = NULL;
	return j.rc;
}

int ingress_match(const struct ingress *in, struct span host, struct span path)
{
	for (size_t i = 0; i < in->rules->n; i++)
		if (ingress_host_matches(in->rules->rule[i].hostname, host) &&
		    (in->pattern[i] == NULL || pathpat_match(in->pattern[i], path)))
			return (int)i;
	return -ZT_E_NOTFOUND;
}

const struct rules *ingress_rules(const struct ingress *in)
{
	return in->rules;
}

/* ---- from a configuration -------------------------------------------------------------------- */

/* Proxmox's consoles and Home Assistant's pages keep WebSockets open that say nothing for long; Home Assistant
 * answers 400 to X-Forwarded-For from whom it does not know. */
static const struct preset {
	uint16_t port;
	uint32_t idle_ms;
	uint8_t flags;
} presets[PRESETS] = {
	[PRESET_PROXMOX] = {8006, 3600000, 0},
	[PRESET_HOME_ASSISTANT] = {8123, 3600000, RULE_QUIET},
};

static struct span lower(struct arena *mem, const char *s)
{
	char *copy = arena_str(mem, span_str(s));

	for (size_t i = 0; copy && copy[i]; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] + ('a' - 'A'));
	return span_str(copy);
}

/* A "Name: value" each, or a name; in the form of wire/rules. */
static struct span headers(struct job *j, size_t i, const char *key, const struct conf_list *l, bool values)
{
	size_t room = 1;
	struct wr w;

	for (size_t k = 0; k < l->n; k++)
		room += strlen(conf_text(l, k)) + 3;
	w = wr_of(arena_get(j->mem, room), room);
	if (w.p == NULL) {
		say(j, i, key, ZT_E_NOMEM, err_text(ZT_E_NOMEM));
		return SPAN_NONE;
	}
	for (size_t k = 0; k < l->n; k++) {
		struct span name, value = SPAN_NONE;

		if (span_cut(span_str(conf_text(l, k)), ':', &name, &value) != values)
			say(j, i, key, ZT_E_SYNTAX, values ? "write Name: value; a value cannot hold a comma" : "write a name alone");
		rule_headers_add(&w, name, span_trim(value));
	}
	return wr_span(&w);
}

static const struct origin *origins(struct job *j, size_t i, const struct conf_ingress *g, struct rule *r)
{
	struct origin *all = arena_get(j->mem, g->service.n * sizeof *all);

	if (all == NULL) {
		say(j, i, "service", ZT_E_NOMEM, err_text(ZT_E_NOMEM));
		return NULL;
	}
	if (g->weights.n && g->weights.n != g->service.n)
		say(j, i, "weights", ZT_E_SYNTAX, "there is one weight for each service, or none at all");
	for (size_t k = 0; k < g->service.n; k++) {
		const struct service *s = &all[k].at;
		struct why w = {0};

		all[k].weight = k < g->weights.n ? (uint32_t)conf_number(&g->weights, k) : 1;
		if (service_read(span_str(conf_text(&g->service, k)), presets[g->preset].port, &all[k].at, &w) < 0)
			tell(j, i, "service", &w);
		else if (k && (s->kind != all[0].at.kind || s->tls != all[0].at.tls || !service_has_origin(s)))
			say(j, i, "service", ZT_E_SYNTAX, "several services of one rule are origins of the same kind, all with TLS "
							  "or all without");
	}
	r->kind = all[0].at.kind;
	r->status = all[0].at.status;
	r->flags = (uint8_t)((all[0].at.tls ? RULE_SECURE : 0) | (g->forwarded ? 0 : RULE_QUIET) | presets[g->preset].flags);
	return all;
}

/* A duration is at most 30 days: it fits. */
static uint32_t ms(uint64_t own, uint64_t other)
{
	return (uint32_t)(own ? own : other);
}

#define HEALTH_MS 30000 /* where there are several origins and nobody says how often */

static void one_rule(struct job *j, const struct conf *c, size_t i, struct rule *r, struct ingress_way *way)
{
	const struct conf_ingress *g = way->conf;
	const char *wrong, *key;

	*r = (struct rule){.name = span_str(g->named.name), .hostname = lower(j->mem, g->hostname),
			   .path = span_str(g->path), .host_header = span_str(g->host_header),
			   .strip_prefix = span_str(g->strip_prefix), .add_prefix = span_str(g->add_prefix)};
	r->response_ms = ms(g->response_ms, 0);
	r->idle_ms = ms(g->idle_ms, presets[g->preset].idle_ms);
	r->keepalive_ms = ms(g->keepalive_ms, c->connector.keepalive_ms);
	r->set = headers(j, i, "set_header", &g->set_header, true);
	r->remove = headers(j, i, "remove_header", &g->remove_header, false);
	way->origin = origins(j, i, g, r);
	way->n = g->service.n;
	if (j->rc < 0)
		return;
	if (!service_has_origin(&way->origin[0].at))
		way->n = 0;
	way->connect_ms = g->connect_ms ? g->connect_ms : c->connector.connect_ms;
	way->tls_ms = g->tls_ms ? g->tls_ms : c->connector.tls_ms;
	way->health_ms = g->health_ms || way->n < 2 ? g->health_ms : HEALTH_MS;
	wrong = rule_wrong(r, &key);
	if (wrong)
		say(j, i, key, ZT_E_SYNTAX, wrong);
}

static void all_rules(struct job *j, struct ingress_set *out, const struct conf *c)
{
	struct rule *rule = arena_get(j->mem, (c->ingress.n + 1) * sizeof *rule);
	struct ingress_way *way = arena_get(j->mem, (c->ingress.n + 1) * sizeof *way);
	struct wr fits = wr_of(arena_get(j->mem, RULES_BYTES), RULES_BYTES);
	size_t i = 0;

	if (rule == NULL || way == NULL || fits.p == NULL) {
		say(j, RULES_MOST, "", ZT_E_NOMEM, err_text(ZT_E_NOMEM));
		return;
	}
	for (const struct conf_ingress *g = conf_first_ingress(c); g; g = conf_next_ingress(g), i++) {
		way[i].conf = g;
		one_rule(j, c, i, &rule[i], &way[i]);
	}
	out->rules.n = (uint16_t)i;
	out->rules.rule = rule;
	out->way = way;
	rules_write(&fits, &out->rules);
	if (fits.full)
		say(j, RULES_MOST, "", ZT_E_TOOLONG, "all rules together are too large to be announced: fewer or shorter ones");
}

int ingress_of(struct ingress_set *out, const struct conf *c, uint32_t epoch, struct arena *mem,
	       const struct ingress_tell *t)
{
	struct job j = {mem, t, 0};

	memset(out, 0, sizeof *out);
	out->rules.epoch = epoch;
	if (c->ingress.n > RULES_MOST)
		say(&j, RULES_MOST, "", ZT_E_FULL, "there are more than 256 sections [ingress NAME]");
	else
		all_rules(&j, out, c);
	if (out->rules.rule)
		out->compiled = compile(&j, &out->rules);
	if (j.rc < 0)
		memset(out, 0, sizeof *out);
	return j.rc;
}
