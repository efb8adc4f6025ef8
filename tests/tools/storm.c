/*
 * storm: many peers of one kind at an edge's public port, and visitors beside them who say what that costs.
 *
 *   storm PORT HOST KEY=VALUE...
 *     kind=   none   nobody but the visitors
 *             idle   a handshake, one request, then silence
 *             shake  handshakes one after the other, each in full, closed at once
 *             drop   connect and reset, one after the other
 *             hello  half a hello
 *             head   a request's head, a byte a second          body   the same of a body
 *             read   asks for ask= and takes 1 KiB a second      send   a body of 64 KiB at once, nothing after it
 *     n=300 how many at a time     s=4 seconds of it     most=100000 connections in all     hands=64 handshakes at a time
 *     path=/ of the visitors       at=HOST, ask=/ of the peers    calm=1 seconds before it, and after it    full=1 no resumption; who is cut comes again
 *     hold=0 seconds that idle ones are kept after the storm has ended
 *
 * Peers come from 127.1.0.1 to 127.1.0.200. Prints one JSON object: how the peers fared (begun; open: those that were let
 * in; failed: not; cut: by the edge, and after how many ms the first and the last; status codes), and what one visitor
 * whose connection lives (kept) and one who comes anew each time (fresh) waited for: before, during and after, in us.
 * Its TLS is BearSSL's engine and checks no certificate: it is the load, not the subject. Everything ends by itself; SIGTERM, or
 * the end of the last peer, ends the storm before its time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "storm_tls.h"

#define SECOND UINT64_C(1000000)
#define TICK 50000      /* us between two looks at who is due */
#define SAMPLES 65536   /* of one visitor, a phase */
#define PATIENCE 15000  /* ms a visitor waits for anything */
#define DIALS 64        /* begun in one turn */

enum kind { NONE, IDLE, SHAKE, DROP, HELLO, HEAD, BODY, READ, SEND, KINDS };
static const char *const kinds[KINDS] = {"none", "idle", "shake", "drop", "hello", "head", "body", "read", "send"};

struct plan {
	unsigned port, n, s, most, hands, calm, full, hold;
	const char *host, *at, *path, *ask;
	enum kind kind;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static int dial(unsigned port, unsigned source, int rcvbuf)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001 + source % 200)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (rcvbuf)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
	    (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS))
		die("connect");
	return fd;
}

static void reset_close(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* leave no TIME_WAIT behind */
	close(fd);
}

/* ---- visitors ---------------------------------------------------------------------------- */

enum { BEFORE, DURING, AFTER, PHASES };
struct shared { /* between the processes */
	volatile int phase; /* PHASES: over */
	struct seen {
		unsigned n[PHASES], failed[PHASES];
		uint32_t took[PHASES][SAMPLES];
	} kept, fresh;
};

static bool wait_io(struct tls *t, int fd, uint64_t end)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now = now_us();

	if (br_ssl_engine_current_state(&t->ssl.eng) & BR_SSL_SENDREC)
		p.events |= POLLOUT;
	return now < end && poll(&p, 1, (int)((end - now) / 1000) + 1) > 0;
}

static bool shake_now(struct tls *t, int fd)
{
	uint64_t end = now_us() + PATIENCE * UINT64_C(1000);

	while (!is_open(t)) {
		int rc = pump(t, fd, SIZE_MAX);

		if (rc < 0 || (rc == 0 && !wait_io(t, fd, end)))
			return false;
	}
	return true;
}

/* One request and its whole answer, which is small and has a Content-Length: 200, or not. */
static bool ask_now(struct tls *t, int fd, const struct plan *p)
{
	uint64_t end = now_us() + PATIENCE * UINT64_C(1000);
	char text[512], got[4096], *length, *body;
	size_t n = 0;
	int rc = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", p->path, p->host);

	if (!say(t, text, (size_t)rc))
		return false;
	for (;;) {
		rc = pump(t, fd, SIZE_MAX);
		n += hear(t, got + n, sizeof got - 1 - n);
		got[n] = 0;
		body = strstr(got, "\r\n\r\n");
		length = body ? strcasestr(got, "content-length:") : NULL;
		if (length && (size_t)(got + n - body - 4) >= strtoul(length + 15, NULL, 10))
			return strncmp(got, "HTTP/1.1 200", 12) == 0;
		if (n == sizeof got - 1 || rc < 0 || (rc == 0 && !wait_io(t, fd, end)))
			return false;
	}
}

