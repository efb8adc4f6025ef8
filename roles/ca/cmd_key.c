/* cmd_key: see cmd_key.h. It owns no key longer than its caller, and wipes what it had of one. */
#include "cmd_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "wire/der.h"
#include "wire/pem.h"

/* ---- keys ---------------------------------------------------------------------------------------- */

/* From the scalar in k. */
static int complete(struct cmd_key *k, size_t scalar, struct why *w)
{
	struct wr out = wr_of(k->spki_mem, sizeof k->spki_mem);
	struct pk_public pub = {.type = PK_P256};
	int n;

	k->key = (struct pk_private){.type = PK_P256, .scalar = span_of(k->scalar, scalar)};
	n = pk_point(&k->key, k->point, sizeof k->point);
	if (n < 0)
		return why_set(w, (enum zt_err)-n, "cannot make a key");
	pub.point = span_of(k->point, (size_t)n);
	x509_wr_spki(&out, &pub);
	k->spki = wr_span(&out);
	return out.full ? why_set(w, ZT_E_BUG, "a public key has no room") : 0;
}

int cmd_key_make(struct cmd_key *k, struct why *w)
{
	int n = pk_generate(PK_P256, k->scalar, sizeof k->scalar);

	return n < 0 ? why_set(w, (enum zt_err)-n, "cannot make a key") : complete(k, (size_t)n, w);
}

int cmd_key_of(struct cmd_key *k, const struct pk_private *key, struct why *w)
{
	if (key->type != PK_P256 || key->scalar.n > sizeof k->scalar)
		return why_set(w, ZT_E_KEY, "it is no P-256 key");
	memcpy(k->scalar, key->scalar.p, key->scalar.n);
	return complete(k, key->scalar.n, w);
}

void cmd_key_wipe(struct cmd_key *k)
{
	wipe(k, sizeof *k);
}

int cmd_key_pem(struct wr *w, const struct pk_private *k, struct span passphrase, struct why *why)
{
	uint8_t der[1024], salt[16], iv[16];
	struct wr out = wr_of(der, sizeof der);
	int rc;

	random_bytes(salt, sizeof salt);
	random_bytes(iv, sizeof iv);
	rc = passphrase.n ? privkey_write_encrypted(&out, k, passphrase, CMD_KEY_ITERATIONS, salt, iv) : privkey_write(&out, k);
	if (rc == 0 && !out.full)
		pem_write(w, passphrase.n ? "ENCRYPTED PRIVATE KEY" : "PRIVATE KEY", wr_span(&out));
	wipe(der, sizeof der);
	if (rc < 0)
		return why_set(why, (enum zt_err)-rc, "cannot write the key: %s", err_text((enum zt_err)-rc));
	return out.full || w->full ? why_set(why, ZT_E_BUG, "a private key has no room") : 0;
}

int cmd_key_csr(struct wr *w, const struct cmd_key *k, struct why *why)
{
	const struct signer s = signer_of(&k->key);
	uint8_t mem[8];
	struct wr name = wr_of(mem, sizeof mem);
	struct csr_make m = {.spki = k->spki};
	int rc = x509_wr_name(&name, NULL, 0);

	m.subject = wr_span(&name);
	return rc < 0 ? rc : csr_build(w, &m, &s, why);
}

void cmd_serial_make(uint8_t out[static CERT_SERIAL])
{
	random_bytes(out, CERT_SERIAL);
	out[0] = (uint8_t)(1 + random_below(0x7f));
}

/* ---- files --------------------------------------------------------------------------------------- */

static ssize_t read_all(int fd, struct wr *out)
{
	uint8_t part[4096];
	ssize_t n;

	while (!out->full) {
		n = read(fd, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n;
		wr_bytes(out, part, (size_t)n);
	}
	return 0;
}

/* Without waiting in open(), whatever it is; then with waiting, because a pipe may be slow. */
static int open_input(const char *path, struct why *w)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return why_sys(w, errno, "cannot read %.300s", path);
	if (fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, 0) < 0)
		rc = why_sys(w, errno, "cannot read %.300s", path);
	else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		rc = why_set(w, ZT_E_PERM, "cannot read %.300s: it is not a file", path);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

