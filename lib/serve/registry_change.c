/*
 * registry_change: the changes of registry.h. Each is checked against memory, has its memory set aside,
 * is written as one record and then done in memory by that very record. Owns the list of sightings that
 * are not on the disk yet.
 */
#include <string.h>

#include "base/num.h"
#include "serve/registry_int.h"

int64_t reg_now(const struct registry *r)
{
	return clock_wall(r->o.clock) / 1000;
}

int reg_begun(const struct registry *r, struct why *w)
{
	return r->m.spki_n ? 0 : why_set(w, ZT_E_NOTFOUND, "%.200s: the authority was never made: zt ca init", r->o.shown);
}

/* ---- writing --------------------------------------------------------------------------------------- */

static void rec_seen(const struct registry *r, struct carec *out, uint8_t mem[static CAREC_SIGHTING * CAREC_SIGHTINGS])
{
	struct wr w = wr_of(mem, CAREC_SIGHTING * CAREC_SIGHTINGS);

	for (size_t i = 0; i < r->nunsaved; i++) {
		wr_bytes(&w, r->unsaved[i]->c.serial, CERT_SERIAL);
		wr_le64(&w, (uint64_t)r->unsaved[i]->c.seen);
	}
	*out = (struct carec){.type = CAREC_SEEN};
	carec_val(out, CAR_SIGHTINGS, wr_span(&w));
}

static int stage(struct registry *r, const struct carec *rec)
{
	struct carec_tlvs t;
	int err = carec_encode(rec, &t);

	return err ? err : journal_stage(r->j, (uint16_t)rec->type, CAREC_VERSION, t.t, t.n);
}

static int refuse(const struct registry *r, int err, struct why *w)
{
	return why_set(w, (enum zt_err)-err, "%.200s: %s", r->o.shown, err_text((enum zt_err)-err));
}

static void saved(struct registry *r)
{
	for (size_t i = 0; i < r->nunsaved; i++)
		r->unsaved[i]->unsaved = false;
	r->nunsaved = 0;
}

/* rec may be NULL: sightings only. They go into the same write and are no reason to refuse it. */
static int write_with_seen(struct registry *r, const struct carec *rec, struct why *w)
{
	uint8_t mem[CAREC_SIGHTING * CAREC_SIGHTINGS];
	struct carec seen;
	int err = rec ? stage(r, rec) : 0;
	bool with = r->nunsaved > 0;

	if (err)
		return refuse(r, err, w);
	if (with) {
		rec_seen(r, &seen, mem);
		with = stage(r, &seen) == 0;
	}
	err = journal_commit(r->j, w);
	if (!err && with)
		saved(r);
	return err;
}

int reg_write(struct registry *r, const struct carec *rec, struct why *w)
{
	uint64_t offset = journal_bytes(r->j);
	int err = world_reserve(&r->m, rec);

	if (err)
		return refuse(r, err, w);
	err = write_with_seen(r, rec, w);
	if (err)
		return err;
	err = world_apply(&r->m, rec, offset, record_size(rec));
	ZT_ASSERT(err == 0); /* it is on the disk, was checked, and its memory set aside */
	snap_if_due(r);
	return 0;
}

/* ---- the authority itself -------------------------------------------------------------------------- */

int registry_begin(struct registry *r, struct span registry_spki, struct why *w)
{
	struct carec rec = {.type = CAREC_BEGIN};

	if (r->m.spki_n)
		return why_set(w, ZT_E_EXISTS, "%.200s: there is an authority here already", r->o.shown);
	if (registry_spki.n == 0 || registry_spki.n > REG_SPKI)
		return why_set(w, ZT_E_KEY, "the registry key is of a kind zt does not use for it");
	carec_val(&rec, CAR_SPKI, registry_spki);
	carec_num(&rec, CAR_EPOCH, 1);
	carec_num(&rec, CAR_NUMBER, 0);
	carec_num(&rec, CAR_JOINS, 0);
	return reg_write(r, &rec, w);
}

