/*
 * mux_in: what each frame that arrives means. Owns the order in which a peer may say things, and the message that is
 * being gathered. Never decides who may open what: the owner does; and writes nothing: answers are queued.
 *
 * A peer that breaks a rule ends the connection with words that name it; what costs it nothing and moves nothing is
 * counted, and too much of that breaks one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mux_int.h"

static int bad(struct mux *m, const char *words)
{
	mux_die(m, MUX_PROTOCOL, words);
	return -ZT_E_SYNTAX;
}

/* What costs the peer nothing and moves nothing. */
static int noise(struct mux *m)
{
	return window_rate_take(&m->noise, m->now) ? 0 : bad(m, "too many frames that move nothing");
}

static int on_hello(struct mux *m, const struct frame *f)
{
	if (m->heard_hello)
		return bad(m, "a second hello");
	if (frame_hello_read(f->payload, &m->peer) < 0)
		return bad(m, "a malformed hello");
	if (m->peer.version_min > m->o.hello.version_max || m->peer.version_max < m->o.hello.version_min) {
		mux_die(m, MUX_VERSION, "no version of the tunnel protocol that both sides speak");
		return -ZT_E_VERSION;
	}
	if (m->o.streams)
		m->peer.streams = (uint32_t)num_min64(m->peer.streams, m->o.streams);
	m->heard_hello = true;
	m->win_out.limit = m->peer.credit;
	m->o.cls->hello(m, &m->peer);
	return 0;
}

static void refused(struct mux *m, const char *why)
{
	m->stats.refused++;
	m->stats.refused_for = why;
}

static const char *refuse_open(struct mux *m, enum frame_reset *code)
{
	*code = m->left ? RESET_LEAVING : RESET_FULL;
	if (m->left)
		return "this connection takes no new streams";
	if (stream_scarce(m))
		return "too many streams in all";
	return window_rate_take(&m->opens, m->now) ? NULL : "more streams a second than [tunnel] opens";
}

static uint32_t *lost_at(struct mux *m, uint32_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(m->lost); i++)
		if (m->lost[i] == id)
			return &m->lost[i];
	return NULL;
}

/* There is no memory for it. Until the peer has answered, what it sends on it is no fault of its: so much is remembered of a
 * few, and the others live on. */
static int lose(struct mux *m, uint32_t id)
{
	static const struct frame_resets no = {.code = RESET_FULL, .text = "no memory for one more stream"};
	uint32_t *at = lost_at(m, 0);
	uint8_t mem[10 + FRAME_TEXT];
	struct wr w = wr_of(mem, sizeof mem);

	frame_reset_write(&w, &no);
	if (at == NULL || !mux_say(m, FRAME_RESET, id, wr_span(&w))) {
		mux_die(m, MUX_NOMEM, no.text);
		return -ZT_E_NOMEM;
	}
	*at = id;
	m->stats.resets_out++;
	refused(m, no.text);
	return 0;
}

static int on_open(struct mux *m, const struct frame *f)
{
	struct frame_open o;
	struct stream_state *st;
	enum frame_reset code;
	const char *no;

	if (strm_ids_take(&m->ids, f->stream) < 0)
		return bad(m, "a stream number that is not the next of its side");
	if (frame_open_read(f->payload, &o) < 0)
		return bad(m, "a malformed open");
	if (m->theirs >= m->o.hello.streams)
		return bad(m, "more streams than we allowed");
	st = stream_make(m, f->stream, false, o.name);
	if (st == NULL)
		return lose(m, f->stream);
	strm_step(&st->state, STRM_RX_OPEN);
	no = refuse_open(m, &code);
	if (no) {
		refused(m, no);
		stream_refuse(&st->s, code, no);
		return 0;
	}
	m->o.cls->opened(m, &st->s, &o);
	if (!st->closed && st->s.d.user == NULL)
		stream_refuse(&st->s, RESET_CANCEL, "nobody took it");
	return 0;
}

#define FEW 1024 /* bytes of a frame: a key, a question, its answer */

/* Somebody waits for each of these, and bulk that waits unread in the socket is before them. One by itself may be the
 * request before a download, and each end of a turn of bulk leaves a few: who types sends one after the other, and little. */
static void look_for_typing(struct mux *m, struct stream_state *st, size_t n)
{
	bool again = st->small;

	if (n == 0)
		return;
	st->small = n <= FEW;
	if (!st->small || !again || m->now - m->typed_ns < MUX_TYPED / 2 || !window_in_trickles(&st->in, m->now))
		return;
	m->typed_ns = m->now;
	if (m->c.by->path && m->rtt.average_ns)
		m->c.by->path(m);
}

