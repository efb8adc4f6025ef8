/*
 * conf_value: text <-> one typed value, for every conf_type. Pure; strings go into the arena.
 * The text of a value is canonical: writing a value and reading it again gives the same, and
 * equal values have equal texts.
 */
#ifndef ZT_CONF_VALUE_H
#define ZT_CONF_VALUE_H

#include "base/pool.h"
#include "base/span.h"
#include "conf_schema.h"

size_t conf_value_size(enum conf_type t);
const char *conf_type_name(enum conf_type t); /* "duration", for documents */

/* One value of k (of a list: one item) to `to`. 0, -ZT_E_NOMEM, or another error with a
 * sentence in why that quotes the text, unless the key is secret. */
int conf_value_read(const struct conf_key *k, struct span text, struct arena *mem, void *to, struct wr *why);
void conf_value_write(const struct conf_key *k, const void *from, struct wr *w);
/* Back to zero; the text of a secret is wiped. */
void conf_value_clear(const struct conf_key *k, void *at);
/* A required value may not be this. */
bool conf_value_empty(const struct conf_key *k, const void *from);

/* Items of one line: separated by commas, one comma may end the line. Appends. */
int conf_list_read(const struct conf_key *k, struct span text, struct arena *mem, struct conf_list *to,
		   struct wr *why);
/* Item i < l->n. */
const void *conf_list_at(const struct conf_key *k, const struct conf_list *l, size_t i);

#endif
