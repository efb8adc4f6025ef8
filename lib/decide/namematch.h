/*
 * namematch: the one answer to "is this name meant by that pattern", for certificates, TLS plans, hosts and
 * grants. Whoever compared names in a way of its own would open what another one closed. Pure.
 */
#ifndef ZT_NAMEMATCH_H
#define ZT_NAMEMATCH_H

#include <stdbool.h>

#include "base/span.h"
#include "conf_schema.h"

/* RFC 6125 as zt means it everywhere: case folded, one trailing dot ignored, "*." stands for
 * exactly one left-most label, never for a public-suffix-like single label ("*.com" matches
 * nothing). Both in A-label form. */
bool name_matches(struct span pattern, struct span name);
/* Is it a DNS name as zt accepts them: 1..253 bytes, labels 1..63 of letters, digits, - and _,
 * no label that begins or ends with -, not all digits in the last label, no trailing dot? */
bool name_is_dns(struct span name);
/* May something with this pattern match at all: a DNS name, or "*." and one of two labels or more? */
bool name_is_pattern(struct span pattern);
bool name_is_wildcard(struct span pattern);

/* Does one of these patterns, strings of the configuration, match: an exact one, or with wildcard one of
 * the others? An exact name beats a wildcard, so everybody asks twice. */
bool names_match(const struct conf_list *patterns, struct span name, bool wildcard);

#endif
