/*
 * grant: the two questions of grant.h. Owns nothing; keeps no answer, so that a changed configuration is
 * asked anew by whoever is served.
 */
#include "grant.h"

#include "base/err.h"

static bool is_for(const struct grant *g, struct span connector)
{
	const char *const *id = g->connectors->items;

	for (size_t i = 0; i < g->connectors->n; i++)
		if (span_eq_str(SPAN_LIT("*"), id[i]) || (connector.n && span_eq_str(connector, id[i])))
			return true;
	return false;
}

const struct grant *grant_for(const struct grant *g, size_t n, struct span connector, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (is_for(&g[i], connector) && (names_match(g[i].names, name, false) || names_match(g[i].names, name, true)))
			return &g[i];
	return NULL;
}

bool grant_prefers(const struct grant *g, struct span connector)
{
	const char *const *id = g->prefer->items;

	for (size_t i = 0; i < g->prefer->n; i++)
		if (span_eq_str(connector, id[i]))
			return true;
	return false;
}

int grant_weight_read(struct span text, struct span *id, uint32_t *weight)
{
	size_t at = 0;
	uint64_t n;

	while (at < text.n && text.p[at] != ':')
		at++;
	*id = span_sub(text, 0, at);
	if (at == 0 || span_u64(span_sub(text, at + 1, text.n), GRANT_WEIGHT, &n) < 0)
		return -ZT_E_SYNTAX;
	*weight = (uint32_t)n;
	return 0;
}

uint32_t grant_weight(const struct grant *g, struct span connector)
{
	const char *const *text = g->weight->items;
	struct span id;
	uint32_t n;

	for (size_t i = 0; i < g->weight->n; i++)
		if (grant_weight_read(span_str(text[i]), &id, &n) == 0 && span_eq(id, connector))
			return n;
	return 1;
}

/* Does some grant hold exactly this pattern, or a name that the pattern means at any depth? */
static enum grant_claim wildcard_claim(const struct grant *g, struct span parent)
{
	const char *const *text = g->names->items;

	for (size_t i = 0; i < g->names->n; i++) {
		struct span have = span_str(text[i]);

		if (have.n > parent.n + 1 && span_ieq(span_sub(have, have.n - parent.n, parent.n), parent) &&
		    have.p[have.n - parent.n - 1] == '.')
			return GRANT_PART;
	}
	return GRANT_NOTHING;
}

enum grant_claim grant_claim(const struct grant *g, size_t n, struct span connector, struct span hostname)
{
	bool any = hostname.n == 0 || span_eq_str(hostname, "*");
	enum grant_claim best = GRANT_NOTHING;

	if (!any && !name_is_wildcard(hostname))
		return grant_for(g, n, connector, hostname) ? GRANT_WHOLE : GRANT_NOTHING;
	for (size_t i = 0; i < n && best == GRANT_NOTHING; i++) {
		if (!is_for(&g[i], connector))
			continue;
		if (any)
			best = g[i].names->n ? GRANT_PART : GRANT_NOTHING;
		else if (span_starts(hostname, "*."))
			best = wildcard_claim(&g[i], span_sub(hostname, 2, hostname.n));
	}
	return best;
}
