/*
 * tls_open: a connection that is open already, with keys that the test knows, and the other end's
 * records: whatever a peer can say is written record by record.
 */
#ifndef ZT_TLS_OPEN_H
#define ZT_TLS_OPEN_H

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"
#include "base/num.h"
#include "io/tls.h"

struct open_tls {
	struct source src;
	struct tls tls;
	struct tls_in in;
	struct tls_out out;
	struct record their_out, their_in;
	int peer; /* the other end of src.fd */
	uint8_t in_mem[65536], out_mem[TLS_OUT_BYTES];
};

static inline void open_start(struct open_tls *o, enum aead_kind k)
{
	struct record_keys keys[4] = {{.key = {1, 2}, .iv = {3}, .seq = 1}, {.key = {4, 5}, .iv = {6}, .seq = 1}};
	int pair[2];

	memset(o, 0, sizeof *o);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	o->src.fd = pair[0];
	o->peer = pair[1];
	o->tls.src = &o->src;
	o->tls.state = TLS_OPEN;
	o->tls.most = RECORD_PLAIN;
	keys[2] = keys[0];
	keys[3] = keys[1];
	record_init(&o->tls.in, k, &keys[0]);
	record_init(&o->tls.out, k, &keys[1]);
	record_init(&o->their_out, k, &keys[2]);
	record_init(&o->their_in, k, &keys[3]);
	o->in.mem = o->in_mem;
	o->in.cap = sizeof o->in_mem;
	o->out.mem = o->out_mem;
	o->out.cap = sizeof o->out_mem;
}

static inline void open_end(struct open_tls *o)
{
	tls_free(&o->tls);
	close(o->src.fd);
	if (o->peer >= 0)
		close(o->peer);
	o->peer = -1;
}

/* A sealed record of the peer, into out; its length. */
static inline size_t open_record(struct open_tls *o, uint8_t type, const void *p, size_t n, uint8_t *out)
{
	int rc;

	if (n)
		memcpy(&out[record_head(&o->their_out)], p, n);
	rc = record_seal(&o->their_out, type, out, n);
	return rc < 0 ? 0 : (size_t)rc;
}

static inline void open_send(struct open_tls *o, uint8_t type, const void *p, size_t n)
{
	static uint8_t mem[RECORD_MAX];
	size_t len = open_record(o, type, p, n, mem);

	if (send(o->peer, mem, len, MSG_NOSIGNAL) != (ssize_t)len)
		unit_fail(__FILE__, __LINE__, "send: %s", strerror(errno));
}

/* Everything tls_read() gives until it has no more, twice: a call is one recv(). Its last word. */
static inline ssize_t open_read(struct open_tls *o, uint8_t *to, size_t cap, size_t *n)
{
	ssize_t rc = 0;

	*n = 0;
	for (unsigned nothing = 0; nothing < 2; nothing += rc <= 0) {
		rc = tls_read(&o->tls, &o->in);
		for (size_t left = rc > 0 ? (size_t)rc : 0; left > 0;) {
			struct span p = o->in.piece[o->in.first];
			size_t m = num_min(num_min(p.n, 1 + left / 2), cap - *n); /* takes it in bites */

			if (m == 0) {
				unit_fail(__FILE__, __LINE__, "too much");
				return rc;
			}
			memcpy(&to[*n], p.p, m);
			*n += m;
			left -= m;
			tls_in_take(&o->in, m);
		}
	}
	return rc;
}

/* The alert that we said: level * 256 + number; -1: nothing; -2: something else. */
static inline int open_said(struct open_tls *o)
{
	static uint8_t mem[RECORD_MAX];
	struct record_plain r;
	ssize_t n;

	while (tls_out_send(&o->tls, &o->out) > 0)
		;
	n = recv(o->peer, mem, sizeof mem, MSG_DONTWAIT);
	if (n <= 0)
		return -1;
	if (record_open(&o->their_in, mem, (size_t)n, &r) != n || r.type != RECORD_ALERT || r.n != 2)
		return -2;
	return r.p[0] * 256 + r.p[1];
}

#endif
