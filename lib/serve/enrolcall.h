/*
 * enrolcall: one talk of zt-enrol/1 (serve/enroltalk) over the network, for a command: with a loop, a dialer
 * and a handshake process of its own. The authority is dialled, or calls (serve/enrolwait). It blocks until
 * that is over.
 */
#ifndef ZT_ENROLCALL_H
#define ZT_ENROLCALL_H

#include "base/clock.h"
#include "decide/config.h"
#include "enrolee.h"
#include "identity.h"

struct enrolcall {
	const char *who;                    /* "zt join", for warnings on stderr */
	const struct identity_where *where; /* tried in this order until one is the authority */
	const char *identity;               /* absolute path of the identity that is shown; NULL: none */
	struct enrolee *e;                  /* e->asked.pins says who the authority is */
	int64_t floor;                      /* wall clock, seconds: never before this */
	/* What the enrolee said, as in enroltalk: GRANTED or PENDING. */
	int (*on)(void *ctx, enum enrolee_event ev, const struct enrol *m, struct why *w);
	void *ctx;
	/* doors > 0: nobody is dialled; here the authority calls, within wait_ms. The descriptors, which listen, are
	 * the call's. PENDING does not end it. missed: somebody called in vain. */
	const int *door;
	size_t doors;
	uint64_t wait_ms;
	void (*missed)(void *ctx, const struct why *w);
};

/* 0: GRANTED or PENDING came and on() took it. Else why not: -ZT_E_DENIED before -ZT_E_UNREACHABLE when
 * addresses failed in different ways. */
int enrolcall_run(struct enrolcall *c, struct why *w);

/* The configuration of a handshake process that meets the authority, whose certificate authority_met() judges:
 * with the identity in dir (absolute), or NULL: without one. -ZT_E_TOOLONG, -ZT_E_CONFIG. */
int enrolcall_conf(struct conf **out, const char *dir, struct why *w);

#endif
