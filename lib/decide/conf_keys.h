/*
 * conf_keys: the product's tables: every section and key there is, with type, default, bounds,
 * documentation and the processes that need it. A new key is one row here and one field in
 * config.h; `zt check --example` then writes config.ini.example.
 */
#ifndef ZT_CONF_KEYS_H
#define ZT_CONF_KEYS_H

#include "conf_schema.h"

extern const struct conf_schema conf_keys;

#endif
