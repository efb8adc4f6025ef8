/* Tests of serve/secretin. The terminal is a pseudo terminal, and who asks is a child that has it
 * as its controlling terminal; what the child found goes back over a pipe. */
#include "serve/secretin.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../unit.h"
#include "base/num.h"

static const char *file_of(const char *name, const char *text, mode_t mode)
{
	const char *path = unit_tmp(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0)
		unit_fail(__FILE__, __LINE__, "cannot write %s", path);
	close(fd);
	return path;
}

static int get(struct secret *s, const char *file, const char *env, struct why *w)
{
	const struct secret_ask a = {.what = "passphrase", .file = file, .env = env};

	*w = (struct why){0};
	return secret_get(s, &a, w);
}

static bool is(const struct secret *s, const char *text)
{
	return span_eq_str(secret_span(s), text);
}

static bool wiped(const struct secret *s)
{
	for (size_t i = 0; i < sizeof s->mem; i++)
		if (s->mem[i])
			return false;
	return s->n == 0;
}

TEST(one_line_end_is_cut)
{
	static const struct {
		const char *text, *want; /* NULL: empty */
	} rows[] = {{"geheim", "geheim"}, {"geheim\n", "geheim"}, {"geheim\r\n", "geheim"}, {"geheim\n\n", "geheim\n"},
		    {" two words \n", " two words "}, {"", NULL}, {"\n", NULL}, {"\r\n", NULL}};
	struct secret s;
	struct why w;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *path = file_of("pass", rows[i].text, 0600);

		CHECK_INT(get(&s, path, NULL, &w), rows[i].want ? 0 : -ZT_E_MISSING);
		CHECK(rows[i].want ? is(&s, rows[i].want) : wiped(&s) && strstr(w.text, path) && strstr(w.text, "empty"));
	}
}

TEST(a_file_that_others_can_read_is_refused)
{
	static const mode_t bad[] = {0640, 0604, 0620, 0602, 0610, 0666}, good[] = {0600, 0400};
	struct secret s;
	struct why w;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *path = file_of("open", "geheim\n", bad[i]);

		CHECK_INT(get(&s, path, NULL, &w), -ZT_E_PERM);
		CHECK(strstr(w.text, path) && strstr(w.text, "chmod 600") && !strstr(w.text, "geheim"));
		CHECK(wiped(&s));
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK_INT(get(&s, file_of(i ? "ro" : "rw", "geheim\n", good[i]), NULL, &w), 0);
}

TEST(what_is_no_file_is_refused_at_once)
{
	struct secret s;
	struct why w;
	const char *fifo = unit_tmp("fifo"), *link = unit_tmp("link");

	CHECK_INT(get(&s, unit_tmp("nothing"), NULL, &w), -ZT_E_NOTFOUND);
	CHECK(strstr(w.text, "nothing"));
	CHECK_INT(get(&s, "/dev/null", NULL, &w), -ZT_E_PERM);
	CHECK_INT(get(&s, "/", NULL, &w), -ZT_E_PERM);
	NEED(mkfifo(fifo, 0600) == 0);
	CHECK_INT(get(&s, fifo, NULL, &w), -ZT_E_MISSING); /* nobody writes: it does not wait */
	NEED(symlink(file_of("target", "geheim\n", 0600), link) == 0);
	CHECK_INT(get(&s, link, NULL, &w), 0);
	CHECK(is(&s, "geheim"));
}

/* What the shell's <(...) gives: a pipe of our own under /dev/fd. */
TEST(a_pipe_of_the_shell_is_read)
{
	char path[32];
	struct secret s;
	struct why w;
	int p[2];

	NEED(pipe(p) == 0);
	NEED(write(p[1], "ge", 2) == 2 && write(p[1], "heim\n", 5) == 5);
	close(p[1]);
	snprintf(path, sizeof path, "/dev/fd/%d", p[0]);
	CHECK_INT(get(&s, path, NULL, &w), 0);
	CHECK(is(&s, "geheim"));
	close(p[0]);
}

