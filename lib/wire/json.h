/*
 * json: a bounded, strict reader for RFC 8259. Pure: no memory of its own, no recursion, no
 * floating point. A document becomes a flat list of tokens in the caller's array, which point
 * into the caller's text; then values are asked for by name.
 *
 * Strict means: one value and nothing behind it, UTF-8 without a byte order mark, no lone
 * surrogate, no raw control character, no leading zero, no trailing comma, no NaN, and no key
 * twice in one object (compared after unescaping: readers disagree on which one counts, and
 * that is how tokens are forged). Depth and tokens are bounded by their rows in base/bounds.h,
 * tokens also by the caller's array. Work is O(n log n) whatever the text.
 *
 * The first error stays, with its offset in the text, as in struct rd: ask for ten fields,
 * then look at err once.
 *
 *	struct json_tok tok[64];
 *	uint8_t mem[1024];
 *	struct json j;
 *
 *	json_init(&j, tok, ARRAY_LEN(tok), mem, sizeof mem);
 *	json_parse(&j, text);
 *	c.issuer  = json_str(&j, json_get(&j, JSON_ROOT, "iss"));
 *	c.expires = json_u64(&j, json_get(&j, JSON_ROOT, "exp"), UINT64_MAX);
 *	c.admin   = json_bool(&j, json_find(&j, JSON_ROOT, "admin")); // optional, else false
 *	keys      = json_get(&j, JSON_ROOT, "keys");
 *	for (v = json_first(&j, keys, JSON_ARRAY); v != JSON_NONE; v = json_next(&j, keys, v))
 *		…
 *	if (j.err)
 *		return json_why(&j, why, "the token");
 */
#ifndef ZT_JSON_H
#define ZT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/err.h"
#include "base/span.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_tok {
	uint32_t at, n;  /* the value's bytes in the text; a string's without its quotes */
	uint32_t next;   /* the token behind this value and everything inside it */
	uint32_t link;   /* the parser's: keys in order while it looks for one given twice */
	uint8_t kind;    /* enum json_kind */
	bool escaped;    /* a string with at least one backslash */
};

struct json {
	struct span text;
	struct json_tok *tok;
	size_t n, cap;       /* tokens used and there are */
	struct wr mem;       /* unescaped strings */
	enum zt_err err;     /* the first error, ZT_OK before */
	size_t at;           /* its offset in the text */
	const char *what;    /* its words */
	const char *key;     /* the key last asked for, or NULL: set with the error */
};

/* A value is named by its token: JSON_ROOT is the document, JSON_NONE is no value. Everything
 * below answers JSON_NONE, zero, false or an empty span for JSON_NONE and after an error. */
#define JSON_ROOT ((size_t)0)
#define JSON_NONE SIZE_MAX

/* mem takes the strings that had escapes, each time one is asked for; unescaped they are never
 * longer than in the text. It may be NULL with mem_n = 0. */
void json_init(struct json *j, struct json_tok *tok, size_t cap, void *mem, size_t mem_n);
/* text must outlive the use of j. 0 or -(enum zt_err), which is in j->err too: SYNTAX, UTF8,
 * DUP, DEPTH, or TOOLONG (tokens, or a text of 4 GiB). May be called again for another text. */
int json_parse(struct json *j, struct span text);
/* "the token: byte 17: \"exp\": a whole number is expected". Answers -(j->err). */
int json_why(const struct json *j, struct why *w, const char *subject);

/* The member of an object. json_get: it must be there, else the error is ZT_E_MISSING;
 * json_find: JSON_NONE when it is not. Either way obj has to be an object. */
size_t json_get(struct json *j, size_t obj, const char *key);
size_t json_find(struct json *j, size_t obj, const char *key);

/* Elements of an array, or the members' values of an object; v has to be of that kind. */
size_t json_first(struct json *j, size_t v, enum json_kind kind);
size_t json_next(struct json *j, size_t v, size_t element);
struct span json_key(struct json *j, size_t member); /* unescaped; member is from json_first/_next */

bool json_is(const struct json *j, size_t v, enum json_kind kind); /* no error when it is not */
bool json_bool(struct json *j, size_t v);
/* Whole numbers without fraction or exponent, exact; ZT_E_RANGE outside [min, max]. */
uint64_t json_u64(struct json *j, size_t v, uint64_t max);
int64_t json_i64(struct json *j, size_t v, int64_t min, int64_t max);
/* The digits as written, for numbers that are not whole. */
struct span json_number(struct json *j, size_t v);
/* Unescaped: in the text itself where it has no escapes, else in mem (ZT_E_TOOLONG when that
 * is full). May hold any character, NUL too: span_to_cstr() refuses that. */
struct span json_str(struct json *j, size_t v);
bool json_eq(struct json *j, size_t v, const char *text); /* a string, and this one; not for secrets */

#endif
