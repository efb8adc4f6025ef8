/* cred: see cred.h. It signs nothing; the key's bytes stay in struct cred until it is wiped. */
#include "cred.h"

#include <stdlib.h>

#include "base/ct.h"
#include "base/num.h"
#include "tls_br.h"
#include "wire/pem.h"
#include "wire/x509.h"

uint32_t cred_rsa_sign(const unsigned char *hash_oid, const unsigned char *hash, size_t hash_len,
		       const br_rsa_private_key *sk, unsigned char *x)
{
	const struct cred *c = CONTAINER_OF(sk, const struct cred, rsa);
	const br_rsa_public_key pk = {
		.n = br_bytes(c->key.key.n), .nlen = c->key.key.n.n, .e = br_bytes(c->key.key.e), .elen = c->key.key.e.n,
	};
	uint8_t back[PK_HASH_MAX];

	if (hash_len > sizeof back || !br_rsa_pkcs1_sign_get_default()(hash_oid, hash, hash_len, sk, x))
		return 0;
	if (br_rsa_pkcs1_vrfy_get_default()(x, pk.nlen, hash_oid, hash_len, &pk, back) && ct_eq(back, hash, hash_len))
		return 1;
	wipe(x, pk.nlen);
	return 0;
}

static int add_cert(struct cred *c, const struct cred_file *f, const struct pem *p, struct why *w)
{
	struct x509 below, cert;
	uint8_t *der;
	int n;

	if (c->n == TLS_CHAIN)
		return why_set(w, ZT_E_TOOLONG, "%s: line %u: more than %d certificates", f->path, p->line, TLS_CHAIN);
	der = arena_get(&c->mem, p->body.n / 4 * 3 + 1);
	if (der == NULL)
		return why_set(w, ZT_E_TOOLONG, "%s: line %u: more than %d bytes of certificates", f->path, p->line,
			       TLS_CHAIN_BYTES);
	n = pem_decode(p, der, p->body.n / 4 * 3, w);
	if (n < 0)
		return n;
	n = x509_read(&cert, span_of(der, (size_t)n), w);
	if (n < 0)
		return n;
	if (c->n && x509_read(&below, span_of(c->chain[c->n - 1].data, c->chain[c->n - 1].data_len), w) < 0)
		return -ZT_E_SYNTAX;
	if (c->n && !span_eq(below.issuer, cert.subject))
		return why_set(w, ZT_E_SYNTAX,
			       "%s: line %u: this certificate did not issue the one before it; the server's own comes "
			       "first, then each one's issuer", f->path, p->line);
	c->chain[c->n++] = (br_x509_certificate){der, cert.der.n};
	return 0;
}

static int read_certs(struct cred *c, const struct cred_file *f, struct why *w)
{
	struct span text = f->bytes;
	struct why cause = {0};
	unsigned line = 1;
	struct pem p = {.line = 1};
	int rc;

	while ((rc = pem_next(&text, &line, &p, &cause)) > 0) {
		if (!span_eq_str(p.label, "CERTIFICATE"))
			continue; /* one file for all is common: the key is somebody else's to find */
		rc = add_cert(c, f, &p, &cause);
		if (rc < 0)
			break;
	}
	if (rc < 0 && span_starts(span_str(cause.text), f->path))
		return why_set(w, cause.err, "%s", cause.text);
	if (rc < 0 && span_starts(span_str(cause.text), "line ")) /* pem knows it better */
		return why_set(w, cause.err, "%s: %s", f->path, cause.text);
	if (rc < 0)
		return why_set(w, cause.err ? cause.err : (enum zt_err)-rc, "%s: line %u: %s", f->path, p.line,
			       cause.err ? cause.text : err_text((enum zt_err)-rc));
	if (c->n == 0)
		return why_set(w, ZT_E_MISSING, "%s: there is no certificate in it", f->path);
	return 0;
}

static int read_key(struct cred *c, const struct cred_file *f, const struct cred_file *pass, struct why *w)
{
	struct span secret = pass->path ? pass->bytes : SPAN_NONE;
	struct why cause = {0};
	int rc;

	if (secret.n && secret.p[secret.n - 1] == '\n')
		secret.n--;
	if (secret.n && secret.p[secret.n - 1] == '\r')
		secret.n--;
	rc = privkey_read(&c->key, f->bytes, secret, &cause);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "%s: %s", f->path,
			       cause.err ? cause.text : err_text((enum zt_err)-rc));
	return 0;
}

/* Into BearSSL's structs: they borrow c->key. */
static int use_key(struct cred *c, const struct cred_file *f, struct why *w)
{
	const struct pk_private *k = &c->key.key;

	c->type = k->type;
	if (k->type == PK_RSA) {
		c->rsa = (br_rsa_private_key){
			.n_bitlen = pk_bits(&(struct pk_public){.type = PK_RSA, .n = k->n, .e = k->e}),
			.p = br_bytes(k->p), .plen = k->p.n, .q = br_bytes(k->q), .qlen = k->q.n,
			.dp = br_bytes(k->dp), .dplen = k->dp.n, .dq = br_bytes(k->dq), .dqlen = k->dq.n,
			.iq = br_bytes(k->iq), .iqlen = k->iq.n,
		};
		return 0;
	}
	if (k->type != PK_P256 && k->type != PK_P384)
		return why_set(w, ZT_E_KEY, "%s: a key of this kind is not spoken by enough clients; make one on P-256",
			       f->path);
	c->ec = (br_ec_private_key){
		.curve = k->type == PK_P256 ? BR_EC_secp256r1 : BR_EC_secp384r1,
		.x = br_bytes(k->scalar), .xlen = k->scalar.n,
	};
	return 0;
}

static int check_pair(struct cred *c, const struct cred_file *cert, const struct cred_file *key, struct why *w)
{
	struct x509 leaf;

	if (x509_read(&leaf, span_of(c->chain[0].data, c->chain[0].data_len), w) < 0)
		return -ZT_E_SYNTAX;
	if (!pk_pair(&c->key.key, &leaf.key))
		return why_set(w, ZT_E_KEY, "%s: this is not the key of the first certificate in %s", key->path,
			       cert->path);
	x509_pin(&leaf, c->pin);
	return 0;
}

int cred_new(struct cred **out, const struct cred_file *cert, const struct cred_file *key,
	     const struct cred_file *pass, struct why *w)
{
	struct cred *c = calloc(1, sizeof *c);
	int rc;

	if (c == NULL)
		return why_set(w, ZT_E_NOMEM, "%s: out of memory", cert->path);
	arena_init(&c->mem, TLS_CHAIN_BYTES + 16 * TLS_CHAIN);
	rc = read_certs(c, cert, w);
	if (rc == 0)
		rc = read_key(c, key, pass, w);
	if (rc == 0)
		rc = use_key(c, key, w);
	if (rc == 0)
		rc = check_pair(c, cert, key, w);
	if (rc < 0) {
		cred_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

struct span cred_leaf(const struct cred *c)
{
	return span_of(c->chain[0].data, c->chain[0].data_len);
}

struct span cred_pin(const struct cred *c)
{
	return span_of(c->pin, sizeof c->pin);
}

void cred_free(struct cred *c)
{
	if (c == NULL)
		return;
	privkey_wipe(&c->key);
	arena_free(&c->mem);
	wipe(c, sizeof *c);
	free(c);
}
