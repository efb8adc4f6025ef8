#!/bin/bash
# core
# --list names the roles that work and no other, each explains itself, and a role that is only
# planned says so in one sentence.
. "$(dirname "$0")/lib.sh"
expect 0 "$ZT" --list
[ -n "$OUT" ] || fail "--list names nothing"
roles=$OUT
for role in $roles; do
	expect 0 "$ZT" help "$role"
	has "$OUT" "usage: zt $role"
	help=$OUT
	expect 0 "$ZT" "$role" --help
	same "$OUT" "$help" "zt $role --help"
done

expect 0 "$ZT" help
overview=$OUT
for role in $roles; do
	has "$overview" "  $role "
done
expect 0 "$ZT" --help
same "$OUT" "$overview" "zt --help"
expect 2 "$ZT"
same "$ERR" "$overview" "what zt without a word says"

for role in $(echo "$overview" | sed -n 's/^Planned, not built yet://p'); do
	expect 2 "$ZT" "$role"
	same "$OUT" "" "stdout"
	same "$(echo "$ERR" | wc -l)" 1 "number of lines about $role"
	has "$ERR" "'$role' is planned but not built yet"
	[[ " ${roles//$'\n'/ } " != *" $role "* ]] || fail "--list names $role, which is not built"
done

expect 0 "$ZT" --version
same "$OUT" "zt $(sed -n 's/^VERSION *:= *//p' "$ROOT/Makefile")" "--version"
pass
