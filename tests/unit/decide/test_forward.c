/* Heads that go on: what is gone, what is added, in which order; T-11, T-12, T-13 and what a rule changes. */
#include "decide/forward.h"

#include "base/num.h"
#include "tests/unit/unit.h"

static char out[FORWARD_HEAD];
static struct httpreq req;
static struct httpresp resp;

static const char *forwarded(const char *head, const struct forward_rule *rule, int *rc)
{
	struct wr w = wr_of(out, sizeof out - 1);
	struct addr user;
	struct forward_request f = {.req = &req, .user = &user, .tls = true, .id = SPAN_LIT("r1"), .rule = rule};

	CHECK_INT(addr_parse_ip(SPAN_LIT("192.0.2.7"), &user), 0);
	CHECK_INT(httpreq_read(span_str(head), &req), 0);
	f.path = req.path;
	*rc = forward_request(&f, &w);
	CHECK(*rc == 0 || w.n == 0);
	out[w.n] = 0;
	return out;
}

#define OURS "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n" \
	     "X-Real-IP: 192.0.2.7\r\nX-Request-Id: r1\r\n"
#define BEGIN "GET /x HTTP/1.1\r\nHost: a.example\r\n" OURS

TEST(what_goes_to_the_origin)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"GET /x?q=1&r HTTP/1.1\r\nHost: A.Example\r\nAccept: */*\r\nX-a: b\r\n\r\n",
		 "GET /x?q=1&r HTTP/1.1\r\nHost: a.example\r\n" OURS "Accept: */*\r\nX-a: b\r\n\r\n"},
		/* T-11: what Connection lists is gone, and none of ours can be among it */
		{"GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close, Remote-User, X-Forwarded-Host, X-Real-IP, X-Mine\r\n"
		 "Remote-User: root\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\n\r\n",
		 BEGIN "\r\n"},
		/* T-12, T-13: the family, whoever says it and however it is spelled */
		{"GET /x HTTP/1.1\r\nHost: a.example\r\nRemote-Groups: admin\r\nREMOTE-USER: root\r\nX-Forwarded-For: 1.1.1.1\r\n"
		 "x-forwarded-proto: http\r\nForwarded: for=1.1.1.1\r\nCf-Access-Authenticated-User-Email: a@b\r\n"
		 "Client-Cert: x\r\nX-Zt-User: x\r\nX-Request-ID: theirs\r\nX-Real-Ip: 1.1.1.1\r\n\r\n",
		 BEGIN "\r\n"},
		{"GET /x HTTP/1.1\r\nHost: a.example\r\nCookie: a=b; zt_s=1; c=d\r\nCookie: __Host-zt=1\r\n\r\n",
		 BEGIN "Cookie: a=b; c=d\r\n\r\n"},
		{"POST /x HTTP/1.1\r\nHost: a.example:8443\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
		 "POST /x HTTP/1.1\r\nHost: a.example:8443\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
		 "X-Forwarded-Host: a.example:8443\r\nX-Real-IP: 192.0.2.7\r\nX-Request-Id: r1\r\nContent-Length: 12\r\n\r\n"},
		{"PUT /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Late\r\n\r\n",
		 "PUT /x HTTP/1.1\r\nHost: a.example\r\n" OURS "Transfer-Encoding: chunked\r\n\r\n"},
		{"POST /x HTTP/1.1\r\nHost: a.example\r\n\r\n",
		 "POST /x HTTP/1.1\r\nHost: a.example\r\n" OURS "Content-Length: 0\r\n\r\n"},
		{"GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
		 BEGIN "Sec-WebSocket-Version: 13\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
		/* behind h2c there would be requests that nobody decided about */
		{"GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
		 BEGIN "\r\n"},
		{"OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n" OURS "\r\n"},
		{"GET /x HTTP/1.0\r\nHost: a.example\r\n\r\n", BEGIN "\r\n"},
		{"GET /x? HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\n",
		 "GET /x? HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
		 "X-Forwarded-Host: [2001:db8::1]:8080\r\nX-Real-IP: 192.0.2.7\r\nX-Request-Id: r1\r\n\r\n"},
	};
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_STR(forwarded(rows[i].in, NULL, &rc), rows[i].want);
		CHECK_INT(rc, 0);
	}
}

