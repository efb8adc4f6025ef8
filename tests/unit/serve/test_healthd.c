/* healthd: what a monitor sees, over socket pairs. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/healthd.h"
#include "tests/unit/unit.h"
#include "wire/ipc.h"

static struct clock_fake fake;
static struct child child;
static struct healthd h;
static size_t ready;
static char said[HEALTHD_MOST + 512];

static void counters(struct child *c, struct wr *w)
{
	(void)c;
	ipc_write_counter(w, "requests", 7);
}

static size_t how_ready(void *ctx)
{
	(void)ctx;
	return ready;
}

static void more(void *ctx, struct jsonw *j)
{
	(void)ctx;
	jsonw_key(j, "origins");
	jsonw_open(j, '[');
	jsonw_close(j, ']');
}

static void samples(void *ctx, struct wr *w)
{
	(void)ctx;
	healthd_sample(w, "origin_up", "origin", SPAN_LIT("a\"b\\c"), 1);
}

static const struct child_class child_class = {.role = "edge", .counters = counters};
static const struct healthd_class cls = {how_ready, more, samples};

static void set_up(void)
{
	clock_fake_init(&fake, 100 * NS_PER_S, 0);
	child = (struct child){.cls = &child_class};
	bounds_init(&child.bounds);
	CHECK_INT(loop_open(&child.loop, LOOP_BEST, &fake.clock), 0);
	healthd_init(&h, &child, &cls, NULL);
	h.id = "abc";
	ready = 2;
}

static void tear_down(void)
{
	healthd_end(&h);
	loop_free(child.loop);
	healthd_free(&h);
}

static void turns(void)
{
	for (unsigned i = 0; i < 4; i++)
		CHECK_INT(loop_turn(child.loop, 0), 0);
}

static int guest(void)
{
	int pair[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	healthd_accepted(&h, pair[0]);
	return pair[1];
}

/* Everything up to the end; NULL: it has not ended. */
static const char *hear(int fd)
{
	size_t n = 0;
	ssize_t got;

	for (unsigned i = 0; i < 64; i++) {
		got = recv(fd, &said[n], sizeof said - 1 - n, 0);
		if (got == 0) {
			said[n] = 0;
			return said;
		}
		n += got > 0 ? (size_t)got : 0;
		turns();
	}
	return NULL;
}

static const char *ask(const char *request)
{
	const char *answer;
	int fd = guest();

	CHECK_INT(send(fd, request, strlen(request), MSG_NOSIGNAL), (long long)strlen(request));
	turns();
	answer = hear(fd);
	close(fd);
	return answer ? answer : "";
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static const char *body(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end ? end + 4 : "";
}

TEST(it_says_whether_the_role_does_its_work)
{
	set_up();
	CHECK(strncmp(ask(GET("/healthcheck")), "HTTP/1.1 200 OK\r\n", 17) == 0);
	CHECK_STR(body(said), "{\"status\":\"ok\",\"connections\":2,\"origins\":[]}\n");
	CHECK_STR(body(ask(GET("/ready"))), "{\"status\":200,\"readyConnections\":2,\"connectorId\":\"abc\"}\n");
	ready = 0;
	CHECK(strncmp(ask(GET("/healthcheck")), "HTTP/1.1 503 Service Unavailable\r\n", 34) == 0);
	CHECK_STR(body(ask(GET("/ready"))), "{\"status\":503,\"readyConnections\":0,\"connectorId\":\"abc\"}\n");
	tear_down();
}

TEST(metrics_are_counters_samples_and_bounds)
{
	const char *text;

	set_up();
	text = body(ask(GET("/metrics")));
	CHECK(strstr(text, "zt_build_info{version=\"" ZT_VERSION "\"} 1\n"));
	CHECK(strstr(text, "zt_edge_requests 7\n") && strstr(text, "zt_edge_ready_connections 2\n"));
	CHECK(strstr(text, "zt_origin_up{origin=\"a\\\"b\\\\c\"} 1\n"));
	CHECK(strstr(text, "zt_bound_used{bound=\"health_conns\"} 1\n") && strstr(text, "zt_bound_hits_total{bound=\"health_conns\"} 0\n"));
	CHECK(strstr(text, "ca_certificates") == NULL);
	tear_down();
}

TEST(what_it_does_not_know_is_refused)
{
	set_up();
	CHECK(strncmp(ask(GET("/")), "HTTP/1.1 404 Not Found\r\n", 24) == 0);
	CHECK(strncmp(ask("POST /ready HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 ", 13) == 0);
	CHECK(strncmp(ask("nonsense\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
	CHECK(strncmp(ask("HEAD /ready HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK\r\n", 17) == 0);
	CHECK_STR(body(said), "");
	tear_down();
}

TEST(a_request_comes_in_pieces_and_ends_in_time)
{
	static const char all[] = GET("/ready");
	static const char fill[2048] = "GET /ready HTTP/1.1\r\nX: ";
	char long_one[2048];
	int fd;

	set_up();
	fd = guest();
	for (size_t i = 0; i + 1 < sizeof all; i++) {
		CHECK_INT(send(fd, &all[i], 1, MSG_NOSIGNAL), 1);
		turns();
	}
	NEED(hear(fd));
	CHECK(strncmp(said, "HTTP/1.1 200 ", 13) == 0);
	close(fd);
	fd = guest();
	CHECK_INT(send(fd, all, 5, MSG_NOSIGNAL), 5);
	turns();
	clock_fake_step(&fake, 6 * NS_PER_S);
	turns();
	CHECK_STR(hear(fd), "");
	close(fd);
	memcpy(long_one, fill, sizeof fill);
	memset(&long_one[24], 'a', sizeof long_one - 24);
	fd = guest();
	CHECK_INT(send(fd, long_one, sizeof long_one, MSG_NOSIGNAL), sizeof long_one);
	turns();
	NEED(hear(fd));
	CHECK(strncmp(said, "HTTP/1.1 431 ", 13) == 0);
	close(fd);
	tear_down();
}

FLOODS(BOUND_HEALTH_CONNS)
{
	int fd[BOUND_CAP(BOUND_HEALTH_CONNS)], more_fd;

	set_up();
	for (size_t i = 0; i < BOUND_CAP(BOUND_HEALTH_CONNS); i++)
		fd[i] = guest();
	more_fd = guest();
	turns();
	CHECK_STR(hear(more_fd), "");
	CHECK_INT(child.bounds.row[BOUND_HEALTH_CONNS].hits, 1);
	close(more_fd);
	close(fd[0]); /* one leaves, one may come */
	turns();
	CHECK(strncmp(ask(GET("/ready")), "HTTP/1.1 200 ", 13) == 0);
	for (size_t i = 1; i < BOUND_CAP(BOUND_HEALTH_CONNS); i++)
		close(fd[i]);
	tear_down();
}
