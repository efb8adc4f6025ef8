/*
 * cmd_key: private keys that a command makes, and the files that it reads and writes: keys,
 * certificates, requests. What is secret has mode 0600 from its first byte on and never replaces
 * anything unless that is said.
 */
#ifndef ZT_CA_CMD_KEY_H
#define ZT_CA_CMD_KEY_H

#include "cmd.h"
#include "io/newfile.h"
#include "wire/csr.h"
#include "wire/privkey.h"

/* 300,000 rounds are 150 ms, 0.8 s on a small board; an authority in the middle of roll-overs has eight
 * keys, and what reads them must be ready in ten seconds. */
#define CMD_KEY_ITERATIONS 300000
/* PBES2 around 241 bytes of PKCS#8, in base64, with its lines: below 1 KiB. */
#define CMD_KEY_PEM 2048
#define CMD_FILE_MAX 65536 /* of what is read */
#define CMD_SPKI_MAX 128   /* P-256 has 91 */

struct cmd_key {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], spki_mem[CMD_SPKI_MAX];
	struct pk_private key; /* points into scalar: do not copy */
	struct span spki;      /* into spki_mem */
};
int cmd_key_make(struct cmd_key *k, struct why *w); /* P-256 */
/* A copy of one that there is. -ZT_E_KEY: it is no P-256 key. */
int cmd_key_of(struct cmd_key *k, const struct pk_private *key, struct why *w);
void cmd_key_wipe(struct cmd_key *k);
/* PKCS#8 in PEM, under the passphrase unless that is empty. */
int cmd_key_pem(struct wr *w, const struct pk_private *k, struct span passphrase, struct why *why);
/* Proves the key and wishes for nothing. */
int cmd_key_csr(struct wr *w, const struct cmd_key *k, struct why *why);
void cmd_serial_make(uint8_t out[static CERT_SERIAL]); /* random; the first byte 01 to 7f */

/* All of a file that is no secret, at most cap bytes; "-" is standard input. Links are followed.
 * Answers its length, or -ZT_E_… with a sentence. */
ssize_t cmd_read(const char *path, void *mem, size_t cap, struct why *w);
/* A request in PEM or DER: its DER into mem (CSR_MAX), read and its signature checked. */
int cmd_read_csr(const char *path, uint8_t mem[static CSR_MAX], struct csr *out, struct why *w);
/* The first certificate of a PEM or DER file. mem has X509_MAX. */
int cmd_read_cert(const char *path, uint8_t mem[static X509_MAX], struct x509 *out, struct why *w);

/* DER certificates, one behind the other, as PEM. */
int cmd_pem_certs(struct wr *w, struct span ders, struct why *why);
/* The i-th of them, 0 the first; empty: there are not so many. */
struct span cmd_nth_cert(struct span ders, size_t i);
/* The one of them that signed the certificate; empty: none did. */
struct span cmd_signer_of(struct span ders, const struct x509 *cert);

#endif
