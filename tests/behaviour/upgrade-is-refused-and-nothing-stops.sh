#!/usr/bin/env bash
# core
# A program that cannot take over does not: each way is told in a sentence and an exit code, the running one serves on
# with every connection that it had, and an upgrade that works follows.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
THE_ZT=$ZT
cp "$ZT" "$TMP/zt"
ZT=$TMP/zt
echo_conf
start_echo
put() { mv -f "$1" "$TMP/zt"; }
script() { # LINE...: a program in the place of zt
	printf '%s\n' '#!/bin/sh' "$@" >"$TMP/new"
	chmod 755 "$TMP/new"
	put "$TMP/new"
}
back() { cp "$THE_ZT" "$TMP/new" && put "$TMP/new"; }
ask() { expect "$1" "$THE_ZT" upgrade echo -c "$CONF"; }
in_charge() { "$THE_ZT" status echo --json -c "$CONF" | sed 's/.*"log_lines_lost":[0-9]*,"process":\([0-9]*\).*/\1/'; }

# Somebody who is connected all the time, and asks after each attempt.
cat >"$TMP/held.py" <<'PY'
import os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
print("held", flush=True)
for line in sys.stdin:
    s.sendall(line.encode()); got = b""
    while len(got) < len(line):
        part = s.recv(4096)
        if not part: print("closed", flush=True); sys.exit(1)
        got += part
    print("echo", got.decode().strip(), flush=True)
PY
mkfifo "$TMP/words"
start held sh -c "exec python3 '$TMP/held.py' $PORT <'$TMP/words'"
exec 9>"$TMP/words"
wait_for grep -q held "$TMP/held.log"
served() { # WORD: the one who is connected, and one who comes
	local line
	echo "$1" >&9
	wait_for grep -q "echo $1" "$TMP/held.log"
	exec 7<>"/dev/tcp/127.0.0.1/$PORT" && echo "$1" >&7 && read -r line <&7 && [ "$line" = "$1" ] || fail "not served after: $1"
	exec 7>&-
	same "$(in_charge)" "$FIRST" "the process in charge after: $1"
}
refused() { # WORD CODE SENTENCE
	ask "$2"
	has "$ERR" "$3"
	served "$1"
	wait_for no_other
}
no_other() { [ "$(pgrep -P "$FIRST" | wc -l)" = 1 ]; } # its worker
FIRST=${PIDS[echo]}
export ZT

rm "$TMP/zt"
refused gone 1 "there is no such file"
printf '#!nothing' >"$TMP/new" && chmod 755 "$TMP/new" && put "$TMP/new"
refused lost 1 "cannot be run"
head -c 4000 "$THE_ZT" >"$TMP/new" && chmod 755 "$TMP/new" && put "$TMP/new"
refused half 1 "before it had read its configuration"
printf 'not a program\n' >"$TMP/new" && chmod 755 "$TMP/new" && put "$TMP/new"
refused text 1 "no program of this machine"
cp "$THE_ZT" "$TMP/new" && chmod 644 "$TMP/new" && put "$TMP/new"
[ "$(id -u)" = 0 ] || [ -x "$TMP/zt" ] || refused mode 1 "cannot be run"
cp "$THE_ZT" "$TMP/new" && put "$TMP/new"
exec 8>>"$TMP/zt" # somebody is writing it
refused busy 1 "it is being written"
exec 8>&-
script 'exit 7'
refused ends 1 "exited with code 7"
has "$ERR" "is it a zt that has this role?"
script "exec '$THE_ZT' frobnicate" # one that knows no such role
refused role 1 "exited with code 2"
script 'kill -SEGV $$'
refused crash 1 "killed by signal 11"

# One that speaks until it stops: what it says is a hand-over by hand, in python.
cat >"$TMP/heir.py" <<'PY'
import os, socket, struct, sys, time
how = sys.argv[1]
line = socket.socket(fileno=3)
line.setblocking(True)
data, fds, flags, addr = socket.recv_fds(line, 4096, 32)
def say(kind, n=0, text=b"", version=1, least=1):
    line.send(struct.pack("<HBBIQ", kind, version, least, 0, n) + text)
