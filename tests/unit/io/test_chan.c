/* The channel: whole messages, descriptors that arrive or are closed, no blocking. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "io/chan.h"

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

TEST(a_message_with_descriptors_arrives_whole)
{
	int ends[2], give[2], before = open_fds();
	struct chan_msg m;
	char c = 0;

	NEED(chan_pair(ends) == 0 && pipe(give) == 0);
	CHECK_INT(chan_recv(ends[1], 's', &m), 0); /* nothing yet, and no waiting */
	CHECK_INT(chan_send(ends[0], &(struct ipc_msg){.type = IPC_PREPARE, .epoch = 3, .payload = SPAN_LIT("hello")},
			    give, 2), 0);
	NEED(chan_recv(ends[1], 's', &m) == 1);
	CHECK_INT(m.ipc.epoch, 3);
	CHECK(span_eq_str(m.ipc.payload, "hello"));
	NEED(m.nfds == 2);
	CHECK(m.fds[0] != give[0]);
	CHECK_INT(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CHECK(write(m.fds[1], "z", 1) == 1 && read(give[0], &c, 1) == 1 && c == 'z'); /* the same pipe */
	chan_close_fds(&m);
	CHECK_INT(m.nfds, 0);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(give[i]);
	}
	CHECK_INT(open_fds(), before);
}

TEST(a_refused_message_leaks_no_descriptor)
{
	int ends[2], give[2], before;
	struct chan_msg m;

	NEED(chan_pair(ends) == 0 && pipe(give) == 0);
	before = open_fds();
	/* a child that sends a supervisor's order, with descriptors */
	CHECK_INT(chan_send(ends[0], &(struct ipc_msg){.type = IPC_COMMIT}, give, 2), 0);
	CHECK_INT(chan_recv(ends[1], 'c', &m), -ZT_E_UNKNOWN);
	CHECK_INT(m.nfds, 0);
	CHECK_INT(open_fds(), before);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(give[i]);
	}
}

/* FLOODS(BOUND_IPC_BYTES) and FLOODS(BOUND_IPC_FDS) */
TEST(too_long_and_too_many_are_refused_by_both_ends)
{
	static uint8_t big[BOUND_CAP(BOUND_IPC_BYTES) + 64];
	int ends[2], many[CHAN_FDS + 1];
	struct chan_msg m;

	NEED(chan_pair(ends) == 0);
	for (size_t i = 0; i <= CHAN_FDS; i++)
		many[i] = ends[0];
	CHECK_INT(chan_send(ends[0], &(struct ipc_msg){.type = IPC_READY, .payload = span_of(big, IPC_PAYLOAD + 1)},
			    NULL, 0), -ZT_E_TOOLONG);
	CHECK_INT(chan_send(ends[0], &(struct ipc_msg){.type = IPC_READY}, many, CHAN_FDS + 1), -ZT_E_TOOLONG);
	CHECK_INT(chan_send(ends[0], &(struct ipc_msg){.type = IPC_READY, .payload = span_of(big, IPC_PAYLOAD)},
			    many, CHAN_FDS), 0); /* the most that fits */
	NEED(chan_recv(ends[1], 'c', &m) == 1);
	CHECK_INT(m.ipc.payload.n, IPC_PAYLOAD);
	CHECK_INT(m.nfds, CHAN_FDS);
	chan_close_fds(&m);
	CHECK_INT(send(ends[0], big, sizeof big, 0), sizeof big); /* an enemy does not use chan_send */
	CHECK_INT(chan_recv(ends[1], 'c', &m), -ZT_E_TOOLONG);
	close(ends[0]);
	CHECK_INT(chan_recv(ends[1], 'c', &m), -ZT_E_CLOSED);
	close(ends[1]);
}

TEST(a_reader_that_sleeps_is_an_error_not_a_wait)
{
	int ends[2], rc = 0, sent = 0;

	NEED(chan_pair(ends) == 0);
	while (rc == 0 && sent < 100000) {
		rc = chan_send(ends[0], &(struct ipc_msg){.type = IPC_ASK}, NULL, 0);
		sent++;
	}
	CHECK_INT(rc, -ZT_E_AGAIN);
	close(ends[1]);
	CHECK_INT(chan_send(ends[0], &(struct ipc_msg){.type = IPC_ASK}, NULL, 0), -ZT_E_CLOSED);
	close(ends[0]);
}
