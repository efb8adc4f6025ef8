/*
 * Who waits for something that is there was told of it, however it came to be: by its own socket, by a flush that
 * somebody else made, by buffers that others gave back, by credit. Connections of every pairing of ducts share few
 * buffers and one tunnel; peers, other seats and other events do at random what they may; whenever nobody does
 * anything any more, nobody may have been forgotten, and with willing peers every byte arrives.
 *
 * The sockets are AF_UNIX: nothing in their kernel waits for a clock. Time stands still, so that no timer comes to the
 * rescue. ZT_WAKES_SEED and ZT_WAKES_WORLDS make another run, or a longer one, of it.
 */
#include <sys/ioctl.h>

#include "io/bufs.h"
#include "io/couple.h"
#include "io/sockduct_int.h"
#include "tests/unit/io/muxpair.h"
#include "tests/unit/io/peer_kit.h"

enum kind { PLAIN, TLS, STREAM, KINDS };
enum { LINKS = 4, SEATS = 6, STEPS = 60, WORLDS = 90, QUIET = 4000, AT_ONCE = 30000 };

/* One end of a connection that is passed on, and who stands behind it. */
struct side {
	enum kind kind;
	struct duct *d;
	struct sockduct sd;
	struct source src;
	struct tls tls;
	struct stream *theirs;   /* the same stream, of its peer */
	struct peer peer;        /* got counts for a stream, too */
	uint8_t wire[RECORD_MAX];/* what it is about to say */
	size_t at, n;
	uint64_t said, to_say;
	bool bye, said_bye, heard_bye;
	unsigned calls;          /* of it, and of its user, since all was quiet */
	struct link *link;
};

struct link {
	struct side side[2];
	bool coupled, over;
	struct couple couple;
};

struct world {
	uint64_t seed, random;
	unsigned step;
	struct pair *pair;
	struct bufs *bufs;
	struct link link[LINKS];
	struct bufs_seat seat[SEATS];
	bool failed;
};
static struct world *world;

static uint64_t any(uint64_t below)
{
	uint64_t z = world->random += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (z ^ (z >> 31)) % below;
}

static size_t any_of(const size_t *of, size_t n) { return of[any(n)]; }

static const char *const kinds[KINDS] = {"plain", "tls", "stream"};

static void blame(const struct side *s, const char *what)
{
	const struct link *k = s->link;
	const struct duct *d = s->d;

	if (!world->failed)
		unit_fail(__FILE__, __LINE__, "seed %llu, step %u: the %s side of %s %s-%s (wants %u, shows %zu, room %zu, end %u, "
			  "held_up %d, holds_up %d, short %d): %s", (unsigned long long)world->seed, world->step,
			  s == &k->side[NEAR] ? "near" : "far", k->coupled ? "a couple" : "an exchange", kinds[k->side[NEAR].kind],
			  kinds[k->side[FAR].kind], d->wants, duct_peek(d).n, duct_room(d), d->end, d->held_up, d->holds_up,
			  bufs_short(world->bufs), what);
	world->failed = true;
}

/* ---- the users ---------------------------------------------------------------------------- */

static void pass(struct link *k, unsigned from)
{
	struct duct *a = k->side[from].d, *b = k->side[!from].d;
	size_t n;

	while ((n = duct_put(b, duct_peek(a))) > 0)
		duct_take(a, n);
	if (a->end == DUCT_FINISHED && duct_ended(a))
		duct_finish(b);
}

/* What an exchange does with its two bodies at the end of each of its events, whichever duct's it was. */
static void exchange_event(struct link *k)
{
	struct duct *near = k->side[NEAR].d, *far = k->side[FAR].d;
	bool up, down;

	pass(k, NEAR);
	pass(k, FAR);
	up = duct_peek(near).n > 0;
	down = duct_peek(far).n > 0;
	duct_flush(far);
	duct_flush(near);
	duct_ahead(near, far->finished ? NULL : far);
	duct_ahead(far, near->finished ? NULL : near);
	duct_want(near, (up || far->finished ? 0 : (unsigned)DUCT_IN) | (down || far->held_up ? (unsigned)DUCT_OUT : 0));
	duct_want(far, (down || near->finished ? 0 : (unsigned)DUCT_IN) | (up || near->held_up ? (unsigned)DUCT_OUT : 0));
}

