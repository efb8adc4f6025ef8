/*
 * raw: what raw.c (one connection whose bytes are passed on unread) and raws.c (all of them) share.
 */
#ifndef ZT_RAW_H
#define ZT_RAW_H

#include "io/couple.h"
#include "io/sockduct.h"
#include "upstream.h"

enum raw_state { RAW_OPENING, RAW_OPEN, RAW_OVER };
enum raw_kind { RAW_TCP, RAW_PASS, RAW_ENROL };
enum { BY_EDGE = COUPLE_NEITHER };

struct raw {
	struct source src;
	struct sockduct sock;
	struct couple couple;
	struct edge *e;
	struct site *site;                  /* service is of it */
	const struct conf_service *service; /* NULL: zt-enrol/1 */
	struct upstream *up;
	uint16_t *seat;
	const struct tunnel *tried;         /* to be compared, and nothing else */
	struct addr peer;
	uint64_t began;
	uint64_t until;                     /* its service is gone: so long it may finish; 0: it stays */
	const char *connector;              /* the tunnel's own: as long as up is one of its streams */
	const char *name;                   /* what is looked up in rules: the configuration's, unless it owns it */
	uint32_t epoch;
	int16_t rule;                       /* -1: none */
	uint8_t kind, state, tries, decision; /* enum policy_reason */
	bool held;                          /* no tunnel is there yet, of a worker that has just begun: held.c */
	bool owns;                          /* passed on: name is the hello's, as it is looked up, and behind it as it was said */
	char id[EDGE_ID];
};
_Static_assert(sizeof(struct raw) <= 344, "thousands are silent");
_Static_assert(BOUND_CAP(BOUND_INGRESS) <= INT16_MAX, "the number of a rule fits");

/* err 0: what was put is still delivered. */
void raw_over(struct raw *k, unsigned by, const char *fault, enum zt_err err);
void raw_open_way(struct raw *k); /* also once more, of one that is held */

/* ---- raws.c ----------------------------------------------------------------------------------------------- */

uint32_t raw_idle_ms(const struct raw *k);
void raws_look_at(struct edge *e, uint64_t at_ns); /* one of them may be over then; UINT64_MAX: none */
bool raws_may_enrol(const struct edge *e, const struct addr *peer); /* so many from this address, and of all */

#endif
