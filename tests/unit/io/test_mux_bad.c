/* T-42: a peer that speaks the protocol wrong, frame by frame. Each sequence ends the connection, or is passed over,
 * as docs/protocol.md says; another connection of the same process never notices. */
#include "tests/unit/io/muxpair.h"

#include "tests/unit/unit.h"

static bool take_all, close_all;
static unsigned opened;
static struct stream *last;

static void on_event(struct duct *d, unsigned events)
{
	(void)events;
	if (d->end == DUCT_RESET)
		duct_close(d, 0);
	else
		duct_take(d, duct_peek(d).n);
}
static const struct duct_user user_class = {on_event};

static void on_hello(struct mux *m, const struct frame_hello *h) { (void)m; (void)h; }
static void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	(void)m;
	(void)o;
	opened++;
	last = s;
	s->d.user = &user_class;
	if (close_all)
		duct_close(&s->d, ZT_E_CANCELLED);
	else
		duct_want(&s->d, take_all ? DUCT_IN : 0);
}
static void on_control(struct mux *m, unsigned kind, struct span s) { (void)m; (void)kind; (void)s; }
static void on_leaving(struct mux *m, const struct frame_goaway *g) { (void)m; (void)g; }
static const struct mux_class mux_class = {on_hello, on_opened, on_control, on_leaving, pipe_over};

/*
 * A sequence in a small language. The peer is the edge, so its streams are even. Each letter is a frame in a record
 * of its own; `+` puts the next one into the same record.
 *   H hello   O2 open   D2 ten bytes   F2 ten bytes and FIN   e2 no byte   W2 a window (65536 bytes)   R2 reset
 *   C2 credit 70000   c2 credit 1   z0 connection credit 2^63   P ping   p pong   G goaway   M rules   m half of them
 *   n half of another kind   U unknown type   X unknown, MUST   S cut short   Z eight zeros   g datagram
 *   T2,k type k without payload on stream 2   B 3000 pings   K 3000 times the credit 70000
 *   A our user closes what is opened   N nobody takes anything
 */
