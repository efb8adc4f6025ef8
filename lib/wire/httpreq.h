/*
 * httpreq: the head of one request, read strictly into one typed value (RFC 9112). What two programs might read
 * differently is refused; what is left means one thing to policy, to the log and to the origin. Pure.
 *
 * Spans point into the head that was read: it must outlive them.
 */
#ifndef ZT_HTTPREQ_H
#define ZT_HTTPREQ_H

#include "wire/httpbody.h"
#include "wire/httphost.h"

#define HTTP_METHOD_MAX 24 /* bytes of a method's name */

/* Others than these pass as HTTP_METHOD_OTHER when they are upper case (WebDAV). CONNECT and TRACE are refused. */
#define HTTP_METHODS(X) \
	X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(OPTIONS) X(PATCH)
enum http_method {
	HTTP_METHOD_OTHER,
#define X(name) HTTP_METHOD_##name,
	HTTP_METHODS(X)
#undef X
};

struct httpreq {
	uint8_t method;        /* enum http_method */
	uint8_t minor;         /* HTTP/1.0 or 1.1 */
	uint8_t refusal;       /* enum http_refusal, after an error */
	uint16_t status;       /* to answer then; else 0 */
	bool asterisk;         /* "OPTIONS *": path is empty */
	bool has_query;        /* a '?' is there, if only with nothing behind it */
	bool keep;             /* the connection may carry another request */
	bool expects_continue; /* waits for 100 before it sends its body */
	struct span method_name;
	struct span target;    /* as sent */
	struct span path;      /* as sent, begins with "/": urlpath_canon() makes the one to use */
	struct span query;     /* behind the first '?' */
	struct span upgrade;   /* the one protocol asked for; empty: none, or a list, or with a body */
	bool websocket;        /* upgrade is "websocket" */
	struct httphost host;
	struct httpframing body;
	struct httpfields fields;
};

/* head: a whole head, as long as httpscan_more() said. 0, or refused: -ZT_E_SYNTAX, -ZT_E_TOOLONG or
 * -ZT_E_UNKNOWN with ->refusal and ->status set; method_name and target are then what could be read, for the
 * log, and nothing else is. */
int httpreq_read(struct span head, struct httpreq *out);

#endif
