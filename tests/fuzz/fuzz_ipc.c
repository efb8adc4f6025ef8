/* What a jailed child may send its supervisor: any bytes at all. */
#include <stdlib.h>

#include "base/err.h"
#include "wire/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t mem[BOUND_CAP(BOUND_IPC_BYTES)];
	struct ipc_msg m;
	struct ipc_counter c;
	struct wr w = wr_of(mem, sizeof mem);
	struct rd r;

	if (ipc_read(span_of(data, size), 'c', &m) < 0)
		return 0;
	ipc_write(&w, &m); /* what was believed is written back byte for byte */
	if (w.full || !span_eq(wr_span(&w), span_of(data, size)))
		abort();
	r = rd_of(m.payload);
	while (ipc_read_counter(&r, &c) > 0)
		if (c.name.n == 0 || c.name.n > IPC_COUNTER_NAME || c.name.p < data || c.name.p + c.name.n > data + size)
			abort();
	return 0;
}
