/*
 * privkey: finds the one key of a file, takes the armour and the encryption off, and reads one
 * of three structures. Owns nothing but the struct it fills, which it wipes when it refuses.
 * Sentences tell shapes, sizes and algorithms, never contents.
 */
#include "privkey.h"

#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "curve.h"
#include "der.h"
#include "oid.h"
#include "pbes2.h"
#include "pem.h"

#define WHAT_IS_TAKEN "EC keys on P-256, P-384 and P-521, and RSA keys of 2048 to 4096 bits"

enum kind { KIND_NONE, KIND_PKCS8, KIND_ENCRYPTED, KIND_SEC1, KIND_PKCS1 };

/* PEM labels of private keys, and what to do about those that are not read. */
static const struct {
	const char *label;
	enum kind kind;
	const char *advice;
} labels[] = {
	{"PRIVATE KEY", KIND_PKCS8, NULL},
	{"ENCRYPTED PRIVATE KEY", KIND_ENCRYPTED, NULL},
	{"EC PRIVATE KEY", KIND_SEC1, NULL},
	{"RSA PRIVATE KEY", KIND_PKCS1, NULL},
	{"OPENSSH PRIVATE KEY", KIND_NONE, "'ssh-keygen -p -m PKCS8 -f KEY' turns an ECDSA or RSA key into one that is"},
	{"DSA PRIVATE KEY", KIND_NONE, "DSA is of no use here"},
};

static int malformed(struct why *w, const char *what)
{
	return why_set(w, ZT_E_SYNTAX, "the private key is malformed: not the DER of %s", what);
}

/* ---- EC ------------------------------------------------------------------------------------- */

/* The curve's parameters, which come next in d and are the last there: a name. */
static int take_curve(struct der *d, enum pk_type *out, struct why *w)
{
	char text[80];
	struct span oid;

	if (der_peek(d) == DER_SEQUENCE)
		return why_set(w, ZT_E_KEY, "the private key spells its curve out instead of naming it; "
			       "'openssl ec -param_enc named_curve -in OLD -out NEW' makes one that names it");
	oid = der_oid(d);
	if (der_bad(d) || der_more(d))
		return malformed(w, "an EC key");
	*out = curve_type(oid_find(oid));
	if (*out != PK_NONE)
		return 0;
	return why_set(w, ZT_E_KEY, "the private key is on curve %s; zt takes " WHAT_IS_TAKEN,
		       oid_text(oid, text, sizeof text));
}

/* RFC 5915 fixes the length of a scalar, but files are met where leading zeros are missing, or
 * where one too many says "not negative". That byte is looked at; the scalar's own are not. */
static bool take_scalar(struct privkey *out, struct span s)
{
	size_t n = pk_scalar_len(out->key.type);
	uint8_t first = s.n == n + 1 ? s.p[0] : 0;

	ct_public(&first, 1);
	if (s.n == n + 1 && first == 0)
		s = span_sub(s, 1, n);
	if (s.n == 0 || s.n > n)
		return false;
	memset(out->scalar, 0, n - s.n);
	memcpy(&out->scalar[n - s.n], s.p, s.n);
	out->key.scalar = span_of(out->scalar, n);
	return true;
}

static int ec_check(struct privkey *out, struct span point, struct why *w)
{
	int n = pk_point(&out->key, out->point_mem, sizeof out->point_mem);

	if (n < 0)
		return why_set(w, ZT_E_KEY, "the private key is out of its curve's range");
	out->point = span_of(out->point_mem, (size_t)n);
	if (point.n && !span_eq(point, out->point))
		return why_set(w, ZT_E_KEY, "the private key and the public key in the same file do not belong together");
	return 0;
}

/* RFC 5915. outer: the curve named around it, or PK_NONE: then it has to be inside. */
static int read_sec1(struct privkey *out, struct span der, enum pk_type outer, struct why *w)
{
	static const char what[] = "an EC key (SEC1)";
	struct span scalar, point = SPAN_NONE;
	enum pk_type inner = PK_NONE;
	struct der_tlv part;
	bool ok;
	struct der d = der_whole(der, DER_SEQUENCE, &ok);
	int rc;

	if (der_u64(&d, 1) != 1)
		return malformed(w, what);
	scalar = der_octets(&d);
	if (der_optional(&d, DER_CTXC(0), &part)) {
		struct der parameters = der_of(part.value);

		rc = take_curve(&parameters, &inner, w);
		if (rc < 0)
			return rc;
	}
	if (der_optional(&d, DER_CTXC(1), &part)) {
		struct der bits = der_of(part.value);

		point = der_bits_whole(&bits);
		if (point.n == 0)
			der_spoil(&bits);
		der_leave(&d, &bits);
	}
	if (der_bad(&d) || der_more(&d) || (outer && inner && outer != inner))
		return malformed(w, what);
	out->key.type = outer ? outer : inner;
	if (out->key.type == PK_NONE)
		return why_set(w, ZT_E_KEY, "the private key does not say which curve it is on");
	if (!take_scalar(out, scalar))
		return malformed(w, what);
	return ec_check(out, point, w);
}

