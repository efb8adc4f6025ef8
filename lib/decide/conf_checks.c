/* conf_checks: see conf_checks.h. Each fault names where the key that has to change was set. */
#include "conf_checks.h"

#include <string.h>

#include "base/bounds.h"
#include "base/num.h"
#include "conf_build.h"
#include "config.h"
#include "leaf.h"
#include "tlsplan.h"

static void check_sandbox(const void *root, struct conf_build *b)
{
	const struct conf_limits *l = &((const struct conf *)root)->limits;
	struct conf_place at = conf_build_place(b, "limits", "insecure_no_sandbox");

	if (l->insecure_no_sandbox && l->require_sandbox)
		conf_fault_add(conf_build_faults(b), at, ZT_E_CONFIG,
			       "insecure_no_sandbox and require_sandbox exclude each other; remove one");
	else if (l->insecure_no_sandbox)
		conf_warn_add(conf_build_faults(b), at,
			      "insecure_no_sandbox: a fault in a child reaches everything its user can reach");
}

static void check_ids(const void *root, struct conf_build *b)
{
	const struct conf_state *s = &((const struct conf *)root)->state;

	if (s->uid == 0 || s->gid == 0)
		conf_warn_add(conf_build_faults(b), conf_build_place(b, "state", s->uid ? "gid" : "uid"),
			      "%s = 0: children of a zt started as root stay root", s->uid ? "gid" : "uid");
}

/* The second bind() would fail: the same address, or every address of the family, and one port.
 * Port 0 is another one each time. */
bool conf_collide(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && a->port != 0 && a->family == b->family &&
	       (addr_same_ip(a, b) || addr_is_any(a) || addr_is_any(b));
}

void conf_check_listen(struct conf_build *b, const char *section, const char *key, const struct conf_list *l)
{
	struct conf_place at = conf_build_place(b, section, key);
	char one[ADDR_TEXT], two[ADDR_TEXT];

	if (l->n > BOUND_CAP(BOUND_LISTENERS))
		conf_fault_add(conf_build_faults(b), at, ZT_E_FULL, "%s: %zu addresses, at most %u are allowed", key, l->n,
			       (unsigned)BOUND_CAP(BOUND_LISTENERS));
	for (size_t i = 0; i < l->n; i++)
		for (size_t j = i + 1; j < l->n; j++)
			if (conf_collide(conf_addr(l, i), conf_addr(l, j)))
				conf_fault_add(conf_build_faults(b), at, ZT_E_DUP,
					       "%s: %s and %s cannot both be bound; keep one", key,
					       addr_text(conf_addr(l, i), one), addr_text(conf_addr(l, j), two));
}

/* Two lists of one role: both count, and no address may be in both. */
static void check_ca_listen(const struct conf *c, struct conf_build *b)
{
	const struct conf_list *tls = &c->ca.listen, *http = &c->ca.http;
	struct conf_place at = conf_build_place(b, "ca", "http_listen");
	char text[ADDR_TEXT];

	conf_check_listen(b, "ca", "listen", tls);
	conf_check_listen(b, "ca", "http_listen", http);
	if (tls->n <= BOUND_CAP(BOUND_LISTENERS) && http->n <= BOUND_CAP(BOUND_LISTENERS) &&
	    tls->n + http->n > BOUND_CAP(BOUND_LISTENERS))
		conf_fault_add(conf_build_faults(b), at, ZT_E_FULL, "listen and http_listen: %zu addresses, at most %u are allowed",
			       tls->n + http->n, (unsigned)BOUND_CAP(BOUND_LISTENERS));
	if (tls->n == 0 && http->n)
		conf_fault_add(conf_build_faults(b), at, ZT_E_MISSING,
			       "http_listen: without listen nobody can join or renew; set listen too, or neither where only "
			       "commands are used");
	for (size_t i = 0; i < http->n; i++)
		for (size_t j = 0; j < tls->n; j++)
			if (conf_collide(conf_addr(http, i), conf_addr(tls, j)))
				conf_fault_add(conf_build_faults(b), at, ZT_E_DUP,
					       "http_listen: %s is in listen too, and one port speaks one of the two",
					       addr_text(conf_addr(http, i), text));
}

