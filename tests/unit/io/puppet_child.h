/*
 * puppet_child: what a puppet does, the child of puppet.h.
 *
 * What it does by itself: READY at start, PREPARED to an offer, COUNTERS to a question,
 * DRAINED and exit when told to drain. "mute 1" stops these answers, but for COUNTERS. COMMITTED when told to serve
 * another epoch, unless "hold 1".
 *
 * It keeps the line to another child that it was given last, and the one before: "line TEXT" and
 * "old TEXT" send over them and answer what came back; "drop" closes the older. "given?" is the
 * number of descriptors that came with the last order. "dial EPOCH RULE N" asks for a socket file, N times;
 * "dialled?" is the answer that came last: id, error and descriptors. The socket is its line from then on.
 */
#ifndef ZT_TEST_PUPPET_CHILD_H
#define ZT_TEST_PUPPET_CHILD_H

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "io/chan.h"
#include "io/ctl.h"
#include "io/spawn.h"
#include "io/super.h"
#include "wire/jailrep.h"

#define PUPPET_PORT 4711
#define PATIENCE_MS 20000 /* a hang guard; nothing below waits for time to pass */

struct puppet {
	char index;  /* '0', '1': the last letter of its kind */
	bool mute, hold, deaf; /* deaf: does not read its channel */
	bool stuff;      /* answers with as many counters as fit */
	uint32_t epoch;
	size_t given;       /* descriptors with the last order */
	int line, old_line; /* to another child; -1: none */
	char text[64], dialled[32], orders[512]; /* what it was told, questions apart: "16:2 18:2 " */
};

static int puppet_door(const struct puppet *p)
{
	return CHILD_FD_FIRST + p->index - '0';
}

static void puppet_say(enum ipc_type type, uint32_t epoch, struct span payload)
{
	const struct ipc_msg m = {.type = type, .epoch = epoch, .payload = payload};

	chan_say(CHILD_FD_WORDS, &m);
}

static void puppet_ready(uint32_t epoch)
{
	uint8_t mem[JAILREP_MAX];
	struct wr w = wr_of(mem, sizeof mem);

	jailrep_write(&w, &(struct jail_report){.profile = JAIL_WORKER});
	puppet_say(IPC_READY, epoch, wr_span(&w));
}

static void puppet_counters(const struct puppet *p, uint32_t epoch)
{
	uint8_t mem[IPC_PAYLOAD];
	struct wr w = wr_of(mem, sizeof mem);

	for (int i = 0; p->stuff && i < 800; i++) { /* 10 bytes each */
		char name[2] = {(char)('a' + i % 26), 0};

		ipc_write_counter(&w, name, UINT64_MAX);
	}
	puppet_say(IPC_COUNTERS, epoch, wr_span(&w));
}

static void puppet_line_is(struct puppet *p, struct chan_msg *m)
{
	close(p->old_line);
	p->old_line = p->line;
	p->line = m->fds[0];
	m->nfds = 0;
}

static void puppet_order(struct puppet *p)
{
	struct chan_msg m;
	size_t n = strlen(p->orders);
	int rc = chan_take_order(CHILD_FD_ORDERS, &m);

	if (rc < 0)
		_exit(0);
	if (rc == 0)
		return;
	p->given = m.nfds;
	if (m.ipc.type == IPC_LINK && m.nfds == 1) {
		puppet_line_is(p, &m);
	}
	if (m.ipc.type == IPC_DIALLED) {
		struct rd r = rd_of(m.ipc.payload);
		uint32_t id = rd_le32(&r);

		snprintf(p->dialled, sizeof p->dialled, "%u:%u:%zu", (unsigned)id, (unsigned)rd_u8(&r), m.nfds);
		if (m.nfds == 1)
			puppet_line_is(p, &m);
	}
	chan_close_fds(&m);
	if (m.ipc.type == IPC_ASK)
		puppet_counters(p, m.ipc.epoch);
	else
		snprintf(p->orders + n, sizeof p->orders - n, "%d:%u ", (int)m.ipc.type, (unsigned)m.ipc.epoch);
	if (m.ipc.type == IPC_COMMIT && !p->hold)
		puppet_say(IPC_COMMITTED, m.ipc.epoch, SPAN_NONE);
	if (p->mute)
		return;
	if (m.ipc.type == IPC_PREPARE)
		puppet_say(IPC_PREPARED, m.ipc.epoch, SPAN_NONE);
	if (m.ipc.type == IPC_DRAIN) {
		puppet_say(IPC_DRAINED, m.ipc.epoch, SPAN_NONE);
		_exit(0);
	}
}