/* ---- RSA ------------------------------------------------------------------------------------ */

static int rsa_check(struct privkey *out, struct why *w)
{
	const struct pk_public pub = privkey_public(out);
	unsigned bits = pk_bits(&pub);

	if (bits < PK_RSA_MIN_BITS || bits > PK_RSA_MAX_BITS)
		return why_set(w, ZT_E_KEY, "the private key is RSA of %u bits; zt takes " WHAT_IS_TAKEN, bits);
	if (pk_check_public(&pub) < 0)
		return why_set(w, ZT_E_KEY, "the RSA key's modulus is even, or its exponent is not odd and "
			       "between 65537 and 4294967295");
	if (pk_check_private(&out->key) < 0 || !pk_pair(&out->key, &pub))
		return why_set(w, ZT_E_KEY, "the RSA key is damaged: its parts do not belong together");
	return 0;
}

/* RFC 8017 appendix A.1.2 */
static int read_pkcs1(struct privkey *out, struct span der, struct why *w)
{
	bool ok;
	struct der d = der_whole(der, DER_SEQUENCE, &ok);
	struct pk_private *k = &out->key;
	uint64_t version = der_u64(&d, 1);

	if (!der_bad(&d) && version == 1)
		return why_set(w, ZT_E_KEY, "the RSA key has more than two prime factors, which zt does not take");
	k->type = PK_RSA;
	k->n = der_unsigned(&d);
	k->e = der_unsigned(&d);
	der_unsigned(&d); /* d */
	k->p = der_unsigned(&d);
	k->q = der_unsigned(&d);
	k->dp = der_unsigned(&d);
	k->dq = der_unsigned(&d);
	k->iq = der_unsigned(&d);
	if (der_bad(&d) || der_more(&d))
		return malformed(w, "an RSA key (PKCS#1)");
	return rsa_check(out, w);
}

/* ---- PKCS#8 ---------------------------------------------------------------------------------- */

struct pkcs8 {
	struct der parameters;
	enum oid alg;
	struct span oid; /* of alg */
	struct span key, public;
};

/* Attributes mean nothing here, but they have to be some: SET OF SEQUENCE { OID, SET }. */
static void skip_attributes(struct der *d, struct span contents)
{
	struct der all = der_of(contents);

	while (der_more(&all)) {
		struct der one = der_enter(&all, DER_SEQUENCE);

		der_oid(&one);
		der_take(&one, DER_SET);
		der_leave(&all, &one);
	}
	der_leave(d, &all);
}

/* RFC 5958: version 1, or 2 with the public key behind. false: this is no PKCS#8. */
static bool read_frame(struct pkcs8 *out, struct span der)
{
	bool ok;
	struct der d = der_whole(der, DER_SEQUENCE, &ok), alg;
	uint64_t version = der_u64(&d, 1);
	struct der_tlv part;

	*out = (struct pkcs8){0};
	alg = der_enter(&d, DER_SEQUENCE);
	out->oid = der_oid(&alg);
	out->alg = oid_find(out->oid);
	out->parameters = alg;
	while (der_more(&alg))
		der_any(&alg);
	der_leave(&d, &alg);
	out->key = der_octets(&d);
	if (der_optional(&d, DER_CTXC(0), &part))
		skip_attributes(&d, part.value);
	if (version == 1 && der_optional(&d, DER_CTX(1), &part)) { /* IMPLICIT BIT STRING, of whole bytes */
		if (part.value.n < 2 || part.value.p[0] != 0)
			return false;
		out->public = span_sub(part.value, 1, part.value.n);
	}
	return !der_bad(&d) && !der_more(&d);
}

static int read_ec_in_frame(struct privkey *out, struct pkcs8 *f, struct why *w)
{
	enum pk_type type = PK_NONE;
	int rc = take_curve(&f->parameters, &type, w);

	if (rc == 0)
		rc = read_sec1(out, f->key, type, w);
	return rc < 0 || f->public.n == 0 ? rc : ec_check(out, f->public, w);
}

