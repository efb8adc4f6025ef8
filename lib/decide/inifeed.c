/* inifeed: between our line reader and inih. Holds one line at a time and never allocates. */
#include "inifeed.h"

#include <ini.h>
#include <string.h>

#include "base/bounds.h"
#include "base/ct.h"
#include "wire/iniline.h"

#if INI_HANDLER_LINENO
#error "inih was built with INI_HANDLER_LINENO; zt counts lines itself and needs the plain handler"
#endif

struct feed {
	const struct inifeed_sink *sink;
	void *ctx;
	struct span rest; /* of the text */
	uint32_t line;
	struct iniline_ctx judge;
	bool told_crlf;
	struct iniline sent; /* the line inih holds now; its spans lie in the text */
	struct span section, name, key; /* where that line stands */
	bool owed;           /* inih must call us for it, once */
};

static void fault(struct feed *f, enum zt_err e, const char *text)
{
	f->sink->fault(f->ctx, f->line, e, text);
}

/* What a file's encoding did to a line is told once per file and then looked through, so that
 * the other faults of the same file are found in the same run. */
static struct span undress(struct feed *f, struct span line)
{
	if (f->line == 1 && span_starts(line, "\xef\xbb\xbf")) {
		fault(f, ZT_E_SYNTAX, "the file begins with a byte-order mark; save it as UTF-8 without one");
		line = span_sub(line, 3, line.n);
	}
	if (!span_ends(line, "\r"))
		return line;
	if (!f->told_crlf)
		fault(f, ZT_E_SYNTAX, "lines end in CR LF; save the file with Unix line ends");
	f->told_crlf = true;
	return span_sub(line, 0, line.n - 1);
}

/* The next line that inih may see; false at the end of the text. */
static bool next_line(struct feed *f, struct span *line)
{
	while (f->rest.n) {
		bool whole = span_cut(f->rest, '\n', line, &f->rest);
		int rc;

		f->line++;
		*line = undress(f, *line);
		rc = iniline_judge(&f->judge, *line, &f->sent);
		if (rc < 0)
			fault(f, (enum zt_err)-rc, f->sent.reason);
		else if (!whole)
			f->sink->warn(f->ctx, f->line, "the last line does not end in a newline; is the file complete?");
		if (rc == 0 && (f->sent.kind == INILINE_SECTION || f->sent.kind == INILINE_PAIR ||
				f->sent.kind == INILINE_MORE))
			return true;
	}
	return false;
}

static void note_sent(struct feed *f)
{
	f->owed = f->sent.kind != INILINE_SECTION;
	if (f->sent.kind == INILINE_PAIR)
		f->key = f->sent.key;
	if (f->sent.kind != INILINE_SECTION)
		return;
	f->section = f->sent.section;
	f->name = f->sent.name;
	f->sink->section(f->ctx, f->line, f->section, f->name);
}

static void settle(struct feed *f)
{
	if (f->owed)
		fault(f, ZT_E_BUG, "the INI library passed over this line; zt refuses to guess");
	f->owed = false;
}

/* inih's fgets: one line with its newline and NUL into to[room]. */
static char *give_line(char *to, int room, void *stream)
{
	struct feed *f = stream;
	struct wr w = wr_of(to, room > 0 ? (size_t)room : 0);
	struct span line;

	settle(f);
	while (next_line(f, &line)) {
		wr_put(&w, line);
		wr_str(&w, "\n");
		wr_u8(&w, 0);
		if (!w.full) {
			note_sent(f);
			return to;
		}
		w = wr_of(to, (size_t)room);
		fault(f, ZT_E_TOOLONG, "the line is longer than the INI library of this build can hold");
	}
	wipe(to, w.cap); /* the last line may have held a secret, and this is inih's stack */
	return NULL;
}

static bool same_section(const struct feed *f, struct span header)
{
	struct span word, name;

	return span_cut(header, ' ', &word, &name) == (f->name.n > 0) && span_eq(word, f->section) &&
	       span_eq(name, f->name);
}

static int take_value(void *user, const char *section, const char *name, const char *value)
{
	struct feed *f = user;
	struct span key = span_str(name), val = span_str(value);

	if (name == NULL) /* builds that announce sections: our reader has told already */
		return 1;
	if (!f->owed || !same_section(f, span_str(section)) || !span_eq(key, f->key) ||
	    !span_eq(val, f->sent.value)) {
		fault(f, ZT_E_BUG, "the INI library reads this line differently; zt refuses to guess");
	} else if (f->sent.kind == INILINE_PAIR) {
		f->sink->pair(f->ctx, f->line, key, val);
	} else {
		f->sink->more(f->ctx, f->line, val);
	}
	f->owed = false;
	return 1;
}

int inifeed(struct span text, const struct inifeed_sink *sink, void *ctx)
{
	struct feed f = {.sink = sink, .ctx = ctx, .rest = text};

	if (ini_parse_stream(give_line, &f, take_value, &f) == -2)
		return -ZT_E_NOMEM;
	settle(&f);
	if (f.rest.n) /* a build that stops at the first error */
		fault(&f, ZT_E_BUG, "the INI library stopped reading here; zt refuses the rest");
	return 0;
}
