/*
 * cmd_export: `zt ca export NAME|SERIAL`: a certificate of the registry and the key that belongs to it, as one
 * file for a browser, a phone or a program. The key comes from the file that `zt ca issue` made: the authority
 * has never had it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "cmds.h"
#include "export.h"
#include "wire/json.h"

#define KEY_ENV "ZT_KEY_PASSPHRASE"
#define KEY_WHAT "passphrase of the key"
#define PATH_ROOM 4096
#define LIST_ROOM 8192 /* of CAF_INFRA and its like */
#define LINE_TOKENS 64

struct export_wish {
	struct cmd_wish base;
	const char *key, *format, *out, *key_pass_file, *p12_pass_file;
};

struct work {
	struct cmd_run *r;
	const struct export_wish *wish;
	enum export_format format;
	struct secret key_pass, password;
	bool made;                     /* the password is ours: show it */
	struct privkey key;
	char key_path[PATH_ROOM], out_path[PATH_ROOM];
	char name[CERT_NAME_MAX + 1];  /* as the registry has it */
	uint8_t leaf[X509_MAX], lists[ANCHORS][LIST_ROOM]; /* answers live until the next one */
	struct span der, anchors[ANCHORS];
};

static bool is_stdin(const char *file)
{
	return file && span_eq_str(span_str(file), "-");
}

static int check_wish(struct work *k)
{
	const struct export_wish *w = k->wish;
	const char *word = w->base.word[0];
	uint8_t serial[16];

	if (w->format && export_format_find(span_str(w->format), &k->format) < 0)
		return cmd_misuse(k->r, "--format takes " EXPORT_FORMAT_NAMES);
	if (is_stdin(w->key_pass_file) + is_stdin(w->p12_pass_file) + is_stdin(w->base.pass_file) > 1)
		return cmd_misuse(k->r, "standard input (-) can be only one of --key-pass-file, --p12-pass-file and --pass-file");
	if (k->format == EXPORT_PEM && w->p12_pass_file)
		return cmd_misuse(k->r, "--p12-pass-file is for PKCS#12 and profiles: with --format pem the key is not encrypted");
	if (cmd_hex16(word, serial) && (w->key == NULL || w->out == NULL))
		return cmd_misuse(k->r, "with a serial --key and --out have to be given");
	snprintf(k->key_path, sizeof k->key_path, "%s%s", w->key ? w->key : word, w->key ? "" : ".key");
	snprintf(k->out_path, sizeof k->out_path, "%s%s", w->out ? w->out : word, w->out ? "" : export_suffix(k->format));
	return 0;
}

/* Before anything is asked or typed: what would be in the way at the end. */
static int check_out(struct work *k)
{
	struct stat st;

	if (span_eq_str(span_str(k->out_path), "-") || lstat(k->out_path, &st) < 0)
		return 0;
	return why_set(&k->r->why, ZT_E_EXISTS, "%.300s exists already; it was left as it is. --out FILE puts the new one elsewhere",
		       k->out_path);
}

/* ---- secrets -------------------------------------------------------------------------------------- */

static int get_key_pass(struct work *k)
{
	const struct secret_ask a = {.what = KEY_WHAT, .file = k->wish->key_pass_file};
	int rc = secret_take_env(&k->key_pass, KEY_ENV, KEY_WHAT, &k->r->why); /* gone from the environment in any case */

	if (k->r->why.err)
		return rc;
	return a.file ? secret_get(&k->key_pass, &a, &k->r->why) : 0;
}

static int open_key(struct work *k, struct span file)
{
	const struct secret_ask a = {.what = KEY_WHAT, .tty = true};
	struct why why = {0};
	int rc = get_key_pass(k);

	/* Only a key that is encrypted makes anybody type. */
	if (rc == 0 && k->key_pass.n == 0 && span_starts(file, "-----BEGIN ENCRYPTED") && secret_has_tty())
		rc = secret_get(&k->key_pass, &a, &k->r->why);
	if (rc < 0)
		return rc;
	rc = privkey_read(&k->key, file, secret_span(&k->key_pass), &why);
	return rc < 0 ? why_set(&k->r->why, (enum zt_err)-rc, "%.200s: %.250s", k->key_path, why.text) : 0;
}

static int read_key(struct work *k)
{
	uint8_t mem[2 * PRIVKEY_MAX];
	const struct newfile f = {.dirfd = AT_FDCWD, .name = k->key_path};
	ssize_t n = newfile_read(&f, true, mem, sizeof mem, &k->r->why);
	struct why cause = k->r->why;
	int rc = n < 0 ? (int)n : open_key(k, span_of(mem, (size_t)n));

	if (n < 0 && k->wish->key == NULL && cause.sys == ENOENT) {
		k->r->why = (struct why){0};
		rc = why_set(&k->r->why, ZT_E_NOTFOUND, "there is no %.200s here: 'zt ca issue' wrote the key into the directory where "
			     "it was run, or into its --out; --key FILE says where it is", k->key_path);
	}

	wipe(mem, sizeof mem);
	return rc;
}

static int get_password(struct work *k)
{
	const struct secret_ask a = {.what = "password of the new file", .file = k->wish->p12_pass_file};

	if (k->format == EXPORT_PEM)
		return 0;
	if (a.file)
		return secret_get(&k->password, &a, &k->r->why);
	export_make_password(&k->password);
	k->made = true;
	return 0;
}

