/* Responses: every case of tests/vectors/http/responses.txt, and what is read from a good one. */
#include "wire/httpresp.h"

#include "base/num.h"
#include "tests/unit/httpvec.h"

static struct httpresp resp;

static void check_case(struct httpvec *v)
{
	static const char *const kinds[] = {"none", "length", "chunked", "close", "tunnel"};
	struct httpbody_asked asked = {.head = strcmp(v->id, "head") == 0, .upgrade = strcmp(v->id, "ws") == 0};
	int rc = httpresp_read(v->text, asked, &resp);
	char got[64];

	CHECK((rc == 0) == (resp.refusal == HTTP_FINE));
	if (rc == 0)
		snprintf(got, sizeof got, "%s%s", kinds[resp.body.kind], resp.keep ? "+" : "");
	else
		snprintf(got, sizeof got, "%s", http_refusal_name(resp.refusal));
	if (strcmp(got, v->want) != 0)
		httpvec_fail(v, got);
	CHECK(rc == 0 || (resp.status == 0 && resp.fields.n == 0));
	CHECK(rc < 0 || resp.interim == (resp.status < 200 && resp.status != 101));
}

TEST(every_case_is_read_as_it_says)
{
	unsigned n = httpvec_each("tests/vectors/http/responses.txt", check_case);

	CHECK(n >= 79);
	printf("%u cases\n", n);
}

TEST(understands_a_response)
{
	static const char text[] = "HTTP/1.1 304 Not  Modified\r\nSet-Cookie: a=b\r\nContent-Length: 7\r\nX_Y: z\r\n\r\n";

	NEED(httpresp_read(SPAN_LIT(text), (struct httpbody_asked){0}, &resp) == 0);
	CHECK(resp.status == 304 && resp.minor == 1 && span_eq_str(resp.reason, "Not  Modified"));
	CHECK(resp.body.kind == HTTPBODY_NONE && resp.body.has_length && resp.body.length == 7 && !resp.interim);
	CHECK(span_eq_str(httpfields_first(&resp.fields, FIELD_SET_COOKIE)->value, "a=b"));
	CHECK(span_eq_str(httpfields_named(&resp.fields, "x_y")->value, "z"));
}

TEST(a_change_of_protocol_names_it)
{
	static const char text[] = "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

	NEED(httpresp_read(SPAN_LIT(text), (struct httpbody_asked){.upgrade = true}, &resp) == 0);
	CHECK(span_eq_str(resp.upgrade, "websocket") && resp.body.kind == HTTPBODY_TUNNEL && !resp.interim);
}
