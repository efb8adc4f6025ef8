/* tls_report: see tls_report.h. Everything a peer wrote is escaped before it is printed. */
#include "tls_report.h"

#include <stdio.h>
#include <string.h>

#include "base/ct.h"
#include "base/jsonw.h"
#include "base/num.h"

#define NAMES_SHOWN 8
#define DAY INT64_C(86400)
#define ALERT_PROTOCOL_VERSION 70 /* RFC 5246 section 7.2 */
#define JSON_ROOM 65536 /* TLS_CHAIN certificates: two names of 300, 8 SANs of 256 escaped, constants */

bool tls_report_good(const struct tls_report *r)
{
	if (r->fault != TLSF_NONE)
		return false;
	if (r->pin_asked) /* then the pin is what counts, as for a role */
		return r->pin_ok;
	return r->verdict == TLSF_NONE && r->leaf == LEAF_OK;
}

/* ---- pieces of a certificate ----------------------------------------------------------- */

static const char *date(int64_t t, char out[static CLOCK_RFC3339_LEN])
{
	clock_rfc3339(t * 1000, out, CLOCK_RFC3339_LEN);
	out[10] = 0; /* the day is enough */
	return out;
}

static const char *key_text(const struct x509 *c, char out[static 32])
{
	if (c->key.type == PK_RSA)
		snprintf(out, 32, "RSA %u", pk_bits(&c->key));
	else if (c->key.type == PK_NONE)
		snprintf(out, 32, "%s", oid_name(c->key_alg));
	else
		snprintf(out, 32, "P-%u", pk_bits(&c->key));
	return out;
}

static const char *pin_text(const struct x509 *c, char out[static 65])
{
	uint8_t pin[SHA256_LEN];

	x509_pin(c, pin);
	ct_hex_encode(pin, sizeof pin, out);
	out[64] = 0;
	return out;
}

static const char *const kinds[] = {[SAN_DNS] = "dns", [SAN_IP] = "ip", [SAN_URI] = "uri", [SAN_MAIL] = "mail",
				    [SAN_OTHER] = "other"};

/* "dns:nas.example", escaped; always terminated. */
static const char *san_text(const struct san *s, char *out, size_t cap)
{
	struct wr w = wr_of(out, cap - 1);

	wr_str(&w, kinds[s->kind]);
	wr_str(&w, ":");
	if (s->kind == SAN_IP) {
		struct addr a = {.family = s->value.n == 4 ? 4 : 6};

		memcpy(a.ip, s->value.p, s->value.n);
		addr_write_ip(&w, &a);
	} else if (s->kind != SAN_OTHER) {
		jsonw_escape(&w, s->value, 200);
	}
	out[w.n] = 0;
	return out;
}

/* ---- text ------------------------------------------------------------------------------- */

static void ms(const char *before, uint64_t ns, const char *after)
{
	printf("%s%llu.%llu ms%s", before, (unsigned long long)(ns / NS_PER_MS),
	       (unsigned long long)(ns / (NS_PER_MS / 10) % 10), after);
}

static void print_names(const struct x509 *c)
{
	struct span rest = c->san;
	struct san s;
	size_t n = 0;
	char text[256];

	printf("    names   ");
	while (x509_san_next(&rest, &s) == 1 && ++n <= NAMES_SHOWN)
		printf("%s %s", n > 1 ? "," : "", san_text(&s, text, sizeof text));
	if (n == 0)
		printf(" none (a common name does not count)");
	printf("%s\n", n > NAMES_SHOWN ? ", ..." : "");
}

static void print_dates(const struct x509 *c, int64_t now)
{
	char from[CLOCK_RFC3339_LEN], to[CLOCK_RFC3339_LEN];

	printf("    valid    %s to %s", date(c->not_before, from), date(c->not_after, to));
	if (now < c->not_before)
		printf(" (not yet)\n");
	else if (now > c->not_after)
		printf(" (expired %lld days ago)\n", (long long)((now - c->not_after) / DAY));
	else
		printf(" (%lld days left)\n", (long long)((c->not_after - now) / DAY));
}

static void print_cert(const struct tls_report *r, size_t i)
{
	char name[300], key[32], pin[65];
	struct why w = {0};
	struct x509 c;

	if (x509_read(&c, r->chain[i], &w) < 0) {
		printf("  certificate %zu of %zu: malformed: %s\n", i + 1, r->chain_n, w.text);
		return;
	}
	printf("  certificate %zu of %zu: %s%s\n", i + 1, r->chain_n, x509_name_text(c.subject, name, sizeof name),
	       c.ca ? " (authority)" : "");
	if (i == 0)
		print_names(&c);
	printf("    issuer   %s\n", span_eq(c.issuer, c.subject) ? "itself"
								  : x509_name_text(c.issuer, name, sizeof name));
	print_dates(&c, r->now);
	printf("    key      %s, signed with %s\n", key_text(&c, key), oid_name(c.sig_alg));
	printf("    pin      sha256:%s\n", pin_text(&c, pin));
}

