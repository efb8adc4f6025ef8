/*
 * answer: what zt answers itself when a request goes no further, whole: head and body. It says whose fault it is,
 * a reason from a closed list and the request id: JSON for programs, a plain page for whoever asks for text/html.
 * Nothing in it comes from the peer unescaped, and nothing of it is kept by a cache.
 */
#ifndef ZT_ANSWER_H
#define ZT_ANSWER_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct answer {
	unsigned status;         /* 200 to 599 */
	const char *reason;      /* short name: of a policy_reason, an http_refusal, a frame_reset */
	const char *words;       /* a sentence without a full stop */
	struct span detail;      /* more of it, may be what a peer wrote (a pin to set); empty: none */
	struct span host, id;    /* what was asked for; of the request. Empty: unknown */
	unsigned retry_s;        /* Retry-After; 0: none is said */
	struct span accept;      /* the Accept field */
	uint8_t minor;           /* the visitor's version */
	bool head, keep;         /* HEAD was asked: no body; the connection stays */
};
#define ANSWER_MOST 4608 /* five texts of 506, a page of 900 around them, a head of 1,024: 4,454 */
/* 0, or -ZT_E_TOOLONG with w as before: never with ANSWER_MOST bytes of room. */
int answer_write(const struct answer *a, struct wr *w);

/* What a tunnel's RESET (enum frame_reset) or a local dial means for the visitor: sets status, reason, words and
 * retry_s. A number that is not known is a 502. */
void answer_of_reset(unsigned code, struct answer *out);

/* http_status:N of a rule: the status and no body; one that is no final status (below 200) is 502. */
int answer_status(const struct answer *a, struct wr *w);
/* hello_world of a rule: a page that says that the tunnel works. */
int answer_hello(const struct answer *a, struct wr *w);
/* Of :80: the same thing by https, 308 or for GET and HEAD 301. target: path and query as sent, visible ASCII
 * that begins with "/"; -ZT_E_SYNTAX for anything else. */
int answer_https(const struct answer *a, struct span target, bool safe_method, struct wr *w);

const char *answer_phrase(unsigned status); /* "Not Found"; "" when there is none */

#endif
