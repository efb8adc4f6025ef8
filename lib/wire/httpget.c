/*
 * httpget: the reader of httpget.h. Owns the grammar and the two limits; knows no endpoint. It is handed
 * all bytes that have come so far, again each time: at most 8 KiB, so that reading them again is cheap,
 * and there is no state that a byte could slip past.
 */
#include "httpget.h"

#include <string.h>

#include "base/num.h"

/* What a byte may be part of. */
enum { IN_METHOD = 1, IN_PATH = 2, IN_QUERY = 4, IN_NAME = 8, IN_VALUE = 16, IN_HOST = 32 };

static bool is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static unsigned class_of(uint8_t c)
{
	unsigned k = 0;

	if (c >= 'A' && c <= 'Z')
		k |= IN_METHOD;
	if (is_alpha(c) || (c >= '0' && c <= '9') || c == '-')
		k |= IN_PATH | IN_QUERY | IN_NAME | IN_HOST;
	if (c == '.' || c == '_')
		k |= IN_PATH | IN_QUERY | IN_HOST;
	if (c == '/')
		k |= IN_PATH;
	if (c == '=' || c == '&')
		k |= IN_QUERY;
	if (c == ':' || c == '[' || c == ']')
		k |= IN_HOST;
	/* RFC 9110 section 5.5: visible, blank, tab, and bytes above ASCII that mean nothing. */
	if (c == '\t' || (c >= ' ' && c != 0x7f))
		k |= IN_VALUE;
	return k;
}

static bool all_of(struct span s, unsigned class)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(class_of(s.p[i]) & class))
			return false;
	return true;
}

static int refuse(struct httpget *out, enum zt_err e, unsigned status)
{
	*out = (struct httpget){.status = status};
	return -(int)e;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* The next line without its CRLF; *in moves behind it. 1, 0 (it is not whole yet), -ZT_E_SYNTAX: it is
 * ended by something else, or holds a NUL or another byte that ends a line for somebody. */
static int next_line(struct span *in, struct span *line)
{
	size_t at;
	struct span rest = *in;

	if (!span_find(rest, '\n', &at)) {
		/* A CR may be the last byte so far, and nowhere else. */
		for (size_t i = 0; i < rest.n; i++)
			if (!(class_of(rest.p[i]) & IN_VALUE) && !(rest.p[i] == '\r' && i + 1 == rest.n))
				return -ZT_E_SYNTAX;
		return 0;
	}
	if (at == 0 || rest.p[at - 1] != '\r' || !all_of(span_sub(rest, 0, at - 1), IN_VALUE))
		return -ZT_E_SYNTAX;
	*line = span_sub(rest, 0, at - 1);
	*in = span_sub(rest, at + 1, rest.n);
	return 1;
}

/* ---- the request line ---------------------------------------------------------------------- */

static bool read_version(struct span v, uint8_t *minor, bool *known)
{
	if (v.n != 8 || !span_starts(v, "HTTP/") || v.p[6] != '.' || v.p[5] < '0' || v.p[5] > '9' || v.p[7] < '0' ||
	    v.p[7] > '9')
		return false;
	*known = v.p[5] == '1' && v.p[7] <= '1';
	*minor = (uint8_t)(v.p[7] - '0');
	return true;
}

static int read_request(struct span line, struct httpget *out)
{
	struct span method, target, version, rest;
	bool known;

	if (!span_cut(line, ' ', &method, &rest) || !span_cut(rest, ' ', &target, &version) || method.n == 0 ||
	    !all_of(method, IN_METHOD) || !read_version(version, &out->minor, &known))
		return refuse(out, ZT_E_SYNTAX, 400);
	if (!known)
		return refuse(out, ZT_E_UNKNOWN, 505);
	out->head = span_eq_str(method, "HEAD");
	if (!out->head && !span_eq_str(method, "GET"))
		return refuse(out, ZT_E_UNKNOWN, 405);
	if (!span_cut(target, '?', &out->path, &out->query))
		out->query = SPAN_NONE;
	if (!span_starts(out->path, "/") || !all_of(out->path, IN_PATH) || !all_of(out->query, IN_QUERY))
		return refuse(out, ZT_E_SYNTAX, 400);
	return 0;
}

/* ---- fields -------------------------------------------------------------------------------- */

enum { F_HOST, F_LENGTH, F_CODING, F_OTHER };

static unsigned field_of(struct span name)
{
	static const char *const known[F_OTHER] = {"Host", "Content-Length", "Transfer-Encoding"};
	unsigned i = 0;

	while (i < F_OTHER && !span_ieq(name, span_str(known[i])))
		i++;
	return i;
}

/* false: refuse. Each of the known once; a length must be the one way to write that there is no body. */
static bool read_field(struct span line, unsigned *seen, struct httpget *out)
{
	struct span name, value;
	unsigned f;

	if (!span_cut(line, ':', &name, &value) || name.n == 0 || !all_of(name, IN_NAME))
		return false;
	f = field_of(name);
	value = span_trim(value);
	if (f == F_OTHER)
		return true;
	if (*seen & 1u << f)
		return false;
	*seen |= 1u << f;
	if (f == F_HOST) {
		out->host = value;
		return all_of(value, IN_HOST);
	}
	return f == F_LENGTH && span_eq_str(value, "0");
}

/* 1 when the head is whole, 0, -ZT_E_SYNTAX. */
static int read_fields(struct span *in, struct httpget *out)
{
	unsigned seen = 0;
	struct span line;
	int rc;

	while ((rc = next_line(in, &line)) > 0 && line.n)
		if (!read_field(line, &seen, out))
			return -ZT_E_SYNTAX;
	if (rc > 0 && out->minor == 1 && !(seen & 1u << F_HOST))
		return -ZT_E_SYNTAX;
	return rc;
}

int httpget_read(struct span in, struct httpget *out)
{
	struct span left = in, first = span_sub(in, 0, HTTPGET_LINE), line;
	int rc;

	*out = (struct httpget){0};
	rc = next_line(&first, &line);
	if (rc < 0)
		return refuse(out, ZT_E_SYNTAX, 400);
	if (rc == 0)
		return in.n < HTTPGET_LINE ? ZT_MORE : refuse(out, ZT_E_TOOLONG, 414);
	rc = read_request(line, out);
	if (rc < 0)
		return rc;
	left = span_sub(in, line.n + 2, HTTPGET_HEAD - line.n - 2);
	rc = read_fields(&left, out);
	if (rc < 0)
		return refuse(out, ZT_E_SYNTAX, 400);
	if (rc == 0 && in.n >= HTTPGET_HEAD)
		return refuse(out, ZT_E_TOOLONG, 431);
	if (rc == 0) {
		*out = (struct httpget){0};
		return ZT_MORE;
	}
	return (int)(num_min(in.n, HTTPGET_HEAD) - left.n);
}

bool httpget_param(const struct httpget *g, const char *name, struct span *out)
{
	struct span rest = g->query, one, key, value;
	unsigned found = 0;
	bool more = rest.n > 0;

	*out = SPAN_NONE;
	while (more) {
		more = span_cut(rest, '&', &one, &rest);
		if (!span_cut(one, '=', &key, &value) || !span_eq_str(key, name))
			continue;
		*out = value;
		found++;
	}
	if (found != 1)
		*out = SPAN_NONE;
	return found == 1;
}
