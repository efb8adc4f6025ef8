/* Requests of machines: what is understood, and that everything else is refused as early as it is known. */
#include "wire/httpget.h"

#include "base/num.h"
#include "tests/unit/unit.h"

static int read_str(const char *s, struct httpget *g)
{
	return httpget_read(span_str(s), g);
}

TEST(understands_a_request)
{
	static const char text[] = "GET /crl/infra.crl?since=12&x=y HTTP/1.1\r\nUser-Agent: curl/7.88 \xc3\xa9\r\n"
				   "hOsT: \t ca.home:8080 \r\nContent-Length: 0\r\nX-Empty:\r\n\r\n";
	struct span v;
	struct httpget g;

	CHECK_INT(read_str(text, &g), sizeof text - 1);
	CHECK(!g.head && g.minor == 1 && g.status == 0);
	CHECK(span_eq_str(g.path, "/crl/infra.crl") && span_eq_str(g.query, "since=12&x=y"));
	CHECK(span_eq_str(g.host, "ca.home:8080"));
	CHECK(httpget_param(&g, "since", &v) && span_eq_str(v, "12"));
	CHECK(httpget_param(&g, "x", &v) && span_eq_str(v, "y"));
	CHECK(!httpget_param(&g, "sinc", &v) && v.n == 0);
	CHECK_INT(read_str("HEAD / HTTP/1.0\r\n\r\nGET /second HTTP/1.0\r\n\r\n", &g), 19);
	CHECK(g.head && g.minor == 0 && span_eq_str(g.path, "/") && g.query.n == 0 && g.host.n == 0);
	CHECK_INT(read_str("GET /? HTTP/1.1\r\nHost:\r\n\r\n", &g), 26);
	CHECK(span_eq_str(g.path, "/") && g.query.n == 0);
	CHECK_INT(read_str("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &g), 34);
	CHECK(span_eq_str(g.host, "[::1]:80"));
}

TEST(a_parameter_is_there_once)
{
	struct httpget g;
	struct span v;

	NEED(read_str("GET /?a=1&b&a=2&c=&=d HTTP/1.0\r\n\r\n", &g) > 0);
	CHECK(!httpget_param(&g, "a", &v) && v.n == 0);
	CHECK(!httpget_param(&g, "b", &v));
	CHECK(httpget_param(&g, "c", &v) && v.n == 0);
	CHECK(httpget_param(&g, "", &v) && span_eq_str(v, "d"));
}

/* Whatever is cut off may come yet, byte by byte. */
TEST(every_beginning_of_a_good_one_is_waited_for)
{
	static const char text[] = "HEAD /status?since=7 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n";
	struct httpget g;

	for (size_t n = 0; n < sizeof text - 1; n++) {
		CHECK_INT(httpget_read(span_of(text, n), &g), ZT_MORE);
		CHECK(g.status == 0 && g.path.n == 0);
	}
	CHECK_INT(read_str(text, &g), sizeof text - 1);
}

struct refused {
	unsigned status;
	const char *text;
};

static void all_refused(const struct refused *rows, size_t n)
{
	struct httpget g;

	for (size_t i = 0; i < n; i++) {
		int rc = read_str(rows[i].text, &g);

		CHECK(rc < 0 && rc == (rows[i].status == 400 ? -ZT_E_SYNTAX : -ZT_E_UNKNOWN));
		if (g.status != rows[i].status || g.path.n || g.host.n)
			unit_fail(__FILE__, __LINE__, "%s: %u, not %u", rows[i].text, g.status, rows[i].status);
	}
}

TEST(refuses_every_other_first_line)
{
	static const struct refused rows[] = {
		{400, "\r\nGET / HTTP/1.0\r\n\r\n"},
		{400, "GET / HTTP/1.0\n\n"},
		{400, "GET  / HTTP/1.0\r\n\r\n"},
		{400, "GET / HTTP/1.0 \r\n\r\n"},
		{400, " GET / HTTP/1.0\r\n\r\n"},
		{400, "GET /\r\n\r\n"},
		{400, "get / HTTP/1.0\r\n\r\n"},
		{400, "GET\t/ HTTP/1.0\r\n\r\n"},
		{400, "GET http://h/ HTTP/1.0\r\n\r\n"},
		{400, "GET * HTTP/1.0\r\n\r\n"},
		{400, "GET crl HTTP/1.0\r\n\r\n"},
		{400, "GET /%63rl HTTP/1.0\r\n\r\n"},
		{400, "GET /a#b HTTP/1.0\r\n\r\n"},
		{400, "GET /a\\b HTTP/1.0\r\n\r\n"},
		{400, "GET /a?b?c HTTP/1.0\r\n\r\n"},
		{400, "GET /a?b=/ HTTP/1.0\r\n\r\n"},
		{400, "GET /\xc3\xa9 HTTP/1.0\r\n\r\n"},
		{400, "GET / HTTP/1.00\r\n\r\n"},
		{400, "GET / HTTP/1,0\r\n\r\n"},
		{400, "GET / http/1.0\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n\r\n"},
		{405, "POST / HTTP/1.1\r\n"},
		{405, "GETS / HTTP/1.1\r\n"},
		{405, "HEAD"  "ER / HTTP/1.1\r\n"},
		{405, "OPTIONS * HTTP/1.1\r\n"},
		{505, "GET / HTTP/1.2\r\n"},
		{505, "GET / HTTP/2.0\r\n"},
		{505, "GET / HTTP/0.9\r\n"},
		{505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		/* TLS where plain HTTP is spoken */
		{400, "\x16\x03\x01\x02"},
	};

	all_refused(rows, ARRAY_LEN(rows));
}

TEST(refuses_fields_that_could_be_meant_otherwise)
{
	static const struct refused rows[] = {
		{400, "GET / HTTP/1.0\r\nA: b\n\r\n"},
		{400, "GET / HTTP/1.0\r\nA: b\rc\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\n Host: a\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nA\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\n: b\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nA_B: c\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nContent-Length: 00\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nContent-Length: +0\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nContent-Length: 0, 0\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nContent-Length:\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{400, "GET / HTTP/1.0\r\ntransfer-encoding:\r\n\r\n"},
	};

	all_refused(rows, ARRAY_LEN(rows));
}

TEST(a_nul_and_every_control_byte_are_refused_at_once)
{
	char text[] = "GET /a HTTP/1.0\r\nA: b?";
	struct httpget g;

	for (unsigned c = 0; c < 0x20; c++) {
		text[sizeof text - 2] = (char)c;
		CHECK_INT(httpget_read(span_of(text, sizeof text - 1), &g),
			  c == '\t' || c == '\r' ? ZT_MORE : -ZT_E_SYNTAX);
	}
	text[sizeof text - 2] = 0x7f;
	CHECK_INT(httpget_read(span_of(text, sizeof text - 1), &g), -ZT_E_SYNTAX);
	CHECK_INT(httpget_read(SPAN_LIT("GE\0"), &g), -ZT_E_SYNTAX);
}

TEST(the_request_line_has_a_limit)
{
	uint8_t mem[HTTPGET_LINE + 64];
	struct httpget g;

	for (size_t extra = 0; extra < 2; extra++) {
		struct wr w = wr_of(mem, sizeof mem);

		wr_str(&w, "GET /");
		while (w.n < HTTPGET_LINE + extra - 11)
			wr_u8(&w, 'a');
		wr_str(&w, " HTTP/1.0\r\n\r\n");
		NEED(!w.full && w.n == HTTPGET_LINE + extra + 2);
		CHECK_INT(httpget_read(wr_span(&w), &g), extra ? -ZT_E_TOOLONG : HTTPGET_LINE + 2);
		CHECK_INT(g.status, extra ? 414 : 0);
		CHECK_INT(httpget_read(span_of(mem, HTTPGET_LINE - 1), &g), ZT_MORE);
	}
	CHECK_INT(httpget_read(span_of(mem, HTTPGET_LINE), &g), -ZT_E_TOOLONG); /* no end among the first 1,024 */
	CHECK_INT(g.status, 414);
}

TEST(the_head_has_a_limit)
{
	uint8_t mem[HTTPGET_HEAD + 64];
	struct httpget g;

	for (size_t extra = 0; extra < 2; extra++) {
		struct wr w = wr_of(mem, sizeof mem);

		wr_str(&w, "GET / HTTP/1.0\r\nA: ");
		while (w.n < HTTPGET_HEAD + extra - 4)
			wr_u8(&w, 'a');
		wr_str(&w, "\r\n\r\n");
		NEED(!w.full && w.n == HTTPGET_HEAD + extra);
		CHECK_INT(httpget_read(span_of(mem, HTTPGET_HEAD - 1), &g), ZT_MORE);
		CHECK_INT(httpget_read(wr_span(&w), &g), extra ? -ZT_E_TOOLONG : HTTPGET_HEAD);
		CHECK_INT(g.status, extra ? 431 : 0);
	}
}

/* No byte of a good one can be changed so that the same path is read from a head of another length. */
TEST(a_changed_byte_never_moves_the_end)
{
	static const char good[] = "GET /crl HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\nREST";
	uint8_t mem[sizeof good - 1];
	struct httpget g;

	for (size_t at = 0; at < sizeof mem - 4; at++)
		for (unsigned c = 0; c < 256; c++) {
			int rc;

			memcpy(mem, good, sizeof mem);
			mem[at] = (uint8_t)c;
			rc = httpget_read(span_of(mem, sizeof mem), &g);
			CHECK(rc <= 0 || rc == (int)sizeof mem - 4);
			CHECK((rc < 0) == (g.status != 0));
		}
}
