/* near: edit distance over short words, three rows of a fixed table, no allocation. */
#include "near.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t near_distance(struct span a, struct span b)
{
	size_t row[3][NEAR_MAX + 1];

	if (a.n > NEAR_MAX || b.n > NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t change = a.p[i - 1] != b.p[j - 1];

			now[j] = least(least(up[j] + 1, now[j - 1] + 1), up[j - 1] + change);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], up2[j - 2] + 1);
		}
	}
	return row[a.n % 3][b.n];
}

void near_offer(struct near *n, struct span word, const char *candidate)
{
	size_t d = near_distance(word, span_str(candidate));

	if (n->name == NULL || d < n->distance) {
		n->name = candidate;
		n->distance = d;
	}
}

const char *near_best(const struct near *n, struct span word)
{
	size_t most = word.n / 3;

	return n->name && n->distance <= (most ? most : 1) ? n->name : NULL;
}
