/* The control socket, both ends: one question, one answer, and peers that do neither. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/ctl.h"

/* A server that answers "now" at once and keeps everybody else waiting. */
struct server {
	struct ctl ctl;
	struct loop *loop;
	struct bounds bounds;
	struct clock_fake clock;
	struct ctl_client *waiting;
	unsigned asked, gone;
	char line[CTL_REQUEST], path[108];
};

static void on_asked(struct ctl *c, struct ctl_client *who, struct span line)
{
	struct server *s = CONTAINER_OF(c, struct server, ctl);

	s->asked++;
	CHECK_INT(span_to_cstr(line, s->line, sizeof s->line), 0);
	if (span_eq_str(line, "now"))
		ctl_reply(who, EXIT_ZT_OK, "here", SPAN_LIT("body\n"));
	else
		s->waiting = who;
}

static void on_gone(struct ctl *c, struct ctl_client *who)
{
	struct server *s = CONTAINER_OF(c, struct server, ctl);

	s->gone++;
	if (s->waiting == who)
		s->waiting = NULL;
}

static void server_open(struct server *s, const char *name)
{
	struct why w = {0};

	*s = (struct server){.ctl = {.asked = on_asked, .gone = on_gone}};
	clock_fake_init(&s->clock, NS_PER_S, 0);
	bounds_init(&s->bounds);
	CHECK_INT(loop_open(&s->loop, LOOP_BEST, &s->clock.clock), 0);
	snprintf(s->path, sizeof s->path, "%s", unit_tmp(name));
	CHECK_INT(ctl_open(&s->ctl, s->loop, &s->bounds, s->path, &w), 0);
}

static void server_close(struct server *s)
{
	loop_free(s->loop);
	ctl_free(&s->ctl);
	CHECK_INT(s->bounds.row[BOUND_CTL_CLIENTS].used, 0);
}

static void turns(struct server *s, int n)
{
	while (n--)
		CHECK_INT(loop_turn(s->loop, 0), 0);
}