TEST(its_length_is_bounded)
{
	static char text[SECRET_MAX + 2];
	struct secret s;
	struct why w;

	memset(text, 'x', SECRET_MAX + 1);
	CHECK_INT(get(&s, file_of("long", text, 0600), NULL, &w), -ZT_E_TOOLONG);
	CHECK(wiped(&s) && !strstr(w.text, "xx"));
	text[SECRET_MAX] = 0;
	CHECK_INT(get(&s, file_of("most", text, 0600), NULL, &w), 0);
	CHECK_INT(s.n, SECRET_MAX);
	NEED(setenv("ZT_TEST_PASS", text, 1) == 0);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), 0);
	text[SECRET_MAX] = 'x';
	NEED(setenv("ZT_TEST_PASS", text, 1) == 0);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), -ZT_E_TOOLONG);
	CHECK(getenv("ZT_TEST_PASS") == NULL);
}

/* putenv() makes our own bytes the environment's, as the kernel does at exec: they must be zeros. */
TEST(the_variable_is_gone_and_its_memory_is_wiped)
{
	static char entry[] = "ZT_TEST_PASS=sesam oeffne dich", other[] = "ZT_TEST_PASS=never used";
	struct secret s;
	struct why w;

	NEED(putenv(entry) == 0);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), 0);
	CHECK(is(&s, "sesam oeffne dich"));
	CHECK(getenv("ZT_TEST_PASS") == NULL);
	for (size_t i = strlen("ZT_TEST_PASS="); i < sizeof entry; i++)
		CHECK_INT(entry[i], 0);
	secret_wipe(&s);
	CHECK(wiped(&s));
	/* another source is used: it goes all the same */
	NEED(putenv(other) == 0);
	CHECK_INT(get(&s, file_of("first", "from the file\n", 0600), "ZT_TEST_PASS", &w), 0);
	CHECK(is(&s, "from the file"));
	CHECK(getenv("ZT_TEST_PASS") == NULL);
	CHECK_INT(other[strlen("ZT_TEST_PASS=")], 0);
}

TEST(the_variable_can_name_a_file)
{
	struct secret s;
	struct why w;
	const char *path = file_of("named", "geheim\n", 0600);

	NEED(setenv("ZT_TEST_PASS_FILE", path, 1) == 0);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), 0);
	CHECK(is(&s, "geheim"));
	CHECK(getenv("ZT_TEST_PASS_FILE") == NULL);
	NEED(setenv("ZT_TEST_PASS_FILE", file_of("wide", "geheim\n", 0644), 1) == 0);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), -ZT_E_PERM);
	CHECK(strstr(w.text, "chmod 600"));
	NEED(setenv("ZT_TEST_PASS_FILE", path, 1) == 0 && setenv("ZT_TEST_PASS", "x", 1) == 0);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), -ZT_E_DUP);
	CHECK(getenv("ZT_TEST_PASS") == NULL && getenv("ZT_TEST_PASS_FILE") == NULL);
	NEED(setenv("ZT_TEST_PASS", "", 1) == 0);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), -ZT_E_MISSING);
	CHECK_INT(get(&s, NULL, "ZT_TEST_PASS", &w), -ZT_E_MISSING);
	CHECK(w.text[0] != 0 && wiped(&s));
}

TEST(standard_input_is_read_to_its_end)
{
	int was = dup(0), p[2];
	struct secret s;
	struct why w;

	NEED(was >= 0 && pipe(p) == 0);
	NEED(write(p[1], "geheim\n", 7) == 7);
	close(p[1]);
	dup2(p[0], 0);
	CHECK_INT(get(&s, "-", NULL, &w), 0);
	CHECK(is(&s, "geheim"));
	CHECK_INT(get(&s, "-", NULL, &w), -ZT_E_MISSING);
	dup2(was, 0);
	close(was);
	close(p[0]);
}

TEST(an_argument_is_overwritten)
{
	char arg[] = "zt1_secret", longer[SECRET_MAX + 2];
	struct secret s;

	CHECK_INT(secret_take_arg(&s, arg), 0);
	CHECK(is(&s, "zt1_secret"));
	for (size_t i = 0; i < sizeof arg; i++)
		CHECK_INT(arg[i], 0);
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	CHECK_INT(secret_take_arg(&s, longer), -ZT_E_TOOLONG);
	CHECK(longer[0] == 0 && longer[SECRET_MAX] == 0 && s.n == 0);
}

/* 500,000 letters: each of the 32 is expected 15,625 times with a standard deviation of 123, so six of
 * those on either side fail once in 10^8 runs; a modulo of 256 by 31 or 33 is off by 12 % (1,900). */
