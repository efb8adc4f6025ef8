/*
 * registry: everything the authority has ever done, as one journal and an index of it in memory:
 * certificates and what became of them, join tokens and their uses, requests that wait for approval,
 * numbers of status lists and revocation lists, epochs, anchors. One writer (the journal's lock).
 *
 * A change is one record, on disk before the call answers 0, or it did not happen. A certificate is
 * in the same record as its serial, its token's use and its parent: there is no state in between. The
 * certificate itself stays on disk; the index holds where. docs/formats.md, "Registry".
 *
 * It decides nothing about who may ask; roles/ca does. It signs nothing.
 */
#ifndef ZT_REGISTRY_H
#define ZT_REGISTRY_H

#include "base/bounds.h"
#include "base/clock.h"
#include "decide/certrole.h"
#include "decide/renewal.h"
#include "io/journal.h"
#include "wire/statlist.h"
#include "wire/token.h"

struct registry;

enum cert_state {
	CERT_GOOD, CERT_SUPERSEDED, /* renewed; still good until its grace is over */
	CERT_SUSPENDED, CERT_REVOKED, CERT_EXPIRED /* by the time that is asked with */
};
const char *cert_state_name(enum cert_state s);
#define CERT_GRACE RENEWAL_GRACE

struct reg_anchor {
	enum cert_anchor anchor;
	unsigned generation;   /* from 1; a roll-over adds one */
	enum { ANCHOR_NEXT, ANCHOR_SIGNS, ANCHOR_OLD, ANCHOR_RETIRED } state; /* trusted but the last */
	int64_t since;         /* of its state */
	struct span der;       /* the certificate; lives as long as the registry is not changed */
};

struct reg_cert {
	uint8_t serial[CERT_SERIAL], parent[CERT_SERIAL]; /* parent: all zero, none */
	uint8_t key[32];       /* SHA-256 of its SubjectPublicKeyInfo */
	uint8_t token[TOKEN_ID];/* it joined with; all zero: none */
	char id[CERT_ID + 1], name[CERT_NAME_MAX + 1], user[CERT_NAME_MAX + 1];
	enum cert_role role;
	unsigned generation;   /* of its anchor */
	int64_t issued, not_before, not_after;
	int64_t superseded, ended; /* when: renewed; revoked or suspended. 0: not */
	int reason;            /* CRL reason, of revocation */
	bool suspended, revoked;
	int64_t seen;          /* last time it showed itself; 0: never */
	uint64_t offset;       /* the registry's own */
};
enum cert_state reg_cert_state(const struct reg_cert *c, int64_t now);

struct reg_token {
	uint8_t id[TOKEN_ID], secret[TOKEN_SECRET];
	enum cert_role role;
	char name[CERT_NAME_MAX + 1], user[CERT_NAME_MAX + 1];
	uint32_t uses, used;
	int64_t created, expires, lifetime; /* lifetime: of certificates, 0 the role's */
	bool approve, revoked;
	struct addr_net { struct addr net; uint8_t bits; } cidr[8];
	size_t ncidr;
	struct san san[CERT_SANS]; /* names its certificates have; spans live as the registry's */
	size_t nsans;
};

/* A join that waits for somebody's yes. */
struct reg_pending {
	uint64_t number;       /* how it is named */
	uint8_t token[TOKEN_ID], key[32];
	char label[65], peer[64];
	int64_t since;
	bool approved;         /* the next join with this key is granted */
};

struct registry_opts {
	int dirfd;             /* stays the caller's */
	const char *shown;     /* the file, for sentences */
	const struct clock *clock;
	struct bounds *bounds;
	bool create;           /* zt ca init: must not exist yet (-ZT_E_EXISTS) */
};
#define REGISTRY_FILE "registry"
/* 0, or as journal_open(): -ZT_E_LOCKED, -ZT_E_DAMAGED with the offset, -ZT_E_NOTFOUND, … */
int registry_open(struct registry **out, const struct registry_opts *o, struct why *w);
void registry_close(struct registry *r); /* NULL is fine */

