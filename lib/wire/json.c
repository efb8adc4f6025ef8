/*
 * json: the parser of json.h. It owns nothing: tokens go into memory of the caller. It is one loop
 * over an explicit stack of open containers; every byte is read through peek(). What the tokens
 * say is json_ask.c's.
 */
#include "json_int.h"

#include <string.h>

#include "base/num.h"

#define DEPTH_MAX BOUND_CAP(BOUND_JSON_DEPTH)

struct parse {
	struct json *j;
	size_t pos;
	size_t depth;
	size_t open[DEPTH_MAX]; /* tokens of the containers around pos */
};

/* ---- a key given twice: sort the keys, equal ones are then neighbours ------------------ */

#define END UINT32_MAX
#define LISTS 32 /* list i holds 2^i keys; tokens are fewer than 2^32 */

static uint32_t merge(struct json *j, uint32_t a, uint32_t b)
{
	uint32_t first = END, *last = &first;

	while (a != END && b != END) {
		/* <= keeps equal keys in the order of the text */
		uint32_t *from = json_compare(j, a, b) <= 0 ? &a : &b;

		*last = *from;
		last = &j->tok[*from].link;
		*from = *last;
	}
	*last = a != END ? a : b;
	return first;
}

static void refuse_twin_keys(struct json *j, size_t obj)
{
	uint32_t list[LISTS], all = END;
	size_t end = j->n;

	for (size_t i = 0; i < LISTS; i++)
		list[i] = END;
	for (size_t k = obj + 1; k < end; k = j->tok[k + 1].next) {
		uint32_t run = (uint32_t)k;
		size_t i;

		j->tok[k].link = END;
		for (i = 0; list[i] != END; i++) {
			run = merge(j, list[i], run);
			list[i] = END;
		}
		list[i] = run;
	}
	for (size_t i = 0; i < LISTS; i++)
		all = merge(j, list[i], all);
	for (; all != END && j->tok[all].link != END; all = j->tok[all].link)
		if (json_compare(j, all, j->tok[all].link) == 0)
			json_fail(j, ZT_E_DUP, j->tok[j->tok[all].link].at, "this key was given before");
}

/* ---- the parser ------------------------------------------------------------------------ */

static int peek(const struct parse *p)
{
	return p->pos < p->j->text.n ? p->j->text.p[p->pos] : -1;
}

static void syntax(struct parse *p, const char *what)
{
	json_fail(p->j, ZT_E_SYNTAX, p->pos, what);
}

/* Past the next byte if it is one of these. */
static bool skip(struct parse *p, const char *these)
{
	int c = peek(p);
	bool hit = c > 0 && strchr(these, c);

	p->pos += hit;
	return hit;
}

static void blanks(struct parse *p)
{
	while (skip(p, " \t\n\r"))
		;
}

/* A new token that begins at pos; JSON_NONE when there is no room. */
static size_t add(struct parse *p, enum json_kind kind)
{
	struct json *j = p->j;

	if (j->n == j->cap) {
		json_fail(j, ZT_E_TOOLONG, p->pos, "more values than the bound");
		return JSON_NONE;
	}
	j->tok[j->n] = (struct json_tok){.at = (uint32_t)p->pos, .kind = (uint8_t)kind};
	return j->n++;
}

static void end(struct parse *p, size_t t)
{
	p->j->tok[t].n = (uint32_t)(p->pos - p->j->tok[t].at);
	p->j->tok[t].next = (uint32_t)p->j->n;
}

/* At a character of a string: past it, or an error. */
static void string_char(struct parse *p, struct json_tok *t)
{
	struct span text = p->j->text;
	int c = peek(p);
	size_t n;

	if (c < 0) {
		syntax(p, "the string has no end");
	} else if (c < 0x20) {
		syntax(p, "a control character stands in a string");
	} else if (c == '\\') {
		t->escaped = true;
		if (json_escape(text, p->pos, &n) < 0)
			syntax(p, "not an escape that JSON has, or half a surrogate pair");
		p->pos += n;
	} else {
		n = span_utf8(text, p->pos);
		if (n == 0)
			json_fail(p->j, ZT_E_UTF8, p->pos, "not UTF-8");
		p->pos += n;
	}
}

static void string(struct parse *p)
{
	size_t t = add(p, JSON_STRING);

	if (t == JSON_NONE)
		return;
	p->pos++;
	p->j->tok[t].at++; /* behind the quote; a text of 4 GiB is refused before */
	while (!p->j->err && peek(p) != '"')
		string_char(p, &p->j->tok[t]);
	end(p, t);
	p->pos++;
}

