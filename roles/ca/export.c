/* export: see export.h. It owns the bytes of one file while it writes them, and wipes them. */
#include "export.h"

#include <errno.h>
#include <stdio.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "cmd_key.h"
#include "io/newfile.h"
#include "wire/mobileconfig.h"
#include "wire/pem.h"

/* A list of anchors has 8 KiB at most and a certificate 16, so PKCS#12 of them, in base64 and with the
 * anchors once more, is below 64 KiB. */
#define P12_ROOM 32768
#define FILE_ROOM 65536

static const struct {
	const char *name, *suffix;
} formats[EXPORT_FORMATS] = {
	[EXPORT_PEM] = {"pem", ".all.pem"}, /* beside the certificate's own NAME.pem */
	[EXPORT_P12] = {"p12", ".p12"},
	[EXPORT_P12_MODERN] = {"p12-modern", ".p12"},
	[EXPORT_MOBILECONFIG] = {"mobileconfig", ".mobileconfig"},
};

const char *export_suffix(enum export_format f)
{
	return formats[f].suffix;
}

int export_format_find(struct span name, enum export_format *out)
{
	for (enum export_format f = EXPORT_PEM; f < EXPORT_FORMATS; f++)
		if (span_eq_str(name, formats[f].name)) {
			*out = f;
			return 0;
		}
	return -ZT_E_UNKNOWN;
}

void export_make_password(struct secret *s)
{
	char text[6 * EXPORT_PASSWORD_GROUPS];
	struct wr w = wr_of(s->mem, sizeof s->mem);

	secret_make_password(text, EXPORT_PASSWORD_GROUPS);
	wr_str(&w, text);
	s->n = w.n;
	wipe(text, sizeof text);
}

/* ---- what goes in ------------------------------------------------------------------------------ */

static bool signed_by(const struct x509 *leaf, struct span anchor)
{
	struct x509 ca;

	return x509_read(&ca, anchor, NULL) == 0 && span_eq(ca.subject, leaf->issuer) && x509_signed_by(leaf, &ca.key) == 0;
}

/* All of one list, the signer first. false: it is not among them. */
static bool take_list(struct export *e, struct span list)
{
	struct span one;
	size_t at = 0, n = 0;

	while ((one = cmd_nth_cert(list, n)).n && !signed_by(&e->leaf, one))
		n++;
	if (one.n == 0)
		return false;
	e->anchors[e->nanchors++] = one;
	for (; (one = cmd_nth_cert(list, at)).n && e->nanchors < ARRAY_LEN(e->anchors); at++)
		if (at != n)
			e->anchors[e->nanchors++] = one;
	return true;
}

int export_of(struct export *e, struct span leaf, const struct span *of, size_t nof, struct why *w)
{
	int rc = x509_read(&e->leaf, leaf, w);

	if (rc < 0)
		return rc;
	if (!pk_pair(e->key, &e->leaf.key))
		return why_set(w, ZT_E_KEY, "the key is not the one of the certificate: was the certificate renewed for another one?");
	e->nanchors = 0;
	for (size_t i = 0; i < nof; i++)
		if (take_list(e, of[i]))
			return 0;
	return why_set(w, ZT_E_DENIED, "the certificate is under none of the authority's anchors");
}

/* ---- formats ------------------------------------------------------------------------------------ */

/* Key, certificate, anchors: curl --cert, nginx, haproxy and others take them from one file. */
static int wr_pem(struct wr *w, const struct export *e, struct why *why)
{
	int rc = cmd_key_pem(w, e->key, SPAN_NONE, why);

	if (rc < 0)
		return rc;
	pem_write(w, "CERTIFICATE", e->leaf.der);
	for (size_t i = 0; i < e->nanchors; i++)
		pem_write(w, "CERTIFICATE", e->anchors[i]);
	return 0;
}

