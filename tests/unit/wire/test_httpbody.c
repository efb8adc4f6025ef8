/* Bodies: every case of tests/vectors/http/chunked.txt cut up in every way, limits, and what is written back. */
#include "wire/httpbody.h"

#include "base/num.h"
#include "tests/unit/httpvec.h"

static const struct httpframing chunked = {.kind = HTTPBODY_CHUNKED};

/* Feeds at most `step` bytes at a time; payload goes to out. Answers the bytes taken, or the error. */
static int feed(struct httpbody *b, struct span in, size_t step, struct wr *out)
{
	struct span data;
	size_t at = 0;

	while (at < in.n && !b->done) {
		int rc = httpbody_next(b, span_sub(in, at, step), &data);

		if (rc < 0)
			return rc;
		CHECK(rc > 0 && (size_t)rc <= step && data.n <= (size_t)rc);
		wr_put(out, data);
		at += (size_t)rc;
	}
	return (int)at;
}

static void describe(const struct httpbody *b, struct span payload, char *got, size_t cap)
{
	if (b->refusal != HTTP_FINE)
		snprintf(got, cap, "%s", http_refusal_name(b->refusal));
	else if (b->done)
		snprintf(got, cap, "|%.*s", SPAN_ARG(payload));
	else
		snprintf(got, cap, "more");
}

static void check_case(struct httpvec *v)
{
	uint8_t text[4096], payload[4096];
	size_t mark = v->text.n, n;
	char got[64];

	memcpy(text, v->text.p, v->text.n);
	n = v->text.n;
	if (span_find(v->text, '^', &mark))
		memmove(text + mark, text + mark + 1, --n - mark);
	for (size_t step = 1; step <= n; step++) {
		struct wr out = wr_of(payload, sizeof payload);
		struct httpbody b;
		int rc;

		NEED(httpbody_begin(&b, &chunked, UINT64_MAX) == 0);
		rc = feed(&b, span_of(text, n), step, &out);
		describe(&b, wr_span(&out), got, sizeof got);
		if (strcmp(got, v->want) != 0)
			httpvec_fail(v, got);
		CHECK(!b.done || (rc == (int)mark && b.payload == out.n && httpbody_ended(&b) == 0));
		CHECK(b.done || httpbody_ended(&b) < 0);
	}
}

TEST(every_case_is_read_as_it_says)
{
	unsigned n = httpvec_each("tests/vectors/http/chunked.txt", check_case);

	CHECK(n >= 65);
	printf("%u cases\n", n);
}

TEST(a_refusal_stays)
{
	struct httpbody b;
	struct span data;

	NEED(httpbody_begin(&b, &chunked, UINT64_MAX) == 0);
	CHECK_INT(httpbody_next(&b, SPAN_LIT("x"), &data), -ZT_E_SYNTAX);
	CHECK_INT(httpbody_next(&b, SPAN_LIT("0\r\n\r\n"), &data), -ZT_E_SYNTAX);
	CHECK(data.n == 0 && !b.done && httpbody_ended(&b) == -ZT_E_CLOSED && b.refusal == HTTPBAD_CHUNK);
}

static int extensions(struct httpbody *b, unsigned chunks, unsigned each)
{
	static uint8_t mem[2000];
	struct wr w = wr_of(mem, sizeof mem), out = wr_of(mem, 0);

	for (unsigned i = 0; i < chunks; i++) {
		wr_str(&w, i + 1 < chunks ? "1;" : "0;");
		for (unsigned k = 0; k < each; k++)
			wr_u8(&w, 'e');
		wr_str(&w, i + 1 < chunks ? "\r\nx\r\n" : "\r\n\r\n");
	}
	CHECK(!w.full && httpbody_begin(b, &chunked, UINT64_MAX) == 0);
	return feed(b, wr_span(&w), 7, &out);
}

TEST(extensions_have_a_limit_for_the_whole_body)
{
	struct httpbody b;

	CHECK(extensions(&b, 1, HTTPBODY_EXT) > 0 && b.done);
	CHECK_INT(extensions(&b, 1, HTTPBODY_EXT + 1), -ZT_E_SYNTAX);
	CHECK_INT(b.refusal, HTTPBAD_EXTENSIONS);
	CHECK(extensions(&b, 64, 4) > 0 && b.done);
	CHECK_INT(extensions(&b, 65, 4), -ZT_E_SYNTAX);
	CHECK_INT(b.refusal, HTTPBAD_EXTENSIONS);
}

TEST(trailers_have_a_limit)
{
	for (unsigned extra = 0; extra < 2; extra++) {
		static uint8_t mem[HTTPBODY_TRAILERS + 64];
		struct wr w = wr_of(mem, sizeof mem), out = wr_of(mem, 0);
		struct httpbody b;

		/* Counted: "A:", the value, and the CR of that line and of the empty one. */
		wr_str(&w, "0\r\nA:");
		for (unsigned i = 0; i < HTTPBODY_TRAILERS + extra - 4; i++)
			wr_u8(&w, 'v');
		wr_str(&w, "\r\n\r\n");
		NEED(!w.full && httpbody_begin(&b, &chunked, UINT64_MAX) == 0);
		CHECK_INT(feed(&b, wr_span(&w), 100, &out), extra ? -ZT_E_SYNTAX : (int)w.n);
		CHECK_INT(b.refusal, extra ? HTTPBAD_TRAILERS : HTTP_FINE);
	}
}

