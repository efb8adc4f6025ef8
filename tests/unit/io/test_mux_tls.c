/* mux_tls: two multiplexers over real records and a real socket, in a real loop. */
#include "io/mux_int.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "tests/unit/unit.h"

struct side {
	struct source src;
	struct tls tls;
	struct mux *mux;
	struct stream *s;
	uint64_t put, got, wrong;
	bool over;
	enum mux_over why;
};
static struct side side[2];
static struct loop *loop;
static struct bounds bounds;
static uint64_t to_put;

static unsigned wants(const struct source *s)
{
	const struct side *e = CONTAINER_OF(s, const struct side, src);

	return e->mux ? mux_wants(e->mux) : 0;
}
static void ready(struct source *s, unsigned events)
{
	struct side *e = CONTAINER_OF(s, struct side, src);

	if (e->mux)
		mux_ready(e->mux, events);
}
static const struct source_class source_class = {"side", wants, ready, NULL};

static void move(struct side *e)
{
	static uint8_t mem[20000];
	struct span in;
	size_t n;

	while ((in = duct_peek(&e->s->d)).n) {
		for (size_t i = 0; i < in.n; i++)
			e->wrong += in.p[i] != (uint8_t)((e->got + i) * 7);
		e->got += in.n;
		duct_take(&e->s->d, in.n);
	}
	while (e->put < to_put && (n = num_min(num_min64(duct_room(&e->s->d), to_put - e->put), sizeof mem)) > 0) {
		for (size_t i = 0; i < n; i++)
			mem[i] = (uint8_t)((e->put + i) * 7);
		e->put += duct_put(&e->s->d, span_of(mem, n));
	}
	if (e->put == to_put)
		duct_finish(&e->s->d);
	duct_want(&e->s->d, DUCT_IN | (e->put < to_put ? DUCT_OUT : 0));
	duct_flush(&e->s->d);
}
static void on_event(struct duct *d, unsigned events)
{
	struct side *e = mux_owner(((struct stream *)(void *)d)->mux);

	(void)events;
	if (d->end == DUCT_RESET)
		duct_close(d, 0);
	else
		move(e);
}
static const struct duct_user user = {on_event};

static void on_hello(struct mux *m, const struct frame_hello *h)
{
	static const struct frame_open o = {.kind = FRAME_KIND_TCP};
	struct side *e = mux_owner(m);
	int rc;

	CHECK_INT(h->role, e == &side[0] ? 2 : 1);
	if (e != &side[0])
		return;
	e->s = stream_open(m, &o, &user, NULL, &rc);
	move(e);
}
static void on_opened(struct mux *m, struct stream *s, const struct frame_open *o)
{
	struct side *e = mux_owner(m);

	(void)o;
	e->s = s;
	s->d.user = &user;
	move(e);
}
static void on_control(struct mux *m, unsigned kind, struct span s) { (void)m; (void)kind; (void)s; }
static void on_leaving(struct mux *m, const struct frame_goaway *g) { (void)m; (void)g; }
static void on_over(struct mux *m, enum mux_over why, const char *words)
{
	struct side *e = mux_owner(m);

	CHECK(words[0] != 0);
	e->over = true;
	e->why = why;
	e->mux = NULL;
	tls_free(&e->tls);
	loop_close(&e->src);
	mux_free(m);
}
static const struct mux_class mux_class = {on_hello, on_opened, on_control, on_leaving, on_over};

static uint16_t small = 4096;

