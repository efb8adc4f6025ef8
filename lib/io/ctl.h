/*
 * ctl: the control socket of a running role, both ends. A unix stream socket, 0600, and the
 * peer's uid is checked as well. One exchange per connection (docs/formats.md, "Control
 * socket"): the asker sends one line, the role answers "<exit code> <sentence>\n", an
 * optional body, and closes; or it gives the connection away, to a process that goes on with it.
 */
#ifndef ZT_CTL_H
#define ZT_CTL_H

#include "base/bounds.h"
#include "base/err.h"
#include "base/pool.h"
#include "net.h"

#define CTL_REQUEST 128
#define CTL_REPLY 65536

struct ctl_client;

struct ctl {
	struct listener door;
	struct pool clients;
	/* A whole request line without its newline. Answer now or later with ctl_reply. */
	void (*asked)(struct ctl *c, struct ctl_client *who, struct span line);
	/* who is going away (answered or not): forget it. */
	void (*gone)(struct ctl *c, struct ctl_client *who);
};

/* Binds path. A stale socket there is removed: the caller holds a lock on that place. */
int ctl_open(struct ctl *c, struct loop *l, struct bounds *b, const char *path, struct why *w);
/* The same with a socket that listens there already: it is taken over, or closed. */
int ctl_start(struct ctl *c, struct loop *l, struct bounds *b, int fd, struct why *w);
void ctl_rest(struct ctl *c, bool rests); /* who comes waits, or is let in again */
/* After loop_free(), which closes what is left: gives the memory of clients back. */
void ctl_free(struct ctl *c);
/* body may be cut, the whole being CTL_REPLY bytes. who is closed when it has been sent, which
 * may be before this returns. */
void ctl_reply(struct ctl_client *who, enum zt_exit code, const char *sentence, struct span body);

/* Answers "0 <sentence>\n" and lets go of it: the connection goes on, and its descriptor is the
 * caller's. -ZT_E_CLOSED: there is nobody to answer any more. */
int ctl_give(struct ctl_client *who, const char *sentence);

/* The asking end, blocking, for timeout_ms all in all. *code is the role's exit code, out gets
 * sentence '\n' body. -ZT_E_NOTFOUND when no role listens at path. */
int ctl_ask(const char *path, const char *line, int timeout_ms, enum zt_exit *code, struct wr *out,
	    struct why *w);
/* Asks for the connection itself (ctl_give). Answers its descriptor, non-blocking, when the role answered at
 * all: *code and what it said with it. Nothing behind that line has been read. */
int ctl_take(const char *path, const char *line, int timeout_ms, enum zt_exit *code, char said[static CTL_REQUEST],
	     struct why *w);

#endif
