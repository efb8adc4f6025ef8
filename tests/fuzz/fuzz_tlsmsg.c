/* What worker and tlsd may send each other: any bytes. Invariant: what is believed is written back
 * byte for byte, and is within its limits. */
#include <stdlib.h>

#include "wire/tlsmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void check_limits(const struct tlsmsg *m)
{
	size_t sum = 0;

	if (m->type == TLSMSG_ACCEPT)
		MUST(m->accept.name.n < TLS_NAME && m->accept.alpn.n < TLS_ALPN && m->accept.records.n <= TLSMSG_RECORDS);
	if (m->type == TLSMSG_CONNECT)
		MUST(m->connect.name.n < TLS_NAME && m->connect.alpn.n < TLS_ALPN && m->connect.session.n <= 32);
	if (m->type == TLSMSG_FAIL)
		MUST(m->fail.fault > TLSF_NONE && m->fail.fault < TLS_FAULT_COUNT);
	if (m->type == TLSMSG_DONE) {
		MUST(m->done.verdict < TLS_FAULT_COUNT && m->done.chain_n <= TLS_CHAIN);
		for (size_t i = 0; i < m->done.chain_n; i++)
			sum += m->done.chain[i].n;
		MUST(sum <= TLS_CHAIN_BYTES);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t mem[TLSMSG_MAX];
	static const char sides[2] = {'w', 't'};
	unsigned believed = 0;

	for (size_t i = 0; i < 2; i++) {
		struct wr w = wr_of(mem, sizeof mem);
		struct tlsmsg m;

		if (tlsmsg_read(span_of(data, size), sides[i], &m) < 0) {
			MUST(m.type == 0);
			continue;
		}
		believed++;
		MUST(TLSMSG_SLOT(m.id) < BOUND_CAP(BOUND_TLS_SHAKES));
		check_limits(&m);
		tlsmsg_write(&w, &m);
		MUST(!w.full && span_eq(wr_span(&w), span_of(data, size)));
	}
	MUST(believed <= 1); /* nobody can say what only the other may */
	return 0;
}
