/*
 * aead: GCM put together from BearSSL's CTR and GHASH, ChaCha20-Poly1305 as BearSSL has it.
 * Owns the layout of struct aead. It never allocates, and never branches or indexes on key,
 * plaintext or tag; lengths, nonces and additional data are public.
 */
#include "aead.h"

#include <string.h>

#include <bearssl.h>

#include "ct.h"
#include "err.h"

#define BLOCK 16

struct gcm {
	union {
		const br_block_ctr_class *vtable;
		br_aes_x86ni_ctr_keys ni;
		br_aes_ct64_ctr_keys ct64;
	} aes;
	uint8_t h[BLOCK];
	br_ghash ghash;
};

struct chacha {
	uint8_t key[32];
	br_chacha20_run cipher;
	br_poly1305_run aead;
};

struct state {
	union {
		struct gcm gcm;
		struct chacha chacha;
	};
	uint8_t kind;
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
	return br_aes_x86ni_ctr_get_vtable() != NULL && br_ghash_pclmul_get() != 0;
}

static void gcm_init(struct gcm *g, const uint8_t *key, size_t key_len)
{
	static const uint8_t zero[AEAD_NONCE];
	const br_block_ctr_class *ni = br_aes_x86ni_ctr_get_vtable();
	br_ghash pclmul = br_ghash_pclmul_get();

	g->ghash = pclmul ? pclmul : br_ghash_ctmul64;
	(ni ? ni : &br_aes_ct64_ctr_vtable)->init(&g->aes.vtable, key, key_len);
	memset(g->h, 0, BLOCK);
	g->aes.vtable->run(&g->aes.vtable, zero, 0, g->h, BLOCK); /* H = E(0) */
}

static void chacha_init(struct chacha *c, const uint8_t *key)
{
	br_chacha20_run sse2 = br_chacha20_sse2_get();
	br_poly1305_run wide = br_poly1305_ctmulq_get();

	memcpy(c->key, key, sizeof c->key);
	c->cipher = sse2 ? sse2 : br_chacha20_ct_run;
	c->aead = wide ? wide : br_poly1305_ctmul_run;
}

void aead_init(struct aead *a, enum aead_kind k, const uint8_t *key)
{
	struct state *s = state_of(a);

	memset(a, 0, sizeof *a);
	ZT_ASSERT(k != AEAD_NONE);
	s->kind = (uint8_t)k;
	if (k == AEAD_CHACHA20)
		chacha_init(&s->chacha, key);
	else
		gcm_init(&s->gcm, key, aead_key_len(k));
}

void aead_wipe(struct aead *a)
{
	wipe(a, sizeof *a);
}

static void gcm_tag(const struct gcm *g, const uint8_t nonce[static AEAD_NONCE], struct span aad, struct span text,
		    uint8_t tag[static AEAD_TAG])
{
	uint8_t lengths[BLOCK];
	struct wr w = wr_of(lengths, sizeof lengths);

	memset(tag, 0, AEAD_TAG);
	g->ghash(tag, g->h, aad.p, aad.n); /* each call pads to a block by itself */
	g->ghash(tag, g->h, text.p, text.n);
	wr_be64(&w, (uint64_t)aad.n * 8);
	wr_be64(&w, (uint64_t)text.n * 8);
	g->ghash(tag, g->h, lengths, sizeof lengths);
	g->aes.vtable->run(&g->aes.vtable, nonce, 1, tag, AEAD_TAG);
}

/* The counter is 1 for the tag and 2 for the first block of data. */
static void gcm_crypt(const struct gcm *g, const uint8_t nonce[static AEAD_NONCE], uint8_t *data, size_t n)
{
	g->aes.vtable->run(&g->aes.vtable, nonce, 2, data, n);
}

void aead_seal(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], struct span aad, uint8_t *data, size_t n,
	       uint8_t tag[static AEAD_TAG])
{
	const struct state *s = state_in(a);

	ZT_ASSERT(s->kind != AEAD_NONE);
	if (s->kind == AEAD_CHACHA20) {
		s->chacha.aead(s->chacha.key, nonce, data, n, aad.p, aad.n, tag, s->chacha.cipher, 1);
		return;
	}
	gcm_crypt(&s->gcm, nonce, data, n);
	gcm_tag(&s->gcm, nonce, aad, span_of(data, n), tag);
}

bool aead_open(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], struct span aad, uint8_t *data, size_t n,
	       const uint8_t tag[static AEAD_TAG])
{
	const struct state *s = state_in(a);
	uint8_t want[AEAD_TAG];

	ZT_ASSERT(s->kind != AEAD_NONE);
	if (s->kind == AEAD_CHACHA20) {
		s->chacha.aead(s->chacha.key, nonce, data, n, aad.p, aad.n, want, s->chacha.cipher, 0);
	} else {
		gcm_tag(&s->gcm, nonce, aad, span_of(data, n), want);
		gcm_crypt(&s->gcm, nonce, data, n);
	}
	if (ct_eq(want, tag, AEAD_TAG))
		return true;
	wipe(data, n); /* nobody can use what nobody vouches for */
	return false;
}
