/*
 * poller: epoll and poll() back ends. They allocate their tables when sources are added and
 * own nothing else; a source belongs to whoever added it.
 *
 * Measured with one ready descriptor among 9,000 idle ones: docs/benchmarks.md (epoll is
 * O(ready), poll() is O(watched)); hence epoll first, poll() where it is denied.
 */
#include "poller.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/num.h"

struct poller {
	int epfd;              /* epoll */
	struct pollfd *fds;    /* poll(): fds[i] belongs to owners[i], whose slot is i */
	struct source **owners;
	size_t n, cap;
	size_t first;          /* poll(): where the next scan starts, for fairness */
};

static int open_common(struct poller **out)
{
	struct poller *p = calloc(1, sizeof *p);

	if (p == NULL)
		return -ZT_E_NOMEM;
	p->epfd = -1;
	*out = p;
	return 0;
}

static int fd_common(const struct poller *p)
{
	return p->epfd;
}

static void free_common(struct poller *p)
{
	if (p->epfd >= 0)
		close(p->epfd);
	free(p->fds);
	free(p->owners);
	free(p);
}

/* ---- epoll ------------------------------------------------------------------------------ */

static int epoll_backend_open(struct poller **out)
{
	int rc = open_common(out);

	if (rc < 0)
		return rc;
	(*out)->epfd = epoll_create1(EPOLL_CLOEXEC);
	if ((*out)->epfd >= 0)
		return 0;
	rc = -(int)err_from_errno(errno);
	free_common(*out);
	return rc;
}

static struct epoll_event epoll_interest(struct source *s, unsigned want)
{
	struct epoll_event e = {.data.ptr = s};

	if (want & LOOP_IN)
		e.events |= EPOLLIN;
	if (want & LOOP_OUT)
		e.events |= EPOLLOUT;
	return e;
}

static int epoll_backend_add(struct poller *p, struct source *s, unsigned want)
{
	struct epoll_event e = epoll_interest(s, want);

	return epoll_ctl(p->epfd, EPOLL_CTL_ADD, s->fd, &e) == 0 ? 0 : -(int)err_from_errno(errno);
}

static void epoll_backend_change(struct poller *p, struct source *s, unsigned want)
{
	struct epoll_event e = epoll_interest(s, want);

	/* Fails only for a descriptor that is not there: a bug of ours. */
	ZT_ASSERT(epoll_ctl(p->epfd, EPOLL_CTL_MOD, s->fd, &e) == 0);
}

static void epoll_backend_remove(struct poller *p, struct source *s)
{
	/* Explicit, because another process may hold the same open file and keep it watched. */
	ZT_ASSERT(epoll_ctl(p->epfd, EPOLL_CTL_DEL, s->fd, NULL) == 0);
}

static int epoll_backend_wait(struct poller *p, int timeout_ms, struct ready out[static POLLER_BATCH])
{
	struct epoll_event ev[POLLER_BATCH];
	int n = epoll_wait(p->epfd, ev, POLLER_BATCH, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -ZT_E_SYS;
	for (int i = 0; i < n; i++) {
		out[i] = (struct ready){.s = ev[i].data.ptr};
		if (ev[i].events & EPOLLIN)
			out[i].events |= LOOP_IN;
		if (ev[i].events & EPOLLOUT)
			out[i].events |= LOOP_OUT;
		if (ev[i].events & (EPOLLERR | EPOLLHUP))
			out[i].events |= LOOP_HUP;
	}
	return n;
}

const struct poller_class poller_epoll = {
	.name = "epoll",
	.open = epoll_backend_open,
	.fd = fd_common,
	.free = free_common,
	.add = epoll_backend_add,
	.change = epoll_backend_change,
	.remove = epoll_backend_remove,
	.wait = epoll_backend_wait,
};

/* ---- poll() ----------------------------------------------------------------------------- */

static short poll_interest(unsigned want)
{
	return (short)((want & LOOP_IN ? POLLIN : 0) | (want & LOOP_OUT ? POLLOUT : 0));
}

static bool poll_backend_grow(struct poller *p)
{
	size_t cap = p->cap ? p->cap * 2 : 16;
	struct pollfd *fds = realloc(p->fds, cap * sizeof *fds);
	struct source **owners;

	if (fds == NULL)
		return false;
	p->fds = fds;
	owners = realloc(p->owners, cap * sizeof *owners);
	if (owners == NULL)
		return false;
	p->owners = owners;
	p->cap = cap;
	return true;
}

static int poll_backend_add(struct poller *p, struct source *s, unsigned want)
{
	if (p->n >= UINT32_MAX / 2 || (p->n == p->cap && !poll_backend_grow(p)))
		return -ZT_E_NOMEM;
	s->slot = (uint32_t)p->n;
	p->fds[p->n] = (struct pollfd){.fd = s->fd, .events = poll_interest(want)};
	p->owners[p->n++] = s;
	return 0;
}

static void poll_backend_change(struct poller *p, struct source *s, unsigned want)
{
	p->fds[s->slot].events = poll_interest(want);
}

static void poll_backend_remove(struct poller *p, struct source *s)
{
	size_t last = --p->n;

	ZT_ASSERT(p->owners[s->slot] == s);
	p->fds[s->slot] = p->fds[last];
	p->owners[s->slot] = p->owners[last];
	p->owners[s->slot]->slot = s->slot;
}

static int poll_backend_wait(struct poller *p, int timeout_ms, struct ready out[static POLLER_BATCH])
{
	int hits = poll(p->fds, (nfds_t)p->n, timeout_ms), n = 0;
	size_t at = 0;

	if (hits < 0)
		return errno == EINTR ? 0 : -ZT_E_SYS;
	for (size_t i = 0; i < p->n && n < hits && n < POLLER_BATCH; i++) {
		short got;

		at = (p->first + i) % p->n;
		got = p->fds[at].revents;
		if (got == 0)
			continue;
		ZT_ASSERT(!(got & POLLNVAL));
		out[n++] = (struct ready){p->owners[at], (got & POLLIN ? LOOP_IN : 0u) |
								  (got & POLLOUT ? LOOP_OUT : 0u) |
								  (got & (POLLERR | POLLHUP) ? LOOP_HUP : 0u)};
	}
	p->first = n == POLLER_BATCH ? at + 1 : 0;
	return n;
}

const struct poller_class poller_poll = {
	.name = "poll",
	.open = open_common,
	.fd = fd_common,
	.free = free_common,
	.add = poll_backend_add,
	.change = poll_backend_change,
	.remove = poll_backend_remove,
	.wait = poll_backend_wait,
};
