/* config: binds the product's tables to struct conf. Memory: one arena per configuration, which
 * holds the struct too, bounded by CONF_MEM. */
#include "config.h"

#include "base/bounds.h"
#include "base/ct.h"
#include "conf_build.h"
#include "conf_emit.h"
#include "conf_keys.h"

/* A text is at most 1 MiB, and 256 files of it would have to be all values; a value costs up to
 * 16 times its bytes ("a," is a list item of 28 in a list that doubled). */
#define CONF_MEM (16 * 1048576)

int conf_begin(struct conf **out, struct conf_build **b, unsigned who, struct conf_faults *faults)
{
	struct arena mem;
	struct conf *c;
	int rc;

	*out = NULL;
	*b = NULL;
	arena_init(&mem, CONF_MEM);
	c = arena_get(&mem, sizeof *c);
	if (c == NULL)
		return -ZT_E_NOMEM;
	c->mem = mem;
	c->who = who;
	rc = conf_build_open(b, &conf_keys, who, c, &c->mem, faults);
	if (rc < 0)
		conf_free(c);
	else
		*out = c;
	return rc;
}

static int digests(struct conf *c, struct conf_build *b)
{
	int rc = conf_schema_digest(&conf_keys, c, CONF_WHOLE, c->digest);

	if (rc == 0)
		rc = conf_schema_digest(&conf_keys, c, CONF_SHOWN, c->shown);
	if (rc != -ZT_E_FULL)
		return rc;
	conf_fault_add(conf_build_faults(b), conf_build_place(b, "", ""), ZT_E_TOOLONG,
		       "the configuration with its defaults is longer than %u bytes",
		       (unsigned)BOUND_CAP(BOUND_CONF_FILE));
	return -ZT_E_CONFIG;
}

int conf_finish(struct conf **out, struct conf *c, struct conf_build *b, int rc)
{
	if (rc == 0)
		rc = conf_build_end(b);
	if (rc == 0)
		rc = digests(c, b);
	conf_build_free(b);
	if (rc < 0)
		conf_free(c);
	*out = rc < 0 ? NULL : c;
	return rc;
}

int conf_parse_for(struct conf **out, struct span text, const char *name, unsigned who,
		   struct conf_faults *faults)
{
	struct conf_build *b;
	struct conf *c;
	int rc = conf_begin(&c, &b, who, faults);

	*out = NULL;
	if (rc < 0)
		return rc;
	c->files = 1;
	return conf_finish(out, c, b, conf_build_text(b, text, name));
}

int conf_parse_text(struct conf **out, struct span text, const char *name, struct conf_faults *faults)
{
	return conf_parse_for(out, text, name, CONF_FOR_ALL, faults);
}

int conf_emit(const struct conf *c, unsigned who, struct wr *w)
{
	conf_schema_emit(&conf_keys, c, who, CONF_WHOLE, w);
	return w->full ? -ZT_E_FULL : 0;
}

int conf_emit_shown(const struct conf *c, struct wr *w)
{
	conf_schema_emit(&conf_keys, c, CONF_FOR_ALL, CONF_SHOWN, w);
	return w->full ? -ZT_E_FULL : 0;
}

const char *conf_fingerprint(const struct conf *c, char out[static CONF_FINGERPRINT])
{
	ct_hex_encode(c->shown, (CONF_FINGERPRINT - 1) / 2, out);
	out[CONF_FINGERPRINT - 1] = 0;
	return out;
}

const struct addr *conf_addr(const struct conf_list *l, size_t i)
{
	ZT_ASSERT(i < l->n);
	return &((const struct addr *)l->items)[i];
}

const char *conf_text(const struct conf_list *l, size_t i)
{
	ZT_ASSERT(i < l->n);
	return ((const char *const *)l->items)[i];
}

enum cert_role conf_role(const struct conf_list *l, size_t i)
{
	ZT_ASSERT(i < l->n);
	return ((const enum cert_role *)l->items)[i];
}

uint64_t conf_number(const struct conf_list *l, size_t i)
{
	ZT_ASSERT(i < l->n);
	return ((const uint64_t *)l->items)[i];
}

const struct conf_hostport *conf_to(const struct conf_list *l, size_t i)
{
	ZT_ASSERT(i < l->n);
	return &((const struct conf_hostport *)l->items)[i];
}

/* A named section's struct begins with its struct conf_named. */
#define WALK(word, list)                                                                            \
	const struct conf_##word *conf_first_##word(const struct conf *c)                            \
	{                                                                                            \
		return (const struct conf_##word *)c->list.first;                                    \
	}                                                                                            \
	const struct conf_##word *conf_next_##word(const struct conf_##word *s)                      \
	{                                                                                            \
		return (const struct conf_##word *)s->named.next;                                    \
	}
WALK(host, hosts)
WALK(ingress, ingress)
WALK(service, services)
WALK(grant, grants)

void conf_free(struct conf *c)
{
	struct arena mem;

	if (c == NULL || c->users-- > 0)
		return;
	conf_schema_clear(&conf_keys, c);
	mem = c->mem; /* c lies in it */
	arena_free(&mem);
}

struct conf *conf_hold(const struct conf *c)
{
	struct conf *mine = (struct conf *)(uintptr_t)c; /* its count is its own */

	mine->users++;
	return mine;
}
