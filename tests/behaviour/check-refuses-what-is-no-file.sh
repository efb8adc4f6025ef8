#!/bin/bash
# A missing, unreadable or special file is refused at once, with exit 3 and its name: nothing
# waits for a pipe and no device is read.
. "$(dirname "$0")/lib.sh"
need timeout mkfifo
mkdir -p "$TMP/c/conf.d"
conf=$TMP/c/zt.conf
check() { expect 3 timeout "$WAIT_S" "$ZT" check -c "$1"; }

check "$conf"
same "$ERR" "$conf: cannot open it: No such file or directory" "a missing file"
check "$TMP/c"
same "$ERR" "$TMP/c: is not a regular file" "a directory"
check /dev/zero
has "$ERR" "/dev/zero: is not a regular file"
: >"$conf"
mkfifo "$TMP/c/conf.d/1.conf"
check "$conf"
same "$ERR" "$TMP/c/conf.d/1.conf: is not a regular file" "a pipe in conf.d"
rm "$TMP/c/conf.d/1.conf"
head -c 1048577 /dev/zero | tr '\0' '\n' >"$TMP/c/conf.d/1.conf"
check "$conf"
same "$ERR" "$TMP/c/conf.d/1.conf: is longer than 1048576 bytes" "a file that is too long"
pass
