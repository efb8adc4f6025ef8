/*
 * watch: when do files that changed mean a reload? When they are not what was loaded, have held
 * still for one look (whoever writes certificate and key writes two files), and were not tried
 * before: what was refused once is tried again only after another change. Owns what was seen; who
 * looks, and how often, is the supervisor's.
 */
#ifndef ZT_WATCH_H
#define ZT_WATCH_H

#include "base/bounds.h"
#include "files.h"

struct watch_marks {
	struct files_mark of[BOUND_CAP(BOUND_CHILDREN)]; /* zero where a child wants no files */
};

struct watch {
	struct watch_marks last, tried;
	bool has_last, has_tried;
};

/* One look. True: reload now. */
bool watch_step(struct watch *w, const struct watch_marks *loaded, const struct watch_marks *seen);

#endif
