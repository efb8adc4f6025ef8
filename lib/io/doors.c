/* doors: see doors.h. Owns listeners, never a connection. */
#include "doors.h"

#include <unistd.h>

#include "base/num.h"

void doors_abort(struct doors *d)
{
	while (d->prepared)
		close(d->fd[--d->prepared]);
}

int doors_prepare(struct doors *d, const struct addr *at, size_t n_at, const int *fds, size_t n, struct why *w)
{
	d->prepared = 0;
	for (size_t i = 0; i < n; i++) {
		if (i >= DOORS) {
			close(fds[i]);
			continue;
		}
		d->at[i] = i < n_at ? at[i] : (struct addr){0};
		d->fd[d->prepared++] = fds[i];
	}
	if (n_at == n && n <= DOORS)
		return 0;
	doors_abort(d);
	return why_set(w, ZT_E_BUG, "%zu listeners were handed over for %zu addresses", n, n_at);
}

static void door_accepted(struct listener *l, int fd, const struct addr *peer)
{
	struct doors *d = CONTAINER_OF(l, struct door, l)->all;

	d->accepted(d, CONTAINER_OF(l, struct door, l), fd, peer);
}

static const struct listener_class door_class = {door_accepted, NULL};

/* The open one for this address that is not kept yet: two on port 0 look alike and are two. */
static struct door *door_at(struct doors *d, const struct addr *at)
{
	for (size_t i = 0; i < ARRAY_LEN(d->door); i++)
		if (d->door[i].open && !d->door[i].stays && addr_eq(&d->door[i].at, at))
			return &d->door[i];
	return NULL;
}

static void open_door(struct doors *d, size_t which, struct loop *loop, struct log *log)
{
	for (size_t i = 0; i < ARRAY_LEN(d->door); i++) {
		struct door *o = &d->door[i];
		char text[ADDR_TEXT];

		if (o->open || o->l.src.loop) /* in use, or closed in this very turn */
			continue;
		d->shed += o->l.stats.shed;
		*o = (struct door){.all = d, .at = d->at[which], .open = true, .stays = true};
		if (listener_start(&o->l, loop, d->fd[which], &door_class) == 0)
			return;
		o->open = false;
		LOG(log, LOG_ERROR, "cannot watch a listener", LF_STR("at", addr_text(&o->at, text)));
		return;
	}
	close(d->fd[which]);
	LOG0(log, LOG_ERROR, "no room for a listener");
}

void doors_commit(struct doors *d, struct loop *l, struct log *log)
{
	for (size_t i = 0; i < ARRAY_LEN(d->door); i++)
		d->door[i].stays = false;
	for (size_t i = 0; i < d->prepared; i++) {
		struct door *o = door_at(d, &d->at[i]);

		if (o) {
			o->stays = true; /* the same socket once more: keep the one that serves */
			close(d->fd[i]);
		} else {
			open_door(d, i, l, log);
		}
	}
	d->prepared = 0;
	for (size_t i = 0; i < ARRAY_LEN(d->door); i++)
		if (d->door[i].open && !d->door[i].stays) {
			d->door[i].open = false;
			listener_close(&d->door[i].l);
		}
}

void doors_close(struct doors *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->door); i++)
		if (d->door[i].open)
			listener_close(&d->door[i].l);
}

uint64_t doors_shed(const struct doors *d)
{
	uint64_t shed = d->shed;

	for (size_t i = 0; i < ARRAY_LEN(d->door); i++)
		shed += d->door[i].l.stats.shed;
	return shed;
}
