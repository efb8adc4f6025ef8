/* A joiner, an agent that renews and one that watches, against whatever answers. Invariant: nothing is granted
 * that is not proved, nothing is said but after a right proof, and once it is over it stays over. */
#include <stdlib.h>
#include <string.h>

#include "serve/enrolee.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void run(enum enrolee_kind kind, struct span in)
{
	static const struct token token = {.role = 2, .secret = {1}};
	static const uint8_t server[32];
	static uint8_t mem[ENROL_MAX];
	static const struct authority_pins pins = {.n = 1, .by = "the token"};
	static const uint8_t signature[70];
	struct enrolee e = {.kind = kind, .token = &token, .csr = SPAN_LIT("\x30\x00"),
			    .signature = span_of(signature, sizeof signature), .asked = {.role = ROLE_CONNECTOR, .pins = &pins}};
	struct wr out = wr_of(mem, sizeof mem);
	enum enrolee_event ev;
	size_t used;

	enrolee_begin(&e, server, &out);
	MUST(!out.full && out.n > 0);
	do {
		struct why w = {0};
		struct enrol m;

		out = wr_of(mem, sizeof mem);
		ev = enrolee_take(&e, in, &used, &out, &m, &w);
		MUST(used <= in.n && (used > 0 || ev == ENROLEE_MORE || ev == ENROLEE_FAILED));
		/* Who knows no secret and no anchor gets nowhere. */
		MUST(ev != ENROLEE_SAY && ev != ENROLEE_GRANTED && ev != ENROLEE_ANCHORS && out.n == 0);
		MUST(ev != ENROLEE_PENDING && (ev != ENROLEE_LIST || kind == ENROLEE_WATCH));
		MUST((ev == ENROLEE_FAILED) == (w.text[0] != 0) && (ev != ENROLEE_FAILED || e.state == ENROLEE_OVER));
		for (const char *c = w.text; *c; c++)
			MUST(*c >= ' ' && *c <= '~');
		in = span_sub(in, used, in.n);
	} while (ev == ENROLEE_LIST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned kind = ENROLEE_JOIN; kind <= ENROLEE_WATCH; kind++)
		run((enum enrolee_kind)kind, span_of(data, size));
	return 0;
}
