/*
 * tls: one TLS connection of a worker, from the first byte of a socket to its last: the hello,
 * the handshake that tlsd runs, the strict second check of the peer's certificate, then
 * records of our own on borrowed buffers, alerts and a close whose reason is known in words.
 * No br_ type and no private key comes near it.
 *
 *   HELLO -> SHAKING -> OPEN
 *       \________\____-> FAILED
 *
 * The owner embeds struct tls beside its struct source, whose class it owns: wants() asks
 * tls_wants() until the connection is open, ready() calls tls_shake_ready(). Afterwards the
 * owner moves bytes with tls_read() and tls_out_send() when it likes. An idle connection holds
 * two records, one struct tls_peer and no buffer.
 *
 * A struct tls is never copied: two copies of a key are two records with one nonce.
 */
#ifndef ZT_TLS_H
#define ZT_TLS_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/log.h"
#include "decide/leaf.h"
#include "decide/tlsplan.h"
#include "loop.h"
#include "wire/record.h"
#include "wire/tlsmsg.h"

struct tls_world; /* what all connections of a process share: the line to tlsd, pools, budget */
struct tls_shake; /* of one handshake; borrowed while it runs */
struct tls;

enum tls_state { TLS_IDLE, TLS_HELLO, TLS_SHAKING, TLS_OPEN, TLS_FAILED };

/* How an open connection ended, as far as reading goes. */
enum tls_end {
	TLS_GOING,
	TLS_CLEAN,      /* close_notify */
	TLS_TRUNCATED,  /* the socket ended without one: somebody may have cut it */
	TLS_FORGED,     /* a record was not authentic or malformed */
	TLS_REFUSED,    /* the peer sent a fatal alert: t->alert */
	TLS_STRANGE,    /* renegotiation, another version, an unknown record type, a flood of nothing */
	TLS_RESET       /* the socket failed */
};
const char *tls_end_text(enum tls_end e);

/* What is known of the peer once it is open. */
struct tls_peer {
	uint16_t suite;
	uint16_t plan;            /* of the tls_plan that the handshake was begun with */
	bool resumed, has_cert;
	enum tls_fault verdict;   /* of the chain; NONE unless a pin or insecure_ let it through */
	char name[TLS_NAME];      /* SNI of a client, or the name asked of a server */
	char alpn[TLS_ALPN];
	uint8_t pin[32], cert[32];/* SHA-256 of its SPKI, of its certificate; with has_cert */
	uint8_t own[32];          /* the same of our own SPKI that it was served with; a client's is zero */
	char id[80];              /* CN or zt id of its certificate, printable; for logs */
};

/* In each of these the owner may close its source and tls_free() this or any other connection. */
struct tls_class {
	/* The handshake is over and the certificate, if any, was accepted. The chain is borrowed
	 * for this call only. */
	void (*opened)(struct tls *t, const struct span *chain, size_t n);
	/* It failed; an alert was sent where one is due. The owner closes the socket. words is a
	 * sentence for the log. Never called from inside tls_accept() or tls_connect(). */
	void (*failed)(struct tls *t, enum tls_fault f, const char *words);
	/* A whole ClientHello has come, and nothing has been answered; no plan is picked yet. NULL: all are served.
	 * true: it is taken away unopened, to be passed on: t is as before tls_accept(), and everything read from
	 * the socket is raw, which like h is borrowed for this call only, or until t is freed. */
	bool (*hello)(struct tls *t, const struct hello *h, struct span raw);
};

struct tls {
	const struct tls_class *cls;
	struct tls_world *world;
	struct source *src;       /* the socket; the owner's */
	struct tls_shake *shake;  /* while it runs */
	struct tls_peer *peer;    /* from opened() to tls_forget_peer() or tls_free(); the world's pool's */
	struct record in, out;
	uint8_t state, end, alert;/* alert: the peer's, with TLS_REFUSED or TLSF_ALERT */
	bool client, said_bye;
	uint8_t warnings, empties;
	uint16_t most;            /* plaintext of a record that we send: 16384, or what a small client asked for */
};
_Static_assert(sizeof(struct tls) <= 800, "an idle connection is small: two records and little else");

struct tls_world_opts {
	struct loop *loop;
	struct bounds *bounds;
	struct log *log;
	uint32_t shake_ms;        /* deadline of one handshake; sooner for who keeps us waiting while slots are scarce */
	uint32_t rate, burst;     /* handshakes per address */
	int64_t floor;            /* wall-clock floor in seconds */
}; /* shake_ms and the two of an address: or tls_world_limits(), before anything begins */
int tls_world_new(struct tls_world **out, const struct tls_world_opts *o);
void tls_world_free(struct tls_world *w); /* every connection must be tls_free()d already */
/* For handshakes begun from now on; what peers have used up stays used up. */
void tls_world_limits(struct tls_world *w, uint32_t shake_ms, uint32_t rate, uint32_t burst);
/* A new configuration: handshakes handed to a tlsd from now on go by it, and only to a tlsd of
 * the same epoch, because a plan is an index. plan is borrowed until the next call. Handshakes
 * that a tlsd has already end under the old one. */
void tls_world_plan(struct tls_world *w, const struct tls_plan *plan, uint32_t epoch);
/* A line to a tlsd of this epoch: the newest one of the plan's epoch gets every new handshake;
 * an older one is closed when the last handshake on it is over. fd is the world's now. Before
 * or after tls_world_plan(). Without a line of the right epoch handshakes wait. */
