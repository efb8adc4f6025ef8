/*
 * sessions: what is kept of finished handshakes so that the next one with the same peer is short
 * (RFC 5246 section F.1.4). A session is found only together with what it was made for: `bound`
 * is a hash over plan, name, protocol, epoch, and a session that is asked for with another one
 * is not there. So a session never enters under rules other than those it was made under.
 *
 * Servers look by session id; clients by a key that the worker chose, and get the leaf of the
 * peer back too, for it is checked again every time. Bounded by BOUND_TLS_SESSIONS, each lives
 * for an hour. Secrets are wiped when a session is forgotten.
 */
#ifndef ZT_SESSIONS_H
#define ZT_SESSIONS_H

#include "base/bounds.h"
#include "base/clock.h"
#include "base/span.h"
#include "base/tlskdf.h"
#include "base/err.h"

#define SESSION_LIFE_S 3600
#define SESSION_KEY 32
#define SESSION_LEAF 4096 /* of a client's peer; a session of one with a longer leaf is not kept */

struct sessions;

struct session_key {
	bool client;                /* which side: they never meet */
	uint8_t key[SESSION_KEY];   /* server: session id; client: the worker's */
	uint8_t bound[32];
};

struct session {
	uint16_t suite;
	uint8_t id[32];
	uint8_t id_n;
	uint8_t verdict;            /* enum tls_fault of the chain, as it was then */
	uint8_t master[TLS_MASTER]; /* secret */
	struct span leaf;           /* client: DER, owned by the cache */
};

/* bounds and clock are borrowed. 0 or -ZT_E_NOMEM. */
int sessions_new(struct sessions **out, struct bounds *b, const struct clock *clock);
void sessions_free(struct sessions *s); /* NULL is allowed */
/* Copies what it is given, in place of what was under that key. Full: the oldest goes first. */
void sessions_put(struct sessions *s, const struct session_key *k, const struct session *v);
/* NULL: not there, too old, or bound to something else. Valid until the next call; never across
 * a turn of the loop. */
const struct session *sessions_get(struct sessions *s, const struct session_key *k);
void sessions_drop(struct sessions *s, const struct session_key *k);
size_t sessions_count(const struct sessions *s);

/* What a session is bound to. */
void session_bind(uint8_t out[static 32], bool client, uint32_t epoch, uint16_t plan, struct span name,
		  struct span alpn);

#endif
