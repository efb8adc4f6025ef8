/*
 * ct_shake: what a handshake leaves and makes, on secrets that valgrind believes to be
 * uninitialised: the key agreement on each curve, the master secret, the message that carries
 * record keys to the worker, records sealed and opened with them. Public: points, ciphertext,
 * whether a record is authentic. --leaky looks a key up in a table, which must be seen.
 */
#include <stdio.h>
#include <string.h>

#include <bearssl.h>

#include "base/num.h"
#include "poison.h"
#include "wire/record.h"
#include "wire/tlsmsg.h"

static const char *failed;

static void must(int ok, const char *what)
{
	if (!ok && failed == NULL)
		failed = what;
}

/* Both sides of an agreement, as an engine has them: its own multiple of the generator, and its
 * multiple of the other's point. */
static void agree(int curve, size_t scalar_n)
{
	const br_ec_impl *ec = br_ec_get_default();
	uint8_t mine[66], theirs[66], point[133], other[133];
	size_t n, m;
	uint32_t ok;

	memset(mine, 0x35, sizeof mine);
	memset(theirs, 0x5a, sizeof theirs);
	SECRET(mine, sizeof mine);
	SECRET(theirs, sizeof theirs);
	n = ec->mulgen(point, mine, scalar_n, curve);
	m = ec->mulgen(other, theirs, scalar_n, curve);
	PUBLIC(point, sizeof point);
	PUBLIC(other, sizeof other);
	ok = ec->mul(point, n, theirs, scalar_n, curve) & ec->mul(other, m, mine, scalar_n, curve);
	PUBLIC(&ok, sizeof ok);
	must(ok == 1, "multiples");
	PUBLIC(point, sizeof point);
	PUBLIC(other, sizeof other);
	must(n == m && memcmp(point, other, n) == 0, "agreement");
}

static void masters(void)
{
	static const br_tls_prf_impl prfs[] = {br_tls12_sha256_prf, br_tls12_sha384_prf};
	static const uint8_t randoms[64];
	const br_tls_prf_seed_chunk seed = {randoms, sizeof randoms};

	for (size_t i = 0; i < ARRAY_LEN(prfs); i++) {
		uint8_t premaster[48] = {3, 3}, master[48], verify[12];

		SECRET(premaster, sizeof premaster);
		prfs[i](master, sizeof master, premaster, sizeof premaster, "master secret", 1, &seed);
		prfs[i](verify, sizeof verify, master, sizeof master, "client finished", 1, &seed);
	}
}

static void fill(struct record_keys *k, uint8_t with)
{
	memset(k->key, with, sizeof k->key);
	memset(k->iv, with + 1, sizeof k->iv);
	SECRET(k->key, sizeof k->key);
	SECRET(k->iv, sizeof k->iv);
	k->seq = 1;
}

/* From tlsd's DONE to the worker's, and what is sealed by one side is opened by the other. */
static void carry(uint16_t suite)
{
	static uint8_t packet[TLSMSG_MAX];
	uint8_t mem[TLS_RANDOM + 1024];
	struct wr w = wr_of(packet, sizeof packet);
	struct tlsmsg m = {.type = TLSMSG_DONE, .id = TLSMSG_ID(1, 2), .done = {.suite = suite}};
	struct record out, in;
	struct record_plain plain;
	size_t head;
	int n;

	fill(&m.done.out, 7);
	fill(&m.done.in, 7);
	tlsmsg_write(&w, &m);
	must(!w.full && tlsmsg_read(wr_span(&w), 't', &m) == 0, "the message");
	record_init(&out, suite_aead(suite), &m.done.out);
	record_init(&in, suite_aead(suite), &m.done.in);
	head = record_head(&out);
	memset(mem, 9, sizeof mem);
	SECRET(&mem[head], 700);
	n = record_seal(&out, RECORD_DATA, mem, 700);
	must(n > 0, "sealing");
	PUBLIC(mem, (size_t)n);
	n = record_open(&in, mem, (size_t)n, &plain);
	PUBLIC(&n, sizeof n);
	must(n > 0 && plain.n == 700, "opening");
	PUBLIC(plain.p, plain.n);
	must(plain.p[0] == 9 && plain.p[699] == 9, "what comes back");
	record_wipe(&in);
	record_wipe(&out);
}

/* What must never be written; here to show that it would be seen. */
static void leaky(void)
{
	static const uint8_t table[256] = {1, 2, 3};
	volatile uint8_t sink = 0;
	struct record_keys k = {.seq = 0};

	fill(&k, 5);
	sink = table[k.key[0]];
	if (k.key[1] & 1)
		sink = 0;
	(void)sink;
}

int main(int argc, char **argv)
{
	static const uint16_t suites[] = {SUITE_ECDSA_AES128, SUITE_ECDSA_AES256, SUITE_ECDSA_CHACHA};

	if (!WATCHED) {
		puts("not under valgrind: nothing was checked");
		return 77;
	}
	if (argc > 1 && strcmp(argv[1], "--leaky") == 0) {
		leaky();
		return 0;
	}
	agree(BR_EC_secp256r1, 32);
	agree(BR_EC_secp384r1, 48);
	agree(BR_EC_curve25519, 32);
	masters();
	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		carry(suites[i]);
	if (failed) {
		printf("wrong answer: %s\n", failed);
		return 1;
	}
	puts("no branch and no index depends on a secret");
	return 0;
}
