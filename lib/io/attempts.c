/*
 * attempts: the table and its one-call experiments. System calls are made directly where a C
 * library would do something else first. errno values that only come after the permission
 * check (said at each) count as allowed.
 */
#include "attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "sysnr.h"

/* The answer of a call that gives a descriptor. */
static int opened(long fd)
{
	if (fd < 0)
		return errno;
	close((int)fd);
	return ATTEMPT_ALLOWED;
}

static int done(long rc)
{
	return rc < 0 ? errno : ATTEMPT_ALLOWED;
}

/* ---- files -------------------------------------------------------------------------------- */

static int read_passwd(const struct attempt_world *w)
{
	int rc = opened(open("/etc/passwd", O_RDONLY | O_CLOEXEC));

	(void)w;
	return rc == ENOENT ? ATTEMPT_UNTRIED : rc; /* an image without users */
}

static int read_other(const struct attempt_world *w)
{
	return opened(open(w->other_file, O_RDONLY | O_CLOEXEC));
}

static int write_other(const struct attempt_world *w)
{
	return opened(open(w->other_file, O_WRONLY | O_CLOEXEC));
}

static int list_other(const struct attempt_world *w)
{
	return opened(open(w->other_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int create_other(const struct attempt_world *w)
{
	char path[96];
	int fd;

	snprintf(path, sizeof path, "%s/made", w->other_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		unlink(path);
	return opened(fd);
}

static int truncate_other(const struct attempt_world *w)
{
	return done(truncate(w->other_file, 0));
}

/* Out of its own directory under a free name, and back, so that nothing is lost. */
static int move_out(const struct attempt_world *w)
{
	char path[96];
	int rc;

	snprintf(path, sizeof path, "%s/moved", w->other_dir);
	rc = done(rename(w->own_file, path));
	if (rc == ATTEMPT_ALLOWED)
		rename(path, w->own_file);
	return rc;
}

static int chmod_own(const struct attempt_world *w)
{
	return done(chmod(w->own_file, 0640));
}

static int own_memory(const struct attempt_world *w)
{
	(void)w;
	return opened(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
}

static int read_left_open(const struct attempt_world *w)
{
	char byte;

	return done(read(w->left_open, &byte, 1));
}

/* ---- programs and memory -------------------------------------------------------------------- */

/* The file holds no program: ENOEXEC says that everything else would have let it run. */
static int exec_file(const struct attempt_world *w)
{
	char *const argv[] = {(char[]){"zt-probe"}, NULL}, *const envp[] = {NULL};

	execve(w->other_file, argv, envp);
	return errno == ENOEXEC ? ATTEMPT_ALLOWED : errno;
}

static int exec_memory(const struct attempt_world *w)
{
	char *const argv[] = {(char[]){"zt-probe"}, NULL}, *const envp[] = {NULL};
	int fd = (int)syscall(SYS_memfd_create, "zt-probe", 0);

	(void)w;
	if (fd < 0)
		return errno;
	if (write(fd, "no program\n", 11) != 11 || fchmod(fd, 0700) != 0)
		return errno;
	syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
	return errno == ENOEXEC ? ATTEMPT_ALLOWED : errno;
}

static int fork_once(const struct attempt_world *w)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	(void)w;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return done(pid);
}

static int map_wx(const struct attempt_world *w)
{
	(void)w;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? errno
		       : ATTEMPT_ALLOWED;
}

static int write_then_exec(const struct attempt_world *w)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)w;
	return p == MAP_FAILED ? errno : done(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

/* ---- other processes ------------------------------------------------------------------------ */

static int signal_parent(const struct attempt_world *w)
{
	return done(kill(w->parent, 0)); /* 0 asks whether it would be allowed */
}

/* SEIZE does not stop the other process, and ends with this one. */
static int trace_parent(const struct attempt_world *w)
{
	return done(ptrace(PTRACE_SEIZE, w->parent, NULL, NULL));
}

static int read_parent(const struct attempt_world *w)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)w->parent_word, 1};

	return done(process_vm_readv(w->parent, &here, 1, &there, 1, 0));
}

static int steal_descriptor(const struct attempt_world *w)
{
	long pidfd = syscall(__NR_pidfd_open, w->parent, 0);

	return pidfd < 0 ? errno : opened(syscall(__NR_pidfd_getfd, pidfd, 0, 0));
}

static int limits_of_parent(const struct attempt_world *w)
{
	struct rlimit old[2]; /* room for the kernel's 64-bit form on every processor */

	return done(syscall(SYS_prlimit64, w->parent, RLIMIT_NOFILE, NULL, old));
}

/* ---- the network ---------------------------------------------------------------------------- */

static int packet_socket(const struct attempt_world *w)
{
	(void)w;
	return opened(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int raw_socket(const struct attempt_world *w)
{
	(void)w;
	return opened(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

static int netlink_socket(const struct attempt_world *w)
{
	(void)w;
	return opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int inet_socket(const struct attempt_world *w)
{
	(void)w;
	return opened(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int connect_tcp(const struct attempt_world *w)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : done(connect(fd, (const struct sockaddr *)&w->tcp, sizeof w->tcp));
}

static int bind_tcp(const struct attempt_world *w)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = w->tcp.sin_addr};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : done(bind(fd, (const struct sockaddr *)&any, sizeof any));
}

static int connect_abstract(const struct attempt_world *w)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (w->abstract_len == 0)
		return ATTEMPT_UNTRIED;
	return fd < 0 ? errno : done(connect(fd, (const struct sockaddr *)&w->abstract, w->abstract_len));
}

static int attach_bpf(const struct attempt_world *w)
{
	/* struct sock_fprog of one instruction: "keep every byte" */
	struct {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} all = {0x06, 0, 0, 0xffff};
	struct {
		uint16_t len;
		void *filter;
	} prog = {1, &all};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)w;
	return fd < 0 ? errno : done(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog));
}

/* ---- privileges and kernel doors ------------------------------------------------------------ */

static int become_root(const struct attempt_world *w)
{
	(void)w;
	return done(syscall(SYS_setuid, 0));
}

static int dump_again(const struct attempt_world *w)
{
	(void)w;
	return done(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* Two propagation types at once are invalid, which is found after the permission. */
static int mount_something(const struct attempt_world *w)
{
	int rc = done(mount("none", "/", NULL, MS_SHARED | MS_PRIVATE, NULL));

	(void)w;
	return rc == EINVAL ? ATTEMPT_ALLOWED : rc;
}

static int chroot_same(const struct attempt_world *w)
{
	(void)w;
	return done(chroot("/"));
}

static int new_user_namespace(const struct attempt_world *w)
{
	(void)w;
	return done(unshare(CLONE_NEWUSER));
}

/* Descriptor -1 is found bad after the permission. */
static int load_module(const struct attempt_world *w)
{
	int rc = done(syscall(SYS_finit_module, -1, "", 0));

	(void)w;
	return rc == EBADF ? ATTEMPT_ALLOWED : rc;
}

static int load_bpf(const struct attempt_world *w)
{
	union bpf_attr a = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	(void)w;
	return opened(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a));
}

/* ENOENT, ENODEV: no such counter here, found after the permission. */
static int perf_event(const struct attempt_world *w)
{
	struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE, .size = sizeof a,
				    .config = PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1};
	int rc = opened(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));

	(void)w;
	return rc == ENOENT || rc == ENODEV ? ATTEMPT_ALLOWED : rc;
}

static int io_uring(const struct attempt_world *w)
{
	uint64_t params[32] = {0}; /* struct io_uring_params is 120 bytes */

	(void)w;
	return opened(syscall(__NR_io_uring_setup, 1, params));
}

static int user_fault(const struct attempt_world *w)
{
	(void)w;
	return opened(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* USER_MODE_ONLY */));
}

