/* Which files are handed to a child, and which are refused, in words that say what to do. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "io/files.h"
#include "io/spawn.h"
#include "wire/bundle.h"

static char path[8][200];

/* A file of this test, with these bytes and this mode; path[i] is its name. */
static const char *put(size_t i, const char *text, mode_t mode)
{
	char name[8];
	int fd;

	snprintf(name, sizeof name, "f%zu", i);
	snprintf(path[i], sizeof path[i], "%s", unit_tmp(name));
	unlink(path[i]);
	fd = open(path[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
	close(fd);
	return path[i];
}

static struct why why;

static int pack(const struct file_want *want, size_t n, struct span *bundle, void **mem)
{
	struct files_mark mark;
	int fd, rc;

	why = (struct why){0};
	fd = files_pack(want, n, NULL, &mark, &why);
	if (fd < 0)
		return fd;
	rc = sealed_read(fd, BOUND_CAP(BOUND_BUNDLE), bundle, mem, &why);
	close(fd);
	return rc == 0 ? bundle_check(*bundle) : rc;
}

/* That one file is refused, and the sentence names it and holds `words`. */
static void refuses(const char *name, enum file_kind kind, enum zt_err e, const char *words)
{
	const struct file_want want = {name, kind, false, NULL, NULL, NULL};
	struct span bundle;
	void *mem = NULL;
	int rc = pack(&want, 1, &bundle, &mem);

	free(mem);
	CHECK_INT(rc, -(int)e);
	if (strstr(why.text, words) == NULL || strstr(why.text, name) == NULL)
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\" of %s", why.text, words, name);
}

TEST(what_is_read_is_what_is_there)
{
	const struct file_want want[] = {
		{put(0, "certificate", 0644), FILE_PUBLIC, false, NULL, NULL, NULL},
		{put(1, "key", 0600), FILE_SECRET, false, NULL, NULL, NULL},
					 {put(2, "", 0400), FILE_SECRET, false, NULL, NULL, NULL}};
	struct span bundle, file;
	void *mem;

	NEED(pack(want, 3, &bundle, &mem) == 0);
	CHECK(bundle_find(bundle, path[0], &file) == 0 && span_eq_str(file, "certificate"));
	CHECK(bundle_find(bundle, path[1], &file) == 0 && span_eq_str(file, "key"));
	CHECK(bundle_find(bundle, path[2], &file) == 0 && file.n == 0);
	free(mem);
}

TEST(nothing_wanted_is_an_empty_bundle)
{
	struct span bundle;
	void *mem;

	NEED(pack(NULL, 0, &bundle, &mem) == 0);
	free(mem);
}

TEST(the_section_that_names_a_file_is_told)
{
	struct file_want want = {"/nowhere/at.all", FILE_PUBLIC, false, "host ", "nas", NULL};
	struct span bundle;
	void *mem;

	CHECK_INT(pack(&want, 1, &bundle, &mem), -ZT_E_NOTFOUND);
	CHECK_STR(why.text, "[host nas]: cannot open /nowhere/at.all: No such file or directory");
	CHECK_INT(why.sys, ENOENT);
}

TEST(the_system_s_authorities_stand_under_their_name)
{
	const struct file_want want = {FILES_SYSTEM, FILE_PUBLIC, false, NULL, NULL, NULL};
	struct span bundle, file;
	void *mem;

	if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) < 0 && access("/etc/pki/tls/certs/ca-bundle.crt", R_OK) < 0 &&
	    access("/etc/ssl/cert.pem", R_OK) < 0) {
		refuses("/etc/ssl/certs/ca-certificates.crt", FILE_PUBLIC, ZT_E_NOTFOUND, "cannot open");
		return;
	}
	NEED(pack(&want, 1, &bundle, &mem) == 0);
	CHECK(bundle_find(bundle, "system", &file) == 0 && file.n > 1000);
	CHECK(memmem(file.p, file.n, "-----BEGIN CERTIFICATE-----", 27) != NULL);
	free(mem);
}

