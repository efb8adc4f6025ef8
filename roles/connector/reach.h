/*
 * reach: one connection to one origin of a rule, from the dial to the last byte: look-up, connect, PROXY header,
 * TLS, and then a duct. It knows no stream and no health; serving.c and look.c ask it, one origin at a time.
 */
#ifndef ZT_REACH_H
#define ZT_REACH_H

#include "connector.h"
#include "io/sockduct.h"
#include "wire/proxyhdr.h"

struct reach;
struct reach_class {
	const struct duct_user *user;    /* of the duct */
	void (*opened)(struct reach *r); /* duct is there, and wants nothing yet */
	void (*failed)(struct reach *r); /* way.code and words say why; all is as before reach_start() */
	void (*gone)(struct reach *r);   /* opened, or stopped, and over now: its memory is the owner's again */
	/* Who asks, for a PROXY header: from and to of *h. NULL: nobody, it is of our own accord. */
	void (*visitor)(const struct reach *r, struct proxyhdr *h);
};

#define REACH_TLS 1000      /* bytes that it has besides while it speaks TLS, without tls.peer */

struct reach { /* zero, then the first group */
	const struct reach_class *cls;
	struct connector *c;
	struct ways *ways;      /* the owner holds them */
	uint16_t rule, origin;
	/* its own */
	uint8_t phase;
	struct source src;
	struct reach_tls *tls;  /* of an origin that speaks it, while there is a source */
	union {
		struct reach_try {
			/* the owner's too, before reach_start() */
			const char *name;       /* what a visitor asked for: the name of a unix socket's TLS. "" */
			uint32_t dial_ms;       /* sooner than the rule says; 0: as it says */
			/* the answer, when it is not opened */
			uint16_t code;          /* enum frame_reset */
			const char *words;      /* until the next beginning, or failed() returns */
			/* its own */
			struct dial *dial;
			struct reach *next;     /* among c->asked */
			struct timer limit;
			uint32_t id, plan_epoch;
			int plan;
		} way;
		struct sockduct duct;           /* while reach_is_open() */
	};
};
bool reach_is_open(const struct reach *r); /* since opened(), until gone() */

/* 0; < 0 with code and words: it cannot even begin, and nothing is called. */
int reach_start(struct reach *r);
/* At once, whatever it is at. true: over already. false: gone() follows. */
bool reach_stop(struct reach *r);
/* Of a failure: does it say something about the origin? Not when it was a bound of ours, another configuration, or an edge
 * that gave it less time than the rule does. */
bool reach_tells(const struct reach *r);
const struct ingress_way *reach_way(const struct reach *r);
const char *reach_service(const struct reach *r); /* the origin as it was written */

#endif
