/*
 * tls: one TLS connection of a worker, from the first byte of a socket to its last: the hello,
 * the handshake that tlsd runs, the strict second check of the peer's certificate, then
 * records of our own on borrowed buffers, alerts and a close whose reason is known in words.
 * No br_ type and no private key comes near it.
 *
 *   HELLO -> SHAKING -> OPEN -> (FAILED | ENDED)
 *
 * The owner embeds struct tls beside its struct source, whose class it owns: wants() asks
 * tls_wants() until the connection is open, ready() calls tls_shake(). Afterwards the owner
 * moves bytes with tls_read() and tls_write() when it likes. An idle connection holds two
 * records and no buffer.
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
	TLS_REFUSED,    /* the peer sent a fatal alert */
	TLS_STRANGE,    /* renegotiation, another version, an unknown record type */
	TLS_RESET       /* the socket failed */
};
const char *tls_end_text(enum tls_end e);

/* What is known of the peer once it is open. */
struct tls_peer {
	uint16_t suite;
	uint16_t plan;            /* of tls_plan */
	bool resumed, has_cert;
	enum tls_fault verdict;   /* of the chain; NONE unless a pin or insecure_ let it through */
	char name[TLS_NAME];      /* SNI of a client, or the name asked of a server */
	char alpn[TLS_ALPN];
	uint8_t pin[32], cert[32];/* SHA-256 of its SPKI, of its certificate; with has_cert */
	char id[80];              /* CN or zt id of its certificate, printable; for logs */
};

struct tls_class {
	/* The handshake is over and the certificate, if any, was accepted. The chain is borrowed
	 * for this call only. */
	void (*opened)(struct tls *t, const struct span *chain, size_t n);
	/* It failed; an alert was sent where one is due. The owner closes the socket. words is a
	 * sentence for the log. */
	void (*failed)(struct tls *t, enum tls_fault f, const char *words);
};

struct tls {
	const struct tls_class *cls;
	struct tls_world *world;
	struct source *src;       /* the socket; the owner's */
	struct tls_shake *shake;  /* while it runs */
	struct tls_peer *peer;    /* from opened() to tls_free(); owned */
	struct record in, out;
	uint8_t state, end, alert;/* alert: the peer's, with TLS_REFUSED */
	bool client, said_bye;
	uint8_t warnings;
};

struct tls_world_opts {
	struct loop *loop;
	struct bounds *bounds;
	struct log *log;
	uint32_t shake_ms;        /* deadline of one handshake */
	uint32_t rate, burst;     /* handshakes per address */
	int64_t floor;            /* wall-clock floor in seconds */
};
int tls_world_new(struct tls_world **out, const struct tls_world_opts *o);
void tls_world_free(struct tls_world *w);
/* A new configuration: handshakes begun from now on go by it. plan is borrowed until the next
 * call. Running handshakes end under the old one. */
void tls_world_plan(struct tls_world *w, const struct tls_plan *plan);
/* A line to a tlsd: the newest one gets every new handshake; an older one is closed when the
 * last handshake on it is over. fd is the world's now. Without a line handshakes wait. */
void tls_world_link(struct tls_world *w, int fd);
struct tls_stats {
	uint64_t accepted, connected, resumed, failed[TLS_FAULT_COUNT], refused_budget, waiting, running;
};
struct tls_stats tls_world_stats(const struct tls_world *w);

/* Serve the client behind src->fd. 0, or a -ZT_E_… when it cannot even begin: -ZT_E_FULL (too
 * many handshakes), -ZT_E_DENIED (its address has used up its budget). */
int tls_accept(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
	       const struct addr *peer);
struct tls_connect {
	uint16_t plan;
	struct span name;         /* overrides the plan's name; empty: the plan's */
	const struct addr *ip;    /* checked instead of a name when there is none; may be NULL */
	bool want_chain;
};
int tls_connect(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
		const struct tls_connect *req);
unsigned tls_wants(const struct tls *t);          /* in HELLO and SHAKING */
void tls_shake_ready(struct tls *t, unsigned events);
void tls_free(struct tls *t);                     /* cancels what runs, wipes keys; the socket stays */

/* ---- reading -------------------------------------------------------------------------------
 * Bulk: one recv() into a borrowed buffer, every whole record opened in place. The plaintext of
 * a turn is a few pieces of that buffer, for writev(). */
#define TLS_PIECES 16
struct tls_in {
	uint8_t *mem;             /* attached while bytes flow; at least RECORD_MAX, 64 KiB is good */
	size_t cap, have, opened; /* [opened, have): records not opened yet */
	struct span piece[TLS_PIECES];
	size_t first, pieces;     /* [first, pieces): plaintext not taken yet */
};
/* > 0: plaintext bytes in the pieces now; -ZT_E_AGAIN: nothing new; 0: over, t->end says how.
 * Only when no piece is left untaken. Opens what is in the buffer before it asks the socket. */
ssize_t tls_read(struct tls *t, struct tls_in *in);
void tls_in_take(struct tls_in *in, size_t n);    /* n bytes of plaintext have left */
bool tls_in_idle(const struct tls_in *in);        /* nothing inside: the buffer may go back */
/* Bytes that arrived with the peer's Finished wait in the shake's buffer; this moves them into
 * in->mem. Call once when opened. */
void tls_in_begin(struct tls *t, struct tls_in *in);
bool tls_has_early(const struct tls *t);          /* such bytes are there */

/* ---- writing -------------------------------------------------------------------------------
 * The plaintext is put where it will be encrypted: space for up to TLS_SLOTS full records with
 * the gaps that headers and tags need; many records leave with one send(). */
#define TLS_SLOTS 8
#define TLS_OUT_BYTES (TLS_SLOTS * RECORD_MAX)
struct tls_out {
	uint8_t *mem;             /* attached while bytes flow; TLS_OUT_BYTES */
	size_t cap, head, tail;   /* [head, tail): sealed, waiting for the socket */
};
/* Where plaintext may be put: fills iov, answers how many. 0 while sealed bytes wait. */
size_t tls_out_space(const struct tls *t, const struct tls_out *o, struct iovec *iov, size_t max);
/* n bytes were put there, in order. 0, or -ZT_E_RANGE (the counter). */
int tls_out_seal(struct tls *t, struct tls_out *o, size_t n);
/* To the socket. > 0 bytes gone, 0 nothing to do, -ZT_E_AGAIN, -ZT_E_RESET. */
ssize_t tls_out_send(struct tls *t, struct tls_out *o);
/* Seal close_notify (once) behind what waits. */
void tls_bye(struct tls *t, struct tls_out *o);

#endif