static void puppet_raw(size_t n)
{
	static char bytes[16384];

	if (write(CHILD_FD_WORDS, bytes, n) < 0)
		_exit(4);
}

/* Tries to hand a descriptor up, on whichever channel; "sent" if one took it. */
static const char *puppet_hand_up(int fd)
{
	static const int ways[] = {CHILD_FD_ORDERS, CHILD_FD_WORDS};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct msghdr msg = {.msg_control = control.room, .msg_controllen = sizeof control.room};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (sendmsg(ways[i], &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return "sent";
	return "refused";
}

/* A connection whose close() waits for a peer that never reads. */
static int puppet_linger(unsigned port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)},
				       .sin_port = htons((uint16_t)port)};
	const struct linger wait = {1, 600};
	static char bytes[65536];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
		_exit(4);
	while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		continue;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &wait, sizeof wait);
	return fd;
}

/* A command of the test: its name, up to two numbers, the rest of the line. Each answers what
 * goes back to the test. */
struct puppet_line {
	unsigned a, b;
	struct span word; /* the first behind the name */
	struct span rest;
};

static const char *do_send(struct puppet *p, const struct puppet_line *l)
{
	(void)p;
	puppet_say((enum ipc_type)l->a, l->b, l->rest);
	return "ok";
}

/* READY again, with a jail report as good as the first. */
static const char *do_ready(struct puppet *p, const struct puppet_line *l)
{
	(void)p;
	puppet_ready(l->a);
	return "ok";
}

static const char *do_raw(struct puppet *p, const struct puppet_line *l)
{
	(void)p;
	puppet_raw(l->a);
	return "ok";
}

static const char *do_hand(struct puppet *p, const struct puppet_line *l)
{
	(void)p;
	return puppet_hand_up(puppet_linger(l->a));
}

static const char *do_flood(struct puppet *p, const struct puppet_line *l)
{
	(void)p;
	for (unsigned i = 0; i < l->a; i++)
		puppet_say(IPC_COUNTERS, 0, SPAN_NONE);
	return "ok";
}

static const char *do_dial(struct puppet *p, const struct puppet_line *l)
{
	uint64_t n = 0;
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);

	(void)p;
	wr_le32(&w, 7);
	wr_le16(&w, (uint16_t)l->b);
	wr_le16(&w, 0);
	span_u64(l->rest, UINT32_MAX, &n);
	while (n-- > 0)
		puppet_say(IPC_DIAL, l->a, wr_span(&w));
	return "ok";
}

static const char *do_dialled(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	return p->dialled;
}

static const char *do_mute(struct puppet *p, const struct puppet_line *l)
{
	p->mute = l->a != 0;
	return "ok";
}

static const char *do_hold(struct puppet *p, const struct puppet_line *l)
{
	p->hold = l->a != 0;
	return "ok";
}

static const char *do_deaf(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	p->deaf = true;
	return "ok";
}

static const char *do_close(struct puppet *p, const struct puppet_line *l)
{
	close(CHILD_FD_WORDS);
	close(CHILD_FD_ORDERS);
	return do_deaf(p, l);
}

static const char *do_shut(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	shutdown(puppet_door(p), SHUT_RDWR);
	return "ok";
}

static const char *do_block(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	fcntl(puppet_door(p), F_SETFL, 0);
	return "ok";
}

static const char *do_nonblock(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	return fcntl(puppet_door(p), F_GETFL) & O_NONBLOCK ? "yes" : "no";
}

static const char *do_epoch(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	snprintf(p->text, sizeof p->text, "%u", (unsigned)p->epoch);
	return p->text;
}

static const char *do_given(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	snprintf(p->text, sizeof p->text, "%zu", p->given);
	return p->text;
}

static const char *do_orders(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	return p->orders;
}

static const char *over_line(struct puppet *p, int fd, const struct puppet_line *l)
{
	struct pollfd in = {.fd = fd, .events = POLLIN};
	ssize_t n = send(fd, l->word.p, l->word.n, MSG_NOSIGNAL);

	if (n >= 0 && poll(&in, 1, PATIENCE_MS) == 1)
		n = recv(fd, p->text, sizeof p->text - 1, 0);
	p->text[n > 0 ? n : 0] = 0;
	return n > 0 ? p->text : "nobody";
}

