/* upline: see upline.h. Owns nothing. */
#include "upline.h"

#include <unistd.h>

int upmsg_send(int fd, const struct upmsg *m, const int *fds, size_t nfds)
{
	uint8_t mem[UPMSG_BYTES];
	struct wr w = wr_of(mem, sizeof mem);

	upmsg_write(&w, m);
	return w.full ? -ZT_E_TOOLONG : chan_send(fd, wr_span(&w), fds, nfds);
}

int upmsg_hear(int fd, uint8_t mem[static UPMSG_BYTES], struct upmsg *m, int fds[static CHAN_FDS], size_t *nfds)
{
	ssize_t n = chan_recv(fd, mem, UPMSG_BYTES, fds, nfds);
	int rc;

	/* Where the other end was closed with something of ours unread, that is told first, and once; then its last words. */
	if (n == -ZT_E_CLOSED)
		n = chan_recv(fd, mem, UPMSG_BYTES, fds, nfds);
	rc = n > 0 ? upmsg_read(span_of(mem, (size_t)n), m) : (int)n;

	return n > 0 && rc == 0 ? 1 : rc;
}

void upmsg_drop(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}
