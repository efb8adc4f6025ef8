/* json_int: what the files of json share: json.c (the parser), json_text.c, json_ask.c. Nobody else includes it. */
#ifndef ZT_JSON_INT_H
#define ZT_JSON_INT_H

#include "json.h"

/* json_ask.c: the first error stays. what: lives on. */
void json_fail(struct json *j, enum zt_err err, size_t at, const char *what);

/* json_text.c */

/* The escape at s[at], which is a backslash: the code point, and its length in *n. -1: none. */
int32_t json_escape(struct span s, size_t at, size_t *n);
/* One character of a string that has been checked, as UTF-8 in mem. */
struct span json_char(struct span s, size_t *at, uint8_t mem[static 4]);
struct span json_raw(const struct json *j, size_t v); /* the value's bytes in the text */
/* Order of two strings, by the bytes of what they mean. */
int json_compare(const struct json *j, size_t a, size_t b);
bool json_same(const struct json *j, size_t v, struct span want); /* a string that means this */

#endif
