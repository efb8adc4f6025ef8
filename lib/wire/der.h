/*
 * der: strict DER (X.690) as cursors, no allocation, no recursion. What is not the one DER
 * encoding of its value is refused: indefinite or non-minimal lengths, tag numbers above 30,
 * non-minimal INTEGERs, BOOLEANs other than 00 and FF, unused bits that are not zero, text
 * outside a type's alphabet.
 *
 * Reading: struct der is a cursor over the contents of one constructed value; like rd it goes
 * bad for good at the first fault and then answers empty values, so a parser asks once.
 * Writing: into a struct wr from front to back; der_close() puts the length in front of what was
 * written since its der_open(), which moves those bytes by one to five.
 */
#ifndef ZT_DER_H
#define ZT_DER_H

#include "base/span.h"

enum {
	DER_BOOLEAN = 0x01, DER_INTEGER = 0x02, DER_BITSTRING = 0x03, DER_OCTETS = 0x04, DER_NULL = 0x05,
	DER_OID = 0x06, DER_ENUM = 0x0a, DER_UTF8 = 0x0c, DER_NUMERIC = 0x12, DER_PRINTABLE = 0x13, DER_T61 = 0x14,
	DER_IA5 = 0x16, DER_UTCTIME = 0x17, DER_GENTIME = 0x18, DER_VISIBLE = 0x1a, DER_UNIVERSAL = 0x1c, DER_BMP = 0x1e,
	DER_SEQUENCE = 0x30, DER_SET = 0x31
};
#define DER_CTX(n) (0x80 | (n))  /* [n] IMPLICIT, primitive */
#define DER_CTXC(n) (0xa0 | (n)) /* [n] constructed */

struct der {
	struct rd r;
};

struct der_tlv {
	uint8_t tag;
	struct span value; /* the contents */
	struct span whole; /* tag and length too: what was signed, compared, copied */
};

struct der der_of(struct span contents);
bool der_bad(const struct der *d);
bool der_more(const struct der *d);                 /* something is left, and nothing was bad */
void der_spoil(struct der *d);                      /* the caller found a fault */
uint8_t der_peek(const struct der *d);              /* the next tag; 0 at the end */
struct der_tlv der_any(struct der *d);
struct der_tlv der_take(struct der *d, uint8_t tag);/* bad when the next tag is another */
bool der_optional(struct der *d, uint8_t tag, struct der_tlv *out); /* false: not there; d stays */
struct der der_enter(struct der *d, uint8_t tag);   /* a cursor over the contents */
/* The end of a value: bad in `inner` or something left over makes d bad. */
void der_leave(struct der *d, const struct der *inner);
/* One value and nothing behind it: its contents; *ok false otherwise. */
struct der der_whole(struct span bytes, uint8_t tag, bool *ok);

bool der_bool(struct der *d);
/* Contents of a minimal INTEGER (big-endian, two's complement), at least one byte. */
struct span der_integer(struct der *d);
/* A non-negative one without its leading zero byte (so 0 is empty); bad when negative. */
struct span der_unsigned(struct der *d);
uint64_t der_u64(struct der *d, uint64_t max);      /* bad when negative or above max */
struct span der_oid(struct der *d);                 /* contents, well-formed base 128 */
struct span der_octets(struct der *d);
struct span der_bits(struct der *d, unsigned *unused); /* the bytes; *unused = low bits not used */
struct span der_bits_whole(struct der *d);          /* bad unless whole bytes */
/* UTCTime or GeneralizedTime as X.509 wants it, a date of the calendar: seconds since 1970. */
int64_t der_time(struct der *d);
/* A string type, and nothing outside its alphabet. (PrintableString: "*&@_" too.) */
bool der_is_text(const struct der_tlv *t);

void der_wr(struct wr *w, uint8_t tag, struct span contents);
size_t der_open(struct wr *w, uint8_t tag);         /* answers the mark for der_close */
void der_close(struct wr *w, size_t mark);
void der_wr_null(struct wr *w);
void der_wr_bool(struct wr *w, bool v);             /* DEFAULT FALSE is the caller's: leave it out */
void der_wr_u64(struct wr *w, uint64_t v);
void der_wr_unsigned(struct wr *w, struct span big_endian); /* leading zeros are taken off, one is put where needed */
void der_wr_oid(struct wr *w, struct span contents);
void der_wr_octets(struct wr *w, struct span s);
void der_wr_bits(struct wr *w, struct span s, unsigned unused);
/* UTCTime from 1950 to 2049, else GeneralizedTime (RFC 5280 section 4.1.2.5); seconds since
 * 1970. A year outside 0..9999 does not fit: w is full. */
void der_wr_time(struct wr *w, int64_t t);

#endif
