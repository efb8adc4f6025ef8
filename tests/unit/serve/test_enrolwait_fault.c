/*
 * enrolwait and the talks that it takes: who connects, who loses his place to whom, and what is freed when anything
 * fails. No handshake process answers here: nobody gets as far as TLS, which the behaviour tests show.
 */
#include "serve/enrolwait.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "tests/unit/unit.h"
#include "tests/unit/wrapio.h"

#define SHAKE_MS 5000
#define WALL 1800000000000

static struct clock_fake clock_;
static struct bounds bounds;
static struct log quiet;
static struct loop *loop;
static struct tls_world *world;
static struct tls_plan plan;
static struct addr at;

/* ---- a wait, and what it said ------------------------------------------------------------------- */

static struct enrolwait wait_;
static struct enrolee model;
static struct authority_pins pins = {.n = 1, .by = "the token"};
static unsigned missed, overs;
static enum zt_err missed_why;

static int on_said(struct enrolwait *w, enum enrolee_event ev, const struct enrol *m, struct why *why)
{
	(void)w, (void)ev, (void)m, (void)why;
	return 0;
}

static void on_missed(struct enrolwait *w, const struct why *why)
{
	(void)w;
	missed++;
	missed_why = why->err;
}

static void on_over(struct enrolwait *w, int rc, const struct why *why)
{
	(void)w, (void)rc, (void)why;
	overs++;
}

static const struct enrolwait_class wait_class = {on_said, on_missed, on_over};

static void set_up(void)
{
	struct tls_world_opts o = {.bounds = &bounds, .log = &quiet, .shake_ms = SHAKE_MS, .rate = 1000, .burst = 1000};

	clock_fake_init(&clock_, 1000 * NS_PER_S, WALL);
	quiet = (struct log){.fd = -1, .level = LOG_ERROR, .clock = &clock_.clock, .role = "test", .proc = "enrol"};
	bounds_init(&bounds);
	CHECK_INT(loop_open(&loop, LOOP_EPOLL, &clock_.clock), 0);
	o.loop = loop;
	CHECK_INT(tls_world_new(&world, &o), 0);
	plan = (struct tls_plan){.clients = 1};
	plan.client[0] = (struct tls_client_plan){.name = "", .ca = "", .cert = "", .alpn = ""};
	tls_world_plan(world, &plan, 1);
	missed = overs = 0;
	missed_why = ZT_OK;
	model = (struct enrolee){.kind = ENROLEE_JOIN, .asked.pins = &pins};
	wait_ = (struct enrolwait){.cls = &wait_class, .loop = loop, .world = world, .e = &model};
}

static void tear_down(void)
{
	enrolwait_end(&wait_);
	CHECK_INT(wait_.callers, 0);
	tls_world_free(world);
	loop_free(loop);
	CHECK_INT(bounds.row[BOUND_TLS_SHAKES].used, 0);
}

static void begin(void)
{
	const struct net_listen o = {.at = {.family = 4, .ip = {127, 0, 0, 1}}};
	int fd = net_listen(&o, NULL);

	CHECK(fd >= 0);
	at = net_local(fd);
	CHECK_INT(enrolwait_start(&wait_, &fd, 1), 0);
}

static void turns(unsigned n)
{
	while (n--)
		loop_turn(loop, 1);
}

/* Somebody connects from 127.0.0.last. */
static int call_from(uint8_t last)
{
	const struct addr from = {.family = 4, .ip = {127, 0, 0, last}};
	struct sockaddr_storage sa;
	socklen_t n = net_to_sockaddr(&from, &sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(bind(fd, (struct sockaddr *)&sa, n) == 0);
	n = net_to_sockaddr(&at, &sa);
	CHECK(connect(fd, (struct sockaddr *)&sa, n) == 0);
	turns(2);
	return fd;
}

static bool is_open(int fd)
{
	uint8_t c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- tests ------------------------------------------------------------------------------------------ */

TEST(the_seventeenth_caller_takes_the_place_of_the_first)
{
	int fd[ENROLWAIT_CALLERS + 3];

	set_up();
	begin();
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = call_from((uint8_t)(10 + i));
		CHECK_INT(wait_.callers, i < ENROLWAIT_CALLERS ? i + 1 : ENROLWAIT_CALLERS);
	}
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++)
		CHECK_INT(is_open(fd[i]), i >= 3);
	CHECK_INT(missed, 0); /* who lost his place is not worth a word */
	tear_down();
	for (unsigned i = 0; i < ARRAY_LEN(fd); i++) {
		CHECK(!is_open(fd[i]));
		close(fd[i]);
	}
}

TEST(the_third_of_one_address_takes_the_place_of_its_first)
{
	int other, same[3];

	set_up();
	begin();
	other = call_from(10);
	for (unsigned i = 0; i < 3; i++)
		same[i] = call_from(11);
	CHECK_INT(wait_.callers, 3);
	CHECK(is_open(other) && !is_open(same[0]) && is_open(same[1]) && is_open(same[2]));
	tear_down();
	close(other);
	for (unsigned i = 0; i < 3; i++)
		close(same[i]);
}

