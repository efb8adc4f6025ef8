/* conf_build: see conf_build.h. Memory: one scratch arena, bounded by SCRATCH_MEM. */
#include "conf_build.h"

#include <string.h>

#include "base/bounds.h"
#include "base/ct.h"
#include "base/err.h"
#include "conf_value.h"
#include "inifeed.h"
#include "nearest.h"
#include "wire/iniline.h"

/* 4,096 sections of up to 64 keys, 32 bytes of origin a key = 8 MiB; twice that. */
#define SCRATCH_MEM 16777216

struct origin {
	struct conf_place file, env; /* .file NULL: not set there */
	bool bad;                    /* what was set was refused */
};

/* One section as written: a singleton, or one of the named. */
struct part {
	struct part *next;
	const struct conf_section *sec;
	void *object;
	const char *name;        /* of a named one */
	struct conf_place first; /* its header; .file NULL: not written */
	unsigned in_file;        /* the last file that held it, from 1 */
	struct origin *keys;
};

struct conf_build {
	const struct conf_schema *schema;
	unsigned who;
	void *root;
	struct arena *mem;
	struct arena scratch;
	struct conf_faults *faults;
	bool nomem;
	struct part **singles; /* per section of the schema; NULL for named ones */
	struct part *named, *named_last;
	const char *file; /* being read */
	const char *first_file;
	unsigned files, sections;
	struct part *part;          /* NULL: the section was refused */
	const struct conf_key *key; /* NULL: the key was refused, or none yet */
};

const struct conf_schema *conf_build_schema(const struct conf_build *b)
{
	return b->schema;
}

struct conf_faults *conf_build_faults(const struct conf_build *b)
{
	return b->faults;
}

static struct part *part_new(struct conf_build *b, const struct conf_section *sec, void *object)
{
	struct part *p = arena_get(&b->scratch, sizeof *p);

	if (p)
		p->keys = arena_get(&b->scratch, (sec->n_keys + 1) * sizeof *p->keys);
	if (p == NULL || p->keys == NULL) {
		b->nomem = true;
		return NULL;
	}
	p->sec = sec;
	p->object = object;
	return p;
}

int conf_build_open(struct conf_build **out, const struct conf_schema *s, unsigned who, void *root,
		    struct arena *mem, struct conf_faults *faults)
{
	struct conf_build *b;
	struct arena scratch;

	*out = NULL;
	arena_init(&scratch, SCRATCH_MEM);
	b = arena_get(&scratch, sizeof *b);
	if (b == NULL)
		return -ZT_E_NOMEM;
	*b = (struct conf_build){.schema = s, .who = who, .root = root, .mem = mem, .scratch = scratch, .faults = faults};
	b->singles = arena_get(&b->scratch, (s->n_sections + 1) * sizeof *b->singles);
	b->nomem = b->singles == NULL;
	for (size_t i = 0; !b->nomem && i < s->n_sections; i++)
		if (!s->sections[i].named)
			b->singles[i] = part_new(b, &s->sections[i], conf_at(root, s->sections[i].offset));
	if (b->nomem) {
		conf_build_free(b);
		return -ZT_E_NOMEM;
	}
	*out = b;
	return 0;
}

void conf_build_free(struct conf_build *b)
{
	struct arena scratch;

	if (b == NULL)
		return;
	scratch = b->scratch; /* b lies in it */
	arena_free(&scratch);
}

/* ---- sections ---------------------------------------------------------------------------- */

static struct conf_place here(const struct conf_build *b, uint32_t line)
{
	return (struct conf_place){b->file, line};
}

static void unknown_section(struct conf_build *b, uint32_t line, struct span word)
{
	struct nearest near = nearest_to(word);

	for (size_t i = 0; i < b->schema->n_sections; i++)
		nearest_offer(&near, b->schema->sections[i].name);
	if (near.best)
		conf_fault_add(b->faults, here(b, line), ZT_E_UNKNOWN, "unknown section [%.*s]; did you mean [%s]?",
			       SPAN_ARG(word), near.best);
	else
		conf_fault_add(b->faults, here(b, line), ZT_E_UNKNOWN, "unknown section [%.*s]", SPAN_ARG(word));
}

