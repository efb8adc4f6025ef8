/*
 * pbes2: the parameters of RFC 8018 appendix A and what they are for. Owns nothing; derived
 * keys are wiped before it returns.
 */
#include "pbes2.h"

#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "oid.h"

static const struct {
	enum oid oid;
	enum pbe_prf prf;
} prfs[] = {
	{OID_HMAC_SHA1, PBE_HMAC_SHA1},
	{OID_HMAC_SHA256, PBE_HMAC_SHA256},
	{OID_HMAC_SHA384, PBE_HMAC_SHA384},
	{OID_HMAC_SHA512, PBE_HMAC_SHA512},
};

static const struct {
	enum oid oid;
	enum pbe_cipher cipher;
} ciphers[] = {
	{OID_AES128_CBC, PBE_AES128_CBC},
	{OID_AES192_CBC, PBE_AES192_CBC},
	{OID_AES256_CBC, PBE_AES256_CBC},
	{OID_DES3_CBC, PBE_DES3_CBC},
};

/* What is met in the world and not read, so that the sentence can name it. */
static const struct {
	const char *oid, *name;
} others[] = {
	{"1.3.6.1.4.1.11591.4.11", "scrypt"},
	{"1.2.840.113549.1.5.1", "PBES1 (MD2, DES)"},
	{"1.2.840.113549.1.5.3", "PBES1 (MD5, DES)"},
	{"1.2.840.113549.1.5.4", "PBES1 (MD2, RC2)"},
	{"1.2.840.113549.1.5.6", "PBES1 (MD5, RC2)"},
	{"1.2.840.113549.1.5.10", "PBES1 (SHA-1, DES)"},
	{"1.2.840.113549.1.5.11", "PBES1 (SHA-1, RC2)"},
	{"1.2.840.113549.1.12.1.1", "PKCS#12's own scheme (RC4)"},
	{"1.2.840.113549.1.12.1.2", "PKCS#12's own scheme (RC4)"},
	{"1.2.840.113549.1.12.1.3", "PKCS#12's own scheme (3DES)"},
	{"1.2.840.113549.1.12.1.4", "PKCS#12's own scheme (3DES)"},
	{"1.2.840.113549.1.12.1.5", "PKCS#12's own scheme (RC2)"},
	{"1.2.840.113549.1.12.1.6", "PKCS#12's own scheme (RC2)"},
	{"1.2.840.113549.3.2", "RC2"},
	{"1.3.14.3.2.7", "DES"},
	{"1.2.840.113549.2.8", "HMAC-SHA-224"},
};

static int not_read(struct span oid, struct why *w)
{
	char text[80];
	const char *name = oid_text(oid, text, sizeof text);

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (span_eq_str(span_str(text), others[i].oid))
			name = others[i].name;
	return why_set(w, ZT_E_KEY,
		       "the private key is encrypted with %s, which is not read here; "
		       "'openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW' makes one that is", name);
}

static int malformed(struct why *w)
{
	return why_set(w, ZT_E_SYNTAX, "the private key's encryption parameters are malformed");
}

/* prf AlgorithmIdentifier DEFAULT hmacWithSHA1; its parameters are NULL, which some leave out. */
static int read_prf(struct pbes2 *out, struct der *d, struct why *w)
{
	struct der alg;
	struct span oid;
	struct der_tlv null;

	out->prf = PBE_HMAC_SHA1;
	if (!der_more(d))
		return 0;
	alg = der_enter(d, DER_SEQUENCE);
	oid = der_oid(&alg);
	if (der_optional(&alg, DER_NULL, &null) && null.value.n)
		der_spoil(&alg);
	der_leave(d, &alg);
	if (der_bad(d))
		return malformed(w);
	for (size_t i = 0; i < ARRAY_LEN(prfs); i++)
		if (prfs[i].oid == oid_find(oid)) {
			out->prf = prfs[i].prf;
			return 0;
		}
	return not_read(oid, w);
}