static void on_over(struct couple *c)
{
	struct link *k = CONTAINER_OF(c, struct link, couple);

	k->over = true;
	if (c->why)
		blame(&k->side[c->by], "the couple has failed");
}

static void told(struct side *s, unsigned events)
{
	struct link *k = s->link;

	s->calls++;
	if (duct_dead(s->d))
		blame(s, duct_why(s->d));
	else if (k->coupled)
		couple_event(&k->couple, s == &k->side[FAR], events);
	else
		exchange_event(k);
}

static void on_socket(struct duct *d, unsigned events) { told(CONTAINER_OF(d, struct side, sd.d), events); }
static const struct duct_user of_socket = {on_socket};
static void on_stream(struct duct *d, unsigned events) { told(((struct stream *)(void *)d)->owner, events); }
static const struct duct_user of_stream = {on_stream};

/* ---- who stands behind them ------------------------------------------------------------------ */

static void feed_stream(struct side *s)
{
	static uint8_t text[4096];
	struct duct *d = &s->theirs->d;
	size_t n;

	while ((n = num_min(num_min64(duct_room(d), s->to_say - s->said), sizeof text)) > 0) {
		for (size_t i = 0; i < n; i++)
			text[i] = byte_at(s->said + i);
		s->said += duct_put(d, span_of(text, n));
	}
	if (s->bye && s->said == s->to_say)
		duct_finish(d);
	duct_want(d, s->said < s->to_say ? DUCT_OUT : 0);
	duct_flush(d);
}

static void on_theirs(struct duct *d, unsigned events)
{
	struct side *s = ((struct stream *)(void *)d)->owner;

	if (duct_dead(d))
		blame(s, "its peer's stream was reset");
	else if (events & DUCT_OUT)
		feed_stream(s);
}
static const struct duct_user of_theirs = {on_theirs};

/* The next of what it says: a record, or plain bytes, or the end. */
static bool next_wire(struct side *s)
{
	const uint8_t notify[2] = {1, 0};
	size_t head = s->kind == TLS ? record_head(&s->peer.out) : 0;
	size_t n = (size_t)num_min64(s->to_say - s->said, 1 + any(any(2) ? RECORD_PLAIN : 300));
	int sealed = (int)n;

	for (size_t i = 0; i < n; i++)
		s->wire[head + i] = byte_at(s->said + i);
	if (n == 0 && s->bye && !s->said_bye) {
		s->said_bye = true;
		if (s->kind == TLS) {
			memcpy(&s->wire[head], notify, n = sizeof notify);
			sealed = record_seal(&s->peer.out, RECORD_ALERT, s->wire, n);
		} else {
			shutdown(s->peer.fd, SHUT_WR);
		}
	} else if (n && s->kind == TLS) {
		sealed = record_seal(&s->peer.out, RECORD_DATA, s->wire, n);
	}
	s->said += s->said_bye ? 0 : n;
	s->at = 0;
	s->n = (size_t)sealed;
	return s->n > 0;
}

/* As much of at most n bytes as its socket takes. A record's header comes whole: AF_UNIX knows no SO_RCVLOWAT. */
static void says(struct side *s, size_t most)
{
	if (s->kind == STREAM) {
		if (s->theirs)
			feed_stream(s);
		return;
	}
	while (most && (s->at < s->n || next_wire(s))) {
		size_t n = num_min(s->n - s->at, most < 8 && s->at == 0 ? 8 : most), sent = raw(&s->peer, &s->wire[s->at], n);

		s->at += sent;
		most -= num_min(most, sent);
		if (sent < n)
			return;
	}
}

