/* Any bytes, walked as values inside values. Invariants: what is answered lies inside the input,
 * and there is one encoding of everything: whatever was read well is written the same again. */
#include <stdlib.h>
#include <string.h>

#include "wire/der.h"
#include "wire/oid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define DEPTH 24

static uint8_t mem[1 << 17];

static bool inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n);
}

static void same(const struct wr *w, struct span want)
{
	MUST(!w->full && span_eq(wr_span(w), want));
}

static void check_numbers(struct span whole)
{
	struct der a = der_of(whole), b = a, c = a;
	struct span integer = der_integer(&a), number = der_unsigned(&b);
	uint64_t v = der_u64(&c, UINT64_MAX);
	struct wr w = wr_of(mem, sizeof mem);

	if (der_bad(&a)) {
		MUST(der_bad(&b) && der_bad(&c) && integer.n == 0 && number.n == 0 && v == 0);
		return;
	}
	MUST(inside(integer, whole) && integer.n > 0);
	MUST(der_bad(&b) == ((integer.p[0] & 0x80) != 0));
	if (der_bad(&b))
		return;
	der_wr_unsigned(&w, number);
	same(&w, whole);
	MUST(der_bad(&c) == (number.n > 8));
	if (der_bad(&c))
		return;
	w = wr_of(mem, sizeof mem);
	der_wr_u64(&w, v);
	same(&w, whole);
}

static void check_strings(struct span whole)
{
	struct wr w = wr_of(mem, sizeof mem);
	struct der d = der_of(whole);
	unsigned unused;
	struct span s = der_bits(&d, &unused);
	char text[64];

	if (!der_bad(&d)) {
		MUST(inside(s, whole) && unused < 8);
		der_wr_bits(&w, s, unused);
		same(&w, whole);
	}
	d = der_of(whole);
	s = der_oid(&d);
	if (!der_bad(&d)) {
		enum oid o = oid_find(s);

		MUST(o == OID_UNKNOWN || span_eq(oid_bytes(o), s));
		MUST(strlen(oid_text(s, text, sizeof text)) < sizeof text);
	}
	d = der_of(whole);
	if (der_bool(&d) || !der_bad(&d)) {
		w = wr_of(mem, sizeof mem);
		der_wr_bool(&w, whole.p[2] != 0);
		same(&w, whole);
	}
}

static void check_time(struct span whole)
{
	struct wr w = wr_of(mem, sizeof mem);
	struct der d = der_of(whole), back;
	int64_t t = der_time(&d);

	if (der_bad(&d)) {
		MUST(t == 0);
		return;
	}
	der_wr_time(&w, t);
	MUST(!w.full);
	back = der_of(wr_span(&w));
	MUST(der_time(&back) == t && !der_bad(&back));
	if (w.n == whole.n) /* the same type: GeneralizedTime may stand where UTCTime would do */
		same(&w, whole);
}

static void walk(struct span in, struct span all, unsigned depth)
{
	struct der d = der_of(in);
	size_t total = 0;

	while (der_more(&d)) {
		uint8_t next = der_peek(&d);
		struct der_tlv t = der_any(&d);
		struct wr w = wr_of(mem, sizeof mem);

		if (der_bad(&d)) {
			MUST(t.whole.n == 0 && t.value.n == 0 && t.tag == 0 && der_peek(&d) == 0);
			return;
		}
		MUST(t.tag == next && inside(t.whole, all) && inside(t.value, t.whole));
		MUST(t.whole.n >= 2 + t.value.n);
		total += t.whole.n;
		der_wr(&w, t.tag, t.value);
		same(&w, t.whole);
		check_numbers(t.whole);
		check_strings(t.whole);
		check_time(t.whole);
		der_is_text(&t);
		if (t.tag & 0x20 && depth)
			walk(t.value, all, depth - 1);
	}
	MUST(total == in.n || der_bad(&d));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span all = span_of(data, n);

	walk(all, all, DEPTH);
	return 0;
}
