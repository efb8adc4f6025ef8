/*
 * mux: see mux.h. Owns a tunnel's life from its hello to its end: its turns, its time, who hears of it.
 *
 * One turn: what has arrived, frame by frame (mux_in.c); then streams whose user wanted what waits; then what leaves
 * (mux_out.c); then an end, if one is due; then the memory of streams that are over. The owner may free it in over()
 * and nowhere else.
 */
#include "mux.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "decide/share.h"
#include "mux_int.h"

#define BYTES 65792 /* four records with their gaps and an alert: 4 * 16,413 + 31, rounded up */
_Static_assert(sizeof(struct mux) + 2 * BYTES + 4096 <= SHARE_TUNNEL, "with whoever has it, and few rules");
#define OLD_RECORDS (UINT64_C(1) << 24)
#define OLD_NS (UINT64_C(86400) * 1000000000)
#define MS UINT64_C(1000000)
#define ANSWERS (2000 * MS)

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
	struct pool_at at = {0};

	loop_timer_stop(m->o.loop, &m->tick);
	if (reasons[m->why])
		say_goaway(m, (enum frame_leave)reasons[m->why], 0, m->words);
	mux_last_words(m);
	m->over = true;
	for (struct stream_state *st; (st = pool_next(&m->pool, &at)) != NULL;)
		stream_tell_reset(st, &gone);
	m->o.cls->over(m, m->why, m->words);
}

/* ---- a turn -------------------------------------------------------------------------------- */

static void read_all(struct mux *m)
{
	/* This process stood still for longer than the other side waits: whatever lies in the socket is late, and who asked
	 * for it was told that it is lost. */
	if (m->now >= num_add64_sat(m->heard_ns, m->o.dead_after_ns))
		mux_die(m, MUX_SILENT, silent);
	else
		mux_hear(m);
}

/* It leaves, and no stream has a user any more: the peer's ends are waited for as long as it answers pings. */
static bool is_forsaken(const struct mux *m)
{
	return m->left && m->mine + m->theirs == m->forsaken;
}

static void arm(struct mux *m)
{
	uint64_t dead = num_add64_sat(m->heard_ns, m->o.dead_after_ns), wait = m->o.ping_after_ns;

	wait = num_min64(wait, dead > m->now ? dead - m->now : 0);
	if (m->left)
		wait = num_min64(wait, m->leave_ns > m->now ? m->leave_ns - m->now : 0);
	if (is_forsaken(m))
		wait = num_min64(wait, ANSWERS / 2);
	if (!loop_timer(m->o.loop, &m->tick, wait))
		mux_die(m, MUX_NOMEM, "no memory for a timer");
}

static void check_left(struct mux *m)
{
	if (m->left && m->mine + m->theirs == 0 && out_idle(m))
		mux_die(m, MUX_LEFT, "drained");
	else if (is_forsaken(m))
		arm(m);
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

/* ---- messages ------------------------------------------------------------------------------ */

void mux_message_free(struct mux_message *g)
{
	free(g->mem);
	*g = (struct mux_message){0};
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

/* ---- time ---------------------------------------------------------------------------------- */

static size_t late_of(const struct mux *m)
{
	return m->late;
}

static size_t streams_of(const struct mux *m)
{
	return m->mine + m->theirs;
}

/* Streams cost a peer nothing whose ends it never answers, and they are room that others need; whoever is behind it may
 * have them on many connections. An honest one answers in a round trip, however many went at once. */
static bool sits_on_ends(const struct mux *m)
{
	uint64_t used = m->o.bounds->row[BOUND_STREAMS].used, cap = m->o.bounds->row[BOUND_STREAMS].cap;
	size_t late = m->late && used > cap / 8 * 5 ? mux_of_all(m, late_of) : 0;

	return late > cap / 16 && late > mux_of_all(m, streams_of) / 2;
}

/* While the answer to our PING is behind bulk that comes slowly, the peer hears nothing of us and takes us for dead; so we
 * say something that nobody has to answer. */
static void on_tick(struct timer *t, uint64_t now_ns)
{
	struct mux *m = CONTAINER_OF(t, struct mux, tick);

	m->now = now_ns;
	m->late = m->forsaken_then;
	m->forsaken_then = m->forsaken;
	if (now_ns >= num_add64_sat(m->heard_ns, m->o.dead_after_ns))
		mux_die(m, MUX_SILENT, m->heard_hello ? silent : "it said nothing");
	else if (m->left && now_ns >= m->leave_ns)
		mux_die(m, MUX_LEFT, "its time to drain is over");
	else if (is_forsaken(m) && m->pinging && now_ns >= m->ping_ns + ANSWERS && now_ns >= m->heard_ns + ANSWERS)
		mux_die(m, MUX_LEFT, "nobody uses it, and it does not answer");
	else if (sits_on_ends(m))
		mux_die(m, MUX_NOMEM, "it does not answer the ends of its streams");
	else if (!m->pinging)
		mux_ping(m);
	else if (!m->blocked && now_ns - m->said_ns >= m->o.ping_after_ns / 2)
		stream_credit_again(m);
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
	uint32_t opens = m->o.opens ? m->o.opens : 2048;

	/* One that takes nothing must not come near the connection's own limit: see keep(). */
	m->o.window_most = most > m->o.hello.stream_credit ? most : m->o.hello.stream_credit;
	m->now = m->born_ns = m->heard_ns = loop_now(m->o.loop);
	m->ids.even = m->o.opens_even;
	m->tick.fire = on_tick;
	m->opens = (struct window_rate){.rate = opens, .burst = 2 * opens, .at_ns = m->now};
	m->noise = (struct window_rate){.rate = 200, .burst = 2000, .at_ns = m->now};
	window_in_init(&m->win_in, m->o.hello.credit, m->o.hello.credit, m->now);
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

size_t mux_of_all(const struct mux *m, size_t (*of)(const struct mux *k))
{
	size_t n = of(m);

	for (const struct mux *k = m->o.kin && m->o.who ? *m->o.kin : NULL; k; k = k->kin_next)
		n += k != m && k->o.who && strcmp(k->o.who, m->o.who) == 0 ? of(k) : 0;
	return n;
}

struct mux *mux_with_most(struct mux *m, size_t (*of)(const struct mux *k))
{
	struct mux *most = m;
	size_t held = mux_of_all(m, of);

	for (struct mux *k = m->o.kin ? *m->o.kin : NULL; k; k = k->kin_next) {
		size_t all = of(k) ? mux_of_all(k, of) : 0;

		if (all > held || (all == held && of(k) > of(most))) {
			most = k;
			held = all;
		}
	}
	return most;
}

int mux_new_over(struct mux **out, const struct mux_opts *o, const struct mux_carried *c)
{
	struct mux *m = calloc(1, sizeof *m);
	bool ready;
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);

	*out = NULL;
	if (m == NULL)
		return -ZT_E_NOMEM;
	m->o = *o;
	m->c = *c;
	set_up(m);
	join_kin(m);
	ready = streams_init(m);
	m->in.mem = malloc(m->in.cap = BYTES);
	m->out.mem = malloc(m->out.cap = BYTES);
	m->pace = c->by->pace ? BYTES / 4 : BYTES; /* one record, until more is known of the path */
	if (c->by->pace)
		c->by->pace(m);
	if (ready && m->in.mem && m->out.mem) {
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
	mux_heard_free(m);
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
