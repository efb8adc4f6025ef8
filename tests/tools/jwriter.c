/*
 * jwriter: writes a journal so that tests can kill it. Every acknowledged thing is one line on
 * stdout, written after the answer and before the next question:
 *
 *   jwriter log DIR FROM COUNT EVERY   records FROM, FROM+1, … with their number in tag 1 and a
 *                                      filling of up to 900 bytes; a snapshot of all of them
 *                                      after every EVERY; prints each number
 *   jwriter log-check DIR              prints the numbers that are there
 *   jwriter log-hold DIR               opens it, prints "held" and waits to be killed
 *   jwriter store DIR FROM COUNT       through the store: mark "once/N" once, count "sum" by 1,
 *                                      in one poll; prints "N FIRST SUM"
 *   jwriter store-check DIR UPTO       prints "N 0" for each mark that is there, then "sum SUM"
 *
 * The journal is DIR/test.journal and is made when it is missing. Exit as zt: 6 damaged, …
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "io/journal.h"
#include "io/store_journal.h"

#define NAME "test.journal"

struct args {
	int dir;
	uint64_t from, count, every;
};

static int say(const char *line)
{
	size_t n = strlen(line);

	return write(STDOUT_FILENO, line, n) == (ssize_t)n ? 0 : -ZT_E_SYS;
}

static int sorry(const struct why *w)
{
	fprintf(stderr, "jwriter: %s\n", w->text);
	return (int)err_exit(w->err);
}

/* ---- the journal itself -------------------------------------------------------------------- */

struct numbers {
	uint64_t *v;
	size_t n, cap;
};

struct record {
	uint8_t mem[8];
	struct jtlv t[2];
};

static const struct jtlv *record(struct record *r, uint64_t v)
{
	static const uint8_t fill[900];
	struct wr w = wr_of(r->mem, sizeof r->mem);

	wr_le64(&w, v);
	r->t[0] = (struct jtlv){1, wr_span(&w)};
	r->t[1] = (struct jtlv){2, span_of(fill, (size_t)(v * 397 % sizeof fill))};
	return r->t;
}

static int remember(struct numbers *s, uint64_t v)
{
	if (s->n == s->cap) {
		uint64_t *more = realloc(s->v, (s->cap + 1024) * sizeof *more);

		if (more == NULL)
			return -ZT_E_NOMEM;
		s->v = more;
		s->cap += 1024;
	}
	s->v[s->n++] = v;
	return 0;
}

/* The filling must be whole too. */
static int replay(void *ctx, const struct jrec *r, uint64_t offset)
{
	struct record want;
	struct span fill;
	uint64_t v;

	(void)offset;
	if (r->type != 1)
		return -ZT_E_VERSION;
	if (!jrec_find_u64(r, 1, &v) || !jrec_find(r, 2, &fill) || !span_eq(fill, record(&want, v)[1].value))
		return -ZT_E_DAMAGED;
	return remember(ctx, v);
}

static int snapshot_all(struct journal *j, void *ctx, struct why *w)
{
	const struct numbers *s = ctx;
	int err = 0;

	for (size_t i = 0; i < s->n && !err; i++) {
		struct record r;

		err = journal_snapshot_add(j, 1, 1, record(&r, s->v[i]), 2, w);
	}
	return err;
}

static int append_all(struct journal *j, struct numbers *s, const struct args *a, struct why *w)
{
	for (uint64_t i = 0; i < a->count; i++) {
		struct record r;
		char line[32];
		int err = journal_append(j, 1, 1, record(&r, a->from + i), 2, w);

		if (err)
			return err;
		snprintf(line, sizeof line, "%llu\n", (unsigned long long)(a->from + i));
		err = say(line);
		if (!err)
			err = remember(s, a->from + i);
		if (!err && a->every && (i + 1) % a->every == 0)
			err = journal_snapshot(j, snapshot_all, s, w);
		if (err)
			return err;
	}
	return 0;
}

static int hold(void)
{
	int err = say("held\n");

	while (!err)
		pause();
	return err;
}

