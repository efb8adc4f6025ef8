/*
 * httpvec: reads the cases of tests/vectors/http. A line is "ID WANT TEXT": no blank in the first two, and TEXT
 * to the end of the line with \r \n \t \0 \\ and \xNN. TEXT that begins with "{F}" stands for a request with
 * these field lines behind "POST /p HTTP/1.1" and "Host: a.example". '#' begins a comment line.
 */
#ifndef ZT_TEST_HTTPVEC_H
#define ZT_TEST_HTTPVEC_H

#include <stdlib.h>

#include "base/span.h"
#include "tests/unit/unit.h"
#include "wire/httphead.h"

struct httpvec {
	char id[16], want[64];
	unsigned line;
	struct span text;
	uint8_t mem[4096];
};

static inline size_t httpvec_unescape(const char *from, uint8_t *to, size_t cap)
{
	size_t n = 0;

	for (; *from && *from != '\n' && n < cap; from++) {
		static const char names[] = "rnt0\\", bytes[] = "\r\n\t\0\\";
		const char *at = from[0] == '\\' && from[1] ? strchr(names, from[1]) : NULL;

		if (at) {
			to[n++] = (uint8_t)bytes[at - names];
			from++;
		} else if (from[0] == '\\' && from[1] == 'x') {
			char hex[3] = {from[2], from[3], 0};

			to[n++] = (uint8_t)strtoul(hex, NULL, 16);
			from += 3;
		} else {
			to[n++] = (uint8_t)*from;
		}
	}
	return n;
}

static inline void httpvec_text(struct httpvec *v, const char *text)
{
	static const char head[] = "POST /p HTTP/1.1\r\nHost: a.example\r\n";
	bool fields = strncmp(text, "{F}", 3) == 0;
	size_t n = fields ? sizeof head - 1 : 0;

	memcpy(v->mem, head, n);
	n += httpvec_unescape(text + (fields ? 3 : 0), v->mem + n, sizeof v->mem - n - 4);
	if (fields) {
		memcpy(v->mem + n, "\r\n\r\n", 4);
		n += 4;
	}
	v->text = span_of(v->mem, n);
}

/* Calls one() for each case; answers how many there were. */
static inline unsigned httpvec_each(const char *path, void (*one)(struct httpvec *v))
{
	static struct httpvec v;
	char line[4096];
	struct span word, rest;
	unsigned cases = 0;
	FILE *f = fopen(path, "r"); /* run from the top of the tree */
	size_t at;

	v.line = 0;
	if (f == NULL) {
		unit_fail(__FILE__, __LINE__, "cannot open %s", path);
		return 0;
	}
	while (fgets(line, sizeof line, f)) {
		v.line++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		at = strcspn(line, "\n");
		if (!span_cut(span_of(line, at), ' ', &word, &rest) || span_to_cstr(word, v.id, sizeof v.id) < 0) {
			unit_fail(__FILE__, __LINE__, "%s:%u is no case", path, v.line);
			continue;
		}
		if (!span_cut(rest, ' ', &word, &rest))
			rest = span_of(line + at, 0); /* no text: an empty one */
		if (span_to_cstr(word, v.want, sizeof v.want) < 0)
			unit_fail(__FILE__, __LINE__, "%s:%u wants too much", path, v.line);
		httpvec_text(&v, (const char *)rest.p);
		one(&v);
		cases++;
	}
	fclose(f);
	return cases;
}

static inline void httpvec_fail(const struct httpvec *v, const char *got)
{
	unit_fail("tests/vectors/http", (int)v->line, "%s: got %s, not %s", v->id, got, v->want);
}

#endif
