/* Revocation lists. Invariants: every span lies inside the input, the entries are as many as were
 * counted and can be found again, what is not understood is said, a refused one leaves nothing. */
#include <stdlib.h>

#include "wire/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n);
}

static void check_entries(const struct crl *c)
{
	struct span rest = c->entries;
	struct crl_entry e, found;
	size_t n = 0;
	int rc;

	while ((rc = crl_next(&rest, &e)) > 0) {
		MUST(inside(e.serial, c->entries) && e.serial.n > 0 && e.reason >= -1 && e.reason <= 10);
		MUST(e.unknown_critical.n == 0 || c->unknown_critical.n > 0);
		MUST(c->version == 2 || (e.reason == -1 && e.unknown_critical.n == 0));
		if (n++ < 20)
			MUST(crl_has(c, e.serial, &found) && span_eq(found.serial, e.serial));
	}
	MUST(rc == 0 && n == c->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span all = span_of(data, n);
	struct why why = {0};
	struct crl c, again;
	int rc = crl_read(&c, all, &why);

	if (rc < 0) {
		MUST(rc == -ZT_E_SYNTAX || rc == -ZT_E_TOOLONG || rc == -ZT_E_DUP);
		MUST(why.err == (enum zt_err)-rc && why.text[0] && c.der.n == 0 && c.entries.n == 0 && c.count == 0);
		return 0;
	}
	MUST(span_eq(c.der, all) && inside(c.tbs, all) && c.tbs.n > 0 && inside(c.sig, all));
	MUST(inside(c.issuer, c.tbs) && c.issuer.n > 0 && inside(c.entries, c.tbs) && inside(c.number, c.tbs));
	MUST(inside(c.aki, c.tbs) && inside(c.unknown_critical, c.tbs) && (c.version == 1 || c.version == 2));
	MUST(c.number.n <= 20 && (c.has_number || c.number.n == 0) && (c.has_next || c.next_update == 0));
	MUST(crl_read(&again, span_sub(all, 0, all.n - 1), NULL) < 0);
	check_entries(&c);
	return 0;
}
