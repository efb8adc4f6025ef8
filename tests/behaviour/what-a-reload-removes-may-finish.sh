#!/usr/bin/env bash
# security
# A connector's rule that is gone, or leads to another origin now: what runs by it may finish, for [limits] drain, and is
# cut then, and who has no answer yet is not invited to ask again: it may have been done. The next request goes by what is
# written now. A grant that is gone is access that was taken away: cut at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/web.inc.sh"
A=$(free_port) B=$(free_port)
cat >"$TMP/origin.py" <<'PY'
# /NAME: half of a body, and the rest when the file NAME.go is there; a connection that is cut is told. No POST is answered.
import http.server, os, select, socket, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        body = sys.argv[2].encode() * 200000
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:100000])
        while self.path != "/" and not os.path.exists(sys.argv[3] + self.path + ".go"):
            if select.select([self.connection], [], [], 0.02)[0]:
                sys.stdout.write(f"cut {self.path}\n") # at once: others write there
                sys.stdout.flush()
                self.close_connection = True
                return
        self.wfile.write(body[100000:])
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        sys.stdout.write(f"has {self.path}\n")
        sys.stdout.flush()
        self.rfile.read(1)
        self.close_connection = True
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
PY
start a python3 "$TMP/origin.py" "$A" a "$TMP"
start b python3 "$TMP/origin.py" "$B" b "$TMP"
wait_for listening "$A"
wait_for listening "$B"
for h in gone moved granted; do
	host_section $h public $h.test
	ingress $h "hostname = $h.test" "service = http://127.0.0.1:$A"
done
ingress last 'service = http_status:404'
connector_line '[limits]' 'drain = 3s'
start_web
# begin NAME HOST: a download of /NAME, until half of it is here.
begin() {
	start "$1" web "$2.test" "/$1" -o "$TMP/$1.body"
	wait_for test -s "$TMP/$1.body"
}
begin g1 gone
begin g2 gone
begin m1 moved
begin m2 moved
begin s1 granted
start p1 web gone.test /p1 -d all -o /dev/null -D "$TMP/p1.head" -w '%{http_code}\n'
wait_for grep -q 'has /p1' "$TMP/a.log"

INGRESS=()
ingress moved 'hostname = moved.test' "service = http://127.0.0.1:$B"
ingress granted 'hostname = granted.test' "service = http://127.0.0.1:$A"
ingress last 'service = http_status:404'
connector_conf
expect 0 "$ZT" reload connector -c "$CONNECTOR_CONF"
wait_for eval '[ "$(web gone.test / -o /dev/null -w "%{http_code}")" = 404 ]'
wait_for eval '[ "$(web moved.test / | head -c 1)" = b ]'
for d in g1 m1; do
	touch "$TMP/$d.go"
	join $d
	same "$STATUS" 0 "the end of the download $d"
	same "$(tr -d a <"$TMP/$d.body" | wc -c) $(stat -c %s "$TMP/$d.body")" "0 200000" "the bytes of $d"
done
for d in g2 m2; do # in the end
	join $d
	[ "$STATUS" != 0 ] || fail "the download $d has ended well"
	wait_for grep -q "cut /$d" "$TMP/a.log"
done
join p1
same "$(<"$TMP/p1.log")" 502 "the answer to what the origin has had"
lacks "$(<"$TMP/p1.head")" Retry-After
running s1 || fail "what is as it was has ended"

EDGE_GRANTED=(gone.test moved.test)
edge_conf
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
join s1
[ "$STATUS" != 0 ] || fail "a download goes on without its grant"
wait_for grep -q "cut /s1" "$TMP/a.log"
edge_is_alive
pass
