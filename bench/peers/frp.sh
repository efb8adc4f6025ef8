# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# frp: frps outside, frpc at home. VARIANT mux: all streams in one connection; plain: a connection for each.
lacks() { lacking frps frpc; }
about() {
	local how="tcpMux, poolCount 5"
	[ "$VARIANT" = mux ] || how="tcpMux = false, poolCount 0"
	echo "frp $("$PEERS_BIN/frps" --version), TLS 1.3 (Go chooses the cipher), certificate verified, $how"
}
tunnel() {
	local mux=true pool=5
	[ "$VARIANT" = mux ] || mux=false pool=0
	cat >"$PEER_DIR/frps.toml" <<END
bindAddr = "127.0.0.1"
bindPort = $LISTEN
proxyBindAddr = "127.0.0.1"
auth.token = "race"
log.level = "error"
transport.tcpMux = $mux
transport.tls.force = true
transport.tls.certFile = "$WEB_DIR/far.pem"
transport.tls.keyFile = "$WEB_DIR/far.key"
END
	cat >"$PEER_DIR/frpc.toml" <<END
serverAddr = "$DIAL_HOST"
serverPort = $DIAL
auth.token = "race"
log.level = "error"
loginFailExit = false
transport.tcpMux = $mux
transport.poolCount = $pool
transport.tls.enable = true
transport.tls.trustedCaFile = "$WEB_CA"
transport.tls.serverName = "far.test"
[[proxies]]
name = "raw"
type = "tcp"
localIP = "127.0.0.1"
localPort = $TO
remotePort = $NEAR
END
	subject "frps-$LISTEN" "$PEERS_BIN/frps" -c "$PEER_DIR/frps.toml"
	serves "$LISTEN" || return 1
	subject "frpc-$LISTEN" "$PEERS_BIN/frpc" -c "$PEER_DIR/frpc.toml"
	serves "$NEAR"
}
