/*
 * when: dates and spans of time as people write and read them on a command line. Pure; UTC only.
 * Seconds since 1970, as certificates count.
 */
#ifndef ZT_WHEN_H
#define ZT_WHEN_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* "2030-01-31": when that day begins; or "2030-01-31T12:30:00Z". Years 1970 to 9999. 0, -ZT_E_SYNTAX. */
int when_date(struct span text, int64_t *out);
/* Digits and s, m, h or d, as durations of the configuration: "30m". 0, -ZT_E_SYNTAX, -ZT_E_RANGE. */
int when_span(struct span text, int64_t *out);

#define WHEN_DAY 11   /* "2030-01-31" */
const char *when_day(int64_t t, char out[static WHEN_DAY]); /* "-" before 1970 and after 9999 */
#define WHEN_WORDS 32
/* "in 3 months", "2 days ago", "now": rounded down, one unit; below two of a unit the next smaller. */
const char *when_words(int64_t t, int64_t now, char out[static WHEN_WORDS]);
/* "30 minutes", "90 days": whole units only, so that it reads back as what was given. */
const char *when_span_words(int64_t seconds, char out[static WHEN_WORDS]);

#endif
