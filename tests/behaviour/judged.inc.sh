# shellcheck shell=bash
# judged.inc.sh: an edge with an identity and an authority that has gone, whose registry key signs what a test wants;
# connectors are connectorpeer.py. Source lib.sh and web.inc.sh first. Not a test itself.
NEXT_LINE=$'\n  '
host_section app public "app.test other.test"
# judged_start CONNECTOR...: identities $TMP/CONNECTOR.id/identity.pem, all of them granted app.test and other.test.
judged_start() {
	local who
	start_authority
	join_role edge
	for who in "$@"; do
		new_token connector "$who"
		expect 0 "$ZT" join --to "$TMP/$who.id" --token-file "$TMP/token"
		CONNECTOR_ID+="${CONNECTOR_ID:+,$NEXT_LINE}$(openssl x509 -in "$TMP/$who.id/identity.pem" -noout -subject -nameopt multiline |
			sed -n 's/ *commonName *= //p')"
	done
	stop ca
	start_edge
}
# played ARG... <PROGRAM: python that plays connectors: EDGE, REG, serials S["who"], identities ID["who"], link("who").
played() {
	{
		cat <<PY
import sys, threading, subprocess, re
from connectorpeer import *
EDGE, TMP, CA, ZT, CONF = $EDGE_PORT, "$TMP", "$CA", "$ZT", "$EDGE_CONF"
REG = Registry(CA + "/keys/registry.key")
WHO = [d[:-3] for d in os.listdir(TMP) if d.endswith(".id")]
ID = {w: f"{TMP}/{w}.id/identity.pem" for w in WHO}
S = {w: serial(ID[w]) for w in WHO}
def link(who, **how): return Link(EDGE, ID[who], **how)
def get(host, path="/", *more):
    """What a visitor sees: (status, exit code of curl)."""
    r = subprocess.run(["curl", "-sS", "--max-time", "30", "--cacert", "$WEB_CA", "--connect-to", f"{host}:443:127.0.0.1:{EDGE}", "-o",
                        "/dev/null", "-w", "%{http_code}", *more, f"https://{host}{path}"], capture_output=True, text=True)
    return int(r.stdout or 0), r.returncode
def log(): return open(TMP + "/edge.log").read()
def wait(what, done, seconds=30):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "in vain: " + what
        time.sleep(0.02)
def answer(l, stream, body=b"hello"):
    l.send(frame(DATA, stream, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
IN = {}
def let_in(l, who):
    """Waits until the edge says so: of one more connection than before."""
    IN[who] = IN.get(who, 0) + 1
    wait(who + " is let in", lambda: log().count("a connector is connected connector=" + name(ID[who])) >= IN[who] or l.ended)
    return not l.ended
def asked(l, host="app.test", path="/"):
    """A visitor asks, and it comes through this tunnel: (stream, what the visitor sees, its thread)."""
    got, n = [], len(l.opened)
    t = threading.Thread(target=lambda: got.append(get(host, path)))
    t.start()
    wait("the request", lambda: len(l.opened) > n or not t.is_alive())
    assert len(l.opened) > n, (l.goaway, got)
    return l.opened[-1][0], got, t
def carries(l, host="app.test"):
    stream, got, t = asked(l, host)
    answer(l, stream)
    t.join(30)
    return got[0] == (200, 0)
PY
		cat
	} >"$TMP/.played.py"
	python3 "$TMP/.played.py" "$@" 2>"$TMP/played.log"
}
