/* Hosts: every case of tests/vectors/http/hosts.txt. */
#include "wire/httphost.h"

#include "tests/unit/httpvec.h"

static void check_case(struct httpvec *v)
{
	struct httphost h, again;
	char got[64], port[8] = "";
	int rc = httphost_read(v->text, &h);

	if (h.port)
		snprintf(port, sizeof port, "!%u", h.port);
	if (rc < 0)
		snprintf(got, sizeof got, "no");
	else
		snprintf(got, sizeof got, "%s=%.40s%s", h.kind == HTTPHOST_IP ? "ip" : "name", h.text, port);
	if (strcmp(got, v->want) != 0)
		httpvec_fail(v, got);
	CHECK(rc == 0 || (rc == -ZT_E_SYNTAX && h.kind == HTTPHOST_NONE && h.n == 0 && h.port == 0));
	CHECK(strlen(h.text) == h.n);
	if (rc == 0 && h.kind == HTTPHOST_NAME)
		CHECK(httphost_read(httphost_span(&h), &again) == 0 && httphost_same(&h, &again));
}

TEST(every_case_is_read_as_it_says)
{
	unsigned n = httpvec_each("tests/vectors/http/hosts.txt", check_case);

	CHECK(n >= 71);
	printf("%u cases\n", n);
}

TEST(names_have_a_limit)
{
	struct httphost h;
	char text[400];
	size_t n = 0;

	while (n < 252)
		n += (size_t)snprintf(text + n, sizeof text - n, "abcdefghijk.");
	text[n] = 'z';
	CHECK_INT(httphost_read(span_of(text, 253), &h), 0);
	CHECK_INT(h.n, 253);
	text[253] = '.';
	CHECK_INT(httphost_read(span_of(text, 254), &h), 0);
	CHECK_INT(h.n, 253);
	text[253] = 'z';
	CHECK_INT(httphost_read(span_of(text, 254), &h), -ZT_E_SYNTAX);
}

TEST(the_same_host_is_the_same)
{
	struct httphost a, b, none = {0};

	NEED(httphost_read(SPAN_LIT("A.example.:80"), &a) == 0 && httphost_read(SPAN_LIT("a.EXAMPLE"), &b) == 0);
	CHECK(httphost_same(&a, &b) && !httphost_same(&a, &none) && !httphost_same(&none, &none));
	NEED(httphost_read(SPAN_LIT("b.example"), &b) == 0);
	CHECK(!httphost_same(&a, &b));
	NEED(httphost_read(SPAN_LIT("[::ffff:192.0.2.1]"), &a) == 0 && httphost_read(SPAN_LIT("192.0.2.1"), &b) == 0);
	CHECK(httphost_same(&a, &b));
}
