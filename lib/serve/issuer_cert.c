/*
 * issuer_cert: issue and renew. Owns who may have a certificate: a new identity for a name and a key
 * that nobody has, or the next certificate of one, by the rules of decide/renewal. Names, user and dates
 * of a renewal are the parent's; a request gives a key and nothing else.
 */
#include <string.h>

#include "base/num.h"
#include "issuer_int.h"
#include "wire/csr.h"

static void copy_text(char *out, size_t cap, struct span s)
{
	size_t n = num_min(s.n, cap - 1); /* never cut: names were checked */

	memcpy(out, s.p, n);
	out[n] = 0;
}

static int lifetime_of(const struct casign *in, int64_t *out, struct why *w)
{
	uint64_t life = casign_u64(in, CAF_LIFETIME);

	if (in->has[CAF_LIFETIME] && life == 0)
		return why_set(w, ZT_E_RANGE, "--lifetime: 0 is no lifetime");
	*out = (int64_t)num_min64(life, CERT_LIFETIME_MAX + 1);
	return 0;
}

/* The names of a certificate that was issued, without its zt:// name. */
static int sans_of(struct issuer *is, const struct reg_cert *c, struct arena *mem, struct issuer_wish *wish, struct why *w)
{
	struct issuer_made before;
	struct x509 cert;
	struct san s;
	int rc = issuer_made_before(is, c, mem, &before, w);

	if (rc == 0)
		rc = x509_read(&cert, before.der, w);
	if (rc < 0)
		return rc;
	while ((rc = x509_san_next(&cert.san, &s)) > 0)
		if ((s.kind == SAN_DNS || s.kind == SAN_IP) && wish->nsans < CERT_SANS)
			wish->san[wish->nsans++] = s;
	return rc;
}

static bool same_sans(const struct issuer_wish *a, const struct issuer_wish *b)
{
	for (size_t i = 0; i < a->nsans && i < b->nsans; i++)
		if (a->san[i].kind != b->san[i].kind || !span_eq(a->san[i].value, b->san[i].value))
			return false;
	return a->nsans == b->nsans;
}

static bool same_words(const struct reg_cert *c, const struct issuer_wish *wish)
{
	int64_t life = c->not_after - c->issued, role_life = cert_role(wish->role)->lifetime;

	return c->role == wish->role && strcmp(c->name, wish->name) == 0 && strcmp(c->user, wish->user) == 0 &&
	       (wish->lifetime ? life == wish->lifetime : life <= role_life); /* by default no longer than its issuer */
}

/* Who did not hear the answer asks again, with the same key for the same: it gets the same certificate. 1: that
 * is *made; 0: it is another matter. */
static int issued_before(struct issuer *is, const struct issuer_wish *wish, struct arena *mem, struct issuer_made *made,
			 struct why *w)
{
	struct issuer_wish was = {.nsans = 0};
	struct issuer_worth worth;
	const struct reg_cert *c;
	uint8_t key[32];
	int rc;

	issuer_key_digest(wish->spki, key);
	c = registry_by_key(is->o.registry, key);
	if (c == NULL || !same_words(c, wish))
		return 0;
	issuer_judge(is, c, issuer_now(is), &worth);
	if (worth.state != CERT_GOOD || registry_by_name(is->o.registry, span_str(c->name)) != c)
		return 0;
	rc = sans_of(is, c, mem, &was, w);
	if (rc == 0 && same_sans(&was, wish))
		rc = issuer_made_before(is, c, mem, made, w);
	else if (rc == 0)
		return 0;
	return rc < 0 ? rc : 1;
}

static int issue_new(struct issuer *is, const struct issuer_wish *wish, struct arena *mem, struct issuer_made *made,
		     struct why *w)
{
	int rc = issuer_name_free(is, span_str(wish->name), w);

	if (rc == 0)
		rc = issuer_key_free(is, wish->spki, "", w);
	if (rc == 0)
		rc = issuer_make(is, wish, mem, made, w);
	if (rc == 0)
		LOG(is->o.log, LOG_INFO, "certificate issued", LF_STR("event", "issue"), LF_STR("role", cert_role(wish->role)->name),
		    LF_STR("name", made->cert.name), LF_STR("user", made->cert.user), LF_STR("id", made->cert.id),
		    LF_I64("not_after", made->cert.not_after));
	return rc;
}