static void hears(struct side *s, size_t most)
{
	struct span t;

	if (s->kind != STREAM) {
		listen_to(&s->peer, most);
		s->heard_bye = s->kind == TLS ? s->peer.bye : s->peer.eof;
		return;
	}
	while (s->theirs && most && (t = duct_peek(&s->theirs->d)).n) {
		t.n = num_min(t.n, most);
		most -= t.n;
		take(&s->peer, t.p, t.n);
		duct_take(&s->theirs->d, t.n);
	}
	s->heard_bye = s->theirs && s->theirs->d.end == DUCT_FINISHED && duct_ended(&s->theirs->d);
}

/* ---- the tunnel -------------------------------------------------------------------------------- */

static void on_hello(struct mux *m, const struct frame_hello *h) { (void)m, (void)h; }
static void on_control(struct mux *m, unsigned kind, struct span s) { (void)m, (void)kind, (void)s; }
static void on_leaving(struct mux *m, const struct frame_goaway *g) { (void)m, (void)g; }

static void on_opened(struct mux *m, struct stream *t, const struct frame_open *o)
{
	struct side *s = &world->link[o->rule / 2].side[o->rule % 2];

	(void)m;
	s->theirs = t;
	t->owner = s;
	t->d.user = &of_theirs;
	feed_stream(s);
}
static const struct mux_class tunnel = {on_hello, on_opened, on_control, on_leaving, pipe_over};

/* One end of it takes what the other has sent, if there is anything new. */
static bool carry(struct pipe_end *e)
{
	size_t before = e->n, theirs = e->peer->n;

	if (e->mux && (e->n || (e->mux->blocked && theirs < e->peer->cap)))
		mux_ready(e->mux, LOOP_IN | LOOP_OUT);
	return e->n != before || e->peer->n != theirs;
}

static bool turn(void)
{
	struct loop_stats was = loop_stats(loop), is;
	bool moved = false;

	CHECK_INT(loop_turn(loop, 0), 0);
	moved |= carry(&world->pair->end[0]);
	moved |= carry(&world->pair->end[1]);
	is = loop_stats(loop);
	return moved || is.events != was.events || is.timers != was.timers;
}

/* ---- nobody is forgotten ------------------------------------------------------------------------ */

/* Bytes or an end in the socket, and nothing keeps it from reading them. */
static bool has_unread(const struct side *s)
{
	const struct sockduct *k = &s->sd;
	uint8_t mem[RECORD_MAX];
	bool may = s->kind != STREAM && s->d->end == DUCT_GOING && !s->d->held_up && !(k->busy && duct_peek(s->d).n);
	struct bufs_seat none = {.reads = true};
	ssize_t n = may && bufs_could(world->bufs, &none) ? recv(s->src.fd, mem, sizeof mem, MSG_PEEK | MSG_DONTWAIT) : -1;

	return n >= 0;
}

/* Its peer reads nothing: the room that it has had since buffers are short no more is told when some of this has left. */
static bool waits_for_its_peer(const struct side *s)
{
	return s->kind != STREAM && waiting(&s->sd);
}

static void look_at(const struct side *s)
{
	const struct duct *d = s->d;

	if ((d->wants & DUCT_IN) && (duct_peek(d).n || has_unread(s)))
		blame(s, "there is something, and it was not told");
	if ((d->wants & DUCT_OUT) && duct_room(d) && !waits_for_its_peer(s) && (!d->holds_up || d->cls->ahead(d)))
		blame(s, "there is room, and it was not told");
}

static void settle(void)
{
	unsigned n = 0;

	while (n < QUIET && turn())
		n++;
	for (unsigned i = 0; i < 2 * LINKS && !world->failed; i++) {
		struct side *s = &world->link[i / 2].side[i % 2];

		if (n == QUIET && s->calls >= QUIET / 2)
			blame(s, "it goes round and round");
		else if (n < QUIET && !s->link->over)
			look_at(s);
		s->calls = 0;
	}
}

/* ---- what happens ------------------------------------------------------------------------------- */

static struct side *anyone(void) { return &world->link[any(LINKS)].side[any(2)]; }

static void somebody_says(void)
{
	static const size_t amounts[] = {1, 40, 1000, 16384, 70000, 300000};
	struct side *s = anyone();

	if (s->to_say - s->said < AT_ONCE)
		s->to_say += 1 + any(any_of(amounts, ARRAY_LEN(amounts)));
	says(s, 1 + any(any_of(amounts, ARRAY_LEN(amounts))));
}

