/* monitor: what a monitor is told, byte for byte where somebody else's program reads it. */
#include "serve/monitor.h"
#include "tests/unit/unit.h"
#include "wire/ipc.h"

static struct child child;
static bool works_now;
static char mem[24576];

static void counters(struct child *c, struct wr *w)
{
	(void)c;
	ipc_write_counter(w, "requests", 7);
}

static bool works(void *ctx)
{
	(void)ctx;
	return works_now;
}

static size_t tunnels(void *ctx)
{
	(void)ctx;
	return works_now ? 2 : 0;
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
	monitor_sample(w, "origin_up", "origin", SPAN_LIT("a\"b\\c\n"), 1);
}

static const struct child_class child_class = {.role = "edge", .counters = counters};
static const struct monitor_class cls = {works, tunnels, more, samples};

static const char *ask_in(const char *head, size_t room)
{
	const struct monitor m = {.cls = &cls, .child = &child, .instance = works_now ? (const uint8_t *)"0123456789abcdef" : NULL};
	struct wr w = wr_of(mem, room);
	struct httpreq q;

	httpreq_read(span_str(head), &q);
	monitor_answer(&m, &q, &w);
	CHECK(!w.full && w.n < sizeof mem);
	mem[w.n] = 0;
	return mem;
}

static const char *ask(const char *head)
{
	child = (struct child){.cls = &child_class};
	bounds_init(&child.bounds);
	bounds_take(&child.bounds, BOUND_DIALS, 3);
	return ask_in(head, sizeof mem - 1);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static const char *body(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end ? end + 4 : "";
}

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

TEST(it_says_whether_the_role_does_its_work)
{
	works_now = true;
	CHECK(starts(ask(GET("/healthcheck")), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 41\r\n"));
	CHECK_STR(body(mem), "{\"status\":\"ok\",\"tunnels\":2,\"origins\":[]}\n");
	CHECK_STR(body(ask(GET("/ready"))), "{\"status\":200,\"readyConnections\":2,\"connectorId\":\"30313233-3435-3637-3839-616263646566\"}\n");
	works_now = false;
	CHECK(starts(ask(GET("/healthcheck")), "HTTP/1.1 503 Service Unavailable\r\n"));
	CHECK_STR(body(ask(GET("/ready"))), "{\"status\":503,\"readyConnections\":0}\n");
}

TEST(metrics_are_counters_bounds_and_samples)
{
	const char *text;

	works_now = true;
	text = body(ask(GET("/metrics")));
	CHECK(starts(text, "zt_build_info{version=\"" ZT_VERSION "\"} 1\nzt_edge_requests 7\n"));
	CHECK(strstr(text, "zt_bound_used{bound=\"dials_running\"} 3\n") && strstr(text, "zt_bound_hits_total{bound=\"dials_running\"} 0\n"));
	CHECK(strstr(text, "ca_certificates") == NULL);
	CHECK(strstr(text, "zt_origin_up{origin=\"a\\\"b\\\\c \"} 1\nzt_metrics_cut 0\n"));
}

/* Of several processes: each number with the process that says it, whoever answers. */
TEST(several_say_each_their_own)
{
	uint8_t other[MONITOR_PACKED];
	struct wr w = wr_of(other, sizeof other);
	struct monitor_part part = {.worker = 2};
	struct monitor m = {.cls = &cls, .child = &child, .several = true, .part = &part, .parts = 1};
	struct httpreq q;
	const char *text;

	ask(GET("/metrics"));
	monitor_pack(&child, &w);
	CHECK(!w.full);
	child.index = 1;
	httpreq_read(SPAN_LIT(GET("/metrics")), &q);
	for (size_t n = 0; n <= w.n; n++) { /* what another process says may be cut, and is read no further */
		struct wr out = wr_of(mem, sizeof mem - 1);

		part.packed = span_of(other, n);
		monitor_answer(&m, &q, &out);
		mem[out.n] = 0;
		text = body(mem);
		CHECK(strstr(text, "zt_edge_requests{worker=\"1\"} 7\n") && strstr(text, "zt_bound_used{bound=\"dials_running\",worker=\"1\"} 3\n"));
		CHECK(text[strlen(text) - 1] == '\n');
	}
	CHECK(strstr(text, "zt_edge_requests{worker=\"2\"} 7\n") && strstr(text, "zt_bound_hits_total{bound=\"dials_running\",worker=\"2\"} 0\n"));
	part.packed = SPAN_LIT("\0\0\377aaaaaaaaaaaaaaaaaaaaaaaa"); /* no such bound */
	monitor_answer(&m, &q, &(struct wr){.p = (uint8_t *)mem, .cap = sizeof mem - 1});
}

/* Which says it, too. */
TEST(too_little_room_cuts_metrics_at_a_line)
{
	size_t whole;

	works_now = true;
	whole = 256 + strlen(body(ask(GET("/metrics")))); /* with what is kept for the head */
	for (size_t room = 400; room < 560; room++) {
		const char *text = body(ask_in(GET("/metrics"), room));

		CHECK_INT(strstr(text, "\nzt_metrics_cut 1\n") != NULL, room < whole);
		CHECK(text[strlen(text) - 1] == '\n' && (size_t)(text - mem) + strlen(text) <= room);
	}
}

TEST(what_it_does_not_know_is_refused)
{
	works_now = true;
	CHECK(starts(ask(GET("/")), "HTTP/1.1 404 Not Found\r\n"));
	CHECK(starts(ask("POST /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), "HTTP/1.1 404 "));
	CHECK(starts(ask("nonsense\r\n\r\n"), "HTTP/1.1 400 "));
	CHECK(starts(ask("HEAD /ready HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 OK\r\n"));
	CHECK_STR(body(mem), "");
}
