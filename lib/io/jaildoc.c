/* jaildoc: prints tables; decides nothing. */
#include "jaildoc.h"

#include <errno.h>

#include "attempts.h"
#include "sandbox.h"
#include "sysrules.h"

static const char *err_word(uint16_t err)
{
	return err == EACCES   ? "EACCES"
	       : err == ENOTTY ? "ENOTTY"
	       : err == ENOSYS ? "ENOSYS"
	       : err == EPERM  ? "EPERM"
			       : "refused";
}

static void head(struct wr *w, const char *first, unsigned profiles, const char *last)
{
	unsigned columns = 1;

	wr_fmt(w, "| %s |", first);
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
		if (profiles & JAIL_BIT(p)) {
			wr_fmt(w, " %s |", jail_profile_name((enum jail_profile)p));
			columns++;
		}
	if (last) {
		wr_fmt(w, " %s |", last);
		columns++;
	}
	wr_str(w, "\n|");
	while (columns--)
		wr_str(w, "---|");
	wr_str(w, "\n");
}

static void layers(struct wr *w)
{
	wr_str(w, "### Layers by profile\n\n");
	head(w, "layer", ~0u, "what it is good for");
	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++) {
		enum jail_layer layer = (enum jail_layer)l;

		wr_fmt(w, "| %s |", jail_layer_name(layer));
		for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
			wr_fmt(w, " %s |",
			       jail_demands((enum jail_profile)p, layer) ? "demanded"
			       : jail_wants((enum jail_profile)p, layer) ? "wanted"
									 : "-");
		wr_fmt(w, " %s |\n", jail_layer_words(layer));
	}
}

#define CHILDREN                                                                                  \
	(JAIL_BIT(JAIL_WORKER) | JAIL_BIT(JAIL_LOGD) | JAIL_BIT(JAIL_KEYS) | JAIL_BIT(JAIL_STATE) | JAIL_BIT(JAIL_SIGN) | \
	 JAIL_BIT(JAIL_KEEPER))

static void calls(struct wr *w)
{
	wr_str(w, "\n### System calls of the jailed children\n\nWhat is not listed kills.\n\n");
	head(w, "call", CHILDREN, "why");
	for (size_t i = 0; i < sys_rules_n; i++) {
		const struct sys_rule *r = &sys_rules[i];

		if (!(r->profiles & CHILDREN))
			continue;
		wr_fmt(w, "| %s |", r->name);
		for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
			if (CHILDREN & JAIL_BIT(p))
				wr_fmt(w, " %s |",
				       !(r->profiles & JAIL_BIT(p)) ? "-"
				       : r->err			    ? err_word(r->err)
								    : "yes");
		wr_fmt(w, " %s%s%s%s |\n", r->why, r->check ? " (" : "", r->check ? r->check->words : "",
		       r->check ? ")" : "");
	}
}

static void denials(struct wr *w)
{
	wr_str(w, "\n### System calls refused to the supervisor and what it starts\n\n");
	head(w, "call", 0, "answer and why");
	for (size_t i = 0; i < sys_rules_n; i++) {
		const struct sys_rule *r = &sys_rules[i];

		if (r->profiles & JAIL_BIT(JAIL_SUPERVISOR))
			wr_fmt(w, "| %s | %s: %s%s%s%s |\n", r->name, err_word(r->err), r->why, r->check ? " (" : "",
			       r->check ? r->check->words : "", r->check ? ")" : "");
	}
}

static void tries(struct wr *w)
{
	wr_str(w, "\n### What `zt doctor` tries\n\n");
	head(w, "attempt", ~0u, "refused by any of");
	for (size_t i = 0; i < attempts_n; i++) {
		const struct attempt *a = &attempts[i];
		bool any = false;

		wr_fmt(w, "| %s |", a->words);
		for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
			wr_fmt(w, " %s |", a->profiles & JAIL_BIT(p) ? "no" : "-");
		for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++)
			if (a->layers & JAIL_BIT(l)) {
				wr_fmt(w, "%s%s", any ? ", " : " ", jail_layer_name((enum jail_layer)l));
				any = true;
			}
		wr_str(w, a->unfiltered ? " (in those with a directory only by Landlock) |\n" : " |\n");
	}
}

void jaildoc_write(struct wr *w)
{
	layers(w);
	calls(w);
	denials(w);
	tries(w);
}
