/*
 * span: bytes that somebody else owns, and the two cursors that are the only way to walk
 * raw memory in zt. NUL is data: a string is (pointer, length).
 *
 * struct rd reads and struct wr writes; both check every step and go "bad"/"full" for good
 * at the first step that does not fit, so a parser may read ten fields and ask once.
 * A bad reader answers zeros and empty spans and has nothing left, so that a loop over what is
 * left ends; a full writer keeps what fitted before.
 */
#ifndef ZT_SPAN_H
#define ZT_SPAN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *p;
	size_t n;
};

/* printf a span with "%.*s": SPAN_ARG(s). Never for bytes from the network: use jsonw/log. */
#define SPAN_ARG(s) (int)((s).n > 400 ? 400 : (s).n), (const char *)(s).p
#define SPAN_LIT(lit) ((struct span){(const uint8_t *)(lit), sizeof(lit) - 1})
#define SPAN_NONE ((struct span){NULL, 0})

struct span span_of(const void *p, size_t n);
struct span span_str(const char *s);                       /* NULL gives SPAN_NONE */
bool span_eq(struct span a, struct span b);                /* not for secrets: ct_eq */
bool span_eq_str(struct span a, const char *b);
bool span_ieq(struct span a, struct span b);               /* ASCII case folded */
bool span_starts(struct span a, const char *prefix);
bool span_ends(struct span a, const char *suffix);
int span_cmp(struct span a, struct span b);                /* byte order, shorter first */
struct span span_sub(struct span a, size_t from, size_t n);/* clamped to a */
struct span span_trim(struct span a);                      /* spaces and tabs, both ends */
/* Cut at the first c: head gets what is before it, the answer is what is after it. false
 * and *head = a when c does not occur. */
bool span_cut(struct span a, uint8_t c, struct span *head, struct span *rest);
bool span_find(struct span a, uint8_t c, size_t *at);
/* Copy into a C string. -ZT_E_TOOLONG when it does not fit, -ZT_E_SYNTAX on an inner NUL. */
int span_to_cstr(struct span a, char *out, size_t cap);
/* Decimal digits only, no sign, no blanks, no leading zero but "0" itself; <= max. */
int span_u64(struct span a, uint64_t max, uint64_t *out);
bool span_is_utf8(struct span a);                          /* RFC 3629: no overlongs, no surrogates */
/* Bytes of the well-formed UTF-8 character that starts at `at`, 1 to 4; 0 when there is none. */
size_t span_utf8(struct span a, size_t at);
/* How many bytes from at on are printable ASCII or blanks, 0x20 to 0x7e. */
size_t span_text(struct span a, size_t at);

struct rd {
	const uint8_t *p, *end;
	bool bad;
};
struct rd rd_of(struct span s);
size_t rd_left(const struct rd *r);
uint8_t rd_u8(struct rd *r);
uint16_t rd_be16(struct rd *r);
uint32_t rd_be32(struct rd *r);
uint64_t rd_be64(struct rd *r);
uint16_t rd_le16(struct rd *r);
uint32_t rd_le32(struct rd *r);
uint64_t rd_le64(struct rd *r);
struct span rd_bytes(struct rd *r, size_t n);
struct span rd_rest(struct rd *r);

struct wr {
	uint8_t *p;
	size_t n, cap; /* n written of cap */
	bool full;
};
struct wr wr_of(void *mem, size_t cap);
struct span wr_span(const struct wr *w);
void wr_u8(struct wr *w, uint8_t v);
void wr_be16(struct wr *w, uint16_t v);
void wr_be32(struct wr *w, uint32_t v);
void wr_be64(struct wr *w, uint64_t v);
void wr_le16(struct wr *w, uint16_t v);
void wr_le32(struct wr *w, uint32_t v);
void wr_le64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, const void *p, size_t n);
void wr_put(struct wr *w, struct span s);
void wr_str(struct wr *w, const char *s);
void wr_insert(struct wr *w, size_t at, struct span s); /* before what was written at `at`, at <= w->n; s is not of w */
void wr_u64dec(struct wr *w, uint64_t v);
/* For short things: more than 511 bytes count as not fitting. */
void wr_fmt(struct wr *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Overwrite two or four bytes written earlier (lengths known late); at + size <= w->n. */
void wr_patch_be16(struct wr *w, size_t at, uint16_t v);
void wr_patch_le32(struct wr *w, size_t at, uint32_t v);

#endif
