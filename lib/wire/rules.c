/*
 * rules: the codec of rules.h. One walk over a list of fields serves reading and writing, so both have the same
 * order. What it lets in is what is later written into requests, so it is strict about every byte; who may
 * announce which names it does not know.
 */
#include "rules.h"

#include <string.h>

#include "base/num.h"
#include "httpfield.h"

#define MAGIC "ztrules1" /* the last byte is the version */
#define MAGIC_NAME 7

/* ---- one rule's own values ------------------------------------------------------------------ */

static bool is_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] >= 0x7f)
			return false;
	return true;
}

static bool is_word(struct span s, const char *beside)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') &&
		    !(c && strchr(beside, c) != NULL))
			return false;
	}
	return true;
}

/* What stands before a path: as a canonical path does, so that what it makes is one. */
static bool is_prefix(struct span s)
{
	if (s.n == 0)
		return true;
	if (s.p[0] != '/' || s.p[s.n - 1] == '/' || !is_word(s, "/-._~!$&'()*+,=:@"))
		return false;
	for (struct span one, rest = span_sub(s, 1, s.n); rest.n; ) {
		span_cut(rest, '/', &one, &rest);
		if (one.n == 0 || span_eq_str(one, ".") || span_eq_str(one, ".."))
			return false;
	}
	return true;
}

/* Names that a rule may not touch: zt says who a visitor is and where a message ends, nobody else. Of what
 * FIELD_IDENTITY knows only what zt itself writes: the rest is between a rule and its origin. */
static bool is_ours(struct span name)
{
	static const char *const whole[] = {"forwarded", "x-real-ip", "x-request-id"};
	static const char *const begin[] = {"remote-", "x-forwarded-", "cf-access-", "client-cert", "x-zt-", "proxy-"};

	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		if (span_ieq(name, span_str(whole[i])))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(begin); i++)
		if (span_ieq(span_sub(name, 0, strlen(begin[i])), span_str(begin[i])))
			return true;
	return httpfield_class(name) & (FIELD_HOP | FIELD_FRAMING);
}

void rule_headers_add(struct wr *w, struct span name, struct span value)
{
	wr_u8(w, (uint8_t)name.n);
	wr_put(w, name);
	wr_le16(w, (uint16_t)value.n);
	wr_put(w, value);
}

bool rule_headers_next(struct span *rest, struct span *name, struct span *value)
{
	struct rd r = rd_of(*rest);

	*name = rd_bytes(&r, rd_u8(&r));
	*value = rd_bytes(&r, rd_le16(&r));
	*rest = rd_rest(&r);
	return !r.bad && name->n != 0;
}

static const char *headers_wrong(struct span all, bool values)
{
	struct span rest = all, name, value;
	size_t n = 0, used = 0;

	while (rest.n && rule_headers_next(&rest, &name, &value)) {
		if (!is_word(name, "-"))
			return "the name of a field is letters, digits and -, as in X-Name";
		if (is_ours(name))
			return "this field is not a rule's to set or remove: zt writes it itself";
		if (!is_visible(value) || (!values && value.n) || span_trim(value).n != value.n)
			return "the value of a field is printable ASCII";
		used += 3 + name.n + value.n;
		n++;
	}
	if (used != all.n)
		return "a field has no name";
	return n > RULES_HEADERS ? "there are more than 32 fields" : NULL;
}

/* Kind, flags and status: what a service says. */
static const char *service_wrong(const struct rule *r)
{
	if (r->kind < RULE_HTTP || r->kind > RULE_HELLO || r->flags & ~(RULE_SECURE | RULE_QUIET))
		return "its kind is not known";
	if (r->kind == RULE_STATUS ? r->status < 100 || r->status > 999 : r->status != 0)
		return "a status is a number from 100 to 999";
	return r->name.n == 0 || r->name.n > 32 || !is_word(r->name, "-") ? "its name is not one of a section" : NULL;
}

static const char *text_wrong(struct span s, size_t most)
{
	return s.n > most || !is_visible(s) ? "it is too long, or not printable ASCII" : NULL;
}

static const char *host_wrong(struct span s)
{
	return s.n > 260 || !is_word(s, "-._:[]") ? "it is a host name, and a port where there is one" : NULL;
}

static const char *prefix_wrong(struct span s)
{
	return s.n > 255 || !is_prefix(s) ? "a prefix is /segments: no / at its end, no escapes, no dots alone" : NULL;
}

