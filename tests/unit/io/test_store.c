/* store: the nine calls on a journal, their order, their expiry and their bounds. */
#include "io/store.h"

#include "base/num.h"
#include "tests/unit/io/store_kit.h"

TEST(values_come_and_go)
{
	struct kit k;

	kit_open(&k, "values");
	CHECK_INT(kit_get(&k, STORE_VALUE, "a").n, 0);
	CHECK_INT(kit_put(&k, "a", "one", 0).err, 0);
	CHECK_STR(kit_get(&k, STORE_VALUE, "a").value, "one");
	CHECK_INT(kit_put(&k, "a", "two", 0).err, 0);
	CHECK_INT(kit_reopen(&k), 0);
	CHECK_STR(kit_get(&k, STORE_VALUE, "a").value, "two");
	CHECK_INT(kit_drop(&k, STORE_VALUE, "a").number, 1);
	CHECK_INT(kit_drop(&k, STORE_VALUE, "a").number, 0);
	CHECK_INT(kit_reopen(&k), 0);
	CHECK_INT(kit_get(&k, STORE_VALUE, "a").n, 0);
	kit_close(&k);
}

TEST(spaces_do_not_meet)
{
	struct kit k;

	kit_open(&k, "spaces");
	CHECK_INT(kit_put(&k, "x", "text", 0).err, 0);
	CHECK_INT(kit_count(&k, "x", 3, 0).number, 3);
	CHECK_INT(kit_once(&k, "x", 0).number, 1);
	CHECK_INT(kit_drop(&k, STORE_COUNTER, "x").number, 1);
	CHECK_STR(kit_get(&k, STORE_VALUE, "x").value, "text");
	CHECK_INT(kit_get(&k, STORE_COUNTER, "x").n, 0);
	CHECK_INT(kit_get(&k, STORE_ONCE, "x").n, 1);
	kit_close(&k);
}

TEST(counters_count_and_keep_the_end_of_their_window)
{
	struct kit k;
	int64_t start;

	kit_open(&k, "counters");
	start = k.clock.wall_ms;
	CHECK_INT(kit_count(&k, "login", 1, start + 1000).number, 1);
	clock_fake_step(&k.clock, 900 * NS_PER_MS);
	CHECK_INT(kit_count(&k, "login", 1, start + 5000).number, 2); /* does not prolong it */
	CHECK_INT(kit_get(&k, STORE_COUNTER, "login").expires, start + 1000);
	CHECK_INT(kit_reopen(&k), 0);
	CHECK_INT(kit_get(&k, STORE_COUNTER, "login").first_number, 2);
	clock_fake_step(&k.clock, 100 * NS_PER_MS);
	CHECK_INT(kit_get(&k, STORE_COUNTER, "login").n, 0);
	CHECK_INT(kit_count(&k, "login", 4, start + 9000).number, 4);
	CHECK_INT(kit_count(&k, "big", UINT64_MAX - 1, 0).number, -2);
	CHECK(kit_count(&k, "big", 5, 0).number == UINT64_MAX);
	kit_close(&k);
}

TEST(once_is_once_until_it_expires)
{
	struct kit k;

	kit_open(&k, "once");
	CHECK_INT(kit_once(&k, "token", k.clock.wall_ms + 10).number, 1);
	CHECK_INT(kit_once(&k, "token", k.clock.wall_ms + 9000).number, 0);
	CHECK_INT(kit_reopen(&k), 0);
	CHECK_INT(kit_once(&k, "token", k.clock.wall_ms + 9000).number, 0);
	clock_fake_step(&k.clock, 10 * NS_PER_MS);
	CHECK_INT(kit_once(&k, "token", k.clock.wall_ms + 10).number, 1);
	kit_close(&k);
}

