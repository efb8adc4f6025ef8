/*
 * jscan: a window of JREC_BATCH bytes moves over the file; wire/jrec.c decides what the bytes
 * are. The file's size is taken once, so that a writer beside us only shortens what we see.
 */
#include "jscan.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

struct walk {
	const struct jscan *in;
	struct journal_report *report;
	struct why *w;
	uint64_t size;       /* of the file */
	uint64_t from;       /* the window: offset in the file ... */
	size_t have;         /* ... and bytes of it in memory */
	bool based;          /* the base record was seen */
};

static int refill(struct walk *k, uint64_t at)
{
	size_t want = (size_t)num_min64(JREC_BATCH, k->size - at);

	k->from = at;
	k->have = 0;
	while (k->have < want) {
		ssize_t n = pread(k->in->fd, &k->in->mem[k->have], want - k->have, (off_t)at + (off_t)k->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_sys(k->w, errno, "%.200s: cannot read at offset %llu", k->in->shown,
				       (unsigned long long)at);
		if (n == 0)
			return why_set(k->w, ZT_E_SYS, "%.200s: became shorter while it was read", k->in->shown);
		k->have += (size_t)n;
	}
	return 0;
}

/* The next `want` bytes at `at`, fewer only at the end of the file. */
static int window(struct walk *k, uint64_t at, size_t want, struct span *out)
{
	uint64_t stop;

	want = (size_t)num_min64(want, k->size - at);
	stop = at + want;
	if (at < k->from || stop > k->from + k->have) {
		int err = refill(k, at);

		if (err)
			return err;
	}
	*out = span_sub(span_of(k->in->mem, k->have), (size_t)(at - k->from), want);
	return 0;
}

static int damaged(struct walk *k, const char *what)
{
	return why_set(k->w, ZT_E_DAMAGED,
		       "%.200s: damaged at offset %llu (%s): put back the last good copy; nothing was changed",
		       k->in->shown, (unsigned long long)k->report->good, what);
}

/* A record of the journal's own. */
static int own_record(struct walk *k, const struct jrec *r)
{
	uint64_t count;

	if (r->type != JREC_BASE || r->version != 1)
		return -ZT_E_VERSION;
	if (k->based || !jrec_find_u64(r, JREC_BASE_COUNT, &count) || count != k->report->records)
		return damaged(k, "its base record is wrong");
	k->based = true;
	return 0;
}

static int one_record(struct walk *k, const struct jrec *r)
{
	uint64_t at = k->report->good;
	int err = 0;

	if (r->type >= JREC_OWN)
		err = own_record(k, r);
	if (!err && k->in->each && (r->type < JREC_OWN || k->in->own_too))
		err = k->in->each(k->in->ctx, r, at);
	if (err == -ZT_E_VERSION)
		return why_set(k->w, ZT_E_VERSION,
			       "%.200s: the record at offset %llu (type %u, version %u) is unknown to this zt: "
			       "use the version that wrote it, or a newer one",
			       k->in->shown, (unsigned long long)at, r->type, r->version);
	if (err < 0)
		return why_set(k->w, (enum zt_err)-err, "%.200s: the record at offset %llu was refused: %s",
			       k->in->shown, (unsigned long long)at, err_text((enum zt_err)-err));
	k->report->records++;
	k->report->last_seq = r->seq;
	return 0;
}

/* Nothing valid at report->good: a torn tail, or damage. */
static int bad_end(struct walk *k, const char *what)
{
	uint64_t at = k->report->good;
	struct span rest;
	int err;

	if (!k->based || k->size - at > JREC_BATCH)
		return damaged(k, what);
	err = window(k, at, JREC_BATCH, &rest);
	if (err)
		return err;
	if (!jrec_torn(at, rest, k->report->last_seq + 1))
		return damaged(k, what);
	k->report->torn = rest.n;
	return 0;
}

static int walk_records(struct walk *k)
{
	while (k->report->good < k->size) {
		enum jrec_fault fault;
		struct span in;
		struct jrec r;
		int n, err = window(k, k->report->good, JREC_MAX, &in);

		if (err)
			return err;
		n = jrec_decode(in, &r, &fault);
		if (n <= 0)
			return bad_end(k, jrec_fault_text(fault));
		if (k->report->records && r.seq != k->report->last_seq + 1)
			return bad_end(k, "its sequence number does not follow");
		err = one_record(k, &r);
		if (err)
			return err;
		k->report->good += (uint64_t)n;
	}
	return k->based ? 0 : damaged(k, "the file ends before its base record");
}

int jscan_run(const struct jscan *s, struct journal_report *report, struct why *w)
{
	struct walk k = {.in = s, .report = report, .w = w};
	struct span head;
	struct stat st;
	int err;

	*report = (struct journal_report){0};
	if (fstat(s->fd, &st) != 0)
		return why_sys(w, errno, "%.200s: cannot be examined", s->shown);
	k.size = (uint64_t)st.st_size;
	err = window(&k, 0, JREC_MAGIC, &head);
	if (err)
		return err;
	err = jrec_check_magic(head);
	if (err == -ZT_E_VERSION)
		return why_set(w, ZT_E_VERSION,
			       "%.200s: offset 12: a newer journal format: use the version of zt that wrote it", s->shown);
	if (err)
		return damaged(&k, "it does not begin as a journal does");
	report->good = JREC_MAGIC;
	return walk_records(&k);
}

int jscan_at(const struct jscan *s, uint64_t offset, size_t cap, struct jrec *out, struct why *w)
{
	struct journal_report report = {.good = offset};
	struct walk k = {.in = s, .report = &report, .w = w, .size = offset};
	enum jrec_fault fault;
	struct stat st;
	int n, err;

	if (fstat(s->fd, &st) != 0)
		return why_sys(w, errno, "%.200s: cannot be examined", s->shown);
	if ((uint64_t)st.st_size > offset)
		k.size = offset + num_min64(cap, (uint64_t)st.st_size - offset);
	err = refill(&k, offset);
	if (err)
		return err;
	n = jrec_decode(span_of(s->mem, k.have), out, &fault);
	if (n == ZT_MORE && k.have == cap)
		return why_set(w, ZT_E_TOOLONG, "%.200s: the record at offset %llu is longer than %zu bytes", s->shown,
			       (unsigned long long)offset, cap);
	return n > 0 ? 0 : damaged(&k, jrec_fault_text(fault));
}
