/*
 * The real supervisor against children that lie: what they say at the wrong time, too often or
 * in the wrong words ends them and nothing else.
 */
#include "tests/unit/io/puppet.h"

static const struct super_child one[] = {PUPPET("puppet-0", "one")};
static const struct super_role solo = PUPPETS("solo", one, 1);

/* The puppet's command must cost it its life, and nothing else. */
static void ends_it(const char *command, const char *why)
{
	long before;
	int fds;

	stage_open(&solo, "");
	before = status_of("restarts", 0);
	fds = descriptors_of(stage.super);
	tell(0, command);
	EVENTUALLY(status_of("restarts", 0) == before + 1 && healthy());
	CHECK(logged(why));
	CHECK_INT(descriptors_of(stage.super), fds);
	CHECK_INT(stage_close(), 0);
}

TEST(an_order_from_below_ends_it) { ends_it("send 17 2", "child sent nonsense"); }
TEST(an_unknown_message_ends_it) { ends_it("send 999 1", "child sent nonsense"); }
TEST(half_a_header_ends_it) { ends_it("raw 3", "child sent nonsense"); }
TEST(an_overlong_datagram_ends_it) { ends_it("raw 16384", "child sent nonsense"); }
TEST(a_second_ready_ends_it) { ends_it("ready 1", "child sent nonsense"); }
TEST(an_answer_that_nobody_asked_for_ends_it) { ends_it("send 2 2", "child sent nonsense"); }
TEST(a_refusal_that_nobody_asked_for_ends_it) { ends_it("send 3 2 because", "child sent nonsense"); }
TEST(counters_that_nobody_asked_for_end_it) { ends_it("send 4 1", "child sent nonsense"); }
TEST(a_flood_ends_it) { ends_it("flood 100000", "child sent nonsense"); }
TEST(leaving_unasked_ends_it) { ends_it("send 5 1", "child sent nonsense"); }
TEST(a_closed_channel_ends_it) { ends_it("close", "child died"); }
TEST(its_own_death_is_noticed) { ends_it("exit", "exited with code 3"); }

/* Who receives a descriptor closes it, and the last close of a socket with SO_LINGER waits for
 * its peer: ten minutes here. So there must be no way up. */
TEST(it_cannot_hand_up_a_descriptor_and_hold_us_up)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof at;
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds;
	char command[32];

	NEED(bind(door, (struct sockaddr *)&at, sizeof at) == 0 && listen(door, 1) == 0);
	NEED(getsockname(door, (struct sockaddr *)&at, &n) == 0);
	stage_open(&solo, "");
	fds = descriptors_of(stage.super);
	snprintf(command, sizeof command, "hand %u", ntohs(at.sin_port));
	CHECK_STR(tell(0, command), "refused");
	CHECK(healthy());
	CHECK_INT(descriptors_of(stage.super), fds);
	kill((pid_t)status_of("pid", 0), SIGKILL);
	EVENTUALLY(status_of("restarts", 0) == 1 && healthy());
	CHECK_INT(stage_close(), 0);
	close(door);
}

/* shutdown() of a shared listening socket closes it for everybody, F_SETFL is seen by all. */
TEST(what_it_did_to_its_listener_is_mended)
{
	stage_open(&solo, "");
	tell(0, "block");
	tell(0, "exit");
	EVENTUALLY(status_of("restarts", 0) == 1 && healthy());
	CHECK_STR(tell(0, "nonblock?"), "yes");
	tell(0, "shut");
	kill((pid_t)status_of("pid", 0), SIGKILL);
	EVENTUALLY(status_of("restarts", 0) == 2 && healthy());
	CHECK_STR(tell(0, "nonblock?"), "yes"); /* it answers: it listens */
	CHECK_INT(stage_close(), 0);
}

TEST(one_that_does_not_drain_is_ended_by_a_second_term)
{
	stage_open(&solo, "");
	tell(0, "mute 1");
	kill(stage.super, SIGTERM);
	EVENTUALLY(strstr(tell(0, "orders?"), "20:") != NULL);
	CHECK_INT(stage_close(), 0);
}

TEST(one_that_says_drained_and_stays_is_ended_too)
{
	stage_open(&solo, "");
	tell(0, "mute 1");
	kill(stage.super, SIGTERM);
	EVENTUALLY(strstr(tell(0, "orders?"), "20:") != NULL);
	tell(0, "send 5 1");
	CHECK_INT(stage_close(), 0);
}

/* Its queue is the bound: one that never reads is ended, but not for a question too many. */
TEST(questions_do_not_pile_up_at_a_deaf_child)
{
	pid_t pid;

	stage_open(&solo, "");
	pid = (pid_t)status_of("pid", 0);
	tell(0, "deaf");
	for (int i = 0; i < 3; i++)
		CHECK_INT(status_of("pid", 0), pid); /* answered after a second, without it */
	kill(stage.super, SIGTERM);
	EVENTUALLY(logged("stopping"));
	CHECK_INT(stage_close(), 0);
}