void tls_world_link(struct tls_world *w, int fd, uint32_t epoch);
struct tls_stats {
	uint64_t accepted, connected, resumed, failed[TLS_FAULT_COUNT], refused_budget;
	uint64_t waiting, running; /* now: for a tlsd; in a tlsd */
	uint64_t late;             /* answers for a handshake that was gone */
};
struct tls_stats tls_world_stats(const struct tls_world *w);

/* Serve the client behind src->fd. 0, or a -ZT_E_… when it cannot even begin: -ZT_E_FULL (too
 * many handshakes), -ZT_E_DENIED (its address has used up its budget), -ZT_E_NOMEM. */
int tls_accept(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
	       const struct addr *peer);
/* The same when bytes were read already, of what stood behind a PROXY header; copied. src is in the loop.
 * -ZT_E_TOOLONG: more than TLS_BEFORE. */
#define TLS_BEFORE 2048
int tls_accept_behind(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
		      const struct addr *peer, struct span before);
struct tls_connect {
	uint16_t plan;
	struct span name;         /* overrides the plan's name; empty: the plan's */
	const struct addr *ip;    /* checked instead of a name when there is none; may be NULL */
	bool want_chain;
};
/* Say hello to the server behind src->fd, which is connected. req is copied. With neither name
 * nor ip, no server is accepted but a pinned one, or any by insecure_any. -ZT_E_TOOLONG: name. */
int tls_connect(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
		const struct tls_connect *req);
unsigned tls_wants(const struct tls *t);          /* in HELLO and SHAKING */
void tls_shake_ready(struct tls *t, unsigned events);
void tls_forget_peer(struct tls *t);              /* half a KB less, when nobody will ask who it is */
void tls_free(struct tls *t);                     /* cancels what runs, wipes keys; the socket stays */

/* ---- reading -------------------------------------------------------------------------------
 * Bulk: one recv() into a borrowed buffer, every whole record opened in place. The plaintext of
 * a turn is a few pieces of that buffer, for writev(). No byte behind the handshake is read
 * before: until the first tls_read() it waits in the socket. */
#define TLS_PIECES 4 /* full records of 64 KiB; what more there are, shorter ones, move up to the last */
struct tls_in { /* zero-initialise, then mem and cap */
	uint8_t *mem;             /* attached while bytes flow; at least RECORD_MAX, 64 KiB is good */
	size_t cap, have, opened; /* [opened, have): an incomplete record */
	struct span piece[TLS_PIECES];
	uint8_t first, pieces;    /* [first, pieces): plaintext not taken yet */
	bool brief;               /* read no further than the record under way, or the next one: others want the buffer */
};
/* > 0: plaintext bytes in the pieces now; -ZT_E_AGAIN: nothing new; 0: over, t->end says how.
 * Only when no piece is left untaken. At most one recv(). */
ssize_t tls_read(struct tls *t, struct tls_in *in);
void tls_in_take(struct tls_in *in, size_t n);    /* n bytes of plaintext have left */
bool tls_in_idle(const struct tls_in *in);        /* nothing inside: the buffer may go back */

/* ---- writing -------------------------------------------------------------------------------
 * The plaintext is put where it will be encrypted: space for up to TLS_SLOTS full records with
 * the gaps that headers and tags need; many records leave with one send(). */
#define TLS_SLOTS 8
#define TLS_ALERT_BYTES (RECORD_OVERHEAD + 2) /* kept free behind the data, so that a bye always fits */
#define TLS_OUT_BYTES (TLS_SLOTS * RECORD_MAX + TLS_ALERT_BYTES)
struct tls_out { /* zero-initialise, then mem and cap */
	uint8_t *mem;             /* attached while bytes flow; TLS_OUT_BYTES, at least TLS_ALERT_BYTES */
	size_t cap, head, tail;   /* [head, tail): sealed, waiting for the socket */
};
/* Where plaintext may be put: fills iov, answers how many. 0 while sealed bytes wait, and when
 * the bye was said. */
size_t tls_out_space(const struct tls *t, const struct tls_out *o, struct iovec *iov, size_t max);
/* The same as a sum, of an empty buffer of `cap` bytes; and a copy of s there, behind the first `at` bytes of
 * plaintext, at + s.n <= tls_out_room(), while no sealed bytes wait. */
size_t tls_out_room(const struct tls *t, size_t cap);
void tls_out_copy(const struct tls *t, struct tls_out *o, size_t at, struct span s);
/* n bytes were put there, in order. 0, or -ZT_E_RANGE (the counter). */
int tls_out_seal(struct tls *t, struct tls_out *o, size_t n);
/* To the socket. > 0 bytes gone, 0 nothing to do, -ZT_E_AGAIN, -ZT_E_RESET. */
ssize_t tls_out_send(struct tls *t, struct tls_out *o);
/* The last words, once, behind what waits: close_notify, also as the answer to one (RFC 5246
 * section 7.2.1); the fatal alert that is due after TLS_FORGED and TLS_STRANGE; nothing after
 * TLS_REFUSED and TLS_RESET. o->mem must be attached. */
void tls_bye(struct tls *t, struct tls_out *o);

#endif
