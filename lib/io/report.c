/*
 * report: what a supervisor says about itself: health at once; status after every child that
 * is up has sent its counters, or after a second. A child's names and numbers are checked by
 * the codec when they arrive.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/num.h"
#include "net.h"
#include "super_int.h"

#define ANSWER_WITHIN NS_PER_S
#define MINUTE (60 * NS_PER_S)

bool report_healthy(const struct super *s, uint64_t now)
{
	for (size_t i = 0; i < s->nkids; i++) {
		const struct kid *k = &s->kids[i];
		uint64_t oldest = k->deaths[DEATHS - 1];

		if (k->part == KID_SERVES && (k->state != KID_UP || (oldest && now - oldest < MINUTE)))
			return false;
	}
	return s->announced && !s->stopping;
}

/* The places of a kind stand together; which process each of them has, changes (heirs_stand_in()). */
static bool begins_kind(const struct super *s, size_t i)
{
	return i == 0 || s->kids[i].what != s->kids[i - 1].what;
}

/* By kind; of each the one that serves first, then those before and after it. */
size_t report_order(const struct super *s, const struct kid *out[static KIDS])
{
	static const enum kid_part parts[] = {KID_SERVES, KID_HEIR, KID_ELDER};
	size_t n = 0;

	for (size_t kind = 0; kind < s->nserve; kind++)
		for (size_t p = 0; begins_kind(s, kind) && p < ARRAY_LEN(parts); p++)
			for (size_t i = 0; i < s->nkids; i++)
				if (s->kids[i].part == parts[p] && s->kids[i].what == s->kids[kind].what)
					out[n++] = &s->kids[i];
	return n;
}

void report_health(struct super *s, struct ctl_client *who)
{
	bool ok = report_healthy(s, loop_now(s->loop));
	const struct kid *kids[KIDS];
	size_t n = report_order(s, kids);
	char body[KIDS * 20] = "";
	struct wr w = wr_of(body, sizeof body);

	for (size_t i = 0; i < n; i++)
		if (kids[i]->part == KID_SERVES)
			wr_fmt(&w, "%s %s\n", kids[i]->what->proc, kid_state_name(kids[i]->state));
	ctl_reply(who, ok ? EXIT_ZT_OK : EXIT_ZT_FAILED, ok ? "healthy" : "not healthy", wr_span(&w));
}

/* ---- several of a kind ----------------------------------------------------------------------------- */

/* The next of the same kind that serves, after `at`; the first one after NULL. */
static const struct kid *next_of(const struct super *s, const struct super_child *what, const struct kid *at)
{
	for (size_t i = at ? (size_t)(at - s->kids) + 1 : 0; i < s->nkids; i++)
		if (s->kids[i].what == what && s->kids[i].part == KID_SERVES)
			return &s->kids[i];
	return NULL;
}

static bool is_one_of_several(const struct kid *k)
{
	return k->part == KID_SERVES && !super_is_logd(k) && kid_count(k->super, k->what) > 1;
}

/* What each of them says of one and the same thing has no sum, and what has a label is its own. */
static bool adds_up(const struct ipc_counter *c)
{
	static const char *const shared[] = {"identity", "identity_stuck", "list_entries", "list_fresh", "list_number", "lists",
					     "tunnels"};

	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (span_eq_str(c->name, shared[i]))
			return false;
	return c->of.n == 0;
}

static bool says(const struct kid *k, struct span name, uint64_t *value)
{
	struct rd r = rd_of(span_of(k->counters, k->counters_n));
	struct ipc_counter c;

	while (ipc_read_counter(&r, &c) > 0)
		if (span_eq(c.whole, name)) {
			*value = c.value;
			return true;
		}
	return false;
}

/* Of all of its kind: false when one before k has the name, too, and told the sum already. */
static bool sum_from(const struct kid *k, const struct ipc_counter *c, uint64_t *sum)
{
	const struct super *s = k->super;
	bool before = true;
	uint64_t v;

	*sum = 0;
	for (const struct kid *o = next_of(s, k->what, NULL); o; o = next_of(s, k->what, o)) {
		before &= o != k;
		if (!says(o, c->name, &v))
			continue;
		if (before)
			return false;
		*sum += v;
	}
	return true;
}

