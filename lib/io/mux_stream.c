/*
 * mux_stream: a stream as a duct: what its user takes, puts, wants and ends. Owns the bytes that arrived before they
 * were wanted, and says whose give way when there is no room for more. Frames are mux_in.c's and mux_out.c's, memory
 * and numbers mux_table.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mux_int.h"

#if defined(__GNUC__) && !defined(__clang__)
/* Its analyzer loses the words, which stay with the stream. */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

static struct stream_state *state_of(const struct duct *d)
{
	return CONTAINER_OF(CONTAINER_OF(d, struct stream, d), struct stream_state, s);
}

static struct mux *mux_of(const struct stream_state *st)
{
	return st->s.mux;
}

/* Of the record that is being read. */
static bool has_run(const struct stream_state *st)
{
	const struct mux_run *r = &mux_of(st)->run;

	return r->of == st && r->first < r->n;
}

static void kept_drop(struct stream_state *st)
{
	struct mux *m = mux_of(st);
	uint64_t held = window_in_held(&st->in);

	kept_take(m->o.bounds, &st->kept, st->kept.n);
	window_in_take(&st->in, held);
	if (m->run.of == st)
		m->run.n = m->run.first = 0;
	stream_given_back(m, held);
}

/* ---- what arrived -------------------------------------------------------------------------- */

void stream_credit_again(struct mux *m)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_le64(&w, m->win_in.granted);
	mux_say(m, FRAME_CREDIT, 0, wr_span(&w));
}

void stream_given_back(struct mux *m, uint64_t n)
{
	uint64_t credit;

	window_in_take(&m->win_in, n);
	if (!m->dying && window_in_grant(&m->win_in, m->now, 0, false, &credit))
		stream_credit_again(m);
}

static void grant(struct stream_state *st)
{
	struct mux *m = mux_of(st);
	struct wr w;
	uint8_t mem[8];
	uint64_t credit, *row = &m->o.bounds->row[BOUND_TUNNEL_KEPT].used;
	bool may_grow = *row < m->o.bounds->row[BOUND_TUNNEL_KEPT].cap / 2 && !st->s.d.ahead;

	m->now = loop_now(m->o.loop); /* who takes late does so in a turn of his own: that time is his, not the path's */
	if (m->dying || !window_in_grant(&st->in, m->now, window_rtt_of(&m->rtt), may_grow, &credit) ||
	    strm_step(&st->state, STRM_TX_CREDIT) != STRM_GO)
		return;
	if (st->in.size < st->in.most && window_rtt_is_old(&m->rtt, m->now)) /* of a path that changed, too, it would grow */
		mux_ping(m);
	w = wr_of(mem, sizeof mem);
	wr_le64(&w, credit);
	mux_say(m, FRAME_CREDIT, st->s.id, wr_span(&w));
}

/* Of a run that is being taken piece by piece, credit is due once: stream_run_over(). */
static void give_back(struct stream_state *st, size_t n)
{
	struct mux *m = mux_of(st);

	window_in_take(&st->in, n);
	if (m->run.of != st)
		grant(st);
	stream_given_back(m, n);
}

static struct span peek(const struct duct *d)
{
	const struct stream_state *st = state_of(d);

	return st->kept.n ? kept_peek(&st->kept) : has_run(st) ? mux_of(st)->run.part[mux_of(st)->run.first] : SPAN_NONE;
}

static void take(struct duct *d, size_t n)
{
	struct stream_state *st = state_of(d);
	struct mux_run *r = &mux_of(st)->run;

	if (st->kept.n) {
		kept_take(mux_of(st)->o.bounds, &st->kept, n);
		st->kept.took_at = mux_ticks(loop_now(mux_of(st)->o.loop));
	} else {
		r->part[r->first] = span_sub(r->part[r->first], n, r->part[r->first].n);
		if (r->part[r->first].n == 0)
			r->first++;
	}
	give_back(st, n);
}

void stream_tell(struct stream_state *st, unsigned events)
{
	if (st->closed || st->s.d.user == NULL)
		return;
	if ((events & DUCT_IN) && st->s.d.end != DUCT_GOING && st->kept.n == 0)
		st->told_end = true;
	st->s.d.user->event(&st->s.d, events);
}

