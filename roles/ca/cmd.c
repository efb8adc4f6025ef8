/*
 * cmd: see cmd.h. It owns the configuration, the passphrase and the line to ca-sign for as long as
 * a command runs. It prints the one sentence that a failed command ends with.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "decide/nearest.h"
#include "decide/when.h"
#include "io/confload.h"
#include "io/ctl.h"
#include "io/newfile.h"

#define PASS_WHAT "passphrase of the authority's keys"
/* Not ZT_CA_...: those set keys of [ca], and a role that is started with one it does not know refuses. */
#define PASS_ENV "ZT_PASSPHRASE"
#define FAULT_TEXT 16384
#define RELOAD_MS 60000

extern char **environ;

/* ---- arguments ------------------------------------------------------------------------------ */

static const struct cmd_option common[] = {
	{"--pass-file", "FILE", PASS_WHAT "; - is standard input", CMD_TEXT, offsetof(struct cmd_wish, pass_file), 0, 0},
	{"-c", "FILE", "configuration (default " CONF_DEFAULT_PATH ")", CMD_TEXT, offsetof(struct cmd_wish, conf), 0, 0},
};

static void print_option(const struct cmd_option *o)
{
	char left[64];

	snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
	printf("  %-24s %s\n", left, o->about);
}

static void usage(const struct cmd *c)
{
	printf("usage: %s%s%s%s\n%s\n", c->call, c->words[0] ? " " : "", c->words, c->noptions ? " [OPTION …]" : "", c->about);
	for (size_t i = 0; i < c->noptions; i++)
		print_option(&c->options[i]);
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		print_option(&common[i]);
	printf("  %-24s %s\n", "-h, --help", "print this");
	printf("\nThe passphrase is also taken from " PASS_ENV ", from the file that " PASS_ENV "_FILE names,\n"
	       "and from [ca] key_pass_file; else the terminal is asked. A running zt ca needs none of them.\n");
}

struct args {
	const struct cmd *cmd;
	struct cmd_run *run;
	char **at, **end;
};

static const struct cmd_option *find(const struct cmd *c, struct span name)
{
	for (size_t i = 0; i < c->noptions; i++)
		if (span_eq_str(name, c->options[i].name))
			return &c->options[i];
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (span_eq_str(name, common[i].name))
			return &common[i];
	return NULL;
}

static int unknown(struct args *a, struct span name)
{
	struct nearest n = nearest_to(name);
	char shown[256];

	for (size_t i = 0; i < a->cmd->noptions; i++)
		nearest_offer(&n, a->cmd->options[i].name);
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		nearest_offer(&n, common[i].name);
	cmd_shown(name, shown, sizeof shown);
	if (n.best)
		return cmd_misuse(a->run, "there is no option '%s'; did you mean '%s'?", shown, n.best);
	return cmd_misuse(a->run, "there is no option '%s'", shown);
}

/* The value behind an option: what stands behind '=', else the next argument. NULL: there is none, said. */
static const char *value_of(struct args *a, const struct cmd_option *o, const char *joined)
{
	if (joined)
		return joined;
	if (a->at < a->end)
		return *a->at++;
	cmd_misuse(a->run, "a value is missing after %s", o->name);
	return NULL;
}

static int bad_value(struct args *a, const struct cmd_option *o, const char *text)
{
	char shown[256], least[WHEN_WORDS], most[WHEN_WORDS];

	cmd_shown(span_str(text), shown, sizeof shown);
	if (o->kind == CMD_SPAN)
		return cmd_misuse(a->run, "%s takes a number with s, m, h or d, from %s to %s, not '%s'", o->name,
				  when_span_words((int64_t)o->least, least), when_span_words((int64_t)o->most, most), shown);
	return cmd_misuse(a->run, "%s takes a whole number from %llu to %llu, not '%s'", o->name,
			  (unsigned long long)o->least, (unsigned long long)o->most, shown);
}

static int take_text(struct args *a, const struct cmd_option *o, const char **field, const char *text)
{
	if (*field)
		return cmd_misuse(a->run, "%s is given twice", o->name);
	if (text[0] == 0)
		return cmd_misuse(a->run, "%s is given an empty value", o->name);
	*field = text;
	return 0;
}

