/*
 * mux_int: what the files of mux share: mux.c (its life), mux_in.c (what arrives), mux_out.c (what leaves, and whose turn
 * it is), mux_table.c (all streams, and their memory), mux_stream.c (one as a duct), mux_kept.c (bytes that wait),
 * mux_tls.c (records). Nobody else includes it but tests, which put a carrier of their own in the place of TLS.
 */
#ifndef ZT_MUX_INT_H
#define ZT_MUX_INT_H

#include "base/pool.h"
#include "decide/strm.h"
#include "decide/window.h"
#include "mux.h"

/* ---- bytes that wait, in chunks under BOUND_TUNNEL_KEPT ------------------------------------ */

struct mux_chunk;
struct mux_kept {
	struct mux_chunk *tail; /* whose next one is the first */
	uint32_t n;             /* no window is larger */
	uint32_t took_at;       /* when the stream's user last took some of it, or it was empty: mux_ticks() */
};
bool kept_push(struct bounds *b, struct mux_kept *k, struct span s, uint64_t leave); /* all or nothing; leaves so many chunks */
struct span kept_peek(const struct mux_kept *k);
size_t kept_copy(const struct mux_kept *k, uint8_t *out, size_t n); /* the first n, or all */
void kept_take(struct bounds *b, struct mux_kept *k, size_t n);

/* ---- what carries it ----------------------------------------------------------------------- */

struct mux_carrier {
	ssize_t (*read)(struct mux *m);              /* as tls_read(), into m->in */
	int (*seal)(struct mux *m, uint8_t *mem, size_t n); /* plaintext at mem + head; bytes of the record, or -ZT_E_RANGE */
	ssize_t (*send)(struct mux *m);              /* as tls_out_send(), of m->out */
	void (*bye)(struct mux *m);
	const char *(*end)(const struct mux *m, bool *clean); /* of what read() called over */
	void (*pace)(struct mux *m);                 /* m->pace has changed. NULL: it is all of out, always */
	void (*path)(struct mux *m);                 /* m->rtt or m->typed_ns has changed. NULL: it does not matter */
};
/* mux_new() is this with records of o->tls. head and most: of a record's plaintext. */
struct mux_carried {
	const struct mux_carrier *by;
	void *ctx;
	size_t head, most;
};
int mux_new_over(struct mux **out, const struct mux_opts *o, const struct mux_carried *c);

/* ---- streams ------------------------------------------------------------------------------- */

struct stream_state {
	struct stream s;                        /* first */
	struct stream_state *chain;             /* of its hash; then of those whose memory is to be freed */
	struct stream_state *turn_next, *eager_next;
	char *words;                            /* of its reset; NULL: those of the code */
	struct window_in in;
	struct window_out out;
	struct mux_kept kept;
	uint32_t quantum;
	uint32_t burst, burst_at;               /* bytes, as far as it matters; since when: mux_ticks() */
	uint8_t state;                          /* enum strm_state */
	bool mine : 1, closed : 1, found : 1;   /* closed: by its user; found: in the hash, it counts */
	bool queued : 1, eager : 1, fin_due : 1, told_end : 1;
	bool small : 1;                         /* the last frame that came: mux_in.c */
};
_Static_assert(sizeof(struct stream_state) <= 208, "thousands are idle");

/* Of a millisecond, nearly: they come round after 52 days, and then one burst more counts as fresh. */
static inline uint32_t mux_ticks(uint64_t ns)
{
	return (uint32_t)(ns >> 20);
}

/* Most streams have the name of others, and share it. */
struct mux_name {
	uint32_t users;
	char text[];
};
#define MUX_NAMES 16

struct stream_line {
	struct stream_state *head, *tail;
	size_t n;
};

/* DATA of one stream, frame after frame of one read: its user is told once, and what it passes on leaves together. */
#define MUX_RUN 8
struct mux_run {
	struct stream_state *of;
	struct span part[MUX_RUN];              /* where they were opened */
	uint8_t first, n;                       /* [first, n) were not taken yet */
};

enum { LINE_FRESH, LINE_BULK };
#define MUX_QUIET UINT64_C(500000000) /* silence for so long is looked into when a stream is opened */
#define MUX_TYPED UINT64_C(1000000000) /* so long somebody who has typed goes on doing so */
#define BULK_TURN (4 * FRAME_PAYLOAD) /* a batch: what arrives in one read is passed on with one call */
#define MUX_HASH 256 /* at first; four times as many when there are four streams for each */
#define MUX_LOST 8
#define MUX_MESSAGES 2

struct mux_message {
	uint8_t *mem;
	size_t n, at;
	uint16_t kind;
};

