/*
 * tlscheck: what came out of a handshake, looked at once more. tlsd is not believed: what it says
 * must agree with what was asked and with the records that were seen. And the library behind it
 * accepts certificates that zt does not (the wrong purpose, a CA, SHA-1, a name in the CN): the
 * leaf is read again here, also that of a resumed session. Owns nothing, says nothing.
 */
#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "tls_int.h"

static bool same_name(struct span said, const char *asked)
{
	/* The hello may have come in capitals and with a trailing dot; ours has neither. */
	if (span_ends(said, ".") && said.n > 1)
		said = span_sub(said, 0, said.n - 1);
	return span_ieq(said, span_str(asked));
}

enum tls_fault check_claims(const struct tls_shake *sh, const struct tlsmsg_done *d, struct why *why)
{
	const struct {
		bool lie;
		enum tls_fault fault;
		const char *text;
	} rows[] = {
		{suite_aead(d->suite) == AEAD_NONE, TLSF_INTERNAL, "tlsd chose a suite that was not offered"},
		{sh->flight.state != FLIGHT_DONE || sh->have > 0 || !sh->ccs_out, TLSF_INTERNAL,
		 "tlsd ended before the handshake did"},
		/* A counter that is too low is a nonce used twice, and that is the key. */
		{d->in.seq != sh->sealed_in || d->out.seq != sh->sealed_out, TLSF_INTERNAL,
		 "tlsd counted other records than passed"},
		{!same_name(d->name, sh->name), TLSF_DISAGREE, "the name"},
		{!span_eq_str(d->alpn, sh->alpn), sh->t->client ? TLSF_ALPN : TLSF_DISAGREE,
		 sh->t->client ? "it chose none, or another" : "the protocol"},
		{d->resumed && !sh->resume, TLSF_RESUME, NULL},
		{!sh->t->client && sh->ask == TLS_ASK_NO && d->chain_n > 0, TLSF_INTERNAL,
		 "tlsd shows a certificate that was not asked for"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].lie) {
			why_set(why, ZT_E_DENIED, "%s", rows[i].text ? rows[i].text : "");
			return rows[i].fault;
		}
	return TLSF_NONE;
}

static enum tls_fault leaf_fault(enum leaf_reason r)
{
	static const enum tls_fault faults[LEAF_REASON_COUNT] = {
		[LEAF_OK] = TLSF_NONE,
		[LEAF_MALFORMED] = TLSF_CERT_FORM,
		[LEAF_VERSION] = TLSF_CERT_FORM,
		[LEAF_EARLY] = TLSF_CERT_DATE,
		[LEAF_EXPIRED] = TLSF_CERT_DATE,
		[LEAF_CLOCK] = TLSF_CERT_DATE,
		[LEAF_CA] = TLSF_CERT_USE,
		[LEAF_USAGE] = TLSF_CERT_USE,
		[LEAF_PURPOSE] = TLSF_CERT_USE,
		[LEAF_HASH] = TLSF_CERT_SIG,
		[LEAF_KEY] = TLSF_CERT_KEY,
		[LEAF_CRITICAL] = TLSF_CERT_USE,
		[LEAF_NAME] = TLSF_CERT_NAME,
		[LEAF_NO_NAME] = TLSF_CERT_NAME,
		[LEAF_SERIAL] = TLSF_CERT_FORM,
		[LEAF_PIN] = TLSF_CERT_PIN,
		[LEAF_ROLE] = TLSF_CERT_USE,
		[LEAF_ISSUER] = TLSF_CERT_USE,
		[LEAF_LIFETIME] = TLSF_CERT_DATE,
	};

	/* A reason that this table does not know is none to let somebody in. */
	return r != LEAF_OK && faults[r] == TLSF_NONE ? TLSF_CERT_FORM : faults[r];
}

