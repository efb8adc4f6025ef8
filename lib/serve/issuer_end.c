/*
 * issuer_end: what a certificate is worth now, and how that ends: revoked, suspended, copied. Owns the
 * judgement that lists, renewals and answers share, so that no two of them ever differ.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "issuer_int.h"

/* RFC 5280 section 5.3.1. */
enum { REASON_NONE = 0, REASON_SUPERSEDED = 4, REASON_CESSATION = 5, REASON_HOLD = 6 };

static bool is_retired(const struct issuer *is, const struct reg_cert *c, int64_t *since)
{
	const struct reg_anchor *a = issuer_generation(is, cert_role(c->role)->anchor, c->generation);

	if (!a || a->state != ANCHOR_RETIRED)
		return false;
	*since = a->since;
	return true;
}

static void judge_end(const struct issuer *is, const struct reg_cert *c, int64_t now, struct issuer_worth *out)
{
	out->state = CERT_REVOKED;
	if (c->revoked) {
		out->reason = c->reason;
		out->since = c->ended;
	} else if (c->superseded && now >= c->superseded + RENEWAL_GRACE) {
		out->reason = REASON_SUPERSEDED;
		out->since = c->superseded + RENEWAL_GRACE;
	} else if (is_retired(is, c, &out->since)) {
		out->reason = REASON_CESSATION;
	} else if (c->suspended) {
		out->state = CERT_SUSPENDED;
		out->reason = REASON_HOLD;
		out->since = c->ended;
	} else {
		out->state = c->superseded ? CERT_SUPERSEDED : CERT_GOOD;
	}
}

void issuer_judge(const struct issuer *is, const struct reg_cert *c, int64_t now, struct issuer_worth *out)
{
	*out = (struct issuer_worth){.reason = REASON_NONE};
	judge_end(is, c, now, out);
	out->expired = now >= c->not_after;
	out->live = !out->expired && out->state != CERT_REVOKED;
	if (out->expired && (out->state == CERT_GOOD || out->state == CERT_SUPERSEDED))
		out->state = CERT_EXPIRED;
}

const struct reg_cert *issuer_newest(const struct issuer *is, const struct reg_cert *c)
{
	const struct reg_cert *n = registry_by_name(is->o.registry, span_str(c->id));

	return n ? n : c;
}

const struct reg_cert *issuer_parent(const struct issuer *is, const struct reg_cert *c)
{
	return issuer_zero(c->parent, CERT_SERIAL) ? NULL : registry_find(is->o.registry, c->parent);
}

/* ---- what is meant ---------------------------------------------------------------------------- */

/* Serials, because records change what the registry's pointers point to. */
struct meant {
	uint8_t (*serial)[CERT_SERIAL];
	size_t n, cap;
	const char *rest; /* another live certificate of the identity that was not meant; its name */
};

static int mean(struct meant *m, struct arena *mem, const struct reg_cert *c)
{
	if (m->n == m->cap) { /* an identity has few: the arena bounds it */
		size_t cap = m->cap ? 2 * m->cap : 16;
		uint8_t (*more)[CERT_SERIAL] = arena_get(mem, cap * CERT_SERIAL);

		if (!more)
			return -ZT_E_FULL;
		if (m->n)
			memcpy(more, m->serial, m->n * CERT_SERIAL);
		m->serial = more;
		m->cap = cap;
	}
	memcpy(m->serial[m->n++], c->serial, CERT_SERIAL);
	return 0;
}

/* All with this name or id that still count, and the newest in any case: its key may be known to somebody
 * although its time is over. Usually they are one identity; where another registry was adopted two may
 * share a name, and then both are meant. */
static int mean_named(struct issuer *is, struct arena *mem, const char *name, struct meant *m)
{
	const struct reg_cert *newest = registry_by_name(is->o.registry, span_str(name)), *c;
	int64_t now = issuer_now(is);
	struct issuer_worth worth;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (c = registry_at(is->o.registry, i)); i++) {
		if (!span_eq_str(span_str(name), c->name) && !span_eq_str(span_str(name), c->id))
			continue;
		issuer_judge(is, c, now, &worth);
		if (worth.live || c == newest)
			rc = mean(m, mem, c);
	}
	return rc;
}

