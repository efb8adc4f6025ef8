/*
 * bench_tls: the generator that bench/tls.sh puts before and behind TLS relays. Its TLS client is
 * BearSSL's engine and checks no certificate: it is the load, not the subject.
 *
 *   flow  TO LISTEN STREAMS MS REVERSE   bytes through a relay pair: prints Gbit/s
 *   hold  TO LISTEN N                    N idle TLS connections and their far ends: prints "held",
 *                                        goes on until standard input ends
 *   shake TO CLIENTS MS RESUME           TLS handshakes, closed at once: prints how many
 *   ping  TO N                           64 bytes there and back, one TLS stream: p50 and p99 in us
 *   sink  LISTEN                         takes connections and what they send, for ever
 *
 * TO and LISTEN are ports of 127.0.0.1. Everything ends by itself: after MS, N, or with its input.
 */
#include <arpa/inet.h>
#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

#define SNI "far.test"
#define BLOCK 262144
#define STREAMS 64

static void die(const char *what)
{
	fprintf(stderr, "bench_tls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned number(const char *s)
{
	return (unsigned)strtoul(s, NULL, 10);
}

static struct sockaddr_in at(uint32_t host, unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host), .sin_port = htons((uint16_t)port)};
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* From 127.0.0.source, so that no source runs out of ports. */
static int dial(unsigned port, unsigned source)
{
	struct sockaddr_in from = at(INADDR_LOOPBACK - 1 + source, 0), to = at(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
		die("bind");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		die("connect");
	no_delay(fd);
	return fd;
}

static int listener(unsigned port)
{
	struct sockaddr_in me = at(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) < 0 || listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

/* ---- a TLS client ------------------------------------------------------------------------ */

/* Takes any chain; knows the key of its first certificate. */
struct anyone {
	const br_x509_class *vtable;
	br_x509_decoder_context leaf;
	unsigned n;
};

static void any_start_chain(const br_x509_class **c, const char *name)
{
	(void)name;
	CONTAINER_OF(c, struct anyone, vtable)->n = 0;
}

static void any_start_cert(const br_x509_class **c, uint32_t len)
{
	struct anyone *a = CONTAINER_OF(c, struct anyone, vtable);

	(void)len;
	if (a->n++ == 0)
		br_x509_decoder_init(&a->leaf, NULL, NULL);
}

static void any_append(const br_x509_class **c, const unsigned char *p, size_t n)
{
	struct anyone *a = CONTAINER_OF(c, struct anyone, vtable);

	if (a->n == 1)
		br_x509_decoder_push(&a->leaf, p, n);
}

static void any_end_cert(const br_x509_class **c) { (void)c; }
static unsigned any_end_chain(const br_x509_class **c) { (void)c; return 0; }

static const br_x509_pkey *any_pkey(const br_x509_class *const *c, unsigned *usages)
{
	struct anyone *a = CONTAINER_OF((const br_x509_class **)(uintptr_t)c, struct anyone, vtable);

	if (usages)
		*usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return br_x509_decoder_get_pkey(&a->leaf);
}

static const br_x509_class anyone_class = {sizeof(struct anyone), any_start_chain, any_start_cert, any_append,
					   any_end_cert, any_end_chain, any_pkey};

struct client {
	br_ssl_client_context ssl;
	br_x509_minimal_context unused; /* br_ssl_client_init_full() wants one */
	struct anyone anyone;
	unsigned char in[BR_SSL_BUFSIZE_INPUT], out[BR_SSL_BUFSIZE_OUTPUT];
	br_sslio_context io;
	int fd;
};

static int low_read(void *fd, unsigned char *p, size_t n)
{
	ssize_t k = recv(*(int *)fd, p, n, 0);

	return k > 0 ? (int)k : -1;
}

static int low_write(void *fd, const unsigned char *p, size_t n)
{
	ssize_t k = send(*(int *)fd, p, n, MSG_NOSIGNAL);

	return k > 0 ? (int)k : -1;
}

static void client_init(struct client *c)
{
	static const uint16_t suites[] = {BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256};

	br_ssl_client_init_full(&c->ssl, &c->unused, NULL, 0);
	br_ssl_engine_set_versions(&c->ssl.eng, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(&c->ssl.eng, suites, 1);
	c->anyone.vtable = &anyone_class;
	br_ssl_engine_set_x509(&c->ssl.eng, &c->anyone.vtable);
	br_ssl_engine_set_buffers_bidi(&c->ssl.eng, c->in, sizeof c->in, c->out, sizeof c->out);
}

/* One whole handshake on c->fd; resume: with the session of the one before. */
static bool client_shake(struct client *c, int resume)
{
	if (!br_ssl_client_reset(&c->ssl, SNI, resume))
		return false;
	br_sslio_init(&c->io, &c->ssl.eng, low_read, &c->fd, low_write, &c->fd);
	return br_sslio_flush(&c->io) == 0 && (br_ssl_engine_current_state(&c->ssl.eng) & BR_SSL_SENDAPP);
}

/* ---- flow -------------------------------------------------------------------------------- */

/* Until the time is up: whoever takes bytes gets some, what arrives is thrown away. */
static uint64_t push_and_pull(const int *from, const int *to, unsigned n, uint64_t us)
{
	static char block[BLOCK];
	struct pollfd p[2 * STREAMS];
	uint64_t end = now_us() + us, got = 0;

	for (unsigned i = 0; i < n; i++) {
		p[i] = (struct pollfd){.fd = from[i], .events = POLLOUT};
		p[n + i] = (struct pollfd){.fd = to[i], .events = POLLIN};
	}
	while (now_us() < end) {
		if (poll(p, 2 * n, 100) < 0)
			die("poll");
		for (unsigned i = 0; i < n; i++) {
			ssize_t k;

			if ((p[i].revents & POLLOUT) && send(from[i], block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
			    errno != EAGAIN)
				die("send");
			/* MSG_TRUNC: thrown away in the kernel; what is measured is not this program */
			if (!(p[n + i].revents & POLLIN))
				continue;
			k = recv(to[i], block, sizeof block, MSG_DONTWAIT | MSG_TRUNC);
			if (k == 0 || (k < 0 && errno != EAGAIN))
				die("recv");
			got += k > 0 ? (uint64_t)k : 0;
		}
	}
	return got;
}

static int flow(char **a)
{
	unsigned n = number(a[2]), ms = number(a[3]);
	bool reverse = number(a[4]) != 0;
	int near[STREAMS], far[STREAMS], ls = listener(number(a[1]));
	uint64_t began, got;

	if (n == 0 || n > STREAMS)
		die("streams");
	for (unsigned i = 0; i < n; i++) {
		near[i] = dial(number(a[0]), 1);
		far[i] = accept4(ls, NULL, NULL, SOCK_CLOEXEC);
		if (far[i] < 0)
			die("accept");
		no_delay(far[i]);
	}
	push_and_pull(reverse ? far : near, reverse ? near : far, n, 300000);
	printf("go\n"); /* whoever counts processor time begins here */
	fflush(stdout);
	began = now_us();
	got = push_and_pull(reverse ? far : near, reverse ? near : far, n, (uint64_t)ms * 1000);
	printf("%.3f %llu\n", (double)got * 8e-3 / (double)(now_us() - began), (unsigned long long)got);
	return 0;
}

/* ---- hold -------------------------------------------------------------------------------- */

static void raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* The far ends: accepted by a process of their own, which needs as many descriptors again. */
static pid_t accept_all(int ls)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	while (accept4(ls, NULL, NULL, SOCK_CLOEXEC) >= 0)
		;
	pause();
	_exit(0);
}

static int hold(char **a)
{
	unsigned n = number(a[2]), ok = 0;
	struct client *c = calloc(1, sizeof *c);
	pid_t far;
	char end;

	raise_nofile();
	far = accept_all(listener(number(a[1])));
	client_init(c);
	for (unsigned i = 0; i < n; i++) {
		c->fd = dial(number(a[0]), 1 + i % 200);
		ok += client_shake(c, 0);
	}
	printf("held %u\n", ok);
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	kill(far, SIGTERM);
	return ok == n ? 0 : 1;
}

/* ---- shake ------------------------------------------------------------------------------- */

static unsigned shake_until(unsigned port, uint64_t end, int resume)
{
	struct client *c = calloc(1, sizeof *c);
	unsigned n = 0;

	client_init(c);
	for (unsigned i = 0; now_us() < end; i++) {
		const struct linger now = {.l_onoff = 1};

		c->fd = dial(port, 1 + i % 200);
		if (!client_shake(c, resume && i > 0))
			die("a handshake failed");
		n++;
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* leave no TIME_WAIT behind */
		close(c->fd);
	}
	return n;
}

static int shake(char **a)
{
	unsigned clients = number(a[1]), total = 0;
	uint64_t end = now_us() + (uint64_t)number(a[2]) * 1000;
	int fds[2];

	if (pipe(fds) < 0)
		die("pipe");
	for (unsigned i = 0; i < clients; i++)
		if (fork() == 0) {
			unsigned n;

			prctl(PR_SET_PDEATHSIG, SIGTERM);
			n = shake_until(number(a[0]), end, (int)number(a[3]));
			_exit(write(fds[1], &n, sizeof n) != sizeof n);
		}
	close(fds[1]);
	for (unsigned n; read(fds[0], &n, sizeof n) == sizeof n;)
		total += n;
	while (wait(NULL) > 0)
		;
	printf("%u\n", total);
	return 0;
}

/* ---- ping -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int ping(char **a)
{
	unsigned n = number(a[1]);
	struct client *c = calloc(1, sizeof *c);
	uint32_t *took = calloc(n, sizeof *took);
	char text[64] = "ping";

	if (n < 100 || c == NULL || took == NULL)
		die("pings");
	client_init(c);
	c->fd = dial(number(a[0]), 1);
	if (!client_shake(c, 0))
		die("handshake");
	for (unsigned i = 0; i < n; i++) {
		uint64_t began = now_us();

		if (br_sslio_write_all(&c->io, text, sizeof text) < 0 || br_sslio_flush(&c->io) < 0 ||
		    br_sslio_read_all(&c->io, text, sizeof text) < 0)
			die("the stream ended");
		took[i] = (uint32_t)(now_us() - began);
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); /* a keystroke, not a benchmark of wake-ups */
	}
	qsort(took, n, sizeof *took, by_value);
	printf("%u %u %u\n", took[n / 2], took[n * 99 / 100], took[n - 1]);
	return 0;
}

/* ---- sink -------------------------------------------------------------------------------- */

static int sink(char **a)
{
	int ls = listener(number(a[0])), fd;

	while ((fd = accept4(ls, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == ECONNABORTED || errno == EINTR)
		if (fd >= 0)
			close(fd);
	die("accept");
	return 1;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **args);
} commands[] = {{"flow", 5, flow}, {"hold", 3, hold}, {"shake", 4, shake}, {"ping", 2, ping}, {"sink", 1, sink}};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (argc == commands[i].args + 2 && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argv + 2);
	fprintf(stderr, "bench_tls: see the top of bench/bench_tls.c\n");
	return 2;
}
