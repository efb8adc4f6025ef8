/*
 * identity: the directory of identity.h, and what is read out of it. Owns its descriptor between
 * identity_open() and identity_close(). Keys, certificates and anchors are written by identity_store.c.
 */
#include "identity_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "decide/leaf.h"
#include "wire/pem.h"

#define WHERE "where"

const char *const idfile_anchor[ANCHORS] = {
	[ANCHOR_INFRA] = IDFILE_TRUST "/infra.pem", [ANCHOR_DEVICE] = IDFILE_TRUST "/device.pem",
	[ANCHOR_ACME] = IDFILE_TRUST "/acme.pem"};

const struct newfile *idfile_at(struct idfile *a, int dirfd, const char *dir, const char *name, mode_t mode)
{
	snprintf(a->shown, sizeof a->shown, "%.300s/%s", dir, name);
	a->f = (struct newfile){.dirfd = dirfd, .name = name, .shown = a->shown, .mode = mode};
	return &a->f;
}

int idfile_damaged(struct why *w, const struct idfile *a, const char *what)
{
	return why_set(w, ZT_E_DAMAGED, "%s: %s", a->shown, what);
}

int idfile_write(const struct newfile *f, const struct wr *text, struct why *w)
{
	if (text->full)
		return why_set(w, ZT_E_TOOLONG, "%s would be too long", f->shown);
	return newfile_write(f, wr_span(text), w);
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
	struct idfile f;
	ssize_t n = newfile_read(idfile_at(&f, id->dirfd, id->dir, idfile_anchor[a], 0644), false, text, sizeof text, &cause);

	*out = SPAN_NONE;
	if (n == -ZT_E_NOTFOUND && a != ANCHOR_INFRA)
		return (int)n;
	if (n < 0)
		return why_set(w, cause.err, "%s", cause.text);
	if (certs_of(span_of(text, (size_t)n), &der, NULL) < 0 || der.n == 0)
		return idfile_damaged(w, &f, "there are no certificates in it that can be read");
	*out = wr_span(&der);
	return 0;
}

static int read_registry(struct identity *id, struct why *w)
{
	uint8_t text[1024];
	struct span s;
	unsigned line = 1;
	struct idfile f;
	struct pem p;
	ssize_t n = newfile_read(idfile_at(&f, id->dirfd, id->dir, IDFILE_REGISTRY, 0644), false, text, sizeof text, w);
	int len = -1;

	if (n < 0)
		return (int)n;
	s = span_of(text, (size_t)n);
	if (pem_next(&s, &line, &p, NULL) > 0 && span_eq_str(p.label, "PUBLIC KEY"))
		len = pem_decode(&p, id->registry_mem, sizeof id->registry_mem, NULL);
	if (len <= 0)
		return idfile_damaged(w, &f, "there is no public key in it");
	id->registry = span_of(id->registry_mem, (size_t)len);
	return 0;
}

/* The first certificate of the file, and its key. */
static int read_pair(struct identity *id, struct span text, const struct idfile *f, struct why *w)
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
		return idfile_damaged(w, f, "there is no certificate in it that can be read");
	if (!pk_pair(&id->key.key, &id->cert.key))
		return why_set(w, ZT_E_KEY, "%s: its key is not that of its certificate", f->shown);
	return 0;
}

static int read_file(struct identity *id, const struct idfile *f, struct why *w)
{
	uint8_t text[IDFILE_MAX];
	ssize_t n = newfile_read(&f->f, true, text, sizeof text, w);
	int rc = n < 0 ? (int)n : read_pair(id, span_of(text, (size_t)n), f, w);

	wipe(text, sizeof text);
	return rc;
}

/* Who signed it decides which role it has. */
static int find_role(struct identity *id, const struct idfile *f, struct why *w)
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
		return idfile_damaged(w, f, "its certificate is signed by none of the authorities in " IDFILE_TRUST "/, or of no role");
	memcpy(id->serial, id->cert.serial.p, CERT_SERIAL);
	id->id = leaf_zt_id(&id->cert);
	return 0;
}

/* id->dirfd is its own. */
static int open_all(struct identity *id, const char *dir, struct why *w)
{
	struct idfile f;
	int rc;

	idfile_at(&f, id->dirfd, dir, IDENTITY_FILE, 0600);
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

/* ---- small texts --------------------------------------------------------------------------------------- */

int identity_write_where(int dirfd, const char *shown, const struct identity_where *where, struct why *w)
{
	uint8_t mem[TOKEN_ADDRS * (TOKEN_ADDR_MAX + 1)];
	struct wr text = wr_of(mem, sizeof mem);
	struct idfile f;

	for (size_t i = 0; i < where->n; i++) {
		wr_str(&text, where->addr[i]);
		wr_u8(&text, '\n');
	}
	return idfile_write(idfile_at(&f, dirfd, shown, WHERE, 0644), &text, w);
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
	struct idfile f;
	ssize_t n = newfile_read(idfile_at(&f, dirfd, shown, WHERE, 0644), false, mem, sizeof mem, w);

	*out = (struct identity_where){0};
	if (n < 0)
		return (int)n;
	rest = span_of(mem, (size_t)n);
	while (rest.n) {
		if (!span_cut(rest, '\n', &line, &rest) || !take_addr(out, line))
			return idfile_damaged(w, &f, "a line is no HOST:PORT, or there are more than 8");
		out->n++;
	}
	return out->n == 0 ? idfile_damaged(w, &f, "it is empty") : 0;
}

int identity_write_seen(int dirfd, const char *shown, const struct status_seen *seen, struct why *w)
{
	uint8_t mem[80];
	struct wr text = wr_of(mem, sizeof mem);
	struct idfile f;

	wr_fmt(&text, "%llu %llu %lld\n", (unsigned long long)seen->epoch, (unsigned long long)seen->number,
	       (long long)seen->issued);
	return idfile_write(idfile_at(&f, dirfd, shown, IDFILE_SEEN, 0644), &text, w);
}

int identity_read_seen(int dirfd, const char *shown, struct status_seen *out, struct why *w)
{
	uint8_t mem[80];
	struct why cause = {0};
	struct span s, a, b, c, rest = SPAN_NONE;
	uint64_t issued = 0;
	struct idfile f;
	ssize_t n = newfile_read(idfile_at(&f, dirfd, shown, IDFILE_SEEN, 0644), false, mem, sizeof mem, &cause);

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
	return idfile_damaged(w, &f, "it is not 'epoch number time'; removing it forgets which status lists were seen");
}

int64_t identity_renew_at(const struct x509 *cert)
{
	int64_t issued = cert->not_before + CERT_BACKDATE; /* else one of a minute would be due before it is made */

	if (issued >= cert->not_after)
		issued = cert->not_before;
	return issued + (cert->not_after - issued) * 2 / 3;
}
