/*
 * The real process in its real jail: started as the supervisor starts it, over its own channels,
 * with the test in the place of the supervisor and of a worker.
 */
#include "shakes_kit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/chan.h"
#include "io/spawn.h"
#include "io/tlsd.h"
#include "wire/ipc.h"

#define PATIENCE_MS 30000 /* a hang guard */

/* "zt --child tlsd 1" is this program again; musl hands constructors no arguments. */
__attribute__((constructor)) static void tlsd_if_child(void)
{
	static char name[] = "zt", child[] = "--child", kind[] = "tlsd", epoch[] = "1", line[64];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
	char *argv[] = {name, child, kind, epoch, NULL};
	struct span first, rest = span_of(line, n > 0 ? (size_t)n : 0);

	close(fd);
	if (span_cut(rest, 0, &first, &rest) && span_cut(rest, 0, &first, &rest) && span_eq_str(first, "--child"))
		exit(tlsd_main(4, argv));
}

static struct world w;
static struct spawned kid;

static bool wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static bool heard(struct chan_msg *m, enum ipc_type type)
{
	if (!wait_for(kid.words, POLLIN) || chan_hear(kid.words, m) != 1)
		return false;
	if (m->ipc.type == IPC_REFUSED && type != IPC_REFUSED)
		printf("refused: %.*s\n", SPAN_ARG(m->ipc.payload));
	return m->ipc.type == type;
}

static bool start(const char *conf)
{
	static uint8_t mem[65536];
	struct wr b = wr_of(mem, sizeof mem);
	struct why why = {0};
	int exe = spawn_self(&why), bundle, rc;

	world_bundle(&w, &b);
	bundle = sealed_text(wr_span(&b), &why);
	rc = spawn_child(&(struct spawn_req){
		.exe_fd = exe, .kind = "tlsd", .conf = span_str(conf), .log_fd = 2, .fds = &bundle, .nfds = 1, .epoch = 1},
			 &kid, &why);
	close(bundle);
	close(exe);
	if (rc < 0)
		unit_fail(__FILE__, __LINE__, "%s", why.text);
	return rc == 0;
}

static void order(enum ipc_type type, struct span payload, int fd)
{
	const struct ipc_msg m = {.type = type, .epoch = 1, .payload = payload};

	CHECK_INT(chan_order(kid.orders, &m, &fd, fd >= 0), 0);
}

/* A line to it; the worker's end. */
static int link_up(uint8_t number)
{
	int end[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, end) < 0)
		return -1;
	order(IPC_LINK, span_of(&number, 1), end[1]);
	close(end[1]);
	return end[0];
}

static uint64_t ask(const char *name)
{
	static struct chan_msg m;
	struct ipc_counter c;
	struct rd r;

	order(IPC_ASK, SPAN_NONE, -1);
	if (!heard(&m, IPC_COUNTERS))
		return UINT64_MAX;
	r = rd_of(m.ipc.payload);
	while (ipc_read_counter(&r, &c) > 0)
		if (span_eq_str(c.name, name))
			return c.value;
	return 0;
}

/* Asked twice: a question may be heard before what waits on a line in the same turn, but not two. */
static uint64_t counter(const char *name)
{
	ask(name);
	return ask(name);
}

static int end_of_kid(void)
{
	int status = -1;

	close(kid.orders);
	close(kid.words);
	waitpid(kid.pid, &status, 0);
	return status;
}

static void tell(int line, const struct tlsmsg *m)
{
	static uint8_t mem[TLSMSG_MAX];
	struct wr wr = wr_of(mem, sizeof mem);

	tlsmsg_write(&wr, m);
	CHECK(!wr.full);
	CHECK_INT(send(line, mem, wr.n, MSG_NOSIGNAL), wr.n);
}

static bool hear(int line, struct tlsmsg *m)
{
	static uint8_t mem[TLSMSG_MAX];
	ssize_t n = wait_for(line, POLLIN) ? recv(line, mem, sizeof mem, 0) : -1;

	return n > 0 && tlsmsg_read(span_of(mem, (size_t)n), 't', m) == 0;
}

/* The hello of a fresh client. */
static void hello(int line, struct peer *p, uint32_t id)
{
	static uint8_t mem[TLSMSG_RECORDS];

	peer_client(p, &w.web);
	peer_go_client(p, "a.example", false);
	tell(line, &(struct tlsmsg){.type = TLSMSG_ACCEPT, .id = id, .accept = {
		.plan = PLAN_WEB, .name = SPAN_LIT("a.example"), .records = span_of(mem, peer_take(p, mem, sizeof mem))}});
}

static bool finish(int line, struct peer *p, uint32_t id)
{
	static uint8_t mem[TLSMSG_RECORDS];
	struct tlsmsg m;
	size_t n;

	for (int i = 0; i < 10 && hear(line, &m); i++) {
		if (m.type != TLSMSG_RECORDS_OUT)
			return m.type == TLSMSG_DONE && m.id == id && peer_open(p);
		peer_feed(p, m.records);
		n = peer_take(p, mem, sizeof mem);
		if (n)
			tell(line, &(struct tlsmsg){
				.type = TLSMSG_RECORDS_IN, .id = id, .records = span_of(mem, n)});
	}
	return false;
}

static bool world_today(void)
{
	kit_now = clock_wall(&clock_real) / 1000;
	return world_open(&w, shakes_conf);
}

