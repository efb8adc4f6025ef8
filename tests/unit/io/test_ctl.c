/* The control socket, the serving end: one question, one answer, and peers that do neither. */
#include "tests/unit/unit.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* A server, and one who has asked it what is answered later. */
static int asks_later(struct server *s, const char *name)
{
	int fd;

	server_open(s, name);
	fd = dial(s);
	sends(fd, "later\n");
	turns(s, 3);
	CHECK(s->waiting != NULL);
	return fd;
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
	int fd = asks_later(&s, "later");

	NEED(s.waiting);
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
	int fd = asks_later(&s, "vanish");

	NEED(s.waiting);
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

/* ---- a connection that is given away ----------------------------------------------------------------- */

TEST(a_connection_that_is_given_away_goes_on_with_somebody_else)
{
	struct server s;
	char word[8];
	int fd = asks_later(&s, "give"), theirs;

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
	int fd = asks_later(&s, "left");

	NEED(s.waiting);
	close(fd);
	CHECK_INT(ctl_give(s.waiting, "go on"), -ZT_E_CLOSED);
	turns(&s, 3);
	CHECK_INT(s.gone, 1);
	server_close(&s);
}
