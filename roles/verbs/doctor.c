/*
 * zt doctor: what this machine's kernel lets zt lock away, tried out rather than asked.
 *
 *   survey     for each profile: a jailed child reports its layers, then one child for each
 *              attempt tries it (io/probe)
 *   judge      held, gap (the layers that refuse it are missing), breach (they are on!)
 *   print      for people, or --json
 *
 * Exit 0: every attempt was refused in every profile that zt runs. A layer that is missing
 * while others refuse everything it would is said loudly and does not fail: zt works there,
 * and require_sandbox = true is the way to demand more. Exit 1: something was allowed, or
 * could not be found out. The probe profile (a worker without its filter) belongs to no
 * process; what is allowed there counts only when a layer that is on should have refused it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/err.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "io/jaildoc.h"
#include "io/landlock.h"
#include "io/probe.h"
#include "io/sandbox.h"
#include "roles/roles.h"

#define NOBODY 65534 /* whom children become when zt runs as root and is not told */
#define ATTEMPTS_MAX 64
#define JSON_MAX 131072

static const char usage_text[] =
	"usage: zt doctor [--json] [--off | --profiles]\n"
	"Tries, in jailed children, what zt's processes must not be able to do, and says what\n"
	"this kernel refused. Everything tried is harmless, also where it is not refused.\n"
	"  --json      the same for programs\n"
	"  --off       without any sandbox: shows that the attempts can succeed\n"
	"  --profiles  the tables of docs/sandbox.md: layers, system calls, attempts\n"
	"Exit codes: 0 everything was refused, 1 something was allowed, 2 wrong use.\n";

static const char *const remedies[JAIL_LAYER_COUNT] = {
	[JAIL_L_USER] = "start zt as an ordinary user, or as root with a user to become",
	[JAIL_L_FILES] = "needs Linux 5.13 with Landlock on (lsm=...,landlock); a container has its host's kernel",
	[JAIL_L_TCP] = "needs Linux 6.7; until then the system-call filter refuses bind() alone",
	[JAIL_L_SCOPES] = "needs Linux 6.12; until then the system-call filter refuses these alone",
	[JAIL_L_WX] = "needs Linux 6.3; until then the system-call filter does it for the children",
	[JAIL_L_SECCOMP] = "needs CONFIG_SECCOMP_FILTER; a container engine may forbid it: allow seccomp()",
};

struct survey {
	struct utsname kernel;
	int abi;
	uid_t uid, child_uid;
	bool off;
	struct jail_report report[JAIL_PROFILE_COUNT];
	struct probe_result got[JAIL_PROFILE_COUNT][ATTEMPTS_MAX];
	enum probe_verdict verdict[JAIL_PROFILE_COUNT][ATTEMPTS_MAX];
	unsigned tried, held, nothing, allowed, open, breaches; /* allowed: in profiles that zt runs */
	unsigned layers_missing;
};

/* ---- survey --------------------------------------------------------------------------------- */

static void count(struct survey *s, enum jail_profile p, enum probe_verdict v)
{
	s->tried++;
	s->held += v == PROBE_HELD;
	s->nothing += v == PROBE_NOTHING;
	s->open += v == PROBE_OPEN;
	s->breaches += v == PROBE_BREACH;
	s->allowed += v == PROBE_BREACH || (v == PROBE_GAP && p != JAIL_PROBE);
}

static int survey_profile(struct survey *s, const struct probe *probe, enum jail_profile p, struct why *why)
{
	int rc = probe_report(probe, p, &s->report[p], why);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < attempts_n; i++) {
		if (!probe_applies(&attempts[i], p))
			continue;
		s->got[p][i] = probe_try(probe, p, &attempts[i]);
		s->verdict[p][i] = probe_judge(&attempts[i], &s->report[p], s->got[p][i]);
		count(s, p, s->verdict[p][i]);
	}
	return 0;
}

/* The lowest state of a layer among the profiles that want it, and where. */
static enum jail_profile weakest(const struct survey *s, enum jail_layer l)
{
	enum jail_profile at = JAIL_PROFILE_COUNT;

	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
		if (jail_wants((enum jail_profile)p, l) &&
		    (at == JAIL_PROFILE_COUNT || s->report[p].layer[l].state < s->report[at].layer[l].state))
			at = (enum jail_profile)p;
	return at;
}

static int survey_all(struct survey *s, bool off, struct why *why)
{
	struct probe probe;
	int rc;

	ZT_ASSERT(attempts_n <= ATTEMPTS_MAX);
	*s = (struct survey){.abi = landlock_abi(), .uid = getuid(), .off = off};
	s->child_uid = geteuid() == 0 ? NOBODY : getuid();
	uname(&s->kernel);
	rc = probe_open(&probe, geteuid() == 0 ? NOBODY : 0, geteuid() == 0 ? NOBODY : 0, off, why);
	if (rc < 0)
		return rc;
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT && rc == 0; p++)
		rc = survey_profile(s, &probe, (enum jail_profile)p, why);
	probe_close(&probe);
	for (unsigned l = 0; rc == 0 && l < JAIL_LAYER_COUNT; l++)
		s->layers_missing += s->report[weakest(s, (enum jail_layer)l)].layer[l].state != JAIL_ON;
	return rc;
}

