/*
 * registry_apply: what each record does to the state, and the one place where that changes. Owns nothing: rows and
 * their memory are registry_world.c's. Knows no file and no clock: times are those of the records, so replaying gives
 * what there was.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "serve/registry_int.h"

/* offset and size of the record: for those that come back to it */
struct place {
	uint64_t offset;
	uint32_t size;
};
typedef int apply_fn(struct reg_world *m, const struct carec *r, const struct place *at);

static int apply_begin(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct span spki = r->val[CAR_SPKI];

	if (m->spki_n)
		return -ZT_E_DAMAGED;
	memcpy(m->spki, spki.p, spki.n);
	m->spki_n = spki.n;
	m->epoch = r->num[CAR_EPOCH];
	m->list_upto = r->num[CAR_NUMBER];
	m->joins = r->num[CAR_JOINS];
	m->kept += at->size;
	return 0;
}

static int apply_anchor(struct reg_world *m, const struct carec *r, const struct place *at)
{
	enum cert_anchor a = (enum cert_anchor)r->num[CAR_ANCHOR];
	unsigned generation = (unsigned)r->num[CAR_GENERATION];
	struct span der = r->val[CAR_DER];
	struct reg_anchor_row *row = &m->anchor[m->nanchors];
	uint8_t *mem;

	if (generation == 0 || world_anchor(m, a, generation) || (r->num[CAR_STATE] == ANCHOR_SIGNS && world_signing(m, a)))
		return -ZT_E_DAMAGED;
	if (m->nanchors == REG_ANCHORS)
		return -ZT_E_FULL;
	mem = world_fresh(m, der.n);
	if (mem == NULL)
		return -ZT_E_NOMEM;
	memcpy(mem, der.p, der.n);
	*row = (struct reg_anchor_row){.mem = mem, .crl = r->num[CAR_NUMBER], .size = at->size};
	row->a.anchor = a;
	row->a.generation = generation;
	row->a.state = (unsigned)r->num[CAR_STATE];
	row->a.since = (int64_t)r->num[CAR_AT];
	row->a.der = span_of(mem, der.n);
	m->nanchors++;
	m->kept += at->size;
	return 0;
}

static struct reg_anchor_row *anchor_of(const struct reg_world *m, const struct carec *r)
{
	return world_anchor(m, (enum cert_anchor)r->num[CAR_ANCHOR], (unsigned)r->num[CAR_GENERATION]);
}

/* States only go on: next, signs, old, retired. */
static int apply_turn(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_anchor_row *row = anchor_of(m, r), *before;

	(void)at;
	if (row == NULL || r->num[CAR_STATE] <= row->a.state)
		return -ZT_E_DAMAGED;
	before = world_signing(m, row->a.anchor);
	if (r->num[CAR_STATE] == ANCHOR_SIGNS && before) {
		before->a.state = ANCHOR_OLD;
		before->a.since = (int64_t)r->num[CAR_AT];
	}
	row->a.state = (unsigned)r->num[CAR_STATE];
	row->a.since = (int64_t)r->num[CAR_AT];
	return 0;
}

static struct reg_row *row_of(const struct reg_world *m, struct span serial)
{
	return index_find(&m->certs, REG_BY_SERIAL, serial);
}

/* The serial is new, the anchor is there, and the id is new or the parent's. */
static bool cert_follows(const struct reg_world *m, const struct reg_cert *c)
{
	const struct cert_role_row *role = cert_role(c->role);
	struct reg_row *parent = row_of(m, span_of(c->parent, CERT_SERIAL));
	struct reg_row *same_id = index_find(&m->certs, REG_BY_ID, span_str(c->id));

	if (row_of(m, span_of(c->serial, CERT_SERIAL)) || !role || !world_anchor(m, role->anchor, c->generation))
		return false;
	if (!is_zero(c->parent, CERT_SERIAL) && !parent)
		return false;
	return same_id == NULL || (parent && span_eq_str(span_str(parent->c.id), c->id));
}

