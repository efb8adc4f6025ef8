/*
 * net_kit: sockets of 127.0.0.1 for the tests of net and listen: a client, a door that counts who came, what this process has open.
 */
#ifndef ZT_NET_KIT_H
#define ZT_NET_KIT_H

#include "io/net.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "tests/unit/io/descriptors.h"
#include "tests/unit/unit.h"

static inline struct addr ip(const char *text)
{
	struct addr a;

	CHECK_INT(addr_parse(span_str(text), true, &a), 0);
	return a;
}

static inline int listen_at(const char *text, struct addr *at)
{
	struct why why = {0};
	int fd = net_listen(&(struct net_listen){.at = ip(text)}, &why);

	if (fd < 0)
		unit_fail(__FILE__, __LINE__, "%s", why.text);
	*at = net_local(fd);
	return fd;
}

static inline bool guarded(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* Blocking, decided when it returns: loopback needs nobody to accept. */
static inline int client(const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_INT(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

static struct clock_fake now;
static struct loop *loop;

static inline void start(void)
{
	clock_fake_init(&now, 1000 * NS_PER_S, 0);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &now.clock), 0);
}

struct door {
	struct listener l;
	unsigned got, reaped, close_after;
	struct addr peer;
	int fd[64];
};

static inline void door_accepted(struct listener *ls, int fd, const struct addr *peer)
{
	struct door *d = CONTAINER_OF(ls, struct door, l);

	CHECK(guarded(fd));
	CHECK_INT(d->reaped, 0);
	d->peer = *peer;
	d->fd[d->got++] = fd;
	if (d->got == d->close_after)
		listener_close(ls);
}

static inline void door_reap(struct listener *ls)
{
	CONTAINER_OF(ls, struct door, l)->reaped++;
}

static const struct listener_class door_class = {door_accepted, door_reap};

static inline struct addr open_door(struct door *d)
{
	struct addr at;
	int fd = listen_at("127.0.0.1:0", &at);

	start();
	*d = (struct door){0};
	CHECK_INT(listener_start(&d->l, loop, fd, &door_class), 0);
	return at;
}

static inline void turns(int n)
{
	for (int i = 0; i < n; i++)
		CHECK_INT(loop_turn(loop, 0), 0);
}

static inline void close_all(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
}

#endif
