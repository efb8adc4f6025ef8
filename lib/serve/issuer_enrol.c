/*
 * issuer_enrol: one string lets something join. Owns the enrolments between CA_ENROL and CA_PROVE, and what
 * a joiner may learn. Until it has proved that it knows the secret it learns nothing about a token, not
 * even that there is one: a token that does not exist is challenged with a secret that nobody knows, and
 * the same work is done for it. After that, all that ended a token is one sentence; the log tells more.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "issuer_int.h"
#include "wire/csr.h"

#define TALKS BOUND_CAP(BOUND_CA_TALKS)
#define SPKI_MAX 640 /* of an RSA key of 4,096 bits 550 */
#define NAME_TRIES 1000

struct talk {
	uint64_t id;             /* 0: free */
	uint64_t until;          /* mono */
	struct enrol_talk t;
	bool known;              /* there is such a token, and it is for this role */
	uint8_t secret[TOKEN_SECRET];
	uint8_t spki[SPKI_MAX];  /* proved to be the sender's own */
	size_t spki_n;
	char label[ENROL_LABEL + 1], peer[65];
};

struct issuer_talks {
	struct talk talk[TALKS];
};

/* ---- CA_ENROL ----------------------------------------------------------------------------------- */

static void forget(struct issuer *is, struct talk *t)
{
	if (t->id)
		bounds_give(is->o.bounds, BOUND_CA_TALKS, 1);
	wipe(t, sizeof *t);
}

void issuer_talks_free(struct issuer *is)
{
	for (size_t i = 0; is->talks && i < TALKS; i++)
		forget(is, &is->talks->talk[i]);
	free(is->talks);
	is->talks = NULL;
}

/* A free one, or the one that began longest ago. */
static struct talk *new_talk(struct issuer *is)
{
	uint64_t now = clock_mono(is->o.clock);
	struct talk *oldest = &is->talks->talk[0];

	for (size_t i = 0; i < TALKS; i++) {
		struct talk *t = &is->talks->talk[i];

		if (t->id && now >= t->until)
			forget(is, t);
		if (oldest->id && (!t->id || t->until < oldest->until))
			oldest = t;
	}
	if (!bounds_take(is->o.bounds, BOUND_CA_TALKS, 1)) {
		forget(is, oldest);
		bounds_take(is->o.bounds, BOUND_CA_TALKS, 1);
	}
	do
		random_bytes(&oldest->id, sizeof oldest->id);
	while (oldest->id == 0);
	oldest->until = now + ISSUER_TALK_S * NS_PER_S;
	return oldest;
}

static void text_of(char *out, size_t cap, struct span s)
{
	size_t n = num_min(s.n, cap - 1);

	if (n)
		memcpy(out, s.p, n);
	out[n] = 0;
}

/* What it calls itself may be in any language; what is written down is printable ASCII, and no reason to refuse. */
static void plain_text_of(char *out, size_t cap, struct span s)
{
	size_t n = num_min(s.n, cap - 1);

	for (size_t i = 0; i < n; i++)
		out[i] = s.p[i] < ' ' || s.p[i] > '~' ? '?' : (char)s.p[i];
	out[n] = 0;
}

/* The same steps whether there is such a token or not. */
static void choose_secret(struct issuer *is, struct talk *t)
{
	const struct reg_token *token = registry_token(is->o.registry, t->t.token);
	uint8_t nobodys[TOKEN_SECRET];

	random_bytes(nobodys, sizeof nobodys);
	t->known = token && token->role == t->t.role;
	memcpy(t->secret, t->known ? token->secret : nobodys, sizeof t->secret);
	wipe(nobodys, sizeof nobodys);
}

