#!/usr/bin/env bash
# Edge and connector are replaced by a program that lies in their place, again and again, while visitors keep asking over
# connections that they keep, and bytes go through a raw service: no request fails, no connection is closed under one, and
# nothing is left of the processes before. ZT_UPGRADES: of each role. ZT_UPGRADE_WORKERS: how many workers the edge has, in
# turn, one number each upgrade. ZT_UPGRADE_SECOND: 1: a second connector serves the same, and is upgraded in turn.
# waits
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
UPGRADES=${ZT_UPGRADES:-3}
read -ra WORKERS <<<"${ZT_UPGRADE_WORKERS:-1}"
edge_line "workers = ${WORKERS[0]}"
ORIGIN=$(free_port) ECHO=$(free_port) RAW=$(free_port)
cat >"$TMP/origin.py" <<'PY'
import http.server, socketserver, sys, threading
class E(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536): self.request.sendall(data)
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = self.path.encode() * 20
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    request_queue_size = 200
class T(socketserver.ThreadingTCPServer):
    request_queue_size, daemon_threads = 200, True
threading.Thread(target=T(("127.0.0.1", int(sys.argv[2])), E).serve_forever, daemon=True).start()
S(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
PY
start origin python3 "$TMP/origin.py" "$ORIGIN" "$ECHO"
wait_for listening "$ORIGIN"
cat >"$TMP/load.py" <<'PY'
# Each visitor keeps his connection for as long as he is let: a response that says so ends it, nothing else may.
import os, socket, ssl, sys, threading, time
port, ca, raw, go = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), threading.Event()
bad, n, closes, slowest, passed = [], [0], [0], [0.0], [0]
ctx = ssl.create_default_context(cafile=ca)
def ask(s, path):
    s.sendall(b"GET %s HTTP/1.1\r\nHost: app.test\r\n\r\n" % path)
    got = b""
    while b"\r\n\r\n" not in got:
        part = s.recv(65536)
        if not part: raise OSError("closed in the head after %d bytes" % len(got))
        got += part
    head, body = got.split(b"\r\n\r\n", 1)
    fields = dict(l.lower().split(b": ", 1) for l in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        part = s.recv(65536)
        if not part: raise OSError("closed in the body")
        body += part
    if not head.startswith(b"HTTP/1.1 200"): raise OSError(head.split(b"\r\n")[0].decode() + " " + body[:80].decode("latin1"))
    if body != path * 20: raise OSError("another body")
    return fields.get(b"connection") != b"close"
def visitor(me):
    i = 0
    while not go.is_set():
        try:
            s = ctx.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=60), server_hostname="app.test")
            keep = True
            while keep and not go.is_set():
                i += 1
                before = time.monotonic()
                keep = ask(s, b"/%d/%d" % (me, i))
                slowest[0] = max(slowest[0], time.monotonic() - before)
                n[0] += 1
                time.sleep(0.001 * (me % 4))
            closes[0] += not keep
            s.close()
        except OSError as e:
            bad.append(f"visitor {me}: {e!r} at {time.strftime('%H:%M:%S', time.gmtime())}")
def back(s, size):
    data, got = os.urandom(size), b""
    s.sendall(data)
    while len(got) < size:
        part = s.recv(65536)
        if not part: raise OSError("closed after %d of %d bytes" % (len(got), size))
        got += part
    if got != data: raise OSError("other bytes")
    passed[0] += 1
def raw_visitor(me):  # the first one keeps its connection through all upgrades, the others come and go
    while not go.is_set():
        try:
            s = socket.create_connection(("127.0.0.1", raw), timeout=60)
            while me == 0 and not go.is_set():
                back(s, 500)
                time.sleep(0.01)
            back(s, 100000)
            s.shutdown(socket.SHUT_WR)
            if s.recv(1): raise OSError("bytes behind the end")
            s.close()
        except OSError as e:
            bad.append(f"raw {me}: {e!r} at {time.strftime('%H:%M:%S', time.gmtime())}")
            if me == 0: return
        time.sleep(0.02)
