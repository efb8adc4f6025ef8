/*
 * fakedns: a name server inside the test, on loopback sockets of the same loop. It notes every
 * question and does nothing else by itself: the test's script answers, late, wrongly, twice,
 * or not at all. Included by the tests that need it; everything is static.
 */
#ifndef ZT_FAKEDNS_H
#define ZT_FAKEDNS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/loop.h"
#include "io/net.h"
#include "tests/unit/unit.h"
#include "wire/dns.h"

struct fakedns;

struct fake_question {
	struct fakedns *at;
	struct fake_conn *conn; /* NULL: UDP */
	struct sockaddr_in from;
	uint16_t id, type;
	char name[256];
	uint8_t raw[600];
	size_t n;
};

struct fake_conn {
	struct source src;
	struct fakedns *dns;
	uint8_t in[700], out[20000];
	size_t in_n, out_n, out_at;
	size_t split; /* > 0: this many bytes first, the rest a turn later */
	bool hang_up; /* close when all is sent */
	bool reset;   /* … or throw everything away with an RST */
	bool used;
};

struct fakedns {
	struct loop *loop;
	struct source udp, tcp;
	struct addr at;
	void (*script)(struct fake_question *q); /* called for every question; may be NULL */
	struct fake_question seen[160];
	size_t n;
	/* Slots and not malloc(): the fault tests count what the resolver allocates. */
	struct fake_conn conn[6];
	size_t conns;
	bool mute_tcp; /* take connections and never read */
};

/* ---- replies -------------------------------------------------------------------------- */

struct fake_reply {
	struct wr w;
	uint8_t mem[16000];
	uint16_t answers;
	size_t question_end;
};

/* flags: 0x8180 fine, 0x8183 NXDOMAIN, 0x8182 SERVFAIL, 0x8380 truncated */
static inline void reply_begin(struct fake_reply *r, const struct fake_question *q, uint16_t flags)
{
	r->answers = 0;
	r->w = wr_of(r->mem, sizeof r->mem);
	wr_bytes(&r->w, q->raw, q->n);
	wr_patch_be16(&r->w, 2, flags);
	r->question_end = r->w.n;
}

static inline void reply_name(struct fake_reply *r, const char *name)
{
	struct dns_name n;

	if (name == NULL) {
		wr_be16(&r->w, 0xc00c); /* the question's */
	} else {
		CHECK_INT(dns_name_parse(span_str(name), &n), 0);
		wr_bytes(&r->w, n.wire, n.n);
	}
}

static inline void reply_head(struct fake_reply *r, const char *owner, uint16_t type, uint32_t ttl)
{
	reply_name(r, owner);
	wr_be16(&r->w, type);
	wr_be16(&r->w, 1);
	wr_be32(&r->w, ttl);
	wr_patch_be16(&r->w, 6, ++r->answers);
}

static inline void reply_addr(struct fake_reply *r, const char *owner, const char *ip, uint32_t ttl)
{
	struct addr a;

	CHECK_INT(addr_parse_ip(span_str(ip), &a), 0);
	reply_head(r, owner, a.family == 4 ? DNS_A : DNS_AAAA, ttl);
	wr_be16(&r->w, a.family == 4 ? 4 : 16);
	wr_bytes(&r->w, a.ip, a.family == 4 ? 4 : 16);
}

static inline void reply_cname(struct fake_reply *r, const char *owner, const char *target, uint32_t ttl)
{
	struct dns_name n;

	CHECK_INT(dns_name_parse(span_str(target), &n), 0);
	reply_head(r, owner, DNS_CNAME, ttl);
	wr_be16(&r->w, n.n);
	wr_bytes(&r->w, n.wire, n.n);
}

/* The SOA of the root, so that any "no" may be remembered for ttl seconds. */
static inline void reply_soa(struct fake_reply *r, uint32_t ttl)
{
	wr_u8(&r->w, 0);
	wr_be16(&r->w, DNS_SOA);
	wr_be16(&r->w, 1);
	wr_be32(&r->w, ttl);
	wr_be16(&r->w, 22);
	wr_be16(&r->w, 0);
	for (int i = 0; i < 5; i++)
		wr_be32(&r->w, ttl);
	wr_patch_be16(&r->w, 8, 1);
}

