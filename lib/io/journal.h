/*
 * journal: one append-only state file with one writer. What journal_commit() or
 * journal_append() answered 0 for is on the disk and is replayed at every later open; what it
 * refused is not. Format and rules: docs/formats.md, section Journal.
 *
 * All calls block for the disk. Sentences in struct why name the file (`shown`) and, for
 * damage, the offset.
 */
#ifndef ZT_JOURNAL_H
#define ZT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"
#include "base/err.h"
#include "io/jscan.h"
#include "wire/jrec.h"

struct journal;

#define JOURNAL_NAME_MAX 64

struct journal_place {
	int dirfd;         /* the directory, also an O_PATH one; stays the caller's */
	const char *name;  /* in it, no slash, at most JOURNAL_NAME_MAX bytes */
	const char *shown; /* for sentences; must outlive the journal. NULL: name */
};

struct journal_opts {
	bool create;            /* a missing file is made; else it is -ZT_E_NOTFOUND, because a
				 * state that vanished must not look like a first start */
	struct bounds *bounds;  /* BOUND_JOURNAL_RECORD; may be NULL */
	journal_each *each;     /* may be NULL */
	void *ctx;
};

/*
 * Lock, check, replay, cut a torn tail off, make sure of what was read. *out only on 0.
 * -ZT_E_LOCKED (another writer), -ZT_E_PERM (owner, mode, link, or the system said no),
 * -ZT_E_DAMAGED, -ZT_E_VERSION, -ZT_E_NOTFOUND, -ZT_E_NOSPACE, -ZT_E_NOMEM, -ZT_E_SYS, or
 * what `each` refused with. report may be NULL.
 */
int journal_open(struct journal **out, const struct journal_place *at, const struct journal_opts *o,
		 struct journal_report *report, struct why *w);
void journal_close(struct journal *j); /* NULL is fine; what is staged was never answered and is dropped */

/* Read and judge without lock or change; owner and mode are not looked at. `each` gets the
 * journal's own records (types from JREC_OWN on) too. 0 (also with a torn tail) or as
 * journal_open; report->good is then the offset of what was wrong. */
int journal_verify(const struct journal_place *at, journal_each *each, void *ctx,
		   struct journal_report *report, struct why *w);

/* Put a record into the next write. 0; -ZT_E_FULL: commit first; -ZT_E_TOOLONG; -ZT_E_DEAD. */
int journal_stage(struct journal *j, uint16_t type, uint16_t version, const struct jtlv *t, size_t n);
size_t journal_room(const struct journal *j); /* bytes of records that can still be staged */
/* Write what is staged and wait until it is on the disk. On failure all of it is refused:
 * -ZT_E_NOSPACE with a writer that lives on, or another error and every later call answers
 * -ZT_E_DEAD: end the process and start from the disk. journal_dead() tells them apart. */
int journal_commit(struct journal *j, struct why *w);
/* Both for a single record. Nothing may be staged. */
int journal_append(struct journal *j, uint16_t type, uint16_t version, const struct jtlv *t, size_t n,
		   struct why *w);

/* Replace the file by one with just the records that fill() gives to journal_snapshot_add().
 * Nothing may be staged. -ZT_E_NOSPACE or fill()'s error: refused, the old file serves on. */
typedef int journal_fill(struct journal *j, void *ctx, struct why *w);
int journal_snapshot(struct journal *j, journal_fill *fill, void *ctx, struct why *w);
int journal_snapshot_add(struct journal *j, uint16_t type, uint16_t version, const struct jtlv *t, size_t n,
			 struct why *w);

/* A record that was acknowledged or replayed, again, from its offset; a snapshot moves all of them.
 * Into mem, as jscan_at(). */
int journal_read(const struct journal *j, uint64_t offset, uint8_t *mem, size_t cap, struct jrec *out, struct why *w);

bool journal_dead(const struct journal *j);
uint64_t journal_last_seq(const struct journal *j); /* of what is acknowledged */
uint64_t journal_bytes(const struct journal *j);    /* of the file */

#endif
