#!/bin/sh
# check-binary.sh [--report] BINARY
#
# Refuses a release binary that is not what we say we ship: one static-pie without interpreter
# or libraries, full RELRO, no executable stack, no segment both writable and executable, no
# text relocations, stripped, under the size limit. --report also prints what weighs how much.
set -u
LIMIT=1010000 # bytes: small enough for the smallest container and router storage

report=
[ "${1:-}" = --report ] && { report=yes; shift; }
bin=${1:?usage: check-binary.sh [--report] BINARY}

faults=0
fault() {
	echo "$bin: $*" >&2
	faults=$((faults + 1))
}

header=$(LC_ALL=C readelf -hW "$bin" 2>&1) || { fault "not an ELF file"; exit 1; }
segments=$(LC_ALL=C readelf -lW "$bin")
dynamic=$(LC_ALL=C readelf -dW "$bin")
sections=$(LC_ALL=C readelf -SW "$bin")

echo "$header" | grep -q 'Type: *DYN' || fault "not position independent (ELF type is not DYN)"
echo "$segments" | grep -q INTERP && fault "asks for an interpreter: it is not static"
echo "$dynamic" | grep -q '(NEEDED)' && fault "needs shared libraries: it is not static"
echo "$dynamic" | grep -q TEXTREL && fault "has text relocations"
echo "$segments" | grep -q GNU_RELRO || fault "no RELRO segment"
echo "$dynamic" | grep -Eq 'BIND_NOW|FLAGS_1.*NOW' || fault "RELRO is not full (no BIND_NOW)"
echo "$segments" | grep GNU_STACK | grep -q ' RW ' || fault "the stack is executable or unmarked"
echo "$segments" | grep -Eq '(LOAD|GNU_STACK|GNU_RELRO).* RWE ' && fault "a segment is writable and executable"
echo "$sections" | grep -Eq ' \.(symtab|debug_[a-z]+) ' && fault "not stripped"
size=$(wc -c <"$bin")
[ "$size" -lt "$LIMIT" ] || fault "$size bytes; the limit is $LIMIT"

[ "$faults" = 0 ] || exit 1
echo "$bin: $size bytes, static-pie, full RELRO, no RWX, stripped"
[ -n "$report" ] || exit 0

echo
echo "by section (bytes):"
LC_ALL=C size -A -d "$bin" | awk '$1 ~ /^\./ && $2 > 0 { print $2, $1 }' | sort -rn |
	awk '{ printf "  %8d  %s\n", $1, $2 }'

# The linker's map names the object of every piece it kept: " .text.f 0xADDR 0xSIZE FILE", the
# first word alone on its line when it is long. Pieces before the memory map were thrown away.
map=build/rel/$(basename "$bin").map
[ -e "$map" ] || exit 0
echo
echo "by layer (bytes of code, constants and data):"
awk '
	/^Linker script and memory map/ { kept = 1; next }
	!kept { next }
	/^ \.[^ ]+$/ { name = $1; next }
	/^ \.[^ ]+ +0x/ { name = $1; where = $2; size = $3; file = $4 }
	/^ +0x[0-9a-f]+ +0x[0-9a-f]+ [^ ]/ { if (name == "") next; where = $1; size = $2; file = $3 }
	file != "" {
		if (where != "0x0000000000000000" && name ~ /^\.(text|rodata|data|bss|tdata|tbss|init|eh_frame)/)
			print layer(file), size
		name = file = ""
	}
	function layer(f) {
		if (match(f, /lib(base|wire|decide|io|serve)\.a/)) return "lib/" substr(f, RSTART + 3, RLENGTH - 5)
		if (f ~ /roles\/|main\.o/) return "roles"
		if (f ~ /bearssl/) return "BearSSL"
		if (f ~ /inih/) return "inih"
		if (f ~ /libc\.a|crt[^\/]*\.o/) return "musl"
		return "other"
	}
' "$map" | while read -r layer size; do
	echo "$layer $((size))"
done | awk '
	{ sum[$1] += $2 }
	END { for (l in sum) print sum[l], l }
' | sort -rn | awk '{ printf "  %8d  %s\n", $1, $2 }'
