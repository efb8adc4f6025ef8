/*
 * pk: ECDSA and RSA signatures over BearSSL. Owns nothing; keys are borrowed for one call and
 * copies of secret parts are wiped. Encodings of signatures and paddings are made and read
 * here, strictly: the library's own readers take more than one encoding of a signature.
 */
#include "pk.h"

#include <string.h>

#include <bearssl.h>

#include "crypto.h"
#include "ct.h"
#include "err.h"
#include "num.h"

#define POINT_UNCOMPRESSED 0x04
#define DER_INTEGER_TAG 0x02
#define DER_SEQUENCE_TAG 0x30

/* The two factors may differ by so much in length; real ones do not differ at all. BearSSL
 * has room for factors of 2,080 bits, and 4096 / 2 + 1 + 16 = 2,065. */
#define RSA_FACTOR_SLACK 16
#define RSA_FACTOR_MAX ((PK_RSA_MAX_BITS / 2 + 1 + RSA_FACTOR_SLACK + 7) / 8)

/* ---- tables -------------------------------------------------------------------------------- */

struct curve {
	enum pk_type type;
	int id;
	size_t len;       /* of a scalar and of a coordinate */
	unsigned bits;
	uint8_t top_mask; /* of a random scalar's first byte */
};

static const struct curve curves[] = {
	{PK_P256, BR_EC_secp256r1, 32, 256, 0xff},
	{PK_P384, BR_EC_secp384r1, 48, 384, 0xff},
	{PK_P521, BR_EC_secp521r1, PK_SCALAR_MAX, 521, 0x01},
};

static const struct curve *curve_of(enum pk_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (curves[i].type == t)
			return &curves[i];
	return NULL;
}

struct hash {
	enum pk_hash id;
	const br_hash_class *class;
	size_t len;
	uint8_t info[19]; /* DigestInfo up to the digest, RFC 8017 section 9.2 note 1 */
};

/* SHA-1 has no row: it is neither made nor believed. */
static const struct hash hashes[] = {
	{PK_SHA256, &br_sha256_vtable, 32,
	 {0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32}},
	{PK_SHA384, &br_sha384_vtable, 48,
	 {0x30, 0x41, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 48}},
	{PK_SHA512, &br_sha512_vtable, 64,
	 {0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 64}},
};

static const struct hash *hash_of(enum pk_hash h)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].id == h)
			return &hashes[i];
	return NULL;
}

size_t pk_hash_len(enum pk_hash h)
{
	const struct hash *hash = hash_of(h);

	return hash ? hash->len : 0;
}

size_t pk_digest(enum pk_hash h, struct span message, uint8_t out[static PK_HASH_MAX])
{
	const struct hash *hash = hash_of(h);
	br_hash_compat_context c;

	if (hash == NULL)
		return 0;
	hash->class->init(&c.vtable);
	hash->class->update(&c.vtable, message.p, message.n);
	hash->class->out(&c.vtable, out);
	wipe(&c, sizeof c); /* holds the last block of what may be a secret */
	return hash->len;
}

/* ---- numbers: big-endian, and perhaps secret ------------------------------------------------- */

/* 1 when 0 < a < b. */
static uint32_t is_within(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint32_t borrow = 0, any = 0;

	for (size_t i = n; i-- > 0;) {
		borrow = ((uint32_t)a[i] - b[i] - borrow) >> 31;
		any |= a[i];
	}
	return borrow & (0 - any) >> 31;
}

/* Length in bits; the first byte is not 0. How long a part is, is public. */
static size_t bits_of(struct span v)
{
	uint8_t top;

	if (v.n == 0)
		return 0;
	top = v.p[0];
	ct_public(&top, 1);
	return 8 * (v.n - 1) + (top ? 32 - (size_t)__builtin_clz(top) : 0);
}

/* ---- EC --------------------------------------------------------------------------------------- */

