/*
 * namematch: the comparison of namematch.h. Owns nothing. Never looks a name up, never folds anything but
 * ASCII: what is not in A-label form is no name.
 */
#include "namematch.h"

#include "wire/addr.h"

bool name_is_dns(struct span name)
{
	return addr_is_hostname(name);
}

static struct span without_dot(struct span s)
{
	return s.n > 1 && s.p[s.n - 1] == '.' ? span_sub(s, 0, s.n - 1) : s;
}

bool name_is_wildcard(struct span pattern)
{
	return span_starts(pattern, "*");
}

bool name_is_pattern(struct span pattern)
{
	size_t dot;

	if (!span_starts(pattern, "*."))
		return name_is_dns(pattern);
	pattern = span_sub(pattern, 2, pattern.n);
	return span_find(pattern, '.', &dot) && name_is_dns(pattern);
}

/* Compared first: that fails at once for nearly all of the names that a hello is held against, and a
 * pattern that is the same as a name is one where the name is. */
bool name_matches(struct span pattern, struct span name)
{
	struct span label, rest, parent;
	size_t at;

	pattern = without_dot(pattern);
	name = without_dot(name);
	if (!span_starts(pattern, "*."))
		return span_ieq(pattern, name) && name_is_dns(name);
	parent = span_sub(pattern, 2, pattern.n);
	return span_cut(name, '.', &label, &rest) && span_ieq(parent, rest) && span_find(parent, '.', &at) &&
	       name_is_dns(name);
}

bool names_match(const struct conf_list *patterns, struct span name, bool wildcard)
{
	const char *const *text = patterns->items;

	for (size_t i = 0; i < patterns->n; i++) {
		struct span pattern = span_str(text[i]);

		if (name_is_wildcard(pattern) == wildcard && name_matches(pattern, name))
			return true;
	}
	return false;
}
