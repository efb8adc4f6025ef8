/*
 * accesslog: renders the lines of accesslog.h. Owns the schema, what is redacted and how the room of a line is
 * shared out; writes to no descriptor. What is always there comes first, each part with a bound of its own, and
 * the fields of the request last, as many as fit.
 */
#include "accesslog.h"

#include <string.h>

#include "base/ct.h"
#include "base/jsonw.h"
#include "base/num.h"

/* As written. The parts that are always there: uri 1,024, target's method 24, host and SNI and client 253 each,
 * type 64, location 256, six short names of 64 (384), addresses 3 * 46, names of keys and numbers about 900:
 * 3,296. What is left of 4,096 is for fields. */
enum { MOST_URI = 1024, MOST_NAME = 253, MOST_SHORT = 64, MOST_LOCATION = 256, MOST_VALUE = 256, MOST_METHOD = 24 };
enum { ENDING = 32 }; /* "}},"cut":true}\n" and two closing quotes and brackets */

static const struct span redacted = SPAN_LIT("REDACTED");

static void put(struct jsonw *j, const char *key, struct span value, size_t most)
{
	jsonw_key(j, key);
	jsonw_cut(j, value, most);
}

static void put_known(struct jsonw *j, const char *key, struct span value, size_t most)
{
	if (value.n)
		put(j, key, value, most);
}

static void put_u64(struct jsonw *j, const char *key, uint64_t v)
{
	jsonw_key(j, key);
	jsonw_u64(j, v);
}

/* A number with digits behind its point: JSON has no other way to write one exactly. */
static void put_fixed(struct jsonw *j, const char *key, uint64_t value, uint64_t per_one)
{
	uint8_t mem[40];
	struct wr w = wr_of(mem, sizeof mem);

	wr_u64dec(&w, value / per_one);
	wr_u8(&w, '.');
	while (per_one /= 10)
		wr_u8(&w, (uint8_t)('0' + value / per_one % 10));
	jsonw_key(j, key);
	jsonw_raw(j, wr_span(&w));
}

static void put_ip(struct jsonw *j, const char *key, const struct addr *a)
{
	uint8_t mem[ADDR_TEXT];
	struct wr w = wr_of(mem, sizeof mem);

	addr_write_ip(&w, a);
	put(j, key, wr_span(&w), MOST_SHORT);
}

static void put_hex(struct jsonw *j, const char *key, const uint8_t serial[static 16])
{
	char mem[32];

	ct_hex_encode(serial, 16, mem);
	put(j, key, span_of(mem, sizeof mem), sizeof mem);
}

/* ---- the uri ------------------------------------------------------------------------------- */

/* Parts of parameters' names: a value behind one of them is somebody's way in. */
static bool is_secret_name(struct span name)
{
	static const char *const parts[] = {"token", "secret", "passw", "pwd", "key", "sig", "code", "auth", "session", "jwt",
					    "credential", "otp"};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct span part = span_str(parts[i]);

		for (size_t at = 0; at + part.n <= name.n; at++)
			if (span_ieq(span_sub(name, at, part.n), part))
				return true;
	}
	return false;
}

/* An escape could hide what the name is: then it is taken for a secret's. */
static bool is_hidden(struct span name)
{
	size_t at;

	return span_find(name, '%', &at) || is_secret_name(name);
}

static void put_query(struct wr *w, struct span query)
{
	bool more = query.n > 0;
	struct span one, name, value;

	while (more) {
		more = span_cut(query, '&', &one, &query);
		if (span_cut(one, '=', &name, &value) && is_hidden(name)) {
			wr_put(w, name);
			wr_u8(w, '=');
			wr_put(w, redacted);
		} else {
			wr_put(w, one);
		}
		if (more)
			wr_u8(w, '&');
	}
}

static void put_uri(struct jsonw *j, const struct access_request *a)
{
	uint8_t mem[MOST_URI + 64];
	struct wr w = wr_of(mem, sizeof mem);
	struct span path = a->path, query = a->req ? a->req->query : SPAN_NONE;
	bool asked = a->req && a->req->has_query; /* "/x?" is another address than "/x" */

	/* Of a refused one there is only the target as sent; its query is cut off here. */
	if (path.n == 0 && a->req)
		asked = span_cut(a->req->target, '?', &path, &query);
	wr_put(&w, span_sub(path, 0, MOST_URI));
	if (asked) {
		wr_u8(&w, '?');
		put_query(&w, query); /* what does not fit is left out */
	}
	put(j, "uri", wr_span(&w), MOST_URI);
}