static void check_listeners(const void *root, struct conf_build *b)
{
	const struct conf *c = root;

	conf_check_listen(b, "echo", "listen", &c->echo.listen);
	conf_check_listen(b, "relay", "listen", &c->relay.listen);
	check_ca_listen(c, b);
}

/* What a worker needs beside connections: listeners, poller, log, control, spare. */
#define OWN_DESCRIPTORS 64

static void check_room(const struct conf *c, struct conf_build *b, const char *section, uint64_t conns, uint64_t each)
{
	uint64_t need = conns * each + OWN_DESCRIPTORS;

	if (c->limits.nofile && need > c->limits.nofile)
		conf_warn_add(conf_build_faults(b), conf_build_place(b, section, "max_conns"),
			      "max_conns %llu needs [limits] nofile of at least %llu; connections will be refused earlier",
			      (unsigned long long)conns, (unsigned long long)need);
}

static void check_descriptors(const void *root, struct conf_build *b)
{
	const struct conf *c = root;

	check_room(c, b, "echo", c->echo.max_conns, 1);
	if (c->edge.listen.n)
		check_room(c, b, "edge", c->edge.max_conns, 2);
	if (c->relay.listen.n)
		check_room(c, b, "relay", c->relay.max_conns, 2); /* the near and the far side */
}

/* ---- names ------------------------------------------------------------------------------- */

/* What is wrong with it as a name that is served; NULL: nothing. */
const char *conf_name_wrong(struct span name)
{
	if (name_is_pattern(name))
		return NULL;
	if (!span_starts(name, "*."))
		return "is not a DNS name in ASCII, as in www.example.org";
	return name_is_dns(span_sub(name, 2, name.n)) ? "is too wide; at least two labels stand behind '*.'"
						      : "is not a name; '*.' stands first, for one label, as in *.example.org";
}

static void check_names(const struct conf_host *h, struct conf_build *b)
{
	struct conf_place at;

	conf_build_set(b, h, "names", &at);
	if (h->names.n == 0 && !h->no_name)
		conf_fault_add(conf_build_faults(b), at, ZT_E_MISSING, "[host %s] serves nobody: give it names, or default = true",
			       h->named.name);
	for (size_t i = 0; i < h->names.n; i++) {
		const char *name = conf_text(&h->names, i), *wrong = conf_name_wrong(span_str(name));

		if (wrong)
			conf_fault_add(conf_build_faults(b), at, ZT_E_SYNTAX, "names: '%.100s' %s", name, wrong);
	}
}

/* The host that serves item `item` of h by an earlier line; NULL: none. */
static const struct conf_host *served_before(const struct conf *c, const struct conf_host *h, size_t item)
{
	struct span name = span_str(conf_text(&h->names, item));

	for (const struct conf_host *k = conf_first_host(c);; k = conf_next_host(k)) {
		for (size_t i = 0; i < (k == h ? item : k->names.n); i++)
			if (span_ieq(name, span_str(conf_text(&k->names, i))))
				return k;
		if (k == h)
			return NULL;
	}
}

static void check_names_twice(const struct conf *c, struct conf_build *b)
{
	struct conf_faults *f = conf_build_faults(b);
	const struct conf_host *no_name = NULL;
	struct conf_place at;

	for (const struct conf_host *h = conf_first_host(c); h; h = conf_next_host(h)) {
		for (size_t i = 0; i < h->names.n; i++) {
			const struct conf_host *k = served_before(c, h, i);

			if (k == NULL)
				continue;
			conf_build_set(b, h, "names", &at);
			conf_fault_add(f, at, ZT_E_DUP, "names: '%.255s' is served by [host %s] already",
				       conf_text(&h->names, i), k->named.name);
		}
		if (h->no_name && no_name) {
			conf_build_set(b, h, "default", &at);
			conf_fault_add(f, at, ZT_E_DUP, "[host %s] is the default already; one can be", no_name->named.name);
		} else if (h->no_name) {
			no_name = h;
		}
	}
}

