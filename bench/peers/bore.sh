# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# bore: a connection for each stream, nothing encrypted. Its outer end has one port that cannot be chosen.
BORE_PORT=7835
lacks() { lacking bore; }
about() { echo "bore $("$PEERS_BIN/bore" --version | awk '{ print $2 }'), plain TCP, nothing encrypted"; }
tunnel() {
	local outer=127.0.0.1
	[ "$DIAL" = "$LISTEN" ] || outer=127.0.0.2 # there is a pathway to it
	subject bore-outer "$PEERS_BIN/bore" server --bind-addr 127.0.0.1 --min-port 1024 --secret race
	serves "$BORE_PORT" || return 1
	subject bore-home "$PEERS_BIN/bore" local "$TO" --local-host 127.0.0.1 --to "$outer" --port "$NEAR" --secret race
	serves "$NEAR"
}
