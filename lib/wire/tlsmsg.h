/*
 * tlsmsg: what a worker and its handshake process (tlsd) say to each other, one message a
 * packet of a SOCK_SEQPACKET pair. Pure codec; docs/formats.md, "Between worker and tlsd".
 *
 * The worker owns the socket and sends records of the handshake; tlsd owns the private keys and
 * the TLS engine, answers records, and at the end hands over all that is left of a connection.
 * Both sides treat the other as an enemy: fixed header, known types, bounded lengths, ids that
 * must be alive. A message never carries a byte of application data: what is in `records` are
 * whole TLS records of the types 20 to 22, and the codec refuses anything else.
 *
 * Header, little-endian: u8 type, u8 zero, u16 zero, u32 id. The id is the worker's: slot in the
 * low 16 bits (below BOUND_TLS_SHAKES), a generation above, so that a late answer for a slot
 * that was given away again is recognised.
 */
#ifndef ZT_TLSMSG_H
#define ZT_TLSMSG_H

#include "base/bounds.h"
#include "base/err.h"
#include "record.h"

#define TLSMSG_HEADER 8
#define TLSMSG_MAX 49152      /* DONE with a whole chain is the longest: 33,220 bytes */
#define TLSMSG_RECORDS 20480  /* bytes of records in one message: at least one full record */
#define TLSMSG_ID(slot, generation) ((uint32_t)(generation) << 16 | ((uint32_t)(slot) & 0xffff))
#define TLSMSG_SLOT(id) ((uint32_t)(id) & 0xffff)
#define TLS_CHAIN 8           /* certificates of a peer, at most */
#define TLS_CHAIN_BYTES 32768
#define TLS_NAME 254          /* of a server, with the NUL */
#define TLS_ALPN 32           /* of one protocol name, with the NUL */
#define TLS_SESSION 32

/* type, number, direction (w = from the worker, t = from tlsd) */
#define TLSMSG_TYPES(X)                                                                           \
	X(TLSMSG_ACCEPT, 1, 'w', "a client said hello: serve it with this plan")                  \
	X(TLSMSG_CONNECT, 2, 'w', "say hello to a server with this plan")                         \
	X(TLSMSG_RECORDS_IN, 3, 'w', "records the peer sent")                                     \
	X(TLSMSG_CANCEL, 4, 'w', "forget this handshake; no answer")                              \
	X(TLSMSG_RECORDS_OUT, 16, 't', "records for the peer")                                    \
	X(TLSMSG_DONE, 17, 't', "the handshake is over; keys and facts")                          \
	X(TLSMSG_FAIL, 18, 't', "the handshake failed; why")

enum tlsmsg_type {
#define X(id, value, from, text) id = value,
	TLSMSG_TYPES(X)
#undef X
};

/* Why a handshake failed, or what is wrong with a chain that was let through for its pin.
 * name for logs, alert (RFC 5246 section 7.2; 0 = send none), sentence about the peer. */
#define TLS_FAULTS(X)                                                                             \
	X(TLSF_NONE, "ok", 0, "nothing is wrong")                                                 \
	X(TLSF_INTERNAL, "internal", 80, "zt failed by itself")                                   \
	X(TLSF_BUSY, "busy", 80, "too many handshakes are running")                               \
	X(TLSF_NO_PLAN, "no-plan", 112, "nothing is configured for this name")                    \
	X(TLSF_LOST, "key-process-lost", 80, "the process that holds the keys ended; try again")  \
	X(TLSF_LATE, "timeout", 0, "the handshake was not over in time")                          \
	X(TLSF_GONE, "gone", 0, "the peer closed the connection during the handshake")            \
	X(TLSF_NOT_TLS, "not-tls", 0, "what the peer speaks is not TLS")                          \
	X(TLSF_BAD_RECORD, "bad-record", 0, "the peer sent a malformed or forged record")         \
	X(TLSF_BAD_MESSAGE, "bad-message", 50, "the peer sent a malformed handshake message")     \
	X(TLSF_UNEXPECTED, "unexpected", 10, "the peer sent a message that has no place there")   \
	X(TLSF_VERSION, "version", 70, "the peer does not speak TLS 1.2")                         \
	X(TLSF_SUITE, "no-common-suite", 40, "no cipher suite suits both sides")                  \
	X(TLSF_CURVE, "no-common-curve", 40, "no curve or signature algorithm suits both sides")  \
	X(TLSF_ALPN, "no-common-protocol", 120, "no application protocol (ALPN) suits both sides")\
	X(TLSF_DISAGREE, "disagree", 80, "two readers of the hello do not agree about it")        \
	X(TLSF_RESUME, "resumption", 40, "the peer resumed a session that it must not")           \
	X(TLSF_NO_CERT, "no-certificate", 40, "the peer sent no certificate and must")            \
	X(TLSF_CERT_FORM, "cert-malformed", 42, "the peer's certificate is malformed")            \
	X(TLSF_CERT_CA, "unknown-ca", 48, "the peer's certificate leads to no trusted authority") \
	X(TLSF_CERT_SIG, "cert-signature", 42, "a signature in the peer's chain is wrong or weak")\
	X(TLSF_CERT_DATE, "cert-date", 45, "a certificate of the peer's chain is out of date")    \
	X(TLSF_CERT_NAME, "cert-name", 42, "the peer's certificate is for another name")          \
	X(TLSF_CERT_KEY, "cert-key", 42, "a key in the peer's chain is too weak or unusable")     \
	X(TLSF_CERT_USE, "cert-use", 43, "the peer's certificate may not be used for this")       \
	X(TLSF_CERT_CHAIN, "cert-chain", 42, "the peer's chain is too long or out of order")      \
	X(TLSF_CERT_PIN, "cert-pin", 42, "the peer's key is not the pinned one")                  \
	X(TLSF_CERT_PROOF, "cert-proof", 51, "the peer does not hold the key of its certificate") \
	X(TLSF_ALERT, "peer-alert", 0, "the peer refused")

