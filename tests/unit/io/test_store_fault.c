/*
 * store under failing system calls: what was refused did not happen, in memory as on the disk,
 * and what was answered did.
 */
#include "io/store.h"

#include <errno.h>

#include "base/num.h"
#include "tests/unit/io/store_kit.h"
#include "tests/unit/wrapio.h"

/* A state with one of each, the same before and after whatever is refused. */
static void furnish(struct kit *k)
{
	CHECK_INT(kit_put(k, "v", "old", 0).err, 0);
	CHECK_INT(kit_put(k, "dropme", "old", 0).err, 0);
	CHECK_INT(kit_count(k, "c", 5, 0).err, 0);
	CHECK_INT(kit_once(k, "o", 0).number, 1);
	CHECK_INT(kit_append(k, "first", 0).number, 1);
}

static void check_furniture(struct kit *k)
{
	CHECK_STR(kit_get(k, STORE_VALUE, "v").value, "old");
	CHECK_STR(kit_get(k, STORE_VALUE, "dropme").value, "old");
	CHECK_INT(kit_get(k, STORE_COUNTER, "c").first_number, 5);
	CHECK_INT(kit_get(k, STORE_ONCE, "o").n, 1);
	CHECK_INT(kit_get(k, STORE_ONCE, "new").n, 0);
	CHECK_INT(kit_get(k, STORE_VALUE, "brandnew").n, 0);
	CHECK_INT(kit_read(k, 0, 0).n, 1);
	CHECK_INT(kit_health(k).keys, 5);
}

/* Several changes of the same things in one poll, so that taking them back needs the order. */
static void ask_a_lot(struct kit *k, struct asked *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kit_ask(&q[i]);
	NEED(n == 11);
	CHECK_INT(store_put(k->s, &q[0].op, SPAN_LIT("v"), SPAN_LIT("new"), 0), 0);
	CHECK_INT(store_put(k->s, &q[1].op, SPAN_LIT("v"), SPAN_LIT("newer"), 0), 0);
	CHECK_INT(store_drop(k->s, &q[2].op, STORE_VALUE, SPAN_LIT("v")), 0);
	CHECK_INT(store_put(k->s, &q[3].op, SPAN_LIT("v"), SPAN_LIT("newest"), 0), 0);
	CHECK_INT(store_drop(k->s, &q[4].op, STORE_VALUE, SPAN_LIT("dropme")), 0);
	CHECK_INT(store_count(k->s, &q[5].op, SPAN_LIT("c"), 1, 0), 0);
	CHECK_INT(store_count(k->s, &q[6].op, SPAN_LIT("c"), 1, 0), 0);
	CHECK_INT(store_once(k->s, &q[7].op, SPAN_LIT("new"), 0), 0);
	CHECK_INT(store_append(k->s, &q[8].op, SPAN_LIT("second"), 0), 0);
	CHECK_INT(store_append(k->s, &q[9].op, SPAN_LIT("third"), 0), 0);
	/* already expired: a sweep may take it before the commit fails */
	CHECK_INT(store_put(k->s, &q[10].op, SPAN_LIT("brandnew"), SPAN_LIT("x"), 1), 0);
}

TEST(a_full_disk_refuses_the_whole_poll_and_life_goes_on)
{
	struct asked q[11];
	struct kit k;

	wrap_reset();
	kit_open(&k, "full");
	furnish(&k);
	for (int round = 0; round < 3; round++) {
		ask_a_lot(&k, q, ARRAY_LEN(q));
		wrap_short(WRAP_PWRITE, 50);
		wrap_fail(WRAP_PWRITE, 3, ENOSPC, 1);
		store_poll(k.s);
		wrap_reset();
		for (size_t i = 0; i < ARRAY_LEN(q); i++)
			CHECK(q[i].answers == 1 && q[i].err == -ZT_E_NOSPACE && q[i].number == 0);
		check_furniture(&k);
		CHECK(!kit_health(&k).dead);
	}
	ask_a_lot(&k, q, ARRAY_LEN(q));
	store_poll(k.s);
	CHECK(q[6].err == 0 && q[6].number == 7);
	CHECK(q[7].err == 0 && q[7].number == 1);
	CHECK(q[9].err == 0 && q[9].number == 3); /* ids that were refused are used after all */
	CHECK_INT(kit_reopen(&k), 0);
	CHECK_STR(kit_get(&k, STORE_VALUE, "v").value, "newest");
	CHECK_INT(kit_read(&k, 0, 0).last_number, 3);
	kit_close(&k);
}