/* What a person can do about it, for the causes where zt has an answer. */
static void print_advice(const struct tls_report *r)
{
	char pin[65];
	struct x509 c;

	if (r->fault == TLSF_VERSION || r->alert == ALERT_PROTOCOL_VERSION)
		printf("what to do: the server may demand TLS 1.3, which zt does not speak; allow TLS 1.2 there\n");
	else if (r->fault == TLSF_ALERT && r->showed)
		printf("what to do: the server may not accept the client certificate that --cert gave it: it must be "
		       "signed by an authority of the server's list, be in date and be for clients\n");
	else if (r->fault == TLSF_ALERT || r->fault == TLSF_SUITE)
		printf("what to do: if the server asks for a client certificate, give one: --cert FILE --key FILE\n");
	else if (r->fault == TLSF_NOT_TLS)
		printf("what to do: TLS is on another port, or not switched on there; zt does no STARTTLS\n");
	else if (r->fault == TLSF_ALPN)
		printf("what to do: ask for another protocol with --alpn, or for none\n");
	if (r->fault != TLSF_NONE || r->chain_n == 0 || x509_read(&c, r->chain[0], NULL) < 0)
		return;
	printf("what to do in its [ingress NAME], if this is the server you mean (in [relay] the keys begin with connect_):\n"
	       "  trust exactly this key       pin = sha256:%s\n", pin_text(&c, pin));
	if (r->verdict == TLSF_CERT_CA)
		printf("  or trust who signed it       ca = FILE with that authority's certificate\n");
	if (r->leaf == LEAF_NAME)
		printf("  or ask for a name it has     server_name = NAME (connect_name)\n");
}

static void print_verdict(const struct tls_report *r)
{
	if (r->pin_asked) {
		printf(r->pin_ok ? "good: the key is the pinned one\n" : "not good: the key is not the pinned one\n");
	} else if (tls_report_good(r)) {
		printf("good: it leads to an authority of %s and is for %s\n", r->ca, r->asked);
		return;
	} else {
		printf("not good for %s, trusting %s:\n", r->asked, r->ca);
	}
	if (r->verdict != TLSF_NONE)
		printf("  %s: %s\n", tls_fault_name(r->verdict), tls_fault_text(r->verdict));
	if (r->leaf != LEAF_OK)
		printf("  %s: %s\n", leaf_name(r->leaf), leaf_text(r->leaf));
	if (!tls_report_good(r))
		print_advice(r);
}

void tls_report_text(const struct tls_report *r)
{
	char at[ADDR_TEXT];

	printf("%s\n  reached %s", r->target, addr_text(&r->peer, at));
	ms(" in ", r->dial_ns, "\n");
	if (r->fault != TLSF_NONE) {
		printf("no TLS: %s\n", r->words);
		print_advice(r);
		return;
	}
	printf("  TLS 1.2, %s", suite_name(r->suite));
	if (r->alpn[0])
		printf(", protocol %s", r->alpn);
	ms(", handshake in ", r->shake_ns, "\n");
	for (size_t i = 0; i < r->chain_n; i++)
		print_cert(r, i);
	print_verdict(r);
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void pair(struct jsonw *j, const char *key, const char *value)
{
	jsonw_key(j, key);
	jsonw_str(j, value);
}

static void json_names(struct jsonw *j, const struct x509 *c)
{
	struct span rest = c->san;
	struct san s;
	char text[256];

	jsonw_key(j, "names");
	jsonw_open(j, '[');
	for (size_t n = 0; n < NAMES_SHOWN && x509_san_next(&rest, &s) == 1; n++)
		jsonw_str(j, san_text(&s, text, sizeof text));
	jsonw_close(j, ']');
}

static void json_cert(struct jsonw *j, struct span der)
{
	char name[300], key[32], pin[65], day[CLOCK_RFC3339_LEN];
	struct x509 c;

	jsonw_open(j, '{');
	if (x509_read(&c, der, NULL) == 0) {
		pair(j, "subject", x509_name_text(c.subject, name, sizeof name));
		pair(j, "issuer", x509_name_text(c.issuer, name, sizeof name));
		json_names(j, &c);
		clock_rfc3339(c.not_before * 1000, day, sizeof day);
		pair(j, "not_before", day);
		clock_rfc3339(c.not_after * 1000, day, sizeof day);
		pair(j, "not_after", day);
		pair(j, "key", key_text(&c, key));
		pair(j, "signed_with", oid_name(c.sig_alg));
		pair(j, "pin", pin_text(&c, pin));
		jsonw_key(j, "authority");
		jsonw_bool(j, c.ca);
	} else {
		pair(j, "error", "malformed");
	}
	jsonw_close(j, '}');
}

static void json_facts(struct jsonw *j, const struct tls_report *r)
{
	pair(j, "suite", suite_name(r->suite));
	pair(j, "alpn", r->alpn);
	pair(j, "chain", tls_fault_name(r->verdict));
	pair(j, "leaf", leaf_name(r->leaf));
	if (r->pin_asked) {
		jsonw_key(j, "pinned");
		jsonw_bool(j, r->pin_ok);
	}
	jsonw_key(j, "certificates");
	jsonw_open(j, '[');
	for (size_t i = 0; i < r->chain_n; i++)
		json_cert(j, r->chain[i]);
	jsonw_close(j, ']');
}

void tls_report_json(const struct tls_report *r)
{
	char mem[JSON_ROOM];
	struct wr w = wr_of(mem, sizeof mem);
	char at[ADDR_TEXT];
	struct jsonw j;

	jsonw_init(&j, &w);
	jsonw_open(&j, '{');
	pair(&j, "target", r->target);
	pair(&j, "address", addr_text(&r->peer, at));
	pair(&j, "asked", r->asked);
	jsonw_key(&j, "good");
	jsonw_bool(&j, tls_report_good(r));
	pair(&j, "handshake", tls_fault_name(r->fault));
	jsonw_key(&j, "dial_us");
	jsonw_u64(&j, r->dial_ns / 1000);
	if (r->fault == TLSF_NONE) {
		jsonw_key(&j, "handshake_us");
		jsonw_u64(&j, r->shake_ns / 1000);
		json_facts(&j, r);
	} else {
		pair(&j, "words", r->words);
	}
	jsonw_close(&j, '}');
	ZT_ASSERT(!w.full);
	printf("%.*s\n", (int)w.n, mem);
}
