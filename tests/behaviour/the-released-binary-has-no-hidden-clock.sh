#!/usr/bin/env bash
# security
# The clock that tests set is in build/clock/zt and nowhere else: the binary that is shipped has neither its code nor the name
# of its file, and takes no notice of such a file beside it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.inc.sh"
need nm
released=$ZT
hidden_clock
grep -q hidden-clock "$ZT" || fail "the look finds nothing where there is something"
holds() { [ "$(nm "$1" | grep -c '__wrap_\|map_page')" != 0 ]; }
holds "$ROOT/build/clock/zt" || fail "nm finds nothing where there is something"
! grep -q hidden-clock "$released" || fail "the released binary names the clock's file"
[ "$(nm "$ROOT/build/rel/zt" | grep -c ' clock_wall\| real_wall')" != 0 ] || fail "nm does not see the code of the released binary"
! holds "$ROOT/build/rel/zt" || fail "the released binary holds the clock's code"
clock_do wall 86400
year() { openssl x509 -in "$1" -noout -startdate | sed 's/notBefore=//'; }
. "$(dirname "$0")/ca.inc.sh"
ca 0 init
shifted=$(year "$CA/infra.pem")
cp "$released" "$TMP/hidden/zt" # the file of the clock is still beside it
rm -rf "$STATE"
ca 0 init
plain=$(year "$CA/infra.pem")
hours=$((($(date -d "$shifted" +%s) - $(date -d "$plain" +%s)) / 3600))
[ "$hours" -ge 23 ] && [ "$hours" -le 24 ] || fail "a day ahead: $shifted; the released binary, with the file beside it: $plain"