/* KEYCTL_GET_KEYRING_ID of the session's, without making one: ENOKEY is an answer. */
static int kernel_keys(const struct attempt_world *w)
{
	int rc = done(syscall(SYS_keyctl, 0, -3, 0));

	(void)w;
	return rc == ENOKEY ? ATTEMPT_ALLOWED : rc;
}

static int weak_layout(const struct attempt_world *w)
{
	(void)w;
	return done(personality(ADDR_NO_RANDOMIZE));
}

static int kernel_log(const struct attempt_world *w)
{
	(void)w;
	return done(syscall(SYS_syslog, 10 /* SIZE_BUFFER */, NULL, 0));
}

/* ---- the table ------------------------------------------------------------------------------ */

#define P(p) (1u << JAIL_##p)
#define CHILDREN (P(WORKER) | P(LOGD) | P(KEYS) | P(STATE) | P(SIGN) | P(KEEPER))
#define JAILED (CHILDREN | P(PROBE)) /* refused by other layers as well */
#define EVERYBODY (JAILED | P(SUPERVISOR))

#define L(l) (1u << JAIL_L_##l)
#define FILTER L(SECCOMP)
/* Their filter cannot tell one directory from another. */
#define WITH_FILES (P(LOGD) | P(STATE) | P(SIGN) | P(KEEPER))
#define OFFLINE (P(LOGD) | P(KEYS) | P(SIGN))

