/*
 * A kind of child that is several processes, three workers and one that keeps keys: which of them each is, the sockets
 * and the lines of each, what a death of one leaves alone, what the status adds up. Real children; the test reads their
 * counters.
 */
static void worker_if(const char *kind, unsigned epoch);
#define PUPPET_OTHER worker_if
#include "tests/unit/io/puppet.h"

#include "io/child.h"
#include "wire/ipc.h"

#define SEVERAL 3

struct worker {
	struct child child;
	unsigned of_peers; /* the link on which it meets workers */
	uint64_t fds, epochs, to_keys, to_peers[SEVERAL];
};

static struct worker *of(struct child *c)
{
	return CONTAINER_OF(c, struct worker, child);
}

static int prepare(struct child *c, const struct conf *next, const int *fds, size_t n, struct why *w)
{
	(void)next;
	(void)w;
	of(c)->fds = n;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return 0;
}

static void commit(struct child *c)
{
	of(c)->epochs++;
}

static void nothing(struct child *c)
{
	(void)c;
}

static void take_line(struct child *c, unsigned number, int fd)
{
	struct worker *w = of(c);

	close(fd);
	if (number == 0)
		w->to_keys++;
	if (number % CHILD_LINK_KINDS == w->of_peers && number / CHILD_LINK_KINDS < SEVERAL)
		w->to_peers[number / CHILD_LINK_KINDS]++;
}

static void counters(struct child *c, struct wr *w)
{
	const struct worker *k = of(c);
	uint64_t peers = 0;

	for (size_t i = 0; i < SEVERAL; i++)
		peers = peers * 100 + k->to_peers[i];
	ipc_write_counter(w, "which", c->index);
	ipc_write_counter(w, "sockets", k->fds);
	ipc_write_counter(w, "lines_to_keys", k->to_keys);
	ipc_write_counter(w, "lines_to_peers", peers);
	ipc_write_counter(w, "ones", 1);
	if (c->index == 2)
		ipc_write_counter(w, "of_the_last", 5);
	ipc_write_counter(w, "list_number", 9);
	ipc_write_counter_of(w, "labelled", "x", 1);
}

static void worker_if(const char *kind, unsigned epoch)
{
	static const struct child_class cls = {
		.role = "several", .proc = "worker", .profile = JAIL_WORKER, .who = CONF_FOR_WORKER, .prepare = prepare,
		.commit = commit, .abort = nothing, .drain = child_drained, .counters = counters, .link = take_line};
	static struct worker w;
	char line[256] = "", zt[] = "zt", child[] = "--child", name[64], number[16], index[16] = "0";
	char *argv[] = {zt, child, name, number, index, NULL};
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
	struct span rest = span_of(line, n > 0 ? (size_t)n : 0), arg = SPAN_NONE;

	close(fd);
	if (strcmp(kind, "worker") != 0 && strcmp(kind, "keys") != 0)
		return;
	for (int i = 0; i < 5 && rest.n; i++)
		span_cut(rest, 0, &arg, &rest);
	snprintf(index, sizeof index, "%.*s", SPAN_ARG(arg));
	w.of_peers = strcmp(kind, "worker") == 0;
	snprintf(name, sizeof name, "%s", kind);
	snprintf(number, sizeof number, "%u", epoch);
	_exit(child_run(&w.child, &cls, 5, argv));
}

/* ---- the stage ------------------------------------------------------------------------------------------- */

static unsigned three(const struct conf *c)
{
	(void)c;
	return SEVERAL;
}

static const struct super_child kinds[] = {
	{.kind = "worker", .proc = "worker", .who = CONF_FOR_WORKER, .listeners = true, .count = three},
	{.kind = "keys", .proc = "keys", .who = CONF_FOR_WORKER}};
static const struct super_link links[] = {{0, 1}, {0, 0}};
static const struct super_role role = {
	.name = "several", .children = kinds, .n = 2, .listen = puppet_listen, .links = links, .nlinks = 2};

static void open_several(void)
{
	stage_open(&role, "");
	for (size_t i = 0; i < SEVERAL; i++)
		EVENTUALLY(status_of("lines_to_keys", i) == 1);
}

/* Behind where it listens: queues, a timer, retransmissions, user, timeouts. */
static unsigned long inode_of(const char *line)
{
	for (int i = 0; i < 5 && line; i++)
		line = strchr(line + strspn(line, " "), ' ');
	return line ? strtoul(line, NULL, 10) : 0;
}

static int queues_once(const char *want)
{
	char line[256];
	unsigned long seen[16];
	int n = 0;
	FILE *f = fopen("/proc/net/tcp", "r");

	while (f && fgets(line, sizeof line, f) && n < 16) {
		const char *at = strstr(line, want);
		int i = 0;

		if (at == NULL)
			continue;
		seen[n] = inode_of(at + strlen(want));
		while (seen[i] != seen[n])
			i++;
		n += i == n;
	}
	fclose(f);
	return n;
}

