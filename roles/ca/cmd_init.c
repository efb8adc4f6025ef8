/*
 * cmd_init: `zt ca init` makes an authority: three anchors with their keys, the registry key, the
 * certificate of its own endpoint, and last of all the registry, which is what makes it one. It
 * makes everything in memory first, then writes it, each file whole.
 *
 * A marker stands in the directory while it writes. What a marker stands beside has signed nothing but
 * itself, and is cleared away by the next init; keys without marker and registry are of an authority that lost its
 * registry, and nothing here touches them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "cmd_root.h"
#include "cmds.h"
#include "decide/when.h"
#include "serve/registry.h"
#include "wire/pem.h"

#define MARKER "init.unfinished"
#define MARKER_TEXT                                                                                \
	"zt ca init writes this authority, or was ended while it did. The registry is written last:\n" \
	"without it nothing here has signed anything yet, and 'zt ca init' starts over.\n"
#define REGISTRY_NEW "registry.new"
#define NEW_FILE "registry.new/registry"
#define NEW_LOCK "registry.new/registry.lock"
_Static_assert(sizeof NEW_FILE == sizeof REGISTRY_NEW "/" REGISTRY_FILE, "REGISTRY_FILE below REGISTRY_NEW");
#define PEM_ROOM 65536

struct init_wish {
	struct cmd_wish base;
	bool ask_pass, offline;
	int64_t lifetime;
	struct cmd_pair import[ANCHORS];
	const char *import_pass_file;
};

struct init {
	struct cmd_run *r;
	const struct init_wish *wish;
	int64_t now;
	int dir, keys, lock;          /* descriptors; -1 */
	bool marked;                  /* from here on a failure is cleared away */
	struct cmd_root anchor[ANCHORS];
	struct cmd_key registry, serve;
	struct secret import_pass;
	uint8_t leaf[X509_MAX];       /* of the endpoint */
	struct x509 leaf_cert;
	uint8_t leaf_serial[CERT_SERIAL];
	char leaf_id[CERT_ID + 1];
};

/* ---- what is there ---------------------------------------------------------------------------- */

/* Everything it makes, in the directory of the authority. */
static const char *const made[] = {
	"keys/infra.1.key", "keys/device.1.key", "keys/acme.1.key", "keys/registry.key", "infra.pem", "device.pem",
	"acme.pem",	    "serve.pem",	 NEW_FILE, NEW_LOCK};
static const char *const made_dirs[] = {"keys", REGISTRY_NEW};

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int refuse_existing(struct init *in)
{
	char path[2 * PLACE_PATH];

	return why_set(&in->r->why, ZT_E_EXISTS, "there is an authority already: %s. It is never overwritten; for another "
		       "one set another [state] dir", cmd_path(in->r, "registry/" REGISTRY_FILE, path));
}

/* "NAME.new-" and sixteen hex digits: what io/newfile had not yet given its name. It may hold a key. */
static bool is_part_of(const char *name, const char *whole)
{
	struct span s = span_str(name), w = span_str(whole);
	uint8_t digits[8];

	return s.n == w.n + 21 && span_starts(s, whole) && span_starts(span_sub(s, w.n, 5), ".new-") &&
	       ct_hex_decode(span_sub(s, w.n + 5, 16), digits) == 0;
}

/* The name that `path` has in the directory `below`; NULL: it is in another one. */
static const char *name_below(const char *path, const char *below)
{
	struct span dir, file;

	if (!span_cut(span_str(path), '/', &dir, &file))
		return span_eq_str(SPAN_LIT("."), below) ? path : NULL;
	return span_eq_str(dir, below) ? (const char *)file.p : NULL;
}

static bool is_ours(const char *below, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		const char *whole = name_below(made[i], below);

		if (whole && (is_part_of(name, whole) || span_eq_str(span_str(whole), name)))
			return true;
	}
	return false;
}

