# shellcheck shell=bash
# caserve.inc.sh: a running authority, $ENROL (TLS) and $HTTP its ports. Source lib.sh and ca.inc.sh first. Not
# a test itself.
need python3 curl
export PYTHONDONTWRITEBYTECODE=1
PYTHONPATH=$(dirname "${BASH_SOURCE[0]}")
export PYTHONPATH

# ca_conf LINE...: the configuration; the LINEs end the section [ca].
ca_conf() {
	{
		printf '[state]\ndir = %s\nrun_dir = %s/run\n' "$STATE" "$TMP"
		printf '[tls]\nper_address = 100000\nburst = 100000\n'
		printf '[ca]\nlisten = 127.0.0.1:%s\nhttp_listen = 127.0.0.1:%s\nreach = 127.0.0.1:%s\n' "$ENROL" "$HTTP" "$ENROL"
		printf '%s\n' "$@"
	} >"$CONF"
}
ca_is_healthy() { "$ZT" health ca -c "$CONF" && [ "$(curl -s "http://127.0.0.1:$HTTP/health")" = '{"status":"ok"}' ]; }
# start_ca [LINE...]: a new authority, running.
start_ca() {
	ENROL=$(free_port) HTTP=$(free_port)
	ca_conf "$@"
	ca 0 init
	start ca "$ZT" ca serve -c "$CONF"
	wait_for ca_is_healthy
}
# ca_status PATH / ca_child PROC PATH: what `zt status` says, of all and of the youngest child of that name.
ca_status() { "$ZT" status ca --json -c "$CONF" | json "$1"; }
ca_child() {
	"$ZT" status ca --json -c "$CONF" | python3 -c '
import json, sys
v = [k for k in json.load(sys.stdin)["children"] if k["name"] == sys.argv[1]][-1]
for part in sys.argv[2].split("."): v = v[part]
print(v)' "$1" "$2" 2>/dev/null
}
front() { ca_child front "counters.$1"; }
# new_token ROLE [NAME] [OPTION...]: into $TMP/token and $TOKEN.
new_token() {
	token 0 create "$@"
	TOKEN=$(grep -o 'zt1_[A-Za-z0-9_-]*' <<<"$OUT") || fail "no token in: $OUT"
	(umask 077 && printf '%s\n' "$TOKEN" >"$TMP/token")
}
# py ARG... <PROGRAM: python with what every program of these tests needs in front.
py() {
	{
		printf 'import os, socket, struct, subprocess, sys, threading, time\nfrom enrolpeer import *\n'
		printf 'ENROL, HTTP, TMP = %s, %s, "%s"\n' "$ENROL" "$HTTP" "$TMP"
		cat
	} >"$TMP/.py"
	python3 "$TMP/.py" "$@" 2>"$TMP/py.log"
}