static int add_cert(struct reg_world *m, const struct reg_cert *c, const struct place *at)
{
	struct reg_row *row;
	int err;

	if (!cert_follows(m, c))
		return -ZT_E_DAMAGED;
	err = index_reserve(&m->certs, 1);
	if (err)
		return err;
	if (!world_take(m, BOUND_CA_CERTS))
		return -ZT_E_FULL;
	row = index_add(&m->certs, c);
	row->size = at->size;
	m->kept += at->size;
	return 0;
}

static int apply_cert(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_cert c;

	cert_of(&c, r, at->offset);
	return add_cert(m, &c, at);
}

static int apply_issued(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_token_row *token = NULL;
	struct reg_join_row *join;
	struct reg_row *parent;
	struct reg_cert c;
	int err;

	cert_of(&c, r, at->offset);
	if (carec_has(r, CAR_TOKEN)) {
		token = world_token(m, c.token);
		if (token == NULL || token->t.revoked || token->t.used >= token->t.uses)
			return -ZT_E_DAMAGED;
	}
	err = add_cert(m, &c, at);
	if (err)
		return err;
	if (token)
		token->t.used++;
	parent = carec_has(r, CAR_PARENT) ? row_of(m, r->val[CAR_PARENT]) : NULL;
	if (parent && parent->c.superseded == 0)
		parent->c.superseded = c.issued;
	join = world_join_of(m, c.key);
	if (join)
		world_drop_join(m, world_join_at(m, join->p.number));
	return 0;
}

static int apply_revoked(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_row *row = row_of(m, r->val[CAR_SERIAL]);

	(void)at;
	if (row == NULL || row->c.revoked)
		return -ZT_E_DAMAGED;
	row->c.revoked = true;
	row->c.ended = (int64_t)r->num[CAR_AT];
	row->c.reason = (int)r->num[CAR_REASON];
	return 0;
}

static int apply_suspended(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_row *row = row_of(m, r->val[CAR_SERIAL]);

	(void)at;
	if (row == NULL || row->c.revoked)
		return -ZT_E_DAMAGED;
	row->c.suspended = r->num[CAR_ON];
	row->c.ended = r->num[CAR_ON] ? (int64_t)r->num[CAR_AT] : 0;
	return 0;
}

static int apply_superseded(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_row *row = row_of(m, r->val[CAR_SERIAL]);

	(void)at;
	if (row == NULL)
		return -ZT_E_DAMAGED;
	row->c.superseded = (int64_t)r->num[CAR_AT];
	return 0;
}

static int apply_seen(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct rd in = rd_of(r->val[CAR_SIGHTINGS]);

	(void)at;
	while (rd_left(&in)) {
		struct reg_row *row = row_of(m, rd_bytes(&in, CERT_SERIAL));
		int64_t when = (int64_t)rd_le64(&in);

		if (row == NULL)
			return -ZT_E_DAMAGED;
		if (when > row->c.seen)
			row->c.seen = when;
	}
	return 0;
}

static int apply_token(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct span sans = r->val[CAR_SANS];
	struct reg_token_row *row;

	if (world_token(m, r->val[CAR_TOKEN].p) || !cert_role((unsigned)r->num[CAR_ROLE]))
		return -ZT_E_DAMAGED;
	world_sweep(m, (int64_t)r->num[CAR_AT]);
	if (m->ntokens == REG_TOKENS || !world_take(m, BOUND_CA_TOKENS))
		return -ZT_E_FULL;
	row = world_fresh(m, sizeof *row + sans.n);
	if (row) {
		token_of(&row->t, r);
		row->size = at->size;
		row->nder = sans.n;
		if (sans.n)
			memcpy(row->der, sans.p, sans.n);
	}
	if (row == NULL || cidrs_of(&row->t, r->val[CAR_CIDRS]) < 0 || sans_of(&row->t, span_of(row->der, row->nder)) < 0) {
		world_give(m, BOUND_CA_TOKENS, 1);
		free(row);
		return row ? -ZT_E_DAMAGED : -ZT_E_NOMEM;
	}
	m->token[m->ntokens++] = row;
	m->kept += at->size;
	return 0;
}

