#!/usr/bin/env bash
# waits
# A middlebox forgot the tunnel's connection: what one side sends is swallowed, FIN and RST too; new connections pass.
# It is noticed, another connection takes its place, and nobody waits for ever. HALF_OPEN_DIRS: some of up down both.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=10
fault_web
visits "${HALF_OPEN_DIRS:-up}" <<'PY'
for where in sys.argv[1].split():
    visit().get(1 << 20)
    before = log("edge").count("a connector announced its rules")
    relay("lose" if where == "both" else f"lose {where}"); began = time.monotonic()
    relay("go") # who connects now passes
    s = visit().status(); answered = secs(began)
    wait_until(lambda: log("edge").count("a connector announced its rules") > before, "another connection")
    back = secs(began)
    wait_until(lambda: visit().status() == 200, "it is served")
    assert answered < 75 and back < 75, (answered, back)
    figure(10, f"{where} lost: who had asked was told {s} after {answered:.1f} s, another tunnel after {back:.1f} s")
PY
edge_is_alive
streams_live() { "$ZT" status edge --json -c "$EDGE_CONF" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"]["streams_live"])'; }
none_lives() { [ "$(streams_live)" = 0 ]; }
wait_for none_lives
