/*
 * journal: `zt journal check FILE` says whether a state file is whole, `zt journal dump FILE`
 * prints its records. Both only read, take no lock, and know nothing about what the records
 * mean to their owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/err.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "base/pool.h"
#include "io/journal.h"
#include "roles/roles.h"

static const char usage[] =
	"usage: zt journal check FILE\n"
	"       zt journal dump FILE\n"
	"Read a state file; nothing is changed and no lock is taken.\n"
	"\n"
	"  check       print OK, the number of records, the last sequence number and the size\n"
	"  dump        print one JSON object per record: offset, seq, type, version, tlvs as hex;\n"
	"              it shows whatever the file holds, secrets too\n"
	"  -h, --help  print this\n"
	"\n"
	"A torn tail, left by a crash in the middle of a write that was never acknowledged, is\n"
	"reported and no fault. Beside a running role the last record may look torn.\n"
	"\n"
	"Exit: 0 whole, 6 damaged or of a newer format (the offset is named), 2 wrong use, 1 anything else.\n";

/* The widest record is nearly all empty fields, 4 bytes each: {"tag":65535,"hex":""} and a
 * comma are 23 bytes for 4. The rest of the line is less than 200. */
#define LINE_MAX_BYTES (JREC_MAX / 4 * 23 + 200)

struct dump {
	char *line;            /* LINE_MAX_BYTES and a newline */
	char hex[2 * JREC_MAX];
};

static void dump_tlvs(struct dump *d, struct jsonw *j, struct span rest)
{
	struct jtlv t;

	jsonw_key(j, "tlvs");
	jsonw_open(j, '[');
	while (jtlv_next(&rest, &t)) {
		ct_hex_encode(t.value.p, t.value.n, d->hex);
		jsonw_open(j, '{');
		jsonw_key(j, "tag");
		jsonw_u64(j, t.tag);
		jsonw_key(j, "hex");
		jsonw_span(j, span_of(d->hex, 2 * t.value.n));
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

static int dump_record(void *ctx, const struct jrec *r, uint64_t offset)
{
	struct dump *d = ctx;
	struct wr w = wr_of(d->line, LINE_MAX_BYTES + 1);
	struct jsonw j;

	jsonw_init(&j, &w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "offset");
	jsonw_u64(&j, offset);
	jsonw_key(&j, "seq");
	jsonw_u64(&j, r->seq);
	jsonw_key(&j, "type");
	jsonw_u64(&j, r->type);
	jsonw_key(&j, "version");
	jsonw_u64(&j, r->version);
	dump_tlvs(d, &j, r->tlvs);
	jsonw_close(&j, '}');
	wr_u8(&w, '\n');
	ZT_ASSERT(!w.full);
	return fwrite(w.p, 1, w.n, stdout) == w.n ? 0 : -ZT_E_CLOSED;
}

/* Split FILE so that the last part can be opened without following a link. */
static int open_place(const char *file, struct journal_place *at, struct why *w)
{
	const char *slash = strrchr(file, '/');
	char dir[4096];

	*at = (struct journal_place){.dirfd = -1, .name = slash ? slash + 1 : file, .shown = file};
	if (slash == NULL)
		snprintf(dir, sizeof dir, ".");
	else if (slash == file)
		snprintf(dir, sizeof dir, "/");
	else if ((size_t)snprintf(dir, sizeof dir, "%.*s", (int)(slash - file), file) >= sizeof dir)
		return why_set(w, ZT_E_USAGE, "%.200s...: is too long for a name", file);
	at->dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return at->dirfd < 0 ? why_sys(w, errno, "%.200s: cannot open its directory", file) : 0;
}

/* Reads the file; with d, prints it. */
static int examine(const char *file, struct dump *d, struct journal_report *rep, struct why *w)
{
	struct journal_place at;
	int err = open_place(file, &at, w);

	if (err)
		return err;
	err = journal_verify(&at, d ? dump_record : NULL, d, rep, w);
	close(at.dirfd);
	return err;
}

static void print_torn(FILE *to, const struct journal_report *rep)
{
	if (rep->torn)
		fprintf(to, "torn tail: %llu bytes at offset %llu, never acknowledged; the next writer drops them\n",
			(unsigned long long)rep->torn, (unsigned long long)rep->good);
}

static int check(const char *file, struct why *w)
{
	struct journal_report rep = {0};
	int err = examine(file, NULL, &rep, w);

	if (err)
		return err;
	printf("OK: %llu records, last sequence %llu, %llu bytes\n", (unsigned long long)rep.records,
	       (unsigned long long)rep.last_seq, (unsigned long long)rep.good);
	print_torn(stdout, &rep);
	return 0;
}

static int dump(const char *file, struct why *w)
{
	struct journal_report rep = {0};
	struct arena a;
	struct dump *d;
	int err;

	arena_init(&a, sizeof *d + LINE_MAX_BYTES + 32); /* 32: both are rounded up to 16 */
	d = arena_get(&a, sizeof *d);
	if (d)
		d->line = arena_get(&a, LINE_MAX_BYTES + 1);
	if (d && d->line)
		err = examine(file, d, &rep, w);
	else
		err = why_set(w, ZT_E_NOMEM, "no memory to print a record");
	arena_free(&a);
	if (err == 0)
		print_torn(stderr, &rep);
	return err;
}

static const struct action {
	const char *name;
	int (*run)(const char *file, struct why *w);
} actions[] = {{"check", check}, {"dump", dump}};

static int run(const struct action *a, const char *file)
{
	struct why w = {0};
	int err = a->run(file, &w);

	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "zt journal: cannot write the output\n");
		return EXIT_ZT_FAILED;
	}
	if (err == 0)
		return EXIT_ZT_OK;
	fprintf(stderr, "zt journal: %s\n", w.text);
	return (int)err_exit((enum zt_err)-err);
}

int journal_main(int argc, char **argv)
{
	struct span verb = span_str(argc >= 2 ? argv[1] : "");

	if (span_eq_str(verb, "--help") || span_eq_str(verb, "-h"))
		return fputs(usage, stdout) < 0;
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!span_eq_str(verb, actions[i].name))
			continue;
		if (argc == 3 && (span_eq_str(span_str(argv[2]), "--help") || span_eq_str(span_str(argv[2]), "-h")))
			return fputs(usage, stdout) < 0;
		if (argc == 3)
			return run(&actions[i], argv[2]);
		fprintf(stderr, "zt journal: '%s' takes one FILE\n", actions[i].name);
		fputs(usage, stderr);
		return EXIT_ZT_USAGE;
	}
	if (argc >= 2)
		fprintf(stderr, "zt journal: '%.200s' is neither check nor dump\n", argv[1]);
	fputs(usage, stderr);
	return EXIT_ZT_USAGE;
}
