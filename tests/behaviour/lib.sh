# shellcheck shell=bash
# lib.sh: what every behaviour script sources first. Not a test itself.
#
# A script shows one behaviour of the real binary, $ZT, and ends with exit 0 (it holds), 77
# (skipped; the last line says why) or anything else (it does not hold). It may write below $TMP
# only, talks to loopback or to network namespaces of its own only, and ends what it started:
# the trap here does that for everything begun with `start`.
#
# By hand, from anywhere:  bash tests/behaviour/NAME.sh
#
# Marks, each alone on its line near the top: "# core" is run under the sanitizers too,
# "# security" also with every sandbox off.
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ZT=${ZT:-$ROOT/zt}
PATH=$PATH:/usr/sbin:/sbin
WAIT_S=${WAIT_S:-60} # hang guard of wait_for and stop; a healthy machine needs milliseconds

if [ -z "${TMP:-}" ] || [ -z "${ZT_TEST_JOB:-}" ]; then # not below run.sh
	TMP=$(mktemp -d "${TMPDIR:-/tmp}/zt-behaviour-XXXXXX")
	ZT_OWN_TMP=$TMP
fi
ZT_PORTS=${ZT_PORTS:-$TMP/.ports}
mkdir -p "$ZT_PORTS"
declare -A PIDS=() # name -> pid of what was started

pass() {
	[ $# = 0 ] || echo "$*"
	exit 0
}

# fail MSG: ends the script. What the started programs said goes into the log.
fail() {
	local f
	echo "failed: $*" >&2
	for f in "$TMP"/*.log; do
		[ -s "$f" ] || continue
		echo "-- $(basename "$f"):" >&2
		tail -n 30 "$f" >&2
	done
	exit 1
}
die() { fail "$@"; }

skip() {
	echo "skipped: $*"
	exit 77
}

# need CMD...: skip unless every one of these programs is installed.
need() {
	local c
	for c in "$@"; do
		command -v "$c" >/dev/null || skip "$c is not installed"
	done
}
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

# expect CODE CMD...: runs it; its output is in $OUT and $ERR, and its exit code must be CODE.
# $OUT and $ERR are for the script that sources this.
# shellcheck disable=SC2034
expect() {
	local want=$1 got
	shift
	"$@" >"$TMP/.out" 2>"$TMP/.err" </dev/null
	got=$?
	OUT=$(<"$TMP/.out") ERR=$(<"$TMP/.err")
	[ "$got" = "$want" ] || fail "'$*' ended with $got, not $want"$'\n'"stdout: $OUT"$'\n'"stderr: $ERR"
}

# same GOT WANT WHAT
same() { [ "$1" = "$2" ] || fail "$3 is '$1', not '$2'"; }
# has TEXT PART / lacks TEXT PART: PART is taken literally.
has() { [[ $1 == *"$2"* ]] || fail "no '$2' in: $1"; }
lacks() { [[ $1 != *"$2"* ]] || fail "'$2' is in: $1"; }

# free_port: prints a TCP and UDP port of 127.0.0.1 and ::1 that nobody else will be given in
# this run. They lie below the kernel's ephemeral range, so no outgoing connection takes one.
# Several are looked for at once, because that takes as long as one.
free_port() {
	local tries file
	for tries in {1..100}; do
		for file in "$TMP"/.ports-for-me/*; do
			rm "$file" 2>/dev/null && echo "${file##*/}" && return 0
		done
		python3 - "$TMP/.ports-for-me" "$ZT_PORTS" <<'PY'
import os, random, socket, sys
mine, taken = sys.argv[1:]
os.makedirs(mine, exist_ok=True)
def is_free(port):
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                s = socket.socket(family, kind)
            except OSError:
                continue  # no IPv6 here
            with s:
                try:
                    s.bind((host, port))
                except OSError as e:
                    if e.errno == 98:  # EADDRINUSE
                        return False
    return True
found = 0
for port in random.sample(range(20000, 32000), 400):
    try:
        os.mkdir(f"{taken}/{port}")
    except FileExistsError:
        continue
    if is_free(port):
        open(f"{mine}/{port}", "x").close()
        found += 1
        if found == 6:
            break
PY
	done
	fail "no free port ($tries times)"
}

# wait_for CMD...: asks until CMD succeeds; fails after WAIT_S.
wait_for() {
	local end=$((SECONDS + WAIT_S))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || fail "waited $WAIT_S s in vain for: $*"
		sleep 0.02
	done
}

# listening PORT: somebody accepts TCP connections there (a connection is made and closed).
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME CMD...: in the background, both outputs into $TMP/NAME.log, pid in ${PIDS[NAME]}.
start() {
	local name=$1 tries
	shift
	[ -z "${PIDS[$name]:-}" ] || fail "start: $name is running already"
	"$@" >"$TMP/$name.log" 2>&1 </dev/null &
	PIDS[$name]=$!
	# Until the new process is its own program, it takes signals as this shell does, and a
	# SIGTERM for it would be lost. (The bound is for a CMD that is a shell catching SIGTERM.)
	for ((tries = 0; tries < 100; tries++)); do
		is_still_this_shell "${PIDS[$name]}" || break
		sleep 0.001
	done
}
is_still_this_shell() {
	local key value
	[ "/proc/$1/exe" -ef "/proc/$$/exe" ] || return 1
	while read -r key value; do
		[ "$key" != SigCgt: ] || return $((!(0x$value & 1 << 14))) # SIGTERM is 15
	done 2>/dev/null <"/proc/$1/status"
	return 1
}
running() { [ -n "${PIDS[$1]:-}" ] && kill -0 "${PIDS[$1]}" 2>/dev/null; }
gone() { ! kill -0 "$1" 2>/dev/null; }
has_ended() { ! running "$1"; }

# stop NAME [SIGNAL]: sends it, waits for the end, leaves the exit code in $STATUS.
stop() {
	local pid=${PIDS[$1]:-}
	[ -n "$pid" ] || fail "stop: $1 was never started"
	kill -"${2:-TERM}" "$pid" 2>/dev/null
	join "$1"
}

# join NAME: waits for its end without sending anything; the exit code is in $STATUS.
# shellcheck disable=SC2034 # STATUS is for the script that sources this
join() {
	local pid=${PIDS[$1]:-}
	wait_for has_ended "$1"
	wait "$pid"
	STATUS=$?
	unset "PIDS[$1]"
}

# json PATH <DOCUMENT: prints the value at a dotted path ("children.0.pid"; "." is all of it),
# strings as they are, the rest as JSON. Fails when there is no such value or no JSON.
json() {
	python3 -c '
import json, sys
v = json.load(sys.stdin)
for part in [p for p in sys.argv[1].split(".") if p]:
    v = v[int(part)] if isinstance(v, list) else v[part]
print(v if isinstance(v, str) else json.dumps(v))
' "$1" 2>/dev/null
}

cleanup() {
	local code=$? pid tries
	trap - EXIT
	for pid in "${PIDS[@]}"; do
		kill -TERM "$pid" 2>/dev/null
	done
	for pid in "${PIDS[@]}"; do
		for tries in {1..250}; do # 5 s to end well
			kill -0 "$pid" 2>/dev/null || continue 2
			sleep 0.02
		done
		echo "cleanup: $pid ignored SIGTERM ($tries times asked), killed" >&2
		kill -KILL "$pid" 2>/dev/null
		wait "$pid"
		[ "$code" != 0 ] || code=1
	done
	[ -z "${ZT_OWN_TMP:-}" ] || rm -rf "$ZT_OWN_TMP"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
