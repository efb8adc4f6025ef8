#!/usr/bin/env bash
# install.sh [NAME...]
#
# Builds the peers that no distribution packages, from their languages' registries, into build/peers/bin: frp and chisel
# with go, rathole and bore with cargo; all of them or the named ones. Versions are pinned here. What does not build is
# said and left out: bench/race.sh then prints that it was not measured. Nothing is fetched that is there already.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
peers=$PWD/build/peers
mkdir -p "$peers/bin" || exit 1
export GOPATH=$peers/go

# by_go NAME MODULE VERSION "GO.MOD LINES" LDFLAGS PACKAGE...: a module of our own asks for it, because `go install` takes none
# that replaces others, as frp does.
by_go() {
	local dir=$peers/$1
	command -v go >/dev/null || { echo "$1: go is not installed"; return 1; }
	mkdir -p "$dir" || return 1
	printf 'module peer\n\ngo 1.22\n\nrequire %s %s\n%s\n' "$2" "$3" "$4" >"$dir/go.mod"
	(cd "$dir" && nice go build -p 1 -mod=mod -trimpath -ldflags "-s -w $5" -o "$peers/bin/" "${@:6}")
}
by_cargo() { # NAME CRATE VERSION
	command -v cargo >/dev/null || { echo "$1: cargo is not installed"; return 1; }
	nice cargo install -q -j1 --root "$peers" --version "$3" "$2" 2>"$peers/$1.log" || { tail -n 3 "$peers/$1.log"; return 1; }
}
frp() {
	[ -x "$peers/bin/frps" ] && [ -x "$peers/bin/frpc" ] && return
	by_go frp github.com/fatedier/frp v0.61.1 'replace github.com/hashicorp/yamux => github.com/fatedier/yamux v0.0.0-20230628132301-7aca4898904d' '' \
		github.com/fatedier/frp/cmd/frps github.com/fatedier/frp/cmd/frpc
}
chisel() {
	[ -x "$peers/bin/chisel" ] ||
		by_go chisel github.com/jpillora/chisel v1.10.1 '' '-X github.com/jpillora/chisel/share.BuildVersion=1.10.1' github.com/jpillora/chisel
}
rathole() { [ -x "$peers/bin/rathole" ] || by_cargo rathole rathole 0.5.0; }
bore() { [ -x "$peers/bin/bore" ] || by_cargo bore bore-cli 0.6.0; }

[ $# != 0 ] || set -- frp chisel rathole bore
failed=0
for name in "$@"; do
	case $name in
	frp | chisel | rathole | bore) ;;
	*) echo "install.sh: no peer $name" >&2; exit 2 ;;
	esac
	echo "peers: $name"
	"$name" || { echo "peers: $name is left out"; failed=1; }
done
exit "$failed"
