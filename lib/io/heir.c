/* heir: the side of upgrade.h that takes a place over. What it is handed comes from the zt that runs, of another release
 * perhaps: lines that it does not know are that one's business. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ct.h"
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

/* The next message from the one before, waited for. */
static int wait_for(int ms, uint8_t mem[static UPMSG_BYTES], struct upmsg *m, int fds[static CHAN_FDS], size_t *nfds,
		    struct why *w)
{
	struct pollfd p = {.fd = HEIR_FD_LINE, .events = POLLIN};
	int rc = poll(&p, 1, ms) == 1 ? upmsg_hear(HEIR_FD_LINE, mem, m, fds, nfds) : -ZT_E_TIMEOUT;

	if (rc == -ZT_E_VERSION)
		return why_set(w, ZT_E_FULL, "the running zt hands over in a way that this one (%s) does not know: restart it instead",
			       ZT_VERSION);
	return rc == 1 ? 0 : why_set(w, ZT_E_CLOSED, "the running zt said nothing more");
}

struct offer {
	const struct super *s;
	struct listeners *open;
	const int *fds;
	size_t n, at;
	bool log;
};

static int same_place(struct span value, const char *ours, const char *key, struct why *w)
{
	return span_eq_str(value, ours) ? 0 : why_set(w, ZT_E_CONFIG, "%s cannot change in an upgrade; restart zt for that", key);
}

static int take_listener(struct offer *o, struct span value, struct why *w)
{
	struct listening *l = &o->open->l[o->open->n];
	struct span addr, index;
	uint64_t n = 0;

	if (o->open->n == ARRAY_LEN(o->open->l) || o->at == o->n || !span_cut(value, ' ', &addr, &index) ||
	    addr_parse(addr, true, &l->at) < 0 || span_u64(index, CHILD_PEERS - 1, &n) < 0)
		return why_set(w, ZT_E_SYNTAX, "what is listened on was not handed over as it should");
	l->index = (unsigned)n;
	l->fd = o->fds[o->at++];
	o->open->n++;
	return 0;
}

static int take_instance(struct super *s, struct span value, struct why *w)
{
	if (value.n == 2 * sizeof s->up.instance && ct_hex_decode(value, s->up.instance) == 0)
		return 0;
	return why_set(w, ZT_E_SYNTAX, "the instance of the role was not handed over as it should");
}

static int take_line(struct super *s, struct offer *o, struct span key, struct span value, struct why *w)
{
	uint64_t epoch;

	if (span_eq_str(key, "role"))
		return same_place(value, s->role->name, "the role", w);
	if (span_eq_str(key, "state"))
		return same_place(value, s->place.state, "[state] dir", w);
	if (span_eq_str(key, "control"))
		return same_place(value, s->place.sock, "[state] run_dir", w);
	if (span_eq_str(key, "epoch")) { /* what was announced under one is not announced otherwise under the same */
		s->epoch = span_u64(value, UINT32_MAX - 1, &epoch) == 0 ? (uint32_t)epoch + 1 : s->epoch;
		return 0;
	}
	if (span_eq_str(key, "instance"))
		return take_instance(s, value, w);
	if (span_eq_str(key, "listen"))
		return take_listener(o, value, w);
	if (span_eq_str(key, "log") && o->n - o->at >= 2) {
		s->up.log_pipe[0] = o->fds[o->at++];
		s->up.log_pipe[1] = o->fds[o->at++];
		return s->conf->log.file[0] ? 0 :
			why_set(w, ZT_E_CONFIG, "[log] file cannot be taken away in an upgrade; restart zt for that");
	}
	return 0; /* a later version's */
}

int upgrade_take(struct super *s, struct listeners *offered, int *control, struct why *w)
{
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct offer o = {.open = offered, .fds = fds, .at = UPGRADE_FDS};
	struct span key, value;
	struct upmsg m = {.n = 0};

	rc = wait_for(PATIENCE_MS, mem, &m, fds, &o.n, w);
	if (rc < 0)
		return rc;
	if (m.type != UPMSG_OFFER || o.n < UPGRADE_FDS)
		return why_set(w, ZT_E_SYNTAX, "nothing was handed over");
	s->lock_fd = fds[0];
	s->run_lock_fd = fds[1];
	*control = fds[2];
	for (;;) {
		uint64_t left = m.n;

		while (rc == 0 && upmsg_line(&m.text, &key, &value))
			rc = take_line(s, &o, key, value, w);
		if (rc < 0 || left == 0)
			return rc;
		rc = wait_for(PATIENCE_MS, mem, &m, fds, &o.n, w);
		o.at = 0;
		if (rc == 0 && (m.type != UPMSG_OFFER || m.n >= left))
			rc = why_set(w, ZT_E_SYNTAX, "what is listened on was not handed over as it should");
		if (rc < 0)
			return rc;
	}
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

void upgrade_elders(struct super *s, const struct upmsg *m)
{
	bool first = !s->up.crowned;

	s->up.crowned = true; /* nobody else is told */
	if (span_to_cstr(m->text, s->up.elders, sizeof s->up.elders) < 0)
		s->up.elders[0] = 0;
	if (first)
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
	upmsg_drop(fds, nfds);
	if (rc < 0) {
		loop_close(src); /* we are about to be killed */
		return;
	}
	if (rc && m.type == UPMSG_ELDERS)
		upgrade_elders(s, &m);
	if (rc && m.type == UPMSG_ENDED && (pid_t)m.pid == s->up.heir)
		upgrade_heir_ended(s, (int)m.n);
}

static unsigned line_wants(const struct source *src)
{
	(void)src;
	return LOOP_IN;
}

static const struct source_class before_class = {"the one before", line_wants, before_ready, NULL};
static const struct source_class watch_class = {"shepherd", line_wants, shepherd_ready, NULL};

int upgrade_prepared(struct super *s, struct why *w)
{
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct upmsg m = {.type = UPMSG_PREPARED, .text = SPAN_LIT(ZT_VERSION)};
	size_t nfds = 0;

	upmsg_send(HEIR_FD_LINE, &m, NULL, 0);
	rc = wait_for(PATIENCE_MS, mem, &m, fds, &nfds, w);
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
