/* cmd_table: see cmd_table.h. It owns the widths of columns, and no text longer than a line. */
#include "cmd_table.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "decide/when.h"

#define CELL_MAX 512

int cmd_line_read(struct json *j, struct json_tok *tok, struct span line, struct why *w)
{
	json_init(j, tok, CMD_LINE_TOKENS, NULL, 0);
	return json_parse(j, line) < 0 ? json_why(j, w, "the authority's list") : 0;
}

/* ---- cells ------------------------------------------------------------------------------------------ */

static void text_cell(struct wr *w, struct json *j, const struct cmd_column *c, int64_t now)
{
	size_t v = json_find(j, JSON_ROOT, c->key);

	(void)now;
	/* With its escapes as they stand: base/jsonw made it, safe for terminals. */
	if (json_is(j, v, JSON_STRING))
		wr_put(w, span_sub(j->text, j->tok[v].at, j->tok[v].n));
	if (w->n == 0)
		wr_str(w, "-");
}

static int64_t number_of(struct json *j, const char *key)
{
	return json_i64(j, json_find(j, JSON_ROOT, key), 0, INT64_MAX);
}

static void number_cell(struct wr *w, struct json *j, const struct cmd_column *c, int64_t now)
{
	(void)now;
	wr_u64dec(w, (uint64_t)number_of(j, c->key));
}

static void until_cell(struct wr *w, struct json *j, const struct cmd_column *c, int64_t now)
{
	int64_t t = number_of(j, c->key);
	char day[WHEN_DAY], words[WHEN_WORDS];

	wr_fmt(w, "%s %s", when_day(t, day), when_words(t, now, words));
}

static void ago_cell(struct wr *w, struct json *j, const struct cmd_column *c, int64_t now)
{
	int64_t t = number_of(j, c->key);
	char words[WHEN_WORDS];

	wr_str(w, t ? when_words(t, now, words) : "-");
}

static void uses_cell(struct wr *w, struct json *j, const struct cmd_column *c, int64_t now)
{
	(void)c;
	(void)now;
	wr_fmt(w, "%lld of %lld", (long long)number_of(j, "used"), (long long)number_of(j, "uses"));
}

static void yes_cell(struct wr *w, struct json *j, const struct cmd_column *c, int64_t now)
{
	(void)now;
	wr_str(w, json_bool(j, json_find(j, JSON_ROOT, c->key)) ? "yes" : "-");
}

static void (*const cells[])(struct wr *w, struct json *j, const struct cmd_column *c, int64_t now) = {
	[CELL_TEXT] = text_cell, [CELL_NUMBER] = number_cell, [CELL_UNTIL] = until_cell,
	[CELL_AGO] = ago_cell,	 [CELL_USES] = uses_cell,   [CELL_YES] = yes_cell,
};

const char *cmd_cell_text(struct json *j, const struct cmd_column *c, int64_t now, char *out, size_t cap)
{
	struct wr w = wr_of(out, cap - 1);

	cells[c->kind](&w, j, c, now);
	out[w.n] = 0;
	return out;
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static int measure(struct cmd_table *t, struct json *j)
{
	for (size_t i = 0; i < t->n; i++) {
		char text[CELL_MAX];
		size_t n = strlen(cmd_cell_text(j, &t->columns[i], t->now, text, sizeof text));

		t->width[i] = n > t->width[i] ? n : t->width[i];
	}
	return j->err ? json_why(j, t->why, "the authority's list") : 0;
}

/* Two blanks between columns, none behind the last. */
static void print_cell(const struct cmd_table *t, size_t i, const char *text)
{
	if (i + 1 < t->n)
		printf("%-*s  ", (int)t->width[i], text);
	else
		printf("%s\n", text);
}

static void print_head(struct cmd_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, i, t->columns[i].head);
	t->headed = true;
}

static int print_line(struct cmd_table *t, struct json *j)
{
	for (size_t i = 0; i < t->n; i++) {
		char text[CELL_MAX];

		print_cell(t, i, cmd_cell_text(j, &t->columns[i], t->now, text, sizeof text));
	}
	t->rows++;
	return 0;
}

static int each_line(struct cmd_table *t, struct span lines, int (*what)(struct cmd_table *t, struct json *j))
{
	struct span line;
	int rc = 0;

	while (rc == 0 && lines.n) {
		struct json_tok tok[CMD_LINE_TOKENS];
		struct json j;

		if (!span_cut(lines, '\n', &line, &lines))
			lines = SPAN_NONE;
		rc = cmd_line_read(&j, tok, line, t->why);
		if (rc == 0)
			rc = what(t, &j);
	}
	return rc;
}

int cmd_table_page(void *owner, struct span lines)
{
	struct cmd_table *t = owner;
	int rc;

	if (t->json) {
		fwrite(lines.p, 1, lines.n, stdout);
		return 0;
	}
	for (size_t i = 0; i < t->n && !t->headed; i++)
		t->width[i] = strlen(t->columns[i].head);
	rc = each_line(t, lines, measure);
	if (rc < 0 || lines.n == 0)
		return rc;
	if (!t->headed)
		print_head(t);
	return each_line(t, lines, print_line);
}