static const char *do_line(struct puppet *p, const struct puppet_line *l)
{
	return over_line(p, p->line, l);
}

static const char *do_old(struct puppet *p, const struct puppet_line *l)
{
	return over_line(p, p->old_line, l);
}

static const char *do_drop(struct puppet *p, const struct puppet_line *l)
{
	(void)l;
	close(p->old_line);
	p->old_line = -1;
	return "ok";
}

static const char *do_exit(struct puppet *p, const struct puppet_line *l)
{
	(void)p;
	(void)l;
	_exit(3);
}

static const char *puppet_obey(struct puppet *p, struct span line)
{
	static const struct {
		const char *name;
		const char *(*obey)(struct puppet *p, const struct puppet_line *l);
	} commands[] = {
		{"send", do_send}, {"ready", do_ready}, {"raw", do_raw}, {"hand", do_hand}, {"flood", do_flood}, {"mute", do_mute}, {"hold", do_hold},
		{"deaf", do_deaf}, {"close", do_close}, {"shut", do_shut}, {"block", do_block}, {"exit", do_exit},
		{"dial", do_dial}, {"dialled?", do_dialled}, {"line", do_line}, {"old", do_old}, {"drop", do_drop}, {"nonblock?", do_nonblock}, {"epoch?", do_epoch}, {"orders?", do_orders}, {"given?", do_given},
	};
	struct span part[3] = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
	uint64_t n[2] = {0, 0};

	for (size_t i = 0; i < 3; i++)
		if (!span_cut(line, ' ', &part[i], &line))
			line = SPAN_NONE;
	for (size_t i = 0; i < 2; i++)
		span_u64(part[i + 1], UINT32_MAX, &n[i]);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (span_eq_str(part[0], commands[i].name))
			return commands[i].obey(p, &(struct puppet_line){(unsigned)n[0], (unsigned)n[1], part[1], line});
	return "no such command";
}

static void puppet_command(struct puppet *p)
{
	int fd = accept4(puppet_door(p), NULL, NULL, SOCK_CLOEXEC);
	char line[256];
	const char *answer;
	ssize_t n = fd < 0 ? 0 : recv(fd, line, sizeof line, 0);

	if (n > 0) {
		answer = puppet_obey(p, span_of(line, (size_t)n));
		send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	}
	if (fd >= 0)
		close(fd);
}

static _Noreturn void puppet_run(const char *kind, uint32_t epoch)
{
	struct puppet p = {.index = kind[strlen(kind) - 1], .epoch = epoch, .line = -1, .old_line = -1};

	if (strncmp(kind, "refuser", 7) == 0) {
		puppet_say(IPC_REFUSED, epoch, SPAN_LIT("no \033[31mred\033[0m lamp"));
		_exit(1);
	}
	if (strncmp(kind, "hasty", 5) == 0)
		do_dial(&p, &(struct puppet_line){.a = epoch, .rest = SPAN_LIT("1")});
	if (strncmp(kind, "silent", 6) != 0)
		puppet_ready(epoch);
	p.stuff = strncmp(kind, "stuffer", 7) == 0;
	for (;;) {
		struct pollfd in[] = {{.fd = p.deaf ? -1 : CHILD_FD_ORDERS, .events = POLLIN},
				      {.fd = puppet_door(&p), .events = POLLIN}};

		poll(in, 2, -1);
		if (in[0].revents)
			puppet_order(&p);
		if (in[1].revents)
			puppet_command(&p);
	}
}

/* "zt --child KIND EPOCH": before main(), whose arguments musl does not hand to constructors. */
__attribute__((constructor)) static void puppet_if_child(void)
{
	char line[256] = "";
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
	struct span arg[4], rest = span_of(line, n > 0 ? (size_t)n : 0);
	char kind[64];
	uint64_t epoch = 0;

	close(fd);
	for (size_t i = 0; i < 4; i++)
		if (!span_cut(rest, 0, &arg[i], &rest))
			rest = SPAN_NONE;
	if (!span_eq_str(arg[1], "--child") || span_to_cstr(arg[2], kind, sizeof kind) < 0 || !kind[0])
		return;
	span_u64(arg[3], UINT32_MAX, &epoch);
#ifdef PUPPET_OTHER
	PUPPET_OTHER(kind, (uint32_t)epoch);
#endif
	puppet_run(kind, (uint32_t)epoch);
}

#endif
