#!/bin/bash
# core
# An edge that serves origins of its own machine is healthy without a tunnel; one whose hosts connectors serve is not
# until there is one. Its counters are there for Prometheus; nothing else is.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

# at STATUS PATH [CURL OPTION...]: of the health port; the body in $OUT.
at() {
	local got
	got=$(curl -sS --max-time 30 -o "$TMP/body" -w '%{http_code}' "${@:3}" "http://127.0.0.1:$EDGE_HEALTH$2")
	same "$got" "$1" "the status of $2"
	OUT=$(<"$TMP/body")
}
host_section own public own.test 'origin = http://127.0.0.1:9'
start_edge
at 200 /healthcheck
at 200 /ready
same "$OUT" '{"status":200,"readyConnections":0}' "/ready"
web own.test / -o /dev/null
at 200 /metrics
grep -qx 'zt_edge_requests 1' <<<"$OUT" || fail "no count of the request: $OUT"
at 404 /
at 404 /healthcheck -d body
at 200 /ready -I
stop edge
host_section home public home.test
start_edge
at 503 /healthcheck
at 503 /ready
same "$OUT" '{"status":503,"readyConnections":0}' "/ready"
stop edge

# With everything there: the request goes through the tunnel, and health knows.
N=$(free_port)
mkdir "$TMP/www"
echo 'from home' >"$TMP/www/hello"
start origin python3 -m http.server --bind 127.0.0.1 --directory "$TMP/www" "$N"
wait_for listening "$N"
ingress home 'hostname = home.test' "service = http://127.0.0.1:$N"
ingress rest 'service = http_status:404'
rm -rf "$TMP/edge.state" # an identity is joined where there was none
start_web
at 200 /healthcheck
at 200 /ready
same "$OUT" '{"status":200,"readyConnections":1}' "/ready"
same "$(web home.test /hello)" 'from home' "what comes through the tunnel"
# The connector says the same of its side, and what it knows of edges and origins.
EDGE_HEALTH=$CONNECTOR_HEALTH
at 200 /ready
grep -Eqx '\{"status":200,"readyConnections":1,"connectorId":"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"\}' <<<"$OUT" || fail "/ready of the connector: $OUT"
at 200 /healthcheck
has "$OUT" "\"edges\":[{\"edge\":\"127.0.0.1:$EDGE_PORT\",\"up\":true}]"
has "$OUT" "\"origin\":\"http://127.0.0.1:$N\",\"up\":true"
at 200 /metrics
has "$OUT" "zt_connector_uplink_up{of=\"127.0.0.1:$EDGE_PORT\"} 1"
has "$OUT" "zt_origin_up{origin=\"home http://127.0.0.1:$N\"} 1"
edge_is_alive
pass
