/*
 * srec: what the store writes into its journal: typed record <-> fields of a struct jrec.
 * Pure. docs/formats.md, section Journal, "Records of the store".
 */
#ifndef ZT_SREC_H
#define ZT_SREC_H

#include "wire/jrec.h"

#define STORE_KEY_MAX 255
#define STORE_VALUE_MAX 32768 /* a record of the journal holds it with room to spare */

/* Keys of different spaces never meet. The values are in files. */
enum store_space { STORE_VALUE = 1, STORE_COUNTER = 2, STORE_ONCE = 3, STORE_EVENT = 4 };

enum srec_type { SREC_SET = 1, SREC_DROP = 2, SREC_LAST_EVENT = 3 };

struct srec {
	enum srec_type type;
	enum store_space space; /* set, drop */
	struct span key;        /* set, drop: 1 to STORE_KEY_MAX bytes; an event's are 8, its id */
	struct span value;      /* set: a counter's are 8 */
	int64_t expires;        /* set: Unix ms, 0 = never */
	uint64_t id;            /* last event; set in STORE_EVENT: the key as a number */
};

/* The fields, in memory that must stay in place while they are used. */
struct srec_fields {
	struct jtlv t[4];
	size_t n;
	uint8_t space, eight[8];
};

#define SREC_VERSION 1 /* of every type */

void srec_encode(const struct srec *s, struct srec_fields *out);
/* 0, -ZT_E_VERSION for a type, version or space that is not known, -ZT_E_DAMAGED when fields are
 * missing or of the wrong size. Spans point to where r's do. */
int srec_decode(const struct jrec *r, struct srec *out);

#endif