TEST(passwords_use_every_letter_alike)
{
	unsigned count[256] = {0};
	char p[6 * 5], seen[6 * 5] = "";

	for (unsigned i = 0; i < 20000; i++) {
		secret_make_password(p, 5);
		CHECK_INT(strlen(p), 29);
		for (size_t k = 0; k < 29; k++)
			if (k % 6 == 5)
				CHECK(p[k] == '-');
			else
				count[(uint8_t)p[k]]++;
		CHECK(strcmp(p, seen) != 0);
		memcpy(seen, p, sizeof seen);
	}
	for (unsigned c = 0; c < 256; c++) {
		bool good = c && strchr("23456789abcdefghijkmnpqrstuvwxyz", (int)c);

		CHECK(good ? count[c] > 15625 - 740 && count[c] < 15625 + 740 : count[c] == 0);
	}
	secret_make_password(p, 1);
	CHECK_INT(strlen(p), 5);
}

/* ---- the terminal ------------------------------------------------------------------------------ */

struct asked {
	int rc;
	size_t n;
	char text[64];
};

struct term {
	int master, slave, result;
	pid_t pid;
};

static void child_asks(const struct term *t, int result, bool twice)
{
	const struct secret_ask a = {.what = "passphrase", .tty = true, .twice = twice};
	struct asked out = {0};
	struct secret s;

	setsid();
	ioctl(t->slave, TIOCSCTTY, 0);
	signal(SIGINT, SIG_DFL);
	out.rc = secret_get(&s, &a, NULL);
	out.n = s.n;
	memcpy(out.text, s.mem, num_min(s.n, sizeof out.text - 1));
	_exit(write(result, &out, sizeof out) == (ssize_t)sizeof out ? 0 : 1);
}

static bool term_open(struct term *t, bool twice)
{
	int p[2];
	struct termios look;

	t->master = posix_openpt(O_RDWR | O_NOCTTY);
	if (t->master < 0 || grantpt(t->master) < 0 || unlockpt(t->master) < 0 || pipe(p) < 0)
		return false;
	t->slave = open(ptsname(t->master), O_RDWR | O_NOCTTY);
	if (t->slave < 0 || tcgetattr(t->slave, &look) < 0)
		return false;
	t->pid = fork();
	if (t->pid == 0)
		child_asks(t, p[1], twice);
	close(p[1]);
	t->result = p[0];
	return t->pid > 0;
}

static bool echo_is_on(const struct term *t)
{
	struct termios now;

	return tcgetattr(t->slave, &now) == 0 && (now.c_lflag & ECHO);
}

/* Everything that the terminal shows, until it ends with `until`. */
static bool shows(const struct term *t, char *mem, size_t cap, const char *until)
{
	size_t n = strlen(mem);

	while (!span_ends(span_of(mem, n), until)) {
		ssize_t got = n + 1 < cap ? read(t->master, mem + n, cap - n - 1) : 0;

		if (got <= 0)
			return false;
		n += (size_t)got;
		mem[n] = 0;
	}
	return true;
}

static bool type(const struct term *t, const char *text)
{
	return write(t->master, text, strlen(text)) == (ssize_t)strlen(text);
}

/* The child's end; *out is zeros when it answered nothing. */
static int term_close(struct term *t, struct asked *out)
{
	int status = -1;

	*out = (struct asked){0};
	if (read(t->result, out, sizeof *out) != (ssize_t)sizeof *out)
		*out = (struct asked){.rc = 1};
	waitpid(t->pid, &status, 0);
	close(t->result);
	close(t->slave);
	close(t->master);
	return status;
}

TEST(the_terminal_shows_nothing)
{
	char seen[256] = "";
	struct asked got;
	struct term t;

	NEED(term_open(&t, false));
	NEED(shows(&t, seen, sizeof seen, "passphrase: "));
	CHECK(!echo_is_on(&t));
	NEED(type(&t, "geheX\177im\n")); /* the line is edited as ever */
	NEED(shows(&t, seen, sizeof seen, "\r\n"));
	CHECK_STR(seen, "passphrase: \r\n");
	NEED(read(t.result, &got, sizeof got) == sizeof got);
	CHECK(echo_is_on(&t));
	CHECK_INT(got.rc, 0);
	CHECK_STR(got.text, "geheim");
	CHECK_INT(term_close(&t, &got), 0);
}

