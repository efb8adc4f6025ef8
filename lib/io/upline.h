/* upline: packets of wire/upmsg on a socket: between a supervisor and its successor, and with their shepherd. */
#ifndef ZT_UPLINE_H
#define ZT_UPLINE_H

#include "base/err.h"
#include "chan.h"
#include "wire/upmsg.h"

/* One packet. 0 or -ZT_E_... */
int upmsg_send(int fd, const struct upmsg *m, const int *fds, size_t nfds);
/* 1 with a message, whose descriptors are the caller's; 0: none; -ZT_E_CLOSED, -ZT_E_VERSION, ... */
int upmsg_hear(int fd, uint8_t mem[static UPMSG_BYTES], struct upmsg *m, int fds[static CHAN_FDS], size_t *nfds);
void upmsg_drop(const int *fds, size_t n); /* closes them */

#endif
