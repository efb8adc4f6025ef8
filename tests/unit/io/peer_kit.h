/*
 * peer_kit: what stands on the other end of a connection that is tested: a socket of 127.0.0.1, plain or TLS, that
 * says what the test wants, checks every byte that comes and tells the ends apart. Its records are the record
 * layer's own, which has its known answers elsewhere.
 */
#ifndef ZT_PEER_KIT_H
#define ZT_PEER_KIT_H

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/loop.h"
#include "io/tls.h"

enum { NEAR, FAR };

struct peer {
	int fd;
	bool tls, eof, reset, bye;
	uint8_t alert;
	struct record in, out;
	uint8_t wire[4 * RECORD_MAX]; /* received, not opened yet */
	size_t have;
	uint64_t got;
};

static struct loop *loop;
static struct bounds bounds __attribute__((unused)); /* of tests that have no other */
static struct clock_fake fake __attribute__((unused));

/* The next connections move few bytes at a time, as on a network: the loopback's segments are 64 KiB. */
static bool narrow __attribute__((unused));

static inline void make_narrow(int theirs)
{
	const int mss = 536, bytes = 4096;

	CHECK(setsockopt(theirs, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss) == 0);
	CHECK(setsockopt(theirs, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
}

/* A connected pair: what we hold, what the peer holds. */
static inline void tcp_pair(int *ours, int *theirs, bool slim)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	CHECK(bind(l, (struct sockaddr *)&at, n) == 0 && listen(l, 1) == 0);
	CHECK(getsockname(l, (struct sockaddr *)&at, &n) == 0);
	*theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (slim)
		make_narrow(*theirs);
	CHECK(connect(*theirs, (struct sockaddr *)&at, n) == 0);
	*ours = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(*ours >= 0);
	close(l);
	CHECK(fcntl(*theirs, F_SETFL, O_NONBLOCK) == 0);
	setsockopt(*theirs, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(*ours, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline struct record_keys keys_of(uint8_t fill)
{
	struct record_keys k = {.seq = 1};

	memset(k.key, fill, sizeof k.key);
	memset(k.iv, fill + 1, sizeof k.iv);
	return k;
}

static inline void turns(unsigned n)
{
	while (n--)
		CHECK_INT(loop_turn(loop, 0), 0);
}

/* ---- what peers do ----------------------------------------------------------------------- */

static inline size_t raw(struct peer *p, const void *bytes, size_t n)
{
	ssize_t got = send(p->fd, bytes, n, MSG_NOSIGNAL);

	return got > 0 ? (size_t)got : 0;
}

/* One record, sent whole: the socket must take it. */
static inline void say_record(struct peer *p, enum record_type type, const void *bytes, size_t n)
{
	static uint8_t mem[RECORD_MAX];
	int len;

	memcpy(&mem[record_head(&p->out)], bytes, n);
	len = record_seal(&p->out, type, mem, n);
	CHECK(len > 0);
	CHECK_INT(raw(p, mem, (size_t)len), len);
}

static inline void say(struct peer *p, const void *bytes, size_t n)
{
	if (p->tls)
		say_record(p, RECORD_DATA, bytes, n);
	else
		CHECK_INT(raw(p, bytes, n), n);
}

static inline void say_bye(struct peer *p)
{
	const uint8_t notify[2] = {1, 0};

	if (p->tls)
		say_record(p, RECORD_ALERT, notify, 2);
	else
		shutdown(p->fd, SHUT_WR);
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static inline void take(struct peer *p, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != byte_at(p->got + i)) {
			unit_fail(__FILE__, __LINE__, "byte %llu is wrong", (unsigned long long)(p->got + i));
			break;
		}
	p->got += n;
}

static inline void open_records(struct peer *p)
{
	struct record_plain plain;
	size_t at = 0;
	int n;

	while ((n = record_open(&p->in, &p->wire[at], p->have - at, &plain)) > 0) {
		if (plain.type == RECORD_DATA)
			take(p, plain.p, plain.n);
		else if (plain.type == RECORD_ALERT && plain.n == 2 && plain.p[0] == 1)
			p->bye = true;
		else if (plain.type == RECORD_ALERT && plain.n == 2)
			p->alert = plain.p[1];
		at += (size_t)n;
	}
	CHECK_INT(n, ZT_MORE);
	p->have -= at;
	memmove(p->wire, &p->wire[at], p->have);
}

/* Reads once, at most `most` bytes. */
static inline void listen_to(struct peer *p, size_t most)
{
	ssize_t n = recv(p->fd, &p->wire[p->have], num_min(most, sizeof p->wire - p->have), 0);

	if (n == 0)
		p->eof |= !p->reset; /* the kernel says so too, after it has said ECONNRESET */
	else if (n < 0)
		p->reset |= errno == ECONNRESET;
	if (n <= 0)
		return;
	p->have += (size_t)n;
	if (p->tls) {
		open_records(p);
	} else {
		take(p, p->wire, p->have);
		p->have = 0;
	}
}

static inline void say_pattern(struct peer *p, uint64_t from, size_t n)
{
	static uint8_t text[RECORD_PLAIN];

	NEED(n <= sizeof text);
	for (size_t i = 0; i < n; i++)
		text[i] = byte_at(from + i);
	say(p, text, n);
}

#endif