struct script {
	const char *text;
	int why; /* -1: it lives on */
};
static const struct script scripts[] = {
	{"H", -1}, {"HO2D2F2", -1}, {"HO2O4D4D2R2R4", -1}, {"HU", -1}, {"HO2C2C2", -1}, {"HPG", -1}, {"HM", -1}, {"HmM", -1},
	{"H+O2+D2+F2", -1}, {"HO2R2C2R2", -1}, {"HAO2D2D2C2F2", -1}, {"HAO2D2R2", -1}, {"HO8O10", -1}, {"HO2e2e2", -1},
	/* before hello */
	{"O2", MUX_PROTOCOL}, {"D2", MUX_PROTOCOL}, {"P", MUX_PROTOCOL}, {"G", MUX_PROTOCOL}, {"U", MUX_PROTOCOL},
	{"z0", MUX_PROTOCOL}, {"M", MUX_PROTOCOL}, {"R2", MUX_PROTOCOL}, {"Z", MUX_PROTOCOL}, {"S", MUX_PROTOCOL},
	/* the connection's */
	{"HH", MUX_PROTOCOL}, {"HO2H", MUX_PROTOCOL}, {"HZ", MUX_PROTOCOL}, {"HX", MUX_PROTOCOL}, {"HS", MUX_PROTOCOL},
	{"HP+S", MUX_PROTOCOL}, {"Hp", MUX_PROTOCOL}, {"HB", MUX_PROTOCOL}, {"HO2C2K", MUX_PROTOCOL}, {"Hz0c0", MUX_PROTOCOL},
	{"Hmn", MUX_PROTOCOL}, {"HmMn", -1},
	/* numbers */
	{"HO0", MUX_PROTOCOL}, {"HO1", MUX_PROTOCOL}, {"HO3", MUX_PROTOCOL}, {"HO2O2", MUX_PROTOCOL}, {"HO4O2", MUX_PROTOCOL},
	{"HO2F2O2", MUX_PROTOCOL}, {"HO2R2O2", MUX_PROTOCOL}, {"HO8O6", MUX_PROTOCOL},
	/* streams that are not open */
	{"HD2", MUX_PROTOCOL}, {"HF2", MUX_PROTOCOL}, {"He2", MUX_PROTOCOL}, {"HC2", MUX_PROTOCOL}, {"HR2", MUX_PROTOCOL},
	{"HD1", MUX_PROTOCOL}, {"HC1", MUX_PROTOCOL}, {"HR1", MUX_PROTOCOL}, {"HO4D2", MUX_PROTOCOL}, {"HO4R2", -1},
	{"HO4C2", -1}, {"HD0", MUX_PROTOCOL}, {"HF0", MUX_PROTOCOL}, {"HR0", MUX_PROTOCOL}, {"HO2g2", MUX_PROTOCOL},
	{"Hg2", MUX_PROTOCOL},
	/* behind the end */
	{"HO2F2D2", MUX_PROTOCOL}, {"HO2F2F2", MUX_PROTOCOL}, {"HO2F2e2", MUX_PROTOCOL}, {"HO2R2D2", MUX_PROTOCOL},
	{"HO2R2F2", MUX_PROTOCOL}, {"HAO2F2D2", MUX_PROTOCOL}, {"HAO2F2F2", MUX_PROTOCOL}, {"HAO2R2D2", MUX_PROTOCOL},
	{"HAO2O2", MUX_PROTOCOL}, {"HAO2R2R2R2", -1},
	/* credit */
	{"HO2C2c2", MUX_PROTOCOL}, {"HO2c2", MUX_PROTOCOL}, {"HNO2W2", -1}, {"HNO2W2D2", MUX_PROTOCOL},
	{"HNO2W2e2", -1}, {"HNO2W2F2", MUX_PROTOCOL}, {"HNO2D2W2", MUX_PROTOCOL}, {"HO2W2W2W2W2W2D2", -1},
	{"HAO2W2D2", MUX_PROTOCOL}, {"HAO2W2", -1}, {"HNO2W2O4W4O6W6O8W8", -1},
	/* types without their payload, or on the wrong stream */
	{"HT0,1", MUX_PROTOCOL}, {"HT2,1", MUX_PROTOCOL}, {"HT2,2", MUX_PROTOCOL}, {"HT0,2", MUX_PROTOCOL}, {"HT0,3", MUX_PROTOCOL},
	{"HT0,4", MUX_PROTOCOL}, {"HO2T2,4", MUX_PROTOCOL}, {"HO2T2,5", MUX_PROTOCOL}, {"HO2T2,6", MUX_PROTOCOL},
	{"HT0,7", MUX_PROTOCOL}, {"HT2,7", MUX_PROTOCOL}, {"HT0,8", MUX_PROTOCOL}, {"HT0,9", MUX_PROTOCOL},
	{"HT2,9", MUX_PROTOCOL}, {"HT0,10", MUX_PROTOCOL}, {"HT2,10", MUX_PROTOCOL}, {"HT0,11", -1}, {"HT2,255", -1},
};

/* ---- the peer ------------------------------------------------------------------------------ */

struct peer {
	struct pair *p;
	uint8_t rec[16384];
	size_t n;
	bool more;
};

static void send_record(struct peer *e)
{
	struct pipe_end *to = &e->p->end[1];

	if (e->n + 2 <= to->cap - to->n && to->mux) {
		to->bytes[to->n] = (uint8_t)e->n;
		to->bytes[to->n + 1] = (uint8_t)(e->n >> 8);
		memcpy(&to->bytes[to->n + 2], e->rec, e->n);
		to->n += e->n + 2;
	}
	e->n = 0;
	e->more = false;
	for (unsigned i = 0; i < 2 && to->mux; i++)
		mux_ready(to->mux, LOOP_IN);
	e->p->end[0].n = 0; /* what it answers */
}

