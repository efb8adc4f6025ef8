/*
 * How fast records are sealed and opened: BATCH of them a turn, with one core.
 *
 *   bench_record CIPHER BYTES MS [portable|aesni|vaes]   prints "SEALED OPENED" in bytes per us
 *   bench_record CIPHER BYTES                            prints one sealed record in hex
 *
 * CIPHER: aes128, aes256, chacha20. bench/peers/openssl.c does the same with OpenSSL.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/ct.h"
#include "base/num.h"
#include "wire/record.h"

enum { BATCH = 16 };

static const char *const ciphers[] = {"", "aes128", "aes256", "chacha20"};
static const char *const ways[] = {"portable", "aesni", "vaes"};

struct bench {
	enum aead_kind kind;
	size_t n;
	struct record w, r;
	uint8_t mem[BATCH][RECORD_MAX];
};

static size_t index_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_str(span_str(name), names[i]))
			return i;
	fprintf(stderr, "bench_record: what is %s?\n", name);
	exit(2);
}

static struct record begin(enum aead_kind kind, struct record_keys *keys)
{
	struct record r;

	for (size_t i = 0; i < sizeof keys->key; i++)
		keys->key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof keys->iv; i++)
		keys->iv[i] = (uint8_t)(0x40 + i);
	keys->seq = 1;
	record_init(&r, kind, keys);
	return r;
}

static void use_way(struct bench *b, const char *name)
{
	uint8_t key[32];

	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	if (!aead_init_way(&b->w.aead, b->kind, key, (enum aead_way)index_of(name, ways, ARRAY_LEN(ways))) ||
	    !aead_init_way(&b->r.aead, b->kind, key, (enum aead_way)index_of(name, ways, ARRAY_LEN(ways)))) {
		fprintf(stderr, "bench_record: this processor has no %s\n", name);
		exit(77);
	}
}

static void seal_all(struct bench *b)
{
	for (size_t i = 0; i < BATCH; i++)
		if (record_seal(&b->w, RECORD_DATA, b->mem[i], b->n) < 0)
			abort();
}

static void open_all(struct bench *b)
{
	struct record_plain out;

	for (size_t i = 0; i < BATCH; i++)
		if (record_open(&b->r, b->mem[i], RECORD_MAX, &out) < 0 || out.n != b->n)
			abort();
}

/* The fastest batch counts: what makes others slower is the machine's other work. */
static void measure(struct bench *b, uint64_t ms)
{
	uint64_t start = clock_mono(&clock_real), seal = UINT64_MAX, open = UINT64_MAX, end = start;
	uint64_t bytes = BATCH * b->n;

	while (end - start < ms * 1000000) {
		uint64_t from = clock_mono(&clock_real), half;

		seal_all(b);
		half = clock_mono(&clock_real);
		open_all(b);
		end = clock_mono(&clock_real);
		seal = num_min64(seal, half - from);
		open = num_min64(open, end - half);
	}
	printf("%llu %llu\n", (unsigned long long)(bytes * 1000 / seal), (unsigned long long)(bytes * 1000 / open));
}

static void show(struct bench *b)
{
	int n = record_seal(&b->w, RECORD_DATA, b->mem[0], b->n);

	for (int i = 0; i < n; i++)
		printf("%02x", b->mem[0][i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct record_keys keys;
	uint64_t bytes, ms = 0;

	if (argc < 3 || argc > 5 || span_u64(span_str(argv[2]), RECORD_PLAIN, &bytes) < 0 ||
	    (argc > 3 && span_u64(span_str(argv[3]), 60000, &ms) < 0)) {
		fprintf(stderr, "usage: bench_record aes128|aes256|chacha20 BYTES [MS [portable|aesni|vaes]]\n");
		return 2;
	}
	b.n = bytes;
	b.kind = (enum aead_kind)index_of(argv[1], ciphers, ARRAY_LEN(ciphers));
	b.w = begin(b.kind, &keys);
	b.r = begin(b.kind, &keys);
	if (argc > 4)
		use_way(&b, argv[4]);
	if (ms)
		measure(&b, ms);
	else
		show(&b);
	return 0;
}