static bool digits(struct parse *p)
{
	size_t from = p->pos;

	while (peek(p) >= '0' && peek(p) <= '9')
		p->pos++;
	if (p->pos == from)
		syntax(p, "a digit is expected");
	return p->pos > from;
}

/* RFC 8259 section 6. What follows a leading zero is left to the caller, who expects no digit. */
static void number(struct parse *p)
{
	size_t t = add(p, JSON_NUMBER);
	bool ok;

	if (t == JSON_NONE)
		return;
	skip(p, "-");
	ok = skip(p, "0") || digits(p);
	if (ok && skip(p, "."))
		ok = digits(p);
	if (ok && skip(p, "eE")) {
		skip(p, "+-");
		digits(p);
	}
	end(p, t);
}

static void word(struct parse *p)
{
	static const struct {
		const char *text;
		enum json_kind kind;
	} words[] = {{"null", JSON_NULL}, {"true", JSON_BOOL}, {"false", JSON_BOOL}};
	size_t t;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct span here = span_sub(p->j->text, p->pos, p->j->text.n);

		if (!span_starts(here, words[i].text))
			continue;
		t = add(p, words[i].kind);
		if (t == JSON_NONE)
			return;
		p->pos += strlen(words[i].text);
		end(p, t);
		return;
	}
	syntax(p, "a value is expected");
}

static bool in_object(const struct parse *p)
{
	return p->depth && p->j->tok[p->open[p->depth - 1]].kind == JSON_OBJECT;
}

/* Past the bracket that ends the innermost container, if that comes next. */
static bool closed(struct parse *p)
{
	size_t t;

	blanks(p);
	if (p->depth == 0 || !skip(p, in_object(p) ? "}" : "]"))
		return false;
	t = p->open[--p->depth];
	end(p, t);
	if (p->j->tok[t].kind == JSON_OBJECT)
		refuse_twin_keys(p->j, t);
	return true;
}

static void open_container(struct parse *p, enum json_kind kind)
{
	size_t t = add(p, kind);

	if (t == JSON_NONE)
		return;
	if (p->depth == DEPTH_MAX) {
		json_fail(p->j, ZT_E_DEPTH, p->pos, "nested deeper than the bound");
		return;
	}
	p->open[p->depth++] = t;
	p->pos++;
}

static void name(struct parse *p)
{
	blanks(p);
	if (peek(p) != '"') {
		syntax(p, "a key in quotes is expected");
		return;
	}
	string(p);
	blanks(p);
	if (!skip(p, ":"))
		syntax(p, "a colon is expected");
}

/* One value. True when it is a container with something in it, which comes next. */
static bool value(struct parse *p)
{
	int c;

	blanks(p);
	c = peek(p);
	if (c == '{' || c == '[') {
		open_container(p, c == '{' ? JSON_OBJECT : JSON_ARRAY);
		return !p->j->err && !closed(p);
	}
	if (c == '"')
		string(p);
	else if (c == '-' || (c >= '0' && c <= '9'))
		number(p);
	else
		word(p);
	return false;
}

static void document(struct parse *p)
{
	struct json *j = p->j;

	do {
		if (in_object(p))
			name(p);
		if (j->err || value(p))
			continue;
		while (!j->err && closed(p))
			;
		if (j->err || p->depth == 0)
			continue;
		if (!skip(p, ","))
			syntax(p, in_object(p) ? "a comma or } is expected" : "a comma or ] is expected");
	} while (p->depth && !j->err);
	blanks(p);
	if (peek(p) >= 0)
		syntax(p, "something follows the document");
}

void json_init(struct json *j, struct json_tok *tok, size_t cap, void *mem, size_t mem_n)
{
	*j = (struct json){.tok = tok, .cap = num_min(cap, BOUND_CAP(BOUND_JSON_TOKENS))};
	j->mem = wr_of(mem, mem_n);
}

int json_parse(struct json *j, struct span text)
{
	struct parse p = {.j = j};

	json_init(j, j->tok, j->cap, j->mem.p, j->mem.cap);
	if (text.n >= UINT32_MAX) {
		json_fail(j, ZT_E_TOOLONG, 0, "longer than the bound");
		return -(int)j->err;
	}
	j->text = text;
	document(&p);
	return -(int)j->err;
}

int json_why(const struct json *j, struct why *w, const char *subject)
{
	if (j->err == ZT_OK)
		return 0;
	if (j->key)
		return why_set(w, j->err, "%s: byte %zu: \"%s\": %s", subject, j->at, j->key, j->what);
	return why_set(w, j->err, "%s: byte %zu: %s", subject, j->at, j->what);
}
