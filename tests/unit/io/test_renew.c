/*
 * The two-step reload with children that answer late, wrongly, twice or not at all: everybody
 * serves the same configuration afterwards, and who asked is told which.
 */
#include "tests/unit/io/puppet.h"

static const struct super_child two[] = {PUPPET("puppet-0", "zero"),
					 PUPPET("puppet-1", "one")};
static const struct super_role duo = PUPPETS("duo", two, 2);

#define PREPARE2 "16:2 "
#define COMMIT2 "17:2 "
#define ABORT2 "18:2 "

static bool told(size_t i, const char *order)
{
	return strstr(tell(i, "orders?"), order) != NULL;
}

/* A reload that hangs until the test lets the children answer: to nobody, or to *asker. */
static void begin_reload(bool asked, pid_t *asker)
{
	tell(0, "mute 1");
	tell(1, "mute 1");
	if (!asked) {
		kill(stage.super, SIGHUP);
	} else if ((*asker = fork()) == 0) {
		ask("reload");
		_exit(strstr(stage.reply, "stopping") ? 100 + stage.code : stage.code);
	}
	EVENTUALLY(told(0, PREPARE2) && told(1, PREPARE2));
}

/* Those that were told to be mute would be waited for. */
static int close_duo(void)
{
	tell(0, "mute 0");
	tell(1, "mute 0");
	return stage_close();
}

static int answer_of(pid_t asker)
{
	int status = 0;

	CHECK_INT(waitpid(asker, &status, 0), asker);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(all_must_agree_before_any_is_told_to)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_reload(true, &asker);
	tell(0, "send 2 2");
	CHECK(healthy());
	CHECK(!told(0, COMMIT2));
	tell(1, "send 2 2");
	CHECK_INT(answer_of(asker), 0);
	EVENTUALLY(told(0, COMMIT2) && told(1, COMMIT2));
	CHECK_INT(status_of("epoch", 0), 2);
	CHECK_INT(close_duo(), 0);
}

/* All have agreed and were told: it is in force, and both have to say so. */
static void begin_to_settle(pid_t *asker)
{
	tell(0, "hold 1");
	tell(1, "hold 1");
	begin_reload(true, asker);
	tell(0, "send 2 2");
	tell(1, "send 2 2");
	EVENTUALLY(told(0, COMMIT2) && told(1, COMMIT2));
}

/* Whoever comes behind the answer is served by what the answer says. */
TEST(who_asked_is_told_when_all_serve_it)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_to_settle(&asker);
	tell(0, "send 8 2");
	CHECK(healthy());
	CHECK_INT(waitpid(asker, NULL, WNOHANG), 0);
	CHECK(!logged("reloaded"));
	ask("reload");
	CHECK_INT(stage.code, EXIT_ZT_LOCKED); /* it is not over */
	kill(stage.super, SIGHUP);
	CHECK(healthy());
	tell(0, "mute 0");
	tell(1, "mute 0");
	tell(0, "hold 0");
	tell(1, "hold 0");
	tell(1, "send 8 2");
	CHECK_INT(answer_of(asker), 0);
	EVENTUALLY(status_of("epoch", 0) == 3); /* and the signal is not forgotten */
	CHECK_INT(close_duo(), 0);
}

TEST(who_dies_as_it_is_to_serve_it_is_not_waited_for)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_to_settle(&asker);
	tell(0, "send 8 2");
	tell(1, "exit");
	CHECK_INT(answer_of(asker), 0);
	EVENTUALLY(healthy());
	CHECK_STR(tell(1, "epoch?"), "2");
	CHECK_INT(close_duo(), 0);
}

TEST(silence_of_who_is_to_serve_it_takes_nothing_back)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_to_settle(&asker);
	tell(0, "send 8 2");
	CHECK_INT(answer_of(asker), 0);
	CHECK(logged("has not said that it serves") && logged("child=one"));
	CHECK_INT(status_of("epoch", 0), 2);
	tell(1, "send 8 2"); /* late, and in order */
	CHECK(healthy());
	CHECK_INT(status_of("restarts", 1), 0);
	CHECK_INT(close_duo(), 0);
}

TEST(a_stop_while_they_begin_to_serve_it_is_an_answer)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_to_settle(&asker);
	kill(stage.super, SIGTERM);
	CHECK_INT(answer_of(asker), 0);
	kill(stage.super, SIGTERM);
	CHECK_INT(stage_wait(), 0);
	CHECK(!logged("bug at"));
}

TEST(one_refusal_is_a_refusal_for_all)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_reload(true, &asker);
	tell(0, "send 2 2");
	tell(1, "send 3 2 no \033[31mroom");
	CHECK_INT(answer_of(asker), EXIT_ZT_CONFIG);
	EVENTUALLY(told(0, ABORT2) && told(1, ABORT2));
	CHECK_INT(status_of("epoch", 0), 1);
	CHECK(logged("u001b") && !logged("\033"));
	CHECK_INT(close_duo(), 0);
}

/* The answer to an offer that was taken back is not one to the offer that came after it,
 * although both were for epoch 2. */
TEST(a_late_answer_does_not_count_for_the_next_reload)
{
	stage_open(&duo, "");
	begin_reload(false, NULL);
	tell(0, "send 3 2 no"); /* 1 has not answered yet */
	EVENTUALLY(told(1, PREPARE2 ABORT2));
	kill(stage.super, SIGHUP);
	EVENTUALLY(told(0, PREPARE2 ABORT2 PREPARE2) && told(1, PREPARE2 ABORT2 PREPARE2));
	tell(1, "send 2 2"); /* to the first offer */
	tell(0, "send 2 2");
	CHECK(healthy() && healthy());
	CHECK_INT(status_of("epoch", 0), 1);
	tell(1, "send 3 2 no"); /* to the second */
	EVENTUALLY(told(0, PREPARE2 ABORT2 PREPARE2 ABORT2));
	CHECK(!logged("reloaded"));
	CHECK_INT(close_duo(), 0);
}

