/*
 * jscan: reads a journal file from front to back, hands out its records and judges where and
 * why it ends. Changes nothing. journal.h is the interface for everybody else.
 */
#ifndef ZT_JSCAN_H
#define ZT_JSCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/jrec.h"

/* Called for every record in order, the journal's own excepted. 0, or -(enum zt_err) to refuse
 * the file: -ZT_E_VERSION for a type or version it does not know. r points into memory that
 * the next record overwrites. */
typedef int journal_each(void *ctx, const struct jrec *r, uint64_t offset);

struct journal_report {
	uint64_t records;  /* that were good, the journal's own included */
	uint64_t last_seq;
	uint64_t good;     /* bytes from the start that are whole */
	uint64_t torn;     /* bytes behind them that a torn append left */
};

struct jscan {
	int fd;
	const char *shown;  /* the file, in sentences */
	uint8_t *mem;       /* JREC_BATCH bytes to read into */
	journal_each *each; /* may be NULL */
	void *ctx;
	bool own_too;       /* hand out the journal's own records as well */
};

/* 0 (also with a torn tail), or refused: then report->good is the offset of what was wrong.
 * -ZT_E_DAMAGED, -ZT_E_VERSION, -ZT_E_SYS, or each's own. */
int jscan_run(const struct jscan *s, struct journal_report *report, struct why *w);

/* The one record at this offset, checked, into mem (JREC_MAX is always enough; out points into it).
 * 0, -ZT_E_DAMAGED, -ZT_E_TOOLONG (mem is too small), -ZT_E_SYS. */
int jscan_at(const struct jscan *s, uint64_t offset, size_t cap, struct jrec *out, struct why *w);

#endif
