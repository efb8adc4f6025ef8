/* Answers of zt's own: read back by the strict reader, escaped, for people and for programs. */
#include "serve/answer.h"

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "tests/unit/unit.h"
#include "wire/frame.h"
#include "wire/httpresp.h"

static char out[ANSWER_MOST + 1];

/* Where the body begins. */
static const char *checked(const struct answer *a, const struct wr *w, struct httpresp *r)
{
	struct httpscan scan = {0};
	int head;

	out[w->n] = 0;
	head = httpscan_more(&scan, wr_span(w));
	CHECK(head > 0 && httpresp_read(span_sub(wr_span(w), 0, (size_t)head), (struct httpbody_asked){.head = a->head}, r) == 0);
	CHECK(a->head ? (size_t)head == w->n : r->body.length == w->n - (size_t)head);
	return head > 0 ? out + head : out;
}

static const struct answer denied = {.status = 403, .reason = "cert-needed", .words = "a certificate is needed",
				     .host = SPAN_LIT("nas.example.org"), .id = SPAN_LIT("r1"), .minor = 1, .keep = true};

TEST(programs_get_json_and_people_a_page)
{
	static const struct {
		const char *accept;
		bool page;
	} rows[] = {{"", false}, {"*/*", false}, {"application/json", false}, {"text/html", true},
		    {"application/xml, Text/HTML;q=0.9, */*", true}, {"text/htmlx", false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wr w = wr_of(out, ANSWER_MOST);
		struct answer a = denied;
		struct httpresp r;
		const char *body;

		a.accept = span_str(rows[i].accept);
		CHECK_INT(answer_write(&a, &w), 0);
		body = checked(&a, &w, &r);
		CHECK(r.status == 403 && r.keep);
		CHECK(span_eq_str(httpfields_named(&r.fields, "Cache-Control")->value, "no-store"));
		CHECK(span_eq_str(httpfields_named(&r.fields, "X-Request-Id")->value, "r1"));
		CHECK((strstr(body, "<!DOCTYPE html>") == body) == rows[i].page);
		if (!rows[i].page)
			CHECK_STR(body, "{\"status\":403,\"error\":\"Forbidden\",\"reason\":\"cert-needed\",\"message\":\"a certificate is "
					"needed\",\"host\":\"nas.example.org\",\"request_id\":\"r1\"}\n");
		else
			CHECK(strstr(body, "<h1>Forbidden</h1>") && strstr(body, "<p>A certificate is needed.</p>") && strstr(body, "<dd>r1</dd>") && strstr(body, "<dd>cert-needed</dd>"));
	}
}

/* What a browser compares: the text of the element, and the digest in the head. */
TEST(the_style_is_the_one_that_the_head_allows)
{
	struct wr w = wr_of(out, ANSWER_MOST);
	struct answer a = denied;
	struct httpresp r;
	uint8_t digest[SHA256_LEN];
	char text[CT_B64PAD_LEN(SHA256_LEN) + 1] = "";
	const char *body, *from, *to;

	a.accept = SPAN_LIT("text/html");
	a.words = "is it running?";
	CHECK_INT(answer_write(&a, &w), 0);
	body = checked(&a, &w, &r);
	from = strstr(body, "<style>");
	to = strstr(body, "</style>");
	NEED(from && to);
	sha256(span_of(from + 7, (size_t)(to - from) - 7), digest);
	ct_b64_encode(digest, sizeof digest, text);
	CHECK(strstr(out, text) && strstr(out, "style-src 'sha256-"));
	CHECK(strstr(body, "<p>Is it running?</p>") != NULL);
}

TEST(what_a_peer_wrote_is_text)
{
	struct answer a = denied;
	struct wr w = wr_of(out, ANSWER_MOST);
	struct httpresp r;
	const char *body;

	a.detail = SPAN_LIT("<script>&\"'\x1b[31m\xff\xc3\xa9\r\nX: y");
	a.host = SPAN_LIT("</dd><b>");
	a.id = SPAN_LIT("x\r\nSet-Cookie: a=b");
	a.accept = SPAN_LIT("text/html");
	CHECK_INT(answer_write(&a, &w), 0);
	body = checked(&a, &w, &r);
	CHECK(strstr(body, "&lt;script&gt;&amp;&quot;&#39;?[31m?\xc3\xa9??X: y") != NULL);
	CHECK(!strstr(body, "<script>") && !strstr(body, "<b>"));
	CHECK(httpfields_named(&r.fields, "X-Request-Id") == NULL && httpfields_named(&r.fields, "Set-Cookie") == NULL);
	a.accept = SPAN_NONE;
	w = wr_of(out, ANSWER_MOST);
	CHECK_INT(answer_write(&a, &w), 0);
	body = checked(&a, &w, &r);
	CHECK(strstr(body, "\\u001b[31m") && !strchr(body, '\r') && !strchr(body, '\x1b'));
}

TEST(the_longest_one_fits_and_a_shorter_room_takes_none)
{
	static char lots[4000];
	struct answer a = denied;
	struct httpresp r;
	size_t need = 0;

	memset(lots, '"', sizeof lots - 1);
	a.detail = a.host = span_str(lots);
	a.words = a.reason = lots;
	memset(lots + 2000, 'x', 1999);
	a.id = span_sub(span_str(lots), 2000, 1999);
	a.accept = SPAN_LIT("text/html");
	for (size_t cap = ANSWER_MOST + 1; cap-- > 0;) {
		struct wr w = wr_of(out, cap);
		int rc = answer_write(&a, &w);

		if (cap == ANSWER_MOST) {
			need = w.n;
			NEED(rc == 0);
			checked(&a, &w, &r);
		}
		CHECK(rc == (cap >= need ? 0 : -ZT_E_TOOLONG) && w.n == (rc ? 0 : need) && !w.full);
	}
}

TEST(retry_close_head_and_old_versions)
{
	struct answer a = denied;
	struct wr w = wr_of(out, ANSWER_MOST);
	struct httpresp r;

	answer_of_reset(RESET_DOWN, &a);
	a.head = true;
	a.keep = false;
	CHECK_INT(answer_write(&a, &w), 0);
	checked(&a, &w, &r);
	CHECK(r.status == 503 && !r.keep && r.body.length > 0);
	CHECK(span_eq_str(httpfields_named(&r.fields, "Retry-After")->value, "5"));
	a = denied;
	a.minor = 0;
	w = wr_of(out, ANSWER_MOST);
	CHECK_INT(answer_write(&a, &w), 0);
	checked(&a, &w, &r);
	CHECK(httpfields_list(&r.fields, FIELD_CONNECTION, "keep-alive"));
}

TEST(every_reset_has_an_answer)
{
#define X(id, value, name) {value, name},
	static const struct {
		unsigned code;
		const char *name;
	} rows[] = {FRAME_RESETS(X)};
#undef X
	struct answer a;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		a = (struct answer){0};
		answer_of_reset(rows[i].code, &a);
		CHECK_STR(a.reason, rows[i].name);
		CHECK(a.words && a.status >= 403 && a.status <= 504 && (a.status == 503) == (a.retry_s > 0));
	}
	answer_of_reset(RESET_TIMEOUT, &a);
	CHECK_INT(a.status, 504);
	answer_of_reset(RESET_REFUSED, &a);
	CHECK_INT(a.status, 502);
	answer_of_reset(0, &a);
	CHECK_INT(a.status, 502);
	answer_of_reset(65535, &a);
	CHECK_INT(a.status, 502);
}

