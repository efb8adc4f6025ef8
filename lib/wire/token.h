/*
 * token: the one string that lets something join: zt1_ and base64url of
 *   u8 layout (1), u8 role (enum cert_role's number), 32 bytes SHA-256 of the infra authority's
 *   SubjectPublicKeyInfo, 16 bytes id, 16 bytes secret, u8 n, n addresses (u8 length, "host:port"),
 *   u32 CRC32C of all before it; numbers little-endian.
 * It pins the authority, says where it is reached and holds a secret that never travels
 * (wire/enrol). The checksum catches a string that was cut or mistyped before anybody is asked.
 * Pure codec; the secret passes through constant-time code only. docs/formats.md, "Join tokens".
 */
#ifndef ZT_TOKEN_H
#define ZT_TOKEN_H

#include "base/err.h"
#include "base/span.h"

#define TOKEN_ID 16
#define TOKEN_SECRET 16
#define TOKEN_ADDRS 8
#define TOKEN_ADDR_MAX 255 /* its length is one byte; a name of 249 bytes, a colon, five digits */
#define TOKEN_BYTES (2 + 32 + TOKEN_ID + TOKEN_SECRET + 1 + TOKEN_ADDRS * (1 + TOKEN_ADDR_MAX) + 4)
#define TOKEN_TEXT_MAX (4 + (TOKEN_BYTES * 4 + 2) / 3) /* without a NUL */

struct token {
	uint8_t role;             /* as written; decide/certrole knows which there are */
	uint8_t pin[32];
	uint8_t id[TOKEN_ID], secret[TOKEN_SECRET];
	uint8_t naddrs;
	char addr[TOKEN_ADDRS][TOKEN_ADDR_MAX + 1]; /* checked: addr_parse_hostport() takes each */
};

/* The text, without a line end; w->full when it does not fit or a field is out of bounds. */
void token_write(struct wr *w, const struct token *t);
/* Blanks and line ends around it are passed over. 0, or -ZT_E_TOKEN with a sentence that never
 * shows the secret: no zt1_, cut off or mistyped (checksum), of a later version. *out is wiped then. */
int token_read(struct token *out, struct span text, struct why *w);
/* "0123abcd…": how people and logs call a token: the first 12 hex digits of its id. */
#define TOKEN_NAME 13
const char *token_name(const uint8_t id[static TOKEN_ID], char out[static TOKEN_NAME]);

#endif
