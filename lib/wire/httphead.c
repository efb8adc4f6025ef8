/*
 * httphead: lines and fields of HTTP/1.1 heads, and the one list of what may be wrong with a message. Owns the
 * limits on heads; never decides where a body ends or whom a message is for.
 */
#include "httphead.h"

#include "base/num.h"

static const struct refusal {
	uint16_t status;
	const char *name, *text;
} refusals[HTTP_REFUSAL_COUNT] = {
	{0, "fine", "nothing is wrong"},
#define X(id, status, name, text) {status, name, text},
	HTTP_REFUSALS(X)
#undef X
};

unsigned http_refusal_status(enum http_refusal r)
{
	return r < HTTP_REFUSAL_COUNT ? refusals[r].status : 400;
}

const char *http_refusal_name(enum http_refusal r)
{
	return r < HTTP_REFUSAL_COUNT ? refusals[r].name : "?";
}

const char *http_refusal_text(enum http_refusal r)
{
	return r < HTTP_REFUSAL_COUNT ? refusals[r].text : "?";
}

int http_refusal_err(enum http_refusal r)
{
	unsigned status = http_refusal_status(r);

	if (status == 413 || status == 414 || status == 431)
		return -ZT_E_TOOLONG;
	if (status == 417 || status == 501 || status == 505)
		return -ZT_E_UNKNOWN;
	return status ? -ZT_E_SYNTAX : 0;
}

/* ---- the end of a head --------------------------------------------------------------------- */

/* One byte more. after_cr: the byte before it, in this head, is CR. */
static enum http_refusal scan_byte(struct httpscan *s, uint8_t c, bool after_cr)
{
	if (after_cr != (c == '\n') || (c != '\r' && c != '\n' && !http_text_byte(c)))
		return HTTPBAD_BYTE;
	if (s->line == 0 && (c == ' ' || c == '\t'))
		return s->first_done ? HTTPBAD_FOLD : HTTPBAD_LINE;
	if (s->line == 0 && c == '\r' && !s->first_done)
		return HTTPBAD_LINE;
	s->line++;
	s->seen++;
	if (!s->first_done && s->line == HTTP_LINE && c != '\n')
		return HTTPBAD_LONG_LINE;
	/* The empty line is CR LF alone; anything else at the limit cannot be the end any more. */
	if (s->seen == HTTP_HEAD && !(c == '\n' && s->line == 2))
		return HTTPBAD_LONG_HEAD;
	return HTTP_FINE;
}

/* Bytes from here on of which none is a line's first or last, or could be one too many: nearly all. */
static uint16_t inner_run(const struct httpscan *s, struct span in)
{
	size_t most = HTTP_HEAD - 1u - s->seen;

	if (s->line == 0 || in.p[s->seen - 1] == '\r')
		return 0;
	if (!s->first_done)
		most = num_min(most, HTTP_LINE - 1u - s->line);
	return (uint16_t)span_text(span_sub(in, 0, s->seen + most), s->seen);
}

int httpscan_more(struct httpscan *s, struct span in)
{
	while (s->refusal == HTTP_FINE && s->seen < in.n) {
		uint16_t run = inner_run(s, in);
		uint8_t c;

		s->seen = (uint16_t)(s->seen + run);
		s->line = (uint16_t)(s->line + run);
		if (s->seen == in.n)
			break;
		c = in.p[s->seen];
		s->refusal = (uint8_t)scan_byte(s, c, s->seen && in.p[s->seen - 1] == '\r');
		if (s->refusal != HTTP_FINE || c != '\n')
			continue;
		if (s->first_done && s->line == 2)
			return s->seen;
		s->first_done = true;
		s->line = 0;
	}
	return s->refusal == HTTP_FINE ? ZT_MORE : http_refusal_err(s->refusal);
}

bool httphead_line(struct span *in, struct span *line)
{
	size_t at;

	if (!span_find(*in, '\n', &at) || at == 0 || in->p[at - 1] != '\r')
		return false;
	*line = span_sub(*in, 0, at - 1);
	*in = span_sub(*in, at + 1, in->n);
	return true;
}

