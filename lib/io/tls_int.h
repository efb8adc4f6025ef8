/*
 * tls_int: what the files of tls share. tlsworld.c owns what all connections have in common,
 * tlsline.c the lines to tlsd, tls.c the beginning and the end of one handshake, tlspeer.c what
 * its peer sends, tlstalk.c what tlsd says about it, tlscheck.c the second look at what came out
 * of it, tlsdata.c the bytes afterwards.
 */
#ifndef ZT_TLS_INT_H
#define ZT_TLS_INT_H

#include "base/buf.h"
#include "base/pool.h"
#include "cas.h"
#include "decide/budget.h"
#include "tls.h"
#include "wire/flight.h"

#define SHAKES BOUND_CAP(BOUND_TLS_SHAKES)
#define SHAKE_SMALL 4096        /* nearly every hello and every client's flight fits */
#define SHAKE_LARGE TLSMSG_MAX  /* a large hello, or a flight that the peer does not take yet */
#define SHAKE_PATIENCE NS_PER_S /* with a peer, once slots get scarce: a lost packet is sent again in less */
_Static_assert(SHAKE_SMALL >= 2 * TLS_BEFORE, "what was read before leaves room for a record");
#define TLS_LINES 8             /* reloads whose handshakes are not over yet; the oldest gives way */

/* First in, first out; a shake is in one queue at most. */
struct shake_queue {
	struct tls_shake *first, **end;
};

enum shake_stage {
	SHAKE_HELLO,   /* the ClientHello is not whole */
	SHAKE_WAITING, /* in world->waiting: no tlsd has it yet */
	SHAKE_RUNNING, /* tlsd has it */
	SHAKE_STUCK,   /* tlsd has it; in line->blocked until the line takes what is ready */
	SHAKE_DONE,    /* over, but the peer has not taken the last flight; DONE is in `done` */
	SHAKE_CANCEL   /* t is gone; in line->blocked until the line takes the CANCEL */
};

struct tls_shake {
	struct tls *t;
	struct tls_world *world;
	struct tls_line *line;  /* that it was handed over to */
	struct shake_queue *queue;
	struct tls_shake *next; /* in queue */
	struct timer deadline;
	uint64_t owed;          /* since when the peer owes us something; 0: it does not */
	bool hurried;           /* its slot was needed: the deadline is now */
	uint32_t id;
	uint8_t stage;
	/* what was asked */
	uint8_t ask;            /* enum tls_ask */
	uint16_t plan;
	bool resume, insecure, want_chain, named;
	struct addr ip;         /* family 0: none */
	char name[TLS_NAME], alpn[TLS_ALPN];
	uint8_t pins[TLS_PINS][32];
	size_t npins;
	uint8_t use;            /* enum leaf_use: what the peer's certificate is for */
	unsigned roles;         /* that the peer's certificate may have; 0: any, and none */
	bool role_is_name;
	struct cas *cas;        /* held */
	/* what went to and fro */
	struct flight flight;
	bool ccs_out, alert_out;         /* tlsd has made our side's ChangeCipherSpec; an alert */
	bool refused;                    /* the peer sent a fatal alert in clear: */
	uint8_t refusal;
	uint32_t sealed_in, sealed_out;  /* records behind it */
	uint8_t *in;                     /* [0, ready): whole records; [ready, have): part of one */
	size_t in_cap, have, ready;
	struct buf out;                  /* for the peer, when its socket is full */
	struct buf done;                 /* secret */
	size_t before;                   /* bytes read before it began that were not looked at yet, at the end of small */
	uint8_t small[SHAKE_SMALL];
};

struct tls_line {
	struct source src;
	struct tls_world *world;
	struct tls_line *next;       /* older */
	uint32_t epoch;
	unsigned users;              /* shakes that were handed over to it */
	bool broken;                 /* to be buried by its own callback, where failed() may be called */
	struct shake_queue blocked;
};

struct tls_world {
	struct loop *loop;
	struct log *log;
	uint64_t shake_ns;
	int64_t floor;
	const struct tls_plan *plan;
	uint32_t epoch;
	uint32_t refusals;           /* of servers; part of where a session is kept, see session_key() */
	struct tls_line *lines;      /* newest first */
	struct shake_queue waiting;
	struct pool shakes, flights, peers;
	struct tls_shake *slot[SHAKES];
	uint16_t generation[SHAKES], free[SHAKES]; /* free: a stack of slots */
	size_t nfree;
	struct tls_stats stats;
	struct budget budget;
	uint8_t hello[BOUND_CAP(BOUND_HELLO_BYTES)];
	uint8_t said[TLSMSG_MAX], heard[TLSMSG_MAX];
};