TEST(a_rule_changes_the_head)
{
	const struct forward_field set[] = {{SPAN_LIT("X-Custom"), SPAN_LIT("v")}, {SPAN_LIT("x-forwarded-proto"), SPAN_LIT("http")}};
	const struct span remove[] = {SPAN_LIT("X-Forwarded-For"), SPAN_LIT("x_real_ip"), SPAN_LIT("Accept")};
	struct forward_rule r = {.host = SPAN_LIT("inner:80"), .strip_prefix = SPAN_LIT("/app"), .add_prefix = SPAN_LIT("/v1/"),
				 .set = set, .sets = 2, .remove = remove, .removes = 3};
	int rc;

	CHECK_STR(forwarded("GET /app/b HTTP/1.1\r\nHost: a.example\r\nAccept: x\r\nX-Custom: theirs\r\nB: c\r\n\r\n", &r, &rc),
		  "GET /v1/b HTTP/1.1\r\nHost: inner:80\r\nX-Forwarded-Host: a.example\r\nX-Request-Id: r1\r\nX-Custom: v\r\n"
		  "x-forwarded-proto: http\r\nB: c\r\n\r\n");
	CHECK_INT(rc, 0);
}

TEST(prefixes_are_whole_segments)
{
	static const struct {
		const char *strip, *add, *path, *want;
	} rows[] = {
		{"/app", "", "/app", "/"}, {"/app/", "", "/app", "/"}, {"/app", "", "/app/", "/"}, {"/app", "", "/app/x", "/x"},
		{"/app", "", "/apple", "/apple"}, {"/app", "", "/x/app", "/x/app"}, {"/", "", "/x", "/x"},
		{"", "/p", "/", "/p/"}, {"", "/p/", "/x", "/p/x"}, {"/a", "/b", "/a/x", "/b/x"}, {"", "", "/", "/"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct forward_rule r = {.strip_prefix = span_str(rows[i].strip), .add_prefix = span_str(rows[i].add)};
		struct wr w = wr_of(out, sizeof out);

		forward_path(&r, span_str(rows[i].path), &w);
		if (!span_eq_str(wr_span(&w), rows[i].want))
			unit_fail(__FILE__, __LINE__, "row %zu", i);
	}
}

TEST(what_may_not_stand_in_a_head_is_refused)
{
	static const struct forward_field bad[] = {
		{SPAN_LIT("X-A"), SPAN_LIT("b\r\nX-B: c")}, {SPAN_LIT("X A"), SPAN_LIT("b")}, {SPAN_LIT(""), SPAN_LIT("b")},
		{SPAN_LIT("Content-Length"), SPAN_LIT("5")}, {SPAN_LIT("Transfer-Encoding"), SPAN_LIT("chunked")},
		{SPAN_LIT("Connection"), SPAN_LIT("close")}, {SPAN_LIT("X-A"), SPAN_LIT("b\0c")}, {SPAN_LIT("Host"), SPAN_LIT("h")},
	};
	struct forward_rule r = {.host = SPAN_LIT("h\r\nA: b")};
	static const char plain[] = "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n";
	int rc;

	forwarded(plain, &r, &rc);
	CHECK_INT(rc, -ZT_E_SYNTAX);
	r = (struct forward_rule){.add_prefix = SPAN_LIT("/a b")};
	forwarded(plain, &r, &rc);
	CHECK_INT(rc, -ZT_E_SYNTAX);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		r = (struct forward_rule){.set = &bad[i], .sets = 1};
		forwarded(plain, &r, &rc);
		CHECK_INT(rc, -ZT_E_SYNTAX);
	}
}

TEST(without_a_host_nothing_goes_on)
{
	struct addr user = {0};
	struct wr w = wr_of(out, sizeof out);

	req = (struct httpreq){0};
	CHECK_INT(forward_request(&(struct forward_request){.req = &req, .user = &user}, &w), -ZT_E_MISSING);
	CHECK(w.n == 0);
}

