#!/usr/bin/env bash
# Peers of another version of the tunnel's protocol: whoever still speaks ours is served, whoever does not is told so and
# dialled again later; a HELLO that means nothing ends the connection. Who is connected already notices nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
. "$(dirname "$0")/web.inc.sh"
. "$(dirname "$0")/judged.inc.sh"
ROW=47
judged_start good skew
played <<'PY' || fail "row 47: $(tail -n 5 "$TMP/played.log")"
lists = REG.list(10, {s: GOOD for s in S.values()})
good = link("good")
good.list(lists); good.serve(1, b"app.test")
assert let_in(good, "good") and carries(good)
said = {}
for lo, hi in ((1, 1), (1, 2), (1, 65535), (2, 2), (2, 3), (65535, 65535), (2, 1), (0, 0)):
    l = link("skew", says_hello=False)
    l.send(frame(HELLO, 0, hello(lo=lo, hi=hi)))
    if lo <= 1 <= hi:
        l.list(lists); l.serve(1, b"other.test")
        assert let_in(l, "skew"), (lo, hi, l.goaway)
        assert carries(l, "other.test"), (lo, hi)
        said[lo, hi] = "served"
        n = log().count("a tunnel ended")
        l.close()
        wait("its end", lambda: log().count("a tunnel ended") > n)
    else:
        reason = l.to_the_end()
        assert reason and reason[0] == (VERSION if lo <= hi and lo else PROTOCOL), (lo, hi, reason)
        said[lo, hi] = f"{reason[0]}: {reason[1]}"
    assert carries(good), (lo, hi)
served = [f"{a}-{b}" for (a, b), w in said.items() if w == "served"]
told = [f"{a}-{b}" for (a, b), w in said.items() if w.startswith("6")]
print(f"figure: row 47: an edge that speaks 1: connectors of {', '.join(served)} served, of {', '.join(told)} refused with reason 6, {len(said) - len(served) - len(told)} without a meaning refused; the other tunnel carried on")
PY
edge_is_alive
# The other way round: a connector and edges.
. "$(dirname "$0")/tunnel.inc.sh"
stop edge
start ca "$ZT" ca serve -c "$CONF"
wait_for ca_is_healthy
for range in '1 2' '2 3'; do
	at=$(free_port)
	new_token edge "e${range% *}"
	expect 0 "$ZT" join --to "$TMP/e.id" --token-file "$TMP/token"
	new_token connector "c${range% *}"
	printf '[state]\ndir = %s/home%s\nrun_dir = %s/run%s\n' "$TMP" "${range% *}" "$TMP" "${range% *}" >"$HOME_CONF"
	connector 0 join --token-file "$TMP/token"
	printf '[connector]\nedge = 127.0.0.1:%s\nhealth =\n%s\n' "$at" "$CATCH_ALL" >>"$HOME_CONF"
	EDGE_VERSIONS=$range start peer python3 "$ROOT/tests/behaviour/edgepeer.py" "$at" "$TMP/e.id/identity.pem" "$TMP/e.id/trust/infra.pem" "$TMP/e.ctl"
	wait_for holds_port "$at"
	start connector "$ZT" connector -c "$HOME_CONF"
	if [ "$range" = '1 2' ]; then
		wait_for grep -q 'Connected to network' "$TMP/connector.log"
	else
		wait_for grep -q 'no version of the tunnel protocol' "$TMP/connector.log"
		wait_for grep -q 'the edge is dialled again' "$TMP/connector.log"
	fi
	stop connector
	stop peer
	rm -rf "$TMP/e.id" "$TMP/e.ctl"
done
echo "figure: row 47: a connector that speaks 1: an edge of 1-2 is used, one of 2-3 is told why and dialled again"
