# shellcheck shell=bash
# called.inc.sh: an edge that waits to be called. Source lib.sh, ca.inc.sh and caserve.inc.sh first. Not a test
# itself.
E=$(free_port)
# edge_at NAME: its state directory from now on; $ID is where its identity will be.
# shellcheck disable=SC2034 # for the script that sources this
edge_at() {
	printf '[state]\ndir = %s/%s.state\nrun_dir = %s/%s.run\n[edge]\nlisten = 127.0.0.1:%s\n' "$TMP" "$1" "$TMP" "$1" "$E" \
		>"$TMP/edge.conf"
	printf '[host x]\nnames = x.test\ncert = /x.pem\nkey = /x.key\naccess = public\n' >>"$TMP/edge.conf"
	ID=$TMP/$1.state/edge/identity
}
edge_at edge
# wait_edge NAME [OPTION...]: zt edge join in the background, until it waits.
wait_edge() {
	start "$1" "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token" "${@:2}"
	wait_for grep -q "waiting for home to call" "$TMP/$1.log"
}
# call CODE [OPTION...]: home calls it.
call() { expect "$1" "$ZT" ca call "127.0.0.1:$E" -c "$CONF" "${@:2}"; }
said() { grep -qF -- "$2" "$TMP/$1.log" || fail "$1 has not said '$2'"; }
