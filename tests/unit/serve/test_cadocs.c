/* What the authority publishes: fetched in parts, once for all who wait, never old, never half. */
#include "serve/cadocs.h"

#include <stdlib.h>

#include "base/num.h"
#include "tests/unit/serve/caline_kit.h"

struct reader {
	struct cadocs *docs;
	struct cadoc_wait w;
	struct cadoc *doc;
	unsigned told;
	enum zt_err err;
	bool again; /* once more, from inside */
	struct reader *leaves; /* while this one is told, that one goes */
};

static const struct cadoc_key full = {.kind = CADOC_STATUS}, device = {.kind = CADOC_CRL, .anchor = ANCHOR_DEVICE},
			      anchors = {.kind = CADOC_ANCHORS};

static void on_doc(struct cadoc_wait *w, struct cadoc *doc, const struct why *why)
{
	struct reader *r = CONTAINER_OF(w, struct reader, w);

	r->told++;
	cadoc_drop(r->doc);
	r->doc = doc ? cadoc_keep(doc) : NULL;
	r->err = doc ? ZT_OK : why->err;
	if (r->leaves)
		cadocs_leave(&r->leaves->w);
	if (r->again) {
		r->again = false;
		CHECK_INT(cadocs_get(r->docs, &full, &r->w), 0);
	}
}

static void want(struct cadocs *c, const struct cadoc_key *k, struct reader *r)
{
	r->w.done = on_doc;
	r->docs = c;
	CHECK_INT(cadocs_get(c, k, &r->w), 0);
}

static uint8_t byte_of(size_t i, uint64_t number)
{
	return (uint8_t)(i * 7 + number);
}

/* ca-sign answers one question about a list of n bytes. Answers the offset that was asked for. */
static uint64_t serve(struct kit *k, uint64_t number, size_t n)
{
	static uint8_t bytes[CASIGN_PART];
	struct casign m, ok = {.type = CA_OK};
	uint8_t num[3][8];
	uint64_t at;
	size_t len;

	if (!kit_asked(k, &m)) {
		unit_fail(__FILE__, __LINE__, "nothing was asked");
		return 0;
	}
	at = casign_u64(&m, CAF_OFFSET);
	CHECK(m.type == CA_LIST && (at == 0 || casign_u64(&m, CAF_NUMBER) == number) && at < n);
	len = num_min(n - at, CASIGN_PART);
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_of(at + i, number);
	casign_put_num(&ok, CAF_NUMBER, number, num[0]);
	casign_put_num(&ok, CAF_TOTAL, n, num[1]);
	casign_put(&ok, CAF_PART, span_of(bytes, len));
	if (casign_u64(&m, CAF_KIND) == CA_LIST_STATUS)
		casign_put_num(&ok, CAF_EPOCH, 1, num[2]);
	kit_say(k, &ok);
	return at;
}

static void check_doc(const struct reader *r, uint64_t number, size_t n)
{
	NEED(r->doc != NULL);
	CHECK_INT(r->doc->number, number);
	NEED(r->doc->n == n);
	for (size_t i = 0; i < n; i++)
		if (r->doc->bytes[i] != byte_of(i, number)) {
			unit_fail(__FILE__, __LINE__, "byte %zu of %zu is wrong", i, n);
			break;
		}
}

static bool quiet(struct kit *k)
{
	struct casign m;

	return !kit_asked(k, &m);
}

static void open_docs(struct kit *k, struct cadocs **c)
{
	kit_open(k);
	kit_link(k);
	CHECK_INT(cadocs_new(c, k->line), 0);
}

static void close_docs(struct kit *k, struct cadocs *c)
{
	cadocs_free(c);
	kit_turns(k);
	kit_close(k);
}

