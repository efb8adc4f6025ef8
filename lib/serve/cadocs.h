/*
 * cadocs: what the authority publishes, as the network side has it: revocation lists, the status list
 * (full or as changes), the anchors. Fetched from ca-sign in parts over serve/caline, one fetch for all
 * who wait for the same, kept while it is the newest. A document is never changed: whoever sends one
 * holds a reference.
 *
 * Each question goes to ca-sign, so that no old answer is ever given for want of asking; but when the
 * number is the one that is known, the bytes are not fetched again.
 */
#ifndef ZT_CADOCS_H
#define ZT_CADOCS_H

#include "caline.h"
#include "decide/certrole.h"
#include "wire/enrol.h"

/* A revocation list of every certificate that the registry has room for: 262,144 entries of 48 bytes. */
#define CADOC_MAX (12u << 20)
_Static_assert(CADOC_MAX >= BOUND_CAP(BOUND_CA_CERTS) * 48, "a list of all certificates");

struct cadoc {
	unsigned refs;
	uint64_t epoch, number;  /* of a status list both; of a CRL its number; of anchors: counted from 1 */
	size_t n;                /* 0: of a status list, what the asker has is the newest */
	size_t part[ANCHORS + 1];/* anchors: bytes of each, one behind the other, by enum cert_anchor; of TRUST */
	uint8_t bytes[];
};
struct cadoc *cadoc_keep(struct cadoc *d);
void cadoc_drop(struct cadoc *d); /* NULL is fine */
struct span cadoc_span(const struct cadoc *d);
/* The anchors of one kind, in DER, newest first; empty: none. Of a document of anchors. */
struct span cadoc_anchors(const struct cadoc *d, enum cert_anchor a);
struct span cadoc_trust(const struct cadoc *d); /* the registry key's signature over them, as ENF_TRUST */

enum cadoc_kind { CADOC_CRL, CADOC_STATUS, CADOC_ANCHORS };
struct cadoc_key {
	enum cadoc_kind kind;
	enum cert_anchor anchor; /* CRL */
	uint32_t generation;     /* CRL: 0, the one that signs now */
	uint64_t epoch, base;    /* status list: what the asker has; 0: nothing, so a full one */
};

struct cadocs;
struct cadoc_wait {          /* its owner's, until done() or cadocs_leave(); zero-initialise */
	/* doc: lives until this returns, longer with cadoc_keep(). Or NULL, and *why says it. */
	void (*done)(struct cadoc_wait *w, struct cadoc *doc, const struct why *why);
	void *at;                /* cadocs' own: what it waits for; NULL: nothing */
	struct cadoc_wait *next;
};

int cadocs_new(struct cadocs **out, struct caline *line); /* -ZT_E_NOMEM */
void cadocs_free(struct cadocs *c); /* nobody waits any more; NULL is fine. Before the line */
/* w->done is set. 0, and done() is called later; -ZT_E_FULL, -ZT_E_NOMEM. */
int cadocs_get(struct cadocs *c, const struct cadoc_key *key, struct cadoc_wait *w);
void cadocs_leave(struct cadoc_wait *w); /* harmless when it waits for nothing */
/* The newest document of this key that was fetched; NULL: none. Asks nobody. */
const struct cadoc *cadocs_known(const struct cadocs *c, const struct cadoc_key *key);
uint64_t cadocs_fetches(const struct cadocs *c); /* how often bytes were fetched */

#endif
