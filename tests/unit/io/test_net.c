/* Sockets: addresses, sentences, options, and who is reached. */
#include "tests/unit/io/net_kit.h"

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
