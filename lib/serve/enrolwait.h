/*
 * enrolwait: who joins and cannot dial home waits for home to call (docs/protocol.md, "An edge, called from home"):
 * it listens, and to whoever connects it is the joiner of zt-enrol/1 (serve/enroltalk), until one of them is the
 * authority and has answered. Anybody can connect. He is shown a TLS hello, has ENROLTALK_SHAKE_MS to prove that he
 * is the authority, and one of few places, which he loses to who comes later.
 */
#ifndef ZT_ENROLWAIT_H
#define ZT_ENROLWAIT_H

#include "base/bounds.h"
#include "enroltalk.h"

#define ENROLWAIT_CALLERS 16 /* at once; one more takes the place of the one that has been here longest */
#define ENROLWAIT_EACH 2     /* the same from one address (IPv4) or /64 (IPv6) */

struct enrolwait;
struct enrolwait_caller;

struct enrolwait_class {
	/* GRANTED: take it, and the wait is over. PENDING: it goes on, somebody has to say yes and call again. */
	int (*said)(struct enrolwait *w, enum enrolee_event ev, const struct enrol *m, struct why *why);
	/* Somebody has called and was not the authority, or did not come to an end; the wait goes on. */
	void (*missed)(struct enrolwait *w, const struct why *why);
	/* Once. 0: GRANTED was taken; else the authority has refused, or said() has. */
	void (*over)(struct enrolwait *w, int rc, const struct why *why);
};

/* Embed it; zero but for the first part. */
struct enrolwait {
	const struct enrolwait_class *cls;
	struct loop *loop;
	struct tls_world *world; /* plan 0: as enroltalk.plan */
	int64_t floor;
	struct enrolee *e;       /* each caller is met by a copy; asked_for and refused are written back */
	/* its own */
	struct enrolwait_door {
		struct listener l;
		struct enrolwait *w;
	} door[BOUND_CAP(BOUND_LISTENERS)];
	size_t doors;
	struct enrolwait_caller *first; /* the newest */
	size_t callers;
};

/* fds listen, at most BOUND_LISTENERS of them; they are the wait's, also when this fails. */
int enrolwait_start(struct enrolwait *w, const int *fds, size_t n);
/* At once, no callback follows. The loop frees what is left, so w lives as long as it does. */
void enrolwait_end(struct enrolwait *w);

#endif
