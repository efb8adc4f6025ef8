/* iniline: the grammar of iniline.h. It owns nothing and never changes the line. */
#include "iniline.h"

#include "base/bounds.h"
#include "base/err.h"

static int refuse(struct iniline *out, enum zt_err e, const char *reason)
{
	out->reason = reason;
	return -(int)e;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_mark(uint8_t c)
{
	return c == '#' || c == ';';
}

static bool is_low_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool iniline_is_word(struct span s, size_t max)
{
	if (s.n == 0 || s.n > max || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_low_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

/* C0, DEL, and C1, which UTF-8 spells c2 80..9f: none is text, some drive terminals. */
static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
		if (s.p[i] == 0xc2 && i + 1 < s.n && s.p[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static int judge_bytes(struct span line, struct iniline *out)
{
	size_t at;

	if (line.n > BOUND_CAP(BOUND_CONF_LINE))
		return refuse(out, ZT_E_TOOLONG, "the line is longer than 196 bytes; a list may continue on indented lines");
	if (span_find(line, 0, &at))
		return refuse(out, ZT_E_SYNTAX, "the line holds a NUL byte; this is not a text file");
	if (line.n && line.p[line.n - 1] == '\r')
		return refuse(out, ZT_E_SYNTAX, "the line ends in CR LF; save the file with Unix line ends");
	if (!span_is_utf8(line))
		return refuse(out, ZT_E_UTF8, "the line is not valid UTF-8");
	if (has_control(line))
		return refuse(out, ZT_E_SYNTAX, "the line holds a control character");
	return 0;
}

/* Where the library would begin to see a comment: a mark at the start or after a blank. */
static bool has_inline_comment(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (is_mark(value.p[i]) && (i == 0 || is_blank(value.p[i - 1])))
			return true;
	return false;
}

static int judge_value(struct span value, struct iniline *out)
{
	if (has_inline_comment(value))
		return refuse(out, ZT_E_SYNTAX, "'#' or ';' after a blank would begin a comment; "
						"put the comment on its own line");
	out->value = value;
	return 0;
}

static int judge_name(struct span name, struct iniline *out)
{
	if (name.n > INILINE_NAME_MAX)
		return refuse(out, ZT_E_TOOLONG, "the name in a section header is longer than 32 bytes");
	if (!iniline_is_word(name, INILINE_NAME_MAX))
		return refuse(out, ZT_E_SYNTAX, "the name in a section header is 1 to 32 of a-z, 0-9 and '-', "
						"after one blank");
	out->name = name;
	return 0;
}

static int judge_section(struct span s, struct iniline *out)
{
	struct span head, after, word, name;
	int rc;

	if (!span_cut(span_sub(s, 1, s.n), ']', &head, &after))
		return refuse(out, ZT_E_MISSING, "the section header has no ']'");
	after = span_trim(after);
	if (after.n && is_mark(after.p[0]))
		return refuse(out, ZT_E_SYNTAX, "a comment follows ']'; put the comment on its own line");
	if (after.n)
		return refuse(out, ZT_E_SYNTAX, "something follows ']'; a section header stands alone on its line");
	if (head.n == 0)
		return refuse(out, ZT_E_MISSING, "the section header is empty; write [section] or [kind name]");
	if (head.n > INILINE_HEADER_MAX)
		return refuse(out, ZT_E_TOOLONG, "the section header is longer than 49 bytes");
	if (is_blank(head.p[0]) || is_blank(head.p[head.n - 1]))
		return refuse(out, ZT_E_SYNTAX, "no blanks just inside the brackets; write [section] or [kind name]");
	rc = span_cut(head, ' ', &word, &name) ? judge_name(name, out) : 0;
	if (rc < 0)
		return rc;
	if (!iniline_is_word(word, INILINE_KIND_MAX))
		return refuse(out, ZT_E_SYNTAX, "a section's word is 1 to 16 of a-z, 0-9 and '-', as in [log] or [host web]");
	out->kind = INILINE_SECTION;
	out->section = word;
	return 0;
}

static bool is_key(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_low_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return s.p[0] >= 'a' && s.p[0] <= 'z';
}

static int judge_pair(const struct iniline_ctx *ctx, struct span s, struct iniline *out)
{
	struct span key, value, before_colon, rest;

	if (!span_cut(s, '=', &key, &value))
		value = SPAN_NONE;
	if (span_cut(key, ':', &before_colon, &rest))
		return refuse(out, ZT_E_SYNTAX, "':' does not separate key and value; write key = value");
	if (key.n == s.n)
		return refuse(out, ZT_E_MISSING, "no '=' on the line; write key = value, or begin a comment with '#'");
	key = span_trim(key);
	if (key.n == 0)
		return refuse(out, ZT_E_MISSING, "no key before '='");
	if (key.n > INILINE_KEY_MAX)
		return refuse(out, ZT_E_TOOLONG, "the key is longer than 49 bytes");
	if (!is_key(key))
		return refuse(out, ZT_E_SYNTAX, "a key is made of a-z, 0-9 and '_' and begins with a letter");
	if (!ctx->in_section)
		return refuse(out, ZT_E_SYNTAX, "a key before any section; write its [section] above it");
	out->kind = INILINE_PAIR;
	out->key = key;
	return judge_value(span_trim(value), out);
}

static int judge_more(const struct iniline_ctx *ctx, struct span s, struct iniline *out)
{
	if (!ctx->in_value && !ctx->lost_section)
		return refuse(out, ZT_E_SYNTAX, "an indented line continues the list just above it, and there is none; "
						"remove the blanks before a key or section");
	out->kind = INILINE_MORE;
	return judge_value(s, out);
}

/* A refused header takes its keys with it and a refused key its continuation: one fault, one
 * cause. What they say is still read, so that their own mistakes are named in the same run. */
static void move_on(struct iniline_ctx *ctx, bool header, bool pair, int rc)
{
	if (header) {
		ctx->in_section = true;
		ctx->lost_section = rc < 0;
		ctx->in_value = ctx->lost_value = false;
	} else if (pair) {
		ctx->in_value = true;
		ctx->lost_value = rc < 0;
	}
}

int iniline_judge(struct iniline_ctx *ctx, struct span line, struct iniline *out)
{
	bool indented = line.n && is_blank(line.p[0]), header, lost;
	struct span s = span_trim(line);
	int rc;

	*out = (struct iniline){.kind = INILINE_BLANK};
	rc = judge_bytes(line, out);
	if (rc == 0 && s.n == 0) {
		ctx->in_value = false;
		return 0;
	}
	if (rc == 0 && is_mark(s.p[0])) {
		out->kind = INILINE_COMMENT;
		return 0;
	}
	header = !indented && s.n && s.p[0] == '[';
	lost = !header && (ctx->lost_section || (indented && ctx->in_value && ctx->lost_value));
	if (rc == 0)
		rc = header ? judge_section(s, out) : indented ? judge_more(ctx, s, out) : judge_pair(ctx, s, out);
	move_on(ctx, header, !indented, rc);
	if (rc == 0 && lost)
		out->kind = INILINE_LOST;
	return rc;
}
