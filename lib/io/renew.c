/*
 * renew: the two-step reload. Begin: parse, bind what is new, offer the epoch to every child.
 * Each answers; when all would work, commit, else abort. Whatever happens, exactly one of
 * the two configurations is served by everybody, and the asker learns which and why.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "spawn.h"
#include "super_int.h"

#define RENEW_DEADLINE (5 * NS_PER_S)
#define REASON_MAX 16384

static void tell_asker(struct super *s, enum zt_exit code, const char *sentence, struct span body)
{
	if (s->renew_asker)
		ctl_reply(s->renew_asker, code, sentence, body);
	s->renew_asker = NULL;
	notify_send(&s->notify, "READY=1");
}

void renew_asker_gone(struct super *s, struct ctl_client *who)
{
	if (s->renew_asker == who)
		s->renew_asker = NULL;
}

static void end_renewal(struct super *s)
{
	s->next = NULL;
	loop_timer_stop(s->loop, &s->renew_late);
}

static void refuse(struct super *s, enum zt_exit code, const char *who, struct span reason)
{
	LOG(&s->log, LOG_ERROR, "reload refused, the old configuration goes on", LF_STR("by", who),
	    LF_SPAN("reason", reason));
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state == KID_UP)
			kid_tell(&s->kids[i], IPC_ABORT, s->epoch + 1, NULL, 0);
	super_close_rest(&s->next_open, &s->open);
	conf_free(s->next);
	end_renewal(s);
	tell_asker(s, code, "reload refused, the old configuration goes on", reason);
}

static void commit(struct super *s)
{
	s->epoch++;
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *k = &s->kids[i];

		if (k->state == KID_UP)
			kid_tell(k, IPC_COMMIT, s->epoch, NULL, 0);
		else if (k->state == KID_STARTING)
			kid_kill(k); /* it was given the old text; its next start gets the new one */
	}
	super_close_rest(&s->open, &s->next_open);
	s->open = s->next_open;
	conf_free(s->conf);
	s->conf = s->next;
	end_renewal(s);
	s->log.level = s->conf->log.level;
	s->log.format = s->conf->log.format;
	LOG(&s->log, LOG_INFO, "reloaded", LF_U64("epoch", s->epoch));
	tell_asker(s, EXIT_ZT_OK, "reloaded", SPAN_NONE);
}

static void commit_if_all(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state == KID_UP && !s->kids[i].prepared)
			return;
	commit(s);
}

void renew_answer(struct kid *k, bool would_work, struct span reason)
{
	if (k->state != KID_UP || k->prepared)
		return;
	if (!would_work) {
		refuse(k->super, EXIT_ZT_CONFIG, k->what->proc, reason);
		return;
	}
	k->prepared = true;
	commit_if_all(k->super);
}

void renew_kid_gone(struct kid *k)
{
	refuse(k->super, EXIT_ZT_FAILED, k->what->proc, SPAN_LIT("it died while it was asked"));
}

void renew_late(struct timer *t, uint64_t now)
{
	struct super *s = CONTAINER_OF(t, struct super, renew_late);

	(void)now;
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state == KID_UP && !s->kids[i].prepared) {
			refuse(s, EXIT_ZT_FAILED, s->kids[i].what->proc, SPAN_LIT("it did not answer in time"));
			return;
		}
}

/* A reload may not move what only a start can set up. */
static int check_fixed(const struct super *s, const struct conf *next, struct why *w)
{
	const struct conf *now = s->conf;
	const struct {
		const char *key;
		bool same;
	} fixed[] = {
		{"[log] file", strcmp(next->log.file, now->log.file) == 0},
		{"[state] dir", strcmp(next->state.dir, now->state.dir) == 0},
		{"[state] run_dir", strcmp(next->state.run_dir, now->state.run_dir) == 0},
		{"[state] uid", next->state.uid == now->state.uid},
		{"[state] gid", next->state.gid == now->state.gid},
		{"[limits] nofile", next->limits.nofile == now->limits.nofile},
		{"[limits] require_sandbox", next->limits.require_sandbox == now->limits.require_sandbox},
		{"[limits] insecure_no_sandbox", next->limits.insecure_no_sandbox == now->limits.insecure_no_sandbox},
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (!fixed[i].same)
			return why_set(w, ZT_E_CONFIG, "%s cannot change in a reload; restart zt for that",
				       fixed[i].key);
	return 0;
}

static int offer(struct super *s, struct kid *k)
{
	int fds[KID_FDS + 1], conf, rc;
	struct span text;
	size_t n;
	void *mem;

	k->prepared = false;
	rc = kid_conf(k, s->next, &text, &mem);
	if (rc < 0)
		return rc;
	conf = sealed_text(text, NULL);
	free(mem);
	if (conf < 0)
		return conf;
	fds[0] = conf;
	n = kid_fds(k, &s->next_open, fds + 1);
	rc = kid_tell(k, IPC_PREPARE, s->epoch + 1, fds, n + 1);
	close(conf);
	return rc;
}

static int load_next(struct super *s, struct wr *reason)
{
	struct conf_faults faults;
	struct why w = {0};
	int rc;

	conf_faults_init(&faults);
	rc = conf_load(&s->next, s->src, &faults);
	if (rc < 0) {
		s->next = NULL;
		conf_faults_print(&faults, reason);
	}
	conf_faults_free(&faults);
	if (rc < 0)
		return rc;
	rc = check_fixed(s, s->next, &w);
	if (rc == 0)
		rc = super_bind(&s->next_open, s->role, s->next, &s->open, &w);
	if (rc < 0) {
		wr_str(reason, w.text);
		conf_free(s->next);
		s->next = NULL;
	}
	return rc;
}

void renew_begin(struct super *s, struct ctl_client *asker)
{
	uint8_t mem[REASON_MAX];
	struct wr reason = wr_of(mem, sizeof mem);
	int rc;

	if (s->next || s->stopping) {
		if (asker)
			ctl_reply(asker, EXIT_ZT_LOCKED, s->next ? "a reload is running already" : "stopping",
				  SPAN_NONE);
		return;
	}
	s->renew_asker = asker;
	notify_send(&s->notify, "RELOADING=1");
	rc = load_next(s, &reason);
	if (rc < 0) {
		LOG(&s->log, LOG_ERROR, "reload refused, the old configuration goes on",
		    LF_SPAN("reason", wr_span(&reason)));
		tell_asker(s, err_exit((enum zt_err)-rc), "reload refused, the old configuration goes on",
			   wr_span(&reason));
		return;
	}
	if (!loop_timer(s->loop, &s->renew_late, RENEW_DEADLINE)) {
		refuse(s, EXIT_ZT_FAILED, "super", SPAN_LIT("out of memory"));
		return;
	}
	for (size_t i = 0; i < s->nkids && s->next; i++)
		if (s->kids[i].state == KID_UP)
			renew_kid_up(&s->kids[i]);
	if (s->next)
		commit_if_all(s); /* nobody is up: nothing to wait for */
}

void renew_kid_up(struct kid *k)
{
	if (offer(k->super, k) < 0)
		refuse(k->super, EXIT_ZT_FAILED, k->what->proc, SPAN_LIT("it could not be asked"));
}
