/* conf_value: every type, its canonical text, its bounds and its sentences. */
#include "decide/conf_value.h"

#include "base/err.h"
#include "decide/conf_schema.h"
#include "tests/unit/unit.h"

static struct arena mem;
static union {
	bool b;
	uint64_t u;
	uint32_t w;
	const char *s;
	struct addr a;
	struct conf_hostport h;
} val;
static char why[480], canon[256];

static int take(const struct conf_key *k, const char *text)
{
	struct wr y = wr_of(why, sizeof why - 1), w = wr_of(canon, sizeof canon - 1);
	int rc;

	arena_free(&mem);
	arena_init(&mem, 65536);
	memset(&val, 0, sizeof val);
	rc = conf_value_read(k, span_str(text), &mem, &val, &y);
	why[y.n] = 0;
	if (rc == 0)
		conf_value_write(k, &val, &w);
	canon[w.n] = 0;
	return rc;
}

/* Each text gives the value and the canonical text, which reads back to itself. */
static void gives(const struct conf_key *k, const char *text, const char *want)
{
	char first[256];

	CHECK_INT(take(k, text), 0);
	CHECK_STR(canon, want);
	snprintf(first, sizeof first, "%s", canon);
	CHECK_INT(take(k, first), 0);
	CHECK_STR(canon, first);
	arena_free(&mem);
}

static void refuses(const struct conf_key *k, const char *text, enum zt_err e, const char *words)
{
	int rc = take(k, text);

	CHECK_INT(rc, -(int)e);
	if (strstr(why, words) == NULL)
		unit_fail(__FILE__, __LINE__, "'%s': \"%s\" does not say \"%s\"", text, why, words);
	arena_free(&mem);
}

TEST(bools)
{
	const struct conf_key k = {.type = CONF_BOOL};

	gives(&k, "true", "true");
	gives(&k, "false", "false");
	refuses(&k, "yes", ZT_E_SYNTAX, "'yes' is neither true nor false");
	refuses(&k, "True", ZT_E_SYNTAX, "neither");
	refuses(&k, "1", ZT_E_SYNTAX, "neither");
	refuses(&k, "", ZT_E_SYNTAX, "neither");
}

TEST(numbers)
{
	const struct conf_key k = {.type = CONF_U64, .min = 1, .max = 100}, all = {.type = CONF_U64};

	gives(&k, "1", "1");
	gives(&k, "100", "100");
	refuses(&k, "0", ZT_E_RANGE, "'0' is not from 1 to 100");
	refuses(&k, "101", ZT_E_RANGE, "from 1 to 100");
	gives(&all, "0", "0");
	gives(&all, "18446744073709551615", "18446744073709551615");
	refuses(&all, "18446744073709551616", ZT_E_RANGE, "not from 0");
	refuses(&all, "007", ZT_E_SYNTAX, "whole number");
	refuses(&all, "-1", ZT_E_SYNTAX, "whole number");
	refuses(&all, "+1", ZT_E_SYNTAX, "whole number");
	refuses(&all, "1 0", ZT_E_SYNTAX, "whole number");
	refuses(&all, "1K", ZT_E_SYNTAX, "whole number");
	refuses(&all, "0x10", ZT_E_SYNTAX, "whole number");
	refuses(&all, "", ZT_E_SYNTAX, "whole number");
}

TEST(sizes)
{
	const struct conf_key k = {.type = CONF_SIZE}, small = {.type = CONF_SIZE, .min = 1024, .max = 1048576};

	gives(&k, "0", "0");
	gives(&k, "0G", "0");
	gives(&k, "1023", "1023");
	gives(&k, "1024", "1K");
	gives(&k, "1536", "1536");
	gives(&k, "2048K", "2M");
	gives(&k, "10M", "10M");
	CHECK_INT(take(&k, "10M"), 0);
	CHECK_INT(val.u, 10 * 1048576);
	gives(&k, "17179869183G", "17179869183G"); /* 2^34 - 1: the last that fits in 64 bits */
	refuses(&k, "17179869184G", ZT_E_RANGE, "not from");
	refuses(&k, "10MB", ZT_E_SYNTAX, "size");
	refuses(&k, "10 M", ZT_E_SYNTAX, "size");
	refuses(&k, "10m", ZT_E_SYNTAX, "size");
	refuses(&k, "M", ZT_E_SYNTAX, "size");
	refuses(&k, "1.5M", ZT_E_SYNTAX, "size");
	refuses(&small, "1", ZT_E_RANGE, "from 1K to 1M");
	refuses(&small, "2M", ZT_E_RANGE, "from 1K to 1M");
}

