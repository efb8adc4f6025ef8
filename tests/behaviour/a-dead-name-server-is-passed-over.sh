#!/usr/bin/env bash
# The first name server is down, mute, or will not tell; the second one answers. And when none
# does, the report says so in words, with exit 5.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.inc.sh"

good=$(free_port) mute=$(free_port) dead=$(free_port) port=$(free_port) refusing=$(free_port)
start_dns good "$good" --host-record=nas.zt.test,127.0.0.1 --local=/zt.test/
start_dns refusing "$refusing" # knows nobody to ask: REFUSED
start_mute mute "$mute"
start_door door "$port" 127.0.0.1

probe() { # CODE SERVER-PORT...
	local code=$1 args=() p
	shift
	for p in "$@"; do args+=(--server "127.0.0.1:$p"); done
	expect "$code" "$ZT" net probe "nas.zt.test:$port" --json --hosts /dev/null "${args[@]}"
}

probe 0 "$dead" "$good"
same "$(json asked <<<"$OUT")" 4 "questions: two to the dead one, two to the good one"
same "$(json unanswered <<<"$OUT")" 0 "questions waited for in vain: a dead port is noticed at once"
probe 0 "$refusing" "$good"
same "$(json asked <<<"$OUT")" 4 "questions: each server once"
probe 0 "$mute" "$good"
same "$(json asked <<<"$OUT")" 4 "questions: two lost, two answered"
same "$(json unanswered <<<"$OUT")" 2 "questions waited for in vain"
same "$(grep -c asked "$TMP/mute.log")" 2 "questions that reached the mute server"

probe 5 "$dead"
same "$(json result <<<"$OUT")" dns-failed "the result"
probe 5 "$refusing"
same "$(json result <<<"$OUT")" dns-failed "the result"
expect 5 "$ZT" net probe "nas.zt.test:$port" --timeout 1 --hosts /dev/null --server "127.0.0.1:$mute"
has "$OUT" "name servers: 127.0.0.1:$mute"
has "$OUT" "not reachable: no answer in time"
