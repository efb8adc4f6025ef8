# shellcheck shell=bash
# echo.inc.sh: a running echo role for the scripts that need one. Source lib.sh first.
# Not a test itself.

# echo_conf [LINE...]: writes $CONF; LINEs go to its end. Uses $PORT.
PORT=$(free_port)
CONF=$TMP/zt.conf
echo_conf() {
	chmod 700 "$TMP"
	{
		printf '[state]\ndir = %s/state\nrun_dir = %s/run\n' "$TMP" "$TMP"
		printf '[echo]\nlisten = 127.0.0.1:%s\n' "$PORT"
		printf '%s\n' "$@"
	} >"$CONF"
}
is_healthy() { "$ZT" health echo -c "$CONF"; }
start_echo() {
	start echo "$ZT" echo -c "$CONF"
	wait_for is_healthy
}
status() { "$ZT" status echo --json -c "$CONF" | json "$1"; }
worker_pid() { status children.0.pid; }

# echo_check [PORT]: some bytes there and back.
echo_check() {
	python3 - "${1:-$PORT}" <<'PY'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
s.sendall(b"ping"); got = b""
while len(got) < 4:
    part = s.recv(4)
    if not part: sys.exit("closed early")
    got += part
sys.exit(got != b"ping")
PY
}
