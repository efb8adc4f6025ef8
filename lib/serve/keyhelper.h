/*
 * keyhelper: a handshake process (tlsd) for a command that does TLS once and ends: the same
 * jailed child as under a supervisor, so that no command ever holds a private key or a TLS
 * engine beside its network.
 */
#ifndef ZT_KEYHELPER_H
#define ZT_KEYHELPER_H

#include "decide/config.h"
#include "io/super.h"
#include "onechild.h"

#define KEYHELPER_EPOCH ONECHILD_EPOCH /* of its configuration; for tls_world_link() */

struct keyhelper {
	struct onechild child;
	int line; /* the worker's end, for tls_world_link(); the caller's once taken (-1) */
};

/* Starts it with this configuration and waits until it is jailed and ready. Takes what it
 * refuses (a bad certificate file) into *w. */
int keyhelper_start(struct keyhelper *h, const struct conf *c, struct why *w);
/* The same with an identity below the state directory `dir` of its role, and what that is used for. */
int keyhelper_identity(struct keyhelper *h, const struct conf *c, const char *dir, struct why *w);
void keyhelper_stop(struct keyhelper *h); /* harmless when not running */

#endif
