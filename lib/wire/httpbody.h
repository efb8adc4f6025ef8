/*
 * httpbody: where the body of an HTTP/1.1 message ends (RFC 9112 section 6), decided once, strictly, from the
 * head; and the reader of a body as it arrives. Whoever forwards frames the payload anew: chunk extensions and
 * trailer fields go no further. Pure.
 */
#ifndef ZT_HTTPBODY_H
#define ZT_HTTPBODY_H

#include "wire/httphead.h"

#define HTTPBODY_EXT 256      /* bytes of chunk extensions in one body */
#define HTTPBODY_TRAILERS 8192 /* bytes of trailer fields */

enum httpbody_kind {
	HTTPBODY_NONE,    /* the message ends with its head */
	HTTPBODY_LENGTH,
	HTTPBODY_CHUNKED,
	HTTPBODY_CLOSE,   /* responses only: until the connection ends */
	HTTPBODY_TUNNEL   /* after 101: bytes of another protocol, both ways */
};

struct httpframing {
	uint8_t kind;    /* enum httpbody_kind */
	uint64_t length; /* of HTTPBODY_LENGTH; of a response to HEAD or a 304 what Content-Length said, else 0 */
	bool has_length; /* a Content-Length is there */
};

/* Content-Length: one to 19 digits, one field even when several agree. Transfer-Encoding: one field that is
 * "chunked". Never both. */
enum http_refusal httpbody_of_request(const struct httpfields *fs, uint8_t minor, struct httpframing *out);
struct httpbody_asked {
	bool head;    /* the request was HEAD: no answer to it has a body */
	bool upgrade; /* it asked for another protocol: 101 is a good answer */
};
enum http_refusal httpbody_of_response(const struct httpfields *fs, uint8_t minor, unsigned status,
				       struct httpbody_asked asked, struct httpframing *out);

/* One body being read. */
struct httpbody {
	uint8_t kind, state;
	uint8_t digits;     /* of the chunk size so far */
	uint8_t refusal;    /* enum http_refusal, after an error */
	bool done;          /* the message is over; the next byte is the next message's */
	uint16_t ext;       /* extension bytes so far */
	uint16_t trailers;
	uint64_t left;      /* of the length or of the chunk */
	uint64_t payload;   /* bytes handed out */
	uint64_t max;
};

/* max: payload bytes allowed, UINT64_MAX: any number. -ZT_E_TOOLONG (HTTPBAD_LARGE) at once when the length is
 * known and larger. A body of no bytes is done at once. */
int httpbody_begin(struct httpbody *b, const struct httpframing *f, uint64_t max);
/* Bytes taken from the front of `in`, with *data the part of them that is payload (possibly none): call again
 * with the rest. ZT_MORE: nothing can be taken. Once done it takes nothing. < 0: refused, for good. */
int httpbody_next(struct httpbody *b, struct span in, struct span *data);
/* The connection ended tidily: 0 when that is how the body may end, or it was done; else -ZT_E_CLOSED. */
int httpbody_ended(struct httpbody *b);

/* Writing chunks: HTTPCHUNK_OPEN bytes of room, the n > 0 bytes of payload, then HTTPCHUNK_CLOSE. */
#define HTTPCHUNK_OPEN 18 /* 16 digits CRLF */
#define HTTPCHUNK_CLOSE SPAN_LIT("\r\n")
#define HTTPCHUNK_LAST SPAN_LIT("0\r\n\r\n") /* the end of the body */
void httpchunk_open(struct wr *w, uint64_t n);

#endif
