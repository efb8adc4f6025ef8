/*
 * A child that takes no new configuration: a reload starts another one beside it, which serves
 * only when everybody agrees, while the first finishes what it has. And the lines between
 * children, which lead to the right one all the time.
 */
#include "tests/unit/io/keeper.h"

#include <sys/ptrace.h>

/* ---- the stage ---------------------------------------------------------------------------- */

#define KEEPER {.kind = "keeper", .proc = "keeper", .who = CONF_FOR_TLSD, .files = files_of_tls, .anew = true}
static const struct super_child pair[] = {PUPPET("puppet-0", "zero"), KEEPER};
static const struct super_link line[] = {{0, 1}};
static const struct super_role role = {
	.name = "pair", .children = pair, .n = 2, .listen = puppet_listen, .links = line, .nlinks = 1};

static char cert[200], key[200], extra[600];

static void put(const char *path, const char *text, mode_t mode)
{
	char new[240];
	int fd;

	snprintf(new, sizeof new, "%s.new", path);
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	CHECK(fd >= 0 && fchmod(fd, mode) == 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	CHECK_INT(rename(new, path), 0);
}

static void files_before(const char *text)
{
	snprintf(cert, sizeof cert, "%s", unit_tmp("cert"));
	snprintf(key, sizeof key, "%s", unit_tmp("key"));
	put(cert, text, 0644);
	put(key, "k", 0600);
	snprintf(extra, sizeof extra, "[host a]\nnames = a.example.org\ncert = %s\nkey = %s\n", cert, key);
}

static void open_pair(const char *text)
{
	files_before(text);
	stage_open(&role, extra);
}

static bool over(const char *command, const char *want)
{
	return strcmp(tell(0, command), want) == 0;
}

/* How often the status names a keeper. */
static int keepers(void)
{
	int n = 0;

	for (const char *at = ask("status json"); (at = strstr(at, "\"name\":\"keeper\"")); at++)
		n++;
	return n;
}

static int reload(void)
{
	ask("reload");
	return stage.code;
}

/* ---- lines -------------------------------------------------------------------------------- */

TEST(both_are_joined_when_both_are_up)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	CHECK_STR(tell(0, "orders?"), "22:1 ");
	CHECK_INT(stage_close(), 0);
}

TEST(one_that_died_is_joined_again)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	tell(0, "line exit");
	EVENTUALLY(status_of("restarts", 1) == 1 && healthy());
	EVENTUALLY(over("line x", "1 first"));
	CHECK_STR(tell(0, "old x"), "nobody");
	tell(0, "exit");
	EVENTUALLY(status_of("restarts", 0) == 1 && healthy());
	EVENTUALLY(over("line x", "1 first"));
	CHECK_INT(stage_close(), 0);
}

/* What was judged is what is served, whatever lies on the disk by now. */
TEST(one_that_died_gets_the_same_files_again)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	put(cert, "second", 0644);
	put(key, "k", 0644);
	tell(0, "line exit");
	EVENTUALLY(status_of("restarts", 1) == 1 && healthy());
	EVENTUALLY(over("line x", "1 first"));
	CHECK_INT(stage_close(), 0);
}

/* ---- generations -------------------------------------------------------------------------- */

TEST(a_reload_starts_a_second_one_and_drains_the_first)
{
	long first, second;

	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	first = status_of("pid", 1);
	put(cert, "second", 0644);
	CHECK_INT(reload(), 0);
	EVENTUALLY(over("line x", "2 second"));
	CHECK_STR(tell(0, "old x"), "1 first"); /* what it has begun it finishes */
	CHECK_STR(tell(0, "orders?"), "22:1 16:2 22:2 17:2 "); /* the line before the COMMIT it waits for */
	CHECK_INT(keepers(), 2);
	second = status_of("pid", 1);
	CHECK(second != first);
	CHECK_INT(status_of("pid", 2), first); /* the one that serves comes first */
	CHECK_INT(status_of("epoch", 2), 2);   /* 0: the role, 1: zero, 2: keeper */
	CHECK_INT(status_of("epoch", 3), 1);
	CHECK(strstr(ask("status"), "of epoch 1") != NULL);
	CHECK(strstr(ask("health"), "keeper leaving") == NULL);
	CHECK(healthy());
	tell(0, "drop");
	EVENTUALLY(keepers() == 1);
	CHECK_INT(status_of("pid", 1), second);
	CHECK_INT(status_of("restarts", 1), 0);
	CHECK(!logged("child died"));
	CHECK_INT(stage_close(), 0);
}