int issuer_issue(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	const struct casign *in = ask->in;
	unsigned role = (unsigned)casign_u64(in, CAF_ROLE);
	struct issuer_wish wish = {.role = (enum cert_role)role};
	struct issuer_made made;
	struct csr csr;
	int rc;

	if (!cert_role(role))
		return why_set(w, ZT_E_UNKNOWN, "there is no role of number %u", role);
	if (in->has[CAF_USER] && !cert_name_ok(in->field[CAF_USER]))
		return why_set(w, ZT_E_SYNTAX, "--user: a user's name has 1 to %d of a-z A-Z 0-9 . _ - @", CERT_NAME_MAX);
	rc = lifetime_of(in, &wish.lifetime, w);
	if (rc == 0)
		rc = issuer_sans(in->field[CAF_SANS], wish.san, &wish.nsans, w);
	if (rc == 0)
		rc = csr_read(&csr, in->field[CAF_CSR], w);
	if (rc == 0)
		rc = issuer_name_good(in->field[CAF_NAME], w);
	if (rc)
		return rc;
	wish.spki = csr.spki;
	copy_text(wish.name, sizeof wish.name, in->field[CAF_NAME]);
	if (in->has[CAF_USER])
		copy_text(wish.user, sizeof wish.user, in->field[CAF_USER]);
	rc = issued_before(is, &wish, ask->mem, &made, w);
	if (rc == 0)
		rc = issue_new(is, &wish, ask->mem, &made, w);
	if (rc >= 0)
		issuer_put_made(ask, out, &made);
	return rc < 0 ? rc : 0;
}

/* ---- renew --------------------------------------------------------------------------------- */

/* The network side names what a client has shown, and nothing else. */
static int find_parent(struct issuer *is, const struct issuer_ask *ask, const struct reg_cert **out, struct why *w)
{
	const struct casign *in = ask->in;

	if (in->has[CAF_SERIAL] == in->has[CAF_NAME] || (ask->from == 'f' && in->has[CAF_NAME]))
		return why_set(w, ZT_E_USAGE, "name one certificate: by its serial or by its name");
	*out = in->has[CAF_SERIAL] ? registry_find(is->o.registry, in->field[CAF_SERIAL].p)
				   : registry_by_name(is->o.registry, in->field[CAF_NAME]);
	if (!*out)
		return why_set(w, ZT_E_NOTFOUND, "this authority has issued no such certificate");
	return 0;
}

/* What c was renewed to; NULL: nothing. */
static const struct reg_cert *child_of(const struct issuer *is, const struct reg_cert *c)
{
	const struct reg_cert *child = issuer_newest(is, c), *p;

	for (p = issuer_parent(is, child); p && p != c; p = issuer_parent(is, child))
		child = p;
	return p == c ? child : NULL;
}

static bool child_has_key(const struct issuer *is, const struct reg_cert *c, struct span spki)
{
	const struct reg_cert *child = child_of(is, c);
	uint8_t key[32];

	issuer_key_digest(spki, key);
	return child && memcmp(child->key, key, sizeof key) == 0;
}

/* The network side says whose certificate it was shown; that the holder of its key wants this renewal, the
 * holder says here. Before anything else, or who has no such key could raise alarms. */
static int check_holder(struct issuer *is, const struct issuer_ask *ask, const struct reg_cert *c, struct why *w)
{
	const struct casign *in = ask->in;
	struct issuer_made made;
	struct x509 cert;
	int rc = issuer_made_before(is, c, ask->mem, &made, w);

	if (rc == 0)
		rc = x509_read(&cert, made.der, w);
	if (rc < 0)
		return rc;
	if (in->has[CAF_SIGNATURE] && enrolsig_renewal_by(&cert.key, span_of(c->serial, CERT_SERIAL), in->field[CAF_CSR],
							   in->field[CAF_SIGNATURE]) == 0)
		return 0;
	LOG(is->o.log, LOG_WARN, "renewal refused", LF_STR("event", "renew"), LF_STR("name", c->name), LF_STR("id", c->id),
	    LF_SPAN("peer", in->field[CAF_PEER]), LF_STR("reason", "not signed by the key of the certificate"));
	return why_set(w, ZT_E_DENIED, "the renewal is not signed by the key of the certificate that it renews");
}

/* By the holder, over TLS. */
static enum renewal judge_holder(const struct issuer *is, const struct reg_cert *c, struct span spki)
{
	struct issuer_worth worth;
	struct renewal_case k = {.role_renews = cert_role(c->role)->renews, .not_before = c->not_before,
				 .not_after = c->not_after, .now = issuer_now(is), .superseded = c->superseded};

