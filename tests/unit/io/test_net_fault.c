/* What accept4(), socket() and connect() may say, one after the other. The tests call real
 * sockets too; faults are set just before the turn that is meant to meet them. */
#include "tests/unit/io/net_kit.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/wrapio.h"

TEST(every_answer_of_accept_is_dealt_with)
{
	static const struct {
		int sys;
		bool pauses;
		unsigned shed;
	} v[] = {
		{EINTR, false, 0},      {ECONNABORTED, false, 0}, {EPROTO, false, 0},   {EPERM, false, 0},
		{ENETDOWN, false, 0},   {EHOSTUNREACH, false, 0}, {ENOPROTOOPT, false, 0},
		{EMFILE, true, 1},      {ENFILE, true, 1},        {ENOBUFS, true, 0},   {ENOMEM, true, 0},
		{EINVAL, true, 0},      {EBADF, true, 0},         {EIO, true, 0}, /* nothing we know: never spin */
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct door d;
		struct addr at = open_door(&d);
		int fd[3];

		for (int k = 0; k < 3; k++)
			fd[k] = client(&at);
		wrap_fail(WRAP_ACCEPT, 2, v[i].sys, 1); /* the second accept of the turn */
		turns(1);
		wrap_reset();
		if (d.l.paused != v[i].pauses || d.l.stats.shed != v[i].shed || d.l.stats.pauses != v[i].pauses)
			unit_fail(__FILE__, __LINE__, "%s: paused %d, shed %d", strerror(v[i].sys), d.l.paused,
				  (int)d.l.stats.shed);
		CHECK_INT(d.got, v[i].pauses ? 1 : 3);
		turns(5);
		clock_fake_step(&now, NET_PAUSE);
		turns(3);
		CHECK_INT(d.got, 3 - v[i].shed);
		close_all(fd, 3);
		close_all(d.fd, d.got);
		listener_close(&d.l);
		loop_free(loop);
	}
}

TEST(an_error_that_never_ends_costs_ten_looks_a_second)
{
	struct door d;
	struct addr at = open_door(&d);
	int fd = client(&at);

	wrap_reset();
	wrap_fail(WRAP_ACCEPT, 1, ENFILE, 1000000);
	for (int ms = 0; ms < 1000; ms++) {
		turns(1);
		clock_fake_step(&now, NS_PER_MS);
	}
	/* each look: one accept, and one more with the spare given up */
	CHECK_INT(wrap_count(WRAP_ACCEPT), 20);
	CHECK(d.l.stats.pauses == 10 && d.l.stats.shed == 0);
	wrap_reset();
	clock_fake_step(&now, NET_PAUSE);
	turns(2);
	CHECK_INT(d.got, 1);
	close(fd);
	close_all(d.fd, d.got);
	loop_free(loop);
}

static void never(struct timer *t, uint64_t now_ns)
{
	(void)t;
	(void)now_ns;
	abort();
}

TEST(a_listener_that_cannot_start_closes_its_socket)
{
	struct addr at = {.family = 4, .ip = {127, 0, 0, 1}};
	struct door d = {0};
	int fd = net_listen(&(struct net_listen){.at = at}, NULL);
	struct timer many[64] = {0};

	start();
	for (size_t i = 0; i < ARRAY_LEN(many); i++) { /* the heap is full: the next has to grow it */
		many[i].fire = never;
		CHECK(loop_timer(loop, &many[i], NS_PER_S));
	}
	at = net_local(fd);
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK_INT(listener_start(&d.l, loop, fd, &door_class), -ZT_E_NOMEM);
	wrap_reset();
	fd = net_listen(&(struct net_listen){.at = at}, NULL); /* so the port is free again */
	CHECK(fd >= 0);
	close(fd);
	loop_free(loop);
}

TEST(socket_and_connect_failures_have_a_name)
{
	static const struct {
		enum wrap_call call;
		int sys, want;
	} v[] = {
		{WRAP_SOCKET, EMFILE, -ZT_E_NOFILES},      {WRAP_SOCKET, ENFILE, -ZT_E_NOFILES},
		{WRAP_SOCKET, ENOBUFS, -ZT_E_SYS},         {WRAP_SOCKET, ENOMEM, -ZT_E_NOMEM},
		{WRAP_SOCKET, EAFNOSUPPORT, -ZT_E_UNREACHABLE},
		{WRAP_CONNECT, ECONNREFUSED, -ZT_E_REFUSED}, {WRAP_CONNECT, ENETUNREACH, -ZT_E_UNREACHABLE},
		{WRAP_CONNECT, EHOSTUNREACH, -ZT_E_UNREACHABLE}, {WRAP_CONNECT, EADDRNOTAVAIL, -ZT_E_UNREACHABLE},
		{WRAP_CONNECT, EAGAIN, -ZT_E_UNREACHABLE}, {WRAP_CONNECT, EACCES, -ZT_E_PERM},
		{WRAP_CONNECT, ETIMEDOUT, -ZT_E_TIMEOUT},
	};
	struct addr to = {.family = 4, .ip = {127, 0, 0, 1}, .port = 9};
	struct why why = {0};
	int first = dup(0), fd;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		wrap_fail(v[i].call, 1, v[i].sys, 1);
		CHECK_INT(net_connect(&to), v[i].want);
		wrap_reset();
	}
	wrap_fail(WRAP_CONNECT, 1, EINTR, 1); /* goes on in the background */
	fd = net_connect(&to);
	CHECK(fd >= 0);
	close(fd);
	wrap_reset();
	wrap_fail(WRAP_SOCKET, 1, EMFILE, 1);
	CHECK_INT(net_listen(&(struct net_listen){.at = to}, &why), -ZT_E_NOFILES);
	CHECK(strstr(why.text, "127.0.0.1:9") && strstr(why.text, "ulimit -n"));
	wrap_reset();
	why = (struct why){0};
	wrap_fail(WRAP_SOCKET, 1, EAFNOSUPPORT, 1);
	net_listen(&(struct net_listen){.at = {.family = 6, .port = 9}}, &why);
	CHECK(strstr(why.text, "[::]:9") && strstr(why.text, "no IPv6"));
	wrap_reset();
	close(first);
	fd = dup(0);
	CHECK_INT(fd, first); /* nothing was left open */
	close(fd);
}