/* RSAPublicKey, RFC 8017 appendix A.1.1 */
static bool same_rsa_public(const struct pk_private *k, struct span der)
{
	bool ok;
	struct der d = der_whole(der, DER_SEQUENCE, &ok);
	struct span n = der_unsigned(&d), e = der_unsigned(&d);

	return !der_bad(&d) && !der_more(&d) && span_eq(n, k->n) && span_eq(e, k->e);
}

static int read_rsa_in_frame(struct privkey *out, struct pkcs8 *f, struct why *w)
{
	struct span null = der_take(&f->parameters, DER_NULL).value;
	int rc;

	if (der_bad(&f->parameters) || null.n || der_more(&f->parameters))
		return malformed(w, "an RSA key (PKCS#8)");
	rc = read_pkcs1(out, f->key, w);
	if (rc == 0 && f->public.n && !same_rsa_public(&out->key, f->public))
		rc = why_set(w, ZT_E_KEY, "the private key and the public key in the same file do not belong together");
	return rc;
}

static int read_framed(struct privkey *out, struct pkcs8 *f, struct why *w)
{
	char text[80];

	if (f->alg == OID_EC_KEY)
		return read_ec_in_frame(out, f, w);
	if (f->alg == OID_RSA)
		return read_rsa_in_frame(out, f, w);
	return why_set(w, ZT_E_KEY, "the private key is for %s; zt takes " WHAT_IS_TAKEN,
		       f->alg == OID_UNKNOWN ? oid_text(f->oid, text, sizeof text) : oid_name(f->alg));
}

static int read_pkcs8(struct privkey *out, struct span der, struct why *w)
{
	struct pkcs8 f;

	if (!read_frame(&f, der))
		return malformed(w, "PKCS#8");
	return read_framed(out, &f, w);
}

