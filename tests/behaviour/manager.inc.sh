# shellcheck shell=bash
# manager.inc.sh: a service manager that writes down what it is told at $TMP/notify, one datagram a line of manager.log.
cat >"$TMP/listen.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("bound", flush=True)
while True: print(s.recv(1000).decode().replace("\n", " "), flush=True)
PY
start manager python3 "$TMP/listen.py" "$TMP/notify"
told() { grep -q "$1" "$TMP/manager.log"; }
wait_for told bound
