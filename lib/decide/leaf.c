/*
 * leaf: the strict second look of leaf.h. Owns nothing, knows no chain and no clock. The order
 * of the questions is the order of the table at the end: first what makes the answers to the
 * rest worthless (form, clock), then what the certificate is, then whom it is for.
 */
#include "leaf.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"

#define ZT_ID_MAX 64  /* the opaque id behind the role */

_Static_assert(CERT_ROLES <= 8 * sizeof(unsigned), "a role is a bit of leaf_rule.roles");
_Static_assert(LEAF_CA_ID == CERT_CA_ID, "what is issued is what is looked for");

static const struct {
	const char *name, *text;
} reasons[LEAF_REASON_COUNT] = {
#define X(id, name, text) [id] = {name, text},
	LEAF_REASONS(X)
#undef X
};

const char *leaf_name(enum leaf_reason r)
{
	return reasons[r].name;
}

const char *leaf_text(enum leaf_reason r)
{
	return reasons[r].text;
}

/* ---- names ----------------------------------------------------------------------------- */

static bool has_dns(const struct x509 *c, struct span name)
{
	struct span rest = c->san;
	struct san s;

	while (x509_san_next(&rest, &s) > 0)
		if (s.kind == SAN_DNS && name_matches(s.value, name))
			return true;
	return false;
}

/* RFC 5280 4.2.1.6: four bytes are IPv4, sixteen IPv6. An IPv4-mapped one is its IPv4 address,
 * as everywhere in zt. */
static bool has_ip(const struct x509 *c, const struct addr *ip)
{
	struct span rest = c->san;
	struct san s;

	while (x509_san_next(&rest, &s) > 0) {
		struct addr a = {.family = s.value.n == 4 ? 4 : 6};

		if (s.kind != SAN_IP)
			continue;
		memcpy(a.ip, s.value.p, num_min(s.value.n, sizeof a.ip));
		addr_canon(&a);
		if (addr_same_ip(&a, ip))
			return true;
	}
	return false;
}

/* ---- zt://<ca>/<role>/<id> ------------------------------------------------------------- */

struct zt_name {
	struct span ca, role, id;
};

static bool all_of(struct span s, size_t max, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == 0 || strchr(set, s.p[i]) == NULL)
			return false;
	return s.n > 0 && s.n <= max;
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool zt_split(struct span uri, struct zt_name *out)
{
	struct span rest;

	if (!span_starts(uri, "zt://"))
		return false;
	rest = span_sub(uri, 5, uri.n);
	return span_cut(rest, '/', &out->ca, &rest) && span_cut(rest, '/', &out->role, &out->id) &&
	       out->ca.n == LEAF_CA_ID && all_of(out->ca, LEAF_CA_ID, DIGITS "abcdef") &&
	       all_of(out->role, 32, LOWER DIGITS "-") && all_of(out->id, ZT_ID_MAX, LOWER UPPER DIGITS "-_.");
}

/* The one URI of the certificate, when it has exactly one and that is a name of zt: a second URI
 * of any kind would be a second identity for somebody. */
static bool zt_name_of(const struct x509 *c, struct zt_name *out)
{
	struct span rest = c->san, uri = SPAN_NONE;
	unsigned uris = 0;
	struct san s;

	while (x509_san_next(&rest, &s) > 0)
		if (s.kind == SAN_URI) {
			uri = s.value;
			uris++;
		}
	return uris == 1 && zt_split(uri, out);
}

struct span leaf_zt_id(const struct x509 *c)
{
	struct zt_name z;

	return zt_name_of(c, &z) ? z.id : SPAN_NONE;
}

/* ---- the questions: true is a reason against it ---------------------------------------- */

typedef bool against(const struct x509 *c, const struct leaf_rule *r);

static bool is_malformed(const struct x509 *c, const struct leaf_rule *r)
{
	(void)r;
	return c->der.n == 0 || c->version < 1 || c->version > 3; /* x509_read() refused it */
}

static bool has_weak_key(const struct x509 *c, const struct leaf_rule *r)
{
	(void)r;
	return pk_check_public(&c->key) < 0;
}

