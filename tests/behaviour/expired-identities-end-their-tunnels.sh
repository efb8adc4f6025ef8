#!/usr/bin/env bash
# waits
# A connector whose certificate cannot be renewed (its directory is not writable) serves until that is over, and no longer:
# its tunnel ends within a minute, and who asks is told 503.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
need_root
ROW=27
hidden_clock
fault_origin
start_authority
join_role edge
join_role connector
ID=$TMP/connector.state/connector/identity
LEFT=$(($(date -d "$(openssl x509 -in "$ID/identity.pem" -noout -enddate | cut -d= -f2)" +%s) - $(date +%s)))
clock_do both $((LEFT - 300))
chown root:root "$ID"
chmod 500 "$ID"
start_edge
start_connector
export TOOLS
visits "$LEFT" "$ZT" <<'PY'
import os, subprocess
def run(s): subprocess.run([os.environ["TOOLS"] + "/clockctl", sys.argv[2], "run", str(s), "2000"], check=True)
def status():
    try: return visit().status()
    except Bad: return 0
gone, asked = 300, 0
live = visit()
live.ask("/echo", more=b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
live.p.head()
while gone > 20:
    run(20); gone -= 20; asked += 1
    same(status(), 200, f"the status {gone} s before the end")
tunnels = log("edge").count("a tunnel ended")
over = None
for s in range(0, 180, 4):
    run(4)
    if log("edge").count("a tunnel ended") > tunnels: over = s + 4 - gone; break
assert over is not None, "a tunnel outlives its certificate by more than two minutes"
same(status(), 503, "the status then")
why = re.findall('a tunnel .*why="([^"]*)"', log("edge"))[-1]
ended, _ = live.p.to_end()
figure(27, f"{asked} requests in the last five minutes of its certificate served; its tunnel ended within {max(4, abs(over))} s of its end ({why}), with the stream in it; 503 then")
PY
grep -q 'could not renew' "$TMP/connector.log" || fail "it could renew after all"
