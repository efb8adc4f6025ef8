/*
 * cmd_token: `zt token create`, `list` and `revoke`: the one string that lets something join. create prints it
 * alone on standard output, so that it can be piped to where it is needed, and everything else on
 * standard error. Its secret is in no list and in no log.
 */
#include <stdio.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "ca.h"
#include "cmd_table.h"
#include "cmds.h"
#include "decide/when.h"
#include "roles/roles.h"
#include "wire/token.h"

#define USES_MOST 10000
#define TTL_MOST (366 * 86400)
#define CIDR_ROOM 256

struct token_wish {
	struct cmd_wish base;
	const char *user;
	uint64_t uses;
	int64_t ttl;
	struct cmd_life life;
	struct cmd_texts dns, ip, cidr, at;
	bool approve, json, all;
};

static const struct token_wish *wish_of(const struct cmd_run *r)
{
	return (const struct token_wish *)(const void *)r->wish;
}

/* ---- create ---------------------------------------------------------------------------------------- */

static int add_address(struct cmd_run *r, struct token *t, const char *text, const char *from)
{
	char shown[100];
	struct span host;
	uint16_t port;

	if (addr_parse_hostport(span_str(text), &host, &port) < 0 || port == 0)
		return cmd_misuse(r, "%s takes HOST:PORT, not '%s'", from, cmd_shown(span_str(text), shown, sizeof shown));
	if (t->naddrs == TOKEN_ADDRS)
		return cmd_misuse(r, "a token names %d addresses at most", TOKEN_ADDRS);
	return span_to_cstr(span_str(text), t->addr[t->naddrs++], sizeof t->addr[0]) < 0
		       ? cmd_misuse(r, "the address %.100s is too long", text) : 0;
}

/* Before a token is made: one that says nowhere is of no use to anybody. */
static int get_addresses(struct cmd_run *r, struct token *t)
{
	const struct token_wish *w = wish_of(r);
	const struct conf_list *reach = &r->conf->ca.reach;
	int rc = 0;

	for (size_t i = 0; i < w->at.n && rc == 0; i++)
		rc = add_address(r, t, w->at.at[i], "--at");
	for (size_t i = 0; i < reach->n && rc == 0 && w->at.n == 0; i++)
		rc = add_address(r, t, conf_text(reach, i), "[ca] reach");
	if (rc == 0 && t->naddrs == 0 && t->role != ROLE_EDGE) /* that one is called */
		return cmd_misuse(r, "the token has to say where the authority is: set [ca] reach, or give --at HOST:PORT");
	return rc;
}

/* The anchor above the certificate that the authority shows: in the middle of a roll-over it need not be
 * the one that signs. An authority without an endpoint of its own has tokens for the one that does. */
static int get_pin(struct cmd_run *r, struct token *t)
{
	const struct cmd_request q = {.m.type = CA_FACTS};
	uint8_t mem[X509_MAX];
	char path[2 * PLACE_PATH];
	struct x509 leaf, anchor;
	struct span der;
	struct casign a;
	int rc = cmd_ask(r, &q, -1, &a);

	if (rc < 0)
		return rc;
	if (cmd_read_cert(cmd_path(r, "serve.pem", path), mem, &leaf, NULL) == 0)
		der = cmd_signer_of(a.field[CAF_INFRA], &leaf);
	else
		der = cmd_nth_cert(a.field[CAF_INFRA], 0);
	if (der.n == 0)
		return why_set(&r->why, ZT_E_KEY, "no infra anchor that is trusted has signed %s: 'zt ca renew --serve' makes a new one",
			       path);
	rc = x509_read(&anchor, der, &r->why);
	if (rc == 0)
		x509_pin(&anchor, t->pin);
	return rc;
}

