/*
 * pathpat: regular expressions for paths, matched in time linear in the path: a program of at most PATHPAT_OPS
 * steps is run over every byte once, with a set of places instead of a stack to go back to, so no pattern and no
 * path can make it explode. Pure; neither compiling nor matching recurses.
 *
 * The language is the part of RE2's that paths need, with RE2's meaning:
 *     x . [a-z] [^a-z] \d \w \s \D \W \S (in classes too)   one byte; . is all but a newline
 *     \. \/ \\ ...                                          punctuation for itself
 *     ^ \A $ \z                                             beginning and end of the path
 *     e* e+ e? e{m} e{m,} e{m,n}, with ? behind it, too     m, n up to 1000
 *     ef   e|f   (e)  (?:e)  (?i)  (?i:e)                   (?i) holds until the end of its group
 * Anything else is refused, and nothing is guessed. A pattern is ASCII, as canonical paths are: a byte beyond
 * stands there as %XX. It is looked for anywhere in the path, unless ^ and $ say otherwise.
 */
#ifndef ZT_PATHPAT_H
#define ZT_PATHPAT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/span.h"

#define PATHPAT_TEXT 250 /* bytes of a pattern */
#define PATHPAT_OPS 512  /* steps of its program, counted repetitions written out */
#define PATHPAT_SETS 48  /* different classes in it */
#define PATHPAT_DEPTH 32 /* groups in groups */

struct pathpat; /* immutable; belongs to its arena */

/* 0; -ZT_E_SYNTAX, -ZT_E_TOOLONG (one of the bounds), -ZT_E_NOMEM. why: where, and what is wrong there. */
int pathpat_compile(struct pathpat **out, struct span text, struct arena *mem, struct why *w);
size_t pathpat_ops(const struct pathpat *p);
bool pathpat_match(const struct pathpat *p, struct span path);
/* The same, and how many steps it took: at most (path.n + 1) * pathpat_ops(p). */
bool pathpat_match_counted(const struct pathpat *p, struct span path, uint64_t *steps);

#endif
