/*
 * authority: is whoever answers the authority, and is what it grants what was asked for? Asked by a
 * machine that joins, renews or watches (wire/enrol), which believes no DNS name and no other authority
 * here: only keys, by their pins. Pure.
 */
#ifndef ZT_AUTHORITY_H
#define ZT_AUTHORITY_H

#include "certrole.h"
#include "wire/enrol.h"

struct authority_pins {
	uint8_t pin[ENROL_CERTS][32]; /* SHA-256 of the SubjectPublicKeyInfo of infra anchors */
	size_t n;
	const char *by;               /* who names them, for sentences: "the token" */
	struct span certs;            /* in DER, one behind the other, where they are known; borrowed */
};
/* Those of certificates in DER, one behind the other. -ZT_E_SYNTAX: one is malformed or no authority. */
int authority_pins_of(struct authority_pins *out, struct span certs, const char *by, struct why *w);

struct authority_now {
	int64_t now, floor; /* seconds since 1970; floor: the newest time known to be past */
};

/*
 * The chain that the TLS server shows, its own certificate first: good for a server of the role registry,
 * signed by a certificate of an authority whose pin is known. That certificate stands in the chain or
 * among those of the pins. server: SHA-256 of the server's own key. 0, or -ZT_E_DENIED with a sentence that
 * names both pins.
 */
int authority_met(const struct span *chain, size_t n, const struct authority_pins *pins, struct authority_now at,
		  uint8_t server[static 32], struct why *w);

struct authority_asked {
	struct span spki;        /* the key that the certificate was asked for */
	enum cert_role role;
	struct span registry;    /* the registry key that is pinned already; empty: none yet */
	const struct authority_pins *pins;
	struct authority_now at;
};
/* Is it: a certificate for this key, of this role, in date, signed by the role's own anchor; infra
 * anchors of which one was known; a registry key as pinned? -ZT_E_DENIED and what is wrong. */
int authority_granted(const struct enrol *granted, const struct authority_asked *asked, struct why *w);
/* Anchors (ENROL_ANCHORS, and those in GRANTED): signed by the registry key, and one of infra was known. */
int authority_anchors(const struct enrol *m, const struct authority_asked *asked, struct why *w);

/* Which anchor of the list signed this certificate for a role of anchor `a`, and for which; its role, or
 * ROLE_NONE. The time is not looked at. */
enum cert_role authority_role(const struct x509 *c, enum cert_anchor a, struct span anchors);

#endif
