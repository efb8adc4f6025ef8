/*
 * sandbox: the profiles and the steps of jail_enter(). It owns nothing and keeps nothing; the
 * only state it changes is the process's own, one way. It never decides that a report is bad
 * enough to stop: that is the caller's, with jail_missing().
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "landlock.h"
#include "seccomp.h"
#include "sysnr.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65 /* Linux 6.3 */
#endif
#define MDWE_REFUSE_EXEC_GAIN 1UL
#define MDWE_NO_INHERIT 2UL /* 6.6: a forked child starts without it */

/* ---- profiles ----------------------------------------------------------------------------- */

#define BIT(l) (1u << (l))
#define EVERY_LAYER ((1u << JAIL_LAYER_COUNT) - 1)
/* The filter refuses socket files, signals and bind() by itself: Landlock's share of that is
 * a second wall, and older kernels may lack it. */
#define SECOND_WALLS (BIT(JAIL_L_TCP) | BIT(JAIL_L_SCOPES))
/* Its children become other users themselves and are given what they need by Landlock. */
#define SUPERVISOR_WANTS                                                                          \
	(BIT(JAIL_L_NOCORE) | BIT(JAIL_L_CAPS) | BIT(JAIL_L_NNP) | BIT(JAIL_L_WX) | BIT(JAIL_L_SECCOMP))

static const struct profile {
	unsigned wants, demands;
	bool dir, dir_read; /* has a directory; may read files there */
	bool connects;
	uint64_t caps; /* what of root it keeps when it runs as root */
} profiles[JAIL_PROFILE_COUNT] = {
	[JAIL_SUPERVISOR] = {
		.wants = SUPERVISOR_WANTS,
		.demands = SUPERVISOR_WANTS & ~BIT(JAIL_L_WX),
		/* to bind low ports again, make directories for its children's users, signal
		 * them, and let them become those users and drop the rest themselves */
		.caps = 1u << CAP_NET_BIND_SERVICE | 1u << CAP_CHOWN | 1u << CAP_FOWNER |
			1u << CAP_DAC_OVERRIDE | 1u << CAP_KILL | 1u << CAP_SETUID |
			1u << CAP_SETGID | 1u << CAP_SETPCAP,
	},
	[JAIL_WORKER] = {.wants = EVERY_LAYER, .demands = EVERY_LAYER & ~SECOND_WALLS, .connects = true},
	[JAIL_LOGD] = {.wants = EVERY_LAYER, .demands = EVERY_LAYER & ~SECOND_WALLS, .dir = true},
	[JAIL_KEYS] = {.wants = EVERY_LAYER, .demands = EVERY_LAYER & ~SECOND_WALLS},
	[JAIL_STATE] = {.wants = EVERY_LAYER, .demands = EVERY_LAYER & ~SECOND_WALLS, .dir = true,
			.dir_read = true, .connects = true},
	[JAIL_SIGN] = {.wants = EVERY_LAYER, .demands = EVERY_LAYER & ~SECOND_WALLS, .dir = true, .dir_read = true},
	[JAIL_KEEPER] = {.wants = EVERY_LAYER, .demands = EVERY_LAYER & ~SECOND_WALLS, .dir = true, .dir_read = true,
			 .connects = true},
	[JAIL_PROBE] = {.wants = EVERY_LAYER & ~BIT(JAIL_L_SECCOMP),
			.demands = EVERY_LAYER & ~BIT(JAIL_L_SECCOMP) & ~SECOND_WALLS, .connects = true},
};

bool jail_wants(enum jail_profile p, enum jail_layer l)
{
	return (profiles[p].wants & BIT(l)) != 0;
}

bool jail_has_dir(enum jail_profile p)
{
	return profiles[p].dir;
}

bool jail_demands(enum jail_profile p, enum jail_layer l)
{
	return (profiles[p].demands & BIT(l)) != 0;
}

/* ---- steps -------------------------------------------------------------------------------- */

struct jail {
	const struct jail_opts *o;
	const struct profile *p;
	struct jail_report *r;
	struct why *why;
	int abi;      /* Landlock, once asked */
	bool became;  /* another user than before */
	bool bounded; /* the bounding set could be cut */
};

__attribute__((format(printf, 4, 5))) static void say(struct jail *j, enum jail_layer l,
						      enum jail_state s, const char *fmt, ...)
{
	va_list ap;

