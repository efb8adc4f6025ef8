/* cmd_root: see cmd_root.h. It owns nothing: the key is the caller's, and wiped by it. */
#include "cmd_root.h"

#include <fcntl.h>

#include "base/ct.h"

/* The key file of an EC key is written anew, under our passphrase. zt writes no RSA keys: such a file is
 * taken as it is, and must be in the state that was asked for. */
static int keep_key(struct cmd_root *a, const struct cmd_root_wish *wish, struct span file, struct why *w)
{
	struct wr out = wr_of(a->file, sizeof a->file);
	struct span pass = wish->pass;
	struct privkey again;
	bool plain, same;

	if (a->taken.key.type != PK_RSA) {
		int rc = cmd_key_pem(&out, &a->taken.key, pass, w);

		a->nfile = out.n;
		return rc;
	}
	plain = privkey_read(&again, file, SPAN_NONE, NULL) == 0;
	same = pass.n && !plain ? privkey_read(&again, file, pass, NULL) == 0 : plain && pass.n == 0;
	privkey_wipe(&again);
	if (!same)
		return why_set(w, ZT_E_KEY, "%.200s is an RSA key, which is taken in as it is: it must %s", wish->import.b,
			       pass.n ? "be encrypted with the passphrase of the authority's keys (openssl pkcs8 -topk8)" :
					"not be encrypted, or that passphrase must be the authority's");
	wr_put(&out, file);
	a->nfile = out.n;
	return out.full ? why_set(w, ZT_E_TOOLONG, "%.200s is too long", wish->import.b) : 0;
}

static int take_key(struct cmd_root *a, const struct cmd_root_wish *wish, struct why *w)
{
	const struct newfile f = {.dirfd = AT_FDCWD, .name = wish->import.b};
	uint8_t file[CMD_KEY_PEM * 4];
	struct why cause = {0};
	ssize_t n = newfile_read(&f, true, file, sizeof file, w);
	int rc;

	if (n < 0)
		return (int)n;
	rc = privkey_read(&a->taken, span_of(file, (size_t)n), wish->import_pass, &cause);
	if (rc < 0)
		why_set(w, (enum zt_err)-rc, "%.200s: %s%s", wish->import.b, cause.err ? cause.text : err_text((enum zt_err)-rc),
			rc == -ZT_E_KEY && wish->import_pass.n == 0 ? "; --import-pass-file gives its passphrase" : "");
	else
		rc = keep_key(a, wish, span_of(file, (size_t)n), w);
	wipe(file, sizeof file);
	return rc;
}

static int take(struct cmd_root *a, const struct cmd_root_wish *wish, struct why *w)
{
	const char *from = wish->import.a;
	struct why cause = {0};
	int rc = cmd_read_cert(from, a->der, &a->cert, w);

	if (rc == 0) {
		rc = anchor_check(&a->cert, wish->now, &cause);
		if (rc < 0)
			return why_set(w, (enum zt_err)-rc, "%.200s: %s", from, cause.text);
		rc = take_key(a, wish, w);
	}
	if (rc == 0 && !pk_pair(&a->taken.key, &a->cert.key))
		rc = why_set(w, ZT_E_KEY, "%.150s is not the key of %.150s", wish->import.b, from);
	a->key = &a->taken.key;
	return rc;
}

static int make(struct cmd_root *a, enum cert_anchor which, const struct cmd_root_wish *wish, struct why *w)
{
	struct wr der = wr_of(a->der, sizeof a->der), file = wr_of(a->file, sizeof a->file);
	uint8_t serial[CERT_SERIAL];
	struct signer s;
	int rc = cmd_key_make(&a->made, w);

	if (rc < 0)
		return rc;
	a->key = &a->made.key;
	s = signer_of(a->key);
	cmd_serial_make(serial);
	rc = anchor_make(&der, which, span_of(serial, sizeof serial), a->made.spki, wish->now, wish->lifetime, &s, w);
	if (rc == 0)
		rc = x509_read(&a->cert, wr_span(&der), w);
	if (rc == 0)
		rc = cmd_key_pem(&file, a->key, wish->pass, w);
	a->nfile = file.n;
	return rc;
}

int cmd_root_get(struct cmd_root *a, enum cert_anchor which, const struct cmd_root_wish *wish, struct why *w)
{
	return wish->import.a ? take(a, wish, w) : make(a, which, wish, w);
}