/* How many sockets listen at the stage's first address. While others of the machine come and go, the kernel's list leaves
 * some out or has them twice. */
static int queues(void)
{
	char host[20], want[40];
	struct addr at;
	int most = 0;

	puppet_host(host);
	CHECK_INT(addr_parse_ip(span_str(host), &at), 0);
	snprintf(want, sizeof want, " %02X%02X%02X%02X:%04X 00000000:0000 0A", at.ip[3], at.ip[2], at.ip[1], at.ip[0], PUPPET_PORT);
	for (int i = 0; i < 3; i++) {
		int n = queues_once(want);

		most = n > most ? n : most;
	}
	return most;
}

TEST(each_has_its_own_number_sockets_and_lines)
{
	static const long peers[SEVERAL] = {101, 10001, 10100}; /* one to each other, none to itself */

	open_several();
	for (size_t i = 0; i < SEVERAL; i++) {
		CHECK_INT(status_of("index", i), (long)i);
		CHECK_INT(status_of("which", i), (long)i);
		CHECK_INT(status_of("sockets", i), 2);
		EVENTUALLY(status_of("lines_to_peers", i) == peers[i]);
	}
	EVENTUALLY(status_of("lines_to_peers", SEVERAL) == 10101); /* who keeps keys has a line of its own to each */
	CHECK_INT(queues(), SEVERAL);
	CHECK(descriptors_of(stage.super) > 0);
	CHECK_INT(stage_close(), 0);
	CHECK(!logged("child died"));
}

TEST(the_status_adds_up_what_adds_up)
{
	const char *sum;

	open_several();
	sum = strstr(ask("status json"), "\"together\":");
	CHECK(sum && strstr(sum, "\"processes\":3") && strstr(sum, "\"ones\":3") && strstr(sum, "\"of_the_last\":5"));
	CHECK(sum && strstr(sum, "list_number") == NULL && strstr(sum, "labelled") == NULL);
	CHECK(strstr(ask("status"), "  worker, 3 together\n") != NULL);
	CHECK(strstr(stage.reply, "           ones 3\n") != NULL);
	CHECK(strstr(ask("health"), "worker up\nworker up\nworker up\nkeys up\n") != NULL);
	CHECK_INT(stage_close(), 0);
}

TEST(a_death_leaves_the_others_alone)
{
	long pids[SEVERAL];

	open_several();
	EVENTUALLY(status_of("lines_to_peers", 2) == 10100);
	for (size_t i = 0; i < SEVERAL; i++)
		pids[i] = status_of("pid", i);
	kill((pid_t)pids[1], SIGKILL);
	EVENTUALLY(status_of("restarts", 1) == 1 && healthy() && status_of("lines_to_peers", 2) == 10200);
	CHECK(status_of("pid", 0) == pids[0] && status_of("pid", 2) == pids[2] && status_of("pid", 1) != pids[1]);
	EVENTUALLY(status_of("lines_to_peers", 0) == 201 && status_of("lines_to_peers", 1) == 10001);
	CHECK_INT(status_of("which", 1), 1);
	CHECK_INT(status_of("lines_to_keys", 0), 1); /* the others keep theirs */
	EVENTUALLY(status_of("lines_to_peers", SEVERAL) == 10201);
	CHECK_INT(stage_close(), 0);
}

/* From the fourth death in a row on nobody queues where nobody accepts: for 0.8 s, then 1.6, then 3.2, which is looked at
 * three times because this machine may have been away for that long. */
TEST(one_that_dies_on_has_no_queue)
{
	int least = SEVERAL;

	open_several();
	for (long deaths = 0; deaths < 6 && least == SEVERAL; deaths++) {
		EVENTUALLY(healthy() && status_of("restarts", 1) == deaths);
		CHECK_INT(queues(), SEVERAL);
		kill((pid_t)status_of("pid", 1), SIGKILL);
		EVENTUALLY(status_of("restarts", 1) == deaths + 1);
		least = queues();
		CHECK(deaths >= 3 || least == SEVERAL);
	}
	CHECK_INT(least, SEVERAL - 1);
	EVENTUALLY(healthy());
	CHECK_INT(queues(), SEVERAL);
	CHECK_INT(stage_close(), 0);
}

/* A reload that moves an address moves all sockets of it, and nobody's twice. */
TEST(a_reload_asks_each)
{
	open_several();
	stage_conf(1, "");
	ask("reload");
	CHECK_INT(stage.code, 0);
	for (size_t i = 0; i < SEVERAL; i++) {
		CHECK_INT(status_of("sockets", i), 1);
		CHECK_INT(status_of("epoch", i + 1), 2); /* the first is the role's */
	}
	CHECK_INT(queues(), SEVERAL);
	stage_conf(1, "[edge]\nworkers = 2\n");
	ask("reload");
	CHECK_INT(stage.code, EXIT_ZT_CONFIG);
	CHECK(strstr(stage.reply, "[edge] workers cannot change in a reload") != NULL);
	CHECK_INT(stage_close(), 0);
}
