/* cmd_out: see cmd_out.h. It owns the new key, and the directory it writes into, until it is closed. */
#include "cmd_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "decide/when.h"
#include "wire/pem.h"

#define KEY_ENV "ZT_KEY_PASSPHRASE"
#define SHOWN 700

/* "DIR/NAME.key", for sentences; just NAME.key here. */
static const char *shown(const struct cmd_out *o, const char *suffix, char out[static SHOWN])
{
	const char *dir = o->wish->dir ? o->wish->dir : "";

	snprintf(out, SHOWN, "%.500s%s%s%s", dir, dir[0] ? "/" : "", o->name, suffix);
	return out;
}

static const char *file_name(const struct cmd_out *o, const char *suffix, char out[static sizeof(o->name) + 16])
{
	snprintf(out, sizeof o->name + 16, "%s%s", o->name, suffix);
	return out;
}

static bool is(const char *option, const char *text)
{
	return option && span_eq_str(span_str(option), text);
}

static bool is_there(const struct cmd_out *o, const char *suffix)
{
	char name[sizeof o->name + 16];
	struct stat st;

	return fstatat(o->dir, file_name(o, suffix, name), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int refuse_existing(struct cmd_out *o, const char *suffix, const char *cause)
{
	char path[SHOWN];

	return why_set(&o->r->why, ZT_E_EXISTS, "%s exists already%s%.300s; it was left as it is. --out DIR puts the new one elsewhere",
		       shown(o, suffix, path), cause[0] ? ", and no key to go on with is in it: " : "", cause);
}

/* Standard input can be read once. */
static int one_stdin(struct cmd_out *o)
{
	int n = is(o->wish->csr, "-") + is(o->wish->key_pass_file, "-") + is(o->r->wish->pass_file, "-");

	if (n > 1)
		return cmd_misuse(o->r, "standard input (-) can be only one of --csr, --key-pass-file and --pass-file");
	if (o->wish->csr && (o->wish->key_pass_file || o->wish->ask_key_pass))
		return cmd_misuse(o->r, "with --csr no key is made here: there is nothing to encrypt");
	return 0;
}

int cmd_out_open(struct cmd_out *o, struct cmd_run *r, const struct cmd_out_wish *wish, const char *name, bool renew)
{
	int rc;

	*o = (struct cmd_out){.r = r, .wish = wish, .renew = renew, .dir = -1};
	snprintf(o->name, sizeof o->name, "%s", name);
	rc = one_stdin(o);
	if (rc < 0 || is(wish->dir, "-"))
		return rc;
	o->dir = open(wish->dir ? wish->dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->dir < 0)
		return why_sys(&r->why, errno, "cannot write into the directory %.300s", wish->dir ? wish->dir : ".");
	if (!renew && is_there(o, ".pem"))
		return refuse_existing(o, ".pem", "");
	o->key_found = !renew && wish->csr == NULL && is_there(o, ".key");
	return 0;
}

/* ---- the key ---------------------------------------------------------------------------------------- */

static int get_passphrase(struct cmd_out *o, struct secret *s)
{
	const struct secret_ask a = {.what = "passphrase of the new key", .file = o->wish->key_pass_file,
				     .tty = o->wish->ask_key_pass, .twice = true};
	int rc = secret_take_env(s, KEY_ENV, a.what, &o->r->why);

	if (rc == 0 && !a.file && !a.tty)
		return 0;
	if (o->r->why.err)
		return rc;
	return a.file || a.tty ? secret_get(s, &a, &o->r->why) : 0; /* else nobody asked for one */
}

static int make_key(struct cmd_out *o)
{
	struct wr pem = wr_of(o->key_pem, sizeof o->key_pem), csr = wr_of(o->csr_mem, sizeof o->csr_mem);
	struct why *w = &o->r->why;
	struct secret pass = {.n = 0};
	int rc = get_passphrase(o, &pass);

	if (rc == 0)
		rc = cmd_key_make(&o->key, w);
	if (rc == 0)
		rc = cmd_key_pem(&pem, &o->key.key, secret_span(&pass), w);
	if (rc == 0)
		rc = cmd_key_csr(&csr, &o->key, w);
	secret_wipe(&pass);
	o->nkey = pem.n;
	o->csr = wr_span(&csr);
	return rc;
}

static int open_key(struct cmd_out *o, struct span file, struct why *w)
{
	struct secret pass = {.n = 0};
	struct privkey key = {0};
	int rc = get_passphrase(o, &pass);

	if (rc < 0) {
		*w = o->r->why;
		return rc;
	}
	rc = privkey_read(&key, file, secret_span(&pass), w);
	if (rc == 0 && pass.n && !span_starts(file, "-----BEGIN ENCRYPTED"))
		rc = why_set(w, ZT_E_KEY, "it is not encrypted");
	if (rc == 0)
		rc = cmd_key_of(&o->key, &key.key, w);
	privkey_wipe(&key);
	secret_wipe(&pass);
	return rc;
}

/* An issue was ended before it had written the certificate, which may exist: another key would need another
 * name. */
static int take_up_key(struct cmd_out *o)
{
	char name[sizeof o->name + 16], path[SHOWN];
	const struct newfile f = {.dirfd = o->dir, .name = file_name(o, ".key", name), .shown = shown(o, ".key", path)};
	struct wr csr = wr_of(o->csr_mem, sizeof o->csr_mem);
	struct why w = {0};
	ssize_t n = newfile_read(&f, true, o->key_pem, sizeof o->key_pem, &w);
	int rc = n < 0 ? (int)n : open_key(o, span_of(o->key_pem, (size_t)n), &w);

	wipe(o->key_pem, sizeof o->key_pem);
	if (rc < 0) {
		o->r->why = (struct why){0};
		return refuse_existing(o, ".key", w.text);
	}
	rc = cmd_key_csr(&csr, &o->key, &o->r->why);
	o->csr = wr_span(&csr);
	return rc;
}

/* Of a renewal beside the old one, which is good until the new certificate is there. */
static const char *key_suffix(const struct cmd_out *o)
{
	return o->renew ? ".key.new" : ".key";
}

static int write_key(struct cmd_out *o)
{
	char name[sizeof o->name + 16], path[SHOWN];
	const struct newfile f = {.dirfd = o->dir, .name = file_name(o, key_suffix(o), name), .mode = 0600,
				  .shown = shown(o, key_suffix(o), path), .how = o->renew ? NEWFILE_REPLACE : NEWFILE_FIRST};
	int rc = o->dir < 0 ? 0 : newfile_write(&f, span_of(o->key_pem, o->nkey), &o->r->why);

	o->key_written = rc == 0 && o->dir >= 0;
	return rc;
}

int cmd_out_key(struct cmd_out *o)
{
	int rc;

	if (o->wish->csr) {
		rc = cmd_read_csr(o->wish->csr, o->csr_mem, &o->read, &o->r->why);
		o->csr = o->read.der;
		return rc;
	}
	if (o->key_found)
		return take_up_key(o);
	rc = make_key(o);
	return rc < 0 ? rc : write_key(o);
}

void cmd_out_undo(struct cmd_out *o, int rc)
{
	bool lost = rc == -ZT_E_CLOSED || rc == -ZT_E_TIMEOUT || rc == -ZT_E_RESET || rc == -ZT_E_SYS;
	char name[sizeof o->name + 16], path[SHOWN];

	if (o->key_written && !lost)
		unlinkat(o->dir, file_name(o, key_suffix(o), name), 0);
	else if (o->key_written)
		fprintf(stderr, "the key stays in %s: 'zt ca list' shows whether it has a certificate\n",
			shown(o, key_suffix(o), path));
	o->key_written = false;
}

/* ---- the certificate ---------------------------------------------------------------------------------- */

static int to_stdout(struct cmd_out *o, struct span pem)
{
	fwrite(o->key_pem, 1, o->nkey, stdout);
	fwrite(pem.p, 1, pem.n, stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return why_sys(&o->r->why, errno, "the certificate is issued, but standard output cannot be written%s",
		       o->nkey ? ": its key is lost, so revoke it" : "; 'zt ca show NAME --pem' has it");
}

/* First the certificate, then the key takes its place: in between the old key is beside the new certificate
 * and the new one still has its name, so that nothing is lost whatever ends us. */
static int to_files(struct cmd_out *o, struct span pem)
{
	char name[sizeof o->name + 16], next[sizeof o->name + 16], path[SHOWN];
	const struct newfile f = {.dirfd = o->dir, .name = file_name(o, ".pem", name), .mode = 0644,
				  .shown = shown(o, ".pem", path), .how = o->renew ? NEWFILE_REPLACE : NEWFILE_FIRST};
	struct why w = {0};
	int rc = newfile_write(&f, pem, &w);

	if (rc < 0)
		return why_set(&o->r->why, w.err, "the certificate is issued, but: %.300s; 'zt ca show %s --pem' has it", w.text,
			       o->name);
	if (!o->renew || !o->key_written)
		return 0;
	if (renameat(o->dir, file_name(o, ".key.new", next), o->dir, file_name(o, ".key", name)) < 0 || fsync(o->dir) < 0)
		return why_sys(&o->r->why, errno, "the certificate is renewed, but cannot rename %s to %s", next, name);
	return 0;
}

static void say(const struct cmd_out *o, const struct x509 *c, const char *what, enum cert_role role)
{
	FILE *to = o->dir < 0 ? stderr : stdout; /* there stdout is the certificate */
	char hex[2 * X509_SERIAL_MAX + 1] = "", day[WHEN_DAY], words[WHEN_WORDS], path[SHOWN];
	const struct cert_role_row *row = cert_role(role);

	ct_hex_encode(c->serial.p, c->serial.n <= X509_SERIAL_MAX ? c->serial.n : 0, hex);
	fprintf(to, "%s %s, role %s, until %s (%s)\n", what, o->name, row ? row->name : "?", when_day(c->not_after, day),
		when_words(c->not_after, clock_wall(&clock_real) / 1000, words));
	fprintf(to, "serial       %s\n", hex);
	if (o->dir < 0)
		return;
	if (o->key_found || (o->key_written && !o->key_goes))
		fprintf(to, "key          %s%s\n", shown(o, ".key", path), o->key_found ? " (was there already)" : "");
	fprintf(to, "certificate  %s\n", shown(o, ".pem", path));
	if (row)
		fprintf(to, "who checks it needs 'zt ca anchors %s'\n", anchor_name(row->anchor));
}

int cmd_out_cert(struct cmd_out *o, struct span chain, const char *what, enum cert_role role)
{
	uint8_t mem[2 * X509_MAX];
	struct wr pem = wr_of(mem, sizeof mem);
	struct span leaf = cmd_nth_cert(chain, 0);
	struct x509 c;
	int rc = x509_read(&c, leaf, &o->r->why);

	if (rc == 0)
		rc = cmd_pem_certs(&pem, leaf, &o->r->why);
	if (rc == 0)
		rc = o->dir < 0 ? to_stdout(o, wr_span(&pem)) : to_files(o, wr_span(&pem));
	if (rc == 0)
		say(o, &c, what, role);
	return rc;
}

int cmd_out_drop_key(struct cmd_out *o)
{
	char name[sizeof o->name + 16], path[SHOWN];

	if (!o->key_written)
		return 0;
	if (unlinkat(o->dir, file_name(o, key_suffix(o), name), 0) < 0)
		return why_sys(&o->r->why, errno, "all is written, but %s cannot be removed: do it, it is the key unencrypted",
			       shown(o, key_suffix(o), path));
	o->key_written = false;
	return 0;
}

void cmd_out_close(struct cmd_out *o)
{
	if (o->dir >= 0)
		close(o->dir);
	wipe(o, sizeof *o);
	o->dir = -1;
}