static void note(struct shared *s, struct seen *v, bool ok, uint64_t began)
{
	int phase = s->phase;

	if (phase >= PHASES)
		return;
	if (!ok)
		v->failed[phase]++;
	else if (v->n[phase] < SAMPLES)
		v->took[phase][v->n[phase]++] = (uint32_t)(now_us() - began);
}

/* kept: one connection for all requests, as long as it lives; a new one after that counts as failed. */
static void visit(struct shared *s, struct seen *v, const struct plan *p, bool kept, unsigned pause_us)
{
	struct tls *t = NULL;
	int fd = -1;

	while (s->phase < PHASES) {
		uint64_t began = now_us();
		bool ok = true, first = t == NULL;

		if (first) {
			fd = dial(p->port, 199, 0);
			t = tls_new(p->host, NULL);
			ok = shake_now(t, fd);
		}
		ok = ok && ask_now(t, fd, p);
		if (!ok || !kept || !first)
			note(s, v, ok, began);
		if (!ok || !kept) {
			reset_close(fd);
			free(t);
			t = NULL;
		}
		usleep(pause_us);
	}
}

static pid_t visitor(struct shared *s, struct seen *v, const struct plan *p, bool kept, unsigned pause_us)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		visit(s, v, p, kept, pause_us);
	_exit(0);
}

/* ---- peers ------------------------------------------------------------------------------- */

struct peer {
	int fd;
	struct tls *t;
	bool in, said, answered; /* in: its handshake is over */
	uint64_t due, in_us;
};

struct crowd {
	const struct plan *p;
	struct peer *peer;
	int ep;
	unsigned begun, open, failed, cut, live, shaking, answers, status[600];
	uint64_t first_cut, last_cut;
	br_ssl_session_parameters again;
};

static void end_peer(struct crowd *c, struct peer *e, bool by_edge)
{
	uint64_t after = (now_us() - e->in_us) / 1000;

	if (by_edge && e->in) {
		c->cut++;
		c->first_cut = c->cut == 1 || after < c->first_cut ? after : c->first_cut;
		c->last_cut = after > c->last_cut ? after : c->last_cut;
	} else if (by_edge) {
		c->failed++;
	}
	if (!e->in)
		c->shaking--;
	c->live--;
	reset_close(e->fd);
	free(e->t);
	*e = (struct peer){.fd = -1};
}

static void begin_peer(struct crowd *c, struct peer *e)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = e};

	*e = (struct peer){.fd = dial(c->p->port, c->begun++, c->p->kind == READ ? 4096 : 0), .in_us = now_us(), .due = UINT64_MAX};
	c->live++;
	c->shaking++;
	if (epoll_ctl(c->ep, EPOLL_CTL_ADD, e->fd, &ev) < 0)
		die("epoll");
	if (c->p->kind != HELLO && c->p->kind != DROP)
		e->t = tls_new(c->p->at, c->p->full || c->p->kind == SHAKE ? NULL : &c->again);
}

/* What it has to say when it is in. */
static void first_words(struct crowd *c, struct peer *e)
{
	static const char *const tail[KINDS] = {[IDLE] = "\r\n", [HEAD] = "X-Slow: ", [BODY] = "Content-Length: 1000000\r\n\r\n",
						[READ] = "\r\n", [SEND] = "Content-Length: 10000000\r\n\r\n"};
	const struct plan *p = c->p;
	char text[512];
	int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", p->kind == BODY || p->kind == SEND ? "POST" : "GET",
			 p->ask, p->at, tail[p->kind]);

	e->said = say(e->t, text, (size_t)n);
	e->due = now_us() + SECOND;
}

static void got_in(struct crowd *c, struct peer *e)
{
	e->in = true;
	e->in_us = now_us();
	c->open++;
	c->shaking--;
	if (c->again.session_id_len == 0)
		br_ssl_engine_get_session_parameters(&e->t->ssl.eng, &c->again);
	if (c->p->kind == SHAKE)
		end_peer(c, e, false);
	else
		first_words(c, e);
}