TEST(durations)
{
	const struct conf_key k = {.type = CONF_DURATION}, part = {.type = CONF_DURATION, .min = 1000, .max = 3600000};

	gives(&k, "0s", "0s");
	gives(&k, "0ms", "0s");
	gives(&k, "1ms", "1ms");
	gives(&k, "1500ms", "1500ms");
	gives(&k, "60000ms", "1m");
	gives(&k, "90s", "90s");
	gives(&k, "24h", "1d");
	gives(&k, "7d", "7d");
	CHECK_INT(take(&k, "5m"), 0);
	CHECK_INT(val.u, 300000);
	refuses(&k, "30", ZT_E_SYNTAX, "ms, s, m, h or d");
	refuses(&k, "0", ZT_E_SYNTAX, "duration");
	refuses(&k, "1w", ZT_E_SYNTAX, "duration");
	refuses(&k, "1h30m", ZT_E_SYNTAX, "duration");
	refuses(&k, "-1s", ZT_E_SYNTAX, "duration");
	refuses(&k, "s", ZT_E_SYNTAX, "duration");
	refuses(&k, "213503982335d", ZT_E_RANGE, "not from");
	refuses(&part, "999ms", ZT_E_RANGE, "from 1s to 1h");
	refuses(&part, "2h", ZT_E_RANGE, "from 1s to 1h");
}

TEST(words_of_a_table)
{
	static const struct conf_name names[] = {{"error", 4}, {"warn", 9}, {NULL, 0}};
	const struct conf_key k = {.type = CONF_ENUM, .names = names};

	gives(&k, "warn", "warn");
	CHECK_INT(take(&k, "warn"), 0);
	CHECK_INT(val.w, 9);
	refuses(&k, "wran", ZT_E_UNKNOWN, "'wran' is not one of error, warn; did you mean 'warn'?");
	refuses(&k, "chatty", ZT_E_UNKNOWN, "is not one of error, warn");
	CHECK(strstr(why, "did you mean") == NULL);
	refuses(&k, "WARN", ZT_E_UNKNOWN, "not one of");
	refuses(&k, "", ZT_E_UNKNOWN, "not one of");
}

TEST(texts_and_paths)
{
	const struct conf_key s = {.type = CONF_STRING, .min = 2, .max = 4}, p = {.type = CONF_PATH};

	gives(&s, "ab", "ab");
	gives(&s, "=;#:", "=;#:"); /* what the line judge lets through is data */
	refuses(&s, "a", ZT_E_MISSING, "1 bytes long; 2 to 4 are allowed");
	refuses(&s, "abcde", ZT_E_TOOLONG, "5 bytes long; 2 to 4 are allowed");
	gives(&p, "", "");
	gives(&p, "/var/log/zt.log", "/var/log/zt.log");
	refuses(&p, "zt.log", ZT_E_SYNTAX, "absolute path");
	refuses(&p, "~/zt.log", ZT_E_SYNTAX, "absolute path");
}

TEST(addresses)
{
	const struct conf_key any = {.type = CONF_ADDR}, real = {.type = CONF_ADDR, .min = 1};

	gives(&any, "127.0.0.1:0", "127.0.0.1:0");
	gives(&any, "[2001:DB8:0:0::1]:443", "[2001:db8::1]:443");
	gives(&any, "[::ffff:192.0.2.1]:80", "192.0.2.1:80");
	refuses(&real, "127.0.0.1:0", ZT_E_SYNTAX, "address with a port");
	refuses(&any, "127.0.0.1", ZT_E_SYNTAX, "address with a port");
	refuses(&any, "::1:80", ZT_E_SYNTAX, "address with a port");
	refuses(&any, "localhost:80", ZT_E_SYNTAX, "address with a port");
	refuses(&any, "1.2.3.4:65536", ZT_E_SYNTAX, "address with a port");
	refuses(&any, "1.2.3.04:1", ZT_E_SYNTAX, "address with a port");
}

TEST(peers)
{
	const struct conf_key k = {.type = CONF_HOSTPORT};

	gives(&k, "Example.ORG:443", "example.org:443");
	gives(&k, "[2001:db8:0::1]:443", "[2001:db8::1]:443");
	gives(&k, "192.0.2.1:1", "192.0.2.1:1");
	gives(&k, "", "");
	refuses(&k, "example.org", ZT_E_SYNTAX, "host:port");
	refuses(&k, "example.org:0", ZT_E_SYNTAX, "host:port");
	refuses(&k, "exa mple:1", ZT_E_SYNTAX, "host:port");
}

