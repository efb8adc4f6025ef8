/*
 * httpget: one request of a machine that wants to read something: GET or HEAD, a path, HTTP/1.0 or 1.1,
 * no body. It is no HTTP server and never grows into one: what it does not understand word for word is
 * refused, so that no two readers of the same bytes can disagree about them. Pure.
 *
 * Refused: anything but CRLF at line ends, folded lines, blanks before a colon, a target that is not a
 * plain path and query (no escape, no scheme, no fragment), no Host or two in 1.1, a body of any kind.
 */
#ifndef ZT_HTTPGET_H
#define ZT_HTTPGET_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

#define HTTPGET_LINE 1024 /* of the request line, CRLF counted */
#define HTTPGET_HEAD 8192 /* of all of it, the empty line counted */

struct httpget {
	bool head;           /* HEAD: the same answer without its body */
	uint8_t minor;       /* HTTP/1.0 or 1.1 */
	struct span path;    /* begins with "/" */
	struct span query;   /* behind "?"; empty: none */
	struct span host;    /* as sent; empty: none, or an empty one */
	unsigned status;     /* after a refusal: 400, 405, 414, 431 or 505 */
};

/*
 * > 0: bytes of the head; what follows is not looked at. ZT_MORE: it may become one yet. Refused as soon
 * as it is known, with out->status set and the spans empty: -ZT_E_SYNTAX (400), -ZT_E_UNKNOWN (405: the
 * method; 505: the version), -ZT_E_TOOLONG (414: the line; 431: the head).
 */
int httpget_read(struct span in, struct httpget *out);
/* The value of one parameter of the query, as it stands there; false when it is absent or there twice. */
bool httpget_param(const struct httpget *g, const char *name, struct span *out);

#endif
