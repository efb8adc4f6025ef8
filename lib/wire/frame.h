/*
 * frame: the bytes of zt-tunnel/1 (docs/protocol.md): frames, and what HELLO, OPEN, RESET, GOAWAY and CTRL carry.
 * Pure. Little-endian. A frame never spans two TLS records, so a payload is read where it was decrypted.
 *
 * Header, 8 bytes: u8 type, u8 flags, u16 length of the payload, u32 stream (0: the connection).
 */
#ifndef ZT_FRAME_H
#define ZT_FRAME_H

#include "addr.h"
#include "base/err.h"
#include "base/span.h"

#define FRAME_HEADER 8
#define FRAME_PAYLOAD 16376 /* with its header one full TLS record, 16,384 */

enum frame_type {
	FRAME_HELLO = 1, /* 0: first of each side, once */
	FRAME_OPEN,      /* s: metadata; DATA may follow at once */
	FRAME_DATA,      /* s: bytes */
	FRAME_CREDIT,    /* s or 0: u64, how many bytes in all may be sent */
	FRAME_RESET,     /* s: u16 code, u64 bytes delivered to the far end, text */
	FRAME_DGRAM,     /* s: u16 flow, one datagram (step 8) */
	FRAME_PING,      /* 0: u64 */
	FRAME_PONG,      /* 0: the same u64 */
	FRAME_GOAWAY,    /* 0: u16 reason, u32 last stream taken, u32 grace in ms */
	FRAME_CTRL       /* 0: u16 kind, bytes; several make a message */
};
enum {
	FRAME_FIN = 1,   /* DATA: the last of this direction; CTRL: the last of the message */
	FRAME_MUST = 128 /* who does not know the type must end the connection, not pass it over */
};

struct frame {
	uint8_t type, flags;
	uint16_t length;
	uint32_t stream;
	struct span payload; /* of frame_read() */
};
/* > 0: bytes of the frame; ZT_MORE; -ZT_E_TOOLONG; -ZT_E_SYNTAX (a length, flag or stream that the type has not);
 * -ZT_E_UNKNOWN (a type that must be known). A header is judged before its payload is there. Other unknown types
 * are answered like frames, for the caller to pass over. States are not judged. */
int frame_read(struct span in, struct frame *out);
void frame_head(struct wr *w, uint8_t type, uint8_t flags, uint32_t stream, uint16_t length);

/* u8 family; 4 or 16 bytes and u16 port unless it is 0. One spelling of each address: wire/addr. */
bool frame_addr_read(struct rd *r, struct addr *out);
void frame_addr_write(struct wr *w, const struct addr *a);

/* An edge may be several processes: the SNI says which one is meant, a HELLO which one it was. */
#define FRAME_WORKER 32
void frame_worker_name(char out[static FRAME_WORKER], unsigned index); /* index < 256 */
int frame_worker_read(struct span name); /* 0 to 255; -ZT_E_NOTFOUND: some other name, or none; -ZT_E_SYNTAX */

#define FRAME_INSTANCE 16
struct frame_hello {
	uint16_t version_min, version_max; /* 1, 1 */
	uint8_t role;                      /* enum cert_role, as the certificate says: checked against it */
	uint8_t index, count;              /* this connection, of so many of this instance; 0, 1 */
	uint8_t instance[FRAME_INSTANCE];  /* random, of one running process */
	uint32_t features;                 /* bits; none yet */
	uint32_t streams;                  /* the peer may have so many open at a time */
	uint64_t credit;                   /* for the connection, at the start */
	uint32_t stream_credit;            /* for each stream, at the start */
	char software[32];                 /* for people */
};
/* What is behind the fields is passed over: a later version may say more. All other payloads end where they end. */
int frame_hello_read(struct span payload, struct frame_hello *out);
void frame_hello_write(struct wr *w, const struct frame_hello *h);

