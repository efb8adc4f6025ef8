/* The line to ca-sign: order, patience, what a death in between means for each question, and lies. */
#include "serve/caline.h"

#include "base/num.h"
#include "tests/unit/serve/caline_kit.h"

struct owner {
	struct kit *k;
	unsigned ok, no, order;
	enum zt_err err;
	char text[480];
	bool asks_again;
};

static unsigned order; /* of answers, over all owners of a test */

static void ask_seen(struct kit *k, struct owner *o, struct caask **a);

static void done(void *owner, const struct casign *ok, const struct why *no)
{
	struct owner *o = owner;

	o->order = ++order;
	o->ok += ok != NULL;
	o->no += ok == NULL;
	if (ok == NULL) {
		o->err = no->err;
		snprintf(o->text, sizeof o->text, "%s", no->text);
	}
	if (o->asks_again) {
		o->asks_again = false;
		ask_seen(o->k, o, NULL);
	}
}

static const uint8_t sixteen[16] = {1}, thirty_two[32] = {2};

static struct casign seen(void)
{
	struct casign m = {.type = CA_SEEN};

	casign_put(&m, CAF_SERIAL, span_of(sixteen, 16));
	casign_put(&m, CAF_INSTANCE, span_of(sixteen, 16));
	return m;
}

static struct casign prove(void)
{
	struct casign m = {.type = CA_PROVE};

	casign_put(&m, CAF_TALK, span_of(sixteen, 8));
	casign_put(&m, CAF_PROOF, span_of(thirty_two, 32));
	return m;
}

static void ask_seen(struct kit *k, struct owner *o, struct caask **a)
{
	const struct casign m = seen();

	o->k = k;
	CHECK_INT(caline_ask(k->line, &m, &(struct caask_how){.done = done, .owner = o}, a), 0);
}

TEST(questions_are_answered_in_order)
{
	struct kit k;
	struct owner o[20] = {{0}};
	struct casign m;
	unsigned got = 0;

	kit_open(&k);
	order = 0;
	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		ask_seen(&k, &o[i], NULL); /* before there is a line */
	CHECK(!caline_well(k.line) && caline_number(k.line) == 0);
	kit_link(&k);
	CHECK(caline_well(k.line) && caline_number(k.line) == 1 && k.news == 1);
	while (kit_asked(&k, &m))
		got++;
	CHECK_INT(got, CALINE_ASKED); /* no more are under way */
	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		if (i >= CALINE_ASKED)
			NEED(kit_asked(&k, &m));
		if (i % 3)
			kit_ok(&k);
		else
			kit_no(&k, ZT_E_DENIED, "it is revoked");
	}
	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		CHECK_INT(o[i].order, i + 1);
		CHECK_INT(o[i].ok, i % 3 ? 1 : 0);
	}
	CHECK(o[0].err == ZT_E_DENIED);
	CHECK_STR(o[0].text, "it is revoked");
	CHECK_INT(caline_stats(k.line).answered, 20);
	CHECK_INT(caline_stats(k.line).refused, 7);
	kit_close(&k);
}

TEST(an_owner_may_ask_again_and_may_be_gone)
{
	struct kit k;
	struct owner a = {.asks_again = true}, gone = {0}, gone_too = {0}, last = {0};
	struct caask *asked, *waiting;
	struct casign m;

	kit_open(&k);
	kit_link(&k);
	ask_seen(&k, &a, NULL);
	ask_seen(&k, &gone, &asked);
	CHECK(kit_asked(&k, &m) && kit_asked(&k, &m));
	ask_seen(&k, &gone_too, &waiting);
	caask_forget(waiting); /* was not sent: never will be */
	caask_forget(asked);   /* its answer comes, and nobody hears it */
	ask_seen(&k, &last, NULL);
	kit_ok(&k);
	kit_ok(&k);
	CHECK(kit_asked(&k, &m) && kit_asked(&k, &m) && !kit_asked(&k, &m));
	kit_ok(&k);
	kit_ok(&k);
	CHECK_INT(a.ok, 2);
	CHECK_INT(last.ok, 1);
	CHECK(gone.ok + gone.no + gone_too.ok + gone_too.no == 0);
	kit_close(&k);
}

/* ca-sign dies with questions under way: what can be asked again is, in the same order; a proof cannot,
 * for what it belongs to died with it. */
TEST(a_new_line_is_asked_again_what_is_safe)
{
	struct kit k;
	struct owner a = {0}, p = {0}, gone = {0}, late = {0};
	const struct casign proof = prove();
	struct caask *g;
	struct casign m;

	kit_open(&k);
	kit_link(&k);
	ask_seen(&k, &a, NULL);
	CHECK_INT(caline_ask(k.line, &proof, &(struct caask_how){done, &p, caline_number(k.line)}, NULL), 0);
	ask_seen(&k, &gone, &g);
	CHECK(kit_asked(&k, &m) && kit_asked(&k, &m) && kit_asked(&k, &m));
	caask_forget(g);
	kit_die(&k);
	kit_turns(&k);
	CHECK(p.no == 1 && p.err == ZT_E_AGAIN && a.ok + a.no == 0);
	CHECK_INT(caline_ask(k.line, &proof, &(struct caask_how){done, &p, 1}, NULL), -ZT_E_AGAIN);
	ask_seen(&k, &late, NULL);
	kit_link(&k);
	CHECK_INT(caline_ask(k.line, &proof, &(struct caask_how){done, &p, 1}, NULL), -ZT_E_AGAIN);
	CHECK(kit_asked(&k, &m) && m.type == CA_SEEN && kit_asked(&k, &m) && !kit_asked(&k, &m));
	kit_ok(&k);
	CHECK(a.ok == 1 && late.ok == 0);
	kit_ok(&k);
	CHECK(late.ok == 1 && gone.ok + gone.no == 0);
	CHECK_INT(caline_stats(k.line).again, 1);
	CHECK_INT(k.news, 2);
	kit_close(&k);
}

