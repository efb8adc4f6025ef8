/*
 * bundle: files handed to a jailed child as one sealed block: path and contents, in order. The
 * supervisor reads the files, the child parses them inside its jail. Pure codec.
 * Layout, little-endian: magic "ztbundl1", then per file u16 length of path, path, u32 length, bytes.
 * docs/formats.md, "Bundles".
 */
#ifndef ZT_BUNDLE_H
#define ZT_BUNDLE_H

#include "base/bounds.h"
#include "base/err.h"
#include "base/span.h"

#define BUNDLE_FILES 1536 /* 256 hosts and 128 servers that are met: certificate, key, passphrase, authority each */
#define BUNDLE_PATH 4096

void bundle_begin(struct wr *w);
/* w->full when it does not fit: into w (give it BOUND_BUNDLE), or when path is empty, too long or
 * holds a NUL. A path that is in already is not added again: the first reading of a file counts,
 * so that two hosts of one certificate get the same. */
void bundle_add(struct wr *w, struct span path, struct span contents);
/* Checks all of it once: 0 or -ZT_E_SYNTAX; -ZT_E_TOOLONG over BOUND_BUNDLE or BUNDLE_FILES. */
int bundle_check(struct span bundle);
/* 0, or -ZT_E_NOTFOUND. Only on a checked bundle. */
int bundle_find(struct span bundle, const char *path, struct span *out);

#endif
