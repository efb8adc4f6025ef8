#!/usr/bin/env bash
# core
# A relay is replaced under a TLS stream that goes on, and a role with a log file without losing a line of either process;
# a program that speaks the next version of the hand-over is taken, one that this one cannot know says so. A plain user's
# role is upgraded as root's is, also by a supervisor that came by an upgrade.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
ca home
cert a home serverAuth "DNS:a.test"
start_echo_origin
cat >"$TMP/stream.py" <<'PY'
import os, subprocess, sys, tlspeer
port, ca, zt, conf = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
c = tlspeer.dial(port, tlspeer.context(ca), "a.test")
def say(n):
    data = os.urandom(n); c.send(data); assert c.recv_exactly(n) == data
say(1000)
for i in range(3):
    subprocess.run([zt, "upgrade", "relay", "-c", conf], check=True, timeout=60)
    say(100000)
    d = tlspeer.dial(port, tlspeer.context(ca), "a.test"); d.send(b"new"); assert d.recv_exactly(3) == b"new"; d.finish()
c.finish()
assert c.recv() == b"" and c.end() == "end", c.end()
PY
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')"
start_relay near
peer "$TMP/stream.py" "${AT[near]}" "$PKI/home.pem" "$ZT" "${CONF[near]}" || fail "a stream did not outlive the upgrades"
idle() { [ "$(relay_status near elders)" = "[]" ]; }
wait_for idle
stop near
same "$STATUS" 0 "exit code of the relay"

# A log file, which only one process may write. Who is connected speaks (through its end) in the process before.
mkdir -m 700 "$TMP/logs"
[ "$(id -u)" != 0 ] || chown 65532:65532 "$TMP/logs"
PORT=$(free_port) E=$TMP/logged.conf
printf '[state]\ndir = %s/l.state\nrun_dir = %s/l.run\n[echo]\nlisten = 127.0.0.1:%s\n[log]\nfile = %s/logs/zt.log\n' \
	"$TMP" "$TMP" "$PORT" "$TMP" >"$E"
LOG=$TMP/logs/zt.log
cp "$ZT" "$TMP/zt"
start logged "$TMP/zt" echo -c "$E"
wait_for "$ZT" health echo -c "$E"
exec 7<>"/dev/tcp/127.0.0.1/$PORT"
echo hello >&7 && read -r -t 60 _ <&7
expect 0 "$ZT" upgrade echo -c "$E"
grep -q "upgraded: another process serves now" "$LOG" || fail "what the one before said last is not in the log"
ended() { grep -c "closed peer=.* bytes=6 " "$LOG"; }
same "$(ended)" 0 "lines of an end"
exec 7>&-
wait_for ended
same "$(grep -c '[^a-z]ready ms=' "$LOG")" 2 "lines of two processes that were ready"

# Of a plain user: nobody changes the user of a process, and what the jail leaves is less.
if [ "$(id -u)" = 0 ]; then
	plain() { setpriv --reuid 12345 --regid 12345 --clear-groups "$@"; }
	mkdir "$TMP/plain" && cp "$ZT" "$TMP/plain/zt"
	PLAIN=$(free_port) P=$TMP/plain/echo.conf
	printf '[state]\ndir = %s/state\nrun_dir = %s/run\n[echo]\nlisten = 127.0.0.1:%s\n' "$TMP/plain" "$TMP/plain" "$PLAIN" >"$P"
	chown -R 12345:12345 "$TMP/plain"
	chmod 711 "$TMP"
	start plain setpriv --reuid 12345 --regid 12345 --clear-groups "$TMP/plain/zt" echo -c "$P"
	wait_for plain "$TMP/plain/zt" health echo -c "$P"
	exec 8<>"/dev/tcp/127.0.0.1/$PLAIN"
	for word in begun once twice; do
		[ "$word" = begun ] || expect 0 plain "$TMP/plain/zt" upgrade echo -c "$P"
		echo "$word" >&8 && read -r -t 60 line <&8 && same "$line" "$word" "who is connected to a plain user's role"
	done
	same "$(plain "$TMP/plain/zt" status echo -c "$P" | grep -c 'before an upgrade: pid')" 1 "processes of before that somebody is connected to"
	tree() { local p; echo "$1"; for p in $(pgrep -P "$1"); do tree "$p"; done; }
	for pid in $(tree "${PIDS[plain]}"); do same "$(stat -c %u "/proc/$pid")" 12345 "whose process $pid is"; done
	exec 8>&-
	none_lingers() { [ "$(plain "$TMP/plain/zt" status echo --json -c "$P" | json elders)" = "[]" ]; }
	wait_for none_lingers
	stop plain
	same "$STATUS" 0 "exit code of a plain user's role"
fi

# Versions of the hand-over.
next() { cp "$ROOT/build/rel/tests/$1" "$TMP/zt.new" && mv "$TMP/zt.new" "$TMP/zt"; }
[ -e "$ROOT/build/rel/tests/zt-next" ] || fail "no program of another version was built: make tools"
next zt-strange
expect 1 "$ZT" upgrade echo -c "$E"
has "$ERR" "does not hand over as this one does: restart zt instead"
next zt-next
expect 0 "$ZT" upgrade echo -c "$E"
# The other way round: what runs is of a later version than what lies there.
ours() { cp "$ZT" "$TMP/zt.new" && mv "$TMP/zt.new" "$TMP/zt"; }
ours
expect 0 "$ZT" upgrade echo -c "$E"
stop logged
next zt-strange
start logged "$TMP/zt" echo -c "$E"
wait_for "$ZT" health echo -c "$E"
ours
expect 1 "$ZT" upgrade echo -c "$E"
has "$ERR" "restart it instead"
expect 0 "$ZT" health echo -c "$E"
stop logged
same "$STATUS" 0 "exit code"
pass
