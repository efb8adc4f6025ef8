/* conf_keys: the tables; what looks at more than one key is in conf_checks.c. */
#include "conf_keys.h"

#include "base/bounds.h"
#include "base/num.h"
#include "conf_checks.h"
#include "config.h"
#include "pathpat.h"

#define EVERYBODY CONF_FOR_ALL
#define SUPERVISOR CONF_FOR_SUPERVISOR
#define WORKER (CONF_FOR_SUPERVISOR | CONF_FOR_WORKER)
#define LOGD (CONF_FOR_SUPERVISOR | CONF_FOR_LOGD)
/* Files of keys and certificates are tlsd's business alone; both it and the worker know the plan, and
 * whom to trust: roles are the worker's to check. */
#define TLSD (CONF_FOR_SUPERVISOR | CONF_FOR_TLSD)
#define PLAN (CONF_FOR_SUPERVISOR | CONF_FOR_WORKER | CONF_FOR_TLSD)

#define TLSDS (CONF_FOR_TLSD | CONF_FOR_ID_TLSD | CONF_FOR_CA_TLSD)

/* The same of what an identity is used for. */
#define IDPLAN (WORKER | CONF_FOR_ID_TLSD)
#define SHAKES (WORKER | CONF_FOR_CA_FRONT)
#define FRONT (CONF_FOR_SUPERVISOR | CONF_FOR_CA_FRONT)
#define SIGN (CONF_FOR_SUPERVISOR | CONF_FOR_CA_SIGN)

#define MS_PER_S UINT64_C(1000)
#define MS_PER_H (3600 * MS_PER_S)
#define KIB UINT64_C(1024)
#define GIB (KIB * KIB * KIB)
/* The highest id a process can have: 2^32 - 1 means "no change" to the kernel. */
#define ID_MAX (UINT32_MAX - UINT64_C(1))

_Static_assert(sizeof(enum log_level) == 4 && sizeof(enum log_format) == 4 && sizeof(enum conf_leg) == 4 &&
		       sizeof(enum tls_ask) == 4 && sizeof(enum cert_role) == 4 &&
		       sizeof(enum conf_access) == 4 && sizeof(enum conf_proxy) == 4 && sizeof(enum conf_preset) == 4 && sizeof(enum conf_open) == 4, "CONF_ENUM stores 4 bytes");

