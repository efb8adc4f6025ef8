/*
 * cmd_rollover: `zt ca rollover ANCHOR STEP`: a new key for an anchor, in steps between which both are
 * trusted; `zt ca adopt`, what another copy of the registry knows; `zt ca epoch`, after a restore.
 *
 * The new key is on the disk before the authority is told of its certificate, and the file of trusted
 * anchors is written from what the authority answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "cmd_table.h"
#include "cmds.h"
#include "decide/nearest.h"



struct roll_wish {
	struct cmd_wish base;
	bool force;
	int64_t lifetime;
};

struct roll {
	struct cmd_run *r;
	enum cert_anchor anchor;
	const char *name;       /* of it */
	unsigned generation;
	char file[40];          /* keys/NAME.N.key */
	bool wrote;             /* the key file */
	struct privkey key;     /* of the next anchor */
	uint8_t spki_mem[CMD_SPKI_MAX * 8]; /* RSA, too: 550 bytes */
	uint8_t der[X509_MAX];
};

static const struct roll_wish *wish_of(const struct cmd_run *r)
{
	return (const struct roll_wish *)(const void *)r->wish;
}

static void name_file(struct roll *o)
{
	snprintf(o->file, sizeof o->file, "keys/%s.%u.key", o->name, o->generation);
}

/* ---- what there is ------------------------------------------------------------------------------------- */

/* The highest generation of this anchor so far, plus one. */
static int next_generation(struct roll *o, struct span lines)
{
	struct why *w = &o->r->why;
	struct span line;
	uint64_t most = 0;

	while (lines.n) {
		struct json_tok tok[CMD_LINE_TOKENS];
		struct json j;
		uint64_t n;
		int rc;

		if (!span_cut(lines, '\n', &line, &lines))
			lines = SPAN_NONE;
		rc = cmd_line_read(&j, tok, line, w);
		if (rc < 0)
			return rc;
		n = json_u64(&j, json_get(&j, JSON_ROOT, "generation"), UINT32_MAX);
		if (j.err)
			return json_why(&j, w, "the authority's anchors");
		if (json_eq(&j, json_get(&j, JSON_ROOT, "anchor"), o->name) && n > most)
			most = n;
	}
	o->generation = (unsigned)most + 1;
	name_file(o);
	return o->generation <= CA_GENERATIONS ? 0 : why_set(w, ZT_E_FULL, "%d generations of an anchor are the most", CA_GENERATIONS);
}

/* ---- its key ---------------------------------------------------------------------------------------------- */

static ssize_t read_key_file(struct roll *o, const char *file, uint8_t *mem, size_t cap, struct why *w)
{
	char path[2 * PLACE_PATH];
	const struct newfile f = {.dirfd = AT_FDCWD, .name = cmd_path(o->r, file, path)};

	return newfile_read(&f, true, mem, cap, w);
}

/* The new key is kept as the others are: the registry's key, which is always here, says how, and that the
 * passphrase is the one of the others. */
static int check_passphrase(struct roll *o)
{
	const struct secret_ask ask = {.what = "passphrase of the authority's keys", .tty = true};
	struct secret *pass = &o->r->pass;
	struct why *w = &o->r->why, cause = {0};
	uint8_t file[CMD_KEY_PEM * 4];
	struct privkey k;
	ssize_t n = read_key_file(o, "keys/registry.key", file, sizeof file, w);
	int rc = n < 0 ? (int)n : 0;

	if (rc == 0 && privkey_read(&k, span_of(file, (size_t)n), SPAN_NONE, NULL) == 0) {
		secret_wipe(pass);
	} else if (rc == 0) {
		if (pass->n == 0)
			rc = secret_get(pass, &ask, w);
		if (rc == 0 && privkey_read(&k, span_of(file, (size_t)n), secret_span(pass), &cause) < 0)
			rc = why_set(w, ZT_E_KEY, "keys/registry.key: %s", cause.text);
	}
	privkey_wipe(&k);
	wipe(file, sizeof file);
	return rc;
}