int issuer_enrol(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	const struct casign *in = ask->in;
	uint8_t proof[ENROL_PROOF];
	struct talk *t;
	struct csr csr;
	int rc = csr_read(&csr, in->field[CAF_CSR], w);

	if (rc < 0)
		return rc;
	if (csr.spki.n > SPKI_MAX)
		return why_set(w, ZT_E_KEY, "the certificate request is for a key of a size that zt does not use");
	if (!is->talks)
		is->talks = calloc(1, sizeof *is->talks);
	if (!is->talks)
		return why_set(w, ZT_E_NOMEM, "no memory for enrolments");
	t = new_talk(is);
	t->t.role = (uint8_t)casign_u64(in, CAF_ROLE);
	memcpy(t->t.token, in->field[CAF_TOKEN].p, TOKEN_ID);
	memcpy(t->t.nonce_j, in->field[CAF_NONCE].p, ENROL_NONCE);
	random_bytes(t->t.nonce_a, ENROL_NONCE);
	memcpy(t->t.server, in->field[CAF_SERVER].p, SHA256_LEN);
	sha256(in->field[CAF_CSR], t->t.csr);
	memcpy(t->spki, csr.spki.p, csr.spki.n);
	t->spki_n = csr.spki.n;
	plain_text_of(t->label, sizeof t->label, in->field[CAF_LABEL]);
	text_of(t->peer, sizeof t->peer, in->field[CAF_PEER]);
	choose_secret(is, t);
	enrol_proof(&t->t, t->secret, ENROL_BY_AUTHORITY, proof);
	issuer_put_num(ask, out, CAF_TALK, t->id);
	issuer_put_copy(ask, out, CAF_NONCE, t->t.nonce_a, ENROL_NONCE);
	issuer_put_copy(ask, out, CAF_PROOF, proof, sizeof proof);
	return 0;
}

/* ---- CA_PROVE ----------------------------------------------------------------------------------- */

static void log_refusal(struct issuer *is, const struct talk *t, const char *reason)
{
	char name[TOKEN_NAME];

	LOG(is->o.log, LOG_WARN, "join refused", LF_STR("event", "join"), LF_STR("token", token_name(t->t.token, name)),
	    LF_STR("peer", t->peer), LF_STR("label", t->label), LF_STR("reason", reason));
}

/* One sentence for all of them; only the log is told which. */
static int refuse(struct issuer *is, const struct talk *t, const char *reason, struct why *w)
{
	log_refusal(is, t, reason);
	return why_set(w, ZT_E_TOKEN, "bad, used or expired token");
}

static bool is_near(const struct reg_token *token, const char *peer)
{
	struct addr a;

	if (token->ncidr == 0)
		return true;
	if (addr_parse_ip(span_str(peer), &a) < 0)
		return false;
	for (size_t i = 0; i < token->ncidr; i++) {
		struct cidr net = {.base = token->cidr[i].net, .bits = token->cidr[i].bits};

		if (cidr_has(&net, &a))
			return true;
	}
	return false;
}

/* A certificate that this key joined with, by this token, before: the answer was lost. */
static const struct reg_cert *joined_before(const struct issuer *is, const struct talk *t)
{
	struct issuer_worth worth;
	const struct reg_cert *c;
	uint8_t key[32];

	issuer_key_digest(span_of(t->spki, t->spki_n), key);
	c = registry_by_key(is->o.registry, key);
	if (!c || !span_eq(span_of(c->token, TOKEN_ID), span_of(t->t.token, TOKEN_ID)))
		return NULL;
	issuer_judge(is, c, issuer_now(is), &worth);
	return worth.state == CERT_GOOD ? c : NULL;
}

static const struct reg_pending *waits(const struct issuer *is, const struct talk *t)
{
	const struct reg_pending *p;
	uint8_t key[32];

	issuer_key_digest(span_of(t->spki, t->spki_n), key);
	p = registry_pending_of(is->o.registry, key);
	if (!p || !span_eq(span_of(p->token, TOKEN_ID), span_of(t->t.token, TOKEN_ID)))
		return NULL;
	return issuer_now(is) - p->since < ISSUER_PENDING_S ? p : NULL;
}

/* base, base-2, base-3 … as free names go: each instance has its own identity. A token that was used n
 * times begins behind those. */
