/*
 * trust: whom zt believes: the certificates of a PEM file, made ready for checking chains. Owns
 * copies of what it needs of each (name, key, dates, path length); what a peer shows is checked
 * against them by io/chain during a handshake, or by trust_verify() without one.
 *
 * An anchor counts only on a day on which it is valid itself. One with name constraints is not
 * usable: nothing here could hold a chain to them.
 */
#ifndef ZT_TRUST_H
#define ZT_TRUST_H

#include "base/bounds.h"
#include "base/err.h"
#include "decide/leaf.h"
#include "wire/tlsmsg.h"

struct trust;

enum trust_kind {
	TRUST_SYSTEM, /* a distribution's bundle: what zt cannot use is left out and counted */
	TRUST_FILE,   /* somebody's own file: every certificate in it must be usable */
	TRUST_CLIENTS /* the same, and the names must fit into what is sent to clients */
};

/* Bytes of names in a CertificateRequest. RFC 5246 section 7.4.4 allows 65,535; clients read them
 * all, and a server that asks for one of 140 public authorities is a mistake. */
#define TRUST_NAMES 16384

/* pem: the contents of `file`, which sentences name. At most BOUND_TLS_ANCHORS. 0 and *out, or
 * with a sentence -ZT_E_SYNTAX, -ZT_E_KEY, -ZT_E_MISSING (none inside), -ZT_E_TOOLONG, -ZT_E_NOMEM. */
int trust_new(struct trust **out, struct span pem, const char *file, enum trust_kind kind, struct why *w);
void trust_free(struct trust *t); /* NULL is allowed */
size_t trust_size(const struct trust *t);
size_t trust_skipped(const struct trust *t); /* TRUST_SYSTEM: how many zt cannot use */

/* Does this chain (DER, leaf first, in order) lead to one of the anchors? The very check that a
 * handshake does: signatures, dates at `now` (seconds since 1970), CA flags, path lengths, key
 * usage, purposes of the authorities, key sizes, hashes, and the name (empty: any). What is to be
 * said about the leaf alone is decide/leaf's. */
struct trust_ask {
	enum leaf_use use;
	struct span name;
	int64_t now;
};
enum tls_fault trust_verify(const struct span *chain, size_t n, const struct trust *t, const struct trust_ask *ask);

#endif
