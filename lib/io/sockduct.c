/*
 * sockduct: see sockduct.h. Owns which buffer is borrowed, what lies in it, and how the connection ends. Never
 * decides how long a live one may be silent, and calls its user from the loop only.
 *
 * One turn: what waits leaves; one read comes in, when nothing is left of the one before; the user is told.
 */
#include "sockduct.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"

enum { LIVE, SENDING, DRAINING, OVER };
enum { IN, OUT };

#define DIRECT 8192 /* so many plain bytes go to the socket themselves when nothing stands before them */
#define DRAINS 16   /* reads a turn of what nobody will have */

static struct sockduct *of(const struct duct *d)
{
	return CONTAINER_OF(d, struct sockduct, d);
}

/* ---- ends -------------------------------------------------------------------------------- */

static void reset_on_close(const struct sockduct *s, bool on)
{
	const struct linger now = {.l_onoff = on, .l_linger = 0};

	setsockopt(s->src->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void give_in(struct sockduct *s)
{
	s->in = (struct tls_in){0};
	bufs_give(s->bufs, &s->seat[IN]);
}

static void give_out(struct sockduct *s)
{
	s->out = (struct tls_out){0};
	s->unsealed = 0;
	bufs_give(s->bufs, &s->seat[OUT]);
}

void sockduct_stop(struct sockduct *s)
{
	if (s->src == NULL || s->phase == OVER)
		return;
	s->phase = OVER;
	s->d.user = NULL;
	give_in(s);
	give_out(s);
	loop_timer_stop(s->loop, &s->linger);
	loop_close(s->src);
}

/* The fatal alert that is due to a peer whose records were bad, behind what is half sent. What does not fit into
 * the socket now is not worth waiting for. */
static void say_alert(struct sockduct *s)
{
	struct tls_out own = {.mem = s->bye, .cap = sizeof s->bye}, *o = s->out.head < s->out.tail ? &s->out : &own;

	if (s->tls == NULL || (s->tls->end != TLS_FORGED && s->tls->end != TLS_STRANGE))
		return;
	tls_bye(s->tls, o);
	tls_out_send(s->tls, o);
	reset_on_close(s, false);
}

/* Dead both ways. The user is told from the loop. */
static void lost(struct sockduct *s, enum duct_end end, const char *words)
{
	if (s->phase != LIVE) {
		sockduct_stop(s);
		return;
	}
	if (duct_dead(&s->d))
		return;
	s->d.end = (uint8_t)end;
	s->words = words;
	say_alert(s);
	give_in(s);
	give_out(s);
	loop_again(s->src);
}

/* It takes no more, and resets: but an answer that it gave before is worth reading to its end. */
static void deafen(struct sockduct *s)
{
	s->tell_deaf = !s->d.deaf;
	s->d.deaf = true;
	give_out(s);
	loop_again(s->src);
}

static const struct {
	enum duct_end end;
	bool at_once; /* though plaintext is left that came before */
} tls_ends[] = {
	[TLS_GOING] = {DUCT_GOING, false},
	[TLS_CLEAN] = {DUCT_FINISHED, true},
	[TLS_TRUNCATED] = {DUCT_CUT, true},
	[TLS_FORGED] = {DUCT_BROKEN, false},
	[TLS_REFUSED] = {DUCT_BROKEN, false},
	[TLS_STRANGE] = {DUCT_BROKEN, false},
	[TLS_RESET] = {DUCT_RESET, false},
};

static bool has_some(const struct sockduct *s)
{
	return s->in.first < s->in.pieces;
}

/* What its TLS knows of the end becomes the duct's. */
static void note_end(struct sockduct *s)
{
	enum tls_end e = s->tls ? (enum tls_end)s->tls->end : TLS_GOING;

	if (s->d.end != DUCT_GOING || e == TLS_GOING || (has_some(s) && (s->d.deaf || !tls_ends[e].at_once)))
		return;
	if (s->d.deaf || tls_ends[e].end >= DUCT_RESET)
		lost(s, s->d.deaf ? DUCT_RESET : tls_ends[e].end, tls_end_text(s->d.deaf ? TLS_RESET : e));
	else
		s->d.end = (uint8_t)tls_ends[e].end;
}

/* ---- in ---------------------------------------------------------------------------------- */

static ssize_t read_plain(struct sockduct *s)
{
	ssize_t n = recv(s->src->fd, s->in.mem, LOOP_BUDGET, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -ZT_E_AGAIN;
	if (n < 0)
		lost(s, DUCT_RESET, tls_end_text(TLS_RESET));
	else if (n == 0 && !s->d.deaf)
		s->d.end = DUCT_FINISHED;
	if (n <= 0)
		return 0;
	s->in.piece[0] = span_of(s->in.mem, (size_t)n);
	s->in.first = 0;
	s->in.pieces = 1;
	return n;
}

static void pull(struct sockduct *s)
{
	ssize_t n;

	if (s->d.deaf && !has_some(s) && s->d.end != DUCT_GOING)
		lost(s, DUCT_RESET, tls_end_text(TLS_RESET)); /* its own end came before: nothing is left to wait for */
	if (has_some(s) || s->d.end != DUCT_GOING)
		return;
	if (!bufs_take(s->bufs, &s->seat[IN]))
		return;
	s->in.mem = s->seat[IN].mem;
	s->in.cap = BUFS_BYTES;
	/* Bytes rarely end where a record does: whoever reads on and on would never give the buffer back. */
	s->in.brief = bufs_wanted(s->bufs);
	n = s->tls ? tls_read(s->tls, &s->in) : read_plain(s);
	if (n > 0)
		bufs_moved(s->bufs, &s->seat[IN], BUFS_SHARE);
	else if (s->d.deaf)
		lost(s, DUCT_RESET, tls_end_text(TLS_RESET));
	note_end(s);
	if (s->in.mem && tls_in_idle(&s->in))
		give_in(s);
}

static struct span peek(const struct duct *d)
{
	const struct sockduct *s = of(d);

	return has_some(s) ? s->in.piece[s->in.first] : SPAN_NONE;
}

static void take(struct duct *d, size_t n)
{
	struct sockduct *s = of(d);

	tls_in_take(&s->in, n);
	bufs_moved(s->bufs, &s->seat[IN], n);
	if (has_some(s))
		return;
	if (tls_in_idle(&s->in))
		give_in(s);
	note_end(s);
	if (s->d.deaf)
		loop_again(s->src);
	else
		loop_touch(s->src);
}

/* ---- out --------------------------------------------------------------------------------- */

static bool waits_to_leave(const struct sockduct *s)
{
	return s->unsealed || s->out.head < s->out.tail || (s->d.finished && !s->fin);
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
	ssize_t n;

	if (s->tls)
		return tls_out_send(s->tls, &s->out);
	n = send_plain(s, span_of(&s->out.mem[s->out.head], s->out.tail - s->out.head));
	if (n > 0)
		s->out.head += (size_t)n;
	if (s->out.head == s->out.tail)
		s->out.head = s->out.tail = 0;
	return n;
}

/* Plaintext becomes records, and the end its alert, behind them. */
static bool seal(struct sockduct *s)
{
	size_t n = s->unsealed;

	s->unsealed = 0;
	if (n && tls_out_seal(s->tls, &s->out, n) < 0) {
		lost(s, DUCT_BROKEN, "its keys are used up");
		return false;
	}
	if (s->tls == NULL || !s->d.finished || s->tls->said_bye)
		return true;
	if (s->out.mem == NULL) {
		s->out.mem = s->bye;
		s->out.cap = sizeof s->bye;
	}
	tls_bye(s->tls, &s->out);
	return true;
}

static void push(struct sockduct *s)
{
	ssize_t n;

	if (s->d.deaf || !seal(s))
		return;
	if (s->out.head < s->out.tail) {
		n = send_waiting(s);
		if (n > 0) {
			bufs_moved(s->bufs, &s->seat[OUT], (size_t)n);
			s->moved = true;
		} else if (n == -ZT_E_RESET) {
			deafen(s);
			return;
		}
	}
	if (s->out.head < s->out.tail)
		return;
	give_out(s);
	if (s->d.finished && !s->fin) {
		s->fin = true;
		shutdown(s->src->fd, SHUT_WR);
		reset_on_close(s, false);
	}
}

static size_t room(const struct duct *d)
{
	const struct sockduct *s = of(d);

	if (s->d.deaf || !bufs_could(s->bufs, &s->seat[OUT]))
		return 0;
	if (s->tls == NULL)
		return BUFS_BYTES - s->out.tail;
	return s->out.head < s->out.tail ? 0 : tls_out_room(s->tls, BUFS_BYTES) - s->unsealed;
}

static struct span put_directly(struct sockduct *s, struct span what)
{
	ssize_t n = send_plain(s, what);

	if (n == -ZT_E_RESET) {
		deafen(s);
		return SPAN_NONE;
	}
	return n > 0 ? span_sub(what, (size_t)n, what.n) : what;
}

static void put(struct duct *d, struct span what)
{
	struct sockduct *s = of(d);

	if (s->tls == NULL && what.n >= DIRECT && s->out.tail == 0)
		what = put_directly(s, what);
	if (what.n == 0)
		return;
	if (!bufs_take(s->bufs, &s->seat[OUT])) { /* room() has seen that there is one: there was no memory */
		lost(s, DUCT_BROKEN, err_text(ZT_E_NOMEM));
		return;
	}
	s->out.mem = s->seat[OUT].mem;
	s->out.cap = BUFS_BYTES;
	if (s->tls) {
		tls_out_copy(s->tls, &s->out, s->unsealed, what);
		s->unsealed += what.n;
	} else {
		memcpy(&s->out.mem[s->out.tail], what.p, what.n);
		s->out.tail += what.n;
	}
	loop_touch(s->src);
}

static void flush(struct duct *d)
{
	struct sockduct *s = of(d);

	if (waits_to_leave(s))
		push(s);
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
	if (s->tell_deaf || ((d->wants & DUCT_OUT) && duct_room(d) > 0))
		events |= DUCT_OUT;
	return events;
}

/* Who wants to write and finds no buffer stands in line; who wants nothing does not. */
static void queue(struct sockduct *s)
{
	if (duct_dead(&s->d))
		return;
	if (!(s->d.wants & DUCT_IN) && s->seat[IN].waits && !s->d.deaf)
		bufs_give(s->bufs, &s->seat[IN]);
	if (!(s->d.wants & DUCT_OUT) && !waits_to_leave(s))
		give_out(s);
	else if ((s->d.wants & DUCT_OUT) && !s->d.deaf && !s->d.finished && !bufs_could(s->bufs, &s->seat[OUT]))
		bufs_take(s->bufs, &s->seat[OUT]);
}

static void want(struct duct *d)
{
	struct sockduct *s = of(d);

	queue(s);
	if (news(s))
		loop_again(s->src);
	else
		loop_touch(s->src);
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
	if (news(s))
		loop_again(s->src);
}

/* ---- after duct_close() ------------------------------------------------------------------ */

/* What still comes is for nobody, but a socket that is closed on unread bytes resets, which overtakes ours. */
static void drain(struct sockduct *s)
{
	uint8_t junk[4096];
	ssize_t n = 1;

	for (unsigned i = 0; i < DRAINS && n > 0; i++)
		n = recv(s->src->fd, junk, sizeof junk, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		sockduct_stop(s);
}

static void linger(struct sockduct *s)
{
	if (s->phase == SENDING)
		push(s);
	if (s->phase == SENDING && s->fin)
		s->phase = DRAINING;
	if (s->d.deaf || (s->phase == DRAINING && s->d.end != DUCT_GOING))
		sockduct_stop(s);
	else if (s->phase == DRAINING)
		drain(s);
}

static void linger_fire(struct timer *t, uint64_t now)
{
	struct sockduct *s = CONTAINER_OF(t, struct sockduct, linger);
	bool again = s->phase == SENDING && s->moved;

	(void)now;
	s->moved = false;
	if (!again || !loop_timer(s->loop, t, SOCKDUCT_LINGER))
		sockduct_stop(s);
}

static void close_it(struct duct *d, enum zt_err why)
{
	struct sockduct *s = of(d);

	if (s->phase != LIVE)
		return;
	if (why && !duct_dead(d))
		reset_on_close(s, true);
	s->phase = SENDING;
	give_in(s);
	if (why || duct_dead(d) || !loop_timer(s->loop, &s->linger, SOCKDUCT_LINGER)) {
		sockduct_stop(s);
		return;
	}
	linger(s);
	if (s->phase != OVER)
		loop_touch(s->src);
}

static const char *why(const struct duct *d)
{
	return of(d)->words ? of(d)->words : "";
}

/* ---- the owner's side -------------------------------------------------------------------- */

static const struct duct_class sockduct_class = {
	.name = "socket", .peek = peek, .take = take, .room = room, .put = put, .finish = finish,
	.flush = flush, .want = want, .close = close_it, .why = why,
};

static void served_in(struct bufs_seat *seat)
{
	loop_again(CONTAINER_OF(seat, struct sockduct, seat[IN])->src);
}

static void served_out(struct bufs_seat *seat)
{
	loop_again(CONTAINER_OF(seat, struct sockduct, seat[OUT])->src);
}

static const char stalled[] = "it moved next to nothing while others waited for a buffer";

static void evicted_in(struct bufs_seat *seat)
{
	lost(CONTAINER_OF(seat, struct sockduct, seat[IN]), DUCT_BROKEN, stalled);
}

static void evicted_out(struct bufs_seat *seat)
{
	lost(CONTAINER_OF(seat, struct sockduct, seat[OUT]), DUCT_BROKEN, stalled);
}

int sockduct_start(struct sockduct *s, struct bufs *b, struct source *src, struct tls *tls, const struct duct_user *u,
		   struct span before)
{
	ZT_ASSERT(before.n == 0 || (tls == NULL && before.n <= BUFS_BYTES));
	*s = (struct sockduct){.src = src, .loop = src->loop, .tls = tls, .bufs = b, .linger.fire = linger_fire};
	s->d.cls = &sockduct_class;
	s->d.user = u;
	s->seat[IN] = (struct bufs_seat){.reads = true, .served = served_in, .evicted = evicted_in};
	s->seat[OUT] = (struct bufs_seat){.served = served_out, .evicted = evicted_out};
	if (before.n) {
		if (!bufs_could(b, &s->seat[IN]) || !bufs_take(b, &s->seat[IN])) {
			bufs_give(b, &s->seat[IN]);
			s->src = NULL; /* never started */
			return -ZT_E_FULL;
		}
		memcpy(s->seat[IN].mem, before.p, before.n);
		s->in.mem = s->seat[IN].mem;
		s->in.cap = BUFS_BYTES;
		s->in.piece[0] = span_of(s->in.mem, before.n);
		s->in.pieces = 1;
	}
	reset_on_close(s, true);
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
	if (!s->d.deaf && waits_to_leave(s))
		want |= LOOP_OUT;
	if (s->phase == LIVE && (s->d.wants & DUCT_IN) && !has_some(s) && s->d.end == DUCT_GOING && !s->seat[IN].waits)
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
		deafen(s);
}

void sockduct_ready(struct sockduct *s, unsigned events)
{
	if (s->src == NULL || s->phase == OVER)
		return;
	if (s->phase != LIVE) {
		linger(s);
		return;
	}
	if (!duct_dead(&s->d)) {
		if ((events & LOOP_HUP) && sockduct_wants(s) == 0)
			ask_why(s);
		if (waits_to_leave(s) && (events & (LOOP_OUT | LOOP_HUP)))
			push(s);
		if (s->d.deaf || ((s->d.wants & DUCT_IN) && (events & (LOOP_IN | LOOP_HUP))))
			pull(s);
	}
	tell(s);
}

bool sockduct_lingers(const struct sockduct *s)
{
	return s->phase == SENDING || s->phase == DRAINING;
}
