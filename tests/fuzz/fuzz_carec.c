/*
 * fuzz_carec: any bytes as a record of the registry. Beside not crashing:
 *  - what is read is written to the same fields again: there is one spelling of a record;
 *  - what was read has every field in its bounds, and no field that its type has not.
 * The first byte of the input is the type, the rest are the fields as a journal has them.
 */
#include <stdlib.h>

#include "wire/carec.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Journal fields that are not well-formed never reach carec: jrec_decode() has looked. */
static bool well_formed(struct span s)
{
	struct jtlv t;

	while (s.n)
		if (!jtlv_next(&s, &t))
			return false;
	return true;
}

static void same_again(const struct carec *r, struct span tlvs)
{
	struct carec_tlvs t;
	struct jtlv was;
	size_t i = 0;

	MUST(carec_encode(r, &t) == 0);
	for (; jtlv_next(&tlvs, &was); i++)
		MUST(i < t.n && t.t[i].tag == was.tag && span_eq(t.t[i].value, was.value));
	MUST(i == t.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rd c = rd_of(span_of(data, n));
	struct jrec r = {.seq = 1, .type = rd_u8(&c), .version = CAREC_VERSION};
	struct carec out;
	int err;

	r.tlvs = rd_rest(&c);
	if (!well_formed(r.tlvs))
		return 0;
	err = carec_decode(&r, &out);
	MUST(err == 0 || err == -ZT_E_DAMAGED || err == -ZT_E_VERSION);
	if (err)
		return 0;
	MUST(out.val[CAR_ID].n <= 24 && out.val[CAR_NAME].n <= 64 && out.val[CAR_USER].n <= 64 && out.val[CAR_LABEL].n <= 64);
	MUST(out.val[CAR_DER].n <= CAREC_DER && out.val[CAR_SIGHTINGS].n % CAREC_SIGHTING == 0 && out.num[CAR_ROLE] <= 6);
	same_again(&out, r.tlvs);
	return 0;
}
