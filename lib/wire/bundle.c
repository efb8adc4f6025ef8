/*
 * bundle: the codec of bundle.h. Owns the layout; never looks at what a file holds. Contents are
 * secret, names are not.
 */
#include "bundle.h"

static const char magic[] = "ztbundl1";
#define MAGIC_LEN (sizeof magic - 1)

struct file {
	struct span path, contents;
};

/* Takes the next file off r: false at the end, or at what is none (r->bad). */
static bool next(struct rd *r, struct file *f)
{
	if (rd_left(r) == 0)
		return false;
	f->path = rd_bytes(r, rd_le16(r));
	f->contents = rd_bytes(r, rd_le32(r));
	return !r->bad;
}

static struct rd files_of(struct span bundle)
{
	return rd_of(span_sub(bundle, MAGIC_LEN, bundle.n));
}

static bool good_path(struct span path)
{
	size_t at;

	return path.n > 0 && path.n <= BUNDLE_PATH && !span_find(path, 0, &at);
}

/* Looks at the first `files` files only. */
static bool find(struct span bundle, struct span path, size_t files, struct span *out)
{
	struct rd r = files_of(bundle);
	struct file f;

	for (size_t i = 0; i < files && next(&r, &f); i++)
		if (span_eq(f.path, path)) {
			*out = f.contents;
			return true;
		}
	return false;
}

static size_t count(struct span bundle)
{
	struct rd r = files_of(bundle);
	struct file f;
	size_t n = 0;

	while (next(&r, &f))
		n++;
	return n;
}

void bundle_begin(struct wr *w)
{
	ZT_ASSERT(w->n == 0);
	wr_str(w, magic);
}

void bundle_add(struct wr *w, struct span path, struct span contents)
{
	struct span had;
	size_t at = w->n;

	if (w->full || !good_path(path) || contents.n > BOUND_CAP(BOUND_BUNDLE)) {
		w->full = true;
		return;
	}
	if (find(wr_span(w), path, BUNDLE_FILES, &had))
		return;
	if (count(wr_span(w)) == BUNDLE_FILES) {
		w->full = true;
		return;
	}
	wr_le16(w, (uint16_t)path.n);
	wr_put(w, path);
	wr_le32(w, (uint32_t)contents.n);
	wr_put(w, contents);
	if (w->n > BOUND_CAP(BOUND_BUNDLE))
		w->full = true;
	if (w->full)
		w->n = at; /* no half a file: what is there stays a bundle */
}

int bundle_check(struct span bundle)
{
	struct rd r = files_of(bundle);
	struct file f;
	struct span had;
	size_t files = 0;

	if (bundle.n > BOUND_CAP(BOUND_BUNDLE))
		return -ZT_E_TOOLONG;
	if (!span_eq_str(span_sub(bundle, 0, MAGIC_LEN), magic))
		return -ZT_E_SYNTAX;
	for (; next(&r, &f); files++) {
		if (files == BUNDLE_FILES)
			return -ZT_E_TOOLONG;
		if (!good_path(f.path) || find(bundle, f.path, files, &had))
			return -ZT_E_SYNTAX;
	}
	return r.bad ? -ZT_E_SYNTAX : 0;
}

int bundle_find(struct span bundle, const char *path, struct span *out)
{
	*out = SPAN_NONE;
	return find(bundle, span_str(path), BUNDLE_FILES, out) ? 0 : -ZT_E_NOTFOUND;
}
