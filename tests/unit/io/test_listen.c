/* A listener: a bounded number a turn, ends from inside, and it never spins. */
#include "tests/unit/io/net_kit.h"

#include <errno.h>
#include <sys/resource.h>

TEST(accepts_a_bounded_number_a_turn)
{
	int fd[40], before = open_descriptors();
	struct addr at, self;
	struct door d;

	at = open_door(&d);
	for (int i = 0; i < 40; i++)
		fd[i] = client(&at);
	turns(1);
	CHECK_INT(d.got, LOOP_ACCEPTS);
	turns(1);
	CHECK_INT(d.got, 2 * LOOP_ACCEPTS);
	turns(1);
	CHECK_INT(d.got, 40);
	self = net_local(fd[39]);
	CHECK(addr_eq(&d.peer, &self));
	CHECK(d.l.stats.accepted == 40 && d.l.stats.pauses == 0 && d.l.stats.shed == 0);
	listener_close(&d.l);
	listener_close(&d.l);
	turns(1);
	CHECK_INT(d.reaped, 1);
	close_all(fd, 40);
	close_all(d.fd, d.got);
	loop_free(loop);
	CHECK_INT(open_descriptors(), before);
}

TEST(closing_from_inside_accepted_is_the_end)
{
	int fd[5], before = open_descriptors();
	struct addr at;
	struct door d;

	at = open_door(&d);
	d.close_after = 2;
	for (int i = 0; i < 5; i++)
		fd[i] = client(&at);
	turns(3);
	CHECK_INT(d.got, 2);
	CHECK_INT(d.reaped, 1);
	close_all(fd, 5);
	close_all(d.fd, d.got);
	clock_fake_step(&now, 3600 * 48 * NS_PER_S);
	turns(2); /* its timer is gone with it */
	loop_free(loop);
	CHECK_INT(open_descriptors(), before);
}

TEST(a_loop_that_ends_closes_its_listeners)
{
	int before = open_descriptors();
	struct door d;

	open_door(&d);
	loop_free(loop);
	CHECK_INT(d.reaped, 1);
	CHECK_INT(open_descriptors(), before);
}

static bool was_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static unsigned count_closed(const int *fd, unsigned n)
{
	unsigned closed = 0;

	for (unsigned i = 0; i < n; i++)
		closed += was_closed(fd[i]);
	return closed;
}

TEST(out_of_descriptors_it_sheds_one_looks_away_and_never_spins)
{
	struct rlimit was, low;
	int fd[6], fill[256], before = open_descriptors();
	unsigned n = 0;
	struct loop_stats s;
	struct addr at;
	struct door d;

	at = open_door(&d);
	for (int i = 0; i < 6; i++)
		fd[i] = client(&at);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = was;
	low.rlim_cur = 128;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < ARRAY_LEN(fill) && (fill[n] = dup(0)) >= 0)
		n++;
	CHECK_INT(errno, EMFILE);

	turns(1);
	CHECK(d.got == 0 && d.l.paused);
	CHECK(d.l.stats.shed == 1 && d.l.stats.pauses == 1);
	CHECK_INT(count_closed(fd, 6), 1); /* that peer knows; the others wait */
	/* Five connections wait and time stands still: whatever the number of turns, nothing is
	 * ready. A listener that spins would be called in every one of them. */
	s = loop_stats(loop);
	turns(1000);
	CHECK_INT(loop_stats(loop).events, s.events);
	CHECK_INT(loop_stats(loop).changes, s.changes);
	clock_fake_step(&now, NET_PAUSE - 1);
	turns(10);
	CHECK_INT(loop_stats(loop).events, s.events);
	clock_fake_step(&now, 1);
	turns(10);
	CHECK_INT(loop_stats(loop).events, s.events + 1); /* one look, one more shed, away again */
	CHECK(d.l.stats.shed == 2 && d.l.stats.pauses == 2 && d.got == 0);
	CHECK_INT(count_closed(fd, 6), 2);

	close_all(fill, n); /* relief: what still waits is served after the pause, not before */
	turns(10);
	CHECK_INT(d.got, 0);
	clock_fake_step(&now, NET_PAUSE);
	turns(3);
	CHECK_INT(d.got, 4);
	CHECK(!d.l.paused && d.l.spare >= 0);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
	close_all(fd, 6);
	close_all(d.fd, d.got);
	listener_close(&d.l);
	loop_free(loop);
	CHECK_INT(open_descriptors(), before);
}
