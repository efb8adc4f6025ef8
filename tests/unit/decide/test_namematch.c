/* Who is meant by a pattern: the same for everybody who asks. T-23: TLS plans, hosts and grants here, certificates
 * in test_leaf.c. */
#include "decide/grant.h"
#include "decide/policy.h"
#include "decide/tlsplan.h"
#include "name_vectors.h"
#include "tests/unit/unit.h"

#include "base/num.h"

#define LIST(...)                                                                                  \
	((struct conf_list){sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                \
			    (const char *[]){__VA_ARGS__}})

static bool plan_takes(const struct conf_list *names, const char *name)
{
	static struct tls_plan plan;
	static struct hello h;
	struct conf_list none = {0};
	struct span alpn;
	unsigned fault;

	plan.servers = 1;
	plan.server[0] = (struct tls_server_plan){.names = names, .alpn = &none};
	h = (struct hello){.offers_tls12 = true};
	if (span_to_cstr(span_str(name), h.name, sizeof h.name) < 0)
		return false;
	return tls_pick(&plan, &h, &alpn, &fault) == 0;
}

TEST(t23_all_callers_agree)
{
	struct conf_list ids = LIST("c1");

	for (size_t i = 0; i < ARRAY_LEN(name_vectors); i++) {
		const struct name_vector *v = &name_vectors[i];
		struct conf_list names = LIST(v->pattern);
		struct policy_host host = {.id = "h", .names = &names};
		struct policy_rules rules = {.host = &host, .hosts = 1};
		struct grant g = {"g", &ids, &names, NULL, NULL};
		struct span name = span_str(v->name);

		if (name_matches(span_str(v->pattern), name) != v->match)
			unit_fail(__FILE__, __LINE__, "function: %s for %s", v->pattern, v->name);
		if ((policy_host_of(&rules, name) == 0) != v->match)
			unit_fail(__FILE__, __LINE__, "host: %s for %s", v->pattern, v->name);
		if ((grant_for(&g, 1, SPAN_LIT("c1"), name) != NULL) != v->match)
			unit_fail(__FILE__, __LINE__, "grant: %s for %s", v->pattern, v->name);
		if (name.n && plan_takes(&names, v->name) != v->match)
			unit_fail(__FILE__, __LINE__, "plan: %s for %s", v->pattern, v->name);
		/* What may be written as a pattern is what can match. */
		if (v->match)
			CHECK(name_is_pattern(span_str(v->pattern)) || v->pattern[strlen(v->pattern) - 1] == '.');
	}
}

TEST(patterns)
{
	CHECK(name_is_pattern(SPAN_LIT("a")) && name_is_pattern(SPAN_LIT("*.a.b")) && name_is_pattern(SPAN_LIT("x.y")));
	CHECK(!name_is_pattern(SPAN_LIT("*.a")) && !name_is_pattern(SPAN_LIT("*")) && !name_is_pattern(SPAN_LIT("")));
	CHECK(!name_is_pattern(SPAN_LIT("*a.b.c")) && !name_is_pattern(SPAN_LIT("a.*.c")) && !name_is_pattern(SPAN_LIT("*.*.a.b")));
}

/* ---- grants: more than names ---------------------------------------------------------------- */

TEST(a_grant_is_for_its_connectors)
{
	struct conf_list ids1 = LIST("c1", "c2"), names1 = LIST("nas.example.org", "*.apps.example.org"),
			 all = LIST("*"), names2 = LIST("status.example.org"), none = {0};
	struct grant g[] = {{"one", &ids1, &names1, NULL, NULL}, {"two", &all, &names2, NULL, NULL}, {"none", &none, &names1, NULL, NULL}};

	CHECK(grant_for(g, 3, SPAN_LIT("c1"), SPAN_LIT("nas.example.org")) == &g[0]);
	CHECK(grant_for(g, 3, SPAN_LIT("c2"), SPAN_LIT("a.apps.example.org")) == &g[0]);
	CHECK(grant_for(g, 3, SPAN_LIT("c2"), SPAN_LIT("a.b.apps.example.org")) == NULL);
	CHECK(grant_for(g, 3, SPAN_LIT("c3"), SPAN_LIT("nas.example.org")) == NULL);
	CHECK(grant_for(g, 3, SPAN_LIT("C1"), SPAN_LIT("nas.example.org")) == NULL); /* an id is not a name */
	CHECK(grant_for(g, 3, SPAN_NONE, SPAN_LIT("nas.example.org")) == NULL);
	CHECK(grant_for(g, 3, SPAN_LIT("c3"), SPAN_LIT("status.example.org")) == &g[1]);
	CHECK(grant_for(g, 3, SPAN_LIT("*"), SPAN_LIT("nas.example.org")) == NULL); /* nobody is called everybody */
	CHECK(grant_for(g, 0, SPAN_LIT("c1"), SPAN_LIT("nas.example.org")) == NULL);
}

