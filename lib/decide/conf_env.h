/*
 * conf_env: what a variable of the environment means for a schema. Pure.
 *
 * ZT_SECTION_KEY sets a key of a singleton; ZT_SECTION_KEY_FILE names a file that holds the
 * value. '-' in a section is '_' here: ZT_AUTH_GATE_LISTEN. A key's own name wins over the
 * _FILE reading: ZT_LOG_FILE is [log] file, and ZT_LOG_FILE_FILE reads it from a file. A test
 * proves that no two meanings of the product's tables share a spelling.
 */
#ifndef ZT_CONF_ENV_H
#define ZT_CONF_ENV_H

#include "base/span.h"
#include "conf_schema.h"

#define CONF_ENV_MAX 80 /* "ZT_" + 16 + "_" + 49 + "_FILE" + NUL = 75 */

enum conf_env_kind {
	CONF_ENV_OTHER,    /* not ours */
	CONF_ENV_KEY,      /* section, key */
	CONF_ENV_KEY_FILE, /* section, key */
	CONF_ENV_NAMED,    /* section: named ones cannot be set from the environment */
	CONF_ENV_UNKNOWN,  /* section: it has no such key; near: the likely name, or "" */
	CONF_ENV_NEAR      /* no such section, but near is a likely name */
};

struct conf_env {
	enum conf_env_kind kind;
	const struct conf_section *section;
	const struct conf_key *key;
	char near[CONF_ENV_MAX];
};

void conf_env_match(const struct conf_schema *s, struct span variable, struct conf_env *out);
/* "ZT_LOG_LEVEL", "ZT_LOG_LEVEL_FILE" */
void conf_env_name(const struct conf_section *sec, const struct conf_key *key, bool file,
		   char out[static CONF_ENV_MAX]);

#endif
