/*
 * fuzz_json: a refused text has an error inside it; of an accepted one every token lies in the
 * text and nests, no object has twins (found the slow way), and what jsonw makes of the tree
 * is read again as the same tree and written again as the same bytes.
 */
#include "wire/json.h"

#include <stdlib.h>

#include "base/jsonw.h"
#include "base/num.h"

#define NEED(cond) ((cond) ? (void)0 : abort())
#define TEXT_MAX 4096
#define TOKENS 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void tokens_nest(const struct json *j)
{
	NEED(j->n > 0 && j->tok[0].next == j->n);
	for (size_t i = 0; i < j->n; i++) {
		const struct json_tok *t = &j->tok[i];

		NEED(t->at <= j->text.n && t->n <= j->text.n - t->at);
		NEED(t->next > i && t->next <= j->n);
		if (t->kind < JSON_ARRAY)
			NEED(t->next == i + 1);
		for (size_t k = i + 1; k < t->next; k++) {
			NEED(j->tok[k].next <= t->next);
			NEED(j->tok[k].at > t->at && j->tok[k].at + j->tok[k].n < t->at + t->n);
		}
	}
}

static void no_twins(struct json *j, size_t obj)
{
	for (size_t a = json_first(j, obj, JSON_OBJECT); a != JSON_NONE; a = json_next(j, obj, a))
		for (size_t b = json_next(j, obj, a); b != JSON_NONE; b = json_next(j, obj, b)) {
			struct span x = json_key(j, a), y = json_key(j, b);

			NEED(!span_eq(x, y));
			j->mem.n = 0; /* x and y are done with */
		}
}

static void write_value(struct json *j, size_t v, struct jsonw *w)
{
	enum json_kind kind = (enum json_kind)j->tok[v].kind;

	switch (kind) {
	case JSON_NULL: jsonw_null(w); break;
	case JSON_BOOL: jsonw_bool(w, json_bool(j, v)); break;
	case JSON_NUMBER: jsonw_raw(w, json_number(j, v)); break;
	case JSON_STRING: jsonw_span(w, json_str(j, v)); break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		jsonw_open(w, kind == JSON_ARRAY ? '[' : '{');
		for (size_t e = json_first(j, v, kind); e != JSON_NONE; e = json_next(j, v, e)) {
			if (kind == JSON_OBJECT)
				jsonw_key_span(w, json_key(j, e));
			j->mem.n = 0;
			write_value(j, e, w); /* no deeper than BOUND_JSON_DEPTH */
		}
		jsonw_close(w, kind == JSON_ARRAY ? ']' : '}');
		break;
	}
	j->mem.n = 0;
}

static struct span rewrite(struct json *j, uint8_t *out, size_t cap)
{
	struct wr w = wr_of(out, cap);
	struct jsonw jw;

	jsonw_init(&jw, &w);
	write_value(j, JSON_ROOT, &jw);
	NEED(j->err == ZT_OK && !w.full);
	return wr_span(&w);
}

static void same_tree(struct json *a, struct json *b)
{
	NEED(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		NEED(a->tok[i].kind == b->tok[i].kind && a->tok[i].next == b->tok[i].next);
		a->mem.n = b->mem.n = 0;
		if (a->tok[i].kind == JSON_STRING) {
			struct span s = json_str(a, i);

			NEED(span_eq(s, json_str(b, i)) && span_is_utf8(s));
		} else if (a->tok[i].kind == JSON_NUMBER) {
			NEED(span_eq(json_number(a, i), json_number(b, i)));
		} else if (a->tok[i].kind == JSON_BOOL) {
			NEED(json_bool(a, i) == json_bool(b, i));
		}
	}
}

/* Numbers by all questions: each answer is what the digits say, or an error. */
static void numbers(const struct json *j)
{
	for (size_t i = 0; i < j->n; i++) {
		struct json one = *j;
		struct wr w;
		char text[32];
		int64_t v;

		if (j->tok[i].kind != JSON_NUMBER)
			continue;
		v = json_i64(&one, i, INT64_MIN, INT64_MAX);
		if (one.err)
			continue;
		w = wr_of(text, sizeof text);
		wr_fmt(&w, "%lld", (long long)v);
		one = *j;
		NEED(span_eq(wr_span(&w), json_number(&one, i)) ||
		     (v == 0 && span_eq_str(json_number(&one, i), "-0")));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct json_tok ta[TOKENS], tb[TOKENS];
	static uint8_t ma[TEXT_MAX], mb[6 * TEXT_MAX];
	static uint8_t first[6 * TEXT_MAX], second[6 * TEXT_MAX];
	struct json a, b;
	struct span s, again;

	if (n > TEXT_MAX)
		return 0;
	json_init(&a, ta, TOKENS, ma, sizeof ma);
	if (json_parse(&a, span_of(data, n)) < 0) {
		NEED(a.err != ZT_OK && a.at <= n && a.what != NULL);
		NEED(json_get(&a, JSON_ROOT, "a") == JSON_NONE);
		return 0;
	}
	tokens_nest(&a);
	for (size_t i = 0; i < a.n; i++)
		if (a.tok[i].kind == JSON_OBJECT)
			no_twins(&a, i);
	numbers(&a);
	s = rewrite(&a, first, sizeof first);
	json_init(&b, tb, TOKENS, mb, sizeof mb);
	NEED(json_parse(&b, s) == 0);
	same_tree(&a, &b);
	again = rewrite(&b, second, sizeof second);
	NEED(span_eq(s, again));
	return 0;
}
