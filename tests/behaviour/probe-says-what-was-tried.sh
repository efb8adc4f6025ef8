#!/usr/bin/env bash
# core
# `zt net probe` in words: each address with how it ended, which one won, and the exit codes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.inc.sh"

port=$(free_port)
start_door door "$port" 127.0.0.3
cat >"$TMP/hosts" <<END
127.0.0.2 nas nas.zt.test # nobody listens here
127.0.0.3 NAS
127.0.0.2 closed
0.0.0.0   blocked
END

expect 0 "$ZT" net probe "nas:$port" --hosts "$TMP/hosts"
has "$OUT" "nas:$port"$'\n'"  127.0.0.2:$port: connection refused ("
has "$OUT" $'\n'"  127.0.0.3:$port: connected ("
has "$OUT" $'\n'"reachable through 127.0.0.3:$port, "
lacks "$OUT" "name servers" # nobody had to be asked
same "$ERR" "" "stderr"

expect 5 "$ZT" net probe "closed:$port" --hosts "$TMP/hosts"
has "$OUT" $'\n'"not reachable: connection refused, "
expect 5 "$ZT" net probe "blocked:$port" --hosts "$TMP/hosts"
has "$OUT" "not reachable: the name has no address"
expect 5 "$ZT" net probe "nas.invalid:$port" --hosts "$TMP/hosts"
has "$OUT" "not reachable: the name does not exist"
expect 0 "$ZT" net probe "127.0.0.3:$port"
expect 0 "$ZT" net probe "[::ffff:127.0.0.3]:$port" --json
same "$(json address <<<"$OUT")" "127.0.0.3:$port" "one peer, one spelling; the address"

# wrong use is exit 2, a sentence, and nothing on stdout
misuse() { # PART ARG...
	local part=$1
	shift
	expect 2 "$ZT" net "$@"
	same "$OUT" "" "stdout of 'zt net $*'"
	has "$ERR" "$part"
}
misuse "usage:"
misuse "usage:" prove "nas:1"
misuse "Give HOST:PORT" probe
misuse "not HOST:PORT" probe nas
misuse "not HOST:PORT" probe nas:0
misuse "not HOST:PORT" probe 10.0.0.256:80
misuse "not HOST:PORT" probe ::1:80
misuse "one HOST:PORT at a time" probe nas:1 nas:2
misuse "1 to 600" probe nas:1 --timeout 0
misuse "1 to 600" probe nas:1 --timeout 601
misuse "1 to 600" probe nas:1 --timeout 1s
misuse "IP address or IP:PORT" probe nas:1 --server dns.example.com
misuse "at most three times" probe nas:1 --server ::1 --server 127.0.0.1 --server 127.0.0.1:53 --server 127.0.0.2
misuse "no option '--fast'" probe nas:1 --fast
misuse "missing after '--timeout'" probe nas:1 --timeout

expect 0 "$ZT" help net
has "$OUT" "usage: zt net probe"
expect 0 "$ZT" net probe "127.0.0.3:$port" --hosts "$TMP/missing"
has "$ERR" "cannot read $TMP/missing: No such file"