static int tcp_pair(int pair[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int ls = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = ls >= 0 && bind(ls, (struct sockaddr *)&at, n) == 0 && listen(ls, 1) == 0 &&
		  getsockname(ls, (struct sockaddr *)&at, &n) == 0;

	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok = ok && connect(pair[0], (struct sockaddr *)&at, n) == 0;
	pair[1] = ok ? accept4(ls, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
	close(ls);
	return pair[1] >= 0 ? fcntl(pair[0], F_SETFL, O_NONBLOCK) : -1;
}

static void start_on(const int pair[2], enum loop_backend back, enum aead_kind k, uint64_t bytes)
{
	struct record_keys keys[2][2] = {{{.key = {1, 2}, .iv = {3}, .seq = 1}, {.key = {4, 5}, .iv = {6}, .seq = 1}}};

	memcpy(keys[1], keys[0], sizeof keys[0]);
	memset(side, 0, sizeof side);
	to_put = bytes;
	bounds_init(&bounds);
	NEED(loop_open(&loop, back, &clock_real) == 0);
	for (unsigned i = 0; i < 2; i++) {
		struct side *e = &side[i];
		struct mux_opts o = {
			.cls = &mux_class, .loop = loop, .bounds = &bounds, .src = &e->src, .tls = &e->tls, .opens_even = i == 0,
			.hello = {1, 1, (uint8_t)(1 + i), 0, 1, "i", 0, 100, 67108864, 65536, "t"},
			.ping_after_ns = 3000000000u, .dead_after_ns = 60000000000u, .window_most = 16777216, .owner = e,
		};

		e->src.cls = &source_class;
		e->src.fd = pair[i];
		e->tls.src = &e->src;
		e->tls.state = TLS_OPEN;
		e->tls.most = i ? small : RECORD_PLAIN; /* one that asked for small records */
		record_init(&e->tls.in, k, &keys[0][i]);
		record_init(&e->tls.out, k, &keys[1][!i]);
		NEED(loop_add(loop, &e->src) == 0 && mux_new(&e->mux, &o) == 0);
	}
}

static void start(enum loop_backend back, enum aead_kind k, uint64_t bytes)
{
	int pair[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	start_on(pair, back, k, bytes);
}

static struct mux *start_over_tcp(uint64_t bytes)
{
	int pair[2];

	CHECK_INT(tcp_pair(pair), 0);
	start_on(pair, LOOP_BEST, AEAD_AES128_GCM, bytes);
	return side[0].mux;
}

/* Its first bytes have gone both ways, and the last two round trips took a millisecond. */
static struct mux *start_on_short_path(void)
{
	struct mux *m = start_over_tcp(500000);

	for (unsigned i = 0; i < 10000 && (side[0].got < to_put || side[1].got < to_put || m->rtt.at_ns == 0); i++)
		loop_turn(loop, 1000);
	CHECK(side[0].got == to_put && side[1].got == to_put && side[0].wrong == 0 && m->rtt.at_ns);
	for (unsigned i = 0; i < 2; i++)
		window_rtt_sample(&m->rtt, NS_PER_MS, i);
	return m;
}

static void stop(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (side[i].mux) {
			mux_free(side[i].mux);
			tls_free(&side[i].tls);
			loop_close(&side[i].src);
		}
	loop_turn(loop, 0);
	loop_free(loop);
	CHECK_INT(bounds.row[BOUND_STREAMS].used, 0);
	CHECK_INT(bounds.row[BOUND_TUNNEL_KEPT].used, 0);
}

TEST(megabytes_go_through_records_both_ways)
{
	for (unsigned k = 0; k < 4; k++) {
		small = k == 3 ? 512 : 4096;
		start(k % 2 ? LOOP_POLL : LOOP_BEST, k / 2 ? AEAD_CHACHA20 : AEAD_AES128_GCM, 5000000);
		for (unsigned i = 0; i < 100000 && (side[0].got < to_put || side[1].got < to_put); i++)
			loop_turn(loop, 1000);
		CHECK(side[0].got == to_put && side[1].got == to_put && side[0].wrong == 0 && side[1].wrong == 0);
		mux_leave(side[0].mux, LEAVE_DRAIN, 1000, "done");
		duct_close(&side[0].s->d, 0);
		duct_close(&side[1].s->d, 0);
		for (unsigned i = 0; i < 1000 && !(side[0].over && side[1].over); i++)
			loop_turn(loop, 1000);
		CHECK(side[0].over && side[0].why == MUX_LEFT && side[1].over && side[1].why == MUX_LEFT);
		stop();
	}
}

/* As long as one of the last two PINGs says so, too; where the kernel can be told at all. */
TEST(little_waits_unread_on_a_short_path)
{
	enum { BUF_LOCK = 72, RCVBUF_LOCK = 2 };
	static const struct {
		uint64_t ms;
		bool bound;
	} pings[] = {{500, true}, {500, false}, {21, false}, {19, true}, {500, true}, {500, false}, {1, true}};
	int lock = 0;
	socklen_t n = sizeof lock;
	struct mux *m = start_on_short_path();

	m->c.by->path(m);
	for (unsigned i = 0; i < ARRAY_LEN(pings) && getsockopt(m->o.src->fd, SOL_SOCKET, BUF_LOCK, &lock, &n) == 0; i++) {
		window_rtt_sample(&m->rtt, pings[i].ms * NS_PER_MS, i);
		m->c.by->path(m);
		CHECK(getsockopt(m->o.src->fd, SOL_SOCKET, BUF_LOCK, &lock, &n) == 0);
		CHECK_INT((lock & RCVBUF_LOCK) != 0, pings[i].bound);
	}
	stop();
}

/* What the socket takes unsent is a batch; on a fast path one more, while the next one is made. */
TEST(the_socket_takes_no_more_than_the_pace_unsent)
{
	int most = 0;
	socklen_t n = sizeof most;
	struct mux *m = start_over_tcp(0);

	for (size_t pace = m->out.cap / 4; pace <= m->out.cap; pace *= 2) {
		m->pace = pace;
		m->c.by->pace(m);
		CHECK(getsockopt(m->o.src->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, &n) == 0);
		CHECK_INT(most, pace == m->out.cap ? 2 * pace : pace);
	}
	stop();
}

/* The kernel says twice what it was told. */
static int room_of(const struct mux *m)
{
	int v = 0;
	socklen_t n = sizeof v;

	CHECK(getsockopt(m->o.src->fd, SOL_SOCKET, SO_RCVBUF, &v, &n) == 0);
	return v;
}

TEST(less_waits_unread_while_somebody_types)
{
	struct mux *m = start_on_short_path();

	m->typed_ns = m->now - MUX_TYPED;
	m->c.by->path(m);
	if (m->unread) { /* else the kernel cannot be told */
		CHECK_INT(room_of(m), 2 * 262144);
		m->typed_ns = m->now - MUX_TYPED + 1;
		m->c.by->path(m);
		CHECK_INT(room_of(m), 2 * 65536);
		m->typed_ns--;
		m->c.by->path(m);
		CHECK_INT(room_of(m), 2 * 262144);
	}
	stop();
}

TEST(a_forged_record_ends_it_on_both_sides)
{
	static const char junk[] = "\x17\x03\x03\x00\x20 0123456789abcdef0123456789abcdef";

	start(LOOP_BEST, AEAD_AES128_GCM, 10);
	for (unsigned i = 0; i < 1000 && side[1].got < 10; i++)
		loop_turn(loop, 1000);
	CHECK_INT(write(side[0].src.fd, junk, sizeof junk - 1), sizeof junk - 1);
	for (unsigned i = 0; i < 1000 && !(side[0].over && side[1].over); i++)
		loop_turn(loop, 1000);
	CHECK(side[1].over && side[1].why == MUX_TLS && side[0].over && side[0].why == MUX_TLS);
	stop();
}
