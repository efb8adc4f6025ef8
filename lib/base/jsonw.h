/*
 * jsonw: writes JSON into a struct wr. Commas and escaping are its business; the caller's is
 * to open and close in pairs. Strings are made safe for terminals too: control characters,
 * DEL, the C1 range, U+2028, U+2029 and the marks that turn the direction of text are
 * escaped, bytes that are not UTF-8 become U+FFFD.
 * Check w->full at the end: a document that did not fit must not be used.
 */
#ifndef ZT_JSONW_H
#define ZT_JSONW_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

#define JSONW_DEPTH 31

struct jsonw {
	struct wr *w;
	unsigned depth;
	uint32_t filled; /* bit d: something was written at depth d, so a comma comes next */
	bool after_key;
};

void jsonw_init(struct jsonw *j, struct wr *w);
void jsonw_open(struct jsonw *j, char brace);  /* '{' or '[' */
void jsonw_close(struct jsonw *j, char brace); /* '}' or ']' */
void jsonw_key(struct jsonw *j, const char *key);
void jsonw_key_span(struct jsonw *j, struct span key);
void jsonw_span(struct jsonw *j, struct span s);
/* As jsonw_span, of whole characters that come to at most max bytes as written, quotes not
 * counted. false when that cut something off. */
bool jsonw_cut(struct jsonw *j, struct span s, size_t max);
/* What is one JSON value already: a number kept as text, a document of another process. */
void jsonw_raw(struct jsonw *j, struct span json);
void jsonw_str(struct jsonw *j, const char *s); /* NULL writes null */
void jsonw_u64(struct jsonw *j, uint64_t v);
void jsonw_i64(struct jsonw *j, int64_t v);
void jsonw_bool(struct jsonw *j, bool v);
void jsonw_null(struct jsonw *j);

/* One quoted, escaped string, outside any document. */
void jsonw_quote(struct wr *w, struct span s);
/* Its inside alone, cut as by jsonw_cut; answers how many bytes of s went in. */
size_t jsonw_escape(struct wr *w, struct span s, size_t max);

#endif
