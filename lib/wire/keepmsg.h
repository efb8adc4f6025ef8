/*
 * keepmsg: what the keeper of an identity and a worker of its role say to each other, a packet each.
 * docs/formats.md, "Keeper and worker". Pure codec.
 *
 * Layout, little-endian: u8 type, u8 1 (version), u16 zero, then the fields of the type. With LIST and OFFER comes one
 * descriptor: a sealed memory file of {u32 length, a status list as it was signed}, one after another, in
 * the order in which they are to be applied. The reader checks each anew.
 */
#ifndef ZT_KEEPMSG_H
#define ZT_KEEPMSG_H

#include "base/err.h"
#include "base/span.h"

#define KEEPMSG_MAX 28
#define KEEPMSG_SERIAL 16

#define KEEPMSG_TYPES(X)                                                                          \
	X(KEEP_LIST, 1, 'k', "status lists; the newest is this one")                              \
	X(KEEP_IDENTITY, 2, 'k', "the certificate that the identity has now")                     \
	X(KEEP_ANCHORS, 3, 'k', "other anchors are in their files")                               \
	X(KEEP_STUCK, 4, 'k', "the identity may not be used, or is no good")                      \
	X(KEEP_WHOLE, 16, 'w', "begin again with a full list")                                    \
	X(KEEP_OFFER, 17, 'w', "status lists that came to the worker")

enum keepmsg_type {
#define X(id, value, from, text) id = value,
	KEEPMSG_TYPES(X)
#undef X
};

struct keepmsg {
	enum keepmsg_type type;
	uint64_t epoch, number;           /* LIST */
	uint8_t serial[KEEPMSG_SERIAL];   /* IDENTITY */
	int64_t not_after;
};

void keepmsg_write(struct wr *w, const struct keepmsg *m);
/* from: 'k' or 'w', who must have sent it. 0, -ZT_E_SYNTAX, -ZT_E_UNKNOWN, -ZT_E_VERSION. */
int keepmsg_read(struct span packet, char from, struct keepmsg *out);
/* Takes the next list off r: 1, 0 at the end, -ZT_E_SYNTAX. */
int keepmsg_next_list(struct rd *r, struct span *list);

#endif
