/*
 * forward: what goes on. One typed request and what its rule changes -> the bytes of the head for the origin; one
 * typed response -> the bytes of the head for the visitor. Nothing is passed on raw, so each side reads what was
 * decided about and nothing beside it. Pure.
 *
 * To the origin: fields of the hop and whatever Connection lists are gone before ours are put in, so that a
 * visitor can name none of ours; the identity family is gone, zt's own cookies are gone, the framing is written
 * anew, and of all protocols only a WebSocket may be asked for. To the visitor: the same family, zt's cookies and Alt-Svc are gone.
 */
#ifndef ZT_FORWARD_H
#define ZT_FORWARD_H

#include "base/err.h"
#include "wire/addr.h"
#include "wire/httpreq.h"
#include "wire/httpresp.h"

#define FORWARD_HEAD 32768 /* enough room for a head that is read (16 KiB) and what is added to it by default */

struct forward_field {
	struct span name, value;
};
/* What a rule changes; all of it was checked when the configuration was read: paths are canonical and begin with
 * "/", names are tokens and none of them is one of the hop or of the framing, values hold no control byte. What
 * breaks that is refused here once more. */
struct forward_rule {
	struct span host;                  /* instead of what the visitor asked for; empty: that */
	struct span strip_prefix;          /* whole segments; empty: none */
	struct span add_prefix;
	const struct forward_field *set;   /* instead of fields of these names, ours too */
	size_t sets;
	const struct span *remove;         /* fields of these names, ours too (X-Forwarded-For for some origins) */
	size_t removes;
};

struct forward_request {
	const struct httpreq *req;
	struct span path;        /* canonical: what policy saw */
	const struct addr *user; /* the visitor */
	bool tls;                /* how the visitor came */
	struct span id;          /* of this request; empty: none is said */
	bool close;              /* the origin's connection is for this request only */
	const struct forward_rule *rule; /* NULL: changes nothing */
};
/* 0; -ZT_E_TOOLONG: there is not enough room (431); -ZT_E_MISSING: no host; -ZT_E_SYNTAX: something in it may not stand in a
 * head. On error w is as before. The body goes on as req->body says: with its length, or in chunks. */
int forward_request(const struct forward_request *f, struct wr *w);

struct forward_reply {
	const struct httpresp *resp;
	uint8_t minor;           /* the visitor's version */
	struct span upgrade;     /* the protocol that forward_request() asked for; a 101 to another one is -ZT_E_SYNTAX */
	bool keep;               /* we would read another request of the visitor's */
	struct span id;
};
struct forward_sent {
	uint8_t body;            /* enum httpbody_kind, how its body must be sent to the visitor */
	bool keep;               /* the visitor was told that the connection stays */
};
/* Interim ones (1xx but 101) too, but for a visitor of HTTP/1.0, who knows none: -ZT_E_SYNTAX. */
int forward_reply(const struct forward_reply *f, struct wr *w, struct forward_sent *sent);

/* The path as the rule's origin sees it, into w: strip, then add. */
void forward_path(const struct forward_rule *rule, struct span path, struct wr *w);

#endif
