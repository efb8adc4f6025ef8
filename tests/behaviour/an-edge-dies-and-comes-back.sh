#!/usr/bin/env bash
# core
# Rows 1 and 2 of what an edge has to survive. kill -9 of its worker with 50 downloads running: those are cut, never
# ended as if they were whole, and a new worker serves with the same connector within seconds. kill -9 of its supervisor:
# no child stays behind, and the next start serves on the same ports, the connector coming back by itself.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
MB=${ZT_HA_MB:-1024}
ORIGIN=$(free_port)
cat >"$TMP/big.py" <<'PY'
import socket, sys, threading
size, block = int(sys.argv[2]) << 20, bytes(1 << 16)
def serve(c):
    try:
        while c.recv(65536):
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // len(block)):
                c.sendall(block)
    except OSError:
        pass
    c.close()
s = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=100)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
PY
start origin python3 "$TMP/big.py" "$ORIGIN" "$MB"
wait_for listening "$ORIGIN"
mkdir -p "$TMP/www" && echo "from home" >"$TMP/www/page"
PAGES=$(free_port)
start pages python3 -m http.server --bind 127.0.0.1 --directory "$TMP/www" "$PAGES"
wait_for listening "$PAGES"
host_section app public app.test
host_section pages public pages.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
ingress pages 'hostname = pages.test' "service = http://127.0.0.1:$PAGES"
ingress last 'service = http_status:404'
start_web
wait_page() { [ "$(web pages.test /page --max-time 2 2>/dev/null)" = "from home" ]; }
wait_for wait_page
children() { cat "/proc/${PIDS[edge]}/task/${PIDS[edge]}/children"; }
worker() { "$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k["pid"] for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1])'; }
# Asks until there is the page, each time on another connection, and says what came before it.
cat >"$TMP/until.py" <<'PY'
import collections, socket, ssl, sys, time
port, ca, began, told = int(sys.argv[1]), sys.argv[2], time.monotonic(), collections.Counter()
tls = ssl.create_default_context(cafile=ca)
while time.monotonic() - began < 60:
    try:
        with tls.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30), server_hostname="pages.test") as s:
            s.sendall(b"GET /page HTTP/1.1\r\nHost: pages.test\r\nConnection: close\r\n\r\n")
            code = s.recv(4096)[9:12].decode() or "cut"
    except OSError:
        code = "refused or cut"
    if code == "200":
        break
    told[code] += 1
    time.sleep(0.01)
print("after %d ms, before it %s" % ((time.monotonic() - began) * 1000, ", ".join("%s: %d" % x for x in told.items()) or "nothing else"))
PY
first_page() { python3 "$TMP/until.py" "$EDGE_PORT" "$WEB_CA"; }
ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# 50 at once; each writes how it ended. Slowed down, so that all of them run when it happens.
for ((i = 0; i < 50; i++)); do
	start "get$i" bash -c "curl -sS --limit-rate 1M --cacert '$WEB_CA' --connect-to app.test:443:127.0.0.1:$EDGE_PORT \
		--max-time 100 -o '$TMP/got$i' https://app.test/big; echo \$? >'$TMP/end$i'"
done
all_run() { [ "$(find "$TMP" -name 'got*' -size +64k | wc -l)" = 50 ]; }
wait_for all_run
old=$(worker)
others=$(children)
t0=$(ms)
kill -KILL "$old"
echo "figure: HA, kill -9 of the edge's worker under 50 downloads: a page through the connector $(first_page)"
[ $(($(ms) - t0)) -lt 15000 ] || fail "that took too long"
for ((i = 0; i < 50; i++)); do
	join "get$i"
	code=$(<"$TMP/end$i")
	# 18: part of it; 56: the connection was reset.
	[ "$code" = 18 ] || [ "$code" = 56 ] || fail "curl $i ended with $code"
	rm -f "$TMP/got$i"
done
new=$(worker)
[ "$new" != "$old" ] || fail "it is the same worker"
for pid in $others; do
	[ "$pid" = "$old" ] || kill -0 "$pid" 2>/dev/null || fail "another child went with it"
done
same "$("$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print(*sorted(k["restarts"] for k in json.load(sys.stdin)["children"]))')" "0 0 0 1" "restarts of the edge's children"

# The supervisor: with it all of them, within two seconds.
pids=$(children)
t0=$(ms)
kill -KILL "${PIDS[edge]}"
wait "${PIDS[edge]}" 2>/dev/null
unset "PIDS[edge]"
for pid in $pids; do wait_for gone "$pid"; done
gone=$(($(ms) - t0))
echo "figure: HA, kill -9 of the edge's supervisor: its last child gone after $gone ms"
[ $gone -lt 10000 ] || fail "a child outlived its supervisor by $gone ms"
t0=$(ms)
start edge "$ZT" edge -c "$EDGE_CONF"
wait_for "$ZT" health edge -c "$EDGE_CONF"
up=$(($(ms) - t0))
echo "figure: HA, started again: up after $up ms, a page through the connector then $(first_page)"
[ $up -lt 15000 ] || fail "it took $up ms to be up again"
edge_is_alive
lacks "$(<"$TMP/connector.log")" "child died"
pass
