/* log: renders and writes the lines of log.h. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jsonw.h"
#include "num.h"

#define TAIL_RESERVE 16 /* ',"cut":true}' or ' cut=true', and the newline: 13 at most */

static const char *const level_names[] = {"error", "warn", "info", "debug"};
/* syslog severities 3, 4, 6, 7: what journald reads from "<N>". */
static const char *const journald_prefix[] = {"<3>", "<4>", "<6>", "<7>"};

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

void log_init(struct log *l, const struct clock *clock, const char *role, const char *proc)
{
	*l = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO, .format = LOG_TEXT, .clock = clock,
			  .role = role, .proc = proc};
	l->journald = getenv("JOURNAL_STREAM") != NULL;
}

static struct span field_span(const struct log_field *f)
{
	return span_sub(f->s, 0, BOUND_CAP(BOUND_LOG_FIELD));
}

static void json_field(struct jsonw *j, const struct log_field *f)
{
	jsonw_key(j, f->key);
	switch (f->kind) {
	case LOG_F_SPAN: jsonw_span(j, field_span(f)); return;
	case LOG_F_U64: jsonw_u64(j, f->u); return;
	case LOG_F_I64: jsonw_i64(j, (int64_t)f->u); return;
	case LOG_F_BOOL: jsonw_bool(j, f->u != 0); return;
	}
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

static void text_field(struct wr *w, const struct log_field *f)
{
	struct span s = field_span(f);

	wr_u8(w, ' ');
	wr_str(w, f->key);
	wr_u8(w, '=');
	switch (f->kind) {
	case LOG_F_SPAN:
		if (bare(s))
			wr_put(w, s);
		else
			jsonw_quote(w, s);
		return;
	case LOG_F_U64: wr_u64dec(w, f->u); return;
	case LOG_F_I64: wr_fmt(w, "%lld", (long long)(int64_t)f->u); return;
	case LOG_F_BOOL: wr_str(w, f->u ? "true" : "false"); return;
	}
}

static void render_json(const struct log *l, struct wr *w, enum log_level level, const char *stamp,
			const char *msg, const struct log_field *f, size_t n)
{
	struct jsonw j;
	bool cut = false;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "ts"), jsonw_str(&j, stamp);
	jsonw_key(&j, "level"), jsonw_str(&j, level_names[level]);
	jsonw_key(&j, "role"), jsonw_str(&j, l->role);
	jsonw_key(&j, "proc"), jsonw_str(&j, l->proc);
	jsonw_key(&j, "msg"), jsonw_span(&j, span_sub(span_str(msg), 0, BOUND_CAP(BOUND_LOG_FIELD)));
	for (size_t i = 0; i < n; i++) {
		struct wr before = *w;

		json_field(&j, &f[i]);
		cut |= f[i].kind == LOG_F_SPAN && f[i].s.n > BOUND_CAP(BOUND_LOG_FIELD);
		if (w->full) { /* this field does not fit: the line ends before it */
			*w = before;
			cut = true;
			break;
		}
	}
	w->cap += TAIL_RESERVE;
	if (cut)
		wr_str(w, ",\"cut\":true");
	wr_str(w, "}\n");
}

static void render_text(const struct log *l, struct wr *w, enum log_level level, const char *stamp,
			const char *msg, const struct log_field *f, size_t n)
{
	bool cut = false;

	wr_fmt(w, "%s %-5s %s/%s: ", stamp, level_names[level], l->role, l->proc);
	wr_put(w, span_sub(span_str(msg), 0, BOUND_CAP(BOUND_LOG_FIELD)));
	for (size_t i = 0; i < n; i++) {
		struct wr before = *w;

		text_field(w, &f[i]);
		cut |= f[i].kind == LOG_F_SPAN && f[i].s.n > BOUND_CAP(BOUND_LOG_FIELD);
		if (w->full) {
			*w = before;
			cut = true;
			break;
		}
	}
	w->cap += TAIL_RESERVE;
	wr_str(w, cut ? " cut=true\n" : "\n");
}

void log_render(const struct log *l, struct wr *w, enum log_level level, const char *msg,
		const struct log_field *f, size_t n)
{
	char stamp[CLOCK_RFC3339_LEN];

	ZT_ASSERT(w->cap - w->n > TAIL_RESERVE);
	clock_rfc3339(clock_wall(l->clock), stamp, sizeof stamp);
	w->cap -= TAIL_RESERVE;
	if (l->journald)
		wr_str(w, journald_prefix[level]);
	if (l->format == LOG_JSON)
		render_json(l, w, level, stamp, msg, f, n);
	else
		render_text(l, w, level, stamp, msg, f, n);
}

int log_write_fd(int fd, struct span line)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	ssize_t n;

	/* A socket (journald) can be asked not to block for this one call. */
	n = send(fd, line.p, line.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == ENOTSOCK) {
		/* A pipe that polls writable takes PIPE_BUF bytes at once. */
		if (poll(&room, 1, 0) == 1 && !(room.revents & POLLOUT))
			return -ZT_E_CLOSED;
		if (!(room.revents & POLLOUT))
			return -ZT_E_AGAIN;
		do
			n = write(fd, line.p, line.n);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0)
		return -(int)err_from_errno(errno);
	return (size_t)n == line.n ? 0 : -ZT_E_NOSPACE; /* a short write: the disk is full */
}

static void report_dropped(struct log *l)
{
	uint8_t mem[BOUND_CAP(BOUND_LOG_LINE)];
	struct wr w = wr_of(mem, sizeof mem);
	const struct log_field f[] = {LF_U64("lines", l->dropped)};

	log_render(l, &w, LOG_WARN, "log lines were lost", f, 1);
	if (log_write_fd(l->fd, wr_span(&w)) == 0)
		l->dropped = 0;
}

void log_line(struct log *l, enum log_level level, const char *msg, const struct log_field *f, size_t n)
{
	uint8_t mem[BOUND_CAP(BOUND_LOG_LINE)];
	struct wr w = wr_of(mem, sizeof mem);
	int saved = errno;

	if (level > l->level)
		return;
	if (l->dropped)
		report_dropped(l);
	log_render(l, &w, level, msg, f, n);
	if (log_write_fd(l->fd, wr_span(&w)) < 0) {
		l->dropped++;
		l->dropped_total++;
	}
	errno = saved;
}
