/*
 * load: what the generators in bench/ share: sockets of 127.0.0.1, time, percentiles, and a TLS client that is BearSSL's
 * engine and checks no certificate: it is the load, not the subject. Every function ends the program when it fails.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <arpa/inet.h>
#include <bearssl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

#define BLOCK 262144
#define STREAMS 128 /* of a flow, at most */

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

static inline uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline unsigned number(const char *s)
{
	return (unsigned)strtoul(s, NULL, 10);
}

static inline struct sockaddr_in at(uint32_t host, unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host), .sin_port = htons((uint16_t)port)};
}

static inline void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* From 127.0.0.source, so that no source runs out of ports. */
static inline int dial(unsigned port, unsigned source)
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

static inline int listener(unsigned port)
{
	struct sockaddr_in me = at(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) < 0 || listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static inline void raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static inline int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* Until the time is up: whoever takes bytes gets some, what arrives is thrown away. Returns how many arrived. */
static inline uint64_t push_and_pull(const int *from, const int *to, unsigned n, uint64_t us)
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

/* After us_before, which is not measured: Mbit/s and bytes. */
static inline int measured(const int *from, const int *to, unsigned n, uint64_t us_before, uint64_t us)
{
	uint64_t began, got;

	push_and_pull(from, to, n, us_before);
	printf("go\n"); /* whoever counts processor time begins here */
	fflush(stdout);
	began = now_us();
	got = push_and_pull(from, to, n, us);
	printf("%.3f %llu\n", (double)got * 8e-3 / (double)(now_us() - began), (unsigned long long)got);
	return 0;
}

/* ---- a TLS client ------------------------------------------------------------------------ */

/* Takes any chain; knows the key of its first certificate. */
struct anyone {
	const br_x509_class *vtable;
	br_x509_decoder_context leaf;
	unsigned n;
};

static inline void any_start_chain(const br_x509_class **c, const char *name)
{
	(void)name;
	CONTAINER_OF(c, struct anyone, vtable)->n = 0;
}

static inline void any_start_cert(const br_x509_class **c, uint32_t len)
{
	struct anyone *a = CONTAINER_OF(c, struct anyone, vtable);

	(void)len;
	if (a->n++ == 0)
		br_x509_decoder_init(&a->leaf, NULL, NULL);
}

static inline void any_append(const br_x509_class **c, const unsigned char *p, size_t n)
{
	struct anyone *a = CONTAINER_OF(c, struct anyone, vtable);

	if (a->n == 1)
		br_x509_decoder_push(&a->leaf, p, n);
}

static inline void any_end_cert(const br_x509_class **c) { (void)c; }
static inline unsigned any_end_chain(const br_x509_class **c) { (void)c; return 0; }

static inline const br_x509_pkey *any_pkey(const br_x509_class *const *c, unsigned *usages)
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

static inline int low_read(void *fd, unsigned char *p, size_t n)
{
	ssize_t k = recv(*(int *)fd, p, n, 0);

	return k > 0 ? (int)k : -1;
}

static inline int low_write(void *fd, const unsigned char *p, size_t n)
{
	ssize_t k = send(*(int *)fd, p, n, MSG_NOSIGNAL);

	return k > 0 ? (int)k : -1;
}

static inline void client_init(struct client *c)
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
static inline bool client_shake(struct client *c, const char *name, int resume)
{
	if (!br_ssl_client_reset(&c->ssl, name, resume))
		return false;
	br_sslio_init(&c->io, &c->ssl.eng, low_read, &c->fd, low_write, &c->fd);
	return br_sslio_flush(&c->io) == 0 && (br_ssl_engine_current_state(&c->ssl.eng) & BR_SSL_SENDAPP);
}

/* ---- what a program is told to do ------------------------------------------------------------ */

struct command {
	const char *name;
	int args;
	int (*run)(char **args);
};

/* Its exit code. */
static inline int commanded(int argc, char **argv, const struct command *c, size_t n)
{
	for (; n; n--, c++)
		if (argc == c->args + 2 && strcmp(argv[1], c->name) == 0)
			return c->run(argv + 2);
	fprintf(stderr, "%s: see the top of bench/%s.c\n", program_invocation_short_name, program_invocation_short_name);
	return 2;
}

#endif
