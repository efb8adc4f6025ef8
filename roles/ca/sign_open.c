/*
 * sign_open: the registry at a start, held against the keys that are here. It runs inside the jail, as the
 * user whom the directory belongs to.
 */
#include "sign.h"
#include "wire/x509.h"

#define SHOWN CA_REGISTRY_DIR "/" REGISTRY_FILE
#define ANCHORS_MOST 32    /* generations of all three that are asked for: each has CA_GENERATIONS with keys */

static struct span spki_of(const struct privkey *k, uint8_t *mem, size_t cap)
{
	const struct pk_public pub = privkey_public(k);
	struct wr w = wr_of(mem, cap);

	x509_wr_spki(&w, &pub);
	return wr_span(&w);
}

static int anchor_fits(const struct sign_keys *k, const struct reg_anchor *a, struct why *w)
{
	const struct pk_private *key = sign_key_of(k, a->anchor, a->generation);
	struct x509 cert;

	if (key == NULL)
		return 0; /* it is elsewhere, and what needs it will say so */
	if (x509_read(&cert, a->der, w) < 0)
		return why_set(w, ZT_E_DAMAGED, SHOWN ": an anchor in it is no certificate");
	if (!pk_pair(key, &cert.key))
		return why_set(w, ZT_E_KEY, "keys/%s.%u.key is not the key of the %s anchor that the registry knows",
			       anchor_name(a->anchor), a->generation, anchor_name(a->anchor));
	return 0;
}

int sign_keys_fit(const struct sign_keys *k, const struct registry *r, struct why *w)
{
	struct reg_anchor anchor[ANCHORS_MOST];
	size_t n = registry_anchors(r, anchor, ANCHORS_MOST);
	uint8_t mem[160];
	int rc = 0;

	if (!span_eq(registry_key(r), spki_of(&k->registry, mem, sizeof mem)))
		return why_set(w, ZT_E_KEY, CA_REGISTRY_KEY " is not the key that the registry was begun with");
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = anchor_fits(k, &anchor[i], w);
	return rc;
}

int sign_open(struct sign *s, struct why *w)
{
	const struct registry_opts o = {
		.dirfd = s->child.dir_fd, .shown = SHOWN, .clock = &clock_real, .bounds = &s->child.bounds,
	};
	int rc = registry_open(&s->registry, &o, w);

	return rc == 0 ? sign_keys_fit(s->keys, s->registry, w) : rc;
}
