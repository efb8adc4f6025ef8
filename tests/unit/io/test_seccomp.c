/*
 * seccomp: the filters themselves, run here instruction by instruction over every call number
 * and over chosen arguments, against what the table says. No filter is installed.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/num.h"
#include "io/seccomp.h"
#include "io/sysrules.h"

#define SELF 4711
#define PAST_LAST_CALL 600
#define KILL SECCOMP_RET_KILL_PROCESS
#define ALLOW SECCOMP_RET_ALLOW
#define NO(err) (SECCOMP_RET_ERRNO | (err))

/* The few BPF instructions that zt emits; anything else, or a jump off the end, is a fault. */
static uint32_t run(const struct filter *f, const struct seccomp_data *d)
{
	uint32_t a = 0, word;

	for (size_t pc = 0; pc < f->n; pc++) {
		const struct sock_filter *i = &f->code[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&word, (const char *)d + i->k, sizeof word);
			a = word;
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
		case BPF_JMP | BPF_JA: pc += i->k; break;
		case BPF_RET | BPF_K: return i->k;
		default: unit_fail(__FILE__, __LINE__, "instruction %zu is %#x", pc, i->code); return 0;
		}
	}
	unit_fail(__FILE__, __LINE__, "the filter has no end");
	return 0;
}

static struct filter filter;

static bool build(enum jail_profile p)
{
	int rc = seccomp_build(p, SELF, false, &filter);

	CHECK_INT(rc, 0);
	return rc == 0;
}

static uint32_t ask(int nr, const uint64_t args[6])
{
	struct seccomp_data d = {.nr = nr, .arch = seccomp_arch()};

	if (args)
		memcpy(d.args, args, sizeof d.args);
	return run(&filter, &d);
}
#define ASK(nr, ...) ask((nr), (const uint64_t[6]){__VA_ARGS__})

/* What the table says of a call whose rows have no argument checks; false when one has. */
static bool plain_verdict(enum jail_profile p, int nr, uint32_t *out)
{
	*out = p == JAIL_SUPERVISOR ? ALLOW : KILL;
	for (size_t i = 0; i < sys_rules_n; i++) {
		if (sys_rules[i].nr != nr || !(sys_rules[i].profiles & JAIL_BIT(p)))
			continue;
		*out = sys_rules[i].err ? NO(sys_rules[i].err) : ALLOW;
		return sys_rules[i].check == NULL;
	}
	return true;
}

TEST(every_call_number_gets_what_the_table_says)
{
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++) {
		unsigned allowed = 0;

		NEED(build((enum jail_profile)p));
		for (int nr = 0; nr < PAST_LAST_CALL; nr++) {
			uint32_t want, got = ask(nr, NULL);

			allowed += got == ALLOW;
			if (plain_verdict((enum jail_profile)p, nr, &want) && got != want)
				unit_fail(__FILE__, __LINE__, "%s, call %d: %#x, not %#x",
					  jail_profile_name((enum jail_profile)p), nr, got, want);
		}
		printf("%-10s %3zu instructions, %3u of %d call numbers allowed outright\n",
		       jail_profile_name((enum jail_profile)p), filter.n, allowed, PAST_LAST_CALL);
	}
}

TEST(another_processor_is_killed_in_every_profile)
{
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++) {
		struct seccomp_data d = {.nr = SYS_read, .arch = AUDIT_ARCH_I386};

		NEED(build((enum jail_profile)p));
		CHECK_INT(run(&filter, &d), KILL);
		d.arch = seccomp_arch() ^ 1;
		CHECK_INT(run(&filter, &d), KILL);
#ifdef __x86_64__
		CHECK_INT(ASK(SYS_read | 0x40000000), KILL); /* x32 */
		CHECK_INT(ASK(-1), KILL);
#endif
	}
}

TEST(a_worker_makes_only_internet_sockets)
{
	NEED(build(JAIL_WORKER));
	CHECK_INT(ASK(SYS_socket, AF_INET, SOCK_STREAM, 0), ALLOW);
	CHECK_INT(ASK(SYS_socket, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP), ALLOW);
	CHECK_INT(ASK(SYS_socket, AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP), ALLOW);
	CHECK_INT(ASK(SYS_socket, AF_UNIX, SOCK_STREAM, 0), KILL);
	CHECK_INT(ASK(SYS_socket, AF_NETLINK, SOCK_RAW, 0), KILL);
	CHECK_INT(ASK(SYS_socket, AF_PACKET, SOCK_DGRAM, 0), KILL);
	CHECK_INT(ASK(SYS_socket, AF_INET, SOCK_RAW, 0), KILL);
	CHECK_INT(ASK(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP), KILL);
	CHECK_INT(ASK(SYS_socket, AF_INET, SOCK_STREAM, 262 /* MPTCP */), KILL);
	/* The kernel looks at the low half only, so the filter must too. */
	CHECK_INT(ASK(SYS_socket, 0xdead00000000ull | AF_PACKET, SOCK_DGRAM, 0), KILL);
	CHECK_INT(ASK(SYS_socket, 0xdead00000000ull | AF_INET, SOCK_STREAM, 0), ALLOW);
}

