/*
 * sysrules: the table. It owns no mechanism.
 *
 * Three answers, chosen like this:
 *   allowed   the process cannot do its work without it, and it reaches nothing new;
 *   refused   (an errno) a C library makes the call by itself and copes with a no: opening a
 *             file of /etc, asking whether stderr is a terminal. Killing for that would turn
 *             a harmless library detail into an outage, and refusing is just as safe. The
 *             kernel logs it where auditing is compiled in;
 *   killed    everything else. Code that makes such a call is not ours any more, and a
 *             process that dies is seen, restarted and reported.
 */
#include "sysrules.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/num.h"

#define V JAIL_BIT(JAIL_SUPERVISOR)
#define W JAIL_BIT(JAIL_WORKER)
#define L JAIL_BIT(JAIL_LOGD)
#define K JAIL_BIT(JAIL_KEYS)
#define S JAIL_BIT(JAIL_STATE)
#define G JAIL_BIT(JAIL_SIGN)
#define I JAIL_BIT(JAIL_KEEPER)

/* ---- argument checks ---------------------------------------------------------------------- */

#define SET(...) (const uint32_t[]){__VA_ARGS__}, .n = ARRAY_LEN(((const uint32_t[]){__VA_ARGS__}))
#define ARG_IN(i, ...) {.arg = (i), .mask = ~0u, .set = SET(__VA_ARGS__)}
#define ARG_NOT_IN(i, ...) {.arg = (i), .mask = ~0u, .not = true, .set = SET(__VA_ARGS__)}
#define ARG_BITS_IN(i, m, ...) {.arg = (i), .mask = (m), .set = SET(__VA_ARGS__)}
#define ARG_BITS_NOT_IN(i, m, ...) {.arg = (i), .mask = (m), .not = true, .set = SET(__VA_ARGS__)}

/* No AF_UNIX: no Landlock so far stops a connect() to a socket file such as that of a
 * container engine, and whatever a jailed process needs to talk to, it is given. */
static const struct sys_check inet_socket = {
	"only AF_INET and AF_INET6, stream or datagram, TCP or UDP",
	{ARG_IN(0, AF_INET, AF_INET6),
	 ARG_BITS_IN(1, ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), SOCK_STREAM, SOCK_DGRAM),
	 ARG_IN(2, 0, IPPROTO_TCP, IPPROTO_UDP)},
};

static const struct sys_check not_exec = {
	"only without PROT_EXEC", {ARG_BITS_IN(2, PROT_EXEC, 0)},
};

#define SO_ATTACH_BPF_ 50 /* linux/socket numbers that musl's headers leave out */
#define SO_ATTACH_REUSEPORT_CBPF_ 51
#define SO_ATTACH_REUSEPORT_EBPF_ 52
static const struct sys_check sol_socket = {
	"SOL_SOCKET, but nothing that loads a BPF program",
	{ARG_IN(1, SOL_SOCKET), ARG_NOT_IN(2, SO_ATTACH_FILTER, SO_ATTACH_BPF_,
					   SO_ATTACH_REUSEPORT_CBPF_, SO_ATTACH_REUSEPORT_EBPF_)},
};
static const struct sys_check sol_tcp = {
	"TCP: no-delay, cork, keep-alive, time-outs, quick-ack, low-water mark, fast open, congestion",
	{ARG_IN(1, IPPROTO_TCP),
	 ARG_IN(2, TCP_NODELAY, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT,
		TCP_DEFER_ACCEPT, TCP_QUICKACK, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT, TCP_FASTOPEN,
		TCP_FASTOPEN_CONNECT, TCP_CONGESTION)},
};
static const struct sys_check sol_ip = {
	"IP: type of service, hop limit, path MTU, errors, late port",
	{ARG_IN(1, IPPROTO_IP), ARG_IN(2, IP_TOS, IP_TTL, IP_PKTINFO, IP_MTU_DISCOVER, IP_RECVERR,
				       IP_BIND_ADDRESS_NO_PORT)},
};
static const struct sys_check sol_ipv6 = {
	"IPv6: v6 only, traffic class, hop limit, path MTU, errors",
	{ARG_IN(1, IPPROTO_IPV6), ARG_IN(2, IPV6_V6ONLY, IPV6_TCLASS, IPV6_UNICAST_HOPS,
					 IPV6_RECVPKTINFO, IPV6_MTU_DISCOVER, IPV6_RECVERR)},
};

