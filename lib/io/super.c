/*
 * super: the life of a supervisor: locks -> descriptors -> listeners -> children -> ready ->
 * signals and requests -> drain -> exit. Owns everything in struct super, one allocation for
 * the life of the process; the parts are in listen.c (sockets), kid.c (one child), words.c (what it
 * says), heirs.c (its generations), lines.c (files and links), renew.c (reload), upgrade.c (another
 * program in its place) and report.c (status, health).
 */
#include "super.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "logfile.h"
#include "net.h"
#include "offer.h"
#include "spawn.h"
#include "super_int.h"

static const struct super_child logd_child = {.kind = "logd", .proc = "logd", .who = CONF_FOR_LOGD, .alone = true};

/* ---- ready, stop ------------------------------------------------------------------------- */

bool super_is_logd(const struct kid *k)
{
	return k->super->log_dir >= 0 && k == &k->super->kids[0];
}

/* The last line, while there is still somebody who writes it. */
static void say_stopped(struct super *s)
{
	if (!s->said_stopped)
		LOG(&s->log, LOG_INFO, "stopped", LF_I64("code", s->code));
	s->said_stopped = true;
}

void super_finish(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state != KID_DOWN)
			return;
	if (!upgrade_waits(s))
		loop_stop(s->loop);
}

/* logd leaves last: the others' last words go through it. */
static void drain_logd_if_last(struct super *s)
{
	if (s->log_dir < 0 || s->kids[0].state != KID_UP)
		return;
	for (size_t i = 1; i < s->nkids; i++)
		if (s->kids[i].state != KID_DOWN)
			return;
	say_stopped(s);
	kid_drain(&s->kids[0]);
}

void super_kid_up(struct kid *k)
{
	struct super *s = k->super;

	if (s->stopping) { /* it was starting when the others were told to leave: logd */
		drain_logd_if_last(s);
		return;
	}
	LOG(&s->log, LOG_INFO, "child ready", LF_STR("child", k->what->proc), LF_I64("pid", k->pid));
	if (s->next)
		renew_kid_up(k);
	links_make(s);
	links_want(s, k);
	upgrade_stepped(s);
	super_announce(s);
}

/* A successor's is up when it could be left alone with its work. */
static bool is_up(const struct kid *k)
{
	return k->state == KID_UP && (k->settled || !k->what->settles || !k->super->up.begin.heir);
}

/* The service manager takes it for the role's: a successor that may still be refused says nothing of it. */
void super_say_ready(struct super *s)
{
	if (upgrade_in_charge(s) && !s->stopping)
		notify_send(&s->notify, "READY=1\nSTATUS=ready");
}

void super_announce(struct super *s)
{
	uint64_t ms = (loop_now(s->loop) - s->started) / NS_PER_MS;

	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].part == KID_SERVES && !is_up(&s->kids[i]))
			return;
	if (s->announced || s->stopping)
		return;
	s->announced = true;
	LOG(&s->log, LOG_INFO, "ready", LF_U64("ms", ms), LF_STR("control", s->place.sock));
	super_say_ready(s);
	upgrade_announced(s);
}

void super_kid_gone(struct kid *k)
{
	struct super *s = k->super;

	renew_kid_gone(k);
	report_check(s);
	upgrade_kid_gone(s);
	if (s->stopping) {
		drain_logd_if_last(s);
		super_finish(s);
	}
}

static void stop_late(struct timer *t, uint64_t now)
{
	struct super *s = CONTAINER_OF(t, struct super, stop_late);

	(void)now;
	if (upgrade_runs(s) && !s->up.cut) {
		super_linger_over(s);
		return;
	}
	LOG0(&s->log, LOG_WARN, "drain took too long, ending the rest");
	for (size_t i = 0; i < s->nkids; i++)
		kid_kill(&s->kids[i]);
}

/* They are told to end as if the role did, and have as long for it. */
void super_linger_over(struct super *s)
{
	s->up.cut = true;
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state == KID_LEAVING)
			kid_tell(&s->kids[i], IPC_DRAIN, s->epoch, NULL, 0);
	if (!loop_timer(s->loop, &s->stop_late, s->conf->limits.drain_ms * NS_PER_MS))
		super_stop(s, EXIT_ZT_FAILED);
}

