/*
 * tlsconn_kit: a world with a loop and a clock of its own, connections of it on real TCP sockets, a
 * pretended tlsd on a real line, and peers that are BearSSL engines or just bytes. A peer's
 * records can be changed, cut and held back on their way.
 */
#ifndef ZT_TLSCONN_KIT_H
#define ZT_TLSCONN_KIT_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "io/tls.h"
#include "tls_fake.h"

static struct loop *kit_loop;
static struct clock_fake kit_clock;
static struct bounds kit_bounds;
static struct log kit_log;
static struct tls_world *kit_world;
static struct tls_plan kit_plan;
static struct fake kit_fake;
static struct der_file kit_cert;

#define KIT_WALL INT64_C(1800000000000) /* January 2027 */
#define KIT_SHAKE_MS 10000

/* ---- our side ---------------------------------------------------------------------------- */

struct conn {
	struct source src;
	struct tls tls;
	unsigned opened, failed;
	enum tls_fault fault;
	char words[700];
	size_t chain_n;
	uint8_t leaf[2048];
	size_t leaf_n;
	bool keep;                     /* failed() leaves the socket open */
	void (*then)(struct conn *c);  /* at the end of both callbacks */
};

static inline unsigned conn_wants(const struct source *s)
{
	return tls_wants(&CONTAINER_OF(s, const struct conn, src)->tls);
}
static inline void conn_ready(struct source *s, unsigned events)
{
	tls_shake_ready(&CONTAINER_OF(s, struct conn, src)->tls, events);
}
static const struct source_class conn_class = {"tls test", conn_wants, conn_ready, NULL};

static inline void conn_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct conn *c = CONTAINER_OF(t, struct conn, tls);

	c->opened++;
	c->chain_n = n;
	if (n) {
		c->leaf_n = num_min(chain[0].n, sizeof c->leaf);
		memcpy(c->leaf, chain[0].p, c->leaf_n);
	}
	CHECK(t->shake == NULL && t->state == TLS_OPEN && tls_wants(t) == 0);
	if (c->then)
		c->then(c);
}
static inline void conn_failed(struct tls *t, enum tls_fault f, const char *words)
{
	struct conn *c = CONTAINER_OF(t, struct conn, tls);

	c->failed++;
	c->fault = f;
	snprintf(c->words, sizeof c->words, "%s", words);
	CHECK(t->shake == NULL && t->state == TLS_FAILED && words[0]);
	if (!c->keep)
		loop_close(&c->src);
	if (c->then)
		c->then(c);
}
static const struct tls_class conn_tls = {conn_opened, conn_failed, NULL};

/* ---- the peer ---------------------------------------------------------------------------- */

#define PEER_BYTES 131072
struct peer {
	int fd;
	bool raw, silent;              /* no engine; sends nothing of its own */
	bool ended, reset;             /* what it has seen of the socket */
	struct side side;
	uint8_t out[PEER_BYTES], got[PEER_BYTES]; /* [sent, n): to send; everything received */
	size_t out_n, sent, got_n, fed;
	size_t chunk;                  /* bytes a step; 0: all */
	size_t cut, total;             /* the step ends when so many bytes have left in all; 0: not */
	unsigned records;              /* of its engine so far */
	/* Changes record number `at` (0 is the hello), which is out[from..out_n). */
	void (*edit)(struct peer *p, unsigned at, size_t from);
	const void *arg;
};

static inline void peer_put(struct peer *p, const void *bytes, size_t n)
{
	NEED(n <= sizeof p->out - p->out_n);
	memcpy(&p->out[p->out_n], bytes, n);
	p->out_n += n;
}

static inline bool peer_pull(struct peer *p)
{
	ssize_t n = recv(p->fd, &p->got[p->got_n], sizeof p->got - p->got_n, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno == EAGAIN)) {
		p->ended |= n == 0 && p->got_n < sizeof p->got;
		return false;
	}
	if (n < 0) {
		p->reset = p->ended = true;
		return false;
	}
	p->got_n += (size_t)n;
	if (!p->raw)
		p->fed += side_feed(&p->side, &p->got[p->fed], p->got_n - p->fed);
	return true;
}

static inline bool peer_push(struct peer *p)
{
	size_t n;
	ssize_t sent;

	while (!p->raw && !p->silent && (n = side_record(&p->side, &p->out[p->out_n], sizeof p->out - p->out_n)) > 0) {
		size_t from = p->out_n;

		p->out_n += n;
		if (p->edit)
			p->edit(p, p->records, from);
		p->records++;
	}
	n = p->out_n - p->sent;
	if (n == 0 || p->fd < 0)
		return false;
	if (p->chunk)
		n = num_min(n, p->chunk);
	if (p->total < p->cut)
		n = num_min(n, p->cut - p->total);
	sent = send(p->fd, &p->out[p->sent], n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent <= 0)
		return false;
	p->total += (size_t)sent;
	p->sent += (size_t)sent;
	if (p->sent == p->out_n)
		p->sent = p->out_n = 0;
	return true;
}

static inline bool peer_step(struct peer *p)
{
	bool did = p->fd >= 0 && !p->ended && peer_pull(p);

	return peer_push(p) || did;
}

/* The last alert in clear that arrived: its number, or 0. */
static inline unsigned peer_alert(const struct peer *p)
{
	unsigned alert = 0;

	for (size_t at = 0; at + 5 <= p->got_n; at += 5u + p->got[at + 3] * 256u + p->got[at + 4])
		if (p->got[at] == 21 && p->got[at + 4] == 2 && at + 7 <= p->got_n)
			alert = p->got[at + 6];
	return alert;
}