/* ---- the fields ---------------------------------------------------------------------------- */

/* Words begin with a capital, as in the logs this one is read beside: "user-agent" is User-Agent. */
static struct span spelled(struct span name, uint8_t out[static MOST_SHORT])
{
	bool begins = true;
	size_t n = num_min(name.n, MOST_SHORT);

	for (size_t i = 0; i < n; i++) {
		uint8_t c = name.p[i];

		if (begins && c >= 'a' && c <= 'z')
			c = (uint8_t)(c - 'a' + 'A');
		else if (!begins && c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		out[i] = c;
		begins = c == '-';
	}
	return span_of(out, n);
}

static bool is_secret(const struct httpfield *f)
{
	/* Who says who it is shows what it knows: Cf-Access-Client-Secret is of that family. */
	return f->class & (FIELD_SECRET | FIELD_IDENTITY) && !span_ieq(span_sub(f->name, 0, 12), SPAN_LIT("X-Forwarded-"));
}

/* Of an address the part that says where: behind it a ticket may be, or in its fragment a token. */
static struct span only_where(struct span address)
{
	size_t end = 0;

	while (end < address.n && address.p[end] != '?' && address.p[end] != '#')
		end++;
	return span_sub(address, 0, end);
}

/* The page that a visitor comes from may have been asked for with a secret, as this one. */
static struct span shown(const struct httpfield *f)
{
	if (is_secret(f))
		return redacted;
	return f->id == FIELD_REFERER ? only_where(f->value) : f->value;
}

static bool came_before(const struct httpfields *fs, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (span_ieq(fs->f[i].name, fs->f[at].name))
			return true;
	return false;
}

/* All values of one name, in its first line's place. False: the room ended. */
static bool put_values(struct jsonw *j, const struct httpfields *fs, size_t at)
{
	uint8_t mem[MOST_SHORT];
	bool first = true;

	for (size_t i = at; i < fs->n; i++) {
		const struct httpfield *f = &fs->f[i];

		if (!span_ieq(f->name, fs->f[at].name))
			continue;
		/* "name":["value"], with the longest of both */
		if (j->w->n + MOST_SHORT + MOST_VALUE + 10 + ENDING > ACCESSLOG_LINE) {
			if (!first)
				jsonw_close(j, ']');
			return false;
		}
		if (first) {
			jsonw_key_span(j, spelled(f->name, mem));
			jsonw_open(j, '[');
		}
		first = false;
		jsonw_cut(j, shown(f), MOST_VALUE);
	}
	jsonw_close(j, ']');
	return true;
}

static bool put_fields(struct jsonw *j, const struct httpfields *fs)
{
	bool fits = true;

	jsonw_key(j, "headers");
	jsonw_open(j, '{');
	for (size_t i = 0; i < fs->n && fits; i++)
		if (fs->f[i].id != FIELD_HOST && !came_before(fs, i))
			fits = put_values(j, fs, i);
	jsonw_close(j, '}');
	return fits;
}

/* ---- the objects --------------------------------------------------------------------------- */

static void put_tls(struct jsonw *j, const struct access_tls *t)
{
	if (!t->on)
		return;
	jsonw_key(j, "tls");
	jsonw_open(j, '{');
	jsonw_key(j, "resumed");
	jsonw_bool(j, t->resumed);
	put_u64(j, "version", 0x0303); /* TLS 1.2 as on the wire: there is no other here */
	put_u64(j, "cipher_suite", t->suite);
	put(j, "proto", span_str(t->alpn), MOST_SHORT);
	put(j, "server_name", span_str(t->name), MOST_NAME);
	put_known(j, "client_common_name", span_str(t->client), MOST_SHORT);
	jsonw_close(j, '}');
}

static void put_zt(struct jsonw *j, const struct access_common *c, const char *kind, const char *by)
{
	jsonw_key(j, "zt");
	jsonw_open(j, '{');
	put(j, "request_id", c->id, MOST_SHORT);
	put(j, "decision", span_str(c->decision), MOST_SHORT);
	put_known(j, "route", span_str(c->route), MOST_SHORT);
	put_known(j, "connector", span_str(c->connector), MOST_SHORT);
	if (c->rule >= 0)
		put_u64(j, "rule", (uint64_t)c->rule);
	put_u64(j, "epoch", c->epoch);
	if (c->serial)
		put_hex(j, "serial", c->serial);
	put_known(j, "fault", span_str(c->fault), MOST_SHORT);
	put_known(j, "kind", span_str(kind), MOST_SHORT);
	put_known(j, "by", span_str(by), MOST_SHORT);
	jsonw_close(j, '}');
}

static void put_who(struct jsonw *j, const struct access_common *c)
{
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	put_ip(j, "remote_ip", c->peer);
	wr_u64dec(&w, c->peer->port);
	put(j, "remote_port", wr_span(&w), sizeof mem); /* a string in Caddy's schema */
	put_ip(j, "client_ip", c->user);
}

static void begin(struct jsonw *j, struct wr *w, bool error)
{
	jsonw_init(j, w);
	jsonw_open(j, '{');
	put(j, "level", error ? SPAN_LIT("error") : SPAN_LIT("info"), MOST_SHORT);
}

static void put_common(struct jsonw *j, const struct access_common *c, const char *logger, const char *msg)
{
	put_fixed(j, "ts", c->wall_ms < 0 ? 0 : (uint64_t)c->wall_ms, 1000);
	put(j, "logger", span_str(logger), MOST_SHORT);
	put(j, "msg", span_str(msg), MOST_SHORT);
	put_u64(j, "bytes_read", c->bytes_in);
	put(j, "user_id", span_str(c->user_id), MOST_SHORT);
	put_fixed(j, "duration", c->duration_ns, 1000000000);
	put_u64(j, "size", c->bytes_out);
}

static void put_reply(struct jsonw *j, const struct access_request *a)
{
	static const char *const names[] = {"Content-Type", "Location"};
	const struct span values[] = {a->type, a->location};

	put_u64(j, "status", a->status);
	jsonw_key(j, "resp_headers");
	jsonw_open(j, '{');
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (values[i].n == 0)
			continue;
		jsonw_key(j, names[i]);
		jsonw_open(j, '[');
		jsonw_cut(j, only_where(values[i]), MOST_LOCATION);
		jsonw_close(j, ']');
	}
	jsonw_close(j, '}');
}