TEST(a_child_that_dies_in_between_means_no)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_reload(true, &asker);
	tell(0, "send 2 2");
	tell(1, "exit");
	CHECK_INT(answer_of(asker), EXIT_ZT_FAILED);
	EVENTUALLY(healthy());
	CHECK_STR(tell(1, "epoch?"), "1");
	tell(0, "mute 0");
	ask("reload");
	CHECK_INT(stage.code, 0);
	tell(1, "exit");
	EVENTUALLY(status_of("restarts", 1) == 2 && healthy());
	CHECK_STR(tell(1, "epoch?"), "2"); /* a new one knows the number of what it serves */
	CHECK_INT(close_duo(), 0);
}

TEST(leaving_in_between_does_not_hang_reloads)
{
	stage_open(&duo, "");
	begin_reload(false, NULL);
	tell(0, "send 2 2");
	tell(1, "send 5 2"); /* DRAINED, and it lives on */
	EVENTUALLY(logged("reload refused"));
	EVENTUALLY(healthy());
	tell(0, "mute 0");
	ask("reload");
	CHECK_INT(stage.code, 0);
	CHECK_INT(close_duo(), 0);
}

TEST(silence_means_no)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_reload(true, &asker);
	tell(0, "send 2 2");
	CHECK_INT(answer_of(asker), EXIT_ZT_FAILED);
	CHECK(logged("by=one"));
	CHECK_INT(status_of("epoch", 0), 1);
	CHECK_INT(close_duo(), 0);
}

TEST(one_that_gets_ready_in_between_is_asked_too)
{
	stage_open(&duo, "");
	tell(0, "mute 1");
	tell(1, "exit"); /* starts again after 0.1 s */
	EVENTUALLY(status_of("restarts", 1) == 1);
	kill(stage.super, SIGHUP);
	EVENTUALLY(told(0, PREPARE2) && told(1, PREPARE2));
	CHECK_INT(status_of("epoch", 0), 1);
	tell(0, "send 2 2");
	EVENTUALLY(told(0, COMMIT2) && told(1, COMMIT2));
	CHECK_INT(close_duo(), 0);
}

/* It has the old text, so it is started again: for no fault of its own. */
TEST(one_that_is_starting_is_replaced)
{
	static const struct super_child slow[] = {PUPPET("puppet-0", "zero"),
						  PUPPET("silent-1", "one")};
	static const struct super_role role = PUPPETS("duo", slow, 2);
	long pid;

	stage_fork(&role, "");
	EVENTUALLY(strstr(ask("health"), "zero up") != NULL);
	pid = status_of("pid", 1);
	ask("reload");
	CHECK_INT(stage.code, 0);
	EVENTUALLY(status_of("pid", 1) > 0 && status_of("pid", 1) != pid);
	CHECK_INT(status_of("restarts", 1), 0);
	CHECK_STR(tell(1, "epoch?"), "2");
	CHECK_INT(close_duo(), 0);
}

TEST(a_stop_in_between_is_an_answer)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_reload(true, &asker);
	kill(stage.super, SIGTERM);
	CHECK_INT(answer_of(asker), 100 + EXIT_ZT_FAILED);
	kill(stage.super, SIGTERM);
	CHECK_INT(stage_wait(), 0);
	CHECK(!logged("bug at"));
}

/* The file may have changed after the first was read. */
TEST(a_hup_in_between_is_not_forgotten)
{
	stage_open(&duo, "");
	begin_reload(false, NULL);
	kill(stage.super, SIGHUP);
	ask("health"); /* the signal has been read: signals come first */
	tell(0, "mute 0");
	tell(1, "mute 0");
	tell(0, "send 2 2");
	tell(1, "send 2 2");
	EVENTUALLY(status_of("epoch", 0) == 3);
	CHECK_INT(close_duo(), 0);
}

TEST(a_second_asker_is_told_to_wait)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_reload(true, &asker);
	ask("reload");
	CHECK_INT(stage.code, EXIT_ZT_LOCKED);
	tell(0, "send 2 2");
	tell(1, "send 2 2");
	CHECK_INT(answer_of(asker), 0);
	CHECK_INT(close_duo(), 0);
}

TEST(an_asker_that_leaves_changes_nothing)
{
	pid_t asker = 0;

	stage_open(&duo, "");
	begin_reload(true, &asker);
	kill(asker, SIGKILL);
	CHECK_INT(answer_of(asker), -1);
	CHECK(healthy());
	tell(0, "send 2 2");
	tell(1, "send 2 2");
	EVENTUALLY(status_of("epoch", 0) == 2);
	CHECK_INT(close_duo(), 0);
}

TEST(two_hundred_reloads_leak_nothing)
{
	int before;

	stage_open(&duo, "");
	ask("reload"); /* whatever is opened once */
	before = descriptors_of(stage.super);
	for (int i = 0; i < 100; i++) {
		stage_conf(3, "");
		ask("reload");
		CHECK_INT(stage.code, 0);
		stage_conf(2, "");
		ask("reload");
		CHECK_INT(stage.code, 0);
	}
	CHECK_INT(descriptors_of(stage.super), before);
	CHECK_INT(status_of("epoch", 0), 202);
	CHECK_INT(status_of("restarts", 0), 0);
	CHECK_INT(close_duo(), 0);
}