	issuer_judge(is, c, k.now, &worth);
	k.suspended = c->suspended;
	/* one whose grace is over is revoked, too, but here the rules tell it from one that somebody revoked */
	k.revoked = worth.state == CERT_REVOKED && (c->revoked || !c->superseded);
	k.child_has_key = c->superseded && child_has_key(is, c, spki);
	return renewal_of(&k);
}

/* By the administrator: any role, at any time, also when it has expired; but the newest only, and not one
 * that was ended on purpose. */
static int check_command(const struct issuer *is, const struct reg_cert *c, struct why *w)
{
	const struct reg_cert *named = registry_by_name(is->o.registry, span_str(c->name));
	struct issuer_worth worth;

	if (c->superseded)
		return why_set(w, ZT_E_EXISTS, "this one was renewed already: zt ca renew %s renews the newest", c->name);
	if (named != c)
		return why_set(w, ZT_E_EXISTS, "the name '%s' belongs to another certificate by now", c->name);
	issuer_judge(is, c, issuer_now(is), &worth);
	if (worth.state == CERT_REVOKED)
		return why_set(w, ZT_E_DENIED, "'%s' is revoked: issue a new one", c->name);
	if (worth.state == CERT_SUSPENDED)
		return why_set(w, ZT_E_DENIED, "'%s' is suspended: zt ca suspend --off %s ends that", c->name, c->name);
	return 0;
}

static int make_child(struct issuer *is, const struct issuer_ask *ask, const struct reg_cert *parent, struct span spki,
		      struct issuer_made *made, struct why *w)
{
	struct issuer_wish wish = {.role = parent->role, .spki = spki};
	uint8_t serial[CERT_SERIAL];
	int rc = lifetime_of(ask->in, &wish.lifetime, w);

	if (rc == 0)
		rc = issuer_key_free(is, spki, parent->id, w);
	if (rc == 0)
		rc = sans_of(is, parent, ask->mem, &wish, w);
	if (rc < 0)
		return rc;
	if (!wish.lifetime || ask->from != 'c') { /* as long as the parent, whose own end does not matter */
		wish.lifetime = parent->not_after - parent->issued;
		wish.clamp = true;
	}
	memcpy(serial, parent->serial, sizeof serial); /* parent is the registry's, and about to change */
	wish.parent = serial;
	memcpy(wish.id, parent->id, sizeof wish.id);
	memcpy(wish.name, parent->name, sizeof wish.name);
	memcpy(wish.user, parent->user, sizeof wish.user);
	return issuer_make(is, &wish, ask->mem, made, w);
}

static int refuse_holder(struct issuer *is, const struct issuer_ask *ask, const struct reg_cert *c, enum renewal r,
			 struct why *w)
{
	if (r == RENEWAL_TWIN)
		return issuer_alarm(is, c, "it was renewed, and somebody asks with it for another key", ask->in->field[CAF_PEER], w);
	LOG(is->o.log, LOG_WARN, "renewal refused", LF_STR("event", "renew"), LF_STR("name", c->name), LF_STR("id", c->id),
	    LF_SPAN("peer", ask->in->field[CAF_PEER]), LF_STR("reason", renewal_text(r)));
	return why_set(w, ZT_E_DENIED, "%s", renewal_text(r));
}

int issuer_renew(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	enum renewal r = RENEWAL_GO;
	const struct reg_cert *c = NULL;
	struct issuer_made made;
	struct csr csr;
	int rc = find_parent(is, ask, &c, w);

	if (rc == 0)
		rc = csr_read(&csr, ask->in->field[CAF_CSR], w);
	if (rc < 0 || !c)
		return rc;
	if (ask->from == 'c')
		rc = check_command(is, c, w);
	else
		rc = check_holder(is, ask, c, w);
	if (rc < 0)
		return rc;
	if (ask->from != 'c')
		r = judge_holder(is, c, csr.spki);
	if (r != RENEWAL_GO && r != RENEWAL_AGAIN)
		return refuse_holder(is, ask, c, r, w);
	rc = r == RENEWAL_AGAIN ? issuer_made_before(is, child_of(is, c), ask->mem, &made, w)
				: make_child(is, ask, c, csr.spki, &made, w);
	if (rc < 0)
		return rc;
	issuer_put_made(ask, out, &made);
	issuer_put_trusts(is, ask, out);
	LOG(is->o.log, LOG_INFO, "certificate renewed", LF_STR("event", "renew"), LF_STR("name", made.cert.name),
	    LF_STR("id", made.cert.id), LF_SPAN("peer", ask->in->field[CAF_PEER]), LF_BOOL("again", r == RENEWAL_AGAIN),
	    LF_I64("not_after", made.cert.not_after));
	return 0;
}