	j->r->layer[l].state = s;
	va_start(ap, fmt);
	vsnprintf(j->r->layer[l].text, JAIL_TEXT, fmt, ap);
	va_end(ap);
}

static int no_core(struct jail *j)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 || (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0))
		say(j, JAIL_L_NOCORE, JAIL_ABSENT, "%s", strerror(errno));
	else if (SANITIZED)
		say(j, JAIL_L_NOCORE, JAIL_PARTIAL, "sanitizer build: stays open to its leak checker");
	else
		say(j, JAIL_L_NOCORE, JAIL_ON, "not dumpable, core limit 0");
	return 0;
}

/* Dropping from the bounding set takes CAP_SETPCAP, so it comes before the user changes; what
 * the process holds is emptied after, when it no longer needs CAP_SETUID. */
static void cut_bounding_set(struct jail *j)
{
	int cap = 0, has;

	j->bounded = true;
	for (; (has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
		if (has && !(cap < 64 && (j->p->caps >> cap & 1)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			j->bounded = false;
	if (cap == 0)
		j->bounded = false; /* it cannot even be read */
}

static int become(struct jail *j)
{
	uid_t uid = j->o->uid;
	gid_t gid = j->o->gid;

	if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, gid, gid, gid) != 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) != 0) {
		say(j, JAIL_L_USER, JAIL_ABSENT, "cannot become uid %u: %s", uid, strerror(errno));
		return why_sys(j->why, errno, "cannot become uid %u, gid %u", uid, gid);
	}
	j->became = true;
	/* The kernel made the process dumpable, or not, anew. */
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		say(j, JAIL_L_NOCORE, JAIL_ABSENT, "%s", strerror(errno));
	say(j, JAIL_L_USER, JAIL_ON, "uid %u, gid %u, no further groups", uid, gid);
	return 0;
}

static int drop_user(struct jail *j)
{
	uid_t now = getuid();

	if (j->o->uid != 0 && geteuid() == 0)
		return become(j);
	if (j->o->uid != 0 && j->o->uid != now) {
		say(j, JAIL_L_USER, JAIL_ABSENT, "not root, so cannot become uid %u", j->o->uid);
		return why_set(j->why, ZT_E_PERM, "cannot become uid %u: zt was started as uid %u, not root",
			       j->o->uid, now);
	}
	if (now == 0 || geteuid() == 0)
		say(j, JAIL_L_USER, JAIL_ABSENT, "still root: no other user was named");
	else
		say(j, JAIL_L_USER, JAIL_ON, "uid %u; was not started as root", now);
	return 0;
}

struct cap_sets {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct set[2];
};

static int caps_get(struct cap_sets *c)
{
	*c = (struct cap_sets){.head = {.version = _LINUX_CAPABILITY_VERSION_3}};
	return (int)syscall(SYS_capget, &c->head, c->set);
}

/* Permitted and effective become what of `keep` was permitted; inheritable becomes empty, and
 * with it the ambient set, which the kernel keeps within both. */
static int caps_cut(uint64_t keep)
{
	struct cap_sets c;

	if (caps_get(&c) != 0)
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		c.set[i].permitted &= (uint32_t)(keep >> (32 * i));
		c.set[i].effective = c.set[i].permitted;
		c.set[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &c.head, c.set);
}

static bool caps_are_within(uint64_t keep)
{
	struct cap_sets c;

	if (caps_get(&c) != 0)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if ((c.set[i].permitted | c.set[i].effective | c.set[i].inheritable) & ~(uint32_t)(keep >> (32 * i)))
			return false;
	return true;
}

static int drop_caps(struct jail *j)
{
	if (caps_cut(j->p->caps) != 0 || !caps_are_within(j->p->caps))
		say(j, JAIL_L_CAPS, JAIL_ABSENT, "%s", strerror(errno));
	else if (j->p->caps && getuid() == 0)
		say(j, JAIL_L_CAPS, JAIL_ON, "only to bind, chown, signal and change user; bounding set %s",
		    j->bounded ? "cut" : "kept");
	else
		say(j, JAIL_L_CAPS, JAIL_ON, "none, and %s",
		    j->bounded ? "none can be gained" : "no-new-privs keeps it so (bounding set kept)");
	/* Asked for only now: with CAP_SETUID still held, any user can become root again. */
	if (j->became && (syscall(SYS_setresuid, -1, 0, -1) == 0 || syscall(SYS_setgroups, 0, NULL) == 0)) {
		say(j, JAIL_L_USER, JAIL_ABSENT, "root could be regained");
		return why_set(j->why, ZT_E_PERM, "uid %u can become root again", j->o->uid);
	}
	return 0;
}

static int no_new_privs(struct jail *j)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		say(j, JAIL_L_NNP, JAIL_ABSENT, "%s", strerror(errno));
	else
		say(j, JAIL_L_NNP, JAIL_ON, "inherited by whatever it starts");
	if (j->o->dies_with_parent) /* after the last change of user and capabilities; who has none by now sees its channel end */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static const char *landlock_words(int err)
{
	return err == ENOSYS	   ? "this kernel was built without Landlock"
	       : err == EOPNOTSUPP ? "Landlock is switched off at boot (lsm=)"
				   : strerror(err);
}

static void landlock_try(struct jail *j, int proc_fd)
{
	const struct landlock_wish wish = {
		.files = true, .bind = true, .scopes = true,
		.connect = !j->p->connects || j->o->connect_ports_n > 0,
		.dir_fd = j->p->dir ? j->o->dir_fd : -1, .dir_read = j->p->dir_read, .proc_fd = proc_fd,
		.ports = j->o->connect_ports, .ports_n = j->p->connects ? j->o->connect_ports_n : 0,
	};
	int rc;

	j->abi = landlock_abi();
	if (j->abi <= 0)
		return;
	rc = landlock_enter(j->abi, &wish);
	if (rc < 0)
		j->abi = rc;
}

/* One ruleset serves three layers; the next two steps only report. */
static int no_files(struct jail *j)
{
	/* The sanitizers read /proc/self/maps to tell what they found. */
	int proc_fd = SANITIZED ? open("/proc", O_PATH | O_CLOEXEC) : -1;

	landlock_try(j, proc_fd);
	if (proc_fd >= 0)
		close(proc_fd);
	if (j->abi <= 0)
		say(j, JAIL_L_FILES, JAIL_ABSENT, "%s", landlock_words(-j->abi));
	else if (j->abi < LANDLOCK_ABI_TRUNCATE)
		say(j, JAIL_L_FILES, JAIL_PARTIAL, "ABI %d: does not see truncate by path (Linux 6.2 does)", j->abi);
	else
		say(j, JAIL_L_FILES, JAIL_ON, "ABI %d: %s", j->abi, j->p->dir ? "one directory" : "no file at all");
	return 0;
}

static void report_share(struct jail *j, enum jail_layer l, int since, const char *on, const char *needs)
{
	if (j->abi >= since)
		say(j, l, JAIL_ON, "ABI %d: %s", j->abi, on);
	else if (j->abi > 0)
		say(j, l, JAIL_ABSENT, "ABI %d; needs %d (%s)", j->abi, since, needs);
	else
		say(j, l, JAIL_ABSENT, "%s", landlock_words(-j->abi));
}

static int no_ports(struct jail *j)
{
	const char *on = !j->p->connects	    ? "no bind, no connect"
			 : j->o->connect_ports_n > 0 ? "no bind, connect to listed ports"
						     : "no bind";

	report_share(j, JAIL_L_TCP, LANDLOCK_ABI_TCP, on, "Linux 6.7");
	return 0;
}

static int no_neighbours(struct jail *j)
{
	report_share(j, JAIL_L_SCOPES, LANDLOCK_ABI_SCOPES, "abstract sockets, signals", "Linux 6.12");
	return 0;
}

static int write_xor_execute(struct jail *j)
{
	/* A supervisor's alert hooks are not ours and may need a compiler at run time; its
	 * jailed children ask for themselves. */
	bool own_only = j->o->profile == JAIL_SUPERVISOR;

	if (own_only && prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN | MDWE_NO_INHERIT, 0, 0, 0) == 0)
		say(j, JAIL_L_WX, JAIL_ON, "PR_SET_MDWE, for itself");
	else if (prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0)
		say(j, JAIL_L_WX, JAIL_ON, "PR_SET_MDWE");
	else if (errno == EINVAL)
		say(j, JAIL_L_WX, JAIL_ABSENT, "needs Linux 6.3 (PR_SET_MDWE)");
	else
		say(j, JAIL_L_WX, JAIL_ABSENT, "%s", strerror(errno));
	return 0;
}

