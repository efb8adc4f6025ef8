/*
 * conf_checks: what is wrong with a configuration whose single values are all good: keys that
 * exclude or need each other, names given twice. Run over the whole configuration by its
 * supervisor; a child has only some of the keys and skips what it cannot judge.
 */
#ifndef ZT_CONF_CHECKS_H
#define ZT_CONF_CHECKS_H

#include "conf_schema.h"

extern void (*const conf_checks[])(const void *root, struct conf_build *b); /* ends with NULL */

#endif
