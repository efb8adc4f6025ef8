/*
 * record: puts the header, the nonce and the additional data around aead. Owns one direction's
 * key and counter. It never looks into a plaintext and never waits: what is not whole is asked
 * for again.
 */
#include "record.h"

#include <string.h>

#include "base/ct.h"
#include "base/num.h"

#define VERSION 0x0303 /* TLS 1.2 */
#define EXPLICIT 8     /* GCM: of the nonce, in front of the ciphertext (RFC 5288 section 3) */
#define SALT 4         /* GCM: the nonce's secret beginning */
#define AAD 13         /* sequence number 8, type 1, version 2, length of the plaintext 2 */
/* RFC 5246 would allow 2^64. With 2^48 the sum that a bug in a caller could make is far from wrapping. */
#define SEQ_END ((uint64_t)1 << 48)

static size_t explicit_len(const struct record *r)
{
	return r->kind == AEAD_CHACHA20 ? 0 : EXPLICIT;
}

void record_init(struct record *r, enum aead_kind k, struct record_keys *keys)
{
	*r = (struct record){.seq = keys->seq, .kind = (uint8_t)k};
	aead_init(&r->aead, k, keys->key);
	memcpy(r->iv, keys->iv, k == AEAD_CHACHA20 ? AEAD_NONCE : SALT);
	wipe(keys, sizeof *keys);
}

void record_wipe(struct record *r)
{
	wipe(r, sizeof *r);
}

size_t record_head(const struct record *r)
{
	return RECORD_HEADER + explicit_len(r);
}

static void put_be64(uint8_t out[static 8], uint64_t v)
{
	struct wr w = wr_of(out, 8);

	wr_be64(&w, v);
}

/* part: the eight bytes that a GCM record carries. RFC 7905 section 2: ChaCha20's nonce is the
 * sequence number, padded in front, xor the IV. */
static void make_nonce(const struct record *r, const uint8_t *part, uint8_t nonce[static AEAD_NONCE])
{
	memcpy(nonce, r->iv, AEAD_NONCE);
	if (r->kind == AEAD_CHACHA20) {
		uint8_t seq[8];

		put_be64(seq, r->seq);
		for (size_t i = 0; i < sizeof seq; i++)
			nonce[SALT + i] ^= seq[i];
	} else {
		memcpy(&nonce[SALT], part, EXPLICIT);
	}
}

static void put_aad(const struct record *r, uint8_t type, size_t n, uint8_t aad[static AAD])
{
	struct wr w = wr_of(aad, AAD);

	wr_be64(&w, r->seq);
	wr_u8(&w, type);
	wr_be16(&w, VERSION);
	wr_be16(&w, (uint16_t)n);
}

int record_seal(struct record *r, enum record_type type, uint8_t *mem, size_t n)
{
	size_t head = record_head(r), body = explicit_len(r) + n + AEAD_TAG;
	struct wr w = wr_of(mem, head);
	uint8_t nonce[AEAD_NONCE], aad[AAD];

	ZT_ASSERT(n <= RECORD_PLAIN);
	if (r->kind == AEAD_NONE || r->seq >= SEQ_END)
		return -ZT_E_RANGE;
	wr_u8(&w, (uint8_t)type);
	wr_be16(&w, VERSION);
	wr_be16(&w, (uint16_t)body);
	/* The counter never repeats for a key, so it is a nonce that cannot either. */
	if (explicit_len(r))
		wr_be64(&w, r->seq);
	make_nonce(r, &mem[RECORD_HEADER], nonce);
	put_aad(r, (uint8_t)type, n, aad);
	aead_seal(&r->aead, nonce, span_of(aad, AAD), &mem[head], n, &mem[head + n]);
	r->seq++;
	return (int)(RECORD_HEADER + body);
}

size_t record_need(const uint8_t *mem, size_t n)
{
	struct rd r = rd_of(span_of(mem, n));
	size_t body;

	rd_bytes(&r, 3);
	body = rd_be16(&r);
	return r.bad ? 0 : RECORD_HEADER + body;
}

/* The length of the body, judged before any of it is waited for; ZT_MORE; -ZT_E_SYNTAX. */
static int read_header(const struct record *r, struct span in, uint8_t *type)
{
	struct rd rd = rd_of(in);
	size_t least = explicit_len(r) + AEAD_TAG, body;
	uint16_t version;

	*type = rd_u8(&rd);
	version = rd_be16(&rd);
	body = rd_be16(&rd);
	if (rd.bad)
		return ZT_MORE;
	if (*type < RECORD_CCS || *type > RECORD_DATA || version != VERSION)
		return -ZT_E_SYNTAX;
	if (body < least || body > least + RECORD_PLAIN)
		return -ZT_E_SYNTAX;
	return (int)body;
}

/* Nothing may be read after a forged record, whatever the caller does: the key is gone. */
static int dead(struct record *r, int err)
{
	record_wipe(r);
	return err;
}

int record_open(struct record *r, uint8_t *mem, size_t n, struct record_plain *out)
{
	uint8_t nonce[AEAD_NONCE], aad[AAD], type;
	size_t head = record_head(r), len;
	int body;

	*out = (struct record_plain){0};
	if (r->kind == AEAD_NONE)
		return -ZT_E_DENIED;
	body = read_header(r, span_of(mem, n), &type);
	if (body < 0)
		return dead(r, body);
	if (body == ZT_MORE || n - RECORD_HEADER < (size_t)body)
		return ZT_MORE;
	if (r->seq >= SEQ_END)
		return dead(r, -ZT_E_RANGE);
	len = RECORD_HEADER + (size_t)body - head - AEAD_TAG;
	make_nonce(r, &mem[RECORD_HEADER], nonce);
	put_aad(r, type, len, aad);
	if (!aead_open(&r->aead, nonce, span_of(aad, AAD), &mem[head], len, &mem[head + len]))
		return dead(r, -ZT_E_DENIED);
	r->seq++;
	*out = (struct record_plain){.type = type, .p = &mem[head], .n = len};
	return RECORD_HEADER + body;
}
