/*
 * conf_emit: a configuration struct -> text, by its schema. Pure but for scratch memory.
 *
 * The canonical text holds every key of every singleton and of every named section in the
 * order written, with defaults filled in; list items stand on lines of their own; a key that
 * has neither value nor default is left out, and so is a singleton that lacks what it requires. It parses
 * back to the same values, so equal configurations have equal texts and equal digests.
 */
#ifndef ZT_CONF_EMIT_H
#define ZT_CONF_EMIT_H

#include "base/crypto.h"
#include "base/span.h"
#include "conf_schema.h"

enum conf_reveal {
	CONF_WHOLE, /* with secrets: for a sealed memfd, nowhere else */
	CONF_SHOWN  /* secrets that are set become "***": for people and logs */
};

/* Only keys with a bit of who, only sections with such a key. w->full when it did not fit. */
void conf_schema_emit(const struct conf_schema *s, const void *root, unsigned who, enum conf_reveal r,
		      struct wr *w);
/* SHA-256 of the canonical text for CONF_FOR_ALL. 0, -ZT_E_NOMEM, or -ZT_E_FULL when the text
 * is longer than BOUND_CONF_FILE and so could not be read back. */
int conf_schema_digest(const struct conf_schema *s, const void *root, enum conf_reveal r,
		       uint8_t out[static SHA256_LEN]);
/* Wipe every secret and zero every value. */
void conf_schema_clear(const struct conf_schema *s, void *root);

/* config.ini.example: every section and key with its documentation; keys are commented out as
 * "#key = default" (no blank after the mark), prose as "# prose", the header of a named section
 * as "#[word example]". */
void conf_schema_example(const struct conf_schema *s, struct wr *w);

#endif
