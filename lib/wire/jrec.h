/*
 * jrec: records of a journal, bytes <-> struct. Pure. The format, the rule that tells a torn
 * tail from damage, and the reasons are in docs/formats.md, section Journal.
 */
#ifndef ZT_JREC_H
#define ZT_JREC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/span.h"

enum {
	JREC_MAGIC = 16,
	JREC_HEAD = 16,
	JREC_MIN = 24,                               /* head 16 + type and version 4 + padding 4 */
	JREC_MAX = BOUND_CAP(BOUND_JOURNAL_RECORD),  /* a whole record */
	JREC_BATCH = 2 * JREC_MAX,                   /* the most that is written at once */
	JREC_SECTOR = 512,                           /* the smallest unit that a disk writes */
	JREC_OWN = 0xff00,                           /* types from here on are the journal's own */
	JREC_BASE = 0xff00,
	JREC_BASE_COUNT = 1,                         /* tag: u64, records before the base record */
};

extern const uint8_t jrec_magic[JREC_MAGIC];

struct jtlv {
	uint16_t tag;
	struct span value;
};

struct jrec {
	uint64_t seq;
	uint16_t type, version;
	struct span tlvs; /* well-formed; walk it with jtlv_next() */
};

enum jrec_fault {
	JREC_OK,
	JREC_SHORT,    /* not all of it is there */
	JREC_LENGTH,   /* the length field contradicts itself or is out of range */
	JREC_CHECKSUM,
	JREC_FORM,     /* the checksum is right but the inside is not a record: a writer's bug */
};
const char *jrec_fault_text(enum jrec_fault f);

/* The first 16 bytes of a file: 0, -ZT_E_VERSION (another layout version), -ZT_E_DAMAGED. */
int jrec_check_magic(struct span head);

/* Bytes of the record with these fields; 0 when it would be longer than JREC_MAX. */
size_t jrec_size(const struct jtlv *t, size_t n);
/* Write r->seq, type, version and the fields t (r->tlvs is not looked at). Answers the bytes
 * written, or -ZT_E_TOOLONG with w unchanged: over JREC_MAX, or w has no room. */
int jrec_encode(struct wr *w, const struct jrec *r, const struct jtlv *t, size_t n);
/* Answers the size of the record at the front of `in`, ZT_MORE, or -ZT_E_DAMAGED; *fault says
 * which. out->tlvs points into `in`. */
int jrec_decode(struct span in, struct jrec *out, enum jrec_fault *fault);

/* May an interrupted append have left this? at: offset in the file; rest: all bytes from there
 * to its end; seq: the number the next record must have. */
bool jrec_torn(uint64_t at, struct span rest, uint64_t seq);

/* Take the first field off *rest; false at the end. */
bool jtlv_next(struct span *rest, struct jtlv *out);
/* The first field with this tag. */
bool jrec_find(const struct jrec *r, uint16_t tag, struct span *value);
bool jrec_find_u64(const struct jrec *r, uint16_t tag, uint64_t *value); /* exactly 8 bytes */

#endif