TEST(a_new_one_is_asked_twice)
{
	static const struct {
		const char *first, *second;
		int rc;
	} rows[] = {{"geheim\n", "geheim\n", 0}, {"geheim\n", "geheimer\n", -ZT_E_KEY}, {"geheim\n", "Geheim\n", -ZT_E_KEY}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char seen[256] = "";
		struct asked got;
		struct term t;

		NEED(term_open(&t, true));
		NEED(shows(&t, seen, sizeof seen, "passphrase: ") && type(&t, rows[i].first));
		NEED(shows(&t, seen, sizeof seen, "again: ") && type(&t, rows[i].second));
		CHECK_INT(term_close(&t, &got), 0);
		CHECK_INT(got.rc, rows[i].rc);
		CHECK_INT(got.n, rows[i].rc ? 0 : 6);
		CHECK(strstr(seen, "eheim") == NULL);
	}
}

TEST(the_end_of_input_is_no_passphrase)
{
	static const char *const ends[] = {"\004", "\n"};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char seen[256] = "";
		struct asked got;
		struct term t;

		NEED(term_open(&t, false));
		NEED(shows(&t, seen, sizeof seen, "passphrase: ") && type(&t, ends[i]));
		NEED(read(t.result, &got, sizeof got) == sizeof got);
		CHECK(echo_is_on(&t));
		CHECK_INT(got.rc, -ZT_E_MISSING);
		term_close(&t, &got);
	}
}

/* Typed by the user, or sent by another process; both end it, with the terminal as it was. */
TEST(a_signal_gives_the_terminal_back)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < 2 + ARRAY_LEN(sigs); i++) {
		char seen[256] = "";
		struct asked got;
		struct term t;
		int status;

		NEED(term_open(&t, false));
		NEED(shows(&t, seen, sizeof seen, "passphrase: "));
		CHECK(!echo_is_on(&t));
		NEED(i >= 2 ? kill(t.pid, sigs[i - 2]) == 0 : type(&t, i ? "half\003" : "\003"));
		/* The slave is open here too, so the terminal stays to be looked at after its session. */
		NEED(waitpid(t.pid, &status, 0) == t.pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == (i >= 2 ? sigs[i - 2] : SIGINT));
		CHECK(echo_is_on(&t));
		term_close(&t, &got);
	}
}

TEST(a_stop_gives_it_back_and_it_is_asked_again)
{
	char seen[256] = "";
	struct asked got;
	struct term t;
	int status;

	NEED(term_open(&t, false));
	NEED(shows(&t, seen, sizeof seen, "passphrase: "));
	/* SIGTSTP itself is ignored in a session nobody watches, so what it does here is being taken:
	 * the question comes again. */
	NEED(kill(t.pid, SIGTSTP) == 0);
	NEED(shows(&t, seen, sizeof seen, "passphrase: \r\npassphrase: "));
	CHECK(!echo_is_on(&t));
	NEED(type(&t, "geheim\n"));
	status = term_close(&t, &got);
	CHECK_INT(status, 0);
	CHECK_STR(got.text, "geheim");
}

static void child_without_tty(int result)
{
	const struct secret_ask a = {.what = "passphrase", .env = "ZT_TEST_PASS", .tty = true};
	struct asked out = {0};
	struct secret s;
	struct why w = {0};

	setsid();
	out.rc = secret_has_tty() ? 1 : secret_get(&s, &a, &w);
	snprintf(out.text, sizeof out.text, "%.60s", w.text);
	_exit(write(result, &out, sizeof out) == (ssize_t)sizeof out ? 0 : 1);
}

TEST(without_a_terminal_it_says_what_else_there_is)
{
	struct asked got = {0};
	int p[2], status;
	pid_t pid;

	NEED(pipe(p) == 0);
	pid = fork();
	if (pid == 0)
		child_without_tty(p[1]);
	NEED(waitpid(pid, &status, 0) == pid && read(p[0], &got, sizeof got) == sizeof got);
	CHECK_INT(got.rc, -ZT_E_MISSING);
	CHECK(strstr(got.text, "there is no terminal to ask for the passphrase"));
	close(p[0]);
	close(p[1]);
}
