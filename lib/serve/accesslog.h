/*
 * accesslog: one JSON line for each request and for each stream that ended, in Caddy's schema with one object `zt`
 * more, so that what reads such logs already reads these (docs/formats.md, "Access log"). A line is at most
 * BOUND_LOG_LINE bytes: fields of the request that do not fit are left out, and it says "cut":true.
 *
 * Never in it: values of Cookie, Authorization and other secret fields, of parameters of a query that are named
 * like secrets. What a peer wrote is escaped.
 */
#ifndef ZT_ACCESSLOG_H
#define ZT_ACCESSLOG_H

#include "base/bounds.h"
#include "wire/addr.h"
#include "wire/httpreq.h"

#define ACCESSLOG_LINE BOUND_CAP(BOUND_LOG_LINE)

struct access_tls {
	bool on, resumed;
	uint16_t suite;
	const char *alpn, *name; /* never NULL */
	const char *client;      /* CN or id of its certificate; "": none */
};

/* What is common to requests and streams. Strings are never NULL, "" is not known. */
struct access_common {
	int64_t wall_ms;             /* when it ended */
	uint64_t duration_ns;
	uint64_t bytes_in, bytes_out;/* bodies; of a stream all bytes: from and to the visitor */
	const struct addr *peer;     /* of the socket */
	const struct addr *user;     /* whose address counts */
	struct access_tls tls;
	struct span id, host;        /* request id; canonical */
	const char *user_id;         /* who it was, when somebody was recognised */
	const char *decision;        /* policy_name() */
	const char *route;           /* the host's section */
	const char *connector;       /* its id; "" local */
	int64_t rule;                /* of its table; -1: none */
	uint32_t epoch;              /* of the configuration */
	const uint8_t *serial;       /* 16 bytes, of the visitor's certificate; NULL: none */
	const char *fault;           /* why it ended early: a reset's name, "cut", ... */
};

struct access_request {
	struct access_common c;
	const struct httpreq *req;   /* also of a refused one: what is in it is logged. NULL: not one byte of it was good */
	struct span path;            /* canonical; empty: the target as sent, as far as there is one */
	unsigned status;             /* 0: none was sent */
	struct span type, location;  /* of the response: Content-Type, Location */
};
/* The line with its newline, into w, which is empty and has ACCESSLOG_LINE bytes of room. */
void access_request_line(const struct access_request *a, struct wr *w);

struct access_stream {
	struct access_common c;
	const char *kind;            /* "websocket", "tcp", "pass-through", "enrol" */
	const char *by;              /* who ended it: "visitor", "origin", "edge"; NULL: it is not said */
};
void access_stream_line(const struct access_stream *a, struct wr *w);

#endif
