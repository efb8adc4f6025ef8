/*
 * keepline: a worker's end of the line to the keeper of its role (serve/keeper): its own view of the status
 * list, from lists whose signature it checks itself. A keeper that fell into wrong hands can keep lists back,
 * which makes the view stale, and cannot make one up.
 */
#ifndef ZT_KEEPLINE_H
#define ZT_KEEPLINE_H

#include "base/log.h"
#include "decide/status.h"
#include "io/loop.h"
#include "wire/keepmsg.h"

struct keepline;

struct keepline_class {
	void (*listed)(void *ctx);      /* the view is a newer one, after all that came at once */
	void (*told)(void *ctx, const struct keepmsg *m); /* IDENTITY, ANCHORS, STUCK. May be NULL */
};

/* It believes nothing before keepline_registry(). -ZT_E_NOMEM. */
int keepline_new(struct keepline **out, struct loop *l, struct log *log, const struct keepline_class *cls, void *ctx);
/* Of another authority: all that was known goes, and what comes next has to be signed by this key. The same key
 * changes nothing. PEM of a public key (KEEPLINE_REGISTRY); -ZT_E_KEY. */
int keepline_registry(struct keepline *k, struct span pem, struct why *w);
void keepline_link(struct keepline *k, int fd); /* fd is its own now; replaces the one before */
const struct status_view *keepline_view(const struct keepline *k);
struct status_now keepline_now(const struct keepline *k); /* for status_may_begin() and status_must_end() */
/* list_number, list_entries, list_fresh, lists; identity_stuck: the keeper said so, and nothing better since. */
void keepline_counters(const struct keepline *k, const struct status_limits *l, struct wr *out);
/* For who passes lists on: from now on they are kept as they were signed. Before the first keepline_link(). */
void keepline_keep_lists(struct keepline *k);
/* What somebody was told. Zero-initialise. */
struct keepline_said {
	struct status_seen seen; /* the newest */
	uint64_t full;           /* number of the last full one */
};
/* Calls f with each that somebody who was told `said` lacks, in order (nothing yet: a full list comes first); also with a
 * full one of what he knows, once, for then he need not keep the changes that led there. After one that f took, *said is
 * that one. f answers whether it took it: false ends this, and the next call begins with it. */
void keepline_each_list(const struct keepline *k, struct keepline_said *said, bool (*f)(void *ctx, struct span list), void *ctx);
/* A list that somebody brought. What is newer and signed goes to the keeper, and comes back as any other when it was
 * taken. 0, also for what is known; -ZT_E_NOTFOUND: it changes a list that did not come; -ZT_E_SYNTAX, -ZT_E_DENIED: no
 * honest peer says that. -ZT_E_NOMEM. */
int keepline_offer(struct keepline *k, struct span list);
void keepline_stop(struct keepline *k); /* before the loop goes; free after it. NULL is allowed */
void keepline_free(struct keepline *k);

#define KEEPLINE_REGISTRY "identity/registry.pem" /* below the state directory: for super_child.files */

#endif
