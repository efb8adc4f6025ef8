#!/bin/bash
# Without root and without a runtime directory: `zt status`, `reload` and `health` find the role
# without being told its name, and another user finds none.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/echo.inc.sh"
need python3 setpriv
need_root
mkdir "$TMP/home" && chown 12345:12345 "$TMP/home" && chmod 711 "$TMP"
cp "$ZT" "$TMP/zt" && chmod 711 "$TMP/zt" # may be run, not read
printf '[echo]\nlisten = 127.0.0.1:%s\n' "$PORT" >"$CONF"
chmod 644 "$CONF"
as() { # UID CMD...
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups env -i "HOME=$TMP/home" "$@"
}
start echo setpriv --reuid 12345 --regid 12345 --clear-groups env -i "HOME=$TMP/home" "$TMP/zt" echo -c "$CONF"
found() { as 12345 "$TMP/zt" health -c "$CONF"; }
wait_for found
expect 0 as 12345 "$TMP/zt" status -c "$CONF"
has "$OUT" "listening on 127.0.0.1:$PORT"
expect 0 as 12345 "$TMP/zt" reload -c "$CONF"
expect 5 as 12346 "$TMP/zt" status -c "$CONF"
expect 1 as 12346 "$TMP/zt" status echo -c "$CONF"
has "$ERR" "Permission denied"
stop echo
same "$STATUS" 0 "exit code"
pass