static struct part *find_named(struct conf_build *b, const struct conf_section *sec, struct span name)
{
	for (struct part *p = b->named; p; p = p->next)
		if (p->sec == sec && span_eq_str(name, p->name))
			return p;
	return NULL;
}

static struct part *add_named(struct conf_build *b, uint32_t line, const struct conf_section *sec, struct span name)
{
	struct conf_named_list *list = conf_at(b->root, sec->offset);
	struct conf_named *object = arena_get(b->mem, sec->size);
	struct part *p = object ? part_new(b, sec, object) : NULL;

	if (object) {
		object->name = arena_str(b->mem, name);
		object->file = arena_str(b->mem, span_str(here(b, line).file));
		object->line = line;
	}
	if (p == NULL || object->name == NULL || object->file == NULL) {
		b->nomem = true;
		return NULL;
	}
	p->name = object->name;
	*(list->last ? &list->last->next : &list->first) = object;
	list->last = object;
	list->n++;
	*(b->named_last ? &b->named_last->next : &b->named) = p;
	b->named_last = p;
	return p;
}

/* The section's part, with a fault when it may not stand here. */
static struct part *open_single(struct conf_build *b, uint32_t line, size_t i, struct span name)
{
	struct part *p = b->singles[i];

	if (name.n) {
		conf_fault_add(b->faults, here(b, line), ZT_E_SYNTAX, "[%s] takes no name; write [%s]", p->sec->name,
			       p->sec->name);
		return p;
	}
	if (p->in_file == b->files)
		conf_fault_add(b->faults, here(b, line), ZT_E_DUP,
			       "[%s] stands twice in this file, first on line %u; put its keys together",
			       p->sec->name, (unsigned)p->first.line);
	return p;
}

static struct part *open_named(struct conf_build *b, uint32_t line, const struct conf_section *sec,
			       struct span name)
{
	struct part *p;

	if (name.n == 0) {
		conf_fault_add(b->faults, here(b, line), ZT_E_MISSING, "[%s] needs a name, as in [%s web]", sec->name,
			       sec->name);
		return NULL;
	}
	p = find_named(b, sec, name);
	if (p)
		conf_fault_add(b->faults, here(b, line), ZT_E_DUP, "[%s %s] is given twice, first at %s:%u", sec->name,
			       p->name, p->first.file, (unsigned)p->first.line);
	return p ? p : add_named(b, line, sec, name);
}

static void on_section(void *ctx, uint32_t line, struct span word, struct span name)
{
	struct conf_build *b = ctx;
	const struct conf_section *sec;
	size_t i = 0;

	b->part = NULL;
	b->key = NULL;
	if (++b->sections > BOUND_CAP(BOUND_CONF_SECTIONS)) {
		if (b->sections == BOUND_CAP(BOUND_CONF_SECTIONS) + 1)
			conf_fault_add(b->faults, here(b, line), ZT_E_FULL, "more than %u sections",
				       (unsigned)BOUND_CAP(BOUND_CONF_SECTIONS));
		return;
	}
	while (i < b->schema->n_sections && !span_eq_str(word, b->schema->sections[i].name))
		i++;
	if (i == b->schema->n_sections) {
		unknown_section(b, line, word);
		return;
	}
	sec = &b->schema->sections[i];
	b->part = sec->named ? open_named(b, line, sec, name) : open_single(b, line, i, name);
	if (b->part == NULL)
		return;
	if (b->part->in_file != b->files)
		b->part->first = here(b, line);
	b->part->in_file = b->files;
}

/* ---- keys -------------------------------------------------------------------------------- */

static const struct conf_section *owner_of(const struct conf_build *b, struct span key)
{
	for (size_t i = 0; i < b->schema->n_sections; i++)
		for (size_t k = 0; k < b->schema->sections[i].n_keys; k++)
			if (span_eq_str(key, b->schema->sections[i].keys[k].name))
				return &b->schema->sections[i];
	return NULL;
}

