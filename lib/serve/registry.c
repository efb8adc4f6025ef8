/*
 * registry: opening, closing and questions of registry.h. Owns a struct registry; the state in it is
 * registry_world.c's, the file is io/journal's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "serve/registry_int.h"

static const char *const state_names[] = {
	[CERT_GOOD] = "good",		[CERT_SUPERSEDED] = "superseded", [CERT_SUSPENDED] = "suspended",
	[CERT_REVOKED] = "revoked",	[CERT_EXPIRED] = "expired",
};

const char *cert_state_name(enum cert_state s)
{
	return (size_t)s < ARRAY_LEN(state_names) ? state_names[s] : "?";
}

enum cert_state reg_cert_state(const struct reg_cert *c, int64_t now)
{
	if (c->revoked)
		return CERT_REVOKED;
	if (now >= c->not_after)
		return CERT_EXPIRED;
	if (c->suspended)
		return CERT_SUSPENDED;
	return c->superseded ? CERT_SUPERSEDED : CERT_GOOD;
}

/* ---- opening --------------------------------------------------------------------------------------- */

/* A start that was cut short leaves a journal without a first record: as good as none. */
static int judge(struct registry *r, struct why *w)
{
	bool begun = r->m.spki_n != 0;

	if (r->o.create && begun)
		return why_set(w, ZT_E_EXISTS, "%.200s: there is an authority here already", r->o.shown);
	if (!r->o.create && !begun)
		return why_set(w, ZT_E_NOTFOUND, "%.200s: the authority was never made: zt ca init", r->o.shown);
	r->list_last = r->m.list_upto; /* any number up to it may have been used */
	return 0;
}

int registry_open(struct registry **out, const struct registry_opts *o, struct why *w)
{
	struct registry *r = calloc(1, sizeof *r);
	struct journal_place at = {.dirfd = o->dirfd, .name = REGISTRY_FILE, .shown = o->shown};
	struct journal_opts jo = {.create = o->create, .bounds = o->bounds, .each = world_each};
	int err;

	if (r == NULL)
		return why_set(w, ZT_E_NOMEM, "%.200s: no memory to open it", o->shown ? o->shown : REGISTRY_FILE);
	r->o = *o;
	if (o->shown == NULL)
		r->o.shown = REGISTRY_FILE;
	world_init(&r->m, o->bounds);
	jo.ctx = &r->m;
	err = journal_open(&r->j, &at, &jo, NULL, w);
	if (!err)
		err = judge(r, w);
	if (err) {
		registry_close(r);
		return err;
	}
	*out = r;
	return 0;
}

void registry_close(struct registry *r)
{
	if (r == NULL)
		return;
	if (r->j)
		reg_save_seen(r);
	journal_close(r->j);
	world_free(&r->m);
	wipe(r->mem, sizeof r->mem);
	free(r);
}

/* ---- questions ------------------------------------------------------------------------------------- */

struct span registry_key(const struct registry *r)
{
	return span_of(r->m.spki, r->m.spki_n);
}

uint64_t registry_epoch(const struct registry *r)
{
	return r->m.epoch;
}

static int newest_first(const void *a, const void *b)
{
	const struct reg_anchor *x = a, *y = b;

	if (x->anchor != y->anchor)
		return x->anchor < y->anchor ? -1 : 1;
	return x->generation > y->generation ? -1 : x->generation < y->generation;
}

size_t registry_anchors(const struct registry *r, struct reg_anchor *out, size_t cap)
{
	struct reg_anchor all[REG_ANCHORS];
	size_t n = r->m.nanchors;

	for (size_t i = 0; i < n; i++)
		all[i] = r->m.anchor[i].a;
	qsort(all, n, sizeof all[0], newest_first);
	for (size_t i = 0; i < n && i < cap; i++)
		out[i] = all[i];
	return num_min(n, cap);
}

const struct reg_anchor *registry_signing(const struct registry *r, enum cert_anchor a)
{
	const struct reg_anchor_row *row = world_signing(&r->m, a);

	return row ? &row->a : NULL;
}

size_t registry_count(const struct registry *r)
{
	return r->m.certs.n;
}

static const struct reg_cert *found(const struct registry *r, enum reg_key by, struct span key)
{
	const struct reg_row *row = index_find(&r->m.certs, by, key);

	return row ? &row->c : NULL;
}

const struct reg_cert *registry_find(const struct registry *r, const uint8_t serial[static CERT_SERIAL])
{
	return found(r, REG_BY_SERIAL, span_of(serial, CERT_SERIAL));
}

const struct reg_cert *registry_by_key(const struct registry *r, const uint8_t key[static 32])
{
	return found(r, REG_BY_KEY, span_of(key, 32));
}

const struct reg_cert *registry_at(const struct registry *r, size_t i)
{
	return i < r->m.certs.n ? &index_row(&r->m.certs, i)->c : NULL;
}

const struct reg_cert *registry_by_name(const struct registry *r, struct span name)
{
	const struct reg_cert *c = name.n ? found(r, REG_BY_NAME, name) : NULL;

	return c || name.n != CERT_ID ? c : found(r, REG_BY_ID, name);
}

const struct reg_token *registry_token(const struct registry *r, const uint8_t id[static TOKEN_ID])
{
	const struct reg_token_row *row = world_token(&r->m, id);

	return row ? &row->t : NULL;
}

const struct reg_token *registry_token_at(const struct registry *r, size_t i)
{
	return i < r->m.ntokens ? &r->m.token[i]->t : NULL;
}

const struct reg_pending *registry_pending_at(const struct registry *r, size_t i)
{
	return i < r->m.njoins ? &r->m.join[i]->p : NULL;
}

const struct reg_pending *registry_pending_of(const struct registry *r, const uint8_t key[static 32])
{
	const struct reg_join_row *row = world_join_of(&r->m, key);

	return row ? &row->p : NULL;
}