static int on_data(struct mux *m, const struct frame *f)
{
	struct stream_state *st = stream_find(m, f->stream);
	bool fin = f->flags & FRAME_FIN;
	enum strm_say say;

	if (window_in_receive(&m->win_in, f->length) < 0)
		return bad(m, "more data than the connection's credit");
	if (st == NULL && f->stream && lost_at(m, f->stream)) {
		stream_given_back(m, f->length);
		return f->length ? 0 : noise(m);
	}
	if (st == NULL)
		return bad(m, "data of a stream that is not open");
	if (f->length == 0 && !fin && noise(m) < 0)
		return -ZT_E_SYNTAX;
	say = strm_step(&st->state, fin ? STRM_RX_FIN : STRM_RX_DATA);
	if (say == STRM_BAD)
		return bad(m, "data behind the end of a stream");
	if (window_in_receive(&st->in, f->length) < 0)
		return bad(m, "more data than the stream's credit");
	look_for_typing(m, st, f->length);
	if (say == STRM_GO) {
		stream_data(m, st, f->payload, fin);
	} else {
		window_in_take(&st->in, f->length);
		stream_given_back(m, f->length);
	}
	if (st->state == STRM_CLOSED)
		stream_over(m, st);
	return 0;
}

static int on_credit(struct mux *m, const struct frame *f)
{
	struct stream_state *st = stream_find(m, f->stream);
	struct rd r = rd_of(f->payload);
	uint64_t limit = rd_le64(&r);
	int rc;

	if (f->stream && st == NULL)
		return strm_ids_used(&m->ids, f->stream) ? noise(m) : bad(m, "credit for a stream that never was");
	if (st && strm_step(&st->state, STRM_RX_CREDIT) == STRM_PASS)
		return noise(m);
	rc = window_out_credit(st ? &st->out : &m->win_out, limit);
	if (rc < 0)
		return bad(m, "credit was taken back");
	if (rc == 0)
		return noise(m);
	if (st)
		out_queue(m, st);
	return 0;
}

static int on_reset(struct mux *m, const struct frame *f)
{
	static const struct frame_resets answer = {.code = RESET_CANCEL};
	struct stream_state *st = stream_find(m, f->stream);
	struct frame_resets r;
	uint32_t *lost;
	uint8_t mem[10];
	struct wr w = wr_of(mem, sizeof mem);

	if (frame_reset_read(f->payload, &r) < 0)
		return bad(m, "a malformed reset");
	if (st == NULL && f->stream && (lost = lost_at(m, f->stream)) != NULL) {
		*lost = 0;
		m->stats.resets_in++;
		return 0;
	}
	if (st == NULL)
		return strm_ids_used(&m->ids, f->stream) ? noise(m) : bad(m, "a reset of a stream that never was");
	m->stats.resets_in++;
	if (strm_step(&st->state, STRM_RX_RESET) == STRM_ANSWER) {
		struct frame_resets mine = answer;

		mine.delivered = st->s.delivered;
		frame_reset_write(&w, &mine);
		mux_say(m, FRAME_RESET, f->stream, wr_span(&w));
	}
	stream_over(m, st);
	stream_tell_reset(st, &r);
	return 0;
}

static int on_dgram(struct mux *m, const struct frame *f)
{
	(void)f;
	return bad(m, "datagrams were not agreed on");
}

static int on_ping(struct mux *m, const struct frame *f)
{
	if (noise(m) < 0)
		return -ZT_E_SYNTAX;
	mux_say(m, FRAME_PONG, 0, f->payload);
	return 0;
}

static int on_pong(struct mux *m, const struct frame *f)
{
	struct rd r = rd_of(f->payload);

	if (rd_le64(&r) != m->ping || !m->pinging)
		return bad(m, "an answer to a ping that was not sent");
	m->pinging = false;
	window_rtt_sample(&m->rtt, m->now - m->ping_ns, m->now);
	m->stats.rtt_ns = m->rtt.average_ns;
	if (m->c.by->path)
		m->c.by->path(m);
	return 0;
}

static int on_goaway(struct mux *m, const struct frame *f)
{
	struct frame_goaway g;

	if (frame_goaway_read(f->payload, &g) < 0)
		return bad(m, "a malformed goaway");
	if (m->peer_left)
		return noise(m);
	m->peer_left = true;
	m->o.cls->leaving(m, &g);
	return 0;
}

/* ---- messages ------------------------------------------------------------------------------ */

void mux_heard_free(struct mux *m)
{
	bounds_give(m->o.bounds, BOUND_TUNNEL_HEARD, m->hear.n / FRAME_PAYLOAD);
	mux_message_free(&m->hear);
}

static size_t heard_of(const struct mux *m)
{
	return m->hear.n;
}

/* A whole message is gone in a moment; half of one may lie here for ever, on every connection that a peer has. */
static bool hear_room(struct mux *m, size_t cap)
{
	size_t more = (cap - m->hear.n) / FRAME_PAYLOAD;

	while (!bounds_take(m->o.bounds, BOUND_TUNNEL_HEARD, more)) {
		struct mux *most = mux_with_most(m, heard_of);

		if (most == m)
			return false;
		mux_heard_free(most);
		mux_die(most, MUX_NOMEM, "half a message of it held memory that others needed");
		mux_kick(most);
	}
	return true;
}

