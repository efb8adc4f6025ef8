/* rolerun: options, config, faults; then super_run. */
#include "rolerun.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

#define FAULT_TEXT 32768

extern char **environ;

static void usage(FILE *to, const struct super_role *role, const char *about)
{
	fprintf(to, "usage: zt %s [-c FILE]\n\n%s\n\n"
		    "  -c FILE   configuration (default %s, then conf.d/*.conf beside it)\n\n"
		    "Signals: HUP reload, USR1 reopen logs, TERM drain and stop, a second TERM stop now.\n",
		role->name, about, CONF_DEFAULT_PATH);
}

static void print_faults(const struct conf_faults *f)
{
	uint8_t mem[FAULT_TEXT];
	struct wr w = wr_of(mem, sizeof mem);

	conf_faults_print(f, &w);
	fwrite(w.p, 1, w.n, stderr);
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
	struct conf_faults faults;
	struct why w = {0};
	struct conf *conf;
	int rc;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
			src.path = argv[++i];
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			usage(stdout, role, about);
			return EXIT_ZT_OK;
		} else {
			fprintf(stderr, "zt %s: unexpected argument '%.60s'; see zt %s --help\n", role->name,
				argv[i], role->name);
			return EXIT_ZT_USAGE;
		}
	}
	open_missing_std();
	conf_faults_init(&faults);
	rc = conf_load(&conf, &src, &faults);
	print_faults(&faults);
	conf_faults_free(&faults);
	if (rc < 0) {
		fprintf(stderr, "zt %s: not started: the configuration has faults\n", role->name);
		return (int)err_exit((enum zt_err)-rc);
	}
	if (missing_key(role, conf)) {
		fprintf(stderr, "zt %s: %s is not set in %s: this role is not configured\n", role->name, missing_key(role, conf),
			src.path ? src.path : CONF_DEFAULT_PATH);
		conf_free(conf);
		return EXIT_ZT_CONFIG;
	}
	rc = (int)super_run(role, conf, &src, &w);
	if (w.err != ZT_OK)
		fprintf(stderr, "zt %s: %s\n", role->name, w.text);
	return rc;
}
