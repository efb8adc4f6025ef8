/*
 * secretin: see secretin.h. It owns the bytes between the file, variable or terminal and the caller's
 * struct secret, and wipes every copy of its own. The terminal is given back as it was found whatever
 * ends the question: an answer, its end, or a signal, which is then taken as if nobody had asked.
 */
#include "secretin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"

#define ENV_NAME_MAX 64

struct span secret_span(const struct secret *s)
{
	return span_of(s->mem, s->n);
}

void secret_wipe(struct secret *s)
{
	wipe(s, sizeof *s);
}

/* The answer of every way in: wiped unless it is good. */
static int done(struct secret *s, int rc)
{
	if (rc < 0)
		secret_wipe(s);
	return rc;
}

/* One line end, exactly as a key_pass_file is read: the same file opens the same key everywhere. */
static int trimmed(struct secret *s, const char *what, const char *from, struct why *w)
{
	if (s->n && s->mem[s->n - 1] == '\n')
		s->n--;
	if (s->n && s->mem[s->n - 1] == '\r')
		s->n--;
	return s->n ? 0 : why_set(w, ZT_E_MISSING, "the %s from %.200s is empty", what, from);
}

/* ---- files ------------------------------------------------------------------------------------ */

static int judge(const struct stat *st, const char *what, const char *path, struct why *w)
{
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return why_set(w, ZT_E_PERM, "the %s cannot come from %.200s: it is neither a file nor a pipe", what, path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return why_set(w, ZT_E_PERM, "%.200s belongs to user %u: chown the file with the %s to the user who runs this",
			       path, (unsigned)st->st_uid, what);
	if (st->st_mode & 077)
		return why_set(w, ZT_E_PERM, "%.200s can be read or written by others (mode %03o): chmod 600 it", path,
			       (unsigned)(st->st_mode & 0777));
	return 0;
}

/* To its end, at most SECRET_MAX bytes. */
static int read_all(struct secret *s, int fd, const char *what, const char *from, struct why *w)
{
	uint8_t more;
	ssize_t n;

	for (s->n = 0; s->n < SECRET_MAX; s->n += (size_t)n) {
		do
			n = read(fd, s->mem + s->n, SECRET_MAX - s->n);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return why_sys(w, errno, "cannot read the %s from %.200s", what, from);
		if (n == 0)
			return 0;
	}
	do
		n = read(fd, &more, 1);
	while (n < 0 && errno == EINTR);
	wipe(&more, 1);
	return n == 0 ? 0 : why_set(w, ZT_E_TOOLONG, "the %s in %.200s has more than %d bytes", what, from, SECRET_MAX);
}

/* A link is followed, as with every file of secrets; what is judged is what is read. A named pipe
 * that nobody writes to must not hold us up in open(), one that somebody writes to slowly may. */
static int from_file(struct secret *s, const char *path, const char *what, struct why *w)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0)
		return why_sys(w, errno, "cannot read the %s from %.200s", what, path);
	if (fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, 0) < 0)
		rc = why_sys(w, errno, "cannot read the %s from %.200s", what, path);
	else
		rc = judge(&st, what, path, w);
	if (rc == 0)
		rc = read_all(s, fd, what, path, w);
	close(fd);
	return rc < 0 ? rc : trimmed(s, what, path, w);
}

/* ---- environment ------------------------------------------------------------------------------ */

/* Value and entry: /proc/PID/environ shows the memory, not the list. */
static void env_gone(const char *name)
{
	char *value = getenv(name);

	if (value)
		wipe(value, strlen(value));
	unsetenv(name);
}

static int copy_env(struct secret *s, const char *value, const char *what, const char *name, struct why *w)
{
	size_t n = strlen(value);

	if (n > SECRET_MAX)
		return why_set(w, ZT_E_TOOLONG, "the %s in %s has more than %d bytes", what, name, SECRET_MAX);
	memcpy(s->mem, value, n);
	s->n = n;
	return trimmed(s, what, name, w);
}

