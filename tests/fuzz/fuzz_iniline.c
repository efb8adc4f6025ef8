/* The line judge over the lines of one text. Invariants: every line has an answer or a reason;
 * what is accepted lies inside the line, keeps its grammar and bounds, and means the same when
 * it is written again from its parts; the context never lets a key into no section. */
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/err.h"
#include "wire/iniline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void inside(struct span part, struct span line)
{
	MUST(part.n == 0 || (part.p >= line.p && part.p + part.n <= line.p + line.n));
}

static void check_key(struct span key)
{
	MUST(key.n >= 1 && key.n <= INILINE_KEY_MAX);
	for (size_t i = 0; i < key.n; i++)
		MUST(strchr("abcdefghijklmnopqrstuvwxyz0123456789_", key.p[i]) != NULL && key.p[i] != 0);
}

static void check_value(struct span v)
{
	MUST(span_eq(v, span_trim(v)) && span_is_utf8(v));
	for (size_t i = 0; i < v.n; i++) {
		MUST((v.p[i] >= 0x20 || v.p[i] == '\t') && v.p[i] != 0x7f);
		if (v.p[i] == ';' || v.p[i] == '#')
			MUST(i > 0 && v.p[i - 1] != ' ' && v.p[i - 1] != '\t');
	}
}

/* Written again without what does not count, the line is accepted and the same. */
static void check_again(const struct iniline *a)
{
	struct iniline_ctx ctx = {.in_section = true, .in_value = true};
	char text[BOUND_CAP(BOUND_CONF_LINE)];
	struct wr w = wr_of(text, sizeof text);
	struct iniline b;

	if (a->kind == INILINE_SECTION)
		wr_fmt(&w, "[%.*s%s%.*s]", SPAN_ARG(a->section), a->name.n ? " " : "", SPAN_ARG(a->name));
	if (a->kind == INILINE_PAIR) {
		wr_put(&w, a->key);
		wr_str(&w, "=");
	}
	if (a->kind == INILINE_MORE)
		wr_str(&w, " ");
	wr_put(&w, a->value);
	MUST(!w.full);
	MUST(iniline_judge(&ctx, wr_span(&w), &b) == 0 && b.kind == a->kind);
	MUST(span_eq(a->section, b.section) && span_eq(a->name, b.name) && span_eq(a->key, b.key) &&
	     span_eq(a->value, b.value));
}

static void check_line(const struct iniline_ctx *before, struct span line, int rc, const struct iniline *got)
{
	MUST((rc < 0) == (got->reason != NULL));
	if (rc < 0) {
		MUST(rc == -ZT_E_SYNTAX || rc == -ZT_E_TOOLONG || rc == -ZT_E_UTF8 || rc == -ZT_E_MISSING);
		return;
	}
	MUST(rc == 0 && line.n <= BOUND_CAP(BOUND_CONF_LINE) && (line.n == 0 || memchr(line.p, 0, line.n) == NULL));
	inside(got->section, line);
	inside(got->name, line);
	inside(got->key, line);
	inside(got->value, line);
	if (got->kind == INILINE_SECTION)
		MUST(iniline_is_word(got->section, INILINE_KIND_MAX) &&
		     (got->name.n == 0 || iniline_is_word(got->name, INILINE_NAME_MAX)));
	if (got->kind == INILINE_PAIR) {
		MUST(before->in_section && !before->lost_section);
		check_key(got->key);
	}
	if (got->kind == INILINE_MORE)
		MUST(before->in_value && !before->lost_section && !before->lost_value && got->value.n > 0);
	check_value(got->value);
	if (got->kind == INILINE_SECTION || got->kind == INILINE_PAIR || got->kind == INILINE_MORE)
		check_again(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span line, rest = span_of(data, n);
	struct iniline_ctx ctx = {0};

	for (bool more = true; more;) {
		struct iniline_ctx before = ctx;
		struct iniline got;
		int rc;

		more = span_cut(rest, '\n', &line, &rest);
		rc = iniline_judge(&ctx, line, &got);
		check_line(&before, line, rc, &got);
	}
	return 0;
}
