/* The access log: the schema, what is redacted, T-40, and that a line is always whole. */
#include "serve/accesslog.h"

#include "base/num.h"
#include "tests/unit/unit.h"
#include "wire/json.h"

static char out[ACCESSLOG_LINE + 1];
static struct httpreq req;
static struct addr peer = {.family = 4, .ip = {192, 0, 2, 1}, .port = 4711}, user = {.family = 4, .ip = {198, 51, 100, 7}};

static struct access_common common(void)
{
	static const uint8_t serial[16] = {0x12, 0xab};

	return (struct access_common){
		.wall_ms = 1795000000123, .duration_ns = 1002003004, .bytes_in = 5, .bytes_out = 77, .peer = &peer, .user = &user,
		.tls = {.on = true, .suite = 0xc02b, .alpn = "http/1.1", .name = "nas.example.org", .client = "phone"},
		.id = SPAN_LIT("r1"), .host = SPAN_LIT("nas.example.org"), .user_id = "phone", .decision = "allowed", .route = "nas",
		.connector = "c1", .rule = 2, .epoch = 9, .serial = serial, .fault = ""};
}

static const char *line(struct access_request *a)
{
	struct wr w = wr_of(out, ACCESSLOG_LINE);

	access_request_line(a, &w);
	CHECK(!w.full && w.n > 2 && w.p[w.n - 1] == '\n');
	out[w.n] = 0;
	/* One line, nothing that drives a terminal. */
	for (size_t i = 0; i + 1 < w.n; i++)
		CHECK((uint8_t)out[i] >= ' ' && out[i] != 0x7f);
	return out;
}

static struct span of(struct json *j, size_t obj, const char *key)
{
	return json_str(j, json_get(j, obj, key));
}

TEST(the_schema)
{
	struct access_request a = {.c = common(), .req = &req, .path = SPAN_LIT("/x/y"), .status = 200,
				   .type = SPAN_LIT("text/html"), .location = SPAN_LIT("/to?ticket=1")};
	static struct json_tok tok[256];
	static uint8_t mem[4096];
	struct json j;
	size_t request, zt;

	NEED(httpreq_read(SPAN_LIT("GET /x//y?a=b&token=SECRET1&x%74oken=SECRET2&api_key=SECRET3&q HTTP/1.1\r\nHost: NAS.example.org\r\n"
				   "user-agent: \"curl\"\r\nCookie: zt_s=SECRET4\r\nAuthorization: Basic SECRET5\r\n"
				   "CF-Access-Client-Secret: SECRET6\r\nReferer: https://nas.example.org/in?code=SECRET7\r\nX-A: 1\r\nx-a: 2\r\n\r\n"), &req) == 0);
	line(&a);
	CHECK(strstr(out, "SECRET") == NULL && strstr(out, "ticket") == NULL);
	CHECK(strstr(out, "\"Referer\":[\"https://nas.example.org/in\"]") && strstr(out, "\"Location\":[\"/to\"]"));
	a.location = SPAN_LIT("https://app.example/in#access_token=SECRET8");
	line(&a);
	CHECK(strstr(out, "SECRET") == NULL && strstr(out, "\"Location\":[\"https://app.example/in\"]"));
	json_init(&j, tok, ARRAY_LEN(tok), mem, sizeof mem);
	NEED(json_parse(&j, span_str(out)) == 0); /* refuses a key that is there twice */
	CHECK(span_eq_str(of(&j, JSON_ROOT, "logger"), "http.log.access") && span_eq_str(of(&j, JSON_ROOT, "msg"), "handled request"));
	CHECK(strstr(out, "\"ts\":1795000000.123,") && strstr(out, "\"duration\":1.002003004,"));
	CHECK(json_u64(&j, json_get(&j, JSON_ROOT, "status"), 999) == 200 && json_u64(&j, json_get(&j, JSON_ROOT, "size"), 999) == 77);
	request = json_get(&j, JSON_ROOT, "request");
	CHECK(span_eq_str(of(&j, request, "remote_ip"), "192.0.2.1") && span_eq_str(of(&j, request, "remote_port"), "4711"));
	CHECK(span_eq_str(of(&j, request, "client_ip"), "198.51.100.7") && span_eq_str(of(&j, request, "method"), "GET"));
	CHECK(span_eq_str(of(&j, request, "uri"), "/x/y?a=b&token=REDACTED&x%74oken=REDACTED&api_key=REDACTED&q"));
	CHECK(strstr(out, "\"User-Agent\":[\"\\\"curl\\\"\"]") && strstr(out, "\"X-A\":[\"1\",\"2\"]"));
	CHECK(json_u64(&j, json_get(&j, json_get(&j, request, "tls"), "version"), 999) == 771);
	zt = json_get(&j, JSON_ROOT, "zt");
	CHECK(span_eq_str(of(&j, zt, "request_id"), "r1") && span_eq_str(of(&j, zt, "connector"), "c1"));
	CHECK(span_eq_str(of(&j, zt, "serial"), "12ab0000000000000000000000000000") && j.err == ZT_OK);
	CHECK(strstr(out, "\"cut\"") == NULL);
}

