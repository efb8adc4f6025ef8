/*
 * idrenew: renews an identity in its place, shown to the authority over TLS: `zt id renew` and, when it is
 * time, serve/follow. The key of a renewal that got no answer is kept and asked with again, because another
 * key would look like somebody who has a copy of the identity. No private key is in memory while the
 * network is talked to.
 */
#ifndef ZT_IDRENEW_H
#define ZT_IDRENEW_H

#include "enrolcall.h"
#include "wire/csr.h"

/* A renewal, whoever talks to the authority: r->id is open; then r->e, r->where and r->floor say what is to be
 * talked about. begin forgets the key. It points into itself: do not move it. */
struct idrenewal {
	struct identity id; /* the caller's, who closes it */
	struct identity_where where;
	struct enrolee e;
	int64_t floor;
	/* its own */
	struct authority_pins pins;
	uint8_t csr[CSR_MAX];
	struct csr request; /* spans into csr */
	uint8_t signature[PK_SIG_MAX];
	struct wr signed_by; /* the key that is renewed; into signature */
};
int idrenewal_begin(struct idrenewal *r, bool same_key, int64_t now, struct why *w);
/* What came of it: 0 when it was a certificate, and identity.pem has it. */
int idrenewal_store(struct idrenewal *r, enum enrolee_event ev, const struct enrol *m, struct why *w);
void idrenewal_over(struct idrenewal *r, int rc); /* the talk is */

struct idrenew {
	const char *who, *dir; /* "zt id renew"; the directory, absolute */
	bool same_key;
};
/* May an identity of this role show itself to the authority, to renew or to watch? -ZT_E_DENIED: the
 * role does not renew itself. */
int idrenew_role(enum cert_role role, struct why *w);
/* 0: identity.pem is the new one. -ZT_E_DENIED: it is too late, or the authority refuses. */
int idrenew(const struct idrenew *o, struct why *w);

#endif
