/* upgrade: see upgrade.h. The side that gives its place away, and the first process's part as shepherd; heir.c
 * takes. */
#include "upgrade.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "chan.h"
#include "super_int.h"

#define SILENCE (10 * NS_PER_S)     /* of a successor, at any step */
#define ALONE_WITHIN (5 * NS_PER_S) /* a child that must be alone has so long to finish */
#define TRIAL NS_PER_S              /* a successor that dies within this was never one */
#define LAST_WORD NS_PER_S          /* its line has ended: how, the shepherd says at once */
#define COUNT_EVERY NS_PER_S
#define SPAWN_WITHIN_MS 2000

static bool is_first(const struct super *s)
{
	return !s->up.begin.heir;
}

bool upgrade_runs(const struct super *s)
{
	return s->up.step != UPGRADE_NONE;
}

static void later(struct super *s, uint64_t ns)
{
	if (!loop_timer(s->loop, &s->up.timer, ns))
		super_stop(s, EXIT_ZT_FAILED);
}

static void tell_shepherd(enum upmsg_type type, uint64_t n)
{
	upmsg_send(HEIR_FD_SHEPHERD, &(struct upmsg){.type = type, .n = n, .text = SPAN_LIT(ZT_VERSION)}, NULL, 0);
}

/* ---- how it ends ------------------------------------------------------------------------- */

static void answer(struct super *s, enum zt_exit code, const char *sentence, const char *why)
{
	struct ctl_client *asker = s->up.asker;

	s->up.asker = NULL;
	if (asker)
		ctl_reply(asker, code, sentence, span_str(why));
}

/* What was ended, or drains since the trial began, is started again. */
static void go_on(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *k = &s->kids[i];
		bool rested = k->rests;

		k->rests = false;
		if (rested && k->part == KID_SERVES && k->state == KID_DOWN)
			kid_start(k);
		else if (rested && k->part == KID_SERVES)
			kid_replace(k);
	}
	ctl_rest(&s->ctl, false);
}

static void refuse(struct super *s, enum zt_exit code, const char *why)
{
	LOG(&s->log, LOG_ERROR, "upgrade refused, the running program goes on", LF_STR("reason", why));
	if (is_first(s))
		shepherd_drop(&s->up.sh);
	else
		tell_shepherd(UPMSG_DROP, 0);
	loop_close(&s->up.line);
	loop_timer_stop(s->loop, &s->up.timer);
	s->up.step = UPGRADE_NONE;
	if (!s->stopping) {
		go_on(s);
		notify_send(&s->notify, "READY=1");
	}
	answer(s, code, "upgrade refused, the running program goes on", why);
	if (s->up.reload && !s->stopping)
		renew_begin(s, NULL);
	s->up.reload = false;
}

void upgrade_stop(struct super *s)
{
	if (upgrade_runs(s) && s->up.step != UPGRADE_OVER)
		refuse(s, EXIT_ZT_FAILED, "the role is stopping");
}

void upgrade_asker_gone(struct super *s, struct ctl_client *who)
{
	if (s->up.asker == who)
		s->up.asker = NULL;
}

/* ---- steps ------------------------------------------------------------------------------- */

/* In their order, the log last: one that asks another one leaves before it. NULL: all have left. */
static struct kid *next_alone(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *k = &s->kids[(i + (s->log_dir >= 0)) % s->nkids];

		if (!k->what->alone || k->part != KID_SERVES)
			continue;
		if (k->state == KID_DOWN)
			loop_timer_stop(s->loop, &k->timer);
		else
			return k;
		k->rests = true;
	}
	return NULL;
}

static void end_next(struct super *s)
{
	struct kid *k = next_alone(s);

	if (k == NULL) {
		s->up.step = UPGRADE_GONE;
		upmsg_send(s->up.line.fd, &(struct upmsg){.type = UPMSG_GO}, NULL, 0);
		later(s, SILENCE);
		return;
	}
	if (k->rests)
		return;
	k->rests = true;
	later(s, ALONE_WITHIN);
	kid_drain(k);
}

