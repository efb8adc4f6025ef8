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
#include "wire/addr.h"

enum { UP, DOWN };

#define BIG 65536
#define SMALL 2048 /* what a chunk takes that holds no more */
#define HOLD (64u << 20)
#define BUDGET 8   /* chunks of one way in one turn */
#define LATE (20 * NS_PER_MS) /* a link that was woken late catches up so much */

enum kind { DATA, FIN, RST };

struct chunk {
	struct chunk *next;
	uint64_t due;
	uint32_t at, n;
	enum kind kind;
	uint8_t data[];
};

struct conn;
struct way { /* one direction of one connection: reads fd[dir], writes fd[!dir] */
	struct conn *conn;
	bool dir, can_read, can_write, broken;
	bool ended; /* its source has */
	bool done;  /* and the other side was told */
	bool lost;
	bool listed, waiting;
	struct chunk *head, **tail;
	size_t held;
	uint64_t passed;
	struct timer due;
	struct way *next_run, *next_wait;
};

struct end {
	struct conn *conn;
	bool side;
};

struct conn {
	unsigned id;
	int fd[2];
	struct end end[2];
	struct way way[2];
	bool closed;
	struct conn *prev, *next, *next_reaped;
};

struct link { /* one direction of all connections */
	uint64_t delay, cost_ns, free_at; /* cost_ns: of one piece */
	size_t piece;                     /* 0: no limit */
	uint64_t every, until, flips_left;
	bool stalled, lost;
	uint64_t bytes, flips, lost_bytes;
	struct way *first, **last; /* who waits for its turn */
	struct timer turn;
};

enum fresh { PASS, REFUSE, KEEP_WAITING, SILENT };

static struct {
	int epoll, timer, listener, fifo, buffer;
	bool verbose;
	struct addr listen, target;
	struct link link[2];
	struct timers timers;
	uint64_t now, armed, rng;
	struct way *run, **run_tail;
	struct conn *first, *last, *reaped;
	unsigned conns, made;
	enum fresh fresh;
	struct chunk *spare; /* a big one */
} all;

static void list(struct way *w)
{
	if (w->listed || w->conn->closed)
		return;
	w->listed = true;
	w->next_run = NULL;
	*all.run_tail = w;
	all.run_tail = &w->next_run;
}

static void list_all(void)
{
	for (struct conn *c = all.first; c; c = c->next) {
		list(&c->way[UP]);
		list(&c->way[DOWN]);
	}
}

static void drop_held(struct way *w)
{
	while (w->head) {
		struct chunk *k = w->head;

		w->head = k->next;
		free(k);
	}
	w->tail = &w->head;
	w->held = 0;
	timers_stop(&all.timers, &w->due);
}

static void unwait(struct way *w)
{
	struct link *l = &all.link[w->dir];
	struct way **at = &l->first;

	if (!w->waiting)
		return;
	while (*at != w)
		at = &(*at)->next_wait;
	*at = w->next_wait;
	if (*at == NULL)
		l->last = at;
	w->waiting = false;
}

static void conn_end(struct conn *c, bool reset, const char *why)
{
	struct linger now = {.l_onoff = 1};

	if (c->closed)
		return;
	c->closed = true;
	for (int i = 0; i < 2; i++) {
		drop_held(&c->way[i]);
		unwait(&c->way[i]);
		if (c->fd[i] < 0)
			continue;
		if (reset)
			setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(c->fd[i]);
	}
	if (all.verbose)
		printf("end %u: %s, %llu up, %llu down\n", c->id, why, (unsigned long long)c->way[UP].passed,
		       (unsigned long long)c->way[DOWN].passed);
	*(c->prev ? &c->prev->next : &all.first) = c->next;
	*(c->next ? &c->next->prev : &all.last) = c->prev;
	all.conns--;
	c->next_reaped = all.reaped;
	all.reaped = c;
}

/* ---- one direction ---------------------------------------------------------------------------- */

static void damage(struct link *l, uint8_t *p, size_t n)
{
	size_t at = 0;

	for (; l->flips_left && at < n; at++, l->flips_left--, l->flips++)
		p[at] ^= (uint8_t)(1u << (fault_random(&all.rng) & 7));
	for (at = 0; l->every && n - at >= l->until; l->flips++) {
		at += l->until;
		p[at - 1] ^= (uint8_t)(1u << (fault_random(&all.rng) & 7));
		l->until = 1 + fault_random(&all.rng) % (2 * l->every - 1); /* EVERY on the average */
	}
	if (l->every)
		l->until -= n - at;
}

static void append(struct way *w, struct chunk *k, enum kind kind)
{
	k->next = NULL;
	k->kind = kind;
	k->due = all.now + all.link[w->dir].delay;
	*w->tail = k;
	w->tail = &k->next;
	w->held += k->n;
}

