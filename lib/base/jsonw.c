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

/* Code points that are escaped although RFC 8259 would not ask for all of them. Sorted. */
static const struct {
	uint32_t from, to;
} unsafe[] = {
	{0x00, 0x1f},     {'"', '"'},       {'\\', '\\'},
	{0x7f, 0x9f},     /* DEL; C1: terminals obey the 8-bit CSI, 0x9b */
	{0x61c, 0x61c},   {0x200e, 0x200f}, /* marks that turn the direction of text, */
	{0x2028, 0x202e}, {0x2066, 0x2069}, /* so that a line reads as what it is not; line ends */
};

static bool is_unsafe(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(unsafe) && c >= unsafe[i].from; i++)
		if (c <= unsafe[i].to)
			return true;
	return false;
}

static void escape(struct wr *w, uint32_t c)
{
	static const char short_form[] = "\"\"\\\\\nn\rr\tt"; /* the character, its letter */

	for (size_t i = 0; i < sizeof short_form - 1; i += 2)
		if (c == (uint8_t)short_form[i]) {
			wr_u8(w, '\\');
			wr_u8(w, (uint8_t)short_form[i + 1]);
			return;
		}
	wr_fmt(w, "\\u%04x", (unsigned)c);
}

/* Writes the character of s at `at` in its safe form; answers how many bytes of s it took. */
static size_t one_char(struct wr *w, struct span s, size_t at)
{
	size_t n = span_utf8(s, at);
	uint32_t c;

	if (n == 0) {
		wr_str(w, "\xef\xbf\xbd"); /* U+FFFD for each byte that is not UTF-8 */
		return 1;
	}
	c = n == 1 ? s.p[at] : s.p[at] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s.p[at + i] & 0x3f);
	if (is_unsafe(c))
		escape(w, c);
	else
		wr_put(w, span_sub(s, at, n));
	return n;
}

/* Bytes from `at` on that stand for themselves: nearly all of a line. */
static size_t plain_run(struct span s, size_t at, size_t max)
{
	size_t n = 0;

	while (n < max && at + n < s.n && s.p[at + n] >= ' ' && s.p[at + n] < 0x7f && s.p[at + n] != '"' && s.p[at + n] != '\\')
		n++;
	return n;
}

/* As far as there is room, like byte by byte. */
static void put_run(struct wr *w, struct span run)
{
	size_t room = w->full ? 0 : w->cap - w->n;

	wr_put(w, span_sub(run, 0, room));
	w->full = w->full || run.n > room;
}

size_t jsonw_escape(struct wr *w, struct span s, size_t max)
{
	uint8_t mem[8]; /* "\u0000" is 6, U+10FFFF is 4 */
	size_t at = 0;

	while (at < s.n) {
		size_t n = plain_run(s, at, max);
		struct wr one;

		if (n) {
			put_run(w, span_sub(s, at, n));
			max -= n;
			at += n;
			continue;
		}
		one = wr_of(mem, sizeof mem);
		n = one_char(&one, s, at);
		if (one.n > max)
			break;
		wr_put(w, wr_span(&one));
		max -= one.n;
		at += n;
	}
	return at;
}

void jsonw_quote(struct wr *w, struct span s)
{
	wr_u8(w, '"');
	jsonw_escape(w, s, SIZE_MAX);
	wr_u8(w, '"');
}

void jsonw_key_span(struct jsonw *j, struct span key)
{
	begin_value(j);
	jsonw_quote(j->w, key);
	wr_u8(j->w, ':');
	j->after_key = true;
}

void jsonw_key(struct jsonw *j, const char *key)
{
	jsonw_key_span(j, span_str(key));
}

void jsonw_span(struct jsonw *j, struct span s)
{
	begin_value(j);
	jsonw_quote(j->w, s);
}

bool jsonw_cut(struct jsonw *j, struct span s, size_t max)
{
	size_t taken;

	begin_value(j);
	wr_u8(j->w, '"');
	taken = jsonw_escape(j->w, s, max);
	wr_u8(j->w, '"');
	return taken == s.n;
}

void jsonw_raw(struct jsonw *j, struct span json)
{
	begin_value(j);
	wr_put(j->w, json);
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
