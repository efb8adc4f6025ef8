/*
 * demo: `zt demo`: an authority, an edge, a connector and a small sample app on loopback, with nothing to
 * configure, in a directory that goes when it ends. What it starts are the roles themselves, by the commands that
 * anybody would type; the configuration it writes can be read and taken as a beginning.
 *
 * Life: directory -> configuration -> authority made, certificates issued -> authority, app -> two joins -> edge,
 * connector -> a request goes through -> what to try -> waits for the end -> everything it started, by pid.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "demo.h"
#include "io/net.h"
#include "io/spawn.h"
#include "roles/roles.h"

static const char usage[] =
	"usage: zt demo [--port N] [--dir DIR]\n"
	"An authority, an edge, a connector and a small app, all on this machine and on loopback: see a request go\n"
	"through the tunnel before you configure anything. Ctrl-C ends it and takes everything away again.\n"
	"\n"
	"  --port N   the edge's port (default 8443; 0: any that is free)\n"
	"  --dir DIR  keep configuration, keys and logs here; it must not exist yet\n"
	"  -h, --help print this\n"
	"\n"
	"Exit: 0 ended by Ctrl-C or SIGTERM, 2 wrong use, 7 the port is in use, 1 anything else.\n";

#define START_MS 20000 /* a slow machine; in fact well below a second */
#define STOP_MS 8000

enum proc { APP, CA, EDGE, CONNECTOR, PROCS };
static const char *const proc_names[PROCS] = {"app", "ca", "edge", "connector"};

struct demo {
	char dir[256];
	bool keep;
	unsigned port[PROCS], health; /* the app's, the authority's, the edge's; health: the connector's */
	int exe, log;
	pid_t pid[PROCS];           /* 0: not running */
	uint64_t began;
};

