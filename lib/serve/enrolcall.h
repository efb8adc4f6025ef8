/*
 * enrolcall: one talk of zt-enrol/1 (serve/enroltalk) over the network, for a command: with a loop, a dialer
 * and a handshake process of its own. It blocks until the talk is over.
 */
#ifndef ZT_ENROLCALL_H
#define ZT_ENROLCALL_H

#include "base/clock.h"
#include "enrolee.h"
#include "identity.h"

struct enrolcall {
	const char *who;                    /* "zt join", for warnings on stderr */
	const struct identity_where *where; /* tried in this order until one is the authority */
	const char *identity;               /* absolute path of identity.pem, to be shown; NULL: none */
	struct enrolee *e;                  /* e->asked.pins says who the authority is */
	int64_t floor;                      /* wall clock, seconds: never before this */
	uint64_t until_ns;                  /* monotonic: over then with -ZT_E_CANCELLED; 0: never */
	/* What the enrolee said: GRANTED, PENDING (the talk is over after them), LIST, ANCHORS. Below 0: the
	 * talk is over with this error. asked.at of the enrolee is the time of this frame. */
	int (*on)(void *ctx, enum enrolee_event ev, const struct enrol *m, struct why *w);
	void (*opened)(void *ctx, const char *addr); /* this address is the authority; may be NULL */
	void *ctx;
};

/* 0: GRANTED or PENDING came and on() took it. -ZT_E_CANCELLED: until_ns, or SIGTERM or SIGINT came, and
 * *signalled is set. Else why not: -ZT_E_DENIED before -ZT_E_UNREACHABLE when addresses failed in different
 * ways. signalled: NULL when signals are not waited for and end the process. */
int enrolcall_run(struct enrolcall *c, bool *signalled, struct why *w);
/* Between two talks: true when SIGTERM or SIGINT came. */
bool enrolcall_pause(uint64_t ms);

#endif
