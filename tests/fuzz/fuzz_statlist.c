/* Status lists. Invariants: every span lies inside the input and they fill it, entries are in order and
 * known, a list that is read can be written again to the same bytes, a refused one leaves nothing. */
#include <stdlib.h>
#include <string.h>

#include "wire/statlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define MOST 65536

static void check_entries(const struct statlist *l)
{
	struct status_entry before, e;

	for (uint32_t i = 0; i < l->n; i++) {
		statlist_entry(l, i, &e);
		MUST(e.what >= STATUS_CERT && e.what <= STATUS_GRANT && e.state >= STATUS_GOOD);
		MUST(e.state < STATUS_GONE || (e.state == STATUS_GONE && l->kind == STATLIST_DELTA));
		MUST(i == 0 || status_entry_cmp(&before, &e) < 0);
		before = e;
	}
}

static void check_again(const struct statlist *l, struct span all)
{
	static uint8_t mem[MOST];
	struct wr w = wr_of(mem, sizeof mem);
	struct status_entry e;

	statlist_write_head(&w, l);
	for (uint32_t i = 0; i < l->n; i++) {
		statlist_entry(l, i, &e);
		statlist_write_entry(&w, &e);
	}
	wr_le16(&w, (uint16_t)l->sig.n);
	wr_put(&w, l->sig);
	MUST(span_eq(wr_span(&w), all));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t point[65] = {4};
	struct pk_public key = {.type = PK_P256, .point = {point, sizeof point}};
	struct span all = span_of(data, n);
	struct why why = {0};
	struct statlist l, zero;
	int rc = statlist_read(&l, all, &why);

	if (rc < 0) {
		memset(&zero, 0, sizeof zero);
		MUST(rc == -ZT_E_SYNTAX || rc == -ZT_E_TOOLONG || rc == -ZT_E_VERSION);
		MUST(why.err == (enum zt_err)-rc && why.text[0] && l.n == 0 && l.entries.n == 0 && l.sig.n == 0);
		return 0;
	}
	MUST((l.kind == STATLIST_FULL || l.kind == STATLIST_DELTA) && l.n <= STATLIST_MOST && l.issued > 0);
	MUST(l.epoch > 0 && l.number > l.base && (l.base == 0) == (l.kind == STATLIST_FULL));
	MUST(l.entries.n == (size_t)l.n * STATLIST_ENTRY && l.signed_part.n == STATLIST_HEAD + l.entries.n);
	MUST(l.signed_part.p == all.p && l.signed_part.n + 2 + l.sig.n == all.n);
	MUST(statlist_signed_by(&l, &key) == -ZT_E_DENIED); /* a point that is not on the curve */
	check_entries(&l);
	if (n <= MOST)
		check_again(&l, all);
	return 0;
}
