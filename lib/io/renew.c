/*
 * renew: the two-step reload. Begin: parse, bind what is new, offer the epoch to every child.
 * Each answers; when all would work, commit, else abort. Whatever happens, exactly one of
 * the two configurations is served by everybody, and the asker learns which and why: of the
 * new one when everybody has begun, so whoever comes behind the answer is served by it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "spawn.h"
#include "super_int.h"

#define RENEW_DEADLINE (5 * NS_PER_S) /* for an answer; one that has to be started may take its time for that too */
#define REASON_MAX 16384

/* sd_notify(3): a service of type notify-reload must say when, on the monotonic clock. */
void renew_say(const struct super *s)
{
	char text[64];

	if (!s->announced) /* not ready before, so not ready again after */
		return;
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(clock_mono(loop_clock(s->loop)) / 1000));
	notify_send(&s->notify, text);
}

static void tell_asker(struct super *s, enum zt_exit code, const char *sentence, struct span body)
{
	struct ctl_client *asker = s->renew_asker;

	s->renew_asker = NULL;
	if (asker)
		ctl_reply(asker, code, sentence, body);
	if (s->announced && !s->stopping)
		notify_send(&s->notify, "READY=1");
}

void renew_asker_gone(struct super *s, struct ctl_client *who)
{
	if (s->renew_asker == who)
		s->renew_asker = NULL;
}

bool renew_runs(const struct super *s)
{
	return s->next || s->renew_settles;
}

static void forget_next(struct super *s)
{
	s->next = NULL;
	for (size_t i = 0; i < s->nkids; i++)
		s->kids[i].offered = s->kids[i].prepared = false;
	loop_timer_stop(s->loop, &s->renew_timer);
}

static void end_renewal(struct super *s)
{
	forget_next(s);
	s->renew_settles = false;
	/* From a clean stack: what ended this one may be a loop over the children. */
	if (s->renew_again && !loop_timer(s->loop, &s->renew_timer, 0))
		LOG0(&s->log, LOG_ERROR, "out of memory: ask for the reload again");
	s->renew_again = false;
}

static void refuse(struct super *s, enum zt_exit code, const char *who, struct span reason)
{
	LOG(&s->log, LOG_ERROR, "reload refused, the old configuration goes on", LF_STR("by", who),
	    LF_SPAN("reason", reason));
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].part == KID_SERVES && s->kids[i].state == KID_UP && s->kids[i].offered)
			kid_tell(&s->kids[i], IPC_ABORT, s->epoch + 1, NULL, 0);
	heirs_drop(s);
	bundles_close(&s->next_files);
	super_close_rest(&s->next_open, &s->open);
	conf_free(s->next);
	end_renewal(s);
	tell_asker(s, code, "reload refused, the old configuration goes on", reason);
}

static void commit_kid(struct kid *k)
{
	uint32_t epoch = k->super->epoch;

	if (k->part != KID_SERVES || k->epoch == epoch)
		return;
	if (k->state == KID_STARTING)
		kid_replace(k); /* it was given the old text */
	if (k->state != KID_UP)
		return;
	k->epoch = epoch;
	k->committing = kid_tell(k, IPC_COMMIT, epoch, NULL, 0) == 0;
}

static void finish(struct super *s)
{
	end_renewal(s);
	super_log_settings(s);
	LOG(&s->log, LOG_INFO, "reloaded", LF_U64("epoch", s->epoch));
	tell_asker(s, EXIT_ZT_OK, "reloaded", SPAN_NONE);
}

static const struct kid *who_settles(const struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state == KID_UP && s->kids[i].committing)
			return &s->kids[i];
	return NULL;
}

void renew_finish(struct super *s)
{
	if (s->renew_settles && who_settles(s) == NULL)
		finish(s);
}

static void commit(struct super *s)
{
	s->epoch++;
	heirs_take_over(s);
	links_make(s); /* before the COMMIT, which a line of the new epoch waits for */
	for (size_t i = 0; i < s->nkids; i++)
		commit_kid(&s->kids[i]);
	heirs_drain_elders(s);
	bundles_close(&s->files);
	s->files = s->next_files;
	bundles_none(&s->next_files);
	super_end_rest(&s->open, &s->next_open);
	s->open = s->next_open;
	conf_free(s->conf);
	s->conf = s->next;
	forget_next(s);
	s->renew_settles = true;
	if (loop_timer(s->loop, &s->renew_timer, RENEW_DEADLINE))
		renew_finish(s);
	else
		finish(s);
}

