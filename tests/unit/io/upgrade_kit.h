/*
 * upgrade_kit: one in charge that came by an upgrade, and its shepherd, whom the test plays: what is asked, and what comes
 * meanwhile.
 */
#ifndef ZT_UPGRADE_KIT_H
#define ZT_UPGRADE_KIT_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/super_int.h"

static const struct super_child children[] = {{.kind = "worker", .proc = "worker"},
					      {.kind = "keeper", .proc = "keeper", .alone = true}};
static const struct super_link links[] = {{0, 1}};
static const struct super_role role = {.name = "role", .children = children, .n = 2, .links = links, .nlinks = 1};

static struct {
	struct clock_fake clock;
	struct super *s;
	struct chan_ends keeper;
	int line, shepherd; /* the other ends of HEIR_FD_LINE, HEIR_FD_SHEPHERD */
	struct source quiet;
} t;

static inline unsigned wants_nothing(const struct source *s) { (void)s; return 0; }
static inline void never(struct source *s, unsigned events) { (void)s; (void)events; }
static const struct source_class quiet_class = {"quiet", wants_nothing, never, NULL};

static inline void make_pair(int pair[2])
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

/* One end there, the other one answered. */
static inline int pair_at(int fd)
{
	int pair[2], high[2];

	make_pair(pair);
	for (size_t i = 0; i < 2; i++) { /* out of the way */
		high[i] = fcntl(pair[i], F_DUPFD_CLOEXEC, 20);
		close(pair[i]);
	}
	dup2(high[0], fd);
	close(high[0]);
	return high[1];
}

static inline void say(enum upmsg_type type, uint32_t pid, uint64_t n, const char *text, int fd)
{
	CHECK_INT(upmsg_send(t.shepherd, &(struct upmsg){.type = type, .pid = pid, .n = n, .text = span_str(text)}, &fd, fd >= 0), 0);
}

/* What it has said to its shepherd: the next message's type, 0: nothing. */
static inline int said(int fd)
{
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS];
	struct upmsg m;
	size_t n;
	int rc = upmsg_hear(fd, mem, &m, fds, &n);

	upmsg_drop(fds, n);
	return rc > 0 ? (int)m.type : rc;
}

static inline void turns(void)
{
	for (int i = 0; i < 8; i++)
		loop_turn(t.s->loop, 0);
}

/* It could serve, and is not in charge. */
static inline void begin_candidate(void)
{
	static char arg[] = "zt", *argv[] = {arg, NULL};
	struct super *s = calloc(1, sizeof *s);
	struct why w = {0};

	t.line = pair_at(HEIR_FD_LINE);
	t.shepherd = pair_at(HEIR_FD_SHEPHERD);
	t.s = s;
	clock_fake_init(&t.clock, NS_PER_S, 0);
	CHECK_INT(loop_open(&s->loop, LOOP_BEST, &t.clock.clock), 0);
	log_init(&s->log, &clock_real, "role", "super");
	s->log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	s->role = &role;
	s->notify.fd = -1;
	s->log_dir = -1;
	s->lock_fd = s->run_lock_fd = s->log.fd;
	upgrade_init(s, &(struct super_begin){.argv = argv, .heir = true});
	t.quiet = s->ctl.door.src = (struct source){.cls = &quiet_class, .fd = dup(s->log.fd)};
	upmsg_send(t.line, &(struct upmsg){.type = UPMSG_GO}, NULL, 0);
	CHECK_INT(upgrade_prepared(s, &w), 0);
	for (size_t i = 0; i < 2; i++) {
		kid_init(s, &s->kids[i], &children[i]);
		s->kids[i].part = KID_SERVES;
	}
	s->nkids = s->nserve = 2;
	chan_open(&t.keeper);
	s->kids[1].src = (struct source){.cls = &quiet_class, .fd = t.keeper.super_words};
	CHECK_INT(loop_add(s->loop, &s->kids[1].src), 0);
	s->kids[1].orders = t.keeper.super_orders;
	s->kids[1].state = KID_UP;
}

static inline void begin(void)
{
	begin_candidate();
	t.s->announced = true;
	say(UPMSG_ELDERS, 0, 0, "", -1); /* it is in charge */
	turns();
	upgrade_begin(t.s, NULL);
	CHECK_INT(t.s->up.step, UPGRADE_NONE); /* the line to the one before is open: there is one for the next as soon as it is not */
	close(t.line);
	turns();
	CHECK(t.s->up.crowned);
	CHECK_INT(said(t.shepherd), UPMSG_LINK);
	CHECK_INT(said(t.shepherd), 0);
}

static inline void finish(void)
{
	struct super *s = t.s;

	loop_close(&s->up.line);
	loop_free(s->loop);
	ctl_free(&s->ctl);
	for (const int *fd = (const int[]){t.shepherd, s->log.fd, t.quiet.fd, t.keeper.super_orders,
	     t.keeper.child_orders, t.keeper.child_words, -1}; *fd >= 0; fd++)
		close(*fd);
	free(s);
}

#endif