static bool put_request(struct jsonw *j, const struct access_request *a)
{
	bool fits = true;

	jsonw_key(j, "request");
	jsonw_open(j, '{');
	put_who(j, &a->c);
	put(j, "proto", a->req && a->req->minor == 0 ? SPAN_LIT("HTTP/1.0") : SPAN_LIT("HTTP/1.1"), MOST_SHORT);
	put(j, "method", a->req ? a->req->method_name : SPAN_NONE, MOST_METHOD);
	put(j, "host", a->c.host, MOST_NAME);
	put_uri(j, a);
	put_tls(j, &a->c.tls);
	if (a->req)
		fits = put_fields(j, &a->req->fields);
	jsonw_close(j, '}');
	return fits;
}

static void end(struct jsonw *j, bool fits)
{
	if (!fits) {
		jsonw_key(j, "cut");
		jsonw_bool(j, true);
	}
	jsonw_close(j, '}');
	wr_u8(j->w, '\n');
}

void access_request_line(const struct access_request *a, struct wr *w)
{
	struct jsonw j;

	begin(&j, w, a->status == 0 || a->status >= 500);
	put_common(&j, &a->c, "http.log.access", "handled request");
	put_reply(&j, a);
	put_zt(&j, &a->c, "", "");
	end(&j, put_request(&j, a));
}

void access_stream_line(const struct access_stream *a, struct wr *w)
{
	struct jsonw j;

	begin(&j, w, false);
	put_common(&j, &a->c, "zt.log.stream", "handled stream");
	put_zt(&j, &a->c, a->kind, a->by ? a->by : "");
	jsonw_key(&j, "request");
	jsonw_open(&j, '{');
	put_who(&j, &a->c);
	put(&j, "host", a->c.host, MOST_NAME);
	put_tls(&j, &a->c.tls);
	jsonw_close(&j, '}');
	end(&j, true);
}