static bool scalar_ok(const struct curve *c, struct span x)
{
	size_t n;
	const uint8_t *order = br_ec_get_default()->order(c->id, &n);
	uint32_t ok;

	if (x.n != c->len || n != c->len)
		return false;
	ok = is_within(x.p, order, n);
	ct_public(&ok, sizeof ok);
	return ok;
}

static bool point_shape_ok(const struct curve *c, struct span q)
{
	return q.n == 1 + 2 * c->len && q.p[0] == POINT_UNCOMPRESSED;
}

/* Multiplication by 1 fails for a point that is not on the curve, and its answer is the one
 * encoding of the point: coordinates past the field's prime come out different. */
static bool point_ok(const struct curve *c, struct span q)
{
	static const uint8_t one[] = {1};
	uint8_t p[PK_POINT_MAX];

	if (!point_shape_ok(c, q))
		return false;
	memcpy(p, q.p, q.n);
	return br_ec_get_default()->mul(p, q.n, one, sizeof one, c->id) == 1 &&
	       span_eq(span_of(p, q.n), q);
}

int pk_point(const struct pk_private *k, uint8_t *out, size_t cap)
{
	const struct curve *c = curve_of(k->type);
	size_t n;

	if (c == NULL || !scalar_ok(c, k->scalar))
		return -ZT_E_KEY;
	if (cap < 1 + 2 * c->len)
		return -ZT_E_TOOLONG;
	n = br_ec_get_default()->mulgen(out, k->scalar.p, k->scalar.n, c->id);
	if (n != 1 + 2 * c->len)
		return -ZT_E_KEY;
	ct_public(out, n);
	return (int)n;
}

/* A positive number as an INTEGER: no needless zeros, and one zero where the top bit is set. */
static void integer_write(struct wr *w, struct span v)
{
	while (v.n > 1 && v.p[0] == 0)
		v = span_sub(v, 1, v.n);
	wr_u8(w, DER_INTEGER_TAG);
	wr_u8(w, (uint8_t)(v.n + (v.p[0] >> 7)));
	if (v.p[0] >> 7)
		wr_u8(w, 0);
	wr_put(w, v);
}

static int ecdsa_sign(const struct curve *c, const struct pk_private *k, const struct hash *h,
		      struct span digest, uint8_t *sig)
{
	br_ec_private_key sk = {c->id, (unsigned char *)k->scalar.p, k->scalar.n}; /* it only reads */
	uint8_t raw[2 * PK_SCALAR_MAX], both[2 * (PK_SCALAR_MAX + 3)];
	struct wr w = wr_of(sig, PK_SIG_MAX), inner = wr_of(both, sizeof both);

	if (!scalar_ok(c, k->scalar))
		return -ZT_E_KEY;
	if (br_ecdsa_sign_raw_get_default()(br_ec_get_default(), h->class, digest.p, &sk, raw) != 2 * c->len)
		return -ZT_E_KEY;
	ct_public(raw, 2 * c->len);
	integer_write(&inner, span_of(raw, c->len));
	integer_write(&inner, span_sub(span_of(raw, 2 * c->len), c->len, c->len));
	wr_u8(&w, DER_SEQUENCE_TAG);
	if (inner.n > 127)
		wr_u8(&w, 0x81);
	wr_u8(&w, (uint8_t)inner.n); /* 2 * (66 + 3) = 138 at most */
	wr_put(&w, wr_span(&inner));
	return (int)w.n;
}

/* One INTEGER, minimal, 0 < v < order, into out at the curve's length. */
static bool integer_read(struct rd *r, const struct curve *c, uint8_t *out)
{
	uint8_t tag = rd_u8(r), n = rd_u8(r);
	struct span v = rd_bytes(r, n);
	size_t order_n;
	const uint8_t *order = br_ec_get_default()->order(c->id, &order_n);

	if (r->bad || tag != DER_INTEGER_TAG || n == 0 || n > c->len + 1 || v.p[0] & 0x80)
		return false;
	if (v.p[0] == 0) { /* allowed only where the number would be negative without it */
		v = span_sub(v, 1, v.n);
		if (v.n == 0 || !(v.p[0] & 0x80))
			return false;
	}
	if (v.n > c->len)
		return false;
	memset(out, 0, c->len - v.n);
	memcpy(&out[c->len - v.n], v.p, v.n);
	return is_within(out, order, order_n);
}

