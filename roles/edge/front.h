/*
 * front: what front.c (one connection of the public port) and fronts.c (all of them, under a configuration and within
 * the places that there are) share.
 */
#ifndef ZT_FRONT_H
#define ZT_FRONT_H

#include "decide/share.h"
#include "exchange.h"
#include "io/sockduct.h"
#include "serve/accesslog.h"
#include "standing.h"

enum front_state { FRONT_SHAKE, FRONT_IDLE, FRONT_BUSY, FRONT_OVER };

struct front {
	struct source src;
	struct tls tls;
	struct sockduct sock;
	struct timer idle;
	struct front *prev, *next;
	struct fronts *in;        /* the list it is in; NULL: none */
	struct exchange *x;
	struct upstream *kept;
	uint16_t *seat;
	struct site *site;        /* of.plan is of it */
	struct exchange_of of;
	struct access_tls shown;
	struct standing cert;
	uint8_t state;
	bool gone;                /* its host is not written any more: what runs is bounded by idle */
};

SHARE_IS(SHARE_VISITOR, sizeof(struct front) + sizeof(struct tls_peer) + EXCHANGE_BYTES + 2 * SHARE_WAY + 3 * SHARE_SLOT);

#define FRONT_GONE "its host is gone, or asks for another certificate now"

/* err 0: tidily. The exchange is over already, or was never there. */
void front_close(struct front *f, enum zt_err err);
void front_end(struct front *f, enum zt_err err, const char *why);

/* ---- fronts.c ---------------------------------------------------------------------------------------------- */

void front_leaves(struct front *f); /* the list it is in */
void front_joins(struct front *f, struct fronts *l); /* as the last, wherever it was */
/* With the last sixteenth of the slots, whoever has asked for nothing longest goes: who comes finds one. */
void fronts_make_room(struct edge *e);
/* May it go on at all under the site in force? Demands on its certificate may be others now, and nobody asks for
 * one again: what is not exactly as it was ends after what runs, and at once when other authorities count now, because
 * which of them gave the certificate is not known any more. */
bool front_may_stay(struct front *f);

#endif
