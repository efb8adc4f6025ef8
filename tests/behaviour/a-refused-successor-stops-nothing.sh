#!/usr/bin/env bash
# core
# A service manager that hears STOPPING=1 takes the role for one that ends, and kills what goes on. It hears it of a stop
# of the role, and neither of a successor that is refused, by whomever it would have been wanted, nor of an upgrade.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3 pgrep
ca home
for c in a other; do cert "$c" home serverAuth "DNS:a.test"; done
start_echo_origin
. "$(dirname "$0")/manager.inc.sh"
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host a a 'names = a.test')"
start near env NOTIFY_SOCKET="$TMP/notify" "$ZT" relay -c "${CONF[near]}"
wait_for told READY=1
FIRST=${PIDS[near]}
# What was said is in the manager's log when what is said behind it is.
settled() { # NAME
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), sys.argv[1])' \
		"$TMP/notify" "$1"
	wait_for told "$1"
}
one_supervisor() { [ "$(pgrep -P "$FIRST" -f -- --heir | wc -l)" = "$1" ]; }

refused() { # HEIRS: how many there are behind it
	cp "$PKI/other.key" "$PKI/a.key"
	expect 3 "$ZT" upgrade relay -c "${CONF[near]}"
	has "$ERR" "the running program goes on"
	wait_for one_supervisor "$1"
	settled "refused $1"
	cp "$PKI/a.good" "$PKI/a.key"
}
cp "$PKI/a.key" "$PKI/a.good"
refused 0
expect 0 "$ZT" upgrade relay -c "${CONF[near]}"
ready_again() { [[ $(tail -n 1 "$TMP/manager.log") == *READY=1* ]]; }
wait_for ready_again
refused 1
if told STOPPING; then fail "a role that goes on was said to stop"; fi
relay_is_healthy near || fail "it does not go on"
stop near
same "$STATUS" 0 "the exit code"
wait_for told STOPPING=1
same "$(grep -c STOPPING "$TMP/manager.log")" 1 "stops"
pass
