/* files: see files.h. Memory: one bundle and one file at a time, both wiped before they go. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/ct.h"
#include "base/num.h"
#include "base/pool.h"
#include "decide/tlsplan.h"
#include "spawn.h"
#include "wire/bundle.h"

/* ---- which ------------------------------------------------------------------------------- */

struct wants {
	struct file_want *out;
	size_t n;
	const char *kind, *of; /* whose they are, from now on */
	const struct conf_named *at;
};

static void add_file(struct wants *w, const char *path, enum file_kind kind, bool optional)
{
	if (path[0] == 0)
		return;
	for (size_t i = 0; i < w->n; i++)
		if (span_eq_str(span_str(path), w->out[i].path)) {
			if (kind > w->out[i].kind)
				w->out[i].kind = kind; /* one file may hold certificate and key */
			w->out[i].optional |= optional;
			return;
		}
	ZT_ASSERT(w->n < FILES_MOST);
	w->out[w->n++] = (struct file_want){.path = path, .kind = kind, .optional = optional, .kind_of = w->kind, .of = w->of, .at = w->at};
}

static void add(struct wants *w, const char *path, enum file_kind kind)
{
	add_file(w, path, kind, false);
}

static void files_of_plan(struct wants *w, const struct tls_plan *p)
{
	for (size_t i = 0; i < p->servers; i++) {
		const struct tls_server_plan *s = &p->server[i];

		w->kind = "host ";
		w->of = s->id;
		w->at = s->at;
		add_file(w, s->cert, FILE_PUBLIC, s->may_lack);
		add_file(w, s->key, FILE_SECRET, s->may_lack);
		add(w, s->pass, FILE_SECRET);
		add_file(w, s->client_ca, s->roles ? FILE_ANCHORS : FILE_AUTHORITY, s->may_lack);
	}
	for (size_t i = 0; i < p->clients; i++) {
		const struct tls_client_plan *c = &p->client[i];

		w->kind = "";
		w->of = c->id;
		w->at = c->at;
		if (tls_plan_asks_authority(c))
			add_file(w, c->ca, c->roles ? FILE_ANCHORS : FILE_AUTHORITY, c->may_lack);
		add_file(w, c->cert, FILE_PUBLIC, c->may_lack);
		add_file(w, c->key, FILE_SECRET, c->may_lack);
		add(w, c->pass, FILE_SECRET);
	}
}

/* Of hosts always: a worker has to see that others count now. */
static void anchors_of_plan(struct wants *w, const struct tls_plan *p)
{
	for (size_t i = 0; i < p->servers; i++) {
		const struct tls_server_plan *s = &p->server[i];

		if (s->client_ca[0] && (s->roles || !s->any_name))
			add_file(w, s->client_ca, FILE_ANCHORS, s->may_lack);
	}
	for (size_t i = 0; i < p->clients; i++)
		if (p->client[i].roles)
			add_file(w, p->client[i].ca, FILE_ANCHORS, p->client[i].may_lack);
}

size_t files_of_tls(const struct conf *c, struct file_want out[static FILES_MOST])
{
	struct wants w = {.out = out};
	struct tls_plan plan;

	tls_plan_of(c, &plan);
	if (plan.servers && plan.server[plan.servers - 1].any_name)
		plan.servers--; /* the authority's: files_of_ca() */
	files_of_plan(&w, &plan);
	return w.n;
}

size_t files_of_roles(const struct conf *c, struct file_want out[static FILES_MOST], size_t n)
{
	struct wants w = {.out = out, .n = n};
	struct tls_plan plan;

	tls_plan_of(c, &plan);
	anchors_of_plan(&w, &plan);
	return w.n;
}

size_t files_of_identity(const struct conf *c, struct file_want out[static FILES_MOST])
{
	struct wants w = {.out = out};
	struct tls_plan plan;

	tls_plan_of_identity(c, &plan);
	files_of_plan(&w, &plan);
	return w.n;
}