/* *key_len: 0 when the file does not say. */
static int read_kdf(struct pbes2 *out, struct der *d, uint32_t max, uint64_t *key_len, struct why *w)
{
	struct der alg = der_enter(d, DER_SEQUENCE), kdf;
	struct span oid = der_oid(&alg), salt;
	uint64_t iterations;
	int rc;

	if (!der_bad(&alg) && oid_find(oid) != OID_PBKDF2)
		return not_read(oid, w);
	kdf = der_enter(&alg, DER_SEQUENCE);
	salt = der_octets(&kdf);
	iterations = der_u64(&kdf, UINT64_MAX);
	*key_len = der_peek(&kdf) == DER_INTEGER ? der_u64(&kdf, PBE_KEY_MAX) : 0;
	if (der_bad(&kdf) || salt.n < PBES2_SALT_MIN || salt.n > PBES2_SALT_MAX || iterations == 0)
		return malformed(w);
	if (iterations > max)
		return why_set(w, ZT_E_KEY, "the private key wants its passphrase hashed %llu times; the limit is %u",
			       (unsigned long long)iterations, max);
	rc = read_prf(out, &kdf, w);
	der_leave(&alg, &kdf);
	der_leave(d, &alg);
	out->iterations = (uint32_t)iterations;
	out->salt_n = salt.n;
	memcpy(out->salt, salt.p, salt.n);
	return rc;
}

static int read_cipher(struct pbes2 *out, struct der *d, uint64_t key_len, struct why *w)
{
	struct der alg = der_enter(d, DER_SEQUENCE);
	struct span oid = der_oid(&alg), iv;
	size_t i = 0;

	if (der_bad(&alg))
		return malformed(w);
	while (i < ARRAY_LEN(ciphers) && ciphers[i].oid != oid_find(oid))
		i++;
	if (i == ARRAY_LEN(ciphers))
		return not_read(oid, w);
	out->cipher = ciphers[i].cipher;
	iv = der_octets(&alg);
	der_leave(d, &alg);
	if (der_bad(d) || iv.n != pbe_iv_len(out->cipher) || (key_len && key_len != pbe_key_len(out->cipher)))
		return malformed(w);
	memcpy(out->iv, iv.p, iv.n);
	return 0;
}

int pbes2_read(struct pbes2 *out, struct der *d, uint32_t max_iterations, struct why *w)
{
	struct der alg = der_enter(d, DER_SEQUENCE), both;
	struct span oid = der_oid(&alg);
	uint64_t key_len = 0;
	int rc;

	*out = (struct pbes2){0};
	if (!der_bad(&alg) && oid_find(oid) != OID_PBES2)
		return not_read(oid, w);
	both = der_enter(&alg, DER_SEQUENCE);
	rc = read_kdf(out, &both, max_iterations, &key_len, w);
	if (rc == 0)
		rc = read_cipher(out, &both, key_len, w);
	der_leave(&alg, &both);
	der_leave(d, &alg);
	return rc == 0 && der_bad(d) ? malformed(w) : rc;
}

void pbes2_write(struct wr *w, const struct pbes2 *p)
{
	size_t alg = der_open(w, DER_SEQUENCE), both, kdf, parameters, prf, cipher;

	der_wr_oid(w, oid_bytes(OID_PBES2));
	both = der_open(w, DER_SEQUENCE);
	kdf = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(OID_PBKDF2));
	parameters = der_open(w, DER_SEQUENCE);
	der_wr_octets(w, span_of(p->salt, p->salt_n));
	der_wr_u64(w, p->iterations);
	if (p->prf != PBE_HMAC_SHA1) { /* the default is left out */
		prf = der_open(w, DER_SEQUENCE);
		der_wr_oid(w, oid_bytes(prfs[p->prf].oid));
		der_wr_null(w);
		der_close(w, prf);
	}
	der_close(w, parameters);
	der_close(w, kdf);
	cipher = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(ciphers[p->cipher].oid));
	der_wr_octets(w, span_of(p->iv, pbe_iv_len(p->cipher)));
	der_close(w, cipher);
	der_close(w, both);
	der_close(w, alg);
}

static void crypt(const struct pbes2 *p, struct span passphrase, bool encrypt, uint8_t *data, size_t n)
{
	uint8_t key[PBE_KEY_MAX];

	pbkdf2(p->prf, passphrase, span_of(p->salt, p->salt_n), p->iterations, key, pbe_key_len(p->cipher));
	pbe_cbc(p->cipher, encrypt, key, p->iv, data, n);
	wipe(key, sizeof key);
}

int pbes2_decrypt(const struct pbes2 *p, struct span passphrase, uint8_t *data, size_t n)
{
	size_t block = pbe_iv_len(p->cipher);
	int len;

	if (n == 0 || n % block)
		return -ZT_E_KEY;
	crypt(p, passphrase, false, data, n);
	len = pbe_unpad(data, n, block);
	ct_public(&len, sizeof len);
	return len;
}

size_t pbes2_encrypt(const struct pbes2 *p, struct span passphrase, uint8_t *data, size_t n)
{
	size_t block = pbe_iv_len(p->cipher), pad = block - n % block;

	memset(&data[n], (int)pad, pad);
	crypt(p, passphrase, true, data, n + pad);
	return n + pad;
}
