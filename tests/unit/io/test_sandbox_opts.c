/*
 * sandbox: how a jailed process ends and how that is told, who it is, what jail_enter()
 * refuses, what its two development switches leave on, and its one-line summary.
 */
#include "tests/unit/io/jailed.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/num.h"

/* ---- how it ends -------------------------------------------------------------------------------- */

static int forks(struct given *g)
{
	(void)g;
	return fork() == 0 ? 0 : 1;
}

static int aborts(struct given *g)
{
	(void)g;
	abort();
}

TEST(a_breach_is_seen_and_told)
{
	struct jail_opts o = jail_for(JAIL_WORKER, NULL, 0, -1);
	char text[128];
	int status = in_jail(&o, forks);

	if (!filtered())
		return;
	CHECK(jail_death_is_breach(status));
	jail_death_text(status, text, sizeof text);
	CHECK_STR(text, "killed by the kernel: it tried a system call that its jail forbids (SIGSYS)");
}

TEST(a_bug_of_ours_is_not_taken_for_a_breach)
{
	static const enum jail_profile ps[] = {JAIL_WORKER, JAIL_KEYS};

	for (size_t i = 0; i < ARRAY_LEN(ps); i++) {
		struct jail_opts o = jail_for(ps[i], NULL, 0, -1);
		int status = in_jail(&o, aborts);

		CHECK(WIFSIGNALED(status));
		CHECK_INT(WTERMSIG(status), SIGABRT);
		CHECK(!jail_death_is_breach(status));
	}
}

TEST(ends_have_words)
{
	char text[128];

	jail_death_text(3 << 8, text, sizeof text);
	CHECK_STR(text, "exited with code 3");
	jail_death_text(SIGKILL, text, sizeof text);
	CHECK_STR(text, "killed by signal 9 (Killed)");
	jail_death_text(0x7f | SIGSTOP << 8, text, sizeof text);
	CHECK(strstr(text, "without ending") != NULL);
	jail_death_text(SIGSYS, text, 10);
	CHECK_STR(text, "killed by");
}

/* ---- who it is ------------------------------------------------------------------------------- */

struct caps {
	uint64_t permitted, effective, inheritable;
};

static bool caps_of_self(struct caps *out)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct set[2] = {0};

	if (syscall(SYS_capget, &head, set) != 0)
		return false;
	out->permitted = set[0].permitted | (uint64_t)set[1].permitted << 32;
	out->effective = set[0].effective | (uint64_t)set[1].effective << 32;
	out->inheritable = set[0].inheritable | (uint64_t)set[1].inheritable << 32;
	return true;
}

static uint64_t bounding_set(void)
{
	uint64_t all = 0;

	for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		all |= (uint64_t)prctl(PR_CAPBSET_READ, cap, 0, 0, 0) << cap;
	return all;
}

/* Everything that a process can have too much of: groups, inheritable and ambient sets. */
static bool take_too_much(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct set[2];
	const gid_t groups[] = {4, 5};

	if (!is_root())
		return true;
	if (setgroups(2, groups) != 0 || syscall(SYS_capget, &head, set) != 0)
		return false;
	set[0].inheritable = set[0].permitted;
	return syscall(SYS_capset, &head, set) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0;
}

static int has_no_power(struct given *g)
{
	struct rlimit core;
	struct caps c;
	uid_t r, e, s;
	int step = 0;

	STEP(getresuid(&r, &e, &s) == 0 && r != 0 && e == r && s == r);
	STEP(e != NOBODY || getgroups(0, NULL) == 0);
	STEP(caps_of_self(&c) && (c.permitted | c.effective | c.inheritable) == 0);
	STEP(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0) == 0);
	STEP(bounding_set() == 0 || strstr(g->report.layer[JAIL_L_USER].text, "was not started as root"));
	STEP(setuid(0) != 0 && setgid(0) != 0);
	STEP(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	STEP(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	STEP(g->report.layer[JAIL_L_NOCORE].state == JAIL_PARTIAL || prctl(PR_GET_DUMPABLE) == 0);
	return 0;
}

static int with_too_much(struct jail_opts *o, int (*body)(struct given *))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(take_too_much() ? WEXITSTATUS(in_jail(o, body)) : 199);
	waitpid(pid, &status, 0);
	return status;
}

TEST(root_is_gone_and_stays_gone)
{
	struct jail_opts o = jail_for(JAIL_PROBE, NULL, 0, -1);

	check_exit(with_too_much(&o, has_no_power), "probe");
}