static int put_cidrs(struct cmd_run *r, struct cmd_request *q, char mem[static CIDR_ROOM])
{
	const struct cmd_texts *c = &wish_of(r)->cidr;
	struct wr w = wr_of(mem, CIDR_ROOM);

	for (size_t i = 0; i < c->n; i++) {
		struct cidr net;
		char shown[100];

		if (cidr_parse(span_str(c->at[i]), &net) < 0)
			return cmd_misuse(r, "--cidr takes a network such as 192.168.1.0/24 (no bits behind the prefix), not '%s'",
					  cmd_shown(span_str(c->at[i]), shown, sizeof shown));
		wr_str(&w, i ? " " : "");
		wr_str(&w, c->at[i]);
	}
	if (w.full)
		return cmd_misuse(r, "--cidr: that is more than a token can hold");
	if (w.n)
		cmd_put(q, CAF_CIDR, wr_span(&w));
	return 0;
}

static int make(struct cmd_run *r, const struct cmd_request *q, struct token *t, int64_t *ttl)
{
	struct casign a;
	int rc = cmd_ask(r, q, -1, &a);

	if (rc < 0)
		return rc;
	memcpy(t->id, a.field[CAF_TOKEN].p, sizeof t->id);
	memcpy(t->secret, a.field[CAF_SECRET].p, sizeof t->secret);
	*ttl = (int64_t)casign_u64(&a, CAF_TTL);
	return 0;
}

static void take_back(struct cmd_run *r, const struct token *t)
{
	struct cmd_request q = {.m.type = CA_TOKEN_REVOKE};
	struct casign a;

	cmd_put(&q, CAF_TOKEN, span_of(t->id, sizeof t->id));
	cmd_ask(r, &q, -1, &a);
}

static int print_token(struct cmd_run *r, const struct token *t)
{
	char text[TOKEN_TEXT_MAX + 1];
	struct wr w = wr_of(text, sizeof text);
	int rc = 0;

	token_write(&w, t);
	wr_str(&w, "\n");
	if (w.full)
		rc = why_set(&r->why, ZT_E_TOOLONG, "the addresses are too long for one token");
	else if (fwrite(w.p, 1, w.n, stdout) != w.n || fflush(stdout) != 0)
		rc = why_set(&r->why, ZT_E_SYS, "cannot write the token to standard output");
	wipe(text, sizeof text);
	if (rc < 0)
		take_back(r, t); /* nobody has it */
	return rc;
}

static void say(struct cmd_run *r, const struct token *t, int64_t ttl)
{
	const struct token_wish *w = wish_of(r);
	char name[TOKEN_NAME], words[WHEN_WORDS];

	fprintf(stderr, "token %s lets %llu %s%s join%s%s%s, for %s", token_name(t->id, name), (unsigned long long)w->uses,
		cert_role(t->role)->name, w->uses == 1 ? "" : "s", w->user ? ", of user " : "", w->user ? w->user : "",
		w->cidr.n ? ", from the networks named" : "", when_span_words(ttl, words));
	for (unsigned i = 0; i < t->naddrs; i++)
		fprintf(stderr, "%s %s", i ? "" : ", at", t->addr[i]);
	fprintf(stderr, t->role == ROLE_EDGE ? "\nthere: zt edge join --token-file -    (and paste it, or pipe it in), and meanwhile\n"
		"here:  zt ca call THERE:443" : "\nthere: zt join --token-file -    (and paste it, or pipe it in)");
	fputc('\n', stderr);
	if (w->approve)
		fprintf(stderr, "each join waits for your yes: zt ca pending\n");
}