static void somebody_hears(void)
{
	static const size_t amounts[] = {1, 600, 5000, 60000, SIZE_MAX};

	hears(anyone(), 1 + any(any_of(amounts, ARRAY_LEN(amounts))));
}

static void somebody_flushes(void) /* for a reason of its own */
{
	struct side *s = anyone();

	if (any(2))
		hears(s, SIZE_MAX);
	if (!s->link->over)
		duct_flush(s->d);
}

static void an_exchange_looks(void) /* a timer's, a reload's */
{
	struct link *k = &world->link[any(LINKS)];

	if (!k->coupled)
		exchange_event(k);
}

static void on_served(struct bufs_seat *s) { (void)s; }
static void a_seat_is_taken(void) { bufs_take(world->bufs, &world->seat[any(SEATS)]); }
static void a_seat_is_given(void) { bufs_give(world->bufs, &world->seat[any(SEATS)]); }
static void a_turn_is_taken(void) { turn(); }
static void the_tunnel_goes_on(void) { carry(&world->pair->end[any(2)]); }

static void (*const acts[])(void) = {
	somebody_says, somebody_says, somebody_hears, somebody_hears, somebody_flushes, an_exchange_looks,
	a_seat_is_taken, a_seat_is_taken, a_seat_is_given, a_turn_is_taken, the_tunnel_goes_on,
};

static bool all_heard(bool bye)
{
	for (unsigned i = 0; i < 2 * LINKS; i++) {
		const struct side *to = &world->link[i / 2].side[i % 2], *from = &world->link[i / 2].side[!(i % 2)];

		if (to->peer.got != from->to_say || (bye && !to->heard_bye))
			return false;
	}
	return true;
}

/* Everybody is willing. */
static void to_the_end(bool bye)
{
	for (unsigned i = 0; i < SEATS; i++)
		bufs_give(world->bufs, &world->seat[i]);
	for (unsigned n = 0; n < 2000 && !all_heard(bye) && !world->failed; n++) {
		for (unsigned i = 0; i < 2 * LINKS; i++) {
			struct side *s = &world->link[i / 2].side[i % 2];

			s->bye |= bye;
			says(s, SIZE_MAX);
			hears(s, SIZE_MAX);
		}
		settle();
	}
	for (unsigned i = 0; i < 2 * LINKS && !world->failed; i++) {
		struct side *to = &world->link[i / 2].side[i % 2];

		if (to->peer.got != to->link->side[!(i % 2)].to_say || (bye && !to->heard_bye))
			blame(to, "not all that was said has reached its peer");
	}
}

/* ---- a world ------------------------------------------------------------------------------------- */

static unsigned side_wants(const struct source *s)
{
	return sockduct_wants(&CONTAINER_OF(s, const struct side, src)->sd);
}
static void side_ready(struct source *s, unsigned events)
{
	struct side *side = CONTAINER_OF(s, struct side, src);

	side->calls++;
	sockduct_ready(&side->sd, events);
}
static const struct source_class side_class = {"side", side_wants, side_ready, NULL};

