/*
 * pump_kit: a pump between two sockets of 127.0.0.1, each side plain or TLS, and the peers on
 * their other ends. The peers' records are the record layer's own, which has its known answers
 * elsewhere.
 */
#ifndef ZT_PUMP_KIT_H
#define ZT_PUMP_KIT_H

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/pump.h"

enum { NEAR, FAR };

/* What stands on the other end of one side of the pump. */
struct peer {
	int fd;
	bool tls, eof, reset, bye;
	uint8_t alert;
	struct record in, out;
	uint8_t wire[4 * RECORD_MAX]; /* received, not opened yet */
	size_t have;
	uint64_t got;
	uint32_t sum;                 /* of the bytes and their places */
};

struct rig {
	struct pump pump;
	struct source src[2];
	struct tls tls[2];
	struct peer peer[2];
	unsigned overs;
};

static struct loop *loop;
static struct bounds bounds;
static struct pump_pool bufs;
static struct clock_fake fake;

static inline unsigned wants(const struct source *s, unsigned side)
{
	return pump_wants(&CONTAINER_OF(s - side, const struct rig, src)->pump, side);
}
static inline unsigned near_wants(const struct source *s) { return wants(s, NEAR); }
static inline unsigned far_wants(const struct source *s) { return wants(s, FAR); }
static inline void near_ready(struct source *s, unsigned ev) { pump_ready(&CONTAINER_OF(s, struct rig, src)->pump, NEAR, ev); }
static inline void far_ready(struct source *s, unsigned ev)
{
	pump_ready(&CONTAINER_OF(s, struct rig, src[FAR])->pump, FAR, ev);
}
static const struct source_class classes[2] = {{"near", near_wants, near_ready, NULL}, {"far", far_wants, far_ready, NULL}};

static inline void on_over(struct pump *p)
{
	struct rig *r = CONTAINER_OF(p, struct rig, pump);

	r->overs++;
	loop_close(&r->src[NEAR]);
	loop_close(&r->src[FAR]);
}
static const struct pump_class over_class = {on_over};

/* The far sides of the next rigs move few bytes at a time, as on a network: the loopback's segments
 * are 64 KiB. */
static bool narrow;

static inline void make_narrow(int theirs)
{
	const int mss = 536, bytes = 4096;

	CHECK(setsockopt(theirs, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss) == 0);
	CHECK(setsockopt(theirs, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
}

/* A connected pair: what the pump holds, what the peer holds. */
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

static inline void make_tls(struct rig *r, unsigned side, enum aead_kind kind)
{
	struct record_keys a = keys_of(1), b = keys_of(2), c = keys_of(1), d = keys_of(2);

	r->tls[side] = (struct tls){.src = &r->src[side], .state = TLS_OPEN, .most = RECORD_PLAIN};
	record_init(&r->tls[side].in, kind, &a);
	record_init(&r->tls[side].out, kind, &b);
	record_init(&r->peer[side].out, kind, &c);
	record_init(&r->peer[side].in, kind, &d);
	r->peer[side].tls = true;
	r->pump.side[side].tls = &r->tls[side];
}

static inline void set_up(void)
{
	clock_fake_init(&fake, 100 * NS_PER_S, 0);
	bounds_init(&bounds);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &fake.clock), 0);
	pump_pool_init(&bufs, loop, &bounds);
}

/* tls: bit 1 for the near side, bit 2 for the far one. */
static inline struct rig *rig_new(unsigned tls, enum aead_kind kind)
{
	struct rig *r = calloc(1, sizeof *r);

	r->pump.cls = &over_class;
	r->pump.pool = &bufs;
	for (unsigned i = 0; i < 2; i++) {
		int ours = -1;

		tcp_pair(&ours, &r->peer[i].fd, narrow && i == FAR);
		r->src[i] = (struct source){.cls = &classes[i], .fd = ours};
		r->pump.side[i].src = &r->src[i];
		if (tls & (1u << i))
			make_tls(r, i, kind);
	}
	CHECK_INT(loop_add(loop, &r->src[NEAR]), 0);
	CHECK_INT(loop_add(loop, &r->src[FAR]), 0);
	pump_start(&r->pump);
	return r;
}

static inline void turns(unsigned n)
{
	while (n--)
		CHECK_INT(loop_turn(loop, 0), 0);
}

static inline void rig_free(struct rig *r)
{
	pump_stop(&r->pump);
	for (unsigned i = 0; i < 2; i++) {
		loop_close(&r->src[i]);
		if (r->peer[i].fd >= 0)
			close(r->peer[i].fd);
	}
	turns(2);
	free(r);
}

static inline void tear_down(void)
{
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	pump_pool_free(&bufs);
	loop_free(loop);
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

/* Everybody goes on until nothing changes any more. */
static inline void settle(struct rig *r)
{
	for (unsigned i = 0; i < 20; i++) {
		turns(2);
		listen_to(&r->peer[NEAR], SIZE_MAX);
		listen_to(&r->peer[FAR], SIZE_MAX);
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
