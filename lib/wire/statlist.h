/*
 * statlist: the signed status list: what the authority says of every certificate, session, user
 * and grant that is alive. Bytes <-> struct, and the signature. Pure codec; what a receiver makes of
 * it, and that it never goes back, is decide/status. docs/formats.md, "Status list".
 *
 * Layout, little-endian: magic "ztstatl1", u8 kind (1 full, 2 delta), 7 zero bytes, u64 epoch,
 * u64 number, u64 base (delta: the number that it changes; full: 0), i64 issued (seconds since 1970),
 * u32 n, then n entries {u8 what, u8 state, u16 zero, 16 bytes key} in byte order of (what, key),
 * no two the same; u16 length of the signature, ECDSA P-256 with SHA-256 over
 * "zt status list" 00 and everything before that length.
 */
#ifndef ZT_STATLIST_H
#define ZT_STATLIST_H

#include "base/bounds.h"
#include "base/err.h"
#include "base/pk.h"

#define STATLIST_KEY 16
#define STATLIST_HEAD 52
#define STATLIST_ENTRY 20
#define STATLIST_TAIL 74   /* at most: u16 and an ECDSA P-256 signature, 2 + 2 * (2 + 33) bytes of DER */
#define STATLIST_MOST BOUND_CAP(BOUND_STATUS_ENTRIES)
#define STATLIST_BYTES(n) (STATLIST_HEAD + (size_t)(n) * STATLIST_ENTRY + STATLIST_TAIL)

/* A certificate is named by its serial (16 bytes, as issued), others by 16 bytes of their own. */
enum status_what { STATUS_CERT = 1, STATUS_SESSION = 2, STATUS_USER = 3, STATUS_GRANT = 4 };
/* What is not on a full list is unknown, and unknown is refused. STATUS_SUPERSEDED is still good: the
 * authority takes it off the list when its grace is over. STATUS_GONE stands in deltas only: the entry
 * has left the list (a certificate that has expired). */
enum status_state { STATUS_GOOD = 1, STATUS_SUSPENDED = 2, STATUS_REVOKED = 3, STATUS_SUPERSEDED = 4, STATUS_GONE = 5 };
enum statlist_kind { STATLIST_FULL = 1, STATLIST_DELTA = 2 };

struct status_entry {
	uint8_t what, state;
	uint8_t key[STATLIST_KEY];
};

struct statlist {
	enum statlist_kind kind;
	uint64_t epoch, number, base;
	int64_t issued;
	uint32_t n;
	struct span entries;    /* n times STATLIST_ENTRY bytes; statlist_entry() */
	struct span signed_part, sig;
};

/* Everything checked but the signature and what a receiver knows already: form, order, known values,
 * epoch and number from 1, number > base, issued after 1970. 0, -ZT_E_SYNTAX, -ZT_E_TOOLONG (more than
 * STATLIST_MOST), -ZT_E_VERSION; then *out is all zero. */
int statlist_read(struct statlist *out, struct span bytes, struct why *w);
void statlist_entry(const struct statlist *l, uint32_t i, struct status_entry *out); /* i < l->n */
/* 0, -ZT_E_DENIED. registry is a P-256 key; any other is denied. */
int statlist_signed_by(const struct statlist *l, const struct pk_public *registry);

/* The unsigned part: the head says l->n, so many entries follow, in order; or w is full. Then sign what
 * was written, from its first byte at `from` on, with statlist_seal(). */
void statlist_write_head(struct wr *w, const struct statlist *l);
void statlist_write_entry(struct wr *w, const struct status_entry *e);
int statlist_seal(struct wr *w, size_t from, const struct pk_private *registry); /* 0, -ZT_E_KEY, -ZT_E_FULL */
int status_entry_cmp(const struct status_entry *a, const struct status_entry *b); /* by what, then key */

#endif
