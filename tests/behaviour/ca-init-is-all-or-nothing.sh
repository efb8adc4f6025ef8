#!/usr/bin/env bash
# An authority is made as a whole or not at all: killed at each system call, on a disk that is full at any
# size, beside another init, with something planted in its way. One that exists is never touched, and what is
# left of one that lost its registry is not either.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ca.inc.sh"
. "$(dirname "$0")/kill.inc.sh"
need_root
cd "$TMP/out" || fail "no $TMP/out"
everything="./acme.pem
./device.pem
./infra.pem
./keys/acme.1.key
./keys/device.1.key
./keys/infra.1.key
./keys/registry.key
./registry/registry
./serve.pem"
files() { (cd "$CA" && find . ! -type d ! -name lock ! -name registry.lock | sort); }
has_all() { same "$(files)" "$everything" "what $1 has made"; }
is_whole() {
	has_all "$1"
	openssl verify -CAfile "$CA/infra.pem" "$CA/serve.pem" >/dev/null || fail "$1: serve.pem is not believed"
	ca 0 list --json
	same "$(json serial <<<"$OUT")" "$(serial_of "$CA/serve.pem")" "the only certificate that the registry has after $1"
}

# ---- killed at every call -----------------------------------------------------------------------
rm -rf "$STATE" && list_calls "$ZT" ca init -c "$CONF"
is_whole "an init that was traced"
whole=0 again=0 unfinished=0
step=$((KILLS > 100 ? 1 : 2)) # soak takes every call, a test every other one
for ((i = RANDOM % step; i < ${#CALLS[@]}; i += step)); do
	read -r name when <<<"${CALLS[i]}"
	call=${CALLS[i]}
	rm -rf "$STATE"
	killed_at "$name" "$when" "$TMP/killed.out" "$ZT" ca init -c "$CONF" || continue
	if [ -e "$CA/registry/registry" ]; then
		before=$(picture "$CA" | grep -v init.unfinished)
		whole=$((whole + 1))
		ca 1 init
		has "$ERR" "there is an authority already"
		[ "$(picture "$CA")" = "$before" ] || fail "killed at $call: a second init changed $(diff <(picture "$CA") <(echo "$before"))"
	else
		[ ! -e "$CA/init.unfinished" ] || unfinished=$((unfinished + 1))
		again=$((again + 1))
		ca 0 init
		[ -z "$ERR" ] || has "$ERR" "an earlier init did not end"
	fi
	has_all "the init after a kill at $call"
	[ $((again % 10)) != 0 ] && [ "$whole" = 0 ] || is_whole "the init after a kill at $call"
done
[ "$again" -ge 40 ] && [ "$unfinished" -ge 20 ] && [ "$whole" -ge 2 ] ||
	fail "too few kills in each part: $again before, $unfinished of them with a marker, $whole after the registry was there"
echo "killed $((again + whole)) times: $again before the registry was there ($unfinished of them half way), $whole after"

# ---- one that exists, or existed ----------------------------------------------------------------
untouched 1 "there is an authority already: $CA/registry/registry" "$ZT" ca init -c "$CONF"
mv "$CA/registry" "$TMP/registry"
untouched 1 "is there, but no registry" "$ZT" ca init -c "$CONF"
rm "$CA"/keys/*.key "$CA/serve.pem" "$CA/infra.pem" "$CA/acme.pem"
untouched 1 "$CA/device.pem is there, but no registry" "$ZT" ca init -c "$CONF"

# ---- planted in its way -------------------------------------------------------------------------
umask 077
echo precious >"$TMP/precious"
for plant in keys/infra.1.key serve.pem infra.pem registry.new/registry; do
	rm -rf "$STATE" && mkdir -p "$CA/${plant%/*}" && rm -rf "${CA:?}/${plant##*/}"
	[ "${plant%/*}" = "$plant" ] && rmdir "$CA/$plant" 2>/dev/null
	ln -s "$TMP/precious" "$CA/$plant"
	untouched 1 "$CA/$plant is there" "$ZT" ca init -c "$CONF"
	# with a marker it is what an init left: the link goes, what it points to stays
	echo >"$CA/init.unfinished"
	ca 0 init
	is_whole "an init over a planted $plant"
	same "$(cat "$TMP/precious")" precious "what a planted link pointed to"
done
for plant in keys registry.new registry; do
	rm -rf "$STATE" && mkdir -p "$CA" "$TMP/other" && ln -s "$TMP/other" "$CA/$plant"
	expect 1 "$ZT" ca init -c "$CONF"
	has "$ERR" "$CA/$plant"
	same "$(find "$TMP/other" -mindepth 1)" "" "what was written through the link $plant"
	same "$(cd "$CA" && find . -mindepth 1 ! -name lock)" "./$plant" "what is left after the link $plant"
done
rm -rf "$STATE" && mkdir -p "$STATE" && mkdir -m 755 "$CA"
untouched 1 "chmod 700" "$ZT" ca init -c "$CONF"

# ---- two at once --------------------------------------------------------------------------------
for round in 1 2 3 4 5; do
	rm -rf "$STATE"
	for i in 1 2 3; do
		"$ZT" ca init -c "$CONF" >"$TMP/init$i.out" 2>"$TMP/init$i.err" &
		eval "pid$i=$!"
	done
	codes=""
	for i in 1 2 3; do
		eval "wait \$pid$i"
		codes+="$? "
	done
	same "$(grep -o 0 <<<"$codes" | wc -l)" 1 "the number of inits that made it in round $round (codes $codes)"
	[[ $codes =~ ^([017]\ ){3}$ ]] || fail "codes $codes"
	is_whole "three inits at once"
done

# ---- a full disk --------------------------------------------------------------------------------
mkdir "$TMP/disk" && mount -t tmpfs -o size=4k,mode=700 tmpfs "$TMP/disk" 2>/dev/null || fail "root cannot mount a tmpfs here"
trap 'umount -l "$TMP/disk"; cleanup' EXIT
STATE=$TMP/disk/state CA=$TMP/disk/state/ca
sed -i "s|^dir = .*|dir = $STATE|" "$CONF"
for pages in 1 2 3 4 6 8 10 12 14 16; do
	mount -o "remount,size=$((pages * 4))k" "$TMP/disk" || fail "remount"
	rm -rf "$STATE"
	"$ZT" ca init -c "$CONF" >"$TMP/out.full" 2>"$TMP/err.full"
	code=$?
	[ $code = 0 ] && break
	same $code 1 "exit code with $pages pages"
	has "$(cat "$TMP/err.full")" "No space left on device"
	same "$(wc -l <"$TMP/err.full")" 1 "lines that say so"
	[ ! -d "$CA" ] || same "$(cd "$CA" && find . -mindepth 1 ! -name lock)" "" "what is left with $pages pages"
done
[ $code = 0 ] && [ "$pages" -ge 4 ] || fail "ended with $code at $pages pages"
is_whole "an init on a small disk"
pass
