/* Sockets: addresses, sentences, options, and a listener that never spins. */
#include "io/net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "tests/unit/unit.h"

static struct clock_fake now;
static struct loop *loop;

static void start(void)
{
	clock_fake_init(&now, 1000 * NS_PER_S, 0);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &now.clock), 0);
}

static struct addr ip(const char *text)
{
	struct addr a;

	CHECK_INT(addr_parse(span_str(text), true, &a), 0);
	return a;
}

static int listen_at(const char *text, struct addr *at)
{
	struct why why = {0};
	int fd = net_listen(&(struct net_listen){.at = ip(text)}, &why);

	if (fd < 0)
		unit_fail(__FILE__, __LINE__, "%s", why.text);
	*at = net_local(fd);
	return fd;
}

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool guarded(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* Blocking, decided when it returns: loopback needs nobody to accept. */
static int client(const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_INT(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

TEST(addresses_go_to_the_kernel_and_come_back)
{
	static const char *const texts[] = {"192.0.2.1:443", "[2001:db8::1]:65535", "0.0.0.0:0", "[::]:1"};
	struct sockaddr_storage ss;
	struct addr a, b;
	char text[ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		a = ip(texts[i]);
		a.scope = a.family == 6 ? 3 : 0;
		net_to_sockaddr(&a, &ss);
		b = net_from_sockaddr(&ss);
		CHECK(addr_eq(&a, &b));
	}
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_scope_id = 4};
	memcpy(&mapped.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	ss = (struct sockaddr_storage){0};
	memcpy(&ss, &mapped, sizeof mapped);
	a = net_from_sockaddr(&ss);
	CHECK_STR(addr_text(&a, text), "127.0.0.1:9");
	CHECK_INT(a.scope, 0);
	ss = (struct sockaddr_storage){.ss_family = AF_UNIX};
	CHECK_INT(net_from_sockaddr(&ss).family, 0);
	CHECK_INT(net_local(-1).family, 0);
	CHECK_INT(net_peer(-1).family, 0);
}

TEST(listen_refuses_in_words)
{
	struct why why = {0};
	struct addr at, far = ip("192.0.2.1:0");
	char text[ADDR_TEXT];
	int fd = listen_at("127.0.0.1:0", &at);

	CHECK(guarded(fd));
	CHECK_INT(net_listen(&(struct net_listen){.at = at}, &why), -ZT_E_ADDRINUSE);
	CHECK(strstr(why.text, addr_text(&at, text)) && strstr(why.text, "ss -ltnp") &&
	      strstr(why.text, "another port"));
	CHECK_INT(err_exit(why.err), EXIT_ZT_LOCKED);
	why = (struct why){0};
	CHECK_INT(net_listen(&(struct net_listen){.at = far}, &why), -ZT_E_UNREACHABLE);
	CHECK(strstr(why.text, "192.0.2.1:0") && strstr(why.text, "ip addr"));
	CHECK_INT(net_listen(&(struct net_listen){.at = far}, NULL), -ZT_E_UNREACHABLE);
	close(fd);
	/* what it left in TIME_WAIT does not keep it from starting again */
	fd = net_listen(&(struct net_listen){.at = at}, NULL);
	CHECK(fd >= 0);
	int out = client(&at), in = accept(fd, NULL, NULL);
	close(in);
	CHECK_INT(read(out, text, 1), 0);
	close(out);
	close(fd);
	fd = net_listen(&(struct net_listen){.at = at}, NULL);
	CHECK(fd >= 0);
	close(fd);
}

/* As nobody: is a low port refused with advice? Exit 0 yes, 1 no, 2 the kernel allows it. */
static int low_port_as_nobody(void)
{
	struct why why = {0};

	if (setresuid(65534, 65534, 65534) < 0)
		return 2;
	if (net_listen(&(struct net_listen){.at = ip("127.0.0.1:1")}, &why) >= 0)
		return 2;
	return !(why.err == ZT_E_PERM && strstr(why.text, "127.0.0.1:1") && strstr(why.text, "CAP_NET_BIND_SERVICE"));
}

TEST(a_low_port_without_rights_is_refused_in_words)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(low_port_as_nobody());
	CHECK_INT(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		printf("not checked: this machine lets everybody bind low ports\n");
	else
		CHECK_INT(status, 0);
}

TEST(ipv6_listeners_take_ipv6_only)
{
	struct addr at;
	struct why why = {0};
	int six = net_listen(&(struct net_listen){.at = ip("[::]:0")}, &why), four, on = 0;
	socklen_t n = sizeof on;

	if (six < 0) {
		printf("not checked: no IPv6 here\n");
		return;
	}
	CHECK_INT(getsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &on, &n), 0);
	CHECK_INT(on, 1);
	at = net_local(six);
	at.family = 4;
	four = net_listen(&(struct net_listen){.at = at}, &why); /* 0.0.0.0, the same port */
	CHECK(four >= 0);
	close(four);
	close(six);
}

TEST(reuseport_only_when_asked)
{
	struct addr at = ip("127.0.0.1:0");
	int a, b;

	a = net_listen(&(struct net_listen){.at = at, .reuseport = true}, NULL);
	at = net_local(a);
	b = net_listen(&(struct net_listen){.at = at, .reuseport = true}, NULL);
	CHECK(a >= 0 && b >= 0);
	CHECK_INT(net_listen(&(struct net_listen){.at = at}, NULL), -ZT_E_ADDRINUSE);
	close(a);
	close(b);
}

/* The first of several is alone there, and others join it. */
TEST(the_first_of_several_takes_nobodys_place)
{
	struct addr at = ip("127.0.0.1:0");
	const struct net_listen first = {.at = at, .reuseport = true, .first = true};
	int a = net_listen(&first, NULL), b, met = 0;

	at = net_local(a);
	CHECK_INT(net_listen(&(struct net_listen){.at = at, .reuseport = true, .first = true}, NULL), -ZT_E_ADDRINUSE);
	b = net_listen(&(struct net_listen){.at = at, .reuseport = true}, NULL);
	CHECK(a >= 0 && b >= 0);
	for (int i = 0; i < 64; i++) { /* both get some */
		int c = net_connect(&at);
		struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};

		CHECK(poll(p, 2, 10000) > 0);
		met |= (p[0].revents ? 1 : 0) | (p[1].revents ? 2 : 0);
		close(accept(p[0].revents ? a : b, NULL, NULL));
		close(c);
	}
	CHECK_INT(met, 3);
	close(a);
	CHECK_INT(net_listen(&(struct net_listen){.at = at, .reuseport = true, .first = true}, NULL), -ZT_E_ADDRINUSE);
	close(b);
}

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t n = sizeof v;

	CHECK_INT(getsockopt(fd, level, name, &v, &n), 0);
	return v;
}

