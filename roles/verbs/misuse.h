/* misuse: what a command of roles/verbs says when it was called wrongly. */
#ifndef ZT_MISUSE_H
#define ZT_MISUSE_H

#include "base/err.h"

/* "zt VERB: WHAT 'GOT'", and where its options are listed; got NULL: without. EXIT_ZT_USAGE. */
enum zt_exit verb_misuse(const char *verb, const char *help, const char *what, const char *got);

#endif
