#!/usr/bin/env bash
# security
# A message to the signing process may bring one descriptor. Two end the line, and neither of them stays
# open in it: whoever could leave some there would end it in the end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/caserve.inc.sh"
start_ca
sign=$(ca_child sign pid)
sock=$(sed -n 's/.*control=\([^ ]*\).*/\1/p' "$TMP/ca.log")
[ -S "$sock" ] || fail "no control socket in the log"
open_in_sign() { ls "/proc/$sign/fd" | wc -l; }
before=$(open_in_sign)
[ "$before" -gt 3 ] || fail "/proc does not tell what $sign has open"
python3 - "$sock" <<'PY' || fail "descriptors"
import socket, struct, sys
facts = struct.pack("<HHI", 1, 0, 0)
def line():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(sys.argv[1]); s.sendall(b"admin\n")
    got = b""
    while not got.endswith(b"\n"): got += s.recv(1)
    assert got == b"0 go on\n", got
    return s
one = line()
for _ in range(8):
    socket.send_fds(one, [facts], [0])
    assert struct.unpack("<H", one.recv(65536)[:2])[0] == 64
for n in (2, 3, 9):
    for _ in range(4):
        s = line()
        socket.send_fds(s, [facts], [0] * n)
        try: assert s.recv(8) == b"", n
        except ConnectionResetError: pass
one.close()
PY
none_stays() { [ "$(open_in_sign)" = "$before" ]; }
wait_for none_stays
same "$(ca_child sign pid)" "$sign" "the signing process afterwards"
pass