/* No F_SETOWN or F_SETSIG, which send signals; no locks; no leases. */
static const struct sys_check fcntl_flags = {
	"only flags, seals read, and duplicates with close-on-exec",
	{ARG_IN(1, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GET_SEALS)},
};
static const struct sys_check fcntl_seal = {"only seals added", {ARG_IN(1, F_ADD_SEALS)}};
/* With and without the flag that kernels before 6.3 do not know. No huge pages, and nothing that could be run. */
#define MFD_NOEXEC_SEAL_ 8u /* since Linux 6.3 */
static const struct sys_check memfd_sealed = {
	"only to be sealed, closed on exec", {ARG_IN(1, MFD_CLOEXEC | MFD_ALLOW_SEALING, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL_)},
};
static const struct sys_check fionread = {"only FIONREAD", {ARG_IN(1, FIONREAD)}};

static const struct sys_check abort_tkill = {
	"only SIGABRT to itself", {ARG_IN(0, SYS_SELF), ARG_IN(1, SIGABRT)},
};
static const struct sys_check abort_tgkill = {
	"only SIGABRT to itself", {ARG_IN(0, SYS_SELF), ARG_IN(1, SYS_SELF), ARG_IN(2, SIGABRT)},
};

#define NAMESPACES (uint32_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |      \
			      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
static const struct sys_check new_namespace = {
	"with any CLONE_NEW... flag", {ARG_BITS_NOT_IN(0, NAMESPACES, 0)},
};
static const struct sys_check type_for_others = {
	"TIOCSTI and TIOCLINUX, which type into somebody's terminal", {ARG_IN(1, 0x5412, 0x541c)},
};

/* ---- the table ------------------------------------------------------------------------------ */

#define ALLOW(call, who, why) {__NR_##call, #call, (who), 0, NULL, (why)}
#define CHECK(call, who, check, why) {__NR_##call, #call, (who), 0, &(check), (why)}
#define REFUSE(call, who, err, why) {__NR_##call, #call, (who), (err), NULL, (why)}
#define DENY(call, why) REFUSE(call, V, EPERM, why)
#define DENY_IF(call, check, why) {__NR_##call, #call, V, EPERM, &(check), (why)}

#define ALL (W | L | K | S | G | I)
#define LOOPED (W | L | S | G | I) /* run the event loop */
#define NET (W | S | I)
#define DIR (L | S | G | I)
#define JOURNAL (S | G)
#define OWNER (S | G | I)

