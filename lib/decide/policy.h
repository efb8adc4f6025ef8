/*
 * policy: THE decision about a request: may it go on, and if not, why, from one closed list. Pure: all that it
 * may lean on is in its input, so that the data path, `zt explain`, policy tests and a log line of last week
 * asked again give the same answer. Asked for each request, for each stream that is opened, and again for each
 * live one when policy, certificate state or configuration change.
 *
 * The stages, in this order, and the first that refuses is the answer:
 *   limits -> bans -> TLS profile -> rules -> identity -> access -> cache -> route
 * Identity refuses nothing by itself: it says who it is, or why the certificate does not count.
 */
#ifndef ZT_POLICY_H
#define ZT_POLICY_H

#include "config.h"
#include "namematch.h"
#include "status.h"
#include "wire/addr.h"

/* id, name in logs, HTTP status, may it be tried again as it is (Retry-After), words for people and logs.
 * What a stranger is told is policy_shown() of it. */
#define POLICY_REASONS(X)                                                                                       \
	X(POLICY_ALLOWED, "allowed", 200, false, "it is allowed")                                               \
	/* limits */                                                                                            \
	X(POLICY_DRAINING, "draining", 503, true, "this edge is being stopped")                                 \
	X(POLICY_RATE, "rate", 429, true, "too many requests from this address")                                \
	X(POLICY_TOO_LARGE, "too-large", 413, false, "the body is larger than this host takes")                 \
	/* bans */                                                                                              \
	X(POLICY_BANNED, "banned", 403, false, "this address is banned for a time")                             \
	/* TLS profile */                                                                                       \
	X(POLICY_PLAIN, "plain", 403, false, "it came without TLS")                                             \
	X(POLICY_NO_HOST, "no-such-host", 421, false, "no host has this name")                                  \
	X(POLICY_MISDIRECTED, "misdirected", 421, false, "this name is not served here, or not on this connection") \
	/* rules: none yet */                                                                                   \
	/* access */                                                                                            \
	X(POLICY_NO_ACCESS, "no-access-line", 403, false, "the host has no `access` line")                      \
	X(POLICY_CERT_NEEDED, "cert-needed", 403, false,                                                        \
	  "a client certificate is needed, and none that counts was shown")                                     \
	X(POLICY_CERT_UNTRUSTED, "cert-untrusted", 403, false, "the certificate is not of a trusted authority") \
	X(POLICY_CERT_ROLE, "cert-role", 403, false, "the certificate's role has no access here")               \
	X(POLICY_CERT_EXPIRED, "cert-expired", 403, false, "the certificate is not valid at this time")         \
	X(POLICY_NO_LIST, "no-status-list", 503, true, "no status list was received since the start")           \
	X(POLICY_STALE, "stale-status-list", 503, true, "the status list is too old")                           \
	X(POLICY_CERT_UNKNOWN, "cert-unknown", 403, false, "the authority does not know the certificate")       \
	X(POLICY_CERT_SUSPENDED, "cert-suspended", 403, false, "the certificate is suspended")                  \
	X(POLICY_CERT_REVOKED, "cert-revoked", 403, false, "the certificate is revoked")                        \
	X(POLICY_ORIGIN, "foreign-origin", 403, false, "an Upgrade asked for by a page of another site")        \
	/* route */                                                                                             \
	X(POLICY_NO_ROUTE, "no-route", 404, false, "no rule serves this name and path")                         \
	X(POLICY_NOT_GRANTED, "not-granted", 503, true, "the connector is not granted this name")               \
	X(POLICY_NO_CONNECTOR, "no-connector", 503, true,                                                       \
	  "no connector that serves this name is connected: is it running at home?")                            \
	X(POLICY_ORIGIN_DOWN, "origin-down", 503, true, "every origin that serves this is unhealthy")

