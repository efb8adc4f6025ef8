/*
 * cookie: the Cookie field of a request (RFC 6265 section 4.2), cut at every ';' whatever else stands there, so
 * that nothing can hide one of zt's cookies from zt; and which cookies are zt's own: names that begin with
 * "__Host-zt", "__Secure-zt" or "zt_", in any case. They never reach an origin, and no origin sets one. Pure.
 */
#ifndef ZT_COOKIE_H
#define ZT_COOKIE_H

#include "wire/httphead.h"

struct cookie {
	struct span name, value; /* blanks around each are gone; without '=' all of it is the name */
	struct span whole;       /* name, '=' and value as sent */
};

/* The next cookie of a field's value, empty ones skipped; *rest moves behind it. */
bool cookie_next(struct span *rest, struct cookie *out);
bool cookie_is_ours(struct span name);
/* The one cookie of this name in all Cookie fields: 1; 0 when there is none; -ZT_E_DUP for two, even if equal;
 * -ZT_E_SYNTAX when its value holds what a cookie's may not. */
int cookie_find(const struct httpfields *fs, const char *name, struct span *value);
/* A Cookie field's value without zt's own; appends nothing when nothing is left. False: w is full, and
 * what it holds is no use. */
bool cookie_strip(struct span value, struct wr *w);
/* A Set-Cookie field's value sets one of zt's. */
bool cookie_sets_ours(struct span set_cookie);

#endif