static void source_ended(struct way *w, enum kind how)
{
	struct way *other = &w->conn->way[!w->dir];

	w->ended = true;
	if (w->lost) {
		if (other->ended || other->done)
			conn_end(w->conn, false, "lost");
		return;
	}
	struct chunk *k = fault_alloc(sizeof *k);

	k->at = k->n = 0;
	append(w, k, how);
}

/* May it read now? If not because of the link's rate, it waits for its turn. */
static bool may_read(struct way *w)
{
	struct link *l = &all.link[w->dir];

	if (!w->can_read || w->ended || l->stalled || w->held >= HOLD)
		return false;
	if (l->piece == 0 || l->free_at <= all.now)
		return true;
	if (!w->waiting) {
		w->waiting = true;
		w->next_wait = NULL;
		*l->last = w;
		l->last = &w->next_wait;
	}
	if (!l->turn.pos)
		fault_timer(&all.timers, &l->turn, l->free_at);
	return false;
}

static void spend(struct link *l, size_t n)
{
	if (l->piece == 0)
		return;
	if (l->free_at + LATE < all.now)
		l->free_at = all.now - LATE;
	l->free_at += l->cost_ns * n / l->piece;
}

static void take(struct way *w)
{
	struct link *l = &all.link[w->dir];
	size_t most = l->piece && l->piece < BIG ? l->piece : BIG;
	struct chunk *k = all.spare ? all.spare : fault_alloc(sizeof *k + BIG);
	ssize_t n = read(w->conn->fd[w->dir], k->data, most);

	all.spare = k;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->can_read = errno == EINTR;
		return;
	}
	if (n <= 0) {
		source_ended(w, n == 0 && !w->broken ? FIN : RST);
		return;
	}
	spend(l, (size_t)n);
	if (w->lost) {
		l->lost_bytes += (size_t)n;
		return;
	}
	damage(l, k->data, (size_t)n);
	if (n <= SMALL) {
		k = fault_alloc(sizeof *k + (size_t)n);
		memcpy(k->data, all.spare->data, (size_t)n);
	} else {
		all.spare = NULL;
	}
	k->at = 0;
	k->n = (uint32_t)n;
	append(w, k, DATA);
}

static void tell_end(struct way *w, enum kind how)
{
	struct conn *c = w->conn;

	w->done = true;
	if (how == RST)
		conn_end(c, true, "reset");
	else if (c->way[!w->dir].done)
		conn_end(c, false, "both ended");
	else
		shutdown(c->fd[!w->dir], SHUT_WR);
}

static bool give(struct way *w) /* false: not now */
{
	struct chunk *k = w->head;

	if (k == NULL || all.link[w->dir].stalled)
		return false;
	if (k->due > all.now) {
		if (!w->due.pos)
			fault_timer(&all.timers, &w->due, k->due);
		return false;
	}
	if (k->kind != DATA) {
		tell_end(w, k->kind);
		if (!w->conn->closed)
			drop_held(w);
		return false;
	}
	if (!w->can_write)
		return false;
	ssize_t n = write(w->conn->fd[!w->dir], k->data + k->at, k->n);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		w->can_write = errno == EINTR;
		return false;
	}
	if (n < 0) { /* who is written to has gone: its own direction says so to the other side */
		w->lost = w->conn->way[!w->dir].broken = true;
		drop_held(w);
		list(&w->conn->way[!w->dir]);
		return false;
	}
	w->passed += (size_t)n;
	all.link[w->dir].bytes += (size_t)n;
	w->held -= (size_t)n;
	k->at += (uint32_t)n;
	k->n -= (uint32_t)n;
	if (k->n == 0) {
		w->head = k->next;
		if (w->head == NULL)
			w->tail = &w->head;
		if (all.spare == NULL && k->at > SMALL)
			all.spare = k;
		else
			free(k);
	}
	return true;
}

static void move(struct way *w)
{
	for (int i = 0; i < BUDGET; i++) {
		bool moved = false;

		if (may_read(w)) {
			take(w);
			moved = true;
		}
		if (!w->conn->closed)
			moved |= give(w);
		if (!moved || w->conn->closed)
			return;
	}
	list(w);
}

static void fire_due(struct timer *t, uint64_t now)
{
	(void)now;
	list(CONTAINER_OF(t, struct way, due));
}

static void fire_turn(struct timer *t, uint64_t now)
{
	struct link *l = CONTAINER_OF(t, struct link, turn);
	struct way *w = l->first;

	(void)now;
	if (w == NULL)
		return;
	unwait(w);
	list(w);
	if (l->first)
		fault_timer(&all.timers, t, l->free_at + 1);
}

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
