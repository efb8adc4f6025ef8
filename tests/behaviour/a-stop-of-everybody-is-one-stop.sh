#!/usr/bin/env bash
# core
# A service manager that signals a whole control group, and a terminal, tell every process of a role to stop; the first
# one of an upgraded role passes that on to all the others besides. That is one request: what runs may finish, whatever
# comes first, also in those that drain since an upgrade. The second request ends it at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3 pgrep
start_echo_origin
relay_conf near "to = 127.0.0.1:$ECHO" '[limits]' 'drain = 1h'
say() { # FD WORD
	local line
	echo "$2" >&"$1" && read -r -t "$WAIT_S" -u "$1" line && [ "$line" = "$2" ] || fail "who is connected by $1 is cut: $2"
}
# Three supervisors, each with somebody who is connected.
begin() {
	rm -f "$TMP/near.log"
	start_relay near
	FIRST=${PIDS[near]}
	exec 5<>"/dev/tcp/127.0.0.1/${AT[near]}"
	say 5 first
	expect 0 "$ZT" upgrade relay -c "${CONF[near]}"
	exec 6<>"/dev/tcp/127.0.0.1/${AT[near]}"
	say 6 second
	expect 0 "$ZT" upgrade relay -c "${CONF[near]}"
	exec 7<>"/dev/tcp/127.0.0.1/${AT[near]}"
	say 7 third
	mapfile -t HEIRS < <(pgrep -P "$FIRST" -f -- --heir)
	mapfile -t CHILDREN < <(for p in "$FIRST" "${HEIRS[@]}"; do pgrep -P "$p" -f -- --child; done)
	same "${#HEIRS[@]} ${#CHILDREN[@]}" "2 6" "supervisors that came by an upgrade, and children"
}
end() {
	exec 5>&- 6>&- 7>&-
	join near
	same "$STATUS" 0 "the exit code"
}
has_heard() { # PID: no TERM (15) and no INT (2) waits for it
	local key value
	[ -e "/proc/$1" ] || return 0
	while read -r key value; do
		[ "$key" != ShdPnd: ] || return $(((0x$value & 0x4002) != 0))
	done <"/proc/$1/status"
	return 1
}
all_have_heard() {
	local p
	for p in "$FIRST" "${HEIRS[@]}"; do wait_for has_heard "$p"; done
}
# tell SIGNAL PID...: each has taken it, and the supervisors what is passed on, before the next one is told.
tell() {
	local signal=$1 pid
	for pid in "${@:2}"; do
		kill "-$signal" "$pid"
		all_have_heard
	done
}
refuses() { ! listening "${AT[near]}"; }
finishes() { # WHAT
	wait_for refuses
	for fd in 5 6 7; do say $fd "$1"; done
	end
}

begin
tell TERM "$FIRST" "${HEIRS[@]}" "${CHILDREN[@]}"
finishes "the first one was told first"
begin
tell INT "${CHILDREN[@]}" "${HEIRS[@]}" "$FIRST"
finishes "the first one was told last"
begin
kill -TERM "${CHILDREN[@]}" "$FIRST" "${HEIRS[@]}"
finishes "all were told at once"

# Somebody is connected to each of them, for an hour if need be.
begin
tell TERM "$FIRST"
wait_for refuses
all_have_heard
say 7 "told once"
kill -TERM "$FIRST"
join near
same "$STATUS" 0 "the exit code of a role that was told twice"
for p in "${HEIRS[@]}"; do wait_for gone "$p"; done
exec 5>&- 6>&- 7>&-
begin
tell INT "$FIRST" "${HEIRS[@]}"
say 7 "told once, all of them"
kill -INT "$FIRST" "${HEIRS[@]}"
join near
same "$STATUS" 0 "the exit code of a role of which all were told twice"
exec 5>&- 6>&- 7>&-
pass
