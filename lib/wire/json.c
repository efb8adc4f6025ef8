/*
 * json: the parser and the questions of json.h. It owns nothing: tokens and unescaped strings
 * go into memory of the caller. The parser is one loop over an explicit stack of open
 * containers; every byte is read through peek().
 */
#include "json.h"

#include <string.h>

#include "base/num.h"

#define DEPTH_MAX BOUND_CAP(BOUND_JSON_DEPTH)

struct parse {
	struct json *j;
	size_t pos;
	size_t depth;
	size_t open[DEPTH_MAX]; /* tokens of the containers around pos */
};

static void fail(struct json *j, enum zt_err err, size_t at, const char *what)
{
	if (j->err)
		return;
	j->err = err;
	j->at = at;
	j->what = what;
}

/* ---- characters of a string ---------------------------------------------------------- */

static int hex4(struct span s, size_t at)
{
	struct span digits = span_sub(s, at, 4);
	int v = 0;

	for (size_t i = 0; i < digits.n; i++) {
		int c = digits.p[i], low = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (low - 'a' + 10);
		else
			return -1;
	}
	return digits.n == 4 ? v : -1;
}

static const char escape_letters[] = "\"\\/bfnrt", escape_values[] = "\"\\/\b\f\n\r\t";

/* The escape at s[at], which is a backslash: the code point, and its length in *n. -1: none. */
static int32_t escape(struct span s, size_t at, size_t *n)
{
	const char *simple;
	int hi, lo;

	*n = 2;
	if (s.n - at < 2)
		return -1;
	simple = s.p[at + 1] ? strchr(escape_letters, s.p[at + 1]) : NULL;
	if (simple)
		return escape_values[simple - escape_letters];
	if (s.p[at + 1] != 'u' || (hi = hex4(s, at + 2)) < 0)
		return -1;
	*n = 6;
	if (hi < 0xd800 || hi > 0xdfff)
		return hi;
	/* RFC 8259 section 7: U+10000 and above are a pair of surrogates, high then low. */
	if (hi > 0xdbff || s.n - at < 12 || s.p[at + 6] != '\\' || s.p[at + 7] != 'u')
		return -1;
	lo = hex4(s, at + 8);
	if (lo < 0xdc00 || lo > 0xdfff)
		return -1;
	*n = 12;
	return 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
}

static void put_utf8(struct wr *w, uint32_t c)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	wr_u8(w, (uint8_t)(lead[more ? more + 1 : 0] | c >> 6 * more));
	while (more--)
		wr_u8(w, (uint8_t)(0x80 | (c >> 6 * more & 0x3f)));
}

/* One character of a string that has been checked, as UTF-8 in mem. */
static struct span next_char(struct span s, size_t *at, uint8_t mem[static 4])
{
	struct wr w = wr_of(mem, 4);
	size_t n;

	if (s.p[*at] == '\\')
		put_utf8(&w, (uint32_t)escape(s, *at, &n));
	else
		wr_put(&w, span_sub(s, *at, n = span_utf8(s, *at)));
	*at += n;
	return wr_span(&w);
}

static struct span raw(const struct json *j, size_t v)
{
	return span_sub(j->text, j->tok[v].at, j->tok[v].n);
}

/* Order of two strings, by the bytes of what they mean. */
static int compare(const struct json *j, size_t a, size_t b)
{
	struct span x = raw(j, a), y = raw(j, b);
	size_t i = 0, k = 0;

	if (!j->tok[a].escaped && !j->tok[b].escaped)
		return span_cmp(x, y);
	while (i < x.n && k < y.n) {
		uint8_t xm[4], ym[4];
		struct span xc = next_char(x, &i, xm), yc = next_char(y, &k, ym);
		int c = span_cmp(xc, yc);

		if (c != 0)
			return c;
	}
	return (i < x.n) - (k < y.n);
}

/* ---- a key given twice: sort the keys, equal ones are then neighbours ------------------ */

#define END UINT32_MAX
#define LISTS 32 /* list i holds 2^i keys; tokens are fewer than 2^32 */

