/*
 * Two real children in their real jails, a worker and one of the keys profile on poll(): the line
 * between them, the sealed bundle, a new generation. They count what they see; the test reads the
 * counters.
 */
static void real_if(const char *kind, unsigned epoch);
#define PUPPET_OTHER real_if
#include "tests/unit/io/puppet.h"

#include "io/child.h"
#include "wire/bundle.h"
#include "wire/ipc.h"

/* ---- both children ------------------------------------------------------------------------ */

struct end { /* of a line */
	struct source src;
	struct real *real;
};

struct real {
	struct child child;
	struct end end[4];
	size_t ends;
	uint64_t links, strays, commits, answers, bundle, served, strange;
	bool is_worker;
};

static unsigned end_wants(const struct source *s)
{
	(void)s;
	return LOOP_IN;
}

/* The worker sends its epoch; the keeper counts those that are not its own and echoes. The worker
 * counts what comes back. */
static void end_ready(struct source *s, unsigned events)
{
	struct end *e = CONTAINER_OF(s, struct end, src);
	struct real *r = e->real;
	uint32_t epoch = 0;
	struct iovec iov = {&epoch, sizeof epoch};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	(void)events;
	if (recvmsg(s->fd, &msg, MSG_DONTWAIT) != (ssize_t)sizeof epoch) {
		loop_close(s);
		return;
	}
	if (epoch != r->child.epoch)
		r->strange++;
	if (r->is_worker)
		r->answers++;
	else
		sendmsg(s->fd, &msg, MSG_NOSIGNAL);
}

static const struct source_class end_class = {"line", end_wants, end_ready, NULL};

static void real_link(struct child *c, unsigned number, int fd)
{
	struct real *r = CONTAINER_OF(c, struct real, child);
	struct end *e = &r->end[r->ends++ % ARRAY_LEN(r->end)];
	struct iovec iov = {&c->epoch, sizeof c->epoch};
	const struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	r->links++;
	r->strays += number != 0;
	loop_close(&e->src);
	*e = (struct end){.src = {.cls = &end_class, .fd = fd}, .real = r};
	if (loop_add(c->loop, &e->src) < 0)
		_exit(4);
	if (r->is_worker)
		sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static int real_prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *w)
{
	struct real *r = CONTAINER_OF(c, struct real, child);
	struct span bundle;
	void *mem;

	(void)next;
	if (!r->is_worker && n == 1 && sealed_read(fds[0], BOUND_CAP(BOUND_BUNDLE), &bundle, &mem, w) == 0) {
		r->bundle = bundle_check(bundle) == 0 ? bundle.n : 0;
		free(mem);
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return 0;
}

static void real_commit(struct child *c)
{
	struct real *r = CONTAINER_OF(c, struct real, child);

	r->commits++;
	r->served = c->epoch;
}

static void real_abort(struct child *c)
{
	(void)c;
}

static void real_drain(struct child *c)
{
	child_drained(c);
}

static void real_counters(struct child *c, struct wr *w)
{
	const struct real *r = CONTAINER_OF(c, const struct real, child);

	ipc_write_counter(w, "links", r->links);
	ipc_write_counter(w, "strays", r->strays);
	ipc_write_counter(w, "commits", r->commits);
	ipc_write_counter(w, "answers", r->answers);
	ipc_write_counter(w, "bundle", r->bundle);
	ipc_write_counter(w, "served", r->served);
	ipc_write_counter(w, "strange", r->strange);
	ipc_write_counter(w, "backend_is_poll", strcmp(loop_backend_name(c->loop), "poll") == 0);
}

static void real_if(const char *kind, unsigned epoch)
{
	static const struct child_class worker = {
		.role = "real", .proc = "worker", .profile = JAIL_WORKER, .who = CONF_FOR_WORKER, .prepare = real_prepare,
		.commit = real_commit, .abort = real_abort, .drain = real_drain, .counters = real_counters,
		.link = real_link};
	static const struct child_class keys = {
		.role = "real", .proc = "keys", .profile = JAIL_KEYS, .who = CONF_FOR_TLSD, .prepare = real_prepare,
		.commit = real_commit, .abort = real_abort, .drain = real_drain, .counters = real_counters,
		.link = real_link, .backend = LOOP_POLL};
	static struct real real;
	char zt[] = "zt", child[] = "--child", name[64], number[16];
	char *argv[] = {zt, child, name, number, NULL};

	real.is_worker = strcmp(kind, "worker") == 0;
	if (!real.is_worker && strcmp(kind, "keys") != 0)
		return;
	snprintf(name, sizeof name, "%s", kind);
	snprintf(number, sizeof number, "%u", epoch);
	_exit(child_run(&real.child, real.is_worker ? &worker : &keys, 4, argv));
}

/* ---- the stage ---------------------------------------------------------------------------- */

static const struct super_child both[] = {
	{.kind = "worker", .proc = "worker", .who = CONF_FOR_WORKER, .listeners = true},
	{.kind = "keys", .proc = "keys", .who = CONF_FOR_TLSD, .files = files_of_tls, .anew = true}};
static const struct super_link line[] = {{0, 1}};
static const struct super_role role = {
	.name = "real", .children = both, .n = 2, .listen = puppet_listen, .links = line, .nlinks = 1};

/* A sanitizer's own calls are not in any profile. */
#if defined(__SANITIZE_ADDRESS__)
#define SYSCALLS "\"seccomp\":\"off\""
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SYSCALLS "\"seccomp\":\"off\""
#endif
#endif
#ifndef SYSCALLS
#define SYSCALLS "\"seccomp\":\"on\""
#endif

static void open_real(void)
{
	char extra[600], file[200];
	int fd;

	snprintf(file, sizeof file, "%s", unit_tmp("both"));
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, "text", 4) == 4);
	close(fd);
	snprintf(extra, sizeof extra, "[host a]\nnames = a.example.org\ncert = %s\nkey = %s\n", file, file);
	stage.jailed = true;
	stage_open(&role, extra);
}

