/*
 * mux: see mux.h. Owns a tunnel's life from its hello to its end, and what each frame that arrives means. Never
 * decides who may open what: the owner does.
 *
 * One turn: what has arrived, frame by frame; then streams whose user wanted what waits; then what leaves; then an
 * end, if one is due; then the memory of streams that are over. The owner may free it in over() and nowhere else.
 */
#include "mux.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "mux_int.h"

#define BYTES 65792 /* four records with their gaps and an alert: 4 * 16,413 + 31, rounded up */
#define OLD_RECORDS (UINT64_C(1) << 24)
#define OLD_NS (UINT64_C(86400) * 1000000000)
#define MS UINT64_C(1000000)

static const char silent[] = "nothing came, not even the answer to a ping";

/* ---- ends ---------------------------------------------------------------------------------- */

void mux_die(struct mux *m, enum mux_over why, const char *words)
{
	if (m->dying)
		return;
	m->dying = true;
	m->why = why;
	m->words = words;
}

static int bad(struct mux *m, const char *words)
{
	mux_die(m, MUX_PROTOCOL, words);
	return -ZT_E_SYNTAX;
}

void mux_kick(struct mux *m)
{
	if (!m->over && !m->busy)
		loop_again(m->o.src);
}

static void say_goaway(struct mux *m, enum frame_leave reason, uint32_t grace_ms, const char *text)
{
	struct frame_goaway g = {.reason = (uint16_t)reason, .last = m->ids.peers, .grace_ms = grace_ms};
	uint8_t mem[10 + FRAME_TEXT];
	struct wr w = wr_of(mem, sizeof mem);

	span_to_cstr(span_sub(span_str(text), 0, sizeof g.text - 1), g.text, sizeof g.text);
	frame_goaway_write(&w, &g);
	mux_say(m, FRAME_GOAWAY, 0, wr_span(&w));
}

/* Nothing of m is touched behind over(). */
static void end(struct mux *m)
{
	static const uint16_t reasons[] = {[MUX_PROTOCOL] = LEAVE_PROTOCOL, [MUX_SILENT] = LEAVE_SILENT,
					   [MUX_VERSION] = LEAVE_VERSION, [MUX_NOMEM] = LEAVE_BUSY, [MUX_SPENT] = 0};
	static const struct frame_resets gone = {.code = RESET_GONE, .delivered = UINT64_MAX, .text = "the tunnel connection is over"};

	loop_timer_stop(m->o.loop, &m->tick);
	if (reasons[m->why])
		say_goaway(m, (enum frame_leave)reasons[m->why], 0, m->words);
	mux_last_words(m);
	m->over = true;
	for (struct stream_state *st = m->all; st; st = st->next)
		stream_tell_reset(st, &gone);
	m->o.cls->over(m, m->why, m->words);
}

/* ---- frames that arrive -------------------------------------------------------------------- */

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
	m->heard_hello = true;
	m->win_out.limit = m->peer.credit;
	m->o.cls->hello(m, &m->peer);
	return 0;
}

static const char *refuse_open(struct mux *m, enum frame_reset *code)
{
	*code = m->left ? RESET_LEAVING : RESET_FULL;
	if (m->left)
		return "this connection takes no new streams";
	if (stream_scarce(m))
		return "too many streams in all";
	return window_rate_take(&m->opens, m->now) ? NULL : "too many streams a second";
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
	if (st == NULL) {
		mux_die(m, MUX_NOMEM, "no memory for one more stream");
		return -ZT_E_NOMEM;
	}
	strm_step(&st->state, STRM_RX_OPEN);
	no = refuse_open(m, &code);
	if (no) {
		stream_refuse(&st->s, code, no);
		return 0;
	}
	m->o.cls->opened(m, &st->s, &o);
	if (!st->closed && st->s.d.user == NULL)
		stream_refuse(&st->s, RESET_CANCEL, "nobody took it");
	return 0;
}

