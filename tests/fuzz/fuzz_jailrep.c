/* jailrep: what is accepted is within its bounds and has exactly one encoding. */
#include <stdlib.h>
#include <string.h>

#include "wire/jailrep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jail_report r;
	uint8_t again[JAILREP_MAX];
	struct wr w = wr_of(again, sizeof again);

	if (jailrep_read(span_of(data, size), &r) != 0)
		return 0;
	for (size_t i = 0; i < JAIL_LAYER_COUNT; i++)
		if ((unsigned)r.layer[i].state >= JAIL_STATE_COUNT ||
		    memchr(r.layer[i].text, 0, sizeof r.layer[i].text) == NULL)
			abort();
	jailrep_write(&w, &r);
	if (w.full || w.n != size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
