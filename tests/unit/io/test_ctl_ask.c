/* The control socket, the asking end: answers, refusals and nonsense, and roles that say nothing at all. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/ctl.h"

static int door_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path));
	CHECK(bind(door, (struct sockaddr *)&at, sizeof at) == 0 && listen(door, 1) == 0);
	return door;
}

/* Answers `says` to the first who asks `line`, from a process of its own. */
static pid_t answering(const char *path, const char *line, const char *says)
{
	int door = door_at(path), fd;
	size_t n = 0, whole = strlen(line);
	char got[64];
	ssize_t k;
	pid_t pid = fork();

	if (pid == 0) {
		fd = accept(door, NULL, NULL);
		for (; n < whole; n += (size_t)k) { /* all of the line: closing with bytes unread would reset the asker */
			k = recv(fd, got + n, whole - n, 0);
			if (k <= 0)
				_exit(1);
		}
		if (memcmp(got, line, whole) == 0)
			send(fd, says, strlen(says), MSG_NOSIGNAL);
		_exit(0);
	}
	close(door);
	return pid;
}

static int ask_at(const char *path, int timeout_ms, struct why *w)
{
	uint8_t mem[64];
	struct wr out = wr_of(mem, sizeof mem);
	enum zt_exit code;

	return ctl_ask(path, "q", timeout_ms, &code, &out, w);
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
		pid_t pid = answering(path, "q\n", rows[i].says);

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
	pid = answering(path, "q\n", much);
	CHECK_INT(ask_at(path, 20000, &w), -ZT_E_TOOLONG);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
}

TEST(nobody_there)
{
	struct why absent = {0}, stale = {0}, nowhere = {0};
	const char *left = unit_tmp("left");
	char longest[200];

	CHECK_INT(ask_at(unit_tmp("absent"), 1000, &absent), -ZT_E_NOTFOUND);
	close(door_at(left)); /* the file stays */
	CHECK_INT(ask_at(left, 1000, &stale), -ZT_E_NOTFOUND);
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	CHECK_INT(ask_at(longest, 1000, &nowhere), -ZT_E_TOOLONG);
}

/* A role that hangs takes connections until its queue is full; then connect() itself waits. */
TEST(a_role_that_hangs_is_not_waited_for)
{
	struct why queued = {0}, full = {0};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = unit_tmp("hangs");
	int fds[65], n = 0, door = door_at(path);

	CHECK_INT(ask_at(path, 20, &queued), -ZT_E_TIMEOUT);
	memcpy(to.sun_path, path, strlen(path));
	for (; n < 64; n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[n], (struct sockaddr *)&to, sizeof to) < 0)
			break;
	}
	CHECK(n < 64);
	CHECK_INT(ask_at(path, 20, &full), -ZT_E_TIMEOUT);
	CHECK(strstr(full.text, "hangs") != NULL);
	for (; n >= 0; n--)
		close(fds[n]);
	close(door);
}

/* ---- a connection that is taken ------------------------------------------------------------------------ */

static int take_from(const char *answer, enum zt_exit *code, char said[static CTL_REQUEST], struct why *w)
{
	const char *path = unit_tmp("role");
	pid_t kid;
	int fd;

	unlink(path);
	kid = answering(path, "admin\n", answer);
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
	CHECK_INT(recv(fd, said, sizeof said, 0), 5);
	CHECK(memcmp(said, "first", 5) == 0);
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
