/*
 * sign_line: the lines of those who ask ca-sign. It owns their buffers and deadlines, moves whole messages
 * and hands each to the issuer; it understands no field. One message at a time on each line: the next is
 * read when the answer has left. Nobody on a line can hold up another one for longer than one answer takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "sign.h"

#define TURN 4                        /* messages of one line a turn: then the others are heard */
#define HALF_DEADLINE (10 * NS_PER_S) /* for the rest of a message, or to take an answer */
#define IDLE_DEADLINE (600 * NS_PER_S) /* of a command between two messages: somebody may be typing */

struct sign_line {
	struct source src;
	struct sign *s;
	struct sign_line *next;
	struct timer deadline;
	char from;                /* 'f' the network side, 'c' a command */
	bool gone, end;           /* end: when the answer has left */
	bool news;                /* the network side is to be told */
	int fd;                   /* came along with the message; -1: none */
	size_t have, len, sent;   /* of in; of out, 0: no answer is due */
	uint8_t in[CASIGN_MAX], out[CASIGN_MAX];
};

/* ---- the end of a line -------------------------------------------------------------------------- */

static void drop_fd(struct sign_line *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void line_close(struct sign_line *l, const char *why)
{
	if (l->gone)
		return;
	l->gone = true;
	LOG(&l->s->child.log, LOG_DEBUG, "a line ended", LF_STR("of", l->from == 'f' ? "front" : "command"), LF_STR("why", why));
	loop_timer_stop(l->src.loop, &l->deadline);
	loop_close(&l->src);
}

static void line_reap(struct source *src)
{
	struct sign_line *l = CONTAINER_OF(src, struct sign_line, src), **at = &l->s->lines;
	struct sign *s = l->s;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	drop_fd(l);
	if (l->from == 'c')
		bounds_give(&s->child.bounds, BOUND_CA_ADMINS, 1);
	wipe(l->out, l->len); /* a token's secret perhaps */
	free(l);
	sign_leave_if_drained(s);
}

static void line_late(struct timer *t, uint64_t now)
{
	struct sign_line *l = CONTAINER_OF(t, struct sign_line, deadline);

	(void)now;
	if (l->from == 'c' || l->len || l->have) {
		l->s->broken += l->from == 'f';
		line_close(l, "too slow");
	}
}

/* The network side may be silent for as long as it likes, but not in the middle of something. */
static void set_deadline(struct sign_line *l)
{
	bool half = l->len || l->have;

	if (l->from == 'f' && !half)
		loop_timer_stop(l->src.loop, &l->deadline);
	else if (!loop_timer(l->src.loop, &l->deadline, half ? HALF_DEADLINE : IDLE_DEADLINE))
		line_close(l, "out of memory");
}

/* ---- bytes: recvmsg and sendmsg only, the jail has no recv and send ------------------------------ */

static bool would_wait(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

union control {
	struct cmsghdr head;
	char room[CMSG_LEN(sizeof(int))]; /* CMSG_SPACE() has room for two: the second would stay open */
};

/* The one descriptor that a message may bring. */
static void take_fd(struct sign_line *l, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return;
	drop_fd(l);
	__builtin_memcpy(&l->fd, CMSG_DATA(c), sizeof l->fd);
}

/* What is there, at most want bytes. No room for descriptors of the network side: the kernel drops them. */
static ssize_t get(struct sign_line *l, size_t want, bool *cut)
{
	union control control;
	struct iovec iov = {&l->in[l->have], want};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (l->from == 'c') {
		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
	}
	n = recvmsg(l->src.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n >= 0)
		take_fd(l, &m);
	*cut = n >= 0 && (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	return n;
}

static ssize_t put(int fd, struct span s)
{
	struct iovec iov = {(void *)(uintptr_t)s.p, s.n};
	const struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Answers whether nothing waits to be sent any more. */
static bool flush(struct sign_line *l)
{
	while (l->sent < l->len) {
		ssize_t n = put(l->src.fd, span_of(&l->out[l->sent], l->len - l->sent));

		if (n < 0) {
			if (!would_wait())
				line_close(l, "nobody takes the answer");
			return false;
		}
		l->sent += (size_t)n;
	}
	wipe(l->out, l->len);
	l->len = l->sent = 0;
	if (l->end)
		line_close(l, "done");
	return !l->gone;
}

/* ---- messages ------------------------------------------------------------------------------------ */

static size_t write_no(uint8_t out[static CASIGN_MAX], int rc, const struct why *w)
{
	struct casign no = {.type = CA_NO};
	struct wr wr = wr_of(out, CASIGN_MAX);
	uint8_t code[8];

	casign_put_num(&no, CAF_CODE, (uint64_t)-rc, code);
	casign_put(&no, CAF_TEXT, span_str(w->err && w->text[0] ? w->text : err_text((enum zt_err)-rc)));
	casign_write(&wr, &no);
	return wr.full ? 0 : wr.n;
}

/* A writer that failed may have the record on the disk or not: only a new start knows, by reading it. */
static void end_if_dead(struct sign_line *l, int rc)
{
	if (rc != -ZT_E_DEAD)
		return;
	LOG0(&l->s->child.log, LOG_ERROR, "the registry cannot be written any more: starting again");
	flush(l);
	loop_stop(l->s->child.loop);
}

static void answer(struct sign_line *l, const struct casign *in)
{
	struct sign *s = l->s;
	const struct issuer_ask q = {.from = l->from, .in = in, .fd = l->fd, .mem = &s->scratch};
	struct casign out = {.type = CA_OK};
	struct wr wr = wr_of(l->out, sizeof l->out);
	struct why w = {0};
	int rc;

	arena_init(&s->scratch, ISSUER_MEM);
	rc = issuer_answer(s->issuer, &q, &out, &w);
	if (rc == 0) {
		out.type = CA_OK;
		casign_write(&wr, &out);
		if (wr.full)
			rc = why_set(&w, ZT_E_BUG, "the answer to %s is none", casign_name(in->type));
	}
	l->len = rc < 0 ? write_no(l->out, rc, &w) : wr.n;
	l->sent = 0;
	arena_free(&s->scratch);
	s->asked++;
	s->refused += rc < 0;
	drop_fd(l);
	end_if_dead(l, rc);
}

/* Bytes that the message begun needs at least. A packet comes whole. */
static size_t wanted(const struct sign_line *l)
{
	struct rd r = rd_of(span_of(l->in, l->have));

	if (l->from == 'f')
		return sizeof l->in;
	if (l->have < CASIGN_HEADER)
		return CASIGN_HEADER - l->have;
	rd_le32(&r); /* type, zero */
	return CASIGN_HEADER + rd_le32(&r) - l->have; /* casign_read() has bounded it */
}

static void broken(struct sign_line *l, const char *why)
{
	l->s->broken++;
	LOG(&l->s->child.log, LOG_ERROR, "a line says what nobody may say on it: ended",
	    LF_STR("of", l->from == 'f' ? "front" : "command"), LF_STR("why", why));
	line_close(l, why);
}

/* false: nothing more is there, or the line is over. */
static bool hear(struct sign_line *l)
{
	struct casign m;
	bool cut;
	ssize_t n = get(l, wanted(l), &cut);
	int rc;

	if (n < 0 && would_wait())
		return false;
	if (n <= 0) {
		line_close(l, l->have ? "ended in the middle of a message" : "closed");
		return false;
	}
	l->have += (size_t)n;
	rc = cut ? -ZT_E_TOOLONG : casign_read(span_of(l->in, l->have), l->from, &m);
	if (rc < 0 || (l->from == 'f' && (size_t)rc != l->have)) {
		broken(l, rc < 0 ? err_text((enum zt_err)-rc) : "not one message in a packet");
		return false;
	}
	if (rc == ZT_MORE)
		return true;
	answer(l, &m);
	wipe(l->in, l->have); /* proofs and requests are nobody's business later */
	l->have = 0;
	return true;
}

/* To the network side, between two answers. */
static bool tell_news(struct sign_line *l)
{
	const struct casign m = {.type = CA_NEWS};
	struct wr w = wr_of(l->out, sizeof l->out);

	if (!l->news || l->len)
		return true;
	l->news = false;
	casign_write(&w, &m);
	l->len = w.n;
	return flush(l);
}

static void spread_news(struct sign *s)
{
	if (!issuer_news(s->issuer))
		return;
	for (struct sign_line *l = s->lines; l; l = l->next)
		if (l->from == 'f' && !l->gone) {
			l->news = true;
			loop_again(&l->src);
		}
}

static unsigned line_wants(const struct source *src)
{
	const struct sign_line *l = CONTAINER_OF(src, const struct sign_line, src);

	return l->len ? LOOP_OUT : LOOP_IN;
}

static void line_ready(struct source *src, unsigned events)
{
	struct sign_line *l = CONTAINER_OF(src, struct sign_line, src);

	(void)events;
	for (size_t i = 0; i < TURN && !l->gone && flush(l) && tell_news(l) && hear(l); i++)
		continue;
	if (!l->gone)
		flush(l);
	spread_news(l->s);
	if (!l->gone)
		set_deadline(l);
}

static const struct source_class line_class = {"asker", line_wants, line_ready, line_reap};

/* ---- their beginning ------------------------------------------------------------------------------- */

/* One more command than there may be: told so, in the place of its first answer. */
static void refuse(int fd)
{
	static const struct why w = {.err = ZT_E_AGAIN, .text = "too many commands at once; try again"};
	uint8_t out[CASIGN_MAX];
	ssize_t n = put(fd, span_of(out, write_no(out, -ZT_E_AGAIN, &w)));

	(void)n; /* it does not read, or it does: the line ends */
	close(fd);
}

static struct sign_line *line_make(struct sign *s, char from, int fd)
{
	struct sign_line *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->src = (struct source){.cls = &line_class, .fd = fd};
	l->s = s;
	l->from = from;
	l->fd = -1;
	l->deadline.fire = line_late;
	if (loop_add(s->child.loop, &l->src) < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void sign_line_new(struct sign *s, unsigned number, int fd)
{
	char from = number == CHILD_ADMIN ? 'c' : 'f';
	struct sign_line *l;

	for (l = s->lines; l && from == 'f'; l = l->next)
		if (l->from == 'f')
			line_close(l, "the network side was started again");
	if (from == 'c' && !bounds_take(&s->child.bounds, BOUND_CA_ADMINS, 1)) {
		refuse(fd);
		return;
	}
	l = s->child.draining ? NULL : line_make(s, from, fd);
	if (l == NULL) {
		if (from == 'c')
			bounds_give(&s->child.bounds, BOUND_CA_ADMINS, 1);
		close(fd);
		return;
	}
	l->next = s->lines;
	s->lines = l;
	set_deadline(l);
}

void sign_lines_drain(struct sign *s)
{
	for (struct sign_line *l = s->lines; l; l = l->next) {
		l->end = l->from == 'c';
		if (l->end && l->len == 0)
			line_close(l, "stopping");
	}
}

void sign_lines_close(struct sign *s)
{
	for (struct sign_line *l = s->lines; l; l = l->next)
		line_close(l, "the end");
}