TEST(what_is_claimed_is_granted_in_part_or_not_at_all)
{
	struct conf_list ids = LIST("c1"), names = LIST("nas.example.org", "*.apps.example.org"), none = {0};
	struct grant g[] = {{"empty", &ids, &none, NULL, NULL}, {"one", &ids, &names, NULL, NULL}};
	static const struct {
		const char *hostname;
		enum grant_claim want;
	} rows[] = {
		{"nas.example.org", GRANT_WHOLE},
		{"NAS.example.org.", GRANT_WHOLE},
		{"x.apps.example.org", GRANT_WHOLE},
		{"x.y.apps.example.org", GRANT_NOTHING},
		{"other.example.org", GRANT_NOTHING},
		{"*.apps.example.org", GRANT_PART}, /* a rule means any depth */
		{"*.example.org", GRANT_PART},      /* of which nas and apps are granted */
		{"*.org", GRANT_PART},
		{"*.y.apps.example.org", GRANT_NOTHING},
		{"*.xample.org", GRANT_NOTHING},    /* whole labels */
		{"*.test", GRANT_NOTHING},
		{"*.", GRANT_NOTHING},
		{"*example.org", GRANT_NOTHING},
		{"*", GRANT_PART},
		{"", GRANT_PART},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (grant_claim(g, 2, SPAN_LIT("c1"), span_str(rows[i].hostname)) != rows[i].want)
			unit_fail(__FILE__, __LINE__, "%s", rows[i].hostname);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(grant_claim(g, 2, SPAN_LIT("c2"), span_str(rows[i].hostname)) == GRANT_NOTHING);
	CHECK(grant_claim(g, 1, SPAN_LIT("c1"), SPAN_LIT("*")) == GRANT_NOTHING);
}

TEST(dns_names)
{
	char text[256];

	CHECK(name_is_dns(SPAN_LIT("a")) && name_is_dns(SPAN_LIT("a-b.c_d.e9")) && name_is_dns(SPAN_LIT("9.a")));
	CHECK(!name_is_dns(SPAN_LIT("")) && !name_is_dns(SPAN_LIT("a.")) && !name_is_dns(SPAN_LIT("a..b")));
	CHECK(!name_is_dns(SPAN_LIT("-a.b")) && !name_is_dns(SPAN_LIT("a-.b")) && !name_is_dns(SPAN_LIT("a.9")));
	CHECK(!name_is_dns(SPAN_LIT("*.a")) && !name_is_dns(SPAN_LIT("a\0b")) && !name_is_dns(SPAN_LIT("\xc3\xa9.a")));
	memset(text, 'x', sizeof text);
	CHECK(name_is_dns(span_of(text, 63)) && !name_is_dns(span_of(text, 64)));
	for (size_t i = 50; i < sizeof text; i += 51)
		text[i] = '.';
	CHECK(name_is_dns(span_of(text, 253)) && !name_is_dns(span_of(text, 254)));
}

TEST(shares_of_a_grant_are_said_by_id)
{
	const char *text[] = {"a:3", "b:0", "c-1.x_y:1000"}, *ids[] = {"b", "c"};
	const struct conf_list weight = {ARRAY_LEN(text), text}, prefer = {ARRAY_LEN(ids), ids};
	const struct grant g = {.name = "g", .prefer = &prefer, .weight = &weight};

	CHECK_INT(grant_weight(&g, SPAN_LIT("a")), 3);
	CHECK_INT(grant_weight(&g, SPAN_LIT("b")), 0);
	CHECK_INT(grant_weight(&g, SPAN_LIT("c-1.x_y")), 1000);
	CHECK_INT(grant_weight(&g, SPAN_LIT("d")), 1); /* nothing is said */
	CHECK_INT(grant_weight(&g, SPAN_LIT("c-1")), 1);
	CHECK(grant_prefers(&g, SPAN_LIT("b")) && !grant_prefers(&g, SPAN_LIT("a")) && !grant_prefers(&g, SPAN_NONE));
}

TEST(a_share_is_an_id_and_a_number)
{
	static const char *const bad[] = {"", ":", ":1", "a", "a:", "a:1001", "a:-1", "a:1:2", "a: 1", "a:x", "a:18446744073709551617"};
	struct span id;
	uint32_t n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (grant_weight_read(span_str(bad[i]), &id, &n) != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "taken: '%s'", bad[i]);
	CHECK(grant_weight_read(SPAN_LIT("a:0"), &id, &n) == 0 && n == 0 && span_eq_str(id, "a"));
}
