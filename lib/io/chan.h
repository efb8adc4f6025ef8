/*
 * chan: the two one-way channels between a supervisor and a child.
 *
 * Orders go down a SOCK_SEQPACKET pair, because they carry descriptors. Words come up a pipe in
 * packet mode, because they must not: whoever receives a descriptor also closes it, and close()
 * of the last reference to a socket with SO_LINGER waits for that socket's peer. A child that
 * fell into wrong hands could hold up its supervisor for hours. A pipe carries bytes only, and
 * the supervisor's end of the pair takes nothing.
 *
 * Whole messages, never blocks, never queues: the kernel's own buffers are the bound, and a
 * full one is an error that the owner answers (a child that does not read is ended).
 */
#ifndef ZT_CHAN_H
#define ZT_CHAN_H

#include <sys/types.h>

#include "wire/ipc.h"
#include "wire/workmsg.h"

#define CHAN_FDS BOUND_CAP(BOUND_IPC_FDS)

struct chan_ends {
	int super_orders, super_words, child_orders, child_words;
};

struct chan_msg {
	struct ipc_msg ipc; /* payload points into bytes */
	int fds[CHAN_FDS];  /* of an order: now ours to close; CLOEXEC */
	size_t nfds;
	uint8_t bytes[BOUND_CAP(BOUND_IPC_BYTES)];
};

int chan_open(struct chan_ends *out); /* all non-blocking, CLOEXEC */

/* An order, with descriptors that stay the caller's. 0, -ZT_E_AGAIN when the child does not
 * read, -ZT_E_CLOSED, -ZT_E_TOOLONG. */
int chan_order(int fd, const struct ipc_msg *m, const int *fds, size_t nfds);
int chan_say(int fd, const struct ipc_msg *m); /* the child's word; answers the same */

/* Both: 1 with a message, 0 when none is waiting, -ZT_E_CLOSED at the end, -ZT_E_SYNTAX,
 * -ZT_E_UNKNOWN, -ZT_E_TOOLONG for one that must not be believed; then no descriptor is kept. */
int chan_take_order(int fd, struct chan_msg *out);
int chan_hear(int fd, struct chan_msg *out);
void chan_close_fds(struct chan_msg *m);

/* The same for packets of any kind between two children, which are linked by such a pair: chan_send() as
 * chan_order(). chan_recv(): > 0 bytes, and *nfds descriptors that are now ours to close; 0 when none is
 * waiting; -ZT_E_CLOSED; -ZT_E_TOOLONG. */
int chan_send(int fd, struct span packet, const int *fds, size_t nfds);
ssize_t chan_recv(int fd, void *mem, size_t cap, int fds[static CHAN_FDS], size_t *nfds);

/* The next packet, if there is one: take() says whether it can be believed, 0 or < 0, and makes -1 of what it keeps of fds;
 * the others are closed. 1 when one was taken; else as chan_recv(). */
#define CHAN_PACKET WORKMSG_MAX /* nobody says more */
struct chan_packet {
	struct span bytes;
	int fds[CHAN_FDS];
	size_t nfds;
};
int chan_next(int fd, int (*take)(void *ctx, struct chan_packet *p), void *ctx);

#endif
