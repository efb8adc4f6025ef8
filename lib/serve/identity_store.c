/*
 * identity_store: writes what was granted into the directory of identity.h, and keeps the keys that wait for their
 * certificate. Every file is replaced as a whole, and identity.pem after all that it leans on, so that a machine
 * which loses power at any moment has the old identity or the new one.
 */
#include "identity_int.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "wire/csr.h"
#include "wire/pem.h"

#define TRUST_SEEN "trust.seen"

static const enum enrol_field anchor_fields[ANCHORS] = {
	[ANCHOR_INFRA] = ENF_INFRA, [ANCHOR_DEVICE] = ENF_DEVICE, [ANCHOR_ACME] = ENF_ACME};

/* ---- writing -------------------------------------------------------------------------------------- */

static void put_certs(struct wr *w, struct span certs)
{
	struct span der;

	for (size_t i = 0; (der = enrol_cert(certs, i)).n > 0; i++)
		pem_write(w, "CERTIFICATE", der);
}

static int put_key(struct wr *w, const struct pk_private *key)
{
	uint8_t der[PRIVKEY_MAX];
	struct wr d = wr_of(der, sizeof der);
	int rc = privkey_write(&d, key);

	if (rc == 0)
		pem_write(w, "PRIVATE KEY", wr_span(&d));
	wipe(der, sizeof der);
	return rc < 0 || d.full ? -ZT_E_KEY : 0;
}

static bool holds(const struct newfile *f, struct span want)
{
	uint8_t mem[2 * IDENTITY_CERTS];
	ssize_t n = newfile_read(f, false, mem, sizeof mem, NULL);

	return n >= 0 && span_eq(span_of(mem, (size_t)n), want);
}

/* "epoch number\n"; {0, 0} when there is none yet. */
static int read_order(const struct idfile *f, struct trust_order *out, struct why *w)
{
	uint8_t mem[48];
	struct why cause = {0};
	struct span s, a, b, rest = SPAN_NONE;
	ssize_t n = newfile_read(&f->f, false, mem, sizeof mem, &cause);

	*out = (struct trust_order){0};
	if (n == -ZT_E_NOTFOUND)
		return 0;
	if (n < 0)
		return why_set(w, cause.err, "%s", cause.text);
	s = span_of(mem, (size_t)n);
	if (span_cut(s, ' ', &a, &s) && span_cut(s, '\n', &b, &rest) && rest.n == 0 &&
	    span_u64(a, UINT64_MAX, &out->epoch) == 0 && span_u64(b, UINT64_MAX, &out->number) == 0)
		return 0;
	return idfile_damaged(w, f, "it is not 'epoch number'; removing it forgets which anchors were trusted last");
}

static int write_order(const struct idfile *f, struct trust_order o, struct why *w)
{
	uint8_t mem[48];
	struct wr text = wr_of(mem, sizeof mem);

	wr_fmt(&text, "%llu %llu\n", (unsigned long long)o.epoch, (unsigned long long)o.number);
	return idfile_write(&f->f, &text, w);
}

static int put_anchors(int dirfd, const char *shown, const struct enrol *m, struct why *w)
{
	uint8_t mem[2 * IDENTITY_CERTS];
	struct idfile f;
	int rc = 0, changed = 0;

	if (mkdirat(dirfd, IDFILE_TRUST, 0700) < 0 && errno != EEXIST)
		return why_sys(w, errno, "cannot make the directory %.300s/" IDFILE_TRUST, shown);
	for (size_t a = 0; rc == 0 && a < ANCHORS; a++) {
		struct wr text = wr_of(mem, sizeof mem);

		idfile_at(&f, dirfd, shown, idfile_anchor[a], 0644);
		put_certs(&text, m->has[anchor_fields[a]] ? m->field[anchor_fields[a]] : SPAN_NONE);
		if (text.n == 0 || (!text.full && holds(&f.f, wr_span(&text))))
			continue;
		rc = idfile_write(&f.f, &text, w);
		changed = 1;
	}
	return rc < 0 ? rc : changed;
}

/* What was signed once stays signed: an anchor that was retired does not come back by being shown again. The
 * order is written behind the anchors, so that a crash in between stores them again. */
int identity_store_anchors(int dirfd, const char *shown, const struct enrol *m, struct why *w)
{
	const struct trust_order o = enrolsig_order(m->field[ENF_TRUST]);
	struct trust_order seen;
	struct idfile f;
	int changed, rc;

	idfile_at(&f, dirfd, shown, TRUST_SEEN, 0644);
	rc = read_order(&f, &seen, w);
	if (rc < 0)
		return rc;
	if (o.epoch < seen.epoch || (o.epoch == seen.epoch && o.number < seen.number))
		return why_set(w, ZT_E_DENIED, "anchors were shown that are older than those in %.300s/" IDFILE_TRUST "; they were not taken", shown);
	changed = put_anchors(dirfd, shown, m, w);
	if (changed >= 0 && (o.epoch != seen.epoch || o.number != seen.number))
		rc = write_order(&f, o, w);
	return rc < 0 ? rc : changed;
}

/* Of another authority (join --replace): its numbers have nothing to do with those of the one before. */
static void forget_seen(int dirfd)
{
	unlinkat(dirfd, IDFILE_SEEN, 0);
	unlinkat(dirfd, TRUST_SEEN, 0);
}

static int store_registry(int dirfd, const char *shown, struct span spki, struct why *w)
{
	uint8_t mem[1024];
	struct wr text = wr_of(mem, sizeof mem);
	struct idfile f;

	pem_write(&text, "PUBLIC KEY", spki);
	idfile_at(&f, dirfd, shown, IDFILE_REGISTRY, 0644);
	if (!text.full && holds(&f.f, wr_span(&text)))
		return 0;
	forget_seen(dirfd);
	return idfile_write(&f.f, &text, w);
}