static int fill(struct cmd_run *r, struct cmd_request *q, enum cert_role role, struct cmd_names *names)
{
	const struct token_wish *w = wish_of(r);
	int64_t lifetime = 0;
	int rc = cmd_check_name(r, "NAME", r->wish->word[1]);

	if (rc == 0)
		rc = cmd_check_name(r, "--user", w->user);
	if (rc == 0)
		rc = cmd_lifetime(r, &w->life, &lifetime);
	if (rc == 0)
		rc = cmd_names_of(names, r, role, &w->dns, &w->ip);
	if (rc)
		return rc;
	cmd_put_num(q, CAF_ROLE, role);
	cmd_put_num(q, CAF_USES, w->uses);
	if (r->wish->word[1])
		cmd_put(q, CAF_NAME, span_str(r->wish->word[1]));
	if (w->user)
		cmd_put(q, CAF_USER, span_str(w->user));
	if (w->ttl)
		cmd_put_num(q, CAF_TTL, (uint64_t)w->ttl);
	if (lifetime)
		cmd_put_num(q, CAF_LIFETIME, (uint64_t)lifetime);
	if (w->approve)
		cmd_put_num(q, CAF_APPROVE, 1);
	if (names->n)
		cmd_put(q, CAF_SANS, span_of(names->der, names->nder));
	return 0;
}

static int create(struct cmd_run *r)
{
	struct cmd_request q = {.m.type = CA_TOKEN_NEW};
	struct token t = {.naddrs = 0};
	struct cmd_names names;
	char cidrs[CIDR_ROOM];
	enum cert_role role = ROLE_NONE;
	int64_t ttl = 0;
	int rc = cmd_role(r, r->wish->word[0], &role);

	if (rc == 0 && !cert_role(role)->joins)
		rc = cmd_misuse(r, "nothing joins as %s", cert_role(role)->name);
	t.role = (uint8_t)role;
	if (rc == 0)
		rc = fill(r, &q, role, &names);
	if (rc == 0)
		rc = put_cidrs(r, &q, cidrs);
	if (rc == 0)
		rc = get_addresses(r, &t);
	if (rc == 0)
		rc = cmd_open(r);
	if (rc == 0)
		rc = get_pin(r, &t);
	if (rc == 0)
		rc = make(r, &q, &t, &ttl);
	if (rc == 0)
		rc = print_token(r, &t);
	if (rc == 0)
		say(r, &t, ttl);
	wipe(&t, sizeof t);
	return rc;
}

#define AT(m) offsetof(struct token_wish, m)

static int create_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--user", "NAME", "whose the certificates are", CMD_TEXT, AT(user), 0, 0},
		{"--uses", "N", "how many may join with it (default 1)", CMD_NUMBER, AT(uses), 1, USES_MOST},
		{"--ttl", "SPAN", "how long it is good (default 30m; over 24h with --cidr or --approve)", CMD_SPAN, AT(ttl), 1,
		 TTL_MOST},
		CMD_LIFE_OPTIONS(struct token_wish, life, "the role's"),
		{"--dns", "NAME", "a host name of the certificates; as often as needed", CMD_TEXTS, AT(dns), 0, 0},
		{"--ip", "ADDRESS", "an address of the certificates; as often as needed", CMD_TEXTS, AT(ip), 0, 0},
		{"--cidr", "NETWORK", "joins only from there; as often as needed", CMD_TEXTS, AT(cidr), 0, 0},
		{"--approve", NULL, "each join waits for 'zt ca approve'", CMD_FLAG, AT(approve), 0, 0},
		{"--at", "HOST:PORT", "where the authority is reached (default: [ca] reach)", CMD_TEXTS, AT(at), 0, 0}};
	static const struct cmd command = {
		.call = "zt token create", .words = "ROLE [NAME]", .least = 1, .most = 2, .options = options,
		.noptions = ARRAY_LEN(options), .run = create,
		.about = "Make a join token and print it: whoever has it can join once, as ROLE, until it expires. It pins this\n"
			 "authority and says where it is. Pipe it to where it is needed:\n"
			 "  zt token create connector nas | ssh nas zt join --token-file -\n"};
	struct token_wish w = {.uses = 1};

	return cmd_main(&command, &w.base, argc, argv);
}

/* ---- list, revoke -------------------------------------------------------------------------------------- */

