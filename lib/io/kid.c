/*
 * kid: one child as the supervisor sees it: start, listen to, count deaths, start again.
 * Life: DOWN -> STARTING -> UP -> (death) -> DOWN ...; LEAVING when its end is wanted.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "spawn.h"
#include "super_int.h"

#define START_DEADLINE (10 * NS_PER_S) /* exec, parse, jail: milliseconds unless something is wrong */
#define HEALTHY_AFTER (30 * NS_PER_S)
#define BACKOFF_FIRST (100 * NS_PER_MS)
#define BACKOFF_MOST (10 * NS_PER_S)

static const char *const state_names[] = {"down", "starting", "up", "leaving"};

const char *kid_state_name(enum kid_state st)
{
	return state_names[st];
}

int kid_tell(struct kid *k, enum ipc_type type, uint32_t epoch, const int *fds, size_t n)
{
	const struct ipc_msg m = {.type = type, .epoch = epoch};
	int rc = loop_closed(&k->src) ? -ZT_E_CLOSED : chan_send(k->src.fd, &m, fds, n);

	/* A child that does not read its channel is stuck: its queue is the bound. */
	if (rc == -ZT_E_AGAIN)
		kid_kill(k);
	return rc;
}

int kid_conf(const struct kid *k, const struct conf *c, struct span *text, void **mem)
{
	struct wr w;
	int rc;

	*mem = malloc(BOUND_CAP(BOUND_CONF_FILE));
	if (*mem == NULL)
		return -ZT_E_NOMEM;
	w = wr_of(*mem, BOUND_CAP(BOUND_CONF_FILE));
	rc = conf_emit(c, k->what->who, &w);
	if (rc < 0 || w.full) {
		free(*mem);
		*mem = NULL;
		return rc < 0 ? rc : -ZT_E_TOOLONG;
	}
	*text = wr_span(&w);
	return 0;
}

