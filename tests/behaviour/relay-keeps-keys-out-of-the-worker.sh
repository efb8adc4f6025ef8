#!/bin/bash
# core
# security
# Private keys are in the memory of tlsd and of no other process of the relay: not of the worker,
# which talks to the network, nor of the supervisor, which read the files; also after handshakes
# and a reload.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tls.inc.sh"
need python3
need_root # to read the memory of processes that nobody else may look into
ca home
cert ec home serverAuth "DNS:ec.test"
KEY_ALG=rsa KEY_OPT=rsa_keygen_bits:2048 cert rsa home serverAuth "DNS:rsa.test"
start_echo_origin
relay_conf near "to = 127.0.0.1:$ECHO" 'accept = tls' "$(host ec ec 'names = ec.test')" "$(host rsa rsa 'names = rsa.test')"
start_relay near
# secret FILE FIELD: the hex digits of one number of a private key
secret() {
	openssl pkey -in "$1" -noout -text | awk -v f="$2:" '$0 ~ /^[^ ]/ { on = ($1 == f) } on && /^ / { gsub(/[ :]/, ""); printf "%s", $0 }' |
		sed 's/^00//'
}
EC=$(secret "$PKI/ec.key" priv) RSA=$(secret "$PKI/rsa.key" prime1)
[ ${#EC} -ge 62 ] && [ ${#RSA} -ge 254 ] || fail "cannot read the keys: '$EC' '$RSA'"
PEM=$(sed -n 3p "$PKI/rsa.key")
# found PID: which of the secrets are in its memory
found() {
	python3 - "$1" "$EC" "$RSA" "$PEM" <<'PY'
import sys
pid, ec, rsa, pem = sys.argv[1:5]
wanted = {"ec": bytes.fromhex(ec), "rsa": bytes.fromhex(rsa), "pem": pem.encode()}
hit, read = set(), 0
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
    for line in maps:
        span, perms = line.split()[:2]
        a, b = (int(x, 16) for x in span.split("-"))
        if "r" not in perms or b - a > 1 << 32 or "vvar" in line or "vsyscall" in line: continue
        try: mem.seek(a); data = mem.read(b - a)
        except (OSError, ValueError): continue
        read += len(data)
        hit |= {k for k, v in wanted.items() if v in data or v[::-1] in data}
assert read > 100000, f"only {read} bytes of {pid} could be read"
print(" ".join(sorted(hit)))
PY
}
shake() {
	openssl s_client -connect "127.0.0.1:${AT[near]}" -servername "$1" -tls1_2 </dev/null >"$TMP/.s" 2>&1
	grep -q "Cipher    : ECDHE" "$TMP/.s" || fail "no handshake with $1"
}
look() {
	shake ec.test
	shake rsa.test
	same "$(found "$(child_of near tlsd pid)")" "ec rsa" "what tlsd holds, $1" # or the rest proves nothing
	same "$(found "$(child_of near worker pid)")" "" "what the worker holds, $1"
	same "$(found "${PIDS[near]}")" "" "what the supervisor holds, $1"
}
look "at first"
expect 0 "$ZT" reload relay -c "${CONF[near]}"
look "after a reload"
# The worker has no descriptor of a file of keys, or of any file.
ls -l "/proc/$(child_of near worker pid)/fd" >"$TMP/fds"
lacks "$(<"$TMP/fds")" "$PKI"
pass
