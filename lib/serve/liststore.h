/*
 * liststore: the signed status lists that make up the newest state: the last full one and the changes since, one
 * behind the other, for whoever comes later and has to check all of them. Whether a list is signed is for who
 * puts it in.
 */
#ifndef ZT_LISTSTORE_H
#define ZT_LISTSTORE_H

#include "decide/status.h"

/* Changes that are kept behind a full list: more, and a full one should be asked for. With a list every 15 s of
 * 126 bytes that is every half hour, or later where the full list is long. Each of them is a signature to be
 * checked by whoever comes new. */
#define LISTSTORE_CHANGES(full) (16384 + (full) / 4)
#define LISTSTORE_MOST ((8u << 20) + LISTSTORE_CHANGES(8u << 20)) /* ENROL_LIST_MAX, and its changes */

struct liststore { /* all zero: empty */
	uint8_t *mem; /* {u32 length, list}…, as wire/keepmsg hands them on */
	size_t n, room, full; /* full: bytes of the first */
	struct status_seen newest; /* the last */
};

/* Would liststore_add() put it in? 0; -ZT_E_EXISTS: it, or a newer one, is there; -ZT_E_NOTFOUND: it changes a list
 * that is not the newest here. */
int liststore_fits(const struct liststore *s, const struct statlist *l);
/* A full list takes the place of all. As liststore_fits(); or -ZT_E_NOMEM: nothing is left of the others, because what
 * comes next would not fit. */
int liststore_add(struct liststore *s, struct span list, const struct statlist *l);
/* {u32 length, list}… that who has seen this much lacks, or all of them when no change begins there; none: he has all. */
struct span liststore_after(const struct liststore *s, const struct status_seen *seen);
bool liststore_is_long(const struct liststore *s);
void liststore_clear(struct liststore *s);

#endif