void stream_tell_reset(struct stream_state *st, const struct frame_resets *r)
{
	kept_drop(st);
	st->fin_due = false;
	if (st->closed || st->s.d.end == DUCT_RESET)
		return;
	st->s.d.end = DUCT_RESET;
	st->s.code = r->code;
	st->s.delivered = r->delivered;
	if (r->text[0])
		st->words = strdup(r->text); /* few are ever reset: an idle stream has no room for words */
	stream_tell(st, DUCT_IN | DUCT_OUT);
}

/* Something to take, or an end that was not told. */
static bool has_news(const struct stream_state *st)
{
	return !st->closed && (st->s.d.wants & DUCT_IN) && st->s.d.end != DUCT_RESET &&
	       (st->kept.n || has_run(st) || (st->s.d.end != DUCT_GOING && !st->told_end));
}

static void be_eager(struct stream_state *st)
{
	struct mux *m = mux_of(st);

	if (st->eager || !has_news(st) || m->over)
		return;
	st->eager = true;
	st->eager_next = NULL;
	if (m->eager.tail)
		m->eager.tail->eager_next = st;
	else
		m->eager.head = st;
	m->eager.tail = st;
	mux_kick(m);
}

void stream_eager(struct mux *m)
{
	struct stream_state *st = m->eager.head;

	m->eager = (struct stream_line){0};
	while (st && !m->dying) {
		struct stream_state *next = st->eager_next;

		st->eager = false;
		if (has_news(st))
			stream_tell(st, DUCT_IN);
		be_eager(st);
		st = next;
	}
}

/* ---- who has to give way ------------------------------------------------------------------- */

#define TAKE_TICKS 954 /* 1 s */

/* Those who took nothing for a second come before all who did: a fast one may well hold most for a moment. */
static uint64_t burden(const struct stream_state *st)
{
	bool idle = st && mux_ticks(loop_now(mux_of(st)->o.loop)) - st->kept.took_at >= TAKE_TICKS;

	return st ? (uint64_t)st->kept.n << (idle ? 32 : 0) : 0;
}

/* The one that holds most, in this connection; `most`: nobody holds more than that one. */
static struct stream_state *most_held(const struct mux *m, struct stream_state *most)
{
	struct pool_at at = {0};

	for (struct stream_state *st; (st = pool_next(&m->pool, &at)) != NULL;)
		if (burden(st) > burden(most))
			most = st;
	return most;
}

/* The same in all connections that share the chunks. */
static struct stream_state *most_of_all(const struct mux *m)
{
	struct stream_state *most = most_held(m, NULL);

	for (const struct mux *k = m->o.kin ? *m->o.kin : NULL; k; k = k->kin_next)
		most = most_held(k, most);
	return most;
}

void stream_end(struct stream *s, enum frame_reset code, const char *text)
{
	struct frame_resets r = {.code = (uint16_t)code, .delivered = UINT64_MAX};

	span_to_cstr(span_sub(span_str(text), 0, sizeof r.text - 1), r.text, sizeof r.text);
	stream_cut(s->mux, state_of(&s->d), code, text);
	stream_tell_reset(state_of(&s->d), &r);
}

static void give_way(struct stream_state *st)
{
	stream_end(&st->s, RESET_STALLED, "it held memory that others needed, and took nothing");
}

/* An eighth of the chunks is not for bytes: control frames wait in them, and a connection that has no room for
 * those ends. Users who take nothing, of this connection or another, must not come so far. */
static void keep(struct mux *m, struct stream_state *st)
{
	uint64_t leave = m->o.bounds->row[BOUND_TUNNEL_KEPT].cap / 8;

	if (st->kept.n == 0)
		st->kept.took_at = mux_ticks(loop_now(m->o.loop));
	while (has_run(st)) { /* who gives way itself has none any more */
		if (kept_push(m->o.bounds, &st->kept, m->run.part[m->run.first], leave)) {
			m->run.first++;
		} else {
			struct stream_state *other = most_of_all(m);

			if (other)
				give_way(other);
			else /* it holds nothing, and is no slower than others */
				stream_end(&st->s, RESET_FULL, "there is no memory for what comes");
		}
	}
	/* A connection whose credit is held by those who take nothing would hold up all the others. */
	if (window_in_held(&m->win_in) > m->win_in.size - m->win_in.size / 4) {
		struct stream_state *other = most_held(m, NULL);

		if (other)
			give_way(other);
	}
}

