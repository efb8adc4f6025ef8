/* The pump between sockets of 127.0.0.1, each side plain or TLS: what goes in comes out, ends
 * are told apart, buffers are lent and come back. The peers' records are the record layer's own,
 * which has its known answers elsewhere. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/pump.h"

enum { NEAR, FAR };

/* What stands on the other end of one side of the pump. */
struct peer {
	int fd;
	bool tls, eof, reset, bye;
	uint8_t alert;
	struct record in, out;
	uint8_t wire[4 * RECORD_MAX]; /* received, not opened yet */
	size_t have;
	uint64_t got;
	uint32_t sum;                 /* of the bytes and their places */
};

struct rig {
	struct pump pump;
	struct source src[2];
	struct tls tls[2];
	struct peer peer[2];
	unsigned overs;
};

static struct loop *loop;
static struct bounds bounds;
static struct pump_pool bufs;
static struct clock_fake fake;

static unsigned wants(const struct source *s, unsigned side)
{
	return pump_wants(&CONTAINER_OF(s - side, const struct rig, src)->pump, side);
}
static unsigned near_wants(const struct source *s) { return wants(s, NEAR); }
static unsigned far_wants(const struct source *s) { return wants(s, FAR); }
static void near_ready(struct source *s, unsigned ev) { pump_ready(&CONTAINER_OF(s, struct rig, src)->pump, NEAR, ev); }
static void far_ready(struct source *s, unsigned ev)
{
	pump_ready(&CONTAINER_OF(s, struct rig, src[FAR])->pump, FAR, ev);
}
static const struct source_class classes[2] = {{"near", near_wants, near_ready, NULL}, {"far", far_wants, far_ready, NULL}};

static void on_over(struct pump *p)
{
	struct rig *r = CONTAINER_OF(p, struct rig, pump);

	r->overs++;
	loop_close(&r->src[NEAR]);
	loop_close(&r->src[FAR]);
}
static const struct pump_class over_class = {on_over};

/* A connected pair: what the pump holds, what the peer holds. */
static void tcp_pair(int *ours, int *theirs)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	CHECK(bind(l, (struct sockaddr *)&at, n) == 0 && listen(l, 1) == 0);
	CHECK(getsockname(l, (struct sockaddr *)&at, &n) == 0);
	*theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(*theirs, (struct sockaddr *)&at, n) == 0);
	*ours = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(*ours >= 0);
	close(l);
	CHECK(fcntl(*theirs, F_SETFL, O_NONBLOCK) == 0);
	setsockopt(*theirs, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(*ours, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static struct record_keys keys_of(uint8_t fill)
{
	struct record_keys k = {.seq = 1};

	memset(k.key, fill, sizeof k.key);
	memset(k.iv, fill + 1, sizeof k.iv);
	return k;
}

static void make_tls(struct rig *r, unsigned side, enum aead_kind kind)
{
	struct record_keys a = keys_of(1), b = keys_of(2), c = keys_of(1), d = keys_of(2);

	r->tls[side] = (struct tls){.src = &r->src[side], .state = TLS_OPEN, .most = RECORD_PLAIN};
	record_init(&r->tls[side].in, kind, &a);
	record_init(&r->tls[side].out, kind, &b);
	record_init(&r->peer[side].out, kind, &c);
	record_init(&r->peer[side].in, kind, &d);
	r->peer[side].tls = true;
	r->pump.side[side].tls = &r->tls[side];
}

static void set_up(void)
{
	clock_fake_init(&fake, 100 * NS_PER_S, 0);
	bounds_init(&bounds);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &fake.clock), 0);
	pump_pool_init(&bufs, loop, &bounds);
}

/* tls: bit 1 for the near side, bit 2 for the far one. */
static struct rig *rig_new(unsigned tls, enum aead_kind kind)
{
	struct rig *r = calloc(1, sizeof *r);

	r->pump.cls = &over_class;
	r->pump.pool = &bufs;
	for (unsigned i = 0; i < 2; i++) {
		int ours = -1;

		tcp_pair(&ours, &r->peer[i].fd);
		r->src[i] = (struct source){.cls = &classes[i], .fd = ours};
		r->pump.side[i].src = &r->src[i];
		if (tls & (1u << i))
			make_tls(r, i, kind);
	}
	CHECK_INT(loop_add(loop, &r->src[NEAR]), 0);
	CHECK_INT(loop_add(loop, &r->src[FAR]), 0);
	pump_start(&r->pump);
	return r;
}

