/*
 * upstream_int: what upstream.c (a way as it is opened, used and kept) and upstream_local.c (a connection to a local
 * origin) share. Nobody else includes it.
 */
#ifndef ZT_UPSTREAM_INT_H
#define ZT_UPSTREAM_INT_H

#include "base/num.h"
#include "decide/share.h"
#include "io/sockduct.h"
#include "tunnel.h"
#include "upstream.h"

/* A connection of our own. It outlives its upstream until what was put has left. */
struct local {
	struct source src;  /* in the loop once it is dialled: then it has a class */
	struct sockduct sock;
	struct edge *e;
	struct upstream *u; /* NULL: closed */
	const struct conf_host *host;       /* it is of one of these two, of u's site */
	const struct conf_service *service;
	struct dial *dial;
	struct addr peer, at; /* the visitor's, for a PROXY header */
	struct local *prev, *next;
	bool shaking;
	struct tls tls;
};

/* A raw connection's is no more than this. */
struct upstream {
	struct edge *e;
	const struct upstream_user *user;
	void *owner;
	struct duct *d;           /* NULL until it is open */
	struct site *site;
	union {
		struct tunnel *tunnel;  /* d is a stream of it */
		struct local *local;
	};
	bool is_local, is_web;    /* is_web: it is the first of a struct web_way */
};

/* A request's: how long it may take, and what is to be known while no request uses it. */
struct web_way {
	struct upstream u;
	uint32_t epoch;
	uint16_t number;
	uint32_t response_ms, idle_ms, keep_ms;
	struct upstream **slot;   /* while it is kept */
	struct {
		struct web_way *older, *newer;
	} beside[2];              /* of all that are kept, of its tunnel's */
	uint64_t since;
	struct timer timer;
};

SHARE_IS(SHARE_WAY, sizeof(struct web_way) + sizeof(struct local) + sizeof(struct tls_peer) + 3 * SHARE_SLOT);

/* Its user is told while it is still there, and it is closed behind that: the user may do anything with all others. */
void upstream_fail(struct upstream *u, unsigned code, const char *text);
/* A local origin: open() or upstream_fail() in time, perhaps at once. */
void upstream_dial(struct upstream *u, const struct upstream_to *to);
extern const struct duct_user upstream_idle; /* between requests, and before the first */
void local_close(struct local *l, enum zt_err why);

#endif
