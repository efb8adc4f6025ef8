#!/bin/bash
# Warnings go to standard error, do not make a configuration invalid, and are marked as such.
. "$(dirname "$0")/lib.sh"
need openssl
mkdir "$TMP/c"
conf=$TMP/c/zt.conf
printf '[limits]\ninsecure_no_sandbox = true\n[state]\nuid = 0' >"$conf"
chmod 666 "$conf"
expect 0 "$ZT" check -c "$conf"
has "$OUT" "OK: 1 file"
has "$ERR" "$conf: warning: everybody on this machine may write to it"
has "$ERR" "$conf:2: warning: insecure_no_sandbox"
has "$ERR" "$conf:4: warning: uid = 0"
has "$ERR" "$conf:4: warning: the last line does not end in a newline"
same "$(grep -vc ': warning: ' <<<"$ERR")" 0 "lines that are no warning"

# What is written without a fault, and will not do what its author thinks.
state="[state]
dir = $TMP/state
run_dir = $TMP/run"
warns() { # TEXT LINE...: a configuration, and what it is warned of
	printf '%s\n' "$state" "${@:2}" >"$conf"
	chmod 600 "$conf"
	expect 0 "$ZT" check -c "$conf"
	has "$ERR" "$1"
}
warns "$conf:5: warning: listen: nobody is served yet" '[edge]' 'listen = 127.0.0.1:443'
warns 'warning: [edge]: there is no ' '[edge]' 'listen = 127.0.0.1:443' '[grant g]' 'connector = *' 'names = a.test'
has "$ERR" "until 'zt edge join' has made it, no connector is let in"
warns "warning: hostname: never used: an earlier rule" '[ingress a]' 'hostname = a.test' 'service = http://x' '[ingress b]' \
	'hostname = a.test' 'path = ^/x' 'service = http://y' '[ingress z]' 'service = http_status:404'
same "$(grep -c 'never used' <<<"$ERR")" 1 "rules that are never used"
has "$ERR" "$conf:8: warning: hostname"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x -addext 'basicConstraints = CA:false' \
	-addext 'subjectAltName = DNS:a.test, DNS:*.b.test' -keyout "$TMP/key" -out "$TMP/cert" 2>"$TMP/openssl.log" || fail "openssl"
chmod 600 "$TMP/key"
host=('[edge]' 'listen = 127.0.0.1:443' '[host h]' 'names = a.test, *.b.test' "cert = $TMP/cert" "key = $TMP/key" 'access = public')
warns "$conf:7: warning: names: one that no [grant] gives to a connector" "${host[@]}"
same "$(grep -c 'no \[grant\]' <<<"$ERR")" 2 "names that nobody may serve"
warns 'no [grant]' "${host[@]}" '[grant g]' 'connector = *' 'names = a.test'
same "$(grep -c 'no \[grant\]' <<<"$ERR")" 1 "names that nobody may serve"
warns 'access: public' "${host[@]}" '[grant g]' 'connector = *' 'names = *.a.test, a.test, x.b.test'
lacks "$ERR" 'no [grant]'
warns 'access: public' "${host[@]}" 'origin = http://127.0.0.1:1'
lacks "$ERR" 'no [grant]'

# A file that is not there is told with the section that names it; a role without its own section says so.
sed -i "s#^cert = .*#cert = $TMP/nope#" "$conf"
expect 3 "$ZT" check -c "$conf"
has "$ERR" "[host h]: cannot open $TMP/nope"
printf '%s\n' "$state" >"$conf"
expect 3 "$ZT" edge -c "$conf"
has "$ERR" "zt edge: [edge] listen is not set in $conf"
expect 3 "$ZT" connector -c "$conf"
has "$ERR" "zt connector: [connector] edge is not set in $conf"
pass
