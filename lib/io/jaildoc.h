/*
 * jaildoc: the tables of the jail (layers, system calls, attempts, by profile) as the markdown
 * of docs/sandbox.md, so that the page is printed from the code and a test can compare them.
 */
#ifndef ZT_JAILDOC_H
#define ZT_JAILDOC_H

#include "base/span.h"

#define JAILDOC_MAX 32768 /* about 13 KiB today */

/* The same text on every processor. w->full when it does not fit. */
void jaildoc_write(struct wr *w);

#endif
