/*
 * upmsg: what two supervisors say to each other when one takes over from the other, and to the shepherd of both
 * (docs/formats.md, "Upgrade"). Two releases of zt meet here, so every message says of which version it is and which
 * version its reader has to know at least. Pure codec; io/upline moves the packets.
 *
 * Header, little-endian: u16 type, u8 version, u8 least, u32 pid, u64 n; then text. What a later version puts behind a
 * line that it adds to the text of an offer is skipped, as is a type that is not known.
 */
#ifndef ZT_UPMSG_H
#define ZT_UPMSG_H

#include "base/span.h"

/* A test builds a zt that says another one. */
#ifndef UPMSG_VERSION
#define UPMSG_VERSION 1
#endif
#ifndef UPMSG_LEAST
#define UPMSG_LEAST 1 /* of what we say: raised when a reader of before would be wrong to go on */
#endif

enum upmsg_type {
	/* between the one that serves and its successor */
	UPMSG_OFFER = 1, /* ↓ lines of text, and descriptors in their order; n: how many sockets come in further ones */
	UPMSG_PREPARED,  /* ↑ the configuration is read, the addresses are bound; text: its version */
	UPMSG_GO,        /* ↓ what only one may have at a time is free */
	UPMSG_STEP,      /* ↑ it gets on: be patient */
	UPMSG_READY,     /* ↑ it serves */
	UPMSG_REFUSED,   /* ↑ n: exit code, text: why not */
	/* with the shepherd */
	UPMSG_SPAWN = 16, /* ↑ start a successor of mine */
	UPMSG_SPAWNED,    /* ↓ pid, and the line to it; n: 0 or an error, text: why */
	UPMSG_ENDED,      /* ↓ pid of that successor, n: how, as of wait(2) */
	UPMSG_DROP,       /* ↑ end it */
	UPMSG_CROWN,      /* ↑ it is in charge now, and not I */
	UPMSG_NOTIFY,     /* ↑ text for the service manager */
	UPMSG_LIVE,       /* ↑ n: what still lives in one that is not in charge any more; text: its version */
	UPMSG_ELDERS,     /* ↓ to the one in charge: a line of text for each of those: "pid n version" */
	/* By the one in charge, passed on to all that drain: make lines to what only I have. Back: a line of the link n. */
	UPMSG_LINK
};

#define UPMSG_HEADER 16
#define UPMSG_BYTES 4096 /* all of it */

struct upmsg {
	enum upmsg_type type;
	uint32_t pid;
	uint64_t n;
	struct span text; /* of a read one: borrowed */
};

void upmsg_write(struct wr *w, const struct upmsg *m);
/* -ZT_E_SYNTAX; -ZT_E_VERSION: it is of a version that a reader of ours must not guess at. */
int upmsg_read(struct span packet, struct upmsg *out);
/* Of an offer: the value of the next line "key value"; false at the end. Lines without a blank are skipped. */
bool upmsg_line(struct span *text, struct span *key, struct span *value);

#endif