static void each_sum(const struct super *s, const struct super_child *what,
		     void (*tell)(void *ctx, struct span name, uint64_t sum), void *ctx)
{
	struct ipc_counter c;
	uint64_t sum;

	for (const struct kid *k = next_of(s, what, NULL); k; k = next_of(s, what, k)) {
		struct rd r = rd_of(span_of(k->counters, k->counters_n));

		while (ipc_read_counter(&r, &c) > 0)
			if (adds_up(&c) && sum_from(k, &c, &sum))
				tell(ctx, c.name, sum);
	}
}

/* ---- as JSON ---------------------------------------------------------------------------------------- */

static void sum_json(void *ctx, struct span name, uint64_t sum)
{
	struct jsonw *j = ctx;

	jsonw_key_span(j, name), jsonw_u64(j, sum);
}

static void sums_json(const struct super *s, struct jsonw *j)
{
	for (size_t i = 0; i < s->nkids; i++) {
		const struct kid *k = &s->kids[i];

		if (k->index || !is_one_of_several(k))
			continue;
		jsonw_key(j, "together");
		jsonw_open(j, '{');
		jsonw_key(j, "name"), jsonw_str(j, k->what->proc);
		jsonw_key(j, "processes"), jsonw_u64(j, kid_count(s, k->what));
		jsonw_key(j, "counters"), jsonw_open(j, '{');
		each_sum(s, k->what, sum_json, j);
		jsonw_close(j, '}');
		jsonw_close(j, '}');
		return; /* a role has one such kind */
	}
}

static void jail_json(struct jsonw *j, const struct kid *k)
{
	if (k->state != KID_UP) {
		jsonw_null(j);
		return;
	}
	jsonw_open(j, '{');
	for (int i = 0; i < JAIL_LAYER_COUNT; i++) {
		jsonw_key(j, jail_layer_name((enum jail_layer)i));
		jsonw_str(j, jail_state_name(k->jail.layer[i].state));
	}
	jsonw_close(j, '}');
}

static void counters_json(struct jsonw *j, const struct kid *k)
{
	struct rd r = rd_of(span_of(k->counters, k->counters_n));
	struct ipc_counter c;

	jsonw_open(j, '{');
	while (ipc_read_counter(&r, &c) > 0)
		jsonw_key_span(j, c.whole), jsonw_u64(j, c.value);
	jsonw_close(j, '}');
}

static void kid_json(struct jsonw *j, const struct kid *k, uint64_t now, bool counters)
{
	jsonw_open(j, '{');
	jsonw_key(j, "name"), jsonw_str(j, k->what->proc);
	if (is_one_of_several(k))
		jsonw_key(j, "index"), jsonw_u64(j, k->index);
	jsonw_key(j, "state"), jsonw_str(j, kid_state_name(k->state));
	jsonw_key(j, "epoch"), jsonw_u64(j, k->epoch);
	jsonw_key(j, "pid"), jsonw_i64(j, k->state == KID_DOWN ? 0 : k->pid);
	jsonw_key(j, "up_s"), jsonw_u64(j, k->state == KID_UP ? (now - k->up_since) / NS_PER_S : 0);
	jsonw_key(j, "restarts"), jsonw_u64(j, k->restarts);
	jsonw_key(j, "last_death"), jsonw_str(j, k->last_death[0] ? k->last_death : NULL);
	jsonw_key(j, "jail"), jail_json(j, k);
	jsonw_key(j, "counters");
	if (counters)
		counters_json(j, k);
	else
		jsonw_null(j);
	jsonw_close(j, '}');
}

/* What the kernel chose for port 0, not what was written. */
static const char *bound_text(const struct listening *l, char out[static ADDR_TEXT])
{
	struct addr at = l->at;

	if (at.port == 0)
		at.port = net_local(l->fd).port;
	return addr_text(&at, out);
}

