/*
 * conf_build: fills one configuration struct from texts and environment values by a schema,
 * and knows where everything came from. Scratch: made for one load, freed after it.
 *
 * Rules it keeps (docs/formats.md says them to users):
 *   a key is set once over all files; the environment replaces it, once;
 *   a singleton section may appear in several files, but once in each;
 *   a named section is written in one place;
 *   a key that nothing sets has its default.
 * Everything wrong goes to the fault list; reading goes on after a fault.
 */
#ifndef ZT_CONF_BUILD_H
#define ZT_CONF_BUILD_H

#include "base/pool.h"
#include "base/span.h"
#include "conf_fault.h"
#include "conf_schema.h"

/* root: zeroed, outlives the build; its strings and lists go into mem. Keys whose `who` has no
 * bit of `who` are refused and stay zero (strings ""). 0 or -ZT_E_NOMEM. */
int conf_build_open(struct conf_build **out, const struct conf_schema *s, unsigned who, void *root,
		    struct arena *mem, struct conf_faults *faults);
void conf_build_free(struct conf_build *b); /* NULL is allowed */

/* Add one file's text. 0 or -ZT_E_NOMEM; faults are in the list. */
int conf_build_text(struct conf_build *b, struct span text, const char *name);
/* One value from the environment, judged as the line "key = value" would be; further lines
 * (only lists take them) are items. variable: the name that faults cite. */
int conf_build_env(struct conf_build *b, const struct conf_section *sec, const struct conf_key *key,
		   const char *variable, struct span value);
/* Defaults, required keys, cross-key checks (those only when no fault was found before).
 * 0, -ZT_E_CONFIG when the list holds a fault, -ZT_E_NOMEM. */
int conf_build_end(struct conf_build *b);

const struct conf_schema *conf_build_schema(const struct conf_build *b);
struct conf_faults *conf_build_faults(const struct conf_build *b);

/* For checks: where a singleton's key was set; where it was not, the section; else line 1 of
 * the first file. */
struct conf_place conf_build_place(const struct conf_build *b, const char *section, const char *key);
/* The same for the section that fills `object` (a struct of the root, or of a named section).
 * Answers whether somebody has set that key. */
bool conf_build_set(const struct conf_build *b, const void *object, const char *key, struct conf_place *at);
/* Which keys are read: a check that needs them all asks for CONF_FOR_ALL. */
unsigned conf_build_who(const struct conf_build *b);

#endif
