/*
 * cmd_end: `zt ca revoke`, `zt ca suspend`, `zt ca unsuspend`: a certificate, or all of a user's, is no good
 * any more, for ever or until it is said otherwise.
 */
#include <stdio.h>

#include "base/num.h"
#include "cmds.h"
#include "decide/nearest.h"

struct end_wish {
	struct cmd_wish base;
	const char *user, *reason;
};

/* RFC 5280 section 5.3.1. Not offered: certificateHold and removeFromCRL, which are suspend and unsuspend;
 * cACompromise and aACompromise, which say something about an authority. */
static const struct {
	const char *name;
	uint8_t code;
} reasons[] = {{"unspecified", 0},	    {"keyCompromise", 1},	 {"affiliationChanged", 3},
	       {"superseded", 4},	    {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9}};
#define REASONS "unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn"

/* keyCompromise, keycompromise and key-compromise are one word: RFCs write the first, people the last. */
static bool same_reason(struct span said, const char *name)
{
	char flat[32]; /* the longest has 20 */
	struct wr w = wr_of(flat, sizeof flat);

	for (size_t i = 0; i < said.n && i < sizeof flat; i++)
		if (said.p[i] != '-' && said.p[i] != '_')
			wr_u8(&w, said.p[i]);
	return said.n <= sizeof flat && span_ieq(wr_span(&w), span_str(name));
}

static int find_reason(struct cmd_run *r, const char *word, uint8_t *out)
{
	struct nearest n = nearest_to(span_str(word));
	char shown[100];

	*out = 0;
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (same_reason(span_str(word), reasons[i].name)) {
			*out = reasons[i].code;
			return 0;
		}
		nearest_offer(&n, reasons[i].name);
	}
	if (same_reason(span_str(word), "certificateHold"))
		return cmd_misuse(r, "what is to be good again is suspended: zt ca suspend");
	cmd_shown(span_str(word), shown, sizeof shown);
	if (n.best)
		return cmd_misuse(r, "there is no reason '%s'; did you mean '%s'?", shown, n.best);
	return cmd_misuse(r, "there is no reason '%s': it is one of " REASONS, shown);
}

static int which(struct cmd_run *r, struct cmd_request *q, const char *user)
{
	const char *word = r->wish->word[0];
	int rc = cmd_check_name(r, "--user", user);

	if (rc < 0)
		return rc;
	if ((word != NULL) == (user != NULL))
		return cmd_misuse(r, "%s", word ? "NAME and --user exclude each other" : "whose? Give NAME, SERIAL or --user NAME");
	if (word)
		return cmd_put_which(r, q, word);
	cmd_put(q, CAF_USER, span_str(user));
	return 0;
}

static int ask(struct cmd_run *r, const struct cmd_request *q, const char *done)
{
	struct casign a;
	uint64_t count, total;
	int rc = cmd_open(r);

	if (rc == 0)
		rc = cmd_ask(r, q, -1, &a);
	if (rc)
		return rc;
	count = casign_u64(&a, CAF_COUNT);
	total = casign_u64(&a, CAF_TOTAL);
	printf("%s: %llu certificate%s", done, (unsigned long long)count, count == 1 ? "" : "s");
	if (total != count)
		printf(" (of %llu: the others were already)", (unsigned long long)total);
	putchar('\n');
	if (a.has[CAF_TEXT])
		printf("%.*s\n", SPAN_ARG(a.field[CAF_TEXT]));
	return 0;
}

static int revoke(struct cmd_run *r)
{
	const struct end_wish *w = (const struct end_wish *)(const void *)r->wish;
	struct cmd_request q = {.m.type = CA_REVOKE};
	uint8_t reason = 0;
	int rc = which(r, &q, w->user);

	if (rc == 0 && w->reason)
		rc = find_reason(r, w->reason, &reason);
	if (rc < 0)
		return rc;
	cmd_put_num(&q, CAF_REASON, reason);
	return ask(r, &q, "revoked");
}

int ca_revoke_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--user", "NAME", "all of this user's, instead of NAME", CMD_TEXT, offsetof(struct end_wish, user), 0, 0},
		{"--reason", "WORD", "why; it stands in the revocation list", CMD_TEXT, offsetof(struct end_wish, reason), 0, 0}};
	static const struct cmd command = {
		.call = "zt ca revoke", .words = "[NAME|SERIAL]", .most = 1, .options = options, .noptions = ARRAY_LEN(options),
		.run = revoke,
		.about = "Revoke a certificate, for ever. Who follows the status list knows in seconds; the revocation lists of\n"
			 "its anchor are made anew. WORD is one of " REASONS ".\n"};
	struct end_wish w = {.user = NULL};

	return cmd_main(&command, &w.base, argc, argv);
}

static int turn(struct cmd_run *r, bool on)
{
	struct cmd_request q = {.m.type = CA_SUSPEND};
	int rc = cmd_put_which(r, &q, r->wish->word[0]);

	if (rc < 0)
		return rc;
	cmd_put_num(&q, CAF_ON, on);
	return ask(r, &q, on ? "suspended" : "good again");
}

static int suspend(struct cmd_run *r)
{
	return turn(r, true);
}

static int unsuspend(struct cmd_run *r)
{
	return turn(r, false);
}

int ca_suspend_main(int argc, char **argv)
{
	static const struct cmd command = {.call = "zt ca suspend", .words = "NAME|SERIAL", .least = 1, .most = 1, .run = suspend,
					   .about = "Suspend a certificate: as revoked, until 'zt ca unsuspend'.\n"};
	struct cmd_wish w = {.words = 0};

	return cmd_main(&command, &w, argc, argv);
}

int ca_unsuspend_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt ca unsuspend", .words = "NAME|SERIAL", .least = 1, .most = 1, .run = unsuspend,
		.about = "A suspended certificate is good again. After a doubled-certificate alarm look first who has a copy.\n"};
	struct cmd_wish w = {.words = 0};

	return cmd_main(&command, &w, argc, argv);
}