static void start_socket(struct side *s)
{
	static const size_t sizes[] = {4096, 20000, 60000, 212992};
	struct record_keys a = keys_of(1), b = keys_of(2);
	int fd[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	for (unsigned i = 0; i < 2; i++) {
		int bytes = (int)any_of(sizes, ARRAY_LEN(sizes));

		CHECK_INT(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
	}
	s->src = (struct source){.cls = &side_class, .fd = fd[0]};
	s->peer.fd = fd[1];
	s->peer.tls = s->kind == TLS;
	CHECK_INT(loop_add(loop, &s->src), 0);
	if (s->peer.tls) {
		struct record_keys c = a, d = b;

		s->tls = (struct tls){.src = &s->src, .state = TLS_OPEN, .most = RECORD_PLAIN};
		record_init(&s->tls.in, AEAD_CHACHA20, &a);
		record_init(&s->tls.out, AEAD_CHACHA20, &b);
		record_init(&s->peer.out, AEAD_CHACHA20, &c);
		record_init(&s->peer.in, AEAD_CHACHA20, &d);
	}
	CHECK_INT(sockduct_start(&s->sd, world->bufs, &s->src, s->peer.tls ? &s->tls : NULL, &of_socket, SPAN_NONE), 0);
	s->d = &s->sd.d;
}

static void start_stream(struct side *s, uint16_t number)
{
	struct frame_open o = {.kind = FRAME_KIND_HTTP, .rule = number, .epoch = 1, .name = "app.example"};
	struct stream *t;
	int rc;

	s->peer.fd = -1;
	t = stream_open(world->pair->end[0].mux, &o, &of_stream, s, &rc);
	s->d = t ? &t->d : NULL;
}

/* Pairings in turn, so that all of them meet. */
static void start_link(struct link *k, unsigned number, unsigned pairing)
{
	const enum kind kind[2] = {(enum kind)(pairing % KINDS), (enum kind)(pairing / KINDS % KINDS)};

	k->coupled = pairing / (KINDS * KINDS) % 2;
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &k->side[i];

		s->kind = kind[i];
		s->link = k;
		if (s->kind == STREAM)
			start_stream(s, (uint16_t)(2 * number + i));
		else
			start_socket(s);
		k->couple.side[i] = s->d;
	}
	k->couple.over = on_over;
	k->couple.loop = loop;
	if (k->coupled)
		couple_start(&k->couple);
	else
		exchange_event(k);
}

static void begin(uint64_t seed)
{
	static const size_t credits[] = {8192, 20000, 65536}, caps[] = {17000, 30000, PIPE_MOST};

	world = calloc(1, sizeof *world);
	world->seed = world->random = seed;
	world->pair = pair_new();
	loop = world->pair->loop;
	CHECK_INT(bufs_new(&world->bufs, loop, &world->pair->bounds), 0);
	world->pair->bounds.row[BOUND_DUCT_BUFS].cap = 4 + any(12);
	for (unsigned i = 0; i < 2; i++) {
		struct mux_opts o = pair_opts(world->pair, i, &tunnel);

		world->pair->end[i].cap = any_of(caps, ARRAY_LEN(caps));
		o.hello.stream_credit = (uint32_t)any_of(credits, ARRAY_LEN(credits));
		pair_start(world->pair, i, &o);
	}
	for (unsigned i = 0; i < 20; i++)
		turn();
	for (unsigned i = 0; i < SEATS; i++)
		world->seat[i] = (struct bufs_seat){.reads = i % 2, .served = on_served};
	for (unsigned i = 0; i < LINKS; i++)
		start_link(&world->link[i], i, (unsigned)(seed * LINKS + i));
}

static void end(void)
{
	for (unsigned i = 0; i < 2 * LINKS; i++) {
		struct side *s = &world->link[i / 2].side[i % 2];

		couple_stop(&s->link->couple);
		if (s->kind == STREAM)
			continue;
		sockduct_stop(&s->sd);
		close(s->peer.fd);
	}
	for (unsigned i = 0; i < SEATS; i++)
		bufs_give(world->bufs, &world->seat[i]);
	turns(2);
	CHECK_INT(world->pair->bounds.row[BOUND_DUCT_BUFS].used, 0);
	bufs_free(world->bufs);
	pair_free(world->pair);
	free(world);
}

static uint64_t knob(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 10) : otherwise;
}

TEST(nobody_is_forgotten)
{
	uint64_t seed = knob("ZT_WAKES_SEED", 1), worlds = knob("ZT_WAKES_WORLDS", WORLDS);
	bool failed = false;

	for (uint64_t i = 0; i < worlds && !failed; i++) {
		begin(seed + i);
		for (world->step = 0; world->step < STEPS && !world->failed; world->step++) {
			for (uint64_t n = 1 + any(12); n; n--)
				acts[any(ARRAY_LEN(acts))]();
			if (any(2))
				settle();
		}
		to_the_end(false);
		to_the_end(true);
		failed = world->failed;
		end();
	}
}