static int list(struct cmd_run *r)
{
	static const struct cmd_column columns[] = {
		{"TOKEN", "token", CELL_TEXT}, {"ROLE", "role", CELL_TEXT},   {"NAME", "name", CELL_TEXT},
		{"USER", "user", CELL_TEXT},   {"STATE", "state", CELL_TEXT}, {"USED", "", CELL_USES},
		{"EXPIRES", "expires", CELL_UNTIL}, {"APPROVE", "approve", CELL_YES}};
	const struct token_wish *w = wish_of(r);
	struct cmd_table t = {.columns = columns, .n = ARRAY_LEN(columns), .json = w->json, .why = &r->why};
	struct cmd_request q = {.m.type = CA_TOKENS};
	int rc = cmd_now(r, &t.now);

	if (w->all)
		cmd_put_num(&q, CAF_RETIRED, 1);
	if (rc == 0)
		rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_pages(r, &q, cmd_table_page, &t);
	if (rc == 0 && t.rows == 0 && !t.json)
		fputs(w->all ? "there is no token\n" : "no token is good; --all shows those that are over\n", stderr);
	return rc;
}

static int list_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--all", NULL, "also those that are used, expired or revoked", CMD_FLAG, AT(all), 0, 0},
		{"--json", NULL, "one JSON object a line (docs/ca.md)", CMD_FLAG, AT(json), 0, 0}};
	static const struct cmd command = {.call = "zt token list", .words = "", .options = options, .noptions = ARRAY_LEN(options),
					   .run = list, .about = "List the join tokens, without their secrets.\n"};
	struct token_wish w = {.uses = 1};

	return cmd_main(&command, &w.base, argc, argv);
}

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static int revoke(struct cmd_run *r)
{
	struct cmd_request q = {.m.type = CA_TOKEN_REVOKE};
	const char *word = r->wish->word[0];
	struct casign a;
	int rc;

	if (span_starts(span_str(word), "zt1_"))
		return cmd_misuse(r, "that is the token itself, and now it stands in this terminal: name it by its first %d digits as "
				  "'zt token list' shows them, and revoke it", TOKEN_NAME - 1);
	if (strlen(word) < TOKEN_NAME - 1 || strlen(word) > 2 * TOKEN_ID || !is_hex(span_str(word)))
		return cmd_misuse(r, "a token is named by the first %d or more digits of its id, as 'zt token list' shows them",
				  TOKEN_NAME - 1);
	cmd_put(&q, CAF_NAME, span_str(word));
	rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_ask(r, &q, -1, &a);
	if (rc == 0)
		printf("%.12s: %s\n", word, casign_u64(&a, CAF_COUNT) ? "revoked; what has joined with it stays" : "was revoked already");
	return rc;
}

static int revoke_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt token revoke", .words = "ID", .least = 1, .most = 1, .run = revoke,
		.about = "No more joins with this token. ID is its first 12 digits or more. What has joined already stays: that is\n"
			 "'zt ca revoke'.\n"};
	struct cmd_wish w = {.words = 0};

	return cmd_main(&command, &w, argc, argv);
}

static const struct ca_cmd commands[] = {
	{"create", "make a join token", create_main},
	{"list", "the tokens that are good", list_main},
	{"revoke", "no more joins with one", revoke_main},
};

static void help(FILE *to)
{
	fputs("usage: zt token COMMAND [...]\n\nJoin tokens: one string that lets a machine join this authority.\n\n", to);
	if (to == stdout)
		ca_list_commands(commands, ARRAY_LEN(commands));
	else
		fputs("zt token: create, list or revoke? 'zt token --help' says more\n", to);
}

int token_main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return EXIT_ZT_USAGE;
	}
	if (span_eq_str(span_str(argv[1]), "--help") || span_eq_str(span_str(argv[1]), "-h")) {
		help(stdout);
		return EXIT_ZT_OK;
	}
	return ca_dispatch("zt token", commands, ARRAY_LEN(commands), argc - 1, argv + 1);
}