static void heard(struct crowd *c, struct peer *e)
{
	char text[4096];
	size_t n;

	while ((n = hear(e->t, text, sizeof text - 1)) > 0) {
		text[n] = 0;
		if (!e->answered && n >= 12) {
			unsigned long code = strtoul(text + 9, NULL, 10);

			e->answered = true;
			c->answers++;
			c->status[code < 600 ? code : 0]++;
		}
	}
}

static void peer_ready(struct crowd *c, struct peer *e)
{
	size_t most = c->p->kind == READ && e->in ? 0 : SIZE_MAX; /* a slow reader takes by the clock */
	int rc;

	if (e->t == NULL) { /* half a hello, or nothing: an end is all that it waits for */
		char drop[64];
		ssize_t n;

		if (c->p->kind == DROP) {
			c->open++;
			end_peer(c, e, false);
			return;
		}
		if (!e->said)
			e->said = send(e->fd, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, MSG_NOSIGNAL) == 11;
		if (e->said && !e->in) {
			e->in = true;
			c->shaking--;
			c->open++;
		}
		n = recv(e->fd, drop, sizeof drop, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			end_peer(c, e, true);
		return;
	}
	do {
		rc = pump(e->t, e->fd, most);
		if (e->in)
			heard(c, e);
		else if (rc >= 0 && is_open(e->t)) {
			got_in(c, e);
			if (e->fd < 0)
				return;
		}
	} while (rc > 0);
	if (rc < 0)
		end_peer(c, e, true);
	else if (c->p->kind == IDLE && e->answered) { /* it is a descriptor from here on, until it reads an end */
		free(e->t);
		e->t = NULL;
		e->said = true;
	}
}

/* Once a second. */
static void peer_due(struct crowd *c, struct peer *e, uint64_t now)
{
	char block[4096] = {0};
	int rc = 0;

	e->due = now + SECOND;
	if (e->t == NULL)
		return;
	if (c->p->kind == HEAD || c->p->kind == BODY)
		say(e->t, "x", 1);
	for (unsigned i = 0; c->p->kind == SEND && i < 16 && say(e->t, block, sizeof block); i++)
		rc = pump(e->t, e->fd, SIZE_MAX);
	if (c->p->kind == SEND)
		e->due = UINT64_MAX;
	if (rc >= 0)
		rc = pump(e->t, e->fd, c->p->kind == READ ? 1024 : SIZE_MAX);
	heard(c, e);
	if (rc < 0)
		end_peer(c, e, true);
}

/* limit: connections in all */
static void turn(struct crowd *c, unsigned limit)
{
	struct epoll_event ev[256];
	int n;

	for (unsigned i = 0, dials = 0; c->begun < limit && i < c->p->n && dials < DIALS; i++)
		if (c->peer[i].fd < 0 && c->shaking < c->p->hands && c->begun < limit) {
			begin_peer(c, &c->peer[i]);
			dials++;
		}
	n = epoll_wait(c->ep, ev, ARRAY_LEN(ev), c->begun < limit && c->live < c->p->n && c->shaking < c->p->hands ? 0 : 20);
	for (int i = 0; i < n; i++) {
		struct peer *e = ev[i].data.ptr;

		if (e->fd >= 0)
			peer_ready(c, e);
	}
}

static volatile sig_atomic_t enough;

static void on_term(int sig)
{
	(void)sig;
	enough = 1;
}

static void run_crowd(struct crowd *c, uint64_t us, bool begins)
{
	uint64_t end = now_us() + us, look = 0, now;
	bool again = c->p->kind == SHAKE || c->p->kind == DROP || c->p->full;

	/* With all of them gone it is over. */
	while (!enough && (now = now_us()) < end && (again || !begins || c->begun < c->p->n || c->live || c->p->kind == NONE)) {
		turn(c, !begins ? 0 : again ? c->p->most : c->p->n);
		for (unsigned i = 0; now >= look && i < c->p->n; i++)
			if (c->peer[i].fd >= 0 && c->peer[i].due <= now)
				peer_due(c, &c->peer[i], now);
		if (now >= look)
			look = now + TICK;
	}
}

/* ---- the whole --------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_seen(const char *name, struct seen *v)
{
	static const char *const phases[PHASES] = {"before", "during", "after"};

	printf(", \"%s\": {", name);
	for (int i = 0; i < PHASES; i++) {
		unsigned n = v->n[i];
		uint32_t *t = v->took[i];

		qsort(t, n, sizeof *t, by_value);
		printf("%s\"%s\": {\"n\": %u, \"failed\": %u, \"p50\": %u, \"p99\": %u, \"max\": %u}", i ? ", " : "", phases[i], n,
		       v->failed[i], n ? t[n / 2] : 0, n ? t[n * 99 / 100] : 0, n ? t[n - 1] : 0);
	}
	printf("}");
}

static void print_all(const struct crowd *c, struct shared *s, unsigned held)
{
	printf("{\"kind\": \"%s\", \"begun\": %u, \"open\": %u, \"failed\": %u, \"cut\": %u, \"first_cut_ms\": %llu, "
	       "\"last_cut_ms\": %llu, \"held\": %u, \"status\": {", kinds[c->p->kind], c->begun, c->open, c->failed, c->cut,
	       (unsigned long long)c->first_cut, (unsigned long long)c->last_cut, held);
	for (unsigned i = 0, any = 0; i < ARRAY_LEN(c->status); i++)
		if (c->status[i])
			printf("%s\"%u\": %u", any++ ? ", " : "", i, c->status[i]);
	printf("}");
	print_seen("kept", &s->kept);
	print_seen("fresh", &s->fresh);
	printf("}\n");
}

static void storm(struct crowd *c, struct shared *s)
{
	const struct plan *p = c->p;
	struct rlimit r;
	unsigned held;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	c->peer = calloc(p->n, sizeof *c->peer);
	c->ep = epoll_create1(EPOLL_CLOEXEC);
	if (c->peer == NULL || c->ep < 0)
		die("memory");
	for (unsigned i = 0; i < p->n; i++)
		c->peer[i].fd = -1;
	signal(SIGTERM, on_term);
	setpriority(PRIO_PROCESS, 0, 10); /* in life it runs somewhere else: the visitors' and the edge's time is theirs */
	usleep(p->calm * SECOND);
	s->phase = DURING;
	run_crowd(c, p->s * SECOND, true);
	held = c->live;
	fprintf(stderr, "held %u\n", held);
	run_crowd(c, p->hold * SECOND, false);
	for (unsigned i = 0; i < p->n; i++)
		if (c->peer[i].fd >= 0)
			end_peer(c, &c->peer[i], false);
	s->phase = AFTER;
	usleep(p->calm * SECOND);
	s->phase = PHASES;
	while (wait(NULL) > 0)
		;
	print_all(c, s, held);
}

