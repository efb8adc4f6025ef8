/*
 * probe: what every profile must be refused, tried; that the same attempts succeed without a
 * jail (a probe that cannot find fault proves nothing); and what remains on kernels that lack
 * layers, played by a filter that answers as such a kernel would.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/landlock.h"
#include "io/probe.h"
#include "io/sandbox.h"
#include "io/sysnr.h"

#define NOBODY 65534

static uid_t other_user(void)
{
	return geteuid() == 0 ? NOBODY : 0;
}

static const struct attempt *attempt_named(const char *name)
{
	for (size_t i = 0; i < attempts_n; i++)
		if (strcmp(attempts[i].name, name) == 0)
			return &attempts[i];
	abort();
}

struct tally {
	unsigned held, gap, breach, open;
};

/* All attempts of one profile; says which ones were not refused although they should be. */
static struct tally try_all(const struct probe *p, enum jail_profile profile, const struct jail_report *r)
{
	struct tally t = {0};

	for (size_t i = 0; i < attempts_n; i++) {
		struct probe_result got;
		enum probe_verdict v;

		if (!probe_applies(&attempts[i], profile))
			continue;
		got = probe_try(p, profile, &attempts[i]);
		v = probe_judge(&attempts[i], r, got);
		t.held += v == PROBE_HELD;
		t.gap += v == PROBE_GAP;
		t.breach += v == PROBE_BREACH;
		t.open += v == PROBE_OPEN;
		if (v == PROBE_BREACH)
			unit_fail(__FILE__, __LINE__, "%s, %s: outcome %d, errno %d", jail_profile_name(profile),
				  attempts[i].name, got.outcome, got.err);
	}
	return t;
}

/* What this kernel has must be on: a layer that is never put on would also refuse nothing. */
static void check_layers(const struct jail_report *r)
{
	int abi = landlock_abi();

	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++) {
		bool has = l == JAIL_L_FILES	? abi >= LANDLOCK_ABI_TRUNCATE
			   : l == JAIL_L_TCP	? abi >= LANDLOCK_ABI_TCP
			   : l == JAIL_L_SCOPES ? abi >= LANDLOCK_ABI_SCOPES
			   : l == JAIL_L_WX	? prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) >= 0
						: true;

		if (has && jail_wants(r->profile, (enum jail_layer)l) && r->layer[l].state == JAIL_ABSENT)
			unit_fail(__FILE__, __LINE__, "%s: %s is absent: %s", jail_profile_name(r->profile),
				  jail_layer_name((enum jail_layer)l), r->layer[l].text);
	}
}

TEST(every_profile_is_refused_what_it_must_be)
{
	struct probe p;
	struct why why = {0};
	unsigned held = 0;

	NEED(probe_open(&p, other_user(), other_user(), false, &why) == 0);
	for (unsigned i = 0; i < JAIL_PROFILE_COUNT; i++) {
		struct jail_report r;
		struct tally t;

		if (probe_report(&p, (enum jail_profile)i, &r, &why) < 0) {
			unit_fail(__FILE__, __LINE__, "%s: %s", jail_profile_name((enum jail_profile)i), why.text);
			continue;
		}
		check_layers(&r);
		t = try_all(&p, (enum jail_profile)i, &r);
		held += t.held;
		CHECK_INT(t.open, 0);
		/* With the filter on, nothing may be left to other layers. */
		if (i != JAIL_PROBE && r.layer[JAIL_L_SECCOMP].state == JAIL_ON &&
		    r.layer[JAIL_L_FILES].state == JAIL_ON)
			CHECK_INT(t.gap, 0);
		printf("%-10s %3u refused, %u allowed for want of a layer\n", jail_profile_name((enum jail_profile)i),
		       t.held, t.gap);
	}
	CHECK(held > 0);
	probe_close(&p);
}

/* The canary: without a jail these succeed for anybody, so a "refused" above means the jail. */
TEST(without_a_jail_the_same_attempts_succeed)
{
	static const char *const free_for_all[] = {
		"read-other", "write-other", "create-other", "list-other", "truncate-other", "move-out",
		"chmod-own", "own-memory", "read-left-open", "exec-file", "exec-memory", "fork", "map-wx",
		"write-then-exec", "signal-parent", "limits-of-parent", "netlink-socket", "inet-socket",
		"connect-tcp", "bind-tcp", "connect-abstract", "attach-bpf", "dump-again",
	};
	struct probe p;
	struct jail_report r;

	NEED(probe_open(&p, other_user(), other_user(), true, NULL) == 0);
	NEED(probe_report(&p, JAIL_LOGD, &r, NULL) == 0);
	for (size_t i = 0; i < ARRAY_LEN(free_for_all); i++) {
		const struct attempt *a = attempt_named(free_for_all[i]);
		struct probe_result got = probe_try(&p, JAIL_LOGD, a);

		if (got.outcome != PROBE_ALLOWED)
			unit_fail(__FILE__, __LINE__, "%s: outcome %d, errno %d", a->name, got.outcome, got.err);
		CHECK_INT(probe_judge(a, &r, got), PROBE_GAP);
	}
	probe_close(&p);
}

