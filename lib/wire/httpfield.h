/*
 * httpfield: one field line of an HTTP message (RFC 9110 section 5, RFC 9112 section 5) and the one table that
 * says what a field name means to a proxy. Pure.
 *
 * A request's field name is letters, digits and '-' only: '_' and '.' are what some applications turn into
 * '-', so that "Remote_User" would reach them as Remote-User. Classification folds them all the same, for
 * names that come from an origin or a configuration.
 */
#ifndef ZT_HTTPFIELD_H
#define ZT_HTTPFIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* What a field is, bits. */
enum field_class {
	FIELD_HOP = 1,       /* meant for the next machine only: never forwarded, RFC 9110 section 7.6.1 */
	FIELD_FRAMING = 2,   /* says where the message ends or whom it is for: written anew by whoever forwards */
	FIELD_IDENTITY = 4,  /* who the visitor is, or where from: wiped from every request, set by zt alone */
	FIELD_SECRET = 8,    /* its value is never logged */
	FIELD_EDGE = 16,     /* an origin does not decide it for the edge: stripped from every response */
	FIELD_LISTED = 32    /* set by the reader of a head, with FIELD_HOP: Connection names it */
};

/* Fields that code asks for: id, name, class. Everything else is FIELD_OTHER, with what httpfield_class() says. */
#define HTTP_FIELD_TABLE(X)                                                 \
	X(FIELD_HOST, "Host", FIELD_FRAMING)                                \
	X(FIELD_CONTENT_LENGTH, "Content-Length", FIELD_FRAMING)            \
	X(FIELD_TRANSFER_ENCODING, "Transfer-Encoding", FIELD_HOP | FIELD_FRAMING) \
	X(FIELD_CONNECTION, "Connection", FIELD_HOP)                        \
	X(FIELD_UPGRADE, "Upgrade", FIELD_HOP)                              \
	X(FIELD_EXPECT, "Expect", FIELD_HOP)                                \
	X(FIELD_KEEP_ALIVE, "Keep-Alive", FIELD_HOP)                        \
	X(FIELD_PROXY_CONNECTION, "Proxy-Connection", FIELD_HOP)            \
	X(FIELD_TE, "TE", FIELD_HOP)                                        \
	X(FIELD_TRAILER, "Trailer", FIELD_HOP)                              \
	X(FIELD_HTTP2_SETTINGS, "HTTP2-Settings", FIELD_HOP)                \
	X(FIELD_PROXY_AUTHORIZATION, "Proxy-Authorization", FIELD_HOP | FIELD_SECRET) \
	X(FIELD_PROXY_AUTHENTICATE, "Proxy-Authenticate", FIELD_HOP)        \
	X(FIELD_COOKIE, "Cookie", FIELD_SECRET)                             \
	X(FIELD_SET_COOKIE, "Set-Cookie", FIELD_SECRET)                     \
	X(FIELD_AUTHORIZATION, "Authorization", FIELD_SECRET)               \
	X(FIELD_ALT_SVC, "Alt-Svc", FIELD_EDGE)                             \
	X(FIELD_ACCEPT, "Accept", 0)                                        \
	X(FIELD_CONTENT_TYPE, "Content-Type", 0)                            \
	X(FIELD_LOCATION, "Location", 0)                                    \
	X(FIELD_ORIGIN, "Origin", 0)                                        \
	X(FIELD_REFERER, "Referer", 0)                                      \
	X(FIELD_USER_AGENT, "User-Agent", 0)

enum field_id {
#define X(id, name, class) id,
	HTTP_FIELD_TABLE(X)
#undef X
	FIELD_OTHER
};

struct httpfield {
	struct span name, value; /* as sent; blanks around the value are gone */
	uint8_t id;              /* enum field_id */
	uint8_t class;           /* FIELD_HOP ... */
};

/* Letters, digits and '-', not empty. */
bool httpfield_name_ok(struct span name);
/* A token of RFC 9110 section 5.6.2: what else may be a name in a response, and methods and options. */
bool http_is_token(struct span s);
/* A byte that may stand in a value or a first line: no control byte but the tab; above ASCII bytes mean nothing
 * and pass. */
static inline bool http_text_byte(uint8_t c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}
bool httpfield_value_ok(struct span value);

/* By name, case folded and nothing else. */
enum field_id httpfield_id(struct span name);
/* The class of any name, '_' and '.' read as '-', case folded. */
unsigned httpfield_class(struct span name);
const char *httpfield_name(enum field_id id); /* "?" for FIELD_OTHER */

/* The next member of a comma list, blanks gone, empty ones skipped; *rest moves behind it. A comma inside a
 * quoted string does not cut, and a quote that nobody closes takes all the rest. */
bool httpfield_next(struct span *rest, struct span *one);
/* The list has this member, case folded. */
bool httpfield_lists(struct span value, const char *member);

#endif