static void read_plan(struct plan *p, int argc, char **argv)
{
	const struct { const char *key; unsigned *to; } numbers[] = {{"n=", &p->n}, {"s=", &p->s}, {"most=", &p->most},
		{"hands=", &p->hands}, {"calm=", &p->calm}, {"full=", &p->full}, {"hold=", &p->hold}};
	const struct { const char *key; const char **to; } texts[] = {{"path=", &p->path}, {"ask=", &p->ask}, {"at=", &p->at}};

	for (int i = 3; i < argc; i++) {
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
			if (strncmp(argv[i], numbers[k].key, strlen(numbers[k].key)) == 0)
				*numbers[k].to = (unsigned)strtoul(argv[i] + strlen(numbers[k].key), NULL, 10);
		for (size_t k = 0; k < ARRAY_LEN(texts); k++)
			if (strncmp(argv[i], texts[k].key, strlen(texts[k].key)) == 0)
				*texts[k].to = argv[i] + strlen(texts[k].key);
		for (unsigned k = 0; strncmp(argv[i], "kind=", 5) == 0 && k < KINDS; k++)
			if (strcmp(argv[i] + 5, kinds[k]) == 0)
				p->kind = (enum kind)k;
	}
}

int main(int argc, char **argv)
{
	struct plan p = {.n = 300, .s = 4, .most = 100000, .hands = 64, .calm = 1, .path = "/", .ask = "/"};
	struct crowd c = {.p = &p};
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (argc < 3 || s == MAP_FAILED) {
		fprintf(stderr, "storm: see the top of tests/tools/storm.c\n");
		return 2;
	}
	p.port = (unsigned)strtoul(argv[1], NULL, 10);
	p.host = p.at = argv[2];
	read_plan(&p, argc, argv);
	if (p.kind == NONE)
		p.n = 0;
	visitor(s, &s->kept, &p, true, 2000);
	visitor(s, &s->fresh, &p, false, 100000);
	storm(&c, s);
	return 0;
}