TEST(two_in_one_poll_see_each_other)
{
	struct asked a, b, c;
	struct kit k;

	kit_open(&k, "race");
	kit_ask(&a);
	kit_ask(&b);
	kit_ask(&c);
	CHECK_INT(store_once(k.s, &a.op, SPAN_LIT("t"), 0), 0);
	CHECK_INT(store_once(k.s, &b.op, SPAN_LIT("t"), 0), 0);
	CHECK_INT(store_get(k.s, &c.op, STORE_ONCE, SPAN_LIT("t")), 0);
	store_poll(k.s);
	CHECK(a.number == 1 && b.number == 0 && c.n == 1);
	kit_close(&k);
}

TEST(events_are_read_in_order_from_anywhere)
{
	struct kit k;
	struct asked q;

	kit_open(&k, "events");
	CHECK_INT(kit_read(&k, 0, 0).n, 0);
	for (uint64_t i = 1; i <= 300; i++) /* past one byte of the id */
		CHECK_INT(kit_append(&k, "e", i % 2 ? 0 : k.clock.wall_ms + 5).number, i);
	q = kit_read(&k, 0, 0);
	CHECK(q.n == STORE_PAGE && q.more && q.first_number == 1 && q.last_number == STORE_PAGE);
	q = kit_read(&k, 250, 10);
	CHECK(q.n == 10 && q.more && q.first_number == 251 && q.last_number == 260);
	q = kit_read(&k, 290, 10);
	CHECK(q.n == 10 && !q.more && q.last_number == 300);
	clock_fake_step(&k.clock, 5 * NS_PER_MS);
	q = kit_read(&k, 290, 10);
	CHECK(q.n == 5 && q.first_number == 291 && q.last_number == 299);
	CHECK_INT(kit_reopen(&k), 0);
	CHECK_INT(kit_append(&k, "e", 0).number, 301);
	CHECK_INT(kit_read(&k, UINT64_MAX, 0).n, 0);
	kit_close(&k);
}

TEST(scans_walk_a_prefix_in_pages)
{
	struct kit k;
	struct asked q;
	char key[16], after[STORE_KEY_MAX + 1] = "";
	size_t seen = 0;

	kit_open(&k, "scan");
	for (unsigned i = 0; i < 150; i++) {
		snprintf(key, sizeof key, "ban/%03u", i);
		CHECK_INT(kit_count(&k, key, i, i == 7 ? k.clock.wall_ms : 0).err, 0);
	}
	CHECK_INT(kit_count(&k, "bam", 1, 0).err, 0);
	CHECK_INT(kit_count(&k, "bao", 1, 0).err, 0);
	CHECK_INT(kit_put(&k, "ban/5", "another space", 0).err, 0);
	do {
		q = kit_scan(&k, STORE_COUNTER, "ban/", after, 40);
		CHECK(q.n > 0 && strcmp(q.first_key, after) > 0);
		seen += q.n;
		memcpy(after, q.last_key, sizeof after);
	} while (q.more && seen < 1000);
	CHECK_INT(seen, 149); /* number 7 has expired */
	CHECK_STR(after, "ban/149");
	CHECK_INT(kit_scan(&k, STORE_COUNTER, "", "", 0).n, STORE_PAGE);
	CHECK_STR(kit_scan(&k, STORE_COUNTER, "ban/", "a", 1).first_key, "ban/000");
	CHECK_INT(kit_scan(&k, STORE_COUNTER, "ban/", "c", 1).n, 0);
	CHECK_INT(kit_scan(&k, STORE_ONCE, "", "", 1).n, 0);
	kit_close(&k);
}

/* ---- order, re-entrance, cancelling -------------------------------------------------------- */

struct chain {
	struct store_op op;
	struct kit *k;
	int *order, id;
	struct chain *then, *cancel;
};

static void chain_done(struct store_op *op, const struct store_answer *a)
{
	struct chain *c = CONTAINER_OF(op, struct chain, op);

	CHECK(a->err == 0 && c->op.next == NULL);
	*c->order = *c->order * 10 + c->id;
	if (c->cancel)
		store_cancel(c->k->s, &c->cancel->op);
	if (c->then)
		CHECK_INT(store_put(c->k->s, &c->then->op, SPAN_LIT("then"), SPAN_NONE, 0), 0);
}

