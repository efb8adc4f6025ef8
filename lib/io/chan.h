/*
 * chan: one end of the datagram pair between a supervisor and a child: whole messages, with
 * descriptors. Never blocks, never queues: the pair's own socket buffer is the bound, and a
 * full one is an error that the owner answers (a child that does not read is ended).
 */
#ifndef ZT_CHAN_H
#define ZT_CHAN_H

#include "wire/ipc.h"

#define CHAN_FDS BOUND_CAP(BOUND_IPC_FDS)

struct chan_msg {
	struct ipc_msg ipc; /* payload points into bytes */
	int fds[CHAN_FDS];  /* now ours to close; CLOEXEC */
	size_t nfds;
	uint8_t bytes[BOUND_CAP(BOUND_IPC_BYTES)];
};

int chan_pair(int out[2]); /* non-blocking, CLOEXEC */
int chan_send(int fd, const struct ipc_msg *m, const int *fds, size_t nfds);
/* 1 with a message, 0 when none is waiting, -ZT_E_CLOSED at the end, -ZT_E_SYNTAX,
 * -ZT_E_UNKNOWN, -ZT_E_TOOLONG for a message that must not be believed. from: the other
 * side's letter. On an error no descriptor is kept. */
int chan_recv(int fd, char from, struct chan_msg *out);
void chan_close_fds(struct chan_msg *m);

#endif
