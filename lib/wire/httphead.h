/*
 * httphead: what the heads of requests and responses share (RFC 9112): limits, the end of a head found while
 * it arrives, its field lines, and the closed list of what may be wrong. Pure.
 */
#ifndef ZT_HTTPHEAD_H
#define ZT_HTTPHEAD_H

#include "base/err.h"
#include "wire/httpfield.h"

#define HTTP_LINE 8192    /* of the request or status line, CRLF counted */
#define HTTP_HEAD 16384   /* of all of it, the empty line counted */
#define HTTP_FIELDS 100
#define HTTP_OPTIONS 32   /* members of Connection, in all its lines */

/* What is wrong with a message: id, status to answer a visitor with (an origin's fault is 502 whatever stands
 * here), name in logs, sentence. */
#define HTTP_REFUSALS(X)                                                                                      \
	X(HTTPBAD_BYTE, 400, "bad-byte", "a control byte, or a line that does not end in CRLF")               \
	X(HTTPBAD_LINE, 400, "bad-first-line", "the first line is not one of HTTP/1.1")                       \
	X(HTTPBAD_TARGET, 400, "bad-target", "the request target is malformed")                               \
	X(HTTPBAD_NAME, 400, "bad-field-name", "a field name holds something else than letters, digits and '-'") \
	X(HTTPBAD_FOLD, 400, "folded-field", "a field is folded over several lines")                          \
	X(HTTPBAD_HOST, 400, "bad-host", "there is not exactly one well-formed host")                         \
	X(HTTPBAD_HOSTS, 400, "two-hosts", "the target and the Host field name different hosts")              \
	X(HTTPBAD_LENGTH, 400, "bad-length", "Content-Length is not one plain number")                        \
	X(HTTPBAD_BOTH, 400, "length-and-coding", "both Content-Length and Transfer-Encoding")                \
	X(HTTPBAD_CODING, 400, "bad-coding", "Transfer-Encoding is malformed, twice there, or in HTTP/1.0")   \
	X(HTTPBAD_CODINGS, 501, "unknown-coding", "Transfer-Encoding is something else than chunked")         \
	X(HTTPBAD_TWICE, 400, "field-twice", "a field that may be there once is there twice")                 \
	X(HTTPBAD_OPTIONS, 400, "bad-connection", "Connection holds no list of options, or too many")         \
	X(HTTPBAD_EXPECT, 417, "unknown-expectation", "Expect is something else than 100-continue")           \
	X(HTTPBAD_METHOD, 501, "unknown-method", "the method is not served")                                  \
	X(HTTPBAD_VERSION, 505, "unknown-version", "the version is neither HTTP/1.0 nor HTTP/1.1")            \
	X(HTTPBAD_LONG_LINE, 414, "long-target", "the first line is too long")                                \
	X(HTTPBAD_LONG_HEAD, 431, "long-head", "the head is too long")                                        \
	X(HTTPBAD_FIELDS, 431, "many-fields", "the head has too many fields")                                 \
	X(HTTPBAD_CHUNK, 400, "bad-chunk", "a chunk is malformed")                                            \
	X(HTTPBAD_EXTENSIONS, 400, "chunk-extensions", "the chunks carry too many extension bytes")           \
	X(HTTPBAD_TRAILERS, 400, "bad-trailers", "the trailer fields are malformed or too long")              \
	X(HTTPBAD_LARGE, 413, "large-body", "the body is larger than allowed here")                           \
	X(HTTPBAD_CUT, 400, "cut-off", "the connection ended inside the message")                             \
	X(HTTPBAD_PATH, 400, "bad-path", "the path is malformed")                                             \
	X(HTTPBAD_PATH_TWO, 400, "ambiguous-path", "the path means different things to different programs")   \
	X(HTTPBAD_STATUS, 400, "bad-status", "the status is none of 100 to 599, or was not asked for")

enum http_refusal {
	HTTP_FINE,
#define X(id, status, name, text) id,
	HTTP_REFUSALS(X)
#undef X
	HTTP_REFUSAL_COUNT
};

unsigned http_refusal_status(enum http_refusal r);     /* 0 for HTTP_FINE */
const char *http_refusal_name(enum http_refusal r);    /* "fine" */
const char *http_refusal_text(enum http_refusal r);    /* a sentence without a full stop */
/* -ZT_E_TOOLONG for 413, 414 and 431, -ZT_E_UNKNOWN for 417, 501 and 505, else -ZT_E_SYNTAX; 0 when fine. */
int http_refusal_err(enum http_refusal r);

/* Where a head ends, found once while it arrives: each byte is looked at one time, however it is cut up.
 * Zero-initialise for a new head. */
struct httpscan {
	uint16_t seen;   /* bytes of the head known to be good */
	uint16_t line;   /* bytes of the line now read */
	bool first_done; /* the first line is whole */
	uint8_t refusal; /* enum http_refusal, after an error */
};
/* `in`: all bytes of the head that are there, the old ones again. > 0: bytes of the head, its empty line with
 * it; what follows is not looked at. ZT_MORE. Refused as soon as it is known. */
int httpscan_more(struct httpscan *s, struct span in);

struct httpfields {
	uint16_t n;
	struct httpfield f[HTTP_FIELDS];
};

/* The field lines behind the first line, up to and with the empty one. FIELD_LISTED is set where Connection
 * names the field, but never on one of FIELD_FRAMING: nobody takes Host or the length out of a message.
 * wide: names may be any token (responses). */
enum http_refusal httpfields_read(struct httpfields *fs, struct span lines, bool wide);
/* The first of that name; NULL: none. */
const struct httpfield *httpfields_first(const struct httpfields *fs, enum field_id id);
const struct httpfield *httpfields_named(const struct httpfields *fs, const char *name);
unsigned httpfields_count(const struct httpfields *fs, enum field_id id);
/* Some line of that name lists the member. */
bool httpfields_list(const struct httpfields *fs, enum field_id id, const char *member);

/* One line without its CRLF; *in moves behind it. For bytes that httpscan_more() has passed. False: none. */
bool httphead_line(struct span *in, struct span *line);
/* *head, which is one whole head and no byte more, moves behind its first line. */
enum http_refusal httphead_first(struct span *head, struct span *line);
/* "HTTP/1.0" or "HTTP/1.1". */
enum http_refusal httphead_version(struct span s, uint8_t *minor);

#endif
