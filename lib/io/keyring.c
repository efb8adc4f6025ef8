/* keyring: see keyring.h. It opens nothing: the supervisor has read the files. */
#include "keyring.h"

#include <stdlib.h>

#include "base/ct.h"
#include "base/num.h"
#include "cas.h"
#include "wire/bundle.h"

#define SYSTEM "system" /* in the place of a path: what this machine trusts */

/* The file at path, or no bytes when none is named. */
static int find(struct span bundle, const char *path, struct cred_file *out, struct why *w)
{
	*out = (struct cred_file){0};
	if (path[0] == 0)
		return 0;
	out->path = path;
	if (bundle_find(bundle, path, &out->bytes) < 0)
		return why_set(w, ZT_E_BUG, "%s: the supervisor did not hand this file over", path);
	return 0;
}

struct wanted {
	const char *cert, *key, *pass;
};

/* No certificate is named: *out stays NULL. Without a key of its own the certificate's file has it. */
static int load_cred(struct cred **out, struct span bundle, const struct wanted *want, struct why *w)
{
	struct cred_file cert, key, pass;
	int rc = find(bundle, want->cert, &cert, w);

	if (rc == 0)
		rc = find(bundle, want->key[0] ? want->key : want->cert, &key, w);
	if (rc == 0)
		rc = find(bundle, want->pass, &pass, w);
	if (rc < 0 || cert.path == NULL)
		return rc;
	return cred_new(out, &cert, &key, &pass, w);
}

static int load_trust(struct trust **out, struct span bundle, const char *path, enum trust_kind kind, struct why *w)
{
	struct cred_file f;
	int rc = find(bundle, path, &f, w);

	return rc < 0 || f.path == NULL ? rc : trust_new(out, f.bytes, path, kind, w);
}

static bool is_lacking(bool may_lack, struct span bundle, const char *cert)
{
	struct span file;

	return may_lack && bundle_find(bundle, cert, &file) < 0;
}

static int load_server(struct keyring *k, size_t i, struct span bundle, struct why *w)
{
	const struct tls_server_plan *p = &k->plan.server[i];
	const struct wanted want = {p->cert, p->key, p->pass};
	int rc;

	if (is_lacking(p->may_lack, bundle, p->cert))
		return 0;
	rc = load_cred(&k->server[i], bundle, &want, w);

	if (rc == 0 && k->server[i] == NULL)
		rc = why_set(w, ZT_E_MISSING, "[host %s]: no certificate is named", p->id);
	if (rc == 0 && p->ask != TLS_ASK_NO)
		rc = load_trust(&k->clients[i], bundle, p->client_ca, TRUST_CLIENTS, w);
	if (rc == 0 && p->ask != TLS_ASK_NO && k->clients[i] == NULL)
		rc = why_set(w, ZT_E_MISSING, "[host %s]: client_cert asks for certificates and client_ca names nobody "
			     "who signs them", p->id);
	return rc;
}

static bool same(const char *a, const char *b)
{
	return span_eq(span_str(a), span_str(b));
}

static int load_own(struct keyring *k, size_t i, struct span bundle, struct why *w)
{
	const struct tls_client_plan *p = &k->plan.client[i], *q = k->plan.client;
	const struct wanted want = {p->cert, p->key, p->pass};

	for (size_t j = 0; j < i; j++, q++)
		if (same(p->cert, q->cert) && same(p->key, q->key) && same(p->pass, q->pass)) {
			k->client[i] = k->client[j];
			return 0;
		}
	return load_cred(&k->client[i], bundle, &want, w);
}

static enum trust_kind trust_of(const struct tls_client_plan *p)
{
	return p->insecure_any || same(p->ca, SYSTEM) ? TRUST_SYSTEM : TRUST_FILE;
}

static int load_client(struct keyring *k, size_t i, struct span bundle, struct why *w)
{
	const struct tls_client_plan *p = &k->plan.client[i], *q = k->plan.client;
	int rc;

	if (is_lacking(p->may_lack, bundle, p->cert))
		return 0;
	rc = load_own(k, i, bundle, w);
	if (rc < 0 || !tls_plan_asks_authority(p))
		return rc;
	for (size_t j = 0; j < i; j++, q++)
		if (k->trust[j] && same(p->ca, q->ca) && trust_of(p) == trust_of(q)) {
			k->trust[i] = k->trust[j];
			return 0;
		}
	rc = load_trust(&k->trust[i], bundle, p->ca, trust_of(p), w);
	if (rc == 0 && k->trust[i] == NULL)
		rc = why_set(w, ZT_E_MISSING, "[%s]: no authority is named for the server that is dialled", p->id);
	if (rc == 0)
		k->skipped += trust_skipped(k->trust[i]);
	return rc;
}