/* ---- hosts ------------------------------------------------------------------------------- */

/* A role whose certificates are for the other end of a connection only. */
static bool never_is(enum cert_role role, uint32_t purpose)
{
	return role != ROLE_NONE && !(cert_role(role)->eku & purpose);
}

static void check_client_roles(const struct conf_host *h, struct conf_build *b)
{
	struct conf_faults *f = conf_build_faults(b);
	struct conf_place at;

	conf_build_set(b, h, "client_role", &at);
	if (h->client_cert == TLS_ASK_NO && h->client_role.n)
		conf_fault_add(f, at, ZT_E_CONFIG, "client_role is set, but nobody is asked: client_cert = required "
						   "or optional, or remove client_role");
	for (size_t i = 0; i < h->client_role.n; i++)
		if (never_is(conf_role(&h->client_role, i), EKU_CLIENT))
			conf_warn_add(f, at, "client_role: %s lets nobody in: certificates of this role are a server's",
				      cert_role(conf_role(&h->client_role, i))->name);
}

static void check_clients(const struct conf_host *h, struct conf_build *b)
{
	struct conf_faults *f = conf_build_faults(b);
	struct conf_place at;

	if (h->client_cert == TLS_ASK_NO && h->client_ca[0]) {
		conf_build_set(b, h, "client_ca", &at);
		conf_fault_add(f, at, ZT_E_CONFIG, "client_ca is set, but nobody is asked: client_cert = required "
						   "or optional, or remove client_ca");
	}
	if (h->client_cert != TLS_ASK_NO && h->client_ca[0] == 0) {
		conf_build_set(b, h, "client_cert", &at);
		conf_fault_add(f, at, ZT_E_MISSING, "client_cert needs client_ca, a file of the authorities that count");
	}
	if (h->client_cert != TLS_ASK_NO && h->resume && conf_build_set(b, h, "resume", &at))
		conf_warn_add(f, at, "resume = true has no effect: where a certificate is asked for, sessions are "
				     "never resumed");
}

static void check_hosts(const void *root, struct conf_build *b)
{
	const struct conf *c = root;

	if (conf_build_who(b) != CONF_FOR_ALL)
		return;
	if (c->hosts.n > BOUND_CAP(BOUND_HOSTS))
		conf_fault_add(conf_build_faults(b), conf_build_place(b, "", ""), ZT_E_FULL,
			       "%zu sections [host NAME], at most %u are allowed", c->hosts.n,
			       (unsigned)BOUND_CAP(BOUND_HOSTS));
	for (const struct conf_host *h = conf_first_host(c); h; h = conf_next_host(h)) {
		check_names(h, b);
		check_clients(h, b);
		check_client_roles(h, b);
	}
	check_names_twice(c, b);
}

/* ---- the relay --------------------------------------------------------------------------- */

static void relay_fault(struct conf_build *b, const char *key, enum zt_err e, const char *text)
{
	conf_fault_add(conf_build_faults(b), conf_build_place(b, "relay", key), e, "%s: %s", key, text);
}

/* A pin that nobody looks at would be worse than none. */
static void check_plain_far_side(const struct conf_relay *r, struct conf_build *b)
{
	const struct {
		const char *key;
		bool used;
	} keys[] = {
		{"connect_name", r->connect_name[0] != 0},
		{"connect_ca", strcmp(r->connect_ca, "system") != 0},
		{"connect_pin", r->connect_pin.n != 0},
		{"connect_cert", r->connect_cert[0] != 0},
		{"connect_key", r->connect_key[0] != 0},
		{"connect_key_pass_file", r->connect_key_pass_file[0] != 0},
		{"connect_alpn", r->connect_alpn[0] != 0},
		{"connect_role", r->connect_role != ROLE_NONE},
		{"insecure_connect_any_cert", r->insecure_connect_any_cert},
	};

	for (size_t i = 0; r->connect == CONF_LEG_PLAIN && i < ARRAY_LEN(keys); i++)
		if (keys[i].used)
			relay_fault(b, keys[i].key, ZT_E_CONFIG, "nothing would look at it without connect = tls");
}