static void unknown_key(struct conf_build *b, uint32_t line, struct span key)
{
	const struct conf_section *sec = b->part->sec, *owner = owner_of(b, key);
	struct nearest near = nearest_to(key);

	for (size_t k = 0; k < sec->n_keys; k++)
		nearest_offer(&near, sec->keys[k].name);
	if (owner)
		conf_fault_add(b->faults, here(b, line), ZT_E_UNKNOWN, "[%s] has no key '%.*s'; it belongs to [%s%s]",
			       sec->name, SPAN_ARG(key), owner->name, owner->named ? " NAME" : "");
	else if (near.best)
		conf_fault_add(b->faults, here(b, line), ZT_E_UNKNOWN, "[%s] has no key '%.*s'; did you mean '%s'?",
			       sec->name, SPAN_ARG(key), near.best);
	else
		conf_fault_add(b->faults, here(b, line), ZT_E_UNKNOWN, "[%s] has no key '%.*s'", sec->name,
			       SPAN_ARG(key));
}

static struct origin *origin_of(const struct part *p, const struct conf_key *k)
{
	return &p->keys[k - p->sec->keys];
}

/* Read text into the key's place; to a list it adds. */
static void put_value(struct conf_build *b, struct part *p, const struct conf_key *k, struct span text,
		      struct conf_place at)
{
	char why[400];
	struct wr w = wr_of(why, sizeof why);
	void *to = conf_at(p->object, k->offset);
	int rc = k->flags & CONF_LIST ? conf_list_read(k, text, b->mem, to, &w)
				      : conf_value_read(k, text, b->mem, to, &w);

	if (rc == 0)
		return;
	origin_of(p, k)->bad = true;
	if (rc == -ZT_E_NOMEM)
		b->nomem = true;
	else
		conf_fault_add(b->faults, at, (enum zt_err)-rc, "%s: %.*s", k->name, SPAN_ARG(wr_span(&w)));
}

static bool set_before(struct conf_build *b, const struct origin *o, const struct conf_key *k, uint32_t line)
{
	if (o->file.file == NULL)
		return false;
	conf_fault_add(b->faults, here(b, line), ZT_E_DUP, "%s is set twice, first at %s:%u", k->name, o->file.file,
		       (unsigned)o->file.line);
	return true;
}

static void on_pair(void *ctx, uint32_t line, struct span key, struct span value)
{
	struct conf_build *b = ctx;
	const struct conf_section *sec;
	size_t k = 0;

	b->key = NULL;
	if (b->part == NULL)
		return;
	sec = b->part->sec;
	while (k < sec->n_keys && !span_eq_str(key, sec->keys[k].name))
		k++;
	if (k == sec->n_keys) {
		unknown_key(b, line, key);
		return;
	}
	if (!(sec->keys[k].who & b->who)) {
		conf_fault_add(b->faults, here(b, line), ZT_E_DENIED, "%s is not for this process", sec->keys[k].name);
		return;
	}
	if (set_before(b, &b->part->keys[k], &sec->keys[k], line))
		return;
	b->key = &sec->keys[k];
	origin_of(b->part, b->key)->file = here(b, line);
	put_value(b, b->part, b->key, value, here(b, line));
}

static void on_more(void *ctx, uint32_t line, struct span value)
{
	struct conf_build *b = ctx;

	if (b->part == NULL || b->key == NULL)
		return;
	if (b->key->flags & CONF_LIST)
		put_value(b, b->part, b->key, value, here(b, line));
	else
		conf_fault_add(b->faults, here(b, line), ZT_E_SYNTAX,
			       "%s takes one value, on its own line; remove the blanks if this line is a key", b->key->name);
}

static void on_fault(void *ctx, uint32_t line, enum zt_err e, const char *text)
{
	struct conf_build *b = ctx;

	/* It may have been an item of the list above: do not call that one empty as well. */
	if (b->part && b->key)
		origin_of(b->part, b->key)->bad = true;
	conf_fault_add(b->faults, here(b, line), e, "%s", text);
}

