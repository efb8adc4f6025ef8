#!/bin/bash
# Answers of unknown length, many at a time, through an edge that has few buffers: as bodies come, buffers are short in one
# moment and not in the next, and every chunk that a visitor is told of is there to its last byte.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"
N=${CHUNKS_VISITORS:-8} ROUNDS=${CHUNKS_ROUNDS:-4}

cat >"$TMP/origin.py" <<'PY'
import http.server, sys
BODY = b"".join(i.to_bytes(8, "big") for i in range(131072)) # 1 MiB, no two places alike
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
        for _ in range(4):
            self.wfile.write(b"100000\r\n" + BODY + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    request_queue_size = 64
s = S(("127.0.0.1", int(sys.argv[1])), H)
if sys.argv[2:]:
    import hashlib; print(hashlib.sha256(BODY * 4).hexdigest())
else:
    s.serve_forever()
PY
ORIGIN=$(free_port)
WANT=$(python3 "$TMP/origin.py" "$ORIGIN" sum)
start origin python3 "$TMP/origin.py" "$ORIGIN"
wait_for listening "$ORIGIN"
host_section app public app.test "origin = http://127.0.0.1:$ORIGIN"
EDGE_HOSTS+=('[limits]' 'memory = 4M')
start_edge

one() {
	for _ in $(seq "$ROUNDS"); do
		web app.test / --limit-rate "$2" 2>>"$TMP/errors.$1" | sha256sum
	done >"$TMP/sum.$1"
}
for i in $(seq "$N"); do
	one "$i" "$((i % 2 ? 4 : 64))M" &
	PIDS[visitor$i]=$!
done
for i in $(seq "$N"); do
	join "visitor$i"
done
whole=$(cat "$TMP"/sum.* | grep -c "^$WANT ")
echo "figure: whole answers, of $((N * ROUNDS)): $whole"
cat "$TMP"/errors.*
same "$whole" "$((N * ROUNDS))" "answers that came whole"
edge_is_alive
stop edge
pass
