#!/bin/bash
# Help is for the asking (exit 0, standard output); wrong use is exit 2 and says what was wrong.
. "$(dirname "$0")/lib.sh"
expect 0 "$ZT" check --help
has "$OUT" "usage: zt check"
same "$ERR" "" "standard error of --help"
expect 0 "$ZT" check -h
has "$OUT" "usage: zt check"
for wrong in "--nope" "-c" "-z" "file.conf" "--emit=1"; do
	expect 2 "$ZT" check "$wrong"
	same "$OUT" "" "standard output of a wrong use"
	has "$ERR" "usage: zt check"
done
expect 2 "$ZT" check -c ""
has "$ERR" "-c needs the name of a file"
expect 2 "$ZT" check file.conf
has "$ERR" "unexpected argument 'file.conf'; the file is given with -c"
pass
