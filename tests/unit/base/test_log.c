/* log: what a line looks like, that nothing forges one, and what happens when it cannot leave. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "base/num.h"

#define STAMP_MS INT64_C(1795230746123)
#define STAMP "2026-11-21T03:12:26.123Z"
#define LINE BOUND_CAP(BOUND_LOG_LINE)
#define FIELD BOUND_CAP(BOUND_LOG_FIELD)

static struct clock_fake clock_at_stamp;
static struct bounds bounds;
static char line[LINE + 1];

static struct log new_log(enum log_format format)
{
	struct log l;

	clock_fake_init(&clock_at_stamp, 0, STAMP_MS);
	bounds_init(&bounds);
	log_init(&l, &clock_at_stamp.clock, "echo", "worker");
	l.format = format;
	l.journald = false;
	l.bounds = &bounds;
	return l;
}

static const char *render(const struct log *l, const char *msg, const struct log_field *f, size_t n)
{
	struct wr w = wr_of(line, LINE);

	log_render(l, &w, LOG_INFO, msg, f, n);
	CHECK(!w.full && w.n > 0 && w.n <= LINE && line[w.n - 1] == '\n');
	CHECK(memchr(line, '\n', w.n - 1) == NULL); /* one line is one line */
	line[w.n] = 0;
	return line;
}

#define ALL_KINDS                                                                                  \
	{LF_STR("path", "/a-b_c.d"), LF_STR("q", "two words"), LF_U64("n", UINT64_MAX),           \
	 LF_I64("i", INT64_MIN),     LF_BOOL("yes", true),     LF_BOOL("no", false),              \
	 LF_STR("none", "")}

TEST(text_lines)
{
	const struct log_field all_kinds[] = ALL_KINDS;
	struct log l = new_log(LOG_TEXT);

	CHECK_STR(render(&l, "ready", NULL, 0), STAMP " info  echo/worker: ready\n");
	CHECK_STR(render(&l, "ready", all_kinds, ARRAY_LEN(all_kinds)),
		  STAMP " info  echo/worker: ready path=/a-b_c.d q=\"two words\" n=18446744073709551615 "
			"i=-9223372036854775808 yes=true no=false none=\"\"\n");
	l.journald = true;
	CHECK_STR(render(&l, "ready", NULL, 0), "<6>" STAMP " info  echo/worker: ready\n");
}

TEST(json_lines)
{
	struct log l = new_log(LOG_JSON);
	const struct log_field all_kinds[] = ALL_KINDS, err[] = {LF_ERR("err", ZT_E_TIMEOUT)};

	CHECK_STR(render(&l, "ready", all_kinds, ARRAY_LEN(all_kinds)),
		  "{\"ts\":\"" STAMP "\",\"level\":\"info\",\"role\":\"echo\",\"proc\":\"worker\","
		  "\"msg\":\"ready\",\"path\":\"/a-b_c.d\",\"q\":\"two words\",\"n\":18446744073709551615,"
		  "\"i\":-9223372036854775808,\"yes\":true,\"no\":false,\"none\":\"\"}\n");
	CHECK_STR(render(&l, "x", err, 1),
		  "{\"ts\":\"" STAMP "\",\"level\":\"info\",\"role\":\"echo\",\"proc\":\"worker\","
		  "\"msg\":\"x\",\"err\":\"timeout\"}\n");
}

