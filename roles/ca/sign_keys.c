/* sign_keys: private keys out of the bundle. It owns them and signs nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "base/ct.h"
#include "sign.h"
#include "wire/bundle.h"

/* A file ends with a line end that is no part of it; what was typed does not. */
static struct span passphrase_of(const struct conf *c, struct span bundle)
{
	struct span pass = SPAN_NONE;

	if (bundle_find(bundle, CA_PASSPHRASE, &pass) == 0)
		return pass;
	if (c->ca.key_pass_file[0] == 0 || bundle_find(bundle, c->ca.key_pass_file, &pass) < 0)
		return SPAN_NONE;
	if (pass.n && pass.p[pass.n - 1] == '\n')
		pass.n--;
	if (pass.n && pass.p[pass.n - 1] == '\r')
		pass.n--;
	return pass;
}

/* 1, 0 when it is not in the bundle. */
static int read_key(struct privkey *out, struct span bundle, const char *path, struct span pass, struct why *w)
{
	struct why cause = {0};
	struct span file;
	int rc;

	if (bundle_find(bundle, path, &file) < 0)
		return 0;
	rc = privkey_read(out, file, pass, &cause);
	if (rc == 0)
		return 1;
	return why_set(w, (enum zt_err)-rc, "%s: %s", path, cause.err ? cause.text : err_text((enum zt_err)-rc));
}

/* The status list is signed with ECDSA on P-256 (wire/statlist). */
static int read_registry_key(struct sign_keys *k, struct span bundle, struct span pass, struct why *w)
{
	int rc = read_key(&k->registry, bundle, CA_REGISTRY_KEY, pass, w);

	if (rc == 0)
		return why_set(w, ZT_E_MISSING, CA_REGISTRY_KEY " is not there: nobody could sign the status list");
	if (rc > 0 && k->registry.key.type != PK_P256)
		return why_set(w, ZT_E_KEY, CA_REGISTRY_KEY ": not a P-256 key");
	return rc < 0 ? rc : 0;
}

static int read_all(struct sign_keys *k, struct span bundle, struct span pass, struct why *w)
{
	int rc = read_registry_key(k, bundle, pass, w);
	char path[64];

	for (unsigned a = 0; a < ANCHORS; a++)
		for (unsigned g = 1; rc >= 0 && g <= CA_GENERATIONS; g++) {
			snprintf(path, sizeof path, "keys/%s.%u.key", anchor_name((enum cert_anchor)a), g);
			rc = read_key(&k->anchor[a][g], bundle, path, pass, w);
			k->has[a][g] = rc > 0;
		}
	return rc < 0 ? rc : 0;
}

int sign_keys_new(struct sign_keys **out, const struct conf *c, struct span bundle, struct why *w)
{
	struct sign_keys *k = calloc(1, sizeof *k);
	int rc;

	if (k == NULL)
		return why_set(w, ZT_E_NOMEM, "no memory for the authority's keys");
	sha256(bundle, k->digest);
	rc = read_all(k, bundle, passphrase_of(c, bundle), w);
	if (rc < 0) {
		sign_keys_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void sign_keys_free(struct sign_keys *k)
{
	if (k == NULL)
		return;
	privkey_wipe(&k->registry);
	for (unsigned a = 0; a < ANCHORS; a++)
		for (unsigned g = 1; g <= CA_GENERATIONS; g++)
			if (k->has[a][g]) /* the others' pages were never touched */
				privkey_wipe(&k->anchor[a][g]);
	free(k);
}

const struct pk_private *sign_key_of(const struct sign_keys *k, enum cert_anchor a, unsigned generation)
{
	if (generation < 1 || generation > CA_GENERATIONS || !k->has[a][generation])
		return NULL;
	return &k->anchor[a][generation].key;
}
