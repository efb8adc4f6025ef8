/* Chunked bodies. The first byte says how they are cut up. Invariants: payload, end and refusal do not depend on
 * the cuts; every call takes a byte or says why not; nothing is taken behind the end; the payload framed anew is
 * read as the same; a limit of one byte less than the payload refuses it. */
#include <stdlib.h>
#include <string.h>

#include "wire/httpbody.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define PAYLOAD 65536

static const struct httpframing chunked = {.kind = HTTPBODY_CHUNKED};

static size_t feed(struct httpbody *b, struct span in, size_t step, uint64_t max, struct wr *out)
{
	struct span data;
	size_t at = 0;
	int rc = 1;

	MUST(httpbody_begin(b, &chunked, max) == 0);
	while (at < in.n && !b->done && rc > 0) {
		rc = httpbody_next(b, span_sub(in, at, step), &data);
		MUST(rc != ZT_MORE && rc <= (int)step && (rc < 0) == (b->refusal != HTTP_FINE));
		MUST(rc > 0 || data.n == 0);
		wr_put(out, data);
		at += rc > 0 ? (size_t)rc : 0;
	}
	MUST(!out->full && b->payload <= max);
	if (rc < 0)
		MUST(httpbody_next(b, SPAN_LIT("0\r\n\r\n"), &data) == rc && data.n == 0);
	if (b->done)
		MUST(httpbody_next(b, SPAN_LIT("0\r\n\r\n"), &data) == ZT_MORE && data.n == 0);
	return at;
}

static void check_again(struct span payload, size_t step)
{
	static uint8_t framed[8 * PAYLOAD], mem[PAYLOAD];
	struct wr w = wr_of(framed, sizeof framed), out = wr_of(mem, sizeof mem);
	struct httpbody b;

	for (size_t at = 0; at < payload.n; at += step) {
		struct span part = span_sub(payload, at, step);

		httpchunk_open(&w, part.n);
		wr_put(&w, part);
		wr_put(&w, HTTPCHUNK_CLOSE);
	}
	wr_put(&w, HTTPCHUNK_LAST);
	MUST(!w.full && feed(&b, wr_span(&w), 61, payload.n, &out) == w.n && b.done);
	MUST(span_eq(wr_span(&out), payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t one[PAYLOAD], many[PAYLOAD];
	struct wr a = wr_of(one, sizeof one), c = wr_of(many, sizeof many);
	struct httpbody whole, parts;
	struct span in;
	size_t step, used;

	if (n < 1 || n > PAYLOAD)
		return 0;
	step = 1u + data[0] % 64;
	in = span_of(data + 1, n - 1);
	used = feed(&whole, in, in.n + 1, UINT64_MAX, &a);
	MUST(feed(&parts, in, step, UINT64_MAX, &c) == used || whole.refusal != HTTP_FINE);
	MUST(whole.done == parts.done && whole.refusal == parts.refusal);
	MUST(!whole.done || span_eq(wr_span(&a), wr_span(&c)));
	if (!whole.done)
		return 0;
	check_again(wr_span(&a), step);
	if (a.n) {
		struct wr less = wr_of(many, sizeof many);

		feed(&parts, in, step, a.n - 1, &less);
		MUST(parts.refusal == HTTPBAD_LARGE);
	}
	return 0;
}
