/*
 * identity: the directory of identity.h. Owns its descriptor between identity_open() and
 * identity_close(). Every file is replaced as a whole, and identity.pem after all that it leans on, so
 * that a machine which loses power at any moment has the old identity or the new one.
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "decide/leaf.h"
#include "io/newfile.h"
#include "wire/csr.h"
#include "wire/pem.h"

#define TRUST "trust"
#define REGISTRY "registry.pem"
#define WHERE "where"
#define SEEN "status.seen"
#define TRUST_SEEN "trust.seen"
#define PATH_SHOWN 512
/* A key of 400 bytes, and a chain of ENF_CHAIN's 16,384 as PEM with 8 frames. */
#define FILE_MAX 32768

static const char *const anchor_files[ANCHORS] = {
	[ANCHOR_INFRA] = TRUST "/infra.pem", [ANCHOR_DEVICE] = TRUST "/device.pem", [ANCHOR_ACME] = TRUST "/acme.pem"};
static const enum enrol_field anchor_fields[ANCHORS] = {
	[ANCHOR_INFRA] = ENF_INFRA, [ANCHOR_DEVICE] = ENF_DEVICE, [ANCHOR_ACME] = ENF_ACME};

struct at { /* a file of the directory, and how it is called in sentences */
	struct newfile f;
	char shown[PATH_SHOWN];
};

static const struct newfile *at(struct at *a, int dirfd, const char *dir, const char *name, mode_t mode)
{
	snprintf(a->shown, sizeof a->shown, "%.300s/%s", dir, name);
	a->f = (struct newfile){.dirfd = dirfd, .name = name, .shown = a->shown, .mode = mode};
	return &a->f;
}

static int damaged(struct why *w, const struct at *a, const char *what)
{
	return why_set(w, ZT_E_DAMAGED, "%s: %s", a->shown, what);
}

/* ---- the directory ------------------------------------------------------------------------------ */

int identity_dir(const char *dir, bool make, struct why *w)
{
	struct stat st;
	int fd, sys;

	if (make && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return why_sys(w, errno, "cannot make the directory %.300s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return why_sys(w, errno, "cannot open the directory %.300s", dir);
	if (fstat(fd, &st) < 0) {
		sys = errno;
		close(fd);
		return why_sys(w, sys, "cannot look at the directory %.300s", dir);
	}
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & 022))
		return fd;
	close(fd);
	return why_set(w, ZT_E_PERM, "%.300s belongs to user %u and has mode %03o: an identity is kept where its owner alone "
		       "can write", dir, (unsigned)st.st_uid, (unsigned)(st.st_mode & 0777));
}