/* T-40, and the bound of a line: whatever comes, it is one whole document of at most 4,096 bytes. */
TEST(the_longest_line_is_whole)
{
	static char head[HTTP_HEAD + 1];
	static struct json_tok tok[1024];
	static uint8_t mem[8192];
	static char bad[2000];
	struct access_request a = {.c = common(), .req = &req, .status = 502};
	struct wr w = wr_of(head, HTTP_HEAD);
	struct json j;

	memset(bad, '\x1b', sizeof bad - 1);
	wr_str(&w, "GET /?");
	for (unsigned i = 0; i < 7000; i++)
		wr_u8(&w, '"');
	wr_str(&w, " HTTP/1.1\r\nHost: a.example\r\n");
	for (unsigned i = 0; i < 90; i++)
		wr_fmt(&w, "X-Field-%u: \x9b\x9b\xff %0*u\r\n", i, (int)(i % 60), i);
	wr_str(&w, "\r\n");
	if (httpreq_read(wr_span(&w), &req) < 0) /* a quote in a query: then of plain letters */
		for (unsigned i = 6; i < 7006; i++)
			head[i] = 'q';
	NEED(httpreq_read(wr_span(&w), &req) == 0);
	a.path = a.c.host = a.c.id = a.type = a.location = span_str(bad);
	a.c.user_id = a.c.decision = a.c.route = a.c.connector = a.c.fault = bad;
	a.c.tls.alpn = a.c.tls.name = a.c.tls.client = bad;
	a.c.wall_ms = INT64_MAX;
	a.c.duration_ns = a.c.bytes_in = a.c.bytes_out = UINT64_MAX;
	line(&a);
	CHECK(strstr(out, "\"cut\":true}\n") != NULL);
	json_init(&j, tok, ARRAY_LEN(tok), mem, sizeof mem);
	CHECK_INT(json_parse(&j, span_str(out)), 0);
	a.req = NULL;
	line(&a);
	CHECK_INT(json_parse(&j, span_str(out)), 0);
}

TEST(a_stream)
{
	struct access_stream s = {.c = common(), .kind = "websocket"};
	static struct json_tok tok[256];
	struct wr w = wr_of(out, ACCESSLOG_LINE);
	struct json j;

	access_stream_line(&s, &w);
	out[w.n] = 0;
	json_init(&j, tok, ARRAY_LEN(tok), NULL, 0);
	NEED(!w.full && json_parse(&j, span_str(out)) == 0);
	CHECK(span_eq_str(of(&j, JSON_ROOT, "logger"), "zt.log.stream"));
	CHECK(span_eq_str(of(&j, json_get(&j, JSON_ROOT, "zt"), "kind"), "websocket"));
}
