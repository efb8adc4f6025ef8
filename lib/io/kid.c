/*
 * kid: one child as the supervisor sees it: start, tell, count deaths, start again. What it says: words.c.
 * Life: DOWN -> STARTING -> UP -> (death) -> DOWN ...; LEAVING when its end is wanted. Only the
 * one that serves is started again; generations before and after it are in heirs.c.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "spawn.h"
#include "super_int.h"

#define HEALTHY_AFTER (30 * NS_PER_S)
#define BACKOFF_FIRST (100 * NS_PER_MS)
#define BACKOFF_MOST (10 * NS_PER_S)
#define RESTS_FROM 4 /* deaths in a row: 0.8 s and more until the next start. Before that, who waits in its queue is served */

static const char *const state_names[] = {"down", "starting", "up", "leaving"};

const char *kid_state_name(enum kid_state st)
{
	return state_names[st];
}

struct kid *kid_of(struct super *s, size_t kind, unsigned index)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].what == &s->role->children[kind] && s->kids[i].part == KID_SERVES && s->kids[i].index == index)
			return &s->kids[i];
	zt_bug(__FILE__, __LINE__, "every kind of child has those that serve");
}

unsigned kid_count(const struct super *s, const struct super_child *what)
{
	return what->count ? what->count(s->conf) : 1;
}

size_t kid_kind(const struct kid *k)
{
	size_t kind = 0;

	while (&k->super->role->children[kind] != k->what)
		kind++;
	return kind;
}

int kid_tell(struct kid *k, enum ipc_type type, uint32_t epoch, const int *fds, size_t n)
{
	return kid_tell_all(k, &(struct ipc_msg){.type = type, .epoch = epoch}, fds, n);
}

int kid_tell_all(struct kid *k, const struct ipc_msg *m, const int *fds, size_t n)
{
	int rc = loop_closed(&k->src) ? -ZT_E_CLOSED : chan_order(k->orders, m, fds, n);

	/* A child that does not read its channel is stuck: its queue is the bound. */
	if (rc == -ZT_E_AGAIN)
		kid_kill(k);
	return rc;
}

int kid_conf(const struct conf *c, unsigned who, struct span *text, void **mem)
{
	struct wr w;
	int rc;

	*mem = malloc(BOUND_CAP(BOUND_CONF_FILE));
	if (*mem == NULL)
		return -ZT_E_NOMEM;
	w = wr_of(*mem, BOUND_CAP(BOUND_CONF_FILE));
	rc = conf_emit(c, who, &w);
	*text = wr_span(&w);
	if (rc < 0 || w.full) {
		kid_conf_free(*text, *mem);
		return rc < 0 ? rc : -ZT_E_TOOLONG;
	}
	return 0;
}

void kid_conf_free(struct span text, void *mem)
{
	wipe(mem, text.n);
	free(mem);
}

size_t kid_fds(const struct kid *k, bool next, int out[static KID_FDS])
{
	const struct super *s = k->super;
	const struct listeners *open = next ? &s->next_open : &s->open;
	size_t n = 0;

	if (super_is_logd(k)) {
		out[n++] = s->log_pipe[0];
		out[n++] = s->log_dir;
		return n;
	}
	if (k->what->files)
		out[n++] = (next ? &s->next_files : &s->files)->fd[kid_kind(k)];
	if (k->what->dir)
		out[n++] = s->dirs[kid_kind(k)];
	for (size_t i = 0; k->what->listeners && i < open->n; i++)
		if (open->l[i].index == k->index)
			out[n++] = open->l[i].fd;
	return n;
}

static uint64_t backoff(unsigned tries)
{
	uint64_t wait = BACKOFF_FIRST;

	while (tries-- > 1 && wait < BACKOFF_MOST)
		wait *= 2;
	return num_min64(wait, BACKOFF_MOST);
}

/* Never in the turn in which it ended: its source is still the loop's until that is over (words_listen() checks). */
static void start_after(struct kid *k, uint64_t wait)
{
	if (!loop_timer(k->super->loop, &k->timer, wait))
		super_stop(k->super, EXIT_ZT_FAILED); /* no memory for one timer: let init try again */
}