int secret_take_env(struct secret *s, const char *name, const char *what, struct why *w)
{
	char file_name[ENV_NAME_MAX] = "";
	struct wr out = wr_of(file_name, sizeof file_name - 1);
	const char *value, *path;
	int rc;

	wr_str(&out, name);
	wr_str(&out, "_FILE");
	ZT_ASSERT(!out.full);
	value = getenv(name);
	path = getenv(file_name);
	if (value && path)
		rc = why_set(w, ZT_E_DUP, "%s and %s are both set: which one is the %s? Keep one", name, file_name, what);
	else if (value)
		rc = copy_env(s, value, what, name, w);
	else if (path)
		rc = from_file(s, path, what, w);
	else
		rc = -ZT_E_MISSING; /* no sentence: others may have it */
	env_gone(name);
	env_gone(file_name);
	return done(s, rc);
}

/* ---- terminal ---------------------------------------------------------------------------------- */

struct tty {
	int fd, sigs;        /* sigs: readable when a signal waits */
	struct termios was;
	sigset_t mask_was;
};

static int open_tty(void)
{
	return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

bool secret_has_tty(void)
{
	int fd = open_tty();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* What would end or stop us waits until the terminal is as it was. Not SIGTTIN and SIGTTOU: in the
 * background we are to be stopped before the terminal is touched. The process must have one thread. */
static const int held[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGALRM};

static int hold_signals(struct tty *t)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		sigaddset(&set, held[i]);
	t->sigs = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->sigs < 0)
		return -1;
	return sigprocmask(SIG_BLOCK, &set, &t->mask_was);
}

static void let_signals(const struct tty *t)
{
	int sys = errno;

	close(t->sigs);
	sigprocmask(SIG_SETMASK, &t->mask_was, NULL); /* what waited comes now */
	errno = sys;
}

static int quiet(struct tty *t)
{
	struct termios now;

	if (tcgetattr(t->fd, &t->was) < 0 || hold_signals(t) < 0)
		return -1;
	now = t->was;
	now.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	now.c_lflag |= ICANON | ISIG;
	if (tcsetattr(t->fd, TCSAFLUSH, &now) == 0)
		return 0;
	let_signals(t);
	return -1;
}

static void loud(const struct tty *t)
{
	int sys = errno;

	tcsetattr(t->fd, TCSAFLUSH, &t->was);
	errno = sys;
	let_signals(t);
}

static void say(const struct tty *t, const char *a, const char *b)
{
	char text[300];
	struct wr w = wr_of(text, sizeof text);

	wr_str(&w, a);
	wr_str(&w, b);
	if (write(t->fd, w.p, w.n) < 0)
		return; /* then nobody is there to read it, and the answer will not come either */
}

enum typed { TYPED_LINE, TYPED_END, TYPED_SIGNAL, TYPED_FAULT, TYPED_TOO_MUCH };

static enum typed read_line(struct secret *s, const struct tty *t)
{
	struct pollfd p[2] = {{.fd = t->fd, .events = POLLIN}, {.fd = t->sigs, .events = POLLIN}};

