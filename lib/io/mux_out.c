/*
 * mux_out: what leaves a tunnel, in which order: control frames, one piece of a message, then streams in turn. Owns
 * the record that is being filled. Never looks at what arrives.
 *
 * A batch is filled while nothing sealed waits: up to four records, sealed as each is full, sent with one call. What
 * the socket does not take blocks the next batch; then nobody has room, and nobody is asked.
 *
 * What the socket has taken is past all turns: on a path of 64 kbit/s a batch of 64 KiB holds up everybody for eight
 * seconds. So a batch, and with it what the socket takes unsent, is no more than the path takes in a moment: how long
 * the socket stays full is measured, and the pace halved or doubled.
 */
#include <string.h>

#include "base/num.h"
#include "mux_int.h"

#define FRESH_BYTES 65536               /* a stream that sent no more than this */
#define FRESH_TICKS 95                  /* in 100 ms is somebody typing, or a page's first bytes */
#define FRESH_TURNS 8                   /* fresh : bulk */
#define BATCHES 2                       /* of a turn of the loop: LOOP_BUDGET is one and a bit */

#define PACE_SLOW_NS (50 * NS_PER_MS)
#define PACE_FAST_NS (10 * NS_PER_MS)
#define PACE_LEAST 2048        /* the largest control frame and its record, several times */

/* ---- the pace ------------------------------------------------------------------------------ */

static bool is_slow(const struct mux *m)
{
	return m->pace < m->out.cap;
}

static void set_pace(struct mux *m, size_t pace)
{
	pace = num_min(pace, m->out.cap);
	if (pace == m->pace)
		return;
	m->pace = pace;
	m->c.by->pace(m);
}

/* The socket has room again: after how long? */
static void measure(struct mux *m)
{
	uint64_t ns = m->now - m->blocked_ns;
	size_t pace = ns < PACE_FAST_NS ? 2 * m->pace : m->pace;

	m->room = false;
	m->unsure = 0;
	m->blocked_ns = m->now;
	if (m->c.by->pace == NULL)
		return;
	for (; ns > PACE_SLOW_NS && pace / 2 >= PACE_LEAST; ns /= 2)
		pace /= 2;
	set_pace(m, pace);
}

/* ---- the record that is being filled ------------------------------------------------------- */

static size_t batch_left(const struct mux *m, size_t at)
{
	size_t kept = TLS_ALERT_BYTES + RECORD_OVERHEAD;

	return m->blocked || m->over || m->pace < at + kept ? 0 : num_min(m->c.most, m->pace - at - kept);
}

static size_t rec_room(const struct mux *m)
{
	size_t all = batch_left(m, m->out.tail);

	return all > m->rec ? all - m->rec : 0;
}

static void seal(struct mux *m)
{
	int n;

	m->last = NULL;
	if (m->rec == 0)
		return;
	n = m->c.by->seal(m, &m->out.mem[m->out.tail], m->rec);
	m->rec = 0;
	if (n < 0) {
		mux_die(m, MUX_SPENT, "its keys are used up");
		return;
	}
	m->out.tail += (size_t)n;
	m->stats.records++;
}

/* Room for n bytes in one record, a new one if need be. */
static bool space(struct mux *m, size_t n)
{
	if (rec_room(m) < n)
		seal(m);
	return !m->dying && rec_room(m) >= n;
}

static uint8_t *fill(struct mux *m, size_t n)
{
	uint8_t *at = &m->out.mem[m->out.tail + m->c.head + m->rec];

	m->rec += n;
	return at;
}

static void head(struct mux *m, uint8_t type, uint8_t flags, uint32_t stream, size_t n)
{
	struct wr w = wr_of(fill(m, FRAME_HEADER), FRAME_HEADER);

	m->last = NULL;
	frame_head(&w, type, flags, stream, (uint16_t)n);
}

/* On a slow path the socket is asked between batches: a packet that it has begun it fills up, whatever its limit is. */
static void send_batch(struct mux *m)
{
	bool was = m->blocked;
	ssize_t n;

	if (was && m->room)
		measure(m);
	seal(m);
	n = m->out.head == m->out.tail ? 0 : m->c.by->send(m);
	if (n > 0) {
		m->stats.out += (uint64_t)n;
		m->unsure += (size_t)n;
		m->said_ns = m->now;
	}
	if (n < 0 && n != -ZT_E_AGAIN)
		mux_die(m, MUX_TLS, "the connection was reset");
	m->blocked = m->out.head != m->out.tail || (is_slow(m) && m->unsure >= m->pace / 2);
	if (m->blocked && !was)
		m->blocked_ns = m->now;
}

