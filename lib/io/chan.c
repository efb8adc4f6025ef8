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

int chan_order(int fd, const struct ipc_msg *m, const int *fds, size_t nfds)
{
	uint8_t bytes[BOUND_CAP(BOUND_IPC_BYTES)];
	struct wr w = wr_of(bytes, sizeof bytes);
	struct iovec iov = {.iov_base = bytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	ssize_t n;

	ipc_write(&w, m);
	if (w.full || nfds > CHAN_FDS)
		return -ZT_E_TOOLONG;
	iov.iov_len = w.n;
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
static void take_fds(struct msghdr *msg, struct chan_msg *out)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	out->nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	ZT_ASSERT(out->nfds <= CHAN_FDS); /* the control buffer holds no more */
	memcpy(out->fds, CMSG_DATA(c), out->nfds * sizeof(int));
}

int chan_take_order(int fd, struct chan_msg *out)
{
	struct iovec iov = {.iov_base = out->bytes, .iov_len = sizeof out->bytes};
	union control control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
			     .msg_controllen = sizeof control.room};
	ssize_t n;
	int rc;

	out->nfds = 0;
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return -ZT_E_CLOSED;
	take_fds(&msg, out); /* an empty datagram may carry some too */
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		rc = -ZT_E_TOOLONG;
	else if (n == 0)
		rc = -ZT_E_CLOSED;
	else
		rc = ipc_read(span_of(out->bytes, (size_t)n), 's', &out->ipc);
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
	for (size_t i = 0; i < m->nfds; i++)
		close(m->fds[i]);
	m->nfds = 0;
}
