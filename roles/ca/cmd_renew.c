/*
 * cmd_renew: `zt ca renew`: the same identity again for a new key, as an agent does by itself; and
 * `zt ca renew --serve`, a new certificate for the authority's own endpoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "cmd_out.h"
#include "cmd_table.h"
#include "decide/csrwish.h"

#define CRL_SUPERSEDED 4 /* RFC 5280 section 5.3.1 */

struct renew_wish {
	struct cmd_wish base;
	struct cmd_life life;
	bool serve;
	struct cmd_out_wish out;
};

/* ---- of anything ---------------------------------------------------------------------------------------- */

struct renewed {
	uint8_t serial[CERT_SERIAL];
	char name[CERT_NAME_MAX + 1], user[CERT_NAME_MAX + 1];
	enum cert_role role;
};

/* By serial from here on: a name may be another one's tomorrow. */
static int look_up(struct cmd_run *r, struct renewed *out)
{
	struct cmd_request q = {.m.type = CA_SHOW};
	struct json_tok tok[CMD_LINE_TOKENS];
	struct casign a;
	struct json j;
	int rc = cmd_put_which(r, &q, r->wish->word[0]);

	if (rc == 0)
		rc = cmd_ask(r, &q, -1, &a);
	if (rc == 0)
		rc = cmd_line_read(&j, tok, a.field[CAF_JSON], &r->why);
	if (rc)
		return rc;
	for (size_t i = 0; i < CERT_SERIAL; i++)
		out->serial[i] = a.field[CAF_SERIAL].p[i];
	if (span_to_cstr(json_str(&j, json_get(&j, JSON_ROOT, "name")), out->name, sizeof out->name) < 0 ||
	    span_to_cstr(json_str(&j, json_get(&j, JSON_ROOT, "user")), out->user, sizeof out->user) < 0 || j.err ||
	    !cert_name_ok(span_str(out->name)) || cert_role_find(json_str(&j, json_get(&j, JSON_ROOT, "role")), &out->role) < 0)
		return why_set(&r->why, ZT_E_BUG, "the authority's answer about %.64s cannot be used", r->wish->word[0]);
	return 0;
}

static int check_request(struct cmd_run *r, const struct cmd_out *o, const struct renewed *it)
{
	const struct csr_grant g = {.role = it->role, .name = span_str(it->name), .user = span_str(it->user)};
	struct why cause = {0};

	if (o->wish->csr == NULL || csr_wish_check(&o->read, &g, &cause) == 0)
		return 0;
	return why_set(&r->why, cause.err, "%.100s: %s", o->wish->csr, cause.text);
}

static int ask(struct cmd_run *r, struct cmd_out *o, const struct renewed *it, int64_t lifetime)
{
	struct cmd_request q = {.m.type = CA_RENEW};
	struct casign a;
	int rc;

	cmd_put(&q, CAF_SERIAL, span_of(it->serial, sizeof it->serial));
	cmd_put(&q, CAF_CSR, o->csr);
	if (lifetime)
		cmd_put_num(&q, CAF_LIFETIME, (uint64_t)lifetime);
	rc = cmd_ask(r, &q, -1, &a);
	if (rc < 0) {
		cmd_out_undo(o, rc);
		return rc;
	}
	return cmd_out_cert(o, a.field[CAF_CHAIN], "renewed", it->role);
}

static int renew(struct cmd_run *r, int64_t lifetime)
{
	const struct renew_wish *w = (const struct renew_wish *)(const void *)r->wish;
	struct cmd_out o = {.dir = -1};
	struct renewed it;
	int rc = cmd_open(r);

	if (rc == 0)
		rc = look_up(r, &it);
	if (rc == 0 && it.role == ROLE_REGISTRY)
		rc = cmd_misuse(r, "%s is the authority's own: 'zt ca renew --serve' renews it and puts it in its place", it.name);
	if (rc == 0)
		rc = cmd_out_open(&o, r, &w->out, it.name, true);
	if (rc == 0)
		rc = cmd_out_key(&o);
	if (rc == 0)
		rc = check_request(r, &o, &it);
	if (rc == 0)
		rc = ask(r, &o, &it, lifetime);
	cmd_out_close(&o);
	return rc;
}

/* ---- of the endpoint --------------------------------------------------------------------------------------- */

static int put_serve(struct cmd_run *r, const struct cmd_key *key, struct span leaf)
{
	char path[2 * PLACE_PATH];
	const struct newfile f = {.dirfd = AT_FDCWD, .name = cmd_path(r, "serve.pem", path), .mode = 0600, .how = NEWFILE_REPLACE};
	const struct cmd_request q = {.m.type = CA_FACTS};
	uint8_t mem[3 * X509_MAX];
	struct wr pem = wr_of(mem, sizeof mem);
	struct span anchor;
	struct casign a;
	struct x509 cert;
	int rc = cmd_ask(r, &q, -1, &a);

	if (rc == 0)
		rc = x509_read(&cert, leaf, &r->why);
	if (rc < 0)
		return rc;
	anchor = cmd_signer_of(a.field[CAF_INFRA], &cert);
	if (anchor.n == 0)
		return why_set(&r->why, ZT_E_BUG, "no infra anchor has signed what the authority issued");
	rc = cmd_serve_pem(&pem, &key->key, leaf, anchor, &r->why);
	if (rc == 0)
		rc = newfile_write(&f, wr_span(&pem), &r->why);
	wipe(mem, sizeof mem);
	return rc;
}

