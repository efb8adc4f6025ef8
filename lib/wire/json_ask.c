/*
 * json_ask: the questions of json.h to a document that was parsed. Unescaped strings go into memory
 * of the caller. The first thing that is not as asked for stays the error, as the parser's would.
 */
#include "json_int.h"

#include <string.h>

void json_fail(struct json *j, enum zt_err err, size_t at, const char *what)
{
	if (j->err)
		return;
	j->err = err;
	j->at = at;
	j->what = what;
}

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
	json_fail(j, ZT_E_SYNTAX, j->tok[v].at, expected[kind]);
	return false;
}

size_t json_find(struct json *j, size_t obj, const char *key)
{
	struct span want = span_str(key);

	if (j->err == ZT_OK)
		j->key = key;
	if (!must_be(j, obj, JSON_OBJECT))
		return JSON_NONE;
	for (size_t k = obj + 1; k < j->tok[obj].next; k = j->tok[k + 1].next)
		if (json_same(j, k, want))
			return k + 1;
	return JSON_NONE;
}

size_t json_get(struct json *j, size_t obj, const char *key)
{
	size_t v = json_find(j, obj, key);

	if (v == JSON_NONE && obj < j->n)
		json_fail(j, ZT_E_MISSING, j->tok[obj].at, "is missing");
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
	return must_be(j, v, JSON_NUMBER) ? json_raw(j, v) : SPAN_NONE;
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
		json_fail(j, ZT_E_RANGE, j->tok[v].at, "the number is out of range");
	else if (rc < 0)
		json_fail(j, ZT_E_SYNTAX, j->tok[v].at, "a whole number is expected");
	return rc < 0 ? 0 : u;
}

uint64_t json_u64(struct json *j, size_t v, uint64_t max)
{
	bool negative;
	uint64_t u = whole(j, v, &negative);

	if ((u == 0 || !negative) && u <= max)
		return u;
	json_fail(j, ZT_E_RANGE, j->tok[v].at, "the number is out of range");
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
	json_fail(j, ZT_E_RANGE, j->tok[v].at, "the number is out of range");
	return 0;
}

static struct span unescaped(struct json *j, size_t v)
{
	struct span s = json_raw(j, v);
	struct wr before = j->mem;

	if (!j->tok[v].escaped)
		return s;
	for (size_t i = 0; i < s.n;) {
		uint8_t mem[4];

		wr_put(&j->mem, json_char(s, &i, mem));
	}
	if (!j->mem.full)
		return span_sub(wr_span(&j->mem), before.n, j->mem.n);
	j->mem = before;
	json_fail(j, ZT_E_TOOLONG, j->tok[v].at, "longer than there is memory for");
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
	return must_be(j, v, JSON_STRING) && json_same(j, v, span_str(text));
}