static int take_pair(struct args *a, const struct cmd_option *o, struct cmd_pair *pair, const char *first)
{
	int rc = take_text(a, o, &pair->a, first);
	const char *second = rc == 0 ? value_of(a, o, NULL) : NULL;

	return second ? take_text(a, o, &pair->b, second) : -ZT_E_USAGE;
}

static int take_texts(struct args *a, const struct cmd_option *o, struct cmd_texts *t, const char *text)
{
	if (t->n == CMD_TEXTS_MAX)
		return cmd_misuse(a->run, "%s is given more than %d times", o->name, CMD_TEXTS_MAX);
	if (text[0] == 0)
		return cmd_misuse(a->run, "%s is given an empty value", o->name);
	t->at[t->n++] = text;
	return 0;
}

static int take_value(struct args *a, const struct cmd_option *o, void *field, const char *joined)
{
	const char *text = value_of(a, o, joined);

	if (text == NULL)
		return -ZT_E_USAGE;
	switch (o->kind) {
	case CMD_FLAG:
		break; /* has none */
	case CMD_TEXT:
		return take_text(a, o, field, text);
	case CMD_TEXTS:
		return take_texts(a, o, field, text);
	case CMD_PAIR:
		return take_pair(a, o, field, text);
	case CMD_NUMBER:
		if (span_u64(span_str(text), o->most, field) < 0 || *(uint64_t *)field < o->least)
			return bad_value(a, o, text);
		break;
	case CMD_SPAN:
		if (when_span(span_str(text), field) < 0 || *(int64_t *)field < (int64_t)o->least ||
		    *(int64_t *)field > (int64_t)o->most)
			return bad_value(a, o, text);
		break;
	}
	return 0;
}

/* "--name", "--name value", "--name=value". */
static int take_option(struct args *a, const char *arg)
{
	struct span name = span_str(arg), rest;
	const char *joined = span_cut(name, '=', &name, &rest) ? (const char *)rest.p : NULL;
	const struct cmd_option *o = find(a->cmd, name);
	void *field;

	if (o == NULL)
		return unknown(a, name);
	field = (char *)a->run->wish + o->at;
	if (o->kind != CMD_FLAG)
		return take_value(a, o, field, joined);
	if (joined)
		return cmd_misuse(a->run, "%s takes no value", o->name);
	*(bool *)field = true;
	return 0;
}

static int take_word(struct args *a, const char *arg)
{
	struct cmd_wish *w = a->run->wish;
	char shown[256];

	if (w->words == a->cmd->most)
		return cmd_misuse(a->run, "what is '%s' for? %s takes %s", cmd_shown(span_str(arg), shown, sizeof shown),
				  a->cmd->call, a->cmd->words[0] ? a->cmd->words : "no argument");
	w->word[w->words++] = arg;
	return 0;
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && !span_eq_str(span_str(argv[i]), "--"); i++)
		if (span_eq_str(span_str(argv[i]), "--help") || span_eq_str(span_str(argv[i]), "-h"))
			return true;
	return false;
}

static int parse(struct cmd_run *r, int argc, char **argv)
{
	struct args a = {.cmd = r->cmd, .run = r, .at = argv + 1, .end = argv + argc};
	bool words_only = false;
	int rc = 0;

	while (rc == 0 && a.at < a.end) {
		const char *arg = *a.at++;

		if (!words_only && span_eq_str(span_str(arg), "--"))
			words_only = true;
		else if (!words_only && arg[0] == '-' && arg[1])
			rc = take_option(&a, arg);
		else
			rc = take_word(&a, arg);
	}
	if (rc == 0 && r->wish->words < r->cmd->least)
		return cmd_misuse(r, "an argument is missing: %s %s", r->cmd->call, r->cmd->words);
	return rc;
}

/* ---- before and after a command -------------------------------------------------------------- */

int cmd_misuse(struct cmd_run *r, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return why_set(&r->why, ZT_E_USAGE, "%s; '%s --help' lists what there is", text, r->cmd->call);
}

static void print_faults(const struct conf_faults *f)
{
	uint8_t mem[FAULT_TEXT];
	struct wr w = wr_of(mem, sizeof mem);

	conf_faults_print(f, &w);
	fwrite(w.p, 1, w.n, stderr);
}