/* As many numbers as fit, from sixteen children: the status stays one whole document. */
TEST(it_cannot_break_the_status_document)
{
	enum { N = 15 };
	static const struct super_child many[N] = {
		PUPPET("stuffer-0", "n0"), PUPPET("stuffer-0", "n1"),
		PUPPET("stuffer-0", "n2"), PUPPET("stuffer-0", "n3"),
		PUPPET("stuffer-0", "n4"), PUPPET("stuffer-0", "n5"),
		PUPPET("stuffer-0", "n6"), PUPPET("stuffer-0", "n7"),
		PUPPET("stuffer-0", "n8"), PUPPET("stuffer-0", "n9"),
		PUPPET("stuffer-0", "n10"), PUPPET("stuffer-0", "n11"),
		PUPPET("stuffer-0", "n12"), PUPPET("stuffer-0", "n13"),
		PUPPET("stuffer-0", "n14")};
	static const struct super_role crowd = PUPPETS("crowd", many, N);
	size_t n;

	stage_open(&crowd, "");
	ask("status json");
	CHECK_INT(stage.code, 0);
	n = strlen(stage.reply);
	CHECK(n > 3 && strcmp(stage.reply + n - 3, "]}\n") == 0);
	CHECK(strstr(stage.reply, "\"n14\"") != NULL);
	CHECK_INT(stage_close(), 0);
}

/* ---- starting ------------------------------------------------------------------------------ */

TEST(one_that_refuses_at_the_start_ends_the_start_and_says_why)
{
	static const struct super_child no[] = {PUPPET("refuser-0", "one")};
	static const struct super_role role = PUPPETS("solo", no, 1);

	stage_fork(&role, "");
	CHECK_INT(stage_wait(), EXIT_ZT_FAILED);
	CHECK(logged("why: child one cannot start: no ")); /* on stderr, wherever the log goes */
	CHECK(!logged("\033"));                            /* what a child says drives no terminal */
}

static bool is_zombie(pid_t pid)
{
	char path[48], text[128] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	if (fgets(text, sizeof text, f) == NULL)
		text[0] = 0;
	fclose(f);
	return strstr(text, ") Z ") != NULL;
}

/* A supervisor that was busy meanwhile finds a signal first, and behind it the dead child and what it said. */
TEST(the_reason_of_one_that_is_dead_already_is_heard)
{
	static const struct super_child mum[] = {PUPPET("silent-0", "one")};
	static const struct super_role role = PUPPETS("solo", mum, 1);
	int status = 0;
	pid_t pid;

	stage_fork(&role, "");
	EVENTUALLY(strstr(ask("health"), "one starting") != NULL);
	pid = (pid_t)status_of("pid", 0);
	kill(stage.super, SIGSTOP);
	CHECK(waitpid(stage.super, &status, WUNTRACED) == stage.super && WIFSTOPPED(status));
	kill(stage.super, SIGCHLD); /* what is ready first is looked at first */
	CHECK_STR(tell(0, "send 3 1 no lamp"), "ok");
	tell(0, "exit");
	EVENTUALLY(is_zombie(pid));
	kill(stage.super, SIGCONT);
	CHECK_INT(stage_wait(), 3); /* its own code is the role's */
	CHECK(logged("why: child one cannot start: no lamp"));
}

TEST(term_during_the_start_ends_it_at_once)
{
	static const struct super_child mum[] = {PUPPET("silent-0", "one")};
	static const struct super_role role = PUPPETS("solo", mum, 1);

	stage_fork(&role, "");
	EVENTUALLY(strstr(ask("health"), "one starting") != NULL);
	CHECK(!healthy());
	CHECK_INT(stage_close(), 0);
	CHECK(!logged("drain took too long"));
}

TEST(term_during_the_backoff_ends_it_at_once)
{
	stage_open(&solo, "");
	for (int i = 0; i < 3; i++) { /* 0.1, 0.2, 0.4 s */
		tell(0, "exit");
		EVENTUALLY(status_of("restarts", 0) == i + 1 && (i == 2 || healthy()));
	}
	CHECK_INT(stage_close(), 0);
	CHECK(!logged("drain took too long"));
}

/* An inherited SIG_IGN for SIGCHLD makes the kernel reap children without telling anybody. */
TEST(an_ignored_sigchld_is_inherited_from_nobody)
{
	signal(SIGCHLD, SIG_IGN);
	stage_fork(&solo, "");
	signal(SIGCHLD, SIG_DFL);
	EVENTUALLY(healthy());
	tell(0, "exit");
	EVENTUALLY(status_of("restarts", 0) == 1 && healthy());
	CHECK_INT(stage_close(), 0);
}

/* Open descriptors of whoever started us are not taken for listeners that we handed over. */
TEST(stray_descriptors_do_not_reach_a_child)
{
	int stray[8];
	char path[64];
	struct stat st;

	for (int i = 0; i < 8; i++)
		stray[i] = open("/dev/zero", O_RDONLY); /* no O_CLOEXEC */
	stage_open(&solo, "");
	for (int i = 0; i < 8; i++)
		close(stray[i]);
	for (int fd = CHILD_FD_FIRST; fd < 40; fd++) {
		snprintf(path, sizeof path, "/proc/%ld/fd/%d", status_of("pid", 0), fd);
		CHECK(stat(path, &st) < 0 || S_ISSOCK(st.st_mode));
	}
	CHECK_INT(stage_close(), 0);
}
