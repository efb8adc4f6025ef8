# shellcheck shell=bash
# tunnel.inc.sh: a connector with an authority, and edges written in python (edgepeer.py). Source lib.sh, ca.inc.sh and
# caserve.inc.sh first. Not a test itself.
# shellcheck disable=SC2034 # some are for the script that sources this
HOME_CONF=$TMP/home.conf ID=$TMP/home/connector/identity

# rule NAME LINE...: prints a section, for connector_conf.
rule() { printf '[ingress %s]\n' "$1" && printf '%s\n' "${@:2}"; }
# connector_conf EDGES TEXT: the edges, comma separated; the rules.
connector_conf() {
	printf '[state]\ndir = %s/home\nrun_dir = %s/run\n[limits]\ndrain = 5s\n[connector]\nedge = %s\nhealth =\n%s\n' \
		"$TMP" "$TMP" "$1" "$2" >"$HOME_CONF"
}
# shellcheck disable=SC2034
CATCH_ALL=$(rule last 'service = http_status:404')
connector() { expect "$1" "$ZT" connector "${@:2}" -c "$HOME_CONF"; }
start_connector() { start connector "$ZT" connector -c "$HOME_CONF"; }
# child PROC PATH: of the youngest child of that name, what `zt status` says.
child() {
	"$ZT" status connector --json -c "$HOME_CONF" | python3 -c '
import json, sys
v = [k for k in json.load(sys.stdin)["children"] if k["name"] == sys.argv[1]][-1]
for part in sys.argv[2].split(".", 1): v = v[part]
print(v)' "$1" "$2" 2>/dev/null
}
says() { [ "$(child worker "counters.$1")" = "$2" ]; }
more() { [ "$(child worker "counters.$1")" -gt "$2" ]; }
# join_as ROLE NAME DIR: an identity.
join_as() {
	new_token "$1" "$2"
	expect 0 "$ZT" join --to "$3" --token-file "$TMP/token"
}
# start_edge NAME PORT: with the identity $TMP/NAME.id.
start_edge() { start "$1" python3 "$ROOT/tests/behaviour/edgepeer.py" "$2" "$TMP/$1.id/identity.pem" "$TMP/$1.id/trust/infra.pem" "$TMP/$1.ctl"; }
tell() { printf '%s\n' "${*:2}" >"$TMP/$1.ctl"; }
# heard NAME EXPRESSION: some event e of the edge NAME makes it true.
heard() {
	python3 -c '
import json, sys
for line in open(sys.argv[1]):
    if line.startswith("{"):
        e = json.loads(line)
        if eval(sys.argv[2]): sys.exit(0)
sys.exit(1)' "$TMP/$1.log" "$2"
}
# count NAME EXPRESSION: how many.
count() {
	python3 -c '
import json, sys
print(sum(1 for line in open(sys.argv[1]) if line.startswith("{") for e in [json.loads(line)] if eval(sys.argv[2])))' "$TMP/$1.log" "$2"
}
logged() { grep -qF -- "$1" "$TMP/connector.log"; }
