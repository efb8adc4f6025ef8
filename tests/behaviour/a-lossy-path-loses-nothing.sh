#!/usr/bin/env bash
# Between home and edge 5 % of all packets are lost, both ways: everything arrives, as it was sent. Then 200 ms of latency
# instead: a download grows to the whole window, and nobody is taken for dead. LOSS_BYTES, LATENCY_BYTES.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
two_houses 'delay 10'
. "$(dirname "$0")/web.inc.sh"
ROW=11
far_web
visits "${LOSS_BYTES:-4000000}" "${LATENCY_BYTES:-100000000}" <<'PY'
n, many = int(sys.argv[1]), int(sys.argv[2])
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
relay("loss 0", "wire"); relay("delay 100", "wire")
tunnels = log("edge").count("a connector is connected")
v = visit()
assert v.status() == 200
t = time.monotonic(); v.status("/bytes/1000"); one = secs(t)
began, v2, got, marks = time.monotonic(), visit(), 0, []
v2.ask(f"/bytes/{many}"); v2.head_of("a download")
while got < many:
    got += len(v2.p.some(many - got)); marks.append((secs(began), got))
half = next(m for m in marks if m[1] >= many / 2)
rate = (many - half[1]) / (marks[-1][0] - half[0])
same(log("edge").count("a connector is connected"), tunnels, "connections of the tunnel")
figure(12, f"200 ms round trip: a small request {one * 1000:.0f} ms; {many / 1e6:.0f} MB in {marks[-1][0]:.1f} s, the second half at {rate * 8e-6:.0f} Mbit/s = {rate * 0.2 / 1048576:.1f} MiB a round trip; no connection was given up")
assert rate * 0.2 > 1048576, "the window does not grow"
PY
[ "$(grep -c 'a tunnel ended' "$TMP/edge.log")" = 0 ] || fail "a tunnel ended"
edge_is_alive
