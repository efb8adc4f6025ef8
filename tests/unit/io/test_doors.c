/* Doors: listeners renewed in two steps, none lost that stays, none left that goes. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/doors.h"

static struct loop *loop;
static struct clock_fake fake;
static struct log quiet;
static struct doors doors;
static unsigned came;

static void on_accepted(struct doors *d, const struct door *at, int fd, const struct addr *peer)
{
	(void)at;
	(void)peer;
	CHECK(d == &doors);
	came++;
	close(fd);
}

static void set_up(void)
{
	clock_fake_init(&fake, 100 * NS_PER_S, 0);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &fake.clock), 0);
	quiet = (struct log){.fd = -1, .level = LOG_ERROR, .clock = &fake.clock, .role = "test", .proc = "doors"};
	doors = (struct doors){.accepted = on_accepted};
	came = 0;
}

static void tear_down(void)
{
	doors_close(&doors);
	loop_free(loop);
}

static void turns(void)
{
	for (unsigned i = 0; i < 3; i++)
		CHECK_INT(loop_turn(loop, 0), 0);
}

/* A listener on 127.0.0.1, and where; port 0: any. */
static int listener(struct addr *at, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&in, n) == 0 && listen(fd, 8) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&in, &n) == 0);
	*at = (struct addr){.family = 4, .ip = {127, 0, 0, 1}, .port = ntohs(in.sin_port)};
	return fd;
}

/* Somebody knocks; -1: nobody is there. */
static int knock(const struct addr *at)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(at->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof in) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void renew(const struct addr *at, const int *fds, size_t n)
{
	struct why w = {0};

	CHECK_INT(doors_prepare(&doors, at, n, fds, n, &w), 0);
	doors_commit(&doors, loop, &quiet);
	turns();
}

TEST(an_address_that_stays_keeps_its_socket_and_who_waits_there)
{
	struct addr at[2], next[2];
	int fds[2], again, guest, none;

	set_up();
	fds[0] = listener(&at[0], 0);
	fds[1] = listener(&at[1], 0);
	again = dup(fds[0]); /* as it comes from the supervisor */
	renew(at, fds, 2);
	guest = knock(&at[0]); /* not accepted yet */
	next[0] = at[0];
	fds[1] = listener(&next[1], 0);
	renew(next, (int[]){again, fds[1]}, 2);
	CHECK_INT(came, 1);
	close(guest);
	none = knock(&at[1]);
	CHECK_INT(none, -1); /* it is gone */
	guest = knock(&next[1]);
	turns();
	CHECK_INT(came, 2);
	close(guest);
	tear_down();
}

TEST(what_was_prepared_and_aborted_is_closed)
{
	struct addr at;
	struct why w = {0};
	int fd;

	set_up();
	fd = listener(&at, 0);
	CHECK_INT(doors_prepare(&doors, &at, 1, &fd, 1, &w), 0);
	doors_abort(&doors);
	CHECK_INT(knock(&at), -1);
	fd = listener(&at, 0);
	CHECK_INT(doors_prepare(&doors, &at, 2, &fd, 1, &w), -ZT_E_BUG);
	CHECK_INT(knock(&at), -1);
	tear_down();
}

/* Nobody's counter goes backwards because an address was taken out of the configuration. */
TEST(what_was_shed_is_counted_also_when_its_door_is_gone)
{
	struct rlimit was, none;
	struct addr at, other;
	int fd, guest;

	set_up();
	fd = listener(&at, 0);
	renew(&at, &fd, 1);
	guest = knock(&at);
	CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
	none = (struct rlimit){(rlim_t)guest + 1, was.rlim_max};
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0); /* every number below is taken, or will be */
	while (dup(guest) >= 0)
		continue;
	turns();
	CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
	CHECK_INT(doors_shed(&doors), 1);
	close(guest);
	fd = listener(&other, 0);
	renew(&other, &fd, 1);
	CHECK_INT(doors_shed(&doors), 1);
	fd = listener(&at, 0);
	renew(&at, &fd, 1);
	CHECK_INT(doors_shed(&doors), 1);
	tear_down();
}
