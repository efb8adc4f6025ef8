/*
 * tlsdata: bytes after the handshake, in bulk. Owns neither the socket nor the buffers, only the
 * two records of a connection: many records with one recv(), opened where they lie; many sealed
 * where they were put and sent with one send(). Alerts, the end and its reason are decided here.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "tls_int.h"

#define JOIN 1024     /* a copy of so few bytes costs less than one more piece in a writev() */
#define WARNINGS 4    /* alerts that end nothing, of one connection */
#define EMPTIES 32    /* records without a byte, in a row; BEAST's workaround sends one each */

enum { WARNING = 1, FATAL = 2 };
enum { CLOSE_NOTIFY = 0, UNEXPECTED_MESSAGE = 10, BAD_RECORD_MAC = 20 };

const char *tls_end_text(enum tls_end e)
{
	static const char *const texts[] = {
		[TLS_GOING] = "it is not over",
		[TLS_CLEAN] = "the peer closed it properly",
		[TLS_TRUNCATED] = "the connection ended without the peer's farewell: it may have been cut",
		[TLS_FORGED] = "a record was forged or damaged",
		[TLS_REFUSED] = "the peer ended it with an alert",
		[TLS_STRANGE] = "the peer sent what has no place in an open connection",
		[TLS_RESET] = "the connection was reset",
	};

	return (unsigned)e < ARRAY_LEN(texts) ? texts[e] : "?";
}

/* ---- reading ----------------------------------------------------------------------------- */

bool tls_in_idle(const struct tls_in *in)
{
	return in->first == in->pieces && in->opened == in->have;
}

void tls_in_take(struct tls_in *in, size_t n)
{
	while (n > 0) {
		struct span *p = &in->piece[in->first];
		size_t m;

		ZT_ASSERT(in->first < in->pieces);
		m = num_min(n, p->n);
		*p = span_sub(*p, m, p->n);
		n -= m;
		if (p->n == 0)
			in->first++;
	}
}

/* Everything opened was taken, so only the beginning of one record can be left. It moves to the
 * front when its end might not fit behind it: at most 16 KiB for a whole buffer read. */
static void make_room(struct tls_in *in)
{
	if (in->opened < in->have && in->cap - in->opened >= RECORD_MAX)
		return;
	memmove(in->mem, &in->mem[in->opened], in->have - in->opened);
	in->have -= in->opened;
	in->opened = 0;
}

static size_t room_left(const struct tls_in *in)
{
	size_t part = in->have - in->opened, room = in->cap - in->have;

	if (!in->brief)
		return room;
	return num_min(room, part ? record_rest(&in->mem[in->opened], part) : RECORD_HEADER); /* which says how long it is */
}

/* Small plaintexts, and all that are too many, move up behind the one before: there is only what
 * was header, nonce and tag. */
static void add_piece(struct tls_in *in, uint8_t *p, size_t n)
{
	struct span *last = in->pieces ? &in->piece[in->pieces - 1] : NULL;

	if (last && (n <= JOIN || in->pieces == TLS_PIECES)) {
		memmove(&in->mem[(size_t)(last->p - in->mem) + last->n], p, n);
		last->n += n;
	} else {
		in->piece[in->pieces++] = span_of(p, n);
	}
}

/* One alert a record, whole. RFC 5246 section 7.2 allows others, nobody sends them. */
static enum tls_end take_alert(struct tls *t, struct span s)
{
	if (s.n != 2 || (s.p[0] != WARNING && s.p[0] != FATAL))
		return TLS_STRANGE;
	if (s.p[0] == FATAL) {
		t->alert = s.p[1];
		return TLS_REFUSED;
	}
	if (s.p[1] == CLOSE_NOTIFY)
		return TLS_CLEAN;
	return t->warnings++ < WARNINGS ? TLS_GOING : TLS_STRANGE;
}

/*
 * A HelloRequest or a second ClientHello asks for a renegotiation. RFC 5246 section 7.2.2 has a
 * no_renegotiation alert for it, "always a warning": it would promise to go on. We do not, so it
 * is a message with no place there: unexpected_message, fatal.
 */
static enum tls_end take_record(struct tls *t, struct tls_in *in, const struct record_plain *r)
{
	if (r->type == RECORD_ALERT)
		return take_alert(t, span_of(r->p, r->n));
	if (r->type != RECORD_DATA)
		return TLS_STRANGE;
	if (r->n == 0)
		return t->empties++ < EMPTIES ? TLS_GOING : TLS_STRANGE;
	t->empties = 0;
	add_piece(in, r->p, r->n);
	return TLS_GOING;
}

/* Of a record that could not be opened; the header is still what was received. */
static enum tls_end why_not(const struct tls_in *in, int err)
{
	struct rd r = rd_of(span_of(&in->mem[in->opened], in->have - in->opened));
	uint8_t type = rd_u8(&r);

	if (err == -ZT_E_SYNTAX && (type < RECORD_CCS || type > RECORD_DATA || rd_be16(&r) != TLS12))
		return TLS_STRANGE;
	return TLS_FORGED;
}

static void open_all(struct tls *t, struct tls_in *in)
{
	while (t->end == TLS_GOING) {
		struct record_plain r;
		int n = record_open(&t->in, &in->mem[in->opened], in->have - in->opened, &r);

		if (n == ZT_MORE)
			return;
		if (n < 0) {
			t->end = (uint8_t)why_not(in, n);
			return;
		}
		in->opened += (size_t)n;
		t->end = (uint8_t)take_record(t, in, &r);
	}
}