void super_stop(struct super *s, enum zt_exit code)
{
	const struct listeners none = {.n = 0};

	if (s->stopping && upgrade_runs(s) && !s->up.cut) { /* the first, of one that drains since an upgrade */
		super_linger_over(s);
		return;
	}
	if (s->stopping) { /* the second request: now */
		for (size_t i = 0; i < s->nkids; i++)
			kid_kill(&s->kids[i]);
		return;
	}
	s->stopping = true;
	s->code = code;
	upgrade_stop(s);
	renew_stop(s); /* while the sockets that it shares with the old configuration are open */
	if (upgrade_in_charge(s)) /* else the role goes on, and its service manager would kill it for not ending */
		notify_send(&s->notify, "STOPPING=1\nSTATUS=draining");
	LOG(&s->log, LOG_INFO, "stopping", LF_U64("drain_ms", s->conf->limits.drain_ms));
	/* Ours too, or the kernel would go on queueing connections that nobody will accept. */
	super_close_rest(&s->open, &none);
	for (size_t i = s->log_dir >= 0; i < s->nkids; i++)
		kid_drain(&s->kids[i]);
	if (!loop_timer(s->loop, &s->stop_late, s->conf->limits.drain_ms * NS_PER_MS))
		super_stop(s, code);
	drain_logd_if_last(s);
	super_finish(s);
}

/* ---- signals and requests ---------------------------------------------------------------- */

static void reap_children(struct super *s)
{
	siginfo_t dead = {.si_pid = 0};
	int status;

	while (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) == 0 && dead.si_pid > 0) {
		/* While it is a zombie its number is nobody else's. */
		kid_last_words(s, dead.si_pid);
		if (waitpid(dead.si_pid, &status, WNOHANG) == dead.si_pid && !upgrade_reaped(s, dead.si_pid, status))
			kid_reaped(s, dead.si_pid, status);
		dead.si_pid = 0;
	}
}

static void on_signal(struct sigs *g, int signo)
{
	struct super *s = CONTAINER_OF(g, struct super, sigs);

	if (signo != SIGCHLD && upgrade_signal(s, signo))
		return;
	switch (signo) {
	case SIGCHLD: reap_children(s); return;
	case SIGHUP: renew_begin(s, NULL); return;
	case SIGUSR1:
		if (s->log_dir >= 0 && s->kids[0].state == KID_UP)
			kid_tell(&s->kids[0], IPC_REOPEN, s->epoch, NULL, 0);
		return;
	case SIGUSR2: upgrade_begin(s, NULL); return;
	default: super_stop(s, EXIT_ZT_OK); return; /* TERM, INT */
	}
}

static void ask_reload(struct super *s, struct ctl_client *who) { renew_begin(s, who); }
static void ask_status(struct super *s, struct ctl_client *who) { report_begin(s, who, false); }
static void ask_json(struct super *s, struct ctl_client *who) { report_begin(s, who, true); }

static const struct {
	const char *line;
	void (*answer)(struct super *s, struct ctl_client *who);
} requests[] = {
	{"reload", ask_reload},
	{"status", ask_status},
	{"status json", ask_json},
	{"health", report_health},
	{"admin", links_admin},
	{"upgrade", upgrade_begin},
};

static void on_request(struct ctl *c, struct ctl_client *who, struct span line)
{
	struct super *s = CONTAINER_OF(c, struct super, ctl);

	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (span_eq_str(line, requests[i].line)) {
			requests[i].answer(s, who);
			return;
		}
	ctl_reply(who, EXIT_ZT_USAGE, "unknown request", SPAN_NONE);
}

static void on_asker_gone(struct ctl *c, struct ctl_client *who)
{
	struct super *s = CONTAINER_OF(c, struct super, ctl);

	renew_asker_gone(s, who);
	upgrade_asker_gone(s, who);
	report_asker_gone(s, who);
}

static void watchdog_fire(struct timer *t, uint64_t now)
{
	struct super *s = CONTAINER_OF(t, struct super, watchdog);

	if (report_healthy(s, now)) /* an unhealthy role lets the service manager decide */
		notify_send(&s->notify, "WATCHDOG=1");
	loop_timer(s->loop, t, s->notify.watchdog_ns);
}

/* ---- start ------------------------------------------------------------------------------- */

void super_log_settings(struct super *s)
{
	s->log.level = s->conf->log.level;
	s->log.format = s->conf->log.format;
}

