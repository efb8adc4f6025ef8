/* What a service manager is told, and the addresses and numbers it gives us. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "io/notify.h"

static void env(const char *usec, const char *pid, const char *sock)
{
	const char *names[] = {"WATCHDOG_USEC", "WATCHDOG_PID", "NOTIFY_SOCKET"}, *values[] = {usec, pid, sock};

	for (int i = 0; i < 3; i++)
		if (values[i])
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
}

static int manager(const char *name, size_t n)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path, name, n);
	CHECK_INT(bind(fd, (struct sockaddr *)&at, (socklen_t)(sizeof at.sun_family + n)), 0);
	return fd;
}

static void is_told(const char *where, int fd)
{
	struct notify n;
	char got[64] = "";

	env(NULL, NULL, where);
	notify_open(&n);
	NEED(n.fd >= 0);
	notify_send(&n, "READY=1\nSTATUS=ready");
	CHECK_INT(recv(fd, got, sizeof got - 1, 0), 20);
	CHECK_STR(got, "READY=1\nSTATUS=ready");
	close(fd);
	notify_send(&n, "STOPPING=1"); /* it went away: nothing happens */
	close(n.fd);
}

TEST(a_path_is_told)
{
	const char *path = unit_tmp("manager");

	is_told(path, manager(path, strlen(path)));
}

TEST(an_abstract_name_is_told)
{
	char at[64], name[64];

	snprintf(at, sizeof at, "@zt-test-%ld", (long)getpid());
	memcpy(name, at, sizeof name);
	name[0] = 0;
	is_told(at, manager(name, strlen(at)));
}

TEST(nobody_to_tell)
{
	static const char *const odd[] = {NULL, "", "/", "relative", "@", "/nobody/listens/here"};
	char longest[sizeof((struct sockaddr_un *)0)->sun_path + 1];
	struct notify n;

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		env(NULL, NULL, odd[i]);
		notify_open(&n);
		CHECK_INT(n.fd, -1);
		notify_send(&n, "READY=1");
	}
	memset(longest, 'x', sizeof longest - 1);
	longest[0] = '/';
	longest[sizeof longest - 1] = 0;
	env(NULL, NULL, longest);
	notify_open(&n);
	CHECK_INT(n.fd, -1);
}

TEST(the_watchdog_is_fed_twice_as_often_as_asked)
{
	char me[24];
	static const struct {
		const char *usec;
		uint64_t ns;
	} rows[] = {
		{"3000000", 1500 * NS_PER_MS}, {"0", 0}, {"", 0}, {"-1", 0}, {"1e6", 0}, {NULL, 0},
		{"1", NS_PER_MS}, /* no spinning */
		{"18446744073709551615", 0}, {"18446744073709551616", 0},
	};
	struct notify n;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		env(rows[i].usec, NULL, NULL);
		notify_open(&n);
		CHECK_INT(n.watchdog_ns, rows[i].ns);
	}
	snprintf(me, sizeof me, "%ld", (long)getpid());
	env("3000000", me, NULL);
	notify_open(&n);
	CHECK_INT(n.watchdog_ns, 1500 * NS_PER_MS);
	env("3000000", "1", NULL); /* another process is to feed it */
	notify_open(&n);
	CHECK_INT(n.watchdog_ns, 0);
	env(NULL, NULL, NULL);
}
