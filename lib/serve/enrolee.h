/*
 * enrolee: the joiner's and agent's side of zt-enrol/1 (wire/enrol) as a state machine without a socket:
 * bytes in, bytes out. It begins when the TLS server's key is known and was judged (decide/authority).
 *
 *   join    HELLO -> (CHALLENGE, its proof is right) PROOF -> GRANTED, PENDING
 *   renew   RENEW -> GRANTED
 *   watch   WATCH -> LIST, ANCHORS, …
 *
 * What is granted comes out checked: a join's proof, and authority_granted(). It holds the token's secret
 * and no private key.
 */
#ifndef ZT_ENROLEE_H
#define ZT_ENROLEE_H

#include "decide/authority.h"
#include "wire/enrol.h"

enum enrolee_kind { ENROLEE_JOIN, ENROLEE_RENEW, ENROLEE_WATCH };

struct enrolee {
	/* the caller's, before enrolee_begin(); all borrowed */
	enum enrolee_kind kind;
	const struct token *token;    /* join */
	struct span csr;              /* join, renew */
	struct span label;            /* join; may be empty */
	struct span signature;        /* renew: by the key of the certificate (wire/enrolsig) */
	struct authority_asked asked; /* join, renew; watch: the pins and the registry key */
	uint8_t instance[ENROL_INSTANCE]; /* watch, and what it has already: */
	uint64_t epoch, number;
	/* its own */
	enum { ENROLEE_IDLE, ENROLEE_HELLO, ENROLEE_PROVED, ENROLEE_ASKED, ENROLEE_WATCHES, ENROLEE_OVER } state;
	bool refused;                 /* the authority said no; not: it could not be heard */
	bool asked_for;               /* it was told enough to grant a certificate, whatever came back */
	struct enrol_talk talk;
};

/* server: SHA-256 of the key of the TLS server. Writes the first frame. */
void enrolee_begin(struct enrolee *e, const uint8_t server[static 32], struct wr *out);

enum enrolee_event {
	ENROLEE_MORE,    /* more bytes are needed */
	ENROLEE_SAY,     /* a frame was taken, an answer is in out */
	ENROLEE_GRANTED, /* *m is good: store it */
	ENROLEE_PENDING, /* ask again after ENF_AFTER seconds, on a new connection */
	ENROLEE_LIST,    /* a status list, not looked at yet */
	ENROLEE_ANCHORS, /* checked: signed, and one of the infra anchors was known */
	ENROLEE_FAILED   /* w says why: -ZT_E_TOKEN, -ZT_E_DENIED, …: what the authority said, or what is wrong with it */
};
/* One frame of in, *used bytes of it. m's spans point into in. */
enum enrolee_event enrolee_take(struct enrolee *e, struct span in, size_t *used, struct wr *out, struct enrol *m,
				struct why *w);
/* Seconds to wait after ENROLEE_PENDING: what it said, but 1 to 60. */
uint32_t enrolee_after(const struct enrol *m);

/* The bytes of a frame from the authority may be this many: ENROL_MAX, but in a watch a list. */
size_t enrolee_room(const struct enrolee *e);

#endif
