/*
 * pem: reads and writes the text armour of pem.h. Owns nothing. Looks at lines to find where
 * blocks begin and end; what stands inside goes through ct_b64_decode() only.
 */
#include "pem.h"

#include "base/ct.h"

#define BEGIN_MARK "-----BEGIN "
#define END_MARK "-----END "
#define DASHES "-----"
#define BYTES_PER_LINE 48 /* 64 columns */

static struct span without_end_blanks(struct span s)
{
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

struct lines {
	struct span rest;
	unsigned next; /* number of the line that next_line() answers */
};

static bool next_line(struct lines *l, struct span *out)
{
	if (l->rest.n == 0)
		return false;
	if (!span_cut(l->rest, '\n', out, &l->rest))
		l->rest = SPAN_NONE;
	*out = without_end_blanks(*out);
	l->next++;
	return true;
}

/* What lies between two places of the same text, the later one given by what is left of it. */
static struct span between(struct span from, struct span to)
{
	return span_sub(from, 0, from.n - to.n);
}

/* RFC 7468 section 3: printable, no '-' but between others, the same for blanks. */
static bool label_ok(struct span label)
{
	bool word = false;

	if (label.n == 0 || label.n > PEM_LABEL_MAX)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		uint8_t c = label.p[i];
		bool joint = c == ' ' || c == '-';

		if (c < 0x20 || c > 0x7e || (joint && !word))
			return false;
		word = !joint;
	}
	return word;
}

/* "-----BEGIN LABEL-----" */
static bool mark_label(struct span line, const char *mark, struct span *label)
{
	size_t skip = span_str(mark).n;

	if (!span_starts(line, mark) || !span_ends(line, DASHES) || line.n < skip + sizeof DASHES - 1)
		return false;
	*label = span_sub(line, skip, line.n - skip - (sizeof DASHES - 1));
	return label_ok(*label);
}

static int find_begin(struct lines *l, struct pem *out, struct why *w)
{
	struct span line;

	if (l->next == 1 && span_starts(l->rest, "\xef\xbb\xbf")) /* some editors begin UTF-8 files so */
		l->rest = span_sub(l->rest, 3, l->rest.n);
	while (next_line(l, &line)) {
		if (span_starts(line, END_MARK))
			return why_set(w, ZT_E_SYNTAX, "line %u: an END line without its BEGIN", l->next - 1);
		if (!span_starts(line, BEGIN_MARK))
			continue;
		out->line = l->next - 1;
		if (!mark_label(line, BEGIN_MARK, &out->label))
			return why_set(w, ZT_E_SYNTAX, "line %u: a malformed BEGIN line", out->line);
		return 1;
	}
	return 0;
}

/* RFC 1421 headers: only directly behind BEGIN; "Name: value" and continued lines up to an
 * empty one. base64 has no colon. */
static int take_headers(struct lines *l, struct pem *out, struct why *w)
{
	struct lines at = *l;
	struct span line, start = l->rest;
	size_t colon;

	out->headers = SPAN_NONE;
	if (!next_line(&at, &line) || !span_find(line, ':', &colon))
		return 0;
	while (line.n) {
		if (span_starts(line, DASHES) || at.rest.n == 0)
			return why_set(w, ZT_E_SYNTAX, "line %u: the headers of this block have no end", out->line);
		*l = at;
		next_line(&at, &line);
	}
	out->headers = between(start, l->rest);
	*l = at;
	return 0;
}

static int take_body(struct lines *l, struct pem *out, struct why *w)
{
	struct span line, label, start = l->rest, before = l->rest;

	while (next_line(l, &line)) {
		if (!span_starts(line, DASHES)) {
			before = l->rest;
			continue;
		}
		if (!mark_label(line, END_MARK, &label) || !span_eq(label, out->label))
			return why_set(w, ZT_E_SYNTAX, "line %u: not the END line of the block that begins on line %u (%.*s)",
				       l->next - 1, out->line, SPAN_ARG(out->label));
		out->body = between(start, before);
		return 1;
	}
	return why_set(w, ZT_E_SYNTAX, "line %u: this block (%.*s) has no END line", out->line, SPAN_ARG(out->label));
}

static int take_block(struct lines *l, struct pem *out, struct why *w)
{
	int rc = take_headers(l, out, w);

	return rc < 0 ? rc : take_body(l, out, w);
}

int pem_next(struct span *text, unsigned *line, struct pem *out, struct why *w)
{
	struct lines l = {*text, *line};
	int rc;

	*out = (struct pem){0};
	rc = find_begin(&l, out, w);
	if (rc > 0)
		rc = take_block(&l, out, w);
	*text = l.rest;
	*line = l.next;
	return rc;
}

int pem_decode(const struct pem *p, uint8_t *out, size_t cap, struct why *w)
{
	int n = ct_b64_decode(p->body, out, cap);

	ct_public(&n, sizeof n);
	if (n == -ZT_E_TOOLONG && cap < p->body.n / 4 * 3) /* else only what lacks its padding does not fit */
		return why_set(w, ZT_E_TOOLONG, "line %u: this block (%.*s) is longer than %zu bytes", p->line,
			       SPAN_ARG(p->label), cap);
	if (n < 0)
		return why_set(w, ZT_E_SYNTAX, "line %u: this block (%.*s) is not base64", p->line, SPAN_ARG(p->label));
	return n;
}

void pem_write(struct wr *w, const char *label, struct span der)
{
	char line[CT_B64PAD_LEN(BYTES_PER_LINE)];

	wr_str(w, BEGIN_MARK);
	wr_str(w, label);
	wr_str(w, DASHES "\n");
	for (size_t at = 0; at < der.n; at += BYTES_PER_LINE) {
		struct span part = span_sub(der, at, BYTES_PER_LINE);

		ct_b64_encode(part.p, part.n, line);
		wr_bytes(w, line, CT_B64PAD_LEN(part.n));
		wr_u8(w, '\n');
	}
	wr_str(w, END_MARK);
	wr_str(w, label);
	wr_str(w, DASHES "\n");
	wipe(line, sizeof line);
}