/* All or nothing, whatever the room. */
TEST(too_little_room)
{
	struct addr user = {.family = 4, .ip = {192, 0, 2, 7}};
	struct forward_request f = {.req = &req, .user = &user, .tls = true};
	struct forward_reply g = {.resp = &resp, .minor = 1, .keep = true};
	struct forward_sent sent;
	size_t need[2] = {0};

	NEED(httpreq_read(SPAN_LIT("GET /x?y HTTP/1.1\r\nHost: a.example\r\nCookie: a=b; zt_x=1; c=d\r\nA: b\r\n\r\n"), &req) == 0);
	NEED(httpresp_read(SPAN_LIT("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n"), (struct httpbody_asked){0}, &resp) == 0);
	f.path = req.path;
	for (int reply = 0; reply < 2; reply++)
		for (size_t cap = 0; cap < 400; cap++) {
			struct wr w = wr_of(out, cap);
			int rc = reply ? forward_reply(&g, &w, &sent) : forward_request(&f, &w);

			if (rc == 0 && need[reply] == 0)
				need[reply] = w.n;
			CHECK(rc == (need[reply] ? 0 : -ZT_E_TOOLONG) && w.n == need[reply] && !w.full);
			CHECK(rc < 0 || need[reply] <= cap);
		}
	CHECK(need[0] > 100 && need[1] > 30);
}

/* ---- to the visitor ----------------------------------------------------------------------- */

TEST(what_goes_to_the_visitor)
{
	static const struct {
		const char *in, *want;
		struct httpbody_asked asked;
		uint8_t minor, body;
		bool keep, keeps;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\nConnection: close, X-L\r\nX-L: 1\r\nAlt-Svc: h3\r\n"
		 "Remote-User: root\r\nX-Request-Id: o\r\nSet-Cookie: zt_s=1\r\nSet-Cookie: __Host-zt=evil; Path=/\r\nSet-Cookie: a=b\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\nX-Request-Id: r1\r\nContent-Length: 5\r\n\r\n",
		 {0}, 1, HTTPBODY_LENGTH, true, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nTransfer-Encoding: chunked\r\n\r\n", {0}, 1, HTTPBODY_CHUNKED, true, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nConnection: close\r\n\r\n", {0}, 0, HTTPBODY_CLOSE, true, false},
		{"HTTP/1.0 200 OK\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nTransfer-Encoding: chunked\r\n\r\n", {0}, 1, HTTPBODY_CHUNKED, true, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", {0}, 0, HTTPBODY_LENGTH,
		 true, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", {0}, 1, HTTPBODY_LENGTH, false,
		 false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nContent-Length: 5\r\n\r\n",
		 {.head = true}, 1, HTTPBODY_NONE, true, true},
		{"HTTP/1.1 204 \r\n\r\n", "HTTP/1.1 204 \r\nX-Request-Id: r1\r\n\r\n", {0}, 1, HTTPBODY_NONE, true, true},
		{"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
		 "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nX-Request-Id: r1\r\n\r\n", {0}, 1, HTTPBODY_NONE, true, true},
		{"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: zt_s=1\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
		 {0}, 1, HTTPBODY_NONE, true, true},
		{"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
		 "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nX-Request-Id: r1\r\nConnection: Upgrade\r\n"
		 "Upgrade: websocket\r\n\r\n", {.upgrade = true}, 1, HTTPBODY_TUNNEL, true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct forward_reply f = {.resp = &resp, .minor = rows[i].minor, .keep = rows[i].keep, .id = SPAN_LIT("r1")};
		struct wr w = wr_of(out, sizeof out - 1);
		struct forward_sent sent;

		if (rows[i].asked.upgrade)
			f.upgrade = SPAN_LIT("websocket");
		CHECK_INT(httpresp_read(span_str(rows[i].in), rows[i].asked, &resp), 0);
		CHECK_INT(forward_reply(&f, &w, &sent), 0);
		out[w.n] = 0;
		CHECK_STR(out, rows[i].want);
		CHECK(sent.body == rows[i].body && sent.keep == rows[i].keeps);
	}
}

TEST(replies_that_nobody_asked_for)
{
	struct forward_reply f = {.resp = &resp, .minor = 1, .upgrade = SPAN_LIT("websocket")};
	struct wr w = wr_of(out, sizeof out);
	struct forward_sent sent;

	NEED(httpresp_read(SPAN_LIT("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
			   (struct httpbody_asked){.upgrade = true}, &resp) == 0);
	CHECK_INT(forward_reply(&f, &w, &sent), -ZT_E_SYNTAX);
	f.upgrade = SPAN_NONE;
	CHECK_INT(forward_reply(&f, &w, &sent), -ZT_E_SYNTAX);
	NEED(httpresp_read(SPAN_LIT("HTTP/1.1 103 x\r\n\r\n"), (struct httpbody_asked){0}, &resp) == 0);
	f.minor = 0;
	CHECK_INT(forward_reply(&f, &w, &sent), -ZT_E_SYNTAX);
	CHECK(w.n == 0);
}
