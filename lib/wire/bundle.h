/*
 * bundle: files handed to a jailed child as one sealed block: path and contents, in order. The
 * supervisor reads the files, the child parses them inside its jail. Pure codec.
 * Layout, little-endian: magic "ztbundl1", then per file u16 length of path, path, u32 length, bytes.
 */
#ifndef ZT_BUNDLE_H
#define ZT_BUNDLE_H

#include "base/bounds.h"
#include "base/err.h"
#include "base/span.h"

void bundle_begin(struct wr *w);
void bundle_add(struct wr *w, struct span path, struct span contents);
/* Checks all of it once: 0 or -ZT_E_SYNTAX. */
int bundle_check(struct span bundle);
/* 0, or -ZT_E_NOTFOUND. Only on a checked bundle. */
int bundle_find(struct span bundle, const char *path, struct span *out);

#endif
