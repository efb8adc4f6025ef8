/*
 * certrole: the table and the template of certrole.h. Owns nothing and holds no key: what is signed
 * goes through the caller's struct signer. Of a request it takes the public key and nothing else.
 */
#include "certrole.h"

#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "decide/leaf.h"

#define DAY INT64_C(86400)

static const char *const anchor_names[ANCHORS] = {
	[ANCHOR_INFRA] = "infra", [ANCHOR_DEVICE] = "device", [ANCHOR_ACME] = "acme"};

const char *anchor_name(enum cert_anchor a)
{
	return (size_t)a < ANCHORS ? anchor_names[a] : "?";
}

int anchor_find(struct span name, enum cert_anchor *out)
{
	for (size_t i = 0; i < ANCHORS; i++)
		if (span_eq_str(name, anchor_names[i])) {
			*out = (enum cert_anchor)i;
			return 0;
		}
	return -ZT_E_UNKNOWN;
}

/* Lifetimes: what renews itself lives shortly. A service's certificate is renewed by hand and in
 * programs that refuse more than 398 days from public authorities; a device's is, too, by people; the
 * registry's is pinned. */
static const struct cert_role_row roles[CERT_ROLES] = {
	[ROLE_EDGE] = {.name = "edge", .anchor = ANCHOR_INFRA, .eku = EKU_SERVER, .dns = true, .ip = true, .joins = true,
		       .renews = true, .lifetime = 90 * DAY, .about = "the public end of the tunnel"},
	[ROLE_CONNECTOR] = {.name = "connector", .anchor = ANCHOR_INFRA, .eku = EKU_SERVER | EKU_CLIENT, .joins = true,
			    .renews = true, .lifetime = 90 * DAY, .about = "the home end of the tunnel"},
	[ROLE_CLIENT] = {.name = "client", .anchor = ANCHOR_INFRA, .eku = EKU_CLIENT, .joins = true, .renews = true,
			 .lifetime = 30 * DAY, .about = "a computer that reaches private resources"},
	[ROLE_SERVICE] = {.name = "service", .anchor = ANCHOR_ACME, .eku = EKU_SERVER, .dns = true, .ip = true,
			  .needs_name = true, .joins = true, .lifetime = 397 * DAY,
			  .about = "a server in the local network, with its names"},
	[ROLE_DEVICE] = {.name = "device", .anchor = ANCHOR_DEVICE, .eku = EKU_CLIENT, .joins = true,
			 .lifetime = 730 * DAY, .about = "a browser or a phone: web hosts only"},
	[ROLE_REGISTRY] = {.name = "registry", .anchor = ANCHOR_INFRA, .eku = EKU_SERVER, .dns = true, .ip = true,
			   .lifetime = CERT_LIFETIME_MAX, .about = "the authority's own address"},
};

const struct cert_role_row *cert_role(unsigned role)
{
	return role < CERT_ROLES && roles[role].name ? &roles[role] : NULL;
}

int cert_role_find(struct span name, enum cert_role *out)
{
	for (unsigned i = 0; i < CERT_ROLES; i++)
		if (roles[i].name && span_eq_str(name, roles[i].name)) {
			*out = (enum cert_role)i;
			return 0;
		}
	return -ZT_E_UNKNOWN;
}

/* ---- names ----------------------------------------------------------------------------- */

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'f'))
			return false;
	return true;
}

bool cert_name_ok(struct span name)
{
	/* What could be an id or a serial number would be taken for one, or the other way round. */
	if ((name.n == CERT_ID || name.n == 2 * CERT_SERIAL) && is_hex(name))
		return false;
	if (name.n == 0 || name.n > CERT_NAME_MAX || !is_alnum(name.p[0]))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!is_alnum(name.p[i]) && name.p[i] != '.' && name.p[i] != '_' && name.p[i] != '-' && name.p[i] != '@')
			return false;
	return true;
}

static bool is_id(struct span id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!(id.p[i] >= '0' && id.p[i] <= '9') && !(id.p[i] >= 'a' && id.p[i] <= 'f'))
			return false;
	return id.n == CERT_ID;
}

/* Fit for a sentence: it may come from anywhere. */
static bool is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n <= 253;
}

static int check_dns(struct span name, const struct cert_role_row *r, struct why *w)
{
	struct span shown = is_plain(name) ? name : SPAN_LIT("...");

	if (!r->dns)
		return why_set(w, ZT_E_DENIED, "--dns: a certificate of role %s has no DNS names", r->name);
	if (span_starts(name, "*"))
		return why_set(w, ZT_E_DENIED, "--dns: a wildcard is never issued: one stolen key would be all names. "
			       "Name each host");
	if (!name_is_dns(name))
		return why_set(w, ZT_E_DENIED, "--dns: '%.*s' is no DNS name", SPAN_ARG(shown));
	return 0;
}