static void turns(unsigned n)
{
	while (n--)
		CHECK_INT(loop_turn(loop, 0), 0);
}

static void rig_free(struct rig *r)
{
	pump_stop(&r->pump);
	for (unsigned i = 0; i < 2; i++) {
		loop_close(&r->src[i]);
		if (r->peer[i].fd >= 0)
			close(r->peer[i].fd);
	}
	turns(2);
	free(r);
}

static void tear_down(void)
{
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	pump_pool_free(&bufs);
	loop_free(loop);
}

/* ---- what peers do ----------------------------------------------------------------------- */

static size_t raw(struct peer *p, const void *bytes, size_t n)
{
	ssize_t got = send(p->fd, bytes, n, MSG_NOSIGNAL);

	return got > 0 ? (size_t)got : 0;
}

/* One record, sent whole: the socket must take it. */
static void say_record(struct peer *p, enum record_type type, const void *bytes, size_t n)
{
	static uint8_t mem[RECORD_MAX];
	int len;

	memcpy(&mem[record_head(&p->out)], bytes, n);
	len = record_seal(&p->out, type, mem, n);
	CHECK(len > 0);
	CHECK_INT(raw(p, mem, (size_t)len), len);
}

static void say(struct peer *p, const void *bytes, size_t n)
{
	if (p->tls)
		say_record(p, RECORD_DATA, bytes, n);
	else
		CHECK_INT(raw(p, bytes, n), n);
}

static void say_bye(struct peer *p)
{
	const uint8_t notify[2] = {1, 0};

	if (p->tls)
		say_record(p, RECORD_ALERT, notify, 2);
	else
		shutdown(p->fd, SHUT_WR);
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static void take(struct peer *p, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != byte_at(p->got + i)) {
			unit_fail(__FILE__, __LINE__, "byte %llu is wrong", (unsigned long long)(p->got + i));
			break;
		}
	p->got += n;
}

static void open_records(struct peer *p)
{
	struct record_plain plain;
	size_t at = 0;
	int n;

	while ((n = record_open(&p->in, &p->wire[at], p->have - at, &plain)) > 0) {
		if (plain.type == RECORD_DATA)
			take(p, plain.p, plain.n);
		else if (plain.type == RECORD_ALERT && plain.n == 2 && plain.p[0] == 1)
			p->bye = true;
		else if (plain.type == RECORD_ALERT && plain.n == 2)
			p->alert = plain.p[1];
		at += (size_t)n;
	}
	CHECK_INT(n, ZT_MORE);
	p->have -= at;
	memmove(p->wire, &p->wire[at], p->have);
}

/* Reads once, at most `most` bytes. */
static void listen_to(struct peer *p, size_t most)
{
	ssize_t n = recv(p->fd, &p->wire[p->have], num_min(most, sizeof p->wire - p->have), 0);

	if (n == 0)
		p->eof |= !p->reset; /* the kernel says so too, after it has said ECONNRESET */
	else if (n < 0)
		p->reset |= errno == ECONNRESET;
	if (n <= 0)
		return;
	p->have += (size_t)n;
	if (p->tls) {
		open_records(p);
	} else {
		take(p, p->wire, p->have);
		p->have = 0;
	}
}

/* Everybody goes on until nothing changes any more. */
static void settle(struct rig *r)
{
	for (unsigned i = 0; i < 20; i++) {
		turns(2);
		listen_to(&r->peer[NEAR], SIZE_MAX);
		listen_to(&r->peer[FAR], SIZE_MAX);
	}
}