TEST(tune_sets_what_it_is_told_and_nothing_else)
{
	static const struct net_tune all = {.nodelay = true, .idle_s = 31, .interval_s = 7, .probes = 4,
					    .user_timeout_ms = 10000, .notsent_lowat = 131072};
	int fd = socket(AF_INET, SOCK_STREAM, 0), idle = option(fd, IPPROTO_TCP, TCP_KEEPIDLE), pair[2];

	CHECK_INT(net_tune(fd, &(struct net_tune){0}), 0);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	CHECK_INT(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), idle);
	CHECK_INT(net_tune(fd, &all), 0);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK_INT(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 31);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 10000);
	CHECK_INT(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 131072);
	close(fd);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK(net_tune(pair[0], &all) < 0);
	close(pair[0]);
	close(pair[1]);
}

TEST(what_may_wait_unread_is_bounded_and_left_to_the_kernel_again)
{
	enum { BUF_LOCK = 72, RCVBUF_LOCK = 2 };
	static const uint8_t mem[65536];
	struct addr at;
	int ls = listen_at("127.0.0.1:0", &at), out = net_connect(&at), in = accept(ls, NULL, NULL), waits = 0;
	socklen_t n = sizeof waits;

	CHECK(net_least_rtt_us(in) < 1000000 && net_least_rtt_us(out) < 1000000 && net_least_rtt_us(-1) == UINT32_MAX);
	if (getsockopt(in, SOL_SOCKET, BUF_LOCK, &waits, &n) < 0) { /* before Linux 5.15 */
		CHECK(net_unread_most(in, 65536) < 0);
	} else {
		CHECK_INT(net_unread_most(in, 65536), 0);
		CHECK(option(in, SOL_SOCKET, BUF_LOCK) & RCVBUF_LOCK);
		for (unsigned i = 0; i < 100; i++)
			(void)!send(out, mem, sizeof mem, MSG_DONTWAIT);
		CHECK(ioctl(in, FIONREAD, &waits) == 0 && waits > 0 && waits <= 2 * 65536);
		CHECK_INT(net_unread_most(in, 0), 0);
		CHECK(!(option(in, SOL_SOCKET, BUF_LOCK) & RCVBUF_LOCK));
	}
	CHECK(net_unread_most(-1, 65536) < 0);
	close(out);
	close(in);
	close(ls);
}

