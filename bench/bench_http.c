/*
 * bench_http: visitors who speak HTTP/1.1 over TLS to PORT of 127.0.0.1 and ask NAME for /small.
 *
 *   rate  PORT NAME RATE CONNS MS   RATE requests a second over CONNS kept connections, each due at its own time whatever
 *                                   became of those before it; an answer's time counts from when its request was due, so
 *                                   that who is slow is not asked less. Prints p50, p99 and the most in us, and how many
 *                                   answers a second came.
 *   visit PORT NAME N TIMES         N visitors, each of whom asks so many TIMES (or never: 0) and stays; prints "held",
 *                                   goes on until standard input ends
 *
 * Everything ends by itself: after MS (and what is on its way then), or with its input.
 */
#include <fcntl.h>

#include "load.h"

#define HEAD 2048
#define CONNS 128

struct visitor {
	struct client tls;
	uint64_t due;      /* of the request that is on its way; 0: none is */
	char head[HEAD];   /* of its answer, as far as it has come */
	unsigned head_len;
	size_t left;       /* of its body */
	bool in_body;
};

struct load {
	struct visitor *all;
	unsigned n, busy;
	struct pollfd polled[CONNS];
	char request[256];
	uint32_t *took;
	unsigned asked, done, total;
};

/* The head is whole: what its body's length is. */
static size_t body_length(char *head)
{
	char *field;

	if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) {
		errno = EPROTO;
		die(head);
	}
	for (field = head; *field; field++)
		if (strncasecmp(field, "\r\ncontent-length:", 17) == 0)
			return strtoul(field + 17, NULL, 10);
	errno = EPROTO;
	die("an answer without a length");
	return 0;
}

/* Bytes of the answer; true when it is over. */
static bool heard(struct visitor *v, const unsigned char *p, size_t n)
{
	for (; n > 0 && !v->in_body; p++, n--) {
		if (v->head_len == HEAD - 1)
			die("a long head");
		v->head[v->head_len++] = (char)*p;
		if (v->head_len < 4 || memcmp(v->head + v->head_len - 4, "\r\n\r\n", 4) != 0)
			continue;
		v->head[v->head_len] = '\0';
		v->left = body_length(v->head);
		v->in_body = true;
	}
	v->left -= n;
	return v->in_body && v->left == 0;
}

static void send_records(struct visitor *v)
{
	br_ssl_engine_context *e = &v->tls.ssl.eng;
	unsigned char *p;
	size_t n;

	while ((br_ssl_engine_current_state(e) & BR_SSL_SENDREC) && (p = br_ssl_engine_sendrec_buf(e, &n)) != NULL) {
		ssize_t k = send(v->tls.fd, p, n, MSG_NOSIGNAL);

		if (k <= 0) /* a request is small: it always fits */
			die("send");
		br_ssl_engine_sendrec_ack(e, (size_t)k);
	}
}

static void ask(struct visitor *v, const char *request, uint64_t due)
{
	size_t n, len = strlen(request);
	unsigned char *p = br_ssl_engine_sendapp_buf(&v->tls.ssl.eng, &n);

	if (p == NULL || n < len)
		die("no room for a request");
	memcpy(p, request, len);
	br_ssl_engine_sendapp_ack(&v->tls.ssl.eng, len);
	br_ssl_engine_flush(&v->tls.ssl.eng, 0);
	v->due = due;
	v->head_len = 0;
	v->in_body = false;
	v->left = 0;
	send_records(v);
}

/* What has come, without waiting for more; true when the answer is over. */
static bool listen_to(struct visitor *v)
{
	br_ssl_engine_context *e = &v->tls.ssl.eng;
	bool over = false;
	size_t n;

	for (;;) {
		unsigned state = br_ssl_engine_current_state(e);
		unsigned char *p;
		ssize_t k;

		if (state == BR_SSL_CLOSED)
			die("a connection was closed");
		if (state & BR_SSL_RECVAPP) {
			p = br_ssl_engine_recvapp_buf(e, &n);
			over |= heard(v, p, n);
			br_ssl_engine_recvapp_ack(e, n);
			continue;
		}
		p = br_ssl_engine_recvrec_buf(e, &n);
		k = p ? recv(v->tls.fd, p, n, 0) : -1;
		if (k < 0 && errno == EAGAIN)
			return over;
		if (k <= 0)
			die("recv");
		br_ssl_engine_recvrec_ack(e, (size_t)k);
	}
}

