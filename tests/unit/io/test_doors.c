/* The doors of a worker: two steps, and a socket that stays is the one that served before. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/doors.h"

static struct loop *loop;
static struct log quiet;
static struct doors doors;
static unsigned visitors;

static void on_accepted(struct doors *d, int fd, const struct addr *peer)
{
	CHECK(d == &doors && peer->family == 4);
	visitors++;
	close(fd);
}

/* A listener of 127.0.0.1; *at is where. */
static int listening(struct addr *at)
{
	struct net_listen o = {0};
	int fd;

	CHECK_INT(addr_parse(span_str("127.0.0.1:0"), true, &o.at), 0);
	fd = net_listen(&o, NULL);
	CHECK(fd >= 0);
	*at = net_local(fd);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static unsigned visit(const struct addr *at)
{
	unsigned before = visitors;
	int fd = net_connect(at);

	for (unsigned i = 0; i < 20 && visitors == before; i++)
		CHECK_INT(loop_turn(loop, 10), 0);
	if (fd >= 0)
		close(fd);
	return visitors - before;
}

static void set_up(void)
{
	CHECK_INT(loop_open(&loop, LOOP_BEST, &clock_real), 0);
	log_init(&quiet, &clock_real, "test", "test");
	quiet.fd = -1;
	doors = (struct doors){.accepted = on_accepted};
	visitors = 0;
}

TEST(nothing_is_served_before_the_commit)
{
	struct addr at;
	int fd;

	set_up();
	fd = listening(&at);
	CHECK_INT(doors_prepare(&doors, &at, 1, &fd, 1, NULL), 0);
	CHECK_INT(visit(&at), 0);
	doors_commit(&doors, loop, &quiet);
	CHECK_INT(visit(&at), 2); /* the one from before waited */
	loop_free(loop);
}

TEST(an_abort_closes_what_was_handed_over_and_nothing_else)
{
	struct addr at, next;
	int fd, later;

	set_up();
	fd = listening(&at);
	doors_prepare(&doors, &at, 1, &fd, 1, NULL);
	doors_commit(&doors, loop, &quiet);
	later = listening(&next);
	CHECK_INT(doors_prepare(&doors, &next, 1, &later, 1, NULL), 0);
	doors_abort(&doors);
	CHECK(!is_open(later));
	CHECK_INT(visit(&at), 1);
	loop_free(loop);
}

TEST(an_address_that_stays_keeps_its_socket)
{
	struct addr at, gone;
	int fds[2], again;

	set_up();
	fds[0] = listening(&at);
	fds[1] = listening(&gone);
	doors_prepare(&doors, (struct addr[]){at, gone}, 2, fds, 2, NULL);
	doors_commit(&doors, loop, &quiet);
	again = dup(fds[0]);
	CHECK_INT(doors_prepare(&doors, &at, 1, &again, 1, NULL), 0);
	doors_commit(&doors, loop, &quiet);
	CHECK(is_open(fds[0]) && !is_open(again) && !is_open(fds[1]));
	CHECK_INT(visit(&at), 1);
	CHECK_INT(visit(&gone), 0);
	doors_close(&doors);
	CHECK(!is_open(fds[0]));
	CHECK_INT(doors_shed(&doors), 0);
	loop_free(loop);
}

TEST(a_number_that_does_not_fit_is_refused_and_all_is_closed)
{
	struct addr at[DOORS + 1];
	int fds[DOORS + 1];
	struct why w = {0};

	set_up();
	for (size_t i = 0; i < DOORS + 1; i++)
		fds[i] = listening(&at[i]);
	CHECK_INT(doors_prepare(&doors, at, 1, fds, 2, &w), -ZT_E_BUG);
	CHECK(!is_open(fds[0]) && !is_open(fds[1]));
	for (size_t i = 0; i < 2; i++)
		fds[i] = listening(&at[i]);
	CHECK_INT(doors_prepare(&doors, at, DOORS + 1, fds, DOORS + 1, NULL), -ZT_E_BUG);
	for (size_t i = 0; i < DOORS + 1; i++)
		CHECK(!is_open(fds[i]));
	loop_free(loop);
}