static int check_ip(struct span ip, const struct cert_role_row *r, struct why *w)
{
	struct addr a = {.family = ip.n == 4 ? 4 : 6};
	char text[ADDR_TEXT];

	if (!r->ip)
		return why_set(w, ZT_E_DENIED, "--ip: a certificate of role %s has no IP addresses", r->name);
	if (ip.n != 4 && ip.n != 16)
		return why_set(w, ZT_E_DENIED, "--ip: an address has 4 or 16 bytes, not %zu", ip.n);
	memcpy(a.ip, ip.p, ip.n);
	if (addr_is_any(&a))
		return why_set(w, ZT_E_DENIED, "--ip: %s is everybody's address and names no host", addr_text(&a, text));
	addr_canon(&a);
	if (ip.n == 16 && a.family == 4)
		return why_set(w, ZT_E_DENIED, "--ip: write the IPv4 address as such, not mapped into IPv6");
	return 0;
}

static bool same_san(const struct san *a, const struct san *b)
{
	return a->kind == b->kind && (a->kind == SAN_DNS ? span_ieq(a->value, b->value) : span_eq(a->value, b->value));
}

static int check_one_san(const struct san *sans, size_t i, const struct cert_role_row *r, struct why *w)
{
	int err;

	if (sans[i].kind != SAN_DNS && sans[i].kind != SAN_IP)
		return why_set(w, ZT_E_DENIED, "certificates have DNS names and IP addresses; no other kind of name is issued");
	err = sans[i].kind == SAN_DNS ? check_dns(sans[i].value, r, w) : check_ip(sans[i].value, r, w);
	for (size_t k = 0; k < i && !err; k++)
		if (same_san(&sans[k], &sans[i]))
			err = why_set(w, ZT_E_DENIED, "%s: the same one is given twice", sans[i].kind == SAN_DNS ? "--dns" : "--ip");
	return err;
}

int cert_sans_check(enum cert_role role, const struct san *sans, size_t nsans, struct why *w)
{
	const struct cert_role_row *r = cert_role(role);
	int err = 0;

	if (r == NULL)
		return why_set(w, ZT_E_DENIED, "there is no such role");
	if (r->needs_name && nsans == 0)
		return why_set(w, ZT_E_DENIED, "a certificate of role %s needs a name: --dns NAME or --ip ADDRESS", r->name);
	if (nsans > CERT_SANS)
		return why_set(w, ZT_E_RANGE, "--dns, --ip: a certificate has at most %d names", CERT_SANS);
	for (size_t i = 0; i < nsans && !err; i++)
		err = check_one_san(sans, i, r, w);
	return err;
}

/* ---- what may be ----------------------------------------------------------------------- */

void cert_issuer_of(struct cert_issuer *out, const struct x509 *anchor)
{
	uint8_t pin[32];

	out->cert = anchor;
	x509_pin(anchor, pin);
	ct_hex_encode(pin, CERT_CA_ID / 2, out->ca_id);
	out->ca_id[CERT_CA_ID] = 0;
}

/* A default never outlives the issuer; a date that somebody asked for is taken or refused. */
static int64_t end_of(const struct cert_wish *wish, const struct cert_issuer *by)
{
	int64_t end = wish->now + roles[wish->role].lifetime;

	if (wish->not_after)
		return wish->not_after;
	return end < by->cert->not_after ? end : by->cert->not_after;
}

static int check_dates(const struct cert_wish *wish, const struct cert_issuer *by, struct why *w)
{
	const struct x509 *ca = by->cert;
	int64_t end = end_of(wish, by);

	if (wish->now < ca->not_before || wish->now >= ca->not_after)
		return why_set(w, ZT_E_DENIED, "the authority's certificate is not valid %s: %s",
			       wish->now < ca->not_before ? "yet" : "any more",
			       wish->now < ca->not_before ? "is this machine's clock right?" : "it needs a roll-over");
	if (end > ca->not_after)
		return why_set(w, ZT_E_RANGE, "--lifetime: the authority's own certificate ends %lld days from now, and "
			       "none of its certificates may outlive it", (long long)((ca->not_after - wish->now) / DAY));
	if (end > wish->now + CERT_LIFETIME_MAX)
		return why_set(w, ZT_E_RANGE, "--lifetime: ten years are the most");
	if (end < wish->now + CERT_LIFETIME_MIN)
		return why_set(w, ZT_E_RANGE, "--lifetime: %d seconds are the least", CERT_LIFETIME_MIN);
	return 0;
}

