/*
 * cmd_names: what stands on a command line about a certificate (role, names, how long) turned into what
 * ca-sign is asked with. ca-sign checks all of it again; here it is said which option was wrong.
 */
#include <stdio.h>

#include "base/crypto.h"
#include "base/num.h"
#include "cmds.h"
#include "decide/nearest.h"
#include "decide/when.h"
#include "wire/der.h"
#include "wire/pem.h"

#define DAY INT64_C(86400)

int cmd_role(struct cmd_run *r, const char *word, enum cert_role *out)
{
	struct nearest n = nearest_to(span_str(word));
	char mem[200], shown[100];
	struct wr list = wr_of(mem, sizeof mem - 1);

	if (cert_role_find(span_str(word), out) == 0)
		return 0;
	for (unsigned i = 0; i < CERT_ROLES; i++) {
		const struct cert_role_row *row = cert_role(i);

		if (row == NULL)
			continue;
		wr_fmt(&list, "%s%s", list.n ? ", " : "", row->name);
		nearest_offer(&n, row->name);
	}
	mem[list.n] = 0;
	cmd_shown(span_str(word), shown, sizeof shown);
	if (n.best)
		return cmd_misuse(r, "there is no role '%s'; did you mean '%s'? (%s)", shown, n.best, mem);
	return cmd_misuse(r, "there is no role '%s': it is one of %s", shown, mem);
}

int cmd_anchor(struct cmd_run *r, const char *word, enum cert_anchor *out)
{
	char shown[100];

	if (anchor_find(span_str(word), out) == 0)
		return 0;
	return cmd_misuse(r, "there is no anchor '%s': it is infra, device or acme",
			  cmd_shown(span_str(word), shown, sizeof shown));
}

int cmd_lifetime(struct cmd_run *r, const struct cmd_life *life, int64_t *out)
{
	const char *until = life->until;
	char shown[100], day[WHEN_DAY];
	int64_t now, end;
	int rc;

	*out = life->days ? (int64_t)life->days * DAY : life->span;
	if ((life->days != 0) + (life->span != 0) + (until != NULL) > 1)
		return cmd_misuse(r, "--days, --lifetime and --until exclude each other");
	if (until == NULL)
		return 0;
	if (when_date(span_str(until), &end) < 0)
		return cmd_misuse(r, "--until takes a date such as 2030-12-31 or 2030-12-31T12:00:00Z, not '%s'",
				  cmd_shown(span_str(until), shown, sizeof shown));
	rc = cmd_now(r, &now);
	if (rc < 0)
		return rc;
	if (end <= now)
		return cmd_misuse(r, "--until %.40s is in the past: today is %s", until, when_day(now, day));
	if (end - now < CERT_LIFETIME_MIN || end - now > CERT_LIFETIME_MAX)
		return cmd_misuse(r, "--until %.40s: a certificate is good for a minute at least and ten years at most", until);
	*out = end - now;
	return 0;
}

int cmd_check_name(struct cmd_run *r, const char *what, const char *name)
{
	char shown[200];

	if (name == NULL || cert_name_ok(span_str(name)))
		return 0;
	return cmd_misuse(r, "%s is 1 to %d of a-z A-Z 0-9 . _ - @ and begins with a letter or digit, not '%s'", what,
			  CERT_NAME_MAX, cmd_shown(span_str(name), shown, sizeof shown));
}

/* ---- DNS names and addresses -------------------------------------------------------------------------- */

static bool has(const struct cmd_names *n, const struct san *s)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->san[i].kind == s->kind && span_ieq(n->san[i].value, s->value))
			return true;
	return false;
}

static int add(struct cmd_names *n, struct cmd_run *r, const struct san *s)
{
	if (has(n, s))
		return 0;
	if (n->n == CERT_SANS)
		return cmd_misuse(r, "a certificate has %d names at most", CERT_SANS);
	n->san[n->n++] = *s;
	return 0;
}

static int add_ip(struct cmd_names *n, struct cmd_run *r, const struct addr *a)
{
	uint8_t *mem = n->ip[n->n < CERT_SANS ? n->n : 0];
	size_t len = a->family == 4 ? 4 : 16;
	struct wr w = wr_of(mem, sizeof n->ip[0]);

	if (n->n < CERT_SANS)
		wr_bytes(&w, a->ip, len);
	return add(n, r, &(struct san){SAN_IP, span_of(mem, len)});
}

