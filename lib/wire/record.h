/*
 * record: TLS 1.2 records (RFC 5246 section 6.2, RFC 5288, RFC 7905) after a handshake that ran
 * elsewhere: what is left of a connection is two keys, two nonces and two counters. In place on
 * the caller's bytes; no buffer, no descriptor.
 *
 * A key must never seal two records with one counter. So the hand-over moves: record_init()
 * wipes what it was given, a struct record is never copied while both copies live, and there is
 * no way to set a counter back.
 */
#ifndef ZT_RECORD_H
#define ZT_RECORD_H

#include "base/aead.h"
#include "base/err.h"
#include "base/tlskdf.h" /* suites, struct record_keys */

#define RECORD_PLAIN 16384
#define RECORD_HEADER 5
#define RECORD_OVERHEAD (RECORD_HEADER + 8 + AEAD_TAG) /* at most */
#define RECORD_MAX (RECORD_PLAIN + RECORD_OVERHEAD)

enum record_type { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

struct record {
	struct aead aead;
	uint64_t seq;
	uint8_t iv[12];
	uint8_t kind;
};

void record_init(struct record *r, enum aead_kind k, struct record_keys *keys); /* wipes keys */
void record_wipe(struct record *r);

/* Bytes between the start of a record and its plaintext: 13 (GCM) or 5 (ChaCha20). */
size_t record_head(const struct record *r);
/* Plaintext of n <= RECORD_PLAIN bytes stands at mem + record_head(); mem has AEAD_TAG bytes
 * behind it. Answers the length of the record, which starts at mem; -ZT_E_RANGE when the counter
 * is used up (2^48 records; callers rotate long before) or the key was wiped. */
int record_seal(struct record *r, enum record_type type, uint8_t *mem, size_t n);

struct record_plain {
	uint8_t type;
	uint8_t *p;
	size_t n;
};
/* The first record in mem[n], in place. > 0: its length, *out filled; ZT_MORE; -ZT_E_SYNTAX
 * (header: type, version, length), -ZT_E_DENIED (not authentic), -ZT_E_RANGE (2^48 records).
 * After an error the connection is over: the key is wiped, every later call answers
 * -ZT_E_DENIED. A header is judged before its body is there. An empty plaintext is allowed. */
int record_open(struct record *r, uint8_t *mem, size_t n, struct record_plain *out);
/* How many bytes the record at mem says it needs in all, up to 65540: more than RECORD_MAX is
 * what record_open() refuses. 0 while its header is incomplete. */
size_t record_need(const uint8_t *mem, size_t n);

#endif