/* ---- the world --------------------------------------------------------------------------- */

static const char *kit_names[] = {"a.example", "*.b.example"};
static struct conf_list kit_name_list = {2, kit_names}, kit_no_list;

static inline int kit_link(struct fake *f, uint32_t epoch)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	f->fd = pair[1];
	tls_world_link(kit_world, pair[0], epoch);
	return pair[1];
}

static inline void kit_open_without_line(void)
{
	struct tls_world_opts o = {.bounds = &kit_bounds, .log = &kit_log, .shake_ms = KIT_SHAKE_MS, .rate = 1000,
				   .burst = 100000, .floor = 1700000000};

	clock_fake_init(&kit_clock, 1000 * NS_PER_S, KIT_WALL);
	bounds_init(&kit_bounds);
	kit_log = (struct log){.fd = -1, .level = LOG_ERROR, .clock = &kit_clock.clock, .role = "test", .proc = "tls"};
	if (loop_open(&kit_loop, LOOP_BEST, &kit_clock.clock) < 0)
		unit_fail(__FILE__, __LINE__, "no loop");
	o.loop = kit_loop;
	if (tls_world_new(&kit_world, &o) < 0)
		unit_fail(__FILE__, __LINE__, "no world");
	der_load(&kit_cert, "server-ec");
	fake_init(&kit_fake, -1, &kit_cert);
	kit_plan = (struct tls_plan){.servers = 1, .clients = 1};
	kit_plan.server[0] = (struct tls_server_plan){.id = "a", .names = &kit_name_list, .alpn = &kit_no_list};
	kit_plan.client[0] = (struct tls_client_plan){.name = "a.example", .ca = "", .cert = "", .alpn = ""};
	tls_world_plan(kit_world, &kit_plan, 1);
}

static inline void kit_open(void)
{
	kit_open_without_line();
	kit_link(&kit_fake, 1);
}

static inline void kit_close(void)
{
	CHECK_INT(kit_fake.bad, 0);
	tls_world_free(kit_world);
	loop_free(kit_loop);
	fake_die(&kit_fake);
	CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0);
	CHECK_INT(kit_bounds.row[BOUND_TLS_FLIGHTS].used, 0);
	CHECK_INT(kit_bounds.row[BOUND_TLS_OPEN].used, 0);
}

static bool kit_narrow; /* sockets that hold little */

/* A TCP connection over 127.0.0.1: [0] ours, [1] the peer's. */
static inline bool kit_tcp(int out[2])
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sa;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool ok;

	out[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (kit_narrow)
		setsockopt(out[1], SOL_SOCKET, SO_RCVBUF, &one, sizeof one);
	ok = bind(l, (struct sockaddr *)&sa, len) == 0 && listen(l, 1) == 0 &&
	     getsockname(l, (struct sockaddr *)&sa, &len) == 0 && connect(out[1], (struct sockaddr *)&sa, len) == 0;
	out[0] = ok ? accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
	ok = ok && fcntl(out[1], F_SETFL, O_NONBLOCK) == 0;
	if (kit_narrow)
		setsockopt(out[0], SOL_SOCKET, SO_SNDBUF, &one, sizeof one);
	setsockopt(out[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(out[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	close(l);
	if (!ok)
		unit_fail(__FILE__, __LINE__, "no connection over loopback: %s", strerror(errno));
	return ok;
}

/* A socket with the peer at its other end. The peer is as the caller set it up. */
static inline void kit_sockets(struct conn *c, struct peer *p)
{
	int pair[2];

	memset(c, 0, sizeof *c);
	if (!kit_tcp(pair))
		return;
	p->fd = pair[1];
	c->src = (struct source){.cls = &conn_class, .fd = pair[0]};
}

static inline int kit_accept(struct conn *c, struct peer *p)
{
	static const struct addr from = {.family = 4, .ip = {127, 0, 0, 1}};
	int rc;

	kit_sockets(c, p);
	rc = tls_accept(&c->tls, kit_world, &conn_tls, &c->src, &from);
	if (rc == 0)
		rc = loop_add(kit_loop, &c->src);
	return rc;
}

static inline int kit_connect(struct conn *c, struct peer *p, const struct tls_connect *req)
{
	int rc;

	kit_sockets(c, p);
	rc = tls_connect(&c->tls, kit_world, &conn_tls, &c->src, req);
	if (rc == 0)
		rc = loop_add(kit_loop, &c->src);
	return rc;
}

static inline void kit_drop(struct conn *c, struct peer *p)
{
	tls_free(&c->tls);
	if (c->src.loop) {
		loop_close(&c->src);
		loop_turn(kit_loop, 0); /* reaped: it may lie on a stack */
		loop_turn(kit_loop, 0);
	} else if (c->src.fd > 0 && c->failed == 0) {
		close(c->src.fd);
	}
	if (p && p->fd >= 0)
		close(p->fd);
	if (p)
		p->fd = -1;
}

/* Runs everything until nothing has moved for a while. */
static inline void kit_run(struct conn *c, struct peer *p)
{
	for (unsigned idle = 0, n = 0; idle < 3 && n < 200000; n++) {
		struct loop_stats before = loop_stats(kit_loop);
		bool did;

		if (loop_turn(kit_loop, idle ? 1 : 0) < 0)
			return;
		did = loop_stats(kit_loop).events != before.events || fake_step(&kit_fake);
		if (p)
			did |= peer_step(p);
		idle = did ? 0 : idle + 1;
		if (c && p && c->opened && !p->raw && side_open(&p->side) && p->out_n == p->sent)
			return;
	}
}

#endif