size_t kid_fds(const struct kid *k, const struct listeners *open, int out[static KID_FDS])
{
	const struct super *s = k->super;
	size_t n = 0;

	if (s->log_dir >= 0 && strcmp(k->what->kind, "logd") == 0) {
		out[n++] = s->log_pipe[0];
		out[n++] = s->log_dir;
		return n;
	}
	for (size_t i = 0; k->what->listeners && i < open->n; i++)
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

static void start_later(struct kid *k)
{
	k->state = KID_DOWN;
	k->tries++;
	if (!loop_timer(k->super->loop, &k->timer, backoff(k->tries)))
		super_stop(k->super, EXIT_ZT_FAILED); /* no memory for one timer: let init try again */
}

static void heard(struct kid *k, const struct chan_msg *m)
{
	switch (m->ipc.type) {
	case IPC_READY:
		if (k->state == KID_STARTING && jailrep_read(m->ipc.payload, &k->jail) == 0) {
			k->state = KID_UP;
			k->up_since = loop_now(k->super->loop);
			loop_timer(k->super->loop, &k->timer, HEALTHY_AFTER);
			super_kid_up(k);
		}
		return;
	case IPC_PREPARED:
	case IPC_REFUSED:
		if (k->state == KID_STARTING && m->ipc.type == IPC_REFUSED) {
			LOG(&k->super->log, LOG_ERROR, "child cannot start", LF_STR("child", k->what->proc),
			    LF_SPAN("reason", m->ipc.payload));
			if (!k->super->announced) /* the very first start: tell the operator and end */
				super_stop(k->super, EXIT_ZT_FAILED);
		} else if (k->super->next && m->ipc.epoch == k->super->epoch + 1) {
			renew_answer(k, m->ipc.type == IPC_PREPARED, m->ipc.payload);
		}
		return;
	case IPC_COUNTERS:
		report_kid_answered(k, m->ipc.payload);
		return;
	case IPC_DRAINED:
		k->state = KID_LEAVING;
		return;
	case IPC_PREPARE:
	case IPC_COMMIT:
	case IPC_ABORT:
	case IPC_ASK:
	case IPC_DRAIN:
	case IPC_REOPEN:
		return; /* chan_recv refuses these from a child */
	}
}

static unsigned kid_wants(const struct source *s)
{
	(void)s;
	return LOOP_IN;
}

static void kid_ready(struct source *src, unsigned events)
{
	struct kid *k = CONTAINER_OF(src, struct kid, src);
	struct chan_msg m;
	int rc = 1;

	(void)events;
	for (int i = 0; i < 8 && rc > 0 && !loop_closed(src); i++) {
		rc = chan_recv(src->fd, 'c', &m);
		if (rc > 0) {
			chan_close_fds(&m); /* a child has nothing to hand up */
			heard(k, &m);
		}
	}
	if (rc < 0) { /* its end is closed or it talks nonsense: either way it is over */
		if (rc != -ZT_E_CLOSED)
			LOG(&k->super->log, LOG_ERROR, "child sent nonsense, ending it",
			    LF_STR("child", k->what->proc), LF_ERR("error", (enum zt_err)-rc));
		loop_close(src);
		if (k->state != KID_DOWN)
			kill(k->pid, SIGKILL);
	}
}

static const struct source_class kid_class = {"child channel", kid_wants, kid_ready, NULL};

static void kid_timer(struct timer *t, uint64_t now)
{
	struct kid *k = CONTAINER_OF(t, struct kid, timer);

	(void)now;
	switch (k->state) {
	case KID_DOWN:
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
		return;
	}
}

void kid_init(struct super *s, struct kid *k, const struct super_child *what)
{
	*k = (struct kid){.super = s, .what = what, .timer = {.fire = kid_timer}};
}

static int kid_spawn(struct kid *k, struct why *w)
{
	struct super *s = k->super;
	int fds[KID_FDS], chan = -1, rc;
	struct spawn_req r = {.exe_fd = s->exe_fd, .kind = k->what->kind, .fds = fds};
	void *mem;

	/* logd itself complains where everybody complained before it existed */
	r.log_fd = s->log_pipe[1] >= 0 && strcmp(k->what->kind, "logd") != 0 ? s->log_pipe[1] : STDERR_FILENO;
	r.nfds = kid_fds(k, &s->open, fds);
	rc = kid_conf(k, s->conf, &r.conf, &mem);
	if (rc < 0)
		return why_set(w, (enum zt_err)-rc, "cannot write the configuration of child %s", k->what->kind);
	rc = spawn_child(&r, &k->pid, &chan, w);
	free(mem);
	if (rc < 0)
		return rc;
	k->src = (struct source){.cls = &kid_class, .fd = chan};
	rc = loop_add(s->loop, &k->src);
	if (rc < 0) {
		close(chan); /* the child sees the end of its channel and leaves; SIGCHLD follows */
		return why_set(w, (enum zt_err)-rc, "cannot watch child %s", k->what->kind);
	}
	return 0;
}

void kid_start(struct kid *k)
{
	struct super *s = k->super;
	struct why w = {0};

	if (s->stopping)
		return;
	if (kid_spawn(k, &w) < 0) {
		LOG(&s->log, LOG_ERROR, "cannot start child", LF_STR("child", k->what->proc),
		    LF_STR("reason", w.text));
		start_later(k);
		return;
	}
	k->state = KID_STARTING;
	k->counters_n = 0;
	if (!loop_timer(s->loop, &k->timer, START_DEADLINE))
		kid_kill(k);
}

void kid_drain(struct kid *k)
{
	if (k->state == KID_DOWN) {
		loop_timer_stop(k->super->loop, &k->timer);
		return;
	}
	if (k->state == KID_UP && kid_tell(k, IPC_DRAIN, k->super->epoch, NULL, 0) == 0)
		k->state = KID_LEAVING;
	else
		kid_kill(k);
}

void kid_kill(struct kid *k)
{
	if (k->state == KID_DOWN)
		return;
	k->state = KID_LEAVING;
	kill(k->pid, SIGKILL);
}

static void count_death(struct kid *k, uint64_t now)
{
	memmove(k->deaths + 1, k->deaths, sizeof k->deaths - sizeof k->deaths[0]);
	k->deaths[0] = now;
	k->restarts++;
}

void kid_reaped(struct super *s, pid_t pid, int wait_status)
{
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *k = &s->kids[i];
		bool expected = s->stopping;

		if (k->state == KID_DOWN || k->pid != pid)
			continue;
		loop_close(&k->src);
		loop_timer_stop(s->loop, &k->timer);
		jail_death_text(wait_status, k->last_death, sizeof k->last_death);
		k->state = KID_DOWN;
		if (!expected)
			count_death(k, loop_now(s->loop));
		LOG(&s->log, expected ? LOG_INFO : LOG_ERROR, expected ? "child left" : "child died",
		    LF_STR("child", k->what->proc), LF_I64("pid", pid), LF_STR("how", k->last_death));
		super_kid_gone(k, expected);
		if (!s->stopping)
			start_later(k);
		return;
	}
}