TEST(a_key_is_for_its_owner_alone)
{
	static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0660, 0666, 0777};
	struct span bundle;
	void *mem;

	for (size_t i = 0; i < ARRAY_LEN(open_modes); i++)
		refuses(put(0, "k", open_modes[i]), FILE_SECRET, ZT_E_PERM, "chmod 600 ");
	for (mode_t m = 0400; m <= 0700; m += 0100) {
		const struct file_want want = {put(0, "k", m), FILE_SECRET, false, NULL, NULL, NULL};

		NEED(pack(&want, 1, &bundle, &mem) == 0);
		free(mem);
	}
}

TEST(a_certificate_may_be_read_but_not_written_by_everybody)
{
	const struct file_want want = {put(0, "c", 0664), FILE_PUBLIC, false, NULL, NULL, NULL};
	struct span bundle;
	void *mem;

	NEED(pack(&want, 1, &bundle, &mem) == 0);
	free(mem);
	refuses(put(0, "c", 0666), FILE_PUBLIC, ZT_E_PERM, "chmod o-w ");
}

TEST(a_list_of_authorities_is_written_by_its_owner_alone)
{
	const struct file_want want = {put(0, "a", 0644), FILE_AUTHORITY, false, NULL, NULL, NULL};
	struct span bundle;
	void *mem;

	NEED(pack(&want, 1, &bundle, &mem) == 0);
	free(mem);
	refuses(put(0, "a", 0664), FILE_AUTHORITY, ZT_E_PERM, "chmod go-w ");
	refuses(put(0, "a", 0646), FILE_AUTHORITY, ZT_E_PERM, "chmod go-w ");
}

/* What goes to a process that may hold no key must have none inside, and is as guarded as any list. */
TEST(a_list_for_a_worker_holds_no_key)
{
	static const char *const keys[] = {"", "RSA ", "EC ", "ENCRYPTED "};
	const struct file_want want = {put(0, "-----BEGIN CERTIFICATE-----\n", 0644), FILE_ANCHORS, false, NULL, NULL, NULL};
	struct span bundle;
	char text[100];
	void *mem;

	NEED(pack(&want, 1, &bundle, &mem) == 0);
	free(mem);
	refuses(put(0, "a", 0664), FILE_ANCHORS, ZT_E_PERM, "chmod go-w ");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		snprintf(text, sizeof text, "certificate\n-----BEGIN %sPRIVATE KEY-----\nMII", keys[i]);
		refuses(put(0, text, 0600), FILE_ANCHORS, ZT_E_KEY, "holds a private key");
	}
}

