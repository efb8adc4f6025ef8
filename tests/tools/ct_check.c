/*
 * ct_check: runs the codecs and comparisons of ct.h, the ciphers of aead.h and the key
 * derivation of tlskdf.h on secrets that valgrind believes to be uninitialised. It then reports every branch and every memory index that depends on them,
 * which is what a timing attack needs. Outcomes that are public ("equal", "valid") are
 * declared so. --leaky runs a comparison that stops at the first difference and an encoder
 * with a table instead: valgrind must complain, or this check proves nothing.
 */
#include "base/aead.h"
#include "base/ct.h"
#include "base/tlskdf.h"

#include <stdio.h>
#include <string.h>

#include "poison.h"

#define N 32
static const char *failed;

static void must(int ok, const char *what)
{
	if (!ok && failed == NULL)
		failed = what;
}

static void compare(void)
{
	uint8_t a[N], b[N];
	bool eq;

	memset(a, 7, N);
	memset(b, 7, N);
	SECRET(a, N);
	SECRET(b, N);
	eq = ct_eq(a, b, N);
	PUBLIC(&eq, sizeof eq);
	must(eq, "equal secrets");
	eq = ct_eq_span(span_of(a, N), span_of(b, N));
	PUBLIC(&eq, sizeof eq);
	must(eq, "equal spans");
	b[N - 1] ^= 1;
	eq = ct_eq(a, b, N);
	PUBLIC(&eq, sizeof eq);
	must(!eq, "different secrets");
	wipe(a, N);
	must(a[0] == 0 && a[N - 1] == 0, "wiped"); /* wiped bytes are defined, or this reports */
}

/* Every byte value, so that every digit and every range test is passed. */
static void encode(void)
{
	static uint8_t all[256];
	static char hex[512], b64[CT_B64_LEN(256)];

	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	SECRET(all, sizeof all);
	ct_hex_encode(all, sizeof all, hex);
	ct_b64url_encode(all, sizeof all, b64);
	PUBLIC(hex, sizeof hex);
	PUBLIC(b64, sizeof b64);
	must(memcmp(hex + 508, "feff", 4) == 0, "hex encoding");
	must(memcmp(b64, "AAECAwQF", 8) == 0, "base64url encoding");
}

static void decode_hex(const char *text, int want)
{
	uint8_t out[N];
	char in[2 * N];
	size_t n = strlen(text);
	int rc;

	memcpy(in, text, n);
	SECRET(in, n);
	rc = ct_hex_decode(span_of(in, n), out);
	PUBLIC(&rc, sizeof rc);
	must(rc == 0 ? want >= 0 : want < 0, text);
	PUBLIC(out, sizeof out);
	must(rc < 0 || out[0] == want, text);
}

static void decode_b64(const char *text, int want)
{
	uint8_t out[N];
	char in[2 * N];
	size_t n = strlen(text);
	int rc;

	memcpy(in, text, n);
	SECRET(in, n);
	rc = ct_b64url_decode(span_of(in, n), out, sizeof out);
	PUBLIC(&rc, sizeof rc);
	must(rc == want, text);
}

static void decode(void)
{
	decode_hex("00ff09afAF7e", 0);
	decode_hex("a0B1c2D3e4F5", 0xa0);
	decode_hex("0g", -1);
	decode_hex("/:@G`g", -1);
	decode_b64("ABCDEFGHIJKLMNOPQRSTUVWX", 18);
	decode_b64("YZabcdefghijklmnopqrstuv", 18);
	decode_b64("wxyz0123456789-_", 12);
	decode_b64("Zm8", 2);
	decode_b64("Zg", 1);
	decode_b64("Zh", -32);
	decode_b64("AA+A", -32);
}

/* Key and plaintext are secret; nonce, additional data, length, ciphertext and tag are not, nor
 * is it whether a tag is right. */
static void cipher(enum aead_kind kind, enum aead_way way, size_t n)
{
	static const uint8_t nonce[AEAD_NONCE];
	uint8_t key[32], text[700], tag[AEAD_TAG];
	struct aead a;
	bool ok;

	memset(key, 3, sizeof key);
	memset(text, 5, n);
	SECRET(key, sizeof key);
	SECRET(text, n);
	if (!aead_init_way(&a, kind, key, way))
		return;
	aead_seal(&a, nonce, SPAN_LIT("thirteen byte"), text, n, tag);
	PUBLIC(text, n);
	PUBLIC(tag, sizeof tag);
	ok = aead_open(&a, nonce, SPAN_LIT("thirteen byte"), text, n, tag);
	PUBLIC(&ok, sizeof ok);
	must(ok, "a sealed text opens");
	PUBLIC(text, n);
	must(n == 0 || (text[0] == 5 && text[n - 1] == 5), "a sealed text comes back");
	ok = aead_open(&a, nonce, SPAN_LIT("another text"), text, n, tag);
	PUBLIC(&ok, sizeof ok);
	must(!ok, "a forged text is refused");
}

/* Below a block, whole chunks, and what is left behind them. */
static void ciphers(void)
{
	static const size_t sizes[] = {0, 1, 16, 100, 128, 256, 300, 512, 697};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (enum aead_way way = AEAD_PORTABLE; way <= AEAD_VAES; way++) {
			cipher(AEAD_AES128_GCM, way, sizes[i]);
			cipher(AEAD_AES256_GCM, way, sizes[i]);
		}
		cipher(AEAD_CHACHA20, AEAD_PORTABLE, sizes[i]);
	}
}

static void derive(void)
{
	static const uint16_t suites[] = {SUITE_ECDSA_AES128, SUITE_ECDSA_AES256, SUITE_ECDSA_CHACHA};
	static const uint8_t random[TLS_RANDOM];
	uint8_t master[TLS_MASTER] = {1};
	struct record_keys client, server;

	SECRET(master, sizeof master);
	for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
		must(tls_key_block(suites[i], master, random, random, &client, &server), "keys");
}

/* What must never be written; here to show that it would be seen. */
static int leaky_compare(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

static void leaky(void)
{
	static const char digits[] = "0123456789abcdef";
	volatile char sink;
	uint8_t a[N] = {0}, b[N] = {0};
	int eq;

	SECRET(a, N);
	SECRET(b, N);
	eq = leaky_compare(a, b, N);
	PUBLIC(&eq, sizeof eq);
	sink = digits[a[0] >> 4];
	(void)sink;
	printf("leaky: %d\n", eq);
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
	compare();
	encode();
	decode();
	ciphers();
	derive();
	if (failed) {
		printf("wrong answer: %s\n", failed);
		return 1;
	}
	puts("no branch and no index depends on a secret");
	return 0;
}