enum policy_reason {
#define X(id, name, status, again, text) id,
	POLICY_REASONS(X)
#undef X
	POLICY_REASON_COUNT
};
const char *policy_name(enum policy_reason r);
const char *policy_text(enum policy_reason r);
unsigned policy_status(enum policy_reason r);
bool policy_again(enum policy_reason r);
/* What an anonymous peer may learn: which names exist, what connectors are granted and what exactly is wrong
 * with a certificate stay in the log. */
enum policy_reason policy_shown(enum policy_reason r);

/* A host as the evaluator sees it. Its place in the table is its policy id and the index of its TLS plan. */
struct policy_host {
	const char *id;                  /* the section's name */
	const struct conf_list *names;
	enum conf_access access;
	unsigned roles;                  /* bits 1 << enum cert_role that count for ACCESS_CERT; 0: any that is verified */
	const struct conf_list *origins; /* strings: pages "https://name" that may ask for an Upgrade beside the
					  * host's own; one "*": any; NULL: none */
	uint64_t max_body;               /* bytes; 0: no limit */
};
struct policy_rules {
	const struct policy_host *host;
	size_t hosts;
};
/* Which host has this canonical name: an exact one before a wildcard. -1: none. */
int policy_host_of(const struct policy_rules *p, struct span name);

struct policy_cert {
	bool presented;
	bool verified;              /* chain, form, purpose and key: tls has accepted it */
	unsigned role;              /* enum cert_role, 0: none in its name */
	uint8_t serial[STATLIST_KEY];
	const char *id;             /* of its zt:// name or its CN, for logs */
	int64_t not_before, not_after; /* both 0: not asked (the handshake was a moment ago) */
	bool listed;                /* it is of an authority of ours, so the status list speaks of it */
	enum status_verdict status; /* with listed */
};

/* What the edge knows of where it would go. */
enum policy_route {
	ROUTE_UNASKED,      /* decide without it */
	ROUTE_LOCAL,        /* an origin of the edge's own */
	ROUTE_CONNECTOR,
	ROUTE_ANSWER,       /* http_status:N, hello_world: the edge answers itself */
	ROUTE_NONE, ROUTE_NOT_GRANTED, ROUTE_NO_CONNECTOR, ROUTE_ORIGIN_DOWN,
	ROUTES
};

enum policy_reason policy_of_route(enum policy_route r); /* for what has no host and no access line: raw connections */

#define POLICY_BODY_UNKNOWN UINT64_MAX
struct policy_request {
	struct span host, path, method; /* canonical */
	struct addr user;               /* whose address counts */
	bool upgrade;                   /* asks for another protocol: WebSocket */
	struct span origin;             /* the Origin field; empty: none */
	uint64_t body;                  /* bytes that are announced; POLICY_BODY_UNKNOWN: chunked; 0: none */
	bool draining, over_rate;       /* limits that have counters elsewhere */
	int64_t banned_until;           /* seconds; 0: never */
	bool tls;
	unsigned plan;                  /* of the connection: fixed by its hello */
	struct policy_cert cert;
	/* No session and no service token exist yet. */
	enum policy_route route;
	int64_t now;                    /* seconds since 1970 */
};

enum policy_who { WHO_ANYBODY, WHO_CERT };
struct policy_answer {
	bool allow;
	enum policy_reason reason;
	unsigned status;                /* 200, or what to answer */
	int host;                       /* -1: none */
	enum policy_who who;            /* WHO_CERT: the certificate counts, whether or not it was asked for */
	enum policy_reason cert;        /* why it does not count: POLICY_CERT_…, POLICY_NO_LIST, POLICY_STALE */
	bool close;                     /* the connection ends with the answer */
};
/* trace: one line a stage, "stage: words\n", or NULL. What a peer wrote is escaped in it. The answer does not
 * depend on it, and when it is full the rest is cut off. */
#define POLICY_TRACE 2048 /* enough for every stage with names of 253 bytes */
void policy_decide(const struct policy_rules *p, const struct policy_request *q, struct policy_answer *out,
		   struct wr *trace);

#endif
