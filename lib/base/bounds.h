/*
 * bounds: the one table of every queue, table, buffer and field that could grow (design rule:
 * everything has a bound, a stated answer when it is reached, and a counter). A test floods
 * the table row by row.
 *
 * A row: id, name (the metric's name too), default cap, what happens at the cap.
 * Per-process accounting lives in struct bounds; pools and buffers take from it.
 */
#ifndef ZT_BOUNDS_H
#define ZT_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZT_BOUNDS(X)                                                                               \
	X(BOUND_ECHO_CONNS, "echo_conns", 1024, "the new connection is closed at once")            \
	X(BOUND_ECHO_BUFS, "echo_buffers", 256, "reading waits until a buffer is free")          \
	X(BOUND_DUCT_BUFS, "duct_buffers", 512, "who needs one waits in line; who sits on one is ended") \
	X(BOUND_CTL_CLIENTS, "control_clients", 8, "the new control connection is closed at once") \
	X(BOUND_CHILDREN, "children", 32, "the child is not started and the start fails")          \
	X(BOUND_ELDERS, "elders", 4, "of the supervisors that drain since an upgrade the oldest is ended") \
	X(BOUND_LISTENERS, "listeners", 16, "the configuration is refused")                        \
	X(BOUND_LOG_LINE, "log_line_bytes", 4096, "the line is cut and marked")                    \
	X(BOUND_LOG_FIELD, "log_field_bytes", 1024, "the field is cut and marked")                 \
	X(BOUND_CONF_LINE, "config_line_bytes", 196, "the file is refused with file:line")         \
	X(BOUND_CONF_FILE, "config_file_bytes", 1048576, "the file is refused")                    \
	X(BOUND_CONF_FILES, "config_files", 256, "the configuration is refused")                   \
	X(BOUND_CONF_SECTIONS, "config_sections", 4096, "the file is refused with file:line")      \
	X(BOUND_CONF_FAULTS, "config_faults", 64, "further faults are counted, not listed")        \
	X(BOUND_CONF_LIST, "config_list_items", 64, "the file is refused with file:line")          \
	X(BOUND_IPC_BYTES, "ipc_message_bytes", 4096, "the sender is told it is too long")         \
	X(BOUND_IPC_FDS, "ipc_descriptors", 32, "the sender is told there are too many")           \
	X(BOUND_JOURNAL_RECORD, "journal_record_bytes", 65536, "the append is refused")            \
	X(BOUND_STORE_KEYS, "store_keys", 262144, "the new key is refused")                        \
	X(BOUND_STORE_BYTES, "store_bytes", 67108864, "the new key or longer value is refused")    \
	X(BOUND_STORE_OPS, "store_pending", 256, "the call is refused; ask again")                 \
	X(BOUND_DNS_QUERIES, "dns_queries", 64, "the look-up fails at once")                       \
	X(BOUND_DNS_CACHE, "dns_cache_entries", 256, "the entry nearest to expiry is dropped")     \
	X(BOUND_DNS_ADDRS, "dns_addresses", 16, "further addresses of a name are ignored")         \
	X(BOUND_DNS_CHAIN, "dns_cname_chain", 8, "the look-up fails")                              \
	X(BOUND_HOSTS_ENTRIES, "hosts_entries", 1024, "further lines of the hosts file are ignored") \
	X(BOUND_DIALS, "dials_running", 256, "the dial fails at once")                             \
	X(BOUND_HOSTS, "tls_hosts", 256, "the configuration is refused")                           \
	X(BOUND_TLS_CLIENTS, "tls_client_plans", 128, "the configuration is refused")              \
	X(BOUND_HELLO_BYTES, "tls_hello_bytes", 16384, "the connection is closed")                  \
	X(BOUND_TLS_SHAKES, "tls_handshakes", 512, "the new connection is closed at once")         \
	X(BOUND_TLS_FLIGHTS, "tls_flights", 128, "the handshake fails as busy")                    \
	X(BOUND_TLS_OPEN, "tls_open", 20000, "the handshake fails as busy")                        \
	X(BOUND_TLS_ENGINES, "tls_engines", 512, "the worker is told to try again")                \
	X(BOUND_TLS_SESSIONS, "tls_sessions", 1024, "the oldest session is forgotten")             \
	X(BOUND_TLS_ANCHORS, "tls_anchors", 512, "the configuration is refused")                   \
	X(BOUND_BUDGET_PEERS, "budget_peers", 4096, "the peer quiet longest is forgotten")         \
	X(BOUND_BUNDLE, "bundle_bytes", 4194304, "the configuration is refused")                   \
	X(BOUND_RELAY_CONNS, "relay_conns", 10000, "the new connection is closed at once")         \
	X(BOUND_EDGE_CONNS, "edge_conns", 20000, "the new connection is closed at once")           \
	X(BOUND_EDGE_EXCHANGES, "edge_exchanges", 20000, "the new request's connection is closed") \
	X(BOUND_EDGE_HELD, "edge_held", 2048, "who needs a tunnel is answered 503 at once")         \
	X(BOUND_EDGE_HEADS, "edge_request_bytes", 67108864, "the new request is answered 503")      \
	X(BOUND_EDGE_UPSTREAMS, "edge_upstreams", 20000, "the request is answered 503")            \
	X(BOUND_EDGE_ORIGINS, "edge_local_origins", 10000, "the request is answered 503")          \
	X(BOUND_PLAIN_CONNS, "plain_conns", 256, "the oldest one is closed")                        \
	X(BOUND_CA_CERTS, "ca_certificates", 262144, "the certificate is not issued")              \
	X(BOUND_CA_TOKENS, "ca_tokens", 1024, "the token is not made: revoke or wait for old ones") \
	X(BOUND_CA_PENDING, "ca_pending", 256, "the join is refused: settle those that wait")      \
	X(BOUND_CA_TALKS, "ca_enrolments", 64, "the enrolment begun longest ago is forgotten")     \
	X(BOUND_CA_ADMINS, "ca_commands", 8, "the command is told to try again")                   \
	X(BOUND_CA_CONNS, "ca_conns", 1024, "the new connection is closed at once")                \
	X(BOUND_CA_ASKS, "ca_questions", 256, "the peer is told to try again")                     \
	X(BOUND_CA_SIGHTINGS, "ca_sightings", 4096, "the oldest sighting is forgotten")            \
	X(BOUND_CA_CHANGES, "ca_list_changes", 4096, "who is further behind gets the full status list") \
	X(BOUND_STATUS_ENTRIES, "status_entries", 262144, "the status list is refused")            \
	X(BOUND_STREAMS, "tunnel_streams", 65536, "the stream is refused as full")                 \
	X(BOUND_TUNNEL_KEPT, "tunnel_kept_chunks", 16384, "the stream that holds most is reset")   \
	X(BOUND_TUNNEL_MESSAGE, "tunnel_message_bytes", 8388608, "the tunnel connection ends")     \
	X(BOUND_TUNNEL_HEARD, "tunnel_message_parts", 2048, "of the peer who has most of half messages a connection ends") \
	X(BOUND_TUNNEL_RULES, "tunnel_rules_bytes", 33554432, "the connector is told to come back later") \
	X(BOUND_TUNNELS, "tunnel_conns", 256, "the connector is told to come back later")           \
	X(BOUND_SERVINGS, "connector_streams", 32768, "the stream is refused as full")             \
	X(BOUND_LOOKS, "health_looks", 16, "the look at an origin waits for another to end")       \
	X(BOUND_INGRESS, "ingress_rules", 256, "the configuration or announced table is refused")  \
	X(BOUND_SERVICES, "raw_services", 64, "the configuration is refused")                      \
	X(BOUND_RAW_CONNS, "raw_conns", 10000, "the new connection is closed at once")            \
	X(BOUND_GRANTS, "grants", 256, "the configuration is refused")                             \
	X(BOUND_JSON_DEPTH, "json_depth", 16, "the document is refused")                           \
	X(BOUND_JSON_TOKENS, "json_tokens", 4096, "the document is refused")

enum bound_id {
#define X(id, name, cap, answer) id,
	ZT_BOUNDS(X)
#undef X
	BOUND_COUNT
};

struct bound_row {
	const char *name;
	uint64_t cap; /* default */
	const char *answer;
};
extern const struct bound_row bound_rows[BOUND_COUNT];

/* The default cap as a compile-time constant, for array sizes: BOUND_CAP(BOUND_DNS_ADDRS). */
#define X(id, name, cap, answer) id##_CAP = cap,
enum { ZT_BOUNDS(X) };
#undef X
#define BOUND_CAP(id) id##_CAP

struct bounds {
	struct {
		uint64_t cap, used, peak, hits; /* hits: how often the cap gave its answer */
	} row[BOUND_COUNT];
};

void bounds_init(struct bounds *b);
void bounds_set(struct bounds *b, enum bound_id id, uint64_t cap);
/* Take n; false (and one hit) when that would pass the cap. */
bool bounds_take(struct bounds *b, enum bound_id id, uint64_t n);
void bounds_give(struct bounds *b, enum bound_id id, uint64_t n);
/* A limit on a size rather than a stock: true when n fits, else one hit. */
bool bounds_fits(struct bounds *b, enum bound_id id, uint64_t n);

#endif