static int wr_p12(struct wr *w, const struct export *e, enum p12_profile profile, struct span password, struct why *why)
{
	struct p12_make m = {.profile = profile, .key = e->key, .name = e->name, .password = password, .ncerts = 1 + e->nanchors};

	m.certs[0] = e->leaf.der;
	for (size_t i = 0; i < e->nanchors; i++)
		m.certs[1 + i] = e->anchors[i];
	random_bytes(m.random, sizeof m.random);
	return p12_write(w, &m, why);
}

/* "zt.device.0123abcd" of zt://CA/device/0123abcd: a profile with the same identifier replaces the one
 * that is on the device. */
static int wr_identifier(struct wr *w, const struct x509 *leaf)
{
	struct span rest = leaf->san, ca, path;
	struct san s;

	while (x509_san_next(&rest, &s) > 0) {
		if (s.kind != SAN_URI || !span_starts(s.value, "zt://"))
			continue;
		path = span_sub(s.value, 5, s.value.n);
		if (!span_cut(path, '/', &ca, &path))
			continue;
		wr_str(w, "zt.");
		for (size_t i = 0; i < path.n; i++)
			wr_u8(w, path.p[i] == '/' ? '.' : path.p[i]);
		return 0;
	}
	return -ZT_E_SYNTAX;
}

static int wr_profile(struct wr *w, const struct export *e, struct span password, struct why *why)
{
	uint8_t p12[P12_ROOM], id[MOBILECONFIG_TEXT_MAX];
	struct wr p = wr_of(p12, sizeof p12), i = wr_of(id, sizeof id);
	struct mobileconfig m = {.title = e->name};
	int rc = wr_p12(&p, e, P12_COMPAT, password, why);

	if (rc < 0)
		return rc;
	m.p12 = wr_span(&p);
	while (m.nroots < MOBILECONFIG_ROOTS && m.nroots < e->nanchors) {
		m.roots[m.nroots] = e->anchors[m.nroots];
		m.nroots++;
	}
	random_bytes(m.uuid, sizeof m.uuid);
	rc = wr_identifier(&i, &e->leaf);
	m.id = wr_span(&i);
	if (rc == 0)
		rc = mobileconfig_write(w, &m);
	return rc < 0 ? why_set(why, (enum zt_err)-rc, "no profile can be made of this certificate: %s", err_text((enum zt_err)-rc))
		      : 0;
}

static int wr_format(struct wr *w, const struct export *e, const struct export_file *f, struct why *why)
{
	switch (f->format) {
	case EXPORT_PEM:
		return wr_pem(w, e, why);
	case EXPORT_P12:
		return wr_p12(w, e, P12_COMPAT, f->password, why);
	case EXPORT_P12_MODERN:
		return wr_p12(w, e, P12_MODERN, f->password, why);
	case EXPORT_MOBILECONFIG:
		return wr_profile(w, e, f->password, why);
	case EXPORT_FORMATS:
		break;
	}
	return -ZT_E_BUG;
}

static int put(const struct export_file *f, struct span bytes, struct why *w)
{
	const struct newfile file = {.dirfd = f->dirfd, .name = f->name, .shown = f->shown, .mode = 0600, .how = NEWFILE_FIRST};

	if (!span_eq_str(span_str(f->name), "-"))
		return newfile_write(&file, bytes, w);
	if (fwrite(bytes.p, 1, bytes.n, stdout) != bytes.n || fflush(stdout) != 0)
		return why_sys(w, errno, "cannot write standard output");
	return 0;
}

int export_write(const struct export *e, const struct export_file *f, struct why *w)
{
	uint8_t mem[FILE_ROOM];
	struct wr out = wr_of(mem, sizeof mem);
	int rc = wr_format(&out, e, f, w);

	if (rc == 0 && out.full)
		rc = why_set(w, ZT_E_FULL, "the certificates are too large for one file");
	if (rc == 0)
		rc = put(f, wr_span(&out), w);
	wipe(mem, sizeof mem);
	return rc;
}