/* Wrong padding and a frame that is none are one answer: which it was is nobody's business. */
static int read_encrypted(struct privkey *out, struct span der, struct span passphrase, struct why *w)
{
	bool ok;
	struct der d = der_whole(der, DER_SEQUENCE, &ok);
	struct pbes2 p;
	struct pkcs8 f;
	struct span secret;
	int n = pbes2_read(&p, &d, PRIVKEY_ITERATIONS, w);

	if (n < 0)
		return n;
	secret = der_octets(&d);
	if (der_bad(&d) || der_more(&d))
		return malformed(w, "an encrypted PKCS#8 key");
	if (passphrase.n == 0)
		return why_set(w, ZT_E_KEY, "the private key is encrypted and no passphrase was given: "
			       "key_pass_file names a file with it, and that is not empty");
	memmove(out->mem, secret.p, secret.n); /* secret lies in mem, and shorter than it is */
	n = pbes2_decrypt(&p, passphrase, out->mem, secret.n);
	if (n < 0 || !read_frame(&f, span_of(out->mem, (size_t)n)))
		return why_set(w, ZT_E_KEY, "wrong passphrase for the private key (or its file is damaged)");
	return read_framed(out, &f, w);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The structures differ in their first two elements; nothing secret is among those. */
static enum kind kind_of(struct span der)
{
	bool ok;
	struct der d = der_whole(der, DER_SEQUENCE, &ok);

	if (der_peek(&d) == DER_SEQUENCE)
		return KIND_ENCRYPTED;
	der_u64(&d, 1);
	switch (der_peek(&d)) {
	case DER_SEQUENCE: return KIND_PKCS8;
	case DER_INTEGER: return KIND_PKCS1;
	case DER_OCTETS: return KIND_SEC1;
	}
	return KIND_NONE;
}

/* der is out->mem[0 … n). */
static int read_kind(struct privkey *out, enum kind kind, struct span der, struct span passphrase, struct why *w)
{
	switch (kind) {
	case KIND_PKCS8: return read_pkcs8(out, der, w);
	case KIND_ENCRYPTED: return read_encrypted(out, der, passphrase, w);
	case KIND_SEC1: return read_sec1(out, der, PK_NONE, w);
	case KIND_PKCS1: return read_pkcs1(out, der, w);
	case KIND_NONE: break;
	}
	return malformed(w, "a private key");
}

static int read_block(struct privkey *out, const struct pem *block, struct span passphrase, struct why *w)
{
	size_t i = 0;
	int n;

	while (i < ARRAY_LEN(labels) && !span_eq_str(block->label, labels[i].label))
		i++;
	if (i == ARRAY_LEN(labels) || labels[i].kind == KIND_NONE)
		return why_set(w, ZT_E_KEY, "line %u: a key of the kind %.*s is not read; %s", block->line,
			       SPAN_ARG(block->label), i == ARRAY_LEN(labels) ? "zt takes " WHAT_IS_TAKEN : labels[i].advice);
	if (block->headers.n)
		return why_set(w, ZT_E_KEY, "line %u: the private key is encrypted the old way (Proc-Type), which is not "
			       "read; 'openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW' makes one that is", block->line);
	n = pem_decode(block, out->mem, sizeof out->mem, w);
	if (n < 0)
		return n;
	if (kind_of(span_of(out->mem, (size_t)n)) != labels[i].kind)
		return why_set(w, ZT_E_SYNTAX, "line %u: the block does not hold what it says (%.*s)", block->line,
			       SPAN_ARG(block->label));
	return read_kind(out, labels[i].kind, span_of(out->mem, (size_t)n), passphrase, w);
}

static int read_pem(struct privkey *out, struct span text, struct span passphrase, struct why *w)
{
	struct pem block;
	unsigned line = 1;
	int rc;

	while ((rc = pem_next(&text, &line, &block, w)) > 0)
		if (span_ends(block.label, "PRIVATE KEY"))
			return read_block(out, &block, passphrase, w);
	return rc < 0 ? rc : why_set(w, ZT_E_MISSING, "there is no private key inside (no line '-----BEGIN … PRIVATE KEY-----')");
}

/* DER when all of it is one SEQUENCE: no text is, by the length that its second byte would be. */
static int read_file(struct privkey *out, struct span file, struct span passphrase, struct why *w)
{
	bool is_der;

	der_whole(file, DER_SEQUENCE, &is_der);
	if (!is_der)
		return read_pem(out, file, passphrase, w);
	if (file.n > sizeof out->mem)
		return why_set(w, ZT_E_TOOLONG, "the private key is longer than %zu bytes", sizeof out->mem);
	memcpy(out->mem, file.p, file.n);
	return read_kind(out, kind_of(file), span_of(out->mem, file.n), passphrase, w);
}

int privkey_read(struct privkey *out, struct span file, struct span passphrase, struct why *w)
{
	int rc;

	out->key = (struct pk_private){0};
	out->point = SPAN_NONE;
	rc = read_file(out, file, passphrase, w);
	if (rc < 0)
		privkey_wipe(out);
	return rc;
}

void privkey_wipe(struct privkey *k)
{
	wipe(k, sizeof *k);
}

struct pk_public privkey_public(const struct privkey *k)
{
	return (struct pk_public){.type = k->key.type, .point = k->point, .n = k->key.n, .e = k->key.e};
}

/* ---- writing --------------------------------------------------------------------------------- */

int privkey_write(struct wr *w, const struct pk_private *k)
{
	uint8_t point[PK_POINT_MAX];
	int n = pk_point(k, point, sizeof point);
	size_t all, alg, octets, sec1, public;

	if (n < 0)
		return n;
	all = der_open(w, DER_SEQUENCE);
	der_wr_u64(w, 0);
	alg = der_open(w, DER_SEQUENCE);
	der_wr_oid(w, oid_bytes(OID_EC_KEY));
	der_wr_oid(w, oid_bytes(curve_oid(k->type)));
	der_close(w, alg);
	octets = der_open(w, DER_OCTETS);
	sec1 = der_open(w, DER_SEQUENCE);
	der_wr_u64(w, 1);
	der_wr_octets(w, k->scalar);
	public = der_open(w, DER_CTXC(1));
	der_wr_bits(w, span_of(point, (size_t)n), 0);
	der_close(w, public);
	der_close(w, sec1);
	der_close(w, octets);
	der_close(w, all);
	return 0;
}

#define PLAIN_MAX 241 /* of a P-521 key; then padding */

int privkey_write_encrypted(struct wr *w, const struct pk_private *k, struct span passphrase, uint32_t iterations,
			    const uint8_t salt[static 16], const uint8_t iv[static 16])
{
	struct pbes2 p = {.prf = PBE_HMAC_SHA256, .cipher = PBE_AES256_CBC, .iterations = iterations, .salt_n = 16};
	uint8_t mem[PLAIN_MAX + PBE_BLOCK_MAX];
	struct wr plain = wr_of(mem, PLAIN_MAX);
	size_t all;
	int rc = privkey_write(&plain, k);

	if (rc == 0 && (passphrase.n == 0 || iterations == 0 || iterations > PRIVKEY_ITERATIONS))
		rc = -ZT_E_KEY;
	if (rc == 0) {
		ZT_ASSERT(!plain.full);
		memcpy(p.salt, salt, 16);
		memcpy(p.iv, iv, 16);
		all = der_open(w, DER_SEQUENCE);
		pbes2_write(w, &p);
		der_wr_octets(w, span_of(mem, pbes2_encrypt(&p, passphrase, mem, plain.n)));
		der_close(w, all);
	}
	wipe(mem, sizeof mem);
	return rc;
}