void upgrade_kid_gone(struct super *s)
{
	if (s->up.step == UPGRADE_ALONE)
		end_next(s);
}

static void on_prepared(struct super *s, const struct upmsg *m)
{
	if (s->up.step != UPGRADE_OFFERED)
		return;
	if (span_text(m->text, 0) != m->text.n || span_to_cstr(m->text, s->up.version, sizeof s->up.version) < 0)
		s->up.version[0] = 0;
	s->up.step = UPGRADE_ALONE;
	ctl_rest(&s->ctl, true); /* who asks now waits for whoever serves then */
	end_next(s);
}

static void on_ready(struct super *s, const struct upmsg *m)
{
	(void)m;
	if (s->up.step != UPGRADE_GONE)
		return;
	s->up.step = UPGRADE_TRIAL;
	for (size_t i = 0; i < s->nkids; i++) {
		s->kids[i].rests = s->kids[i].part == KID_SERVES;
		kid_yield(&s->kids[i]);
	}
	later(s, TRIAL);
}

static void on_step(struct super *s, const struct upmsg *m)
{
	(void)m;
	if (s->up.step == UPGRADE_GONE)
		later(s, SILENCE);
}

static void on_refused(struct super *s, const struct upmsg *m)
{
	char text[UPMSG_BYTES + 1];

	if (s->up.step == UPGRADE_TRIAL)
		return; /* how it ended is said then */
	span_to_cstr(m->text, text, sizeof text);
	refuse(s, m->n && m->n <= EXIT_ZT_TOKEN ? (enum zt_exit)m->n : EXIT_ZT_FAILED, text);
}

/* It lets go of all that its successor has too. */
static void let_go(struct super *s)
{
	const struct listeners none = {.n = 0};
	int *const fds[] = {&s->lock_fd, &s->run_lock_fd, &s->log_pipe[0]};

	super_close_rest(&s->open, &none);
	listener_close(&s->ctl.door);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static void crown(struct super *s)
{
	char said[96];

	s->up.step = UPGRADE_OVER;
	s->stopping = true;
	s->code = EXIT_ZT_OK;
	LOG(&s->log, LOG_INFO, "upgraded: another process serves now, and this one finishes what it began",
	    LF_STR("version", s->up.version), LF_I64("pid", s->up.heir), LF_U64("linger_ms", s->conf->limits.linger_ms));
	snprintf(said, sizeof said, "upgraded: zt %s serves, process %ld", s->up.version, (long)s->up.heir);
	loop_close(&s->up.line);
	let_go(s);
	loop_timer_stop(s->loop, &s->watchdog);
	answer(s, EXIT_ZT_OK, said, "");
	if (is_first(s)) {
		s->up.sh.own = true;
		shepherd_crown(&s->up.sh, getpid());
	} else {
		tell_shepherd(UPMSG_CROWN, 0);
		s->notify.relay = 0;
	}
	if (!loop_timer(s->loop, &s->stop_late, s->conf->limits.linger_ms * NS_PER_MS))
		super_stop(s, EXIT_ZT_FAILED);
	later(s, COUNT_EVERY);
	super_finish(s);
}

/* ---- while it drains --------------------------------------------------------------------- */

static uint64_t live_in(const struct kid *k)
{
	struct rd r = rd_of(span_of(k->counters, k->counters_n));
	struct ipc_counter c;

	while (ipc_read_counter(&r, &c) > 0)
		if (span_eq_str(c.whole, "live"))
			return c.value;
	return 0;
}

void upgrade_count(struct super *s)
{
	uint64_t n = 0;

	if (s->up.step != UPGRADE_OVER)
		return;
	for (size_t i = 0; i < s->nkids; i++)
		n += s->kids[i].state != KID_DOWN ? live_in(&s->kids[i]) : 0;
	if (is_first(s))
		shepherd_live(&s->up.sh, true, n);
	else
		tell_shepherd(UPMSG_LIVE, n);
}

static void ask_all(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *k = &s->kids[i];

		if (k->state == KID_LEAVING && k->introduced && !k->asked)
			k->asked = kid_tell(k, IPC_ASK, s->epoch, NULL, 0) == 0;
	}
	upgrade_count(s);
}