/* Of the record that begins at mem and is not whole, n bytes being there: bytes up to where more can
 * be said about it, the end of its header or its own. 0: it is whole. */
static inline size_t record_rest(const uint8_t *mem, size_t n)
{
	size_t need = n < RECORD_HEADER ? RECORD_HEADER : record_need(mem, n);

	return need > n ? need - n : 0;
}

/* ---- tlsworld.c ---- */
struct tls_shake *shake_new(struct tls_world *w, struct tls *t);  /* NULL: full */
void shakes_hurry(struct tls_world *w);    /* one more is about to come: is there somebody to end for it? */
void shake_delete(struct tls_shake *sh);   /* out of its queue and line, all memory back */
bool shake_large(struct tls_shake *sh, struct buf *b); /* give b SHAKE_LARGE bytes; false: none left */
void shake_small(struct tls_shake *sh, struct buf *b); /* and back, whatever is inside */
void queue_push(struct shake_queue *q, struct tls_shake *sh);
void queue_unshift(struct shake_queue *q, struct tls_shake *sh);  /* it was the first and stays it */
struct tls_shake *queue_pop(struct shake_queue *q);               /* NULL: empty */
void queue_leave(struct tls_shake *sh);                           /* harmless when in none */

/* ---- tlsline.c ---- */
/* 0; -ZT_E_AGAIN: full; -ZT_E_CLOSED: dead, its callback will come; -ZT_E_BUG: cannot be said. */
int line_say(struct tls_line *l, const struct tlsmsg *m);
void line_leave(struct tls_shake *sh); /* it needs its line no more */
struct tls_line *line_current(const struct tls_world *w); /* for new handshakes; NULL: none */
void line_touch(struct tls_world *w);    /* somebody waits for the current one */
void line_tidy(struct tls_world *w);     /* close what nobody will need again */
void line_close_all(struct tls_world *w);

/* ---- tls.c. After the last four sh is gone, and t may be ---- */
#define WORDS 640 /* a struct why and a fault's text */
const char *fault_words(char out[static WORDS], enum tls_fault f, const char *detail);
#define ALERT_WORDS 96 /* the name of an alert and its number */
const char *alert_words(char out[static ALERT_WORDS], uint8_t alert);
/* To the peer's socket, as much as it takes; false: the socket is dead. */
bool shake_send(struct tls_shake *sh, struct span s, size_t *gone);
/* Nothing of it is wanted any more; the owner is not called. told: tlsd has ended it already. */
void shake_cancel(struct tls_shake *sh, bool told);
bool shake_end(struct tls_shake *sh, enum tls_fault f, uint8_t alert, bool told, const char *words);
bool shake_fail(struct tls_shake *sh, enum tls_fault f, const char *detail); /* detail: may be NULL */
bool shake_gone(struct tls_shake *sh); /* the peer is; it may have said why */
bool shake_fail_saying(struct tls_shake *sh, enum tls_fault f, const struct why *why);
void shake_told(struct tls_shake *sh, enum tls_fault f, uint8_t alert, const char *detail);

/* ---- tlspeer.c ---- */
bool shake_reads(const struct tls_shake *sh); /* does it want anything from the peer now? */
bool shake_read(struct tls_shake *sh);        /* false: sh is gone */

/* ---- tlstalk.c. sh may be gone afterwards ---- */
/* 0; -ZT_E_AGAIN: the line is full, sh waits on; -ZT_E_CLOSED: sh is gone. */
int shake_hand_over(struct tls_shake *sh);
int shake_resume(struct tls_shake *sh);
bool shake_hand_ready(struct tls_shake *sh); /* the records that are ready; false: sh is gone */
void shake_heard(struct tls_shake *sh, const struct tlsmsg *m, struct span packet);
void shake_finish_kept(struct tls_shake *sh);/* the flight before DONE has left */
void shake_lost(struct tls_shake *sh);       /* its line is dead */
void shake_orphan(struct tls_shake *sh);     /* the same when nobody can be told any more */

/* ---- tlscheck.c ---- */
/* Does what tlsd says agree with what was asked and seen? The records may be set up if so. */
enum tls_fault check_claims(const struct tls_shake *sh, const struct tlsmsg_done *d, struct why *why);
/* The certificate, and *out. */
enum tls_fault check_peer(const struct tls_shake *sh, const struct tlsmsg_done *d, struct tls_peer *out,
			  struct why *why);

#endif