void kid_start_soon(struct kid *k)
{
	start_after(k, NS_PER_MS);
}

static void start_later(struct kid *k)
{
	k->state = KID_DOWN;
	k->tries++;
	if (k->what->listeners && k->tries >= RESTS_FROM)
		super_rest(k);
	start_after(k, backoff(k->tries));
}

void kid_is_up(struct kid *k)
{
	k->state = KID_UP;
	k->up_since = loop_now(k->super->loop);
	loop_timer(k->super->loop, &k->timer, HEALTHY_AFTER);
	super_kid_up(k);
}

static void kid_timer(struct timer *t, uint64_t now)
{
	struct kid *k = CONTAINER_OF(t, struct kid, timer);

	(void)now;
	switch (k->state) {
	case KID_DOWN:
		if (k->part == KID_GONE)
			k->part = KID_NOBODY;
		else
			kid_start(k);
		return;
	case KID_STARTING:
		LOG(&k->super->log, LOG_ERROR, "child did not get ready in time, ending it",
		    LF_STR("child", k->what->proc));
		kill(k->pid, SIGKILL); /* its death is counted like any other */
		return;
	case KID_UP:
		k->tries = 0;
		return;
	case KID_LEAVING:
		if (k->part != KID_ELDER)
			return;
		if (k->lingers && loop_timer(k->super->loop, t, k->super->conf->limits.drain_ms * NS_PER_MS)) {
			kid_drain(k);
			return;
		}
		LOG(&k->super->log, LOG_WARN, "drain of an old generation took too long, ending it",
		    LF_STR("child", k->what->proc));
		kid_replace(k);
		return;
	}
}

void kid_init(struct super *s, struct kid *k, const struct super_child *what)
{
	*k = (struct kid){.super = s, .what = what, .orders = -1, .timer = {.fire = kid_timer}};
}

void kid_forget(struct kid *k)
{
	k->part = KID_GONE;
	start_after(k, NS_PER_MS); /* its source may be the loop's until this turn is over */
}

static int kid_spawn(struct kid *k, struct why *w)
{
	struct super *s = k->super;
	bool next = k->part == KID_HEIR;
	int fds[KID_FDS], rc;
	struct spawn_req r = {.exe_fd = s->exe_fd, .kind = k->what->kind, .fds = fds, .epoch = s->epoch + next,
			      .index = k->index};
	struct spawned child;
	char life[SPAWN_LIFE];
	void *mem;

	r.life = upgrade_life(s, life);
	/* logd itself complains where everybody complained before it existed */
	r.log_fd = s->log_pipe[1] >= 0 && !super_is_logd(k) ? s->log_pipe[1] : STDERR_FILENO;
	r.nfds = kid_fds(k, next, fds);
	rc = kid_conf(next ? s->next : s->conf, k->what->who, &r.conf, &mem);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "cannot write the configuration of child %s", k->what->kind);
	rc = spawn_child(&r, &child, w);
	kid_conf_free(r.conf, mem);
	if (rc < 0)
		return rc;
	rc = words_listen(k, child.words);
	if (rc < 0) { /* the child sees the end of its channel and leaves; SIGCHLD follows */
		close(child.words);
		close(child.orders);
		return why_set(w, (enum zt_err)-rc, "cannot watch child %s", k->what->kind);
	}
	k->pid = child.pid;
	k->orders = child.orders;
	k->epoch = r.epoch;
	return 0;
}

int kid_launch(struct kid *k, struct why *w)
{
	struct super *s = k->super;
	int rc = kid_spawn(k, w);

	if (rc < 0)
		return rc;
	k->state = KID_STARTING;
	k->birth = ++s->births;
	k->introduced = k->asked = k->told_to_drain = k->offered = k->prepared = false;
	k->committing = k->replaced = k->settled = k->lingers = false;
	k->offers = 0;
	k->counters_n = 0;
	if (!loop_timer(s->loop, &k->timer, KID_START_DEADLINE))
		kid_kill(k);
	return 0;
}