size_t files_of_id_roles(const struct conf *c, struct file_want out[static FILES_MOST], size_t n)
{
	struct wants w = {.out = out, .n = n};
	struct tls_plan plan;

	tls_plan_of_identity(c, &plan);
	anchors_of_plan(&w, &plan);
	return w.n;
}

size_t files_of_ca(const struct conf *c, struct file_want out[static FILES_MOST])
{
	struct wants w = {.out = out};

	(void)c; /* it says where to listen, and that is all */
	add(&w, TLS_CA_CERT, FILE_SECRET);
	add(&w, TLS_CA_CLIENTS, FILE_AUTHORITY);
	return w.n;
}

/* Where distributions keep their authorities: Debian and Alpine, Fedora, the BSDs' way. */
static const char *const system_files[] = {
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

const char *files_system(void)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(system_files); i++)
		if (stat(system_files[i], &st) == 0)
			return system_files[i];
	return NULL;
}

#define PATH_ROOM 4352 /* a path of the configuration, or a state directory and a name in it */

/* Where it is, for open() and for sentences. */
static int real_path(const struct file_want *f, const struct files_base *base, char out[static PATH_ROOM])
{
	struct wr w = wr_of(out, PATH_ROOM - 1);
	const char *path = f->path;

	if (span_eq_str(span_str(path), FILES_SYSTEM)) {
		path = files_system();
		wr_str(&w, path ? path : system_files[0]); /* to be named in the sentence that it is missing */
	} else {
		ZT_ASSERT(path[0] == '/' || (base && base->dir));
		if (path[0] != '/') {
			wr_str(&w, base->dir);
			wr_u8(&w, '/');
		}
		wr_str(&w, path);
	}
	out[w.n] = 0;
	return w.full ? -ZT_E_TOOLONG : 0;
}

/* ---- marks ------------------------------------------------------------------------------- */

bool files_same(const struct files_mark *a, const struct files_mark *b)
{
	return span_eq(span_of(a->digest, sizeof a->digest), span_of(b->digest, sizeof b->digest));
}

/* Owner and mode too: making a file readable, or closing it, may be what was missing. */
static void mark_add(struct files_mark *m, const struct stat *st)
{
	uint8_t mem[SHA256_LEN + 7 * 8];
	struct wr w = wr_of(mem, sizeof mem);

	wr_bytes(&w, m->digest, sizeof m->digest);
	wr_le64(&w, (uint64_t)st->st_dev);
	wr_le64(&w, (uint64_t)st->st_ino);
	wr_le64(&w, (uint64_t)st->st_size);
	wr_le64(&w, (uint64_t)st->st_mtim.tv_sec);
	wr_le64(&w, (uint64_t)st->st_mtim.tv_nsec);
	wr_le64(&w, (uint64_t)st->st_mode);
	wr_le64(&w, (uint64_t)st->st_uid);
	sha256(wr_span(&w), m->digest);
}

static const struct stat absent = {.st_size = -1};

void files_look(const struct file_want *want, size_t n, const struct files_base *base, struct files_mark *out)
{
	*out = (struct files_mark){{0}};
	for (size_t i = 0; i < n; i++) {
		char path[PATH_ROOM];
		struct stat st;

		if (real_path(&want[i], base, path) < 0 || stat(path, &st) < 0)
			st = absent;
		mark_add(out, &st);
	}
}

/* ---- one file ---------------------------------------------------------------------------- */

struct judging {
	const char *what;   /* for sentences */
	bool owned;         /* by root, or by who runs zt */
	mode_t closed;      /* what others may not do */
	const char *remedy; /* of chmod */
};
static const struct judging judgings[] = {
	[FILE_PUBLIC] = {"", false, S_IWOTH, "o-w"},
	[FILE_SECRET] = {"the key or passphrase in ", true, S_IRWXG | S_IRWXO, "600"},
	[FILE_AUTHORITY] = {"the list of authorities in ", true, S_IWGRP | S_IWOTH, "go-w"},
	[FILE_ANCHORS] = {"the list of authorities in ", true, S_IWGRP | S_IWOTH, "go-w"},
};

