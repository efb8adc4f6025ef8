/*
 * dial_kit: a dialer above resolve_kit's resolver, and places to dial on 127.0.0.0/8: one that
 * answers, one that refuses, one that hangs. IPv6 answers are given as ::ffff:127.0.0.x, which
 * are IPv4 from the moment they are read: the tests need no IPv6 on the machine, and what is
 * raced are the two look-ups, not the two protocols.
 */
#ifndef ZT_DIAL_KIT_H
#define ZT_DIAL_KIT_H

#include <netinet/tcp.h>

#include "io/dial.h"
#include "descriptors.h"
#include "resolve_kit.h"

static struct dialer *dialer;
static uint16_t port; /* the same at every place */
static int places[400];
static unsigned places_n;
static int descriptors_before;

struct call {
	struct dial *dial;
	unsigned dones;
	int rc, fd;
	struct addr peer;
	uint64_t dns_ns, took_ns;
	size_t n;
	struct dial_attempt tried[DIAL_ATTEMPTS];
	const char *denies;     /* allow() says no to this address ("*": to all) */
	struct call *cancels;   /* in done() */
	const char *then;       /* dialled from done() */
	const struct net_tune *tune;
	uint64_t timeout_ns, again_ns;
};

static inline int dial_to(struct call *c, const char *host);

static inline void call_done(void *owner, const struct dial_result *r)
{
	struct call *c = owner;
	const char *then = c->then;

	c->dones++;
	c->rc = r->rc;
	c->fd = r->fd;
	c->peer = r->peer;
	c->dns_ns = r->dns_ns;
	c->took_ns = r->took_ns;
	c->n = r->n;
	memcpy(c->tried, r->tried, r->n * sizeof r->tried[0]);
	if (c->cancels)
		dial_cancel(c->cancels->dial);
	c->then = NULL;
	if (then)
		CHECK_INT(dial_to(c, then), 0);
}

static inline bool call_allow(void *owner, const struct addr *to)
{
	const struct call *c = owner;
	struct addr no;

	if (strcmp(c->denies, "*") == 0)
		return false;
	CHECK_INT(addr_parse_ip(span_str(c->denies), &no), 0);
	CHECK_INT(to->port, port);
	return !addr_same_ip(&no, to);
}

static inline int dial_to(struct call *c, const char *host)
{
	struct dial_req req = {.host = span_str(host), .port = port, .timeout_ns = 10 * NS_PER_S,
			       .done = call_done, .owner = c, .tune = c->tune};

	if (c->denies)
		req.allow = call_allow;
	req.again_ns = c->again_ns;
	if (c->timeout_ns)
		req.timeout_ns = c->timeout_ns;
	return dial_start(dialer, &req, &c->dial);
}

static inline int place_socket(const char *ip, struct sockaddr_storage *ss, socklen_t *n)
{
	struct addr a;
	int fd;

	CHECK_INT(addr_parse_ip(span_str(ip), &a), 0);
	a.port = port;
	*n = net_to_sockaddr(&a, ss);
	fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(fd, (struct sockaddr *)ss, *n), 0);
	port = net_local(fd).port;
	a.port = port;
	*n = net_to_sockaddr(&a, ss);
	places[places_n++] = fd;
	return fd;
}

/* Bound and not listening: refuses, and nobody else gets the port. */
static inline void refusing(const char *ip)
{
	struct sockaddr_storage ss;
	socklen_t n;

	place_socket(ip, &ss, &n);
}

static inline int answering(const char *ip)
{
	struct sockaddr_storage ss;
	socklen_t n;
	int fd = place_socket(ip, &ss, &n);

	CHECK_INT(listen(fd, 512), 0);
	return fd;
}

/* Its queue of one is full, and the kernel drops every further SYN. */
static inline int hanging(const char *ip)
{
	struct sockaddr_storage ss;
	socklen_t n;
	int fd = place_socket(ip, &ss, &n);

	CHECK_INT(listen(fd, 0), 0);
	for (int i = 0; i < 3; i++) {
		int filler = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		(void)!connect(filler, (struct sockaddr *)&ss, n);
		places[places_n++] = filler;
	}
	return fd;
}

static inline void start_dialing(void (*script)(struct fake_question *q))
{
	descriptors_before = open_descriptors();
	port = 0;
	places_n = 0;
	start(1, false, script);
	CHECK_INT(dialer_new(&dialer, loop, resolver, &bounds), 0);
}

/* Nothing is left: no dial, no query, no socket. */
static inline void end_dialing(void)
{
	turns(1, 0);
	dialer_free(dialer);
	CHECK_INT(bounds.row[BOUND_DIALS].used, 0);
	end();
	while (places_n)
		close(places[--places_n]);
	CHECK_INT(open_descriptors(), descriptors_before);
}

static inline void step_ms(unsigned ms)
{
	clock_fake_step(&now, ms * NS_PER_MS);
	quiet();
}

/* "127.0.0.6 cancelled, 127.0.0.4 ok" */
static inline const char *record(const struct call *c)
{
	static char out[1200];
	struct wr w = wr_of(out, sizeof out - 1);

	for (size_t i = 0; i < c->n; i++) {
		if (i)
			wr_str(&w, ", ");
		addr_write_ip(&w, &c->tried[i].to);
		wr_fmt(&w, " %s", err_name((enum zt_err)-c->tried[i].err));
		CHECK_INT(c->tried[i].to.port, port);
	}
	out[w.n] = 0;
	return out;
}

/* AAAA: 127.0.0.6x; A: 127.0.0.4x, as many as the script says. */
static unsigned script_v6, script_v4;
static inline void numbered(struct fake_question *q)
{
	unsigned n = q->type == DNS_AAAA ? script_v6 : script_v4;
	struct fake_reply r;

	reply_begin(&r, q, 0x8180);
	for (unsigned i = 1; i <= n; i++) {
		const uint8_t mapped[16] = {[10] = 0xff, 0xff, 127, 0, 0, (uint8_t)(60 + i)};
		const uint8_t v4[4] = {127, 0, 0, (uint8_t)(40 + i)};
		bool six = q->type == DNS_AAAA;

		reply_head(&r, NULL, q->type, 60);
		wr_be16(&r.w, six ? 16 : 4);
		wr_bytes(&r.w, six ? mapped : v4, six ? 16 : 4);
	}
	reply_send(&r, q);
}

static inline struct fake_question *question_of(uint16_t type)
{
	for (size_t i = 0; i < dns[0].n; i++)
		if (dns[0].seen[i].type == type)
			return &dns[0].seen[i];
	unit_fail(__FILE__, __LINE__, "no question of type %u", type);
	abort();
}

#endif
