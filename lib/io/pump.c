/*
 * pump: see pump.h. Owns the state of two flows; pumpbuf.c lends the buffers. Never opens or
 * closes a descriptor, never decides how long a connection may be silent.
 *
 * One turn of a flow: what is left goes out; when nothing is left, one read comes in and goes
 * out; when the side has finished, the end is passed on. The four kinds (plain or TLS on each
 * side) differ in pull and push only.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "pump_int.h"

/* ---- the end ----------------------------------------------------------------------------- */

/* From its start until it has been told the end, closing a side sends RST instead of FIN, even
 * when it is the kernel that closes because the process was killed: nobody may take what came so
 * far for all there is. */
static void reset_on_close(const struct source *s, bool on)
{
	const struct linger now = {.l_onoff = on, .l_linger = 0};

	if (!loop_closed(s))
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void pump_stop(struct pump *p)
{
	if (p->over || p->flow[0].pump == NULL)
		return;
	p->over = true;
	for (unsigned i = 0; i < 2; i++) {
		pump_leave_line(&p->flow[i]);
		pump_give_back(&p->flow[i]);
	}
}

/* The fatal alert that is due to a side whose records were bad, behind what is half sent. */
static void say_alert(struct pump *p, unsigned side)
{
	struct pump_flow *f = &p->flow[!side];
	uint8_t mem[TLS_ALERT_BYTES];
	struct tls_out own = {.mem = mem, .cap = sizeof mem}, *o = f->buf ? &f->buf->out : &own;

	tls_bye(p->side[side].tls, o);
	tls_out_send(p->side[side].tls, o); /* what does not fit into the socket now is not worth waiting for */
	reset_on_close(p->side[side].src, false);
}

void pump_end(struct pump *p, enum pump_cause cause, unsigned by)
{
	if (p->over)
		return;
	p->cause = (uint8_t)cause;
	p->by = (uint8_t)by;
	if (cause == PUMP_TLS && p->side[by].tls->end != TLS_TRUNCATED) /* that one gets no clean end either */
		say_alert(p, by);
	pump_stop(p);
	p->cls->over(p);
}

const char *pump_cause_text(const struct pump *p)
{
	static const char *const texts[] = {
		[PUMP_FINISHED] = "finished",
		[PUMP_RESET] = "reset the connection",
		[PUMP_PARTIAL_RECORD] = "left a record incomplete for too long",
		[PUMP_STALLED] = "moved next to nothing while others waited for a buffer",
		[PUMP_SPENT] = "used its keys up",
		[PUMP_NOMEM] = "could not be served: out of memory",
	};

	return p->cause == PUMP_TLS ? tls_end_text((enum tls_end)p->side[p->by].tls->end) : texts[p->cause];
}

/* ---- bytes in and out --------------------------------------------------------------------
 *
 * pull: > 0 bytes came; 0: the side has finished; -ZT_E_AGAIN; another error: over, cause set.
 * push: 0 all that waited has left; -ZT_E_AGAIN; another error: over, cause set.
 * Both are called with a buffer. pull only when nothing waits to leave. */

static int fail(struct pump_flow *f, enum pump_cause cause, unsigned by)
{
	f->pump->cause = (uint8_t)cause;
	f->pump->by = (uint8_t)by;
	return -ZT_E_RESET;
}

/* What a system call on the socket of `side` answered. */
static ssize_t moved(struct pump_flow *f, ssize_t n, unsigned side)
{
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return -ZT_E_AGAIN;
	return fail(f, errno == ENOBUFS || errno == ENOMEM ? PUMP_NOMEM : PUMP_RESET, side);
}

static ssize_t pull_plain(struct pump_flow *f)
{
	size_t room;
	uint8_t *to = buf_space(&f->buf->plain, &room);
	ssize_t n = moved(f, recv(source_of(f)->fd, to, room, 0), f->side);

	if (n > 0)
		buf_filled(&f->buf->plain, (size_t)n);
	return n;
}

static ssize_t pull_to_tls(struct pump_flow *f)
{
	struct iovec iov[PUMP_RECORDS];
	size_t n = tls_out_space(tls_to(f), &f->buf->out, iov, PUMP_RECORDS);
	ssize_t got = moved(f, readv(source_of(f)->fd, iov, (int)n), f->side);

	if (got > 0 && tls_out_seal(tls_to(f), &f->buf->out, (size_t)got) < 0)
		return fail(f, PUMP_SPENT, !f->side);
	return got;
}

static ssize_t pull_from_tls(struct pump_flow *f)
{
	struct tls *t = tls_from(f);
	ssize_t n;

	/* Bytes rarely end where a record does: whoever reads on and on would never give the buffer back. */
	f->buf->in.brief = f->pump->pool->line != NULL;
	n = tls_read(t, &f->buf->in);
	if (n != 0 && n != -ZT_E_AGAIN && n < 0)
		return fail(f, PUMP_TLS, f->side);
	if (n == 0 && t->end != TLS_CLEAN)
		return fail(f, t->end == TLS_RESET ? PUMP_RESET : PUMP_TLS, f->side);
	return n;
}

static int push_plain(struct pump_flow *f)
{
	struct span s = buf_span(&f->buf->plain);
	ssize_t n = s.n ? moved(f, send(target_of(f)->fd, s.p, s.n, MSG_NOSIGNAL), !f->side) : 0;

	if (n < 0)
		return (int)n;
	buf_take(&f->buf->plain, (size_t)n);
	return buf_len(&f->buf->plain) ? -ZT_E_AGAIN : 0;
}

static int push_sealed(struct pump_flow *f)
{
	struct tls_out *o = &f->buf->out;
	ssize_t n = o->head < o->tail ? tls_out_send(tls_to(f), o) : 0;

	if (n < 0 && n != -ZT_E_AGAIN)
		return fail(f, PUMP_RESET, !f->side);
	return o->head < o->tail ? -ZT_E_AGAIN : 0;
}

static int push_pieces(struct pump_flow *f)
{
	struct tls_in *in = &f->buf->in;
	struct iovec iov[TLS_PIECES];
	struct msghdr m = {.msg_iov = iov};
	ssize_t n;

	for (size_t i = in->first; i < in->pieces; i++) /* sendmsg() does not write through it */
		iov[m.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)in->piece[i].p, in->piece[i].n};
	if (m.msg_iovlen == 0)
		return 0;
	n = moved(f, sendmsg(target_of(f)->fd, &m, MSG_NOSIGNAL), !f->side);
	if (n < 0)
		return (int)n;
	tls_in_take(in, (size_t)n);
	return in->first < in->pieces ? -ZT_E_AGAIN : 0;
}