TEST(one_fetch_serves_all_who_wait)
{
	struct kit k;
	struct cadocs *c;
	struct reader r[50] = {{0}};

	open_docs(&k, &c);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		want(c, &full, &r[i]);
	cadocs_leave(&r[7].w);
	CHECK_INT(serve(&k, 5, 120000), 0);
	CHECK_INT(serve(&k, 5, 120000), CASIGN_PART);
	CHECK_INT(r[0].told, 0);
	CHECK_INT(serve(&k, 5, 120000), 2 * CASIGN_PART);
	CHECK(quiet(&k) && cadocs_fetches(c) == 1);
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		CHECK_INT(r[i].told, i != 7);
		if (i == 7)
			continue;
		check_doc(&r[i], 5, 120000);
		CHECK(r[i].doc == r[0].doc || i < 7);
		cadoc_drop(r[i].doc);
	}
	close_docs(&k, c);
}

/* The same number: one question, and the bytes that are there. Another: those that were handed out stay. */
TEST(it_is_asked_each_time_and_fetched_when_it_is_new)
{
	struct kit k;
	struct cadocs *c;
	struct reader a = {0}, b = {0};

	open_docs(&k, &c);
	CHECK(cadocs_known(c, &device) == NULL);
	want(c, &device, &a);
	serve(&k, 1, CASIGN_PART + 1);
	serve(&k, 1, CASIGN_PART + 1);
	check_doc(&a, 1, CASIGN_PART + 1);
	CHECK(cadocs_known(c, &device) == a.doc);
	want(c, &device, &b);
	serve(&k, 1, CASIGN_PART + 1);
	CHECK(quiet(&k) && b.doc == a.doc && cadocs_fetches(c) == 1);
	want(c, &device, &b);
	serve(&k, 2, 10);
	check_doc(&b, 2, 10);
	check_doc(&a, 1, CASIGN_PART + 1);
	CHECK_INT(cadocs_fetches(c), 2);
	cadoc_drop(a.doc);
	cadoc_drop(b.doc);
	close_docs(&k, c);
}

TEST(a_list_that_is_replaced_meanwhile_is_begun_anew)
{
	struct kit k;
	struct cadocs *c;
	struct reader a = {0};
	struct casign m;

	open_docs(&k, &c);
	want(c, &full, &a);
	serve(&k, 1, 100000);
	NEED(kit_asked(&k, &m));
	kit_no(&k, ZT_E_AGAIN, "it was replaced");
	CHECK_INT(serve(&k, 2, 60000), 0);
	CHECK_INT(serve(&k, 2, 60000), CASIGN_PART);
	check_doc(&a, 2, 60000);
	for (unsigned i = 0; i < 5; i++) { /* again and again: there is an end to it */
		if (i == 0)
			want(c, &full, &a);
		serve(&k, 10 + i, 100000);
		NEED(kit_asked(&k, &m));
		kit_no(&k, ZT_E_AGAIN, "it was replaced");
	}
	CHECK(quiet(&k) && a.told == 2 && a.err == ZT_E_AGAIN && a.doc == NULL);
	close_docs(&k, c);
}

TEST(changes_are_fetched_for_each_number_and_not_kept)
{
	struct kit k;
	struct cadocs *c;
	struct reader r[7] = {{0}};
	struct casign m;
	struct cadoc_key key = full;

	open_docs(&k, &c);
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		key.epoch = 1;
		key.base = 100 + i / 2; /* two readers of a number, but the last: 100, 101, 102, 103 */
		want(c, &key, &r[i]);
	}
	for (uint64_t i = 0; i < 4; i++) {
		uint8_t num[3][8], byte = (uint8_t)i;
		struct casign ok = {.type = CA_OK};

		NEED(kit_asked(&k, &m));
		CHECK(casign_u64(&m, CAF_BASE) == 100 + i && casign_u64(&m, CAF_EPOCH) == 1);
		casign_put_num(&ok, CAF_NUMBER, 110, num[0]);
		casign_put_num(&ok, CAF_TOTAL, 1, num[1]);
		casign_put_num(&ok, CAF_EPOCH, 1, num[2]);
		casign_put(&ok, CAF_PART, span_of(&byte, 1));
		kit_say(&k, &ok);
	}
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		CHECK(r[i].doc && r[i].doc->bytes[0] == i / 2);
		cadoc_drop(r[i].doc);
		r[i].doc = NULL;
	}
	/* A fifth number at the same time gets all of it. */
	for (size_t i = 0; i < 5; i++) {
		key.base = 200 + i;
		want(c, &key, &r[i]);
	}
	for (uint64_t i = 0; i < 5; i++) {
		NEED(kit_asked(&k, &m));
		CHECK_INT(casign_u64(&m, CAF_BASE), i < 4 ? 200 + i : 0);
		kit_no(&k, ZT_E_TIMEOUT, "no");
		CHECK(r[i].err == ZT_E_TIMEOUT && r[i].doc == NULL);
	}
	CHECK(cadocs_known(c, &full) == NULL);
	close_docs(&k, c);
}

