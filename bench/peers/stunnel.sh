# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# stunnel outside, stunnel at home; a thread for each connection. Not a reverse tunnel: home must be reachable.
STUNNEL=$(command -v stunnel4 || command -v stunnel)
lacks() { [ -n "$STUNNEL" ] || echo "stunnel is not installed"; }
about() { echo "$("$STUNNEL" -version 2>&1 | grep -om1 'stunnel [0-9.]*') pair, verified TLS, TCP_NODELAY"; }
tunnel() {
	local common
	common=$(printf '%s\n' "foreground = yes" "pid =" "debug = 0" "syslog = no" "socket = l:TCP_NODELAY=1" "socket = r:TCP_NODELAY=1" \
		"sslVersion = TLSv1.2" "ciphers = $SUITE" "curves = X25519:P-256")
	cat "$WEB_DIR/far.pem" "$WEB_DIR/far.key" >"$PEER_DIR/far.both" && chmod 600 "$PEER_DIR/far.both"
	printf '%s\n' "$common" "[home]" "accept = 127.0.0.1:$LISTEN" "connect = 127.0.0.1:$TO" "cert = $PEER_DIR/far.both" >"$PEER_DIR/home.conf"
	printf '%s\n' "$common" "[outer]" "client = yes" "accept = 127.0.0.1:$NEAR" "connect = $DIAL_HOST:$DIAL" "CAfile = $WEB_CA" \
		"verifyChain = yes" "checkHost = far.test" "sni = far.test" >"$PEER_DIR/outer.conf"
	subject stunnel-home "$STUNNEL" "$PEER_DIR/home.conf"
	subject stunnel-outer "$STUNNEL" "$PEER_DIR/outer.conf"
	serves "$LISTEN" && serves "$NEAR"
}
http() { return 1; }
