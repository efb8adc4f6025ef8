#!/usr/bin/env bash
# The kernel has no descriptor for the edge's worker, again and again: who could not be taken in may come again, who is
# there is served, and the worker does not spin. (The calls fail because strace says so.)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
export ZT_LIMITS_INSECURE_NO_SANDBOX=true # a call that strace makes fail is call -1 to the jail, which kills for it
need strace
strace -o /dev/null true 2>/dev/null || skip "this machine does not let strace trace"
ROW=21
fault_web
worker=$(child_pid edge worker) || fail "no worker"
cpu() { awk '{ print $14 + $15 }' "/proc/$worker/stat"; }
inject edge worker 'accept4:error=EMFILE:when=5+5'
before=$(cpu)
visits <<'PY'
began, good, bad, kept = time.monotonic(), 0, 0, None
while not kept:
    try: kept = visit()
    except Bad: bad += 1
while good < 20 and secs(began) < 40:
    same(kept.status(), 200, "the status for who is there")
    try:
        v = visit(); v.get(300000); good += 1
    except (Bad, Closed, OSError): bad += 1
figure(21, f"every fifth accept4 failed with EMFILE: {good} new visitors served in {secs(began):.1f} s, {bad} turned away, who was there never")
PY
stop inject-edge
same "$(child_pid edge worker)" "$worker" "the worker"
grep -q 'EMFILE.*INJECTED' "$TMP/inject-edge.calls" || fail "nothing was injected"
echo "figure: row 21: $(grep -c INJECTED "$TMP/inject-edge.calls") calls made to fail, the worker used $(($(cpu) - before)) hundredths of a second meanwhile"
web app.test / -o /dev/null || fail "not served afterwards"
edge_is_alive
