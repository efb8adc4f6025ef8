/*
 * leaf: the strict second look at a peer's certificate, after BearSSL has accepted its chain
 * (or instead of it, when a pin is all that counts). BearSSL takes a certificate of the wrong
 * purpose, a CA as a leaf, SHA-1, names from the CN, weak keys; this does not. Pure: time and
 * expectations are handed in, the answer is the first reason against it, from a closed list.
 */
#ifndef ZT_LEAF_H
#define ZT_LEAF_H

#include "certrole.h"
#include "namematch.h"
#include "wire/addr.h"
#include "wire/x509.h"

#define LEAF_REASONS(X)                                                                           \
	X(LEAF_OK, "ok", "it is good")                                                            \
	X(LEAF_MALFORMED, "malformed", "it is not a well-formed certificate")                     \
	X(LEAF_VERSION, "version", "it is not an X.509 version 3 certificate")                    \
	X(LEAF_EARLY, "not-yet-valid", "it is not valid yet")                                     \
	X(LEAF_EXPIRED, "expired", "it has expired")                                              \
	X(LEAF_CLOCK, "clock", "this machine's clock is before the time zt was built or last told") \
	X(LEAF_CA, "is-ca", "it is a certificate authority, not a server or a client")            \
	X(LEAF_USAGE, "key-usage", "its key usage does not allow this")                           \
	X(LEAF_PURPOSE, "purpose", "its extended key usage is for something else")                \
	X(LEAF_HASH, "weak-hash", "it is signed with a broken hash")                              \
	X(LEAF_KEY, "weak-key", "its key is too weak or of a kind zt does not use")               \
	X(LEAF_CRITICAL, "critical", "it demands something zt does not know")                     \
	X(LEAF_NAME, "wrong-name", "it is for another name")                                      \
	X(LEAF_NO_NAME, "no-name", "it has no subject alternative name, and a common name does not count") \
	X(LEAF_SERIAL, "serial", "its serial number is zero, negative or too long")               \
	X(LEAF_PIN, "pin", "its key is not the pinned one")                                       \
	X(LEAF_ROLE, "role", "it is of another role")                                             \
	X(LEAF_ISSUER, "issuer", "the authority that its name names did not sign it")             \
	X(LEAF_LIFETIME, "lifetime", "it is valid for longer than is allowed")

enum leaf_reason {
#define X(id, name, text) id,
	LEAF_REASONS(X)
#undef X
	LEAF_REASON_COUNT
};
const char *leaf_name(enum leaf_reason r);
const char *leaf_text(enum leaf_reason r);

/* What the peer does. LEAF_MEMBER: it shows itself as a client, with a certificate that may be for a server
 * alone: an edge that renews. For the authority's own endpoint, which asks for the role by itself. */
enum leaf_use { LEAF_SERVER, LEAF_CLIENT, LEAF_MEMBER };
/* What a certificate of this role is for, where nobody does anything with it: the connector's for a client. */
enum leaf_use leaf_use_of(enum cert_role role);

#define LEAF_CA_ID 16 /* hex digits: of the first 8 bytes of SHA-256 over its SubjectPublicKeyInfo */

/* An authority that may give roles. */
struct leaf_ca {
	char id[LEAF_CA_ID + 1];
	struct pk_public key;        /* borrowed bytes */
};
void leaf_ca_of(struct leaf_ca *out, const struct x509 *authority); /* borrows its key */

struct leaf_rule {
	enum leaf_use use;
	int64_t now, floor;          /* seconds since 1970; floor: the newest time known to be past */
	struct span dns;             /* this name must be in its SAN */
	const struct addr *ip;       /* this address must; with neither any name will do */
	const uint8_t (*pins)[32];   /* its key must be one of them, when there are any */
	size_t npins;
	bool pins_only;              /* form, strength of the key and the pin count, nothing else */
	unsigned roles;              /* bits 1 << enum cert_role: exactly one URI SAN zt://<ca>/<role>/<id>, of one
				      * of them; 0: none asked */
	const struct leaf_ca *cas;   /* with roles: <ca> must be one of these, and have signed it itself */
	size_t ncas;
	int64_t max_lifetime;        /* seconds; 0: any */
};

/*
 * The first that applies, in this order: malformed, clock, version, serial, not-yet-valid,
 * expired, lifetime, critical, weak-hash, weak-key, is-ca, key-usage, purpose, no-name,
 * wrong-name, role, issuer, pin. With pins_only: malformed, weak-key, pin. So only with pins_only are
 * a self-signed version 1 certificate, one marked CA:TRUE (as devices make them for themselves)
 * and an expired one good; and pins_only without pins is never good.
 * Purpose: without a role an absent extension is any purpose, and anyExtendedKeyUsage is too;
 * with a role the purpose must stand there by name.
 *
 * A chain says that some trusted authority vouches for it, maybe through others; a role is given by
 * the very authority that is named: no intermediate one, and no other that is trusted beside it.
 */
enum leaf_reason leaf_check(const struct x509 *c, const struct leaf_rule *rule);
/* With LEAF_ROLE: which role it shows, whose, and which are wanted. Answers out. */
#define LEAF_ROLE_TEXT 256
const char *leaf_role_text(const struct x509 *c, const struct leaf_rule *rule, char out[static LEAF_ROLE_TEXT]);
/* The id of zt://<ca>/<role>/<id>; empty unless that is its one URI. The id has 1 to 64 letters,
 * digits, '-', '_' and '.'. */
struct span leaf_zt_id(const struct x509 *c);

#endif
