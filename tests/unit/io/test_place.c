/* Where a role keeps its things, and that it has them for itself. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/place.h"

TEST(configured_places_win)
{
	struct place p;

	CHECK_INT(place_resolve(&p, "edge", "/a", "/b", NULL), 0);
	CHECK_STR(p.state, "/a/edge");
	CHECK_STR(p.run, "/b");
	CHECK_STR(p.sock, "/b/edge.sock");
}

TEST(defaults_follow_who_we_are)
{
	struct place p;

	setenv("XDG_STATE_HOME", "/s", 1);
	setenv("XDG_RUNTIME_DIR", "/r", 1);
	CHECK_INT(place_resolve(&p, "edge", "", "", NULL), 0);
	if (geteuid() == 0) { /* root's places do not depend on the environment */
		CHECK_STR(p.state, "/var/lib/zt/edge");
		CHECK_STR(p.run, "/run/zt");
		return;
	}
	CHECK_STR(p.state, "/s/zt/edge");
	CHECK_STR(p.run, "/r/zt");
	setenv("XDG_STATE_HOME", "not/absolute", 1); /* the XDG rules: ignored */
	setenv("HOME", "/home/u", 1);
	unsetenv("XDG_RUNTIME_DIR");
	CHECK_INT(place_resolve(&p, "edge", "", "", NULL), 0);
	CHECK_STR(p.state, "/home/u/.local/state/zt/edge");
	CHECK_STR(p.run, "/home/u/.local/state/zt/run"); /* all roles in one: zt status looks there */
}

TEST(without_a_runtime_directory_sockets_are_beside_the_state)
{
	struct place p;

	if (geteuid() == 0)
		return; /* root's is /run/zt whatever else is set */
	unsetenv("XDG_RUNTIME_DIR");
	CHECK_INT(place_resolve(&p, "edge", "/a/b", "", NULL), 0);
	CHECK_STR(p.run, "/a/b/run");
}

TEST(a_path_that_no_socket_can_have_is_refused_with_what_to_do)
{
	char longest[PLACE_PATH + 1];
	struct why w = {0};
	struct place p;

	memset(longest, 'x', sizeof longest - 1);
	longest[0] = '/';
	longest[sizeof longest - 1] = 0;
	CHECK_INT(place_resolve(&p, "edge", "/a", longest, &w), -ZT_E_TOOLONG);
	CHECK(strstr(w.text, "run_dir") != NULL);
}