int registry_add_anchor(struct registry *r, enum cert_anchor a, struct span der, struct why *w)
{
	struct reg_anchor_row row = {.a = {.anchor = a, .generation = 1, .state = ANCHOR_SIGNS, .since = reg_now(r), .der = der}};
	struct x509 c;
	struct carec rec;
	int err = reg_begun(r, w);

	if (!err && (size_t)a >= ANCHORS)
		err = why_set(w, ZT_E_RANGE, "there is no such anchor");
	if (!err)
		err = x509_read(&c, der, w);
	if (err)
		return err;
	for (size_t i = 0; i < r->m.nanchors; i++) {
		const struct reg_anchor *o = &r->m.anchor[i].a;

		if (span_eq(o->der, der))
			return why_set(w, ZT_E_EXISTS, "this certificate is the %s anchor already", anchor_name(o->anchor));
		if (o->anchor != a)
			continue;
		if (o->state == ANCHOR_NEXT)
			return why_set(w, ZT_E_EXISTS, "a roll-over of the %s anchor has begun already: switch to it or cancel it",
				       anchor_name(a));
		row.a.state = ANCHOR_NEXT;
		row.a.generation = (unsigned)num_min64(UINT32_MAX, (o->generation >= row.a.generation ? o->generation : row.a.generation - 1) + UINT64_C(1));
	}
	if (r->m.nanchors == REG_ANCHORS)
		return why_set(w, ZT_E_FULL, "there were %d anchors already, which is all there can be", REG_ANCHORS);
	rec_anchor(&rec, &row);
	return reg_write(r, &rec, w);
}

/* From each state, which may follow: signs and old are once each, retired is the end. */
static bool may_turn(unsigned from, int to)
{
	return (from == ANCHOR_NEXT && (to == ANCHOR_SIGNS || to == ANCHOR_RETIRED)) || (from == ANCHOR_OLD && to == ANCHOR_RETIRED);
}

int registry_turn_anchor(struct registry *r, enum cert_anchor a, unsigned generation, int state, struct why *w)
{
	const struct reg_anchor_row *row = world_anchor(&r->m, a, generation);
	struct carec rec = {.type = CAREC_TURN};

	if (row == NULL)
		return why_set(w, ZT_E_NOTFOUND, "there is no %s anchor of generation %u", anchor_name(a), generation);
	if (!may_turn(row->a.state, state))
		return why_set(w, ZT_E_RANGE, "the %s anchor of generation %u cannot become that: the next one may sign or be "
			       "given up, an old one may be retired", anchor_name(a), generation);
	carec_num(&rec, CAR_ANCHOR, a);
	carec_num(&rec, CAR_GENERATION, generation);
	carec_num(&rec, CAR_STATE, (uint64_t)state);
	carec_num(&rec, CAR_AT, (uint64_t)reg_now(r));
	return reg_write(r, &rec, w);
}

/* ---- certificates ---------------------------------------------------------------------------------- */

static int check_names(const struct reg_cert *c, struct why *w)
{
	struct span id = span_of(c->id, strnlen(c->id, sizeof c->id)), name = span_of(c->name, strnlen(c->name, sizeof c->name)),
		    user = span_of(c->user, strnlen(c->user, sizeof c->user));

	if (id.n != CERT_ID)
		return why_set(w, ZT_E_RANGE, "an id has %d characters", CERT_ID);
	if ((name.n && !cert_name_ok(name)) || (user.n && !cert_name_ok(user)))
		return why_set(w, ZT_E_RANGE, "a name or a user has 1 to %d of a-z A-Z 0-9 . _ - @ and begins with a letter or digit",
			       CERT_NAME_MAX);
	return 0;
}

static int check_family(const struct registry *r, const struct reg_cert *c, struct why *w)
{
	const struct cert_role_row *role = cert_role(c->role);
	const struct reg_cert *parent = registry_find(r, c->parent);
	const struct reg_row *same_id = index_find(&r->m.certs, REG_BY_ID, span_str(c->id));

	if (role == NULL)
		return why_set(w, ZT_E_RANGE, "there is no such role");
	if (world_anchor(&r->m, role->anchor, c->generation) == NULL)
		return why_set(w, ZT_E_NOTFOUND, "there is no %s anchor of generation %u", anchor_name(role->anchor), c->generation);
	if (registry_find(r, c->serial))
		return why_set(w, ZT_E_EXISTS, "this serial number was given before");
	if (!is_zero(c->parent, CERT_SERIAL) && parent == NULL)
		return why_set(w, ZT_E_NOTFOUND, "the certificate that is renewed is not in the registry");
	if (same_id && (parent == NULL || !span_eq_str(span_str(parent->id), c->id)))
		return why_set(w, ZT_E_EXISTS, "this id belongs to another identity");
	return 0;
}

static int check_token(const struct registry *r, const struct reg_cert *c, struct why *w)
{
	const struct reg_token_row *t = world_token(&r->m, c->token);

	if (is_zero(c->token, TOKEN_ID))
		return 0;
	if (t == NULL)
		return why_set(w, ZT_E_TOKEN, "the token is unknown here, or was forgotten after it had expired");
	if (t->t.revoked)
		return why_set(w, ZT_E_TOKEN, "the token is revoked");
	if (t->t.used >= t->t.uses)
		return why_set(w, ZT_E_TOKEN, "the token is used up: it was good for %u %s", (unsigned)t->t.uses,
			       t->t.uses == 1 ? "join" : "joins");
	return 0;
}