static int check_key(struct span spki, const struct cert_issuer *by, struct why *w)
{
	struct pk_public key;
	enum oid alg;

	if (x509_spki(spki, &key, &alg) < 0 || pk_check_public(&key) < 0)
		return why_set(w, ZT_E_KEY, "the key is too weak or of a kind zt does not use: P-256, P-384, P-521, or RSA "
			       "of %d to %d bits", PK_RSA_MIN_BITS, PK_RSA_MAX_BITS);
	if (span_eq(spki, by->cert->spki))
		return why_set(w, ZT_E_KEY, "the key is the authority's own: make another one");
	return 0;
}

int cert_wish_check(const struct cert_wish *wish, const struct cert_issuer *by, struct why *w)
{
	int err = cert_sans_check(wish->role, wish->san, wish->nsans, w);

	if (err)
		return err;
	if (!is_id(wish->id))
		return why_set(w, ZT_E_RANGE, "an id has %d hex digits", CERT_ID);
	if (wish->serial.n != CERT_SERIAL || wish->serial.p[0] < 0x01 || wish->serial.p[0] > 0x7f)
		return why_set(w, ZT_E_RANGE, "a serial number has %d bytes, the first of them 01 to 7f", CERT_SERIAL);
	err = check_dates(wish, by, w);
	return err ? err : check_key(wish->spki, by, w);
}

/* ---- what is made ---------------------------------------------------------------------- */

/* A key in the wrong place would make a certificate that nobody believes: found here, not there. */
static int check_signed(struct span der, const struct pk_public *by, struct why *w)
{
	struct x509 c;
	int err = x509_read(&c, der, w);

	if (!err && x509_signed_by(&c, by) < 0)
		err = why_set(w, ZT_E_KEY, "the key that signs is not that of the authority's certificate");
	return err;
}

int cert_make(struct wr *w, const struct cert_wish *wish, const struct cert_issuer *by, const struct signer *s,
	      struct why *why)
{
	char uri_mem[8 + CERT_CA_ID + 16 + CERT_ID];
	struct wr uri = wr_of(uri_mem, sizeof uri_mem);
	uint8_t cn_mem[CERT_ID + 32], ski[X509_KEY_ID], aki[X509_KEY_ID];
	struct wr cn = wr_of(cn_mem, sizeof cn_mem);
	struct x509_attr attr = {OID_CN, wish->id};
	struct san sans[CERT_SANS + 1];
	const struct x509 *ca = by->cert;
	struct x509_make m;
	size_t from = w->n;
	int err = cert_wish_check(wish, by, why);

	if (err)
		return err;
	wr_fmt(&uri, "zt://%s/%s/%.*s", by->ca_id, roles[wish->role].name, SPAN_ARG(wish->id));
	err = x509_wr_name(&cn, &attr, 1);
	ZT_ASSERT(!err && !uri.full && !cn.full);
	sans[0] = (struct san){SAN_URI, wr_span(&uri)};
	for (size_t i = 0; i < wish->nsans; i++)
		sans[1 + i] = wish->san[i];
	x509_key_id(wish->spki, ski);
	x509_key_id(ca->spki, aki);
	m = (struct x509_make){
		.subject = wr_span(&cn), .issuer = ca->subject, .serial = wish->serial, .spki = wish->spki,
		.not_before = wish->now - CERT_BACKDATE, .not_after = end_of(wish, by), .path_len = -1, .ku = KU_SIGN,
		.eku = roles[wish->role].eku, .sans = sans, .nsans = 1 + wish->nsans, .ski = span_of(ski, sizeof ski),
		.aki = ca->ski.n ? ca->ski : span_of(aki, sizeof aki), /* an imported authority has its own way to count */
	};
	err = x509_build(w, &m, s, why);
	return err ? err : check_signed(span_sub(wr_span(w), from, w->n), &ca->key, why);
}

