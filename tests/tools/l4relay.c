/*
 * l4relay: a path between TCP peers that can be made bad while it is in use. One process, one epoll, any number of
 * connections; what it holds is bounded for each.
 *
 *   l4relay [-b BYTES] [-v] LISTEN TARGET FIFO [COMMAND]…      both addresses as 127.0.0.1:8080 or [::1]:8080
 *
 * It makes FIFO, reads commands from it, one a line, does what the arguments and then the lines say, and tells
 * standard output: "did N: COMMAND" or "bad N: COMMAND" for the N-th line, and what it answers before that. -b: the
 * buffers of every socket, so that a slow path has a short queue. -v: a line for each connection that comes and ends.
 *
 *   delay MS [DIR]         what arrives is passed on so much later, however much of it (64 MiB are held for each)
 *   rate KBIT [DIR]        one link for all connections: so many kbit/s; 0 is no limit
 *   trickle N MS [DIR]     the same, in pieces of N bytes every MS ms; 0 0 is no limit
 *   stall [DIR]            nothing moves, and nobody is told; new connections too
 *   go [DIR]               ends a stall, and the losses of new connections
 *   lose [DIR]             bytes, FIN and RST of this direction are swallowed: of who is connected for ever
 *   corrupt EVERY [DIR]    one bit of every EVERY bytes is flipped, where the seed says; 0 is none
 *   flip N [DIR]           so many bits of what comes next, and no more
 *   cut rst|fin [COUNT]    ends connections, the oldest first: all or COUNT of them
 *   new pass|refuse|hold|silent   who connects now: reaches TARGET; is refused; waits unaccepted; is accepted, unheard
 *   seed N                 for corrupt and flip
 *   stats                  "stats: connections …" and what went each way
 *
 * DIR is `up` (from who connected, to TARGET), `down`, or both when it is left out. The delay begins when a byte is
 * here: connecting, and the kernels' acknowledgements, take no time (tunrelay delays those too).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/span.h"
#include "base/timers.h"
#include "faultkit.h"
#include "io/net.h"
#include "l4way.h"
#include "wire/addr.h"

/* ---- connections ------------------------------------------------------------------------------ */

static int sock(const struct addr *a)
{
	int one = 1, fd = socket(a->family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fault_die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (all.buffer) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &all.buffer, sizeof all.buffer);
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &all.buffer, sizeof all.buffer);
	}
	return fd;
}

