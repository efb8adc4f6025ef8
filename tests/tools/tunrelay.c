/*
 * tunrelay: a wire between two network namespaces that loses, doubles, reorders and delays packets. One TUN device in
 * each, named zt0; whoever starts it gives them addresses. What it holds is bounded: 64 MiB, then packets are lost.
 *
 *   tunrelay NETNS-A NETNS-B FIFO [COMMAND]…                paths, as /run/netns/NAME
 *
 * Commands come as l4relay's do, from the arguments and then from FIFO, and are answered likewise. "ready" is the first
 * line, once both devices are there.
 *
 *   loss PERCENT [DIR]     as 5 or 0.5
 *   dup PERCENT [DIR]      another copy follows at once
 *   reorder PERCENT [DIR]  so many wait 10 ms longer and are overtaken by what follows
 *   delay MS [DIR]         each way for itself: 100 both ways is a round trip of 200
 *   jitter MS [DIR]        up to so much more, for each packet anew: they overtake one another
 *   rate KBIT [DIR]        a link of so many kbit/s before the delay; 0 is no limit
 *   queue BYTES [DIR]      what waits before that link; more is lost (64 KiB)
 *   seed N
 *   stats                  "stats: up packets … bytes … lost … full … doubled … reordered …", and down
 *
 * DIR is `up` (from A to B), `down`, or both when it is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "faultkit.h"

#define MOST 65536
#define HOLD (64u << 20)
#define OVERTAKEN (10 * NS_PER_MS)
#define BUDGET 256 /* packets of one device in a turn */

struct wire { /* one direction */
	uint64_t loss, dup, reorder; /* of 1,000,000 */
	uint64_t delay, jitter, rate, queue, free_at;
	uint64_t packets, bytes, lost, full, doubled, reordered;
	int from, to;
};

struct packet {
	struct timer due;
	struct wire *on;
	size_t n;
	uint8_t data[];
};

static struct {
	struct wire wire[2];
	int epoll, timer, fifo;
	struct timers timers;
	uint64_t now, armed, rng;
	size_t held;
} all;

static bool chance(uint64_t of_a_million)
{
	return of_a_million && fault_random(&all.rng) % 1000000 < of_a_million;
}

static void put(struct wire *w, const uint8_t *p, size_t n)
{
	w->bytes += n;
	if (write(w->to, p, n) < 0)
		w->full++;
}

static void fire(struct timer *t, uint64_t now)
{
	struct packet *p = CONTAINER_OF(t, struct packet, due);

	(void)now;
	put(p->on, p->data, p->n);
	all.held -= p->n;
	free(p);
}

static void send_at(struct wire *w, const uint8_t *mem, size_t n, uint64_t at)
{
	struct packet *p;

	if (at <= all.now) {
		put(w, mem, n);
		return;
	}
	if (all.held + n > HOLD) {
		w->full++;
		return;
	}
	p = fault_alloc(sizeof *p + n);
	p->due = (struct timer){.fire = fire};
	p->on = w;
	p->n = n;
	memcpy(p->data, mem, n);
	all.held += n;
	fault_timer(&all.timers, &p->due, at);
}

static void carry(struct wire *w, const uint8_t *mem, size_t n)
{
	uint64_t at = all.now;

	w->packets++;
	if (chance(w->loss)) {
		w->lost++;
		return;
	}
	if (w->rate) { /* kbit/s: 8 n bits take 8 n / rate ms */
		if (w->free_at > at && (w->free_at - at) * w->rate / (8 * NS_PER_MS) + n > w->queue) {
			w->full++;
			return;
		}
		w->free_at = (w->free_at > at ? w->free_at : at) + 8 * NS_PER_MS * n / w->rate;
		at = w->free_at;
	}
	at += w->delay + (w->jitter ? fault_random(&all.rng) % w->jitter : 0);
	if (chance(w->reorder)) {
		at += OVERTAKEN;
		w->reordered++;
	}
	send_at(w, mem, n, at);
	if (chance(w->dup)) {
		w->doubled++;
		send_at(w, mem, n, at);
	}
}

static void drain(struct wire *w)
{
	static uint8_t mem[MOST];

	for (int i = 0; i < BUDGET; i++) {
		ssize_t n = read(w->from, mem, sizeof mem);

		if (n <= 0)
			return;
		carry(w, mem, (size_t)n);
	}
}

/* ---- commands --------------------------------------------------------------------------------- */

