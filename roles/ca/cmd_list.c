/*
 * cmd_list: `zt ca list`, `zt ca pending`, and the yes or no to a join that waits (`approve N`,
 * `reject N`).
 */
#include <stdio.h>

#include "base/num.h"
#include "cmd_table.h"
#include "cmds.h"

struct list_wish {
	struct cmd_wish base;
	const char *role, *user;
	bool all, json;
};

static int print_table(struct cmd_run *r, struct cmd_request *q, struct cmd_table *t, const char *none)
{
	int rc = cmd_now(r, &t->now);

	t->why = &r->why;
	if (rc == 0)
		rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_pages(r, q, cmd_table_page, t);
	if (rc == 0 && t->rows == 0 && !t->json)
		fprintf(stderr, "%s\n", none);
	return rc;
}

/* ---- certificates ------------------------------------------------------------------------------------ */

static int list(struct cmd_run *r)
{
	static const struct cmd_column columns[] = {
		{"NAME", "name", CELL_TEXT}, {"ROLE", "role", CELL_TEXT},	 {"USER", "user", CELL_TEXT}, {"STATE", "state", CELL_TEXT},
		{"GOOD UNTIL", "not_after", CELL_UNTIL}, {"LAST SEEN", "seen", CELL_AGO}, {"SERIAL", "serial", CELL_TEXT}};
	const struct list_wish *w = (const struct list_wish *)(const void *)r->wish;
	struct cmd_table t = {.columns = columns, .n = ARRAY_LEN(columns), .json = w->json};
	struct cmd_request q = {.m.type = CA_ENTRIES};
	enum cert_role role;
	int rc = 0;

	if (w->role)
		rc = cmd_role(r, w->role, &role);
	if (rc == 0)
		rc = cmd_check_name(r, "--user", w->user);
	if (rc < 0)
		return rc;
	if (w->role)
		cmd_put_num(&q, CAF_ROLE, role);
	if (w->user)
		cmd_put(&q, CAF_USER, span_str(w->user));
	if (w->all)
		cmd_put_num(&q, CAF_RETIRED, 1);
	return print_table(r, &q, &t, w->all ? "there is no such certificate" :
			   "there is no such certificate that is good; --all shows those that are over");
}

#define AT(m) offsetof(struct list_wish, m)
#define LIST_JSON {"--json", NULL, "one JSON object a line (docs/ca.md)", CMD_FLAG, AT(json), 0, 0}

int ca_list_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--all", NULL, "also those that are over: expired, revoked, replaced long ago", CMD_FLAG, AT(all), 0, 0},
		{"--role", "ROLE", "only these", CMD_TEXT, AT(role), 0, 0},
		{"--user", "NAME", "only this user's", CMD_TEXT, AT(user), 0, 0},
		LIST_JSON};
	static const struct cmd command = {.call = "zt ca list", .words = "", .options = options, .noptions = ARRAY_LEN(options),
					   .run = list, .about = "List the certificates that this authority has issued, in their order.\n"};
	struct list_wish w = {.all = false};

	return cmd_main(&command, &w.base, argc, argv);
}

/* ---- joins that wait ----------------------------------------------------------------------------------- */

static int pending(struct cmd_run *r)
{
	static const struct cmd_column columns[] = {
		{"N", "number", CELL_NUMBER}, {"ROLE", "role", CELL_TEXT},   {"NAME", "name", CELL_TEXT},
		{"CALLS ITSELF", "label", CELL_TEXT}, {"FROM", "peer", CELL_TEXT}, {"SINCE", "since", CELL_AGO},
		{"APPROVED", "approved", CELL_YES}, {"KEY (sha256)", "key", CELL_TEXT}};
	const struct list_wish *w = (const struct list_wish *)(const void *)r->wish;
	struct cmd_table t = {.columns = columns, .n = ARRAY_LEN(columns), .json = w->json};
	struct cmd_request q = {.m.type = CA_PENDINGS};

	return print_table(r, &q, &t, "no join waits");
}

int ca_pending_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {LIST_JSON};
	static const struct cmd command = {
		.call = "zt ca pending", .words = "", .options = options, .noptions = ARRAY_LEN(options), .run = pending,
		.about = "List the joins that wait for a yes: 'zt ca approve N' or 'zt ca reject N'. NAME is the token's; what a\n"
			 "machine calls itself is its own word. It shows the same KEY while it waits: compare them.\n"};
	struct list_wish w = {.all = false};

	return cmd_main(&command, &w.base, argc, argv);
}

static int settle(struct cmd_run *r, bool yes)
{
	struct cmd_request q = {.m.type = CA_SETTLE};
	struct casign a;
	uint64_t number;
	char shown[100];
	int rc;

	if (span_u64(span_str(r->wish->word[0]), UINT64_MAX, &number) < 0)
		return cmd_misuse(r, "N is a number out of 'zt ca pending', not '%s'",
				  cmd_shown(span_str(r->wish->word[0]), shown, sizeof shown));
	cmd_put_num(&q, CAF_NUMBER, number);
	cmd_put_num(&q, CAF_ON, yes);
	rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_ask(r, &q, -1, &a);
	if (rc == 0)
		printf("%s: %s\n", r->wish->word[0], yes ? "approved; its next question is granted" : "rejected; its token is still good: 'zt token revoke TOKEN' ends it");
	return rc;
}

static int approve(struct cmd_run *r)
{
	return settle(r, true);
}

static int reject(struct cmd_run *r)
{
	return settle(r, false);
}

int ca_approve_main(int argc, char **argv)
{
	static const struct cmd command = {.call = "zt ca approve", .words = "N", .least = 1, .most = 1, .run = approve,
					   .about = "Let a join through that waits. N is its number in 'zt ca pending'.\n"};
	struct cmd_wish w = {.words = 0};

	return cmd_main(&command, &w, argc, argv);
}

int ca_reject_main(int argc, char **argv)
{
	static const struct cmd command = {.call = "zt ca reject", .words = "N", .least = 1, .most = 1, .run = reject,
					   .about = "Refuse a join that waits. N is its number in 'zt ca pending'. It is told so, and its key stays\n"
				 "refused; its token is as good as before: 'zt token revoke' ends that.\n"};
	struct cmd_wish w = {.words = 0};

	return cmd_main(&command, &w, argc, argv);
}
