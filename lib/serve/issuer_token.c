/*
 * issuer_token: join tokens are made and ended, and joins that wait are settled. Owns what a token may
 * be: for a role that joins, for so many uses, for so long; longer than a day only for named networks or
 * with somebody's yes. Its secret leaves once, in the answer that made it.
 */
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "issuer_int.h"

enum issuer_token_state issuer_token_state(const struct reg_token *t, int64_t now)
{
	if (t->revoked)
		return TOKEN_REVOKED;
	if (t->used >= t->uses)
		return TOKEN_USED;
	return now >= t->expires ? TOKEN_EXPIRED : TOKEN_GOOD;
}

const char *issuer_token_state_name(enum issuer_token_state s)
{
	static const char *const names[] = {
		[TOKEN_GOOD] = "good", [TOKEN_USED] = "used", [TOKEN_EXPIRED] = "expired", [TOKEN_REVOKED] = "revoked",
	};

	return names[s];
}

static int read_nets(struct reg_token *t, struct span text, struct why *w)
{
	struct span one, rest = text;
	struct cidr net;

	while (rest.n) {
		span_cut(rest, ' ', &one, &rest);
		if (one.n == 0)
			continue;
		if (cidr_parse(one, &net) < 0)
			return why_set(w, ZT_E_SYNTAX, "--cidr: a network is written as 192.168.1.0/24 or 2001:db8::/48, without "
				       "bits behind the prefix");
		if (t->ncidr == ARRAY_LEN(t->cidr))
			return why_set(w, ZT_E_RANGE, "--cidr: a token has at most %zu networks", ARRAY_LEN(t->cidr));
		t->cidr[t->ncidr].net = net.base;
		t->cidr[t->ncidr++].bits = net.bits;
	}
	return text.n && t->ncidr == 0 ? why_set(w, ZT_E_SYNTAX, "--cidr: no network is named") : 0;
}

static int read_role(struct reg_token *t, const struct casign *in, struct why *w)
{
	unsigned role = (unsigned)casign_u64(in, CAF_ROLE);
	const struct cert_role_row *row = cert_role(role);

	if (!row)
		return why_set(w, ZT_E_UNKNOWN, "there is no role of number %u", role);
	if (!row->joins)
		return why_set(w, ZT_E_DENIED, "nothing joins as %s: zt ca issue %s NAME makes such a certificate", row->name,
			       row->name);
	t->role = (enum cert_role)role;
	return 0;
}

static int read_names(struct issuer *is, struct reg_token *t, const struct casign *in, struct why *w)
{
	struct span name = in->field[CAF_NAME], user = in->field[CAF_USER];
	int rc;

	if (name.n) {
		rc = issuer_name_free(is, name, w);
		if (rc < 0)
			return rc;
		memcpy(t->name, name.p, name.n); /* at most CERT_NAME_MAX, which leaves a NUL */
	}
	if (user.n && !cert_name_ok(user))
		return why_set(w, ZT_E_SYNTAX, "--user: a user's name has 1 to %d of a-z A-Z 0-9 . _ - @", CERT_NAME_MAX);
	if (user.n)
		memcpy(t->user, user.p, user.n);
	rc = issuer_sans(in->field[CAF_SANS], t->san, &t->nsans, w);
	return rc < 0 ? rc : cert_sans_check(t->role, t->san, t->nsans, w);
}

static int read_limits(struct issuer *is, struct reg_token *t, const struct casign *in, struct why *w)
{
	uint64_t uses = in->has[CAF_USES] ? casign_u64(in, CAF_USES) : 1;
	uint64_t ttl = in->has[CAF_TTL] ? casign_u64(in, CAF_TTL) : ISSUER_TOKEN_TTL;
	uint64_t life = casign_u64(in, CAF_LIFETIME);

	if (uses < 1 || uses > ISSUER_TOKEN_USES)
		return why_set(w, ZT_E_RANGE, "--uses: 1 to %d", ISSUER_TOKEN_USES);
	if (ttl < 1 || ttl > ISSUER_TOKEN_LONGEST)
		return why_set(w, ZT_E_RANGE, "--ttl: 1 second to 366 days");
	if (in->has[CAF_LIFETIME] && (life < CERT_LIFETIME_MIN || life > CERT_LIFETIME_MAX))
		return why_set(w, ZT_E_RANGE, "--lifetime: a certificate lives for %d seconds to ten years", CERT_LIFETIME_MIN);
	t->approve = issuer_flag(in, CAF_APPROVE);
	if (ttl > ISSUER_TOKEN_OPEN && t->ncidr == 0 && !t->approve)
		return why_set(w, ZT_E_DENIED, "--ttl: longer than 24 hours only with --cidr or --approve: a token that is found "
			       "later must not be enough");
	t->uses = (uint32_t)uses;
	t->lifetime = (int64_t)life;
	t->created = issuer_now(is);
	t->expires = t->created + (int64_t)ttl;
	return 0;
}

