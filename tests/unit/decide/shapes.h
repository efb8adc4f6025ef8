/*
 * shapes: a schema for tests that uses every type, list, flag and kind of section, so that the
 * machinery is proved for keys the product does not have yet.
 */
#ifndef ZT_SHAPES_H
#define ZT_SHAPES_H

#include "base/num.h"
#include "decide/conf_build.h"
#include "decide/conf_emit.h"
#include "decide/conf_schema.h"

enum shape_colour { SHAPE_RED = 3, SHAPE_GREEN = 5 };

struct shape_all {
	bool flag;
	uint64_t count, bytes, wait;
	enum shape_colour colour;
	const char *text, *path, *secret;
	struct addr where;
	struct conf_hostport peer;
	uint32_t mode;
	struct conf_list words, addrs, secrets;
};

struct shape_host {
	struct conf_named named;
	const char *access; /* required, no default */
	struct conf_hostport origin;
	uint64_t weight;
	struct conf_list names;
};

struct shape_gate {
	struct addr listen;
	const char *worker_only;
};

struct shapes {
	struct shape_all all;
	struct shape_gate gate;
	struct conf_named_list hosts;
	struct arena mem;
};

#define ANY CONF_FOR_ALL
#define AT(field) offsetof(struct shape_all, field)
static const struct conf_name shape_colours[] = {{"red", SHAPE_RED}, {"green", SHAPE_GREEN}, {NULL, 0}};
static const struct conf_key shape_all_keys[] = {
	{"flag", CONF_BOOL, AT(flag), 0, "false", 0, 0, NULL, ANY, "A bool."},
	{"count", CONF_U64, AT(count), 0, "7", 1, 100, NULL, ANY, "A number."},
	{"bytes", CONF_SIZE, AT(bytes), 0, "1K", 0, 0, NULL, ANY, "A size."},
	{"wait", CONF_DURATION, AT(wait), 0, "1m", 0, 0, NULL, ANY, "A duration."},
	{"colour", CONF_ENUM, AT(colour), 0, "red", 0, 0, shape_colours, ANY, "A word."},
	{"text", CONF_STRING, AT(text), 0, NULL, 0, 40, NULL, ANY, "A text."},
	{"path", CONF_PATH, AT(path), 0, "/tmp", 1, 0, NULL, ANY, "A path."},
	{"secret", CONF_STRING, AT(secret), CONF_SECRET, NULL, 0, 64, NULL, ANY, "A secret."},
	{"where", CONF_ADDR, AT(where), 0, "192.0.2.1:1", 1, 0, NULL, ANY, "An address."},
	{"peer", CONF_HOSTPORT, AT(peer), 0, NULL, 0, 0, NULL, ANY, "A peer."},
	{"mode", CONF_MODE, AT(mode), 0, "0600", 0, 0777, NULL, ANY, "A mode."},
	{"words", CONF_STRING, AT(words), CONF_LIST, NULL, 1, 64, NULL, ANY, "Words."},
	{"addrs", CONF_ADDR, AT(addrs), CONF_LIST, NULL, 0, 0, NULL, ANY, "Addresses."},
	{"secrets", CONF_STRING, AT(secrets), CONF_LIST | CONF_SECRET, NULL, 1, 64, NULL, ANY, "Secrets."},
};
#undef AT
#define AT(field) offsetof(struct shape_host, field)
static const struct conf_key shape_host_keys[] = {
	{"access", CONF_STRING, AT(access), CONF_REQUIRED, NULL, 0, 0, NULL, ANY, "Who."},
	{"origin", CONF_HOSTPORT, AT(origin), 0, NULL, 0, 0, NULL, ANY, "Where."},
	{"weight", CONF_U64, AT(weight), 0, "1", 0, 10, NULL, ANY, "How much."},
	{"names", CONF_STRING, AT(names), CONF_LIST, NULL, 1, 64, NULL, ANY, "Names."},
};
#undef AT
static const struct conf_key shape_gate_keys[] = {
	{"listen", CONF_ADDR, offsetof(struct shape_gate, listen), CONF_REQUIRED, NULL, 0, 0, NULL, CONF_FOR_SUPERVISOR,
	 "Where."},
	{"worker_only", CONF_STRING, offsetof(struct shape_gate, worker_only), 0, "w", 0, 0, NULL, CONF_FOR_WORKER,
	 "A key of another process."},
};
#undef ANY

static void shape_check(const void *root, struct conf_build *b)
{
	const struct shapes *s = root;

	if (s->all.flag && s->all.count > 50)
		conf_fault_add(conf_build_faults(b), conf_build_place(b, "all", "count"), ZT_E_RANGE,
			       "count with flag is at most 50");
}
static void (*const shape_checks[])(const void *, struct conf_build *) = {shape_check, NULL};

static const struct conf_section shape_sections[] = {
	{"all", false, offsetof(struct shapes, all), sizeof(struct shape_all), shape_all_keys, ARRAY_LEN(shape_all_keys),
	 "Every type."},
	{"auth-gate", false, offsetof(struct shapes, gate), sizeof(struct shape_gate), shape_gate_keys,
	 ARRAY_LEN(shape_gate_keys), "A section with a hyphen."},
	{"host", true, offsetof(struct shapes, hosts), sizeof(struct shape_host), shape_host_keys,
	 ARRAY_LEN(shape_host_keys), "A named section."},
};
static const struct conf_schema shape_schema = {shape_sections, ARRAY_LEN(shape_sections), shape_checks};

static inline void shapes_free(struct shapes *s)
{
	conf_schema_clear(&shape_schema, s);
	arena_free(&s->mem);
}

static inline int shapes_open(struct shapes *s, struct conf_build **b, unsigned who, struct conf_faults *f)
{
	*s = (struct shapes){0};
	arena_init(&s->mem, 16 * 1048576);
	return conf_build_open(b, &shape_schema, who, s, &s->mem, f);
}

/* One text; s must be freed whatever the answer is. */
static inline int shapes_parse(struct shapes *s, struct span text, unsigned who, struct conf_faults *f)
{
	struct conf_build *b;
	int rc = shapes_open(s, &b, who, f);

	if (rc < 0)
		return rc;
	rc = conf_build_text(b, text, "t.conf");
	if (rc == 0)
		rc = conf_build_end(b);
	conf_build_free(b);
	return rc;
}

#endif
