/* Requests: what is understood, every case of tests/vectors/http/requests.txt, and that nothing is read twice. */
#include "wire/httpreq.h"

#include "base/num.h"
#include "tests/unit/httpvec.h"

static struct httpreq req;

static int read_str(const char *s)
{
	return httpreq_read(span_str(s), &req);
}

/* The bytes as they would come, `step` at a time: a whole head, or the reason that is known by then. */
static int scan_in_steps(struct httpscan *s, struct span in, size_t step)
{
	int rc = ZT_MORE;

	*s = (struct httpscan){0};
	for (size_t n = 0; rc == ZT_MORE && n < in.n;) {
		n = num_min(n + step, in.n);
		rc = httpscan_more(s, span_sub(in, 0, n));
	}
	return rc;
}

static void check_case(struct httpvec *v)
{
	struct httpscan whole, steps;
	char got[64];
	int rc = httpreq_read(v->text, &req), scan = scan_in_steps(&whole, v->text, v->text.n);

	if (rc == 0)
		snprintf(got, sizeof got, "fine");
	else
		snprintf(got, sizeof got, "%u/%s", req.status, http_refusal_name(req.refusal));
	if (strcmp(got, v->want) != 0)
		httpvec_fail(v, got);
	CHECK((rc == 0) == (req.refusal == HTTP_FINE) && (rc == 0) == (req.status == 0));
	CHECK(rc == 0 || (req.host.n == 0 && req.fields.n == 0 && req.path.n == 0));
	for (size_t step = 1; step < 40; step++) {
		CHECK_INT(scan_in_steps(&steps, v->text, step), scan);
		CHECK_INT(steps.refusal, whole.refusal);
	}
}

TEST(every_case_is_read_as_it_says)
{
	unsigned n = httpvec_each("tests/vectors/http/requests.txt", check_case);

	CHECK(n >= 220);
	printf("%u cases\n", n);
}

TEST(understands_a_request)
{
	static const char text[] = "GET /a%20b//c?x=1?y HTTP/1.1\r\nhOsT: \t A.Home.:8443 \r\nUser-Agent: curl\r\n"
				   "Accept:*/*\r\nCookie: a=b\r\n\r\n";

	CHECK_INT(read_str(text), 0);
	CHECK(req.method == HTTP_METHOD_GET && req.minor == 1 && req.keep && !req.expects_continue);
	CHECK(span_eq_str(req.method_name, "GET") && span_eq_str(req.target, "/a%20b//c?x=1?y"));
	CHECK(span_eq_str(req.path, "/a%20b//c") && req.has_query && span_eq_str(req.query, "x=1?y"));
	CHECK(span_eq_str(httphost_span(&req.host), "a.home") && req.host.port == 8443);
	CHECK(req.body.kind == HTTPBODY_NONE && req.fields.n == 4 && req.upgrade.n == 0);
	CHECK(span_eq_str(httpfields_named(&req.fields, "user-AGENT")->value, "curl"));
	CHECK(httpfields_first(&req.fields, FIELD_ACCEPT) == &req.fields.f[2]);
	CHECK(httpfields_first(&req.fields, FIELD_ORIGIN) == NULL && !httpfields_named(&req.fields, "Orig"));
}

