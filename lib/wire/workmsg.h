/*
 * workmsg: what the workers of one role say to each other, a packet each. docs/formats.md, "Worker and worker". Pure
 * codec.
 *
 * Layout, little-endian: u8 type, u8 1 (version), u16 zero, then the fields of the type. With HAND comes one
 * descriptor: a connection that is for the other one.
 */
#ifndef ZT_WORKMSG_H
#define ZT_WORKMSG_H

#include "base/err.h"
#include "base/span.h"
#include "wire/addr.h"

#define WORKMSG_TYPES(X)                                                                          \
	X(WORK_HAND, 1, "a connection, and what was read of it: address, then bytes to the end")  \
	X(WORK_ASK, 2, "say how you are: u32 question")                                           \
	X(WORK_TELL, 3, "u32 question, u8 does its work, u32 tunnels, then counters to the end")

enum workmsg_type {
#define X(id, value, text) id = value,
	WORKMSG_TYPES(X)
#undef X
};

#define WORKMSG_HEAD 24   /* before the bytes: at most 4 and an address of 19 */
#define WORKMSG_BYTES 8192
#define WORKMSG_MAX (WORKMSG_HEAD + WORKMSG_BYTES)

struct workmsg {
	enum workmsg_type type;
	struct addr peer;  /* HAND */
	uint32_t question; /* ASK, TELL: the answer says it again */
	bool works;        /* TELL */
	uint32_t tunnels;
	struct span bytes; /* HAND, TELL; borrowed */
};

void workmsg_write(struct wr *w, const struct workmsg *m); /* w->full: it does not fit */
/* 0, -ZT_E_SYNTAX, -ZT_E_UNKNOWN, -ZT_E_VERSION. */
int workmsg_read(struct span packet, struct workmsg *out);

#endif
