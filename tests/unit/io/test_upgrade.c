/* One in charge that came by an upgrade, and its shepherd, whom the test plays: what is asked, and what comes meanwhile. */
#include "tests/unit/io/upgrade_kit.h"

static void no_time(struct timer *timer, uint64_t now) { (void)timer; (void)now; }

static void begin_childless(void)
{
	begin_candidate();
	t.s->nkids = t.s->nserve = 0;
	t.s->notify.relay = HEIR_FD_SHEPHERD;
	t.s->conf = calloc(1, sizeof *t.s->conf);
	t.s->stop_late.fire = no_time;
}

static void finish_candidate(void)
{
	free(t.s->conf);
	finish();
}

/* What it says is taken for what the role does, which goes on without it when it is refused. */
TEST(who_may_still_be_refused_tells_the_service_manager_nothing)
{
	for (int served = 0; served < 2; served++) {
		begin_childless();
		if (served)
			super_announce(t.s);
		close(t.line); /* it is refused */
		turns();
		if (served) /* and told so by the shepherd */
			super_stop(t.s, EXIT_ZT_OK);
		CHECK(t.s->stopping);
		CHECK_INT(said(t.shepherd), 0);
		finish_candidate();
	}
}

TEST(who_is_in_charge_speaks_to_the_service_manager)
{
	begin_childless();
	super_announce(t.s);
	CHECK_INT(said(t.shepherd), 0);
	for (int i = 0; i < 2; i++)
		say(UPMSG_ELDERS, 0, 0, "", -1);
	turns();
	CHECK_INT(said(t.shepherd), UPMSG_NOTIFY); /* ready, once */
	CHECK_INT(said(t.shepherd), UPMSG_LINK);
	CHECK_INT(said(t.shepherd), 0);
	super_stop(t.s, EXIT_ZT_OK);
	CHECK_INT(said(t.shepherd), UPMSG_NOTIFY);
	CHECK_INT(said(t.shepherd), 0);
	close(t.line);
	finish_candidate();
}

static bool is_for_it(int signo, pid_t from)
{
	t.s->sigs.from = from;
	return !upgrade_signal(t.s, signo);
}

/* By a control group or a terminal, and by the shepherd, whom that told too: whatever comes first. */
TEST(a_stop_that_comes_from_two_sides_is_one)
{
	const pid_t shepherd = getppid(), others[] = {0, getpid(), 1};

	begin();
	for (size_t i = 0; i < 2 * ARRAY_LEN(others); i++) {
		const pid_t other = others[i / 2], first = i % 2 ? shepherd : other, second = i % 2 ? other : shepherd;

		if (other == shepherd)
			continue;
		memset(t.s->up.told_to_stop, 0, sizeof t.s->up.told_to_stop);
		CHECK(is_for_it(SIGTERM, first));
		CHECK(is_for_it(SIGHUP, second));
		CHECK(!is_for_it(SIGINT, second));
		CHECK(is_for_it(SIGTERM, second)); /* twice: now */
		CHECK(is_for_it(SIGTERM, first));
		memset(t.s->up.told_to_stop, 0, sizeof t.s->up.told_to_stop);
		CHECK(is_for_it(SIGTERM, first));
		CHECK(is_for_it(SIGTERM, first));
	}
	finish();
}

TEST(what_comes_before_the_answer_is_heard)
{
	struct chan_msg order;
	int heir[2], link[2];

	begin();
	make_pair(heir);
	make_pair(link);
	t.s->up.heir = 999; /* an earlier successor */
	upgrade_begin(t.s, NULL);
	CHECK_INT(t.s->up.step, UPGRADE_ASKED);
	CHECK_INT(said(t.shepherd), UPMSG_SPAWN);
	say(UPMSG_LINK, 0, 0, "", link[0]); /* of one that drains: it hears of revocations by this */
	say(UPMSG_ENDED, 999, 9, "", -1);
	say(UPMSG_ELDERS, 0, 0, "1 2 0.1.0\n", -1);
	turns();
	CHECK_INT(chan_take_order(t.keeper.child_orders, &order), 1);
	CHECK_INT(order.ipc.type, IPC_LINK);
	CHECK_INT(order.nfds, 1);
	chan_close_fds(&order);
	CHECK_STR(t.s->up.elders, "1 2 0.1.0\n");
	CHECK_INT(t.s->up.step, UPGRADE_ASKED);
	say(UPMSG_SPAWNED, 77, 0, "", heir[0]);
	close(heir[0]);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_OFFERED);
	CHECK_INT(t.s->up.heir, 77);
	CHECK_INT(said(heir[1]), UPMSG_OFFER);
	say(UPMSG_ENDED, 77, 0, "", -1);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	close(heir[1]);
	close(link[0]);
	close(link[1]);
	finish();
}

