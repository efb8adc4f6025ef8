/* upgrade: see upgrade.h. The side that gives its place away, step by step, until it is taken (elder.c goes on then) or
 * the successor is refused. heir.c takes; what is handed over is offer.c's. */
#include "upgrade.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "chan.h"
#include "elder.h"
#include "offer.h"
#include "super_int.h"

#define SILENCE (10 * NS_PER_S)     /* of a successor, at any step */
#define ALONE_WITHIN (5 * NS_PER_S) /* a child that must be alone has so long to finish */
#define TRIAL NS_PER_S              /* a successor that dies within this was never one */
#define LAST_WORD NS_PER_S          /* its line has ended: how, the shepherd says at once */
#define SPAWN_WITHIN (2 * NS_PER_S)

bool upgrade_is_first(const struct super *s)
{
	return !s->up.begin.heir;
}

bool upgrade_runs(const struct super *s)
{
	return s->up.step != UPGRADE_NONE;
}

void upgrade_later(struct super *s, uint64_t ns)
{
	if (!loop_timer(s->loop, &s->up.timer, ns))
		super_stop(s, EXIT_ZT_FAILED);
}

int upgrade_tell_shepherd(enum upmsg_type type, uint64_t n)
{
	return upmsg_send(HEIR_FD_SHEPHERD, &(struct upmsg){.type = type, .n = n, .text = SPAN_LIT(ZT_VERSION)}, NULL, 0);
}

/* ---- how it ends ------------------------------------------------------------------------- */

void upgrade_answer(struct super *s, enum zt_exit code, const char *sentence, const char *why)
{
	struct ctl_client *asker = s->up.asker;

	s->up.asker = NULL;
	if (asker)
		ctl_reply(asker, code, sentence, span_str(why));
}

/* What was ended is started again; what yielded since the trial began finishes what it has, beside another one. */
static void go_on(struct super *s, bool tried)
{
	const size_t n = s->nkids; /* more may come, at the end */

	for (size_t i = 0; i < n; i++) {
		struct kid *k = &s->kids[i];
		bool rested = k->rests && k->part == KID_SERVES;

		k->rests = false;
		if (rested && k->state == KID_DOWN)
			kid_start_soon(k); /* it and the successor may have ended in one turn */
		else if (rested && tried && k->state == KID_LEAVING && k->introduced)
			heirs_stand_in(k);
		else if (rested)
			kid_replace(k);
	}
	ctl_rest(&s->ctl, false);
}

static void refuse(struct super *s, enum zt_exit code, const char *why)
{
	bool tried = s->up.step == UPGRADE_TRIAL;
	bool fault = code != EXIT_ZT_LOCKED || s->up.step != UPGRADE_ASKED; /* of a successor that is an address in use */

	LOG(&s->log, fault ? LOG_ERROR : LOG_WARN, "upgrade refused, the running program goes on", LF_STR("reason", why));
	if (upgrade_is_first(s))
		shepherd_drop(&s->up.sh);
	else
		upgrade_tell_shepherd(UPMSG_DROP, 0);
	loop_close(&s->up.line);
	loop_timer_stop(s->loop, &s->up.timer);
	s->up.step = UPGRADE_NONE;
	if (!s->stopping) {
		go_on(s, tried);
		notify_send(&s->notify, "READY=1");
	}
	upgrade_answer(s, code, "upgrade refused, the running program goes on", why);
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
		upgrade_later(s, SILENCE);
		return;
	}
	if (k->rests)
		return;
	k->rests = true;
	upgrade_later(s, ALONE_WITHIN);
	kid_drain(k);
}

void upgrade_kid_gone(struct super *s)
{
	if (s->up.step == UPGRADE_ALONE && !loop_closed(&s->up.line)) /* for one that has gone nobody ends */
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
	upgrade_later(s, TRIAL);
}

static void on_step(struct super *s, const struct upmsg *m)
{
	(void)m;
	if (s->up.step == UPGRADE_GONE)
		upgrade_later(s, SILENCE);
}

static void on_refused(struct super *s, const struct upmsg *m)
{
	char text[UPMSG_BYTES + 1];

	if (s->up.step == UPGRADE_TRIAL)
		return; /* how it ended is said then */
	span_to_cstr(m->text, text, sizeof text);
	refuse(s, m->n && m->n <= EXIT_ZT_TOKEN ? (enum zt_exit)m->n : EXIT_ZT_FAILED, text);
}

