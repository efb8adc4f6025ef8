/*
 * conf_schema: how the keys of a configuration are described. A schema is a set of const
 * tables; one row is at once parser, canonical text, example and documentation of a key.
 *
 * Values live in ordinary typed structs; a row says where (offsetof) and what (type). The C
 * type behind each conf_type is in the list below and must be used exactly.
 */
#ifndef ZT_CONF_SCHEMA_H
#define ZT_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/addr.h"

enum conf_type {
	CONF_BOOL,     /* bool:        true | false */
	CONF_U64,      /* uint64_t:    decimal, min..max */
	CONF_SIZE,     /* uint64_t:    bytes; digits and K, M or G (powers of 1,024), min..max */
	CONF_DURATION, /* uint64_t:    milliseconds; digits and ms, s, m, h or d, min..max */
	CONF_ENUM,     /* an enum of 4 bytes: one of names[] */
	CONF_STRING,   /* const char *: min..max bytes of UTF-8, never NULL once loaded */
	CONF_PATH,     /* const char *: absolute; min 0 allows none (""), never NULL once loaded */
	CONF_ADDR,     /* struct addr: address:port, port min..65535 (min 0: the kernel chooses) */
	CONF_HOSTPORT, /* struct conf_hostport: host name or address, and a port; or "" for none */
	CONF_MODE,     /* uint32_t:    octal, up to max */
	CONF_TYPES
};

enum conf_flag {
	CONF_REQUIRED = 1, /* where its section is written it has a value, given or by default, not empty */
	CONF_SECRET = 2,   /* never shown: masked by conf_emit_shown, absent from fault texts, wiped */
	CONF_LIST = 4      /* struct conf_list of the type's values */
};

/* Which processes a value is for: conf_emit() writes only what a mask asks for. */
enum conf_who {
	CONF_FOR_SUPERVISOR = 1,
	CONF_FOR_WORKER = 2,
	CONF_FOR_LOGD = 4,
	CONF_FOR_CTL = 8,
	CONF_FOR_TLSD = 16,
	CONF_FOR_CA_FRONT = 32,
	CONF_FOR_CA_TLSD = 64,
	CONF_FOR_CA_SIGN = 128,
	CONF_FOR_KEEPER = 256, /* of an identity: the process that renews it, and that with its key */
	CONF_FOR_ID_TLSD = 512
};
#define CONF_FOR_ALL (~0u)

struct conf_hostport {
	const char *host; /* no brackets; NULL = none */
	uint16_t port;
};

struct conf_list {
	size_t n;
	void *items; /* n values of the key's type, owned by the configuration */
};

struct conf_name { /* of an enum; a table ends with {NULL, 0} */
	const char *name;
	uint32_t value;
};

struct conf_key {
	const char *name; /* a-z 0-9 _; at most INILINE_KEY_MAX */
	enum conf_type type;
	size_t offset;    /* in the section's struct */
	unsigned flags;
	const char *def;  /* text, as somebody would write it; NULL: no default (zero, "", none) */
	uint64_t min, max;/* of numbers and lengths; max 0 = no upper limit */
	const struct conf_name *names;
	unsigned who;
	const char *doc;  /* one line */
};

/* A named section's struct begins with this. */
struct conf_named {
	struct conf_named *next;
	const char *name, *file; /* file and line: where it begins */
	uint32_t line;
};

struct conf_named_list { /* in the order written */
	struct conf_named *first, *last;
	size_t n;
};

struct conf_section {
	const char *name;
	bool named;    /* [name NAME], any number of them; else [name], at most one per file */
	size_t offset; /* in the root struct: of the section's struct, or of a conf_named_list */
	size_t size;   /* of the section's struct */
	const struct conf_key *keys;
	size_t n_keys;
	const char *doc;
};

struct conf_build;

struct conf_schema {
	const struct conf_section *sections;
	size_t n_sections;
	/* Cross-key checks, run in order once every value is good; ends with NULL. May be NULL. */
	void (*const *checks)(const void *root, struct conf_build *b);
};

/* The one place that turns an offset of a table into an address. */
static inline void *conf_at(void *base, size_t offset) { return (char *)base + offset; }
static inline const void *conf_at_const(const void *base, size_t offset) { return (const char *)base + offset; }

#endif
