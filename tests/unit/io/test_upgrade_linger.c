/* Children that yielded to a successor that did not live, beside those that serve again: who hears what, who is listed. */
#include "tests/unit/io/upgrade_kit.h"

/* One that yielded to a successor that did not live. */
static struct kid *lingers(struct chan_ends *ends)
{
	struct kid *k = &t.s->kids[t.s->nkids++];

	kid_init(t.s, k, &children[0]);
	chan_open(ends);
	k->src = (struct source){.cls = &quiet_class, .fd = ends->super_words};
	CHECK_INT(loop_add(t.s->loop, &k->src), 0);
	k->orders = ends->super_orders;
	k->part = KID_ELDER;
	k->state = KID_LEAVING;
	k->lingers = true;
	return k;
}

static void close_ends(const struct chan_ends *ends)
{
	close(ends->super_orders);
	close(ends->child_orders);
	close(ends->child_words);
}

TEST(who_lingers_beside_another_one_hears_from_the_keeper)
{
	struct chan_ends elder;
	struct chan_msg order;

	begin();
	lingers(&elder);
	for (t.s->kids[1].birth = 1; t.s->kids[1].birth < 3; t.s->kids[1].birth++) { /* and again from the next one, once */
		links_make(t.s);
		links_make(t.s);
		CHECK_INT(chan_take_order(elder.child_orders, &order), 1);
		CHECK_INT(order.nfds, 1);
		CHECK_INT(order.ipc.payload.p[0], CHILD_LINK(0, 0));
		chan_close_fds(&order);
		CHECK_INT(chan_take_order(elder.child_orders, &order), 0);
		CHECK_INT(chan_take_order(t.keeper.child_orders, &order), 1);
		CHECK_INT(order.ipc.payload.p[0], CHILD_ELDER(t.s->kids[1].birth - 1));
		chan_close_fds(&order);
		CHECK_INT(chan_take_order(t.keeper.child_orders, &order), 0);
	}
	close_ends(&elder);
	finish();
}

TEST(who_lingers_when_the_next_upgrade_succeeds_hears_from_the_keeper_of_that_one)
{
	struct chan_ends elder;
	struct chan_msg order;

	begin();
	lingers(&elder);
	t.s->up.step = UPGRADE_OVER;
	say(UPMSG_LINK, 0, 0, "", -1); /* it is up, and asks for lines */
	turns();
	CHECK_INT(chan_take_order(elder.child_orders, &order), 1);
	CHECK_INT(order.ipc.type, IPC_LINK);
	CHECK_INT(order.nfds, 1);
	chan_close_fds(&order);
	CHECK_INT(said(t.shepherd), UPMSG_LINK);
	CHECK_INT(said(t.shepherd), 0);
	close_ends(&elder);
	finish();
}

/* A place that was freed is taken for another number of its kind than it began with. */
TEST(who_stands_in_is_listed_once)
{
	const struct kid *kids[KIDS];
	struct kid *k;

	begin();
	t.s->conf = calloc(1, sizeof *t.s->conf);
	loop_close(&t.s->kids[1].src);
	turns();
	kid_init(t.s, &t.s->kids[2], &children[1]);
	t.s->kids[2].part = KID_SERVES;
	for (unsigned i = 0; i < 2; i++) {
		k = &t.s->kids[i];
		kid_init(t.s, k, &children[0]);
		k->index = i;
		k->part = i ? KID_NOBODY : KID_SERVES;
		k->rests = i; /* no process is started here */
		k->state = i ? KID_DOWN : KID_LEAVING;
	}
	t.s->nkids = t.s->nserve = 3;
	heirs_stand_in(&t.s->kids[0]);
	CHECK_INT(t.s->kids[1].part, KID_SERVES);
	CHECK_INT(t.s->kids[1].index, 0);
	CHECK_INT(t.s->kids[0].part, KID_ELDER);
	CHECK_INT(report_order(t.s, kids), 3);
	CHECK(kids[0] == &t.s->kids[1] && kids[1] == &t.s->kids[0] && kids[2] == &t.s->kids[2]);
	free(t.s->conf);
	finish();
}

/* All are told to yield, those too that have just ended. */
TEST(a_place_that_is_about_to_be_free_becomes_so)
{
	struct kid *k;

	begin();
	k = &t.s->kids[t.s->nkids++];
	kid_init(t.s, k, &children[0]);
	kid_forget(k);
	kid_yield(k);
	clock_fake_step(&t.clock, NS_PER_S);
	turns();
	CHECK_INT(k->part, KID_NOBODY);
	finish();
}