TEST(answers_come_in_the_order_of_the_calls_and_new_calls_wait)
{
	struct kit k;
	int order = 0;
	struct chain c[5];

	kit_open(&k, "order");
	for (int i = 0; i < 5; i++)
		c[i] = (struct chain){.op.done = chain_done, .k = &k, .order = &order, .id = i + 1};
	c[0].then = &c[4];
	CHECK_INT(store_put(k.s, &c[0].op, SPAN_LIT("a"), SPAN_NONE, 0), 0);
	CHECK_INT(store_get(k.s, &c[1].op, STORE_VALUE, SPAN_LIT("a")), 0);
	CHECK_INT(store_count(k.s, &c[2].op, SPAN_LIT("a"), 1, 0), 0);
	CHECK_INT(store_health(k.s, &c[3].op), 0);
	CHECK(order == 0 && k.woken == 1 && store_pending(k.s));
	store_poll(k.s);
	CHECK_INT(order, 1234);
	CHECK(k.woken == 2 && store_pending(k.s)); /* the one made in done() */
	store_poll(k.s);
	CHECK_INT(order, 12345);
	CHECK(!store_pending(k.s));
	kit_close(&k);
}

TEST(a_cancelled_call_is_not_answered)
{
	struct kit k;
	int order = 0;
	struct chain c[5];

	kit_open(&k, "cancel");
	for (int i = 0; i < 5; i++)
		c[i] = (struct chain){.op.done = chain_done, .k = &k, .order = &order, .id = i + 1};
	c[0].cancel = &c[1]; /* applied and on the disk, but not answered yet */
	c[2].cancel = &c[3]; /* not looked at yet: a get comes before it */
	CHECK_INT(store_put(k.s, &c[0].op, SPAN_LIT("a"), SPAN_NONE, 0), 0);
	CHECK_INT(store_put(k.s, &c[1].op, SPAN_LIT("b"), SPAN_NONE, 0), 0);
	CHECK_INT(store_get(k.s, &c[2].op, STORE_VALUE, SPAN_LIT("a")), 0);
	CHECK_INT(store_put(k.s, &c[3].op, SPAN_LIT("c"), SPAN_NONE, 0), 0);
	CHECK_INT(store_put(k.s, &c[4].op, SPAN_LIT("d"), SPAN_NONE, 0), 0);
	store_poll(k.s);
	CHECK_INT(order, 135);
	CHECK_INT(kit_get(&k, STORE_VALUE, "b").n, 1);
	CHECK_INT(kit_get(&k, STORE_VALUE, "c").n, 0);
	CHECK_INT(store_put(k.s, &c[0].op, SPAN_LIT("e"), SPAN_NONE, 0), 0);
	store_cancel(k.s, &c[0].op);
	store_cancel(k.s, &c[0].op); /* harmless */
	CHECK(!store_pending(k.s));
	kit_close(&k);
}

TEST(what_waits_when_the_store_ends_is_told)
{
	struct asked a, b;
	struct kit k;

	kit_open(&k, "end");
	kit_ask(&a);
	kit_ask(&b);
	CHECK_INT(store_put(k.s, &a.op, SPAN_LIT("a"), SPAN_NONE, 0), 0);
	CHECK_INT(store_health(k.s, &b.op), 0);
	kit_close(&k);
	CHECK(a.answers == 1 && a.err == -ZT_E_CANCELLED);
	CHECK(b.answers == 1 && b.err == -ZT_E_CANCELLED);
}

/* ---- bounds -------------------------------------------------------------------------------- */

