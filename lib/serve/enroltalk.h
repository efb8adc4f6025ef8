/*
 * enroltalk: one talk of zt-enrol/1 (serve/enrolee) on a loop: the addresses of the authority one after
 * another, or a connection that is there already; TLS; the judgement of who answers (decide/authority)
 * before a byte is said; then frames. It never waits: a role's keeper and the commands (serve/enrolcall)
 * have the same one.
 */
#ifndef ZT_ENROLTALK_H
#define ZT_ENROLTALK_H

#include "enrolee.h"
#include "identity.h"
#include "io/dial.h"
#include "io/tls.h"

#define ENROLTALK_ANSWER_MS 20000 /* for an answer; docs/protocol.md, "zt-enrol/1" */
#define ENROLTALK_LIST_MS 45000   /* between two lists: the authority sends one every 15 seconds */
#define ENROLTALK_SHAKE_MS 10000  /* for the handshake: the authority closes then, too */
#define ENROLTALK_IN 32768
#define ENROLTALK_OUT (3 * RECORD_MAX + TLS_ALERT_BYTES) /* a frame of ENROL_MAX and its header's rest */

struct enroltalk;

struct enroltalk_class {
	/* What the enrolee said: GRANTED, PENDING (the talk is over after them), LIST, ANCHORS. Below 0: the
	 * talk is over with this error. asked.at of the enrolee is the time of this frame. It does not end
	 * the talk in another way. */
	int (*said)(struct enroltalk *t, enum enrolee_event ev, const struct enrol *m, struct why *w);
	void (*met)(struct enroltalk *t); /* addr() is the authority; may be NULL */
	/* The connection is closed. rc 0: GRANTED or PENDING was taken; else t->why says it: -ZT_E_DENIED
	 * before -ZT_E_UNREACHABLE when addresses failed in different ways. Once. Another enroltalk_dial()
	 * may follow, but not from inside; the memory is the talk's until the end of the turn. */
	void (*over)(struct enroltalk *t, int rc);
	/* The memory of a talk begun by enroltalk_take() is free again; may be NULL. */
	void (*reaped)(struct enroltalk *t);
};

/* Embed it; zero but for the first part. */
struct enroltalk {
	const struct enroltalk_class *cls;
	struct loop *loop;
	struct dialer *dialer;              /* for enroltalk_dial() */
	struct tls_world *world;
	uint16_t plan;                      /* of the world's, how the authority is met: any certificate */
	const struct identity_where *where; /* tried in this order until one is the authority */
	struct enrolee *e;                  /* e->asked.pins says who the authority is */
	int64_t floor;                      /* wall clock, seconds: never before this */
	/* to be read */
	struct why why;
	bool met;
	/* its own */
	bool busy, taken;
	size_t at;                          /* which address is tried */
	struct dial *dial;
	struct source src;
	struct tls tls;
	struct timer deadline;
	struct tls_in in;
	struct tls_out out;
	uint8_t *frame;                     /* what came and is no whole frame yet; malloc()ed while there is any */
	size_t have, room;
	uint8_t in_mem[ENROLTALK_IN], out_mem[ENROLTALK_OUT];
};

/* over() is called in the end, perhaps before this returns. where has one address at least. */
void enroltalk_dial(struct enroltalk *t);
/* Over a connection that somebody made to us; where->addr[0] is what it is called. fd is the talk's. over(), and then
 * reaped(), may be called before this returns. */
void enroltalk_take(struct enroltalk *t, int fd);
/* At once, with a bye where there is somebody to say it to; no callback but reaped(). Harmless when over. */
void enroltalk_end(struct enroltalk *t);
const char *enroltalk_addr(const struct enroltalk *t);

#endif
