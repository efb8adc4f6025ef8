/* Armour. Invariants: blocks lie in the text, in order, with labels that may be printed; what
 * decodes is written and read back as the same bytes; room for three quarters of the body is
 * enough; nothing is left behind by what is refused. */
#include <stdlib.h>
#include <string.h>

#include "wire/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static uint8_t bytes[1 << 16], again[1 << 16], text[1 << 17];

static void round_trip(struct span der)
{
	struct wr w = wr_of(text, sizeof text);
	struct span t;
	struct pem block;
	unsigned line = 1;

	pem_write(&w, "ROUND TRIP", der);
	MUST(!w.full);
	t = wr_span(&w);
	MUST(pem_next(&t, &line, &block, NULL) == 1 && t.n == 0);
	MUST(pem_decode(&block, again, sizeof again, NULL) == (int)der.n);
	MUST(memcmp(again, der.p, der.n) == 0);
}

static void check_block(const struct pem *b)
{
	struct why why = {0};
	size_t cap = b->body.n / 4 * 3;
	int rc;

	MUST(b->label.n > 0 && b->label.n <= PEM_LABEL_MAX);
	for (size_t i = 0; i < b->label.n; i++)
		MUST(b->label.p[i] >= 0x20 && b->label.p[i] < 0x7f);
	memset(bytes, 0, sizeof bytes);
	rc = pem_decode(b, bytes, sizeof bytes, &why);
	if (rc < 0) {
		MUST(rc == -ZT_E_SYNTAX && why.text[0]);
		for (size_t i = 0; i <= cap && i < sizeof bytes; i++)
			MUST(bytes[i] == 0);
		return;
	}
	MUST((size_t)rc <= cap);
	MUST(pem_decode(b, again, cap, NULL) == rc);
	if (rc > 0)
		MUST(pem_decode(b, again, (size_t)rc - 1, NULL) == -ZT_E_TOOLONG);
	round_trip(span_of(bytes, (size_t)rc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span rest = span_of(data, n);
	unsigned line = 1, before;
	struct pem block;
	struct why why = {0};
	int rc;

	if (n > sizeof bytes)
		return 0;
	do {
		size_t left = rest.n;

		before = line;
		rc = pem_next(&rest, &line, &block, &why);
		MUST(rest.n <= left && line >= before && (rc <= 0 || rest.n < left));
		if (rc > 0) {
			MUST(block.line >= before && block.line < line);
			check_block(&block);
		}
	} while (rc > 0);
	MUST(rc == 0 ? rest.n == 0 : rc == -ZT_E_SYNTAX && why.text[0]);
	return 0;
}