/* One that is gone was over: sweeping depends on where the file was written anew. */
static int apply_token_revoked(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_token_row *row = world_token(m, r->val[CAR_TOKEN].p);

	(void)at;
	if (row)
		row->t.revoked = true;
	return 0;
}

static int apply_join(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_join_row *row = world_join_of(m, r->val[CAR_KEY].p);

	if (world_join(m, r->num[CAR_NUMBER]))
		return -ZT_E_DAMAGED;
	if (row) /* its token had been swept */
		world_drop_join(m, world_join_at(m, row->p.number));
	if (m->njoins == REG_JOINS || !world_take(m, BOUND_CA_PENDING))
		return -ZT_E_FULL;
	row = world_fresh(m, sizeof *row);
	if (row == NULL) {
		world_give(m, BOUND_CA_PENDING, 1);
		return -ZT_E_NOMEM;
	}
	join_of(&row->p, r);
	row->size = at->size;
	m->join[m->njoins++] = row;
	m->kept += at->size;
	if (row->p.number > m->joins)
		m->joins = row->p.number;
	return 0;
}

static int apply_settled(struct reg_world *m, const struct carec *r, const struct place *at)
{
	size_t i = world_join_at(m, r->num[CAR_NUMBER]);

	(void)at;
	if (i == m->njoins) /* its token was swept */
		return 0;
	if (r->num[CAR_ON])
		m->join[i]->p.approved = true;
	else
		world_drop_join(m, i);
	return 0;
}

/* Numbers of lists, and epochs, never come again. */
static int rise(uint64_t *at, uint64_t to)
{
	if (to <= *at)
		return -ZT_E_DAMAGED;
	*at = to;
	return 0;
}

static int apply_crl(struct reg_world *m, const struct carec *r, const struct place *at)
{
	struct reg_anchor_row *row = anchor_of(m, r);

	(void)at;
	return row ? rise(&row->crl, r->num[CAR_NUMBER]) : -ZT_E_DAMAGED;
}

static int apply_list(struct reg_world *m, const struct carec *r, const struct place *at)
{
	(void)at;
	return rise(&m->list_upto, r->num[CAR_NUMBER]);
}

static int apply_epoch(struct reg_world *m, const struct carec *r, const struct place *at)
{
	(void)at;
	return rise(&m->epoch, r->num[CAR_EPOCH]);
}

static apply_fn *const applies[CAREC_TYPE_END] = {
	[CAREC_BEGIN] = apply_begin,
	[CAREC_ANCHOR] = apply_anchor,
	[CAREC_TURN] = apply_turn,
	[CAREC_ISSUED] = apply_issued,
	[CAREC_CERT] = apply_cert,
	[CAREC_REVOKED] = apply_revoked,
	[CAREC_SUSPENDED] = apply_suspended,
	[CAREC_SEEN] = apply_seen,
	[CAREC_TOKEN] = apply_token,
	[CAREC_TOKEN_REVOKED] = apply_token_revoked,
	[CAREC_JOIN] = apply_join,
	[CAREC_SETTLED] = apply_settled,
	[CAREC_CRL] = apply_crl,
	[CAREC_LIST] = apply_list,
	[CAREC_EPOCH] = apply_epoch,
	[CAREC_SUPERSEDED] = apply_superseded,
};

int world_apply(struct reg_world *m, const struct carec *r, uint64_t offset, size_t size)
{
	struct place at = {offset, (uint32_t)size};

	if (m->spki_n == 0 && r->type != CAREC_BEGIN)
		return -ZT_E_DAMAGED;
	return applies[r->type](m, r, &at);
}

int world_each(void *world, const struct jrec *r, uint64_t offset)
{
	struct carec rec;
	/* docs/formats.md, "Layout": the head, type and version, the fields, 4 to 11 bytes of padding */
	size_t size = (JREC_HEAD + 4 + r->tlvs.n + 4 + 7) / 8 * 8;
	int err = carec_decode(r, &rec);

	return err ? err : world_apply(world, &rec, offset, size);
}
