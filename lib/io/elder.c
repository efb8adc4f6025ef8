/*
 * elder: a supervisor that is not in charge any more: what it lets go of, how long it may linger, what it says of what
 * still lives in it; and the first process of a role as shepherd beside that, until it is nothing else (shepherd.h).
 * Never starts or ends an upgrade: that is upgrade.c's.
 */
#include "elder.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "shepherd_alone.h"
#include "super_int.h"

#define COUNT_EVERY NS_PER_S

/* It lets go of all that its successor has too. */
static void let_go(struct super *s)
{
	const struct listeners none = {.n = 0};
	int *const fds[] = {&s->lock_fd, &s->run_lock_fd, &s->log_pipe[0]};

	super_close_rest(&s->open, &none);
	listener_close(&s->ctl.door);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

void elder_begin(struct super *s)
{
	char said[96];

	s->up.step = UPGRADE_OVER;
	s->stopping = true;
	s->code = EXIT_ZT_OK;
	LOG(&s->log, LOG_INFO, "upgraded: another process serves now, and this one finishes what it began",
	    LF_STR("version", s->up.version), LF_I64("pid", s->up.heir), LF_U64("linger_ms", s->conf->limits.linger_ms));
	snprintf(said, sizeof said, "upgraded: zt %s serves, process %ld", s->up.version, (long)s->up.heir);
	/* It may have read its configuration before the change that was meant. */
	if (s->up.reload && s->up.heir > 0 && !loop_closed(&s->up.line))
		kill(s->up.heir, SIGHUP);
	loop_close(&s->up.line);
	let_go(s);
	loop_timer_stop(s->loop, &s->watchdog);
	upgrade_answer(s, EXIT_ZT_OK, said, "");
	if (upgrade_is_first(s)) {
		s->up.sh.own = true;
		shepherd_crown(&s->up.sh, getpid());
	} else {
		upgrade_tell_shepherd(UPMSG_CROWN, 0);
		s->notify.relay = 0;
	}
	if (!loop_timer(s->loop, &s->stop_late, s->conf->limits.linger_ms * NS_PER_MS))
		super_stop(s, EXIT_ZT_FAILED);
	upgrade_later(s, COUNT_EVERY);
	super_finish(s);
}

/* ---- while it drains --------------------------------------------------------------------- */

static uint64_t live_in(const struct kid *k)
{
	struct rd r = rd_of(span_of(k->counters, k->counters_n));
	struct ipc_counter c;

	while (ipc_read_counter(&r, &c) > 0)
		if (span_eq_str(c.whole, "live"))
			return c.value;
	return 0;
}

void upgrade_count(struct super *s)
{
	uint64_t n = 0;

	if (s->up.step != UPGRADE_OVER)
		return;
	for (size_t i = 0; i < s->nkids; i++)
		n += s->kids[i].state != KID_DOWN ? live_in(&s->kids[i]) : 0;
	if (upgrade_is_first(s))
		shepherd_live(&s->up.sh, true, n);
	else
		upgrade_tell_shepherd(UPMSG_LIVE, n);
}

void elder_counts(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *k = &s->kids[i];

		if (k->state == KID_LEAVING && k->introduced && !k->asked)
			k->asked = kid_tell(k, IPC_ASK, s->epoch, NULL, 0) == 0;
	}
	upgrade_count(s);
	upgrade_later(s, COUNT_EVERY);
}

/* ---- the shepherd's part of the first process ----------------------------------------------- */

static void on_lost(struct shepherd *sh, int wait_status)
{
	struct super *s = CONTAINER_OF(sh, struct super, up.sh);

	upgrade_heir_ended(s, wait_status);
}

static void on_over(struct shepherd *sh, int wait_status)
{
	struct super *s = CONTAINER_OF(sh, struct super, up.sh);

	s->code = (enum zt_exit)shepherd_over(sh, wait_status, &s->up.ends);
	super_linger_over(s);
}

static void on_crowded(struct shepherd *sh)
{
	struct super *s = CONTAINER_OF(sh, struct super, up.sh);

	for (size_t i = 0; i < s->nkids; i++)
		kid_kill(&s->kids[i]);
}

static void on_linked(struct shepherd *sh)
{
	links_to_heir(CONTAINER_OF(sh, struct super, up.sh));
}

void upgrade_link(struct super *s, uint64_t link, int fd)
{
	if (upgrade_is_first(s))
		shepherd_link(&s->up.sh, FLOCK_CROWNED, link, &fd);
	else
		upmsg_send(HEIR_FD_SHEPHERD, &(struct upmsg){.type = UPMSG_LINK, .n = link}, &fd, 1);
}

bool upgrade_reaped(struct super *s, pid_t pid, int wait_status)
{
	if (!upgrade_is_first(s) || !shepherd_reaped(&s->up.sh, pid, wait_status))
		return false;
	if (s->stopping)
		super_finish(s);
	return true;
}

/* A terminal or a service manager tells everybody to stop, and the first process, whom they told too, does so again. That
 * is one request. The second, which means at once, is the second from the same side. */
static bool is_the_same_stop(struct super *s)
{
	bool passed_on = s->sigs.from == s->up.shepherd, again = s->up.told_to_stop[passed_on];

	s->up.told_to_stop[passed_on] = true;
	return !again && s->up.told_to_stop[!passed_on];
}

bool upgrade_signal(struct super *s, int signo)
{
	bool end = signo == SIGTERM || signo == SIGINT;

	if (!upgrade_is_first(s))
		return end && is_the_same_stop(s);
	if (s->up.step != UPGRADE_OVER)
		return false;
	s->up.ends |= end;
	shepherd_signal(&s->up.sh, signo);
	return !end;
}

bool upgrade_waits(struct super *s)
{
	struct shepherd *sh = &s->up.sh;

	return s->up.ends && (shepherd_has(sh, FLOCK_CROWNED) || shepherd_has(sh, FLOCK_ELDER));
}

void upgrade_end(struct super *s)
{
	struct shepherd *sh = &s->up.sh;

	if (!upgrade_is_first(s) || s->up.ends || !shepherd_has(sh, FLOCK_CROWNED))
		return;
	shepherd_become(sh, s->exe_fd);
	s->code = EXIT_ZT_FAILED; /* without it the others end, and whoever watches starts the role again */
}

void elder_init(struct super *s)
{
	s->up.sh = (struct shepherd){.notify = &s->notify, .exe = s->up.exe, .argv = s->up.begin.argv, .lost = on_lost,
				     .over = on_over, .crowded = on_crowded, .linked = on_linked};
}
