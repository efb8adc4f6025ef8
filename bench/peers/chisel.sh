# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# chisel: SSH's channels in one WebSocket; what is encrypted is SSH's, so without its TLS options.
lacks() { lacking chisel; }
about() { echo "chisel $("$PEERS_BIN/chisel" --version), reverse, its SSH without TLS, fingerprint checked"; }
tunnel() {
	local fingerprint
	[ -e "$PEER_DIR/key" ] || "$PEERS_BIN/chisel" server --keygen "$PEER_DIR/key" 2>/dev/null || return 1
	subject chisel-outer "$PEERS_BIN/chisel" server --host 127.0.0.1 --port "$LISTEN" --keyfile "$PEER_DIR/key" --auth race:race --reverse
	serves "$LISTEN" || return 1
	fingerprint=$(sed -n 's/.*Fingerprint //p' "$TMP/chisel-outer.log" | head -n 1)
	subject chisel-home "$PEERS_BIN/chisel" client --fingerprint "$fingerprint" --auth race:race "http://$DIAL_HOST:$DIAL" \
		"R:127.0.0.1:$NEAR:127.0.0.1:$TO"
	serves "$NEAR"
}
