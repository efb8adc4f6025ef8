/*
 * p12: writes PKCS#12 files (RFC 7292): one key, its certificate, its authorities, under one password.
 * Write-only: zt never parses one. Two profiles, and no third:
 *   compat  key and certificates pbeWithSHA1And3-KeyTripleDES-CBC, HMAC-SHA1, 2,048 iterations, 8-byte
 *           salts: what iOS, macOS, old Android and NSS read. Never RC2.
 *   modern  both PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, MAC HMAC-SHA256
 * An empty password is refused: systems disagree about how it is encoded. Pure: salts are handed in.
 * Nothing branches on the key or on what a password is made of, only on how many characters it has
 * and how many bytes each of them takes.
 */
#ifndef ZT_P12_H
#define ZT_P12_H

#include "base/err.h"
#include "base/pk.h"
#include "base/span.h"

enum p12_profile { P12_COMPAT, P12_MODERN };
#define P12_PASSWORD_MAX 128 /* characters; ASCII, or UTF-8 of the basic plane */
/* What p12_write() would say of it: for who has more to do before that. 0, -ZT_E_UTF8, -ZT_E_TOOLONG. */
int p12_password_check(struct span password, struct why *why);
#define P12_NAME_MAX 128     /* characters, likewise */
#define P12_COMPAT_ITERATIONS 2048
#define P12_MODERN_ITERATIONS 100000
#define P12_CERTS 8

struct p12_make {
	enum p12_profile profile;
	const struct pk_private *key;
	struct span certs[P12_CERTS]; /* DER; [0] belongs to the key */
	size_t ncerts;
	struct span name;         /* friendlyName of key and certificate, UTF-8; may be empty */
	struct span password;     /* UTF-8 */
	uint8_t random[3 * 32];   /* fresh bytes for salts and vectors */
};
/* 0, or with a sentence: -ZT_E_FULL (w is too small), -ZT_E_KEY (RSA: never made by zt; certificate of
 * another key; no password), -ZT_E_UTF8 (password or name: malformed, NUL, or beyond the basic plane),
 * -ZT_E_TOOLONG, or what x509_read() says of a certificate. */
int p12_write(struct wr *w, const struct p12_make *m, struct why *why);

#endif