static bool ecdsa_read(struct span sig, const struct curve *c, uint8_t *raw)
{
	struct rd r = rd_of(sig);
	uint8_t tag = rd_u8(&r), len = rd_u8(&r);

	if (len == 0x81) {
		len = rd_u8(&r);
		if (len < 0x80)
			return false;
	} else if (len >= 0x80) {
		return false;
	}
	return !r.bad && tag == DER_SEQUENCE_TAG && len == rd_left(&r) && integer_read(&r, c, raw) &&
	       integer_read(&r, c, &raw[c->len]) && rd_left(&r) == 0;
}

static bool ecdsa_verify(const struct curve *c, const struct pk_public *k, struct span digest, struct span sig)
{
	br_ec_public_key pk = {c->id, (unsigned char *)k->point.p, k->point.n}; /* it only reads */
	uint8_t raw[2 * PK_SCALAR_MAX];

	return point_shape_ok(c, k->point) && ecdsa_read(sig, c, raw) &&
	       br_ecdsa_vrfy_raw_get_default()(br_ec_get_default(), digest.p, digest.n, &pk, raw, 2 * c->len) == 1;
}

int pk_generate(enum pk_type t, uint8_t *scalar, size_t cap)
{
	const struct curve *c = curve_of(t);

	if (c == NULL)
		return -ZT_E_KEY;
	if (cap < c->len)
		return -ZT_E_TOOLONG;
	/* Of P-256's candidates one in 2^32 is out of range, of the others fewer. */
	do {
		random_bytes(scalar, c->len);
		scalar[0] &= c->top_mask;
	} while (!scalar_ok(c, span_of(scalar, c->len)));
	return (int)c->len;
}

/* ---- RSA -------------------------------------------------------------------------------------- */

static bool rsa_public_ok(struct span n, struct span e)
{
	struct rd r = rd_of(e);
	uint32_t exponent = 0;

	while (rd_left(&r) && e.n <= 4)
		exponent = exponent << 8 | rd_u8(&r);
	return n.n && n.p[0] != 0 && bits_of(n) >= PK_RSA_MIN_BITS && bits_of(n) <= PK_RSA_MAX_BITS &&
	       (n.p[n.n - 1] & 1) && e.n >= 1 && e.n <= 4 && e.p[0] != 0 && exponent >= 65537 && (exponent & 1);
}

static bool rsa_factor_ok(struct span p, size_t modulus_bits)
{
	uint8_t odd;

	if (p.n == 0 || p.n > RSA_FACTOR_MAX || bits_of(p) + RSA_FACTOR_SLACK < modulus_bits / 2)
		return false;
	odd = p.p[p.n - 1] & 1;
	ct_public(&odd, 1);
	return odd;
}

/* Lengths, so that nothing in BearSSL can run over; the values are judged by what they sign. */
static bool rsa_private_fits(const struct pk_private *k)
{
	size_t bits = bits_of(k->n), sum = bits_of(k->p) + bits_of(k->q);

	return rsa_public_ok(k->n, k->e) && rsa_factor_ok(k->p, bits) && rsa_factor_ok(k->q, bits) &&
	       (sum == bits || sum == bits + 1) && k->dp.n && k->dp.n <= k->p.n && k->dq.n &&
	       k->dq.n <= k->q.n && k->iq.n && k->iq.n <= k->p.n;
}

