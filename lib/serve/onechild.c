/* onechild: spawn, first word, end. It owns the channels and the process, nothing else. */
#include "onechild.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ct.h"
#include "base/num.h"
#include "base/pool.h"
#include "io/chan.h"
#include "io/spawn.h"

#define CONF_ROOM BOUND_CAP(BOUND_CONF_FILE)
#define START_MS 10000 /* as a supervisor allows: exec, parse, jail take milliseconds */

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int spawn(struct onechild *c, const struct onechild_opts *o, struct why *w)
{
	struct spawn_req req = {.kind = o->kind, .log_fd = STDERR_FILENO, .fds = o->fds, .nfds = o->nfds,
				.epoch = ONECHILD_EPOCH};
	struct spawned out;
	struct arena mem;
	struct wr text;
	int rc;

	arena_init(&mem, CONF_ROOM + 16);
	text = wr_of(arena_get(&mem, CONF_ROOM), CONF_ROOM);
	if (text.p == NULL || conf_emit(o->conf, o->who, &text) < 0)
		rc = why_set(w, ZT_E_NOMEM, "no room for the configuration of the %s", o->shown);
	else
		req.exe_fd = rc = spawn_self(w);
	if (rc >= 0) {
		req.conf = wr_span(&text);
		rc = spawn_child(&req, &out, w);
		close_once(&req.exe_fd);
	}
	if (text.p)
		wipe(text.p, text.n);
	arena_free(&mem);
	if (rc == 0)
		*c = (struct onechild){.pid = out.pid, .orders = out.orders, .words = out.words};
	return rc;
}

/* Its words end when it does. */
static bool ends_within(int words, int wait_ms)
{
	uint64_t deadline = clock_mono(&clock_real) + (uint64_t)wait_ms * NS_PER_MS, now;
	struct pollfd p = {.fd = words, .events = POLLIN};
	struct chan_msg m;

	while ((now = clock_mono(&clock_real)) < deadline) {
		int rc = poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1);

		if (rc > 0 && chan_hear(words, &m) < 0)
			return true;
		if (rc < 0 && errno != EINTR)
			break;
	}
	return false;
}

/* Answers its wait status. */
static int bury(struct onechild *c, bool force)
{
	int status = 0, rc;

	if (force)
		kill(c->pid, SIGKILL);
	do
		rc = waitpid(c->pid, &status, 0);
	while (rc < 0 && errno == EINTR);
	c->pid = 0;
	return rc < 0 ? 0 : status;
}

/* It has said why it does not start and is ending: its exit code says of which kind that is. */
static enum zt_err refusal(struct onechild *c)
{
	static const enum zt_err of[] = {
		[EXIT_ZT_FAILED] = ZT_E_CLOSED, [EXIT_ZT_USAGE] = ZT_E_USAGE,   [EXIT_ZT_CONFIG] = ZT_E_CONFIG,
		[EXIT_ZT_DENIED] = ZT_E_DENIED, [EXIT_ZT_UNREACHABLE] = ZT_E_TIMEOUT, [EXIT_ZT_STATE] = ZT_E_DAMAGED,
		[EXIT_ZT_LOCKED] = ZT_E_LOCKED, [EXIT_ZT_KEY] = ZT_E_KEY,       [EXIT_ZT_TOKEN] = ZT_E_TOKEN,
	};
	int status = bury(c, !ends_within(c->words, START_MS));

	if (!WIFEXITED(status) || (size_t)WEXITSTATUS(status) >= ARRAY_LEN(of) || of[WEXITSTATUS(status)] == ZT_OK)
		return ZT_E_CLOSED;
	return of[WEXITSTATUS(status)];
}

static int wait_ready(struct onechild *c, const char *shown, struct why *w)
{
	struct pollfd p = {.fd = c->words, .events = POLLIN};
	struct chan_msg m;
	int rc;

	do
		rc = poll(&p, 1, START_MS);
	while (rc < 0 && errno == EINTR);
	rc = rc > 0 ? chan_hear(c->words, &m) : -ZT_E_TIMEOUT;
	if (rc > 0 && m.ipc.type == IPC_READY)
		return 0;
	if (rc > 0 && m.ipc.type == IPC_REFUSED)
		return why_set(w, refusal(c), "%.*s", SPAN_ARG(m.ipc.payload));
	return why_set(w, ZT_E_CLOSED, "the %s did not start", shown);
}

int onechild_start(struct onechild *c, const struct onechild_opts *o, struct why *w)
{
	int rc;

	*c = (struct onechild){.orders = -1, .words = -1};
	rc = spawn(c, o, w);
	if (rc == 0)
		rc = wait_ready(c, o->shown, w);
	if (rc < 0)
		onechild_stop(c, 0);
	return rc;
}

int onechild_link(struct onechild *c, unsigned number, int type, struct why *w)
{
	const uint8_t n = (uint8_t)number;
	const struct ipc_msg m = {.type = IPC_LINK, .epoch = ONECHILD_EPOCH, .payload = span_of(&n, 1)};
	int pair[2], rc;

	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return why_sys(w, errno, "cannot make a line to a process of our own");
	rc = chan_order(c->orders, &m, &pair[1], 1);
	close(pair[1]);
	if (rc == 0)
		return pair[0];
	close(pair[0]);
	return why_set(w, (enum zt_err)-rc, "a process of our own takes no orders");
}

void onechild_stop(struct onechild *c, int wait_ms)
{
	close_once(&c->orders); /* the end of its orders is the end of the child */
	if (c->pid > 0)
		bury(c, wait_ms == 0 || !ends_within(c->words, wait_ms));
	close_once(&c->words);
}
