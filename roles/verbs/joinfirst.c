/*
 * joinfirst: a role that was started with a join token in its environment and has no identity yet joins before anything
 * else, as containers are started: the same command at the first start and at every later one. While nobody can be
 * reached it asks again, for ever; any other end of the join is the end of the role. Owns the process that joins.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/num.h"
#include "io/confload.h"
#include "io/place.h"
#include "decide/tlsplan.h"
#include "roles/roles.h"
#include "serve/identity.h"
#include "serve/secretin.h"

#define TOKEN "ZT_JOIN_TOKEN"
#define WAIT_MS 1000       /* the first wait is up to this, */
#define WAIT_MOST_MS 30000 /* none is longer than this */

extern char **environ;

static bool has_token(void)
{
	for (char **v = environ; *v; v++)
		if (span_starts(span_str(*v), TOKEN "=") || span_starts(span_str(*v), TOKEN "_FILE="))
			return true;
	return false;
}

/* -1: what the role itself will say better. */
static int has_identity(const char *path)
{
	const struct conf_source src = {.path = path, .env = environ};
	char file[PLACE_PATH + 32];
	struct conf_faults faults;
	struct why w = {0};
	struct place p;
	struct conf *c;
	int rc;

	conf_faults_init(&faults);
	rc = conf_load(&c, &src, &faults);
	conf_faults_free(&faults);
	if (rc < 0)
		return -1;
	rc = c->connector.edge.n ? place_resolve(&p, "connector", c->state.dir, c->state.run_dir, &w) : -1;
	conf_free(c);
	if (rc < 0)
		return -1;
	snprintf(file, sizeof file, "%s/" TLS_ID_DIR "/" IDENTITY_FILE, p.state);
	return access(file, F_OK) == 0;
}

/* Its exit code; -1: somebody wants us to end. It ends with us: who asked for a stop does not wait for an approval. */
static int wait_for(pid_t pid, const sigset_t *sigs)
{
	bool stopped = false;
	int status = 0, sig;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
		sig = sigwaitinfo(sigs, NULL);
		if (sig == SIGTERM || sig == SIGINT) {
			stopped = true;
			kill(pid, SIGKILL); /* a join may be cut anywhere: the same one goes on later */
		}
	}
	if (stopped)
		return -1;
	return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ZT_FAILED;
}

static int join_once(const char *path, const sigset_t *sigs, const sigset_t *was)
{
	char *argv[] = {(char[]){"join"}, (char[]){"-c"}, (char *)(uintptr_t)path, NULL};
	pid_t pid = fork();

	if (pid < 0) {
		fprintf(stderr, "zt connector: cannot start a process that joins: %s\n", strerror(errno));
		return EXIT_ZT_FAILED;
	}
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, was, NULL);
		exit(connector_join_main(path ? 3 : 1, argv));
	}
	return wait_for(pid, sigs);
}

/* true: the time is over; false: somebody wants us to end. */
static bool pause_ms(uint32_t ms, const sigset_t *sigs)
{
	const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
	int sig;

	do
		sig = sigtimedwait(sigs, NULL, &t);
	while (sig == SIGCHLD || (sig < 0 && errno == EINTR));
	return sig < 0;
}

static int join(const char *path)
{
	uint32_t most = WAIT_MS, ms;
	sigset_t sigs, was;
	int code;

	sigemptyset(&sigs);
	sigaddset(&sigs, SIGTERM);
	sigaddset(&sigs, SIGINT);
	sigaddset(&sigs, SIGCHLD);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &sigs, &was);
	while ((code = join_once(path, &sigs, &was)) == EXIT_ZT_UNREACHABLE) {
		ms = random_below(most + 1);
		most = most * 2 < WAIT_MOST_MS ? most * 2 : WAIT_MOST_MS;
		fprintf(stderr, "zt connector: the authority is asked again in %u.%u s\n", ms / 1000, ms % 1000 / 100);
		if (!pause_ms(ms, &sigs)) {
			code = -1;
			break;
		}
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	return code == 0 ? -1 : code < 0 ? EXIT_ZT_OK : code;
}

int connector_join_first(int argc, char **argv)
{
	const char *path = argc == 3 && strcmp(argv[1], "-c") == 0 ? argv[2] : NULL;
	struct secret used = {0};
	struct why w = {0};
	int there, rc = -1;

	if (!has_token() || (argc > 1 && path == NULL))
		return -1;
	there = has_identity(path);
	if (there == 0)
		rc = join(path);
	(void)secret_take_env(&used, TOKEN, "join token", &w); /* it has done what it was for */
	secret_wipe(&used);
	return rc;
}