void kid_start(struct kid *k)
{
	struct super *s = k->super;
	struct why w = {0};

	if (s->stopping || k->rests)
		return;
	if (k->what->listeners)
		super_mend(k);
	if (kid_launch(k, &w) == 0)
		return;
	LOG(&s->log, LOG_ERROR, "cannot start child", LF_STR("child", k->what->proc), LF_STR("reason", w.text));
	start_later(k);
}

void kid_drain(struct kid *k)
{
	if (k->state == KID_DOWN) {
		if (k->part != KID_GONE) /* its place is free only by its timer */
			loop_timer_stop(k->super->loop, &k->timer);
		return;
	}
	if (k->state == KID_LEAVING && (k->rests || k->lingers)) { /* it was told to yield, and has no more time for that */
		k->lingers = false;
		kid_tell(k, IPC_DRAIN, k->super->epoch, NULL, 0);
		return;
	}
	if (k->part == KID_ELDER && k->state == KID_LEAVING)
		return; /* it was told before */
	if (k->refused)
		return; /* it goes by itself, and its exit code is waited for */
	if (k->state != KID_UP || kid_tell(k, IPC_DRAIN, k->super->epoch, NULL, 0) < 0) {
		kid_kill(k);
		return;
	}
	k->state = KID_LEAVING;
	k->told_to_drain = true;
}

void kid_yield(struct kid *k)
{
	if (k->lingers)
		return; /* it was told before */
	if (k->state != KID_UP) {
		kid_drain(k);
		return;
	}
	k->state = KID_LEAVING;
	k->told_to_drain = kid_tell(k, IPC_YIELD, k->super->epoch, NULL, 0) == 0;
}

void kid_kill(struct kid *k)
{
	if (k->state == KID_DOWN)
		return;
	k->state = KID_LEAVING;
	kill(k->pid, SIGKILL);
}

void kid_replace(struct kid *k)
{
	k->replaced = true;
	kid_kill(k);
}

static void count_death(struct kid *k, uint64_t now)
{
	memmove(k->deaths + 1, k->deaths, sizeof k->deaths - sizeof k->deaths[0]);
	k->deaths[0] = now;
	k->restarts++;
}

/* What is no fault: that we wanted it, and how one that drains ends. */
static bool is_expected(const struct kid *k, int wait_status)
{
	return k->super->stopping || k->replaced || k->rests ||
	       (k->part == KID_ELDER && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
}

/* What kept it from starting is what keeps the role: its exit code says it best. */
static void pass_code_on(struct kid *k, int wait_status)
{
	if (k->refused && !k->what->anew && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) > EXIT_ZT_OK &&
	    WEXITSTATUS(wait_status) <= EXIT_ZT_TOKEN)
		k->super->code = (enum zt_exit)WEXITSTATUS(wait_status);
	k->refused = false;
}

static void bury(struct kid *k, int wait_status)
{
	struct super *s = k->super;
	bool expected = is_expected(k, wait_status);

	words_close(k);
	loop_timer_stop(s->loop, &k->timer);
	jail_death_text(wait_status, k->last_death, sizeof k->last_death);
	k->state = KID_DOWN;
	pass_code_on(k, wait_status);
	if (!expected && k->part == KID_SERVES)
		count_death(k, loop_now(s->loop));
	if (!s->said_stopped) /* after that nobody writes the log any more */
		LOG(&s->log, expected ? LOG_INFO : LOG_ERROR, expected ? "child left" : "child died",
		    LF_STR("child", k->what->proc), LF_I64("pid", k->pid), LF_STR("how", k->last_death));
	super_kid_gone(k);
	if (s->stopping)
		return;
	if (k->part != KID_SERVES)
		kid_forget(k);
	else if (k->replaced)
		kid_start_soon(k);
	else if (k->rests)
		return;
	else
		start_later(k);
}

static struct kid *kid_by_pid(struct super *s, pid_t pid)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state != KID_DOWN && s->kids[i].pid == pid)
			return &s->kids[i];
	return NULL;
}

void kid_last_words(struct super *s, pid_t pid)
{
	struct kid *k = kid_by_pid(s, pid);

	if (k)
		words_last(k);
}

void kid_reaped(struct super *s, pid_t pid, int wait_status)
{
	struct kid *k = kid_by_pid(s, pid);

	if (k)
		bury(k, wait_status);
}
