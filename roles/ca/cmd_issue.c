/*
 * cmd_issue: `zt ca issue ROLE NAME`: a certificate for a key that is made here, or for the key of somebody's
 * request. What it says comes from the role's template and these options; a request proves its key and
 * nothing else.
 */
#include <stdio.h>

#include "base/num.h"
#include "cmd_pack.h"
#include "decide/csrwish.h"

struct issue_wish {
	struct cmd_wish base;
	const char *user;
	struct cmd_life life;
	struct cmd_texts dns, ip;
	struct cmd_out_wish out;
	struct cmd_pack_wish pack;
};

/* What one call makes. */
struct issue_work {
	struct cmd_out o;
	struct cmd_pack pack;
};

/* One name in a request that will not be in the certificate: said, because it may have been wanted. */
static void note_ungranted(const struct csr *c, const struct csr_grant *g)
{
	const struct cert_role_row *row = cert_role(g->role);
	struct span rest = csr_wished_san(c);
	struct san s;

	while (csr_wish_ungranted(&rest, g, &s)) {
		char text[300];

		if (s.kind == SAN_DNS)
			fprintf(stderr, "note: the request also asks for %s: not in the certificate%s\n",
				cmd_shown(s.value, text, sizeof text), row->dns ? ", --dns would put it there" : "");
		else
			fprintf(stderr, "note: the request also asks for a name that is %s: not in the certificate%s\n",
				s.kind == SAN_IP ? "an address" : "neither DNS nor an address",
				s.kind == SAN_IP && row->ip ? ", --ip would put it there" : "");
	}
}

static int check_request(struct cmd_run *r, const struct cmd_out *o, enum cert_role role, const struct cmd_names *n)
{
	const struct issue_wish *w = (const struct issue_wish *)(const void *)r->wish;
	const struct csr_grant g = {role, span_str(r->wish->word[1]), span_str(w->user), n->san, n->n};
	struct why cause = {0};
	int rc;

	if (w->out.csr == NULL)
		return 0;
	rc = csr_wish_check(&o->read, &g, &cause);
	if (rc < 0)
		return why_set(&r->why, (enum zt_err)-rc, "%.100s: %s", w->out.csr, cause.text);
	note_ungranted(&o->read, &g);
	return 0;
}

static int ask(struct cmd_run *r, struct issue_work *k, enum cert_role role, const struct cmd_names *names, int64_t lifetime)
{
	const struct issue_wish *w = (const struct issue_wish *)(const void *)r->wish;
	struct cmd_request q = {.m.type = CA_ISSUE};
	struct cmd_out *o = &k->o;
	struct casign a;
	int rc;

	cmd_put_num(&q, CAF_ROLE, role);
	cmd_put(&q, CAF_NAME, span_str(r->wish->word[1]));
	cmd_put(&q, CAF_CSR, o->csr);
	if (w->user)
		cmd_put(&q, CAF_USER, span_str(w->user));
	if (names->n)
		cmd_put(&q, CAF_SANS, span_of(names->der, names->nder));
	if (lifetime)
		cmd_put_num(&q, CAF_LIFETIME, (uint64_t)lifetime);
	rc = cmd_ask(r, &q, -1, &a);
	if (rc < 0) {
		cmd_out_undo(o, rc);
		return rc;
	}
	rc = cmd_out_cert(o, a.field[CAF_CHAIN], "issued", role);
	return rc == 0 && cmd_pack_wanted(&w->pack) ? cmd_pack_write(&k->pack, cmd_nth_cert(a.field[CAF_CHAIN], 0)) : rc;
}

static int issue_into(struct cmd_run *r, struct issue_work *k, enum cert_role role, const struct cmd_names *names,
		      int64_t lifetime)
{
	const struct issue_wish *w = (const struct issue_wish *)(const void *)r->wish;
	int rc = cmd_out_open(&k->o, r, &w->out, r->wish->word[1], false);

	if (rc == 0 && cmd_pack_wanted(&w->pack))
		rc = cmd_pack_open(&k->pack, &k->o, &w->pack);
	if (rc == 0 && w->out.csr) {
		rc = cmd_out_key(&k->o); /* reads the request: before anything is started for it */
		if (rc == 0)
			rc = check_request(r, &k->o, role, names);
	}
	if (rc == 0)
		rc = cmd_open(r);
	if (rc == 0 && cmd_pack_wanted(&w->pack))
		rc = cmd_pack_anchors(&k->pack);
	if (rc == 0 && w->out.csr == NULL)
		rc = cmd_out_key(&k->o);
	return rc < 0 ? rc : ask(r, k, role, names, lifetime);
}

static int issue(struct cmd_run *r, enum cert_role role, const struct cmd_names *names, int64_t lifetime)
{
	struct issue_work k = {.o.dir = -1};
	int rc = issue_into(r, &k, role, names, lifetime);

	cmd_pack_close(&k.pack);
	cmd_out_close(&k.o);
	return rc;
}

static int run(struct cmd_run *r)
{
	const struct issue_wish *w = (const struct issue_wish *)(const void *)r->wish;
	struct cmd_names names;
	enum cert_role role;
	int64_t lifetime;
	int rc = cmd_role(r, r->wish->word[0], &role);

	if (rc == 0)
		rc = cmd_check_name(r, "NAME", r->wish->word[1]);
	if (rc == 0)
		rc = cmd_check_name(r, "--user", w->user);
	if (rc == 0 && role == ROLE_REGISTRY)
		rc = cmd_misuse(r, "the role registry is the authority's own: 'zt ca renew --serve' issues it");
	if (rc == 0)
		rc = cmd_pack_check(r, &w->pack, &w->out);
	if (rc == 0)
		rc = cmd_names_of(&names, r, role, &w->dns, &w->ip);
	if (rc == 0)
		rc = cmd_lifetime(r, &w->life, &lifetime);
	return rc ? rc : issue(r, role, &names, lifetime);
}

#define AT(m) offsetof(struct issue_wish, m)
static const struct cmd_option options[] = {
	{"--user", "NAME", "whose it is: 'zt ca revoke --user NAME' takes all of them", CMD_TEXT, AT(user), 0, 0},
	{"--dns", "NAME", "a host name that it is for; as often as needed", CMD_TEXTS, AT(dns), 0, 0},
	{"--ip", "ADDRESS", "an address that it is for; as often as needed", CMD_TEXTS, AT(ip), 0, 0},
	CMD_LIFE_OPTIONS(struct issue_wish, life, "the role's"),
	CMD_UNTIL_OPTION(struct issue_wish, life),
	CMD_OUT_OPTIONS(struct issue_wish, out),
	CMD_PACK_OPTIONS(struct issue_wish, pack),
};

int ca_issue_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt ca issue", .words = "ROLE NAME", .least = 2, .most = 2, .options = options,
		.noptions = ARRAY_LEN(options), .run = run,
		.about = "Issue a certificate. ROLE is edge, connector, client (a computer that reaches private resources),\n"
			 "service (a server in the local network) or device (a browser or a phone). NAME is what people\n"
			 "call it; it is in the registry only, never in the certificate.\n"};
	struct issue_wish w = {.user = NULL};

	return cmd_main(&command, &w.base, argc, argv);
}
