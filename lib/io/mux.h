/*
 * mux: one connection of a tunnel: many streams, each a duct, over one TLS connection (docs/protocol.md, zt-tunnel/1).
 * The same on both sides; only who may open streams with which numbers differs. The pure parts: bytes in
 * wire/frame, states of a stream in decide/strm, credit in decide/window.
 *
 * Reading: whole records are opened in place, and a stream whose user wants DUCT_IN gets its bytes from there;
 * what it does not take is kept, as far as its credit goes. Writing: control first, then the streams that have
 * something, 16 KiB each in turn, fresh ones before bulk 8:1. Nothing is sealed before the socket has room for
 * it, so what is urgent never waits behind more than the 128 KiB of mux_tune. Its two buffers are its own: a tunnel
 * must go on when visitors have taken all there are.
 */
#ifndef ZT_MUX_H
#define ZT_MUX_H

#include "duct.h"
#include "loop.h"
#include "tls.h"
#include "wire/frame.h"

struct conf_tunnel;
struct net_tune;
struct mux;

struct stream {
	struct duct d;               /* first */
	struct mux *mux;
	void *owner;                 /* the user's */
	const char *name;            /* of its OPEN */
	uint64_t delivered;          /* what we said by stream_delivered(). With d.end DUCT_RESET what the peer says; */
	                             /* UINT64_MAX: nobody knows */
	uint32_t id;
	uint16_t code;               /* with d.end DUCT_RESET: enum frame_reset; RESET_GONE when the connection went. */
	                             /* duct_why() has its words */
	/* mux.c's own follow, of the slot that it is in; see mux_int.h */
};

enum mux_over { MUX_LEFT, MUX_TLS, MUX_PROTOCOL, MUX_SILENT, MUX_VERSION, MUX_NOMEM, MUX_SPENT };

struct mux_class {
	void (*hello)(struct mux *m, const struct frame_hello *h); /* the peer's; before that nothing may be opened */
	/* The peer opened a stream: set s->d.user and want something, or stream_refuse() it. */
	void (*opened)(struct mux *m, struct stream *s, const struct frame_open *o);
	void (*control)(struct mux *m, unsigned kind, struct span message); /* enum frame_ctrl; whole */
	void (*leaving)(struct mux *m, const struct frame_goaway *g);       /* it opens and takes no more */
	/* Over: every stream has been told (DUCT_RESET, RESET_GONE). words for the log. The owner frees tls,
	 * closes the socket and mux_free()s, at once or later. */
	void (*over)(struct mux *m, enum mux_over why, const char *words);
};

struct mux_opts {
	const struct mux_class *cls;
	struct loop *loop;
	struct bounds *bounds;
	struct source *src;  /* connected; class is the owner's: mux_wants(), mux_ready() */
	struct tls *tls;     /* open */
	bool opens_even;     /* the edge */
	struct frame_hello hello; /* ours */
	uint64_t ping_after_ns, dead_after_ns; /* 3 s, 9 s */
	uint64_t window_most;/* of a stream: 16 MiB */
	uint32_t streams;    /* of ours at a time, whatever the peer allows; 0: as many as that */
	uint32_t opens;      /* of the peer in a second, in the long run; twice as many at once. 0: 2,048 */
	struct mux **kin;    /* all that share bounds, the owner's list; NULL: it is alone */
	const char *who;     /* whose it is, of kin: what several of one hold is one's; NULL: nobody else's */
	void *owner;
};
/* What [tunnel] says, and what both ends say alike; the rest is the caller's. */
struct mux_opts mux_opts_of(const struct conf_tunnel *t);
extern const struct net_tune mux_tune; /* of its socket, before there is a mux */
int mux_new(struct mux **out, const struct mux_opts *o); /* says hello at once */
void mux_free(struct mux *m);
void *mux_owner(const struct mux *m);
unsigned mux_wants(const struct mux *m);
void mux_ready(struct mux *m, unsigned events);

/* NULL and *rc: -ZT_E_AGAIN (no hello yet), -ZT_E_FULL (the peer's limit or BOUND_STREAMS), -ZT_E_CLOSED (leaving). */
struct stream *stream_open(struct mux *m, const struct frame_open *o, const struct duct_user *u, void *owner, int *rc);
void stream_refuse(struct stream *s, enum frame_reset code, const char *text); /* closes it */
/* For RESET: how many bytes that came out of this stream have reached the far end (the origin's socket). */
void stream_delivered(struct stream *s, uint64_t bytes);
/* Closes it with a code of its own; duct_close(d, err) uses RESET_CANCEL. */
void stream_reset(struct stream *s, enum frame_reset code, const char *text);
/* For who is not its user: both ends are told, as if the other side had reset it. */
void stream_end(struct stream *s, enum frame_reset code, const char *text);
/* Copies the message. -ZT_E_TOOLONG, -ZT_E_NOMEM; -ZT_E_FULL: a message before it is still on its way and there is room for one more only. */
int mux_control(struct mux *m, enum frame_ctrl kind, struct span message);
/* GOAWAY, and the end after grace_ms at the latest, or when the last stream is over: a second call can only bring it
 * nearer. */
void mux_leave(struct mux *m, enum frame_leave reason, uint32_t grace_ms, const char *text);

struct mux_stats {
	uint64_t streams, opened, queued, in, out, resets_in, resets_out, records, rtt_ns;
	uint64_t most; /* streams that the peer lets us open at a time */
	uint64_t refused; /* of the peer's, before the owner was asked, */
	const char *refused_for; /* the last one for this */
	bool leaving; /* nothing may be opened any more */
	bool suspect; /* nothing came for so long since a PING that its answer should have: it may be dead soon */
};
struct mux_stats mux_stats(const struct mux *m);
/* 2^24 records or 24 hours: the owner makes another connection and leaves this one. */
bool mux_is_old(const struct mux *m);
/* Calls each live stream; f may close the one it was called with. */
void mux_each(struct mux *m, void (*f)(struct stream *s, void *ctx), void *ctx);

#endif
