/*
 * listen: the listening sockets of a supervisor: bound once, lent to children, kept over
 * restarts and reloads, so that no connection in a queue is lost. Never accepts one.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "super_int.h"

static bool has_fd(const struct listeners *set, int fd)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->l[i].fd == fd)
			return true;
	return false;
}

void super_close_rest(struct listeners *gone, const struct listeners *kept)
{
	for (size_t i = 0; i < gone->n; i++)
		if (!has_fd(kept, gone->l[i].fd))
			close(gone->l[i].fd);
	gone->n = 0;
}

/* A child that serves may close its end a while later, when it is scheduled: until then it would go
 * on accepting, and the address could not be bound again. */
void super_end_rest(struct listeners *gone, const struct listeners *kept)
{
	for (size_t i = 0; i < gone->n; i++)
		if (!has_fd(kept, gone->l[i].fd))
			shutdown(gone->l[i].fd, SHUT_RDWR);
	super_close_rest(gone, kept);
}

/* The socket that is open for this address and not yet in `taken`: two listeners on port 0 look
 * alike and are two. */
static int already_open(const struct listeners *have, const struct addr *at, const struct listeners *taken)
{
	for (size_t i = 0; i < have->n; i++)
		if (addr_eq(&have->l[i].at, at) && !has_fd(taken, have->l[i].fd))
			return have->l[i].fd;
	return -1;
}

int super_bind(struct listeners *out, const struct super_role *role, const struct conf *c,
	       const struct listeners *have, struct why *w)
{
	struct addr want[LISTENERS];
	size_t count = role->listen ? role->listen(c, want) : 0;

	out->n = 0;
	for (size_t i = 0; i < count; i++) {
		int fd = already_open(have, &want[i], out);

		if (fd < 0)
			fd = net_listen(&(struct net_listen){.at = want[i]}, w);
		if (fd < 0) {
			super_close_rest(out, have);
			return fd;
		}
		out->l[out->n++] = (struct listening){want[i], fd};
	}
	return 0;
}

/* listen() on a listening socket changes nothing; on one that shutdown() ended it begins again,
 * on the same port. Only one that was connected elsewhere is beyond that. */
static int mend(struct listening *l, struct why *w)
{
	int fd;

	if (fcntl(l->fd, F_SETFL, O_NONBLOCK) == 0 && listen(l->fd, NET_BACKLOG) == 0)
		return 0;
	close(l->fd); /* first: it may hold the port */
	fd = net_listen(&(struct net_listen){.at = l->at}, w);
	if (fd < 0)
		fd = socket(l->at.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != l->fd && fd >= 0) { /* the number stays: the next configuration may share it */
		dup3(fd, l->fd, O_CLOEXEC);
		close(fd);
	}
	return w->err == ZT_OK ? 0 : -(int)w->err;
}

void super_mend(struct super *s)
{
	for (size_t i = 0; i < s->open.n; i++) {
		struct why w = {0};

		if (mend(&s->open.l[i], &w) < 0)
			LOG(&s->log, LOG_ERROR, "a child broke a listening socket, and it cannot be opened again",
			    LF_STR("reason", w.text));
	}
}
