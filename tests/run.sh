#!/usr/bin/env bash
# run.sh MODE [PATTERN]
#
#   all          unit programs, fuzz corpora, behaviours: the release build, sandbox on
#   unit         unit programs only
#   asan         unit programs, corpora and the behaviours marked "# core", with sanitizers
#   sandbox-off  the behaviours marked "# security", every sandbox off
#
# PATTERN keeps the jobs whose name contains it. Runs what is built and builds nothing (make
# does). Jobs run side by side, one for each processor, and are reported in a fixed order; as many
# of the behaviours marked "# waits", which sleep most of their time, run beside them. The
# last line is "N passed, N failed" with ", N skipped" if any were: unit programs count their
# tests, a corpus and a behaviour count one each. A unit program that crashes, runs no test or
# is not built is a failure; so is a job that leaves a process behind, and a run without a test.
#
# A job gets: $TMP, its own directory, removed afterwards; $ZT, the binary; $ZT_PORTS, where
# free_port of behaviour/lib.sh notes the ports that are taken. Its time is in
# build/test-times.txt. HANG_GUARD_S ends a job that hangs; no test depends on it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

HANG_GUARD_S=${HANG_GUARD_S:-900}
WIDTH=$(nproc)
LOG_TAIL=60 # lines of a failed job's log that are shown

mode=${1:-} pattern=${2:-}
case $mode in
all | unit | sandbox-off) variant=rel ZT=$PWD/zt ;;
asan) variant=asan ZT=$PWD/build/asan/zt ;;
*)
	echo "usage: tests/run.sh all|unit|asan|sandbox-off [PATTERN]" >&2
	exit 2
	;;
esac
export ZT
[ "$mode" = sandbox-off ] && export ZT_LIMITS_INSECURE_NO_SANDBOX=true
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LC_ALL=C TZ=UTC
# A version manager's stand-in for python3 takes several times as long to start as python3 does, and scripts that wait
# for something start it often.
python=$(python3 -c 'import sys; print(sys.executable)') && export PATH=${python%/*}:$PATH

work=$(mktemp -d "${TMPDIR:-/tmp}/zt-run-XXXXXX")
export ZT_PORTS=$work/ports
mkdir "$ZT_PORTS" "$work/tmp"
chmod 711 "$work" "$work/tmp" # a test that runs as somebody else must get to its $TMP
trap 'rm -rf "$work"' EXIT

# ---- what is to be run: kind, name, program; index = order of the report --------------------
kinds=() names=() programs=() works=() waits=() # the last two: indices, of each sort of job
add() { # KIND NAME PROGRAM
	[[ "$1/$2" == *"$pattern"* ]] || return 0
	if [ "$1" = behaviour ] && grep -qx "# waits" "$3"; then
		waits+=(${#names[@]})
	else
		works+=(${#names[@]})
	fi
	kinds+=("$1") names+=("$2") programs+=("$3")
}

add_units() {
	local src
	for src in tests/unit/*/test_*.c; do
		[ -e "$src" ] || continue
		src=${src#tests/unit/} src=${src%.c}
		add unit "$src" "build/$variant/tests/unit/$src"
	done
}

add_corpora() {
	local src
	for src in tests/fuzz/fuzz_*.c; do
		[ -e "$src" ] || continue
		src=$(basename "$src" .c)
		add corpus "${src#fuzz_}" "build/fuzz/$src"
	done
}

add_behaviours() { # MARK: only scripts with the line "# MARK", all when empty
	local script
	for script in tests/behaviour/*.sh; do
		case $script in */lib.sh | *.inc.sh) continue ;; esac # sourced, not run
		[ -z "${1:-}" ] || grep -qx "# $1" "$script" || continue
		add behaviour "$(basename "$script" .sh)" "$script"
	done
}

case $mode in
all) add_units; add_corpora; add_behaviours ;;
unit) add_units ;;
asan) add_units; add_corpora; add_behaviours core ;;
sandbox-off) add_behaviours security ;;
esac

# ---- one job: leaves $work/N.log, and last of all $work/N.result ------------------------------
guarded() { timeout -k 10 "$HANG_GUARD_S" "$@"; }

# result STATUS PASSED FAILED SKIPPED NOTE
result() { printf '%s\n' "$*" >"$work/$job.part" && mv "$work/$job.part" "$work/$job.result"; }

run_unit() {
	local rc counts passed=0 failed=0
	guarded "$program" >"$log" 2>&1 </dev/null
	rc=$?
	counts=$(tail -n 1 "$log")
	if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
		if [ "$rc" != 0 ] && [ "$failed" = 0 ] && [ "$passed" != 0 ]; then
			result FAIL "$passed" 1 0 "exit code $rc after its last test"
		elif [ "$passed" = 0 ] && [ "$failed" = 0 ]; then
			result FAIL 0 1 0 "ran no test"
		elif [ "$failed" != 0 ]; then
			result FAIL "$passed" "$failed" 0 "$failed of $((passed + failed))"
		else
			result ok "$passed" 0 0 "$passed"
		fi
	else
		result FAIL 0 1 0 "$(ended "$rc")"
	fi
}

