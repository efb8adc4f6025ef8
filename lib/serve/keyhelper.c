/* keyhelper: a supervisor of one child for one question, without restarts and reloads. */
#include "keyhelper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pool.h"
#include "io/chan.h"
#include "io/files.h"
#include "io/spawn.h"

#define CONF_ROOM BOUND_CAP(BOUND_CONF_FILE)
#define START_MS 10000 /* as a supervisor allows: exec, parse, jail take milliseconds */

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int emit(const struct conf *c, struct span *text, struct arena *mem)
{
	struct wr w = wr_of(arena_get(mem, CONF_ROOM), CONF_ROOM);

	if (w.p == NULL)
		return -ZT_E_NOMEM;
	if (conf_emit(c, CONF_FOR_TLSD, &w) < 0)
		return -ZT_E_TOOLONG;
	*text = wr_span(&w);
	return 0;
}

static int spawn_tlsd(struct keyhelper *h, const struct conf *c, int bundle, struct why *w)
{
	struct spawn_req req = {.kind = "tlsd", .log_fd = STDERR_FILENO, .fds = &bundle, .nfds = 1, .epoch = KEYHELPER_EPOCH};
	struct spawned out;
	struct arena mem;
	int rc;

	arena_init(&mem, CONF_ROOM + 16);
	rc = emit(c, &req.conf, &mem);
	if (rc < 0)
		rc = why_set(w, (enum zt_err)-rc, "no room for the configuration of the handshake process");
	else
		req.exe_fd = rc = spawn_self(w);
	if (rc >= 0) {
		rc = spawn_child(&req, &out, w);
		close_once(&req.exe_fd);
	}
	arena_free(&mem);
	if (rc == 0)
		*h = (struct keyhelper){.pid = out.pid, .orders = out.orders, .words = out.words, .line = -1};
	return rc;
}

/* Its first word: ready, or why not. */
static int wait_ready(struct keyhelper *h, struct why *w)
{
	struct pollfd p = {.fd = h->words, .events = POLLIN};
	struct chan_msg m;
	int rc;

	do
		rc = poll(&p, 1, START_MS);
	while (rc < 0 && errno == EINTR);
	rc = rc > 0 ? chan_hear(h->words, &m) : -ZT_E_TIMEOUT;
	if (rc > 0 && m.ipc.type == IPC_READY)
		return 0;
	if (rc > 0 && m.ipc.type == IPC_REFUSED)
		return why_set(w, ZT_E_CONFIG, "%.*s", SPAN_ARG(m.ipc.payload));
	return why_set(w, ZT_E_CLOSED, "the handshake process did not start");
}

static int link_up(struct keyhelper *h, struct why *w)
{
	const uint8_t number = 0;
	const struct ipc_msg m = {.type = IPC_LINK, .epoch = KEYHELPER_EPOCH, .payload = span_of(&number, 1)};
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return why_sys(w, errno, "cannot make a line to the handshake process");
	rc = chan_order(h->orders, &m, &pair[1], 1);
	close(pair[1]);
	h->line = pair[0];
	return rc < 0 ? why_set(w, (enum zt_err)-rc, "the handshake process takes no orders") : 0;
}

int keyhelper_start(struct keyhelper *h, const struct conf *c, struct why *w)
{
	struct file_want want[FILES_MOST];
	struct files_mark mark;
	int bundle, rc;

	*h = (struct keyhelper){.orders = -1, .words = -1, .line = -1};
	bundle = files_pack(want, files_of_tls(c, want), NULL, &mark, w);
	if (bundle < 0)
		return bundle;
	rc = spawn_tlsd(h, c, bundle, w);
	close(bundle);
	if (rc == 0)
		rc = wait_ready(h, w);
	if (rc == 0)
		rc = link_up(h, w);
	if (rc < 0)
		keyhelper_stop(h);
	return rc;
}

void keyhelper_stop(struct keyhelper *h)
{
	close_once(&h->line);
	close_once(&h->orders); /* the end of its orders is the end of the child */
	close_once(&h->words);
	if (h->pid <= 0)
		return;
	kill(h->pid, SIGKILL); /* nothing it could still have to say matters */
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
	h->pid = 0;
}
