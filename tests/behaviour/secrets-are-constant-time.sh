#!/bin/bash
# security
# Comparing, encoding and decoding a secret neither branches nor indexes memory by it: not at
# the optimisation levels of two compilers, and not in the objects that ./zt is linked from.
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need gcc valgrind
cd "$ROOT" || fail "no $ROOT"

sources="lib/base/ct.c lib/base/span.c lib/base/err.c"
watch=(valgrind -q --error-exitcode=99 --leak-check=no)

# check NAME: the program must be clean, and its deliberately leaky half must be caught.
check() {
	"${watch[@]}" "$TMP/$1" >"$TMP/out.log" 2>&1
	same $? 0 "exit code of $1"
	"${watch[@]}" "$TMP/$1" --leaky >"$TMP/out.log" 2>&1
	same $? 99 "exit code of the leaky half of $1"
	has "$(<"$TMP/out.log")" "Conditional jump or move depends on uninitialised value"
	has "$(<"$TMP/out.log")" "Use of uninitialised value"
	echo "$1: clean, and the leak is seen"
}

# DWARF 4: the newest that every valgrind in use reads from every compiler in use.
for cc in gcc clang; do
	command -v $cc >/dev/null || continue
	for level in -O0 -O1 -O2 -O3 -Os; do
		# shellcheck disable=SC2086
		$cc -std=gnu11 -D_GNU_SOURCE -Ilib -gdwarf-4 $level -o "$TMP/$cc$level" tests/tools/ct_check.c $sources ||
			fail "$cc $level does not compile ct_check"
		check $cc$level
	done
done

# The release objects, made for another C library, hold nothing but calls that this one has too.
objects="build/rel/lib/base/ct.o build/rel/lib/base/span.o build/rel/lib/base/err.o"
for o in $objects; do
	[ -e "$o" ] || fail "$o is not built (make)"
done
# shellcheck disable=SC2086
gcc -std=gnu11 -D_GNU_SOURCE -Ilib -gdwarf-4 -O2 -o "$TMP/release" tests/tools/ct_check.c $objects ||
	fail "the release objects do not link"
check release
exit 0
