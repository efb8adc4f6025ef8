/*
 * front_io: the bytes of one connection, plain or TLS, in both directions. Owns the memory that they
 * need, which is there only while they flow: an idle connection has none. Never looks at what they say.
 *
 * Allocates an inbox and an outbox for each connection that is moving bytes: at most 44 KB under
 * BOUND_CA_CONNS, freed when they are empty.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ct.h"
#include "base/num.h"
#include "front.h"
#include "wire/pem.h"

/* A HELLO or the head of a request, whichever is longer. */
#define INBOX (ENROLD_IN > HTTPGET_HEAD ? ENROLD_IN : HTTPGET_HEAD)
#define DRAIN_MOST (1u << 18) /* bytes that are read only to be thrown away */

struct inbox {
	size_t n, drained;
	uint8_t mem[INBOX];
	struct tls_in tls;
	uint8_t record[]; /* RECORD_MAX of them with TLS */
};

struct outbox {
	struct tls_out tls;
	size_t head, tail; /* plain: [head, tail) waits for the socket */
	uint8_t mem[RECORD_MAX + TLS_ALERT_BYTES];
};

/* ---- reading ------------------------------------------------------------------------------- */

static struct inbox *inbox_of(struct peer *c)
{
	size_t record = c->secure ? RECORD_MAX : 0;

	if (c->in)
		return c->in;
	c->in = calloc(1, sizeof *c->in + record);
	if (c->in) {
		c->in->tls.mem = c->in->record;
		c->in->tls.cap = record;
		c->in->tls.brief = true;
	}
	return c->in;
}

struct span io_span(const struct peer *c)
{
	return c->in ? span_of(c->in->mem, c->in->n) : SPAN_NONE;
}

void io_take(struct peer *c, size_t n)
{
	memmove(c->in->mem, &c->in->mem[n], c->in->n - n);
	c->in->n -= n;
}

/* Plaintext that was opened already and had no room yet. */
static size_t take_pieces(struct inbox *in)
{
	size_t before = in->n;

	while (in->tls.first < in->tls.pieces && in->n < sizeof in->mem) {
		struct span s = span_sub(in->tls.piece[in->tls.first], 0, sizeof in->mem - in->n);

		memcpy(&in->mem[in->n], s.p, s.n);
		in->n += s.n;
		tls_in_take(&in->tls, s.n);
	}
	return in->n - before;
}

static int read_tls(struct peer *c, struct inbox *in)
{
	ssize_t n;

	if (take_pieces(in))
		return 1;
	n = tls_read(&c->tls, &in->tls);
	if (n > 0)
		return take_pieces(in) ? 1 : -ZT_E_AGAIN;
	if (n == -ZT_E_AGAIN)
		return -ZT_E_AGAIN;
	return n == 0 && c->tls.end == TLS_CLEAN ? 0 : -ZT_E_RESET;
}

