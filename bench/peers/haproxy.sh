# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# HAProxy outside, HAProxy at home, verified TLS between them. Not a reverse tunnel: home must be reachable.
lacks() { lacking haproxy; }
about() { echo "HAProxy $(haproxy -v | awk '{ print $3; exit }') pair, nbthread 1, 64 KiB buffers, verified TLS; mode tcp, or http with kept connections"; }
conf() { # tcp|http LISTEN BIND SERVER LINES
	printf '%s\n' global "maxconn 9900" "nbthread 1" "log stdout format raw local0" "ssl-default-bind-ciphers $SUITE" "ssl-default-bind-curves X25519" \
		"ssl-default-bind-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2" "ssl-default-server-ciphers $SUITE" \
		"ssl-default-server-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2" "tune.bufsize 65536" \
		defaults "mode $1" "timeout connect 10s" "timeout client 600s" "timeout server 600s" \
		"frontend f" "bind 127.0.0.1:$2 $3" "$5" "default_backend o" "backend o" "server o $4"
}
both_ends() { # tcp|http OUTER-PORT OUTER-BIND OUTER-LINES
	cat "$WEB_DIR/far.pem" "$WEB_DIR/far.key" >"$PEER_DIR/far.both"
	cat "$WEB_DIR/web.pem" "$WEB_DIR/web.key" >"$PEER_DIR/web.both"
	conf "$1" "$LISTEN" "ssl crt $PEER_DIR/far.both" "127.0.0.1:$TO" "" >"$PEER_DIR/home.cfg"
	conf "$1" "$2" "$3" "$DIAL_HOST:$DIAL ssl verify required ca-file $WEB_CA sni str(far.test) verifyhost far.test" "$4" >"$PEER_DIR/outer.cfg"
	subject haproxy-home haproxy -db -f "$PEER_DIR/home.cfg"
	subject haproxy-outer haproxy -db -f "$PEER_DIR/outer.cfg"
	serves "$LISTEN" && serves "$2"
}
tunnel() { both_ends tcp "$NEAR" "" ""; }
http() { both_ends http "$FRONT" "ssl crt $PEER_DIR/web.both" $'log global\noption httplog'; }
