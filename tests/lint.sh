#!/usr/bin/env bash
# lint.sh [--root DIR] [RULE...]
#
# What a reviewer should never have to say. One line per rule, "ok" or "FAIL" with its faults,
# and "N passed, N failed" at the end. Without RULE all of them; --root looks at another tree
# (that is how lint/selftest.sh proves that every rule can fail). Exemptions: lint/allowed.
set -uo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)
root=$home
if [ "${1:-}" = --root ]; then
	root=$2
	shift 2
fi

RULES=(gcc clang analyzer tidy layers third-party purity pure-calls banned globals length shell names text)
[ "$root" = "$home" ] && RULES+=(selftest)
[ $# = 0 ] || RULES=("$@")

# The commands that the Makefile compiles with, each as one line for eval.
flags_gcc=$(make -s -C "$home" --no-print-directory flags-rel) || exit 1
flags_clang=$(make -s -C "$home" --no-print-directory flags-asan) || exit 1
cd "$root" || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work home flags_gcc flags_clang

sources() { # every C file
	find . \( -name build -o -name .git \) -prune -o -name '*.c' -print | sed 's|^\./||' | sort
}
zt_sources() { sources | grep -E '^(lib/|roles/|third_party/|main\.c$)'; }
# each FUNCTION: calls it for every file name on stdin, as many at once as there are processors.
# The output of one file stays together.
each() {
	# shellcheck disable=SC2163 # the name is in $1
	export -f "$1"
	# shellcheck disable=SC2016 # for the inner shell
	xargs -r -P "$(nproc)" -I{} bash -c 'out=$('"$1"' {} 2>&1); rc=$?; [ -z "$out" ] || echo "$out"; exit $rc'
}

# The flags are a command line with quotes, hence eval.
one_gcc() {
	mkdir -p "$work/obj/$(dirname "$1")"
	eval "$flags_gcc -c -o '$work/obj/${1%.c}.o' '$1'"
}
one_clang() { eval "$flags_clang -fsyntax-only '$1'"; }
one_analyzer() { eval "$flags_gcc -fanalyzer -fdiagnostics-path-format=none -c -o /dev/null '$1'"; }
one_tidy() {
	local said
	# Its summary of suppressed warnings goes to stderr, and so do real errors: keep the latter.
	said=$(eval "clang-tidy --quiet --config-file='$home/.clang-tidy' '$1' -- ${flags_clang#* }" 2>"$work/tidy.$$") ||
		{ echo "$said"; grep -v 'warnings\? generated' "$work/tidy.$$"; return 1; }
}

rule_gcc() { sources | each one_gcc; }
rule_clang() { sources | each one_clang; }
rule_analyzer() { zt_sources | each one_analyzer; }
rule_tidy() { zt_sources | each one_tidy; }

objects() {
	[ -d "$work/obj" ] || rule_gcc >/dev/null
	python3 "$home/tests/lint/source.py" "$1" "$work/obj"
}
rule_globals() { objects globals; }
rule_pure-calls() { objects pure-calls; }

rule_shell() {
	local script
	find . \( -name build -o -name .git \) -prune -o -type f \( -name '*.sh' -o -path ./.ci/run \) -print |
		sort | while read -r script; do
		# Sourced files are followed; style opinions are not faults.
		shellcheck -S warning -x -P SCRIPTDIR -P . -f gcc "$script" || echo fault >"$work/shell"
	done
	[ ! -e "$work/shell" ]
}

rule_selftest() {
	bash "$home/tests/lint/selftest.sh" && bash "$home/tests/run-selftest.sh"
}

passed=0 failed=0
for rule in "${RULES[@]}"; do
	if [ "$(type -t "rule_$rule")" = function ]; then
		"rule_$rule" >"$work/$rule.out" 2>"$work/$rule.err" </dev/null
	else
		python3 "$home/tests/lint/source.py" "$rule" >"$work/$rule.out" 2>"$work/$rule.err" </dev/null
	fi
	# shellcheck disable=SC2181 # two branches, one answer
	if [ $? = 0 ]; then
		passed=$((passed + 1))
		echo "ok    $rule$(sed -n 's/^note: /: /p' "$work/$rule.err")"
	else
		failed=$((failed + 1))
		echo "FAIL  $rule"
		cat "$work/$rule.out" "$work/$rule.err" | sed "s|$PWD/||; s/^/      /"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