static int survey_exit(const struct survey *s)
{
	return s->allowed || s->open ? EXIT_ZT_FAILED : EXIT_ZT_OK;
}

/* ---- for people ----------------------------------------------------------------------------- */

static const char *outcome_word(enum probe_outcome o)
{
	static const char *const words[] = {
		[PROBE_REFUSED] = "refused", [PROBE_KILLED] = "killed", [PROBE_ALLOWED] = "ALLOWED",
		[PROBE_UNTRIED] = "untried", [PROBE_FAILED] = "FAILED",
	};

	return words[o];
}

static void print_head(const struct survey *s)
{
	printf("zt doctor: what this machine lets zt lock away, tried out\n\n"
	       "kernel  %s %s %s, ", s->kernel.sysname, s->kernel.release, s->kernel.machine);
	if (s->abi > 0)
		printf("Landlock ABI %d\n", s->abi);
	else
		printf("no Landlock\n");
	if (s->uid != s->child_uid)
		printf("user    root; children become uid %u\n", s->child_uid);
	else
		printf("user    uid %u\n", s->uid);
	if (s->off)
		printf("\nTHE SANDBOX IS OFF (--off): this only shows that the attempts can succeed.\n");
}

static void print_layers(const struct survey *s)
{
	printf("\nLayers, in the order they are put on (state: in the profile where it is weakest)\n");
	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++) {
		enum jail_profile p = weakest(s, (enum jail_layer)l);
		const struct jail_line *line = &s->report[p].layer[l];

		printf("  %-8s %-16s %s\n", jail_state_name(line->state), jail_layer_name((enum jail_layer)l),
		       jail_layer_words((enum jail_layer)l));
		if (line->state == JAIL_ON)
			continue;
		printf("  %25s %s: %s\n", "", jail_profile_name(p), line->text);
		if (!s->off && line->state == JAIL_ABSENT && remedies[l])
			printf("  %25s %s\n", "", remedies[l]);
	}
}

static void print_attempts(const struct survey *s)
{
	printf("\nAttempts (killed: the process was ended on the spot; -: not this profile's business)\n  %-37s",
	       "");
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
		printf(" %-10s", jail_profile_name((enum jail_profile)p));
	printf("\n");
	for (size_t i = 0; i < attempts_n; i++) {
		printf("  %-37s", attempts[i].words);
		for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
			printf(" %-10s", probe_applies(&attempts[i], (enum jail_profile)p)
						 ? outcome_word(s->got[p][i].outcome)
						 : "-");
		printf("\n");
	}
}

/* Why a cell is not "refused": one line for each. */
static void print_doubts(const struct survey *s)
{
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
		for (size_t i = 0; i < attempts_n; i++) {
			const struct probe_result *got = &s->got[p][i];

			if (!probe_applies(&attempts[i], (enum jail_profile)p))
				continue;
			if (s->verdict[p][i] == PROBE_BREACH)
				printf("BREACH: %s could %s although a layer that refuses it is on; please report this\n",
				       jail_profile_name((enum jail_profile)p), attempts[i].words);
			else if (s->verdict[p][i] == PROBE_OPEN)
				printf("undecided: %s, %s: %s\n", jail_profile_name((enum jail_profile)p),
				       attempts[i].words,
				       got->outcome == PROBE_REFUSED ? strerror(got->err)
								     : "the child did not get that far");
		}
}

static void print_require(const struct survey *s)
{
	bool all = true;

	printf("\n");
	for (unsigned p = 0; p < JAIL_PROBE; p++) {
		struct why why = {0};

		if (jail_missing(&s->report[p], &why) == 0)
			continue;
		all = false;
		printf("require_sandbox = true would refuse to start: %s\n", why.text);
	}
	if (all)
		printf("require_sandbox = true would start here: every layer it demands is on.\n");
}

static void print_summary(const struct survey *s)
{
	printf("zt doctor: %u of %u layers on; ", JAIL_LAYER_COUNT - s->layers_missing, JAIL_LAYER_COUNT);
	if (s->allowed)
		printf("%u of %u attempts were ALLOWED.\n", s->allowed, s->tried);
	else if (s->open)
		printf("%u of %u attempts could not be decided, none was allowed.\n", s->open, s->tried);
	else if (s->held == s->tried)
		printf("all %u attempts were refused.\n", s->tried);
	else if (s->held + s->nothing == s->tried)
		printf("%u attempts were refused, %u had nothing to be tried on.\n", s->held, s->nothing);
	else
		printf("every attempt was refused to the processes that zt runs.\n");
}

static void print_text(const struct survey *s)
{
	print_head(s);
	print_layers(s);
	print_attempts(s);
	print_doubts(s);
	print_require(s);
	print_summary(s);
}

/* ---- for programs --------------------------------------------------------------------------- */