/* Warnings are the role's and `zt check`'s to tell: a command that worked is silent about them. */
static int load(struct cmd_run *r)
{
	const struct conf_source src = {.path = r->wish->conf, .env = environ};
	struct conf_faults faults;
	int rc;

	conf_faults_init(&faults);
	rc = conf_load(&r->conf, &src, &faults);
	if (rc < 0)
		print_faults(&faults);
	conf_faults_free(&faults);
	if (rc < 0)
		return why_set(&r->why, (enum zt_err)-rc, "nothing was done: %s", err_text((enum zt_err)-rc));
	return place_resolve(&r->place, "ca", r->conf->state.dir, r->conf->state.run_dir, &r->why);
}

/* Out of the environment before anything else is started or read: there it would be a wrong key of
 * [ca] for the configuration, and every child would have it. */
static int take_passphrase(struct cmd_run *r)
{
	int rc = secret_take_env(&r->pass, PASS_ENV, PASS_WHAT, &r->why);

	return rc == -ZT_E_MISSING && r->why.err == ZT_OK ? 0 : rc;
}

static int finish(struct cmd_run *r, int rc)
{
	if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		rc = why_sys(&r->why, errno, "cannot write the output");
	if (r->open)
		askca_close(&r->ca);
	secret_wipe(&r->pass);
	if (r->conf)
		conf_free(r->conf);
	if (rc == 0)
		return EXIT_ZT_OK;
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", r->cmd->call, r->why.err ? r->why.text : err_text((enum zt_err)-rc));
	return (int)err_exit(r->why.err ? r->why.err : (enum zt_err)-rc);
}

int cmd_main(const struct cmd *c, struct cmd_wish *wish, int argc, char **argv)
{
	struct cmd_run r = {.cmd = c, .wish = wish};
	int rc;

	if (asks_help(argc, argv)) {
		usage(c);
		return fflush(stdout) == 0 ? EXIT_ZT_OK : EXIT_ZT_FAILED;
	}
	rc = take_passphrase(&r);
	if (rc == 0)
		rc = parse(&r, argc, argv);
	if (rc == 0)
		rc = load(&r);
	if (rc == 0)
		rc = c->run(&r);
	return finish(&r, rc);
}

int cmd_now(struct cmd_run *r, int64_t *now)
{
	*now = clock_wall(&clock_real) / 1000;
	if (*now >= CLOCK_FLOOR_S)
		return 0;
	return why_set(&r->why, ZT_E_RANGE, "this machine's clock is before the making of this version: set it, "
					    "or every certificate would have wrong dates");
}

const char *cmd_path(const struct cmd_run *r, const char *name, char out[static 2 * PLACE_PATH])
{
	snprintf(out, 2 * PLACE_PATH, "%s%s%s", r->place.state, name[0] ? "/" : "", name);
	return out;
}

const char *cmd_shown(struct span s, char *out, size_t cap)
{
	struct wr w = wr_of(out, cap - 1);

	jsonw_escape(&w, s, cap - 1);
	out[w.n] = 0;
	return out;
}

/* ---- the process that holds the keys ----------------------------------------------------------- */

int cmd_passphrase(struct cmd_run *r)
{
	struct secret_ask a = {.what = PASS_WHAT, .file = r->wish->pass_file};

	if (a.file == NULL && r->pass.n == 0 && r->conf->ca.key_pass_file[0])
		a.file = r->conf->ca.key_pass_file;
	return a.file ? secret_get(&r->pass, &a, &r->why) : 0;
}

/* Without its registry key no authority runs, so that one tells. The file is a secret of ours alone
 * when it is plain, so only its first line is looked at, and wiped. */
static bool keys_are_encrypted(const struct cmd_run *r)
{
	char path[2 * PLACE_PATH], mem[1024] = "";
	const struct newfile f = {.dirfd = AT_FDCWD, .name = cmd_path(r, "keys/registry.key", path)};
	ssize_t n = newfile_read(&f, true, mem, sizeof mem - 1, NULL);
	bool yes = n > 0 && span_starts(span_of(mem, (size_t)n), "-----BEGIN ENCRYPTED");

	wipe(mem, sizeof mem);
	return yes;
}

