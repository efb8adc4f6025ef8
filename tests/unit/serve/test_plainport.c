/* plainport: one request, one answer, closed; however the request comes, and whoever does not send one. */
#include "serve/plainport.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "tests/unit/unit.h"

#define PATIENCE NS_PER_S

static struct clock_fake fake;
static struct bounds bounds;
static struct loop *loop;
static struct bufs *bufs;
static struct plainport port;
static unsigned asked, gone, refusal, tag;
static bool silent; /* answers nothing */
static char seen[64];

static void answer(struct plainport *p, unsigned t, const struct httpreq *q, struct wr *w)
{
	CHECK(p == &port);
	asked++;
	refusal = q->refusal;
	tag = t;
	snprintf(seen, sizeof seen, "%.*s", (int)num_min(q->path.n, 60), (const char *)q->path.p);
	if (!silent)
		wr_str(w, q->refusal ? "no" : "yes");
}
static void one_less(struct plainport *p)
{
	CHECK(p == &port);
	gone++;
}

static void set_up(void)
{
	clock_fake_init(&fake, 100 * NS_PER_S, 0);
	bounds_init(&bounds);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &fake.clock), 0);
	CHECK_INT(bufs_new(&bufs, loop, &bounds), 0);
	port = (struct plainport){.loop = loop, .bufs = bufs, .answer = answer, .gone = one_less};
	plainport_init(&port, &bounds);
	asked = gone = refusal = tag = 0;
	silent = false;
}
static void turns(uint64_t ms)
{
	clock_fake_step(&fake, ms * NS_PER_MS);
	for (unsigned i = 0; i < 6; i++)
		CHECK_INT(loop_turn(loop, 0), 0);
}
static void tear_down(void)
{
	plainport_end(&port);
	turns(0);
	CHECK_INT(bounds.row[BOUND_PLAIN_CONNS].used, 0);
	CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0);
	bufs_free(bufs);
	loop_free(loop);
	plainport_free(&port);
}

static int visitor(unsigned with)
{
	int ends[2] = {-1, -1};

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	plainport_accepted(&port, ends[0], with, PATIENCE);
	turns(0);
	return ends[1];
}
static void says(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
	turns(0);
}
/* What the visitor has got, and whether that was all: "yes." with the end, "" when nothing came. */
static const char *got(int fd)
{
	static char all[64];
	size_t n = 0;
	ssize_t some;

	while ((some = recv(fd, all + n, sizeof all - 2 - n, 0)) > 0)
		n += (size_t)some;
	if (some == 0 || errno == ECONNRESET) /* a reset, when something was left unread */
		all[n++] = '.';
	all[n] = 0;
	return all;
}

TEST(one_request_one_answer_and_the_end)
{
	int v;

	set_up();
	v = visitor(7);
	CHECK_STR(got(v), "");
	says(v, "GET /here HTTP/1.1\r\nHost: a\r\n\r\nGET /more HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK_STR(got(v), "yes.");
	CHECK_STR(seen, "/here");
	CHECK(asked == 1 && tag == 7 && refusal == 0);
	close(v);
	turns(0);
	CHECK_INT(gone, 1);
	tear_down();
}

TEST(a_head_may_come_byte_by_byte)
{
	static const char head[] = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
	int v;

	set_up();
	v = visitor(0);
	for (size_t i = 0; head[i]; i++) {
		CHECK_INT(asked, 0);
		says(v, (char[]){head[i], 0});
		CHECK_INT(bounds.row[BOUND_DUCT_BUFS].used, 0); /* who is slow holds no buffer of everybody's */
	}
	CHECK_STR(got(v), "yes.");
	CHECK_STR(seen, "/slow");
	close(v);
	tear_down();
}

TEST(what_is_no_request_is_told_so)
{
	static const char *const bad[] = {"SSH-2.0-x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int v;

		set_up();
		v = visitor(0);
		says(v, bad[i]);
		CHECK(refusal != 0 && asked == 1);
		CHECK_STR(got(v), "no.");
		close(v);
		tear_down();
	}
}

TEST(a_head_without_end_is_refused_at_its_bound)
{
	char part[1024];
	unsigned parts = 0;
	int v;

	set_up();
	v = visitor(0);
	says(v, "GET / HTTP/1.1\r\nX: ");
	memset(part, 'a', sizeof part - 1);
	part[sizeof part - 1] = 0;
	for (; asked == 0 && parts < 2 * HTTP_HEAD / sizeof part; parts++) {
		(void)send(v, part, sizeof part - 1, MSG_NOSIGNAL);
		turns(0);
	}
	CHECK(asked == 1 && refusal != 0 && parts <= HTTP_HEAD / (sizeof part - 1) + 2);
	close(v);
	tear_down();
}

TEST(who_sends_none_in_time_is_closed_without_a_word)
{
	int quiet, slow;

	set_up();
	quiet = visitor(0);
	slow = visitor(0);
	says(slow, "GET / HT");
	turns(900);
	says(slow, "TP/1.1\r\n"); /* a byte now and then is no request */
	CHECK_INT(gone, 0);
	turns(101);
	CHECK_STR(got(quiet), ".");
	CHECK_STR(got(slow), ".");
	CHECK_INT(asked, 0);
	close(quiet);
	close(slow);
	turns(0);
	CHECK_INT(gone, 2);
	tear_down();
}

TEST(who_leaves_is_forgotten_and_no_answer_is_none)
{
	int v;

	set_up();
	v = visitor(0);
	says(v, "GET / HT");
	close(v);
	turns(0);
	CHECK(asked == 0 && gone == 1);
	silent = true;
	v = visitor(0);
	says(v, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK_STR(got(v), ".");
	close(v);
	tear_down();
}

/* One more than there is room for: the oldest goes. */
FLOODS(BOUND_PLAIN_CONNS)
{
	int v[BOUND_CAP(BOUND_PLAIN_CONNS)];

	set_up();
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		v[i] = visitor(0);
	CHECK_STR(got(v[0]), ".");
	CHECK_STR(got(v[ARRAY_LEN(v) - 1]), "");
	CHECK(bounds.row[BOUND_PLAIN_CONNS].used < ARRAY_LEN(v));
	says(v[ARRAY_LEN(v) - 1], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK_STR(got(v[ARRAY_LEN(v) - 1]), "yes.");
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		close(v[i]);
	tear_down();
}
