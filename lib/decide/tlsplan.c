/* tlsplan: see tlsplan.h. */
#include "tlsplan.h"

#include <string.h>

#include "base/ct.h"
#include "base/err.h"
#include "base/num.h"
#include "service.h"

#define PIN_MARK "sha256:"

int tls_pin_read(struct span text, uint8_t out[static 32])
{
	struct span hex = span_sub(text, sizeof PIN_MARK - 1, text.n);

	if (!span_starts(text, PIN_MARK) || hex.n != 64)
		return -ZT_E_SYNTAX;
	return ct_hex_decode(hex, out);
}

static bool has_zt_protocol(const struct conf_list *alpn)
{
	for (size_t i = 0; i < alpn->n; i++)
		if (span_starts(span_str(conf_text(alpn, i)), "zt-"))
			return true;
	return false;
}

static unsigned role_bits(const struct conf_list *roles)
{
	unsigned bits = 0;

	for (size_t i = 0; i < roles->n; i++)
		bits |= 1u << conf_role(roles, i);
	return bits;
}

static void server_plan(const struct conf_host *h, struct tls_server_plan *out)
{
	*out = (struct tls_server_plan){
		.id = h->named.name,
		.at = &h->named,
		.names = &h->names,
		.alpn = &h->alpn,
		.cert = h->cert,
		.key = h->key,
		.pass = h->key_pass_file,
		.ask = h->client_cert,
		.client_ca = h->client_ca,
		.roles = role_bits(&h->client_role),
		/* BearSSL resumes without asking for a certificate again: a session that was made
		 * without one would enter. */
		.resume = h->resume && h->client_cert == TLS_ASK_NO && !has_zt_protocol(&h->alpn),
		.no_name = h->no_name,
	};
}

static const char *const ca_alpn[] = {"zt-enrol/1", "http/1.1"};
static const struct conf_list ca_protocols = {ARRAY_LEN(ca_alpn), (void *)(uintptr_t)ca_alpn};
static const struct conf_list no_names;

/* The certificate of a client is asked for, so nothing is resumed. */
static const struct tls_server_plan ca_plan = {
	.id = "ca", .names = &no_names, .alpn = &ca_protocols, .cert = TLS_CA_CERT, .key = TLS_CA_CERT, .pass = "",
	.ask = TLS_ASK_OPTIONAL, .client_ca = TLS_CA_CLIENTS, .no_name = true, .any_name = true,
	.members = true,
};

/* zt's own ends have no names that last: an edge moves, a connector has none. All of them are one
 * owner's. A service is another matter: it must not be able to stand in for its neighbour. */
static bool role_is_name(const struct conf_relay *r)
{
	return r->connect_name[0] == 0 && (r->connect_role == ROLE_EDGE || r->connect_role == ROLE_CONNECTOR);
}

/* What its certificate must be for: the name that was written, or the one that is dialled. */
static const char *far_name(const struct conf_relay *r)
{
	struct addr ip;

	if (r->connect_name[0] || role_is_name(r))
		return r->connect_name;
	return r->to.host && addr_parse_ip(span_str(r->to.host), &ip) < 0 ? r->to.host : "";
}

static void pins_of(const struct conf_list *l, struct tls_client_plan *out)
{
	for (size_t i = 0; i < l->n && out->npins < TLS_PINS; i++)
		if (tls_pin_read(span_str(conf_text(l, i)), out->pins[out->npins]) == 0)
			out->npins++;
}

static void client_plan(const struct conf_relay *r, struct tls_client_plan *out)
{
	*out = (struct tls_client_plan){
		.id = "relay",
		.name = far_name(r),
		.ca = r->connect_ca,
		.roles = r->connect_role == ROLE_NONE ? 0 : 1u << r->connect_role,
		.role_is_name = role_is_name(r),
		.cert = r->connect_cert,
		.key = r->connect_key,
		.pass = r->connect_key_pass_file,
		.alpn = r->connect_alpn,
		.insecure_any = r->insecure_connect_any_cert,
		.resume = true, /* its sessions live as long as one epoch's tlsd */
	};
	pins_of(&r->connect_pin, out);
}

int tls_plan_add(struct tls_plan *p, const struct tls_client_plan *c)
{
	if (p->clients == TLS_CLIENT_PLANS)
		return -ZT_E_FULL;
	p->client[p->clients] = *c;
	return (int)p->clients++;
}