static int load_all(struct keyring **out, struct keyring *k, struct span bundle, struct why *w)
{
	int rc = bundle_check(bundle);

	if (rc < 0)
		rc = why_set(w, ZT_E_BUG, "the bundle of files that was handed over is malformed");
	for (size_t i = 0; rc == 0 && i < k->plan.servers; i++)
		rc = load_server(k, i, bundle, w);
	for (size_t i = 0; rc == 0 && i < k->plan.clients; i++)
		rc = load_client(k, i, bundle, w);
	if (rc == 0)
		rc = cas_of_plan(&k->plan, bundle, w);
	cas_drop_plan(&k->plan); /* roles are the worker's to check; what it cannot use must not pass here */
	if (rc < 0) {
		keyring_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

int keyring_new(struct keyring **out, const struct conf *c, struct span bundle, struct why *w)
{
	struct keyring *k = calloc(1, sizeof *k);

	if (k == NULL)
		return why_set(w, ZT_E_NOMEM, "out of memory for keys");
	(c->who == CONF_FOR_ID_TLSD ? tls_plan_of_identity : tls_plan_of)(c, &k->plan);
	return load_all(out, k, bundle, w);
}

int keyring_of_plan(struct keyring **out, const struct tls_plan *plan, struct span bundle, struct why *w)
{
	struct keyring *k = calloc(1, sizeof *k);

	if (k == NULL)
		return why_set(w, ZT_E_NOMEM, "out of memory for keys");
	k->plan = *plan;
	return load_all(out, k, bundle, w);
}

/* ---- what clients will say ----------------------------------------------------------------- */

#define DAY INT64_C(86400)
#define SOON (14 * DAY) /* and less than a fifth of its life: short-lived ones are renewed later */

/* The name that a client asks for when `pattern` is what is served: any one below a wildcard. */
static struct span asked_name(const char *pattern, char out[static 256])
{
	struct wr w = wr_of(out, 255);
	bool wild = pattern[0] == '*';

	wr_str(&w, wild ? "x" : "");
	wr_str(&w, &pattern[wild]);
	return wr_span(&w);
}

static void review_dates(const struct x509 *c, const struct tls_server_plan *p, int64_t now, keyring_say *say, void *arg)
{
	int64_t left = c->not_after - now;
	char text[64];
	struct wr w = wr_of(text, sizeof text - 1);

	if (left >= SOON || left >= (c->not_after - c->not_before) / 5)
		return;
	wr_fmt(&w, "it expires in %lld days", (long long)(left / DAY));
	text[w.n] = 0;
	say(arg, p, "", text);
}

static void review(const struct cred *cred, const struct tls_server_plan *p, int64_t now, keyring_say *say, void *arg)
{
	struct leaf_rule rule = {.use = LEAF_SERVER, .now = now};
	enum leaf_reason r;
	struct x509 c;

	if (x509_read(&c, cred_leaf(cred), NULL) < 0)
		return; /* cred_new() has read it */
	r = leaf_check(&c, &rule);
	if (r != LEAF_OK) {
		say(arg, p, "", leaf_text(r));
		return;
	}
	review_dates(&c, p, now, say, arg);
	for (size_t i = 0; i < p->names->n; i++) {
		const char *name = conf_text(p->names, i);
		char asked[256];

		rule.dns = asked_name(name, asked);
		r = leaf_check(&c, &rule);
		if (r != LEAF_OK)
			say(arg, p, name, leaf_text(r));
	}
}

void keyring_review(const struct keyring *k, int64_t now, keyring_say *say, void *arg)
{
	for (size_t i = 0; i < k->plan.servers; i++)
		if (k->server[i])
			review(k->server[i], &k->plan.server[i], now, say, arg);
}

void keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->plan.servers; i++) {
		cred_free(k->server[i]);
		trust_free(k->clients[i]);
	}
	for (size_t i = k->plan.clients; i-- > 0;) { /* the first who has it frees it */
		bool cred = true, trust = true;

		for (size_t j = 0; j < i; j++) {
			cred &= k->client[j] != k->client[i];
			trust &= k->trust[j] != k->trust[i];
		}
		if (cred)
			cred_free(k->client[i]);
		if (trust)
			trust_free(k->trust[i]);
	}
	free(k);
}