static int name_for(struct issuer *is, const struct reg_token *token, char out[static CERT_NAME_MAX + 1], struct why *w)
{
	const char *base = token->name[0] ? token->name : cert_role(token->role)->name;

	for (unsigned k = token->used + 1, end = k + NAME_TRIES; k < end; k++) {
		struct wr name = wr_of(out, CERT_NAME_MAX);

		wr_put(&name, span_sub(span_str(base), 0, k > 1 ? CERT_NAME_MAX - 11 : CERT_NAME_MAX));
		if (k > 1)
			wr_fmt(&name, "-%u", k); /* 11 bytes at most */
		out[name.n] = 0;
		if (issuer_name_free(is, wr_span(&name), NULL) == 0)
			return 0;
	}
	return why_set(w, ZT_E_EXISTS, "no name like '%s' is free", base);
}

static int make_joiner(struct issuer *is, const struct issuer_ask *ask, const struct talk *t, const struct reg_token *token,
		       struct issuer_made *made, struct why *w)
{
	struct issuer_wish wish = {.role = token->role, .spki = span_of(t->spki, t->spki_n), .lifetime = token->lifetime,
				   .clamp = true, .nsans = token->nsans, .token = t->t.token};
	int rc = issuer_key_free(is, wish.spki, "", w);

	if (rc == 0)
		rc = name_for(is, token, wish.name, w);
	if (rc < 0)
		return rc;
	memcpy(wish.user, token->user, sizeof wish.user);
	memcpy(wish.san, token->san, sizeof wish.san);
	return issuer_make(is, &wish, ask->mem, made, w);
}

static int grant(struct issuer *is, const struct issuer_ask *ask, const struct talk *t, const struct issuer_made *made,
		 struct casign *out)
{
	static const struct {
		enum casign_field from;
		enum enrol_field to;
	} fields[] = {
		{CAF_CHAIN, ENF_CHAIN}, {CAF_INFRA, ENF_INFRA}, {CAF_DEVICE, ENF_DEVICE}, {CAF_ACME, ENF_ACME},
		{CAF_REGISTRY, ENF_REGISTRY}, {CAF_TRUST, ENF_TRUST},
	};
	struct enrol granted = {.type = ENROL_GRANTED};
	uint8_t proof[ENROL_PROOF];

	issuer_put_made(ask, out, made);
	issuer_put_trusts(is, ask, out);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		granted.has[fields[i].to] = out->has[fields[i].from];
		granted.field[fields[i].to] = out->field[fields[i].from];
	}
	enrol_grant_proof(&t->t, t->secret, &granted, proof);
	issuer_put_copy(ask, out, CAF_PROOF, proof, sizeof proof);
	return 0;
}

/* Nobody has answered them for a week: they make room. */
static int drop_stale(struct issuer *is, struct why *w)
{
	const struct reg_pending *p;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (p = registry_pending_at(is->o.registry, i));)
		if (issuer_now(is) - p->since >= ISSUER_PENDING_S)
			rc = registry_settle_pending(is->o.registry, p->number, false, w);
		else
			i++;
	return rc;
}

/* A token that waits for somebody's yes is one that may be found: whoever did must not take the place of all
 * other joins. */
static int has_place(const struct issuer *is, const struct reg_token *token, struct why *w)
{
	const struct reg_pending *p;
	size_t waiting = 0;

	for (size_t i = 0; (p = registry_pending_at(is->o.registry, i)); i++)
		waiting += span_eq(span_of(p->token, TOKEN_ID), span_of(token->id, TOKEN_ID));
	return waiting < (size_t)token->uses - token->used + ISSUER_PENDING_MORE ? 0
		: why_set(w, ZT_E_FULL, "too many joins wait for approval by this token");
}

static int add_pending(struct issuer *is, const struct talk *t, const struct reg_token *token, struct why *w)
{
	struct reg_pending p = {.since = issuer_now(is)};
	char name[TOKEN_NAME];
	int rc;

	memcpy(p.token, t->t.token, TOKEN_ID);
	issuer_key_digest(span_of(t->spki, t->spki_n), p.key);
	text_of(p.label, sizeof p.label, span_str(t->label));
	text_of(p.peer, sizeof p.peer, span_str(t->peer));
	rc = drop_stale(is, w);
	if (rc == 0)
		rc = has_place(is, token, w);
	if (rc == 0)
		rc = registry_add_pending(is->o.registry, &p, w);
	if (rc == 0)
		LOG(is->o.log, LOG_INFO, "join waits for a yes", LF_STR("event", "join"), LF_U64("number", p.number),
		    LF_STR("token", token_name(t->t.token, name)), LF_STR("peer", t->peer), LF_STR("label", t->label));
	return rc;
}

