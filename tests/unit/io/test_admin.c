/*
 * A child that owns a directory and takes commands, in its real jail: what it is handed, that it reaches
 * its directory and no other file, whom it belongs to, commands that are passed on to it, and the exit code
 * of a role whose child cannot start.
 */
static void keeper_if(const char *kind, unsigned epoch);
#define PUPPET_OTHER keeper_if
#include "tests/unit/io/puppet.h"

#include "io/child.h"
#include "wire/bundle.h"
#include "wire/ipc.h"

#define COMMANDS 40

struct keeper {
	struct child child;
	uint64_t given, bundle_ok, jailed, before_commit, wrote, outside, user, commands, commits, dir_again;
	enum zt_err refuse;
	bool dies;
};

static bool bundle_has(int fd, const char *path, const char *text)
{
	struct span all, file;
	bool has;
	void *mem;

	if (sealed_read(fd, BOUND_CAP(BOUND_BUNDLE), &all, &mem, NULL) < 0)
		return false;
	has = bundle_check(all) == 0 && bundle_find(all, path, &file) == 0 && span_eq_str(file, text);
	free(mem);
	return has;
}

static int keeper_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *w)
{
	struct keeper *k = CONTAINER_OF(c, struct keeper, child);
	struct stat a, b;

	(void)next;
	(void)w;
	k->given = n;
	k->bundle_ok += n == 2 && bundle_has(fds[0], "keys/a.key", "secret") && !bundle_has(fds[0], "keys/none.key", "");
	close(fds[0]);
	if (c->dir_fd < 0) {
		c->dir_fd = fds[1];
		return 0;
	}
	k->dir_again += fstat(fds[1], &a) == 0 && fstat(c->dir_fd, &b) == 0 && a.st_ino == b.st_ino;
	close(fds[1]);
	return 0;
}

