/*
 * inifeed against INI libraries that are not the one it was written for: a stand-in for
 * ini_parse_stream() that drops lines, changes them, stops, runs out of memory or has a small
 * buffer. Nothing that such a library says may become a value.
 */
#include "decide/inifeed.h"

#include "base/bounds.h"
#include "tests/unit/unit.h"

typedef char *reader_fn(char *to, int room, void *stream);
typedef int handler_fn(void *user, const char *section, const char *name, const char *value);
int ini_parse_stream(reader_fn *reader, void *stream, handler_fn *handler, void *user);

static enum library {
	FAITHFUL, DROPS, CHANGES_VALUE, CHANGES_KEY, CHANGES_SECTION, KEEPS_OLD_SECTION, TWICE, ANNOUNCES, STOPS,
	SMALL_BUFFER, NO_MEMORY
} library;
static bool wiped;

/* "key = value" or " more" of a well-formed line, cut in place. */
static int tell(char *line, const char *section, char *name, size_t room, handler_fn *handler, void *user)
{
	char *eq = strchr(line, '='), *value = line;

	line[strcspn(line, "\n")] = 0;
	if (line[0] != ' ' && eq) {
		*eq = 0;
		line[strcspn(line, " ")] = 0;
		snprintf(name, room, "%.48s", line);
		value = eq + 1;
	}
	while (*value == ' ')
		value++;
	if (library == DROPS && strcmp(name, "drop") == 0)
		return 0;
	if (library == TWICE)
		handler(user, section, name, value);
	return handler(user, library == CHANGES_SECTION ? "other" : section, library == CHANGES_KEY ? "other" : name,
		       library == CHANGES_VALUE ? "other" : value);
}

int ini_parse_stream(reader_fn *reader, void *stream, handler_fn *handler, void *user)
{
	char line[200], section[50] = "", name[50] = "";
	int room = library == SMALL_BUFFER ? 20 : (int)sizeof line;

	if (library == NO_MEMORY)
		return -2;
	memset(line, 'S', sizeof line);
	while (reader(line, room, stream)) {
		if (line[0] == '[') {
			if (library != KEEPS_OLD_SECTION || section[0] == 0)
				snprintf(section, sizeof section, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
			if (library == ANNOUNCES)
				handler(user, section, NULL, NULL);
			continue;
		}
		tell(line, section, name, sizeof name, handler, user);
		if (library == STOPS)
			return 1;
	}
	wiped = true;
	for (int i = 0; i < room; i++)
		wiped &= line[i] == 0;
	return 0;
}

static char said[4096];

static void say(const char *what, uint32_t line, struct span a, struct span b)
{
	size_t n = strlen(said);
	struct wr w = wr_of(said + n, sizeof said - 1 - n);

	wr_fmt(&w, "%s %u ", what, (unsigned)line);
	wr_put(&w, a);
	wr_str(&w, "/");
	wr_put(&w, b);
	wr_str(&w, "\n");
	CHECK(!w.full);
	said[n + w.n] = 0;
}

static void on_section(void *c, uint32_t line, struct span kind, struct span name) { (void)c; say("section", line, kind, name); }
static void on_pair(void *c, uint32_t line, struct span key, struct span value) { (void)c; say("pair", line, key, value); }
static void on_more(void *c, uint32_t line, struct span value) { (void)c; say("more", line, value, SPAN_NONE); }
static void on_fault(void *c, uint32_t line, enum zt_err e, const char *text)
{
	(void)c;
	(void)text;
	say("fault", line, span_str(err_name(e)), SPAN_NONE);
}
static void on_warn(void *c, uint32_t line, const char *text)
{
	(void)c;
	say("warn", line, span_str(text), SPAN_NONE);
}

static int feed(const char *text)
{
	static const struct inifeed_sink sink = {on_section, on_pair, on_more, on_fault, on_warn};

	said[0] = 0;
	return inifeed(span_str(text), &sink, NULL);
}

static const char text[] = "# c\n[a]\n\nx = 1\n  2\n[host b]\ny=\ndrop = 3\nz = 4\n";
static const char right[] = "section 2 a/\npair 4 x/1\nmore 5 2/\nsection 6 host/b\npair 7 y/\npair 8 drop/3\npair 9 z/4\n";

TEST(a_library_that_reads_as_we_do)
{
	library = FAITHFUL;
	CHECK_INT(feed(text), 0);
	CHECK_STR(said, right);
	CHECK(wiped); /* its line buffer, before it forgets it: the last line may be a secret */
}

TEST(a_library_that_announces_sections)
{
	library = ANNOUNCES;
	CHECK_INT(feed(text), 0);
	CHECK_STR(said, right);
}

TEST(a_line_that_is_passed_over_is_a_fault_on_its_line)
{
	library = DROPS;
	CHECK_INT(feed(text), 0);
	CHECK(strstr(said, "fault 8 bug/\n") != NULL && strstr(said, "pair 8") == NULL);
	CHECK(strstr(said, "pair 9 z/4") != NULL);
	CHECK_INT(feed("[a]\ndrop = 1\n"), 0); /* the last line too */
	CHECK_STR(said, "section 1 a/\nfault 2 bug/\n");
}

TEST(what_is_read_differently_is_a_fault_and_no_value)
{
	static const enum library kinds[] = {CHANGES_VALUE, CHANGES_KEY, CHANGES_SECTION};

	for (size_t i = 0; i < 3; i++) {
		library = kinds[i];
		CHECK_INT(feed("[a]\nx = 1\n 2\n"), 0);
		CHECK_STR(said, "section 1 a/\nfault 2 bug/\nfault 3 bug/\n");
	}
	library = KEEPS_OLD_SECTION;
	CHECK_INT(feed("[a]\nx = 1\n[a b]\nx = 1\n"), 0);
	CHECK_STR(said, "section 1 a/\npair 2 x/1\nsection 3 a/b\nfault 4 bug/\n");
}

TEST(a_line_told_twice_is_one_value_and_a_fault)
{
	library = TWICE;
	CHECK_INT(feed("[a]\nx = 1\n"), 0);
	CHECK_STR(said, "section 1 a/\npair 2 x/1\nfault 2 bug/\n");
}

TEST(a_library_that_stops_early)
{
	library = STOPS;
	CHECK_INT(feed("[a]\nx = 1\ny = 2\n"), 0);
	CHECK_STR(said, "section 1 a/\npair 2 x/1\nfault 2 bug/\n");
}

TEST(a_small_buffer_refuses_the_long_line_only)
{
	library = SMALL_BUFFER;
	CHECK_INT(feed("[a]\nx = 123456789012345\nx = 12345678901234\ny = 1\n"), 0); /* 19 + '\n' + NUL; 18 fit */
	CHECK_STR(said, "section 1 a/\nfault 2 too-long/\npair 3 x/12345678901234\npair 4 y/1\n");
}

TEST(a_library_without_memory)
{
	library = NO_MEMORY;
	CHECK_INT(feed("[a]\n"), -ZT_E_NOMEM);
}

TEST(texts_without_a_last_newline)
{
	library = FAITHFUL;
	CHECK_INT(feed("[a]\nx = 1"), 0);
	CHECK(strstr(said, "warn 2 ") != NULL && strstr(said, "pair 2 x/1") != NULL);
	CHECK_INT(feed(""), 0);
	CHECK_STR(said, "");
}
