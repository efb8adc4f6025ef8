/* relay: what worker.c and conn.c share of one jailed relay worker. Nobody else includes this. */
#ifndef ZT_RELAY_H
#define ZT_RELAY_H

#include "base/pool.h"
#include "io/child.h"
#include "io/couple.h"
#include "io/doors.h"
#include "io/outside.h"
#include "io/realm.h"
#include "io/sockduct.h"

struct conn;

struct relay {
	struct child child;
	struct doors doors;
	struct outside out;
	struct realm web;
	struct pool conns;
	struct bufs *bufs;
	struct conn *first; /* every connection */
	struct timer silence; /* conn.c's: of the first that ends of it */
	uint64_t accepted, bytes[2]; /* bytes: of connections that have ended */
};

/* conn.c */
void conn_pool_init(struct relay *w);
void conn_accepted(struct relay *w, int fd, const struct addr *peer);
void conn_reloaded(struct relay *w);
void conn_end_all(struct relay *w); /* at once: the process is about to end */
uint64_t conn_bytes(const struct relay *w, unsigned side); /* so far: 0 from clients, 1 to them */

/* worker.c: a connection has gone. */
void relay_one_less(struct relay *w);

#endif
