/*
 * crl: a certificate revocation list (RFC 5280 section 5) as spans into its DER, entries walked
 * without allocation. Reads and refuses malformed ones; who signed it, whether it is fresh and
 * what to do without one is the caller's to decide, and the right answer to doubt is no.
 */
#ifndef ZT_CRL_H
#define ZT_CRL_H

#include "x509_build.h"

#define CRL_MAX (4u << 20) /* 100,000 entries of 40 bytes */

struct crl {
	struct span der, tbs;   /* all of it; what is signed */
	enum oid sig_alg;
	struct span sig;
	unsigned version;       /* 1 or 2 */
	struct span issuer;     /* Name, whole TLV */
	int64_t this_update, next_update;
	bool has_next;          /* without it nobody knows when it is stale */
	struct span entries;    /* crl_next() */
	size_t count;
	struct span number;     /* without leading zeros, so 0 is empty; at most 20 bytes */
	bool has_number;
	struct span aki;
	bool delta, scoped;     /* a delta list; one with an issuing distribution point (a part) */
	/* OID of the first critical extension, of the list or of an entry, that zt does not know. Deltas
	 * and parts are among them: such a list must not be used (RFC 5280 section 5.2). */
	struct span unknown_critical;
};

struct crl_entry {
	struct span serial;     /* INTEGER contents as they stand: compare with x509.serial */
	int64_t when;
	int reason;             /* RFC 5280 section 5.3.1; -1: none given */
	struct span unknown_critical;
};

/* 0, or -ZT_E_SYNTAX, -ZT_E_TOOLONG, -ZT_E_DUP (an extension twice) with a sentence. All entries
 * have been walked once. */
int crl_read(struct crl *out, struct span der, struct why *w);
/* 1, 0 at the end, -ZT_E_SYNTAX. *rest begins as crl->entries. */
int crl_next(struct span *rest, struct crl_entry *out);
/* Is the serial on it? The whole list is walked. */
bool crl_has(const struct crl *c, struct span serial, struct crl_entry *out);
/* 0, -ZT_E_DENIED. */
int crl_signed_by(const struct crl *c, const struct pk_public *issuer);

struct crl_make {
	struct span issuer;               /* Name, whole TLV */
	int64_t this_update, next_update;
	struct span number;               /* big-endian, at most 20 bytes */
	struct span aki;                  /* key identifier; empty: none */
	const struct crl_entry *entries;  /* serial, when, reason */
	size_t nentries;
};
/* The list, version 2, signed, into w and read again: 0, -ZT_E_FULL, -ZT_E_RANGE (dates, number or
 * a serial cannot be), what sign() said, or what crl_read() said. */
int crl_build(struct wr *w, const struct crl_make *m, const struct signer *s, struct why *why);

#endif