TEST(connect_succeeds_is_refused_and_never_to_itself)
{
	struct addr at, dead;
	struct sockaddr_storage ss;
	socklen_t n;
	int l = listen_at("127.0.0.1:0", &at), taken, fd;

	fd = net_connect(&at);
	CHECK(fd >= 0 && guarded(fd));
	CHECK_INT(net_connected(fd), 0);
	close(fd);
	/* bound and not listening: nobody else gets this port, and nobody answers on it */
	taken = socket(AF_INET, SOCK_STREAM, 0);
	n = net_to_sockaddr(&(struct addr){.family = 4, .ip = {127, 0, 0, 1}}, &ss);
	CHECK_INT(bind(taken, (struct sockaddr *)&ss, n), 0);
	dead = net_local(taken);
	fd = net_connect(&dead);
	CHECK_INT(fd >= 0 ? net_connected(fd) : fd, -ZT_E_REFUSED);
	if (fd >= 0)
		close(fd);
	/* simultaneous open with itself: connected, and yet nobody is there */
	n = net_to_sockaddr(&dead, &ss);
	CHECK_INT(connect(taken, (struct sockaddr *)&ss, n), 0);
	CHECK_INT(net_connected(taken), -ZT_E_REFUSED);
	close(taken);
	close(l);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT(net_connected(fd), -ZT_E_AGAIN); /* nothing decided yet */
	close(fd);
	fd = net_connect(&(struct addr){.family = 4, .ip = {255, 255, 255, 255}, .port = 9});
	CHECK(fd < 0);
}

TEST(zones_become_scopes)
{
	struct resolvconf c;

	resolvconf_parse(SPAN_LIT("nameserver fe80::1%nosuchif0\nnameserver fe80::2%lo\nnameserver 10.0.0.1"), &c);
	CHECK_INT(net_resolvconf(&c), 1);
	CHECK_INT(c.n, 2);
	CHECK(c.server[0].family == 6 && c.server[0].ip[15] == 2 && c.server[0].scope > 0);
	CHECK(c.server[1].family == 4);
	resolvconf_parse(SPAN_LIT("nameserver fe80::1%nosuchif0"), &c);
	CHECK_INT(net_resolvconf(&c), 1);
	CHECK_INT(c.n, 0);
}

TEST(nofile_goes_up_to_the_hard_limit)
{
	struct rlimit r, was;

	CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
	r = was;
	r.rlim_cur = 64;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &r), 0);
	CHECK(net_raise_nofile() > 0);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &r), 0);
	CHECK(r.rlim_cur == r.rlim_max);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
}

/* ---- the listener --------------------------------------------------------------------- */

struct door {
	struct listener l;
	unsigned got, reaped, close_after;
	struct addr peer;
	int fd[64];
};

static void door_accepted(struct listener *ls, int fd, const struct addr *peer)
{
	struct door *d = CONTAINER_OF(ls, struct door, l);

	CHECK(guarded(fd));
	CHECK_INT(d->reaped, 0);
	d->peer = *peer;
	d->fd[d->got++] = fd;
	if (d->got == d->close_after)
		listener_close(ls);
}

static void door_reap(struct listener *ls)
{
	CONTAINER_OF(ls, struct door, l)->reaped++;
}

static const struct listener_class door_class = {door_accepted, door_reap};

static struct addr open_door(struct door *d)
{
	struct addr at;
	int fd = listen_at("127.0.0.1:0", &at);

	*d = (struct door){0};
	CHECK_INT(listener_start(&d->l, loop, fd, &door_class), 0);
	return at;
}

static void turns(int n)
{
	for (int i = 0; i < n; i++)
		CHECK_INT(loop_turn(loop, 0), 0);
}

static void close_all(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
}

TEST(accepts_a_bounded_number_a_turn)
{
	int fd[40], before = open_descriptors();
	struct addr at, self;
	struct door d;

	start();
	at = open_door(&d);
	for (int i = 0; i < 40; i++)
		fd[i] = client(&at);
	turns(1);
	CHECK_INT(d.got, LOOP_ACCEPTS);
	turns(1);
	CHECK_INT(d.got, 2 * LOOP_ACCEPTS);
	turns(1);
	CHECK_INT(d.got, 40);
	self = net_local(fd[39]);
	CHECK(addr_eq(&d.peer, &self));
	CHECK(d.l.stats.accepted == 40 && d.l.stats.pauses == 0 && d.l.stats.shed == 0);
	listener_close(&d.l);
	listener_close(&d.l);
	turns(1);
	CHECK_INT(d.reaped, 1);
	close_all(fd, 40);
	close_all(d.fd, d.got);
	loop_free(loop);
	CHECK_INT(open_descriptors(), before);
}

TEST(closing_from_inside_accepted_is_the_end)
{
	int fd[5], before = open_descriptors();
	struct addr at;
	struct door d;

	start();
	at = open_door(&d);
	d.close_after = 2;
	for (int i = 0; i < 5; i++)
		fd[i] = client(&at);
	turns(3);
	CHECK_INT(d.got, 2);
	CHECK_INT(d.reaped, 1);
	close_all(fd, 5);
	close_all(d.fd, d.got);
	clock_fake_step(&now, 3600 * 48 * NS_PER_S);
	turns(2); /* its timer is gone with it */
	loop_free(loop);
	CHECK_INT(open_descriptors(), before);
}

