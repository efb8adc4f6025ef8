/* conf_emit: the writers of conf_emit.h. Scratch is an arena that is wiped before it goes. */
#include "conf_emit.h"

#include "base/bounds.h"
#include "base/ct.h"
#include "base/err.h"
#include "base/num.h"
#include "base/pool.h"
#include "conf_value.h"

static void emit_list(const struct conf_key *k, const struct conf_list *l, bool mask, struct wr *w)
{
	wr_fmt(w, "%s =\n", k->name);
	for (size_t i = 0; i < l->n; i++) {
		wr_str(w, "\t");
		if (mask)
			wr_str(w, "***");
		else
			conf_value_write(k, conf_list_at(k, l, i), w);
		wr_str(w, "\n");
	}
}

static void emit_key(const struct conf_key *k, const void *at, enum conf_reveal r, struct wr *w)
{
	bool mask = r == CONF_SHOWN && (k->flags & CONF_SECRET), empty = conf_value_empty(k, at);

	/* Absent means the same, and "key =" is no address. With a default, "key =" was written. */
	if (empty && k->def == NULL)
		return;
	if (k->flags & CONF_LIST) {
		emit_list(k, at, mask, w);
		return;
	}
	wr_fmt(w, "%s =", k->name);
	if (!empty) {
		wr_str(w, " ");
		if (mask)
			wr_str(w, "***");
		else
			conf_value_write(k, at, w);
	}
	wr_str(w, "\n");
}

struct emission {
	unsigned who;
	enum conf_reveal reveal;
	struct wr *w;
};

static void emit_part(const struct emission *e, const struct conf_section *sec, const char *name, const void *object)
{
	bool begun = false;

	for (size_t i = 0; i < sec->n_keys; i++) {
		if (!(sec->keys[i].who & e->who))
			continue;
		if (!begun)
			wr_fmt(e->w, "%s[%s%s%s]\n", e->w->n ? "\n" : "", sec->name, name ? " " : "", name ? name : "");
		begun = true;
		emit_key(&sec->keys[i], conf_at_const(object, sec->keys[i].offset), e->reveal, e->w);
	}
}

/* A singleton that lacks what it requires was never written; its defaults stand for nothing. */
static bool in_use(const struct conf_section *sec, const void *object)
{
	for (size_t i = 0; i < sec->n_keys; i++)
		if ((sec->keys[i].flags & CONF_REQUIRED) &&
		    conf_value_empty(&sec->keys[i], conf_at_const(object, sec->keys[i].offset)))
			return false;
	return true;
}

void conf_schema_emit(const struct conf_schema *s, const void *root, unsigned who, enum conf_reveal r,
		      struct wr *w)
{
	const struct emission e = {who, r, w};

	for (size_t i = 0; i < s->n_sections; i++) {
		const struct conf_section *sec = &s->sections[i];
		const struct conf_named_list *list = conf_at_const(root, sec->offset);

		if (!sec->named) {
			if (in_use(sec, list))
				emit_part(&e, sec, NULL, list);
			continue;
		}
		for (const struct conf_named *o = list->first; o; o = o->next)
			emit_part(&e, sec, o->name, o);
	}
}

#define DIGEST_FIRST 8192 /* a homelab's file; grows fourfold up to the bound */

int conf_schema_digest(const struct conf_schema *s, const void *root, enum conf_reveal r,
		       uint8_t out[static SHA256_LEN])
{
	size_t most = BOUND_CAP(BOUND_CONF_FILE);

	for (size_t cap = DIGEST_FIRST;; cap = num_min(cap * 4, most)) {
		struct arena mem;
		struct wr w;
		void *p;

		arena_init(&mem, cap);
		p = arena_get(&mem, cap);
		if (p == NULL)
			return -ZT_E_NOMEM;
		w = wr_of(p, cap);
		conf_schema_emit(s, root, CONF_FOR_ALL, r, &w);
		if (!w.full)
			sha256(wr_span(&w), out);
		wipe(p, cap);
		arena_free(&mem);
		if (!w.full)
			return 0;
		if (cap == most)
			return -ZT_E_FULL;
	}
}

static void clear_part(const struct conf_section *sec, void *object)
{
	for (size_t i = 0; i < sec->n_keys; i++)
		conf_value_clear(&sec->keys[i], conf_at(object, sec->keys[i].offset));
}

void conf_schema_clear(const struct conf_schema *s, void *root)
{
	for (size_t i = 0; i < s->n_sections; i++) {
		struct conf_named_list *list = conf_at(root, s->sections[i].offset);

		if (!s->sections[i].named) {
			clear_part(&s->sections[i], list);
			continue;
		}
		for (struct conf_named *o = list->first; o; o = o->next)
			clear_part(&s->sections[i], o);
		*list = (struct conf_named_list){0};
	}
}

static void example_range(const struct conf_key *k, struct wr *w)
{
	if (k->type != CONF_U64 && k->type != CONF_SIZE && k->type != CONF_DURATION)
		return;
	wr_str(w, k->max ? " from " : ", at least ");
	conf_value_write(k, &k->min, w);
	wr_str(w, k->max ? " to " : "");
	if (k->max)
		conf_value_write(k, &k->max, w);
}

static void example_key(const struct conf_key *k, struct wr *w)
{
	bool def = k->def && k->def[0];

	wr_fmt(w, "\n# %s\n# %s", k->doc, conf_type_name(k->type));
	example_range(k, w);
	for (const struct conf_name *n = k->names; n && n->name; n++)
		wr_fmt(w, "%s %s", n == k->names ? ":" : " |", n->name);
	wr_str(w, k->flags & CONF_LIST ? ", a list: separate with commas or continue on indented lines" : "");
	wr_str(w, k->flags & CONF_REQUIRED && !def ? "; required" : "");
	wr_fmt(w, "\n#%s =%s%s\n", k->name, def ? " " : "", def ? k->def : "");
}

void conf_schema_example(const struct conf_schema *s, struct wr *w)
{
	wr_str(w, "# Configuration of zt: every key with its default. Remove the '#' before a key to set it.\n"
		  "# Grammar, types and environment variables: docs/formats.md. To check: zt check -c FILE\n");
	for (size_t i = 0; i < s->n_sections; i++) {
		const struct conf_section *sec = &s->sections[i];

		/* A section that is written is in use, so one with a name cannot stand there empty. */
		wr_fmt(w, sec->named ? "\n# %s\n#[%s example]\n" : "\n# %s\n[%s]\n", sec->doc, sec->name);
		for (size_t k = 0; k < sec->n_keys; k++)
			example_key(&sec->keys[k], w);
	}
}
