#!/bin/bash
# make install honours DESTDIR and PREFIX, installs the licences of what is linked in, and make
# uninstall takes everything away again.
. "$(dirname "$0")/lib.sh"
need make install
[ -e "$ROOT/config.ini.example" ] || skip "config.ini.example is not written yet"
[ -x "$ROOT/zt" ] || fail "zt is not built"
at=$TMP/dest
quiet() { make -s -C "$ROOT" --no-print-directory DESTDIR="$at" PREFIX=/opt/zt "$@"; }
expect 0 quiet install
same "$(stat -c %a "$at/opt/zt/bin/zt")" 755 "mode of the binary"
cmp -s "$at/opt/zt/bin/zt" "$ROOT/zt" || fail "another binary was installed"
for f in config.ini.example LICENSE licenses/BearSSL.txt licenses/inih.txt licenses/musl.txt; do
	[ -s "$at/opt/zt/share/doc/zt/$f" ] || fail "$f is not installed"
done
expect 0 "$at/opt/zt/bin/zt" --version
expect 0 quiet uninstall
same "$(find "$at" -type f)" "" "what uninstall left"
pass