static void say_anchors(struct kit *k, const char *infra, const char *acme)
{
	struct casign m, ok = {.type = CA_OK};
	uint8_t num[3][8];

	if (!kit_asked(k, &m))
		unit_fail(__FILE__, __LINE__, "nothing was asked");
	CHECK_INT(m.type, CA_FACTS);
	casign_put_num(&ok, CAF_EPOCH, 4, num[0]);
	casign_put_num(&ok, CAF_KEYS, 1, num[1]);
	casign_put_num(&ok, CAF_TOTAL, 0, num[2]);
	casign_put(&ok, CAF_REGISTRY, SPAN_LIT("spki"));
	casign_put(&ok, CAF_TRUST, SPAN_LIT("signed"));
	casign_put(&ok, CAF_JSON, SPAN_NONE);
	if (infra[0])
		casign_put(&ok, CAF_INFRA, span_str(infra));
	if (acme)
		casign_put(&ok, CAF_ACME, span_str(acme));
	kit_say(k, &ok);
}

TEST(anchors_are_numbered_by_their_changes)
{
	struct kit k;
	struct cadocs *c;
	struct reader a = {0};

	open_docs(&k, &c);
	for (unsigned i = 0; i < 4; i++) {
		want(c, &anchors, &a);
		say_anchors(&k, i < 2 ? "one" : i < 3 ? "on" : "", i < 2 ? NULL : i < 3 ? "e" : "one");
		NEED(a.doc != NULL);
		CHECK_INT(a.doc->number, i < 2 ? 1 : i); /* the same bytes, divided otherwise, are others */
		CHECK_INT(a.doc->epoch, 4);
	}
	CHECK(cadoc_anchors(a.doc, ANCHOR_INFRA).n == 0 && cadoc_anchors(a.doc, ANCHOR_DEVICE).n == 0);
	CHECK(span_eq_str(cadoc_anchors(a.doc, ANCHOR_ACME), "one") && span_eq_str(cadoc_trust(a.doc), "signed"));
	cadoc_drop(a.doc);
	close_docs(&k, c);
}

/* Who asks from inside waits for a new answer, and is not told this one for ever. */
TEST(asking_again_from_inside_is_another_question)
{
	struct kit k;
	struct cadocs *c;
	struct reader a = {.again = true}, b = {0};

	open_docs(&k, &c);
	want(c, &full, &b);
	want(c, &full, &a);
	serve(&k, 1, 8);
	CHECK(a.told == 1 && b.told == 1);
	serve(&k, 2, 8);
	CHECK(a.told == 2 && b.told == 1 && a.doc->number == 2 && b.doc->number == 1);
	cadoc_drop(a.doc);
	cadoc_drop(b.doc);
	close_docs(&k, c);
}