static bool is_waited_for(const struct kid *k)
{
	return k->offered && !(k->state == KID_UP && k->prepared);
}

static void commit_if_all(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (is_waited_for(&s->kids[i]))
			return;
	commit(s);
}

void renew_answer(struct kid *k, bool would_work, struct span reason)
{
	if (!would_work) {
		refuse(k->super, EXIT_ZT_CONFIG, k->what->proc, reason);
		return;
	}
	k->prepared = true;
	commit_if_all(k->super);
}

void renew_kid_gone(struct kid *k)
{
	if (k->super->next && k->offered)
		refuse(k->super, EXIT_ZT_FAILED, k->what->proc, SPAN_LIT("it died while it was asked"));
	renew_finish(k->super);
}

void renew_stop(struct super *s)
{
	s->renew_again = false;
	if (s->next)
		refuse(s, EXIT_ZT_FAILED, "super", SPAN_LIT("the role is stopping"));
	if (s->renew_settles)
		finish(s);
}

void renew_fire(struct timer *t, uint64_t now)
{
	struct super *s = CONTAINER_OF(t, struct super, renew_timer);
	const char *by = "super";

	(void)now;
	if (s->renew_settles) { /* there is no way back, and whoever is told should not wait for it */
		const struct kid *k = who_settles(s);

		LOG(&s->log, LOG_WARN, "a child has not said that it serves the new configuration",
		    LF_STR("child", k ? k->what->proc : ""));
		finish(s);
		return;
	}
	if (s->next == NULL) {
		renew_begin(s, NULL);
		return;
	}
	for (size_t i = 0; i < s->nkids; i++)
		if (is_waited_for(&s->kids[i]))
			by = s->kids[i].what->proc;
	refuse(s, EXIT_ZT_FAILED, by, SPAN_LIT("it did not answer in time"));
}