TEST(targets_have_three_forms)
{
	CHECK_INT(read_str("GET http://a.example:80?q HTTP/1.1\r\nHost: A.example\r\n\r\n"), 0);
	CHECK(span_eq_str(req.path, "/") && span_eq_str(req.query, "q") && req.has_query);
	CHECK_INT(read_str("GET HTTP://a/x/y HTTP/1.1\r\nHost: a:80\r\n\r\n"), 0);
	CHECK(span_eq_str(req.path, "/x/y") && !req.has_query && req.host.port == 80);
	CHECK_INT(read_str("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	CHECK(req.asterisk && req.path.n == 0 && req.method == HTTP_METHOD_OPTIONS);
	CHECK_INT(read_str("GET /? HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	CHECK(req.has_query && req.query.n == 0);
	CHECK_INT(read_str("GET //b.example/x HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	CHECK(span_eq_str(req.path, "//b.example/x") && span_eq_str(httphost_span(&req.host), "a"));
}

TEST(methods_by_name)
{
	static const struct {
		const char *name;
		enum http_method method;
	} rows[] = {{"GET", HTTP_METHOD_GET}, {"HEAD", HTTP_METHOD_HEAD}, {"POST", HTTP_METHOD_POST},
		    {"PUT", HTTP_METHOD_PUT}, {"DELETE", HTTP_METHOD_DELETE}, {"OPTIONS", HTTP_METHOD_OPTIONS},
		    {"PATCH", HTTP_METHOD_PATCH}, {"PROPFIND", HTTP_METHOD_OTHER}, {"GETS", HTTP_METHOD_OTHER}};
	char text[80];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].name);
		CHECK_INT(read_str(text), 0);
		CHECK_INT(req.method, rows[i].method);
		CHECK(span_eq_str(req.method_name, rows[i].name));
	}
}

TEST(bodies_are_framed)
{
	CHECK_INT(read_str("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"), 0);
	CHECK(req.body.kind == HTTPBODY_LENGTH && req.body.length == 12 && req.body.has_length);
	CHECK_INT(read_str("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"), 0);
	CHECK(req.body.kind == HTTPBODY_CHUNKED && req.expects_continue);
	CHECK_INT(read_str("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"), 0);
	CHECK(req.body.kind == HTTPBODY_NONE && !req.expects_continue);
	CHECK_INT(read_str("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n"), 0);
	CHECK(req.body.kind == HTTPBODY_LENGTH && !req.expects_continue);
	CHECK_INT(read_str("PUT / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"), 0);
	CHECK(!req.expects_continue && !req.keep);
}

/* T-11: Connection takes out what it names, but never what says where the message ends or whom it is for. */
TEST(connection_names_what_goes_no_further)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-A: 1\r\nx-b: 2\r\nRemote-User: me\r\n"
				   "Connection: close, Remote-User, x-a, X-Forwarded-Host\r\nX-Forwarded-Host: b\r\n"
				   "Connection: host, content-length\r\nKeep-Alive: 5\r\n\r\n";
	static const struct {
		const char *name;
		unsigned class;
	} rows[] = {
		{"Host", FIELD_FRAMING},
		{"Content-Length", FIELD_FRAMING},
		{"X-A", FIELD_HOP | FIELD_LISTED},
		{"X-B", 0},
		{"Remote-User", FIELD_IDENTITY | FIELD_HOP | FIELD_LISTED},
		{"Connection", FIELD_HOP},
		{"X-Forwarded-Host", FIELD_IDENTITY | FIELD_HOP | FIELD_LISTED},
		{"Keep-Alive", FIELD_HOP},
	};

	NEED(read_str(text) == 0);
	CHECK(!req.keep && req.body.length == 3);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(httpfields_named(&req.fields, rows[i].name)->class, rows[i].class);
	CHECK_INT(httpfields_count(&req.fields, FIELD_CONNECTION), 2);
	CHECK(httpfields_list(&req.fields, FIELD_CONNECTION, "HOST"));
	CHECK(!httpfields_list(&req.fields, FIELD_CONNECTION, "x-b"));
}

TEST(an_upgrade_is_one_protocol_and_no_body)
{
	static const struct {
		const char *line, *fields, *upgrade;
		bool websocket;
	} rows[] = {
		{"GET / HTTP/1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n", "WebSocket", true},
		{"POST / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n", "websocket", false},
		{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n", "h2c", false},
		{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: SPDY/3.1\r\n", "SPDY/3.1", false},
		{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", "", false},
		{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade:\r\n", "", false},
		{"GET / HTTP/1.1", "Connection: upgrade\r\n", "", false},
		{"GET / HTTP/1.1", "Upgrade: websocket\r\n", "", false},
		{"GET / HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", "", false},
		{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", "", false},
		{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", "", false},
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof text, "%s\r\nHost: a\r\n%s\r\n", rows[i].line, rows[i].fields);
		CHECK_INT(read_str(text), 0);
		CHECK(span_eq_str(req.upgrade, rows[i].upgrade) && req.websocket == rows[i].websocket);
	}
}

TEST(what_was_asked_for_is_known_of_a_refused_one)
{
	CHECK_INT(read_str("GET /x?y HTTP/1.1\r\nHost : a\r\n\r\n"), -ZT_E_SYNTAX);
	CHECK(span_eq_str(req.method_name, "GET") && span_eq_str(req.target, "/x?y") && req.method == 0);
	CHECK_INT(read_str("BREW /x HTTP/3.0\r\n\r\n"), -ZT_E_UNKNOWN);
	CHECK(req.status == 505 && span_eq_str(req.method_name, "BREW"));
	CHECK_INT(read_str("G{T /x HTTP/1.1\r\n\r\n"), -ZT_E_SYNTAX);
	CHECK(req.method_name.n == 0 && req.target.n == 0);
}

/* ---- limits -------------------------------------------------------------------------------- */

static uint8_t mem[HTTP_HEAD + 80000];

/* "POST /aaa... HTTP/1.1", its line `line` bytes long, and a head of `head` bytes, or of the least. */
static struct span long_one(size_t line, size_t head)
{
	struct wr w = wr_of(mem, sizeof mem);

	wr_str(&w, "POST /");
	while (w.n < line - 11)
		wr_u8(&w, 'a');
	wr_str(&w, " HTTP/1.1\r\nHost: a\r\n");
	if (head)
		wr_str(&w, "A: ");
	while (w.n + 4 < head)
		wr_u8(&w, 'a');
	wr_str(&w, head ? "\r\n\r\n" : "\r\n");
	return wr_span(&w);
}

TEST(the_request_line_has_a_limit)
{
	struct httpscan s = {0};
	struct span in = long_one(HTTP_LINE, 0);

	CHECK_INT(httpreq_read(in, &req), 0);
	CHECK_INT(httpscan_more(&s, span_sub(in, 0, HTTP_LINE - 1)), ZT_MORE);
	in = long_one(HTTP_LINE + 1, 0);
	CHECK_INT(httpreq_read(in, &req), -ZT_E_TOOLONG);
	CHECK_INT(req.status, 414);
	s = (struct httpscan){0};
	CHECK_INT(httpscan_more(&s, span_sub(in, 0, HTTP_LINE)), -ZT_E_TOOLONG); /* its end is not among them */
	CHECK_INT(s.refusal, HTTPBAD_LONG_LINE);
	CHECK_INT(httpscan_more(&s, in), -ZT_E_TOOLONG);
}

TEST(the_head_has_a_limit)
{
	struct httpscan s = {0};
	struct span in = long_one(30, HTTP_HEAD);

	CHECK_INT(httpreq_read(in, &req), 0);
	CHECK_INT(httpscan_more(&s, span_sub(in, 0, HTTP_HEAD - 1)), ZT_MORE);
	CHECK_INT(httpscan_more(&s, in), HTTP_HEAD);
	in = long_one(30, HTTP_HEAD + 1);
	CHECK_INT(httpreq_read(in, &req), -ZT_E_TOOLONG);
	CHECK_INT(req.status, 431);
	s = (struct httpscan){0};
	CHECK_INT(httpscan_more(&s, span_sub(in, 0, HTTP_HEAD)), -ZT_E_TOOLONG);
	CHECK_INT(s.refusal, HTTPBAD_LONG_HEAD);
}

TEST(fields_have_a_limit)
{
	for (unsigned fields = HTTP_FIELDS; fields <= HTTP_FIELDS + 1; fields++) {
		struct wr w = wr_of(mem, sizeof mem);

		wr_str(&w, "GET / HTTP/1.1\r\nHost: a\r\n");
		for (unsigned i = 1; i < fields; i++)
			wr_str(&w, "A: b\r\n");
		wr_str(&w, "\r\n");
		CHECK_INT(httpreq_read(wr_span(&w), &req), fields == HTTP_FIELDS ? 0 : -ZT_E_TOOLONG);
		CHECK_INT(req.status, fields == HTTP_FIELDS ? 0 : 431);
	}
}

/* T-07: lengths around what eight and sixteen bits hold. */
TEST(a_long_name_is_no_short_one)
{
	static const size_t lengths[] = {255, 256, 257, 270, 8192, 65536, 65536 + 4};

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct wr w = wr_of(mem, sizeof mem);

		wr_str(&w, "GET / HTTP/1.1\r\nHost: a\r\n");
		for (size_t n = 0; n < lengths[i]; n++)
			wr_u8(&w, 'h');
		wr_str(&w, ": x\r\n\r\n");
		NEED(!w.full);
		CHECK_INT(httpreq_read(wr_span(&w), &req), lengths[i] > HTTP_HEAD ? -ZT_E_TOOLONG : 0);
		CHECK(req.fields.n == 0 || req.fields.f[1].name.n == lengths[i]);
	}
}

/* ---- no byte is read in two ways ----------------------------------------------------------- */

TEST(a_head_is_taken_whole_or_not_at_all)
{
	static const char text[] = "GET /a HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";

	for (size_t n = 0; n < sizeof text - 1; n++) {
		CHECK_INT(httpreq_read(span_of(text, n), &req), -ZT_E_SYNTAX);
		CHECK_INT(req.refusal, HTTPBAD_CUT);
	}
	CHECK_INT(read_str("GET /a HTTP/1.1\r\nHost: a\r\n\r\nX"), -ZT_E_SYNTAX);
	CHECK_INT(req.refusal, HTTPBAD_CUT);
}

TEST(a_changed_byte_never_moves_the_end)
{
	static const char good[] = "GET /c HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\nREST";
	uint8_t copy[sizeof good - 1];

	for (size_t at = 0; at < sizeof copy - 4; at++)
		for (unsigned c = 0; c < 256; c++) {
			struct httpscan s = {0};
			int rc;

			memcpy(copy, good, sizeof copy);
			copy[at] = (uint8_t)c;
			rc = httpscan_more(&s, span_of(copy, sizeof copy));
			CHECK(rc <= 0 || rc == (int)sizeof copy - 4);
			CHECK((rc < 0) == (s.refusal != HTTP_FINE));
		}
}

TEST(refusals_have_a_name_a_status_and_a_sentence)
{
	for (unsigned i = 1; i < HTTP_REFUSAL_COUNT; i++) {
		unsigned status = http_refusal_status(i);

		CHECK(status >= 400 && status < 600 && http_refusal_err(i) < 0);
		CHECK(strlen(http_refusal_text(i)) > 10);
		for (unsigned k = 0; k < i; k++)
			CHECK(strcmp(http_refusal_name(i), http_refusal_name(k)) != 0);
	}
	CHECK(http_refusal_status(HTTP_FINE) == 0 && http_refusal_err(HTTP_FINE) == 0);
}

/* docs/http.md lists each as the code has it, and no other. */
TEST(refusals_are_documented)
{
	char line[512], want[512];
	unsigned next = 1;
	FILE *f = fopen("docs/http.md", "r"); /* run from the top of the tree */

	NEED(f != NULL);
	while (fgets(line, sizeof line, f)) {
		if (!span_starts(span_str(line), "| `"))
			continue;
		snprintf(want, sizeof want, "| `%s` | %u | %s |\n", http_refusal_name(next), http_refusal_status(next),
			 http_refusal_text(next));
		CHECK_STR(line, want);
		next++;
	}
	fclose(f);
	CHECK_INT(next, HTTP_REFUSAL_COUNT);
}