static void encode(struct cmd_names *n)
{
	struct wr w = wr_of(n->der, sizeof n->der);

	for (size_t i = 0; i < n->n; i++)
		der_wr(&w, n->san[i].kind == SAN_IP ? DER_CTX(7) : DER_CTX(2), n->san[i].value);
	ZT_ASSERT(!w.full); /* a name that was checked has 253 bytes, three before it */
	n->nder = w.n;
}

/* What a role has none of is said by the option's name, before anything is looked up. */
static int fits_role(struct cmd_run *r, enum cert_role role, bool dns, bool ip)
{
	const struct cert_role_row *row = cert_role(role);

	if ((dns && !row->dns) || (ip && !row->ip))
		return cmd_misuse(r, "%s is not for the role %s: its certificates carry no such names", dns && !row->dns ? "--dns" :
				  "--ip", row->name);
	if (row->needs_name && !dns && !ip)
		return cmd_misuse(r, "the role %s needs a name: give --dns NAME or --ip ADDRESS", row->name);
	return 0;
}

int cmd_names_of(struct cmd_names *n, struct cmd_run *r, enum cert_role role, const struct cmd_texts *dns,
		 const struct cmd_texts *ip)
{
	struct why cause = {0};
	int rc = fits_role(r, role, dns->n > 0, ip->n > 0);

	n->n = n->nder = 0;
	for (size_t i = 0; i < dns->n && rc == 0; i++)
		rc = add(n, r, &(struct san){SAN_DNS, span_str(dns->at[i])});
	for (size_t i = 0; i < ip->n && rc == 0; i++) {
		struct addr a;
		char shown[100];

		if (addr_parse_ip(span_str(ip->at[i]), &a) < 0)
			rc = cmd_misuse(r, "--ip takes an address such as 192.168.1.10 or fd00::10, not '%s'",
					cmd_shown(span_str(ip->at[i]), shown, sizeof shown));
		else
			rc = add_ip(n, r, &a);
	}
	if (rc == 0 && cert_sans_check(role, n->san, n->n, &cause) < 0)
		rc = why_set(&r->why, cause.err, "%s", cause.text);
	if (rc == 0)
		encode(n);
	return rc;
}

int cmd_names_of_reach(struct cmd_names *n, struct cmd_run *r)
{
	const struct conf_list *reach = &r->conf->ca.reach;
	int rc = 0;

	n->n = n->nder = 0;
	for (size_t i = 0; i < reach->n && rc == 0; i++) {
		struct span host;
		uint16_t port;
		struct addr a;

		if (addr_parse_hostport(span_str(conf_text(reach, i)), &host, &port) < 0)
			rc = why_set(&r->why, ZT_E_CONFIG, "[ca] reach: '%.100s' is not HOST:PORT", conf_text(reach, i));
		else if (addr_parse_ip(host, &a) == 0)
			rc = add_ip(n, r, &a);
		else
			rc = add(n, r, &(struct san){SAN_DNS, host});
	}
	if (rc == 0)
		rc = cert_sans_check(ROLE_REGISTRY, n->san, n->n, &r->why);
	if (rc == 0)
		encode(n);
	return rc;
}

const char *cmd_serve_name(struct span spki, char out[static CMD_SERVE_NAME])
{
	uint8_t digest[SHA256_LEN];

	sha256(spki, digest);
	snprintf(out, CMD_SERVE_NAME, "authority-%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
	return out;
}

int cmd_serve_pem(struct wr *w, const struct pk_private *key, struct span leaf, struct span anchor, struct why *why)
{
	int rc = cmd_key_pem(w, key, SPAN_NONE, why); /* tlsd has no passphrase for it */

	pem_write(w, "CERTIFICATE", leaf);
	pem_write(w, "CERTIFICATE", anchor); /* who joins knows only its pin */
	return rc < 0 || !w->full ? rc : why_set(why, ZT_E_BUG, "the certificate has no room");
}
