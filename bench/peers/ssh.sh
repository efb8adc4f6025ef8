# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# OpenSSH: ssh -R from home to a sshd outside.
lacks() { lacking ssh sshd ssh-keygen; }
about() { echo "$(ssh -V 2>&1 | cut -d, -f1), ssh -R, aes128-gcm@openssh.com, host key and user key checked"; }
keys() {
	[ ! -e "$PEER_DIR/host" ] || return 0
	ssh-keygen -q -t ed25519 -N '' -f "$PEER_DIR/host" && ssh-keygen -q -t ed25519 -N '' -f "$PEER_DIR/user" || return 1
	echo "[127.0.0.1]:$LISTEN,[127.0.0.1]:$PATHWAY $(cut -d' ' -f1-2 "$PEER_DIR/host.pub")" >"$PEER_DIR/known"
	printf '%s\n' "Port $LISTEN" "ListenAddress 127.0.0.1" "HostKey $PEER_DIR/host" "AuthorizedKeysFile $PEER_DIR/user.pub" "StrictModes no" \
		"UsePAM no" "PidFile none" "PermitRootLogin yes" "PasswordAuthentication no" "Ciphers aes128-gcm@openssh.com" \
		"ClientAliveInterval 3" "ClientAliveCountMax 3" >"$PEER_DIR/sshd.conf"
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
}
tunnel() {
	local dials
	keys || return 1
	subject "sshd-$LISTEN" "$(command -v sshd)" -D -e -f "$PEER_DIR/sshd.conf"
	serves "$LISTEN" || return 1
	dials=(ssh -N -F none -i "$PEER_DIR/user" -p "$DIAL" -o UserKnownHostsFile="$PEER_DIR/known" -o BatchMode=yes -o ExitOnForwardFailure=yes
		-o ServerAliveInterval=3 -o ServerAliveCountMax=3 -o ConnectTimeout=5 -c aes128-gcm@openssh.com
		-R "127.0.0.1:$NEAR:127.0.0.1:$TO" "$(id -un)@127.0.0.1")
	# As autossh does: when it ends, once more, a second later.
	[ "$VARIANT" != again ] || dials=(bash -c 'for ((i = 0; i < 500; i++)); do "$@"; sleep 1; done' again "${dials[@]}")
	subject "ssh-$LISTEN" "${dials[@]}"
	serves "$NEAR"
}
