/*
 * sign: the child ca-sign: what it is handed, its jail, its reloads, its end. Keys are read before the jail
 * is entered, and again inside it when a reload brings others; the registry is opened inside, as the
 * user whom its directory belongs to, and stays open: one writer, from the start to the end.
 */
#include "sign.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "io/spawn.h"
#include "roles/roles.h"
#include "wire/bundle.h"
#include "wire/ipc.h"

static struct sign *of(struct child *c)
{
	return CONTAINER_OF(c, struct sign, child);
}

static void forget_bundle(struct sign *s)
{
	if (s->bundle_mem == NULL)
		return;
	wipe(s->bundle_mem, s->bundle.n);
	free(s->bundle_mem);
	s->bundle_mem = NULL;
	s->bundle = SPAN_NONE;
}

static bool same_keys(const struct sign *s)
{
	uint8_t digest[SHA256_LEN];

	sha256(s->bundle, digest);
	return s->keys && ct_eq(digest, s->keys->digest, sizeof digest);
}

static int read_bundle(struct sign *s, const struct conf *next, int fd, struct why *w)
{
	int rc = sealed_read(fd, BOUND_CAP(BOUND_BUNDLE), &s->bundle, &s->bundle_mem, w);
	struct span word;

	if (rc < 0)
		return rc;
	if (bundle_check(s->bundle) < 0)
		return why_set(w, ZT_E_BUG, "the bundle of files that was handed over is malformed");
	s->command = bundle_find(s->bundle, CA_COMMAND, &word) == 0;
	if (same_keys(s)) /* a passphrase costs a second: not for nothing */
		return 0;
	rc = sign_keys_new(&s->prepared, next, s->bundle, w);
	if (rc == 0 && s->registry)
		rc = sign_keys_fit(s->prepared, s->registry, w);
	return rc;
}

static void sign_abort(struct child *c)
{
	struct sign *s = of(c);

	sign_keys_free(s->prepared);
	s->prepared = NULL;
	forget_bundle(s);
}

/* Handed over: the bundle, the directory. At a reload the directory is the one that is here. */
static int sign_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *w)
{
	struct sign *s = of(c);
	bool first = s->keys == NULL;
	int rc;

	if (n != 2)
		rc = why_set(w, ZT_E_BUG, "ca-sign was given %zu descriptors, not a bundle and a directory", n);
	else
		rc = read_bundle(s, next, fds[0], w);
	if (n == 2 && rc == 0 && first)
		c->dir_fd = fds[1];
	for (size_t i = 0; i < n; i++)
		if (fds[i] != c->dir_fd)
			close(fds[i]);
	if (rc < 0)
		sign_abort(c);
	return rc;
}

/* ---- the issuer ------------------------------------------------------------------------------------ */

static const struct pk_private *anchor_key(void *ctx, enum cert_anchor a, unsigned generation)
{
	const struct sign *s = ctx;

	return sign_key_of(s->keys, a, generation);
}

static const struct pk_private *registry_private(void *ctx)
{
	const struct sign *s = ctx;

	return &s->keys->registry.key;
}

static void use_prepared(struct sign *s)
{
	if (s->prepared) {
		sign_keys_free(s->keys);
		s->keys = s->prepared;
		s->prepared = NULL;
	}
}

static int sign_jailed(struct child *c, struct why *w)
{
	struct sign *s = of(c);
	int rc;

	/* Its log is somebody's terminal then: what is worth a line there is what is wrong. */
	if (s->command && c->log.level > LOG_WARN)
		c->log.level = LOG_WARN;
	use_prepared(s);
	rc = sign_open(s, w);
	if (rc == 0) {
		const struct issuer_opts o = {
			.registry = s->registry, .clock = &clock_real, .bounds = &c->bounds, .log = &c->log,
			.crl_ms = c->conf->ca.crl_ms, .list_ms = c->conf->ca.list_ms,
			.anchor_key = anchor_key, .registry_key = registry_private, .ctx = s,
		};

		rc = issuer_new(&s->issuer, &o, w);
	}
	forget_bundle(s);
	return rc;
}

static void sign_commit(struct child *c)
{
	struct sign *s = of(c);

	use_prepared(s);
	forget_bundle(s);
	issuer_set_times(s->issuer, c->conf->ca.crl_ms, c->conf->ca.list_ms);
}

/* ---- the end ---------------------------------------------------------------------------------------- */

void sign_leave_if_drained(struct sign *s)
{
	if (!s->child.draining || s->child.loop == NULL || s->left || s->lines)
		return;
	s->left = true;
	child_drained(&s->child);
}

static void sign_drain(struct child *c)
{
	sign_lines_drain(of(c));
	sign_leave_if_drained(of(c));
}

static void sign_link(struct child *c, unsigned number, int fd)
{
	sign_line_new(of(c), number, fd);
}

static void sign_close(struct child *c)
{
	sign_lines_close(of(c));
}

static void sign_counters(struct child *c, struct wr *w)
{
	const struct sign *s = of(c);

	ipc_write_counter(w, "asked", s->asked);
	ipc_write_counter(w, "refused", s->refused);
	ipc_write_counter(w, "broken_lines", s->broken);
}

static const struct child_class sign_class = {
	.role = "ca",
	.proc = "sign",
	.profile = JAIL_SIGN,
	.who = CONF_FOR_CA_SIGN,
	.prepare = sign_prepare,
	.jailed = sign_jailed,
	.commit = sign_commit,
	.abort = sign_abort,
	.drain = sign_drain,
	.counters = sign_counters,
	.link = sign_link,
	.close = sign_close,
};

int ca_sign_main(int argc, char **argv)
{
	struct sign s = {.left = false};
	int code = child_run(&s.child, &sign_class, argc, argv);

	issuer_free(s.issuer);
	registry_close(s.registry);
	sign_keys_free(s.prepared);
	sign_keys_free(s.keys);
	forget_bundle(&s);
	return code;
}