static void frame(struct peer *e, uint8_t type, uint8_t flags, uint32_t stream, struct span payload)
{
	struct wr w = wr_of(&e->rec[e->n], sizeof e->rec - e->n);

	frame_head(&w, type, flags, stream, (uint16_t)payload.n);
	wr_put(&w, payload);
	e->n += w.n;
	if (!e->more)
		send_record(e);
	e->more = false;
}

static void number(struct peer *e, uint8_t type, uint32_t stream, uint64_t v)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_le64(&w, v);
	frame(e, type, 0, stream, wr_span(&w));
}

static void hello(struct peer *e)
{
	static const struct frame_hello h = {1, 1, 1, 0, 1, "edge", 0, 100, 60000, 60000, "bad"};
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);

	frame_hello_write(&w, &h);
	frame(e, FRAME_HELLO, 0, 0, wr_span(&w));
}

static void open_or_reset(struct peer *e, char what, uint32_t stream)
{
	static const struct frame_open o = {.kind = FRAME_KIND_TCP};
	static const struct frame_resets r = {.code = RESET_CANCEL};
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);

	if (what == 'O')
		frame_open_write(&w, &o);
	else
		frame_reset_write(&w, &r);
	frame(e, what == 'O' ? FRAME_OPEN : FRAME_RESET, 0, stream, wr_span(&w));
}

static void data(struct peer *e, char what, uint32_t stream)
{
	static const uint8_t zeros[FRAME_PAYLOAD];

	for (size_t left = what == 'W' ? 65536 : what == 'e' ? 0 : 10, n;; left -= n) {
		n = num_min(left, FRAME_PAYLOAD);
		frame(e, FRAME_DATA, what == 'F' ? FRAME_FIN : 0, stream, span_of(zeros, n));
		if (left == n)
			return;
	}
}

static void whole(struct peer *e, char what)
{
	struct span goaway = SPAN_LIT("\x01\0\0\0\0\0\0\0\0\0");

	switch (what) {
	case 'H': hello(e); break;
	case 'P': number(e, FRAME_PING, 0, 9); break;
	case 'p': number(e, FRAME_PONG, 0, 77); break;
	case 'G': frame(e, FRAME_GOAWAY, 0, 0, goaway); break;
	case 'M': frame(e, FRAME_CTRL, FRAME_FIN, 0, SPAN_LIT("\x01\0all")); break;
	case 'm': frame(e, FRAME_CTRL, 0, 0, SPAN_LIT("\x01\0half")); break;
	case 'n': frame(e, FRAME_CTRL, 0, 0, SPAN_LIT("\x02\0half")); break;
	case 'U': frame(e, 99, 1, 4, SPAN_LIT("who")); break;
	case 'X': frame(e, 99, FRAME_MUST, 4, SPAN_LIT("who")); break;
	case 'Z': frame(e, 0, 0, 0, SPAN_NONE); break;
	case '+': e->more = true; break;
	case 'A': close_all = true; break;
	case 'N': take_all = false; break;
	case 'B':
		for (unsigned i = 0; i < 3000; i++)
			number(e, FRAME_PING, 0, i);
		break;
	case 'K':
		for (unsigned i = 0; i < 3000; i++)
			number(e, FRAME_CREDIT, 2, 70000);
		break;
	case 'S':
		e->n += 8;
		memcpy(&e->rec[e->n - 8], "\x07\0\x08\0\0\0\0\0", 8);
		send_record(e);
		break;
	default: abort();
	}
}

static void run(struct peer *e, const char *s)
{
	while (*s) {
		char what = *s++;
		uint32_t stream = 0;

		if (!strchr("ODFeWRCczgT", what)) {
			whole(e, what);
			continue;
		}
		stream = (uint32_t)strtoul(s, (char **)(uintptr_t)&s, 10);
		if (what == 'O' || what == 'R')
			open_or_reset(e, what, stream);
		else if (what == 'C' || what == 'c')
			number(e, FRAME_CREDIT, stream, what == 'C' ? 70000 : 1);
		else if (what == 'z')
			number(e, FRAME_CREDIT, stream, UINT64_C(1) << 63);
		else if (what == 'g')
			frame(e, FRAME_DGRAM, 0, stream, SPAN_LIT("\0\0hi"));
		else if (what == 'T')
			frame(e, (uint8_t)strtoul(s + 1, (char **)(uintptr_t)&s, 10), 0, stream, SPAN_NONE);
		else
			data(e, what, stream);
	}
}

