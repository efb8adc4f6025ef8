/*
 * offer: what one supervisor hands to the next: locks, control socket, log, what is listened on, and lines of text about
 * them (docs/formats.md, "Upgrade"). Both ends, side by side. What is taken comes from the zt that runs, of another
 * release perhaps: lines that are not known are that one's business.
 */
#include "offer.h"

#include "base/ct.h"
#include "base/num.h"
#include "chan.h"
#include "super_int.h"

/* ---- given ------------------------------------------------------------------------------- */

#define OFFERED (CHAN_FDS - OFFER_FDS - 2) /* sockets of one packet, whose text is below 2 KiB */

/* Behind what is written already as many as go with it, the others in packets of their own. */
static int send_sockets(struct super *s, struct wr *w, int *fds, size_t n)
{
	char addr[ADDR_TEXT];
	size_t i = 0;
	int rc;

	do {
		for (size_t most = i + OFFERED; i < s->open.n && i < most; i++) {
			wr_fmt(w, "listen %s %u\n", addr_text(&s->open.l[i].at, addr), s->open.l[i].index);
			fds[n++] = s->open.l[i].fd;
		}
		rc = w->full ? -ZT_E_TOOLONG : upmsg_send(s->up.line.fd, &(struct upmsg){.type = UPMSG_OFFER, .n = s->open.n - i,
							   .text = wr_span(w)}, fds, n);
		w->n = n = 0;
	} while (rc == 0 && i < s->open.n);
	return rc;
}

int offer_send(struct super *s)
{
	int fds[CHAN_FDS] = {s->lock_fd, s->run_lock_fd, s->ctl.door.src.fd};
	char text[UPMSG_BYTES - UPMSG_HEADER], hex[2 * UPGRADE_INSTANCE + 1] = "";
	struct wr w = wr_of(text, sizeof text);
	size_t n = OFFER_FDS;

	wr_fmt(&w, "role %s\nversion %s\nstate %s\ncontrol %s\nepoch %u\ninstance ",
	       s->role->name, ZT_VERSION, s->place.state, s->place.sock,
	       (unsigned)s->epoch);
	ct_hex_encode(s->up.instance, UPGRADE_INSTANCE, hex);
	wr_fmt(&w, "%s\n", hex);
	if (s->log_dir >= 0) {
		wr_str(&w, "log pipe\n");
		fds[n++] = s->log_pipe[0];
		fds[n++] = s->log_pipe[1];
	}
	return send_sockets(s, &w, fds, n);
}

/* ---- taken ------------------------------------------------------------------------------- */

struct offer {
	struct listeners *open;
	const int *fds;
	size_t n, at;
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

int offer_take(struct super *s, struct listeners *offered, int *control, struct why *w)
{
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct offer o = {.open = offered, .fds = fds, .at = OFFER_FDS};
	struct span key, value;
	struct upmsg m = {.n = 0};

	rc = heir_hears(mem, &m, fds, &o.n, w);
	if (rc < 0)
		return rc;
	if (m.type != UPMSG_OFFER || o.n < OFFER_FDS)
		return why_set(w, ZT_E_SYNTAX, "nothing was handed over");
	s->lock_fd = fds[0];
	s->run_lock_fd = fds[1];
	*control = fds[2];
	for (;;) {
		uint64_t left = m.n;

		while (rc == 0 && upmsg_line(&m.text, &key, &value))
			rc = take_line(s, &o, key, value, w);
		upmsg_drop(&fds[o.at], o.n - o.at); /* a later version's */
		if (rc < 0 || left == 0)
			return rc;
		rc = heir_hears(mem, &m, fds, &o.n, w);
		o.at = 0;
		if (rc == 0 && (m.type != UPMSG_OFFER || m.n >= left))
			rc = why_set(w, ZT_E_SYNTAX, "what is listened on was not handed over as it should");
		if (rc < 0)
			return rc;
	}
}
