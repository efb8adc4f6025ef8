/*
 * exchange_int: what the files of exchange share: exchange.c (its life),
 * exchange_head.c (heads as they come in), exchange_way.c (what is decided, where it goes),
 * exchange_pass.c (heads and bodies between visitor and origin), exchange_say.c (answers of our own, the log).
 * Nobody else includes it.
 *
 * One is small, because a WebSocket keeps it for hours. What a request needs while it is a request lies in an arena
 * of its own; heads are read and written on one desk of the process, which belongs to whoever is called now.
 */
#ifndef ZT_EXCHANGE_INT_H
#define ZT_EXCHANGE_INT_H

#include "decide/forward.h"
#include "exchange.h"
#include "io/couple.h"
#include "serve/accesslog.h"
#include "serve/answer.h"
#include "wire/urlpath.h"

enum { NEAR, FAR, SIDES }; /* the visitor, the origin: of ducts, of heads, of bodies by where they come from */

enum phase { X_HEAD, X_ASKING, X_PASSING, X_ANSWERING, X_TUNNEL };

#define EXCHANGE_SPARES 64 /* 256 KiB stay with an edge that was busy */

struct desk {
	struct httpreq req;
	struct httpresp resp;
	uint8_t path[3 * HTTP_LINE]; /* urlpath_canon(): 3 bytes for each */
	uint8_t out[FORWARD_HEAD];
	struct arena spare[EXCHANGE_SPARES];
	size_t spares;
};

/* A head on its way in. */
struct gather {
	struct httpscan scan;
	uint16_t n, cap;
	uint8_t *p; /* in the arena; NULL while all of it is still in the duct */
};

/* Rendered, and no room for it yet. */
struct rest {
	struct span left;
	uint8_t small[48]; /* a chunk of a few bytes with its frame */
};
#define CHUNK_FRAME (HTTPCHUNK_OPEN + 2)
#define CHUNK_SMALL 16 /* payload of a chunk that goes through rest: 48 are enough with the frame of 20 */

/* Heads, decoded: at most the two of a request, all interim ones, each once more while it waits for room. */
#define EXCHANGE_MEM (8 * HTTP_HEAD + 2 * FORWARD_HEAD)

struct exchange {
	const struct exchange_of *of;
	struct edge *e;
	struct duct *near, *far;
	struct upstream *up;
	struct site *site;         /* what was decided by */
	struct duct_user user[SIDES];
	struct timer timer;
	uint64_t began, moved_at, moved;
	uint64_t delivered;        /* by the way to the origin, when this request began */
	struct tunnel *tunnel;     /* it was tried on; for comparison alone */
	const struct rule *with;   /* what it asks of the head; valid while the way is being opened, in one turn */
	const char *decision, *fault; /* "" so far */
	uint32_t epoch;            /* of the rule's table, else of the configuration */
	int32_t rule;
	uint16_t status;
	uint8_t phase, interims;
	bool known;                /* by a certificate */
	bool ambiguous;            /* its path */
	bool reached;                /* some of it may have come to its origin: no other one may have it */
	bool retried, taken, reused; /* taken: bytes of the body were taken from the visitor; reused: on a kept upstream */
	bool told;                 /* 100 Continue */
	bool overtaken;            /* the way to it, by a reload */
	bool held;                 /* X_ASKING: no tunnel is there yet, of a worker that has just begun: held.c */
	bool replied;              /* the head of the answer was put */
	bool keep, origin_keeps;   /* the visitor's connection, the origin's */
	char id[EDGE_ID], connector[65];
	union {
		struct passing {
			struct arena mem;
			struct gather head[SIDES];
			struct rest rest[SIDES];      /* towards this side */
			struct httpbody body[SIDES];
			uint8_t sent_as[SIDES];       /* enum httpbody_kind, of the body from this side */
			bool ended[SIDES];            /* its last chunk was written */
			const struct httpreq *req;    /* as much of its fields as there are */
			struct span path, type, location;
			uint64_t answered;            /* bytes of the body of an answer of our own */
			uint64_t owed_since, owed_at; /* since when all waits for the visitor, 0: it does not; his bytes then */
			uint64_t acked;               /* of a reader who seemed too slow: what his kernel had then; 0: he did not */
		} p;
		struct tunnelled {
			struct couple couple;
			uint64_t in, out;             /* the visitor's bytes before it */
			char host[HTTPHOST_MAX + 1];
		} t;
	};
};
_Static_assert(sizeof(struct exchange) <= EXCHANGE_BYTES, "an open WebSocket is small");

