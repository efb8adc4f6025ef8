/*
 * sandbox: what each jailed process must still be able to do. (What it must NOT be able to do
 * is test_probe's, how jail_enter() answers is test_sandbox_opts'.)
 */
#include "tests/unit/io/jailed.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "base/num.h"
#include "io/landlock.h"
#include "io/loop.h"

static int listen_loopback(struct sockaddr_in *at)
{
	socklen_t n = sizeof *at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)at, n) != 0 || listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)at, &n) != 0)
		return -1;
	return fd;
}

static bool send_fd(int over, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = {0};
	struct iovec iov = {(char[]){'x'}, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.space, .msg_controllen = sizeof ctl.space};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(over, &m, 0) == 1;
}

static int recv_fd(int over)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.space, .msg_controllen = sizeof ctl.space};
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(over, &m, MSG_CMSG_CLOEXEC) != 1 || (c = CMSG_FIRSTHDR(&m)) == NULL)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

/* ---- what a worker does --------------------------------------------------------------------- */

/* fd: listener, its second end of a pair, a signalfd to replace */
static int worker_serves(struct given *g)
{
	struct sockaddr_in at;
	socklen_t n = sizeof at;
	struct iovec iov[2] = {{(char[]){"ab"}, 2}, {(char[]){"cd"}, 2}};
	int step = 0, one = 1, err = -1, waiting = 0, client, server;
	char got[8];

	STEP(getsockname(g->fd[0], (struct sockaddr *)&at, &n) == 0);
	STEP((client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) >= 0);
	STEP(connect(client, (struct sockaddr *)&at, sizeof at) == 0 || errno == EINPROGRESS);
	STEP(poll(&(struct pollfd){client, POLLOUT, 0}, 1, 5000) == 1);
	n = sizeof err;
	STEP(getsockopt(client, SOL_SOCKET, SO_ERROR, &err, &n) == 0 && err == 0);
	STEP((server = accept4(g->fd[0], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	STEP(setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
	STEP(setsockopt(server, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0);
	STEP(setsockopt(server, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one) == 0);
	STEP(setsockopt(server, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned){10000}, sizeof(unsigned)) == 0);
	STEP(setsockopt(server, IPPROTO_TCP, 25 /* TCP_NOTSENT_LOWAT */, &(int){131072}, sizeof(int)) == 0);
	STEP(fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK) == 0);
	STEP(writev(client, iov, 2) == 4);
	STEP(poll(&(struct pollfd){server, POLLIN, 0}, 1, 5000) == 1);
	STEP(ioctl(server, FIONREAD, &waiting) == 0 && waiting == 4);
	STEP(recv(server, got, 2, 0) == 2 && read(server, got + 2, 2) == 2 && memcmp(got, "abcd", 4) == 0);
	STEP(send(server, "ok", 2, MSG_NOSIGNAL) == 2);
	STEP(shutdown(server, SHUT_WR) == 0);
	n = sizeof at;
	STEP(getpeername(server, (struct sockaddr *)&at, &n) == 0);
	return close(server) | close(client);
}

static int worker_loops(struct given *g)
{
	struct loop *l;
	int step = 0, sig;
	sigset_t set;

	(void)g;
	STEP(loop_open(&l, LOOP_BEST, &clock_real) == 0);
	STEP(strcmp(loop_backend_name(l), "epoll") == 0);
	STEP(loop_turn(l, 1) == 0);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	STEP(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	STEP((sig = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) >= 0);
	STEP(close(sig) == 0);
	loop_free(l);
	STEP(loop_open(&l, LOOP_POLL, &clock_real) == 0 && loop_turn(l, 1) == 0);
	loop_free(l);
	return 0;
}

/* Small and big, growing and shrinking: brk, mmap, mremap, munmap, madvise and mprotect. */
static int has_memory(struct given *g)
{
	enum { BLOCKS = 200 };
	char *block[BLOCKS], *big;
	int step = 0;

	(void)g;
	for (size_t i = 0; i < BLOCKS; i++) {
		STEP((block[i] = malloc(1 + i * 997)) != NULL);
		memset(block[i], 1, 1 + i * 997);
		step--;
	}
	STEP((big = malloc(8u << 20)) != NULL);
	memset(big, 1, 8u << 20);
	STEP((big = realloc(big, 48u << 20)) != NULL);
	memset(big, 2, 48u << 20);
	free(big);
	for (size_t i = 0; i < BLOCKS; i++)
		free(block[i]);
	return 0;
}

/* fd: a pair's end that gets a pipe's writing end, then bytes */
static int takes_a_descriptor(struct given *g)
{
	int step = 0, fd;
	uint8_t random[32];

	STEP((fd = recv_fd(g->fd[0])) >= 0);
	STEP(write(fd, "hello", 5) == 5);
	STEP(close(fd) == 0);
	STEP(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
	STEP(clock_gettime(CLOCK_MONOTONIC, &(struct timespec){0}) == 0);
	/* The call itself: where there is no vDSO the C library makes it. */
	STEP(syscall(SYS_clock_gettime, CLOCK_REALTIME, &(struct timespec){0}) == 0);
	STEP(fprintf(stderr, "%s", "") == 0 && write(2, "", 0) == 0);
	return 0;
}

static int opens_quietly(struct given *g)
{
	int step = 0;

	(void)g;
	STEP(open("/etc/resolv.conf", O_RDONLY) < 0 && errno == EACCES);
	STEP(isatty(2) == 0); /* ENOTTY even when it is one */
	return 0;
}

TEST(a_worker_serves_connects_and_times)
{
	struct sockaddr_in at;
	int listener = listen_loopback(&at);
	struct jail_opts o = jail_for(JAIL_WORKER, &listener, 1, -1);

	NEED(listener >= 0);
	check_exit(in_jail(&o, worker_serves), "serving");
	check_exit(in_jail(&o, worker_loops), "loops");
	close(listener);
}

TEST(every_child_has_memory)
{
	static const enum jail_profile ps[] = {JAIL_WORKER, JAIL_KEYS, JAIL_PROBE};

	for (size_t i = 0; i < ARRAY_LEN(ps); i++) {
		struct jail_opts o = jail_for(ps[i], NULL, 0, -1);

		check_exit(in_jail(&o, has_memory), jail_profile_name(ps[i]));
	}
}

TEST(a_worker_and_a_key_holder_take_descriptors)
{
	static const enum jail_profile ps[] = {JAIL_WORKER, JAIL_KEYS};

	for (size_t i = 0; i < ARRAY_LEN(ps); i++) {
		int pair[2], out[2];
		char got[8];

		NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 && pipe(out) == 0);
		NEED(send_fd(pair[0], out[1]));
		check_exit(in_jail(&(struct jail_opts){.profile = ps[i], .keep = &pair[1], .keep_n = 1, .dir_fd = -1},
				   takes_a_descriptor), jail_profile_name(ps[i]));
		CHECK_INT(read(out[0], got, sizeof got), 5);
		close(pair[0]), close(pair[1]), close(out[0]), close(out[1]);
	}
}

TEST(a_library_that_looks_for_files_is_refused_not_killed)
{
	struct jail_opts o = jail_for(JAIL_WORKER, NULL, 0, -1);

	if (filtered())
		check_exit(in_jail(&o, opens_quietly), "worker");
}

/* ---- what logd and a state owner do ---------------------------------------------------------- */

static int logd_rotates(struct given *g)
{
	int step = 0, dir = g->fd[0], fd, list;
	char names[1024];

	STEP((fd = openat(dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)) >= 0);
	STEP(write(fd, "line\n", 5) == 5);
	STEP(fsync(fd) == 0 && fdatasync(fd) == 0);
	STEP(fstat(fd, &(struct stat){0}) == 0);
	STEP(fstatat(dir, "log", &(struct stat){0}, 0) == 0);
	STEP(renameat(dir, "log", dir, "log.1") == 0);
	STEP(close(fd) == 0);
	STEP((fd = openat(dir, "log", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)) >= 0);
	STEP(ftruncate(fd, 0) == 0);
	STEP((list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	STEP(syscall(SYS_getdents64, list, names, sizeof names) > 0);
	STEP(fsync(list) == 0);
	STEP(unlinkat(dir, "log.1", 0) == 0);
	/* elsewhere: not even its own directory's parent, and no reading back */
	STEP(openat(dir, "../elsewhere", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
	STEP(open("/tmp/zt-test-elsewhere", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
	STEP(openat(dir, "log", O_RDONLY) < 0 && errno == EACCES);
	return 0;
}

static int state_owner_journals(struct given *g)
{
	int step = 0, dir = g->fd[0], fd;
	char got[4];

	STEP((fd = openat(dir, "journal", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0);
	STEP(flock(fd, LOCK_EX | LOCK_NB) == 0);
	STEP(pwrite(fd, "abcd", 4, 0) == 4 && pread(fd, got, 4, 0) == 4);
	STEP(fallocate(fd, 0, 0, 8192) == 0 || errno == EOPNOTSUPP);
	STEP(lseek(fd, 0, SEEK_END) >= 4 && ftruncate(fd, 4) == 0 && fdatasync(fd) == 0);
	STEP(mkdirat(dir, "old", 0700) == 0 && unlinkat(dir, "old", AT_REMOVEDIR) == 0);
	STEP((fd = openat(dir, "snapshot.new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0);
	STEP(renameat(dir, "snapshot.new", dir, "snapshot") == 0);
	STEP(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
	STEP(openat(dir, "../elsewhere", O_RDONLY) < 0);
	return 0;
}

static int open_own_dir(const char *name)
{
	const char *path = unit_tmp(name);
	int fd;

	/* The scratch directory is 0700: children with another user reach theirs by descriptor. */
	if (mkdir(path, 0700) != 0 || (is_root() && chown(path, NOBODY, NOBODY) != 0))
		return -1;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

TEST(logd_writes_and_rotates_in_its_directory_only)
{
	int dir = open_own_dir("logs");
	struct jail_opts o = jail_for(JAIL_LOGD, &dir, 1, dir);

	NEED(dir >= 0);
	check_exit(in_jail(&o, logd_rotates), "logd");
	CHECK(faccessat(dir, "log", F_OK, 0) == 0 && faccessat(dir, "log.1", F_OK, 0) != 0);
	close(dir);
}

TEST(a_state_owner_journals_and_connects)
{
	int dir = open_own_dir("state");
	struct jail_opts o = jail_for(JAIL_STATE, &dir, 1, dir);

	NEED(dir >= 0);
	check_exit(in_jail(&o, state_owner_journals), "state");
	close(dir);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static int only_kept_are_open(struct given *g)
{
	int step = 0;

	STEP(fcntl(g->fd[0], F_GETFD) >= 0 && fcntl(g->fd[1], F_GETFD) >= 0);
	for (int fd = 3; fd < 400; fd++)
		if (fd != g->fd[0] && fd != g->fd[1] && fcntl(fd, F_GETFD) >= 0)
			return fd;
	return fcntl(2, F_GETFD) >= 0 ? 0 : 2;
}

/* Out of order, twice the same, a hole, and strangers right below and above each. */
TEST(only_the_named_descriptors_stay_open)
{
	int keep[4] = {fcntl(0, F_DUPFD, 300), fcntl(0, F_DUPFD, 50), -1, -1};
	int strangers[] = {fcntl(0, F_DUPFD, 3),	   fcntl(0, F_DUPFD, 4),
			   fcntl(0, F_DUPFD, keep[1] - 1), fcntl(0, F_DUPFD, keep[1] + 1),
			   fcntl(0, F_DUPFD, keep[0] - 1), fcntl(0, F_DUPFD, keep[0] + 1)};
	struct jail_opts o = jail_for(JAIL_WORKER, keep, 4, -1);

	keep[3] = keep[1];
	NEED(keep[1] >= 50 && keep[0] >= 300);
	check_exit(in_jail(&o, only_kept_are_open), "worker");
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
		close(strangers[i]);
	close(keep[0]), close(keep[1]);
}

/* ---- TCP ports -------------------------------------------------------------------------------- */

/* fd: two listeners; only the first's port is listed */
static int connects_as_listed(struct given *g)
{
	struct sockaddr_in at;
	int step = 0, fd;

	STEP(g->report.layer[JAIL_L_TCP].state == JAIL_ON);
	for (int i = 0; i < 2; i++) {
		socklen_t n = sizeof at;
		int rc;

		STEP(getsockname(g->fd[i], (struct sockaddr *)&at, &n) == 0);
		STEP((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
		rc = connect(fd, (struct sockaddr *)&at, sizeof at);
		STEP(i == 0 ? rc == 0 : rc < 0 && errno == EACCES);
	}
	return 0;
}

TEST(a_list_of_ports_is_the_only_way_out)
{
	struct sockaddr_in at[2];
	int fd[2] = {listen_loopback(&at[0]), listen_loopback(&at[1])};
	uint16_t port = ntohs(at[0].sin_port);
	struct jail_opts o = jail_for(JAIL_WORKER, fd, 2, -1);

	NEED(fd[0] >= 0 && fd[1] >= 0);
	o.connect_ports = &port;
	o.connect_ports_n = 1;
	if (landlock_abi() >= LANDLOCK_ABI_TCP)
		check_exit(in_jail(&o, connects_as_listed), "worker");
	close(fd[0]), close(fd[1]);
}
