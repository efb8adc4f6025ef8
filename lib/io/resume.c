/*
 * resume: see resume.h. Owns the class of session cache that BearSSL is given. BearSSL asks it before it has read the
 * name, so it answers only to what the caller's hello said: the key's `bound`. Never decides who may resume: it is
 * given sessions or none.
 */
#include "resume.h"

#include <string.h>

#include "base/ct.h"
#include "base/num.h"

static struct resume *of_cache(const br_ssl_session_cache_class **ctx)
{
	return CONTAINER_OF(ctx, struct resume, cache);
}

static void cache_save(const br_ssl_session_cache_class **ctx, br_ssl_server_context *cc,
		       const br_ssl_session_parameters *p)
{
	struct resume *r = of_cache(ctx);
	struct session s = {.suite = p->cipher_suite};

	(void)cc;
	memcpy(r->key.key, p->session_id, sizeof r->key.key);
	memcpy(s.master, p->master_secret, sizeof s.master);
	sessions_put(r->sessions, &r->key, &s);
	wipe(&s, sizeof s);
}

static int cache_load(const br_ssl_session_cache_class **ctx, br_ssl_server_context *cc, br_ssl_session_parameters *p)
{
	struct resume *r = of_cache(ctx);
	const struct session *s;

	(void)cc;
	memcpy(r->key.key, p->session_id, sizeof r->key.key);
	s = sessions_get(r->sessions, &r->key);
	if (s == NULL)
		return 0;
	p->version = BR_TLS12;
	p->cipher_suite = s->suite;
	memcpy(p->master_secret, s->master, sizeof p->master_secret);
	memcpy(r->id, p->session_id, sizeof r->id);
	r->id_n = sizeof r->id;
	return 1;
}

static const br_ssl_session_cache_class cache_class = {sizeof(struct resume), cache_save, cache_load};

void resume_serve(struct resume *r, br_ssl_server_context *s)
{
	r->cache = &cache_class;
	br_ssl_server_set_cache(s, &r->cache);
}

bool resume_offer(struct resume *r, br_ssl_engine_context *c, struct arena *mem)
{
	const struct session *s = r->sessions ? sessions_get(r->sessions, &r->key) : NULL;
	br_ssl_session_parameters p = {.version = BR_TLS12};

	if (s == NULL)
		return false;
	r->leaf = arena_span(mem, s->leaf); /* the cache may forget it meanwhile */
	if (r->leaf.p == NULL)
		return false;
	r->verdict = (enum tls_fault)s->verdict;
	r->id_n = s->id_n;
	memcpy(r->id, s->id, sizeof r->id);
	p.cipher_suite = s->suite;
	p.session_id_len = s->id_n;
	memcpy(p.session_id, s->id, sizeof p.session_id);
	memcpy(p.master_secret, s->master, sizeof p.master_secret);
	br_ssl_engine_set_session_parameters(c, &p);
	wipe(&p, sizeof p);
	return true;
}

/* A fresh session has a fresh id: the one that was found means that it was taken. */
bool resume_worked(const struct resume *r, const br_ssl_session_parameters *p)
{
	return r->id_n && p->session_id_len == r->id_n && ct_eq(p->session_id, r->id, r->id_n);
}

void resume_keep(struct resume *r, const br_ssl_session_parameters *p, struct span leaf, enum tls_fault verdict)
{
	struct session s = {
		.suite = p->cipher_suite,
		.id_n = p->session_id_len,
		.verdict = (uint8_t)verdict,
		.leaf = leaf,
	};

	if (p->session_id_len == 0)
		return;
	memcpy(s.id, p->session_id, sizeof s.id);
	memcpy(s.master, p->master_secret, sizeof s.master);
	sessions_put(r->sessions, &r->key, &s);
	wipe(&s, sizeof s);
}

void resume_failed(struct resume *r)
{
	if (r->key.client && r->id_n)
		sessions_drop(r->sessions, &r->key);
}