/* As many as the dead one had may be under way with the next one, too. */
TEST(the_dead_take_no_places_along)
{
	struct kit k;
	struct owner o[CALINE_ASKED] = {{0}}, bare = {0};
	const struct casign proof = prove();
	struct casign m;

	kit_open(&k);
	kit_link(&k);
	CHECK_INT(caline_ask(k.line, &proof, &(struct caask_how){.done = done, .owner = &bare}, NULL), 0);
	CHECK(kit_asked(&k, &m) && m.type == CA_PROVE);
	for (unsigned deaths = 0; deaths < 3; deaths++) {
		kit_die(&k);
		kit_turns(&k);
		kit_link(&k);
		for (size_t i = 0; i < ARRAY_LEN(o) && deaths == 0; i++)
			ask_seen(&k, &o[i], NULL);
		for (size_t i = 0; i < ARRAY_LEN(o); i++)
			CHECK(kit_asked(&k, &m) && m.type == CA_SEEN);
	}
	CHECK(bare.no == 1 && bare.err == ZT_E_AGAIN); /* a proof is nothing to the next one, bound to a line or not */
	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		kit_ok(&k);
	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		CHECK_INT(o[i].ok, 1);
	kit_close(&k);
}

TEST(patience_ends_in_words)
{
	struct kit k;
	struct owner sent = {0}, waits = {0}, young = {0};
	struct casign m;

	kit_open(&k);
	ask_seen(&k, &waits, NULL);
	kit_turns(&k);
	clock_fake_step(&k.clock, CALINE_PATIENCE - 1);
	kit_turns(&k);
	CHECK_INT(waits.no, 0);
	clock_fake_step(&k.clock, 1);
	kit_turns(&k);
	CHECK(waits.no == 1 && waits.err == ZT_E_TIMEOUT && strstr(waits.text, "does not answer"));
	kit_link(&k);
	ask_seen(&k, &sent, NULL);
	CHECK(kit_asked(&k, &m));
	clock_fake_step(&k.clock, CALINE_PATIENCE / 4 + 1);
	kit_turns(&k);
	CHECK(!caline_well(k.line));
	ask_seen(&k, &young, NULL);
	clock_fake_step(&k.clock, CALINE_PATIENCE);
	kit_turns(&k);
	CHECK(sent.no == 1 && young.no == 1);
	CHECK_INT(caline_stats(k.line).late, 3);
	/* It wakes up, and its late answers belong to nobody. */
	CHECK(kit_asked(&k, &m));
	kit_ok(&k);
	kit_ok(&k);
	CHECK(caline_well(k.line) && sent.ok == 0);
	kit_close(&k);
}

TEST(a_line_that_lies_is_closed)
{
	static const uint8_t junk[12] = {0xff};
	struct kit k;
	struct owner a = {0};
	struct casign m, other = {.type = CA_OK};

	kit_open(&k);
	for (unsigned i = 0; i < 3; i++) {
		kit_link(&k);
		if (i == 0)
			ask_seen(&k, &a, NULL);
		CHECK(kit_asked(&k, &m)); /* again each time */
		if (i == 0)
			CHECK_INT(send(k.sign, junk, sizeof junk, MSG_NOSIGNAL), sizeof junk);
		if (i == 1) { /* fields that are not those of an answer to this */
			casign_put(&other, CAF_TALK, span_of(sixteen, 8));
			kit_say(&k, &other);
		}
		if (i == 2) { /* two answers to one question: the second one is the end */
			kit_ok(&k);
			CHECK_INT(a.ok, 1);
			kit_ok(&k);
		}
		kit_turns(&k);
		CHECK(caline_number(k.line) == 0);
	}
	kit_close(&k);
}

TEST(news_are_passed_on)
{
	struct kit k;
	struct owner a = {0};
	struct casign m;

	kit_open(&k);
	kit_link(&k);
	ask_seen(&k, &a, NULL);
	CHECK(kit_asked(&k, &m));
	kit_say(&k, &(struct casign){.type = CA_NEWS});
	CHECK(k.news == 2 && a.ok == 0);
	kit_ok(&k);
	CHECK(a.ok == 1);
	kit_close(&k);
}

FLOODS(BOUND_CA_ASKS)
{
	static struct owner o[BOUND_CAP(BOUND_CA_ASKS)];
	const struct casign s = seen();
	struct kit k;
	struct casign m;

	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		ask_seen(&k, &o[i], NULL);
	CHECK_INT(caline_ask(k.line, &s, &(struct caask_how){done, &o[0], 0}, NULL), -ZT_E_FULL);
	CHECK_INT(k.bounds.row[BOUND_CA_ASKS].hits, 1);
	kit_link(&k);
	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		NEED(kit_asked(&k, &m));
		kit_ok(&k);
		CHECK_INT(o[i].ok, 1);
	}
	kit_close(&k);
}
