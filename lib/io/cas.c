/* cas: see cas.h. Opens nothing: the supervisor has read the files, and saw to it that no key is inside. */
#include "cas.h"

#include <stdlib.h>

#include "base/num.h"
#include "wire/bundle.h"
#include "wire/pem.h"

static struct span keep(struct wr *w, struct span s)
{
	size_t at = w->n;

	wr_put(w, s);
	return span_sub(wr_span(w), at, s.n);
}

static int add(struct cas *cas, const struct x509 *c, const char *file, struct why *w)
{
	struct leaf_ca *ca;
	struct wr mem;

	if (!c->ca)
		return 0;
	if (pk_check_public(&c->key) < 0)
		return why_set(w, ZT_E_KEY, "%s: the key of an authority is too weak or of a kind zt does not use", file);
	if (cas->n == CAS_MOST)
		return why_set(w, ZT_E_TOOLONG, "%s: more than %d authorities; where a role is demanded, name only those "
			       "that may give it", file, CAS_MOST);
	ca = &cas->ca[cas->n];
	mem = wr_of(cas->mem[cas->n++], CAS_KEY);
	leaf_ca_of(ca, c);
	ca->key.point = keep(&mem, c->key.point);
	ca->key.n = keep(&mem, c->key.n);
	ca->key.e = keep(&mem, c->key.e);
	ZT_ASSERT(!mem.full); /* pk_check_public() has bounded it */
	return 0;
}

static int add_pem(struct cas *cas, const struct pem *p, const char *file, struct why *w)
{
	uint8_t der[X509_MAX];
	struct why cause = {0};
	struct x509 c;
	int rc = pem_decode(p, der, sizeof der, &cause);

	if (rc >= 0)
		rc = x509_read(&c, span_of(der, (size_t)rc), &cause);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "%s: line %u: %s", file, p->line, cause.text);
	return add(cas, &c, file, w);
}

static int read_all(struct cas *cas, struct span text, const char *file, struct why *w)
{
	struct why cause = {0};
	unsigned line = 1;
	struct pem p;
	int rc;

	while ((rc = pem_next(&text, &line, &p, &cause)) > 0) {
		if (!span_eq_str(p.label, "CERTIFICATE"))
			continue;
		rc = add_pem(cas, &p, file, w);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "%s: %s", file, cause.text);
	if (cas->n == 0)
		return why_set(w, ZT_E_MISSING, "%s: there is no authority in it that could give a role", file);
	return 0;
}

int cas_new(struct cas **out, struct span pem, const char *file, struct why *w)
{
	struct cas *c = calloc(1, sizeof *c);
	int rc;

	if (c == NULL)
		return why_set(w, ZT_E_NOMEM, "%s: out of memory", file);
	c->users = 1;
	rc = read_all(c, pem, file, w);
	if (rc < 0)
		cas_drop(c);
	else
		*out = c;
	return rc;
}

struct cas *cas_hold(struct cas *c)
{
	if (c)
		c->users++;
	return c;
}

void cas_drop(struct cas *c)
{
	if (c && --c->users == 0)
		free(c);
}

struct giver {
	unsigned roles;
	const char *file;
	bool may_lack; /* then nobody has a role */
};

static int load(struct cas **out, struct giver g, struct span bundle, struct why *w)
{
	const char *file = g.file;
	struct span pem;

	*out = NULL;
	if (g.roles == 0)
		return 0;
	if (bundle_find(bundle, file, &pem) < 0)
		return g.may_lack ? 0 : why_set(w, ZT_E_BUG, "%s: the supervisor did not hand this file over", file);
	return cas_new(out, pem, file, w);
}

int cas_of_plan(struct tls_plan *p, struct span bundle, struct why *w)
{
	int rc = 0;

	for (size_t i = 0; i < p->servers; i++)
		p->server[i].cas = NULL;
	for (size_t i = 0; i < p->clients; i++)
		p->client[i].cas = NULL;
	for (size_t i = 0; rc == 0 && i < p->servers; i++)
		rc = load(&p->server[i].cas, (struct giver){p->server[i].roles, p->server[i].client_ca, p->server[i].may_lack}, bundle, w);
	for (size_t i = 0; rc == 0 && i < p->clients; i++)
		rc = load(&p->client[i].cas, (struct giver){p->client[i].roles, p->client[i].ca, p->client[i].may_lack}, bundle, w);
	if (rc < 0)
		cas_drop_plan(p);
	return rc;
}

void cas_drop_plan(struct tls_plan *p)
{
	for (size_t i = 0; i < p->servers; i++) {
		cas_drop(p->server[i].cas);
		p->server[i].cas = NULL;
	}
	for (size_t i = 0; i < p->clients; i++) {
		cas_drop(p->client[i].cas);
		p->client[i].cas = NULL;
	}
}
