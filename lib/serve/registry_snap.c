/*
 * registry_snap: the file anew with what still counts, and certificates read back from it. A snapshot
 * holds every certificate that was ever issued, with its bytes; what it leaves out are sightings that
 * newer ones replaced, events that the state of a certificate says, tokens and joins that are over.
 */
#include <stdlib.h>

#include "base/num.h"
#include "serve/registry_int.h"

/* ---- reading back ---------------------------------------------------------------------------------- */

/* The certificate in the record, which must be this one's. */
int der_in(const struct jrec *rec, const struct reg_cert *c, struct span *der)
{
	struct carec r;
	int err = carec_decode(rec, &r);

	if (err)
		return err;
	*der = r.val[CAR_DER];
	return (r.type == CAREC_ISSUED || r.type == CAREC_CERT) && span_eq(r.val[CAR_SERIAL], span_of(c->serial, CERT_SERIAL))
		       ? 0
		       : -ZT_E_DAMAGED;
}

/* Asked by its serial number: what somebody holds may be from before the file was written anew. */
static int read_der(struct registry *r, const uint8_t *serial, struct span *der, struct why *w)
{
	const struct reg_row *row = index_find(&r->m.certs, REG_BY_SERIAL, span_of(serial, CERT_SERIAL));
	const struct reg_cert *c;
	struct jrec rec;
	int err;

	if (row == NULL)
		return why_set(w, ZT_E_NOTFOUND, "there is no certificate with this serial number");
	c = &row->c;
	err = journal_read(r->j, c->offset, r->mem, num_min(row->size, sizeof r->mem), &rec, w);
	if (err)
		return err;
	err = der_in(&rec, c, der);
	return err ? why_set(w, (enum zt_err)-err, "%.200s: the certificate at offset %llu is not the one that was there",
			     r->o.shown, (unsigned long long)c->offset)
		   : 0;
}

int registry_der(struct registry *r, const struct reg_cert *c, uint8_t *mem, size_t cap, struct why *w)
{
	struct wr out = wr_of(mem, cap);
	struct span der = SPAN_NONE;
	int err = read_der(r, c->serial, &der, w);

	if (err)
		return err;
	wr_put(&out, der);
	return out.full ? why_set(w, ZT_E_TOOLONG, "the certificate has %zu bytes, more than %zu", der.n, cap) : (int)der.n;
}

/* ---- a new file ------------------------------------------------------------------------------------ */

/* Where each record is to be: only believed when the new file has the name. */
struct moved {
	uint64_t offset;
	uint32_t size;
};
struct fill {
	struct registry *r;
	struct moved *cert;
	uint64_t at; /* where the next record begins */
};

static int put(struct fill *f, struct journal *j, const struct carec *rec, struct moved *to, struct why *w)
{
	struct carec_tlvs t;
	int err = carec_encode(rec, &t);

	ZT_ASSERT(err == 0); /* it was a record before */
	*to = (struct moved){f->at, (uint32_t)jrec_size(t.t, t.n)};
	f->at += to->size;
	return journal_snapshot_add(j, (uint16_t)rec->type, CAREC_VERSION, t.t, t.n, w);
}

static int fill_certs(struct fill *f, struct journal *j, struct why *w)
{
	struct registry *r = f->r;

	for (size_t i = 0; i < r->m.certs.n; i++) {
		const struct reg_cert *c = &index_row(&r->m.certs, i)->c;
		struct carec rec;
		struct span der = SPAN_NONE;
		int err = read_der(r, c->serial, &der, w);

		if (err)
			return err;
		rec_cert(&rec, CAREC_CERT, c, der);
		err = put(f, j, &rec, &f->cert[i], w);
		if (err)
			return err;
	}
	return 0;
}

/* Behind the certificates, which would use tokens once more and settle joins. */
static int fill_rest(struct fill *f, struct journal *j, struct why *w)
{
	const struct reg_world *m = &f->r->m;
	struct moved to;
	struct carec rec;
	int err = 0;

	for (size_t i = 0; i < m->ntokens && !err; i++) {
		struct rec_token_mem mem;

		err = rec_token(&rec, &m->token[i]->t, &mem);
		ZT_ASSERT(err == 0);
		err = put(f, j, &rec, &to, w);
	}
	for (size_t i = 0; i < m->njoins && !err; i++) {
		rec_join(&rec, &m->join[i]->p);
		err = put(f, j, &rec, &to, w);
	}
	return err;
}

static int fill(struct journal *j, void *ctx, struct why *w)
{
	struct fill *f = ctx;
	struct reg_world *m = &f->r->m;
	struct moved to;
	struct carec rec;
	int err;

	rec_begin(&rec, m);
	err = put(f, j, &rec, &to, w);
	for (size_t i = 0; i < m->nanchors && !err; i++) {
		rec_anchor(&rec, &m->anchor[i]);
		err = put(f, j, &rec, &to, w);
	}
	if (!err)
		err = fill_certs(f, j, w);
	return err ? err : fill_rest(f, j, w);
}

static void adopt_places(struct reg_world *m, const struct moved *cert)
{
	for (size_t i = 0; i < m->certs.n; i++) {
		struct reg_row *row = index_row(&m->certs, i);

		m->kept = m->kept - row->size + cert[i].size;
		row->c.offset = cert[i].offset;
		row->size = cert[i].size;
		row->unsaved = false;
	}
}

int registry_compact(struct registry *r, struct why *w)
{
	struct fill f = {.r = r, .at = JREC_MAGIC};
	int err = reg_begun(r, w);

	if (err)
		return err;
	f.cert = calloc(r->m.certs.n + 1, sizeof *f.cert);
	if (f.cert == NULL)
		return why_set(w, ZT_E_NOMEM, "%.200s: no memory to write it anew", r->o.shown);
	err = journal_snapshot(r->j, fill, &f, w);
	if (!err) {
		adopt_places(&r->m, f.cert);
		r->nunsaved = 0; /* every certificate's last sighting is in its record now */
	}
	free(f.cert);
	return err;
}

/* A disk that has no room for it is no reason to refuse what was written already. */
void snap_if_due(struct registry *r)
{
	uint64_t bytes = journal_bytes(r->j);

	if (bytes < r->snap_from || bytes < r->m.kept || bytes - r->m.kept < REG_JUNK || bytes - r->m.kept <= bytes / 2)
		return;
	if (registry_compact(r, NULL) < 0)
		r->snap_from = bytes + REG_JUNK;
}