/* A reload may not move what only a start can set up. */
static int check_fixed(const struct super *s, const struct conf *next, struct why *w)
{
	static const char restart[] = "restart zt for that";
	const struct conf *now = s->conf;
	const struct {
		const char *key;
		bool same;
		const char *rather;
	} fixed[] = {
		{"[log] file", strcmp(next->log.file, now->log.file) == 0, restart},
		{"[state] dir", strcmp(next->state.dir, now->state.dir) == 0, restart},
		{"[state] run_dir", strcmp(next->state.run_dir, now->state.run_dir) == 0, restart},
		{"[state] uid", next->state.uid == now->state.uid, restart},
		{"[state] gid", next->state.gid == now->state.gid, restart},
		{"[limits] nofile", next->limits.nofile == now->limits.nofile, restart},
		{"[edge] workers", next->edge.workers == now->edge.workers, "it takes an upgrade or a restart"},
		{"[limits] require_sandbox", next->limits.require_sandbox == now->limits.require_sandbox, restart},
		{"[limits] insecure_no_sandbox", next->limits.insecure_no_sandbox == now->limits.insecure_no_sandbox, restart},
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (!fixed[i].same)
			return why_set(w, ZT_E_CONFIG, "%s cannot change in a reload; %s", fixed[i].key,
				       fixed[i].rather);
	return 0;
}

static int offer(struct super *s, struct kid *k)
{
	int fds[KID_FDS + 1], conf, rc;
	struct span text;
	size_t n;
	void *mem;

	k->offered = true;
	k->prepared = false;
	rc = kid_conf(s->next, k->what->who, &text, &mem);
	if (rc < 0)
		return rc;
	conf = sealed_text(text, NULL);
	kid_conf_free(text, mem);
	if (conf < 0)
		return conf;
	fds[0] = conf;
	n = kid_fds(k, true, fds + 1);
	rc = kid_tell(k, IPC_PREPARE, s->epoch + 1, fds, n + 1);
	if (rc == 0)
		k->offers++;
	close(conf);
	return rc;
}

/* The text of the configuration in force, read again: files of keys that changed must not bring
 * into force what somebody is writing into the configuration. */
static int load_in_force(struct super *s, struct conf_faults *faults)
{
	struct span text;
	void *mem;
	int rc = kid_conf(s->conf, CONF_FOR_ALL, &text, &mem);

	if (rc < 0)
		return rc;
	rc = conf_parse_text(&s->next, text, "configuration in force", faults);
	kid_conf_free(text, mem);
	return rc;
}

static int load_next(struct super *s, bool files_only, struct wr *reason)
{
	struct conf_faults faults;
	struct why w = {0};
	int rc;

	conf_faults_init(&faults);
	rc = files_only ? load_in_force(s, &faults) : conf_load(&s->next, s->src, &faults);
	if (rc < 0) {
		s->next = NULL;
		conf_faults_print(&faults, reason);
	}
	conf_faults_free(&faults);
	if (rc < 0)
		return rc;
	rc = check_fixed(s, s->next, &w);
	if (rc == 0 && bundles_pack(&s->next_files, s, s->next, &w) < 0)
		rc = w.err == ZT_E_NOMEM ? -ZT_E_NOMEM : -ZT_E_CONFIG; /* it names what cannot be used */
	if (rc == 0)
		rc = super_bind(&s->next_open, s->role, s->next, &s->open, &w);
	if (rc < 0) {
		bundles_close(&s->next_files);
		wr_str(reason, w.text);
		conf_free(s->next);
		s->next = NULL;
	}
	return rc;
}

/* One is running, or there is no sense in one. A signal has nobody to tell, so it is kept. */
static void not_now(struct super *s, struct ctl_client *asker)
{
	if (asker == NULL)
		*(renew_runs(s) ? &s->renew_again : &s->up.reload) = true;
	else
		ctl_reply(asker, EXIT_ZT_LOCKED, renew_runs(s) ? "a reload is running already" : upgrade_runs(s) ? "an upgrade is running" :
			  "stopping", SPAN_NONE);
}

/* Ask everybody; a child that takes no new configuration by starting another one with it. */
static void ask_all(struct super *s)
{
	struct why w = {0};

	if (heirs_start(s, &w) < 0) {
		refuse(s, EXIT_ZT_FAILED, "super", span_str(w.text));
		return;
	}
	for (size_t i = 0; i < s->nkids && s->next; i++)
		if (s->kids[i].part == KID_SERVES && s->kids[i].state == KID_UP)
			renew_kid_up(&s->kids[i]);
	if (s->next)
		commit_if_all(s); /* nobody is up: nothing to wait for */
}

static uint64_t deadline(const struct super *s)
{
	for (size_t i = 0; i < s->role->n; i++)
		if (s->role->children[i].anew)
			return RENEW_DEADLINE + KID_START_DEADLINE;
	return RENEW_DEADLINE;
}

static void begin(struct super *s, struct ctl_client *asker, bool files_only)
{
	uint8_t mem[REASON_MAX];
	struct wr reason = wr_of(mem, sizeof mem);
	int rc;

	if (renew_runs(s) || s->stopping || upgrade_runs(s)) {
		not_now(s, asker);
		return;
	}
	s->renew_asker = asker;
	renew_say(s);
	rc = load_next(s, files_only, &reason);
	if (rc < 0) {
		LOG(&s->log, LOG_ERROR, "reload refused, the old configuration goes on",
		    LF_SPAN("reason", wr_span(&reason)));
		tell_asker(s, err_exit((enum zt_err)-rc), "reload refused, the old configuration goes on",
			   wr_span(&reason));
		return;
	}
	if (loop_timer(s->loop, &s->renew_timer, deadline(s)))
		ask_all(s);
	else
		refuse(s, EXIT_ZT_FAILED, "super", SPAN_LIT("out of memory"));
}

void renew_begin(struct super *s, struct ctl_client *asker)
{
	begin(s, asker, false);
}

void renew_files(struct super *s)
{
	begin(s, NULL, true);
}

void renew_kid_up(struct kid *k)
{
	if (k->part == KID_HEIR)
		renew_answer(k, true, SPAN_NONE);
	else if (!k->what->anew && offer(k->super, k) < 0)
		refuse(k->super, EXIT_ZT_FAILED, k->what->proc, SPAN_LIT("it could not be asked"));
}