TEST(a_loop_that_ends_closes_its_listeners)
{
	int before = open_descriptors();
	struct door d;

	start();
	open_door(&d);
	loop_free(loop);
	CHECK_INT(d.reaped, 1);
	CHECK_INT(open_descriptors(), before);
}

static bool was_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static unsigned count_closed(const int *fd, unsigned n)
{
	unsigned closed = 0;

	for (unsigned i = 0; i < n; i++)
		closed += was_closed(fd[i]);
	return closed;
}

TEST(out_of_descriptors_it_sheds_one_looks_away_and_never_spins)
{
	struct rlimit was, low;
	int fd[6], fill[256], before = open_descriptors();
	unsigned n = 0;
	struct loop_stats s;
	struct addr at;
	struct door d;

	start();
	at = open_door(&d);
	for (int i = 0; i < 6; i++)
		fd[i] = client(&at);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = was;
	low.rlim_cur = 128;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < ARRAY_LEN(fill) && (fill[n] = dup(0)) >= 0)
		n++;
	CHECK_INT(errno, EMFILE);

	turns(1);
	CHECK(d.got == 0 && d.l.paused);
	CHECK(d.l.stats.shed == 1 && d.l.stats.pauses == 1);
	CHECK_INT(count_closed(fd, 6), 1); /* that peer knows; the others wait */
	/* Five connections wait and time stands still: whatever the number of turns, nothing is
	 * ready. A listener that spins would be called in every one of them. */
	s = loop_stats(loop);
	turns(1000);
	CHECK_INT(loop_stats(loop).events, s.events);
	CHECK_INT(loop_stats(loop).changes, s.changes);
	clock_fake_step(&now, NET_PAUSE - 1);
	turns(10);
	CHECK_INT(loop_stats(loop).events, s.events);
	clock_fake_step(&now, 1);
	turns(10);
	CHECK_INT(loop_stats(loop).events, s.events + 1); /* one look, one more shed, away again */
	CHECK(d.l.stats.shed == 2 && d.l.stats.pauses == 2 && d.got == 0);
	CHECK_INT(count_closed(fd, 6), 2);

	close_all(fill, n); /* relief: what still waits is served after the pause, not before */
	turns(10);
	CHECK_INT(d.got, 0);
	clock_fake_step(&now, NET_PAUSE);
	turns(3);
	CHECK_INT(d.got, 4);
	CHECK(!d.l.paused && d.l.spare >= 0);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
	close_all(fd, 6);
	close_all(d.fd, d.got);
	listener_close(&d.l);
	loop_free(loop);
	CHECK_INT(open_descriptors(), before);
}

static int reached(const char *path)
{
	int fd = net_connect_file(path);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* Only root can make what belongs to others: without, the half of it is asked that needs nobody else. */
TEST(a_link_of_somebody_else_leads_nowhere)
{
	static const char *const made[] = {"theirs/link", "ours", "theirs/s", "theirs"};
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "theirs/s"};
	char dir[] = "/tmp/zt-net-XXXXXX", link[64], file[64], ours[64];
	int before = open_descriptors(), fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(mkdtemp(dir) && chmod(dir, 0755) == 0 && chdir(dir) == 0 && mkdir("theirs", 0755) == 0);
	CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 9) == 0);
	CHECK(symlink("s", "theirs/link") == 0 && symlink("theirs", "ours") == 0);
	snprintf(file, sizeof file, "%s/theirs/s", dir);
	snprintf(link, sizeof link, "%s/theirs/link", dir);
	snprintf(ours, sizeof ours, "%s/ours/../theirs//s", dir);
	CHECK_INT(reached(file), 0);
	CHECK_INT(reached(link), 0);
	CHECK_INT(reached(ours), 0);
	CHECK_INT(reached("/tmp/zt-net-there-is-none/s"), -ZT_E_NOTFOUND);
	if (geteuid() == 0) {
		CHECK(lchown("theirs/link", 65534, 65534) == 0);
		CHECK_INT(reached(link), -ZT_E_DENIED);
		CHECK(lchown("theirs/link", 0, 0) == 0 && chown("theirs", 65534, 65534) == 0);
		CHECK_INT(reached(link), -ZT_E_DENIED); /* its place is theirs: they can put another one there */
		CHECK_INT(reached(file), 0);
		CHECK_INT(reached(ours), 0);
	}
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		CHECK(remove(made[i]) == 0);
	CHECK(chdir("/") == 0 && rmdir(dir) == 0);
	CHECK_INT(open_descriptors(), before);
}