static void say_pattern(struct peer *p, uint64_t from, size_t n)
{
	static uint8_t text[RECORD_PLAIN];

	NEED(n <= sizeof text);
	for (size_t i = 0; i < n; i++)
		text[i] = byte_at(from + i);
	say(p, text, n);
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* n bytes each way at the same time, in uneven parts. */
static void exchange(unsigned tls, enum aead_kind kind, uint64_t n)
{
	struct rig *r = rig_new(tls, kind);
	uint64_t sent[2] = {0, 0};

	for (unsigned round = 0; round < 4000 && (r->peer[0].got < n || r->peer[1].got < n); round++) {
		for (unsigned i = 0; i < 2; i++) {
			size_t part = num_min((round * 977 + i * 131) % RECORD_PLAIN + 1, (size_t)(n - sent[i]));
			uint64_t under_way = sent[i] - r->peer[!i].got;

			if (part && under_way < 65536) { /* so that the sockets take whole parts */
				say_pattern(&r->peer[i], sent[i], part);
				sent[i] += part;
			}
			listen_to(&r->peer[i], 40000);
		}
		turns(1);
	}
	for (unsigned i = 0; i < 2; i++)
		CHECK_INT(r->peer[i].got, n);
	settle(r);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	CHECK_INT(r->pump.flow[NEAR].bytes, n);
	CHECK_INT(r->pump.flow[FAR].bytes, n);
	CHECK_INT(r->overs, 0);
	rig_free(r);
}

TEST(every_byte_arrives_in_order_whatever_the_sides_are)
{
	set_up();
	for (unsigned tls = 0; tls < 4; tls++)
		exchange(tls, AEAD_AES128_GCM, 3 << 20);
	exchange(3, AEAD_CHACHA20, 1 << 20);
	exchange(3, AEAD_AES256_GCM, 1 << 20);
	tear_down();
}

TEST(many_records_of_one_segment_all_go_on)
{
	static uint8_t mem[65536];
	struct rig *r;
	size_t n = 0;

	set_up();
	r = rig_new(1, AEAD_CHACHA20);
	for (unsigned i = 0; i < 500; i++) { /* far more than a turn opens */
		mem[n + record_head(&r->peer[NEAR].out)] = byte_at(i);
		n += (size_t)record_seal(&r->peer[NEAR].out, RECORD_DATA, &mem[n], 1);
	}
	CHECK_INT(raw(&r->peer[NEAR], mem, n), n);
	for (unsigned i = 0; i < 60; i++) {
		turns(1);
		listen_to(&r->peer[FAR], SIZE_MAX);
	}
	CHECK_INT(r->peer[FAR].got, 500);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	rig_free(r);
	tear_down();
}

TEST(a_record_that_comes_byte_by_byte_is_one_record)
{
	uint8_t mem[RECORD_OVERHEAD + 64];
	struct rig *r;
	int n;

	set_up();
	r = rig_new(3, AEAD_AES128_GCM);
	for (unsigned i = 0; i < 20; i++)
		mem[record_head(&r->peer[NEAR].out) + i] = byte_at(i);
	n = record_seal(&r->peer[NEAR].out, RECORD_DATA, mem, 20);
	for (int i = 0; i < n; i++) {
		CHECK_INT(r->peer[FAR].got, 0);
		CHECK_INT(raw(&r->peer[NEAR], &mem[i], 1), 1);
		turns(2);
		listen_to(&r->peer[FAR], SIZE_MAX);
	}
	settle(r);
	CHECK_INT(r->peer[FAR].got, 20);
	rig_free(r);
	tear_down();
}

/* What a sender that nobody reads from gets rid of: the sockets' buffers and one of ours. */
TEST(a_side_that_does_not_read_stops_the_other)
{
	static uint8_t junk[65536];
	struct rig *r;
	uint64_t sent, before;

	for (unsigned tls = 0; tls < 4; tls += 2) {
		set_up();
		r = rig_new(tls, AEAD_AES128_GCM);
		for (size_t i = 0; i < sizeof junk; i++)
			junk[i] = byte_at(i);
		sent = raw(&r->peer[NEAR], junk, sizeof junk);
		do {
			before = sent;
			turns(4);
			for (size_t i = 0; i < sizeof junk; i++)
				junk[i] = byte_at(sent + i);
			sent += raw(&r->peer[NEAR], junk, sizeof junk);
		} while (sent != before && sent < (64u << 20));
		CHECK(sent < (64u << 20));
		CHECK_INT(pump_wants(&r->pump, NEAR) & LOOP_IN, 0);
		CHECK_INT(pump_wants(&r->pump, FAR) & LOOP_OUT, LOOP_OUT);
		CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 1);
		for (unsigned i = 0; i < 4000 && r->peer[FAR].got < sent; i++) {
			listen_to(&r->peer[FAR], SIZE_MAX);
			turns(1);
		}
		CHECK_INT(r->peer[FAR].got, sent);
		rig_free(r);
		tear_down();
	}
}