static void refused(const char *text, int code, const char *reason)
{
	long pid;

	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	pid = status_of("pid", 1);
	put(cert, text, 0644);
	CHECK_INT(reload(), code);
	CHECK(strstr(stage.reply, reason) != NULL);
	CHECK_STR(tell(0, "line x"), "1 first");
	CHECK_INT(status_of("epoch", 0), 1);
	EVENTUALLY(keepers() == 1);
	CHECK_INT(status_of("pid", 1), pid);
	CHECK_INT(status_of("restarts", 1), 0);
	CHECK(healthy());
	CHECK_STR(tell(0, "orders?"), "22:1 16:2 18:2 ");
	put(cert, "good", 0644); /* and the next one is a reload like any other */
	CHECK_INT(reload(), 0);
	EVENTUALLY(over("line x", "2 good"));
	CHECK_INT(stage_close(), 0);
}

TEST(its_refusal_is_told_in_its_words) { refused("refuse", EXIT_ZT_CONFIG, "the key does not fit"); }
TEST(its_death_means_no) { refused("die", EXIT_ZT_FAILED, "it died while it was asked"); }
TEST(its_silence_means_no) { refused("silent", EXIT_ZT_FAILED, "it died while it was asked"); }

TEST(a_file_that_may_not_be_used_means_no)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	put(key, "k", 0640);
	CHECK_INT(reload(), EXIT_ZT_CONFIG);
	CHECK(strstr(stage.reply, "chmod 600 ") != NULL && strstr(stage.reply, key) != NULL);
	CHECK_STR(tell(0, "line x"), "1 first");
	CHECK_STR(tell(0, "orders?"), "22:1 "); /* nobody was asked */
	put(key, "k", 0600);
	CHECK_INT(reload(), 0);
	CHECK_INT(stage_close(), 0);
}

TEST(a_refusal_of_another_child_ends_the_new_one)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	tell(0, "mute 1");
	put(cert, "second", 0644);
	kill(stage.super, SIGHUP);
	EVENTUALLY(strstr(tell(0, "orders?"), "16:2 ") != NULL);
	EVENTUALLY(keepers() == 2);
	tell(0, "send 3 2 no");
	EVENTUALLY(logged("reload refused"));
	EVENTUALLY(keepers() == 1);
	CHECK_STR(tell(0, "line x"), "1 first");
	CHECK(!logged("child died"));
	tell(0, "mute 0");
	CHECK_INT(stage_close(), 0);
}

/* The one in force may die while the next is judged: that is no answer. */
TEST(a_death_of_the_first_in_between_changes_nothing)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	tell(0, "mute 1");
	put(cert, "second", 0644);
	kill(stage.super, SIGHUP);
	EVENTUALLY(strstr(tell(0, "orders?"), "16:2 ") != NULL && keepers() == 2);
	tell(0, "line exit");
	EVENTUALLY(status_of("restarts", 1) == 1);
	tell(0, "send 2 2");
	EVENTUALLY(over("line x", "2 second"));
	EVENTUALLY(keepers() == 1 && healthy());
	CHECK_INT(status_of("restarts", 1), 1); /* it was a fault of its kind */
	tell(0, "mute 0");
	CHECK_INT(stage_close(), 0);
}

/* The keeper that is neither of two. */
static pid_t third(long one, long two)
{
	for (size_t i = 1; i <= 3; i++) {
		long pid = status_of("pid", i);

		if (pid != one && pid != two)
			return (pid_t)pid;
	}
	return -1;
}

/* Whoever traces a process hears of its death first, and its parent only after that: so a death
 * takes as long as the test wants. The one that is refused stands behind the next one's place. */
TEST(one_that_takes_long_to_die_never_serves)
{
	long first, second;
	pid_t heir;

	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	first = status_of("pid", 1);
	CHECK_INT(reload(), 0);
	EVENTUALLY(over("line x", "2 first"));
	second = status_of("pid", 1);
	tell(0, "mute 1");
	put(cert, "refused", 0644);
	kill(stage.super, SIGHUP);
	EVENTUALLY(strstr(tell(0, "orders?"), "16:3 ") != NULL && keepers() == 3);
	heir = third(first, second);
	NEED(ptrace(PTRACE_SEIZE, heir, NULL, NULL) == 0);
	tell(0, "send 3 3 no");
	EVENTUALLY(logged("reload refused"));
	tell(0, "mute 0");
	tell(0, "drop");
	EVENTUALLY(kill((pid_t)first, 0) < 0 && keepers() == 2);
	put(cert, "third", 0644);
	CHECK_INT(reload(), 0);
	EVENTUALLY(over("line x", "3 third"));
	CHECK(status_of("pid", 1) != heir && healthy());
	CHECK(waitpid(heir, NULL, __WALL) == heir);
	tell(0, "drop");
	EVENTUALLY(keepers() == 1);
	CHECK_STR(tell(0, "line x"), "3 third");
	CHECK_INT(status_of("restarts", 1), 0);
	CHECK_INT(stage_close(), 0);
}

