/*
 * crypto: the few primitives the lower layers need, over BearSSL, without its types.
 * Random bytes come from getrandom() and nowhere else; there is no fallback.
 */
#ifndef ZT_CRYPTO_H
#define ZT_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "span.h"

#define SHA256_LEN 32

void sha256(struct span in, uint8_t out[static SHA256_LEN]);
/* As if b stood directly behind a: a label and what is megabytes long, without a copy. */
void sha256_two(struct span a, struct span b, uint8_t out[static SHA256_LEN]);
void hmac_sha256(struct span key, struct span in, uint8_t out[static SHA256_LEN]);

/* Aborts the process when the kernel cannot answer: guessable keys are worse than none. */
void random_bytes(void *out, size_t n);
/* Uniform in [0, below), below > 0, no modulo bias. */
uint32_t random_below(uint32_t below);

#endif