static int on_data(struct mux *m, const struct frame *f)
{
	struct stream_state *st = stream_find(m, f->stream);
	bool fin = f->flags & FRAME_FIN;
	enum strm_say say;

	if (window_in_receive(&m->win_in, f->length) < 0)
		return bad(m, "more data than the connection's credit");
	if (st == NULL)
		return bad(m, "data of a stream that is not open");
	if (f->length == 0 && !fin && noise(m) < 0)
		return -ZT_E_SYNTAX;
	say = strm_step(&st->state, fin ? STRM_RX_FIN : STRM_RX_DATA);
	if (say == STRM_BAD)
		return bad(m, "data behind the end of a stream");
	if (window_in_receive(&st->in, f->length) < 0)
		return bad(m, "more data than the stream's credit");
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
	uint8_t mem[10];
	struct wr w = wr_of(mem, sizeof mem);

	if (frame_reset_read(f->payload, &r) < 0)
		return bad(m, "a malformed reset");
	if (st == NULL)
		return strm_ids_used(&m->ids, f->stream) ? noise(m) : bad(m, "a reset of a stream that never was");
	m->stats.resets_in++;
	if (strm_step(&st->state, STRM_RX_RESET) == STRM_ANSWER) {
		struct frame_resets mine = answer;

		mine.delivered = st->delivered;
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

void mux_message_free(struct mux_message *g)
{
	free(g->mem);
	*g = (struct mux_message){0};
}

/* Room grows by doubling, under the bound: a peer that says little takes little. */
static int message_add(struct mux *m, struct span s)
{
	struct mux_message *g = &m->hear;
	size_t cap = g->n ? g->n : FRAME_PAYLOAD;
	uint8_t *mem;

	if (!bounds_fits(m->o.bounds, BOUND_TUNNEL_MESSAGE, g->at + s.n))
		return bad(m, "a message longer than any");
	while (cap < g->at + s.n)
		cap *= 2;
	mem = cap == g->n ? g->mem : realloc(g->mem, cap);
	if (mem == NULL) {
		mux_die(m, MUX_NOMEM, "no memory for a message");
		return -ZT_E_NOMEM;
	}
	g->mem = mem;
	g->n = cap;
	if (s.n)
		memcpy(&mem[g->at], s.p, s.n);
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
	if (kind <= CTRL_HEALTH) /* a later version says more */
		m->o.cls->control(m, kind, span_of(m->hear.mem, m->hear.at));
	mux_message_free(&m->hear);
	return 0;
}

int mux_control(struct mux *m, enum frame_ctrl kind, struct span message)
{
	struct mux_message *g = &m->say[m->say[0].mem ? 1 : 0];

	if (message.n > FRAME_CTRL_MOST)
		return -ZT_E_TOOLONG;
	if (g->mem || m->dying)
		return -ZT_E_FULL;
	*g = (struct mux_message){.mem = malloc(message.n ? message.n : 1), .n = message.n, .kind = (uint16_t)kind};
	if (g->mem == NULL)
		return -ZT_E_NOMEM;
	if (message.n)
		memcpy(g->mem, message.p, message.n);
	mux_kick(m);
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

static void read_all(struct mux *m)
{
	bool clean = false;
	const char *words;
	ssize_t n;

	/* This process stood still for longer than the other side waits: whatever lies in the socket is late, and who asked
	 * for it was told that it is lost. */
	if (m->now >= num_add64_sat(m->heard_ns, m->o.dead_after_ns)) {
		mux_die(m, MUX_SILENT, silent);
		return;
	}
	n = m->c.by->read(m);
	if (n > 0)
		m->stats.in += (uint64_t)n;
	for (size_t i = m->in.first; n > 0 && i < m->in.pieces; i++)
		read_frames(m, m->in.piece[i]);
	stream_run_over(m); /* what came before a bad frame, too */
	m->in.first = m->in.pieces;
	words = n == 0 ? m->c.by->end(m, &clean) : NULL;
	if (n == 0)
		mux_die(m, clean && (m->left || m->peer_left) ? MUX_LEFT : MUX_TLS, words);
}

static void check_left(struct mux *m)
{
	if (m->left && m->mine + m->theirs == 0 && out_idle(m))
		mux_die(m, MUX_LEFT, "drained");
}

void mux_ready(struct mux *m, unsigned events)
{
	if (m->over || m->busy)
		return;
	m->now = loop_now(m->o.loop);
	m->busy = true;
	m->room = events & LOOP_OUT;
	/* Always watched for LOOP_IN, so what was only kicked, to write, has nothing to read: a recv() saved each time. */
	if ((events & (LOOP_IN | LOOP_HUP)) && !(events & LOOP_ASKED))
		read_all(m);
	if (!m->dying)
		stream_eager(m);
	if (!m->dying)
		mux_write(m);
	if (!m->dying)
		check_left(m);
	m->busy = false;
	if (m->dying) {
		end(m);
		return;
	}
	stream_reap(m);
	if (m->eager.head || (!m->blocked && (!out_idle(m) || out_waiting(m))))
		loop_again(m->o.src);
}

unsigned mux_wants(const struct mux *m)
{
	return m->over ? 0 : LOOP_IN | (m->blocked ? LOOP_OUT : 0);
}

/* ---- time ---------------------------------------------------------------------------------- */

void mux_ping(struct mux *m)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	if (m->pinging)
		return;
	wr_le64(&w, ++m->ping);
	m->ping_ns = m->now;
	m->pinging = true;
	mux_say(m, FRAME_PING, 0, wr_span(&w));
}

static void arm(struct mux *m)
{
	uint64_t dead = num_add64_sat(m->heard_ns, m->o.dead_after_ns), wait = m->o.ping_after_ns;

	wait = num_min64(wait, dead > m->now ? dead - m->now : 0);
	if (m->left)
		wait = num_min64(wait, m->leave_ns > m->now ? m->leave_ns - m->now : 0);
	if (!loop_timer(m->o.loop, &m->tick, wait))
		mux_die(m, MUX_NOMEM, "no memory for a timer");
}

static void on_tick(struct timer *t, uint64_t now_ns)
{
	struct mux *m = CONTAINER_OF(t, struct mux, tick);

	m->now = now_ns;
	if (now_ns >= num_add64_sat(m->heard_ns, m->o.dead_after_ns))
		mux_die(m, MUX_SILENT, m->heard_hello ? silent : "it said nothing");
	else if (m->left && now_ns >= m->leave_ns)
		mux_die(m, MUX_LEFT, "its time to drain is over");
	else
		mux_ping(m);
	if (!m->dying)
		arm(m);
	if (m->dying && !m->over)
		end(m);
}

void mux_leave(struct mux *m, enum frame_leave reason, uint32_t grace_ms, const char *text)
{
	uint64_t until = num_add64_sat(loop_now(m->o.loop), grace_ms * MS);

	if (m->dying || (m->left && until >= m->leave_ns))
		return;
	m->now = loop_now(m->o.loop);
	m->leave_ns = until;
	if (!m->left)
		say_goaway(m, reason, grace_ms, text);
	m->left = true;
	arm(m);
	mux_kick(m);
}

bool mux_is_old(const struct mux *m)
{
	return m->stats.records >= OLD_RECORDS || loop_now(m->o.loop) - m->born_ns >= OLD_NS;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void set_up(struct mux *m)
{
	uint64_t most = num_min64(m->o.window_most, m->o.hello.credit / 4);

	/* One that takes nothing must not come near the connection's own limit: see keep(). */
	m->o.window_most = most > m->o.hello.stream_credit ? most : m->o.hello.stream_credit;
	m->now = m->born_ns = m->heard_ns = loop_now(m->o.loop);
	m->ids.even = m->o.opens_even;
	m->tick.fire = on_tick;
	m->opens = (struct window_rate){.rate = 2000, .burst = 4096, .at_ns = m->now};
	m->noise = (struct window_rate){.rate = 200, .burst = 2000, .at_ns = m->now};
	window_in_init(&m->win_in, m->o.hello.credit, m->o.hello.credit, m->now);
	pool_init(&m->pool, m->o.bounds, BOUND_STREAMS, sizeof(struct stream_state));
}

static void join_kin(struct mux *m)
{
	if (m->o.kin == NULL)
		return;
	m->kin_next = *m->o.kin;
	if (m->kin_next)
		m->kin_next->kin_prev = m;
	*m->o.kin = m;
}

static void leave_kin(struct mux *m)
{
	if (m->o.kin == NULL)
		return;
	*(m->kin_prev ? &m->kin_prev->kin_next : m->o.kin) = m->kin_next;
	if (m->kin_next)
		m->kin_next->kin_prev = m->kin_prev;
}

int mux_new_over(struct mux **out, const struct mux_opts *o, const struct mux_carried *c)
{
	struct mux *m = calloc(1, sizeof *m);
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);

	*out = NULL;
	if (m == NULL)
		return -ZT_E_NOMEM;
	m->o = *o;
	m->c = *c;
	set_up(m);
	join_kin(m);
	m->in.mem = malloc(m->in.cap = BYTES);
	m->out.mem = malloc(m->out.cap = BYTES);
	m->pace = c->by->pace ? BYTES / 4 : BYTES; /* one record, until more is known of the path */
	if (c->by->pace)
		c->by->pace(m);
	if (m->in.mem && m->out.mem) {
		frame_hello_write(&w, &o->hello);
		mux_say(m, FRAME_HELLO, 0, wr_span(&w));
		mux_ping(m);
		arm(m);
		if (!m->dying) {
			*out = m;
			return 0;
		}
	}
	mux_free(m);
	return -ZT_E_NOMEM;
}

void mux_free(struct mux *m)
{
	if (m == NULL)
		return;
	m->over = true;
	leave_kin(m);
	loop_timer_stop(m->o.loop, &m->tick);
	stream_free_all(m);
	kept_take(m->o.bounds, &m->control, m->control.n);
	for (unsigned i = 0; i < MUX_MESSAGES; i++)
		mux_message_free(&m->say[i]);
	mux_message_free(&m->hear);
	pool_free(&m->pool);
	free(m->in.mem);
	free(m->out.mem);
	free(m);
}

void *mux_owner(const struct mux *m)
{
	return m->o.owner;
}

static bool is_suspect(const struct mux *m)
{
	uint64_t since = m->ping_ns > m->heard_ns ? m->ping_ns : m->heard_ns, wait = 4 * m->stats.rtt_ns;

	return m->pinging && loop_now(m->o.loop) > num_add64_sat(since, wait > MUX_QUIET ? wait : MUX_QUIET);
}

struct mux_stats mux_stats(const struct mux *m)
{
	struct mux_stats s = m->stats;

	s.streams = m->mine + m->theirs;
	s.most = m->peer.streams;
	s.queued = m->line[LINE_FRESH].n + m->line[LINE_BULK].n;
	s.suspect = is_suspect(m);
	s.leaving = m->left || m->peer_left || m->dying || m->over;
	return s;
}
