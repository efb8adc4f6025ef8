/*
 * registry_adopt: takes in what another registry of the same authority knows. The other file is read
 * whole into a world of its own first; then what it has and ours has not is written in batches of as much
 * as the journal takes at once. Everything only goes on (a certificate is added, revoked, suspended, an
 * anchor turns), so half of it is no fault and the same again does the rest.
 */
#include <stdlib.h>

#include "base/num.h"
#include "serve/registry_int.h"

/* A record on its way, to be done in memory when its batch is on the disk. */
struct item {
	enum carec_type type;
	const struct reg_cert *theirs;
	uint64_t offset;
	uint32_t size;
};
#define ITEMS (JREC_BATCH / 64) /* the smallest of them, a revocation, has more than 64 bytes */

struct adopt {
	struct registry *r;
	struct reg_world other;
	int fd;
	const char *shown;
	uint64_t taken;
	struct item item[ITEMS];
	size_t n;
	uint64_t staged; /* bytes */
	uint8_t scan[JREC_BATCH];
	struct why *w;
};

/* ---- is it ours? ----------------------------------------------------------------------------------- */

static int foreign(const struct adopt *a, const char *what)
{
	return why_set(a->w, ZT_E_DENIED, "%.200s: is another authority's registry: %s", a->shown, what);
}

static bool signs_in_both(const struct reg_anchor *o, const struct reg_anchor_row *t)
{
	return o->state <= ANCHOR_SIGNS && (t == NULL || t->a.state <= ANCHOR_SIGNS) &&
	       (o->state == ANCHOR_SIGNS || (t && t->a.state == ANCHOR_SIGNS));
}

/* How many of a kind will sign, when each anchor is as far as the further of the two has it. */
static unsigned merged_signing(const struct reg_world *ours, const struct reg_world *theirs, enum cert_anchor kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < ours->nanchors; i++) {
		const struct reg_anchor *o = &ours->anchor[i].a;

		n += o->anchor == kind && signs_in_both(o, world_anchor(theirs, kind, o->generation));
	}
	for (size_t i = 0; i < theirs->nanchors; i++) {
		const struct reg_anchor *t = &theirs->anchor[i].a;

		n += t->anchor == kind && t->state == ANCHOR_SIGNS && !world_anchor(ours, kind, t->generation);
	}
	return n;
}

static int check_anchors(const struct adopt *a)
{
	const struct reg_world *ours = &a->r->m, *theirs = &a->other;
	bool common = ours->nanchors == 0 || theirs->nanchors == 0;

	for (size_t i = 0; i < theirs->nanchors; i++) {
		const struct reg_anchor *t = &theirs->anchor[i].a;
		const struct reg_anchor_row *o = world_anchor(ours, t->anchor, t->generation);

		if (o && !span_eq(o->a.der, t->der))
			return foreign(a, "an anchor is not ours");
		common = common || o;
	}
	return common ? 0 : foreign(a, "they have no anchor in common");
}

static int check_authority(const struct adopt *a)
{
	const struct reg_world *ours = &a->r->m, *theirs = &a->other;
	int err;

	if (!span_eq(span_of(ours->spki, ours->spki_n), span_of(theirs->spki, theirs->spki_n)))
		return foreign(a, "its registry key is not ours");
	err = check_anchors(a);
	for (enum cert_anchor k = 0; k < ANCHORS && !err; k++)
		if ((world_signing(ours, k) || world_signing(theirs, k)) && merged_signing(ours, theirs, k) != 1)
			err = why_set(a->w, ZT_E_DENIED, "%.200s: a roll-over of the %s anchor was finished in one of the two "
				      "registries and given up in the other", a->shown, anchor_name(k));
	return err;
}

/* Signed by the anchor it claims, and what the record says of it. Only then does it count here. */
static int check_cert(const struct adopt *a, const struct reg_cert *c, struct span der)
{
	const struct reg_anchor_row *row = world_anchor(&a->other, cert_role(c->role)->anchor, c->generation);
	struct x509 anchor, cert;
	int err = cert_agrees(c, der, &cert, NULL);

	if (!err)
		err = x509_read(&anchor, row->a.der, NULL);
	if (err || x509_signed_by(&cert, &anchor.key) < 0)
		return foreign(a, "it holds a certificate that none of its anchors has signed");
	return 0;
}

/* An id that both use must be the same identity: its first certificate is known to both. */
static bool same_identity(const struct adopt *a, const struct reg_cert *c)
{
	const struct reg_row *ours = index_find(&a->r->m.certs, REG_BY_ID, span_str(c->id));
	const struct reg_row *parent;

	if (ours == NULL)
		return true;
	while ((parent = index_find(&a->other.certs, REG_BY_SERIAL, span_of(c->parent, CERT_SERIAL))) != NULL &&
	       span_eq_str(span_str(parent->c.id), c->id))
		c = &parent->c;
	return registry_find(a->r, c->serial) != NULL;
}

