/* Keys from OpenSSL and GnuTLS come out as known; everything else is refused in words, and no
 * damage makes a key that passes for another. */
#include "tests/unit/unit.h"

#include "base/ct.h"
#include "base/num.h"
#include "tests/unit/wire/key_vectors.h"
#include "wire/der.h"
#include "wire/oid.h"
#include "wire/pem.h"
#include "wire/privkey.h"

static struct privkey key;
static struct why why;

static int read_key(struct span file, const char *passphrase)
{
	why = (struct why){0};
	return privkey_read(&key, file, span_str(passphrase), &why);
}

static struct span unhex(const char *hex, uint8_t *out)
{
	CHECK_INT(ct_hex_decode(span_str(hex), out), 0);
	return span_of(out, strlen(hex) / 2);
}

/* Is `key` the key of the vectors, and does it say so about itself? */
static bool is_known(enum pk_type t)
{
	uint8_t bytes[600];
	struct pk_public pub = privkey_public(&key);

	if (key.key.type != t || pub.type != t || !pk_pair(&key.key, &pub))
		return false;
	if (t == PK_RSA)
		return span_eq(key.key.n, unhex(rsa_key.n, bytes)) && span_eq(key.key.p, unhex(rsa_key.p, bytes));
	for (size_t i = 0; i < ARRAY_LEN(ec_keys); i++)
		if (ec_keys[i].type == t)
			return span_eq(key.key.scalar, unhex(ec_keys[i].scalar, bytes)) && key.point.n == 1 + 2 * pk_scalar_len(t) &&
			       span_eq(span_sub(key.point, 1, pk_scalar_len(t)), unhex(ec_keys[i].x, bytes));
	return false;
}

static const char *vector(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(key_files); i++)
		if (strcmp(key_files[i].name, name) == 0)
			return key_files[i].pem;
	for (size_t i = 0; i < ARRAY_LEN(refused_files); i++)
		if (strcmp(refused_files[i].name, name) == 0)
			return refused_files[i].pem;
	unit_fail(__FILE__, __LINE__, "no vector %s", name);
	return "";
}

static struct span der_of_pem(const char *pem, uint8_t *out, size_t cap)
{
	struct span text = span_str(pem);
	unsigned line = 1;
	struct pem block;
	int n;

	CHECK_INT(pem_next(&text, &line, &block, NULL), 1);
	n = pem_decode(&block, out, cap, NULL);
	CHECK(n > 0);
	return span_of(out, (size_t)n);
}

static void expect(const char *pem, const char *passphrase, enum zt_err err, const char *said)
{
	int rc = read_key(span_str(pem), passphrase);

	if (rc != -(int)err || strstr(why.text, said) == NULL)
		unit_fail(__FILE__, __LINE__, "%d, '%s', not %d, '%s'", rc, why.text, -(int)err, said);
	for (size_t i = 0; i < sizeof key && err; i++)
		NEED(((const uint8_t *)&key)[i] == 0); /* nothing is left of a refused key */
}

TEST(files_of_openssl_and_gnutls)
{
	static uint8_t mem[PRIVKEY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(key_files); i++) {
		int rc = read_key(span_str(key_files[i].pem), key_files[i].passphrase);
		struct span der = der_of_pem(key_files[i].pem, mem, sizeof mem);

		if (rc != 0 || !is_known(key_files[i].type))
			unit_fail(__FILE__, __LINE__, "%s: %d, %s", key_files[i].name, rc, why.text);
		if (strstr(key_files[i].name, "gnutls")) /* 600,000 iterations each */
			continue;
		rc = read_key(der, key_files[i].passphrase);
		if (rc != 0 || !is_known(key_files[i].type))
			unit_fail(__FILE__, __LINE__, "%s as DER: %d, %s", key_files[i].name, rc, why.text);
	}
}

TEST(a_key_among_other_things)
{
	char text[4096];

	snprintf(text, sizeof text, "text\n-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n"
		 "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n%s"
		 "-----BEGIN CERTIFICATE-----\n!", vector("sec1_p256"));
	CHECK_INT(read_key(span_str(text), NULL), 0);
	CHECK(is_known(PK_P256));
	CHECK_INT(read_key(span_str(text), "not needed"), 0);
	expect("-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n", NULL, ZT_E_MISSING, "no private key inside");
	expect("", NULL, ZT_E_MISSING, "no private key inside");
	expect("0\x82\x01", NULL, ZT_E_MISSING, "no private key inside");
	expect("x\n-----BEGIN CERTIFICATE-----\nZm9v\n", NULL, ZT_E_SYNTAX, "line 2: this block (CERTIFICATE) has no END line");
}

