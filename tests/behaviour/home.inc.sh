# shellcheck shell=bash
# home.inc.sh: a whole house: an edge that home has called, a connector, programs behind it. Source lib.sh, ca.inc.sh and
# caserve.inc.sh first. Not a test itself.
. "$(dirname "${BASH_SOURCE[0]}")/nginx.inc.sh"
E=$(free_port) RAW=$(free_port) SSHP=$(free_port) GONE=$(free_port)
ORIGIN=$(free_port) NGINX=$(free_port) SSHD=$(free_port) NOBODY=$(free_port)
# shellcheck disable=SC2034 # for the script that sources this
SSH=(ssh -F none -i "$TMP/sshkey" -p "$SSHP" -o UserKnownHostsFile="$TMP/known" -o StrictHostKeyChecking=no -o BatchMode=yes
	-o IdentitiesOnly=yes -o ConnectTimeout=20 127.0.0.1)

# certificate NAME: $TMP/NAME.pem and .key, of its own making, for NAME.test.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$TMP/$1.key" -out "$TMP/$1.pem" \
		-subj "/CN=$1" -addext "subjectAltName = DNS:$1.test" -addext "basicConstraints = critical, CA:false" 2>/dev/null &&
		chmod 600 "$TMP/$1.key"
}
start_home_programs() {
	certificate inner && certificate web || fail "no certificates"
	start_nginx "$NGINX" "$TMP/inner"
	start origin python3 "$ROOT/tests/behaviour/digest.py" origin "$ORIGIN"
	ssh-keygen -q -t ed25519 -N "" -f "$TMP/hostkey" && ssh-keygen -q -t ed25519 -N "" -f "$TMP/sshkey" || fail "ssh-keygen"
	printf 'Port %s\nListenAddress 127.0.0.1\nHostKey %s/hostkey\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n' "$SSHD" "$TMP" >"$TMP/sshd.conf"
	printf 'AuthorizedKeysFile %s/sshkey.pub\nPasswordAuthentication no\n' "$TMP" >>"$TMP/sshd.conf"
	if [ "$(id -u)" = 0 ]; then # root's wants a directory that is not there, and /run is not ours
		start sshd unshare -m sh -c 'mount -t tmpfs none /run && mkdir /run/sshd && exec "$@"' sh "$(command -v sshd)" -D -e -f "$TMP/sshd.conf"
	else
		start sshd "$(command -v sshd)" -D -e -f "$TMP/sshd.conf"
	fi
	wait_for listening "$ORIGIN"
	wait_for listening "$SSHD"
}

# edge_conf: the edge's.
edge_conf() {
	printf '[state]\ndir = %s/vps\nrun_dir = %s/vps.run\n[tls]\nper_address = 100000\nburst = 100000\n[limits]\ndrain = 2s\n' "$TMP" "$TMP"
	printf '[edge]\nlisten = 127.0.0.1:%s\nenrol = ca.internal\n' "$E"
	printf '[host web]\nnames = web.test\ncert = %s/web.pem\nkey = %s/web.key\naccess = public\n' "$TMP" "$TMP"
	printf '[service raw]\nlisten = 127.0.0.1:%s\nhostname = raw.home.test\npublic = unauthenticated\n' "$RAW"
	printf '[service ssh]\nlisten = 127.0.0.1:%s\nhostname = ssh.home.test\npublic = unauthenticated\n' "$SSHP"
	printf '[service gone]\nlisten = 127.0.0.1:%s\nhostname = gone.home.test\npublic = unauthenticated\n' "$GONE"
	printf '[service pass]\nsni = inner.test\npublic = unauthenticated\n'
	printf '[grant home]\nconnector = %s\nnames = ssh.home.test, raw.home.test, gone.home.test, inner.test, web.test, ca.internal\n' "$CONNECTOR"
}
connector_conf() {
	printf '[state]\ndir = %s/home\nrun_dir = %s/home.run\n[limits]\ndrain = 2s\n[connector]\nedge = 127.0.0.1:%s\nhealth =\n' "$TMP" "$TMP" "$E"
	rule() { printf '[ingress %s]\nhostname = %s\nservice = tcp://127.0.0.1:%s\n' "$1" "$2" "$3"; }
	rule raw raw.home.test "$ORIGIN"
	rule ssh ssh.home.test "$SSHD"
	rule gone gone.home.test "$NOBODY"
	rule inner inner.test "$NGINX"
	rule ca ca.internal "$ENROL"
	printf '[ingress last]\nservice = http_status:404\n'
}
# join_edge NAME [OPTION...]: of zt token create; home calls it.
join_edge() {
	CONNECTOR=nobody edge_conf >"$TMP/edge.conf"
	new_token edge "$@"
	start join "$ZT" edge join -c "$TMP/edge.conf" --token-file "$TMP/token"
	wait_for grep -q "waiting for home to call" "$TMP/join.log"
	ca 0 call "127.0.0.1:$E"
	join join
	same "$STATUS" 0 "the end of zt edge join"
}
# join_connector NAME: its id in $CONNECTOR.
join_connector() {
	connector_conf >"$TMP/connector.conf"
	new_token connector "$@"
	expect 0 "$ZT" connector join -c "$TMP/connector.conf" --token-file "$TMP/token"
	CONNECTOR=$(sed -n 's/^joined as connector \([0-9a-f]*\),.*/\1/p' <<<"$OUT")
	[ -n "$CONNECTOR" ] || fail "no id in: $OUT"
}
start_edge() {
	start edge "$ZT" edge -c "$TMP/edge.conf"
	wait_for listening "$E"
	wait_for listening "$RAW"
}
edge_says() {
	[ "$("$ZT" status edge --json -c "$TMP/edge.conf" | python3 -c '
import json, sys
print([k for k in json.load(sys.stdin)["children"] if k["name"] == "worker"][-1]["counters"][sys.argv[1]])' "$1")" = "$2" ]
}
lines() { # PART...: a line of the edge's access log that has them all
	local text part
	text=$(grep '"logger":"zt.log.stream"' "$TMP/edge.log")
	for part in "$@"; do
		text=$(grep -F -- "$part" <<<"$text") || return 1
	done
}
subject() { openssl s_client -connect "127.0.0.1:$E" -servername "$1" </dev/null 2>/dev/null | openssl x509 -noout -subject 2>/dev/null; }
first_byte() {
	python3 -c '
import socket, sys
try: print(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30).recv(10))
except ConnectionResetError: print("reset")' "$1"
}
