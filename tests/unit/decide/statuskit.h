/* For tests of decide/status: one authority that signs what it is told to, and one receiver. */
#ifndef ZT_STATUSKIT_H
#define ZT_STATUSKIT_H

#include "decide/status.h"

#include <stdlib.h>

#include "base/num.h"
#include "tests/unit/unit.h"

#define T0 INT64_C(1800000000)
#define ROOM 8

/* One authority, one receiver, one pair of clocks. */
struct world {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], bytes[STATLIST_BYTES(ROOM + 2)];
	struct pk_private key;
	struct pk_public pub;
	struct status_entry mem[ROOM];
	struct status_view v;
	struct status_now now;
	struct statlist l; /* what is issued next */
	unsigned told;
	struct status_entry tale[2 * ROOM];
};

static inline void key_make(struct world *w)
{
	CHECK_INT(pk_generate(PK_P256, w->scalar, sizeof w->scalar), 32);
	w->key = (struct pk_private){.type = PK_P256, .scalar = span_of(w->scalar, 32)};
	w->pub = (struct pk_public){.type = PK_P256};
	w->pub.point = span_of(w->point, (size_t)pk_point(&w->key, w->point, sizeof w->point));
}

static inline void restart(struct world *w, struct status_seen seen)
{
	memset(w->mem, 0xee, sizeof w->mem);
	status_init(&w->v, w->mem, ROOM, &seen);
}

static inline void begin(struct world *w)
{
	*w = (struct world){.now = {T0, 1000}};
	key_make(w);
	restart(w, (struct status_seen){0, 0, 0});
	w->l = (struct statlist){.kind = STATLIST_FULL, .epoch = 1, .number = 10, .issued = T0};
}

static inline struct status_entry cert(uint8_t key, enum status_state state)
{
	struct status_entry e = {.what = STATUS_CERT, .state = (uint8_t)state};

	memset(e.key, key, sizeof e.key);
	return e;
}

/* text: "1=good" is "1g"; states g, s, r, u (superseded), x (gone); keys are one digit, in order. */
static inline struct span issue(struct world *w, const char *text)
{
	static const char states[] = "?gsrux";
	struct wr b = wr_of(w->bytes, sizeof w->bytes);

	w->l.n = (uint32_t)strlen(text) / 2;
	statlist_write_head(&b, &w->l);
	for (; *text; text += 2) {
		struct status_entry e = cert((uint8_t)(text[0] - '0'),
					     (enum status_state)(strchr(states, text[1]) - states));

		statlist_write_entry(&b, &e);
	}
	CHECK_INT(statlist_seal(&b, 0, &w->key), 0);
	return wr_span(&b);
}

static inline void tell(void *ctx, const struct status_entry *e)
{
	struct world *w = ctx;

	NEED(w->told < ARRAY_LEN(w->tale));
	w->tale[w->told++] = *e;
}

static inline enum status_refusal apply(struct world *w, struct span list)
{
	w->told = 0;
	return status_apply(&w->v, list, &w->pub, w->now, tell, w);
}

static inline enum status_refusal full(struct world *w, uint64_t number, const char *text)
{
	w->l.kind = STATLIST_FULL;
	w->l.base = 0;
	w->l.number = number;
	return apply(w, issue(w, text));
}

static inline enum status_refusal delta(struct world *w, uint64_t base, const char *text)
{
	w->l.kind = STATLIST_DELTA;
	w->l.base = base;
	w->l.number = base + 1;
	return apply(w, issue(w, text));
}

static inline const char *as_text(const struct status_entry *e, size_t n)
{
	static char text[2][4 * ROOM + 1];
	static unsigned turn;
	char *out = text[turn ^= 1];

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = (char)('0' + e[i].key[0]);
		out[2 * i + 1] = "?gsrux"[e[i].state];
	}
	out[2 * n] = 0;
	return out;
}

#define VIEW(w) as_text((w)->v.entry, (w)->v.n)
#define TOLD(w) as_text((w)->tale, (w)->told)

/* A refused list leaves no trace and tells nobody. */
#define REFUSED(w, what, refusal)                                                                  \
	do {                                                                                      \
		struct status_view before_ = (w)->v;                                              \
		struct status_entry mem_[ROOM];                                                   \
		memcpy(mem_, (w)->mem, sizeof mem_);                                              \
		CHECK_STR(status_refusal_name(what), status_refusal_name(refusal));               \
		CHECK(memcmp(&before_, &(w)->v, sizeof before_) == 0 && (w)->told == 0);          \
		CHECK(memcmp(mem_, (w)->mem, sizeof mem_) == 0);                                  \
	} while (0)
#define TAKEN(what) CHECK_STR(status_refusal_name(what), "taken")

#endif