static void on_warn(void *ctx, uint32_t line, const char *text)
{
	struct conf_build *b = ctx;

	conf_warn_add(b->faults, here(b, line), "%s", text);
}

static const struct inifeed_sink sink = {on_section, on_pair, on_more, on_fault, on_warn};

int conf_build_text(struct conf_build *b, struct span text, const char *name)
{
	b->file = arena_str(&b->scratch, span_str(name));
	if (b->file == NULL)
		return -ZT_E_NOMEM;
	if (b->first_file == NULL)
		b->first_file = b->file;
	b->files++;
	b->part = NULL;
	b->key = NULL;
	if (text.n > BOUND_CAP(BOUND_CONF_FILE)) {
		conf_fault_add(b->faults, here(b, 1), ZT_E_TOOLONG, "the text is longer than %u bytes",
			       (unsigned)BOUND_CAP(BOUND_CONF_FILE));
		return 0;
	}
	if (inifeed(text, &sink, b) < 0)
		b->nomem = true;
	return b->nomem || b->faults->nomem ? -ZT_E_NOMEM : 0;
}

/* ---- the environment --------------------------------------------------------------------- */

/* The value must read the same as a line of a file would, so that conf_emit can write it. */
static bool env_line(struct conf_build *b, struct conf_place at, const struct conf_key *k, struct span value,
		     bool more)
{
	struct iniline_ctx ctx = {.in_section = true, .in_value = more};
	char line[BOUND_CAP(BOUND_CONF_LINE)];
	struct wr w = wr_of(line, sizeof line);
	struct iniline got = {.reason = "the value makes a line of more than 196 bytes"};
	int rc;

	wr_str(&w, more ? "\t" : k->name);
	wr_str(&w, more ? "" : " = ");
	wr_put(&w, value);
	rc = w.full ? -ZT_E_TOOLONG : iniline_judge(&ctx, wr_span(&w), &got);
	if (rc == 0 && (got.kind != (more ? INILINE_MORE : INILINE_PAIR) || !span_eq(got.value, value))) {
		got.reason = "a line of the value is empty, a comment, or begins or ends with a blank";
		rc = -ZT_E_SYNTAX;
	}
	wipe(line, sizeof line);
	if (rc < 0)
		conf_fault_add(b->faults, at, (enum zt_err)-rc, "%s", got.reason);
	return rc == 0;
}

static void env_value(struct conf_build *b, struct part *p, const struct conf_key *k, struct conf_place at,
		      struct span value)
{
	struct span line, rest = value;
	bool more = span_cut(value, '\n', &line, &rest);

	if (more && !(k->flags & CONF_LIST)) {
		conf_fault_add(b->faults, at, ZT_E_SYNTAX, "%s takes one value, on one line", k->name);
		return;
	}
	if (env_line(b, at, k, line, false))
		put_value(b, p, k, line, at);
	while (more) {
		more = span_cut(rest, '\n', &line, &rest);
		if (env_line(b, at, k, line, true))
			put_value(b, p, k, line, at);
	}
}

int conf_build_env(struct conf_build *b, const struct conf_section *sec, const struct conf_key *key,
		   const char *variable, struct span value)
{
	struct part *p = b->singles[sec - b->schema->sections];
	struct origin *o = origin_of(p, key);
	struct conf_place at = {arena_str(&b->scratch, span_str(variable)), 0};

	if (at.file == NULL)
		return -ZT_E_NOMEM;
	if (o->env.file) {
		conf_fault_add(b->faults, at, ZT_E_DUP, "%s is already given by %s; keep one of them", key->name,
			       o->env.file);
		return 0;
	}
	o->env = at;
	conf_value_clear(key, conf_at(p->object, key->offset));
	env_value(b, p, key, at, value);
	return b->nomem || b->faults->nomem ? -ZT_E_NOMEM : 0;
}

/* ---- the end ----------------------------------------------------------------------------- */

