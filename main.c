/*
 * zt: one binary, many roles. This file holds the table of everything zt can be called for
 * and picks one row: by the name it was started under (a symlink "edge" or "zt-edge"), else
 * by the first argument. It does nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "decide/nearest.h"
#include "io/logd.h"
#include "io/shepherd_alone.h"
#include "io/tlsd.h"
#include "roles/roles.h"
#include "serve/keeper.h"

enum kind { ROLE, VERB, CHILD };

static const struct entry {
	const char *name;
	enum kind kind;
	int (*main)(int argc, char **argv); /* NULL: planned, not built yet */
	const char *help;
} entries[] = {
	{"edge", ROLE, edge_main, "the public side: TLS, access, rules"},
	{"connector", ROLE, connector_main, "the home side: dials out, reaches your services"},
	{"client", ROLE, NULL, "a laptop's way to private TCP and UDP services"},
	{"auth-gate", ROLE, NULL, "login portal, sessions, forward-auth"},
	{"ca", ROLE, ca_main, "private certificate authority and enrolment"},
	{"echo", ROLE, echo_main, "a TCP service that sends back what it gets, to test ways to it"},
	{"relay", ROLE, relay_main, "passes connections on, with TLS on either side or both"},
	{"check", VERB, check_main, "read the configuration; print OK or every fault"},
	{"status", VERB, status_main, "what the running roles are doing"},
	{"reload", VERB, reload_main, "make a running role read its configuration again"},
	{"upgrade", VERB, upgrade_main, "replace a running role by the program that lies on the disk now"},
	{"health", VERB, health_main, "exit 0 if the running role is healthy, else 1"},
	{"doctor", VERB, doctor_main, "what this machine's kernel lets zt lock down, tried out"},
	{"journal", VERB, journal_main, "check or dump a state file"},
	{"net", VERB, net_main, "resolve and connect as a role would; say what was tried"},
	{"tls", VERB, tls_main, "meet a TLS server as a role would; say who it is and what is wrong"},
	{"token", VERB, token_main, "join tokens: make, list and revoke"},
	{"join", VERB, join_main, "become a member with one string: make a key, get a certificate"},
	{"demo", VERB, demo_main, "edge, tunnel and a sample app on this machine, with nothing to configure"},
	{"id", VERB, id_main, "show, renew or keep the identity that join made"},
	{"echo-worker", CHILD, echo_worker_main, ""},
	{"relay-worker", CHILD, relay_worker_main, ""},
	{"edge-worker", CHILD, edge_worker_main, ""},
	{"logd", CHILD, logd_main, ""},
	{"tlsd", CHILD, tlsd_main, ""},
	{"id-tlsd", CHILD, id_tlsd_main, ""},
	{"keeper", CHILD, keeper_main, ""},
	{"connector-worker", CHILD, connector_worker_main, ""},
	{"ca-front", CHILD, ca_front_main, ""},
	{"ca-tlsd", CHILD, ca_tlsd_main, ""},
	{"ca-sign", CHILD, ca_sign_main, ""},
};

/* What a role does when its first argument is one of these. */
static const struct {
	const char *role, *word;
	int (*main)(int argc, char **argv);
} words[] = {
	{"connector", "ingress", ingress_main},
	{"edge", "join", edge_join_main},
};

static const struct entry *find(const char *name, enum kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (entries[i].kind == kind && strcmp(entries[i].name, name) == 0)
			return &entries[i];
	return NULL;
}

static void print_group(FILE *to, const char *title, enum kind kind)
{
	fprintf(to, "%s\n", title);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (entries[i].kind == kind && entries[i].main)
			fprintf(to, "  %-10s %s\n", entries[i].name, entries[i].help);
}

static int usage(FILE *to, int code)
{
	fprintf(to, "usage: zt ROLE [-c FILE]    run a role\n"
		    "       zt VERB [...]        ask or tell something\n"
		    "       zt help NAME         its options\n"
		    "       zt --list | --version\n\n");
	print_group(to, "Roles:", ROLE);
	print_group(to, "\nVerbs:", VERB);
	fprintf(to, "\nPlanned, not built yet:");
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (entries[i].main == NULL)
			fprintf(to, " %s", entries[i].name);
	fprintf(to, "\n");
	return code;
}

static int list(void)
{
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (entries[i].kind == ROLE && entries[i].main)
			printf("%s\n", entries[i].name);
	return EXIT_ZT_OK;
}

static int unknown(const char *name)
{
	char shown[6 * 40 + 1] = ""; /* "\u001b" for each byte: this goes to a terminal */
	struct wr w = wr_of(shown, sizeof shown - 1);
	struct nearest n = nearest_to(span_str(name));

	jsonw_escape(&w, span_str(name), 40);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (entries[i].kind != CHILD)
			nearest_offer(&n, entries[i].name);
	fprintf(stderr, "zt: there is no role or verb '%s'", shown);
	if (n.best)
		fprintf(stderr, "; did you mean '%s'?", n.best);
	fprintf(stderr, "\nzt: 'zt help' lists them\n");
	return EXIT_ZT_USAGE;
}

static int run(const struct entry *e, int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(words); i++)
		if (e->kind == ROLE && strcmp(e->name, words[i].role) == 0 && strcmp(argv[1], words[i].word) == 0)
			return words[i].main(argc - 1, argv + 1);
	if (e->main)
		return e->main(argc, argv);
	fprintf(stderr, "zt: the role '%s' is planned but not built yet in version %s\n", e->name,
		ZT_VERSION);
	return EXIT_ZT_USAGE;
}

static int dispatch(const char *name, int argc, char **argv)
{
	const struct entry *e = find(name, ROLE);

	if (e == NULL)
		e = find(name, VERB);
	return e ? run(e, argc, argv) : unknown(name);
}

/* zt help NAME is zt NAME --help, so that each usage text lives with its owner. */
static int help(int argc, char **argv)
{
	char *ask[] = {NULL, (char[]){"--help"}, NULL};

	if (argc < 2)
		return usage(stdout, EXIT_ZT_OK);
	ask[0] = argv[1];
	return dispatch(argv[1], 2, ask);
}

int main(int argc, char **argv)
{
	const char *self = argc && argv[0] ? argv[0] : "zt", *slash = strrchr(self, '/');
	const struct entry *e;

	self = slash ? slash + 1 : self;
	e = find(strncmp(self, "zt-", 3) == 0 ? self + 3 : self, ROLE);
	if (e)
		return run(e, argc, argv);
	if (argc < 2)
		return usage(stderr, EXIT_ZT_USAGE);
	if (strcmp(argv[1], "--list") == 0)
		return list();
	if (strcmp(argv[1], "--version") == 0)
		return printf("zt %s\n", ZT_VERSION) < 0;
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout, EXIT_ZT_OK);
	if (strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--shepherd") == 0)
		return shepherd_main(argc, argv);
	if (strcmp(argv[1], "--child") == 0) {
		e = argc == 5 || argc == 6 ? find(argv[2], CHILD) : NULL;
		if (e)
			return e->main(argc, argv);
		fprintf(stderr, "zt: --child is for zt's own supervisor\n");
		return EXIT_ZT_USAGE;
	}
	return dispatch(argv[1], argc - 1, argv + 1);
}
