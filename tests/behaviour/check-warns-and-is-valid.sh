#!/bin/bash
# Warnings go to standard error, do not make a configuration invalid, and are marked as such.
. "$(dirname "$0")/lib.sh"
mkdir "$TMP/c"
conf=$TMP/c/zt.conf
printf '[limits]\ninsecure_no_sandbox = true\n[state]\nuid = 0' >"$conf"
chmod 666 "$conf"
expect 0 "$ZT" check -c "$conf"
has "$OUT" "OK: 1 file"
has "$ERR" "$conf: warning: everybody on this machine may write to it"
has "$ERR" "$conf:2: warning: insecure_no_sandbox"
has "$ERR" "$conf:4: warning: uid = 0"
has "$ERR" "$conf:4: warning: the last line does not end in a newline"
same "$(grep -vc ': warning: ' <<<"$ERR")" 0 "lines that are no warning"
pass