int cmd_open(struct cmd_run *r)
{
	const struct secret_ask a = {.what = PASS_WHAT, .tty = true};
	struct why first = {0};
	int rc = cmd_passphrase(r);

	if (rc < 0)
		return rc;
	rc = askca_open(&r->ca, r->conf, secret_span(&r->pass), &first);
	if (rc == -ZT_E_KEY && r->pass.n == 0 && keys_are_encrypted(r) && secret_has_tty()) {
		rc = secret_get(&r->pass, &a, &r->why);
		if (rc < 0)
			return rc;
		first = (struct why){0};
		rc = askca_open(&r->ca, r->conf, secret_span(&r->pass), &first);
	}
	r->open = rc == 0;
	if (rc < 0 && r->why.err == ZT_OK)
		r->why = first;
	return rc;
}

void cmd_put(struct cmd_request *q, enum casign_field f, struct span s)
{
	casign_put(&q->m, f, s);
}

void cmd_put_num(struct cmd_request *q, enum casign_field f, uint64_t v)
{
	casign_put_num(&q->m, f, v, q->num[f]);
}

int cmd_ask(struct cmd_run *r, const struct cmd_request *q, int fd, struct casign *answer)
{
	int rc = askca_ask(&r->ca, &q->m, fd, answer, &r->why);

	if (rc == 0 && !casign_answers(q->m.type, answer))
		rc = why_set(&r->why, ZT_E_BUG, "the authority's answer to %s is not one: are two versions of zt at work?",
			     casign_name(q->m.type));
	return rc;
}

bool cmd_reload(struct cmd_run *r)
{
	enum zt_exit code = EXIT_ZT_FAILED;
	uint8_t mem[1024];
	struct wr out = wr_of(mem, sizeof mem);
	struct why w = {0};

	if (ctl_ask(r->place.sock, "reload", RELOAD_MS, &code, &out, &w) == -ZT_E_NOTFOUND)
		return true;
	if (w.err == ZT_OK && code == EXIT_ZT_OK)
		return true;
	fprintf(stderr, "%s: the running zt ca has not reloaded: %s; say 'zt reload ca'\n", r->cmd->call,
		w.err ? w.text : "its log says why");
	return false;
}

bool cmd_hex16(const char *word, uint8_t out[static 16])
{
	struct span s = span_str(word);
	char digits[2 * 16];
	struct wr w = wr_of(digits, sizeof digits);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ':')
			wr_u8(&w, s.p[i]);
	return !w.full && w.n == sizeof digits && ct_hex_decode(wr_span(&w), out) == 0;
}

static bool is_id(struct span s)
{
	uint8_t bytes[CERT_ID / 2];

	return s.n == CERT_ID && ct_hex_decode(s, bytes) == 0;
}

int cmd_put_which(struct cmd_run *r, struct cmd_request *q, const char *word)
{
	char shown[200];

	if (cmd_hex16(word, q->serial)) {
		cmd_put(q, CAF_SERIAL, span_of(q->serial, sizeof q->serial));
		return 0;
	}
	/* An id reads as a name here and is none there: it names the same. */
	if (!cert_name_ok(span_str(word)) && !is_id(span_str(word)))
		return cmd_misuse(r, "'%s' is neither a name (up to %d of a-z A-Z 0-9 . _ - @) nor a serial (32 hex digits) or id (24)",
				  cmd_shown(span_str(word), shown, sizeof shown), CERT_NAME_MAX);
	cmd_put(q, CAF_NAME, span_str(word));
	return 0;
}

int cmd_pages(struct cmd_run *r, struct cmd_request *q, int (*each)(void *owner, struct span lines), void *owner)
{
	struct casign a;
	uint64_t next = 0;
	int rc;

	do {
		uint64_t at = next;

		cmd_put_num(q, CAF_INDEX, at);
		rc = cmd_ask(r, q, -1, &a);
		if (rc < 0)
			return rc;
		next = a.has[CAF_INDEX] ? casign_u64(&a, CAF_INDEX) : 0;
		rc = each(owner, a.field[CAF_JSON]);
		if (rc == 0 && a.has[CAF_INDEX] && next <= at)
			rc = why_set(&r->why, ZT_E_BUG, "the authority's list does not go on");
	} while (rc == 0 && next);
	return rc;
}