/* ---- ends -------------------------------------------------------------------------------- */

TEST(a_half_close_is_passed_on_and_the_other_way_stays_open)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned first = 0; first < 2; first++) {
			struct rig *r;
			struct peer *a, *b;

			set_up();
			r = rig_new(tls, AEAD_AES128_GCM);
			a = &r->peer[first];
			b = &r->peer[!first];
			say_pattern(a, 0, 100);
			say_bye(a);
			settle(r);
			CHECK_INT(b->got, 100);
			if (!(b->eof && b->bye == b->tls && !b->reset))
				unit_fail(__FILE__, __LINE__, "tls %u first %u: eof %d bye %d reset %d", tls, first, b->eof,
					  b->bye, b->reset);
			CHECK_INT(r->overs, 0);
			say_pattern(b, 0, 5000); /* still open */
			settle(r);
			CHECK_INT(a->got, 5000);
			CHECK(!a->eof);
			say_bye(b);
			settle(r);
			CHECK(a->eof && a->bye == a->tls && !a->reset);
			CHECK_INT(r->overs, 1);
			CHECK_INT(r->pump.cause, PUMP_FINISHED);
			CHECK_INT(r->pump.by, first);
			CHECK_STR(pump_cause_text(&r->pump), "finished");
			rig_free(r);
			tear_down();
		}
}

static void reset_of(int fd)
{
	const struct linger now = {.l_onoff = 1};

	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	close(fd);
}

TEST(a_reset_on_one_side_is_a_reset_on_the_other)
{
	for (unsigned tls = 0; tls < 4; tls++)
		for (unsigned by = 0; by < 2; by++) {
			struct rig *r;

			set_up();
			r = rig_new(tls, AEAD_AES128_GCM);
			say_pattern(&r->peer[by], 0, 10);
			settle(r);
			reset_of(r->peer[by].fd);
			r->peer[by].fd = -1;
			turns(4);
			listen_to(&r->peer[!by], SIZE_MAX);
			CHECK(r->peer[!by].reset && !r->peer[!by].eof && !r->peer[!by].bye);
			CHECK_INT(r->overs, 1);
			CHECK_INT(r->pump.cause, PUMP_RESET);
			CHECK_INT(r->pump.by, by);
			rig_free(r);
			tear_down();
		}
}

TEST(tls_that_ends_without_close_notify_becomes_a_reset)
{
	for (unsigned far_tls = 0; far_tls < 2; far_tls++) {
		struct rig *r;

		set_up();
		r = rig_new(1 | far_tls << 1, AEAD_AES128_GCM);
		say_pattern(&r->peer[NEAR], 0, 1000);
		shutdown(r->peer[NEAR].fd, SHUT_WR);
		settle(r);
		CHECK(r->peer[FAR].reset);
		CHECK(!r->peer[FAR].eof && !r->peer[FAR].bye);
		CHECK(r->peer[NEAR].reset && !r->peer[NEAR].bye); /* neither is told that all is well */
		CHECK_INT(r->pump.cause, PUMP_TLS);
		CHECK_INT(r->pump.by, NEAR);
		CHECK_STR(pump_cause_text(&r->pump), tls_end_text(TLS_TRUNCATED));
		rig_free(r);
		tear_down();
	}
}

TEST(a_forged_record_gets_an_alert_and_resets_the_other_side)
{
	uint8_t mem[RECORD_OVERHEAD + 16] = {0};
	struct rig *r;
	int n;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	n = record_seal(&r->peer[NEAR].out, RECORD_DATA, mem, 16);
	mem[n - 1] ^= 1;
	CHECK_INT(raw(&r->peer[NEAR], mem, (size_t)n), n);
	settle(r);
	CHECK_INT(r->peer[NEAR].alert, 20); /* bad_record_mac */
	CHECK(r->peer[FAR].reset && r->peer[FAR].got == 0);
	CHECK_INT(r->pump.cause, PUMP_TLS);
	CHECK_INT(r->tls[NEAR].end, TLS_FORGED);
	rig_free(r);
	tear_down();
}

