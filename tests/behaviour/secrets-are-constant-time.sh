#!/bin/bash
# security
# Comparing, encoding and decoding a secret neither branches nor indexes memory by it, and no
# cipher does by key or plaintext: not at the optimisation levels of two compilers, and not in the
# objects that ./zt is linked from. (valgrind knows no VAES: what is built for it comes from the
# same source as what is built for AES-NI, lib/base/gcm_body.h.)
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need gcc valgrind
cd "$ROOT" || fail "no $ROOT"

nouns=(ct span err aead gcm_x86 gcm_vaes tlskdf)
sources=("${nouns[@]/#/lib/base/}")
sources=("${sources[@]/%/.c}")
bearssl=$(awk '{ print $NF }' build/flags) # the archive that zt is linked with
[ -e "$bearssl" ] || fail "no BearSSL in build/flags (make)"
# The answer of aead_open() is public, and the only branch in it is on that.
cat >"$TMP/public" <<'EOF'
{
   authentic or not
   Memcheck:Cond
   fun:aead_open
}
EOF
watch=(valgrind -q --error-exitcode=99 --leak-check=no --suppressions="$TMP/public")

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
		$cc -std=gnu11 -D_GNU_SOURCE -Ilib -gdwarf-4 $level -o "$TMP/$cc$level" tests/tools/ct_check.c "${sources[@]}" "$bearssl" ||
			fail "$cc $level does not compile ct_check"
		check $cc$level
	done
done

# The release objects, made for another C library, hold nothing but calls that this one has too.
objects=("${sources[@]/#/build/rel/}")
objects=("${objects[@]/%.c/.o}")
for o in "${objects[@]}"; do
	[ -e "$o" ] || fail "$o is not built (make)"
done
gcc -std=gnu11 -D_GNU_SOURCE -Ilib -gdwarf-4 -O2 -o "$TMP/release" tests/tools/ct_check.c "${objects[@]}" "$bearssl" ||
	fail "the release objects do not link"
check release
exit 0