const struct attempt attempts[] = {
	{"read-passwd", "read /etc/passwd", JAILED, FILTER | L(FILES), WITH_FILES, read_passwd},
	{"read-other", "read a file elsewhere", JAILED, FILTER | L(FILES), WITH_FILES, read_other},
	{"write-other", "write a file elsewhere", JAILED, FILTER | L(FILES), WITH_FILES, write_other},
	{"create-other", "make a file elsewhere", JAILED, FILTER | L(FILES), WITH_FILES, create_other},
	{"list-other", "list a directory elsewhere", JAILED, FILTER | L(FILES), WITH_FILES, list_other},
	{"truncate-other", "empty a file elsewhere", JAILED, FILTER | L(FILES), 0, truncate_other},
	{"move-out", "move a file out of its directory", JAILED, FILTER | L(FILES), WITH_FILES, move_out},
	{"chmod-own", "change a file's mode", CHILDREN, FILTER, 0, chmod_own},
	{"own-memory", "open its memory as a file", JAILED, FILTER | L(FILES), WITH_FILES, own_memory},
	{"read-left-open", "read a descriptor it was not given", JAILED, L(FDS), 0, read_left_open},
	{"exec-file", "run a program", JAILED, FILTER | L(FILES), 0, exec_file},
	{"exec-memory", "run a program from memory", CHILDREN, FILTER, 0, exec_memory},
	{"fork", "start a process", CHILDREN, FILTER, 0, fork_once},
	{"map-wx", "map memory writable and executable", JAILED, FILTER | L(WX), 0, map_wx},
	{"write-then-exec", "make written memory executable", JAILED, FILTER | L(WX), 0, write_then_exec},
	{"signal-parent", "signal its supervisor", JAILED, FILTER | L(SCOPES), 0, signal_parent},
	{"trace-parent", "trace its supervisor", EVERYBODY, FILTER | L(FILES), 0, trace_parent},
	{"read-parent", "read its supervisor's memory", EVERYBODY, FILTER | L(FILES), 0, read_parent},
	{"steal-descriptor", "take its supervisor's descriptors", EVERYBODY, FILTER | L(FILES), 0, steal_descriptor},
	{"limits-of-parent", "see its supervisor's limits", CHILDREN, FILTER, 0, limits_of_parent},
	{"packet-socket", "listen to the whole network", JAILED, FILTER | L(CAPS), 0, packet_socket},
	{"raw-socket", "send forged packets", JAILED, FILTER | L(CAPS), 0, raw_socket},
	{"netlink-socket", "talk to the kernel's network side", CHILDREN, FILTER, 0, netlink_socket},
	{"inet-socket", "make an internet socket", OFFLINE, FILTER, 0, inet_socket},
	{"connect-tcp", "connect somewhere", OFFLINE, FILTER | L(TCP), 0, connect_tcp},
	{"bind-tcp", "open a TCP port", JAILED, FILTER | L(TCP), 0, bind_tcp},
	{"connect-abstract", "reach a local service's socket", JAILED, FILTER | L(SCOPES), 0, connect_abstract},
	{"attach-bpf", "load a packet filter", CHILDREN, FILTER, 0, attach_bpf},
	{"become-root", "become root", JAILED, FILTER | L(USER), 0, become_root},
	{"dump-again", "make its memory dumpable", CHILDREN, FILTER, 0, dump_again},
	{"mount", "mount something", EVERYBODY, FILTER | L(CAPS), 0, mount_something},
	{"chroot", "change its root directory", EVERYBODY, FILTER | L(CAPS), 0, chroot_same},
	{"user-namespace", "make a user namespace", CHILDREN | P(SUPERVISOR), FILTER, 0, new_user_namespace},
	{"load-module", "load a kernel module", EVERYBODY, FILTER | L(CAPS), 0, load_module},
	{"load-bpf", "load kernel code (bpf)", CHILDREN | P(SUPERVISOR), FILTER, 0, load_bpf},
	{"perf-event", "measure the kernel (perf)", CHILDREN | P(SUPERVISOR), FILTER, 0, perf_event},
	{"io-uring", "open an io_uring", CHILDREN | P(SUPERVISOR), FILTER, 0, io_uring},
	{"user-fault", "open a userfaultfd", CHILDREN | P(SUPERVISOR), FILTER, 0, user_fault},
	{"kernel-keys", "use the kernel's keyrings", CHILDREN | P(SUPERVISOR), FILTER, 0, kernel_keys},
	{"weak-layout", "turn off address randomisation", CHILDREN | P(SUPERVISOR), FILTER, 0, weak_layout},
	{"kernel-log", "read the kernel's log", CHILDREN | P(SUPERVISOR), FILTER, 0, kernel_log},
};
const size_t attempts_n = ARRAY_LEN(attempts);

unsigned attempt_layers(const struct attempt *a, enum jail_profile p)
{
	return a->layers & ~(a->unfiltered >> p & 1 ? FILTER : 0);
}
