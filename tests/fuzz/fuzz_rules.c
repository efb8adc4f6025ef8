/* Announced tables. Invariants: what is read is written back to the same bytes; no beginning of a good table is
 * one; each rule of it is without fault; what compiles has an answer for every request unless it is empty. */
#include <stdlib.h>

#include "decide/ingress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static uint8_t again[RULES_BYTES];

static void check_good(const struct rules *r, struct span in, struct arena *mem)
{
	struct wr w = wr_of(again, sizeof again);
	struct ingress *ing;
	const char *key;
	int i;

	rules_write(&w, r);
	MUST(span_eq(wr_span(&w), in));
	for (size_t k = 0; k < r->n; k++)
		MUST(rule_wrong(&r->rule[k], &key) == NULL);
	if (ingress_compile(&ing, r, mem, NULL) < 0)
		return;
	i = ingress_match(ing, SPAN_LIT("a.example.org"), SPAN_LIT("/api/v1/aaaaaaaaaaaaaaaaaaaa"));
	MUST(r->n ? i >= 0 && i < r->n : i < 0);
	MUST(r->n == 0 || (r->rule[r->n - 1].path.n == 0 && r->rule[r->n - 1].hostname.n <= 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);
	struct arena mem;
	struct rules r;

	arena_init(&mem, INGRESS_MEM);
	if (rules_read(&r, in, &mem, NULL) == 0) {
		struct rules cut;

		check_good(&r, in, &mem);
		MUST(rules_read(&cut, span_sub(in, 0, n - 1), &mem, NULL) < 0);
	} else {
		MUST(r.n == 0 && r.rule == NULL);
	}
	arena_free(&mem);
	return 0;
}