/* "5", "0.5", "0.0025": of a million. */
static bool millionths(const char *text, uint64_t *out)
{
	struct span s = span_str(text);
	const char *dot = strchr(text, '.');
	uint64_t whole, part = 0;
	size_t decimals = dot ? strlen(dot + 1) : 0;

	if (dot)
		s = span_sub(s, 0, (size_t)(dot - text));
	if (span_u64(s, 100, &whole) < 0 || decimals > 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		char c = i < decimals ? dot[1 + i] : '0';

		if (c < '0' || c > '9')
			return false;
		part = part * 10 + (uint64_t)(c - '0');
	}
	*out = whole * 10000 + part;
	return true;
}

enum unit { PLAIN, PERCENT, MS };
static const struct {
	const char *name;
	size_t at;
	enum unit unit;
} settings[] = {
	{"loss", offsetof(struct wire, loss), PERCENT}, {"dup", offsetof(struct wire, dup), PERCENT},
	{"reorder", offsetof(struct wire, reorder), PERCENT}, {"delay", offsetof(struct wire, delay), MS},
	{"jitter", offsetof(struct wire, jitter), MS}, {"rate", offsetof(struct wire, rate), PLAIN},
	{"queue", offsetof(struct wire, queue), PLAIN},
};

static void say_stats(void)
{
	for (int i = 0; i < 2; i++) {
		const struct wire *w = &all.wire[i];

		printf("stats: %s packets %llu bytes %llu lost %llu full %llu doubled %llu reordered %llu\n", i ? "down" : "up",
		       (unsigned long long)w->packets, (unsigned long long)w->bytes, (unsigned long long)w->lost,
		       (unsigned long long)w->full, (unsigned long long)w->doubled, (unsigned long long)w->reordered);
	}
}

static bool obey(char **word, int n)
{
	bool up = n < 3 || strcmp(word[2], "up") == 0, down = n < 3 || strcmp(word[2], "down") == 0;
	uint64_t v;

	if (n == 1 && strcmp(word[0], "stats") == 0) {
		say_stats();
		return true;
	}
	if (n == 2 && strcmp(word[0], "seed") == 0)
		return fault_number(word[1], &all.rng);
	if (n < 2 || n > 3 || (!up && !down))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (strcmp(word[0], settings[i].name) != 0)
			continue;
		if (!(settings[i].unit == PERCENT ? millionths(word[1], &v) : fault_number(word[1], &v)))
			return false;
		v *= settings[i].unit == MS ? NS_PER_MS : 1;
		for (int k = 0; k < 2; k++)
			if (k ? down : up)
				memcpy((char *)&all.wire[k] + settings[i].at, &v, sizeof v);
		return true;
	}
	return false;
}

/* ---- all of it -------------------------------------------------------------------------------- */

static int device_in(const char *netns)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "zt0"};
	int ns = open(netns, O_RDONLY | O_CLOEXEC), fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		fault_die(netns);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		fault_die("cannot make a TUN device");
	return fd;
}

static void watch(int fd, void *who)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = who};

	if (epoll_ctl(all.epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		fault_die("epoll_ctl");
}

static void turn(void)
{
	struct epoll_event events[4];
	uint64_t next = timers_next(&all.timers), late;
	int n;

	if (next != all.armed && next != TIMER_NEVER)
		fault_arm(all.timer, next);
	all.armed = next;
	n = epoll_wait(all.epoll, events, ARRAY_LEN(events), -1);
	all.now = clock_mono(&clock_real);
	timers_run(&all.timers, all.now);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &all.fifo)
			fault_commands(all.fifo, obey);
		else if (events[i].data.ptr == &all.timer)
			(void)!read(all.timer, &late, sizeof late);
		else
			drain(events[i].data.ptr);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fputs("usage: tunrelay NETNS-A NETNS-B FIFO [COMMAND]...\n", stderr);
		return 2;
	}
	all.now = all.rng = clock_mono(&clock_real);
	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	all.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (all.epoll < 0 || all.timer < 0 || !timers_init(&all.timers, 4096))
		fault_die("epoll, timers");
	for (int i = 0; i < 2; i++) {
		int fd = device_in(argv[1 + i]);

		all.wire[i].from = all.wire[!i].to = fd;
		all.wire[i].queue = 65536;
		watch(fd, &all.wire[i]);
	}
	all.fifo = fault_fifo(argv[3]);
	watch(all.fifo, &all.fifo);
	watch(all.timer, &all.timer);
	puts("ready");
	for (int i = 4; i < argc; i++)
		fault_line(argv[i], obey);
	fflush(stdout);
	for (;;)
		turn();
}
