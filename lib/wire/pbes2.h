/*
 * pbes2: encryption with a passphrase as PKCS#8 files have it (RFC 8018): PBKDF2 with one of
 * four hashes, AES-CBC, and 3DES-CBC to read old files. Older schemes and scrypt are refused
 * by name.
 */
#ifndef ZT_PBES2_H
#define ZT_PBES2_H

#include "base/err.h"
#include "base/pbe.h"
#include "der.h"

#define PBES2_SALT_MIN 8
#define PBES2_SALT_MAX 64

struct pbes2 {
	enum pbe_prf prf;
	enum pbe_cipher cipher;
	uint32_t iterations;
	uint8_t salt[PBES2_SALT_MAX], iv[PBE_BLOCK_MAX]; /* copies: decryption may overwrite the file */
	size_t salt_n;
};

/* The AlgorithmIdentifier that comes next in d. 0, or with a sentence: -ZT_E_KEY (a scheme that
 * is not read, more than max_iterations), -ZT_E_SYNTAX. */
int pbes2_read(struct pbes2 *out, struct der *d, uint32_t max_iterations, struct why *w);
void pbes2_write(struct wr *w, const struct pbes2 *p);

/* In place. Answers the length of what was encrypted, or -ZT_E_KEY: the passphrase is wrong, or
 * n is no number of blocks. One wrong passphrase in 256 passes: look at what comes out. */
int pbes2_decrypt(const struct pbes2 *p, struct span passphrase, uint8_t *data, size_t n);
/* In place; data has room for PBE_BLOCK_MAX bytes more. Answers the new length. */
size_t pbes2_encrypt(const struct pbes2 *p, struct span passphrase, uint8_t *data, size_t n);

#endif