TEST(a_failed_fsync_ends_the_writer_but_not_the_reading)
{
	struct asked q[11];
	struct kit k;
	struct store_health h;

	wrap_reset();
	kit_open(&k, "dead");
	furnish(&k);
	ask_a_lot(&k, q, ARRAY_LEN(q));
	wrap_fail(WRAP_FSYNC, 1, EIO, 1);
	store_poll(k.s);
	wrap_reset();
	for (size_t i = 0; i < ARRAY_LEN(q); i++)
		CHECK(q[i].answers == 1 && q[i].err == -ZT_E_SYS);
	check_furniture(&k);
	CHECK_INT(kit_put(&k, "v", "again", 0).err, -ZT_E_DEAD);
	CHECK_INT(kit_count(&k, "c", 1, 0).err, -ZT_E_DEAD);
	CHECK_INT(kit_once(&k, "o", 0).err, -ZT_E_DEAD); /* no answer is better than a guess */
	CHECK_INT(kit_append(&k, "x", 0).err, -ZT_E_DEAD);
	CHECK_INT(kit_drop(&k, STORE_VALUE, "v").err, -ZT_E_DEAD);
	check_furniture(&k);
	h = kit_health(&k);
	CHECK(h.dead && strstr(h.why, "s: cannot be made safe at offset ") == h.why);
	CHECK_INT(kit_reopen(&k), 0);
	check_furniture(&k);
	CHECK_INT(kit_count(&k, "c", 1, 0).number, 6);
	kit_close(&k);
}

TEST(no_memory_refuses_one_call)
{
	struct kit k;
	unsigned nth;

	wrap_reset();
	kit_open(&k, "nomem");
	furnish(&k);
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK_INT(kit_put(&k, "v", "new", 0).err, -ZT_E_NOMEM);
	check_furniture(&k);
	/* store, journal and five entries; how often calloc() asks malloc() is the C library's */
	for (nth = 1; nth < 32; nth++) {
		int err;

		wrap_reset();
		wrap_fail(WRAP_MALLOC, nth, ENOMEM, 1);
		err = kit_reopen(&k);
		if (err == 0)
			break;
		CHECK_INT(err, -ZT_E_NOMEM);
		CHECK(k.why.text[0] != 0);
	}
	NEED(nth > 7 && nth < 32);
	wrap_reset();
	check_furniture(&k);
	kit_close(&k);
}

TEST(a_snapshot_that_finds_the_disk_full_waits_until_it_has_grown_by_as_much_again)
{
	static char text[1001];
	unsigned tries = 0;
	struct kit k;
	struct store_health h = {0};

	wrap_reset();
	kit_open(&k, "snapfull");
	memset(text, 'x', sizeof text - 1);
	while (h.snapshots_failed < 2 && tries++ < 5000) {
		struct asked q;

		kit_ask(&q);
		CHECK_INT(store_put(k.s, &q.op, SPAN_LIT("v"), span_str(text), 0), 0);
		/* the append is the first write of a poll, a snapshot's would be the second */
		wrap_fail(WRAP_PWRITE, 2, ENOSPC, 1);
		store_poll(k.s);
		wrap_reset();
		NEED(q.err == 0);
		h = kit_health(&k);
		if (h.snapshots_failed == 1)
			CHECK(h.disk < 2 * STORE_SNAP_MIN + 2000);
	}
	CHECK_INT(h.snapshots_failed, 2);
	CHECK(h.disk > 2 * STORE_SNAP_MIN && h.disk < 2 * STORE_SNAP_MIN + 4000 && !h.dead);
	CHECK(strstr(h.why, "s.new: cannot be written") == h.why);
	for (tries = 0; h.snapshots == 0 && tries < 2000; tries++) {
		CHECK_INT(kit_put(&k, "w", "y", 0).err, 0);
		CHECK_INT(kit_put(&k, "v", text, 0).err, 0);
		h = kit_health(&k);
	}
	CHECK(h.snapshots == 1 && h.disk < 2000);
	CHECK_INT(kit_reopen(&k), 0);
	kit_close(&k);
}