bool identity_has(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* All certificates of a PEM text as DER, one behind the other. */
static int certs_of(struct span text, struct wr *out, struct why *w)
{
	uint8_t der[X509_MAX];
	unsigned line = 1;
	struct pem p;
	int rc;

	while ((rc = pem_next(&text, &line, &p, w)) > 0) {
		if (!span_eq_str(p.label, "CERTIFICATE"))
			continue;
		rc = pem_decode(&p, der, sizeof der, w);
		if (rc < 0)
			return rc;
		wr_bytes(out, der, (size_t)rc);
	}
	return rc < 0 ? rc : out->full ? -ZT_E_TOOLONG : 0;
}

/* -ZT_E_NOTFOUND without a sentence when the file is not there and may be. */
static int read_anchors(struct identity *id, enum cert_anchor a, uint8_t *mem, struct span *out, struct why *w)
{
	static const size_t most = IDENTITY_CERTS;
	uint8_t text[2 * IDENTITY_CERTS];
	struct wr der = wr_of(mem, most);
	struct why cause = {0};
	struct at f;
	ssize_t n = newfile_read(at(&f, id->dirfd, id->dir, anchor_files[a], 0644), false, text, sizeof text, &cause);

	*out = SPAN_NONE;
	if (n == -ZT_E_NOTFOUND && a != ANCHOR_INFRA)
		return (int)n;
	if (n < 0)
		return why_set(w, cause.err, "%s", cause.text);
	if (certs_of(span_of(text, (size_t)n), &der, NULL) < 0 || der.n == 0)
		return damaged(w, &f, "there are no certificates in it that can be read");
	*out = wr_span(&der);
	return 0;
}

static int read_registry(struct identity *id, struct why *w)
{
	uint8_t text[1024];
	struct span s;
	unsigned line = 1;
	struct at f;
	struct pem p;
	ssize_t n = newfile_read(at(&f, id->dirfd, id->dir, REGISTRY, 0644), false, text, sizeof text, w);
	int len = -1;

	if (n < 0)
		return (int)n;
	s = span_of(text, (size_t)n);
	if (pem_next(&s, &line, &p, NULL) > 0 && span_eq_str(p.label, "PUBLIC KEY"))
		len = pem_decode(&p, id->registry_mem, sizeof id->registry_mem, NULL);
	if (len <= 0)
		return damaged(w, &f, "there is no public key in it");
	id->registry = span_of(id->registry_mem, (size_t)len);
	return 0;
}

/* The first certificate of the file, and its key. */
static int read_pair(struct identity *id, struct span text, const struct at *f, struct why *w)
{
	struct why cause = {0};
	unsigned line = 1;
	struct pem p;
	int rc = privkey_read(&id->key, text, SPAN_NONE, &cause), n = 0;

	if (rc < 0)
		return why_set(w, ZT_E_KEY, "%s: %s", f->shown, cause.text);
	while ((rc = pem_next(&text, &line, &p, NULL)) > 0 && !span_eq_str(p.label, "CERTIFICATE"))
		;
	if (rc > 0)
		n = pem_decode(&p, id->der, sizeof id->der, NULL);
	if (n <= 0 || x509_read(&id->cert, span_of(id->der, (size_t)n), NULL) < 0)
		return damaged(w, f, "there is no certificate in it that can be read");
	if (!pk_pair(&id->key.key, &id->cert.key))
		return why_set(w, ZT_E_KEY, "%s: its key is not that of its certificate", f->shown);
	return 0;
}

static int read_file(struct identity *id, const struct at *f, struct why *w)
{
	uint8_t text[FILE_MAX];
	ssize_t n = newfile_read(&f->f, true, text, sizeof text, w);
	int rc = n < 0 ? (int)n : read_pair(id, span_of(text, (size_t)n), f, w);

	wipe(text, sizeof text);
	return rc;
}

/* Who signed it decides which role it has. */
static int find_role(struct identity *id, const struct at *f, struct why *w)
{
	uint8_t mem[IDENTITY_CERTS];
	struct span certs;

	for (unsigned a = 0; a < ANCHORS && id->role == ROLE_NONE; a++) {
		int rc = read_anchors(id, (enum cert_anchor)a, mem, &certs, w);

		if (rc < 0 && rc != -ZT_E_NOTFOUND)
			return rc;
		if (rc == 0)
			id->role = authority_role(&id->cert, (enum cert_anchor)a, certs);
	}
	if (id->role == ROLE_NONE || id->cert.serial.n != CERT_SERIAL)
		return damaged(w, f, "its certificate is signed by none of the authorities in " TRUST "/, or of no role");
	memcpy(id->serial, id->cert.serial.p, CERT_SERIAL);
	id->id = leaf_zt_id(&id->cert);
	return 0;
}

/* id->dirfd is its own. */
static int open_all(struct identity *id, const char *dir, struct why *w)
{
	struct at f;
	int rc;

	at(&f, id->dirfd, dir, IDENTITY_FILE, 0600);
	rc = read_file(id, &f, w);
	if (rc == 0)
		rc = read_anchors(id, ANCHOR_INFRA, id->infra_mem, &id->infra, w);
	if (rc == 0)
		rc = read_registry(id, w);
	if (rc == 0)
		rc = find_role(id, &f, w);
	if (rc < 0)
		identity_close(id);
	return rc;
}

int identity_open(struct identity *id, const char *dir, struct why *w)
{
	*id = (struct identity){.dir = dir, .dirfd = identity_dir(dir, false, w)};
	return id->dirfd < 0 ? id->dirfd : open_all(id, dir, w);
}

int identity_open_at(struct identity *id, int dirfd, const char *shown, struct why *w)
{
	*id = (struct identity){.dir = shown, .dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3)};
	return id->dirfd < 0 ? why_sys(w, errno, "%.300s", shown) : open_all(id, shown, w);
}

void identity_forget_key(struct identity *id)
{
	privkey_wipe(&id->key);
}