TEST(handshakes_in_the_jail)
{
	static struct peer p[3];
	static struct chan_msg m;
	int line, other;

	NEED(world_today() && start(shakes_conf) && heard(&m, IPC_READY));
	line = link_up(0);
	for (uint32_t i = 0; i < 20; i++) {
		hello(line, &p[0], TLSMSG_ID(i, 1));
		NEED(finish(line, &p[0], TLSMSG_ID(i, 1)));
	}
	CHECK_INT(counter("tls_accepts"), 20);
	CHECK_INT(counter("tls_engines"), 0);
	/* two lines, and several under way at once */
	other = link_up(1);
	hello(line, &p[0], TLSMSG_ID(1, 2));
	hello(other, &p[1], TLSMSG_ID(1, 2));
	hello(line, &p[2], TLSMSG_ID(2, 2));
	CHECK(finish(other, &p[1], TLSMSG_ID(1, 2)));
	CHECK_INT(counter("tls_engines"), 2);
	/* its worker dies: what it had under way is gone, the other line is not touched */
	close(line);
	hello(other, &p[1], TLSMSG_ID(1, 3));
	CHECK(finish(other, &p[1], TLSMSG_ID(1, 3)));
	CHECK_INT(counter("tls_engines"), 0);
	/* a worker that was started again gets a line of the same number */
	hello(other, &p[1], TLSMSG_ID(1, 4));
	line = link_up(1);
	hello(line, &p[0], TLSMSG_ID(1, 1));
	CHECK(finish(line, &p[0], TLSMSG_ID(1, 1)));
	CHECK_INT(counter("tls_engines"), 0);
	close(other);
	close(line);
	CHECK_INT(end_of_kid(), 0);
	world_close(&w);
}

TEST(a_broken_worker_loses_its_line_and_nobody_elses)
{
	static struct peer p;
	static struct chan_msg m;
	static uint8_t junk[TLSMSG_MAX + 1000];
	struct tlsmsg t;
	int bad, good;

	NEED(world_today() && start(shakes_conf) && heard(&m, IPC_READY));
	good = link_up(0);
	for (size_t n = 1; n <= sizeof junk; n += sizeof junk - 1) { /* nonsense, and too much of it */
		bad = link_up(1);
		CHECK_INT(send(bad, junk, n, MSG_NOSIGNAL), n);
		CHECK(!hear(bad, &t));
		close(bad);
	}
	hello(good, &p, TLSMSG_ID(1, 1));
	CHECK(finish(good, &p, TLSMSG_ID(1, 1)));
	CHECK_INT(counter("tls_broken_workers"), 2);
	close(good);
	CHECK_INT(end_of_kid(), 0);
	world_close(&w);
}

/* Answers that nobody takes do not stop the others, and are not made without end. */
TEST(a_worker_that_does_not_listen)
{
	static struct peer p;
	static struct chan_msg m;
	int deaf, good;
	uint64_t taken = 0, before = 1;
	static uint8_t mem[TLSMSG_MAX];
	struct wr wr = wr_of(mem, sizeof mem);

	NEED(world_today() && start(shakes_conf) && heard(&m, IPC_READY));
	deaf = link_up(0);
	good = link_up(1);
	/* a plan that is not there: a short question with a short answer, as fast as they go */
	tlsmsg_write(&wr, &(struct tlsmsg){
		.type = TLSMSG_CONNECT, .id = 1, .connect = {.plan = 9, .name = SPAN_LIT("a.example")}});
	for (int i = 0; i < 10000 && taken != before; i++) { /* until it takes no more of them */
		while (send(deaf, mem, wr.n, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			continue;
		before = taken;
		taken = counter("tls_connects");
	}
	CHECK(taken == before && taken > 10);
	hello(good, &p, TLSMSG_ID(1, 1));
	CHECK(finish(good, &p, TLSMSG_ID(1, 1)));
	close(deaf);
	close(good);
	CHECK_INT(end_of_kid(), 0);
	world_close(&w);
}

TEST(draining_waits_for_what_runs)
{
	static struct peer p;
	static struct chan_msg m;
	struct tlsmsg t;
	int line, idle;

	NEED(world_today() && start(shakes_conf) && heard(&m, IPC_READY));
	line = link_up(0);
	idle = link_up(1);
	hello(line, &p, TLSMSG_ID(1, 1));
	CHECK_INT(counter("tls_accepts"), 1);
	order(IPC_DRAIN, SPAN_NONE, -1);
	CHECK_INT(counter("tls_engines"), 1); /* still there */
	tell(idle, &(struct tlsmsg){.type = TLSMSG_CONNECT, .id = 1, .connect = {.name = SPAN_LIT("a.example")}});
	CHECK(hear(idle, &t) && t.type == TLSMSG_FAIL && t.fail.fault == TLSF_LOST);
	CHECK(finish(line, &p, TLSMSG_ID(1, 1)));
	CHECK(heard(&m, IPC_DRAINED));
	CHECK_INT(end_of_kid(), 0);
	close(line);
	close(idle);
	world_close(&w);
}

TEST(draining_does_not_wait_for_a_line_that_ends)
{
	static struct peer p;
	static struct chan_msg m;
	int line;

	NEED(world_today() && start(shakes_conf) && heard(&m, IPC_READY));
	line = link_up(0);
	hello(line, &p, TLSMSG_ID(1, 1));
	CHECK_INT(counter("tls_accepts"), 1);
	order(IPC_DRAIN, SPAN_NONE, -1);
	close(line);
	CHECK(heard(&m, IPC_DRAINED));
	CHECK_INT(end_of_kid(), 0);
	world_close(&w);
}

TEST(a_bundle_that_does_not_fit_is_refused_in_words)
{
	static struct chan_msg m;
	int status;

	NEED(world_today());
	NEED(start("[host a]\nnames = a.example\ncert = /web.pem\nkey = /client.key\n"));
	CHECK(heard(&m, IPC_REFUSED));
	CHECK(span_eq_str(m.ipc.payload, "/client.key: this is not the key of the first certificate in /web.pem"));
	status = end_of_kid();
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ZT_KEY);
	world_close(&w);
}
