/*
 * bench_raw: both ends of what goes through a tunnel as plain TCP: the visitor dials TO, and what the tunnel leads to is
 * LISTEN. One process has both ends, so that nothing is measured but the way between them.
 *
 *   flow  TO LISTEN STREAMS MS WARM REVERSE  bytes; prints "go" after WARM ms, then "Gbit/s bytes"
 *   ping  TO LISTEN N MS BULK                64 bytes there and back, N times or until MS are over, while BULK streams of
 *                                            another process come the other way; prints p50, p99 and the most, in us
 *   first TO LISTEN N                        a new stream, whose far end speaks first: prints the median time to its first
 *                                            byte in us
 *   hold  TO LISTEN N                        N idle streams, each of which has had a byte; prints "held", goes on until
 *                                            standard input ends
 *   reach TO LISTEN MS                       asks every 20 ms, with a new stream each time, for 64 bytes back; prints after
 *                                            how many ms the first answer came, or "never"
 *
 * TO and LISTEN are ports of 127.0.0.1. Everything ends by itself: after MS, N, or with its input.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "load.h"

#define MESSAGE 64
#define PATIENCE_S 20 /* for one stream or answer */

static void impatient(int fd)
{
	struct timeval t = {.tv_sec = PATIENCE_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

static int accept_one(int ls)
{
	int fd = accept4(ls, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept");
	no_delay(fd);
	impatient(fd);
	return fd;
}

/* n streams, one after the other: which far end belongs to whom is known only so. */
static void open_pairs(unsigned to, int ls, unsigned n, int *near, int *far)
{
	impatient(ls);
	for (unsigned i = 0; i < n; i++) {
		near[i] = dial(to, 1);
		impatient(near[i]);
		far[i] = accept_one(ls);
	}
}

static pid_t child_of_mine(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(0);
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static int flow(char **a)
{
	unsigned n = number(a[2]), ms = number(a[3]);
	bool reverse = number(a[5]) != 0;
	int near[STREAMS], far[STREAMS];

	if (n == 0 || n > STREAMS)
		die("streams");
	open_pairs(number(a[0]), listener(number(a[1])), n, near, far);
	return measured(reverse ? far : near, reverse ? near : far, n, (uint64_t)number(a[4]) * 1000, (uint64_t)ms * 1000);
}

static void pass_on(int from, int to, char *text)
{
	if (send(from, text, MESSAGE, MSG_NOSIGNAL) != MESSAGE || recv(to, text, MESSAGE, MSG_WAITALL) != MESSAGE)
		die("a message did not arrive");
}

static unsigned ping_until(int near, int far, uint32_t *took, unsigned n, uint64_t end)
{
	char text[MESSAGE] = "ping";
	unsigned i;

	for (i = 0; i < n && now_us() < end; i++) {
		uint64_t began = now_us();

		pass_on(near, far, text);
		pass_on(far, near, text);
		took[i] = (uint32_t)(now_us() - began);
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); /* a keystroke, not a benchmark of wake-ups */
	}
	return i;
}

static int ping(char **a)
{
	unsigned n = number(a[2]), bulk = number(a[4]), got;
	uint32_t *took = calloc(n, sizeof *took);
	int near[STREAMS], far[STREAMS];
	pid_t load = 0;

	if (n < 100 || bulk >= STREAMS || took == NULL)
		die("pings");
	open_pairs(number(a[0]), listener(number(a[1])), bulk + 1, near, far);
	if (bulk != 0) {
		load = child_of_mine();
		if (load == 0) {
			if (nice(10) < 0)
				_exit(1);
			push_and_pull(far + 1, near + 1, bulk, (uint64_t)number(a[3]) * 2000);
			_exit(0);
		}
	}
	/* Who measures goes before who makes load, where that is allowed: the tunnel's delay is looked for. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
	ping_until(near[0], far[0], took, n / 20, now_us() + 300000); /* warm */
	got = ping_until(near[0], far[0], took, n, now_us() + (uint64_t)number(a[3]) * 1000);
	if (load != 0)
		end_child(load);
	qsort(took, got, sizeof *took, by_value);
	printf("%u %u %u\n", took[got / 2], took[(uint64_t)got * 99 / 100], took[got - 1]);
	return 0;
}

static int first(char **a)
{
	unsigned n = number(a[2]);
	uint32_t *took = calloc(n, sizeof *took);
	int ls = listener(number(a[1]));

	if (n == 0 || took == NULL)
		die("streams");
	impatient(ls);
	for (unsigned i = 0; i < n; i++) {
		uint64_t began = now_us();
		int near = dial(number(a[0]), 1), far = accept_one(ls);
		char byte = 'b';

		impatient(near);
		if (send(far, &byte, 1, MSG_NOSIGNAL) != 1 || recv(near, &byte, 1, 0) != 1)
			die("no first byte");
		took[i] = (uint32_t)(now_us() - began);
		close(near);
		close(far);
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* a pool is full again */
	}
	qsort(took, n, sizeof *took, by_value);
	printf("%u\n", took[n / 2]);
	return 0;
}

/* The far ends: accepted by a process of their own, which needs as many descriptors again. */
static pid_t greet_all(int ls)
{
	pid_t pid = child_of_mine();

	if (pid != 0)
		return pid;
	for (int fd; (fd = accept4(ls, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		if (send(fd, "b", 1, MSG_NOSIGNAL) != 1)
			break;
	pause();
	_exit(0);
}

static int hold(char **a)
{
	unsigned n = number(a[2]), ok = 0;
	pid_t far;
	char byte;

	raise_nofile();
	far = greet_all(listener(number(a[1])));
	for (unsigned i = 0; i < n; i++) {
		int fd = dial(number(a[0]), 1 + i % 200);

		impatient(fd);
		if (recv(fd, &byte, 1, 0) != 1)
			break; /* who does not bring this one brings no more */
		ok++;
	}
	printf("held %u\n", ok);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	end_child(far);
	return 0;
}

/* ---- reach ------------------------------------------------------------------------------- */

#define ASKED 256 /* questions at a time; the oldest is given up for a new one */

/* Answers what has been asked; a far end is one question. */
static pid_t echo_all(int ls)
{
	struct pollfd p[ASKED + 1] = {{.fd = ls, .events = POLLIN}};
	pid_t pid = child_of_mine();
	unsigned n = 1;

	if (pid != 0)
		return pid;
	for (;;) {
		if (poll(p, n, -1) < 0)
			_exit(1);
		for (unsigned i = n - 1; i > 0; i--) {
			char text[MESSAGE];
			ssize_t k = p[i].revents ? recv(p[i].fd, text, sizeof text, MSG_DONTWAIT) : -1;

			if (k > 0 && send(p[i].fd, text, (size_t)k, MSG_NOSIGNAL) == k)
				continue;
			if (p[i].revents == 0 || (k < 0 && errno == EAGAIN))
				continue;
			close(p[i].fd);
			p[i] = p[--n];
		}
		if (!(p[0].revents & POLLIN))
			continue;
		if (n == ASKED + 1) /* the oldest */
			close(p[1].fd), p[1] = p[--n];
		p[n] = (struct pollfd){.fd = accept4(ls, NULL, NULL, SOCK_CLOEXEC), .events = POLLIN};
		n += p[n].fd >= 0;
	}
}

/* -1: it cannot even be asked. */
static int ask(unsigned port)
{
	struct sockaddr_in to = at(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[MESSAGE] = "question";

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && send(fd, text, sizeof text, MSG_NOSIGNAL) > 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* True when one of them has its answer; who was refused is dropped. */
static bool answered(struct pollfd *p, unsigned *n)
{
	char text[MESSAGE];

	for (unsigned i = 0; i < *n; i++) {
		if (p[i].revents == 0)
			continue;
		if (recv(p[i].fd, text, sizeof text, MSG_DONTWAIT) > 0)
			return true;
		close(p[i].fd);
		p[i--] = p[--*n];
	}
	return false;
}

static int reach(char **a)
{
	uint64_t began = now_us(), end = began + (uint64_t)number(a[2]) * 1000, next = began;
	struct pollfd p[ASKED];
	pid_t far = echo_all(listener(number(a[1])));
	bool ok = false;
	unsigned n = 0;

	while (!ok && now_us() < end) {
		if (now_us() >= next) {
			int fd = ask(number(a[0]));

			next += 20000;
			if (fd >= 0 && n == ASKED)
				close(p[0].fd), p[0] = p[--n];
			if (fd >= 0)
				p[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
		if (poll(p, n, 2) < 0)
			die("poll");
		ok = answered(p, &n);
	}
	end_child(far);
	if (ok)
		printf("%llu\n", (unsigned long long)(now_us() - began) / 1000);
	else
		printf("never\n");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {{"flow", 6, flow}, {"ping", 5, ping}, {"first", 3, first}, {"hold", 3, hold}, {"reach", 3, reach}};

	return commanded(argc, argv, commands, ARRAY_LEN(commands));
}