/* What it is called is said with each connection: its text here has no end of its own. */
static struct tls_client_plan origin_plan(const struct conf_named *of, const char *ca, const struct conf_list *pins)
{
	struct tls_client_plan p = {.id = of->name, .at = of, .name = "", .ca = ca, .cert = "", .key = "", .pass = "", .alpn = "", .resume = true};

	pins_of(pins, &p);
	return p;
}

static bool speaks_tls(const char *service)
{
	struct service at;
	struct why w = {0};

	return service[0] && service_read(span_str(service), 0, &at, &w) == 0 && at.tls;
}

static int local_origin(const struct conf_host *h, struct tls_plan *out)
{
	const struct tls_client_plan p = origin_plan(&h->named, h->origin_ca, &h->origin_pin);

	return speaks_tls(h->origin) ? tls_plan_add(out, &p) : -1;
}

static void web_plans(const struct conf *c, struct tls_plan *out)
{
	for (const struct conf_host *h = conf_first_host(c); h && out->servers < TLS_PLANS; h = conf_next_host(h)) {
		server_plan(h, &out->server[out->servers]);
		out->server[out->servers++].origin = local_origin(h, out);
	}
}

void tls_plan_of(const struct conf *c, struct tls_plan *out)
{
	memset(out, 0, sizeof *out);
	if (c->relay.connect == CONF_LEG_TLS) {
		struct tls_client_plan far;

		client_plan(&c->relay, &far);
		tls_plan_add(out, &far); /* the first */
	}
	web_plans(c, out);
	if (c->ca.listen.n && out->servers == 0)
		out->server[out->servers++] = ca_plan;
}

/* Resumption would keep a certificate alive that was renewed since, here and below. */
static const struct tls_client_plan authority_plan = {
	.id = "identity", .name = "", .ca = "system", .cert = TLS_ID_CERT, .key = TLS_ID_CERT, .pass = "", .alpn = "zt-enrol/1",
	.insecure_any = true,
};
static const struct tls_client_plan edge_plan = {
	.id = "connector", .name = "", .ca = TLS_ID_INFRA, .roles = 1u << ROLE_EDGE, .role_is_name = true, .cert = TLS_ID_CERT,
	.key = TLS_ID_CERT, .pass = "", .alpn = "zt-tunnel/1",
};
static const char *const tunnel_alpn[] = {"zt-tunnel/1"};
static const struct conf_list tunnel_protocols = {ARRAY_LEN(tunnel_alpn), (void *)(uintptr_t)tunnel_alpn};
static const struct tls_server_plan tunnel_plan = {
	.id = "tunnel", .names = &no_names, .alpn = &tunnel_protocols, .cert = TLS_ID_CERT, .key = TLS_ID_CERT, .pass = "",
	.ask = TLS_ASK_REQUIRED, .client_ca = TLS_ID_INFRA, .roles = 1u << ROLE_CONNECTOR, .no_name = true, .any_name = true,
	.may_lack = true, .origin = -1,
};

static void origin_plans(const struct conf *c, struct tls_plan *out)
{
	uint16_t rule = 0;

	for (const struct conf_ingress *g = conf_first_ingress(c); g; g = conf_next_ingress(g), rule++) {
		struct tls_client_plan p = origin_plan(&g->named, g->ca, &g->pin);
		bool any = false;

		for (size_t i = 0; i < g->service.n; i++)
			any = any || speaks_tls(conf_text(&g->service, i));
		p.rule = rule;
		p.insecure_any = g->insecure_any_cert;
		if (any)
			tls_plan_add(out, &p); /* no room: conf_checks has refused it */
	}
}

void tls_plan_of_identity(const struct conf *c, struct tls_plan *out)
{
	memset(out, 0, sizeof *out);
	if (c->edge.listen.n)
		out->server[out->servers++] = tunnel_plan;
	tls_plan_add(out, &authority_plan);
	out->client[TLS_PLAN_AUTHORITY].may_lack = c->edge.listen.n > 0;
	if (c->connector.edge.n == 0)
		return;
	tls_plan_add(out, &edge_plan);
	out->client[TLS_PLAN_EDGE].may_lack = c->edge.listen.n > 0; /* one file for two roles */
	origin_plans(c, out);
}

int tls_plan_origin(const struct tls_plan *p, unsigned rule)
{
	for (size_t i = TLS_PLAN_EDGE + 1; i < p->clients; i++)
		if (p->client[i].rule == rule)
			return (int)i;
	return -1;
}

bool tls_plan_asks_authority(const struct tls_client_plan *p)
{
	if (p->npins)
		return false;
	return !p->insecure_any || !span_eq_str(span_str(p->ca), "system");
}
