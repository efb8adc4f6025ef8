#!/bin/sh
# make demo: shows what works today with the real binary on loopback, then cleans up.
set -eu
zt=$1
tmp=$(mktemp -d)
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT INT TERM
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

cat >"$tmp/zt.conf" <<END
[state]
dir = $tmp/state
run_dir = $tmp/run

[echo]
listen = 127.0.0.1:7007
END

say "1. The configuration, checked"
run "$zt" check -c "$tmp/zt.conf"

say "2. The echo role: a supervisor and a jailed worker"
"$zt" echo -c "$tmp/zt.conf" &
pid=$!
tries=0
until "$zt" health -c "$tmp/zt.conf" >/dev/null 2>&1; do
	tries=$((tries + 1))
	# Ended already: it has said why, a port in use for one.
	kill -0 "$pid" 2>/dev/null || tries=101
	if [ "$tries" -gt 100 ]; then echo "the role did not start" >&2; exit 1; fi
	sleep 0.05
done

say "3. Bytes there and back (any TCP client will do: nc 127.0.0.1 7007)"
if command -v python3 >/dev/null; then
	run python3 -c 'import socket
s = socket.create_connection(("127.0.0.1", 7007)); s.sendall(b"hello from the demo\n"); print(s.recv(100).decode(), end="")'
else
	echo "left out: python3 is not installed"
fi

say "4. What it says about itself"
run "$zt" status -c "$tmp/zt.conf"

say "5. What the kernel refuses to a jailed process here"
run "$zt" doctor || true

say "6. A clean stop"
kill "$pid"
wait "$pid" && echo "exit 0"
pid=
say "That is what this version does. README.md says what comes next."