/* ---- control ------------------------------------------------------------------------------- */

#define CONTROL_MOST 2097152 /* 4,096 opens of 520 bytes; else the peer does not read, and makes us talk */

static size_t control_of(const struct mux *m)
{
	return m->control.n;
}

/* Nothing else gives way to control frames, so their room is whose peers read least: who has a word to say to one that
 * reads must not end for them. */
static bool control_push(struct mux *m, struct span s)
{
	while (!kept_push(m->o.bounds, &m->control, s, 0)) {
		struct mux *most = mux_with_most(m, control_of);

		if (most == m || m->dying)
			return false;
		kept_take(most->o.bounds, &most->control, most->control.n);
		mux_die(most, MUX_NOMEM, "control frames that its peer does not read held memory that others needed");
		mux_kick(most);
	}
	return true;
}

bool mux_say(struct mux *m, uint8_t type, uint32_t stream, struct span payload)
{
	uint8_t mem[FRAME_HEADER + 512];
	struct wr w = wr_of(mem, sizeof mem);
	bool much;

	frame_head(&w, type, 0, stream, (uint16_t)payload.n);
	wr_put(&w, payload);
	ZT_ASSERT(!w.full);
	much = m->control.n + w.n > CONTROL_MOST;
	if (much || !control_push(m, wr_span(&w))) {
		mux_die(m, MUX_NOMEM, much ? "no room for control frames: the peer does not read them" : "no memory for control frames");
		mux_kick(m); /* whoever asked is not always in mux_ready(), which ends it */
		return false;
	}
	mux_kick(m);
	return true;
}

void out_control(struct mux *m)
{
	while (m->control.n) {
		uint8_t mem[FRAME_HEADER];
		struct rd r = rd_of(span_of(mem, kept_copy(&m->control, mem, sizeof mem)));
		size_t n;

		rd_le16(&r); /* type, flags */
		n = FRAME_HEADER + (size_t)rd_le16(&r);
		if (!space(m, n))
			return;
		m->last = NULL;
		kept_copy(&m->control, fill(m, n), n);
		kept_take(m->o.bounds, &m->control, n);
	}
}

/* One piece a batch, and no more than a quarter of it: eight megabytes of a status list hold nobody up. */
static void put_message(struct mux *m)
{
	struct mux_message *g = &m->say[0];
	size_t n, most = num_min(m->c.most, m->pace / 4) - FRAME_HEADER - 2;
	struct wr w;

	if (g->mem == NULL || !space(m, FRAME_HEADER + 2 + num_min(g->n - g->at, most)))
		return;
	n = num_min(g->n - g->at, most);
	head(m, FRAME_CTRL, g->at + n == g->n ? FRAME_FIN : 0, 0, 2 + n);
	w = wr_of(fill(m, 2 + n), 2 + n);
	wr_le16(&w, g->kind);
	wr_put(&w, span_sub(span_of(g->mem, g->n), g->at, n));
	g->at += n;
	if (g->at < g->n)
		return;
	mux_message_free(g);
	m->say[0] = m->say[1];
	m->say[1] = (struct mux_message){0};
}

/* ---- streams ------------------------------------------------------------------------------- */

static bool may_send(const struct stream_state *st)
{
	return st->state == STRM_OPEN || st->state == STRM_IN_DONE;
}

/* Who reads for it opens whole records, and would sit on a buffer under what is left of one. Half a window comes back at
 * a time, so no less than that is waited for. */
size_t out_ahead(const struct stream_state *st)
{
	uint64_t room = window_out_room(&st->out);

	return room < num_min(RECORD_PLAIN, st->s.mux->peer.stream_credit / 2) ? 0 : (size_t)room;
}

static bool has_use(const struct stream_state *st)
{
	return may_send(st) && (st->fin_due || (!st->closed && !st->s.d.finished && (st->s.d.wants & DUCT_OUT) &&
						(st->s.d.holds_up ? out_ahead(st) : window_out_room(&st->out)) > 0));
}

