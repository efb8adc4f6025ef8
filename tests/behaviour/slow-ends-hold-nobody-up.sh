#!/usr/bin/env bash
# Visitors who read 1 KiB/s of a large download, and an upload to an origin that takes 1 MB/s: neither makes edge or connector
# keep more than their share, nobody else is slower for it, and the digest is right. SLOW_READERS, SLOW_BYTES, UPLOAD_BYTES.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW="16 or 35"
fault_web
visits "${SLOW_READERS:-20}" "${SLOW_BYTES:-1000000000}" "${UPLOAD_BYTES:-8000000}" "${UPLOAD_RATE:-1000000}" "${PIDS[edge]}" "${PIDS[connector]}" <<'PY'
readers, n, upload, rate = (int(x) for x in sys.argv[1:5])
roles = {"edge": sys.argv[5], "connector": sys.argv[6]}
def workers(pid):
    kids = open(f"/proc/{pid}/task/{pid}/children").read().split()
    return [k for k in kids if b"worker" in open(f"/proc/{k}/cmdline", "rb").read()]
def rss():
    out = {}
    for role, pid in roles.items():
        for k in workers(pid):
            for line in open(f"/proc/{k}/smaps_rollup"):
                if line.startswith("Pss:"): out[role] = out.get(role, 0) + int(line.split()[1])
    return out
def quick():
    return min(visit().get(20000000) for _ in range(3))
alone = quick()
before, got = rss(), [0] * readers
def slow(i):
    v = visit(rcvbuf=4096)
    v.ask(f"/bytes/{n}"); v.head_of("a download")
    while True:
        got[i] += len(v.p.s.recv(256)); time.sleep(0.25)
for i in range(readers): threading.Thread(target=slow, args=(i,), daemon=True).start()
wait_until(lambda: min(got) > 0, "all of them read")
beside = quick()
time.sleep(1)
after = rss()
each = {r: (after[r] - before[r]) / readers for r in after}
figure(16, f"{readers} visitors who read 1 KiB/s of {n / 1e6:.0f} MB: {each['edge']:.0f} KiB each in the edge's worker, {each['connector']:.0f} KiB in the connector's; 20 MB beside them in {beside * 1000:.0f} ms ({alone * 1000:.0f} ms without them)")
assert each["edge"] < 400 and each["connector"] < 400, each
assert beside < 10 * alone + 2, (alone, beside)
marks, sent = [], []
def told(at): sent.append((time.monotonic(), at))
peak = dict(before := rss())
done = threading.Event()
def watch():
    while not done.is_set():
        for r, k in rss().items(): peak[r] = max(peak[r], k)
        time.sleep(0.1)
w = threading.Thread(target=watch); w.start()
took = visit(wait=3600).put(upload, rate=rate, told=told)
done.set(); w.join()
half = next(t for t, at in sent if at >= upload / 2) - sent[0][0]
figure(35, f"{upload / 1e6:.0f} MB up to an origin that takes {rate / 1e6:.0f} MB/s: {took:.1f} s, half of it was accepted after {half:.1f} s; the edge's worker grew by {peak['edge'] - before['edge']} KiB at most, the connector's by {peak['connector'] - before['connector']} KiB; the digest is right")
assert took > 0.5 * upload / rate, "faster than the origin"
assert max(peak[r] - before[r] for r in peak) < 8192, (before, peak)
assert min(got) > 0 and threading.active_count() == readers + 1, "not all of them read yet"
os._exit(0) # an interpreter that ends under hundreds of reading threads may crash
PY
edge_is_alive