/* logd writes as the children's user: better told now than in a line that has no place to go. */
static int check_log_dir(const struct super *s, const char *dir, struct why *w)
{
	const struct conf_state *who = &s->conf->state;
	struct stat st;
	unsigned may;

	if (geteuid() != 0 && faccessat(s->log_dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return why_sys(w, errno, "the log directory %s is not writable for user %lu, who runs zt", dir,
			       (unsigned long)geteuid());
	if (geteuid() != 0 || s->conf->limits.insecure_no_sandbox || fstat(s->log_dir, &st) < 0)
		return 0;
	may = st.st_uid == who->uid ? st.st_mode >> 6 : st.st_gid == who->gid ? st.st_mode >> 3 : st.st_mode;
	if ((may & 3) == 3 || who->uid == 0)
		return 0;
	return why_set(w, ZT_E_PERM, "the log directory %s is not writable for user %llu, who writes the log: "
		       "chown %llu:%llu %s", dir, (unsigned long long)who->uid, (unsigned long long)who->uid,
		       (unsigned long long)who->gid, dir);
}

/* With a log file: a pipe that everybody writes into, and the directory for logd. */
static int open_log_sink(struct super *s, struct why *w)
{
	char dir[PLACE_PATH * 4];
	const char *slash = strrchr(s->conf->log.file, '/');

	if (s->conf->log.file[0] == 0)
		return 0;
	memcpy(s->log_pipe, s->up.log_pipe, sizeof s->log_pipe); /* of one before us, whose children go on writing into it */
	if (slash && (slash[1] == 0 || strlen(slash + 1) >= LOGFILE_NAME))
		return why_set(w, ZT_E_CONFIG, "[log] file = %s must end in a file name of at most %d bytes",
			       s->conf->log.file, LOGFILE_NAME - 1);
	if (slash == NULL || span_to_cstr(span_sub(span_str(s->conf->log.file), 0,
						   (size_t)(slash - s->conf->log.file) + 1), dir, sizeof dir) < 0)
		return why_set(w, ZT_E_TOOLONG, "the path of [log] file is too long");
	s->log_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->log_dir < 0)
		return why_sys(w, errno, "cannot open the log directory %s", dir);
	if (check_log_dir(s, dir, w) < 0)
		return -(int)w->err;
	if (s->log_pipe[0] < 0 && pipe2(s->log_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return why_sys(w, errno, "cannot make the log pipe");
	s->log.fd = s->log_pipe[1];
	s->log.journald = false;
	return 0;
}

/* Two locks: the places are set one by one, and each has room for one. */
static int open_places(struct super *s, struct why *w)
{
	int rc = place_resolve(&s->place, s->role->name, s->conf->state.dir, s->conf->state.run_dir, w), control;
	char lock[PLACE_PATH];

	if (rc < 0)
		return rc;
	if (s->up.begin.heir) {
		rc = offer_take(s, &s->before, &control, w);
		return rc < 0 ? rc : ctl_start(&s->ctl, s->loop, &s->bounds, control, w);
	}
	s->lock_fd = place_lock(s->place.state, "lock", w);
	if (s->lock_fd < 0)
		return s->lock_fd;
	snprintf(lock, sizeof lock, "%s.lock", s->role->name);
	s->run_lock_fd = place_lock(s->place.run, lock, w);
	if (s->run_lock_fd < 0)
		return s->run_lock_fd;
	return ctl_open(&s->ctl, s->loop, &s->bounds, s->place.sock, w);
}

/* Each child that has a directory gets the same one after every start. */
static int open_dirs(struct super *s, struct why *w)
{
	const struct place_owner who = place_children(s->conf);

	for (size_t i = 0; i < s->role->n; i++) {
		if (s->role->children[i].dir == NULL)
			continue;
		s->dirs[i] = place_open_below(s->place.state, s->role->children[i].dir, who.uid, who.gid, w);
		if (s->dirs[i] < 0)
			return s->dirs[i];
	}
	return 0;
}

static void add_kids(struct super *s)
{
	if (s->log_dir >= 0)
		kid_init(s, &s->kids[s->nkids++], &logd_child); /* first up, last down */
	for (size_t i = 0; i < s->role->n; i++)
		for (unsigned k = 0; k < kid_count(s, &s->role->children[i]); k++) {
			kid_init(s, &s->kids[s->nkids], &s->role->children[i]);
			s->kids[s->nkids++].index = k;
		}
	s->nserve = s->nkids;
	for (size_t i = 0; i < s->nserve; i++)
		s->kids[i].part = KID_SERVES;
	for (size_t i = 0; i < s->role->n; i++)
		for (size_t g = 1; s->role->children[i].anew && g < GENERATIONS; g++)
			kid_init(s, &s->kids[s->nkids++], &s->role->children[i]);
}

/* As many processes as there may be at a time, logd among them. */
static size_t most_kids(const struct super *s)
{
	size_t n = 1;

	for (size_t i = 0; i < s->role->n; i++)
		n += s->role->children[i].anew ? GENERATIONS : kid_count(s, &s->role->children[i]);
	return n;
}

/* 0: as many as the hard limit allows. Children inherit it. */
static void set_nofile(uint64_t n)
{
	struct rlimit lim;

	if (n == 0) {
		net_raise_nofile();
		return;
	}
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = num_min64(n, lim.rlim_max);
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

/* The supervisor keeps the rights it needs to start children and bind; the rest goes. */
static int enter_jail(struct super *s, struct why *w)
{
	const struct jail_opts o = {.profile = JAIL_SUPERVISOR, .dir_fd = -1,
				    .off = s->conf->limits.insecure_no_sandbox};
	int rc = jail_enter(&o, &s->jail, w);

	if (rc == 0 && s->conf->limits.require_sandbox)
		rc = jail_missing(&s->jail, w);
	return rc;
}

static int super_open(struct super *s, struct why *w)
{
	int rc;

	if (most_kids(s) > KIDS)
		return why_set(w, ZT_E_FULL, "the role %s may have %zu children at a time, at most %u are allowed",
			       s->role->name, most_kids(s), (unsigned)KIDS);
	rc = loop_open(&s->loop, LOOP_BEST, &clock_real);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "cannot open an event loop");
	s->started = loop_now(s->loop);
	set_nofile(s->conf->limits.nofile);
	rc = sigs_open(&s->sigs, s->loop, on_signal);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "cannot watch signals");
	s->exe_fd = spawn_self(w);
	if (s->exe_fd < 0)
		return s->exe_fd;
	rc = open_places(s, w);
	if (rc == 0)
		rc = open_dirs(s, w);
	if (rc == 0)
		rc = open_log_sink(s, w);
	if (rc == 0)
		rc = bundles_pack(&s->files, s, s->conf, w);
	if (rc == 0)
		rc = super_bind(&s->open, s->role, s->conf, &s->before, w);
	if (rc < 0)
		return rc;
	log_own_pipe(&s->log);
	rc = enter_jail(s, w);
	return rc == 0 && s->up.begin.heir ? upgrade_prepared(s, w) : rc;
}

/* Answers the exit code. */
static enum zt_exit super_close(struct super *s)
{
	enum zt_exit code;
	const struct listeners none = {.n = 0};

	if (s->run_lock_fd >= 0 && upgrade_in_charge(s)) /* else it is somebody else's */
		unlink(s->place.sock);
	shepherd_keep(&s->up.sh);
	loop_free(s->loop);
	ctl_free(&s->ctl);
	bundles_close(&s->files);
	for (size_t i = 0; i < KIDS; i++)
		if (s->dirs[i] >= 0)
			close(s->dirs[i]);
	super_close_rest(&s->open, &none);
	conf_free(s->conf);
	upgrade_end(s);
	code = s->code;
	free(s);
	return code;
}

static struct super *super_new(const struct super_role *role, struct conf *conf, const struct conf_source *src,
			       const struct super_begin *begin)
{
	struct super *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->role = role;
	s->src = src;
	s->conf = conf;
	s->epoch = 1;
	s->lock_fd = s->run_lock_fd = s->exe_fd = s->log_dir = s->log_pipe[0] = s->log_pipe[1] = -1;
	s->ctl.asked = on_request;
	s->ctl.gone = on_asker_gone;
	s->stop_late.fire = stop_late;
	s->renew_timer.fire = renew_fire;
	s->status_late.fire = report_late;
	s->watchdog.fire = watchdog_fire;
	s->watch_timer.fire = watch_fire;
	for (size_t i = 0; i < KIDS; i++)
		s->dirs[i] = -1;
	bundles_none(&s->files);
	bundles_none(&s->next_files);
	bounds_init(&s->bounds);
	log_init(&s->log, &clock_real, role->name, "super");
	super_log_settings(s);
	upgrade_init(s, begin);
	if (s->up.begin.heir)
		notify_relay(&s->notify, HEIR_FD_SHEPHERD);
	else
		notify_open(&s->notify);
	return s;
}

enum zt_exit super_run(const struct super_role *role, struct conf *conf, const struct conf_source *src,
		       struct why *w)
{
	return super_run_as(role, conf, src, NULL, w);
}

enum zt_exit super_run_as(const struct super_role *role, struct conf *conf, const struct conf_source *src,
			  const struct super_begin *begin, struct why *w)
{
	struct super *s = super_new(role, conf, src, begin);

	if (s == NULL) {
		conf_free(conf);
		return err_exit((enum zt_err)-why_set(w, ZT_E_NOMEM, "no memory for the supervisor"));
	}
	s->why = w;
	if (super_open(s, w) < 0) {
		upgrade_refuse(s, err_exit(w->err), w->text);
		super_close(s);
		return err_exit(w->err);
	}
	add_kids(s);
	for (size_t i = 0; i < s->nserve; i++)
		kid_start(&s->kids[i]);
	watch_begin(s);
	clockwatch_begin(&s->clock, s->loop, &s->log);
	if (s->notify.watchdog_ns)
		loop_timer(s->loop, &s->watchdog, s->notify.watchdog_ns);
	if (loop_run(s->loop) < 0)
		s->code = EXIT_ZT_FAILED;
	say_stopped(s);
	if (w->err)
		upgrade_refuse(s, s->code, w->text);
	return super_close(s);
}
