/*
 * liststore: see liststore.h. Owns one block of at most LISTSTORE_MOST bytes. It looks at numbers only, never into
 * entries, and believes what it is handed.
 */
#include "liststore.h"

#include <stdlib.h>

#include "base/num.h"
#include "wire/keepmsg.h"

int liststore_fits(const struct liststore *s, const struct statlist *l)
{
	bool same = l->epoch == s->newest.epoch;

	if (l->kind == STATLIST_DELTA && !(same && l->base == s->newest.number))
		return same && l->number <= s->newest.number ? -ZT_E_EXISTS : -ZT_E_NOTFOUND;
	if (l->epoch < s->newest.epoch || (same && l->number < s->newest.number))
		return -ZT_E_EXISTS;
	return same && l->number == s->newest.number && s->n == s->full ? -ZT_E_EXISTS : 0;
}

static bool make_room(struct liststore *s, size_t want)
{
	uint8_t *p;

	if (want <= s->room)
		return true;
	if (want > LISTSTORE_MOST)
		return false;
	want = num_min(want + want / 4, LISTSTORE_MOST);
	p = realloc(s->mem, want);
	if (p == NULL)
		return false;
	s->mem = p;
	s->room = want;
	return true;
}

int liststore_add(struct liststore *s, struct span list, const struct statlist *l)
{
	int rc = liststore_fits(s, l);
	struct wr w;

	if (rc < 0)
		return rc;
	if (l->kind == STATLIST_FULL)
		s->n = s->full = 0;
	if (!make_room(s, s->n + 4 + list.n)) {
		liststore_clear(s);
		return -ZT_E_NOMEM;
	}
	w = wr_of(&s->mem[s->n], 4 + list.n);
	wr_le32(&w, (uint32_t)list.n);
	wr_put(&w, list);
	s->n += w.n;
	if (l->kind == STATLIST_FULL)
		s->full = s->n;
	s->newest = (struct status_seen){l->epoch, l->number, l->issued};
	return 0;
}

struct span liststore_after(const struct liststore *s, const struct status_seen *seen)
{
	struct span all = span_of(s->mem, s->n), list;
	struct rd r = rd_of(all);
	struct statlist l;

	if (s->n == 0 || seen->epoch > s->newest.epoch)
		return SPAN_NONE;
	if (seen->epoch < s->newest.epoch)
		return all;
	if (seen->number >= s->newest.number)
		return SPAN_NONE;
	while (keepmsg_next_list(&r, &list) > 0 && statlist_read(&l, list, NULL) == 0)
		if (l.number == seen->number)
			return span_sub(all, all.n - rd_left(&r), all.n);
	return all;
}

bool liststore_is_long(const struct liststore *s)
{
	return s->n - s->full > LISTSTORE_CHANGES(s->full);
}

void liststore_clear(struct liststore *s)
{
	free(s->mem);
	*s = (struct liststore){0};
}
