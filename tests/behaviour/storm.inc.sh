# shellcheck shell=bash
# storm.inc.sh: an edge with a fast origin, and tests/tools/storm at its port. Source lib.sh and web.inc.sh first. Not a test
# itself.
#
#   storm_origin             app.test: nginx, small answers, /big is 20 MB; sink.test takes bodies and never answers early
#   storm_tunnel             the same two, through the tunnel
#   storm KEY=VALUE...       its JSON in $TMP/storm.json
#   storm_is EXPRESSION      python, of s (the JSON), must be true
#   storm_figure NAME EXPR   prints a figure
#   edge_child PROC PATH     of `zt status edge`
# shellcheck disable=SC2034 # for the script that sources this
need nginx python3
STORM=$ROOT/build/rel/tests/tools/storm
[ -x "$STORM" ] || fail "no $STORM: make tools"
FAST=$(free_port) SINK=$(free_port)

# shellcheck disable=SC2120 # some of who includes it say one
storm_origin() {
	mkdir -p "$TMP/www"
	head -c 20000000 /dev/zero >"$TMP/www/big"
	cat >"$TMP/nginx.conf" <<END
user $(id -un);
pid $TMP/nginx.pid;
error_log $TMP/nginx.err;
daemon off;
master_process off;
worker_rlimit_nofile 20000;
events { worker_connections 18000; }
http {
	access_log off;
	keepalive_requests 1000000;
	client_body_temp_path $TMP/t1; proxy_temp_path $TMP/t2; fastcgi_temp_path $TMP/t3; uwsgi_temp_path $TMP/t4; scgi_temp_path $TMP/t5;
	server {
		listen 127.0.0.1:$FAST backlog=4096;
		root $TMP/www;
		location = / { return 200 "ok\n"; }
	}
}
END
	# Takes a body as it comes, answers when it is whole; /wait: takes nothing for a while first.
	cat >"$TMP/sink.py" <<'PY'
import selectors, socket, sys, time
l = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
l.setblocking(False)
sel = selectors.DefaultSelector()
sel.register(l, selectors.EVENT_READ)
class One:
    def __init__(self): self.head, self.left, self.later = b"", None, 0
def read(c, o):
    try: data = c.recv(65536)
    except BlockingIOError: return
    except OSError: data = b""
    if not data: return end(c)
    if o.left is None:
        o.head += data
        if b"\r\n\r\n" not in o.head: return
        head, data = o.head.split(b"\r\n\r\n", 1)
        o.left = next((int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")), 0)
        if b" /wait" in head:
            o.later = time.monotonic() + 6; o.left -= len(data); sel.unregister(c); waiting.append((c, o)); return
    o.left -= len(data)
    if o.left <= 0:
        try: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken"); o.head, o.left = b"", None
        except OSError: end(c) # whoever asked has gone meanwhile
def end(c):
    sel.unregister(c); c.close()
waiting = []
while True:
    for key, _ in sel.select(0.2):
        if key.fileobj is l:
            c, _ = l.accept(); c.setblocking(False); sel.register(c, selectors.EVENT_READ, One())
        else: read(key.fileobj, key.data)
    for c, o in list(waiting):
        if o.later <= time.monotonic(): waiting.remove((c, o)); sel.register(c, selectors.EVENT_READ, o)
PY
	start nginx nginx -c "$TMP/nginx.conf"
	start sink python3 "$TMP/sink.py" "$SINK"
	wait_for listening "$FAST"
	wait_for listening "$SINK"
	host_section app public app.test ${STORM_HOST[@]+"${STORM_HOST[@]}"} "${1-origin = http://127.0.0.1:$FAST}"
	host_section sink public sink.test ${STORM_HOST[@]+"${STORM_HOST[@]}"} "${2-origin = http://127.0.0.1:$SINK}"
}

storm_tunnel() {
	storm_origin '' ''
	ingress app 'hostname = app.test' "service = http://127.0.0.1:$FAST"
	ingress sink 'hostname = sink.test' "service = http://127.0.0.1:$SINK"
	ingress last 'service = http_status:404'
}

storm() {
	"$STORM" "$EDGE_PORT" app.test "$@" >"$TMP/storm.json" 2>"$TMP/storm.err" || fail "storm $*: $(<"$TMP/storm.err")"
}
storm_value() {
	python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$TMP/storm.json" "$1"
}
storm_is() { [ "$(storm_value "$1")" = True ] || fail "not so: $1: $(<"$TMP/storm.json")"; }
storm_figure() { echo "figure: $1: $(storm_value "$2")"; }

edge_child() {
	"$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
v = [k for k in json.load(sys.stdin)["children"] if k["name"] == sys.argv[1]][-1]
for part in sys.argv[2].split("."): v = v.get(part, 0) if isinstance(v, dict) else v
print(v)' "$1" "$2"
}
# cpu PID: its processor time so far, in ms. rss PID: KiB.
cpu() { awk '{print ($14 + $15) * 10}' "/proc/$1/stat"; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

# ---- an edge with just enough places for STORM_SLOW slow peers
N=${STORM_SLOW:-300}
LONG=$((N / 400))

slow_edge() {
	storm_origin
	# Just enough places for all of them: places are scarce from the first three quarters of them on.
	edge_line "max_conns = $((N + N / 8 + 20))" "head_timeout = $((1 + LONG))s"
	start_edge
	W=$(edge_child worker pid)
	WAIT_S=$((60 + 20 * LONG))
}

figures() { # KIND
	storm_figure "$1, $N peers: kept visitor's p99 before, during in us" '"%d %d" % (s["kept"]["before"]["p99"], s["kept"]["during"]["p99"])'
	storm_figure "$1: first and last cut after ms" '"%d %d" % (s["first_cut_ms"], s["last_cut_ms"])'
	echo "figure: $1: worker's RSS in KiB: $(rss "$W")"
}
served() { # the visitors never suffered
	storm_is 's["kept"]["during"]["failed"] == 0 and s["fresh"]["during"]["failed"] == 0 and s["kept"]["during"]["n"] > 20'
}
