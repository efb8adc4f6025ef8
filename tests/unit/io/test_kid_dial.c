/*
 * Socket files that the supervisor connects for a child whose jail makes none: those of the configuration by their
 * numbers, and nothing else; whatever else a child asks for costs nobody but itself.
 */
#include <sys/un.h>

#include "tests/unit/io/puppet.h"

static struct sockaddr_un at = {.sun_family = AF_UNIX};

/* Rule 0 is there, 1 is a file that is not, and there are no more. */
static const char *sockets(const struct conf *c, unsigned rule, unsigned origin)
{
	(void)c;
	return origin > 0 || rule > 1 ? "" : rule == 1 ? "/nowhere/at/all" : at.sun_path;
}

static const struct super_child asks[] = {
	{.kind = "puppet-0", .proc = "one", .who = CONF_FOR_WORKER, .listeners = true, .socket = sockets}};
static const struct super_role asking = PUPPETS("asking", asks, 1);
static const struct super_child may_not[] = {PUPPET("puppet-0", "one")};
static const struct super_role silent = PUPPETS("silent", may_not, 1);
static const struct super_child unready[] = {
	{.kind = "hasty-0", .proc = "one", .who = CONF_FOR_WORKER, .listeners = true, .socket = sockets}};
static const struct super_role early = PUPPETS("early", unready, 1);

static int door_open(int backlog)
{
	static unsigned number;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[16];

	snprintf(name, sizeof name, "door%u", number++);
	CHECK(span_to_cstr(span_str(unit_tmp(name)), at.sun_path, sizeof at.sun_path) >= 0);
	CHECK(bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, backlog) == 0);
	return fd;
}

static void door_close(int fd)
{
	close(fd);
	unlink(at.sun_path);
}

/* It asks for this and is told that. */
static bool is_told(const char *command, unsigned err, unsigned fds)
{
	char want[32];

	snprintf(want, sizeof want, "7:%u:%u", err, fds);
	tell(0, command);
	EVENTUALLY(strcmp(tell(0, "dialled?"), want) == 0);
	return true;
}

TEST(what_the_configuration_names_is_connected)
{
	int door = door_open(4), in, fds;
	char got[8] = "";

	stage_open(&asking, "");
	fds = descriptors_of(stage.super);
	CHECK(is_told("dial 1 0 1", 0, 1));
	in = accept(door, NULL, NULL);
	NEED(in >= 0 && send(in, "hello", 5, 0) == 5);
	CHECK_STR(tell(0, "line over"), "hello"); /* the very socket, both ways */
	CHECK(recv(in, got, sizeof got, 0) == 4 && memcmp(got, "over", 4) == 0);
	close(in);
	CHECK_INT(descriptors_of(stage.super), fds);
	CHECK_INT(stage_close(), 0);
	door_close(door);
}

TEST(what_it_does_not_name_is_refused)
{
	int door = door_open(4), fds;

	stage_open(&asking, "");
	fds = descriptors_of(stage.super);
	CHECK(is_told("dial 1 2 1", ZT_E_DENIED, 0));
	CHECK(is_told("dial 1 1 1", ZT_E_NOTFOUND, 0));
	CHECK(is_told("dial 1 65535 1", ZT_E_DENIED, 0));
	CHECK(is_told("dial 2 0 1", ZT_E_CANCELLED, 0)); /* another configuration's number */
	CHECK(is_told("dial 0 0 1", ZT_E_CANCELLED, 0));
	CHECK_INT(descriptors_of(stage.super), fds);
	CHECK_INT(status_of("restarts", 0), 0);
	CHECK_INT(stage_close(), 0);
	door_close(door);
}

TEST(an_origin_that_takes_nobody_holds_nobody_up)
{
	int door = door_open(0), waits = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	NEED(connect(waits, (const struct sockaddr *)&at, sizeof at) == 0);
	stage_open(&asking, "");
	CHECK(is_told("dial 1 0 1", ZT_E_FULL, 0));
	CHECK(healthy());
	CHECK_INT(stage_close(), 0);
	close(waits);
	door_close(door);
}

/* The puppet's command costs it its life, and nobody a descriptor. */
static void ends_it(const struct super_role *role, const char *first, const char *command)
{
	int fds;

	stage_open(role, "");
	fds = descriptors_of(stage.super);
	tell(0, first);
	tell(0, command);
	EVENTUALLY(status_of("restarts", 0) == 1 && healthy());
	CHECK_INT(descriptors_of(stage.super), fds);
	CHECK_INT(stage_close(), 0);
}

TEST(who_may_not_ask_is_ended) { ends_it(&silent, "", "dial 1 0 1"); }
TEST(half_a_question_ends_it) { ends_it(&asking, "", "send 6 1 short"); }
TEST(more_than_a_question_ends_it) { ends_it(&asking, "", "send 6 1 123456789"); }

TEST(who_asks_without_end_and_does_not_listen_is_ended)
{
	int door = door_open(4);

	ends_it(&asking, "deaf", "dial 1 0 100000");
	door_close(door);
}

TEST(who_is_not_ready_yet_is_ended)
{
	int door = door_open(4);

	stage_fork(&early, "");
	EVENTUALLY(logged("child sent nonsense, ending it child=one word=IPC_DIAL"));
	stage_close(); /* which tries again until it is told to end */
	door_close(door);
}
