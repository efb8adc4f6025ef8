#!/usr/bin/env bash
# `zt connector ingress validate` and `rule URL` answer as cloudflared's commands of the same names do.
# core
. "$(dirname "$0")/lib.sh"

F=$TMP/zt.conf
cat >"$F" <<'EOF'
[ingress api]
hostname = *.example.org
path = ^/api/
service = http://127.0.0.1:8080

[ingress prox]
hostname = Prox.example.org
service = https://192.168.1.10
preset = proxmox

[ingress pool]
hostname = pool.example.org
service = http://10.0.0.1:80, http://10.0.0.2:80
weights = 3, 1

[ingress rest]
service = http_status:404
EOF

expect 0 "$ZT" connector ingress validate -c "$F"
same "$OUT" "Validating rules from $F"$'\n'"OK" "validate"

# rule URL NUMBER [LINES]
rule() {
	expect 0 "$ZT" connector ingress rule -c "$F" "$1"
	same "$OUT" "Using rules from $F"$'\n'"Matched rule #$2"$'\n'"$3" "$1"
}
T=$'\t'
API="${T}hostname: *.example.org"$'\n'"${T}path: ^/api/"$'\n'"${T}service: http://127.0.0.1:8080"
PROX="${T}hostname: Prox.example.org"$'\n'"${T}service: https://192.168.1.10"
POOL="${T}hostname: pool.example.org"$'\n'"${T}service: http://10.0.0.1:80, http://10.0.0.2:80"
REST="${T}service: http_status:404"
rule https://prox.example.org 1 "$PROX"
rule https://prox.example.org:8443/x?q=/api/ 1 "$PROX"
rule https://PROX.example.org./ 1 "$PROX"
rule https://prox.example.org/api/v2 0 "$API"
rule https://a.b.c.example.org/api/x 0 "$API"
rule https://prox.example.org/x/../api/v2 0 "$API" # the path that policy sees
rule https://prox.example.org/%61pi/v2 0 "$API"
rule https://prox.example.org/x/api/ 1 "$PROX"
rule http://pool.example.org/ 2 "$POOL"
rule https://example.org/api/ 3 "$REST"
rule https://other.net 3 "$REST"

# The same through a symlink, and by the name of the role.
ln -s "$ZT" "$TMP/zt-connector"
expect 0 "$TMP/zt-connector" ingress validate -c "$F"

expect 2 "$ZT" connector ingress rule -c "$F" example.org
has "$ERR" "doesn't have a hostname, consider adding a scheme"
expect 2 "$ZT" connector ingress rule -c "$F" https:///x
has "$ERR" "doesn't have a hostname"
expect 2 "$ZT" connector ingress rule -c "$F" https://prox.example.org/a%2fb
has "$ERR" "refuses"
expect 2 "$ZT" connector ingress validate -c "$F" https://example.org
expect 2 "$ZT" connector ingress rules -c "$F"
expect 2 "$ZT" connector ingress
expect 0 "$ZT" connector ingress --help
has "$OUT" "usage: zt connector ingress validate"

# refused WORDS LINE: the text on standard input is refused, with file, line and words.
refused() {
	cat >"$TMP/bad.conf"
	expect 3 "$ZT" connector ingress validate -c "$TMP/bad.conf"
	has "$ERR" "bad.conf:$2: "
	has "$ERR" "$1"
	lacks "$OUT" OK
	expect 3 "$ZT" check -c "$TMP/bad.conf"
	has "$ERR" "$1"
}
refused "The last ingress rule must match all URLs" 2 <<'EOF'
[ingress a]
hostname = a.example.org
service = http://127.0.0.1
EOF
refused "Rule #1 is matching the hostname '', but this will match every hostname" 1 <<'EOF'
[ingress a]
service = http://127.0.0.1
[ingress b]
service = http_status:404
EOF
refused "Hostname patterns can have at most one wildcard" 2 <<'EOF'
[ingress a]
hostname = a.*.example.org
service = http://127.0.0.1
[ingress b]
service = http_status:404
EOF
refused "Hostname cannot contain a port" 2 <<'EOF'
[ingress a]
hostname = a.example.org:443
service = http://127.0.0.1
[ingress b]
service = http_status:404
EOF
refused "Rule #1 has an invalid regex: at byte 4" 2 <<'EOF'
[ingress a]
path = /a(
service = http://127.0.0.1
[ingress b]
service = http_status:404
EOF
refused "ingress rules don't support proxying to a different path" 2 <<'EOF'
[ingress a]
service = http://127.0.0.1/x
EOF
refused "invalid HTTP status code: 99" 2 <<'EOF'
[ingress a]
service = http_status:99
EOF
echo "[log]" >"$TMP/none.conf"
expect 3 "$ZT" connector ingress validate -c "$TMP/none.conf"
has "$ERR" "every request would be answered 503"
pass "rules are validated and explained"