/* ---- batches --------------------------------------------------------------------------------------- */

static int their_der(struct adopt *a, const struct reg_cert *c, struct span *der)
{
	struct jscan s = {.fd = a->fd, .shown = a->shown, .mem = a->r->mem};
	const struct reg_row *row = index_find(&a->other.certs, REG_BY_SERIAL, span_of(c->serial, CERT_SERIAL));
	struct jrec rec;
	int err = jscan_at(&s, c->offset, num_min(row->size, sizeof a->r->mem), &rec, a->w);

	if (err)
		return err;
	err = der_in(&rec, c, der);
	return err ? why_set(a->w, ZT_E_DAMAGED, "%.200s: was changed while it was read", a->shown) : 0;
}

/* A restored suspension that was lifted here would come back: the safe side. */
static void rec_of(struct carec *out, enum carec_type t, const struct reg_cert *c, struct span der)
{
	if (t == CAREC_CERT) {
		rec_cert(out, CAREC_CERT, c, der);
		return;
	}
	*out = (struct carec){.type = t};
	carec_val(out, CAR_SERIAL, span_of(c->serial, CERT_SERIAL));
	carec_num(out, CAR_AT, (uint64_t)(t == CAREC_SUPERSEDED ? c->superseded : c->ended));
	if (t == CAREC_REVOKED)
		carec_num(out, CAR_REASON, (uint64_t)c->reason);
	if (t == CAREC_SUSPENDED)
		carec_num(out, CAR_ON, 1);
}

static int flush(struct adopt *a)
{
	int err = a->n ? journal_commit(a->r->j, a->w) : 0;

	for (size_t i = 0; i < a->n && !err; i++) {
		const struct item *it = &a->item[i];
		struct carec rec;

		rec_of(&rec, it->type, it->theirs, SPAN_NONE);
		ZT_ASSERT(world_apply(&a->r->m, &rec, it->offset, it->size) == 0);
		a->taken++;
	}
	a->n = 0;
	a->staged = 0;
	return err;
}

static int stage(struct adopt *a, enum carec_type t, const struct reg_cert *c, struct span der)
{
	struct carec_tlvs tlvs;
	struct carec rec;
	uint32_t size;
	int err;

	rec_of(&rec, t, c, der);
	err = carec_encode(&rec, &tlvs);
	ZT_ASSERT(err == 0);
	size = (uint32_t)jrec_size(tlvs.t, tlvs.n);
	if (a->n == ITEMS || journal_room(a->r->j) < size)
		err = flush(a);
	if (!err)
		err = journal_stage(a->r->j, (uint16_t)t, CAREC_VERSION, tlvs.t, tlvs.n);
	if (err)
		return why_set(a->w, (enum zt_err)-err, "%.200s: %s", a->r->o.shown, err_text((enum zt_err)-err));
	a->item[a->n++] = (struct item){t, c, journal_bytes(a->r->j) + a->staged, size};
	a->staged += size;
	return 0;
}

static int take_cert(struct adopt *a, const struct reg_cert *c)
{
	const struct reg_cert *ours = registry_find(a->r, c->serial);
	struct span der = SPAN_NONE;
	int err = 0;

	if (ours == NULL) {
		err = their_der(a, c, &der);
		return err ? err : stage(a, CAREC_CERT, c, der);
	}
	if (c->superseded && !ours->superseded)
		err = stage(a, CAREC_SUPERSEDED, c, SPAN_NONE);
	if (!err && c->revoked && !ours->revoked)
		err = stage(a, CAREC_REVOKED, c, SPAN_NONE);
	else if (!err && c->suspended && !ours->suspended && !ours->revoked)
		err = stage(a, CAREC_SUSPENDED, c, SPAN_NONE);
	return err;
}

/* Every certificate that would be taken, before any is; *missing: how many. */
static int check_certs(struct adopt *a, size_t *missing)
{
	*missing = 0;
	for (size_t i = 0; i < a->other.certs.n; i++) {
		const struct reg_cert *c = &index_row(&a->other.certs, i)->c, *ours = registry_find(a->r, c->serial);
		struct span der = SPAN_NONE;
		int err;

		if (ours && !span_eq(span_of(ours->key, 32), span_of(c->key, 32)))
			return foreign(a, "it gave one of our serial numbers to another certificate");
		if (ours)
			continue;
		if (!same_identity(a, c))
			return foreign(a, "it gave the id of one of our identities to another");
		err = their_der(a, c, &der);
		if (!err)
			err = check_cert(a, c, der);
		if (err)
			return err;
		*missing += 1;
	}
	return 0;
}