TEST(attempts_leave_nothing_behind)
{
	struct probe p;
	char dir[sizeof p.dir];
	struct stat before, after;

	NEED(probe_open(&p, other_user(), other_user(), true, NULL) == 0);
	memcpy(dir, p.dir, sizeof dir);
	NEED(stat(p.world.own_file, &before) == 0);
	for (size_t i = 0; i < attempts_n; i++)
		probe_try(&p, JAIL_LOGD, &attempts[i]);
	CHECK(stat(p.world.own_file, &after) == 0 && after.st_ino == before.st_ino);
	probe_close(&p);
	CHECK(access(dir, F_OK) != 0);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* no child either */
}

TEST(verdicts_follow_from_layers)
{
	const struct attempt *bind = attempt_named("bind-tcp"); /* filter or landlock-tcp */
	struct jail_report r = {.profile = JAIL_WORKER};
	struct probe_result allowed = {PROBE_ALLOWED, 0};

	CHECK_INT(probe_judge(bind, &r, allowed), PROBE_GAP);
	r.layer[JAIL_L_FILES].state = JAIL_ON; /* has nothing to do with it */
	CHECK_INT(probe_judge(bind, &r, allowed), PROBE_GAP);
	r.layer[JAIL_L_TCP].state = JAIL_PARTIAL;
	CHECK_INT(probe_judge(bind, &r, allowed), PROBE_GAP);
	r.layer[JAIL_L_TCP].state = JAIL_ON;
	CHECK_INT(probe_judge(bind, &r, allowed), PROBE_BREACH);
	CHECK_INT(probe_judge(bind, &r, (struct probe_result){PROBE_KILLED, 0}), PROBE_HELD);
	CHECK_INT(probe_judge(bind, &r, (struct probe_result){PROBE_REFUSED, EACCES}), PROBE_HELD);
	CHECK_INT(probe_judge(bind, &r, (struct probe_result){PROBE_REFUSED, EADDRINUSE}), PROBE_OPEN);
	CHECK_INT(probe_judge(bind, &r, (struct probe_result){PROBE_UNTRIED, 0}), PROBE_NOTHING);
	CHECK_INT(probe_judge(bind, &r, (struct probe_result){PROBE_FAILED, 0}), PROBE_OPEN);
}

TEST(every_attempt_has_a_layer_against_it_in_every_profile)
{
	for (size_t i = 0; i < attempts_n; i++)
		for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++) {
			bool any = false;

			for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++)
				any |= (attempt_layers(&attempts[i], (enum jail_profile)p) >> l & 1) && jail_wants((enum jail_profile)p, (enum jail_layer)l);
			if (probe_applies(&attempts[i], (enum jail_profile)p) && !any)
				unit_fail(__FILE__, __LINE__, "%s, %s", jail_profile_name((enum jail_profile)p),
					  attempts[i].name);
		}
}

/* ---- other kernels --------------------------------------------------------------------------- */

struct lack {
	int nr;      /* this call ... */
	uint32_t op; /* ... or only with this first argument, unless ANY_OP ... */
	int err;     /* ... answers so */
};
#define ANY_OP 0xffffffffu
#define MDWE 65

/* Makes the calling process live on a kernel that lacks these. The last filter put on is asked
 * like the first, and the stricter answer wins, so zt's own filter still works on top. */
static bool pretend(const struct lack *lacks, size_t n)
{
	struct sock_filter code[64];
	struct sock_fprog prog = {.filter = code};
	unsigned short at = 0;

	for (size_t i = 0; i < n; i++) {
		code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)lacks[i].nr, 0,
							  lacks[i].op == ANY_OP ? 1 : 3);
		if (lacks[i].op != ANY_OP) {
			code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
								  offsetof(struct seccomp_data, args));
			code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, lacks[i].op, 0, 1);
		}
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)lacks[i].err);
	}
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = at;
	/* Root needs no no_new_privs for this, and must not have it yet; others do. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

struct elsewhere {
	struct jail_report report;
	struct tally tally;
	bool missing;
	char why[480];
};

/* The probe of a worker, on such a kernel, in a process of its own; its findings come back
 * through shared memory, its failures through the exit code. */