TEST(directories_are_made_and_must_be_ours_alone)
{
	const char *deep = unit_tmp("one/two/three");
	struct why w = {0}, w2 = {0}, w3 = {0};
	struct stat st;
	int fd = place_open_dir(deep, &w);

	NEED(fd >= 0);
	CHECK_INT(fstat(fd, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0700);
	close(fd);
	CHECK_INT(chmod(deep, 0750), 0);
	CHECK_INT(place_open_dir(deep, &w2), -ZT_E_PERM);
	CHECK(strstr(w2.text, "chmod 700") != NULL);
	CHECK_INT(symlink(deep, unit_tmp("link")), 0);
	CHECK(place_open_dir(unit_tmp("link"), &w3) < 0);
	CHECK(strstr(w3.text, "link") != NULL);
}

TEST(one_lock_at_a_time_and_it_names_the_holder)
{
	const char *dir = unit_tmp("locked");
	int lock = place_lock(dir, "lock", NULL), other = place_lock(dir, "other", NULL), status;
	char pid[24];
	pid_t kid;

	NEED(lock >= 0 && other >= 0); /* two names are two locks */
	close(other);
	snprintf(pid, sizeof pid, "process %ld", (long)getpid());
	kid = fork();
	if (kid == 0) { /* a lock belongs to the open file: another process opens its own */
		struct why w = {0};

		_exit(place_lock(dir, "lock", &w) == -ZT_E_LOCKED && strstr(w.text, pid) ? 0 : 1);
	}
	CHECK(waitpid(kid, &status, 0) == kid && status == 0);
	close(lock);
	lock = place_lock(dir, "lock", NULL); /* free again without any cleaning up */
	CHECK(lock >= 0);
	close(lock);
}

/* What stands there may be anything, and the lock overwrites it. */
TEST(a_planted_lock_is_refused_and_left_alone)
{
	const char *dir = unit_tmp("planted"), *lock = unit_tmp("planted/lock"), *precious = unit_tmp("precious");
	struct why link = {0}, hard = {0}, fifo = {0};
	struct stat st;
	int fd = place_open_dir(dir, NULL);

	NEED(fd >= 0);
	close(fd);
	fd = open(precious, O_WRONLY | O_CREAT, 0600);
	CHECK_INT(write(fd, "gold", 4), 4);
	close(fd);
	CHECK_INT(symlink(precious, lock), 0);
	CHECK(place_lock(dir, "lock", &link) < 0);
	CHECK_INT(unlink(lock), 0);
	CHECK_INT(linkat(AT_FDCWD, precious, AT_FDCWD, lock, 0), 0);
	CHECK_INT(place_lock(dir, "lock", &hard), -ZT_E_PERM);
	CHECK(strstr(hard.text, "planted/lock") != NULL);
	CHECK(stat(precious, &st) == 0 && st.st_size == 4);
	CHECK_INT(unlink(lock), 0);
	CHECK_INT(mkfifo(lock, 0600), 0); /* and it does not wait for a writer */
	CHECK_INT(place_lock(dir, "lock", &fifo), -ZT_E_PERM);
}

/* ---- a child's directory ------------------------------------------------------------------------- */

static int below(const char *name, uid_t uid, struct why *w)
{
	*w = (struct why){0};
	return place_open_below(unit_tmp("parent"), name, uid, 1, w);
}

static void settles(const char *name, uid_t uid)
{
	struct stat st;
	struct why w;
	int fd = below(name, uid, &w);

	if (fd < 0)
		unit_fail(__FILE__, __LINE__, "%s", w.text);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(st.st_uid, uid);
	close(fd);
}

TEST(a_directory_below_is_made_closed_and_given_away)
{
	NEED(mkdir(unit_tmp("parent"), 0700) == 0);
	settles("mine", geteuid());
	settles("mine", geteuid()); /* and found again */
	if (geteuid() != 0)
		return; /* only root gives away */
	settles("theirs", 65532);
	settles("theirs", 65532);
	settles("mine", 65532);
}

TEST(a_directory_below_that_is_not_ours_to_give_is_refused)
{
	char at[300], to[300];
	struct why w;

	mkdir(unit_tmp("parent"), 0700);
	snprintf(at, sizeof at, "%s/open", unit_tmp("parent"));
	NEED(mkdir(at, 0700) == 0 && chmod(at, 0750) == 0);
	CHECK_INT(below("open", geteuid(), &w), -ZT_E_PERM);
	CHECK(strstr(w.text, at) && strstr(w.text, "chmod 700"));
	snprintf(to, sizeof to, "%s/link", unit_tmp("parent"));
	NEED(symlink(at, to) == 0);
	CHECK(below("link", geteuid(), &w) < 0 && strstr(w.text, to));
	snprintf(to, sizeof to, "%s/file", unit_tmp("parent"));
	close(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK(below("file", geteuid(), &w) < 0 && strstr(w.text, to));
	if (geteuid() != 0)
		return;
	snprintf(at, sizeof at, "%s/stranger", unit_tmp("parent"));
	NEED(mkdir(at, 0700) == 0 && chown(at, 12345, 12345) == 0);
	CHECK_INT(below("stranger", 65532, &w), -ZT_E_PERM);
	CHECK(strstr(w.text, "12345") && strstr(w.text, "chown -R 65532"));
}
