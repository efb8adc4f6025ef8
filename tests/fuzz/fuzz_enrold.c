/* The authority's side of zt-enrol/1 against any peer: the first byte says what ca-sign answers, the rest is
 * what the peer sends. Invariants: what ca-sign is to be asked and what the peer is to be told can be
 * written and is read back; a frame is asked about once; nothing comes after the end. */
#include <stdlib.h>
#include <string.h>

#include "serve/enrold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static const uint8_t bytes[64] = {1}, der[] = {0x30, 0};

static void check_ask(const struct enrold_out *o)
{
	uint8_t mem[16384];
	struct wr w = wr_of(mem, sizeof mem);
	struct casign back;

	casign_write(&w, &o->ask);
	MUST(!w.full && casign_read(wr_span(&w), 'f', &back) == (int)w.n);
}

static void check_say(const struct enrold_out *o, bool last)
{
	static uint8_t mem[ENROL_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct enrol back;

	enrol_write(&w, &o->say);
	MUST(!w.full && enrol_read(wr_span(&w), 'a', &back) == (int)w.n);
	MUST(last == (back.type != ENROL_CHALLENGE));
}

static enum enrold_do answer(struct enrold *e, unsigned how, struct enrold_out *o)
{
	const enum casign_type asked = o->ask.type;
	struct casign ok = {.type = CA_OK};
	struct why no = {0};
	uint8_t num[8];

	if (how == 3) {
		why_set(&no, ZT_E_NOSPACE, "/a/file: the disk is full");
		return enrold_answered(e, NULL, &no, 1, o);
	}
	if (asked == CA_ENROL) {
		casign_put(&ok, CAF_TALK, span_of(bytes, 8));
		casign_put(&ok, CAF_NONCE, span_of(bytes, 32));
		casign_put(&ok, CAF_PROOF, span_of(bytes, 32));
	} else if (asked == CA_PROVE && how == 2) {
		casign_put_num(&ok, CAF_PENDING, 30, num);
	} else if (asked == CA_PROVE || asked == CA_RENEW) {
		casign_put(&ok, CAF_CHAIN, span_of(der, 2));
		casign_put(&ok, CAF_INFRA, span_of(der, 2));
		casign_put(&ok, CAF_SERIAL, span_of(bytes, 16));
		casign_put(&ok, CAF_ID, span_of(bytes, 24));
		casign_put(&ok, CAF_REGISTRY, span_of(der, 2));
		casign_put(&ok, CAF_TRUST, span_of(bytes, 24));
		if (asked == CA_PROVE)
			casign_put(&ok, CAF_PROOF, span_of(bytes, 32));
	}
	MUST(casign_answers(asked, &ok));
	return enrold_answered(e, &ok, NULL, 1, o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n), window;
	unsigned hows = n ? data[0] : 0, asked = 0;
	struct enrold e;
	static struct enrold_out o;
	enum enrold_do d = ENROLD_MORE;

	enrold_init(&e, "192.0.2.1", bytes);
	in = span_sub(in, 1, n);
	for (unsigned turn = 0; turn < 64; turn++) {
		size_t used = 0;

		window = span_sub(in, 0, ENROLD_IN);
		if (d == ENROLD_MORE || d == ENROLD_SAY || d == ENROLD_WATCH) {
			d = enrold_heard(&e, window, &used, &o);
			if (d == ENROLD_MORE)
				return 0; /* it has no more to say */
		} else if (d == ENROLD_WHO) {
			d = enrold_known(&e, bytes, NULL, &o);
		} else if (d == ENROLD_ASK) {
			d = answer(&e, hows & 3, &o);
			hows >>= 2;
			asked++;
		}
		MUST(used <= window.n && asked <= 2 + turn / 2);
		in = span_sub(in, used, in.n);
		if (d == ENROLD_ASK)
			check_ask(&o);
		if (d == ENROLD_SAY || d == ENROLD_BYE)
			check_say(&o, d == ENROLD_BYE);
		if (d == ENROLD_BYE) {
			MUST(e.state == ENROLD_OVER);
			return 0;
		}
	}
	return 0;
}
