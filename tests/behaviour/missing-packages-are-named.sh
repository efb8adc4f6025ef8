#!/bin/bash
# On a machine without compiler and libraries, building names what is missing and the packages
# that hold it; installing without the right to do so names the command to run.
. "$(dirname "$0")/lib.sh"
need make
# A machine with a shell and little else: only these are in its PATH.
mkdir "$TMP/bin"
for tool in sh cat grep sed sort tr cut dirname env id make mkdir cmp find true; do
	ln -s "$(command -v "$tool")" "$TMP/bin/$tool" || skip "$tool is not installed"
done
bare() { env -i PATH="$TMP/bin" "$@"; }

expect 1 bare sh "$ROOT/third_party/deps.sh" --check build
has "$ERR" "cmd:gcc is missing (Debian: gcc; Alpine: gcc)"
has "$ERR" "hdr:bearssl.h is missing (Debian: libbearssl-dev; Alpine: bearssl-dev)"
has "$ERR" "lib:libinih.a"
lacks "$ERR" "cmd:make"
lacks "$ERR" "clang"
expect 1 bare sh "$ROOT/third_party/deps.sh" --check lint
has "$ERR" "shellcheck"

# Whatever a test skips itself for is a package of the table, or on every machine.
everywhere=" chroot install mkfifo mount umount readelf setpriv sha256sum tar timeout "
for tool in $(grep -hoE '^[[:space:]]*need [^#;|&]*' "$ROOT"/tests/behaviour/*.sh | sed 's/^[[:space:]]*need //'); do
	[[ $everywhere == *" $tool "* ]] || grep -qw "cmd:$tool" "$ROOT/third_party/deps.sh" ||
		fail "a test needs $tool, which third_party/deps.sh does not install"
done

# make itself stops before the first compiler call, with the same words.
mkdir "$TMP/tree"
cp -r "$ROOT/Makefile" "$ROOT/main.c" "$ROOT/lib" "$ROOT/roles" "$ROOT/third_party" "$TMP/tree/"
expect 2 bare make -C "$TMP/tree" zt
has "$ERR" "cmd:gcc is missing"
lacks "$OUT" "gcc -"

# Neither Debian nor Alpine: the list, for whoever knows the names there.
expect 1 bare sh "$ROOT/third_party/deps.sh" build
has "$ERR" "neither Debian nor Alpine"
has "$ERR" "libbearssl-dev"

# Debian, but neither root nor sudo.
need python3 setpriv
need_root
printf '#!/bin/sh\nexit 0\n' >"$TMP/bin/apt-get"
cp "$TMP/bin/apt-get" "$TMP/bin/apt-cache"
cp -r "$ROOT/third_party" "$TMP/deps"
chmod 755 "$TMP" "$TMP/bin/apt-get" "$TMP/bin/apt-cache"
expect 1 setpriv --reuid 65534 --regid 65534 --clear-groups \
	env -i PATH="$TMP/bin" sh "$TMP/deps/deps.sh" build
has "$ERR" "As root, run: DEBIAN_FRONTEND=noninteractive apt-get -q update"
pass
