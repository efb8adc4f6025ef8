/* log: renders and writes the lines of log.h. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jsonw.h"
#include "num.h"

#define TAIL_RESERVE 16 /* ',"cut":true}' or ' cut=true', and the newline: 13 at most */
#define FIELD_MAX BOUND_CAP(BOUND_LOG_FIELD)
/* Role and process names. With them a line's fixed part is below 100 + 2 * 64 + FIELD_MAX
 * bytes: it always fits, so that every line has its end. */
#define NAME_MAX_BYTES 64
_Static_assert(100 + 2 * NAME_MAX_BYTES + FIELD_MAX + TAIL_RESERVE < BOUND_CAP(BOUND_LOG_LINE),
	       "the fixed part of a line fits");

static const char *const level_names[] = {"error", "warn", "info", "debug"};
/* syslog severities 3, 4, 6, 7: what journald reads from "<N>". */
static const char *const journald_prefix[] = {"<3>", "<4>", "<6>", "<7>"};

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

/* systemd names the socket it gave us; the variable alone is inherited by whole sessions. */
static bool stderr_is_journal(void)
{
	const char *named = getenv("JOURNAL_STREAM");
	struct stat st;
	char ours[48]; /* two numbers of at most 20 digits, a colon, NUL */

	if (named == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(ours, named) == 0;
}

void log_init(struct log *l, const struct clock *clock, const char *role, const char *proc)
{
	*l = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO, .format = LOG_TEXT, .clock = clock,
			  .role = role, .proc = proc};
	l->journald = stderr_is_journal();
}

bool log_own_pipe(struct log *l)
{
	struct stat st;
	char path[32];
	int own;

	if (fstat(l->fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return false;
	snprintf(path, sizeof path, "/proc/self/fd/%d", l->fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (own < 0)
		return false;
	l->fd = own;
	return true;
}

static void hit(const struct log *l, enum bound_id id)
{
	if (l->bounds)
		l->bounds->row[id].hits++;
}

/* Both field writers: false when the value was cut. */
static bool json_field(struct jsonw *j, const struct log_field *f)
{
	jsonw_key(j, f->key);
	switch (f->kind) {
	case LOG_F_SPAN: return jsonw_cut(j, f->s, FIELD_MAX);
	case LOG_F_U64: jsonw_u64(j, f->u); return true;
	case LOG_F_I64: jsonw_i64(j, (int64_t)f->u); return true;
	case LOG_F_BOOL: jsonw_bool(j, f->u != 0); return true;
	}
	return true;
}

/* Text values stand bare when nobody could mistake where they end. */
static bool bare(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			  c == '.' || c == ':' || c == '/' || c == '-' || c == '_' || c == '@' || c == '+' ||
			  c == '[' || c == ']' || c == ',' || c == '*';
		if (!ok)
			return false;
	}
	return s.n > 0;
}

static bool text_value(struct wr *w, struct span s)
{
	bool quotes = !bare(s);
	size_t taken;

	if (quotes)
		wr_u8(w, '"');
	taken = jsonw_escape(w, s, FIELD_MAX);
	if (quotes)
		wr_u8(w, '"');
	return taken == s.n;
}

static bool text_field(struct wr *w, const struct log_field *f)
{
	wr_u8(w, ' ');
	wr_str(w, f->key);
	wr_u8(w, '=');
	switch (f->kind) {
	case LOG_F_SPAN: return text_value(w, f->s);
	case LOG_F_U64: wr_u64dec(w, f->u); return true;
	case LOG_F_I64: wr_fmt(w, "%lld", (long long)(int64_t)f->u); return true;
	case LOG_F_BOOL: wr_str(w, f->u ? "true" : "false"); return true;
	}
	return true;
}

/* All fields, or those that fit: a field that does not ends the line before it. j is NULL
 * for text. True when anything is missing. */
static bool put_fields(const struct log *l, struct wr *w, struct jsonw *j, const struct log_field *f,
		       size_t n)
{
	bool cut = false;

	for (size_t i = 0; i < n; i++) {
		struct wr before = *w;
		bool whole = j ? json_field(j, &f[i]) : text_field(w, &f[i]);

		if (w->full) {
			*w = before;
			hit(l, BOUND_LOG_LINE);
			return true;
		}
		if (!whole) {
			hit(l, BOUND_LOG_FIELD);
			cut = true;
		}
	}
	return cut;
}

struct line {
	char stamp[CLOCK_RFC3339_LEN];
	enum log_level level;
	struct span msg;
	const struct log_field *f;
	size_t n;
};

static void render_json(const struct log *l, struct wr *w, const struct line *line)
{
	struct jsonw j;
	bool cut;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "ts"), jsonw_str(&j, line->stamp);
	jsonw_key(&j, "level"), jsonw_str(&j, level_names[line->level]);
	jsonw_key(&j, "role"), jsonw_cut(&j, span_str(l->role), NAME_MAX_BYTES);
	jsonw_key(&j, "proc"), jsonw_cut(&j, span_str(l->proc), NAME_MAX_BYTES);
	jsonw_key(&j, "msg");
	cut = !jsonw_cut(&j, line->msg, FIELD_MAX);
	if (cut)
		hit(l, BOUND_LOG_FIELD);
	cut |= put_fields(l, w, &j, line->f, line->n);
	w->cap += TAIL_RESERVE;
	if (cut)
		wr_str(w, ",\"cut\":true");
	wr_str(w, "}\n");
}

static void render_text(const struct log *l, struct wr *w, const struct line *line)
{
	bool cut;

	wr_fmt(w, "%s %-5s ", line->stamp, level_names[line->level]);
	jsonw_escape(w, span_str(l->role), NAME_MAX_BYTES);
	wr_u8(w, '/');
	jsonw_escape(w, span_str(l->proc), NAME_MAX_BYTES);
	wr_str(w, ": ");
	cut = jsonw_escape(w, line->msg, FIELD_MAX) < line->msg.n;
	if (cut)
		hit(l, BOUND_LOG_FIELD);
	cut |= put_fields(l, w, NULL, line->f, line->n);
	w->cap += TAIL_RESERVE;
	wr_str(w, cut ? " cut=true\n" : "\n");
}

void log_render(const struct log *l, struct wr *w, enum log_level level, const char *msg,
		const struct log_field *f, size_t n)
{
	struct line line = {.level = level, .msg = span_str(msg), .f = f, .n = n};

	ZT_ASSERT(w->cap - w->n > TAIL_RESERVE);
	clock_rfc3339(clock_wall(l->clock), line.stamp, sizeof line.stamp);
	w->cap -= TAIL_RESERVE;
	if (l->journald)
		wr_str(w, journald_prefix[level]);
	if (l->format == LOG_JSON)
		render_json(l, w, &line);
	else
		render_text(l, w, &line);
}

/* Bytes written, or -(enum zt_err). */
static ssize_t write_some(int fd, struct span line)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)line.p, .iov_len = line.n};
	const struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	/* A socket (journald) can be asked not to block for this one call. sendmsg() and not
	 * send(): every jail lets it through, also those without a network. */
	n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == ENOTSOCK) {
		/* A pipe that polls writable takes PIPE_BUF bytes at once; one without a reader
		 * polls writable too, and writing to it would raise SIGPIPE. */
		if (poll(&room, 1, 0) == 1 && (room.revents & (POLLERR | POLLHUP | POLLNVAL)))
			return -ZT_E_CLOSED;
		if (!(room.revents & POLLOUT))
			return -ZT_E_AGAIN;
		do
			n = write(fd, line.p, line.n);
		while (n < 0 && errno == EINTR);
	}
	return n < 0 ? -(ssize_t)err_from_errno(errno) : n;
}

