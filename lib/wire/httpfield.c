/*
 * httpfield: the tables of httpfield.h. Owns what a field name means to a proxy; never looks at a message as a
 * whole, and removes nothing itself: it only says what something is.
 */
#include "httpfield.h"

#include "base/num.h"

static const struct known {
	const char *name;
	uint8_t class;
} known[] = {
#define X(id, name, class) {name, class},
	HTTP_FIELD_TABLE(X)
#undef X
};

/*
 * Families, matched when no row above has the name: "x-*" begins so, "*-x" ends so. Lower case, '-' only.
 * FIELD_IDENTITY holds what some program in use takes as the word of its proxy: who the visitor is, where from,
 * over what, and what was asked for before a rewrite. A row too many costs a header that nobody sends to a web
 * page; a row missing may be a way in.
 */
static const struct known families[] = {
	{"remote-*", FIELD_IDENTITY},            /* Authelia, and most programs that trust a proxy */
	{"x-remote-*", FIELD_IDENTITY},
	{"x-forwarded*", FIELD_IDENTITY},
	{"forwarded", FIELD_IDENTITY},           /* RFC 7239 */
	{"x-zt-assertion", FIELD_IDENTITY | FIELD_SECRET},
	{"x-zt-*", FIELD_IDENTITY},
	{"x-request-id", FIELD_IDENTITY},        /* the log's: a visitor's would make two requests look like one */
	{"x-real-*", FIELD_IDENTITY},
	{"*client-ip", FIELD_IDENTITY},          /* True-, Fastly-, X-Cluster- and without */
	{"*connecting-ip", FIELD_IDENTITY},
	{"x-original-*", FIELD_IDENTITY},        /* URL, URI, Method, Host */
	{"x-rewrite-url", FIELD_IDENTITY},
	{"x-host", FIELD_IDENTITY},
	{"x-scheme", FIELD_IDENTITY},
	{"x-url-scheme", FIELD_IDENTITY},
	{"front-end-https", FIELD_IDENTITY},
	{"cf-access-client-*", FIELD_SECRET},    /* a service token: the visitor's own, and no claim */
	{"cf-*", FIELD_IDENTITY | FIELD_SECRET},
	{"x-auth-request-*", FIELD_IDENTITY},
	{"x-authentik-*", FIELD_IDENTITY},
	{"x-webauth-*", FIELD_IDENTITY},
	{"x-pomerium-*", FIELD_IDENTITY | FIELD_SECRET},
	{"x-ms-client-principal*", FIELD_IDENTITY},
	{"x-goog-*-user*", FIELD_IDENTITY},
	{"tailscale-user-*", FIELD_IDENTITY},
	{"*ssl-client-*", FIELD_IDENTITY},       /* X- and without */
	{"*client-cert*", FIELD_IDENTITY},       /* RFC 9440, and its forerunners */
	{"proxy-authentication-info", FIELD_HOP},
	{"*-token", FIELD_SECRET},
	{"*-secret", FIELD_SECRET},
	{"*-password", FIELD_SECRET},
	{"*api-key", FIELD_SECRET},
	{"*-assertion", FIELD_SECRET},
	{"*-authorization", FIELD_SECRET},
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
	static const struct span marks = SPAN_LIT("!#$%&'*+-.^_`|~");
	size_t at;

	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && !span_find(marks, s.p[i], &at))
			return false;
	return s.n > 0;
}

bool httpfield_value_ok(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!http_text_byte(value.p[i]))
			return false;
	return true;
}

/* ---- names --------------------------------------------------------------------------------- */

enum field_id httpfield_id(struct span name)
{
	unsigned i = 0;

	while (i < FIELD_OTHER && !span_ieq(name, span_str(known[i].name)))
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

unsigned httpfield_class(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (matches(name, span_str(known[i].name)))
			return known[i].class;
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (matches(name, span_str(families[i].name)))
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
