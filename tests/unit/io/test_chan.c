/* The channel: whole messages, descriptors that arrive or are closed, no blocking. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "io/chan.h"
#include "tests/unit/io/descriptors.h"

static void close_all(struct chan_ends *e)
{
	close(e->super_orders);
	close(e->super_words);
	close(e->child_orders);
	close(e->child_words);
}

TEST(an_order_with_descriptors_arrives_whole)
{
	int give[2], before = open_descriptors();
	struct chan_ends e;
	struct chan_msg m;
	char c = 0;

	NEED(chan_open(&e) == 0 && pipe(give) == 0);
	CHECK_INT(chan_take_order(e.child_orders, &m), 0); /* nothing yet, and no waiting */
	CHECK_INT(chan_order(e.super_orders,
			     &(struct ipc_msg){.type = IPC_PREPARE, .epoch = 3, .payload = SPAN_LIT("hello")}, give, 2), 0);
	NEED(chan_take_order(e.child_orders, &m) == 1);
	CHECK_INT(m.ipc.epoch, 3);
	CHECK(span_eq_str(m.ipc.payload, "hello"));
	NEED(m.nfds == 2);
	CHECK(m.fds[0] != give[0]);
	CHECK_INT(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CHECK(write(m.fds[1], "z", 1) == 1 && read(give[0], &c, 1) == 1 && c == 'z'); /* the same pipe */
	chan_close_fds(&m);
	CHECK_INT(m.nfds, 0);
	close(give[0]);
	close(give[1]);
	close_all(&e);
	CHECK_INT(open_descriptors(), before);
}

TEST(words_arrive_one_by_one)
{
	struct chan_ends e;
	struct chan_msg m;

	NEED(chan_open(&e) == 0);
	CHECK_INT(chan_hear(e.super_words, &m), 0);
	CHECK_INT(chan_say(e.child_words, &(struct ipc_msg){.type = IPC_PREPARED, .epoch = 4}), 0);
	CHECK_INT(chan_say(e.child_words, &(struct ipc_msg){.type = IPC_REFUSED, .payload = SPAN_LIT("no")}), 0);
	NEED(chan_hear(e.super_words, &m) == 1);
	CHECK(m.ipc.type == IPC_PREPARED && m.ipc.epoch == 4 && m.ipc.payload.n == 0);
	NEED(chan_hear(e.super_words, &m) == 1);
	CHECK(m.ipc.type == IPC_REFUSED && span_eq_str(m.ipc.payload, "no"));
	CHECK_INT(chan_hear(e.super_words, &m), 0);
	close_all(&e);
}

TEST(neither_speaks_as_the_other)
{
	int give[2], before;
	struct chan_ends e;
	struct chan_msg m;

	NEED(chan_open(&e) == 0 && pipe(give) == 0);
	CHECK_INT(chan_say(e.child_words, &(struct ipc_msg){.type = IPC_COMMIT}), 0);
	CHECK_INT(chan_hear(e.super_words, &m), -ZT_E_UNKNOWN);
	before = open_descriptors();
	CHECK_INT(chan_order(e.super_orders, &(struct ipc_msg){.type = IPC_READY}, give, 2), 0);
	CHECK_INT(chan_take_order(e.child_orders, &m), -ZT_E_UNKNOWN);
	CHECK_INT(m.nfds, 0); /* and what came with it is closed */
	CHECK_INT(open_descriptors(), before);
	close(give[0]);
	close(give[1]);
	close_all(&e);
}

/* What a child hands up would be ours to close, and close() may wait: see chan.h. */
TEST(nothing_goes_up_the_order_channel)
{
	struct chan_ends e;
	int give = 2, before;

	NEED(chan_open(&e) == 0);
	before = open_descriptors();
	CHECK_INT(chan_order(e.child_orders, &(struct ipc_msg){.type = IPC_READY}, &give, 1), -ZT_E_CLOSED);
	CHECK_INT(chan_order(e.child_orders, &(struct ipc_msg){.type = IPC_READY}, NULL, 0), -ZT_E_CLOSED);
	CHECK_INT(open_descriptors(), before);
	CHECK_INT(chan_order(e.super_orders, &(struct ipc_msg){.type = IPC_ASK}, NULL, 0), 0); /* down it does */
	close_all(&e);
}

