# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# 64 bytes there and back: idle, and while four streams come down the same tunnel.
pings() { # PEER
	local got bulk
	for bulk in 0 4; do
		got=$(timeout 60 "${DRIVER[@]}" "$RAW" ping "$NEAR" "$TO" "$step" "$step" "$bulk") && row "ping-$bulk" "$1" "$got"
	done
}
