/*
 * upstream: a way to an origin for one request, or for one raw connection: a stream of a tunnel, or a connection to
 * a local origin, plain or TLS. Between requests it may be kept by the front connection that used it, for the same
 * place only; a byte or an end that comes while it is kept ends it.
 */
#ifndef ZT_UPSTREAM_H
#define ZT_UPSTREAM_H

#include "edge.h"

struct upstream;

/* The one that uses it now. */
struct upstream_user {
	/* d: open, set its user and wants. For a stream at once, from inside upstream_open(). */
	void (*open)(struct upstream *u, struct duct *d);
	/* It cannot be opened: code is an enum frame_reset, for answer_of_reset(); text for people. It is closed. */
	void (*failed)(struct upstream *u, unsigned code, const char *text);
};

struct upstream_to {
	struct site *site;
	const struct conf_host *host;       /* of a local origin; else NULL */
	const struct conf_service *service; /* of a local raw origin; else NULL */
	struct tunnel_route route;          /* of a tunnel's, with t set */
	uint8_t kind;                       /* enum frame_kind */
	uint64_t response_ms, idle_ms;      /* where the rule says nothing */
	struct span name, request;          /* canonical host; request id */
	const struct addr *peer, *local;    /* the visitor's */
	const uint8_t *serial;              /* 16 bytes; NULL: none */
};

/* 0 and *out, with open() or failed() called in time, perhaps at once: then *out is not written afterwards, and the
 * owner may be gone. Or -ZT_E_FULL, and nothing is called. */
int upstream_open(struct upstream **out, struct edge *e, const struct upstream_to *to, const struct upstream_user *user,
		  void *owner);
void *upstream_owner(const struct upstream *u);
struct upstream *upstream_of(const struct duct *d); /* of a duct that open() was called with */
bool upstream_is_local(const struct upstream *u);
const struct stream *upstream_stream(const struct upstream *u); /* NULL: it is a local one */
/* The reset that ended it (a stream's says more than the duct): code and words; of a local one nobody knows what was
 * delivered: UINT64_MAX. */
/* Local, and failed as another configuration had come meanwhile: whether it would be so under that one is not known. */
bool upstream_overtaken(const struct upstream *u);
unsigned upstream_reset(const struct upstream *u, const char **text, uint64_t *delivered);
/* why as duct_close(). It is gone for the caller. */
void upstream_close(struct upstream *u, enum zt_err why);

/* Exactly framed both ways: keep it for the next request of the same owner, for as long as its rule says. The owner's
 * slot is told by *slot = NULL when it ends meanwhile. */
void upstream_keep(struct upstream *u, struct upstream **slot);
/* Takes it back if it leads where `to` leads (same tunnel, epoch and rule; same host and configuration), else closes
 * it. true: user.open() was called. */
bool upstream_again(struct upstream *u, const struct upstream_to *to, const struct upstream_user *user, void *owner);
uint64_t upstream_response_ms(const struct upstream *u); /* its rule's, else its host's */
uint64_t upstream_idle_ms(const struct upstream *u);
const struct tunnel *upstream_tunnel(const struct upstream *u); /* NULL: it is local */
/* Local connections that still linger: before the buffers go. */
void upstreams_end(struct edge *e);

#endif