ssize_t cmd_read(const char *path, void *mem, size_t cap, struct why *w)
{
	bool in = span_eq_str(span_str(path), "-");
	int fd = in ? STDIN_FILENO : open_input(path, w);
	const char *shown = in ? "standard input" : path;
	struct wr out = wr_of(mem, cap);
	ssize_t rc = 0;

	if (fd < 0)
		return fd;
	if (read_all(fd, &out) < 0)
		rc = why_sys(w, errno, "cannot read %.300s", shown);
	else if (out.full)
		rc = why_set(w, ZT_E_TOOLONG, "%.300s has more than %zu bytes: that is not what it should be", shown, cap);
	if (!in)
		close(fd);
	return rc < 0 ? rc : (ssize_t)out.n;
}

/* The first PEM block whose label ends so ("NEW CERTIFICATE REQUEST" is one too), else all of it when
 * it begins as DER does. */
static int unarmour(struct span file, const char *label, const char *shown, struct wr *der, struct why *w)
{
	struct span rest = file;
	struct why cause = {0};
	unsigned line = 1;
	struct pem p;
	int rc, n;

	if (file.n && file.p[0] == DER_SEQUENCE) {
		wr_put(der, file);
		return der->full ? why_set(w, ZT_E_TOOLONG, "%.200s is longer than %zu bytes", shown, der->cap) : 0;
	}
	while ((rc = pem_next(&rest, &line, &p, &cause)) == 1) {
		if (!span_ends(p.label, label))
			continue;
		n = pem_decode(&p, der->p, der->cap, &cause);
		if (n < 0)
			return why_set(w, (enum zt_err)-n, "%.200s: line %u: %s", shown, p.line, cause.text);
		der->n = (size_t)n;
		return 0;
	}
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "%.200s: %s", shown, cause.text);
	return why_set(w, ZT_E_SYNTAX, "%.200s: there is no %s in it, neither in PEM nor in DER", shown, label);
}

static int read_der(const char *path, const char *label, struct wr *der, struct why *w)
{
	uint8_t file[CMD_FILE_MAX];
	ssize_t n = cmd_read(path, file, sizeof file, w);
	int rc = n < 0 ? (int)n : unarmour(span_of(file, (size_t)n), label, path, der, w);

	wipe(file, sizeof file); /* serve.pem has a key in it */
	return rc;
}

int cmd_read_csr(const char *path, uint8_t mem[static CSR_MAX], struct csr *out, struct why *w)
{
	struct wr der = wr_of(mem, CSR_MAX);
	struct why cause = {0};
	int rc = read_der(path, "CERTIFICATE REQUEST", &der, w);

	if (rc < 0)
		return rc;
	rc = csr_read(out, wr_span(&der), &cause);
	return rc < 0 ? why_set(w, (enum zt_err)-rc, "%.200s: %s", path, cause.err ? cause.text : err_text((enum zt_err)-rc)) : 0;
}

int cmd_read_cert(const char *path, uint8_t mem[static X509_MAX], struct x509 *out, struct why *w)
{
	struct wr der = wr_of(mem, X509_MAX);
	struct why cause = {0};
	int rc = read_der(path, "CERTIFICATE", &der, w);

	if (rc < 0)
		return rc;
	rc = x509_read(out, wr_span(&der), &cause);
	return rc < 0 ? why_set(w, (enum zt_err)-rc, "%.200s: %s", path, cause.err ? cause.text : err_text((enum zt_err)-rc)) : 0;
}

/* ---- certificates ----------------------------------------------------------------------------------- */

struct span cmd_nth_cert(struct span ders, size_t i)
{
	struct der d = der_of(ders);
	struct der_tlv t = {0};

	for (size_t k = 0; k <= i; k++)
		t = der_take(&d, DER_SEQUENCE);
	return der_bad(&d) ? SPAN_NONE : t.whole;
}

struct span cmd_signer_of(struct span ders, const struct x509 *cert)
{
	struct x509 anchor;
	struct span der;

	for (size_t i = 0; (der = cmd_nth_cert(ders, i)).n; i++)
		if (x509_read(&anchor, der, NULL) == 0 && x509_signed_by(cert, &anchor.key) == 0)
			return der;
	return SPAN_NONE;
}

int cmd_pem_certs(struct wr *w, struct span ders, struct why *why)
{
	struct der d = der_of(ders);

	while (der_more(&d)) {
		struct der_tlv t = der_take(&d, DER_SEQUENCE);

		if (!der_bad(&d))
			pem_write(w, "CERTIFICATE", t.whole);
	}
	return der_bad(&d) || w->full ? why_set(why, ZT_E_BUG, "what the authority answered is not a list of certificates") : 0;
}
