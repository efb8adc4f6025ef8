/*
 * realm: one trust domain of a jailed worker: its TLS connections, the plan that they go by, and room for the next,
 * which prepare() fills and commit() puts in force.
 */
#ifndef ZT_REALM_H
#define ZT_REALM_H

#include "decide/tlsplan.h"
#include "tls.h"

/* Zeroed to begin with. */
struct realm {
	struct tls_world *tls;
	struct tls_plan *plan[2];
	unsigned at;
};

/* Limits come with each configuration. 0 or -ZT_E_NOMEM: realm_free() all the same. */
int realm_new(struct realm *r, const struct tls_world_opts *o);
const struct tls_plan *realm_plan(const struct realm *r); /* in force */
struct tls_plan *realm_next(const struct realm *r);       /* to be filled; with its authorities, if cas_of_plan() */
void realm_commit(struct realm *r, const struct conf_tls *limits, uint32_t epoch);
void realm_abort(struct realm *r); /* the next is for nobody; harmless when there is none */
void realm_free(struct realm *r);  /* the plans. Whoever ends every connection frees tls before the loop */

#endif