int issuer_token_new(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	const struct casign *in = ask->in;
	struct reg_token t = {0};
	char name[TOKEN_NAME];
	int rc = read_role(&t, in, w);

	if (rc == 0)
		rc = read_names(is, &t, in, w);
	if (rc == 0)
		rc = read_nets(&t, in->field[CAF_CIDR], w);
	if (rc == 0)
		rc = read_limits(is, &t, in, w);
	if (rc < 0)
		return rc;
	random_bytes(t.id, sizeof t.id);
	random_bytes(t.secret, sizeof t.secret);
	rc = registry_add_token(is->o.registry, &t, w);
	if (rc == 0) {
		issuer_put_copy(ask, out, CAF_TOKEN, t.id, sizeof t.id);
		issuer_put_copy(ask, out, CAF_SECRET, t.secret, sizeof t.secret);
		issuer_put_num(ask, out, CAF_TTL, (uint64_t)(t.expires - t.created));
		LOG(is->o.log, LOG_INFO, "join token made", LF_STR("event", "token"), LF_STR("token", token_name(t.id, name)),
		    LF_STR("role", cert_role(t.role)->name), LF_STR("name", t.name), LF_STR("user", t.user),
		    LF_U64("uses", t.uses), LF_I64("expires", t.expires), LF_BOOL("approve", t.approve));
	}
	wipe(&t, sizeof t);
	return rc;
}

/* By what people read in lists and logs: the first digits of its id, 12 or more. */
static int find_by_digits(struct issuer *is, struct span digits, const struct reg_token **out, struct why *w)
{
	const struct reg_token *t;
	char hex[2 * TOKEN_ID];

	if (digits.n < TOKEN_NAME - 1 || digits.n > sizeof hex)
		return why_set(w, ZT_E_SYNTAX, "a token is named by the first %d digits of its id, as the list shows it", TOKEN_NAME - 1);
	*out = NULL;
	for (size_t i = 0; (t = registry_token_at(is->o.registry, i)); i++) {
		ct_hex_encode(t->id, TOKEN_ID, hex);
		if (!span_eq(digits, span_of(hex, digits.n)))
			continue;
		if (*out)
			return why_set(w, ZT_E_EXISTS, "two tokens begin with these digits: give more of them");
		*out = t;
	}
	return *out ? 0 : why_set(w, ZT_E_NOTFOUND, "there is no such token");
}

int issuer_token_revoke(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	const struct casign *in = ask->in;
	const struct reg_token *t = NULL;
	char name[TOKEN_NAME];
	bool was;
	int rc = 0;

	if (in->has[CAF_TOKEN] == in->has[CAF_NAME])
		return why_set(w, ZT_E_USAGE, "name one token");
	if (in->has[CAF_NAME])
		rc = find_by_digits(is, in->field[CAF_NAME], &t, w);
	else if (!(t = registry_token(is->o.registry, in->field[CAF_TOKEN].p)))
		rc = why_set(w, ZT_E_NOTFOUND, "there is no such token");
	if (rc < 0 || !t)
		return rc;
	issuer_put_copy(ask, out, CAF_TOKEN, t->id, TOKEN_ID);
	token_name(t->id, name);
	was = t->revoked;
	if (!was)
		rc = registry_revoke_token(is->o.registry, t->id, w);
	if (rc < 0)
		return rc;
	issuer_put_num(ask, out, CAF_COUNT, was ? 0 : 1);
	LOG(is->o.log, LOG_INFO, "join token revoked", LF_STR("event", "token"), LF_STR("token", name));
	return 0;
}

/* ---- rejected by hand --------------------------------------------------------------------------------
 *
 * A joiner that waits asks every few seconds. Without a memory of the no, its next question would wait for a yes
 * again, and it would never be told. It is kept for as long as this process lives: what comes back after that
 * waits for a yes and gets nothing by it. */

static void turn_away(struct issuer *is, const uint8_t key[static 32])
{
	memcpy(is->turned_away[is->nturned++ % ISSUER_REJECTED], key, 32);
}

bool issuer_rejected(const struct issuer *is, const uint8_t key[static 32])
{
	for (size_t i = 0; i < is->nturned && i < ISSUER_REJECTED; i++)
		if (span_eq(span_of(is->turned_away[i], 32), span_of(key, 32)))
			return true;
	return false;
}

static const struct reg_pending *pending_number(const struct issuer *is, uint64_t number)
{
	const struct reg_pending *p;

	for (size_t i = 0; (p = registry_pending_at(is->o.registry, i)) != NULL; i++)
		if (p->number == number)
			return p;
	return NULL;
}

int issuer_settle(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t number = casign_u64(ask->in, CAF_NUMBER);
	bool yes = issuer_flag(ask->in, CAF_ON);
	const struct reg_pending *p = pending_number(is, number);
	struct reg_pending it = p ? *p : (struct reg_pending){0};
	int rc = registry_settle_pending(is->o.registry, number, yes, w);

	(void)out;
	if (rc == 0 && !yes)
		turn_away(is, it.key);
	if (rc == -ZT_E_NOTFOUND)
		return why_set(w, ZT_E_NOTFOUND, "no join of this number waits");
	if (rc == 0)
		LOG(is->o.log, LOG_INFO, yes ? "join approved" : "join refused by hand", LF_STR("event", "settle"),
		    LF_U64("number", number));
	return rc;
}
