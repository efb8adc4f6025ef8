#!/usr/bin/env bash
# core
# The authority's keys under a passphrase: it comes from a file, a pipe, the environment or the terminal,
# never from an argument, and neither command lines nor environments of zt's processes ever show it.
# A wrong one is told, and nothing has changed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
need python3 strace
cd "$TMP/out" || fail "no $TMP/out"
umask 077
SECRET='correct horse battery staple'
printf '%s\n' "$SECRET" >"$TMP/pass"
echo wrong >"$TMP/wrong"

# ---- made with one, opened with it by every way -----------------------------------------------------
ca 0 init --pass-file "$TMP/pass"
has "$OUT" "encrypted: without the passphrase they are lost"
for k in infra.1 device.1 acme.1 registry; do
	has "$(head -n 1 "$CA/keys/$k.key")" "BEGIN ENCRYPTED PRIVATE KEY"
	openssl pkey -in "$CA/keys/$k.key" -passin "pass:$SECRET" -noout || fail "openssl cannot open $k"
	has "$(openssl asn1parse -in "$CA/keys/$k.key")" hmacWithSHA256
done
ca 0 issue device by-file --pass-file "$TMP/pass"
expect 0 sh -c "cat '$TMP/pass' | '$ZT' ca issue device by-stdin --pass-file - -c '$CONF'"
expect 0 env "ZT_PASSPHRASE=$SECRET" "$ZT" ca issue device by-env -c "$CONF"
expect 0 env "ZT_PASSPHRASE_FILE=$TMP/pass" "$ZT" ca issue device by-env-file -c "$CONF"
expect 0 bash -c "'$ZT' ca issue device by-pipe --pass-file <(cat '$TMP/pass') -c '$CONF'"
ca 8 list
has "$ERR" "keys/"

no() { untouched "$1" "$2" "${@:3}"; }
no 8 "keys/" "$ZT" ca issue device x --pass-file "$TMP/wrong" -c "$CONF"
no 8 "keys/" env ZT_PASSPHRASE=wrong "$ZT" ca issue device x -c "$CONF"
no 3 "are both set" env ZT_PASSPHRASE=a ZT_PASSPHRASE_FILE="$TMP/pass" "$ZT" ca list -c "$CONF"
no 1 "cannot read" "$ZT" ca list --pass-file "$TMP/none" -c "$CONF"
chmod 640 "$TMP/wrong"
no 1 "chmod 600" "$ZT" ca list --pass-file "$TMP/wrong" -c "$CONF"
no 8 "" "$ZT" ca rollover device begin --pass-file <(echo wrong) -c "$CONF"

# ---- asked for on the terminal, without echo --------------------------------------------------------
cat >"$TMP/typed.py" <<'PY'
import os, pty, select, sys, termios
# typed.py TYPED PROMPTS COMMAND...: runs it on a terminal of its own, types at each prompt; prints what was shown.
typed, prompts, command = sys.argv[1].encode(), int(sys.argv[2]), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown, answered = b"", 0
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    while answered < prompts and shown.count(b": ") - shown.count(b": \r\n") > 0 and shown.endswith(b": "):
        assert not termios.tcgetattr(fd)[3] & termios.ECHO, "the terminal echoes"
        os.write(fd, typed + b"\n")
        answered += 1
        shown += os.read(fd, 4096)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
sys.exit(code)
PY
expect 0 python3 "$TMP/typed.py" "$SECRET" 1 "$ZT" ca list -c "$CONF"
has "$OUT" "passphrase of the authority's keys: "
has "$OUT" by-pipe
lacks "$OUT" "$SECRET"
expect 8 python3 "$TMP/typed.py" "no $SECRET" 1 "$ZT" ca list -c "$CONF"
lacks "$OUT" "$SECRET"
mv "$STATE" "$STATE.first"
expect 0 python3 "$TMP/typed.py" "$SECRET" 2 "$ZT" ca init --ask-pass -c "$CONF"
has "$OUT" "again: "
lacks "$OUT" "$SECRET"
ca 0 list --pass-file "$TMP/pass"
rm -rf "$STATE" && mv "$STATE.first" "$STATE"

# ---- shown to nobody ----------------------------------------------------------------------------------
# At each call of each process that a command starts: stop it there, and look at all of them. The secret
# must be neither in an argument nor in an environment, the one of the command itself excepted until it has
# taken it out: that is before it starts anything.
cat >"$TMP/look.py" <<'PY'
import os, sys
secret, binary = sys.argv[1].encode(), os.stat(sys.argv[2]).st_ino
seen = bad = 0
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if os.stat(f"/proc/{pid}/exe").st_ino != binary:
            continue
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as f:
                if secret in f.read():
                    print(name, "of", pid, open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode())
                    bad += 1
        seen += 1
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
print(seen, "processes")
sys.exit(1 if bad else 0)
PY
cp "$ZT" "$TMP/zt-here" && chmod 755 "$TMP/zt-here" && chmod 711 "$TMP"
# The command hangs in the middle: it wants to write its answer into a pipe that nobody reads.
mkfifo "$TMP/hold"
look_at() { # NAME ENVIRONMENT... -- COMMAND...
	local name=$1 vars=()
	shift
	while [ "$1" != -- ]; do vars+=("$1") && shift; done
	shift
	exec 9<>"$TMP/hold"
	head -c 65536 /dev/zero >&9 # full
	env "${vars[@]}" "$TMP/zt-here" "$@" >"$TMP/hold" 2>"$TMP/$name.err" </dev/null &
	PIDS[$name]=$!
	has_child() { [ -n "$(cat "/proc/${PIDS[$name]}/task/${PIDS[$name]}/children")" ]; }
	is_writing() { grep -q '^[0-9]* 0x1 ' "/proc/${PIDS[$name]}/syscall"; }
	wait_for has_child
	wait_for is_writing
	OUT=$(python3 "$TMP/look.py" "$SECRET" "$TMP/zt-here") || fail "$name: the passphrase is in the $OUT"
	[ "${OUT% processes}" -ge 2 ] || fail "$name: only $OUT were looked at"
	exec 9<&-
	exec 9<"$TMP/hold"
	cat <&9 >/dev/null
	exec 9<&-
	join "$name"
	same "$STATUS" 0 "how $name ended ($(cat "$TMP/$name.err"))"
}
look_at from-a-file -- ca list --pass-file "$TMP/pass" -c "$CONF"
look_at from-the-environment "ZT_PASSPHRASE=$SECRET" -- ca list -c "$CONF"
look_at from-a-named-file "ZT_PASSPHRASE_FILE=$TMP/pass" -- ca list -c "$CONF"
# And that this finds one that is there: in a variable that is not zt's to take.
mkfifo "$TMP/never" && exec 8<>"$TMP/never"
start control env "CONTROL=$SECRET" "$TMP/zt-here" ca issue device x --csr "$TMP/never" -c "$CONF"
is_found() { ! python3 "$TMP/look.py" "$SECRET" "$TMP/zt-here"; }
wait_for is_found
stop control
# Nor does the authority's directory, or what a command says, have it.
! grep -rqF "$SECRET" "$STATE" "$TMP"/*.err || fail "the passphrase is written somewhere"
pass