static void describe(const struct x509 *c, struct tls_peer *out)
{
	struct span id = leaf_zt_id(c);
	size_t n;

	out->has_cert = true;
	x509_pin(c, out->pin);
	sha256(c->der, out->cert);
	if (id.n == 0)
		id = x509_cn(c->subject);
	n = num_min(id.n, sizeof out->id - 1);
	for (size_t i = 0; i < n; i++)
		out->id[i] = id.p[i] > ' ' && id.p[i] < 0x7f ? (char)id.p[i] : '?';
	out->id[n] = 0;
}

static struct leaf_rule rule_of(const struct tls_shake *sh)
{
	struct leaf_rule r = {
		.use = sh->use,
		.now = clock_wall(loop_clock(sh->world->loop)) / 1000,
		.floor = sh->world->floor,
		.roles = sh->roles,
		.cas = sh->cas ? sh->cas->ca : NULL, /* without any nobody has a role */
		.ncas = sh->cas ? sh->cas->n : 0,
	};

	if (sh->t->client) {
		if (!sh->role_is_name) { /* else a name says only which of its workers is meant */
			r.dns = span_str(sh->name);
			r.ip = r.dns.n == 0 && sh->ip.family ? &sh->ip : NULL;
		}
		r.pins = sh->pins;
		r.npins = sh->npins;
		r.pins_only = sh->npins > 0;
	}
	return r;
}

/* leaf_check() takes any name when none is given; here that takes a pin, or a role that is one. */
static bool is_nameless(const struct tls_shake *sh, const struct leaf_rule *r)
{
	return sh->t->client && r->dns.n == 0 && r->ip == NULL && !r->pins_only && !(sh->role_is_name && r->roles);
}

static void say_against(const struct x509 *c, const struct leaf_rule *rule, enum leaf_reason r, const struct tls_peer *p,
			struct why *why)
{
	char role[LEAF_ROLE_TEXT];

	why_set(why, ZT_E_DENIED, "%s (%s)", r == LEAF_ROLE ? leaf_role_text(c, rule, role) : leaf_text(r),
		p->id[0] ? p->id : "it names nobody");
}

/* verdict: tlsd's about the chain. */
static enum tls_fault check_leaf(const struct tls_shake *sh, const struct x509 *c, enum tls_fault verdict,
				 struct tls_peer *out, struct why *why)
{
	struct leaf_rule rule = rule_of(sh);
	enum leaf_reason r = leaf_check(c, &rule);
	bool any = sh->insecure && sh->npins == 0;

	if (verdict != TLSF_NONE && !any && sh->npins == 0) {
		why_set(why, ZT_E_DENIED, "tlsd let it through and must not");
		return verdict;
	}
	if (r == LEAF_OK && is_nameless(sh, &rule))
		r = LEAF_NAME;
	out->verdict = verdict;
	if (r == LEAF_OK)
		return TLSF_NONE;
	if (any) {
		out->verdict = verdict != TLSF_NONE ? verdict : leaf_fault(r);
		return TLSF_NONE;
	}
	say_against(c, &rule, r, out, why);
	return leaf_fault(r);
}

enum tls_fault check_peer(const struct tls_shake *sh, const struct tlsmsg_done *d, struct tls_peer *out,
			  struct why *why)
{
	struct x509 c;

	*out = (struct tls_peer){.suite = d->suite, .plan = sh->plan, .resumed = d->resumed};
	memcpy(out->name, sh->name, sizeof out->name);
	memcpy(out->alpn, sh->alpn, sizeof out->alpn);
	if (d->own.n)
		memcpy(out->own, d->own.p, sizeof out->own);
	if (d->chain_n == 0)
		return sh->t->client || sh->ask == TLS_ASK_REQUIRED ? TLSF_NO_CERT : TLSF_NONE;
	if (x509_read(&c, d->chain[0], why) < 0)
		return TLSF_CERT_FORM;
	describe(&c, out);
	return check_leaf(sh, &c, d->verdict, out, why);
}
