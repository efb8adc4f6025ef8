/*
 * ipc: what a supervisor and its jailed child say to each other: orders and words, one a
 * datagram or packet. Pure codec; io/chan moves the bytes and the descriptors. The supervisor
 * treats what a child says as bytes from an enemy: fixed header, known types, bounded payload,
 * and each word only when it was asked for (io/kid).
 *
 * Header, little-endian: u16 type, u16 zero, u32 epoch. docs/formats.md, "Between processes".
 */
#ifndef ZT_IPC_H
#define ZT_IPC_H

#include "base/bounds.h"
#include "base/span.h"

/* direction (c = from the child, s = from the supervisor), payload, descriptors */
#define IPC_TYPES(X)                                                                              \
	X(IPC_READY, 1, 'c', "the first word: jailed and serving; payload: jail report")              \
	X(IPC_PREPARED, 2, 'c', "the offered epoch would work")                                   \
	X(IPC_REFUSED, 3, 'c', "it would not; payload: why, in words")                            \
	X(IPC_COUNTERS, 4, 'c', "answer to IPC_ASK; payload: pairs of name and number")           \
	X(IPC_DRAINED, 5, 'c', "nothing left to do; about to exit")                               \
	X(IPC_DIAL, 6, 'c', "connect to a socket file of the epoch's configuration; payload: u32 id, u16 rule, u16 origin") \
	X(IPC_SETTLED, 7, 'c', "of a successor at an upgrade: it can serve all that the one before it serves") \
	X(IPC_COMMITTED, 8, 'c', "answer to IPC_COMMIT: it serves the epoch")                     \
	X(IPC_PREPARE, 16, 's', "a new epoch; descriptors: config memfd, then as at start")       \
	X(IPC_COMMIT, 17, 's', "serve the prepared epoch from now on")                            \
	X(IPC_ABORT, 18, 's', "forget the prepared epoch")                                        \
	X(IPC_ASK, 19, 's', "send your counters")                                                 \
	X(IPC_DRAIN, 20, 's', "take nothing new, finish what runs, then exit")                    \
	X(IPC_REOPEN, 21, 's', "logd: reopen the log file")                                       \
	X(IPC_LINK, 22, 's', "a line to another child, of this epoch; payload: u8 number of the link; one descriptor") \
	X(IPC_DIALLED, 23, 's', "answer to IPC_DIAL; payload: u32 id, u8 0 or the error; with 0 the descriptor") \
	X(IPC_YIELD, 24, 's', "another process serves what is new: finish what was begun, then exit")

enum ipc_type {
#define X(id, value, from, text) id = value,
	IPC_TYPES(X)
#undef X
};

#define IPC_HEADER 8
#define IPC_PAYLOAD (BOUND_CAP(BOUND_IPC_BYTES) - IPC_HEADER)

struct ipc_msg {
	enum ipc_type type;
	uint32_t epoch;
	struct span payload; /* borrowed from what was read */
};

const char *ipc_name(enum ipc_type t); /* "IPC_READY", for logs; "?" for no type */
/* Writes header and payload; w->full when it does not fit. */
void ipc_write(struct wr *w, const struct ipc_msg *m);
/* from: 'c' or 's', who must have sent it. 0, -ZT_E_SYNTAX, -ZT_E_UNKNOWN. */
int ipc_read(struct span message, char from, struct ipc_msg *out);

/* Counters: {u8 n, name, u64 value}, repeated. A name is [a-z0-9_]+, and where there are several alike what it is of:
 * "uplink_up{edge.example.org:443}". */
#define IPC_COUNTER_LABEL 80 /* letters, digits and -._:@[] */
#define IPC_COUNTER_NAME (40 + IPC_COUNTER_LABEL)
struct ipc_counter {
	struct span name;    /* without its label */
	struct span of;      /* the label; empty: none */
	struct span whole;   /* both, as sent */
	uint64_t value;
};
void ipc_write_counter(struct wr *w, const char *name, uint64_t value);
void ipc_write_counter_of(struct wr *w, const char *name, const char *of, uint64_t value); /* other bytes become '_' */
struct ipc_row {
	const char *name;
	uint64_t value;
};
void ipc_write_counters(struct wr *w, const struct ipc_row *row, size_t n, const char *of); /* of NULL: no label */
/* Takes the next pair off r: 1, 0 at the end, -ZT_E_SYNTAX. */
int ipc_read_counter(struct rd *r, struct ipc_counter *out);

#endif