static br_rsa_private_key rsa_private_key(const struct pk_private *k)
{
	return (br_rsa_private_key){ /* it only reads */
		.n_bitlen = (uint32_t)bits_of(k->n),
		.p = (unsigned char *)k->p.p, .plen = k->p.n,
		.q = (unsigned char *)k->q.p, .qlen = k->q.n,
		.dp = (unsigned char *)k->dp.p, .dplen = k->dp.n,
		.dq = (unsigned char *)k->dq.p, .dqlen = k->dq.n,
		.iq = (unsigned char *)k->iq.p, .iqlen = k->iq.n,
	};
}

/* p * q into out, p.n + q.n bytes. By hand, because BearSSL 0.6 has no room for a modulus of
 * 4,096 bits here. Each byte meets each: 67,000 products at most, next to nothing beside one
 * signature. */
static void multiply(struct span p, struct span q, uint8_t *out)
{
	memset(out, 0, p.n + q.n);
	for (size_t i = p.n; i-- > 0;) {
		uint32_t carry = 0;

		for (size_t j = q.n; j-- > 0;) {
			carry += out[i + j + 1] + (uint32_t)p.p[i] * q.p[j];
			out[i + j + 1] = (uint8_t)carry;
			carry >>= 8;
		}
		out[i] = (uint8_t)carry;
	}
}

static bool rsa_modulus_ok(const struct pk_private *k)
{
	uint8_t product[2 * RSA_FACTOR_MAX];
	struct span n;

	multiply(k->p, k->q, product);
	n = span_of(product, k->p.n + k->q.n);
	ct_public(product, n.n); /* it either is the public modulus, or the key is no key */
	while (n.n > k->n.n && n.p[0] == 0)
		n = span_sub(n, 1, n.n);
	return span_eq(n, k->n);
}

/* x^e mod n in place; false when x is not below n. */
static bool rsa_raise(struct span n, struct span e, uint8_t *x)
{
	br_rsa_public_key pk = {(unsigned char *)n.p, n.n, (unsigned char *)e.p, e.n}; /* it only reads */

	return br_rsa_public_get_default()(x, n.n, &pk) == 1;
}

/* EMSA-PKCS1-v1_5, RFC 8017 section 9.2: 00 01 ff … ff 00 DigestInfo. There is one encoding of
 * a digest, and comparing with it leaves nothing to parse. n >= 256, so the ff are many. */
static void rsa_pad(const struct hash *h, struct span digest, uint8_t *em, size_t n)
{
	struct wr w = wr_of(em, n);

	wr_u8(&w, 0);
	wr_u8(&w, 1);
	while (w.n < n - 1 - sizeof h->info - digest.n)
		wr_u8(&w, 0xff);
	wr_u8(&w, 0);
	wr_bytes(&w, h->info, sizeof h->info);
	wr_put(&w, digest);
	ZT_ASSERT(!w.full && w.n == n);
}

static bool rsa_verify(const struct pk_public *k, const struct hash *h, struct span digest, struct span sig)
{
	uint8_t x[PK_RSA_MAX_BITS / 8], em[PK_RSA_MAX_BITS / 8];

	if (!rsa_public_ok(k->n, k->e) || sig.n != k->n.n)
		return false;
	memcpy(x, sig.p, sig.n);
	rsa_pad(h, digest, em, sig.n);
	return rsa_raise(k->n, k->e, x) && span_eq(span_of(x, sig.n), span_of(em, sig.n));
}

static int rsa_sign(const struct pk_private *k, const struct hash *h, struct span digest, uint8_t *sig)
{
	const struct pk_public pub = {.type = PK_RSA, .n = k->n, .e = k->e};
	br_rsa_private_key sk;
	uint32_t done;

	if (!rsa_private_fits(k))
		return -ZT_E_KEY;
	sk = rsa_private_key(k);
	rsa_pad(h, digest, sig, k->n.n);
	done = br_rsa_private_get_default()(sig, &sk);
	ct_public(&done, sizeof done);
	ct_public(sig, k->n.n);
	if (done == 1 && rsa_verify(&pub, h, digest, span_of(sig, k->n.n)))
		return (int)k->n.n;
	wipe(sig, k->n.n);
	return -ZT_E_KEY;
}