const struct sys_rule sys_rules[] = {
	/* The data path first: a filter is read from the top at every call. */
	ALLOW(read, ALL, "bytes in"),
	ALLOW(write, ALL, "bytes out, log lines"),
	ALLOW(recvfrom, NET, "bytes in, recv()"),
	ALLOW(sendto, NET, "bytes out, send()"),
	ALLOW(epoll_wait, LOOPED, "the event loop"),
	ALLOW(epoll_pwait, LOOPED, "the event loop, as musl spells it"),
	ALLOW(epoll_ctl, LOOPED, "the event loop"),
	ALLOW(readv, LOOPED, "bytes in"),
	ALLOW(writev, ALL, "bytes out; the C library's stdio"),
	ALLOW(recvmsg, ALL, "requests, and descriptors that are handed over"),
	ALLOW(sendmsg, ALL, "answers"),
	ALLOW(close, ALL, "what it has, and what is handed to it"),
	ALLOW(clock_gettime, ALL, "time, where the vDSO cannot tell it"),
	ALLOW(accept4, W, "connections of the listeners it was given"),
	CHECK(socket, NET, inet_socket, "connections to services, mail servers, DNS"),
	ALLOW(connect, NET, "the same"),
	ALLOW(shutdown, NET, "half-close"),
	ALLOW(getsockname, NET, "which address was reached"),
	ALLOW(getpeername, NET, "who is there"),
	ALLOW(getsockopt, NET, "how a connect() ended"),
	CHECK(setsockopt, NET, sol_socket, "buffers, keep-alive"),
	CHECK(setsockopt, NET, sol_tcp, "delays and time-outs"),
	CHECK(setsockopt, NET, sol_ip, "UDP"),
	CHECK(setsockopt, NET, sol_ipv6, "UDP"),
	ALLOW(poll, ALL, "waiting; the other back end of the loop"),
	ALLOW(ppoll, ALL, "poll() where the processor has no other"),
	ALLOW(epoll_create1, LOOPED, "the event loop"),
	ALLOW(signalfd4, LOOPED, "signals, in the event loop"),
	ALLOW(eventfd2, LOOPED, "wake-ups, in the event loop"),

	/* memory */
	CHECK(mmap, ALL, not_exec, "malloc()"),
	CHECK(mprotect, ALL, not_exec, "malloc() of musl"),
	ALLOW(munmap, ALL, "free()"),
	ALLOW(mremap, ALL, "realloc(); it cannot change protection"),
	ALLOW(brk, ALL, "malloc()"),
	ALLOW(madvise, ALL, "free() gives pages back"),

	/* itself */
	ALLOW(getrandom, ALL, "keys, nonces, ids"),
	ALLOW(exit_group, ALL, "the end"),
	ALLOW(exit, ALL, "the end"),
	ALLOW(rt_sigreturn, ALL, "the kernel's own way out of a signal handler"),
	ALLOW(restart_syscall, ALL, "the kernel's own: poll() after a stop"),
	ALLOW(rt_sigaction, ALL, "abort()"),
	ALLOW(rt_sigprocmask, ALL, "abort(), signals of the loop"),
	ALLOW(getpid, ALL, "abort()"),
	ALLOW(gettid, ALL, "abort()"),
	ALLOW(geteuid, OWNER, "are these files its own?"),
	CHECK(tkill, ALL, abort_tkill, "abort(): a bug of ours must be seen as one, not as an attack"),
	CHECK(tgkill, ALL, abort_tgkill, "abort()"),
	CHECK(fcntl, W | I, fcntl_seal, "what it hands on cannot be changed any more"),
	CHECK(fcntl, LOOPED, fcntl_flags, "non-blocking"),
	CHECK(ioctl, LOOPED, fionread, "how much is waiting"),
	REFUSE(ioctl, LOOPED, ENOTTY, "stdio asks whether stderr is a terminal"),
	ALLOW(fstat, LOOPED, "size of what it was given: the configuration, a log"),
	ALLOW(lseek, LOOPED, "the same"),
	ALLOW(pread64, NET | G, "the same"),

	/* files: below one directory, and that is Landlock's to enforce */
	ALLOW(open, DIR, "files of its directory"),
	ALLOW(openat, DIR, "files of its directory"),
	ALLOW(fsync, DIR, "what is promised is on disk"),
	ALLOW(fdatasync, DIR, "the same"),
	ALLOW(ftruncate, DIR, "a torn tail"),
	ALLOW(rename, DIR, "rotation, snapshots"),
	ALLOW(renameat, DIR, "the same"),
	ALLOW(renameat2, DIR, "the same, where the processor has no other"),
	ALLOW(unlink, DIR, "the oldest log, an old snapshot"),
	ALLOW(unlinkat, DIR, "the same"),
	ALLOW(stat, DIR, "is it there, how big is it"),
	ALLOW(lstat, DIR, "the same"),
	ALLOW(newfstatat, DIR, "the same"),
	ALLOW(linkat, I, "a file that must be the first under its name"),
	ALLOW(fchmod, I, "the mode of a file that it has just made"),
	CHECK(memfd_create, W | I, memfd_sealed, "a status list, for whoever it is handed on to"),
	ALLOW(getdents64, L | S, "which files are there"),
	ALLOW(pwrite64, JOURNAL, "the journal"),
	ALLOW(flock, JOURNAL, "one writer"),
	ALLOW(mkdir, S, "below its directory"),
	ALLOW(mkdirat, S | I, "below its directory"),
	ALLOW(fallocate, S, "room for the journal before it is promised"),

	/* what a C library tries by itself, and copes without */
	/* A listener that a reload ends says EINVAL before the worker hears of it, and musl takes that for a kernel
	 * without accept4(). */
	REFUSE(accept, W, EINVAL, "musl tries it where accept4() failed"),
	REFUSE(open, W, EACCES, "a library may look for a file; there is none for a worker"),
	REFUSE(openat, W, EACCES, "the same"),
	REFUSE(stat, W, EACCES, "the same"),
	REFUSE(lstat, W, EACCES, "the same"),
	REFUSE(newfstatat, W, EACCES, "the same"),
	REFUSE(access, LOOPED, EACCES, "the same"),
	REFUSE(faccessat, LOOPED, EACCES, "the same"),
	REFUSE(readlink, LOOPED, EACCES, "the same"),
	REFUSE(readlinkat, LOOPED, EACCES, "the same"),
	REFUSE(statx, LOOPED, ENOSYS, "a library then asks in the old way"),

	/* The supervisor starts programs, so its list is of what nobody below it ever needs.
	 * Children and alert hooks inherit it. */
	DENY(ptrace, "reading or steering another process"),
	DENY(process_vm_readv, "the same"),
	DENY(process_vm_writev, "the same"),
	DENY(pidfd_getfd, "taking a descriptor out of another process"),
	DENY(kcmp, "looking into another process"),
	DENY(mount, "another view of the file system"),
	DENY(umount2, "the same"),
	DENY(pivot_root, "the same"),
	DENY(chroot, "the same"),
	DENY(open_tree, "the same"),
	DENY(move_mount, "the same"),
	DENY(fsopen, "the same"),
	DENY(fsconfig, "the same"),
	DENY(fsmount, "the same"),
	DENY(fspick, "the same"),
	DENY(mount_setattr, "the same"),
	DENY(unshare, "user namespaces: the way to most kernel faults"),
	DENY(setns, "the same"),
	DENY_IF(clone, new_namespace, "the same"),
	REFUSE(clone3, V, ENOSYS, "its flags cannot be seen by a filter; libraries fall back to clone"),
	DENY(bpf, "kernel code"),
	DENY(perf_event_open, "kernel internals"),
	DENY(userfaultfd, "a helper of kernel exploits"),
	DENY(io_uring_setup, "goes round every filter"),
	DENY(io_uring_enter, "the same"),
	DENY(io_uring_register, "the same"),
	DENY(keyctl, "keys of the kernel"),
	DENY(add_key, "the same"),
	DENY(request_key, "the same"),
	DENY(init_module, "kernel code"),
	DENY(finit_module, "the same"),
	DENY(delete_module, "the same"),
	DENY(kexec_load, "another kernel"),
	DENY(kexec_file_load, "the same"),
	DENY(reboot, "the machine"),
	DENY(swapon, "the machine"),
	DENY(swapoff, "the same"),
	DENY(acct, "the same"),
	DENY(quotactl, "the same"),
	DENY(sethostname, "the same"),
	DENY(setdomainname, "the same"),
	DENY(settimeofday, "the clock"),
	DENY(clock_settime, "the same"),
	DENY(clock_adjtime, "the same"),
	DENY(adjtimex, "the same"),
	DENY(syslog, "the kernel's log"),
	DENY(personality, "weaker address layout"),
	DENY(open_by_handle_at, "files past every directory permission"),
	DENY(fanotify_init, "watching everybody's files"),
	DENY(modify_ldt, "old processor features"),
	DENY(iopl, "hardware"),
	DENY(ioperm, "hardware"),
	DENY_IF(ioctl, type_for_others, "a command for the shell that started it"),
};
const size_t sys_rules_n = ARRAY_LEN(sys_rules);