static int run_log(const struct args *a, bool check, bool held)
{
	struct journal_place at = {.dirfd = a->dir, .name = NAME};
	struct numbers s = {0};
	struct journal_opts o = {.create = !check, .each = replay, .ctx = &s};
	struct why w = {0};
	struct journal *j;
	int err = journal_open(&j, &at, &o, NULL, &w);

	if (err)
		return sorry(&w);
	if (held)
		err = hold();
	else if (!check)
		err = append_all(j, &s, a, &w);
	for (size_t i = 0; check && i < s.n; i++)
		printf("%llu\n", (unsigned long long)s.v[i]);
	journal_close(j);
	free(s.v);
	return err ? sorry(&w) : 0;
}

/* ---- through the store --------------------------------------------------------------------- */

struct answer {
	struct store_op op;
	int err;
	uint64_t number;
	size_t n;
};

static void done(struct store_op *op, const struct store_answer *a)
{
	struct answer *me = CONTAINER_OF(op, struct answer, op);

	me->err = a->err;
	me->number = a->n ? a->items[0].number : a->number;
	me->n = a->n;
}

static int store_all(struct store *s, const struct args *a)
{
	for (uint64_t i = a->from; i < a->from + a->count; i++) {
		struct answer mark = {.op.done = done}, sum = {.op.done = done};
		char key[32], line[64];

		snprintf(key, sizeof key, "once/%llu", (unsigned long long)i);
		if (store_once(s, &mark.op, span_str(key), 0) || store_count(s, &sum.op, SPAN_LIT("sum"), 1, 0))
			return 1;
		store_poll(s);
		if (mark.err || sum.err)
			return (int)err_exit((enum zt_err)(mark.err ? -mark.err : -sum.err));
		snprintf(line, sizeof line, "%llu %llu %llu\n", (unsigned long long)i, (unsigned long long)mark.number,
			 (unsigned long long)sum.number);
		if (say(line))
			return 1;
	}
	return 0;
}

static int store_print(struct store *s, const struct args *a)
{
	struct answer q = {.op.done = done};

	for (uint64_t i = 1; i <= a->from; i++) {
		char key[32];

		snprintf(key, sizeof key, "once/%llu", (unsigned long long)i);
		if (store_get(s, &q.op, STORE_ONCE, span_str(key)))
			return 1;
		store_poll(s);
		if (q.n)
			printf("%llu 0\n", (unsigned long long)i);
	}
	if (store_get(s, &q.op, STORE_COUNTER, SPAN_LIT("sum")))
		return 1;
	store_poll(s);
	printf("sum %llu\n", (unsigned long long)(q.n ? q.number : 0));
	return 0;
}

static int run_store(const struct args *a, bool check)
{
	struct bounds b;
	struct store_journal_opts o = {.at = {.dirfd = a->dir, .name = NAME}, .create = !check, .bounds = &b,
				       .clock = &clock_real};
	struct why w = {0};
	struct store *s;
	int code;

	bounds_init(&b);
	if (store_journal_open(&s, &o, NULL, &w))
		return sorry(&w);
	code = check ? store_print(s, a) : store_all(s, a);
	store_free(s);
	return code;
}

int main(int argc, char **argv)
{
	struct args a = {.dir = -1};
	uint64_t *number[] = {&a.from, &a.count, &a.every};
	struct span verb = span_str(argc > 2 ? argv[1] : "");

	if (argc > 2)
		a.dir = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 3; i < argc && i < 6; i++)
		if (span_u64(span_str(argv[i]), UINT32_MAX, number[i - 3]))
			a.dir = -1;
	if (a.dir >= 0 && span_starts(verb, "log"))
		return run_log(&a, span_ends(verb, "-check"), span_ends(verb, "-hold"));
	if (a.dir >= 0 && span_starts(verb, "store"))
		return run_store(&a, span_ends(verb, "-check"));
	fprintf(stderr, "usage: jwriter log|log-check|log-hold|store|store-check DIR [FROM COUNT EVERY]\n");
	return 2;
}
