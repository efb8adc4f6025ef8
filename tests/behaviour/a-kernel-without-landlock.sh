#!/bin/bash
# Where the kernel lacks a layer, zt runs and says so; with require_sandbox = true it does not
# start and says which layer is missing. (A filter set by the parent answers for the kernel.)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3
[ "$(uname -m)" = x86_64 ] || skip "the filter here is written for x86_64"
cat >"$TMP/old_kernel.py" <<'PY'
import ctypes, os, struct, sys
LANDLOCK_CREATE_RULESET, ENOSYS = 444, 38
code = b"".join(struct.pack("HBBI", *i) for i in (
    (0x20, 0, 0, 0),                          # load the number of the system call
    (0x15, 0, 1, LANDLOCK_CREATE_RULESET),    # this one?
    (0x06, 0, 0, 0x00050000 | ENOSYS),        # then: no such call
    (0x06, 0, 0, 0x7fff0000)))                # else: allowed
buf = ctypes.create_string_buffer(code)
prog = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buf))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, prog, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
PY
old_kernel() { python3 "$TMP/old_kernel.py" "$@"; }

echo_conf
start echo python3 "$TMP/old_kernel.py" "$ZT" echo -c "$CONF"
wait_for is_healthy
same "$(status children.0.jail.landlock-files)" absent "landlock-files"
same "$(status children.0.jail.seccomp)" on "seccomp"
echo_check || fail "not served without Landlock"
stop echo

echo_conf '[limits]' 'require_sandbox = true'
expect 1 old_kernel "$ZT" echo -c "$CONF"
has "$ERR" "landlock-files"
expect 0 "$ZT" check -c "$CONF"
"$ZT" doctor >/dev/null || skip "this kernel lacks a layer of its own; the rest was shown"
start_echo
echo_check || fail "not served with require_sandbox"
stop echo
pass
