/*
 * conf_checks: what is wrong with a configuration whose single values are all good: keys that
 * exclude or need each other, names given twice. Run over the whole configuration by its
 * supervisor; a child has only some of the keys and skips what it cannot judge.
 */
#ifndef ZT_CONF_CHECKS_H
#define ZT_CONF_CHECKS_H

#include "base/span.h"
#include "conf_schema.h"

extern void (*const conf_checks[])(const void *root, struct conf_build *b); /* ends with NULL */

/* Of the edge, the connector and the tunnel; in conf_checks_web.c. */
void conf_check_web(const void *root, struct conf_build *b);
/* Shared: addresses of one key that cannot be bound together; what is wrong with a name that is served. */
void conf_check_listen(struct conf_build *b, const char *section, const char *key, const struct conf_list *l);
bool conf_collide(const struct addr *a, const struct addr *b); /* they cannot be bound together */
const char *conf_name_wrong(struct span name);

#endif