static int mean_serial(struct issuer *is, struct arena *mem, struct span serial, struct meant *m, struct why *w)
{
	const struct reg_cert *c = registry_find(is->o.registry, serial.p), *o;
	struct issuer_worth worth;

	if (!c)
		return why_set(w, ZT_E_NOTFOUND, "this authority has issued no certificate with this serial");
	for (o = issuer_newest(is, c); o; o = issuer_parent(is, o)) {
		issuer_judge(is, o, issuer_now(is), &worth);
		if (o != c && worth.live)
			m->rest = o->name;
	}
	return mean(m, mem, c);
}

static int find_meant(struct issuer *is, const struct issuer_ask *ask, struct meant *m, struct why *w)
{
	const struct casign *in = ask->in;
	char name[CERT_NAME_MAX + 1];

	if (in->has[CAF_SERIAL] + in->has[CAF_NAME] + in->has[CAF_USER] != 1)
		return why_set(w, ZT_E_USAGE, "name one: a serial, a name or a user");
	if (in->has[CAF_SERIAL])
		return mean_serial(is, ask->mem, in->field[CAF_SERIAL], m, w);
	if (span_to_cstr(in->field[CAF_NAME], name, sizeof name) < 0 || !registry_by_name(is->o.registry, span_str(name)))
		return why_set(w, ZT_E_NOTFOUND, "this authority has issued no certificate with this name or id");
	return mean_named(is, ask->mem, name, m) < 0 ? why_set(w, ZT_E_FULL, "too many at once") : 0;
}

static void put_counts(const struct issuer_ask *ask, struct casign *out, const struct meant *m, uint64_t changed)
{
	struct wr text = wr_of(arena_get(ask->mem, 480), 480);

	issuer_put_num(ask, out, CAF_COUNT, changed);
	issuer_put_num(ask, out, CAF_TOTAL, m->n);
	if (!m->rest || !text.p)
		return;
	wr_fmt(&text, "another certificate of the same identity is still good: name it by '%s' to mean both", m->rest);
	casign_put(out, CAF_TEXT, wr_span(&text));
}

/* ---- revoke ----------------------------------------------------------------------------------- */

/* What somebody may say: not "hold" (that is suspend), not what is said of authorities. */
static bool reason_ok(unsigned reason)
{
	static const uint8_t good[] = {0, 1, 3, 4, 5, 9};

	for (size_t i = 0; i < sizeof good; i++)
		if (good[i] == reason)
			return true;
	return false;
}

static int revoke_one(struct issuer *is, const uint8_t serial[static CERT_SERIAL], int reason, uint64_t *changed,
		      struct why *w)
{
	const struct reg_cert *c = registry_find(is->o.registry, serial);
	int rc;

	if (!c || c->revoked)
		return 0;
	rc = registry_revoke(is->o.registry, serial, reason, w);
	if (rc < 0)
		return rc;
	issuer_changed(is);
	(*changed)++;
	c = registry_find(is->o.registry, serial);
	LOG(is->o.log, LOG_INFO, "certificate revoked", LF_STR("event", "revoke"), LF_STR("name", c->name),
	    LF_STR("user", c->user), LF_STR("id", c->id), LF_I64("reason", reason));
	return 0;
}

/* Else the user's next join would undo it. */
static int revoke_tokens(struct issuer *is, struct span user, struct why *w)
{
	const struct reg_token *t;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (t = registry_token_at(is->o.registry, i)); i++)
		if (!t->revoked && span_eq_str(user, t->user))
			rc = registry_revoke_token(is->o.registry, t->id, w);
	return rc;
}

/* Tokens first: a crash between leaves no way back in. A record changes a certificate and never their order. */
static int revoke_user(struct issuer *is, struct span user, int reason, struct meant *m, uint64_t *changed, struct why *w)
{
	int rc = revoke_tokens(is, user, w);
	uint8_t serial[CERT_SERIAL];
	const struct reg_cert *c;
	struct issuer_worth worth;

	for (size_t i = 0; rc == 0 && (c = registry_at(is->o.registry, i)); i++) {
		issuer_judge(is, c, issuer_now(is), &worth);
		if (!worth.live || !span_eq_str(user, c->user))
			continue;
		memcpy(serial, c->serial, sizeof serial);
		m->n++;
		rc = revoke_one(is, serial, reason, changed, w);
	}
	return rc;
}

static int revoke_meant(struct issuer *is, const struct issuer_ask *ask, int reason, struct meant *m, uint64_t *changed,
			struct why *w)
{
	int rc = find_meant(is, ask, m, w);

	for (size_t i = 0; i < m->n && rc == 0; i++)
		rc = revoke_one(is, m->serial[i], reason, changed, w);
	return rc;
}

