/*
 * registry_world: all of the registry's state in memory. Owns the rows, anchors, tokens and waiting joins, what they
 * cost, and finds them. Never decides what a record means: registry_apply.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "serve/registry_int.h"

void world_init(struct reg_world *m, struct bounds *b)
{
	*m = (struct reg_world){.bounds = b};
	index_init(&m->certs);
}

/* ---- bounds ---------------------------------------------------------------------------------------- */

bool world_take(struct reg_world *m, enum bound_id id)
{
	return m->bounds == NULL || bounds_take(m->bounds, id, 1);
}

void world_give(struct reg_world *m, enum bound_id id, uint64_t n)
{
	if (m->bounds)
		bounds_give(m->bounds, id, n);
}

bool world_has_room(struct reg_world *m, enum bound_id id)
{
	if (!world_take(m, id))
		return false;
	world_give(m, id, 1);
	return true;
}

/* ---- memory ---------------------------------------------------------------------------------------- */

void *world_fresh(struct reg_world *m, size_t n)
{
	void *p = m->spare;

	m->spare = NULL;
	return p ? p : calloc(1, n);
}

static size_t spare_size(const struct carec *r)
{
	if (r->type == CAREC_ANCHOR)
		return r->val[CAR_DER].n;
	if (r->type == CAREC_TOKEN)
		return sizeof(struct reg_token_row) + r->val[CAR_SANS].n;
	return r->type == CAREC_JOIN ? sizeof(struct reg_join_row) : 0;
}

int world_reserve(struct reg_world *m, const struct carec *r)
{
	size_t n = spare_size(r);

	if (r->type == CAREC_ISSUED || r->type == CAREC_CERT)
		return index_reserve(&m->certs, 1);
	free(m->spare); /* of a record that was refused */
	m->spare = n ? calloc(1, n) : NULL;
	return n && m->spare == NULL ? -ZT_E_NOMEM : 0;
}

void world_drop_join(struct reg_world *m, size_t i)
{
	struct reg_join_row *row = m->join[i];

	m->njoins--;
	for (; i < m->njoins; i++)
		m->join[i] = m->join[i + 1];
	m->join[i] = NULL;
	m->kept -= row->size;
	free(row);
	world_give(m, BOUND_CA_PENDING, 1);
}

/* The joins that wait by a token go with it. */
static void drop_token(struct reg_world *m, size_t i)
{
	struct reg_token_row *row = m->token[i];

	for (size_t k = m->njoins; k-- > 0;)
		if (ct_eq(m->join[k]->p.token, row->t.id, TOKEN_ID))
			world_drop_join(m, k);
	m->ntokens--;
	for (; i < m->ntokens; i++)
		m->token[i] = m->token[i + 1];
	m->token[i] = NULL;
	m->kept -= row->size;
	wipe(&row->t, sizeof row->t);
	free(row);
	world_give(m, BOUND_CA_TOKENS, 1);
}

void world_free(struct reg_world *m)
{
	world_give(m, BOUND_CA_CERTS, m->certs.n);
	while (m->ntokens)
		drop_token(m, m->ntokens - 1);
	while (m->njoins)
		world_drop_join(m, m->njoins - 1);
	for (size_t i = 0; i < m->nanchors; i++)
		free(m->anchor[i].mem);
	index_free(&m->certs);
	free(m->spare);
	*m = (struct reg_world){0};
}

/* ---- finding --------------------------------------------------------------------------------------- */

struct reg_anchor_row *world_anchor(const struct reg_world *m, enum cert_anchor a, unsigned generation)
{
	for (size_t i = 0; i < m->nanchors; i++)
		if (m->anchor[i].a.anchor == a && m->anchor[i].a.generation == generation)
			return (struct reg_anchor_row *)(uintptr_t)&m->anchor[i];
	return NULL;
}

struct reg_anchor_row *world_signing(const struct reg_world *m, enum cert_anchor a)
{
	for (size_t i = 0; i < m->nanchors; i++)
		if (m->anchor[i].a.anchor == a && m->anchor[i].a.state == ANCHOR_SIGNS)
			return (struct reg_anchor_row *)(uintptr_t)&m->anchor[i];
	return NULL;
}

static size_t token_at(const struct reg_world *m, const uint8_t *id)
{
	size_t i = 0;

	while (i < m->ntokens && !ct_eq(m->token[i]->t.id, id, TOKEN_ID))
		i++;
	return i;
}

struct reg_token_row *world_token(const struct reg_world *m, const uint8_t *id)
{
	size_t i = token_at(m, id);

	return i < m->ntokens ? m->token[i] : NULL;
}

size_t world_join_at(const struct reg_world *m, uint64_t number)
{
	size_t i = 0;

	while (i < m->njoins && m->join[i]->p.number != number)
		i++;
	return i;
}

struct reg_join_row *world_join(const struct reg_world *m, uint64_t number)
{
	size_t i = world_join_at(m, number);

	return i < m->njoins ? m->join[i] : NULL;
}

struct reg_join_row *world_join_of(const struct reg_world *m, const uint8_t *key)
{
	for (size_t i = 0; i < m->njoins; i++)
		if (ct_eq(m->join[i]->p.key, key, sizeof m->join[i]->p.key))
			return m->join[i];
	return NULL;
}

bool token_is_over(const struct reg_token *t, int64_t now)
{
	return t->revoked || t->used >= t->uses || t->expires <= now;
}

static bool tokens_full(const struct reg_world *m)
{
	return m->ntokens == REG_TOKENS || (m->bounds && m->bounds->row[BOUND_CA_TOKENS].used >= m->bounds->row[BOUND_CA_TOKENS].cap);
}

/* Those that expired long ago go, and where the table is full still, those that are over. */
void world_sweep(struct reg_world *m, int64_t now)
{
	for (size_t i = m->ntokens; i-- > 0;)
		if (m->token[i]->t.expires <= now - REG_TOKEN_KEEP)
			drop_token(m, i);
	for (size_t i = 0; i < m->ntokens && tokens_full(m);)
		if (token_is_over(&m->token[i]->t, now))
			drop_token(m, i);
		else
			i++;
}
