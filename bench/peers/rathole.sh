# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# rathole: a connection for each stream. VARIANT tls, or plain: nothing is encrypted.
lacks() { lacking rathole; }
about() {
	local how="plain TCP, nothing encrypted"
	[ "$VARIANT" = plain ] || how="TLS 1.2 by the system's OpenSSL, $(cat "$PEER_DIR/cipher" 2>/dev/null), certificate verified"
	echo "rathole $("$PEERS_BIN/rathole" --version | sed -n 's/^Build Version: *//p'), $how"
}
transport() { # LINE...
	[ "$VARIANT" = tls ] && printf '[%s.transport]\ntype = "tls"\n[%s.transport.tls]\n%s\n' "$1" "$1" "$2"
}
tunnel() {
	[ -e "$PEER_DIR/far.p12" ] || openssl pkcs12 -export -in "$WEB_DIR/far.pem" -inkey "$WEB_DIR/far.key" -passout pass:race -out "$PEER_DIR/far.p12" || return 1
	{
		printf '[server]\nbind_addr = "127.0.0.1:%s"\ndefault_token = "race"\n' "$LISTEN"
		transport server "pkcs12 = \"$PEER_DIR/far.p12\""$'\n''pkcs12_password = "race"'
		printf '[server.services.raw]\nbind_addr = "127.0.0.1:%s"\n' "$NEAR"
	} >"$PEER_DIR/server.toml"
	{
		printf '[client]\nremote_addr = "%s:%s"\ndefault_token = "race"\n' "$DIAL_HOST" "$DIAL"
		transport client "trusted_root = \"$WEB_CA\""$'\n''hostname = "far.test"'
		printf '[client.services.raw]\nlocal_addr = "127.0.0.1:%s"\n' "$TO"
	} >"$PEER_DIR/client.toml"
	subject "rathole-outer-$LISTEN" env RUST_LOG=warn "$PEERS_BIN/rathole" --server "$PEER_DIR/server.toml"
	serves "$LISTEN" || return 1
	[ "$VARIANT" = plain ] || [ -e "$PEER_DIR/cipher" ] ||
		openssl s_client -connect "127.0.0.1:$LISTEN" -servername far.test </dev/null 2>/dev/null | sed -n 's/.*Cipher is //p' | head -n 1 >"$PEER_DIR/cipher"
	subject "rathole-home-$LISTEN" env RUST_LOG=warn "$PEERS_BIN/rathole" --client "$PEER_DIR/client.toml"
	serves "$NEAR"
}