	for (s->n = 0; s->n < SECRET_MAX;) {
		ssize_t n;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return TYPED_FAULT;
		if (p[1].revents)
			return TYPED_SIGNAL;
		n = read(t->fd, s->mem + s->n, SECRET_MAX - s->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return TYPED_FAULT;
		if (n == 0)
			return s->n ? TYPED_LINE : TYPED_END;
		s->n += (size_t)n;
		if (s->mem[s->n - 1] == '\n')
			return TYPED_LINE;
	}
	return TYPED_TOO_MUCH;
}

/* After a signal that we outlive (a stop that was continued, one that is ignored) it asks again. */
static int ask(struct secret *s, int fd, const char *what, const char *again, struct why *w)
{
	struct tty t = {.fd = fd};
	enum typed got;

	do {
		if (quiet(&t) < 0)
			return why_sys(w, errno, "cannot ask for the %s on the terminal", what);
		say(&t, what, again);
		got = read_line(s, &t);
		say(&t, "\n", "");
		if (got != TYPED_LINE)
			wipe(s->mem, sizeof s->mem); /* before a signal may end us */
		loud(&t);
	} while (got == TYPED_SIGNAL);
	if (got == TYPED_FAULT)
		return why_sys(w, errno, "cannot read the %s from the terminal", what);
	if (got == TYPED_TOO_MUCH)
		return why_set(w, ZT_E_TOOLONG, "the %s that was typed has more than %d bytes", what, SECRET_MAX - 1);
	if (got == TYPED_END)
		return why_set(w, ZT_E_MISSING, "no %s was typed", what);
	return trimmed(s, what, "the terminal", w);
}

static int from_tty(struct secret *s, const struct secret_ask *a, struct why *w)
{
	struct secret second = {.n = 0};
	int fd = open_tty();
	int rc;

	if (fd < 0)
		return why_set(w, ZT_E_MISSING, "there is no terminal to ask for the %s on: give it in a file%s%s", a->what,
			       a->env ? " or in " : "", a->env ? a->env : "");
	rc = ask(s, fd, a->what, ": ", w);
	if (rc == 0 && a->twice) {
		rc = ask(&second, fd, a->what, ", again: ", w);
		if (rc == 0 && !ct_eq_span(secret_span(s), secret_span(&second)))
			rc = why_set(w, ZT_E_KEY, "the two were not the same: nothing was done");
		secret_wipe(&second);
	}
	close(fd);
	return rc;
}

/* ---- all of them -------------------------------------------------------------------------------- */

static int from_stdin(struct secret *s, const struct secret_ask *a, struct why *w)
{
	int rc;

	if (isatty(STDIN_FILENO)) /* it would be shown while it is typed */
		return from_tty(s, a, w);
	rc = read_all(s, STDIN_FILENO, a->what, "standard input", w);
	return rc < 0 ? rc : trimmed(s, a->what, "standard input", w);
}

int secret_get(struct secret *s, const struct secret_ask *a, struct why *w)
{
	struct secret env = {.n = 0};
	struct why env_why = {0};
	int rc = a->env ? secret_take_env(&env, a->env, a->what, &env_why) : -ZT_E_MISSING;

	*s = (struct secret){.n = 0};
	if (a->file) {
		rc = strlen(a->file) == 1 && a->file[0] == '-' ? from_stdin(s, a, w) : from_file(s, a->file, a->what, w);
	} else if (rc == 0) {
		*s = env;
	} else if (env_why.err) {
		rc = why_set(w, env_why.err, "%s", env_why.text);
	} else if (a->tty) {
		rc = from_tty(s, a, w);
	} else {
		rc = why_set(w, ZT_E_MISSING, "no %s was given", a->what);
	}
	secret_wipe(&env);
	return done(s, rc);
}

int secret_take_arg(struct secret *s, char *arg)
{
	size_t n = strlen(arg);

	*s = (struct secret){.n = n <= SECRET_MAX ? n : 0};
	memcpy(s->mem, arg, s->n);
	wipe(arg, n);
	return n <= SECRET_MAX ? 0 : -ZT_E_TOOLONG;
}

void secret_make_password(char *out, unsigned groups)
{
	/* 36 without 0 1 l o: one letter is five random bits, none likelier than another. */
	static const char letters[32 + 1] = "23456789abcdefghijkmnpqrstuvwxyz";
	size_t n = 0;

	ZT_ASSERT(groups > 0);
	for (unsigned g = 0; g < groups; g++) {
		uint8_t dice[5];

		random_bytes(dice, sizeof dice);
		for (size_t i = 0; i < sizeof dice; i++)
			out[n++] = letters[dice[i] & 31];
		out[n++] = g + 1 < groups ? '-' : 0;
		wipe(dice, sizeof dice);
	}
}
