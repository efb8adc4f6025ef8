/*
 * landlock: rules of landlock.h as the kernel wants them. The structures and bits are written
 * out here because build machines' headers are older than the kernels zt runs on.
 */
#include "landlock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sysnr.h"

#define CREATE_VERSION 1u /* asks for the ABI instead of creating */
#define RULE_PATH 1
#define RULE_PORT 2

#define FS_EXECUTE (1u << 0)
#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_DIR (1u << 4)
#define FS_REMOVE_FILE (1u << 5)
#define FS_MAKE_DIR (1u << 7)
#define FS_MAKE_REG (1u << 8)
#define FS_ABI_1 ((1u << 13) - 1) /* bits 0..12 */
#define FS_REFER (1u << 13)
#define FS_TRUNCATE (1u << 14)
#define FS_IOCTL_DEV (1u << 15)
#define NET_BIND (1u << 0)
#define NET_CONNECT (1u << 1)
#define SCOPE_ABSTRACT_SOCKET (1u << 0)
#define SCOPE_SIGNAL (1u << 1)

struct ruleset {
	uint64_t fs, net, scoped;
};
struct path_rule {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));
struct port_rule {
	uint64_t allowed, port;
};

/* Size of struct ruleset as kernels of that ABI know it; they refuse a longer one only when
 * the rest is not zero, but it costs nothing to be exact. */
static size_t ruleset_size(int abi)
{
	return abi >= LANDLOCK_ABI_SCOPES ? 24 : abi >= LANDLOCK_ABI_TCP ? 16 : 8;
}

static uint64_t fs_known(int abi)
{
	return FS_ABI_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= LANDLOCK_ABI_TRUNCATE ? FS_TRUNCATE : 0) |
	       (abi >= 5 ? FS_IOCTL_DEV : 0);
}

int landlock_abi(void)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi > 0 ? (int)abi : abi == 0 ? -ENOSYS : -errno;
}

static int allow_path(int ruleset, int fd, uint64_t rights)
{
	struct path_rule r = {rights, fd};

	if (fd < 0)
		return 0;
	return syscall(__NR_landlock_add_rule, ruleset, RULE_PATH, &r, 0) == 0 ? 0 : -errno;
}

static int allow_ports(int ruleset, const struct landlock_wish *w)
{
	for (size_t i = 0; i < w->ports_n; i++) {
		struct port_rule r = {NET_CONNECT, w->ports[i]};

		if (syscall(__NR_landlock_add_rule, ruleset, RULE_PORT, &r, 0) != 0)
			return -errno;
	}
	return 0;
}

static int add_rules(int ruleset, int abi, const struct landlock_wish *w)
{
	uint64_t dir = FS_WRITE_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE;
	int rc = 0;

	if (w->dir_read)
		dir |= FS_READ_FILE | FS_MAKE_DIR | FS_REMOVE_DIR;
	if (w->files)
		rc = allow_path(ruleset, w->dir_fd, dir & fs_known(abi));
	if (rc == 0 && w->files)
		rc = allow_path(ruleset, w->proc_fd, FS_READ_FILE | FS_READ_DIR);
	if (rc == 0 && w->connect && abi >= LANDLOCK_ABI_TCP)
		rc = allow_ports(ruleset, w);
	return rc;
}

int landlock_enter(int abi, const struct landlock_wish *w)
{
	struct ruleset r = {.fs = w->files ? fs_known(abi) : 0};
	int fd, rc;

	if (abi >= LANDLOCK_ABI_TCP)
		r.net = (w->bind ? NET_BIND : 0) | (w->connect ? NET_CONNECT : 0);
	if (abi >= LANDLOCK_ABI_SCOPES)
		r.scoped = w->scopes ? SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL : 0;
	if ((r.fs | r.net | r.scoped) == 0)
		return 0;
	fd = (int)syscall(__NR_landlock_create_ruleset, &r, ruleset_size(abi), 0);
	if (fd < 0)
		return -errno;
	rc = add_rules(fd, abi, w);
	if (rc == 0 && syscall(__NR_landlock_restrict_self, fd, 0) != 0)
		rc = -errno;
	close(fd);
	return rc;
}
