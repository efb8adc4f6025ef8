/* place: directories and lock of place.h. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/span.h"

static int join(char out[static PLACE_PATH], struct why *w, const char *a, const char *b, const char *c)
{
	int n = snprintf(out, PLACE_PATH, "%s%s%s", a, b, c);

	if (n < 0 || n >= PLACE_PATH)
		return why_set(w, ZT_E_TOOLONG, "the path %s%s%s is longer than %d bytes; set [state] dir and "
			       "run_dir to something shorter", a, b, c, PLACE_PATH - 1);
	return 0;
}

/* Environment paths count only when absolute (XDG base directory rules). */
static const char *env_path(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] == '/' ? v : NULL;
}

static int default_state(char out[static PLACE_PATH], const char *role, struct why *w)
{
	const char *xdg = env_path("XDG_STATE_HOME"), *home = env_path("HOME");

	if (geteuid() == 0)
		return join(out, w, "/var/lib/zt/", role, "");
	if (xdg)
		return join(out, w, xdg, "/zt/", role);
	if (home && strcmp(home, "/") != 0)
		return join(out, w, home, "/.local/state/zt/", role);
	return join(out, w, "/var/lib/zt/", role, ""); /* a container without a home */
}

/* The same for all roles, so that `zt status` finds them without knowing their names: beside
 * the state directories, not in one. */
static int default_run(struct place *p, struct why *w)
{
	const char *xdg = env_path("XDG_RUNTIME_DIR");
	char base[PLACE_PATH];

	if (geteuid() == 0)
		return join(p->run, w, "/run/zt", "", "");
	if (xdg)
		return join(p->run, w, xdg, "/zt", "");
	span_to_cstr(span_sub(span_str(p->state), 0, (size_t)(strrchr(p->state, '/') - p->state)), base, sizeof base);
	return join(p->run, w, base, "/run", "");
}

int place_resolve(struct place *p, const char *role, const char *dir, const char *run_dir, struct why *w)
{
	int rc = dir[0] ? join(p->state, w, dir, "/", role) : default_state(p->state, role, w);

	if (rc == 0)
		rc = run_dir[0] ? join(p->run, w, run_dir, "", "") : default_run(p, w);
	if (rc == 0) {
		char name[PLACE_PATH];

		rc = join(name, w, "/", role, ".sock");
		if (rc == 0)
			rc = join(p->sock, w, p->run, name, "");
	}
	return rc;
}

static int make_parents(const char *path, struct why *w)
{
	char part[PLACE_PATH * 2];
	size_t n = strlen(path);

	if (n >= sizeof part)
		return why_set(w, ZT_E_TOOLONG, "the path %s is too long", path);
	for (size_t i = 1; i < n; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return why_sys(w, errno, "cannot make the directory %s", part);
	}
	return 0;
}

int place_open_dir(const char *path, struct why *w)
{
	struct stat st;
	int fd, rc = make_parents(path, w);

	if (rc < 0)
		return rc;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return why_sys(w, errno, "cannot make the directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return why_sys(w, errno, "cannot open the directory %s", path);
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid())
		rc = why_set(w, ZT_E_PERM, "the directory %s belongs to user %lu, not to this process (user %lu): "
			     "chown it", path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	else if (st.st_mode & 077)
		rc = why_set(w, ZT_E_PERM, "the directory %s is open to others (mode %03o): chmod 700 it", path,
			     (unsigned)(st.st_mode & 0777));
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

/* Without a sandbox nobody becomes another user. */
struct place_owner place_children(const struct conf *c)
{
	if (geteuid() == 0 && !c->limits.insecure_no_sandbox)
		return (struct place_owner){(uid_t)c->state.uid, (gid_t)c->state.gid};
	return (struct place_owner){geteuid(), getegid()};
}

/* Of what was opened: nobody else's, closed to others, uid's in the end. */
static int settle_owner(int fd, const char *shown, uid_t uid, gid_t gid, struct why *w)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return why_sys(w, errno, "cannot look at the directory %s", shown);
	if (st.st_mode & 077)
		return why_set(w, ZT_E_PERM, "the directory %s is open to others (mode %03o): chmod 700 it", shown,
			       (unsigned)(st.st_mode & 0777));
	if (st.st_uid == uid)
		return 0;
	if (st.st_uid != geteuid())
		return why_set(w, ZT_E_PERM, "the directory %s belongs to user %lu and should be user %lu's: chown -R %lu:%lu %s",
			       shown, (unsigned long)st.st_uid, (unsigned long)uid, (unsigned long)uid, (unsigned long)gid,
			       shown);
	if (fchown(fd, uid, gid) < 0)
		return why_sys(w, errno, "cannot give the directory %s to user %lu", shown, (unsigned long)uid);
	return 0;
}

int place_open_below(const char *dir, const char *name, uid_t uid, gid_t gid, struct why *w)
{
	int at = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd = -1, rc = 0;
	char shown[PLACE_PATH];

	snprintf(shown, sizeof shown, "%s/%s", dir, name);
	if (at < 0)
		return why_sys(w, errno, "cannot open the directory %s", dir);
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		rc = why_sys(w, errno, "cannot make the directory %s", shown);
	else if ((fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		rc = why_sys(w, errno, "cannot open the directory %s", shown);
	else
		rc = settle_owner(fd, shown, uid, gid, w);
	close(at);
	if (rc < 0 && fd >= 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

/* Its content is overwritten, so it must be a file that nobody has under another name. */
static int open_lock(const char *dir, const char *name, struct why *w)
{
	int dirfd = place_open_dir(dir, w), fd, rc = 0;
	struct stat st;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = why_sys(w, errno, "cannot open %s/%s", dir, name);
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		rc = why_set(w, ZT_E_PERM, "%s/%s is not a plain file with one name: remove it", dir, name);
	close(dirfd);
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int locked_by(int fd, const char *dir, const char *name, struct why *w)
{
	char pid[24] = {0};

	if (errno != EWOULDBLOCK)
		return why_sys(w, errno, "cannot lock %s/%s", dir, name);
	if (pread(fd, pid, sizeof pid - 1, 0) < 0)
		pid[0] = 0;
	pid[strspn(pid, "0123456789")] = 0;
	return why_set(w, ZT_E_LOCKED, "another zt (process %s) already runs in %s; stop it, or set another "
		       "[state] dir and run_dir", pid[0] ? pid : "unknown", dir);
}

int place_lock(const char *dir, const char *name, struct why *w)
{
	int fd = open_lock(dir, name, w), rc;
	char pid[24];

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = locked_by(fd, dir, name, w);
		close(fd);
		return rc;
	}
	/* The pid is for people; the lock itself is the kernel's and ends with the process. */
	snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0) {
		rc = why_sys(w, errno, "cannot write %s/%s", dir, name);
		close(fd);
		return rc;
	}
	return fd;
}
