/*
 * sockduct: see sockduct.h. Owns which buffer is borrowed, what lies in it, and how the connection ends. Never
 * decides how long a live one may be silent, and calls its user from the loop only.
 *
 * One turn: what waits leaves; one read comes in, when nothing is left of the one before; the user is told.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "net.h"
#include "sockduct_int.h"
#include "wire/frame.h"

/* A read fills four records of a tunnel, each with the head of its frame; with LOOP_BUDGET the last 32 bytes would be
 * a fifth. */
#define READ (4 * FRAME_PAYLOAD)
#define CHUNK_AROUND 128
#define LAGS 16384 /* a record: a reader who keeps up has less of it unsent */
#define DIRECT 32768 /* so many plain bytes go to the socket themselves when nothing stands before them */

/* ---- in ---------------------------------------------------------------------------------- */

static ssize_t read_plain(struct sockduct *s)
{
	struct tls_in *in = &s->busy->in;
	ssize_t n = recv(s->src->fd, in->mem, s->d.most && bufs_short(s->bufs) ? num_min(READ, s->d.most) : READ, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -ZT_E_AGAIN;
	if (n < 0)
		sockduct_lost(s, DUCT_RESET, tls_end_text(TLS_RESET));
	else if (n == 0 && !s->d.deaf)
		s->d.end = DUCT_FINISHED;
	if (n <= 0)
		return 0;
	in->piece[0] = span_of(in->mem, (size_t)n);
	in->first = 0;
	in->pieces = 1;
	return n;
}

/* What came for it would lie in a buffer that others need. */
static bool must_not_read(const struct sockduct *s)
{
	return s->d.held_up && !s->d.deaf && bufs_short(s->bufs);
}

static void wake_at(struct sockduct *s, int bytes)
{
	bool done = setsockopt(s->src->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes) == 0;

	s->partly = !done || bytes == 1 ? 0u : bytes == RECORD_HEADER ? PARTLY_HEAD : PARTLY_REST;
}

/* A record that comes slowly, or never to its end, lies in the kernel until then while buffers are short. */
static bool is_partly_here(struct sockduct *s)
{
	bool look = s->tls && !s->d.deaf && bufs_short(s->bufs) && !(s->busy && s->busy->seat[IN].mem);
	uint8_t head[RECORD_HEADER];
	int need = 1; /* what there is, or its end, is to be read */

	if (look && s->partly != PARTLY_REST) {
		ssize_t n = recv(s->src->fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);

		if (n > 0 && n < RECORD_HEADER && !s->partly)
			need = RECORD_HEADER;
		else if (n == RECORD_HEADER && record_need(head, sizeof head) > RECORD_HEADER)
			need = (int)num_min(record_need(head, sizeof head), RECORD_MAX);
	}
	if (need > 1 || s->partly)
		wake_at(s, need);
	return s->partly;
}

/* At least a record, if that is all that it may. */
static ssize_t read_records(struct sockduct *s)
{
	struct tls_in *in = &s->busy->in;
	ssize_t n = tls_read(s->tls, in);

	return n == -ZT_E_AGAIN && in->brief && in->have - in->opened == RECORD_HEADER ? tls_read(s->tls, in) : n;
}

static void pull(struct sockduct *s)
{
	struct sockduct_busy *b;
	ssize_t n;

	if (s->d.deaf && !has_some(s) && s->d.end != DUCT_GOING)
		sockduct_lost(s, DUCT_RESET, tls_end_text(TLS_RESET)); /* its own end came before: nothing is left to wait for */
	if (has_some(s) || s->d.end != DUCT_GOING)
		return;
	if (must_not_read(s) || is_partly_here(s)) {
		loop_touch(s->src); /* it may have become so since the loop asked */
		return;
	}
	if (!sockduct_get_busy(s))
		return;
	b = s->busy;
	if (!bufs_take(s->bufs, &b->seat[IN]))
		return;
	b->in.mem = b->seat[IN].mem;
	b->in.cap = BUFS_BYTES;
	/* Bytes rarely end where a record does: whoever reads on and on would never give the buffer back, and who reads as
	 * much as there is a place for keeps it under the beginning of the record behind that. */
	b->in.brief = bufs_short(s->bufs) && (s->d.most < 2 * BUFS_BYTES || (bufs_wanted(s->bufs) && !tls_in_idle(&b->in)));
	n = s->tls ? read_records(s) : read_plain(s);
	if (n > 0)
		bufs_moved(s->bufs, &b->seat[IN], BUFS_SHARE);
	else if (s->d.deaf)
		sockduct_lost(s, DUCT_RESET, tls_end_text(TLS_RESET));
	sockduct_note_end(s);
	if (b->in.mem && tls_in_idle(&b->in))
		sockduct_give_in(s);
}

static struct span peek(const struct duct *d)
{
	const struct sockduct *s = of(d);

	return has_some(s) ? s->busy->in.piece[s->busy->in.first] : SPAN_NONE;
}

static void take(struct duct *d, size_t n)
{
	struct sockduct *s = of(d);

	tls_in_take(&s->busy->in, n);
	bufs_moved(s->bufs, &s->busy->seat[IN], n);
	if (has_some(s))
		return;
	if (tls_in_idle(&s->busy->in))
		sockduct_give_in(s);
	sockduct_note_end(s);
	if (s->d.deaf)
		loop_again(s->src);
	else
		loop_touch(s->src);
	sockduct_rest(s);
}

/* ---- out --------------------------------------------------------------------------------- */

static bool waits_to_leave(const struct sockduct *s)
{
	return (s->busy && s->busy->unsealed) || waiting(s) || (s->d.finished && !s->fin);
}

static ssize_t send_plain(struct sockduct *s, struct span what)
{
	ssize_t n = send(s->src->fd, what.p, what.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? -ZT_E_AGAIN : -ZT_E_RESET;
}

static ssize_t send_waiting(struct sockduct *s)
{
	struct tls_out *o = &s->busy->out;
	ssize_t n;

	if (s->tls)
		return tls_out_send(s->tls, o);
	n = send_plain(s, span_of(&o->mem[o->head], o->tail - o->head));
	if (n > 0)
		o->head += (size_t)n;
	if (o->head == o->tail)
		o->head = o->tail = 0;
	return n;
}

/* Plaintext becomes records, and the end its alert, behind them. */
static bool seal(struct sockduct *s)
{
	bool says_bye = s->d.finished && !s->tls->said_bye;
	struct sockduct_busy *b;
	size_t n;

	if (says_bye && !sockduct_get_busy(s))
		return false;
	b = s->busy;
	if (b == NULL)
		return true;
	n = b->unsealed;
	b->unsealed = 0;
	if (n && tls_out_seal(s->tls, &b->out, n) < 0) {
		sockduct_lost(s, DUCT_BROKEN, "its keys are used up");
		return false;
	}
	if (!says_bye)
		return true;
	if (b->out.mem == NULL) {
		b->out.mem = b->bye;
		b->out.cap = sizeof b->bye;
	}
	tls_bye(s->tls, &b->out);
	return true;
}

void sockduct_push(struct sockduct *s)
{
	ssize_t n;

	if (s->d.deaf || (s->tls && !seal(s)))
		return;
	if (waiting(s)) {
		n = send_waiting(s);
		if (n > 0) {
			bufs_moved(s->bufs, &s->busy->seat[OUT], (size_t)n);
			s->busy->moved = true;
		} else if (n == -ZT_E_RESET) {
			sockduct_deafen(s);
			return;
		}
	}
	if (waiting(s))
		return;
	sockduct_give_out(s);
	if (s->d.finished && !s->fin) {
		s->fin = true;
		shutdown(s->src->fd, SHUT_WR);
		sockduct_reset_on_close(s, false);
	}
}

static bool could_write(const struct sockduct *s)
{
	static const struct bufs_seat none;

	return bufs_could(s->bufs, s->busy ? &s->busy->seat[OUT] : &none);
}

/* Of a buffer. While they are short a record is all, which a socket that can be written to takes nearly always. */
static size_t fits(const struct sockduct *s)
{
	size_t cap = bufs_short(s->bufs) ? RECORD_MAX + TLS_ALERT_BYTES : BUFS_BYTES;

	return s->tls ? tls_out_room(s->tls, cap) : cap;
}

/* Known until the loop says otherwise. Who has a buffer goes on with it. */
static bool is_choked(struct sockduct *s)
{
	struct pollfd p = {.fd = s->src->fd, .events = POLLOUT};

	if (!s->choked && bufs_short(s->bufs) && !(s->busy && s->busy->seat[OUT].mem)) {
		s->choked = poll(&p, 1, 0) == 0;
		loop_touch(s->src);
	}
	return s->choked;
}

static size_t left(struct sockduct *s)
{
	size_t most = fits(s), has = 0;

	if (s->busy)
		has = s->tls ? s->busy->unsealed : s->busy->out.tail;
	return has > most || is_choked(s) || (s->tls && waiting(s)) ? 0 : most - has;
}

static size_t room(const struct duct *d)
{
	struct sockduct *s = of(d);

	return s->d.deaf || !could_write(s) ? 0 : left(s);
}

/* Less what an HTTP chunk puts around it. */
static size_t ahead(const struct duct *d)
{
	struct sockduct *s = of(d);
	size_t n;

	if (s->d.deaf || !bufs_short(s->bufs))
		return SIZE_MAX;
	n = left(s);
	return n > CHUNK_AROUND ? n - CHUNK_AROUND : 0;
}

/* What the kernel took is not on its way yet: a reader of 1 KiB/s has a buffer there, too. */
static bool lags(const struct duct *d)
{
	const struct sockduct *s = of(d);
	struct tcp_info i;
	socklen_t n = sizeof i;

	if (waiting(s))
		return true;
	return getsockopt(s->src->fd, IPPROTO_TCP, TCP_INFO, &i, &n) == 0 &&
	       n >= offsetof(struct tcp_info, tcpi_notsent_bytes) + sizeof i.tcpi_notsent_bytes && i.tcpi_notsent_bytes > LAGS;
}

static struct span put_directly(struct sockduct *s, struct span what)
{
	ssize_t n = send_plain(s, what);

	if (n == -ZT_E_RESET) {
		sockduct_deafen(s);
		return SPAN_NONE;
	}
	return n > 0 ? span_sub(what, (size_t)n, what.n) : what;
}

static void put(struct duct *d, struct span what)
{
	struct sockduct *s = of(d);
	struct sockduct_busy *b;

	if (s->tls == NULL && what.n >= DIRECT && !waiting(s))
		what = put_directly(s, what);
	if (what.n == 0 || !sockduct_get_busy(s))
		return;
	b = s->busy;
	if (!bufs_take(s->bufs, &b->seat[OUT])) { /* room() has seen that there is one: there was no memory */
		sockduct_lost(s, DUCT_BROKEN, err_text(ZT_E_NOMEM));
		return;
	}
	b->out.mem = b->seat[OUT].mem;
	b->out.cap = BUFS_BYTES;
	if (s->tls) {
		tls_out_copy(s->tls, &b->out, b->unsealed, what);
		b->unsealed += what.n;
	} else {
		memcpy(&b->out.mem[b->out.tail], what.p, what.n);
		b->out.tail += what.n;
	}
	loop_touch(s->src);
}

static void finish(struct duct *d)
{
	loop_touch(of(d)->src); /* flush() says it, or the loop */
}

/* ---- the user ---------------------------------------------------------------------------- */

static unsigned news(const struct sockduct *s)
{
	const struct duct *d = &s->d;
	unsigned events = 0;

	if (duct_dead(d))
		return s->told ? 0 : DUCT_IN;
	if ((d->wants & DUCT_IN) && (has_some(s) || d->end != DUCT_GOING))
		events |= DUCT_IN;
	if (s->tell_deaf || ((d->wants & DUCT_OUT) && duct_room(d) > 0 && (!d->holds_up || ahead(d) > 0)))
		events |= DUCT_OUT;
	return events;
}

/* Who wants to write and finds no buffer stands in line; who wants nothing does not. */
static void queue(struct sockduct *s)
{
	struct sockduct_busy *b = s->busy;

	if (duct_dead(&s->d))
		return;
	if (b && (!(s->d.wants & DUCT_IN) || must_not_read(s)) && b->seat[IN].waits && !s->d.deaf)
		bufs_give(s->bufs, &b->seat[IN]);
	if (!(s->d.wants & DUCT_OUT) && !waits_to_leave(s))
		sockduct_give_out(s);
	else if ((s->d.wants & DUCT_OUT) && !s->d.deaf && !s->d.finished && !s->choked && !could_write(s) && sockduct_get_busy(s))
		bufs_take(s->bufs, &s->busy->seat[OUT]);
}

static void want(struct duct *d)
{
	struct sockduct *s = of(d);

	queue(s);
	sockduct_rest(s);
	if (news(s))
		loop_again(s->src);
	else
		loop_touch(s->src);
}

/* Who waits for room waits anew: for the loop no more when nothing is left, but in line if others took the buffers. */
static void flush(struct duct *d)
{
	struct sockduct *s = of(d);

	if (waits_to_leave(s))
		sockduct_push(s);
	want(d);
}

static void tell(struct sockduct *s)
{
	unsigned events = news(s);

	if (events && s->d.user) {
		s->told = duct_dead(&s->d);
		s->tell_deaf = false;
		s->d.user->event(&s->d, events);
	}
	if (s->phase != LIVE || s->d.user == NULL)
		return;
	queue(s);
	sockduct_rest(s);
	if (news(s))
		loop_again(s->src);
}

static const char *why(const struct duct *d)
{
	return of(d)->words ? of(d)->words : "";
}

/* ---- the owner's side -------------------------------------------------------------------- */

static const struct duct_class sockduct_class = {
	.name = "socket", .peek = peek, .take = take, .room = room, .put = put, .finish = finish,
	.flush = flush, .want = want, .close = sockduct_close, .why = why, .ahead = ahead, .lags = lags,
};

uint64_t sockduct_acked(const struct duct *d)
{
	return d->cls == &sockduct_class && of(d)->src ? net_acked(of(d)->src->fd) : 0;
}

static bool keep_before(struct sockduct *s, struct span before)
{
	struct sockduct_busy *b;

	if (!sockduct_make_busy(s))
		return false;
	b = s->busy;
	if (!bufs_could(s->bufs, &b->seat[IN]) || !bufs_take(s->bufs, &b->seat[IN])) {
		sockduct_give_in(s);
		sockduct_rest(s);
		return false;
	}
	memcpy(b->seat[IN].mem, before.p, before.n);
	b->in.mem = b->seat[IN].mem;
	b->in.cap = BUFS_BYTES;
	b->in.piece[0] = span_of(b->in.mem, before.n);
	b->in.pieces = 1;
	return true;
}

int sockduct_start(struct sockduct *s, struct bufs *b, struct source *src, struct tls *tls, const struct duct_user *u,
		   struct span before)
{
	ZT_ASSERT(before.n == 0 || (tls == NULL && before.n <= BUFS_BYTES));
	*s = (struct sockduct){.src = src, .tls = tls, .bufs = b};
	s->d.cls = &sockduct_class;
	s->d.user = u;
	if (before.n && !keep_before(s, before)) {
		s->src = NULL; /* never started */
		return -ZT_E_FULL;
	}
	sockduct_reset_on_close(s, true);
	loop_touch(src);
	return 0;
}

unsigned sockduct_wants(const struct sockduct *s)
{
	unsigned want = 0;

	if (s->src == NULL || s->phase == OVER || duct_dead(&s->d))
		return 0;
	if (s->phase == DRAINING)
		return LOOP_IN;
	if (!s->d.deaf && (waits_to_leave(s) || (s->choked && (s->d.wants & DUCT_OUT))))
		want |= LOOP_OUT;
	if (s->phase == LIVE && (s->d.wants & DUCT_IN) && !has_some(s) && s->d.end == DUCT_GOING && !must_not_read(s) &&
	    !(s->busy && s->busy->seat[IN].waits))
		want |= LOOP_IN;
	return want;
}

/* Hung up while we had nothing to ask of it: a reset, or only the second of two clean ends, with bytes still to
 * be read. */
static void ask_why(struct sockduct *s)
{
	socklen_t n = sizeof(int);
	int e = 0;

	if (getsockopt(s->src->fd, SOL_SOCKET, SO_ERROR, &e, &n) == 0 && e != 0)
		sockduct_deafen(s);
}

void sockduct_ready(struct sockduct *s, unsigned events)
{
	if (s->src == NULL || s->phase == OVER)
		return;
	if (s->phase != LIVE) {
		sockduct_linger(s);
		return;
	}
	if (!duct_dead(&s->d)) {
		if ((events & LOOP_HUP) && sockduct_wants(s) == 0)
			ask_why(s);
		if (events & (LOOP_OUT | LOOP_HUP))
			s->choked = false;
		if (waits_to_leave(s) && (events & (LOOP_OUT | LOOP_HUP)))
			sockduct_push(s);
		if (s->d.deaf || ((s->d.wants & DUCT_IN) && (events & (LOOP_IN | LOOP_HUP))))
			pull(s);
	}
	tell(s);
}

bool sockduct_lingers(const struct sockduct *s)
{
	return s->phase == SENDING || s->phase == DRAINING;
}