static void json_layers(struct jsonw *j, const struct jail_report *r)
{
	jsonw_key(j, "layers");
	jsonw_open(j, '[');
	for (unsigned l = 0; l < JAIL_LAYER_COUNT; l++) {
		jsonw_open(j, '{');
		jsonw_key(j, "name");
		jsonw_str(j, jail_layer_name((enum jail_layer)l));
		jsonw_key(j, "state");
		jsonw_str(j, jail_state_name(r->layer[l].state));
		jsonw_key(j, "text");
		jsonw_str(j, r->layer[l].text);
		jsonw_key(j, "demanded");
		jsonw_bool(j, jail_demands(r->profile, (enum jail_layer)l));
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

static void json_attempts(struct jsonw *j, const struct survey *s, unsigned p)
{
	static const char *const outcomes[] = {"refused", "killed", "allowed", "untried", "failed"};
	static const char *const verdicts[] = {"held", "gap", "breach", "nothing", "open"};

	jsonw_key(j, "attempts");
	jsonw_open(j, '[');
	for (size_t i = 0; i < attempts_n; i++) {
		if (!probe_applies(&attempts[i], (enum jail_profile)p))
			continue;
		jsonw_open(j, '{');
		jsonw_key(j, "name");
		jsonw_str(j, attempts[i].name);
		jsonw_key(j, "outcome");
		jsonw_str(j, outcomes[s->got[p][i].outcome]);
		if (s->got[p][i].outcome == PROBE_REFUSED) {
			jsonw_key(j, "errno");
			jsonw_i64(j, s->got[p][i].err);
		}
		jsonw_key(j, "verdict");
		jsonw_str(j, verdicts[s->verdict[p][i]]);
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

static void json_profile(struct jsonw *j, const struct survey *s, unsigned p)
{
	jsonw_open(j, '{');
	jsonw_key(j, "name");
	jsonw_str(j, jail_profile_name((enum jail_profile)p));
	jsonw_key(j, "require_sandbox_ok");
	jsonw_bool(j, jail_missing(&s->report[p], NULL) == 0);
	json_layers(j, &s->report[p]);
	json_attempts(j, s, p);
	jsonw_close(j, '}');
}

static void json_number(struct jsonw *j, const char *key, uint64_t v)
{
	jsonw_key(j, key);
	jsonw_u64(j, v);
}

static int print_json(const struct survey *s)
{
	static const char too_long[] = "zt doctor: the answer does not fit its buffer\n";
	char text[JSON_MAX];
	struct wr w = wr_of(text, sizeof text);
	struct jsonw j;

	jsonw_init(&j, &w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "kernel");
	jsonw_str(&j, s->kernel.release);
	jsonw_key(&j, "machine");
	jsonw_str(&j, s->kernel.machine);
	json_number(&j, "landlock_abi", s->abi > 0 ? (uint64_t)s->abi : 0);
	json_number(&j, "uid", s->uid);
	json_number(&j, "child_uid", s->child_uid);
	jsonw_key(&j, "off");
	jsonw_bool(&j, s->off);
	jsonw_key(&j, "profiles");
	jsonw_open(&j, '[');
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
		json_profile(&j, s, p);
	jsonw_close(&j, ']');
	json_number(&j, "tried", s->tried);
	json_number(&j, "held", s->held);
	json_number(&j, "allowed", s->allowed);
	json_number(&j, "breaches", s->breaches);
	json_number(&j, "undecided", s->open);
	jsonw_key(&j, "ok");
	jsonw_bool(&j, survey_exit(s) == EXIT_ZT_OK);
	jsonw_close(&j, '}');
	wr_str(&w, "\n");
	if (w.full) {
		fputs(too_long, stderr);
		return EXIT_ZT_FAILED;
	}
	fwrite(text, 1, w.n, stdout);
	return survey_exit(s);
}

/* ---- entry ---------------------------------------------------------------------------------- */

static int print_profiles(void)
{
	char text[JAILDOC_MAX];
	struct wr w = wr_of(text, sizeof text);

	jaildoc_write(&w);
	ZT_ASSERT(!w.full);
	return fwrite(text, 1, w.n, stdout) == w.n ? EXIT_ZT_OK : EXIT_ZT_FAILED;
}

static int examine(bool json, bool off)
{
	struct survey s;
	struct why why = {0};
	int rc = survey_all(&s, off, &why);

	if (rc < 0) {
		fprintf(stderr, "zt doctor: %s\n", why.text[0] ? why.text : err_text((enum zt_err)-rc));
		return EXIT_ZT_FAILED;
	}
	if (json)
		return print_json(&s);
	print_text(&s);
	return survey_exit(&s);
}

int doctor_main(int argc, char **argv)
{
	bool json = false, off = false, profiles = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage_text, stdout);
			return EXIT_ZT_OK;
		}
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--off") == 0) {
			off = true;
		} else if (strcmp(argv[i], "--profiles") == 0) {
			profiles = true;
		} else {
			fprintf(stderr, "zt doctor: unknown option '%.40s'\n%s", argv[i], usage_text);
			return EXIT_ZT_USAGE;
		}
	}
	if (profiles && (json || off)) {
		fprintf(stderr, "zt doctor: --profiles goes alone\n");
		return EXIT_ZT_USAGE;
	}
	return profiles ? print_profiles() : examine(json, off);
}
