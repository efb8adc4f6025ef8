#!/bin/bash
# security
# A reload leaves alone what is still allowed, though its host has another place now, and cuts at once what is not: a
# host that lets nobody in any more, that asks for a certificate now, or whose name is another's who asks for one. What
# is merely gone, a host or a listener, lets what runs finish, for [limits] drain, and begins nothing. A configuration
# that is no good changes nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/web.inc.sh"

N=$(free_port) SECOND=$(free_port)
cat >"$TMP/origin.py" <<'PY'
import http.server, os, sys, time
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        host = self.headers["Host"]
        self.send_response(200)
        if self.path == "/half":
            self.send_header("Content-Length", "2000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000000)
            while not os.path.exists(sys.argv[2]):
                time.sleep(0.01)
            self.wfile.write(b"x" * 1000000)
            return
        if self.path != "/drip":
            self.send_header("Content-Length", str(len(host)))
            self.end_headers()
            self.wfile.write(host.encode())
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"5\r\ndrip\n\r\n")
                time.sleep(0.02)
        except OSError:
            print("cut:", host, flush=True)
            self.close_connection = True
    def log_message(self, *a):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
PY
start origin python3 "$TMP/origin.py" "$N" "$TMP/rest"
wait_for listening "$N"
plain="origin = http://127.0.0.1:$N"
for h in new stays gone closes asks moves; do web_cert $h $h.test; done
section() { printf '%s\n' "[host $1]" "names = $1.test" "cert = $WEB/$1.pem" "key = $WEB/$1.key" "$plain" "${@:2}"; }
EDGE_HOSTS=('[limits]' 'drain = 3s')
eval "written_$(declare -f edge_conf)"
edge_conf() {
	written_edge_conf
	[ -z "$SECOND" ] || sed -i "s/^listen = .*/&, 127.0.0.1:$SECOND/" "$EDGE_CONF"
}
for h in gone closes asks moves stays; do mapfile -t -O ${#EDGE_HOSTS[@]} EDGE_HOSTS < <(section $h 'access = public'); done
start_edge

cat >"$TMP/held.py" <<'PY'
# Connections that were opened before the reload: each asks once, waits for the file, and asks again.
import os, re, socket, ssl, sys, time
c = ssl.create_default_context(cafile=sys.argv[2])
held = {}
def ask(s, host):
    try:
        s.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
        got = b""
        while b"\r\n\r\n" not in got or len(got.split(b"\r\n\r\n", 1)[1]) < int(re.search(rb"(?i)content-length: (\d+)", got)[1]):
            more = s.recv(4096)
            if not more:
                break
            got += more
        return got.split()[1].decode() if got else "closed"
    except OSError:
        return "closed"
for name in ("gone", "closes", "asks", "stays"):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
    held[name] = c.wrap_socket(s, server_hostname=name + ".test")
    print("before", name, ask(held[name], name + ".test"), flush=True)
print("held", flush=True)
while not os.path.exists(sys.argv[3]):
    time.sleep(0.01)
for name, s in held.items():
    print("after", name, ask(s, name + ".test"), flush=True)
print("done", flush=True)
PY
start held python3 "$TMP/held.py" "$EDGE_PORT" "$WEB_CA" "$TMP/reloaded"
wait_for grep -q '^held' "$TMP/held.log"
same "$(grep -c '^before .* 200$' "$TMP/held.log")" 4 "answers before"
for h in gone closes asks moves stays; do
	start "drip-$h" curl -sSN --cacert "$WEB_CA" --connect-to "$h.test:443:127.0.0.1:$EDGE_PORT" "https://$h.test/drip"
	wait_for grep -q drip "$TMP/drip-$h.log"
done
# half NAME HOST PORT: a download, half of which comes before the reload and half after it.
half() {
	start "half-$1" curl -sS --cacert "$WEB_CA" --connect-to "$2.test:443:127.0.0.1:$3" "https://$2.test/half" -o "$TMP/half.$1"
	wait_for test -s "$TMP/half.$1"
}
half gone gone "$EDGE_PORT"
half second stays "$SECOND"

# What cannot be loaded changes nothing.
cp "$EDGE_CONF" "$TMP/good"
echo 'nonsense' >>"$EDGE_CONF"
"$ZT" reload edge -c "$TMP/good" >/dev/null 2>&1 && fail "nonsense was loaded"
same "$(web stays.test /)" stays.test "the answer after a reload that was refused"
same "$(grep -c . "$TMP/origin.log")" 0 "downloads cut by a reload that was refused"

EDGE_HOSTS=('[limits]' 'drain = 3s')
second=$SECOND SECOND=''
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=people -addext 'keyUsage = critical, keyCertSign' \
	-keyout "$WEB/people.key" -out "$WEB/people.pem" 2>"$WEB/openssl.log" || fail "no authority"
mapfile -t -O 2 EDGE_HOSTS < <(section new 'access = public'; section asks 'access = public' 'client_cert = required' "client_ca = $WEB/people.pem"
	section closes 'access = none'; section stays 'access = public'
	printf '%s\n' '[host all]' 'names = moves.test' "cert = $WEB/moves.pem" "key = $WEB/moves.key" "$plain" 'access = public' \
		'client_cert = required' "client_ca = $WEB/people.pem")
edge_conf
expect 0 "$ZT" reload edge -c "$EDGE_CONF"
for h in closes asks moves; do wait_for grep -q "cut: $h.test" "$TMP/origin.log"; done
# What runs for a host that is gone, or came by a listener that is gone, may finish; what does not is cut in the end.
touch "$TMP/rest"
for h in gone second; do
	join "half-$h"
	same "$STATUS" 0 "the end of the download $h"
	same "$(stat -c %s "$TMP/half.$h")" 2000000 "its bytes"
done
! listening "$second" || fail "the listener that is gone still accepts"
wait_for grep -q "cut: gone.test" "$TMP/origin.log"
touch "$TMP/reloaded"
wait_for grep -q '^done' "$TMP/held.log"
grep -qx 'after stays 200' "$TMP/held.log" || fail "what may go on did not: $(<"$TMP/held.log")"
grep -qx 'after gone closed' "$TMP/held.log" || fail "a host that is gone still answers: $(<"$TMP/held.log")"
grep -qx 'after asks closed' "$TMP/held.log" || fail "no certificate was asked for: $(<"$TMP/held.log")"
grep -qx 'after closes 403' "$TMP/held.log" || fail "a closed host still lets in: $(<"$TMP/held.log")"
kill -0 "${PIDS[drip-stays]}" || fail "a download that is allowed was cut"
lacks "$(<"$TMP/origin.log")" 'cut: stays.test'
same "$(web new.test /)" new.test "the answer of a host that is new"
same "$(web stays.test /)" stays.test "the answer of one that stays"
web gone.test / >/dev/null 2>&1 && fail "a host that is gone is served"

edge_is_alive
pass
