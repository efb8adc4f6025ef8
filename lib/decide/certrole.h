/*
 * certrole: THE table of what zt issues: for each role the anchor it is valid under, its purposes,
 * the names it may have, how long it lives; and the template that makes a certificate of a wish.
 * Pure. A request proves a key and nothing else: names, purposes and dates come from here.
 */
#ifndef ZT_CERTROLE_H
#define ZT_CERTROLE_H

#include <stdbool.h>

#include "wire/addr.h"
#include "wire/csr.h"
#include "wire/x509_build.h"

enum cert_anchor { ANCHOR_INFRA, ANCHOR_DEVICE, ANCHOR_ACME, ANCHORS };
const char *anchor_name(enum cert_anchor a); /* "infra" */
int anchor_find(struct span name, enum cert_anchor *out); /* 0, -ZT_E_UNKNOWN */

/* The numbers are in files and tokens. */
enum cert_role { ROLE_NONE, ROLE_EDGE = 1, ROLE_CONNECTOR = 2, ROLE_CLIENT = 3, ROLE_SERVICE = 4, ROLE_DEVICE = 5,
		 ROLE_REGISTRY = 6, CERT_ROLES };

struct cert_role_row {
	const char *name;
	enum cert_anchor anchor;
	uint32_t eku;            /* EKU_SERVER, EKU_CLIENT or, for the connector, both */
	bool dns, ip;            /* may have DNS names, IP addresses beside its zt:// name */
	bool needs_name;         /* must have at least one of these */
	bool joins;              /* a join token may be for it */
	bool renews;             /* may renew itself over TLS */
	int64_t lifetime;        /* default, seconds */
	const char *about;       /* one line for --help */
};
const struct cert_role_row *cert_role(unsigned role); /* NULL: no such role, ROLE_NONE too */
int cert_role_find(struct span name, enum cert_role *out); /* 0, -ZT_E_UNKNOWN */

#define CERT_LIFETIME_MIN 60
#define CERT_LIFETIME_MAX (3653 * INT64_C(86400))  /* ten years, three leap days */
#define ANCHOR_LIFETIME (7305 * INT64_C(86400))    /* twenty: certificates of ten years for ten years */
#define CERT_BACKDATE 300  /* not before: five minutes ago, for clocks that are behind */
#define CERT_SERIAL 16
#define CERT_ID 24         /* opaque id: hex digits of 12 random bytes */
#define CERT_NAME_MAX 64   /* what people call it: a-z A-Z 0-9 . _ - @; in the registry only, never in the certificate */
#define CERT_SANS 16
#define CERT_CA_ID 16      /* hex digits of the anchor's SPKI digest in zt:// names */

/* 1..CERT_NAME_MAX of these, begins with a letter or digit, and is no id or serial number in hex. */
bool cert_name_ok(struct span name);

struct cert_wish {
	enum cert_role role;
	struct span id;          /* CERT_ID hex digits */
	struct span serial;      /* CERT_SERIAL bytes, first 0x01..0x7f */
	struct span spki;        /* of a request whose signature was checked */
	struct san san[CERT_SANS]; /* DNS and IP only */
	size_t nsans;
	int64_t now, not_after;  /* not_after 0: the role's default lifetime from now, or the issuer's end */
};
struct cert_issuer {
	const struct x509 *cert;
	char ca_id[CERT_CA_ID + 1];
};
void cert_issuer_of(struct cert_issuer *out, const struct x509 *anchor);

/* The names alone, for a token as well. 0, -ZT_E_DENIED, -ZT_E_RANGE. */
int cert_sans_check(enum cert_role role, const struct san *sans, size_t nsans, struct why *w);
/* May it be, in words that name the option: SANs that the role does not have, a wildcard or a name
 * that is not one, no name where one is needed, a lifetime too short, over ten years or beyond the
 * issuer's, an issuer out of date, a weak key or the issuer's own. 0, -ZT_E_DENIED, -ZT_E_RANGE, -ZT_E_KEY. */
int cert_wish_check(const struct cert_wish *wish, const struct cert_issuer *by, struct why *w);
/* The certificate, into w: cert_wish_check() first, then x509_build(), then a look at the signature:
 * -ZT_E_KEY when s is not the issuer's key. */
int cert_make(struct wr *w, const struct cert_wish *wish, const struct cert_issuer *by, const struct signer *s,
	      struct why *why);
/* A self-signed anchor: CA:TRUE critical, path length 0, certSign and cRLSign. CN = "zt infra CA" and
 * eight hex digits of its key, so that a roll-over's two have two names. */
int anchor_make(struct wr *w, enum cert_anchor a, struct span serial, struct span spki, int64_t now, int64_t lifetime,
		const struct signer *s, struct why *why);
/* Can this certificate of somebody else's making be an anchor of ours? It must be a root. 0, -ZT_E_DENIED,
 * -ZT_E_KEY. */
int anchor_check(const struct x509 *c, int64_t now, struct why *w);

#endif