TEST(a_fatal_alert_resets_the_other_side)
{
	const uint8_t fatal[2] = {2, 80};
	struct rig *r;

	set_up();
	r = rig_new(2, AEAD_AES128_GCM);
	say_record(&r->peer[FAR], RECORD_ALERT, fatal, 2);
	settle(r);
	CHECK(r->peer[NEAR].reset);
	CHECK_INT(r->pump.by, FAR);
	CHECK_INT(r->tls[FAR].end, TLS_REFUSED);
	rig_free(r);
	tear_down();
}

/* Everything was delivered and said; that the one who has it all leaves is no failure. */
TEST(a_side_that_leaves_after_its_own_end_may_miss_only_ours)
{
	struct rig *r;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	say_bye(&r->peer[NEAR]);
	settle(r);
	CHECK(r->peer[FAR].eof);
	close(r->peer[NEAR].fd);
	r->peer[NEAR].fd = -1;
	settle(r);
	say_bye(&r->peer[FAR]);
	settle(r);
	CHECK_INT(r->overs, 1);
	CHECK_INT(r->pump.cause, PUMP_FINISHED);
	rig_free(r);
	tear_down();
}

/* The kernel closes for a killed process; that must not look like an end either. */
TEST(the_death_of_the_process_resets_both_sides)
{
	struct rig *r;
	int status, go[2];
	char c;
	pid_t pid;

	set_up();
	r = rig_new(0, AEAD_NONE);
	say_pattern(&r->peer[NEAR], 0, 10);
	settle(r);
	NEED(pipe(go) == 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		CHECK_INT(read(go[0], &c, 1), 0);
		raise(SIGKILL);
	}
	pump_stop(&r->pump);
	loop_close(&r->src[NEAR]); /* not the last descriptors of these sockets: the child has those */
	loop_close(&r->src[FAR]);
	listen_to(&r->peer[NEAR], SIZE_MAX);
	CHECK(!r->peer[NEAR].reset && !r->peer[NEAR].eof);
	close(go[0]);
	close(go[1]);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	listen_to(&r->peer[NEAR], SIZE_MAX);
	listen_to(&r->peer[FAR], SIZE_MAX);
	CHECK(r->peer[NEAR].reset && r->peer[FAR].reset);
	rig_free(r);
	tear_down();
}

/* ---- buffers ----------------------------------------------------------------------------- */

static void half_a_record(struct peer *p)
{
	uint8_t mem[RECORD_OVERHEAD + 16] = {0};

	record_seal(&p->out, RECORD_DATA, mem, 16);
	CHECK_INT(raw(p, mem, 10), 10);
}

TEST(an_incomplete_record_may_hold_a_buffer_for_twenty_seconds)
{
	struct rig *r;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	half_a_record(&r->peer[NEAR]);
	settle(r);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 1);
	for (unsigned s = 0; s < 19; s++) {
		clock_fake_step(&fake, NS_PER_S);
		turns(1);
	}
	CHECK_INT(r->overs, 0);
	clock_fake_step(&fake, 2 * NS_PER_S);
	turns(1);
	CHECK_INT(r->overs, 1);
	CHECK_INT(r->pump.cause, PUMP_PARTIAL_RECORD);
	CHECK_INT(r->pump.by, NEAR);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, 0);
	rig_free(r);
	tear_down();
}

TEST(each_completed_record_begins_the_time_anew)
{
	struct rig *r;

	set_up();
	r = rig_new(1, AEAD_AES128_GCM);
	for (unsigned s = 0; s < 60; s++) {
		say_pattern(&r->peer[NEAR], s, 1);
		settle(r);
		clock_fake_step(&fake, NS_PER_S);
		turns(1);
	}
	CHECK_INT(r->overs, 0);
	CHECK_INT(r->peer[FAR].got, 60);
	rig_free(r);
	tear_down();
}

