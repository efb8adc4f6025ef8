/*
 * pump: see pump.h. Owns the buffers of a process (malloc()ed under BOUND_RELAY_BUFS, a few kept
 * for the next) and the state of two flows; never opens or closes a descriptor and never decides
 * how long a connection may be silent.
 *
 * One turn of a flow: what is left goes out; when nothing is left, one read comes in and goes
 * out; when the side has finished, the end is passed on. The four kinds (plain or TLS on each
 * side) differ in pull and push only.
 */
#include "pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/num.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONING 1
#endif
#endif
#ifdef POISONING
#include <sanitizer/asan_interface.h>
#define POISON(p, n) __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n) ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

/* One turn's bytes as full records: 4 * 16,384 = LOOP_BUDGET. Eight records a send() would be
 * 1 % faster (docs/benchmarks.md) and twice the memory. */
#define RECORDS 4
#define HALF (RECORDS / 2 * RECORD_MAX) /* TLS to TLS: one half arrives, the other leaves */
#define BYTES (RECORDS * RECORD_MAX + TLS_ALERT_BYTES)
#define SPARES 16 /* 1 MiB stays with an idle process that was busy */
_Static_assert(RECORDS * RECORD_PLAIN == LOOP_BUDGET, "a turn fills a buffer");
_Static_assert(RECORDS <= TLS_SLOTS, "one iovec per record");

struct pump_buf {
	struct pump_flow *flow;          /* who has it; NULL: spare */
	struct pump_buf *prev, *next;
	uint64_t moved;                  /* when a byte or a whole record last came or went */
	struct tls_in in;
	struct tls_out out;
	struct buf plain;
	_Alignas(16) uint8_t mem[BYTES];
};

/* ---- buffers ----------------------------------------------------------------------------- */

static void sweep_fire(struct timer *t, uint64_t now);

void pump_pool_init(struct pump_pool *pp, struct loop *l, struct bounds *b)
{
	*pp = (struct pump_pool){.loop = l, .bounds = b, .line_end = &pp->line, .sweep.fire = sweep_fire};
}

void pump_pool_free(struct pump_pool *pp)
{
	ZT_ASSERT(pp->lent == NULL && pp->line == NULL);
	loop_timer_stop(pp->loop, &pp->sweep);
	while (pp->spare) {
		struct pump_buf *b = pp->spare;

		pp->spare = b->next;
		UNPOISON(b->mem, sizeof b->mem);
		free(b);
	}
}

static struct source *source_of(const struct pump_flow *f)
{
	return f->pump->side[f->side].src;
}

static struct source *target_of(const struct pump_flow *f)
{
	return f->pump->side[!f->side].src;
}

static struct tls *tls_from(const struct pump_flow *f)
{
	return f->pump->side[f->side].tls;
}

static struct tls *tls_to(const struct pump_flow *f)
{
	return f->pump->side[!f->side].tls;
}

static uint64_t now_of(const struct pump_flow *f)
{
	return loop_now(f->pump->pool->loop);
}

/* The memory is not cleared between two flows: 64 KiB for every ping would cost more than the
 * ping. What a flow reads lies between head and tail of what it was given itself. */
static void hand_over(struct pump_buf *b, struct pump_flow *f)
{
	b->flow = f;
	b->moved = now_of(f);
	b->in = (struct tls_in){0};
	b->out = (struct tls_out){0};
	b->plain = (struct buf){0};
	if (tls_from(f) && tls_to(f)) {
		b->in.mem = b->mem;
		b->in.cap = HALF;
		b->out.mem = &b->mem[HALF];
		b->out.cap = BYTES - HALF;
	} else if (tls_from(f)) {
		b->in.mem = b->mem;
		b->in.cap = BYTES;
	} else if (tls_to(f)) {
		b->out.mem = b->mem;
		b->out.cap = BYTES;
	} else {
		buf_attach(&b->plain, b->mem, LOOP_BUDGET);
	}
	f->buf = b;
}

static void keep_sweeping(struct pump_pool *pp)
{
	if (pp->sweep.pos == 0) /* no memory for it: whoever borrows next tries again */
		loop_timer(pp->loop, &pp->sweep, PUMP_SWEEP);
}

static struct pump_buf *buffer_new(struct pump_pool *pp)
{
	struct pump_buf *b = pp->spare;

	if (!bounds_take(pp->bounds, BOUND_RELAY_BUFS, 1))
		return NULL;
	if (b) {
		pp->spare = b->next;
		pp->spares--;
		UNPOISON(b->mem, sizeof b->mem);
	} else {
		b = malloc(sizeof *b);
	}
	if (b == NULL) {
		bounds_give(pp->bounds, BOUND_RELAY_BUFS, 1);
		return NULL;
	}
	b->prev = NULL;
	b->next = pp->lent;
	if (b->next)
		b->next->prev = b;
	pp->lent = b;
	return b;
}

static void leave_line(struct pump_flow *f)
{
	struct pump_pool *pp = f->pump->pool;
	struct pump_flow **at = &pp->line;

	if (!f->waits)
		return;
	while (*at != f)
		at = &(*at)->behind;
	*at = f->behind;
	if (pp->line_end == &f->behind)
		pp->line_end = at;
	f->waits = false;
}

/* false: in line, and source_of(f) is called again when its turn has come. */
static bool borrow(struct pump_flow *f)
{
	struct pump_pool *pp = f->pump->pool;
	struct pump_buf *b;

	if (f->buf)
		return true;
	if (f->waits)
		return false;
	keep_sweeping(pp);
	b = pp->line ? NULL : buffer_new(pp);
	if (b) {
		hand_over(b, f);
		return true;
	}
	f->waits = true;
	f->behind = NULL;
	*pp->line_end = f;
	pp->line_end = &f->behind;
	return false;
}