TEST(questions_outside_their_bounds_are_not_queued)
{
	static const uint8_t big[STORE_VALUE_MAX + 1];
	struct kit k;
	struct asked q;

	kit_open(&k, "range");
	kit_ask(&q);
	CHECK_INT(store_put(k.s, &q.op, SPAN_NONE, SPAN_NONE, 0), -ZT_E_RANGE);
	CHECK_INT(store_put(k.s, &q.op, span_of(big, 256), SPAN_NONE, 0), -ZT_E_TOOLONG);
	CHECK_INT(store_put(k.s, &q.op, SPAN_LIT("k"), span_of(big, sizeof big), 0), -ZT_E_TOOLONG);
	CHECK_INT(store_append(k.s, &q.op, span_of(big, sizeof big), 0), -ZT_E_TOOLONG);
	CHECK_INT(store_get(k.s, &q.op, STORE_EVENT, SPAN_LIT("k")), -ZT_E_RANGE);
	CHECK_INT(store_scan(k.s, &q.op, STORE_EVENT, SPAN_NONE, SPAN_NONE, 1), -ZT_E_RANGE);
	CHECK_INT(store_scan(k.s, &q.op, STORE_ONCE, span_of(big, 256), SPAN_NONE, 1), -ZT_E_TOOLONG);
	CHECK(!store_pending(k.s) && q.answers == 0);
	kit_poll(&k, &q, store_put(k.s, &q.op, span_of(big, 255), span_of(big, STORE_VALUE_MAX), 0));
	CHECK_INT(q.err, 0);
	kit_close(&k);
}

/* FLOODS(BOUND_STORE_OPS) */
TEST(the_queue_has_an_end)
{
	struct kit k;
	struct asked q[4];

	kit_open(&k, "ops");
	bounds_set(&k.bounds, BOUND_STORE_OPS, 3);
	for (int i = 0; i < 4; i++) {
		kit_ask(&q[i]);
		CHECK_INT(store_health(k.s, &q[i].op), i < 3 ? 0 : -ZT_E_FULL);
	}
	CHECK_INT(k.bounds.row[BOUND_STORE_OPS].hits, 1);
	store_poll(k.s);
	CHECK_INT(store_health(k.s, &q[3].op), 0);
	store_poll(k.s);
	kit_close(&k);
}

/* FLOODS(BOUND_STORE_KEYS) */
TEST(a_full_table_refuses_new_keys_and_keeps_the_old_ones_going)
{
	struct kit k;

	kit_open(&k, "keys");
	bounds_set(&k.bounds, BOUND_STORE_KEYS, 2);
	CHECK_INT(kit_count(&k, "a", 1, 0).number, 1);
	CHECK_INT(kit_count(&k, "b", 1, k.clock.wall_ms + 10).number, 1);
	CHECK_INT(kit_count(&k, "c", 1, 0).err, -ZT_E_FULL);
	CHECK_INT(kit_count(&k, "a", 1, 0).number, 2);
	CHECK_INT(kit_drop(&k, STORE_COUNTER, "a").number, 1);
	CHECK_INT(kit_count(&k, "c", 1, 0).number, 1);
	clock_fake_step(&k.clock, 10 * NS_PER_MS);
	CHECK_INT(kit_count(&k, "d", 1, 0).number, 1); /* b has expired and was swept away */
	CHECK_INT(kit_health(&k).keys, 2);
	kit_close(&k);
}

