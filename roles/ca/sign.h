/*
 * sign: what the files of ca-sign share. ca-sign is the one process that holds the authority's keys
 * and writes its registry: one directory, no network. It is asked by ca-front over a packet line and
 * by the administrator's commands over streams (wire/casign), one message at a time.
 *
 *   sign.c       the child: bundle, directory, jail, loop, lines
 *   sign_keys.c  the bundle's files -> keys, checked against the anchors
 *   sign_table.c which handler answers which message
 *   sign_*.c     the handlers
 */
#ifndef ZT_CA_SIGN_H
#define ZT_CA_SIGN_H

#include "base/pool.h"
#include "io/child.h"
#include "serve/registry.h"
#include "wire/casign.h"
#include "wire/privkey.h"

/* Generations of one anchor whose keys are looked for: keys/infra.1.key to keys/infra.9.key. */
#define SIGN_GENERATIONS 9
/* What one request may take of struct sign.scratch: an answer, and what it is made of. */
#define SIGN_SCRATCH (8 * CASIGN_MAX)

/* Wiped and freed as a whole; a reload makes another. Points into itself. */
struct sign_keys {
	bool has[ANCHORS][SIGN_GENERATIONS + 1]; /* by generation, from 1 */
	struct privkey anchor[ANCHORS][SIGN_GENERATIONS + 1];
	struct privkey registry;                 /* always there */
};

struct sign_enrolments; /* sign_enrol.c: joins between CA_ENROL and CA_PROVE */
struct sign_lists;      /* sign_lists.c: revocation lists and status lists as they were signed last */
struct sign_twins;      /* sign_seen.c: which instances showed which certificate */

struct sign {
	struct child child;         /* .log, .bounds, .conf (CONF_FOR_CA_SIGN), .loop */
	struct registry *registry;
	struct sign_keys *keys;     /* in force */
	const struct clock *clock;  /* wall for certificates */
	struct arena scratch;       /* of one request, up to SIGN_SCRATCH; empty again before the next */
	/* The handlers' own memory, each made at first need by the file that it is named after, and freed
	 * by sign_forget(). NULL: nothing yet. */
	struct sign_enrolments *enrolments;
	struct sign_lists *lists;
	struct sign_twins *twins;
	/* sign.c's own */
	struct sign_keys *prepared;
	struct sign_line *lines;
	size_t admins;
	uint64_t asked, refused, broken;
};

/* Seconds since 1970. */
static inline int64_t sign_now(const struct sign *s)
{
	return clock_wall(s->clock) / 1000;
}

/*
 * A handler. `in` is well-formed and may be sent by whoever sent it; its spans live until the answer is
 * sent. fd: came along (CA_ADOPT), stays the caller's; else -1. 0: CA_OK with the fields of *out, whose
 * spans live in `in`, in s->scratch or in what outlives the answer. Negative: CA_NO with that code and
 * the sentence of *w; *out is not looked at. out->type is set before the call.
 */
typedef int sign_handler(struct sign *s, const struct casign *in, int fd, struct casign *out, struct why *w);

struct sign_row {
	enum casign_type type;
	sign_handler *answer;
};
extern const struct sign_row sign_rows[]; /* sign_table.c; a type without a row is refused */
extern const size_t sign_rows_n;
void sign_forget(struct sign *s);         /* sign_table.c: the handlers' own memory */

/* For handlers: sets a field. The u64 (any width that the field has, little-endian) is put into
 * s->scratch; no room there: the field is not set, and the answer becomes CA_NO. */
void sign_put(struct casign *m, enum casign_field f, struct span bytes);
void sign_put_u64(struct sign *s, struct casign *m, enum casign_field f, uint64_t v);

/* ---- sign_keys.c ---------------------------------------------------------------------------------- */

/* bundle: as wire/bundle has it, checked. -ZT_E_KEY: wrong passphrase, or a key file that is none;
 * -ZT_E_MISSING: no registry key. The sentence names the file. */
int sign_keys_new(struct sign_keys **out, const struct conf *c, struct span bundle, struct why *w);
void sign_keys_free(struct sign_keys *k); /* wipes; NULL is fine */
/* NULL: it is elsewhere (offline). */
const struct pk_private *sign_key_of(const struct sign_keys *k, enum cert_anchor a, unsigned generation);
/* The key and the anchor that certificates under `a` are signed with now: 0; -ZT_E_KEY with a sentence
 * that says which file is missing here, -ZT_E_NOTFOUND: no such anchor. */
int sign_signing(const struct sign *s, enum cert_anchor a, const struct pk_private **key,
		 const struct reg_anchor **anchor, struct why *w);

#endif