#define BIT64(n) (1ull << (n))
static int has_what_it_needs(struct given *g)
{
	const uint64_t keep = BIT64(CAP_NET_BIND_SERVICE) | BIT64(CAP_CHOWN) | BIT64(CAP_FOWNER) |
			      BIT64(CAP_DAC_OVERRIDE) | BIT64(CAP_KILL) | BIT64(CAP_SETUID) |
			      BIT64(CAP_SETGID) | BIT64(CAP_SETPCAP);
	struct caps c;
	int step = 0;

	STEP(caps_of_self(&c) && c.inheritable == 0 && c.permitted == c.effective);
	STEP((c.permitted & ~keep) == 0);
	STEP(g->report.layer[JAIL_L_CAPS].state == JAIL_ON);
	STEP(getuid() != 0 || (bounding_set() & ~keep) == 0);
	STEP(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	STEP(g->report.layer[JAIL_L_NOCORE].state == JAIL_PARTIAL || prctl(PR_GET_DUMPABLE) == 0);
	return 0;
}

TEST(a_supervisor_keeps_what_its_work_needs_and_no_more)
{
	struct jail_opts o = jail_for(JAIL_SUPERVISOR, NULL, 0, -1);

	check_exit(with_too_much(&o, has_what_it_needs), "supervisor");
}

static int still_root(struct given *g)
{
	struct why why = {0};
	int step = 0;

	STEP(g->report.layer[JAIL_L_USER].state == JAIL_ABSENT);
	STEP(jail_missing(&g->report, &why) == -ZT_E_SANDBOX);
	STEP(strstr(why.text, "user (still root") != NULL);
	STEP(chown("/proc/self", 1, 1) != 0);
	return 0;
}

TEST(root_without_a_user_to_become_is_reported)
{
	struct jail_opts o = {.profile = JAIL_PROBE, .dir_fd = -1};

	if (is_root())
		check_exit(in_jail(&o, still_root), "probe");
}

/* In a child that is nobody special and is told to become somebody else. */
static int cannot_become(void)
{
	struct jail_opts o = {.profile = JAIL_WORKER, .uid = 4242, .gid = 4242, .dir_fd = -1};
	struct jail_report r;
	struct why why = {0};
	int step = 0;

	STEP(!is_root() || setresuid(NOBODY, NOBODY, NOBODY) == 0);
	STEP(jail_enter(&o, &r, &why) == -ZT_E_PERM);
	STEP(strstr(why.text, "cannot become uid 4242") != NULL);
	STEP(r.layer[JAIL_L_USER].state == JAIL_ABSENT);
	return 0;
}

TEST(a_user_that_cannot_be_had_is_an_error)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(cannot_become());
	waitpid(pid, &status, 0);
	check_exit(status, "worker");
}

/* ---- options ---------------------------------------------------------------------------------- */

TEST(impossible_wishes_are_refused)
{
	struct jail_report r;
	struct why why = {0};
	int keep[1] = {3};

	CHECK_INT(jail_enter(&(struct jail_opts){.profile = JAIL_LOGD, .dir_fd = -1}, &r, &why), -ZT_E_USAGE);
	CHECK_STR(why.text, "the logd jail takes one directory");
	CHECK_INT(jail_enter(&(struct jail_opts){.profile = JAIL_WORKER, .dir_fd = 3}, &r, NULL), -ZT_E_USAGE);
	CHECK_INT(jail_enter(&(struct jail_opts){.profile = JAIL_PROFILE_COUNT, .dir_fd = -1}, &r, NULL), -ZT_E_USAGE);
	CHECK_INT(jail_enter(&(struct jail_opts){.profile = JAIL_WORKER, .uid = 5, .dir_fd = -1}, &r, NULL), -ZT_E_USAGE);
	CHECK_INT(jail_enter(&(struct jail_opts){.profile = JAIL_WORKER, .dir_fd = -1, .keep = keep,
						 .keep_n = JAIL_KEEP_MAX + 1}, &r, NULL), -ZT_E_RANGE);
	CHECK_INT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0); /* and nothing had happened yet */
}

static int nothing_is_on(struct given *g)
{
	struct rlimit core;
	int step = 0, wx = PROT_READ | PROT_WRITE | PROT_EXEC;

	STEP(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && prctl(PR_GET_DUMPABLE) == 1);
	STEP(prctl(PR_GET_SECCOMP) == 0 && getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max != 0);
	STEP(mmap(NULL, 4096, wx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	STEP(fcntl(g->fd[1], F_GETFD) >= 0); /* not on the keep list */
	STEP(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 1 || getuid() != 0);
	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++)
		STEP(g->report.layer[l].state == JAIL_OFF);
	STEP(jail_missing(&g->report, NULL) == -ZT_E_SANDBOX);
	return 0;
}

TEST(off_means_all_of_it)
{
	int fd[2] = {fcntl(0, F_DUPFD, 60), fcntl(0, F_DUPFD, 61)};
	struct jail_opts o = jail_for(JAIL_WORKER, fd, 1, -1);
	struct rlimit was;

	NEED(getrlimit(RLIMIT_CORE, &was) == 0);
	o.off = true;
	if (was.rlim_max == 0)
		printf("(core limit is 0 here already)\n");
	else
		check_exit(in_jail(&o, nothing_is_on), "off");
	close(fd[0]), close(fd[1]);
}

static int may_fork_but_is_not_complete(struct given *g)
{
	struct why why = {0};
	int step = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	STEP(pid > 0 && waitpid(pid, NULL, 0) == pid);
	STEP(g->report.layer[JAIL_L_SECCOMP].state == JAIL_PARTIAL);
	STEP(jail_missing(&g->report, &why) == -ZT_E_SANDBOX && strstr(why.text, "development"));
	return 0;
}

TEST(development_mode_logs_and_does_not_count_as_on)
{
	struct jail_opts o = jail_for(JAIL_WORKER, NULL, 0, -1);

	o.seccomp_log = true;
	if (filtered())
		check_exit(in_jail(&o, may_fork_but_is_not_complete), "log mode");
}

TEST(a_summary_is_one_line)
{
	struct jail_report r = {.profile = JAIL_WORKER};
	char text[512];
	struct wr w = wr_of(text, sizeof text - 1);

	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++)
		r.layer[l].state = l < 2 ? JAIL_ON : JAIL_OFF;
	r.layer[JAIL_L_TCP].state = JAIL_ABSENT;
	snprintf(r.layer[JAIL_L_TCP].text, JAIL_TEXT, "ABI 3; needs 4");
	jail_summary(&w, &r);
	text[w.n] = 0;
	CHECK_STR(text, "worker: on no-core, user; absent landlock-tcp (ABI 3; needs 4); off capabilities, "
			"no-new-privs, landlock-files, landlock-scopes, w^x, descriptors, seccomp");
}
