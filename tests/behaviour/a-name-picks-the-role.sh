#!/bin/bash
# core
# Called through a symbolic link named like a role, with or without "zt-", the binary is that
# role; any other name means nothing.
. "$(dirname "$0")/lib.sh"
expect 0 "$ZT" help echo
usage=$OUT
for name in echo zt-echo; do
	ln -s "$ZT" "$TMP/$name"
	expect 0 "$TMP/$name" --help
	same "$OUT" "$usage" "what $name --help says"
done

expect 0 "$ZT" help
overview=$OUT
# Verbs and children are not picked by name: a link "health" is just zt.
for name in zt zt-nothing health zt-status echo-worker logd; do
	[ "$name" = zt ] && [ "$ZT" -ef "$TMP/zt" ] && continue
	ln -s "$ZT" "$TMP/$name"
	expect 0 "$TMP/$name" --help
	same "$OUT" "$overview" "what $name --help says"
done

for role in $(echo "$overview" | sed -n 's/^Planned, not built yet://p'); do
	ln -s "$ZT" "$TMP/zt-$role"
	expect 2 "$TMP/zt-$role"
	has "$ERR" "'$role' is planned"
done

# No name at all is survived.
nameless() { (exec -a "" "$ZT"); }
expect 2 nameless
has "$ERR" "usage: zt ROLE"
pass
