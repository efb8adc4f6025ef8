/*
 * duct: one end of a byte connection as its user sees it, whatever carries it: a socket, plain or TLS
 * (io/sockduct), or a stream of a tunnel (io/mux). What arrived is looked at and taken; what leaves is put, as
 * far as there is room. Nothing queues without a bound: what is not taken holds the sender up, end to end.
 *
 * Level-like: the user says what it wants, and is told in event() for as long as there is some of it. event()
 * is called from the loop, never from inside a call of the user's; in it the user may close this duct or any
 * other. A user that wants nothing is still told an end that nothing can follow (RESET and worse), once.
 *
 * What was put leaves with duct_flush() at the latest: the user calls it once, at the end of its event.
 */
#ifndef ZT_DUCT_H
#define ZT_DUCT_H

#include "base/err.h"
#include "base/span.h"

enum { DUCT_IN = 1, DUCT_OUT = 2 }; /* there is something to take, or an end; there is room */

/* How the other side ended what it sends. Everything before it can still be taken after FINISHED and CUT;
 * after the others the duct is dead both ways. */
enum duct_end {
	DUCT_GOING,
	DUCT_FINISHED,  /* it said so: FIN, close_notify, a stream's FIN */
	DUCT_CUT,       /* TLS ended without close_notify: what came may not be all */
	DUCT_RESET,     /* the connection or stream was reset; a stream says more: mux.h */
	DUCT_BROKEN     /* forged or impossible bytes, out of memory, its carrier is gone: duct_why() */
};

struct duct;
struct duct_user {
	void (*event)(struct duct *d, unsigned events);
};

struct duct_class {
	const char *name;
	struct span (*peek)(const struct duct *d);
	void (*take)(struct duct *d, size_t n);
	size_t (*room)(const struct duct *d);
	void (*put)(struct duct *d, struct span s);
	void (*finish)(struct duct *d);
	void (*flush)(struct duct *d);
	void (*want)(struct duct *d);
	void (*close)(struct duct *d, enum zt_err why);
	const char *(*why)(const struct duct *d);
	size_t (*ahead)(const struct duct *d); /* what it has a place for, whosever turn it is; SIZE_MAX: anything */
	bool (*lags)(const struct duct *d);    /* its peer has not taken what was put before. NULL: nobody knows */
};

struct duct {
	const struct duct_class *cls;
	const struct duct_user *user; /* may be changed at any time: a connection's owner changes with its phase */
	uint64_t in, out;             /* bytes taken and put, for logs and limits */
	uint32_t most;                /* it reads no more than this at a time; 0: as it likes */
	uint8_t wants;                /* DUCT_IN | DUCT_OUT, set by duct_want() */
	uint8_t end;                  /* enum duct_end */
	bool finished : 1;            /* we said our end */
	bool deaf : 1;                /* its peer takes nothing more; what it said before may be left. Told once, as DUCT_OUT */
	bool held_up : 1;             /* nobody has a place for what it would read: duct_ahead() */
	bool holds_up : 1;            /* and that is all that DUCT_OUT is waited for: it says so when there is one */
	bool asks : 1;                /* whether it should come faster: duct_ahead() answers */
	bool ahead : 1;               /* no: who it is read for has not sent what it has */
};
_Static_assert(sizeof(struct duct) <= 40, "an idle connection has two or four");
/* Dead both ways: RESET or BROKEN. */
bool duct_dead(const struct duct *d);

/* What has arrived and was not taken, or the first contiguous part of it. Valid until the next call on d. */
struct span duct_peek(const struct duct *d);
void duct_take(struct duct *d, size_t n);
/* Nothing is left to take, and nothing will come. */
bool duct_ended(const struct duct *d);

/* How much duct_put() takes now. A stream has none while it is another stream's turn: want DUCT_OUT. A put may leave less
 * than what it took from it: the first one takes a buffer, and with that they may be short. */
size_t duct_room(const struct duct *d);
size_t duct_put(struct duct *d, struct span s); /* copies; answers how many bytes, at most duct_room() */
bool duct_put_all(struct duct *d, struct span s); /* all or nothing */
void duct_finish(struct duct *d);               /* our end, behind what was put; reading goes on */
void duct_flush(struct duct *d);

void duct_want(struct duct *d, unsigned wants);

/* What d reads is for `to`. While buffers are short it reads no more than `to` has a place for: else all of them would lie
 * under bytes for those who take none. When d->held_up behind this call, want DUCT_OUT of `to`, and ask again when it is
 * told. to NULL: it is for whoever asks. */
void duct_ahead(struct duct *d, struct duct *to);

/* The end, at once: nothing is told afterwards, and nothing may be called. why 0: tidily, as after duct_finish();
 * what was put is still delivered. Else what waits is dropped and the other side sees a reset. The memory is the
 * carrier's to reap. */
void duct_close(struct duct *d, enum zt_err why);
/* Of a DUCT_RESET or DUCT_BROKEN, a sentence without a full stop. */
const char *duct_why(const struct duct *d);

#endif
