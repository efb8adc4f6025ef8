/* hostsfile: the line reader and the search of hostsfile.h. Owns nothing. */
#include "hostsfile.h"

#include "base/bounds.h"

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

bool hosts_word(struct span *rest, struct span *word)
{
	size_t from = 0, to;

	while (from < rest->n && blank(rest->p[from]))
		from++;
	for (to = from; to < rest->n && !blank(rest->p[to]);)
		to++;
	*word = span_sub(*rest, from, to - from);
	*rest = span_sub(*rest, to, rest->n);
	return word->n > 0;
}

bool hosts_line(struct span line, struct addr *ip, struct span *names)
{
	struct span word, first, comment;

	span_cut(line, '#', names, &comment);
	if (!hosts_word(names, &word) || addr_parse_ip(word, ip) < 0)
		return false;
	line = *names;
	return hosts_word(&line, &first); /* an address with no name says nothing */
}

static bool names_have(struct span names, struct span name)
{
	struct span word;

	while (hosts_word(&names, &word))
		if (span_ieq(word, name))
			return true;
	return false;
}

static bool have(const struct addr *list, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_same_ip(&list[i], a))
			return true;
	return false;
}

size_t hosts_find(struct span text, struct span name, struct addr *out, size_t cap)
{
	struct span line, names;
	size_t n = 0, entries = 0;
	struct addr ip;

	while (text.n && n < cap && entries < BOUND_CAP(BOUND_HOSTS_ENTRIES)) {
		span_cut(text, '\n', &line, &text);
		if (!hosts_line(line, &ip, &names))
			continue;
		entries++;
		if (names_have(names, name) && !have(out, n, &ip))
			out[n++] = ip;
	}
	return n;
}

struct span hosts_head(struct span text, bool *cut)
{
	struct span line, names, rest = text;
	size_t entries = 0;
	struct addr ip;

	*cut = false;
	while (rest.n) {
		struct span before = rest;

		span_cut(rest, '\n', &line, &rest);
		if (!hosts_line(line, &ip, &names))
			continue;
		if (entries++ == BOUND_CAP(BOUND_HOSTS_ENTRIES)) {
			*cut = true;
			return span_sub(text, 0, text.n - before.n);
		}
	}
	return text;
}