static inline void fake_send(const struct fake_question *q, struct span msg)
{
	struct fake_conn *c = q->conn;

	if (c == NULL) {
		CHECK_INT(sendto(q->at->udp.fd, msg.p, msg.n, 0, (const struct sockaddr *)&q->from,
				 sizeof q->from), (ssize_t)msg.n);
		return;
	}
	CHECK(c->out_n + 2 + msg.n <= sizeof c->out);
	c->out[c->out_n++] = (uint8_t)(msg.n >> 8);
	c->out[c->out_n++] = (uint8_t)msg.n;
	memcpy(c->out + c->out_n, msg.p, msg.n);
	c->out_n += msg.n;
	loop_touch(&c->src);
}

static inline void reply_send(struct fake_reply *r, const struct fake_question *q)
{
	CHECK(!r->w.full);
	fake_send(q, wr_span(&r->w));
}

/* One address of the type asked, or NODATA when ip is of the other family or NULL. */
static inline void reply_ip(const struct fake_question *q, const char *ip, uint32_t ttl)
{
	struct fake_reply r;
	bool six = ip && strchr(ip, ':');

	reply_begin(&r, q, 0x8180);
	if (ip && six == (q->type == DNS_AAAA))
		reply_addr(&r, NULL, ip, ttl);
	reply_send(&r, q);
}

static inline void reply_flags(const struct fake_question *q, uint16_t flags)
{
	struct fake_reply r;

	reply_begin(&r, q, flags);
	reply_send(&r, q);
}

/* ---- the server ----------------------------------------------------------------------- */

static inline void fake_take(struct fakedns *f, struct fake_conn *conn, struct span msg,
			     const struct sockaddr_in *from)
{
	struct fake_question *q = &f->seen[f->n];
	struct rd r = rd_of(msg);
	size_t at = 0;
	uint8_t len;

	if (f->n == ARRAY_LEN(f->seen)) {
		unit_fail(__FILE__, __LINE__, "more questions than the fake server can hold");
		return;
	}
	*q = (struct fake_question){.at = f, .conn = conn, .n = msg.n};
	if (from)
		q->from = *from;
	CHECK(msg.n <= sizeof q->raw && msg.n >= DNS_HEADER);
	memcpy(q->raw, msg.p, msg.n);
	q->id = rd_be16(&r);
	CHECK_INT(rd_be16(&r), 0x0100);
	CHECK_INT(rd_be16(&r), 1);
	rd_bytes(&r, 6);
	while ((len = rd_u8(&r)) != 0 && !r.bad) {
		struct span label = rd_bytes(&r, len);

		if (at)
			q->name[at++] = '.';
		memcpy(q->name + at, label.p, label.n);
		at += label.n;
	}
	q->type = rd_be16(&r);
	CHECK_INT(rd_be16(&r), 1);
	CHECK(!r.bad && rd_left(&r) == 0);
	f->n++;
	if (f->script)
		f->script(q);
}

static inline unsigned fake_wants_in(const struct source *s)
{
	(void)s;
	return LOOP_IN;
}

static inline void fake_udp_ready(struct source *s, unsigned events)
{
	struct fakedns *f = CONTAINER_OF(s, struct fakedns, udp);
	struct sockaddr_in from;
	uint8_t mem[600];

	(void)events;
	for (;;) {
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(s->fd, mem, sizeof mem, 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == ECONNREFUSED)
			continue; /* somebody we answered has gone: that is what late replies are for */
		if (n < 0)
			return;
		fake_take(f, NULL, span_of(mem, (size_t)n), &from);
	}
}

static inline unsigned fake_conn_wants(const struct source *s)
{
	const struct fake_conn *c = CONTAINER_OF(s, const struct fake_conn, src);

	return (c->dns->mute_tcp ? 0 : LOOP_IN) | (c->out_at < c->out_n ? LOOP_OUT : 0);
}

