/*
 * front: what the files of ca-front share: the network side of the authority. Every socket and no key:
 * it moves bytes, keeps time and order, and asks ca-sign (serve/caline) for everything that counts.
 *
 *   front.c        the child: configurations, listeners, links, drain, counters
 *   front_peer.c   one connection from accept to close, and which protocol it speaks
 *   front_io.c     bytes of one connection, plain or TLS, on memory that is there only while they flow
 *   front_http.c   HTTP: anchors, revocation lists, the status list, health
 *   front_enrol.c  zt-enrol/1: joins and renewals (serve/enrold)
 *   front_watch.c  zt-enrol/1: who watches the status list
 */
#ifndef ZT_CA_FRONT_H
#define ZT_CA_FRONT_H

#include "base/pool.h"
#include "decide/budget.h"
#include "io/child.h"
#include "io/doors.h"
#include "io/tls.h"
#include "serve/cadocs.h"
#include "serve/enrold.h"
#include "wire/httpget.h"

#define FRONT_FIRST (10 * NS_PER_S) /* for the first request, whole; for PROOF */
#define FRONT_CROWDED (3 * NS_PER_S)/* the same while half of all places are taken */
#define FRONT_LINGER (2 * NS_PER_S) /* the peer takes the last bytes before a reset could eat them */
#define FRONT_SLOWEST 16384         /* bytes a second that who is sent something must take, after ... */
#define FRONT_SEND (30 * NS_PER_S)
/* Enrolments and renewals of one address: each costs ca-sign a signature and a write to disk. Behind an
 * edge that passes them on, all have the edge's address. */
#define FRONT_RATE 5
#define FRONT_BURST 60

struct peer;

struct front_stats {
	uint64_t accepted, http, joined, renewed, pending, refused, watched, lists;
};

struct front {
	struct child child;
	struct doors tls_doors, http_doors;
	struct tls_world *tls;
	struct tls_plan *plan[2]; /* that in force, and room for the next */
	unsigned plan_at;
	struct caline *line;
	struct cadocs *docs;
	struct budget *budget;    /* of enrolments */
	struct pool conns;
	struct peer *first;       /* every connection */
	struct timer tick;        /* while somebody watches */
	unsigned watchers;
	struct front_stats stats;
};

/* ---- one connection ------------------------------------------------------------------------ */

enum peer_state {
	PEER_SHAKE,  /* TLS handshake */
	PEER_READ,   /* a request, or the next frame */
	PEER_THINK,  /* ca-sign is being asked */
	PEER_SEND,
	PEER_WATCH,  /* nothing to send now */
	PEER_LINGER, /* all is said; until the peer closes */
	PEER_OVER
};
enum peer_after { AFTER_READ, AFTER_WATCH, AFTER_CLOSE }; /* what comes when everything was sent */

/* What is sent: text, then a document. */
struct outgoing {
	uint8_t *head;      /* malloc()ed */
	size_t head_n, at, total;
	struct cadoc *doc;  /* NULL: none */
	const char *pem;    /* label; NULL: in DER */
	uint8_t after;      /* enum peer_after */
};

struct inbox;
struct outbox;

struct peer {
	struct source src;
	struct front *f;
	struct tls tls;
	struct addr peer;
	uint8_t state;
	bool secure, linked, said_bye; /* linked: on f->first */
	struct timer limit; /* of what is going on */
	struct inbox *in;
	struct outbox *out;
	struct outgoing send;
	struct caask *ask;
	struct cadoc_wait wait;
	struct enrolment *enrolment; /* front_enrol.c; NULL: HTTP */
	struct httpget_want {        /* front_http.c, while ca-sign is asked */
		bool head;
		uint8_t what, anchor, pem;
	} want;
	struct peer *prev, *next;
};

/* front_peer.c */
void peer_accepted(struct front *f, int fd, const struct addr *peer, bool secure);
void peer_end_all(struct front *f, const char *why); /* at once */
void peer_drain(struct front *f);  /* watchers go, the rest may finish */
/* The one end: out of every list, a line that says why (NULL: as it should be, none). */
void peer_close(struct peer *c, const char *why);
void peer_set(struct peer *c, enum peer_state s, uint64_t limit_ns); /* limit 0: none */
/* head and text are copied; doc is kept while it is needed. */
struct message {
	struct span head, text;
	struct cadoc *doc;  /* behind them; NULL: none */
	const char *pem;    /* its label; NULL: in DER */
};
void peer_send(struct peer *c, const struct message *m, enum peer_after after);
const char *peer_text(const struct peer *c, char out[static ADDR_TEXT]); /* without its port */
uint64_t peer_patience(const struct peer *c); /* FRONT_FIRST, or less when many wait */

/* front_io.c */
struct span io_span(const struct peer *c);  /* what has come and was not taken */
/* 1: something came, 0: the peer has ended, -ZT_E_AGAIN, -ZT_E_FULL, -ZT_E_RESET, -ZT_E_NOMEM. */
int io_read(struct peer *c);
void io_take(struct peer *c, size_t n);
bool io_more(const struct peer *c);         /* io_read() would answer, although the socket is silent */
/* 0: all of c->send is gone, -ZT_E_AGAIN, -ZT_E_RESET, -ZT_E_NOMEM. */
int io_send(struct peer *c);
/* close_notify, and no more from us. The same answers. */
int io_bye(struct peer *c);
int io_drain(struct peer *c);               /* 0: the peer has ended, -ZT_E_AGAIN, -ZT_E_RESET */
void io_idle(struct peer *c);               /* gives memory back that holds nothing */
void io_free(struct peer *c);
size_t io_pem_bytes(size_t der, const char *label);

/* front_http.c */
void http_bytes(struct peer *c);            /* something came */
void http_late(struct peer *c);             /* ca-sign did not answer in time */

/* front_enrol.c */
struct enrolment {
	struct peer *c;
	struct enrold d;
	struct timer beat;        /* of a watcher */
	uint8_t *leaf;            /* DER of the certificate it showed; freed once it is known who that is */
	size_t leaf_n;
	enum cert_role role;      /* of that certificate */
	bool watches, due_list, due_anchors, shut; /* shut: refused while a list was being sent */
	uint64_t anchors;         /* number of those that it was told last; 0: none */
};
void enrol_begin(struct peer *c, const struct span *chain, size_t n); /* TLS is open */
void enrol_bytes(struct peer *c);
void enrol_step(struct peer *c, enum enrold_do d, struct enrold_out *o);
void enrol_leave(struct peer *c);
void enrol_frame(struct peer *c, const struct enrol *m, enum peer_after after);

/* front_watch.c */
void watcher_begin(struct peer *c);
void watcher_go_on(struct peer *c);           /* nothing is being sent: is something due? */
void watcher_leave(struct enrolment *e);
void watcher_news(struct front *f);           /* everybody may be told something */
void watcher_tick(struct timer *t, uint64_t now);

/* front.c */
void front_one_less(struct front *f);

#endif
