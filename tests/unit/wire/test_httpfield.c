/* Field names and what they mean to a proxy: T-12, T-13; lists. */
#include "wire/httpfield.h"

#include "base/num.h"
#include "tests/unit/unit.h"

TEST(identity_is_known_in_every_spelling)
{
	static const char *const names[] = {
		"Remote-User", "Remote-Groups", "Remote-Email", "Remote-Name", "REMOTE-USER", "Remote_User", "remote.user",
		"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-User",
		"X_Forwarded_Proto", "X-Forwarded_For", "x.forwarded.for", "X-Forwarded", "Forwarded", "X-Real-IP",
		"X_Real_IP", "X-Zt-Assertion", "x_zt_user", "X-Client-IP", "Client-IP", "True-Client-IP",
		"X-Cluster-Client-Ip", "CF-Connecting-IP", "Cf-Access-Authenticated-User-Email", "Cf-Access-Jwt-Assertion",
		"X-Original-URL", "X-Original-URI", "X-Original-Method", "X-Rewrite-URL", "X-Auth-Request-User",
		"X-authentik-username", "X-WEBAUTH-USER", "X-Remote-User", "Tailscale-User-Login", "X-SSL-Client-Verify",
		"SSL-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "X-Request-Id", "X-Host", "Front-End-Https",
	};
	static const char *const others[] = {
		"Remote", "RemoteUser", "X-Forward", "Accept", "User-Agent", "X-Real", "Realip", "X-Ztx", "Client",
		"X-Requested-With", "Sec-WebSocket-Key", "Origin", "Referer", "Range", "", "X",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!(httpfield_class(span_str(names[i])) & FIELD_IDENTITY))
			unit_fail(__FILE__, __LINE__, "%s", names[i]);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (httpfield_class(span_str(others[i])))
			unit_fail(__FILE__, __LINE__, "%s", others[i]);
}

TEST(other_classes)
{
	static const struct {
		const char *name;
		unsigned class;
	} rows[] = {
		{"host", FIELD_FRAMING}, {"Content_Length", FIELD_FRAMING}, {"transfer.encoding", FIELD_FRAMING | FIELD_HOP},
		{"TE", FIELD_HOP}, {"trailer", FIELD_HOP}, {"Keep-Alive", FIELD_HOP}, {"proxy_connection", FIELD_HOP},
		{"UPGRADE", FIELD_HOP}, {"HTTP2-Settings", FIELD_HOP}, {"Proxy-Authenticate", FIELD_HOP},
		{"Proxy-Authorization", FIELD_HOP | FIELD_SECRET}, {"authorization", FIELD_SECRET},
		{"cookie", FIELD_SECRET}, {"Set-Cookie", FIELD_SECRET}, {"X-Api-Key", FIELD_SECRET},
		{"X-CSRF-Token", FIELD_SECRET}, {"X-Emby-Authorization", FIELD_SECRET},
		{"CF-Access-Client-Secret", FIELD_SECRET}, {"X-Zt-Assertion", FIELD_SECRET | FIELD_IDENTITY},
		{"alt-svc", FIELD_EDGE}, {"Accept", 0}, {"Tokens", 0}, {"Hosts", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(httpfield_class(span_str(rows[i].name)), rows[i].class);
}

TEST(ids_are_for_exact_names)
{
	CHECK_INT(httpfield_id(SPAN_LIT("hOST")), FIELD_HOST);
	CHECK_INT(httpfield_id(SPAN_LIT("Content_Length")), FIELD_OTHER);
	CHECK_INT(httpfield_id(SPAN_LIT("Hos")), FIELD_OTHER);
	CHECK_INT(httpfield_id(SPAN_LIT("")), FIELD_OTHER);
	for (unsigned i = 0; i < FIELD_OTHER; i++)
		CHECK_INT(httpfield_id(span_str(httpfield_name(i))), i);
	CHECK_STR(httpfield_name(FIELD_OTHER), "?");
}

/* RFC 9110 sections 5.1, 5.5 and 5.6.2, byte by byte. */
TEST(bytes_of_names_tokens_and_values)
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t b = (uint8_t)c;
		bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		CHECK(httpfield_name_ok(span_of(&b, 1)) == (alnum || c == '-'));
		CHECK(http_is_token(span_of(&b, 1)) == (alnum || (c && strchr("!#$%&'*+-.^_`|~", (int)c))));
		CHECK(httpfield_value_ok(span_of(&b, 1)) == (c == 9 || (c >= 32 && c != 127)));
	}
	CHECK(!httpfield_name_ok(SPAN_NONE) && !http_is_token(SPAN_NONE) && httpfield_value_ok(SPAN_NONE));
	CHECK(!httpfield_name_ok(SPAN_LIT("a b")) && !http_is_token(SPAN_LIT("a\0")));
}

TEST(lists_are_cut_at_commas_outside_quotes)
{
	static const char *const want[] = {"a", "b;q=\"x,\\\",y\"", "c d", "\"e, f"};
	struct span rest = SPAN_LIT(", a ,\t,b;q=\"x,\\\",y\", c d ,,\"e, f"), one;

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		CHECK(httpfield_next(&rest, &one) && span_eq_str(one, want[i]));
	CHECK(!httpfield_next(&rest, &one));
	CHECK(httpfield_lists(SPAN_LIT("keep-alive, UPGRADE"), "upgrade"));
	CHECK(!httpfield_lists(SPAN_LIT("upgraded, x-upgrade, \"upgrade\""), "upgrade"));
	rest = SPAN_LIT("\"\\");
	CHECK(httpfield_next(&rest, &one) && !httpfield_next(&rest, &one));
}