void stream_run_over(struct mux *m)
{
	struct stream_state *st = m->run.of;

	if (st == NULL)
		return;
	st->s.d.asks = window_in_fills(&st->in, m->now, window_rtt_of(&m->rtt));
	if (st->kept.n == 0 && has_news(st))
		stream_tell(st, DUCT_IN);
	if (has_run(st))
		keep(m, st);
	m->run.of = NULL;
	m->run.first = m->run.n = 0;
	grant(st);
	be_eager(st);
}

void stream_data(struct mux *m, struct stream_state *st, struct span s, bool fin)
{
	if (st->closed) { /* by a user who has said its end and takes no more */
		give_back(st, s.n);
		if (s.n)
			stream_cut(m, st, RESET_CANCEL, "");
		return;
	}
	if (fin)
		st->s.d.end = DUCT_FINISHED;
	m->run.of = st;
	if (s.n)
		m->run.part[m->run.n++] = s;
}

/* ---- what leaves --------------------------------------------------------------------------- */

static size_t room(const struct duct *d)
{
	return out_room(mux_of(state_of(d)), state_of(d));
}

static void put(struct duct *d, struct span s)
{
	out_put(mux_of(state_of(d)), state_of(d), s);
}

static void finish(struct duct *d)
{
	struct stream_state *st = state_of(d);
	struct mux *m = mux_of(st);

	if (st->state != STRM_OPEN && st->state != STRM_IN_DONE)
		return;
	st->fin_due = true;
	if (out_fin(m, st)) {
		st->fin_due = false;
		strm_step(&st->state, STRM_TX_FIN);
		if (st->state == STRM_CLOSED)
			stream_over(m, st);
	} else {
		out_queue(m, st);
	}
}

static void flush(struct duct *d)
{
	mux_kick(mux_of(state_of(d)));
}

static void want(struct duct *d)
{
	struct stream_state *st = state_of(d);

	be_eager(st);
	out_queue(mux_of(st), st);
}

/* ---- ends ---------------------------------------------------------------------------------- */

void stream_cut(struct mux *m, struct stream_state *st, enum frame_reset code, const char *text)
{
	struct frame_resets r = {.code = (uint16_t)code, .delivered = st->s.delivered};
	uint8_t mem[10 + FRAME_TEXT];
	struct wr w = wr_of(mem, sizeof mem);

	st->fin_due = false;
	kept_drop(st);
	if (m->dying || strm_step(&st->state, STRM_TX_RESET) != STRM_GO)
		return;
	span_to_cstr(span_sub(span_str(text), 0, sizeof r.text - 1), r.text, sizeof r.text);
	frame_reset_write(&w, &r);
	mux_say(m, FRAME_RESET, st->s.id, wr_span(&w));
	m->stats.resets_out++;
}

static void close_stream(struct duct *d, enum zt_err why)
{
	struct stream_state *st = state_of(d);
	bool said_all = why == 0 && d->finished;

	if (st->closed)
		return;
	st->closed = true;
	mux_of(st)->forsaken += st->found;
	kept_drop(st);
	if (!said_all) /* else its end is delivered, and the peer's is waited for: stream_data() */
		stream_cut(mux_of(st), st, RESET_CANCEL, why ? err_text(why) : "");
	if (!st->found)
		stream_dead(mux_of(st), st);
	mux_kick(mux_of(st));
}

static const char *why(const struct duct *d)
{
	const struct stream_state *st = state_of(d);

	return d->end != DUCT_RESET ? "" : st->words ? st->words : frame_reset_name(st->s.code);
}

static size_t ahead(const struct duct *d)
{
	return out_ahead(state_of(d));
}

const struct duct_class stream_class = {"stream", peek, take, room, put, finish, flush, want, close_stream, why, ahead, NULL};

void stream_reset(struct stream *s, enum frame_reset code, const char *text)
{
	if (state_of(&s->d)->closed)
		return;
	stream_cut(s->mux, state_of(&s->d), code, text);
	duct_close(&s->d, ZT_E_CANCELLED);
}

void stream_refuse(struct stream *s, enum frame_reset code, const char *text)
{
	stream_reset(s, code, text);
}

void stream_delivered(struct stream *s, uint64_t bytes)
{
	if (s->d.end != DUCT_RESET)
		s->delivered = bytes;
}