ts = [threading.Thread(target=visitor, args=(i,)) for i in range(8)]
ts += [threading.Thread(target=raw_visitor, args=(i,)) for i in range(3)]
[t.start() for t in ts]
print("loaded", flush=True)
sys.stdin.readline(); go.set(); [t.join() for t in ts]
print(f"{n[0]} requests, {closes[0]} connections told to end, {passed[0]} raw exchanges, slowest {slowest[0]:.2f} s, {len(bad)} bad {bad[:5]}", flush=True)
sys.exit(bool(bad) or n[0] < 100 or passed[0] < 30)
PY
host_section app public app.test
ingress app 'hostname = app.test' "service = http://127.0.0.1:$ORIGIN"
EDGE_HOSTS+=('[service raw]' "listen = 127.0.0.1:$RAW" 'hostname = raw.test' 'public = unauthenticated')
EDGE_GRANTED+=(raw.test)
ingress raw 'hostname = raw.test' "service = tcp://127.0.0.1:$ECHO"
ingress last 'service = http_status:404'
# A program of its own place, so that another one can be put there.
cp "$ZT" "$TMP/zt"
THE_ZT=$ZT
ZT=$TMP/zt
if [ "${ZT_UPGRADE_SECOND:-}" = 1 ]; then
	. "$(dirname "${BASH_SOURCE[0]}")/copies.inc.sh"
	start_authority
	join_role edge
	join_role connector
	make_copies second
	CONNECTOR_ID+=", ${ID[second]}"
	start_edge
	start_connector
	start_copy second
	CONNECTORS=(connector second)
else
	start_web
	CONNECTORS=(connector)
fi

in_charge() { "$ZT" status "$1" --json -c "$2" | json process; }
elders() { "$ZT" status "$1" --json -c "$2" | json elders; }
no_elders() { [ "$(elders "$1" "$2")" = "[]" ]; }
upgrade() { # ROLE CONF
	local before
	before=$(in_charge "$1" "$2")
	cp "$THE_ZT" "$TMP/zt.new" && mv "$TMP/zt.new" "$TMP/zt"
	expect 0 "$ZT" upgrade "$1" -c "$2"
	[ "$(in_charge "$1" "$2")" != "$before" ] || fail "the same process serves"
	[ ! "$(readlink "/proc/$(in_charge "$1" "$2")/exe")" -ef "$TMP/zt" ] || return 0
	fail "not the program that lies there"
}
# From the first one on nothing grows.
upgrade edge "$EDGE_CONF"
upgrade connector "$CONNECTOR_CONF"
wait_for no_elders edge "$EDGE_CONF"
wait_for no_elders connector "$CONNECTOR_CONF"
wait_for web app.test /once
# What a role is, in all its processes: descriptors, processes, memory of the shepherd.
tree() { local p; echo "$1"; for p in $(pgrep -P "$1"); do tree "$p"; done; }
fds() { local p n=0; for p in $(tree "$1"); do n=$((n + $(find "/proc/$p/fd" -mindepth 1 2>/dev/null | wc -l))); done; echo "$n"; }
dirty() { awk '/^Private_Dirty/ { print $2 }' "/proc/$1/smaps_rollup"; }
declare -A size had
for role in edge connector; do
	size[$role]=$(tree "${PIDS[$role]}" | wc -l)
	had[$role]=$(fds "${PIDS[$role]}")
done

mkfifo "$TMP/hold"
start load sh -c "exec python3 '$TMP/load.py' $EDGE_PORT '$WEB_CA' $RAW <'$TMP/hold'"
exec 9>"$TMP/hold"
wait_for grep -q loaded "$TMP/load.log"
for ((i = 1; i <= UPGRADES; i++)); do
	sed -i "s/^workers = .*/workers = ${WORKERS[(UPGRADES - i) % ${#WORKERS[@]}]}/" "$EDGE_CONF"
	upgrade edge "$EDGE_CONF"
	upgrade connector "$TMP/${CONNECTORS[i % ${#CONNECTORS[@]}]}.conf"
done
echo bye >&9
exec 9>&-
join load
tail -n 1 "$TMP/load.log"
same "$STATUS" 0 "the load"
wait_for no_elders edge "$EDGE_CONF"
for name in "${CONNECTORS[@]}"; do wait_for no_elders connector "$TMP/$name.conf"; done
if [ "$(id -u)" = 0 ]; then
	for role in edge connector; do
		no_more() { [ "$(fds "${PIDS[$role]}")" -le "${had[$role]}" ]; } # connections of the load have to end first
		wait_for no_more
		same "$(tree "${PIDS[$role]}" | wc -l)" "${size[$role]}" "processes of the $role"
		echo "figure: shepherd of the $role after $UPGRADES upgrades: $(dirty "${PIDS[$role]}") KB"
		[[ $THE_ZT = */asan/* ]] || [ "$(dirty "${PIDS[$role]}")" -lt 300 ] || fail "the shepherd of the $role is not small"
		echo "figure: descriptors of the $role before and after $UPGRADES upgrades: ${had[$role]}, $(fds "${PIDS[$role]}")"
	done
fi
for role in edge "${CONNECTORS[@]}"; do
	stop "$role"
	same "$STATUS" 0 "the exit code of the $role"
done
if grep -q "a key was copied" "$TMP/edge.log"; then fail "the connector was taken for two"; fi
pass
