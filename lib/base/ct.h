/*
 * ct: the only ways to compare, erase, encode and decode a secret. Nothing here branches or
 * indexes memory on secret bytes, not even on whether they are valid; lengths are public, and
 * so is the answer once the caller looks at it. Files that include ct.h may not call memcmp
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

#endif
