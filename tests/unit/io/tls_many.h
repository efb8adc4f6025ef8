/*
 * tls_many: several connections of tls_kit at once, and two pretended tlsds.
 */
#ifndef ZT_TLS_MANY_H
#define ZT_TLS_MANY_H

#include "tlsconn_kit.h"

#define MANY 16
static struct peer peers[MANY];
static struct conn conns[MANY];
static struct fake second; /* the tlsd after the first */

static inline int start(unsigned i)
{
	memset(&peers[i], 0, sizeof peers[i]);
	side_connect(&peers[i].side, &(struct side_opts){.name = "a.example"});
	return kit_accept(&conns[i], &peers[i]);
}

/* Peers, loop and one tlsd; not until anything in particular. */
static inline void run_all(unsigned n)
{
	for (unsigned turn = 0, idle = 0; turn < 5000 && idle < 4; turn++) {
		uint64_t before = loop_stats(kit_loop).events;
		bool did = false;

		loop_turn(kit_loop, idle ? 1 : 0);
		did |= fake_step(&kit_fake);
		did |= fake_step(&second);
		for (unsigned i = 0; i < n; i++)
			did |= peer_step(&peers[i]);
		idle = did || loop_stats(kit_loop).events != before ? 0 : idle + 1;
	}
}

static inline void drop_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kit_drop(&conns[i], &peers[i]);
}

static inline void open_world(void)
{
	kit_open_without_line();
	fake_init(&second, -1, &kit_cert);
}

static inline void close_world(void)
{
	CHECK_INT(second.bad, 0);
	kit_close();
	fake_die(&second);
}

#endif