static int read_plain(struct peer *c, struct inbox *in)
{
	ssize_t n = recv(c->src.fd, &in->mem[in->n], sizeof in->mem - in->n, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -ZT_E_AGAIN : -ZT_E_RESET;
	in->n += (size_t)n;
	return n > 0;
}

int io_read(struct peer *c)
{
	struct inbox *in = inbox_of(c);

	if (in == NULL)
		return -ZT_E_NOMEM;
	if (in->n == sizeof in->mem)
		return -ZT_E_FULL;
	return c->secure ? read_tls(c, in) : read_plain(c, in);
}

int io_drain(struct peer *c)
{
	struct inbox *in = inbox_of(c);
	ssize_t n;

	if (in == NULL)
		return -ZT_E_NOMEM;
	n = recv(c->src.fd, in->mem, sizeof in->mem, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -ZT_E_AGAIN : -ZT_E_RESET;
	in->drained += (size_t)n;
	if (in->drained > DRAIN_MOST)
		return -ZT_E_RESET;
	return n ? -ZT_E_AGAIN : 0;
}

/* ---- what is sent -------------------------------------------------------------------------- */

#define PEM_LINE 48 /* bytes of DER in a line of 64 */

struct pem_plan {
	char first[PEM_LABEL_MAX + 20], last[PEM_LABEL_MAX + 20];
	size_t first_n, last_n, body_n;
};

static struct pem_plan pem_plan(size_t der, const char *label)
{
	struct pem_plan p;
	struct wr f = wr_of(p.first, sizeof p.first), l = wr_of(p.last, sizeof p.last);
	size_t rest = der % PEM_LINE;

	wr_fmt(&f, "-----BEGIN %s-----\n", label);
	wr_fmt(&l, "-----END %s-----\n", label);
	p.first_n = f.n;
	p.last_n = l.n;
	p.body_n = der / PEM_LINE * 65 + (rest ? (rest + 2) / 3 * 4 + 1 : 0);
	return p;
}

size_t io_pem_bytes(size_t der, const char *label)
{
	const struct pem_plan p = pem_plan(der, label);

	return p.first_n + p.body_n + p.last_n;
}

static size_t copy(struct span s, size_t from, uint8_t *to, size_t cap)
{
	s = span_sub(s, from, cap);
	if (s.n)
		memcpy(to, s.p, s.n);
	return s.n;
}

/* Bytes from `at` on of the armour around der, at most one line of them. */
static size_t pem_part(struct span der, const char *label, size_t at, uint8_t *to, size_t cap)
{
	const struct pem_plan p = pem_plan(der.n, label);
	char line[65];
	struct span part;
	size_t n;

	if (at < p.first_n)
		return copy(span_of(p.first, p.first_n), at, to, cap);
	at -= p.first_n;
	if (at >= p.body_n)
		return copy(span_of(p.last, p.last_n), at - p.body_n, to, cap);
	part = span_sub(der, at / 65 * PEM_LINE, PEM_LINE);
	ct_b64_encode(part.p, part.n, line);
	n = CT_B64PAD_LEN(part.n);
	line[n] = '\n';
	return copy(span_of(line, n + 1), at % 65, to, cap);
}

/* The next bytes of all that is sent, as many as fit. */
static size_t fill(struct outgoing *o, uint8_t *to, size_t cap)
{
	size_t n = 0;

	while (n < cap && o->at < o->total) {
		size_t got;

		if (o->at < o->head_n)
			got = copy(span_of(o->head, o->head_n), o->at, &to[n], cap - n);
		else if (o->pem)
			got = pem_part(cadoc_span(o->doc), o->pem, o->at - o->head_n, &to[n], cap - n);
		else
			got = copy(cadoc_span(o->doc), o->at - o->head_n, &to[n], cap - n);
		n += got;
		o->at += got;
	}
	return n;
}

/* ---- sending ------------------------------------------------------------------------------- */

static struct outbox *outbox_of(struct peer *c)
{
	if (c->out)
		return c->out;
	c->out = calloc(1, sizeof *c->out);
	if (c->out) {
		c->out->tls.mem = c->out->mem;
		c->out->tls.cap = sizeof c->out->mem;
	}
	return c->out;
}

/* One record, or what waits of the last one. 1: went on, 0: nothing left. */
static int send_tls(struct peer *c, struct outbox *o)
{
	struct iovec iov;
	ssize_t n;

	if (c->send.at < c->send.total && tls_out_space(&c->tls, &o->tls, &iov, 1) == 1) {
		int rc = tls_out_seal(&c->tls, &o->tls, fill(&c->send, iov.iov_base, iov.iov_len));

		if (rc < 0)
			return -ZT_E_RESET;
	}
	n = tls_out_send(&c->tls, &o->tls);
	return n > 0 ? 1 : (int)n;
}

static int send_plain(struct peer *c, struct outbox *o)
{
	ssize_t n;

	if (o->head == o->tail) {
		o->head = 0;
		o->tail = fill(&c->send, o->mem, sizeof o->mem);
	}
	if (o->head == o->tail)
		return 0;
	n = send(c->src.fd, &o->mem[o->head], o->tail - o->head, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -ZT_E_AGAIN : -ZT_E_RESET;
	o->head += (size_t)n;
	return 1;
}

int io_send(struct peer *c)
{
	struct outbox *o = outbox_of(c);
	int rc = 1;

	if (o == NULL)
		return -ZT_E_NOMEM;
	for (unsigned i = 0; rc == 1 && i < LOOP_BUDGET / RECORD_PLAIN; i++)
		rc = c->secure ? send_tls(c, o) : send_plain(c, o);
	return rc == 1 ? -ZT_E_AGAIN : rc;
}

int io_bye(struct peer *c)
{
	struct outbox *o = c->secure ? outbox_of(c) : NULL;
	ssize_t n = 0;

	if (c->secure && o == NULL)
		return -ZT_E_NOMEM;
	if (o && !c->said_bye)
		tls_bye(&c->tls, &o->tls);
	c->said_bye = true;
	do
		n = o ? tls_out_send(&c->tls, &o->tls) : 0;
	while (n > 0);
	if (n < 0)
		return (int)n;
	shutdown(c->src.fd, SHUT_WR);
	free(c->out);
	c->out = NULL;
	return 0;
}

bool io_more(const struct peer *c)
{
	return c->in && c->in->tls.first < c->in->tls.pieces;
}

void io_idle(struct peer *c)
{
	if (c->in && c->in->n == 0 && (!c->secure || tls_in_idle(&c->in->tls))) {
		free(c->in);
		c->in = NULL;
	}
	free(c->out);
	c->out = NULL;
}

void io_free(struct peer *c)
{
	free(c->in);
	free(c->out);
	c->in = NULL;
	c->out = NULL;
}
