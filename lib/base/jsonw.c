/* jsonw: the writer of jsonw.h. */
#include "jsonw.h"

#include "err.h"
#include "num.h"

void jsonw_init(struct jsonw *j, struct wr *w)
{
	*j = (struct jsonw){.w = w};
}

static void begin_value(struct jsonw *j)
{
	if (j->after_key)
		j->after_key = false;
	else if (j->filled >> j->depth & 1)
		wr_u8(j->w, ',');
	j->filled |= 1u << j->depth;
}

void jsonw_open(struct jsonw *j, char brace)
{
	begin_value(j);
	wr_u8(j->w, (uint8_t)brace);
	ZT_ASSERT(j->depth < JSONW_DEPTH);
	j->depth++;
	j->filled &= ~(1u << j->depth);
}

void jsonw_close(struct jsonw *j, char brace)
{
	ZT_ASSERT(j->depth > 0);
	j->depth--;
	wr_u8(j->w, (uint8_t)brace);
}

/* Bytes of the UTF-8 sequence that starts at i, or 0. span_is_utf8 judges it. */
static size_t sequence(struct span s, size_t i)
{
	uint8_t c = s.p[i];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	struct span one = span_sub(s, i, n);

	return one.n == n && span_is_utf8(one) ? n : 0;
}

static void escape(struct wr *w, unsigned c)
{
	switch (c) {
	case '"': wr_str(w, "\\\""); return;
	case '\\': wr_str(w, "\\\\"); return;
	case '\n': wr_str(w, "\\n"); return;
	case '\r': wr_str(w, "\\r"); return;
	case '\t': wr_str(w, "\\t"); return;
	default: wr_fmt(w, "\\u%04x", c); return;
	}
}

void jsonw_quote(struct wr *w, struct span s)
{
	wr_u8(w, '"');
	for (size_t i = 0, n; i < s.n; i += n) {
		n = sequence(s, i);
		if (n == 0) {
			wr_str(w, "\xef\xbf\xbd"); /* U+FFFD */
			n = 1;
		} else if (n == 1 && (s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == 0x7f)) {
			escape(w, s.p[i]);
		} else if (n == 2 && s.p[i] == 0xc2 && s.p[i + 1] < 0xa0) {
			escape(w, s.p[i + 1]); /* U+0080..U+009F: terminals obey 8-bit CSI */
		} else {
			wr_bytes(w, s.p + i, n);
		}
	}
	wr_u8(w, '"');
}

void jsonw_key(struct jsonw *j, const char *key)
{
	begin_value(j);
	jsonw_quote(j->w, span_str(key));
	wr_u8(j->w, ':');
	j->after_key = true;
}

void jsonw_span(struct jsonw *j, struct span s)
{
	begin_value(j);
	jsonw_quote(j->w, s);
}

void jsonw_null(struct jsonw *j)
{
	begin_value(j);
	wr_str(j->w, "null");
}

void jsonw_str(struct jsonw *j, const char *s)
{
	if (s == NULL)
		jsonw_null(j);
	else
		jsonw_span(j, span_str(s));
}

void jsonw_u64(struct jsonw *j, uint64_t v)
{
	begin_value(j);
	wr_u64dec(j->w, v);
}

void jsonw_i64(struct jsonw *j, int64_t v)
{
	begin_value(j);
	if (v < 0)
		wr_u8(j->w, '-');
	wr_u64dec(j->w, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void jsonw_bool(struct jsonw *j, bool v)
{
	begin_value(j);
	wr_str(j->w, v ? "true" : "false");
}