TEST(an_answer_that_comes_too_late_is_nobodys)
{
	int heir[2];

	begin();
	make_pair(heir);
	upgrade_begin(t.s, NULL);
	CHECK_INT(said(t.shepherd), UPMSG_SPAWN);
	for (int i = 0; i < 5; i++) { /* whatever else is said does not prolong it */
		clock_fake_step(&t.clock, NS_PER_S / 2);
		say(UPMSG_ELDERS, 0, 0, "", -1);
		turns();
	}
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	CHECK_INT(said(t.shepherd), UPMSG_DROP);
	upgrade_begin(t.s, NULL);
	CHECK_INT(said(t.shepherd), UPMSG_SPAWN);
	say(UPMSG_SPAWNED, 77, 0, "", heir[0]); /* the first one's */
	close(heir[0]);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_ASKED);
	CHECK_INT(said(heir[1]), -ZT_E_CLOSED);
	say(UPMSG_ENDED, 77, 0, "", -1); /* which was dropped */
	say(UPMSG_SPAWNED, 0, ZT_E_AGAIN, "an earlier successor is still ending; try again", -1);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	CHECK_INT(t.s->up.spawns, 0);
	close(heir[1]);
	finish();
}

TEST(a_question_that_did_not_leave_is_not_waited_for)
{
	begin();
	while (upmsg_send(HEIR_FD_SHEPHERD, &(struct upmsg){.type = UPMSG_LIVE}, NULL, 0) == 0)
		continue; /* a shepherd that stands still */
	upgrade_begin(t.s, NULL);
	clock_fake_step(&t.clock, 2 * NS_PER_S);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	CHECK_INT(t.s->up.spawns, 0); /* or the next answer would be taken for that of this one, and so would all */
	finish();
}

/* A successor, 77, that has read its configuration. Answers its end of the line. */
static int a_prepared_one(void)
{
	int heir[2];

	make_pair(heir);
	upgrade_begin(t.s, NULL);
	CHECK_INT(said(t.shepherd), UPMSG_SPAWN);
	say(UPMSG_SPAWNED, 77, 0, "", heir[0]);
	close(heir[0]);
	turns();
	CHECK_INT(upmsg_send(heir[1], &(struct upmsg){.type = UPMSG_PREPARED}, NULL, 0), 0);
	turns();
	return heir[1];
}

/* It is gone, and the shepherd is late to say so: who let go of all for it would leave nobody. */
TEST(a_successor_whose_line_has_ended_is_given_nothing)
{
	int heir;

	begin();
	t.s->nkids = 0; /* nobody has to end for it */
	heir = a_prepared_one();
	CHECK_INT(t.s->up.step, UPGRADE_GONE);
	CHECK_INT(upmsg_send(heir, &(struct upmsg){.type = UPMSG_READY}, NULL, 0), 0);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_TRIAL);
	close(heir);
	turns();
	clock_fake_step(&t.clock, NS_PER_S);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	CHECK_INT(said(t.shepherd), UPMSG_DROP);
	say(UPMSG_ENDED, 77, 9, "", -1);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	finish();
}

/* A successor that has read its configuration, and waits for the keeper's end. Answers its end of the line. */
static int prepared(void)
{
	struct chan_msg order;
	int heir;

	begin();
	t.s->conf = calloc(1, sizeof *t.s->conf);
	t.s->exe_fd = open("/bin/true", O_RDONLY | O_CLOEXEC); /* for children that are started again */
	t.s->log_pipe[1] = -1;
	t.s->kids[1].pid = fork();
	if (t.s->kids[1].pid == 0)
		for (;;)
			pause();
	heir = a_prepared_one();
	CHECK_INT(t.s->up.step, UPGRADE_ALONE);
	CHECK_INT(chan_take_order(t.keeper.child_orders, &order), 1);
	CHECK_INT(order.ipc.type, IPC_DRAIN);
	return heir;
}

static void bury_keeper(void)
{
	pid_t pid = t.s->kids[1].pid;
	int status = 0;

	kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	t.keeper.super_orders = dup(t.shepherd); /* for finish(): this one is closed with its channel */
	kid_reaped(t.s, pid, status);
}

static void unprepare(int heir)
{
	close(heir);
	close(t.s->exe_fd);
	free(t.s->conf);
	finish();
}

/* The keeper's channel is on the loop's list then, and must not be another one's in this turn. */
TEST(who_ended_in_the_same_turn_as_the_successor_is_started_in_another)
{
	int heir = prepared();
	struct kid *keeper = &t.s->kids[1];

	bury_keeper();
	CHECK_INT(t.s->up.step, UPGRADE_GONE);
	upgrade_heir_ended(t.s, 9);
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	CHECK_INT(keeper->state, KID_DOWN);
	turns();
	CHECK_INT(keeper->state, KID_DOWN);
	clock_fake_step(&t.clock, NS_PER_MS);
	turns();
	CHECK_INT(keeper->state, KID_STARTING);
	CHECK(!keeper->rests);
	waitpid(keeper->pid, NULL, 0);
	words_close(keeper);
	unprepare(heir);
}