int log_write_fd(int fd, struct span line)
{
	ssize_t n = write_some(fd, line);

	if (n < 0)
		return (int)n;
	return (size_t)n == line.n ? 0 : -ZT_E_NOSPACE; /* a short write: the disk is full */
}

static bool put_line(struct log *l, struct span line)
{
	ssize_t n = write_some(l->fd, line);

	if (n > 0)
		l->torn = (size_t)n < line.n;
	return n >= 0 && (size_t)n == line.n;
}

static void put_or_count(struct log *l, struct span text, size_t lines)
{
	if (put_line(l, text))
		return;
	l->dropped += lines;
	l->dropped_total += lines;
}

/* The line stands in w behind a newline if the last one was torn off in the middle. */
static struct wr line_of(const struct log *l, uint8_t mem[static BOUND_CAP(BOUND_LOG_LINE)])
{
	struct wr w = wr_of(mem, BOUND_CAP(BOUND_LOG_LINE));

	if (l->torn)
		wr_u8(&w, '\n');
	return w;
}

static void report_dropped(struct log *l)
{
	uint8_t mem[BOUND_CAP(BOUND_LOG_LINE)];
	struct wr w = line_of(l, mem);
	const struct log_field f[] = {LF_U64("lines", l->dropped)};

	log_render(l, &w, LOG_WARN, "log lines were lost", f, 1);
	if (put_line(l, wr_span(&w)))
		l->dropped = 0;
}

void log_line(struct log *l, enum log_level level, const char *msg, const struct log_field *f, size_t n)
{
	uint8_t mem[BOUND_CAP(BOUND_LOG_LINE)];
	int saved = errno;
	struct wr w;

	if (level > l->level)
		return;
	if (l->dropped)
		report_dropped(l);
	w = line_of(l, mem);
	log_render(l, &w, level, msg, f, n);
	put_or_count(l, wr_span(&w), 1);
	errno = saved;
}

void log_raw(struct log *l, struct span text, size_t lines)
{
	int saved = errno;

	if (l->dropped)
		report_dropped(l);
	if (l->torn)
		put_line(l, SPAN_LIT("\n"));
	put_or_count(l, text, lines);
	errno = saved;
}
