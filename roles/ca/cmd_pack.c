/* cmd_pack: see cmd_pack.h. It owns the password until it is closed, and never shows one that was given. */
#include "cmd_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"

#define PACK_NAME (CERT_NAME_MAX + 16) /* and ".mobileconfig" */

static bool is_stdin(const char *file)
{
	return file && span_eq_str(span_str(file), "-");
}

static bool wants(const struct cmd_pack_wish *w, enum export_format f)
{
	switch (f) {
	case EXPORT_P12:
		return w->p12;
	case EXPORT_P12_MODERN:
		return w->p12_modern;
	case EXPORT_MOBILECONFIG:
		return w->mobileconfig;
	case EXPORT_PEM:
	case EXPORT_FORMATS:
		break;
	}
	return false;
}

bool cmd_pack_wanted(const struct cmd_pack_wish *w)
{
	return w->p12 || w->p12_modern || w->mobileconfig;
}

int cmd_pack_check(struct cmd_run *r, const struct cmd_pack_wish *w, const struct cmd_out_wish *out)
{
	if (!cmd_pack_wanted(w))
		return w->pass_file ? cmd_misuse(r, "--p12-pass-file is for --p12, --p12-modern and --mobileconfig") : 0;
	if (w->p12 && w->p12_modern)
		return cmd_misuse(r, "--p12 and --p12-modern exclude each other: both are NAME.p12");
	if (out->csr)
		return cmd_misuse(r, "with --csr the key is elsewhere: it cannot be put into a file here");
	if (is_stdin(out->dir))
		return cmd_misuse(r, "--out - prints PEM; a packed file needs a directory");
	if (out->key_pass_file || out->ask_key_pass)
		return cmd_misuse(r, "the packed file has a password of its own (--p12-pass-file): no other key file is left");
	if (is_stdin(w->pass_file) && is_stdin(r->wish->pass_file))
		return cmd_misuse(r, "standard input (-) can be only one of --p12-pass-file and --pass-file");
	return 0;
}

static const char *file_name(const struct cmd_pack *p, enum export_format f, char out[static PACK_NAME])
{
	snprintf(out, PACK_NAME, "%s%s", p->o->name, export_suffix(f));
	return out;
}

static int refuse_existing(struct cmd_pack *p, enum export_format f)
{
	char name[PACK_NAME];
	struct stat st;

	if (fstatat(p->o->dir, file_name(p, f, name), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return why_set(&p->o->r->why, ZT_E_EXISTS, "%s exists already; it was left as it is. --out DIR puts the new one elsewhere",
		       name);
}

int cmd_pack_open(struct cmd_pack *p, struct cmd_out *o, const struct cmd_pack_wish *w)
{
	const struct secret_ask a = {.what = "password of the new file", .file = w->pass_file};
	int rc = 0;

	p->o = o;
	p->wish = w;
	for (enum export_format f = 0; rc == 0 && f < EXPORT_FORMATS; f++)
		if (wants(w, f))
			rc = refuse_existing(p, f);
	if (rc < 0)
		return rc;
	o->key_goes = true;
	p->made = a.file == NULL;
	if (a.file) {
		rc = secret_get(&p->password, &a, &o->r->why);
		return rc < 0 ? rc : p12_password_check(secret_span(&p->password), &o->r->why);
	}
	export_make_password(&p->password);
	return 0;
}

int cmd_pack_anchors(struct cmd_pack *p)
{
	static const enum casign_field lists[ANCHORS] = {
		[ANCHOR_INFRA] = CAF_INFRA, [ANCHOR_DEVICE] = CAF_DEVICE, [ANCHOR_ACME] = CAF_ACME};
	const struct cmd_request facts = {.m.type = CA_FACTS};
	struct casign a;
	int rc = cmd_ask(p->o->r, &facts, -1, &a);

	for (size_t i = 0; rc == 0 && i < ANCHORS; i++) {
		struct wr w = wr_of(p->lists[i], sizeof p->lists[i]);

		wr_put(&w, a.field[lists[i]]);
		if (w.full)
			return why_set(&p->o->r->why, ZT_E_FULL, "the authority has more anchors than a file takes");
		p->anchors[i] = wr_span(&w);
	}
	return rc;
}

static int write_one(struct cmd_pack *p, const struct export *e, enum export_format f, struct why *w)
{
	char name[PACK_NAME];
	const struct export_file file = {.format = f, .password = secret_span(&p->password), .dirfd = p->o->dir,
					 .name = file_name(p, f, name), .shown = name};
	int rc = export_write(e, &file, w);
	const char *dir = p->o->wish->dir;

	if (rc == 0)
		fprintf(stderr, "written      %s%s%s\n", dir ? dir : "", dir ? "/" : "", name);
	return rc;
}

/* On stderr, as `zt ca export` does. Shown once, kept nowhere. */
static void say_password(const struct cmd_pack *p)
{
	if (p->made)
		fprintf(stderr, "password     %.*s\n"
				"             (shown this once; whoever has file and password has the key)\n",
			SPAN_ARG(secret_span(&p->password)));
}

int cmd_pack_write(struct cmd_pack *p, struct span leaf)
{
	struct export e = {.key = &p->o->key.key, .name = span_str(p->o->name)};
	struct why w = {0};
	bool any = false;
	int rc = export_of(&e, leaf, p->anchors, ANCHORS, &w);

	for (enum export_format f = 0; rc == 0 && f < EXPORT_FORMATS; f++)
		if (wants(p->wish, f)) {
			rc = write_one(p, &e, f, &w);
			any |= rc == 0;
		}
	if (any)
		say_password(p);
	if (rc < 0)
		return why_set(&p->o->r->why, w.err, "the certificate is issued and its key is in %.200s/%s.key, but: %.200s; "
			       "'zt ca export %s --key FILE' makes the file", p->o->wish->dir ? p->o->wish->dir : ".", p->o->name,
			       w.text, p->o->name);
	return cmd_out_drop_key(p->o);
}

void cmd_pack_close(struct cmd_pack *p)
{
	wipe(p, sizeof *p);
}
