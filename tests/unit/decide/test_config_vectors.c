/*
 * The named cases of tests/vectors/config, each with its reason and what must come of it. Run
 * from the repository's root. A case is:
 *
 *     # why: one sentence
 *     # schema: shapes            the fuller schema of shapes.h; without it the product's
 *     # escapes: yes              \xNN in the texts is that byte
 *     # expect: ok                or, once per fault or warning in their order:
 *     # expect: ERROR FILE:LINE words of its text
 *     # expect: warning FILE:LINE words of its text
 *     # emits: a line of the canonical text; "[section] key = value" looks in one section
 *     --- FILE                    begins a text; several are read in order
 */
#include <dirent.h>
#include <stdlib.h>

#include "decide/conf_keys.h"
#include "decide/config.h"
#include "shapes.h"
#include "tests/unit/unit.h"

#define DIR_NAME "tests/vectors/config"

static const char *at; /* the case being run */
static struct conf_faults faults;
static union {
	struct conf product;
	struct shapes shapes;
} root;
static struct arena mem;
static char canonical[1 << 20];

#define FAIL(...) unit_fail(at, 1, __VA_ARGS__)

static int nibble(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct span unescape(struct span in, uint8_t *out, size_t cap)
{
	struct wr w = wr_of(out, cap);

	for (size_t i = 0; i < in.n; i++) {
		if (i + 3 < in.n && in.p[i] == '\\' && in.p[i + 1] == 'x' && nibble(in.p[i + 2]) >= 0) {
			wr_u8(&w, (uint8_t)(nibble(in.p[i + 2]) << 4 | nibble(in.p[i + 3])));
			i += 3;
		} else {
			wr_u8(&w, in.p[i]);
		}
	}
	CHECK(!w.full);
	return wr_span(&w);
}

/* Cuts the text up to the next "--- NAME" line out of rest. */
static struct span next_text(struct span *rest, struct span *next_name)
{
	struct span all = *rest, line;
	size_t n = 0;

	*next_name = SPAN_NONE;
	while (rest->n) {
		span_cut(*rest, '\n', &line, rest);
		if (span_starts(line, "--- ")) {
			*next_name = span_sub(line, 4, line.n);
			break;
		}
		n = all.n - rest->n;
	}
	return span_sub(all, 0, n);
}

static int run(const struct conf_schema *s, struct span texts, bool escapes)
{
	static uint8_t raw[1 << 20];
	struct span name, next;
	struct conf_build *b;
	int rc;

	root.shapes = (struct shapes){0};
	root.product = (struct conf){0};
	arena_init(&mem, 16 << 20);
	conf_faults_init(&faults);
	CHECK_INT(conf_build_open(&b, s, CONF_FOR_ALL, &root, &mem, &faults), 0);
	if (next_text(&texts, &name).n)
		FAIL("text before the first '--- FILE'");
	while (name.n) {
		char file[64] = "";
		struct span text = next_text(&texts, &next);

		CHECK_INT(span_to_cstr(name, file, sizeof file), 0);
		CHECK_INT(conf_build_text(b, escapes ? unescape(text, raw, sizeof raw) : text, file), 0);
		name = next;
	}
	rc = conf_build_end(b);
	conf_build_free(b);
	return rc;
}

static void match_fault(const struct conf_fault *f, struct span want)
{
	struct span kind, place, words;
	char where[128], got[1024];
	struct wr w = wr_of(got, sizeof got - 1);

	span_cut(want, ' ', &kind, &words);
	span_cut(words, ' ', &place, &words);
	if (f == NULL) {
		FAIL("not told: %.*s", SPAN_ARG(want));
		return;
	}
	conf_fault_print(f, &w);
	got[w.n] = 0;
	snprintf(where, sizeof where, "%s:%u", f->file, (unsigned)f->line);
	if (!span_eq_str(kind, f->is_warning ? "warning" : err_name(f->err)) || !span_eq_str(place, where) ||
	    (words.n && memmem(f->text, strlen(f->text), words.p, words.n) == NULL))
		FAIL("%s (%s) is not \"%.*s\"", got, f->is_warning ? "warning" : err_name(f->err), SPAN_ARG(want));
}

static void match_emitted(const struct conf_schema *s, struct span want)
{
	struct wr w = wr_of(canonical, sizeof canonical - 1);
	const char *from = canonical;
	char line[256];
	size_t end;

	conf_schema_emit(s, &root, CONF_FOR_ALL, CONF_WHOLE, &w);
	CHECK(!w.full);
	canonical[w.n] = 0;
	if (span_starts(want, "[") && span_find(want, ']', &end)) {
		snprintf(line, sizeof line, "%.*s\n", (int)end + 1, (const char *)want.p);
		from = strstr(canonical, line);
		want = span_trim(span_sub(want, end + 1, want.n));
	}
	snprintf(line, sizeof line, "\n%.*s\n", SPAN_ARG(want));
	if (from == NULL || strstr(from, line) == NULL)
		FAIL("the canonical text has no \"%.*s\":\n%s", SPAN_ARG(want), canonical);
}

/* The text that a good case gives must be a fixed point too. */
static void match_again(const struct conf_schema *s)
{
	static char once[sizeof canonical];
	struct wr w = wr_of(once, sizeof once), v = wr_of(canonical, sizeof canonical);
	struct conf_build *b;

	conf_schema_emit(s, &root, CONF_FOR_ALL, CONF_WHOLE, &w);
	conf_schema_clear(s, &root);
	CHECK_INT(conf_build_open(&b, s, CONF_FOR_ALL, &root, &mem, &faults), 0);
	CHECK_INT(conf_build_text(b, wr_span(&w), "again"), 0);
	if (conf_build_end(b) < 0)
		FAIL("the canonical text is refused: %s", faults.last ? faults.last->text : "?");
	conf_build_free(b);
	conf_schema_emit(s, &root, CONF_FOR_ALL, CONF_WHOLE, &v);
	CHECK(!w.full && !v.full && span_eq(wr_span(&w), wr_span(&v)));
}

static bool header(struct span *rest, const char *key, struct span *value)
{
	struct span line, after;

	if (!span_starts(*rest, "# "))
		return false;
	span_cut(*rest, '\n', &line, &after);
	line = span_sub(line, 2, line.n);
	if (!span_starts(line, key))
		return false;
	*value = span_trim(span_sub(line, strlen(key), line.n));
	*rest = after;
	return true;
}

static void run_case(struct span text)
{
	struct span value, rest = text, wants, body = text, line;
	const struct conf_schema *s = &conf_keys;
	const struct conf_fault *f;
	bool escapes = false, ok = false;

	if (!header(&rest, "why: ", &value) || value.n < 4)
		FAIL("a case begins with '# why: '");
	if (header(&rest, "schema: shapes", &value))
		s = &shape_schema;
	escapes = header(&rest, "escapes: yes", &value);
	wants = rest;
	while (span_starts(body, "#"))
		span_cut(body, '\n', &line, &body);
	int rc = run(s, body, escapes);

	f = faults.first;
	while (header(&wants, "expect: ", &value)) {
		ok |= span_eq_str(value, "ok");
		if (!span_eq_str(value, "ok")) {
			match_fault(f, value);
			f = f ? f->next : NULL;
		}
	}
	if (f)
		FAIL("told as well: %s:%u: %s", f->file, (unsigned)f->line, f->text);
	if (ok != (rc == 0))
		FAIL("the case is %s", rc == 0 ? "accepted" : "refused");
	if (wants.p == rest.p)
		FAIL("a case expects something");
	while (header(&wants, "emits: ", &value))
		match_emitted(s, value);
	if (!span_starts(wants, "--- "))
		FAIL("not understood: %.*s", SPAN_ARG(span_sub(wants, 0, 40)));
	if (rc == 0)
		match_again(s);
	conf_schema_clear(s, &root);
	arena_free(&mem);
	conf_faults_free(&faults);
}

static int is_case(const struct dirent *e)
{
	return span_ends(span_str(e->d_name), ".case");
}

TEST(every_case_of_the_directory)
{
	static char text[1 << 20];
	struct dirent **names;
	char path[512];
	int n = scandir(DIR_NAME, &names, is_case, alphasort);

	CHECK(n >= 60);
	for (int i = 0; i < n; i++) {
		FILE *file;
		size_t got;

		snprintf(path, sizeof path, DIR_NAME "/%s", names[i]->d_name);
		at = path;
		file = fopen(path, "r");
		got = file ? fread(text, 1, sizeof text, file) : 0;
		CHECK(got > 0 && got < sizeof text);
		if (file)
			fclose(file);
		run_case(span_of(text, got));
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}
