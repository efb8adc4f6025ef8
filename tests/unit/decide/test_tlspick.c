/* Which plan serves which hello, from the bytes of the hello on. */
#include "decide/tlsplan.h"
#include "tests/unit/wire/hello_kit.h"
#include "wire/tlsmsg.h"

#define LIST(...)                                                                                  \
	((struct conf_list){sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                \
			    (const char *[]){__VA_ARGS__}})

static struct tls_plan plan;

static void serve(const struct conf_list *names, const struct conf_list *alpn, bool no_name)
{
	plan.server[plan.servers++] = (struct tls_server_plan){.names = names, .alpn = alpn, .no_name = no_name};
}

/* name "" and alpn .n 0: no such extension. */
static int pick(const char *name, struct span alpn, const char **chosen, unsigned *fault)
{
	struct wr w = wr_of(kit_ext, sizeof kit_ext);
	struct making m;
	static struct hello h;
	static char text[64];
	struct span got;
	int rc;

	if (name[0])
		kit_name(&w, 0, span_str(name));
	if (alpn.n)
		kit_alpn(&w, alpn);
	m = (struct making){.extensions = wr_span(&w)};
	CHECK(kit_read(&m, &h) > 0);
	rc = tls_pick(&plan, &h, &got, fault);
	CHECK((rc < 0) == (*fault != TLSF_NONE));
	CHECK(rc >= 0 || got.n == 0);
	CHECK_INT(span_to_cstr(got, text, sizeof text), 0);
	*chosen = text;
	return rc;
}

TEST(names)
{
	struct conf_list wild = LIST("*.example.com", "*.b.example.com"), exact = LIST("NAS.example.com", "other.test"),
			 none = {0}, deep = LIST("x.b.example.com");
	static const struct {
		const char *name;
		int want;
	} cases[] = {
		{"nas.example.com", 1},    /* exact beats the wildcard that comes first */
		{"Nas.Example.COM", 1},
		{"other.test", 1},
		{"tv.example.com", 0},
		{"x.b.example.com", 2},
		{"y.b.example.com", 0},
		{"a.tv.example.com", -1},  /* one label, not two */
		{"example.com", -1},       /* not none */
		{"evilexample.com", -1},
		{"b.example.com", 0},
		{"nas.example.com.evil.test", -1},
		{"", 3},
		{"unknown.test", -1},      /* the plan for no name is not for every name */
	};
	const char *alpn;
	unsigned fault;

	plan = (struct tls_plan){0};
	serve(&wild, &none, false);
	serve(&exact, &none, false);
	serve(&deep, &none, false);
	serve(&none, &none, true);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_INT(pick(cases[i].name, SPAN_NONE, &alpn, &fault), cases[i].want);
		CHECK_INT(fault, cases[i].want < 0 ? TLSF_NO_PLAN : TLSF_NONE);
	}
}

TEST(nothing_is_served_by_no_plan)
{
	const char *alpn;
	unsigned fault;

	plan = (struct tls_plan){0};
	CHECK_INT(pick("", SPAN_NONE, &alpn, &fault), -1);
	CHECK_INT(fault, TLSF_NO_PLAN);
	CHECK_INT(pick("a.b", SPAN_NONE, &alpn, &fault), -1);
	CHECK_INT(fault, TLSF_NO_PLAN);
}

TEST(protocols)
{
	struct conf_list name = LIST("a.test"), none = {0}, web = LIST("h2", "http/1.1"), tunnel = LIST("zt-tunnel/1"),
			 both = LIST("zt-client/1", "http/1.1");
	const struct {
		const struct conf_list *ours;
		struct span theirs;
		const char *want; /* NULL: refused */
	} cases[] = {
		{&none, SPAN_LIT(""), ""},
		{&none, SPAN_LIT("\2h2"), ""},
		{&web, SPAN_LIT(""), ""},
		{&web, SPAN_LIT("\x08http/1.1\2h2"), "h2"}, /* our order */
		{&web, SPAN_LIT("\x08http/1.1"), "http/1.1"},
		{&web, SPAN_LIT("\2H2"), NULL},
		{&web, SPAN_LIT("\x0bzt-tunnel/1"), NULL},
		{&tunnel, SPAN_LIT("\x0bzt-tunnel/1"), "zt-tunnel/1"},
		{&tunnel, SPAN_LIT("\x0bzt-tunnel/2"), NULL},
		{&tunnel, SPAN_LIT(""), NULL}, /* a protocol of zt is asked for by name */
		{&both, SPAN_LIT(""), ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *alpn;
		unsigned fault;

		plan = (struct tls_plan){0};
		serve(&name, cases[i].ours, false);
		CHECK_INT(pick("a.test", cases[i].theirs, &alpn, &fault), cases[i].want ? 0 : -1);
		CHECK_INT(fault, cases[i].want ? TLSF_NONE : TLSF_ALPN);
		CHECK_STR(alpn, cases[i].want ? cases[i].want : "");
	}
}

TEST(versions_come_first)
{
	struct hello h = {.offers_tls13 = true};
	struct span alpn;
	unsigned fault;

	plan = (struct tls_plan){0};
	CHECK_INT(tls_pick(&plan, &h, &alpn, &fault), -1);
	CHECK_INT(fault, TLSF_VERSION); /* the same for names that exist and names that do not */
}

/* The plan for any name is the last resort, wherever it stands. */
TEST(any_name_comes_after_all_that_were_meant)
{
	struct conf_list exact = LIST("nas.example.com"), wild = LIST("*.example.com"), none = {0};
	struct conf_list alpn = LIST("zt-enrol/1", "http/1.1");
	static const struct {
		const char *name;
		int want;
	} cases[] = {{"nas.example.com", 2}, {"tv.example.com", 1}, {"whatever.test", 0}, {"", 0}};
	const char *chosen;
	unsigned fault;

	plan = (struct tls_plan){.servers = 0};
	serve(&none, &alpn, false);
	plan.server[0].any_name = true;
	serve(&wild, &none, false);
	serve(&exact, &none, false);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_INT(pick(cases[i].name, SPAN_NONE, &chosen, &fault), cases[i].want);
	CHECK_INT(pick("x.test", SPAN_LIT("\x08http/1.1\x0azt-enrol/1"), &chosen, &fault), 0);
	CHECK_STR(chosen, "zt-enrol/1");
	CHECK_INT(pick("x.test", SPAN_LIT("\x02h2"), &chosen, &fault), -1);
	CHECK_INT(fault, TLSF_ALPN);
}
