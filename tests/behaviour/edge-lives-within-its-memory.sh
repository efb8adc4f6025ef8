#!/bin/bash
# waits
# FLOODS(BOUND_EDGE_HEADS)
# An edge whose control group allows 64 MB (else: [limits] memory = 32M) and whose visitors want more: 200 that read a KiB a
# second of large downloads through the tunnel, 60 whose heads never end, and uploads beside them. No process of it is
# killed, memory stays below its limit, visitors are served all the while, and afterwards all of it is given back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/storm.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/group.inc.sh"
READERS=${STORM_READERS:-200} LIMIT=67108864

GROUP=$(group) || GROUP=
peak() { cat "$GROUP/memory.max_usage_in_bytes" 2>/dev/null || cat "$GROUP/memory.peak" 2>/dev/null || cat "$GROUP/memory.current"; }

storm_tunnel
start_authority
join_role edge
join_role connector
edge_conf
if [ -n "$GROUP" ]; then
	# The shell that becomes zt moves itself first.
	start edge sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$GROUP" "$ZT" edge -c "$EDGE_CONF"
	BUDGET=$((LIMIT / 2))
else
	EDGE_HOSTS+=('[limits]' 'memory = 32M')
	start_edge
	BUDGET=33554432
fi
wait_for "$ZT" health edge -c "$EDGE_CONF"
wait_for listening "$EDGE_PORT"
start_connector
W=$(edge_child worker pid)
grep -q "memory or descriptors allow fewer visitors than max_conns visitors=.* memory=$BUDGET" "$TMP/edge.log" ||
	fail "the budget is not $BUDGET: $(grep 'fewer visitors' "$TMP/edge.log")"

# Heads: each nearly 16 KiB and never whole.
cat >"$TMP/heads.py" <<'PY'
import socket, ssl, sys
C = ssl.create_default_context(cafile=sys.argv[2]); held = []; told = {}
for i in range(int(sys.argv[3])):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30, source_address=(f"127.2.0.{1 + i % 200}", 0))
    s = C.wrap_socket(s, server_hostname="app.test"); s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\nA: " + b"a" * 1000); held.append(s)
for s in held:
    s.sendall(b"a" * 14000)
for s in held:
    got = s.recv(4096).split(b"\r\n")[0].decode(); told[got] = told.get(got, 0) + 1
print(told)
PY
curl -sS --max-time 60 --cacert "$WEB_CA" --connect-to "sink.test:443:127.0.0.1:$EDGE_PORT" --limit-rate 4M -T "$TMP/www/big" \
	https://sink.test/up >"$TMP/upload" 2>&1 &
UP=$!
PIDS[upload]=$UP
storm kind=read n="$READERS" ask=/big s=${STORM_S:-5} calm=1
storm_figure "$READERS slow readers under 64 MB: kept visitor's p99 before, during in us" '"%d %d" % (s["kept"]["before"]["p99"], s["kept"]["during"]["p99"])'
storm_is 's["open"] > 100 and s["kept"]["during"]["n"] > 20 and s["kept"]["after"]["n"] > 20 and s["kept"]["after"]["failed"] == 0'
python3 "$TMP/heads.py" "$EDGE_PORT" "$WEB_CA" 400 >"$TMP/heads" || fail "heads"
has "$(<"$TMP/heads")" "503 Service Unavailable"
has "$(<"$TMP/heads")" "408 Request Timeout"
[ "$(edge_child worker counters.edge_request_bytes_full)" -ge 0 ] || fail "no such row"
join upload
has "$(<"$TMP/upload")" taken
echo "figure: heads that never end: $(<"$TMP/heads")"
echo "figure: worker's RSS after it in KiB, of a budget of $((BUDGET / 1024)): $(rss "$W")"
[ "$(rss "$W")" -lt $((BUDGET / 1024 + 6144)) ] || fail "the worker has $(rss "$W") KiB" # its code, stack and tables beside it
if [ -n "$GROUP" ]; then
	echo "figure: most memory of the control group in KiB, of 65536: $(($(peak) / 1024))"
	has "$(cat "$GROUP/memory.oom_control" "$GROUP/memory.events" 2>/dev/null) oom_kill 0" "oom_kill 0"
fi
given_back() { [ "$(edge_child worker counters.duct_buffers) $(edge_child worker counters.visitors)" = "0 0" ]; }
wait_for given_back
same "$(web app.test /)" ok "an answer afterwards"
edge_is_alive
stop edge
[ -z "$GROUP" ] || wait_for rmdir "$GROUP"
pass
