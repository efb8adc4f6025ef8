#!/usr/bin/env bash
# run-selftest.sh: proves that run.sh can fail. Feeds it jobs that crash, hang, lie, run nothing
# or leave something behind, in a tree of their own, and compares its whole report.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/tests/behaviour" "$tmp/tests/unit/base" "$tmp/build/rel/tests/unit/base" \
	"$tmp/tests/fuzz/corpus/short" "$tmp/tests/fuzz/corpus/crash" "$tmp/build/fuzz"
cp tests/run.sh "$tmp/tests/"
cp tests/behaviour/lib.sh "$tmp/tests/behaviour/"
cd "$tmp" || exit 1

program() { # PATH SCRIPT
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}
unit() { # NAME SCRIPT
	touch "tests/unit/base/test_$1.c"
	program "build/rel/tests/unit/base/test_$1" "$2"
}
behaviour() { # NAME SCRIPT
	printf '# security\n. tests/behaviour/lib.sh\n%s\n' "$2" >"tests/behaviour/$1.sh"
}

# The text of the scripts is expanded when they run.
# shellcheck disable=SC2016
{
	unit after 'echo "3 passed, 0 failed"; exit 23'
	unit bad 'echo "3 passed, 2 failed"; exit 1'
	unit crash 'kill -SEGV $$'
	unit good 'echo "4 passed, 0 failed"'
	unit hang 'exec sleep 60'
	unit liar 'echo "1 passed, 1 failed"'
	unit none 'echo "0 passed, 0 failed"'
	unit silent 'exit 0'
	touch tests/unit/base/test_unbuilt.c

	touch tests/fuzz/fuzz_crash.c tests/fuzz/fuzz_short.c tests/fuzz/fuzz_void.c
	touch tests/fuzz/corpus/crash/a tests/fuzz/corpus/short/a
	program build/fuzz/fuzz_crash 'exit 77'
	program build/fuzz/fuzz_short 'exit 0'
	program build/fuzz/fuzz_void 'exit 0'

	behaviour bad 'fail "because"'
	behaviour code 'expect 0 false; pass'
	behaviour good 'start s sleep 60; stop s; same "$STATUS" 143 "exit code"; pass'
	behaviour leaves 'sleep 60 & pass'
	behaviour needs 'need no-such-command'
	behaviour waits 'WAIT_S=1; wait_for false; pass'
}

cat >expected <<'END'
FAIL  unit/base/test_after: exit code 23 after its last test
FAIL  unit/base/test_bad: 2 of 5
FAIL  unit/base/test_crash: killed by signal 11
ok    unit/base/test_good: 4
FAIL  unit/base/test_hang: hung: ended after 2 s
FAIL  unit/base/test_liar: 1 of 2
FAIL  unit/base/test_none: ran no test
FAIL  unit/base/test_silent: exit code 0
FAIL  unit/base/test_unbuilt: cannot be run: is it built?
FAIL  corpus/crash: exit code 77
FAIL  corpus/short: not every one of 1 files was executed
FAIL  corpus/void: tests/fuzz/corpus/void is empty
FAIL  behaviour/bad: exit code 1
FAIL  behaviour/code: exit code 1
ok    behaviour/good
FAIL  behaviour/leaves: left a process behind
skip  behaviour/needs: skipped: no-such-command is not installed
FAIL  behaviour/waits: exit code 1
12 passed, 16 failed, 1 skipped
END

HANG_GUARD_S=2 bash tests/run.sh all >full 2>&1
code=$?
grep -Ev '^(----|     [|])' full >got
if [ "$code" = 0 ] || ! diff -u expected got; then
	echo "run-selftest: exit code $code; the report is not the expected one"
	echo "0 passed, 1 failed"
	exit 1
fi
if bash tests/run.sh all no-such-name >none 2>&1 || ! bash tests/run.sh all good >some 2>&1; then
	echo "run-selftest: the exit code does not follow the count"
	cat none some
	echo "0 passed, 1 failed"
	exit 1
fi
echo "1 passed, 0 failed"
