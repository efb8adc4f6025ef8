/* PROXY headers. Invariants: every beginning of a good one is waited for; what follows changes nothing; a refusal
 * stays one; what was read, written in either version and read again, says the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/proxyhdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool same(const struct proxyhdr *a, const struct proxyhdr *b)
{
	return a->local == b->local && addr_eq(&a->from, &b->from) && addr_eq(&a->to, &b->to);
}

static void check_written(const struct proxyhdr *h)
{
	for (uint8_t version = 1; version <= 2; version++) {
		uint8_t mem[PROXYHDR_WRITE];
		struct wr w = wr_of(mem, sizeof mem);
		struct proxyhdr as = *h, again;

		as.version = version;
		proxyhdr_write(&w, &as);
		MUST(!w.full && proxyhdr_read(wr_span(&w), &again) == (int)w.n && again.version == version);
		MUST(same(h, &again));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t longer[1 << 17];
	struct span in = span_of(data, n);
	struct proxyhdr h, other;
	int rc = proxyhdr_read(in, &h);

	if (rc > 0) {
		MUST((size_t)rc <= n && rc <= PROXYHDR_MOST && (h.version == 1 || h.version == 2));
		MUST(h.local == (h.from.family == 0) && h.local == (h.to.family == 0));
		MUST(h.version != 1 || (rc <= PROXYHDR_V1 && span_ends(span_sub(in, 0, (size_t)rc), "\r\n")));
		MUST(proxyhdr_read(span_sub(in, 0, (size_t)rc), &other) == rc && same(&h, &other));
		for (int cut = 0; cut < rc; cut++)
			MUST(proxyhdr_read(span_sub(in, 0, (size_t)cut), &other) == ZT_MORE);
		check_written(&h);
		return 0;
	}
	MUST(h.version == 0 && h.from.family == 0 && n < PROXYHDR_MOST + (rc < 0) * sizeof longer);
	if (rc < 0 && n < sizeof longer - 8) {
		if (n)
			memcpy(longer, data, n);
		memset(longer + n, 'A', 8);
		MUST(proxyhdr_read(span_of(longer, n + 8), &other) < 0);
	}
	return 0;
}
