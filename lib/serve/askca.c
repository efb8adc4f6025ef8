/*
 * askca: see askca.h. It owns the line, and where no role runs the child behind it and the lock of the
 * state directory. It holds no key: those go from their files into a sealed bundle, unread.
 */
#include "askca.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ct.h"
#include "base/num.h"
#include "io/child.h"
#include "io/ctl.h"
#include "io/place.h"

#define HAND_OVER_MS 5000
#define ANSWER_MS 120000 /* taking in another registry of a hundred thousand certificates takes seconds */
#define LEAVE_MS 5000

/* ---- what ca-sign is handed ------------------------------------------------------------------------ */

#define KEYS_OF(anchor)                                                                           \
	"keys/" anchor ".1.key", "keys/" anchor ".2.key", "keys/" anchor ".3.key",                \
	"keys/" anchor ".4.key", "keys/" anchor ".5.key", "keys/" anchor ".6.key",                \
	"keys/" anchor ".7.key", "keys/" anchor ".8.key", "keys/" anchor ".9.key"
static const char *const key_files[] = {KEYS_OF("infra"), KEYS_OF("device"), KEYS_OF("acme")};
_Static_assert(ARRAY_LEN(key_files) == 3 * CA_GENERATIONS, "every generation of every anchor");

size_t ca_sign_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	size_t n = 0;

	out[n++] = (struct file_want){.path = CA_REGISTRY_KEY, .kind = FILE_SECRET};
	for (size_t i = 0; i < ARRAY_LEN(key_files); i++)
		out[n++] = (struct file_want){.path = key_files[i], .kind = FILE_SECRET, .optional = true};
	if (c->ca.key_pass_file[0])
		out[n++] = (struct file_want){.path = c->ca.key_pass_file, .kind = FILE_SECRET};
	return n;
}

/* ---- the one of a running role ---------------------------------------------------------------------- */

static int ask_role(struct askca *a, const struct place *p, struct why *w)
{
	enum zt_exit code = EXIT_ZT_FAILED;
	char said[CTL_REQUEST];
	int rc = ctl_take(p->sock, "admin", HAND_OVER_MS, &code, said, w);

	if (rc < 0)
		return rc;
	if (code == EXIT_ZT_OK) {
		a->line = rc;
		return 0;
	}
	close(rc);
	if (code == EXIT_ZT_USAGE)
		return why_set(w, ZT_E_LOCKED, "the zt ca that runs here is of a version that takes no commands: start it again");
	return why_set(w, ZT_E_LOCKED, "the zt ca that runs here says: %s", said);
}

/* ---- one of our own ---------------------------------------------------------------------------------- */

static int look(const struct place *p, struct why *w)
{
	char path[PLACE_PATH + sizeof CA_REGISTRY_KEY];
	struct wr n = wr_of(path, sizeof path - 1);
	struct stat st;

	wr_fmt(&n, "%s/%s", p->state, CA_REGISTRY_KEY);
	path[n.n] = 0;
	if (lstat(path, &st) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return why_set(w, ZT_E_NOTFOUND, "there is no authority in %s: zt ca init makes one", p->state);
	return why_sys(w, errno, "cannot look at %s", path);
}

static int pack(const struct conf *c, const struct place *p, struct span passphrase, struct why *w)
{
	struct files_extra extra[2] = {{CA_COMMAND, SPAN_NONE}};
	struct files_base base = {.dir = p->state, .extra = extra, .nextra = 1};
	struct file_want want[FILES_MOST];
	size_t n = ca_sign_files(c, want);
	struct files_mark mark;

	if (passphrase.n) {
		extra[base.nextra++] = (struct files_extra){CA_PASSPHRASE, passphrase};
		n -= c->ca.key_pass_file[0] != 0; /* the last: nobody looks at it then */
	}
	return files_pack(want, n, &base, &mark, w);
}

static int start(struct askca *a, const struct conf *c, const int fds[static 2], struct why *w)
{
	const struct onechild_opts o = {
		.kind = CA_SIGN, .shown = "process that holds the authority's keys", .who = CONF_FOR_CA_SIGN, .conf = c,
		.fds = fds, .nfds = 2,
	};
	int rc = onechild_start(&a->child, &o, w);

	if (rc == 0)
		rc = a->line = onechild_link(&a->child, CHILD_ADMIN, SOCK_STREAM, w);
	return rc < 0 ? rc : 0;
}

struct wish {
	const struct conf *conf;
	struct place place;
	struct span passphrase;
};

static int start_own(struct askca *a, const struct wish *wish, struct why *w)
{
	const struct place_owner who = place_children(wish->conf);
	int fds[2], rc = look(&wish->place, w);

	if (rc < 0)
		return rc;
	a->lock = place_lock(wish->place.state, "lock", w);
	if (a->lock < 0)
		return a->lock;
	fds[0] = pack(wish->conf, &wish->place, wish->passphrase, w);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = place_open_below(wish->place.state, CA_REGISTRY_DIR, who.uid, who.gid, w);
	rc = fds[1] < 0 ? fds[1] : start(a, wish->conf, fds, w);
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	return rc;
}

/* ---- open, close -------------------------------------------------------------------------------------- */

static int make_room(struct askca *a, struct why *w)
{
	*a = (struct askca){.line = -1, .lock = -1, .child = {.orders = -1, .words = -1}};
	arena_init(&a->mem, 2 * CASIGN_MAX + 32); /* it hands out in steps of 16 */
	a->in = arena_get(&a->mem, CASIGN_MAX);
	a->out = arena_get(&a->mem, CASIGN_MAX);
	return a->in && a->out ? 0 : why_set(w, ZT_E_NOMEM, "no memory to ask the authority");
}

int askca_open(struct askca *a, const struct conf *c, struct span passphrase, struct why *w)
{
	struct wish wish = {.conf = c, .passphrase = passphrase};
	struct why cause = {0};
	int rc = make_room(a, w);

	if (rc == 0)
		rc = place_resolve(&wish.place, CA_ROLE, c->state.dir, c->state.run_dir, w);
	if (rc == 0)
		rc = ask_role(a, &wish.place, &cause);
	if (rc == -ZT_E_NOTFOUND) /* no role runs */
		rc = start_own(a, &wish, w);
	else if (rc < 0)
		why_set(w, (enum zt_err)-rc, "%s", cause.text);
	if (rc < 0)
		askca_close(a);
	return rc;
}

void askca_close(struct askca *a)
{
	if (a->in == NULL && a->out == NULL)
		return;
	if (a->line >= 0)
		close(a->line);
	onechild_stop(&a->child, LEAVE_MS);
	if (a->lock >= 0)
		close(a->lock);
	if (a->in)
		wipe(a->in, CASIGN_MAX); /* a token's secret perhaps */
	if (a->out)
		wipe(a->out, CASIGN_MAX);
	arena_free(&a->mem);
	*a = (struct askca){.line = -1, .lock = -1, .child = {.orders = -1, .words = -1}};
}

/* ---- one question --------------------------------------------------------------------------------------- */

static int wait_for(const struct askca *a, short events, uint64_t deadline, struct why *w)
{
	struct pollfd p = {.fd = a->line, .events = events};
	uint64_t now;
	int rc;

	do {
		now = clock_mono(&clock_real);
		rc = now >= deadline ? 0 : poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1);
	} while (rc < 0 && errno == EINTR);
	return rc == 1 ? 0 : why_set(w, ZT_E_TIMEOUT, "the authority did not answer in time");
}