TEST(who_says_nothing_goes_when_a_handshake_would_have_to_be_over)
{
	int fd[2];

	set_up();
	begin();
	fd[0] = call_from(10);
	fd[1] = call_from(11);
	clock_fake_step(&clock_, SHAKE_MS * NS_PER_MS / 2);
	turns(2);
	CHECK_INT(wait_.callers, 2);
	clock_fake_step(&clock_, SHAKE_MS * NS_PER_MS);
	turns(3);
	CHECK_INT(wait_.callers, 0);
	CHECK_INT(missed, 2);
	CHECK_INT(missed_why, ZT_E_UNREACHABLE);
	CHECK_INT(overs, 0); /* it goes on waiting */
	CHECK(!is_open(fd[0]) && !is_open(fd[1]));
	close(fd[0]);
	fd[0] = call_from(12);
	CHECK(is_open(fd[0]));
	tear_down();
	close(fd[0]);
	close(fd[1]);
}

TEST(a_caller_for_whom_there_is_no_memory_is_hung_up_on)
{
	int fd;

	set_up();
	begin();
	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1000);
	fd = call_from(10);
	wrap_reset();
	CHECK_INT(wait_.callers, 0);
	CHECK(!is_open(fd));
	close(fd);
	fd = call_from(10);
	CHECK_INT(wait_.callers, 1);
	tear_down();
	close(fd);
}

TEST(a_caller_for_whom_there_is_no_handshake_is_missed)
{
	int fd;

	set_up();
	begin();
	bounds_set(&bounds, BOUND_TLS_SHAKES, 0);
	fd = call_from(10);
	CHECK_INT(wait_.callers, 0);
	CHECK_INT(missed, 1);
	CHECK_INT(missed_why, ZT_E_FULL);
	CHECK(!is_open(fd));
	tear_down();
	close(fd);
}

TEST(every_door_of_a_wait_that_cannot_begin_is_closed)
{
	int fd[3] = {open("/dev/null", O_RDONLY | O_CLOEXEC), -1, -1};
	const struct net_listen o = {.at = {.family = 4, .ip = {127, 0, 0, 1}}};

	set_up();
	fd[1] = fd[0]; /* epoll takes no such file, so it cannot be listened on */
	fd[0] = net_listen(&o, NULL);
	fd[2] = net_listen(&o, NULL);
	CHECK(enrolwait_start(&wait_, fd, 3) < 0);
	turns(1);
	for (unsigned i = 0; i < 3; i++)
		CHECK(fcntl(fd[i], F_GETFD) < 0);
	tear_down();
}

/* ---- one talk that is taken ------------------------------------------------------------------------ */

static struct enroltalk talk;
static unsigned talk_overs, talk_reaped;
static int talk_rc;

static void talk_over(struct enroltalk *t, int rc)
{
	(void)t;
	talk_overs++;
	talk_rc = rc;
	CHECK_INT(talk_reaped, 0);
}

static void talk_reap(struct enroltalk *t)
{
	(void)t;
	talk_reaped++;
}

static const struct enroltalk_class talk_class = {.over = talk_over, .reaped = talk_reap};
static const struct identity_where where = {.n = 1, .addr = {"192.0.2.7:1"}};

static void take(int fd)
{
	talk_overs = talk_reaped = 0;
	talk_rc = 0;
	talk = (struct enroltalk){.cls = &talk_class, .loop = loop, .world = world, .where = &where, .e = &model};
	enroltalk_take(&talk, fd);
}

/* Whatever comes of it: over once, then reaped once, and the descriptor is closed. */
TEST(a_talk_that_is_taken_is_over_once_and_reaped_once)
{
	int pair[2];

	set_up();
	pair[0] = open("/dev/null", O_RDONLY | O_CLOEXEC); /* nothing that a loop can watch */
	take(pair[0]);
	CHECK_INT(talk_overs, 1);
	CHECK_INT(talk_reaped, 1);
	CHECK(talk_rc < 0 && span_starts(span_str(talk.why.text), "192.0.2.7:1: "));
	CHECK(fcntl(pair[0], F_GETFD) < 0);

	bounds_set(&bounds, BOUND_TLS_SHAKES, 0); /* no handshake */
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	take(pair[0]);
	CHECK_INT(talk_overs, 1);
	CHECK_INT(talk_rc, -ZT_E_FULL);
	CHECK_INT(talk_reaped, 0);
	turns(1);
	CHECK_INT(talk_reaped, 1);
	CHECK(!is_open(pair[1]));
	close(pair[1]);
	bounds_set(&bounds, BOUND_TLS_SHAKES, 10);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	take(pair[0]); /* it waits for a handshake process; ended by its owner: no over() */
	turns(2);
	CHECK_INT(talk_overs, 0);
	enroltalk_end(&talk);
	enroltalk_end(&talk);
	turns(1);
	CHECK_INT(talk_overs, 0);
	CHECK_INT(talk_reaped, 1);
	CHECK(!is_open(pair[1]));
	close(pair[1]);
	tear_down();
}