static void line_up(struct stream_line *l, struct stream_state *st, bool first)
{
	struct stream_state **at = first || l->tail == NULL ? &l->head : &l->tail->turn_next;

	st->queued = true;
	st->turn_next = first ? l->head : NULL;
	*at = st;
	if (st->turn_next == NULL)
		l->tail = st;
	l->n++;
}

static struct stream_line *line_of(struct mux *m, const struct stream_state *st)
{
	return &m->line[st->burst > FRESH_BYTES ? LINE_BULK : LINE_FRESH];
}

void out_queue(struct mux *m, struct stream_state *st)
{
	if (st->queued || m->over || !has_use(st))
		return;
	if (mux_ticks(m->now) - st->burst_at > FRESH_TICKS) {
		st->burst_at = mux_ticks(m->now);
		st->burst = 0;
	}
	line_up(line_of(m, st), st, false);
	mux_kick(m);
}

static struct stream_state *next_turn(struct mux *m)
{
	struct stream_line *l = &m->line[LINE_FRESH];
	struct stream_state *st;

	if (l->head == NULL || (m->fresh_turns >= FRESH_TURNS && m->line[LINE_BULK].head)) {
		l = &m->line[LINE_BULK];
		m->fresh_turns = 0;
	} else {
		m->fresh_turns++;
	}
	st = l->head;
	if (st == NULL)
		return NULL;
	l->head = st->turn_next;
	if (l->head == NULL)
		l->tail = NULL;
	l->n--;
	st->queued = false;
	return st;
}

/* What all the records that still fit could hold for it. */
static size_t batch_room(const struct mux *m, const struct stream_state *st)
{
	size_t here = rec_room(m), around = m->last == st ? 0 : FRAME_HEADER, sum = here > around ? here - around : 0;
	size_t at = m->out.tail + (m->rec + here ? RECORD_OVERHEAD + m->rec + here : 0), plain;

	while ((plain = batch_left(m, at)) > FRAME_HEADER) {
		sum += plain - FRAME_HEADER;
		at += RECORD_OVERHEAD + plain;
	}
	return sum;
}

size_t out_room(const struct mux *m, const struct stream_state *st)
{
	uint64_t credit = num_min64(window_out_room(&st->out), window_out_room(&m->win_out));

	if (m->dying || !may_send(st) || (m->turn ? m->turn != st : m->control.n || m->line[0].n + m->line[1].n))
		return 0;
	return num_min(num_min64(credit, m->turn ? st->quantum : FRAME_PAYLOAD), batch_room(m, st));
}

/* Behind its own last frame without a new header, if that is the last of the record. */
static void put_part(struct mux *m, struct stream_state *st, struct span s)
{
	struct wr w;

	if (m->last == st) {
		struct rd r = rd_of(span_of(&m->out.mem[m->last_at + 2], 2));
		uint16_t had = rd_le16(&r);

		w = wr_of(&m->out.mem[m->last_at + 2], 2);
		wr_le16(&w, (uint16_t)(had + s.n));
	} else {
		size_t at = m->out.tail + m->c.head + m->rec;

		head(m, FRAME_DATA, 0, st->s.id, s.n);
		m->last = st;
		m->last_at = at;
	}
	memcpy(fill(m, s.n), s.p, s.n);
}

void out_put(struct mux *m, struct stream_state *st, struct span s)
{
	int over = window_out_send(&st->out, s.n) | window_out_send(&m->win_out, s.n);

	ZT_ASSERT(over == 0); /* out_room() said so */
	st->quantum -= m->turn ? (uint32_t)s.n : 0;
	if (st->burst <= FRESH_BYTES)
		st->burst += (uint32_t)s.n;
	while (s.n && !m->dying) {
		size_t room = rec_room(m), around = m->last == st ? 0 : FRAME_HEADER, n;

		if (room <= around) {
			seal(m);
			continue;
		}
		n = num_min(s.n, room - around);
		put_part(m, st, span_sub(s, 0, n));
		s = span_sub(s, n, s.n);
	}
	mux_kick(m);
}