TEST(nothing_from_outside_forges_a_line_or_drives_a_terminal)
{
	static const char evil[] = "x\n" STAMP " info  echo/worker: login user=root\r\x1b[2J\x9b"
				   "31m\xc2\x9b" "31m\x7f\xff\" role=\"admin\\";
	const struct log_field f[] = {LF_SPAN("ua", SPAN_LIT(evil))};
	struct log text = new_log(LOG_TEXT), json = new_log(LOG_JSON);
	static const char safe[] =
		"\"x\\n" STAMP " info  echo/worker: login user=root\\r\\u001b[2J\xef\xbf\xbd"
		"31m\\u009b31m\\u007f\xef\xbf\xbd\\\" role=\\\"admin\\\\\"";

	CHECK(strstr(render(&text, "seen", f, 1), safe) != NULL);
	CHECK(strstr(render(&json, "seen", f, 1), safe) != NULL);
	for (unsigned c = 0; c < 256; c++) {
		uint8_t b[] = {'a', (uint8_t)c, 'b'};
		const struct log_field one[] = {LF_SPAN("k", span_of(b, 3))};
		const char *out = render(&text, "m", one, 1);

		for (size_t i = 0; out[i + 1]; i++)
			if ((uint8_t)out[i] < 0x20 || out[i] == 0x7f || !span_is_utf8(span_str(out)))
				unit_fail(__FILE__, __LINE__, "byte %u came through", c);
	}
	/* A bare value must not look like two fields or a quoted one. */
	CHECK(strstr(render(&text, "m", (const struct log_field[]){LF_STR("k", "a=b")}, 1), "k=\"a=b\"\n"));
	CHECK(strstr(render(&text, "m", (const struct log_field[]){LF_STR("k", "a b=c")}, 1), "k=\"a b=c\"\n"));
	/* Messages are literals; should one carry more, it still stays on its line. */
	CHECK(strstr(render(&text, "a\nb\x1b", NULL, 0), "worker: a\\nb\\u001b\n"));
}

TEST(text_values_stand_bare_only_of_harmless_characters)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-_@+[],*";
	struct log l = new_log(LOG_TEXT);

	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 0; at < 3; at++) {
			uint8_t b[] = {'a', 'a', 'a'};
			const struct log_field f[] = {LF_SPAN("k", span_of(b, 3))};
			bool bare = c && strchr(harmless, (int)c);

			b[at] = (uint8_t)c;
			if ((strstr(render(&l, "m", f, 1), "k=\"") == NULL) != bare)
				unit_fail(__FILE__, __LINE__, "byte %u at %zu", c, at);
		}
	CHECK(strstr(render(&l, "m", (const struct log_field[]){LF_STR("k", "7")}, 1), "k=7\n"));
}

static const char *with_value(const struct log *l, const char *value)
{
	const struct log_field f[] = {LF_STR("k", value), LF_U64("after", 1)};
	const char *out = render(l, "m", f, 2);

	CHECK(strstr(out, "after") != NULL);
	return out;
}

static size_t run_of_x(const char *out)
{
	const char *at = strchr(out, 'x');

	return at ? strspn(at, "x") : 0;
}

FLOODS(BOUND_LOG_FIELD)
{
	char big[FIELD + 3];

	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		struct log l = new_log((enum log_format)format);
		const char *mark = format == LOG_TEXT ? " cut=true\n" : ",\"cut\":true}\n";
		const char *out;

		memset(big, 0, sizeof big);
		memset(big, 'x', FIELD);
		out = with_value(&l, big);
		CHECK_INT(run_of_x(out), FIELD);
		CHECK(!strstr(out, "cut"));
		CHECK_INT(bounds.row[BOUND_LOG_FIELD].hits, 0);
		memset(big, 'x', FIELD + 1);
		out = with_value(&l, big);
		CHECK_INT(run_of_x(out), FIELD);
		CHECK(strstr(out, mark));
		CHECK_INT(bounds.row[BOUND_LOG_FIELD].hits, 1);
		memset(big, 1, FIELD); /* six bytes each when written */
		out = with_value(&l, big);
		CHECK(strstr(out, mark) && strlen(out) < FIELD + 200);
		memset(big, 'x', FIELD - 1);
		memcpy(big + FIELD - 1, "\xc3\xa9", 3); /* half a character would have fitted */
		out = with_value(&l, big);
		CHECK_INT(run_of_x(out), FIELD - 1);
		CHECK(strchr(out, '\xc3') == NULL && strstr(out, mark));
		CHECK_INT(bounds.row[BOUND_LOG_FIELD].hits, 3);
	}
}

