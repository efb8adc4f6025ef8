/* conf_keys: the tables, and the checks that look at more than one key. */
#include "conf_keys.h"

#include "base/bounds.h"
#include "base/num.h"
#include "conf_build.h"
#include "config.h"

#define EVERYBODY CONF_FOR_ALL
#define SUPERVISOR CONF_FOR_SUPERVISOR
#define WORKER (CONF_FOR_SUPERVISOR | CONF_FOR_WORKER)
#define LOGD (CONF_FOR_SUPERVISOR | CONF_FOR_LOGD)

#define MS_PER_S UINT64_C(1000)
#define MS_PER_H (3600 * MS_PER_S)
#define KIB UINT64_C(1024)
#define GIB (KIB * KIB * KIB)
/* The highest id a process can have: 2^32 - 1 means "no change" to the kernel. */
#define ID_MAX (UINT32_MAX - UINT64_C(1))

_Static_assert(sizeof(enum log_level) == 4 && sizeof(enum log_format) == 4, "CONF_ENUM stores 4 bytes");

static const struct conf_name levels[] = {
	{"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {NULL, 0}};
static const struct conf_name formats[] = {{"text", LOG_TEXT}, {"json", LOG_JSON}, {NULL, 0}};

static const struct conf_key log_keys[] = {
	{"level", CONF_ENUM, offsetof(struct conf_log, level), CONF_REQUIRED, "info", 0, 0, levels, EVERYBODY,
	 "What is written: this level and everything graver."},
	{"format", CONF_ENUM, offsetof(struct conf_log, format), CONF_REQUIRED, "text", 0, 0, formats, EVERYBODY,
	 "One line per event, as key=value text or as a JSON object."},
	{"file", CONF_PATH, offsetof(struct conf_log, file), 0, "", 0, 0, NULL, LOGD,
	 "Where lines go; empty: to stderr, for journald or the container."},
	{"max_size", CONF_SIZE, offsetof(struct conf_log, max_size), 0, "10M", 64 * KIB, 1024 * GIB, NULL, LOGD,
	 "The file is rotated before it grows past this."},
	{"keep", CONF_U64, offsetof(struct conf_log, keep), 0, "5", 0, 100, NULL, LOGD,
	 "Rotated files that are kept; 0: the old lines are dropped."},
};

static const struct conf_key state_keys[] = {
	{"dir", CONF_PATH, offsetof(struct conf_state, dir), 0, "", 0, 0, NULL, SUPERVISOR,
	 "Directory of the journals; empty: /var/lib/zt as root, else $XDG_STATE_HOME/zt."},
	{"run_dir", CONF_PATH, offsetof(struct conf_state, run_dir), 0, "", 0, 0, NULL, SUPERVISOR,
	 "Directory of the control sockets; empty: /run/zt as root, else $XDG_RUNTIME_DIR/zt."},
	{"uid", CONF_U64, offsetof(struct conf_state, uid), 0, "65532", 0, ID_MAX, NULL, EVERYBODY,
	 "User id of the children when zt is started as root."},
	{"gid", CONF_U64, offsetof(struct conf_state, gid), 0, "65532", 0, ID_MAX, NULL, EVERYBODY,
	 "Group id of the children when zt is started as root."},
};

static const struct conf_key limits_keys[] = {
	{"require_sandbox", CONF_BOOL, offsetof(struct conf_limits, require_sandbox), 0, "false", 0, 0, NULL, EVERYBODY,
	 "Refuse to start where the kernel lacks a sandbox layer, instead of reporting it."},
	{"insecure_no_sandbox", CONF_BOOL, offsetof(struct conf_limits, insecure_no_sandbox), 0, "false", 0, 0, NULL,
	 EVERYBODY, "Run the children without a sandbox: for finding faults, never for service."},
	{"drain", CONF_DURATION, offsetof(struct conf_limits, drain_ms), 0, "30s", 0, MS_PER_H, NULL, WORKER,
	 "How long live connections may finish after SIGTERM before they are cut."},
	{"nofile", CONF_U64, offsetof(struct conf_limits, nofile), 0, "0", 0, UINT64_C(1) << 30, NULL, WORKER,
	 "Open descriptors per process; 0: as many as the hard limit allows."},
};

static const struct conf_key echo_keys[] = {
	{"listen", CONF_ADDR, offsetof(struct conf_echo, listen), CONF_LIST | CONF_REQUIRED, "127.0.0.1:7007", 0, 0, NULL,
	 WORKER, "Where the echo role listens; port 0: the kernel chooses one."},
	{"max_conns", CONF_U64, offsetof(struct conf_echo, max_conns), 0, "1024", 1, 100000, NULL, WORKER,
	 "Connections at a time; one more is closed at once."},
	{"idle", CONF_DURATION, offsetof(struct conf_echo, idle_ms), 0, "5m", MS_PER_S, 24 * MS_PER_H, NULL, WORKER,
	 "A connection on which nothing moves for this long is closed."},
};

static const struct conf_section sections[] = {
	{"log", false, offsetof(struct conf, log), sizeof(struct conf_log), log_keys, ARRAY_LEN(log_keys),
	 "What zt says about itself, and where."},
	{"state", false, offsetof(struct conf, state), sizeof(struct conf_state), state_keys, ARRAY_LEN(state_keys),
	 "Directories, and who the children are."},
	{"limits", false, offsetof(struct conf, limits), sizeof(struct conf_limits), limits_keys, ARRAY_LEN(limits_keys),
	 "Limits of every role."},
	{"echo", false, offsetof(struct conf, echo), sizeof(struct conf_echo), echo_keys, ARRAY_LEN(echo_keys),
	 "The echo role: sends back what it is sent; for trying out an installation."},
};

/* ---- checks across keys ------------------------------------------------------------------ */

static void check_sandbox(const void *root, struct conf_build *b)
{
	const struct conf_limits *l = &((const struct conf *)root)->limits;
	struct conf_place at = conf_build_place(b, "limits", "insecure_no_sandbox");

	if (l->insecure_no_sandbox && l->require_sandbox)
		conf_fault_add(conf_build_faults(b), at, ZT_E_CONFIG,
			       "insecure_no_sandbox and require_sandbox exclude each other; remove one");
	else if (l->insecure_no_sandbox)
		conf_warn_add(conf_build_faults(b), at,
			      "insecure_no_sandbox: a fault in a child reaches everything its user can reach");
}

static void check_ids(const void *root, struct conf_build *b)
{
	const struct conf_state *s = &((const struct conf *)root)->state;

	if (s->uid == 0 || s->gid == 0)
		conf_warn_add(conf_build_faults(b), conf_build_place(b, "state", s->uid ? "gid" : "uid"),
			      "%s = 0: children of a zt started as root stay root", s->uid ? "gid" : "uid");
}

/* The second bind() would fail: the same address, or every address of the family, and one port.
 * Port 0 is another one each time. */
static bool collide(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && a->port != 0 && a->family == b->family &&
	       (addr_same_ip(a, b) || addr_is_any(a) || addr_is_any(b));
}

static void check_listen(const void *root, struct conf_build *b)
{
	const struct conf_list *l = &((const struct conf *)root)->echo.listen;
	struct conf_place at = conf_build_place(b, "echo", "listen");
	char one[ADDR_TEXT], two[ADDR_TEXT];

	if (l->n > BOUND_CAP(BOUND_LISTENERS))
		conf_fault_add(conf_build_faults(b), at, ZT_E_FULL, "listen: %zu addresses, at most %u are allowed", l->n,
			       (unsigned)BOUND_CAP(BOUND_LISTENERS));
	for (size_t i = 0; i < l->n; i++)
		for (size_t j = i + 1; j < l->n; j++)
			if (collide(conf_addr(l, i), conf_addr(l, j)))
				conf_fault_add(conf_build_faults(b), at, ZT_E_DUP,
					       "listen: %s and %s cannot both be bound; keep one",
					       addr_text(conf_addr(l, i), one), addr_text(conf_addr(l, j), two));
}

/* What a worker needs beside connections: listeners, poller, log, control, spare. */
#define OWN_DESCRIPTORS 64

static void check_descriptors(const void *root, struct conf_build *b)
{
	const struct conf *c = root;

	if (c->limits.nofile && c->echo.max_conns + OWN_DESCRIPTORS > c->limits.nofile)
		conf_warn_add(conf_build_faults(b), conf_build_place(b, "echo", "max_conns"),
			      "max_conns %llu needs [limits] nofile of at least %llu; connections will be refused earlier",
			      (unsigned long long)c->echo.max_conns,
			      (unsigned long long)(c->echo.max_conns + OWN_DESCRIPTORS));
}

static void (*const checks[])(const void *, struct conf_build *) = {
	check_sandbox, check_ids, check_listen, check_descriptors, NULL};

const struct conf_schema conf_keys = {sections, ARRAY_LEN(sections), checks};
