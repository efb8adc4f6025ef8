/*
 * log: the one writer of log lines. A line is one write() of at most 4,096 bytes (PIPE_BUF:
 * lines of several processes never mix), escaped so that no peer can forge a line or drive a
 * terminal. A line that does not fit into a full pipe or disk is not waited for but counted,
 * and the next line that gets through says how many were lost.
 *
 * Fields are typed and there is no field for a secret: what is in a struct secret cannot be
 * logged without taking it out on purpose. Messages and keys are literals of the program;
 * what a peer or a user wrote goes into a field. A message or value of more than
 * BOUND_LOG_FIELD bytes as written is cut after a whole character, a line of more than
 * BOUND_LOG_LINE ends before the field that does not fit; both get cut=true.
 */
#ifndef ZT_LOG_H
#define ZT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "clock.h"
#include "err.h"
#include "span.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct log {
	int fd;
	enum log_level level;   /* lines above it are not written */
	enum log_format format;
	const struct clock *clock;
	const char *role, *proc; /* "echo", "worker"; must outlive the log */
	struct bounds *bounds;   /* counts what was cut; may be NULL */
	uint64_t dropped, dropped_total;
	bool torn;               /* a full disk took half of the last line: begin with a newline */
	bool journald;           /* prefix "<6>" so that journald keeps the level */
};

enum log_kind { LOG_F_SPAN, LOG_F_U64, LOG_F_I64, LOG_F_BOOL };
struct log_field {
	const char *key;
	enum log_kind kind;
	struct span s;
	uint64_t u;
};
#define LF_STR(k, v) {.key = (k), .kind = LOG_F_SPAN, .s = span_str(v)}
#define LF_SPAN(k, v) {.key = (k), .kind = LOG_F_SPAN, .s = (v)}
#define LF_U64(k, v) {.key = (k), .kind = LOG_F_U64, .u = (uint64_t)(v)}
#define LF_I64(k, v) {.key = (k), .kind = LOG_F_I64, .u = (uint64_t)(int64_t)(v)}
#define LF_BOOL(k, v) {.key = (k), .kind = LOG_F_BOOL, .u = (v)}
#define LF_ERR(k, e) {.key = (k), .kind = LOG_F_SPAN, .s = span_str(err_name(e))}

/* To stderr, text, info; journald when $JOURNAL_STREAM names stderr. */
void log_init(struct log *l, const struct clock *clock, const char *role, const char *proc);
/* When l->fd is a pipe: open it once more, non-blocking and for this process alone. Without
 * that, another process that writes to the same pipe can take the last room between our look
 * and our write, which then waits for the reader. Call it once, before the jail; false (no
 * pipe, no /proc, not permitted) leaves l as it was. The new descriptor is close-on-exec. */
bool log_own_pipe(struct log *l);
void log_line(struct log *l, enum log_level level, const char *msg, const struct log_field *f, size_t n);

/* LOG(log, LOG_INFO, "ready", LF_U64("ms", 3)); at least one field, or LOG0. */
#define LOG(l, level_, msg, ...)                                                                  \
	do {                                                                                      \
		if ((level_) <= (l)->level) {                                                     \
			const struct log_field lf_[] = {__VA_ARGS__};                             \
			log_line((l), (level_), (msg), lf_, sizeof lf_ / sizeof lf_[0]);          \
		}                                                                                 \
	} while (0)
#define LOG0(l, level_, msg) log_line((l), (level_), (msg), NULL, 0)

const char *log_level_name(enum log_level level);

/* Whole lines that are something else, an access log's, `lines` of them: as they are, at any level, lost and counted
 * as any other. */
void log_raw(struct log *l, struct span text, size_t lines);

/* One non-blocking write of a whole line: 0, -ZT_E_AGAIN (the pipe is full), -ZT_E_CLOSED
 * (nobody reads it), -ZT_E_NOSPACE (also after half a line), or another error. Never changes
 * the flags of fd, which may be shared with a shell. */
int log_write_fd(int fd, struct span line);

/* The line as log_line would write it, newline included: for tests and for logd's own lines.
 * w has room for BOUND_LOG_LINE bytes; with less, look at w->full afterwards. */
void log_render(const struct log *l, struct wr *w, enum log_level level, const char *msg,
		const struct log_field *f, size_t n);

#endif
