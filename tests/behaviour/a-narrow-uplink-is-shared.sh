#!/usr/bin/env bash
# waits
# A home whose uplink carries 64 kbit/s: somebody downloads from it as fast as that goes, and who asks for a page
# meanwhile waits no longer than a page takes. UPLINK_KBIT, UPLINK_ASKS.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=14
fault_web -b 4096
visits "${UPLINK_KBIT:-64}" "${UPLINK_ASKS:-8}" <<'PY'
kbit, asks = int(sys.argv[1]), int(sys.argv[2])
quiet = visit()
assert quiet.status() == 200
relay(f"rate {kbit} up")
alone = time.monotonic(); assert quiet.status("/bytes/1024") == 200; alone = secs(alone)
def bulk(n):
    v = visit()
    v.ask("/bytes/100000000")
    v.head_of("bulk")
    while True:
        got[n] += len(v.p.some())
got = [0, 0]
for n in range(2): threading.Thread(target=bulk, args=(n,), daemon=True).start()
wait_until(lambda: min(got) > 0, "the downloads have begun")
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
assert p95 < 15, took
PY
edge_is_alive