/* An empty datagram can carry descriptors. */
TEST(the_end_leaks_no_descriptor)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct msghdr msg = {.msg_control = control.room, .msg_controllen = sizeof control.room};
	struct chan_ends e;
	struct chan_msg m;
	int give = 2, before;

	NEED(chan_open(&e) == 0);
	before = open_descriptors();
	memcpy(CMSG_DATA(&control.head), &give, sizeof give);
	CHECK_INT(sendmsg(e.super_orders, &msg, 0), 0);
	CHECK_INT(chan_take_order(e.child_orders, &m), -ZT_E_CLOSED);
	CHECK_INT(open_descriptors(), before);
	close_all(&e);
}

/* FLOODS(BOUND_IPC_BYTES) and FLOODS(BOUND_IPC_FDS) */
TEST(too_long_and_too_many_are_refused_by_both_ends)
{
	static uint8_t big[BOUND_CAP(BOUND_IPC_BYTES) + 64];
	const struct ipc_msg most = {.type = IPC_ASK, .payload = span_of(big, IPC_PAYLOAD)};
	const struct ipc_msg more = {.type = IPC_ASK, .payload = span_of(big, IPC_PAYLOAD + 1)};
	int many[CHAN_FDS + 1];
	struct chan_ends e;
	struct chan_msg m;

	NEED(chan_open(&e) == 0);
	for (size_t i = 0; i <= CHAN_FDS; i++)
		many[i] = e.super_words;
	CHECK_INT(chan_order(e.super_orders, &more, NULL, 0), -ZT_E_TOOLONG);
	CHECK_INT(chan_say(e.child_words, &more), -ZT_E_TOOLONG);
	CHECK_INT(chan_order(e.super_orders, &most, many, CHAN_FDS + 1), -ZT_E_TOOLONG);
	CHECK_INT(chan_order(e.super_orders, &most, many, CHAN_FDS), 0); /* the most that fits */
	NEED(chan_take_order(e.child_orders, &m) == 1);
	CHECK_INT(m.ipc.payload.n, IPC_PAYLOAD);
	CHECK_INT(m.nfds, CHAN_FDS);
	chan_close_fds(&m);
	CHECK_INT(send(e.super_orders, big, sizeof big, 0), sizeof big); /* not by chan_order */
	CHECK_INT(chan_take_order(e.child_orders, &m), -ZT_E_TOOLONG);
	CHECK_INT(write(e.child_words, big, sizeof big), sizeof big); /* an enemy: two packets, both judged */
	CHECK_INT(chan_hear(e.super_words, &m), -ZT_E_UNKNOWN);
	CHECK_INT(chan_hear(e.super_words, &m), -ZT_E_UNKNOWN);
	close(e.child_words);
	CHECK_INT(chan_hear(e.super_words, &m), -ZT_E_CLOSED);
	e.child_words = -1;
	close_all(&e);
}

TEST(a_reader_that_sleeps_is_an_error_not_a_wait)
{
	struct chan_ends e;
	int rc = 0, sent = 0;

	NEED(chan_open(&e) == 0);
	while (rc == 0 && sent++ < 100000)
		rc = chan_order(e.super_orders, &(struct ipc_msg){.type = IPC_ASK}, NULL, 0);
	CHECK_INT(rc, -ZT_E_AGAIN);
	for (rc = sent = 0; rc == 0 && sent < 100000; sent++)
		rc = chan_say(e.child_words, &(struct ipc_msg){.type = IPC_COUNTERS});
	CHECK_INT(rc, -ZT_E_AGAIN);
	close(e.child_orders);
	close(e.super_words);
	CHECK_INT(chan_order(e.super_orders, &(struct ipc_msg){.type = IPC_ASK}, NULL, 0), -ZT_E_CLOSED);
	CHECK_INT(chan_say(e.child_words, &(struct ipc_msg){.type = IPC_COUNTERS}), -ZT_E_CLOSED);
	close(e.super_orders);
	close(e.child_words);
}