/* ---- exchange.c ------------------------------------------------------------------------------ */

/* As much as there is room for at once, the rest as soon as there is more. Nothing may be left from before. false: no
 * memory for it. */
bool exchange_put(struct exchange *x, unsigned to, struct span s);
void exchange_forget(struct edge *e, struct arena *mem); /* of a request that is over */
bool exchange_arm(struct exchange *x, uint64_t after_ns);
/* The ends of an exchange; x is gone. */
void exchange_over(struct exchange *x, bool keep);
void exchange_cut(struct exchange *x, const char *fault); /* the visitor must not take what came for all there is */
/* The way to the origin is being opened. Who has gone meanwhile needs none: x may be gone. */
void exchange_wait(struct exchange *x);
void exchange_drop_far(struct exchange *x, enum zt_err why);
bool exchange_near_gone(const struct exchange *x); /* no answer reaches the visitor any more */

/* ---- exchange_head.c ------------------------------------------------------------------------- */

/* The whole head of this side: > 0 its bytes, *untaken of which are in the duct still, for the caller to take; ZT_MORE;
 * or an error, with scan.refusal set when it is the head's. */
int exchange_gather(struct exchange *x, unsigned side, struct span *head, size_t *untaken);
void exchange_read(struct exchange *x);   /* the visitor's, as much as there is of it; x may be gone */

/* ---- exchange_way.c -------------------------------------------------------------------------- */

void exchange_decide(struct exchange *x); /* its head is read; x may be gone */
/* Its way to the origin has failed: another one, an answer, or the cut of one that has begun. */
void exchange_lost(struct exchange *x, unsigned code, const char *text, bool unreached);
bool exchange_may_repeat(const struct exchange *x); /* while not a byte of an answer has come */

/* ---- exchange_pass.c --------------------------------------------------------------------------- */

/* The way is open: the head goes out, and whatever is here already. x may be gone. */
void exchange_begin_passing(struct exchange *x);
/* Moves what can be moved, and ends it when that was all. x may be gone. */
void exchange_step(struct exchange *x);
/* The time over which it is counted how much a visitor moves. */
uint64_t exchange_slow_after(const struct exchange *x);
/* Of what an exchange holds others could have use: while that is so, a visitor for whom alone it waits, to send his body
 * or to take the answer, moves a KiB a second or makes room. Who waits for the origin is not meant. */
bool exchange_is_too_slow(struct exchange *x, uint64_t now);

/* ---- exchange_say.c ---------------------------------------------------------------------------- */

/* Each of them ends what goes on with an answer of our own, if none was begun. x may be gone. */
void exchange_refuse(struct exchange *x, enum policy_reason r);
void exchange_malformed(struct exchange *x, enum http_refusal r);
void exchange_bad_origin(struct exchange *x, const char *reason, const char *words);
void exchange_of_reset(struct exchange *x, unsigned code, const char *text);
void exchange_late(struct exchange *x);       /* the visitor: 408 */
void exchange_full(struct exchange *x);
void exchange_of_rule(struct exchange *x, const struct rule *rule); /* http_status:N, hello_world */
void exchange_answering(struct exchange *x);  /* there is room again */
void exchange_log(struct exchange *x);

#endif