ended() {
	case $1 in
	124) echo "hung: ended after $HANG_GUARD_S s" ;;
	137) echo "killed" ;;
	126 | 127) echo "cannot be run: is it built?" ;;
	*) if [ "$1" -gt 128 ]; then echo "killed by signal $(($1 - 128))"; else echo "exit code $1"; fi ;;
	esac
}

run_corpus() {
	local rc files=(tests/fuzz/corpus/"$name"/*)
	if [ ! -e "${files[0]}" ]; then
		result FAIL 0 1 0 "tests/fuzz/corpus/$name is empty"
		return
	fi
	guarded "$program" -runs=0 -artifact_prefix="$TMP/" "${files[@]}" >"$log" 2>&1 </dev/null
	rc=$?
	if [ "$rc" != 0 ]; then
		result FAIL 0 1 0 "$(ended "$rc")"
	elif [ "$(grep -c '^Executed ' "$log")" != "${#files[@]}" ]; then
		result FAIL 0 1 0 "not every one of ${#files[@]} files was executed"
	else
		result ok 1 0 0 "${#files[@]} files"
	fi
}

run_behaviour() {
	local rc
	guarded bash "$program" >"$log" 2>&1 </dev/null
	rc=$?
	case $rc in
	0) result ok 1 0 0 ;;
	77) result skip 0 0 1 "$(tail -n 1 "$log")" ;;
	*) result FAIL 0 1 0 "$(ended "$rc")" ;;
	esac
}

# Processes that carry this job's mark in their environment. Zombies have none and do not count.
left_behind() {
	grep -lzx "ZT_TEST_JOB=$work/$job" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
}

run_job() {
	job=$1 name=${names[$1]} program=${programs[$1]} log=$work/$1.log
	local pid left start=$EPOCHREALTIME
	export TMP=$work/tmp/$job
	mkdir "$TMP" && : >"$log"
	ZT_TEST_JOB=$work/$job "run_${kinds[$job]}"
	left=$(left_behind)
	for pid in $left; do
		{ echo "left behind: $pid:"; tr '\0' ' ' <"/proc/$pid/cmdline"; echo; } >>"$log" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
	done
	[ -z "$left" ] || result FAIL 0 1 0 "left a process behind"
	rm -rf "$TMP"
	echo "$(((${EPOCHREALTIME/./} - ${start/./}) / 1000)) ms ${kinds[$job]}/$name" >"$work/$job.time"
	touch "$work/$job.done"
}

# ---- all of them ----------------------------------------------------------------------------
passed=0 failed=0 skipped=0
report() {
	local status p f s note
	read -r status p f s note <"$work/$1.result"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-5s %s/%s%s\n' "$status" "${kinds[$1]}" "${names[$1]}" "${note:+: $note}"
	[ "$status" = FAIL ] || return 0
	echo "---- what failed, and the last lines of its log"
	grep -aE '^(failed:|waited in vain|[A-Za-z]*Error)' "$work/$1.log" | head -n 5 | sed 's/^/     | /'
	tail -n "$LOG_TAIL" "$work/$1.log" | sed 's/^/     | /'
	echo "----"
}

# begin SORT: jobs of it, until WIDTH of them run; what has begun leaves the front of its list.
declare -A sort_of=() running=([works]=0 [waits]=0)
begin() {
	local -n jobs=$1
	while [ "${running[$1]}" -lt "$WIDTH" ] && [ ${#jobs[@]} != 0 ]; do
		run_job "${jobs[0]}" &
		sort_of[$!]=$1 running[$1]=$((running[$1] + 1))
		jobs=("${jobs[@]:1}")
	done
}

total=${#names[@]} shown=0
while [ "$shown" -lt "$total" ]; do
	begin waits
	begin works
	ended=
	wait -n -p ended
	[ -z "$ended" ] || running[${sort_of[$ended]}]=$((running[${sort_of[$ended]}] - 1))
	while [ -e "$work/$shown.done" ]; do
		report "$shown"
		shown=$((shown + 1))
	done
	if [ -z "$ended" ] && [ "$shown" -lt "$total" ]; then # none runs, and none is left
		echo "FAIL  the runner lost job ${names[$shown]}"
		failed=$((failed + 1))
		break
	fi
done
mkdir -p build
cat "$work"/*.time 2>/dev/null | sort -rn >build/test-times.txt
# "figure: NAME: VALUE": what a test measured on its way and a page of docs/ may want.
cat "$work"/*.log 2>/dev/null | grep '^figure: ' >build/test-figures.txt

if [ $((passed + failed)) = 0 ]; then
	echo "run.sh: no test was run"
	failed=1
fi
line="$passed passed, $failed failed"
[ "$skipped" = 0 ] || line+=", $skipped skipped"
echo "$line"
[ "$failed" = 0 ]