enum frame_kind { FRAME_KIND_TCP = 1, FRAME_KIND_HTTP, FRAME_KIND_UDP };
#define FRAME_NAME 254
#define FRAME_REQUEST 33 /* request id: up to 32 printable characters */
struct frame_open {
	uint8_t kind;         /* enum frame_kind */
	uint16_t rule;        /* index in the announced table of this epoch */
	uint32_t epoch;
	struct addr peer;     /* the visitor, for logs and a PROXY header */
	struct addr local;    /* where the visitor arrived; family 0: not said */
	char name[FRAME_NAME];/* host or SNI, canonical; for logs and unless the rule says otherwise the origin's SNI */
	char request[FRAME_REQUEST];
	uint8_t serial[16];   /* of the visitor's certificate, all zero: none */
	uint32_t dial_ms;     /* 0: the rule's */
};
int frame_open_read(struct span payload, struct frame_open *out);
void frame_open_write(struct wr *w, const struct frame_open *o);

/* Why a stream ended, in RESET: closed list, numbers are for good. */
#define FRAME_RESETS(X)                                                                            \
	X(RESET_CANCEL, 1, "cancelled")              /* the side that opened or served it has no use for it */ \
	X(RESET_REFUSED, 2, "origin-refused")        /* the origin refused the connection */              \
	X(RESET_TIMEOUT, 3, "origin-timeout")        /* it did not answer in time */                      \
	X(RESET_NONAME, 4, "origin-name")            /* its name has no address */                        \
	X(RESET_UNREACHABLE, 5, "origin-unreachable")                                                     \
	X(RESET_TLS, 6, "origin-tls")                /* text says what is wrong, and the pin to set */    \
	X(RESET_ORIGIN, 7, "origin-reset")           /* it ended the connection without saying so */      \
	X(RESET_RULE, 8, "no-such-rule")             /* the connector has no such rule, or another epoch */ \
	X(RESET_POLICY, 9, "denied")                 /* status, grant, list */                            \
	X(RESET_FULL, 10, "full")                    /* a bound was reached */                            \
	X(RESET_STALLED, 11, "stalled")              /* it held memory and did not move */                \
	X(RESET_GONE, 12, "tunnel-gone")             /* never sent: the connection is over */             \
	X(RESET_DOWN, 13, "origin-down")             /* every origin of the rule is unhealthy */          \
	X(RESET_LEAVING, 14, "leaving")              /* it takes no new streams: GOAWAY is on its way */
enum frame_reset {
#define X(id, value, name) id = value,
	FRAME_RESETS(X)
#undef X
};
const char *frame_reset_name(unsigned code);
enum frame_reset frame_reset_of(int rc); /* of a connection that could not be made, or a bound of ours */
#define FRAME_TEXT 480
struct frame_resets {
	uint16_t code;
	uint64_t delivered; /* bytes of its reader's that have reached the far end: with 0 it may be tried elsewhere */
	char text[FRAME_TEXT];
};
int frame_reset_read(struct span payload, struct frame_resets *out);
void frame_reset_write(struct wr *w, const struct frame_resets *r);

enum frame_ctrl { CTRL_RULES = 1, /* the announced table: wire/rules */
		  CTRL_STATUS,    /* a signed status list, wire/statlist: whoever has a newer one says so */
		  CTRL_HEALTH,    /* u32 epoch, then one byte a rule: 1 an origin is up */
		  CTRL_AGAIN      /* of an edge: make another connection, this one is needed until it says GOAWAY */ };
#define FRAME_CTRL_MOST 8388608 /* of one message: a full status list */

enum frame_leave { LEAVE_DRAIN = 1, LEAVE_REKEY, LEAVE_DENIED, LEAVE_PROTOCOL, LEAVE_SILENT, LEAVE_VERSION, LEAVE_BUSY };
struct frame_goaway {
	uint16_t reason;
	uint32_t last, grace_ms;
	char text[FRAME_TEXT];
};
int frame_goaway_read(struct span payload, struct frame_goaway *out);
void frame_goaway_write(struct wr *w, const struct frame_goaway *g);

#endif
