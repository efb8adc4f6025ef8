/* The evaluator: every reason, the order of the stages, what a stranger learns, and the trace. */
#include "decide/policy.h"

#include "base/num.h"
#include "decide/certrole.h"
#include "tests/unit/unit.h"

#define LIST(...)                                                                                  \
	((struct conf_list){sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                \
			    (const char *[]){__VA_ARGS__}})
#define NOW 1800000000

enum { PUBLIC, SECRET, BARE, WILD };
static const char *const public_names[] = {"www.example.org"}, *const secret_names[] = {"nas.example.org"},
			 *const bare_names[] = {"bare.example.org"}, *const wild_names[] = {"*.example.org"},
			 *const origin_texts[] = {"https://friend.test"};
static const struct conf_list names[] = {{1, (void *)public_names}, {1, (void *)secret_names}, {1, (void *)bare_names},
					 {1, (void *)wild_names}},
			      origins = {1, (void *)origin_texts};
static const struct policy_host hosts[] = {
	[PUBLIC] = {.id = "www", .names = &names[0], .access = ACCESS_PUBLIC, .max_body = 1000},
	[SECRET] = {.id = "nas", .names = &names[1], .access = ACCESS_CERT, .roles = 1u << ROLE_DEVICE, .origins = &origins},
	[BARE] = {.id = "bare", .names = &names[2]},
	[WILD] = {.id = "wild", .names = &names[3], .access = ACCESS_PUBLIC},
};
static const struct policy_rules rules = {hosts, ARRAY_LEN(hosts)};

static struct policy_request to(unsigned plan)
{
	static const char *const names_of[] = {"www.example.org", "nas.example.org", "bare.example.org", "any.example.org"};

	return (struct policy_request){.host = span_str(names_of[plan]), .path = SPAN_LIT("/"), .method = SPAN_LIT("GET"),
				       .tls = true, .plan = plan, .now = NOW};
}

static struct policy_request with_cert(unsigned plan)
{
	struct policy_request q = to(plan);

	q.cert = (struct policy_cert){.presented = true, .verified = true, .role = ROLE_DEVICE, .id = "phone", .listed = true,
				      .status = STATUS_YES, .not_before = NOW - 10, .not_after = NOW + 10};
	return q;
}

static enum policy_reason asked(const struct policy_request *q)
{
	uint8_t mem[POLICY_TRACE];
	struct wr w = wr_of(mem, sizeof mem);
	struct policy_answer a, again;

	policy_decide(&rules, q, &a, &w);
	policy_decide(&rules, q, &again, NULL);
	CHECK(!w.full && w.n > 0);
	CHECK(a.reason == again.reason && a.allow == again.allow && a.who == again.who && a.host == again.host);
	CHECK(a.allow == (a.reason == POLICY_ALLOWED) && a.status == policy_status(a.reason));
	CHECK((a.status == 421) <= a.close);
	return a.reason;
}

TEST(who_has_no_line_gets_nothing_and_who_has_one_gets_in)
{
	struct policy_request q = to(PUBLIC);

	CHECK_INT(asked(&q), POLICY_ALLOWED);
	q = to(WILD);
	CHECK_INT(asked(&q), POLICY_ALLOWED);
	q = to(BARE);
	CHECK_INT(asked(&q), POLICY_NO_ACCESS);
	q = with_cert(BARE);
	CHECK_INT(asked(&q), POLICY_NO_ACCESS);
	q = to(SECRET);
	CHECK_INT(asked(&q), POLICY_CERT_NEEDED);
	q = with_cert(SECRET);
	CHECK_INT(asked(&q), POLICY_ALLOWED);
}

