/*
 * lines: what children are given beside their configuration: files in a sealed bundle, lines to
 * each other, and to whoever administers. And the watch over those files. Owns the bundles'
 * descriptors; keeps no end of a line.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "super_int.h"

#define WATCH_EVERY (5 * NS_PER_S)

/* ---- bundles ----------------------------------------------------------------------------- */

void bundles_none(struct bundles *b)
{
	memset(b, 0, sizeof *b);
	for (size_t i = 0; i < KIDS; i++)
		b->fd[i] = -1;
}

void bundles_close(struct bundles *b)
{
	for (size_t i = 0; i < KIDS; i++)
		if (b->fd[i] >= 0)
			close(b->fd[i]);
	bundles_none(b);
}

int bundles_pack(struct bundles *out, const struct super *s, const struct conf *c, struct why *w)
{
	const struct files_base base = {.dir = s->place.state, .owner = place_children(c).uid};
	const struct super_role *role = s->role;
	struct file_want want[FILES_MOST];

	bundles_none(out);
	for (size_t i = 0; i < role->n; i++) {
		if (role->children[i].files == NULL)
			continue;
		out->fd[i] = files_pack(want, role->children[i].files(c, want), &base, &out->mark[i], w);
		if (out->fd[i] < 0) {
			int rc = out->fd[i];

			bundles_close(out);
			return rc;
		}
	}
	return 0;
}

/* Children know paths; which line of the configuration says so is known here. */
struct span bundles_blame(const struct kid *k, struct span said, struct wr *out)
{
	const struct super *s = k->super;
	struct file_want want[FILES_MOST];
	size_t n = k->what->files ? k->what->files(s->next ? s->next : s->conf, want) : 0;

	for (size_t i = 0; i < n; i++) {
		struct span path = span_str(want[i].path);

		if (want[i].at == NULL || !span_starts(said, want[i].path) || !span_starts(span_sub(said, path.n, said.n), ": "))
			continue;
		wr_fmt(out, "%s:%lu: [%s%s]: ", want[i].at->file, (unsigned long)want[i].at->line, want[i].kind_of, want[i].of);
		wr_put(out, said);
		return out->full ? said : wr_span(out);
	}
	return said;
}

/* ---- the watch --------------------------------------------------------------------------- */

static void look(struct super *s, struct watch_marks *out)
{
	const struct files_base base = {.dir = s->place.state};
	struct file_want want[FILES_MOST];

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < s->role->n; i++)
		if (s->role->children[i].files)
			files_look(want, s->role->children[i].files(s->conf, want), &base, &out->of[i]);
}

static void look_later(struct super *s)
{
	if (!loop_timer(s->loop, &s->watch_timer, WATCH_EVERY))
		LOG0(&s->log, LOG_ERROR, "out of memory: changed files are not noticed any more, ask for a reload");
}

void watch_begin(struct super *s)
{
	bool any = false;

	for (size_t i = 0; i < s->role->n; i++)
		any |= s->role->children[i].files != NULL;
	if (any)
		look_later(s);
}

void watch_fire(struct timer *t, uint64_t now)
{
	struct super *s = CONTAINER_OF(t, struct super, watch_timer);
	struct watch_marks seen, loaded;

	(void)now;
	look_later(s);
	if (s->stopping || renew_runs(s) || upgrade_runs(s) || !s->conf->tls.watch)
		return;
	look(s, &seen);
	memcpy(loaded.of, s->files.mark, sizeof loaded.of);
	if (!watch_step(&s->watch, &loaded, &seen))
		return;
	LOG0(&s->log, LOG_INFO, "files of certificates or keys have changed, reloading");
	renew_files(s);
}

/* ---- links ------------------------------------------------------------------------------- */

static int tell_end(struct super *s, struct kid *k, uint8_t number, int fd)
{
	const struct ipc_msg m = {.type = IPC_LINK, .epoch = s->epoch, .payload = span_of(&number, 1)};

	return kid_tell_all(k, &m, &fd, 1);
}

/* The supervisor answers itself and keeps nothing of the connection: whether the child was there to
 * take it shows in what it answers next, or in the end of the line. */
void links_admin(struct super *s, struct ctl_client *who)
{
	struct kid *k = NULL;
	int fd;

	for (size_t i = 0; i < s->role->n; i++)
		if (s->role->children[i].admin)
			k = kid_of(s, i, 0);
	if (k == NULL) {
		ctl_reply(who, EXIT_ZT_USAGE, "this role takes no commands", SPAN_NONE);
		return;
	}
	if (k->state != KID_UP || s->stopping) {
		ctl_reply(who, EXIT_ZT_LOCKED, s->stopping ? "stopping" : "the process that takes commands is not up; try again",
			  SPAN_NONE);
		return;
	}
	fd = ctl_give(who, "go on");
	if (fd < 0)
		return;
	tell_end(s, k, CHILD_ADMIN, fd);
	close(fd);
}

