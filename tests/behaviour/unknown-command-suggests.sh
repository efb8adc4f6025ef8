#!/bin/bash
# core
# A mistyped role or verb is refused with the nearest real one; nothing is suggested for what
# is near to nothing, and what was typed cannot reach the terminal as a control sequence.
. "$(dirname "$0")/lib.sh"
suggests() { # TYPED MEANT
	expect 2 "$ZT" "$1"
	has "$ERR" "did you mean '$2'?"
}
suggests ehco echo
suggests statsu status
suggests conector connector
suggests relaod reload

expect 2 "$ZT" xyzzyplugh
has "$ERR" "there is no role or verb 'xyzzyplugh'"
has "$ERR" "'zt help' lists them"
lacks "$ERR" "did you mean"
expect 2 "$ZT" help ehco
has "$ERR" "did you mean 'echo'?"

# Children are for the supervisor: neither offered nor run by name.
expect 2 "$ZT" echo-worke
lacks "$ERR" "echo-worker"
expect 2 "$ZT" echo-worker
expect 2 "$ZT" --child
expect 2 "$ZT" --child no-such-child

expect 2 "$ZT" $'\e]0;owned\a'
lacks "$ERR" $'\e'
pass