static bool on_kernel(const struct lack *lacks, size_t n, enum jail_profile profile, struct elsewhere *out)
{
	int pair[2], status = -1;
	pid_t pid;
	bool ok;

	if (pipe(pair) != 0 || (pid = fork()) < 0)
		return false;
	if (pid == 0) {
		struct elsewhere e = {0};
		struct why why = {0};
		struct probe p;

		if (!pretend(lacks, n))
			_exit(2);
		if (probe_open(&p, other_user(), other_user(), false, &why) < 0)
			_exit(3);
		if (probe_report(&p, profile, &e.report, &why) < 0)
			_exit((fprintf(stderr, "%s\n", why.text), 4));
		e.tally = try_all(&p, profile, &e.report);
		e.missing = jail_missing(&e.report, &why) < 0;
		memcpy(e.why, why.text, sizeof e.why);
		probe_close(&p);
		_exit(write(pair[1], &e, sizeof e) == (ssize_t)sizeof e ? 0 : 5);
	}
	close(pair[1]);
	ok = read(pair[0], out, sizeof *out) == (ssize_t)sizeof *out;
	close(pair[0]);
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	if (ok)
		CHECK_INT(out->tally.breach, 0); /* told by the child on stderr */
	return ok && status == 0;
}

static enum jail_state state_of(const struct elsewhere *e, enum jail_layer l)
{
	return e->report.layer[l].state;
}

/* 6.1: what Debian 12 ships. Its Landlock is also older, which a filter cannot play. */
TEST(without_mdwe_the_filter_is_the_write_xor_execute)
{
	static const struct lack lacks[] = {{SYS_prctl, MDWE, EINVAL}};
	struct elsewhere e;

	NEED(on_kernel(lacks, ARRAY_LEN(lacks), JAIL_WORKER, &e));
	if (state_of(&e, JAIL_L_SECCOMP) != JAIL_ON)
		return;
	CHECK_INT(state_of(&e, JAIL_L_WX), JAIL_ON);
	CHECK(strstr(e.report.layer[JAIL_L_WX].text, "filter") != NULL);
	CHECK_INT(e.tally.gap, 0);
	CHECK(!e.missing);
	NEED(on_kernel(lacks, ARRAY_LEN(lacks), JAIL_PROBE, &e)); /* and without the filter it is gone */
	CHECK_INT(state_of(&e, JAIL_L_WX), JAIL_ABSENT);
	CHECK_INT(e.tally.gap, 2);
	CHECK(e.missing && strstr(e.why, "w^x (needs Linux 6.3") != NULL);
	NEED(on_kernel(lacks, ARRAY_LEN(lacks), JAIL_SUPERVISOR, &e)); /* whose filter lets it be */
	CHECK_INT(state_of(&e, JAIL_L_WX), JAIL_ABSENT);
	CHECK(!e.missing);
}

TEST(without_landlock_a_worker_holds_and_a_log_writer_does_not)
{
	static const struct lack built[] = {{__NR_landlock_create_ruleset, ANY_OP, ENOSYS}};
	static const struct lack booted[] = {{__NR_landlock_create_ruleset, ANY_OP, EOPNOTSUPP}};
	struct elsewhere e;

	NEED(on_kernel(built, 1, JAIL_WORKER, &e));
	CHECK_INT(state_of(&e, JAIL_L_FILES), JAIL_ABSENT);
	CHECK_INT(state_of(&e, JAIL_L_TCP), JAIL_ABSENT);
	CHECK_INT(state_of(&e, JAIL_L_SCOPES), JAIL_ABSENT);
	CHECK_STR(e.report.layer[JAIL_L_FILES].text, "this kernel was built without Landlock");
	CHECK(e.missing && strstr(e.why, "landlock-files") != NULL && strstr(e.why, "landlock-tcp") == NULL);
	if (state_of(&e, JAIL_L_SECCOMP) != JAIL_ON)
		return;
	CHECK_INT(e.tally.gap, 0);
	NEED(on_kernel(booted, 1, JAIL_LOGD, &e));
	CHECK(strstr(e.report.layer[JAIL_L_FILES].text, "switched off at boot") != NULL);
	CHECK(e.tally.gap >= 5); /* reads, writes, makes, lists, moves elsewhere as its user may */
}

TEST(without_close_range_descriptors_are_closed_one_by_one)
{
	static const struct lack lacks[] = {{__NR_close_range, ANY_OP, ENOSYS}};
	struct elsewhere e;

	NEED(on_kernel(lacks, ARRAY_LEN(lacks), JAIL_WORKER, &e));
	CHECK_INT(state_of(&e, JAIL_L_FDS), JAIL_ON);
	CHECK(strstr(e.report.layer[JAIL_L_FDS].text, "one by one") != NULL);
}