static void serve_first(struct pump_pool *pp, struct pump_buf *b)
{
	struct pump_flow *f = pp->line;

	leave_line(f);
	hand_over(b, f);
	loop_again(source_of(f)); /* its bytes may be here already, or only its end is missing */
}

static void give_back(struct pump_flow *f)
{
	struct pump_pool *pp = f->pump->pool;
	struct pump_buf *b = f->buf;

	if (b == NULL)
		return;
	f->buf = NULL;
	if (pp->line) {
		serve_first(pp, b);
		return;
	}
	bounds_give(pp->bounds, BOUND_RELAY_BUFS, 1);
	b->flow = NULL;
	if (b->prev)
		b->prev->next = b->next;
	else
		pp->lent = b->next;
	if (b->next)
		b->next->prev = b->prev;
	if (pp->spares == SPARES) {
		free(b);
		return;
	}
	b->next = pp->spare;
	pp->spare = b;
	pp->spares++;
	POISON(b->mem, sizeof b->mem);
}

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
		leave_line(&p->flow[i]);
		give_back(&p->flow[i]);
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

static void end(struct pump *p, enum pump_cause cause, unsigned by)
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
		[PUMP_STALLED] = "moved no byte while others waited for a buffer",
		[PUMP_SPENT] = "used its keys up",
		[PUMP_NOMEM] = "could not be served: out of memory",
	};

	return p->cause == PUMP_TLS ? tls_end_text((enum tls_end)p->side[p->by].tls->end) : texts[p->cause];
}

static size_t left(const struct pump_flow *f);

/* Who holds this buffer up: the target that does not take, or the source that does not go on. */
static void evict(struct pump_buf *b, enum pump_cause cause)
{
	struct pump_flow *f = b->flow;

	end(f->pump, cause, left(f) ? !f->side : f->side);
}

static struct pump_buf *longest_still(const struct pump_pool *pp, uint64_t now)
{
	struct pump_buf *worst = NULL;

	for (struct pump_buf *b = pp->lent; b; b = b->next)
		if (now - b->moved >= PUMP_STALL && (worst == NULL || b->moved < worst->moved))
			worst = b;
	return worst;
}

/* Those who are in line because there was no memory: perhaps nobody ever gives a buffer back. */
static void serve_line(struct pump_pool *pp)
{
	struct pump_buf *b;

	while (pp->line && (b = buffer_new(pp)) != NULL)
		serve_first(pp, b);
}

static void sweep_fire(struct timer *t, uint64_t now)
{
	struct pump_pool *pp = CONTAINER_OF(t, struct pump_pool, sweep);
	struct pump_buf *b, *next;
	size_t waiting = 0;

	for (b = pp->lent; b; b = next) {
		next = b->next;
		/* An end gives two buffers back at most, so next may be gone: begin again. */
		if (now - b->moved >= PUMP_PARTIAL && left(b->flow) == 0) {
			evict(b, PUMP_PARTIAL_RECORD);
			next = pp->lent;
		}
	}
	for (const struct pump_flow *f = pp->line; f; f = f->behind)
		waiting++;
	for (; waiting && (b = longest_still(pp, now)) != NULL; waiting--)
		evict(b, PUMP_STALLED);
	serve_line(pp);
	if (pp->lent || pp->line)
		keep_sweeping(pp);
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
	struct iovec iov[RECORDS];
	size_t n = tls_out_space(tls_to(f), &f->buf->out, iov, RECORDS);
	ssize_t got = moved(f, readv(source_of(f)->fd, iov, (int)n), f->side);

	if (got > 0 && tls_out_seal(tls_to(f), &f->buf->out, (size_t)got) < 0)
		return fail(f, PUMP_SPENT, !f->side);
	return got;
}

static ssize_t pull_from_tls(struct pump_flow *f)
{
	struct tls *t = tls_from(f);
	ssize_t n = tls_read(t, &f->buf->in);

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
	struct iovec iov[RECORDS];
	size_t n = tls_out_space(tls_to(f), &f->buf->out, iov, RECORDS), put = 0;

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

/* Bytes that wait to leave. */
static size_t left(const struct pump_flow *f)
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
	size_t before = left(f);
	int rc = kind_of(f)->push(f);

	if (before != left(f))
		f->pump->active = f->buf->moved = now_of(f);
	return rc;
}

static int pull(struct pump_flow *f)
{
	ssize_t n = kind_of(f)->pull(f);

	if (n > 0) {
		f->bytes += (uint64_t)n;
		f->pump->active = f->buf->moved = now_of(f);
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
		if (!borrow(f))
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
		if (!borrow(f))
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
	if (f->buf && left(f) == 0) {
		if (tls_from(f) && f->state == PUMP_OPEN && tls_from(f)->end != TLS_GOING)
			loop_again(source_of(f)); /* its end came with its last bytes: no poll will tell of it */
		else if (f->state == PUMP_DONE || tls_in_idle(&f->buf->in))
			give_back(f);
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
		end(p, (enum pump_cause)p->cause, p->by);
		return;
	}
	settle(f);
	if (p->flow[0].state == PUMP_DONE && p->flow[1].state == PUMP_DONE)
		end(p, PUMP_FINISHED, p->first);
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
	if (out->state == PUMP_OPEN && !out->waits && left(out) == 0)
		want |= LOOP_IN;
	if (left(in))
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
		end(p, PUMP_RESET, side);
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
