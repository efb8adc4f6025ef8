/*
 * exchange: one request of a web connection, from the first byte of its head to the last of its answer: read
 * strictly, decided about once, written anew to the origin, the answer written anew to the visitor, one line in the
 * access log. Bodies of any size pass in both directions at the same time and are held nowhere.
 *
 *   HEAD -> ASKING (the way to the origin opens) -> PASSING (bodies, both ways) -> over
 *        \-> ANSWERING (an answer of our own)             \-> TUNNEL (101: bytes both ways, io/couple)
 */
#ifndef ZT_EXCHANGE_H
#define ZT_EXCHANGE_H

#include "upstream.h"

#define EXCHANGE_BYTES 704 /* no more than that, without its arena */
struct exchange;

/* What it needs of its connection; front.c fills it. */
struct exchange_of {
	struct edge *e;
	struct duct *d;                  /* the visitor; the exchange is its user until over() */
	struct addr peer, user, local;   /* of the socket; whose address counts; where it arrived */
	const struct access_tls *tls;
	unsigned plan;                   /* policy id in the site in force; UINT_MAX: its host is gone */
	const struct policy_cert *cert;
	struct upstream **kept;          /* the connection's slot */
	bool last;                       /* what runs may end, and nothing more begins */
	/* Over: keep says that the connection may carry another. From the loop; the exchange is gone after it. What
	 * must not be taken for a whole answer was reset: d is closed then, and closing it again does nothing. */
	void (*over)(void *owner, bool keep);
	void *owner;
};

/* Begins where the duct has a first byte. of must outlive it; plan and cert are read again with each decision.
 * -ZT_E_FULL: no room for one more: the caller answers nothing and closes. */
int exchange_start(struct exchange **out, const struct exchange_of *of);
/* Decide again, for a new site or status list: when it is not allowed any more it is cut, and over() called with keep
 * false. */
/* Has nobody the name any more that it is for? It is judged by what was in force when it began, then. */
bool exchange_unnamed(const struct exchange *x);
void exchange_rejudge(struct exchange *x);
/* At once, no over(); logged with this reason. */
void exchange_end(struct exchange *x, const char *why);
void exchange_look_again(struct exchange *x); /* if it waits for a tunnel */
bool exchange_is_idle(const struct exchange *x); /* not a byte of a head has come yet */
void exchanges_free(struct edge *e); /* none lives any more */

#endif