int registry_issue(struct registry *r, const struct reg_issue *i, struct why *w)
{
	struct reg_cert c = i->cert;
	struct carec rec;
	struct x509 read;
	int err = reg_begun(r, w);

	c.issued = reg_now(r);
	if (!err)
		err = check_names(&c, w);
	if (!err)
		err = check_family(r, &c, w);
	if (!err)
		err = check_token(r, &c, w);
	if (!err)
		err = cert_agrees(&c, i->der, &read, w);
	if (err)
		return err;
	if (!world_has_room(&r->m, BOUND_CA_CERTS))
		return why_set(w, ZT_E_FULL, "the registry is full: it holds %zu certificates", r->m.certs.n);
	rec_cert(&rec, CAREC_ISSUED, &c, i->der);
	return reg_write(r, &rec, w);
}

static struct reg_row *row_of(struct registry *r, const uint8_t *serial, struct why *w)
{
	struct reg_row *row = index_find(&r->m.certs, REG_BY_SERIAL, span_of(serial, CERT_SERIAL));

	if (row == NULL)
		why_set(w, ZT_E_NOTFOUND, "there is no certificate with this serial number");
	return row;
}

int registry_revoke(struct registry *r, const uint8_t serial[static CERT_SERIAL], int reason, struct why *w)
{
	/* RFC 5280 section 5.3.1 without 6 (a hold: that is suspension), 7 (unused) and 8 (of delta lists) */
	static const bool allowed[] = {true, true, true, true, true, true, false, false, false, true, true};
	struct reg_row *row = row_of(r, serial, w);
	struct carec rec = {.type = CAREC_REVOKED};

	if (row == NULL)
		return -ZT_E_NOTFOUND;
	if (reason < 0 || (size_t)reason >= ARRAY_LEN(allowed) || !allowed[reason])
		return why_set(w, ZT_E_RANGE, "there is no such reason for a revocation");
	if (row->c.revoked)
		return 0;
	carec_val(&rec, CAR_SERIAL, span_of(serial, CERT_SERIAL));
	carec_num(&rec, CAR_REASON, (uint64_t)reason);
	carec_num(&rec, CAR_AT, (uint64_t)reg_now(r));
	return reg_write(r, &rec, w);
}

int registry_suspend(struct registry *r, const uint8_t serial[static CERT_SERIAL], bool on, struct why *w)
{
	struct reg_row *row = row_of(r, serial, w);
	struct carec rec = {.type = CAREC_SUSPENDED};

	if (row == NULL)
		return -ZT_E_NOTFOUND;
	if (row->c.revoked)
		return why_set(w, ZT_E_DENIED, "the certificate is revoked, which is for good");
	if (row->c.suspended == on)
		return 0;
	carec_val(&rec, CAR_SERIAL, span_of(serial, CERT_SERIAL));
	carec_num(&rec, CAR_ON, on);
	carec_num(&rec, CAR_AT, (uint64_t)reg_now(r));
	return reg_write(r, &rec, w);
}

/* ---- sightings ------------------------------------------------------------------------------------- */

void reg_save_seen(struct registry *r)
{
	/* A disk that refuses costs the time of a last sighting; whoever changes something next is told. */
	if (r->nunsaved && write_with_seen(r, NULL, NULL) == 0)
		snap_if_due(r);
}

void registry_seen(struct registry *r, const uint8_t serial[static CERT_SERIAL])
{
	struct reg_row *row = row_of(r, serial, NULL);
	int64_t now = reg_now(r);

	if (row == NULL)
		return;
	if (now > row->c.seen)
		row->c.seen = now;
	if (!row->unsaved && r->nunsaved < CAREC_SIGHTINGS) {
		if (r->nunsaved == 0)
			r->unsaved_since = now;
		r->unsaved[r->nunsaved++] = row;
		row->unsaved = true;
	}
	if (r->nunsaved == CAREC_SIGHTINGS || now - r->unsaved_since >= REG_SEEN_KEEP)
		reg_save_seen(r);
}

/* ---- tokens and joins that wait -------------------------------------------------------------------- */