FLOODS(BOUND_LOG_LINE)
{
	static char big[FIELD + 1];
	struct log_field f[12];

	memset(big, 'x', FIELD);
	for (size_t i = 0; i < 12; i++)
		f[i] = (struct log_field)LF_STR("k", big);
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		struct log l = new_log((enum log_format)format);
		const char *out = render(&l, "m", f, 12), *mark;

		mark = format == LOG_TEXT ? "x cut=true\n" : "x\",\"cut\":true}\n";
		CHECK(strstr(out, mark) != NULL);
		CHECK_INT(bounds.row[BOUND_LOG_LINE].hits, 1);
		CHECK_INT(bounds.row[BOUND_LOG_FIELD].hits, 0);
		/* Every length around the edge: always ended, never longer than a pipe takes at once. */
		for (size_t n = 0; n <= FIELD; n++) {
			f[3].s.n = n;
			out = render(&l, "m", f, 4);
			CHECK(format == LOG_TEXT || strcmp(out + strlen(out) - 2, "}\n") == 0);
		}
		f[3].s.n = FIELD;
	}
}

TEST(a_message_or_a_name_of_any_length_leaves_a_whole_line)
{
	static char huge[9000];
	const struct log_field f[] = {LF_U64("n", 1)};

	for (int fill = 1; fill <= 'x'; fill += 'x' - 1)
		for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
			struct log l = new_log((enum log_format)format);
			const char *out;

			memset(huge, fill, sizeof huge - 1);
			l.role = l.proc = huge;
			l.journald = true;
			out = render(&l, huge, f, 1);
			CHECK(strstr(out, format == LOG_TEXT ? " n=1 cut=true\n" : "\"n\":1,\"cut\":true}\n"));
		}
}

static char got[LINE + 1];