static size_t plain_bytes(const struct tls_in *in)
{
	size_t n = 0;

	for (size_t i = in->first; i < in->pieces; i++)
		n += in->piece[i].n;
	return n;
}

ssize_t tls_read(struct tls *t, struct tls_in *in)
{
	ssize_t n;

	ZT_ASSERT(in->first == in->pieces && in->cap >= RECORD_MAX && t->state == TLS_OPEN);
	in->first = in->pieces = 0;
	if (t->end == TLS_GOING) {
		make_room(in);
		n = recv(t->src->fd, &in->mem[in->have], room_left(in), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return -ZT_E_AGAIN;
		if (n <= 0)
			t->end = n < 0 ? TLS_RESET : TLS_TRUNCATED;
		else
			in->have += (size_t)n;
		open_all(t, in);
	}
	if (t->end != TLS_GOING) /* whatever is behind the end is nobody's */
		in->opened = in->have;
	n = (ssize_t)plain_bytes(in);
	return n == 0 && t->end == TLS_GOING ? -ZT_E_AGAIN : n;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Full records stand one behind the other, so that they leave in one piece. */
static size_t slot_bytes(const struct tls *t)
{
	return record_head(&t->out) + t->most + AEAD_TAG;
}

size_t tls_out_space(const struct tls *t, const struct tls_out *o, struct iovec *iov, size_t max)
{
	size_t around = record_head(&t->out) + AEAD_TAG, room = o->cap, at = 0, n = 0;

	if (o->mem == NULL || o->head != o->tail || t->said_bye || room <= TLS_ALERT_BYTES)
		return 0;
	room -= TLS_ALERT_BYTES;
	while (n < max && n < TLS_SLOTS && room > around) {
		size_t plain = num_min(room - around, t->most);

		iov[n++] = (struct iovec){&o->mem[at + record_head(&t->out)], plain};
		at += slot_bytes(t);
		room -= around + plain;
	}
	return n;
}

size_t tls_out_room(const struct tls *t, size_t cap)
{
	size_t slot = slot_bytes(t), around = slot - t->most, room, full;

	if (t->said_bye || cap <= TLS_ALERT_BYTES)
		return 0;
	room = cap - TLS_ALERT_BYTES;
	full = num_min(room / slot, TLS_SLOTS);
	room -= full * slot;
	return full * t->most + (full < TLS_SLOTS && room > around ? room - around : 0);
}

void tls_out_copy(const struct tls *t, struct tls_out *o, size_t at, struct span s)
{
	ZT_ASSERT(o->head == o->tail && at + s.n <= tls_out_room(t, o->cap));
	while (s.n > 0) {
		size_t into = at % t->most, part = num_min(s.n, t->most - into);

		memcpy(&o->mem[at / t->most * slot_bytes(t) + record_head(&t->out) + into], s.p, part);
		s = span_sub(s, part, s.n);
		at += part;
	}
}

int tls_out_seal(struct tls *t, struct tls_out *o, size_t n)
{
	ZT_ASSERT(o->head == o->tail && !t->said_bye);
	o->head = o->tail = 0;
	while (n > 0) {
		size_t plain = num_min(n, t->most);
		int rc;

		ZT_ASSERT(o->tail + record_head(&t->out) + plain + AEAD_TAG + TLS_ALERT_BYTES <= o->cap);
		rc = record_seal(&t->out, RECORD_DATA, &o->mem[o->tail], plain);
		if (rc < 0)
			return rc;
		o->tail += (size_t)rc;
		n -= plain;
	}
	return 0;
}

ssize_t tls_out_send(struct tls *t, struct tls_out *o)
{
	ssize_t n;

	if (o->head == o->tail)
		return 0;
	n = send(t->src->fd, &o->mem[o->head], o->tail - o->head, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? -ZT_E_AGAIN : -ZT_E_RESET;
	o->head += (size_t)n;
	if (o->head == o->tail)
		o->head = o->tail = 0;
	return n;
}

void tls_bye(struct tls *t, struct tls_out *o)
{
	static const uint8_t words[][2] = {
		[TLS_GOING] = {WARNING, CLOSE_NOTIFY},
		[TLS_CLEAN] = {WARNING, CLOSE_NOTIFY},
		[TLS_TRUNCATED] = {WARNING, CLOSE_NOTIFY}, /* it may have shut one direction only */
		[TLS_FORGED] = {FATAL, BAD_RECORD_MAC},
		[TLS_STRANGE] = {FATAL, UNEXPECTED_MESSAGE},
		[TLS_REFUSED] = {0, 0},
		[TLS_RESET] = {0, 0},
	};
	const uint8_t *say = words[t->end];
	uint8_t *at;
	int rc;

	if (t->state != TLS_OPEN || t->said_bye)
		return;
	t->said_bye = true;
	if (say[0] == 0)
		return;
	ZT_ASSERT(o->mem && o->cap - o->tail >= TLS_ALERT_BYTES); /* tls_out_space() left it */
	at = &o->mem[o->tail];
	memcpy(&at[record_head(&t->out)], say, 2);
	rc = record_seal(&t->out, RECORD_ALERT, at, 2);
	if (rc > 0)
		o->tail += (size_t)rc;
}
