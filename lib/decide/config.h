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
	uint64_t linger_ms;
	uint64_t nofile; /* 0 = the hard limit */
	uint64_t memory; /* of a worker; 0 = half of what the cgroup allows, if it allows some amount only */
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

/* Who is let in by the edge. Nobody, until somebody says who. */
enum conf_access { ACCESS_NONE, ACCESS_PUBLIC, ACCESS_CERT };
/* Is a PROXY header sent ahead of an origin's bytes, and of which version? */
enum conf_proxy { CONF_PROXY_NO, CONF_PROXY_V1, CONF_PROXY_V2 };

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
	/* Of the edge alone: */
	enum conf_access access;
	const char *origin;        /* http(s)://host:port; "": connectors serve it. service_read() takes it */
	const char *origin_ca;     /* a path, or "system" */
	struct conf_list origin_pin; /* strings; tls_pin_read() */
	enum conf_proxy proxy;     /* to the local origin */
	uint64_t max_body;         /* 0: any */
	uint64_t response_ms, idle_ms;
};

#define CONF_WORKERS 16 /* processes of one kind, at most */

struct conf_edge {
	struct conf_list listen;   /* conf_addr(); empty: the role is not configured */
	struct conf_list http;     /* the same: redirects to https */
	struct conf_list proxy_from; /* strings; cidr_parse() takes each */
	struct conf_list health;   /* conf_addr() */
	uint64_t max_conns, head_ms, idle_ms, workers;
	uint64_t max_stale_ms, cut_stale_ms; /* of the status list; max <= cut */
	const char *enrol;         /* hostname of the rule that leads to the authority; "": zt-enrol/1 is not passed on */
};

struct conf_connector {
	struct conf_list edge;     /* conf_to(); empty: the role is not configured */
	struct conf_list health;   /* conf_addr() */
	uint64_t connect_ms, tls_ms, keepalive_ms; /* of every rule that says nothing else */
};

struct conf_tunnel {
	uint64_t streams, opens;   /* of one connection: at a time, and begun a second */
	uint64_t window, memory;   /* bytes: of one stream at most, of all of them */
	uint64_t ping_ms, dead_ms, rotate_ms;
};

/* Origins whose ways are known. */
enum conf_preset { PRESET_NONE, PRESET_PROXMOX, PRESET_HOME_ASSISTANT, PRESETS };

/* One rule of a connector, in the order written; decide/ingress says what it means. */
struct conf_ingress {
	struct conf_named named;
	const char *hostname, *path; /* "": any */
	struct conf_list service;  /* strings; service_read() takes each; 1.., several: origins of one service */
	struct conf_list weights;  /* conf_number(); none, or one for each service */
	const char *health_path;   /* "": whether it accepts a connection */
	uint64_t health_ms;        /* 0: nobody looks */
	enum conf_preset preset;
	uint64_t connect_ms, tls_ms, keepalive_ms; /* 0: as [connector] says */
	uint64_t response_ms, idle_ms;             /* 0: as the host or the preset says */
	const char *host_header, *server_name;     /* "": as it came; the origin's own name */
	const char *ca;            /* a path, or "system" */
	struct conf_list pin;      /* strings; tls_pin_read() */
	bool insecure_any_cert;
	const char *strip_prefix, *add_prefix;
	struct conf_list set_header, remove_header; /* strings: "Name: value"; names */
	bool forwarded;            /* X-Forwarded-* are sent */
	enum conf_proxy proxy;
};

/* What reaches a connector, or a local port, without being read by the edge. */
enum conf_open { OPEN_NO, OPEN_UNAUTHENTICATED };
struct conf_service {
	struct conf_named named;
	struct conf_list listen;   /* conf_addr() */
	struct conf_list sni;      /* strings: names, or "*." and one */
	const char *hostname;      /* looked up in the connectors' rules; "": the SNI itself */
	struct conf_hostport origin; /* local; host NULL: a connector's */
	enum conf_open open;       /* OPEN_UNAUTHENTICATED, once the checks have passed */
	enum conf_proxy proxy;     /* to a local origin */
	uint64_t idle_ms;
};

/* Names that connectors may serve. */
struct conf_grant {
	struct conf_named named;
	struct conf_list connector; /* strings: ids, as in zt://CA/connector/ID */
	struct conf_list names;    /* strings: a DNS name, or "*." and one */
	struct conf_list prefer;   /* strings: ids of connector */
	struct conf_list weight;   /* strings: an id of connector, ':' and a number */
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
	struct conf_edge edge;
	struct conf_connector connector;
	struct conf_tunnel tunnel;
	struct conf_named_list hosts; /* of struct conf_host; at most BOUND_HOSTS */
	struct conf_named_list ingress; /* of struct conf_ingress; at most BOUND_INGRESS */
	struct conf_named_list services; /* of struct conf_service; at most BOUND_SERVICES */
	struct conf_named_list grants; /* of struct conf_grant; at most BOUND_GRANTS */

	unsigned users;               /* conf_hold()ers beside the first owner */
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
uint64_t conf_number(const struct conf_list *l, size_t i);
const struct conf_hostport *conf_to(const struct conf_list *l, size_t i);
/* for (h = conf_first_host(c); h; h = conf_next_host(h)) */
const struct conf_host *conf_first_host(const struct conf *c);
const struct conf_host *conf_next_host(const struct conf_host *h);
/* The same for the others: */
const struct conf_ingress *conf_first_ingress(const struct conf *c);
const struct conf_ingress *conf_next_ingress(const struct conf_ingress *g);
const struct conf_service *conf_first_service(const struct conf *c);
const struct conf_service *conf_next_service(const struct conf_service *s);
const struct conf_grant *conf_first_grant(const struct conf *c);
const struct conf_grant *conf_next_grant(const struct conf_grant *g);

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
void conf_free(struct conf *c); /* wipes secrets, when nobody else holds it; NULL is allowed */
/* One owner more, who conf_free()s it too: what outlives a reload keeps its configuration. */
struct conf *conf_hold(const struct conf *c);

/* For confload: the two halves between which sources are added. */
int conf_begin(struct conf **c, struct conf_build **b, unsigned who, struct conf_faults *faults);
/* rc: what adding sources answered. Consumes b, and c unless it answers 0 with *out = c. */
int conf_finish(struct conf **out, struct conf *c, struct conf_build *b, int rc);

#endif
