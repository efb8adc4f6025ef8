/* suites: which cipher suites a handshake offers, or takes, and in which order. */
#ifndef ZT_SUITES_H
#define ZT_SUITES_H

#include "base/pk.h"
#include "wire/hello.h"

#define SUITES 6
/* For a key of this type, PK_NONE for any; aes: both processors do AES fast, as far as is known. Answers how many. */
size_t suites_for(enum pk_type key, bool aes, uint16_t out[static SUITES]);
/* Is the first suite of the client's that we speak with such a key one with ChaCha20? */
bool suites_chacha_first(const struct hello *h, enum pk_type key);

#endif
