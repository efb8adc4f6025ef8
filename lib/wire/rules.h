/*
 * rules: the table that a connector announces (CTRL_RULES, docs/formats.md, "Announced rules"): what the edge
 * needs to match a request, to rewrite it and to know what to open. Never where an origin is: that stays with
 * the connector, and the edge names a rule by its number. Bytes <-> struct, pure; whether a table is sound as
 * a whole (its last rule, its patterns), and what matches, is decide/ingress.
 */
#ifndef ZT_RULES_H
#define ZT_RULES_H

#include <stdbool.h>

#include "base/bounds.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/span.h"

#define RULES_MOST BOUND_CAP(BOUND_INGRESS)
#define RULES_BYTES 262144 /* of a whole table */
#define RULES_HEADERS 32   /* that one rule sets, and that it removes */

enum rule_kind {
	RULE_HTTP = 1, /* open a stream, FRAME_KIND_HTTP */
	RULE_TCP,      /* open a stream, FRAME_KIND_TCP; not for requests */
	RULE_STATUS,   /* answer with `status`, nothing is opened */
	RULE_HELLO     /* answer with a page of our own */
};
/* RULE_SECURE: the origin is spoken to over TLS. RULE_QUIET: no X-Forwarded-* and no X-Real-IP for it. */
enum { RULE_SECURE = 1, RULE_QUIET = 2 };

struct rule {
	uint8_t kind, flags;
	uint16_t status;         /* 100..999 with RULE_STATUS, else 0 */
	uint32_t response_ms, idle_ms; /* 0: as the host says */
	uint32_t keepalive_ms;   /* of an idle stream */
	struct span name;        /* of its section, for logs */
	struct span hostname;    /* lower case; empty: any; "*.": everything below, however deep */
	struct span path;        /* pattern; empty: any */
	struct span host_header; /* empty: as asked for */
	struct span strip_prefix, add_prefix; /* empty, or "/..." without a slash at the end */
	struct span set, remove; /* rule_headers_next() */
};

struct rules {
	uint32_t epoch;
	uint16_t n;
	const struct rule *rule;
};

/* Everything checked but what decide/ingress checks: form, known values, bounds, characters: no control byte
 * anywhere, fields as HTTP writes them, prefixes. Copies into mem. 0, -ZT_E_SYNTAX, -ZT_E_TOOLONG,
 * -ZT_E_VERSION, -ZT_E_NOMEM; then *out is empty. */
int rules_read(struct rules *out, struct span bytes, struct arena *mem, struct why *w);
void rules_write(struct wr *w, const struct rules *r);

/* rest begins as rule.set or rule.remove (there value stays empty); false at the end. */
bool rule_headers_next(struct span *rest, struct span *name, struct span *value);
/* Appends one; value SPAN_NONE for remove. */
void rule_headers_add(struct wr *w, struct span name, struct span value);
/* The sentence about a rule's own values, and the key that says them, or NULL: what rules_read() and a
 * configuration refuse alike. */
const char *rule_wrong(const struct rule *r, const char **key);

#endif