enum http_refusal httphead_first(struct span *head, struct span *line)
{
	struct httpscan scan = {0};
	int end = httpscan_more(&scan, *head);

	if (end < 0)
		return scan.refusal;
	return end > 0 && (size_t)end == head->n && httphead_line(head, line) ? HTTP_FINE : HTTPBAD_CUT;
}

enum http_refusal httphead_version(struct span s, uint8_t *minor)
{
	struct span digits = span_sub(s, 5, 3);

	if (s.n != 8 || !span_starts(s, "HTTP/") || digits.p[0] < '0' || digits.p[0] > '9' || digits.p[1] != '.' ||
	    digits.p[2] < '0' || digits.p[2] > '9')
		return HTTPBAD_LINE;
	if (digits.p[0] != '1' || digits.p[2] > '1')
		return HTTPBAD_VERSION;
	*minor = (uint8_t)(digits.p[2] - '0');
	return HTTP_FINE;
}

/* ---- fields -------------------------------------------------------------------------------- */

static enum http_refusal read_field(struct httpfield *f, struct span line, bool wide)
{
	if (!span_cut(line, ':', &f->name, &f->value) || !(wide ? http_is_token : httpfield_name_ok)(f->name))
		return line.n && (line.p[0] == ' ' || line.p[0] == '\t') ? HTTPBAD_FOLD : HTTPBAD_NAME;
	f->value = span_trim(f->value);
	if (!httpfield_value_ok(f->value))
		return HTTPBAD_BYTE;
	f->id = (uint8_t)httpfield_id(f->name);
	f->class = (uint8_t)httpfield_class(f->name);
	return HTTP_FINE;
}

static void mark_listed(struct httpfields *fs, struct span option)
{
	for (size_t i = 0; i < fs->n; i++)
		if (!(fs->f[i].class & FIELD_FRAMING) && span_ieq(fs->f[i].name, option))
			fs->f[i].class |= FIELD_HOP | FIELD_LISTED;
}

static enum http_refusal read_options(struct httpfields *fs)
{
	unsigned options = 0;
	struct span rest, one;

	for (size_t i = 0; i < fs->n; i++) {
		if (fs->f[i].id != FIELD_CONNECTION)
			continue;
		rest = fs->f[i].value;
		while (httpfield_next(&rest, &one)) {
			if (++options > HTTP_OPTIONS || !http_is_token(one))
				return HTTPBAD_OPTIONS;
			mark_listed(fs, one);
		}
	}
	return HTTP_FINE;
}

enum http_refusal httpfields_read(struct httpfields *fs, struct span lines, bool wide)
{
	enum http_refusal r = HTTP_FINE;
	struct span line;

	fs->n = 0;
	for (;;) {
		if (!httphead_line(&lines, &line))
			return HTTPBAD_CUT;
		if (line.n == 0)
			return lines.n ? HTTPBAD_LINE : read_options(fs);
		if (fs->n == HTTP_FIELDS)
			return HTTPBAD_FIELDS;
		r = read_field(&fs->f[fs->n], line, wide);
		if (r != HTTP_FINE)
			return r;
		fs->n++;
	}
}

const struct httpfield *httpfields_first(const struct httpfields *fs, enum field_id id)
{
	for (size_t i = 0; i < fs->n; i++)
		if (fs->f[i].id == id)
			return &fs->f[i];
	return NULL;
}

const struct httpfield *httpfields_named(const struct httpfields *fs, const char *name)
{
	for (size_t i = 0; i < fs->n; i++)
		if (span_ieq(fs->f[i].name, span_str(name)))
			return &fs->f[i];
	return NULL;
}

unsigned httpfields_count(const struct httpfields *fs, enum field_id id)
{
	unsigned n = 0;

	for (size_t i = 0; i < fs->n; i++)
		n += fs->f[i].id == id;
	return n;
}

bool httpfields_list(const struct httpfields *fs, enum field_id id, const char *member)
{
	for (size_t i = 0; i < fs->n; i++)
		if (fs->f[i].id == id && httpfield_lists(fs->f[i].value, member))
			return true;
	return false;
}