/* Ascending; the list is short and comes in any order, perhaps with repetitions. */
static void sort_fds(int *fd, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && fd[k - 1] > fd[k]; k--) {
			int t = fd[k];

			fd[k] = fd[k - 1];
			fd[k - 1] = t;
		}
}

/* Without close_range() (before Linux 5.9) one by one. Numbers above the hard limit cannot
 * have been given out unless it was lowered since, which nothing in zt does. */
#define FDS_AT_MOST (1u << 20) /* the kernel's own default ceiling, fs.nr_open: 0.1 s */
#define FDS_UNKNOWN (1u << 16) /* where even the limit cannot be asked */
static bool close_between(unsigned from, unsigned to)
{
	struct rlimit max = {0};

	if (from > to || syscall(__NR_close_range, from, to, 0) == 0)
		return true;
	if (getrlimit(RLIMIT_NOFILE, &max) != 0)
		max.rlim_max = FDS_UNKNOWN;
	to = (unsigned)num_min64(to, num_min64(max.rlim_max, FDS_AT_MOST));
	for (unsigned fd = from; fd <= to; fd++)
		close((int)fd);
	return false;
}

static int close_others(struct jail *j)
{
	int keep[JAIL_KEEP_MAX];
	size_t n = j->o->keep_n;
	unsigned next = 3;
	bool at_once = true;

	if (n)
		memcpy(keep, j->o->keep, n * sizeof keep[0]);
	sort_fds(keep, n);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)next)
			continue;
		at_once &= close_between(next, (unsigned)keep[i] - 1);
		next = (unsigned)keep[i] + 1;
	}
	at_once &= close_between(next, ~0u);
	say(j, JAIL_L_FDS, JAIL_ON, "%zu named ones and 0 to 2%s", n, at_once ? "" : "; closed one by one");
	return 0;
}

