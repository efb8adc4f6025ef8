/*
 * cookie: cuts Cookie fields. Owns which cookies are zt's; never judges the others, which belong to origins and
 * hold whatever these put there.
 */
#include "cookie.h"

#include "base/num.h"

bool cookie_is_ours(struct span name)
{
	static const struct span ours[] = {SPAN_LIT("__Host-zt"), SPAN_LIT("__Secure-zt"), SPAN_LIT("zt_")};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (span_ieq(span_sub(name, 0, ours[i].n), ours[i]))
			return true;
	return false;
}

/* What a browser sends for a cookie without a name is its value alone, and a value "zt_s=x" then looks like
 * ours: '=' at the front do not hide it. */
static bool pair_is_ours(struct span pair)
{
	struct span name, value;

	while (pair.n && (pair.p[0] == '=' || pair.p[0] == ' ' || pair.p[0] == '\t'))
		pair = span_sub(pair, 1, pair.n);
	span_cut(pair, '=', &name, &value);
	return cookie_is_ours(name);
}

bool cookie_next(struct span *rest, struct cookie *out)
{
	while (rest->n) {
		if (!span_cut(*rest, ';', &out->whole, rest))
			*rest = SPAN_NONE;
		out->whole = span_trim(out->whole);
		if (out->whole.n == 0)
			continue;
		if (!span_cut(out->whole, '=', &out->name, &out->value))
			out->value = SPAN_NONE;
		out->name = span_trim(out->name);
		out->value = span_trim(out->value);
		return true;
	}
	return false;
}

/* cookie-octet of RFC 6265 section 4.1.1. */
static bool value_ok(struct span v)
{
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c <= ' ' || c > '~' || c == '"' || c == ',' || c == ';' || c == '\\')
			return false;
	}
	return true;
}

int cookie_find(const struct httpfields *fs, const char *name, struct span *value)
{
	unsigned found = 0;
	struct cookie c;

	*value = SPAN_NONE;
	for (size_t i = 0; i < fs->n; i++) {
		struct span rest = fs->f[i].value;

		if (fs->f[i].id != FIELD_COOKIE)
			continue;
		while (cookie_next(&rest, &c)) {
			if (!span_eq_str(c.name, name))
				continue;
			*value = c.value;
			found++;
		}
	}
	if (found == 1 && value_ok(*value))
		return 1;
	*value = SPAN_NONE;
	if (found == 0)
		return 0;
	return found > 1 ? -ZT_E_DUP : -ZT_E_SYNTAX;
}

bool cookie_strip(struct span value, struct wr *w)
{
	size_t base = w->n;
	struct cookie c;

	while (cookie_next(&value, &c)) {
		if (pair_is_ours(c.whole))
			continue;
		if (w->n > base)
			wr_str(w, "; ");
		wr_put(w, c.whole);
	}
	return !w->full;
}

bool cookie_sets_ours(struct span set_cookie)
{
	struct span pair, attributes;

	span_cut(set_cookie, ';', &pair, &attributes);
	return pair_is_ours(pair);
}