static void arrive(struct visitor *v, unsigned port, const char *name, unsigned source)
{
	client_init(&v->tls);
	v->tls.fd = dial(port, source);
	if (!client_shake(&v->tls, name, 0))
		die("a handshake failed");
}

static void set_blocking(int fd, bool on)
{
	if (fcntl(fd, F_SETFL, on ? 0 : O_NONBLOCK) < 0)
		die("fcntl");
}

/* Whoever has nothing to do asks what is due. */
static void ask_what_is_due(struct load *l, uint64_t began, double gap)
{
	for (unsigned i = 0; i < l->n && l->asked < l->total; i++) {
		uint64_t due = began + (uint64_t)(gap * l->asked);

		if (due > now_us())
			return;
		if (l->all[i].due != 0)
			continue;
		ask(&l->all[i], l->request, due);
		l->asked++;
		l->busy++;
	}
}

static void take_answers(struct load *l, int64_t wait_us)
{
	const struct timespec t = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};

	if (ppoll(l->polled, l->n, &t, NULL) < 0)
		die("poll");
	for (unsigned i = 0; i < l->n; i++) {
		struct visitor *v = &l->all[i];

		if (l->polled[i].revents == 0 || !listen_to(v) || v->due == 0)
			continue;
		l->took[l->done++] = (uint32_t)(now_us() - v->due);
		v->due = 0;
		l->busy--;
	}
}

static void gather(struct load *l, unsigned port, const char *name)
{
	l->all = calloc(l->n, sizeof *l->all);
	l->took = calloc(l->total, sizeof *l->took);
	if (l->all == NULL || l->took == NULL || l->n > CONNS)
		die("connections");
	snprintf(l->request, sizeof l->request, "GET /small HTTP/1.1\r\nHost: %s\r\n\r\n", name);
	for (unsigned i = 0; i < l->n; i++) {
		arrive(&l->all[i], port, name, 1);
		set_blocking(l->all[i].tls.fd, false);
		l->polled[i] = (struct pollfd){.fd = l->all[i].tls.fd, .events = POLLIN};
	}
}

static int rate(char **a)
{
	unsigned per_second = number(a[2]), ms = number(a[4]);
	struct load l = {.n = number(a[3]), .total = (unsigned)((uint64_t)per_second * ms / 1000)};
	double gap = 1e6 / per_second;
	uint64_t began, end;

	if (per_second == 0 || l.total == 0)
		die("rate");
	gather(&l, number(a[0]), a[1]);
	began = now_us();
	end = began + (uint64_t)ms * 2000; /* who is slow has as long again */
	while (l.done < l.total && now_us() < end) {
		int64_t wait;

		ask_what_is_due(&l, began, gap);
		wait = (int64_t)(began + (uint64_t)(gap * l.asked) - now_us());
		if (l.busy == l.n || l.asked == l.total || wait > 100000)
			wait = 100000;
		take_answers(&l, wait < 0 ? 0 : wait);
	}
	if (l.done == 0)
		die("no answer");
	qsort(l.took, l.done, sizeof *l.took, by_value);
	printf("%u %u %u %.0f\n", l.took[l.done / 2], l.took[(uint64_t)l.done * 99 / 100], l.took[l.done - 1],
	       l.done * 1e6 / (double)(now_us() - began));
	return 0;
}

static void ask_and_wait(struct visitor *v, const char *request)
{
	struct pollfd p = {.fd = v->tls.fd, .events = POLLIN};

	ask(v, request, 1);
	while (!listen_to(v))
		if (poll(&p, 1, 10000) <= 0)
			die("no answer");
}

static int visit(char **a)
{
	struct visitor *v = calloc(1, sizeof *v); /* nobody speaks again: the next one takes its place, but not its socket */
	unsigned n = number(a[2]), times = number(a[3]), held = 0;
	char request[256], end;

	if (v == NULL)
		die("visitors");
	raise_nofile();
	snprintf(request, sizeof request, "GET /small HTTP/1.1\r\nHost: %s\r\n\r\n", a[1]);
	for (; held < n; held++) {
		arrive(v, number(a[0]), a[1], 1 + held % 200);
		set_blocking(v->tls.fd, false);
		for (unsigned i = 0; i < times; i++)
			ask_and_wait(v, request);
	}
	printf("held %u\n", held);
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {{"rate", 5, rate}, {"visit", 4, visit}};

	return commanded(argc, argv, commands, ARRAY_LEN(commands));
}