bool out_fin(struct mux *m, struct stream_state *st)
{
	if (m->dying || (!m->turn && m->control.n))
		return false;
	if (m->last == st) {
		m->out.mem[m->last_at + 1] |= FRAME_FIN;
		m->last = NULL;
	} else {
		if (!space(m, FRAME_HEADER))
			return false;
		head(m, FRAME_DATA, FRAME_FIN, st->s.id, 0);
	}
	mux_kick(m);
	return true;
}

/* No turn begins for less than this: a frame, a record and its reader's send() cost more. Bulk waits for the next batch
 * where less than one frame of it fits: a turn that lies in two batches is passed on in two, and so are all behind it.
 * On a slow path whole batches may be smaller than that. */
#define SCRAP 1024

static bool is_roomy(const struct mux *m)
{
	bool any = m->line[LINE_FRESH].head || is_slow(m);
	size_t least = num_min(any ? SCRAP : FRAME_PAYLOAD, m->c.most); /* some peers' records are small */

	return rec_room(m) >= least || batch_left(m, m->out.tail + RECORD_OVERHEAD + m->rec) >= least;
}

/* Whose turn is cut short by the end of the batch goes on with it in the next one, if more than a frame of it is left:
 * where batches and the number of streams keep step, the same few would get the scraps each time. */
static void take_turn(struct mux *m, struct stream_state *st)
{
	bool cut;

	m->turn = st;
	st->queued = true; /* what its user wants is looked at behind the turn */
	if (st->quantum == 0)
		st->quantum = st->burst >= FRAME_PAYLOAD && !is_slow(m) ? BULK_TURN : FRAME_PAYLOAD; /* who types has less */
	if (st->fin_due && out_fin(m, st)) {
		st->fin_due = false;
		strm_step(&st->state, STRM_TX_FIN);
		if (st->state == STRM_CLOSED)
			stream_over(m, st);
	} else if (!st->fin_due && out_room(m, st)) {
		stream_tell(st, DUCT_OUT);
	}
	m->turn = NULL;
	st->queued = false;
	cut = st->quantum >= FRAME_PAYLOAD && !m->over && has_use(st) && !is_roomy(m);
	if (cut)
		line_up(line_of(m, st), st, true);
	else
		st->quantum = 0;
	out_queue(m, st);
}

/* Turns without a byte end it: everybody was asked once, or the connection has no credit left. */
static void put_streams(struct mux *m)
{
	size_t idle = 0, most = m->line[0].n + m->line[1].n;
	struct stream_state *st;

	while (!m->dying && m->control.n == 0 && idle <= most && is_roomy(m) && (st = next_turn(m)) != NULL) {
		uint64_t before = m->win_out.sent;

		take_turn(m, st);
		idle = m->win_out.sent == before ? idle + 1 : 0;
	}
}

/* ---- batches ------------------------------------------------------------------------------- */

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

bool out_idle(const struct mux *m)
{
	return !m->blocked && m->rec == 0 && m->out.head == m->out.tail && m->control.n == 0 && m->say[0].mem == NULL;
}

bool out_waiting(const struct mux *m)
{
	return m->line[LINE_FRESH].n + m->line[LINE_BULK].n && window_out_room(&m->win_out);
}

void mux_write(struct mux *m)
{
	unsigned batches = 0;

	for (;;) {
		if (m->blocked)
			send_batch(m);
		if (m->blocked || m->dying)
			return;
		out_control(m);
		put_message(m);
		put_streams(m);
		if (m->rec == 0 && m->out.head == m->out.tail)
			return;
		send_batch(m);
		if (++batches == BATCHES) {
			loop_again(m->o.src); /* ends need no credit: out_waiting() does not see them */
			return;
		}
	}
}

/* What still fits: it is not worth waiting for. Nothing of a stream that is cut. That it does not arrive is not
 * what the connection ends of. */
void mux_last_words(struct mux *m)
{
	const enum mux_over why = m->why;
	const char *words = m->words;

	if (m->out.head == m->out.tail && m->why != MUX_TLS && m->why != MUX_SPENT) {
		m->dying = m->blocked = false; /* for one batch more */
		out_control(m);
		send_batch(m);
		m->dying = true;
		m->why = why;
		m->words = words;
	}
	m->c.by->bye(m);
	m->c.by->send(m);
}