TEST(passphrases)
{
	const char *pem = vector("aes256_sha256");

	expect(pem, NULL, ZT_E_KEY, "no passphrase was given: key_pass_file");
	for (unsigned i = 0; i < 600; i++) { /* two of them or so unpad by luck */
		char wrong[16];

		snprintf(wrong, sizeof wrong, "hunter%u", i + 3);
		expect(pem, wrong, ZT_E_KEY, "wrong passphrase");
	}
	expect(pem, "hunter2 ", ZT_E_KEY, "wrong passphrase");
	expect(pem, "Hunter2", ZT_E_KEY, "wrong passphrase");
	expect(pem, "hunter2", 0, "");
}

TEST(what_is_not_read_is_named)
{
	expect(vector("scrypt"), "hunter2", ZT_E_KEY, "encrypted with scrypt");
	expect(vector("pkcs12_pbe"), "hunter2", ZT_E_KEY, "PKCS#12's own scheme (3DES)");
	expect(vector("proc_type"), "hunter2", ZT_E_KEY, "line 1: the private key is encrypted the old way (Proc-Type)");
	expect(vector("explicit_curve"), NULL, ZT_E_KEY, "spells its curve out");
	expect(vector("ed25519"), NULL, ZT_E_KEY, "is for Ed25519");
	expect(vector("secp256k1"), NULL, ZT_E_KEY, "on curve 1.3.132.0.10");
	expect(vector("rsa1024"), NULL, ZT_E_KEY, "RSA of 1024 bits");
	expect("-----BEGIN OPENSSH PRIVATE KEY-----\nZm9v\n-----END OPENSSH PRIVATE KEY-----\n", NULL, ZT_E_KEY, "ssh-keygen -p -m PKCS8");
	expect("-----BEGIN DSA PRIVATE KEY-----\nZm9v\n-----END DSA PRIVATE KEY-----\n", NULL, ZT_E_KEY, "DSA");
	expect("-----BEGIN TSS2 PRIVATE KEY-----\nZm9v\n-----END TSS2 PRIVATE KEY-----\n", NULL, ZT_E_KEY, "TSS2 PRIVATE KEY");
	expect("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n", NULL, ZT_E_SYNTAX, "not base64");
	expect("-----BEGIN PRIVATE KEY-----\nZm9v\n-----END PRIVATE KEY-----\n", NULL, ZT_E_SYNTAX, "does not hold what it says");
}

TEST(labels_and_contents_agree)
{
	static const char *const labels[] = {"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"};
	static const char *const kinds[] = {"pkcs8_p256", "sec1_p256", "pkcs1_rsa", "aes256_sha256"};
	static uint8_t der[PRIVKEY_MAX], mem[8192];

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++) {
			struct wr w = wr_of(mem, sizeof mem);
			int rc;

			pem_write(&w, labels[i], der_of_pem(vector(kinds[j]), der, sizeof der));
			rc = read_key(wr_span(&w), "hunter2");
			CHECK_INT(rc, i == j ? 0 : -ZT_E_SYNTAX);
		}
}

TEST(files_are_bounded)
{
	static uint8_t der[PRIVKEY_MAX + 100], pem[8192];
	struct wr w = wr_of(der, sizeof der), p = wr_of(pem, sizeof pem);
	size_t seq = der_open(&w, DER_SEQUENCE);

	der_wr_u64(&w, 0);
	der_wr_octets(&w, span_of(pem, PRIVKEY_MAX));
	der_close(&w, seq);
	NEED(!w.full);
	CHECK_INT(read_key(wr_span(&w), NULL), -ZT_E_TOOLONG);
	CHECK(strstr(why.text, "longer than 4096 bytes") != NULL);
	pem_write(&p, "PRIVATE KEY", wr_span(&w));
	CHECK_INT(read_key(wr_span(&p), NULL), -ZT_E_TOOLONG);
	CHECK(strstr(why.text, "longer than 4096 bytes") != NULL);
}

/* ---- structures written by hand ---------------------------------------------------------------- */

