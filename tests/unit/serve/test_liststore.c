/* liststore: what fits on what, what somebody lacks who has seen so much, and how long it becomes. */
#include "serve/liststore.h"

#include <stdio.h>

#include "tests/unit/serve/listkit.h"
#include "wire/keepmsg.h"

static struct signs by;
static struct liststore store;

static int add(uint64_t epoch, uint64_t number, uint64_t base)
{
	struct span list = signs_list(&by, epoch, number, base, 2, STATUS_GOOD);
	struct statlist l;

	CHECK_INT(statlist_read(&l, list, NULL), 0);
	return liststore_add(&store, list, &l);
}

static void begin(void)
{
	liststore_clear(&store);
	signs_make(&by, 1800000000);
}

/* The numbers of what somebody lacks: "10 11 12". */
static const char *after(uint64_t epoch, uint64_t number)
{
	static char text[200];
	struct rd r = rd_of(liststore_after(&store, &(struct status_seen){epoch, number, 0}));
	size_t n = 0;
	struct statlist l;
	struct span list;

	text[0] = 0;
	while (keepmsg_next_list(&r, &list) > 0 && statlist_read(&l, list, NULL) == 0 && n < sizeof text)
		n += (size_t)snprintf(&text[n], sizeof text - n, "%s%llu", n ? " " : "", (unsigned long long)l.number);
	CHECK_INT(rd_left(&r), 0);
	return text;
}

TEST(changes_stand_behind_a_full_list)
{
	begin();
	CHECK_INT(add(1, 11, 10), -ZT_E_NOTFOUND); /* of what? */
	CHECK_INT(add(1, 10, 0), 0);
	CHECK_INT(add(1, 11, 10), 0);
	CHECK_INT(add(1, 14, 11), 0); /* numbers may be left out */
	CHECK_INT(add(1, 13, 12), -ZT_E_EXISTS);
	CHECK_INT(add(1, 16, 15), -ZT_E_NOTFOUND);
	CHECK_INT(add(2, 15, 14), -ZT_E_NOTFOUND); /* another epoch begins with a full list */
	CHECK_INT(store.newest.number, 14);
	CHECK_STR(after(0, 0), "10 11 14");
	CHECK_STR(after(1, 10), "11 14");
	CHECK_STR(after(1, 11), "14");
	CHECK_STR(after(1, 14), "");
	CHECK_STR(after(1, 99), "");
	CHECK_STR(after(2, 1), "");
	CHECK_STR(after(1, 12), "10 11 14"); /* no change begins there */
	CHECK_STR(after(1, 9), "10 11 14");
	liststore_clear(&store);
	CHECK_STR(after(0, 0), "");
}

TEST(a_full_list_takes_the_place_of_all)
{
	begin();
	CHECK_INT(add(1, 10, 0), 0);
	CHECK_INT(add(1, 10, 0), -ZT_E_EXISTS);
	CHECK_INT(add(1, 11, 10), 0);
	CHECK_INT(add(1, 10, 0), -ZT_E_EXISTS);
	CHECK_INT(add(1, 11, 0), 0); /* the same state in one list */
	CHECK_STR(after(0, 0), "11");
	CHECK_INT(add(1, 12, 11), 0);
	CHECK_INT(add(2, 3, 0), 0);
	CHECK_STR(after(1, 12), "3");
	CHECK_INT(add(1, 13, 0), -ZT_E_EXISTS); /* of before a restore */
	liststore_clear(&store);
}

TEST(it_says_when_it_is_long)
{
	uint64_t n = 1;

	begin();
	CHECK_INT(add(1, n, 0), 0);
	CHECK(!liststore_is_long(&store));
	while (!liststore_is_long(&store) && n < 1000) {
		CHECK_INT(add(1, n + 1, n), 0);
		n++;
	}
	CHECK(n > 50 && n < 200 && store.n - store.full > 16384);
	CHECK_INT(add(1, n + 1, 0), 0);
	CHECK(!liststore_is_long(&store));
	liststore_clear(&store);
}

TEST(it_has_an_end_and_begins_again)
{
	struct statlist l = {.kind = STATLIST_FULL, .epoch = 1, .number = 1, .issued = 1};
	static uint8_t big[LISTSTORE_MOST];

	begin();
	CHECK_INT(liststore_add(&store, span_of(big, sizeof big - 4), &l), 0);
	l = (struct statlist){.kind = STATLIST_DELTA, .epoch = 1, .number = 2, .base = 1, .issued = 1};
	CHECK_INT(liststore_add(&store, span_of(big, 100), &l), -ZT_E_NOMEM);
	CHECK(store.n == 0 && store.newest.number == 0 && store.mem == NULL);
	l.number = 3;
	l.base = 2;
	CHECK_INT(liststore_add(&store, span_of(big, 100), &l), -ZT_E_NOTFOUND); /* no gap is handed on */
	CHECK_INT(add(1, 4, 0), 0);
	liststore_clear(&store);
}
