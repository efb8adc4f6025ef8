/* Certificate requests, their form: whether one is signed by its key no fuzzer finds. Invariants:
 * every span lies inside the input, wishes are whole extensions, a refused one leaves nothing. */
#include <stdlib.h>

#include "wire/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n);
}

static void check_wishes(const struct csr *c)
{
	struct der list = der_of(c->wish.extensions);
	struct span names = csr_wished_san(c);
	struct x509_ext e;
	struct san s;
	int rc;

	while (x509_ext_next(&list, &e))
		MUST(inside(e.oid, c->wish.extensions) && inside(e.value, c->wish.extensions) && e.oid.n > 0);
	MUST(!der_bad(&list) && inside(names, c->wish.extensions));
	do {
		rc = x509_san_next(&names, &s);
		MUST(rc >= 0 && inside(s.value, c->wish.extensions));
	} while (rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t mem[1 << 14];
	struct wr w = wr_of(mem, sizeof mem);
	struct span all = span_of(data, n);
	struct why why = {0};
	struct csr c;
	int rc = csr_form(&c, all, &why);

	if (rc < 0) {
		MUST(rc == -ZT_E_SYNTAX || rc == -ZT_E_TOOLONG || rc == -ZT_E_DUP);
		MUST(why.err == (enum zt_err)-rc && why.text[0] && c.der.n == 0 && c.spki.n == 0 && c.wish.extensions.n == 0);
		return 0;
	}
	MUST(span_eq(c.der, all) && inside(c.info, all) && c.info.n > 0 && inside(c.sig, all));
	MUST(inside(c.spki, c.info) && c.spki.n > 0 && inside(c.wish.subject, c.info) && inside(c.wish.extensions, c.info));
	if (c.key.type != PK_NONE) {
		x509_wr_spki(&w, &c.key);
		MUST(!w.full && span_eq(wr_span(&w), c.spki));
	}
	check_wishes(&c);
	return 0;
}
