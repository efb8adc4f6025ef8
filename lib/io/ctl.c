/*
 * ctl: server and asker of ctl.h. A client is a small source: it collects one line, waits,
 * sends one answer, ends. Nothing here understands a request.
 */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"

#define ASK_DEADLINE (5 * NS_PER_S) /* to send the line; a reader of the answer has as long again */

struct ctl_client {
	struct source src;
	struct ctl *ctl;
	struct timer deadline;
	size_t got, sent, len;
	enum { ASKING, WAITING, ANSWERING } state;
	char line[CTL_REQUEST];
	uint8_t reply[CTL_REPLY];
};

static void client_close(struct ctl_client *k)
{
	if (loop_closed(&k->src))
		return;
	loop_timer_stop(k->src.loop, &k->deadline);
	k->ctl->gone(k->ctl, k);
	loop_close(&k->src);
}

static unsigned client_wants(const struct source *s)
{
	switch (CONTAINER_OF(s, const struct ctl_client, src)->state) {
	case ASKING: return LOOP_IN;
	case WAITING: return 0; /* a hang-up is told all the same */
	case ANSWERING: return LOOP_OUT;
	}
	return 0;
}

static void client_read(struct ctl_client *k)
{
	ssize_t n = recv(k->src.fd, k->line + k->got, sizeof k->line - k->got, 0);
	struct span line, rest;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(k);
		return;
	}
	k->got += (size_t)n;
	if (!span_cut(span_of(k->line, k->got), '\n', &line, &rest)) {
		if (k->got == sizeof k->line)
			client_close(k); /* no request is that long */
		return;
	}
	k->state = WAITING;
	loop_timer_stop(k->src.loop, &k->deadline);
	k->ctl->asked(k->ctl, k, line);
}

static void client_write(struct ctl_client *k)
{
	ssize_t n = send(k->src.fd, k->reply + k->sent, k->len - k->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		k->sent += (size_t)n;
	if (n <= 0 || k->sent == k->len)
		client_close(k);
}

static void client_ready(struct source *s, unsigned events)
{
	struct ctl_client *k = CONTAINER_OF(s, struct ctl_client, src);

	if (k->state == ASKING && (events & LOOP_IN))
		client_read(k);
	else if (k->state == ANSWERING && (events & LOOP_OUT))
		client_write(k);
	else if (events & LOOP_HUP)
		client_close(k);
}

static void client_reap(struct source *s)
{
	struct ctl_client *k = CONTAINER_OF(s, struct ctl_client, src);

	pool_put(&k->ctl->clients, k);
}

static void client_late(struct timer *t, uint64_t now)
{
	(void)now;
	client_close(CONTAINER_OF(t, struct ctl_client, deadline));
}

static const struct source_class client_class = {"control client", client_wants, client_ready, client_reap};

void ctl_reply(struct ctl_client *k, enum zt_exit code, const char *sentence, struct span body)
{
	struct wr w = wr_of(k->reply, sizeof k->reply);

	if (k->state != WAITING)
		return;
	wr_fmt(&w, "%d ", (int)code);
	wr_str(&w, sentence);
	wr_u8(&w, '\n');
	wr_put(&w, span_sub(body, 0, sizeof k->reply - w.n));
	k->len = w.n;
	k->state = ANSWERING;
	if (!loop_timer(k->src.loop, &k->deadline, ASK_DEADLINE)) {
		client_close(k);
		return;
	}
	client_write(k); /* at once: there may be no next turn when the role stops */
	loop_touch(&k->src);
}

int ctl_give(struct ctl_client *k, const char *sentence)
{
	char line[CTL_REQUEST];
	struct wr w = wr_of(line, sizeof line);
	int fd = k->src.fd;

	if (k->state != WAITING)
		return -ZT_E_CLOSED;
	wr_fmt(&w, "%d %s\n", (int)EXIT_ZT_OK, sentence);
	/* The first bytes on a socket of our own: all or nothing. */
	if (w.full || send(fd, line, w.n, MSG_NOSIGNAL) != (ssize_t)w.n) {
		client_close(k);
		return -ZT_E_CLOSED;
	}
	k->src.keep_fd = true;
	client_close(k);
	return fd;
}

/* Mode 0600 keeps others out of the file; this keeps out whoever got at it by other ways. */
static bool peer_allowed(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof cred;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static void door_accepted(struct listener *door, int fd, const struct addr *peer)
{
	struct ctl *c = CONTAINER_OF(door, struct ctl, door);
	struct loop *l = door->src.loop;
	struct ctl_client *k = peer_allowed(fd) ? pool_get(&c->clients) : NULL;

	(void)peer; /* a unix socket has no address */
	if (k == NULL) {
		close(fd);
		return;
	}
	k->ctl = c;
	k->src = (struct source){.cls = &client_class, .fd = fd};
	k->deadline.fire = client_late;
	if (loop_add(l, &k->src) < 0) {
		close(fd);
		pool_put(&c->clients, k);
		return;
	}
	if (!loop_timer(l, &k->deadline, ASK_DEADLINE))
		client_close(k);
}

static const struct listener_class door_class = {door_accepted, NULL};

static int fill_path(struct sockaddr_un *to, const char *path, struct why *w)
{
	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof to->sun_path)
		return why_set(w, ZT_E_TOOLONG, "the control socket's path %s is too long", path);
	memcpy(to->sun_path, path, strlen(path));
	return 0;
}

int ctl_start(struct ctl *c, struct loop *l, struct bounds *b, int fd, struct why *w)
{
	int rc;

	pool_init(&c->clients, b, BOUND_CTL_CLIENTS, sizeof(struct ctl_client));
	rc = listener_start(&c->door, l, fd, &door_class);
	return rc < 0 ? why_set(w, (enum zt_err)-rc, "cannot watch the control socket") : 0;
}

int ctl_open(struct ctl *c, struct loop *l, struct bounds *b, const char *path, struct why *w)
{
	struct sockaddr_un at;
	mode_t mask;
	int rc = fill_path(&at, path, w), fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return why_sys(w, errno, "cannot make the control socket");
	unlink(path);
	mask = umask(0177); /* 0600 from the first moment */
	rc = bind(fd, (struct sockaddr *)&at, sizeof at);
	umask(mask);
	if (rc < 0 || listen(fd, BOUND_CAP(BOUND_CTL_CLIENTS)) < 0) {
		rc = why_sys(w, errno, "cannot listen on the control socket %s", path);
		close(fd);
		return rc;
	}
	return ctl_start(c, l, b, fd, w);
}

void ctl_rest(struct ctl *c, bool rests)
{
	c->door.paused = rests;
	loop_touch(&c->door.src);
}

void ctl_free(struct ctl *c)
{
	if (c->clients.bounds) /* it was opened */
		pool_free(&c->clients);
}

static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t now;
	int rc;

	do {
		now = clock_mono(&clock_real);
		rc = now >= deadline ? 0 : poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1);
	} while (rc < 0 && errno == EINTR);
	return rc == 1 ? 0 : -ZT_E_TIMEOUT;
}

