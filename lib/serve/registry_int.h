/*
 * registry_int: what the files of the registry share.
 *
 *   registry.c         open, close, questions
 *   registry_index.c   certificates in memory: rows in chunks, tables by serial, key and name
 *   registry_world.c   all of the state in memory
 *   registry_apply.c   what each record does to it
 *   registry_recs.c    state -> records
 *   registry_change.c  changes: checked, written, then done in memory
 *   registry_snap.c    the file anew, and certificates read back from it
 *   registry_adopt.c   what another registry knows
 *
 * Memory changes in one place only, world_apply(), by the very record that is on the disk; so a
 * registry that was opened again is the one that was closed.
 */
#ifndef ZT_REGISTRY_INT_H
#define ZT_REGISTRY_INT_H

#include "serve/registry.h"
#include "wire/carec.h"

enum {
	REG_CHUNK = 256,                                     /* rows that are allocated at once */
	REG_CERTS = BOUND_CAP(BOUND_CA_CERTS),
	REG_CHUNKS = REG_CERTS / REG_CHUNK,
	REG_TOKENS = BOUND_CAP(BOUND_CA_TOKENS),
	REG_JOINS = BOUND_CAP(BOUND_CA_PENDING),
	REG_ANCHORS = 32,                                    /* of all kinds: a roll-over every few years */
	REG_SPKI = 160,
	REG_LIST_BLOCK = 4096,                               /* status list numbers that one record reserves: 17 h at 15 s */
	REG_JUNK = 65536,                                    /* a file with less that does not count is left alone */
};
#define REG_TOKEN_KEEP (7 * INT64_C(86400)) /* an expired token is listed for so long */
#define REG_SEEN_KEEP INT64_C(86400)        /* a sighting is on the disk after this at the latest */

struct reg_row {
	struct reg_cert c;
	uint32_t size; /* of its record */
	bool unsaved;  /* seen is newer than on the disk */
};

/* Open addressing: number of a row + 1, or 0. */
struct reg_table {
	uint32_t *slot;
	size_t cap, n; /* cap: a power of two, or 0 */
};
enum reg_key { REG_BY_SERIAL, REG_BY_KEY, REG_BY_ID, REG_BY_NAME, REG_KEYS };

struct reg_index {
	struct reg_row *chunk[REG_CHUNKS];
	size_t n;
	struct reg_table table[REG_KEYS];
	uint64_t seed;
};

struct reg_token_row {
	struct reg_token t;
	uint32_t size;
	size_t nder;
	uint8_t der[]; /* t.san points into it */
};
struct reg_join_row {
	struct reg_pending p;
	uint32_t size;
};
struct reg_anchor_row {
	struct reg_anchor a;
	uint8_t *mem; /* what a.der shows */
	uint64_t crl;
	uint32_t size;
};

struct reg_world {
	struct bounds *bounds; /* NULL: nobody counts */
	uint8_t spki[REG_SPKI];
	size_t spki_n;         /* 0: not begun */
	uint64_t epoch, list_upto, joins;
	uint64_t kept;         /* bytes of records that count */
	struct reg_anchor_row anchor[REG_ANCHORS];
	size_t nanchors;
	struct reg_index certs;
	struct reg_token_row *token[REG_TOKENS];
	size_t ntokens;
	struct reg_join_row *join[REG_JOINS];
	size_t njoins;
	void *spare;           /* what the next record will need: world_reserve() */
};

struct registry {
	struct reg_world m;
	struct registry_opts o;
	struct journal *j;
	uint64_t list_last;       /* number of a status list */
	uint64_t snap_from;       /* bytes of the file below which no snapshot is tried */
	struct reg_row *unsaved[CAREC_SIGHTINGS]; /* rows never move */
	size_t nunsaved;
	int64_t unsaved_since;
	uint8_t mem[JREC_MAX];    /* a record that is read back */
};

/* ---- registry_index.c ---------------------------------------------------------------------------- */

void index_init(struct reg_index *x);
void index_free(struct reg_index *x);
/* Memory for n rows more: 0, -ZT_E_NOMEM, -ZT_E_FULL. */
int index_reserve(struct reg_index *x, size_t n);
struct reg_row *index_add(struct reg_index *x, const struct reg_cert *c); /* was reserved; not there yet */
struct reg_row *index_row(const struct reg_index *x, size_t i);           /* i < x->n */
struct reg_row *index_find(const struct reg_index *x, enum reg_key by, struct span key); /* the newest, NULL */

