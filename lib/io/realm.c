/* realm: see realm.h. Owns both plans and what they hold of authorities. Knows no configuration but its limits. */
#include "realm.h"

#include <stdlib.h>

#include "base/num.h"
#include "cas.h"

int realm_new(struct realm *r, const struct tls_world_opts *o)
{
	int rc = tls_world_new(&r->tls, o);

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(r->plan); i++)
		if ((r->plan[i] = calloc(1, sizeof *r->plan[i])) == NULL)
			rc = -ZT_E_NOMEM;
	return rc;
}

const struct tls_plan *realm_plan(const struct realm *r)
{
	return r->plan[r->at];
}

struct tls_plan *realm_next(const struct realm *r)
{
	return r->plan[!r->at];
}

void realm_commit(struct realm *r, const struct conf_tls *limits, uint32_t epoch)
{
	r->at = !r->at;
	tls_world_plan(r->tls, r->plan[r->at], epoch);
	realm_abort(r); /* the old one; handshakes that need it hold on to it */
	tls_world_limits(r->tls, (uint32_t)limits->handshake_ms, (uint32_t)limits->per_address, (uint32_t)limits->burst);
}

void realm_abort(struct realm *r)
{
	if (realm_next(r))
		cas_drop_plan(realm_next(r));
}

void realm_free(struct realm *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->plan); i++) {
		if (r->plan[i])
			cas_drop_plan(r->plan[i]);
		free(r->plan[i]);
		r->plan[i] = NULL;
	}
}