static void check_pins(const struct conf_relay *r, struct conf_build *b)
{
	uint8_t pin[32];

	if (r->connect_pin.n > TLS_PINS)
		relay_fault(b, "connect_pin", ZT_E_FULL, "more than 8 pins");
	for (size_t i = 0; i < r->connect_pin.n; i++)
		if (tls_pin_read(span_str(conf_text(&r->connect_pin, i)), pin) < 0)
			conf_fault_add(conf_build_faults(b), conf_build_place(b, "relay", "connect_pin"), ZT_E_SYNTAX,
				       "connect_pin: '%s' is not sha256: and 64 hex digits", conf_text(&r->connect_pin, i));
	if (r->insecure_connect_any_cert && r->connect_pin.n)
		relay_fault(b, "insecure_connect_any_cert", ZT_E_CONFIG, "excludes connect_pin; remove one");
	else if (r->insecure_connect_any_cert)
		conf_warn_add(conf_build_faults(b), conf_build_place(b, "relay", "insecure_connect_any_cert"),
			      "insecure_connect_any_cert: whoever answers in the far side's place reads and changes everything");
}

/* A role is worth what the authority is that gave it: nobody asks one where a pin counts, or anything
 * goes, and no public authority gives roles. */
static void check_far_role(const struct conf_relay *r, struct conf_build *b)
{
	if (r->connect_role == ROLE_NONE || r->connect == CONF_LEG_PLAIN)
		return;
	if (r->connect_pin.n || r->insecure_connect_any_cert)
		relay_fault(b, "connect_role", ZT_E_CONFIG, "excludes connect_pin and insecure_connect_any_cert: with "
							    "these no authority is asked");
	else if (strcmp(r->connect_ca, "system") == 0)
		relay_fault(b, "connect_role", ZT_E_MISSING, "needs connect_ca, a file of the authorities that may give it");
	if (never_is(r->connect_role, EKU_SERVER))
		conf_warn_add(conf_build_faults(b), conf_build_place(b, "relay", "connect_role"),
			      "connect_role: %s is accepted from nobody: certificates of this role are a client's",
			      cert_role(r->connect_role)->name);
}

static void check_far_side(const struct conf_relay *r, struct conf_build *b)
{
	if (r->connect_name[0] && !name_is_dns(span_str(r->connect_name)))
		relay_fault(b, "connect_name", ZT_E_SYNTAX, "is not a DNS name in ASCII, as in www.example.org");
	if (r->connect_ca[0] != '/' && strcmp(r->connect_ca, "system") != 0)
		relay_fault(b, "connect_ca", ZT_E_SYNTAX, "is neither system nor an absolute path");
	if (r->connect_cert[0] && r->connect_key[0] == 0)
		relay_fault(b, "connect_cert", ZT_E_MISSING, "needs connect_key");
	if (r->connect_key[0] && r->connect_cert[0] == 0)
		relay_fault(b, "connect_key", ZT_E_MISSING, "needs connect_cert");
	if (r->connect_key_pass_file[0] && r->connect_key[0] == 0)
		relay_fault(b, "connect_key_pass_file", ZT_E_MISSING, "needs connect_key");
}

static void check_relay(const void *root, struct conf_build *b)
{
	const struct conf *c = root;
	const struct conf_relay *r = &c->relay;

	if (conf_build_who(b) != CONF_FOR_ALL)
		return;
	if (r->listen.n && r->to.host == NULL)
		relay_fault(b, "listen", ZT_E_MISSING, "needs `to`, the far side");
	if (r->listen.n && r->accept == CONF_LEG_TLS && c->hosts.n == 0)
		relay_fault(b, "accept", ZT_E_MISSING, "tls needs a section [host NAME] with a certificate");
	check_plain_far_side(r, b);
	check_far_side(r, b);
	check_far_role(r, b);
	check_pins(r, b);
}

void (*const conf_checks[])(const void *, struct conf_build *) = {
	check_sandbox, check_ids, check_listeners, check_descriptors, check_hosts, check_relay, conf_check_web,
	NULL};