/* Everything of ours in one of the directories; parts: only what has no name yet. */
static void sweep(int at, const char *below, bool parts)
{
	int fd = openat(at, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (is_part_of(e->d_name, MARKER) || (!parts && is_ours(below, e->d_name)))
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}

static void clear(int dir)
{
	sweep(dir, ".", false);
	for (size_t i = 0; i < ARRAY_LEN(made_dirs); i++) {
		sweep(dir, made_dirs[i], false);
		unlinkat(dir, made_dirs[i], AT_REMOVEDIR); /* not when somebody put something there */
	}
}

/* Of an init that did not end: says so and clears away. */
static int clear_unfinished(struct init *in)
{
	char path[2 * PLACE_PATH];

	fprintf(stderr, "zt ca init: an earlier init did not end; cleared away what it left in %s:", in->r->place.state);
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		if (is_there(in->dir, made[i]))
			fprintf(stderr, " %s", made[i]);
	fputc('\n', stderr);
	clear(in->dir);
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		if (is_there(in->dir, made[i]))
			return why_set(&in->r->why, ZT_E_EXISTS, "cannot clear %s away: remove it", cmd_path(in->r, made[i], path));
	return 0;
}

static int look_around(struct init *in)
{
	char path[2 * PLACE_PATH];

	if (is_there(in->dir, "registry/" REGISTRY_FILE)) {
		if (is_there(in->dir, MARKER))
			unlinkat(in->dir, MARKER, 0); /* it had only this left to do */
		return refuse_existing(in);
	}
	if (is_there(in->dir, MARKER))
		return clear_unfinished(in);
	sweep(in->dir, ".", true); /* an init that was ended in its very first step */
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		if (is_there(in->dir, made[i]))
			return why_set(&in->r->why, ZT_E_EXISTS, "%s is there, but no registry: this is what is left of an "
				       "authority, and it may have signed certificates. Bring registry/" REGISTRY_FILE
				       " back from your backup, or move all of %s away",
				       cmd_path(in->r, made[i], path), in->r->place.state);
	return 0;
}

/* Before anything is made or locked: an authority that exists is left alone to the last byte. One with a
 * marker may be in the making. */
static int look_first(struct init *in)
{
	char path[2 * PLACE_PATH];

	if (!is_there(AT_FDCWD, cmd_path(in->r, "registry/" REGISTRY_FILE, path)) ||
	    is_there(AT_FDCWD, cmd_path(in->r, MARKER, path)))
		return 0;
	return refuse_existing(in);
}

static int open_place(struct init *in)
{
	struct why *w = &in->r->why;
	int rc = in->dir = place_open_dir(in->r->place.state, w);

	if (rc >= 0)
		rc = in->lock = place_lock(in->r->place.state, "lock", w); /* the role's: neither starts beside the other */
	return rc < 0 ? rc : look_around(in);
}

/* ---- made in memory ----------------------------------------------------------------------------- */

static int get_passphrases(struct init *in)
{
	const struct init_wish *w = in->wish;
	const struct secret_ask ask = {.what = "new passphrase of the authority's keys", .tty = true, .twice = true};
	const struct secret_ask imp = {.what = "passphrase of the imported keys", .file = w->import_pass_file};
	int rc = cmd_passphrase(in->r);

	if (rc == 0 && w->ask_pass && in->r->pass.n)
		return cmd_misuse(in->r, "--ask-pass: a passphrase is given already, in a file or in the environment");
	if (rc == 0 && w->ask_pass)
		rc = secret_get(&in->r->pass, &ask, &in->r->why);
	if (rc == 0 && imp.file)
		rc = secret_get(&in->import_pass, &imp, &in->r->why);
	return rc;
}

static int get_anchors(struct init *in)
{
	struct cmd_root_wish wish = {.now = in->now, .lifetime = in->wish->lifetime, .pass = secret_span(&in->r->pass),
				     .import_pass = secret_span(&in->import_pass)};
	int rc = 0;

	for (unsigned i = 0; i < ANCHORS && rc == 0; i++) {
		wish.import = in->wish->import[i];
		rc = cmd_root_get(&in->anchor[i], (enum cert_anchor)i, &wish, &in->r->why);
	}
	return rc == 0 ? cmd_key_make(&in->registry, &in->r->why) : rc;
}

/* The endpoint's certificate, for the hosts of [ca] reach. */
static int make_leaf(struct init *in)
{
	struct cmd_root *infra = &in->anchor[ANCHOR_INFRA];
	struct wr der = wr_of(in->leaf, sizeof in->leaf);
	const struct signer s = signer_of(infra->key);
	struct cert_wish wish = {.role = ROLE_REGISTRY, .now = in->now};
	struct cmd_names names;
	struct cert_issuer by;
	uint8_t id[CERT_ID / 2];
	int rc = cmd_key_make(&in->serve, &in->r->why);

	if (rc == 0)
		rc = cmd_names_of_reach(&names, in->r);
	if (rc)
		return rc;
	random_bytes(id, sizeof id);
	ct_hex_encode(id, sizeof id, in->leaf_id);
	cmd_serial_make(in->leaf_serial);
	cert_issuer_of(&by, &infra->cert);
	wish.id = span_str(in->leaf_id);
	wish.serial = span_of(in->leaf_serial, sizeof in->leaf_serial);
	wish.spki = in->serve.spki;
	wish.nsans = names.n;
	for (size_t i = 0; i < names.n; i++)
		wish.san[i] = names.san[i];
	rc = cert_make(&der, &wish, &by, &s, &in->r->why);
	return rc < 0 ? rc : x509_read(&in->leaf_cert, wr_span(&der), &in->r->why);
}

/* ---- written --------------------------------------------------------------------------------------- */

static int put(struct init *in, int dir, const char *name, const char *below, mode_t mode, struct span bytes)
{
	char rel[64], path[2 * PLACE_PATH];
	const struct newfile f = {.dirfd = dir, .name = name, .mode = mode, .how = NEWFILE_FIRST, .shown = path};

	snprintf(rel, sizeof rel, "%s%s", below, name);
	cmd_path(in->r, rel, path);
	return newfile_write(&f, bytes, &in->r->why);
}

static int write_keys(struct init *in)
{
	uint8_t mem[CMD_KEY_PEM];
	struct wr out = wr_of(mem, sizeof mem);
	int rc = in->keys = place_open_below(in->r->place.state, "keys", geteuid(), getegid(), &in->r->why);

	for (unsigned i = 0; i < ANCHORS && rc >= 0; i++) {
		char name[32];

		snprintf(name, sizeof name, "%s.1.key", anchor_name((enum cert_anchor)i));
		rc = put(in, in->keys, name, "keys/", 0600, span_of(in->anchor[i].file, in->anchor[i].nfile));
	}
	if (rc >= 0)
		rc = cmd_key_pem(&out, &in->registry.key, secret_span(&in->r->pass), &in->r->why);
	if (rc >= 0)
		rc = put(in, in->keys, "registry.key", "keys/", 0600, wr_span(&out));
	wipe(mem, sizeof mem);
	return rc < 0 ? rc : 0;
}

static int write_certs(struct init *in)
{
	uint8_t mem[PEM_ROOM];
	struct wr out = wr_of(mem, sizeof mem);
	int rc = 0;

	for (unsigned i = 0; i < ANCHORS && rc == 0; i++) {
		char name[32];

		snprintf(name, sizeof name, "%s.pem", anchor_name((enum cert_anchor)i));
		out.n = 0;
		pem_write(&out, "CERTIFICATE", in->anchor[i].cert.der);
		rc = put(in, in->dir, name, "", 0644, wr_span(&out));
	}
	out.n = 0;
	if (rc == 0)
		rc = cmd_serve_pem(&out, &in->serve.key, in->leaf_cert.der, in->anchor[ANCHOR_INFRA].cert.der, &in->r->why);
	if (rc == 0)
		rc = put(in, in->dir, "serve.pem", "", 0600, wr_span(&out));
	wipe(mem, sizeof mem);
	return rc;
}

static int fill_registry(struct init *in, struct registry *g)
{
	struct why *w = &in->r->why;
	struct reg_issue i = {.der = in->leaf_cert.der};
	struct reg_cert *c = &i.cert;
	_Static_assert(sizeof c->name >= CMD_SERVE_NAME, "it has room");
	int rc = registry_begin(g, in->registry.spki, w);

	for (unsigned a = 0; a < ANCHORS && rc == 0; a++)
		rc = registry_add_anchor(g, (enum cert_anchor)a, in->anchor[a].cert.der, w);
	if (rc < 0)
		return rc;
	*c = (struct reg_cert){.role = ROLE_REGISTRY, .generation = 1, .issued = in->now,
			       .not_before = in->leaf_cert.not_before, .not_after = in->leaf_cert.not_after};
	for (size_t k = 0; k < CERT_SERIAL; k++)
		c->serial[k] = in->leaf_serial[k];
	sha256(in->serve.spki, c->key);
	snprintf(c->id, sizeof c->id, "%s", in->leaf_id);
	cmd_serve_name(in->serve.spki, c->name);
	return registry_issue(g, &i, w);
}

/* To the children's user, who writes it from now on: the files first, the directory last. */
static int give_away(struct init *in, int dir)
{
	const struct place_owner who = place_children(in->r->conf);
	int copy, rc = 0;
	struct dirent *e;
	DIR *d;

	if (who.uid == geteuid())
		return 0;
	copy = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (d == NULL) {
		rc = why_sys(&in->r->why, errno, "cannot list %s/" REGISTRY_NEW, in->r->place.state);
		if (copy >= 0)
			close(copy);
		return rc;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && fchownat(dir, e->d_name, who.uid, who.gid, AT_SYMLINK_NOFOLLOW) < 0)
			rc = why_sys(&in->r->why, errno, "cannot give %s/" REGISTRY_NEW "/%s to user %lu", in->r->place.state,
				     e->d_name, (unsigned long)who.uid);
	if (rc == 0 && fchown(dir, who.uid, who.gid) < 0)
		rc = why_sys(&in->r->why, errno, "cannot give %s/" REGISTRY_NEW " to user %lu", in->r->place.state,
			     (unsigned long)who.uid);
	closedir(d);
	return rc;
}

/* The one step that makes it an authority: a rename of a whole directory. */
static int publish(struct init *in, int dir)
{
	if (fsync(dir) < 0 || renameat(in->dir, REGISTRY_NEW, in->dir, "registry") < 0 || fsync(in->dir) < 0)
		return why_sys(&in->r->why, errno, "cannot put the registry in its place, %s/registry", in->r->place.state);
	return 0;
}

static int write_registry(struct init *in)
{
	char shown[2 * PLACE_PATH];
	struct bounds bounds;
	struct registry_opts o = {.shown = cmd_path(in->r, "registry/" REGISTRY_FILE, shown), .clock = &clock_real,
				  .bounds = &bounds, .create = true};
	struct registry *g = NULL;
	int rc = o.dirfd = place_open_below(in->r->place.state, REGISTRY_NEW, geteuid(), getegid(), &in->r->why);

	if (rc < 0)
		return rc;
	bounds_init(&bounds);
	rc = registry_open(&g, &o, &in->r->why);
	if (rc == 0)
		rc = fill_registry(in, g);
	registry_close(g);
	if (rc == 0)
		rc = give_away(in, o.dirfd);
	if (rc == 0)
		rc = publish(in, o.dirfd);
	close(o.dirfd);
	return rc;
}

static int mark(struct init *in)
{
	char path[2 * PLACE_PATH];
	const struct newfile f = {.dirfd = in->dir, .name = MARKER, .mode = 0600, .how = NEWFILE_REPLACE,
				  .shown = cmd_path(in->r, MARKER, path)};
	int rc = newfile_write(&f, SPAN_LIT(MARKER_TEXT), &in->r->why);

	in->marked = rc == 0;
	return rc;
}

static int unmark(struct init *in)
{
	in->marked = false;
	if (unlinkat(in->dir, MARKER, 0) < 0 && errno != ENOENT)
		return why_sys(&in->r->why, errno, "the authority is made, but %s/" MARKER " cannot be removed: remove it",
			       in->r->place.state);
	fsync(in->dir);
	return 0;
}

/* ---- said -------------------------------------------------------------------------------------------- */

static const char offline_text[] =
	"\nWhich keys may leave this machine, for a stick in a drawer:\n"
	"  keys/acme.1.key, keys/device.1.key, keys/infra.1.key\n"
	"What needs one that is away is refused in words and everything else goes on:\n"
	"  without infra    no edge, connector or client is enrolled or renewed: those renew themselves\n"
	"                   at two thirds of their life (client 30 days, edge and connector 90), so bring\n"
	"                   it back before; no revocation list of infra is signed\n"
	"  without device   no phone or browser is issued; no revocation list of device is signed\n"
	"  without acme     no certificate for a server in the local network\n"
	"What never stops: the status list, by which every edge and connector knows who is revoked. It\n"
	"is signed with keys/registry.key: that one has to stay.\n"
	"To use a key again, put the file back and say 'zt reload ca'.\n";

static int say(struct init *in)
{
	static const char *const whose[ANCHORS] = {
		[ANCHOR_INFRA] = "edges, connectors, clients", [ANCHOR_DEVICE] = "phones and browsers",
		[ANCHOR_ACME] = "servers in the local network"};

	printf("A new authority is in %s\n", in->r->place.state);
	for (unsigned i = 0; i < ANCHORS; i++) {
		uint8_t pin[SHA256_LEN];
		char hex[2 * SHA256_LEN + 1] = "", day[WHEN_DAY];

		x509_pin(&in->anchor[i].cert, pin);
		ct_hex_encode(pin, sizeof pin, hex);
		printf("  %-7s for %-29s until %s%s\n          sha256:%s\n", anchor_name((enum cert_anchor)i), whose[i],
		       when_day(in->anchor[i].cert.not_after, day), in->wish->import[i].a ? ", imported" : "", hex);
	}
	printf("  keys    %s/keys, for their owner alone, %s\n", in->r->place.state,
	       in->r->pass.n ? "encrypted: without the passphrase they are lost" : "not encrypted");
	if (in->r->pass.n && in->r->conf->ca.key_pass_file[0] == 0)
		printf("          'zt ca serve' needs [ca] key_pass_file, a file with that passphrase\n");
	if (in->r->conf->ca.reach.n == 0)
		printf("\n[ca] reach is not set: join tokens cannot say where the authority is, and its own certificate\n"
		       "has no host name. Set it, then: zt ca renew --serve\n");
	if (in->wish->offline)
		fputs(offline_text, stdout);
	printf("\nMake a backup of %s now: docs/ca.md says how.\n", in->r->place.state);
	return 0;
}

/* ---- the command ---------------------------------------------------------------------------------------- */

static int steps(struct init *in)
{
	static int (*const step[])(struct init *) = {look_first, get_passphrases, get_anchors, make_leaf,      open_place,
						     mark,	 write_keys,	  write_certs, write_registry, unmark};
	int rc = cmd_now(in->r, &in->now);

	for (size_t i = 0; i < ARRAY_LEN(step) && rc >= 0; i++)
		rc = step[i](in);
	return rc;
}

/* After a failure in between: nothing here has signed anything, so nothing of it stays. */
static void take_back(struct init *in)
{
	if (in->marked && !is_there(in->dir, "registry/" REGISTRY_FILE)) {
		clear(in->dir);
		unlinkat(in->dir, MARKER, 0);
	}
}

static int run(struct cmd_run *r)
{
	struct init in = {.r = r, .wish = (const struct init_wish *)(const void *)r->wish, .dir = -1, .keys = -1, .lock = -1};
	int rc = steps(&in);

	if (rc == 0)
		rc = say(&in);
	else
		take_back(&in);
	for (size_t i = 0; i < 3; i++) {
		int fd = (int[]){in.dir, in.keys, in.lock}[i];

		if (fd >= 0)
			close(fd);
	}
	wipe(&in, sizeof in);
	return rc;
}

#define IMPORT(which, anchor)                                                                     \
	{"--import-" which, "CERT KEY", "take this root and its key instead of making " which, CMD_PAIR,   \
	 offsetof(struct init_wish, import) + (anchor) * sizeof(struct cmd_pair), 0, 0}
static const struct cmd_option options[] = {
	{"--ask-pass", NULL, "ask for a passphrase, twice, and encrypt the keys with it", CMD_FLAG,
	 offsetof(struct init_wish, ask_pass), 0, 0},
	{"--lifetime", "SPAN", "how long the anchors live (default 7305d)", CMD_SPAN, offsetof(struct init_wish, lifetime), 86400,
	 ANCHOR_LIFETIME},
	IMPORT("infra", ANCHOR_INFRA),
	IMPORT("device", ANCHOR_DEVICE),
	IMPORT("acme", ANCHOR_ACME),
	{"--import-pass-file", "FILE", "passphrase of imported keys; - is standard input", CMD_TEXT,
	 offsetof(struct init_wish, import_pass_file), 0, 0},
	{"--offline", NULL, "say which keys may be kept elsewhere, and what works without them", CMD_FLAG,
	 offsetof(struct init_wish, offline), 0, 0},
};

int ca_init_main(int argc, char **argv)
{
	static const struct cmd command = {
		.call = "zt ca init", .words = "", .options = options, .noptions = ARRAY_LEN(options), .run = run,
		.about = "Make a certificate authority: three anchors (infra, device, acme), the key that signs the status\n"
			 "list, and the registry. Keys are for their owner alone, and encrypted when a passphrase is given.\n"};
	struct init_wish w = {.lifetime = ANCHOR_LIFETIME};

	return cmd_main(&command, &w.base, argc, argv);
}
