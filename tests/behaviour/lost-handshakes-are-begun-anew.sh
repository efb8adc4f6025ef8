#!/usr/bin/env bash
# waits
# What passes between edge and connector is swallowed for a while, new connections too, and they stay without what was
# swallowed: soon after the path is back one that is begun anew is in use. LOST_S: how long, beside the time in which it was
# noticed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=9
fault_web
visits "${LOST_S:-4}" <<'PY'
more = float(sys.argv[1])
visit().get(1 << 20)
relay("lose"); cut = time.monotonic()
wait_until(lambda: "the edge is dialled again" in log("connector"), "the silence was noticed")
time.sleep(more) # handshakes begin meanwhile, and never end
lasted = secs(cut)
relay("go"); healed = time.monotonic()
wait_until(lambda: visit().status() == 200, "the path is used again")
back = secs(healed)
figure(9, f"all lost for {lasted:.1f} s: served {back:.2f} s after the path was back")
PY
edge_is_alive