/* ---- changes: one record each, on disk when 0 is answered ----------------------------------- */
int registry_begin(struct registry *r, struct span registry_spki, struct why *w); /* the first record: epoch 1 */
int registry_add_anchor(struct registry *r, enum cert_anchor a, struct span der, struct why *w); /* the first of its kind signs, a later one is ANCHOR_NEXT */
int registry_turn_anchor(struct registry *r, enum cert_anchor a, unsigned generation, int state, struct why *w);
/* Serial: unique, and id: unique or the parent's, or -ZT_E_EXISTS. What cert says must be what der says
 * (-ZT_E_BUG). token: counts a use (-ZT_E_TOKEN when there is none left); a
 * pending request of the same key is gone with it. parent: superseded from now on. */
struct reg_issue {
	struct reg_cert cert;  /* issued, superseded, ended, reason, seen, offset, … are ignored */
	struct span der;
};
int registry_issue(struct registry *r, const struct reg_issue *i, struct why *w);
/* Twice is once: 0 and nothing is written. */
int registry_revoke(struct registry *r, const uint8_t serial[static CERT_SERIAL], int reason, struct why *w);
int registry_suspend(struct registry *r, const uint8_t serial[static CERT_SERIAL], bool on, struct why *w);
/* Kept in memory at once, on disk with the next record, or once a day for each. */
void registry_seen(struct registry *r, const uint8_t serial[static CERT_SERIAL]);
int registry_add_token(struct registry *r, const struct reg_token *t, struct why *w);
int registry_revoke_token(struct registry *r, const uint8_t id[static TOKEN_ID], struct why *w);
/* Sets number and since; a join with this key that waits already is answered with its own (and approved). */
int registry_add_pending(struct registry *r, struct reg_pending *p, struct why *w);
int registry_settle_pending(struct registry *r, uint64_t number, bool approve, struct why *w);
/* The next number of a CRL or of the status list. Never given twice: a block of status numbers is
 * reserved on disk, so that a heartbeat costs no fsync. */
int registry_next_crl(struct registry *r, enum cert_anchor a, unsigned generation, uint64_t *number, struct why *w);
int registry_next_list(struct registry *r, uint64_t *number, struct why *w);
int registry_next_epoch(struct registry *r, struct why *w); /* after a restore */
/* Another registry of the same registry key and anchors (an offline authority's; fd is its file, shown its
 * name in sentences): certificates, revocations, suspensions, anchors and numbers that are there and not
 * here. Tokens and waiting joins stay where they are. Whole or damaged, it is read to its end before
 * anything is taken; an error later leaves what was taken, and the same again takes the rest. *taken: how
 * many records, 0 the second time. -ZT_E_DENIED: another authority's. */
int registry_adopt(struct registry *r, int fd, const char *shown, uint64_t *taken, struct why *w);
/* Rewrite the file with what still counts. It is done unasked when more than half of it does not. */
int registry_compact(struct registry *r, struct why *w);

/* ---- questions: no disk ---------------------------------------------------------------------- */
struct span registry_key(const struct registry *r); /* SubjectPublicKeyInfo of the registry key */
uint64_t registry_epoch(const struct registry *r);
size_t registry_anchors(const struct registry *r, struct reg_anchor *out, size_t cap); /* newest first */
const struct reg_anchor *registry_signing(const struct registry *r, enum cert_anchor a);
size_t registry_count(const struct registry *r);
const struct reg_cert *registry_find(const struct registry *r, const uint8_t serial[static CERT_SERIAL]); /* O(log n) */
const struct reg_cert *registry_by_key(const struct registry *r, const uint8_t key[static 32]); /* the newest */
/* In order of issue; start with i = 0, NULL at the end. */
const struct reg_cert *registry_at(const struct registry *r, size_t i);
/* The newest with this name (or id), whatever became of it. */
const struct reg_cert *registry_by_name(const struct registry *r, struct span name);
const struct reg_token *registry_token(const struct registry *r, const uint8_t id[static TOKEN_ID]);
const struct reg_token *registry_token_at(const struct registry *r, size_t i);
const struct reg_pending *registry_pending_at(const struct registry *r, size_t i);
const struct reg_pending *registry_pending_of(const struct registry *r, const uint8_t key[static 32]);
/* ---- and one that reads it ------------------------------------------------------------------- */
/* The certificate into mem; answers its length. */
int registry_der(struct registry *r, const struct reg_cert *c, uint8_t *mem, size_t cap, struct why *w);

#endif