TEST(nobody_ends_for_a_successor_that_hung_up)
{
	struct kid *keeper, *front;

	for (int ends = 0; ends < 2; ends++) { /* the one that it was waited for: does it end in time? */
		close(prepared());
		keeper = &t.s->kids[1];
		front = &t.s->kids[t.s->nkids++];
		kid_init(t.s, front, &children[1]);
		front->part = KID_SERVES;
		front->state = KID_UP;
		front->pid = INT32_MAX; /* nobody's */
		turns();
		if (ends)
			bury_keeper();
		CHECK_INT(t.s->up.step, UPGRADE_ALONE);
		CHECK(!front->rests);
		clock_fake_step(&t.clock, NS_PER_S);
		turns();
		CHECK_INT(t.s->up.step, UPGRADE_NONE);
		CHECK_INT(front->state, KID_UP);
		if (!ends)
			bury_keeper();
		CHECK(keeper->timer.pos != 0); /* it is started again */
		unprepare(-1);
	}
}

/* The first process of a role, whose program is gone: what it starts ends at once. */
static void come_to_nothing(void)
{
	int status;

	upgrade_begin(t.s, NULL);
	CHECK_INT(t.s->up.step, UPGRADE_OFFERED);
	CHECK_INT(waitpid(t.s->up.heir, &status, 0), t.s->up.heir);
	CHECK(upgrade_reaped(t.s, t.s->up.heir, status));
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
}

TEST(who_asks_in_the_turn_in_which_one_was_refused_asks_again)
{
	begin();
	t.s->up.begin.heir = false;
	t.s->up.sh.exe = "/nowhere/zt";
	come_to_nothing();
	upgrade_begin(t.s, NULL);
	CHECK_INT(t.s->up.step, UPGRADE_NONE); /* the line to the last one is on the loop's list */
	turns();
	come_to_nothing();
	finish();
}

static void on_asked(struct ctl *c, struct ctl_client *who, struct span line)
{
	(void)line;
	upgrade_begin(CONTAINER_OF(c, struct super, ctl), who);
}

static void on_gone(struct ctl *c, struct ctl_client *who)
{
	upgrade_asker_gone(CONTAINER_OF(c, struct super, ctl), who);
}

/* Somebody who asks for an upgrade at the control socket; what is logged from then on comes to *log. */
static int asks(int *log)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct why w = {0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof to.sun_path, "%s", unit_tmp("asked"));
	bounds_init(&t.s->bounds);
	t.s->ctl.asked = on_asked;
	t.s->ctl.gone = on_gone;
	CHECK_INT(ctl_open(&t.s->ctl, t.s->loop, &t.s->bounds, to.sun_path, &w), 0);
	CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	CHECK_INT(write(fd, "upgrade\n", 8), 8);
	*log = open(unit_tmp("log"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(*log, t.s->log.fd);
	turns();
	return fd;
}

static void is_told_to_try_again(int fd, int log)
{
	static const char sentence[] = "7 upgrade refused, the running program goes on\nan earlier successor is still ending; try again";
	char got[2000];
	ssize_t n;

	n = read(fd, got, sizeof got - 1);
	got[n > 0 ? n : 0] = 0;
	CHECK(strncmp(got, sentence, sizeof sentence - 1) == 0);
	n = pread(log, got, sizeof got - 1, 0);
	got[n > 0 ? n : 0] = 0;
	CHECK(strstr(got, "still ending") != NULL && strstr(got, " error ") == NULL);
	close(fd);
	close(log);
}

TEST(while_an_earlier_one_ends_who_asks_is_told_to_try_again)
{
	int status, log, asker;

	begin();
	t.s->up.begin.heir = false; /* the first process of a role, whose program is gone */
	t.s->up.sh.exe = "/nowhere/zt";
	upgrade_begin(t.s, NULL);
	waitid(P_PID, (id_t)t.s->up.heir, &(siginfo_t){0}, WEXITED | WNOWAIT);
	turns();
	CHECK_INT(t.s->up.step, UPGRADE_NONE);
	asker = asks(&log);
	is_told_to_try_again(asker, log);
	CHECK_INT(waitpid(t.s->up.sh.sheep[0].pid, &status, 0), t.s->up.sh.sheep[0].pid);
	CHECK(upgrade_reaped(t.s, t.s->up.sh.sheep[0].pid, status));
	finish();

	begin(); /* one that came by an upgrade */
	asker = asks(&log);
	CHECK_INT(said(t.shepherd), UPMSG_SPAWN);
	say(UPMSG_SPAWNED, 0, ZT_E_AGAIN, "an earlier successor is still ending; try again", -1);
	turns();
	is_told_to_try_again(asker, log);
	finish();
}
