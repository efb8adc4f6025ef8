/*
 * openssl: records of TLS 1.2 with OpenSSL's libcrypto, the way its own libssl makes them (one
 * call a record, nonce and additional data inside). Not part of zt: bench/record.sh builds it
 * against the system's library.
 *
 *   openssl CIPHER BYTES MS      prints "SEALED OPENED" in bytes per us
 *   openssl CIPHER BYTES         prints one sealed record in hex
 *
 * Keys, IV, counter and plaintext are those of bench/bench_record.c.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 16, PLAIN = 16384, HEADER = 5, NONCE = 8, TAG = 16 };

static struct {
	EVP_CIPHER_CTX *w, *r;
	unsigned long long w_seq, r_seq;
	int n, nonce; /* nonce: bytes of it in a record */
	unsigned char mem[BATCH][HEADER + NONCE + PLAIN + TAG];
} b;

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "openssl: %s failed\n", what);
		exit(1);
	}
}

static EVP_CIPHER_CTX *begin(const EVP_CIPHER *c, int encrypt)
{
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	unsigned char key[32], iv[12];

	for (int i = 0; i < 32; i++)
		key[i] = (unsigned char)i;
	for (int i = 0; i < 12; i++)
		iv[i] = (unsigned char)(0x40 + i);
	must(x && EVP_CipherInit_ex(x, c, NULL, key, NULL, encrypt), "init");
	if (b.nonce) {
		/* The explicit half counts from 1: what it is comes with the record. */
		unsigned char gcm[12] = {iv[0], iv[1], iv[2], iv[3], 0, 0, 0, 0, 0, 0, 0, 1};

		must(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_IV_FIXED, -1, gcm) > 0, "iv");
	} else {
		must(EVP_CipherInit_ex(x, NULL, NULL, NULL, iv, encrypt), "iv");
	}
	return x;
}

/* One record's body, in place. */
static void run(EVP_CIPHER_CTX *x, unsigned long long seq, unsigned char *rec, int seal)
{
	int len = b.nonce + b.n + (seal ? 0 : TAG);
	unsigned char aad[13];

	for (int i = 0; i < 8; i++)
		aad[i] = (unsigned char)(seq >> (56 - 8 * i));
	aad[8] = 23;
	aad[9] = aad[10] = 3;
	aad[11] = (unsigned char)(len >> 8);
	aad[12] = (unsigned char)len;
	must(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_TLS1_AAD, sizeof aad, aad) == TAG, "additional data");
	must(EVP_Cipher(x, rec + HEADER, rec + HEADER, (unsigned)(b.nonce + b.n + TAG)) >= 0, "a record");
}

static void measure(long long ms)
{
	long long start = now_ns(), seal = 1LL << 62, open = seal, end = start;

	while (end - start < ms * 1000000) {
		long long from = now_ns(), half;

		for (int i = 0; i < BATCH; i++)
			run(b.w, b.w_seq++, b.mem[i], 1);
		half = now_ns();
		for (int i = 0; i < BATCH; i++)
			run(b.r, b.r_seq++, b.mem[i], 0);
		end = now_ns();
		seal = half - from < seal ? half - from : seal;
		open = end - half < open ? end - half : open;
	}
	printf("%lld %lld\n", (long long)BATCH * b.n * 1000 / seal, (long long)BATCH * b.n * 1000 / open);
}

static void show(void)
{
	int body = b.nonce + b.n + TAG;
	unsigned char *p = b.mem[0];

	memcpy(p, (unsigned char[]){23, 3, 3, (unsigned char)(body >> 8), (unsigned char)body}, HEADER);
	run(b.w, b.w_seq, p, 1);
	for (int i = 0; i < HEADER + body; i++)
		printf("%02x", p[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	const EVP_CIPHER *c;

	if (argc != 3 && argc != 4)
		return 2;
	c = !strcmp(argv[1], "aes128") ? EVP_aes_128_gcm() : !strcmp(argv[1], "aes256") ? EVP_aes_256_gcm()
										      : EVP_chacha20_poly1305();
	b.n = (int)strtol(argv[2], NULL, 10);
	must(b.n > 0 && b.n <= PLAIN, "a length");
	b.nonce = strcmp(argv[1], "chacha20") ? NONCE : 0;
	b.w = begin(c, 1);
	b.r = begin(c, 0);
	b.w_seq = b.r_seq = 1;
	if (argc == 4)
		measure(strtol(argv[3], NULL, 10));
	else
		show();
	return 0;
}
