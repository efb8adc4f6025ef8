/*
 * puppet: a real supervisor in a process of its own, whose children are this very test
 * program, started again by spawn.c. A child ("puppet") obeys the test: it takes one command
 * a connection from the listening socket that it was handed, so a test says exactly when a
 * child sends what. Puppet number i listens on descriptor CHILD_FD_FIRST + i.
 *
 * A test with children of another kind defines PUPPET_OTHER, a function that never returns for
 * them, before it includes this.
 */
#ifndef ZT_TEST_PUPPET_H
#define ZT_TEST_PUPPET_H

#include "descriptors.h"
#include "puppet_child.h"

#define PUPPET(k, p) {.kind = (k), .proc = (p), .who = CONF_FOR_WORKER, .listeners = true}
#define PUPPETS(title, kinds, count) {.name = (title), .children = (kinds), .n = (count), .listen = puppet_listen}

static struct stage {
	pid_t super;
	const struct super_role *role;
	char conf[200], dir[192], sock[232], log[200], reply[CTL_REPLY + 64];
	int code; /* of the last ask() */
	bool jailed; /* the children go into their jails */
} stage;

static size_t puppet_listen(const struct conf *c, struct addr out[static BOUND_CAP(BOUND_LISTENERS)])
{
	for (size_t i = 0; i < c->echo.listen.n; i++)
		out[i] = *conf_addr(&c->echo.listen, i);
	return c->echo.listen.n;
}

/* An address of loopback that only this test process uses. */
static void puppet_host(char out[static 20])
{
	unsigned pid = (unsigned)getpid();

	snprintf(out, 20, "127.%u.%u.%u", 100 + (pid >> 16) % 100, (pid >> 8) & 255, pid & 255);
}

/* n listeners; extra goes to the end of the file. */
static void stage_conf(size_t n, const char *extra)
{
	FILE *f = fopen(stage.conf, "w");
	char host[20];

	puppet_host(host);
	fprintf(f, "[state]\ndir = %s/state\nrun_dir = %s/run\n[limits]\ninsecure_no_sandbox = %s\ndrain = 20s\n"
		   "[echo]\nlisten =", stage.dir, stage.dir, stage.jailed ? "false" : "true");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "\n\t%s:%d", host, PUPPET_PORT + (int)i);
	fprintf(f, "\n%s", extra);
	fclose(f);
}

static const char *ask(const char *line)
{
	struct wr w = wr_of(stage.reply, sizeof stage.reply - 1);
	enum zt_exit code = EXIT_ZT_FAILED;

	stage.code = -1;
	if (ctl_ask(stage.sock, line, PATIENCE_MS, &code, &w, NULL) < 0)
		return "";
	stage.reply[w.n] = 0;
	stage.code = (int)code;
	return stage.reply;
}

/* The number behind the i-th "key": of the status, or -1. */
static long status_of(const char *key, size_t i)
{
	char want[48];
	const char *at = ask("status json");

	snprintf(want, sizeof want, "\"%s\":", key);
	for (size_t k = 0; at && k <= i; k++) {
		at = strstr(at, want);
		at = at ? at + strlen(want) : NULL;
	}
	return at ? strtol(at, NULL, 10) : -1;
}

static void breathe(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

#define EVENTUALLY(cond)                                                                          \
	do {                                                                                      \
		int left_ = PATIENCE_MS / 2;                                                      \
		while (!(cond) && left_-- > 0)                                                    \
			breathe();                                                                \
		CHECK(left_ > 0);                                                                 \
	} while (0)

static bool healthy(void)
{
	ask("health");
	return stage.code == EXIT_ZT_OK;
}

static _Noreturn void stage_super(void)
{
	const struct conf_source src = {.path = stage.conf};
	struct conf_faults f;
	struct why w = {0};
	struct conf *c;
	int log = open(stage.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), code;

	dup2(log, STDERR_FILENO);
	alarm(0);
	conf_faults_init(&f);
	if (conf_load(&c, &src, &f) < 0) {
		confload_print(&f, STDERR_FILENO);
		_exit(99);
	}
	conf_faults_free(&f);
	code = (int)super_run(stage.role, c, &src, &w);
	if (w.err)
		dprintf(STDERR_FILENO, "why: %s\n", w.text);
	_exit(code);
}

static void stage_fork(const struct super_role *role, const char *extra)
{
	static unsigned number;
	char name[32];

	snprintf(name, sizeof name, "stage%u", number++);
	snprintf(stage.dir, sizeof stage.dir, "%s", unit_tmp(name));
	snprintf(stage.conf, sizeof stage.conf, "%s.conf", stage.dir);
	snprintf(stage.log, sizeof stage.log, "%s.log", stage.dir);
	snprintf(stage.sock, sizeof stage.sock, "%s/run/%s.sock", stage.dir, role->name);
	stage.role = role;
	stage_conf(role->n, extra);
	stage.super = fork();
	if (stage.super == 0)
		stage_super();
}

static void stage_open(const struct super_role *role, const char *extra)
{
	stage_fork(role, extra);
	EVENTUALLY(healthy());
}

/* Waits for the end; the exit code, or -1 for a signal, -2 when it never ends. */
static int stage_wait(void)
{
	int status = 0, left = PATIENCE_MS / 2;

	while (left-- > 0) {
		if (waitpid(stage.super, &status, WNOHANG) == stage.super)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		breathe();
	}
	kill(stage.super, SIGKILL);
	waitpid(stage.super, &status, 0);
	return -2;
}

static int stage_close(void)
{
	kill(stage.super, SIGTERM);
	return stage_wait();
}

/* True when `text` is in what the supervisor logged. */
static bool logged(const char *text)
{
	static char all[1 << 20];
	int fd = open(stage.log, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, all, sizeof all - 1);

	close(fd);
	all[n > 0 ? n : 0] = 0;
	return strstr(all, text) != NULL;
}

/* Send puppet i a command; its answer. "" when it could not be reached. */
__attribute__((unused)) static const char *tell(size_t i, const char *line)
{
	static char answer[600];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(PUPPET_PORT + i))};
	const struct timeval patience = {PATIENCE_MS / 1000, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char host[20];
	ssize_t n = -1;

	puppet_host(host);
	inet_pton(AF_INET, host, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && send(fd, line, strlen(line), MSG_NOSIGNAL) > 0)
		n = recv(fd, answer, sizeof answer - 1, 0);
	answer[n > 0 ? n : 0] = 0;
	close(fd);
	return answer;
}

#endif
