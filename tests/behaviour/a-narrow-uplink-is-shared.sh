#!/usr/bin/env bash
# waits
# A home whose uplink is narrow: somebody downloads from it as fast as that goes, and who asks for a page
# meanwhile waits for little more than what was on its way already. UPLINK_KBIT, UPLINK_ASKS, UPLINK_FILL_S.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
two_houses 'delay 10' 'queue 16384'
. "$(dirname "$0")/web.inc.sh"
ROW=14
far_web
visits "${UPLINK_KBIT:-256}" "${UPLINK_ASKS:-5}" "${UPLINK_FILL_S:-2}" <<'PY'
kbit, asks = int(sys.argv[1]), int(sys.argv[2])
quiet = visit()
assert quiet.status() == 200
relay(f"rate {kbit} up", "wire")
alone = time.monotonic(); assert quiet.status("/bytes/1024") == 200; alone = secs(alone)
def bulk(n):
    v = visit()
    v.ask("/bytes/100000000")
    v.head_of("bulk")
    while True:
        try: got[n] += len(v.p.some())
        except Closed: return
got = [0, 0]
for n in range(2): threading.Thread(target=bulk, args=(n,), daemon=True).start()
wait_until(lambda: min(got) > 0, "the downloads have begun")
time.sleep(float(sys.argv[3]))
began, first, took = time.monotonic(), sum(got), []
for i in range(asks):
    t = time.monotonic()
    assert quiet.status("/bytes/1024") == 200
    took.append(secs(t))
    time.sleep(0.2)
carried = (sum(got) - first + 1024 * asks) / secs(began)
took.sort()
p95 = took[max(0, int(len(took) * 0.95) - 1)]
figure(14, f"{kbit} kbit/s up, two downloads: 1 KB pages in {took[len(took) // 2]:.2f} s (median), {p95:.2f} s (p95), {took[-1]:.2f} s (worst of {asks}), {alone:.2f} s with nobody else; {carried * 8 / 1000:.0f} kbit/s carried")
assert p95 < 960 / kbit, took
PY
edge_is_alive
stop connector # while the wire is there: behind it, cut off from the edge, it would let the downloads finish for 30 s
