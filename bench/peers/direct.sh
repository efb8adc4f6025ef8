# shellcheck shell=bash disable=SC2034,SC2154 # much is shared with race.sh
# No tunnel at all: what the generator itself can do, and the path of relays alone.
about() { echo "plain TCP, nothing between"; }
tunnel() { TO=$LISTEN NEAR=$DIAL; }
http() { return 1; }