enum tls_fault {
#define X(id, name, alert, text) id,
	TLS_FAULTS(X)
#undef X
	TLS_FAULT_COUNT
};
const char *tls_fault_name(enum tls_fault f);
const char *tls_fault_text(enum tls_fault f);
uint8_t tls_fault_alert(enum tls_fault f);
const char *tls_alert_text(uint8_t alert); /* "handshake_failure"; "?" */

/* TLSMSG_ACCEPT. The records hold the whole ClientHello and nothing else. */
struct tlsmsg_accept {
	uint16_t plan;              /* index among tls_plan.server[] of the epoch of tlsd's config */
	struct span name;           /* SNI as the worker read it, lower case; empty: none */
	struct span alpn;           /* the protocol chosen; empty: none */
	struct span records;
};
/* TLSMSG_CONNECT. */
struct tlsmsg_connect {
	uint16_t plan;              /* index among tls_plan.client[] */
	bool want_chain;            /* DONE shall carry all the certificates, not the leaf only */
	struct span name;           /* SNI and the name the certificate must have; empty: neither */
	struct span alpn;           /* one protocol to offer; empty: none */
	struct span session;        /* 32 bytes: where to keep the session for next time; empty: do not */
};
struct tlsmsg_done {
	uint16_t suite;
	bool resumed;
	enum tls_fault verdict;     /* TLSF_NONE, or the TLSF_CERT_* that was let through for a pin or insecure_ */
	struct record_keys in, out; /* in: what the peer seals. Secret, and so is the packet */
	struct span name, alpn;     /* as the engine saw them */
	struct span own;            /* server: SHA-256 of the public key it served with; else empty */
	struct span chain[TLS_CHAIN]; /* DER, leaf first; the leaf of a resumed session too (client side) */
	size_t chain_n;             /* 0: the peer showed none */
};
struct tlsmsg_fail {
	enum tls_fault fault;
	uint8_t alert;              /* TLSF_ALERT: the peer's. Else what was sent already, 0: nothing was */
	uint16_t engine;            /* BearSSL's own number, for bug reports; 0: none */
	bool has_pin;
	uint8_t pin[32];            /* of the server that was refused: SHA-256 of its public key, for who wants to pin it */
};

struct tlsmsg {
	enum tlsmsg_type type;
	uint32_t id;
	union {
		struct tlsmsg_accept accept;
		struct tlsmsg_connect connect;
		struct span records;    /* RECORDS_IN, RECORDS_OUT: at most TLSMSG_RECORDS */
		struct tlsmsg_done done;
		struct tlsmsg_fail fail;
	};
};

const char *tlsmsg_name(enum tlsmsg_type t); /* "TLSMSG_DONE", for logs; "?" for no type */
/* w->full when it does not fit: into w, or into a limit that tlsmsg_read() keeps (a name too long,
 * records that are not whole). A full w must not be sent. */
void tlsmsg_write(struct wr *w, const struct tlsmsg *m);
/* from: 'w' or 't', who must have sent it. Spans point into packet. 0; -ZT_E_SYNTAX; -ZT_E_UNKNOWN:
 * no such type, or the other side's. Whether the id is alive, the plan exists and the suite is one
 * of ours (suite_aead) is for the receiver to ask. After an error *out is zeroed. */
int tlsmsg_read(struct span packet, char from, struct tlsmsg *out);

#endif
