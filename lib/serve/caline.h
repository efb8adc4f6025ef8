/*
 * caline: the line from the network side of the authority (ca-front) to ca-sign, and every question that
 * is on its way (wire/casign). Questions are asked in order, a few at a time, and answered in order.
 * One whose answer was under way when the line was lost is asked again on the next one, where that
 * does no harm; one that waits too long ends in words. Who asked may be gone when the answer comes.
 *
 * Not for commands: serve/askca.
 */
#ifndef ZT_CALINE_H
#define ZT_CALINE_H

#include "base/log.h"
#include "io/loop.h"
#include "wire/casign.h"

#define CALINE_ASKED 8                 /* under way at a time: so many answers fit into a socket's buffer */
#define CALINE_PATIENCE (15 * NS_PER_S)/* ca-sign is started again after at most 10 s; joiners wait 20 s */

struct caline;
struct caask; /* one question; its owner's until done() or caask_forget() */

struct caline_opts {
	struct loop *loop;
	struct bounds *bounds;
	struct log *log;
	void (*news)(void *ctx); /* CA_NEWS, and a new line: whatever is known may be old. May be NULL */
	void *ctx;
};
int caline_new(struct caline **out, const struct caline_opts *o); /* -ZT_E_NOMEM */
void caline_free(struct caline *l); /* calls nobody; NULL is fine. Before the loop is freed */
/* A line to a ca-sign; it replaces the one before. fd is the line's now. */
void caline_link(struct caline *l, int fd);
/* Which line this is, counted from 1; 0: there is none. */
uint32_t caline_number(const struct caline *l);
/* Does it answer? No: there is no line, or a question has been waiting for over CALINE_PATIENCE / 4. */
bool caline_well(const struct caline *l);

struct caask_how {
	/* ok: CA_OK with the fields of an answer to what was asked, alive until this returns. Or ok is NULL
	 * and why says it: what CA_NO said, -ZT_E_TIMEOUT, -ZT_E_AGAIN (the line was lost, and it is not
	 * known what became of it). May ask and forget others. */
	void (*done)(void *owner, const struct casign *ok, const struct why *no);
	void *owner;
	uint32_t only; /* caline_number(): good on that line alone, because ca-sign remembers; 0: on any */
};
/* 0, and done() is called later, once; -ZT_E_FULL (BOUND_CA_ASKS), -ZT_E_NOMEM, -ZT_E_AGAIN (`only` is
 * over), -ZT_E_TOOLONG. m is copied. *out may be NULL. */
int caline_ask(struct caline *l, const struct casign *m, const struct caask_how *how, struct caask **out);
/* The owner is gone: done() is not called. It is not asked any more, when it was not yet. */
void caask_forget(struct caask *a);

struct caline_stats {
	uint64_t asked, answered, refused, again, late; /* refused: CA_NO; again: asked once more */
};
struct caline_stats caline_stats(const struct caline *l);

#endif
