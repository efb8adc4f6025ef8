#!/usr/bin/env bash
# Bits of the tunnel's bytes are flipped on the way, up and down: the connection ends with the first of them, another takes
# its place, and no visitor is ever given a wrong byte. FLIPS: how many damaged connections, with FLIP_SEED.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
ROW=15
fault_web "seed ${FLIP_SEED:-4711}"
visits "${FLIPS:-8}" <<'PY'
flips, bad, good, back = int(sys.argv[1]), 0, 0, []
done = threading.Event()
wrong = []
def busy(put):
    global bad, good
    while not done.is_set():
        try:
            v = visit()
            v.put(3000000) if put else v.get(3000000)
            good += 1
        except Wrong as e: wrong.append(repr(e)); return
        except (Bad, Closed): bad += 1; time.sleep(0.02)
for put in (False, True, False, True): threading.Thread(target=busy, args=(put,), daemon=True).start()
wait_until(lambda: good > 4, "the path works")
for i in range(flips):
    over = log("connector").count("connection to the edge is over"), log("edge").count("a tunnel ended")
    up = log("edge").count("a connector announced its rules")
    relay("flip 1 " + ("up" if i % 2 else "down"))
    t = time.monotonic()
    wait_until(lambda: log("connector").count("connection to the edge is over") > over[0] and log("edge").count("a tunnel ended") > over[1], "both have ended it")
    ended = secs(t)
    wait_until(lambda: log("edge").count("a connector announced its rules") > up, "another takes its place")
    back.append((ended, secs(t)))
    n = good
    wait_until(lambda: good > n or wrong, "something passes")
done.set()
assert not wrong, wrong
forged = log("edge").count("damaged") + log("connector").count("damaged")
figure(15, f"{flips} bits flipped: {flips} connections ended, within {max(b[0] for b in back) * 1000:.0f} ms; another after {sum(b[1] for b in back) / flips:.2f} s on average; {good} transfers of 3 MB with the right digest, {bad} that failed and said so, 0 wrong")
PY
grep -h 'why=' "$TMP/edge.log" "$TMP/connector.log" | grep -o 'why="[^"]*"' | sort | uniq -c | sort -rn | head -6
edge_is_alive
