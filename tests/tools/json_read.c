/*
 * json_read: shows what lib/wire/json.c makes of documents, for a test that compares it with
 * another reader. Standard input: u32 length (big-endian), document, again and again. For each
 * one line: "ok " and the document as lib/base/jsonw.c writes it, or "refused NAME OFFSET".
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonw.h"
#include "base/num.h"
#include "wire/json.h"

#define TEXT_MAX 65536

static struct json_tok tok[BOUND_CAP(BOUND_JSON_TOKENS)];
static uint8_t text[TEXT_MAX], mem[TEXT_MAX], out[8 * TEXT_MAX];

static void write_value(struct json *j, size_t v, struct jsonw *w)
{
	enum json_kind kind = (enum json_kind)j->tok[v].kind;

	j->mem.n = 0;
	switch (kind) {
	case JSON_NULL: jsonw_null(w); return;
	case JSON_BOOL: jsonw_bool(w, json_bool(j, v)); return;
	case JSON_NUMBER: jsonw_raw(w, json_number(j, v)); return;
	case JSON_STRING: jsonw_span(w, json_str(j, v)); return;
	case JSON_ARRAY:
	case JSON_OBJECT: break;
	}
	jsonw_open(w, kind == JSON_ARRAY ? '[' : '{');
	for (size_t e = json_first(j, v, kind); e != JSON_NONE; e = json_next(j, v, e)) {
		if (kind == JSON_OBJECT)
			jsonw_key_span(w, json_key(j, e));
		write_value(j, e, w); /* no deeper than BOUND_JSON_DEPTH */
	}
	jsonw_close(w, kind == JSON_ARRAY ? ']' : '}');
}

static void show(size_t n)
{
	struct wr w = wr_of(out, sizeof out);
	struct jsonw jw;
	struct json j;

	json_init(&j, tok, ARRAY_LEN(tok), mem, sizeof mem);
	if (json_parse(&j, span_of(text, n)) < 0) {
		printf("refused %s %zu\n", err_name(j.err), j.at);
		return;
	}
	jsonw_init(&jw, &w);
	write_value(&j, JSON_ROOT, &jw);
	wr_u8(&w, '\n');
	if (w.full || j.err)
		abort();
	printf("ok ");
	fwrite(out, 1, w.n, stdout);
}

int main(void)
{
	uint8_t head[4];

	while (fread(head, 1, sizeof head, stdin) == sizeof head) {
		struct rd r = rd_of(span_of(head, sizeof head));
		size_t n = rd_be32(&r);

		if (n > sizeof text || fread(text, 1, n, stdin) != n)
			return 1;
		show(n);
	}
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
