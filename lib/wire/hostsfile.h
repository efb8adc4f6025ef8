/*
 * hostsfile: what /etc/hosts says about a name (hosts(5)). Pure: searches the text where it
 * lies. A line is an address and the names it has; '#' starts a comment anywhere; a line
 * whose address cannot be read (a zone as in fe80::1%lo0, which needs the names of this
 * machine's interfaces, or plain junk) says nothing, as in every other program that reads it.
 */
#ifndef ZT_HOSTSFILE_H
#define ZT_HOSTSFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"
#include "base/span.h"

/* Read one line, without its newline. false: it says nothing. */
bool hosts_line(struct span line, struct addr *ip, struct span *names);
/* Take the first of blank-separated words off *rest; false when there is none. */
bool hosts_word(struct span *rest, struct span *word);

/* The addresses of name (no final dot, any case), in the order of the file, each once, at most
 * cap. Only the first BOUND_HOSTS_ENTRIES lines that say something are looked at. */
size_t hosts_find(struct span text, struct span name, struct addr *out, size_t cap);
/* How much of text hosts_find() would ever look at: what is worth keeping. *cut is set when
 * that is not all of it. */
struct span hosts_head(struct span text, bool *cut);

#endif
