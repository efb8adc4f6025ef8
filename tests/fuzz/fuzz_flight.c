/* What a peer sends during a handshake. First byte: how the rest is cut into reads. Invariants: what is
 * handed over and what is left are the input, in whole records, and never application data. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "wire/flight.h"
#include "wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

struct seen {
	size_t at;    /* bytes handed over */
	int last;     /* what ended it */
	struct flight f;
	struct why why;
};

static void check_record(struct span s, int n, enum flight_state before, enum flight_state after)
{
	struct rd r = rd_of(s);
	uint8_t type = rd_u8(&r);
	uint16_t len;

	rd_be16(&r);
	len = rd_be16(&r);
	MUST(!r.bad && n == RECORD_HEADER + len && (size_t)n <= s.n && n <= FLIGHT_RECORD && len > 0);
	MUST(type >= RECORD_CCS && type <= RECORD_HANDSHAKE);
	MUST(before != FLIGHT_CCS || n <= FLIGHT_FINISHED);
	MUST((after == FLIGHT_CCS) == (type == RECORD_CCS || (before == FLIGHT_CCS && type == RECORD_ALERT)));
	MUST((after == FLIGHT_DONE) == (before == FLIGHT_CCS && type == RECORD_HANDSHAKE));
}

/* All that the first `have` bytes of s give. */
static bool run(struct seen *k, struct span s, size_t have)
{
	do {
		enum flight_state before = k->f.state;
		struct span left = span_sub(s, k->at, have - k->at);

		k->last = flight_next(&k->f, left, &k->why);
		if (k->last > 0) {
			MUST(before != FLIGHT_DONE);
			check_record(left, k->last, before, k->f.state);
			k->at += (size_t)k->last;
			MUST(k->f.bytes == k->at && k->at <= FLIGHT_BYTES && k->f.records <= FLIGHT_RECORDS);
		}
	} while (k->last > 0);
	MUST((k->last < 0) == (k->why.err != 0));
	return k->last == ZT_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_sub(span_of(data, size), 1, size);
	size_t step = size ? 1u + data[0] : 1, have = 0;
	struct seen whole = {0}, slow = {0};

	run(&whole, s, s.n);
	do
		have = num_min(s.n, have + step);
	while (run(&slow, s, have) && have < s.n);
	MUST(whole.last == slow.last && whole.at == slow.at && whole.f.state == slow.f.state);
	MUST(strcmp(whole.why.text, slow.why.text) == 0);
	return 0;
}
