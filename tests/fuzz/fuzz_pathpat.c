/* Patterns and paths: the input is a pattern, a newline, a path. Invariants: a pattern within its bounds; the work
 * within its own; (?:P) is P; what is found in a part of a path is found in all of it, where nothing in the pattern
 * says beginning or end. */
#include <stdlib.h>
#include <string.h>

#include "decide/pathpat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool run(const struct pathpat *p, struct span path)
{
	uint64_t steps;
	bool yes = pathpat_match_counted(p, path, &steps);

	MUST(steps <= (path.n + 1) * pathpat_ops(p));
	MUST(pathpat_match(p, path) == yes);
	return yes;
}

static void check_embedded(struct span text, struct span path, struct arena *mem, bool yes)
{
	char group[PATHPAT_TEXT + 8];
	struct wr w = wr_of(group, sizeof group);
	struct pathpat *p;

	wr_str(&w, "(?:");
	wr_put(&w, text);
	wr_str(&w, ")");
	if (pathpat_compile(&p, wr_span(&w), mem, NULL) == 0)
		MUST(run(p, path) == yes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text, path;
	struct pathpat *p;
	struct arena mem;

	span_cut(span_of(data, n), '\n', &text, &path);
	path = span_sub(path, 0, 2048);
	arena_init(&mem, 1 << 20);
	if (pathpat_compile(&p, text, &mem, NULL) == 0) {
		bool yes = run(p, path);
		size_t at;

		MUST(text.n <= PATHPAT_TEXT && pathpat_ops(p) <= PATHPAT_OPS);
		check_embedded(text, path, &mem, yes);
		/* Unanchored: found in a part is found in the whole. */
		if (!span_find(text, '^', &at) && !span_find(text, '$', &at) && !span_find(text, '\\', &at) &&
		    run(p, span_sub(path, path.n / 2, path.n)))
			MUST(yes);
	} else {
		MUST(p == NULL);
	}
	arena_free(&mem);
	return 0;
}
