/*
 * ingress: the ordered rules of a connector, as cloudflared means them: the first whose hostname and path match
 * serves the request, and the last one, and only it, matches everything. Pure.
 *
 * Both ends use it: the connector makes its rules from the configuration (ingress_of), the edge compiles the
 * table that was announced to it (ingress_compile); what either refuses, the other refuses too.
 */
#ifndef ZT_INGRESS_H
#define ZT_INGRESS_H

#include "config.h"
#include "pathpat.h"
#include "service.h"
#include "wire/rules.h"

/* All patterns of a table together; a path is run through those of its hostname only. */
#define INGRESS_OPS 4096

struct ingress; /* immutable; belongs to its arena */

/* rules must outlive it. 0, or -ZT_E_SYNTAX, -ZT_E_TOOLONG, -ZT_E_NOMEM with a sentence that names the rule,
 * counted from 1 as cloudflared does. A table without rules is sound, and nothing matches. */
int ingress_compile(struct ingress **out, const struct rules *rules, struct arena *mem, struct why *w);
/* The number of the first rule that matches, from 0; -ZT_E_NOTFOUND without rules. host: canonical, no port;
 * path: canonical. */
int ingress_match(const struct ingress *in, struct span host, struct span path);
const struct rules *ingress_rules(const struct ingress *in);
/* Is host one that pattern stands for? "" and "*": every one; "*.x": all below x, however deep, never x. Unlike
 * decide/namematch, where "*." is one label. */
bool ingress_host_matches(struct span pattern, struct span host);

/* ---- the connector's own --------------------------------------------------------------------- */

struct origin {
	struct service at;
	uint32_t weight;   /* 0: only when the others are down */
};

/* What the connector does for a rule; RULE_STATUS and RULE_HELLO have no origins. */
struct ingress_way {
	const struct conf_ingress *conf; /* proxy, server_name, ca, pin, insecure_any_cert, health_path */
	const struct origin *origin;
	size_t n;
	uint64_t connect_ms, tls_ms, health_ms; /* with the defaults of [connector] */
};

struct ingress_set {
	struct rules rules;
	const struct ingress_way *way;   /* rules.n of them */
	struct ingress *compiled;
};

/* Is told everything that is wrong: in which rule, from 0, or RULES_MOST for the table, and which key says so. */
struct ingress_tell {
	void (*fault)(void *ctx, size_t rule, const char *key, enum zt_err e, const char *text);
	void *ctx;
};
/* epoch > 0; c outlives it. 0, or the first error; then *out is empty. */
int ingress_of(struct ingress_set *out, const struct conf *c, uint32_t epoch, struct arena *mem,
	       const struct ingress_tell *t);
/* Memory enough for any configuration and any announced table. */
#define INGRESS_MEM (8u << 20)

#endif
