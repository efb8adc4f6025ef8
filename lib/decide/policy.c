/*
 * policy: the evaluator of policy.h: a table of stages, each a question to the same input. Owns nothing, knows
 * no clock and no table that changes behind its back. A stage can refuse and never allow: that nothing has
 * refused is what allows, and access refuses whatever has no line that lets it in.
 */
#include "policy.h"

#include "base/jsonw.h"
#include "base/num.h"

static const struct {
	const char *name, *text;
	uint16_t status;
	bool again;
} reasons[POLICY_REASON_COUNT] = {
#define X(id, name, status, again, text) [id] = {name, text, status, again},
	POLICY_REASONS(X)
#undef X
};

const char *policy_name(enum policy_reason r)
{
	return reasons[r].name;
}

const char *policy_text(enum policy_reason r)
{
	return reasons[r].text;
}

unsigned policy_status(enum policy_reason r)
{
	return reasons[r].status;
}

bool policy_again(enum policy_reason r)
{
	return reasons[r].again;
}

enum policy_reason policy_shown(enum policy_reason r)
{
	/* Where two reasons have different answers that a stranger must not tell apart, their status is the
	 * same too: test_policy.c asks. */
	static const uint8_t instead[POLICY_REASON_COUNT] = {
		[POLICY_NO_HOST] = POLICY_MISDIRECTED,
		[POLICY_NO_ACCESS] = POLICY_CERT_NEEDED,
		[POLICY_CERT_UNTRUSTED] = POLICY_CERT_NEEDED,
		[POLICY_CERT_ROLE] = POLICY_CERT_NEEDED,
		[POLICY_CERT_EXPIRED] = POLICY_CERT_NEEDED,
		[POLICY_CERT_UNKNOWN] = POLICY_CERT_NEEDED,
		[POLICY_CERT_SUSPENDED] = POLICY_CERT_NEEDED,
		[POLICY_CERT_REVOKED] = POLICY_CERT_NEEDED,
		[POLICY_NO_LIST] = POLICY_STALE,
		[POLICY_NOT_GRANTED] = POLICY_NO_CONNECTOR,
	};

	return instead[r] ? (enum policy_reason)instead[r] : r;
}

int policy_host_of(const struct policy_rules *p, struct span name)
{
	for (int wildcard = 0; wildcard < 2; wildcard++)
		for (size_t i = 0; i < p->hosts; i++)
			if (names_match(p->host[i].names, name, wildcard))
				return (int)i;
	return -1;
}

/* ---- the stages -------------------------------------------------------------------------- */

struct at {
	const struct policy_rules *p;
	const struct policy_request *q;
	const struct policy_host *host; /* from the TLS profile on */
	struct policy_answer *a;
};

static enum policy_reason limits(struct at *at)
{
	const struct policy_request *q = at->q;
	/* Only of the connection's own host: the limit of another one would tell that it exists. */
	const struct policy_host *h = q->plan < at->p->hosts ? &at->p->host[q->plan] : NULL;

	if (q->draining)
		return POLICY_DRAINING;
	if (q->over_rate)
		return POLICY_RATE;
	/* A body of unknown length is counted while it passes, by who passes it on. */
	return h && h->max_body && q->body != POLICY_BODY_UNKNOWN && q->body > h->max_body ? POLICY_TOO_LARGE
											    : POLICY_ALLOWED;
}

static enum policy_reason bans(struct at *at)
{
	return at->q->banned_until > at->q->now ? POLICY_BANNED : POLICY_ALLOWED;
}

/* The plan was fixed by the hello. A name that belongs to another plan was asked for under other rules: other
 * certificates may have been demanded there. */
static enum policy_reason tls_profile(struct at *at)
{
	if (!at->q->tls)
		return POLICY_PLAIN;
	if (at->a->host < 0)
		return POLICY_NO_HOST;
	if ((unsigned)at->a->host != at->q->plan)
		return POLICY_MISDIRECTED;
	at->host = &at->p->host[at->a->host];
	return POLICY_ALLOWED;
}

static enum policy_reason rules(struct at *at)
{
	(void)at; /* sections [rule NAME] do not exist yet */
	return POLICY_ALLOWED;
}

static const uint8_t of_status[STATUS_VERDICT_COUNT] = {
	[STATUS_YES] = POLICY_ALLOWED,
	[STATUS_NO_LIST] = POLICY_NO_LIST,
	[STATUS_IS_STALE] = POLICY_STALE,
	[STATUS_NOT_KNOWN] = POLICY_CERT_UNKNOWN,
	[STATUS_IS_SUSPENDED] = POLICY_CERT_SUSPENDED,
	[STATUS_IS_REVOKED] = POLICY_CERT_REVOKED,
};

static enum policy_reason cert_counts(const struct policy_cert *c, int64_t now)
{
	if (!c->presented)
		return POLICY_CERT_NEEDED;
	if (!c->verified)
		return POLICY_CERT_UNTRUSTED;
	if ((c->not_before || c->not_after) && (now < c->not_before || now > c->not_after))
		return POLICY_CERT_EXPIRED;
	if (!c->listed)
		return POLICY_ALLOWED;
	return (unsigned)c->status < STATUS_VERDICT_COUNT ? (enum policy_reason)of_status[c->status] : POLICY_CERT_UNKNOWN;
}

static enum policy_reason identity(struct at *at)
{
	at->a->cert = cert_counts(&at->q->cert, at->q->now);
	at->a->who = at->a->cert == POLICY_ALLOWED ? WHO_CERT : WHO_ANYBODY;
	return POLICY_ALLOWED;
}

