/*
 * tlskdf: the cipher suites zt speaks and how the keys of a connection come out of a handshake
 * (RFC 5246 sections 5 and 6.3). Pure: nothing here knows an engine, a socket or a record.
 */
#ifndef ZT_TLSKDF_H
#define ZT_TLSKDF_H

#include <stdint.h>

#include "aead.h"

/* TLS cipher suites: RFC 5289, RFC 7905. */
enum {
	SUITE_ECDSA_AES128 = 0xc02b, SUITE_ECDSA_AES256 = 0xc02c, SUITE_RSA_AES128 = 0xc02f,
	SUITE_RSA_AES256 = 0xc030, SUITE_RSA_CHACHA = 0xcca8, SUITE_ECDSA_CHACHA = 0xcca9
};
enum aead_kind suite_aead(uint16_t suite); /* AEAD_NONE: not one of ours */
const char *suite_name(uint16_t suite);    /* "ECDHE-ECDSA-AES128-GCM-SHA256"; "?" */

/* One direction as it comes out of a handshake. Secret. */
struct record_keys {
	uint8_t key[32];  /* aead_key_len() of them, zeros behind */
	uint8_t iv[12];   /* GCM: the first four bytes, zeros behind */
	uint64_t seq;     /* of the next record */
};

#define TLS_MASTER 48
#define TLS_RANDOM 32

/* The key block: what the client writes with and what the server writes with. seq is 0 as at
 * the change of ciphers; Finished uses that one up, so who takes over after it sets 1. false,
 * and both all zeros, for a suite that is not ours. */
bool tls_key_block(uint16_t suite, const uint8_t master[static TLS_MASTER],
		   const uint8_t client_random[static TLS_RANDOM], const uint8_t server_random[static TLS_RANDOM],
		   struct record_keys *client, struct record_keys *server);

#endif
