/* rolerun: options, config, faults; then super_run. */
#include "rolerun.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/upgrade.h"

#define FAULT_TEXT 32768

extern char **environ;

static void usage(FILE *to, const struct super_role *role, const char *about)
{
	fprintf(to, "usage: zt %s [-c FILE]\n\n%s\n\n"
		    "  -c FILE   configuration (default %s, then conf.d/*.conf beside it)\n\n"
		    "Signals: HUP reload, USR1 reopen logs, USR2 upgrade, TERM drain and stop,\n"
		    "a second TERM stop now.\n",
		role->name, about, CONF_DEFAULT_PATH);
}

/* Also to the one that a successor would take over from. */
static void print_faults(const struct conf_faults *f, bool heir, int rc)
{
	uint8_t mem[FAULT_TEXT];
	struct wr w = wr_of(mem, sizeof mem - 1);

	conf_faults_print(f, &w);
	fwrite(w.p, 1, w.n, stderr);
	mem[w.n] = 0;
	if (heir && rc < 0)
		upgrade_refuse(NULL, err_exit((enum zt_err)-rc), (const char *)mem);
}

/* A successor has lines to the one before it and to its shepherd; nobody else says that it is one. */
static bool has_lines(void)
{
	for (int fd = HEIR_FD_LINE; fd <= HEIR_FD_SHEPHERD; fd++) {
		int type = 0;
		socklen_t n = sizeof type;

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET)
			return false;
	}
	return true;
}

/* A descriptor below 3 that is free would be given to the first socket, and what is meant for
 * stderr would go to a peer. Where there is no /dev, one that nobody can read or write does. */
static void open_missing_std(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			fd = open("/", O_PATH);
	} while (fd >= 0 && fd < 3);
	if (fd >= 3)
		close(fd);
}

/* What a role cannot be without, before it asks for anything else, such as an identity. NULL: it is there. */
static const char *missing_key(const struct super_role *role, const struct conf *c)
{
	if (strcmp(role->name, "edge") == 0 && c->edge.listen.n + c->services.n == 0)
		return "[edge] listen";
	return strcmp(role->name, "connector") == 0 && c->connector.edge.n == 0 ? "[connector] edge" : NULL;
}

int role_run(const struct super_role *role, const char *about, int argc, char **argv)
{
	struct conf_source src = {.env = environ};
	char zt[] = "zt", name[16], *args[SHEPHERD_ARGS + 1] = {zt, name};
	struct super_begin begin = {.argv = args};
	struct conf_faults faults;
	struct why w = {0};
	struct conf *conf;
	int rc;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
			src.path = argv[++i];
		} else if (i + 1 == argc && strcmp(argv[i], HEIR_OPTION) == 0 && has_lines()) {
			begin.heir = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			usage(stdout, role, about);
			return EXIT_ZT_OK;
		} else {
			fprintf(stderr, "zt %s: unexpected argument '%.60s'; see zt %s --help\n", role->name,
				argv[i], role->name);
			return EXIT_ZT_USAGE;
		}
	}
	/* However it was called: a successor is called in one way. */
	snprintf(name, sizeof name, "%s", role->name);
	for (int i = 1; i < argc - begin.heir && i < SHEPHERD_ARGS - 1; i++)
		args[i + 1] = argv[i];
	open_missing_std();
	conf_faults_init(&faults);
	rc = conf_load(&conf, &src, &faults);
	print_faults(&faults, begin.heir, rc);
	conf_faults_free(&faults);
	if (rc < 0) {
		fprintf(stderr, "zt %s: not started: the configuration has faults\n", role->name);
		return (int)err_exit((enum zt_err)-rc);
	}
	if (missing_key(role, conf)) {
		fprintf(stderr, "zt %s: %s is not set in %s: this role is not configured\n", role->name, missing_key(role, conf),
			src.path ? src.path : CONF_DEFAULT_PATH);
		if (begin.heir)
			upgrade_refuse(NULL, EXIT_ZT_CONFIG, "this role is not configured any more");
		conf_free(conf);
		return EXIT_ZT_CONFIG;
	}
	rc = (int)super_run_as(role, conf, &src, &begin, &w);
	if (w.err != ZT_OK)
		fprintf(stderr, "zt %s: %s\n", role->name, w.text);
	return rc;
}
