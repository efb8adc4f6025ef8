/* heir: the side of upgrade.h that takes a place over: what it says to the one before and hears from it and from the
 * shepherd. What it is handed is offer.c's. */
#include <poll.h>

#include "base/num.h"
#include "chan.h"
#include "super_int.h"

#define PATIENCE_MS 60000 /* children that must be alone may be several, and slow */

void upgrade_refuse(const struct super *s, enum zt_exit code, const char *text)
{
	if (s && (!s->up.begin.heir || s->announced || s->up.gone))
		return;
	upmsg_send(HEIR_FD_LINE, &(struct upmsg){.type = UPMSG_REFUSED, .n = code, .text = span_sub(span_str(text), 0,
		   UPMSG_BYTES - UPMSG_HEADER)}, NULL, 0);
}

int heir_hears(uint8_t mem[static UPMSG_BYTES], struct upmsg *m, int fds[static CHAN_FDS], size_t *nfds, struct why *w)
{
	struct pollfd p = {.fd = HEIR_FD_LINE, .events = POLLIN};
	int rc = poll(&p, 1, PATIENCE_MS) == 1 ? upmsg_hear(HEIR_FD_LINE, mem, m, fds, nfds) : -ZT_E_TIMEOUT;

	if (rc == -ZT_E_VERSION)
		return why_set(w, ZT_E_FULL, "the running zt hands over in a way that this one (%s) does not know: restart it instead",
			       ZT_VERSION);
	return rc == 1 ? 0 : why_set(w, ZT_E_CLOSED, "the running zt said nothing more");
}

static void before_ready(struct source *src, unsigned events)
{
	struct super *s = CONTAINER_OF(src, struct super, up.line);

	(void)events;
	s->up.gone = true;
	loop_close(src); /* it says nothing any more: it has gone, or will, with us or without */
	if (!s->announced) {
		LOG0(&s->log, LOG_ERROR, "the one before has taken it back");
		super_stop(s, EXIT_ZT_FAILED);
	}
}

bool upgrade_in_charge(const struct super *s)
{
	return !s->up.begin.heir || s->up.crowned;
}

void upgrade_elders(struct super *s, const struct upmsg *m)
{
	bool first = !s->up.crowned;

	s->up.crowned = true; /* nobody else is told */
	if (span_to_cstr(m->text, s->up.elders, sizeof s->up.elders) < 0)
		s->up.elders[0] = 0;
	if (!first)
		return;
	super_say_ready(s);
	links_want(s, NULL);
}

static void shepherd_ready(struct source *src, unsigned events)
{
	struct super *s = CONTAINER_OF(src, struct super, up.watch);
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct upmsg m;
	size_t nfds;

	(void)events;
	rc = upmsg_hear(src->fd, mem, &m, fds, &nfds);
	if (rc > 0 && m.type == UPMSG_LINK && nfds == 1)
		links_from_elder(s, m.n, fds[0]);
	else if (rc > 0 && m.type == UPMSG_LINK && nfds == 0 && s->up.step == UPGRADE_OVER)
		links_to_heir(s);
	if (rc > 0 && m.type == UPMSG_SPAWNED) {
		bool good = m.n == 0 && nfds == 1;

		upmsg_drop(fds, good ? 0 : nfds);
		upgrade_spawned(s, &m, good ? fds[0] : -1);
		return;
	}
	upmsg_drop(fds, nfds);
	if (rc == -ZT_E_CLOSED) { /* nobody outlives it; the signal for that is not sent to who has a file's capabilities */
		s->code = EXIT_ZT_FAILED;
		loop_stop(s->loop);
	}
	if (rc > 0 && m.type == UPMSG_ELDERS)
		upgrade_elders(s, &m);
	if (rc > 0 && m.type == UPMSG_ENDED && (pid_t)m.pid == s->up.heir)
		upgrade_heir_ended(s, (int)m.n);
}

static const struct source_class before_class = {"the one before", loop_wants_in, before_ready, NULL};
static const struct source_class watch_class = {"shepherd", loop_wants_in, shepherd_ready, NULL};

int upgrade_prepared(struct super *s, struct why *w)
{
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct upmsg m = {.type = UPMSG_PREPARED, .text = SPAN_LIT(ZT_VERSION)};
	size_t nfds = 0;

	upmsg_send(HEIR_FD_LINE, &m, NULL, 0);
	rc = heir_hears(mem, &m, fds, &nfds, w);
	if (rc < 0)
		return rc;
	upmsg_drop(fds, nfds);
	if (m.type != UPMSG_GO)
		return why_set(w, ZT_E_SYNTAX, "the running zt said something unexpected");
	s->up.line = (struct source){.cls = &before_class, .fd = HEIR_FD_LINE};
	s->up.watch = (struct source){.cls = &watch_class, .fd = HEIR_FD_SHEPHERD};
	rc = loop_add(s->loop, &s->up.line);
	if (rc == 0)
		rc = loop_add(s->loop, &s->up.watch);
	return rc < 0 ? why_set(w, (enum zt_err)-rc, "cannot watch the line to the running zt") : 0;
}

void upgrade_stepped(struct super *s)
{
	if (s->up.begin.heir && !s->announced)
		upmsg_send(HEIR_FD_LINE, &(struct upmsg){.type = UPMSG_STEP}, NULL, 0);
}

void upgrade_announced(struct super *s)
{
	if (!s->up.begin.heir)
		return;
	/* Where we do not listen nobody does from now on. Should we fail now, whoever goes on listens there again. */
	super_end_rest(&s->before, &s->open);
	upmsg_send(HEIR_FD_LINE, &(struct upmsg){.type = UPMSG_READY}, NULL, 0);
}
