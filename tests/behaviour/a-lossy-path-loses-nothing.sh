#!/usr/bin/env bash
# Between home and edge 5 % of all packets are lost, both ways: everything arrives, as it was sent, and small requests are
# not held up. LOSS_BYTES: of each of two downloads and two uploads.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
two_houses 'delay 10'
. "$(dirname "$0")/web.inc.sh"
ROW=11
far_web
visits "${LOSS_BYTES:-1000000}" <<'PY'
n = int(sys.argv[1])
def all_of_it():
    """Downloads and uploads side by side, and small requests meanwhile: (bytes/s, the small ones' seconds)."""
    failed, small, done = [], [], threading.Event()
    def one(f):
        try: f(visit())
        except (Bad, Wrong) as e: failed.append(repr(e))
    def asks():
        v = visit()
        while not done.is_set():
            t = time.monotonic()
            assert v.status("/bytes/1000") == 200
            small.append(secs(t))
            time.sleep(0.02)
    t = [threading.Thread(target=one, args=(f,)) for f in (lambda v: v.get(n), lambda v: v.put(n), lambda v: v.get(n), lambda v: v.put(n))]
    a = threading.Thread(target=one, args=(lambda v: asks(),))
    began = time.monotonic()
    a.start()
    for x in t: x.start()
    for x in t: x.join()
    took = secs(began); done.set(); a.join()
    assert not failed, failed
    return 4 * n / took, sorted(small)
clean, quick = all_of_it()
relay("loss 5", "wire")
lossy, slow = all_of_it()
p99 = slow[min(len(slow) - 1, int(len(slow) * 0.99))]
figure(11, f"5 % loss both ways at 20 ms: {lossy / clean:.2f} of the clean path's {clean * 8e-6:.0f} Mbit/s, 0 of {len(slow) + 4} requests failed, small ones p99 {p99:.2f} s (clean {quick[int(len(quick) * 0.99) - 1]:.2f} s)")
assert p99 < 15, p99
PY
[ "$(grep -c 'a tunnel ended' "$TMP/edge.log")" = 0 ] || fail "a tunnel ended"
edge_is_alive
