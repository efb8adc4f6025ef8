/*
 * bench_tls: the generator that bench/tls.sh puts before and behind TLS relays. Its TLS client is
 * in load.h.
 *
 *   flow  TO LISTEN STREAMS MS REVERSE   bytes through a relay pair: prints Gbit/s
 *   hold  TO LISTEN N                    N idle TLS connections and their far ends: prints "held",
 *                                        goes on until standard input ends
 *   shake TO CLIENTS MS RESUME           TLS handshakes, closed at once: prints how many
 *   ping  TO N                           64 bytes there and back, one TLS stream: p50 and p99 in us
 *   sink  LISTEN                         takes connections and what they send, for ever
 *
 * TO and LISTEN are ports of 127.0.0.1. Everything ends by itself: after MS, N, or with its input.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "load.h"

#define SNI "far.test"

/* ---- flow -------------------------------------------------------------------------------- */

static int flow(char **a)
{
	unsigned n = number(a[2]), ms = number(a[3]);
	bool reverse = number(a[4]) != 0;
	int near[STREAMS], far[STREAMS], ls = listener(number(a[1]));

	if (n == 0 || n > STREAMS)
		die("streams");
	for (unsigned i = 0; i < n; i++) {
		near[i] = dial(number(a[0]), 1);
		far[i] = accept4(ls, NULL, NULL, SOCK_CLOEXEC);
		if (far[i] < 0)
			die("accept");
		no_delay(far[i]);
	}
	return measured(reverse ? far : near, reverse ? near : far, n, 300000, (uint64_t)ms * 1000);
}

/* ---- hold -------------------------------------------------------------------------------- */

/* The far ends: accepted by a process of their own, which needs as many descriptors again. */
static pid_t accept_all(int ls)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	while (accept4(ls, NULL, NULL, SOCK_CLOEXEC) >= 0)
		;
	pause();
	_exit(0);
}

static int hold(char **a)
{
	unsigned n = number(a[2]), ok = 0;
	struct client *c = calloc(1, sizeof *c);
	pid_t far;
	char end;

	raise_nofile();
	far = accept_all(listener(number(a[1])));
	client_init(c);
	for (unsigned i = 0; i < n; i++) {
		c->fd = dial(number(a[0]), 1 + i % 200);
		ok += client_shake(c, SNI, 0);
	}
	printf("held %u\n", ok);
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	kill(far, SIGTERM);
	return ok == n ? 0 : 1;
}

/* ---- shake ------------------------------------------------------------------------------- */

static unsigned shake_until(unsigned port, uint64_t end, int resume)
{
	struct client *c = calloc(1, sizeof *c);
	unsigned n = 0;

	client_init(c);
	for (unsigned i = 0; now_us() < end; i++) {
		const struct linger now = {.l_onoff = 1};

		c->fd = dial(port, 1 + i % 200);
		if (!client_shake(c, SNI, resume && i > 0))
			die("a handshake failed");
		n++;
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* leave no TIME_WAIT behind */
		close(c->fd);
	}
	return n;
}

static int shake(char **a)
{
	unsigned clients = number(a[1]), total = 0;
	uint64_t end = now_us() + (uint64_t)number(a[2]) * 1000;
	int fds[2];

	if (pipe(fds) < 0)
		die("pipe");
	for (unsigned i = 0; i < clients; i++)
		if (fork() == 0) {
			unsigned n;

			prctl(PR_SET_PDEATHSIG, SIGTERM);
			n = shake_until(number(a[0]), end, (int)number(a[3]));
			_exit(write(fds[1], &n, sizeof n) != sizeof n);
		}
	close(fds[1]);
	for (unsigned n; read(fds[0], &n, sizeof n) == sizeof n;)
		total += n;
	while (wait(NULL) > 0)
		;
	printf("%u\n", total);
	return 0;
}

/* ---- ping -------------------------------------------------------------------------------- */

static int ping(char **a)
{
	unsigned n = number(a[1]);
	struct client *c = calloc(1, sizeof *c);
	uint32_t *took = calloc(n, sizeof *took);
	char text[64] = "ping";

	if (n < 100 || c == NULL || took == NULL)
		die("pings");
	client_init(c);
	c->fd = dial(number(a[0]), 1);
	if (!client_shake(c, SNI, 0))
		die("handshake");
	for (unsigned i = 0; i < n; i++) {
		uint64_t began = now_us();

		if (br_sslio_write_all(&c->io, text, sizeof text) < 0 || br_sslio_flush(&c->io) < 0 ||
		    br_sslio_read_all(&c->io, text, sizeof text) < 0)
			die("the stream ended");
		took[i] = (uint32_t)(now_us() - began);
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); /* a keystroke, not a benchmark of wake-ups */
	}
	qsort(took, n, sizeof *took, by_value);
	printf("%u %u %u\n", took[n / 2], took[n * 99 / 100], took[n - 1]);
	return 0;
}

/* ---- sink -------------------------------------------------------------------------------- */

static int sink(char **a)
{
	int ls = listener(number(a[0])), fd;

	while ((fd = accept4(ls, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == ECONNABORTED || errno == EINTR)
		if (fd >= 0)
			close(fd);
	die("accept");
	return 1;
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {{"flow", 5, flow}, {"hold", 3, hold}, {"shake", 4, shake}, {"ping", 2, ping}, {"sink", 1, sink}};

	return commanded(argc, argv, commands, ARRAY_LEN(commands));
}