struct shape {
	unsigned version, sec1_version, unused; /* unused: bits, of the public key */
	int lead;             /* zero bytes before the scalar; -1: its first byte is left out */
	enum oid alg, curve, inner;
	bool null, explicit;
	struct span point;    /* in the SEC1 part */
	struct span public;   /* behind, version 2 */
	struct span attributes;
	const char *scalar;
	bool trailing;
};

#define P256_SCALAR "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
/* A scalar that begins with 00: some writers leave that byte out. */
#define SHORT_SCALAR "00afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"

static const struct shape plain = {.sec1_version = 1, .alg = OID_EC_KEY, .curve = OID_P256, .scalar = P256_SCALAR};

static void write_sec1(struct wr *w, const struct shape *s)
{
	uint8_t zeros[8] = {0}, scalar[PK_SCALAR_MAX];
	size_t all = der_open(w, DER_SEQUENCE), part;

	der_wr_u64(w, s->sec1_version);
	part = der_open(w, DER_OCTETS);
	wr_put(w, span_of(zeros, s->lead > 0 ? (size_t)s->lead : 0));
	wr_put(w, span_sub(unhex(s->scalar, scalar), s->lead < 0 ? 1u : 0u, 99));
	der_close(w, part);
	if (s->inner) {
		part = der_open(w, DER_CTXC(0));
		der_wr_oid(w, oid_bytes(s->inner));
		der_close(w, part);
	}
	if (s->point.n) {
		part = der_open(w, DER_CTXC(1));
		der_wr_bits(w, s->point, s->unused);
		der_close(w, part);
	}
	der_close(w, all);
}

static struct span write_pkcs8(const struct shape *s)
{
	static uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	size_t all = der_open(&w, DER_SEQUENCE), part;

	der_wr_u64(&w, s->version);
	part = der_open(&w, DER_SEQUENCE);
	der_wr_oid(&w, oid_bytes(s->alg));
	if (s->explicit)
		der_wr(&w, DER_SEQUENCE, SPAN_LIT("\x02\x01\x01"));
	else if (s->curve)
		der_wr_oid(&w, oid_bytes(s->curve));
	if (s->null)
		der_wr_null(&w);
	der_close(&w, part);
	part = der_open(&w, DER_OCTETS);
	write_sec1(&w, s);
	der_close(&w, part);
	if (s->attributes.n)
		der_wr(&w, DER_CTXC(0), s->attributes);
	if (s->public.n)
		der_wr(&w, DER_CTX(1), s->public);
	if (s->trailing)
		der_wr_null(&w);
	der_close(&w, all);
	CHECK(!w.full);
	return wr_span(&w);
}

static void shape_is(const struct shape *s, int want, int line)
{
	int rc = read_key(write_pkcs8(s), NULL);

	if (rc != want)
		unit_fail(__FILE__, line, "%d, '%s', not %d", rc, why.text, want);
}
#define SHAPE(want, ...) \
	do { \
		struct shape s = plain; \
		struct shape *p = &s; \
		__VA_ARGS__; \
		shape_is(p, want, __LINE__); \
	} while (0)

