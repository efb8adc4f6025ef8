/*
 * fuzz_jrec: any bytes as records, and as a tail. Beside not crashing:
 *  - what decodes encodes again to the same bytes: there is one spelling of a record;
 *  - a whole record is never judged to be a torn tail, and a cut one always is;
 *  - one flipped bit anywhere in it is found, and does not make it torn;
 *  - the store's reading of it, where it has one, survives its own record.
 * The first byte of the input chooses where in its sector the record begins.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "wire/jrec.h"
#include "wire/srec.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t fields_of(const struct jrec *r, struct jtlv *t, size_t cap)
{
	struct span rest = r->tlvs;
	size_t n = 0;

	while (n < cap && jtlv_next(&rest, &t[n]))
		n++;
	return rest.n ? cap + 1 : n;
}

static void same_again(const struct jrec *r, struct span record)
{
	static uint8_t mem[JREC_MAX];
	static struct jtlv t[512];
	size_t n = fields_of(r, t, 512);
	struct wr w = wr_of(mem, sizeof mem);

	if (n > 512)
		return;
	MUST(jrec_size(t, n) == record.n);
	MUST(jrec_encode(&w, r, t, n) == (int)record.n);
	MUST(span_eq(wr_span(&w), record));
}

static void flip_and_cut(uint64_t at, struct span record, uint64_t seq, size_t pick)
{
	static uint8_t mem[JREC_MAX];
	struct span s = span_of(mem, record.n);
	size_t bit = pick % (record.n * 8), cut = pick % record.n;
	enum jrec_fault f;
	struct jrec r;

	memcpy(mem, record.p, record.n);
	MUST(!jrec_torn(at, s, seq));
	mem[bit / 8] ^= (uint8_t)(1u << bit % 8);
	MUST(jrec_decode(s, &r, &f) == -ZT_E_DAMAGED);
	MUST(!jrec_torn(at, s, seq));
	mem[bit / 8] ^= (uint8_t)(1u << bit % 8);
	MUST(jrec_decode(span_sub(s, 0, cut), &r, &f) == ZT_MORE);
	MUST(cut == 0 || jrec_torn(at, span_sub(s, 0, cut), seq));
}

static void as_store(const struct jrec *r)
{
	static uint8_t mem[JREC_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct srec_fields f;
	struct srec a, b;
	enum jrec_fault fault;
	struct jrec again;

	if (srec_decode(r, &a) != 0)
		return;
	srec_encode(&a, &f);
	MUST(jrec_encode(&w, r, f.t, f.n) > 0);
	MUST(jrec_decode(wr_span(&w), &again, &fault) > 0);
	MUST(srec_decode(&again, &b) == 0);
	MUST(a.type == b.type && a.space == b.space && a.id == b.id && a.expires == b.expires);
	MUST(span_eq(a.key, b.key) && span_eq(a.value, b.value));
}

/* Random bytes hardly ever have the right checksum: make a record of them. */
static struct span made(uint8_t *mem, size_t cap, struct span in)
{
	struct rd c = rd_of(in);
	struct jrec r = {.seq = rd_le64(&c) | 1, .type = rd_u8(&c), .version = rd_u8(&c)};
	struct wr w = wr_of(mem, cap);
	struct jtlv t[16];
	size_t n = 0;

	while (n < 16 && rd_left(&c)) {
		t[n].tag = rd_u8(&c);
		t[n].value = rd_bytes(&c, num_min(rd_u8(&c), rd_left(&c)));
		n++;
	}
	MUST(jrec_encode(&w, &r, t, n) > 0);
	return wr_span(&w);
}

static void one(struct span in, uint64_t at, size_t pick)
{
	enum jrec_fault f;
	struct jrec r;
	int n = jrec_decode(in, &r, &f);
	struct span record;

	MUST(n == -ZT_E_DAMAGED || (n >= 0 && (size_t)n <= in.n && n % 8 == 0));
	MUST((n > 0) == (f == JREC_OK));
	(void)jrec_torn(at, in, 1);
	if (n <= 0)
		return;
	record = span_sub(in, 0, (size_t)n);
	same_again(&r, record);
	flip_and_cut(at, record, r.seq, pick);
	as_store(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t mem[JREC_MAX];
	struct rd c = rd_of(span_of(data, n));
	uint64_t at = 16 + (uint64_t)rd_u8(&c) * 8;
	size_t pick = rd_le16(&c);
	struct span in = rd_rest(&c);

	if (in.n > 4000)
		return 0;
	one(in, at, pick);
	one(made(mem, sizeof mem, in), at, pick);
	return 0;
}