static int dial(const struct server *s)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(to.sun_path, s->path, strlen(s->path));
	CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void sends(int fd, const char *text)
{
	CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The server's end of a new connection with a question, made so small that a long answer does
 * not fit: it is given the lowest free number. */
static int dial_narrow(struct server *s)
{
	int fd = dial(s), end = dup(fd), small = 2048;

	close(end);
	sends(fd, "later\n");
	turns(s, 3);
	CHECK_INT(setsockopt(end, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	return fd;
}

/* What has arrived so far; "end" only when the stream is over. */
static const char *got(int fd)
{
	static char mem[CTL_REPLY + 1];
	size_t n = 0;
	ssize_t k;

	while ((k = recv(fd, mem + n, sizeof mem - 1 - n, 0)) > 0)
		n += (size_t)k;
	mem[n] = 0;
	return n == 0 && k == 0 ? "end" : mem;
}

TEST(one_line_one_answer_one_end)
{
	struct server s;
	int fd;

	server_open(&s, "plain");
	fd = dial(&s);
	turns(&s, 2);
	sends(fd, "no");
	turns(&s, 2);
	CHECK_INT(s.asked, 0);
	sends(fd, "w\nand more that nobody reads");
	turns(&s, 3);
	CHECK_STR(s.line, "now");
	CHECK_STR(got(fd), "0 here\nbody\n");
	CHECK_INT(s.gone, 1);
	close(fd);
	server_close(&s);
}

TEST(an_answer_may_come_later)
{
	struct server s;
	int fd;

	server_open(&s, "later");
	fd = dial(&s);
	sends(fd, "later\n");
	turns(&s, 3);
	NEED(s.waiting != NULL);
	clock_fake_step(&s.clock, 60 * NS_PER_S); /* the deadline is for the question, not for us */
	turns(&s, 2);
	NEED(s.waiting != NULL);
	ctl_reply(s.waiting, EXIT_ZT_DENIED, "no", SPAN_NONE);
	CHECK_STR(got(fd), "4 no\n");
	turns(&s, 2);
	close(fd);
	server_close(&s);
}

TEST(one_that_has_finished_writing_is_answered)
{
	struct server s;
	int fd;

	server_open(&s, "half");
	fd = dial(&s);
	sends(fd, "later\n");
	CHECK_INT(shutdown(fd, SHUT_WR), 0);
	turns(&s, 3);
	NEED(s.waiting != NULL);
	ctl_reply(s.waiting, EXIT_ZT_OK, "yes", SPAN_NONE);
	CHECK_STR(got(fd), "0 yes\n");
	turns(&s, 2);
	close(fd);
	server_close(&s);
}

TEST(one_that_vanishes_is_forgotten)
{
	struct server s;
	int fd;

	server_open(&s, "vanish");
	fd = dial(&s);
	sends(fd, "later\n");
	turns(&s, 3);
	NEED(s.waiting != NULL);
	close(fd);
	turns(&s, 3);
	CHECK(s.waiting == NULL);
	CHECK_INT(s.gone, 1);
	CHECK_INT(s.bounds.row[BOUND_CTL_CLIENTS].used, 0);
	server_close(&s);
}

TEST(no_line_no_answer)
{
	char much[CTL_REQUEST + 1];
	struct server s;
	int silent, endless, empty;

	server_open(&s, "none");
	silent = dial(&s), endless = dial(&s), empty = dial(&s);
	memset(much, 'x', sizeof much);
	CHECK_INT(send(endless, much, sizeof much, 0), sizeof much);
	CHECK_INT(shutdown(empty, SHUT_WR), 0);
	turns(&s, 3);
	CHECK_INT(s.gone, 2);
	clock_fake_step(&s.clock, 5 * NS_PER_S);
	turns(&s, 2);
	CHECK_INT(s.gone, 3);
	CHECK_STR(got(silent), "end");
	CHECK_INT(s.asked, 0);
	close(silent), close(endless), close(empty);
	server_close(&s);
}

TEST(a_reader_that_sleeps_is_let_go)
{
	static uint8_t big[CTL_REPLY];
	struct server s;
	int fd;

	server_open(&s, "slow");
	fd = dial_narrow(&s);
	NEED(s.waiting != NULL);
	memset(big, 'b', sizeof big);
	ctl_reply(s.waiting, EXIT_ZT_OK, "much", span_of(big, sizeof big));
	turns(&s, 3);
	CHECK_INT(s.bounds.row[BOUND_CTL_CLIENTS].used, 1);
	clock_fake_step(&s.clock, 5 * NS_PER_S);
	turns(&s, 3);
	CHECK_INT(s.bounds.row[BOUND_CTL_CLIENTS].used, 0);
	close(fd);
	server_close(&s);
}

TEST(a_whole_answer_reaches_a_reader_in_pieces)
{
	static uint8_t big[CTL_REPLY];
	struct server s;
	size_t n = 0;
	int fd;

	server_open(&s, "pieces");
	fd = dial_narrow(&s);
	NEED(s.waiting != NULL);
	memset(big, 'b', sizeof big);
	ctl_reply(s.waiting, EXIT_ZT_OK, "much", span_of(big, sizeof big)); /* cut to the bound */
	for (int i = 0; i < 1000 && s.gone == 0; i++) {
		n += strlen(got(fd));
		turns(&s, 1);
	}
	n += strlen(got(fd));
	CHECK_INT(n, CTL_REPLY);
	close(fd);
	server_close(&s);
}

/* Out of descriptors: the one that waits in the queue is turned away, and nothing spins. */
TEST(out_of_descriptors_is_no_endless_loop)
{
	struct rlimit was, few;
	struct server s;
	uint64_t turns_before;
	int fd;

	server_open(&s, "emfile");
	fd = dial(&s);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){(rlim_t)fd + 1, was.rlim_max};
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
	turns(&s, 2);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK_STR(got(fd), "end");
	turns_before = loop_stats(s.loop).events;
	turns(&s, 5);
	CHECK_INT(loop_stats(s.loop).events, turns_before);
	close(fd);
	clock_fake_step(&s.clock, NS_PER_S);
	turns(&s, 1);
	fd = dial(&s); /* and later it goes on */
	sends(fd, "now\n");
	turns(&s, 3);
	CHECK_STR(got(fd), "0 here\nbody\n");
	close(fd);
	server_close(&s);
}

TEST(what_stands_at_the_path)
{
	const char *link = unit_tmp("link"), *target = unit_tmp("target"), *dir = unit_tmp("dir");
	struct why w = {0};
	struct server s;
	struct stat st;

	server_open(&s, "stale");
	server_close(&s); /* leaves the file, as kill -9 does */
	server_open(&s, "stale");
	CHECK_INT(stat(s.path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	server_close(&s);
	CHECK_INT(symlink(target, link), 0);
	server_open(&s, "link"); /* replaced, not followed */
	CHECK(stat(target, &st) < 0);
	server_close(&s);
	CHECK_INT(mkdir(dir, 0700), 0);
	s = (struct server){.ctl = {.asked = on_asked}};
	CHECK_INT(loop_open(&s.loop, LOOP_BEST, &clock_real), 0);
	CHECK(ctl_open(&s.ctl, s.loop, &s.bounds, dir, &w) < 0);
	CHECK(strstr(w.text, dir) != NULL);
	loop_free(s.loop);
}

/* ---- the asking end -------------------------------------------------------------------------- */

static int ask_at(const char *path, int timeout_ms, struct why *w)
{
	uint8_t mem[64];
	struct wr out = wr_of(mem, sizeof mem);
	enum zt_exit code;

	return ctl_ask(path, "q", timeout_ms, &code, &out, w);
}

/* Answers `says` to the first who asks, from a process of its own. */
static pid_t answering(const char *path, const char *says)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	char line[16];
	ssize_t n;
	pid_t pid;

	memcpy(at.sun_path, path, strlen(path));
	CHECK(bind(door, (struct sockaddr *)&at, sizeof at) == 0 && listen(door, 1) == 0);
	pid = fork();
	if (pid == 0) {
		fd = accept(door, NULL, NULL);
		do { /* all of the line: closing with bytes unread would reset the asker */
			n = recv(fd, line, sizeof line, 0);
			if (n <= 0)
				_exit(1);
		} while (line[n - 1] != '\n');
		send(fd, says, strlen(says), MSG_NOSIGNAL);
		_exit(0);
	}
	close(door);
	return pid;
}

TEST(answers_are_read_and_nonsense_is_refused)
{
	static const struct {
		const char *says, *text;
		int rc, code;
	} rows[] = {
		{"0 ok\nbody", "ok\nbody", 0, 0},      {"7 locked\n", "locked\n", 0, 7},
		{"", "", -ZT_E_SYNTAX, 0},             {"hello there\n", "", -ZT_E_SYNTAX, 0},
		{"99 red balloons\n", "", -ZT_E_SYNTAX, 0}, {"0", "", -ZT_E_SYNTAX, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t mem[64];
		struct wr out = wr_of(mem, sizeof mem);
		enum zt_exit code = EXIT_ZT_OK;
		const char *path = unit_tmp("answering");
		pid_t pid = answering(path, rows[i].says);

		CHECK_INT(ctl_ask(path, "q", 20000, &code, &out, NULL), rows[i].rc);
		if (rows[i].rc == 0) {
			CHECK_INT(code, rows[i].code);
			CHECK(span_eq_str(wr_span(&out), rows[i].text));
		}
		CHECK_INT(waitpid(pid, NULL, 0), pid);
		unlink(path);
	}
}

TEST(an_endless_answer_is_cut)
{
	static char much[4096];
	struct why w = {0};
	const char *path = unit_tmp("endless");
	pid_t pid;

	memset(much, '0', sizeof much - 1);
	pid = answering(path, much);
	CHECK_INT(ask_at(path, 20000, &w), -ZT_E_TOOLONG);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
}

TEST(nobody_there)
{
	struct why absent = {0}, stale = {0}, nowhere = {0};
	struct server s;
	char longest[200];

	CHECK_INT(ask_at(unit_tmp("absent"), 1000, &absent), -ZT_E_NOTFOUND);
	server_open(&s, "left");
	server_close(&s);
	CHECK_INT(ask_at(s.path, 1000, &stale), -ZT_E_NOTFOUND);
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	CHECK_INT(ask_at(longest, 1000, &nowhere), -ZT_E_TOOLONG);
}

/* A role that hangs takes connections until its queue is full; then connect() itself waits. */
TEST(a_role_that_hangs_is_not_waited_for)
{
	struct why queued = {0}, full = {0};
	struct server s;
	int fds[64], n = 0;

	server_open(&s, "hangs");
	CHECK_INT(ask_at(s.path, 20, &queued), -ZT_E_TIMEOUT);
	for (; n < 64; n++) {
		struct sockaddr_un to = {.sun_family = AF_UNIX};

		memcpy(to.sun_path, s.path, strlen(s.path));
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[n], (struct sockaddr *)&to, sizeof to) < 0)
			break;
	}
	CHECK(n < 64);
	CHECK_INT(ask_at(s.path, 20, &full), -ZT_E_TIMEOUT);
	CHECK(strstr(full.text, "hangs") != NULL);
	for (; n >= 0; n--)
		close(fds[n]);
	server_close(&s);
}

/* ---- a connection that is given away ----------------------------------------------------------------- */

TEST(a_connection_that_is_given_away_goes_on_with_somebody_else)
{
	struct server s;
	char word[8];
	int fd, theirs;

	server_open(&s, "give");
	fd = dial(&s);
	sends(fd, "later\n");
	turns(&s, 3);
	NEED(s.waiting);
	theirs = ctl_give(s.waiting, "go on");
	NEED(theirs >= 0);
	CHECK_INT(s.gone, 1);
	turns(&s, 3);
	CHECK_INT(s.bounds.row[BOUND_CTL_CLIENTS].used, 0);
	CHECK_STR(got(fd), "0 go on\n");
	sends(fd, "more");
	CHECK_INT(recv(theirs, word, sizeof word, 0), 4); /* nobody of the control socket reads it */
	sends(theirs, "back");
	CHECK_STR(got(fd), "back");
	close(theirs);
	CHECK_STR(got(fd), "end");
	close(fd);
	server_close(&s);
}

TEST(who_has_been_answered_is_not_given_away)
{
	struct ctl_client *who;
	struct server s;
	int fd;

	server_open(&s, "answered");
	fd = dial_narrow(&s);
	who = s.waiting;
	NEED(who);
	ctl_reply(who, EXIT_ZT_OK, "here", span_of((uint8_t[30000]){0}, 30000));
	CHECK_INT(ctl_give(who, "go on"), -ZT_E_CLOSED);
	close(fd);
	turns(&s, 5);
	server_close(&s);
}

TEST(who_has_left_is_not_given_away)
{
	struct server s;
	int fd;

	server_open(&s, "left");
	fd = dial(&s);
	sends(fd, "later\n");
	turns(&s, 3);
	NEED(s.waiting);
	close(fd);
	CHECK_INT(ctl_give(s.waiting, "go on"), -ZT_E_CLOSED);
	turns(&s, 3);
	CHECK_INT(s.gone, 1);
	server_close(&s);
}

/* The asking end, against a process that answers each of these. */
static int take_from(const char *answer, enum zt_exit *code, char said[static CTL_REQUEST], struct why *w)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *path = unit_tmp("role");
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	pid_t kid;

	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	unlink(path);
	CHECK(bind(door, (struct sockaddr *)&at, sizeof at) == 0 && listen(door, 1) == 0);
	kid = fork();
	if (kid == 0) {
		char line[64];
		int k = accept(door, NULL, NULL);
		size_t n = 0;

		while (n < 6) { /* "admin\n" */
			ssize_t r = recv(k, line + n, sizeof line - n, 0);

			if (r <= 0)
				_exit(1);
			n += (size_t)r;
		}
		if (strncmp(line, "admin\n", 6) == 0 && send(k, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			_exit(1);
		_exit(0);
	}
	close(door);
	*w = (struct why){0};
	fd = ctl_take(path, "admin", 20000, code, said, w);
	waitpid(kid, NULL, 0);
	return fd;
}

TEST(the_line_is_taken_and_not_a_byte_behind_it)
{
	char said[CTL_REQUEST];
	enum zt_exit code = EXIT_ZT_FAILED;
	struct why w;
	int fd = take_from("0 go on\nfirst", &code, said, &w);

	NEED(fd >= 0);
	CHECK_INT(code, EXIT_ZT_OK);
	CHECK_STR(said, "go on");
	CHECK_STR(got(fd), "first");
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

TEST(a_refusal_is_taken_with_its_code_and_nonsense_is_none)
{
	static const struct {
		const char *answer;
		int rc, code;
		const char *said;
	} cases[] = {
		{"2 unknown request\n", 0, EXIT_ZT_USAGE, "unknown request"},
		{"7 stopping", 0, EXIT_ZT_LOCKED, "stopping"}, /* cut, and still clear */
		{"", -ZT_E_SYNTAX, 0, ""},
		{"yes\n", -ZT_E_SYNTAX, 0, ""},
		{"10 no such code\n", -ZT_E_SYNTAX, 0, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char said[CTL_REQUEST] = "";
		enum zt_exit code = EXIT_ZT_FAILED;
		struct why w;
		int fd = take_from(cases[i].answer, &code, said, &w);

		CHECK_INT(fd < 0 ? fd : 0, cases[i].rc);
		if (fd < 0)
			continue;
		CHECK_INT(code, cases[i].code);
		CHECK_STR(said, cases[i].said);
		close(fd);
	}
}

TEST(an_answer_without_an_end_is_bounded)
{
	char long_one[CTL_REQUEST * 2], said[CTL_REQUEST];
	enum zt_exit code = EXIT_ZT_OK;
	struct why w;

	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = 0;
	CHECK_INT(take_from(long_one, &code, said, &w), -ZT_E_TOOLONG);
}