/* Whoever is told first may end the others: they hear nothing more, in whatever order they began to wait. */
TEST(one_may_leave_while_another_is_told)
{
	struct kit k;
	struct cadocs *c;
	struct reader r[3] = {{0}};

	open_docs(&k, &c);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		want(c, &full, &r[i]);
	r[0].leaves = r[2].leaves = &r[1];
	CHECK_INT(serve(&k, 5, 100), 0);
	CHECK(r[0].told == 1 && r[1].told == 0 && r[2].told == 1);
	cadoc_drop(r[0].doc);
	cadoc_drop(r[2].doc);
	close_docs(&k, c);
}

TEST(lies_about_a_list_are_refused)
{
	static const struct {
		uint64_t total[2], number[2];
		size_t n[2];
		enum zt_err err;
	} rows[] = {
		{{0}, {1}, {0}, ZT_E_BUG},                           /* nothing at all */
		{{CADOC_MAX + 1}, {1}, {1}, ZT_E_TOOLONG},           /* more than anybody keeps */
		{{10}, {1}, {11}, ZT_E_BUG},                         /* more than it said */
		{{10, 10}, {1, 1}, {4, 7}, ZT_E_BUG},
		{{10}, {1}, {0}, ZT_E_BUG},                          /* no way to the end */
		{{10, 10}, {1, 2}, {4, 6}, ZT_E_BUG},                /* of another list */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const uint8_t bytes[16] = {0};
		struct kit k;
		struct cadocs *c;
		struct reader a = {0};
		struct casign m;

		open_docs(&k, &c);
		want(c, &device, &a);
		for (size_t part = 0; part < 2 && kit_asked(&k, &m); part++) {
			struct casign ok = {.type = CA_OK};
			uint8_t num[2][8];

			casign_put_num(&ok, CAF_NUMBER, rows[i].number[part], num[0]);
			casign_put_num(&ok, CAF_TOTAL, rows[i].total[part], num[1]);
			casign_put(&ok, CAF_PART, span_of(bytes, rows[i].n[part]));
			kit_say(&k, &ok);
		}
		if (a.told != 1 || a.err != rows[i].err || a.doc)
			unit_fail(__FILE__, __LINE__, "row %zu: told %u, %d", i, a.told, a.err);
		close_docs(&k, c);
	}
}

TEST(who_has_the_newest_list_is_told_so)
{
	const struct cadoc_key key = {.kind = CADOC_STATUS, .epoch = 1, .base = 7};
	struct kit k;
	struct cadocs *c;
	struct reader a = {0};

	open_docs(&k, &c);
	for (uint64_t number = 7; number <= 8; number++) { /* nothing at all about another number is a lie */
		struct casign m, ok = {.type = CA_OK};
		uint8_t num[3][8];

		want(c, &key, &a);
		NEED(kit_asked(&k, &m));
		casign_put_num(&ok, CAF_NUMBER, number, num[0]);
		casign_put_num(&ok, CAF_TOTAL, 0, num[1]);
		casign_put_num(&ok, CAF_EPOCH, 1, num[2]);
		casign_put(&ok, CAF_PART, SPAN_NONE);
		kit_say(&k, &ok);
		CHECK_INT(a.told, number - 6);
		if (number == 7)
			CHECK(a.doc && a.doc->n == 0 && a.doc->number == 7);
		else
			CHECK(a.doc == NULL && a.err == ZT_E_BUG);
	}
	CHECK_INT(cadocs_fetches(c), 0);
	close_docs(&k, c);
}

TEST(a_fetch_outlives_its_line)
{
	struct kit k;
	struct cadocs *c;
	struct reader a = {0};
	struct casign m;

	open_docs(&k, &c);
	want(c, &full, &a);
	serve(&k, 1, 100000);
	NEED(kit_asked(&k, &m));
	kit_link(&k);
	CHECK_INT(serve(&k, 1, 100000), CASIGN_PART);
	CHECK_INT(serve(&k, 1, 100000), 2 * CASIGN_PART);
	check_doc(&a, 1, 100000);
	cadoc_drop(a.doc);
	close_docs(&k, c);
}