static void on_time(struct timer *t, uint64_t now)
{
	struct super *s = CONTAINER_OF(t, struct super, up.timer);
	struct kid *k;

	(void)now;
	switch (s->up.step) {
	case UPGRADE_NONE:
		if (s->up.again)
			upgrade_begin(s, NULL);
		return;
	case UPGRADE_OFFERED:
	case UPGRADE_GONE:
		refuse(s, EXIT_ZT_FAILED, loop_closed(&s->up.line) ? "the new program ended before it served" :
		       s->up.step == UPGRADE_OFFERED ? "the new program said nothing for 10 s" :
		       "the new program did not get ready within 10 s");
		return;
	case UPGRADE_ALONE:
		k = next_alone(s);
		if (k)
			kid_kill(k);
		return;
	case UPGRADE_TRIAL:
		crown(s);
		return;
	case UPGRADE_OVER:
		ask_all(s);
		later(s, COUNT_EVERY);
		return;
	}
}

/* ---- the line to the successor ------------------------------------------------------------ */

static const struct {
	enum upmsg_type type;
	void (*handle)(struct super *s, const struct upmsg *m);
} from_heir[] = {
	{UPMSG_PREPARED, on_prepared}, {UPMSG_STEP, on_step}, {UPMSG_READY, on_ready}, {UPMSG_REFUSED, on_refused},
};

static unsigned line_wants(const struct source *src)
{
	(void)src;
	return LOOP_IN;
}

/* As upmsg_hear(), and does what it says. */
static int hear_heir(struct super *s)
{
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct upmsg m;
	size_t nfds;

	rc = upmsg_hear(s->up.line.fd, mem, &m, fds, &nfds);
	upmsg_drop(fds, nfds);
	for (size_t i = 0; rc > 0 && i < ARRAY_LEN(from_heir); i++)
		if (from_heir[i].type == m.type) {
			from_heir[i].handle(s, &m);
			return rc;
		}
	if (rc == -ZT_E_VERSION)
		refuse(s, EXIT_ZT_FAILED, "the new program does not hand over as this one does: restart zt instead");
	return rc;
}

static void heir_ready(struct source *src, unsigned events)
{
	struct super *s = CONTAINER_OF(src, struct super, up.line);

	(void)events;
	if (hear_heir(s) >= 0 || loop_closed(src))
		return;
	loop_close(src);
	if (s->up.step != UPGRADE_TRIAL)
		later(s, LAST_WORD);
}

/* It has ended. What it said before counts; without that, what is known of its end. */
void upgrade_heir_ended(struct super *s, int status)
{
	char how[120], why[320];

	while (!loop_closed(&s->up.line) && hear_heir(s) > 0)
		continue;
	if (s->up.step == UPGRADE_NONE || s->up.step == UPGRADE_OVER)
		return;
	jail_death_text(status, how, sizeof how);
	snprintf(why, sizeof why, "the new program %s: %s", s->up.step == UPGRADE_OFFERED ?
		 "ended before it had read its configuration (is it a zt that has this role?)" :
		 s->up.step == UPGRADE_TRIAL ? "said that it serves, and ended" : "ended before it served", how);
	refuse(s, EXIT_ZT_FAILED, why);
}

static const struct source_class heir_class = {"successor", line_wants, heir_ready, NULL};

/* ---- the beginning ------------------------------------------------------------------------ */

#define OFFERED (CHAN_FDS - UPGRADE_FDS - 2) /* sockets of one packet, whose text is below 2 KiB */

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

