/*
 * ct_keys: reads, writes, exports and uses private keys and join tokens whose secret bytes valgrind
 * believes to be uninitialised, as ct_check does for ct.h. What the code itself declares public goes through
 * ct_public(), for which this program has its own version. --leaky does the same things the
 * wrong way: valgrind must complain.
 *
 * The frame of a key file (lengths, tags, algorithms) is public and is left readable; inside an
 * encrypted file it becomes secret with the rest, so decryption is checked up to the padding.
 */
#include "base/ct.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/pbe.h"
#include "poison.h"
#include "tests/unit/base/pk_vectors.h"
#include "tests/unit/dertext.h"
#include "wire/enrol.h"
#include "wire/p12.h"
#include "wire/pem.h"
#include "wire/privkey.h"

static const char *failed;

/* In the place of the one that does nothing. */
void ct_public(void *p, size_t n)
{
	PUBLIC(p, n);
}

static void must(int ok, const char *what)
{
	if (!ok && failed == NULL)
		failed = what;
}

static struct span unhex(const char *hex, uint8_t *out)
{
	must(ct_hex_decode(span_str(hex), out) == 0, "a vector");
	return span_of(out, strlen(hex) / 2);
}

static void poison(struct span s)
{
	uint8_t *p = (uint8_t *)s.p;

	SECRET(p, s.n);
}

static void unpad(void)
{
	for (int last = 0; last < 20; last++)
		for (int at = 0; at < 16; at += 5) {
			uint8_t data[32];
			int n, want = last >= 1 && last <= 16 && (at >= last || at == 0) ? 32 - last : -128;

			memset(data, last, sizeof data);
			if (at)
				data[31 - at] ^= 1;
			SECRET(data, sizeof data);
			n = pbe_unpad(data, sizeof data, 16);
			PUBLIC(&n, sizeof n);
			must(n == want, "padding");
		}
}

static void derive_and_decrypt(void)
{
	uint8_t password[8] = "password", key[PBE_KEY_MAX], data[48] = {0}, iv[16] = {0};

	for (enum pbe_prf prf = PBE_HMAC_SHA1; prf <= PBE_HMAC_SHA512; prf++)
		for (enum pbe_cipher c = PBE_AES128_CBC; c <= PBE_DES3_CBC; c++) {
			SECRET(password, sizeof password);
			pbkdf2(prf, span_of(password, 8), SPAN_LIT("saltsalt"), 2, key, pbe_key_len(c));
			pbe_cbc(c, true, key, iv, data, sizeof data);
			pbe_cbc(c, false, key, iv, data, sizeof data);
			PUBLIC(data, sizeof data);
			must(data[0] == 0 && data[47] == 0, "decryption");
		}
}

/* Every digit, blanks, padding; and digits that are none. */
static void armour(const char *body, int want)
{
	char text[128] = {0};
	uint8_t out[128];
	struct span s = span_of(text, strlen(body));
	int n;

	memcpy(text, body, s.n);
	poison(s);
	n = pem_decode(&(struct pem){.label = SPAN_LIT("PRIVATE KEY"), .body = s, .line = 1}, out, sizeof out, NULL);
	must(n == want, "armour");
	SECRET(out, sizeof out);
	pem_write(&(struct wr){(uint8_t[256]){0}, 0, 256, false}, "PRIVATE KEY", span_of(out, 100));
}

static void ec_files(void)
{
	static struct privkey k;
	static const uint8_t salt[16], iv[16];

	for (size_t i = 0; i < ARRAY_LEN(ec_keys); i++) {
		uint8_t scalar[PK_SCALAR_MAX], der[600], sealed[600], sig[PK_SIG_MAX];
		struct pk_private plain = {.type = ec_keys[i].type, .scalar = unhex(ec_keys[i].scalar, scalar)};
		struct wr w = wr_of(der, sizeof der), s = wr_of(sealed, sizeof sealed);
		struct pk_public pub;
		int n;

		if (plain.type == PK_P521) /* reads and verifies; minutes under valgrind */
			continue;
		poison(plain.scalar);
		must(privkey_write(&w, &plain) == 0 && !w.full, "writing");
		must(privkey_write_encrypted(&s, &plain, SPAN_LIT("pw"), 1, salt, iv) == 0 && !s.full, "sealing");
		/* The scalar in der is poisoned still; everything around it is readable. */
		must(privkey_read(&k, wr_span(&w), SPAN_NONE, NULL) == 0, "reading");
		pub = privkey_public(&k);
		must(pk_pair(&k.key, &pub), "pairing");
		n = pk_sign(&k.key, PK_SHA256, SPAN_LIT("sample"), sig);
		must(n > 0 && pk_verify(&pub, PK_SHA256, SPAN_LIT("sample"), span_of(sig, (size_t)n)) == 0, "signing");
		privkey_wipe(&k);
	}
}

/* Key and password secret, a password of one, two and three bytes a character among them; and what is
 * no UTF-8, of which only that becomes known. Under valgrind one round of a derivation costs as much
 * as fifty, so of the modern profile only what it is made of is watched: pbkdf2, CBC, p12_kdf. */
