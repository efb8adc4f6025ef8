/* What a joiner and an authority may send each other: any bytes. Invariant: a frame that is believed is
 * written back byte for byte, its spans lie in it, and only one side may have said it. */
#include <stdlib.h>

#include "wire/enrol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void check(struct span frame, const struct enrol *m)
{
	static uint8_t mem[1 << 17];
	struct wr w = wr_of(mem, sizeof mem);
	size_t sum = 0;

	for (unsigned f = 1; f < ENF_COUNT; f++) {
		MUST(!m->has[f] || (m->field[f].n > 0 && m->field[f].p >= frame.p));
		sum += m->has[f] ? m->field[f].n : 0;
		if (m->has[f] && f >= ENF_CHAIN && f <= ENF_ACME) {
			size_t n = 0, bytes = 0;

			for (struct span c; (c = enrol_cert(m->field[f], n)).n; n++)
				bytes += c.n;
			MUST(n >= 1 && n <= ENROL_CERTS && bytes == m->field[f].n);
		}
	}
	MUST(sum < frame.n && (m->type == ENROL_LIST || frame.n <= ENROL_MAX));
	if (frame.n > sizeof mem)
		return;
	enrol_write(&w, m);
	MUST(!w.full && span_eq(wr_span(&w), frame));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	unsigned believed = 0;

	for (size_t i = 0; i < 2; i++) {
		struct enrol m;
		int n = enrol_read(in, "ja"[i], &m);

		if (n <= 0) {
			MUST(m.type == 0);
			continue;
		}
		believed++;
		MUST((size_t)n <= size && enrol_name(m.type)[0] == 'E');
		check(span_sub(in, 0, (size_t)n), &m);
		/* and one byte less is not enough */
		MUST(enrol_read(span_sub(in, 0, (size_t)n - 1), "ja"[i], &m) == ZT_MORE);
	}
	MUST(believed <= 1);
	return 0;
}
