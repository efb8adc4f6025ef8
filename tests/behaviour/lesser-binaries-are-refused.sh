#!/bin/bash
# The check that guards the release binary accepts it and refuses every weaker way to link.
. "$(dirname "$0")/lib.sh"
need gcc readelf strip
check() { sh "$ROOT/tests/check-binary.sh" "$1"; }

expect 0 check "$ROOT/zt"
has "$OUT" "static-pie, full RELRO, no RWX, stripped"

echo 'int main(void) { return 0; }' >"$TMP/a.c"
refused() { # SENTENCE FLAG...
	local sentence=$1
	shift
	gcc -o "$TMP/a" "$TMP/a.c" "$@" 2>"$TMP/gcc.out" || skip "gcc $*: $(tail -n 1 "$TMP/gcc.out")"
	expect 1 check "$TMP/a"
	has "$ERR" "$sentence"
}
full=(-static-pie "-Wl,-z,relro,-z,now")
refused "asks for an interpreter" -s
refused "needs shared libraries" -s
refused "not position independent" -static -s
refused "no RELRO segment" -static-pie -Wl,-z,norelro -s
refused "RELRO is not full" -static-pie -Wl,-z,relro -Wl,-z,lazy -s
refused "the stack is executable" "${full[@]}" -z execstack -s
refused "not stripped" "${full[@]}"
echo 'char big[1200000] = {1}; int main(void) { return big[0]; }' >"$TMP/a.c"
refused "the limit is 1048576" "${full[@]}" -s
cat >"$TMP/a.c" <<'END'
__asm__(".section .both, \"awx\", @progbits\n.long 1\n.text");
int main(void) { return 0; }
END
refused "a segment is writable and executable" "${full[@]}" -s

expect 1 check "$TMP/a.c"
has "$ERR" "not an ELF file"
pass
