/*
 * tlsplan: from configuration to what TLS does: which names are served with which certificate
 * and who must show one, and how to meet the servers that zt connects to. Worker and tlsd build
 * the same plan from the same epoch of the configuration, so an index means the same to both.
 * Borrows the strings of the configuration.
 */
#ifndef ZT_TLSPLAN_H
#define ZT_TLSPLAN_H

#include "base/bounds.h"
#include "config.h"
#include "wire/hello.h"

#define TLS_PLANS BOUND_CAP(BOUND_HOSTS)
#define TLS_CLIENT_PLANS BOUND_CAP(BOUND_TLS_CLIENTS)
#define TLS_PINS 8

struct cas; /* io/cas: the authorities that roles count under, in a worker */

struct tls_server_plan {
	const char *id;              /* the section's name */
	const struct conf_named *at; /* the section; NULL: it is none of the configuration's */
	const struct conf_list *names; /* strings: exact, or "*." and one label more */
	const struct conf_list *alpn;  /* strings, best first; empty: none is negotiated */
	const char *cert, *key, *pass; /* files; pass may be "" */
	enum tls_ask ask;
	const char *client_ca;       /* file; set unless TLS_ASK_NO */
	unsigned roles;              /* bits 1 << enum cert_role that a client's certificate may have; 0: any, and none */
	struct cas *cas;             /* of client_ca, where roles count: NULL until cas_of_plan() */
	bool resume;                 /* never with TLS_ASK_* above NO, never for a zt-* protocol */
	bool no_name;                /* serves peers that send no name too */
	int origin;                  /* of its local origin over TLS: index in client[]; -1: none */
	bool members;                /* a client may show what is for servers alone, as an edge does that renews:
				      * the authority, which asks for the role itself (LEAF_MEMBER) */
	bool may_lack;               /* its files may not exist yet: no handshake succeeds until they do */
	bool any_name;               /* serves whatever name nobody else has, and none: the authority, which
				      * joiners know by its key */
};

struct tls_client_plan {
	const char *id;              /* the section it comes from, for sentences: "relay", "ingress nas" */
	const struct conf_named *at; /* as above */
	const char *name;            /* SNI, and what the certificate must be for; "": the address */
	const char *ca;              /* file, or "system" */
	unsigned roles;              /* as above; 0 or one */
	struct cas *cas;             /* of ca */
	bool role_is_name;           /* whoever has the role will do, under whatever name: none is asked for */
	const char *cert, *key, *pass; /* ours, when asked for; "" = none */
	const char *alpn;            /* one protocol, or "" */
	uint8_t pins[TLS_PINS][32];
	size_t npins;                /* > 0: the pin is what counts, the chain does not */
	bool may_lack;               /* as above */
	bool insecure_any;           /* nothing is checked: insecure_any_cert = true */
	bool resume;
	uint16_t rule;               /* of an origin: the ingress rule, from 0 */
};

struct tls_plan {
	struct tls_server_plan server[TLS_PLANS];
	size_t servers;
	struct tls_client_plan client[TLS_CLIENT_PLANS]; /* the relay's far side, then one for each origin */
	size_t clients;
};

/* Hosts are server[], in the order written. Client plans: the far side's when [relay] connect is tls, then one for
 * each host with a local origin over TLS. Files of keys and certificates are named in tlsd's plan only: the worker is not told them, there
 * they are "". Those of authorities it is told.
 * A configuration that has [ca] listen and no host, as the processes of the ca role are handed it, is
 * the authority's: one plan for any name, with files of its own directory (TLS_CA_...). */
#define TLS_CA_CERT "serve.pem" /* key, certificate and chain */
#define TLS_CA_CLIENTS "infra.pem"
void tls_plan_of(const struct conf *c, struct tls_plan *out);
/* What is done with an identity: by its tlsd (CONF_FOR_ID_TLSD), its keeper, and the workers of the role, who have the
 * same plans by the same indices. Client plans: TLS_PLAN_AUTHORITY, how the authority is met, whose certificate is
 * judged by what the identity pins (decide/authority); with [connector] edge TLS_PLAN_EDGE, how an edge is, and
 * behind it one for each rule that has an origin over TLS. With [edge] listen one server plan: tunnels (zt-tunnel/1);
 * an edge may run before it has an identity. */
#define TLS_PLAN_AUTHORITY 0
#define TLS_PLAN_EDGE 1
#define TLS_ID_DIR "identity" /* below the state directory of a role */
#define TLS_ID_CERT TLS_ID_DIR "/identity.pem" /* key, certificate and chain */
#define TLS_ID_INFRA TLS_ID_DIR "/trust/infra.pem"
#define TLS_ID_DEVICE TLS_ID_DIR "/trust/device.pem"
void tls_plan_of_identity(const struct conf *c, struct tls_plan *out);
/* The client plan of this rule's origins, or -1: none of them speaks TLS. What an origin is called is said to
 * tls_connect(): server_name, else its host; an address is checked as one. */
int tls_plan_origin(const struct tls_plan *p, unsigned rule);
/* One more server to meet, a plan of its own: its index, or -ZT_E_FULL. */
int tls_plan_add(struct tls_plan *p, const struct tls_client_plan *c);
/* Is an authority asked about this server? With a pin none is; where anything goes only a file
 * that was named, and only to say what it would have said. */
bool tls_plan_asks_authority(const struct tls_client_plan *p);
/* "sha256:" and 64 hex digits: 0 or -ZT_E_SYNTAX. */
int tls_pin_read(struct span text, uint8_t out[static 32]);

/* What to serve a hello with: index into server[], *alpn the protocol chosen (empty: none), or a
 * refusal: -1 with *fault TLSF_VERSION, TLSF_NO_PLAN or TLSF_ALPN (the latter two must look the same
 * to the peer). An exact name beats a wildcard, our order of protocols the client's. A hello
 * without a name gets a plan with no_name, one with an unknown name none. A client that offers no
 * protocol is served without one, unless all that the plan speaks is zt-*. A plan for any name comes
 * after all others. In tlspick.c. */
int tls_pick(const struct tls_plan *p, const struct hello *h, struct span *alpn, unsigned *fault);

#endif
