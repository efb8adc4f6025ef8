#!/usr/bin/env bash
# core
# `zt demo` is what README promises: one command, and what it prints works as it stands there, in a browser too. Ctrl-C
# takes everything away again. SHOTS=DIR keeps what the browser showed.
. "$(dirname "$0")/lib.sh"
need curl chromium certutil python3
export TMPDIR=$TMP/tmp
mkdir -p "$TMPDIR" "$TMP/home"

# demo NAME OPTION...: runs until it says how to stop it. Then $SAID, and $DIR, where it keeps its things.
demo() {
	start "$1" "$ZT" demo "${@:2}"
	wait_for eval "grep -q '^Stop with Ctrl-C' '$TMP/$1.log' || has_ended $1"
	running "$1" || fail "it has ended"
	SAID=$(<"$TMP/$1.log")
	DIR=$(sed -n 's/^Configuration: *\(.*\)\/zt\.conf$/\1/p' <<<"$SAID")
	[ -d "$DIR" ] || fail "no directory in: $SAID"
}
# family PID: it and all that came from it.
family() {
	local child
	echo "$1"
	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do family "$child"; done
}
# all_gone PID...
all_gone() {
	local pid
	for pid; do
		! [ -d "/proc/$pid" ] || return 1
	done
}

demo first --port 0
has "$SAID" "Ready in "
URL=$(sed -n 's/^  \(https:.*\)$/\1/p' <<<"$SAID")
[ -n "$URL" ] || fail "no address in: $SAID"
readarray -t WHO < <(family "${PIDS[first]}")
[ "${#WHO[@]}" -gt 8 ] || fail "it started ${#WHO[@]} processes only"

# What it says to type, as it says it.
for n in 1 2; do
	command=$(awk -v n=$n '/^  curl / {k++} k == n && NF {print} k == n && !/\\$/ {exit}' "$TMP/first.log")
	expect 0 bash -c "$command -sS -w '%{http_code}'"
	same "${OUT: -3}" 200 "the status of: $command"
	has "$OUT" '"fields":[["Host","'
	has "$OUT" '["X-Forwarded-Proto","https"]'
done
has "$OUT" 'private.localhost'
expect 0 bash -c "${command/--cert*.key/} -sS -w '%{http_code}'"
same "${OUT: -3}" 403 "the status without a certificate"
has "$OUT" '"reason":"cert-needed"'
command=$(sed -n 's/^What runs: *//p' "$TMP/first.log")
expect 0 bash -c "$command"
for role in ca edge connector; do has "$OUT" "$role"; done
HEALTH=$(sed -n 's/^health = //p' "$DIR/zt.conf")
same "$(curl -sS -o /dev/null -w '%{http_code}' "http://$HEALTH/ready")" 200 "what the connector says to /ready"
expect 0 "$ZT" check -c "$DIR/zt.conf"

# A browser that trusts its authority sees the page; without a certificate, the refusal.
mkdir -p "$TMP/home/.pki/nssdb"
{
	certutil -N -d "sql:$TMP/home/.pki/nssdb" --empty-password &&
		certutil -A -d "sql:$TMP/home/.pki/nssdb" -n demo -t C,, -i "$DIR/acme.pem"
} >"$TMP/certutil.log" 2>&1 || fail "cannot tell the browser whom to trust"
# visit NAME URL OPTION...
visit() {
	HOME=$TMP/home timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
		--disable-background-networking --user-data-dir="$TMP/home/profile" --window-size=900,700 "${@:3}" "$2" \
		>"$TMP/$1.html" 2>"$TMP/$1.said" || fail "chromium: $(tail -n 5 "$TMP/$1.said")"
}
visit page "$URL" --dump-dom
has "$(<"$TMP/page.html")" "<h1>It works</h1>"
has "$(<"$TMP/page.html")" "X-Forwarded-For"
visit refusal "${URL/app./private.}" --dump-dom
has "$(<"$TMP/refusal.html")" "<h1>Forbidden</h1>"
visit shot "$URL" --screenshot="$TMP/shot.png"
python3 - "$TMP/shot.png" <<'PY' || fail "the screenshot is no picture of a page"
import struct, sys, zlib
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, parts = 8, b""
while at < len(data):
    n, kind = struct.unpack(">I4s", data[at:at + 8])
    if kind == b"IHDR": wide, high = struct.unpack(">II", data[at + 8:at + 16])
    if kind == b"IDAT": parts += data[at + 8:at + 8 + n]
    at += 12 + n
assert (wide, high) == (900, 700), (wide, high)
assert len(set(zlib.decompress(parts))) > 20, "all of one colour"
PY
[ -z "${SHOTS:-}" ] || cp "$TMP/shot.png" "$SHOTS/demo.png"

# Somebody has the port already: said before anything is made.
PORT=${URL##*:} PORT=${PORT%/}
expect 7 "$ZT" demo --port "$PORT" --dir "$TMP/none"
has "$ERR" "port $PORT on 127.0.0.1 is in use; say --port 0"
[ ! -e "$TMP/none" ] || fail "it has left a directory"

stop first INT
same "$STATUS" 0 "the end by Ctrl-C"
wait_for all_gone "${WHO[@]}"
[ ! -e "$DIR" ] || fail "something is left in $DIR: $(ls -R "$DIR")"
same "$(find "$TMPDIR" -name 'zt-demo-*')" "" "what is left"

# Told to stop while it is still beginning.
start hasty "$ZT" demo --port 0
wait_for eval "[ -n \"\$(find '$TMPDIR' -name 'zt.conf')\" ]"
readarray -t WHO < <(family "${PIDS[hasty]}")
stop hasty TERM
same "$STATUS" 0 "the end of one that was just beginning"
wait_for all_gone "${WHO[@]}"
same "$(find "$TMPDIR" -name 'zt-demo-*')" "" "what that one left"

# --dir keeps what there is, and is never somebody else's.
demo kept --port 0 --dir "$TMP/kept"
same "$DIR" "$TMP/kept" "the directory"
stop kept INT
same "$STATUS" 0 "the end of one that keeps its directory"
for f in zt.conf log acme.pem browser.pem state/connector/identity/identity.pem; do
	[ -s "$TMP/kept/$f" ] || fail "--dir did not keep $f"
done
expect 1 "$ZT" demo --port 0 --dir "$TMP/kept"
has "$ERR" "cannot make $TMP/kept: File exists"
expect 2 "$ZT" demo --port x
expect 2 "$ZT" demo more
pass