static int send_offer(struct super *s)
{
	int fds[CHAN_FDS] = {s->lock_fd, s->run_lock_fd, s->ctl.door.src.fd};
	char text[UPMSG_BYTES - UPMSG_HEADER], hex[2 * UPGRADE_INSTANCE + 1] = "";
	struct wr w = wr_of(text, sizeof text);
	size_t n = UPGRADE_FDS;

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

/* The shepherd answers at once: it does nothing else. */
static int ask_shepherd(struct super *s, struct why *w)
{
	struct pollfd p = {.fd = s->up.watch.fd, .events = POLLIN};
	uint8_t mem[UPMSG_BYTES];
	int fds[CHAN_FDS], rc;
	struct upmsg m;
	size_t nfds;

	tell_shepherd(UPMSG_SPAWN, 0);
	while (poll(&p, 1, SPAWN_WITHIN_MS) > 0) {
		rc = upmsg_hear(p.fd, mem, &m, fds, &nfds);
		if (rc < 0)
			break;
		if (rc && m.type == UPMSG_SPAWNED && m.n == 0 && nfds == 1) {
			s->up.heir = (pid_t)m.pid;
			return fds[0];
		}
		upmsg_drop(fds, nfds);
		if (rc && m.type == UPMSG_SPAWNED)
			return why_set(w, ZT_E_AGAIN, "%.*s", SPAN_ARG(m.text));
		if (rc && m.type == UPMSG_ELDERS)
			upgrade_elders(s, &m);
	}
	return why_set(w, ZT_E_TIMEOUT, "the first process of the role does not answer");
}

static int start_heir(struct super *s, struct why *w)
{
	int fd, rc;

	s->up.sh.loop = s->loop;
	fd = is_first(s) ? shepherd_spawn(&s->up.sh, getpid(), &s->up.heir, w) : ask_shepherd(s, w);
	if (fd < 0)
		return fd;
	s->up.line = (struct source){.cls = &heir_class, .fd = fd};
	rc = loop_add(s->loop, &s->up.line);
	if (rc < 0)
		close(fd);
	else
		rc = send_offer(s);
	if (rc == 0 || rc == -ZT_E_CLOSED) /* it has gone already: why is on the line */
		return 0;
	return why_set(w, (enum zt_err)-rc, "what is open cannot be handed over");
}

/* NULL: it may begin. */
static const char *not_now(const struct super *s)
{
	if (s->up.begin.argv == NULL)
		return "this process cannot be upgraded: restart it";
	if (s->stopping)
		return "stopping";
	if (upgrade_runs(s) || (s->up.begin.heir && !s->up.crowned))
		return "an upgrade is running already";
	return s->next ? "a reload is running; try again" : s->announced ? NULL : "the role is still starting; try again";
}

void upgrade_begin(struct super *s, struct ctl_client *asker)
{
	const char *no = not_now(s);
	struct why w = {0};

	s->up.again = false;
	if (no && asker) {
		ctl_reply(asker, EXIT_ZT_LOCKED, no, SPAN_NONE);
	} else if (no && s->next) { /* nobody waits who could ask again */
		s->up.again = true;
		later(s, NS_PER_S / 4);
	} else if (no) {
		LOG(&s->log, LOG_WARN, "no upgrade", LF_STR("why", no));
	}
	if (no)
		return;
	LOG(&s->log, LOG_INFO, "upgrading", LF_STR("program", s->up.exe));
	s->up.asker = asker;
	s->up.step = UPGRADE_OFFERED;
	renew_say(s);
	later(s, SILENCE);
	if (start_heir(s, &w) < 0)
		refuse(s, EXIT_ZT_FAILED, w.text);
}

/* ---- the shepherd's part of the first process ----------------------------------------------- */

static void on_lost(struct shepherd *sh, int wait_status)
{
	struct super *s = CONTAINER_OF(sh, struct super, up.sh);

	upgrade_heir_ended(s, wait_status);
}

/* The one in charge has ended: so does the role, with its code; at once if it crashed. */
static void on_over(struct shepherd *sh, int wait_status)
{
	struct super *s = CONTAINER_OF(sh, struct super, up.sh);

	s->code = WIFEXITED(wait_status) ? (enum zt_exit)WEXITSTATUS(wait_status) : EXIT_ZT_FAILED;
	if (!s->up.ends)
		shepherd_signal(sh, SIGTERM);
	s->up.ends = true;
	super_linger_over(s);
	if (!WIFEXITED(wait_status))
		loop_stop(s->loop);
}

static void on_crowded(struct shepherd *sh)
{
	struct super *s = CONTAINER_OF(sh, struct super, up.sh);

	for (size_t i = 0; i < s->nkids; i++)
		kid_kill(&s->kids[i]);
}

static void on_linked(struct shepherd *sh)
{
	links_to_heir(CONTAINER_OF(sh, struct super, up.sh));
}

void upgrade_link(struct super *s, uint64_t link, int fd)
{
	if (is_first(s))
		shepherd_link(&s->up.sh, FLOCK_CROWNED, link, &fd);
	else
		upmsg_send(HEIR_FD_SHEPHERD, &(struct upmsg){.type = UPMSG_LINK, .n = link}, &fd, 1);
}

bool upgrade_reaped(struct super *s, pid_t pid, int wait_status)
{
	if (!is_first(s) || !shepherd_reaped(&s->up.sh, pid, wait_status))
		return false;
	if (s->stopping)
		super_finish(s);
	return true;
}

bool upgrade_signal(struct super *s, int signo)
{
	bool end = signo == SIGTERM || signo == SIGINT;

	if (!is_first(s) || s->up.step != UPGRADE_OVER)
		return false;
	s->up.ends |= end;
	shepherd_signal(&s->up.sh, signo);
	return !end;
}

bool upgrade_waits(struct super *s)
{
	struct shepherd *sh = &s->up.sh;

	return s->up.step == UPGRADE_TRIAL ||
	       (s->up.ends && (shepherd_has(sh, FLOCK_CROWNED) || shepherd_has(sh, FLOCK_ELDER)));
}

void upgrade_end(struct super *s)
{
	struct shepherd *sh = &s->up.sh;

	if (!is_first(s) || s->up.ends || !shepherd_has(sh, FLOCK_CROWNED))
		return;
	shepherd_become(sh, s->exe_fd);
	s->code = EXIT_ZT_FAILED; /* without it the others end, and whoever watches starts the role again */
}

const char *upgrade_life(const struct super *s, char out[static SPAWN_LIFE])
{
	char hex[2 * UPGRADE_INSTANCE + 1] = "";

	ct_hex_encode(s->up.instance, UPGRADE_INSTANCE, hex);
	snprintf(out, SPAWN_LIFE, "%s%s", hex, s->up.begin.heir && !s->announced ? "+" : "");
	return out;
}

/* ---- the whole ------------------------------------------------------------------------------ */

void upgrade_init(struct super *s, const struct super_begin *begin)
{
	struct why w = {0};

	s->up = (struct upgrade){.timer.fire = on_time, .log_pipe = {-1, -1},
				 .sh = {.notify = &s->notify, .exe = s->up.exe, .lost = on_lost, .over = on_over, .crowded = on_crowded,
					.linked = on_linked}};
	random_bytes(s->up.instance, sizeof s->up.instance);
	if (begin)
		s->up.begin = *begin;
	s->up.sh.argv = s->up.begin.argv;
	for (int fd = HEIR_FD_LINE; s->up.begin.heir && fd <= HEIR_FD_SHEPHERD; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (shepherd_find_exe(s->up.exe, sizeof s->up.exe, &w) < 0)
		s->up.begin.argv = NULL;
}