/* ---- anchors and numbers: few, each by itself ------------------------------------------------------ */

static int write_one(struct adopt *a, const struct carec *rec)
{
	int err = reg_write(a->r, rec, a->w);

	a->taken += !err;
	return err;
}

static int take_turn(struct adopt *a, const struct reg_anchor *t)
{
	struct carec rec = {.type = CAREC_TURN};

	carec_num(&rec, CAR_ANCHOR, t->anchor);
	carec_num(&rec, CAR_GENERATION, t->generation);
	carec_num(&rec, CAR_STATE, t->state);
	carec_num(&rec, CAR_AT, (uint64_t)t->since);
	return write_one(a, &rec);
}

static int take_crl(struct adopt *a, const struct reg_anchor_row *t)
{
	struct carec rec = {.type = CAREC_CRL};

	carec_num(&rec, CAR_ANCHOR, t->a.anchor);
	carec_num(&rec, CAR_GENERATION, t->a.generation);
	carec_num(&rec, CAR_NUMBER, t->crl);
	return write_one(a, &rec);
}

/* The oldest generation first, so that the one that signs here has turned old when the next one comes. */
static int take_anchor(struct adopt *a, const struct reg_anchor_row *t)
{
	const struct reg_anchor_row *ours = world_anchor(&a->r->m, t->a.anchor, t->a.generation);
	int err = 0;

	if (ours == NULL) {
		struct carec rec;

		if (a->r->m.nanchors == REG_ANCHORS)
			return why_set(a->w, ZT_E_FULL, "%.200s: more anchors than there can be", a->shown);
		rec_anchor(&rec, t);
		return write_one(a, &rec);
	}
	if (t->a.state > ours->a.state)
		err = take_turn(a, &t->a);
	if (!err && t->crl > ours->crl)
		err = take_crl(a, t);
	return err;
}

static int take_numbers(struct adopt *a)
{
	struct carec list = {.type = CAREC_LIST}, epoch = {.type = CAREC_EPOCH};
	int err = 0;

	carec_num(&list, CAR_NUMBER, a->other.list_upto);
	carec_num(&epoch, CAR_EPOCH, a->other.epoch);
	if (a->other.list_upto > a->r->m.list_upto) {
		err = write_one(a, &list);
		a->r->list_last = a->r->m.list_upto;
	}
	if (!err && a->other.epoch > a->r->m.epoch)
		err = write_one(a, &epoch);
	return err;
}

/* ---- all of it ------------------------------------------------------------------------------------- */

/* Memory for all of them before the first is written. */
static int make_room(struct adopt *a, size_t missing)
{
	struct bounds *b = a->r->o.bounds;
	int err = index_reserve(&a->r->m.certs, missing);

	if (err == -ZT_E_FULL || (!err && b && !bounds_fits(b, BOUND_CA_CERTS, a->r->m.certs.n + missing)))
		return why_set(a->w, ZT_E_FULL, "%.200s: holds more certificates than there is room for", a->shown);
	return err ? why_set(a->w, ZT_E_NOMEM, "%.200s: no memory for its certificates", a->shown) : 0;
}

static int take_all(struct adopt *a)
{
	int err = take_numbers(a), last;

	for (size_t i = 0; i < a->other.nanchors && !err; i++)
		err = take_anchor(a, &a->other.anchor[i]);
	for (size_t i = 0; i < a->other.certs.n && !err; i++)
		err = take_cert(a, &index_row(&a->other.certs, i)->c);
	/* Whatever went wrong: nothing may stay behind in the journal's buffer. */
	last = flush(a);
	return err ? err : last;
}

static int read_other(struct adopt *a)
{
	struct jscan s = {.fd = a->fd, .shown = a->shown, .mem = a->scan, .each = world_each, .ctx = &a->other};
	struct journal_report report;
	int err = jscan_run(&s, &report, a->w);

	if (!err && a->other.spki_n == 0)
		err = why_set(a->w, ZT_E_NOTFOUND, "%.200s: is the registry of an authority that was never made", a->shown);
	return err ? err : check_authority(a);
}

int registry_adopt(struct registry *r, int fd, const char *shown, uint64_t *taken, struct why *w)
{
	struct adopt *a;
	size_t missing;
	int err = reg_begun(r, w);

	*taken = 0;
	if (err)
		return err;
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return why_set(w, ZT_E_NOMEM, "%.200s: no memory to read it", shown);
	a->r = r;
	a->fd = fd;
	a->shown = shown;
	a->w = w;
	world_init(&a->other, NULL);
	err = read_other(a);
	if (!err)
		err = check_certs(a, &missing);
	if (!err)
		err = make_room(a, missing);
	if (!err)
		err = take_all(a);
	*taken = a->taken;
	world_free(&a->other);
	free(a);
	return err;
}