static int ask_serve(struct cmd_run *r, const struct cmd_key *key, const struct cmd_names *names, int64_t lifetime)
{
	uint8_t csr_mem[CSR_MAX], leaf_mem[X509_MAX];
	struct wr csr = wr_of(csr_mem, sizeof csr_mem), leaf = wr_of(leaf_mem, sizeof leaf_mem);
	struct cmd_request q = {.m.type = CA_ISSUE};
	char name[CMD_SERVE_NAME];
	struct casign a;
	int rc = cmd_key_csr(&csr, key, &r->why);

	if (rc < 0)
		return rc;
	cmd_put_num(&q, CAF_ROLE, ROLE_REGISTRY);
	cmd_put(&q, CAF_NAME, span_str(cmd_serve_name(key->spki, name)));
	cmd_put(&q, CAF_CSR, wr_span(&csr));
	if (names->n)
		cmd_put(&q, CAF_SANS, span_of(names->der, names->nder));
	if (lifetime)
		cmd_put_num(&q, CAF_LIFETIME, (uint64_t)lifetime);
	rc = cmd_ask(r, &q, -1, &a);
	if (rc < 0)
		return rc;
	wr_put(&leaf, cmd_nth_cert(a.field[CAF_CHAIN], 0)); /* the next answer takes its place */
	return leaf.full ? why_set(&r->why, ZT_E_BUG, "the certificate has no room") : put_serve(r, key, wr_span(&leaf));
}

/* The one before, as soon as nobody shows it any more: whoever has a copy of its key cannot be taken for the
 * authority with it. */
static void end_former(struct cmd_run *r, const struct x509 *former)
{
	struct cmd_request q = {.m.type = CA_REVOKE};
	struct why w = r->why;
	struct casign a;

	if (former->serial.n != CERT_SERIAL)
		return;
	cmd_put(&q, CAF_SERIAL, former->serial);
	cmd_put_num(&q, CAF_REASON, CRL_SUPERSEDED);
	if (cmd_ask(r, &q, -1, &a) < 0)
		fprintf(stderr, "the former one is still good: %s\n", r->why.text);
	r->why = w;
}

static int renew_serve(struct cmd_run *r, int64_t lifetime)
{
	char path[2 * PLACE_PATH];
	uint8_t mem[X509_MAX];
	struct cmd_names names;
	struct x509 former;
	struct cmd_key key;
	bool had = cmd_read_cert(cmd_path(r, "serve.pem", path), mem, &former, NULL) == 0;
	int rc = cmd_names_of_reach(&names, r);

	if (rc == 0)
		rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_key_make(&key, &r->why);
	if (rc == 0)
		rc = ask_serve(r, &key, &names, lifetime);
	cmd_key_wipe(&key);
	if (rc < 0)
		return rc;
	printf("renewed the authority's own certificate, %s, for %zu name%s of [ca] reach\n", path, names.n,
	       names.n == 1 ? "" : "s");
	if (cmd_reload(r) && had)
		end_former(r, &former);
	return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------- */

static int run(struct cmd_run *r)
{
	const struct renew_wish *w = (const struct renew_wish *)(const void *)r->wish;
	int64_t lifetime;
	int rc = cmd_lifetime(r, &w->life, &lifetime);

	if (rc < 0)
		return rc;
	if (w->serve == (r->wish->words == 1))
		return cmd_misuse(r, "%s", w->serve ? "--serve renews the authority's own certificate: it takes no NAME"
						    : "which one? Give NAME or SERIAL, or --serve");
	if (w->serve && (w->out.dir || w->out.csr || w->out.key_pass_file || w->out.ask_key_pass))
		return cmd_misuse(r, "--serve makes its own key and puts it in its place: no --out, --csr or passphrase");
	return w->serve ? renew_serve(r, lifetime) : renew(r, lifetime);
}

#define AT(m) offsetof(struct renew_wish, m)
static const struct cmd_option options[] = {
	{"--serve", NULL, "the authority's own certificate, for the names of [ca] reach", CMD_FLAG, AT(serve), 0, 0},
	CMD_LIFE_OPTIONS(struct renew_wish, life, "as long as before"),
	CMD_UNTIL_OPTION(struct renew_wish, life),
	CMD_OUT_OPTIONS(struct renew_wish, out),
};

int ca_renew_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt ca renew", .words = "[NAME|SERIAL]", .most = 1, .options = options, .noptions = ARRAY_LEN(options),
		.run = run,
		.about = "Renew a certificate: same role, names and user, a new key. NAME.key and NAME.pem are replaced when the\n"
			 "new ones are complete; the old certificate is good for another day.\n"};
	struct renew_wish w = {.serve = false};

	return cmd_main(&command, &w.base, argc, argv);
}
