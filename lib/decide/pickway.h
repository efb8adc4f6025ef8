/*
 * pickway: which of several that could carry a request does. Pure: who they are, whether they answer and what they
 * carry is known elsewhere (roles/edge/tunnels.c).
 *
 * What counts, first to last: how much its rule says about the name; origins that are up; that it has room; that it
 * answers; that it is preferred; that nobody took its place; a weight that is not 0; the fewest streams for its weight. Who is equal in all
 * of that takes turns by weight, smoothly: so requests that come one after the other spread as those do that come
 * together.
 */
#ifndef ZT_PICKWAY_H
#define ZT_PICKWAY_H

#include <stdbool.h>
#include <stdint.h>

struct pick_way {
	struct pick_way *next;    /* of the same question */
	unsigned rank;            /* more is better */
	bool down;                /* whoever takes it, it cannot be done there */
	bool full;                /* it has room for no more */
	bool suspect;             /* it should have answered something by now */
	bool preferred, replaced;
	uint32_t weight;          /* 0: only without others */
	uint64_t load;            /* what it carries now */
	int64_t turn;             /* kept between questions; zero at first */
};

/* like: who had the last one of this visitor, and has this one, too, unless another is better by more than load, or by
 * a load of less than half; NULL: nobody. NULL: of none. */
struct pick_way *pick_way(struct pick_way *first, const struct pick_way *like);

#endif