/* The secret is known, the token is one that counts. */
static int admit(struct issuer *is, const struct issuer_ask *ask, const struct talk *t, const struct reg_token *token,
		 struct casign *out, struct why *w)
{
	const struct reg_pending *p = waits(is, t);
	uint8_t key[32];
	char name[TOKEN_NAME];
	struct issuer_made made;
	int rc = 0;

	issuer_key_digest(span_of(t->spki, t->spki_n), key);
	if (!p && issuer_rejected(is, key)) {
		log_refusal(is, t, "rejected by hand");
		return why_set(w, ZT_E_TOKEN, "this join was rejected");
	}
	if (token->approve && !(p && p->approved)) {
		if (!p)
			rc = add_pending(is, t, token, w);
		if (rc == 0)
			issuer_put_num(ask, out, CAF_PENDING, ISSUER_ASK_AGAIN_S);
		return rc;
	}
	rc = make_joiner(is, ask, t, token, &made, w);
	if (rc == -ZT_E_TOKEN)
		return refuse(is, t, "used up", w);
	if (rc < 0) {
		log_refusal(is, t, w ? w->text : err_text((enum zt_err)-rc));
		return rc;
	}
	LOG(is->o.log, LOG_INFO, "joined", LF_STR("event", "join"), LF_STR("token", token_name(t->t.token, name)),
	    LF_STR("role", cert_role(made.cert.role)->name), LF_STR("name", made.cert.name), LF_STR("id", made.cert.id),
	    LF_STR("peer", t->peer), LF_STR("label", t->label));
	return grant(is, ask, t, &made, out);
}

/* May this token still let in whoever has its secret? NULL: yes. An approval may come after the end of
 * the token, and counts: the join had begun before. */
static const char *ended(const struct issuer *is, const struct talk *t, const struct reg_token *token)
{
	enum issuer_token_state s = issuer_token_state(token, issuer_now(is));

	if (s == TOKEN_GOOD || (s == TOKEN_EXPIRED && waits(is, t)))
		return NULL;
	return issuer_token_state_name(s);
}

static int prove(struct issuer *is, const struct issuer_ask *ask, const struct talk *t, struct casign *out, struct why *w)
{
	const struct reg_token *token = registry_token(is->o.registry, t->t.token);
	const struct reg_cert *before;
	uint8_t want[ENROL_PROOF];
	struct issuer_made made;
	const char *why_not;
	bool right;
	int rc;

	enrol_proof(&t->t, t->secret, ENROL_BY_JOINER, want);
	right = ct_eq(want, ask->in->field[CAF_PROOF].p, sizeof want);
	wipe(want, sizeof want);
	if (!right || !t->known || !token)
		return refuse(is, t, !token ? "no such token" : !t->known ? "for another role" : "wrong proof", w);
	if (token->revoked)
		return refuse(is, t, "revoked", w);
	if (!is_near(token, t->peer)) {
		log_refusal(is, t, "from another network");
		return why_set(w, ZT_E_TOKEN, "this token is not for joins from %s", t->peer[0] ? t->peer : "there");
	}
	before = joined_before(is, t);
	if (before) {
		rc = issuer_made_before(is, before, ask->mem, &made, w);
		return rc < 0 ? rc : grant(is, ask, t, &made, out);
	}
	why_not = ended(is, t, token);
	return why_not ? refuse(is, t, why_not, w) : admit(is, ask, t, token, out, w);
}

int issuer_prove(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t id = casign_u64(ask->in, CAF_TALK);
	int rc = -ZT_E_TOKEN;
	bool found = false;

	for (size_t i = 0; is->talks && id && i < TALKS && !found; i++) {
		struct talk *t = &is->talks->talk[i];

		if (t->id != id)
			continue;
		found = clock_mono(is->o.clock) < t->until;
		if (found)
			rc = prove(is, ask, t, out, w);
		forget(is, t); /* one question each: a wrong proof is not tried again */
	}
	return found ? rc : why_set(w, ZT_E_TOKEN, "the enrolment took too long: join again");
}