/* T-20 as the evaluator sees it: whatever the Host says, the plan of the connection stays. */
TEST(t20_a_name_of_another_plan_is_misdirected)
{
	static const struct {
		unsigned plan;
		const char *host;
		enum policy_reason want;
	} rows[] = {
		{PUBLIC, "nas.example.org", POLICY_MISDIRECTED},
		{PUBLIC, "NAS.example.org", POLICY_MISDIRECTED},
		{PUBLIC, "nas.example.org.", POLICY_MISDIRECTED},
		{WILD, "nas.example.org", POLICY_MISDIRECTED},   /* an exact name beats the wildcard */
		{WILD, "www.example.org", POLICY_MISDIRECTED},
		{SECRET, "www.example.org", POLICY_MISDIRECTED},
		{SECRET, "any.example.org", POLICY_MISDIRECTED},
		{WILD, "a.any.example.org", POLICY_NO_HOST},
		{PUBLIC, "example.org", POLICY_NO_HOST},
		{PUBLIC, "192.0.2.1", POLICY_NO_HOST},
		{PUBLIC, "", POLICY_NO_HOST},
		{99, "www.example.org", POLICY_MISDIRECTED},
		{WILD, "other.example.org", POLICY_ALLOWED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_request q = with_cert(PUBLIC);

		q.plan = rows[i].plan;
		q.host = span_str(rows[i].host);
		if (asked(&q) != rows[i].want)
			unit_fail(__FILE__, __LINE__, "row %zu: %s", i, policy_name(asked(&q)));
	}
}

TEST(a_certificate_counts_or_says_why_not)
{
	static const struct {
		enum status_verdict status;
		enum policy_reason want;
	} rows[] = {
		{STATUS_NO_LIST, POLICY_NO_LIST}, {STATUS_IS_STALE, POLICY_STALE}, {STATUS_NOT_KNOWN, POLICY_CERT_UNKNOWN},
		{STATUS_IS_SUSPENDED, POLICY_CERT_SUSPENDED}, {STATUS_IS_REVOKED, POLICY_CERT_REVOKED},
		{STATUS_VERDICT_COUNT, POLICY_CERT_UNKNOWN},
	};
	struct policy_request q = with_cert(SECRET);

	q.cert.verified = false;
	CHECK_INT(asked(&q), POLICY_CERT_UNTRUSTED);
	q = with_cert(SECRET);
	q.now += 11;
	CHECK_INT(asked(&q), POLICY_CERT_EXPIRED);
	q.now = NOW - 11;
	CHECK_INT(asked(&q), POLICY_CERT_EXPIRED);
	for (unsigned role = 0; role < 40; role++) {
		q = with_cert(SECRET);
		q.cert.role = role;
		CHECK_INT(asked(&q), role == ROLE_DEVICE ? POLICY_ALLOWED : POLICY_CERT_ROLE);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_answer a;

		q = with_cert(SECRET);
		q.cert.status = rows[i].status;
		CHECK_INT(asked(&q), rows[i].want);
		/* Revoked is never "verified", where nobody asks for one either. */
		q = with_cert(PUBLIC);
		q.cert.status = rows[i].status;
		policy_decide(&rules, &q, &a, NULL);
		CHECK(a.allow && a.who == WHO_ANYBODY && a.cert == rows[i].want);
	}
	/* Of an authority that no list speaks of, the chain is all there is. */
	q = with_cert(SECRET);
	q.cert.listed = false;
	q.cert.status = STATUS_IS_REVOKED;
	CHECK_INT(asked(&q), POLICY_ALLOWED);
}

TEST(t34_pages_of_other_sites_open_no_websocket)
{
	static const struct {
		const char *origin;
		bool good;
	} rows[] = {
		{"", true}, /* no browser */
		{"https://nas.example.org", true},
		{"https://NAS.example.org:8443", true},
		{"https://friend.test", true},
		{"http://nas.example.org", false},
		{"https://www.example.org", false},
		{"https://nas.example.org.evil.test", false},
		{"https://evil.test/nas.example.org", false},
		{"https://nas.example.org:x", false},
		{"https://nas.example.org@evil.test", false},
		{"https://", false},
		{"null", false},
		{"https://friend.test.evil.test", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_request q = with_cert(SECRET);

		q.upgrade = true;
		q.origin = span_str(rows[i].origin);
		if (asked(&q) != (rows[i].good ? POLICY_ALLOWED : POLICY_ORIGIN))
			unit_fail(__FILE__, __LINE__, "%s", rows[i].origin);
		q.upgrade = false;
		CHECK_INT(asked(&q), POLICY_ALLOWED);
	}
}

TEST(routes_and_limits)
{
	static const uint8_t want[ROUTES] = {
		[ROUTE_UNASKED] = POLICY_ALLOWED, [ROUTE_LOCAL] = POLICY_ALLOWED, [ROUTE_CONNECTOR] = POLICY_ALLOWED,
		[ROUTE_ANSWER] = POLICY_ALLOWED, [ROUTE_NONE] = POLICY_NO_ROUTE, [ROUTE_NOT_GRANTED] = POLICY_NOT_GRANTED,
		[ROUTE_NO_CONNECTOR] = POLICY_NO_CONNECTOR, [ROUTE_ORIGIN_DOWN] = POLICY_ORIGIN_DOWN,
	};
	struct policy_request q;

	for (unsigned r = 0; r < ROUTES; r++) {
		q = to(PUBLIC);
		q.route = (enum policy_route)r;
		CHECK_INT(asked(&q), want[r]);
	}
	q.route = (enum policy_route)99;
	CHECK_INT(asked(&q), POLICY_NO_ROUTE);
	q = to(PUBLIC);
	q.body = 1000;
	CHECK_INT(asked(&q), POLICY_ALLOWED);
	q.body = 1001;
	CHECK_INT(asked(&q), POLICY_TOO_LARGE);
	q.body = POLICY_BODY_UNKNOWN;
	CHECK_INT(asked(&q), POLICY_ALLOWED);
	q = to(WILD);
	q.body = 1 << 30;
	CHECK_INT(asked(&q), POLICY_ALLOWED);
	q.host = SPAN_LIT("www.example.org"); /* whose limit is nobody's business on this connection */
	CHECK_INT(asked(&q), POLICY_MISDIRECTED);
}

/* A request that breaks the rules of stages i and all later ones is answered by stage i. */
TEST(the_order_of_the_stages)
{
	static const enum policy_reason order[] = {POLICY_DRAINING, POLICY_RATE, POLICY_TOO_LARGE, POLICY_BANNED, POLICY_PLAIN,
						   POLICY_MISDIRECTED, POLICY_CERT_NEEDED, POLICY_NO_ROUTE, POLICY_ALLOWED};

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct policy_request q = to(i <= 2 ? PUBLIC : i <= 6 ? SECRET : WILD);

		q.draining = i < 1;
		q.over_rate = i < 2;
		q.body = i < 3 ? 2000 : 0;
		q.banned_until = i < 4 ? NOW + 1 : NOW;
		q.tls = i >= 5;
		if (i < 6 && i > 2)
			q.plan = WILD;
		q.route = i < 8 ? ROUTE_NONE : ROUTE_LOCAL;
		CHECK_INT(asked(&q), order[i]);
	}
}

TEST(the_table_is_whole)
{
	for (enum policy_reason r = 0; r < POLICY_REASON_COUNT; r++) {
		enum policy_reason shown = policy_shown(r);

		CHECK(policy_name(r)[0] && policy_text(r)[0]);
		CHECK((r == POLICY_ALLOWED) == (policy_status(r) < 400));
		CHECK(policy_again(r) == (policy_status(r) == 503 || policy_status(r) == 429));
		/* Told apart by its status it would not be hidden. */
		CHECK_INT(policy_status(shown), policy_status(r));
		CHECK_INT(policy_shown(shown), shown);
		for (enum policy_reason q = 0; q < r; q++)
			CHECK(strcmp(policy_name(q), policy_name(r)) != 0);
	}
	CHECK_INT(policy_shown(POLICY_NO_HOST), POLICY_MISDIRECTED);
	CHECK_INT(policy_shown(POLICY_CERT_REVOKED), POLICY_CERT_NEEDED);
	CHECK_INT(policy_shown(POLICY_NO_ACCESS), POLICY_CERT_NEEDED);
}

static const char *traced(const struct policy_request *q, char *out, size_t cap)
{
	struct policy_answer a;
	struct wr w = wr_of(out, cap - 1);

	policy_decide(&rules, q, &a, &w);
	out[w.n] = 0;
	return out;
}

TEST(the_trace_says_each_stage)
{
	struct policy_request q = with_cert(SECRET);
	char mem[POLICY_TRACE];

	CHECK_STR(traced(&q, mem, sizeof mem),
		  "limits: pass\nbans: pass\ntls: host nas for nas.example.org\nrules: pass\n"
		  "identity: certificate phone counts\naccess: access = cert\ncache: pass\nroute: pass\n");
	q.cert.status = STATUS_IS_REVOKED;
	CHECK_STR(traced(&q, mem, sizeof mem),
		  "limits: pass\nbans: pass\ntls: host nas for nas.example.org\nrules: pass\n"
		  "identity: anybody: the certificate is revoked\naccess: REFUSED: the certificate is revoked\n");
	q = with_cert(WILD);
	q.cert.id = "a\nroute: pass\x1b[31m";
	traced(&q, mem, sizeof mem);
	CHECK(strstr(mem, "certificate a\\nroute: pass\\u001b[31m counts\n") != NULL);
	CHECK_STR(traced(&q, mem, 8), "limits"); /* cut off, and no harm done */
}