void identity_close(struct identity *id)
{
	identity_forget_key(id);
	if (id->dirfd >= 0)
		close(id->dirfd);
	id->dirfd = -1;
}

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

static int write_text(const struct newfile *f, const struct wr *text, struct why *w)
{
	if (text->full)
		return why_set(w, ZT_E_TOOLONG, "%s would be too long", f->shown);
	return newfile_write(f, wr_span(text), w);
}

static bool holds(const struct newfile *f, struct span want)
{
	uint8_t mem[2 * IDENTITY_CERTS];
	ssize_t n = newfile_read(f, false, mem, sizeof mem, NULL);

	return n >= 0 && span_eq(span_of(mem, (size_t)n), want);
}

/* "epoch number\n"; {0, 0} when there is none yet. */
static int read_order(const struct at *f, struct trust_order *out, struct why *w)
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
	return damaged(w, f, "it is not 'epoch number'; removing it forgets which anchors were trusted last");
}

static int write_order(const struct at *f, struct trust_order o, struct why *w)
{
	uint8_t mem[48];
	struct wr text = wr_of(mem, sizeof mem);

	wr_fmt(&text, "%llu %llu\n", (unsigned long long)o.epoch, (unsigned long long)o.number);
	return write_text(&f->f, &text, w);
}

static int put_anchors(int dirfd, const char *shown, const struct enrol *m, struct why *w)
{
	uint8_t mem[2 * IDENTITY_CERTS];
	struct at f;
	int rc = 0, changed = 0;

	if (mkdirat(dirfd, TRUST, 0700) < 0 && errno != EEXIST)
		return why_sys(w, errno, "cannot make the directory %.300s/" TRUST, shown);
	for (size_t a = 0; rc == 0 && a < ANCHORS; a++) {
		struct wr text = wr_of(mem, sizeof mem);

		at(&f, dirfd, shown, anchor_files[a], 0644);
		put_certs(&text, m->has[anchor_fields[a]] ? m->field[anchor_fields[a]] : SPAN_NONE);
		if (text.n == 0 || (!text.full && holds(&f.f, wr_span(&text))))
			continue;
		rc = write_text(&f.f, &text, w);
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
	struct at f;
	int changed, rc;

	at(&f, dirfd, shown, TRUST_SEEN, 0644);
	rc = read_order(&f, &seen, w);
	if (rc < 0)
		return rc;
	if (o.epoch < seen.epoch || (o.epoch == seen.epoch && o.number < seen.number))
		return why_set(w, ZT_E_DENIED, "anchors were shown that are older than those in %.300s/" TRUST "; they were not taken", shown);
	changed = put_anchors(dirfd, shown, m, w);
	if (changed >= 0 && (o.epoch != seen.epoch || o.number != seen.number))
		rc = write_order(&f, o, w);
	return rc < 0 ? rc : changed;
}

/* Of another authority (join --replace): its numbers have nothing to do with those of the one before. */
static void forget_seen(int dirfd)
{
	unlinkat(dirfd, SEEN, 0);
	unlinkat(dirfd, TRUST_SEEN, 0);
}

static int store_registry(int dirfd, const char *shown, struct span spki, struct why *w)
{
	uint8_t mem[1024];
	struct wr text = wr_of(mem, sizeof mem);
	struct at f;

	pem_write(&text, "PUBLIC KEY", spki);
	at(&f, dirfd, shown, REGISTRY, 0644);
	if (!text.full && holds(&f.f, wr_span(&text)))
		return 0;
	forget_seen(dirfd);
	return write_text(&f.f, &text, w);
}

static int store_pair(int dirfd, const char *shown, const struct pk_private *key, struct span chain, struct why *w)
{
	uint8_t mem[FILE_MAX];
	struct wr text = wr_of(mem, sizeof mem);
	struct at f;
	int rc = put_key(&text, key);

	at(&f, dirfd, shown, IDENTITY_FILE, 0600);
	put_certs(&text, chain);
	rc = rc < 0 ? why_set(w, ZT_E_KEY, "the key for %s cannot be written", f.shown) : write_text(&f.f, &text, w);
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

static int write_key(const struct at *f, const struct pk_private *key, struct why *w)
{
	struct newfile first = f->f;
	uint8_t mem[1024];
	struct wr text = wr_of(mem, sizeof mem);
	int rc = put_key(&text, key);

	first.how = NEWFILE_FIRST;
	rc = rc < 0 ? why_set(w, ZT_E_KEY, "the key for %s cannot be written", f->shown) : write_text(&first, &text, w);
	wipe(mem, sizeof mem);
	return rc;
}

static int read_key(const struct at *f, struct privkey *out, struct why *w)
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

static int make_key(const struct at *f, struct why *w)
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
	struct at f;
	int rc;

	at(&f, dirfd, shown, name, 0600);
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
	struct at f;
	int rc;

	at(&f, dirfd, shown, name, 0600);
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

/* ---- small texts --------------------------------------------------------------------------------------- */

int identity_write_where(int dirfd, const char *shown, const struct identity_where *where, struct why *w)
{
	uint8_t mem[TOKEN_ADDRS * (TOKEN_ADDR_MAX + 1)];
	struct wr text = wr_of(mem, sizeof mem);
	struct at f;

	for (size_t i = 0; i < where->n; i++) {
		wr_str(&text, where->addr[i]);
		wr_u8(&text, '\n');
	}
	return write_text(at(&f, dirfd, shown, WHERE, 0644), &text, w);
}

static bool take_addr(struct identity_where *out, struct span line)
{
	struct span host;
	uint16_t port;

	return out->n < TOKEN_ADDRS && addr_parse_hostport(line, &host, &port) == 0 &&
	       span_to_cstr(line, out->addr[out->n], sizeof out->addr[0]) == 0;
}

int identity_read_where(int dirfd, const char *shown, struct identity_where *out, struct why *w)
{
	uint8_t mem[4096];
	struct span rest, line;
	struct at f;
	ssize_t n = newfile_read(at(&f, dirfd, shown, WHERE, 0644), false, mem, sizeof mem, w);

	*out = (struct identity_where){0};
	if (n < 0)
		return (int)n;
	rest = span_of(mem, (size_t)n);
	while (rest.n) {
		if (!span_cut(rest, '\n', &line, &rest) || !take_addr(out, line))
			return damaged(w, &f, "a line is no HOST:PORT, or there are more than 8");
		out->n++;
	}
	return out->n == 0 ? damaged(w, &f, "it is empty") : 0;
}

int identity_write_seen(int dirfd, const char *shown, const struct status_seen *seen, struct why *w)
{
	uint8_t mem[80];
	struct wr text = wr_of(mem, sizeof mem);
	struct at f;

	wr_fmt(&text, "%llu %llu %lld\n", (unsigned long long)seen->epoch, (unsigned long long)seen->number,
	       (long long)seen->issued);
	return write_text(at(&f, dirfd, shown, SEEN, 0644), &text, w);
}

int identity_read_seen(int dirfd, const char *shown, struct status_seen *out, struct why *w)
{
	uint8_t mem[80];
	struct why cause = {0};
	struct span s, a, b, c, rest = SPAN_NONE;
	uint64_t issued = 0;
	struct at f;
	ssize_t n = newfile_read(at(&f, dirfd, shown, SEEN, 0644), false, mem, sizeof mem, &cause);

	*out = (struct status_seen){0};
	if (n == -ZT_E_NOTFOUND)
		return 0;
	if (n < 0)
		return why_set(w, cause.err, "%s", cause.text);
	s = span_of(mem, (size_t)n);
	if (span_cut(s, ' ', &a, &s) && span_cut(s, ' ', &b, &s) && span_cut(s, '\n', &c, &rest) && rest.n == 0 &&
	    span_u64(a, UINT64_MAX, &out->epoch) == 0 && span_u64(b, UINT64_MAX, &out->number) == 0 &&
	    span_u64(c, INT64_MAX, &issued) == 0) {
		out->issued = (int64_t)issued;
		return 0;
	}
	*out = (struct status_seen){0};
	return damaged(w, &f, "it is not 'epoch number time'; removing it forgets which status lists were seen");
}

int64_t identity_renew_at(const struct x509 *cert)
{
	int64_t issued = cert->not_before + CERT_BACKDATE; /* else one of a minute would be due before it is made */

	if (issued >= cert->not_after)
		issued = cert->not_before;
	return issued + (cert->not_after - issued) * 2 / 3;
}
