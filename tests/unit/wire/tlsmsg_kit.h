/* tlsmsg_kit: the smallest message of each type, and where it is written. */
#ifndef ZT_TLSMSG_KIT_H
#define ZT_TLSMSG_KIT_H

#include "base/num.h"
#include "tests/unit/unit.h"
#include "wire/tlsmsg.h"

static uint8_t mem[TLSMSG_MAX + 64];

static inline struct span written(const struct tlsmsg *m)
{
	struct wr w = wr_of(mem, TLSMSG_MAX);

	tlsmsg_write(&w, m);
	CHECK(!w.full);
	return wr_span(&w);
}

static inline char from_of(enum tlsmsg_type t)
{
	return t < TLSMSG_RECORDS_OUT ? 'w' : 't';
}

static const uint8_t one_record[] = {22, 3, 3, 0, 2, 0xaa, 0xbb};
#define ONE_RECORD span_of(one_record, sizeof one_record)

/* The smallest message of each type that is whole. */
static inline struct tlsmsg sample(enum tlsmsg_type t)
{
	struct tlsmsg m = {.type = t, .id = TLSMSG_ID(3, 9)};

	if (t == TLSMSG_ACCEPT)
		m.accept = (struct tlsmsg_accept){.plan = 7, .name = SPAN_LIT("a.b"), .alpn = SPAN_LIT("h"),
						  .records = ONE_RECORD};
	else if (t == TLSMSG_CONNECT)
		m.connect = (struct tlsmsg_connect){.plan = 1, .want_chain = true, .name = SPAN_LIT("n")};
	else if (t == TLSMSG_RECORDS_IN || t == TLSMSG_RECORDS_OUT)
		m.records = ONE_RECORD;
	else if (t == TLSMSG_DONE)
		m.done = (struct tlsmsg_done){.suite = 0xc02b, .resumed = true, .verdict = TLSF_CERT_CA,
					      .chain = {SPAN_LIT("leaf"), SPAN_LIT("ca")}, .chain_n = 2};
	else if (t == TLSMSG_FAIL)
		m.fail = (struct tlsmsg_fail){.fault = TLSF_ALERT, .alert = 40, .engine = 296, .has_pin = true, .pin = {1, 2}};
	return m;
}

static const enum tlsmsg_type types[] = {
#define X(id, value, from, text) id,
	TLSMSG_TYPES(X)
#undef X
};

#endif
