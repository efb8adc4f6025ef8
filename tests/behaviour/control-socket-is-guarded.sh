#!/bin/bash
# core
# FLOODS(BOUND_CTL_CLIENTS)
# The control socket is 0600, takes only its own user and root, and odd requests end quietly.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
echo_conf
start_echo
sock=$TMP/run/echo.sock
same "$(stat -c %a "$sock")" 600 "mode of the control socket"
same "$(stat -c %a "$TMP/run")" 700 "mode of the run directory"
ask() { python3 - "$sock" "$1" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(30); s.connect(sys.argv[1])
data = sys.argv[2].encode().decode("unicode_escape").encode("latin1")
try:
    s.sendall(data); out = b""
    while True:
        part = s.recv(4096)
        if not part: break
        out += part
    print(out.decode("latin1").split("\n")[0])
except (BrokenPipeError, ConnectionResetError): print("cut")
PY
}
same "$(ask 'health\n')" "0 healthy" "a plain request"
same "$(ask 'shutdown\n')" "2 unknown request" "an unknown request"
same "$(ask 'health\0\n')" "2 unknown request" "a request with a NUL"
long=$(printf 'x%.0s' $(seq 300))
case $(ask "$long") in "" | cut) ;; *) fail "a request without end got an answer" ;; esac
# Nine askers that say nothing: the table has eight places, and nobody else suffers.
python3 - "$sock" <<'PY' || fail "silent askers"
import socket, sys
held = []
for _ in range(8):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); held.append(s)
s = socket.socket(socket.AF_UNIX); s.settimeout(30); s.connect(sys.argv[1])
assert s.recv(10) == b"", "the ninth was let in"
PY
wait_for is_healthy
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && [ -x /usr/bin/python3 ]; then
	chmod 711 "$TMP" "$TMP/run"
	chmod 666 "$sock" # as if somebody had opened it up: the peer's uid is still looked at
	# From inside the directory: its parents may be closed to the stranger.
	out=$(cd "$TMP/run" && setpriv --reuid 12345 --clear-groups /usr/bin/python3 -c "
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout(30); s.connect('echo.sock')
try:
    s.sendall(b'status\n'); print(len(s.recv(100)))
except (BrokenPipeError, ConnectionResetError): print(0)")
	same "$out" 0 "bytes a stranger was told"
fi
stop echo
pass