/* The next datagram, which is what one write() put there; "" when there is none. */
static const char *next_write(int fd)
{
	ssize_t n = recv(fd, got, LINE, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = 0;
	return got;
}

TEST(one_write_per_line_and_the_level_filters)
{
	struct log l = new_log(LOG_TEXT);
	int s[2];

	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	l.fd = s[0];
	l.level = LOG_WARN;
	errno = 77;
	LOG(&l, LOG_WARN, "first", LF_STR("k", "a b"), LF_U64("n", 2));
	LOG0(&l, LOG_INFO, "filtered");
	LOG(&l, LOG_DEBUG, "filtered", LF_U64("n", 2));
	LOG0(&l, LOG_ERROR, "second");
	CHECK_INT(errno, 77);
	CHECK_STR(next_write(s[1]), STAMP " warn  echo/worker: first k=\"a b\" n=2\n");
	CHECK_STR(next_write(s[1]), STAMP " error echo/worker: second\n");
	CHECK_STR(next_write(s[1]), "");
	l.level = LOG_DEBUG;
	l.journald = true;
	LOG0(&l, LOG_DEBUG, "d");
	CHECK_STR(next_write(s[1]), "<7>" STAMP " debug echo/worker: d\n");
	LOG0(&l, LOG_ERROR, "e");
	CHECK_STR(next_write(s[1]), "<3>" STAMP " error echo/worker: e\n");
	LOG0(&l, LOG_WARN, "w");
	CHECK(strncmp(next_write(s[1]), "<4>", 3) == 0);
	close(s[1]);
	LOG0(&l, LOG_ERROR, "nobody reads"); /* and no SIGPIPE */
	CHECK_INT(l.dropped, 1);
	close(s[0]);
	errno = 77;
	LOG0(&l, LOG_ERROR, "not even open");
	CHECK_INT(l.dropped_total, 2);
	CHECK_INT(errno, 77);
}

static size_t fill_pipe(int fd)
{
	static const char block[4096];
	int flags = fcntl(fd, F_GETFL);
	size_t n = 0;
	ssize_t put;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while ((put = write(fd, block, sizeof block)) > 0)
		n += (size_t)put;
	fcntl(fd, F_SETFL, flags);
	return n;
}

static void drain(int fd, size_t n)
{
	static char block[4096];

	while (n > 0) {
		ssize_t did = read(fd, block, n < sizeof block ? n : sizeof block);

		if (did <= 0)
			return;
		n -= (size_t)did;
	}
}

TEST(a_full_pipe_loses_lines_counts_them_and_says_so)
{
	struct log l = new_log(LOG_TEXT);
	size_t full;
	ssize_t n;
	int p[2];

	NEED(pipe(p) == 0);
	l.fd = p[1];
	full = fill_pipe(p[1]);
	CHECK(!(fcntl(p[1], F_GETFL) & O_NONBLOCK));
	for (int i = 0; i < 5; i++)
		LOG0(&l, LOG_INFO, "lost"); /* p[1] blocks: waiting would hang this test */
	CHECK(l.dropped == 5 && l.dropped_total == 5);
	CHECK_INT(log_write_fd(p[1], SPAN_LIT("x\n")), -ZT_E_AGAIN);
	CHECK(!(fcntl(p[1], F_GETFL) & O_NONBLOCK)); /* flags untouched */
	drain(p[0], full);
	LOG0(&l, LOG_ERROR, "back");
	CHECK(l.dropped == 0 && l.dropped_total == 5);
	n = read(p[0], got, LINE);
	got[n > 0 ? n : 0] = 0;
	CHECK_STR(got, STAMP " warn  echo/worker: log lines were lost lines=5\n" STAMP
		       " error echo/worker: back\n");
	close(p[0]);
	close(p[1]);
}

static void write_without_reader(void)
{
	struct log l = new_log(LOG_TEXT);
	int p[2];

	if (pipe(p) < 0)
		abort();
	close(p[0]);
	signal(SIGPIPE, SIG_DFL);
	l.fd = p[1];
	LOG0(&l, LOG_ERROR, "nobody reads");
	if (l.dropped == 1 && log_write_fd(p[1], SPAN_LIT("x\n")) == -ZT_E_CLOSED)
		abort(); /* the one ending that the test counts as right */
}

TEST(a_pipe_without_a_reader_is_an_error_and_no_signal)
{
	CHECK(unit_dies(write_without_reader));
}

TEST(a_full_disk_is_counted)
{
	struct log l = new_log(LOG_TEXT);

	l.fd = open("/dev/full", O_WRONLY);
	NEED(l.fd >= 0);
	LOG0(&l, LOG_ERROR, "x");
	LOG0(&l, LOG_ERROR, "y");
	CHECK(l.dropped == 2 && l.dropped_total == 2 && !l.torn);
	CHECK_INT(log_write_fd(l.fd, SPAN_LIT("x\n")), -ZT_E_NOSPACE);
	close(l.fd);
}

TEST(an_own_pipe_is_non_blocking_and_the_shared_one_is_not)
{
	struct log l = new_log(LOG_TEXT);
	int p[2], file;
	ssize_t n;

	NEED(pipe(p) == 0);
	l.fd = p[1];
	NEED(log_own_pipe(&l));
	CHECK(l.fd != p[1]);
	CHECK(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!(fcntl(p[1], F_GETFL) & O_NONBLOCK));
	LOG0(&l, LOG_INFO, "through");
	n = read(p[0], got, LINE);
	got[n > 0 ? n : 0] = 0;
	CHECK_STR(got, STAMP " info  echo/worker: through\n");
	close(l.fd);
	close(p[0]);
	close(p[1]);

	/* A file opened again would begin at its start and write over what is there. */
	file = open(unit_tmp("log"), O_WRONLY | O_CREAT, 0600);
	NEED(file >= 0);
	l.fd = file;
	CHECK(!log_own_pipe(&l) && l.fd == file);
	close(file);
	CHECK(!log_own_pipe(&l));
}

TEST(journald_is_recognised_by_its_socket_not_by_a_variable)
{
	struct log l;
	struct stat st;
	char own[48];

	NEED(fstat(STDERR_FILENO, &st) == 0);
	snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", own, 1);
	log_init(&l, &clock_real, "echo", "worker");
	CHECK(l.journald && l.fd == STDERR_FILENO && l.level == LOG_INFO && l.format == LOG_TEXT);
	setenv("JOURNAL_STREAM", "8:1", 1); /* inherited from a session; stderr is something else */
	log_init(&l, &clock_real, "echo", "worker");
	CHECK(!l.journald);
	unsetenv("JOURNAL_STREAM");
	log_init(&l, &clock_real, "echo", "worker");
	CHECK(!l.journald);
}

TEST(level_names)
{
	CHECK_STR(log_level_name(LOG_ERROR), "error");
	CHECK_STR(log_level_name(LOG_WARN), "warn");
	CHECK_STR(log_level_name(LOG_INFO), "info");
	CHECK_STR(log_level_name(LOG_DEBUG), "debug");
}