#define FEW 4

FLOODS(BOUND_RELAY_BUFS)
{
	struct rig *r[FEW + 2];

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, FEW);
	for (unsigned i = 0; i < FEW + 2; i++)
		r[i] = rig_new(1, AEAD_AES128_GCM);
	for (unsigned i = 0; i < FEW; i++) {
		half_a_record(&r[i]->peer[NEAR]);
		settle(r[i]);
		clock_fake_step(&fake, NS_PER_MS);
	}
	say_pattern(&r[FEW]->peer[NEAR], 0, 30);
	settle(r[FEW]);
	say_pattern(&r[FEW + 1]->peer[NEAR], 0, 30);
	settle(r[FEW + 1]);
	CHECK_INT(bounds.row[BOUND_RELAY_BUFS].used, FEW);
	CHECK(bounds.row[BOUND_RELAY_BUFS].hits >= 1);
	CHECK_INT(r[FEW]->peer[FAR].got, 0); /* reading waits */
	CHECK_INT(pump_wants(&r[FEW]->pump, NEAR), 0);
	CHECK_INT(pump_wants(&r[FEW + 1]->pump, NEAR), 0);

	/* One comes back: the first in line is served, gives it on to the second. */
	pump_stop(&r[2]->pump);
	settle(r[FEW]);
	settle(r[FEW + 1]);
	CHECK_INT(r[FEW]->peer[FAR].got, 30);
	CHECK_INT(r[FEW + 1]->peer[FAR].got, 30);

	/* All taken again: while somebody waits, who has been still longest makes room. */
	half_a_record(&r[FEW + 1]->peer[NEAR]);
	settle(r[FEW + 1]);
	say_pattern(&r[FEW]->peer[NEAR], 30, 30);
	settle(r[FEW]);
	CHECK_INT(r[FEW]->peer[FAR].got, 30);
	for (unsigned s = 0; s < 5; s++) {
		clock_fake_step(&fake, NS_PER_S);
		settle(r[FEW]);
	}
	CHECK_INT(r[FEW]->peer[FAR].got, 60);
	CHECK_INT(r[0]->overs, 1);
	CHECK_INT(r[0]->pump.cause, PUMP_STALLED);
	CHECK_INT(r[0]->pump.by, NEAR);
	CHECK_INT(r[1]->overs + r[3]->overs + r[FEW + 1]->overs, 0);
	for (unsigned i = 0; i < FEW + 2; i++)
		rig_free(r[i]);
	tear_down();
}

TEST(who_leaves_the_line_is_not_served)
{
	struct rig *r[4];

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, 1);
	for (unsigned i = 0; i < 4; i++)
		r[i] = rig_new(1, AEAD_AES128_GCM);
	half_a_record(&r[0]->peer[NEAR]);
	settle(r[0]);
	for (unsigned i = 1; i < 4; i++) {
		say_pattern(&r[i]->peer[NEAR], 0, 30);
		settle(r[i]);
	}
	rig_free(r[3]); /* the last, then the first in line */
	rig_free(r[1]);
	rig_free(r[0]);
	settle(r[2]);
	CHECK_INT(r[2]->peer[FAR].got, 30);
	rig_free(r[2]);
	tear_down();
}

/* Its end needs a buffer too: close_notify waits in line like bytes. */
TEST(an_end_waits_in_line_as_well)
{
	struct rig *a, *b;

	set_up();
	bounds_set(&bounds, BOUND_RELAY_BUFS, 1);
	a = rig_new(1, AEAD_AES128_GCM);
	b = rig_new(2, AEAD_AES128_GCM);
	half_a_record(&a->peer[NEAR]);
	settle(a);
	say_bye(&b->peer[NEAR]);
	settle(b);
	CHECK(!b->peer[FAR].bye && !b->peer[FAR].eof);
	rig_free(a);
	settle(b);
	CHECK(b->peer[FAR].bye && b->peer[FAR].eof && !b->peer[FAR].reset);
	rig_free(b);
	tear_down();
}

TEST(a_pump_that_never_started_can_be_stopped)
{
	struct pump p = {0};

	pump_stop(&p);
	CHECK(!p.over);
}
