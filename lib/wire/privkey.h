/*
 * privkey: private keys as files have them: PKCS#8 (plain, or PBES2 with a passphrase), SEC1
 * "EC PRIVATE KEY" and PKCS#1 "RSA PRIVATE KEY", PEM or DER. Everything is bounded before it is
 * decoded; nothing branches on secret bytes but on the public shape of the encoding. OpenSSL's
 * oldest encrypted PEM ("Proc-Type: 4,ENCRYPTED") is refused in words. This is the only way
 * from a file to a key: no reader of BearSSL ever sees one.
 *
 * A key that is answered works: scalar and point, or modulus, exponent and CRT parts, belong
 * together. (RSA's private exponent d is not looked at: nothing here uses it.)
 */
#ifndef ZT_PRIVKEY_H
#define ZT_PRIVKEY_H

#include "base/bounds.h"
#include "base/err.h"
#include "base/pk.h"

#define PRIVKEY_MAX 4096          /* DER of RSA 4096 is 2,350 bytes, encrypted 2,500 */
/* openssl writes 2,048, the most that is advised for any hash is 1,300,000. 2,000,000 take a second,
 * five on a small board, and a process that is not ready after ten is ended (KID_START_DEADLINE). */
#define PRIVKEY_ITERATIONS 2000000

/* Points into itself: do not move or copy it. */
struct privkey {
	struct pk_private key;    /* spans into mem, scalar or the file's n and e */
	struct span point;        /* EC: the public point, computed; the file's is the same or refused */
	uint8_t mem[PRIVKEY_MAX];
	uint8_t scalar[PK_SCALAR_MAX], point_mem[PK_POINT_MAX];
};

/* file: PEM or DER; other PEM blocks before the key (certificates, EC PARAMETERS) are skipped,
 * what comes behind the first key is not looked at. passphrase: empty when there is none. 0, or
 * with a sentence, and *out wiped: -ZT_E_KEY (wrong or missing passphrase, unusable key),
 * -ZT_E_SYNTAX, -ZT_E_TOOLONG, -ZT_E_MISSING (no key inside). */
int privkey_read(struct privkey *out, struct span file, struct span passphrase, struct why *w);
void privkey_wipe(struct privkey *k);
/* The other half, borrowed from k. */
struct pk_public privkey_public(const struct privkey *k);

/* PKCS#8 in DER into w, 241 bytes at most. EC only (zt never makes an RSA key):
 * 0, or -ZT_E_KEY; whether it fitted says w->full. */
int privkey_write(struct wr *w, const struct pk_private *k);
/* EncryptedPrivateKeyInfo: PBES2, PBKDF2-HMAC-SHA256, AES-256-CBC. salt: 16 bytes, iv: 16.
 * -ZT_E_KEY also for no passphrase, no iterations or too many. */
int privkey_write_encrypted(struct wr *w, const struct pk_private *k, struct span passphrase, uint32_t iterations,
			    const uint8_t salt[static 16], const uint8_t iv[static 16]);

#endif