TEST(without_filters_the_other_layers_still_hold_their_own)
{
	static const struct lack lacks[] = {{SYS_seccomp, ANY_OP, EINVAL}};
	struct elsewhere e;

	NEED(on_kernel(lacks, ARRAY_LEN(lacks), JAIL_WORKER, &e));
	if (state_of(&e, JAIL_L_SECCOMP) == JAIL_OFF) /* sanitizer build */
		return;
	CHECK_INT(state_of(&e, JAIL_L_SECCOMP), JAIL_ABSENT);
	CHECK_INT(state_of(&e, JAIL_L_WX), landlock_abi() > 0 ? JAIL_ON : (int)state_of(&e, JAIL_L_WX));
	CHECK(e.tally.held > 0 && e.tally.gap > 0);
	CHECK(e.missing && strstr(e.why, "seccomp") != NULL);
}

/* Nothing at all: every prctl(), Landlock, filters, close_range, capset refused. */
TEST(with_no_layer_at_all_it_still_runs_and_says_so)
{
	static const struct lack lacks[] = {
		{SYS_prctl, ANY_OP, EINVAL},	   {__NR_landlock_create_ruleset, ANY_OP, ENOSYS},
		{SYS_seccomp, ANY_OP, ENOSYS},	   {__NR_close_range, ANY_OP, ENOSYS},
		{SYS_capset, ANY_OP, EPERM},	   {SYS_capget, ANY_OP, EPERM},
		{SYS_setrlimit, ANY_OP, EPERM},	   {SYS_prlimit64, ANY_OP, EPERM},
	};
	static const enum jail_layer gone[] = {JAIL_L_NOCORE, JAIL_L_CAPS, JAIL_L_NNP, JAIL_L_FILES,
					       JAIL_L_TCP, JAIL_L_SCOPES, JAIL_L_WX};

	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++) {
		struct elsewhere e;

		NEED(on_kernel(lacks, ARRAY_LEN(lacks), (enum jail_profile)p, &e));
		for (size_t i = 0; i < ARRAY_LEN(gone); i++)
			if (jail_wants((enum jail_profile)p, gone[i]) && state_of(&e, gone[i]) == JAIL_ON)
				unit_fail(__FILE__, __LINE__, "%s: %s is on: %s", jail_profile_name((enum jail_profile)p),
					  jail_layer_name(gone[i]), e.report.layer[gone[i]].text);
		CHECK(state_of(&e, JAIL_L_SECCOMP) != JAIL_ON);
		CHECK(e.missing && e.tally.gap > 0);
	}
}

/* ---- one jail inside the other -------------------------------------------------------------- */

/* A supervisor's jail must leave its children able to enter theirs. */
static int child_of_a_supervisor(void)
{
	struct jail_report r;
	struct why why = {0};
	struct jail_opts sup = {.profile = JAIL_SUPERVISOR, .dir_fd = -1};
	struct jail_opts own = {.profile = JAIL_WORKER, .uid = other_user(), .gid = other_user(), .dir_fd = -1};
	int status = -1;
	pid_t pid;

	if (jail_enter(&sup, &r, &why) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		if (jail_enter(&own, &r, &why) < 0)
			_exit(2);
		for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++)
			if (r.layer[l].state == JAIL_ABSENT && l != JAIL_L_TCP && l != JAIL_L_SCOPES)
				_exit(10 + (int)l);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

/* It runs programs: this very one, with a pattern that no test matches (exit code 1). */
static int supervisor_runs_programs(void)
{
	struct jail_report r;
	struct jail_opts sup = {.profile = JAIL_SUPERVISOR, .dir_fd = -1};
	int self = open("/proc/self/exe", O_PATH | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC), status = -1;
	char *argv[] = {(char[]){"test"}, (char[]){"no-test-has-this-name"}, NULL}, *envp[] = {NULL};
	pid_t pid;

	if (jail_enter(&sup, &r, NULL) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		dup2(null, 1);
		dup2(null, 2);
		syscall(SYS_execveat, self, "", argv, envp, AT_EMPTY_PATH);
		_exit(2);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1 ? 0 : 3;
}

static int run_apart(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	waitpid(pid, &status, 0);
	return status;
}

TEST(a_jailed_supervisor_starts_jailed_children)
{
	if (landlock_abi() > 0)
		CHECK_INT(run_apart(child_of_a_supervisor), 0);
	CHECK_INT(run_apart(supervisor_runs_programs), 0);
}