TEST(answers_of_rules_and_of_port_80)
{
	struct answer a = denied;
	struct httpresp r;
	struct wr w;

	for (a.status = 0; a.status < 1000; a.status++) {
		w = wr_of(out, ANSWER_MOST);
		CHECK_INT(answer_status(&a, &w), 0);
		checked(&a, &w, &r);
		CHECK_INT(r.status, a.status < 200 || a.status > 599 ? 502 : a.status);
	}
	w = wr_of(out, ANSWER_MOST);
	CHECK_INT(answer_hello(&a, &w), 0);
	CHECK(strstr(checked(&a, &w, &r), "<h1>Hello, world</h1>") && r.status == 200);
	w = wr_of(out, ANSWER_MOST);
	CHECK_INT(answer_https(&a, SPAN_LIT("/a?b=c"), true, &w), 0);
	checked(&a, &w, &r);
	CHECK(r.status == 301 && span_eq_str(httpfields_first(&r.fields, FIELD_LOCATION)->value, "https://nas.example.org/a?b=c"));
	w = wr_of(out, ANSWER_MOST);
	CHECK_INT(answer_https(&a, SPAN_LIT("//evil.test/"), false, &w), 0);
	checked(&a, &w, &r);
	CHECK(r.status == 308 && span_eq_str(httpfields_first(&r.fields, FIELD_LOCATION)->value, "https://nas.example.org//evil.test/"));
	w = wr_of(out, ANSWER_MOST);
	CHECK_INT(answer_https(&a, SPAN_LIT("/a\r\nX: y"), true, &w), -ZT_E_SYNTAX);
	CHECK_INT(answer_https(&a, SPAN_LIT("@evil"), true, &w), -ZT_E_SYNTAX);
	CHECK(w.n == 0);
}
