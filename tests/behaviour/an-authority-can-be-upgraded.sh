#!/usr/bin/env bash
# The authority is replaced while others read from it over HTTP and join: none of them fails, its registry has one writer
# at a time, and what was issued before, at and after an upgrade is all there. Commands that meet the gap are told to try
# again, in so many words.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/ca.inc.sh"
. "$(dirname "${BASH_SOURCE[0]}")/caserve.inc.sh"
UPGRADES=${ZT_UPGRADES:-3}
start_ca
token 0 create device many --uses 1000
TOKEN=$(grep -o 'zt1_[A-Za-z0-9_-]*' <<<"$OUT") || fail "no token in: $OUT"
(umask 077 && printf '%s\n' "$TOKEN" >"$TMP/token")
cat >"$TMP/load.py" <<'PY'
# Each request has a connection of its own; every one is answered.
import http.client, subprocess, sys, threading
port, zt, token, tmp = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
stop, bad, n, joined = threading.Event(), [], [0], [0]
def reader(path):
    while not stop.is_set():
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            c.request("GET", path); r = c.getresponse(); body = r.read()
            if r.status != 200 or not body: bad.append(f"{path}: {r.status}")
            n[0] += 1; c.close()
        except (OSError, http.client.HTTPException) as e: bad.append(f"{path}: {e!r}")
def joiner(me):
    i = 0
    while not stop.is_set():
        i += 1
        r = subprocess.run([zt, "join", "--to", f"{tmp}/id{me}-{i}", "--token-file", token], capture_output=True, text=True, timeout=90)
        if r.returncode: bad.append(f"join: {r.returncode} {r.stderr}")
        joined[0] += 1
ts = [threading.Thread(target=reader, args=(p,)) for p in ("/crl/infra.crl", "/health")] + [threading.Thread(target=joiner, args=(1,))]
[t.start() for t in ts]
print("loaded", flush=True)
sys.stdin.readline(); stop.set(); [t.join() for t in ts]
print(f"{n[0]} requests, {joined[0]} joins, {len(bad)} bad {bad[:5]}", flush=True)
sys.exit(bool(bad) or n[0] < 20 or joined[0] < 2)
PY
curl -s -o "$TMP/crl" "http://127.0.0.1:$HTTP/crl/infra.crl" || fail "no list"
mkfifo "$TMP/hold"
start load sh -c "exec python3 '$TMP/load.py' $HTTP '$ZT' '$TMP/token' '$TMP' <'$TMP/hold'"
exec 9>"$TMP/hold"
wait_for grep -q loaded "$TMP/load.log"
command() { # tried until the authority takes it
	"$ZT" ca issue device "$1" --user ann --out "$TMP" -c "$CONF" >"$TMP/issued" 2>&1 || {
		code=$?
		same "$code" 7 "the exit code of a command that met the gap ($(<"$TMP/issued"))"
		return 1
	}
}
for ((i = 1; i <= UPGRADES; i++)); do
	mkdir -p "$TMP/out$i"
	start "asked" "$ZT" upgrade ca -c "$CONF"
	wait_for command "phone$i"
	join asked
	same "$STATUS" 0 "upgrade $i: $(<"$TMP/asked.log")"
done
echo bye >&9
exec 9>&-
join load
tail -n 1 "$TMP/load.log"
same "$STATUS" 0 "the load"
idle() { [ "$(ca_status elders)" = "[]" ]; }
wait_for idle
ca 0 list
for ((i = 1; i <= UPGRADES; i++)); do has "$OUT" "phone$i"; done
joined=$(find "$TMP" -maxdepth 1 -name 'id1-*' | wc -l)
same "$(grep -c many <<<"$OUT")" "$joined" "certificates of those who joined"
stop ca
same "$STATUS" 0 "exit code"
expect 0 "$ZT" journal check "$STATE/ca/registry/registry"
pass