/* Generations before this one that finish what they began: "pid live version" in a line. */
static bool next_elder(struct span *lines, uint64_t *pid, uint64_t *live, struct span *version)
{
	struct span line, one, two;

	return span_cut(*lines, '\n', &line, lines) && span_cut(line, ' ', &one, &line) && span_cut(line, ' ', &two, version) &&
	       span_u64(one, INT32_MAX, pid) == 0 && span_u64(two, UINT64_MAX, live) == 0;
}

static void elders_json(struct jsonw *j, const struct super *s)
{
	struct span lines = span_str(s->up.elders), version;
	uint64_t pid, live;

	jsonw_key(j, "elders"), jsonw_open(j, '[');
	while (next_elder(&lines, &pid, &live, &version)) {
		jsonw_open(j, '{');
		jsonw_key(j, "pid"), jsonw_u64(j, pid);
		jsonw_key(j, "live"), jsonw_u64(j, live);
		jsonw_key(j, "version"), jsonw_span(j, version);
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

static void elders_text(struct wr *w, const struct super *s)
{
	struct span lines = span_str(s->up.elders), version;
	uint64_t pid, live;

	while (next_elder(&lines, &pid, &live, &version))
		wr_fmt(w, "  before an upgrade: pid %llu, zt %.*s, finishes %llu\n", (unsigned long long)pid, SPAN_ARG(version),
		       (unsigned long long)live);
}

static void write_json(const struct super *s, struct wr *w, uint64_t now, bool counters)
{
	const struct kid *kids[KIDS];
	size_t n = report_order(s, kids);
	char print[CONF_FINGERPRINT];
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "role"), jsonw_str(&j, s->role->name);
	jsonw_key(&j, "version"), jsonw_str(&j, ZT_VERSION);
	jsonw_key(&j, "healthy"), jsonw_bool(&j, report_healthy(s, now));
	jsonw_key(&j, "epoch"), jsonw_u64(&j, s->epoch);
	jsonw_key(&j, "config"), jsonw_str(&j, conf_fingerprint(s->conf, print));
	jsonw_key(&j, "up_s"), jsonw_u64(&j, (now - s->started) / NS_PER_S);
	jsonw_key(&j, "log_lines_lost"), jsonw_u64(&j, s->log.dropped_total);
	jsonw_key(&j, "process"), jsonw_i64(&j, getpid());
	elders_json(&j, s);
	jsonw_key(&j, "listening"), jsonw_open(&j, '[');
	for (size_t i = 0; i < s->open.n; i++) {
		char text[ADDR_TEXT];

		if (s->open.l[i].index == 0)
			jsonw_str(&j, bound_text(&s->open.l[i], text));
	}
	jsonw_close(&j, ']');
	jsonw_key(&j, "children"), jsonw_open(&j, '[');
	for (size_t i = 0; i < n; i++)
		kid_json(&j, kids[i], now, counters);
	jsonw_close(&j, ']');
	if (counters)
		sums_json(s, &j);
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
}

/* A document is whole or useless. Children that say a great deal lose what they say. */
static void write_json_that_fits(const struct super *s, struct wr *w, uint64_t now)
{
	const struct wr empty = *w;

	write_json(s, w, now, true);
	if (w->full) {
		*w = empty;
		write_json(s, w, now, false);
	}
}

static void counter_text(void *w, struct span name, uint64_t value)
{
	if (value == 0) /* text is for people: what is zero says nothing */
		return;
	wr_str(w, "           ");
	wr_put(w, name);
	wr_fmt(w, " %llu\n", (unsigned long long)value);
}

static void kid_text(struct wr *w, const struct kid *k, uint64_t now)
{
	const bool several = is_one_of_several(k);
	struct rd r = rd_of(span_of(k->counters, k->counters_n));
	struct ipc_counter c;

	wr_fmt(w, "  %-8s %-8s pid %ld, up %llu s, %llu restarts\n", k->what->proc, kid_state_name(k->state),
	       (long)(k->state == KID_DOWN ? 0 : k->pid),
	       (unsigned long long)(k->state == KID_UP ? (now - k->up_since) / NS_PER_S : 0),
	       (unsigned long long)k->restarts);
	if (k->part != KID_SERVES)
		wr_fmt(w, "           of epoch %u\n", (unsigned)k->epoch);
	if (k->last_death[0])
		wr_fmt(w, "           last death: %s\n", k->last_death);
	while (ipc_read_counter(&r, &c) > 0)
		if (!several || !adds_up(&c))
			counter_text(w, c.whole, c.value);
	if (several && k->index + 1 == kid_count(k->super, k->what)) {
		wr_fmt(w, "  %s, %u together\n", k->what->proc, kid_count(k->super, k->what));
		each_sum(k->super, k->what, counter_text, w);
	}
}

static void write_text(const struct super *s, struct wr *w, uint64_t now)
{
	const struct kid *kids[KIDS];
	size_t n = report_order(s, kids);
	char text[ADDR_TEXT], print[CONF_FINGERPRINT];

	wr_fmt(w, "%s %s: %s, pid %ld, epoch %u, config %s, up %llu s\n", s->role->name, ZT_VERSION,
	       report_healthy(s, now) ? "healthy" : "NOT healthy", (long)getpid(), (unsigned)s->epoch,
	       conf_fingerprint(s->conf, print), (unsigned long long)((now - s->started) / NS_PER_S));
	for (size_t i = 0; i < s->open.n; i++)
		if (s->open.l[i].index == 0)
			wr_fmt(w, "  listening on %s\n", bound_text(&s->open.l[i], text));
	elders_text(w, s);
	for (size_t i = 0; i < n; i++)
		kid_text(w, kids[i], now);
}

static void answer_all(struct super *s)
{
	uint64_t now = loop_now(s->loop);

	loop_timer_stop(s->loop, &s->status_late);
	while (s->nstatus) {
		uint8_t mem[CTL_REPLY - 64];
		struct wr w = wr_of(mem, sizeof mem);

		s->nstatus--;
		if (s->status_json[s->nstatus])
			write_json_that_fits(s, &w, now);
		else
			write_text(s, &w, now);
		ctl_reply(s->status_asker[s->nstatus], EXIT_ZT_OK, "ok", wr_span(&w));
	}
}

void report_check(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].state == KID_UP && s->kids[i].asked)
			return;
	answer_all(s);
}