/* ---- the registry ----------------------------------------------------------------------------------- */

static struct span keep(uint8_t *mem, size_t cap, struct span s)
{
	struct wr w = wr_of(mem, cap);

	wr_put(&w, s);
	return w.full ? SPAN_NONE : wr_span(&w);
}

/* What people call it; and is it any good? A file can be wanted of a dead one all the same. */
static int read_line(struct work *k, struct span line)
{
	struct json_tok tok[LINE_TOKENS];
	uint8_t mem[2 * CERT_NAME_MAX];
	struct json j;
	struct span name, state;
	char shown[40];

	json_init(&j, tok, ARRAY_LEN(tok), mem, sizeof mem);
	json_parse(&j, line);
	name = json_str(&j, json_get(&j, JSON_ROOT, "name"));
	state = json_str(&j, json_get(&j, JSON_ROOT, "state"));
	if (j.err)
		return json_why(&j, &k->r->why, "the authority's answer");
	if (!cert_name_ok(name) || span_to_cstr(name, k->name, sizeof k->name) < 0)
		return why_set(&k->r->why, ZT_E_BUG, "the authority's answer has no name");
	if (!span_eq_str(state, "good"))
		fprintf(stderr, "note: this certificate is %s\n", cmd_shown(state, shown, sizeof shown));
	return 0;
}

static int ask(struct work *k)
{
	static const enum casign_field lists[ANCHORS] = {
		[ANCHOR_INFRA] = CAF_INFRA, [ANCHOR_DEVICE] = CAF_DEVICE, [ANCHOR_ACME] = CAF_ACME};
	struct cmd_request show = {.m.type = CA_SHOW}, facts = {.m.type = CA_FACTS};
	struct casign a = {.type = CA_NO};
	int rc = cmd_put_which(k->r, &show, k->wish->base.word[0]);

	if (rc == 0)
		rc = cmd_open(k->r);
	if (rc == 0)
		rc = cmd_ask(k->r, &show, -1, &a);
	if (rc == 0)
		rc = read_line(k, a.field[CAF_JSON]);
	if (rc < 0)
		return rc;
	k->der = keep(k->leaf, sizeof k->leaf, cmd_nth_cert(a.field[CAF_CHAIN], 0));
	rc = cmd_ask(k->r, &facts, -1, &a);
	for (size_t i = 0; rc == 0 && i < ANCHORS; i++)
		k->anchors[i] = keep(k->lists[i], sizeof k->lists[i], a.field[lists[i]]);
	return rc;
}

/* ---- the file ---------------------------------------------------------------------------------------- */

/* On stderr: standard output may be the file. Shown once, kept nowhere. */
static void say(const struct work *k)
{
	if (!span_eq_str(span_str(k->out_path), "-"))
		fprintf(stderr, "written      %s\n", k->out_path);
	if (k->made)
		fprintf(stderr, "password     %.*s\n"
				"             (shown this once; whoever has file and password has the key)\n",
			SPAN_ARG(secret_span(&k->password)));
}

static int write_out(struct work *k)
{
	struct export e = {.key = &k->key.key, .name = span_str(k->name)};
	const struct export_file f = {.format = k->format, .password = secret_span(&k->password), .dirfd = AT_FDCWD,
				      .name = k->out_path, .shown = k->out_path};
	int rc = export_of(&e, k->der, k->anchors, ANCHORS, &k->r->why);

	if (rc == 0)
		rc = export_write(&e, &f, &k->r->why);
	if (rc == 0)
		say(k);
	return rc;
}

static int run(struct cmd_run *r)
{
	struct work k = {.r = r, .wish = (const struct export_wish *)(const void *)r->wish, .format = EXPORT_P12};
	int rc = check_wish(&k);

	if (rc == 0)
		rc = check_out(&k);
	if (rc == 0)
		rc = read_key(&k);
	if (rc == 0)
		rc = get_password(&k);
	if (rc == 0)
		rc = ask(&k);
	if (rc == 0)
		rc = write_out(&k);
	wipe(&k, sizeof k);
	return rc;
}

#define AT(m) offsetof(struct export_wish, m)
static const struct cmd_option options[] = {
	{"--key", "FILE", "its private key (default: NAME.key here)", CMD_TEXT, AT(key), 0, 0},
	{"--format", "FORMAT", "p12 (default: phones, browsers), p12-modern (AES), mobileconfig (Apple) or pem", CMD_TEXT,
	 AT(format), 0, 0},
	{"--out", "FILE", "default: NAME.p12, NAME.mobileconfig, NAME.all.pem here; - is standard output", CMD_TEXT, AT(out), 0, 0},
	{"--key-pass-file", "FILE", "the key's passphrase; also " KEY_ENV ", …_FILE", CMD_TEXT, AT(key_pass_file), 0, 0},
	{"--p12-pass-file", "FILE", "the new file's password (default: one is made and shown once)", CMD_TEXT,
	 AT(p12_pass_file), 0, 0},
};

int ca_export_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt ca export", .words = "NAME|SERIAL", .least = 1, .most = 1, .options = options,
		.noptions = ARRAY_LEN(options), .run = run,
		.about = "Put a certificate, its key and its anchors into one file for a phone, a browser or a program. The\n"
			 "key is taken from the file that 'zt ca issue' made.\n"};
	struct export_wish w = {.key = NULL};

	return cmd_main(&command, &w.base, argc, argv);
}
