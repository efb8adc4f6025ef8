/*
 * urlpath: the one spelling of a path, used for policy, the log and the origin alike (RFC 3986 section 6.2).
 * Each byte is decoded and written again in the one way zt writes it; "." and ".." are resolved; several
 * slashes are one. What programs read differently is refused, not guessed. Pure.
 *
 * Refused: '#', '\', bytes outside visible ASCII, a '%' without two digits, escaped control bytes and NUL,
 * escapes that are no UTF-8, and, because some origin reads a border of segments there: %2f, %5c, ';' and %3b,
 * and the same behind a second escaping (%252e, %252f, ...).
 */
#ifndef ZT_URLPATH_H
#define ZT_URLPATH_H

#include "wire/httphead.h"

/* Lets %2F, %5C, ';', %3B and double escapes pass, unchanged but for the case of digits. For a host without
 * rules on paths. A segment that is "." or ".." when they are read as borders is refused all the same. */
#define URLPATH_KEEP 1u

/* raw begins with "/" and holds no query. Appended to w: at most 3 bytes for each. 0, or -ZT_E_SYNTAX, or
 * -ZT_E_TOOLONG (HTTPBAD_LONG_LINE) when w is too small; *why says which. On error w is as before. */
int urlpath_canon(struct span raw, unsigned flags, struct wr *w, enum http_refusal *why);

#endif
