/*
 * A connection of records. First byte: the cipher; then steps, a byte each that says what
 * happens, with lengths and bytes from the input. Invariants: what was sealed opens once, in
 * order, as it was; what was changed, cut, repeated or made up never opens; a refusal is final.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define TEXT_MAX 2048

enum { GOOD, FLIPPED, CUT, AGAIN, SWAPPED, MADE_UP, STEPS };

struct talk {
	enum aead_kind kind;
	uint64_t seq;
	struct record w, r;
};

/* Both ends begin anew: after a refusal there is no other way. */
static void begin(struct talk *t)
{
	struct record_keys out = {.key = {1, 2, 3}, .iv = {4, 5, 6}, .seq = t->seq}, in = out;

	record_init(&t->w, t->kind, &out);
	record_init(&t->r, t->kind, &in);
}

static void refused(struct talk *t, uint8_t *mem, size_t n)
{
	struct record_plain out;

	MUST(record_open(&t->r, mem, n, &out) < 0 && out.p == NULL);
	MUST(record_open(&t->r, mem, n, &out) == -ZT_E_DENIED);
	t->seq = t->w.seq;
	begin(t);
}

static size_t seal(struct talk *t, enum record_type type, struct span text, uint8_t *mem)
{
	size_t head = record_head(&t->w);
	struct wr w = wr_of(&mem[head], TEXT_MAX);
	uint64_t seq = t->w.seq;
	int len;

	wr_put(&w, text);
	len = record_seal(&t->w, type, mem, text.n);
	MUST(len == (int)(head + text.n + AEAD_TAG) && t->w.seq == seq + 1);
	MUST(record_need(mem, (size_t)len) == (size_t)len);
	return (size_t)len;
}

static void opens(struct talk *t, enum record_type type, struct span text, uint8_t *mem, size_t n)
{
	struct record_plain out;

	MUST(record_open(&t->r, mem, n, &out) == (int)n);
	MUST(out.type == type && span_eq(span_of(out.p, out.n), text));
	MUST(t->r.seq == t->w.seq);
}

/* Anything may be in[n], but it is not from us. */
static void made_up(struct talk *t, struct span in, uint8_t *mem)
{
	struct record_plain out;
	struct wr w = wr_of(mem, RECORD_MAX);
	int rc;

	in = span_sub(in, 0, RECORD_MAX);
	wr_put(&w, in);
	if (in.n >= RECORD_HEADER && in.p[0] & 1) { /* give it a header that is right */
		size_t body = in.n - RECORD_HEADER;

		memcpy(mem, (const uint8_t[]){RECORD_DATA, 3, 3, (uint8_t)(body >> 8), (uint8_t)body}, RECORD_HEADER);
	}
	rc = record_open(&t->r, mem, in.n, &out);
	MUST(rc <= 0);
	if (rc == ZT_MORE)
		MUST(in.n < RECORD_HEADER || record_need(mem, in.n) > in.n);
	else
		begin(t);
}

static void step(struct talk *t, uint8_t what, struct span in, uint16_t where)
{
	static uint8_t mem[RECORD_MAX], other[RECORD_MAX];
	enum record_type type = RECORD_CCS + what / STEPS % 4;
	struct span text = span_sub(in, 0, TEXT_MAX);
	struct record_plain out;
	size_t n, m;

	if (what % STEPS == MADE_UP) {
		made_up(t, in, mem);
		return;
	}
	n = seal(t, type, text, mem);
	switch (what % STEPS) {
	case FLIPPED:
		/* Behind the header, so that it is refused rather than waited for. */
		mem[RECORD_HEADER + where % (n - RECORD_HEADER)] ^= (uint8_t)(1 << where % 8);
		refused(t, mem, n);
		return;
	case CUT:
		MUST(record_open(&t->r, mem, where % n, &out) == ZT_MORE);
		break;
	case AGAIN:
		memcpy(other, mem, n);
		opens(t, type, text, mem, n);
		refused(t, other, n);
		return;
	case SWAPPED:
		m = seal(t, type, text, other);
		refused(t, other, m);
		return;
	}
	opens(t, type, text, mem, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rd r = rd_of(span_of(data, n));
	struct talk t = {.kind = AEAD_AES128_GCM + rd_u8(&r) % 3, .seq = 1};

	begin(&t);
	for (unsigned i = 0; i < 64 && rd_left(&r); i++) {
		uint8_t what = rd_u8(&r);
		uint16_t where = rd_be16(&r), len = rd_be16(&r);

		step(&t, what, rd_bytes(&r, len % (rd_left(&r) + 1)), where);
	}
	record_wipe(&t.w);
	record_wipe(&t.r);
	return 0;
}