/* ---- both ------------------------------------------------------------------------------------- */

unsigned pk_bits(const struct pk_public *k)
{
	const struct curve *c = curve_of(k->type);

	if (c)
		return c->bits;
	return k->type == PK_RSA ? (unsigned)bits_of(k->n) : 0;
}

size_t pk_scalar_len(enum pk_type t)
{
	const struct curve *c = curve_of(t);

	return c ? c->len : 0;
}

int pk_check_public(const struct pk_public *k)
{
	const struct curve *c = curve_of(k->type);
	bool ok = c ? point_ok(c, k->point) : k->type == PK_RSA && rsa_public_ok(k->n, k->e);

	return ok ? 0 : -ZT_E_KEY;
}

int pk_check_private(const struct pk_private *k)
{
	const struct curve *c = curve_of(k->type);
	bool ok = c ? scalar_ok(c, k->scalar) : k->type == PK_RSA && rsa_private_fits(k) && rsa_modulus_ok(k);

	return ok ? 0 : -ZT_E_KEY;
}

static bool rsa_pair(const struct pk_private *priv, const struct pk_public *pub)
{
	static const uint8_t digest[32] = "does this key sign what it shows"; /* any 32 bytes do */
	uint8_t sig[PK_SIG_MAX];

	/* rsa_sign() answers only what it has verified with the same n and e. */
	return rsa_public_ok(pub->n, pub->e) && span_eq(priv->n, pub->n) && span_eq(priv->e, pub->e) &&
	       rsa_modulus_ok(priv) && rsa_sign(priv, &hashes[0], span_of(digest, sizeof digest), sig) > 0;
}

bool pk_pair(const struct pk_private *priv, const struct pk_public *pub)
{
	uint8_t point[PK_POINT_MAX];
	int n;

	if (priv->type != pub->type)
		return false;
	if (priv->type == PK_RSA)
		return rsa_private_fits(priv) && rsa_pair(priv, pub);
	n = pk_point(priv, point, sizeof point);
	return n > 0 && span_eq(span_of(point, (size_t)n), pub->point);
}

int pk_sign_digest(const struct pk_private *k, enum pk_hash h, struct span digest, uint8_t sig[static PK_SIG_MAX])
{
	const struct curve *c = curve_of(k->type);
	const struct hash *hash = hash_of(h);

	if (hash == NULL || digest.n != hash->len)
		return -ZT_E_KEY;
	if (c)
		return ecdsa_sign(c, k, hash, digest, sig);
	return k->type == PK_RSA ? rsa_sign(k, hash, digest, sig) : -ZT_E_KEY;
}

int pk_sign(const struct pk_private *k, enum pk_hash h, struct span message, uint8_t sig[static PK_SIG_MAX])
{
	uint8_t digest[PK_HASH_MAX];
	size_t n = pk_digest(h, message, digest);

	return pk_sign_digest(k, h, span_of(digest, n), sig);
}

int pk_verify_digest(const struct pk_public *k, enum pk_hash h, struct span digest, struct span sig)
{
	const struct curve *c = curve_of(k->type);
	const struct hash *hash = hash_of(h);
	bool ok;

	if (hash == NULL || digest.n != hash->len)
		return -ZT_E_DENIED;
	if (c)
		ok = ecdsa_verify(c, k, digest, sig);
	else
		ok = k->type == PK_RSA && rsa_verify(k, hash, digest, sig);
	return ok ? 0 : -ZT_E_DENIED;
}

int pk_verify(const struct pk_public *k, enum pk_hash h, struct span message, struct span sig)
{
	uint8_t digest[PK_HASH_MAX];
	size_t n = pk_digest(h, message, digest);

	return pk_verify_digest(k, h, span_of(digest, n), sig);
}
