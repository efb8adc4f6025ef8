/* idrenew: see idrenew.h. Owns nothing longer than one renewal. */
#include "idrenew.h"

#include "base/ct.h"

int idrenew_role(enum cert_role role, struct why *w)
{
	const struct cert_role_row *row = cert_role(role);

	if (!row->renews)
		return why_set(w, ZT_E_DENIED, "certificates of role %s do not renew themselves; 'zt ca renew' on the authority does",
			       row->name);
	return 0;
}

static int check(const struct identity *id, int64_t now, struct why *w)
{
	int rc = idrenew_role(id->role, w);

	if (rc < 0)
		return rc;
	if (now > id->cert.not_after)
		return why_set(w, ZT_E_DENIED, "the identity in %.300s has expired and cannot be renewed any more: join again, with a "
			       "new token and --replace", id->dir);
	return 0;
}

/* The key of this renewal, on disk before it is asked for; what stays in memory is the request, and what the old
 * key says to it. */
static int make_request(struct idrenewal *r, bool same_key, struct why *w)
{
	struct wr out = wr_of(r->csr, sizeof r->csr);
	struct privkey key;
	int rc = 0;

	if (same_key)
		rc = identity_key_of(r->id.dirfd, r->id.dir, IDENTITY_RENEWING, &r->id.key.key, w);
	if (rc == 0)
		rc = identity_key(r->id.dirfd, r->id.dir, IDENTITY_RENEWING, &key, w);
	if (rc == 0) {
		rc = identity_request(&key, &out, w);
		privkey_wipe(&key);
	}
	r->signed_by = wr_of(r->signature, sizeof r->signature);
	if (rc == 0 && enrolsig_renewal(&r->signed_by, &r->id.key.key, span_of(r->id.serial, CERT_SERIAL), wr_span(&out)) < 0)
		rc = why_set(w, ZT_E_KEY, "the key in %.300s/" IDENTITY_FILE " cannot sign the renewal", r->id.dir);
	identity_forget_key(&r->id);
	return rc < 0 ? rc : csr_form(&r->request, wr_span(&out), w);
}

int idrenewal_begin(struct idrenewal *r, bool same_key, int64_t now, struct why *w)
{
	struct status_seen seen = {0};
	int rc = check(&r->id, now, w);

	if (rc == 0)
		rc = identity_read_where(r->id.dirfd, r->id.dir, &r->where, w);
	if (rc == 0)
		rc = identity_read_seen(r->id.dirfd, r->id.dir, &seen, w);
	if (rc == 0)
		rc = authority_pins_of(&r->pins, r->id.infra, "this identity", w);
	if (rc == 0)
		rc = make_request(r, same_key, w);
	identity_forget_key(&r->id);
	if (rc < 0)
		return rc;
	r->floor = seen.issued - STATUS_SKEW > CLOCK_FLOOR_S ? seen.issued - STATUS_SKEW : CLOCK_FLOOR_S;
	r->e = (struct enrolee){.kind = ENROLEE_RENEW, .csr = r->request.der, .signature = wr_span(&r->signed_by)};
	r->e.asked = (struct authority_asked){.spki = r->request.spki, .role = r->id.role, .registry = r->id.registry,
					      .pins = &r->pins, .at = {now, r->floor}};
	return 0;
}

int idrenewal_store(struct idrenewal *r, enum enrolee_event ev, const struct enrol *m, struct why *w)
{
	struct privkey key;
	int rc;

	if (ev != ENROLEE_GRANTED)
		return why_set(w, ZT_E_DENIED, "the authority answered something else than a certificate");
	rc = identity_key(r->id.dirfd, r->id.dir, IDENTITY_RENEWING, &key, w);
	if (rc < 0)
		return rc;
	if (!pk_pair(&key.key, &r->request.key)) /* somebody took the file away while we asked */
		rc = why_set(w, ZT_E_KEY, "%.300s/" IDENTITY_RENEWING " changed meanwhile; the certificate was not taken", r->id.dir);
	else
		rc = identity_store(r->id.dirfd, r->id.dir, &key.key, m, w);
	privkey_wipe(&key);
	if (rc == 0)
		identity_drop_key(r->id.dirfd, IDENTITY_RENEWING);
	return rc;
}

void idrenewal_over(struct idrenewal *r, int rc)
{
	/* Said by the authority itself: it has no certificate for this key, and makes none. */
	if (rc == -ZT_E_DENIED && r->e.refused)
		identity_drop_key(r->id.dirfd, IDENTITY_RENEWING);
}

static int on_event(void *ctx, enum enrolee_event ev, const struct enrol *m, struct why *w)
{
	return idrenewal_store(ctx, ev, m, w);
}

static int ask(const struct idrenew *o, struct idrenewal *r, struct why *w)
{
	struct enrolcall call = {.who = o->who, .where = &r->where, .identity = o->dir, .e = &r->e, .on = on_event, .ctx = r,
				 .floor = r->floor};
	int rc = enrolcall_run(&call, w);

	idrenewal_over(r, rc);
	return rc;
}

int idrenew(const struct idrenew *o, struct why *w)
{
	struct idrenewal r;
	int rc = identity_open(&r.id, o->dir, w);

	if (rc < 0)
		return rc;
	rc = idrenewal_begin(&r, o->same_key, clock_wall(&clock_real) / 1000, w);
	if (rc == 0)
		rc = ask(o, &r, w);
	identity_close(&r.id);
	return rc;
}