int anchor_make(struct wr *w, enum cert_anchor a, struct span serial, struct span spki, int64_t now, int64_t lifetime,
		const struct signer *s, struct why *why)
{
	uint8_t cn_mem[96], pin[SHA256_LEN], ski[X509_KEY_ID];
	struct wr cn = wr_of(cn_mem, sizeof cn_mem);
	char text[64], digits[9];
	struct wr t = wr_of(text, sizeof text);
	struct x509_attr attr = {.type = OID_CN};
	struct x509_make m;
	struct pk_public key;
	size_t from = w->n;
	enum oid alg;
	int err;

	if (x509_spki(spki, &key, &alg) < 0 || pk_check_public(&key) < 0)
		return why_set(why, ZT_E_KEY, "the authority's key is too weak or of a kind zt does not use");
	if (lifetime < CERT_LIFETIME_MIN || lifetime > ANCHOR_LIFETIME)
		return why_set(why, ZT_E_RANGE, "--lifetime: an authority lives for %d seconds at least and for twenty years "
			       "at most", CERT_LIFETIME_MIN);
	sha256(spki, pin);
	ct_hex_encode(pin, 4, digits);
	digits[8] = 0;
	wr_fmt(&t, "zt %s CA %s", anchor_name(a), digits);
	attr.text = wr_span(&t);
	err = x509_wr_name(&cn, &attr, 1);
	ZT_ASSERT(!err && !t.full && !cn.full);
	x509_key_id(spki, ski);
	m = (struct x509_make){
		.subject = wr_span(&cn), .issuer = wr_span(&cn), .serial = serial, .spki = spki,
		.not_before = now - CERT_BACKDATE, .not_after = now + lifetime, .ca = true, .path_len = 0,
		.ku = KU_CERT_SIGN | KU_CRL_SIGN, .ski = span_of(ski, sizeof ski),
	};
	err = x509_build(w, &m, s, why);
	return err ? err : check_signed(span_sub(wr_span(w), from, w->n), &key, why);
}

/* ---- an authority of somebody else's making --------------------------------------------- */

typedef bool flaw_ask(const struct x509 *c, int64_t now);

static bool is_old_version(const struct x509 *c, int64_t now) { (void)now; return c->version != 3; }
static bool is_no_ca(const struct x509 *c, int64_t now) { (void)now; return !c->has_basic || !c->ca; }
static bool lacks_usage(const struct x509 *c, int64_t now)
{
	(void)now;
	return !c->has_ku || !(c->ku & KU_CERT_SIGN) || !(c->ku & KU_CRL_SIGN);
}
static bool narrows_purpose(const struct x509 *c, int64_t now)
{
	(void)now;
	return c->has_eku && (c->eku_critical || !(c->eku & EKU_ANY || (c->eku & EKU_SERVER && c->eku & EKU_CLIENT)));
}
static bool narrows_names(const struct x509 *c, int64_t now) { (void)now; return c->name_constraints; }
static bool demands_more(const struct x509 *c, int64_t now) { (void)now; return c->unknown_critical.n != 0; }
static bool is_nameless(const struct x509 *c, int64_t now)
{
	bool ok;
	struct der d = der_whole(c->subject, DER_SEQUENCE, &ok);

	(void)now;
	return !ok || !der_more(&d);
}
static bool is_weak(const struct x509 *c, int64_t now) { (void)now; return pk_check_public(&c->key) < 0; }
static bool has_weak_hash(const struct x509 *c, int64_t now)
{
	bool known;

	(void)now;
	return x509_hash(c->sig_alg, &known) == PK_SHA1 || !known;
}
static bool is_no_root(const struct x509 *c, int64_t now)
{
	(void)now;
	return !span_eq(c->subject, c->issuer) || x509_signed_by(c, &c->key) < 0;
}
static bool is_early(const struct x509 *c, int64_t now) { return now < c->not_before; }
static bool is_over(const struct x509 *c, int64_t now) { return now >= c->not_after; }

static const struct {
	flaw_ask *ask;
	enum zt_err err;
	const char *text;
} flaws[] = {
	{is_old_version, ZT_E_DENIED, "it is not an X.509 version 3 certificate"},
	{is_no_ca, ZT_E_DENIED, "it is not an authority (basic constraints do not say CA:TRUE)"},
	{lacks_usage, ZT_E_DENIED, "its key usage must allow both certSign and cRLSign"},
	{narrows_purpose, ZT_E_DENIED, "its extended key usage leaves out servers or clients, or is critical"},
	{narrows_names, ZT_E_DENIED, "it has name constraints, which peers of zt cannot follow"},
	{demands_more, ZT_E_DENIED, "it has a critical extension that zt does not know"},
	{is_nameless, ZT_E_DENIED, "it has no subject, which an issuer must have"},
	{is_weak, ZT_E_KEY, "its key is too weak or of a kind zt does not use: P-256, P-384, P-521, or RSA of 2048 to 4096 bits"},
	{has_weak_hash, ZT_E_DENIED, "it is signed with a broken hash, or in a way zt does not know"},
	{is_no_root, ZT_E_DENIED, "it is not signed by itself: only a root can be an anchor that phones and browsers take too"},
	{is_early, ZT_E_DENIED, "it is not valid yet"},
	{is_over, ZT_E_DENIED, "it has expired"},
};

int anchor_check(const struct x509 *c, int64_t now, struct why *w)
{
	for (size_t i = 0; i < ARRAY_LEN(flaws); i++)
		if (flaws[i].ask(c, now))
			return why_set(w, flaws[i].err, "the authority's certificate cannot be used: %s", flaws[i].text);
	return 0;
}
