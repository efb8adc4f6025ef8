/* relay: what worker.c and conn.c share of one jailed relay worker. Nobody else includes this. */
#ifndef ZT_RELAY_H
#define ZT_RELAY_H

#include "base/pool.h"
#include "io/child.h"
#include "io/couple.h"
#include "io/dial.h"
#include "io/doors.h"
#include "io/sockduct.h"
#include "io/sysnames.h"
#include "io/tls.h"

struct conn;

struct relay {
	struct child child;
	struct doors doors;
	struct resolver *resolver;
	struct dialer *dialer;
	struct tls_world *tls;
	struct tls_plan *plan[2]; /* that in force, and room for the next */
	unsigned plan_at;
	struct pool conns;
	struct bufs *bufs;
	struct conn *first; /* every connection */
	uint64_t accepted, bytes[2]; /* bytes: of connections that have ended */
	struct sysnames names; /* prepared */
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