struct mux {
	struct mux_opts o;
	struct mux_carried c;
	struct timer tick;
	struct tls_in in;
	struct tls_out out;
	size_t rec;                             /* plaintext of the record that is being filled, at out.tail */
	struct stream_state *last;              /* whose DATA is the last frame of it, */
	size_t last_at;                         /* which begins here */
	bool blocked;                           /* the socket has not taken all that is sealed, or must say first that it */
	uint64_t blocked_ns;                    /* has room again; since then */
	bool room;                              /* it has said so, in this turn */
	unsigned unread;                        /* what may wait unread in the socket; 0: what the kernel thinks */
	uint64_t typed_ns;                      /* the last time, to half of MUX_TYPED, that a few bytes came of a stream that is no bulk */
	size_t pace, unsure;                    /* bytes of a batch; those sent since it said so last */
	struct mux_run run;
	struct mux_kept control;                /* frames, whole, in order */
	struct mux_message say[MUX_MESSAGES], hear;
	struct frame_hello peer;
	bool heard_hello, left, peer_left;
	struct mux *kin_prev, *kin_next;        /* of o.kin */
	struct window_in win_in;
	struct window_out win_out;
	struct window_rtt rtt;
	struct window_rate opens, noise;
	struct strm_ids ids;
	uint32_t lost[MUX_LOST];                /* the peer's, refused without memory for them, until it has answered; 0: none */
	uint64_t born_ns, heard_ns, said_ns, ping_ns, ping, leave_ns, now; /* ping_ns 0: none on its way; said_ns: the socket took something */
	bool pinging;
	struct pool pool;
	struct stream_state **hash, *dead;      /* dead: nobody needs them any more */
	size_t hashes;
	uint64_t mix;                           /* random and odd: which number is in which chain */
	struct mux_name *name[MUX_NAMES];       /* the last one of each hash */
	struct stream_line line[2], eager;
	struct stream_state *turn;
	unsigned fresh_turns;
	size_t mine, theirs;                    /* streams in the hash; */
	size_t forsaken;                        /* of these: closed by their users, the peer's end is waited for; */
	size_t forsaken_then, late;             /* of those, as the peer answers in order: since the last tick; the one before */
	enum mux_over why;
	bool dying, over, busy;
	const char *words;
	struct mux_stats stats;
};

void mux_die(struct mux *m, enum mux_over why, const char *words); /* words live on; the first one counts */
void mux_ping(struct mux *m); /* unless one is on its way */
void mux_kick(struct mux *m);                                      /* mux_ready() in the next turn */

size_t mux_of_all(const struct mux *m, size_t (*of)(const struct mux *k)); /* kin of whoever is behind m, together */
struct mux *mux_with_most(struct mux *m, size_t (*of)(const struct mux *k)); /* of whom that is most; m: of nobody more than of m's */

void mux_message_free(struct mux_message *g); /* of say */

/* mux_in.c */
void mux_hear(struct mux *m); /* reads once, and does what it says */
void mux_heard_free(struct mux *m); /* what has come of a message */

/* mux_out.c */
bool mux_say(struct mux *m, uint8_t type, uint32_t stream, struct span payload); /* a control frame */
void out_control(struct mux *m);
void mux_write(struct mux *m);
void mux_last_words(struct mux *m);
size_t out_room(const struct mux *m, const struct stream_state *st);
size_t out_ahead(const struct stream_state *st); /* a place for at least a record, or 0 */
void out_put(struct mux *m, struct stream_state *st, struct span s);
bool out_fin(struct mux *m, struct stream_state *st);
bool out_idle(const struct mux *m);
bool out_waiting(const struct mux *m); /* a stream has a use for a turn, and the connection credit */
void out_queue(struct mux *m, struct stream_state *st); /* if there is anything that it could do with a turn */

/* mux_table.c */
struct stream_state *stream_make(struct mux *m, uint32_t id, bool mine, const char *name);
struct stream_state *stream_find(const struct mux *m, uint32_t id);
void stream_over(struct mux *m, struct stream_state *st); /* its state is CLOSED: it counts no more */
bool stream_scarce(const struct mux *m); /* no more than what refusals need is left */
void stream_reap(struct mux *m);
void stream_free_all(struct mux *m);
void stream_dead(struct mux *m, struct stream_state *st); /* closed by its user, and over: once */
bool streams_init(struct mux *m);

/* mux_stream.c */
extern const struct duct_class stream_class;
void stream_tell(struct stream_state *st, unsigned events);
void stream_tell_reset(struct stream_state *st, const struct frame_resets *r);
void stream_data(struct mux *m, struct stream_state *st, struct span s, bool fin);
void stream_run_over(struct mux *m); /* what was gathered is for its user now */
void stream_given_back(struct mux *m, uint64_t n); /* to the connection's credit */
void stream_credit_again(struct mux *m); /* says what the connection has already */
void stream_eager(struct mux *m);
void stream_cut(struct mux *m, struct stream_state *st, enum frame_reset code, const char *text);

#endif