static inline void fake_conn_reap(struct source *s)
{
	struct fake_conn *c = CONTAINER_OF(s, struct fake_conn, src);

	c->dns->conns--;
	c->used = false;
}

static inline void fake_conn_write(struct fake_conn *c)
{
	size_t n = c->out_n - c->out_at;
	ssize_t sent;

	if (n == 0)
		return;
	if (c->split && c->split < n) {
		n = c->split;
		c->split = 0; /* the rest when the loop comes round again */
	}
	sent = send(c->src.fd, c->out + c->out_at, n, MSG_NOSIGNAL);
	if (sent < 0)
		return;
	c->out_at += (size_t)sent;
	if (c->out_at == c->out_n && c->hang_up)
		loop_close(&c->src);
}

static inline void fake_conn_ready(struct source *s, unsigned events)
{
	struct fake_conn *c = CONTAINER_OF(s, struct fake_conn, src);
	struct linger rst = {1, 0};
	ssize_t n;

	if (events & LOOP_OUT)
		fake_conn_write(c);
	if (loop_closed(s) || !(events & (LOOP_IN | LOOP_HUP)))
		return;
	n = recv(s->fd, c->in + c->in_n, sizeof c->in - c->in_n, 0);
	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			loop_close(s);
		return;
	}
	c->in_n += (size_t)n;
	if (c->in_n < 2 || c->in_n < 2 + ((size_t)c->in[0] << 8 | c->in[1]))
		return;
	fake_take(c->dns, c, span_of(c->in + 2, c->in_n - 2), NULL);
	c->in_n = 0;
	if (c->reset) {
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
		loop_close(s);
	}
}

static const struct source_class fake_conn_class = {"fakedns-conn", fake_conn_wants, fake_conn_ready,
						    fake_conn_reap};

static inline void fake_tcp_ready(struct source *s, unsigned events)
{
	struct fakedns *f = CONTAINER_OF(s, struct fakedns, tcp);
	struct fake_conn *c = f->conn;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	while (c->used && c < &f->conn[ARRAY_LEN(f->conn) - 1])
		c++;
	CHECK(fd >= 0 && !c->used);
	*c = (struct fake_conn){.src = {.cls = &fake_conn_class, .fd = fd}, .dns = f, .used = true};
	f->conns++;
	CHECK_INT(loop_add(f->loop, &c->src), 0);
}

static const struct source_class fake_udp_class = {"fakedns-udp", fake_wants_in, fake_udp_ready, NULL};
static const struct source_class fake_tcp_class = {"fakedns-tcp", fake_wants_in, fake_tcp_ready, NULL};

/* On 127.0.0.1 and a free port, the same for UDP and TCP. tcp false: that port refuses. */
static inline void fakedns_open(struct fakedns *f, struct loop *l, bool tcp,
				void (*script)(struct fake_question *q))
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sin;
	int udp, tcp_fd = -1, tries = 0;

	*f = (struct fakedns){.loop = l, .script = script};
	do { /* the port may be taken for TCP: draw again */
		udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		sin.sin_port = 0;
		CHECK_INT(bind(udp, (struct sockaddr *)&sin, sizeof sin), 0);
		CHECK_INT(getsockname(udp, (struct sockaddr *)&sin, &len), 0);
		tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (bind(tcp_fd, (struct sockaddr *)&sin, sizeof sin) == 0)
			break;
		close(udp);
		close(tcp_fd);
		tcp_fd = -1;
	} while (++tries < 20);
	CHECK(tcp_fd >= 0);
	f->at = net_local(udp);
	f->udp = (struct source){.cls = &fake_udp_class, .fd = udp};
	CHECK_INT(loop_add(l, &f->udp), 0);
	if (!tcp) {
		close(tcp_fd);
		return;
	}
	CHECK_INT(listen(tcp_fd, 16), 0);
	f->tcp = (struct source){.cls = &fake_tcp_class, .fd = tcp_fd};
	CHECK_INT(loop_add(l, &f->tcp), 0);
}

/* How many questions of one type (0: of any) have arrived. */
static inline size_t fakedns_count(const struct fakedns *f, uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += type == 0 || f->seen[i].type == type;
	return n;
}

#endif