/* A healthy connection of the same process, beside the bad one: the same loop is not needed for that. */
static void judge(const struct script *s)
{
	static struct peer peer;
	struct pair *p = pair_new();
	struct mux_opts o = pair_opts(p, 1, &mux_class);

	take_all = true;
	close_all = false;
	opened = 0;
	pair_start(p, 1, &o);
	mux_ready(p->end[1].mux, LOOP_IN);
	peer = (struct peer){.p = p};
	run(&peer, s->text);
	if (p->end[1].over != (s->why >= 0) || (s->why >= 0 && (int)p->end[1].why != s->why))
		unit_fail(__FILE__, __LINE__, "%s: %s", s->text, p->end[1].over ? p->end[1].words : "lives");
	pair_free(p);
}

TEST(bad_sequences_end_the_connection_and_good_ones_do_not)
{
	unsigned bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		judge(&scripts[i]);
		bad += scripts[i].why >= 0;
	}
	CHECK(bad >= 50);
}

/* Whoever ends it is told why; everything that was held is given back. */
TEST(the_end_is_said_with_its_reason_and_frees_all)
{
	static struct peer peer;
	struct pair *p = pair_new();
	struct mux_opts o = pair_opts(p, 1, &mux_class);
	struct frame f = {0};
	size_t at = 0;

	take_all = close_all = false;
	pair_start(p, 1, &o);
	peer = (struct peer){.p = p};
	run(&peer, "HO2D2O4W4");
	CHECK(p->bounds.row[BOUND_STREAMS].used == 2 && p->bounds.row[BOUND_TUNNEL_KEPT].used > 10);
	peer.more = true;
	number(&peer, FRAME_PONG, 0, 12345);
	p->end[1].bytes[0] = (uint8_t)peer.n;
	memcpy(&p->end[1].bytes[2], peer.rec, peer.n);
	p->end[1].n = 2 + peer.n;
	mux_ready(p->end[1].mux, LOOP_IN);
	CHECK(p->end[1].over && p->bounds.row[BOUND_STREAMS].used == 0 && p->bounds.row[BOUND_TUNNEL_KEPT].used == 0);
	/* Its last frame. */
	for (at = 2; at < p->end[0].n;) {
		int n = frame_read(span_of(&p->end[0].bytes[at], p->end[0].n - at), &f);

		NEED(n > 0);
		at += (size_t)n;
	}
	CHECK(f.type == FRAME_GOAWAY && f.payload.p[0] == LEAVE_PROTOCOL);
	CHECK(p->end[0].closed);
	pair_free(p);
}

TEST(more_streams_than_allowed_and_streams_in_a_hurry)
{
	static struct peer peer;
	struct pair *p = pair_new();
	struct mux_opts o = pair_opts(p, 1, &mux_class);
	char text[16];

	take_all = true;
	close_all = false;
	o.hello.streams = 5;
	pair_start(p, 1, &o);
	peer = (struct peer){.p = p};
	run(&peer, "HO2O4O6O8O10");
	CHECK(!p->end[1].over && opened >= 5);
	/* Open and reset as fast as one can: nothing grows, and the rate answers by refusing. */
	run(&peer, "R2");
	opened = 0;
	for (unsigned i = 12; i < 12 + 2 * 6000 && !p->end[1].over; i += 2) {
		snprintf(text, sizeof text, "O%uR%u", i, i);
		run(&peer, text);
	}
	CHECK(!p->end[1].over && opened >= 4000 && opened < 4096 && p->bounds.row[BOUND_STREAMS].peak < 20);
	run(&peer, "O20000O20002O20004");
	CHECK(p->end[1].over && p->end[1].why == MUX_PROTOCOL);
	pair_free(p);
}