/* "https://" and a name, maybe a port: the name, or an empty span. Browsers write it in lower case. */
static struct span origin_name(struct span origin)
{
	struct span name, port;

	if (!span_starts(origin, "https://"))
		return SPAN_NONE;
	origin = span_sub(origin, 8, origin.n);
	if (span_cut(origin, ':', &name, &port)) {
		uint64_t n;

		if (span_u64(port, 65535, &n) < 0)
			return SPAN_NONE;
	}
	return name_is_dns(name) ? name : SPAN_NONE;
}

/* A page of another site can make a browser open a WebSocket with this user's certificate, and read it: the
 * rule of same origin does not hold for them. Programs that are no browsers send no Origin. */
static bool may_upgrade(const struct policy_host *h, const struct policy_request *q)
{
	const char *const *text = h->origins ? h->origins->items : NULL;

	if (!q->upgrade || q->origin.n == 0 || name_matches(q->host, origin_name(q->origin)))
		return true;
	for (size_t i = 0; text && i < h->origins->n; i++)
		if (span_ieq(q->origin, span_str(text[i])) || span_eq_str(SPAN_LIT("*"), text[i]))
			return true;
	return false;
}

static enum policy_reason by_cert(const struct at *at)
{
	if (at->a->cert != POLICY_ALLOWED)
		return at->a->cert;
	/* The bit of a role that does not exist is never set. */
	if (at->host->roles && (at->q->cert.role >= 32 || !(at->host->roles & 1u << at->q->cert.role)))
		return POLICY_CERT_ROLE;
	return POLICY_ALLOWED;
}

static enum policy_reason access_line(struct at *at)
{
	enum policy_reason r = POLICY_NO_ACCESS;

	if (at->host->access == ACCESS_PUBLIC)
		r = POLICY_ALLOWED;
	else if (at->host->access == ACCESS_CERT)
		r = by_cert(at);
	return r == POLICY_ALLOWED && !may_upgrade(at->host, at->q) ? POLICY_ORIGIN : r;
}

static enum policy_reason cache(struct at *at)
{
	(void)at; /* nothing is cached yet */
	return POLICY_ALLOWED;
}

enum policy_reason policy_of_route(enum policy_route r)
{
	static const uint8_t of_route[ROUTES] = {
		[ROUTE_UNASKED] = POLICY_ALLOWED, [ROUTE_LOCAL] = POLICY_ALLOWED,
		[ROUTE_CONNECTOR] = POLICY_ALLOWED, [ROUTE_ANSWER] = POLICY_ALLOWED,
		[ROUTE_NONE] = POLICY_NO_ROUTE, [ROUTE_NOT_GRANTED] = POLICY_NOT_GRANTED,
		[ROUTE_NO_CONNECTOR] = POLICY_NO_CONNECTOR, [ROUTE_ORIGIN_DOWN] = POLICY_ORIGIN_DOWN,
	};

	return (unsigned)r < ROUTES ? (enum policy_reason)of_route[r] : POLICY_NO_ROUTE;
}

static enum policy_reason route(struct at *at)
{
	return policy_of_route(at->q->route);
}

static const struct {
	const char *name;
	enum policy_reason (*check)(struct at *at);
} stages[] = {
	{"limits", limits},
	{"bans", bans},
	{"tls", tls_profile},
	{"rules", rules},
	{"identity", identity},
	{"access", access_line},
	{"cache", cache},
	{"route", route},
};

/* ---- what is said about it --------------------------------------------------------------- */

static void put_peer_text(struct wr *w, struct span s)
{
	jsonw_escape(w, s, 253);
}

static void say_identity(struct wr *w, const struct at *at)
{
	if (at->a->who == WHO_CERT) {
		wr_str(w, "certificate ");
		put_peer_text(w, span_str(at->q->cert.id));
		wr_str(w, " counts");
	} else {
		wr_str(w, "anybody: ");
		wr_str(w, policy_text(at->a->cert));
	}
}

static void say(struct wr *w, size_t stage, enum policy_reason r, const struct at *at)
{
	static const char *const access_names[] = {"none", "public", "cert"};

	if (w == NULL)
		return;
	wr_str(w, stages[stage].name);
	wr_str(w, r == POLICY_ALLOWED ? ": " : ": REFUSED: ");
	if (r != POLICY_ALLOWED) {
		wr_str(w, policy_text(r));
	} else if (stages[stage].check == identity) {
		say_identity(w, at);
	} else if (stages[stage].check == tls_profile) {
		wr_str(w, "host ");
		wr_str(w, at->host->id);
		wr_str(w, " for ");
		put_peer_text(w, at->q->host);
	} else if (stages[stage].check == access_line) {
		wr_str(w, "access = ");
		wr_str(w, access_names[at->host->access]);
	} else {
		wr_str(w, "pass");
	}
	wr_u8(w, '\n');
}

void policy_decide(const struct policy_rules *p, const struct policy_request *q, struct policy_answer *out,
		   struct wr *trace)
{
	struct at at = {.p = p, .q = q, .a = out};
	enum policy_reason r = POLICY_ALLOWED;

	*out = (struct policy_answer){.host = policy_host_of(p, q->host), .cert = POLICY_CERT_NEEDED};
	for (size_t i = 0; i < ARRAY_LEN(stages) && r == POLICY_ALLOWED; i++) {
		r = stages[i].check(&at);
		say(trace, i, r, &at);
	}
	out->allow = r == POLICY_ALLOWED;
	out->reason = r;
	out->status = policy_status(r);
	/* RFC 9110 section 15.5.20: a client may try a misdirected request again, on another connection. */
	out->close = out->status == 421 || r == POLICY_DRAINING || r == POLICY_TOO_LARGE;
}
