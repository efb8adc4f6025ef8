/*
 * issuer: the authority's answers. It is asked in messages of wire/casign and decides: whether a
 * request may become a certificate, who may renew, which token still counts, what stands on the lists,
 * which anchor signs. It owns the order of things: a certificate is made and signed in memory, recorded
 * (serve/registry), and only then answered.
 *
 * Registry, keys, clock and log are handed in; no descriptor, no socket and no loop of its own, so
 * that one process (roles/ca/sign) and a test ask it alike. docs/formats.md, "Between ca-sign and
 * those who ask", says what each message means.
 */
#ifndef ZT_ISSUER_H
#define ZT_ISSUER_H

#include "base/log.h"
#include "base/pool.h"
#include "decide/certrole.h"
#include "wire/casign.h"

struct issuer;
struct registry;

#define ISSUER_TALK_S 30                      /* from CA_ENROL to CA_PROVE */
#define ISSUER_TOKEN_TTL (30 * 60)            /* default, seconds */
#define ISSUER_TOKEN_OPEN (24 * 3600)         /* longer only for named networks or with approval */
#define ISSUER_TOKEN_LONGEST (366 * 24 * 3600)
#define ISSUER_TOKEN_USES 10000
#define ISSUER_PENDING_S (7 * 24 * 3600)      /* a join waits no longer for a yes */
#define ISSUER_PENDING_MORE 16                /* joins that may wait by one token beyond the uses it has left */
#define ISSUER_ASK_AGAIN_S 5                  /* what a joiner that waits is told */
#define ISSUER_MEM (3 * CASIGN_MAX)           /* what one answer takes of its arena */

struct issuer_opts {
	struct registry *registry; /* stays the caller's, must outlive it */
	const struct clock *clock; /* wall: certificates; mono: enrolments under way */
	struct bounds *bounds;     /* BOUND_CA_TALKS, _SIGHTINGS, _CHANGES */
	struct log *log;
	uint64_t crl_ms, list_ms;  /* [ca] crl_lifetime, list_every */
	/* The key of an anchor, which must stay as it is until the answer; NULL: it is elsewhere. Asked anew
	 * for each signature, so that a reload may change what there is. */
	const struct pk_private *(*anchor_key)(void *ctx, enum cert_anchor a, unsigned generation);
	const struct pk_private *(*registry_key)(void *ctx); /* NULL: it is elsewhere */
	void *ctx;
};

/* 0; -ZT_E_NOMEM. The registry is open and begun. */
int issuer_new(struct issuer **out, const struct issuer_opts *o, struct why *w);
void issuer_free(struct issuer *is); /* wipes; NULL is fine */
void issuer_set_times(struct issuer *is, uint64_t crl_ms, uint64_t list_ms); /* a reload */

struct issuer_ask {
	char from;               /* 'f' the network side, 'c' a command */
	const struct casign *in; /* as casign_read() gave it for `from` */
	int fd;                  /* came along (CA_ADOPT), stays the caller's; else -1 */
	struct arena *mem;       /* for what the answer points to, ISSUER_MEM */
};
/* 0: *out is a CA_OK whose spans live in in, in mem, or until the next call. Negative: CA_NO with that
 * code and the sentence of *w. */
int issuer_answer(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w);
/* Have the lists changed since this was asked last? Then the network side is told (CA_NEWS). */
bool issuer_news(struct issuer *is);

#endif
