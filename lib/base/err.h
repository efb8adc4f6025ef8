/*
 * err: every way zt can fail, as one value with a name, a sentence and an exit code.
 *
 * Functions answer with an int: 0 or a positive count is success, a negative value is
 * -(enum zt_err). Library code neither prints nor exits. Where a sentence for a person is
 * known only deep down ("line 12: unknown key 'lisen'"), the caller passes a struct why,
 * which keeps the FIRST cause it is given.
 */
#ifndef ZT_ERR_H
#define ZT_ERR_H

#include <stddef.h>

/* Documented exit codes, docs/formats.md. */
enum zt_exit {
	EXIT_ZT_OK = 0,
	EXIT_ZT_FAILED = 1,
	EXIT_ZT_USAGE = 2,
	EXIT_ZT_CONFIG = 3,
	EXIT_ZT_DENIED = 4,
	EXIT_ZT_UNREACHABLE = 5,
	EXIT_ZT_STATE = 6,
	EXIT_ZT_LOCKED = 7,
	EXIT_ZT_KEY = 8,
	EXIT_ZT_TOKEN = 9
};

/* value, name in logs and tests, exit code, sentence. Values are stable: logs carry them. */
#define ZT_ERRORS(X)                                                                          \
	/* 1..31 anything */                                                                  \
	X(ZT_E_NOMEM, 1, "no-memory", EXIT_ZT_FAILED, "out of memory")                        \
	X(ZT_E_FULL, 2, "full", EXIT_ZT_FAILED, "a bounded table or buffer is full")          \
	X(ZT_E_AGAIN, 3, "again", EXIT_ZT_FAILED, "not ready yet, ask again")                 \
	X(ZT_E_CLOSED, 4, "closed", EXIT_ZT_FAILED, "the other side closed")                  \
	X(ZT_E_RANGE, 5, "out-of-range", EXIT_ZT_FAILED, "a number is out of range")          \
	X(ZT_E_SYS, 6, "system-call", EXIT_ZT_FAILED, "a system call failed")                 \
	X(ZT_E_NOTFOUND, 7, "not-found", EXIT_ZT_FAILED, "no such thing")                     \
	X(ZT_E_EXISTS, 8, "exists", EXIT_ZT_FAILED, "it exists already")                      \
	X(ZT_E_USAGE, 9, "usage", EXIT_ZT_USAGE, "wrong use of the command")                  \
	X(ZT_E_BUG, 10, "bug", EXIT_ZT_FAILED, "an invariant of zt itself was broken")        \
	X(ZT_E_CANCELLED, 11, "cancelled", EXIT_ZT_FAILED, "cancelled")                       \
	/* 32..63 what somebody wrote */                                                      \
	X(ZT_E_SYNTAX, 32, "syntax", EXIT_ZT_CONFIG, "malformed")                             \
	X(ZT_E_TOOLONG, 33, "too-long", EXIT_ZT_CONFIG, "longer than its bound")              \
	X(ZT_E_DUP, 34, "duplicate", EXIT_ZT_CONFIG, "given twice")                           \
	X(ZT_E_UNKNOWN, 35, "unknown", EXIT_ZT_CONFIG, "unknown name")                        \
	X(ZT_E_MISSING, 36, "missing", EXIT_ZT_CONFIG, "something required is missing")       \
	X(ZT_E_DEPTH, 37, "too-deep", EXIT_ZT_CONFIG, "nested deeper than its bound")         \
	X(ZT_E_UTF8, 38, "utf8", EXIT_ZT_CONFIG, "not valid UTF-8")                           \
	X(ZT_E_CONFIG, 39, "config", EXIT_ZT_CONFIG, "the configuration has faults")          \
	/* 64..95 the network */                                                              \
	X(ZT_E_TIMEOUT, 64, "timeout", EXIT_ZT_UNREACHABLE, "no answer in time")              \
	X(ZT_E_REFUSED, 65, "refused", EXIT_ZT_UNREACHABLE, "connection refused")             \
	X(ZT_E_UNREACHABLE, 66, "unreachable", EXIT_ZT_UNREACHABLE, "no route to the address")\
	X(ZT_E_RESET, 67, "reset", EXIT_ZT_UNREACHABLE, "connection reset by the peer")       \
	X(ZT_E_NONAME, 68, "no-such-name", EXIT_ZT_UNREACHABLE, "the name does not exist")    \
	X(ZT_E_NOADDR, 69, "no-address", EXIT_ZT_UNREACHABLE, "the name has no address")      \
	X(ZT_E_DNSFAIL, 70, "dns-failed", EXIT_ZT_UNREACHABLE, "no name server answered")     \
	X(ZT_E_ADDRINUSE, 71, "address-in-use", EXIT_ZT_LOCKED, "the address is in use")      \
	X(ZT_E_NOFILES, 72, "no-descriptors", EXIT_ZT_FAILED, "out of file descriptors")      \
	/* 96..127 state on disk */                                                           \
	X(ZT_E_DAMAGED, 96, "damaged", EXIT_ZT_STATE, "the state file is damaged")            \
	X(ZT_E_LOCKED, 97, "locked", EXIT_ZT_LOCKED, "another process holds the lock")        \
	X(ZT_E_VERSION, 98, "version", EXIT_ZT_STATE, "written by a version of zt we cannot read") \
	X(ZT_E_NOSPACE, 99, "no-space", EXIT_ZT_FAILED, "the disk is full")                   \
	X(ZT_E_PERM, 100, "permission", EXIT_ZT_FAILED, "permission denied, or wrong mode or owner") \
	X(ZT_E_DEAD, 101, "writer-dead", EXIT_ZT_FAILED, "an earlier write failed; restart to continue") \
	/* 128..159 keys and tokens */                                                        \
	X(ZT_E_KEY, 128, "key", EXIT_ZT_KEY, "bad key or passphrase")                         \
	X(ZT_E_TOKEN, 129, "token", EXIT_ZT_TOKEN, "bad, used or expired token")              \
	/* 160..191 refused on purpose */                                                     \
	X(ZT_E_DENIED, 160, "denied", EXIT_ZT_DENIED, "denied")                               \
	X(ZT_E_SANDBOX, 161, "sandbox", EXIT_ZT_FAILED, "a required sandbox layer is missing")

enum zt_err {
	ZT_OK = 0,
#define X(id, value, name, exit, text) id = value,
	ZT_ERRORS(X)
#undef X
};

/* Parsers: 0 = need more bytes, > 0 = bytes consumed, < 0 = -(enum zt_err). */
#define ZT_MORE 0

const char *err_name(enum zt_err e);    /* "too-long"; "unknown-error-N" never: unlisted gives "?" */
const char *err_text(enum zt_err e);    /* the sentence */
enum zt_exit err_exit(enum zt_err e);
enum zt_err err_from_errno(int sys);    /* ENOSPC -> ZT_E_NOSPACE ...; else ZT_E_SYS */

/* The first cause, in words. Zero-initialise: struct why w = {0}. */
struct why {
	enum zt_err err;
	int sys; /* errno, or 0 */
	char text[480];
};

/* Record the cause unless one is recorded already; answers -(w->err) so that a caller can
 * `return why_set(...)`. A NULL w is allowed: then only the code is answered. */
int why_set(struct why *w, enum zt_err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a failed system call: appends ": <strerror>" and maps errno. */
int why_sys(struct why *w, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A broken invariant of zt itself: one line to stderr, abort(). Never for bad input. */
_Noreturn void zt_bug(const char *file, int line, const char *what);
#define ZT_ASSERT(cond) ((cond) ? (void)0 : zt_bug(__FILE__, __LINE__, #cond))

#endif
