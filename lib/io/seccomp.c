/*
 * seccomp: builds and installs filters. It owns no list of calls: that is sysrules.
 *
 * The program is a chain: load the call's number once, then for each call of the profile
 * "is it this one?" and a block that ends with a verdict. Blocks are short (jumps reach 255
 * instructions) and the data path stands first. Kernels from 5.11 on answer calls without an
 * argument check from a bitmap and do not run the program at all.
 */
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "sysrules.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u /* x32 calls carry it; same processor value, other structures */
#elif defined(__aarch64__) && !defined(__ILP32__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH 0
#endif

/* All processors above are little-endian: the low half of an argument comes first. */
#define AT_NR ((uint32_t)offsetof(struct seccomp_data, nr))
#define AT_ARCH ((uint32_t)offsetof(struct seccomp_data, arch))
#define AT_ARG(i) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i)))

uint32_t seccomp_arch(void)
{
	return ARCH;
}

struct builder {
	struct filter *f;
	uint32_t self;
	bool full;
};

static void emit(struct builder *b, struct sock_filter ins)
{
	if (b->f->n < FILTER_MAX)
		b->f->code[b->f->n++] = ins;
	else
		b->full = true;
}

static void load(struct builder *b, uint32_t at)
{
	emit(b, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
}

static void verdict(struct builder *b, uint32_t what)
{
	emit(b, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

/* Jumps count the instructions that are skipped. */
static void jump_eq(struct builder *b, uint32_t value, uint8_t yes, uint8_t no)
{
	emit(b, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no));
}

/* Instructions of one test: load, perhaps mask, one comparison for each value, one jump. */
static size_t test_size(const struct sys_test *t)
{
	return 1u + (t->mask != ~0u) + t->n + 1u;
}

static size_t check_size(const struct sys_check *c)
{
	size_t n = 0;

	for (size_t i = 0; i < SYS_TESTS && c->test[i].n; i++)
		n += test_size(&c->test[i]);
	return n;
}

/* Goes on with the instruction after it when the test holds; else skips `fail` more. The last
 * instruction is the jump to there: a value of the set steps over it, or for `not` onto it. */
static void emit_test(struct builder *b, const struct sys_test *t, size_t fail)
{
	load(b, AT_ARG(t->arg));
	if (t->mask != ~0u)
		emit(b, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, t->mask));
	for (size_t i = 0; i < t->n; i++) {
		uint32_t value = t->set[i] == SYS_SELF ? b->self : t->set[i];
		uint8_t left = (uint8_t)(t->n - 1 - i); /* comparisons between here and the jump */

		if (t->not)
			jump_eq(b, value, left, left == 0);
		else
			jump_eq(b, value, (uint8_t)(left + 1), 0);
	}
	emit(b, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)fail));
}

static uint32_t rule_verdict(const struct sys_rule *r)
{
	return r->err ? SECCOMP_RET_ERRNO | r->err : SECCOMP_RET_ALLOW;
}

/* One row's block: its tests, then its verdict; a test that fails leaves the block. */
static void emit_rule(struct builder *b, const struct sys_rule *r)
{
	size_t left = r->check ? check_size(r->check) : 0;

	for (size_t i = 0; r->check && i < SYS_TESTS && r->check->test[i].n; i++) {
		left -= test_size(&r->check->test[i]);
		emit_test(b, &r->check->test[i], left + 1);
	}
	verdict(b, rule_verdict(r));
}

static bool rule_used(const struct sys_rule *r, enum jail_profile p)
{
	return r->nr != SYS_NONE && (r->profiles & JAIL_BIT(p));
}

/* All rows of one call, which stand together, and after them the default. */
static size_t emit_call(struct builder *b, enum jail_profile p, size_t at, uint32_t otherwise)
{
	const struct sys_rule *first = &sys_rules[at];
	size_t from = b->f->n;
	bool open = true; /* the last row may not match */

	jump_eq(b, (uint32_t)first->nr, 0, 0);
	for (; at < sys_rules_n && sys_rules[at].nr == first->nr; at++)
		if (rule_used(&sys_rules[at], p)) {
			emit_rule(b, &sys_rules[at]);
			open = sys_rules[at].check != NULL;
		}
	if (open)
		verdict(b, otherwise);
	if (b->full || b->f->n - from - 1 > UINT8_MAX) {
		b->full = true;
		return at;
	}
	b->f->code[from].jf = (uint8_t)(b->f->n - from - 1);
	return at;
}

static void emit_head(struct builder *b)
{
	load(b, AT_ARCH);
	jump_eq(b, ARCH, 1, 0);
	verdict(b, SECCOMP_RET_KILL_PROCESS);
	load(b, AT_NR);
#ifdef X32_BIT
	emit(b, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	verdict(b, SECCOMP_RET_KILL_PROCESS);
#endif
}

int seccomp_build(enum jail_profile p, uint32_t self, bool log_only, struct filter *out)
{
	struct builder b = {.f = out, .self = self};
	uint32_t otherwise = p == JAIL_SUPERVISOR ? SECCOMP_RET_ALLOW
			     : log_only		  ? SECCOMP_RET_LOG
						  : SECCOMP_RET_KILL_PROCESS;

	out->n = 0;
	if (ARCH == 0 || (unsigned)p >= JAIL_PROFILE_COUNT)
		return -ZT_E_UNKNOWN;
	emit_head(&b);
	for (size_t at = 0; at < sys_rules_n && !b.full;)
		if (rule_used(&sys_rules[at], p))
			at = emit_call(&b, p, at, otherwise);
		else
			at++;
	verdict(&b, otherwise);
	return b.full ? -ZT_E_FULL : 0;
}

int seccomp_install(const struct filter *f, bool *logged)
{
	/* The kernel's prototype is not const; it only reads. */
	struct sock_fprog prog = {(unsigned short)f->n, (struct sock_filter *)(uintptr_t)f->code};

	*logged = true;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &prog) == 0)
		return 0;
	*logged = false;
	if (errno != EINVAL) /* EINVAL also from kernels before 4.14, without that flag */
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0 ? 0 : -errno;
}
