# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# Caddy outside, Caddy at home, verified TLS between them; HTTP only. Not a reverse tunnel: home must be reachable.
lacks() { lacking caddy; }
about() { echo "Caddy $(caddy version | cut -d' ' -f1) pair, HTTP/1.1 and verified TLS between them, connections kept"; }
tunnel() { return 1; }
site() { # PORT CERTIFICATE LINES
	cat <<END
{
	admin off
	auto_https disable_redirects
	storage file_system $PEER_DIR/store
	servers {
		protocols h1
	}
}
https://localhost:$1, https://web.test:$1, https://far.test:$1 {
	bind 127.0.0.1
	tls $WEB_DIR/$2.pem $WEB_DIR/$2.key {
		protocols tls1.2 tls1.2
		ciphers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
		curves x25519
	}
	$3
}
END
}
http() {
	site "$LISTEN" far "reverse_proxy 127.0.0.1:$TO" >"$PEER_DIR/home"
	site "$FRONT" web "log {
		output file $TMP/caddy.access
	}
	reverse_proxy https://$DIAL_HOST:$DIAL {
		transport http {
			versions 1.1
			tls_server_name far.test
			tls_trusted_ca_certs $WEB_CA
			keepalive_idle_conns_per_host 64
		}
	}" >"$PEER_DIR/outer"
	subject caddy-home env HOME="$PEER_DIR" caddy run --adapter caddyfile --config "$PEER_DIR/home"
	subject caddy-outer env HOME="$PEER_DIR" caddy run --adapter caddyfile --config "$PEER_DIR/outer"
	serves "$LISTEN" && serves "$FRONT"
}
