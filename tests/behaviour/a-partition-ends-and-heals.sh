#!/usr/bin/env bash
# waits
# Nothing passes between edge and connector any more, and nobody is told: who asks gets an answer all the same, what was
# under way ends, and soon after the path is back so is the tunnel. PARTITION_S: how long, at least until it was noticed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=9
fault_web
visits "${PARTITION_S:-0}" <<'PY'
at_least = int(sys.argv[1])
visit().get(1 << 20)
under_way = []
def big():
    began = time.monotonic()
    try: visit().get(1 << 30, rate=4 << 20); under_way.append("came to its end")
    except Bad as e: under_way.append(time.monotonic() - cut)
t = threading.Thread(target=big); t.start()
time.sleep(0.3)
relay("stall"); cut = time.monotonic()
# Who asks before anybody can know waits for an answer; who asks later gets it at once.
first = visit().status(); first_s = secs(cut)
assert first in (502, 503, 504), f"{first} after {first_s:.1f} s"
now = time.monotonic(); late = visit().status(); late_s = secs(now)
assert late == 503 and late_s < 5, f"{late} after {late_s:.1f} s"
t.join(60)
assert under_way and not isinstance(under_way[0], str), under_way
time.sleep(max(0, at_least - secs(cut)))
lasted = secs(cut)
relay("go"); healed = time.monotonic()
wait_until(lambda: visit().status() == 200, "the path is used again")
back = secs(healed)
assert first_s < 75 and under_way[0] < 75, (first_s, under_way)
visit().get(1 << 20)
figure(9, f"cut for {lasted:.1f} s: {first} after {first_s:.1f} s, later 503 in {late_s * 1000:.0f} ms; a download ended after {under_way[0]:.1f} s; served {back:.2f} s after the path was back")
PY
edge_is_alive
