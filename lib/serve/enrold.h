/*
 * enrold: the authority's side of zt-enrol/1 (wire/enrol) for one peer, without sockets, clock or
 * memory of its own: frames in, questions for ca-sign out, its answers in, frames out. It keeps the
 * order of what may be said when; who may have what is ca-sign's to decide, and it never sees a secret.
 *
 *   FIRST -- HELLO --> ENROL -> CHALLENGED -- PROOF --> PROVE -> over
 *         \- RENEW --> RENEW -> over
 *          \ WATCH --> FIRST_SEEN -> WATCHING <-> SEEN
 */
#ifndef ZT_ENROLD_H
#define ZT_ENROLD_H

#include "wire/casign.h"
#include "wire/enrol.h"

/* What a joiner may send at once: a HELLO is its longest, with a request of 8,192 bytes. */
#define ENROLD_IN 8448
#define ENROLD_TEXT 80

enum enrold_state {
	ENROLD_FIRST, ENROLD_ENROL, ENROLD_CHALLENGED, ENROLD_PROVE, ENROLD_RENEW, ENROLD_FIRST_SEEN, ENROLD_WATCHING,
	ENROLD_SEEN, ENROLD_OVER
};

/* What is to be done now. */
enum enrold_do {
	ENROLD_MORE,  /* hear more of the peer */
	ENROLD_WHO,   /* enrold_known() first, then the same bytes again */
	ENROLD_ASK,   /* ask ca-sign o->ask, then enrold_answered() */
	ENROLD_SAY,   /* send o->say, then hear more */
	ENROLD_BYE,   /* send o->say, then close */
	ENROLD_WATCH  /* it may have status lists, from {e->epoch, e->number} on; nothing to send yet */
};

struct enrold {
	uint8_t state;             /* enum enrold_state */
	bool is_known;             /* whose certificate it is */
	enum enrol_type began;     /* HELLO, RENEW or WATCH: what it came for */
	enum zt_err code;          /* why it was refused; ZT_OK: it was not */
	uint32_t line;             /* of ca-sign, on which the enrolment was begun */
	char peer[ENROLD_TEXT];    /* its address, text */
	uint8_t server[SHA256_LEN];/* digest of our TLS key as the peer met it */
	uint8_t serial[16];        /* of its certificate */
	uint8_t token[TOKEN_ID], role, talk[8], instance[ENROL_INSTANCE];
	uint64_t epoch, number;    /* of the list that a watcher has */
	uint8_t id[24];            /* opaque id of the certificate that was granted; id[0] 0: none */
};

/* What comes of a step: its owner's, on the stack. Spans live in what was handed in, in *e and in *o. */
struct enrold_out {
	struct casign ask;         /* with ENROLD_ASK */
	struct enrol say;          /* with ENROLD_SAY and ENROLD_BYE */
	uint8_t num[8];
	char text[480];            /* why it was refused, in ca-sign's own words: for the log */
};

/* peer: "192.0.2.1". */
void enrold_init(struct enrold *e, const char *peer, const uint8_t server[static SHA256_LEN]);
/* in: all that is there. *used bytes of it were a frame; 0 with ENROLD_MORE and ENROLD_WHO. What is no
 * frame, or out of order, is refused in words. */
enum enrold_do enrold_heard(struct enrold *e, struct span in, size_t *used, struct enrold_out *o);
/* After ENROLD_WHO: whose certificate it is; NULL: it has none that counts, *why says so. */
enum enrold_do enrold_known(struct enrold *e, const uint8_t *serial, const struct why *why, struct enrold_out *o);
/* As caask_how.done. `line`: caline_number() when it was asked. */
enum enrold_do enrold_answered(struct enrold *e, const struct casign *ok, const struct why *no, uint32_t line,
			       struct enrold_out *o);
/* The question could not be asked, or the owner has a reason of its own. */
enum enrold_do enrold_refuse(struct enrold *e, enum zt_err code, const char *text, struct enrold_out *o);
/* A watcher, every ENROLD_BEAT: is it still good? ENROLD_ASK, or ENROLD_WATCH while it is being asked. */
#define ENROLD_BEAT 15 /* seconds */
enum enrold_do enrold_beat(struct enrold *e, struct enrold_out *o);
/* What stands in front of a status list of n bytes, in a LIST frame. */
#define ENROLD_LIST_HEAD (ENROL_HEADER + 6)
void enrold_list_head(struct wr *w, size_t n);

#endif