static int judge(const char *path, enum file_kind kind, uid_t owner, const struct stat *st, struct why *w)
{
	const struct judging *j = &judgings[kind];
	uid_t me = geteuid();

	if (!S_ISREG(st->st_mode))
		return why_set(w, ZT_E_SYNTAX, "%s is not a regular file", path);
	if (j->owned && st->st_uid != 0 && st->st_uid != me && (owner == 0 || st->st_uid != owner))
		return why_set(w, ZT_E_PERM, "%s%s belongs to user %lu, who could change it under zt: chown %lu %s", j->what,
			       path, (unsigned long)st->st_uid, (unsigned long)me, path);
	if (st->st_mode & j->closed)
		return why_set(w, ZT_E_PERM, "%s%s is open to others than its owner (mode %04o): chmod %s %s", j->what, path,
			       (unsigned)(st->st_mode & 07777), j->remedy, path);
	return 0;
}

/* n bytes, and then the end. */
static int read_exactly(int fd, uint8_t *p, size_t n, const char *path, struct why *w)
{
	size_t got = 0;

	while (got < n + 1) { /* one more, to see the end */
		ssize_t k = read(fd, &p[got], n + 1 - got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return why_sys(w, errno, "cannot read %s", path);
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return got == n ? 0 : why_set(w, ZT_E_AGAIN, "%s changed while it was read; try again", path);
}

struct packing {
	const struct files_base *base;
	struct wr bundle;
	struct files_mark mark;
	struct why *why;
};

/* Not a parser: the words that every private key in PEM has at both ends. */
static bool holds_key(const uint8_t *text, size_t n)
{
	static const char mark[] = "PRIVATE KEY-----";

	return memmem(text, n, mark, sizeof mark - 1) != NULL;
}

static int pack_text(struct packing *p, const struct file_want *f, const char *path, struct span text)
{
	if (f->kind == FILE_ANCHORS && holds_key(text.p, text.n))
		return why_set(p->why, ZT_E_KEY, "%s holds a private key, and roles are checked where none may be: put the "
			       "certificates of the authorities into a file of their own", path);
	bundle_add(&p->bundle, span_str(f->path), text);
	if (p->bundle.full)
		return why_set(p->why, ZT_E_TOOLONG, "the files of certificates and keys are more than %d or longer than %zu "
			       "bytes in all; %s is one too many", BUNDLE_FILES, (size_t)BOUND_CAP(BOUND_BUNDLE), path);
	return 0;
}

static int pack_open(struct packing *p, const struct file_want *f, const char *path, int fd)
{
	size_t most = BOUND_CAP(BOUND_BUNDLE);
	struct arena mem;
	struct stat st;
	uint8_t *text;
	int rc;

	if (fstat(fd, &st) < 0)
		return why_sys(p->why, errno, "cannot look at %s", path);
	rc = judge(path, f->kind, f->path[0] != '/' && p->base ? p->base->owner : 0, &st, p->why);
	if (rc < 0)
		return rc;
	mark_add(&p->mark, &st);
	if (st.st_size < 0 || (uint64_t)st.st_size > most)
		return why_set(p->why, ZT_E_TOOLONG, "%s is longer than %zu bytes", path, most);
	arena_init(&mem, most + 32); /* an arena hands out in steps of 16 */
	text = arena_get(&mem, (size_t)st.st_size + 1);
	if (text == NULL)
		return why_set(p->why, ZT_E_NOMEM, "no memory for %s", path);
	rc = read_exactly(fd, text, (size_t)st.st_size, path, p->why);
	if (rc == 0)
		rc = pack_text(p, f, path, span_of(text, (size_t)st.st_size));
	wipe(text, (size_t)st.st_size + 1);
	arena_free(&mem);
	return rc;
}

static int no_link(const char *path, struct why *w)
{
	return why_set(w, ZT_E_PERM, "%s is a symbolic link, and zt made none: put the file itself there", path);
}

/* The first that a start of the authority, or of a member, looks for: what to do, instead of what the system calls it. Who asks
 * for the error's number still learns it. */
static int no_own_file(const char *path, bool identity, struct why *w)
{
	int rc = why_set(w, ZT_E_SYS, identity ? "there is no %s: this role has not joined yet; 'zt connector join' or 'zt edge join' "
			 "with a token of the authority makes it" : "there is no %s: 'zt ca init' makes an authority, 'zt ca renew --serve' this file",
			 path);

	w->sys = ENOENT;
	return rc;
}

static int pack(struct packing *p, const struct file_want *f)
{
	int own = f->path[0] == '/' || span_eq_str(span_str(f->path), FILES_SYSTEM) ? 0 : O_NOFOLLOW, fd, rc;
	bool of_identity = span_starts(span_str(f->path), TLS_ID_DIR "/");
	char path[PATH_ROOM];

	if (real_path(f, p->base, path) < 0)
		return why_set(p->why, ZT_E_TOOLONG, "the path of %s is too long", f->path);
	/* O_NONBLOCK: a FIFO put in our way must not hold up the start. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | own);
	if (fd < 0 && errno == ENOENT && f->optional) {
		mark_add(&p->mark, &absent);
		return 0;
	}
	if (fd < 0 && errno == ENOENT && (span_eq_str(span_str(f->path), TLS_CA_CERT) || of_identity))
		return no_own_file(path, of_identity, p->why);
	if (fd < 0)
		return own && errno == ELOOP ? no_link(path, p->why) : why_sys(p->why, errno, "cannot open %s", path);
	rc = pack_open(p, f, path, fd);
	close(fd);
	return rc;
}

/* A path of the configuration's is told with the section that names it; one of our own is what it is. */
static int blame(const struct file_want *f, int rc, struct why *w)
{
	struct why was;

	if (rc >= 0 || !w || !f->of || f->path[0] != '/')
		return rc;
	was = *w;
	*w = (struct why){0}; /* the first sentence stays, otherwise */
	if (f->at)
		why_set(w, (enum zt_err)-rc, "%s:%lu: [%s%s]: %s", f->at->file, (unsigned long)f->at->line, f->kind_of, f->of, was.text);
	else
		why_set(w, (enum zt_err)-rc, "[%s%s]: %s", f->kind_of, f->of, was.text);
	w->sys = was.sys;
	return rc;
}

static int pack_more(struct packing *p)
{
	for (size_t i = 0; p->base && i < p->base->nextra; i++)
		bundle_add(&p->bundle, span_str(p->base->extra[i].name), p->base->extra[i].bytes);
	return p->bundle.full ? why_set(p->why, ZT_E_TOOLONG, "the files handed over are too long together") : 0;
}

int files_pack(const struct file_want *want, size_t n, const struct files_base *base, struct files_mark *out,
	       struct why *w)
{
	size_t most = BOUND_CAP(BOUND_BUNDLE);
	struct packing p = {.base = base, .why = w};
	struct arena mem;
	uint8_t *room;
	int rc = 0;

	arena_init(&mem, most + 16);
	room = arena_get(&mem, most);
	if (room == NULL)
		return why_set(w, ZT_E_NOMEM, "no memory for certificates and keys");
	p.bundle = wr_of(room, most);
	bundle_begin(&p.bundle);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = blame(&want[i], pack(&p, &want[i]), w);
	if (rc == 0)
		rc = pack_more(&p);
	if (rc == 0)
		rc = sealed_text(wr_span(&p.bundle), w);
	wipe(room, p.bundle.n);
	arena_free(&mem);
	*out = p.mark;
	return rc;
}
