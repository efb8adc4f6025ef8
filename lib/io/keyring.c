/* keyring: see keyring.h. It opens nothing: the supervisor has read the files. */
#include "keyring.h"

#include <stdlib.h>

#include "base/ct.h"
#include "base/num.h"
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

static int load_server(struct keyring *k, size_t i, struct span bundle, struct why *w)
{
	const struct tls_server_plan *p = &k->plan.server[i];
	const struct wanted want = {p->cert, p->key, p->pass};
	int rc = load_cred(&k->server[i], bundle, &want, w);

	if (rc == 0 && k->server[i] == NULL)
		rc = why_set(w, ZT_E_MISSING, "[host %s]: no certificate is named", p->id);
	if (rc == 0 && p->ask != TLS_ASK_NO)
		rc = load_trust(&k->clients[i], bundle, p->client_ca, TRUST_CLIENTS, w);
	if (rc == 0 && p->ask != TLS_ASK_NO && k->clients[i] == NULL)
		rc = why_set(w, ZT_E_MISSING, "[host %s]: client_cert asks for certificates and client_ca names nobody "
			     "who signs them", p->id);
	return rc;
}

static int load_client(struct keyring *k, size_t i, struct span bundle, struct why *w)
{
	const struct tls_client_plan *p = &k->plan.client[i];
	const struct wanted want = {p->cert, p->key, p->pass};
	bool system = span_eq_str(span_str(p->ca), SYSTEM);
	int rc = load_cred(&k->client[i], bundle, &want, w);

	if (rc < 0 || p->npins || p->insecure_any) /* then no authority is asked */
		return rc;
	rc = load_trust(&k->trust[i], bundle, p->ca, system ? TRUST_SYSTEM : TRUST_FILE, w);
	if (rc == 0 && k->trust[i] == NULL)
		rc = why_set(w, ZT_E_MISSING, "[relay]: no authority is named for the server that is dialled");
	if (rc == 0)
		k->skipped += trust_skipped(k->trust[i]);
	return rc;
}

int keyring_new(struct keyring **out, const struct conf *c, struct span bundle, struct why *w)
{
	struct keyring *k = calloc(1, sizeof *k);
	int rc;

	if (k == NULL)
		return why_set(w, ZT_E_NOMEM, "out of memory for keys");
	tls_plan_of(c, &k->plan);
	rc = bundle_check(bundle);
	if (rc < 0)
		rc = why_set(w, ZT_E_BUG, "the bundle of files that was handed over is malformed");
	for (size_t i = 0; rc == 0 && i < k->plan.servers; i++)
		rc = load_server(k, i, bundle, w);
	for (size_t i = 0; rc == 0 && i < k->plan.clients; i++)
		rc = load_client(k, i, bundle, w);
	if (rc < 0) {
		keyring_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->plan.servers; i++) {
		cred_free(k->server[i]);
		trust_free(k->clients[i]);
	}
	for (size_t i = 0; i < k->plan.clients; i++) {
		cred_free(k->client[i]);
		trust_free(k->trust[i]);
	}
	free(k);
}
