/*
 * conf_fault: what is wrong with a configuration, all of it, in the order found. A list that
 * owns its texts; past BOUND_CONF_FAULTS faults (and as many warnings) it only counts.
 *
 * Texts and file names are made safe for a terminal: control bytes and bytes that are not
 * UTF-8 become '?'.
 */
#ifndef ZT_CONF_FAULT_H
#define ZT_CONF_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/span.h"

/* Where something was written. line 0: the file as a whole, or the environment. */
struct conf_place {
	const char *file;
	uint32_t line;
};

struct conf_fault {
	struct conf_fault *next;
	const char *file, *text;
	uint32_t line;
	enum zt_err err;
	bool is_warning;
};

struct conf_faults {
	struct arena mem;
	struct conf_fault *first, *last;
	unsigned faults, warnings; /* all, listed or not */
	unsigned listed[2];        /* [0] faults, [1] warnings in the list */
	bool nomem;                /* one could not be kept for lack of memory; it is counted */
};

void conf_faults_init(struct conf_faults *f);
void conf_faults_free(struct conf_faults *f);

void conf_fault_add(struct conf_faults *f, struct conf_place at, enum zt_err e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A warning never makes a configuration invalid. */
void conf_warn_add(struct conf_faults *f, struct conf_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One per line, "\n"-ended:
 *     FILE:LINE: TEXT
 *     FILE:LINE: warning: TEXT
 *     FILE: TEXT                  where there is no line
 * and at the end "N more faults and M more warnings are not shown" when the bound was met. */
void conf_faults_print(const struct conf_faults *f, struct wr *w);
void conf_fault_print(const struct conf_fault *f, struct wr *w); /* one of them, no newline */
void conf_faults_rest(const struct conf_faults *f, struct wr *w); /* the last line, or nothing */

#endif
