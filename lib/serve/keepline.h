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
	status_changed *changed;        /* one entry has another state; as in status_apply(). May be NULL */
	void (*listed)(void *ctx);      /* after all of one list: the view is the newer one. May be NULL */
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
uint64_t keepline_lists(const struct keepline *k);
void keepline_stop(struct keepline *k); /* before the loop goes; free after it. NULL is allowed */
void keepline_free(struct keepline *k);

#define KEEPLINE_REGISTRY "identity/registry.pem" /* below the state directory: for super_child.files */

#endif