/* FLOODS(BOUND_STORE_BYTES) */
TEST(a_full_memory_refuses_longer_values)
{
	struct kit k;

	kit_open(&k, "bytes");
	bounds_set(&k.bounds, BOUND_STORE_BYTES, 400); /* an entry is 24, up to 80 of links, and its bytes */
	CHECK_INT(kit_put(&k, "a", "short", 0).err, 0);
	for (int i = 0; i < 8; i++)
		CHECK_INT(kit_put(&k, "a", "a bit longer than it was", 0).err, 0);
	CHECK_INT(kit_put(&k, "b",
			  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
			  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
			  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
			  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", 0).err,
		  -ZT_E_FULL);
	CHECK_STR(kit_get(&k, STORE_VALUE, "a").value, "a bit longer than it was");
	CHECK_INT(kit_reopen(&k), 0);
	kit_close(&k);
}

TEST(a_file_over_the_bounds_is_refused_with_a_sentence)
{
	struct kit k;

	kit_open(&k, "over");
	CHECK_INT(kit_put(&k, "a", "", 0).err, 0);
	CHECK_INT(kit_put(&k, "b", "", k.clock.wall_ms + 1).err, 0);
	CHECK_INT(kit_put(&k, "c", "", 0).err, 0);
	bounds_set(&k.bounds, BOUND_STORE_KEYS, 2);
	CHECK_INT(kit_reopen(&k), -ZT_E_FULL);
	CHECK_STR(k.why.text, "s: holds more than the bounds store_keys and store_bytes allow: raise them");
	clock_fake_step(&k.clock, NS_PER_MS);
	CHECK_INT(kit_reopen(&k), 0); /* without what has expired it fits */
	CHECK_INT(kit_get(&k, STORE_VALUE, "c").n, 1);
	kit_close(&k);
}

/* ---- snapshots ----------------------------------------------------------------------------- */

TEST(the_file_is_rewritten_when_most_of_it_is_history)
{
	struct kit k;
	struct store_health h;
	uint64_t before = 0, last;

	kit_open(&k, "compact");
	CHECK_INT(kit_append(&k, "gone", k.clock.wall_ms + 1).number, 1);
	CHECK_INT(kit_put(&k, "stays", "here", 0).err, 0);
	CHECK_INT(kit_once(&k, "mark", 0).number, 1);
	clock_fake_step(&k.clock, NS_PER_MS);
	for (last = 0; last < 100000; last++) {
		struct asked q[200];

		for (size_t i = 0; i < ARRAY_LEN(q); i++) {
			kit_ask(&q[i]);
			CHECK_INT(store_count(k.s, &q[i].op, SPAN_LIT("busy"), 1, 0), 0);
		}
		store_poll(k.s);
		NEED(q[199].err == 0);
		h = kit_health(&k);
		if (h.snapshots)
			break;
		before = h.disk;
	}
	CHECK(before > STORE_SNAP_MIN - 200 * 64 && before <= STORE_SNAP_MIN);
	CHECK(h.disk < 400 && h.snapshots == 1 && h.snapshots_failed == 0);
	CHECK_INT(kit_reopen(&k), 0);
	CHECK_INT(kit_get(&k, STORE_COUNTER, "busy").first_number, (last + 1) * 200);
	CHECK_STR(kit_get(&k, STORE_VALUE, "stays").value, "here");
	CHECK_INT(kit_once(&k, "mark", 0).number, 0);
	/* every event has expired, and still no id comes twice */
	CHECK_INT(kit_read(&k, 0, 0).n, 0);
	CHECK_INT(kit_append(&k, "next", 0).number, 2);
	kit_close(&k);
}

TEST(a_file_that_is_all_alive_is_left_alone)
{
	struct kit k;
	char key[32];

	kit_open(&k, "alive");
	for (unsigned i = 0; i < 24000; i += 200) {
		struct asked q[200];
		char keys[200][32];

		for (unsigned n = 0; n < 200; n++) {
			kit_ask(&q[n]);
			snprintf(keys[n], sizeof keys[n], "key/%u", i + n);
			CHECK_INT(store_put(k.s, &q[n].op, span_str(keys[n]), SPAN_LIT("0123456789"), 0), 0);
		}
		store_poll(k.s);
	}
	CHECK(kit_health(&k).disk > STORE_SNAP_MIN && kit_health(&k).snapshots == 0);
	CHECK_INT(kit_reopen(&k), 0);
	snprintf(key, sizeof key, "key/%u", 23999);
	CHECK_INT(kit_get(&k, STORE_VALUE, key).n, 1);
	CHECK_INT(kit_health(&k).keys, 24000);
	kit_close(&k);
}