int registry_add_token(struct registry *r, const struct reg_token *t, struct why *w)
{
	struct rec_token_mem mem;
	struct carec rec;
	struct carec_tlvs tlvs;
	int64_t now = reg_now(r);
	int err = reg_begun(r, w);

	if (err)
		return err;
	if (world_token(&r->m, t->id))
		return why_set(w, ZT_E_EXISTS, "there is a token with this id already");
	if (t->uses == 0 || t->used || t->revoked || t->expires <= now || t->lifetime < 0)
		return why_set(w, ZT_E_RANGE, "a token is good for one join at least, and for a time to come");
	if ((t->name[0] && !cert_name_ok(span_str(t->name))) || (t->user[0] && !cert_name_ok(span_str(t->user))))
		return why_set(w, ZT_E_RANGE, "a name or a user has 1 to %d of a-z A-Z 0-9 . _ - @ and begins with a letter or digit",
			       CERT_NAME_MAX);
	if (rec_token(&rec, t, &mem) < 0)
		return why_set(w, ZT_E_TOOLONG, "the token has more names or networks than there is room for");
	carec_num(&rec, CAR_AT, (uint64_t)now);
	if (carec_encode(&rec, &tlvs) < 0 || !cert_role(t->role))
		return why_set(w, ZT_E_RANGE, "there is no such token");
	world_sweep(&r->m, now);
	if (!world_has_room(&r->m, BOUND_CA_TOKENS) || r->m.ntokens == REG_TOKENS)
		return why_set(w, ZT_E_FULL, "there are %zu tokens that are still good: revoke some, or wait until they expire",
			       r->m.ntokens);
	return reg_write(r, &rec, w);
}

int registry_revoke_token(struct registry *r, const uint8_t id[static TOKEN_ID], struct why *w)
{
	const struct reg_token_row *row = world_token(&r->m, id);
	struct carec rec = {.type = CAREC_TOKEN_REVOKED};

	if (row == NULL)
		return why_set(w, ZT_E_NOTFOUND, "there is no token with this id");
	if (row->t.revoked)
		return 0;
	carec_val(&rec, CAR_TOKEN, span_of(id, TOKEN_ID));
	carec_num(&rec, CAR_AT, (uint64_t)reg_now(r));
	return reg_write(r, &rec, w);
}

int registry_add_pending(struct registry *r, struct reg_pending *p, struct why *w)
{
	const struct reg_join_row *row = world_join_of(&r->m, p->key);
	struct carec_tlvs tlvs;
	struct carec rec;
	int err = reg_begun(r, w);

	if (err)
		return err;
	if (row) {
		*p = row->p;
		return 0;
	}
	if (world_token(&r->m, p->token) == NULL)
		return why_set(w, ZT_E_TOKEN, "the token is unknown here");
	if (!world_has_room(&r->m, BOUND_CA_PENDING) || r->m.njoins == REG_JOINS)
		return why_set(w, ZT_E_FULL, "%zu joins wait for approval already", r->m.njoins);
	p->number = r->m.joins + 1;
	p->since = reg_now(r);
	p->approved = false;
	rec_join(&rec, p);
	if (carec_encode(&rec, &tlvs) < 0)
		return why_set(w, ZT_E_RANGE, "the label of a join is printable ASCII of at most 64 characters");
	return reg_write(r, &rec, w);
}

int registry_settle_pending(struct registry *r, uint64_t number, bool approve, struct why *w)
{
	const struct reg_join_row *row = world_join(&r->m, number);
	struct carec rec = {.type = CAREC_SETTLED};

	if (row == NULL)
		return why_set(w, ZT_E_NOTFOUND, "no join with number %llu waits", (unsigned long long)number);
	if (approve && row->p.approved)
		return 0;
	carec_num(&rec, CAR_NUMBER, number);
	carec_num(&rec, CAR_ON, approve);
	carec_num(&rec, CAR_AT, (uint64_t)reg_now(r));
	return reg_write(r, &rec, w);
}

/* ---- numbers --------------------------------------------------------------------------------------- */

int registry_next_crl(struct registry *r, enum cert_anchor a, unsigned generation, uint64_t *number, struct why *w)
{
	const struct reg_anchor_row *row = world_anchor(&r->m, a, generation);
	struct carec rec = {.type = CAREC_CRL};
	int err;

	if (row == NULL)
		return why_set(w, ZT_E_NOTFOUND, "there is no %s anchor of generation %u", anchor_name(a), generation);
	carec_num(&rec, CAR_ANCHOR, a);
	carec_num(&rec, CAR_GENERATION, generation);
	carec_num(&rec, CAR_NUMBER, row->crl + 1);
	err = reg_write(r, &rec, w);
	if (!err)
		*number = row->crl;
	return err;
}

int registry_next_list(struct registry *r, uint64_t *number, struct why *w)
{
	struct carec rec = {.type = CAREC_LIST};
	int err = reg_begun(r, w);

	if (!err && r->list_last == r->m.list_upto) {
		carec_num(&rec, CAR_NUMBER, r->m.list_upto + REG_LIST_BLOCK);
		err = reg_write(r, &rec, w);
	}
	if (!err)
		*number = ++r->list_last;
	return err;
}

int registry_next_epoch(struct registry *r, struct why *w)
{
	struct carec rec = {.type = CAREC_EPOCH};
	int err = reg_begun(r, w);

	carec_num(&rec, CAR_EPOCH, r->m.epoch + 1);
	return err ? err : reg_write(r, &rec, w);
}