/* What the filter now also does, where the kernel lacks the layer meant for it. */
static void credit_filter(struct jail *j)
{
	struct jail_line *files = &j->r->layer[JAIL_L_FILES], *wx = &j->r->layer[JAIL_L_WX];

	if (j->o->profile == JAIL_SUPERVISOR || j->o->seccomp_log)
		return;
	if (wx->state == JAIL_ABSENT)
		say(j, JAIL_L_WX, JAIL_ON, "by the system-call filter (PR_SET_MDWE needs Linux 6.3)");
	if (files->state == JAIL_PARTIAL)
		say(j, JAIL_L_FILES, JAIL_ON, "ABI %d; the system-call filter refuses truncate by path", j->abi);
}

static int filter_calls(struct jail *j)
{
	struct filter f;
	bool logged;
	int rc;

	if (SANITIZED) {
		say(j, JAIL_L_SECCOMP, JAIL_OFF, "sanitizer build: its run-time needs other calls");
		return 0;
	}
	rc = seccomp_build(j->o->profile, (uint32_t)getpid(), j->o->seccomp_log, &f);
	if (rc == -ZT_E_UNKNOWN) {
		say(j, JAIL_L_SECCOMP, JAIL_ABSENT, "zt has no filter for this processor");
		return 0;
	}
	ZT_ASSERT(rc == 0); /* the table is ours; a test builds every profile */
	rc = seccomp_install(&f, &logged);
	if (rc < 0) {
		say(j, JAIL_L_SECCOMP, JAIL_ABSENT, "%s",
		    rc == -EINVAL || rc == -ENOSYS ? "this kernel has no system-call filters" : strerror(-rc));
		return 0;
	}
	if (j->o->seccomp_log && j->o->profile != JAIL_SUPERVISOR)
		say(j, JAIL_L_SECCOMP, JAIL_PARTIAL, "development: forbidden calls are logged, not killed");
	else
		say(j, JAIL_L_SECCOMP, JAIL_ON, "%zu instructions%s", f.n, logged ? ", refusals logged" : "");
	credit_filter(j);
	return 0;
}

/* In this order: each may need what the next one takes away. */
static int (*const steps[JAIL_LAYER_COUNT])(struct jail *) = {
	[JAIL_L_NOCORE] = no_core,
	[JAIL_L_USER] = drop_user,
	[JAIL_L_CAPS] = drop_caps,
	[JAIL_L_NNP] = no_new_privs,
	[JAIL_L_FILES] = no_files,
	[JAIL_L_TCP] = no_ports,
	[JAIL_L_SCOPES] = no_neighbours,
	[JAIL_L_WX] = write_xor_execute,
	[JAIL_L_FDS] = close_others,
	[JAIL_L_SECCOMP] = filter_calls,
};

