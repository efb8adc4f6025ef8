/*
 * grant: may this connector serve this name? What a connector announces is a wish; what it may serve is
 * written at the edge, by the id of its certificate. Whoever steals a connector's key has the names granted
 * to it and no others. Pure.
 *
 * An ingress rule for "*.example.org" means any depth, a grant of the same text one label: a rule is never
 * wider than its grant, because each request's name is asked about here once more.
 */
#ifndef ZT_GRANT_H
#define ZT_GRANT_H

#include "namematch.h"

/* One [grant NAME]: these connectors may serve these names. Strings of the configuration. */
struct grant {
	const char *name;                   /* the section's */
	const struct conf_list *connectors; /* ids, compared as they are; one that is "*" is every connector */
	const struct conf_list *names;      /* exact, or "*." and one label more */
};

/* The grant by which it may; NULL: none. */
const struct grant *grant_for(const struct grant *g, size_t n, struct span connector, struct span name);

/* How much of what a rule announces is granted. In part: a wildcard of any depth whose first level is, or a
 * rule for any name ("" or "*") of a connector that has some. Such a rule serves what is granted. */
enum grant_claim { GRANT_NOTHING, GRANT_PART, GRANT_WHOLE };
enum grant_claim grant_claim(const struct grant *g, size_t n, struct span connector, struct span hostname);

#endif
