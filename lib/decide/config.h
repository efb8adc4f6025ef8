/*
 * config: the product's configuration as typed structs, const once loaded. From one text
 * (conf_parse_*, pure) or from files and environment (conf_load, lib/io/confload.h).
 * Grammar, sources and refusals: docs/formats.md, "Configuration".
 *
 * Strings are never NULL ("" = not set) and live as long as the struct conf.
 */
#ifndef ZT_CONFIG_H
#define ZT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/span.h"
#include "certrole.h"
#include "conf_fault.h"
#include "conf_schema.h"
#include "wire/addr.h"

#define CONF_DEFAULT_PATH "/etc/zt/zt.conf"

struct conf_log {
	enum log_level level;
	enum log_format format;
	const char *file; /* "" = stderr */
	uint64_t max_size; /* bytes */
	uint64_t keep;
};

struct conf_state {
	const char *dir, *run_dir; /* "" = the supervisor chooses by who it is */
	uint64_t uid, gid;         /* of the children when started as root */
};

struct conf_limits {
	bool require_sandbox, insecure_no_sandbox; /* never both */
	uint64_t drain_ms;
	uint64_t nofile; /* 0 = the hard limit */
};

struct conf_echo {
	struct conf_list listen; /* conf_addr(); 1..BOUND_LISTENERS, no two that collide */
	uint64_t max_conns;
	uint64_t idle_ms;
};

struct conf_tls {
	uint64_t handshakes;  /* at a time, in one worker */
	uint64_t handshake_ms;
	uint64_t per_address, burst; /* begun, a second and at once */
	bool watch;           /* files that change mean a reload */
};

enum conf_leg { CONF_LEG_PLAIN, CONF_LEG_TLS };

struct conf_relay {
	struct conf_list listen;   /* conf_addr(); empty: the role is not configured */
	struct conf_hostport to;   /* set when listen is not empty */
	enum conf_leg accept, connect;
	const char *connect_name;  /* "" = the host of `to` */
	const char *connect_ca;    /* a path, or "system" */
	enum cert_role connect_role; /* ROLE_NONE: any, and none */
	struct conf_list connect_pin; /* strings; tls_pin_read() takes each */
	const char *connect_cert, *connect_key, *connect_key_pass_file; /* "" = none */
	const char *connect_alpn;  /* "" = none */
	bool insecure_connect_any_cert;
	uint64_t max_conns, idle_ms, connect_ms;
};

/* Is a client asked for a certificate? */
enum tls_ask { TLS_ASK_NO, TLS_ASK_OPTIONAL, TLS_ASK_REQUIRED };

struct conf_host {
	struct conf_named named;
	struct conf_list names;    /* strings: a DNS name, or "*." and one */
	bool no_name;              /* `default`: serves peers that send no name */
	const char *cert, *key, *key_pass_file;
	enum tls_ask client_cert;
	const char *client_ca;     /* set unless TLS_ASK_NO */
	struct conf_list client_role; /* conf_role(); empty: any, and none */
	struct conf_list alpn;     /* strings, best first */
	bool resume;               /* as written; tls_plan_of() knows where it may not be */
};

struct conf_ca {
	struct conf_list listen;   /* conf_addr(); empty: the role is not configured */
	struct conf_list http;     /* the same, without TLS */
	const char *key_pass_file; /* "" = none */
	struct conf_list reach;    /* strings: host:port, as joiners dial it */
	uint64_t crl_ms, list_ms, max_conns;
};

struct conf {
	struct conf_log log;
	struct conf_state state;
	struct conf_limits limits;
	struct conf_echo echo;
	struct conf_tls tls;
	struct conf_relay relay;
	struct conf_ca ca;
	struct conf_named_list hosts; /* of struct conf_host; at most BOUND_HOSTS */

	unsigned who;                 /* of enum conf_who: whose copy this is */
	unsigned files;               /* that were read */
	uint8_t digest[SHA256_LEN];   /* of the canonical text: equal means equal. With secrets: never show it */
	uint8_t shown[SHA256_LEN];    /* of the text with secrets masked: for people and logs */
	struct arena mem;             /* owns this struct, every string and every list */
};

/* The i-th of a list of addresses, of strings, of roles; i < l->n. */
const struct addr *conf_addr(const struct conf_list *l, size_t i);
const char *conf_text(const struct conf_list *l, size_t i);
enum cert_role conf_role(const struct conf_list *l, size_t i);
/* for (h = conf_first_host(c); h; h = conf_next_host(h)) */
const struct conf_host *conf_first_host(const struct conf *c);
const struct conf_host *conf_next_host(const struct conf_host *h);

/* One text by the rules of a file; no conf.d, no environment. name: what faults cite. 0 and
 * *out (free with conf_free), -ZT_E_CONFIG with the reasons in faults, or -ZT_E_NOMEM. */
int conf_parse_text(struct conf **out, struct span text, const char *name, struct conf_faults *faults);
/* The same in a child: keys that are not for `who` are refused and stay zero. */
int conf_parse_for(struct conf **out, struct span text, const char *name, unsigned who,
		   struct conf_faults *faults);
/* Canonical text of the keys that `who` needs, secrets included; conf_parse_for() with the same
 * who reads it back to the same values. 0, or -ZT_E_FULL when w is too small (at most
 * BOUND_CONF_FILE bytes are needed). */
int conf_emit(const struct conf *c, unsigned who, struct wr *w);
/* All of it with "***" for secrets. */
int conf_emit_shown(const struct conf *c, struct wr *w);
/* The first 16 hex digits of `shown`. Answers out. */
#define CONF_FINGERPRINT 17
const char *conf_fingerprint(const struct conf *c, char out[static CONF_FINGERPRINT]);
void conf_free(struct conf *c); /* wipes secrets; NULL is allowed */

/* For confload: the two halves between which sources are added. */
int conf_begin(struct conf **c, struct conf_build **b, unsigned who, struct conf_faults *faults);
/* rc: what adding sources answered. Consumes b, and c unless it answers 0 with *out = c. */
int conf_finish(struct conf **out, struct conf *c, struct conf_build *b, int rc);

#endif