static int keeper_jailed(struct child *c, struct why *w)
{
	struct keeper *k = CONTAINER_OF(c, struct keeper, child);
	int fd = openat(c->dir_fd, "mine", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	k->jailed++;
	k->before_commit = k->commits == 0;
	k->wrote = fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0;
	close(fd);
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	k->outside = fd < 0 ? (uint64_t)errno : 0;
	k->user = geteuid();
	return k->refuse ? why_set(w, k->refuse, "it is in use by somebody") : 0;
}

static void keeper_commit(struct child *c)
{
	struct keeper *k = CONTAINER_OF(c, struct keeper, child);

	k->commits++;
	if (k->dies)
		_exit(5);
}

static void keeper_nothing(struct child *c)
{
	(void)c;
}

/* A word to whoever it is, and the end. */
static void keeper_link(struct child *c, unsigned number, int fd)
{
	char word[] = "yes?";
	struct iovec iov = {word, 4};
	const struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (number == CHILD_ADMIN) {
		CONTAINER_OF(c, struct keeper, child)->commands++;
		sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	close(fd);
}

static void keeper_counters(struct child *c, struct wr *w)
{
	const struct keeper *k = CONTAINER_OF(c, const struct keeper, child);

	ipc_write_counter(w, "given", k->given);
	ipc_write_counter(w, "bundle_ok", k->bundle_ok);
	ipc_write_counter(w, "jailed_calls", k->jailed);
	ipc_write_counter(w, "before_commit", k->before_commit);
	ipc_write_counter(w, "wrote", k->wrote);
	ipc_write_counter(w, "outside", k->outside);
	ipc_write_counter(w, "who_it_is", k->user);
	ipc_write_counter(w, "commands", k->commands);
	ipc_write_counter(w, "dir_again", k->dir_again);
}

static void keeper_if(const char *kind, unsigned epoch)
{
	static const struct child_class keeper = {
		.role = "admin", .proc = "keeper", .profile = JAIL_SIGN, .who = CONF_FOR_CA_SIGN, .prepare = keeper_prepare,
		.jailed = keeper_jailed, .commit = keeper_commit, .abort = keeper_nothing, .drain = child_drained,
		.counters = keeper_counters, .link = keeper_link};
	static struct keeper k;
	char zt[] = "zt", child[] = "--child", name[64], number[16];
	char *argv[] = {zt, child, name, number, NULL};

	if (strncmp(kind, "keeper", 6) != 0)
		return;
	k.dies = strcmp(kind, "keeper-dying") == 0;
	k.refuse = strcmp(kind, "keeper-locked") == 0 ? ZT_E_LOCKED : ZT_OK;
	snprintf(name, sizeof name, "%s", kind);
	snprintf(number, sizeof number, "%u", epoch);
	_exit(child_run(&k.child, &keeper, 4, argv));
}

/* ---- the stage ------------------------------------------------------------------------------ */

static size_t keeper_files(const struct conf *c, struct file_want out[static FILES_MOST])
{
	(void)c;
	out[0] = (struct file_want){.path = "keys/a.key", .kind = FILE_SECRET};
	out[1] = (struct file_want){.path = "keys/none.key", .kind = FILE_SECRET, .optional = true};
	return 2;
}

#define KEEPER(k)                                                                                  \
	{.kind = (k), .proc = "keeper", .who = CONF_FOR_CA_SIGN, .files = keeper_files, .dir = "own", .admin = true}

static const struct super_child keeper_child[] = {KEEPER("keeper")}, locked_child[] = {KEEPER("keeper-locked")},
				dying_child[] = {KEEPER("keeper-dying")},
				plain_child[] = {PUPPET("puppet0", "puppet")};
static const struct super_role role = {.name = "admin", .children = keeper_child, .n = 1},
			       locked = {.name = "admin", .children = locked_child, .n = 1},
			       dying = {.name = "admin", .children = dying_child, .n = 1},
			       plain = PUPPETS("admin", plain_child, 1);

static void make_key(void)
{
	char path[260];
	int fd;

	snprintf(path, sizeof path, "%s/state/admin/keys", stage.dir);
	NEED(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/state/admin/keys/a.key", stage.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, "secret", 6) == 6);
	close(fd);
}

static unsigned stages; /* as stage_fork() counts them */

/* The state directory must be there with the key in it before the role starts. */
static void stage_keeper(const struct super_role *r)
{
	char path[220], name[32];

	snprintf(name, sizeof name, "stage%u", stages++); /* as stage_fork() will call it */
	snprintf(stage.dir, sizeof stage.dir, "%s", unit_tmp(name));
	snprintf(path, sizeof path, "%s", stage.dir);
	NEED(mkdir(path, 0755) == 0);
	snprintf(path, sizeof path, "%s/state", stage.dir);
	NEED(mkdir(path, 0755) == 0);
	snprintf(path, sizeof path, "%s/state/admin", stage.dir);
	NEED(mkdir(path, 0700) == 0);
	make_key();
	stage.jailed = true;
	stage_fork(r, "");
}

static int take(enum zt_exit *code, char said[static CTL_REQUEST])
{
	struct why w = {0};
	int fd = ctl_take(stage.sock, "admin", PATIENCE_MS, code, said, &w);

	if (fd < 0)
		unit_fail(__FILE__, __LINE__, "%s", w.text);
	return fd;
}

TEST(it_has_its_directory_and_its_files_and_nothing_else)
{
	char path[260];
	struct stat st;

	stage_keeper(&role);
	EVENTUALLY(healthy());
	CHECK_INT(status_of("given", 0), 2);
	CHECK_INT(status_of("bundle_ok", 0), 1);
	CHECK_INT(status_of("jailed_calls", 0), 1);
	CHECK_INT(status_of("before_commit", 0), 1);
	CHECK_INT(status_of("wrote", 0), 1);
	CHECK_INT(status_of("outside", 0), EACCES);
	CHECK_INT(status_of("who_it_is", 0), geteuid() == 0 ? 65532 : geteuid());
	snprintf(path, sizeof path, "%s/state/admin/own", stage.dir);
	NEED(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(st.st_uid, geteuid() == 0 ? 65532 : geteuid());
	CHECK_INT(stage_close(), 0);
}

TEST(a_reload_brings_the_same_directory)
{
	stage_keeper(&role);
	EVENTUALLY(healthy());
	ask("reload");
	CHECK_INT(stage.code, 0);
	CHECK_INT(status_of("dir_again", 0), 1);
	CHECK_INT(status_of("bundle_ok", 0), 2);
	CHECK_INT(status_of("jailed_calls", 0), 1); /* once, not at each epoch */
	CHECK_INT(stage_close(), 0);
}

TEST(any_number_of_commands_is_passed_on_and_forgotten)
{
	enum zt_exit code;
	char said[CTL_REQUEST], word[8];
	int fd[COMMANDS], before;

	stage_keeper(&role);
	EVENTUALLY(healthy());
	before = descriptors_of(stage.super);
	for (size_t i = 0; i < COMMANDS; i++) { /* more than the control socket has clients */
		fd[i] = take(&code, said);
		NEED(fd[i] >= 0);
		CHECK_INT(code, EXIT_ZT_OK);
		CHECK_STR(said, "go on");
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		struct pollfd p = {.fd = fd[i], .events = POLLIN};

		CHECK(poll(&p, 1, PATIENCE_MS) == 1 && recv(fd[i], word, sizeof word, 0) == 4);
		CHECK(poll(&p, 1, PATIENCE_MS) == 1 && recv(fd[i], word, sizeof word, 0) == 0);
		close(fd[i]);
	}
	CHECK_INT(status_of("commands", 0), COMMANDS);
	EVENTUALLY(descriptors_of(stage.super) == before);
	CHECK_INT(stage_close(), 0);
}

TEST(a_role_without_such_a_child_says_so)
{
	stages++;
	stage_open(&plain, "");
	CHECK_STR(ask("admin"), "this role takes no commands\n");
	CHECK_INT(stage.code, EXIT_ZT_USAGE);
	CHECK_INT(stage_close(), 0);
}

/* One that ends itself as soon as it is up is down as good as always. */
TEST(while_it_is_down_commands_are_told_to_try_again)
{
	char said[CTL_REQUEST] = "";
	enum zt_exit code = EXIT_ZT_OK;
	int left = PATIENCE_MS / 2;

	stage_keeper(&dying);
	EVENTUALLY(logged("child died"));
	do { /* between two starts nobody is there to take it */
		int fd = take(&code, said);

		NEED(fd >= 0);
		close(fd);
	} while (code != EXIT_ZT_LOCKED && left-- > 0);
	CHECK_STR(said, "the process that takes commands is not up; try again");
	CHECK_INT(stage_close(), 0);
}

/* What keeps the child from starting is told, and is the role's exit code. */
TEST(the_code_of_a_child_that_cannot_start_is_the_roles)
{
	stage_keeper(&locked);
	CHECK_INT(stage_wait(), EXIT_ZT_LOCKED);
	CHECK(logged("why: child keeper cannot start: it is in use by somebody"));
}
