/*
 * place: where a role keeps its state and its control socket, and the lock that makes it the
 * only one there. Directories are 0700 and ours, or refused.
 */
#ifndef ZT_PLACE_H
#define ZT_PLACE_H

#include <sys/types.h>

#include "base/err.h"
#include "decide/config.h"

#define PLACE_PATH 108 /* sun_path: what fits a socket fits everything here */

/* Where things are: configured, else as root /var/lib/zt and /run/zt, else under
 * $XDG_STATE_HOME (or ~/.local/state) and $XDG_RUNTIME_DIR, else /var/lib/zt and its run/. */
struct place {
	char state[PLACE_PATH]; /* .../<role> */
	char run[PLACE_PATH];
	char sock[PLACE_PATH];  /* <run>/<role>.sock */
};
/* dir and run_dir: the configured values, "" = default. */
int place_resolve(struct place *p, const char *role, const char *dir, const char *run_dir, struct why *w);

/* Who the children of a supervisor, or of a command, are: whom what they keep has to belong to. */
struct place_owner {
	uid_t uid;
	gid_t gid;
};
struct place_owner place_children(const struct conf *c);

/* Make the directory (and its parents, 0755) if missing; it must be ours and closed to group
 * and others. Answers an O_DIRECTORY descriptor. */
int place_open_dir(const char *path, struct why *w);
/* The directory `name` in `dir`, which is there; made if missing, 0700. It is uid's: one that is ours is
 * given to it, one of anybody else is refused. Answers an O_DIRECTORY descriptor. */
int place_open_below(const char *dir, const char *name, uid_t uid, gid_t gid, struct why *w);
/* Take the lock file `name` in that directory, as by place_open_dir(), for as long as the answered
 * descriptor is open; -ZT_E_LOCKED names the pid that has it. */
int place_lock(const char *dir, const char *name, struct why *w);

#endif
