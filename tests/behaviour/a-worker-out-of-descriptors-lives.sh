#!/usr/bin/env bash
# The kernel has no descriptor for the edge's worker, again and again: who could not be taken in may come again, who is
# there is served, and the worker does not spin. The same for each other word of accept4 that is about one connection, or
# about this moment, at every second call: there nobody is turned away. (The calls fail because strace says so.)
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
accepts() { # ERROR WHEN TURNED-AWAY-AT-MOST
	local before
	before=$(cpu)
	inject edge worker "accept4:error=$1:when=$2"
	visits "$@" <<'PY'
error, when, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
began, good, bad, kept = time.monotonic(), 0, 0, None
while not kept and secs(began) < 40:
    try: kept = visit()
    except Bad: bad += 1
while good < 20 and secs(began) < 40:
    same(kept.status(), 200, "the status for who is there")
    try:
        v = visit(); v.get(300000); good += 1
    except (Bad, Closed, OSError): bad += 1
figure(21, f"accept4 failed with {error}, {when}: {good} new visitors served in {secs(began):.1f} s, {bad} turned away, who was there never")
assert good == 20 and bad <= most
PY
	stop inject-edge
	same "$(child_pid edge worker)" "$worker" "the worker"
	grep -q "$1.*INJECTED" "$TMP/inject-edge.calls" || fail "nothing was injected"
	echo "figure: row 21: $(grep -c INJECTED "$TMP/inject-edge.calls") calls made to fail, the worker used $(($(cpu) - before)) hundredths of a second meanwhile"
	[ $(($(cpu) - before)) -lt 500 ] || fail "the worker spins"
}
accepts EMFILE 5+5 1000
for error in EINTR ECONNABORTED EPROTO ENOMEM; do accepts $error 2+2 0; done
web app.test / -o /dev/null || fail "not served afterwards"
edge_is_alive