static int make_key_file(struct roll *o)
{
	char path[2 * PLACE_PATH];
	const struct newfile f = {.dirfd = AT_FDCWD, .name = cmd_path(o->r, o->file, path), .mode = 0600, .how = NEWFILE_FIRST};
	uint8_t mem[CMD_KEY_PEM];
	struct wr pem = wr_of(mem, sizeof mem);
	struct cmd_key k;
	int rc = cmd_key_make(&k, &o->r->why);

	if (rc == 0)
		rc = cmd_key_pem(&pem, &k.key, secret_span(&o->r->pass), &o->r->why);
	if (rc == 0)
		rc = newfile_write(&f, wr_span(&pem), &o->r->why);
	o->wrote = rc == 0;
	cmd_key_wipe(&k);
	wipe(mem, sizeof mem);
	return rc;
}

/* One that is there already is used: somebody's own, or of a roll-over that did not begin. */
static int get_key(struct roll *o)
{
	char path[2 * PLACE_PATH];
	uint8_t file[CMD_KEY_PEM * 4];
	struct why cause = {0};
	struct stat st;
	ssize_t n;
	int rc = 0;

	if (lstat(cmd_path(o->r, o->file, path), &st) < 0)
		rc = make_key_file(o);
	if (rc < 0)
		return rc;
	n = read_key_file(o, o->file, file, sizeof file, &o->r->why);
	if (n < 0)
		return (int)n;
	rc = privkey_read(&o->key, span_of(file, (size_t)n), secret_span(&o->r->pass), &cause);
	wipe(file, sizeof file);
	return rc < 0 ? why_set(&o->r->why, (enum zt_err)-rc, "%s: %s", path, cause.text) : 0;
}

static int make_cert(struct roll *o, struct span *out)
{
	struct wr der = wr_of(o->der, sizeof o->der), spki = wr_of(o->spki_mem, sizeof o->spki_mem);
	const struct pk_public pub = privkey_public(&o->key);
	const struct signer s = signer_of(&o->key.key);
	uint8_t serial[CERT_SERIAL];
	int64_t now;
	int rc = cmd_now(o->r, &now);

	if (rc < 0)
		return rc;
	x509_wr_spki(&spki, &pub);
	cmd_serial_make(serial);
	rc = anchor_make(&der, o->anchor, span_of(serial, sizeof serial), wr_span(&spki), now, wish_of(o->r)->lifetime, &s,
			 &o->r->why);
	*out = wr_span(&der);
	return rc;
}

/* ---- after a step ------------------------------------------------------------------------------------------- */

static int write_trusted(struct roll *o, const struct casign *a)
{
	static const enum casign_field fields[ANCHORS] = {
		[ANCHOR_INFRA] = CAF_INFRA, [ANCHOR_DEVICE] = CAF_DEVICE, [ANCHOR_ACME] = CAF_ACME};
	char name[32], path[2 * PLACE_PATH];
	const struct newfile f = {.dirfd = AT_FDCWD, .name = path, .mode = 0644, .how = NEWFILE_REPLACE};
	uint8_t mem[2 * CASIGN_MAX];
	struct wr pem = wr_of(mem, sizeof mem);
	int rc;

	snprintf(name, sizeof name, "%s.pem", o->name);
	cmd_path(o->r, name, path);
	rc = cmd_pem_certs(&pem, a->field[fields[o->anchor]], &o->r->why);
	if (rc == 0 && pem.n == 0)
		rc = why_set(&o->r->why, ZT_E_BUG, "the authority trusts no %s anchor any more", o->name);
	return rc < 0 ? rc : newfile_write(&f, wr_span(&pem), &o->r->why);
}

static int ask_step(struct roll *o, enum casign_roll step, struct span cert, struct casign *a)
{
	struct cmd_request q = {.m.type = CA_ROLL};

	cmd_put_num(&q, CAF_KIND, step);
	cmd_put_num(&q, CAF_ANCHOR, o->anchor);
	if (cert.n)
		cmd_put(&q, CAF_CHAIN, cert);
	if (wish_of(o->r)->force)
		cmd_put_num(&q, CAF_ON, 1);
	return cmd_ask(o->r, &q, -1, a);
}

/* ---- the steps ------------------------------------------------------------------------------------------------ */

