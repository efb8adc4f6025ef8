#!/usr/bin/env bash
# The signing process is killed again and again while machines join: each gets its certificate in the end,
# exactly one, and no token is used more often than it may be. Whoever does not have to know is not told.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca
new_token connector --uses 40
ZT=$ZT py <<'PY' >"$TMP/load.log" || fail "joins beside a dying signing process: $(<"$TMP/py.log")"
import json, signal
t = Token(open(TMP + "/token").read())
again, joined, failed, lock = [0], threading.Semaphore(0), [], threading.Lock()
for i in range(40): request(f"{TMP}/{i}.key")
def sign():
    said = subprocess.run([os.environ["ZT"], "status", "ca", "--json", "-c", TMP + "/zt.conf"], stdout=subprocess.PIPE).stdout
    return next((c["pid"] for c in json.loads(said)["children"] if c["name"] == "sign"), 0)
def joiner(i):
    csr = request(f"{TMP}/{i}.key")
    for attempt in range(200):
        try: answer = join(ENROL, t, csr, source=f"127.0.5.{i + 1}")
        except OSError: answer = None
        if isinstance(answer, dict):
            keep(answer, f"{TMP}/{i}.pem")
            break
        if answer is not None and refusal(answer)[0] != E_AGAIN:
            failed.append((i, refusal(answer)))
            break
        with lock: again[0] += 1
        time.sleep(0.02)
    else: failed.append((i, "never"))
    joined.release()
# Eight at a time; it dies when the n-th of them has joined, in the middle of what the others do.
for burst in range(5): # it starts again later after each death
    victim = sign()
    all = [threading.Thread(target=joiner, args=(i,)) for i in range(burst * 8, burst * 8 + 8)]
    for a in all: a.start()
    for _ in range(burst): joined.acquire()
    os.kill(victim, signal.SIGKILL)
    for a in all: a.join()
    for _ in range(8 - burst): joined.acquire()
    while sign() in (0, victim): time.sleep(0.02)
assert not failed, failed
print("40 joined,", again[0], "times somebody had to ask again", flush=True)
PY
cat "$TMP/load.log"
echo "asked once more by the network side: $(front asked_again)"
for ((i = 0; i < 40; i++)); do
	openssl verify -CAfile "$CA/infra.pem" "$TMP/$i.pem" >/dev/null 2>&1 || fail "the certificate $i is not good"
	serial_of "$TMP/$i.pem"
done | sort -u >"$TMP/serials"
same "$(wc -l <"$TMP/serials")" 40 "different serials"
same "$("$ZT" ca list --json -c "$CONF" | grep -c '"role":"connector"')" 40 "certificates in the registry"
py <<'PY' || fail "the token was not used up"
assert refusal(join(ENROL, Token(open(TMP + "/token").read()), request(TMP + "/more.key")))[0] == E_TOKEN
PY
stop ca
same "$STATUS" 0 "the exit code"
expect 0 "$ZT" journal check "$CA/registry/registry"
