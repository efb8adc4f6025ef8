/* caline_kit: a ca-sign that does what a test says, over a real pair of sockets and a clock of its own. */
#ifndef ZT_CALINE_KIT_H
#define ZT_CALINE_KIT_H

#include <sys/socket.h>
#include <unistd.h>

#include "serve/caline.h"
#include "tests/unit/unit.h"

struct kit {
	struct clock_fake clock;
	struct loop *loop;
	struct bounds bounds;
	struct log log;
	struct caline *line;
	int sign;         /* ca-sign's end; -1: none */
	unsigned news;
	uint8_t mem[CASIGN_MAX];
};

static inline void kit_news(void *ctx)
{
	((struct kit *)ctx)->news++;
}

static inline void kit_open(struct kit *k)
{
	struct caline_opts o = {.bounds = &k->bounds, .log = &k->log, .news = kit_news, .ctx = k};

	memset(k, 0, sizeof *k);
	k->sign = -1;
	clock_fake_init(&k->clock, 1000 * NS_PER_S, 1800000000000);
	bounds_init(&k->bounds);
	log_init(&k->log, &k->clock.clock, "ca", "front");
	k->log.fd = -1;
	CHECK_INT(loop_open(&k->loop, LOOP_BEST, &k->clock.clock), 0);
	o.loop = k->loop;
	CHECK_INT(caline_new(&k->line, &o), 0);
}

static inline void kit_close(struct kit *k)
{
	caline_free(k->line);
	loop_free(k->loop);
	if (k->sign >= 0)
		close(k->sign);
	CHECK_INT(k->bounds.row[BOUND_CA_ASKS].used, 0);
}

static inline void kit_turns(struct kit *k)
{
	for (unsigned i = 0; i < 12; i++)
		CHECK_INT(loop_turn(k->loop, 0), 0);
}

static inline void kit_die(struct kit *k)
{
	close(k->sign);
	k->sign = -1;
}

static inline void kit_link(struct kit *k)
{
	int fd[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	if (k->sign >= 0)
		close(k->sign);
	k->sign = fd[1];
	caline_link(k->line, fd[0]);
}

/* The next question, as ca-sign reads it; false: none is there. */
static inline bool kit_asked(struct kit *k, struct casign *m)
{
	ssize_t n;

	kit_turns(k);
	n = recv(k->sign, k->mem, sizeof k->mem, MSG_DONTWAIT);
	if (n <= 0)
		return false;
	CHECK_INT(casign_read(span_of(k->mem, (size_t)n), 'f', m), n);
	return true;
}

static inline void kit_say(struct kit *k, const struct casign *m)
{
	static uint8_t mem[CASIGN_MAX];
	struct wr w = wr_of(mem, sizeof mem);

	casign_write(&w, m);
	CHECK(!w.full);
	CHECK_INT(send(k->sign, mem, w.n, MSG_DONTWAIT | MSG_NOSIGNAL), w.n);
	kit_turns(k);
}

static inline void kit_ok(struct kit *k)
{
	kit_say(k, &(struct casign){.type = CA_OK});
}

static inline void kit_no(struct kit *k, enum zt_err code, const char *text)
{
	struct casign m = {.type = CA_NO};
	uint8_t num[8];

	casign_put_num(&m, CAF_CODE, (uint64_t)code, num);
	casign_put(&m, CAF_TEXT, span_str(text));
	kit_say(k, &m);
}

#endif