static uint64_t now_ms(void)
{
	return clock_mono(&clock_real) / NS_PER_MS;
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* ---- ports ---------------------------------------------------------------------------------------------- */

/* 0: the kernel chooses. Answers the port, or 0: it is not free. */
static unsigned free_port(unsigned port)
{
	const struct net_listen o = {.at = {.family = 4, .ip = {127, 0, 0, 1}, .port = (uint16_t)port}};
	int fd = net_listen(&o, NULL);
	unsigned got = fd < 0 ? 0 : net_local(fd).port;

	if (fd >= 0)
		close(fd);
	return got;
}

/* ---- programs ------------------------------------------------------------------------------------------- */

#define ARGS 16

/* This very program with these words. Its output goes to `out`. */
static pid_t start(const struct demo *d, const char *const *words, int out)
{
	char *argv[ARGS + 2] = {(char[]){"zt"}};
	sigset_t none;
	pid_t pid;

	for (size_t i = 0; i < ARGS && words[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	pid = fork();
	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0); /* Ctrl-C is ours: what was started last is ended first */
	dup2(out, STDOUT_FILENO);
	dup2(d->log, STDERR_FILENO);
	fexecve(d->exe, argv, environ);
	_exit(EXIT_ZT_FAILED);
}

#define TAIL 2000 /* about fifteen lines */

static void show_log(const struct demo *d)
{
	char path[320], text[TAIL + 1];
	int fd;
	off_t size;
	ssize_t n = 0;

	snprintf(path, sizeof path, "%s/log", d->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (fd >= 0) {
		n = pread(fd, text, TAIL, size > TAIL ? size - TAIL : 0);
		close(fd);
	}
	text[n > 0 ? n : 0] = 0;
	fprintf(stderr, "zt demo: the last that was said, %s:\n%s\n", path, text);
}

/* Runs one command to its end; what it printed, if out is not NULL. */
static bool run(const struct demo *d, const char *const *words, char *out, size_t cap)
{
	int tube[2] = {-1, -1}, status = -1;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (out && pipe2(tube, O_CLOEXEC) < 0)
		return false;
	pid = start(d, words, out ? tube[1] : d->log);
	if (out) {
		close(tube[1]);
		while (pid > 0 && n + 1 < cap && (got = read(tube[0], &out[n], cap - 1 - n)) > 0)
			n += (size_t)got;
		out[n] = 0;
		close(tube[0]);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	fprintf(stderr, "zt demo: 'zt %s %s' failed\n", words[0], words[1] ? words[1] : "");
	show_log(d);
	return false;
}

/* false: it has ended already. */
static bool lives(struct demo *d, enum proc p)
{
	if (d->pid[p] && waitpid(d->pid[p], NULL, WNOHANG) == d->pid[p]) {
		d->pid[p] = 0;
		fprintf(stderr, "zt demo: the %s has ended\n", proc_names[p]);
		show_log(d);
	}
	return d->pid[p] > 0;
}

static bool wait_health(struct demo *d, enum proc p, const char *conf)
{
	const char *const words[] = {"health", proc_names[p], "-c", conf, NULL};

	while (now_ms() - d->began < START_MS && lives(d, p)) {
		int status = -1, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		const struct demo quiet = {.exe = d->exe, .log = null};
		pid_t pid = start(&quiet, words, null);

		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		close(null);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return true;
		pause_ms(5);
	}
	return false;
}

/* ---- files ---------------------------------------------------------------------------------------------- */

static const char conf_text[] =
	"# What 'zt demo' runs: four processes on one machine. In real life [edge], [host] and [grant] stand on a\n"
	"# server that is reached from everywhere, the others at home.\n"
	"[state]\ndir = %1$s/state\nrun_dir = %1$s/run\n\n"
	"[ca]\nlisten = 127.0.0.1:%2$u\nreach = localhost:%2$u\n\n"
	"[edge]\nlisten = 127.0.0.1:%3$u\n\n"
	"# Everybody may see this one,\n"
	"[host app]\nnames = app.localhost\ncert = %1$s/web.pem\nkey = %1$s/web.key\naccess = public\n\n"
	"# and this one whoever has a certificate of a device.\n"
	"[host private]\nnames = private.localhost\ncert = %1$s/web.pem\nkey = %1$s/web.key\naccess = cert\n"
	"client_cert = optional\nclient_ca = %1$s/device.pem\nclient_role = device\n\n"
	"# Which connector may serve which names; * is every one that has joined.\n"
	"[grant demo]\nconnector = *\nnames = app.localhost, private.localhost\n\n"
	"[connector]\nedge = localhost:%3$u\nhealth = 127.0.0.1:%4$u\n\n"
	"[ingress app]\nhostname = app.localhost\nservice = http://127.0.0.1:%5$u\n\n"
	"[ingress private]\nhostname = private.localhost\nservice = http://127.0.0.1:%5$u\n\n"
	"[ingress rest]\nservice = http_status:404\n";

static bool write_conf(const struct demo *d)
{
	char path[320];
	FILE *f;
	bool ok;

	snprintf(path, sizeof path, "%s/zt.conf", d->dir);
	f = fopen(path, "we");
	ok = f && fprintf(f, conf_text, d->dir, d->port[CA], d->port[EDGE], d->health, d->port[APP]) > 0;
	ok = f && fclose(f) == 0 && ok;
	if (!ok)
		fprintf(stderr, "zt demo: cannot write %s: %s\n", path, strerror(errno));
	return ok;
}

static bool make_dir(struct demo *d, const char *wanted)
{
	const char *base = getenv("TMPDIR");
	char path[320];
	bool ok;

	d->keep = wanted != NULL;
	if (wanted)
		snprintf(d->dir, sizeof d->dir, "%s%s%s", wanted[0] == '/' ? "" : getcwd(path, sizeof path),
			 wanted[0] == '/' ? "" : "/", wanted);
	else
		snprintf(d->dir, sizeof d->dir, "%s/zt-demo-XXXXXX", base && base[0] == '/' ? base : "/tmp");
	ok = wanted ? mkdir(d->dir, 0700) == 0 : mkdtemp(d->dir) != NULL;
	if (!ok) {
		fprintf(stderr, "zt demo: cannot make %s: %s\n", d->dir, strerror(errno));
		d->dir[0] = 0;
		return false;
	}
	snprintf(path, sizeof path, "%s/log", d->dir);
	d->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return d->log >= 0;
}

/* ---- the parts, in order ---------------------------------------------------------------------------------- */

static bool write_file(const struct demo *d, const char *name, const char *text)
{
	char path[320];
	int fd;
	bool ok;

	snprintf(path, sizeof path, "%s/%s", d->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	if (!ok)
		fprintf(stderr, "zt demo: cannot write %s: %s\n", path, strerror(errno));
	return ok;
}

/* Whom a browser has to trust, and by whom devices are vouched for. */
static bool anchor(const struct demo *d, const char *which, const char *conf)
{
	const char *const show[] = {"ca", "anchors", which, "-c", conf, NULL};
	char pem[8192], name[32];

	snprintf(name, sizeof name, "%s.pem", which);
	return run(d, show, pem, sizeof pem) && write_file(d, name, pem);
}

static bool join(const struct demo *d, const char *role, const char *conf)
{
	const char *const make[] = {"token", "create", role, role, "-c", conf, NULL};
	char token[512], at[32], name[32], file[320];
	const char *const use[] = {role, "join", "-c", conf, "--at", at, "--token-file", file, NULL};
	bool ok;

	snprintf(at, sizeof at, "localhost:%u", d->port[CA]);
	snprintf(name, sizeof name, "%s.token", role);
	snprintf(file, sizeof file, "%s/%s", d->dir, name);
	ok = run(d, make, token, sizeof token) && write_file(d, name, token) && run(d, use, NULL, 0);
	unlink(file);
	return ok;
}

static bool begin(struct demo *d, enum proc p, const char *conf)
{
	char port[16];
	const char *const role[] = {proc_names[p], "-c", conf, NULL}, *const app[] = {"demo", "--app", port, NULL};

	snprintf(port, sizeof port, "%u", d->port[APP]);
	d->pid[p] = start(d, p == APP ? app : role, d->log);
	return d->pid[p] > 0;
}

static bool authority(struct demo *d, const char *conf)
{
	const char *const init[] = {"ca", "init", "-c", conf, NULL};
	const char *const web[] = {"ca", "issue", "service", "web", "--dns", "app.localhost", "--dns", "private.localhost",
				   "--out", d->dir, "-c", conf, NULL};
	const char *const device[] = {"ca", "issue", "device", "browser", "--out", d->dir, "-c", conf, NULL};

	return run(d, init, NULL, 0) && run(d, web, NULL, 0) && run(d, device, NULL, 0) && anchor(d, "acme", conf) &&
	       anchor(d, "device", conf) && begin(d, CA, conf) &&
	       wait_health(d, CA, conf);
}

static bool members(struct demo *d, const char *conf)
{
	return join(d, "edge", conf) && join(d, "connector", conf) && begin(d, EDGE, conf) && wait_health(d, EDGE, conf) &&
	       begin(d, CONNECTOR, conf);
}

/* The connector's /ready says 200. */
static bool is_ready(unsigned port)
{
	static const char ask[] = "GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n", good[] = "HTTP/1.1 200 ";
	const struct addr at = {.family = 4, .ip = {127, 0, 0, 1}, .port = (uint16_t)port};
	int fd = net_connect(&at);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	char said[sizeof good] = "";
	bool ok;

	if (fd < 0)
		return false;
	ok = poll(&p, 1, 1000) == 1 && net_connected(fd) == 0 && send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) > 0;
	p.events = POLLIN;
	ok = ok && poll(&p, 1, 1000) == 1 && recv(fd, said, sizeof good - 1, 0) == sizeof good - 1 && strcmp(said, good) == 0;
	close(fd);
	return ok;
}

/* A tunnel is up when the connector says so. */
static bool through(struct demo *d)
{
	while (now_ms() - d->began < START_MS && lives(d, CONNECTOR) && lives(d, EDGE) && lives(d, CA)) {
		if (is_ready(d->health))
			return true;
		pause_ms(5);
	}
	fprintf(stderr, "zt demo: no tunnel came up\n");
	show_log(d);
	return false;
}

static void say(const struct demo *d, uint64_t ms)
{
	const char *dir = d->dir;
	unsigned port = d->port[EDGE];

	printf("Ready in %llu ms: an app at home, seen through the tunnel.\n\n", (unsigned long long)ms);
	printf("  https://app.localhost:%u/\n\n", port);
	printf("Everybody is let in there. A browser warns, because it does not know this authority; curl is told:\n");
	printf("  curl --cacert %s/acme.pem https://app.localhost:%u/hello\n\n", dir, port);
	printf("Here only a device with a certificate is let in; without --cert and --key the answer is 403:\n");
	printf("  curl --cacert %s/acme.pem --cert %s/browser.pem --key %s/browser.key \\\n"
	       "       https://private.localhost:%u/\n\n", dir, dir, dir, port);
	printf("Configuration: %s/zt.conf\nLog:           %s/log\nWhat runs:     %s status -c %s/zt.conf\n\n", dir, dir,
	       program_invocation_name, dir); /* as it was called: after `make demo` no zt is on the PATH */
	printf("Stop with Ctrl-C%s.\n", d->keep ? "" : "; nothing is left then");
	fflush(stdout);
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

static void stop(struct demo *d, enum proc p)
{
	uint64_t from = now_ms();

	if (d->pid[p] == 0)
		return;
	kill(d->pid[p], SIGTERM);
	while (waitpid(d->pid[p], NULL, WNOHANG) == 0) {
		if (now_ms() - from > STOP_MS)
			kill(d->pid[p], SIGKILL);
		pause_ms(5);
	}
	d->pid[p] = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void end(struct demo *d)
{
	for (unsigned p = PROCS; p-- > 0;)
		stop(d, (enum proc)p);
	if (d->dir[0] && !d->keep && nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		fprintf(stderr, "zt demo: %s could not be removed: %s\n", d->dir, strerror(errno));
}

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	return set;
}

/* Until somebody ends it, or one of them ends by itself. */
static int watch(struct demo *d)
{
	const sigset_t set = ending_signals();

	for (;;) {
		siginfo_t info;
		int signo = sigwaitinfo(&set, &info);

		if (signo > 0 && signo != SIGCHLD)
			return EXIT_ZT_OK;
		for (unsigned p = 0; p < PROCS; p++)
			if (!lives(d, (enum proc)p))
				return EXIT_ZT_FAILED;
	}
}

/* A signal on the way ends it as soon as the step under way is over. */
static bool was_told(void)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) || sigismember(&set, SIGHUP);
}

static int demo(struct demo *d)
{
	char conf[320];
	int code = EXIT_ZT_FAILED;

	snprintf(conf, sizeof conf, "%s/zt.conf", d->dir);
	d->port[APP] = free_port(0);
	d->port[CA] = free_port(0);
	d->health = free_port(0);
	if (write_conf(d) && !was_told() && begin(d, APP, conf) && authority(d, conf) && !was_told() && members(d, conf) &&
	    !was_told() && through(d)) {
		say(d, now_ms() - d->began);
		code = watch(d);
	} else if (was_told()) {
		code = EXIT_ZT_OK;
	}
	end(d);
	return code;
}

static int prepare(struct demo *d, unsigned port, const char *dir)
{
	const sigset_t set = ending_signals();
	struct why why = {0};

	d->began = now_ms();
	d->port[EDGE] = free_port(port);
	if (d->port[EDGE] == 0) {
		fprintf(stderr, "zt demo: port %u on 127.0.0.1 is in use; say --port 0 for any that is free\n", port);
		return EXIT_ZT_LOCKED;
	}
	d->exe = spawn_self(&why);
	if (d->exe < 0) {
		fprintf(stderr, "zt demo: %s\n", why.text);
		return EXIT_ZT_FAILED;
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	return make_dir(d, dir) ? EXIT_ZT_OK : EXIT_ZT_FAILED;
}

static int wrong_use(void)
{
	fputs(usage, stderr);
	return EXIT_ZT_USAGE;
}

int demo_main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'}, {"dir", required_argument, NULL, 'd'},
						{"app", required_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct demo d = {.log = -1, .exe = -1};
	const char *dir = NULL;
	uint64_t port = 8443;
	int c, code;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return printf("%s", usage) < 0;
		if (c == 'd')
			dir = optarg;
		else if ((c != 'p' && c != 'a') || span_u64(span_str(optarg), 65535, &port) < 0 || (c == 'a' && port == 0))
			return wrong_use();
		if (c == 'a')
			return demo_app((unsigned)port);
	}
	if (optind < argc)
		return wrong_use();
	code = prepare(&d, (unsigned)port, dir);
	return code == EXIT_ZT_OK ? demo(&d) : code;
}