static int begin(struct roll *o, struct casign *a)
{
	const struct cmd_request q = {.m.type = CA_FACTS};
	char path[2 * PLACE_PATH];
	struct span cert;
	int rc = cmd_ask(o->r, &q, -1, a);

	if (rc == 0)
		rc = next_generation(o, a->field[CAF_JSON]);
	if (rc == 0)
		rc = check_passphrase(o);
	if (rc == 0)
		rc = get_key(o);
	if (rc == 0)
		rc = make_cert(o, &cert);
	if (rc == 0)
		rc = ask_step(o, CA_ROLL_BEGIN, cert, a);
	if (rc < 0 && o->wrote)
		unlink(cmd_path(o->r, o->file, path));
	return rc;
}

static int step_switch(struct roll *o, struct casign *a)
{
	return ask_step(o, CA_ROLL_SWITCH, SPAN_NONE, a);
}

static int step_finish(struct roll *o, struct casign *a)
{
	return ask_step(o, CA_ROLL_FINISH, SPAN_NONE, a);
}

static int step_cancel(struct roll *o, struct casign *a)
{
	return ask_step(o, CA_ROLL_CANCEL, SPAN_NONE, a);
}

static void said_begin(const struct roll *o, uint64_t live)
{
	printf("the next %s anchor is generation %u, key %s\n"
	       "both are trusted from now on: by agents when they next ask, by others (nginx, phones) when you give\n"
	       "them 'zt ca anchors %s'. %llu certificates depend on the present one.\n"
	       "then: zt ca rollover %s switch\n",
	       o->name, o->generation, o->file, o->name, (unsigned long long)live, o->name);
}

static void said_switch(const struct roll *o, uint64_t live)
{
	printf("generation %u of the %s anchor signs from now on. %llu certificates are still under the old one: agents renew\n"
	       "theirs, the others are yours to renew ('zt ca list').\n",
	       o->generation, o->name, (unsigned long long)live);
	if (o->anchor == ANCHOR_INFRA)
		printf("now: zt ca renew --serve, so that new tokens and the authority's own certificate go together\n");
	printf("when none is left: zt ca rollover %s finish\n", o->name);
}

static void said_finish(const struct roll *o, uint64_t live)
{
	(void)live;
	printf("generation %u of the %s anchor is no longer trusted. %s is of no more use: delete it, or keep it where\n"
	       "nobody else gets at it.\n",
	       o->generation, o->name, o->file);
}

static void said_cancel(const struct roll *o, uint64_t live)
{
	char path[2 * PLACE_PATH];

	(void)live;
	unlink(cmd_path(o->r, o->file, path)); /* it has signed nothing but itself */
	printf("the roll-over of the %s anchor is cancelled; generation %u is not trusted and its key is deleted\n", o->name,
	       o->generation);
}

static const struct {
	const char *word;
	int (*step)(struct roll *o, struct casign *a);
	void (*said)(const struct roll *o, uint64_t live);
} steps[] = {{"begin", begin, said_begin},
	     {"switch", step_switch, said_switch},
	     {"finish", step_finish, said_finish},
	     {"cancel", step_cancel, said_cancel}};

static int roll(struct roll *o, size_t i)
{
	struct casign a;
	uint64_t live = 0;
	int rc = cmd_open(o->r);

	if (rc == 0)
		rc = steps[i].step(o, &a);
	if (rc < 0)
		return rc;
	o->generation = (unsigned)casign_u64(&a, CAF_GENERATION);
	live = casign_u64(&a, CAF_COUNT);
	name_file(o);
	rc = write_trusted(o, &a);
	if (rc < 0)
		return rc;
	cmd_reload(o->r);
	steps[i].said(o, live);
	return 0;
}