static void join(struct super *s, size_t link, struct kid *a, struct kid *b)
{
	const unsigned at_a = CHILD_LINK(link, b->index), at_b = CHILD_LINK(link, a->index);
	int pair[2];

	if (a->state != KID_UP || b->state != KID_UP || (a->joined[at_a] == b->birth && b->joined[at_b] == a->birth))
		return;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		LOG(&s->log, LOG_ERROR, "cannot make a line between two children; starting one again",
		    LF_STR("child", b->what->proc), LF_STR("reason", strerror(errno)));
		kid_kill(b); /* when it is up again this is tried again */
		return;
	}
	a->joined[at_a] = b->birth;
	b->joined[at_b] = a->birth;
	/* One that cannot be told is ended by that, or dying; its successor gets another line. */
	if (tell_end(s, a, (uint8_t)at_a, pair[0]) == 0)
		tell_end(s, b, (uint8_t)at_b, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

/* From one of several to the one that is alone: what drains beside a successor is to go on with the successor's. */
static bool is_kept(const struct super *s, const struct super_link *l)
{
	return !s->role->children[l->a].alone && s->role->children[l->b].alone;
}

/* For one that drains. */
static int make_pair(struct super *s, const struct kid *k, int pair[static 2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0)
		return 0;
	LOG(&s->log, LOG_ERROR, "what drains hears of no new status list", LF_STR("child", k->what->proc),
	    LF_STR("reason", strerror(errno)));
	return -ZT_E_FULL;
}

void links_want(struct super *s, const struct kid *alone)
{
	bool any = false;

	for (size_t i = 0; i < s->role->nlinks; i++)
		any |= is_kept(s, &s->role->links[i]) && (alone == NULL || alone->what == &s->role->children[s->role->links[i].b]);
	if (any && s->up.begin.heir && s->up.crowned && !s->stopping)
		upmsg_send(HEIR_FD_SHEPHERD, &(struct upmsg){.type = UPMSG_LINK}, NULL, 0);
}

/* Who drains beside what stands in for it hears from the one that is alone, too. */
static void join_elder(struct super *s, size_t link, struct kid *k)
{
	const unsigned at = CHILD_LINK(link, 0);
	struct kid *alone = kid_of(s, s->role->links[link].b, 0);
	int pair[2];

	if (!k->lingers || alone->state != KID_UP || k->joined[at] == alone->birth || make_pair(s, k, pair) < 0)
		return;
	k->joined[at] = alone->birth;
	if (tell_end(s, k, (uint8_t)at, pair[0]) == 0)
		tell_end(s, alone, (uint8_t)CHILD_ELDER(s->up.lines++), pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void make_to_heir(struct super *s, size_t link, struct kid *k)
{
	int pair[2];

	if (k->state != KID_LEAVING || make_pair(s, k, pair) < 0)
		return;
	if (tell_end(s, k, (uint8_t)CHILD_LINK(link, 0), pair[0]) == 0)
		upgrade_link(s, link, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

void links_to_heir(struct super *s)
{
	for (size_t i = 0; i < s->role->nlinks; i++) {
		const struct super_link *l = &s->role->links[i];

		for (size_t k = 0; is_kept(s, l) && k < s->nkids; k++) /* those too who linger since an upgrade that failed */
			if (s->kids[k].what == &s->role->children[l->a])
				make_to_heir(s, i, &s->kids[k]);
	}
}

/* There are no more of them than numbers: who gets the number of another one has taken its place. */
void links_from_elder(struct super *s, uint64_t link, int fd)
{
	if (link < s->role->nlinks && is_kept(s, &s->role->links[link]))
		tell_end(s, kid_of(s, s->role->links[link].b, 0), (uint8_t)CHILD_ELDER(s->up.lines++), fd);
}

void links_make(struct super *s)
{
	const struct super_role *r = s->role;

	for (size_t i = 0; i < r->nlinks; i++) {
		const struct super_link *l = &r->links[i];
		const unsigned na = kid_count(s, &r->children[l->a]), nb = kid_count(s, &r->children[l->b]);

		for (unsigned a = 0; a < na; a++)
			for (unsigned b = l->a == l->b ? a + 1 : 0; b < nb; b++)
				join(s, i, kid_of(s, l->a, a), kid_of(s, l->b, b));
		for (size_t k = 0; is_kept(s, l) && k < s->nkids; k++)
			if (s->kids[k].what == &r->children[l->a])
				join_elder(s, i, &s->kids[k]);
	}
}