kind, version, least, pid, n = struct.unpack("<HBBIQ", data[:16])
assert kind == 1 and version == 1 and len(fds) == 4, (kind, version, fds)
text = data[16:].decode()
assert "role echo\n" in text and "listen 127.0.0.1:" in text and "instance " in text, text
if how == "later":
    say(2, text=b"9.9", version=3, least=2); time.sleep(60)
say(2, text=b"9.9")
assert line.recv(4096)[:1] == b"\x03"
if how == "go": sys.exit(3)
if how == "no":
    say(6, 8, b"the key has another passphrase"); time.sleep(60)
if how == "junk":
    line.send(b"?!"); sys.exit(9)
say(4); say(1000, 5, b"a word of a later version")
if how == "ready": say(5); sys.exit(4)
PY
heir() { script "exec python3 '$TMP/heir.py' $1"; }
heir go
refused go 1 "ended before it served: exited with code 3"
heir no
refused no 8 "the key has another passphrase"
heir later
refused later 1 "restart zt instead"
heir junk
refused junk 1 "exited with code 9"
# It says that it serves, and is gone: who is connected keeps the process that he has, those who come find another one.
heir ready
ask 1
has "$ERR" "said that it serves, and ended: exited with code 4"
well() { "$THE_ZT" health echo -c "$CONF"; }
wait_for well
echo_check || fail "not served after one that lied"
echo still >&9
wait_for grep -q "echo still" "$TMP/held.log"
same "$(pgrep -P "${PIDS[echo]}" | wc -l)" 2 "workers: the one that somebody is connected to, and the one that serves"
FIRST=${PIDS[echo]}
same "$(in_charge)" "$FIRST" "the process in charge after one that lied"

# The first one ends with what it has; a reload and a stop do not wait for more.
exec 9>&-
join held
wait_for no_other

# A configuration that a start would refuse, with its place.
back
echo 'nonsense = 1' >>"$CONF"
ask 3
has "$ERR" "$CONF:"
has "$ERR" "nonsense"
echo_conf
printf '[log]\nlevel = debug\n[limits]\n' >>"$CONF"
sed "s|^dir = .*|dir = $TMP/elsewhere|" "$CONF" >"$TMP/other.conf"
cp "$CONF" "$TMP/good.conf" && cp "$TMP/other.conf" "$CONF"
ask 3
has "$ERR" "[state] dir cannot change in an upgrade"
cp "$TMP/good.conf" "$CONF"
echo_check || fail "not served after a bad configuration"
same "$(in_charge)" "$FIRST" "the process in charge"

# One that hangs is given up. Meanwhile nothing else is begun, and what is asked of the role is answered.
script 'exec sleep 100'
start asked "$THE_ZT" upgrade echo -c "$CONF"
is_upgrading() { grep -q "upgrading" "$TMP/echo.log" && pgrep -P "$FIRST" -x sleep; }
wait_for is_upgrading
expect 7 "$THE_ZT" upgrade echo -c "$CONF"
has "$ERR" "running already"
expect 7 "$THE_ZT" reload echo -c "$CONF"
has "$ERR" "an upgrade is running"
well || fail "not healthy while one hangs"
join asked
same "$STATUS" 1 "the exit code of one that hangs"
has "$(<"$TMP/asked.log")" "said nothing for 10 s"
wait_for no_other
echo_check || fail "not served after one that hangs"

# And it still can be.
back
ask 0
[ "$(in_charge)" != "$FIRST" ] || fail "it was not replaced"
echo_check || fail "not served after the upgrade"
stop echo
same "$STATUS" 0 "exit code"
expect 5 "$THE_ZT" upgrade echo -c "$CONF"
pass