static uint32_t merge(struct json *j, uint32_t a, uint32_t b)
{
	uint32_t first = END, *last = &first;

	while (a != END && b != END) {
		/* <= keeps equal keys in the order of the text */
		uint32_t *from = compare(j, a, b) <= 0 ? &a : &b;

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
		if (compare(j, all, j->tok[all].link) == 0)
			fail(j, ZT_E_DUP, j->tok[j->tok[all].link].at, "this key was given before");
}

/* ---- the parser ------------------------------------------------------------------------ */

static int peek(const struct parse *p)
{
	return p->pos < p->j->text.n ? p->j->text.p[p->pos] : -1;
}

static void syntax(struct parse *p, const char *what)
{
	fail(p->j, ZT_E_SYNTAX, p->pos, what);
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
		fail(j, ZT_E_TOOLONG, p->pos, "more values than the bound");
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
		if (escape(text, p->pos, &n) < 0)
			syntax(p, "not an escape that JSON has, or half a surrogate pair");
		p->pos += n;
	} else {
		n = span_utf8(text, p->pos);
		if (n == 0)
			fail(p->j, ZT_E_UTF8, p->pos, "not UTF-8");
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
		fail(p->j, ZT_E_DEPTH, p->pos, "nested deeper than the bound");
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
		fail(j, ZT_E_TOOLONG, 0, "longer than the bound");
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

/* ---- questions --------------------------------------------------------------------------- */

static const char *const expected[] = {
	[JSON_NULL] = "null is expected",         [JSON_BOOL] = "true or false is expected",
	[JSON_NUMBER] = "a number is expected",   [JSON_STRING] = "a string is expected",
	[JSON_ARRAY] = "an array is expected",    [JSON_OBJECT] = "an object is expected",
};

/* False for no value and after an error; an error for a value of another kind. */
static bool must_be(struct json *j, size_t v, enum json_kind kind)
{
	if (j->err || v >= j->n)
		return false;
	if (j->tok[v].kind == kind)
		return true;
	fail(j, ZT_E_SYNTAX, j->tok[v].at, expected[kind]);
	return false;
}

static bool same(const struct json *j, size_t v, struct span want)
{
	struct span s = raw(j, v);
	size_t i = 0, k = 0;

	if (!j->tok[v].escaped)
		return span_eq(s, want);
	while (i < s.n) {
		uint8_t mem[4];
		struct span c = next_char(s, &i, mem);

		if (!span_eq(c, span_sub(want, k, c.n)))
			return false;
		k += c.n;
	}
	return k == want.n;
}

size_t json_find(struct json *j, size_t obj, const char *key)
{
	struct span want = span_str(key);

	if (j->err == ZT_OK)
		j->key = key;
	if (!must_be(j, obj, JSON_OBJECT))
		return JSON_NONE;
	for (size_t k = obj + 1; k < j->tok[obj].next; k = j->tok[k + 1].next)
		if (same(j, k, want))
			return k + 1;
	return JSON_NONE;
}

size_t json_get(struct json *j, size_t obj, const char *key)
{
	size_t v = json_find(j, obj, key);

	if (v == JSON_NONE && obj < j->n)
		fail(j, ZT_E_MISSING, j->tok[obj].at, "is missing");
	return v;
}

/* The value at token t of container v, behind its key in an object. */
static size_t element_at(const struct json *j, size_t v, size_t t)
{
	return t < j->tok[v].next ? t + (j->tok[v].kind == JSON_OBJECT) : JSON_NONE;
}

size_t json_first(struct json *j, size_t v, enum json_kind kind)
{
	return must_be(j, v, kind) ? element_at(j, v, v + 1) : JSON_NONE;
}

size_t json_next(struct json *j, size_t v, size_t element)
{
	if (j->err || v >= j->n || element >= j->n)
		return JSON_NONE;
	return element_at(j, v, j->tok[element].next);
}

bool json_is(const struct json *j, size_t v, enum json_kind kind)
{
	return j->err == ZT_OK && v < j->n && j->tok[v].kind == kind;
}

bool json_bool(struct json *j, size_t v)
{
	return must_be(j, v, JSON_BOOL) && j->tok[v].n == strlen("true");
}

struct span json_number(struct json *j, size_t v)
{
	return must_be(j, v, JSON_NUMBER) ? raw(j, v) : SPAN_NONE;
}

/* The magnitude of a whole number; a text that is none is an error. */
static uint64_t whole(struct json *j, size_t v, bool *negative)
{
	struct span s = json_number(j, v);
	uint64_t u = 0;
	int rc;

	*negative = s.n && s.p[0] == '-';
	if (s.n == 0)
		return 0;
	rc = span_u64(span_sub(s, *negative, s.n), UINT64_MAX, &u);
	if (rc == -ZT_E_RANGE)
		fail(j, ZT_E_RANGE, j->tok[v].at, "the number is out of range");
	else if (rc < 0)
		fail(j, ZT_E_SYNTAX, j->tok[v].at, "a whole number is expected");
	return rc < 0 ? 0 : u;
}

uint64_t json_u64(struct json *j, size_t v, uint64_t max)
{
	bool negative;
	uint64_t u = whole(j, v, &negative);

	if ((u == 0 || !negative) && u <= max)
		return u;
	fail(j, ZT_E_RANGE, j->tok[v].at, "the number is out of range");
	return 0;
}

int64_t json_i64(struct json *j, size_t v, int64_t min, int64_t max)
{
	bool negative;
	uint64_t u = whole(j, v, &negative);
	int64_t i;

	if (j->err || v >= j->n)
		return 0;
	/* -2^63 has no positive twin: negate as unsigned. */
	i = (int64_t)(negative ? -u : u);
	if (u <= (uint64_t)INT64_MAX + negative && i >= min && i <= max)
		return i;
	fail(j, ZT_E_RANGE, j->tok[v].at, "the number is out of range");
	return 0;
}

static struct span unescaped(struct json *j, size_t v)
{
	struct span s = raw(j, v);
	struct wr before = j->mem;

	if (!j->tok[v].escaped)
		return s;
	for (size_t i = 0; i < s.n;) {
		uint8_t mem[4];

		wr_put(&j->mem, next_char(s, &i, mem));
	}
	if (!j->mem.full)
		return span_sub(wr_span(&j->mem), before.n, j->mem.n);
	j->mem = before;
	fail(j, ZT_E_TOOLONG, j->tok[v].at, "longer than there is memory for");
	return SPAN_NONE;
}

struct span json_str(struct json *j, size_t v)
{
	return must_be(j, v, JSON_STRING) ? unescaped(j, v) : SPAN_NONE;
}

struct span json_key(struct json *j, size_t member)
{
	/* A member's value is right behind its key. */
	return j->err || member == 0 || member >= j->n ? SPAN_NONE : json_str(j, member - 1);
}

bool json_eq(struct json *j, size_t v, const char *text)
{
	return must_be(j, v, JSON_STRING) && same(j, v, span_str(text));
}
