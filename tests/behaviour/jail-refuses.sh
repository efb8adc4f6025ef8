#!/bin/bash
# core
# What zt's processes must not be able to do is refused when tried, to root's children and to an
# ordinary user's; without the sandbox the same attempts succeed.
. "$(dirname "$0")/lib.sh"
need python3

# judge FILE CODE: the rules that doctor's exit code promises, worked out again from its JSON.
judge() {
	python3 - "$1" "$2" <<'PY'
import json, sys
d = json.load(open(sys.argv[1])); code = int(sys.argv[2])
bad = []
for p in d["profiles"]:
    on = {l["name"]: l["state"] for l in p["layers"]}
    if not p["attempts"]:
        sys.exit(f"{p['name']}: nothing was tried")
    for a in p["attempts"]:
        if a["outcome"] == "failed" or a["verdict"] in ("breach", "open"):
            sys.exit(f"{p['name']}, {a['name']}: {a}")
        if a["outcome"] == "killed" and on["seccomp"] != "on":
            sys.exit(f"{p['name']}, {a['name']}: killed without a filter")
        if a["outcome"] == "allowed" and p["name"] != "probe":
            bad.append(a["name"])
    if on["seccomp"] == "on" and on["landlock-files"] in ("on", "off"):
        left = [a["name"] for a in p["attempts"] if a["outcome"] == "allowed"]
        if left:
            sys.exit(f"{p['name']}: filter and Landlock are on, and yet it could {left}")
if len(d["profiles"]) != 8 or d["tried"] < 150:
    sys.exit("too little was tried")
if d["ok"] != (code == 0) or (code == 0) != (not bad):
    sys.exit(f"exit code {code}, ok is {d['ok']}, allowed: {bad}")
PY
}

# survey WHO COMMAND...
survey() {
	local who=$1 code
	shift
	"$@" doctor --json >"$TMP/$who.json" 2>"$TMP/$who.err"
	code=$?
	judge "$TMP/$who.json" "$code" || fail "$who: $(cat "$TMP/$who.err")"
	"$@" doctor >"$TMP/$who.txt" 2>&1
	same $? "$code" "$who: exit code of the text form"
	has "$(tail -n 1 "$TMP/$who.txt")" "zt doctor: "
	[ "$code" != 0 ] || lacks "$(cat "$TMP/$who.txt")" "ALLOWED"
}

survey self "$ZT"
if [ "$(id -u)" = 0 ]; then
	same "$(json uid <"$TMP/self.json") $(json child_uid <"$TMP/self.json")" "0 65534" "users"
	if command -v setpriv >/dev/null; then
		chmod 755 "$TMP"
		cp "$ZT" "$TMP/zt" && chmod 755 "$TMP/zt"
		survey user setpriv --reuid 65534 --regid 65534 --clear-groups "$TMP/zt"
		same "$(json child_uid <"$TMP/user.json")" 65534 "user"
	fi
fi

# The canary: this must find fault, or the above proves nothing.
expect 1 "$ZT" doctor --off
has "$OUT" "THE SANDBOX IS OFF"
has "$OUT" "ALLOWED"
has "$OUT" "require_sandbox = true would refuse to start"
for what in "read a file elsewhere" "start a process" "map memory writable and executable" \
	"reach a local service's socket" "open a TCP port"; do
	grep -F "$what" <<<"$OUT" | grep -q ALLOWED || fail "--off: '$what' was not allowed"
	lacks "$(grep -F "$what" <<<"$OUT")" "killed"
done

expect 2 "$ZT" doctor --of
has "$ERR" "unknown option '--of'"
expect 2 "$ZT" doctor --profiles --json
expect 0 "$ZT" doctor --help
pass "$(tail -n 1 "$TMP/self.txt")"