static void exported(void)
{
	static uint8_t out[4096];
	static const uint8_t one[32] = {[31] = 1}; /* the scalar of the generator, whose certificate dertext.h has */
	uint8_t scalar[32] = {0}, good[] = "a\xc3\xa9\xe6\x97\xa5z", bad[] = "a\xed\xa0\x80z", k[40];
	struct pk_private key = {.type = PK_P256, .scalar = span_of(scalar, sizeof scalar)};
	struct p12_make m = {.profile = P12_COMPAT, .key = &key, .ncerts = 1, .name = SPAN_LIT("x")};
	struct wr w = wr_of(out, sizeof out);

	memcpy(scalar, one, sizeof one);
	m.certs[0] = dertext(CERT(""));
	poison(key.scalar);
	SECRET(good, sizeof good - 1);
	SECRET(bad, sizeof bad - 1);
	m.password = span_of(good, sizeof good - 1);
	must(p12_write(&w, &m, NULL) == 0, "PKCS#12");
	m.password = span_of(bad, sizeof bad - 1);
	must(p12_write(&w, &m, NULL) == -ZT_E_UTF8, "half of a pair");
	p12_kdf(&(struct p12_kdf){PBE_HMAC_SHA256, span_of(good, 4), SPAN_LIT("salt"), 3}, P12_FOR_MAC, k, sizeof k);
}

/* The product of two secret factors is the public modulus; their lengths and oddness are told.
 * How BearSSL signs with them cannot be watched so: it takes the number of bits of a factor from
 * its bytes, and all that follows would count as secret. */
static void rsa_key_check(void)
{
	uint8_t n[256], e[4], p[128], q[128], dp[128], dq[128], iq[128];
	struct pk_private k = {
		.type = PK_RSA, .n = unhex(rsa_key.n, n), .e = unhex(rsa_key.e, e), .p = unhex(rsa_key.p, p),
		.q = unhex(rsa_key.q, q), .dp = unhex(rsa_key.dp, dp), .dq = unhex(rsa_key.dq, dq), .iq = unhex(rsa_key.iq, iq),
	};

	poison(k.p);
	poison(k.q);
	poison(k.dp);
	poison(k.dq);
	poison(k.iq);
	must(pk_check_private(&k) == 0, "RSA key");
}

/* The secret of a join token: written, read back with its digits unknown, and used in proofs. What is told
 * about them is whether the whole has the right checksum, and the proofs. */
static void join_token(void)
{
	static const struct enrol_talk talk = {.role = 2};
	struct token t = {.role = 2, .naddrs = 1, .addr = {"ca.example:8443"}}, got;
	const struct enrol grant = {.has[ENF_CHAIN] = true, .field[ENF_CHAIN] = SPAN_LIT("certificates")};
	char text[TOKEN_TEXT_MAX];
	struct wr w = wr_of(text, sizeof text);
	uint8_t proof[ENROL_PROOF];
	bool same;

	memset(t.secret, 0x5a, sizeof t.secret);
	SECRET(t.secret, sizeof t.secret);
	token_write(&w, &t);
	must(!w.full, "a token");
	for (int wrong = 0; wrong < 2; wrong++) {
		PUBLIC(text, w.n);
		text[70] ^= (char)wrong;
		/* bytes 50 to 65 are digits 66 to 87, behind zt1_ */
		SECRET(&text[4 + 66], 22);
		must(token_read(&got, wr_span(&w), NULL) == (wrong ? -ZT_E_TOKEN : 0), "reading a token");
		if (wrong)
			continue;
		for (enum enrol_who who = ENROL_BY_AUTHORITY; who <= ENROL_BY_JOINER; who++)
			enrol_proof(&talk, got.secret, who, proof);
		enrol_grant_proof(&talk, got.secret, &grant, proof);
		same = ct_eq(got.secret, t.secret, sizeof t.secret);
		PUBLIC(&same, sizeof same);
		must(same, "the secret of a token");
	}
}

/* What must never be written; here to show that it would be seen. */
static int leaky_unpad(const uint8_t *data, size_t n)
{
	uint8_t last = data[n - 1];

	for (size_t i = 0; i < last; i++)
		if (data[n - 1 - i] != last)
			return -1;
	return (int)(n - last);
}

static void leaky(void)
{
	static const uint8_t values[256] = {['A'] = 0, ['B'] = 1};
	volatile uint8_t sink;
	uint8_t data[16];
	int n;

	memset(data, 4, sizeof data);
	SECRET(data, sizeof data);
	n = leaky_unpad(data, sizeof data);
	sink = values[data[3]];
	(void)sink;
	PUBLIC(&n, sizeof n);
	printf("leaky: %d\n", n);
}

int main(int argc, char **argv)
{
	if (!WATCHED) {
		puts("not under valgrind: nothing was checked");
		return 77;
	}
	if (argc > 1 && strcmp(argv[1], "--leaky") == 0) {
		leaky();
		return 0;
	}
	unpad();
	derive_and_decrypt();
	armour("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef\nghijklmnopqrstuvwxyz0123456789+/\r\nZg==\n", 49);
	armour("Zm9v\nZm8=\n", 5);
	armour("Zm9v\nZm*v\n", -32);
	armour("Zm9v\nZh==\n", -32);
	ec_files();
	exported();
	rsa_key_check();
	join_token();
	if (failed) {
		printf("wrong answer: %s\n", failed);
		return 1;
	}
	puts("no branch and no index depends on a secret");
	return 0;
}
