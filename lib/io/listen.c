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
static int already_open(const struct listeners *have, const struct listening *want, const struct listeners *taken)
{
	for (size_t i = 0; i < have->n; i++)
		if (have->l[i].index == want->index && addr_eq(&have->l[i].at, &want->at) && !has_fd(taken, have->l[i].fd))
			return have->l[i].fd;
	return -1;
}

/* The first of several makes sure that nobody else is there; the others join it, on the port that it got. Where that one
 * is the socket of a process that still serves (an upgrade to more workers), those who knock go there until super_mend(). */
static int open_one(const struct listening *want, unsigned copies, int first, bool joins, struct why *w)
{
	struct net_listen o = {.at = want->at, .reuseport = copies > 1, .first = want->index == 0,
			       .later = joins && want->index > 0};
	int on = 1;

	if (o.later)
		setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on); /* it may have been the only one */
	if (want->at.port == 0 && want->index > 0)
		o.at.port = net_local(first).port;
	return net_listen(&o, w);
}

static unsigned copies_of(const struct super_role *role, const struct conf *c)
{
	unsigned n = 1;

	for (size_t i = 0; i < role->n; i++)
		if (role->children[i].listeners && role->children[i].count)
			n = role->children[i].count(c);
	ZT_ASSERT(n > 0);
	return n;
}

int super_bind(struct listeners *out, const struct super_role *role, const struct conf *c,
	       const struct listeners *have, struct why *w)
{
	struct addr want[LISTENERS];
	size_t count = role->listen ? role->listen(c, want) : 0;
	const unsigned copies = copies_of(role, c);
	bool joins = false;
	int first = -1;

	out->n = 0;
	for (size_t i = 0; i < count * copies; i++) {
		struct listening one = {.at = want[i / copies], .index = (unsigned)(i % copies)};

		one.fd = already_open(have, &one, out);
		joins = one.index == 0 ? one.fd >= 0 : joins;
		if (one.fd < 0)
			one.fd = open_one(&one, copies, first, joins, w);
		if (one.fd < 0) {
			super_close_rest(out, have);
			return one.fd;
		}
		first = one.index == 0 ? one.fd : first;
		out->l[out->n++] = one;
	}
	return 0;
}

/* listen() on a listening socket changes nothing; on one that shutdown() ended it begins again,
 * on the same port. Only one that was connected elsewhere is beyond that. */
static int mend(struct listening *l, bool reuseport, struct why *w)
{
	int fd;

	if (fcntl(l->fd, F_SETFL, O_NONBLOCK) == 0 && listen(l->fd, NET_BACKLOG) == 0)
		return 0;
	close(l->fd); /* first: it may hold the port */
	fd = net_listen(&(struct net_listen){.at = l->at, .reuseport = reuseport}, w);
	if (fd < 0)
		fd = socket(l->at.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != l->fd && fd >= 0) { /* the number stays: the next configuration may share it */
		dup3(fd, l->fd, O_CLOEXEC);
		close(fd);
	}
	return w->err == ZT_OK ? 0 : -(int)w->err;
}

void super_mend(const struct kid *k)
{
	struct super *s = k->super;

	for (size_t i = 0; i < s->open.n; i++) {
		struct why w = {0};

		if (s->open.l[i].index == k->index && mend(&s->open.l[i], kid_count(s, k->what) > 1, &w) < 0)
			LOG(&s->log, LOG_ERROR, "a child broke a listening socket, and it cannot be opened again",
			    LF_STR("reason", w.text));
	}
}

void super_rest(const struct kid *k)
{
	struct super *s = k->super;
	bool others = false;

	if (s->up.begin.heir && !s->announced) /* whoever serves until then has the same socket, and would not mend it */
		return;
	for (size_t i = 0; i < s->nkids; i++)
		others |= s->kids[i].what == k->what && s->kids[i].part == KID_SERVES && s->kids[i].state == KID_UP;
	for (size_t i = 0; others && i < s->open.n; i++)
		if (s->open.l[i].index == k->index)
			shutdown(s->open.l[i].fd, SHUT_RDWR);
}
