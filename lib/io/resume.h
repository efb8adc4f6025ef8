/*
 * resume: the session of an earlier handshake that this one begins with, and the one that it leaves. Part of a
 * struct engine; for engine.c only. All zero, `sessions` and `key` set: ready.
 */
#ifndef ZT_RESUME_H
#define ZT_RESUME_H

#include "sessions.h"
#include "tls_br.h"

struct resume {
	const br_ssl_session_cache_class *cache; /* server: BearSSL is given a pointer to it */
	struct sessions *sessions;  /* NULL: neither look for one nor keep one */
	struct session_key key;
	/* the session that was found */
	uint8_t id[32];
	size_t id_n;                /* 0: none was */
	enum tls_fault verdict;     /* client: of its chain, then */
	struct span leaf;           /* client: of its chain */
};

/* Server, with sessions: BearSSL finds and keeps them there. */
void resume_serve(struct resume *r, br_ssl_server_context *s);
/* Client: gives c the session, if there is one; its leaf is copied to mem. Else false. */
bool resume_offer(struct resume *r, br_ssl_engine_context *c, struct arena *mem);
/* Is p, in the end, the session that was found? */
bool resume_worked(const struct resume *r, const br_ssl_session_parameters *p);
/* Client, with sessions: keeps p, with what is known of the peer. */
void resume_keep(struct resume *r, const br_ssl_session_parameters *p, struct span leaf, enum tls_fault verdict);
/* The handshake did: a session that a client offered in it is not good. */
void resume_failed(struct resume *r);

#endif