TEST(they_talk_from_within_their_jails)
{
	open_real();
	EVENTUALLY(status_of("answers", 0) == 1);
	CHECK_INT(status_of("links", 0), 1);
	CHECK_INT(status_of("links", 1), 1);
	CHECK_INT(status_of("strays", 0) + status_of("strays", 1), 0);
	CHECK_INT(status_of("backend_is_poll", 1), 1);
	CHECK(status_of("bundle", 1) > 8 + 4);
	CHECK_INT(status_of("restarts", 0) + status_of("restarts", 1), 0);
	CHECK(strstr(strstr(ask("status json"), "\"name\":\"keys\""), SYSCALLS) != NULL);
	CHECK_INT(stage_close(), 0);
	CHECK(!logged("child died"));
}

/* Both ends of a line serve the same epoch from its first byte, through any number of reloads. */
TEST(a_line_joins_what_has_one_epoch)
{
	int before;

	open_real();
	EVENTUALLY(status_of("answers", 0) == 1);
	before = descriptors_of(stage.super);
	for (int i = 2; i <= 30; i++) {
		ask("reload");
		CHECK_INT(stage.code, 0);
		EVENTUALLY(status_of("answers", 0) == i);
		CHECK_INT(status_of("served", 0), i);
		CHECK_INT(status_of("served", 1), i);
		CHECK_INT(status_of("strange", 0) + status_of("strange", 1), 0);
		CHECK_INT(status_of("commits", 1), 1); /* a new one each time */
	}
	EVENTUALLY(descriptors_of(stage.super) == before);
	CHECK_INT(status_of("restarts", 0) + status_of("restarts", 1), 0);
	CHECK_INT(stage_close(), 0);
	CHECK(!logged("child died"));
}

TEST(a_death_of_either_is_mended)
{
	open_real();
	EVENTUALLY(status_of("answers", 0) == 1);
	kill((pid_t)status_of("pid", 1), SIGKILL);
	EVENTUALLY(status_of("restarts", 1) == 1 && healthy() && status_of("answers", 0) == 2);
	kill((pid_t)status_of("pid", 0), SIGKILL);
	EVENTUALLY(status_of("restarts", 0) == 1 && healthy() && status_of("answers", 0) == 1);
	CHECK_INT(status_of("strange", 0) + status_of("strange", 1), 0);
	CHECK_INT(stage_close(), 0);
}