int issuer_revoke(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	const struct casign *in = ask->in;
	int reason = (int)casign_u64(in, CAF_REASON);
	bool user = in->has[CAF_USER] && !in->has[CAF_SERIAL] && !in->has[CAF_NAME];
	uint64_t changed = 0;
	struct meant m = {0};
	int rc;

	if (!reason_ok((unsigned)reason))
		return why_set(w, ZT_E_RANGE, "--reason: %d is not a reason to revoke a certificate for", reason);
	rc = user ? revoke_user(is, in->field[CAF_USER], reason, &m, &changed, w)
		  : revoke_meant(is, ask, reason, &m, &changed, w);
	if (rc == 0)
		put_counts(ask, out, &m, changed);
	return rc;
}

/* ---- suspend ---------------------------------------------------------------------------------- */

static int suspend_one(struct issuer *is, const uint8_t serial[static CERT_SERIAL], bool on, uint64_t *changed,
		       struct why *w)
{
	const struct reg_cert *c = registry_find(is->o.registry, serial);
	int rc;

	if (!c || c->revoked || c->suspended == on)
		return 0;
	rc = registry_suspend(is->o.registry, serial, on, w);
	if (rc < 0)
		return rc;
	issuer_changed(is);
	(*changed)++;
	c = registry_find(is->o.registry, serial);
	LOG(is->o.log, LOG_INFO, on ? "certificate suspended" : "certificate good again", LF_STR("event", "suspend"),
	    LF_STR("name", c->name), LF_STR("user", c->user), LF_STR("id", c->id));
	return 0;
}

int issuer_suspend(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	bool on = issuer_flag(ask->in, CAF_ON);
	uint64_t changed = 0;
	struct meant m = {0};
	int rc = find_meant(is, ask, &m, w);

	for (size_t i = 0; i < m.n && rc == 0; i++)
		rc = suspend_one(is, m.serial[i], on, &changed, w);
	if (rc == 0)
		put_counts(ask, out, &m, changed);
	return rc;
}

/* ---- copied ----------------------------------------------------------------------------------- */

int issuer_alarm(struct issuer *is, const struct reg_cert *c, const char *what, struct span peer, struct why *w)
{
	char name[CERT_NAME_MAX + 1], id[CERT_ID + 1];
	uint64_t changed = 0;
	struct meant m = {0};
	struct arena mem;
	int rc;

	memcpy(name, c->name, sizeof name);
	memcpy(id, c->id, sizeof id);
	arena_init(&mem, CASIGN_MAX);
	rc = mean_named(is, &mem, id, &m);
	for (size_t i = 0; i < m.n && rc == 0; i++)
		rc = suspend_one(is, m.serial[i], true, &changed, w);
	arena_free(&mem);
	LOG(is->o.log, LOG_ERROR, "a certificate was copied", LF_STR("event", "alarm"), LF_STR("name", name),
	    LF_STR("id", id), LF_SPAN("peer", peer), LF_STR("reason", what), LF_U64("suspended", changed));
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "alarm: '%s' was copied, and that it is suspended could not be written down", name);
	return why_set(w, ZT_E_DENIED, "alarm: '%s' was copied: %s. All its certificates are suspended", name, what);
}

int issuer_seen(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	const uint8_t *serial = ask->in->field[CAF_SERIAL].p;
	const struct reg_cert *c = registry_find(is->o.registry, serial);
	int64_t mono = (int64_t)(clock_mono(is->o.clock) / NS_PER_S); /* the wall clock may jump */
	struct issuer_worth worth;

	(void)out;
	if (!c)
		return why_set(w, ZT_E_DENIED, "this authority has issued no such certificate");
	issuer_judge(is, c, issuer_now(is), &worth);
	if (worth.state != CERT_GOOD && worth.state != CERT_SUPERSEDED)
		return why_set(w, ZT_E_DENIED, "the certificate is %s", cert_state_name(worth.state));
	if (!is->seen.row) {
		is->seen.cap = (unsigned)is->o.bounds->row[BOUND_CA_SIGHTINGS].cap;
		is->seen.row = calloc(is->seen.cap, sizeof *is->seen.row);
		if (!is->seen.row)
			return why_set(w, ZT_E_NOMEM, "no memory to watch for copied certificates");
	}
	registry_seen(is->o.registry, serial);
	if (sightings_add(&is->seen, serial, ask->in->field[CAF_INSTANCE].p, mono))
		return issuer_alarm(is, c, "two show it at the same time", ask->in->field[CAF_PEER], w);
	return 0;
}
