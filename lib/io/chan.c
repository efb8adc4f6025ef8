/* chan: sendmsg and recvmsg around orders, write and read around words. */
#include "chan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

_Static_assert(BOUND_CAP(BOUND_IPC_BYTES) <= PIPE_BUF, "a word is one packet of the pipe, or none");

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int) * CHAN_FDS)];
};

int chan_open(struct chan_ends *out)
{
	int pair[2], words[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return -(int)err_from_errno(errno);
	/* From here on whatever the child sends up the pair is refused in the child's own call. */
	if (shutdown(pair[0], SHUT_RD) < 0 || pipe2(words, O_DIRECT | O_NONBLOCK | O_CLOEXEC) < 0) {
		int saved = errno;

		close(pair[0]);
		close(pair[1]);
		return -(int)err_from_errno(saved);
	}
	*out = (struct chan_ends){pair[0], words[0], pair[1], words[1]};
	return 0;
}

static int sent(ssize_t n)
{
	if (n >= 0)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? -ZT_E_CLOSED : -(int)err_from_errno(errno);
}

int chan_send(int fd, struct span packet, const int *fds, size_t nfds)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)packet.p, .iov_len = packet.n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	ssize_t n;

	if (nfds > CHAN_FDS)
		return -ZT_E_TOOLONG;
	if (nfds) {
		struct cmsghdr *c;

		msg.msg_control = control.room;
		msg.msg_controllen = (socklen_t)CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return sent(n);
}

int chan_order(int fd, const struct ipc_msg *m, const int *fds, size_t nfds)
{
	uint8_t bytes[BOUND_CAP(BOUND_IPC_BYTES)];
	struct wr w = wr_of(bytes, sizeof bytes);

	ipc_write(&w, m);
	return w.full ? -ZT_E_TOOLONG : chan_send(fd, wr_span(&w), fds, nfds);
}

int chan_say(int fd, const struct ipc_msg *m)
{
	uint8_t bytes[BOUND_CAP(BOUND_IPC_BYTES)];
	struct wr w = wr_of(bytes, sizeof bytes);
	ssize_t n;

	ipc_write(&w, m);
	if (w.full)
		return -ZT_E_TOOLONG;
	do
		n = write(fd, bytes, w.n);
	while (n < 0 && errno == EINTR);
	return sent(n);
}

/* One header is all there can be: the kernel merges descriptors, and no other kind of control
 * message was switched on for this socket. */
static size_t take_fds(struct msghdr *msg, int *fds)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	size_t n;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	ZT_ASSERT(n <= CHAN_FDS); /* the control buffer holds no more */
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

ssize_t chan_recv(int fd, void *mem, size_t cap, int fds[static CHAN_FDS], size_t *nfds)
{
	struct iovec iov = {.iov_base = mem, .iov_len = cap};
	union control control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
			     .msg_controllen = sizeof control.room};
	ssize_t n;

	*nfds = 0;
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -ZT_E_CLOSED;
	*nfds = take_fds(&msg, fds); /* an empty datagram may carry some too */
	if (n > 0 && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return n;
	close_all(fds, *nfds);
	*nfds = 0;
	return n == 0 ? -ZT_E_CLOSED : -ZT_E_TOOLONG;
}

int chan_next(int fd, int (*take)(void *ctx, struct chan_packet *p), void *ctx)
{
	uint8_t mem[CHAN_PACKET];
	struct chan_packet p;
	ssize_t n = chan_recv(fd, mem, sizeof mem, p.fds, &p.nfds);
	int rc;

	if (n <= 0)
		return (int)n;
	p.bytes = span_of(mem, (size_t)n);
	rc = take(ctx, &p);
	for (size_t i = 0; i < p.nfds; i++)
		if (p.fds[i] >= 0)
			close(p.fds[i]);
	return rc < 0 ? rc : 1;
}

int chan_take_order(int fd, struct chan_msg *out)
{
	ssize_t n = chan_recv(fd, out->bytes, sizeof out->bytes, out->fds, &out->nfds);
	int rc = n > 0 ? ipc_read(span_of(out->bytes, (size_t)n), 's', &out->ipc) : 0;

	if (n <= 0)
		return (int)n;
	if (rc < 0)
		chan_close_fds(out);
	return rc < 0 ? rc : 1;
}

int chan_hear(int fd, struct chan_msg *out)
{
	ssize_t n;
	int rc;

	out->nfds = 0;
	do
		n = read(fd, out->bytes, sizeof out->bytes);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -ZT_E_CLOSED;
	rc = ipc_read(span_of(out->bytes, (size_t)n), 'c', &out->ipc);
	return rc < 0 ? rc : 1;
}

void chan_close_fds(struct chan_msg *m)
{
	close_all(m->fds, m->nfds);
	m->nfds = 0;
}
