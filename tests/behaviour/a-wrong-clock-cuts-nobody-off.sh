#!/usr/bin/env bash
# waits
# The edge's wall clock is set a day back while it runs, and then right again, and then ten years ahead: a day back, tunnel
# and open streams live on, new ones begin, lists of the authority are still taken; ten years ahead everything has expired,
# and nobody is let in; each step is said in the log; with the right time all is as it was.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=25
hidden_clock home
AT_HOME=$ZT
hidden_clock vps
AT_VPS=$ZT
ZT=$AT_HOME
fault_origin
start_authority
join_role edge
join_role connector
ZT=$AT_VPS
start_edge
ZT=$AT_HOME
start_connector
export TOOLS AT_HOME AT_VPS EDGE_CONF
visits <<'PY'
import json, os, subprocess
E = os.environ
def clock(zt, *words): subprocess.run([E["TOOLS"] + "/clockctl", E[zt], *map(str, words)], check=True)
def both_run(s):
    for _ in range(s // 2):
        clock("AT_HOME", "run", 2, 2000); clock("AT_VPS", "run", 2, 2000)
def counters():
    got = json.loads(subprocess.run([E["AT_VPS"], "status", "edge", "--json", "-c", E["EDGE_CONF"]], capture_output=True).stdout)
    return [k for k in got["children"] if k["name"] == "worker"][-1]["counters"]
def tunnels(): return log("edge").count("a connector is connected")
def list_number(): return counters()["list_number"]
def said(word): return [x for x in log("edge").splitlines() if word in x]
live = visit()
live.ask("/echo", more=b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
live.p.head()
def lives():
    live.p.send(b"are you there"); return live.p.exactly(13) == b"are you there"
assert lives() and visit().status() == 200
both_run(20)
n = tunnels()
clock("AT_VPS", "wall", -86400)
assert lives() and visit().status() == 200, "a day back"
was = list_number()
both_run(60)
assert lives(), "a stream did not live"
assert visit().status() == 200, "a day back, a minute later"
same(tunnels(), n, "connections of the tunnel")
taken = list_number() - was
assert taken >= 2, f"{taken} lists taken in a minute"
back = said("clock was set")
assert back, "the log does not tell"
clock("AT_VPS", "wall", 86400)
both_run(20)
assert lives() and visit().status() == 200
same(tunnels(), n, "connections of the tunnel, after")
clock("AT_VPS", "wall", 10 * 365 * 86400)
both_run(20)
far = visit_status = 0
try: far = visit().status()
except Bad as e: far = str(e)[:60]
assert far != 200, "ten years later nothing is valid"
clock("AT_VPS", "wall", -10 * 365 * 86400)
t = time.monotonic()
def served():
    clock("AT_HOME", "run", 1, 500); clock("AT_VPS", "run", 1, 500)
    try: return visit().status() == 200
    except Bad: return False
wait_until(served, "it is served again")
figure(25, f"a day back: streams and tunnel lived, {taken} status lists taken in a minute, 200; ten years ahead: {far}; right again: 200 after {secs(t):.1f} s; the log tells of {len(said('clock was set'))} steps")
PY
edge_is_alive