TEST(sizes_add_up_without_wrapping)
{
	struct wr out = wr_of(NULL, 0);
	struct httpbody b;

	NEED(httpbody_begin(&b, &chunked, UINT64_MAX) == 0);
	CHECK_INT(feed(&b, SPAN_LIT("ffffffffffffffff\r\n"), 5, &out), 18);
	CHECK(b.left == UINT64_MAX);
	NEED(httpbody_begin(&b, &chunked, UINT64_MAX) == 0);
	CHECK_INT(feed(&b, SPAN_LIT("1\r\nx\r\nffffffffffffffff\r\n"), 5, &out), -ZT_E_TOOLONG);
	CHECK_INT(b.refusal, HTTPBAD_LARGE);
	NEED(httpbody_begin(&b, &chunked, 5) == 0);
	CHECK_INT(feed(&b, SPAN_LIT("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 4, &out), 20);
	NEED(httpbody_begin(&b, &chunked, 5) == 0);
	CHECK_INT(feed(&b, SPAN_LIT("3\r\nabc\r\n3\r\n"), 4, &out), -ZT_E_TOOLONG);
	CHECK(b.refusal == HTTPBAD_LARGE && http_refusal_status(b.refusal) == 413);
}

TEST(a_length_is_counted_down)
{
	struct httpframing f = {.kind = HTTPBODY_LENGTH, .length = 5, .has_length = true};
	struct httpbody b;
	struct span data;

	NEED(httpbody_begin(&b, &f, 5) == 0 && !b.done);
	CHECK_INT(httpbody_next(&b, SPAN_LIT(""), &data), ZT_MORE);
	CHECK_INT(httpbody_next(&b, SPAN_LIT("abc"), &data), 3);
	CHECK(data.n == 3 && !b.done);
	CHECK_INT(httpbody_next(&b, SPAN_LIT("deGET /"), &data), 2);
	CHECK(span_eq_str(data, "de") && b.done && b.payload == 5);
	CHECK_INT(httpbody_next(&b, SPAN_LIT("GET /"), &data), ZT_MORE);
	CHECK(data.n == 0 && httpbody_ended(&b) == 0);
	CHECK_INT(httpbody_begin(&b, &f, 4), -ZT_E_TOOLONG);
	CHECK_INT(b.refusal, HTTPBAD_LARGE);
	NEED(httpbody_begin(&b, &f, 5) == 0);
	CHECK(httpbody_next(&b, SPAN_LIT("abcd"), &data) == 4 && httpbody_ended(&b) == -ZT_E_CLOSED);
	CHECK_INT(b.refusal, HTTPBAD_CUT);
	f.length = 0;
	CHECK(httpbody_begin(&b, &f, 5) == 0 && b.done);
	f.kind = HTTPBODY_NONE;
	CHECK(httpbody_begin(&b, &f, 0) == 0 && b.done && httpbody_next(&b, SPAN_LIT("G"), &data) == ZT_MORE);
}

TEST(some_end_with_the_connection)
{
	static const uint8_t kinds[] = {HTTPBODY_CLOSE, HTTPBODY_TUNNEL};
	struct httpbody b;
	struct span data;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct httpframing f = {.kind = kinds[i]};

		NEED(httpbody_begin(&b, &f, 6) == 0 && !b.done);
		CHECK(httpbody_next(&b, SPAN_LIT("abc"), &data) == 3 && data.n == 3 && !b.done);
		CHECK(httpbody_next(&b, SPAN_LIT("def"), &data) == 3 && !b.done);
		CHECK(httpbody_ended(&b) == 0 && b.done && b.payload == 6);
		NEED(httpbody_begin(&b, &f, 2) == 0);
		CHECK_INT(httpbody_next(&b, SPAN_LIT("abc"), &data), -ZT_E_TOOLONG);
		CHECK(httpbody_ended(&b) == -ZT_E_CLOSED && b.refusal == HTTPBAD_LARGE);
	}
}

TEST(chunks_are_written_as_rfc_9112_says)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {{1, "1\r\n"}, {15, "f\r\n"}, {16, "10\r\n"}, {16376, "3ff8\r\n"}, {0x100000000, "100000000\r\n"},
		    {UINT64_MAX, "ffffffffffffffff\r\n"}};
	uint8_t mem[HTTPCHUNK_OPEN];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wr w = wr_of(mem, sizeof mem);

		httpchunk_open(&w, rows[i].n);
		CHECK(!w.full && span_eq_str(wr_span(&w), rows[i].text));
	}
}
