/* ca: the supervisor's side of the authority, and the table of the administrator's commands. */
#include "ca.h"
#include "cmds.h"

#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/num.h"
#include "decide/nearest.h"
#include "roles/roles.h"
#include "serve/askca.h"
#include "serve/rolerun.h"

size_t ca_listen(const struct conf *c, struct addr out[static BOUND_CAP(BOUND_LISTENERS)])
{
	const struct conf_list *lists[] = {&c->ca.listen, &c->ca.http};
	size_t n = 0;

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < lists[l]->n && n < BOUND_CAP(BOUND_LISTENERS); i++)
			out[n++] = *conf_addr(lists[l], i);
	return n;
}

static int serve(int argc, char **argv)
{
	static const struct super_child children[] = {
		{.kind = "ca-front", .proc = "front", .who = CONF_FOR_CA_FRONT, .listeners = true, .alone = true},
		{.kind = "ca-tlsd", .proc = "tlsd", .who = CONF_FOR_CA_TLSD, .files = files_of_ca, .anew = true},
		{.kind = CA_SIGN, .proc = "sign", .who = CONF_FOR_CA_SIGN, .files = ca_sign_files, .dir = CA_REGISTRY_DIR,
		 .admin = true, .alone = true},
	};
	static const struct super_link links[] = {[CA_LINK_TLSD] = {0, 1}, [CA_LINK_SIGN] = {0, 2}};
	static const struct super_role role = {.name = CA_ROLE, .children = children, .n = ARRAY_LEN(children),
					       .listen = ca_listen, .links = links, .nlinks = ARRAY_LEN(links)};

	return role_run(&role,
			"A private certificate authority: serves joins, renewals, the status list and\n"
			"revocation lists. [ca] says where; zt ca init makes its keys. zt ca --help lists\n"
			"the commands.",
			argc, argv);
}

static const struct ca_cmd commands[] = {
	{"serve", "run the authority (the same as no command)", serve},
	{"init", "make an authority", ca_init_main},
	{"issue", "issue a certificate", ca_issue_main},
	{"renew", "renew one, or the authority's own", ca_renew_main},
	{"revoke", "revoke one, or all of a user's", ca_revoke_main},
	{"suspend", "as revoked, until unsuspend", ca_suspend_main},
	{"unsuspend", "good again", ca_unsuspend_main},
	{"list", "what was issued", ca_list_main},
	{"show", "one certificate", ca_show_main},
	{"export", "with its key, as one file: PKCS#12, profile, PEM", ca_export_main},
	{"anchors", "what others have to trust", ca_anchors_main},
	{"crl", "a revocation list", ca_crl_main},
	{"pending", "joins that wait for a yes", ca_pending_main},
	{"approve", "let one through", ca_approve_main},
	{"reject", "refuse one", ca_reject_main},
	{"call", "call an edge that waits to join", ca_call_main},
	{"rollover", "replace the key of an anchor, in steps", ca_rollover_main},
	{"adopt", "take in what an offline copy knows", ca_adopt_main},
	{"epoch", "after a restore from a backup", ca_epoch_main},
};

void ca_list_commands(const struct ca_cmd *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("  %-10s %s\n", rows[i].name, rows[i].help);
}

int ca_dispatch(const char *call, const struct ca_cmd *rows, size_t n, int argc, char **argv)
{
	struct nearest near = nearest_to(span_str(argv[0]));
	char shown[6 * 40 + 1] = ""; /* "\u001b" for each byte: this goes to a terminal */
	struct wr w = wr_of(shown, sizeof shown - 1);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].name, argv[0]) == 0)
			return rows[i].main(argc, argv);
		nearest_offer(&near, rows[i].name);
	}
	jsonw_escape(&w, span_str(argv[0]), 40);
	fprintf(stderr, "%s: there is no command '%s'", call, shown);
	if (near.best)
		fprintf(stderr, "; did you mean '%s'?", near.best);
	fprintf(stderr, "\n%s: '%s --help' lists them\n", call, call);
	return EXIT_ZT_USAGE;
}

static int help(void)
{
	printf("usage: zt ca [serve] [-c FILE]   run the authority\n"
	       "       zt ca COMMAND [...]       administer it, running or not\n\n"
	       "A private certificate authority for a homelab.\n\n"
	       "Commands (zt ca COMMAND --help):\n");
	ca_list_commands(commands, ARRAY_LEN(commands));
	return EXIT_ZT_OK;
}

int ca_main(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return help();
	if (argc < 2 || argv[1][0] == '-')
		return serve(argc, argv);
	return ca_dispatch("zt ca", commands, ARRAY_LEN(commands), argc - 1, argv + 1);
}
