/*
 * words: what a child says to its supervisor. Each handler answers 0, or an error when nobody asked for that word or
 * it makes no sense: then the child is not ours any more and is ended. Words that were on their way when it was told
 * to leave are in order. Owns the channel's end, from the moment a child is there until it is over; never decides what
 * becomes of one that has died: kid.c.
 */
#include <signal.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/num.h"
#include "net.h"
#include "super_int.h"

#define REASON_ROOM 1024 /* a child's struct why, with every quote escaped */

static int heard_ready(struct kid *k, const struct ipc_msg *m)
{
	if (k->introduced || m->epoch != k->epoch || jailrep_read(m->payload, &k->jail) < 0)
		return -ZT_E_SYNTAX;
	k->introduced = true;
	if (k->state == KID_STARTING)
		kid_is_up(k);
	return 0;
}

/* Its reason goes to a terminal, perhaps root's. */
static struct span readable(struct span said, uint8_t mem[static REASON_ROOM])
{
	struct wr w = wr_of(mem, REASON_ROOM);

	jsonw_escape(&w, said, REASON_ROOM);
	return wr_span(&w);
}

static int cannot_start(struct kid *k, struct span reason)
{
	struct super *s = k->super;

	k->introduced = true;
	if (k->state != KID_STARTING)
		return 0;
	if (k->part == KID_HEIR) { /* nobody knows the next configuration better */
		renew_answer(k, false, reason);
		return 0;
	}
	LOG(&s->log, LOG_ERROR, "child cannot start", LF_STR("child", k->what->proc), LF_SPAN("reason", reason));
	if (!s->announced) { /* the very first start: tell the operator and end */
		why_set(s->why, ZT_E_CLOSED, "child %s cannot start: %.*s", k->what->proc, SPAN_ARG(reason));
		k->refused = true;
		/* One with certificates and keys is refused for what is in them. */
		super_stop(s, k->what->anew ? EXIT_ZT_CONFIG : EXIT_ZT_FAILED);
	}
	return 0;
}

/* Answers come in the order of the offers, so only the one that leaves none open is about the
 * renewal that runs now, if any does. */
static int heard_answer(struct kid *k, const struct ipc_msg *m)
{
	uint8_t mem[REASON_ROOM], more[2 * REASON_ROOM];
	struct wr w = wr_of(more, sizeof more);
	struct span reason = bundles_blame(k, readable(m->payload, mem), &w);

	if (m->type == IPC_REFUSED && !k->introduced)
		return cannot_start(k, reason);
	if (k->offers == 0)
		return -ZT_E_SYNTAX;
	k->offers--;
	if (k->offers || k->super->next == NULL || !k->offered)
		return 0;
	if (m->epoch != k->super->epoch + 1)
		return -ZT_E_SYNTAX;
	renew_answer(k, m->type == IPC_PREPARED, reason);
	return 0;
}

static int heard_committed(struct kid *k, const struct ipc_msg *m)
{
	(void)m;
	if (!k->committing)
		return -ZT_E_SYNTAX;
	k->committing = false;
	renew_finish(k->super);
	return 0;
}

static int heard_counters(struct kid *k, const struct ipc_msg *m)
{
	if (!k->asked)
		return -ZT_E_SYNTAX;
	k->asked = false;
	return report_kid_answered(k, m->payload);
}

static int heard_settled(struct kid *k, const struct ipc_msg *m)
{
	(void)m;
	if (!k->what->settles || k->settled || !k->introduced)
		return -ZT_E_SYNTAX;
	k->settled = true;
	super_announce(k->super);
	return 0;
}

static int heard_drained(struct kid *k, const struct ipc_msg *m)
{
	(void)m;
	if (!k->told_to_drain)
		return -ZT_E_SYNTAX;
	k->told_to_drain = false; /* once */
	return 0;
}

/* What it may reach this way is in the configuration, which it can name and not change. One whose epoch is over by now
 * is told so: the number might mean another socket. */
static int heard_dial(struct kid *k, const struct ipc_msg *m)
{
	struct rd r = rd_of(m->payload);
	uint32_t id = rd_le32(&r);
	uint16_t rule = rd_le16(&r), origin = rd_le16(&r);
	uint8_t mem[8];
	struct wr w = wr_of(mem, sizeof mem);
	const char *path;
	int fd = -ZT_E_CANCELLED;

	if (r.bad || rd_left(&r) || k->what->socket == NULL || !k->introduced)
		return -ZT_E_SYNTAX;
	if (m->epoch == k->super->epoch) {
		path = k->what->socket(k->super->conf, rule, origin);
		fd = path[0] ? net_connect_file(path) : -ZT_E_DENIED;
	}
	wr_le32(&w, id);
	wr_u8(&w, (uint8_t)(fd < 0 ? -fd : 0));
	kid_tell_all(k, &(struct ipc_msg){.type = IPC_DIALLED, .epoch = m->epoch, .payload = wr_span(&w)}, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
	return 0;
}

static const struct {
	enum ipc_type type;
	int (*handle)(struct kid *k, const struct ipc_msg *m);
} words[] = {
	{IPC_READY, heard_ready},       {IPC_PREPARED, heard_answer}, {IPC_REFUSED, heard_answer},
	{IPC_COUNTERS, heard_counters}, {IPC_DRAINED, heard_drained}, {IPC_DIAL, heard_dial},
	{IPC_SETTLED, heard_settled},   {IPC_COMMITTED, heard_committed},
};

static int heard(struct kid *k, const struct ipc_msg *m)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].type == m->type)
			return words[i].handle(k, m);
	return -ZT_E_UNKNOWN;
}

void words_close(struct kid *k)
{
	if (loop_closed(&k->src))
		return;
	loop_close(&k->src);
	close(k->orders);
	k->orders = -1;
}

static void words_ready(struct source *src, unsigned events)
{
	struct kid *k = CONTAINER_OF(src, struct kid, src);
	struct chan_msg m;
	int rc;

	(void)events;
	rc = chan_hear(src->fd, &m);
	if (rc > 0)
		rc = heard(k, &m.ipc);
	if (rc >= 0)
		return;
	/* Its end is closed, or it says what it must not: either way it is over. */
	if (rc != -ZT_E_CLOSED)
		LOG(&k->super->log, LOG_ERROR, "child sent nonsense, ending it", LF_STR("child", k->what->proc),
		    LF_STR("word", ipc_name(m.ipc.type)), LF_ERR("error", (enum zt_err)-rc));
	words_close(k);
	if (k->state != KID_DOWN)
		kill(k->pid, SIGKILL);
}

static const struct source_class words_class = {"child channel", loop_wants_in, words_ready, NULL};

int words_listen(struct kid *k, int fd)
{
	ZT_ASSERT(k->src.listed == 0); /* of one that has just ended it is on the loop's list until the turn is over */
	k->src = (struct source){.cls = &words_class, .fd = fd};
	return loop_add(k->super->loop, &k->src);
}

/* Signals are looked at before words, and its reason may be waiting in the pipe. */
void words_last(struct kid *k)
{
	struct chan_msg m;

	if (!k->introduced && !loop_closed(&k->src) && chan_hear(k->src.fd, &m) > 0 && m.ipc.type == IPC_REFUSED)
		heard(k, &m.ipc);
}