static int run(struct cmd_run *r)
{
	struct roll o = {.r = r};
	struct nearest n = nearest_to(span_str(r->wish->word[1]));
	char shown[100];
	int rc = cmd_anchor(r, r->wish->word[0], &o.anchor);

	if (rc < 0)
		return rc;
	o.name = anchor_name(o.anchor);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		nearest_offer(&n, steps[i].word);
		if (!span_eq_str(span_str(r->wish->word[1]), steps[i].word))
			continue;
		if (wish_of(r)->force && steps[i].step != step_finish)
			return cmd_misuse(r, "--force is for finish");
		rc = roll(&o, i);
		privkey_wipe(&o.key);
		return rc;
	}
	return cmd_misuse(r, "a roll-over has the steps begin, switch, finish and cancel, not '%s'%s%s%s",
			  cmd_shown(span_str(r->wish->word[1]), shown, sizeof shown), n.best ? "; did you mean '" : "",
			  n.best ? n.best : "", n.best ? "'?" : "");
}

int ca_rollover_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--force", NULL, "finish although certificates are left: they end with the old anchor", CMD_FLAG,
		 offsetof(struct roll_wish, force), 0, 0},
		{"--lifetime", "SPAN", "begin: how long the new anchor lives (default 7305d)", CMD_SPAN,
		 offsetof(struct roll_wish, lifetime), 86400, ANCHOR_LIFETIME}};
	static const struct cmd command = {
		.call = "zt ca rollover", .words = "ANCHOR begin|switch|finish|cancel", .least = 2, .most = 2, .options = options,
		.noptions = ARRAY_LEN(options), .run = run,
		.about = "Replace the key of an anchor (infra, device, acme) without an interruption:\n"
			 "  begin   make the next one and trust it beside the present one\n"
			 "  switch  sign with it\n"
			 "  finish  stop trusting the old one, when nothing is left under it\n"
			 "  cancel  undo begin\n"};
	struct roll_wish w = {.lifetime = ANCHOR_LIFETIME};

	return cmd_main(&command, &w.base, argc, argv);
}

/* ---- adopt, epoch ------------------------------------------------------------------------------------------- */

/* The journal itself, or what it is in: registry/registry of an authority's directory, or registry of that. */
static int open_registry_of(struct cmd_run *r, const char *path)
{
	static const char *const inside[] = {"registry/registry", "registry"};
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), file = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return why_sys(&r->why, errno, "cannot open %.300s", path);
	if (S_ISREG(st.st_mode))
		return fd;
	for (size_t i = 0; i < ARRAY_LEN(inside) && file < 0; i++) {
		file = openat(fd, inside[i], O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (file >= 0 && (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))) {
			close(file);
			file = -1;
		}
	}
	close(fd);
	return file >= 0 ? file : why_set(&r->why, ZT_E_NOTFOUND, "there is no registry in %.300s: name the directory of the other "
					  "authority, or its file registry/registry", path);
}

static int adopt(struct cmd_run *r)
{
	const struct cmd_request q = {.m.type = CA_ADOPT};
	struct casign a;
	int fd = open_registry_of(r, r->wish->word[0]), rc;

	if (fd < 0)
		return fd;
	rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_ask(r, &q, fd, &a);
	close(fd);
	if (rc == 0)
		printf("taken in: %llu records\n", (unsigned long long)casign_u64(&a, CAF_COUNT));
	return rc;
}

int ca_adopt_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt ca adopt", .words = "FILE", .least = 1, .most = 1, .run = adopt,
		.about = "Take in what another copy of this authority's registry knows and this one does not: certificates that\n"
			 "were issued, revoked or replaced on an offline machine. FILE is its registry/registry, or its directory.\n"};
	struct cmd_wish w = {.words = 0};

	return cmd_main(&command, &w, argc, argv);
}

static int epoch(struct cmd_run *r)
{
	const struct cmd_request q = {.m.type = CA_EPOCH};
	struct casign a;
	int rc = cmd_open(r);

	if (rc == 0)
		rc = cmd_ask(r, &q, -1, &a);
	if (rc == 0)
		printf("epoch %llu\n", (unsigned long long)casign_u64(&a, CAF_EPOCH));
	return rc;
}

int ca_epoch_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt ca epoch", .words = "", .run = epoch,
		.about = "Begin a new epoch of the status list. After the registry was restored from a backup its numbers are\n"
			 "behind what its followers have seen, and they refuse lists that go back; a new epoch they take.\n"};
	struct cmd_wish w = {.words = 0};

	return cmd_main(&command, &w, argc, argv);
}