void report_late(struct timer *t, uint64_t now)
{
	(void)now;
	answer_all(CONTAINER_OF(t, struct super, status_late));
}

int report_kid_answered(struct kid *k, struct span counters)
{
	struct rd r = rd_of(counters);
	struct ipc_counter c;
	int rc;

	while ((rc = ipc_read_counter(&r, &c)) > 0)
		continue;
	if (rc < 0)
		return rc;
	if (counters.n)
		memcpy(k->counters, counters.p, counters.n);
	k->counters_n = counters.n;
	report_check(k->super);
	upgrade_count(k->super);
	return 0;
}

void report_begin(struct super *s, struct ctl_client *who, bool json)
{
	ZT_ASSERT(s->nstatus < ARRAY_LEN(s->status_asker)); /* as many as there are clients */
	s->status_asker[s->nstatus] = who;
	s->status_json[s->nstatus++] = json;
	if (s->nstatus > 1)
		return; /* the running question answers this asker too */
	if (!loop_timer(s->loop, &s->status_late, ANSWER_WITHIN)) {
		answer_all(s);
		return;
	}
	for (size_t i = 0; i < s->nkids; i++) { /* one that owes an answer is not asked again */
		struct kid *k = &s->kids[i];

		if (k->part == KID_SERVES && k->state == KID_UP && !k->asked)
			k->asked = kid_tell(k, IPC_ASK, s->epoch, NULL, 0) == 0;
	}
	report_check(s);
}

void report_asker_gone(struct super *s, struct ctl_client *who)
{
	for (size_t i = 0; i < s->nstatus; i++)
		if (s->status_asker[i] == who) {
			s->nstatus--;
			s->status_asker[i] = s->status_asker[s->nstatus];
			s->status_json[i] = s->status_json[s->nstatus];
			return;
		}
}