/* Three that never end drain beside the one that serves; one more, and the oldest is ended. */
TEST(the_oldest_is_ended_by_reloads_to_come)
{
	long first;

	open_pair("stay");
	EVENTUALLY(over("line x", "1 stay"));
	first = status_of("pid", 1);
	for (int i = 2; i < 8; i++) {
		char want[16];

		snprintf(want, sizeof want, "%d stay", i);
		CHECK_INT(reload(), 0);
		EVENTUALLY(over("line x", want));
		EVENTUALLY(keepers() == (i < 4 ? i : 4));
		CHECK((i < 5) == (kill((pid_t)first, 0) == 0));
		CHECK(healthy());
	}
	CHECK_INT(status_of("restarts", 1), 0);
	CHECK(!logged("child died"));
	kill(stage.super, SIGTERM); /* "stay" holds the stop up, too */
	EVENTUALLY(logged("stopping"));
	CHECK_INT(stage_close(), 0);
}

TEST(a_stop_ends_all_generations)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	CHECK_INT(reload(), 0);
	EVENTUALLY(over("line x", "2 first"));
	CHECK_INT(keepers(), 2);
	CHECK_INT(stage_close(), 0);
	CHECK(!logged("drain took too long"));
}

TEST(fifty_reloads_leak_nothing)
{
	int before;

	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	CHECK_INT(reload(), 0);
	EVENTUALLY(over("line x", "2 first"));
	tell(0, "drop");
	EVENTUALLY(keepers() == 1);
	before = descriptors_of(stage.super);
	for (int i = 3; i < 53; i++) {
		char want[16];

		snprintf(want, sizeof want, "%d first", i);
		CHECK_INT(reload(), 0);
		EVENTUALLY(over("line x", want));
		tell(0, "drop");
		EVENTUALLY(keepers() == 1);
	}
	CHECK_INT(descriptors_of(stage.super), before);
	CHECK_INT(stage_close(), 0);
}

/* ---- starting ----------------------------------------------------------------------------- */

TEST(files_that_may_not_be_used_end_the_start)
{
	files_before("first");
	put(key, "k", 0604);
	stage_fork(&role, extra);
	CHECK_INT(stage_wait(), EXIT_ZT_FAILED);
	CHECK(logged("chmod 600 ") && logged(key));
	unlink(key);
	stage_fork(&role, extra);
	CHECK_INT(stage_wait(), EXIT_ZT_FAILED);
	CHECK(logged("cannot open ") && logged(key));
}

TEST(a_keeper_that_refuses_ends_the_start)
{
	files_before("refuse");
	stage_fork(&role, extra);
	CHECK_INT(stage_wait(), EXIT_ZT_CONFIG);
	CHECK(logged("why: child keeper cannot start: the key does not fit"));
}

/* Six generations of eight kinds, and logd: more processes than there may be. */
TEST(kinds_that_may_be_too_many_are_refused)
{
	static const struct super_child eight[] = {KEEPER, KEEPER, KEEPER, KEEPER, KEEPER, KEEPER, KEEPER, KEEPER};
	static const struct super_role crowd = {.name = "crowd", .children = eight, .n = 8};

	files_before("first");
	stage_fork(&crowd, extra);
	CHECK_INT(stage_wait(), EXIT_ZT_FAILED);
	CHECK(logged("may have 49 children at a time, at most 32"));
}

/* One that can take a new configuration gets the new bundle with the offer, before its listeners. */
TEST(a_child_that_stays_is_offered_its_files)
{
	static const struct super_child stays[] = {
		{.kind = "puppet-1", .proc = "one", .who = CONF_FOR_WORKER, .listeners = true, .files = files_of_tls}};
	static const struct super_role solo = PUPPETS("solo", stays, 1);

	files_before("first");
	stage_open(&solo, extra); /* its listener is the second descriptor */
	CHECK_STR(tell(0, "epoch?"), "1");
	tell(0, "mute 1");
	kill(stage.super, SIGHUP);
	EVENTUALLY(strstr(tell(0, "orders?"), "16:2 ") != NULL);
	CHECK_STR(tell(0, "given?"), "3"); /* configuration, bundle, listener */
	tell(0, "mute 0");
	tell(0, "send 2 2");
	EVENTUALLY(status_of("epoch", 0) == 2);
	CHECK_INT(stage_close(), 0);
}

/* ---- the watch ---------------------------------------------------------------------------- */

/* Nobody asks for it; and what somebody is writing into the configuration waits for a reload. */
TEST(a_changed_file_is_loaded_by_itself)
{
	open_pair("first");
	EVENTUALLY(over("line x", "1 first"));
	stage_conf(1, "nonsense\n");
	put(cert, "second", 0644);
	EVENTUALLY(over("line x", "2 second"));
	CHECK(logged("have changed, reloading"));
	CHECK(!logged("reload refused"));
	CHECK_INT(stage_close(), 0);
}
