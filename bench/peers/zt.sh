# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# zt: an edge outside, a connector at home. Its authority was made by race.sh and is no part of what is measured.
about() { echo "$("$ZT" --version | head -n 1), edge and connector, one worker each; raw [service] or [host]"; }
# web.inc.sh writes the edge's configuration; the connector dials what it is told to.
connector_conf() {
	{
		state_lines connector
		printf '[limits]\ndrain = 1s\n[connector]\nedge = %s\nhealth =\n' "$DIAL_HOST:$DIAL"
		printf '[tunnel]\nopens = 10000\n' # who holds 9,000 opens them as fast as he can
		printf '[ingress all]\nservice = %s://127.0.0.1:%s\n' "$INGRESS_KIND" "$TO"
	} >"$CONNECTOR_CONF"
}
both_ends() {
	EDGE_PORT=$LISTEN
	edge_conf
	printf '[limits]\ndrain = 1s\n[service raw]\nlisten = 127.0.0.1:%s\nhostname = raw.test\npublic = unauthenticated\n' "$NEAR" >>"$EDGE_CONF"
	connector_conf
	subject edge "$ZT" edge -c "$EDGE_CONF"
	soon "$ZT" health edge -c "$EDGE_CONF" && serves "$EDGE_PORT" || return 1
	subject connector "$ZT" connector -c "$CONNECTOR_CONF"
	soon grep -q 'a connector announced its rules' "$TMP/edge.log"
}
tunnel() { INGRESS_KIND=tcp both_ends; }
http() {
	FRONT=$LISTEN
	INGRESS_KIND=http both_ends
}
