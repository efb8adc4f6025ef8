/*
 * store_journal: the driver of store.h for one process: everything in memory, every change in
 * a journal first. Calls that wait when store_poll() runs share one write and one fsync(),
 * so the disk's latency is paid per poll, not per call; the poll blocks for it.
 *
 * The file is rewritten without what is gone when it is over STORE_SNAP_MIN and more than
 * STORE_SNAP_RATIO times as long as what is alive. A snapshot blocks too.
 */
#ifndef ZT_STORE_JOURNAL_H
#define ZT_STORE_JOURNAL_H

#include "io/journal.h"
#include "io/store.h"

#define STORE_SNAP_MIN (UINT64_C(1) << 20)
#define STORE_SNAP_RATIO 4

struct store_journal_opts {
	struct journal_place at;
	bool create;               /* as in struct journal_opts */
	struct bounds *bounds;     /* BOUND_STORE_KEYS, _BYTES, _OPS, BOUND_JOURNAL_RECORD; required */
	const struct clock *clock; /* wall time decides what has expired */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

/* *out only on 0; errors as journal_open, and -ZT_E_FULL when the file holds more than the
 * bounds allow. report may be NULL. */
int store_journal_open(struct store **out, const struct store_journal_opts *o, struct journal_report *report,
		       struct why *w);

#endif