/* The one copy there is: as many bytes of the pieces as the records have room for. */
static int copy_over(struct pump_flow *f)
{
	struct tls_in *in = &f->buf->in;
	struct iovec iov[PUMP_RECORDS];
	size_t n = tls_out_space(tls_to(f), &f->buf->out, iov, PUMP_RECORDS), put = 0;

	for (size_t i = 0, done = 0; i < n && in->first < in->pieces;) {
		struct span s = in->piece[in->first];
		size_t part = num_min(s.n, iov[i].iov_len - done);

		memcpy(&((uint8_t *)iov[i].iov_base)[done], s.p, part);
		tls_in_take(in, part);
		put += part;
		done += part;
		if (done == iov[i].iov_len) {
			done = 0;
			i++;
		}
	}
	if (put && tls_out_seal(tls_to(f), &f->buf->out, put) < 0)
		return fail(f, PUMP_SPENT, !f->side);
	return 0;
}

static int push_across(struct pump_flow *f)
{
	const struct tls_in *in = &f->buf->in;
	int rc;

	while ((rc = push_sealed(f)) == 0 && in->first < in->pieces) {
		rc = copy_over(f);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static const struct kind {
	ssize_t (*pull)(struct pump_flow *f);
	int (*push)(struct pump_flow *f);
} kinds[2][2] = { /* [from TLS][to TLS] */
	{{pull_plain, push_plain}, {pull_to_tls, push_sealed}},
	{{pull_from_tls, push_pieces}, {pull_from_tls, push_across}},
};

static const struct kind *kind_of(const struct pump_flow *f)
{
	return &kinds[tls_from(f) != NULL][tls_to(f) != NULL];
}

/* ---- one turn of a flow ------------------------------------------------------------------ */

size_t pump_left(const struct pump_flow *f)
{
	const struct pump_buf *b = f->buf;
	size_t n;

	if (b == NULL)
		return 0;
	n = b->out.tail - b->out.head + buf_len(&b->plain);
	for (size_t i = b->in.first; i < b->in.pieces; i++)
		n += b->in.piece[i].n;
	return n;
}

static int push(struct pump_flow *f)
{
	size_t before = pump_left(f), after;
	int rc = kind_of(f)->push(f);

	after = pump_left(f);
	if (before != after)
		pump_moved(f, after < before ? before - after : 0);
	return rc;
}

static int pull(struct pump_flow *f)
{
	ssize_t n = kind_of(f)->pull(f);

	if (n > 0) {
		f->bytes += (uint64_t)n;
		pump_moved(f, PUMP_BYTES); /* all of what it had before */
		return 0;
	}
	if (n == 0) {
		f->state = PUMP_ENDING;
		if (!f->pump->half)
			f->pump->first = f->side;
		f->pump->half = true;
	}
	return (int)n;
}

/* The source has finished and all of it has left: tell the target. */
static int pass_the_end_on(struct pump_flow *f)
{
	struct tls *t = tls_to(f);
	int rc = 0;

	if (t) {
		if (!pump_borrow(f))
			return -ZT_E_AGAIN;
		tls_bye(t, &f->buf->out);
		rc = push_sealed(f);
	}
	if (rc == -ZT_E_AGAIN)
		return rc;
	/* A target that left by itself after it had everything has missed nothing. */
	shutdown(target_of(f)->fd, SHUT_WR);
	reset_on_close(target_of(f), false);
	f->state = PUMP_DONE;
	return 0;
}

static int turn(struct pump_flow *f)
{
	int rc = f->buf ? push(f) : 0;

	if (rc == 0 && f->state == PUMP_OPEN) {
		if (!pump_borrow(f))
			return -ZT_E_AGAIN;
		rc = pull(f);
		if (rc == 0)
			rc = push(f);
	}
	if (rc == 0 && f->state == PUMP_ENDING)
		rc = pass_the_end_on(f);
	return rc;
}

static void settle(struct pump_flow *f)
{
	if (f->buf && pump_left(f) == 0) {
		if (tls_from(f) && f->state == PUMP_OPEN && tls_from(f)->end != TLS_GOING)
			loop_again(source_of(f)); /* its end came with its last bytes: no poll will tell of it */
		else if (f->state == PUMP_DONE || tls_in_idle(&f->buf->in))
			pump_give_back(f);
	}
	loop_touch(source_of(f));
	loop_touch(target_of(f));
}

static void run(struct pump *p, unsigned side)
{
	struct pump_flow *f = &p->flow[side];
	int rc;

	if (p->over || f->state == PUMP_DONE)
		return;
	rc = turn(f);
	if (rc < 0 && rc != -ZT_E_AGAIN) {
		pump_end(p, (enum pump_cause)p->cause, p->by);
		return;
	}
	settle(f);
	if (p->flow[0].state == PUMP_DONE && p->flow[1].state == PUMP_DONE)
		pump_end(p, PUMP_FINISHED, p->first);
}

/* ---- the owner's side -------------------------------------------------------------------- */

void pump_start(struct pump *p)
{
	p->active = loop_now(p->pool->loop);
	for (unsigned i = 0; i < 2; i++) {
		struct pump_flow *f = &p->flow[i];

		f->pump = p;
		f->side = (uint8_t)i;
		reset_on_close(source_of(f), true);
		loop_touch(source_of(f));
	}
}

unsigned pump_wants(const struct pump *p, unsigned side)
{
	const struct pump_flow *out = &p->flow[side], *in = &p->flow[!side];
	unsigned want = 0;

	if (p->over)
		return 0;
	if (out->state == PUMP_OPEN && !out->waits && pump_left(out) == 0)
		want |= LOOP_IN;
	if (pump_left(in))
		want |= LOOP_OUT;
	return want;
}

/* Hung up while we had nothing to ask of it: a reset, or only the second of two clean ends, with
 * bytes still to be read. */
static void ask_why(struct pump *p, unsigned side)
{
	socklen_t n = sizeof(int);
	int e = 0;

	if (getsockopt(p->side[side].src->fd, SOL_SOCKET, SO_ERROR, &e, &n) == 0 && e != 0)
		pump_end(p, PUMP_RESET, side);
}

void pump_ready(struct pump *p, unsigned side, unsigned events)
{
	if (events & (LOOP_IN | LOOP_HUP))
		run(p, side);
	if (!p->over && (events & (LOOP_OUT | LOOP_HUP)))
		run(p, !side);
	if (!p->over && (events & LOOP_HUP) && pump_wants(p, side) == 0)
		ask_why(p, side);
}