TEST(no_child_makes_memory_executable)
{
	static const enum jail_profile jailed[] = {JAIL_WORKER, JAIL_LOGD, JAIL_KEYS, JAIL_STATE, JAIL_SIGN, JAIL_KEEPER};

	for (size_t i = 0; i < ARRAY_LEN(jailed); i++) {
		NEED(build(jailed[i]));
		CHECK_INT(ASK(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE), ALLOW);
		CHECK_INT(ASK(SYS_mprotect, 0, 4096, PROT_NONE), ALLOW);
		CHECK_INT(ASK(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), KILL);
		CHECK_INT(ASK(SYS_mmap, 0, 4096, PROT_EXEC), KILL);
		CHECK_INT(ASK(SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC), KILL);
	}
}

/* What it may as little as a worker, and that both may make files that are sealed, which no other child may. */
TEST(a_keeper_connects_and_hands_on)
{
	NEED(build(JAIL_KEEPER));
	CHECK_INT(ASK(SYS_socket, AF_INET, SOCK_STREAM, 0), ALLOW);
	CHECK_INT(ASK(SYS_socket, AF_UNIX, SOCK_STREAM, 0), KILL);
	CHECK_INT(ASK(SYS_accept4), KILL);
	CHECK_INT(ASK(SYS_bind), KILL);
	CHECK_INT(ASK(SYS_memfd_create, 0, 3), ALLOW);
	CHECK_INT(ASK(SYS_memfd_create, 0, 11), ALLOW);
	CHECK_INT(ASK(SYS_memfd_create, 0, 3 | 4), KILL); /* huge pages */
	CHECK_INT(ASK(SYS_memfd_create, 0, 3 | 16), KILL); /* to be executed */
	CHECK_INT(ASK(SYS_fcntl, 3, F_ADD_SEALS, 0), ALLOW);
	CHECK_INT(ASK(SYS_fcntl, 3, F_SETOWN, 1), KILL);
	CHECK_INT(ASK(SYS_execve), KILL);
	NEED(build(JAIL_WORKER));
	CHECK_INT(ASK(SYS_memfd_create, 0, 3), ALLOW);
	CHECK_INT(ASK(SYS_memfd_create, 0, 11), ALLOW);
	CHECK_INT(ASK(SYS_memfd_create, 0, 3 | 4), KILL); /* huge pages */
	CHECK_INT(ASK(SYS_memfd_create, 0, 3 | 16), KILL); /* to be executed */
	CHECK_INT(ASK(SYS_fcntl, 3, F_ADD_SEALS, 0), ALLOW);
	CHECK_INT(ASK(SYS_fcntl, 3, F_SETOWN, 1), KILL);
	NEED(build(JAIL_KEYS));
	CHECK_INT(ASK(SYS_memfd_create, 0, 3), KILL);
	NEED(build(JAIL_STATE));
	CHECK_INT(ASK(SYS_memfd_create, 0, 3), KILL);
	CHECK_INT(ASK(SYS_fcntl, 3, F_ADD_SEALS, 0), KILL);
}

TEST(socket_options_load_no_code)
{
	NEED(build(JAIL_WORKER));
	CHECK_INT(ASK(SYS_setsockopt, 3, SOL_SOCKET, SO_RCVBUF), ALLOW);
	CHECK_INT(ASK(SYS_setsockopt, 3, SOL_SOCKET, SO_RCVLOWAT), ALLOW);
	CHECK_INT(ASK(SYS_setsockopt, 3, SOL_SOCKET, SO_ATTACH_FILTER), KILL);
	CHECK_INT(ASK(SYS_setsockopt, 3, SOL_SOCKET, 50), KILL);
	CHECK_INT(ASK(SYS_setsockopt, 3, SOL_SOCKET, 51), KILL);
	CHECK_INT(ASK(SYS_setsockopt, 3, SOL_SOCKET, 52), KILL);
	CHECK_INT(ASK(SYS_setsockopt, 3, IPPROTO_TCP, TCP_NODELAY), ALLOW);
	CHECK_INT(ASK(SYS_setsockopt, 3, IPPROTO_TCP, TCP_NOTSENT_LOWAT), ALLOW);
	CHECK_INT(ASK(SYS_setsockopt, 3, IPPROTO_TCP, 31 /* TCP_ULP */), KILL);
	CHECK_INT(ASK(SYS_setsockopt, 3, IPPROTO_IPV6, IPV6_V6ONLY), ALLOW);
	CHECK_INT(ASK(SYS_setsockopt, 3, IPPROTO_IPV6, 64 /* IP6T_SO_SET_REPLACE */), KILL);
	CHECK_INT(ASK(SYS_setsockopt, 3, 263 /* SOL_PACKET */, 1), KILL);
}

