#!/bin/bash
# security
# Comparing, encoding and decoding a secret, reading and writing a join token and proving that one has
# it, reading, writing and signing with a private key, and agreeing on keys, handing them over and
# using them: none branches or indexes memory by secret bytes, and no cipher does by key or plaintext:
# not at the optimisation levels of two compilers, and not in the objects that ./zt is linked from.
# (valgrind knows no VAES: what is built for it comes from the same source as what is built for
# AES-NI, lib/base/gcm_body.h.)
# shellcheck source=tests/behaviour/lib.sh
. "$(dirname "$0")/lib.sh"
need gcc valgrind
cd "$ROOT" || fail "no $ROOT"

# Nouns that each program runs.
plain="base/ct base/span base/err"
codecs="$plain base/aead base/gcm_x86 base/gcm_vaes base/tlskdf"
shake="$codecs wire/record wire/tlsmsg"
keys="$plain base/crypto base/pk base/pbe wire/der wire/oid wire/pem wire/pbes2 wire/curve wire/privkey
	wire/addr wire/token wire/enrol wire/x509 wire/x509_part wire/x509_build wire/p12"
# The answer of aead_open() is public, and the only branch on a secret in it and its caller is on that.
cat >"$TMP/public" <<'END'
{
   authentic or not
   Memcheck:Cond
   fun:aead_open
}
{
   authentic or not, once more
   Memcheck:Cond
   fun:record_open
}
END
watch=(valgrind -q --error-exitcode=99 --leak-check=no --suppressions=tests/tools/bearssl.supp --suppressions="$TMP/public")

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

# build NAME PROGRAM CC LEVEL FILE...
# DWARF 4: the newest that every valgrind in use reads from every compiler in use.
build() {
	local name=$1 program=$2 cc=$3 level=$4
	shift 4
	$cc -std=gnu11 -D_GNU_SOURCE -I. -Ilib -gdwarf-4 "$level" -o "$TMP/$name" "tests/tools/$program.c" "$@" -l:libbearssl.a ||
		fail "$name does not compile or link"
}

for cc in gcc clang; do
	command -v $cc >/dev/null || continue
	for level in -O0 -O1 -O2 -O3 -Os; do
		# shellcheck disable=SC2086,SC2046
		build codecs-$cc$level ct_check $cc $level $(printf 'lib/%s.c ' $codecs)
		check codecs-$cc$level
	done
	for level in -O1 -O2 -O3; do
		# shellcheck disable=SC2086,SC2046
		build keys-$cc$level ct_keys $cc $level $(printf 'lib/%s.c ' $keys)
		check keys-$cc$level
	done
	# shellcheck disable=SC2086,SC2046
	build shake-$cc ct_shake $cc -O2 $(printf 'lib/%s.c ' $shake)
	check shake-$cc
done

# The release objects, made for another C library, hold nothing but calls that this one has too.
for noun in $codecs $shake $keys; do
	[ -e "build/rel/lib/$noun.o" ] || fail "build/rel/lib/$noun.o is not built (make)"
done
# shellcheck disable=SC2086,SC2046
build codecs-release ct_check gcc -O2 $(printf 'build/rel/lib/%s.o ' $codecs)
check codecs-release
# shellcheck disable=SC2086,SC2046
build shake-release ct_shake gcc -O2 $(printf 'build/rel/lib/%s.o ' $shake)
check shake-release
# shellcheck disable=SC2086,SC2046
build keys-release ct_keys gcc -O2 $(printf 'build/rel/lib/%s.o ' $keys)
check keys-release
exit 0