TEST(modes)
{
	const struct conf_key k = {.type = CONF_MODE, .max = 0777};

	gives(&k, "600", "0600");
	gives(&k, "0640", "0640");
	CHECK_INT(take(&k, "0640"), 0);
	CHECK_INT(val.w, 0640);
	refuses(&k, "0680", ZT_E_SYNTAX, "octal");
	refuses(&k, "6", ZT_E_SYNTAX, "octal");
	refuses(&k, "00600", ZT_E_SYNTAX, "octal");
	refuses(&k, "", ZT_E_SYNTAX, "octal");
	refuses(&k, "1777", ZT_E_RANGE, "from 0000 to 0777");
}

TEST(a_refused_secret_is_not_quoted)
{
	static const struct conf_name names[] = {{"hunter3", 1}, {NULL, 0}};
	const struct conf_key k = {.type = CONF_PATH, .flags = CONF_SECRET};
	const struct conf_key e = {.type = CONF_ENUM, .flags = CONF_SECRET, .names = names};

	refuses(&k, "hunter2", ZT_E_SYNTAX, "the value is not an absolute path");
	CHECK(strstr(why, "hunter2") == NULL);
	refuses(&e, "hunter2", ZT_E_UNKNOWN, "the value is not one of");
	CHECK(strstr(why, "hunter2") == NULL && strstr(why, "did you mean") == NULL);
}

TEST(a_long_bad_value_is_quoted_in_part)
{
	const struct conf_key k = {.type = CONF_BOOL};
	char text[200];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	refuses(&k, text, ZT_E_SYNTAX, "xxx...' is neither");
	CHECK(strlen(why) < 120);
}

static int list(const struct conf_key *k, struct conf_list *l, const char *text)
{
	struct wr y = wr_of(why, sizeof why - 1);
	int rc = conf_list_read(k, span_str(text), &mem, l, &y);

	why[y.n] = 0;
	return rc;
}

/* FLOODS(BOUND_CONF_LIST) */
TEST(lists_are_split_at_commas_and_grow)
{
	const struct conf_key k = {.type = CONF_STRING, .flags = CONF_LIST, .min = 1};
	struct conf_list l = {0};
	char one[8];

	arena_init(&mem, 65536);
	CHECK_INT(list(&k, &l, " a, b ,c"), 0);
	CHECK_INT(list(&k, &l, "d,"), 0); /* one comma may end a line */
	CHECK_INT(list(&k, &l, ""), 0);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(one, sizeof one, "n%u", i);
		CHECK_INT(list(&k, &l, one), 0);
	}
	CHECK_INT(l.n, 64);
	CHECK_STR(*(const char *const *)conf_list_at(&k, &l, 0), "a");
	CHECK_STR(*(const char *const *)conf_list_at(&k, &l, 1), "b");
	CHECK_STR(*(const char *const *)conf_list_at(&k, &l, 3), "d");
	CHECK_STR(*(const char *const *)conf_list_at(&k, &l, 4), "n0");
	CHECK_STR(*(const char *const *)conf_list_at(&k, &l, 63), "n59");
	CHECK_INT(list(&k, &l, "one-more"), -ZT_E_FULL);
	CHECK(strstr(why, "more than 64 items") != NULL);
	CHECK_INT(l.n, 64);
	arena_free(&mem);
}

TEST(malformed_lists)
{
	const struct conf_key k = {.type = CONF_STRING, .flags = CONF_LIST, .min = 1};
	struct conf_list l = {0};

	arena_init(&mem, 65536);
	CHECK_INT(list(&k, &l, "a,,b"), -ZT_E_MISSING);
	CHECK(strstr(why, "empty item") != NULL);
	CHECK_INT(list(&k, &l, ","), -ZT_E_MISSING);
	CHECK_INT(list(&k, &l, "a,;b"), -ZT_E_SYNTAX); /* would be a comment on a line of its own */
	CHECK_INT(list(&k, &l, "a,#b"), -ZT_E_SYNTAX);
	arena_free(&mem);
}

TEST(clearing_wipes_the_text_of_a_secret)
{
	const struct conf_key k = {.type = CONF_STRING, .flags = CONF_SECRET};
	const struct conf_key many = {.type = CONF_STRING, .flags = CONF_SECRET | CONF_LIST, .min = 1};
	struct conf_list l = {0};
	const char *text, *item;

	CHECK_INT(take(&k, "hunter2"), 0);
	text = val.s;
	conf_value_clear(&k, &val);
	CHECK(val.s == NULL);
	CHECK(memcmp(text, "\0\0\0\0\0\0\0", 7) == 0);
	CHECK_INT(list(&many, &l, "one,two"), 0);
	item = *(const char *const *)conf_list_at(&many, &l, 1);
	conf_value_clear(&many, &l);
	CHECK_INT(l.n, 0);
	CHECK(memcmp(item, "\0\0\0", 3) == 0);
	arena_free(&mem);
}