/* ---- registry_world.c ---------------------------------------------------------------------------- */

void world_init(struct reg_world *m, struct bounds *b);
void world_free(struct reg_world *m);
/* Everything that world_apply() of this record will allocate. 0, -ZT_E_NOMEM, -ZT_E_FULL. */
int world_reserve(struct reg_world *m, const struct carec *r);
/* Tokens that are over make room; that is in no record, because it changes no answer. */
void world_sweep(struct reg_world *m, int64_t now);
bool world_has_room(struct reg_world *m, enum bound_id id);
struct reg_anchor_row *world_anchor(const struct reg_world *m, enum cert_anchor a, unsigned generation);
struct reg_anchor_row *world_signing(const struct reg_world *m, enum cert_anchor a);
struct reg_token_row *world_token(const struct reg_world *m, const uint8_t *id);
struct reg_join_row *world_join(const struct reg_world *m, uint64_t number);
struct reg_join_row *world_join_of(const struct reg_world *m, const uint8_t *key);
bool token_is_over(const struct reg_token *t, int64_t now);
/* For registry_apply.c: what counts, and rows. */
bool world_take(struct reg_world *m, enum bound_id id);
void world_give(struct reg_world *m, enum bound_id id, uint64_t n);
void *world_fresh(struct reg_world *m, size_t n); /* what world_reserve() has put aside, or new: zeroed when it is a row */
size_t world_join_at(const struct reg_world *m, uint64_t number); /* m->njoins: there is none */
void world_drop_join(struct reg_world *m, size_t i);

/* ---- registry_apply.c ---------------------------------------------------------------------------- */

/* 0; -ZT_E_DAMAGED when the record cannot follow what was before; -ZT_E_NOMEM, -ZT_E_FULL. Nothing is
 * changed then. After world_reserve() and the checks of a change it is 0. */
int world_apply(struct reg_world *m, const struct carec *r, uint64_t offset, size_t size);
/* A journal_each over a struct reg_world. */
int world_each(void *world, const struct jrec *r, uint64_t offset);

/* ---- registry_recs.c ----------------------------------------------------------------------------- */

bool is_zero(const uint8_t *p, size_t n);
size_t record_size(const struct carec *r);
void rec_begin(struct carec *out, const struct reg_world *m);
void rec_anchor(struct carec *out, const struct reg_anchor_row *a);
void rec_cert(struct carec *out, enum carec_type t, const struct reg_cert *c, struct span der);
void rec_join(struct carec *out, const struct reg_pending *p);
/* mem keeps what *out points to. */
struct rec_token_mem {
	uint8_t cidrs[CAREC_CIDR * CAREC_CIDRS], sans[8192];
};
int rec_token(struct carec *out, const struct reg_token *t, struct rec_token_mem *mem); /* 0, -ZT_E_TOOLONG */
/* The other way. */
void cert_of(struct reg_cert *out, const struct carec *r, uint64_t offset);
void token_of(struct reg_token *out, const struct carec *r); /* without networks and names */
void join_of(struct reg_pending *out, const struct carec *r);
int cidrs_of(struct reg_token *t, struct span bytes);  /* 0, -ZT_E_DAMAGED */
int sans_of(struct reg_token *t, struct span der);     /* 0, -ZT_E_DAMAGED; points into der */
/* Is the certificate what the fields say? 0, -ZT_E_BUG. *out is its reading. */
int cert_agrees(const struct reg_cert *c, struct span der, struct x509 *out, struct why *w);

/* ---- registry_snap.c ----------------------------------------------------------------------------- */

void snap_if_due(struct registry *r);
/* The certificate in a record, which must be this one's: 0, -ZT_E_DAMAGED. */
int der_in(const struct jrec *rec, const struct reg_cert *c, struct span *der);

/* ---- registry_change.c --------------------------------------------------------------------------- */

int reg_write(struct registry *r, const struct carec *rec, struct why *w); /* one record, and sightings with it */
void reg_save_seen(struct registry *r);                                   /* at the end */
int64_t reg_now(const struct registry *r);
int reg_begun(const struct registry *r, struct why *w);

#endif
