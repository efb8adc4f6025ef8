#!/bin/bash
# ZT_SECTION_KEY and ZT_SECTION_KEY_FILE replace what files say; a mistyped one is refused, other
# people's variables are not ours.
. "$(dirname "$0")/lib.sh"
mkdir "$TMP/c"
conf=$TMP/c/zt.conf
printf '[log]\nlevel = warn\n[echo]\nlisten = 127.0.0.1:1\n' >"$conf"
printf '127.0.0.1:2\n127.0.0.1:3\n' >"$TMP/listen"

expect 0 env ZT_LOG_LEVEL=debug ZT_ECHO_LISTEN_FILE="$TMP/listen" ZT_OTHER=1 "$ZT" check -c "$conf" --emit
has "$OUT" "level = debug"
has "$OUT" $'listen =\n\t127.0.0.1:2\n\t127.0.0.1:3\nmax_conns'
same "$ERR" "" "standard error"

expect 3 env ZT_LOG_LEVLE=debug "$ZT" check -c "$conf"
same "$ERR" "ZT_LOG_LEVLE: [log] has no such key; did you mean ZT_LOG_LEVEL?" "an unknown key"
expect 3 env ZT_LOG_LEVEL=debug ZT_LOG_LEVEL_FILE="$TMP/listen" "$ZT" check -c "$conf"
has "$ERR" "level is already given by ZT_LOG_LEVEL"
expect 3 env ZT_ECHO_IDLE_FILE="$TMP/nowhere" "$ZT" check -c "$conf"
has "$ERR" "ZT_ECHO_IDLE_FILE: cannot open it: No such file or directory"
expect 0 env ZT_LGO_LEVEL=debug "$ZT" check -c "$conf"
has "$ERR" "ZT_LGO_LEVEL: warning: is no key and is ignored; did you mean ZT_LOG_LEVEL?"
pass