static bool is_not_pinned(const struct x509 *c, const struct leaf_rule *r)
{
	uint8_t pin[32];

	if (r->npins == 0)
		return r->pins_only; /* no pin is no permission */
	x509_pin(c, pin);
	for (size_t i = 0; i < r->npins; i++)
		if (memcmp(pin, r->pins[i], sizeof pin) == 0)
			return false;
	return true;
}

static bool is_clock_wrong(const struct x509 *c, const struct leaf_rule *r)
{
	(void)c;
	return r->now < r->floor;
}

static bool is_not_v3(const struct x509 *c, const struct leaf_rule *r)
{
	(void)r;
	return c->version != 3;
}

/* RFC 5280 4.1.2.2: positive, at most 20 bytes. */
static bool has_bad_serial(const struct x509 *c, const struct leaf_rule *r)
{
	struct span s = c->serial;

	(void)r;
	return s.n == 0 || s.n > X509_SERIAL_MAX || s.p[0] & 0x80 || (s.n == 1 && s.p[0] == 0);
}

static bool is_early(const struct x509 *c, const struct leaf_rule *r)
{
	return r->now < c->not_before;
}

static bool is_expired(const struct x509 *c, const struct leaf_rule *r)
{
	return r->now > c->not_after; /* notAfter itself is inside, RFC 5280 4.1.2.5 */
}

static bool lives_long(const struct x509 *c, const struct leaf_rule *r)
{
	return r->max_lifetime && c->not_after - c->not_before > r->max_lifetime;
}

static bool demands_unknown(const struct x509 *c, const struct leaf_rule *r)
{
	(void)r;
	return c->unknown_critical.n > 0;
}

static bool has_weak_hash(const struct x509 *c, const struct leaf_rule *r)
{
	bool known;
	enum pk_hash h = x509_hash(c->sig_alg, &known);

	(void)r;
	return !known || h == PK_SHA1;
}

/* RFC 5280 4.2.1.3: who may sign certificates is a CA, also when it forgot to say so. */
static bool is_ca(const struct x509 *c, const struct leaf_rule *r)
{
	(void)r;
	return c->ca || c->ku & KU_CERT_SIGN;
}

/* zt's suites are ECDHE: both sides prove themselves by signing, whatever the key. */
static bool may_not_sign(const struct x509 *c, const struct leaf_rule *r)
{
	(void)r;
	return c->has_ku && !(c->ku & KU_SIGN);
}

static const uint32_t purposes[] = {
	[LEAF_SERVER] = EKU_SERVER, [LEAF_CLIENT] = EKU_CLIENT, [LEAF_MEMBER] = EKU_SERVER | EKU_CLIENT};

enum leaf_use leaf_use_of(enum cert_role role)
{
	const struct cert_role_row *row = cert_role(role);

	return row && !(row->eku & EKU_CLIENT) ? LEAF_SERVER : LEAF_CLIENT;
}

static bool is_for_other_purpose(const struct x509 *c, const struct leaf_rule *r)
{
	uint32_t want = purposes[r->use];

	if (r->roles) /* zt's own CAs name the purpose, and never "any" */
		return !(c->eku & want) || c->eku & EKU_ANY;
	return c->has_eku && !(c->eku & (want | EKU_ANY));
}

static bool has_no_name(const struct x509 *c, const struct leaf_rule *r)
{
	return (r->dns.n || r->ip) && c->san.n == 0;
}

static bool has_other_name(const struct x509 *c, const struct leaf_rule *r)
{
	return (r->dns.n && !has_dns(c, r->dns)) || (r->ip && !has_ip(c, r->ip));
}

void leaf_ca_of(struct leaf_ca *out, const struct x509 *authority)
{
	struct cert_issuer by;

	cert_issuer_of(&by, authority);
	memcpy(out->id, by.ca_id, sizeof out->id);
	out->key = authority->key;
}