static struct conf_place whole_place(const struct conf_build *b)
{
	return (struct conf_place){b->first_file ? b->first_file : "configuration", b->first_file ? 1 : 0};
}

/* Where the key of p was set; where it was not, p, else the first file. p may be NULL. */
static bool place_in(const struct conf_build *b, const struct part *p, const char *key, struct conf_place *at)
{
	const struct origin *o = NULL;

	for (size_t k = 0; p && k < p->sec->n_keys; k++)
		if (span_eq_str(span_str(key), p->sec->keys[k].name))
			o = &p->keys[k];
	*at = p && p->first.file ? p->first : whole_place(b);
	if (o && o->file.file)
		*at = o->file;
	if (o && o->env.file)
		*at = o->env;
	return o && (o->file.file || o->env.file);
}

struct conf_place conf_build_place(const struct conf_build *b, const char *section, const char *key)
{
	const struct part *p = NULL;
	struct conf_place at;

	for (size_t i = 0; i < b->schema->n_sections; i++)
		if (b->singles[i] && span_eq_str(span_str(section), b->schema->sections[i].name))
			p = b->singles[i];
	place_in(b, p, key, &at);
	return at;
}

bool conf_build_set(const struct conf_build *b, const void *object, const char *key, struct conf_place *at)
{
	const struct part *p = b->named;

	while (p && p->object != object)
		p = p->next;
	for (size_t i = 0; !p && i < b->schema->n_sections; i++)
		if (b->singles[i] && b->singles[i]->object == object)
			p = b->singles[i];
	return place_in(b, p, key, at);
}

unsigned conf_build_who(const struct conf_build *b)
{
	return b->who;
}

static struct conf_place key_place(const struct conf_build *b, const struct part *p, const struct origin *o)
{
	if (o->env.file)
		return o->env;
	if (o->file.file)
		return o->file;
	return p->first.file ? p->first : conf_build_place(b, "", "");
}

static void no_null_text(const struct conf_key *k, void *at)
{
	static const char *const empty = "";

	if (!(k->flags & CONF_LIST) && (k->type == CONF_STRING || k->type == CONF_PATH) && *(char **)at == NULL)
		memcpy(at, &empty, sizeof empty);
}

/* A singleton that nobody wrote, in a file or the environment, has nothing to require. */
static bool part_written(const struct part *p)
{
	for (size_t i = 0; i < p->sec->n_keys; i++)
		if (p->keys[i].env.file)
			return true;
	return p->first.file != NULL;
}

static void end_part(struct conf_build *b, struct part *p)
{
	bool written = part_written(p);

	for (size_t i = 0; i < p->sec->n_keys; i++) {
		const struct conf_key *k = &p->sec->keys[i];
		const struct origin *o = &p->keys[i];
		void *at = conf_at(p->object, k->offset);
		bool given = o->file.file || o->env.file, wanted = k->who & b->who;

		if (!given && k->def && wanted)
			put_value(b, p, k, span_str(k->def), conf_build_place(b, "", ""));
		no_null_text(k, at);
		if (!wanted || !written || o->bad || !(k->flags & CONF_REQUIRED) || !conf_value_empty(k, at))
			continue;
		conf_fault_add(b->faults, key_place(b, p, o), ZT_E_MISSING, "[%s%s%s] needs a value for %s", p->sec->name,
			       p->name ? " " : "", p->name ? p->name : "", k->name);
	}
}

int conf_build_end(struct conf_build *b)
{
	for (size_t i = 0; i < b->schema->n_sections; i++)
		if (b->singles[i])
			end_part(b, b->singles[i]);
	for (struct part *p = b->named; p; p = p->next)
		end_part(b, p);
	if (b->faults->faults == 0 && !b->nomem && b->schema->checks)
		for (size_t i = 0; b->schema->checks[i]; i++)
			b->schema->checks[i](b->root, b);
	if (b->nomem || b->faults->nomem)
		return -ZT_E_NOMEM;
	return b->faults->faults ? -ZT_E_CONFIG : 0;
}