static int store_pair(int dirfd, const char *shown, const struct pk_private *key, struct span chain, struct why *w)
{
	uint8_t mem[IDFILE_MAX];
	struct wr text = wr_of(mem, sizeof mem);
	struct idfile f;
	int rc = put_key(&text, key);

	idfile_at(&f, dirfd, shown, IDENTITY_FILE, 0600);
	put_certs(&text, chain);
	rc = rc < 0 ? why_set(w, ZT_E_KEY, "the key for %s cannot be written", f.shown) : idfile_write(&f.f, &text, w);
	wipe(mem, sizeof mem);
	return rc;
}

int identity_store(int dirfd, const char *shown, const struct pk_private *key, const struct enrol *granted, struct why *w)
{
	int rc = store_registry(dirfd, shown, granted->field[ENF_REGISTRY], w);

	if (rc == 0)
		rc = identity_store_anchors(dirfd, shown, granted, w);
	if (rc >= 0) /* from here on it counts */
		rc = store_pair(dirfd, shown, key, granted->field[ENF_CHAIN], w);
	return rc;
}

/* ---- keys that wait for their certificate ------------------------------------------------------------ */

static int write_key(const struct idfile *f, const struct pk_private *key, struct why *w)
{
	struct newfile first = f->f;
	uint8_t mem[1024];
	struct wr text = wr_of(mem, sizeof mem);
	int rc = put_key(&text, key);

	first.how = NEWFILE_FIRST;
	rc = rc < 0 ? why_set(w, ZT_E_KEY, "the key for %s cannot be written", f->shown) : idfile_write(&first, &text, w);
	wipe(mem, sizeof mem);
	return rc;
}

static int read_key(const struct idfile *f, struct privkey *out, struct why *w)
{
	uint8_t mem[PRIVKEY_MAX];
	struct why cause = {0};
	ssize_t n = newfile_read(&f->f, true, mem, sizeof mem, &cause);
	int rc = n < 0 ? (int)n : privkey_read(out, span_of(mem, (size_t)n), SPAN_NONE, &cause);

	wipe(mem, sizeof mem);
	if (n < 0)
		return rc == -ZT_E_NOTFOUND ? rc : why_set(w, cause.err, "%s", cause.text);
	return rc < 0 ? why_set(w, ZT_E_KEY, "%s: %s", f->shown, cause.text) : 0;
}

static int make_key(const struct idfile *f, struct why *w)
{
	uint8_t scalar[PK_SCALAR_MAX];
	int n = pk_generate(PK_P256, scalar, sizeof scalar), rc;
	struct pk_private key = {.type = PK_P256, .scalar = span_of(scalar, n > 0 ? (size_t)n : 0)};

	rc = n < 0 ? why_set(w, ZT_E_KEY, "no key could be made") : write_key(f, &key, w);
	wipe(scalar, sizeof scalar);
	return rc;
}

int identity_key(int dirfd, const char *shown, const char *name, struct privkey *out, struct why *w)
{
	struct why cause = {0};
	struct idfile f;
	int rc;

	idfile_at(&f, dirfd, shown, name, 0600);
	rc = read_key(&f, out, w);
	if (rc != -ZT_E_NOTFOUND)
		return rc;
	rc = make_key(&f, &cause);
	if (rc < 0 && rc != -ZT_E_EXISTS) /* somebody else made one just now: then that is it */
		return why_set(w, cause.err, "%s", cause.text);
	rc = read_key(&f, out, w);
	return rc == -ZT_E_NOTFOUND ? why_set(w, ZT_E_NOTFOUND, "%s is gone again", f.shown) : rc;
}

int identity_key_of(int dirfd, const char *shown, const char *name, const struct pk_private *key, struct why *w)
{
	struct why cause = {0};
	struct privkey there;
	struct pk_public pub;
	struct idfile f;
	int rc;

	idfile_at(&f, dirfd, shown, name, 0600);
	rc = write_key(&f, key, &cause);
	if (rc != -ZT_E_EXISTS)
		return rc < 0 ? why_set(w, cause.err, "%s", cause.text) : 0;
	rc = read_key(&f, &there, w);
	if (rc < 0)
		return rc == -ZT_E_NOTFOUND ? why_set(w, ZT_E_NOTFOUND, "%s is gone again", f.shown) : rc;
	pub = privkey_public(&there);
	rc = pk_pair(key, &pub) ? 0 : why_set(w, ZT_E_EXISTS, "%s holds another key: a renewal with that one is under way", f.shown);
	privkey_wipe(&there);
	return rc;
}

void identity_drop_key(int dirfd, const char *name)
{
	unlinkat(dirfd, name, 0);
}

int identity_request(const struct privkey *key, struct wr *out, struct why *w)
{
	static const struct x509_attr attr = {OID_CN, SPAN_LIT("zt")}; /* a wish that nobody looks at */
	const struct pk_public pub = privkey_public(key);
	const struct signer s = signer_of(&key->key);
	uint8_t subject[64], spki[PK_POINT_MAX + 64];
	struct wr subj = wr_of(subject, sizeof subject), pk = wr_of(spki, sizeof spki);

	if (pub.type == PK_RSA)
		return why_set(w, ZT_E_KEY, "zt makes and renews keys on elliptic curves only, and this one is RSA");
	x509_wr_name(&subj, &attr, 1);
	x509_wr_spki(&pk, &pub);
	return csr_build(out, &(struct csr_make){.subject = wr_span(&subj), .spki = wr_span(&pk)}, &s, w);
}
