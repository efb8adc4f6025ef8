/*
 * sign: what the files of ca-sign share. ca-sign is the one process that holds the authority's keys
 * and writes its registry: one directory, no network. It is asked by ca-front over a packet line and
 * by the administrator's commands over streams (wire/casign), one message at a time; what the answers
 * are is serve/issuer's.
 *
 *   sign.c       the child: what it is handed, jail, reload, end
 *   sign_keys.c  the bundle's files -> keys
 *   sign_open.c  the registry, held against the keys
 *   sign_line.c  the lines of those who ask
 */
#ifndef ZT_CA_SIGN_H
#define ZT_CA_SIGN_H

#include "base/crypto.h"
#include "base/pool.h"
#include "io/child.h"
#include "serve/askca.h"
#include "serve/issuer.h"
#include "serve/registry.h"
#include "wire/privkey.h"

/* Wiped and freed as a whole; a reload makes another. Points into itself. */
struct sign_keys {
	uint8_t digest[SHA256_LEN]; /* of the bundle that they are from */
	bool has[ANCHORS][CA_GENERATIONS + 1]; /* by generation, from 1 */
	struct privkey anchor[ANCHORS][CA_GENERATIONS + 1];
	struct privkey registry;               /* always there */
};

struct sign_line;

struct sign {
	struct child child;
	struct registry *registry;
	struct issuer *issuer;
	struct sign_keys *keys, *prepared;
	bool command;               /* of one command, not of a role */
	struct span bundle;         /* until its keys are in force */
	void *bundle_mem;
	struct sign_line *lines;
	struct arena scratch;       /* of one answer */
	bool left;
	uint64_t asked, refused, broken;
};

/* ---- sign_keys.c ---- */
/* bundle: as wire/bundle has it, checked. -ZT_E_KEY: wrong passphrase, or a key file that is none;
 * -ZT_E_MISSING: no registry key. The sentence names the file. */
int sign_keys_new(struct sign_keys **out, const struct conf *c, struct span bundle, struct why *w);
void sign_keys_free(struct sign_keys *k); /* wipes; NULL is fine */
/* NULL: it is elsewhere (offline). */
const struct pk_private *sign_key_of(const struct sign_keys *k, enum cert_anchor a, unsigned generation);

/* ---- sign_open.c ---- */
/* Opens it and holds s->keys against it. */
int sign_open(struct sign *s, struct why *w);
/* Does each key belong to what the registry says? -ZT_E_KEY with a sentence that names the file. */
int sign_keys_fit(const struct sign_keys *k, const struct registry *r, struct why *w);

/* ---- sign_line.c ---- */
/* fd is its own from here on. number: as child_class.link has it. */
void sign_line_new(struct sign *s, unsigned number, int fd);
void sign_lines_drain(struct sign *s); /* commands end with the answer that is due, the network side by itself */
void sign_lines_close(struct sign *s);
void sign_leave_if_drained(struct sign *s); /* sign.c; when a line has gone */

#endif