static void watch(int fd, uint32_t events, void *who)
{
	struct epoll_event e = {.events = events, .data.ptr = who};

	if (epoll_ctl(all.epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		fault_die("epoll_ctl");
}

static void begin(int fd)
{
	struct conn *c = fault_alloc(sizeof *c);
	int one = 1;

	*c = (struct conn){.id = ++all.made, .fd = {fd, -1}, .prev = all.last};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	for (int i = 0; i < 2; i++) {
		c->end[i] = (struct end){c, i};
		c->way[i] = (struct way){.conn = c, .dir = i, .lost = all.link[i].lost, .due.fire = fire_due};
		c->way[i].tail = &c->way[i].head;
	}
	*(all.last ? &all.last->next : &all.first) = c;
	all.last = c;
	all.conns++;
	if (all.verbose)
		printf("new %u\n", c->id);
	if (all.fresh == SILENT) {
		c->way[UP].lost = c->way[DOWN].ended = true;
	} else {
		struct sockaddr_storage to;
		socklen_t len = net_to_sockaddr(&all.target, &to);

		c->fd[1] = sock(&all.target);
		if (connect(c->fd[1], (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS) {
			conn_end(c, true, strerror(errno));
			return;
		}
		watch(c->fd[1], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &c->end[1]);
	}
	watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &c->end[0]);
}

static void open_listener(void)
{
	struct sockaddr_storage at;
	socklen_t len = net_to_sockaddr(&all.listen, &at);

	all.listener = sock(&all.listen);
	if (bind(all.listener, (struct sockaddr *)&at, len) < 0 || listen(all.listener, 1024) < 0)
		fault_die("cannot listen");
	watch(all.listener, EPOLLIN, &all.listener);
}

static void accept_some(void)
{
	for (int i = 0; i < 64; i++) {
		int fd = accept4(all.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		begin(fd);
	}
}

static void set_fresh(enum fresh how)
{
	if (all.listener >= 0 && (how == REFUSE || how == KEEP_WAITING) && all.fresh != KEEP_WAITING)
		epoll_ctl(all.epoll, EPOLL_CTL_DEL, all.listener, NULL);
	if (how == REFUSE && all.listener >= 0) {
		close(all.listener);
		all.listener = -1;
	}
	if (how != REFUSE && all.listener < 0)
		open_listener();
	else if (how != REFUSE && how != KEEP_WAITING && all.fresh == KEEP_WAITING)
		watch(all.listener, EPOLLIN, &all.listener);
	all.fresh = how;
}

/* ---- commands --------------------------------------------------------------------------------- */

struct command {
	const char *name;
	void (*run)(struct link *l, const uint64_t n[2]); /* for each direction */
	int numbers;
};

static void set_delay(struct link *l, const uint64_t n[2]) { l->delay = n[0] * NS_PER_MS; }
static void set_piece(struct link *l, uint64_t piece, uint64_t cost_ns)
{
	l->piece = (size_t)piece;
	l->cost_ns = cost_ns;
	l->free_at = all.now;
}
static void set_rate(struct link *l, const uint64_t n[2]) /* in pieces of 5 ms, one byte at least */
{
	uint64_t piece = num_min64(n[0] * 125 / 200, BIG);

	piece += piece == 0;

	set_piece(l, n[0] ? piece : 0, n[0] ? piece * 8 * NS_PER_MS / n[0] : 0);
}
static void set_trickle(struct link *l, const uint64_t n[2]) { set_piece(l, num_min64(n[0], BIG), n[1] * NS_PER_MS); }
static void set_stall(struct link *l, const uint64_t n[2]) { (void)n, l->stalled = true; }
static void set_go(struct link *l, const uint64_t n[2]) { (void)n, l->stalled = l->lost = false; }
static void set_flip(struct link *l, const uint64_t n[2]) { l->flips_left = n[0]; }
static void set_corrupt(struct link *l, const uint64_t n[2])
{
	l->every = n[0];
	l->until = n[0] ? 1 + fault_random(&all.rng) % (2 * n[0] - 1) : 0;
}
static void set_lose(struct link *l, const uint64_t n[2])
{
	bool dir = l == &all.link[DOWN];

	(void)n;
	l->lost = true;
	for (struct conn *c = all.first; c; c = c->next) {
		c->way[dir].lost = true;
		drop_held(&c->way[dir]);
	}
}
static void say_stats(struct link *l, const uint64_t n[2])
{
	uint64_t held = 0;
	bool dir = l == &all.link[DOWN];

	(void)n;
	for (struct conn *c = all.first; c; c = c->next)
		held += c->way[dir].held;
	printf("stats: %s connections %u made %u bytes %llu held %llu lost %llu flips %llu\n", dir ? "down" : "up", all.conns,
	       all.made, (unsigned long long)l->bytes, (unsigned long long)held, (unsigned long long)l->lost_bytes,
	       (unsigned long long)l->flips);
}

static const struct command commands[] = {
	{"delay", set_delay, 1}, {"rate", set_rate, 1}, {"trickle", set_trickle, 2}, {"stall", set_stall, 0}, {"go", set_go, 0},
	{"lose", set_lose, 0}, {"corrupt", set_corrupt, 1}, {"flip", set_flip, 1}, {"stats", say_stats, 0},
};

static bool cut(char **word, int n)
{
	uint64_t count = UINT64_MAX;
	bool reset = n >= 2 && strcmp(word[1], "rst") == 0;

	if (n < 2 || (!reset && strcmp(word[1], "fin") != 0) || (n > 2 && !fault_number(word[2], &count)))
		return false;
	while (all.first && count--)
		conn_end(all.first, reset, "cut");
	return true;
}

static bool new_ones(const char *how)
{
	static const char *const names[] = {[PASS] = "pass", [REFUSE] = "refuse", [KEEP_WAITING] = "hold", [SILENT] = "silent"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(how, names[i]) == 0) {
			set_fresh((enum fresh)i);
			return true;
		}
	}
	return false;
}

static bool obey(char **word, int n)
{
	uint64_t arg[2] = {0};
	bool up, down;

	if (strcmp(word[0], "cut") == 0)
		return cut(word, n);
	if (strcmp(word[0], "new") == 0)
		return n == 2 && new_ones(word[1]);
	if (strcmp(word[0], "seed") == 0)
		return n == 2 && fault_number(word[1], &all.rng);
	up = n < 2 || strcmp(word[n - 1], "down") != 0;
	down = n < 2 || strcmp(word[n - 1], "up") != 0;
	n -= !up || !down;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(word[0], commands[i].name) != 0)
			continue;
		if (n != 1 + commands[i].numbers)
			return false;
		for (int k = 1; k < n; k++)
			if (!fault_number(word[k], &arg[k - 1]))
				return false;
		if (up)
			commands[i].run(&all.link[UP], arg);
		if (down)
			commands[i].run(&all.link[DOWN], arg);
		list_all();
		return true;
	}
	return false;
}

/* ---- all of it -------------------------------------------------------------------------------- */

static void event(const struct epoll_event *e)
{
	struct end *end = e->data.ptr;

	if (e->data.ptr == &all.listener) {
		accept_some();
	} else if (e->data.ptr == &all.fifo) {
		fault_commands(all.fifo, obey);
	} else if (e->data.ptr != &all.timer && !end->conn->closed) {
		struct way *from = &end->conn->way[end->side], *to = &end->conn->way[!end->side];

		from->can_read |= e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
		to->can_write |= e->events & (EPOLLOUT | EPOLLHUP | EPOLLERR);
		list(from);
		list(to);
	}
}

static void turn(void)
{
	struct epoll_event events[256];
	uint64_t next = timers_next(&all.timers);
	int n;

	if (next != all.armed && next != TIMER_NEVER)
		fault_arm(all.timer, next);
	all.armed = next;
	n = epoll_wait(all.epoll, events, ARRAY_LEN(events), all.run ? 0 : -1);
	all.now = clock_mono(&clock_real);
	for (int i = 0; i < n; i++)
		event(&events[i]);
	timers_run(&all.timers, all.now);

	struct way *w = all.run, *then;

	all.run = NULL;
	all.run_tail = &all.run;
	for (; w; w = then) {
		then = w->next_run;
		w->listed = false;
		if (!w->conn->closed)
			move(w);
	}
	while (all.reaped) {
		struct conn *c = all.reaped;

		all.reaped = c->next_reaped;
		/* What was listed again before it closed must not stay so. */
		for (struct way **at = &all.run; *at;)
			if ((*at)->conn == c)
				*at = (*at)->next_run;
			else
				at = &(*at)->next_run;
		all.run_tail = &all.run;
		while (*all.run_tail)
			all.run_tail = &(*all.run_tail)->next_run;
		free(c);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int opt;
	uint64_t n;

	while ((opt = getopt(argc, argv, "b:v")) > 0) {
		if (opt == 'v')
			all.verbose = true;
		else if (opt == 'b' && fault_number(optarg, &n))
			all.buffer = (int)num_min64(n, 1u << 30);
		else
			return 2;
	}
	if (argc - optind < 3 || addr_parse(span_str(argv[optind]), false, &all.listen) < 0 ||
	    addr_parse(span_str(argv[optind + 1]), false, &all.target) < 0) {
		fputs("usage: l4relay [-b BYTES] [-v] LISTEN TARGET FIFO [COMMAND]...\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	all.run_tail = &all.run;
	all.now = all.rng = clock_mono(&clock_real);
	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	all.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (all.epoll < 0 || all.timer < 0 || !timers_init(&all.timers, 1024))
		fault_die("epoll, timers");
	for (int i = 0; i < 2; i++) {
		all.link[i].last = &all.link[i].first;
		all.link[i].turn.fire = fire_turn;
	}
	all.fifo = fault_fifo(argv[optind + 2]);
	watch(all.fifo, EPOLLIN, &all.fifo);
	watch(all.timer, EPOLLIN | EPOLLET, &all.timer);
	open_listener();
	for (int i = optind + 3; i < argc; i++)
		fault_line(argv[i], obey);
	for (;;)
		turn();
}