TEST(shapes_of_ec_keys)
{
	uint8_t good[PK_POINT_MAX + 1] = {0, 4}, bad[PK_POINT_MAX + 1], bits[PK_POINT_MAX + 1];
	static const uint8_t attributes[] = {0x30, 0x08, 0x06, 0x02, 0x2a, 0x03, 0x31, 0x02, 0x05, 0x00};
	struct span point = span_of(&good[1], 65), other = span_of(&bad[1], 65), open = span_of(good, 66);

	unhex(ec_keys[0].x, &good[2]);
	unhex(ec_keys[0].y, &good[34]);
	memcpy(bad, good, sizeof bad);
	bad[65] ^= 1;
	SHAPE(0);
	CHECK(is_known(PK_P256));
	SHAPE(0, p->point = point);
	SHAPE(0, p->inner = OID_P256, p->point = point);
	SHAPE(0, p->version = 1, p->public = open, p->point = point);
	SHAPE(0, p->version = 1);
	SHAPE(0, p->attributes = span_of(attributes, sizeof attributes));
	SHAPE(0, p->version = 1, p->attributes = span_of(attributes, sizeof attributes), p->public = open);
	SHAPE(0, p->lead = 1);
	CHECK(is_known(PK_P256));
	SHAPE(0, p->scalar = SHORT_SCALAR);
	SHAPE(0, p->scalar = SHORT_SCALAR, p->lead = -1);
	CHECK(key.key.scalar.n == 32 && key.key.scalar.p[0] == 0 && key.key.scalar.p[1] == 0xaf);

	SHAPE(-ZT_E_KEY, p->point = other);                      /* not this key's */
	SHAPE(-ZT_E_KEY, p->version = 1, p->public = span_of(bad, 66));
	SHAPE(-ZT_E_KEY, p->point = span_sub(point, 0, 33));
	SHAPE(-ZT_E_SYNTAX, p->public = open);                   /* needs version 2 */
	SHAPE(-ZT_E_SYNTAX, p->version = 2);
	SHAPE(-ZT_E_SYNTAX, p->sec1_version = 0);
	SHAPE(-ZT_E_SYNTAX, p->sec1_version = 2);
	SHAPE(-ZT_E_SYNTAX, p->trailing = true);
	SHAPE(-ZT_E_SYNTAX, p->inner = OID_P384);                /* two curves */
	SHAPE(-ZT_E_SYNTAX, p->null = true);
	SHAPE(-ZT_E_SYNTAX, p->curve = OID_UNKNOWN);
	SHAPE(-ZT_E_KEY, p->explicit = true);
	SHAPE(-ZT_E_KEY, p->curve = OID_CN);
	SHAPE(-ZT_E_KEY, p->alg = OID_ED25519);
	SHAPE(-ZT_E_KEY, p->alg = OID_CN);
	SHAPE(-ZT_E_SYNTAX, p->lead = 2);
	SHAPE(-ZT_E_SYNTAX, p->curve = OID_P256, p->scalar = "");
	SHAPE(-ZT_E_SYNTAX, p->scalar = "01" P256_SCALAR);       /* 33 bytes, the first not 0 */
	SHAPE(-ZT_E_KEY, p->scalar = "00");
	SHAPE(-ZT_E_KEY, p->scalar = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
	SHAPE(-ZT_E_SYNTAX, p->attributes = SPAN_LIT("\x05\x00"));
	SHAPE(-ZT_E_SYNTAX, p->attributes = SPAN_LIT("\x30\x00"));
	memcpy(bits, good, sizeof bits);
	bits[0] = 1; /* one unused bit */
	SHAPE(-ZT_E_SYNTAX, p->version = 1, p->public = span_of(bits, 66));
	SHAPE(-ZT_E_SYNTAX, p->version = 1, p->public = span_of(bits, 1));
	bits[65] &= 0xfe;
	SHAPE(-ZT_E_SYNTAX, p->point = span_of(&bits[1], 65), p->unused = 1);
}

TEST(a_bare_sec1_key_names_its_curve)
{
	uint8_t mem[256];
	struct wr w = wr_of(mem, sizeof mem);

	write_sec1(&w, &plain);
	CHECK_INT(read_key(wr_span(&w), NULL), -ZT_E_KEY);
	CHECK(strstr(why.text, "does not say which curve") != NULL);
	w.n = 0;
	write_sec1(&w, &(struct shape){.sec1_version = 1, .inner = OID_P256, .scalar = P256_SCALAR});
	CHECK_INT(read_key(wr_span(&w), NULL), 0);
	CHECK(is_known(PK_P256));
}

enum rsa_fault {
	RSA_FINE, RSA_MANY_PRIMES, RSA_VERSION_2, RSA_PART_MISSING, RSA_EXPONENT_3, RSA_FACTOR_0, RSA_FACTOR_TWICE,
	RSA_NEGATIVE, RSA_JUNK_BEHIND, RSA_IS_PSS, RSA_PUBLIC_BEHIND, RSA_OTHER_PUBLIC_BEHIND, RSA_FAULTS
};
static const int rsa_want[RSA_FAULTS] = {
	[RSA_MANY_PRIMES] = -ZT_E_KEY, [RSA_VERSION_2] = -ZT_E_SYNTAX, [RSA_PART_MISSING] = -ZT_E_SYNTAX,
	[RSA_EXPONENT_3] = -ZT_E_KEY, [RSA_FACTOR_0] = -ZT_E_KEY, [RSA_FACTOR_TWICE] = -ZT_E_KEY,
	[RSA_NEGATIVE] = -ZT_E_SYNTAX, [RSA_JUNK_BEHIND] = -ZT_E_SYNTAX, [RSA_IS_PSS] = -ZT_E_KEY,
	[RSA_OTHER_PUBLIC_BEHIND] = -ZT_E_KEY,
};

static struct span write_pkcs1(enum rsa_fault fault)
{
	static uint8_t mem[2048];
	/* d is 3: it is not looked at */
	const char *const parts[] = {rsa_key.n, rsa_key.e, "03", rsa_key.p, rsa_key.q, rsa_key.dp, rsa_key.dq, rsa_key.iq};
	struct wr w = wr_of(mem, sizeof mem);
	size_t all = der_open(&w, DER_SEQUENCE);
	uint8_t bytes[256];

	der_wr_u64(&w, fault == RSA_MANY_PRIMES ? 1 : fault == RSA_VERSION_2 ? 2 : 0);
	for (size_t i = 0; i < 8; i++)
		if (fault == RSA_PART_MISSING && i == 7)
			break;
		else if (fault == RSA_EXPONENT_3 && i == 1)
			der_wr_u64(&w, 3);
		else if (fault == RSA_FACTOR_0 && i == 3)
			der_wr_u64(&w, 0);
		else if (fault == RSA_FACTOR_TWICE && i == 3)
			der_wr_unsigned(&w, unhex(parts[4], bytes));
		else if (fault == RSA_NEGATIVE && i == 5)
			der_wr(&w, DER_INTEGER, SPAN_LIT("\xff"));
		else
			der_wr_unsigned(&w, unhex(parts[i], bytes));
	if (fault == RSA_JUNK_BEHIND)
		der_wr_null(&w);
	der_close(&w, all);
	CHECK(!w.full);
	return wr_span(&w);
}

static struct span write_rsa_pkcs8(enum rsa_fault fault)
{
	static uint8_t mem[2048];
	struct wr w = wr_of(mem, sizeof mem);
	size_t all = der_open(&w, DER_SEQUENCE), part;
	bool public_behind = fault >= RSA_PUBLIC_BEHIND;
	uint8_t bytes[256];

	der_wr_u64(&w, public_behind);
	part = der_open(&w, DER_SEQUENCE);
	der_wr_oid(&w, oid_bytes(fault == RSA_IS_PSS ? OID_RSA_PSS : OID_RSA));
	der_wr_null(&w);
	der_close(&w, part);
	der_wr_octets(&w, write_pkcs1(fault));
	if (public_behind) {
		size_t bits = der_open(&w, DER_CTX(1));

		wr_u8(&w, 0);
		part = der_open(&w, DER_SEQUENCE);
		der_wr_unsigned(&w, unhex(rsa_key.n, bytes));
		der_wr_u64(&w, fault == RSA_PUBLIC_BEHIND ? 65537 : 65539);
		der_close(&w, part);
		der_close(&w, bits);
	}
	der_close(&w, all);
	CHECK(!w.full);
	return wr_span(&w);
}

TEST(shapes_of_rsa_keys)
{
	for (enum rsa_fault fault = RSA_FINE; fault < RSA_FAULTS; fault++) {
		CHECK_INT(read_key(write_rsa_pkcs8(fault), NULL), rsa_want[fault]);
		CHECK(rsa_want[fault] || is_known(PK_RSA));
		if (fault < RSA_IS_PSS)
			CHECK_INT(read_key(write_pkcs1(fault), NULL), rsa_want[fault]);
	}
}

/* ---- writing ------------------------------------------------------------------------------------ */

TEST(what_is_written_is_read)
{
	uint8_t scalar[PK_SCALAR_MAX], mem[600];
	static const uint8_t salt[16] = {1}, iv[16] = {2};

	for (size_t i = 0; i < ARRAY_LEN(ec_keys); i++) {
		struct pk_private k = {.type = ec_keys[i].type, .scalar = unhex(ec_keys[i].scalar, scalar)};
		struct wr w = wr_of(mem, sizeof mem);
		size_t n;

		CHECK_INT(privkey_write(&w, &k), 0);
		n = w.n;
		CHECK(!w.full && n <= 241);
		CHECK_INT(read_key(wr_span(&w), NULL), 0);
		CHECK(is_known(k.type));
		w = wr_of(mem, n - 1);
		CHECK_INT(privkey_write(&w, &k), 0);
		CHECK(w.full);
		w = wr_of(mem, sizeof mem);
		CHECK_INT(privkey_write_encrypted(&w, &k, SPAN_LIT("secret"), 3, salt, iv), 0);
		CHECK(!w.full);
		CHECK_INT(read_key(wr_span(&w), "secret"), 0);
		CHECK(is_known(k.type));
		CHECK_INT(read_key(wr_span(&w), "secreT"), -ZT_E_KEY);
		w = wr_of(mem, sizeof mem);
		CHECK_INT(privkey_write_encrypted(&w, &k, SPAN_NONE, 3, salt, iv), -ZT_E_KEY);
		CHECK_INT(privkey_write_encrypted(&w, &k, SPAN_LIT("s"), 0, salt, iv), -ZT_E_KEY);
		CHECK_INT(privkey_write_encrypted(&w, &k, SPAN_LIT("s"), PRIVKEY_ITERATIONS + 1, salt, iv), -ZT_E_KEY);
		CHECK_INT(w.n, 0);
		scalar[pk_scalar_len(k.type) - 1] = 0;
		memset(scalar, 0, sizeof scalar);
		CHECK_INT(privkey_write(&w, &k), -ZT_E_KEY);
	}
	CHECK_INT(read_key(span_str(vector("pkcs1_rsa")), NULL), 0);
	struct wr w = wr_of(mem, sizeof mem);

	CHECK_INT(privkey_write(&w, &key.key), -ZT_E_KEY);
	CHECK_INT(w.n, 0);
}

/* ---- damage -------------------------------------------------------------------------------------- */

static const char *const one_of_each[] = {"sec1_p256", "pkcs8_p256", "pkcs8_p521", "pkcs8_rsa", "pkcs1_rsa", "aes256_sha256"};

/* What is read from a damaged file is refused, or it is the very key that the file's public half
 * belongs to: then the damage hit what does not matter. */
static void damaged(const char *name, struct span file, const struct pk_public *was, size_t at)
{
	int rc = read_key(file, "hunter2");

	if (rc == 0 && !pk_pair(&key.key, was))
		unit_fail(__FILE__, __LINE__, "%s, byte %zu: another key was taken", name, at);
	if (rc > 0 || (rc < 0 && why.text[0] == '\0'))
		unit_fail(__FILE__, __LINE__, "%s, byte %zu: %d without a sentence", name, at, rc);
}

TEST(every_damaged_byte)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	static uint8_t der[PRIVKEY_MAX];
	static struct privkey good;

	for (size_t i = 0; i < ARRAY_LEN(one_of_each); i++) {
		struct span file = der_of_pem(vector(one_of_each[i]), der, sizeof der);
		struct pk_public was;

		NEED(privkey_read(&good, file, SPAN_LIT("hunter2"), NULL) == 0);
		was = privkey_public(&good);
		for (size_t at = 0; at < file.n; at++)
			for (size_t f = 0; f < ARRAY_LEN(flips); f++) {
				if (was.type == PK_RSA && f != at % ARRAY_LEN(flips)) /* milliseconds each */
					continue;
				der[at] ^= flips[f];
				damaged(one_of_each[i], file, &was, at);
				der[at] ^= flips[f];
			}
		for (size_t len = 0; len < file.n; len++)
			CHECK(read_key(span_sub(file, 0, len), "hunter2") < 0);
	}
}

TEST(every_damaged_byte_of_the_armour)
{
	static char text[8192];
	static struct privkey good;

	for (size_t i = 0; i < ARRAY_LEN(one_of_each); i++) {
		size_t n = strlen(vector(one_of_each[i]));
		struct pk_public was;

		memcpy(text, vector(one_of_each[i]), n);
		NEED(privkey_read(&good, span_of(text, n), SPAN_LIT("hunter2"), NULL) == 0);
		was = privkey_public(&good);
		for (size_t at = 0; at < n; at += was.type == PK_RSA ? 5 : 1) {
			text[at] ^= 2;
			damaged(one_of_each[i], span_of(text, n), &was, at);
			text[at] ^= 2;
		}
		for (size_t len = 0; len + 2 < n; len++)
			CHECK(read_key(span_of(text, len), "hunter2") < 0);
	}
}