static const struct conf_name levels[] = {
	{"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {NULL, 0}};
static const struct conf_name formats[] = {{"text", LOG_TEXT}, {"json", LOG_JSON}, {NULL, 0}};

static const struct conf_key log_keys[] = {
	{"level", CONF_ENUM, offsetof(struct conf_log, level), CONF_REQUIRED, "info", 0, 0, levels, EVERYBODY,
	 "What is written: this level and everything graver."},
	{"format", CONF_ENUM, offsetof(struct conf_log, format), CONF_REQUIRED, "text", 0, 0, formats, EVERYBODY,
	 "One line per event, as key=value text or as a JSON object."},
	{"file", CONF_PATH, offsetof(struct conf_log, file), 0, "", 0, 0, NULL, LOGD,
	 "Where lines go; empty: to stderr, for journald or the container."},
	{"max_size", CONF_SIZE, offsetof(struct conf_log, max_size), 0, "10M", 64 * KIB, 1024 * GIB, NULL, LOGD,
	 "The file is rotated before it grows past this."},
	{"keep", CONF_U64, offsetof(struct conf_log, keep), 0, "5", 0, 100, NULL, LOGD,
	 "Rotated files that are kept; 0: the old lines are dropped."},
};

static const struct conf_key state_keys[] = {
	{"dir", CONF_PATH, offsetof(struct conf_state, dir), 0, "", 0, 0, NULL, SUPERVISOR,
	 "Directory of the journals; empty: /var/lib/zt as root, else $XDG_STATE_HOME/zt."},
	{"run_dir", CONF_PATH, offsetof(struct conf_state, run_dir), 0, "", 0, 0, NULL, SUPERVISOR,
	 "Directory of the control sockets; empty: /run/zt as root, else $XDG_RUNTIME_DIR/zt."},
	{"uid", CONF_U64, offsetof(struct conf_state, uid), 0, "65532", 0, ID_MAX, NULL, EVERYBODY,
	 "User id of the children when zt is started as root."},
	{"gid", CONF_U64, offsetof(struct conf_state, gid), 0, "65532", 0, ID_MAX, NULL, EVERYBODY,
	 "Group id of the children when zt is started as root."},
};

static const struct conf_key limits_keys[] = {
	{"require_sandbox", CONF_BOOL, offsetof(struct conf_limits, require_sandbox), 0, "false", 0, 0, NULL, EVERYBODY,
	 "Refuse to start where the kernel lacks a sandbox layer, instead of reporting it."},
	{"insecure_no_sandbox", CONF_BOOL, offsetof(struct conf_limits, insecure_no_sandbox), 0, "false", 0, 0, NULL,
	 EVERYBODY, "Run the children without a sandbox: for finding faults, never for service."},
	{"drain", CONF_DURATION, offsetof(struct conf_limits, drain_ms), 0, "30s", 0, MS_PER_H, NULL, WORKER,
	 "How long live connections may finish before they are cut: after SIGTERM, and when a reload has removed what they use."},
	{"linger", CONF_DURATION, offsetof(struct conf_limits, linger_ms), 0, "1h", 0, 168 * MS_PER_H, NULL, WORKER,
	 "How long what was begun before an upgrade may go on; then it has drain, and is cut."},
	{"nofile", CONF_U64, offsetof(struct conf_limits, nofile), 0, "0", 0, UINT64_C(1) << 30, NULL, WORKER,
	 "Open descriptors per process; 0: as many as the hard limit allows."},
	{"memory", CONF_SIZE, offsetof(struct conf_limits, memory), 0, "0", 0, 1024 * GIB, NULL, WORKER | TLSDS,
	 "What a worker's peers may make it hold; 0: half of the cgroup's limit, else as the sections say."},
};

static const struct conf_key echo_keys[] = {
	{"listen", CONF_ADDR, offsetof(struct conf_echo, listen), CONF_LIST | CONF_REQUIRED, "127.0.0.1:7007", 0, 0, NULL,
	 WORKER, "Where the echo role listens; port 0: the kernel chooses one."},
	{"max_conns", CONF_U64, offsetof(struct conf_echo, max_conns), 0, "1024", 1, 100000, NULL, WORKER,
	 "Connections at a time; one more is closed at once."},
	{"idle", CONF_DURATION, offsetof(struct conf_echo, idle_ms), 0, "5m", MS_PER_S, 24 * MS_PER_H, NULL, WORKER,
	 "A connection on which nothing moves for this long is closed."},
};

static const struct conf_key tls_keys[] = {
	{"handshakes", CONF_U64, offsetof(struct conf_tls, handshakes), 0, "512", 1, BOUND_CAP(BOUND_TLS_SHAKES), NULL,
	 SHAKES, "TLS handshakes at a time; one more connection is closed at once."},
	{"handshake_timeout", CONF_DURATION, offsetof(struct conf_tls, handshake_ms), 0, "10s", MS_PER_S, 300 * MS_PER_S,
	 NULL, SHAKES, "A handshake that is not over after this is given up."},
	{"per_address", CONF_U64, offsetof(struct conf_tls, per_address), 0, "20", 1, 1000000, NULL, SHAKES,
	 "Handshakes a second from one address (IPv4) or one /64 (IPv6), in the long run."},
	{"burst", CONF_U64, offsetof(struct conf_tls, burst), 0, "60", 1, 1000000, NULL, SHAKES,
	 "Handshakes from one address that may come at once."},
	{"watch", CONF_BOOL, offsetof(struct conf_tls, watch), 0, "true", 0, 0, NULL, SUPERVISOR,
	 "Reload when a file of a certificate, key or authority has changed."},
};

/* The authority's own role is not among them: nothing that is relayed is an authority. */
#define ROLE_NAMES                                                                                \
	{"edge", ROLE_EDGE}, {"connector", ROLE_CONNECTOR}, {"client", ROLE_CLIENT}, {"service", ROLE_SERVICE}, \
		{"device", ROLE_DEVICE}, {NULL, 0}
static const struct conf_name client_roles[] = {ROLE_NAMES};
static const struct conf_name connect_roles[] = {{"any", ROLE_NONE}, ROLE_NAMES};

static const struct conf_name legs[] = {{"plain", CONF_LEG_PLAIN}, {"tls", CONF_LEG_TLS}, {NULL, 0}};

#define AT(field) offsetof(struct conf_relay, field)
static const struct conf_key relay_keys[] = {
	{"listen", CONF_ADDR, AT(listen), CONF_LIST, "", 0, 0, NULL, WORKER,
	 "Where the relay role listens; empty: the role is not configured."},
	{"to", CONF_HOSTPORT, AT(to), 0, "", 0, 0, NULL, PLAN,
	 "The far side, a name or an address; needed where listen is set."},
	{"accept", CONF_ENUM, AT(accept), 0, "plain", 0, 0, legs, WORKER,
	 "What is spoken on the near side; tls needs a [host NAME]."},
	{"connect", CONF_ENUM, AT(connect), 0, "plain", 0, 0, legs, PLAN, "What is spoken to the far side."},
	{"connect_name", CONF_STRING, AT(connect_name), 0, "", 0, 253, NULL, PLAN,
	 "The name that the far side's certificate must be for; empty: the host of `to`."},
	{"connect_ca", CONF_STRING, AT(connect_ca), 0, "system", 1, 4095, NULL, PLAN,
	 "Whom to trust: system, or a file of certificates in PEM."},
	{"connect_role", CONF_ENUM, AT(connect_role), 0, "any", 0, 0, connect_roles, PLAN,
	 "The role that the far side's certificate must have been given by one of connect_ca."},
	{"connect_pin", CONF_STRING, AT(connect_pin), CONF_LIST, "", 1, 71, NULL, PLAN,
	 "sha256: and 64 hex digits, the digest of the far side's public key; then that counts, and no authority."},
	{"connect_cert", CONF_PATH, AT(connect_cert), 0, "", 0, 4095, NULL, TLSD,
	 "Our own certificate for a far side that asks for one: PEM, with its chain."},
	{"connect_key", CONF_PATH, AT(connect_key), 0, "", 0, 4095, NULL, TLSD, "Its private key."},
	{"connect_key_pass_file", CONF_PATH, AT(connect_key_pass_file), 0, "", 0, 4095, NULL, TLSD,
	 "A file with the key's passphrase; empty: the key has none."},
	{"connect_alpn", CONF_STRING, AT(connect_alpn), 0, "", 0, 31, NULL, PLAN,
	 "An application protocol (ALPN) to ask for; empty: none."},
	{"insecure_connect_any_cert", CONF_BOOL, AT(insecure_connect_any_cert), 0, "false", 0, 0, NULL, PLAN,
	 "Take any certificate of the far side: encrypted, but to whoever answers."},
	{"max_conns", CONF_U64, AT(max_conns), 0, "10000", 1, 100000, NULL, WORKER,
	 "Connections at a time; one more is closed at once."},
	{"idle", CONF_DURATION, AT(idle_ms), 0, "1h", MS_PER_S, 30 * 24 * MS_PER_H, NULL, WORKER,
	 "A connection on which nothing moves for this long is closed."},
	{"connect_timeout", CONF_DURATION, AT(connect_ms), 0, "10s", 100, 300 * MS_PER_S, NULL, WORKER,
	 "How long the far side may take to accept a connection."},
};
#undef AT

static const struct conf_name accesses[] = {
	{"none", ACCESS_NONE}, {"public", ACCESS_PUBLIC}, {"cert", ACCESS_CERT}, {NULL, 0}};
static const struct conf_name proxies[] = {
	{"no", CONF_PROXY_NO}, {"v1", CONF_PROXY_V1}, {"v2", CONF_PROXY_V2}, {NULL, 0}};
static const struct conf_name presets[] = {
	{"none", PRESET_NONE}, {"proxmox", PRESET_PROXMOX}, {"home-assistant", PRESET_HOME_ASSISTANT}, {NULL, 0}};

static const struct conf_name asks[] = {
	{"no", TLS_ASK_NO}, {"optional", TLS_ASK_OPTIONAL}, {"required", TLS_ASK_REQUIRED}, {NULL, 0}};

#define AT(field) offsetof(struct conf_host, field)
static const struct conf_key host_keys[] = {
	{"names", CONF_STRING, AT(names), CONF_LIST, "", 1, 255, NULL, PLAN,
	 "Names that are served with this certificate; *.example.org stands for one label more."},
	{"default", CONF_BOOL, AT(no_name), 0, "false", 0, 0, NULL, PLAN,
	 "Serve peers that send no name (SNI) with it too."},
	{"cert", CONF_PATH, AT(cert), CONF_REQUIRED, "", 0, 4095, NULL, TLSD, "The certificate and its chain, PEM."},
	{"key", CONF_PATH, AT(key), CONF_REQUIRED, "", 0, 4095, NULL, TLSD,
	 "Its private key, PEM or DER; for its owner's eyes only (chmod 600)."},
	{"key_pass_file", CONF_PATH, AT(key_pass_file), 0, "", 0, 4095, NULL, TLSD,
	 "A file with the key's passphrase; empty: the key has none."},
	{"client_cert", CONF_ENUM, AT(client_cert), 0, "no", 0, 0, asks, PLAN,
	 "Is a certificate of the client asked for, and must it have one?"},
	{"client_ca", CONF_PATH, AT(client_ca), 0, "", 0, 4095, NULL, PLAN,
	 "Authorities whose clients are let in, PEM; needed unless client_cert = no."},
	{"client_role", CONF_ENUM, AT(client_role), CONF_LIST, "", 0, 0, client_roles, PLAN,
	 "Roles that a client's certificate may have been given by one of client_ca; empty: any, and none."},
	{"alpn", CONF_STRING, AT(alpn), CONF_LIST, "", 1, 31, NULL, PLAN,
	 "Application protocols (ALPN), best first; empty: none is agreed on."},
	{"resume", CONF_BOOL, AT(resume), 0, "true", 0, 0, NULL, PLAN,
	 "Let clients resume sessions; never where a certificate is asked for or a protocol begins with zt-."},
	{"access", CONF_ENUM, AT(access), 0, "none", 0, 0, accesses, WORKER,
	 "Whom the edge lets in: none (403), public (everybody), cert (a client certificate of client_ca)."},
	{"origin", CONF_STRING, AT(origin), 0, "", 0, 300, NULL, PLAN,
	 "A local origin, http:// or https://, a host and a port; empty: connectors serve the names."},
	{"origin_ca", CONF_STRING, AT(origin_ca), 0, "system", 1, 4095, NULL, PLAN,
	 "Whom to trust about an https origin: system, or a file of certificates in PEM."},
	{"origin_pin", CONF_STRING, AT(origin_pin), CONF_LIST, "", 1, 71, NULL, PLAN,
	 "sha256: and 64 hex digits of the local origin's public key; then that counts, and no authority."},
	{"proxy_protocol", CONF_ENUM, AT(proxy), 0, "no", 0, 0, proxies, WORKER,
	 "Is a PROXY header sent to the local origin: no, v1, v2?"},
	{"max_body", CONF_SIZE, AT(max_body), 0, "0", 0, 0, NULL, WORKER, "Bytes of a request's body; 0: any number."},
	{"response_timeout", CONF_DURATION, AT(response_ms), 0, "5m", MS_PER_S, 24 * MS_PER_H, NULL, WORKER,
	 "How long an origin may take until its answer begins; then 504."},
	{"idle", CONF_DURATION, AT(idle_ms), 0, "10m", MS_PER_S, 30 * 24 * MS_PER_H, NULL, WORKER,
	 "A request or WebSocket on which nothing moves for this long is ended."},
};
#undef AT

#define AT(field) offsetof(struct conf_ca, field)
static const struct conf_key ca_keys[] = {
	{"listen", CONF_ADDR, AT(listen), CONF_LIST, "", 0, 0, NULL, FRONT | CONF_FOR_CA_TLSD,
	 "Where joins, renewals and the status list are served, over TLS; empty: the role is not configured."},
	{"http_listen", CONF_ADDR, AT(http), CONF_LIST, "", 0, 0, NULL, FRONT,
	 "Where anchors, revocation lists and health are served over plain HTTP."},
	{"key_pass_file", CONF_PATH, AT(key_pass_file), 0, "", 0, 4095, NULL, SIGN,
	 "A file with the passphrase of the authority's keys; empty: they have none."},
	{"reach", CONF_STRING, AT(reach), CONF_LIST, "", 1, 262, NULL, SIGN,
	 "HOST:PORT under which joiners reach it, for tokens; its own certificate is for these names."},
	{"crl_lifetime", CONF_DURATION, AT(crl_ms), 0, "7d", MS_PER_H, 366 * 24 * MS_PER_H, NULL, SIGN,
	 "How long a revocation list is good; it is made anew after half of that and at each revocation."},
	{"list_every", CONF_DURATION, AT(list_ms), 0, "15s", MS_PER_S, 15 * MS_PER_S, NULL, FRONT | CONF_FOR_CA_SIGN,
	 "How often the status list is signed anew when nothing changes."},
	{"max_conns", CONF_U64, AT(max_conns), 0, "1024", 1, 100000, NULL, FRONT,
	 "Connections at a time; one more is closed at once."},
};
#undef AT

#define AT(field) offsetof(struct conf_edge, field)
static const struct conf_key edge_keys[] = {
	{"listen", CONF_ADDR, AT(listen), CONF_LIST, "", 0, 0, NULL, IDPLAN,
	 "The public port, for visitors and connectors, over TLS; empty: the role is not configured."},
	{"http_listen", CONF_ADDR, AT(http), CONF_LIST, "", 0, 0, NULL, WORKER,
	 "Where plain HTTP is answered, with a redirect to https and nothing else."},
	{"proxy_from", CONF_STRING, AT(proxy_from), CONF_LIST, "", 1, 49, NULL, WORKER,
	 "Networks of proxies; who comes from there must send a PROXY header, nobody else may."},
	{"health", CONF_ADDR, AT(health), CONF_LIST, "", 0, 0, NULL, WORKER,
	 "Where /healthcheck, /ready and /metrics are answered, over plain HTTP; empty: nowhere."},
	{"workers", CONF_U64, AT(workers), 0, "1", 1, CONF_WORKERS, NULL, WORKER,
	 "Processes that share the visitors, one for each processor that they should fill; a restart changes it."},
	{"max_conns", CONF_U64, AT(max_conns), 0, "20000", 1, 100000, NULL, WORKER,
	 "Connections of visitors at a time, of all workers together; one more is closed at once."},
	{"head_timeout", CONF_DURATION, AT(head_ms), 0, "10s", MS_PER_S, 300 * MS_PER_S, NULL, WORKER,
	 "How long a request's head may take from its first byte to its last."},
	{"idle", CONF_DURATION, AT(idle_ms), 0, "75s", MS_PER_S, MS_PER_H, NULL, WORKER,
	 "A connection without a request is closed after this."},
	{"max_stale", CONF_DURATION, AT(max_stale_ms), 0, "5m", 30 * MS_PER_S, 30 * 24 * MS_PER_H, NULL, WORKER,
	 "With a status list older than this nothing new that needs a certificate is let in."},
	{"cut_stale", CONF_DURATION, AT(cut_stale_ms), 0, "1h", 30 * MS_PER_S, 30 * 24 * MS_PER_H, NULL, WORKER,
	 "With one older than this, what was let in by a certificate is cut."},
	{"enrol", CONF_STRING, AT(enrol), 0, "", 0, 253, NULL, WORKER,
	 "Hostname of the connector's rule that leads to the authority: who joins or renews is passed on to it, unopened."},
};
#undef AT

#define AT(field) offsetof(struct conf_connector, field)
static const struct conf_key connector_keys[] = {
	{"edge", CONF_HOSTPORT, AT(edge), CONF_LIST, "", 0, 0, NULL, IDPLAN,
	 "Edges to dial, each of them; empty: the role is not configured."},
	{"health", CONF_ADDR, AT(health), CONF_LIST, "127.0.0.1:9999", 0, 0, NULL, WORKER,
	 "Where /healthcheck, /ready and /metrics are answered, over plain HTTP; empty: nowhere."},
	{"connect_timeout", CONF_DURATION, AT(connect_ms), 0, "30s", 100, 300 * MS_PER_S, NULL, WORKER,
	 "How long an origin may take to accept a connection, unless its rule says otherwise."},
	{"tls_timeout", CONF_DURATION, AT(tls_ms), 0, "10s", 100, 300 * MS_PER_S, NULL, WORKER,
	 "The same for its TLS handshake."},
	{"keepalive", CONF_DURATION, AT(keepalive_ms), 0, "15s", MS_PER_S, MS_PER_H, NULL, WORKER,
	 "How long a connection to an origin is kept for the next request."},
};
#undef AT

#define AT(field) offsetof(struct conf_tunnel, field)
static const struct conf_key tunnel_keys[] = {
	{"streams", CONF_U64, AT(streams), 0, "16384", 1, 16384, NULL, WORKER, "Streams in one connection at a time."},
	{"opens", CONF_U64, AT(opens), 0, "1000", 1, 100000, NULL, WORKER,
	 "Streams that may be opened in one connection in a second, in the long run."},
	{"window", CONF_SIZE, AT(window), 0, "16M", 64 * KIB, 64 * KIB * KIB, NULL, WORKER,
	 "Bytes of one stream that may be on their way, at most; it begins with 64K."},
	{"memory", CONF_SIZE, AT(memory), 0, "128M", KIB * KIB, 64 * GIB, NULL, WORKER,
	 "What all streams of a process may hold; over it windows stop growing, then the largest stalled one ends."},
	{"ping_after", CONF_DURATION, AT(ping_ms), 0, "3s", 500, 300 * MS_PER_S, NULL, WORKER,
	 "After so long without a sign of life the other side is asked for one."},
	{"dead_after", CONF_DURATION, AT(dead_ms), 0, "9s", MS_PER_S, MS_PER_H, NULL, WORKER,
	 "After so long it is given up; longer than ping_after."},
	{"rotate", CONF_DURATION, AT(rotate_ms), 0, "24h", 60 * MS_PER_S, 7 * 24 * MS_PER_H, NULL, WORKER,
	 "A connection is replaced by a new one after this, without an interruption."},
};
#undef AT

#define RULE_TIME(name, field, doc) \
	{name, CONF_DURATION, AT(field), 0, "0s", 0, 30 * 24 * MS_PER_H, NULL, WORKER, doc}
#define AT(field) offsetof(struct conf_ingress, field)
static const struct conf_key ingress_keys[] = {
	{"hostname", CONF_STRING, AT(hostname), 0, "", 0, 255, NULL, WORKER,
	 "A DNS name, or *.example.org for all below it, however deep; empty or *: every name."},
	{"path", CONF_STRING, AT(path), 0, "", 0, PATHPAT_TEXT, NULL, WORKER,
	 "A regular expression that is looked for anywhere in the path: begin it with ^; empty: every path."},
	{"service", CONF_STRING, AT(service), CONF_LIST | CONF_REQUIRED, "", 1, 300, NULL, IDPLAN,
	 "http https ws wss tcp ssh rdp smb ://HOST:PORT, unix:/PATH, unix+tls:/PATH, http_status:N or hello_world."},
	{"weights", CONF_U64, AT(weights), CONF_LIST, "", 0, 1000, NULL, WORKER,
	 "Of several services, how much of it each is given; 0: only when the others are down; empty: all alike."},
	{"health_path", CONF_STRING, AT(health_path), 0, "", 0, 255, NULL, WORKER,
	 "A path that a healthy origin answers with 2xx or 3xx; empty: it accepts connections."},
	{"health_every", CONF_DURATION, AT(health_ms), 0, "0s", 0, MS_PER_H, NULL, WORKER,
	 "How often origins are looked at; 0s: never, or every 30s where there are several."},
	{"preset", CONF_ENUM, AT(preset), 0, "none", 0, 0, presets, IDPLAN,
	 "Defaults for an origin whose ways are known: none, proxmox, home-assistant."},
	RULE_TIME("connect_timeout", connect_ms, "How long an origin may take to accept a connection; 0s: as [connector] says."),
	RULE_TIME("tls_timeout", tls_ms, "The same for its TLS handshake."),
	RULE_TIME("keepalive", keepalive_ms, "How long a connection to it is kept for the next request; 0s: as [connector] says."),
	RULE_TIME("response_timeout", response_ms, "How long until its answer begins; 0s: as the edge's host says."),
	RULE_TIME("idle", idle_ms, "Nothing moves for so long: it is ended; 0s: as the preset or the edge's host says."),
	{"host_header", CONF_STRING, AT(host_header), 0, "", 0, 260, NULL, WORKER,
	 "The Host that the origin is told; empty: the one that was asked for."},
	{"server_name", CONF_STRING, AT(server_name), 0, "", 0, 253, NULL, IDPLAN,
	 "The name that its certificate must be for, and SNI; empty: the host of the service."},
	{"ca", CONF_STRING, AT(ca), 0, "system", 1, 4095, NULL, IDPLAN,
	 "Whom to trust about it: system, or a file of certificates in PEM."},
	{"pin", CONF_STRING, AT(pin), CONF_LIST, "", 1, 71, NULL, IDPLAN,
	 "sha256: and 64 hex digits, the digest of its public key; then that counts, and no authority."},
	{"insecure_any_cert", CONF_BOOL, AT(insecure_any_cert), 0, "false", 0, 0, NULL, IDPLAN,
	 "Take any certificate of the origin: encrypted, but to whoever answers."},
	{"strip_prefix", CONF_STRING, AT(strip_prefix), 0, "", 0, 255, NULL, WORKER,
	 "Taken off the beginning of the path, where it is there, as whole segments."},
	{"add_prefix", CONF_STRING, AT(add_prefix), 0, "", 0, 255, NULL, WORKER, "Then put before the path."},
	{"set_header", CONF_STRING, AT(set_header), CONF_LIST, "", 1, 190, NULL, WORKER,
	 "Fields that the origin is sent, each as Name: value; what came with the name is dropped."},
	{"remove_header", CONF_STRING, AT(remove_header), CONF_LIST, "", 1, 64, NULL, WORKER,
	 "Names of fields that the origin is not sent."},
	{"forwarded", CONF_BOOL, AT(forwarded), 0, "true", 0, 0, NULL, WORKER,
	 "Send X-Forwarded-For, -Proto, -Host and X-Real-IP; never with preset = home-assistant."},
	{"proxy_protocol", CONF_ENUM, AT(proxy), 0, "no", 0, 0, proxies, WORKER,
	 "Is a PROXY header sent to the origin: no, v1, v2?"},
};
#undef AT

static const struct conf_name opens[] = {{"no", OPEN_NO}, {"unauthenticated", OPEN_UNAUTHENTICATED}, {NULL, 0}};

#define AT(field) offsetof(struct conf_service, field)
static const struct conf_key service_keys[] = {
	{"listen", CONF_ADDR, AT(listen), CONF_LIST, "", 0, 0, NULL, WORKER,
	 "Ports of its own, whose bytes are passed on unread."},
	{"sni", CONF_STRING, AT(sni), CONF_LIST, "", 1, 255, NULL, WORKER,
	 "Names on the edge's port whose TLS is passed on unopened; *.example.org stands for one label more."},
	{"hostname", CONF_STRING, AT(hostname), 0, "", 0, 253, NULL, WORKER,
	 "The name that connectors' rules are asked for; empty: the one in the hello."},
	{"origin", CONF_HOSTPORT, AT(origin), 0, "", 0, 0, NULL, WORKER,
	 "A local origin instead of a connector's."},
	{"public", CONF_ENUM, AT(open), 0, "no", 0, 0, opens, WORKER,
	 "unauthenticated: yes, whoever knows the port or name gets through to it."},
	{"proxy_protocol", CONF_ENUM, AT(proxy), 0, "no", 0, 0, proxies, WORKER,
	 "Is a PROXY header sent to the local origin: no, v1, v2?"},
	{"idle", CONF_DURATION, AT(idle_ms), 0, "1h", MS_PER_S, 30 * 24 * MS_PER_H, NULL, WORKER,
	 "A connection on which nothing moves for this long is closed."},
};
#undef AT

#define AT(field) offsetof(struct conf_grant, field)
static const struct conf_key grant_keys[] = {
	{"connector", CONF_STRING, AT(connector), CONF_LIST | CONF_REQUIRED, "", 1, 64, NULL, WORKER,
	 "Ids of connectors, as 'zt connector join' prints them; *: every connector of this authority."},
	{"names", CONF_STRING, AT(names), CONF_LIST | CONF_REQUIRED, "", 1, 255, NULL, WORKER,
	 "Names that they may serve; *.example.org stands for one label more."},
	{"prefer", CONF_STRING, AT(prefer), CONF_LIST, "", 1, 64, NULL, WORKER,
	 "Ids of connectors that serve while they can: the others only take over."},
	{"weight", CONF_STRING, AT(weight), CONF_LIST, "", 1, 70, NULL, WORKER,
	 "ID:N for each that takes another share than 1, 0 to 1000; 0: only without the others."},
};
#undef AT

static const struct conf_section sections[] = {
	{"log", false, offsetof(struct conf, log), sizeof(struct conf_log), log_keys, ARRAY_LEN(log_keys),
	 "What zt says about itself, and where."},
	{"state", false, offsetof(struct conf, state), sizeof(struct conf_state), state_keys, ARRAY_LEN(state_keys),
	 "Directories, and who the children are."},
	{"limits", false, offsetof(struct conf, limits), sizeof(struct conf_limits), limits_keys, ARRAY_LEN(limits_keys),
	 "Limits of every role."},
	{"echo", false, offsetof(struct conf, echo), sizeof(struct conf_echo), echo_keys, ARRAY_LEN(echo_keys),
	 "The echo role: sends back what it is sent; for trying out an installation."},
	{"tls", false, offsetof(struct conf, tls), sizeof(struct conf_tls), tls_keys, ARRAY_LEN(tls_keys),
	 "TLS handshakes of every role."},
	{"relay", false, offsetof(struct conf, relay), sizeof(struct conf_relay), relay_keys, ARRAY_LEN(relay_keys),
	 "The relay role: takes connections, plain or TLS, and passes their bytes on, plain or TLS."},
	{"ca", false, offsetof(struct conf, ca), sizeof(struct conf_ca), ca_keys, ARRAY_LEN(ca_keys),
	 "The ca role: a private certificate authority, joins and renewals."},
	{"edge", false, offsetof(struct conf, edge), sizeof(struct conf_edge), edge_keys, ARRAY_LEN(edge_keys),
	 "The edge role: the public port; hosts, grants and services say what it does there."},
	{"connector", false, offsetof(struct conf, connector), sizeof(struct conf_connector), connector_keys,
	 ARRAY_LEN(connector_keys), "The connector role: dials edges, and reaches what its rules say."},
	{"tunnel", false, offsetof(struct conf, tunnel), sizeof(struct conf_tunnel), tunnel_keys, ARRAY_LEN(tunnel_keys),
	 "Between edge and connector, on either side."},
	{"host", true, offsetof(struct conf, hosts), sizeof(struct conf_host), host_keys, ARRAY_LEN(host_keys),
	 "A certificate and the names it serves; any number of them, each with a name of its own."},
	{"ingress", true, offsetof(struct conf, ingress), sizeof(struct conf_ingress), ingress_keys,
	 ARRAY_LEN(ingress_keys), "A rule of the connector; the first that matches counts, and the last one matches all."},
	{"service", true, offsetof(struct conf, services), sizeof(struct conf_service), service_keys,
	 ARRAY_LEN(service_keys), "What the edge passes on without reading it: nobody is asked who they are."},
	{"grant", true, offsetof(struct conf, grants), sizeof(struct conf_grant), grant_keys, ARRAY_LEN(grant_keys),
	 "Which connectors may serve which names, at the edge."},
};

const struct conf_schema conf_keys = {sections, ARRAY_LEN(sections), conf_checks};
