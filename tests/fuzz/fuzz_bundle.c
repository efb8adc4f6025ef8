/* A block of files that a child was handed. Invariants: what was checked can be found, each path once,
 * and packing what was found gives the same bytes. */
#include <stdlib.h>

#include "wire/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t mem[1 << 17];
	static char path[BUNDLE_PATH + 1];
	struct span bundle = span_of(data, size);
	struct wr w = wr_of(mem, sizeof mem);
	int rc = bundle_check(bundle);
	struct rd r;

	MUST(rc == 0 || rc == -ZT_E_SYNTAX || rc == -ZT_E_TOOLONG);
	if (rc < 0)
		return 0;
	r = rd_of(span_sub(bundle, 8, size));
	bundle_begin(&w);
	while (rd_left(&r) > 0) {
		struct span name = rd_bytes(&r, rd_le16(&r)), contents = rd_bytes(&r, rd_le32(&r)), found;

		MUST(!r.bad && span_to_cstr(name, path, sizeof path) == 0);
		MUST(bundle_find(bundle, path, &found) == 0 && found.p == contents.p && found.n == contents.n);
		bundle_add(&w, name, contents);
	}
	MUST(w.full || span_eq(wr_span(&w), bundle));
	return 0;
}
