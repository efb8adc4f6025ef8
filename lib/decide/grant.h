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
	const struct conf_list *prefer;     /* ids that serve while they can */
	const struct conf_list *weight;     /* "ID:N" */
};

/* The grant by which it may; NULL: none. */
const struct grant *grant_for(const struct grant *g, size_t n, struct span connector, struct span name);

/* Which of several that it is for serves: is this one preferred, and the share that it takes; 1: nothing is said. */
#define GRANT_WEIGHT 1000 /* the most */
bool grant_prefers(const struct grant *g, struct span connector);
uint32_t grant_weight(const struct grant *g, struct span connector);
/* The two halves of ID:N. -ZT_E_SYNTAX, also for a number above GRANT_WEIGHT. */
int grant_weight_read(struct span text, struct span *id, uint32_t *weight);

/* How much of what a rule announces is granted. In part: a wildcard of any depth whose first level is, or a
 * rule for any name ("" or "*") of a connector that has some. Such a rule serves what is granted. */
enum grant_claim { GRANT_NOTHING, GRANT_PART, GRANT_WHOLE };
enum grant_claim grant_claim(const struct grant *g, size_t n, struct span connector, struct span hostname);

#endif