const char *rule_wrong(const struct rule *r, const char **key)
{
	const struct {
		const char *key, *wrong;
	} all[] = {
		{"service", service_wrong(r)},
		{"hostname", text_wrong(r->hostname, 255)},
		{"path", text_wrong(r->path, 250)},
		{"host_header", host_wrong(r->host_header)},
		{"strip_prefix", prefix_wrong(r->strip_prefix)},
		{"add_prefix", prefix_wrong(r->add_prefix)},
		{"set_header", headers_wrong(r->set, true)},
		{"remove_header", headers_wrong(r->remove, false)},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].wrong) {
			*key = all[i].key;
			return all[i].wrong;
		}
	return NULL;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* The texts, in their order. */
#define TEXTS(r) {&(r)->name, &(r)->hostname, &(r)->path, &(r)->host_header, &(r)->strip_prefix, &(r)->add_prefix, \
		  &(r)->set, &(r)->remove}

static void write_rule(struct wr *w, const struct rule *r)
{
	const struct span *const texts[] = TEXTS(r);

	wr_u8(w, r->kind);
	wr_u8(w, r->flags);
	wr_le16(w, r->status);
	wr_le32(w, r->response_ms);
	wr_le32(w, r->idle_ms);
	wr_le32(w, r->keepalive_ms);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		wr_le16(w, (uint16_t)texts[i]->n);
		wr_put(w, *texts[i]);
	}
}

void rules_write(struct wr *w, const struct rules *r)
{
	wr_str(w, MAGIC);
	wr_le32(w, r->epoch);
	wr_le16(w, r->n);
	for (size_t i = 0; i < r->n; i++)
		write_rule(w, &r->rule[i]);
}

static void read_rule(struct rd *rd, struct rule *r)
{
	struct span *const texts[] = TEXTS(r);

	r->kind = rd_u8(rd);
	r->flags = rd_u8(rd);
	r->status = rd_le16(rd);
	r->response_ms = rd_le32(rd);
	r->idle_ms = rd_le32(rd);
	r->keepalive_ms = rd_le32(rd);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = rd_bytes(rd, rd_le16(rd));
}

static int fault(struct why *w, const char *what)
{
	return why_set(w, ZT_E_SYNTAX, "the announced rules are malformed: %s", what);
}

static int read_head(struct rd *r, struct rules *out, struct why *w)
{
	struct span magic = rd_bytes(r, sizeof MAGIC - 1);

	if (!span_eq_str(magic, MAGIC)) {
		if (span_eq(span_sub(magic, 0, MAGIC_NAME), span_sub(SPAN_LIT(MAGIC), 0, MAGIC_NAME)))
			return why_set(w, ZT_E_VERSION, "the announced rules are of a version that this zt cannot read");
		return fault(w, "they do not begin as such");
	}
	out->epoch = rd_le32(r);
	out->n = rd_le16(r);
	if (r->bad || out->epoch == 0)
		return fault(w, "their epoch");
	if (out->n > RULES_MOST)
		return why_set(w, ZT_E_TOOLONG, "%u rules are announced, more than %u", out->n, (unsigned)RULES_MOST);
	return 0;
}

static int read_all(struct rules *out, struct span bytes, struct arena *mem, struct why *w)
{
	struct span own = arena_span(mem, bytes);
	struct rd r = rd_of(own);
	struct rule *rule;
	int rc;

	if (own.p == NULL && bytes.n)
		return -ZT_E_NOMEM;
	rc = read_head(&r, out, w);
	if (rc < 0)
		return rc;
	rule = arena_get(mem, (out->n + 1u) * sizeof *rule);
	if (rule == NULL)
		return -ZT_E_NOMEM;
	out->rule = rule;
	for (size_t i = 0; i < out->n; i++) {
		const char *wrong, *key;

		read_rule(&r, &rule[i]);
		if (r.bad)
			return fault(w, "they are cut");
		wrong = rule_wrong(&rule[i], &key);
		if (wrong)
			return why_set(w, ZT_E_SYNTAX, "the announced rule #%zu is refused: %s: %s", i + 1, key, wrong);
	}
	return rd_left(&r) ? fault(w, "something follows them") : 0;
}

int rules_read(struct rules *out, struct span bytes, struct arena *mem, struct why *w)
{
	int rc = bytes.n > RULES_BYTES ? why_set(w, ZT_E_TOOLONG, "the announced rules have more than %d bytes", RULES_BYTES)
				       : 0;

	memset(out, 0, sizeof *out);
	if (rc == 0)
		rc = read_all(out, bytes, mem, w);
	if (rc < 0)
		memset(out, 0, sizeof *out);
	return rc;
}
