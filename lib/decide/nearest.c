/* nearest: the edit distance of optimal string alignment, in three rows. */
#include "nearest.h"

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned nearest_distance(struct span a, struct span b)
{
	unsigned row[3][NEAREST_MAX + 1]; /* row i is kept in i % 3: swaps look two rows back */

	if (a.n > NEAREST_MAX || b.n > NEAREST_MAX)
		return NEAREST_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned differs = a.p[i - 1] != b.p[j - 1];

			now[j] = least(least(up[j], now[j - 1]) + 1, up[j - 1] + differs);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], up2[j - 2] + 1);
		}
	}
	return row[a.n % 3][b.n];
}

struct nearest nearest_to(struct span word)
{
	/* One slip in a short word, two in one of six or more: further off is another word. */
	return (struct nearest){.word = word, .distance = word.n < 6 ? 2 : 3};
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	unsigned d = nearest_distance(n->word, span_str(candidate));

	/* A word that has to change altogether is no suggestion either ("on" for "uid"). */
	if (d >= n->distance || d >= n->word.n)
		return;
	n->best = candidate;
	n->distance = d;
}
