/*
 * ct: the only ways to compare, erase, encode and decode a secret. Nothing here branches or
 * indexes memory on secret bytes, not even on whether they are valid; lengths are public, and
 * so is the answer once the caller looks at it (ct_public). Files that include ct.h may not call memcmp
 * or strcmp (make lint).
 */
#ifndef ZT_CT_H
#define ZT_CT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

bool ct_eq(const void *a, const void *b, size_t n);
/* Lengths are public: different lengths are unequal at once. */
bool ct_eq_span(struct span a, struct span b);
/* Erased even when the compiler thinks nobody looks. */
void wipe(void *p, size_t n);

/* Lower-case hex. out holds exactly 2 * n bytes, no NUL is written. */
void ct_hex_encode(const void *in, size_t n, char *out);
/* Both cases. out holds in.n / 2 bytes. -ZT_E_SYNTAX on odd length or another byte;
 * after the latter out is all zeros. */
int ct_hex_decode(struct span in, uint8_t *out);

/* base64url without padding, RFC 4648 section 5. */
#define CT_B64_LEN(n) (((n) / 3) * 4 + ((n) % 3 ? (n) % 3 + 1 : 0))
void ct_b64url_encode(const void *in, size_t n, char *out); /* CT_B64_LEN(n) bytes, no NUL */
/* Strict: no padding, no blanks, unused low bits must be 0 (one text per value). Answers the
 * number of bytes written, -ZT_E_SYNTAX (what was written is zeros), or -ZT_E_TOOLONG when
 * cap is too small. */
int ct_b64url_decode(struct span in, uint8_t *out, size_t cap);

/* base64 with padding, RFC 4648 section 4, as PEM has it. */
#define CT_B64PAD_LEN(n) (((n) + 2) / 3 * 4)
void ct_b64_encode(const void *in, size_t n, char *out); /* CT_B64PAD_LEN(n) bytes, no NUL */
/* Blanks and line ends are passed over wherever they stand; the padding has to be there, and
 * unused low bits must be 0. Where blanks and padding stand is public, the digits are not.
 * Answers as ct_b64url_decode() does. */
int ct_b64_decode(struct span in, uint8_t *out, size_t cap);

/* Does nothing. It marks bytes that were made from a secret and are public from here on: an
 * outcome ("padding is right"), a signature, a public key. The check of constant time follows
 * secrets through the real code, and forgets only what comes past this point. */
void ct_public(void *p, size_t n);

#endif