/* Needs root, to have somebody else's file and to be somebody else. */
TEST(a_key_of_somebody_else_is_refused)
{
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		return;
	put(0, "k", 0600);
	NEED(chown(path[0], 12345, 12345) == 0);
	refuses(path[0], FILE_SECRET, ZT_E_PERM, "belongs to user 12345");
	put(0, "k", 0600); /* root's, for a user: it cannot even open it */
	pid = fork();
	if (pid == 0) {
		if (setgid(12345) < 0 || setuid(12345) < 0)
			_exit(9);
		refuses(path[0], FILE_SECRET, ZT_E_PERM, "cannot open");
		_exit(strstr(why.text, "cannot open") ? 0 : 8);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

TEST(a_link_is_followed_and_its_target_judged)
{
	const struct file_want want = {path[1], FILE_SECRET, false, NULL, NULL, NULL};
	struct span bundle, file;
	void *mem;

	put(0, "k", 0600);
	snprintf(path[1], sizeof path[1], "%s", unit_tmp("link"));
	unlink(path[1]);
	NEED(symlink(path[0], path[1]) == 0);
	NEED(pack(&want, 1, &bundle, &mem) == 0);
	CHECK(bundle_find(bundle, path[1], &file) == 0 && span_eq_str(file, "k"));
	free(mem);
	CHECK_INT(chmod(path[0], 0644), 0);
	refuses(path[1], FILE_SECRET, ZT_E_PERM, "chmod 600 ");
	unlink(path[0]);
	refuses(path[1], FILE_SECRET, ZT_E_NOTFOUND, "cannot open");
}

/* None of them holds anybody up. */
TEST(what_is_no_file_is_refused)
{
	const char *fifo = unit_tmp("fifo"), *dir = unit_tmp("dir");
	char name[200];

	NEED(mkfifo(fifo, 0600) == 0);
	refuses(fifo, FILE_SECRET, ZT_E_SYNTAX, "not a regular file");
	refuses("/dev/zero", FILE_PUBLIC, ZT_E_SYNTAX, "not a regular file");
	NEED(mkdir(dir, 0700) == 0);
	refuses(dir, FILE_SECRET, ZT_E_SYNTAX, "not a regular file");
	snprintf(name, sizeof name, "%s/none", dir);
	refuses(name, FILE_PUBLIC, ZT_E_NOTFOUND, "cannot open");
	refuses("/proc/self/mem", FILE_PUBLIC, ZT_E_SYS, ""); /* its size is a lie: 0 bytes, and it cannot be read */
}

/* /proc files say 0 bytes and have some: what was judged is not what would be read. */
TEST(a_file_that_is_longer_than_it_says_is_refused)
{
	refuses("/proc/self/status", FILE_PUBLIC, ZT_E_AGAIN, "changed while it was read");
}

FLOODS(BOUND_BUNDLE)
{
	const struct file_want one = {put(0, "", 0600), FILE_SECRET, false, NULL, NULL, NULL};
	const struct file_want both[] = {one, {put(1, "k", 0600), FILE_SECRET, false, NULL, NULL, NULL}};
	struct span bundle, file;
	size_t head = 8 + 2 + strlen(path[0]) + 4;
	void *mem;

	NEED(truncate(path[0], BOUND_CAP(BOUND_BUNDLE) + 1) == 0);
	refuses(path[0], FILE_SECRET, ZT_E_TOOLONG, "longer than 4194304 bytes");
	NEED(truncate(path[0], BOUND_CAP(BOUND_BUNDLE) - (off_t)head + 1) == 0);
	refuses(path[0], FILE_SECRET, ZT_E_TOOLONG, "one too many");
	NEED(truncate(path[0], BOUND_CAP(BOUND_BUNDLE) - (off_t)head) == 0);
	NEED(pack(both, 1, &bundle, &mem) == 0);
	CHECK_INT(bundle.n, BOUND_CAP(BOUND_BUNDLE));
	CHECK(bundle_find(bundle, path[0], &file) == 0 && file.n == BOUND_CAP(BOUND_BUNDLE) - head);
	free(mem);
	CHECK_INT(pack(both, 2, &bundle, &mem), -ZT_E_TOOLONG);
	CHECK(strstr(why.text, path[1]) != NULL);
}

/* ---- marks -------------------------------------------------------------------------------- */

static bool changed(const struct file_want *want, size_t n, struct files_mark *last)
{
	struct files_mark now;
	bool same;

	files_look(want, n, NULL, &now);
	same = files_same(&now, last);
	*last = now;
	return !same;
}

TEST(a_mark_sees_every_kind_of_change)
{
	const struct file_want want[] = {
		{put(0, "a", 0644), FILE_PUBLIC, false, NULL, NULL, NULL},
		{put(1, "b", 0600), FILE_SECRET, false, NULL, NULL, NULL}};
	const struct timespec back[2] = {{1000, 5}, {1000, 5}}, later[2] = {{1000, 6}, {1000, 6}};
	struct files_mark m;
	char new[220];

	files_look(want, 2, NULL, &m);
	CHECK(!changed(want, 2, &m));
	NEED(utimensat(AT_FDCWD, path[1], back, 0) == 0);
	CHECK(changed(want, 2, &m));
	NEED(utimensat(AT_FDCWD, path[1], later, 0) == 0);
	CHECK(changed(want, 2, &m)); /* by a nanosecond */
	NEED(truncate(path[1], 2) == 0 && utimensat(AT_FDCWD, path[1], later, 0) == 0);
	CHECK(changed(want, 2, &m)); /* by its size */
	NEED(chmod(path[1], 0400) == 0);
	CHECK(changed(want, 2, &m)); /* by its mode: it may be good now */
	snprintf(new, sizeof new, "%s.new", path[1]);
	NEED(link(path[1], new) == 0 && !changed(want, 2, &m));
	put(2, "bc", 0400);
	NEED(utimensat(AT_FDCWD, path[2], later, 0) == 0 && rename(path[2], path[1]) == 0);
	CHECK(changed(want, 2, &m)); /* another file with the same name, size, mode and time */
	NEED(unlink(path[0]) == 0);
	CHECK(changed(want, 2, &m)); /* it is gone */
	CHECK(!changed(want, 2, &m));
	unlink(new);
}

TEST(what_was_packed_and_what_is_looked_at_have_one_mark)
{
	const struct file_want want[] = {
		{put(0, "a", 0644), FILE_PUBLIC, false, NULL, NULL, NULL},
		{path[1], FILE_SECRET, false, NULL, NULL, NULL},
		{FILES_SYSTEM, FILE_PUBLIC, false, NULL, NULL, NULL}};
	size_t n = access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0 ? 3 : 2;
	struct files_mark packed, seen;
	int fd;

	put(2, "k", 0600);
	snprintf(path[1], sizeof path[1], "%s", unit_tmp("link2"));
	unlink(path[1]);
	NEED(symlink(path[2], path[1]) == 0);
	fd = files_pack(want, n, NULL, &packed, NULL);
	NEED(fd >= 0);
	close(fd);
	files_look(want, n, NULL, &seen);
	CHECK(files_same(&packed, &seen));
}

/* ---- files of a role's own -------------------------------------------------------------- */

/* A state directory with keys/k in it. */
static const char *state_dir(const char *key)
{
	static char dir[200];
	char at[240];
	int fd;

	snprintf(dir, sizeof dir, "%s", unit_tmp("state"));
	mkdir(dir, 0700);
	snprintf(at, sizeof at, "%s/keys", dir);
	mkdir(at, 0700);
	snprintf(at, sizeof at, "%s/keys/k", dir);
	unlink(at);
	fd = open(at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, key, strlen(key)) == (ssize_t)strlen(key));
	close(fd);
	return dir;
}

static int pack_at(const struct file_want *want, size_t n, const struct files_base *base, struct span *bundle, void **mem)
{
	struct files_mark mark, seen;
	int fd, rc;

	why = (struct why){0};
	*mem = NULL;
	fd = files_pack(want, n, base, &mark, &why);
	if (fd < 0)
		return fd;
	files_look(want, n, base, &seen);
	CHECK(files_same(&mark, &seen));
	rc = sealed_read(fd, BOUND_CAP(BOUND_BUNDLE), bundle, mem, &why);
	close(fd);
	return rc == 0 ? bundle_check(*bundle) : rc;
}

TEST(a_relative_path_is_below_the_state_directory_and_keeps_its_name)
{
	const struct files_base base = {.dir = state_dir("inside")};
	const struct file_want want[] = {
		{"keys/k", FILE_SECRET, false, NULL, NULL, NULL},
		{"keys/none", FILE_SECRET, true, NULL, NULL, NULL},
					 {"nodir/none", FILE_SECRET, true, NULL, NULL, NULL}, {put(0, "outside", 0644), FILE_PUBLIC, false, NULL, NULL, NULL}};
	struct span bundle, file;
	void *mem;

	NEED(pack_at(want, 4, &base, &bundle, &mem) == 0);
	CHECK(bundle_find(bundle, "keys/k", &file) == 0 && span_eq_str(file, "inside"));
	CHECK(bundle_find(bundle, path[0], &file) == 0 && span_eq_str(file, "outside"));
	CHECK_INT(bundle_find(bundle, "keys/none", &file), -ZT_E_NOTFOUND);
	free(mem);
}

/* Sentences name the whole path, and say of a link that it is one. */
TEST(a_file_of_our_own_that_is_a_link_or_missing_or_open_is_refused)
{
	const struct files_base base = {.dir = state_dir("inside")};
	const struct file_want want = {"keys/k", FILE_SECRET, false, NULL, NULL, NULL};
	struct span bundle;
	char at[240], to[240];
	void *mem;

	snprintf(at, sizeof at, "%s/keys/k", base.dir);
	snprintf(to, sizeof to, "%s/keys/real", base.dir);
	NEED(chmod(at, 0640) == 0);
	CHECK_INT(pack_at(&want, 1, &base, &bundle, &mem), -ZT_E_PERM);
	CHECK(strstr(why.text, at) && strstr(why.text, "chmod 600"));
	NEED(chmod(at, 0600) == 0 && rename(at, to) == 0 && symlink(to, at) == 0);
	CHECK_INT(pack_at(&want, 1, &base, &bundle, &mem), -ZT_E_PERM);
	CHECK(strstr(why.text, at) && strstr(why.text, "is a symbolic link"));
	NEED(unlink(at) == 0 && unlink(to) == 0);
	CHECK_INT(pack_at(&want, 1, &base, &bundle, &mem), -ZT_E_NOTFOUND);
	CHECK(strstr(why.text, at));
}

TEST(what_is_no_file_stands_beside_the_files)
{
	const struct files_extra extra[] = {{"passphrase", SPAN_LIT("open sesame")}, {"command", SPAN_NONE}};
	const struct files_base base = {.dir = state_dir("inside"), .extra = extra, .nextra = 2};
	const struct file_want want = {"keys/k", FILE_SECRET, false, NULL, NULL, NULL};
	struct span bundle, file;
	void *mem;

	NEED(pack_at(&want, 1, &base, &bundle, &mem) == 0);
	CHECK(bundle_find(bundle, "passphrase", &file) == 0 && span_eq_str(file, "open sesame"));
	CHECK(bundle_find(bundle, "command", &file) == 0 && file.n == 0);
	free(mem);
}

static void without_a_directory(void)
{
	const struct file_want want = {"keys/k", FILE_SECRET, false, NULL, NULL, NULL};
	struct files_mark mark;

	files_pack(&want, 1, NULL, &mark, NULL);
}

TEST(a_relative_path_without_a_directory_is_a_bug)
{
	CHECK(unit_dies(without_a_directory));
}

/* ---- what TLS wants ----------------------------------------------------------------------- */

static size_t wants(const char *text, struct file_want out[static FILES_MOST], struct conf **c)
{
	struct conf_faults f;
	int rc;

	conf_faults_init(&f);
	rc = conf_parse_text(c, span_str(text), "t", &f);
	if (rc < 0)
		unit_fail(__FILE__, __LINE__, "%s", f.first ? f.first->text : "?");
	conf_faults_free(&f);
	return rc < 0 ? 0 : files_of_tls(*c, out);
}

/* "path" for a certificate, "path!" for a secret, "path?" for authorities, "path@" for those that a
 * worker has, too. */
static void check_wants(const char *text, const char *want)
{
	static const char *const marks[] = {[FILE_PUBLIC] = "", [FILE_SECRET] = "!", [FILE_AUTHORITY] = "?", [FILE_ANCHORS] = "@"};
	static struct file_want out[FILES_MOST];
	char all[600] = "";
	struct wr w = wr_of(all, sizeof all - 1);
	struct conf *c;
	size_t n = wants(text, out, &c);

	for (size_t i = 0; i < n; i++)
		wr_fmt(&w, "%s%s ", out[i].path, marks[out[i].kind]);
	CHECK_STR(all, want);
	conf_free(c);
}

TEST(the_authority_wants_its_endpoint_and_who_its_clients_are)
{
	static struct file_want out[FILES_MOST];
	struct conf_faults f;
	struct conf *c;

	conf_faults_init(&f);
	NEED(conf_parse_text(&c, SPAN_NONE, "t", &f) == 0);
	conf_faults_free(&f);
	NEED(files_of_ca(c, out) == 2);
	CHECK(strcmp(out[0].path, "serve.pem") == 0 && out[0].kind == FILE_SECRET && !out[0].optional);
	CHECK(strcmp(out[1].path, "infra.pem") == 0 && out[1].kind == FILE_AUTHORITY && !out[1].optional);
	conf_free(c);
}

TEST(each_file_is_wanted_once_and_keys_are_secret)
{
	check_wants("", "");
	check_wants("[host a]\nnames = a.b\ncert = /c\nkey = /k\n", "/c /k! ");
	check_wants("[host a]\nnames = a.b\ncert = /c\nkey = /k\nkey_pass_file = /p\nclient_cert = optional\nclient_ca = /ca\n"
		    "[host b]\nnames = b.b\ncert = /c2\nkey = /k\nkey_pass_file = /p\n", "/c /k! /p! /ca? /c2 ");
	check_wants("[host a]\nnames = a.b\ncert = /both\nkey = /both\n", "/both! ");
	check_wants("[relay]\nconnect = tls\n", "system? ");
	check_wants("[relay]\nconnect = tls\nconnect_ca = /ca\nconnect_cert = /c\nconnect_key = /k\nconnect_key_pass_file = /p\n",
		    "/ca? /c /k! /p! ");
	check_wants("[relay]\nconnect = tls\ninsecure_connect_any_cert = true\n", "");
	check_wants("[relay]\nconnect = tls\nconnect_pin = sha256:"
		    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", "");
	check_wants("[relay]\nlisten = 127.0.0.1:1\nto = a.b:1\n", "");
	/* The authority's are its own role's to ask for, whatever else the file configures. */
	check_wants("[ca]\nlisten = 127.0.0.1:1\n", "");
	check_wants("[ca]\nlisten = 127.0.0.1:2\n[host a]\nnames = a.b\ncert = /c\nkey = /k\n", "/c /k! ");
}

TEST(a_worker_wants_whom_roles_come_from)
{
	static const char text[] =
		"[host a]\nnames = a.b\ncert = /c\nkey = /k\nclient_cert = required\nclient_ca = /any\n"
		"[host b]\nnames = b.b\ncert = /c\nkey = /k\nclient_cert = required\nclient_ca = /ca\nclient_role = client\n"
		"[host c]\nnames = c.b\ncert = /c\nkey = /k\nclient_cert = required\nclient_ca = /k\nclient_role = client\n"
		"[relay]\nconnect = tls\nconnect_ca = /far\nconnect_role = edge\n";
	static struct file_want out[FILES_MOST];
	struct conf *c;

	check_wants(text, "/c /k@ /any? /ca@ /far@ "); /* a key that is a list of authorities is refused, then */
	NEED(wants(text, out, &c) == 5);
	out[0] = (struct file_want){.path = "/first"};
	NEED(files_of_roles(c, out, 1) == 5); /* whoever is let in by one of them is judged again when it is another */
	CHECK_STR(out[0].path, "/first");
	for (size_t i = 1; i < 5; i++) {
		CHECK_STR(out[i].path, ((const char *const[]){"", "/any", "/ca", "/k", "/far"})[i]);
		CHECK(out[i].kind == FILE_ANCHORS && !out[i].optional);
	}
	conf_free(c);
}