/* Everything up to the end of the stream, into out. */
static int read_answer(int fd, uint64_t deadline, struct wr *out, struct why *w)
{
	for (;;) {
		uint8_t part[4096];
		ssize_t n;

		if (wait_for(fd, POLLIN, deadline) < 0)
			return why_set(w, ZT_E_TIMEOUT, "the role did not answer in time");
		n = recv(fd, part, sizeof part, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return why_sys(w, errno, "the role hung up");
		if (n > 0)
			wr_bytes(out, part, (size_t)n);
		if (out->full)
			return why_set(w, ZT_E_TOOLONG, "the role's answer is too long");
	}
}

static int connect_why(struct why *w, const char *path)
{
	if (errno == ECONNREFUSED || errno == ENOENT)
		return why_set(w, ZT_E_NOTFOUND, "nothing listens on %s: the role is not running", path);
	if (errno == EAGAIN)
		return why_set(w, ZT_E_TIMEOUT, "%s takes no connection: the role hangs", path);
	return why_sys(w, errno, "cannot connect to %s", path);
}

/* A full queue makes connect() wait, and a peer that does not read makes send() wait. */
static int limit_waiting(int fd, int timeout_ms)
{
	const struct timeval most = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

/* Answers the connection, over which the line has gone. */
static int ask(const char *path, const char *line, int timeout_ms, struct why *w)
{
	struct sockaddr_un to;
	int rc = fill_path(&to, path, w), fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return why_sys(w, errno, "cannot make a socket");
	if (limit_waiting(fd, timeout_ms) < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		rc = connect_why(w, path);
	else if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		rc = why_sys(w, errno, "cannot ask %s", path);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* "<code> <rest>" */
static int read_code(struct span said, enum zt_exit *code, struct span *rest, struct why *w)
{
	struct span num;
	uint64_t v;

	if (!span_cut(said, ' ', &num, rest) || span_u64(num, EXIT_ZT_TOKEN, &v) < 0)
		return why_set(w, ZT_E_SYNTAX, "the role closed without an answer");
	*code = (enum zt_exit)v;
	return 0;
}

int ctl_ask(const char *path, const char *line, int timeout_ms, enum zt_exit *code, struct wr *out,
	    struct why *w)
{
	uint64_t deadline = num_add64_sat(clock_mono(&clock_real), (uint64_t)timeout_ms * NS_PER_MS);
	int fd = ask(path, line, timeout_ms, w), rc;
	struct span rest;

	if (fd < 0)
		return fd;
	rc = read_answer(fd, deadline, out, w);
	close(fd);
	if (rc == 0)
		rc = read_code(wr_span(out), code, &rest, w);
	if (rc)
		return rc;
	memmove(out->p, rest.p, rest.n);
	out->n = rest.n;
	return 0;
}

/* Byte by byte: what comes behind the line is for whoever goes on with it. */
static int read_line(int fd, uint64_t deadline, struct wr *out, struct why *w)
{
	for (;;) {
		uint8_t byte;
		ssize_t n;

		if (wait_for(fd, POLLIN, deadline) < 0)
			return why_set(w, ZT_E_TIMEOUT, "the role did not answer in time");
		n = recv(fd, &byte, 1, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return why_sys(w, errno, "the role hung up");
		if (n == 0 || byte == '\n')
			return 0;
		wr_u8(out, byte);
		if (out->full)
			return why_set(w, ZT_E_TOOLONG, "the role's answer is too long");
	}
}

int ctl_take(const char *path, const char *line, int timeout_ms, enum zt_exit *code, char said[static CTL_REQUEST],
	     struct why *w)
{
	uint64_t deadline = num_add64_sat(clock_mono(&clock_real), (uint64_t)timeout_ms * NS_PER_MS);
	int fd = ask(path, line, timeout_ms, w), rc;
	struct wr out = wr_of(said, CTL_REQUEST - 1);
	struct span rest;

	if (fd < 0)
		return fd;
	rc = read_line(fd, deadline, &out, w);
	if (rc == 0)
		rc = read_code(wr_span(&out), code, &rest, w);
	if (rc == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		rc = why_sys(w, errno, "cannot set up the line to the role");
	if (rc) {
		close(fd);
		return rc;
	}
	memmove(said, rest.p, rest.n);
	said[rest.n] = 0;
	return fd;
}
