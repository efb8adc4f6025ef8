/* What a worker and a keeper say to each other: the first byte says who, the rest is a packet, and the lists of its
 * descriptor. What is believed is written back byte for byte; lists lie in order within what came. */
#include <stdlib.h>

#include "base/err.h"
#include "wire/keepmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_packet(struct span packet, char from)
{
	uint8_t mem[KEEPMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct keepmsg m;

	if (keepmsg_read(packet, from, &m) < 0)
		return;
	keepmsg_write(&w, &m);
	if (w.full || !span_eq(wr_span(&w), packet))
		abort();
	if (keepmsg_read(packet, from == 'k' ? 'w' : 'k', &m) == 0) /* nobody can pass for the other */
		abort();
}

static void check_lists(struct span all)
{
	struct rd r = rd_of(all);
	struct span list;
	size_t sum = 0;
	int rc;

	while ((rc = keepmsg_next_list(&r, &list)) > 0) {
		sum += 4 + list.n;
		if (list.n == 0 || list.p < all.p || sum != all.n - rd_left(&r))
			abort();
	}
	if (rc == 0 && sum != all.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_of(data, size);

	if (size == 0)
		return 0;
	check_packet(span_sub(all, 1, size), data[0] & 1 ? 'k' : 'w');
	check_lists(span_sub(all, 1, size));
	return 0;
}