static const struct leaf_ca *ca_named(const struct leaf_rule *r, struct span id)
{
	for (size_t i = 0; i < r->ncas; i++)
		if (span_eq_str(id, r->cas[i].id))
			return &r->cas[i];
	return NULL;
}

static bool is_wanted(const struct leaf_rule *r, struct span role)
{
	enum cert_role known;

	return cert_role_find(role, &known) == 0 && r->roles & 1u << known;
}

static bool has_other_role(const struct x509 *c, const struct leaf_rule *r)
{
	struct zt_name z;

	if (r->roles == 0)
		return false;
	return !zt_name_of(c, &z) || ca_named(r, z.ca) == NULL || !is_wanted(r, z.role);
}

static bool has_other_issuer(const struct x509 *c, const struct leaf_rule *r)
{
	const struct leaf_ca *ca;
	struct zt_name z;

	if (r->roles == 0)
		return false;
	ca = zt_name_of(c, &z) ? ca_named(r, z.ca) : NULL;
	return ca == NULL || x509_signed_by(c, &ca->key) < 0;
}

/* "connector or client" */
static void wanted_text(struct wr *w, unsigned roles)
{
	bool first = true;

	for (unsigned i = 0; i < CERT_ROLES; i++)
		if (roles & 1u << i && cert_role(i)) {
			wr_str(w, first ? "" : " or ");
			wr_str(w, cert_role(i)->name);
			first = false;
		}
}

const char *leaf_role_text(const struct x509 *c, const struct leaf_rule *rule, char out[static LEAF_ROLE_TEXT])
{
	struct wr w = wr_of(out, LEAF_ROLE_TEXT - 1);
	struct zt_name z;

	if (!zt_name_of(c, &z)) {
		wr_str(&w, "it shows no role of zt, and ");
	} else {
		wr_fmt(&w, "it shows the role %.*s ", SPAN_ARG(z.role));
		if (ca_named(rule, z.ca) == NULL)
			wr_fmt(&w, "of the authority %.*s, which may give none here, ", SPAN_ARG(z.ca));
		wr_str(&w, "and ");
	}
	wanted_text(&w, rule->roles);
	wr_str(&w, " is wanted");
	out[w.n] = 0;
	return out;
}

struct question {
	enum leaf_reason reason;
	against *ask;
};

/* A pinned key is trusted for itself: devices at home make themselves certificates that are
 * version 1, CA:TRUE, expired since the factory or for another name, and none of that says more
 * about who holds the key than the pin does. */
static const struct question pinned[] = {
	{LEAF_MALFORMED, is_malformed},
	{LEAF_KEY, has_weak_key},
	{LEAF_PIN, is_not_pinned},
};

static const struct question all[] = {
	{LEAF_MALFORMED, is_malformed},
	{LEAF_CLOCK, is_clock_wrong}, /* before the dates: with a wrong clock they say nothing */
	{LEAF_VERSION, is_not_v3},
	{LEAF_SERIAL, has_bad_serial},
	{LEAF_EARLY, is_early},
	{LEAF_EXPIRED, is_expired},
	{LEAF_LIFETIME, lives_long},
	{LEAF_CRITICAL, demands_unknown},
	{LEAF_HASH, has_weak_hash},
	{LEAF_KEY, has_weak_key},
	{LEAF_CA, is_ca},
	{LEAF_USAGE, may_not_sign},
	{LEAF_PURPOSE, is_for_other_purpose},
	{LEAF_NO_NAME, has_no_name},
	{LEAF_NAME, has_other_name},
	{LEAF_ROLE, has_other_role},
	{LEAF_ISSUER, has_other_issuer},
	{LEAF_PIN, is_not_pinned},
};

static enum leaf_reason first_against(const struct x509 *c, const struct leaf_rule *r, const struct question *q,
				      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (q[i].ask(c, r))
			return q[i].reason;
	return LEAF_OK;
}

enum leaf_reason leaf_check(const struct x509 *c, const struct leaf_rule *rule)
{
	return rule->pins_only ? first_against(c, rule, pinned, ARRAY_LEN(pinned))
			       : first_against(c, rule, all, ARRAY_LEN(all));
}
