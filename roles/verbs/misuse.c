/* misuse: see misuse.h. */
#include "misuse.h"

#include <stdio.h>

enum zt_exit verb_misuse(const char *verb, const char *help, const char *what, const char *got)
{
	fprintf(stderr, "zt %s: %s", verb, what);
	if (got)
		fprintf(stderr, " '%.200s'", got);
	fprintf(stderr, "\nzt %s: 'zt help %s' lists the options\n", verb, help);
	return EXIT_ZT_USAGE;
}
