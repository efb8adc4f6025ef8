/* What ca-front, a command and ca-sign may send each other: any bytes at all. What is believed is written
 * back byte for byte, and every field lies inside the input. */
#include <stdlib.h>

#include "base/err.h"
#include "wire/casign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void check(struct span in, char from)
{
	static uint8_t mem[CASIGN_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct casign m;
	int rc = casign_read(in, from, &m);

	if (rc <= 0) {
		MUST(rc == ZT_MORE || rc == -ZT_E_SYNTAX || rc == -ZT_E_UNKNOWN || rc == -ZT_E_TOOLONG);
		MUST(m.type == 0);
		return;
	}
	MUST((size_t)rc <= in.n && rc >= CASIGN_HEADER && rc <= CASIGN_MAX);
	for (unsigned i = 0; i < CAF_TAGS; i++)
		MUST(!m.has[i] || (m.field[i].p >= in.p && m.field[i].p + m.field[i].n <= in.p + rc));
	casign_write(&w, &m);
	MUST(!w.full && span_eq(wr_span(&w), span_sub(in, 0, (size_t)rc)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char sides[] = {'f', 'c', 's'};

	for (size_t i = 0; i < sizeof sides; i++)
		check(span_of(data, n), sides[i]);
	return 0;
}
