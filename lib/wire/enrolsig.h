/*
 * enrolsig: the two signatures inside zt-enrol/1 (wire/enrol), so that whoever only carries its frames can
 * neither renew nor change whom others trust. docs/protocol.md, "Signatures".
 *   renewal   by the key of the certificate that is renewed: this serial, this request
 *   anchors   by the registry key: these anchors, in this order of events
 */
#ifndef ZT_ENROLSIG_H
#define ZT_ENROLSIG_H

#include "base/err.h"
#include "base/pk.h"

#define ENROLSIG_SERIAL 16
#define ENROLSIG_ANCHORS 3  /* infra, device, acme, each in DER one behind the other; empty: none */
#define ENROLSIG_TRUST 96   /* epoch, number, and a signature of P-256: 16 + 72 at most */

/* 0; -ZT_E_KEY: it cannot sign; -ZT_E_FULL. */
int enrolsig_renewal(struct wr *w, const struct pk_private *key, struct span serial, struct span csr);
/* 0, -ZT_E_DENIED. */
int enrolsig_renewal_by(const struct pk_public *key, struct span serial, struct span csr, struct span sig);

/* Of two the one with the higher epoch is newer, in the same epoch the one with the higher number. */
struct trust_order {
	uint64_t epoch, number;
};
int enrolsig_trust(struct wr *w, const struct pk_private *registry, struct trust_order o,
		   const struct span anchors[static ENROLSIG_ANCHORS]);
/* 0; -ZT_E_DENIED: malformed, or not signed by this key over these anchors. */
int enrolsig_trust_by(const struct pk_public *registry, struct span trust,
		      const struct span anchors[static ENROLSIG_ANCHORS]);
struct trust_order enrolsig_order(struct span trust); /* what it says; {0, 0}: malformed */

#endif
