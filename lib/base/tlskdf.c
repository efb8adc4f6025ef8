/*
 * tlskdf: the table of suites and the cut of the key block. The only user of BearSSL's PRF.
 * Keeps no secret: the block is erased when it has been cut.
 */
#include "tlskdf.h"

#include <string.h>

#include <bearssl.h>

#include "ct.h"
#include "err.h"
#include "num.h"

static const struct suite {
	uint16_t id;
	enum aead_kind aead;
	br_tls_prf_impl prf;
	const char *name;
} suites[] = {
	{SUITE_ECDSA_AES128, AEAD_AES128_GCM, br_tls12_sha256_prf, "ECDHE-ECDSA-AES128-GCM-SHA256"},
	{SUITE_ECDSA_AES256, AEAD_AES256_GCM, br_tls12_sha384_prf, "ECDHE-ECDSA-AES256-GCM-SHA384"},
	{SUITE_RSA_AES128, AEAD_AES128_GCM, br_tls12_sha256_prf, "ECDHE-RSA-AES128-GCM-SHA256"},
	{SUITE_RSA_AES256, AEAD_AES256_GCM, br_tls12_sha384_prf, "ECDHE-RSA-AES256-GCM-SHA384"},
	{SUITE_RSA_CHACHA, AEAD_CHACHA20, br_tls12_sha256_prf, "ECDHE-RSA-CHACHA20-POLY1305"},
	{SUITE_ECDSA_CHACHA, AEAD_CHACHA20, br_tls12_sha256_prf, "ECDHE-ECDSA-CHACHA20-POLY1305"},
};

static const struct suite *suite_find(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

enum aead_kind suite_aead(uint16_t id)
{
	const struct suite *s = suite_find(id);

	return s ? s->aead : AEAD_NONE;
}

const char *suite_name(uint16_t id)
{
	const struct suite *s = suite_find(id);

	return s ? s->name : "?";
}

bool tls_key_block(uint16_t suite, const uint8_t master[static TLS_MASTER],
		   const uint8_t client_random[static TLS_RANDOM], const uint8_t server_random[static TLS_RANDOM],
		   struct record_keys *client, struct record_keys *server)
{
	/* RFC 5246 6.3 turns the randoms round: the server's is first here, unlike everywhere else. */
	const br_tls_prf_seed_chunk seed[] = {
		{server_random, TLS_RANDOM},
		{client_random, TLS_RANDOM},
	};
	const struct suite *row = suite_find(suite);
	uint8_t block[2 * (sizeof client->key + sizeof client->iv)];
	size_t key, iv;

	*client = *server = (struct record_keys){0};
	if (row == NULL)
		return false;
	key = aead_key_len(row->aead);
	iv = row->aead == AEAD_CHACHA20 ? AEAD_NONCE : 4; /* RFC 5288: "salt"; the rest is in each record */
	/* No MAC keys with an AEAD: two keys, then two IVs. */
	row->prf(block, 2 * (key + iv), master, TLS_MASTER, "key expansion", ARRAY_LEN(seed), seed);
	memcpy(client->key, block, key);
	memcpy(server->key, &block[key], key);
	memcpy(client->iv, &block[2 * key], iv);
	memcpy(server->iv, &block[2 * key + iv], iv);
	wipe(block, sizeof block);
	return true;
}