TEST(signals_go_nowhere_but_abort)
{
	NEED(build(JAIL_KEYS));
	CHECK_INT(ASK(SYS_tkill, SELF, SIGABRT), ALLOW);
	CHECK_INT(ASK(SYS_tkill, SELF, SIGKILL), KILL);
	CHECK_INT(ASK(SYS_tkill, SELF + 1, SIGABRT), KILL);
	CHECK_INT(ASK(SYS_tgkill, SELF, SELF, SIGABRT), ALLOW);
	CHECK_INT(ASK(SYS_tgkill, SELF, 1, SIGABRT), KILL);
	CHECK_INT(ASK(SYS_kill, SELF, SIGABRT), KILL);
	NEED(build(JAIL_WORKER));
	CHECK_INT(ASK(SYS_fcntl, 3, F_SETFL), ALLOW);
	CHECK_INT(ASK(SYS_fcntl, 3, F_SETOWN), KILL);
	CHECK_INT(ASK(SYS_ioctl, 3, FIONREAD), ALLOW);
	CHECK_INT(ASK(SYS_ioctl, 3, TIOCSTI), NO(ENOTTY));
}

TEST(a_supervisor_forks_but_makes_no_namespace)
{
	NEED(build(JAIL_SUPERVISOR));
	CHECK_INT(ASK(SYS_clone, SIGCHLD), ALLOW);
	CHECK_INT(ASK(SYS_clone, CLONE_NEWUSER | SIGCHLD), NO(EPERM));
	CHECK_INT(ASK(SYS_clone, CLONE_NEWNET | CLONE_NEWNS), NO(EPERM));
	CHECK_INT(ASK(435 /* clone3 */), NO(ENOSYS));
	CHECK_INT(ASK(SYS_execve), ALLOW);
	CHECK_INT(ASK(SYS_openat), ALLOW);
	CHECK_INT(ASK(SYS_ioctl, 0, TIOCSTI), NO(EPERM));
	CHECK_INT(ASK(SYS_ioctl, 0, FIONREAD), ALLOW);
}

TEST(development_logs_instead_of_killing)
{
	NEED(seccomp_build(JAIL_WORKER, SELF, true, &filter) == 0);
	CHECK_INT(ASK(SYS_execve), SECCOMP_RET_LOG);
	CHECK_INT(ASK(SYS_socket, AF_PACKET, SOCK_RAW), SECCOMP_RET_LOG);
	CHECK_INT(ASK(SYS_openat), NO(EACCES));
	CHECK_INT(ASK(SYS_read), ALLOW);
}

/* Rows of one call and profile that do not stand together would be read only in part. */
TEST(rows_of_one_call_stand_together)
{
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
		for (size_t i = 0; i < sys_rules_n; i++)
			for (size_t j = i + 2; j < sys_rules_n; j++)
				if (sys_rules[i].nr != SYS_NONE && sys_rules[i].nr == sys_rules[j].nr &&
				    (sys_rules[i].profiles & sys_rules[j].profiles & JAIL_BIT(p)))
					CHECK_INT(sys_rules[j - 1].nr, sys_rules[i].nr);
}

TEST(each_row_can_be_reached_and_says_why)
{
	for (size_t i = 0; i < sys_rules_n; i++) {
		const struct sys_rule *r = &sys_rules[i];

		CHECK(r->profiles != 0 && r->why[0] && r->name[0]);
		for (size_t j = 0; j < i; j++)
			if (sys_rules[j].nr == r->nr && r->nr != SYS_NONE && sys_rules[j].check == NULL)
				CHECK((sys_rules[j].profiles & r->profiles) == 0);
	}
}

TEST(unknown_profiles_get_no_filter)
{
	CHECK_INT(seccomp_build(JAIL_PROFILE_COUNT, SELF, false, &filter), -ZT_E_UNKNOWN);
}