static int ended(const struct askca *a, struct why *w)
{
	if (a->child.pid > 0)
		return why_set(w, ZT_E_CLOSED, "the process that holds the authority's keys ended");
	/* The exit code is that of one who is told that it is not up, a moment before: it met an upgrade, as a rule. The
	 * answer may be lost all the same, which callers go by. */
	why_set(w, ZT_E_LOCKED, "the running zt ca ended the line; try again");
	return -ZT_E_CLOSED;
}

/* As much as goes; the descriptor goes with the first byte. */
static ssize_t put(const struct askca *a, struct span s, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {(void *)(uintptr_t)s.p, s.n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
	}
	return sendmsg(a->line, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One that is refused before it asked (too many at once) has its answer waiting: it is read then. */
static int send_all(const struct askca *a, struct span s, int fd, uint64_t deadline, struct why *w)
{
	while (s.n) {
		ssize_t n = put(a, s, fd);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return 0;
		if (n < 0) {
			int rc = wait_for(a, POLLOUT, deadline, w);

			if (rc < 0)
				return rc;
			continue;
		}
		s = span_sub(s, (size_t)n, s.n);
		fd = -1;
	}
	return 0;
}

/* > 0: its length in a->in. */
static int receive(struct askca *a, struct casign *answer, uint64_t deadline, struct why *w)
{
	size_t have = 0;

	for (;;) {
		struct rd r = rd_of(span_of(a->in, have));
		size_t want = CASIGN_HEADER;
		ssize_t n;
		int rc = casign_read(span_of(a->in, have), 's', answer);

		if (rc < 0)
			return why_set(w, ZT_E_BUG, "the authority's answer is malformed: are two versions of zt at work?");
		if (rc > 0)
			return rc;
		if (have >= CASIGN_HEADER) {
			rd_le32(&r); /* type, zero */
			want += rd_le32(&r); /* casign_read() has bounded it */
		}
		rc = wait_for(a, POLLIN, deadline, w);
		if (rc < 0)
			return rc;
		n = recv(a->line, a->in + have, want - have, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return ended(a, w);
		have += n > 0 ? (size_t)n : 0;
	}
}

static int refusal(const struct casign *no, struct why *w)
{
	enum zt_err e = (enum zt_err)casign_u64(no, CAF_CODE);

	if (span_eq_str(span_str(err_name(e)), "?") || e == ZT_OK)
		e = ZT_E_CLOSED;
	return why_set(w, e, "%.*s", SPAN_ARG(no->field[CAF_TEXT]));
}

static int exchange(struct askca *a, struct span s, int fd, struct casign *answer, struct why *w)
{
	uint64_t deadline = clock_mono(&clock_real) + (uint64_t)ANSWER_MS * NS_PER_MS;
	int rc = send_all(a, s, fd, deadline, w);

	if (rc == 0)
		rc = receive(a, answer, deadline, w);
	if (rc > 0 && answer->type == CA_NO)
		return refusal(answer, w);
	return rc < 0 ? rc : 0;
}

int askca_ask(struct askca *a, const struct casign *request, int fd, struct casign *answer, struct why *w)
{
	struct wr out = wr_of(a->out, CASIGN_MAX);
	int rc;

	casign_write(&out, request);
	if (out.full)
		return why_set(w, ZT_E_TOOLONG, "that is more than the authority takes in one request");
	rc = exchange(a, wr_span(&out), fd, answer, w);
	wipe(a->out, out.n);
	return rc;
}