static void on_time(struct timer *t, uint64_t now)
{
	struct super *s = CONTAINER_OF(t, struct super, up.timer);
	const bool hung_up = loop_closed(&s->up.line);
	static const char ended[] = "the new program ended before it served";
	struct kid *k;

	(void)now;
	switch (s->up.step) {
	case UPGRADE_NONE:
		if (s->up.again)
			upgrade_begin(s, NULL);
		return;
	case UPGRADE_ASKED:
		refuse(s, EXIT_ZT_FAILED, "the first process of the role does not answer");
		return;
	case UPGRADE_OFFERED:
	case UPGRADE_GONE:
		refuse(s, EXIT_ZT_FAILED, hung_up ? ended : s->up.step == UPGRADE_OFFERED ? "the new program said nothing for 10 s" :
		       "the new program did not get ready within 10 s");
		return;
	case UPGRADE_ALONE:
		if (hung_up)
			refuse(s, EXIT_ZT_FAILED, ended);
		else if ((k = next_alone(s)) != NULL)
			kid_kill(k);
		return;
	case UPGRADE_TRIAL:
		if (hung_up) /* how it ended nobody has said yet: that may take the shepherd its time */
			refuse(s, EXIT_ZT_FAILED, "the new program said that it serves, and ended");
		else
			elder_begin(s);
		return;
	case UPGRADE_OVER:
		elder_counts(s);
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
		upgrade_later(s, LAST_WORD);
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

static const struct source_class heir_class = {"successor", loop_wants_in, heir_ready, NULL};

/* ---- the beginning ------------------------------------------------------------------------ */

/* fd: the line to a successor, which is started. */
static void begin_with(struct super *s, int fd)
{
	int rc;

	ZT_ASSERT(s->up.line.listed == 0);
	s->up.line = (struct source){.cls = &heir_class, .fd = fd};
	rc = loop_add(s->loop, &s->up.line);
	if (rc < 0)
		close(fd);
	else
		rc = offer_send(s);
	if (rc == 0 || rc == -ZT_E_CLOSED) { /* it has gone already: why is on the line */
		s->up.step = UPGRADE_OFFERED;
		upgrade_later(s, SILENCE);
	} else {
		refuse(s, EXIT_ZT_FAILED, "what is open cannot be handed over");
	}
}

/* One before it that has not ended yet is no fault: asked again, it may be started. */
static void not_started(struct super *s, uint64_t err, const char *why)
{
	refuse(s, err == ZT_E_AGAIN ? EXIT_ZT_LOCKED : EXIT_ZT_FAILED, why);
}

/* Answers come in the order of the questions: only the one that leaves none open is about the upgrade that runs now. */
void upgrade_spawned(struct super *s, const struct upmsg *m, int fd)
{
	char why[256];

	s->up.spawns -= s->up.spawns > 0;
	if (s->up.spawns || s->up.step != UPGRADE_ASKED) {
		if (fd >= 0)
			close(fd); /* it was dropped when its upgrade was given up */
		return;
	}
	if (fd >= 0) {
		s->up.heir = (pid_t)m->pid;
		begin_with(s, fd);
		return;
	}
	if (span_to_cstr(m->text, why, sizeof why) < 0 || why[0] == 0)
		snprintf(why, sizeof why, "the first process of the role cannot start one");
	not_started(s, m->n, why);
}

/* The shepherd answers at once, it does nothing else; meanwhile others may have said something on the same line. */
static void start_heir(struct super *s)
{
	struct why w = {0};
	int fd;

	s->up.heir = 0;
	s->up.step = UPGRADE_ASKED;
	if (!upgrade_is_first(s)) {
		s->up.spawns += upgrade_tell_shepherd(UPMSG_SPAWN, 0) == 0; /* else nobody will answer */
		upgrade_later(s, SPAWN_WITHIN);
		return;
	}
	s->up.sh.loop = s->loop;
	fd = shepherd_spawn(&s->up.sh, getpid(), &s->up.heir, &w);
	if (fd < 0)
		not_started(s, (uint64_t)-fd, w.text);
	else
		begin_with(s, fd);
}

/* NULL: it may begin. */
static const char *not_now(const struct super *s)
{
	if (s->up.begin.argv == NULL)
		return "this process cannot be upgraded: restart it";
	if (s->stopping)
		return "stopping";
	/* The line may be that to the one before us, or one that is closed, until the turn is over. */
	if (upgrade_runs(s) || s->up.line.listed || (s->up.begin.heir && !s->up.crowned))
		return "an upgrade is running already";
	return renew_runs(s) ? "a reload is running; try again" : s->announced ? NULL : "the role is still starting; try again";
}

void upgrade_begin(struct super *s, struct ctl_client *asker)
{
	const char *no = not_now(s);

	s->up.again = false;
	if (no && asker) {
		ctl_reply(asker, EXIT_ZT_LOCKED, no, SPAN_NONE);
	} else if (no && renew_runs(s)) { /* nobody waits who could ask again */
		s->up.again = true;
		upgrade_later(s, NS_PER_S / 4);
	} else if (no) {
		LOG(&s->log, LOG_WARN, "no upgrade", LF_STR("why", no));
	}
	if (no)
		return;
	LOG(&s->log, LOG_INFO, "upgrading", LF_STR("program", s->up.exe));
	s->up.asker = asker;
	renew_say(s);
	start_heir(s);
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

	s->up = (struct upgrade){.timer.fire = on_time, .log_pipe = {-1, -1}};
	random_bytes(s->up.instance, sizeof s->up.instance);
	if (begin)
		s->up.begin = *begin;
	s->up.shepherd = getppid();
	elder_init(s);
	for (int fd = HEIR_FD_LINE; s->up.begin.heir && fd <= HEIR_FD_SHEPHERD; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (shepherd_find_exe(s->up.exe, sizeof s->up.exe, &w) < 0)
		s->up.begin.argv = NULL;
}
