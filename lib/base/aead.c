/*
 * aead: GCM by gcm_x86 or put together from BearSSL's CTR and GHASH, ChaCha20-Poly1305 as
 * BearSSL has it. Owns the layout of struct aead. It never allocates, and never branches or indexes on key,
 * plaintext or tag; lengths, nonces and additional data are public.
 */
#include "aead.h"

#include <string.h>

#include <bearssl.h>

#include "ct.h"
#include "err.h"
#include "gcm_x86.h"

/* The portable one: bit-sliced, no processor's special units. */
struct gcm {
	br_aes_ct64_ctr_keys aes;
	uint8_t h[GCM_BLOCK];
};

struct chacha {
	uint8_t key[32];
	br_chacha20_run cipher;
	br_poly1305_run aead;
};

struct state {
	union {
		struct gcm_x86 x86;
		struct gcm gcm;
		struct chacha chacha;
	};
	uint8_t kind, way;
};

_Static_assert(sizeof(struct state) <= sizeof(struct aead), "struct aead is too small");
_Static_assert(_Alignof(struct state) <= _Alignof(struct aead), "struct aead is not aligned enough");

static struct state *state_of(struct aead *a)
{
	return (struct state *)(void *)a->state;
}

static const struct state *state_in(const struct aead *a)
{
	return (const struct state *)(const void *)a->state;
}

size_t aead_key_len(enum aead_kind k)
{
	static const uint8_t len[] = {
		[AEAD_NONE] = 0, [AEAD_AES128_GCM] = 16, [AEAD_AES256_GCM] = 32, [AEAD_CHACHA20] = 32,
	};

	return len[k];
}

bool aead_fast_aes(void)
{
	return gcm_x86_best() != AEAD_PORTABLE;
}

static void gcm_init(struct gcm *g, const uint8_t *key, size_t key_len)
{
	static const uint8_t zero[AEAD_NONCE];

	br_aes_ct64_ctr_init(&g->aes, key, key_len);
	br_aes_ct64_ctr_run(&g->aes, zero, 0, g->h, GCM_BLOCK); /* H = E(0) */
}

static void chacha_init(struct chacha *c, const uint8_t *key)
{
	br_chacha20_run sse2 = br_chacha20_sse2_get();
	br_poly1305_run wide = br_poly1305_ctmulq_get();

	memcpy(c->key, key, sizeof c->key);
	c->cipher = sse2 ? sse2 : br_chacha20_ct_run;
	c->aead = wide ? wide : br_poly1305_ctmul_run;
}

static void init(struct aead *a, enum aead_kind k, const uint8_t *key, enum aead_way way)
{
	struct state *s = state_of(a);

	ZT_ASSERT(k != AEAD_NONE);
	memset(a, 0, sizeof *a);
	s->kind = (uint8_t)k;
	s->way = (uint8_t)way;
	if (k == AEAD_CHACHA20)
		chacha_init(&s->chacha, key);
	else if (way == AEAD_PORTABLE)
		gcm_init(&s->gcm, key, aead_key_len(k));
	else
		gcm_x86_init(&s->x86, key, aead_key_len(k));
}

void aead_init(struct aead *a, enum aead_kind k, const uint8_t *key)
{
	init(a, k, key, gcm_x86_best());
}

bool aead_init_way(struct aead *a, enum aead_kind k, const uint8_t *key, enum aead_way way)
{
	if (way > gcm_x86_best())
		return false;
	init(a, k, key, way);
	return true;
}

void aead_wipe(struct aead *a)
{
	wipe(a, sizeof *a);
}

static void gcm_tag(const struct gcm *g, const uint8_t nonce[static AEAD_NONCE], struct span aad, struct span text,
		    uint8_t tag[static AEAD_TAG])
{
	uint8_t lengths[GCM_BLOCK];
	struct wr w = wr_of(lengths, sizeof lengths);

	memset(tag, 0, AEAD_TAG);
	br_ghash_ctmul64(tag, g->h, aad.p, aad.n); /* each call pads to a block by itself */
	br_ghash_ctmul64(tag, g->h, text.p, text.n);
	wr_be64(&w, (uint64_t)aad.n * 8);
	wr_be64(&w, (uint64_t)text.n * 8);
	br_ghash_ctmul64(tag, g->h, lengths, sizeof lengths);
	br_aes_ct64_ctr_run(&g->aes, nonce, 1, tag, AEAD_TAG);
}

/* The counter is 1 for the tag and 2 for the first block of text. */
static void gcm_run(const struct gcm *g, const uint8_t nonce[static AEAD_NONCE], struct span aad,
		    struct gcm_text text, uint8_t tag[static AEAD_TAG])
{
	if (text.sealed)
		gcm_tag(g, nonce, aad, span_of(text.p, text.n), tag);
	br_aes_ct64_ctr_run(&g->aes, nonce, 2, text.p, text.n);
	if (!text.sealed)
		gcm_tag(g, nonce, aad, span_of(text.p, text.n), tag);
}

/* Crypts and computes the tag. */
static void run(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], struct span aad, struct gcm_text text,
		uint8_t tag[static AEAD_TAG])
{
	const struct state *s = state_in(a);

	ZT_ASSERT(s->kind != AEAD_NONE);
	if (s->kind == AEAD_CHACHA20)
		s->chacha.aead(s->chacha.key, nonce, text.p, text.n, aad.p, aad.n, tag, s->chacha.cipher,
			       !text.sealed);
	else if (s->way == AEAD_PORTABLE)
		gcm_run(&s->gcm, nonce, aad, text, tag);
	else
		gcm_x86_run(&s->x86, s->way, nonce, aad, text, tag);
}

void aead_seal(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], struct span aad, uint8_t *data,
	       size_t n, uint8_t tag[static AEAD_TAG])
{
	run(a, nonce, aad, (struct gcm_text){data, n, false}, tag);
}

bool aead_open(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], struct span aad, uint8_t *data,
	       size_t n, const uint8_t tag[static AEAD_TAG])
{
	uint8_t want[AEAD_TAG];

	run(a, nonce, aad, (struct gcm_text){data, n, true}, want);
	if (ct_eq(want, tag, AEAD_TAG))
		return true;
	wipe(data, n); /* nobody can use what nobody vouches for */
	return false;
}