static int opts_check(const struct jail_opts *o, struct why *why)
{
	if ((unsigned)o->profile >= JAIL_PROFILE_COUNT)
		return why_set(why, ZT_E_USAGE, "no such jail profile: %d", (int)o->profile);
	if (profiles[o->profile].dir != (o->dir_fd >= 0))
		return why_set(why, ZT_E_USAGE, "the %s jail takes %s directory", jail_profile_name(o->profile),
			       profiles[o->profile].dir ? "one" : "no");
	if (o->uid != 0 && o->gid == 0)
		return why_set(why, ZT_E_USAGE, "uid %u without a group: group root would be kept", o->uid);
	if (o->keep_n > JAIL_KEEP_MAX)
		return why_set(why, ZT_E_RANGE, "%zu descriptors to keep, at most %d", o->keep_n, JAIL_KEEP_MAX);
	return 0;
}

int jail_enter(const struct jail_opts *o, struct jail_report *out, struct why *why)
{
	struct jail j = {.o = o, .r = out, .why = why};
	int rc = opts_check(o, why);

	*out = (struct jail_report){.profile = rc < 0 ? JAIL_SUPERVISOR : o->profile};
	if (rc < 0)
		return rc;
	j.p = &profiles[o->profile];
	if (!o->off)
		cut_bounding_set(&j);
	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++) {
		if (o->off)
			say(&j, (enum jail_layer)l, JAIL_OFF, "switched off by insecure_no_sandbox");
		else if (!jail_wants(o->profile, (enum jail_layer)l))
			say(&j, (enum jail_layer)l, JAIL_OFF, "not part of this profile");
		else if ((rc = steps[l](&j)) < 0)
			return rc;
	}
	return 0;
}

/* ---- reading a report ----------------------------------------------------------------------- */

int jail_missing(const struct jail_report *r, struct why *why)
{
	char list[400];
	struct wr w = wr_of(list, sizeof list);

	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++)
		if (r->layer[l].state != JAIL_ON && jail_demands(r->profile, (enum jail_layer)l))
			wr_fmt(&w, "%s%s (%s)", w.n ? ", " : "", jail_layer_name((enum jail_layer)l), r->layer[l].text);
	if (w.n == 0)
		return 0;
	return why_set(why, ZT_E_SANDBOX, "the jail of the %s lacks: %.*s%s", jail_profile_name(r->profile),
		       SPAN_ARG(wr_span(&w)), w.full ? ", and more" : "");
}

void jail_summary(struct wr *w, const struct jail_report *r)
{
	static const enum jail_state order[] = {JAIL_ON, JAIL_PARTIAL, JAIL_ABSENT, JAIL_OFF};

	bool first = true;

	wr_str(w, jail_profile_name(r->profile));
	for (size_t s = 0; s < ARRAY_LEN(order); s++) {
		bool any = false;

		for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++) {
			if (r->layer[l].state != order[s])
				continue;
			if (!any)
				wr_fmt(w, "%s%s ", first ? ": " : "; ", jail_state_name(order[s]));
			wr_fmt(w, "%s%s", any ? ", " : "", jail_layer_name((enum jail_layer)l));
			if (order[s] == JAIL_ABSENT || order[s] == JAIL_PARTIAL)
				wr_fmt(w, " (%s)", r->layer[l].text);
			any = true;
			first = false;
		}
	}
}

bool jail_death_is_breach(int wait_status)
{
	return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS;
}

void jail_death_text(int wait_status, char *out, size_t cap)
{
	if (jail_death_is_breach(wait_status))
		snprintf(out, cap, "killed by the kernel: it tried a system call that its jail forbids (SIGSYS)");
	else if (WIFSIGNALED(wait_status))
		snprintf(out, cap, "killed by signal %d (%s)", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
	else if (WIFEXITED(wait_status))
		snprintf(out, cap, "exited with code %d", WEXITSTATUS(wait_status));
	else
		snprintf(out, cap, "changed state without ending (wait status %#x)", (unsigned)wait_status);
}
