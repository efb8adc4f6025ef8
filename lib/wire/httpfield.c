/*
 * httpfield: the tables of httpfield.h. Owns what a field name means to a proxy; never looks at a message as a
 * whole, and removes nothing itself: it only says what something is.
 */
#include "httpfield.h"

#include "base/num.h"

static const struct known {
	const char *name;
	uint8_t class, n;
} known[] = {
#define X(id, name, class) {name, class, sizeof name - 1},
	HTTP_FIELD_TABLE(X)
#undef X
};

/*
 * Families, matched when no row above has the name: "x-*" begins so, "*-x" ends so. Lower case, '-' only.
 * FIELD_IDENTITY holds what some program in use takes as the word of its proxy: who the visitor is, where from,
 * over what, and what was asked for before a rewrite. A row too many costs a header that nobody sends to a web
 * page; a row missing may be a way in.
 */
#define FAMILY(name, class) {name, class, sizeof name - 1}
static const struct known families[] = {
	FAMILY("remote-*", FIELD_IDENTITY),            /* Authelia, and most programs that trust a proxy */
	FAMILY("x-remote-*", FIELD_IDENTITY),
	FAMILY("x-forwarded*", FIELD_IDENTITY),
	FAMILY("forwarded", FIELD_IDENTITY),           /* RFC 7239 */
	FAMILY("x-zt-assertion", FIELD_IDENTITY | FIELD_SECRET),
	FAMILY("x-zt-*", FIELD_IDENTITY),
	FAMILY("x-request-id", FIELD_IDENTITY),        /* the log's: a visitor's would make two requests look like one */
	FAMILY("x-real-*", FIELD_IDENTITY),
	FAMILY("*client-ip", FIELD_IDENTITY),          /* True-, Fastly-, X-Cluster- and without */
	FAMILY("*connecting-ip", FIELD_IDENTITY),
	FAMILY("x-original-*", FIELD_IDENTITY),        /* URL, URI, Method, Host */
	FAMILY("x-rewrite-url", FIELD_IDENTITY),
	FAMILY("x-host", FIELD_IDENTITY),
	FAMILY("x-scheme", FIELD_IDENTITY),
	FAMILY("x-url-scheme", FIELD_IDENTITY),
	FAMILY("front-end-https", FIELD_IDENTITY),
	FAMILY("cf-access-client-*", FIELD_SECRET),    /* a service token: the visitor's own, and no claim */
	FAMILY("cf-*", FIELD_IDENTITY | FIELD_SECRET),
	FAMILY("x-auth-request-*", FIELD_IDENTITY),
	FAMILY("x-authentik-*", FIELD_IDENTITY),
	FAMILY("x-webauth-*", FIELD_IDENTITY),
	FAMILY("x-pomerium-*", FIELD_IDENTITY | FIELD_SECRET),
	FAMILY("x-ms-client-principal*", FIELD_IDENTITY),
	FAMILY("x-goog-*-user*", FIELD_IDENTITY),
	FAMILY("tailscale-user-*", FIELD_IDENTITY),
	FAMILY("*ssl-client-*", FIELD_IDENTITY),       /* X- and without */
	FAMILY("*client-cert*", FIELD_IDENTITY),       /* RFC 9440, and its forerunners */
	FAMILY("proxy-authentication-info", FIELD_HOP),
	FAMILY("*-token", FIELD_SECRET),
	FAMILY("*-secret", FIELD_SECRET),
	FAMILY("*-password", FIELD_SECRET),
	FAMILY("*api-key", FIELD_SECRET),
	FAMILY("*-assertion", FIELD_SECRET),
	FAMILY("*-authorization", FIELD_SECRET),
};

/* ---- bytes --------------------------------------------------------------------------------- */

static bool is_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool httpfield_name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_alnum(name.p[i]) && name.p[i] != '-')
			return false;
	return name.n > 0;
}

bool http_is_token(struct span s)
{
	static const struct span marks = SPAN_LIT("!#$%&'*+.^_`|~");
	size_t at;

	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-' && !span_find(marks, s.p[i], &at))
			return false;
	return s.n > 0;
}

bool httpfield_value_ok(struct span value)
{
	for (size_t i = span_text(value, 0); i < value.n; i += 1 + span_text(value, i + 1))
		if (!http_text_byte(value.p[i]))
			return false;
	return true;
}

/* ---- names --------------------------------------------------------------------------------- */

enum field_id httpfield_id(struct span name)
{
	unsigned i = 0;

	while (i < FIELD_OTHER && (known[i].n != name.n || !span_ieq(name, span_of(known[i].name, name.n))))
		i++;
	return (enum field_id)i;
}

const char *httpfield_name(enum field_id id)
{
	return id < FIELD_OTHER ? known[id].name : "?";
}

static uint8_t folded(uint8_t c)
{
	if (c == '_' || c == '.')
		return '-';
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* A pattern of '*' and other bytes, with the usual two marks: where the last '*' stood, and how far what it
 * covers has been let grow. Names are short; the worst case is their length times the pattern's. */
static bool matches(struct span name, struct span pat)
{
	size_t n = 0, p = 0, star = SIZE_MAX, covers = 0;

	while (n < name.n) {
		if (p < pat.n && pat.p[p] == '*') {
			star = p++;
			covers = n;
		} else if (p < pat.n && folded(pat.p[p]) == folded(name.p[n])) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++covers;
		} else {
			return false;
		}
	}
	while (p < pat.n && pat.p[p] == '*')
		p++;
	return p == pat.n;
}

/* A pattern's first and last byte say no to nearly every name: a dozen of names times sixty patterns is what a
 * request costs. */
static bool may_match(struct span name, const struct known *k)
{
	uint8_t first = (uint8_t)k->name[0], last = (uint8_t)k->name[k->n - 1];

	return (first == '*' || folded(first) == folded(name.p[0])) && (last == '*' || folded(last) == folded(name.p[name.n - 1]));
}

unsigned httpfield_class(struct span name)
{
	if (name.n == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].n == name.n && may_match(name, &known[i]) && matches(name, span_of(known[i].name, name.n)))
			return known[i].class;
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (may_match(name, &families[i]) && matches(name, span_of(families[i].name, families[i].n)))
			return families[i].class;
	return 0;
}

/* ---- lists --------------------------------------------------------------------------------- */

bool httpfield_next(struct span *rest, struct span *one)
{
	while (rest->n) {
		bool quoted = false;
		size_t at = 0;

		for (; at < rest->n && (quoted || rest->p[at] != ','); at++) {
			if (rest->p[at] == '"')
				quoted = !quoted;
			else if (quoted && rest->p[at] == '\\')
				at++;
		}
		*one = span_trim(span_sub(*rest, 0, at));
		*rest = span_sub(*rest, at + 1, rest->n);
		if (one->n)
			return true;
	}
	return false;
}

bool httpfield_lists(struct span value, const char *member)
{
	struct span one;

	while (httpfield_next(&value, &one))
		if (span_ieq(one, span_str(member)))
			return true;
	return false;
}
