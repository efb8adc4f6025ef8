#!/bin/bash
# core
# A bad configuration: every fault of every file in one run, as FILE:LINE: TEXT on standard
# error, with the likely name; exit 3; nothing on standard output.
. "$(dirname "$0")/lib.sh"
mkdir -p "$TMP/c/conf.d"
conf=$TMP/c/zt.conf
printf '[log]\nlevle = warn\nlevel = inof\nfile = /x ;old\n[ehco]\nidle = 5\n[echo\n' >"$conf"
printf '[log]\nkeep = 1\nkeep = 2\n' >"$TMP/c/conf.d/1.conf"
printf '[state]\nuid\n' >"$TMP/c/conf.d/2.conf"

expect 3 "$ZT" check -c "$conf"
same "$OUT" "" "standard output"
same "$ERR" "$conf:2: [log] has no key 'levle'; did you mean 'level'?
$conf:3: level: 'inof' is not one of error, warn, info, debug; did you mean 'info'?
$conf:4: '#' or ';' after a blank would begin a comment; put the comment on its own line
$conf:5: unknown section [ehco]; did you mean [echo]?
$conf:7: the section header has no ']'
$TMP/c/conf.d/1.conf:3: keep is set twice, first at $TMP/c/conf.d/1.conf:2
$TMP/c/conf.d/2.conf:2: no '=' on the line; write key = value, or begin a comment with '#'" "the faults"

expect 3 "$ZT" check --emit -c "$conf"
same "$OUT" "" "what --emit prints of a bad configuration"
pass
