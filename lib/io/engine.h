/*
 * engine: one TLS 1.2 handshake, server or client, over BearSSL, whose types stay behind this
 * header. Records of the peer go in, records for the peer come out; in the end there are keys
 * and facts, or a fault. No descriptor, no clock; it exists only while the handshake runs.
 *
 * The rules of zt's TLS are made here: TLS 1.2, ECDHE with AES-GCM or ChaCha20-Poly1305, X25519,
 * P-256 and P-384, SHA-256 and longer, no renegotiation, resumption only where the caller says so.
 * Randomness is the kernel's and nothing else: see engine.c.
 */
#ifndef ZT_ENGINE_H
#define ZT_ENGINE_H

#include "base/bounds.h"
#include "decide/tlsplan.h"
#include "wire/tlsmsg.h"

struct engine;
struct cred;
struct trust;
struct sessions;
struct session_key;

enum engine_state { ENGINE_GOING, ENGINE_DONE, ENGINE_FAILED };

struct engine_opts {
	bool client;
	const struct cred *cred;    /* server: needed; client: what it shows when asked, or NULL */
	const struct trust *trust;  /* server: whose clients, unless ask is NO; client: needed unless let_through */
	enum tls_ask ask;           /* server */
	bool let_through;           /* client: whatever the chain is, go on and report it: a pin decides */
	bool any_name;              /* client: name is sent, and its certificate may have another */
	struct span name, alpn;     /* server: what the worker read of the hello; client: what to ask for */
	struct span hello;          /* server: the records with the whole ClientHello and nothing else */
	struct sessions *sessions;  /* NULL: neither look for a session nor keep one */
	const struct session_key *key; /* with sessions; of a server's only `bound` counts */
	int64_t now;                /* seconds since 1970 */
};

/* cred, trust and sessions are borrowed until the engine is freed; the rest is copied. Counts
 * under BOUND_TLS_ENGINES. A server has taken the hello then: its answer waits to be taken. 0;
 * -ZT_E_FULL; -ZT_E_NOMEM; -ZT_E_SYNTAX: a name that no certificate can have. What is wrong with
 * the hello is not an error here but makes an engine that has failed already. */
int engine_new(struct engine **out, struct bounds *b, const struct engine_opts *o);
void engine_free(struct engine *e); /* wipes everything; NULL is allowed */

enum engine_state engine_state(const struct engine *e);
/* Takes what it can now and answers how much: less than in.n when records for the peer must be
 * taken first, or when it is over. in: whole records. */
size_t engine_feed(struct engine *e, struct span in);
/* Whole records for the peer, at most cap >= TLSMSG_RECORDS bytes; 0: none now. */
size_t engine_take(struct engine *e, uint8_t *out, size_t cap);
/* ENGINE_DONE: all there is to know. Once: the keys move, and are wiped here. Spans point into the
 * engine. Keeps the session where sessions were given. */
void engine_done(struct engine *e, struct tlsmsg_done *out);
/* ENGINE_FAILED: why. */
struct tlsmsg_fail engine_failure(const struct engine *e);

#endif