static bool hear_grow(struct mux *m, size_t cap)
{
	uint8_t *mem;

	if (cap == m->hear.n)
		return true;
	if (!hear_room(m, cap))
		return false;
	mem = realloc(m->hear.mem, cap);
	if (mem == NULL) {
		bounds_give(m->o.bounds, BOUND_TUNNEL_HEARD, (cap - m->hear.n) / FRAME_PAYLOAD);
		return false;
	}
	m->hear.mem = mem;
	m->hear.n = cap;
	return true;
}

/* Room grows by doubling, under the bounds: a peer that says little takes little. */
static int message_add(struct mux *m, struct span s)
{
	struct mux_message *g = &m->hear;
	size_t cap = g->n ? g->n : FRAME_PAYLOAD;

	if (!bounds_fits(m->o.bounds, BOUND_TUNNEL_MESSAGE, g->at + s.n))
		return bad(m, "a message longer than any");
	while (cap < g->at + s.n)
		cap *= 2;
	if (!hear_grow(m, cap)) {
		mux_die(m, MUX_NOMEM, "no memory for a message");
		return -ZT_E_NOMEM;
	}
	if (s.n)
		memcpy(&g->mem[g->at], s.p, s.n);
	g->at += s.n;
	return 0;
}

static int on_ctrl(struct mux *m, const struct frame *f)
{
	struct rd r = rd_of(f->payload);
	uint16_t kind = rd_le16(&r);
	struct span part = rd_rest(&r);

	if (kind == 0 || (m->hear.kind && m->hear.kind != kind))
		return bad(m, "a message within another one");
	if (part.n < FRAME_PAYLOAD / 2 && noise(m) < 0)
		return -ZT_E_SYNTAX;
	m->hear.kind = kind;
	if (message_add(m, part) < 0)
		return -ZT_E_SYNTAX;
	if (!(f->flags & FRAME_FIN))
		return 0;
	if (kind <= CTRL_AGAIN) /* a later version says more */
		m->o.cls->control(m, kind, span_of(m->hear.mem, m->hear.at));
	mux_heard_free(m);
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Credit means nothing to a user, so it may stand between. */
static bool goes_on_with(const struct mux_run *r, const struct frame *f)
{
	return f->type == FRAME_CREDIT || (f->type == FRAME_DATA && r->of && r->of->s.id == f->stream && r->n < MUX_RUN);
}

static int on_frame(struct mux *m, const struct frame *f)
{
	static int (*const on[])(struct mux *m, const struct frame *f) = {
		[FRAME_HELLO] = on_hello, [FRAME_OPEN] = on_open, [FRAME_DATA] = on_data, [FRAME_CREDIT] = on_credit,
		[FRAME_RESET] = on_reset, [FRAME_DGRAM] = on_dgram, [FRAME_PING] = on_ping, [FRAME_PONG] = on_pong,
		[FRAME_GOAWAY] = on_goaway, [FRAME_CTRL] = on_ctrl,
	};

	m->heard_ns = m->now;
	if (!goes_on_with(&m->run, f))
		stream_run_over(m);
	if (!m->heard_hello && f->type != FRAME_HELLO)
		return bad(m, "it did not say hello first");
	return f->type < ARRAY_LEN(on) ? on[f->type](m, f) : noise(m);
}

static void read_frames(struct mux *m, struct span in)
{
	while (in.n && !m->dying) {
		struct frame f;
		int n = frame_read(in, &f);

		if (n <= 0) {
			bad(m, n == 0 ? "a frame that does not end with its record" :
			       n == -ZT_E_UNKNOWN ? "a frame that we had to know" : "a malformed frame");
			return;
		}
		if (on_frame(m, &f) < 0)
			return;
		in = span_sub(in, (size_t)n, in.n);
	}
}

void mux_hear(struct mux *m)
{
	bool clean = false;
	const char *words;
	size_t had = m->in.have - m->in.opened;
	ssize_t n = m->c.by->read(m);

	if (n > 0)
		m->stats.in += (uint64_t)n;
	else if (n == -ZT_E_AGAIN && m->in.have - m->in.opened > had)
		m->heard_ns = m->now; /* more of a record: 16 KiB may take longer than silence may last */
	for (size_t i = m->in.first; n > 0 && i < m->in.pieces; i++)
		read_frames(m, m->in.piece[i]);
	stream_run_over(m); /* what came before a bad frame, too */
	m->in.first = m->in.pieces;
	words = n == 0 ? m->c.by->end(m, &clean) : NULL;
	if (n == 0)
		mux_die(m, clean && (m->left || m->peer_left) ? MUX_LEFT : MUX_TLS, words);
}
